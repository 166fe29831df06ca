// A write that is refused when what it rests on has changed: by a version in its WHERE, or by a CHECK.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "rules/suggest/names.h"
#include "rules/suggest/rewrite.h"

namespace dbaudit::suggest {

std::vector<Fix> version_check(const Material& m, const std::string& version_column) {
  const Write* write = m.write != nullptr ? m.write->write() : nullptr;
  if (write == nullptr || write->kind != StatementKind::kUpdate || m.write_sql.empty()) return {};
  const Pieces pieces(m.write_sql, m);
  const UpdateShape shape = update_shape(pieces);
  if (!shape.good) return {};
  if (write->block >= 0 && static_cast<size_t>(write->block) < m.write->blocks.size()) {
    for (const Conjunct& c : m.write->blocks[static_cast<size_t>(write->block)].where) {
      if (iequals(c.column.name, version_column)) return {};  // it is compared already
    }
  }

  Fix fix;
  fix.kind = "version-check";
  fix.title = fmt::format("Compare {} in the UPDATE, and look at the affected rows", version_column);
  const std::string column = column_sql(m, version_column);
  if (m.table != nullptr && m.table->column(version_column) == nullptr)
    fix.sql.push_back(fmt::format("ALTER TABLE {} ADD COLUMN {} INTEGER NOT NULL DEFAULT 0", table_sql(m), column));

  Draft draft(m.engine);
  const bool bumped =
      std::any_of(shape.set.begin(), shape.set.end(), [&](const UpdateShape::Set& s) { return iequals(s.column, version_column); });
  const std::string qualified =
      shape.joins ? quote_part(write->target_alias.empty() ? bare_table(m) : write->target_alias.str(), m.engine) + "." + column : column;
  const size_t set_end = shape.set.back().end;
  pieces.copy(0, set_end, draft);
  if (!bumped) draft.text(fmt::format(", {} = {} + 1", column, qualified));
  pieces.copy(set_end, shape.where, draft);
  copy_where_and(pieces, shape, draft);
  draft.text(qualified + " = ").new_parameter("the " + version_column + " that was read");
  pieces.copy(shape.tail, pieces.size(), draft);
  fix.use.once = static_cast<int>(fix.sql.size());
  fix.use.write = fix.use.once;
  fix.sql.push_back(draft.sql());

  fix.trade_off = "Check that one row was affected: 0 means that somebody was faster; read again in a new transaction and repeat.";
  if (m.engine == Engine::kPostgres && (m.isolation == Isolation::kRepeatableRead || m.isolation == Isolation::kSerializable))
    fix.trade_off += fmt::format(" At {} it gives 40001 instead of 0 rows.", isolation_name(m.isolation));
  if (const std::string parameters = draft.parameters(); !parameters.empty()) fix.trade_off += " " + parameters;
  return {fix};
}

std::vector<Fix> check_constraint(const Material& m, const std::string& column) {
  const Column* known = m.table != nullptr ? m.table->column(column) : nullptr;
  if (m.engine == Engine::kUnknown || (m.table != nullptr && (m.table->is_view || known == nullptr || known->is_unsigned))) return {};
  // A number computed from an old read is never below zero: a CHECK refuses only what the database computes.
  if (const Write* write = m.write != nullptr ? m.write->write() : nullptr; write != nullptr) {
    for (const Assignment& a : write->set) {
      if (iequals(a.column.name, column) && a.value.kind == OperandKind::kSlot) return {};
    }
  }
  if (m.engine == Engine::kMySql && older_than(m, 8, 0, 16)) return {};  // parsed and ignored (manual 13.1.20.6)
  if (m.engine == Engine::kMariaDb && older_than(m, 10, 2, 1)) return {};

  const std::string c = column_sql(m, column);
  const std::string table = table_sql(m);
  const std::string name = quote_part(new_name(m, {bare_table(m), column, "not_negative"}), m.engine);
  Fix fix;
  fix.kind = "constraint";
  fix.title = fmt::format("Let the database refuse a negative {}", column);
  switch (m.engine) {
    case Engine::kPostgres:
      fix.sql = {fmt::format("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({} >= 0) NOT VALID", table, name, c),
                 fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", table, name)};
      fix.trade_off =
          "The UPDATE that would oversell fails with 23514. NOT VALID takes its lock for a moment only; VALIDATE lets writers go on, and "
          "fails on rows that are negative now.";
      break;
    case Engine::kSqlite: {
      // SQLite cannot add a CHECK to a table that is there (lang_altertable.html).
      const std::string message = fmt::format("{} must not be negative", column);
      std::string quoted;
      for (const char ch : message) quoted += ch == '\'' ? "''" : std::string(1, ch);
      fix.sql = {fmt::format("CREATE TRIGGER {} BEFORE UPDATE OF {} ON {} WHEN NEW.{} < 0 BEGIN SELECT RAISE(ABORT, '{}'); END", name, c,
                             table, c, quoted)};
      fix.trade_off =
          "The UPDATE that would oversell fails with SQLITE_CONSTRAINT_TRIGGER. A CHECK proper needs the table to be made anew.";
      break;
    }
    default:
      fix.sql = {fmt::format("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({} >= 0)", table, name, c)};
      fix.trade_off =
          "The UPDATE that would oversell fails with an error (4025 on MariaDB, 3819 on MySQL). Copies the table: writers wait; fails on "
          "rows that are negative now.";
      break;
  }
  fix.use.once = static_cast<int>(fix.sql.size());
  return {fix};
}

}  // namespace dbaudit::suggest
