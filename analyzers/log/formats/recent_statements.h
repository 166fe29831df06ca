#pragma once
// The last statements of a log by what they ran, for logs that say later how one ended by repeating it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "analyzers/base/time.h"

namespace dbaudit {

/// Remembers a few thousand statements; older ones are forgotten, so memory is bounded whatever the log.
class RecentStatements {
 public:
  static uint64_t key(std::string_view a, std::string_view b = {}) {
    const std::hash<std::string_view> hash;
    return hash(a) * 0x9E3779B97F4A7C15ULL + hash(b);
  }
  void put(uint64_t key, uint64_t line, const TimePoint& time) {
    if (young_.size() >= kGeneration) {
      old_ = std::move(young_);
      young_.clear();
    }
    auto [it, fresh] = young_.try_emplace(key);
    Runs& runs = it->second;
    if (fresh) {
      if (const auto old = old_.find(key); old != old_.end()) runs = old->second;
    }
    for (size_t i = kRuns - 1; i > 0; --i) runs.run[i] = runs.run[i - 1];
    runs.run[0] = {line, time.micros};
  }
  /// The line of the run that began at `begin`, or nearest to it; of the last one when the time tells nothing. It is not handed out again.
  std::optional<uint64_t> take(uint64_t key, int64_t begin = TimePoint::kUnknown) {
    Runs* runs = nullptr;
    if (const auto it = young_.find(key); it != young_.end()) {
      runs = &it->second;
    } else if (const auto old = old_.find(key); old != old_.end()) {
      runs = &old->second;
    }
    if (runs == nullptr) return std::nullopt;
    Run* best = nullptr;
    for (Run& run : runs->run) {
      if (run.line == 0) continue;
      const bool timed = begin != TimePoint::kUnknown && run.time != TimePoint::kUnknown;
      if (best == nullptr || (timed && distance(run.time, begin) < distance(best->time, begin))) best = &run;
    }
    if (best == nullptr) return std::nullopt;
    return std::exchange(best->line, 0);
  }

 private:
  static constexpr size_t kGeneration = 4096, kRuns = 8;
  struct Run {
    uint64_t line = 0;
    int64_t time = TimePoint::kUnknown;
  };
  struct Runs {
    Run run[kRuns];
  };
  static uint64_t distance(int64_t a, int64_t b) {
    return a > b ? static_cast<uint64_t>(a) - static_cast<uint64_t>(b) : static_cast<uint64_t>(b) - static_cast<uint64_t>(a);
  }
  std::unordered_map<uint64_t, Runs> young_, old_;
};

}  // namespace dbaudit
