#pragma once
// Names in the SQL that fixes are made of: spelt as the schema spells them, quoted as the engine needs.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/text.h"
#include "rules/suggest/suggest.h"

namespace dbaudit::suggest {

/// One part of a name, quoted when it must be; a dot in it is a dot of the name.
[[nodiscard]] std::string quote_part(std::string_view part, Engine engine);
/// The table of `m` as SQL.
[[nodiscard]] std::string table_sql(const Material& m);
/// Its last part, unquoted: `race_race`.
[[nodiscard]] std::string bare_table(const Material& m);
/// A column as the catalog or the statements spell it: rules fold names to lower case.
[[nodiscard]] std::string spelling(const Material& m, std::string_view column);
/// The same, quoted.
[[nodiscard]] std::string column_sql(const Material& m, std::string_view column);
/// Is this key part a column, not an expression such as `lower(email)`?
[[nodiscard]] bool is_column(const Material& m, std::string_view part);

/// `parts` joined by `_`, in lower case, without odd characters, at most 63 bytes (PostgreSQL cuts longer names silently) and unlike every key,
/// check and column of the table.
[[nodiscard]] std::string new_name(const Material& m, const std::vector<std::string>& parts);

/// Is one of `names` this one, but for the case of its letters?
template <typename List>
[[nodiscard]] bool contains_name(const List& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [name](std::string_view n) { return iequals(n, name); });
}

/// Is the server known to be at least this version? False when the version is not known.
[[nodiscard]] bool at_least(const Material& m, int major, int minor = 0, int patch = 0);
/// Is it known to be older?
[[nodiscard]] bool older_than(const Material& m, int major, int minor = 0, int patch = 0);

}  // namespace dbaudit::suggest
