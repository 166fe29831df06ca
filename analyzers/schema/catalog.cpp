#include "analyzers/schema/catalog.h"

#include <algorithm>
#include <numeric>

#include "analyzers/base/text.h"

namespace dbaudit {

const Column* Table::column(Name wanted) const {
  for (const Column& c : columns) {
    if (c.name == wanted) return &c;
  }
  for (const Column& c : columns) {
    if (iequals(c.name, wanted)) return &c;
  }
  return nullptr;
}

const Key* Table::primary_key() const {
  for (const Key& k : keys) {
    if (k.primary) return &k;
  }
  return nullptr;
}

std::string Table::qualified() const { return schema.empty() ? name.str() : schema.str() + "." + name.str(); }

void Catalog::finish() {
  // Tables are large: their places are sorted first.
  std::vector<uint32_t> order(tables.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t i, uint32_t j) {
    const Table &a = tables[i], &b = tables[j];
    return a.schema == b.schema ? a.name < b.name : a.schema < b.schema;
  });
  std::vector<Table> sorted;
  sorted.reserve(tables.size());
  for (const uint32_t i : order) sorted.push_back(std::move(tables[i]));
  tables = std::move(sorted);
  if (search_path.empty() && engine == Engine::kPostgres) search_path.emplace_back("public");
  path_.assign(search_path.begin(), search_path.end());
  by_name_.clear();
  children_.clear();
  std::vector<Name> parents;
  for (uint32_t i = 0; i < tables.size(); ++i) {
    Table& t = tables[i];
    t.columns.shrink_to_fit();
    t.shown = t.qualified();
    by_name_.add(t.name, i);
    parents.clear();
    for (const ForeignKey& fk : t.foreign_keys) {
      const Name parent = Name(fk.referenced_table).lower();
      if (std::find(parents.begin(), parents.end(), parent) != parents.end()) continue;
      parents.push_back(parent);
      children_.add(parent, i);
    }
  }
}

std::vector<const Table*> Catalog::children_of(const Table& table) const {
  std::vector<const Table*> children;
  children_.for_each(table.name, [&](uint32_t i) {
    const bool here = std::any_of(tables[i].foreign_keys.begin(), tables[i].foreign_keys.end(), [&](const ForeignKey& fk) {
      return iequals(fk.referenced_table, table.name) && (fk.referenced_schema.empty() || iequals(fk.referenced_schema, table.schema));
    });
    if (here) children.push_back(&tables[i]);
  });
  return children;
}

const Table* Catalog::find(Name schema, Name name) const {
  if (!by_name_.contains(name)) return nullptr;
  const bool exact_names = engine == Engine::kPostgres;
  const auto same = [&](Name a, Name b) { return a == b || (!exact_names && iequals(a, b)); };

  // The one table that answers to the name and satisfies `in_place`; an exact spelling beats another case.
  bool ambiguous = false;
  const auto only = [&](auto&& in_place) -> const Table* {
    const Table* exact = nullptr;
    const Table* folded = nullptr;
    bool two_exact = false, two_folded = false;
    by_name_.for_each(name, [&](uint32_t i) {
      const Table& t = tables[i];
      if (!same(t.name, name) || !in_place(t)) return;
      if (t.name == name) {
        two_exact = exact != nullptr;
        exact = &t;
      } else {
        two_folded = folded != nullptr;
        folded = &t;
      }
    });
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
  for (const Name place : path_) {
    if (const Table* t = only([&](const Table& c) { return same(c.schema, place); }); t != nullptr || ambiguous) return t;
  }
  return only([](const Table&) { return true; });
}

}  // namespace dbaudit
