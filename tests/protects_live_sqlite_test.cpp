// protects() asked of a catalogue read from a real SQLite file, and SQLite asked the same: two connections look, both miss, and both insert a row that
// the lookup finds. protects_test.cpp asks of DDL text; here the keys come from the pragmas.

#include <sqlite3.h>

#include <memory>
#include <string>
#include <vector>

#include "analyzers/schema/connection.h"
#include "tests/catch.h"
#include "tests/protects_cases.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};

/// One application's connection.
class Session {
 public:
  explicit Session(const std::string& path) {
    sqlite3* raw = nullptr;
    const int rc = sqlite3_open(path.c_str(), &raw);
    db_.reset(raw);
    REQUIRE(rc == SQLITE_OK);
  }
  int attempt(const std::string& sql) const { return sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr); }
  void run(const std::string& sql) const {
    const int rc = attempt(sql);
    INFO(sql << ": " << sqlite3_errmsg(db_.get()));
    REQUIRE(rc == SQLITE_OK);
  }
  [[nodiscard]] int count(const std::string& where) const {
    sqlite3_stmt* s = nullptr;
    const std::string sql = "SELECT count(*) FROM t WHERE " + where;
    const int rc = sqlite3_prepare_v2(db_.get(), sql.c_str(), -1, &s, nullptr);
    INFO(sql << ": " << sqlite3_errmsg(db_.get()));
    REQUIRE(rc == SQLITE_OK);
    REQUIRE(sqlite3_step(s) == SQLITE_ROW);
    const int n = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return n;
  }

 private:
  std::unique_ptr<sqlite3, CloseDatabase> db_;
};

const std::vector<RaceCase>& cases() {
  static const std::vector<RaceCase> kCases = {
      {"no key", "CREATE TABLE t(k NOT NULL)", {"k!"}, "k = 1", "(1)", "(1)", Answer::kNot, "no unique key"},
      {"a nullable unique column, looked up as NULL",
       "CREATE TABLE t(k UNIQUE)",
       {"k~"},
       "k IS NULL",
       "(NULL)",
       "(NULL)",
       Answer::kNot,
       "nullable column k"},
      {"the same, never NULL", "CREATE TABLE t(k UNIQUE)", {"k!"}, "k = 1", "(1)", "(1)", Answer::kProtects, ""},
      {"a partial index whose predicate the lookup implies",
       "CREATE TABLE t(k NOT NULL, gone NOT NULL); CREATE UNIQUE INDEX i ON t(k) WHERE gone = 0",
       {"k!", "gone=0"},
       "k = 1 AND gone = 0",
       "(1, 0)",
       "(1, 0)",
       Answer::kProtects,
       ""},
      {"a partial index whose predicate it does not imply",
       "CREATE TABLE t(k NOT NULL, gone NOT NULL); CREATE UNIQUE INDEX i ON t(k) WHERE gone = 0",
       {"k!"},
       "k = 1",
       "(1, 1)",
       "(1, 1)",
       Answer::kNot,
       "is partial"},
      {"an expression, looked up as it is",
       "CREATE TABLE t(k TEXT NOT NULL); CREATE UNIQUE INDEX i ON t(lower(k))",
       {"(lower(k))!"},
       "lower(k) = 'bob'",
       "('bob')",
       "('BOB')",
       Answer::kProtects,
       ""},
      {"an expression is stricter than its column",
       "CREATE TABLE t(k TEXT NOT NULL); CREATE UNIQUE INDEX i ON t(lower(k))",
       {"k!"},
       "k = 'bob'",
       "('bob')",
       "('bob')",
       Answer::kStricter,
       "lower(k)",
       "('Bob')"},
      {"a NOCASE column and key",
       "CREATE TABLE t(k TEXT COLLATE NOCASE NOT NULL UNIQUE)",
       {"k!"},
       "k = 'bob'",
       "('bob')",
       "('BOB')",
       Answer::kProtects,
       ""},
      {"a NOCASE column under a BINARY key",
       "CREATE TABLE t(k TEXT COLLATE NOCASE NOT NULL); CREATE UNIQUE INDEX i ON t(k COLLATE BINARY)",
       {"k!"},
       "k = 'bob'",
       "('bob')",
       "('BOB')",
       Answer::kNot,
       "COLLATE BINARY"},
      {"a BINARY column under a NOCASE key",
       "CREATE TABLE t(k TEXT NOT NULL); CREATE UNIQUE INDEX i ON t(k COLLATE NOCASE)",
       {"k!"},
       "k = 'bob'",
       "('bob')",
       "('bob')",
       Answer::kStricter,
       "ignores case",
       "('BOB')"},
      {"trailing blanks are part of a value",
       "CREATE TABLE t(k TEXT COLLATE RTRIM NOT NULL UNIQUE)",
       {"k!"},
       "k = 'bob'",
       "('bob')",
       "('bob  ')",
       Answer::kProtects,
       ""},
      {"INTEGER PRIMARY KEY is the rowid",
       "CREATE TABLE t(k INTEGER PRIMARY KEY, v)",
       {"k"},
       "k = 1",
       "(1, 2)",
       "(1, 3)",
       Answer::kProtects,
       ""},
      {"the rowid alias does not make another column unique",
       "CREATE TABLE t(id INTEGER PRIMARY KEY, k NOT NULL)",
       {"k!"},
       "k = 1",
       "(NULL, 1)",
       "(NULL, 1)",
       Answer::kNot,
       "no unique key"},
      {"INT PRIMARY KEY is no rowid alias and may be NULL",
       "CREATE TABLE t(k INT PRIMARY KEY)",
       {"k~"},
       "k IS NULL",
       "(NULL)",
       "(NULL)",
       Answer::kNot,
       "nullable column k"},
      {"INTEGER PRIMARY KEY DESC, in a column, is none either",
       "CREATE TABLE t(k INTEGER PRIMARY KEY DESC)",
       {"k~"},
       "k IS NULL",
       "(NULL)",
       "(NULL)",
       Answer::kNot,
       "nullable column k"},
      {"TEXT PRIMARY KEY without NOT NULL, never NULL",
       "CREATE TABLE t(k TEXT PRIMARY KEY)",
       {"k!"},
       "k = 'a'",
       "('a')",
       "('a')",
       Answer::kProtects,
       ""},
      {"WITHOUT ROWID: a primary key is never NULL",
       "CREATE TABLE t(k TEXT PRIMARY KEY) WITHOUT ROWID",
       {"k"},
       "k = 'a'",
       "('a')",
       "('a')",
       Answer::kProtects,
       ""},
      {"WITHOUT ROWID: a composite key and part of it",
       "CREATE TABLE t(k INT, v INT, PRIMARY KEY (k, v)) WITHOUT ROWID",
       {"k"},
       "k = 1",
       "(1, 2)",
       "(1, 3)",
       Answer::kNot,
       "also has v"},
      {"WITHOUT ROWID: another unique key may hold NULL",
       "CREATE TABLE t(k INT PRIMARY KEY, v UNIQUE) WITHOUT ROWID",
       {"v~"},
       "v IS NULL",
       "(1, NULL)",
       "(2, NULL)",
       Answer::kNot,
       "nullable column v"},
      {"affinity TEXT makes 1 and '1' one value",
       "CREATE TABLE t(k TEXT NOT NULL UNIQUE)",
       {"k!"},
       "k = '1'",
       "('1')",
       "(1)",
       Answer::kProtects,
       ""},
      {"affinity NUMERIC makes 1, 1.0 and '1' one value",
       "CREATE TABLE t(k NUMERIC NOT NULL UNIQUE)",
       {"k!"},
       "k = 1",
       "(1.0)",
       "('1')",
       Answer::kProtects,
       ""},
      {"a column of no affinity: the lookup compares as the key does",
       "CREATE TABLE t(k NOT NULL UNIQUE)",
       {"k!"},
       "k = 1",
       "(1)",
       "(1.0)",
       Answer::kProtects,
       ""},
      {"STRICT: NULL in a primary key is refused",
       "CREATE TABLE t(k INT PRIMARY KEY) STRICT",
       {"k"},
       "k = 1",
       "(1)",
       "(1)",
       Answer::kProtects,
       ""},
      {"a generated column's key",
       "CREATE TABLE t(k TEXT NOT NULL, l TEXT GENERATED ALWAYS AS (lower(k)) VIRTUAL); CREATE UNIQUE INDEX i ON t(l)",
       {"(lower(k))!"},
       "lower(k) = 'bob'",
       "('bob')",
       "('BOB')",
       Answer::kProtects,
       ""},
      {"coalesce() makes NULL one value",
       "CREATE TABLE t(k NOT NULL, v); CREATE UNIQUE INDEX i ON t(k, coalesce(v, -1))",
       {"k!", "v~"},
       "k = 1 AND v IS NULL",
       "(1, NULL)",
       "(1, NULL)",
       Answer::kProtects,
       ""},
      {"ON CONFLICT IGNORE drops the second row without a word",
       "CREATE TABLE t(k NOT NULL UNIQUE ON CONFLICT IGNORE)",
       {"k!"},
       "k = 1",
       "(1)",
       "(1)",
       Answer::kProtects,
       ""},
  };
  return kCases;
}

TEST_CASE("protects() and a real SQLite file agree", "[schema][protects][live]") {
  const TemporaryDirectory directory;
  int n = 0;
  for (const RaceCase& c : cases()) {
    CAPTURE(c.what);
    const std::string path = directory.path() + "/" + std::to_string(n++) + ".db";
    const Session one(path), two(path);
    one.run(c.schema);
    const Result<Dsn> dsn = parse_dsn("sqlite:///" + path);
    REQUIRE(dsn);
    auto connection = connect(*dsn);
    REQUIRE(connection);
    const Result<Catalog> catalog = (*connection)->introspect();
    REQUIRE(catalog);

    CHECK(one.count(c.find) == 0);
    CHECK(two.count(c.find) == 0);
    const bool generated = c.schema.find("GENERATED") != std::string::npos;
    const std::string insert = std::string("INSERT INTO t") + (generated ? "(k)" : "") + " VALUES ";
    one.run(insert + c.first);
    const int code = two.attempt(insert + c.second);
    CHECK((code == SQLITE_OK || code == SQLITE_CONSTRAINT));
    const bool duplicates = one.count(c.find) == 2;
    if (code != SQLITE_OK) CHECK_FALSE(duplicates);

    check_protection(c, *catalog, duplicates);
    CHECK((c.expected == Answer::kNot) == duplicates);
    if (c.expected == Answer::kStricter) {
      CHECK(two.attempt(insert + c.third) == SQLITE_CONSTRAINT);
      CHECK(two.count(c.find) == 1);
    }
  }
  CHECK(cases().size() >= 25);
}

}  // namespace
}  // namespace dbaudit
