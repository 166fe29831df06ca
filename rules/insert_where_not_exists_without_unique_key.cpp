// DBA102: look and insert in one statement, and no unique key. One statement is not one step.
//
//   A: INSERT INTO label (name) SELECT 'x' WHERE NOT EXISTS (SELECT 1 FROM label WHERE name = 'x')   → 1 row
//   B: INSERT INTO label (name) SELECT 'x' WHERE NOT EXISTS (SELECT 1 FROM label WHERE name = 'x')   → 1 row: A has not committed yet
//
// The same as `… HAVING COUNT(*) = 0` over the target, as `(SELECT COUNT(*) …) = 0`, and as MERGE … WHEN NOT MATCHED THEN INSERT. Silent: SQLite (one
// writer at a time), a lock taken first, a guard that asks for other columns than the INSERT fills, or for a range. With a unique key the loser gets an
// error that no upsert would give.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "rules/lookup_insert.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

struct Guard {
  std::vector<std::string> key_columns, null_columns;
  std::vector<LookupColumn> lookup;
  bool copies_rows = false;  ///< the source is another table: as many rows as that has
  bool random = false;
};

void add_column(Guard& guard, std::string column, const Value& value) {
  LookupColumn c;
  c.column = column;
  if (value.known()) {
    c.has_value = !value.is_null();
    c.is_null = value.is_null();
    c.known_not_null = !value.is_null();
    c.value = std::string(value.text);
    guard.random |= looks_random(value);
  }
  guard.lookup.push_back(std::move(c));
  guard.key_columns.push_back(std::move(column));
}

bool inserts(const WriteAccess& insert, const Write& write, std::string_view column) {
  if (insert.find(column) != nullptr) return true;
  return std::any_of(write.insert_columns.begin(), write.insert_columns.end(), [&](const std::string& c) { return iequals(c, column); });
}

/// K of a guard: each condition an equality with what is inserted. Empty otherwise.
Guard guard_of_block(const Op& op, const WriteAccess& insert, const Write& write, const ReadAccess& looked_at) {
  Guard guard;
  if (!looked_at.exact || looked_at.joined) return {};
  for (const KeyColumn& k : looked_at.equal) {
    if (k.is_list || k.column.empty()) return {};
    const ColumnWrite* written = insert.find(k);
    if (k.is_null) {
      if (written != nullptr && !(written->value->kind == OperandKind::kSlot && op.value(written->value->slot).is_null())) return {};
      LookupColumn c;
      c.column = k.column;
      c.is_null = true;
      guard.lookup.push_back(std::move(c));
      guard.null_columns.push_back(k.column);
      continue;
    }
    if (!inserts(insert, write, k.column)) return {};
    const Value& asked = op.value(k.slot);
    if (written != nullptr && written->value->kind == OperandKind::kSlot) {
      const Value& given = op.value(written->value->slot);
      if (asked.known() && given.known() && !same_value(asked, given)) return {};
    }
    add_column(guard, k.column, asked);
  }
  for (const OtherCondition& o : looked_at.others) {
    // `t.name = source.name`: the column of the row that is about to be inserted.
    if ((o.op != CompareOp::kEq && o.op != CompareOp::kNullSafeEq) || o.columns.size() != 1 || !inserts(insert, write, o.columns.front()))
      return {};
    add_column(guard, o.columns.front(), Value{});
  }
  return guard;
}

bool counts_to_zero(const Op& op, const Conjunct& c) {
  double limit = -1;
  return c.op == CompareOp::kEq && c.right.kind == OperandKind::kSlot && as_number(op.value(c.right.slot), limit) && limit == 0;
}

/// The block that NOT EXISTS asks: its own, or that of the CTE it names (`WITH sel AS (SELECT …) INSERT … WHERE NOT EXISTS (SELECT 1 FROM sel)`). -1: none.
int block_asked(const StatementFacts& facts, const Write& write) {
  if (write.not_exists_block < 0) return -1;
  const QueryBlock& block = facts.blocks[static_cast<size_t>(write.not_exists_block)];
  if (block.tables.size() != 1 || !block.tables.front().is_cte || block.has_where) return write.not_exists_block;
  for (size_t b = 0; b < facts.blocks.size(); ++b) {
    if (facts.blocks[b].cte_name == block.tables.front().name.name) return static_cast<int>(b);
  }
  return -1;
}

/// Does the read decide whether there is something to insert: NOT EXISTS (…), COUNT(*) = 0, (SELECT …) IS NULL?
bool decides(const Op& op, const Write& write, const ReadAccess& r) {
  const StatementFacts& facts = op.facts();
  if (r.block == block_asked(facts, write)) return true;
  if (write.block < 0) return false;
  const QueryBlock& source = facts.blocks[static_cast<size_t>(write.block)];
  if (r.block == write.block) {
    return source.has_having && source.having.size() == 1 && istarts_with(source.having.front().expression, "count(") &&
           counts_to_zero(op, source.having.front());
  }
  const QueryBlock& asked = facts.blocks[static_cast<size_t>(r.block)];
  if (asked.parent != write.block || asked.items.size() != 1) return false;
  const bool counts = asked.items.front().computed->aggregate == Aggregate::kCount;
  return std::any_of(source.where.begin(), source.where.end(), [&](const Conjunct& c) {
    if (!istarts_with(c.expression, "(select ")) return false;
    return counts ? counts_to_zero(op, c) : c.op == CompareOp::kIsNull;
  });
}

/// `WITH up AS (UPDATE … RETURNING …) INSERT … WHERE NOT EXISTS (SELECT … FROM up)`: the UPDATE looks.
Guard guard_of_update(const Op& op, const WriteAccess& insert, const Write& write) {
  const int asked = block_asked(op.facts(), write);
  const int update = asked >= 0 ? op.facts().blocks[static_cast<size_t>(asked)].write : -1;
  for (const WriteAccess& w : op.statement->access.writes) {
    if (update < 0 || w.write != update || w.kind != StatementKind::kUpdate || !w.same_table(insert)) continue;
    ReadAccess looked_at;
    looked_at.equal = w.equal;
    looked_at.others = w.others;
    looked_at.exact = w.exact;
    return guard_of_block(op, insert, write, looked_at);
  }
  return {};
}

Guard guard_of_insert(const Op& op, const WriteAccess& insert, const Write& write) {
  Guard guard = guard_of_update(op, insert, write);
  for (const ReadAccess& r : op.statement->access.reads) {
    if (!guard.key_columns.empty()) break;
    if (r.same_table(insert) && decides(op, write, r)) guard = guard_of_block(op, insert, write, r);
  }
  if (write.block >= 0) {
    for (const BoundTable& from : op.statement->tables_of(static_cast<size_t>(write.block)))
      guard.copies_rows |= !from.name.empty() && from.name != insert.name && !iequals(from.name, "dual");
  }
  return guard;
}

/// MERGE INTO t USING source ON t.k = source.k … WHEN NOT MATCHED THEN INSERT.
Guard guard_of_merge(const Op& op, const Write& write) {
  if (write.block < 0 || write.source == InsertSource::kNone) return {};
  Guard guard;
  const StatementFacts& facts = op.facts();
  const QueryBlock& block = facts.blocks[static_cast<size_t>(write.block)];
  const std::span<const BoundTable> tables = op.statement->tables_of(static_cast<size_t>(write.block));
  int target = -1;
  for (size_t t = 0; t < block.tables.size(); ++t) {
    if (block.tables[t].role == TableRole::kTarget) target = static_cast<int>(t);
    const std::string& name = tables[t].name;
    guard.copies_rows |= block.tables[t].role != TableRole::kTarget && !name.empty();
  }
  if (target < 0) return {};
  for (const Conjunct& c : block.where) {
    if (c.op != CompareOp::kEq) return {};
    std::string column;
    if (op.statement->owner(write.block, c.column) == target) {
      column = to_lower(c.column.name);
    } else if (c.right.kind == OperandKind::kColumn && op.statement->owner(write.block, c.right.column) == target) {
      column = to_lower(c.right.column->name);
    }
    if (column.empty()) return {};
    add_column(guard, std::move(column), c.right.kind == OperandKind::kSlot ? op.value(c.right.slot) : Value{});
  }
  return guard;
}

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& op = unit.ops[w];
    if (op.truncated || op.facts().quality != Quality::kFull) continue;
    for (const WriteAccess& insert : op.statement->access.writes) {
      const bool merges = insert.kind == StatementKind::kMerge;
      if ((!insert.is_insert() && !merges) || insert.upsert != UpsertKind::kNone || insert.housekeeping) continue;
      const Write& write = op.facts().writes[static_cast<size_t>(insert.write)];
      if (!merges && write.source != InsertSource::kSelect) continue;
      const Guard guard = merges ? guard_of_merge(op, write) : guard_of_insert(op, insert, write);
      if (guard.key_columns.empty() || protected_by_lock(unit, w, w, insert)) continue;
      Match m;
      m.unit = &unit;
      m.table = insert.table;
      m.table_name = insert.name;
      m.read = m.write = w;
      m.has_write = true;
      m.columns = m.key_columns = guard.key_columns;
      m.null_columns = guard.null_columns;
      m.pattern = Pattern::kInsertWhereNotExists;
      if (insert.table == nullptr || context.catalog() == nullptr || guard.copies_rows || guard.random)
        m.confidence = Confidence::kPossible;
      if (insert.table != nullptr && context.catalog() != nullptr) {
        const Protection& p = context.protection(*insert.table, guard.lookup);
        if (!p.certain) m.confidence = Confidence::kPossible;
        if (p.key != nullptr) {
          m.pattern = Pattern::kInsertWhereNotExistsUnique;
          // Whether the application runs it again after the error, no log shows.
          m.severity = merges ? Severity::kWarning : Severity::kNote;
          m.confidence = Confidence::kPossible;
          if (is_duplicate_error(op)) {
            m.severity = Severity::kWarning;
            m.confidence = Confidence::kObserved;
            m.evidence.push_back({"duplicate-key-error", "the guard saw no row, and the unique key refused the one inserted", {}});
            m.evidence_op = w;
          }
        } else if (p.near_miss != nullptr) {
          m.near_miss = p.why_not;
        }
      }
      context.place_alone(m);
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const Write* write = f.material.write != nullptr ? f.material.write->write() : nullptr;
  const std::string_view what = write != nullptr && write->kind == StatementKind::kMerge ? "MERGE" : "INSERT … WHERE NOT EXISTS";
  const std::string key = list_of(f.material.key_columns);
  if (f.pattern == Pattern::kInsertWhereNotExistsUnique) {
    finding.message = fmt::format("{} into {} races with itself: the unique key on ({}) turns the second row into an error.", what,
                                  f.material.table_name, key);
  } else if (f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock) {
    finding.message =
        fmt::format("No unique key keeps {} ({}) single; at this level one of two racing sessions gets an error it must retry.",
                    f.material.table_name, key);
  } else {
    finding.message =
        fmt::format("Two sessions can run {} at once and both insert: nothing keeps {} ({}) unique.", what, f.material.table_name, key);
  }
  if (!f.near_miss.empty()) finding.message += fmt::format(" A key looks as if it did: {}.", f.near_miss);
  add_fixes(finding, suggest::unique_key(f.material));
  add_fixes(finding, suggest::guarded_insert_as_upsert(f.material));
}

}  // namespace

extern const Rule kRule_insert_where_not_exists_without_unique_key;
const Rule kRule_insert_where_not_exists_without_unique_key = {
    "DBA102",
    "insert-where-not-exists-without-unique-key",
    Severity::kError,
    "One statement looks and inserts (WHERE NOT EXISTS, MERGE), and no unique key stops two sessions from doing it at once",
    {Trait::kInsertsQuery},
    check,
    describe,
    DataQuestion::kDuplicates};

}  // namespace dbaudit
