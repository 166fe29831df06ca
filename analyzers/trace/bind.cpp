#include "analyzers/trace/bind.h"

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

// What a table is called in findings and compared by: the catalog's qualified name, else the name as written without its schema, folded.
Name shown_name(const Table* table, const ObjectName& name) {
  if (table != nullptr) return table->shown;
  return name.quoted ? name.name : name.name.lower();
}

}  // namespace

std::span<const BoundTable> BoundStatement::tables_of(size_t b) const {
  const StatementFacts& f = facts();
  size_t before = 0;
  for (size_t i = 0; i < b; ++i) before += f.blocks[i].tables.size();
  return std::span(bound_tables).subspan(before, f.blocks[b].tables.size());
}

int BoundStatement::owner(int b, const ColumnRef& c) const {
  const StatementFacts& f = facts();
  if (b < 0 || static_cast<size_t>(b) >= f.blocks.size()) return -1;
  const QueryBlock& block = f.blocks[static_cast<size_t>(b)];
  if (c.table >= 0) return c.table;
  if (!c.qualifier.empty()) return -1;
  if (block.tables.size() == 1) return 0;
  const std::span<const BoundTable> tables = tables_of(static_cast<size_t>(b));
  int found = -1;
  for (size_t i = 0; i < block.tables.size(); ++i) {
    const Table* t = tables[i].table;
    if (t == nullptr) return -1;  // the column could be that table's
    if (t->column(c.name) == nullptr) continue;
    if (found >= 0) return -1;
    found = static_cast<int>(i);
  }
  return found;
}

const BoundStatement* Binder::bind(const Template& t) {
  if (t.id >= by_id_.size()) by_id_.resize(t.id + 1);
  auto& slot = by_id_[t.id];
  if (slot) return slot.get();
  slot = std::make_unique<BoundStatement>();
  BoundStatement& bound = *slot;
  bound.source = &t;
  bound.id = t.id;
  auto find = [&](const ObjectName& name) -> const Table* {
    return catalog_ == nullptr ? nullptr : catalog_->find(name.schema, name.name);
  };
  size_t names = t.facts.writes.size();
  for (const QueryBlock& block : t.facts.blocks) names += block.tables.size();
  bound.bound_tables.reserve(names);
  for (const QueryBlock& block : t.facts.blocks) {
    for (const TableRef& ref : block.tables) {
      const bool real = !ref.is_cte && ref.derived_block < 0;
      const Table* table = real ? find(ref.name) : nullptr;
      bound.bound_tables.push_back({table, real ? shown_name(table, ref.name) : Name()});
    }
  }
  for (const Write& w : t.facts.writes) {
    const Table* table = w.targets.empty() ? nullptr : find(w.targets.front());
    bound.bound_tables.push_back({table, w.targets.empty() ? Name() : shown_name(table, w.targets.front())});
  }
  bound.access = derive_access(bound, catalog_ == nullptr ? Engine::kUnknown : catalog_->engine, uses_);
  return &bound;
}

}  // namespace dbaudit
