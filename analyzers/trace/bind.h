#pragma once
// Names in a statement → tables and columns of the catalog. Once per template.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/prefetch.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/sql/templates.h"
#include "analyzers/trace/access.h"

namespace dbaudit {

/// A name resolved.
struct BoundTable {
  const Table* table = nullptr;  ///< null when there is no schema, the table is not in it, or the name is ambiguous
  Name name;                     ///< to print and compare (qualified when the catalog tells); empty for what is no table
};

/// A template with its names resolved.
class BoundStatement {
 public:
  const Template* source = nullptr;
  uint32_t id = 0;                       ///< of the template: asked for where that is far away
  StatementAccess access;                ///< rows read and written
  std::vector<BoundTable> bound_tables;  ///< of all blocks, one after the other, and then those of writes

  [[nodiscard]] const StatementFacts& facts() const { return source->facts; }
  /// It is looked at soon, and what it holds: that was made next to it, mostly behind it.
  void expect() const {
    constexpr size_t kNear = 448;
    prefetch(this, kNear);
  }
  /// Parallel to facts().blocks[b].tables.
  [[nodiscard]] std::span<const BoundTable> tables_of(size_t b) const;
  /// Parallel to facts().writes: the first target.
  [[nodiscard]] std::span<const BoundTable> write_tables() const { return std::span(bound_tables).last(facts().writes.size()); }
  /// Index of the table in block `b` that owns the column, or -1: by alias, by being the only table, by being the only table with such a column.
  [[nodiscard]] int owner(int b, const ColumnRef& c) const;
};

class Binder {
 public:
  explicit Binder(const Catalog* catalog) : catalog_(catalog) {}
  /// The binding of a template; made at its first use. Valid for the binder's life.
  const BoundStatement* bind(const Template& t);
  /// One more than the highest number of a template bound.
  [[nodiscard]] size_t size() const { return by_id_.size(); }
  /// The template is bound soon; and, a little later, very soon.
  void expect_far(const Template& t) const {
    if (t.id < by_id_.size()) prefetch(&by_id_[t.id]);
  }
  void expect(const Template& t) const {
    if (t.id < by_id_.size() && by_id_[t.id] != nullptr) by_id_[t.id]->expect();
  }

 private:
  const Catalog* catalog_;
  ColumnUseFinder uses_;
  std::vector<std::unique_ptr<BoundStatement>> by_id_;
};

}  // namespace dbaudit
