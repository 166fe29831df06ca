#pragma once
// What rows are named by and what state they are in, as far as a WHERE and a SET show it.

#include <string>
#include <string_view>
#include <vector>

#include "rules/match.h"

namespace dbaudit {

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

/// The tables of which there are such reads in the unit, and perhaps others: a write of a table that is not among them need not look back.
template <typename Predicate>
[[nodiscard]] TableSet tables_read(const WorkUnit& unit, Predicate is_wanted) {
  TableSet tables = 0;
  for (const Op& op : unit.ops) {
    for (const ReadAccess& r : op.statement->access.reads) {
      if (is_wanted(r)) tables |= r.bit;
    }
  }
  return tables;
}

}  // namespace dbaudit
