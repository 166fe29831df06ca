#pragma once
// protects(), remembered: a log asks the same of the same tables all day.

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "analyzers/schema/catalog.h"

namespace dbaudit {

class KnownProtections {
 public:
  /// `catalog` must outlive this and stay as it is.
  explicit KnownProtections(const Catalog& catalog) : catalog_(&catalog) {}

  /// protects() of a table of the catalogue. Stays valid until forget_old().
  const Protection& of(const Table& table, const std::vector<LookupColumn>& lookup);
  /// To be called where nobody holds an answer: lookups in the values of a partial index's predicate could be without number.
  void forget_old();

 private:
  const Catalog* catalog_;
  std::unordered_map<uint64_t, Protection> known_;  // by table and all of the lookup that protects() looks at
};

}  // namespace dbaudit
