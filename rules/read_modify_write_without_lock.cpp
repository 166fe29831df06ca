// DBA201: a value is read, changed in the application and written back as a literal; what another session wrote in between is lost.
//
//   A: SELECT balance … id = 1   → 100
//   B: SELECT balance … id = 1   → 100
//   A: UPDATE … SET balance = 90 WHERE id = 1
//   B: UPDATE … SET balance = 80 WHERE id = 1     A's ten are gone
//
// That the literal was computed from what was read has to be shown: it moves by a step from the last value written to that row and column in this log, or the
// read fetched a column whose name is that of a quantity. Times, flags, keys and texts are left alone (a form a human filled in, `last_login`). Silent:
// relative writes, a guard or version in the WHERE, a lock held from the read to the write.

#include <cmath>

#include <fmt/format.h>

#include "analyzers/base/hash.h"
#include "analyzers/trace/history.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

// A condition of the write beyond the row's key that repeats what was read: compare-and-set, whatever the column is called.
bool has_guard(const WriteAccess& w, const ReadAccess& r) {
  for (const KeyColumn& k : w.equal) {
    if (k.column.empty() || is_version_name(k.column) || w.find(k.column) != nullptr) return true;
    bool in_key = false;
    if (w.table != nullptr) {
      for (const Key& key : w.table->keys) {
        for (const KeyPart& p : key.parts) in_key |= key.unique && p.column == k.column;
      }
      for (const ForeignKey& fk : w.table->foreign_keys) {
        for (const std::string& c : fk.columns) in_key |= c == k.column;
      }
    } else {
      in_key = k.column == "id" || k.column.ends_with("_id");
    }
    bool read_by_it = false;
    for (const KeyColumn& rk : r.equal) read_by_it |= rk.column == k.column;
    if (!in_key && !read_by_it && r.projects(k.column)) return true;
  }
  return !w.others.empty();
}

void check(const WorkUnit& unit, RuleContext& context) {
  for (uint32_t w = 0; w < unit.ops.size(); ++w) {
    const Op& write = unit.ops[w];
    for (const WriteAccess& update : write.statement->access.writes) {
      if (update.kind != StatementKind::kUpdate || !update.exact || update.equal.empty() || write.truncated) continue;
      if (is_housekeeping_table(update.name)) continue;
      const std::optional<ReadRef> read = deciding_read(unit, w, update, RowLink::kPicked);
      if (!read) continue;
      const ReadAccess& r = *read->access;
      if (has_guard(update, r)) continue;
      Match m;
      std::vector<std::string> stayed;
      for (size_t i = 0; i < update.set.size(); ++i) {
        const ColumnWrite& c = update.set[i];
        double number = 0;
        if (c.value->kind != OperandKind::kSlot || !as_number(write.value(c.value->slot), number)) continue;
        if (!r.projects(c.column) || !can_be_quantity(update.table, c.column) || is_version_name(c.column)) continue;
        m.written = hash_combine(m.written, hash_combine(hash_bytes(c.column), write.value(c.value->slot).hash));
        const double step = i < write.steps.size() ? write.steps[i] : std::nan("");
        if (!std::isnan(step) && step == 0) {
          stayed.push_back(c.column);
          continue;
        }
        // A constant is written, not computed, unless the name says it counts something and nothing speaks against it.
        const bool moved = !std::isnan(step) && std::abs(step) <= std::max(100.0, std::abs(number - step));
        if (!moved && !is_quantity_name(c.column)) continue;
        m.value_moved_by_step |= moved;
        m.value_moved_down |= moved && step < 0;
        m.columns.push_back(c.column);
      }
      if (m.columns.empty()) {
        if (stayed.empty()) continue;
        m.columns = std::move(stayed);
        m.value_stayed = true;
      }
      m.writes_one_column = update.set.size() == 1;
      const Op& read_op = unit.ops[read->op];
      // A lock taken outside a transaction is DBA401's to tell.
      if (is_locking(r.lock) && !same_transaction(unit, read->op, w) && boundaries_known(unit, read->op, w)) continue;
      if (protected_by_lock(unit, read->op, w, update)) continue;
      m.unit = &unit;
      m.table = update.table;
      m.table_name = update.name;
      m.read = read->op;
      m.write = w;
      m.has_read = m.has_write = true;
      for (const KeyColumn& k : update.equal) m.key_columns.push_back(k.name());
      m.row = row_identity(update.name, update.table, update.equal, write);
      m.pattern = Pattern::kReadModifyWrite;
      context.place(m);
      // Two requests on one pooled session can read and write one row without a thought of each other: only a value that moves ties them.
      if (!m.value_moved_by_step && !same_transaction(unit, read->op, w) && link_rows(read_op, r, write, update) != RowLink::kValues) {
        m.confidence = Confidence::kPossible;
      }
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string columns = list_of(f.material.columns);
  if (f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock) {
    finding.message = fmt::format(
        "{} of {} is written back as a literal computed from a read; at this level the loser of a race gets an error it must retry.",
        columns, f.material.table_name);
  } else {
    finding.message = fmt::format("Two sessions can read the same {} of {} and each write its own result: the first change is lost.",
                                  columns, f.material.table_name);
  }
  if (f.value_moved_by_step) add_fixes(finding, suggest::atomic_update(f.material, f.value_moved_down));
  add_fixes(finding, suggest::row_lock(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "read-modify-write"));
}

}  // namespace

extern const Rule kRule_read_modify_write_without_lock;
const Rule kRule_read_modify_write_without_lock = {
    "DBA201",
    "read-modify-write-without-lock",
    Severity::kError,
    "A value is read, changed in the application and written back as a literal, without a lock, guard or version",
    check,
    describe};

}  // namespace dbaudit
