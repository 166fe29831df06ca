// TightTime and TightPlace give back what was put into them.

#include "analyzers/base/tight.h"

#include <cstdint>

#include "tests/catch.h"

namespace dbaudit {
namespace {

TEST_CASE("a tight time is the time it was made of") {
  for (const int64_t micros : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{1'760'000'000'123'456}, int64_t{-36'000'000'000'000'000},
                               int64_t{36'000'000'000'000'000}, TimePoint::kUnknown}) {
    for (const int32_t tick : {1, 10, 100, 1000, 1'000'000, 1'000'000'000}) {
      for (const bool zone : {false, true}) {
        const TimePoint t = TightTime(TimePoint{micros, zone, tick}).get();
        CHECK(t.micros == micros);
        CHECK(t.zone_known == zone);
        CHECK(t.tick == tick);
      }
    }
  }
  CHECK_FALSE(TightTime().get().known());
}

TEST_CASE("what a tight time cannot hold is less certain, never more") {
  CHECK(TightTime(TimePoint{0, true, 250}).get().tick == 1000);
  CHECK(TightTime(TimePoint{0, true, INT32_MAX}).get().tick == INT32_MAX);
  for (const int64_t micros : {INT64_MAX, INT64_MIN + 1, int64_t{1} << 55, -(int64_t{1} << 55)}) {
    CHECK_FALSE(TightTime(TimePoint{micros, true, 1}).get().known());
  }
}

TEST_CASE("a tight place holds a file and a line") {
  const TightPlace place(70'000, 12'345'678'901);
  CHECK(place.file() == 70'000);
  CHECK(place.line() == 12'345'678'901);
  CHECK(TightPlace().file() == 0);
  CHECK(TightPlace().line() == 0);
  const TightPlace beyond(UINT32_MAX, UINT64_MAX);
  CHECK(beyond.file() == (1U << 24) - 1);
  CHECK(beyond.line() == (uint64_t{1} << 40) - 1);
}

TEST_CASE("A count stops where four bytes do") {
  TightCount count;
  CHECK(count == 0);
  ++count;
  ++count;
  CHECK(count == 2);
  constexpr uint64_t kMost = 4'294'967'295;
  count = kMost - 1;
  CHECK(++count == kMost);
  CHECK(++count == kMost);
  count = kMost + 7;
  CHECK(count == kMost);
}

}  // namespace
}  // namespace dbaudit
