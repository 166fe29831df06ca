#pragma once
// Templates as a person reads them.

#include <string>
#include <string_view>

#include "analyzers/trace/transaction.h"

namespace dbaudit {

/// The template with its keywords in upper case.
[[nodiscard]] std::string display_sql(std::string_view template_text);
/// One line for a drawing: the select list and the VALUES of an INSERT elided.
[[nodiscard]] std::string short_sql(std::string_view displayed);
/// The template with this execution's values in their places, quoted; for --show-values.
[[nodiscard]] std::string sql_with_values(const Op& op);

}  // namespace dbaudit
