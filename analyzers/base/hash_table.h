#pragma once
// Tables whose keys are 64-bit hashes already (base/hash.h): one cache line a look-up, where a table of nodes takes three. Their order is no order: look
// up by key, never walk one where order would show.

#include <cstddef>
#include <cstdint>

#include <tsl/robin_map.h>
#include <tsl/robin_set.h>

namespace dbaudit {

/// The key's bits are as good as any other hash of it.
struct HashItself {
  size_t operator()(uint64_t hash) const { return hash; }
};

/// Grows by doubling when four fifths are full; values move then. Assign through `it.value()`: `it->second` is constant.
template <typename T>
class HashTable : public tsl::robin_map<uint64_t, T, HashItself> {
 public:
  HashTable() { this->max_load_factor(0.8F); }
};

class HashSet : public tsl::robin_set<uint64_t, HashItself> {
 public:
  HashSet() { max_load_factor(0.8F); }
};

}  // namespace dbaudit
