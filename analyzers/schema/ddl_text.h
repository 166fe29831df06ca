#pragma once
// Catalog → DDL: empty tables like those of the catalog, in the engine's own words, to try statements on.

#include <string>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/schema/catalog.h"

namespace dbaudit {

/// An identifier in the engine's quotes, always quoted.
[[nodiscard]] std::string quoted_name(std::string_view name, Engine engine);

/// CREATE TABLE with columns, defaults, keys and checks, then its indexes. Foreign keys are left out: they do not change what a statement means, and the
/// parents are empty. So are triggers and exclusion constraints. MySQL's databases are not named: the table is made where the session is.
/// Errors: what is no plain table (a view, a partitioned one) or has no columns known.
[[nodiscard]] Result<std::vector<std::string>> create_statements(const Table& table, Engine engine);

}  // namespace dbaudit
