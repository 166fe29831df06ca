// One JSON object; what is false, zero or empty is left out, so that five thousand tables stay readable and the same catalogue gives the same
// bytes. Reading is strict about kinds and lenient about keys it does not know: a later version may add some.

#include "analyzers/schema/snapshot.h"

#include <nlohmann/json.hpp>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

void put(Json& j, const char* key, const std::string& value) {
  if (!value.empty()) j[key] = valid_utf8(value);
}
void put(Json& j, const char* key, bool value) {
  if (value) j[key] = true;
}
void put(Json& j, const char* key, const std::vector<std::string>& values) {
  if (values.empty()) return;
  Json& list = j[key] = Json::array();
  for (const std::string& v : values) list.push_back(valid_utf8(v));
}

Json to_json(const Column& c) {
  Json j = Json::object();
  j["name"] = valid_utf8(c.name);
  j["type"] = valid_utf8(c.type);
  j["nullable"] = c.nullable;
  if (c.default_expression) j["default"] = valid_utf8(*c.default_expression);
  put(j, "generated", c.generated);
  put(j, "identity", c.identity);
  put(j, "unsigned", c.is_unsigned);
  put(j, "collation", c.collation);
  return j;
}

Json to_json(const Key& k) {
  Json j = Json::object();
  j["name"] = valid_utf8(k.name);
  Json& parts = j["parts"] = Json::array();
  for (const KeyPart& p : k.parts) {
    Json part = Json::object();
    put(part, "column", p.column);
    put(part, "expression", p.expression);
    put(part, "collation", p.collation);
    if (p.prefix_length != 0) part["prefix_length"] = p.prefix_length;
    put(part, "descending", p.descending);
    parts.push_back(std::move(part));
  }
  put(j, "unique", k.unique);
  put(j, "primary", k.primary);
  put(j, "constraint", k.constraint);
  put(j, "predicate", k.predicate);
  put(j, "nulls_not_distinct", k.nulls_not_distinct);
  if (!k.valid) j["valid"] = false;
  put(j, "deferrable", k.deferrable);
  put(j, "deferred", k.deferred);
  put(j, "exclusion", k.exclusion);
  if (!k.visible) j["visible"] = false;
  return j;
}

Json to_json(const ForeignKey& f) {
  Json j = Json::object();
  put(j, "name", f.name);
  put(j, "columns", f.columns);
  put(j, "referenced_schema", f.referenced_schema);
  put(j, "referenced_table", f.referenced_table);
  put(j, "referenced_columns", f.referenced_columns);
  put(j, "on_delete", f.on_delete);
  put(j, "on_update", f.on_update);
  return j;
}

Json to_json(const Table& t) {
  Json j = Json::object();
  put(j, "schema", t.schema);
  j["name"] = valid_utf8(t.name);
  Json& columns = j["columns"] = Json::array();
  for (const Column& c : t.columns) columns.push_back(to_json(c));
  Json& keys = j["keys"] = Json::array();
  for (const Key& k : t.keys) keys.push_back(to_json(k));
  if (!t.foreign_keys.empty()) {
    Json& list = j["foreign_keys"] = Json::array();
    for (const ForeignKey& f : t.foreign_keys) list.push_back(to_json(f));
  }
  if (!t.checks.empty()) {
    Json& list = j["checks"] = Json::array();
    for (const Check& c : t.checks) {
      Json check = Json::object();
      put(check, "name", c.name);
      check["expression"] = valid_utf8(c.expression);
      list.push_back(std::move(check));
    }
  }
  put(j, "exclusions", t.exclusions);
  put(j, "triggers", t.triggers);
  put(j, "storage_engine", t.storage_engine);
  put(j, "is_view", t.is_view);
  put(j, "partitioned", t.partitioned);
  put(j, "without_rowid", t.without_rowid);
  put(j, "keys_incomplete", t.keys_incomplete);
  return j;
}

// Reading: get() leaves the member as it is when the key is absent, and nlohmann throws when it is of another kind.

template <typename T>
void get(const Json& j, const char* key, T& value) {
  if (const auto it = j.find(key); it != j.end() && !it->is_null()) value = it->get<T>();
}

void get(const Json& j, const char* key, Name& value) {
  std::string text;
  get(j, key, text);
  if (!text.empty()) value = text;
}

template <typename T, typename Read>
void get_list(const Json& j, const char* key, std::vector<T>& out, Read read) {
  const auto it = j.find(key);
  if (it == j.end()) return;
  const Json& list = *it;
  if (!list.is_array()) throw std::runtime_error(std::string("`") + key + "` is not a list");
  for (const Json& item : list) {
    if (!item.is_object()) throw std::runtime_error(std::string("an entry of `") + key + "` is not an object");
    out.push_back(read(item));
  }
}

Column read_column(const Json& j) {
  Column c;
  c.name = j.at("name").get<std::string>();
  get(j, "type", c.type);
  get(j, "nullable", c.nullable);
  if (std::string text; j.contains("default")) get(j, "default", text), c.default_expression = std::move(text);
  get(j, "generated", c.generated);
  get(j, "identity", c.identity);
  get(j, "unsigned", c.is_unsigned);
  get(j, "collation", c.collation);
  return c;
}

Key read_key(const Json& j) {
  Key k;
  get(j, "name", k.name);
  get_list(j, "parts", k.parts, [](const Json& part) {
    KeyPart p;
    get(part, "column", p.column);
    get(part, "expression", p.expression);
    get(part, "collation", p.collation);
    get(part, "prefix_length", p.prefix_length);
    get(part, "descending", p.descending);
    return p;
  });
  get(j, "unique", k.unique);
  get(j, "primary", k.primary);
  get(j, "constraint", k.constraint);
  if (std::string text; j.contains("predicate")) get(j, "predicate", text), k.predicate = std::move(text);
  get(j, "nulls_not_distinct", k.nulls_not_distinct);
  get(j, "valid", k.valid);
  get(j, "deferrable", k.deferrable);
  get(j, "deferred", k.deferred);
  get(j, "exclusion", k.exclusion);
  get(j, "visible", k.visible);
  return k;
}

ForeignKey read_foreign_key(const Json& j) {
  ForeignKey f;
  get(j, "name", f.name);
  get(j, "columns", f.columns);
  get(j, "referenced_schema", f.referenced_schema);
  get(j, "referenced_table", f.referenced_table);
  get(j, "referenced_columns", f.referenced_columns);
  get(j, "on_delete", f.on_delete);
  get(j, "on_update", f.on_update);
  return f;
}

Table read_table(const Json& j) {
  Table t;
  get(j, "schema", t.schema);
  t.name = j.at("name").get<std::string>();
  get_list(j, "columns", t.columns, read_column);
  get_list(j, "keys", t.keys, read_key);
  get_list(j, "foreign_keys", t.foreign_keys, read_foreign_key);
  get_list(j, "checks", t.checks, [](const Json& check) {
    Check c;
    get(check, "name", c.name);
    get(check, "expression", c.expression);
    return c;
  });
  get(j, "exclusions", t.exclusions);
  get(j, "triggers", t.triggers);
  get(j, "storage_engine", t.storage_engine);
  get(j, "is_view", t.is_view);
  get(j, "partitioned", t.partitioned);
  get(j, "without_rowid", t.without_rowid);
  get(j, "keys_incomplete", t.keys_incomplete);
  return t;
}

}  // namespace

std::string catalog_to_json(const Catalog& catalog) {
  Json j = Json::object();
  j["dbaudit_schema"] = kVersion;
  j["engine"] = std::string(engine_name(catalog.engine));
  put(j, "server_version", catalog.server.version);
  if (catalog.server.default_isolation != Isolation::kUnknown)
    j["default_isolation"] = std::string(isolation_name(catalog.server.default_isolation));
  if (!catalog.server.settings.empty()) {
    Json& settings = j["settings"] = Json::object();
    for (const auto& [name, value] : catalog.server.settings) settings[valid_utf8(name)] = valid_utf8(value);
  }
  put(j, "search_path", catalog.search_path);
  if (catalog.statements != 0) j["statements"] = catalog.statements;
  if (catalog.unknown_statements != 0) j["unknown_statements"] = catalog.unknown_statements;
  put(j, "notes", catalog.notes);
  Json& tables = j["tables"] = Json::array();
  for (const Table& t : catalog.tables) tables.push_back(to_json(t));
  return j.dump(2) + "\n";
}

Result<Catalog> catalog_from_json(std::string_view json) {
  try {
    const Json j = Json::parse(json);
    if (!j.is_object() || !j.contains("dbaudit_schema")) return fail("this JSON is not a schema written by `dbaudit schema`");
    const int version = j.at("dbaudit_schema").get<int>();
    if (version != kVersion) {
      return fail("schema JSON of version " + std::to_string(version) + "; this program reads version " + std::to_string(kVersion));
    }
    Catalog catalog;
    std::string name = "unknown";
    get(j, "engine", name);
    catalog.engine = parse_engine(name).value_or(Engine::kUnknown);
    get(j, "server_version", catalog.server.version);
    std::string isolation;
    get(j, "default_isolation", isolation);
    catalog.server.default_isolation = parse_isolation(isolation).value_or(Isolation::kUnknown);
    get(j, "settings", catalog.server.settings);
    get(j, "search_path", catalog.search_path);
    get(j, "statements", catalog.statements);
    get(j, "unknown_statements", catalog.unknown_statements);
    get(j, "notes", catalog.notes);
    get_list(j, "tables", catalog.tables, read_table);
    catalog.finish();
    return catalog;
  } catch (const std::exception& e) {
    return fail("cannot read schema JSON: " + printable(e.what()));
  }
}

}  // namespace dbaudit
