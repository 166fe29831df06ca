// protects() asked, and a real engine asked the same: each SQLite case makes the schema in a database of its own, inserts what two racing sessions
// would insert after both missed, and compares. A key that does not protect must let both rows in; one that does must refuse the second.

#include <sqlite3.h>

#include <memory>
#include <string>
#include <vector>

#include "analyzers/schema/catalog.h"
#include "analyzers/schema/ddl.h"
#include "analyzers/schema/known_protections.h"
#include "tests/catch.h"
#include "tests/protects_cases.h"

namespace dbaudit {
namespace {

Catalog schema_of(Engine engine, const std::string& ddl) {
  Catalog c;
  c.engine = engine;
  apply_ddl(ddl, "test.sql", c);
  c.finish();
  CHECK(c.unknown_statements == 0);
  for (const std::string& n : c.notes) UNSCOPED_INFO(n);
  return c;
}

struct Real {
  sqlite3* db = nullptr;
  Real() { REQUIRE(sqlite3_open(":memory:", &db) == SQLITE_OK); }
  ~Real() { sqlite3_close(db); }
  int run(const std::string& sql) const { return sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr); }
};

struct RealCase {
  const char* what;
  std::string ddl;  // the table is t
  std::vector<std::string> lookup;
  std::string first, second;  // VALUES of both sessions; rows that the lookup finds alike
  Answer expected;
  const char* why;  // part of why_not
};

const std::vector<RealCase>& real_cases() {
  static const std::vector<RealCase> kCases = {
      {"no key", "CREATE TABLE t(k)", {"k"}, "('a')", "('a')", Answer::kNot, "no unique key of t is on k"},
      {"a plain index is no unique key",
       "CREATE TABLE t(k NOT NULL); CREATE INDEX i ON t(k)",
       {"k"},
       "('a')",
       "('a')",
       Answer::kNot,
       "no unique key"},
      {"unique column", "CREATE TABLE t(k NOT NULL UNIQUE)", {"k"}, "('a')", "('a')", Answer::kProtects, ""},
      {"unique index", "CREATE TABLE t(k NOT NULL); CREATE UNIQUE INDEX i ON t(k)", {"k"}, "('a')", "('a')", Answer::kProtects, ""},
      {"subset", "CREATE TABLE t(k NOT NULL UNIQUE, b)", {"k", "b"}, "('a',1)", "('a',1)", Answer::kProtects, ""},
      {"any order", "CREATE TABLE t(a NOT NULL, b NOT NULL, UNIQUE(b, a))", {"a", "b"}, "(1,2)", "(1,2)", Answer::kProtects, ""},
      {"superset", "CREATE TABLE t(k NOT NULL, b NOT NULL, UNIQUE(k, b))", {"k"}, "('a',1)", "('a',2)", Answer::kNot, "also has b"},
      {"nullable, NULL inserted", "CREATE TABLE t(k UNIQUE)", {"k~"}, "(NULL)", "(NULL)", Answer::kNot, "nullable column k"},
      {"nullable, never NULL", "CREATE TABLE t(k UNIQUE)", {"k!"}, "('a')", "('a')", Answer::kProtects, ""},
      {"nullable part of two",
       "CREATE TABLE t(k NOT NULL, b, UNIQUE(k,b))",
       {"k=a", "b~"},
       "('a',NULL)",
       "('a',NULL)",
       Answer::kNot,
       "nullable column b"},
      {"nullable part with a value",
       "CREATE TABLE t(k NOT NULL, b, UNIQUE(k,b))",
       {"k", "b=1"},
       "('a',1)",
       "('a',1)",
       Answer::kProtects,
       ""},
      {"soft delete in the key",
       "CREATE TABLE t(k NOT NULL, deleted_at, UNIQUE(k,deleted_at))",
       {"k!", "deleted_at~"},
       "('a',NULL)",
       "('a',NULL)",
       Answer::kNot,
       "NULLs are distinct"},
      {"rowid alias", "CREATE TABLE t(id INTEGER PRIMARY KEY, b)", {"id"}, "(1,1)", "(1,2)", Answer::kProtects, ""},
      {"INT PRIMARY KEY may be NULL",
       "CREATE TABLE t(id INT PRIMARY KEY, b)",
       {"id~"},
       "(NULL,1)",
       "(NULL,1)",
       Answer::kNot,
       "nullable column id"},
      {"INTEGER PRIMARY KEY DESC is no rowid",
       "CREATE TABLE t(id INTEGER PRIMARY KEY DESC, b)",
       {"id~"},
       "(NULL,1)",
       "(NULL,1)",
       Answer::kNot,
       "nullable"},
      {"text primary key may be NULL", "CREATE TABLE t(k TEXT PRIMARY KEY)", {"k~"}, "(NULL)", "(NULL)", Answer::kNot, "primary key"},
      {"text primary key NOT NULL", "CREATE TABLE t(k TEXT PRIMARY KEY NOT NULL)", {"k"}, "('a')", "('a')", Answer::kProtects, ""},
      {"WITHOUT ROWID", "CREATE TABLE t(k TEXT PRIMARY KEY) WITHOUT ROWID", {"k"}, "('a')", "('a')", Answer::kProtects, ""},
      {"STRICT", "CREATE TABLE t(k TEXT PRIMARY KEY) STRICT", {"k"}, "('a')", "('a')", Answer::kProtects, ""},
      {"partial, not implied",
       "CREATE TABLE t(k NOT NULL, active); CREATE UNIQUE INDEX i ON t(k) WHERE active",
       {"k"},
       "('a',0)",
       "('a',0)",
       Answer::kNot,
       "partial (WHERE active)"},
      {"partial, contradicted",
       "CREATE TABLE t(k NOT NULL, active); CREATE UNIQUE INDEX i ON t(k) WHERE active",
       {"k", "active=0"},
       "('a',0)",
       "('a',0)",
       Answer::kNot,
       "partial"},
      {"partial, implied by a flag",
       "CREATE TABLE t(k NOT NULL, active); CREATE UNIQUE INDEX i ON t(k) WHERE active",
       {"k", "active=1"},
       "('a',1)",
       "('a',1)",
       Answer::kProtects,
       ""},
      {"partial, implied by IS NULL",
       "CREATE TABLE t(k NOT NULL, d); CREATE UNIQUE INDEX i ON t(k) WHERE d IS NULL",
       {"k", "d~"},
       "('a',NULL)",
       "('a',NULL)",
       Answer::kProtects,
       ""},
      {"partial, d unknown",
       "CREATE TABLE t(k NOT NULL, d); CREATE UNIQUE INDEX i ON t(k) WHERE d IS NULL",
       {"k", "d"},
       "('a',5)",
       "('a',5)",
       Answer::kNot,
       "does not imply"},
      {"partial, IS NOT NULL",
       "CREATE TABLE t(k NOT NULL, d); CREATE UNIQUE INDEX i ON t(k) WHERE d IS NOT NULL",
       {"k", "d!"},
       "('a',5)",
       "('a',5)",
       Answer::kProtects,
       ""},
      {"partial on its own column IS NOT NULL",
       "CREATE TABLE t(k); CREATE UNIQUE INDEX i ON t(k) WHERE k IS NOT NULL",
       {"k=a"},
       "('a')",
       "('a')",
       Answer::kProtects,
       ""},
      {"partial, IN list",
       "CREATE TABLE t(k NOT NULL, s); CREATE UNIQUE INDEX i ON t(k) WHERE s IN ('new','open')",
       {"k", "s=open"},
       "('a','open')",
       "('a','open')",
       Answer::kProtects,
       ""},
      {"partial, not in the list",
       "CREATE TABLE t(k NOT NULL, s); CREATE UNIQUE INDEX i ON t(k) WHERE s IN ('new','open')",
       {"k", "s=done"},
       "('a','done')",
       "('a','done')",
       Answer::kNot,
       "partial"},
      {"partial, <>",
       "CREATE TABLE t(k NOT NULL, s); CREATE UNIQUE INDEX i ON t(k) WHERE s <> 'done'",
       {"k", "s=open"},
       "('a','open')",
       "('a','open')",
       Answer::kProtects,
       ""},
      {"partial, text is compared as text",
       "CREATE TABLE t(k NOT NULL, s TEXT); CREATE UNIQUE INDEX i ON t(k) WHERE s = '01'",
       {"k", "s=1"},
       "('a','1')",
       "('a','1')",
       Answer::kNot,
       "partial"},
      {"partial, a range",
       "CREATE TABLE t(k NOT NULL, n); CREATE UNIQUE INDEX i ON t(k) WHERE n > 10",
       {"k", "n=11"},
       "('a',11)",
       "('a',11)",
       Answer::kProtects,
       ""},
      {"partial, outside the range",
       "CREATE TABLE t(k NOT NULL, n); CREATE UNIQUE INDEX i ON t(k) WHERE n > 10",
       {"k", "n=10"},
       "('a',10)",
       "('a',10)",
       Answer::kNot,
       "partial"},
      {"partial, two conditions, one missing",
       "CREATE TABLE t(k NOT NULL, a, b); CREATE UNIQUE INDEX i ON t(k) WHERE a AND b IS NULL",
       {"k", "a=1"},
       "('a',1,2)",
       "('a',1,2)",
       Answer::kNot,
       "partial"},
      {"partial, either condition",
       "CREATE TABLE t(k NOT NULL, a, b); CREATE UNIQUE INDEX i ON t(k) WHERE a = 1 OR b IS NULL",
       {"k", "b~"},
       "('a',0,NULL)",
       "('a',0,NULL)",
       Answer::kProtects,
       ""},
      {"partial, a big number is not its neighbour",
       "CREATE TABLE t(k NOT NULL, n); CREATE UNIQUE INDEX i ON t(k) WHERE n = 9007199254740993",
       {"k", "n=9007199254740992"},
       "('a',9007199254740992)",
       "('a',9007199254740992)",
       Answer::kNot,
       "partial"},
      {"lower() looked up and indexed",
       "CREATE TABLE t(k NOT NULL); CREATE UNIQUE INDEX i ON t(LOWER(k))",
       {"(lower(k))!"},
       "('a')",
       "('A')",
       Answer::kProtects,
       ""},
      {"upper() looked up, lower() indexed",
       "CREATE TABLE t(k NOT NULL); CREATE UNIQUE INDEX i ON t(lower(k))",
       {"(upper(k))!"},
       "('a')",
       "('A')",
       Answer::kProtects,
       ""},
      {"lower() looked up, plain key",
       "CREATE TABLE t(k NOT NULL UNIQUE)",
       {"(lower(k))!"},
       "('a')",
       "('A')",
       Answer::kNot,
       "ignores case"},
      {"lower() looked up, NOCASE column",
       "CREATE TABLE t(k TEXT NOT NULL COLLATE NOCASE UNIQUE)",
       {"(lower(k))!"},
       "('a')",
       "('A')",
       Answer::kProtects,
       ""},
      {"plain lookup, lower() indexed",
       "CREATE TABLE t(k NOT NULL); CREATE UNIQUE INDEX i ON t(lower(k))",
       {"k"},
       "('a')",
       "('a')",
       Answer::kStricter,
       "rows that the lookup does not find"},
      {"lower() of a nullable column, NULL inserted",
       "CREATE TABLE t(k); CREATE UNIQUE INDEX i ON t(lower(k))",
       {"k~"},
       "(NULL)",
       "(NULL)",
       Answer::kNot,
       "may be NULL"},
      {"NOCASE column, BINARY key",
       "CREATE TABLE t(k TEXT NOT NULL COLLATE NOCASE); CREATE UNIQUE INDEX i ON t(k COLLATE BINARY)",
       {"k"},
       "('a')",
       "('A')",
       Answer::kNot,
       "COLLATE BINARY"},
      {"BINARY column, NOCASE key",
       "CREATE TABLE t(k TEXT NOT NULL); CREATE UNIQUE INDEX i ON t(k COLLATE NOCASE)",
       {"k"},
       "('a')",
       "('a')",
       Answer::kStricter,
       "ignores case"},
      {"NOCASE column, its own key",
       "CREATE TABLE t(k TEXT NOT NULL COLLATE NOCASE UNIQUE)",
       {"k"},
       "('a')",
       "('A')",
       Answer::kProtects,
       ""},
      {"coalesce makes NULL count",
       "CREATE TABLE t(k NOT NULL, b); CREATE UNIQUE INDEX i ON t(k, coalesce(b, -1))",
       {"k", "b~"},
       "('a',NULL)",
       "('a',NULL)",
       Answer::kProtects,
       ""},
      {"coalesce over another column",
       "CREATE TABLE t(k NOT NULL, b, c); CREATE UNIQUE INDEX i ON t(k, coalesce(b, c))",
       {"k", "b~"},
       "('a',NULL,1)",
       "('a',NULL,2)",
       Answer::kNot,
       "also has coalesce(b, c)"},
      {"generated column for NULL",
       "CREATE TABLE t(k NOT NULL, b, g AS (coalesce(b,-1))); CREATE UNIQUE INDEX i ON t(k, g)",
       {"k", "b~"},
       "('a',NULL)",
       "('a',NULL)",
       Answer::kProtects,
       ""},
      {"CASE for live rows",
       "CREATE TABLE t(k NOT NULL, d); CREATE UNIQUE INDEX i ON t(k, CASE WHEN d IS NULL THEN 1 END)",
       {"k", "d~"},
       "('a',NULL)",
       "('a',NULL)",
       Answer::kProtects,
       ""},
      {"CASE for live rows, a dead one",
       "CREATE TABLE t(k NOT NULL, d); CREATE UNIQUE INDEX i ON t(k, CASE WHEN d IS NULL THEN 1 END)",
       {"k", "d=5"},
       "('a',5)",
       "('a',5)",
       Answer::kNot,
       "may be NULL"},
      {"disjoint key", "CREATE TABLE t(a NOT NULL UNIQUE, k)", {"k"}, "(1,'a')", "(2,'a')", Answer::kNot, "no unique key"},
      {"the one key of several that holds",
       "CREATE TABLE t(a UNIQUE, b NOT NULL UNIQUE, k NOT NULL UNIQUE)",
       {"k"},
       "(1,1,'a')",
       "(2,2,'a')",
       Answer::kProtects,
       ""},
      {"quoted names",
       "CREATE TABLE t(\"Order\" NOT NULL); CREATE UNIQUE INDEX i ON t([order])",
       {"order"},
       "('a')",
       "('a')",
       Answer::kProtects,
       ""},
  };
  return kCases;
}

TEST_CASE("protects() says what SQLite does", "[schema][protects]") {
  REQUIRE(real_cases().size() >= 50);
  for (const RealCase& c : real_cases()) {
    CAPTURE(c.what);
    const Catalog catalog = schema_of(Engine::kSqlite, c.ddl + ";");
    const Table* t = catalog.find("", "t");
    REQUIRE(t != nullptr);
    const Protection p = protects(catalog, *t, lookup(c.lookup));
    CAPTURE(p.why_not);

    const Real real;
    REQUIRE(real.run(c.ddl) == SQLITE_OK);
    // Both sessions name the columns that can be given a value.
    std::string columns;
    for (const Column& k : t->columns) {
      if (!k.generated) columns += (columns.empty() ? "\"" : ",\"") + k.name.str() + "\"";
    }
    const std::string insert = "INSERT INTO t(" + columns + ") VALUES ";
    REQUIRE(real.run(insert + c.first) == SQLITE_OK);
    const bool refused = real.run(insert + c.second) != SQLITE_OK;

    CHECK(refused == (c.expected != Answer::kNot));
    CHECK((p.key != nullptr) == refused);
    CHECK(p.certain);
    if (c.expected == Answer::kStricter) {
      CHECK(p.near_miss == p.key);
    } else if (p.key != nullptr) {
      CHECK(p.near_miss == nullptr);
      CHECK(p.why_not.empty());
    }
    CHECK(p.why_not.find(c.why) != std::string::npos);
    if (c.expected != Answer::kProtects) CHECK_FALSE(p.why_not.empty());
  }
}

struct ToldCase {
  const char* what;
  Engine engine;
  std::string ddl;
  std::vector<std::string> lookup;
  Answer expected;
  const char* why;
  bool certain = true;
};

// What the other engines do; ISOLATION headline 21 and table rows 1d/1e measured them.
TEST_CASE("protects() knows the other engines' traps", "[schema][protects]") {
  constexpr Engine kPg = Engine::kPostgres, kMy = Engine::kMySql, kMaria = Engine::kMariaDb;
  const std::vector<ToldCase> cases = {
      {"NULLS NOT DISTINCT",
       kPg,
       "CREATE TABLE t(k text NOT NULL, b int, UNIQUE NULLS NOT DISTINCT (k,b))",
       {"k", "b~"},
       Answer::kProtects,
       ""},
      {"NULLS DISTINCT",
       kPg,
       "CREATE TABLE t(k text NOT NULL, b int, CONSTRAINT kb UNIQUE (k,b))",
       {"k", "b~"},
       Answer::kNot,
       "unique key kb has the nullable column b"},
      {"primary key columns are NOT NULL", kPg, "CREATE TABLE t(id int PRIMARY KEY)", {"id"}, Answer::kProtects, ""},
      {"primary key columns are NOT NULL, MySQL", kMy, "CREATE TABLE t(id int, PRIMARY KEY (id))", {"id"}, Answer::kProtects, ""},
      {"INITIALLY DEFERRED",
       kPg,
       "CREATE TABLE t(k int NOT NULL, CONSTRAINT u UNIQUE (k) DEFERRABLE INITIALLY DEFERRED)",
       {"k"},
       Answer::kNot,
       "unique key u is INITIALLY DEFERRED"},
      {"DEFERRABLE but checked at once", kPg, "CREATE TABLE t(k int NOT NULL UNIQUE DEFERRABLE)", {"k"}, Answer::kProtects, ""},
      {"exclusion with = only",
       kPg,
       "CREATE TABLE t(a int NOT NULL, b int NOT NULL, CONSTRAINT x EXCLUDE USING gist (a WITH =, b WITH =))",
       {"a", "b"},
       Answer::kProtects,
       ""},
      {"exclusion with &&",
       kPg,
       "CREATE TABLE t(a int NOT NULL, r tsrange NOT NULL, EXCLUDE USING gist (a WITH =, r WITH &&))",
       {"a", "r"},
       Answer::kNot,
       "no unique key"},
      {"partitioned",
       kPg,
       "CREATE TABLE t(id int NOT NULL, day date NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
       {"id", "day"},
       Answer::kProtects,
       ""},
      {"partitioned, without the partition key",
       kPg,
       "CREATE TABLE t(id int NOT NULL, day date NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
       {"id"},
       Answer::kNot,
       "also has day"},
      {"lower() with a cast",
       kPg,
       "CREATE TABLE t(email varchar(90) NOT NULL); CREATE UNIQUE INDEX i ON public.t USING btree (lower((email)::text))",
       {"(lower(email))"},
       Answer::kProtects,
       ""},
      {"Django's iexact",
       kPg,
       "CREATE TABLE t(email text NOT NULL); CREATE UNIQUE INDEX i ON t (upper(email))",
       {"(UPPER(\"t\".\"email\"::text))"},
       Answer::kProtects,
       ""},
      {"citext", kPg, "CREATE TABLE t(email public.citext NOT NULL UNIQUE)", {"(lower(email))"}, Answer::kProtects, ""},
      {"pg_dump's boolean predicate",
       kPg,
       "CREATE TABLE t(k int NOT NULL, a boolean NOT NULL); CREATE UNIQUE INDEX i ON t (k) WHERE (a = true)",
       {"k", "a=t"},
       Answer::kProtects,
       ""},
      {"NOT flag",
       kPg,
       "CREATE TABLE t(k int NOT NULL, gone boolean); CREATE UNIQUE INDEX i ON t (k) WHERE (NOT gone)",
       {"k", "gone=false"},
       Answer::kProtects,
       ""},
      {"NOT flag, gone",
       kPg,
       "CREATE TABLE t(k int NOT NULL, gone boolean); CREATE UNIQUE INDEX i ON t (k) WHERE (NOT gone)",
       {"k", "gone=true"},
       Answer::kNot,
       "partial (WHERE not gone)"},
      {"pg_dump's IN",
       kPg,
       "CREATE TABLE t(k int NOT NULL, s text); CREATE UNIQUE INDEX i ON t (k) WHERE ((s)::text = ANY (ARRAY['a'::text, 'b'::text]))",
       {"k", "s=b"},
       Answer::kProtects,
       ""},
      {"other deterministic collation",
       kPg,
       "CREATE TABLE t(k text NOT NULL); CREATE UNIQUE INDEX i ON t (k COLLATE \"C\")",
       {"k"},
       Answer::kProtects,
       ""},
      {"a collation of one's own",
       kPg,
       "CREATE TABLE t(k text COLLATE public.ci NOT NULL); CREATE UNIQUE INDEX i ON t (k COLLATE \"C\")",
       {"k"},
       Answer::kNot,
       "COLLATE",
       false},
      {"index of the partitioned table only",
       kPg,
       "CREATE TABLE t(id int NOT NULL) PARTITION BY HASH (id); CREATE UNIQUE INDEX i ON ONLY t (id)",
       {"id"},
       Answer::kNot,
       "INVALID"},
      {"default collations of MySQL ignore case",
       kMy,
       "CREATE TABLE t(k varchar(20) NOT NULL, UNIQUE KEY u (k))",
       {"(lower(k))"},
       Answer::kProtects,
       ""},
      {"_bin does not",
       kMy,
       "CREATE TABLE t(k varchar(20) COLLATE utf8mb4_bin NOT NULL, UNIQUE KEY u (k))",
       {"(lower(k))"},
       Answer::kNot,
       "case"},
      {"the table's collation reaches the column",
       kMy,
       "CREATE TABLE t(k varchar(20) NOT NULL, UNIQUE KEY u (k)) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
       {"(lower(k))"},
       Answer::kNot,
       "case"},
      {"a prefix is stricter",
       kMaria,
       "CREATE TABLE t(k varchar(200) NOT NULL, UNIQUE KEY u (k(6)))",
       {"k"},
       Answer::kStricter,
       "only the first 6"},
      {"a whole key beats a prefix",
       kMaria,
       "CREATE TABLE t(k varchar(200) NOT NULL, UNIQUE KEY u (k(6)), UNIQUE KEY w (k))",
       {"k"},
       Answer::kProtects,
       ""},
      {"invisible still holds", kMy, "CREATE TABLE t(k int NOT NULL, UNIQUE KEY u (k) INVISIBLE)", {"k"}, Answer::kProtects, ""},
      {"ignored still holds", kMaria, "CREATE TABLE t(k int NOT NULL, UNIQUE KEY u (k) IGNORED)", {"k"}, Answer::kProtects, ""},
      {"functional key for live rows",
       kMy,
       "CREATE TABLE t(k int NOT NULL, d datetime, UNIQUE KEY u (k, (if((`d` is null),1,NULL))))",
       {"k", "d~"},
       Answer::kProtects,
       ""},
      {"generated column for live rows",
       kMaria,
       "CREATE TABLE t(k int NOT NULL, d datetime, live tinyint GENERATED ALWAYS AS (if(`d` is null,1,NULL)) VIRTUAL, UNIQUE KEY u (k, "
       "live))",
       {"k", "d~"},
       Answer::kProtects,
       ""},
      {"generated column, a dead row",
       kMaria,
       "CREATE TABLE t(k int NOT NULL, d datetime, live tinyint GENERATED ALWAYS AS (if(`d` is null,1,NULL)) VIRTUAL, UNIQUE KEY u (k, "
       "live))",
       {"k", "d"},
       Answer::kNot,
       "may be NULL"},
      {"author says keys are missing",
       kMy,
       "-- dbaudit: keys-incomplete\nCREATE TABLE t(k int NOT NULL)",
       {"k"},
       Answer::kNot,
       "not all keys",
       false},
      {"a view", kPg, "CREATE TABLE base(k int); CREATE VIEW t AS SELECT k FROM base", {"k"}, Answer::kNot, "is a view", false},
      {"no lookup column", kPg, "CREATE TABLE t(k int NOT NULL UNIQUE)", {}, Answer::kNot, "fixes no column"},
  };
  for (const ToldCase& c : cases) {
    CAPTURE(c.what);
    const Catalog catalog = schema_of(c.engine, c.ddl + ";");
    const Table* t = catalog.find("", "t");
    REQUIRE(t != nullptr);
    const Protection p = protects(catalog, *t, lookup(c.lookup));
    CAPTURE(p.why_not);
    CHECK((p.key != nullptr) == (c.expected != Answer::kNot));
    if (c.expected == Answer::kStricter) CHECK(p.near_miss == p.key);
    CHECK(p.why_not.find(c.why) != std::string::npos);
    CHECK(p.certain == c.certain);
  }
}

TEST_CASE("the nearest miss is the one that could have been", "[schema][protects]") {
  const Catalog catalog =
      schema_of(Engine::kPostgres, "CREATE TABLE t(k int, b int NOT NULL, CONSTRAINT wide UNIQUE (k, b), CONSTRAINT nullable UNIQUE (k));");
  const Protection p = protects(catalog, catalog.tables[0], lookup({"k"}));
  REQUIRE(p.near_miss != nullptr);
  CHECK(p.near_miss->name == "nullable");
}

TEST_CASE("what is remembered of protects() is what it says", "[schema][protects]") {
  const std::vector<std::vector<std::string>> others = {
      {"k"},       {"k!"},      {"k~"},         {"k=a"}, {"k=b"}, {"k", "active"}, {"k", "active=1"}, {"k", "active=0"},
      {"k", "d~"}, {"k", "d!"}, {"(lower(k))"}, {"b"}};
  for (const RealCase& c : real_cases()) {
    CAPTURE(c.what);
    const Catalog catalog = schema_of(Engine::kSqlite, c.ddl + ";");
    const Table* t = catalog.find("", "t");
    REQUIRE(t != nullptr);
    KnownProtections known(catalog);
    const auto ask = [&](const std::vector<std::string>& columns) {
      const Protection said = protects(catalog, *t, lookup(columns));
      const Protection& remembered = known.of(*t, lookup(columns));
      CHECK(remembered.key == said.key);
      CHECK(remembered.near_miss == said.near_miss);
      CHECK(remembered.why_not == said.why_not);
      CHECK(remembered.certain == said.certain);
    };
    for (int round = 0; round < 2; ++round) {
      for (const auto& columns : others) ask(columns);
      ask(c.lookup);
    }
  }
}

}  // namespace
}  // namespace dbaudit
