// Decisions on a set of rows, one session at a time.
//
// Measured (ISOLATION.md, 3, 6 and 7): a lock on the parent's row taken first works at READ COMMITTED, and on MariaDB at REPEATABLE READ when nothing was read
// before it; on PostgreSQL at REPEATABLE READ it does not, because the statement that waits for it has taken its snapshot. There the parent is updated
// (the loser gets 40001), or the table is locked as the first statement, which takes no snapshot. Locks on the rows of the set keep rows from being
// changed, not from being added, on PostgreSQL. A named lock on MariaDB must be taken before BEGIN and released after COMMIT.

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/suggest/names.h"
#include "rules/suggest/rewrite.h"

namespace dbaudit::suggest {
namespace {

struct Pair {
  std::string read, write;
  bool good = false;
};

Pair pair_of(const Material& m) {
  Pair p;
  if (m.write_sql.empty()) return p;
  if (!m.read_sql.empty()) {
    const Pieces pieces(m.read_sql, m);
    const SelectShape shape = select_shape(pieces);
    if (!shape.good || !pieces.can_be_rewritten()) return p;
    Draft draft(m.engine);
    pieces.copy(0, shape.lock, draft);
    pieces.copy(shape.after_lock, pieces.size(), draft);
    p.read = draft.sql();
  }
  p.write = whole(m.write_sql, m);
  p.good = !p.write.empty();
  // `SELECT COUNT(1) FROM (SELECT 1 …)`: as a parameter the one has no type.
  if (p.good && m.read != nullptr && m.read->blocks.size() > 1 && m.engine == Engine::kPostgres) {
    p.read.clear();
    p.write = "-- here the count, as before; then\n" + p.write;
  }
  return p;
}

/// The statements in order; a pair of one statement has no read.
void in_order(std::vector<std::string> before, const Pair& pair, std::vector<std::string> after, Fix& fix) {
  fix.sql = std::move(before);
  if (!pair.read.empty()) {
    fix.use.read = static_cast<int>(fix.sql.size());
    fix.sql.push_back(pair.read);
  }
  fix.use.write = static_cast<int>(fix.sql.size());
  fix.sql.push_back(pair.write);
  for (std::string& s : after) fix.sql.push_back(std::move(s));
}

bool snapshot_level(const Material& m) { return m.isolation == Isolation::kRepeatableRead || m.isolation == Isolation::kSerializable; }

std::string first_parameter(const Material& m) { return m.engine == Engine::kPostgres ? "$1" : "?"; }

/// The foreign key that one of the columns is in, when it has that column alone.
const ForeignKey* parent_of(const Material& m, const std::vector<std::string>& columns) {
  if (m.table == nullptr) return nullptr;
  for (const ForeignKey& fk : m.table->foreign_keys) {
    if (fk.columns.size() != 1 || fk.referenced_columns.size() != 1) continue;
    if (std::any_of(columns.begin(), columns.end(), [&](const std::string& c) { return iequals(c, fk.columns.front()); })) return &fk;
  }
  return nullptr;
}

std::string qualified(std::string_view schema, std::string_view name, Engine engine) {
  return schema.empty() ? quote_part(name, engine) : quote_part(schema, engine) + "." + quote_part(name, engine);
}

Fix immediate(const Pair& pair) {
  Fix fix;
  fix.kind = "transaction";
  fix.title = "Take the write lock before the read: BEGIN IMMEDIATE";
  in_order({"BEGIN IMMEDIATE"}, pair, {"COMMIT"}, fix);
  fix.trade_off = "One writer at a time in the whole database; the others wait as long as busy_timeout says.";
  return fix;
}

/// Where no parent is known: the table on PostgreSQL, a name on MySQL.
Fix table_lock(const Material& m, const Pair& pair) {
  Fix fix;
  fix.kind = "lock";
  if (m.engine == Engine::kPostgres) {
    fix.title = pair.read.empty() ? "Lock the table before the statement" : "Lock the table before the read";
    in_order({"BEGIN", fmt::format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", table_sql(m))}, pair, {"COMMIT"}, fix);
    fix.trade_off =
        "Every writer of the table waits until COMMIT. It must be the first statement of the transaction; dearer than a lock on a parent "
        "row.";
    return fix;
  }
  fix.title = "Take a named lock around the transaction";
  in_order({fmt::format("SELECT GET_LOCK('{}', 10)", bare_table(m)), "BEGIN"}, pair,
           {"COMMIT", fmt::format("SELECT RELEASE_LOCK('{}')", bare_table(m))}, fix);
  fix.trade_off = "Before BEGIN and after COMMIT, and in every place that writes this set. GET_LOCK must have returned 1.";
  if (m.key_columns.size() == 1)
    fix.trade_off += fmt::format(" Append the value of {} to the name: other sets then need not wait.", m.key_columns[0]);
  return fix;
}

std::string range_type(std::string_view declared) {
  const std::string type = to_lower(declared);
  if (type.find("timestamp") != std::string::npos)
    return type.find("tz") != std::string::npos || type.find("with time zone") != std::string::npos ? "tstzrange" : "tsrange";
  if (type == "date") return "daterange";
  if (type == "bigint" || type == "int8") return "int8range";
  if (type == "integer" || type == "int" || type == "int4") return "int4range";
  if (type.starts_with("numeric") || type.starts_with("decimal")) return "numrange";
  return {};
}

}  // namespace

std::vector<Fix> parent_lock(const Material& m) {
  const Pair pair = pair_of(m);
  if (!pair.good || m.engine == Engine::kUnknown) return {};
  if (m.engine == Engine::kSqlite) return {immediate(pair)};
  const ForeignKey* fk = parent_of(m, m.key_columns);
  if (fk == nullptr) return {table_lock(m, pair)};
  const std::string parent =
      qualified(fk->referenced_schema.empty() ? m.table->schema.str() : fk->referenced_schema, fk->referenced_table, m.engine);
  const std::string key = quote_part(fk->referenced_columns.front(), m.engine);
  Fix fix;
  fix.kind = "lock";
  if (m.engine == Engine::kPostgres && snapshot_level(m)) {
    fix.title = fmt::format("Write the row of {} before the read", fk->referenced_table);
    in_order({fmt::format("BEGIN ISOLATION LEVEL {}", isolation_name(m.isolation)),
              fmt::format("UPDATE {0} SET {1} = {1} WHERE {1} = {2}", parent, key, first_parameter(m))},
             pair, {"COMMIT"}, fix);
    fix.trade_off =
        fmt::format("A lock alone does not do at {}: the one that waited gets 40001 from the UPDATE, and retries the transaction.",
                    isolation_name(m.isolation));
    return {fix};
  }
  fix.title = fmt::format("Lock the row of {} before the read, in the transaction that writes", fk->referenced_table);
  in_order({"BEGIN", fmt::format("SELECT 1 FROM {} WHERE {} = {} FOR UPDATE", parent, key, first_parameter(m))}, pair, {"COMMIT"}, fix);
  fix.trade_off = "Every place that writes this set must take it; sessions with the same parent wait for each other until COMMIT.";
  if (m.engine == Engine::kPostgres) {
    fix.trade_off += " At REPEATABLE READ it does not help: update the parent row there.";
  } else {
    fix.trade_off += " It must be the first statement: after a plain SELECT, REPEATABLE READ goes on reading the older snapshot.";
  }
  return {fix};
}

std::vector<Fix> set_lock(const Material& m) {
  const Pair pair = pair_of(m);
  if (!pair.good || m.engine == Engine::kUnknown) return {};
  if (m.engine == Engine::kSqlite) return {immediate(pair)};
  if (pair.read.empty()) return {table_lock(m, pair)};
  const Key* primary = m.table != nullptr ? m.table->primary_key() : nullptr;
  const Pieces pieces(m.read_sql, m);
  const size_t from = pieces.find({"from"});
  const bool plain = primary != nullptr && primary->parts.size() == 1 && !primary->parts.front().column.empty() && m.read != nullptr &&
                     m.read->blocks.size() == 1 && m.read->top()->tables.size() == 1 && !m.read->top()->has_limit &&
                     !m.read->top()->has_group_by && m.read->top()->order_by.empty() && from < pieces.size();
  if (!plain) return {table_lock(m, pair)};
  const std::string key = column_sql(m, primary->parts.front().column);
  const SelectShape shape = select_shape(pieces);
  Draft draft(m.engine);
  draft.text("SELECT " + key);
  pieces.copy(from, shape.lock, draft);
  draft.text(" ORDER BY " + key + " FOR UPDATE");
  Fix fix;
  fix.kind = "lock";
  fix.title = "Lock the whole set before deciding, and count what came back";
  fix.sql = {"BEGIN", draft.sql(), pair.write, "COMMIT"};
  fix.use = {.read = 1, .write = 2};
  fix.trade_off =
      "In the order of the key, so that two sessions do not deadlock. It keeps the rows from being changed; a row that is added is not "
      "kept out.";
  if (m.engine == Engine::kPostgres && snapshot_level(m))
    fix.trade_off += fmt::format(" At {} the one that waited gets 40001: retry the transaction.", isolation_name(m.isolation));
  if (is_mysql_family(m.engine)) fix.trade_off += " Before any plain SELECT of the transaction.";
  return {fix};
}

std::vector<Fix> exclusion(const Material& m, const std::string& begin, const std::string& end) {
  if (m.engine != Engine::kPostgres || m.table == nullptr || m.table->partitioned) return {};
  const Column* first = m.table->column(begin);
  const Column* last = m.table->column(end);
  if (first == nullptr || last == nullptr) return {};
  const std::string range = range_type(first->type);
  if (range.empty() || range != range_type(last->type)) return {};
  std::vector<std::string> parts, name = {bare_table(m)};
  for (const std::string& k : m.key_columns) {
    if (!is_column(m, k)) return {};
    parts.push_back(column_sql(m, k) + " WITH =");
  }
  parts.push_back(fmt::format("{}({}, {}) WITH &&", range, column_sql(m, begin), column_sql(m, end)));
  name.push_back(spelling(m, begin));
  name.emplace_back("no_overlap");
  Fix fix;
  fix.kind = "constraint";
  fix.title = "Let the database refuse what overlaps";
  if (parts.size() > 1) fix.sql.emplace_back("CREATE EXTENSION IF NOT EXISTS btree_gist");
  fix.sql.push_back(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} EXCLUDE USING gist ({})", table_sql(m),
                                quote_part(new_name(m, name), m.engine), join(parts, ", ")));
  fix.use.once = static_cast<int>(fix.sql.size());
  fix.trade_off = fmt::format(
      "Fails while rows overlap, and locks the table while its index is built. The end is not part of the range: one may begin "
      "where another ends. The loser's INSERT fails with 23P01.{}",
      parts.size() > 1 ? " btree_gist comes with the server's contrib modules." : "");
  return {fix};
}

std::vector<Fix> foreign_key(const Material& m, const std::string& column, const std::string& parent, const std::string& key) {
  if (m.table == nullptr || m.engine == Engine::kUnknown) return {};
  if (m.engine == Engine::kSqlite) {
    const Pair pair = pair_of(m);
    if (!pair.good) return {};
    Fix fix = immediate(pair);
    fix.trade_off += " SQLite adds no foreign key to a table that is there: make the table anew with it, and set PRAGMA foreign_keys = ON.";
    return {fix};
  }
  if (!m.table->storage_engine.empty() && !iequals(m.table->storage_engine, "InnoDB")) return {};
  const size_t dot = parent.rfind('.');
  const std::string target =
      dot == std::string::npos ? quote_part(parent, m.engine) : qualified(parent.substr(0, dot), parent.substr(dot + 1), m.engine);
  const std::string name = quote_part(new_name(m, {bare_table(m), spelling(m, column), "fk"}), m.engine);
  const std::string c = column_sql(m, column);
  const std::string k = quote_part(key, m.engine);
  Fix fix;
  fix.kind = "constraint";
  fix.title = fmt::format("Add the foreign key from {} to {}", c, parent);
  fix.sql.push_back(fmt::format("SELECT c.{0} FROM {1} c LEFT JOIN {2} p ON p.{3} = c.{0} WHERE c.{0} IS NOT NULL AND p.{3} IS NULL", c,
                                table_sql(m), target, k));
  if (m.engine == Engine::kPostgres) {
    fix.sql.push_back(
        fmt::format("ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) NOT VALID", table_sql(m), name, c, target, k));
    fix.sql.push_back(fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", table_sql(m), name));
    fix.trade_off =
        "The query finds the orphans there are; VALIDATE fails while there are any. NOT VALID holds both tables for a moment only.";
  } else {
    fix.sql.push_back(
        fmt::format("ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({})", table_sql(m), name, c, target, k));
    fix.trade_off =
        "The query finds the orphans there are; the ALTER fails while there are any, and copies the table. Both columns must have one "
        "type.";
  }
  fix.use.once = static_cast<int>(fix.sql.size());
  fix.trade_off += " Say ON DELETE CASCADE if the children are to go with their parent; without it the DELETE fails.";
  return {fix};
}

}  // namespace dbaudit::suggest
