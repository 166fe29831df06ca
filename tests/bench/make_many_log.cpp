// A PostgreSQL log of as many statement shapes and sessions as asked for, for scripts/bench --many: reads and writes of one row of one of a hundred tables,
// each shape by columns of its own, in shuffled order and by sessions at random. Two of these logs with equally many statements differ in nothing but
// how often a shape and a session come back. The same arguments make the same bytes.
//
//   make_many_log TEMPLATES SESSIONS STATEMENTS [--per-second N] [--writes PERCENT] [--seed N] [--schema FILE]
//
// --per-second (default 2,000) says how fast the log's clock goes, and so how many sessions have a work unit open; --writes (default 50) how many of a
// hundred shapes are UPDATEs. --schema writes the DDL that goes with it.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tests/bench/log_maker.h"

namespace {

using dbaudit::bench::Random;
using dbaudit::bench::take_number;
using dbaudit::bench::take_options;
using dbaudit::bench::write_out;

constexpr uint64_t kTables = 100, kColumns = 30;

struct Settings {
  uint64_t templates = 0, sessions = 0, statements = 0;
  uint64_t per_second = 2000, writes = 50, seed = 1;
  std::string schema;
};

/// Three columns of a table that are written, or four that are read, the first of which is compared.
struct Shape {
  uint64_t table = 0;
  uint32_t columns = 0;  // bits
  bool writes = false;
};

std::string column_of(uint64_t table, uint64_t column) { return fmt::format("c{}_{}", table % 10, column); }

std::vector<Shape> make_shapes(const Settings& settings, Random& random) {
  std::vector<Shape> shapes;
  std::unordered_set<uint64_t> seen;
  while (shapes.size() < settings.templates) {
    Shape s;
    s.table = random.below(kTables);
    s.writes = random.below(100) < settings.writes;
    for (int left = s.writes ? 3 : 4; left > 0;) {
      const uint32_t bit = uint32_t{1} << random.below(kColumns);
      if ((s.columns & bit) == 0) --left;
      s.columns |= bit;
    }
    if (seen.insert((uint64_t{s.columns} << 32U) | (s.table << 1U) | (s.writes ? 1U : 0U)).second) shapes.push_back(s);
  }
  return shapes;
}

void write_statement(std::string& out, const Shape& s, Random& random) {
  constexpr uint64_t kRows = 100'000;
  std::vector<std::string> columns;
  for (uint64_t i = 0; i < kColumns; ++i) {
    if ((s.columns >> i & 1U) != 0) columns.push_back(column_of(s.table, i));
  }
  if (s.writes) {
    out += fmt::format("UPDATE t{} SET ", s.table);
    for (size_t i = 0; i < columns.size(); ++i) out += fmt::format("{}{} = {}", i == 0 ? "" : ", ", columns[i], random.below(kRows));
    out += fmt::format(" WHERE id = {}\n", random.below(kRows));
    return;
  }
  out += "SELECT ";
  for (size_t i = 0; i < columns.size(); ++i) out += fmt::format("{}t{}.{}", i == 0 ? "" : ", ", s.table, columns[i]);
  out += fmt::format(" FROM t{0} WHERE t{0}.id = {1} AND t{0}.{2} > {3}\n", s.table, random.below(kRows), columns.front(),
                     random.below(kRows));
}

void write_log(const Settings& settings) {
  constexpr size_t kEnough = size_t{1} << 20;
  Random random(settings.seed);
  std::vector<Shape> shapes = make_shapes(settings, random);
  std::string out;
  for (uint64_t n = 0; n < settings.statements; ++n) {
    const uint64_t turn = n % shapes.size();
    if (turn == 0) {
      for (size_t i = shapes.size(); i > 1; --i) std::swap(shapes[i - 1], shapes[random.below(i)]);
    }
    const uint64_t ms = n * 1000 / settings.per_second, s = ms / 1000;
    out += fmt::format("2026-03-{:02} {:02}:{:02}:{:02}.{:03} UTC [{}] app@shop LOG:  statement: ", 1 + s / 86400 % 28, s / 3600 % 24,
                       s / 60 % 60, s % 60, ms % 1000, 1000 + random.below(settings.sessions));
    write_statement(out, shapes[turn], random);
    if (out.size() > kEnough) write_out(out);
  }
  write_out(out);
}

bool write_schema(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return false;
  for (uint64_t table = 0; table < kTables; ++table) {
    fmt::print(file, "CREATE TABLE t{} (id bigint PRIMARY KEY", table);
    for (uint64_t column = 0; column < kColumns; ++column) fmt::print(file, ", {} integer", column_of(table, column));
    fmt::print(file, ");\n");
  }
  return std::fclose(file) == 0;
}

bool parse(int argc, char** argv, Settings& settings) {
  constexpr uint64_t kMost = kTables * 2000;  // half of the ways to pick three columns
  if (argc < 4) return false;
  if (!take_number(argv[1], settings.templates) || !take_number(argv[2], settings.sessions) || !take_number(argv[3], settings.statements))
    return false;
  if (!take_options(argc, argv, 4, {{"--per-second", &settings.per_second}, {"--writes", &settings.writes}, {"--seed", &settings.seed}},
                    settings.schema))
    return false;
  return settings.templates > 0 && settings.templates <= kMost && settings.sessions > 0 && settings.per_second > 0 &&
         settings.writes <= 100;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (!parse(argc, argv, settings)) {
    fmt::print(stderr,
               "usage: make_many_log TEMPLATES SESSIONS STATEMENTS [--per-second N] [--writes PERCENT] [--seed N] [--schema FILE]\n");
    return 2;
  }
  if (!settings.schema.empty() && !write_schema(settings.schema)) {
    fmt::print(stderr, "make_many_log: {}: cannot be written\n", settings.schema);
    return 2;
  }
  write_log(settings);
}
