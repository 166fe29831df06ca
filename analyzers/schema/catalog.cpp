#include "analyzers/schema/catalog.h"

#include <algorithm>
#include <tuple>

#include "analyzers/base/text.h"

namespace dbaudit {

const Column* Table::column(std::string_view wanted) const {
  const Column* folded = nullptr;
  for (const Column& c : columns) {
    if (c.name == wanted) return &c;
    if (folded == nullptr && iequals(c.name, wanted)) folded = &c;
  }
  return folded;
}

const Key* Table::primary_key() const {
  for (const Key& k : keys) {
    if (k.primary) return &k;
  }
  return nullptr;
}

std::string Table::qualified() const { return schema.empty() ? name : schema + "." + name; }

void Catalog::finish() {
  std::stable_sort(tables.begin(), tables.end(),
                   [](const Table& a, const Table& b) { return std::tie(a.schema, a.name) < std::tie(b.schema, b.name); });
  if (search_path.empty() && engine == Engine::kPostgres) search_path.emplace_back("public");
  by_lower_name_.clear();
  children_.clear();
  for (uint32_t i = 0; i < tables.size(); ++i) {
    tables[i].columns.shrink_to_fit();
    by_lower_name_[to_lower(tables[i].name)].push_back(i);
    for (const ForeignKey& fk : tables[i].foreign_keys) {
      std::vector<uint32_t>& children = children_[to_lower(fk.referenced_table)];
      if (children.empty() || children.back() != i) children.push_back(i);
    }
  }
}

std::vector<const Table*> Catalog::children_of(const Table& table) const {
  std::vector<const Table*> children;
  const auto found = children_.find(to_lower(table.name));
  if (found == children_.end()) return children;
  for (const uint32_t i : found->second) {
    const bool here = std::any_of(tables[i].foreign_keys.begin(), tables[i].foreign_keys.end(), [&](const ForeignKey& fk) {
      return iequals(fk.referenced_table, table.name) && (fk.referenced_schema.empty() || iequals(fk.referenced_schema, table.schema));
    });
    if (here) children.push_back(&tables[i]);
  }
  return children;
}

const Table* Catalog::find(std::string_view schema, std::string_view name) const {
  const auto found = by_lower_name_.find(to_lower(name));
  if (found == by_lower_name_.end()) return nullptr;
  const bool exact_names = engine == Engine::kPostgres;
  const auto same = [&](std::string_view a, std::string_view b) { return exact_names ? a == b : iequals(a, b); };

  // The one table that answers to the name and satisfies `in_place`; an exact spelling beats another case.
  bool ambiguous = false;
  const auto only = [&](auto&& in_place) -> const Table* {
    const Table* exact = nullptr;
    const Table* folded = nullptr;
    bool two_exact = false, two_folded = false;
    for (uint32_t i : found->second) {
      const Table& t = tables[i];
      if (!same(t.name, name) || !in_place(t)) continue;
      if (t.name == name) {
        two_exact = exact != nullptr;
        exact = &t;
      } else {
        two_folded = folded != nullptr;
        folded = &t;
      }
    }
    ambiguous = exact != nullptr ? two_exact : two_folded;
    if (ambiguous) return nullptr;
    return exact != nullptr ? exact : folded;
  };

  if (!schema.empty()) {
    if (const Table* t = only([&](const Table& c) { return same(c.schema, schema); }); t != nullptr || ambiguous) return t;
    // A dump without database names, or SQLite's `main.t`.
    if (engine == Engine::kSqlite && !iequals(schema, "main")) return nullptr;
    return only([](const Table& c) { return c.schema.empty(); });
  }
  for (const std::string& place : search_path) {
    if (const Table* t = only([&](const Table& c) { return same(c.schema, place); }); t != nullptr || ambiguous) return t;
  }
  return only([](const Table&) { return true; });
}

}  // namespace dbaudit
