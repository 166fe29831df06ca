// doctor on real servers: what it says, followed to the letter, makes a log in which a scan finds a race that really happened. And what it does not do:
// change anything, wait for ever, tell a password.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <set>
#include <thread>

#include <nlohmann/json.hpp>

#include "analyzers/base/text.h"
#include "analyzers/schema/connection.h"
#include "tests/catch.h"
#include "tests/live_mariadb.h"
#include "tests/live_postgres.h"
#include "tests/run_program.h"
#include "tests/silent_server.h"

namespace dbaudit {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Doctor {
  int status = -1;
  json report;
};

Doctor doctor(const std::string& dsn) {
  const ProgramResult r = run_program({DBAUDIT_BINARY, "doctor", "--dsn", dsn, "--format", "json"}, "/");
  INFO(r.err);
  REQUIRE((r.status == 0 || r.status == 1));
  CHECK(r.err.empty());
  return {r.status, json::parse(r.out)};
}

std::string grade_of(const json& report, const std::string& name) {
  for (const json& s : report["settings"]) {
    if (s["name"] == name) return s["grade"];
  }
  return "not listed";
}

/// Name and value of all that doctor lists, but for what a server changes by itself.
std::set<std::string> values_of(const json& report) {
  std::set<std::string> values;
  for (const json& s : report["settings"]) values.insert(s["name"].get<std::string>() + "=" + s["value"].dump());
  return values;
}

std::set<std::string> codes_of(const ProgramResult& scan) {
  std::set<std::string> codes;
  const json report = json::parse(scan.out);
  for (const json& f : report["findings"]) codes.insert(f["code"].get<std::string>());
  return codes;
}

/// Undoes what a test set, whatever becomes of the test.
class AtEnd {
 public:
  explicit AtEnd(std::function<void()> undo) : undo_(std::move(undo)) {}
  ~AtEnd() { undo_(); }
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;

 private:
  std::function<void()> undo_;
};

// --- PostgreSQL -----------------------------------------------------------------------------------------------------------------------------

constexpr const char* kPostgresSettings[] = {
    "log_statement",       "log_destination",         "log_line_prefix", "log_parameter_max_length",
    "log_error_verbosity", "log_min_error_statement", "log_lock_waits",  "log_min_messages"};

/// Waits until a new session has the values.
void wait_for(const std::string& url, const std::string& condition) {
  for (int i = 0; i < 200; ++i) {
    if (LiveSession(url).value("SELECT " + condition) == "t") return;
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  FAIL(condition << " did not come true");
}

TEST_CASE("doctor on a live PostgreSQL, followed literally, makes a log in which the race is found", "[live][postgres][doctor]") {
  NEED_POSTGRES();
  const char* log = std::getenv("DBAUDIT_TEST_POSTGRES_LOG");
  if (log == nullptr) SKIP_TEST("no DBAUDIT_TEST_POSTGRES_LOG");
  struct Case {
    std::string name;
    std::vector<std::string> spoil;
    std::vector<std::string> must_change;
  };
  const std::vector<Case> cases = {
      {"as initdb leaves it", {"log_statement = 'none'", "log_destination = 'stderr'", "log_line_prefix = '%m [%p] '"}, {"log_statement"}},
      {"all that can be wrong",
       {"log_statement = 'mod'", "log_destination = 'stderr'", "log_line_prefix = '%q%u@%d '", "log_parameter_max_length = 0",
        "log_error_verbosity = 'terse'", "log_min_error_statement = 'panic'", "log_min_messages = 'fatal'"},
       {"log_statement", "log_line_prefix", "log_parameter_max_length", "log_error_verbosity", "log_min_messages"}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    LiveDatabase db;
    const AtEnd undo([&] {
      LiveSession admin(live_postgres_url());
      for (const char* s : kPostgresSettings) admin.run(std::string("ALTER SYSTEM RESET ") + s);
      admin.run("SELECT pg_reload_conf()");
      wait_for(live_postgres_url(), "current_setting('log_statement') = 'all'");
    });
    for (const std::string& s : c.spoil) db.admin().run("ALTER SYSTEM SET " + s);
    db.admin().run("SELECT pg_reload_conf()");
    wait_for(db.url(), "current_setting('log_destination') = 'stderr' AND current_setting('log_statement') <> 'all'");

    const Doctor before = doctor(db.url());
    CHECK(before.status == 1);
    CHECK(before.report["auditable"] == false);
    for (const std::string& name : c.must_change) CHECK(grade_of(before.report, name) == "must-change");
    CHECK(before.report["target"]["isolation"] == "READ COMMITTED");
    CHECK(before.report["logs"][0] == log);

    for (const json& statement : before.report["statements"]) db.admin().run(statement.get<std::string>());
    wait_for(db.url(), "current_setting('log_statement') = 'all'");
    const Doctor after = doctor(db.url());
    INFO(after.report.dump(1));
    CHECK(after.status == 0);
    CHECK(after.report["auditable"] == true);
    CHECK(after.report["statements"].empty());

    // get_or_create of two sessions that miss together, over the protocol that takes parameters.
    db.admin().run("CREATE TABLE tag (id serial PRIMARY KEY, name text NOT NULL)");
    const size_t from = read_file(log).size();
    {
      LiveSession one(db.url()), two(db.url());
      for (int i = 0; i < 4; ++i) {
        const std::vector<std::string> name = {"tag " + std::to_string(i)};
        for (LiveSession* s : {&one, &two}) s->run("BEGIN");
        for (LiveSession* s : {&one, &two}) s->run_with("SELECT id FROM tag WHERE name = $1 LIMIT 1", name);
        for (LiveSession* s : {&one, &two}) s->run_with("INSERT INTO tag (name) VALUES ($1) RETURNING id", name);
        for (LiveSession* s : {&one, &two}) s->run("COMMIT");
      }
    }
    CHECK(db.admin().value("SELECT count(*) FROM tag") == "8");
    const std::string last = "the race of " + db.name() + " is over";
    db.admin().run("SELECT '" + last + "'");
    std::string text;
    for (int i = 0; i < 200; ++i) {
      text = read_file(log).substr(from);
      if (text.find(last) != std::string::npos) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    const TemporaryDirectory directory;
    write_file(directory.path() + "/postgresql.log", text);
    const ProgramResult scan =
        run_program({DBAUDIT_BINARY, "scan", "--dsn", db.url(), "--format", "json", "postgresql.log"}, directory.path());
    INFO(scan.err << scan.out);
    CHECK(scan.status == 1);
    CHECK(codes_of(scan).contains("DBA101"));
    CHECK(json::parse(scan.out)["findings"][0]["confidence"] == "observed");

    // And back, to what it was.
    for (const json& statement : before.report["restore"]) db.admin().run(statement.get<std::string>());
    wait_for(db.url(), "current_setting('log_statement') <> 'all'");
    CHECK(values_of(doctor(db.url()).report) == values_of(before.report));
  }
}

TEST_CASE("doctor tells a PostgreSQL role that sees little what is unknown, and writes nothing", "[live][postgres][doctor]") {
  NEED_POSTGRES();
  LiveDatabase db;
  const std::string role = db.name() + "_r";
  db.admin().run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  db.admin().run("CREATE ROLE " + role + " LOGIN");
  db.admin().run("ALTER ROLE " + role + " SET default_transaction_isolation = 'serializable'");
  const AtEnd drop([&] { db.admin().run("DROP ROLE " + role); });
  const Doctor seen = doctor(db.url("user=" + role));
  CHECK(grade_of(seen.report, "log_statement") == "good");
  CHECK(grade_of(seen.report, "log_directory") == "unknown");
  CHECK(grade_of(seen.report, "log_filename") == "unknown");
  CHECK(grade_of(seen.report, "shared_preload_libraries") == "unknown");
  CHECK(seen.report["target"]["isolation"] == "SERIALIZABLE");
  CHECK(seen.report["notes"].dump().find("pg_read_all_settings") != std::string::npos);
  // A name is nobody's way to a terminal.
  const std::string evil = "\"" + role + "\x1b[31m\nevil\"";
  db.admin().run("CREATE ROLE " + evil);
  db.admin().run("ALTER ROLE " + evil + " SET log_statement = 'none'");
  const ProgramResult shown = run_program({DBAUDIT_BINARY, "doctor", "--dsn", db.url()}, "/");
  db.admin().run("DROP ROLE " + evil);
  CHECK(shown.status == 1);
  CHECK(shown.out.find("\\x1b[31m") != std::string::npos);
  CHECK(shown.out.find('\x1b') == std::string::npos);
  // Granted, it sees.
  db.admin().run("GRANT pg_read_all_settings TO " + role);
  CHECK(grade_of(doctor(db.url("user=" + role)).report, "log_directory") == "not listed");

  const std::string written =
      "SELECT concat_ws(',', tup_inserted, tup_updated, tup_deleted, temp_files) FROM pg_stat_database WHERE datname = current_database()";
  db.admin().run("SELECT pg_stat_force_next_flush()");
  const std::string before = db.admin().value(written), xid = "SELECT pg_snapshot_xmax(pg_current_snapshot())";
  const std::string xid_before = db.admin().value(xid);
  (void)doctor(db.url("application_name=the_doctor"));
  const ProgramResult scan = run_program({DBAUDIT_BINARY, "scan", "--dsn", db.url("application_name=the_doctor")}, "/");
  CHECK(scan.status == 2);
  CHECK(scan.out.empty());
  CHECK(scan.err.find("PostgreSQL keeps no statements") != std::string::npos);
  CHECK(scan.err.find("`dbaudit doctor --dsn ") != std::string::npos);
  CHECK(std::count(scan.err.begin(), scan.err.end(), '\n') == 1);
  db.admin().run("SELECT pg_stat_force_next_flush()");
  CHECK(db.admin().value(written) == before);
  CHECK(db.admin().value(xid) == xid_before);

  // What the server itself saw of these sessions.
  const char* log = std::getenv("DBAUDIT_TEST_POSTGRES_LOG");
  if (log == nullptr) SKIP_TEST("no DBAUDIT_TEST_POSTGRES_LOG");
  const std::string last = "all said in " + db.name();
  db.admin().run("SELECT '" + last + "'");
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text = read_file(log);
    if (text.find(last) != std::string::npos) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  std::set<std::string> said;
  for (std::string_view line : split(text, '\n')) {
    if (line.find("@" + db.name() + " the_doctor ") == std::string_view::npos) continue;
    for (std::string_view mark : {"LOG:  statement: ", "LOG:  execute <unnamed>: "}) {
      const size_t at = line.find(mark);
      if (at == std::string_view::npos) continue;
      const std::string_view sql = line.substr(at + mark.size());
      said.emplace(sql.substr(0, sql.find_first_of(" ;")));
      if (sql.starts_with("BEGIN")) CHECK(sql.find("READ ONLY") != std::string_view::npos);
    }
  }
  CHECK(said == std::set<std::string>{"BEGIN", "SELECT", "SET", "ROLLBACK"});
}

// --- MariaDB and MySQL ----------------------------------------------------------------------------------------------------------------------

/// The log settings of a server, put back at the end.
class KeptLogSettings {
 public:
  explicit KeptLogSettings(const LiveMariaDb& server) : server_(server) {
    MariaDbWriter writer(server);
    for (const char* name : {"log_output", "general_log", "innodb_print_all_deadlocks", "slow_query_log", "long_query_time"})
      values_.push_back({name, writer.value(std::string("SELECT @@global.") + name)});
    consumers_ = writer.rows("SELECT NAME, ENABLED FROM performance_schema.setup_consumers");
    transactions_ = writer.value("SELECT ENABLED FROM performance_schema.setup_instruments WHERE NAME = 'transaction'");
  }
  ~KeptLogSettings() {
    MariaDbWriter writer(server_);
    for (const auto& [name, value] : values_)
      writer.attempt("SET GLOBAL " + name + " = " +
                     (value.find_first_not_of("0123456789.") == std::string::npos ? value : "'" + value + "'"));
    for (const auto& row : consumers_)
      writer.attempt("UPDATE performance_schema.setup_consumers SET ENABLED = '" + row[1] + "' WHERE NAME = '" + row[0] + "'");
    writer.attempt("UPDATE performance_schema.setup_instruments SET ENABLED = '" + transactions_ + "' WHERE NAME = 'transaction'");
  }
  KeptLogSettings(const KeptLogSettings&) = delete;
  KeptLogSettings& operator=(const KeptLogSettings&) = delete;

 private:
  const LiveMariaDb& server_;
  std::vector<std::pair<std::string, std::string>> values_;
  std::vector<std::vector<std::string>> consumers_;
  std::string transactions_;
};

/// get_or_create of two sessions that miss together, four times.
void race(const LiveMariaDb& server, const std::string& database) {
  MariaDbWriter one(server, database), two(server, database);
  for (int i = 0; i < 4; ++i) {
    const std::string name = "'tag " + std::to_string(i) + "\\t\\\\ \\n'";
    for (MariaDbWriter* w : {&one, &two}) w->run("START TRANSACTION");
    for (MariaDbWriter* w : {&one, &two}) w->run("SELECT id FROM tag WHERE name = " + name + " LIMIT 1");
    for (MariaDbWriter* w : {&one, &two}) w->run("INSERT INTO tag (name) VALUES (" + name + ")");
    for (MariaDbWriter* w : {&one, &two}) w->run("COMMIT");
  }
  CHECK(one.value("SELECT count(*) FROM tag") == "8");
}

constexpr const char* kTag = "CREATE TABLE tag (id int AUTO_INCREMENT PRIMARY KEY, name varchar(100) NOT NULL, KEY (name))";

TEST_CASE("doctor on a live MariaDB, followed literally, makes a log in which the race is found", "[live][mariadb][doctor]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const KeptLogSettings kept(*server);
  for (const char* spoil : {"SET GLOBAL general_log = OFF", "SET GLOBAL log_output = 'NONE'"}) {
    CAPTURE(spoil);
    const ScratchMariaDb db(*server, "doctor");
    MariaDbWriter writer(*server, db.name());
    writer.run(kTag);
    writer.run(spoil);
    const Doctor before = doctor(server->dsn_of(db.name()));
    CHECK(before.status == 1);
    CHECK(before.report["target"]["engine"] == "mariadb");
    CHECK(before.report["target"]["isolation"] == "REPEATABLE READ");
    const std::string password = ":" + server->password + "@";
    CHECK(before.report.dump().find(password) == std::string::npos);

    for (const json& statement : before.report["statements"]) writer.run(statement.get<std::string>());
    const Doctor after = doctor(server->dsn_of(db.name()));
    INFO(after.report.dump(1));
    CHECK(after.status == 0);
    CHECK(after.report["statements"].empty());
    const std::string log = after.report["logs"][0];
    const size_t from = read_file(log).size();
    if (from == 0) SKIP_TEST("the general log cannot be read");
    race(*server, db.name());
    const TemporaryDirectory directory;
    write_file(directory.path() + "/general.log", read_file(log).substr(from));
    const ProgramResult scan =
        run_program({DBAUDIT_BINARY, "scan", "--dsn", server->dsn_of(db.name()), "--format", "json", "general.log"}, directory.path());
    INFO(scan.err << scan.out);
    CHECK(scan.status == 1);
    CHECK(codes_of(scan).contains("DBA101"));

    for (const json& statement : before.report["restore"]) writer.run(statement.get<std::string>());
    CHECK(values_of(doctor(server->dsn_of(db.name())).report) == values_of(before.report));
    writer.run("SET GLOBAL log_output = 'FILE', general_log = ON");
  }
}

TEST_CASE("scan --dsn without a log reads what a live MariaDB keeps in its tables", "[live][mariadb][doctor]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const KeptLogSettings kept(*server);
  const ScratchMariaDb db(*server, "held");
  const std::string dsn = server->dsn_of(db.name());
  MariaDbWriter writer(*server, db.name());
  writer.run(kTag);
  const auto scan = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {DBAUDIT_BINARY, "scan", "--dsn", dsn, "--format", "json"};
    words.insert(words.end(), more.begin(), more.end());
    return run_program(words, "/");
  };

  // mysql.general_log, which goes before performance_schema.
  writer.run("SET GLOBAL general_log = OFF");
  writer.run("TRUNCATE mysql.general_log");
  writer.run("SET GLOBAL log_output = 'TABLE', general_log = ON");
  race(*server, db.name());
  writer.run("SET GLOBAL general_log = OFF");
  const ProgramResult table = scan({});
  INFO(table.err << table.out);
  REQUIRE(table.status == 1);
  CHECK(codes_of(table).contains("DBA101"));
  const json report = json::parse(table.out);
  CHECK(report["inputs"].size() == 1);
  CHECK(report["inputs"][0]["path"] == "mysql.general_log");
  CHECK(report["inputs"][0]["format"] == "mysql-general");
  CHECK(report["inputs"][0]["statements"].get<int>() >= 4 * 8);
  CHECK(report["findings"][0]["confidence"] == "observed");
  CHECK(report["findings"][0]["first_time"].get<std::string>().ends_with("Z"));
  CHECK(table.out.find("information_schema") == std::string::npos);  // its own questions are not what is audited
  // The same as what the server's own client prints of the table.
  const ProgramResult dump =
      run_program({"/usr/bin/mariadb", "--no-defaults", "--host=" + server->host, "--port=" + std::to_string(server->port),
                   "--user=" + server->user, "--password=" + server->password, "--batch", "-e",
                   "SET time_zone = '+00:00'; SELECT event_time, user_host, thread_id, server_id, command_type, argument FROM "
                   "mysql.general_log"},
                  "/");
  REQUIRE(dump.status == 0);
  const TemporaryDirectory directory;
  write_file(directory.path() + "/table.tsv", dump.out);
  const ProgramResult file = scan({"--log-timezone", "UTC", directory.path() + "/table.tsv"});
  REQUIRE(file.status == 1);
  json from_file = json::parse(file.out)["findings"], from_server = report["findings"];
  const auto without_place = [](json& findings) {
    for (json& f : findings) {
      for (json& s : f["statements"]) s.erase("file");
      for (json& e : f["evidence"]) e.erase("file");
    }
  };
  without_place(from_file);
  without_place(from_server);
  CHECK(from_file == from_server);

  // performance_schema, when the general log is no table.
  writer.run("SET GLOBAL log_output = 'FILE'");
  if (writer.value("SELECT @@performance_schema") != "1") SKIP_TEST("performance_schema is off");
  writer.run("UPDATE performance_schema.setup_instruments SET ENABLED = 'YES', TIMED = 'YES' WHERE NAME = 'transaction'");
  writer.run(
      "UPDATE performance_schema.setup_consumers SET ENABLED = 'YES' WHERE NAME LIKE 'events_%_history_long' OR NAME LIKE "
      "'events_%_current'");
  writer.run("TRUNCATE TABLE tag");
  race(*server, db.name());
  const ProgramResult history = scan({});
  INFO(history.err << history.out);
  CHECK(history.status == 1);
  const json of_history = json::parse(history.out);
  CHECK(of_history["inputs"][0]["path"] == "performance_schema.events_statements_history_long");
  CHECK(of_history["inputs"][0]["format"] == "mysql-perf-schema");
  CHECK(codes_of(history).contains("DBA101"));
}

TEST_CASE("scan --dsn of a live MariaDB that keeps nothing, or may not be asked, points to doctor", "[live][mariadb][doctor]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const KeptLogSettings kept(*server);
  const ScratchMariaDb db(*server, "holds");
  MariaDbWriter writer(*server, db.name());
  writer.run(kTag);
  const std::string user = "held_" + std::to_string(getpid());
  writer.run("CREATE USER " + user + "@'%' IDENTIFIED BY 'hunter2'");
  writer.run("GRANT SELECT ON " + db.name() + ".* TO " + user + "@'%'");
  const AtEnd drop([&] { writer.attempt("DROP USER " + user + "@'%'"); });
  writer.run("UPDATE performance_schema.setup_consumers SET ENABLED = 'NO' WHERE NAME LIKE '%history_long'");
  writer.run("TRUNCATE performance_schema.events_statements_history_long");
  struct Case {
    std::string set, dsn, expected;
  };
  const std::string admin = server->dsn_of(db.name()), guest = server->dsn_as(user, "hunter2", db.name());
  const std::vector<Case> cases = {
      {"SET GLOBAL log_output = 'FILE', general_log = ON", admin, "the general log goes to a file"},
      {"SET GLOBAL general_log = OFF", admin, "general_log is OFF"},
      {"SET GLOBAL log_output = 'TABLE', general_log = ON", guest, "this user may not SELECT from mysql.general_log"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.set);
    writer.run(c.set);
    const ProgramResult r = run_program({DBAUDIT_BINARY, "scan", "--dsn", c.dsn}, "/");
    INFO(r.err);
    CHECK(r.status == 2);
    CHECK(r.out.empty());
    CHECK(r.err.find(c.expected) != std::string::npos);
    CHECK(r.err.find("dbaudit doctor --dsn") != std::string::npos);
    CHECK(r.err.find("hunter2") == std::string::npos);
    CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
  }
  // The guest may ask doctor; what it may not see is unknown.
  const Doctor seen = doctor(guest);
  CHECK(seen.status == 0);
  if (grade_of(seen.report, "performance_schema") == "good" && writer.value("SELECT @@performance_schema") == "1")
    CHECK(grade_of(seen.report, "events_statements_history_long") == "unknown");
  CHECK(seen.report["notes"].dump().find("may not SELECT from mysql.general_log") != std::string::npos);
}

TEST_CASE("reading a live MariaDB's own log writes nothing, stops nobody, and ends when the server does", "[live][mariadb][doctor]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const KeptLogSettings kept(*server);
  const ScratchMariaDb db(*server, "midway");
  MariaDbWriter writer(*server, db.name());
  writer.run(kTag);
  writer.run("SET GLOBAL log_output = 'TABLE', general_log = ON");
  // More than what fits into sockets and buffers.
  const std::string long_text(60'000, 'x');
  for (int i = 0; i < 400; ++i) writer.run("SELECT '" + long_text + "'");
  const Result<Dsn> dsn = parse_dsn(server->dsn_of(db.name()));
  REQUIRE(dsn);
  const auto counters = [&] {
    return writer.rows(
        "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN ('COM_INSERT', 'COM_UPDATE', "
        "'COM_DELETE', 'COM_REPLACE', 'COM_CREATE_TABLE', 'COM_ALTER_TABLE', 'COM_DROP_TABLE', 'COM_TRUNCATE', 'INNODB_ROWS_INSERTED', "
        "'INNODB_ROWS_UPDATED', 'INNODB_ROWS_DELETED') ORDER BY 1");
  };
  const auto before = counters();
  REQUIRE(before.size() >= 8);
  {
    auto connection = connect(*dsn);
    REQUIRE(connection);
    REQUIRE((*connection)->examine_log());
    Result<HeldLogAnswer> held = (*connection)->held_log();
    REQUIRE(held);
    REQUIRE(held->log != nullptr);
    char buffer[4096];
    const Result<size_t> first = held->log->read(buffer, sizeof buffer);
    REQUIRE(first);
    CHECK(*first > 0);
    // While the reader does not read, the server goes on logging others.
    const auto start = Clock::now();
    for (int i = 0; i < 20; ++i) writer.run("SELECT 'somebody else'");
    CHECK(seconds_since(start) < 3);
    // The whole, in pieces: it ends although the log grew.
    size_t bytes = *first;
    for (;;) {
      const Result<size_t> n = held->log->read(buffer, sizeof buffer);
      REQUIRE(n);
      if (*n == 0) break;
      bytes += *n;
    }
    CHECK(bytes > 400 * long_text.size());
    held->log.reset();
    CHECK((*connection)->introspect());  // the connection is free again
  }
  CHECK(counters() == before);

  for (const char* how : {"KILL CONNECTION", "KILL QUERY"}) {
    CAPTURE(how);
    auto connection = connect(*dsn);
    REQUIRE(connection);
    Result<HeldLogAnswer> held = (*connection)->held_log();
    REQUIRE(held);
    REQUIRE(held->log != nullptr);
    char buffer[4096];
    REQUIRE(held->log->read(buffer, sizeof buffer));
    const std::string reader = writer.value(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT event_time, user_host%' ORDER BY ID DESC LIMIT 1");
    writer.run(std::string(how) + " " + reader);
    const auto start = Clock::now();
    Result<size_t> n = size_t{1};
    while (n && *n > 0) n = held->log->read(buffer, sizeof buffer);
    REQUIRE_FALSE(n);
    INFO(n.error().message);
    CHECK(n.error().message.find('\n') == std::string::npos);
    CHECK(n.error().message.find(":" + server->password + "@") == std::string::npos);
    CHECK(seconds_since(start) < 5);
    held->log.reset();
    CHECK((*connection)->introspect());
  }
  // Left in the middle: what is unread costs the connection, and the next question opens a new one.
  auto connection = connect(*dsn);
  REQUIRE(connection);
  {
    Result<HeldLogAnswer> held = (*connection)->held_log();
    REQUIRE(held);
    char buffer[512];
    REQUIRE(held->log->read(buffer, sizeof buffer));
  }
  const auto start = Clock::now();
  CHECK((*connection)->introspect());
  CHECK(seconds_since(start) < 5);
  writer.run("SET GLOBAL general_log = OFF");
  writer.run("TRUNCATE mysql.general_log");
}

// --- Ways of not getting there --------------------------------------------------------------------------------------------------------------

TEST_CASE("doctor, schema and scan of a server that does not let them in: exit 2, one line, soon", "[live][doctor]") {
  SilentServer silent;
  const std::string port = std::to_string(silent.port);
  struct Case {
    std::string dsn, expected;
  };
  std::vector<Case> cases = {
      {"postgresql://app:hunter2@127.0.0.1:1/shop", "Connection refused"},
      {"postgresql://app:hunter2@127.0.0.1:" + port + "/shop?connect_timeout=2", "timeout expired"},
      {"mysql://app:hunter2@127.0.0.1:1/shop", "127.0.0.1:1"},
      {"mysql://app:hunter2@127.0.0.1:" + port + "/shop?connect_timeout=2", "cannot connect"},
      {"mysql://app:hunter2@no-such-host.invalid/shop", "no-such-host.invalid"},
      {"sqlite:////nowhere/at/all.db", "no such file"},
      {"oracle://app:hunter2@h/d", "unknown database scheme"},
  };
  std::string tls_user, drop_user;
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (server) {
    MariaDbWriter writer(*server);
    tls_user = "tls_" + std::to_string(getpid());
    writer.run("CREATE OR REPLACE USER " + tls_user + "@'%' IDENTIFIED BY 'hunter2' REQUIRE SSL");
    const std::string unknown = server->dsn_as(server->user, "hunter2", "shop");
    cases.push_back({unknown, "Access denied"});
    cases.push_back({server->dsn_as("nobody_at_all", "hunter2", "shop"), "Access denied"});
    cases.push_back({server->dsn_as(tls_user, "hunter2", "shop"), "Access denied"});
    cases.push_back({server->dsn_of("no_such_database"), "Unknown database"});
    if (writer.value("SELECT @@have_ssl") != "YES") {
      cases.push_back({server->dsn_of("shop", "?ssl-mode=REQUIRED"), "TLS"});
      cases.push_back({server->dsn_of("shop", "?ssl-mode=VERIFY_IDENTITY"), "TLS"});
    }
  }
  const AtEnd drop([&] {
    if (server) MariaDbWriter(*server).attempt("DROP USER IF EXISTS " + tls_user + "@'%'");
  });
  if (!live_postgres_url().empty()) {
    cases.push_back({live_postgres_url("no_such_database"), "does not exist"});
    cases.push_back({live_postgres_url("shop", "sslmode=require"), "SSL"});
    cases.push_back({live_postgres_url("shop", "user=nobody_at_all&password=hunter2"), "nobody_at_all"});
  }
  for (const Case& c : cases) {
    for (const char* command : {"doctor", "schema", "scan"}) {
      CAPTURE(c.dsn, command);
      const auto start = Clock::now();
      const ProgramResult r = run_program({DBAUDIT_BINARY, command, "--dsn", c.dsn}, "/", {}, 30);
      INFO(r.err);
      CHECK(r.status == 2);
      CHECK(r.out.empty());
      CHECK(r.err.starts_with("dbaudit: "));
      CHECK(r.err.find(c.expected) != std::string::npos);
      CHECK(r.err.find("hunter2") == std::string::npos);
      CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
      CHECK(seconds_since(start) < 12);
    }
  }
}

}  // namespace
}  // namespace dbaudit
