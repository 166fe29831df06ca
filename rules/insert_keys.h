#pragma once
// Which unique keys a row of an INSERT can meet: what ON DUPLICATE KEY UPDATE, IGNORE, REPLACE and ON CONFLICT have to go by.

#include <string>
#include <string_view>
#include <vector>

#include "analyzers/schema/catalog.h"
#include "analyzers/trace/transaction.h"

namespace dbaudit {

struct InsertKeys {
  std::vector<const Key*> given;  ///< unique keys of the table that get a value in every part; pointers into the table
  bool certain = true;            ///< false: keys of the table or values of the row are not known well enough to say that there is no other
};

/// `insert` is of `op`, with a table. A part gets a value when the INSERT names its column (and does not give NULL or DEFAULT), when its default is a
/// constant, or when the expression it holds reads such columns only. An AUTO_INCREMENT column that is left out meets nothing.
[[nodiscard]] InsertKeys keys_met(const Op& op, const WriteAccess& insert, Engine engine);

/// Of the keys met, the one to name in a conflict target: a natural one before the AUTO_INCREMENT number. Null when none is met.
[[nodiscard]] const Key* key_to_name(const InsertKeys& keys, const Table& table);
/// Its columns and expressions, in lower case.
[[nodiscard]] std::vector<std::string> columns_of(const Key& key);
/// Does it number the rows by itself (AUTO_INCREMENT, IDENTITY)?
[[nodiscard]] bool has_identity(const Table& table, const Key& key);

/// Columns of the INSERT that the statement itself treats as the row's identity: those that it does not change when the row is there; where it changes all
/// or none of them, those that look like a key (references and names, no times, no amounts). In statement order; never empty when a column is named.
struct MeantKey {
  std::vector<std::string> columns;
  bool said = false;  ///< the statement says so itself: it changes the others, or would leave the whole row alone
};
[[nodiscard]] MeantKey meant_key(const WriteAccess& insert, const Write& write);

/// Identity of the row that `op` inserts, by these columns; 0 when a value is not known.
[[nodiscard]] uint64_t inserted_row(const Op& op, const WriteAccess& insert, const std::vector<std::string>& columns);

/// Is it a time: a date or time type, `now()` in its place, or (without a schema) a name that says so?
[[nodiscard]] bool is_time_column(const Table* table, std::string_view column);

}  // namespace dbaudit
