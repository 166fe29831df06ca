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
/// `UPDATE … SET c = c - ? WHERE key AND c >= ?` with the affected-rows check. Kind `atomic-update`. `relative` says the value moves by steps
/// (a counter or quantity); `guard` adds the bound.
[[nodiscard]] std::vector<Fix> atomic_update(const Material& m, bool guard);
/// The read with FOR UPDATE inside BEGIN … COMMIT around both statements (FOR NO KEY UPDATE on PostgreSQL when no key column is written; BEGIN IMMEDIATE on
/// SQLite). Kind `lock` (or `transaction` on SQLite).
[[nodiscard]] std::vector<Fix> row_lock(const Material& m);
/// `AND version = ?` added to the UPDATE, and the affected-rows check. Kind `version-check`.
[[nodiscard]] std::vector<Fix> version_check(const Material& m, const std::string& version_column);
/// CHECK (c >= 0). Kind `constraint`.
[[nodiscard]] std::vector<Fix> check_constraint(const Material& m, const std::string& column);
/// READ COMMITTED for the session or the transaction. Kind `isolation`.
[[nodiscard]] std::vector<Fix> isolation_level(const Material& m, Isolation level);

/// The same fix in the ORM's words, display-only; empty when the ORM is not known. `pattern` is one of `get-or-create`, `read-modify-write`,
/// `guarded-decrement`, `version`, `for-update`, `repeatable-read`.
[[nodiscard]] std::vector<Fix> in_orm_words(const Material& m, std::string_view pattern);

}  // namespace dbaudit::suggest
