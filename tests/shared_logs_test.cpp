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
#include "analyzers/sql/fingerprint.h"
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
    {"postgres/15/pg15", "pg15"},
    {"postgres/15/pg15_all_dur", "pg15_all_dur"},
    {"postgres/15/pg15_all_mindur0", "pg15_all_mindur0"},
    {"postgres/15/pg15_autoexplain", "pg15_autoexplain", false, 7, true},
    {"postgres/15/pg15_django", "pg15_django", false, 0},
    {"postgres/15/pg15_mindur0", "pg15_mindur0"},
    {"postgres/15/pg15_pgaudit", "pg15_pgaudit", false, 7, true},
    {"postgres/15/pg15_sample", "pg15_sample", true, 24, true},
    {"postgres/15/pg15_verbose", "pg15_verbose"},
    {"postgres/18/pg18", "pg18"},
};

/// The same run in the three shapes the server writes.
constexpr std::pair<const char*, const char*> kShapes[] = {
    {".log", "postgres-stderr"}, {".csv", "postgres-csv"}, {".json", "postgres-json"}};

}  // namespace

TEST_CASE("shared: PostgreSQL logs hold the expected events, whichever way they are written") {
  if (!fs::exists(shared() / "logs")) SKIP_TEST("../shared is absent");
  for (const auto& [c, shape] : [] {
         std::vector<std::pair<Case, std::pair<const char*, const char*>>> all;
         for (const Case& one : kCases) {
           for (const auto& way : kShapes) all.emplace_back(one, way);
         }
         return all;
       }()) {
    const std::string log = std::string(c.log) + shape.first;
    const bool is_terse = c.is_terse && shape.first == std::string(".log");  // log_error_verbosity takes columns from no CSV
    INFO(log);
    Read read = read_log(shared() / "logs" / log);
    REQUIRE(read.format == shape.second);
    CHECK(read.counts.unrecognised_lines == 0);
    CHECK(read.counts.sampled == c.is_incomplete);
    // What only pgaudit tells is beside what is expected, and in no other log.
    const size_t told = read.statements.size();
    std::erase_if(read.statements, [](const json& e) { return e["tags"].contains("audit"); });
    CHECK(told - read.statements.size() == (std::string(c.expected) == "pg15_pgaudit" ? 29 : 0));
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
          CHECK(difference(ours[i], theirs[i], is_terse) == "");
        }
      }
    } else {
      // No session in the prefix: each expected event must be there once.
      std::vector<json> ours = read.statements;
      for (const json& e : expected) {
        const auto found = std::find_if(ours.begin(), ours.end(), [&](const json& o) { return difference(o, e, is_terse).empty(); });
        INFO("theirs " << e);
        CHECK(found != ours.end());
        if (found != ours.end()) ours.erase(found);
      }
      CHECK(ours.empty());
    }
  }
}

TEST_CASE("shared: a PostgreSQL log through syslog holds the run's events") {
  if (!fs::exists(shared() / "logs")) SKIP_TEST("../shared is absent");
  // Another run of the workload: processes, transaction ids and the victim of the deadlock differ, nothing else does.
  std::ifstream file(shared() / "logs/expected/pg15.events.json");
  const json expected = json::parse(file);
  for (const char* log : {"postgres/15/pg15_syslog.log", "postgres/15/pg15_syslog.raw"}) {
    INFO(log);
    const Read read = read_log(shared() / "logs" / log);
    REQUIRE(read.format == "postgres-syslog");
    CHECK(read.counts.unrecognised_lines == 8);  // of `runuser`
    CHECK(read.counts.incomplete == std::vector<std::string>{"no-time"});
    std::multiset<std::string> our_errors, their_errors;
    for (const char* app : {"web-a", "web b"}) {
      std::vector<json> ours, theirs;
      std::set<std::string> sessions;
      for (const json& e : read.statements) {
        if (e["app"] != app) continue;
        ours.push_back({e["sql"], e["params"], e["proto"]});
        sessions.insert(e["session"].get<std::string>());
        if (!e["error"].is_null()) our_errors.insert(e["error"]["code"].get<std::string>());
      }
      for (const json& e : expected) {
        if (e["app"] != app) continue;
        theirs.push_back({e["sql"], e["params"], e["proto"] == "unknown" ? json(nullptr) : e["proto"]});
        if (!e["error"].is_null()) their_errors.insert(e["error"].get<std::string>());
      }
      CHECK(sessions.size() == 1);
      CHECK(ours == theirs);
    }
    CHECK(our_errors == their_errors);
    CHECK(our_errors.size() == 7);
  }
}

TEST_CASE("shared: csvlog, jsonlog and stderr of every corpus case hold the same events") {
  if (!fs::exists(shared() / "corpus")) SKIP_TEST("../shared is absent");
  int cases = 0;
  for (const auto& entry : fs::directory_iterator(shared() / "corpus")) {
    if (!fs::exists(entry.path() / "pg_csvlog.csv")) continue;
    INFO(entry.path().string());
    // The writers interleave sessions each in its own way: order is exact inside one.
    const auto by_session = [&](const char* name, const char* format) {
      const Read read = read_log(entry.path() / name);
      CHECK(read.format == format);
      CHECK(read.counts.unrecognised_lines == 0);
      CHECK_FALSE(read.counts.sampled);
      std::map<std::string, std::vector<json>> result;
      for (json e : read.statements) {
        std::string session = e["session"].get<std::string>();
        if (const size_t dot = session.find('.'); dot != std::string::npos) {
          session = std::to_string(std::stoul(session.substr(dot + 1), nullptr, 16));
        }
        for (const char* key : {"line", "session", "tx_state"}) e.erase(key);
        result[session].push_back(std::move(e));
      }
      return result;
    };
    const auto csv = by_session("pg_csvlog.csv", "postgres-csv");
    CHECK(csv == by_session("pg_jsonlog.json", "postgres-json"));
    auto plain = by_session("pg_stderr.log", "postgres-stderr");
    REQUIRE(plain.size() == csv.size());
    for (const auto& [session, theirs] : csv) {
      auto& ours = plain[session];
      REQUIRE(ours.size() == theirs.size());
      for (size_t i = 0; i < theirs.size(); ++i) {
        // The prefix may leave out what the columns always hold.
        for (const char* key : {"txid", "app", "user", "db"}) {
          if (ours[i][key].is_null()) ours[i][key] = theirs[i][key];
        }
        CHECK(ours[i] == theirs[i]);
      }
    }
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("shared: Django's own logs and the server's log of the same run tell one history") {
  const fs::path server = shared() / "logs/postgres/15/pg15_django.json";
  if (!fs::exists(server)) SKIP_TEST("no ../shared/logs: Django's logs against the server's");
  const Read theirs = read_log(server);
  Fingerprinter fingerprinter(dialect_of(Engine::kPostgres));
  const auto shape_of = [&](const json& event) { return std::string(fingerprinter.normalise(event["sql"].get<std::string>()).text); };
  const std::set<std::string> boundaries = {"begin", "commit", "rollback"};
  struct Version {
    const char *log, *app;
    size_t statements;
    bool shows_boundaries;
  };
  // executemany is one record of the ORM and, here, two statements: one more than LOGS.md counts records.
  for (const Version& v : {Version{"django3.2", "django3.2.25", 59, false},
                           {"django4.2", "django4.2.28", 95, true},
                           {"django5.2", "django5.2.18", 95, true}}) {
    INFO(v.log);
    std::map<std::string, int> difference;
    size_t executed = 0, failed = 0;
    std::vector<std::string> server_order, orm_order;
    for (const json& event : theirs.statements) {
      if (event["app"] != v.app) continue;
      ++executed;
      failed += event["error"].is_null() ? 0 : 1;
      ++difference[shape_of(event)];
    }
    CHECK(executed == 96);
    CHECK(failed == 5);
    const Read ours = read_log(shared() / "logs/django" / (std::string(v.log) + "_pg.std.log"));
    CHECK(ours.format == "django");
    CHECK(ours.statements.size() == v.statements);
    for (const json& event : ours.statements) {
      if (event["sql"].is_null()) continue;
      --difference[shape_of(event)];
      if (!v.shows_boundaries) CHECK(event["tx_boundary"] != "explicit");
    }
    for (const auto& [shape, more] : difference) {
      INFO(shape << ": " << more << " more at the server");
      const bool is_boundary = boundaries.count(shape) != 0;
      const bool sets_up = shape.starts_with("set ") || shape.find("set_config") != std::string::npos;
      // What the ORM logs, it did; what only the server shows is a new connection's, a batch's, or a boundary Django 3.2 does not log.
      if (is_boundary && v.shows_boundaries) CHECK(more == 0);
      if (is_boundary && !v.shows_boundaries) CHECK(more > 0);
      if (!is_boundary && more > 0) CHECK((sets_up || shape.starts_with("insert into race_u")));
      if (!is_boundary && more < 0) CHECK(shape.starts_with("insert into race_u"));
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
