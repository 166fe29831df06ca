#include <filesystem>

#include "tests/orm_log_fixture.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kName = "laravel";

OrmLog read(const std::string& text, const ReaderOptions& options = {}) { return read_orm_log(text, kName, options); }

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("laravel: queries, transactions and a failed query of two processes") {
  const std::string bytes = fixture("laravel/shop.log");
  CHECK(detect_format(bytes, {}) == find_format(kName));
  const OrmLog log = read(bytes);
  REQUIRE(log.sql() == Strings{"BEGIN", "select * from `orders` where `ref` = ? limit 1 for update", "BEGIN", "SAVEPOINT trans2",
                               "insert into `orders` (`ref`, `n`) values (?, ?)", "COMMIT",
                               "update `orders` set `n` = 3 where `id` in (1, 2)", "ROLLBACK",
                               "select count(*) as aggregate from `orders` where `n` > ?"});
  Strings sessions;
  for (const OrmEvent& e : log.statements) sessions.push_back(e.session);
  CHECK(sessions == Strings{"411", "411", "412", "411", "411", "411", "", "412", "412"});
  CHECK(log.statements[1].params == Strings{"it's\ntwo ? {}"});
  CHECK(log.statements[1].duration_us == 340);
  CHECK(to_iso8601(log.statements[1].end) == "2026-01-09T10:00:00.000");
  CHECK(log.statements[1].end.tick == 1'000'000);
  CHECK(log.statements[4].params == Strings{"b", "<null>"});
  CHECK(log.statements[6].has_error);
  CHECK(log.statements[6].error_code == "40001");
  CHECK(log.statements[6].error_message ==
        "Serialization failure: 1213 Deadlock found when trying to get lock; try restarting transaction");
  CHECK(log.statements[8].params == Strings{"#2"});
  for (const OrmEvent& e : log.statements) CHECK(e.boundary == TxBoundary::kExplicit);
  CHECK(log.counts.unrecognised_lines == 0);
  CHECK(log.counts.incomplete == Strings{"no-session"});  // the exception's context names no process
}

TEST_CASE("laravel: lines and what they hold") {
  const struct {
    const char* text;
    Strings sql, params;
    int64_t duration;
  } cases[] = {
      {"[2026-01-09 10:00:00] local.INFO: select 1  \n", {"select 1"}, {}, -1},
      {"[2026-01-09 10:00:00] local.INFO: select * from a where b = ? and c = ? [1,\"x\"] []\n",
       {"select * from a where b = ? and c = ?"},
       {"#1", "x"},
       -1},
      {"[2026-01-09T10:00:00.123456+01:00] production.DEBUG: Query executed {\"sql\":\"update a set b = "
       "?\",\"bindings\":[null],\"time\":\"1.25ms\"}\n",
       {"update a set b = ?"},
       {"<null>"},
       1250},
      {"[2026-01-09 10:00:00] local.INFO: SQL: delete from a where b = 'x {}' \n", {"delete from a where b = 'x {}'"}, {}, -1},
      {"[2026-01-09 10:00:00] local.INFO: select * from a\n  where b in (\n1)\n[2026-01-09 10:00:00] local.INFO: commit\n",
       {"select * from a\n  where b in (\n1)", "commit"},
       {},
       -1},
      {"[2026-01-09 10:00:00] local.INFO: select 'x\n[2026-01-09 10:00:00] local.INFO: select 2\n' {\"bindings\":[],\"time\":1}\n",
       {"select 'x\n[2026-01-09 10:00:00] local.INFO: select 2\n'"},
       {},
       1000},
      // Words of an application.
      {"[2026-01-09 10:00:00] local.INFO: Update failed for user 3\n[2026-01-09 10:00:00] local.INFO: User update failed {\"id\":1}\n"
       "[2026-01-09 10:00:00] local.INFO: Select a plan from the list\n[2026-01-09 10:00:00] local.INFO: Commit message missing\n",
       {"Select a plan from the list"},
       {},
       -1},
      // Without listeners, a failed query in the older form is all there is.
      {"[2026-01-09 10:00:00] local.ERROR: SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry 'a (b)' for key 'x' (SQL: "
       "insert into "
       "`a` (`b`) values (c)) {\"exception\":\"[object] (...)\"}\n",
       {"insert into `a` (`b`) values (c)"},
       {},
       -1},
      {"[2026-01-09 10:00:00] local.DEBUG: Queries [{\"query\":\"select 1\",\"bindings\":[],\"time\":0.5},{\"query\":\"select "
       "?\",\"bindings\":[2],"
       "\"time\":1}]\n",
       {"select 1", "select ?"},
       {},
       500},
      {"{\"message\":\"select "
       "?\",\"context\":{\"bindings\":[\"a\"],\"time\":0.5},\"level\":100,\"level_name\":\"DEBUG\",\"channel\":\"local\","
       "\"datetime\":\"2026-01-09T10:00:00.123456+00:00\",\"extra\":{\"process_id\":7}}\n",
       {"select ?"},
       {"a"},
       500},
      {"[{\"query\":\"select {?}\",\"bindings\":[\"a]}\"],\"time\":0.5}, {\"raw_query\":\"select 2\",\"time\":1}]",
       {"select {?}", "select 2"},
       {"a]}"},
       500},
  };
  for (const auto& c : cases) {
    INFO(c.text);
    const OrmLog log = read(c.text);
    if (c.sql != Strings{"Select a plan from the list"})
      CHECK(log.sql() == c.sql);
    else
      CHECK(log.statements.size() <= 1);
    if (log.statements.empty()) continue;
    CHECK(log.statements[0].params == c.params);
    CHECK(log.statements[0].duration_us == c.duration);
    CHECK(log.counts.statements == log.statements.size());
  }
}

TEST_CASE("laravel: a query logged again with its bindings in place is one execution") {
  const std::string at = "[2026-01-09 10:00:00] local.DEBUG: ";
  const std::string query = at + "select * from \"a\" where \"b\" = ? and \"c\" = ? {\"bindings\":[\"x'y\",3],\"time\":1}\n";
  CHECK(read(query + at + "RAW select * from \"a\" where \"b\" = 'x''y' and \"c\" = 3\n").statements.size() == 1);
  CHECK(read(query + at + "select * from \"a\" where \"b\" = 'x''y' and \"c\" = 3\n").statements.size() == 1);
  CHECK(read(query + query).statements.size() == 2);
  CHECK(read(query + at + "select * from \"a\" where \"b\" = 'x''y' and \"d\" = 3\n").statements.size() == 2);
}

TEST_CASE("laravel: without transaction events the boundaries are unknown") {
  const OrmLog log = read("[2026-01-09 10:00:00] local.DEBUG: select 1 {\"bindings\":[],\"time\":1}\n");
  REQUIRE(log.statements.size() == 1);
  CHECK(log.statements[0].boundary == TxBoundary::kUnknown);
  CHECK(log.counts.incomplete == Strings{"no-session", "no-transaction-boundaries"});
}

TEST_CASE("laravel: a quote that never ends gives back what it swallowed") {
  std::string text = "[2026-01-09 10:00:00] local.DEBUG: select 'cut by somebo\n";
  for (int i = 0; i < 200; ++i)
    text += "[2026-01-09 10:00:00] local.DEBUG: select " + std::to_string(i) + " {\"bindings\":[],\"time\":1}\n";
  const OrmLog log = read(text);
  CHECK(log.statements.size() == 201);
  CHECK(log.statements[0].truncated);
  CHECK(log.statements[200].sql == "select 199");
}

TEST_CASE("laravel: cut anywhere, with DOS lines, with noise", "[slow]") {
  for (const std::string& name : fixture_names("laravel", ".log")) {
    INFO(name);
    const std::string bytes = fixture(name);
    check_orm_cuts(bytes, kName);
    check_dos_lines(bytes, kName);
    check_damage(bytes, kName, 100, statements_in_order);
  }
  const std::string array = fixture("laravel/querylog.json");
  CHECK(detect_format(array, {}) == find_format(kName));
  CHECK(read(array).statements.size() == 3);
  check_orm_cuts(array, kName);
  check_dos_lines(array, kName);
  check_damage(array, kName, 100, statements_in_order);
}

TEST_CASE("laravel: a line of 10 MB, one over the cap, NULs and bad UTF-8") {
  const std::string at = "[2026-01-09 10:00:00] local.DEBUG: ";
  for (const size_t size : {size_t{10} << 20, size_t{20} << 20}) {
    const OrmLog log = read(at + "select '" + std::string(size, '{') + "'\n" + at + "select 2\n");
    REQUIRE(log.statements.size() == 2);
    CHECK(log.statements[0].truncated == (size > size_t{16} << 20));
    CHECK(log.statements[1].sql == "select 2");
    const OrmLog array =
        read("[{\"query\":\"select '" + std::string(size, '{') + "'\",\"bindings\":[],\"time\":1},\n{\"query\":\"select 2\"}]\n");
    CHECK(array.statements.size() == (size > size_t{16} << 20 ? 1 : 2));
  }
  for (const char* filling : {"  [[nil, ", "[[\"a\", ", " {", "[1] ", "(", "ms) "}) {
    INFO(filling);
    std::string text = "[2026-01-09 10:00:00] local.DEBUG: select 1 ";
    while (text.size() < size_t{3} << 20) text += filling;
    CHECK(read(text + "\n[2026-01-09 10:00:00] local.DEBUG: select 2\n").statements.size() == 2);
  }
  const std::string odd("a\0b\xFF\xC3(\xED\xA0\x80", 9);
  const OrmLog log = read(at + "select '" + odd + "'\n");
  REQUIRE(log.statements.size() == 1);
  CHECK((log.statements[0].sql == "select '" + odd + "'"));
}

TEST_CASE("laravel: the shared logs") {
  const fs::path logs = fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared/logs/laravel";
  if (!fs::exists(logs)) SKIP_TEST("../shared is absent");
  const std::string lines = read_bytes(logs / "laravel13_sqlite.log"), array = read_bytes(logs / "laravel13_sqlite.log.querylog.json");
  CHECK(detect_format(lines, {}) == find_format(kName));
  CHECK(detect_format(array, {}) == find_format(kName));
  // The query log of the same run holds the queries that succeeded; besides, two events began (one a savepoint), one transaction was committed and one
  // query failed.
  const OrmLog queries = read(array), log = read(lines);
  CHECK(queries.statements.size() == 11);
  std::vector<OrmEvent> same;
  Strings others;
  for (const OrmEvent& e : log.statements) {
    if (e.has_params) {
      same.push_back(e);
    } else {
      others.push_back(e.sql);
    }
  }
  CHECK(others == Strings{"insert into \"lv\" (\"name\") values (a)", "BEGIN", "SAVEPOINT trans2", "COMMIT"});
  REQUIRE(same.size() == queries.statements.size());
  for (size_t i = 0; i < same.size(); ++i) {
    CHECK(same[i].sql == queries.statements[i].sql);
    CHECK(same[i].params == queries.statements[i].params);
    CHECK(same[i].duration_us == queries.statements[i].duration_us);
  }
  CHECK(log.counts.unrecognised_lines == 0);
}

}  // namespace dbaudit
