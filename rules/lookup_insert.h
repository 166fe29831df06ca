#pragma once
// The pair behind get-or-create: a lookup that found nothing, and the INSERT of what it looked for. Four rules ask for it; it is found once per unit.

#include <string>
#include <string_view>
#include <vector>

#include "analyzers/schema/catalog.h"
#include "analyzers/schema/known_protections.h"
#include "analyzers/trace/transaction.h"
#include "rules/match.h"

namespace dbaudit {

struct LookupInsert {
  uint32_t read = 0, write = 0;  ///< ops of the unit
  const ReadAccess* lookup = nullptr;
  const WriteAccess* insert = nullptr;
  LookupMatch key;
  const Protection* protection = nullptr;  ///< of the key, where the table is in the schema
};

/// The pairs of a unit, by INSERT: the last lookup before it whose values it repeats. A lookup that is known to have found a row, that takes the latest, or
/// that sums is none. Locks are not looked at. `protections`: null without a schema.
[[nodiscard]] std::vector<LookupInsert> find_lookup_inserts(const WorkUnit& unit, KnownProtections* protections);

/// What every finding of such a pair says: statements, table, key, the row the two sessions meet on. Level and scope are not set.
[[nodiscard]] Match match_of(const WorkUnit& unit, const LookupInsert& pair);

/// Does the key have a column that the lookup does not fix? Then many rows of one lookup may be what is meant.
[[nodiscard]] bool is_wider(const Key& key, const std::vector<LookupColumn>& lookup);

/// 23505, 1062, SQLite's UNIQUE constraint failed.
[[nodiscard]] bool is_duplicate_error(const Op& op);

}  // namespace dbaudit
