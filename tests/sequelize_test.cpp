#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/orm_log_fixture.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kName = "sequelize";
constexpr const char* kId = "10725e20-ed31-47a5-b9d8-b0b33aca98d9";

OrmLog read(const std::string& text, const ReaderOptions& options = {}) { return read_orm_log(text, kName, options); }

std::string without_semicolon(std::string sql) {
  while (sql.ends_with(';') || sql.ends_with(' ')) sql.pop_back();
  return sql;
}

}  // namespace

TEST_CASE("sequelize: real runs against what reached the driver") {
  for (const std::string& name : fixture_names("sequelize", ".log")) {
    INFO(name);
    const std::string bytes = fixture(name);
    CHECK(detect_format(bytes, {}) == find_format(kName));
    const bool done = bytes.find("Executed (") != std::string::npos;
    const OrmLog log = read(bytes);
    // Entries are written in another order than queries are sent where connections overlap, and after them where they are written at the end:
    // compared as multisets, values as the driver got them.
    std::map<std::string, int> missing;
    size_t expected = 0;
    bool failed = false;
    std::istringstream in(fixture(name.substr(0, name.size() - 4) + ".truth.jsonl"));
    // Savepoints and test functions carry the run's own random names.
    for (std::string line; std::getline(in, line);) {
      const json t = json::parse(line);
      std::string key = without_semicolon(t["sql"]);
      std::string values;
      if (t["params"].is_array()) {
        for (const json& p : t["params"]) values += p.is_null() ? "|<null>" : p.is_string() ? "|" + p.get<std::string>() : "|#" + p.dump();
      }
      // With `benchmark` the INSERT that failed has no line.
      if (done && !failed && values == "|a|#0") {
        failed = true;
        continue;
      }
      ++expected;
      if (log.counts.incomplete != std::vector<std::string>{"no-parameters", "no-session"}) key += values;
      ++missing[key];
    }
    REQUIRE(log.statements.size() == expected);
    CHECK(failed == done);
    CHECK(log.counts.unrecognised_lines == 0);
    CHECK(log.counts.truncated_statements == 0);
    for (const OrmEvent& e : log.statements) {
      std::string key = without_semicolon(e.sql);
      for (const std::string& p : e.params) key += "|" + p;
      --missing[key];
      CHECK(e.session == e.txid);
      CHECK(e.boundary == TxBoundary::kExplicit);
      if (done) CHECK(e.duration_us >= 0);
      if (done && e.end.known()) CHECK(e.end.micros - e.time.micros == e.duration_us);
      if (!done) CHECK_FALSE(e.end.known());
    }
    for (const auto& [key, n] : missing) {
      INFO(key);
      CHECK(n == 0);
    }
  }
}

TEST_CASE("sequelize: lines and what they hold") {
  const struct {
    std::string text;
    std::vector<std::string> sql, params;
    std::string session;
    int64_t duration;
  } cases[] = {
      {"Executing (default): SELECT 1+1 AS result\n", {"SELECT 1+1 AS result"}, {}, "", -1},
      {std::string("Executing (") + kId + "): UPDATE \"a\" SET \"x\"=$1 WHERE \"id\" = $2; \"q\\\"; 1\", null\n",
       {"UPDATE \"a\" SET \"x\"=$1 WHERE \"id\" = $2"},
       {"q\"; 1", "<null>"},
       kId,
       -1},
      // SQLite: one object. Not so what winston puts behind a message.
      {"Executing (default): INSERT INTO `a` (`x`,`y`) VALUES ($1,$2); {\"$1\":\"v;\",\"$2\":1.5}\n",
       {"INSERT INTO `a` (`x`,`y`) VALUES ($1,$2)"},
       {"v;", "#1.5"},
       "",
       -1},
      {"debug: Executing (default): SELECT 1; {\"service\":\"shop\",\"timestamp\":\"2026-01-09T10:00:00.000Z\"}\n",
       {"SELECT 1;"},
       {},
       "",
       -1},
      {"Executed (default): SELECT 1; Elapsed time: 12ms\n", {"SELECT 1;"}, {}, "", 12000},
      {"Executed (default): SELECT $1::int; 5 1\nExecuted (default): COMMIT; 0\n", {"SELECT $1::int", "COMMIT;"}, {"#5"}, "", 1000},
      {"  sequelize:sql:pg Executing (default): SELECT 1; +3ms\n", {"SELECT 1;"}, {}, "", -1},
      {"Executing (default): SELECT a,\n  b\nFROM t\nWHERE c = 'x;\nExecuting (default): y'\nServer listening on port 3000\n",
       {"SELECT a,\n  b\nFROM t\nWHERE c = 'x;\nExecuting (default): y'"},
       {},
       "",
       -1},
      {"Executing (default): UPDATE t SET a = 1\nDone.\n", {"UPDATE t SET a = 1"}, {}, "", -1},
      {"Executing (someone): the order\nExecuting (default): the order\nExecuting query: SELECT 1\n", {}, {}, "", -1},
      {"Executing (default): SELECT 'O\\'x; 1' FROM `t`;\n", {"SELECT 'O\\'x; 1' FROM `t`;"}, {}, "", -1},
      {"Executing (default): CREATE FUNCTION f() AS $f$ BEGIN INSERT; END $f$ LANGUAGE plpgsql; SELECT f(); DROP FUNCTION f();\n",
       {"CREATE FUNCTION f() AS $f$ BEGIN INSERT; END $f$ LANGUAGE plpgsql; SELECT f(); DROP FUNCTION f();"},
       {},
       "",
       -1},
  };
  for (const auto& c : cases) {
    INFO(c.text);
    const OrmLog log = read(c.text);
    CHECK(log.sql() == c.sql);
    if (log.statements.empty()) continue;
    CHECK(log.statements[0].params == c.params);
    CHECK(log.statements[0].session == c.session);
    CHECK(log.statements[0].txid == c.session);
    CHECK(log.statements[0].duration_us == c.duration);
    CHECK_FALSE(log.statements[0].truncated);
  }
}

TEST_CASE("sequelize: Executing is the start, Executed the end, both are one execution") {
  const std::string id(kId);
  const OrmLog log =
      read("2026-01-09T10:00:00.100Z sequelize:sql:pg Executing (" + id + "): SELECT 1;\n2026-01-09T10:00:00.100Z db: Executing (" + id +
           "): SELECT 1;\n2026-01-09T10:00:00.150Z sequelize:sql:pg Executed (" + id +
           "): SELECT 1;\n"
           "2026-01-09T10:00:00.160Z sequelize:sql:pg Executing (" +
           id + "): SELECT 1;\n2026-01-09T10:00:00.170Z sequelize:sql:pg Executed (" + id + "): SELECT 1;\n");
  REQUIRE(log.statements.size() == 2);
  CHECK(to_iso8601(log.statements[0].time) == "2026-01-09T10:00:00.100Z");
  std::vector<OrmEvent> ends;
  for (const OrmEvent& e : log.all) {
    if (e.kind == RecordKind::kCompletion) ends.push_back(e);
  }
  REQUIRE(ends.size() == 2);
  CHECK(ends[0].attaches);
  CHECK(ends[0].about_line == 1);
  CHECK(to_iso8601(ends[0].end) == "2026-01-09T10:00:00.150Z");
  CHECK(ends[1].about_line == 4);
}

TEST_CASE("sequelize: a quote that never ends gives back what it swallowed") {
  std::string text = "Executing (default): SELECT 'cut by somebo\n";
  for (int i = 0; i < 200; ++i) text += "Executing (default): SELECT " + std::to_string(i) + "\n";
  const OrmLog log = read(text);
  CHECK(log.statements.size() == 201);
  CHECK(log.statements[0].truncated);
  CHECK(log.statements[200].sql == "SELECT 199");
}

TEST_CASE("sequelize: cut anywhere, with DOS lines, with noise", "[slow]") {
  for (const std::string& name : fixture_names("sequelize", ".log")) {
    INFO(name);
    const std::string bytes = fixture(name);
    check_orm_cuts(bytes, kName, 2);
    check_dos_lines(bytes, kName);
    check_damage(bytes, kName, 40, statements_in_order);
  }
}

TEST_CASE("sequelize: a line of 10 MB, one over the cap, NULs and bad UTF-8") {
  for (const size_t size : {size_t{10} << 20, size_t{20} << 20}) {
    const OrmLog log = read("Executing (default): SELECT '" + std::string(size, ';') + "';\nExecuting (default): SELECT 2\n");
    REQUIRE(log.statements.size() == 2);
    CHECK(log.statements[0].truncated == (size > size_t{16} << 20));
    CHECK(log.statements[1].sql == "SELECT 2");
  }
  for (const char* filling : {";", ";1 ", "; [", " +", "(;"}) {
    INFO(filling);
    std::string text = "Executing (default): SELECT ";
    while (text.size() < size_t{3} << 20) text += filling;
    CHECK(read(text + "\nExecuting (default): SELECT 2\n").statements.size() == 2);
  }
  const std::string odd("a\0b\xFF\xC3(\xED\xA0\x80", 9);
  const OrmLog log = read("Executing (default): SELECT '" + odd + "';\n");
  REQUIRE(log.statements.size() == 1);
  CHECK((log.statements[0].sql == "SELECT '" + odd + "';"));
}

TEST_CASE("sequelize: the shared logs") {
  const fs::path shared = fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared";
  if (!fs::exists(shared / "logs/sequelize")) SKIP_TEST("../shared is absent");
  // Counted with grep -c '^Execut'.
  for (const auto& [name, n] : {std::pair{"sequelize_my", 31}, {"sequelize_pg", 31}, {"sequelize_pg_benchmark", 4}}) {
    INFO(name);
    const std::string bytes = read_bytes(shared / "logs/sequelize" / (std::string(name) + ".log"));
    CHECK(detect_format(bytes, {}) == find_format(kName));
    const OrmLog log = read(bytes);
    CHECK(log.statements.size() == static_cast<size_t>(n));
    CHECK(log.counts.unrecognised_lines == 0);
    CHECK(log.counts.truncated_statements == 0);
  }
  size_t cases = 0;
  for (const auto& entry : fs::directory_iterator(shared / "corpus")) {
    if (!entry.path().filename().string().starts_with("sq-")) continue;
    INFO(entry.path().filename().string());
    ++cases;
    const std::string bytes = read_bytes(entry.path() / "orm.log");
    CHECK(detect_format(std::string_view(bytes).substr(0, 65536), {}) == find_format(kName));
    const OrmLog log = read(bytes);
    CHECK(log.statements.size() == static_cast<size_t>(std::count(bytes.begin(), bytes.end(), '\n')));
    CHECK(log.counts.unrecognised_lines == 0);
    CHECK(log.counts.truncated_statements == 0);
    const fs::path server = entry.path() / "pg_stderr.log";
    if (!fs::exists(server)) continue;
    // The server's log of the same run has every statement.
    std::map<std::string, int> missing;
    for (const OrmEvent& e : log.statements) ++missing[without_semicolon(e.sql)];
    for (const OrmEvent& e : read_orm_log(read_bytes(server), "postgres-stderr").statements) --missing[without_semicolon(e.sql)];
    for (const auto& [sql, n] : missing) {
      INFO(sql);
      CHECK(n <= 0);
    }
  }
  CHECK(cases > 10);
}

}  // namespace dbaudit
