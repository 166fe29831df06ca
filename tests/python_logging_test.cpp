#include "analyzers/log/formats/python_logging.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "analyzers/log/formats/django_message.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

constexpr PythonMessages kDjango{"django.db.backends", "utils", find_django_message};

struct Line {
  int second;
  std::string level, pid, thread_id, thread_name, request;
};

const std::vector<Line> kLines = {
    {1, "DEBUG", "4101", "140707705235520", "MainThread", "5f1c9a7e-11aa"},
    {2, "DEBUG", "4101", "140707713628224", "Thread-3 (process_request_thread)", "77aa01bc-22bb"},
    {3, "DEBUG", "4102", "140707705235520", "worker-1", "5f1c9a7e-11aa"},
    {4, "INFO", "4102", "140707713628224", "ThreadPoolExecutor-0_0", "0badcafe-33cc"},
};

/// A formatter's line: `{t}` time, `{l}` level, `{L}` level padded to 8, `{p}` pid, `{i}` thread id, `{n}` thread name, `{r}` request id.
std::string print(std::string_view format, const Line& line) {
  return fmt::format(fmt::runtime(format), fmt::arg("t", fmt::format("2026-01-09 10:00:{:02},123", line.second)), fmt::arg("l", line.level),
                     fmt::arg("L", fmt::format("{:<8}", line.level)), fmt::arg("R", fmt::format("{:>8}", line.level)),
                     fmt::arg("p", line.pid), fmt::arg("P", fmt::format("{:>7}", line.pid)), fmt::arg("i", line.thread_id),
                     fmt::arg("n", line.thread_name), fmt::arg("r", line.request), fmt::arg("s", line.second));
}

TEST_CASE("python logging: formatters are worked out from their lines") {
  struct Case {
    std::string format;
    std::string session;  // parts the key is made of: p, i, n, r
    bool time;
  };
  const std::vector<Case> cases = {
      {"", "", false},
      {"{l} {t} utils {p} {i} ", "pi", true},  // Django's documentation
      {"{t} {l} [{n}] django.db.backends: ", "n", true},
      {"[{t}] {p} {i} {l} django.db.backends ", "pi", true},
      {"{t} {l} django.db.backends [{p}:{n}] ", "pn", true},
      {"[{t}] [{p}] [{l}] ", "p", true},  // several workers
      {"{t} - django.db.backends - {l} - ", "", true},
      {"{t} | {L} | {n} | utils:debug_sql:151 - ", "n", true},
      {"{L}{t} {i} utils.py:123 ", "i", true},
      {"{R} {P} {i} {t} ", "pi", true},
      {"ts={t} level={l} pid={p} thread={n} app=shop msg=", "pn", true},
      {"time=\"{t}\" level={l} request_id={r} msg=", "r", true},
      {"{t} [{r}] {l} django.db.backends ", "r", true},
      {"web-1 {t} {l} (MainProcess) {p} ", "p", true},
      {"\x1b[36m{l}\x1b[0m {t} {p} {i} ", "pi", true},
      {"<{l}> [utils.py:123 debug_sql()] {p}/{n}: ", "pn", false},
      {"django.db.backends ", "", false},
      {"{l}:django.db.backends:", "", false},  // logging.BASIC_FORMAT
      {"20/Nov/2026 10:00:{s:02} {p} {i} ", "pi", true},
      {"1767952800.12345{s} [{p}|{i}] ", "pi", true},
      {"10:00:{s:02},123 {n} ", "n", false},
  };
  for (const Case& c : cases) {
    INFO(c.format);
    std::string head;
    for (int round = 0; round < 3; ++round) {
      for (const Line& line : kLines) head += print(c.format, line) + "(0.001) SELECT 1; args=None\n";
    }
    const auto layouts = learn_python_layouts(head, kDjango);
    REQUIRE_FALSE(layouts.empty());
    const PythonLayout& layout = layouts[0];
    CHECK(layout.has_session() == !c.session.empty());
    CHECK(layout.is_bare() == c.format.empty());
    PythonSession session;
    for (const Line& line : kLines) {
      const std::string prefix = print(c.format, line), text = prefix + "(0.001) SELECT 1; args=None";
      INFO(text);
      PythonPrefix parsed;
      REQUIRE(layout.match(text, parsed, nullptr) == prefix.size());
      std::string expected;
      for (const char part : c.session) {
        if (!expected.empty()) expected += ':';
        expected += part == 'p' ? line.pid : part == 'i' ? line.thread_id : part == 'n' ? line.thread_name : line.request;
      }
      CHECK(std::string(session.key(parsed.process, parsed.thread, parsed.request, "default")) == expected);
      CHECK(parsed.time.known() == c.time);
    }
  }
}

TEST_CASE("python logging: a process alone tells nothing when there is only one") {
  std::string head;
  for (int i = 0; i < 20; ++i) head += fmt::format("2026-01-09 10:00:{:02},123 4101 (0.001) SELECT 1; args=None\n", i);
  const auto layouts = learn_python_layouts(head, kDjango);
  REQUIRE(layouts.size() == 1);
  CHECK_FALSE(layouts[0].has_session());
}

TEST_CASE("python logging: numbers that are no process") {
  std::string head, counter;
  for (int i = 0; i < 20; ++i) {
    head += fmt::format("DEBUG {} (0.001) SELECT 1; args=None\n", i % 2 == 0 ? 151 : 176);  // %(lineno)d
    counter += fmt::format("DEBUG {} (0.001) SELECT 1; args=None\n", 900 + i * 137);        // %(relativeCreated)d
  }
  CHECK_FALSE(learn_python_layouts(head, kDjango).at(0).has_session());
  CHECK_FALSE(learn_python_layouts(counter, kDjango).at(0).has_session());
}

TEST_CASE("python logging: several formatters in one file, and text that looks like one") {
  std::string head;
  for (int i = 0; i < 10; ++i) {
    head += fmt::format("2026-01-09 10:00:{:02},123 DEBUG [worker-{}] x: (0.001) SELECT 1; args=None\n", i, i % 3);
    head += fmt::format("DEBUG 4101 14070770523552{} (0.001) SELECT 1; args=None\n", i % 3);
  }
  head += "pasted into a literal (0.001) SELECT 1\n";
  const auto layouts = learn_python_layouts(head, kDjango);
  REQUIRE(layouts.size() == 2);
  PythonPrefix prefix;
  CHECK(layouts[0].match("2026-01-09 10:00:59,999 WARNING [worker-2] x: slow", prefix, nullptr) == 46U);
  CHECK(prefix.thread == "worker-2");
  CHECK(to_iso8601(prefix.time) == "2026-01-09T10:00:59.999");
  CHECK(prefix.time.tick == 1000);
  // A shape with a date is not fitted by a line whose date is missing.
  CHECK_FALSE(layouts[0].match("10:00:59,999 WARNING [worker-2] x: slow", prefix, nullptr));
  CHECK_FALSE(layouts[1].match("DEBUG abc 140707705235520 (0.001) x", prefix, nullptr));
}

TEST_CASE("python logging: fields with a name of the application's own become tags") {
  std::string head;
  for (int i = 0; i < 5; ++i)
    head += fmt::format("level=DEBUG user={} route=/cart pid=4101 tid=14070770523552{} (0.001) SELECT 1; args=None\n", i, i);
  const auto layouts = learn_python_layouts(head, kDjango);
  REQUIRE_FALSE(layouts.empty());
  PythonPrefix prefix;
  std::vector<Tag> tags;
  REQUIRE(layouts[0].match("level=DEBUG user=9 route=/pay pid=4101 tid=140707705235520 (0.001) x", prefix, &tags));
  REQUIRE(tags.size() == 2);
  CHECK(tags[0].name == "user");
  CHECK(tags[0].value == "9");
  CHECK(tags[1].name == "route");
  CHECK(tags[1].value == "/pay");
}

TEST_CASE("python logging: times") {
  struct Case {
    std::string text;
    std::string iso;  // "-": a time whose moment is not known; "": none
    size_t consumed;
    int32_t tick;
  };
  const std::vector<Case> cases = {
      {"2026-01-09 10:00:00,123 x", "2026-01-09T10:00:00.123", 23, 1000},
      {"2026-01-09T10:00:00.000120Z", "2026-01-09T10:00:00.000120Z", 27, 1},
      {"20/Nov/2026 14:25:09] x", "2026-11-20T14:25:09.000", 20, 1000000},
      {"20/Nov/2026:14:25:09 +0100", "2026-11-20T13:25:09.000Z", 26, 1000000},
      {"2026/11/20 14:25:09 x", "2026-11-20T14:25:09.000", 19, 1000000},
      {"1795185525.595000 x", "2026-11-20T14:38:45.595Z", 17, 1},
      {"14:25:09,123 x", "-", 12, 1000},
      {"Nov 20 14:25:09 x", "-", 15, 1000000},
      {"20.11.2026 14:25:09", "-", 19, 1000000},
      {"4101 x", "", 0, 0},
      {"2026-13-40 10:00:00", "", 0, 0},
      {"99:99:99", "", 0, 0},
      {"", "", 0, 0},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    size_t consumed = 0;
    const auto t = parse_python_time(c.text, consumed);
    CHECK(t.has_value() == !c.iso.empty());
    if (!t) continue;
    CHECK(consumed == c.consumed);
    CHECK(t->tick == c.tick);
    CHECK(to_iso8601(*t) == (c.iso == "-" ? "" : c.iso));
  }
}

TEST_CASE("python logging: session keys") {
  PythonSession s;
  CHECK(s.key("1", "t", "", "default") == "1:t");
  CHECK(s.key("1", "", "", "") == "1");
  CHECK(s.key("", "t", "r", "") == "t");
  CHECK(s.key("", "", "r", "replica") == "r@replica");
  CHECK(s.key("", "", "", "replica").empty());
}

}  // namespace
}  // namespace dbaudit
