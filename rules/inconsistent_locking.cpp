// DBA405: the same value is read, changed and written back under a lock here and without one there. The lock keeps out only those who take it.
//
//   A: SELECT … id = 1 FOR UPDATE   → 100          B: SELECT … id = 1   → 100, does not wait
//   A: UPDATE … SET balance = 90, COMMIT           B: UPDATE … SET balance = 80      A's change is lost
//
// Which pairs of the log are locked is noted; the unlocked ones are findings when any is.

#include <fmt/format.h>

#include "analyzers/base/hash.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

const NoteKind kLocked("written under a lock");

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.engine == Engine::kSqlite) return;
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    for (const WriteAccess& update : write.statement->access.writes) {
      if (update.kind != StatementKind::kUpdate || !update.exact || update.equal.empty() || update.housekeeping) continue;
      const std::optional<Decision>& decision = context.decision(unit, w, update);
      if (!decision) continue;
      const LockAnswer lock = protection_of(unit, decision->op, w, update, context.snapshot_isolation());
      const auto key = [&](const std::string& column) { return kLocked.of(update, hash_bytes(column)); };
      if (lock.shield == Shield::kRow || lock.shield == Shield::kSet) {
        for (const std::string& c : decision->what.columns) context.note(key(c), unit, w);
      }
      // A lock that fails has a rule of its own.
      if (lock.shield != Shield::kNone || lock.flaw != Flaw::kNone || is_locking(decision->read->lock)) continue;
      Match m = match_of(unit, *decision, w, update);
      m.pattern = Pattern::kUnlockedElsewhereLocked;
      m.needs = Need{key(decision->what.columns.front()),
                     std::nullopt,
                     false,
                     "locked-elsewhere",
                     "here the row is locked before the same column is read and written",
                     false};
      context.place(m);
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message =
      fmt::format("{} of {} is read and written back without a lock here, and under one elsewhere: the lock does not keep this one out.",
                  list_of(f.material.columns), f.material.table_name);
  if (f.value_moved_by_step) add_fixes(finding, suggest::atomic_update(f.material, f.value_moved_down));
  add_fixes(finding, suggest::row_lock(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "read-modify-write"));
}

}  // namespace

extern const Rule kRule_inconsistent_locking;
const Rule kRule_inconsistent_locking = {"DBA405",
                                         "inconsistent-locking",
                                         Severity::kError,
                                         "A value is read and written back under a lock in one place and without one in another",
                                         {Trait::kUpdatesRead},
                                         check,
                                         describe};

}  // namespace dbaudit
