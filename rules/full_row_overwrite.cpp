// DBA203: a save that writes every column puts old values back.
//
//   A: SELECT id, email, phone, city … id = 1
//   B: SELECT id, email, phone, city … id = 1
//   A: UPDATE … SET email = 'new@…', phone = '1', city = 'Bonn' WHERE id = 1
//   B: UPDATE … SET email = 'old@…', phone = '2', city = 'Bonn' WHERE id = 1     A's address is gone; B never meant to touch it
//
// That an UPDATE writes all it had read shows the habit, not the damage: possible. Another session's write between the read and this one makes it likely, and
// a column that goes back to what it was before that write shows it. Silent: few columns, a lock, a guard or version in the WHERE.

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

constexpr size_t kFewColumns = 3;  // a save of fewer is hardly "the whole row"

// Does the UPDATE write back everything the read fetched, but the key, and times the database or the ORM sets by itself?
bool writes_all_it_read(const WriteAccess& w, const ReadAccess& r) {
  if (r.all_columns && w.table == nullptr) return false;
  const size_t fetched = r.all_columns ? w.table->columns.size() : r.columns().size();
  const auto left_out = static_cast<ColumnUses>(ColumnUse::kFilledIn | (w.table != nullptr ? ColumnUse::kPrimary : 0));
  size_t written = 0;
  for (size_t i = 0; i < fetched && i < r.fetched.size(); ++i) {
    const FetchedColumn& column = r.fetched[i];
    if ((column.uses & left_out) != 0) continue;
    if (w.find_name(column.name) != nullptr) {
      ++written;
      continue;
    }
    const bool in_where = std::any_of(w.equal.begin(), w.equal.end(), [&](const KeyColumn& k) { return k.column == column.name; });
    if (!in_where && (column.uses & ColumnUse::kTime) == 0) return false;
  }
  return written >= kFewColumns;
}

// What the read asked for by equality is what the row is known by, not what it holds: writing it back undoes nothing.
bool asked_by(const ReadAccess& r, std::string_view column) {
  return std::any_of(r.equal.begin(), r.equal.end(), [&](const KeyColumn& k) { return k.column == column; });
}

// Lines tell only what the clock leaves open.
bool came_after(const CellStep& step, const Op& read) {
  const TimePoint& when = read.start.known() ? read.start : read.end;
  if (certainly_before(when, step.by_time)) return true;
  return !certainly_before(step.by_time, when) && step.by_file == read.file && step.by_line > read.line;
}

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    if (write.statement->access.writes.size() != 1 || write.truncated || write.failed) continue;
    const WriteAccess& update = write.statement->access.writes.front();
    if (update.kind != StatementKind::kUpdate || !update.exact || update.equal.empty() || update.set.size() < kFewColumns) continue;
    if (update.housekeeping) continue;
    const std::optional<ReadRef> read = context.picking_read(unit, w, update);
    if (!read || is_locking(read->access->lock) || has_guard(write, update, *read->access)) continue;
    if (!writes_all_it_read(update, *read->access) || protected_by_lock(unit, read->op, w, update)) continue;

    Match m;
    std::vector<std::string> all, overwritten, put_back;
    for (size_t i = 0; i < update.set.size(); ++i) {
      const ColumnWrite& c = update.set[i];
      if (c.value->kind != OperandKind::kSlot || !read->access->projects(c) || c.is_for(ColumnUse::kVersion)) continue;
      if (c.is_for(ColumnUse::kTime) || asked_by(*read->access, c.column)) continue;
      all.push_back(c.column);
      const CellStep& step = write.change(i);
      const bool stale = step.change != CellChange::kUnknown && step.change != CellChange::kKept && step.by_session != unit.session &&
                         came_after(step, unit.ops[read->op]);
      if (!stale) continue;
      (step.change == CellChange::kReturned ? put_back : overwritten).push_back(c.column);
      m.evidence = {{"overlap",
                     fmt::format("another session wrote {} of this row after it was read here; this UPDATE {}", c.column,
                                 step.change == CellChange::kReturned ? "puts the old value back" : "writes over it"),
                     {}}};
    }
    if (all.size() < kFewColumns) continue;
    m.confidence = !put_back.empty() ? Confidence::kObserved : !overwritten.empty() ? Confidence::kLikely : Confidence::kPossible;
    m.columns = !put_back.empty() ? std::move(put_back) : std::move(all);
    m.evidence_op = w;
    m.unit = &unit;
    m.table = update.table;
    m.table_name = update.name;
    m.read = read->op;
    m.write = w;
    m.has_read = m.has_write = true;
    for (const KeyColumn& k : update.equal) m.key_columns.push_back(k.name());
    m.row = row_identity(update, update.equal, write);
    m.pattern = Pattern::kFullRowOverwrite;
    context.place(m);
    context.report(std::move(m));
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string columns = list_of(f.material.columns);
  if (f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock) {
    finding.message =
        fmt::format("Every column of {} that was read is written back; at this level the loser of a race gets an error it must retry.",
                    f.material.table_name);
  } else {
    finding.message =
        fmt::format("Every column of {} that was read is written back ({}): what another session changed in between is undone.",
                    f.material.table_name, columns);
  }
  add_fixes(finding, suggest::changed_columns(f.material));
  add_fixes(finding, suggest::version_check(f.material, "version"));
  add_fixes(finding, suggest::row_lock(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "changed-columns"));
}

}  // namespace

extern const Rule kRule_full_row_overwrite;
const Rule kRule_full_row_overwrite = {
    "DBA203",
    "full-row-overwrite",
    Severity::kWarning,
    "An UPDATE writes back every column it had read, and with them what another session has changed since",
    {Trait::kUpdatesRead},
    check,
    describe};

}  // namespace dbaudit
