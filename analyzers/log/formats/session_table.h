#pragma once
// What a reader knows of each session, in bounded memory.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/base/hash.h"
#include "analyzers/base/hash_table.h"
#include "analyzers/base/large_pages.h"
#include "analyzers/base/prefetch.h"

namespace dbaudit {

/// Of more than two generations of sessions those that were not asked for longest are forgotten. Keys are told apart by their 64-bit hashes.
template <class Session>
class SessionTable {
 public:
  /// The session of this key, a new one when there is none. Good until the next call.
  Session& of(std::string_view key) {
    const uint64_t hash = hash_bytes(key);
    Known* known = known_.find(hash);
    if (known != nullptr && known->generation == generation_) return sessions_[known->session];
    if (young_ == kGeneration) {
      begin_generation();
      known = known_.find(hash);
    }
    if (known == nullptr) {
      known = &known_[hash];
      known->session = vacant_place();
    }
    known->generation = generation_;
    ++young_;
    return sessions_[known->session];
  }
  /// The session is asked for soon; and, later, very soon: what the first call has fetched says where the second is to look.
  void expect(std::string_view key) const { known_.prefetch(hash_bytes(key)); }
  void expect_now(std::string_view key) const {
    const Known* const known = known_.find(hash_bytes(key));
    if (known != nullptr) prefetch(&sessions_[known->session], sizeof(Session));
  }

 private:
  static constexpr size_t kGeneration = 16384;
  struct Known {
    uint32_t session = 0;     // index into sessions_
    uint32_t generation = 0;  // in which it was last asked for
  };

  uint32_t vacant_place() {
    if (vacant_.empty()) {
      sessions_.emplace_back();
      return static_cast<uint32_t>(sessions_.size() - 1);
    }
    const uint32_t place = vacant_.back();
    vacant_.pop_back();
    return place;
  }
  /// The young are the old now, and the old are forgotten.
  void begin_generation() {
    HashTable<Known> old;
    known_.for_each([&](uint64_t hash, const Known& known) {
      if (known.generation == generation_) {
        old[hash] = known;
      } else {
        sessions_[known.session] = Session();
        vacant_.push_back(known.session);
      }
    });
    known_ = std::move(old);
    ++generation_;
    young_ = 0;
  }

  HashTable<Known> known_;  // by hash
  std::vector<Session, LargePages<Session>> sessions_;
  std::vector<uint32_t> vacant_;  // of sessions_
  uint32_t generation_ = 0;
  size_t young_ = 0;  // asked for in this generation
};

}  // namespace dbaudit
