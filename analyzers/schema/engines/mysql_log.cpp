// The statements a MySQL or MariaDB server keeps in tables, as `mysql --batch` would print them: a line of column names, tabs between fields, \n \t \\ \0
// for those bytes, NULL for NULL. Rows are taken from the socket as the reader asks for them, whatever the size of the table. Our own session's
// statements are left out.

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/schema/engines/mysql_session.h"

namespace dbaudit {
namespace {

constexpr int kLogMs = 3'600'000;            // to read all of it
constexpr int kPatienceS = 600;              // the server's, with a reader that is busy judging what it has
constexpr unsigned kEnoughBytes = 64 << 10;  // gathered before they are handed over

void append_field(std::string& out, const MySqlValue& value) {
  if (!value) {
    out += "NULL";
    return;
  }
  for (char c : *value) {
    switch (c) {
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\\': out += "\\\\"; break;
      case '\0': out += "\\0"; break;
      default: out += c;
    }
  }
}

class MySqlHeldLog final : public HeldLog {
 public:
  MySqlHeldLog(MySqlSession& session, std::string name, std::string_view format, std::vector<std::string> selects)
      : session_(session), name_(std::move(name)), format_(format), selects_(std::move(selects)) {}

  Result<size_t> read(char* buffer, size_t size) override {
    while (at_ == text_.size()) {
      text_.clear();
      at_ = 0;
      const Result<bool> more = gather();
      if (!more) return tl::unexpected<Error>(more.error());
      if (!*more && text_.empty()) return size_t{0};
    }
    const size_t n = std::min(size, text_.size() - at_);
    std::memcpy(buffer, text_.data() + at_, n);
    at_ += n;
    return n;
  }
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::string_view format() const override { return format_; }

 private:
  /// Some more text; false when there is none to come.
  Result<bool> gather() {
    while (text_.size() < kEnoughBytes) {
      if (rows_ == nullptr) {
        if (next_select_ == selects_.size()) return false;
        Result<std::unique_ptr<MySqlRows>> rows = session_.rows(selects_[next_select_++]);
        if (!rows) return tl::unexpected<Error>(rows.error());
        rows_ = std::move(*rows);
        text_ += join(rows_->columns(), "\t") + "\n";
      }
      const Result<bool> more = rows_->next();
      if (!more) return tl::unexpected<Error>(more.error());
      if (!*more) {
        rows_.reset();
        continue;
      }
      bool first = true;
      for (const MySqlValue& v : rows_->values()) {
        if (!std::exchange(first, false)) text_ += '\t';
        append_field(text_, v);
      }
      text_ += '\n';
    }
    return true;
  }

  MySqlSession& session_;
  std::string name_;
  std::string_view format_;
  std::vector<std::string> selects_;  // one after the other
  size_t next_select_ = 0, at_ = 0;
  std::unique_ptr<MySqlRows> rows_;
  std::string text_;
};

/// True when the SELECT has a row, false when it has none or may not be asked; in that case `why` says so.
bool has_rows(MySqlSession& session, const std::string& sql, std::string_view table, std::string* why) {
  bool any = false;
  const Result<void> asked = session.each(sql, [&](std::span<const MySqlValue>) { return any = true; });
  if (!asked) {
    *why = icontains(asked.error().message, "denied") ? "this user may not SELECT from " + std::string(table) : asked.error().message;
  } else if (!any) {
    *why = std::string(table) + " is empty";
  }
  return any;
}

}  // namespace

Result<HeldLogAnswer> open_mysql_held_log(MySqlSession& session) {
  bool logs = false, to_table = false, has_schema = false;
  Result<void> read =
      session.each("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('general_log', 'log_output', 'performance_schema')", [&](auto row) {
        const std::string_view name = row[0].value_or(""), value = row[1].value_or("");
        if (iequals(name, "general_log")) logs = iequals(value, "ON");
        if (iequals(name, "log_output")) to_table = icontains(value, "TABLE");
        if (iequals(name, "performance_schema")) has_schema = iequals(value, "ON");
        return true;
      });
  if (!read) return tl::unexpected<Error>(read.error());
  // Times are the session's: UTC, which then needs no telling.
  read = session.run("SET SESSION time_zone = '+00:00', net_write_timeout = " + std::to_string(kPatienceS));
  if (read) read = session.limit_time(kLogMs);
  if (!read) return tl::unexpected<Error>(read.error());

  HeldLogAnswer answer;
  std::string why_no_table, why_no_history;
  if (!to_table) {
    why_no_table = logs ? "the general log goes to a file" : "general_log is OFF";
  } else {
    // No ORDER BY: the CSV engine keeps the order of writing, and sorting would make the server hold all of it.
    const std::string from = " FROM mysql.general_log WHERE thread_id <> CONNECTION_ID()";
    if (has_rows(session, "SELECT 1" + from + " LIMIT 1", "mysql.general_log", &why_no_table)) {
      answer.log = std::make_unique<MySqlHeldLog>(
          session, "mysql.general_log", "mysql-general",
          std::vector<std::string>{"SELECT event_time, user_host, thread_id, server_id, command_type, argument" + from});
      if (!logs) answer.notes.emplace_back("general_log is OFF: what mysql.general_log holds was written before");
      return answer;
    }
  }
  if (session.broken()) return fail(why_no_table);
  if (has_schema) {
    // The thread that reads is not what is audited.
    const std::string others =
        " WHERE THREAD_ID <> COALESCE((SELECT t.THREAD_ID FROM performance_schema.threads t WHERE t.PROCESSLIST_ID = CONNECTION_ID()), 0)";
    const std::string statements = "performance_schema.events_statements_history_long",
                      transactions = "performance_schema.events_transactions_history_long";
    std::string why_no_transactions;
    if (has_rows(session, "SELECT 1 FROM " + statements + others + " LIMIT 1", statements, &why_no_history)) {
      std::vector<std::string> selects;
      // First, so that a statement's transaction is known when the statement comes.
      if (has_rows(session, "SELECT 1 FROM " + transactions + others + " LIMIT 1", transactions, &why_no_transactions)) {
        selects.push_back("SELECT THREAD_ID, EVENT_ID, STATE, TIMER_START, TIMER_END, ISOLATION_LEVEL, AUTOCOMMIT FROM " + transactions +
                          others);
      } else {
        answer.notes.push_back(why_no_transactions + ": what was one transaction is read from BEGIN and COMMIT");
      }
      selects.push_back(
          "SELECT THREAD_ID, EVENT_ID, END_EVENT_ID, EVENT_NAME, TIMER_START, TIMER_END, SQL_TEXT, CURRENT_SCHEMA, MYSQL_ERRNO, "
          "MESSAGE_TEXT, "
          "ROWS_AFFECTED, ROWS_SENT, NESTING_EVENT_ID, NESTING_EVENT_TYPE FROM " +
          statements + others);
      answer.log = std::make_unique<MySqlHeldLog>(session, statements, "mysql-perf-schema", std::move(selects));
      answer.notes.push_back(statements + " is a ring: only the last statements of the server are in it");
      return answer;
    }
    if (session.broken()) return fail(why_no_history);
  } else {
    why_no_history = "performance_schema is OFF";
  }
  answer.why_none = why_no_table + (why_no_history.empty() ? "" : " and " + why_no_history);
  return answer;
}

}  // namespace dbaudit
