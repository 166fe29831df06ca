#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/base/arena.h"
#include "analyzers/base/engine.h"
#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/base/time.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

using namespace std::string_literals;

TEST_CASE("days_from_civil knows the proleptic Gregorian calendar", "[base]") {
  CHECK(days_from_civil(1970, 1, 1) == 0);
  CHECK(days_from_civil(1969, 12, 31) == -1);
  CHECK(days_from_civil(2000, 2, 29) == 11016);
  CHECK(days_from_civil(2000, 3, 1) == 11017);
  CHECK(days_from_civil(1900, 3, 1) - days_from_civil(1900, 2, 28) == 1);
  CHECK(days_from_civil(2026, 11, 20) == 20777);
  CHECK(days_from_civil(0, 3, 1) == -719468);
}

TEST_CASE("to_iso8601 and parse_time undo one another on every day of 800 years", "[base]") {
  for (int64_t day = days_from_civil(1600, 1, 1); day < days_from_civil(2400, 1, 1); ++day) {
    const TimePoint t{day * 86'400'000'000 + (day & 0xffff) * 1'000'001, true, 1};
    const auto back = parse_time(to_iso8601(t));
    if (!back || back->micros != t.micros || !back->zone_known) FAIL("day " << day << " became " << to_iso8601(t));
  }
}

TEST_CASE("to_iso8601", "[base]") {
  CHECK(to_iso8601({}).empty());
  CHECK(to_iso8601({0, true, 1}) == "1970-01-01T00:00:00.000Z");
  CHECK(to_iso8601({0, false, 1}) == "1970-01-01T00:00:00.000");
  CHECK(to_iso8601({-1, true, 1}) == "1969-12-31T23:59:59.999999Z");
  CHECK(to_iso8601({1'795'184'756'336'000, true, 1000}) == "2026-11-20T14:25:56.336Z");
  CHECK(to_iso8601({1'795'184'756'336'001, false, 1}) == "2026-11-20T14:25:56.336001");
  CHECK(to_iso8601({INT64_MAX, true, 1}).find('T') != std::string::npos);
  CHECK(to_iso8601({INT64_MIN + 1, true, 1}).find('T') != std::string::npos);
}

TEST_CASE("parse_time reads the clocks of logs", "[base]") {
  struct Case {
    const char* text;
    const char* expected;  // as to_iso8601 prints it; empty: not a time
    int32_t tick;
    size_t consumed;
  };
  const Case kCases[] = {
      {"2026-11-20 14:25:56", "2026-11-20T14:25:56.000", 1'000'000, 19},
      {"2026-11-20T14:25:56.336Z rest", "2026-11-20T14:25:56.336Z", 1000, 24},
      {"2026-11-20 14:25:56,336 DEBUG", "2026-11-20T14:25:56.336", 1000, 23},
      {"2026-11-20 14:25:56,336123", "2026-11-20T14:25:56.336123", 1, 26},
      {"2026-11-20 14:25:56,4242,x", "2026-11-20T14:25:56.000", 1'000'000, 19},  // a CSV field, not a fraction
      {"2026-11-20 14:25:56.336 UTC [42] LOG:", "2026-11-20T14:25:56.336Z", 1000, 27},
      {"2026-11-20 14:25:56 GMT", "2026-11-20T14:25:56.000Z", 1'000'000, 23},
      {"2026-11-20 14:25:56.336 CEST [42]", "2026-11-20T14:25:56.336", 1000, 28},
      {"2026-11-20 14:25:56.336 LOG:  x", "2026-11-20T14:25:56.336", 1000, 23},  // not a zone
      {"2026-11-20 14:25:56.336 BEGIN", "2026-11-20T14:25:56.336", 1000, 23},
      {"2026-11-20 14:25:56.336 EST5", "2026-11-20T14:25:56.336", 1000, 23},
      {"2026-11-20 14:25:56+02:00", "2026-11-20T12:25:56.000Z", 1'000'000, 25},
      {"2026-11-20 00:25:56.5 +0530 x", "2026-11-19T18:55:56.500Z", 100'000, 27},
      {"2026-11-20 14:25:56.336 -03 [1]", "2026-11-20T17:25:56.336Z", 1000, 27},
      {"2026-11-20 14:25:56.336 -1234567", "2026-11-20T14:25:56.336", 1000, 23},  // a number, not an offset
      {"2026-11-20 14:25:56-99:00", "2026-11-20T14:25:56.000", 1'000'000, 19},
      {"2026-11-20 14:25:56.123456789Z", "2026-11-20T14:25:56.123456Z", 1, 30},
      {"2026-11-20 14:25:56.", "2026-11-20T14:25:56.000", 1'000'000, 19},
      {"2024-02-29 00:00:00", "2024-02-29T00:00:00.000", 1'000'000, 19},
      {"2016-12-31 23:59:60Z", "2017-01-01T00:00:00.000Z", 1'000'000, 20},
      {"2023-02-29 00:00:00", "", 0, 0},
      {"2023-13-01 00:00:00", "", 0, 0},
      {"2023-00-01 00:00:00", "", 0, 0},
      {"0000-00-00 00:00:00", "", 0, 0},
      {"2023-01-01 24:00:00", "", 0, 0},
      {"2023-01-01 00:00:000", "", 0, 0},
      {"2023-01-01 00:00:0", "", 0, 0},
      {"2023-01-01", "", 0, 0},
      {"23-01-01 00:00:00", "", 0, 0},
      {"", "", 0, 0},
  };
  for (const Case& c : kCases) {
    INFO(c.text);
    size_t consumed = 77;
    const auto t = parse_time(c.text, &consumed);
    CHECK(t.has_value() == (*c.expected != '\0'));
    CHECK(consumed == c.consumed);
    if (!t) continue;
    CHECK(to_iso8601(*t) == c.expected);
    CHECK(t->tick == c.tick);
  }
}

TEST_CASE("certainly_before needs a whole tick of the coarser clock", "[base]") {
  const TimePoint a{1'000'000, true, 1000};
  CHECK(certainly_before(a, {1'001'000, true, 1000}));
  CHECK_FALSE(certainly_before(a, {1'000'999, true, 1000}));
  CHECK_FALSE(certainly_before(a, {1'900'000, true, 1'000'000}));
  CHECK(certainly_before(a, {2'000'000, true, 1'000'000}));
  CHECK_FALSE(certainly_before({2'000'000, true, 1}, a));
  CHECK_FALSE(certainly_before(a, a));
  CHECK_FALSE(certainly_before(a, {}));
  CHECK_FALSE(certainly_before({}, a));
  CHECK_FALSE(certainly_before(a, {9'000'000, false, 1000}));  // clocks that do not compare
  CHECK(certainly_before({INT64_MIN + 1, true, 1}, {INT64_MAX, true, 1}));
}

TEST_CASE("hashes are the ones of every other run and machine", "[base]") {
  // XXH3_64bits of the empty input, from the reference implementation.
  CHECK(hex64(hash_bytes("")) == "2d06800538d394c2");
  CHECK(hash_bytes("a") != hash_bytes("b"));
  CHECK(hash_bytes("a", 1) != hash_bytes("a", 2));
  CHECK(hash_bytes("a\0b"s) != hash_bytes("a"));
  CHECK(hash_combine(1, 2) != hash_combine(2, 1));
  CHECK(hash_combine(0, 0) != 0);
  CHECK(hash_combine(0, 1) != hash_combine(1, 0));
  CHECK(hex64(0) == "0000000000000000");
  CHECK(hex64(0xfedcba9876543210) == "fedcba9876543210");
  std::set<uint64_t> seen;
  for (uint64_t a = 0; a < 100; ++a) {
    for (uint64_t b = 0; b < 100; ++b) seen.insert(hash_combine(a, b));
  }
  CHECK(seen.size() == 10'000);
}

TEST_CASE("Arena keeps what it copied until reset", "[base]") {
  Arena arena;
  CHECK(arena.copy("").empty());
  CHECK(arena.bytes_used() == 0);
  std::vector<std::string> originals;
  std::vector<std::string_view> copies;
  for (size_t i = 0; i < 3000; ++i) {
    originals.push_back(std::string(i % 700, static_cast<char>('a' + i % 26)));
    copies.push_back(arena.copy(originals.back()));
  }
  originals.push_back(std::string(1 << 20, 'x'));  // larger than any block
  copies.push_back(arena.copy(originals.back()));
  for (size_t i = 0; i < originals.size(); ++i) {
    if (copies[i] != originals[i]) FAIL("copy " << i << " changed");
  }
  CHECK(arena.bytes_used() >= size_t{1} << 20);
  arena.reset();
  CHECK(arena.bytes_used() == 0);
  CHECK(arena.copy("again") == "again");
}

TEST_CASE("An Arena that was reset uses one of its blocks again, unless all are larger than it may keep", "[base]") {
  constexpr size_t kKept = 4 << 10;
  Arena arena;
  const char* const first = arena.bytes(8);
  arena.reset(kKept);
  CHECK(arena.bytes(8) == first);
  for (size_t i = 0; i < 100; ++i) static_cast<void>(arena.bytes(1000));
  arena.reset(kKept);
  const char* const kept = arena.bytes(8);
  for (const size_t n : {size_t{3000}, size_t{1} << 20}) {
    CHECK(arena.bytes(n) != nullptr);
    arena.reset(kKept);
    CHECK(arena.bytes(8) == kept);
  }
  arena.reset(0);
  CHECK(arena.copy("again") == "again");
}

TEST_CASE("An Arena that was reset has room for as much again in one block, but never more than it may keep", "[base]") {
  const auto take = [](Arena& arena, size_t n) {  // in small pieces; is it one run?
    bool is_run = true;
    const char* before = arena.bytes(8);
    for (size_t i = 8; i < n; i += 8) {
      const char* const p = arena.bytes(8);
      is_run &= p == before + 8;
      before = p;
    }
    return is_run;
  };
  for (const size_t n : {size_t{600}, size_t{1500}, size_t{4000}}) {
    Arena arena;
    CHECK_FALSE(take(arena, n));
    arena.reset(4 << 10);
    CHECK(take(arena, n));
    arena.reset(4 << 10);
    arena.reset(4 << 10);  // nothing was put there between: it is not forgotten
    CHECK(take(arena, n));
    arena.reset(256);
    CHECK_FALSE(take(arena, n));
  }
}

TEST_CASE("Arena aligns arrays and begins their elements", "[base]") {
  Arena arena;
  CHECK(arena.array<int64_t>(0).empty());
  for (size_t n : {1U, 3U, 5000U, 7U}) {
    static_cast<void>(arena.copy("x"));  // an odd offset
    const auto numbers = arena.array<int64_t>(n);
    CHECK(numbers.size() == n);
    CHECK(reinterpret_cast<uintptr_t>(numbers.data()) % alignof(int64_t) == 0);
    for (const int64_t v : numbers) {
      if (v != 0) FAIL("not value-initialised");
    }
    for (int64_t& v : numbers) v = -1;
  }
  arena.reset();
  for (const int64_t v : arena.array<int64_t>(400)) CHECK(v == 0);  // memory that held -1
}

TEST_CASE("A moved-from Arena can be used again", "[base]") {
  Arena a;
  const std::string_view kept = a.copy("kept");
  Arena b = std::move(a);
  CHECK(kept == "kept");
  CHECK(a.copy("new") == "new");  // NOLINT: what is tested
  CHECK(a.bytes_used() == 3);
  CHECK(b.copy("more") == "more");
  CHECK(kept == "kept");
}

TEST_CASE("Engines and isolation levels by every usual spelling", "[base]") {
  for (Engine e : {Engine::kPostgres, Engine::kMySql, Engine::kMariaDb, Engine::kSqlite}) CHECK(parse_engine(engine_name(e)) == e);
  CHECK(parse_engine("Postgres") == Engine::kPostgres);
  CHECK(parse_engine("PG") == Engine::kPostgres);
  CHECK(parse_engine("sqlite3") == Engine::kSqlite);
  CHECK_FALSE(parse_engine("unknown"));
  CHECK_FALSE(parse_engine(""));
  for (Isolation l : {Isolation::kReadUncommitted, Isolation::kReadCommitted, Isolation::kRepeatableRead, Isolation::kSerializable}) {
    CHECK(parse_isolation(isolation_name(l)) == l);
  }
  CHECK(parse_isolation("READ-COMMITTED") == Isolation::kReadCommitted);
  CHECK(parse_isolation(" repeatable_read ") == Isolation::kRepeatableRead);
  CHECK(parse_isolation("read  uncommitted") == Isolation::kReadUncommitted);
  CHECK_FALSE(parse_isolation("readcommitted"));
  CHECK_FALSE(parse_isolation("serializable now"));
  CHECK_FALSE(parse_isolation(""));
  CHECK(default_isolation(Engine::kPostgres) == Isolation::kReadCommitted);
  CHECK(default_isolation(Engine::kMySql) == Isolation::kRepeatableRead);
  CHECK(default_isolation(Engine::kMariaDb) == Isolation::kRepeatableRead);
  CHECK(default_isolation(Engine::kSqlite) == Isolation::kSerializable);
  CHECK(default_isolation(Engine::kUnknown) == Isolation::kUnknown);
}

TEST_CASE("ASCII case and pieces", "[base]") {
  CHECK(to_lower("AbZ\xC4_0") == "abz\xC4_0");
  CHECK(iequals("SELECT", "select"));
  CHECK_FALSE(iequals("SELECT", "selec"));
  CHECK_FALSE(iequals("@", "`"));  // differ by the case bit, are no letters
  CHECK(istarts_with("Select 1", "SELECT"));
  CHECK_FALSE(istarts_with("SEL", "SELECT"));
  CHECK(icontains("xx FOR update", "For Update"));
  CHECK(icontains("aab", "AB"));
  CHECK(icontains("", ""));
  CHECK_FALSE(icontains("ab", "abc"));
  CHECK(trim(" \t\r\n a b \v\f") == "a b");
  CHECK(trim(" \n ").empty());
  CHECK(split("a,,b,", ',') == std::vector<std::string_view>{"a", "", "b", ""});
  CHECK(split("", ',') == std::vector<std::string_view>{""});
  CHECK(join({"a", "b", "c"}, ", ") == "a, b, c");
  CHECK(join({}, ", ").empty());
  CHECK(all_digits("0123456789"));
  CHECK_FALSE(all_digits(""));
  CHECK_FALSE(all_digits("1a"));
}

TEST_CASE("printable leaves nothing a terminal obeys", "[base]") {
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(printable("plain text, caf\xC3\xA9 \xF0\x9F\x90\x98") == "plain text, caf\xC3\xA9 \xF0\x9F\x90\x98");
  CHECK(printable("a\nb\tc") == "a b c");
  CHECK(printable("\x1b[31mred\r") == "\\x1b[31mred\\x0d");
  CHECK(printable("\0\x7f"s) == "\\x00\\x7f");
  CHECK(printable("\xC2\x9B"
                  "31m") == "\\x9b31m");          // the one-character CSI
  CHECK(printable("\x9B") == bad);                // the same as a bare byte
  CHECK(printable("\xE2\x80\xAE") == "\\u202e");  // right-to-left override
  CHECK(printable("a\xE2\x80\xA8z") == "a z");
  for (int byte = 0; byte < 256; ++byte) {
    for (const char c : printable(std::string(1, static_cast<char>(byte)))) {
      const auto u = static_cast<unsigned char>(c);
      CHECK((u >= 0x20 && u != 0x7f));
    }
  }
}

TEST_CASE("valid_utf8 keeps what is valid and replaces byte by byte", "[base]") {
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(valid_utf8("a\n\0b"s) == "a\n\0b"s);
  CHECK(valid_utf8("\xC3\xA9\xE2\x82\xAC\xF4\x8F\xBF\xBF") == "\xC3\xA9\xE2\x82\xAC\xF4\x8F\xBF\xBF");
  CHECK(valid_utf8("\xC0\x80") == bad + bad);                      // overlong
  CHECK(valid_utf8("\xE0\x80\x80") == bad + bad + bad);            // overlong
  CHECK(valid_utf8("\xF0\x80\x80\x80") == bad + bad + bad + bad);  // overlong
  CHECK(valid_utf8("\xED\xA0\x80") == bad + bad + bad);            // surrogate
  CHECK(valid_utf8("\xF4\x90\x80\x80") == bad + bad + bad + bad);  // above U+10FFFF
  CHECK(valid_utf8("\xE2\x82") == bad + bad);                      // cut short
  CHECK(valid_utf8("\xFF"
                   "a") == bad + "a");
  CHECK(valid_utf8("\xC3(") == bad + "(");
}

TEST_CASE("edit_distance", "[base]") {
  struct Case {
    const char *a, *b;
    int distance;
  };
  const Case kCases[] = {{"", "", 0},           {"", "abc", 3},
                         {"abc", "", 3},        {"kitten", "sitting", 3},
                         {"ABC", "abc", 0},     {"fromat", "format", 1},
                         {"ab", "ba", 1},       {"ca", "abc", 3},
                         {"--dns", "--dsn", 1}, {"a", "b", 1}};
  for (const Case& c : kCases) {
    INFO(c.a << " " << c.b);
    CHECK(edit_distance(c.a, c.b) == c.distance);
    CHECK(edit_distance(c.b, c.a) == c.distance);
  }
  CHECK(edit_distance(std::string(64, 'a'), std::string(64, 'b')) == 64);
  CHECK(edit_distance(std::string(65, 'a'), std::string(65, 'a')) == 64);
}

TEST_CASE("nearest offers a word only when it is likely to be meant", "[base]") {
  const std::vector<std::string> names = {"DBA101", "DBA105", "unguarded-decrement", "get-or-create-without-unique-key", "text", "json"};
  CHECK(nearest("DBA11", names) == "DBA101");
  CHECK(nearest("dba105", names) == "DBA105");
  CHECK(nearest("unguarded-decremnet", names) == "unguarded-decrement");
  CHECK(nearest("get-or-create", names) == "get-or-create-without-unique-key");
  CHECK(nearest("jsno", names) == "json");
  CHECK(nearest("yaml", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest("x", {}).empty());
  CHECK(nearest(std::string(500, 'a'), {std::string(499, 'a')}).empty());
}

}  // namespace
}  // namespace dbaudit
