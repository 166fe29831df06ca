// DBA404: two transactions lock the same rows in opposite order.
//
//   A: UPDATE … WHERE id = 1      B: UPDATE … WHERE id = 2
//   A: UPDATE … WHERE id = 2      waits for B
//   B: UPDATE … WHERE id = 1      waits for A: deadlock
//
// Rows are told by their key values, over the whole log: a pair (a, b) is a finding when some transaction locked b before a, unless both had locked the same row
// first or hold a lock that keeps them apart. FOR UPDATE, UPDATE, DELETE and upserts of one row; a locked set (`IN (…) ORDER BY`) has the engine's order.

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"
#include "rules/protection.h"
#include "rules/statement_text.h"

namespace dbaudit {

namespace {

constexpr size_t kWindow = 8;     // rows locked before this one that it is paired with
constexpr size_t kMaxRows = 64;   // rows of one transaction that are paired: a batch of thousands locks them all in its one order
constexpr size_t kMaxBroad = 64;  // table and advisory locks looked at, latest first
constexpr size_t kMaxSets = 8;    // locked sets remembered per transaction

struct Taken {
  uint64_t row = 0;
  uint32_t op = 0;
  const std::string* table_name = nullptr;
  const Table* table = nullptr;
  const std::vector<KeyColumn>* equal = nullptr;
};

// The row that an upsert of one row locks: the first unique key that all its values fill.
uint64_t upserted_row(const WriteAccess& w, const Op& op) {
  const bool upsert = w.upsert == UpsertKind::kConflictUpdate || w.upsert == UpsertKind::kDuplicateUpdate;
  if (!upsert || w.rows != 1 || w.table == nullptr) return 0;
  for (const Key& key : w.table->keys) {
    if (!key.unique || key.parts.empty()) continue;
    uint64_t h = hash_bytes(w.name);
    for (const KeyPart& part : key.parts) {
      const ColumnWrite* c = part.column.empty() ? nullptr : w.find(to_lower(part.column));
      const Value& v = op.value(c != nullptr && c->value->kind == OperandKind::kSlot ? c->value->slot : kNoSlot);
      if (!v.known() || v.is_null()) {
        h = 0;
        break;
      }
      h = hash_combine(h, hash_combine(hash_bytes(part.column), v.hash()));
    }
    if (h != 0) return h;
  }
  return 0;
}

// What the op locks for itself; its row is 0 when that is a set, or cannot be told.
Taken taken_by(const WorkUnit& unit, uint32_t i) {
  const Op& op = unit.ops[i];
  if (op.failed && !is_deadlock(op)) return {};
  for (const ReadAccess& r : op.statement->access.reads) {
    if (!is_locking(r.lock) || r.wait != LockWait::kBlock || !r.top_level || op.rows == 0) continue;
    return {row_identity(r, r.equal, op), i, &r.name.str(), r.table, &r.equal};
  }
  if (op.statement->access.writes.size() != 1) return {};
  const WriteAccess& w = op.statement->access.writes.front();
  if (w.hidden || op.rows == 0 || (w.is_insert() && w.upsert == UpsertKind::kNone)) return {};
  return {w.is_insert() ? upserted_row(w, op) : row_identity(w, w.equal, op), i, &w.name.str(), w.table, &w.equal};
}

// Does a table or advisory lock, taken before, let one such transaction in at a time?
bool kept_apart(const WorkUnit& unit, uint32_t op) {
  const std::span<const HeldLock> broad = unit.locks->broad();
  size_t looked = 0;
  for (auto it = broad.rbegin(); it != broad.rend() && looked < kMaxBroad; ++it) {
    if (it->op >= op) continue;
    ++looked;
    if (it->exclusive() && is_held(unit, *it, op)) return true;
  }
  return false;
}

uint64_t order_key(const Taken& a, const Taken& b) { return hash_combine(hash_combine(0x404, a.row), b.row); }

void pair_up(const WorkUnit& unit, RuleContext& context, const Taken& first, const Taken& a, const Taken& b) {
  const uint64_t mine = order_key(a, b);
  const uint64_t other = order_key(b, a);
  context.note(mine, unit, b.op);
  if (first.row != a.row) context.note(hash_combine(mine, first.row), unit, b.op);
  // Of two tables one direction tells it all.
  if (*a.table_name > *b.table_name && !is_deadlock(unit.ops[b.op])) return;
  Match m;
  m.unit = &unit;
  m.table = b.table;
  m.table_name = *b.table_name;
  if (*a.table_name != *b.table_name) m.more_tables.push_back(*a.table_name);
  m.read = a.op;
  m.write = b.op;
  m.has_read = m.has_write = true;
  m.read_role = "first-lock";
  m.write_role = "second-lock";
  for (const KeyColumn& k : *b.equal) m.key_columns.push_back(k.name());
  if (m.key_columns.empty() && b.table != nullptr && b.table->primary_key() != nullptr) {
    for (const KeyPart& part : b.table->primary_key()->parts) m.key_columns.push_back(to_lower(part.column));
  }
  m.columns = m.key_columns;
  m.pattern = Pattern::kOppositeOrder;
  m.severity = Severity::kWarning;
  m.needs =
      Need{other, hash_combine(other, first.row), false, "opposite-order", "this transaction locks the same two rows in the opposite order",
           false};
  context.place(m);
  if (!m.level_known) m.confidence = Confidence::kPossible;
  if (is_deadlock(unit.ops[b.op])) {
    m.confidence = Confidence::kObserved;
    m.evidence.push_back(
        {"deadlock", fmt::format("the second statement was the victim of a deadlock ({})", unit.ops[b.op].error_code()), {}});
    m.evidence_op = b.op;
  }
  context.report(std::move(m));
}

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.engine == Engine::kSqlite) return;
  for (const Transaction& tx : unit.transactions) {
    if (!tx.is_explicit || tx.last <= tx.first) continue;
    std::array<Taken, kWindow> window;
    std::vector<Taken> sets;
    size_t count = 0;
    Taken first;
    // Locked before, alone or in a set: nothing more is waited for.
    const auto is_known = [&](const Taken& b) {
      if (b.row == first.row) return true;
      for (size_t k = 0; k < std::min(count, kWindow); ++k) {
        if (window[k].row == b.row) return true;
      }
      return std::any_of(sets.begin(), sets.end(), [&](const Taken& set) {
        return *set.table_name == *b.table_name &&
               agree(unit.ops[set.op], *set.equal, unit.ops[b.op], *b.equal) != Agreement::kContradicted;
      });
    };
    for (uint32_t i = tx.first; i <= tx.last && i < unit.ops.size(); ++i) {
      const Taken b = taken_by(unit, i);
      if (b.table_name == nullptr) continue;
      if (b.row == 0) {
        if (sets.size() < kMaxSets) sets.push_back(b);
        continue;
      }
      if (is_known(b)) continue;
      if (count >= kMaxRows) break;
      if (count == 0) first = b;
      for (size_t k = 0; k < std::min(count, kWindow); ++k) {
        if (!kept_apart(unit, window[k].op)) pair_up(unit, context, first, window[k], b);
      }
      window[count % kWindow] = b;
      ++count;
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message =
      finding.tables.size() > 1
          ? fmt::format("Rows of {} and {} are locked in one order here and in the opposite order there: deadlock.", finding.tables[1],
                        finding.tables[0])
          : fmt::format("Two rows of {} are locked in one order by one transaction and in the opposite order by another: deadlock.",
                        f.material.table_name);
  const std::string read = short_sql(f.material.read_sql);
  const std::string write = short_sql(f.material.write_sql);
  finding.interleaving = {{0, read + "  → row a", false},
                          {1, read + "  → row b", false},
                          {0, write + "  → row b: waits", false},
                          {1, write + "  → row a: deadlock", true}};
  add_fixes(finding, finding.tables.size() == 1 ? suggest::rows_in_order(f.material) : suggest::same_order(f.material));
}

}  // namespace

extern const Rule kRule_inconsistent_lock_order;
const Rule kRule_inconsistent_lock_order = {"DBA404",
                                            "inconsistent-lock-order",
                                            Severity::kWarning,
                                            "Transactions lock the same rows in opposite order and deadlock",
                                            {Trait::kWrites | Trait::kLockingReads},
                                            check,
                                            describe};

}  // namespace dbaudit
