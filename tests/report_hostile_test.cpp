// A log in which everything is hostile, scanned to every report format: nothing of it leaks and nothing of it is obeyed.

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/text.h"
#include "cli/report/report.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

const std::string kFixture = std::string(DBAUDIT_SOURCE_DIR) + "/fixtures/hostile";
// The slash makes it a directory and a file.
const std::string kHostilePath = "<script>alert(1)</script>,title=x::@all %0A\x1b[2J.jsonl";

/// Every format of one scan.
std::map<std::string, std::string> scan(const std::string& log, const std::string& shown_as, const std::vector<std::string>& more,
                                        int* status, std::string* err) {
  const TemporaryDirectory directory;
  const fs::path path = fs::path(directory.path()) / shown_as;
  fs::create_directories(path.parent_path());
  fs::copy_file(fs::path(kFixture) / log, path);
  fs::copy_file(fs::path(kFixture) / "schema.sql", fs::path(directory.path()) / "schema.sql");
  std::vector<std::string> arguments = {DBAUDIT_BINARY, "scan", "--schema", "schema.sql", "--engine", "postgresql"};
  for (const ReportFormat* format : all_report_formats()) {
    arguments.push_back("--report");
    arguments.push_back(std::string(format->name) + "=report." + std::string(format->name));
  }
  arguments.insert(arguments.end(), more.begin(), more.end());
  arguments.push_back(shown_as);
  const ProgramResult result = run_program(arguments, directory.path());
  *status = result.status;
  *err = result.out + result.err;
  std::map<std::string, std::string> reports;
  for (const ReportFormat* format : all_report_formats())
    reports[std::string(format->name)] = read_file(directory.path() + "/report." + std::string(format->name));
  return reports;
}

/// The first byte that a terminal obeys, as printable() makes it visible; empty when there is none.
std::string control_in(std::string_view text) {
  for (std::string_view line : split(text, '\n')) {
    if (const std::string shown = printable(line); shown != line) return shown;
  }
  return {};
}

/// What a Markdown reader takes for more than code: without fenced blocks and code spans, on one line each.
std::string outside_code(const std::string& markdown) {
  std::string prose, fence;
  for (std::string_view line : split(markdown, '\n')) {
    const size_t ticks = std::min(line.find_first_not_of('`'), line.size());
    if (fence.empty() && ticks >= 3) {
      fence = line.substr(0, ticks);
      continue;
    }
    if (!fence.empty()) {
      if (line == fence) fence.clear();
      continue;
    }
    for (size_t at = 0; at < line.size();) {
      const size_t run = std::min(line.find_first_not_of('`', at), line.size()) - at;
      const bool escaped = at > 0 && line[at - 1] == '\\';
      if (run == 0 || escaped) {
        prose += line[at++];
        continue;
      }
      // A span ends at a run of the same length.
      size_t end = at + run;
      while (end < line.size()) {
        end = line.find('`', end);
        if (end == std::string_view::npos) break;
        const size_t closing = std::min(line.find_first_not_of('`', end), line.size()) - end;
        if (closing == run) break;
        end += closing;
      }
      at = end == std::string_view::npos || end >= line.size() ? line.size() : end + run;
    }
    prose += '\n';
  }
  return prose;
}

bool contains(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("No report format leaks or executes what a hostile log holds", "[report][hostile]") {
  const std::pair<const char*, std::string> logs[] = {{"app.jsonl", kHostilePath}, {"server.log", "server.log"}};
  for (const auto& [log, shown_as] : logs) {
    int status = 0;
    std::string err;
    const auto reports = scan(log, shown_as, {}, &status, &err);
    CAPTURE(log, err);
    CHECK(status == 1);
    CHECK(err.empty());
    REQUIRE(reports.size() == all_report_formats().size());
    for (const auto& [format, report] : reports) {
      CAPTURE(format);
      CHECK(report.size() > 100);
      CHECK(contains(report, "account"));
      CHECK_FALSE(contains(report, "victim"));
      CHECK_FALSE(contains(report, "sk_live"));
      CHECK_FALSE(contains(report, "sk\\_live"));
      CHECK(control_in(report).empty());
      CHECK(valid_utf8(report) == report);
      // Plain text shows a table's name as it is; so does code in Markdown.
      if (format == "text" || format == "github") continue;
      const std::string read = format == "markdown" ? outside_code(report) : report;
      CHECK_FALSE(contains(read, "<script>alert"));
      CHECK_FALSE(contains(read, "<img"));
      CHECK_FALSE(contains(read, "<b onclick"));
      if (format == "markdown") {
        CHECK_FALSE(contains(read, "@everyone"));
        CHECK_FALSE(contains(read, "#1 "));
      }
    }
    // One command a line, and none that the log wrote.
    for (std::string_view line : split(reports.at("github"), '\n')) {
      CHECK((line.empty() || line.starts_with("::error ") || line.starts_with("::warning ") || line.starts_with("::notice ")));
    }
  }
}

TEST_CASE("The hostile log does hold the values that its reports must not", "[report][hostile]") {
  int status = 0;
  std::string err;
  const auto reports = scan("app.jsonl", "app.jsonl", {"--show-values"}, &status, &err);
  for (const char* format : {"text", "json", "sarif", "junit", "markdown"}) {
    CAPTURE(format);
    CHECK(contains(reports.at(format), "victim"));
    CHECK(control_in(reports.at(format)).empty());
  }
}

}  // namespace dbaudit
