// The real servers' logs beside the repository (../shared): MySQL 9.7, MariaDB 10.11 and the sqlite3 shell. Each is read as what it is; what
// it holds is counted from its bytes in another way; and the logs of one run say the same, but for what a source cannot say. Skipped elsewhere.

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/source.h"
#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace fs = std::filesystem;

namespace dbaudit {
namespace {

fs::path shared_logs() { return fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared" / "logs"; }

std::string bytes_of(const std::string& name) { return read_bytes(shared_logs() / name); }

using Sessions = std::map<std::string, std::vector<std::string>>;

struct Read {
  std::string format;
  KeptLog log;
  Sessions sessions;
};

Read read_log(const std::string& name) {
  Read result;
  const std::string bytes = bytes_of(name);
  const Format* format = detect_format(std::string_view(bytes).substr(0, 65536), {});
  if (format == nullptr) return result;
  result.format = format->name;
  result.log = keep_log(bytes, format->name);
  for (const KeptRecord& r : result.log.statements()) result.sessions[r.session].push_back(r.sql);
  return result;
}

size_t count_lines(const std::string& bytes, std::string_view start) {
  size_t count = 0;
  for (std::string_view line : split(bytes, '\n')) count += line.starts_with(start) ? 1U : 0U;
  return count;
}

size_t count_rows(const std::string& bytes, std::string_view part, std::string_view but = "\x01") {
  size_t count = 0;
  for (std::string_view line : split(bytes, '\n')) {
    count += line.find(part) != std::string_view::npos && line.find(but) == std::string_view::npos ? 1U : 0U;
  }
  return count;
}

std::string shown(std::string s) {
  while (!s.empty() && (s.back() == ';' || s.back() == '\n' || s.back() == ' ')) s.pop_back();
  return s;
}

/// What one session did, `ours` beside `theirs`; every difference goes to `explain`, which says how many of each it accounts for (0, 0: none).
using Explain = std::pair<size_t, size_t> (*)(const std::vector<std::string>& a, size_t i, const std::vector<std::string>& b, size_t j);

void compare(const Sessions& a, const Sessions& b, Explain explain) {
  for (const auto& [session, ours] : a) {
    INFO("session " << session);
    const auto found = b.find(session);
    static const std::vector<std::string> kNone;
    const std::vector<std::string>& theirs = found == b.end() ? kNone : found->second;
    size_t i = 0, j = 0;
    while (i < ours.size() || j < theirs.size()) {
      if (i < ours.size() && j < theirs.size() && shown(ours[i]) == shown(theirs[j])) {
        ++i;
        ++j;
        continue;
      }
      const auto [da, db] = explain(ours, i, theirs, j);
      INFO((i < ours.size() ? ours[i] : "nothing") << "\nbeside\n" << (j < theirs.size() ? theirs[j] : "nothing"));
      REQUIRE(da + db > 0);
      i += da;
      j += db;
    }
  }
}

/// A packet of several statements is one entry of MariaDB's general log and several elsewhere.
std::pair<size_t, size_t> explain_packet(const std::vector<std::string>& a, size_t i, const std::vector<std::string>& b, size_t j) {
  if (i >= a.size() || j >= b.size()) return {0, 0};
  std::string_view rest = a[i];
  size_t parts = 0;
  while (j + parts < b.size()) {
    rest = trim(rest);
    const std::string part = shown(b[j + parts]);
    if (!rest.starts_with(part)) break;
    rest.remove_prefix(part.size());
    ++parts;
    if (rest.starts_with(";")) rest.remove_prefix(1);
    if (trim(rest).empty()) return {1, parts};
  }
  return {0, 0};
}

std::pair<size_t, size_t> explain_audit(const std::vector<std::string>& a, size_t i, const std::vector<std::string>& b, size_t j) {
  if (const auto packet = explain_packet(a, i, b, j); packet.first != 0) return packet;
  if (i >= a.size() || j >= b.size()) return {0, 0};
  const size_t mask = b[j].find("*****");  // a password
  const bool is_masked = mask != std::string::npos && a[i].starts_with(b[j].substr(0, mask));
  const bool is_cut = b[j].size() > 1000 && a[i].starts_with(b[j]);  // server_audit_query_log_limit
  return is_masked || is_cut ? std::pair<size_t, size_t>{1, 1} : std::pair<size_t, size_t>{0, 0};
}

std::pair<size_t, size_t> explain_mysql_slow(const std::vector<std::string>& a, size_t i, const std::vector<std::string>& b, size_t j) {
  if (i < a.size()) {
    if (a[i].starts_with("CREATE TABLE performance_schema.")) return {1, 0};  // while the server started
    if (a[i].starts_with("SET @sys.")) return {1, 0};                         // inside a stored program
    if (a[i].starts_with("CREATE UNIQUE INDEX")) return {1, 0};               // log_slow_admin_statements is off
  }
  if (i < a.size() && j < b.size() && istarts_with(a[i], "grant") && istarts_with(b[j], "grant")) return {1, 1};  // rewritten
  return {0, 0};
}

/// A table read through utf8mb4 has NULL for what is not; and it goes on for the connection that read it.
std::pair<size_t, size_t> explain_table(const std::vector<std::string>& a, size_t i, const std::vector<std::string>& b, size_t j) {
  if (i < a.size() && j < b.size() && b[j].empty()) return {1, 1};
  return {0, 0};
}

}  // namespace

TEST_CASE("shared: every log of MySQL, MariaDB and SQLite is read as what it is") {
  if (!fs::exists(shared_logs())) SKIP_TEST("../shared is absent");
  struct Case {
    const char *log, *format;
    size_t records, statements;
    std::vector<std::string> incomplete;
  };
  const std::string my_slow = bytes_of("mysql/9.7/slow.log"), maria_slow = bytes_of("mariadb/10.11/slow.log");
  const std::string audit = bytes_of("mariadb/10.11/audit.log");
  const auto slow_statements = [](const std::string& bytes) {
    return count_lines(bytes, "# Query_time: ") - count_lines(bytes, "# administrator command: ") - count_lines(bytes, "PREPARE ");
  };
  const std::string general_table = bytes_of("mysql/9.7/general_log_table.tsv"), slow_table = bytes_of("mysql/9.7/slow_log_table.tsv");
  const std::string my_ps = bytes_of("mysql/9.7/my97_ps_statements.tsv"), maria_ps = bytes_of("mariadb/10.11/ps_statements.tsv");
  size_t slow_commands = count_rows(slow_table, "\t1\tPREPARE ");
  for (const char* command : {"Quit", "Prepare", "Ping", "Change user", "Close stmt", "Reset stmt", "Init DB", "Statistics"}) {
    slow_commands += count_rows(slow_table, "\t1\t" + std::string(command) + "\t");
  }
  const auto lines = [](const std::string& bytes) { return count_lines(bytes, "") - 1; };
  const Case cases[] = {
      {"mysql/9.7/slow.log", "mysql-slow", count_lines(my_slow, "# Query_time: "), slow_statements(my_slow), {}},
      {"mariadb/10.11/slow.log", "mysql-slow", count_lines(maria_slow, "# Query_time: "), slow_statements(maria_slow), {}},
      {"mysql/9.7/slow_log_table.tsv", "mysql-slow", lines(slow_table) - 1, lines(slow_table) - 1 - slow_commands, {}},
      {"mysql/9.7/general_log_table.tsv",
       "mysql-general",
       lines(general_table) - 1,
       count_rows(general_table, "\tQuery\t", "\tQuery\tPREPARE ") + count_rows(general_table, "\tExecute\t") -
           count_rows(general_table, "\tQuery\tEXECUTE "),
       {}},
      {"mysql/9.7/my97_ps_statements.tsv",
       "mysql-perf-schema",
       lines(my_ps) - 1,
       count_rows(my_ps, "\tstatement/sql/", "prepare_sql") + count_rows(my_ps, "\tstatement/com/Execute\t"),
       {"no-parameters", "truncated"}},
      {"mariadb/10.11/ps_statements.tsv",
       "mysql-perf-schema",
       lines(maria_ps) - 1,
       count_rows(maria_ps, "\tstatement/sql/", "prepare_sql") + count_rows(maria_ps, "\tstatement/com/Execute\t"),
       {"no-parameters", "truncated"}},
      {"mysql/9.7/my97_ps_transactions.tsv", "mysql-perf-schema", 45, 0, {}},
      {"mariadb/10.11/ps_transactions.tsv", "mysql-perf-schema", 10, 0, {}},
      {"mariadb/10.11/audit.log", "mariadb-audit", lines(audit), count_rows(audit, ",QUERY,", "'PREPARE "), {"truncated"}},
      {"mariadb/10.11/innodb_status.txt", "innodb-status", 3, 2, {"no-transaction-boundaries", "sampled"}},
      {"mysql/9.7/error.log", "innodb-status", 4, 2, {"no-transaction-boundaries", "sampled"}},
      {"mysql/9.7/general.log", "mysql-general", 411, 377, {}},
      {"mariadb/10.11/general.log", "mysql-general", 479, 408, {}},
      {"sqlite/sqlite_trace_expanded.log", "sqlite-trace", 34, 11, {"no-time"}},
      {"sqlite/sqlite_trace_plain.log", "sqlite-trace", 2, 1, {"no-parameters", "no-time"}},
      // One SELECT without any mark: a trace that cannot be told from a script, and need not be.
      {"sqlite/sqlite_trace_normalized.log", "sql", 1, 1, {"no-time"}},
  };
  for (const Case& c : cases) {
    INFO(c.log);
    const Read read = read_log(c.log);
    CHECK(read.format == c.format);
    CHECK(read.log.counts.records == c.records);
    CHECK(read.log.counts.statements == c.statements);
    CHECK(read.log.counts.unrecognised_lines == 0);
    CHECK(read.log.counts.incomplete == c.incomplete);
    CHECK(read.log.counts.sampled == (std::string_view(c.format) == "innodb-status"));
  }
}

TEST_CASE("shared: the logs of one MariaDB run say the same") {
  if (!fs::exists(shared_logs())) SKIP_TEST("../shared is absent");
  const Read general = read_log("mariadb/10.11/general.log"), slow = read_log("mariadb/10.11/slow.log"),
             audit = read_log("mariadb/10.11/audit.log");
  compare(general.sessions, slow.sessions, explain_packet);
  compare(general.sessions, audit.sessions, explain_audit);
  // The performance schema counts threads in its own way: 24 and 25 are the connections 13 and 14.
  Read ps = read_log("mariadb/10.11/ps_statements.tsv");
  for (const auto& [thread, connection] : {std::pair{"24", "13"}, {"25", "14"}}) {
    INFO(thread);
    const std::vector<std::string>& ours = slow.sessions.at(connection);
    const std::vector<std::string>& theirs = ps.sessions.at(thread);
    REQUIRE(ours.size() == theirs.size());
    for (size_t i = 0; i < ours.size(); ++i) {
      INFO(ours[i]);
      const bool is_unknown = theirs[i].empty();                  // com/Execute has no text
      const bool is_execute = theirs[i].starts_with("EXECUTE ");  // nor what EXECUTE ran
      const bool is_cut = theirs[i].ends_with("...") && ours[i].starts_with(theirs[i].substr(0, theirs[i].size() - 3));
      CHECK((is_unknown || is_execute || is_cut || shown(ours[i]) == shown(theirs[i])));
    }
  }
  // Errors, where a source can tell: the same statements of the same connections.
  std::multimap<std::string, std::string> audit_errors, ps_errors;
  for (const KeptRecord& r : audit.log.statements()) {
    if (r.fields.has_error && (r.session == "13" || r.session == "14")) audit_errors.emplace(r.error_code, r.sql);
  }
  for (const KeptRecord& r : ps.log.statements()) {
    if (r.fields.has_error) ps_errors.emplace(r.error_code, r.sql);
  }
  CHECK(audit_errors == ps_errors);
  CHECK(audit_errors.count("1213") == 1);
  // The deadlock of the report is theirs.
  const Read status = read_log("mariadb/10.11/innodb_status.txt");
  CHECK(status.log.records[2].session == "14");
  CHECK(status.log.records[0].sql == audit_errors.find("1213")->second);
}

TEST_CASE("shared: the logs of one MySQL run say the same") {
  if (!fs::exists(shared_logs())) SKIP_TEST("../shared is absent");
  const Read general = read_log("mysql/9.7/general.log"), slow = read_log("mysql/9.7/slow.log");
  compare(general.sessions, slow.sessions, explain_mysql_slow);
  compare(general.sessions, read_log("mysql/9.7/general_log_table.tsv").sessions, explain_table);
  // A row whose text was no text is NULL here, too, but a slow log has no Execute beside it.
  compare(slow.sessions, read_log("mysql/9.7/slow_log_table.tsv").sessions, explain_table);
  size_t errors = 0;
  for (const KeptRecord& r : slow.log.statements()) errors += r.fields.has_error ? 1U : 0U;
  const std::string bytes = bytes_of("mysql/9.7/slow.log");
  CHECK(errors == count_rows(bytes, " Errno: ", " Errno: 0 "));
}

}  // namespace dbaudit
