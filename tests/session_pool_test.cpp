// Sessions that come, fall silent, go on and leave: what is kept of each, and in which order they are put to rest.

#include "analyzers/trace/session_pool.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace dbaudit {
namespace {

class Pool {
 public:
  static uint64_t key(const std::string& name) { return SessionPool::key_of("test", name); }
  /// A statement at this second, which stays in the unit.
  OpenSession& say(const std::string& name, int64_t second, bool in_transaction = false) {
    OpenSession* s = sessions.meet(key(name));
    if (s == nullptr) s = &sessions.open(key(name), name);
    s->last_time.micros = second;
    s->in_transaction = in_transaction;
    s->unit.ops.emplace_back();
    s->last_remembered = std::max<int64_t>(s->last_remembered, 0) + 1;  // a part of the state that goes on
    sessions.heard(*s);
    return *s;
  }
  /// A record that is no statement.
  void nudge(const std::string& name) {
    sessions.meet(key(name));
    sessions.heard(key(name));
  }
  /// Names of those whose units ended.
  std::vector<std::string> rest(int64_t before, const std::string& current = "") {
    std::vector<std::string> ended;
    sessions.rest_silent(
        before, key(current), [](const WorkUnit&) {},
        [&](OpenSession& s) {
          ended.push_back(s.unit.session_key);
          s.clear_unit();
        });
    return ended;
  }
  bool is_open(const std::string& name) { return sessions.find(key(name)) != nullptr; }

  SessionPool sessions{Engine::kPostgres};
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("session pool: the silent are put to rest in the order in which they woke, and go on as what they were") {
  Pool pool;
  pool.say("b", 3);
  pool.say("a", 1).level = Isolation::kSerializable;
  pool.say("c", 9);
  pool.say("d", 2);
  CHECK(pool.rest(5) == Names{"b", "a", "d"});
  CHECK_FALSE(pool.is_open("a"));
  CHECK(pool.is_open("c"));
  CHECK(pool.sessions.lately_awake() == 1);

  const OpenSession& a = pool.say("a", 20);
  CHECK(a.level == Isolation::kSerializable);
  CHECK(a.last_remembered == 2);
  CHECK(a.number == 1);
  CHECK(a.unit.session == 1);
  CHECK(a.unit.session_key == "a");
  CHECK(a.unit.ops.size() == 1);
  pool.say("b", 21);
  CHECK(pool.rest(30) == Names{"c", "a", "b"});
  CHECK(pool.rest(40).empty());
  CHECK(pool.sessions.all_open().empty());
}

TEST_CASE("session pool: who spoke again is not silent, though its clock went back, and who is in a transaction or speaks now stays") {
  Pool pool;
  pool.say("spoke", 1);
  pool.say("back", 50);
  pool.say("open", 1, true);
  pool.say("current", 1);
  pool.say("spoke", 9);
  pool.say("back", 2);
  CHECK(pool.rest(5, "current") == Names{"back", "current"});
  CHECK(pool.is_open("current"));
  CHECK(pool.rest(5).empty());  // not heard since
  CHECK(pool.is_open("open"));
  pool.say("open", 3, false);
  CHECK(pool.rest(5) == Names{"open"});
  CHECK(pool.rest(10) == Names{"spoke"});
  pool.say("current", 9);
  CHECK(pool.rest(10) == Names{"current"});
}

TEST_CASE("session pool: of who has said nothing only the state is kept") {
  Pool pool;
  pool.nudge("a");
  pool.sessions.connect(Pool::key("b"));
  CHECK_FALSE(pool.is_open("a"));
  CHECK(pool.sessions.lately_awake() == 2);
  CHECK(pool.rest(100).empty());
  CHECK(pool.sessions.lately_awake() == 2);  // nobody knows since when they are silent
  CHECK(pool.say("b", 1).saw_connect);
  CHECK(pool.rest(100) == Names{"b"});
  pool.nudge("b");
  CHECK(pool.rest(100, "b").empty());
  CHECK(pool.sessions.lately_awake() == 2);
  CHECK(pool.rest(100).empty());
  CHECK(pool.sessions.lately_awake() == 1);
  CHECK(pool.say("b", 2).last_remembered == 2);
}

TEST_CASE("session pool: a name that comes again after its session has left is another session") {
  Pool pool;
  pool.say("a", 1).level = Isolation::kSerializable;
  pool.say("b", 1);
  pool.sessions.forget(Pool::key("a"));
  CHECK(pool.sessions.lately_awake() == 2);
  const OpenSession& a = pool.say("a", 2);
  CHECK(a.number == 2);
  CHECK(a.last_remembered == 1);
  CHECK(a.level == Isolation::kUnknown);
  CHECK(a.unit.ops.size() == 1);
  std::vector<uint32_t> numbers;
  for (const OpenSession* s : pool.sessions.all_open()) numbers.push_back(s->number);
  CHECK(numbers == std::vector<uint32_t>{1, 2});
  CHECK(pool.rest(5) == Names{"b", "a"});
}

TEST_CASE("session pool: thousands of sessions take turns") {
  Pool pool;
  constexpr int kSessions = 20'000, kRounds = 3;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kSessions; ++i) {
      const OpenSession& s = pool.say("session " + std::to_string(i), round * kSessions + i);
      REQUIRE(s.number == static_cast<uint32_t>(i));
      REQUIRE(s.last_remembered == round + 1);
      if (i % 1000 == 999) pool.rest(round * kSessions + i - 1500);
    }
  }
  CHECK(pool.sessions.all_open().size() == 1501);
}

}  // namespace dbaudit
