// After a real race on a real server: its log, read with the server at hand, tells the race, the rows it left and how to be rid of them; and of a
// server's log only what is of the audited database.

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/live_mariadb.h"
#include "tests/live_postgres.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

using nlohmann::json;

/// Two sessions look the same keys up at once and both insert them; one name and one address in three are raced for.
template <typename Session>
void race(Session& one, Session& two) {
  for (int i = 0; i < 9; ++i) {
    const std::string name = "'tag " + std::to_string(i) + "'", email = "'user" + std::to_string(i) + "@example.org'";
    std::vector<Session*> both = {&one};
    if (i % 3 == 0) both.push_back(&two);
    for (Session* s : both) {
      s->run("BEGIN");
      s->run("SELECT id FROM tag WHERE name = " + name + " LIMIT 1");
      s->run("SELECT id FROM subscriber WHERE email = " + email + " AND gone IS NULL LIMIT 1");
    }
    for (Session* s : both) {
      s->run("INSERT INTO tag (name) VALUES (" + name + ")");
      s->run("INSERT INTO subscriber (email) VALUES (" + email + ")");
      s->run("COMMIT");
    }
  }
}

struct Server {
  std::string dsn, database;
  std::string log;  ///< a file: what the server wrote since before the race
  std::string format;
  std::function<void(const std::string&)> run;
  std::function<std::string(const std::string&)> value;
};

ProgramResult scan(const Server& s, std::vector<std::string> more) {
  std::vector<std::string> arguments = {DBAUDIT_BINARY, "scan", "--dsn", s.dsn, "--log-format", s.format, "--fail-on", "never"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  arguments.push_back(s.log);
  return run_program(arguments, "/");
}

json json_of(const ProgramResult& r) {
  INFO(r.err);
  REQUIRE(r.status == 0);
  return json::parse(r.out);
}

/// The finding of a rule about a table (`name`, whatever its schema); null when there is none.
json finding_about(const json& report, const std::string& code, const std::string& table) {
  for (const json& f : report["findings"]) {
    const std::string name = f["tables"].empty() ? "" : f["tables"][0].get<std::string>();
    if (f["code"] == code && name.substr(name.rfind('.') + 1) == table) return f;
  }
  return nullptr;
}

std::string text_of(const json& finding, const std::string& kind) {
  for (const json& e : finding["evidence"]) {
    if (e["kind"] == kind) return e["text"];
  }
  return {};
}

void find_and_mend(const Server& s) {
  const json before = json_of(scan(s, {"--check-data", "--format", "json"}));
  for (const char* table : {"tag", "subscriber"}) {
    CAPTURE(table);
    const json pair = finding_about(before, "DBA101", table), rows = finding_about(before, "DBA108", table);
    REQUIRE_FALSE(pair.is_null());
    REQUIRE_FALSE(rows.is_null());
    CHECK(pair["confidence"] == "observed");
    CHECK(pair["related"] == json::array({"DBA108"}));
    CHECK(rows["related"] == json::array({"DBA101"}));
    CHECK(text_of(pair, "live-duplicates") == text_of(rows, "live-duplicates"));
    const std::string key = table == std::string("tag") ? "name" : "email";
    const std::string truth = s.value("SELECT count(*) FROM (SELECT " + key + " FROM " + table +
                                      (key == "email" ? " WHERE gone IS NULL" : "") + " GROUP BY " + key + " HAVING count(*) > 1) x");
    CHECK(truth == "3");
    CHECK(text_of(rows, "live-duplicates").find("holds " + truth + " values of (" + key + ")") != std::string::npos);
    CHECK(text_of(rows, "live-duplicates").find("(?) × 2") != std::string::npos);
    // Merge, then the key, in the words of the report.
    REQUIRE(rows["fixes"].size() >= 2);
    CHECK(rows["fixes"][0]["kind"] == "dedupe");
    CHECK(rows["fixes"][1]["kind"] == "unique-index");
    for (const json& fix : {rows["fixes"][0], rows["fixes"][1]}) {
      for (const std::string sql : fix["sql"]) s.run(sql);
    }
  }
  CHECK(s.value("SELECT count(*) FROM tag") == "9");
  const json after = json_of(scan(s, {"--check-data", "--format", "json"}));
  for (const char* table : {"tag", "subscriber"}) {
    CAPTURE(table);
    CHECK(finding_about(after, "DBA108", table).is_null());
    CHECK(finding_about(after, "DBA101", table).is_null());
  }
}

void only_its_own_database(const Server& s, const std::string& other) {
  const json own = json_of(scan(s, {"--format", "json"}));
  const json pair = finding_about(own, "DBA101", "tag");
  REQUIRE_FALSE(pair.is_null());
  CHECK(pair["occurrences"] == 12);  // nine look-ups of one session and three of the other
  const ProgramResult text = scan(s, {});
  CHECK(text.out.find("of other databases than " + s.database) != std::string::npos);
  CHECK(text.out.find(other) != std::string::npos);
  const json others = json_of(scan(s, {"--format", "json", "--database", other}));
  CHECK(finding_about(others, "DBA101", "tag")["occurrences"] == 12);
}

/// A table that no index helps with, large by the server's own statistics.
void large_table(const Server& s) {
  const auto about = [&](const std::string& option) {
    const ProgramResult r = scan(s, {option});
    INFO(r.err);
    CHECK(r.status == 0);
    return r.out;
  };
  const std::string skipped = about("--check-data");
  CHECK(skipped.find("not asked for duplicates of (name)") != std::string::npos);
  CHECK(skipped.find("--check-data=full") != std::string::npos);
  CHECK(about("--check-data=full").find("holds 3 values of (name) more than once") != std::string::npos);
  s.run("CREATE INDEX tag_name ON tag (name)");
  CHECK(about("--check-data").find("holds 3 values of (name) more than once") != std::string::npos);
}

constexpr const char* kPostgresTables =
    "CREATE TABLE tag (id serial PRIMARY KEY, name text NOT NULL); CREATE TABLE subscriber (id serial PRIMARY KEY, email text NOT NULL, "
    "gone "
    "timestamptz)";

TEST_CASE("check-data: a race on a live PostgreSQL, its rows, and the way back", "[check_data][live][postgres]") {
  NEED_POSTGRES();
  const char* log = std::getenv("DBAUDIT_TEST_POSTGRES_LOG");
  if (log == nullptr) SKIP_TEST("no DBAUDIT_TEST_POSTGRES_LOG");
  const std::string csv = std::string(log).substr(0, std::string(log).rfind('.')) + ".csv";
  const size_t from = read_file(csv).size();
  LiveDatabase db, other;
  const TemporaryDirectory directory;
  {
    for (LiveDatabase* d : {&other, &db}) {
      d->admin().run(kPostgresTables);
      LiveSession one(d->url()), two(d->url());
      race(one, two);
    }
  }
  const std::string last = "the race of " + db.name() + " is over";
  db.admin().run("SELECT '" + last + "'");
  std::string text;
  for (int i = 0; i < 250 && text.find(last) == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    text = read_file(csv).substr(from);
  }
  write_file(directory.path() + "/server.csv", text);
  const Server s = {db.url(),
                    db.name(),
                    directory.path() + "/server.csv",
                    "postgres-csv",
                    [&](const std::string& sql) { db.admin().run(sql); },
                    [&](const std::string& sql) { return db.admin().value(sql); }};
  only_its_own_database(s, other.name());
  // Here every session has a database, so that nothing is left.
  const ProgramResult none = scan(s, {"--database", "no_such"});
  CHECK(none.status == 2);
  CHECK(none.err.find("no statement of the database no_such: all ") != std::string::npos);
  SECTION("mended") { find_and_mend(s); }
  SECTION("large") {
    db.admin().run("INSERT INTO tag (name) SELECT 'n' || i FROM generate_series(1, 120000) i");
    SECTION("analyzed") { db.admin().run("ANALYZE tag"); }
    SECTION("never analyzed") {}
    large_table(s);
  }
}

TEST_CASE("check-data: a race on a live MariaDB, its rows, and the way back", "[check_data][live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const std::string log = MariaDbWriter(*server).value("SELECT @@general_log_file");
  const size_t from = read_file(log).size();
  if (MariaDbWriter(*server).value("SELECT @@general_log") != "1" || from == 0) SKIP_TEST("the general log is off or cannot be read");
  const ScratchMariaDb db(*server, "rows"), other(*server, "others");
  const TemporaryDirectory directory;
  for (const ScratchMariaDb* d : {&other, &db}) {
    MariaDbWriter one(*server, d->name()), two(*server, d->name());
    one.run("CREATE TABLE tag (id int AUTO_INCREMENT PRIMARY KEY, name varchar(40) NOT NULL)");
    one.run("CREATE TABLE subscriber (id int AUTO_INCREMENT PRIMARY KEY, email varchar(80) NOT NULL, gone datetime)");
    race(one, two);
  }
  const std::string banner =
      "/usr/sbin/mariadbd, Version: 10.11.19-MariaDB. started with:\nTcp port: 0  Unix socket: x\n"
      "Time\t\t    Id Command\tArgument\n";
  write_file(directory.path() + "/general.log", banner + read_file(log).substr(from));
  MariaDbWriter writer(*server, db.name());
  const Server s = {server->dsn_of(db.name()),
                    db.name(),
                    directory.path() + "/general.log",
                    "mysql-general",
                    [&](const std::string& sql) { writer.run(sql); },
                    [&](const std::string& sql) { return writer.value(sql); }};
  only_its_own_database(s, other.name());
  SECTION("mended") { find_and_mend(s); }
  SECTION("large") {
    writer.run("INSERT INTO tag (name) SELECT concat('n', seq) FROM seq_1_to_150000");
    writer.run("ANALYZE TABLE tag");
    large_table(s);
  }
}

}  // namespace
}  // namespace dbaudit
