// ReadRows against a set of (row, column).

#include "rules/read_rows.h"

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/catch.h"

namespace dbaudit {
namespace {

Name name_of(uint64_t column) { return "c" + std::to_string(column); }

ReadRows::Columns columns_of(ReadRows& rows, const std::vector<uint64_t>& list) {
  static std::map<std::vector<uint64_t>, std::vector<FetchedColumn>> known;  // they stay where they are
  std::vector<FetchedColumn>& fetched = known[list];
  if (fetched.empty()) {
    for (const uint64_t column : list) fetched.push_back({name_of(column)});
  }
  return rows.columns_of(fetched);
}

TEST_CASE("read rows: a column of a row was read when some read of the row fetched it") {
  std::mt19937_64 random(1);
  // Lists that overlap, one within another, and more of them than a row has places for.
  const std::vector<std::vector<uint64_t>> lists = {{1, 2, 3}, {3, 4}, {5}, {1, 2, 3, 4, 5, 6}, {7, 8}, {8, 7}, {}};
  ReadRows rows;
  std::set<std::pair<uint64_t, uint64_t>> expected;
  CHECK(columns_of(rows, lists[4]) == columns_of(rows, lists[5]));
  CHECK(columns_of(rows, lists[6]) == 0);
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t row = random() % 2'000 + 1;
    const std::vector<uint64_t>& list = lists[random() % lists.size()];
    rows.add(row, columns_of(rows, list));
    for (const uint64_t column : list) expected.emplace(row, column);
    // The row just read, one read a while ago, and one that may never have been.
    for (const uint64_t asked : {row, random() % 2'000 + 1, uint64_t{5'000} + row}) {
      const uint64_t column = random() % 9 + 1;
      REQUIRE(rows.contains(asked, name_of(column)) == expected.contains({asked, column}));
    }
  }
  for (uint64_t row = 1; row <= 2'000; ++row) {
    for (uint64_t column = 1; column <= 9; ++column) REQUIRE(rows.contains(row, name_of(column)) == expected.contains({row, column}));
  }
}

TEST_CASE("read rows: past the cap no row is new, and those known go on") {
  ReadRows rows;
  const ReadRows::Columns first = columns_of(rows, {1}), second = columns_of(rows, {2});
  constexpr uint64_t kMany = 200'000;
  for (uint64_t row = 1; row <= kMany; ++row) rows.add(row * 0x9e3779b97f4a7c15, first);
  for (uint64_t row = 1; row <= 10; ++row) rows.add(row * 0x9e3779b97f4a7c15, second);
  uint64_t known = 0;
  for (uint64_t row = 1; row <= kMany; ++row) known += rows.contains(row * 0x9e3779b97f4a7c15, name_of(1)) ? 1 : 0;
  CHECK(known >= uint64_t{1} << 17);
  CHECK(known < (uint64_t{1} << 17) + 16);
  CHECK(rows.contains(3 * 0x9e3779b97f4a7c15, name_of(2)));
}

}  // namespace
}  // namespace dbaudit
