// What doctor makes of a server's settings, without a server: judging is a function of what was read.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "analyzers/schema/engines/mysql_settings.h"
#include "analyzers/schema/engines/postgres_settings.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

using Values = std::map<std::string, std::string>;

/// A server as initdb leaves it, seen by a superuser.
PostgresLogState fresh_postgres() {
  PostgresLogState s;
  s.version_num = 150018;
  s.sees_all = s.is_superuser = true;
  s.data_directory = "/data";
  for (const auto& [name, value] : Values{{"log_statement", "none"},
                                          {"log_min_duration_statement", "-1"},
                                          {"log_min_duration_sample", "-1"},
                                          {"log_statement_sample_rate", "1"},
                                          {"log_transaction_sample_rate", "0"},
                                          {"log_destination", "stderr"},
                                          {"logging_collector", "off"},
                                          {"log_directory", "log"},
                                          {"log_filename", "postgresql-%Y-%m-%d_%H%M%S.log"},
                                          {"log_line_prefix", "%m [%p] "},
                                          {"log_min_messages", "warning"},
                                          {"log_min_error_statement", "error"},
                                          {"log_error_verbosity", "default"},
                                          {"log_parameter_max_length", "-1"},
                                          {"log_parameter_max_length_on_error", "0"},
                                          {"log_duration", "off"},
                                          {"log_lock_waits", "off"},
                                          {"deadlock_timeout", "1000"},
                                          {"log_timezone", "UTC"},
                                          {"compute_query_id", "auto"},
                                          {"shared_preload_libraries", ""},
                                          {"session_preload_libraries", ""},
                                          {"default_transaction_isolation", "read committed"}})
    s.settings[name] = {value, "default", false, false};
  return s;
}

const SettingAdvice* find(const LogAdvice& advice, const std::string& name) {
  for (const SettingAdvice& s : advice.settings) {
    if (s.name == name) return &s;
  }
  return nullptr;
}

std::string grade_of(const LogAdvice& advice, const std::string& name) {
  const SettingAdvice* s = find(advice, name);
  return s == nullptr ? "not listed" : std::string(grade_name(s->grade));
}

TEST_CASE("doctor: a PostgreSQL's settings, one at a time", "[doctor]") {
  struct Case {
    Values changed;  ///< from a fresh server with log_statement = all
    std::string name, grade;
    bool auditable;
  };
  const Values csv = {{"logging_collector", "on"}, {"log_destination", "csvlog"}};
  const auto with = [](Values a, const Values& b) {
    a.insert(b.begin(), b.end());
    return a;
  };
  const std::vector<Case> cases = {
      {{}, "log_statement", "good", true},
      {{{"log_statement", "none"}}, "log_statement", "must-change", false},
      {{{"log_statement", "ddl"}}, "log_statement", "must-change", false},
      {{{"log_statement", "mod"}}, "log_statement", "must-change", false},
      {{{"log_statement", "none"}, {"log_min_duration_statement", "0"}}, "log_statement", "could-be-better", true},
      {{{"log_statement", "none"}, {"log_min_duration_statement", "0"}}, "log_parameter_max_length_on_error", "could-be-better", true},
      {{{"log_statement", "none"}, {"log_min_duration_statement", "250"}}, "log_statement", "must-change", false},
      {{{"log_statement", "none"}, {"log_transaction_sample_rate", "0.1"}}, "log_statement", "must-change", false},
      {{}, "log_line_prefix", "could-be-better", true},
      {{{"log_line_prefix", "%m [%p] %v "}}, "log_line_prefix", "good", true},
      {{{"log_line_prefix", "%n %-10c %10v "}}, "log_line_prefix", "good", true},
      {{{"log_line_prefix", "%t [%p] %v "}}, "log_line_prefix", "could-be-better", true},
      {{{"log_line_prefix", "%m %u@%d "}}, "log_line_prefix", "must-change", false},
      {{{"log_line_prefix", "%m %%p "}}, "log_line_prefix", "must-change", false},
      {{{"log_line_prefix", "%"}}, "log_line_prefix", "must-change", false},
      {{{"log_line_prefix", ""}}, "log_line_prefix", "must-change", false},
      {with({{"log_line_prefix", ""}}, csv), "log_line_prefix", "not listed", true},
      {{{"log_destination", "syslog"}, {"log_line_prefix", "%m %v "}}, "log_line_prefix", "could-be-better", true},
      {{{"log_destination", "syslog"}}, "log_destination", "could-be-better", true},
      {{{"log_destination", "csvlog"}}, "log_destination", "must-change", false},
      {{{"log_destination", "eventlog"}}, "log_destination", "must-change", false},
      {{{"log_destination", ""}}, "log_destination", "must-change", false},
      {{{"log_destination", "stderr, jsonlog"}}, "log_destination", "good", true},
      {csv, "log_destination", "good", true},
      {{{"log_min_messages", "fatal"}}, "log_min_messages", "must-change", false},
      {{{"log_min_messages", "log"}}, "log_min_messages", "could-be-better", true},
      {{{"log_min_messages", "debug5"}}, "log_min_messages", "good", true},
      {{{"log_min_error_statement", "panic"}}, "log_min_error_statement", "could-be-better", true},
      {{{"log_error_verbosity", "terse"}}, "log_error_verbosity", "must-change", false},
      {with({{"log_error_verbosity", "terse"}}, csv), "log_error_verbosity", "could-be-better", true},
      {{{"log_error_verbosity", "verbose"}}, "log_error_verbosity", "good", true},
      {{{"log_parameter_max_length", "0"}}, "log_parameter_max_length", "must-change", false},
      {{{"log_parameter_max_length", "8"}}, "log_parameter_max_length", "could-be-better", true},
      {{{"log_parameter_max_length", "4096"}}, "log_parameter_max_length", "good", true},
      {{}, "log_lock_waits", "could-be-better", true},
      {{{"log_lock_waits", "on"}}, "log_lock_waits", "good", true},
      {{{"shared_preload_libraries", "pg_stat_statements, \"$libdir/pgaudit\""}}, "shared_preload_libraries", "good", true},
      {{{"session_preload_libraries", "auto_explain"}}, "session_preload_libraries", "good", true},
      {{{"shared_preload_libraries", "pgaudit_helper"}}, "shared_preload_libraries", "not listed", true},
  };
  for (const Case& c : cases) {
    PostgresLogState state = fresh_postgres();
    state.settings["log_statement"].value = "all";
    std::string changed;
    for (const auto& [name, value] : c.changed) {
      state.settings[name].value = value;
      changed += name + "=" + value + " ";
    }
    CAPTURE(changed, c.name);
    const LogAdvice advice = judge_postgres_log(state);
    CHECK(grade_of(advice, c.name) == c.grade);
    CHECK(advice.auditable == c.auditable);
    // What is to be changed says how, at what cost, when, and how to undo it; what is good says none of it.
    for (const SettingAdvice& s : advice.settings) {
      CAPTURE(s.name);
      const bool changes = s.grade == Grade::kMustChange || s.grade == Grade::kCouldBeBetter;
      CHECK(s.change.empty() != changes);
      CHECK(s.restore.empty() != changes);
      CHECK(s.cost.empty() != changes);
      CHECK(s.takes_effect.empty() != changes);
      CHECK_FALSE(s.meaning.empty());
    }
    CHECK(std::is_sorted(advice.settings.begin(), advice.settings.end(), [](auto& a, auto& b) { return a.grade < b.grade; }));
    CHECK(advice.statements.empty() == advice.restore.empty());
    if (!advice.statements.empty()) CHECK(advice.statements.back() == "SELECT pg_reload_conf();");
    // Followed, it leaves nothing that must change.
    for (const SettingAdvice& s : advice.settings) {
      if (s.change.empty()) continue;
      std::string value = s.change[0].substr(s.change[0].find(" = ") + 3);
      value.pop_back();
      if (value.front() == '\'') value = value.substr(1, value.size() - 2);
      state.settings[s.name].value = value;
    }
    const LogAdvice after = judge_postgres_log(state);
    CHECK(after.auditable);
    for (const SettingAdvice& s : after.settings) CHECK(s.grade >= Grade::kCouldBeBetter);
  }
}

TEST_CASE("doctor: where a PostgreSQL's value comes from decides what changes it", "[doctor]") {
  PostgresLogState state = fresh_postgres();
  const auto advice_for = [&](const std::string& source, bool by_alter_system) {
    state.settings["log_statement"] = {"mod", source, by_alter_system, false};
    return judge_postgres_log(state);
  };
  const LogAdvice from_file = advice_for("configuration file", false);
  CHECK(find(from_file, "log_statement")->change == std::vector<std::string>{"ALTER SYSTEM SET log_statement = 'all';"});
  CHECK(find(from_file, "log_statement")->restore == std::vector<std::string>{"ALTER SYSTEM RESET log_statement;"});
  const LogAdvice from_auto = advice_for("configuration file", true);
  CHECK(find(from_auto, "log_statement")->restore == std::vector<std::string>{"ALTER SYSTEM SET log_statement = 'mod';"});
  const LogAdvice from_command = advice_for("command line", false);
  CHECK(find(from_command, "log_statement")->change[0].find("-c log_statement='all'") != std::string::npos);
  CHECK(find(from_command, "log_statement")->takes_effect == "after a restart");

  // Of this role only: what others get is not known.
  state.settings["log_statement"] = {"all", "user", false, false};
  CHECK(grade_of(judge_postgres_log(state), "log_statement") == "unknown");
  CHECK_FALSE(judge_postgres_log(state).auditable);
  state.settings["log_statement"] = {"all", "default", false, true};
  CHECK(find(judge_postgres_log(state), "log_statement")->meaning.find("waits for a restart") != std::string::npos);

  // Another role's own value hides it from the log.
  state.overrides = {
      {"web\"app", "", "log_statement", "none"}, {"", "shop", "log_parameter_max_length", "0"}, {"ok", "", "log_statement", "all"}};
  state.overrides.push_back({"ro", "shop", "default_transaction_isolation", "serializable"});
  const LogAdvice overridden = judge_postgres_log(state);
  CHECK_FALSE(overridden.auditable);
  const auto has = [&](const std::string& statement) {
    return std::find(overridden.statements.begin(), overridden.statements.end(), statement) != overridden.statements.end();
  };
  CHECK(has("ALTER ROLE \"web\"\"app\" RESET log_statement;"));
  CHECK(has("ALTER DATABASE \"shop\" RESET log_parameter_max_length;"));
  CHECK_FALSE(has("ALTER ROLE \"ok\" RESET log_statement;"));
  CHECK(std::any_of(overridden.notes.begin(), overridden.notes.end(),
                    [](const std::string& n) { return n.find("--isolation") != std::string::npos; }));

  // A hidden setting is unknown, not absent; nothing must change because of it.
  PostgresLogState hidden = fresh_postgres();
  hidden.settings["log_statement"].value = "all";
  hidden.settings["logging_collector"].value = "on";
  hidden.sees_all = hidden.is_superuser = false;
  for (const char* name : {"log_directory", "log_filename", "shared_preload_libraries"}) hidden.settings.erase(name);
  const LogAdvice seen = judge_postgres_log(hidden);
  CHECK(seen.auditable);
  CHECK(grade_of(seen, "log_directory") == "unknown");
  CHECK(grade_of(seen, "shared_preload_libraries") == "unknown");
  CHECK(seen.logs == std::vector<std::string>{"log_directory, which this role may not see"});

  // What an older server does not have is not asked of it.
  PostgresLogState old = fresh_postgres();
  old.version_num = 100000;
  for (const char* name : {"log_parameter_max_length", "log_parameter_max_length_on_error", "compute_query_id"}) old.settings.erase(name);
  CHECK(grade_of(judge_postgres_log(old), "log_parameter_max_length") == "not listed");
}

/// A MariaDB as its package leaves it.
MySqlLogState fresh_mariadb() {
  MySqlLogState s;
  s.server.engine = Engine::kMariaDb;
  s.server.version = "10.11.19-MariaDB";
  s.server.number = 101119;
  s.reads_general_log = true;
  s.variables = {{"general_log", "OFF"},
                 {"general_log_file", "host.log"},
                 {"log_output", "FILE"},
                 {"sql_log_off", "OFF"},
                 {"slow_query_log", "OFF"},
                 {"slow_query_log_file", "host-slow.log"},
                 {"long_query_time", "10.000000"},
                 {"min_examined_row_limit", "0"},
                 {"log_slow_rate_limit", "1"},
                 {"innodb_print_all_deadlocks", "OFF"},
                 {"performance_schema", "OFF"},
                 {"datadir", "/var/lib/mysql/"},
                 {"tx_isolation", "REPEATABLE-READ"},
                 {"log_bin", "OFF"},
                 {"log_error", ""}};
  return s;
}

TEST_CASE("doctor: a MySQL's and a MariaDB's settings, one at a time", "[doctor]") {
  struct Case {
    Values changed;
    std::string name, grade;
    bool auditable;
    std::string log;  ///< one of those named; empty: not asked
  };
  const Values slow = {{"slow_query_log", "ON"}, {"long_query_time", "0.000000"}};
  const auto with = [](Values a, const Values& b) {
    a.insert(b.begin(), b.end());
    return a;
  };
  const std::vector<Case> cases = {
      {{}, "general_log", "must-change", false, "/var/lib/mysql/host.log"},
      {{{"general_log", "ON"}}, "general_log", "good", true, "/var/lib/mysql/host.log"},
      {{{"general_log", "ON"}, {"general_log_file", "/var/log/all.log"}}, "general_log", "good", true, "/var/log/all.log"},
      {{{"general_log", "ON"}, {"log_output", "TABLE"}},
       "log_output",
       "good",
       true,
       "mysql.general_log (dbaudit scan --dsn, without a log)"},
      {{{"general_log", "ON"}, {"log_output", "FILE,TABLE"}}, "log_output", "good", true, "/var/lib/mysql/host.log"},
      {{{"general_log", "ON"}, {"log_output", "NONE"}}, "log_output", "must-change", false, ""},
      {{{"log_output", "NONE"}}, "log_output", "must-change", false, ""},
      {{{"general_log", "ON"}, {"sql_log_off", "ON"}}, "sql_log_off", "must-change", false, ""},
      {slow, "general_log", "could-be-better", true, "/var/lib/mysql/host-slow.log"},
      {with({{"min_examined_row_limit", "10"}}, slow), "general_log", "must-change", false, ""},
      {with({{"log_slow_rate_limit", "100"}}, slow), "general_log", "must-change", false, ""},
      {{{"slow_query_log", "ON"}, {"long_query_time", "0.5"}}, "general_log", "must-change", false, ""},
      {with({{"log_slow_extra", "OFF"}}, slow), "log_slow_extra", "could-be-better", true, ""},
      {{{"server_audit_logging", "ON"}, {"server_audit_events", ""}}, "general_log", "could-be-better", true, ""},
      {{{"server_audit_logging", "ON"}, {"server_audit_events", "CONNECT,QUERY"}}, "general_log", "could-be-better", true, ""},
      {{{"server_audit_logging", "ON"}, {"server_audit_events", "QUERY_DDL"}}, "general_log", "must-change", false, ""},
      {{{"server_audit_logging", "ON"}, {"server_audit_events", "CONNECT"}}, "general_log", "must-change", false, ""},
      {{{"server_audit_logging", "OFF"}, {"server_audit_events", ""}}, "general_log", "must-change", false, ""},
      {{{"general_log", "ON"}}, "innodb_print_all_deadlocks", "could-be-better", true, ""},
      {{{"general_log", "ON"}, {"performance_schema", "ON"}}, "events_statements_history_long", "unknown", true, ""},
      {{{"performance_schema", "ON"}}, "general_log", "must-change", false, ""},
  };
  for (const Case& c : cases) {
    MySqlLogState state = fresh_mariadb();
    std::string changed;
    for (const auto& [name, value] : c.changed) {
      state.variables[name] = value;
      changed += name + "=" + value + " ";
    }
    state.why_no_consumers = "this user may not SELECT from performance_schema";
    CAPTURE(changed, c.name);
    const LogAdvice advice = judge_mysql_log(state);
    CHECK(grade_of(advice, c.name) == c.grade);
    CHECK(advice.auditable == c.auditable);
    if (!c.log.empty()) CHECK(std::find(advice.logs.begin(), advice.logs.end(), c.log) != advice.logs.end());
    for (const SettingAdvice& s : advice.settings) {
      CAPTURE(s.name, s.meaning);
      CHECK((s.change.empty() || !s.cost.empty()));
      CHECK((s.change.empty() || s.change[0].starts_with("SET GLOBAL ")));
      CHECK(s.change.size() == s.restore.size());
      if (!s.change.empty()) state.variables[s.name] = "ON";
      if (s.name == "log_output" && !s.change.empty()) state.variables[s.name] = "FILE";
      if (s.name == "sql_log_off" && !s.change.empty()) state.variables[s.name] = "OFF";
    }
    CHECK(judge_mysql_log(state).auditable);
  }
}

TEST_CASE("doctor: SQLite has no log, and doctor says what the application can turn on", "[doctor]") {
  const TemporaryDirectory directory;
  const ProgramResult made = run_program({DBAUDIT_BINARY, "demo", "--keep", directory.path() + "/kept"}, directory.path());
  REQUIRE(made.status <= 1);
  const std::string database = directory.path() + "/kept/shop.db";
  const std::string before = read_file(database);
  REQUIRE_FALSE(before.empty());
  const ProgramResult text = run_program({DBAUDIT_BINARY, "doctor", "--dsn", "sqlite:///" + database}, directory.path());
  INFO(text.err);
  CHECK(text.status == 1);
  CHECK(text.err.empty());
  for (const char* word : {"SQLite", "SERIALIZABLE", "must change", "django", "sqlalchemy", "jsonl", ".trace"}) {
    CAPTURE(word);
    CHECK(text.out.find(word) != std::string::npos);
  }
  const ProgramResult json = run_program({DBAUDIT_BINARY, "doctor", "--dsn", database, "--format", "json"}, directory.path());
  CHECK(json.status == 1);
  const auto report = nlohmann::json::parse(json.out);
  CHECK(report["auditable"] == false);
  CHECK(report["target"]["engine"] == "sqlite");
  CHECK(report["application_logs"].size() >= 13);
  const ProgramResult nothing = run_program({DBAUDIT_BINARY, "scan", "--dsn", database}, directory.path());
  CHECK(nothing.status == 2);
  CHECK(nothing.out.empty());
  CHECK(nothing.err.find("dbaudit doctor --dsn") != std::string::npos);
  CHECK(std::count(nothing.err.begin(), nothing.err.end(), '\n') == 1);
  // Nothing was written.
  CHECK(read_file(database) == before);
  for (const char* suffix : {"-wal", "-shm", "-journal"}) CHECK(read_file(database + suffix).empty());
}

}  // namespace
}  // namespace dbaudit
