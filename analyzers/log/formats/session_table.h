#pragma once
// What a reader knows of each session, in bounded memory.

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace dbaudit {

/// Of more than two generations of sessions those that were not asked for longest are forgotten.
template <class Session>
class SessionTable {
 public:
  /// The session of this key, a new one when there is none. Good until the next call.
  Session& of(std::string_view key) {
    if (last_ != nullptr && key == key_) return *last_;
    key_ = key;
    auto found = young_.find(key_);
    if (found == young_.end()) {
      if (young_.size() >= kGeneration) {
        old_ = std::move(young_);
        young_.clear();
      }
      auto node = old_.extract(key_);
      found = node.empty() ? young_.try_emplace(key_).first : young_.insert(std::move(node)).position;
    }
    last_ = &found->second;
    return *last_;
  }

 private:
  static constexpr size_t kGeneration = 16384;

  std::unordered_map<std::string, Session> young_, old_;
  std::string key_;  // of the last one asked for
  Session* last_ = nullptr;
};

}  // namespace dbaudit
