// DBA501: on InnoDB at REPEATABLE READ a lock is on the newest row, the plain reads after it are not.
//
//   B: BEGIN, SELECT … config           the snapshot is taken
//   A: UPDATE … balance = 90 … id = 1, COMMIT
//   B: SELECT id … id = 1 FOR UPDATE    the newest row
//   B: SELECT balance … id = 1          → 100, from the snapshot
//   B: UPDATE … balance = 80            A's change is lost
//
// A plain read of any table, then a lock, then a plain read that decides a write. Silent when the deciding read locks, when the lock comes first, at READ
// COMMITTED, and where innodb_snapshot_isolation refuses the write.

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  if (!is_mysql_family(unit.engine) || unit.locks->rows().empty()) return;
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    const uint32_t snapshot = unit.locks->snapshot(write.transaction);
    if (snapshot == HeldLock::kNone || snapshot >= w) continue;
    for (const WriteAccess& access : write.statement->access.writes) {
      if (access.housekeeping) continue;
      const std::optional<Decision>& decision = context.decision(unit, w, access);
      if (!decision || !same_transaction(unit, decision->op, w)) continue;
      const LockAnswer answer = protection_of(unit, decision->op, w, access, context.snapshot_isolation());
      if (answer.flaw != Flaw::kStaleSnapshot || answer.lock->kind != LockKind::kRow || answer.lock->op >= decision->op) continue;
      Match m = match_of(unit, *decision, w, access);
      m.others.push_back({snapshot, "snapshot"});
      m.others.push_back({answer.lock->op, "lock"});
      m.pattern = Pattern::kStaleUnderLock;
      if (access.is_insert()) m.message_detail = "insert";
      context.place(m);
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message =
      f.detail == "insert"
          ? fmt::format(
                "{} is read under a lock but from an older snapshot: the INSERT is decided without what others added before the lock was "
                "granted.",
                f.material.table_name)
          : fmt::format(
                "{} of {} is read under a lock but from an older snapshot: what others changed before the lock was granted is lost.",
                list_of(f.material.columns), f.material.table_name);
  add_fixes(finding, suggest::row_lock(f.material));
  add_fixes(finding, suggest::isolation_level(f.material, Isolation::kReadCommitted));
}

}  // namespace

extern const Rule kRule_snapshot_before_lock;
const Rule kRule_snapshot_before_lock = {"DBA501",
                                         "snapshot-before-lock",
                                         Severity::kError,
                                         "At REPEATABLE READ a plain read under a lock sees the snapshot taken before the lock",
                                         {Trait::kInsertsRead | Trait::kUpdatesRead},
                                         check,
                                         describe};

}  // namespace dbaudit
