#pragma once
// What rows are named by and what state they are in, as far as a WHERE and a SET show it.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "rules/match.h"

namespace dbaudit {

/// Is the column part of the table's primary key? Without a schema: is it called `id`?
[[nodiscard]] bool in_primary_key(const Table* table, std::string_view column);
/// Do the equalities name at most one row, by any unique key? False without a schema.
[[nodiscard]] bool covers_unique_key(const Table* table, const std::vector<KeyColumn>& equal);
/// Does the column hold another row's key: a foreign key, or a name that says so?
[[nodiscard]] bool is_reference(const Table* table, std::string_view column);
/// Do the read and the write name one column with different values?
[[nodiscard]] bool contradicts(const Op& read, const ReadAccess& r, const Op& write, const WriteAccess& w);
/// Columns that the read's conditions test and that the write sets to something else: what was true of the row when it was read no longer is. Keys,
/// relative writes and soft deletes are none.
[[nodiscard]] std::vector<std::string> moved_states(const Op& read, const ReadAccess& r, const Op& write, const WriteAccess& w);

/// Is there a read of this kind in the unit at all? Asked before every write looks for its own: a bulk load has none.
template <typename Predicate>
[[nodiscard]] bool any_read(const WorkUnit& unit, Predicate is_wanted) {
  for (const Op& op : unit.ops) {
    for (const ReadAccess& r : op.statement->access.reads) {
      if (is_wanted(r)) return true;
    }
  }
  return false;
}

/// The tables of which there are such reads in the unit, sorted: a write of another table need not look back.
template <typename Predicate>
[[nodiscard]] std::vector<std::string_view> tables_read(const WorkUnit& unit, Predicate is_wanted) {
  std::vector<std::string_view> names;
  for (const Op& op : unit.ops) {
    for (const ReadAccess& r : op.statement->access.reads) {
      if (is_wanted(r) && (names.empty() || names.back() != r.name)) names.push_back(r.name);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace dbaudit
