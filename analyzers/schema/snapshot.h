#pragma once
// Catalog ⇄ JSON: what `dbaudit schema` writes and `--schema` reads back.

#include <string>
#include <string_view>

#include "analyzers/base/error.h"
#include "analyzers/schema/catalog.h"

namespace dbaudit {

[[nodiscard]] std::string catalog_to_json(const Catalog& catalog);  ///< pretty, sorted, ends with a newline
[[nodiscard]] Result<Catalog> catalog_from_json(std::string_view json);

}  // namespace dbaudit
