#pragma once
// What a column is for, as its name, its type and the keys of its table tell. Without a schema (`table` null) the name alone does.

#include <cstdint>
#include <string_view>
#include <vector>

#include "analyzers/base/hash_table.h"
#include "analyzers/schema/catalog.h"

namespace dbaudit {

[[nodiscard]] bool is_version_name(std::string_view column);
[[nodiscard]] bool is_quantity_name(std::string_view column);
/// A column that can hold a number computed from what it held: numeric, in no key, not a time.
[[nodiscard]] bool can_be_quantity(const Table* table, Name column);
/// A column that holds a time: by its type, or without a schema by its name (`…_at`, `…_on`, `last_…`).
[[nodiscard]] bool holds_time(const Table* table, Name column);
/// Is the column of a type that says yes or no? False without a schema.
[[nodiscard]] bool is_boolean(const Table* table, Name column);
/// Is the column part of the table's primary key? Without a schema: is it called `id`?
[[nodiscard]] bool in_primary_key(const Table* table, Name column);
/// Is it part of a unique key or a foreign key, spelt as it is? Without a schema: is it called `id` or `…_id`?
[[nodiscard]] bool in_any_key(const Table* table, Name column);
/// Does the column hold another row's key: a foreign key, or a name that says so?
[[nodiscard]] bool is_reference(const Table* table, Name column);

/// The answers to all of these for one column, so that they are found once for each template; a mask.
using ColumnUses = uint16_t;
namespace ColumnUse {
inline constexpr ColumnUses kVersion = 1;       ///< is_version_name()
inline constexpr ColumnUses kQuantityName = 2;  ///< is_quantity_name()
inline constexpr ColumnUses kQuantity = 4;      ///< can_be_quantity()
inline constexpr ColumnUses kTime = 8;          ///< holds_time()
inline constexpr ColumnUses kBoolean = 16;      ///< is_boolean()
inline constexpr ColumnUses kPrimary = 32;      ///< in_primary_key()
inline constexpr ColumnUses kKey = 64;          ///< in_any_key()
inline constexpr ColumnUses kReference = 128;   ///< is_reference()
inline constexpr ColumnUses kFilledIn = 256;    ///< the database makes the value: a generated column, a number it counts
}  // namespace ColumnUse

[[nodiscard]] ColumnUses uses_of(const Table* table, Name column);

/// The same of many columns and tables, each found once. For one thread, and for tables that stay where and as they are.
class ColumnUseFinder {
 public:
  /// uses_of(). `known`: table->column(column), or null when there is none.
  [[nodiscard]] ColumnUses of(const Table* table, const Column* known, Name column);
  /// The column that counts the versions of the table's rows, lower case; empty: none.
  [[nodiscard]] Name version_column(const Table& table);
  /// is_housekeeping_table()
  [[nodiscard]] bool is_housekeeping(Name table);

 private:
  using Marks = uint8_t;
  struct TableUses {
    std::vector<ColumnUses> columns;  ///< as the table has them, by their names in lower case; 0: not asked for yet
    Name version;
    bool version_asked = false;
  };
  Marks of_name(Name column);
  Marks of_type(const Column* known);
  TableUses& of_table(const Table& table);

  std::vector<Marks> names_, types_, tables_;  // by Name::id()
  HashTable<TableUses> uses_;                  // by the table's address
  const Table* last_ = nullptr;                // whose uses were asked for last
  TableUses* last_uses_ = nullptr;             // they stay where they are until another table's are made
};

/// Migrations and the framework's own tables. `name` may be qualified.
[[nodiscard]] bool is_housekeeping_table(std::string_view name);

}  // namespace dbaudit
