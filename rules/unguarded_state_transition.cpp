// DBA303: a row is picked by its state and then changed by its key, whatever its state is by then.
//
//   A: SELECT … WHERE locked_at IS NULL ORDER BY id LIMIT 1   → job 7
//   B: SELECT … WHERE locked_at IS NULL ORDER BY id LIMIT 1   → job 7
//   A: UPDATE … SET locked_at = … WHERE id = 7
//   B: UPDATE … SET locked_at = … WHERE id = 7                 the job runs twice
//
// The key written need not be in the read: the read picks a row by a condition on a column, and the next write of the table sets that very column of a
// row named by its primary key. The same in one statement, UPDATE … WHERE id = (SELECT … LIMIT 1), wherever the subquery takes no lock. Silent: the state
// in the write's WHERE (or a version, or a claim token), FOR UPDATE [SKIP LOCKED] on the read in the same transaction, a row locked or changed before. A
// list nobody picks from is no queue, a soft delete harms nobody when done twice.

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"
#include "rules/match.h"
#include "rules/row_state.h"
#include "rules/set_lock.h"

namespace dbaudit {

namespace {

constexpr size_t kFewColumns = 4;

// The write names its rows by the primary key, and by nothing that could compare the state: what else it tests, the read has tested too.
bool by_key_alone(const WriteAccess& w, const ReadAccess& r) {
  if (!w.exact || !w.others.empty() || w.equal.empty()) return false;
  bool key = false;
  for (const KeyColumn& k : w.equal) {
    if (k.column.empty() || k.is_for(ColumnUse::kVersion)) return false;
    if (k.is_for(ColumnUse::kPrimary)) {
      key |= !k.is_null;
      continue;
    }
    const bool scope = std::any_of(r.equal.begin(), r.equal.end(), [&](const KeyColumn& s) { return s.column == k.column; });
    if (!scope || w.find(k) != nullptr) return false;
  }
  return key;
}

// How sure it is that the read picked the row in order to take it.
Confidence confidence_of(const WorkUnit& unit, uint32_t read, const ReadAccess& r, uint32_t write, const WriteAccess& w,
                         const std::vector<std::string>& states) {
  if (w.table == nullptr) return Confidence::kPossible;
  const bool by_unique = r.one_row;
  double many = 0, skipped = 0;
  const bool first_page = !r.paged || (as_number(unit.ops[read].value(r.offset_slot), skipped) && skipped == 0);
  const bool counted = r.limited && as_number(unit.ops[read].value(r.limit_slot), many);
  const bool one = by_unique || (r.limited && first_page && (!counted || many == 1));
  const bool listed = std::any_of(w.equal.begin(), w.equal.end(), [](const KeyColumn& k) { return k.is_list; });
  const bool batch = r.limited && first_page && (listed || same_transaction(unit, read, write));
  if (!one && !batch) return Confidence::kPossible;
  if (w.kind == StatementKind::kDelete) {
    // Done twice a DELETE harms nobody; what the program did with the row before does.
    return r.ordered && !r.equal.empty() && (r.all_columns || r.columns().size() > 1) ? Confidence::kLikely : Confidence::kPossible;
  }
  if (by_unique || r.ordered) {
    // One's own default address: a flag among the rows of somebody, and nothing else is written.
    const bool somebodys = std::any_of(r.equal.begin(), r.equal.end(), [&](const KeyColumn& k) { return k.is_for(ColumnUse::kReference); });
    const bool flag_only = std::all_of(w.set.begin(), w.set.end(), [&](const ColumnWrite& c) {
      return std::find(states.begin(), states.end(), c.column) != states.end() || c.value->kind == OperandKind::kNow ||
             c.column.str().ends_with("_at");
    });
    return somebodys && flag_only && !by_unique ? Confidence::kPossible : Confidence::kLikely;
  }
  // Not ordered: whatever row comes first. A queue of a program that does not care, or a look at one of several.
  return w.set.size() > states.size() ? Confidence::kLikely : Confidence::kPossible;
}

// A row inserted first in the same transaction, with a key of its own making (an idempotency key), may be what keeps two sessions apart.
bool claimed_before(const WorkUnit& unit, uint32_t read, const WriteAccess& w) {
  const Transaction& tx = unit.transactions[unit.ops[read].transaction];
  if (!tx.is_explicit) return false;
  for (uint32_t i = std::max(tx.first, reach_from(read)); i < read; ++i) {
    for (const WriteAccess& earlier : unit.ops[i].statement->access.writes) {
      if (!earlier.is_insert() || earlier.same_table(w) || earlier.table == nullptr) continue;
      for (const Key& key : earlier.table->keys) {
        const bool given = key.unique && !key.parts.empty() && std::all_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& p) {
                             return earlier.find(to_lower(p.column)) != nullptr;
                           });
        if (given) return true;
      }
    }
  }
  return false;
}

void fill(const WorkUnit& unit, uint32_t read, uint32_t write, const WriteAccess& w, std::vector<std::string> states, Match& m) {
  m.unit = &unit;
  m.table = w.table;
  m.table_name = w.name;
  m.columns = std::move(states);
  for (const KeyColumn& k : w.equal) m.key_columns.push_back(k.name());
  m.read = read;
  m.write = write;
  m.has_read = read != write;
  m.has_write = true;
  m.row = first_row_identity(w, w.equal, unit.ops[write]);
}

void check_pair(const WorkUnit& unit, uint32_t write, const WriteAccess& w, RuleContext& context) {
  const Op& op = unit.ops[write];
  for (uint32_t i = write; i-- > reach_from(write);) {
    const Op& read = unit.ops[i];
    if (!read.statement->access.may_touch(w)) continue;
    for (const WriteAccess& earlier : read.statement->access.writes) {
      // One picked batch is written row by row; any other write of the table begins something new.
      if (earlier.same_table(w) && (read.statement != op.statement || earlier.is_insert())) return;
    }
    if (read.failed) continue;
    for (const ReadAccess& r : read.statement->access.reads) {
      if (!r.same_table(w) || !r.top_level) continue;
      if (contradicts(read, r, op, w)) return;
      const bool reload = std::any_of(r.equal.begin(), r.equal.end(), [&](const KeyColumn& k) { return k.is_for(ColumnUse::kPrimary); }) &&
                          std::none_of(r.equal.begin(), r.equal.end(), [&](const KeyColumn& k) { return w.find(k) != nullptr; });
      if (reload || r.aggregate != Aggregate::kNone || r.probe) continue;
      if (!by_key_alone(w, r) || read.rows == 0) return;
      std::vector<std::string> states;
      if (w.kind == StatementKind::kUpdate) {
        states = moved_states(read, r, op, w);
        if (states.empty()) return;
      } else {
        const bool pop = r.ordered && r.limited && r.latest_by.empty() &&
                         std::none_of(r.equal.begin(), r.equal.end(), [&](const KeyColumn& k) { return k.is_for(ColumnUse::kPrimary); });
        if (!pop) return;
        for (const KeyColumn& k : r.equal) {
          if (!k.column.empty()) states.push_back(k.column);
        }
      }
      // Locked by the read: held, or DBA401's to tell.
      if (is_locking(r.lock)) return;
      if (protected_by_lock(unit, write, write, w) || set_protected(unit, i, r, write, w, /*inserts=*/false)) return;
      Match m;
      fill(unit, i, write, w, states, m);
      m.pattern = Pattern::kQueuePop;
      m.confidence = confidence_of(unit, i, r, write, w, states);
      // A save of the whole row that happens to differ in a column some list was read by.
      if (m.confidence == Confidence::kPossible && w.set.size() > kFewColumns && !r.limited) return;
      if (claimed_before(unit, i, w)) m.confidence = Confidence::kPossible;
      m.message_detail = w.kind == StatementKind::kDelete ? "DELETE" : "UPDATE";
      context.place(m);
      context.report(std::move(m));
      return;
    }
  }
}

// UPDATE … WHERE id = (SELECT id … WHERE state LIMIT 1), or from such a subquery.
bool check_one_statement(const WorkUnit& unit, uint32_t write, const WriteAccess& w, RuleContext& context) {
  const Op& op = unit.ops[write];
  if (w.kind != StatementKind::kUpdate || !w.exact || w.table == nullptr) return false;
  for (const ReadAccess& r : op.statement->access.reads) {
    if (!r.same_table(w) || r.top_level || !r.limited || r.lock != LockStrength::kNone || r.aggregate != Aggregate::kNone) continue;
    const bool guarded = std::any_of(w.equal.begin(), w.equal.end(), [&](const KeyColumn& k) { return !k.is_for(ColumnUse::kPrimary); }) ||
                         std::any_of(w.others.begin(), w.others.end(), [&](const OtherCondition& o) {
                           return o.columns.size() != 1 || !in_primary_key(w.table, o.columns.front());
                         });
    std::vector<std::string> states = moved_states(op, r, op, w);
    if (guarded || states.empty()) continue;
    if (protected_by_lock(unit, write, write, w)) return true;
    Match m;
    fill(unit, write, write, w, std::move(states), m);
    if (m.key_columns.empty()) {
      for (const KeyPart& p : w.table->primary_key()->parts) m.key_columns.push_back(to_lower(p.column));
    }
    m.pattern = Pattern::kQueuePopStatement;
    m.message_detail = "UPDATE";
    context.place(m);
    context.report(std::move(m));
    return true;
  }
  return false;
}

void check(const WorkUnit& unit, RuleContext& context) {
  const TableSet tables = tables_read(unit, [](const ReadAccess& r) { return r.aggregate == Aggregate::kNone; });
  for (const uint32_t i : unit.writers) {
    const Op& op = unit.ops[i];
    if (op.truncated) continue;
    for (const WriteAccess& w : op.statement->access.writes) {
      if ((w.kind != StatementKind::kUpdate && w.kind != StatementKind::kDelete) || w.housekeeping) continue;
      if ((tables & w.bit) == 0) continue;
      if (!check_one_statement(unit, i, w, context) && !w.equal.empty()) check_pair(unit, i, w, context);
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string columns = list_of(f.material.columns);
  if (f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock) {
    finding.message = fmt::format(
        "A row of {} is picked by its state and changed by its key; at this level the loser of a race gets an error "
        "it must retry.",
        f.material.table_name);
  } else if (f.detail == "DELETE") {
    finding.message =
        fmt::format("Two sessions can pick the same row of {} and both handle it: the DELETE comes after.", f.material.table_name);
  } else {
    finding.message = fmt::format("Two sessions can pick the same row of {} and both move its {}: the {} does not ask what it is by then.",
                                  f.material.table_name, columns, f.detail);
  }
  add_fixes(finding, suggest::claim(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "queue-pop"));
}

}  // namespace

extern const Rule kRule_unguarded_state_transition;
const Rule kRule_unguarded_state_transition = {
    "DBA303",
    "unguarded-state-transition",
    Severity::kError,
    "A row is picked by its state and changed by its key alone, so that two sessions can take the same one",
    {Trait::kUpdatesRead | Trait::kDeletesRead},
    check,
    describe};

}  // namespace dbaudit
