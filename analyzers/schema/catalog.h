#pragma once
// The schema as dbaudit knows it, from a live server, a DDL file or a snapshot; and the one question asked of it: protects().
// Unknown is not absent: a fact that was not read is nullopt or listed in `unknown`.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/base/name.h"
#include "analyzers/base/rare.h"
#include "analyzers/schema/table_places.h"

namespace dbaudit {

struct Column {
  Name name;
  Name type;       ///< as declared, normalised to lower case outside quotes
  Name collation;  ///< empty: the default
  bool nullable = true;
  bool generated = false;                  ///< GENERATED ALWAYS AS (…)
  bool identity = false;                   ///< AUTO_INCREMENT, IDENTITY, serial, rowid alias
  bool is_unsigned = false;                ///< MySQL
  std::optional<Name> default_expression;  ///< normalised; of a generated column its expression. DEFAULT NULL is none
};

/// One part of a key: a column, or an expression.
struct KeyPart {
  Name column;      ///< empty for an expression
  Name expression;  ///< normalised like facts (`lower(email)`), empty for a column
  Name collation;
  int prefix_length = 0;  ///< MySQL `name(10)`; 0 = whole
  bool descending = false;
  friend bool operator==(const KeyPart&, const KeyPart&) = default;
};

struct Key {
  std::string name;
  std::vector<KeyPart> parts;
  bool unique = false;
  bool primary = false;
  bool constraint = false;          ///< declared as a constraint (ON CONFLICT ON CONSTRAINT can name it)
  RareText predicate;               ///< partial index, normalised; empty when whole
  bool nulls_not_distinct = false;  ///< PostgreSQL 15
  bool valid = true;                ///< PostgreSQL indisvalid && indisready
  bool deferrable = false;          ///< cannot arbitrate ON CONFLICT
  bool deferred = false;            ///< INITIALLY DEFERRED: a duplicate shows only at COMMIT
  bool exclusion = false;           ///< an exclusion constraint that compares with = only: unique, but no target of ON CONFLICT (columns)
  bool visible = true;              ///< MySQL/MariaDB ignored or invisible: uniqueness still holds
};

struct ForeignKey {
  std::string name;
  std::vector<std::string> columns;
  std::string referenced_schema, referenced_table;
  std::vector<std::string> referenced_columns;
  std::string on_delete, on_update;  ///< `CASCADE`, `SET NULL`, … upper case; empty = NO ACTION
};

struct Check {
  std::string name;
  std::string expression;  ///< normalised
};

struct Table {
  Name schema;  ///< PostgreSQL schema or MySQL database; empty when unknown or SQLite main
  Name name;
  Name shown;  ///< qualified(), of the tables of a finished Catalog
  std::vector<Column> columns;
  std::vector<Key> keys;  ///< primary, unique and plain, in definition order
  std::vector<ForeignKey> foreign_keys;
  std::vector<Check> checks;
  std::vector<std::string> exclusions;  ///< exclusion constraints, as written
  std::vector<std::string> triggers;
  Name storage_engine;  ///< MySQL `InnoDB`; empty when unknown or not applicable
  bool is_view = false;
  bool partitioned = false;
  bool without_rowid = false;  ///< SQLite
  /// Multi-column unique keys may be missing (the schema's author said so): absence of a key proves nothing.
  bool keys_incomplete = false;

  [[nodiscard]] const Column* column(Name wanted) const;  ///< ASCII case-insensitive
  [[nodiscard]] const Key* primary_key() const;
  [[nodiscard]] std::string qualified() const;  ///< `schema.name`, or `name` without a schema
};

struct ServerFacts {
  std::string version;  ///< `15.18`, `10.11.19-MariaDB`, `3.40.1`; empty when unknown
  Isolation default_isolation = Isolation::kUnknown;
  std::map<std::string, std::string> settings;  ///< `innodb_snapshot_isolation`, `journal_mode`, …
};

class Catalog {
 public:
  Engine engine = Engine::kUnknown;
  ServerFacts server;
  std::vector<Table> tables;                        ///< sorted by schema, name after finish()
  std::vector<std::string> search_path;             ///< schemas or databases tried for an unqualified name, in order
  uint64_t statements = 0, unknown_statements = 0;  ///< of the DDL files it was read from
  std::vector<std::string> notes;                   ///< what was not understood or not allowed to see, one line each

  /// Sorts and indexes; call once after the tables are complete. Deterministic.
  void finish();
  /// The table a statement means: by schema when given; through search_path; else the only table of that name in any schema. PostgreSQL: exact
  /// (names come folded); the others without case where that is unambiguous. nullptr: unknown or ambiguous.
  [[nodiscard]] const Table* find(Name schema, Name name) const;
  /// The tables with a foreign key to this one, each once, in the order of `tables`.
  [[nodiscard]] std::vector<const Table*> children_of(const Table& table) const;
  [[nodiscard]] bool empty() const { return tables.empty(); }

 private:
  std::vector<Name> path_;  // search_path
  TablePlaces by_name_;
  TablePlaces children_;  // by the name of the table they reference
};

/// One lookup column (or expression) and what is known of its value.
struct LookupColumn {
  std::string column;           ///< empty for an expression
  std::string expression;       ///< normalised left side, for `lower(email) = ?`
  bool is_null = false;         ///< `c IS NULL` in the lookup, or NULL inserted
  bool known_not_null = false;  ///< every value seen was not NULL
  std::string value;            ///< constant text when the lookup or insert fixes one (to imply a partial index's predicate)
  bool has_value = false;
};

struct Protection {
  const Key* key = nullptr;  ///< the key that makes the lookup safe, when there is one
  /// The key that looks as if it did. Equal to `key` when that key is stricter than the lookup (a prefix, a case-insensitive key): no duplicate
  /// can be, but an INSERT may fail on a row the lookup cannot find (DBA112).
  const Key* near_miss = nullptr;
  std::string why_not;  ///< why near_miss does not protect (or is stricter), or that there is none, in words
  bool certain = true;  ///< false: the table or its keys are not known well enough to say either way
};

/// Is there a unique key that allows at most one row for this lookup? RULES.md U(K): a subset of the lookup's columns, valid, whole or with an
/// implied predicate, not checked only at COMMIT, NULLs excluded, same collation and expression. Pointers are into `table`.
[[nodiscard]] Protection protects(const Catalog& catalog, const Table& table, const std::vector<LookupColumn>& lookup);

}  // namespace dbaudit
