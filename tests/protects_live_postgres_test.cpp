// protects() asked, and a real PostgreSQL asked the same: for each case two sessions insert the same lookup values, as both would after both missed,
// into a schema that was read from the live server. A key that protects must refuse the second INSERT; one that does not must let both rows in.

#include <string>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/schema/catalog.h"
#include "tests/catch.h"
#include "tests/live_postgres.h"
#include "tests/protects_cases.h"

namespace dbaudit {
namespace {

struct LiveCase {
  const char* what;
  std::string ddl;  // one statement a line, the table is t; a line with CONCURRENTLY may fail
  std::vector<std::string> lookup;
  std::string first, second;  // VALUES of the two sessions
  Answer expected;
  const char* why = "";  // part of why_not
};

const std::vector<LiveCase>& live_cases() {
  static const std::string kIgnoreCase = "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)\n";
  static const std::vector<LiveCase> kCases = {
      {"no key", "CREATE TABLE t (k text)", {"k"}, "('a')", "('a')", Answer::kNot, "no unique key of t is on k"},
      {"a plain index",
       "CREATE TABLE t (k text NOT NULL)\nCREATE INDEX i ON t (k)",
       {"k"},
       "('a')",
       "('a')",
       Answer::kNot,
       "no unique key"},
      {"primary key", "CREATE TABLE t (k text PRIMARY KEY)", {"k"}, "('a')", "('a')", Answer::kProtects},
      {"unique constraint", "CREATE TABLE t (k text NOT NULL UNIQUE)", {"k"}, "('a')", "('a')", Answer::kProtects},
      {"unique index", "CREATE TABLE t (k text NOT NULL)\nCREATE UNIQUE INDEX i ON t (k)", {"k"}, "('a')", "('a')", Answer::kProtects},
      {"a unique index made a constraint",
       "CREATE TABLE t (k text NOT NULL)\nCREATE UNIQUE INDEX i ON t (k)\nALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i",
       {"k"},
       "('a')",
       "('a')",
       Answer::kProtects},
      {"key on a subset of the lookup",
       "CREATE TABLE t (k text NOT NULL UNIQUE, b int)",
       {"k", "b"},
       "('a', 1)",
       "('a', 1)",
       Answer::kProtects},
      {"key on more than the lookup",
       "CREATE TABLE t (k text NOT NULL, b int NOT NULL, UNIQUE (k, b))",
       {"k"},
       "('a', 1)",
       "('a', 2)",
       Answer::kNot,
       "also has b"},
      {"composite, any order",
       "CREATE TABLE t (a int NOT NULL, b int NOT NULL, UNIQUE (b, a))",
       {"a", "b"},
       "(1, 2)",
       "(1, 2)",
       Answer::kProtects},
      {"INCLUDE is no part of the key",
       "CREATE TABLE t (k text NOT NULL, b int, UNIQUE (k) INCLUDE (b))",
       {"k"},
       "('a', 1)",
       "('a', 2)",
       Answer::kProtects},
      {"DESC changes nothing",
       "CREATE TABLE t (k text NOT NULL)\nCREATE UNIQUE INDEX i ON t (k DESC NULLS LAST)",
       {"k"},
       "('a')",
       "('a')",
       Answer::kProtects},
      {"another operator class, the same equality",
       "CREATE TABLE t (k text NOT NULL)\nCREATE UNIQUE INDEX i ON t (k text_pattern_ops)",
       {"k"},
       "('a')",
       "('a')",
       Answer::kProtects},

      {"nullable, NULL", "CREATE TABLE t (k text UNIQUE)", {"k~"}, "(NULL)", "(NULL)", Answer::kNot, "nullable column k"},
      {"nullable, never NULL", "CREATE TABLE t (k text UNIQUE)", {"k!"}, "('a')", "('a')", Answer::kProtects},
      {"nullable part, NULL",
       "CREATE TABLE t (k text NOT NULL, b int, UNIQUE (k, b))",
       {"k", "b~"},
       "('a', NULL)",
       "('a', NULL)",
       Answer::kNot,
       "NULLs are distinct"},
      {"nullable part, a value",
       "CREATE TABLE t (k text NOT NULL, b int, UNIQUE (k, b))",
       {"k", "b=1"},
       "('a', 1)",
       "('a', 1)",
       Answer::kProtects},
      {"NULLS NOT DISTINCT, constraint",
       "CREATE TABLE t (k text NOT NULL, b int, UNIQUE NULLS NOT DISTINCT (k, b))",
       {"k", "b~"},
       "('a', NULL)",
       "('a', NULL)",
       Answer::kProtects},
      {"NULLS NOT DISTINCT, index",
       "CREATE TABLE t (k text)\nCREATE UNIQUE INDEX i ON t (k) NULLS NOT DISTINCT",
       {"k~"},
       "(NULL)",
       "(NULL)",
       Answer::kProtects},
      {"a domain", "CREATE DOMAIN d AS text\nCREATE TABLE t (k d UNIQUE)", {"k~"}, "(NULL)", "(NULL)", Answer::kNot, "nullable column k"},

      {"soft delete, live rows",
       "CREATE TABLE t (k text NOT NULL, d timestamptz)\nCREATE UNIQUE INDEX i ON t (k) WHERE d IS NULL",
       {"k", "d~"},
       "('a', NULL)",
       "('a', NULL)",
       Answer::kProtects},
      {"soft delete, d not looked at",
       "CREATE TABLE t (k text NOT NULL, d timestamptz)\nCREATE UNIQUE INDEX i ON t (k) WHERE d IS NULL",
       {"k"},
       "('a', now())",
       "('a', now())",
       Answer::kNot,
       "is partial"},
      {"deleted_at in the key",
       "CREATE TABLE t (k text NOT NULL, d timestamptz, UNIQUE (k, d))",
       {"k", "d~"},
       "('a', NULL)",
       "('a', NULL)",
       Answer::kNot,
       "nullable column d"},
      {"partial on a flag, implied",
       "CREATE TABLE t (k text NOT NULL, a boolean NOT NULL)\nCREATE UNIQUE INDEX i ON t (k) WHERE a",
       {"k", "a=true"},
       "('a', true)",
       "('a', true)",
       Answer::kProtects},
      {"partial on a flag, contradicted",
       "CREATE TABLE t (k text NOT NULL, a boolean NOT NULL)\nCREATE UNIQUE INDEX i ON t (k) WHERE a",
       {"k", "a=false"},
       "('a', false)",
       "('a', false)",
       Answer::kNot,
       "does not imply"},
      {"partial on NOT flag",
       "CREATE TABLE t (k text NOT NULL, a boolean NOT NULL)\nCREATE UNIQUE INDEX i ON t (k) WHERE NOT a",
       {"k", "a=f"},
       "('a', false)",
       "('a', false)",
       Answer::kProtects},
      {"partial on an enum's IN, implied",
       "CREATE TYPE s AS ENUM ('new', 'open', 'done')\nCREATE TABLE t (k text NOT NULL, s s)\nCREATE UNIQUE INDEX i ON t (k) WHERE s IN "
       "('new', 'open')",
       {"k", "s=open"},
       "('a', 'open')",
       "('a', 'open')",
       Answer::kProtects},
      {"partial on an enum's IN, another",
       "CREATE TYPE s AS ENUM ('new', 'open', 'done')\nCREATE TABLE t (k text NOT NULL, s s)\nCREATE UNIQUE INDEX i ON t (k) WHERE s IN "
       "('new', 'open')",
       {"k", "s=done"},
       "('a', 'done')",
       "('a', 'done')",
       Answer::kNot,
       "does not imply"},
      {"partial on a varchar's <>",
       "CREATE TABLE t (k text NOT NULL, s varchar(9) NOT NULL)\nCREATE UNIQUE INDEX i ON t (k) WHERE s <> 'done'",
       {"k", "s=open"},
       "('a', 'open')",
       "('a', 'open')",
       Answer::kProtects},
      {"partial on a range",
       "CREATE TABLE t (k text NOT NULL, n int NOT NULL)\nCREATE UNIQUE INDEX i ON t (k) WHERE n > 10",
       {"k", "n=11"},
       "('a', 11)",
       "('a', 11)",
       Answer::kProtects},
      {"partial on a range, outside",
       "CREATE TABLE t (k text NOT NULL, n int NOT NULL)\nCREATE UNIQUE INDEX i ON t (k) WHERE n > 10",
       {"k", "n=10"},
       "('a', 10)",
       "('a', 10)",
       Answer::kNot,
       "does not imply"},
      {"partial on its own column",
       "CREATE TABLE t (k text)\nCREATE UNIQUE INDEX i ON t (k) WHERE k IS NOT NULL",
       {"k=a"},
       "('a')",
       "('a')",
       Answer::kProtects},
      {"two partial indexes, one of them is it",
       "CREATE TABLE t (k text NOT NULL, b int)\nCREATE UNIQUE INDEX i ON t (k) WHERE b IS NULL\nCREATE UNIQUE INDEX j ON t (k, b) WHERE b "
       "IS NOT NULL",
       {"k", "b=1"},
       "('a', 1)",
       "('a', 1)",
       Answer::kProtects},

      {"lower() looked up and indexed",
       "CREATE TABLE t (k varchar(90) NOT NULL)\nCREATE UNIQUE INDEX i ON t (lower(k))",
       {"(lower(k))!"},
       "('a')",
       "('A')",
       Answer::kProtects},
      {"lower() looked up, plain key",
       "CREATE TABLE t (k text NOT NULL UNIQUE)",
       {"(lower(k))!"},
       "('a')",
       "('A')",
       Answer::kNot,
       "differ only in case"},
      {"plain lookup, lower() indexed",
       "CREATE TABLE t (k text NOT NULL)\nCREATE UNIQUE INDEX i ON t (lower(k))",
       {"k"},
       "('a')",
       "('a')",
       Answer::kStricter,
       "rows that the lookup does not find"},
      {"lower() of NULL",
       "CREATE TABLE t (k text)\nCREATE UNIQUE INDEX i ON t (lower(k))",
       {"k~"},
       "(NULL)",
       "(NULL)",
       Answer::kNot,
       "may be NULL"},
      {"coalesce() over a nullable part",
       "CREATE TABLE t (k text NOT NULL, b int)\nCREATE UNIQUE INDEX i ON t (k, coalesce(b, -1))",
       {"k", "b~"},
       "('a', NULL)",
       "('a', NULL)",
       Answer::kProtects},
      {"a generated column in the key",
       "CREATE TABLE t (k text NOT NULL, b int, g int GENERATED ALWAYS AS (coalesce(b, -1)) STORED, UNIQUE (k, g))",
       {"k", "b~"},
       "('a', NULL)",
       "('a', NULL)",
       Answer::kProtects},
      {"a function of one's own",
       "CREATE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)'\nCREATE TABLE t (k text NOT NULL)\nCREATE "
       "UNIQUE INDEX i ON t (fold(k))",
       {"(fold(k))!"},
       "('a')",
       "('A')",
       Answer::kProtects},

      {"citext, lower() looked up",
       "CREATE EXTENSION citext\nCREATE TABLE t (k citext NOT NULL UNIQUE)",
       {"(lower(k))!"},
       "('a')",
       "('A')",
       Answer::kProtects},
      {"citext, plain lookup",
       "CREATE EXTENSION citext\nCREATE TABLE t (k citext NOT NULL UNIQUE)",
       {"k"},
       "('a')",
       "('A')",
       Answer::kProtects},
      {"another deterministic collation",
       "CREATE TABLE t (k text NOT NULL)\nCREATE UNIQUE INDEX i ON t (k COLLATE \"POSIX\")",
       {"k"},
       "('a')",
       "('a')",
       Answer::kProtects},
      {"a case-insensitive collation of the column",
       kIgnoreCase + "CREATE TABLE t (k text COLLATE ci NOT NULL UNIQUE)",
       {"k"},
       "('a')",
       "('A')",
       Answer::kProtects},
      {"a case-sensitive key on a case-insensitive column",
       kIgnoreCase + "CREATE TABLE t (k text COLLATE ci NOT NULL)\nCREATE UNIQUE INDEX i ON t (k COLLATE \"C\")",
       {"k"},
       "('a')",
       "('A')",
       Answer::kNot,
       "COLLATE C"},

      {"DEFERRABLE, checked at once", "CREATE TABLE t (k text NOT NULL UNIQUE DEFERRABLE)", {"k"}, "('a')", "('a')", Answer::kProtects},
      {"INITIALLY DEFERRED",
       "CREATE TABLE t (k text NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED)",
       {"k"},
       "('a')",
       "('a')",
       Answer::kAtCommit,
       "INITIALLY DEFERRED"},
      {"INVALID",
       "CREATE TABLE t (k text NOT NULL)\nINSERT INTO t VALUES ('x'), ('x')\nCREATE UNIQUE INDEX CONCURRENTLY i ON t (k)\nDELETE FROM t",
       {"k"},
       "('a')",
       "('a')",
       Answer::kNot,
       "INVALID"},
      {"partition key in the key",
       "CREATE TABLE t (k text NOT NULL, day date NOT NULL, PRIMARY KEY (k, day)) PARTITION BY RANGE (day)\nCREATE TABLE p PARTITION OF t "
       "DEFAULT",
       {"k", "day"},
       "('a', '2020-01-01')",
       "('a', '2020-01-01')",
       Answer::kProtects},
      {"partition key not in the lookup",
       "CREATE TABLE t (k text NOT NULL, day date NOT NULL, PRIMARY KEY (k, day)) PARTITION BY RANGE (day)\nCREATE TABLE p PARTITION OF t "
       "DEFAULT",
       {"k"},
       "('a', '2020-01-01')",
       "('a', '2020-01-02')",
       Answer::kNot,
       "also has day"},
      {"unique in each partition only",
       "CREATE TABLE t (k text NOT NULL, part int NOT NULL) PARTITION BY LIST (part)\nCREATE TABLE p1 PARTITION OF t FOR VALUES IN "
       "(1)\nCREATE TABLE p2 PARTITION OF t FOR VALUES IN (2)\nCREATE UNIQUE INDEX i1 ON p1 (k)\nCREATE UNIQUE INDEX i2 ON p2 (k)",
       {"k"},
       "('a', 1)",
       "('a', 2)",
       Answer::kNot,
       "no unique key of t"},
      {"index of the partitioned table ONLY",
       "CREATE TABLE t (k int NOT NULL) PARTITION BY HASH (k)\nCREATE TABLE p PARTITION OF t FOR VALUES WITH (MODULUS 1, REMAINDER "
       "0)\nCREATE UNIQUE INDEX i ON ONLY t (k)",
       {"k"},
       "(1)",
       "(1)",
       Answer::kNot,
       "INVALID"},
      {"the parent's key does not bind a child",
       "CREATE TABLE parent (k text PRIMARY KEY)\nCREATE TABLE t () INHERITS (parent)",
       {"k"},
       "('a')",
       "('a')",
       Answer::kNot,
       "no unique key of t"},
      {"exclusion with = only",
       "CREATE EXTENSION btree_gist\nCREATE TABLE t (a int NOT NULL, b int NOT NULL, EXCLUDE USING gist (a WITH =, b WITH =))",
       {"a", "b"},
       "(1, 2)",
       "(1, 2)",
       Answer::kProtects},
      {"exclusion with && on ranges that are apart",
       "CREATE EXTENSION btree_gist\nCREATE TABLE t (a int NOT NULL, r int4range NOT NULL, EXCLUDE USING gist (a WITH =, r WITH &&))",
       {"a"},
       "(1, '[1,2)')",
       "(1, '[2,3)')",
       Answer::kNot,
       "no unique key"},
      {"exclusion, deferred",
       "CREATE TABLE t (a int NOT NULL, EXCLUDE USING btree (a WITH =) DEFERRABLE INITIALLY DEFERRED)",
       {"a"},
       "(1)",
       "(1)",
       Answer::kAtCommit,
       "INITIALLY DEFERRED"},
      {"exclusion of live rows",
       "CREATE TABLE t (a int NOT NULL, gone boolean NOT NULL, EXCLUDE USING btree (a WITH =) WHERE (NOT gone))",
       {"a", "gone=true"},
       "(1, true)",
       "(1, true)",
       Answer::kNot,
       "is partial"},
      {"quoted names",
       "CREATE TABLE t (\"Key\" text NOT NULL, key text, UNIQUE (\"Key\"))",
       {"Key"},
       "('a', 'x')",
       "('a', 'x')",
       Answer::kProtects},
      {"the one key of several that holds",
       "CREATE TABLE t (a int UNIQUE, b int NOT NULL UNIQUE, k text NOT NULL UNIQUE)",
       {"k"},
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
    const Protection p = protects(*catalog, *t, lookup(c.lookup));
    CAPTURE(p.why_not);

    std::string columns;  // those that can be given a value
    for (const Column& k : t->columns) {
      if (!k.generated) columns += (columns.empty() ? "\"" : ", \"") + k.name.str() + "\"";
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
