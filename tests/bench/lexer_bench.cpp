// How fast SQL text becomes templates, beside memchr over the same bytes in the same run: absolute figures differ from machine to machine, the ratio
// carries over.
//
//   lexer_bench [--benchmark_filter=…]
//
// The text is what an application with an ORM sends: 14 statements of three frameworks over and over with other values.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "analyzers/base/arena.h"
#include "analyzers/sql/fingerprint.h"
#include "analyzers/sql/lexer.h"

namespace {

using namespace dbaudit;

struct Workload {
  std::string bytes;
  std::vector<std::string_view> statements;
};

const Workload& workload() {
  static const Workload w = [] {
    // `#` stands for a number, `~` for a short string.
    const char* kStatements[] = {
        R"(SELECT "shop_product"."id", "shop_product"."name", "shop_product"."price", "shop_product"."stock", "shop_product"."updated_at" FROM "shop_product" WHERE "shop_product"."id" = # LIMIT 21)",
        R"(SELECT "auth_user"."id", "auth_user"."password", "auth_user"."last_login", "auth_user"."is_superuser", "auth_user"."username", "auth_user"."first_name", "auth_user"."last_name", "auth_user"."email", "auth_user"."is_staff", "auth_user"."is_active", "auth_user"."date_joined" FROM "auth_user" WHERE "auth_user"."username" = '~' LIMIT 21)",
        R"(UPDATE "shop_product" SET "name" = '~', "price" = #, "stock" = #, "updated_at" = '2026-11-20T14:25:56.336821+00:00'::timestamptz WHERE "shop_product"."id" = #)",
        R"(INSERT INTO "shop_order" ("user_id", "total", "status", "note", "created_at") VALUES (#, #, 'open', '~', '2026-11-20T14:25:56.336821+00:00'::timestamptz) RETURNING "shop_order"."id")",
        R"(SELECT COUNT(*) AS "__count" FROM "shop_order" WHERE ("shop_order"."user_id" = # AND "shop_order"."status" IN ('open', 'paid', 'sent')))",
        R"(SAVEPOINT "s139911267995712_x#")",
        R"(RELEASE SAVEPOINT "s139911267995712_x#")",
        R"(BEGIN)",
        R"(COMMIT)",
        R"(SELECT accounts.id AS accounts_id, accounts.owner AS accounts_owner, accounts.balance AS accounts_balance, accounts.version AS accounts_version FROM accounts WHERE accounts.id = %(id_1)s FOR UPDATE)",
        R"(select u1_0.id,u1_0.email,u1_0.name,u1_0.version from users u1_0 left join roles r1_0 on r1_0.id=u1_0.role_id where u1_0.id=? and r1_0.name<>'~')",
        R"(update users set email=?,name=?,version=? where id=? and version=?)",
        R"(INSERT INTO "audit_log" ("at", "who", "what", "payload") VALUES ('2026-11-20 14:25:56', #, '~', '{"kind": "change", "field": "stock", "old": #, "new": #}') ON CONFLICT DO NOTHING)",
        R"(SELECT "t"."id", "t"."hits" FROM "tags" AS "t" WHERE "t"."id" IN (#, #, #, #, #, #, #, #) ORDER BY "t"."id" ASC)",
    };
    Workload made;
    std::vector<size_t> ends;
    uint64_t random = 88172645463325252ULL;
    while (made.bytes.size() < size_t{64} << 20) {
      for (const char* s : kStatements) {
        for (; *s != '\0'; ++s) {
          random ^= random << 13;
          random ^= random >> 7;
          random ^= random << 17;
          if (*s == '#') {
            made.bytes += std::to_string(random % 1'000'000);
          } else if (*s == '~') {
            for (uint64_t i = 0; i < 6 + random % 12; ++i) made.bytes += static_cast<char>('a' + (random >> i) % 26);
          } else {
            made.bytes += *s;
          }
        }
        ends.push_back(made.bytes.size());
      }
    }
    size_t begin = 0;
    for (const size_t end : ends) {
      made.statements.push_back(std::string_view(made.bytes).substr(begin, end - begin));
      begin = end;
    }
    return made;
  }();
  return w;
}

void report(benchmark::State& state, size_t bytes, size_t statements) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(bytes));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(statements));
}

void memchr_pass(benchmark::State& state) {
  const Workload& w = workload();
  for (auto _ : state) benchmark::DoNotOptimize(std::memchr(w.bytes.data(), '\x01', w.bytes.size()));
  report(state, w.bytes.size(), w.statements.size());
}
BENCHMARK(memchr_pass);

void lex(benchmark::State& state) {
  const Workload& w = workload();
  const Dialect& dialect = dialect_of(Engine::kPostgres);
  for (auto _ : state) {
    size_t tokens = 0;
    for (const std::string_view sql : w.statements) {
      Lexer lexer(sql, dialect);
      while (lexer.next().kind != TokenKind::kEnd) ++tokens;
    }
    benchmark::DoNotOptimize(tokens);
    state.counters["tokens"] = static_cast<double>(tokens);
  }
  report(state, w.bytes.size(), w.statements.size());
}
BENCHMARK(lex);

void lex_and_fingerprint(benchmark::State& state) {
  const Workload& w = workload();
  Fingerprinter fingerprinter(dialect_of(Engine::kPostgres));
  for (auto _ : state) {
    uint64_t all = 0;
    for (const std::string_view sql : w.statements) all ^= fingerprinter.normalise(sql).fingerprint;
    benchmark::DoNotOptimize(all);
  }
  report(state, w.bytes.size(), w.statements.size());
}
BENCHMARK(lex_and_fingerprint);

void lex_fingerprint_and_bind(benchmark::State& state) {
  const Workload& w = workload();
  Fingerprinter fingerprinter(dialect_of(Engine::kPostgres));
  Arena arena;
  for (auto _ : state) {
    for (const std::string_view sql : w.statements) {
      fingerprinter.normalise(sql);
      benchmark::DoNotOptimize(fingerprinter.bind({}, false, arena));
      arena.reset();
    }
  }
  report(state, w.bytes.size(), w.statements.size());
}
BENCHMARK(lex_fingerprint_and_bind);

/// An IN list of `range` numbers: the time per element must not grow.
void long_list(benchmark::State& state) {
  std::string sql = "SELECT * FROM t WHERE id IN (0";
  for (int64_t i = 1; i < state.range(0); ++i) sql += ", " + std::to_string(i * 7919 % 1'000'000);
  sql += ")";
  Fingerprinter fingerprinter(dialect_of(Engine::kMySql));
  for (auto _ : state) benchmark::DoNotOptimize(fingerprinter.normalise(sql).fingerprint);
  report(state, sql.size(), static_cast<size_t>(state.range(0)));
}
BENCHMARK(long_list)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000);

/// An INSERT of `range` rows.
void long_values(benchmark::State& state) {
  std::string sql = "INSERT INTO t (a, b, c) VALUES (1, 'x', NULL)";
  for (int64_t i = 1; i < state.range(0); ++i) sql += ", (" + std::to_string(i) + ", 'value', NULL)";
  Fingerprinter fingerprinter(dialect_of(Engine::kMySql));
  for (auto _ : state) benchmark::DoNotOptimize(fingerprinter.normalise(sql).fingerprint);
  report(state, sql.size(), static_cast<size_t>(state.range(0)));
}
BENCHMARK(long_values)->Arg(1'000)->Arg(100'000)->Arg(500'000);

/// The ratio of the two passes over the same bytes. Each slice of about a megabyte counts with the best of its rounds, both passes in turns:
/// whatever else runs on the machine then weighs little, and what it weighs falls on both.
void print_ratio() {
  const Workload& w = workload();
  constexpr size_t kSlice = size_t{1} << 20;
  constexpr int kRounds = 12;
  Fingerprinter fingerprinter(dialect_of(Engine::kPostgres));
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  std::vector<double> search;
  std::vector<double> fingerprint;
  for (int round = 0; round < kRounds; ++round) {
    size_t slice = 0;
    for (size_t first = 0; first < w.statements.size(); ++slice) {
      const char* bytes = w.statements[first].data();
      size_t last = first;
      while (last < w.statements.size() && w.statements[last].data() < bytes + kSlice) ++last;
      const auto length = static_cast<size_t>(w.statements[last - 1].data() + w.statements[last - 1].size() - bytes);
      if (round == 0) {
        search.push_back(1e9);
        fingerprint.push_back(1e9);
      }
      auto begin = Clock::now();
      benchmark::DoNotOptimize(std::memchr(bytes, '\x01', length));
      search[slice] = std::min(search[slice], seconds(begin));
      begin = Clock::now();
      uint64_t all = 0;
      for (size_t i = first; i < last; ++i) all ^= fingerprinter.normalise(w.statements[i]).fingerprint;
      benchmark::DoNotOptimize(all);
      fingerprint[slice] = std::min(fingerprint[slice], seconds(begin));
      first = last;
    }
  }
  const double megabytes = static_cast<double>(w.bytes.size()) / 1e6;
  const double search_time = std::accumulate(search.begin(), search.end(), 0.0);
  const double fingerprint_time = std::accumulate(fingerprint.begin(), fingerprint.end(), 0.0);
  std::printf("memchr %.0f MB/s, lex and fingerprint %.0f MB/s (%.0f ns a statement), ratio 1 : %.1f\n", megabytes / search_time,
              megabytes / fingerprint_time, fingerprint_time * 1e9 / static_cast<double>(w.statements.size()),
              fingerprint_time / search_time);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  print_ratio();
  return 0;
}
