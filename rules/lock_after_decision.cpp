// DBA402: the row is locked, but what was decided had been read before.
//
//   A: SELECT qty … id = 1             → 5
//   B: SELECT qty … id = 1             → 5
//   A: SELECT id … id = 1 FOR UPDATE, UPDATE … SET qty = 4, COMMIT
//   B: SELECT id … id = 1 FOR UPDATE, UPDATE … SET qty = 4       A's change is lost
//
// The read fetched the column, a later statement locked the row without fetching it again, and the write sets a value computed from the read. Silent when the
// lock, or any read after it, fetches the column: then what is written may come from there.

#include <fmt/format.h>

#include "analyzers/trace/history.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.engine == Engine::kSqlite || !locks_deliberately(unit)) return;
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    const Transaction& tx = unit.transactions[write.transaction];
    if (!tx.is_explicit || write.failed || write.truncated) continue;
    for (const WriteAccess& update : write.statement->access.writes) {
      if (update.kind != StatementKind::kUpdate || update.housekeeping) continue;
      uint32_t lock = HeldLock::kNone;
      bool done = false;
      for (uint32_t i = w; i-- > reach_from(w) && !done;) {
        const Op& op = unit.ops[i];
        if (!op.statement->access.may_touch(update) || op.failed) continue;
        for (const WriteAccess& other : op.statement->access.writes) {
          // Its own UPDATE of the row: what is written now starts from there.
          done |= other.same_table(update) && !other.is_insert() && agree(op, other.equal, write, update.equal) == Agreement::kShared;
        }
        for (const ReadAccess& r : op.statement->access.reads) {
          if (done || !r.top_level || link_rows(op, r, write, update) != RowLink::kValues) continue;
          WrittenBack what = written_back(write, update, r);
          const bool locks = is_locking(r.lock) && op.transaction == write.transaction && op.rows != 0;
          if (locks && what.columns.empty()) {
            lock = i;
            continue;
          }
          if (what.columns.empty()) continue;
          done = true;
          if (lock == HeldLock::kNone || locks || is_locking(r.lock)) break;
          Match m = match_of(unit, {i, &r, std::move(what)}, w, update);
          m.others.push_back({lock, "lock"});
          m.pattern = Pattern::kLockAfterRead;
          // Across transactions the read may be another request's: only a value that moves ties them.
          if (!m.value_moved_by_step && !same_transaction(unit, i, w)) m.confidence = Confidence::kPossible;
          context.place(m);
          context.report(std::move(m));
          break;
        }
      }
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = fmt::format(
      "{} of {} is read, then the row is locked, then the value computed from the earlier read is written: a change made in between is "
      "lost.",
      list_of(f.material.columns), f.material.table_name);
  if (f.value_moved_by_step) add_fixes(finding, suggest::atomic_update(f.material, f.value_moved_down));
  add_fixes(finding, suggest::row_lock(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "for-update"));
}

}  // namespace

extern const Rule kRule_lock_after_decision;
const Rule kRule_lock_after_decision = {"DBA402",
                                        "lock-after-decision",
                                        Severity::kError,
                                        "The row is locked only after the read that decided what is written",
                                        {Trait::kUpdatesRead, Trait::kLockingReads},
                                        check,
                                        describe};

}  // namespace dbaudit
