#include "analyzers/schema/snapshot.h"

#include <string>

#include "analyzers/schema/ddl.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

constexpr const char* kEverything = R"(
CREATE TABLE shop.parent (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
CREATE TABLE shop.t (
  k character varying(40) COLLATE "C" DEFAULT 'it''s' NOT NULL,
  b integer,
  total numeric(10,2) GENERATED ALWAYS AS (b * 2) STORED,
  parent_id bigint REFERENCES shop.parent ON DELETE CASCADE,
  r tsrange,
  CONSTRAINT u UNIQUE NULLS NOT DISTINCT (k, b),
  CONSTRAINT late UNIQUE (b) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT positive CHECK (b > 0),
  CONSTRAINT ex EXCLUDE USING gist (b WITH =, r WITH &&),
  CONSTRAINT eq EXCLUDE USING gist (k WITH =)
) PARTITION BY LIST (k);
CREATE UNIQUE INDEX i ON ONLY shop.t USING btree (lower(k) DESC) WHERE (b IS NULL);
CREATE TRIGGER tr BEFORE INSERT ON shop.t FOR EACH ROW EXECUTE FUNCTION f();
CREATE VIEW shop.v AS SELECT 1;
ALTER TABLE shop.t FROBNICATE;
)";

Catalog everything() {
  Catalog c;
  c.engine = Engine::kPostgres;
  c.server.version = "15.18";
  c.server.default_isolation = Isolation::kReadCommitted;
  c.server.settings["default_transaction_isolation"] = "read committed";
  apply_ddl(kEverything, "all.sql", c);
  c.finish();
  return c;
}

TEST_CASE("a snapshot reads back to the same bytes", "[schema][snapshot]") {
  const std::string once = catalog_to_json(everything());
  const Result<Catalog> back = catalog_from_json(once);
  REQUIRE(back);
  CHECK(catalog_to_json(*back) == once);
  CHECK(once.back() == '\n');

  // And nothing was lost on the way that protects() needs.
  CHECK(back->unknown_statements == 1);
  REQUIRE(back->notes.size() == 1);
  CHECK(back->server.default_isolation == Isolation::kReadCommitted);
  const Table* t = back->find("shop", "t");
  REQUIRE(t != nullptr);
  CHECK(t->partitioned);
  CHECK(t->keys_incomplete);
  REQUIRE(t->keys.size() == 4);
  CHECK(t->keys[0].nulls_not_distinct);
  CHECK(t->keys[1].deferred);
  CHECK(t->keys[2].exclusion);
  CHECK(t->keys[3].predicate == "b is null");
  CHECK_FALSE(t->keys[3].valid);
  CHECK(t->keys[3].parts[0].expression == "lower(k)");
  CHECK(t->keys[3].parts[0].descending);
  REQUIRE(t->foreign_keys.size() == 1);
  CHECK(t->foreign_keys[0].referenced_columns == std::vector<std::string>{"id"});
  CHECK(t->foreign_keys[0].on_delete == "CASCADE");
  CHECK(t->exclusions.size() == 2);
  CHECK(t->triggers == std::vector<std::string>{"tr"});
  REQUIRE(t->checks.size() == 1);
  CHECK(t->checks[0].expression == "b > 0");
  CHECK(t->column("k")->default_expression == "'it''s'");
  CHECK(t->column("total")->generated);
}

TEST_CASE("bytes that are not UTF-8 survive as valid JSON", "[schema][snapshot]") {
  Catalog c = everything();
  c.tables[0].name = "a\xff\xfe\x01";
  const std::string once = catalog_to_json(c);
  const Result<Catalog> back = catalog_from_json(once);
  REQUIRE(back);
  CHECK(catalog_to_json(*back) == once);
}

TEST_CASE("JSON of another kind is refused in one line", "[schema][snapshot]") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "cannot read schema JSON"},
      {"[]", "not a schema"},
      {"{}", "not a schema"},
      {"{\"schema_version\": 1, \"findings\": []}", "not a schema"},
      {"{\"dbaudit_schema\": 2, \"tables\": []}", "version 2"},
      {"{\"dbaudit_schema\": \"1\"}", "cannot read schema JSON"},
      {"{\"dbaudit_schema\": 1, \"tables\": 5}", "not a list"},
      {"{\"dbaudit_schema\": 1, \"tables\": [5]}", "not an object"},
      {"{\"dbaudit_schema\": 1, \"tables\": [{}]}", "cannot read schema JSON"},
      {"{\"dbaudit_schema\": 1, \"tables\": [{\"name\": 5}]}", "cannot read schema JSON"},
      {"{\"dbaudit_schema\": 1, \"tables\": [{\"name\": \"t\", \"triggers\": [1]}]}", "cannot read schema JSON"},
      {"{\"dbaudit_schema\": 1", "cannot read schema JSON"},
      {std::string(100000, '['), "cannot read schema JSON"},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text.substr(0, 80));
    const Result<Catalog> r = catalog_from_json(text);
    REQUIRE_FALSE(r);
    CHECK(r.error().message.find(expected) != std::string::npos);
    CHECK(r.error().message.find('\n') == std::string::npos);
  }
}

TEST_CASE("a later snapshot's extra keys are ignored", "[schema][snapshot]") {
  const Result<Catalog> r =
      catalog_from_json(R"({"dbaudit_schema": 1, "engine": "mysql", "more": {}, "tables": [{"name": "t", "more": 1}]})");
  REQUIRE(r);
  CHECK(r->engine == Engine::kMySql);
  CHECK(r->find("", "T") != nullptr);
}

}  // namespace
}  // namespace dbaudit
