// PostgreSQL over libpq, read without leaving a trace.
//
// Everything runs inside READ ONLY transactions that are rolled back, and every setting is SET LOCAL: behind a pooler in transaction mode
// (PgBouncer) a session's SET would stay with a server connection that the application gets next. One statement a message (the extended
// protocol takes no more) keeps a query from ending its transaction. The server stops what takes too long; when it does not answer at all, the
// socket is not waited for beyond that.

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "analyzers/base/text.h"
#include "analyzers/schema/connection.h"
#include "analyzers/schema/engines/postgres_catalog.h"
#include "analyzers/schema/engines/postgres_settings.h"

namespace dbaudit {
namespace {

constexpr const char* kConnectSeconds = "10";
constexpr int kIntrospectMs = 60'000;
constexpr int kEstimateMs = 2'000;
constexpr int kLockMs = 5'000;   // an ACCESS EXCLUSIVE lock on a catalog is rare, and not ours to wait for
constexpr int kIdleMs = 30'000;  // our own death must not leave a snapshot open
constexpr int kGraceMs = 5'000;  // beyond the server's own timeout
constexpr int kOldestServer = 100'000;
constexpr size_t kMaxValue = 64 * 1024;

struct CloseConnection {
  void operator()(PGconn* c) const { PQfinish(c); }
};
struct ClearResult {
  void operator()(PGresult* r) const { PQclear(r); }
};
using ConnectionHandle = std::unique_ptr<PGconn, CloseConnection>;
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

void no_notice(void*, const PGresult*) {}

/// libpq's message in one line, without its advice (lines that begin with a tab) and its severity.
std::string one_line(const char* message) {
  std::string out;
  for (std::string_view line : split(message == nullptr ? "" : message, '\n')) {
    if (line.starts_with('\t') || trim(line).empty()) continue;
    if (!out.empty()) out += "; ";
    out += printable(trim(line));
  }
  return out.empty() ? "no reason given" : out;
}

/// What was expected of a URL and not found, without the piece of the URL that libpq quotes: it may be of a password.
std::string bad_url(const char* message) {
  std::string text = one_line(message);
  const size_t quote = text.find(": \"");
  if (quote != std::string::npos && !text.starts_with("invalid URI query parameter")) text.resize(quote);
  return text;
}

/// libpq ends the password at the first @ and the credentials at the first /. One that holds such a character as it is leaves its rest where libpq
/// looks for a host, a port or a database, and in messages about those.
bool password_splits_url(std::string_view rest) {
  const size_t at = rest.rfind('@'), colon = rest.find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || colon > at) return false;
  const size_t slash = rest.find('/'), query = rest.find('?');
  const bool in_query = query < at && slash < query && rest.substr(query, at - query).find('=') != std::string_view::npos;
  return !in_query && rest.substr(colon, at - colon).find_first_of("@/") != std::string_view::npos;
}

class PostgresConnection final : public Connection {
 public:
  PostgresConnection(ConnectionHandle connection, std::string shown)
      : connection_(std::move(connection)), shown_(std::move(shown)), database_(PQdb(connection_.get())) {}

  Result<Catalog> introspect() override;
  Result<Rows> query(const std::string& sql, size_t limit, int timeout_ms) override;
  Result<std::optional<uint64_t>> estimated_rows(const Table& table) override;
  Result<LogAdvice> examine_log() override;
  Result<HeldLogAnswer> held_log() override { return HeldLogAnswer{nullptr, "PostgreSQL keeps no statements in its tables", {}}; }
  [[nodiscard]] Engine engine() const override { return Engine::kPostgres; }
  [[nodiscard]] std::string database() const override { return database_; }

 private:
  using Clock = std::chrono::steady_clock;

  Result<void> begin(int timeout_ms);
  void roll_back();
  Result<Catalog> read_catalog();
  [[nodiscard]] PostgresSelect selects();
  Result<Rows> read_rows(const std::string& sql, size_t limit);
  /// One statement, or with `script` several; the last result.
  Result<ResultHandle> run(const std::string& sql, bool script = false);
  Result<ResultHandle> next_result();
  /// A string literal, whatever standard_conforming_strings says.
  std::string literal(const std::string& text) const {
    char* const quoted = PQescapeLiteral(connection_.get(), text.data(), text.size());
    std::string result = quoted == nullptr ? "''" : quoted;
    PQfreemem(quoted);
    return result;
  }
  Error lost() const { return {"the connection to " + shown_ + " was lost: " + one_line(PQerrorMessage(connection_.get()))}; }
  Error problem(const PGresult* result) const;

  ConnectionHandle connection_;
  std::string shown_;
  std::string database_;
  Clock::time_point deadline_;
  int timeout_ms_ = 0;
};

Error PostgresConnection::problem(const PGresult* result) const {
  if (PQstatus(connection_.get()) == CONNECTION_BAD) return lost();
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view code = state == nullptr ? "" : state;
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string message = one_line(primary != nullptr ? primary : PQresultErrorMessage(result));
  if (code == "57014") {
    return {"a query on " + shown_ + " was stopped: " + message + " (the limit is " + std::to_string(timeout_ms_) + " ms)"};
  }
  return {"cannot read " + shown_ + ": " + message};
}

/// The next result of what was sent; null when there is no more.
Result<ResultHandle> PostgresConnection::next_result() {
  while (PQisBusy(connection_.get()) != 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
    if (left <= 0 || poll(&socket, 1, static_cast<int>(left)) == 0) {
      connection_.reset();  // what may still come is nobody's answer
      return fail(shown_ + " did not answer within " + std::to_string((timeout_ms_ + kGraceMs) / 1000) + " s");
    }
    if (PQconsumeInput(connection_.get()) == 0) return tl::unexpected<Error>(lost());
  }
  return ResultHandle(PQgetResult(connection_.get()));
}

Result<ResultHandle> PostgresConnection::run(const std::string& sql, bool script) {
  if (connection_ == nullptr) return fail("the connection to " + shown_ + " is closed");
  const int sent = script ? PQsendQuery(connection_.get(), sql.c_str())
                          : PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0);
  if (sent == 0) return tl::unexpected<Error>(lost());
  ResultHandle last;
  for (;;) {
    Result<ResultHandle> r = next_result();
    if (!r) return r;
    if (*r == nullptr) break;
    const ExecStatusType status = PQresultStatus(r->get());
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      connection_.reset();
      return fail("this is not a query; it was not run");
    }
    // An error is the answer, whatever follows it.
    if (last == nullptr || PQresultStatus(last.get()) != PGRES_FATAL_ERROR) last = std::move(*r);
  }
  if (last == nullptr) return tl::unexpected<Error>(lost());
  const ExecStatusType status = PQresultStatus(last.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return tl::unexpected<Error>(problem(last.get()));
  return last;
}

/// REPEATABLE READ: one state of the schema in all that is read. (Not SERIALIZABLE, which a standby refuses.)
Result<void> PostgresConnection::begin(int timeout_ms) {
  timeout_ms_ = timeout_ms;
  deadline_ = Clock::now() + std::chrono::milliseconds(timeout_ms + kGraceMs);
  const Result<ResultHandle> r =
      run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = " + std::to_string(timeout_ms) +
              "; SET LOCAL lock_timeout = " + std::to_string(std::min(timeout_ms, kLockMs)) +
              "; SET LOCAL idle_in_transaction_session_timeout = " + std::to_string(kIdleMs),
          true);
  if (r) return {};
  roll_back();
  return tl::unexpected<Error>(r.error());
}

void PostgresConnection::roll_back() {
  if (connection_ == nullptr || PQstatus(connection_.get()) != CONNECTION_OK) return;
  deadline_ = Clock::now() + std::chrono::milliseconds(kGraceMs);
  (void)run("ROLLBACK");
}

Result<Catalog> PostgresConnection::introspect() {
  if (Result<void> r = begin(kIntrospectMs); !r) return tl::unexpected<Error>(r.error());
  Result<Catalog> catalog = read_catalog();
  roll_back();
  return catalog;
}

PostgresSelect PostgresConnection::selects() {
  return [this](const std::string& sql, const std::function<void(const PostgresRow&)>& row) -> Result<void> {
    const Result<ResultHandle> r = run(sql);
    if (!r) return tl::unexpected<Error>(r.error());
    PostgresRow values(static_cast<size_t>(PQnfields(r->get())));
    for (int i = 0; i < PQntuples(r->get()); ++i) {
      for (int k = 0; k < PQnfields(r->get()); ++k) {
        values[static_cast<size_t>(k)] =
            PQgetisnull(r->get(), i, k) != 0
                ? std::string_view()
                : std::string_view(PQgetvalue(r->get(), i, k), static_cast<size_t>(PQgetlength(r->get(), i, k)));
      }
      row(values);
    }
    return {};
  };
}

Result<Catalog> PostgresConnection::read_catalog() {
  const PostgresSelect select = selects();
  std::vector<std::string> search_path;  // as the session resolves it, before it is emptied
  Result<void> read = select("SELECT s FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS p(s, n) ORDER BY n",
                             [&](const PostgresRow& row) { search_path.emplace_back(row[0]); });
  if (!read) return tl::unexpected<Error>(read.error());
  if (const Result<ResultHandle> r = run("SET LOCAL search_path = ''"); !r) return tl::unexpected<Error>(r.error());
  return read_postgres_catalog(PQserverVersion(connection_.get()), std::move(search_path), select);
}

Result<LogAdvice> PostgresConnection::examine_log() {
  if (Result<void> r = begin(kIntrospectMs); !r) return tl::unexpected<Error>(r.error());
  const char* const reported = PQparameterStatus(connection_.get(), "server_version");
  const std::string version = reported == nullptr ? "" : reported;
  const Result<PostgresLogState> state = read_postgres_log_state(PQserverVersion(connection_.get()), selects());
  roll_back();
  if (!state) return tl::unexpected<Error>(state.error());
  LogAdvice advice = judge_postgres_log(*state);
  advice.version = version.substr(0, version.find(' '));
  return advice;
}

Result<Rows> PostgresConnection::query(const std::string& sql, size_t limit, int timeout_ms) {
  if (Result<void> r = begin(timeout_ms); !r) return tl::unexpected<Error>(r.error());
  Result<Rows> rows = read_rows(sql, limit);
  roll_back();
  return rows;
}

/// As a subquery, where nothing but a query can stand and the planner knows that a few rows are enough.
Result<Rows> PostgresConnection::read_rows(const std::string& sql, size_t limit) {
  std::string_view text = trim(sql);
  while (text.ends_with(';')) text = trim(text.substr(0, text.size() - 1));
  if (text.empty()) return fail("this query is empty");
  if (text.find('\0') != std::string_view::npos) return fail("this query has a NUL byte in it");
  const Result<ResultHandle> r = run("SELECT * FROM (\n" + std::string(text) + "\n) AS dbaudit_rows LIMIT " + std::to_string(limit + 1));
  if (!r) return tl::unexpected<Error>(r.error());
  Rows rows;
  const int columns = PQnfields(r->get());
  for (int k = 0; k < columns; ++k) rows.columns.emplace_back(PQfname(r->get(), k));
  for (int i = 0; i < PQntuples(r->get()); ++i) {
    if (rows.rows.size() >= limit) {
      rows.more = true;
      break;
    }
    std::vector<std::string>& row = rows.rows.emplace_back();
    for (int k = 0; k < columns; ++k) {
      const size_t length = std::min(static_cast<size_t>(PQgetlength(r->get(), i, k)), kMaxValue);
      row.push_back(PQgetisnull(r->get(), i, k) != 0 ? "NULL" : std::string(PQgetvalue(r->get(), i, k), length));
    }
  }
  return rows;
}

/// As the planner does it (plancat.c, table_block_relation_estimate_size): the density of the last VACUUM or ANALYZE times the pages there are now, so
/// that a table filled since is not taken for an empty one. A partitioned table is the sum of its partitions.
Result<std::optional<uint64_t>> PostgresConnection::estimated_rows(const Table& table) {
  const std::string relation = "c.relname = " + literal(table.name) + " AND n.nspname = " + literal(table.schema);
  const Result<Rows> rows = query(
      "WITH RECURSIVE part AS (SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE " +
          relation +
          " UNION ALL SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN part ON part.oid = i.inhparent) "
          "SELECT pg_catalog.bool_and(c.reltuples >= 0 AND (c.relpages > 0 OR pg_catalog.pg_relation_size(c.oid) = 0)), "
          "pg_catalog.round(pg_catalog.sum(CASE WHEN c.relpages > 0 THEN c.reltuples / c.relpages * pg_catalog.pg_relation_size(c.oid) / "
          "pg_catalog.current_setting('block_size')::int ELSE 0 END)) "
          "FROM part JOIN pg_catalog.pg_class c ON c.oid = part.oid WHERE c.relkind IN ('r', 'm')",
      1, kEstimateMs);
  if (!rows) return tl::unexpected<Error>(rows.error());
  if (rows->rows.empty() || rows->rows[0][0] != "t") return std::optional<uint64_t>();
  return std::optional<uint64_t>(std::strtoull(rows->rows[0][1].c_str(), nullptr, 10));
}

}  // namespace

Result<std::unique_ptr<Connection>> connect_postgres(const Dsn& dsn) {
  const std::string url = "postgresql://" + dsn.rest;
  const bool splits = password_splits_url(dsn.rest);
  const std::string_view hint = "the password seems to hold an @ or / as it is; write %40 or %2F";
  const std::string cannot = "cannot connect to " + (splits ? std::string("PostgreSQL") : dsn.shown) + ": ";
  if (url.find('\0') != std::string::npos) return fail(cannot + "there is a NUL byte in the DSN");

  char* complaint = nullptr;
  PQconninfoOption* options = PQconninfoParse(url.c_str(), &complaint);
  const std::string parse_error = options == nullptr ? (splits ? std::string(hint) : bad_url(complaint)) : "";
  PQconninfoFree(options);
  PQfreemem(complaint);
  if (!parse_error.empty()) return fail(cannot + parse_error);

  // The only place for a default that the URL, a service file and the user's own environment all override.
  setenv("PGCONNECT_TIMEOUT", kConnectSeconds, 0);
  const char* const names[] = {"fallback_application_name", "dbname", "client_encoding", nullptr};
  const char* const values[] = {"dbaudit", url.c_str(), "UTF8", nullptr};
  ConnectionHandle connection(PQconnectdbParams(names, values, 1));
  if (connection == nullptr) return fail(cannot + "out of memory");
  PQsetNoticeReceiver(connection.get(), no_notice, nullptr);
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return fail(cannot + (splits ? std::string(hint) : one_line(PQerrorMessage(connection.get()))));
  }
  const int version = PQserverVersion(connection.get());
  if (version < kOldestServer) {
    return fail(cannot + "its version is " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) +
                ", and dbaudit reads 10 and newer; give its schema as a file: --schema dump.sql (pg_dump -s)");
  }
  return std::make_unique<PostgresConnection>(std::move(connection), dsn.shown);
}

}  // namespace dbaudit
