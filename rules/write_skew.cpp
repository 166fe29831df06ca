// DBA302: a set is looked at, and one row of it is changed: two sessions change different rows, and each keeps to what the set was before.
//
//   A: SELECT COUNT(*) … WHERE on_call AND shift_id = 10   → 2: one may leave
//   B: SELECT COUNT(*) … WHERE on_call AND shift_id = 10   → 2: one may leave
//   A: UPDATE … SET on_call = false WHERE id = 1
//   B: UPDATE … SET on_call = false WHERE id = 2            nobody is on call
//
// The write takes its row out of the set the read is about (it sets a column the read tests, or deletes the row). No row is written twice, so neither
// a lock on one's own row nor snapshot isolation helps. Silent: the whole set locked, its parent locked or changed first (level-aware), a table or
// advisory lock. A count with other statements between it and the write may be for show: `possible`.

#include <algorithm>

#include <fmt/format.h>

#include "rules/match.h"
#include "rules/row_state.h"
#include "rules/set_lock.h"

namespace dbaudit {

namespace {

// Names its rows by the primary key alone: a row of one's own.
bool by_primary_key(const WriteAccess& w) {
  return w.exact && !w.equal.empty() &&
         std::all_of(w.equal.begin(), w.equal.end(), [&](const KeyColumn& k) { return !k.is_null && k.is_for(ColumnUse::kPrimary); });
}

bool only_looks_at(const Op& op, const AccessedTable& table) {
  const StatementAccess& access = op.statement->access;
  return access.writes.empty() &&
         std::all_of(access.reads.begin(), access.reads.end(), [&](const ReadAccess& r) { return r.same_table(table); });
}

void report(const WorkUnit& unit, uint32_t read, const ReadAccess& set, uint32_t write, const WriteAccess& w,
            std::vector<std::string> states, Confidence confidence, RuleContext& context) {
  Match m;
  m.unit = &unit;
  m.table = w.table;
  m.table_name = w.name;
  for (const KeyColumn& k : set.equal) {
    if (!k.column.empty()) m.key_columns.push_back(k.column);
  }
  m.columns = states.empty() ? m.key_columns : std::move(states);
  m.read = read;
  m.write = write;
  m.has_read = read != write;
  m.has_write = true;
  m.row = set_identity(unit.ops[read], set);
  m.pattern = read == write ? Pattern::kWriteSkewStatement : Pattern::kWriteSkew;
  m.confidence = w.table == nullptr ? Confidence::kPossible : confidence;
  context.place(m);
  context.report(std::move(m));
}

// UPDATE … WHERE id = ? AND (SELECT COUNT(*) …) >= 2.
void check_one_statement(const WorkUnit& unit, uint32_t write, const WriteAccess& w, RuleContext& context) {
  const Op& op = unit.ops[write];
  if (w.kind != StatementKind::kUpdate) return;
  const bool own_row = std::any_of(w.equal.begin(), w.equal.end(), [&](const KeyColumn& k) { return k.is_for(ColumnUse::kPrimary); });
  for (const ReadAccess& r : op.statement->access.reads) {
    if (!own_row || !r.same_table(w) || r.top_level || r.aggregate != Aggregate::kCount) continue;
    std::vector<std::string> states = moved_states(op, r, op, w);
    if (states.empty() || set_protected(unit, write, r, write, w, /*inserts=*/false)) continue;
    return report(unit, write, r, write, w, std::move(states), Confidence::kLikely, context);
  }
}

void check_pair(const WorkUnit& unit, uint32_t write, const WriteAccess& w, RuleContext& context) {
  if (!by_primary_key(w)) return;
  const Op& op = unit.ops[write];
  bool close = true;  // nothing but looks at the table between the read and the write
  for (uint32_t i = write; i-- > reach_from(write);) {
    const Op& read = unit.ops[i];
    for (const WriteAccess& earlier : read.statement->access.writes) {
      if (earlier.same_table(w)) return;
    }
    if (read.failed) continue;
    for (const ReadAccess& r : read.statement->access.reads) {
      if (!r.same_table(w) || !r.top_level || r.joined || r.aggregate != Aggregate::kCount || r.one_row) continue;
      if (contradicts(read, r, op, w)) return;
      std::vector<std::string> states;
      bool has_state = false;
      if (w.kind == StatementKind::kUpdate) {
        states = moved_states(read, r, op, w);
        if (states.empty()) return;
        has_state = true;
      } else {
        has_state = !r.others.empty() || std::any_of(r.equal.begin(), r.equal.end(), [&](const KeyColumn& k) {
          return !k.column.empty() && !k.is_for(ColumnUse::kReference);
        });
        if (r.equal.empty() && r.others.empty()) return;
      }
      if (set_protected(unit, i, r, write, w, /*inserts=*/false) || guarded_elsewhere(unit, i, r, write, w)) return;
      const bool together = same_transaction(unit, i, write) || !boundaries_known(unit, i, write);
      report(unit, i, r, write, w, std::move(states), together && close && has_state ? Confidence::kLikely : Confidence::kPossible,
             context);
      return;
    }
    close = close && only_looks_at(read, w);
  }
}

void check(const WorkUnit& unit, RuleContext& context) {
  const TableSet tables = tables_read(unit, [](const ReadAccess& r) { return r.aggregate == Aggregate::kCount; });
  for (const uint32_t i : unit.writers) {
    const Op& op = unit.ops[i];
    if (op.truncated) continue;
    for (const WriteAccess& w : op.statement->access.writes) {
      if ((w.kind != StatementKind::kUpdate && w.kind != StatementKind::kDelete) || w.housekeeping) continue;
      if ((tables & w.bit) == 0) continue;
      check_one_statement(unit, i, w, context);
      check_pair(unit, i, w, context);
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  if (f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock) {
    finding.message = fmt::format(
        "A row of {} is changed on what a count of its set said; at this level one of two racing sessions gets an error "
        "it must retry.",
        f.material.table_name);
  } else {
    finding.message =
        fmt::format("Two sessions can count the same set of {} and each take another row out of it: what both checked no longer holds.",
                    f.material.table_name);
  }
  add_fixes(finding, suggest::set_lock(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "set-lock"));
}

}  // namespace

extern const Rule kRule_write_skew;
const Rule kRule_write_skew = {"DBA302",
                               "write-skew",
                               Severity::kError,
                               "A set is counted and one row of it changed, while another session may change another row of it",
                               {Trait::kUpdatesRead | Trait::kDeletesRead, Trait::kSums},
                               check,
                               describe};

}  // namespace dbaudit
