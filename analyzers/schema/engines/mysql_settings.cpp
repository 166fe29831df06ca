// Global variables → advice (MySQL manual 7.4.3 and 7.4.5, MariaDB "Writing Logs Into Tables", "MariaDB Audit Plugin").
//
// The general log is what an audit wants: every statement of every session, values inlined, in the order in which the server took them. The slow log with
// long_query_time = 0 has every statement, too, but at its end, and server_audit has the error codes that the general log lacks. performance_schema tells
// rows, errors and transactions, but never a bind value, and forgets all but the last statements.

#include "analyzers/schema/engines/mysql_settings.h"

#include <cstdlib>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

constexpr std::string_view kNames =
    "'general_log', 'general_log_file', 'log_output', 'sql_log_off', 'slow_query_log', 'slow_query_log_file', 'long_query_time', "
    "'min_examined_row_limit', 'log_slow_rate_limit', 'log_slow_extra', 'log_slow_filter', 'log_slow_admin_statements', 'log_timestamps', "
    "'innodb_print_all_deadlocks', 'performance_schema', 'performance_schema_events_statements_history_long_size', "
    "'performance_schema_max_sql_text_length', 'server_audit_logging', 'server_audit_events', 'server_audit_file_path', "
    "'server_audit_query_log_limit', 'log_disabled_statements', 'datadir', 'basedir', 'tx_isolation', 'transaction_isolation', 'log_bin', "
    "'log_error'";

constexpr unsigned kSlowExtraSince = 80014;

class Judge {
 public:
  explicit Judge(const MySqlLogState& state) : state_(state), maria_(state.server.engine == Engine::kMariaDb) {}

  LogAdvice judge() {
    advice_.engine = state_.server.engine;
    advice_.version = state_.server.version;
    const auto level = value("transaction_isolation") ? value("transaction_isolation") : value("tx_isolation");
    if (level) advice_.isolation = parse_isolation(*level).value_or(Isolation::kUnknown);
    judge_statements();
    judge_session_switch();
    judge_deadlocks();
    judge_slow();
    judge_audit_plugin();
    judge_performance_schema();
    if (value("log_bin")) add("log_bin", Grade::kGood, "irrelevant here: the binary log holds what was committed, and no reads");
    remark();
    advice_.who = maria_ ? "a user with SUPER" : "a user with SYSTEM_VARIABLES_ADMIN or SUPER";
    advice_.finish();
    return std::move(advice_);
  }

 private:
  [[nodiscard]] std::optional<std::string> value(std::string_view name) const {
    const auto it = state_.variables.find(std::string(name));
    if (it == state_.variables.end()) return std::nullopt;
    return it->second;
  }
  [[nodiscard]] bool is_on(std::string_view name) const {
    const auto v = value(name);
    return v && (iequals(*v, "on") || *v == "1");
  }
  [[nodiscard]] double number(std::string_view name, double otherwise) const {
    const auto v = value(name);
    return v ? std::strtod(v->c_str(), nullptr) : otherwise;
  }
  [[nodiscard]] std::string path(std::string_view name) const {
    const std::string file = value(name).value_or("");
    if (file.empty() || file.starts_with('/')) return file;
    const std::string directory = value("datadir").value_or("");
    return directory + (directory.ends_with('/') ? "" : "/") + (file.starts_with("./") ? file.substr(2) : file);
  }

  /// One line of advice. `to` is the new value as SQL; empty when nothing is to be changed.
  SettingAdvice& add(std::string_view name, Grade grade, std::string meaning, std::string_view to = {}, std::string cost = {}) {
    SettingAdvice& s = advice_.settings.emplace_back();
    s.name = name;
    s.value = value(name).value_or("");
    s.grade = grade;
    s.meaning = std::move(meaning);
    if (to.empty()) return s;
    s.cost = std::move(cost);
    s.change = {"SET GLOBAL " + s.name + " = " + std::string(to) + ";"};
    s.takes_effect = "at once, in running sessions, too";
    const bool is_word = iequals(s.value, "on") || iequals(s.value, "off");
    s.restore = {"SET GLOBAL " + s.name + " = " + (is_word ? s.value : "'" + s.value + "'") + ";"};
    return s;
  }

  void judge_statements() {
    const std::string output = value("log_output").value_or("FILE");
    const bool to_file = icontains(output, "FILE"), to_table = icontains(output, "TABLE"), to_none = !to_file && !to_table;
    const bool general = is_on("general_log") && !to_none;
    const bool slow = is_on("slow_query_log") && !to_none && number("long_query_time", 10) == 0 &&
                      number("min_examined_row_limit", 0) == 0 && number("log_slow_rate_limit", 1) <= 1;
    const std::string events = value("server_audit_events").value_or("");
    const bool audited = is_on("server_audit_logging") && (events.empty() || (icontains(events, "QUERY") && !icontains(events, "QUERY_D")));
    const std::string cost =
        "an entry for each statement, values included (they may be personal data): its text and about 20 bytes, written under one lock; "
        "restore it after the audit";
    if (to_none && (is_on("general_log") || !audited)) {
      add("log_output", slow || audited ? Grade::kCouldBeBetter : Grade::kMustChange,
          "NONE: neither the general nor the slow log is written", "'FILE'", "none by itself");
    } else {
      add("log_output", Grade::kGood,
          to_file && to_table ? "the logs are written to files and tables"
          : to_table          ? "the logs are tables: `dbaudit scan --dsn` without a log reads mysql.general_log"
                              : std::string("the logs are files") +
                           (maria_ ? ", with whole seconds; the table has microseconds (log_output = 'TABLE')" : ""));
    }
    if (general) {
      add("general_log", Grade::kGood, "every statement is logged as it begins, its values inlined; errors are not");
    } else if (slow || audited) {
      add("general_log", Grade::kCouldBeBetter,
          std::string(slow ? "the slow log" : "server_audit") +
              " has every statement, but at its end: after a wait for a lock the order of two sessions is reversed",
          "ON", cost);
    } else {
      add("general_log", Grade::kMustChange, is_on("general_log") ? "is ON, but log_output sends it nowhere" : "statements are not logged",
          is_on("general_log") ? "" : "ON", cost);
      SettingAdvice& s = advice_.settings.back();
      if (!s.change.empty()) {
        s.takes_effect += "; until the server restarts (";
        s.takes_effect += maria_ ? "general_log=1 under [mysqld] keeps it)" : "SET PERSIST keeps it)";
      }
    }
    if (!to_table || to_file) advice_.logs.push_back(path("general_log_file"));
    if (to_table) advice_.logs.emplace_back("mysql.general_log (dbaudit scan --dsn, without a log)");
    if (to_table && state_.reads_general_log && !*state_.reads_general_log)
      advice_.notes.emplace_back("this user may not SELECT from mysql.general_log, so `dbaudit scan --dsn` cannot read it");
    if (slow) advice_.logs.push_back(path("slow_query_log_file"));
    if (audited) advice_.logs.push_back(path("server_audit_file_path"));
    has_general_ = general;
    has_slow_ = slow;
  }

  void judge_session_switch() {
    if (is_on("sql_log_off"))
      add("sql_log_off", Grade::kMustChange, "new sessions do not write to the general log", "OFF", "none").takes_effect =
          "in new sessions";
    const auto disabled = value("log_disabled_statements");
    if (disabled && icontains(*disabled, "sp"))
      add("log_disabled_statements", Grade::kGood, "statements inside stored programs are not in the general log, only their CALL");
  }

  void judge_deadlocks() {
    if (!value("innodb_print_all_deadlocks")) return;
    if (is_on("innodb_print_all_deadlocks")) {
      add("innodb_print_all_deadlocks", Grade::kGood,
          "each deadlock is written to the error log (" + path("log_error") + "), which can be scanned, too");
    } else {
      add("innodb_print_all_deadlocks", Grade::kCouldBeBetter, "only the last deadlock is kept, in SHOW ENGINE INNODB STATUS", "ON",
          "some twenty lines in the error log for each deadlock");
    }
  }

  void judge_slow() {
    if (has_slow_) {
      add("long_query_time", Grade::kGood, "0: the slow log has every statement, with rows and times");
      if (value("log_slow_extra")) {
        if (is_on("log_slow_extra"))
          add("log_slow_extra", Grade::kGood, "the slow log tells error codes, and when a statement began");
        else
          add("log_slow_extra", Grade::kCouldBeBetter, "the slow log does not tell error codes", "ON", "some 200 bytes an entry");
      }
      return;
    }
    const std::string now = value("long_query_time").value_or("?");
    add("slow_query_log", Grade::kGood,
        is_on("slow_query_log") ? "statements of more than " + now + " s: a sample of the slow ones, which the general log makes up for"
                                : "not needed beside the general log");
  }

  void judge_audit_plugin() {
    if (!value("server_audit_logging")) return;
    if (is_on("server_audit_logging")) {
      add("server_audit_logging", Grade::kGood, "its log has what the general log lacks: the error codes");
      if (number("server_audit_query_log_limit", 1024) <= 1024)
        add("server_audit_query_log_limit", Grade::kCouldBeBetter, "longer statements are cut", "1048576",
            "the rest of the long statements");
    } else {
      add("server_audit_logging", Grade::kGood, "the plugin is there, and off; not needed beside the general log");
    }
  }

  void judge_performance_schema() {
    if (!is_on("performance_schema")) {
      add("performance_schema", Grade::kGood, "not needed beside the general log; only a restart turns it on");
      return;
    }
    add("performance_schema", Grade::kGood, "rows, errors and transactions, without bind values: less than the general log tells");
    const auto consumer = [&](std::string_view name, std::optional<bool> on, const std::string& means) {
      SettingAdvice& s = advice_.settings.emplace_back();
      s.name = name;
      if (!on) {
        s.grade = Grade::kUnknown;
        s.meaning = state_.why_no_consumers.empty() ? "this server has no such consumer" : state_.why_no_consumers;
        return;
      }
      s.value = *on ? "YES" : "NO";
      s.grade = Grade::kGood;
      s.meaning = means;
    };
    const std::string size = value("performance_schema_events_statements_history_long_size").value_or("?");
    consumer("events_statements_history_long", state_.keeps_statements,
             state_.keeps_statements.value_or(false)
                 ? "the last " + size + " statements, which `dbaudit scan --dsn` reads when the general log is no table"
                 : "not needed beside the general log");
    if (state_.keeps_statements.value_or(false)) {
      consumer("events_transactions_history_long", state_.keeps_transactions,
               state_.keeps_transactions.value_or(false) && state_.times_transactions.value_or(false)
                   ? "which of them were one transaction, and how it ended"
                   : "transactions are read from BEGIN and COMMIT");
    }
  }

  void remark() {
    if (!state_.server.fork.empty()) advice_.notes.push_back("the server is " + printable(state_.server.fork));
    if (value("basedir").value_or("").starts_with("/rdsdbbin") || state_.server.fork == "Amazon Aurora") {
      advice_.notes.emplace_back(
          "this looks like Amazon RDS or Aurora, where SET GLOBAL is refused: set general_log and log_output in its parameter group");
    }
    if (has_general_ && is_on("slow_query_log") && !maria_ && state_.server.number >= static_cast<int>(kSlowExtraSince) && !has_slow_) {
      advice_.notes.emplace_back(
          "the general log tells no errors; a slow log with long_query_time = 0 and log_slow_extra = ON does, and can be scanned beside "
          "it");
    }
  }

  const MySqlLogState& state_;
  bool maria_;
  LogAdvice advice_;
  bool has_general_ = false, has_slow_ = false;
};

bool is_denied(const Error& error) { return icontains(error.message, "denied"); }

}  // namespace

Result<MySqlLogState> read_mysql_log_state(MySqlSession& session) {
  MySqlLogState state;
  state.server = session.server();
  Result<void> read =
      session.each("SHOW GLOBAL VARIABLES WHERE Variable_name IN (" + std::string(kNames) + ")", [&](std::span<const MySqlValue> row) {
        state.variables[to_lower(row[0].value_or(""))] = std::string(row[1].value_or(""));
        return true;
      });
  if (!read) return tl::unexpected<Error>(read.error());
  const auto ignored = [](std::span<const MySqlValue>) { return true; };
  read = session.each("SELECT 1 FROM mysql.general_log LIMIT 0", ignored);
  if (session.broken()) return tl::unexpected<Error>(read.error());
  if (read || is_denied(read.error())) state.reads_general_log = read.has_value();

  const auto flags = [&](const std::string& sql) -> Result<void> {
    return session.each(sql, [&](std::span<const MySqlValue> row) {
      const std::string_view name = row[0].value_or("");
      const bool on = iequals(row[1].value_or(""), "YES");
      if (name == "events_statements_history_long") state.keeps_statements = on;
      if (name == "events_transactions_history_long") state.keeps_transactions = on;
      if (name == "transaction") state.times_transactions = on;
      return true;
    });
  };
  for (const char* sql : {"SELECT NAME, ENABLED FROM performance_schema.setup_consumers WHERE NAME LIKE 'events\\_%\\_history\\_long'",
                          "SELECT NAME, ENABLED FROM performance_schema.setup_instruments WHERE NAME = 'transaction'"}) {
    read = flags(sql);
    if (session.broken()) return tl::unexpected<Error>(read.error());
    if (!read) state.why_no_consumers = is_denied(read.error()) ? "this user may not SELECT from performance_schema" : read.error().message;
  }
  return state;
}

LogAdvice judge_mysql_log(const MySqlLogState& state) { return Judge(state).judge(); }

}  // namespace dbaudit
