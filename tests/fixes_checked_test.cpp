// Every bad_ fixture, and every loud finding of the shared corpus where that is at hand, has a fix that keeps its promise: SQL that parses, runs on the engine it
// is for, and silences the finding. Rules whose cure is no SQL that a log could show stand below by name; `scripts/fixes-table` prints the counts.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/live_mariadb.h"
#include "tests/live_postgres.h"
#include "tests/run_program.h"

#if __has_include(<pg_query.h>)
#include <pg_query.h>
#endif

namespace dbaudit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kRoot = DBAUDIT_SOURCE_DIR;

/// Why a rule's findings need not have a fix that was checked whole.
const std::map<std::string, std::string>& no_sql_cure() {
  static const std::map<std::string, std::string> kWhy = {
      {"DBA108", "about rows that are there: the statements run, and what they leave is for --check-data to see"},
      {"DBA406", "work that moves out of the transaction"},
      {"DBA502", "a retry loop in the program"},
      {"DBA503", "a savepoint that only the failure needs"},
      {"DBA901", "a setting of the server or the logger"},
  };
  return kWhy;
}

/// Single findings of rules that have a cure elsewhere.
bool is_cured_otherwise(const json& finding) {
  // Rows of two tables are locked in one order by the program alone.
  if (finding["code"] == "DBA404" && finding["tables"].size() > 1) return true;
  // The lookup has to compare as the key does: the program's SQL changes, and which of its lookups do is not in the log.
  return finding["code"] == "DBA112" && std::any_of(finding["fixes"].begin(), finding["fixes"].end(), [](const json& f) {
           return f["kind"] == "orm" && f["applicability"] == "display-only";
         });
}

bool contains(const json& list, const std::string& word) { return std::find(list.begin(), list.end(), word) != list.end(); }

bool is_checked(const json& fix, bool runs) {
  if (!fix.contains("checked")) return false;
  const json& checked = fix["checked"];
  return contains(checked, "parses") && contains(checked, "silences") && (!runs || contains(checked, "runs"));
}

/// What a finding's fixes lack; empty when one of them was checked whole and each that parses runs.
std::string lacks(const json& finding, bool runs) {
  std::string all;
  bool whole = false;
  for (const json& fix : finding["fixes"]) {
    if (!fix.contains("sql") || fix["applicability"] == "display-only") continue;
    whole |= is_checked(fix, runs);
    all += "  " + fix["kind"].get<std::string>() + " " + fix["checked"].dump() + " " + fix["sql"].dump() + "\n";
  }
  return whole ? std::string() : all.empty() ? "  no SQL fix\n" : all;
}

/// `--scratch-dsn` for the engine of the command; nothing where there is no server for it.
std::vector<std::string> scratch_for(const std::string& engine) {
  std::string dsn;
  if (engine == "postgresql") dsn = live_postgres_url();
  if (engine == "mariadb" && std::getenv("DBAUDIT_TEST_MARIADB") != nullptr) dsn = std::getenv("DBAUDIT_TEST_MARIADB");
  return dsn.empty() ? std::vector<std::string>() : std::vector<std::string>{"--scratch-dsn", dsn};
}

json report_of(std::vector<std::string> arguments, const std::string& directory) {
  arguments.insert(arguments.begin(), DBAUDIT_BINARY);
  const ProgramResult result = run_program(arguments, directory);
  json report = json::parse(result.out, nullptr, false);
  return report.is_object() && report.contains("findings") ? report : json();
}

std::vector<fs::path> bad_fixtures() {
  std::vector<fs::path> all;
  for (const auto& rule : fs::directory_iterator(kRoot + "/fixtures/rules")) {
    for (const auto& fixture : fs::directory_iterator(rule.path())) {
      if (fixture.path().filename().string().starts_with("bad_")) all.push_back(fixture.path());
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::string rule_of(const fs::path& fixture) {
  std::string name = fixture.parent_path().filename().string();
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

/// The scan of a fixture as JSON, with its fixes tried where there is a server. Null for a command of another kind, or a live database.
json scan_fixture(const fs::path& fixture) {
  std::vector<std::string> arguments = split_command(read_file((fixture / "cmd").string()));
  const auto option = [&](std::string_view name) { return std::find(arguments.begin(), arguments.end(), name); };
  if (arguments.empty() || arguments[0] != "scan" || option("--dsn") != arguments.end()) return {};
  if (option("--format") != arguments.end()) {
    *(option("--format") + 1) = "json";
  } else {
    arguments.insert(arguments.end(), {"--format", "json"});
  }
  const std::string engine = option("--engine") != arguments.end() ? *(option("--engine") + 1) : std::string();
  for (const std::string& s : scratch_for(engine)) arguments.push_back(s);
  return report_of(arguments, fixture.string());
}

TEST_CASE("every bad fixture has a fix that parses, runs and silences", "[rules][fixes]") {
  std::string problems;
  size_t findings = 0;
  for (const fs::path& fixture : bad_fixtures()) {
    const json report = scan_fixture(fixture);
    if (report.is_null()) continue;
    const std::string engine = report["target"]["engine"];
    const bool runs = engine == "sqlite" || !scratch_for(engine).empty();
    for (const json& f : report["findings"]) {
      if (f["name"] != rule_of(fixture) || no_sql_cure().contains(f["code"]) || is_cured_otherwise(f)) continue;
      ++findings;
      if (const std::string what = lacks(f, runs); !what.empty())
        problems += f["code"].get<std::string>() + " " + fixture.parent_path().filename().string() + "/" + fixture.filename().string() +
                    "\n" + what;
    }
  }
  INFO(problems);
  CHECK(problems.empty());
  CHECK(findings > 150);
}

TEST_CASE("every loud finding of the corpus has a fix that parses, runs and silences", "[rules][fixes][corpus]") {
  const std::string corpus = kRoot + "/../shared/corpus";
  if (!fs::exists(corpus)) SKIP_TEST("no ../shared/corpus");
  static const std::map<std::string, std::string> kFormats = {{"pg_stderr.log", "postgres-stderr"},
                                                              {"pg_csvlog.csv", "postgres-csv"},
                                                              {"pg_jsonlog.json", "postgres-json"},
                                                              {"mariadb_general.log", "mysql-general"},
                                                              {"general.log", "mysql-general"}};
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(corpus)) {
    if (fs::exists(entry.path() / "expect.json")) cases.push_back(entry.path());
  }
  std::sort(cases.begin(), cases.end());
  std::string problems;
  size_t findings = 0;
  for (const fs::path& path : cases) {
    const json label = json::parse(read_file((path / "expect.json").string()));
    if (label["must_find"].empty()) continue;
    const std::string engine = label["engine"];
    std::vector<std::string> logs;
    if (label.contains("logs")) {
      for (const json& l : label["logs"]) logs.push_back(l["file"]);
    } else {
      logs.push_back(label["log"]);
    }
    for (const std::string& log : logs) {
      std::vector<std::string> arguments = {"scan",        "--schema",         "schema.sql", "--engine", engine,
                                            "--isolation", label["isolation"], "--format",   "json",     log};
      if (kFormats.contains(log)) arguments.insert(arguments.end(), {"--log-format", kFormats.at(log)});
      const std::vector<std::string> scratch = scratch_for(engine);
      arguments.insert(arguments.end(), scratch.begin(), scratch.end());
      const json report = report_of(arguments, path.string());
      if (report.is_null()) {
        problems += path.filename().string() + "/" + log + " cannot be scanned\n";
        continue;
      }
      for (const json& f : report["findings"]) {
        if (f["severity"] == "note" || f["confidence"] == "possible") continue;
        if (no_sql_cure().contains(f["code"]) || is_cured_otherwise(f)) continue;
        ++findings;
        if (const std::string what = lacks(f, engine == "sqlite" || !scratch.empty()); !what.empty())
          problems += f["code"].get<std::string>() + " " + path.filename().string() + "/" + log + "\n" + what;
      }
    }
  }
  INFO(problems);
  CHECK(problems.empty());
  CHECK(findings > 200);
}

#if __has_include(<pg_query.h>)
TEST_CASE("PostgreSQL's own parser takes the SQL of every fix", "[rules][fixes][differential]") {
  size_t statements = 0;
  for (const fs::path& fixture : bad_fixtures()) {
    const json report = scan_fixture(fixture);
    if (report.is_null() || report["target"]["engine"] != "postgresql") continue;
    for (const json& f : report["findings"]) {
      for (const json& fix : f["fixes"]) {
        if (!fix.contains("sql")) continue;
        for (const json& sql : fix["sql"]) {
          ++statements;
          const PgQueryParseResult result = pg_query_parse(sql.get<std::string>().c_str());
          INFO(fixture.string() << ": " << sql << (result.error != nullptr ? std::string(": ") + result.error->message : ""));
          CHECK(result.error == nullptr);
          pg_query_free_parse_result(result);
        }
      }
    }
  }
  CHECK(statements > 200);
}
#else
TEST_CASE("PostgreSQL's own parser takes the SQL of every fix", "[rules][fixes][differential]") { SKIP_TEST("no libpg-query-dev"); }
#endif

}  // namespace
}  // namespace dbaudit
