// Which format claims what: every sample by its own format and by no other, nothing by a format that cannot read it.

#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {

TEST_CASE("detect: every sample is claimed by its own format, which finds the statements in it") {
  for (const Format* format : all_formats()) {
    INFO(format->name);
    CHECK(find_format(format->name) == format);
    CHECK_FALSE(format->summary.empty());
    CHECK_FALSE(format->enable.empty());
    CHECK_FALSE(format->samples.empty());
    for (const FormatSample& sample : format->samples) {
      INFO(sample.text);
      CHECK(detect_format(sample.text, {}) == format);
      for (const Format* other : all_formats()) {
        INFO("beside " << other->name);
        if (other != format) CHECK(other->score(sample.text, {}) < 200);
      }
      CHECK(keep_log(std::string(sample.text), format->name).statements().size() == static_cast<size_t>(sample.statements));
    }
  }
}

TEST_CASE("detect: names are those of formats.def") {
  CHECK(find_format("postgres-stderr") != nullptr);
  CHECK(find_format("mysql-general") != nullptr);
  CHECK(find_format("postgres_stderr") == nullptr);
  CHECK(find_format("") == nullptr);
  std::vector<std::string> names;
  for (const Format* format : all_formats()) names.emplace_back(format->name);
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

TEST_CASE("detect: the fixtures of the server logs") {
  for (const auto& [directory, name] : {std::pair{"postgres_stderr", "postgres-stderr"}, {"mysql_general", "mysql-general"}}) {
    for (const std::string& log : fixture_names(directory, ".log")) {
      INFO(log);
      const std::string bytes = fixture(log);
      const Format* format = detect_format(std::string_view(bytes).substr(0, 65536), {});
      REQUIRE(format != nullptr);
      CHECK(format->name == name);
      // Rotated in the middle of an entry, or cut anywhere behind a few lines.
      for (size_t from : {size_t{100}, bytes.size() / 3, bytes.size() / 2}) {
        const Format* part = detect_format(std::string_view(bytes).substr(from, 3000), {});
        INFO("from byte " << from);
        CHECK(part == format);
      }
    }
  }
}

TEST_CASE("detect: what is no log of ours is nobody's") {
  std::string binary;
  Random random;
  for (int i = 0; i < 65536; ++i) binary += static_cast<char>(random.next() & 0xFF);
  const std::pair<const char*, std::string> cases[] = {
      {"nothing", ""},
      {"binary", binary},
      {"NULs", std::string(65536, '\0')},
      {"blank lines", std::string(1000, '\n')},
      {"prose", "It was a dark and stormy night.\nThe ERROR:  was all mine.\n"},
      {"an application's log", "2026-11-20 10:00:00 [12] ERROR:  payment failed\n2026-11-20 10:00:01 [12] INFO:  payment retried\n"},
      {"a slow log",
       "mysqld, Version: 8.0.36. started with:\nTcp port: 3306  Unix socket: /x\nTime                 Id Command    Argument\n"
       "# Time: 2026-11-20T14:32:12.109062Z\n# User@Host: app[app] @ localhost [127.0.0.1]  Id:    10\n# Query_time: 0.000259  Lock_time: "
       "0.000004 "
       "Rows_sent: 0  Rows_examined: 0\nSET timestamp=1795185132;\nSELECT 1;\n"},
      {"syslog",
       "Nov 20 14:27:15 dbhost postgres[26812]: [2-1] LOG:  statement: SELECT 1\nNov 20 14:27:15 dbhost postgres[26812]: [3-1] LOG:  "
       "statement: SELECT "
       "2\n"},
  };
  for (const auto& [name, bytes] : cases) {
    INFO(name);
    for (const char* format : {"postgres-stderr", "mysql-general"}) CHECK(find_format(format)->score(bytes, {}) < 200);
  }
}

}  // namespace dbaudit
