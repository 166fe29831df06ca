#pragma once
// All rules, in the order of rules.def.

#include <span>
#include <string_view>

#include "rules/rule.h"

namespace dbaudit {

[[nodiscard]] std::span<const Rule* const> all_rules();
/// By code or name, any case; nullptr when unknown.
[[nodiscard]] const Rule* find_rule(std::string_view code_or_name);
/// The rule's page (Markdown), carried in the program.
[[nodiscard]] std::string_view rule_page(const Rule& rule);
/// The codes selected by a list of codes, prefixes (`DBA1`) or names; an unknown one is returned in `unknown`.
[[nodiscard]] bool rule_matches(const Rule& rule, std::string_view selector);

}  // namespace dbaudit
