// Names and texts that are kept once.

#include "analyzers/base/name.h"

#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "analyzers/base/hash.h"
#include "analyzers/base/shared_text.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

TEST_CASE("names: equal texts are one name, and it reads as its text") {
  const Name empty;
  CHECK(empty.empty());
  CHECK(empty.str().empty());
  CHECK(Name("") == empty);
  const Name id = "name_test_id";
  CHECK(id == Name(std::string("name_test_id")));
  CHECK(id == "name_test_id");
  CHECK(id != Name("name_test_ID"));
  CHECK(Name("name_test_ID").lower() == id);
  CHECK(id.lower() == id);
  CHECK(empty.lower() == empty);
  CHECK(Name("Name_Test_Only_Mixed").lower() == "name_test_only_mixed");
  for (const std::string_view text : {"", "name_test_id", "name_test_ID", "name_test_of_a_name_that_is_long"})
    CHECK(Name(text).hash() == hash_bytes(text));
  CHECK(Name("name_test_\xc3\x84").lower() == "name_test_\xc3\x84");  // ASCII only
  CHECK(Name(std::string_view("a\0b", 3)).str().size() == 3);
  CHECK(Name("name_test_a") < Name("name_test_b"));
  CHECK_FALSE(Name("name_test_b") < Name("name_test_a"));
}

TEST_CASE("names: threads that make the same ones agree, and none of them moves") {
  constexpr size_t kNames = 20'000, kThreads = 4;
  const std::string& first = Name("name_test_first").str();
  std::vector<std::vector<Name>> made(kThreads);
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&made, t] {
        // Each begins somewhere else.
        made[t].resize(kNames);
        for (size_t i = 0; i < kNames; ++i) {
          const size_t n = (i + t * kNames / kThreads) % kNames;
          made[t][n] = "name_test_" + std::to_string(n);
        }
      });
    }
  }
  for (size_t n = 0; n < kNames; ++n) {
    const std::string text = "name_test_" + std::to_string(n);
    for (const std::vector<Name>& names : made) {
      REQUIRE(names[n] == made[0][n]);
      REQUIRE(names[n].str() == text);
    }
  }
  CHECK(&first == &Name("name_test_first").str());
}

TEST_CASE("shared texts: what is put together is what was taken apart") {
  for (const std::string_view text :
       {"",          " ",     "  ",          "select",  " select", "select ", "select 1  from t",
        "a b c",     ",",     ", ",          " ,",      ",,",      ", , ",    ".",
        "..",        "a.b",   "a.b, c.d, 1", "a .b ,c", "(a.b)",   "1.5,",    "select t.a, t.b, u.a from t, s.u",
        " .",        ". ",    "a. b",        "a.b.",    "t. t. t", "? . ?",   "1.5 .. 2.",
        "\xff\n \t", "a\0b c"})
    CHECK(SharedText(text).str() == text);
  CHECK(SharedText().str().empty());
  CHECK(SharedText("select a from t") == "select a from t");
}

}  // namespace
}  // namespace dbaudit
