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

#include "analyzers/base/text.h"
#include "cli/options.h"
#include "cli/scan.h"
#include "cli/try_fixes.h"
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
bool is_cured_otherwise(const Finding& finding) {
  // Rows of two tables are locked in one order by the program alone.
  if (finding.code == "DBA404" && finding.tables.size() > 1) return true;
  // The lookup has to compare as the key does: the program's SQL changes, and which of its lookups do is not in the log.
  return finding.code == "DBA112" && std::any_of(finding.fixes.begin(), finding.fixes.end(), [](const Fix& f) {
           return f.kind == "orm" && f.applicability == Applicability::kDisplayOnly;
         });
}

/// What a finding's fixes lack; empty when one of them was checked whole.
std::string lacks(const Finding& finding, bool runs) {
  std::string all;
  for (const Fix& fix : finding.fixes) {
    if (fix.sql.empty() || fix.applicability == Applicability::kDisplayOnly) continue;
    const auto is_checked = [&](std::string_view how) {
      return std::find(fix.checked.begin(), fix.checked.end(), how) != fix.checked.end();
    };
    if (is_checked("parses") && is_checked("silences") && (!runs || is_checked("runs"))) return {};
    all += "  " + fix.kind.str() + " [" + join(fix.checked, ", ") + "] " + join(fix.sql, "; ") + "\n";
  }
  return all.empty() ? "  no SQL fix\n" : all;
}

/// What fixes for an engine are tried on: one for all scans of a test, since a trial sees nothing of those before it. Null where there is no server.
class Scratches {
 public:
  Scratch* of(Engine engine) {
    const auto [it, is_new] = opened_.try_emplace(engine);
    if (is_new) {
      std::optional<Dsn> dsn;
      if (const std::string text = scratch_dsn(engine); !text.empty()) dsn = *parse_dsn(text);
      Result<std::unique_ptr<Scratch>> scratch = open_scratch_of(dsn, engine);
      INFO((scratch ? std::string() : scratch.error().message));
      REQUIRE(scratch.has_value());
      it->second = *std::move(scratch);
    }
    return it->second.get();
  }

  /// `--scratch-dsn` for the engine; empty where there is no server, or none is needed.
  static std::string scratch_dsn(Engine engine) {
    if (engine == Engine::kPostgres) return live_postgres_url();
    if (engine == Engine::kMariaDb && std::getenv("DBAUDIT_TEST_MARIADB") != nullptr) return std::getenv("DBAUDIT_TEST_MARIADB");
    return {};
  }

 private:
  std::map<Engine, std::unique_ptr<Scratch>> opened_;
};

struct Scanned {
  Engine engine = Engine::kUnknown;
  bool runs = false;  ///< the fixes were tried
  std::vector<Finding> findings;
};

/// A scan from `directory`, as the program does it but for the reports. Null: it cannot be done, or the command is another.
std::optional<Scanned> scan(const std::vector<std::string>& arguments, const fs::path& directory, Scratches* scratches) {
  struct There {
    explicit There(const fs::path& path) { fs::current_path(path); }
    ~There() { fs::current_path(before); }
    fs::path before = fs::current_path();
  } const there(directory);
  Result<CommandLine> line = parse_command_line(arguments, ".");
  if (!line || line->command != Command::kScan) return std::nullopt;
  Result<ScanSources> sources = open_sources(line->scan);
  if (!sources) return std::nullopt;
  // What fixes are tried on is found once for all scans; the options still say that they will be: only then are the statements of trials made.
  line->scan.scratch_dsn = scratches != nullptr ? Scratches::scratch_dsn(sources->engine) : std::string();
  Result<ScanOutcome> outcome = audit_sources(line->scan, Baseline(), *sources);
  if (!outcome) return std::nullopt;
  Scanned scanned{sources->engine, false, std::move(outcome->report.findings)};
  Scratch* const scratch = scratches != nullptr && sources->target.has_catalog ? scratches->of(scanned.engine) : nullptr;
  if (scratch != nullptr) (void)try_fixes(scanned.findings, sources->target.catalog, *scratch);
  scanned.runs = scratch != nullptr;
  return scanned;
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

/// The scan of a fixture. Null for a command of another kind, or a live database.
std::optional<Scanned> scan_fixture(const fs::path& fixture, Scratches* scratches) {
  const std::vector<std::string> arguments = split_command(read_file((fixture / "cmd").string()));
  if (std::find(arguments.begin(), arguments.end(), "--dsn") != arguments.end()) return std::nullopt;
  return scan(arguments, fixture, scratches);
}

TEST_CASE("every bad fixture has a fix that parses, runs and silences", "[rules][fixes]") {
  Scratches scratches;
  std::string problems;
  size_t findings = 0;
  for (const fs::path& fixture : bad_fixtures()) {
    const std::optional<Scanned> scanned = scan_fixture(fixture, &scratches);
    if (!scanned) continue;
    for (const Finding& f : scanned->findings) {
      if (f.name != rule_of(fixture) || no_sql_cure().contains(f.code) || is_cured_otherwise(f)) continue;
      ++findings;
      if (const std::string what = lacks(f, scanned->runs); !what.empty())
        problems += f.code.str() + " " + fixture.parent_path().filename().string() + "/" + fixture.filename().string() + "\n" + what;
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
  Scratches scratches;
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
      std::vector<std::string> arguments = {"scan", "--schema", "schema.sql", "--engine", engine, "--isolation", label["isolation"], log};
      if (kFormats.contains(log)) arguments.insert(arguments.end(), {"--log-format", kFormats.at(log)});
      const std::optional<Scanned> scanned = scan(arguments, path, &scratches);
      if (!scanned) {
        problems += path.filename().string() + "/" + log + " cannot be scanned\n";
        continue;
      }
      for (const Finding& f : scanned->findings) {
        if (f.severity == Severity::kNote || f.confidence == Confidence::kPossible) continue;
        if (no_sql_cure().contains(f.code) || is_cured_otherwise(f)) continue;
        ++findings;
        if (const std::string what = lacks(f, scanned->runs); !what.empty())
          problems += f.code.str() + " " + path.filename().string() + "/" + log + "\n" + what;
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
    const std::optional<Scanned> scanned = scan_fixture(fixture, nullptr);
    if (!scanned || scanned->engine != Engine::kPostgres) continue;
    for (const Finding& f : scanned->findings) {
      for (const Fix& fix : f.fixes) {
        for (const std::string& sql : fix.sql) {
          ++statements;
          const PgQueryParseResult result = pg_query_parse(sql.c_str());
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
