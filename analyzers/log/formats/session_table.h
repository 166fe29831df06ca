#pragma once
// What a reader knows of each session, in bounded memory.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "analyzers/base/hash.h"
#include "analyzers/base/hash_table.h"

namespace dbaudit {

/// Of more than two generations of sessions those that were not asked for longest are forgotten. Keys are told apart by their 64-bit hashes.
template <class Session>
class SessionTable {
 public:
  /// The session of this key, a new one when there is none. Good until the next call.
  Session& of(std::string_view key) {
    const uint64_t hash = hash_bytes(key);
    if (Session* const known = young_.find(hash)) return *known;
    if (young_.size() == kGeneration) {
      std::swap(young_, old_);
      young_.clear();
    }
    Session& session = young_[hash];
    // What it leaves behind is never looked at: the young are looked up first.
    if (Session* const known = old_.find(hash)) session = std::move(*known);
    return session;
  }
  /// The session is asked for soon.
  void expect(std::string_view key) const {
    const uint64_t hash = hash_bytes(key);
    young_.prefetch(hash);
    old_.prefetch(hash);
  }

 private:
  static constexpr size_t kGeneration = 16384;

  HashTable<Session> young_, old_;  // by hash: asked for in this generation, or last in the one before
};

}  // namespace dbaudit
