// DBA408: a SQLite transaction that begins with a read and then writes.
//
//   A: BEGIN, SELECT …      B: BEGIN, SELECT …
//   A: UPDATE …, COMMIT
//   B: UPDATE …             SQLITE_BUSY at once: its read is older than what is in the database now, and no busy timeout helps
//
// Silent with BEGIN IMMEDIATE, and where the transaction writes before it reads.

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

bool is_busy(const Op& op) { return op.failed && (icontains(op.error_message(), "locked") || icontains(op.error_code(), "busy")); }

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.engine != Engine::kSqlite) return;
  for (const Transaction& tx : unit.transactions) {
    if (!tx.is_explicit || tx.mode == BeginMode::kImmediate || tx.mode == BeginMode::kExclusive || tx.head_lost) continue;
    const ReadAccess* first = nullptr;
    uint32_t read = 0;
    for (uint32_t i = tx.first; i <= tx.last && i < unit.ops.size(); ++i) {
      const Op& op = unit.ops[i];
      const StatementAccess& access = op.statement->access;
      if (access.writes.empty()) {
        if (first == nullptr && !op.failed && !access.reads.empty()) {
          first = &access.reads.front();
          read = i;
        }
        continue;
      }
      const WriteAccess& w = access.writes.front();
      if (first == nullptr || w.housekeeping) break;
      // The read that decided this write, when there is one, tells more than the one that opened the snapshot.
      const std::optional<Decision>& decision = context.decision(unit, i, w);
      const bool linked = decision && decision->op >= tx.first;
      Match m = match_of(unit, linked ? *decision : Decision{read, first, {}}, i, w);
      m.confidence = linked || first->same_table(w) ? Confidence::kLikely : Confidence::kPossible;
      if (m.columns.empty()) {
        for (const ColumnWrite& c : w.set) m.columns.push_back(c.column);
      }
      m.pattern = Pattern::kDeferredUpgrade;
      m.severity = Severity::kWarning;
      context.place(m);
      m.level = Level::kDeferred;
      if (tx.boundary != Boundary::kExplicit) m.confidence = Confidence::kPossible;
      if (is_busy(op)) {
        m.confidence = Confidence::kObserved;
        m.evidence.push_back({"serialization-failure", "this write failed because the database was locked", {}});
        m.evidence_op = i;
      }
      context.report(std::move(m));
      break;
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = fmt::format(
      "The transaction reads before it writes {}: when another connection writes in between, it fails with SQLITE_BUSY at once.",
      f.material.table_name);
  add_fixes(finding, suggest::row_lock(f.material));
}

}  // namespace

extern const Rule kRule_deferred_transaction_upgrade;
const Rule kRule_deferred_transaction_upgrade = {
    "DBA408",
    "deferred-transaction-upgrade",
    Severity::kWarning,
    "A deferred SQLite transaction reads first and writes then: the upgrade fails at once under load",
    {Trait::kWrites},
    check,
    describe};

}  // namespace dbaudit
