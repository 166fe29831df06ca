// DBA413: a table lock protects the pair, and makes every other writer of the table wait for it.
//
//   BEGIN, LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE, SELECT …, INSERT …, COMMIT
//
// A note: it works. Says what would work as well and lets others through.

#include <fmt/format.h>

#include "rules/protection.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.locks->broad().empty()) return;
  for (const uint32_t w : unit.writers) {
    for (const WriteAccess& access : unit.ops[w].statement->access.writes) {
      if (access.housekeeping) continue;
      const std::optional<Decision>& decision = context.decision(unit, w, access);
      if (!decision) continue;
      const LockAnswer answer = protection_of(unit, decision->op, w, access, context.snapshot_isolation());
      if (answer.shield != Shield::kTable || answer.flaw != Flaw::kNone) continue;
      Match m = match_of(unit, *decision, w, access);
      m.others.push_back({answer.lock->op, "lock"});
      m.pattern = Pattern::kTableLocked;
      m.severity = Severity::kNote;
      context.place(m);
      m.scope = Scope::kNone;
      if (access.is_insert()) m.message_detail = decision->read->aggregate == Aggregate::kNone ? "lookup" : "set";
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = fmt::format("LOCK TABLE protects this read and write of {}: it works, and every other writer of the table waits.",
                                f.material.table_name);
  if (f.detail == "lookup") {
    add_fixes(finding, suggest::unique_key(f.material));
    add_fixes(finding, suggest::upsert(f.material));
  } else if (f.detail == "set") {
    add_fixes(finding, suggest::parent_instead_of_table(f.material));
    if (finding.fixes.empty()) add_fixes(finding, suggest::advisory_lock(f.material));
  } else {
    add_fixes(finding, suggest::row_lock(f.material));
  }
}

}  // namespace

extern const Rule kRule_table_lock_serialises;
const Rule kRule_table_lock_serialises = {"DBA413",
                                          "table-lock-serialises",
                                          Severity::kNote,
                                          "A table lock protects a read and a write: it works, and every other writer waits",
                                          {Trait::kInsertsRead | Trait::kUpdatesRead},
                                          check,
                                          describe};

}  // namespace dbaudit
