#pragma once
// Which columns of which rows some statement of the log has fetched. Internal to the runner.

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "analyzers/base/hash.h"
#include "analyzers/base/hash_table.h"
#include "analyzers/base/name.h"
#include "analyzers/trace/access.h"

namespace dbaudit {

/// A row is read with few lists of columns, however many columns they have: it keeps which lists, and costs one look-up a read.
class ReadRows {
 public:
  /// A set of columns; 0: none.
  using Columns = uint32_t;

  /// The set of these columns; the same for the same ones. `fetched` stays where it is as long as this does.
  Columns columns_of(std::span<const FetchedColumn> fetched) {
    if (fetched.empty()) return 0;
    const std::vector<Hashed> set = in_order(fetched);
    uint64_t id = set.size();
    for (const auto& [hash, name] : set) id = hash_combine(id, hash);
    Columns& known = ids_[id];
    if (known != 0) return known;
    sets_.push_back(fetched);
    known = static_cast<Columns>(sets_.size());
    return known;
  }

  /// Remembers that `columns` of `row` (row_identity(), never 0) were fetched, of at most 131,072 rows.
  void add(uint64_t row, Columns columns) {
    if (columns == 0) return;
    rows_.prefetch(row);
    Seen& place = coming_[next_++ % coming_.size()];
    if (place.columns != 0) keep(place);
    place = {row, columns};
  }

  [[nodiscard]] bool contains(uint64_t row, Name column) const {
    for (const Seen& seen : coming_) {
      if (seen.row == row && has(seen.columns, column)) return true;
    }
    const By* const by = rows_.find(row);
    if (by == nullptr) return false;
    for (const Columns columns : by->columns) {
      if (has(columns, column)) return true;
    }
    return more_.contains(hash_combine(row, column.id()));
  }

 private:
  static constexpr size_t kMaxRows = size_t{1} << 17;  // half the places of their table
  static constexpr size_t kMaxMore = 200'000;          // columns of rows

  /// By whom a row was read: most are read with one list of columns or two.
  struct By {
    std::array<Columns, 2> columns{};
  };

  struct Seen {
    uint64_t row = 0;
    Columns columns = 0;
  };

  using Hashed = std::pair<uint64_t, Name>;

  /// Each once, in the order of their hashes: names have no order that is the same in every run.
  static std::vector<Hashed> in_order(std::span<const FetchedColumn> fetched) {
    std::vector<Hashed> set;
    set.reserve(fetched.size());
    for (const FetchedColumn& c : fetched) set.emplace_back(c.name.hash(), c.name);
    std::sort(set.begin(), set.end(), [](const Hashed& a, const Hashed& b) { return a.first < b.first; });
    set.erase(std::unique(set.begin(), set.end()), set.end());
    return set;
  }

  [[nodiscard]] bool has(Columns columns, Name column) const {
    if (columns == 0) return false;
    const std::span<const FetchedColumn> set = sets_[columns - 1];
    return std::any_of(set.begin(), set.end(), [column](const FetchedColumn& c) { return c.name == column; });
  }

  void keep(const Seen& seen) {
    By* const by = rows_.size() < kMaxRows ? &rows_[seen.row] : rows_.find(seen.row);
    if (by == nullptr) return;
    for (Columns& known : by->columns) {
      if (known == seen.columns) return;
      if (known == 0) {
        known = seen.columns;
        return;
      }
    }
    if (more_.size() >= kMaxMore) return;
    const std::span<const FetchedColumn> set = sets_[seen.columns - 1];
    if (more_.size() + set.size() <= kMaxMore) {
      for (const FetchedColumn& c : set) more_.insert(hash_combine(seen.row, c.name.id()));
      return;
    }
    for (const auto& [hash, name] : in_order(set)) {
      if (more_.size() < kMaxMore) more_.insert(hash_combine(seen.row, name.id()));
    }
  }

  HashTable<Columns> ids_;                            // by a hash of the set
  std::vector<std::span<const FetchedColumn>> sets_;  // by Columns, from 1
  std::array<Seen, 8> coming_{};                      // the last ones, while the places of their rows are fetched
  size_t next_ = 0;                                   // its oldest, modulo its size
  HashTable<By> rows_;
  HashSet more_;  // columns that were read with a third list
};

}  // namespace dbaudit
