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

bool in_primary_key(const Table* table, std::string_view column) {
  const Key* key = table != nullptr ? table->primary_key() : nullptr;
  return key != nullptr && std::any_of(key->parts.begin(), key->parts.end(), [&](const KeyPart& p) { return iequals(p.column, column); });
}

// Does the UPDATE write back everything the read fetched, but the key, and times the database or the ORM sets by itself?
bool writes_all_it_read(const WriteAccess& w, const ReadAccess& r) {
  std::vector<std::string> fetched = r.columns;
  if (r.all_columns) {
    if (w.table == nullptr) return false;
    fetched.clear();
    for (const Column& c : w.table->columns) fetched.push_back(to_lower(c.name));
  }
  size_t written = 0;
  for (const std::string& column : fetched) {
    const Column* c = w.table != nullptr ? w.table->column(column) : nullptr;
    if (in_primary_key(w.table, column) || (c != nullptr && (c->generated || c->identity))) continue;
    if (w.find(column) != nullptr) {
      ++written;
      continue;
    }
    const bool in_where = std::any_of(w.equal.begin(), w.equal.end(), [&](const KeyColumn& k) { return k.column == column; });
    if (!in_where && !holds_time(w.table, column)) return false;
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
  for (uint32_t w = 0; w < unit.ops.size(); ++w) {
    const Op& write = unit.ops[w];
    if (write.statement->access.writes.size() != 1 || write.truncated || write.failed) continue;
    const WriteAccess& update = write.statement->access.writes.front();
    if (update.kind != StatementKind::kUpdate || !update.exact || update.equal.empty() || update.set.size() < kFewColumns) continue;
    if (is_housekeeping_table(update.name)) continue;
    const std::optional<ReadRef> read = deciding_read(unit, w, update, RowLink::kPicked);
    if (!read || has_guard(write, update, *read->access) || !writes_all_it_read(update, *read->access)) continue;
    if (is_locking(read->access->lock) || protected_by_lock(unit, read->op, w, update)) continue;

    Match m;
    std::vector<std::string> all, overwritten, put_back;
    for (size_t i = 0; i < update.set.size(); ++i) {
      const ColumnWrite& c = update.set[i];
      if (c.value->kind != OperandKind::kSlot || !read->access->projects(c.column) || is_version_name(c.column)) continue;
      if (holds_time(update.table, c.column) || asked_by(*read->access, c.column)) continue;
      all.push_back(c.column);
      if (i >= write.changes.size()) continue;
      const CellStep& step = write.changes[i];
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
    m.row = row_identity(update.name, update.table, update.equal, write);
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
    {Trait::kUpdates, Trait::kReads},
    check,
    describe};

}  // namespace dbaudit
