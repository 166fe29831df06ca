// DBA412: on PostgreSQL at REPEATABLE READ a lock that is waited for does not make the snapshot newer.
//
//   A: BEGIN, SELECT … parent FOR UPDATE, SELECT COUNT(*) … children → 4, INSERT child, COMMIT
//   B: BEGIN, SELECT … parent FOR UPDATE      takes its snapshot, then waits for A
//   B: SELECT COUNT(*) … children             → 4 still, INSERT child: one too many
//
// A locking read of another row, pg_advisory_xact_lock or pg_advisory_lock inside the transaction, then a plain read that decides an INSERT. Silent at READ
// COMMITTED and SERIALIZABLE, and where the lock is an UPDATE of the parent or a LOCK TABLE before anything else.

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.engine != Engine::kPostgres || !locks_deliberately(unit)) return;
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    if (unit.transactions[write.transaction].isolation != Isolation::kRepeatableRead) continue;
    for (const WriteAccess& access : write.statement->access.writes) {
      if (!access.is_insert() || access.housekeeping) continue;
      const std::optional<Decision>& decision = context.decision(unit, w, access);
      if (!decision || !same_transaction(unit, decision->op, w) || is_locking(decision->read->lock)) continue;
      const LockAnswer answer = protection_of(unit, decision->op, w, access);
      const bool late_table_lock = answer.flaw == Flaw::kStaleSnapshot && answer.lock->kind == LockKind::kTable;
      if (answer.flaw != Flaw::kLockTookSnapshot && !late_table_lock) continue;
      Match m = match_of(unit, *decision, w, access);
      m.others.push_back({answer.lock->op, "lock"});
      if (answer.lock->read != nullptr) {
        m.more_tables.emplace_back(answer.lock->table_name());
        if (!answer.lock->read->equal.empty()) m.message_detail = answer.lock->read->equal.front().column;
      }
      m.pattern = late_table_lock ? Pattern::kTableLockedLate : Pattern::kMutexUnderSnapshot;
      context.place(m);
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = fmt::format(
      "The lock makes the second session wait, but its snapshot is from before the wait: the read of {} that decides the INSERT is stale.",
      f.material.table_name);
  add_fixes(finding, suggest::isolation_level(f.material, Isolation::kReadCommitted));
  if (finding.tables.size() > 1) add_fixes(finding, suggest::write_parent(f.material, finding.tables[1], f.detail));
}

}  // namespace

extern const Rule kRule_row_lock_as_mutex_under_snapshot;
const Rule kRule_row_lock_as_mutex_under_snapshot = {
    "DBA412",
    "row-lock-as-mutex-under-snapshot",
    Severity::kError,
    "At REPEATABLE READ a lock taken first does not keep the reads after it from being stale",
    {Trait::kInsertsRead},
    check,
    describe};

}  // namespace dbaudit
