#pragma once
// Fixes in the audited engine's dialect, in this schema's names, from these statements. Each function gives zero or more fixes; never SQL that
// the engine would refuse, never a cure that ISOLATION.md measured as useless at the level in force (the rule passes the level).

#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/sql/facts.h"
#include "rules/finding.h"

namespace dbaudit::suggest {

/// What a fix is made from. Pointers are never owned; null means unknown.
struct Material {
  Engine engine = Engine::kUnknown;
  std::string version;  ///< of the server; empty unknown
  Isolation isolation = Isolation::kUnknown;
  const Catalog* catalog = nullptr;       ///< the schema `table` is of, for what references it
  const Table* table = nullptr;           ///< the table to protect; null when there is no schema (then `table_name` alone)
  std::string table_name;                 ///< as to be written, unquoted, maybe qualified
  std::vector<std::string> key_columns;   ///< K: lookup columns or expressions, in the key's order (equality columns)
  std::vector<std::string> null_columns;  ///< lookup columns tested with IS NULL (soft delete)
  const StatementFacts* read = nullptr;   ///< the lookup or the read that decides
  std::string read_sql;                   ///< its template (slots as `?`)
  const StatementFacts* write = nullptr;  ///< the INSERT or UPDATE
  std::string write_sql;
  std::vector<std::string> columns;  ///< written columns in question
  std::string bound_column;          ///< the column that an increment must not pass (`usage_limit` of `used`); empty: none
  std::string orm;                   ///< `django`, `peewee`, …; empty unknown
};

/// An identifier quoted for `engine` only when it must be (reserved word, upper case, odd characters); dots separate the parts of a qualified name.
[[nodiscard]] std::string quote_name(std::string_view name, Engine engine);

/// Duplicates query, dedupe statement, unique index or constraint (partial for soft delete, CONCURRENTLY on PostgreSQL, online ALTER on MySQL).
/// Kind `unique-index`; and a separate `dedupe` fix.
[[nodiscard]] std::vector<Fix> unique_key(const Material& m);
/// The lookup + INSERT pair as one statement, with the INSERT's own columns and placeholders. Kind `upsert`.
[[nodiscard]] std::vector<Fix> upsert(const Material& m);
/// INSERT … SELECT … WHERE NOT EXISTS, or MERGE, as the upsert it stands for. Kind `upsert`.
[[nodiscard]] std::vector<Fix> guarded_insert_as_upsert(const Material& m);
/// The UPDATE (`read`) and the INSERT (`write`) as one upsert that does what the UPDATE did. Kind `upsert`.
[[nodiscard]] std::vector<Fix> update_or_insert_as_upsert(const Material& m);
/// INSERT IGNORE, OR IGNORE or a bare ON CONFLICT DO NOTHING that names the key it means, and raises every other error. Kind `upsert`.
[[nodiscard]] std::vector<Fix> named_conflict(const Material& m);
/// ON CONFLICT with the target of a key that the table has and the INSERT meets. Kind `upsert`.
[[nodiscard]] std::vector<Fix> conflict_target(const Material& m);
/// REPLACE as an upsert that keeps the row. Kind `upsert`.
[[nodiscard]] std::vector<Fix> replace_as_upsert(const Material& m);
/// Instead of ON DUPLICATE KEY UPDATE between two unique keys: the UPDATE by the key that is meant. Kind `upsert`, display-only.
[[nodiscard]] std::vector<Fix> one_key_at_a_time(const Material& m);
/// A unique key that forbids what the lookup finds, no more: partial, or on the whole column. Kind `unique-index`. For a key on an expression: the lookup that
/// compares the same, display-only, kind `orm`.
[[nodiscard]] std::vector<Fix> key_like_lookup(const Material& m);
/// `UPDATE … SET c = c - ? WHERE key AND c >= ?` with the affected-rows check. Kind `atomic-update`. `relative` says the value moves by steps
/// (a counter or quantity); `guard` adds the bound.
[[nodiscard]] std::vector<Fix> atomic_update(const Material& m, bool guard);
/// The read with FOR UPDATE inside BEGIN … COMMIT around both statements (FOR NO KEY UPDATE on PostgreSQL when no key column is written; BEGIN IMMEDIATE on
/// SQLite). Kind `lock` (or `transaction` on SQLite).
[[nodiscard]] std::vector<Fix> row_lock(const Material& m);
/// `AND version = ?` added to the UPDATE, and the affected-rows check. Kind `version-check`.
[[nodiscard]] std::vector<Fix> version_check(const Material& m, const std::string& version_column);
/// `SET flag = NOT flag` in place of the value written. Kind `atomic-update`.
[[nodiscard]] std::vector<Fix> toggle(const Material& m);
/// `SET c = c ± …` in place of a subquery that reads the same column of the same row. Kind `atomic-update`; the amount becomes a parameter.
[[nodiscard]] std::vector<Fix> own_column(const Material& m);
/// `DO UPDATE SET c = t.c + EXCLUDED.c` in place of `c = EXCLUDED.c`. Kind `upsert`.
[[nodiscard]] std::vector<Fix> relative_upsert(const Material& m);
/// The UPDATE without the columns it only put back. Kind `atomic-update`.
[[nodiscard]] std::vector<Fix> changed_columns(const Material& m);
/// The two statements (`read`, `write`) between BEGIN and COMMIT. Kind `transaction`.
[[nodiscard]] std::vector<Fix> one_transaction(const Material& m);
/// DELETE (`read`) and INSERT (`write`) of a set in one transaction behind a lock on its parent, or on its key when there is no parent. Kind `lock` (on
/// SQLite `transaction`); none where it would not help (PostgreSQL from REPEATABLE READ up).
[[nodiscard]] std::vector<Fix> lock_then_replace(const Material& m);
/// The INSERT as an upsert of the row whose key `key_columns` is, every other column overwritten. Kind `upsert`.
[[nodiscard]] std::vector<Fix> replacing_upsert(const Material& m);
/// CHECK (c >= 0). Kind `constraint`.
[[nodiscard]] std::vector<Fix> check_constraint(const Material& m, const std::string& column);
/// READ COMMITTED for the session or the transaction. Kind `isolation`.
[[nodiscard]] std::vector<Fix> isolation_level(const Material& m, Isolation level);

/// Where numbers come from one at a time: `key_columns` are the columns the number counts within, and the number's own column last. A sequence when it
/// counts the whole table, else a table with a counter row per series. Kind `counter-row`. None without the columns' types.
[[nodiscard]] std::vector<Fix> number_source(const Material& m);

/// A row picked by its state and taken by its key: the state in the UPDATE's WHERE (kind `atomic-update`), and the picking SELECT with FOR UPDATE
/// SKIP LOCKED in the transaction that writes (kind `lock`; BEGIN IMMEDIATE on SQLite, kind `transaction`). `columns` are the state's columns.
[[nodiscard]] std::vector<Fix> claim(const Material& m);

/// The pair in one transaction behind a lock that every session with the same parent takes first: the parent's row (updated rather than locked on
/// PostgreSQL from REPEATABLE READ up), or without a known parent the table (PostgreSQL) or a name (MySQL). Kind `lock`, `transaction` on SQLite.
[[nodiscard]] std::vector<Fix> parent_lock(const Material& m);
/// The rows the read counts, locked in the order of the key, and then the write. Kind `lock`, `transaction` on SQLite.
[[nodiscard]] std::vector<Fix> set_lock(const Material& m);
/// EXCLUDE USING gist over the range of two columns. PostgreSQL only. Kind `constraint`.
[[nodiscard]] std::vector<Fix> exclusion(const Material& m, const std::string& begin, const std::string& end);
/// FOREIGN KEY from `column` to `key` of `parent` (qualified or not), after a query for the orphans there are. Kind `constraint`.
[[nodiscard]] std::vector<Fix> foreign_key(const Material& m, const std::string& column, const std::string& parent, const std::string& key);

/// The rows locked first, in the order of their key. Kind `lock`.
[[nodiscard]] std::vector<Fix> rows_in_order(const Material& m);
/// Both statements in the order they have here, for every transaction. Kind `lock`.
[[nodiscard]] std::vector<Fix> same_order(const Material& m);
/// In place of a lock on the table one on the row of the parent that a foreign key of the looked-up columns references (at PostgreSQL's REPEATABLE
/// READ its UPDATE). Kind `lock`; none without such a key.
[[nodiscard]] std::vector<Fix> parent_instead_of_table(const Material& m);
/// The write before the read (an UPDATE of the parent before the INSERT of the child). Kind `lock`.
[[nodiscard]] std::vector<Fix> swapped(const Material& m);
/// LOCK TABLE(S) such that it holds: no shared mode, not undone by BEGIN. Kind `lock`.
[[nodiscard]] std::vector<Fix> table_lock(const Material& m);
/// A session's advisory lock around BEGIN … COMMIT. Kind `lock`.
[[nodiscard]] std::vector<Fix> advisory_lock(const Material& m);
/// MySQL: the locking statement (`write_sql`) before anything is read. Kind `lock`.
[[nodiscard]] std::vector<Fix> lock_before_reading(const Material& m);
/// PostgreSQL REPEATABLE READ: an UPDATE of the row that serves as the lock. `key` picks it. Kind `lock`.
[[nodiscard]] std::vector<Fix> write_parent(const Material& m, std::string_view parent, std::string_view key);
/// ENGINE=InnoDB. Kind `constraint`.
[[nodiscard]] std::vector<Fix> innodb(const Material& m);

/// The same fix in the ORM's words, display-only; empty when the ORM is not known. `pattern` is one of `get-or-create`, `read-modify-write`,
/// `guarded-decrement`, `version`, `for-update`, `repeatable-read`, `changed-columns`, `update-only`, `queue-pop`, `parent-lock`, `set-lock`.
[[nodiscard]] std::vector<Fix> in_orm_words(const Material& m, std::string_view pattern);

}  // namespace dbaudit::suggest
