#include "rules/registry.h"

#include <array>

#include "analyzers/base/text.h"

namespace dbaudit {

#define RULE(file) extern const Rule kRule_##file;
#include "rules/rules.def"
#undef RULE

#define RULE(file) extern const char* const kPage_##file;
#include "rules/rules.def"
#undef RULE

namespace {

constexpr std::array kRules = {
#define RULE(file) &kRule_##file,
#include "rules/rules.def"
#undef RULE
};

}  // namespace

std::span<const Rule* const> all_rules() { return kRules; }

const Rule* find_rule(std::string_view code_or_name) {
  for (const Rule* r : kRules) {
    if (iequals(r->code, code_or_name) || iequals(r->name, code_or_name)) return r;
  }
  return nullptr;
}

std::string_view rule_page(const Rule& rule) {
#define RULE(file) \
  if (&rule == &kRule_##file) return kPage_##file;
#include "rules/rules.def"
#undef RULE
  return {};
}

bool rule_matches(const Rule& rule, std::string_view selector) {
  return iequals(rule.name, selector) || (selector.size() >= 3 && istarts_with(rule.code, selector));
}

}  // namespace dbaudit
