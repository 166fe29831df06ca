// DBA406: a row stays locked while the program does something else.
//
//   BEGIN, SELECT … FOR UPDATE
//   (1.8 s: a payment service is asked)
//   UPDATE …, COMMIT                     everybody else who wants the row has waited that long
//
// Known only from a log that tells when statements end: the time from the end of one statement to the start of the next of the same transaction, a second or
// more, while a row is locked.

#include <fmt/format.h>

#include "analyzers/trace/history.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

constexpr int64_t kIdleMicros = 1'000'000;

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.locks->rows().empty()) return;
  for (const Transaction& tx : unit.transactions) {
    if (!tx.is_explicit || tx.head_lost || tx.boundary != Boundary::kExplicit) continue;
    const HeldLock* held = nullptr;
    for (uint32_t i = tx.first; i <= tx.last && i < unit.ops.size(); ++i) {
      const Op& op = unit.ops[i];
      for (const HeldLock& lock : unit.locks->rows(i, i)) {
        if (held == nullptr && lock.exclusive() && !lock.found_nothing && !(lock.write != nullptr && lock.write->is_insert())) held = &lock;
      }
      if (held == nullptr || !op.end.known()) continue;
      const TimePoint& next = i < tx.last && i + 1 < unit.ops.size() ? unit.ops[i + 1].start : TimePoint{};
      if (!next.known() || next.micros - op.end.micros < kIdleMicros || !certainly_before(op.end, next)) continue;
      const Op& taken = unit.ops[held->op];
      Match m;
      m.unit = &unit;
      m.table = held->read != nullptr ? held->read->table : held->write->table;
      m.table_name = std::string(held->table_name());
      const std::vector<KeyColumn>& equal = held->read != nullptr ? held->read->equal : held->write->equal;
      for (const KeyColumn& k : equal) m.key_columns.push_back(k.name());
      m.columns = m.key_columns;
      m.row = held->read != nullptr ? row_identity(*held->read, equal, taken) : row_identity(*held->write, equal, taken);
      m.read = held->op;
      m.write = i + 1;
      m.has_read = m.has_write = true;
      m.read_role = "lock";
      m.write_role = "next";
      m.pattern = Pattern::kIdleUnderLock;
      m.severity = Severity::kNote;
      m.message_detail = fmt::format("{:.1f}", static_cast<double>(next.micros - op.end.micros) / 1e6);
      context.place(m);
      m.scope = Scope::kNone;
      context.report(std::move(m));
      break;  // once for a transaction
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = fmt::format("A row of {} stays locked while nothing is sent, here for {} s: all others who want it wait.",
                                f.material.table_name, f.detail);
  Fix fix;
  fix.kind = "transaction";
  fix.title = "Do the slow work before the lock is taken, or after COMMIT";
  fix.applicability = Applicability::kDisplayOnly;
  fix.sql = {"-- the slow work\nBEGIN", "-- the lock, and a look whether what the work relied on still holds\nCOMMIT"};
  fix.trade_off = "What was known before the lock may have changed: it must be read again under it.";
  add_fixes(finding, {fix});
}

}  // namespace

extern const Rule kRule_lock_held_while_idle;
const Rule kRule_lock_held_while_idle = {"DBA406",
                                         "lock-held-while-idle",
                                         Severity::kNote,
                                         "A row lock is held for a second or more while the program sends nothing",
                                         {Trait::kWrites | Trait::kLockingReads},
                                         check,
                                         describe};

}  // namespace dbaudit
