// DBA403: InnoDB at REPEATABLE READ locks the gap where no row is, and two sessions can hold it at once.
//
//   A: SELECT … k = 7 FOR UPDATE   no row; the gap is locked
//   B: SELECT … k = 7 FOR UPDATE   no row; the same gap is locked too
//   A: INSERT … k = 7              waits for B
//   B: INSERT … k = 7              waits for A: deadlock (1213)
//
// A locking read, UPDATE or DELETE that found nothing, then the INSERT of the same key in the same transaction. Silent at READ COMMITTED, where there are no gap
// locks, and on PostgreSQL, which locks nothing there (DBA101).

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

// The columns of `equal` when the INSERT repeats every one of them with the same value.
std::vector<std::string> repeated(const Op& lock, const std::vector<KeyColumn>& equal, const Op& write, const WriteAccess& insert) {
  std::vector<std::string> columns;
  for (const KeyColumn& k : equal) {
    const ColumnWrite* c = k.column.empty() || k.is_null || k.is_list ? nullptr : insert.find(k);
    if (c == nullptr || c->value->kind != OperandKind::kSlot || !same_value(lock.value(k.slot), write.value(c->value->slot))) return {};
    columns.push_back(k.column);
  }
  return columns;
}

// Without an index on them the whole table is locked, and the second session waits for the first.
bool is_indexed(const Table* table, const std::vector<std::string>& columns) {
  return table == nullptr || std::any_of(table->keys.begin(), table->keys.end(), [&](const Key& key) {
           return !key.parts.empty() &&
                  std::any_of(columns.begin(), columns.end(), [&](const std::string& c) { return iequals(c, key.parts.front().column); });
         });
}

void check(const WorkUnit& unit, RuleContext& context) {
  if (!is_mysql_family(unit.engine)) return;
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    const Transaction& tx = unit.transactions[write.transaction];
    if (!tx.is_explicit || tx.first == w || tx.isolation < Isolation::kRepeatableRead || (write.failed && !is_deadlock(write))) continue;
    for (const WriteAccess& insert : write.statement->access.writes) {
      if (!insert.is_insert() || insert.set.empty() || insert.housekeeping) continue;
      const std::span<const HeldLock> before = unit.locks->rows(std::max(tx.first, w > 64 ? w - 64 : 0), w - 1);
      for (auto it = before.rbegin(); it != before.rend(); ++it) {
        const HeldLock& lock = *it;
        const Op& op = unit.ops[lock.op];
        if (lock.transaction != write.transaction || lock.parent != nullptr || lock.table_name() != insert.name || op.rows > 0) continue;
        if (lock.write != nullptr && lock.write->is_insert()) continue;
        const std::vector<std::string> key = repeated(op, lock.read != nullptr ? lock.read->equal : lock.write->equal, write, insert);
        if (key.empty() || !is_indexed(insert.table, key)) continue;
        // Whoever comes second waits before it gets to the gap.
        const Shield shield = protection_of(unit, lock.op, w, insert, context.snapshot_isolation()).shield;
        if (shield != Shield::kNone && shield != Shield::kRow && shield != Shield::kSet) break;
        // What a SELECT or an UPDATE found is seen by the INSERT that follows: it found nothing. After a DELETE the row is inserted either way; that the
        // transaction is rolled back at once is what a deadlock looks like in a log without errors.
        const bool given_up = tx.end == TxEnd::kRollback && tx.last == w;
        const bool known = op.rows == 0 || given_up ||
                           (lock.read != nullptr ? lock.read->limited || lock.read->probe || picks_one_row(insert.table, lock.read->equal)
                                                 : lock.write->kind == StatementKind::kUpdate);
        Match m;
        m.unit = &unit;
        m.table = insert.table;
        m.table_name = insert.name;
        m.read = lock.op;
        m.write = w;
        m.has_read = m.has_write = true;
        m.read_role = "lock";
        m.columns = m.key_columns = key;
        m.pattern = Pattern::kGapLocked;
        m.severity = Severity::kWarning;
        context.place(m);
        if (!known || !m.level_known || insert.table == nullptr) m.confidence = Confidence::kPossible;
        if (is_deadlock(write)) {
          m.confidence = Confidence::kObserved;
          m.evidence.push_back({"deadlock", fmt::format("this INSERT was the victim of a deadlock ({})", write.error_code()), {}});
          m.evidence_op = w;
        }
        context.report(std::move(m));
        break;
      }
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = fmt::format("No row of {} has this {} yet: both sessions lock the same gap, and their INSERTs deadlock.",
                                f.material.table_name, list_of(f.material.key_columns));
  add_fixes(finding, suggest::upsert(f.material));
  add_fixes(finding, suggest::isolation_level(f.material, Isolation::kReadCommitted));
}

}  // namespace

extern const Rule kRule_lock_on_missing_row;
const Rule kRule_lock_on_missing_row = {"DBA403",
                                        "lock-on-missing-row",
                                        Severity::kWarning,
                                        "A row that is not there is locked and then inserted: gap locks deadlock",
                                        {Trait::kInserts},
                                        check,
                                        describe};

}  // namespace dbaudit
