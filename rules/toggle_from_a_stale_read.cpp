// DBA209: a switch thrown twice that moved once.
//
//   A: SELECT starred … id = 1   → true
//   B: SELECT starred … id = 1   → true
//   A: UPDATE … SET starred = false WHERE id = 1
//   B: UPDATE … SET starred = false WHERE id = 1     two presses, and the star is off instead of on
//
// Or a row that is there or not (like, follow, favourite): looked up, then inserted or deleted. Both halves of a toggle have to be seen: the flag goes there and
// back by the same statement, the same lookup leads to an INSERT here and to a DELETE there. A flag that is also written when it has the value already is
// set, not toggled. Silent: `SET x = NOT x`, a guard, a lock; the row's INSERT as an upsert.

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"
#include "rules/lookup_insert.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

bool says_yes(const Value& v) { return v.text == "1" || iequals(v.text, "t") || iequals(v.text, "true"); }

uint64_t turned(const std::string& table, const std::string& column, bool on) {
  return note_key(on ? "turned on" : "turned off", table, column);
}

// The flag that is the purpose of the UPDATE: everything else it writes stays what it was.
void check_flag(const WorkUnit& unit, uint32_t w, const WriteAccess& update, RuleContext& context) {
  const Op& write = unit.ops[w];
  const std::optional<ReadRef> read = context.picking_read(unit, w, update);
  if (!read || has_guard(write, update, *read->access) || write.history == nullptr) return;
  const ColumnWrite* flag = nullptr;
  CellStep step;
  for (size_t i = 0; i < update.set.size(); ++i) {
    const ColumnWrite& c = update.set[i];
    if (c.is_for(ColumnUse::kTime) || c.is_for(ColumnUse::kVersion)) continue;
    const bool flips = c.value->kind == OperandKind::kSlot && is_flag(update, c, write.value(c.value->slot)) && read->access->projects(c);
    const CellStep& change = write.change(i);
    const bool moved = change.change == CellChange::kChanged || change.change == CellChange::kReturned;
    if (!flips && (moved || c.value->kind != OperandKind::kSlot)) return;
    if (!flips) continue;
    if (flag != nullptr && moved && step.change != CellChange::kKept) return;  // two flags at once: a form
    if (flag == nullptr || moved) {
      flag = &c;
      step = change;
    }
  }
  if (flag == nullptr) return;
  if (is_locking(read->access->lock) && !same_transaction(unit, read->op, w) && boundaries_known(unit, read->op, w)) return;
  if (protected_by_lock(unit, read->op, w, update)) return;

  Match m;
  m.unit = &unit;
  m.table = update.table;
  m.table_name = update.name;
  m.columns = {flag->column};
  for (const KeyColumn& k : update.equal) m.key_columns.push_back(k.name());
  m.row = row_identity(update, update.equal, write);
  m.read = read->op;
  m.write = w;
  m.has_read = m.has_write = true;
  m.pattern = Pattern::kToggle;
  m.value_stayed = step.change == CellChange::kUnknown || step.change == CellChange::kKept;
  if (step.change != CellChange::kUnknown) m.written = hash_combine(hash_bytes(flag->column), write.value(flag->value->slot).hash());
  m.stood_since = step.by_time;
  m.writes_one_column = true;
  // Only what went there and came back is a toggle; one change may be the one a flag was made for.
  if (step.change != CellChange::kReturned) m.confidence = Confidence::kPossible;
  // Both ways, each after a read: what a work unit sets, and resets when it is done, is no toggle.
  const Value& value = write.value(flag->value->slot);
  if (!m.value_stayed) context.note(turned(update.name, flag->column, says_yes(value)), unit, w);
  m.needs = Need{.key = turned(update.name, flag->column, !says_yes(value))};
  context.place(m);
  context.report(std::move(m));
}

std::string lookup_of(const Op& read) { return hex64(read.statement->source->fingerprint); }

void check_insert(const WorkUnit& unit, const LookupInsert& pair, RuleContext& context) {
  const Op& write = unit.ops[pair.write];
  if (write.statement->access.writes.size() != 1 || pair.insert->rows != 1 || !asks_for_one(*pair.lookup)) return;
  if (protected_by_lock(unit, pair.read, pair.write, *pair.insert)) return;
  Match m = match_of(unit, pair);
  m.pattern = Pattern::kToggleRow;
  if (pair.protection != nullptr) {
    if (pair.protection->key != nullptr) m.pattern = Pattern::kToggleRowUnique;
    if (write.failed && (write.error_code() == "23505" || write.error_code() == "1062")) {
      m.confidence = Confidence::kObserved;
    } else if (pair.protection->key != nullptr) {
      m.confidence = Confidence::kPossible;  // the refusal may well be looked after
    }
  }
  m.needs = Need{.key = note_key("deleted after lookup", pair.insert->name, lookup_of(unit.ops[pair.read]))};
  context.place(m);
  context.report(std::move(m));
}

void note_delete(const WorkUnit& unit, uint32_t w, const WriteAccess& gone, RuleContext& context) {
  for (uint32_t r = w; r-- > reach_from(w);) {
    const Op& read = unit.ops[r];
    if (!read.statement->access.may_read(gone)) continue;
    for (const ReadAccess& lookup : read.statement->access.reads) {
      if (!lookup.same_table(gone) || !lookup.top_level || !asks_for_one(lookup)) continue;
      if (link_rows(read, lookup, unit.ops[w], gone) == RowLink::kNone) continue;
      context.note(note_key("deleted after lookup", gone.name, lookup_of(read)), unit, w);
      return;
    }
  }
}

void check(const WorkUnit& unit, RuleContext& context) {
  for (const LookupInsert& pair : context.lookup_inserts(unit)) check_insert(unit, pair, context);
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    if (write.statement->access.writes.size() != 1 || write.truncated) continue;
    const WriteAccess& access = write.statement->access.writes.front();
    if (access.housekeeping) continue;
    if (access.kind == StatementKind::kUpdate && access.exact && !access.equal.empty() && !write.failed) {
      check_flag(unit, w, access, context);
    } else if (access.kind == StatementKind::kDelete && access.exact && !access.equal.empty()) {
      note_delete(unit, w, access, context);
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string columns = list_of(f.material.columns);
  if (f.pattern == Pattern::kToggle) {
    finding.message = f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock
                          ? fmt::format("{} of {} is toggled from a read; at this level the loser of a race gets an error it must retry.",
                                        columns, f.material.table_name)
                          : fmt::format("Two sessions can read the same {} of {} and both write its opposite: two presses count as one.",
                                        columns, f.material.table_name);
    add_fixes(finding, suggest::toggle(f.material));
    add_fixes(finding, suggest::row_lock(f.material));
    return;
  }
  finding.message =
      f.pattern == Pattern::kToggleRowUnique
          ? fmt::format("Two presses at once both find no row of {} ({}) and both insert: one fails on the unique key.",
                        f.material.table_name, columns)
          : fmt::format("Two presses at once both find no row of {} ({}) and both insert: two rows stay, one too many to take back.",
                        f.material.table_name, columns);
  if (f.pattern == Pattern::kToggleRow) add_fixes(finding, suggest::unique_key(f.material));
  add_fixes(finding, suggest::upsert(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "get-or-create"));
}

}  // namespace

extern const Rule kRule_toggle_from_a_stale_read;
const Rule kRule_toggle_from_a_stale_read = {
    "DBA209",
    "toggle-from-a-stale-read",
    Severity::kError,
    "A flag is read and its opposite written back, or a row inserted when there is none and deleted when there is one",
    {Trait::kInsertsRead | Trait::kUpdatesRead | Trait::kDeletesRead},
    check,
    describe};

}  // namespace dbaudit
