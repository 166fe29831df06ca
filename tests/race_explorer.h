#pragma once
// Runs two programs in every order their statements can take: depth first, each order from a fresh state. A session that waits for a lock has no turn.

#include <string>
#include <string_view>
#include <vector>

#include "tests/race_program.h"
#include "tests/race_session.h"

namespace dbaudit {

struct RaceOutcome {
  Outcome worst = Outcome::kSafe;  ///< kWaits: safe, and in some order one had to wait
  size_t schedules = 0;
  std::string witness;              ///< of the worst: who moved when, and what came of it, a line a move
  std::vector<std::string> errors;  ///< of all orders, each once, in order of their codes
};

/// `form` of `race` at `level`. FAILs when the orders do not end.
[[nodiscard]] RaceOutcome explore(const Race& race, const RaceForm& form, Level level, RaceDatabase& database);

[[nodiscard]] std::string_view outcome_name(Outcome outcome);

}  // namespace dbaudit
