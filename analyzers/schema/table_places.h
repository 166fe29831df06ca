#pragma once
// Places in a list of tables, by the name of the table. Internal to schema/*.

#include <cstdint>
#include <vector>

#include "analyzers/base/hash_table.h"
#include "analyzers/base/name.h"

namespace dbaudit {

/// Finds names in any case; one name may be of several tables, and one table may have had several names.
class TablePlaces {
 public:
  void add(Name table, uint32_t place) {
    const auto entry = static_cast<uint32_t>(entries_.size());
    entries_.push_back({place, kNone});
    Chain& chain = chains_[key_of(table)];
    (chain.first == kNone ? chain.first : entries_[chain.last].next) = entry;
    chain.last = entry;
  }
  /// Calls visit(place) with each place of the name, in the order in which they were added.
  template <typename Visit>
  void for_each(Name table, const Visit& visit) const {
    const Chain* const chain = chains_.find(key_of(table));
    for (uint32_t entry = chain != nullptr ? chain->first : kNone; entry != kNone; entry = entries_[entry].next)
      visit(entries_[entry].place);
  }
  [[nodiscard]] bool contains(Name table) const { return chains_.contains(key_of(table)); }
  void clear() { *this = {}; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Chain {
    uint32_t first = kNone, last = kNone;  // entries
  };
  struct Entry {
    uint32_t place = 0, next = kNone;
  };

  static uint64_t key_of(Name table) { return uint64_t{table.lower().id()} + 1; }

  HashTable<Chain> chains_;
  std::vector<Entry> entries_;
};

}  // namespace dbaudit
