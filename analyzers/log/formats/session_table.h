#pragma once
// What a reader knows of each session, in bounded memory.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "analyzers/base/hash.h"

namespace dbaudit {

/// Of more than two generations of sessions those that were not asked for longest are forgotten.
template <class Session>
class SessionTable {
 public:
  /// The session of this key, a new one when there is none. Good until the next call.
  Session& of(std::string_view key) {
    Recent& recent = recent_[hash_bytes(key) % kRecent];
    if (recent.session != nullptr && recent.key == key) return *recent.session;
    key_ = key;
    auto found = young_.find(key_);
    if (found == young_.end()) {
      if (young_.size() >= kGeneration) {
        old_ = std::move(young_);
        young_.clear();
        recent_.fill({});
      }
      auto node = old_.extract(key_);
      found = node.empty() ? young_.try_emplace(key_).first : young_.insert(std::move(node)).position;
    }
    recent = {found->first, &found->second};
    return found->second;
  }

 private:
  static constexpr size_t kGeneration = 16384, kRecent = 4096;
  /// In front of the tables, where nearly every look-up ends: the key and the session of one of the young.
  struct Recent {
    std::string_view key;
    Session* session = nullptr;
  };

  std::unordered_map<std::string, Session> young_, old_;
  std::string key_;  // of the last one looked up in them
  std::array<Recent, kRecent> recent_{};
};

}  // namespace dbaudit
