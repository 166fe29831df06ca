#pragma once
// Points in time as logs give them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dbaudit {

/// Microseconds since 1970-01-01T00:00:00. With a known zone this is UTC, without one it is the log's own local clock: times of
/// one log compare, times of two logs compare only when both zones are known (or both are not).
struct TimePoint {
  static constexpr int64_t kUnknown = INT64_MIN;
  int64_t micros = kUnknown;
  bool zone_known = false;
  /// Resolution of the source in microseconds (1'000'000 for a clock of seconds). Two events of different sessions nearer than
  /// one tick have no order.
  int32_t tick = 1000;

  [[nodiscard]] bool known() const { return micros != kUnknown; }
};

/// True when `a` certainly came before `b`: both known, of comparable zones, and at least one tick of the coarser clock apart.
[[nodiscard]] bool certainly_before(const TimePoint& a, const TimePoint& b);

/// Days since 1970-01-01 of a proleptic Gregorian date.
[[nodiscard]] int64_t days_from_civil(int year, unsigned month, unsigned day);

/// `2026-11-20T14:25:56.336Z`; without `Z` when the zone is not known. Milliseconds always, microseconds when not zero.
/// Empty for an unknown time.
[[nodiscard]] std::string to_iso8601(const TimePoint& t);

/// Reads `YYYY-MM-DD[ T]HH:MM:SS[.,]ffffff` and an optional ` UTC`, `Z`, `+HH:MM`, ` +HHMM`. `consumed` is set to the bytes
/// read. A zone abbreviation other than UTC/GMT/Z leaves zone_known false and is consumed (`%m` of PostgreSQL prints one). After a
/// comma, only 3, 6 or 9 digits are a fraction: a comma also ends a CSV field. `+HH` alone is an offset too. nullopt when the text does not start with such a time.
[[nodiscard]] std::optional<TimePoint> parse_time(std::string_view text, size_t* consumed = nullptr);

}  // namespace dbaudit
