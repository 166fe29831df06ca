// DBA204: an optimistic lock that never compares.
//
//   A: SELECT …, version … id = 1   → 3
//   B: SELECT …, version … id = 1   → 3
//   A: UPDATE … SET …, version = 4 WHERE id = 1
//   B: UPDATE … SET …, version = 4 WHERE id = 1     A's change is gone; `AND version = 3` would have matched no row
//
// Also: a table whose version is compared by one UPDATE and left alone by another that writes what it read; and a compared version that matched no row, followed
// by COMMIT; and a time of whole seconds compared as a version, which two writes of one second share. Silent: the version in the WHERE, a locked read, a
// relative counter that leaves the version alone, times with fractions.

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

bool compares(const WriteAccess& w, Name column) {
  return std::any_of(w.equal.begin(), w.equal.end(), [&](const KeyColumn& k) { return k.column == column; }) ||
         std::any_of(w.others.begin(), w.others.end(),
                     [&](const OtherCondition& o) { return std::find(o.columns.begin(), o.columns.end(), column) != o.columns.end(); });
}

Name version_column_of(const WriteAccess& w) {
  if (w.table != nullptr) return w.version_column;
  for (const ColumnWrite& c : w.set) {
    if (c.is_for(ColumnUse::kVersion)) return c.column;
  }
  for (const KeyColumn& k : w.equal) {
    if (k.is_for(ColumnUse::kVersion)) return k.column;
  }
  return {};
}

// `2026-03-02 09:15:00`, without a fraction.
bool is_whole_seconds(const Value& v) {
  return v.kind == ValueKind::kString && v.text.size() >= 19 && v.text[4] == '-' && v.text[13] == ':' &&
         v.text.find('.') == std::string_view::npos;
}

// The time that the UPDATE compares and sets anew, when it can hold no fraction of a second.
std::string coarse_time(const Op& op, const WriteAccess& w, Engine engine) {
  for (const KeyColumn& k : w.equal) {
    const ColumnWrite* set = w.find(k);
    if (set == nullptr || k.is_list || k.is_null || !k.is_for(ColumnUse::kTime)) continue;
    const Column* c = w.table != nullptr ? w.table->column(k.column) : nullptr;
    if (c == nullptr || !is_whole_seconds(op.value(k.slot))) continue;
    // MySQL's default precision is 0 (manual 11.2.6), PostgreSQL's is 6. SQLite keeps the text it is given.
    const std::string type = to_lower(c->type);
    const bool mysql = is_mysql_family(engine);
    const bool whole = mysql ? type == "datetime" || type == "timestamp" || type.ends_with("(0)") : type.find("(0)") != std::string::npos;
    const bool written_whole = set->value->kind == OperandKind::kSlot && is_whole_seconds(op.value(set->value->slot));
    if (whole || written_whole) return k.column;
  }
  return {};
}

void check_coarse_time(const WorkUnit& unit, uint32_t w, const WriteAccess& update, RuleContext& context) {
  const std::string column = coarse_time(unit.ops[w], update, unit.engine);
  if (column.empty()) return;
  const std::optional<ReadRef> read = context.picking_read(unit, w, update);
  if (!read || !read->access->projects(column) || protected_by_lock(unit, read->op, w, update)) return;
  Match m;
  m.unit = &unit;
  m.table = update.table;
  m.table_name = update.name;
  m.columns = {column};
  for (const KeyColumn& k : update.equal) {
    if (k.column != column) m.key_columns.push_back(k.name());
  }
  m.read = read->op;
  m.write = w;
  m.has_read = m.has_write = true;
  m.pattern = Pattern::kVersionTimestamp;
  m.message_detail = "whole-seconds";
  context.place(m);
  if (context.engine() == Engine::kUnknown || judge(m.pattern, unit.engine, m.level).outcome == Outcome::kSilent)
    m.severity = Severity::kWarning;
  context.report(std::move(m));
}

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    for (const WriteAccess& update : write.statement->access.writes) {
      if (update.kind != StatementKind::kUpdate || !update.exact || update.equal.empty() || write.truncated) continue;
      if (update.housekeeping) continue;
      const Name version = version_column_of(update);
      if (version.empty()) check_coarse_time(unit, w, update, context);
      if (version.empty()) continue;
      Match m;
      m.unit = &unit;
      m.table = update.table;
      m.table_name = update.name;
      m.columns = {version};
      for (const KeyColumn& k : update.equal) m.key_columns.push_back(k.name());
      m.row = row_identity(update, update.equal, write);
      m.read = m.write = w;
      m.has_write = true;
      m.pattern = Pattern::kVersionUnchecked;
      const std::optional<ReadRef> read = context.picking_read(unit, w, update);
      if (read) {
        m.read = read->op;
        m.has_read = true;
      }
      if (compares(update, version)) {
        context.note(note_key("version compared", update.name, version), unit, w);
        const Transaction& tx = unit.transactions[write.transaction];
        const bool again = std::any_of(unit.ops.begin() + w + 1, unit.ops.end(), [&](const Op& later) {
          return std::any_of(later.statement->access.writes.begin(), later.statement->access.writes.end(),
                             [&](const WriteAccess& x) { return x.same_table(update); });
        });
        if (write.rows != 0 || write.failed || again || (tx.end != TxEnd::kCommit && tx.end != TxEnd::kAutocommit)) continue;
        m.confidence = Confidence::kObserved;
        m.message_detail = "zero-rows";
        m.evidence.push_back(
            {"zero-rows-then-commit", "the version did not match, no row was changed, and the transaction was committed all the same", {}});
        m.evidence_op = w;
        context.place(m);
        context.report(std::move(m));
        continue;
      }
      if (!read) continue;
      if (protected_by_lock(unit, read->op, w, update)) continue;
      if (is_locking(read->access->lock) && same_transaction(unit, read->op, w)) continue;
      const ColumnWrite* bump = update.find(version);
      double number = 0;
      const bool bumped =
          bump != nullptr && ((bump->value->kind == OperandKind::kSelfRelative && bump->value->sign > 0) ||
                              (bump->value->kind == OperandKind::kSlot && as_number(write.value(bump->value->slot), number)));
      if (!bumped) {
        if (bump != nullptr) continue;
        // Elsewhere checked, here left out: matters when this write puts back what it read.
        const bool writes_values = std::any_of(update.set.begin(), update.set.end(), [&](const ColumnWrite& c) {
          return c.value->kind == OperandKind::kSlot && read->access->projects(c) && c.is_for(ColumnUse::kQuantity);
        });
        if (!writes_values) continue;
        m.needs = Need{.key = note_key("version compared", update.name, version)};
      }
      context.place(m);
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string column = list_of(f.material.columns);
  if (f.detail == "whole-seconds") {
    finding.message =
        fmt::format("{} of {} is compared as a version and counts whole seconds: two saves in one second overwrite each other.", column,
                    f.material.table_name);
    add_fixes(finding, suggest::version_check(f.material, "version"));
    add_fixes(finding, suggest::row_lock(f.material));
    return;
  }
  finding.message =
      f.detail == "zero-rows"
          ? fmt::format("The UPDATE of {} found another {} and changed no row, and the work was committed as if it had.",
                        f.material.table_name, column)
          : fmt::format("{} of {} is not compared by this UPDATE: a session that read an older version overwrites the newer one.", column,
                        f.material.table_name);
  if (f.detail != "zero-rows") add_fixes(finding, suggest::version_check(f.material, f.material.columns.front()));
  if (f.has_read) add_fixes(finding, suggest::row_lock(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "version"));
}

}  // namespace

extern const Rule kRule_version_column_not_checked;
const Rule kRule_version_column_not_checked = {
    "DBA204",          "version-column-not-checked",
    Severity::kError,  "An UPDATE bumps a version column without comparing it: the optimistic lock locks nothing",
    {Trait::kUpdates}, check,
    describe};

}  // namespace dbaudit
