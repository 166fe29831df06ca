// A Few reads the same whether an element stands in place or not.

#include "analyzers/base/few.h"

#include <string>
#include <utility>
#include <vector>

#include "tests/catch.h"

namespace dbaudit {
namespace {

TEST_CASE("a list of few elements goes on where they do not fit in place") {
  Few<std::string, 2> list;
  CHECK(list.empty());
  CHECK(list.all().empty());
  std::vector<std::string> expected;
  for (size_t i = 0; i < 5; ++i) {
    expected.push_back("element " + std::to_string(i));
    list.push_back(expected.back());
    CHECK(list.size() == i + 1);
    CHECK(list.all() == expected);
  }
  list[1] = expected[1] = "in place";
  list[4] = expected[4] = "elsewhere";
  const Few<std::string, 2> copy = list;
  list[4] = "of the other one";
  CHECK(copy.all() == expected);
  CHECK(copy[4] == "elsewhere");
  const Few<std::string, 2> moved = std::move(list);
  CHECK(moved[4] == "of the other one");
}

}  // namespace
}  // namespace dbaudit
