#pragma once
// Times and places of a log in eight bytes each, and counts in four, for tables that remember them by the hundred thousand.

#include <cstdint>
#include <limits>

#include "analyzers/base/time.h"

namespace dbaudit {

/// A TimePoint between the years 829 and 3111; outside them it is unknown. A tick that is no power of ten becomes the next one: then a little less is certain.
class TightTime {
 public:
  TightTime() : TightTime(TimePoint()) {}
  // Implicit: it is a TimePoint that is kept.
  TightTime(const TimePoint& t) : bits_(pack(t)) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] TimePoint get() const {
    const int64_t micros = bits_ >> kShift;
    return {micros == kUnknown ? TimePoint::kUnknown : micros, (bits_ & kZone) != 0, kTicks[bits_ & kTick]};
  }

 private:
  static constexpr int kShift = 8;
  static constexpr int64_t kTick = 15, kZone = 16;
  static constexpr int64_t kUnknown = INT64_MIN >> kShift;
  static constexpr int32_t kTicks[16] = {1,         10,         100,         1000,          10'000,    100'000,
                                         1'000'000, 10'000'000, 100'000'000, 1'000'000'000, INT32_MAX, INT32_MAX,
                                         INT32_MAX, INT32_MAX,  INT32_MAX,   INT32_MAX};

  static int64_t pack(const TimePoint& t) {
    int64_t tick = t.tick == 1000 ? 3 : 0;
    while (kTicks[tick] < t.tick) ++tick;
    const bool fits = t.micros > kUnknown && t.micros < -kUnknown;
    return ((fits ? t.micros : kUnknown) * (int64_t{1} << kShift)) | (t.zone_known ? kZone : 0) | tick;
  }

  int64_t bits_;
};

/// Stops at the last number that four bytes hold, past four thousand million.
class TightCount {
 public:
  TightCount() = default;
  // Implicit, and back: it is a count that is kept.
  TightCount(uint64_t n) : n_(static_cast<uint32_t>(n < kMost ? n : kMost)) {}  // NOLINT(google-explicit-constructor)
  operator uint64_t() const { return n_; }                                      // NOLINT(google-explicit-constructor)
  TightCount& operator++() {
    if (n_ != kMost) ++n_;
    return *this;
  }

 private:
  static constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();

  uint32_t n_ = 0;
};

/// A line of an input. Lines from 2^40 on and inputs from 2^24 on are taken for the last that can be told.
class TightPlace {
 public:
  TightPlace() = default;
  TightPlace(uint32_t file, uint64_t line)
      : bits_((uint64_t{file < kFiles ? file : kFiles} << kLineBits) | (line < kLines ? line : kLines)) {}
  [[nodiscard]] uint32_t file() const { return static_cast<uint32_t>(bits_ >> kLineBits); }
  [[nodiscard]] uint64_t line() const { return bits_ & kLines; }

 private:
  static constexpr int kLineBits = 40;
  static constexpr uint64_t kLines = (uint64_t{1} << kLineBits) - 1;
  static constexpr uint32_t kFiles = (uint32_t{1} << (64 - kLineBits)) - 1;

  uint64_t bits_ = 0;
};

}  // namespace dbaudit
