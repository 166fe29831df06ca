// What the program computed from a read, left to the statement that writes; and what it never meant to write, left out.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "rules/suggest/names.h"
#include "rules/suggest/rewrite.h"

namespace dbaudit::suggest {
namespace {

bool is_in(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [name](const std::string& n) { return iequals(n, name); });
}

std::string retry_at(const Material& m) {
  if (m.engine != Engine::kPostgres || (m.isolation != Isolation::kRepeatableRead && m.isolation != Isolation::kSerializable)) return {};
  return fmt::format(" At {} a concurrent change gives 40001: retry the transaction.", isolation_name(m.isolation));
}

}  // namespace

std::vector<Fix> toggle(const Material& m) {
  if (m.write_sql.empty() || m.columns.size() != 1 || m.engine == Engine::kUnknown) return {};
  const Pieces pieces(m.write_sql, m);
  const UpdateShape shape = update_shape(pieces);
  if (!shape.good || shape.joins) return {};
  Draft draft(m.engine);
  bool changed = false;
  pieces.copy(0, shape.set.front().begin, draft);
  bool first = true;
  for (const UpdateShape::Set& s : shape.set) {
    // What a save wrote beside the flag stays as it is.
    const bool flag = iequals(s.column, m.columns[0]);
    const Column* known = m.table != nullptr ? m.table->column(s.column) : nullptr;
    const bool time = known != nullptr && (icontains(known->type, "time") || icontains(known->type, "date"));
    if (!flag && !time) continue;
    if (!first) draft.text(",");
    first = false;
    if (flag) {
      pieces.copy(s.begin, s.value, draft);
      draft.text(" NOT " + column_sql(m, s.column));
      changed = true;
    } else {
      pieces.copy(s.begin, s.end, draft);
    }
  }
  if (!changed) return {};
  draft.text(" WHERE");
  pieces.copy(shape.where, pieces.size(), draft);
  Fix fix;
  fix.kind = "atomic-update";
  fix.title = fmt::format("Let the UPDATE turn {} over itself", m.columns[0]);
  fix.sql = {draft.sql()};
  fix.use.write = 0;
  fix.trade_off = "The value it has afterwards must be read (RETURNING, or a SELECT) where the answer shows it." + retry_at(m);
  if (const std::string parameters = draft.parameters(); !parameters.empty()) fix.trade_off += " " + parameters;
  return {fix};
}

std::vector<Fix> own_column(const Material& m) {
  if (m.table == nullptr || m.columns.size() != 1 || m.key_columns.empty() || m.engine == Engine::kUnknown) return {};
  Draft draft(m.engine);
  const std::string column = column_sql(m, m.columns[0]);
  draft.text(fmt::format("UPDATE {} SET {} = {} + ", table_sql(m), column, column));
  draft.new_parameter("the change of " + m.columns[0] + ", negative to take away");
  for (size_t i = 0; i < m.key_columns.size(); ++i) {
    if (!is_column(m, m.key_columns[i])) return {};
    draft.text((i == 0 ? " WHERE " : " AND ") + column_sql(m, m.key_columns[i]) + " = ").new_parameter("the " + m.key_columns[i]);
  }
  Fix fix;
  fix.kind = "atomic-update";
  fix.title = fmt::format("Compute {} from the row that is updated, not from a subquery", m.columns[0]);
  fix.sql = {draft.sql()};
  fix.use.write = 0;
  fix.trade_off = "The UPDATE then works on the row as it is after the wait." + retry_at(m);
  if (const std::string parameters = draft.parameters(); !parameters.empty()) fix.trade_off += " " + parameters;
  return {fix};
}

std::vector<Fix> relative_upsert(const Material& m) {
  const Write* write = m.write != nullptr ? m.write->write() : nullptr;
  if (write == nullptr || write->upsert_set.empty() || m.write_sql.empty() || m.columns.empty()) return {};
  const Pieces pieces(m.write_sql, m);
  if (!pieces.can_be_rewritten() || !pieces.is(0, "insert")) return {};
  const bool my = is_mysql_family(m.engine);
  const size_t clause = pieces.find({my ? "duplicate" : "conflict"});
  const size_t set = pieces.find({my ? "update" : "set"}, clause);
  const size_t set_end = pieces.find({"where", "returning"}, set);
  if (set >= pieces.size()) return {};
  // MySQL 8.0.19 has a row alias, and 8.0.20 deprecates VALUES(c). A VALUES() that stays would not go with it.
  const bool all_change = std::all_of(write->upsert_set.begin(), write->upsert_set.end(),
                                      [&m](const Assignment& a) { return is_in(m.columns, a.column.name); });
  const bool alias = m.engine == Engine::kMySql && at_least(m, 8, 0, 19) && write->source == InsertSource::kValues && all_change &&
                     pieces.find({"as"}) == pieces.size();
  Draft draft(m.engine);
  pieces.copy(0, clause - 1, draft);
  if (alias) draft.text(" AS new");
  pieces.copy(clause - 1, set + 1, draft);
  bool changed = false;
  for (size_t begin = set + 1; begin < set_end;) {
    const size_t end = pieces.find_sign(",", begin, set_end);
    const size_t equal = pieces.find_sign("=", begin, end);
    if (equal >= end || equal == begin) return {};
    const std::string column = pieces.name(equal - 1);
    if (is_in(m.columns, column)) {
      const std::string name = column_sql(m, column);
      pieces.copy(begin, equal + 1, draft);
      draft.text(alias ? fmt::format(" {}.{} + new.{}", quote_part(bare_table(m), m.engine), name, name)
                 : my  ? fmt::format(" {} + VALUES({})", name, name)
                       : fmt::format(" {}.{} + EXCLUDED.{}", quote_part(bare_table(m), m.engine), name, name));
      changed = true;
    } else {
      pieces.copy(begin, end, draft);
    }
    pieces.copy(end, std::min(end + 1, set_end), draft);
    begin = end + 1;
  }
  if (!changed) return {};
  pieces.copy(set_end, pieces.size(), draft);
  Fix fix;
  fix.kind = "upsert";
  fix.title = fmt::format("Bring the change of {}, and let the upsert add it", join(m.columns, ", "));
  fix.sql = {draft.sql()};
  fix.use.write = 0;
  fix.trade_off =
      "The VALUES then hold what is to be added (negative to take away), which is also what a new row begins with." + retry_at(m);
  if (m.engine == Engine::kMySql && !alias)
    fix.trade_off += " From MySQL 8.0.20 on VALUES() is deprecated: INSERT … AS new … UPDATE c = c + new.c.";
  if (const std::string parameters = draft.parameters(); !parameters.empty()) fix.trade_off += " " + parameters;
  return {fix};
}

std::vector<Fix> changed_columns(const Material& m) {
  if (m.write_sql.empty() || m.columns.empty()) return {};
  const Pieces pieces(m.write_sql, m);
  const UpdateShape shape = update_shape(pieces);
  if (!shape.good || shape.set.size() < 2) return {};
  // What was put back is left out; when nothing tells which that is, one column stands for those that changed.
  std::vector<const UpdateShape::Set*> kept;
  for (const UpdateShape::Set& s : shape.set) {
    if (!is_in(m.columns, s.column)) kept.push_back(&s);
  }
  const bool told = !kept.empty() && m.columns.size() < 3;
  if (!told) kept = {&shape.set.front()};
  Draft draft(m.engine);
  pieces.copy(0, shape.set.front().begin, draft);
  for (size_t i = 0; i < kept.size(); ++i) {
    if (i > 0) draft.text(",");
    pieces.copy(kept[i]->begin, kept[i]->end, draft);
  }
  const size_t behind = shape.set.back().end;
  pieces.copy(behind, pieces.size(), draft);
  Fix fix;
  fix.kind = "atomic-update";
  fix.title = "Write only the columns that this request changed";
  fix.sql = {draft.sql()};
  fix.use.write = 0;
  fix.trade_off = fmt::format("{}Two sessions that change the same column still overwrite each other: a version column tells them.",
                              told ? "" : "One column stands here for those that changed. ");
  if (const std::string parameters = draft.parameters(); !parameters.empty()) fix.trade_off += " " + parameters;
  return {fix};
}

std::vector<Fix> one_transaction(const Material& m) {
  const std::string first = whole(m.read_sql, m);
  const std::string second = whole(m.write_sql, m);
  if (first.empty() || second.empty() || m.engine == Engine::kUnknown) return {};
  if (m.table != nullptr && !m.table->storage_engine.empty() && !iequals(m.table->storage_engine, "InnoDB")) return {};
  Fix fix;
  fix.kind = "transaction";
  fix.title = "Both UPDATEs in one transaction";
  fix.sql = {m.engine == Engine::kSqlite ? "BEGIN IMMEDIATE" : "BEGIN", first, second, "COMMIT"};
  fix.use = {.read = 1, .write = 2};
  fix.trade_off =
      "Rows stay locked until COMMIT: update them in the order of their key, or two transfers that cross deadlock." + retry_at(m);
  return {fix};
}

}  // namespace dbaudit::suggest
