#include "analyzers/log/formats/session_table.h"

#include <string>

#include "tests/catch.h"

namespace dbaudit {

TEST_CASE("session table: sessions are found again until two generations came after them") {
  struct Session {
    int seen = 0;
  };
  SessionTable<Session> table;
  const auto ask = [&](int i) { return table.of("session " + std::to_string(i)).seen++; };
  CHECK(ask(0) == 0);
  for (int i = 1; i < 20'000; ++i) REQUIRE(ask(i) == 0);
  CHECK(ask(0) == 1);
  CHECK(ask(19'999) == 1);
  for (int i = 20'000; i < 40'000; ++i) REQUIRE(ask(i) == 0);
  CHECK(ask(0) == 2);  // asked for in the generation before
  CHECK(ask(1) == 0);  // forgotten
  for (int i = 0; i < 100; ++i) REQUIRE(table.of("").seen++ == i);
}

}  // namespace dbaudit
