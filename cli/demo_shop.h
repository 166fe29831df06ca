#pragma once
// The shop of `dbaudit demo`: real threads on a real SQLite file, racing until its data is wrong.

#include <cstdint>
#include <functional>
#include <string>

#include "analyzers/base/error.h"

namespace dbaudit {

struct ShopSetup {
  std::string database;               ///< path of the file to create; must not exist
  std::string log;                    ///< path of the JSON-lines log to create; must not exist
  int sessions = 5;                   ///< threads, each with its own connection; at least 2
  int min_rounds = 12;                ///< so that the numbers say something
  int max_rounds = 300;               ///< then give up
  std::function<bool()> interrupted;  ///< asked between rounds; may be empty
};

/// What the file holds at the end, counted by queries on it, never by what the threads believe.
struct ShopOutcome {
  int64_t tag_rows = 0;          ///< rows of `tag`
  int64_t tag_names = 0;         ///< distinct names among them
  int64_t duplicated_names = 0;  ///< names that have two rows or more
  int64_t units_sold = 0;        ///< sum of `sale.quantity`
  int64_t stock_gone = 0;        ///< what `item.stock` went down by
  int rounds = 0;                ///< of all sessions at once, after the calm phase
  uint64_t statements = 0;       ///< in the log
  bool interrupted = false;

  [[nodiscard]] bool rows_duplicated() const { return tag_rows > tag_names; }
  [[nodiscard]] bool update_lost() const { return units_sold > stock_gone; }
};

/// Creates both files, runs a calm phase (one session after the other) and then rounds of all sessions at once until both damages are in the
/// file, `min_rounds` are over, or `max_rounds` are used up: the caller looks at the outcome. Errors: a file cannot be made or written, a statement
/// failed. Whatever happens, every thread has ended and every connection is closed on return.
[[nodiscard]] Result<ShopOutcome> run_shop(const ShopSetup& setup);

}  // namespace dbaudit
