// Rare and RareText read as what they hold, or as nothing.

#include "analyzers/base/rare.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/catch.h"

namespace dbaudit {
namespace {

TEST_CASE("what was not set reads as a default") {
  const Rare<std::vector<int>> none;
  CHECK_FALSE(none.has_value());
  CHECK(none->empty());
  CHECK(none == Rare<std::vector<int>>(std::vector<int>()));

  Rare<std::vector<int>> some;
  some.edit().push_back(7);
  CHECK(some.has_value());
  CHECK(*some == std::vector<int>{7});
  CHECK_FALSE(some == none);
}

TEST_CASE("a copy has its own value") {
  Rare<std::vector<int>> a(std::vector<int>{1});
  Rare<std::vector<int>> b = a;
  b.edit().push_back(2);
  CHECK(a->size() == 1);
  a = b;
  b.edit().clear();
  CHECK(*a == std::vector<int>{1, 2});
  const Rare<std::vector<int>>& same = a;
  a = same;
  CHECK(a->size() == 2);
  const Rare<std::vector<int>> moved = std::move(a);
  CHECK(moved->size() == 2);
  b = Rare<std::vector<int>>();
  CHECK_FALSE(b.has_value());
}

TEST_CASE("an empty text is not there") {
  RareText text;
  CHECK(text.empty());
  CHECK(text == "");
  text = "schema";
  CHECK_FALSE(text.empty());
  CHECK(text == std::string("schema"));
  CHECK(std::string_view(text) == "schema");
  CHECK(text.str().size() == 6);
  const RareText copy = text;
  text.clear();
  CHECK(text.empty());
  CHECK(copy == "schema");
  CHECK_FALSE(copy == text);
  text = std::string();
  CHECK(text.empty());
}

TEST_CASE("an empty list is walked like any other") {
  RareList<int> list;
  int sum = 0;
  for (const int i : list) sum += i;
  for (int& i : list) sum += i;
  CHECK(sum == 0);
  CHECK(list.empty());
  CHECK(list == RareList<int>(std::vector<int>()));

  list.push_back(3);
  list.emplace_back(4) += 1;
  for (int& i : list) i *= 2;
  for (const int i : std::as_const(list)) sum += i;
  CHECK(sum == 16);
  CHECK(list.front() == 6);
  CHECK(list.back() == 10);
  CHECK(list[1] == 10);
  const std::vector<int>& vector = list;
  CHECK(vector == std::vector<int>{6, 10});
  const RareList<int> copy = list;
  list.clear();
  CHECK(list.empty());
  CHECK(copy.size() == 2);
}

}  // namespace
}  // namespace dbaudit
