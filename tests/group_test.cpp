// What the runner remembers of equal matches: in place, in a list or in a table, it says the same.

#include "rules/group.h"

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "tests/catch.h"

namespace dbaudit {
namespace {

TEST_CASE("sessions of a group: each is counted once, however many there are") {
  Sessions sessions;
  CHECK(sessions.size() == 0);
  std::set<uint32_t> known;
  for (uint32_t i = 0; i < 400; ++i) {
    const uint32_t session = 7 + i * i % 97;
    sessions.see(session);
    known.insert(session);
    CHECK(sessions.size() == known.size());
    CHECK(sessions.first() == 7);
  }
  for (uint32_t i = 0; i < 200'000; ++i) sessions.see(i);
  CHECK(sessions.size() == 100'000);
}

TEST_CASE("counts keep the order in which things were seen first") {
  Counts<Name, 1> counts;
  for (const char* name : {"b", "a", "b", "c", "a", "b"}) counts.see(name);
  CHECK(counts.all() == std::vector<std::pair<Name, uint32_t>>{{"b", 3}, {"a", 2}, {"c", 1}});
}

Need need_of(uint64_t key, bool of_another_session = false) {
  Need need;
  need.key = key;
  need.of_another_session = of_another_session;
  need.evidence_kind = "kind";
  return need;
}

TEST_CASE("what groups want: found again in a group of one and in a group of thousands, and in order") {
  WantedList list;
  std::vector<WantedList::OfGroup> groups(3);
  std::vector<std::map<std::pair<uint64_t, uint32_t>, uint64_t>> expected(groups.size());
  for (const size_t count : {size_t{1}, size_t{8}, size_t{9}, size_t{3000}}) {
    for (uint32_t i = 0; i < count; ++i) {
      const uint64_t key = 1 + i * 7919 % count;
      const uint32_t session = i % 3;
      list.want(groups[0], need_of(key), session);
      ++expected[0][{key, 0}];
      // Whose need it is matters where another session must meet it.
      list.want(groups[1], need_of(key, true), session);
      ++expected[1][{key, session}];
    }
    for (size_t g = 0; g < groups.size(); ++g) {
      const std::vector<const Wanted*> all = list.in_order(groups[g]);
      REQUIRE(all.size() == expected[g].size());
      size_t at = 0;
      for (const auto& [id, occurrences] : expected[g]) {
        const Wanted& w = *all[at++];
        const bool same = w.key == id.first && w.occurrences == occurrences && (!w.of_another_session || w.session == id.second);
        if (!same) FAIL("group " << g << ", key " << id.first);
      }
    }
  }
  CHECK(list.in_order(groups[2]).empty());
  CHECK(list.in_order(groups[0]).front()->evidence_kind == "kind");
  CHECK(list.any_of(groups[0], [](const Wanted& w) { return w.key == 2; }));
  CHECK_FALSE(list.any_of(groups[0], [](const Wanted& w) { return w.key == 4000; }));
  CHECK_FALSE(list.any_of(groups[2], [](const Wanted&) { return true; }));
}

TEST_CASE("what a note must not be beside makes another need") {
  WantedList list;
  WantedList::OfGroup group;
  Need need = need_of(5);
  list.want(group, need, 1);
  need.unless = 6;
  list.want(group, need, 1);
  list.want(group, need, 2);
  CHECK(group.count == 2);
  for (const Wanted* w : list.in_order(group)) CHECK(w->occurrences == (w->unless == 6 ? 2 : 1));
}

TEST_CASE("of one group as many needs are remembered as it may have") {
  WantedList list;
  WantedList::OfGroup group;
  for (uint64_t key = 1; key <= 60'000; ++key) list.want(group, need_of(key), 1);
  CHECK(group.count == 50'000);
  list.want(group, need_of(50'000), 1);
  list.want(group, need_of(50'001), 1);
  const std::vector<const Wanted*> all = list.in_order(group);
  CHECK(all.size() == 50'000);
  CHECK(all.back()->occurrences == 2);
}

}  // namespace
}  // namespace dbaudit
