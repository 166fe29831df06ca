#include "tests/protects_cases.h"

#include <utility>

#include "tests/catch.h"

namespace dbaudit {

std::vector<LookupColumn> lookup(const std::vector<std::string>& specs) {
  std::vector<LookupColumn> out;
  for (const std::string& spec : specs) {
    LookupColumn c;
    std::string rest = spec;
    if (rest[0] == '(') {
      const size_t close = rest.rfind(')');
      c.expression = rest.substr(1, close - 1);
      rest = rest.substr(close + 1);
    } else {
      const size_t end = rest.find_first_of("=!~");
      c.column = rest.substr(0, end);
      rest = end == std::string::npos ? "" : rest.substr(end);
    }
    c.has_value = rest.starts_with('=');
    if (c.has_value) c.value = rest.substr(1);
    c.known_not_null = c.has_value || rest == "!";
    c.is_null = rest == "~";
    out.push_back(std::move(c));
  }
  return out;
}

void check_protection(const RaceCase& c, const Catalog& catalog, bool duplicates) {
  const Table* t = catalog.find("", "t");
  REQUIRE(t != nullptr);
  const Protection p = protects(catalog, *t, lookup(c.lookup));
  CAPTURE(p.why_not);
  CHECK((p.key == nullptr) == (c.expected == Answer::kNot));
  if (c.expected != Answer::kNot) {
    CHECK_FALSE(duplicates);
    CHECK((p.near_miss != nullptr) == (c.expected == Answer::kStricter));
  }
  CHECK(p.why_not.find(c.why) != std::string::npos);
  if (c.expected == Answer::kStricter) REQUIRE_FALSE(c.third.empty());
}

}  // namespace dbaudit
