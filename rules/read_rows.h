#pragma once
// Which columns of which rows some statement of the log has fetched. Internal to the runner.

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "analyzers/base/hash.h"
#include "analyzers/base/hash_table.h"

namespace dbaudit {

/// A row is read with few lists of columns, however many columns they have: it keeps which lists, and costs one look-up a read.
class ReadRows {
 public:
  /// A set of columns; 0: none.
  using Columns = uint32_t;

  /// The set of these columns (hashes of their names); the same for the same ones.
  Columns columns_of(std::span<const uint64_t> hashes) {
    if (hashes.empty()) return 0;
    std::vector<uint64_t> set(hashes.begin(), hashes.end());
    std::sort(set.begin(), set.end());
    set.erase(std::unique(set.begin(), set.end()), set.end());
    uint64_t id = set.size();
    for (const uint64_t column : set) id = hash_combine(id, column);
    const auto [known, fresh] = ids_.try_emplace(id, static_cast<Columns>(sets_.size() + 1));
    if (fresh) sets_.push_back(std::move(set));
    return known->second;
  }

  /// Remembers that `columns` of `row` (row_identity(), never 0) were fetched, of at most 131,072 rows.
  void add(uint64_t row, Columns columns) {
    if (columns == 0) return;
    rows_.prefetch(row);
    Seen& place = coming_[next_++ % coming_.size()];
    if (place.columns != 0) keep(place);
    place = {row, columns};
  }

  [[nodiscard]] bool contains(uint64_t row, uint64_t column) const {
    for (const Seen& seen : coming_) {
      if (seen.row == row && has(seen.columns, column)) return true;
    }
    const By* const by = rows_.find(row);
    if (by == nullptr) return false;
    for (const Columns columns : by->columns) {
      if (has(columns, column)) return true;
    }
    return more_.contains(hash_combine(row, column));
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

  [[nodiscard]] bool has(Columns columns, uint64_t column) const {
    if (columns == 0) return false;
    const std::vector<uint64_t>& set = sets_[columns - 1];
    return std::binary_search(set.begin(), set.end(), column);
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
    for (const uint64_t column : sets_[seen.columns - 1]) {
      if (more_.size() < kMaxMore) more_.insert(hash_combine(seen.row, column));
    }
  }

  std::unordered_map<uint64_t, Columns> ids_;  // by a hash of the set; looked up by key only
  std::vector<std::vector<uint64_t>> sets_;    // by Columns, from 1; sorted
  std::array<Seen, 8> coming_{};               // the last ones, while the places of their rows are fetched
  size_t next_ = 0;                            // its oldest, modulo its size
  HashTable<By> rows_;
  HashSet more_;  // columns that were read with a third list
};

}  // namespace dbaudit
