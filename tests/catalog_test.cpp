#include "analyzers/schema/catalog.h"

#include "tests/catch.h"

namespace dbaudit {
namespace {

Catalog catalog_of(Engine engine, const std::vector<std::pair<std::string, std::string>>& tables,
                   std::vector<std::string> search_path = {}) {
  Catalog c;
  c.engine = engine;
  c.search_path = std::move(search_path);
  for (const auto& [schema, name] : tables) {
    Table t;
    t.schema = schema;
    t.name = name;
    c.tables.push_back(std::move(t));
  }
  c.finish();
  return c;
}

struct FindCase {
  const char* what;
  Engine engine;
  std::vector<std::pair<std::string, std::string>> tables;
  std::vector<std::string> search_path;
  std::string schema, name;
  std::string expected;  // qualified, or empty for none
};

TEST_CASE("a name finds the table it means", "[schema][catalog]") {
  constexpr Engine kPg = Engine::kPostgres, kMy = Engine::kMySql, kLite = Engine::kSqlite;
  const std::vector<FindCase> cases = {
      {"exact", kPg, {{"public", "users"}}, {}, "public", "users", "public.users"},
      {"public is the default", kPg, {{"app", "users"}, {"public", "users"}}, {}, "", "users", "public.users"},
      {"search_path in order", kPg, {{"app", "users"}, {"public", "users"}}, {"app", "public"}, "", "users", "app.users"},
      {"the only one of that name anywhere", kPg, {{"app", "users"}}, {}, "", "users", "app.users"},
      {"two elsewhere are ambiguous", kPg, {{"a", "users"}, {"b", "users"}}, {}, "", "users", ""},
      {"PostgreSQL names are exact", kPg, {{"public", "Users"}}, {}, "", "users", ""},
      {"two that differ in case, exact", kPg, {{"public", "Users"}, {"public", "users"}}, {}, "", "Users", "public.Users"},
      {"another schema is another table", kPg, {{"app", "users"}}, {}, "public", "users", ""},
      {"MySQL without case", kMy, {{"shop", "Users"}}, {}, "SHOP", "users", "shop.Users"},
      {"MySQL: exact beats folded", kMy, {{"shop", "Users"}, {"shop", "users"}}, {"shop"}, "", "users", "shop.users"},
      {"MySQL: two folded are ambiguous", kMy, {{"shop", "Users"}, {"shop", "USERS"}}, {"shop"}, "", "users", ""},
      {"a dump without database names", kMy, {{"", "users"}}, {}, "shop", "users", "users"},
      {"SQLite main", kLite, {{"", "users"}}, {}, "main", "USERS", "users"},
      {"SQLite temp is elsewhere", kLite, {{"", "users"}}, {}, "temp", "users", ""},
      {"unknown", kLite, {{"", "users"}}, {}, "", "orders", ""},
  };
  for (const FindCase& c : cases) {
    CAPTURE(c.what);
    const Catalog catalog = catalog_of(c.engine, c.tables, c.search_path);
    const Table* t = catalog.find(c.schema, c.name);
    CHECK((t == nullptr ? "" : t->qualified()) == c.expected);
  }
}

TEST_CASE("the children of a table are those that reference it, each once", "[schema][catalog]") {
  Catalog c;
  c.engine = Engine::kPostgres;
  const auto add = [&c](const char* schema, const char* name, std::vector<std::pair<const char*, const char*>> references) {
    Table t;
    t.schema = schema;
    t.name = name;
    for (const auto& [to_schema, to] : references) {
      ForeignKey fk;
      fk.referenced_schema = to_schema;
      fk.referenced_table = to;
      t.foreign_keys.push_back(std::move(fk));
    }
    c.tables.push_back(std::move(t));
  };
  add("public", "users", {});
  add("public", "orders", {{"public", "users"}, {"public", "users"}});
  add("public", "notes", {{"", "Users"}});
  add("public", "other", {{"archive", "users"}});
  c.finish();
  std::string names;
  for (const Table* t : c.children_of(*c.find("public", "users"))) names += t->name.str() + " ";
  CHECK(names == "notes orders ");
  CHECK(c.children_of(*c.find("public", "other")).empty());
}

TEST_CASE("places of tables: in any case, in the order in which they were added, under each name", "[schema][catalog]") {
  TablePlaces places;
  const auto of = [&places](Name table) {
    std::vector<uint32_t> found;
    places.for_each(table, [&found](uint32_t place) { found.push_back(place); });
    CHECK(places.contains(table) == !found.empty());
    return found;
  };
  using Places = std::vector<uint32_t>;
  CHECK(of("users").empty());
  places.add("", 9);
  places.add("users", 4);
  places.add("orders", 2);
  places.add("Users", 1);
  places.add("people", 4);
  places.add("USERS", 7);
  CHECK(of("users") == Places{4, 1, 7});
  CHECK(of("USERS") == Places{4, 1, 7});
  CHECK(of("people") == Places{4});
  CHECK(of("orders") == Places{2});
  CHECK(of("") == Places{9});
  CHECK(of("user").empty());
  for (uint32_t i = 0; i < 1000; ++i) places.add("table_" + std::to_string(i % 500), i);
  CHECK(of("Table_499") == Places{499, 999});
  CHECK(of("users") == Places{4, 1, 7});
  places.clear();
  CHECK(of("users").empty());
}

TEST_CASE("finish sorts, whatever the order", "[schema][catalog]") {
  const Catalog a = catalog_of(Engine::kPostgres, {{"b", "x"}, {"a", "z"}, {"a", "y"}});
  const Catalog b = catalog_of(Engine::kPostgres, {{"a", "y"}, {"a", "z"}, {"b", "x"}});
  REQUIRE(a.tables.size() == 3);
  for (size_t i = 0; i < 3; ++i) CHECK(a.tables[i].qualified() == b.tables[i].qualified());
  CHECK(a.tables[0].qualified() == "a.y");
  for (const Table& t : a.tables) CHECK(t.shown == t.qualified());
}

TEST_CASE("columns and primary keys are found", "[schema][catalog]") {
  Table t;
  Column c;
  c.name = "Email";
  t.columns.push_back(c);
  c.name = "email";
  t.columns.push_back(c);
  CHECK(t.column("email") == &t.columns[1]);
  CHECK(t.column("EMAIL") == &t.columns[0]);
  CHECK(t.column("mail") == nullptr);
  CHECK(t.primary_key() == nullptr);
  t.keys.resize(2);
  t.keys[1].primary = true;
  CHECK(t.primary_key() == &t.keys[1]);
}

}  // namespace
}  // namespace dbaudit
