#include "analyzers/log/formats/sql_script.h"

#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

std::vector<std::string> sqls(const std::string& script, Engine engine = Engine::kUnknown) {
  ReaderOptions options;
  options.engine = engine;
  std::vector<std::string> result;
  for (const KeptRecord& r : keep_log(script, "sql", options).statements()) result.push_back(r.sql);
  return result;
}

using Sqls = std::vector<std::string>;

}  // namespace

TEST_CASE("sql: where statements end") {
  const std::pair<std::string, Sqls> cases[] = {
      {"SELECT 1;SELECT 2; SELECT 3", {"SELECT 1", "SELECT 2", "SELECT 3"}},
      {"BEGIN;\nUPDATE t\n SET a = 1\n;\nCOMMIT;\n", {"BEGIN", "UPDATE t\n SET a = 1", "COMMIT"}},
      {"SELECT 'a;b', \"c;d\", `e;f`;\nSELECT 2;", {"SELECT 'a;b', \"c;d\", `e;f`", "SELECT 2"}},
      {"SELECT 'it''s;', 'two\nlines;';SELECT 2;", {"SELECT 'it''s;', 'two\nlines;'", "SELECT 2"}},
      {"-- a; comment\nSELECT 1 -- b; c\n, 2;\n-- end;\n", {"SELECT 1 -- b; c\n, 2"}},
      {"/* a; */ SELECT 1 /* b; */;\n/* only\n a comment; */\n", {"/* a; */ SELECT 1 /* b; */"}},
      {"/* keep */\nSELECT 1;", {"/* keep */\nSELECT 1"}},
      {"/*!40101 SET NAMES utf8 */;\nSELECT 1;", {"/*!40101 SET NAMES utf8 */", "SELECT 1"}},
      {";;\n;SELECT 1;;", {"SELECT 1"}},
      {"SELECT $$a;b$$, $x$c;$y$;$x$, $1;SELECT 2;", {"SELECT $$a;b$$, $x$c;$y$;$x$, $1", "SELECT 2"}},
      {"SELECT 'C:\\';\nSELECT 2;", {"SELECT 'C:\\'", "SELECT 2"}},
      {"SELECT 'it\\'s;';\nSELECT 2;", {"SELECT 'it\\'s;'", "SELECT 2"}},
      {"SELECT a #> '{b}', a::text FROM t; SELECT 2;", {"SELECT a #> '{b}', a::text FROM t", "SELECT 2"}},
      {"# a mysql comment; it's\nSELECT 1 # here; too\n;SELECT 2;", {"SELECT 1 # here; too", "SELECT 2"}},
      {"SELECT 1\\G\nSELECT 2 \\gset x_\nSELECT 3;", {"SELECT 1", "SELECT 2", "SELECT 3"}},
      {"SELECT 'never closed", {"SELECT 'never closed"}},
  };
  for (const auto& [script, expected] : cases) {
    INFO(script);
    CHECK(sqls(script) == expected);
  }
}

TEST_CASE("sql: what depends on the engine") {
  CHECK(sqls("SELECT 'a\\';SELECT '\\', 2;", Engine::kPostgres) == Sqls{"SELECT 'a\\'", "SELECT '\\', 2"});
  CHECK(sqls("SELECT 'a\\';SELECT \\', 2;';", Engine::kMySql) == Sqls{"SELECT 'a\\';SELECT \\', 2;'"});
  CHECK(sqls("SELECT E'a\\';b';SELECT 2;", Engine::kPostgres) == Sqls{"SELECT E'a\\';b'", "SELECT 2"});
  CHECK(sqls("SELECT 1 /* a /* b */ ; */;SELECT 2;", Engine::kPostgres) == Sqls{"SELECT 1 /* a /* b */ ; */", "SELECT 2"});
  CHECK(sqls("SELECT 1 /* a /* b */ ;SELECT 2;", Engine::kMySql) == Sqls{"SELECT 1 /* a /* b */", "SELECT 2"});
  CHECK(sqls("SELECT 5--1\n;", Engine::kMySql) == Sqls{"SELECT 5--1"});
  CHECK(sqls("SELECT 5--1;\n;", Engine::kPostgres) == Sqls{"SELECT 5--1;"});
  CHECK(sqls("SELECT a # b FROM t;", Engine::kPostgres) == Sqls{"SELECT a # b FROM t"});
}

TEST_CASE("sql: bodies of triggers and routines") {
  const std::string trigger =
      "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN\n  UPDATE b SET c = CASE WHEN d THEN 1 ELSE 2 END;\n  DELETE FROM e;\nEND";
  CHECK(sqls(trigger + ";\nSELECT 1;", Engine::kSqlite) == Sqls{trigger, "SELECT 1"});
  const std::string routine =
      "CREATE DEFINER=`a`@`%` PROCEDURE p()\nBEGIN\n  IF x THEN BEGIN SET y = 1; END; END IF;\n  WHILE z DO SET z = 0; END WHILE;\n"
      "  CASE w WHEN 1 THEN SET v = 2; END CASE;\nEND";
  CHECK(sqls("DELIMITER //\n" + routine + "//\nDELIMITER ;\nSELECT 1;") == Sqls{routine, "SELECT 1"});
  CHECK(sqls(routine + ";\nSELECT 1;", Engine::kMySql) == Sqls{routine, "SELECT 1"});
  const std::string dollars = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  NEW.a := 1;\n  RETURN NEW;\nEND $$";
  CHECK(sqls(dollars + ";\nCREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f();\nSELECT 1;").size() == 3);
  CHECK(sqls("DELIMITER $$\nSELECT 1; SELECT 2$$\nSELECT 3$$\n") == Sqls{"SELECT 1; SELECT 2", "SELECT 3"});
}

TEST_CASE("sql: lines of the tools are no statements") {
  const KeptLog log =
      keep_log("\\connect shop\nCOPY t (a) FROM stdin;\n1;\n'\n\\N\n\\.\n\nSELECT 1;\n  \\echo it's done\nSELECT 2;\n", "sql");
  REQUIRE(log.statements().size() == 3);
  CHECK(log.statements()[1].sql == "SELECT 1");
  CHECK(log.statements()[1].fields.line == 8);
  CHECK(log.statements()[2].sql == "SELECT 2");
  CHECK(log.counts.unrecognised_lines == 6);
  CHECK(log.counts.incomplete == std::vector<std::string>{"no-time"});
  CHECK(log.statements()[0].session == log.statements()[2].session);
  CHECK_FALSE(log.statements()[0].session.empty());
  CHECK(log.statements()[0].fields.tx_boundary == TxBoundary::kExplicit);
}

TEST_CASE("sql: a script is claimed, what only looks like one is not") {
  const Format* sql = find_format("sql");
  for (const char* script :
       {"SELECT 1;", "BEGIN; UPDATE t SET a = 1; COMMIT;", "-- only\n-- comments; here\nSELECT 1;\n",
        "/*!40101 SET NAMES utf8 */;\nCREATE TABLE `t` (a int);\n", "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCOMMIT;\n",
        "\\set ON_ERROR_STOP on\nSELECT 1;\n", "INSERT INTO t VALUES (1),\n(2);\n"}) {
    INFO(script);
    CHECK(detect_format(script, {}) == sql);
  }
  for (const char* other : {"It was a dark; and stormy night.\n", "Select one; then another is chosen; and so on.\nThe end\n",
                            "a;b;c\n1;2;3\n", "SELECT 1\n", "query: SELECT 1;\n", "2026-03-02 09:15:04 SELECT 1;\n",
                            "int main() { return 0; }\n", "-- nothing;\n", "use strict;\nmy $x = 1;\n"}) {
    INFO(other);
    CHECK(sql->score(other, {}) < 200);
  }
}

TEST_CASE("sqlite-trace: traces of the real shell") {
  const KeptLog log = keep_log(fixture("sqlite_trace/profile_row.log"), "sqlite-trace");
  CHECK(log.counts.unrecognised_lines == 0);
  CHECK(log.counts.incomplete == std::vector<std::string>{"no-time"});
  std::vector<std::string> sqls;
  for (const KeptRecord& r : log.statements()) sqls.push_back(r.sql);
  CHECK(sqls == Sqls{"CREATE TABLE t(id INTEGER PRIMARY KEY, k TEXT UNIQUE, v INT)",
                     "CREATE TRIGGER tr AFTER INSERT ON t BEGIN\n  UPDATE t SET v=v+1 WHERE id=new.id;\n  SELECT 1;\nEND",
                     "BEGIN IMMEDIATE", "INSERT INTO t(k,v) VALUES('a;b',1),('O''Brien\n-- not; a comment',2)", "SELECT * FROM t",
                     "SELECT * FROM t", "SELECT v FROM t WHERE k='a;b' /* it's */", "INSERT INTO t(k) VALUES('a;b')", "COMMIT",
                     "SELECT 1"});
  size_t completions = 0;
  for (const KeptRecord& r : log.records) {
    if (r.fields.kind != RecordKind::kCompletion) continue;
    ++completions;
    CHECK(r.fields.attaches);
    CHECK(r.fields.duration_us >= 0);
  }
  CHECK(completions == 10);
  CHECK(log.records.back().fields.kind == RecordKind::kDisconnect);

  for (const char* name : {"sqlite_trace/plain.log", "sqlite_trace/profile.log"}) {
    INFO(name);
    const KeptLog other = keep_log(fixture(name), "sqlite-trace");
    sqls.clear();
    for (const KeptRecord& r : other.statements()) sqls.push_back(r.sql);
    CHECK(sqls == Sqls{"CREATE TABLE item(id INTEGER PRIMARY KEY, stock INT)", "INSERT INTO item VALUES(17,1),(18,2)", "BEGIN",
                       "SELECT stock FROM item\n WHERE id=?1", "UPDATE item SET stock=stock-1 WHERE id=?1", "COMMIT", "SELECT 2 -- why"});
    CHECK(other.counts.incomplete == std::vector<std::string>{"no-parameters", "no-time"});
  }
}

TEST_CASE("sqlite-trace: odd lines") {
  const auto keep = [](const std::string& bytes) { return keep_log(bytes, "sqlite-trace"); };
  // Steps of triggers are not statements, comments before one belong to it or to nobody.
  const KeptLog steps =
      keep("INSERT INTO t VALUES(1);\n-- TRIGGER tr;\n-- UPDATE u SET a=1;\n-- why\nSELECT 1;\nnot sql at all;\nSELECT 2");
  REQUIRE(steps.statements().size() == 3);
  CHECK(steps.statements()[1].sql == "-- why\nSELECT 1");
  CHECK(steps.statements()[2].sql == "SELECT 2");
  CHECK(steps.statements()[2].fields.truncated);
  CHECK(steps.counts.unrecognised_lines == 1);
  // SQLite allows a comment that never closes; the trace goes on.
  std::string open = "SELECT 1 /* never closed;\n";
  for (int i = 0; i < 100'000; ++i) open += "UPDATE t SET a = 1 WHERE b = 2;\n";
  CHECK(keep(open).statements().size() == 100'001);
  // With --profile a statement that is run twice is two, whatever is repeated in between.
  const KeptLog twice = keep("SELECT 1;\nSELECT 1;\nSELECT 1; -- 5000 ns\nSELECT 1;\nSELECT 1; -- 7000 ns\nSELECT 2; -- 9000 ns\n");
  REQUIRE(twice.statements().size() == 3);
  CHECK(twice.statements()[2].fields.duration_us == 9);
}

}  // namespace dbaudit
