// Taking a row of a queue so that nobody else can take it.
//
// Measured (ISOLATION.md, 5.queue-pop): the state repeated in the UPDATE with the affected rows looked at, and FOR UPDATE SKIP LOCKED on the picking SELECT
// inside a transaction, are right on both servers at every level. SKIP LOCKED in autocommit protects nothing; in a subquery it does on PostgreSQL.

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/suggest/names.h"
#include "rules/suggest/rewrite.h"

namespace dbaudit::suggest {
namespace {

/// `locked_at IS NULL`, `status = ?`, `NOT done` of the column, as the read asked for it. False: it cannot be said again.
bool add_state(const Material& m, const std::string& column, Draft& draft) {
  for (const QueryBlock& block : m.read->blocks) {
    for (const Conjunct& c : block.where) {
      const bool bare = iequals(c.column.name, column);
      if (bare && c.op == CompareOp::kIsNull) {
        draft.text(column_sql(m, column) + " IS NULL");
        return true;
      }
      if (bare && (c.op == CompareOp::kEq || c.op == CompareOp::kNullSafeEq) && c.right.kind == OperandKind::kSlot) {
        draft.text(column_sql(m, column) + " = ").new_parameter(fmt::format("the {} it was picked by", column));
        return true;
      }
    }
  }
  return false;
}

std::vector<Fix> guarded(const Material& m) {
  const Write* write = m.write != nullptr ? m.write->write() : nullptr;
  if (write == nullptr || write->kind != StatementKind::kUpdate || m.read == nullptr || m.write_sql.empty() || m.columns.empty()) return {};
  const Pieces pieces(m.write_sql, m);
  const UpdateShape shape = update_shape(pieces);
  if (!shape.good || shape.joins) return {};
  Draft draft(m.engine);
  pieces.copy(0, shape.where, draft);
  copy_where_and(pieces, shape, draft);
  for (size_t i = 0; i < m.columns.size(); ++i) {
    if (i > 0) draft.text(" AND ");
    if (!add_state(m, m.columns[i], draft)) return {};
  }
  pieces.copy(shape.tail, pieces.size(), draft);
  Fix fix;
  fix.kind = "atomic-update";
  fix.title = fmt::format("Let the UPDATE check {} itself, and look at the affected rows", join(m.columns, ", "));
  fix.sql = {draft.sql()};
  fix.use.write = 0;
  fix.trade_off = "Check that the row was affected: 0 means that somebody else has it; pick another.";
  if (m.engine == Engine::kPostgres && (m.isolation == Isolation::kRepeatableRead || m.isolation == Isolation::kSerializable))
    fix.trade_off += fmt::format(" At {} a concurrent change gives 40001: retry the transaction.", isolation_name(m.isolation));
  if (const std::string parameters = draft.parameters(); !parameters.empty()) fix.trade_off += " " + parameters;
  return {fix};
}

/// MySQL 8.0.1, MariaDB 10.6, PostgreSQL 9.5.
bool may_know_skip_locked(const Material& m) {
  if (m.engine == Engine::kMariaDb) return !older_than(m, 10, 6);
  if (m.engine == Engine::kMySql) return !older_than(m, 8);
  return !older_than(m, 9, 5);
}

std::vector<Fix> locked(const Material& m) {
  std::vector<Fix> fixes = row_lock(m);
  if (m.engine == Engine::kSqlite || fixes.empty() || fixes[0].sql.size() < 2) return fixes;
  // A row asked for by its key is waited for: skipped, it would be as if it were not there.
  const bool any_row = m.read->top() != nullptr && m.read->top()->has_limit && !m.read->top()->order_by.empty();
  std::string& read = fixes[0].sql[1];
  if (!any_row || !may_know_skip_locked(m) || read.find(" SKIP LOCKED") != std::string::npos) return fixes;
  read += " SKIP LOCKED";
  fixes[0].title = "Lock the row when it is picked, and let the others skip it";
  fixes[0].trade_off = "The lock lasts until COMMIT: write in the same transaction. A row that is skipped comes up again after a ROLLBACK.";
  if (m.engine == Engine::kMariaDb) fixes[0].trade_off += " SKIP LOCKED needs MariaDB 10.6.";
  if (m.engine == Engine::kMySql) fixes[0].trade_off += " SKIP LOCKED needs MySQL 8.0.1.";
  return fixes;
}

/// UPDATE … WHERE id = (SELECT … LIMIT 1): the lock belongs into the subquery.
std::vector<Fix> locked_subquery(const Material& m) {
  if (m.engine != Engine::kPostgres || m.write_sql.empty()) return {};
  const Pieces pieces(m.write_sql, m);
  if (!pieces.can_be_rewritten()) return {};
  // The subquery's LIMIT and its one value or parameter; what closes the subquery follows.
  size_t end = pieces.size();
  for (size_t i = 0; i + 2 < pieces.size(); ++i) {
    if (pieces.is(i, "limit") && pieces.is_punct(i + 2, ')')) end = end == pieces.size() ? i + 2 : 0;
  }
  if (end == pieces.size() || end == 0) return {};
  Draft draft(m.engine);
  pieces.copy(0, end, draft);
  draft.text(" FOR UPDATE SKIP LOCKED");
  pieces.copy(end, pieces.size(), draft);
  Fix fix;
  fix.kind = "lock";
  fix.title = "Lock the row in the subquery that picks it, and let the others skip it";
  fix.sql = {draft.sql()};
  fix.use.write = 0;
  fix.trade_off = "Safe in autocommit too. No row comes back when all that are left are locked.";
  return {fix};
}

}  // namespace

std::vector<Fix> claim(const Material& m) {
  if (m.read == nullptr) return locked_subquery(m);
  std::vector<Fix> fixes = guarded(m);
  for (Fix& f : locked(m)) fixes.push_back(std::move(f));
  return fixes;
}

}  // namespace dbaudit::suggest
