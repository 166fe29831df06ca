// pg_settings → advice (manual 20.8, Error Reporting and Logging; ALTER SYSTEM).
//
// log_statement = 'all' is what an audit wants: it writes statements at their beginning and those that fail, with their bind values in DETAIL.
// log_min_duration_statement = 0 shows every statement, too, but at its end, where a session that waited for a lock comes after the one it waited
// for, and a failed one only through its ERROR. Everything else here is about what an entry tells: whose session, which transaction, which values.

#include "analyzers/schema/engines/postgres_settings.h"

#include <algorithm>
#include <cstdlib>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

/// Settings that are read, and the server_version_num since when they exist.
struct Known {
  std::string_view name;
  int since;
};
constexpr Known kKnown[] = {{"log_statement", 0},
                            {"log_min_duration_statement", 0},
                            {"log_min_duration_sample", 130000},
                            {"log_statement_sample_rate", 130000},
                            {"log_transaction_sample_rate", 120000},
                            {"log_destination", 0},
                            {"logging_collector", 0},
                            {"log_directory", 0},
                            {"log_filename", 0},
                            {"log_line_prefix", 0},
                            {"log_min_messages", 0},
                            {"log_min_error_statement", 0},
                            {"log_error_verbosity", 0},
                            {"log_parameter_max_length", 130000},
                            {"log_parameter_max_length_on_error", 130000},
                            {"log_duration", 0},
                            {"log_lock_waits", 0},
                            {"deadlock_timeout", 0},
                            {"log_timezone", 0},
                            {"compute_query_id", 140000},
                            {"shared_preload_libraries", 0},
                            {"session_preload_libraries", 0},
                            {"default_transaction_isolation", 0},
                            {"in_hot_standby", 140000}};

/// What a new prefix says: time in milliseconds, process, transaction, user, database, application.
constexpr std::string_view kPrefix = "'%m [%p] %v %q%u@%d %a '";

std::string literal(std::string_view value) {
  std::string out = "'";
  for (char c : value) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

std::string identifier(std::string_view name) {
  std::string out = "\"";
  for (char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

/// The letters of the escapes in a log_line_prefix; a number between % and the letter pads it.
std::string escapes_of(std::string_view prefix) {
  std::string letters;
  for (size_t i = 0; i + 1 < prefix.size(); ++i) {
    if (prefix[i] != '%') continue;
    ++i;
    while (i + 1 < prefix.size() && (prefix[i] == '-' || (prefix[i] >= '0' && prefix[i] <= '9'))) ++i;
    letters += prefix[i];
  }
  return letters;
}

/// A word of a comma-separated list.
bool lists(std::string_view list, std::string_view word) {
  for (std::string_view item : split(list, ',')) {
    item = trim(item);
    if (item.size() > 1 && item.front() == '"' && item.back() == '"') item = item.substr(1, item.size() - 2);
    if (const size_t slash = item.rfind('/'); slash != std::string_view::npos) item.remove_prefix(slash + 1);
    if (iequals(item, word)) return true;
  }
  return false;
}

class Judge {
 public:
  explicit Judge(const PostgresLogState& state) : state_(state) {}

  LogAdvice judge() {
    advice_.engine = Engine::kPostgres;
    if (const auto level = value("default_transaction_isolation"))
      advice_.isolation = parse_isolation(*level).value_or(Isolation::kUnknown);
    judge_statements();
    judge_destination();
    judge_prefix();
    judge_messages();
    judge_values();
    judge_locks();
    judge_extensions();
    judge_overrides();
    remark();
    advice_.who = std::string("a superuser") + (state_.is_superuser ? " (the role of this DSN is one)" : "") +
                  (state_.version_num >= 150000 ? ", or a role that was granted ALTER SYSTEM on each setting," : "");
    advice_.finish({"SELECT pg_reload_conf();"});
    // Set for this role alone: what is logged of the others is anybody's guess, and a guess is no yes.
    for (const SettingAdvice& s : advice_.settings) {
      if (s.name == "log_statement" && s.grade == Grade::kUnknown) advice_.auditable = false;
    }
    return std::move(advice_);
  }

 private:
  /// nullopt: not shown to this role, or unknown to this version.
  [[nodiscard]] std::optional<std::string> value(std::string_view name) const {
    const auto it = state_.settings.find(std::string(name));
    if (it == state_.settings.end()) return std::nullopt;
    return it->second.value;
  }
  [[nodiscard]] bool is(std::string_view name, std::string_view wanted) const {
    const auto v = value(name);
    return v && iequals(*v, wanted);
  }
  [[nodiscard]] long number(std::string_view name, long otherwise) const {
    const auto v = value(name);
    return v && !v->empty() ? std::strtol(v->c_str(), nullptr, 10) : otherwise;
  }

  /// One line of advice. `to` is the new value as SQL; empty when nothing is to be changed.
  SettingAdvice& add(std::string_view name, Grade grade, std::string meaning, std::string_view to = {}, std::string cost = {}) {
    SettingAdvice& s = advice_.settings.emplace_back();
    s.name = name;
    s.grade = grade;
    s.meaning = std::move(meaning);
    const auto it = state_.settings.find(s.name);
    if (it == state_.settings.end()) {
      s.grade = Grade::kUnknown;
      s.meaning = "this role may not see it (pg_read_all_settings may)";
      return s;
    }
    const PostgresSetting& now = it->second;
    s.value = now.value;
    if (now.waits_for_restart) s.meaning += "; it was changed in the configuration and waits for a restart";
    // Of other roles this value says nothing.
    const bool is_own =
        now.source == "user" || now.source == "database user" || now.source == "client" || now.source == "environment variable";
    if (is_own) {
      s.meaning += "; this is what the role of this DSN gets (" + now.source + "), other roles may get another value";
      if (s.grade == Grade::kGood) s.grade = Grade::kUnknown;
    }
    if (to.empty()) return s;
    s.cost = std::move(cost);
    if (now.source == "command line") {
      s.change = {"-- on the server's command line, which wins over ALTER SYSTEM: -c " + s.name + "=" + std::string(to)};
      s.takes_effect = "after a restart";
      return s;
    }
    s.change = {"ALTER SYSTEM SET " + s.name + " = " + std::string(to) + ";"};
    s.takes_effect = "after pg_reload_conf(), in running sessions, too";
    s.restore = {now.by_alter_system ? "ALTER SYSTEM SET " + s.name + " = " + literal(now.value) + ";"
                                     : "ALTER SYSTEM RESET " + s.name + ";"};
    return s;
  }

  void judge_statements() {
    shows_all_ = is("log_statement", "all");
    shows_durations_ = number("log_min_duration_statement", -1) == 0;
    const std::string cost =
        "an entry for each statement, values included (they may be personal data): its text and 80 (plain log) to 370 bytes (jsonlog); "
        "restore it after the "
        "audit";
    if (shows_all_) {
      add("log_statement", Grade::kGood, "every statement is written as it begins, failed ones, too");
    } else if (shows_durations_) {
      add("log_statement", Grade::kCouldBeBetter,
          "log_min_duration_statement = 0 shows every statement, but at its end: after a wait for a lock the order of two sessions is "
          "reversed",
          "'all'", cost);
    } else {
      const long slow = number("log_min_duration_statement", -1);
      const std::string rest =
          slow > 0 ? "; only statements of " + std::to_string(slow) + " ms and more are written: a sample of the slow ones" : "";
      add("log_statement", Grade::kMustChange,
          is("log_statement", "mod")   ? "writes are logged, the reads they rest on are not" + rest
          : is("log_statement", "ddl") ? "only changes of the schema are logged" + rest
                                       : "statements are not logged" + rest,
          "'all'", cost);
    }
    if (shows_durations_) add("log_min_duration_statement", Grade::kGood, "each statement gets its duration");
    // Beside log_statement = 'all' samples only add durations.
    if (!shows_all_ && !shows_durations_) {
      if (const auto rate = value("log_transaction_sample_rate"); rate && *rate != "0")
        add("log_transaction_sample_rate", Grade::kGood,
            "a share of the transactions is logged: a sample, from which nothing follows for the rest");
      if (number("log_min_duration_sample", -1) >= 0)
        add("log_statement_sample_rate", Grade::kGood,
            "a share of the statements is logged: a sample, from which nothing follows for the rest");
    }
    if (is("log_duration", "on")) add("log_duration", Grade::kGood, "adds entries with a duration only; not needed, not in the way");
  }

  void judge_destination() {
    const std::string destination = value("log_destination").value_or("stderr");
    collects_ = is("logging_collector", "on");
    const bool csv = lists(destination, "csvlog"), json = lists(destination, "jsonlog");
    is_structured_ = collects_ && (csv || json);
    const bool plain = lists(destination, "stderr"), syslog = lists(destination, "syslog");
    if (is_structured_) {
      add("log_destination", Grade::kGood,
          std::string(json ? "jsonlog" : "csvlog") +
              " tells the session, the transaction and its state, error codes and values of every entry");
    } else if (plain) {
      add("log_destination", Grade::kGood,
          csv || json ? "the plain log; csvlog and jsonlog are written by the logging collector only, which is off"
                      : "the plain log; what an entry tells is up to log_line_prefix");
    } else if (syslog) {
      add("log_destination", Grade::kCouldBeBetter, "syslog keeps whole seconds, cuts long entries into pieces and may drop some",
          "'syslog,stderr'", "the log is written twice");
    } else {
      add("log_destination", Grade::kMustChange,
          csv || json ? "csvlog and jsonlog are written by the logging collector only, which is off" : "no log that can be read here",
          "'stderr'", "none");
    }
    is_plain_read_ = !is_structured_;
    if (collects_) {
      add("logging_collector", Grade::kGood, "the server writes files of its own");
      for (std::string_view name : {"log_directory", "log_filename"}) {
        if (!value(name)) add(name, Grade::kUnknown, "");
      }
      advice_.logs = log_files(json, csv, plain);
    } else {
      add("logging_collector", Grade::kGood, "the log goes to the server's standard error: whoever started the server has it");
      advice_.logs = {
          "the server's standard error: the file of pg_ctl -l, journalctl -u postgresql, docker logs, or "
          "/var/log/postgresql/postgresql-*-main.log on Debian and Ubuntu"};
      if (syslog) advice_.logs.emplace_back("syslog");
    }
  }

  [[nodiscard]] std::vector<std::string> log_files(bool json, bool csv, bool plain) const {
    const auto directory = value("log_directory"), filename = value("log_filename");
    if (!directory || !filename) return {"log_directory, which this role may not see"};
    std::string base = directory->starts_with('/')     ? *directory
                       : state_.data_directory.empty() ? "DATA_DIRECTORY/" + *directory
                                                       : state_.data_directory + "/" + *directory;
    std::string stem = *filename;
    if (stem.ends_with(".log")) stem.resize(stem.size() - 4);
    std::vector<std::string> files;
    if (json) files.push_back(base + "/" + stem + ".json");
    if (csv) files.push_back(base + "/" + stem + ".csv");
    if (plain) files.push_back(base + "/" + *filename);
    return files;
  }

  void judge_prefix() {
    const std::string prefix = value("log_line_prefix").value_or("");
    if (!is_plain_read_) return;
    const std::string letters = escapes_of(prefix);
    const auto has = [&](std::string_view any) { return letters.find_first_of(any) != std::string::npos; };
    const bool syslog_only =
        lists(value("log_destination").value_or(""), "syslog") && !lists(value("log_destination").value_or(""), "stderr");
    const std::string cost = "a few bytes an entry; what reads this log by its old prefix has to learn the new one";
    if (!has("pc")) {
      // syslog writes the process itself; the plain log that is advised beside it does not.
      add("log_line_prefix", syslog_only ? Grade::kCouldBeBetter : Grade::kMustChange,
          syslog_only ? "only syslog's own header tells sessions apart: neither %p nor %c"
                      : "nothing tells sessions apart: neither %p nor %c",
          kPrefix, cost);
    } else if (!has("mn") && !has("t")) {
      add("log_line_prefix", Grade::kCouldBeBetter, "no time (%m): sessions cannot be seen to overlap", kPrefix, cost);
    } else if (!has("mn")) {
      add("log_line_prefix", Grade::kCouldBeBetter, "%t has whole seconds, in which most races begin and end; %m has milliseconds", kPrefix,
          cost);
    } else if (!has("v")) {
      add("log_line_prefix", Grade::kCouldBeBetter,
          "sessions and times are told; %v names the transaction of every statement, which else is read from BEGIN and COMMIT", kPrefix,
          cost);
    } else {
      add("log_line_prefix", Grade::kGood, "tells the session, the time and the transaction");
    }
  }

  void judge_messages() {
    const auto level = value("log_min_messages");
    if (level && (iequals(*level, "fatal") || iequals(*level, "panic"))) {
      add("log_min_messages", Grade::kMustChange, "entries of statements (LOG) and errors are suppressed", "'warning'",
          "none: it is the default");
    } else if (level && iequals(*level, "log")) {
      add("log_min_messages", Grade::kCouldBeBetter,
          "errors are suppressed: duplicate keys, deadlocks and serialization failures stay unseen", "'warning'",
          "none: it is the default");
    } else {
      add("log_min_messages", Grade::kGood, "statements and errors are let through");
    }
    const auto statement = value("log_min_error_statement");
    if (statement && (iequals(*statement, "log") || iequals(*statement, "fatal") || iequals(*statement, "panic"))) {
      add("log_min_error_statement", Grade::kCouldBeBetter, "an error comes without the statement that failed", "'error'",
          "none: it is the default");
    } else {
      add("log_min_error_statement", Grade::kGood, "an error comes with its statement");
    }
    if (is("log_error_verbosity", "terse")) {
      add("log_error_verbosity", is_plain_read_ ? Grade::kMustChange : Grade::kCouldBeBetter,
          "DETAIL is left out, and with it bind values and who waited for whom", "'default'", "a line more for an entry with values");
    } else {
      add("log_error_verbosity", Grade::kGood, "DETAIL, which holds the bind values, is written");
    }
  }

  void judge_values() {
    if (state_.version_num < 130000) return;
    const long length = number("log_parameter_max_length", -1);
    if (length == 0) {
      add("log_parameter_max_length", Grade::kMustChange, "bind values are left out: a write cannot be linked to the read it follows", "-1",
          "the values themselves, which may be personal data");
    } else if (length > 0 && length < 64) {
      add("log_parameter_max_length", Grade::kCouldBeBetter, "bind values are cut: long keys look alike", "-1",
          "the values at full length");
    } else {
      add("log_parameter_max_length", Grade::kGood,
          length < 0 ? "bind values are written whole" : "bind values are long enough to tell keys apart");
    }
    if (number("log_parameter_max_length_on_error", 0) == 0 && !shows_all_ && shows_durations_) {
      add("log_parameter_max_length_on_error", Grade::kCouldBeBetter,
          "without log_statement = 'all' a failed statement has no entry but its error, and that comes without values", "-1",
          "values are kept in memory until their statement ends");
    }
  }

  void judge_locks() {
    if (is("log_lock_waits", "on")) {
      add("log_lock_waits", Grade::kGood, "waits for locks beyond deadlock_timeout are written");
    } else {
      add("log_lock_waits", Grade::kCouldBeBetter, "waits for locks are not written: who blocked whom is seen for deadlocks only", "on",
          "an entry for each wait of more than deadlock_timeout (" + value("deadlock_timeout").value_or("1000") + " ms)");
    }
    if (value("compute_query_id")) add("compute_query_id", Grade::kGood, "not needed: statements are told apart by their own text");
  }

  void judge_extensions() {
    for (std::string_view list : {"shared_preload_libraries", "session_preload_libraries"}) {
      const auto loaded = value(list);
      if (!loaded) {
        if (list.starts_with("shared")) add(list, Grade::kUnknown, "");
        continue;
      }
      if (lists(*loaded, "pgaudit"))
        add(list, Grade::kGood, "pgaudit writes entries of its own, which are read; those of failed statements it leaves out");
      if (lists(*loaded, "auto_explain")) add(list, Grade::kGood, "auto_explain's plans are read; they tell how many rows a statement met");
    }
  }

  void judge_overrides() {
    for (const PostgresOverride& o : state_.overrides) {
      const std::string who = o.role.empty()       ? "DATABASE " + identifier(o.database)
                              : o.database.empty() ? "ROLE " + identifier(o.role)
                                                   : "ROLE " + identifier(o.role) + " IN DATABASE " + identifier(o.database);
      const bool hides = (o.name == "log_statement" && !iequals(o.value, "all") && !shows_durations_) ||
                         (o.name == "log_parameter_max_length" && o.value == "0") ||
                         (o.name == "log_min_messages" && (iequals(o.value, "fatal") || iequals(o.value, "panic"))) ||
                         (o.name == "log_error_verbosity" && iequals(o.value, "terse") && is_plain_read_);
      if (!hides) {
        if (o.name == "default_transaction_isolation")
          advice_.notes.push_back("ALTER " + printable(who) + " SET " + o.name + " = " + printable(literal(o.value)) +
                                  ": if the application is that, say so with --isolation");
        continue;
      }
      SettingAdvice& s = advice_.settings.emplace_back();
      s.name = o.name + " of " + who;
      s.value = o.value;
      s.grade = Grade::kMustChange;
      s.meaning = "wins over the server's own value";
      s.cost = "as for " + o.name;
      s.change = {"ALTER " + who + " RESET " + o.name + ";"};
      s.takes_effect = "in new sessions";
      s.restore = {"ALTER " + who + " SET " + o.name + " = " + literal(o.value) + ";"};
    }
  }

  void remark() {
    if (!state_.service.empty()) {
      advice_.notes.push_back("this looks like " + state_.service +
                              ", where ALTER SYSTEM is refused: set the same names in its parameter group, flags or server parameters");
    }
    if (!state_.sees_all)
      advice_.notes.emplace_back(
          "some settings are shown to superusers and members of pg_read_all_settings only: what is unknown here is not absent");
    if (const auto zone = value("log_timezone");
        zone && is_plain_read_ && !iequals(*zone, "UTC") && !iequals(*zone, "GMT") && !iequals(*zone, "Etc/UTC"))
      advice_.notes.push_back("times in the log are in " + printable(*zone) + " (log_timezone); --log-timezone says so to a scan");
    if (!state_.current_log.empty()) advice_.notes.push_back("written now: " + printable(state_.current_log));
  }

  const PostgresLogState& state_;
  LogAdvice advice_;
  bool shows_all_ = false, shows_durations_ = false, collects_ = false, is_structured_ = false, is_plain_read_ = false;
};

}  // namespace

Result<PostgresLogState> read_postgres_log_state(int version_num, const PostgresSelect& select) {
  PostgresLogState state;
  state.version_num = version_num;
  std::string names;
  for (const Known& k : kKnown) names += (names.empty() ? "'" : ", '") + std::string(k.name) + "'";
  // sourcefile is NULL for those who may not see it.
  Result<void> r = select(
      "SELECT name, reset_val, source, coalesce(sourcefile LIKE '%postgresql.auto.conf', false), pending_restart"
      " FROM pg_catalog.pg_settings WHERE name IN (" +
          names + ") ORDER BY name",
      [&](const PostgresRow& row) {
        state.settings[std::string(row[0])] = {std::string(row[1]), std::string(row[2]), row[3] == "t", row[4] == "t"};
      });
  if (!r) return tl::unexpected<Error>(r.error());
  r = select(
      "SELECT coalesce(r.rolname, ''), coalesce(d.datname, ''), pg_catalog.split_part(c.c, '=', 1),"
      " pg_catalog.substr(c.c, pg_catalog.strpos(c.c, '=') + 1)"
      " FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole"
      " LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase, pg_catalog.unnest(s.setconfig) AS c(c)"
      " WHERE (c.c LIKE 'log\\_%' OR c.c LIKE 'default\\_transaction\\_isolation=%')"
      " AND (s.setdatabase = 0 OR d.datname = pg_catalog.current_database()) ORDER BY 1, 2, 3",
      [&](const PostgresRow& row) {
        state.overrides.push_back({std::string(row[0]), std::string(row[1]), std::string(row[2]), std::string(row[3])});
      });
  if (!r) return tl::unexpected<Error>(r.error());
  r = select(
      "SELECT pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE'), rolsuper FROM pg_catalog.pg_roles"
      " WHERE rolname = current_user",
      [&](const PostgresRow& row) {
        state.is_superuser = row[1] == "t";
        state.sees_all = state.is_superuser || row[0] == "t";
      });
  if (!r) return tl::unexpected<Error>(r.error());
  r = select("SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ('rds_superuser', 'azure_pg_admin', 'cloudsqlsuperuser') ORDER BY 1",
             [&](const PostgresRow& row) {
               state.service = row[0] == "rds_superuser"    ? "Amazon RDS or Aurora"
                               : row[0] == "azure_pg_admin" ? "Azure Database"
                                                            : "Google Cloud SQL";
             });
  if (!r) return tl::unexpected<Error>(r.error());
  if (state.sees_all) {
    // pg_current_logfile() is for superusers and pg_monitor; asked only where it cannot fail, since an error would end the transaction.
    r = select(state.is_superuser ? "SELECT pg_catalog.current_setting('data_directory'), pg_catalog.pg_current_logfile()"
                                  : "SELECT pg_catalog.current_setting('data_directory'), NULL",
               [&](const PostgresRow& row) {
                 state.data_directory = row[0];
                 state.current_log = row[1];
                 if (!state.current_log.empty() && !state.current_log.starts_with('/'))
                   state.current_log = state.data_directory + "/" + state.current_log;
               });
    if (!r) return tl::unexpected<Error>(r.error());
  }
  return state;
}

LogAdvice judge_postgres_log(const PostgresLogState& state) { return Judge(state).judge(); }

}  // namespace dbaudit
