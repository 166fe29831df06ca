// docs/logs/ has one page a log format, written from the code: what it is, how to have it written, what that costs, what a line looks like. DBAUDIT_UPDATE=1 rewrites
// them. What it costs is said here and nowhere else: a format without an entry fails the test.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "analyzers/base/text.h"
#include "analyzers/log/reader.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kInProcess =
    "Each statement is formatted and written in the application's own process, while the request waits. For test runs.";

const std::map<std::string_view, std::string>& costs() {
  static const std::map<std::string_view, std::string> kCosts = {
      {"postgres-stderr",
       "Every backend writes every statement: the log grows by the text of all SQL. `log_statement` and `log_line_prefix` need a reload, "
       "not a restart."},
      {"postgres-csv", "That of the plain log, with two dozen columns around each statement. `logging_collector` needs a restart."},
      {"postgres-json",
       "That of the plain log, with the name of each field in each line: the largest of the three. `logging_collector` needs a restart."},
      {"postgres-syslog",
       "That of the plain log. Long statements are cut into several lines, which are put together again; a syslog under load may drop "
       "some."},
      {"mysql-general",
       "All sessions write every statement to one file, one after the other. Needs no restart; nothing rotates the file, so switch it off "
       "again."},
      {"mysql-slow",
       "That of the general log when `long_query_time` is 0, and some lines of statistics around each statement. Needs no restart; new "
       "sessions take the new limit."},
      {"mysql-perf-schema",
       "No file: the server keeps the last statements in memory (10,000 by default), so dump them often. `performance_schema` itself needs "
       "a restart."},
      {"mariadb-audit",
       "All sessions write every statement to one file. The plugin is loaded without a restart; statements longer than "
       "`server_audit_query_log_limit` are cut."},
      {"innodb-status", "Nothing until there is a deadlock, then some fifty lines. Needs no restart."},
      {"sqlite-trace", "Only what is run in that shell is traced; each statement is written when it ends."},
      {"sql", "Nothing: it is there already."},
      {"django",
       "The cursor that logs also keeps the last 9,000 statements of each connection in memory, and `DEBUG` changes more than the log. For "
       "test runs."},
      {"sqlalchemy", std::string(kInProcess)},
      {"peewee", std::string(kInProcess)},
      {"activerecord",
       "Each statement is formatted and written in the application's own process; `verbose_query_logs` also walks the stack for each. For "
       "test runs and development."},
      {"sequelize", std::string(kInProcess)},
      {"typeorm", std::string(kInProcess)},
      {"knex", std::string(kInProcess)},
      {"prisma", std::string(kInProcess)},
      {"gorm", std::string(kInProcess)},
      {"hibernate", "A line for each statement and one for each of its parameters, in the application's own process. For test runs."},
      {"p6spy",
       "A driver around the driver: every statement passes through it and is written in the application's own process. For test runs."},
      {"efcore",
       "Each statement and transaction is formatted and written in the application's own process; sensitive data logging says so itself at "
       "start. For test runs."},
      {"laravel", std::string(kInProcess)},
      {"driver", std::string(kInProcess)},
      {"jsonl", "That of what writes it."},
  };
  return kCosts;
}

/// The first lines of a format's first sample, as themselves: tabs and escapes are shown as what a page can hold.
std::string sample_of(const Format& format) {
  constexpr size_t kLines = 8;
  if (format.samples.empty()) return {};
  std::string text;
  size_t lines = 0;
  for (std::string_view line : split(format.samples.front().text, '\n')) {
    if (lines++ == kLines) break;
    text += printable(line) + "\n";
  }
  return std::string(trim(text));
}

std::string page_of(const Format& format, const std::string& cost) {
  const std::string name(format.name);
  std::string text = "# `" + name + "`\n\nWritten by the tests from the code (`DBAUDIT_UPDATE=1 dbaudit_tests \"docs: *\"`).\n\n";
  text += "What it is: " + std::string(format.summary) + ". What it can show: [log-formats.md](../log-formats.md#what-each-can-show).\n\n";
  text += "## How to have it written\n\n~~~\n" + std::string(format.enable) + "\n~~~\n\n";
  text += "## What it costs\n\n" + cost +
          "\n\nA log holds the values of its statements: whoever may not read the data may not read the log.\n\n";
  text += "## Scan it\n\n```sh\ndbaudit scan --log-format " + name + " --schema schema.sql app.log\ndbaudit events --log-format " + name +
          " app.log     # what was read of it\n```\n\nThe format is detected without `--log-format`, too.\n";
  if (const std::string sample = sample_of(format); !sample.empty()) text += "\n## What it looks like\n\n~~~\n" + sample + "\n~~~\n";
  return text;
}

}  // namespace

TEST_CASE("docs: every log format has its page") {
  const fs::path directory = fs::path(DBAUDIT_SOURCE_DIR) / "docs/logs";
  const bool update = std::getenv("DBAUDIT_UPDATE") != nullptr;
  fs::create_directories(directory);
  size_t pages = 0;
  for (const Format* format : all_formats()) {
    INFO(format->name);
    REQUIRE(costs().count(format->name) == 1);
    const std::string path = (directory / (std::string(format->name) + ".md")).string();
    const std::string text = page_of(*format, costs().at(format->name));
    if (update) write_file(path, text);
    CHECK(read_file(path) == text);
    ++pages;
  }
  CHECK(pages == costs().size());
  CHECK(static_cast<size_t>(std::distance(fs::directory_iterator(directory), {})) == pages);
}

}  // namespace dbaudit
