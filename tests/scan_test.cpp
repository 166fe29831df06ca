// The program as a whole, where a golden directory cannot say it: what it leaves untouched, what does not depend on threads, what it refuses.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

const std::string kBinary = DBAUDIT_BINARY;
const std::string kFixtures = std::string(DBAUDIT_SOURCE_DIR) + "/fixtures/rules/";

std::string fixture_log() { return kFixtures + "get_or_create_without_unique_key/bad_django_server_log/app.log"; }
std::string fixture_schema() { return kFixtures + "get_or_create_without_unique_key/bad_django_server_log/schema.sql"; }

std::vector<std::string> scan(std::vector<std::string> more) {
  std::vector<std::string> arguments = {kBinary, "scan", "--engine", "postgresql", "--schema", fixture_schema()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::string listing(const std::string& directory) {
  std::string out;
  std::vector<std::string> names;
  for (const auto& e : std::filesystem::directory_iterator(directory)) names.push_back(e.path().filename().string());
  std::sort(names.begin(), names.end());
  for (const std::string& n : names) out += n + "\n" + read_file(directory + "/" + n) + "\n";
  return out;
}

}  // namespace

TEST_CASE("scan: a database opened by --dsn, and everything beside it, is byte-identical afterwards") {
  for (const std::string mode : {"delete", "wal"}) {
    const TemporaryDirectory dir;
    REQUIRE(run_program({kBinary, "demo", "--keep", dir.path() + "/shop"}, dir.path()).status == 0);
    const std::string shop = dir.path() + "/shop";
    std::string database, log;
    for (const auto& e : std::filesystem::directory_iterator(shop)) {
      if (e.path().extension() == ".jsonl") log = e.path().string();
      if (e.path().extension() == ".db" || e.path().extension() == ".sqlite3") database = e.path().string();
    }
    REQUIRE_FALSE(database.empty());
    REQUIRE_FALSE(log.empty());
    if (mode == "wal") {
      const ProgramResult r = run_program({"/usr/bin/env", "sqlite3", database, "PRAGMA journal_mode=wal"}, shop);
      if (r.status != 0) continue;  // the sqlite3 shell is not here: the engine's own test covers WAL files
    }
    const std::string before = listing(shop);
    const ProgramResult r =
        run_program({kBinary, "scan", "--dsn", "sqlite:///" + database, "--check-data", "--fail-on", "never", log}, dir.path());
    CHECK(r.status == 0);
    CHECK(r.out.find("live-duplicates") != std::string::npos);
    CHECK(listing(shop) == before);
  }
}

TEST_CASE("scan: the report is the same at every --jobs and for standard input") {
  const TemporaryDirectory dir;
  write_file(dir.path() + "/app.log", read_file(fixture_log()));
  const ProgramResult one = run_program(scan({"--format", "json", "--jobs", "1", "app.log"}), dir.path());
  REQUIRE(one.status == 1);
  for (const char* jobs : {"2", "3", "8"}) {
    const ProgramResult more = run_program(scan({"--format", "json", "--jobs", jobs, "app.log"}), dir.path());
    CHECK(more.status == 1);
    CHECK(more.out == one.out);
  }
  const ProgramResult piped = run_program(scan({"--format", "json", "-"}), dir.path(), read_file(fixture_log()));
  CHECK(piped.status == 1);
  const auto a = nlohmann::json::parse(one.out);
  const auto b = nlohmann::json::parse(piped.out);
  REQUIRE(a["findings"].size() == 1);
  REQUIRE(b["findings"].size() == 1);
  CHECK(a["findings"][0]["fingerprint"] == b["findings"][0]["fingerprint"]);
}

TEST_CASE("scan: two files of one log give the findings of the whole") {
  const TemporaryDirectory dir;
  const std::string whole = read_file(fixture_log());
  size_t cut = whole.find('\n', whole.size() / 2) + 1;
  write_file(dir.path() + "/app.log", whole);
  write_file(dir.path() + "/a.log", whole.substr(0, cut));
  write_file(dir.path() + "/b.log", whole.substr(cut));
  const auto one = nlohmann::json::parse(run_program(scan({"--format", "json", "app.log"}), dir.path()).out);
  const auto two = nlohmann::json::parse(run_program(scan({"--format", "json", "a.log", "b.log"}), dir.path()).out);
  REQUIRE(two["inputs"].size() == 2);
  REQUIRE(one["findings"].size() == two["findings"].size());
  CHECK(one["findings"][0]["fingerprint"] == two["findings"][0]["fingerprint"]);
  CHECK(one["findings"][0]["occurrences"] == two["findings"][0]["occurrences"]);
  CHECK(one["findings"][0]["confidence"] == two["findings"][0]["confidence"]);
}

TEST_CASE("scan: a part of a log by time, user, application and table") {
  const TemporaryDirectory dir;
  const auto statements_noted = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--format", "text", "--fail-on", "never", "--verbose", fixture_log()});
    return run_program(scan(std::move(more)), dir.path());
  };
  const std::string half = "2026-03-02T09:15:00.500Z";
  const ProgramResult late = statements_noted({"--since", half});
  const ProgramResult early = statements_noted({"--until", half});
  CHECK(late.status == 0);
  CHECK(early.status == 0);
  CHECK(late.out.find("outside the part asked for were skipped") != std::string::npos);
  CHECK(early.out.find("outside the part asked for were skipped") != std::string::npos);
  CHECK(early.out.find("DBA101") != std::string::npos);
  CHECK(statements_noted({"--since", "2026-03-02", "--until", "2026-03-03"}).out.find("skipped") == std::string::npos);
  CHECK(statements_noted({"--user", "app", "--table", "tag"}).out.find("DBA101") != std::string::npos);
  CHECK(statements_noted({"--table", "ag"}).out.find("DBA101") == std::string::npos);
  CHECK(statements_noted({"--app", "web"}).out.find("of 24 the log") != std::string::npos);
  const ProgramResult none = statements_noted({"--user", "nobody"});
  CHECK(none.status == 2);
  CHECK(none.err.find("none of 24 statements is in the part asked for") != std::string::npos);
}

TEST_CASE("scan: values are masked unless asked for, and what a log says cannot command a terminal") {
  const TemporaryDirectory dir;
  std::string log = read_file(fixture_log());
  for (size_t at = log.find("'red'"); at != std::string::npos; at = log.find("'red'", at)) log.replace(at, 5, "'r\x1b[31md-secret'");
  write_file(dir.path() + "/app.log", log);
  const ProgramResult masked = run_program(scan({"app.log"}), dir.path());
  CHECK(masked.status == 1);
  CHECK(masked.out.find("secret") == std::string::npos);
  const ProgramResult shown = run_program(scan({"--show-values", "app.log"}), dir.path());
  CHECK(shown.out.find("d-secret") != std::string::npos);
  CHECK(shown.out.find('\x1b') == std::string::npos);
}

TEST_CASE("scan: inline directives silence, with a reason only, and are heard of when they do nothing") {
  const TemporaryDirectory dir;
  const std::string log = read_file(fixture_log());
  const struct {
    const char* comment;
    size_t findings, suppressed;
    int status;
    const char* said;  // on standard error, the end of its line; empty: nothing
  } cases[] = {
      {"/* an ordinary comment */", 1, 0, 1, ""},
      {"/* dbaudit:ignore DBA101 imported once a year by hand */", 0, 1, 0, ""},
      {"/* dbaudit:ignore get-or-create-without-unique-key by name */", 0, 1, 0, ""},
      {"/* dbaudit:ignore DBA1: by prefix */", 0, 1, 0, ""},
      {"/* dbaudit:ignore DBA201,DBA101 both */", 0, 1, 0, ""},
      {"/* dbaudit:locked redis mutex tag:create */", 0, 1, 0, ""},
      {"/* dbaudit:ignore DBA101 */", 1, 0, 2,
       "app.log:1: dbaudit:ignore DBA101 gives no reason, so it silences nothing: write /* dbaudit:ignore DBA101 the reason */\n"},
      {"/* dbaudit:locked */", 1, 0, 2,
       "app.log:1: dbaudit:locked gives no reason, so it silences nothing: write /* dbaudit:locked the reason */\n"},
      {"/* dbaudit:ignore */", 1, 0, 2, "app.log:1: dbaudit:ignore names no rule: write /* dbaudit:ignore DBA201 the reason */\n"},
      {"/* dbaudit:ignore DBA201 another rule */", 1, 0, 1,
       "note: app.log:1: dbaudit:ignore DBA201 another rule silences nothing: no such finding is made of its statement\n"},
      {"/* dbaudit:ignore DBA1O1 a letter for a digit */", 1, 0, 1,
       "note: app.log:1: dbaudit:ignore: unknown rule 'DBA1O1' (did you mean DBA101?)\n"},
      {"/* dbaudit:ingore DBA101 misspelled */", 1, 0, 1, "note: app.log:1: unknown comment dbaudit:ingore (did you mean ignore?)\n"},
  };
  for (const auto& c : cases) {
    INFO(c.comment);
    std::string text = log;
    for (size_t at = text.find("LIMIT 21"); at != std::string::npos; at = text.find("LIMIT 21", at + 9))
      text.insert(at + 8, std::string(" ") + c.comment);
    write_file(dir.path() + "/app.log", text);
    const ProgramResult r = run_program(scan({"--format", "json", "app.log"}), dir.path());
    const nlohmann::json report = nlohmann::json::parse(r.out);
    CHECK(report["findings"].size() == c.findings);
    CHECK(report["summary"]["suppressed"] == c.suppressed);
    CHECK(r.status == c.status);
    CHECK(r.err == (*c.said == '\0' ? std::string() : std::string("dbaudit: ") + c.said));
  }
}

TEST_CASE("scan: an unreadable log is one line and exit 2") {
  if (geteuid() == 0) SKIP_TEST("root reads every file");
  const TemporaryDirectory dir;
  write_file(dir.path() + "/app.log", read_file(fixture_log()));
  REQUIRE(chmod((dir.path() + "/app.log").c_str(), 0) == 0);
  const ProgramResult r = run_program(scan({"app.log"}), dir.path());
  CHECK(r.status == 2);
  CHECK(r.err == "dbaudit: app.log: permission denied\n");
}

TEST_CASE("scan: a report file is written whole or not at all") {
  const TemporaryDirectory dir;
  write_file(dir.path() + "/app.log", read_file(fixture_log()));
  const ProgramResult r = run_program(scan({"--report", "json=out.json", "--report", "text=out.txt", "app.log"}), dir.path());
  CHECK(r.status == 1);
  CHECK(r.out.empty());
  CHECK(nlohmann::json::parse(read_file(dir.path() + "/out.json"))["findings"].size() == 1);
  CHECK(read_file(dir.path() + "/out.txt").find("DBA101") != std::string::npos);
  // What is no regular file is written to, never replaced: /dev/null must stay what it is.
  std::filesystem::create_symlink("/dev/null", dir.path() + "/null");
  CHECK(run_program(scan({"--output", "null", "app.log"}), dir.path()).status == 1);
  CHECK(std::filesystem::is_symlink(dir.path() + "/null"));
  const ProgramResult bad = run_program(scan({"--report", "json=nowhere/out.json", "app.log"}), dir.path());
  CHECK(bad.status == 2);
  CHECK_FALSE(std::filesystem::exists(dir.path() + "/nowhere"));
}

}  // namespace dbaudit
