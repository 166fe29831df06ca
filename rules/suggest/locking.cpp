// Locks taken rightly: in one order, strong enough at once, from before the snapshot until after the COMMIT.
//
// Each form was run on PostgreSQL 15 and MariaDB 10.11; which one helps at which level is ISOLATION's (rows `7.lock-order` and the lock rows of
// `2.read-modify-write` and `3.check-then-act`).

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/suggest/names.h"
#include "rules/suggest/rewrite.h"

namespace dbaudit::suggest {

namespace {

constexpr std::string_view kHere = "-- here the statements that need it";

/// The rules' words for the first column of the key, quoted.
std::string key_sql(const Material& m) {
  for (const std::string& c : m.key_columns) {
    if (is_column(m, c)) return column_sql(m, c);
  }
  return {};
}

}  // namespace

std::vector<Fix> rows_in_order(const Material& m) {
  if (m.key_columns.size() > 1) return same_order(m);  // a list of pairs is no list of keys
  const std::string key = key_sql(m);
  if (key.empty() || m.engine == Engine::kSqlite || m.engine == Engine::kUnknown) return {};
  Draft draft(m.engine);
  draft.text(fmt::format("SELECT {} FROM {} WHERE {} IN (", key, table_sql(m), key));
  draft.new_parameter("the one key").text(", ").new_parameter("the other key").text(fmt::format(") ORDER BY {} FOR UPDATE", key));
  Fix fix;
  fix.kind = "lock";
  fix.title = "Lock all rows first, in the order of their key";
  fix.sql = {"BEGIN", draft.sql(), fmt::format("{}\nCOMMIT", kHere)};
  fix.use.own = 2;
  fix.trade_off = "Every transaction that locks several of these rows must do it in this order; one that cannot must retry on a deadlock.";
  return {fix};
}

std::vector<Fix> same_order(const Material& m) {
  const std::string first = whole(m.read_sql, m);
  const std::string second = whole(m.write_sql, m);
  if (first.empty() || second.empty()) return {};
  Fix fix;
  fix.kind = "lock";
  fix.title = "Keep one order in every transaction, this or the other";
  fix.applicability = Applicability::kDisplayOnly;
  fix.sql = {"BEGIN", first, second, "COMMIT"};
  fix.use = {.read = 1, .write = 2};
  fix.trade_off = "Every transaction that locks both rows must do it in this order; one that cannot must retry on a deadlock.";
  return {fix};
}

std::vector<Fix> swapped(const Material& m) {
  const std::string first = whole(m.write_sql, m);
  const std::string second = whole(m.read_sql, m);
  if (first.empty() || second.empty()) return {};
  Fix fix;
  fix.kind = "lock";
  fix.title = "Write the parent first: its lock then is the strong one from the beginning";
  fix.sql = {"BEGIN", first, second, "COMMIT"};
  fix.use = {.read = 1, .write = 2};
  fix.trade_off = "Writers of children of one parent wait for each other a little longer.";
  return {fix};
}

std::vector<Fix> table_lock(const Material& m) {
  if (m.table_name.empty()) return {};
  Fix fix;
  fix.kind = "lock";
  if (m.engine == Engine::kPostgres) {
    fix.title = "Take a lock that no two sessions hold at once, before anything is read";
    fix.sql = {"BEGIN", fmt::format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", table_sql(m)), fmt::format("{}\nCOMMIT", kHere)};
    fix.use.own = 2;
    fix.trade_off = "Every writer of the table waits until COMMIT; readers do not.";
  } else if (is_mysql_family(m.engine)) {
    fix.title = "Lock the table inside the transaction: autocommit off instead of BEGIN";
    fix.sql = {"SET autocommit = 0", fmt::format("LOCK TABLES {} WRITE", table_sql(m)), fmt::format("{}\nCOMMIT", kHere), "UNLOCK TABLES",
               "SET autocommit = 1"};
    fix.use.own = 2;
    fix.trade_off = "Every other session waits, readers too; all tables used in between must be in the LOCK TABLES.";
  } else {
    return {};
  }
  return {fix};
}

std::vector<Fix> advisory_lock(const Material& m) {
  Fix fix;
  fix.kind = "lock";
  fix.title = "Take the lock before BEGIN and release it after COMMIT";
  if (m.engine == Engine::kPostgres) {
    fix.sql = {"SELECT pg_advisory_lock($1)", "BEGIN", fmt::format("{}\nCOMMIT", kHere), "SELECT pg_advisory_unlock($1)"};
    fix.use.own = 2;
    fix.trade_off =
        "Needs one session for all of it (no transaction pooler), and the unlock also when the transaction fails. At READ COMMITTED "
        "pg_advisory_xact_lock as the first statement does the same and unlocks itself.";
  } else if (is_mysql_family(m.engine)) {
    fix.sql = {"SELECT GET_LOCK(?, 10)", "BEGIN", fmt::format("{}\nCOMMIT", kHere), "SELECT RELEASE_LOCK(?)"};
    fix.use.own = 2;
    fix.trade_off = "The result of GET_LOCK must be looked at (0 is a timeout), and the lock released also when the transaction fails.";
  } else {
    return {};
  }
  return {fix};
}

std::vector<Fix> lock_before_reading(const Material& m) {
  const std::string lock = whole(m.write_sql, m);
  if (lock.empty() || !is_mysql_family(m.engine)) return {};
  Fix fix;
  fix.kind = "lock";
  fix.title = "Take the lock as the first statement of the transaction, before any plain SELECT";
  fix.sql = {"BEGIN", lock, fmt::format("{}\nCOMMIT", kHere)};
  fix.use.own = 2;
  fix.trade_off = "Whatever is read only for the lock must be known before, or read with the lock.";
  return {fix};
}

std::vector<Fix> write_parent(const Material& m, std::string_view parent, std::string_view key) {
  if (parent.empty() || key.empty() || m.engine != Engine::kPostgres) return {};
  Draft draft(m.engine);
  draft.text(fmt::format("UPDATE {} SET {} = {} WHERE {} = ", quote_name(parent, m.engine), quote_part(key, m.engine),
                         quote_part(key, m.engine), quote_part(key, m.engine)));
  draft.new_parameter("the parent");
  Fix fix;
  fix.kind = "lock";
  fix.title = "Write the row that serves as the lock, instead of only locking it";
  fix.sql = {"BEGIN", draft.sql(), fmt::format("{}\nCOMMIT", kHere)};
  fix.use.own = 2;
  fix.trade_off = "The session that waited gets 40001 and must run its transaction again; each use leaves a dead row version.";
  return {fix};
}

std::vector<Fix> parent_instead_of_table(const Material& m) {
  if (m.table == nullptr || m.engine == Engine::kSqlite) return {};
  for (const ForeignKey& fk : m.table->foreign_keys) {
    if (fk.columns.size() != 1 || fk.referenced_columns.size() != 1) continue;
    if (std::none_of(m.key_columns.begin(), m.key_columns.end(), [&](const std::string& c) { return iequals(c, fk.columns[0]); })) continue;
    const std::string parent = fk.referenced_schema.empty() ? fk.referenced_table : fk.referenced_schema + "." + fk.referenced_table;
    if (m.engine == Engine::kPostgres && m.isolation == Isolation::kRepeatableRead)
      return write_parent(m, parent, fk.referenced_columns[0]);
    const std::string key = quote_part(fk.referenced_columns[0], m.engine);
    Draft draft(m.engine);
    draft.text(fmt::format("SELECT {} FROM {} WHERE {} = ", key, quote_name(parent, m.engine), key));
    draft.new_parameter("the parent").text(" FOR UPDATE");
    Fix fix;
    fix.kind = "lock";
    fix.title = "Lock the parent row first, not the table";
    fix.sql = {"BEGIN", draft.sql(), fmt::format("{}\nCOMMIT", kHere)};
    fix.use.own = 2;
    fix.trade_off = "Must be the first statement of every transaction that adds such a row; those of other parents do not wait.";
    return {fix};
  }
  return {};
}

std::vector<Fix> innodb(const Material& m) {
  if (!is_mysql_family(m.engine) || m.table_name.empty()) return {};
  Fix fix;
  fix.kind = "constraint";
  fix.title = "Make the table transactional";
  fix.sql = {fmt::format("ALTER TABLE {} ENGINE=InnoDB", table_sql(m))};
  fix.use.once = 1;
  fix.trade_off = "Rebuilds the table, and blocks its writers meanwhile.";
  return {fix};
}

}  // namespace dbaudit::suggest
