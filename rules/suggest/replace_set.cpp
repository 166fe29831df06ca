// A set that is replaced: who replaces it must be alone with it. A row that all of them lock first does that (the parent of the set), or a lock that stands
// for it; the rows themselves do not, for they may not be there. On PostgreSQL from REPEATABLE READ up a lock takes the snapshot with it and protects
// nothing (measured), so none is offered there.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "rules/suggest/names.h"
#include "rules/suggest/rewrite.h"

namespace dbaudit::suggest {
namespace {

/// The foreign key that makes the set's owner a row of another table, and nothing else of the DELETE.
const ForeignKey* owner_of(const Material& m) {
  if (m.table == nullptr) return nullptr;
  for (const ForeignKey& fk : m.table->foreign_keys) {
    const bool one = fk.columns.size() == 1 && fk.referenced_columns.size() == 1;
    if (one && std::any_of(m.key_columns.begin(), m.key_columns.end(), [&fk](const std::string& k) { return iequals(k, fk.columns[0]); }))
      return &fk;
  }
  return nullptr;
}

/// Whoever deletes a row that is not there locks the gap, and with it its neighbours' (MySQL manual 15.7.1).
std::string shared_gap(const Material& m) {
  if (!is_mysql_family(m.engine) || m.isolation == Isolation::kReadCommitted || m.isolation == Isolation::kReadUncommitted) return {};
  return " Neighbouring keys share a gap: where no row was there they can still deadlock (1213), so retry, or use READ COMMITTED.";
}

}  // namespace

std::vector<Fix> lock_then_replace(const Material& m) {
  const std::string erase = whole(m.read_sql, m);
  const std::string insert = whole(m.write_sql, m);
  if (erase.empty() || insert.empty() || m.key_columns.empty() || m.engine == Engine::kUnknown) return {};
  const bool snapshot =
      m.engine == Engine::kPostgres && (m.isolation == Isolation::kRepeatableRead || m.isolation == Isolation::kSerializable);
  if (snapshot) return {};

  Fix fix;
  if (m.engine == Engine::kSqlite) {
    fix.kind = "transaction";
    fix.title = "DELETE and INSERT in one transaction";
    fix.sql = {"BEGIN IMMEDIATE", erase, insert, "COMMIT"};
    fix.use = {.read = 1, .write = 2};
    fix.trade_off = "One writer at a time in the whole database; the others wait as long as busy_timeout says.";
    return {fix};
  }
  fix.kind = "lock";
  if (const ForeignKey* fk = owner_of(m); fk != nullptr) {
    Draft lock(m.engine);
    const std::string parent =
        quote_name(fk->referenced_schema.empty() || m.engine != Engine::kPostgres || fk->referenced_schema == m.table->schema
                       ? fk->referenced_table
                       : fk->referenced_schema + "." + fk->referenced_table,
                   m.engine);
    const std::string column = quote_part(fk->referenced_columns[0], m.engine);
    lock.text(fmt::format("SELECT {} FROM {} WHERE {} = ", column, parent, column)).new_parameter("the " + fk->columns[0] + " of the rows");
    lock.text(m.engine == Engine::kPostgres ? " FOR NO KEY UPDATE" : " FOR UPDATE");
    fix.title = fmt::format("Lock the row of {} that the set belongs to, before the DELETE", fk->referenced_table);
    fix.sql = {"BEGIN", lock.sql(), erase, insert, "COMMIT"};
    fix.use = {.read = 2, .write = 3};
    fix.trade_off = "Others who replace the same set wait until COMMIT, if all of them lock it first.";
    if (is_mysql_family(m.engine))
      fix.trade_off += " It must be the first statement of the transaction: a plain SELECT before it fixes the snapshot.";
    fix.trade_off += shared_gap(m);
    return {fix};
  }
  if (bare_table(m).find_first_of("'\\") != std::string::npos) return {};  // it stands in a string below
  const std::string& column = m.key_columns[0];
  fix.title = fmt::format("Let one session at a time replace the rows of one {}", column);
  if (m.engine == Engine::kPostgres) {
    Draft lock(m.engine);
    lock.text(fmt::format("SELECT pg_advisory_xact_lock(hashtext('{}'), hashtext(CAST(", bare_table(m))).new_parameter("the " + column);
    lock.text(" AS text)))");
    fix.sql = {"BEGIN", lock.sql(), erase, insert, "COMMIT"};
    fix.use = {.read = 2, .write = 3};
    fix.trade_off = "Protects only if everybody who writes the set takes it first; it ends with the transaction.";
  } else {
    Draft lock(m.engine), unlock(m.engine);
    lock.text(fmt::format("SELECT GET_LOCK(CONCAT('{}:', ", bare_table(m))).new_parameter("the " + column).text("), 10)");
    unlock.text(fmt::format("SELECT RELEASE_LOCK(CONCAT('{}:', ", bare_table(m))).new_parameter("the " + column).text("))");
    fix.sql = {lock.sql(), "BEGIN", erase, insert, "COMMIT", unlock.sql()};
    fix.use = {.read = 2, .write = 3};
    fix.trade_off =
        "Check that GET_LOCK gave 1. It belongs to the session, not to the transaction: release it after COMMIT, also after an error.";
    fix.trade_off += shared_gap(m);
  }
  return {fix};
}

std::vector<Fix> replacing_upsert(const Material& m) {
  const Write* write = m.write != nullptr ? m.write->write() : nullptr;
  if (write == nullptr || write->kind != StatementKind::kInsert || write->upsert != UpsertKind::kNone || write->rows != 1) return {};
  if (write->source != InsertSource::kValues || write->insert_columns.empty() || m.engine == Engine::kUnknown) return {};
  const auto in_key = [&m](const std::string& c) {
    return std::any_of(m.key_columns.begin(), m.key_columns.end(), [&c](const std::string& k) { return iequals(k, c); });
  };
  std::vector<std::string> keys, sets;
  for (const std::string& k : m.key_columns) {
    if (!is_column(m, k)) return {};
    keys.push_back(column_sql(m, k));
  }
  const bool my = is_mysql_family(m.engine);
  for (const std::string& c : write->insert_columns) {
    if (in_key(c)) continue;
    const std::string name = quote_part(c, m.engine);
    sets.push_back(fmt::format("{} = {}{}{}", name, my ? "VALUES(" : "EXCLUDED.", name, my ? ")" : ""));
  }
  const Pieces pieces(m.write_sql, m);
  if (sets.empty() || !pieces.can_be_rewritten() || !pieces.is(0, "insert")) return {};
  const size_t returning = pieces.find({"returning"});
  Draft draft(m.engine);
  pieces.copy(0, returning, draft);
  draft.text(my ? " ON DUPLICATE KEY UPDATE " + join(sets, ", ")
                : fmt::format(" ON CONFLICT ({}) DO UPDATE SET {}", join(keys, ", "), join(sets, ", ")));
  if (returning < pieces.size()) draft.text(" ");
  pieces.copy(returning, pieces.size(), draft);
  Fix fix;
  fix.kind = "upsert";
  fix.title = "Replace the row in one statement, without the DELETE";
  fix.sql = {draft.sql()};
  fix.use = {.read = FixUse::kGoes, .write = 0, .after = "unique-index"};
  fix.trade_off = fmt::format("Needs a unique key on ({}).", join(m.key_columns, ", "));
  if (m.engine == Engine::kMySql) fix.trade_off += " From MySQL 8.0.20 on VALUES() is deprecated: INSERT … AS new … UPDATE c = new.c.";
  return {fix};
}

}  // namespace dbaudit::suggest
