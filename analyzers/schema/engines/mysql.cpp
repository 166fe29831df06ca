// MySQL and MariaDB, live. information_schema is read inside one read-only transaction; a query is one SELECT, looked at before it is sent: READ ONLY
// keeps a session from changing tables, but not from SELECT … INTO OUTFILE, from taking locks that others wait for, or from sleeping.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>

#include "analyzers/base/text.h"
#include "analyzers/schema/connection.h"
#include "analyzers/schema/engines/mysql_session.h"
#include "analyzers/schema/engines/mysql_settings.h"
#include "analyzers/sql/lexer.h"

namespace dbaudit {
namespace {

constexpr size_t kMaxValue = 64 * 1024;
constexpr size_t kMaxRows = 1'000'000;
constexpr int kEstimateMs = 2'000;

/// Why this is not one plain SELECT; empty when it is.
std::string objection(std::string_view sql, Engine engine) {
  // What stands in an executable comment depends on the server that reads it.
  if (sql.find("/*!") != std::string_view::npos || sql.find("/*M!") != std::string_view::npos)
    return "this query has an executable comment";
  Lexer lexer(sql, dialect_of(engine));
  Token first = lexer.next();
  while (first.text == "(") first = lexer.next();
  if (first.kind == TokenKind::kEnd) return "this query is empty";
  if (first.kind != TokenKind::kWord || (!iequals(first.text, "select") && !iequals(first.text, "with"))) return "this is not one SELECT";
  // Words that make a SELECT do more than read: reserved ones anywhere, functions where they are called (`sleep` may be a column), SHARE after FOR.
  static constexpr std::array<std::string_view, 7> kWords = {"into", "outfile", "dumpfile", "procedure", "update", "delete", "lock"};
  static constexpr std::array<std::string_view, 12> kCalls = {
      "get_lock", "release_lock", "release_all_locks", "load_file",       "nextval",          "setval",
      "sleep",    "benchmark",    "master_pos_wait",   "source_pos_wait", "master_gtid_wait", "wait_for_executed_gtid_set"};
  Token previous = first;
  for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next()) {
    if (t.text == ";") {
      if (lexer.next().kind != TokenKind::kEnd) return "this is more than one statement";
      break;
    }
    const auto is = [](std::string_view text, const auto& words) {
      return std::any_of(words.begin(), words.end(), [&](std::string_view w) { return iequals(text, w); });
    };
    // A function may be called by its quoted name.
    std::string_view called = previous.text;
    if (previous.kind == TokenKind::kQuotedName && called.size() > 2) called = called.substr(1, called.size() - 2);
    const bool more = (t.kind == TokenKind::kWord && previous.text != "." && is(t.text, kWords)) || (t.text == "(" && is(called, kCalls)) ||
                      (iequals(previous.text, "for") && iequals(t.text, "share")) ||
                      (iequals(previous.text, "next") && iequals(t.text, "value"));
    if (more || t.text == ":=" || t.unterminated) return "this query does more than read";
    previous = t;
  }
  return {};
}

class MySqlConnection final : public Connection {
 public:
  MySqlConnection(MySqlTarget target, std::unique_ptr<MySqlSession> session)
      : target_(std::move(target)), session_(std::move(session)), engine_(session_->server().engine) {}

  Result<Catalog> introspect() override {
    if (Result<void> r = reconnected(); !r) return tl::unexpected<Error>(r.error());
    Result<void> begun = session_->run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    if (!begun) return tl::unexpected<Error>(begun.error());
    Result<Catalog> catalog = read_mysql_catalog(*session_);
    if (!session_->broken()) (void)session_->run("ROLLBACK");
    return catalog;
  }

  Result<Rows> query(const std::string& sql, size_t limit, int timeout_ms) override {
    if (const std::string why = objection(sql, engine_); !why.empty()) return fail(why + "; it was not run");
    if (Result<void> r = reconnected(); !r) return tl::unexpected<Error>(r.error());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    // A SELECT without a LIMIT of its own stops at the server; any other is left in the middle by the row callback.
    Result<void> ready = session_->limit_time(timeout_ms);
    if (ready) ready = session_->run("SET SESSION sql_select_limit = " + std::to_string(std::min(limit, kMaxRows) + 1));
    if (ready) ready = session_->run("START TRANSACTION READ ONLY");
    if (!ready) return tl::unexpected<Error>(ready.error());
    Rows rows;
    bool late = false;
    const Result<void> read = session_->each(
        sql,
        [&](std::span<const MySqlValue> values) {
          late = std::chrono::steady_clock::now() > deadline;
          rows.more = rows.rows.size() >= std::min(limit, kMaxRows);
          if (late || rows.more) return false;
          std::vector<std::string>& row = rows.rows.emplace_back();
          for (const MySqlValue& v : values) row.emplace_back(v ? v->substr(0, kMaxValue) : std::string_view("NULL"));
          return true;
        },
        &rows.columns);
    if (!session_->broken()) {
      // Whatever was set for this query must not cut the next introspection.
      (void)session_->run("ROLLBACK");
      (void)session_->run("SET SESSION sql_select_limit = DEFAULT");
      (void)session_->limit_time(kMySqlStatementMs);
    }
    if (!read) return tl::unexpected<Error>(read.error());
    if (late) return fail("the query took longer than " + std::to_string(timeout_ms) + " ms and was stopped");
    return rows;
  }

  /// InnoDB's own estimate, which is of the right order of magnitude at best (manual 24.3.38); exact for MyISAM and Aria.
  Result<std::optional<uint64_t>> estimated_rows(const Table& table) override {
    if (Result<void> r = reconnected(); !r) return tl::unexpected<Error>(r.error());
    const Result<Rows> rows =
        query("SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = " + session_->quote(table.schema) +
                  " AND TABLE_NAME = " + session_->quote(table.name),
              1, kEstimateMs);
    if (!rows) return tl::unexpected<Error>(rows.error());
    if (rows->rows.empty() || rows->rows[0][0] == "NULL") return std::optional<uint64_t>();
    return std::optional<uint64_t>(std::strtoull(rows->rows[0][0].c_str(), nullptr, 10));
  }

  Result<LogAdvice> examine_log() override {
    if (Result<void> r = reconnected(); !r) return tl::unexpected<Error>(r.error());
    const Result<MySqlLogState> state = read_mysql_log_state(*session_);
    if (!state) return tl::unexpected<Error>(state.error());
    return judge_mysql_log(*state);
  }

  Result<HeldLogAnswer> held_log() override {
    if (Result<void> r = reconnected(); !r) return tl::unexpected<Error>(r.error());
    return open_mysql_held_log(*session_);
  }

  [[nodiscard]] Engine engine() const override { return engine_; }
  [[nodiscard]] std::string database() const override { return target_.database; }

 private:
  /// A result that was left unread costs the connection.
  Result<void> reconnected() {
    if (!session_->broken()) return {};
    Result<std::unique_ptr<MySqlSession>> again = MySqlSession::open(target_);
    if (!again) return tl::unexpected<Error>(again.error());
    session_ = std::move(*again);
    return {};
  }

  MySqlTarget target_;
  std::unique_ptr<MySqlSession> session_;
  Engine engine_;
};

}  // namespace

Result<std::unique_ptr<Connection>> connect_mysql(const Dsn& dsn) {
  Result<MySqlTarget> target = mysql_target(dsn);
  if (!target) return tl::unexpected<Error>(target.error());
  Result<std::unique_ptr<MySqlSession>> session = MySqlSession::open(*target);
  if (!session) return tl::unexpected<Error>(session.error());
  return std::make_unique<MySqlConnection>(std::move(*target), std::move(*session));
}

}  // namespace dbaudit
