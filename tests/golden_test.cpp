// Runs the program on every directory of fixtures/rules/<rule>/{bad,ok}_<case>/ and fixtures/cli/<case>/ and compares what it writes, byte for
// byte, with what the directory expects:
//
//   cmd       the arguments, one line, quoted as for a shell; run in a copy of the directory
//   stdin     what to feed it (optional)
//   stdout    expected; stderr: expected, empty when not there; status: expected exit status, 0 when not there
//   X.db.sql  becomes the SQLite database X.db before the run
//
// Everything else in the directory is input, and none of it may differ after the run: the program reads and changes nothing. With
// DBAUDIT_UPDATE=1 in the environment the expectations are rewritten instead. They cannot be rewritten into nonsense: each bad_ case must
// report the rule it belongs to, no ok_ case may, and each JSON report must be valid by cli/report/report.schema.json.

#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/json_schema.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kRoot = DBAUDIT_SOURCE_DIR;

std::vector<fs::path> directories_in(const fs::path& parent) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(parent)) {
    if (entry.is_directory()) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool updating() {
  const char* value = std::getenv("DBAUDIT_UPDATE");
  return value != nullptr && std::string(value) == "1";
}

/// Turns each X.db.sql of the directory into X.db; what sqlite says when it cannot.
std::string make_databases(const fs::path& directory) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string script = entry.path().string();
    constexpr std::string_view kEnding = ".db.sql";
    if (script.size() < kEnding.size() || script.substr(script.size() - kEnding.size()) != kEnding) continue;
    sqlite3* database = nullptr;
    char* message = nullptr;
    std::string wrong;
    if (sqlite3_open(script.substr(0, script.size() - 4).c_str(), &database) != SQLITE_OK ||
        sqlite3_exec(database, read_file(script).c_str(), nullptr, nullptr, &message) != SQLITE_OK) {
      wrong = script + ": " + (message != nullptr ? message : "cannot be opened");
    }
    sqlite3_free(message);
    sqlite3_close(database);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

std::map<std::string, std::string> contents(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) files[entry.path().lexically_relative(directory).string()] = read_file(entry.path().string());
  }
  return files;
}

/// `diff -u`, which every Debian has; both texts when it has not.
std::string difference(const std::string& expected, const std::string& actual) {
  const TemporaryDirectory directory;
  write_file(directory.path() + "/expected", expected);
  write_file(directory.path() + "/actual", actual);
  const ProgramResult diff = run_program({"/usr/bin/diff", "-u", "expected", "actual"}, directory.path());
  return diff.status == 1 ? diff.out : "--- expected\n" + expected + "\n+++ actual\n" + actual;
}

/// Compares with, or rewrites, one expectation; a file that would hold `usual` is left out.
void expect(const fs::path& fixture, const char* name, const std::string& actual, const std::string& usual, bool may_be_absent) {
  const fs::path file = fixture / name;
  if (updating()) {
    if (may_be_absent && actual == usual) {
      fs::remove(file);
    } else if (!fs::exists(file) || read_file(file.string()) != actual) {
      write_file(file.string(), actual);
    }
    return;
  }
  const std::string expected = fs::exists(file) ? read_file(file.string()) : usual;
  INFO(name << " is not what " << file.string() << " expects (DBAUDIT_UPDATE=1 rewrites it):\n" << difference(expected, actual));
  CHECK((expected == actual && (may_be_absent || fs::exists(file))));
}

const json& report_schema() {
  static const json kSchema = json::parse(read_file(kRoot + "/cli/report/report.schema.json"));
  return kSchema;
}

/// The report in `text`, or null when it is none; a valid one, or the test fails.
json read_report(const std::string& text) {
  json document = json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("schema_version")) return nullptr;
  for (const std::string& error : validate_json(report_schema(), document)) {
    UNSCOPED_INFO(error);
    CHECK(false);
  }
  return document;
}

ProgramResult run_fixture(const fs::path& fixture, const std::vector<std::string>& more = {}) {
  const TemporaryDirectory copy;
  fs::copy(fixture, copy.path(), fs::copy_options::recursive);
  for (const char* expectation : {"stdout", "stderr", "status"}) fs::remove(fs::path(copy.path()) / expectation);
  const std::string wrong = make_databases(copy.path());
  INFO(wrong);
  CHECK(wrong.empty());
  const auto before = contents(copy.path());

  std::vector<std::string> arguments = split_command(read_file((fixture / "cmd").string()));
  CHECK(!arguments.empty());
  arguments.insert(arguments.begin(), DBAUDIT_BINARY);
  arguments.insert(arguments.end(), more.begin(), more.end());
  ProgramResult result = run_program(arguments, copy.path(), read_file((fixture / "stdin").string()));
  CHECK_FALSE(result.timed_out);

  const auto after = contents(copy.path());
  for (const auto& [name, bytes] : before) {
    const auto found = after.find(name);
    INFO(name << " was changed or removed by the run");
    CHECK((found != after.end() && found->second == bytes));
  }
  return result;
}

ProgramResult check_fixture(const fs::path& fixture) {
  ProgramResult result = run_fixture(fixture);
  expect(fixture, "stdout", result.out, "", false);
  expect(fixture, "stderr", result.err, "", true);
  expect(fixture, "status", std::to_string(result.status) + "\n", "0\n", true);
  return result;
}

TEST_CASE("Golden: the rules' fixtures", "[golden]") {
  size_t cases = 0;
  for (const fs::path& rule : directories_in(kRoot + "/fixtures/rules")) {
    std::string rule_name = rule.filename().string();
    std::replace(rule_name.begin(), rule_name.end(), '_', '-');
    for (const fs::path& fixture : directories_in(rule)) {
      ++cases;
      INFO(fixture.string());
      const std::string name = fixture.filename().string();
      const bool bad = name.rfind("bad_", 0) == 0;
      CHECK((bad || name.rfind("ok_", 0) == 0));
      const json report = read_report(check_fixture(fixture).out);
      CHECK(report.is_object());
      if (!report.is_object()) continue;
      const auto& findings = report.at("findings");
      const bool reported =
          std::any_of(findings.begin(), findings.end(), [&rule_name](const json& finding) { return finding.at("name") == rule_name; });
      INFO((bad ? "must report " : "must not report ") << rule_name);
      CHECK(reported == bad);
    }
  }
  CHECK(cases > 0);
}

TEST_CASE("Golden: a second thread changes no byte", "[golden]") {
  size_t cases = 0;
  for (const fs::path& rule : directories_in(kRoot + "/fixtures/rules")) {
    for (const fs::path& fixture : directories_in(rule)) {
      ++cases;
      INFO(fixture.string());
      const ProgramResult two = run_fixture(fixture, {"--jobs", "2"});
      CHECK(two.out == read_file((fixture / "stdout").string()));
      CHECK(two.err == read_file((fixture / "stderr").string()));
    }
  }
  CHECK(cases > 0);
}

TEST_CASE("Golden: the command line", "[golden]") {
  size_t cases = 0;
  for (const fs::path& fixture : directories_in(kRoot + "/fixtures/cli")) {
    ++cases;
    INFO(fixture.string());
    read_report(check_fixture(fixture).out);
  }
  CHECK(cases > 0);
}

TEST_CASE("split_command splits as a shell does", "[golden]") {
  using Words = std::vector<std::string>;
  CHECK(split_command("").empty());
  CHECK(split_command(" scan  a.log\n") == Words{"scan", "a.log"});
  CHECK(split_command("a 'b c' \"d 'e\" f\\ g") == Words{"a", "b c", "d 'e", "f g"});
  CHECK(split_command("--p='%m [%p] '") == Words{"--p=%m [%p] "});
  CHECK(split_command("'' x") == Words{"", "x"});
  CHECK(split_command("'a\\b' \"a\\\"b\"") == Words{"a\\b", "a\"b"});
}

}  // namespace
}  // namespace dbaudit
