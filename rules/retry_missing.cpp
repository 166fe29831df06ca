// DBA502: the engine said "run it again", and nobody did.
//
//   BEGIN ISOLATION LEVEL SERIALIZABLE, SELECT …, UPDATE …    40001
//   ROLLBACK
//   (the next request)
//
// 40001 and 40P01; 1213, 1205, and on MariaDB 1020 and 1467; SQLITE_BUSY. Silent when the statement that failed, or the first one of its transaction, is run
// again with the same values later in the work unit; one such retry anywhere in the log shows that the program knows how.

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/protection.h"
#include "rules/statement_text.h"

namespace dbaudit {

namespace {

bool asks_for_retry(const Op& op, Engine engine) {
  if (!op.failed) return false;
  if (engine == Engine::kSqlite) return icontains(op.error_message(), "database is locked");
  if (engine == Engine::kPostgres) return op.error_code() == "40001" || op.error_code() == "40P01";
  static constexpr std::string_view kCodes[] = {"1213", "1205", "1020", "1467"};
  return std::find(std::begin(kCodes), std::end(kCodes), op.error_code()) != std::end(kCodes);
}

bool same_execution(const Op& a, const Op& b) {
  return a.statement == b.statement &&
         std::equal(a.values.slots.begin(), a.values.slots.end(), b.values.slots.begin(), b.values.slots.end(),
                    [](const Value& x, const Value& y) { return x.hash() == y.hash(); });
}

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t i : unit.writers) {
    const Op& op = unit.ops[i];
    if (!asks_for_retry(op, unit.engine) || op.statement->access.writes.empty()) continue;
    const WriteAccess& access = op.statement->access.writes.front();
    if (access.housekeeping) continue;
    const Transaction& tx = unit.transactions[op.transaction];
    const Op& first = unit.ops[tx.first];
    const uint64_t key = note_key("run again", access.name);
    bool again = false, goes_on = false;
    for (uint32_t k = i + 1; k < unit.ops.size() && k <= i + kReach && !again; ++k) {
      if (tx.is_explicit && unit.ops[k].transaction == op.transaction) continue;
      again = same_execution(unit.ops[k], op) || same_execution(unit.ops[k], first);
      goes_on = true;
    }
    if (again) {
      context.note(key, unit, i);
      continue;
    }
    Match m;
    m.unit = &unit;
    m.table = access.table;
    m.table_name = access.name;
    m.read = m.write = i;
    m.has_write = true;
    for (const ColumnWrite& c : access.set) m.columns.push_back(c.column);
    for (const KeyColumn& k : access.equal) m.key_columns.push_back(k.name());
    m.pattern = Pattern::kNotRetried;
    m.severity = Severity::kWarning;
    // The retry may be on another connection, or where the log is cut.
    m.confidence = goes_on && unit.sessions_told_apart ? Confidence::kLikely : Confidence::kPossible;
    m.refuted_by = key;
    m.message_detail = unit.engine == Engine::kSqlite ? "SQLITE_BUSY" : std::string(op.error_code());
    m.evidence.push_back({op.error_code() == "40P01" || op.error_code() == "1213" ? "deadlock" : "serialization-failure",
                          fmt::format("this statement failed with {} and was not run again", m.message_detail),
                          {}});
    m.evidence_op = i;
    context.place(m);
    m.scope = Scope::kNone;
    context.report(std::move(m));
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = fmt::format("A write of {} failed with {}, which asks for the transaction to be run again, and it was not.",
                                f.material.table_name, f.detail);
  finding.interleaving = {
      {0, "BEGIN", false}, {0, fmt::format("{}  → {}", short_sql(f.material.write_sql), f.detail), true}, {0, "ROLLBACK", false}};
  Fix fix;
  fix.kind = "transaction";
  fix.title = "Run the whole transaction again, a few times, with a growing pause";
  fix.applicability = Applicability::kDisplayOnly;
  fix.sql = {"ROLLBACK", "BEGIN", "-- all statements of the transaction again, the reads too\nCOMMIT"};
  fix.trade_off = "What the program did outside of the database (mail, payments) must not be done twice.";
  add_fixes(finding, {fix});
}

}  // namespace

extern const Rule kRule_retry_missing;
const Rule kRule_retry_missing = {"DBA502",
                                  "retry-missing",
                                  Severity::kWarning,
                                  "A transaction that the engine asks to run again is not",
                                  {Trait::kFailures, Trait::kWrites},
                                  check,
                                  describe};

}  // namespace dbaudit
