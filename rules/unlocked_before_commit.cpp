// DBA410: an advisory lock that is released while what it protected is not yet to be seen, or taken when the snapshot is there already.
//
//   A: GET_LOCK, BEGIN, SELECT COUNT(*) …, INSERT …, RELEASE_LOCK
//   B: GET_LOCK, BEGIN, SELECT COUNT(*) …      A's row is not committed: not counted
//   A: COMMIT
//
// Released between the write and its COMMIT; or, at REPEATABLE READ on MySQL and MariaDB, taken after a plain read of the transaction. Silent when the release
// comes after COMMIT or ROLLBACK, and for locks of the transaction (pg_advisory_xact_lock).

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

// The write under the lock that COMMIT has not shown yet when the lock is released.
void report_early_release(const WorkUnit& unit, RuleContext& context, const HeldLock& lock) {
  const Transaction& tx = unit.transactions[unit.ops[lock.until].transaction];
  if (!tx.is_explicit || tx.boundary == Boundary::kUnknown || tx.end == TxEnd::kRollback) return;
  for (uint32_t w = lock.until; w-- > std::max({tx.first, lock.op, reach_from(lock.until)});) {
    const Op& op = unit.ops[w];
    if (op.failed || op.rolled_back || op.statement->access.writes.empty()) continue;
    const WriteAccess& access = op.statement->access.writes.front();
    if (access.housekeeping) return;
    Decision decision{lock.op, nullptr, {}};
    bool decided = false;
    if (const auto after_lock = decision_of(unit, w, access); after_lock && after_lock->op > lock.op) {
      decision = *after_lock;
      decided = true;
    }
    Match m = match_of(unit, decision, w, access);
    if (m.columns.empty()) {
      for (const ColumnWrite& c : access.set) m.columns.push_back(c.column);
    }
    if (decided) m.others.push_back({lock.op, "lock"});
    if (!decided) m.read_role = "lock";
    m.others.push_back({lock.until, "unlock"});
    m.pattern = Pattern::kUnlockedEarly;
    context.place(m);
    m.confidence = Confidence::kLikely;
    if (!decided || !m.level_known || lock.statement->try_only) m.confidence = Confidence::kPossible;
    m.message_detail = "early";
    context.report(std::move(m));
    return;
  }
}

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.locks->broad().empty()) return;
  bool advisory = false;
  for (const HeldLock& lock : unit.locks->broad()) {
    if (lock.kind != LockKind::kAdvisory || !lock.exclusive() || lock.transaction != HeldLock::kNone) continue;
    advisory = true;
    if (lock.end == LockEnd::kReleased) report_early_release(unit, context, lock);
  }
  if (!advisory || !is_mysql_family(unit.engine)) return;
  for (const uint32_t w : unit.writers) {
    for (const WriteAccess& access : unit.ops[w].statement->access.writes) {
      const std::optional<Decision>& decision = context.decision(unit, w, access);
      if (!decision || is_locking(decision->read->lock)) continue;
      const LockAnswer answer = protection_of(unit, decision->op, w, access, context.snapshot_isolation());
      if (answer.flaw != Flaw::kStaleSnapshot || answer.lock->kind != LockKind::kAdvisory) continue;
      Match m = match_of(unit, *decision, w, access);
      m.others.push_back({answer.lock->op, "lock"});
      m.pattern = Pattern::kLockedAfterSnapshot;
      context.place(m);
      m.message_detail = "late";
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message =
      f.detail == "early"
          ? fmt::format(
                "The advisory lock around the write of {} is released before COMMIT: the next session gets it and does not see the write.",
                f.material.table_name)
          : fmt::format("The advisory lock is taken after the snapshot: the read of {} under it does not see what was committed meanwhile.",
                        f.material.table_name);
  add_fixes(finding, suggest::advisory_lock(f.material));
}

}  // namespace

extern const Rule kRule_unlocked_before_commit;
const Rule kRule_unlocked_before_commit = {"DBA410",
                                           "unlocked-before-commit",
                                           Severity::kError,
                                           "An advisory lock is released before COMMIT, or taken after the snapshot",
                                           {},
                                           check,
                                           describe};

}  // namespace dbaudit
