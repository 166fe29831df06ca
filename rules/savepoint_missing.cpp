// DBA503: on PostgreSQL one failed statement ends the transaction's use.
//
//   BEGIN, INSERT …     23505, caught by the program
//   SELECT …            25P02: current transaction is aborted, commands ignored until end of transaction block
//
// Seen in the log: an error without a savepoint around it, then 25P02 in the same transaction. Silent when a savepoint was rolled back to in between.

#include <fmt/format.h>

#include "rules/protection.h"
#include "rules/statement_text.h"
#include "rules/suggest/rewrite.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.engine != Engine::kPostgres) return;
  for (const Transaction& tx : unit.transactions) {
    if (!tx.is_explicit) continue;
    const Op* culprit = nullptr;
    uint32_t at = 0;
    for (uint32_t i = tx.first; i <= tx.last && i < unit.ops.size(); ++i) {
      const Op& op = unit.ops[i];
      if (op.rolled_back || !op.failed) continue;
      if (op.error_code() != "25P02") {
        culprit = &op;
        at = i;
        continue;
      }
      if (culprit == nullptr) break;  // the error is not in the log
      const StatementAccess& access = culprit->statement->access;
      if (access.writes.empty() && access.reads.empty()) break;
      Match m;
      m.unit = &unit;
      const bool wrote = !access.writes.empty();
      m.table = wrote ? access.writes.front().table : access.reads.front().table;
      m.table_name = wrote ? access.writes.front().name : access.reads.front().name;
      m.read = i;
      m.write = at;
      m.has_read = m.has_write = true;
      m.read_role = "refused";
      m.write_role = "failed";
      if (wrote) {
        for (const ColumnWrite& c : access.writes.front().set) m.columns.push_back(c.column);
      }
      m.pattern = Pattern::kAbortedTransaction;
      m.severity = Severity::kWarning;
      m.confidence = Confidence::kObserved;
      m.message_detail = std::string(culprit->error_code());
      const std::string_view kind = culprit->error_code() == "23505"   ? "duplicate-key-error"
                                    : culprit->error_code() == "40001" ? "serialization-failure"
                                    : is_deadlock(*culprit)            ? "deadlock"
                                                                       : "";
      if (!kind.empty()) {
        std::string text =
            fmt::format("this statement failed with {}, and a later one of the transaction with 25P02", culprit->error_code());
        m.evidence.push_back({std::string(kind), std::move(text), {}});
      }
      m.evidence_op = at;
      context.place(m);
      m.scope = Scope::kNone;
      context.report(std::move(m));
      break;
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message =
      fmt::format("A statement on {} fails with {} and the program goes on: PostgreSQL refuses the rest of the transaction (25P02).",
                  f.material.table_name, f.detail.empty() ? "an error" : f.detail);
  const std::string failed = short_sql(f.material.write_sql);
  finding.interleaving = {{0, "BEGIN", false},
                          {1, failed + "  → committed", false},
                          {0, failed + "  → " + f.detail, false},
                          {0, short_sql(f.material.read_sql) + "  → 25P02", true}};
  Fix fix;
  fix.kind = "transaction";
  fix.title = "Put the statement that may fail in a savepoint";
  const std::string statement = suggest::whole(f.material.write_sql, f.material);
  fix.sql = {"SAVEPOINT before_it", statement, "ROLLBACK TO SAVEPOINT before_it", "RELEASE SAVEPOINT before_it"};
  fix.applicability = Applicability::kDisplayOnly;
  fix.trade_off = "ROLLBACK TO only after the error, RELEASE in either case; each savepoint that writes costs a subtransaction.";
  if (f.detail == "23505") add_fixes(finding, suggest::upsert(f.material));
  if (!statement.empty()) add_fixes(finding, {fix});
}

}  // namespace

extern const Rule kRule_savepoint_missing;
const Rule kRule_savepoint_missing = {"DBA503",
                                      "savepoint-missing",
                                      Severity::kWarning,
                                      "After an error PostgreSQL refuses the rest of the transaction, and the program goes on in it",
                                      {Trait::kFailures},
                                      check,
                                      describe};

}  // namespace dbaudit
