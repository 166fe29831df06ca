#pragma once
// Cases in which protects() is asked, and an engine is asked the same: what two racing sessions do after both missed.

#include <cstdint>
#include <string>
#include <vector>

#include "analyzers/schema/catalog.h"

namespace dbaudit {

enum class Answer : uint8_t {
  kProtects,
  kStricter,  ///< protects, and may refuse a row that the lookup cannot find
  kNot,
  kAtCommit,  ///< the INSERT goes through and the COMMIT fails: no protection for a get-or-create
};

/// Lookup columns in few letters: `a`, `a=5`, `a!` (never NULL), `a~` (IS NULL), `(lower(a))` and the same marks behind the parenthesis.
std::vector<LookupColumn> lookup(const std::vector<std::string>& specs);

struct RaceCase {
  const char* what;
  std::string schema;  ///< makes the table t
  std::vector<std::string> lookup;
  std::string find;           ///< the lookup as the sessions run it; both rows satisfy it
  std::string first, second;  ///< VALUES of the two sessions
  Answer expected;
  const char* why;         ///< part of why_not
  std::string third = {};  ///< kStricter: a row that `find` does not find and the key refuses beside the first
};

/// CHECKs what protects() says of a case whose race is over: `duplicates` tells that both rows are in the table. What is promised must hold.
void check_protection(const RaceCase& c, const Catalog& catalog, bool duplicates);

}  // namespace dbaudit
