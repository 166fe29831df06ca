// The unique key that a get-or-create needs, and what has to go before it can be made.
//
// A key must forbid exactly what the lookup would find twice. Where the lookup says `deleted_at IS NULL`, that is a partial index (PostgreSQL,
// SQLite) or a generated column that is NULL for the rows that do not count (MySQL and MariaDB have no partial indexes, and NULLs never
// collide). Where a key column of several may be NULL, a plain unique key lets (1, NULL) in twice: NULLS NOT DISTINCT on PostgreSQL 15, and elsewhere
// further keys over the rows where it is NULL. No sentinel values: a COALESCE(b, -1) is right until somebody stores -1. A single nullable column
// keeps its NULLs: `phone = ?` never finds them, and a key that forbids a second customer without a phone would be a new bug.
//
// What the engines accept was tried on PostgreSQL 15.18, MariaDB 10.11.19 and SQLite 3.40.1; for MySQL it is the manual's word (8.0, 13.1.9).

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "analyzers/base/text.h"
#include "analyzers/sql/lexer.h"
#include "rules/suggest/key.h"
#include "rules/suggest/names.h"

namespace dbaudit::suggest {
namespace {

constexpr std::string_view kOnline = ", ALGORITHM=INPLACE, LOCK=NONE";
constexpr int kInnoDbKeyBytes = 3072;  // DYNAMIC and COMPRESSED rows; MySQL manual 15.22

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The nullable columns whose NULLs the new key must see. A single-column key leaves its NULLs alone, and so does one with an expression.
std::vector<std::string> counted_nulls(const NeededKey& key) {
  return key.parts.size() > 1 && !key.has_expression ? key.nullable : std::vector<std::string>();
}

/// Those nullable columns, one set for each further key that a server without NULLS NOT DISTINCT needs: the rows where all of the set are NULL. Of
/// three and more only the single ones; and none that would leave a key without columns.
std::vector<std::vector<std::string>> null_sets(const NeededKey& key) {
  const std::vector<std::string> nulls = counted_nulls(key);
  std::vector<std::vector<std::string>> sets;
  for (const std::string& c : nulls) sets.push_back({c});
  if (nulls.size() == 2 && key.parts.size() > 2) sets.push_back(nulls);
  return sets;
}

bool nulls_not_distinct(const Material& m, const NeededKey& key) {
  return m.engine == Engine::kPostgres && at_least(m, 15) && !counted_nulls(key).empty();
}

std::string and_all(const std::vector<std::string>& conditions) { return join(conditions, " AND "); }

/// The one column that an expression reads; null when there are several or none.
const Column* only_column(const Material& m, std::string_view expression) {
  const Column* found = nullptr;
  Lexer lexer(expression, dialect_of(m.engine));
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    if (m.table == nullptr || (token.kind != TokenKind::kWord && token.kind != TokenKind::kQuotedName)) continue;
    std::string name(token.text);
    if (token.kind == TokenKind::kQuotedName) unquote(token, dialect_of(m.engine), name);
    const Column* column = m.table->column(name);
    if (column == nullptr || column == found) continue;
    if (found != nullptr) return nullptr;
    found = column;
  }
  return found;
}

/// The rows that the new key looks at: inside its predicate, and without a NULL that it lets repeat. Empty when it looks at all. With an expression
/// in the key there is no prefix.
std::vector<std::string> counted_rows(const Material& m, const NeededKey& key, std::string_view prefix) {
  std::vector<std::string> conditions;
  for (const std::string& c : m.null_columns) {
    if (!key.predicate.empty()) conditions.push_back(std::string(prefix) + column_sql(m, c) + " IS NULL");
  }
  if (counted_nulls(key).empty()) {
    for (const std::string& c : key.nullable) conditions.push_back(std::string(prefix) + column_sql(m, c) + " IS NOT NULL");
  }
  for (size_t i = 0; i < key.parts.size(); ++i) {
    const Column* read = key.part_columns[i].empty() ? only_column(m, key.parts[i]) : nullptr;
    if (key.part_columns[i].empty() && (read == nullptr || read->nullable)) conditions.push_back(key.parts[i] + " IS NOT NULL");
  }
  return conditions;
}

std::string duplicates_query(const Material& m, const NeededKey& key) {
  const std::string parts = join(key.parts, ", ");
  const std::string where = and_all(counted_rows(m, key, ""));
  return fmt::format("SELECT {}, COUNT(*) AS copies FROM {}{}{} GROUP BY {} HAVING COUNT(*) > 1", parts, table_sql(m),
                     where.empty() ? "" : " WHERE ", where, parts);
}

/// `keep.id < d.id`, `(keep.a, keep.b) < (d.a, d.b)`; empty without a primary key.
std::string keeps_lowest(const Material& m, std::string_view doomed) {
  const Key* primary = m.table != nullptr ? m.table->primary_key() : nullptr;
  std::vector<std::string> kept, gone;
  if (primary != nullptr) {
    for (const KeyPart& p : primary->parts) {
      if (p.column.empty()) return {};
      kept.push_back("keep." + quote_part(p.column, m.engine));
      gone.push_back(std::string(doomed) + quote_part(p.column, m.engine));
    }
  }
  if (kept.empty()) return m.engine == Engine::kPostgres ? fmt::format("keep.ctid < {}ctid", doomed) : "";
  if (kept.size() == 1) return kept[0] + " < " + gone[0];
  return fmt::format("({}) < ({})", join(kept, ", "), join(gone, ", "));
}

/// `keep.k = d.k AND …`, with the rows that count and the order in which they are kept.
std::string same_key(const Material& m, const NeededKey& key, std::string_view doomed, const std::string& order) {
  const std::string_view same = m.engine == Engine::kPostgres ? " IS NOT DISTINCT FROM " : m.engine == Engine::kSqlite ? " IS " : " <=> ";
  std::vector<std::string> conditions;
  for (const std::string& c : key.columns) {
    const std::string column = quote_part(c, m.engine);
    conditions.push_back(
        fmt::format("keep.{}{}{}{}", column, contains(counted_nulls(key), c) ? same : std::string_view(" = "), doomed, column));
  }
  for (const std::string& c : counted_rows(m, key, doomed)) conditions.push_back(c);
  if (!key.predicate.empty()) {
    for (const std::string& c : m.null_columns) conditions.push_back("keep." + column_sql(m, c) + " IS NULL");
  }
  conditions.push_back(order);
  return and_all(conditions);
}

/// The only column of the primary key; null when there are more, or it may be NULL (which SQLite allows).
const Column* only_key_column(const Material& m) {
  const Key* primary = m.table != nullptr ? m.table->primary_key() : nullptr;
  if (primary == nullptr || primary->parts.size() != 1) return nullptr;
  const Column* column = m.table->column(primary->parts[0].column);
  return column != nullptr && (column->identity || !column->nullable) ? column : nullptr;
}

/// `DELETE … WHERE id NOT IN (SELECT MIN(id) … GROUP BY key)`: one pass over the table, where the self-join without an index would be quadratic; and it
/// needs no second name for what an expression reads.
std::string delete_all_but_lowest(const Material& m, const NeededKey& key, const std::string& number) {
  const std::string where = and_all(counted_rows(m, key, ""));
  const std::string groups =
      fmt::format("FROM {}{}{} GROUP BY {}", table_sql(m), where.empty() ? "" : " WHERE ", where, join(key.parts, ", "));
  // MySQL deletes from no table that a subquery reads, unless the rows are set aside first (error 1093).
  const std::string kept = is_mysql_family(m.engine)
                               ? fmt::format("SELECT lowest FROM (SELECT MIN({}) AS lowest {}) AS keep", number, groups)
                               : fmt::format("SELECT MIN({}) {}", number, groups);
  return fmt::format("DELETE FROM {} WHERE {}{} NOT IN ({})", table_sql(m), where.empty() ? "" : where + " AND ", number, kept);
}

/// Deletes all copies but the one with the lowest primary key. Empty where that cannot be said (no primary key, an expression in the key).
std::string dedupe_statement(const Material& m, const NeededKey& key) {
  const Column* number = only_key_column(m);
  if (m.engine == Engine::kSqlite && (m.table == nullptr || !m.table->without_rowid)) {
    const std::string rowid = m.table != nullptr && m.table->column("rowid") != nullptr ? "_rowid_" : "rowid";
    return delete_all_but_lowest(m, key, number == nullptr || number->identity ? rowid : quote_part(number->name, m.engine));
  }
  if (key.has_expression) {
    // PostgreSQL has no MIN() of a uuid.
    if (number == nullptr || !icontains(number->type, "int")) return {};
    return delete_all_but_lowest(m, key, quote_part(number->name, m.engine));
  }
  const std::string table = table_sql(m);
  if (m.engine == Engine::kSqlite) {
    const std::string doomed = table + ".";
    const std::string order = keeps_lowest(m, doomed);
    if (order.empty()) return {};
    return fmt::format("DELETE FROM {0} WHERE EXISTS (SELECT 1 FROM {0} AS keep WHERE {1})", table, same_key(m, key, doomed, order));
  }
  const std::string order = keeps_lowest(m, "d.");
  if (order.empty()) return {};
  if (m.engine == Engine::kPostgres)
    return fmt::format("DELETE FROM {0} AS d USING {0} AS keep WHERE {1}", table, same_key(m, key, "d.", order));
  return fmt::format("DELETE d FROM {0} AS d JOIN {0} AS keep ON {1}", table, same_key(m, key, "d.", order));
}

/// For each foreign key to the table: its rows pointed at the copy that stays, before a cascade takes them along or RESTRICT refuses the DELETE.
std::vector<std::string> point_children_at_kept(const Material& m, const NeededKey& key) {
  std::vector<std::string> statements;
  const Column* number = only_key_column(m);
  if (m.catalog == nullptr || number == nullptr || key.has_expression) return statements;
  const std::string table = table_sql(m), id = quote_part(number->name, m.engine);
  const std::string copies = fmt::format("FROM {0} AS d JOIN {0} AS keep ON ", table);
  for (const Table* child : m.catalog->children_of(*m.table)) {
    const bool itself = child->schema == m.table->schema && child->name == m.table->name;
    if (itself && is_mysql_family(m.engine)) continue;  // error 1093
    const std::string name = quote_part(child->name, m.engine);
    for (const ForeignKey& f : child->foreign_keys) {
      if (f.columns.size() != 1 || !iequals(f.referenced_table, m.table->name)) continue;
      if (!f.referenced_columns.empty() && !iequals(f.referenced_columns[0], number->name)) continue;
      const std::string column = quote_part(f.columns[0], m.engine);
      statements.push_back(fmt::format(
          "UPDATE {0} SET {2} = (SELECT keep.{3} {4}{5} WHERE d.{3} = {1}.{2} ORDER BY keep.{3} LIMIT 1) WHERE {2} IN (SELECT d.{3} "
          "{4}{6})",
          child->schema.empty() ? name : quote_part(child->schema, m.engine) + "." + name, name, column, id, copies,
          same_key(m, key, "d.", fmt::format("keep.{0} <= d.{0}", id)), same_key(m, key, "d.", fmt::format("keep.{0} < d.{0}", id))));
    }
  }
  return statements;
}

Fix dedupe(const Material& m, const NeededKey& key) {
  Fix fix;
  fix.kind = "dedupe";
  fix.title = fmt::format("First: list the duplicates of {} and remove all but the first", bare_table(m));
  fix.sql.push_back(duplicates_query(m, key));
  if (std::string statement = dedupe_statement(m, key); !statement.empty()) {
    const std::vector<std::string> children = point_children_at_kept(m, key);
    fix.sql.insert(fix.sql.end(), children.begin(), children.end());
    fix.sql.push_back(std::move(statement));
    if (children.empty()) {
      fix.trade_off =
          "Deletes rows for good, the lowest primary key stays: before it, point rows of other tables at the copy that stays and carry "
          "over "
          "what only the others hold.";
    } else {
      fix.trade_off =
          "Deletes rows for good, the lowest primary key stays; rows that reference the others are pointed at it (refused where a key of "
          "theirs then repeats). Carry over what only the others hold, and run it all in one transaction.";
    }
  } else {
    fix.title = fmt::format("First: list the duplicates of {}", bare_table(m));
    fix.trade_off = "Which copy stays is for you to say; the key cannot be made while there are two.";
  }
  return fix;
}

// --- MySQL and MariaDB ---------------------------------------------------------------------------------------------------------------

/// Bytes that a value may need in a key: those of four-byte characters in a VARCHAR, and more than a key holds for TEXT, BLOB and JSON. 8 for the rest.
int key_bytes(std::string_view type) {
  const std::string lower = to_lower(type);
  for (const std::string_view word : {"text", "blob", "json"}) {
    if (lower.find(word) != std::string::npos) return kInnoDbKeyBytes + 1;
  }
  const size_t at = lower.find("char(");
  if (at == std::string::npos) return 8;
  int length = 0;
  std::from_chars(lower.data() + at + 5, lower.data() + lower.size(), length);
  return std::min(length, kInnoDbKeyBytes) * 4;
}

bool too_long_for_key(std::string_view type) { return key_bytes(type) > kInnoDbKeyBytes; }

/// The columns of a key share its length: together `(VARCHAR(500), VARCHAR(500))` is too long (error 1071 on MySQL).
bool too_long_together(const Material& m, const NeededKey& key) {
  int bytes = 0;
  for (const std::string& column : key.part_columns) {
    const Column* known = m.table != nullptr && !column.empty() ? m.table->column(column) : nullptr;
    bytes += known != nullptr ? std::min(key_bytes(known->type), kInnoDbKeyBytes) : 8;
  }
  return bytes > kInnoDbKeyBytes;
}

struct MySqlKey {
  std::vector<std::string> columns;  ///< ALTERs that add generated columns
  std::vector<std::string> parts;
  bool hashed = false;  ///< MariaDB makes a hash index: no online ALTER
  bool good = true;
};

/// A generated column nobody sees in SELECT * or an INSERT without a column list (MariaDB 10.3, MySQL 8.0.23).
std::string add_generated(const Material& m, const std::string& name, std::string_view type, const std::string& expression) {
  const bool invisible = m.engine == Engine::kMariaDb ? !older_than(m, 10, 3) : at_least(m, 8, 0, 23);
  return fmt::format("ALTER TABLE {} ADD COLUMN {} {} GENERATED ALWAYS AS ({}) VIRTUAL{}", table_sql(m), quote_part(name, m.engine), type,
                     expression, invisible ? " INVISIBLE" : "");
}

MySqlKey mysql_key(const Material& m, const NeededKey& key) {
  MySqlKey result;
  constexpr int kWorthHashing = 256;  // bytes; the digest has 32
  const bool functional = m.engine == Engine::kMySql && at_least(m, 8, 0, 13);
  const bool crowded = too_long_together(m, key);
  for (size_t i = 0; i < key.parts.size(); ++i) {
    const std::string& part = key.parts[i];
    const std::string& column = key.part_columns[i];
    if (column.empty()) {
      if (functional) {
        result.parts.push_back(part);
        continue;
      }
      // MariaDB indexes no expressions: the type of the generated column is that of the one column it is made of.
      const Column* base = only_column(m, part);
      if (base == nullptr || too_long_for_key(base->type)) {
        result.good = false;
        return result;
      }
      const std::string name = new_name(m, {part});
      result.columns.push_back(add_generated(m, name, base->type, part.substr(1, part.size() - 2)));
      result.parts.push_back(quote_part(name, m.engine));
      continue;
    }
    const Column* known = m.table != nullptr ? m.table->column(column) : nullptr;
    if (known == nullptr || (!too_long_for_key(known->type) && !(crowded && key_bytes(known->type) > kWorthHashing))) {
      result.parts.push_back(part);
    } else if (m.engine == Engine::kMariaDb && !older_than(m, 10, 4)) {
      result.parts.push_back(part);
      result.hashed = true;
    } else {
      const std::string name = new_name(m, {known->name, "sha2"});
      result.columns.push_back(add_generated(m, name, "BINARY(32)", fmt::format("UNHEX(SHA2({}, 256))", part)));
      result.parts.push_back(quote_part(name, m.engine));
    }
  }
  return result;
}

/// 1 where all columns are NULL and else NULL, which no unique key compares: as a key part it makes a partial index.
std::string null_marker(const Material& m, const std::vector<std::string>& columns, MySqlKey& key) {
  std::vector<std::string> tests, name;
  for (const std::string& c : columns) {
    tests.push_back(column_sql(m, c) + " IS NULL");
    name.push_back(c);
  }
  name.push_back("is_null");
  const std::string expression = fmt::format("IF({}, 1, NULL)", and_all(tests));
  if (m.engine == Engine::kMySql && at_least(m, 8, 0, 13)) return "(" + expression + ")";
  const std::string column = new_name(m, name);
  key.columns.push_back(add_generated(m, column, "TINYINT", expression));
  return quote_part(column, m.engine);
}

/// The name of the key over the rows where `nulls` are NULL; with one such key the columns need not be in it.
std::string null_name(const Material& m, const NeededKey& key, const std::string& name, const std::vector<std::string>& nulls) {
  std::vector<std::string> words = {name};
  if (null_sets(key).size() > 1) words.insert(words.end(), nulls.begin(), nulls.end());
  words.emplace_back("null");
  return new_name(m, words);
}

constexpr std::string_view kNullIsAValue = " A NULL counts as a value: the second row that differs from another only there is refused.";

std::vector<Fix> mysql_unique(const Material& m, const NeededKey& key, const std::string& name) {
  MySqlKey made = mysql_key(m, key);
  if (!made.good) return {};
  Fix fix;
  fix.kind = "unique-index";
  fix.title = fmt::format("Make {} unique", join(key.parts, ", "));
  std::vector<std::string> keys;
  std::vector<std::string> parts = made.parts;
  if (!key.predicate.empty()) parts.push_back(null_marker(m, m.null_columns, made));
  keys.push_back(fmt::format("ADD UNIQUE KEY {} ({})", quote_part(name, m.engine), join(parts, ", ")));
  for (const std::vector<std::string>& nulls : null_sets(key)) {
    std::vector<std::string> without;
    for (size_t i = 0; i < parts.size(); ++i) {
      if (i >= key.columns.size() || !contains(nulls, key.columns[i])) without.push_back(parts[i]);
    }
    without.push_back(null_marker(m, nulls, made));
    keys.push_back(fmt::format("ADD UNIQUE KEY {} ({})", quote_part(null_name(m, key, name, nulls), m.engine), join(without, ", ")));
  }
  const bool inno = m.table == nullptr || m.table->storage_engine.empty() || iequals(m.table->storage_engine, "InnoDB");
  const bool online = inno && !made.hashed;
  // A virtual column and a key are added INPLACE only one after the other (MariaDB 10.11 error 1846).
  for (const std::string& column : made.columns) fix.sql.push_back(column);
  for (const std::string& k : keys)
    fix.sql.push_back(fmt::format("ALTER TABLE {} {}{}", table_sql(m), k, online ? kOnline : std::string_view()));
  fix.trade_off =
      online ? "Fails while there are duplicates. Readers and writers go on while it is built; it waits for open transactions at both ends."
             : "Fails while there are duplicates. Rebuilds the table: writers wait until it is done.";
  if (!null_sets(key).empty()) fix.trade_off += kNullIsAValue;
  if (made.hashed) fix.trade_off += " A hash index: later ALTERs of this table cannot be INPLACE.";
  return {fix};
}

// --- PostgreSQL and SQLite ---------------------------------------------------------------------------------------------------------------

std::string postgres_index(const Material& m, const std::string& name, const std::string& rest) {
  const bool concurrently = m.table == nullptr || !m.table->partitioned;
  const std::string quoted = quote_part(name, m.engine);
  if (!concurrently) return fmt::format("CREATE UNIQUE INDEX {} ON {} {}", quoted, table_sql(m), rest);
  // DROP INDEX needs the schema; CREATE INDEX takes it from the table.
  const std::string schema = m.table != nullptr && !m.table->schema.empty() ? quote_part(m.table->schema, m.engine) + "." : "";
  return fmt::format(
      "-- If this fails it leaves an INVALID index that enforces nothing: DROP INDEX CONCURRENTLY {3}{0}\n"
      "CREATE UNIQUE INDEX CONCURRENTLY {0} ON {1} {2}",
      quoted, table_sql(m), rest, schema);
}

std::vector<Fix> index_unique(const Material& m, const NeededKey& key, const std::string& name) {
  Fix fix;
  fix.kind = "unique-index";
  fix.title = fmt::format("Make {} unique{}", join(key.parts, ", "), key.predicate.empty() ? "" : " where " + key.predicate);
  const std::string where = key.predicate.empty() ? "" : " WHERE " + key.predicate;
  const std::string columns = "(" + join(key.parts, ", ") + ")";
  const std::string nulls = nulls_not_distinct(m, key) ? " NULLS NOT DISTINCT" : "";
  const auto create = [&m](const std::string& index, const std::string& rest) {
    if (m.engine == Engine::kPostgres) return postgres_index(m, index, rest);
    if (m.table == nullptr || m.table->schema.empty())
      return fmt::format("CREATE UNIQUE INDEX {} ON {} {}", quote_part(index, m.engine), quote_part(bare_table(m), m.engine), rest);
    // SQLite wants the schema before the index, not before the table.
    return fmt::format("CREATE UNIQUE INDEX {}.{} ON {} {}", quote_part(m.table->schema, m.engine), quote_part(index, m.engine),
                       quote_part(m.table->name, m.engine), rest);
  };
  if (m.table != nullptr && m.engine == Engine::kPostgres) {
    // What a failed CREATE INDEX CONCURRENTLY left behind looks like the key and enforces nothing.
    for (const Key& k : m.table->keys) {
      const bool same = k.parts.size() == key.columns.size() &&
                        std::all_of(k.parts.begin(), k.parts.end(), [&key](const KeyPart& p) { return contains(key.columns, p.column); });
      if (!k.valid && k.unique && same) {
        const std::string schema = m.table->schema.empty() ? "" : quote_part(m.table->schema, m.engine) + ".";
        fix.sql.push_back(fmt::format("DROP INDEX CONCURRENTLY {}{}", schema, quote_part(k.name, m.engine)));
      }
    }
  }
  fix.sql.push_back(create(name, columns + nulls + where));
  // ON CONFLICT infers every unique index of these columns, and refuses when one of them is deferrable (55000).
  for (size_t i = 0; m.table != nullptr && m.engine == Engine::kPostgres && i < m.table->keys.size(); ++i) {
    const Key& k = m.table->keys[i];
    const bool same = k.parts.size() == key.columns.size() &&
                      std::all_of(k.parts.begin(), k.parts.end(), [&key](const KeyPart& p) { return contains(key.columns, p.column); });
    if (k.unique && k.deferrable && same)
      fix.sql.push_back(fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table_sql(m), quote_part(k.name, m.engine)));
  }
  const std::vector<std::vector<std::string>> sets = nulls.empty() ? null_sets(key) : std::vector<std::vector<std::string>>();
  for (const std::vector<std::string>& set : sets) {
    std::vector<std::string> without, tests;
    for (const std::string& c : key.columns) {
      if (!contains(set, c)) without.push_back(quote_part(c, m.engine));
    }
    for (const std::string& c : set) tests.push_back(column_sql(m, c) + " IS NULL");
    if (!key.predicate.empty()) tests.push_back(key.predicate);
    fix.sql.push_back(create(null_name(m, key, name, set), fmt::format("({}) WHERE {}", join(without, ", "), and_all(tests))));
  }
  fix.trade_off = "Fails while there are duplicates.";
  if (m.engine == Engine::kSqlite)
    fix.trade_off += " Holds the write lock of the whole database while it is built.";
  else if (m.table != nullptr && m.table->partitioned)
    fix.trade_off +=
        " The key must hold the partition columns too, and writers wait while it is built (no CONCURRENTLY on a partitioned table).";
  else
    fix.trade_off += " CONCURRENTLY blocks no writer, cannot run inside a transaction, and waits for those that are open.";
  if (!nulls.empty()) fix.trade_off += " Two NULLs count as equal.";
  if (!sets.empty()) fix.trade_off += kNullIsAValue;
  return {fix};
}

}  // namespace

std::vector<Fix> unique_key(const Material& m) {
  const NeededKey key = needed_key(m);
  if (!key.good || key.existing != nullptr || m.engine == Engine::kUnknown) return {};
  std::vector<std::string> words = {bare_table(m)};
  for (const std::string& c : m.key_columns) words.push_back(spelling(m, c));
  words.emplace_back("uniq");
  const std::string name = new_name(m, words);
  std::vector<Fix> fixes = is_mysql_family(m.engine) ? mysql_unique(m, key, name) : index_unique(m, key, name);
  if (fixes.empty()) return {};
  if (key.nullable.size() == 1 && key.parts.size() == 1)
    fixes[0].trade_off += fmt::format(" Rows where {} is NULL stay free to repeat: the lookup never finds them.", key.nullable[0]);
  fixes.insert(fixes.begin(), dedupe(m, key));
  for (Fix& fix : fixes) fix.use.once = static_cast<int>(fix.sql.size());
  return fixes;
}

}  // namespace dbaudit::suggest
