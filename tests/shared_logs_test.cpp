// The real servers' logs beside the repository (../shared), with the events they hold worked out from csvlog and jsonlog. Skipped elsewhere.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "analyzers/log/reader.h"
#include "analyzers/log/source.h"
#include "cli/event_lines.h"
#include "tests/catch.h"

namespace fs = std::filesystem;
using nlohmann::json;

namespace dbaudit {
namespace {

fs::path shared() { return fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared"; }

struct Read {
  std::string format;
  std::vector<json> statements;
  ReaderCounts counts;
  std::string error;
};

Read read_log(const fs::path& path, const std::string& prefix = {}) {
  Read result;
  auto source = open_source(path.string());
  REQUIRE(source);
  ReaderOptions options;
  options.log_line_prefix = prefix;
  auto lines = std::make_unique<Lines>(std::move(*source));
  const Format* format = detect_format(lines->head(), options);
  if (format == nullptr) return result;
  result.format = format->name;
  auto reader = format->open(std::move(lines), options);
  EventLines events([&](std::string_view line) {
    json event = json::parse(line);
    if (event["kind"] == "statement") result.statements.push_back(std::move(event));
  });
  LogRecord record;
  while (reader->next(record)) events.add(record, {});
  events.finish();
  result.counts = reader->counts();
  return result;
}

/// `6b005874.6904` of %c against a session that is a %c, a pid, or not known.
bool is_session(const json& session, const std::string& sid) {
  if (session.is_null()) return true;
  const auto text = session.get<std::string>();
  return text == sid || text == std::to_string(std::stoul(sid.substr(sid.find('.') + 1), nullptr, 16));
}

/// `2026-11-20 14:25:56.336 UTC` against ISO 8601, as far as the log's clock goes.
bool is_time(const json& ours, std::string theirs) {
  if (ours.is_null()) return false;
  theirs[10] = 'T';
  theirs = theirs.substr(0, 23) + "Z";
  const auto text = ours.get<std::string>();
  return text == theirs || text == theirs.substr(0, 19) + ".000Z";
}

/// Empty when the event is the expected one, else the key that differs.
std::string difference(const json& ours, const json& theirs, bool is_terse) {
  if (!is_session(ours["session"], theirs["sid"])) return "session";
  if (ours["sql"] != theirs["sql"]) return "sql";
  if (!is_terse && ours["params"] != theirs["params"]) return "params";
  if (theirs["proto"] != "unknown" && ours["proto"] != theirs["proto"]) return "proto";
  const json code = ours["error"].is_null() ? json(nullptr) : ours["error"]["code"];
  if (code != theirs["error"]) return "error";
  if (!theirs["ms"].is_null() && ours["duration_ms"] != theirs["ms"]) return "ms";
  // Not every prefix shows these; what is shown must be right.
  if (!ours["txid"].is_null() && ours["txid"] != theirs["vxid"]) return "vxid";
  if (!ours["app"].is_null() && ours["app"] != theirs["app"]) return "app";
  if (!ours["db"].is_null() && ours["db"] != theirs["db"]) return "db";
  if (!is_time(ours["time"], theirs["t"]) && !is_time(ours["end_time"], theirs["t"])) return "t";
  return {};
}

struct Case {
  const char* log;
  const char* expected;
  bool is_terse = false;
  size_t shop = 33;  // of the two application sessions
  bool is_incomplete = false;
};

constexpr Case kCases[] = {
    {"postgres/15/pg15.log", "pg15"},
    {"postgres/15/pg15_all_dur.log", "pg15_all_dur"},
    {"postgres/15/pg15_all_mindur0.log", "pg15_all_mindur0"},
    {"postgres/15/pg15_autoexplain.log", "pg15_autoexplain", false, 7, true},
    {"postgres/15/pg15_django.log", "pg15_django", false, 0},
    {"postgres/15/pg15_mindur0.log", "pg15_mindur0"},
    {"postgres/15/pg15_pgaudit.log", "pg15_pgaudit", false, 7, true},
    {"postgres/15/pg15_sample.log", "pg15_sample", true, 24, true},
    {"postgres/15/pg15_verbose.log", "pg15_verbose"},
    {"postgres/18/pg18.log", "pg18"},
};

}  // namespace

TEST_CASE("shared: PostgreSQL stderr logs hold the expected events") {
  if (!fs::exists(shared() / "logs")) SKIP_TEST("../shared is absent");
  for (const Case& c : kCases) {
    INFO(c.log);
    const Read read = read_log(shared() / "logs" / c.log);
    REQUIRE(read.format == "postgres-stderr");
    CHECK(read.counts.unrecognised_lines == 0);
    CHECK(read.counts.sampled == c.is_incomplete);
    std::ifstream file(shared() / "logs" / "expected" / (std::string(c.expected) + ".events.json"));
    const json expected = json::parse(file);
    CHECK(read.statements.size() == expected.size());

    size_t shop = 0;
    for (const json& e : expected) shop += e["app"] == "web-a" || e["app"] == "web b" ? 1U : 0U;
    CHECK(shop == c.shop);

    const bool has_sessions =
        std::none_of(read.statements.begin(), read.statements.end(), [](const json& e) { return e["session"].is_null(); });
    if (has_sessions) {
      // Order is exact inside a session and is nobody's promise across them.
      std::map<std::string, std::vector<json>> by_session;
      for (const json& e : expected) by_session[e["sid"]].push_back(e);
      for (const auto& [sid, theirs] : by_session) {
        INFO("session " << sid);
        std::vector<json> ours;
        for (const json& e : read.statements) {
          if (is_session(e["session"], sid)) ours.push_back(e);
        }
        REQUIRE(ours.size() == theirs.size());
        for (size_t i = 0; i < theirs.size(); ++i) {
          INFO("ours " << ours[i] << "\ntheirs " << theirs[i]);
          CHECK(difference(ours[i], theirs[i], c.is_terse) == "");
        }
      }
    } else {
      // No session in the prefix: each expected event must be there once.
      std::vector<json> ours = read.statements;
      for (const json& e : expected) {
        const auto found = std::find_if(ours.begin(), ours.end(), [&](const json& o) { return difference(o, e, c.is_terse).empty(); });
        INFO("theirs " << e);
        CHECK(found != ours.end());
        if (found != ours.end()) ours.erase(found);
      }
      CHECK(ours.empty());
    }
  }
}

TEST_CASE("shared: the published general logs have the published number of records") {
  if (!fs::exists(shared() / "acidrain")) SKIP_TEST("../shared is absent");
  int logs = 0;
  for (const char* app : {"broadleaf", "magento", "opencart", "oscar", "shoppe", "spree"}) {
    INFO(app);
    std::ifstream file(shared() / "acidrain" / app / "expect.json");
    const json expected = json::parse(file);
    const Read read = read_log(shared() / "acidrain" / app / "general.log");
    CHECK(read.format == "mysql-general");
    CHECK(read.counts.records == expected["records"].get<uint64_t>());
    CHECK(read.counts.unrecognised_lines == 0);
    ++logs;
  }
  CHECK(logs == 6);
}

TEST_CASE("shared: every server log of the corpus is read without unrecognised lines") {
  if (!fs::exists(shared() / "corpus")) SKIP_TEST("../shared is absent");
  int postgres = 0, mysql = 0;
  for (const auto& entry : fs::directory_iterator(shared() / "corpus")) {
    for (const auto& [name, format, count] :
         {std::tuple{"pg_stderr.log", "postgres-stderr", &postgres}, {"mariadb_general.log", "mysql-general", &mysql}}) {
      const fs::path path = entry.path() / name;
      if (!fs::exists(path)) continue;
      INFO(path.string());
      const Read read = read_log(path);
      CHECK(read.format == format);
      CHECK(read.counts.unrecognised_lines == 0);
      CHECK(read.counts.statements > 0);
      CHECK_FALSE(read.counts.sampled);
      ++*count;
    }
  }
  CHECK(postgres > 0);
  CHECK(mysql > 0);
}

TEST_CASE("shared: MySQL and MariaDB general logs of one workload") {
  if (!fs::exists(shared() / "logs")) SKIP_TEST("../shared is absent");
  const auto sqls = [](const Read& read) {
    std::multiset<std::string> result;
    for (const json& e : read.statements) result.insert(e["sql"].get<std::string>());
    return result;
  };
  const Read mysql = read_log(shared() / "logs/mysql/9.7/general.log");
  const Read mariadb = read_log(shared() / "logs/mariadb/10.11/general.log");
  CHECK(mysql.counts.unrecognised_lines == 0);
  CHECK(mariadb.counts.unrecognised_lines == 0);
  CHECK(mariadb.counts.engine == Engine::kMariaDb);
  CHECK(mysql.counts.engine == Engine::kMySql);
  CHECK(sqls(mysql).count("SELEC 1") == 0);
  CHECK(sqls(mariadb).count("SELEC 1") == 2);  // the workload ran twice
}

}  // namespace dbaudit
