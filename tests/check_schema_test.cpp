// What a rule can say of a schema alone: the path from Rule::check_schema to a finding, with a rule of the test's own.

#include "analyzers/schema/ddl.h"
#include "rules/registry.h"
#include "rules/runner.h"
#include "tests/catch.h"
#include "tests/live_postgres.h"

namespace dbaudit {
namespace {

/// An index that was to be unique and is not: a CREATE UNIQUE INDEX CONCURRENTLY that failed, and was left.
void invalid_unique_indexes(const Catalog& catalog, std::vector<Finding>& findings) {
  for (const Table& t : catalog.tables) {
    for (const Key& k : t.keys) {
      if (!k.unique || k.valid) continue;
      Finding& f = findings.emplace_back();
      f.message = k.name + " is INVALID: it keeps nothing unique.";
      f.tables = {t.qualified()};
      for (const KeyPart& p : k.parts) f.key_columns.push_back(p.column);
    }
  }
}

void nothing(const WorkUnit&, RuleContext&) {}
void describe_nothing(const Folded&, Finding&) {}

constexpr Rule kOfSchema = {.code = "TST002",
                            .name = "invalid-unique-index",
                            .severity = Severity::kError,
                            .summary = "An INVALID unique index",
                            .interest = {},
                            .check = nothing,
                            .describe = describe_nothing,
                            .check_schema = invalid_unique_indexes};
constexpr Rule kOfLogs = {.code = "TST001",
                          .name = "of-logs-only",
                          .severity = Severity::kError,
                          .summary = "Needs a log",
                          .interest = {},
                          .check = nothing,
                          .describe = describe_nothing};

std::vector<Finding> findings_of(const Catalog& catalog, std::vector<const Rule*> rules) {
  AuditOptions options;
  options.catalog = &catalog;
  options.engine = catalog.engine;
  options.rules = std::move(rules);
  return check_schema(options);
}

TEST_CASE("an INVALID unique index and a table without transactions are told from the schema", "[rules][schema]") {
  Catalog catalog;
  catalog.engine = Engine::kPostgres;
  apply_ddl("CREATE TABLE b (x int, y int); CREATE UNIQUE INDEX b_x ON b (x); CREATE TABLE a (x int, UNIQUE (x))", "schema.sql", catalog);
  catalog.finish();
  const std::vector<const Rule*> rules = {find_rule("DBA104"), find_rule("DBA504")};
  CHECK(findings_of(catalog, rules).empty());
  for (Table& t : catalog.tables) {
    for (Key& k : t.keys) k.valid = k.name != "b_x";
  }
  const std::vector<Finding> invalid = findings_of(catalog, rules);
  REQUIRE(invalid.size() == 1);
  CHECK(invalid[0].code == "DBA104");
  CHECK(invalid[0].key_columns == std::vector<std::string>{"x"});
  REQUIRE(invalid[0].fixes.size() == 2);
  CHECK(invalid[0].fixes[1].sql.front() == "DROP INDEX CONCURRENTLY public.b_x");

  Catalog mysql;
  mysql.engine = Engine::kMariaDb;
  apply_ddl("CREATE TABLE b (x int) ENGINE=MyISAM; CREATE TABLE a (x int) ENGINE=InnoDB", "schema.sql", mysql);
  mysql.finish();
  const std::vector<Finding> without = findings_of(mysql, rules);
  REQUIRE(without.size() == 1);
  CHECK(without[0].code == "DBA504");
  CHECK(without[0].confidence == Confidence::kPossible);
  REQUIRE(without[0].fixes.size() == 1);
  CHECK(without[0].fixes[0].sql.front() == "ALTER TABLE b ENGINE=InnoDB");
}

TEST_CASE("a rule that needs only a schema reports without a log", "[rules][schema]") {
  Catalog catalog;
  catalog.engine = Engine::kPostgres;
  apply_ddl("CREATE TABLE b (x int, y int); CREATE UNIQUE INDEX b_x ON b (x); CREATE TABLE a (x int, UNIQUE (x))", "schema.sql", catalog);
  catalog.finish();
  CHECK(findings_of(catalog, {&kOfLogs, &kOfSchema}).empty());
  for (Table& t : catalog.tables) {
    for (Key& k : t.keys) k.valid = false;
  }
  CHECK(findings_of(catalog, {&kOfLogs}).empty());
  const std::vector<Finding> findings = findings_of(catalog, {&kOfLogs, &kOfSchema});
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].tables == std::vector<std::string>{"public.a"});
  CHECK(findings[1].tables == std::vector<std::string>{"public.b"});
  for (const Finding& f : findings) {
    CHECK(f.code == "TST002");
    CHECK(f.name == "invalid-unique-index");
    CHECK(f.engine == Engine::kPostgres);
    CHECK(f.statements.empty());
  }
  CHECK(findings[0].fingerprint != findings[1].fingerprint);
  CHECK(findings[0].fingerprint == findings_of(catalog, {&kOfSchema})[0].fingerprint);
  AuditOptions without;
  without.rules = {&kOfSchema};
  CHECK(check_schema(without).empty());
}

TEST_CASE("an index left INVALID by a live PostgreSQL is seen without a log", "[live][postgres][rules]") {
  NEED_POSTGRES();
  LiveDatabase db;
  db.admin().run("CREATE TABLE tag (id serial PRIMARY KEY, name text)");
  db.admin().run("INSERT INTO tag (name) VALUES ('a'), ('a')");
  CHECK(db.admin().sqlstate_of("CREATE UNIQUE INDEX CONCURRENTLY tag_name ON tag (name)") == "23505");
  const Result<Catalog> catalog = introspect_live(db.url());
  REQUIRE(catalog);
  const std::vector<Finding> findings = findings_of(*catalog, {&kOfSchema});
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].tables == std::vector<std::string>{"public.tag"});
  CHECK(findings[0].key_columns == std::vector<std::string>{"name"});
  db.admin().run("DROP INDEX tag_name; DELETE FROM tag WHERE id = 2");
  db.admin().run("CREATE UNIQUE INDEX CONCURRENTLY tag_name ON tag (name)");
  const Result<Catalog> mended = introspect_live(db.url());
  REQUIRE(mended);
  CHECK(findings_of(*mended, {&kOfSchema}).empty());
}

}  // namespace
}  // namespace dbaudit
