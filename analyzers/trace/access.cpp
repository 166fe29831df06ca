#include "analyzers/trace/access.h"

#include <algorithm>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/schema/expression.h"
#include "analyzers/trace/bind.h"
#include "analyzers/trace/transaction.h"

namespace dbaudit {

namespace {

template <typename List>
bool contains(const List& list, std::string_view s) {
  return std::find(list.begin(), list.end(), s) != list.end();
}

bool is_star(const SelectItem& item) {
  static const Name kStar("*");
  return item.column.name == kStar;
}

bool is_probe_item(const SelectItem& item) {
  if (!item.computed.has_value()) return false;
  return item.computed->constant || item.computed->exists || item.computed->aggregate == Aggregate::kCount;
}

// `lower(?)`, `upper(?)`: a value folded as the column beside it is.
bool is_folded_value(const Operand& o) {
  return o.kind == OperandKind::kExpression && o.slot >= 0 && (istarts_with(o.text, "lower(") || istarts_with(o.text, "upper("));
}

// The block that only counts or sums up the rows of block `b`: SELECT COUNT(*) FROM (SELECT …) AS sub. -1: there is none.
int summing_block(const StatementFacts& f, int b) {
  const int parent = f.blocks[static_cast<size_t>(b)].parent;
  if (parent < 0) return -1;
  const QueryBlock& outer = f.blocks[static_cast<size_t>(parent)];
  if (outer.tables.size() != 1 || outer.tables.front().derived_block != b || outer.has_where || outer.has_group_by) return -1;
  const bool sums = !outer.items.empty() && std::all_of(outer.items.begin(), outer.items.end(),
                                                        [](const SelectItem& i) { return i.computed->aggregate != Aggregate::kNone; });
  return sums ? parent : -1;
}

// The aggregate of the first item that has one.
void take_aggregate(const QueryBlock& block, ReadAccess& r) {
  for (const SelectItem& item : block.items) {
    if (!item.computed.has_value() || item.computed->aggregate == Aggregate::kNone || r.aggregate != Aggregate::kNone) continue;
    r.aggregate = item.computed->aggregate;
    r.aggregated = item.computed->aggregate_of.name.lower();
    r.plus_slot = item.computed->plus_slot;
  }
}

/// The columns of a table by name. Statements name them in the table's order, as a rule: then the next one is the one that is meant.
class ColumnFinder {
 public:
  explicit ColumnFinder(const Table* table) : table_(table) {}
  /// nullptr: no table, or no such column.
  const Column* find(Name name) {
    if (table_ == nullptr) return nullptr;
    const bool is_next = next_ < table_->columns.size() && table_->columns[next_].name == name;
    const Column* const found = is_next ? &table_->columns[next_] : table_->column(name);
    if (found != nullptr) next_ = static_cast<size_t>(found - table_->columns.data()) + 1;
    return found;
  }

 private:
  const Table* table_;
  size_t next_ = 0;
};

/// What accesses are derived from.
struct Deriving {
  const BoundStatement& statement;
  Engine engine;
  ColumnUseFinder& uses;
};

// Sorts the conditions on table `index` of block `b` into equalities with values and the rest.
void collect_conditions(const Deriving& from, int b, int index, const Table* table, std::vector<KeyColumn>& equal,
                        RareList<OtherCondition>& others) {
  const BoundStatement& s = from.statement;
  const auto add_equal = [&](KeyColumn k) {
    k.uses = from.uses.of(table, table != nullptr ? table->column(k.column) : nullptr, k.column);
    k.primary_part = primary_part(table, k.column);
    k.hash = k.column.empty() ? hash_bytes(k.expression.str()) : k.column.hash();
    equal.push_back(std::move(k));
  };
  const QueryBlock& block = s.facts().blocks[static_cast<size_t>(b)];
  for (const Conjunct& c : block.where) {
    if (c.exists || c.negated_exists) continue;
    const bool bare = !c.column.name.empty();
    int owner = -1;
    if (bare) {
      owner = s.owner(b, c.column);
    } else {
      for (const ColumnRef& read : c.columns) {
        const int o = s.owner(b, read);
        if (owner >= 0 && o != owner) owner = -2;
        if (owner != -2) owner = o;
      }
    }
    if (owner != index) continue;
    const bool by_value = c.right.kind == OperandKind::kSlot || (!bare && c.op == CompareOp::kEq && is_folded_value(c.right));
    if ((c.op == CompareOp::kEq || c.op == CompareOp::kNullSafeEq || c.op == CompareOp::kIn) && by_value) {
      KeyColumn k;
      if (bare) {
        k.column = c.column.name.lower();
      } else {
        k.expression = normalise_expression(c.expression, from.engine);
      }
      k.slot = c.right.slot;
      k.is_list = c.op == CompareOp::kIn;
      add_equal(std::move(k));
      continue;
    }
    if (c.op == CompareOp::kIsNull && bare) {
      KeyColumn k;
      k.column = c.column.name.lower();
      k.is_null = true;
      add_equal(std::move(k));
      continue;
    }
    if (c.from_join && c.right.kind == OperandKind::kColumn) continue;  // how the tables join, not which rows are meant
    OtherCondition o;
    o.op = c.op;
    o.slot = by_value ? c.right.slot : -1;
    if (bare) o.columns.push_back(c.column.name.lower());
    for (const ColumnRef& read : c.columns) {
      const Name name = read.name.lower();
      if (!contains(o.columns, name)) o.columns.push_back(name);
    }
    others.push_back(std::move(o));
  }
}

// `SELECT EXISTS (…)`, or `FROM (SELECT 1 AS dummy) t WHERE EXISTS (…)`.
bool reads_no_table(const StatementFacts& f, const QueryBlock& block) {
  return std::all_of(block.tables.begin(), block.tables.end(), [&](const TableRef& t) {
    return !t.is_cte && t.derived_block >= 0 && f.blocks[static_cast<size_t>(t.derived_block)].tables.empty();
  });
}

// The parent row that a read names by its one-column primary key.
int primary_equal(const Table* table, const std::vector<KeyColumn>& equal) {
  const Key* primary = table != nullptr ? table->primary_key() : nullptr;
  if (primary == nullptr || primary->parts.size() != 1) return -1;
  for (size_t i = 0; i < equal.size(); ++i) {
    if (!equal[i].is_null && !equal[i].is_list && equal[i].column == primary->parts.front().column.lower()) return static_cast<int>(i);
  }
  return -1;
}

void add_reads(const Deriving& from, StatementAccess& out) {
  const BoundStatement& s = from.statement;
  const StatementFacts& f = s.facts();
  // Of the table, that the block fetches by name. Its room is kept: it is filled for each statement.
  thread_local std::vector<Name> columns;
  for (size_t b = 0; b < f.blocks.size(); ++b) {
    const QueryBlock& block = f.blocks[b];
    const std::span<const BoundTable> tables = s.tables_of(b);
    for (size_t i = 0; i < block.tables.size(); ++i) {
      const TableRef& ref = block.tables[i];
      if (ref.is_cte || ref.derived_block >= 0 || tables[i].name.empty()) continue;
      if (ref.role == TableRole::kTarget) continue;
      ReadAccess& r = out.reads.emplace_back();
      r.block = static_cast<int>(b);
      r.set_table(tables[i].table, tables[i].name, from.uses);
      r.exact = block.where_exact && f.quality == Quality::kFull;
      r.top_level = block.parent < 0 && block.cte_name.empty();
      r.joined = block.tables.size() > 1;
      collect_conditions(from, static_cast<int>(b), static_cast<int>(i), r.table, r.equal, r.others);
      r.one_row = picks_one_row(r.table, r.equal);
      r.primary_equal = primary_equal(r.table, r.equal);
      for (const LockClause& lock : block.locks) {
        const bool meant = lock.of.empty() || contains(lock.of, ref.alias) || contains(lock.of, ref.name.name);
        if (!meant || lock.strength <= r.lock) continue;
        r.lock = lock.strength;
        r.wait = lock.wait;
      }
      r.limited = block.has_limit;
      r.limit_slot = block.limit_slot;
      r.paged = block.offset_slot >= 0;
      r.offset_slot = block.offset_slot;
      r.ordered = !block.order_by.empty();
      r.descending = std::any_of(block.order_by.begin(), block.order_by.end(), [](const OrderItem& o) { return o.descending; });
      if (r.limited && r.ordered && block.order_by.front().descending &&
          s.owner(static_cast<int>(b), block.order_by.front().column) == static_cast<int>(i)) {
        r.latest_by = block.order_by.front().column.name.lower();
      }
      // EXISTS (SELECT … FROM t WHERE …): the inner block is asked only whether it has a row.
      bool inside_exists = false;
      if (block.parent >= 0) {
        const QueryBlock& parent = f.blocks[static_cast<size_t>(block.parent)];
        for (const SelectItem& item : parent.items) inside_exists |= item.computed->exists && item.computed->block == static_cast<int>(b);
        for (const Conjunct& c : parent.where) inside_exists |= c.exists && c.right.block == static_cast<int>(b);
        if (inside_exists && parent.parent < 0 && reads_no_table(f, parent)) r.top_level = true;  // SELECT EXISTS (…)
      }
      const auto is_of_this = [&](const ColumnRef& c) {
        return (c.table >= 0 ? c.table : s.owner(static_cast<int>(b), c)) == static_cast<int>(i);
      };
      bool all_probe = !block.items.empty();
      columns.clear();
      for (const SelectItem& item : block.items) {
        all_probe &= is_probe_item(item);
        if (is_star(item)) {
          r.all_columns |= item.column.qualifier.empty() || is_of_this(item.column);
        } else if (!item.column.name.empty() && is_of_this(item.column)) {
          columns.push_back(item.column.name.lower());
        }
      }
      take_aggregate(block, r);
      r.probe = all_probe || inside_exists;
      if (const int outer = summing_block(f, static_cast<int>(b)); outer >= 0) {
        const QueryBlock& sums = f.blocks[static_cast<size_t>(outer)];
        take_aggregate(sums, r);
        r.probe = std::all_of(sums.items.begin(), sums.items.end(), is_probe_item);
        r.top_level = sums.parent < 0 && sums.cte_name.empty();
      }
      if (r.all_columns && r.table != nullptr) r.of_star = static_cast<uint32_t>(r.table->columns.size());
      r.fetched.reserve(r.of_star + columns.size());
      const auto fetch = [&](Name column, const Column* known) { r.fetched.push_back({column, from.uses.of(r.table, known, column)}); };
      for (uint32_t c = 0; c < r.of_star; ++c) fetch(r.table->columns[c].name.lower(), &r.table->columns[c]);
      ColumnFinder known(r.table);
      for (const Name column : columns) fetch(column, known.find(column));
      out.tables_read |= r.bit;
    }
  }
}

ColumnWrite column_write(ColumnUseFinder& uses, const Table* table, ColumnFinder& known, Name column, const Operand& value) {
  ColumnWrite c;
  c.column = column.lower();
  c.value = &value;
  c.known = known.find(c.column);
  c.uses = uses.of(table, c.known, c.column);
  c.hash = c.column.hash();
  return c;
}

// By the foreign keys whose columns all get a value.
std::vector<ReferredRow> referred_rows(const WriteAccess& w) {
  std::vector<ReferredRow> rows;
  if (w.table == nullptr) return rows;
  for (const ForeignKey& fk : w.table->foreign_keys) {
    ReferredRow row;
    row.key = &fk;
    for (const std::string& column : fk.columns) {
      const ColumnWrite* c = w.find(to_lower(column));
      if (c != nullptr && c->takes_value()) row.slots.push_back(c->value->slot);
    }
    if (!row.slots.empty() && row.slots.size() == fk.columns.size()) rows.push_back(std::move(row));
  }
  return rows;
}

void add_writes(const Deriving& from, StatementAccess& out) {
  const BoundStatement& s = from.statement;
  const StatementFacts& f = s.facts();
  for (size_t i = 0; i < f.writes.size(); ++i) {
    const Write& w = f.writes[i];
    if (w.targets.size() != 1) continue;  // MySQL's multi-table forms: which rows of which table is not told apart yet
    WriteAccess& a = out.writes.emplace_back();
    a.write = static_cast<int>(i);
    a.kind = w.kind;
    a.upsert = w.upsert;
    a.set_table(s.write_tables()[i].table, s.write_tables()[i].name, from.uses);
    a.rows = w.rows;
    a.hidden = w.hidden;
    ColumnFinder known(a.table);
    if (a.is_insert()) {
      a.guarded_insert = w.not_exists_block >= 0;
      a.set.reserve(w.insert_values.size());
      for (size_t c = 0; c < w.insert_values.size(); ++c) {
        Name column;
        if (c < w.insert_columns.size()) {
          column = w.insert_columns[c];
        } else if (w.insert_columns.empty() && a.table != nullptr && c < a.table->columns.size()) {
          column = a.table->columns[c].name;
        } else {
          break;
        }
        a.set.push_back(column_write(from.uses, a.table, known, column, w.insert_values[c]));
      }
    } else {
      a.set.reserve(w.set.size());
      for (const Assignment& set : w.set) a.set.push_back(column_write(from.uses, a.table, known, set.column.name, set.value));
      if (w.block >= 0) {
        const QueryBlock& block = f.blocks[static_cast<size_t>(w.block)];
        a.has_where = block.has_where;
        a.exact = block.where_exact && f.quality == Quality::kFull;
        int target = -1;
        for (size_t t = 0; t < block.tables.size(); ++t) {
          if (block.tables[t].role == TableRole::kTarget) target = static_cast<int>(t);
        }
        if (target >= 0) collect_conditions(from, w.block, target, a.table, a.equal, a.others);
        a.one_row = picks_one_row(a.table, a.equal);
      }
    }
    if (a.is_insert() || a.kind == StatementKind::kUpdate) a.refers_to = referred_rows(a);
    if (a.kind == StatementKind::kUpdate && a.table != nullptr) a.version_column = from.uses.version_column(*a.table);
    for (uint32_t c = 0; c < a.set.size(); ++c) {
      if (a.set[c].is_for(ColumnUse::kReference)) a.references.push_back(c);
    }
    out.tables_written |= a.bit;
  }
}

TraitMask traits_of(const StatementAccess& access, const StatementFacts& facts) {
  TraitMask traits = Trait::kStatement;
  if (!facts.locks.empty()) traits |= Trait::kLocks;
  for (const ReadAccess& r : access.reads) {
    traits |= Trait::kReads;
    if (r.lock != LockStrength::kNone) traits |= Trait::kLockingReads;
    if (r.aggregate == Aggregate::kCount || r.aggregate == Aggregate::kSum) traits |= Trait::kSums;
    if (r.aggregate == Aggregate::kMax || !r.latest_by.empty()) traits |= Trait::kNumberReads;
  }
  for (const WriteAccess& w : access.writes) {
    if (w.is_insert()) {
      traits |= Trait::kInserts;
    } else if (w.kind == StatementKind::kUpdate) {
      traits |= Trait::kUpdates;
    } else {
      traits |= w.kind == StatementKind::kDelete ? Trait::kDeletes : Trait::kOtherWrites;
    }
    if (w.upsert != UpsertKind::kNone) traits |= Trait::kUpserts;
    if (w.kind == StatementKind::kMerge || facts.writes[static_cast<size_t>(w.write)].source == InsertSource::kSelect)
      traits |= Trait::kInsertsQuery;
    if (w.kind != StatementKind::kUpdate) continue;
    for (const ColumnWrite& c : w.set) {
      if (c.known != nullptr && c.known->nullable) traits |= Trait::kSetsNullable;
      if (c.value->kind == OperandKind::kSelfRelative) traits |= Trait::kSetsRelative;
    }
  }
  return traits;
}

}  // namespace

void AccessedTable::set_table(const Table* known, Name called, ColumnUseFinder& uses) {
  table = known;
  name = called;
  name_hash = name.hash();
  bit = TableSet{1} << (name_hash & 63);
  housekeeping = uses.is_housekeeping(name);
  const Key* const primary = known != nullptr ? known->primary_key() : nullptr;
  primary_parts = static_cast<uint16_t>(primary != nullptr ? primary->parts.size() : 0);
}

uint16_t primary_part(const Table* table, Name column) {
  const Key* const primary = table != nullptr ? table->primary_key() : nullptr;
  if (primary == nullptr) return 0;
  const auto part = std::find_if(primary->parts.begin(), primary->parts.end(), [&](const KeyPart& p) { return p.column == column; });
  return static_cast<uint16_t>(part != primary->parts.end() ? part - primary->parts.begin() + 1 : 0);
}

bool ReadAccess::projects(std::string_view column) const {
  const std::span<const FetchedColumn> named = columns();
  return all_columns || std::any_of(named.begin(), named.end(), [&](const FetchedColumn& c) { return c.name == column; });
}

bool ReadAccess::projects(const ColumnWrite& written) const {
  return all_columns || std::any_of(fetched.begin(), fetched.end(), [&](const FetchedColumn& c) { return c.name == written.column; });
}

const ColumnWrite* WriteAccess::find(std::string_view column) const {
  for (const ColumnWrite& c : set) {
    if (c.column == column) return &c;
  }
  return nullptr;
}

bool picks_one_row(const Table* table, const std::vector<KeyColumn>& equal) {
  if (table == nullptr) return false;
  for (const Key& key : table->keys) {
    if (!key.unique || key.parts.empty()) continue;
    const bool covered = std::all_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& p) {
      return !p.column.empty() && std::any_of(equal.begin(), equal.end(),
                                              [&](const KeyColumn& k) { return !k.is_null && !k.is_list && k.column == p.column.lower(); });
    });
    if (covered) return true;
  }
  return false;
}

StatementAccess derive_access(const BoundStatement& statement, Engine engine, ColumnUseFinder& uses) {
  StatementAccess out;
  if (statement.facts().quality == Quality::kOpaque) return out;
  const Deriving from{statement, engine, uses};
  add_reads(from, out);
  add_writes(from, out);
  out.traits = traits_of(out, statement.facts());
  return out;
}

TraitMask traits_of(const WorkUnit& unit) {
  TraitMask traits = Trait::kNothing;
  TableSet read = 0, updated = 0, deleted = 0;
  for (const Op& op : unit.ops) {
    const StatementAccess& access = op.statement->access;
    traits |= access.traits;
    if (op.failed) traits |= Trait::kFailures;
    read |= access.tables_read;
    for (const WriteAccess& w : access.writes) {
      const bool was_read = (w.bit & read) != 0;
      if (w.is_insert()) {
        if (was_read) traits |= Trait::kInsertsRead;
        if ((w.bit & updated) != 0) traits |= Trait::kInsertsUpdated;
        if ((w.bit & deleted) != 0) traits |= Trait::kInsertsDeleted;
      } else if (w.kind == StatementKind::kUpdate) {
        if (was_read) traits |= Trait::kUpdatesRead;
        if ((w.bit & updated) != 0) traits |= Trait::kUpdatesTwice;
        updated |= w.bit;
      } else if (w.kind == StatementKind::kDelete) {
        if (was_read) traits |= Trait::kDeletesRead;
        deleted |= w.bit;
      }
    }
  }
  return traits;
}

}  // namespace dbaudit
