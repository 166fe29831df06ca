// DBA305: a parent is looked up, a child is inserted, and meanwhile the parent goes.
//
//   A: SELECT … FROM project WHERE id = 3   → there
//   B: SELECT COUNT(*) … FROM task WHERE project_id = 3   → none
//   B: DELETE FROM project WHERE id = 3
//   A: INSERT INTO task (project_id, …) VALUES (3, …)     a task of no project
//
// Only where the log deletes rows of that table, the child's column is called after the parent, and no foreign key is on it. A parent that is never
// deleted, or only marked as deleted, leaves nobody alone. A lock taken by the one side is not enough, and one log rarely shows both: `possible` then.

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "rules/match.h"
#include "rules/row_state.h"
#include "rules/set_lock.h"

namespace dbaudit {

namespace {

std::string_view bare(std::string_view table) {
  const size_t dot = table.rfind('.');
  return dot == std::string_view::npos ? table : table.substr(dot + 1);
}

// `project_id` and a table `project`, `app_project` or `projects`; or the parent's own key column by its full name (`product_id`).
bool is_called_after(std::string_view column, const Table& parent, std::string_view key) {
  if (iequals(column, key) && !iequals(key, "id")) return true;
  if (column.size() < 5 || !iequals(column.substr(column.size() - 3), "_id")) return false;
  return icontains(bare(parent.name), column.substr(0, column.size() - 3));
}

bool has_foreign_key(const Table& child, std::string_view column) {
  return std::any_of(child.foreign_keys.begin(), child.foreign_keys.end(), [&](const ForeignKey& fk) {
    return std::any_of(fk.columns.begin(), fk.columns.end(), [&](const std::string& c) { return iequals(c, column); });
  });
}

const NoteKind kRowDeleted("row-deleted");

// The first column of the row inserted that refers to the parent by its name and holds its key, with no foreign key on it. Null: none.
const ColumnWrite* child_column(const Op& op, const WriteAccess& w, const Table& parent_table, const KeyColumn& key, const Value& parent) {
  const ColumnWrite* first = nullptr;
  const auto consider = [&](const ColumnWrite& c) {
    if ((first != nullptr && first < &c) || !c.takes_value() || !same_value(op.value(c.value->slot), parent)) return;
    if (is_called_after(c.column, parent_table, key.column) && !has_foreign_key(*w.table, c.column)) first = &c;
  };
  for (const uint32_t i : w.references) consider(w.set[i]);
  if (const ColumnWrite* namesake = w.find(key); namesake != nullptr) consider(*namesake);
  return first;
}

void check_insert(const WorkUnit& unit, uint32_t write, const WriteAccess& w, RuleContext& context) {
  const Op& op = unit.ops[write];
  for (uint32_t i = write; i-- > reach_from(write);) {
    const Op& read = unit.ops[i];
    if (read.failed || read.rows == 0) continue;
    for (const ReadAccess& r : read.statement->access.reads) {
      if (r.primary_equal < 0 || r.same_table(w) || !r.top_level) continue;
      const KeyColumn* key = &r.equal[static_cast<size_t>(r.primary_equal)];
      const Value& parent = read.value(key->slot);
      if (!parent.known() || parent.is_null()) continue;
      const ColumnWrite* c = child_column(op, w, *r.table, *key, parent);
      if (c == nullptr) continue;
      if (set_protected(unit, i, r, write, w, /*inserts=*/false)) return;
      Match m;
      m.unit = &unit;
      m.table = w.table;
      m.table_name = w.name;
      m.more_tables = {r.name};
      m.columns = m.key_columns = {c->column};
      m.read = i;
      m.write = write;
      m.has_read = m.has_write = true;
      m.pattern = Pattern::kOrphan;
      m.message_detail = fmt::format("{}\n{}", r.name, key->column);
      m.needs = Need{
          .key = kRowDeleted.of(r), .evidence_kind = "counterpart", .evidence_text = fmt::format("rows of {} are deleted here", r.name)};
      m.data = DataCheck{.question = DataQuestion::kOrphans,
                         .table = w.name,
                         .columns = {c->column},
                         .null_columns = {},
                         .parent = r.name,
                         .parent_columns = {key->column}};
      if (r.lock != LockStrength::kNone || !unit.ops[i].statement->access.writes.empty()) m.confidence = Confidence::kPossible;
      context.place(m);
      // The rule's usual severity: the row is wrong, and whoever reads it finds out.
      if (m.level != Level::kSerializable && m.level != Level::kDeferred) m.severity = Severity::kWarning;
      context.report(std::move(m));
      return;
    }
  }
}

void check(const WorkUnit& unit, RuleContext& context) {
  const bool looks_up = any_read(unit, [](const ReadAccess& r) { return r.primary_equal >= 0; });
  for (const uint32_t i : unit.writers) {
    const Op& op = unit.ops[i];
    if (op.truncated) continue;
    for (const WriteAccess& w : op.statement->access.writes) {
      if (w.kind == StatementKind::kDelete && !op.failed) context.note(kRowDeleted.of(w), unit, i);
      if (!looks_up || w.kind != StatementKind::kInsert || w.table == nullptr || w.set.empty() || w.housekeeping) continue;
      check_insert(unit, i, w, context);
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const size_t cut = f.detail.find('\n');
  const std::string parent = f.detail.substr(0, cut);
  const std::string key = cut == std::string::npos ? std::string() : f.detail.substr(cut + 1);
  const std::string column = list_of(f.material.columns);
  finding.message = fmt::format("A row of {} can be inserted for a {} that another session deletes meanwhile: no foreign key is on {}.",
                                f.material.table_name, parent, column);
  add_fixes(finding, suggest::foreign_key(f.material, column, parent, key));
}

}  // namespace

extern const Rule kRule_parent_checked_without_foreign_key;
const Rule kRule_parent_checked_without_foreign_key = {
    "DBA305",
    "parent-checked-without-foreign-key",
    Severity::kWarning,
    "A parent row is looked up and a child inserted, no foreign key ties them, and parents are deleted",
    {Trait::kInserts | Trait::kDeletes},
    check,
    describe};

}  // namespace dbaudit
