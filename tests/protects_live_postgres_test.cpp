// protects() asked, and a real PostgreSQL asked the same: for each case two sessions insert the same lookup values, as both would after both missed,
// into a schema that was read from the live server. A key that protects must refuse the second INSERT; one that does not must let both rows in.

#include <string>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/schema/catalog.h"
#include "tests/catch.h"
#include "tests/live_postgres.h"

namespace dbaudit {
namespace {

enum class Answer {
  kProtects,
  kStricter,  ///< protects, and may refuse a row that the lookup cannot find
  kNot,
  kAtCommit,  ///< the INSERT goes through and the COMMIT fails: no protection for a get-or-create
};

struct LiveCase {
  const char* what;
  std::string ddl;  // one statement a line, the table is t; a line with CONCURRENTLY may fail
  std::vector<LookupColumn> lookup;
  std::string first, second;  // VALUES of the two sessions
  Answer expected;
  const char* why = "";  // part of why_not
};

LookupColumn column(std::string name) {
  LookupColumn c;
  c.column = std::move(name);
  return c;
}
LookupColumn given(std::string name, std::string value) {
  LookupColumn c = column(std::move(name));
  c.value = std::move(value);
  c.has_value = c.known_not_null = true;
  return c;
}
LookupColumn is_null(std::string name) {
  LookupColumn c = column(std::move(name));
  c.is_null = true;
  return c;
}
LookupColumn never_null(std::string name) {
  LookupColumn c = column(std::move(name));
  c.known_not_null = true;
  return c;
}
LookupColumn expression(std::string text) {
  LookupColumn c;
  c.expression = std::move(text);
  c.known_not_null = true;
  return c;
}

const std::vector<LiveCase>& live_cases() {
  static const std::string kIgnoreCase = "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)\n";
  static const std::vector<LiveCase> kCases = {
      {"no key", "CREATE TABLE t (k text)", {column("k")}, "('a')", "('a')", Answer::kNot, "no unique key of t is on k"},
      {"a plain index",
       "CREATE TABLE t (k text NOT NULL)\nCREATE INDEX i ON t (k)",
       {column("k")},
       "('a')",
       "('a')",
       Answer::kNot,
       "no unique key"},
      {"primary key", "CREATE TABLE t (k text PRIMARY KEY)", {column("k")}, "('a')", "('a')", Answer::kProtects},
      {"unique constraint", "CREATE TABLE t (k text NOT NULL UNIQUE)", {column("k")}, "('a')", "('a')", Answer::kProtects},
      {"unique index",
       "CREATE TABLE t (k text NOT NULL)\nCREATE UNIQUE INDEX i ON t (k)",
       {column("k")},
       "('a')",
       "('a')",
       Answer::kProtects},
      {"a unique index made a constraint",
       "CREATE TABLE t (k text NOT NULL)\nCREATE UNIQUE INDEX i ON t (k)\nALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i",
       {column("k")},
       "('a')",
       "('a')",
       Answer::kProtects},
      {"key on a subset of the lookup",
       "CREATE TABLE t (k text NOT NULL UNIQUE, b int)",
       {column("k"), column("b")},
       "('a', 1)",
       "('a', 1)",
       Answer::kProtects},
      {"key on more than the lookup",
       "CREATE TABLE t (k text NOT NULL, b int NOT NULL, UNIQUE (k, b))",
       {column("k")},
       "('a', 1)",
       "('a', 2)",
       Answer::kNot,
       "also has b"},
      {"composite, any order",
       "CREATE TABLE t (a int NOT NULL, b int NOT NULL, UNIQUE (b, a))",
       {column("a"), column("b")},
       "(1, 2)",
       "(1, 2)",
       Answer::kProtects},
      {"INCLUDE is no part of the key",
       "CREATE TABLE t (k text NOT NULL, b int, UNIQUE (k) INCLUDE (b))",
       {column("k")},
       "('a', 1)",
       "('a', 2)",
       Answer::kProtects},
      {"DESC changes nothing",
       "CREATE TABLE t (k text NOT NULL)\nCREATE UNIQUE INDEX i ON t (k DESC NULLS LAST)",
       {column("k")},
       "('a')",
       "('a')",
       Answer::kProtects},
      {"another operator class, the same equality",
       "CREATE TABLE t (k text NOT NULL)\nCREATE UNIQUE INDEX i ON t (k text_pattern_ops)",
       {column("k")},
       "('a')",
       "('a')",
       Answer::kProtects},

      {"nullable, NULL", "CREATE TABLE t (k text UNIQUE)", {is_null("k")}, "(NULL)", "(NULL)", Answer::kNot, "nullable column k"},
      {"nullable, never NULL", "CREATE TABLE t (k text UNIQUE)", {never_null("k")}, "('a')", "('a')", Answer::kProtects},
      {"nullable part, NULL",
       "CREATE TABLE t (k text NOT NULL, b int, UNIQUE (k, b))",
       {column("k"), is_null("b")},
       "('a', NULL)",
       "('a', NULL)",
       Answer::kNot,
       "NULLs are distinct"},
      {"nullable part, a value",
       "CREATE TABLE t (k text NOT NULL, b int, UNIQUE (k, b))",
       {column("k"), given("b", "1")},
       "('a', 1)",
       "('a', 1)",
       Answer::kProtects},
      {"NULLS NOT DISTINCT, constraint",
       "CREATE TABLE t (k text NOT NULL, b int, UNIQUE NULLS NOT DISTINCT (k, b))",
       {column("k"), is_null("b")},
       "('a', NULL)",
       "('a', NULL)",
       Answer::kProtects},
      {"NULLS NOT DISTINCT, index",
       "CREATE TABLE t (k text)\nCREATE UNIQUE INDEX i ON t (k) NULLS NOT DISTINCT",
       {is_null("k")},
       "(NULL)",
       "(NULL)",
       Answer::kProtects},
      {"a domain",
       "CREATE DOMAIN d AS text\nCREATE TABLE t (k d UNIQUE)",
       {is_null("k")},
       "(NULL)",
       "(NULL)",
       Answer::kNot,
       "nullable column k"},

      {"soft delete, live rows",
       "CREATE TABLE t (k text NOT NULL, d timestamptz)\nCREATE UNIQUE INDEX i ON t (k) WHERE d IS NULL",
       {column("k"), is_null("d")},
       "('a', NULL)",
       "('a', NULL)",
       Answer::kProtects},
      {"soft delete, d not looked at",
       "CREATE TABLE t (k text NOT NULL, d timestamptz)\nCREATE UNIQUE INDEX i ON t (k) WHERE d IS NULL",
       {column("k")},
       "('a', now())",
       "('a', now())",
       Answer::kNot,
       "is partial"},
      {"deleted_at in the key",
       "CREATE TABLE t (k text NOT NULL, d timestamptz, UNIQUE (k, d))",
       {column("k"), is_null("d")},
       "('a', NULL)",
       "('a', NULL)",
       Answer::kNot,
       "nullable column d"},
      {"partial on a flag, implied",
       "CREATE TABLE t (k text NOT NULL, a boolean NOT NULL)\nCREATE UNIQUE INDEX i ON t (k) WHERE a",
       {column("k"), given("a", "true")},
       "('a', true)",
       "('a', true)",
       Answer::kProtects},
      {"partial on a flag, contradicted",
       "CREATE TABLE t (k text NOT NULL, a boolean NOT NULL)\nCREATE UNIQUE INDEX i ON t (k) WHERE a",
       {column("k"), given("a", "false")},
       "('a', false)",
       "('a', false)",
       Answer::kNot,
       "does not imply"},
      {"partial on NOT flag",
       "CREATE TABLE t (k text NOT NULL, a boolean NOT NULL)\nCREATE UNIQUE INDEX i ON t (k) WHERE NOT a",
       {column("k"), given("a", "f")},
       "('a', false)",
       "('a', false)",
       Answer::kProtects},
      {"partial on an enum's IN, implied",
       "CREATE TYPE s AS ENUM ('new', 'open', 'done')\nCREATE TABLE t (k text NOT NULL, s s)\nCREATE UNIQUE INDEX i ON t (k) WHERE s IN "
       "('new', 'open')",
       {column("k"), given("s", "open")},
       "('a', 'open')",
       "('a', 'open')",
       Answer::kProtects},
      {"partial on an enum's IN, another",
       "CREATE TYPE s AS ENUM ('new', 'open', 'done')\nCREATE TABLE t (k text NOT NULL, s s)\nCREATE UNIQUE INDEX i ON t (k) WHERE s IN "
       "('new', 'open')",
       {column("k"), given("s", "done")},
       "('a', 'done')",
       "('a', 'done')",
       Answer::kNot,
       "does not imply"},
      {"partial on a varchar's <>",
       "CREATE TABLE t (k text NOT NULL, s varchar(9) NOT NULL)\nCREATE UNIQUE INDEX i ON t (k) WHERE s <> 'done'",
       {column("k"), given("s", "open")},
       "('a', 'open')",
       "('a', 'open')",
       Answer::kProtects},
      {"partial on a range",
       "CREATE TABLE t (k text NOT NULL, n int NOT NULL)\nCREATE UNIQUE INDEX i ON t (k) WHERE n > 10",
       {column("k"), given("n", "11")},
       "('a', 11)",
       "('a', 11)",
       Answer::kProtects},
      {"partial on a range, outside",
       "CREATE TABLE t (k text NOT NULL, n int NOT NULL)\nCREATE UNIQUE INDEX i ON t (k) WHERE n > 10",
       {column("k"), given("n", "10")},
       "('a', 10)",
       "('a', 10)",
       Answer::kNot,
       "does not imply"},
      {"partial on its own column",
       "CREATE TABLE t (k text)\nCREATE UNIQUE INDEX i ON t (k) WHERE k IS NOT NULL",
       {given("k", "a")},
       "('a')",
       "('a')",
       Answer::kProtects},
      {"two partial indexes, one of them is it",
       "CREATE TABLE t (k text NOT NULL, b int)\nCREATE UNIQUE INDEX i ON t (k) WHERE b IS NULL\nCREATE UNIQUE INDEX j ON t (k, b) WHERE b "
       "IS NOT NULL",
       {column("k"), given("b", "1")},
       "('a', 1)",
       "('a', 1)",
       Answer::kProtects},

      {"lower() looked up and indexed",
       "CREATE TABLE t (k varchar(90) NOT NULL)\nCREATE UNIQUE INDEX i ON t (lower(k))",
       {expression("lower(k)")},
       "('a')",
       "('A')",
       Answer::kProtects},
      {"lower() looked up, plain key",
       "CREATE TABLE t (k text NOT NULL UNIQUE)",
       {expression("lower(k)")},
       "('a')",
       "('A')",
       Answer::kNot,
       "differ only in case"},
      {"plain lookup, lower() indexed",
       "CREATE TABLE t (k text NOT NULL)\nCREATE UNIQUE INDEX i ON t (lower(k))",
       {column("k")},
       "('a')",
       "('a')",
       Answer::kStricter,
       "rows that the lookup does not find"},
      {"lower() of NULL",
       "CREATE TABLE t (k text)\nCREATE UNIQUE INDEX i ON t (lower(k))",
       {is_null("k")},
       "(NULL)",
       "(NULL)",
       Answer::kNot,
       "may be NULL"},
      {"coalesce() over a nullable part",
       "CREATE TABLE t (k text NOT NULL, b int)\nCREATE UNIQUE INDEX i ON t (k, coalesce(b, -1))",
       {column("k"), is_null("b")},
       "('a', NULL)",
       "('a', NULL)",
       Answer::kProtects},
      {"a generated column in the key",
       "CREATE TABLE t (k text NOT NULL, b int, g int GENERATED ALWAYS AS (coalesce(b, -1)) STORED, UNIQUE (k, g))",
       {column("k"), is_null("b")},
       "('a', NULL)",
       "('a', NULL)",
       Answer::kProtects},
      {"a function of one's own",
       "CREATE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)'\nCREATE TABLE t (k text NOT NULL)\nCREATE "
       "UNIQUE INDEX i ON t (fold(k))",
       {expression("fold(k)")},
       "('a')",
       "('A')",
       Answer::kProtects},

      {"citext, lower() looked up",
       "CREATE EXTENSION citext\nCREATE TABLE t (k citext NOT NULL UNIQUE)",
       {expression("lower(k)")},
       "('a')",
       "('A')",
       Answer::kProtects},
      {"citext, plain lookup",
       "CREATE EXTENSION citext\nCREATE TABLE t (k citext NOT NULL UNIQUE)",
       {column("k")},
       "('a')",
       "('A')",
       Answer::kProtects},
      {"another deterministic collation",
       "CREATE TABLE t (k text NOT NULL)\nCREATE UNIQUE INDEX i ON t (k COLLATE \"POSIX\")",
       {column("k")},
       "('a')",
       "('a')",
       Answer::kProtects},
      {"a case-insensitive collation of the column",
       kIgnoreCase + "CREATE TABLE t (k text COLLATE ci NOT NULL UNIQUE)",
       {column("k")},
       "('a')",
       "('A')",
       Answer::kProtects},
      {"a case-sensitive key on a case-insensitive column",
       kIgnoreCase + "CREATE TABLE t (k text COLLATE ci NOT NULL)\nCREATE UNIQUE INDEX i ON t (k COLLATE \"C\")",
       {column("k")},
       "('a')",
       "('A')",
       Answer::kNot,
       "COLLATE C"},

      {"DEFERRABLE, checked at once",
       "CREATE TABLE t (k text NOT NULL UNIQUE DEFERRABLE)",
       {column("k")},
       "('a')",
       "('a')",
       Answer::kProtects},
      {"INITIALLY DEFERRED",
       "CREATE TABLE t (k text NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED)",
       {column("k")},
       "('a')",
       "('a')",
       Answer::kAtCommit,
       "INITIALLY DEFERRED"},
      {"INVALID",
       "CREATE TABLE t (k text NOT NULL)\nINSERT INTO t VALUES ('x'), ('x')\nCREATE UNIQUE INDEX CONCURRENTLY i ON t (k)\nDELETE FROM t",
       {column("k")},
       "('a')",
       "('a')",
       Answer::kNot,
       "INVALID"},
      {"partition key in the key",
       "CREATE TABLE t (k text NOT NULL, day date NOT NULL, PRIMARY KEY (k, day)) PARTITION BY RANGE (day)\nCREATE TABLE p PARTITION OF t "
       "DEFAULT",
       {column("k"), column("day")},
       "('a', '2020-01-01')",
       "('a', '2020-01-01')",
       Answer::kProtects},
      {"partition key not in the lookup",
       "CREATE TABLE t (k text NOT NULL, day date NOT NULL, PRIMARY KEY (k, day)) PARTITION BY RANGE (day)\nCREATE TABLE p PARTITION OF t "
       "DEFAULT",
       {column("k")},
       "('a', '2020-01-01')",
       "('a', '2020-01-02')",
       Answer::kNot,
       "also has day"},
      {"unique in each partition only",
       "CREATE TABLE t (k text NOT NULL, part int NOT NULL) PARTITION BY LIST (part)\nCREATE TABLE p1 PARTITION OF t FOR VALUES IN "
       "(1)\nCREATE TABLE p2 PARTITION OF t FOR VALUES IN (2)\nCREATE UNIQUE INDEX i1 ON p1 (k)\nCREATE UNIQUE INDEX i2 ON p2 (k)",
       {column("k")},
       "('a', 1)",
       "('a', 2)",
       Answer::kNot,
       "no unique key of t"},
      {"index of the partitioned table ONLY",
       "CREATE TABLE t (k int NOT NULL) PARTITION BY HASH (k)\nCREATE TABLE p PARTITION OF t FOR VALUES WITH (MODULUS 1, REMAINDER "
       "0)\nCREATE UNIQUE INDEX i ON ONLY t (k)",
       {column("k")},
       "(1)",
       "(1)",
       Answer::kNot,
       "INVALID"},
      {"the parent's key does not bind a child",
       "CREATE TABLE parent (k text PRIMARY KEY)\nCREATE TABLE t () INHERITS (parent)",
       {column("k")},
       "('a')",
       "('a')",
       Answer::kNot,
       "no unique key of t"},
      {"exclusion with = only",
       "CREATE EXTENSION btree_gist\nCREATE TABLE t (a int NOT NULL, b int NOT NULL, EXCLUDE USING gist (a WITH =, b WITH =))",
       {column("a"), column("b")},
       "(1, 2)",
       "(1, 2)",
       Answer::kProtects},
      {"exclusion with && on ranges that are apart",
       "CREATE EXTENSION btree_gist\nCREATE TABLE t (a int NOT NULL, r int4range NOT NULL, EXCLUDE USING gist (a WITH =, r WITH &&))",
       {column("a")},
       "(1, '[1,2)')",
       "(1, '[2,3)')",
       Answer::kNot,
       "no unique key"},
      {"exclusion, deferred",
       "CREATE TABLE t (a int NOT NULL, EXCLUDE USING btree (a WITH =) DEFERRABLE INITIALLY DEFERRED)",
       {column("a")},
       "(1)",
       "(1)",
       Answer::kAtCommit,
       "INITIALLY DEFERRED"},
      {"exclusion of live rows",
       "CREATE TABLE t (a int NOT NULL, gone boolean NOT NULL, EXCLUDE USING btree (a WITH =) WHERE (NOT gone))",
       {column("a"), given("gone", "true")},
       "(1, true)",
       "(1, true)",
       Answer::kNot,
       "is partial"},
      {"quoted names",
       "CREATE TABLE t (\"Key\" text NOT NULL, key text, UNIQUE (\"Key\"))",
       {column("Key")},
       "('a', 'x')",
       "('a', 'x')",
       Answer::kProtects},
      {"the one key of several that holds",
       "CREATE TABLE t (a int UNIQUE, b int NOT NULL UNIQUE, k text NOT NULL UNIQUE)",
       {column("k")},
       "(1, 1, 'a')",
       "(2, 2, 'a')",
       Answer::kProtects},
  };
  return kCases;
}

TEST_CASE("protects() says what a live PostgreSQL does", "[live][postgres][protects]") {
  NEED_POSTGRES();
  LiveDatabase db;
  LiveSession& admin = db.admin();
  LiveSession one(db.url()), two(db.url());
  const bool has_nulls_not_distinct = std::stoi(admin.value("SHOW server_version_num")) >= 150'000;
  for (const LiveCase& c : live_cases()) {
    CAPTURE(c.what);
    if (!has_nulls_not_distinct && c.ddl.find("NULLS NOT DISTINCT") != std::string::npos) continue;
    admin.run("DROP EXTENSION IF EXISTS citext, btree_gist CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    for (std::string_view statement : split(c.ddl, '\n')) {
      CAPTURE(std::string(statement));
      const std::string state = admin.sqlstate_of(std::string(statement));
      const bool may_fail = statement.find("CONCURRENTLY") != std::string_view::npos;
      REQUIRE((state.empty() || may_fail));
    }
    const Result<Catalog> catalog = introspect_live(db.url());
    REQUIRE(catalog);
    const Table* t = catalog->find("", "t");
    REQUIRE(t != nullptr);
    const Protection p = protects(*catalog, *t, c.lookup);
    CAPTURE(p.why_not);

    std::string columns;  // those that can be given a value
    for (const Column& k : t->columns) {
      if (!k.generated) columns += (columns.empty() ? "\"" : ", \"") + k.name + "\"";
    }
    const std::string insert = "INSERT INTO t (" + columns + ") VALUES ";
    one.run("BEGIN");
    one.run(insert + c.first);
    one.run("COMMIT");
    two.run("BEGIN");
    const std::string at_insert = two.sqlstate_of(insert + c.second);
    const std::string at_commit = two.sqlstate_of("COMMIT");
    const bool refused = at_insert == "23505" || at_insert == "23P01";
    CHECK((at_insert.empty() || refused));

    CHECK(refused == (c.expected == Answer::kProtects || c.expected == Answer::kStricter));
    CHECK((at_commit == "23505" || at_commit == "23P01") == (c.expected == Answer::kAtCommit));
    CHECK((p.key != nullptr) == refused);
    CHECK(p.why_not.find(c.why) != std::string::npos);
    if (c.expected == Answer::kStricter) CHECK(p.near_miss == p.key);
    if (c.expected == Answer::kProtects) {
      CHECK(p.near_miss == nullptr);
      CHECK(p.why_not.empty());
    } else {
      CHECK_FALSE(p.why_not.empty());
    }
  }
}

}  // namespace
}  // namespace dbaudit
