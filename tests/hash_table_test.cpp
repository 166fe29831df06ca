// HashTable and HashSet against the standard library's.

#include "analyzers/base/hash_table.h"

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace dbaudit {
namespace {

TEST_CASE("a hash table holds what was put into it") {
  std::mt19937_64 random(1);
  // Keys that fall into few places as well as those that do not.
  for (const uint64_t spread : {uint64_t{1}, uint64_t{1} << 20U, uint64_t{0x9e3779b97f4a7c15}}) {
    HashTable<std::string> table;
    std::map<uint64_t, std::string> expected;
    CHECK(table.find(7) == nullptr);
    for (int i = 0; i < 20'000; ++i) {
      const uint64_t key = (random() % 5'000 + 2) * spread;
      const std::string value = std::to_string(i);
      if (random() % 2 == 0) {
        table[key] = value;
        expected[key] = value;
      } else {
        const std::string* found = table.find(key);
        const auto it = expected.find(key);
        REQUIRE((found != nullptr) == (it != expected.end()));
        if (found != nullptr) REQUIRE(*found == it->second);
      }
    }
    CHECK(table.size() == expected.size());
    std::map<uint64_t, std::string> walked;
    table.for_each([&](uint64_t key, const std::string& value) { walked[key] = value; });
    CHECK(walked == expected);
  }
}

TEST_CASE("what is taken out of a hash table is gone, and all else is found") {
  std::mt19937_64 random(2);
  for (const uint64_t spread : {uint64_t{1}, uint64_t{1} << 20U, uint64_t{0x9e3779b97f4a7c15}}) {
    HashTable<std::string> table;
    std::map<uint64_t, std::string> expected;
    table.erase(7);
    for (int i = 0; i < 20'000; ++i) {
      const uint64_t key = (random() % 300 + 2) * spread;
      if (random() % 2 == 0) {
        table[key] = expected[key] = std::to_string(i);
      } else {
        table.erase(key);
        expected.erase(key);
      }
      REQUIRE(table.size() == expected.size());
      const uint64_t asked = (random() % 300 + 2) * spread;
      const std::string* const found = table.find(asked);
      const auto it = expected.find(asked);
      REQUIRE((found != nullptr) == (it != expected.end()));
      if (found != nullptr) REQUIRE(*found == it->second);
    }
    std::map<uint64_t, std::string> walked;
    table.for_each([&](uint64_t key, const std::string& value) { walked[key] = value; });
    CHECK(walked == expected);
  }
}

TEST_CASE("key 0 is a key, and growing moves values") {
  HashTable<std::vector<int>> table;
  table[0].push_back(5);
  for (uint64_t key = 2; key < 1000; ++key) table[key].push_back(static_cast<int>(key));
  REQUIRE(table.contains(0));
  CHECK(*table.find(0) == std::vector<int>{5});
  CHECK(*table.find(999) == std::vector<int>{999});
  CHECK(table.size() == 999);
  table.erase(0);
  CHECK_FALSE(table.contains(0));
  CHECK(table.size() == 998);

  HashSet set;
  CHECK_FALSE(set.contains(3));
  set.insert(3);
  set.insert(3);
  CHECK(set.contains(3));
  CHECK(set.size() == 1);
}

}  // namespace
}  // namespace dbaudit
