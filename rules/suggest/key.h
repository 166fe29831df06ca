#pragma once
// The unique key that a lookup needs: the one that is there, or the one that unique_key() proposes. upsert() must name the same.

#include <string>
#include <vector>

#include "rules/suggest/suggest.h"

namespace dbaudit::suggest {

struct NeededKey {
  std::vector<std::string> parts;         ///< as SQL: quoted columns, or expressions in parentheses
  std::vector<std::string> part_columns;  ///< parallel to parts: the column, unquoted; empty for an expression
  std::vector<std::string> columns;       ///< the plain columns among them, unquoted, as the schema spells them
  std::vector<std::string> nullable;      ///< those that the catalog lets be NULL
  std::string predicate;                  ///< `deleted_at IS NULL`; empty for a whole index
  bool has_expression = false;
  const Key* existing = nullptr;  ///< the key of the table that does it already
  bool good = false;              ///< false: no key can be made of this lookup
};
[[nodiscard]] NeededKey needed_key(const Material& m);

}  // namespace dbaudit::suggest
