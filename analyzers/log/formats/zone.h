#pragma once
// The zone of a log's clock, where its times do not name it.

#include <cstdint>

#include "analyzers/base/time.h"

namespace dbaudit {

/// A time that names no zone, put into the zone it is known to be of (ReaderOptions::zone_offset_minutes; INT32_MIN: none is). Others stay.
[[nodiscard]] inline TimePoint in_zone(TimePoint t, int32_t zone_offset_minutes) {
  if (t.zone_known || !t.known() || zone_offset_minutes == INT32_MIN) return t;
  t.micros -= int64_t{zone_offset_minutes} * 60'000'000;
  t.zone_known = true;
  return t;
}

}  // namespace dbaudit
