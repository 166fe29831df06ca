// What a template costs: parsing happens once per distinct statement shape, so the figure that counts is the time of one parse, by template, and that
// a monstrous statement takes time in proportion to its length.
//
//   parser_bench [--benchmark_filter=…]
//
// The templates are the statements of fixtures/sql: what twelve ORMs and three hands write.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "analyzers/sql/parser.h"
#include "analyzers/sql/templates.h"
#include "tests/sql_fixtures.h"

namespace {

using namespace dbaudit;

const std::vector<test::SqlFixture>& fixtures() {
  static const std::vector<test::SqlFixture> all = test::sql_fixtures();
  return all;
}

void parse_fixtures(benchmark::State& state) {
  size_t bytes = 0;
  size_t statements = 0;
  for (auto _ : state) {
    bytes = statements = 0;
    for (const test::SqlFixture& f : fixtures()) {
      for (const std::string& sql : f.statements) {
        benchmark::DoNotOptimize(parse_statement(sql, dialect_of(f.engine)));
        bytes += sql.size();
        ++statements;
      }
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(statements));
}
BENCHMARK(parse_fixtures)->Unit(benchmark::kMicrosecond);

/// A template's whole way into the table: normalised, parsed, kept.
void intern_fixtures(benchmark::State& state) {
  for (auto _ : state) {
    for (const test::SqlFixture& f : fixtures()) {
      Templates templates(dialect_of(f.engine));
      for (const std::string& sql : f.statements) benchmark::DoNotOptimize(templates.intern(sql, false));
    }
  }
}
BENCHMARK(intern_fixtures)->Unit(benchmark::kMicrosecond);

void bytes_and_items(benchmark::State& state, const std::string& sql) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(sql.size()));
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetComplexityN(state.range(0));
}

/// `id IN (…)` of that many numbers.
void parse_in_list(benchmark::State& state) {
  std::string sql = "SELECT * FROM t WHERE id IN (0";
  for (int64_t i = 1; i < state.range(0); ++i) sql += ", " + std::to_string(i * 7919 % 1'000'000);
  sql += ") FOR UPDATE";
  for (auto _ : state) benchmark::DoNotOptimize(parse_statement(sql, dialect_of(Engine::kMySql)));
  bytes_and_items(state, sql);
}
BENCHMARK(parse_in_list)->RangeMultiplier(10)->Range(1'000, 1'000'000)->Unit(benchmark::kMillisecond)->Complexity(benchmark::oN);

/// An INSERT of that many rows, about 34 bytes each: 300,000 are a statement of 10 MB.
void parse_rows(benchmark::State& state) {
  std::string sql = "INSERT INTO t (a, b, c) VALUES (1, 'x', NULL)";
  for (int64_t i = 1; i < state.range(0); ++i) sql += ", (" + std::to_string(i) + ", 'a value of a row', NULL)";
  for (auto _ : state) benchmark::DoNotOptimize(parse_statement(sql, dialect_of(Engine::kPostgres)));
  bytes_and_items(state, sql);
}
BENCHMARK(parse_rows)->Arg(3'000)->Arg(30'000)->Arg(300'000)->Unit(benchmark::kMillisecond)->Complexity(benchmark::oN);

/// That many conditions that nothing folds.
void parse_conditions(benchmark::State& state) {
  std::string sql = "SELECT a FROM t WHERE x = 0";
  for (int64_t i = 1; i < state.range(0); ++i) sql += " OR t.a" + std::to_string(i) + " = b + " + std::to_string(i);
  for (auto _ : state) benchmark::DoNotOptimize(parse_statement(sql, dialect_of(Engine::kPostgres)));
  bytes_and_items(state, sql);
}
BENCHMARK(parse_conditions)->RangeMultiplier(10)->Range(1'000, 100'000)->Unit(benchmark::kMillisecond)->Complexity(benchmark::oN);

/// One literal of that many bytes.
void parse_literal(benchmark::State& state) {
  const std::string sql = "UPDATE t SET body = '" + std::string(static_cast<size_t>(state.range(0)), 'x') + "' WHERE id = 1";
  for (auto _ : state) benchmark::DoNotOptimize(parse_statement(sql, dialect_of(Engine::kMySql)));
  bytes_and_items(state, sql);
}
BENCHMARK(parse_literal)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000)->Unit(benchmark::kMillisecond)->Complexity(benchmark::oN);

/// Each template by itself, the best of many parses.
void print_templates() {
  std::vector<std::pair<double, const std::string*>> costs;
  for (const test::SqlFixture& f : fixtures()) {
    for (const std::string& sql : f.statements) {
      double best = std::numeric_limits<double>::infinity();
      for (int i = 0; i < 200; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        benchmark::DoNotOptimize(parse_statement(sql, dialect_of(f.engine)));
        best = std::min(best, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
      }
      costs.emplace_back(best, &sql);
    }
  }
  std::sort(costs.begin(), costs.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const size_t n = costs.size();
  std::printf("%zu templates: median %.2f us, 90th percentile %.2f us, most %.2f us (%zu bytes)\n", n, costs[n / 2].first,
              costs[n * 9 / 10].first, costs[n - 1].first, costs[n - 1].second->size());
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  print_templates();
  return 0;
}
