// The connection. What keeps it harmless, in the order it happens:
//   - LOAD DATA LOCAL is off: a server may otherwise ask any client for any of its files
//   - one statement at a time (no CLIENT_MULTI_STATEMENTS), no reconnecting behind our back
//   - the session's transactions are READ ONLY, and every statement has a limit on the server and one on the socket
// sql_mode is emptied for the session, so that quotes mean the same everywhere.

#include "analyzers/schema/engines/mysql_session.h"

#include <mysql.h>
// The error numbers, after the types they do not include themselves.
#include <errmsg.h>

#include <algorithm>
#include <cstdlib>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

constexpr unsigned kSocketS = 75;  // a server that stopped answering; longer than any statement may take there
constexpr unsigned kLockWaitS = 5;
constexpr size_t kMaxPacket = size_t{64} << 20;

// mysqld_error.h has macros for two thousand of them.
constexpr unsigned kUnknownVariable = 1193, kQueryInterrupted = 1317, kServerShutdown = 1053, kConnectionKilled = 1927;
constexpr unsigned kAccessDenied = 1045, kDatabaseAccessDenied = 1044, kUnknownDatabase = 1049, kStatementTimeout = 1969;
constexpr unsigned kMySqlTimeout = 3024, kLockWaitTimeout = 1205, kSecureTransport = 3159;

struct FreeResult {
  void operator()(MYSQL_RES* r) const { mysql_free_result(r); }
};

/// `10.11.19-MariaDB-0+deb12u1-log` and `8.0.36-28.1` to numbers and names.
MySqlServer server_of(std::string_view version, std::string_view comment, bool aurora) {
  MySqlServer s;
  s.engine = icontains(version, "mariadb") || icontains(comment, "mariadb") ? Engine::kMariaDb : Engine::kMySql;
  if (s.engine == Engine::kMariaDb && version.starts_with("5.5.5-1")) version.remove_prefix(6);  // what it tells replicas
  const size_t end = std::min(version.find_first_not_of("0123456789."), version.size());
  s.version = std::string(version.substr(0, end));
  int part = 0, parts[3] = {0, 0, 0};
  for (std::string_view p : split(s.version, '.')) {
    if (part < 3) parts[part++] = static_cast<int>(std::min(std::strtoul(std::string(p).c_str(), nullptr, 10), 99UL));
  }
  s.number = parts[0] * 10000 + parts[1] * 100 + parts[2];
  if (s.engine == Engine::kMariaDb) s.version += "-MariaDB";
  if (aurora)
    s.fork = "Amazon Aurora";
  else if (icontains(comment, "percona"))
    s.fork = "Percona Server";
  return s;
}

}  // namespace

struct MySqlSession::Handle {
  MYSQL* mysql = nullptr;
  MySqlServer server;
  std::string shown;
  bool broken = false;

  ~Handle() {
    if (mysql != nullptr) mysql_close(mysql);
  }

  /// False: mysql_errno() says why, or there is no `mysql`.
  bool connect(const MySqlTarget& t, bool tls);

  /// One line for what the library or the server said.
  [[nodiscard]] Error problem() {
    const unsigned code = mysql_errno(mysql);
    const std::string said = printable(mysql_error(mysql));
    switch (code) {
      case CR_SERVER_GONE_ERROR:
      case CR_SERVER_LOST:
      case CR_SSL_CONNECTION_ERROR:  // what a lost connection is called under TLS
      case kServerShutdown:
      case kConnectionKilled:
        broken = true;
        return {"the server closed the connection or stopped answering while " + shown + " was read (" + said + ")"};
      case kStatementTimeout:
      case kMySqlTimeout: return {"reading " + shown + " took too long and was stopped"};
      case kQueryInterrupted: return {"a query was interrupted at the server while " + shown + " was read"};
      case kLockWaitTimeout: return {"reading " + shown + " waited too long for a lock that another session holds; try again"};
      default: return {"cannot read " + shown + ": " + said + " (" + std::to_string(code) + ")"};
    }
  }

  [[nodiscard]] std::string cannot_connect(const MySqlTarget& t) const {
    const unsigned code = mysql_errno(mysql);
    const std::string said = printable(mysql_error(mysql));
    const std::string cannot = "cannot connect to " + shown + ": ";
    switch (code) {
      case kAccessDenied:
        return cannot + said + (t.password.empty() ? " (no password was given: in the DSN, in MYSQL_PWD, or by read_default_file)" : "");
      case kDatabaseAccessDenied:
      case kUnknownDatabase: return cannot + said;
      case kSecureTransport: return cannot + said + "; add ?ssl-mode=REQUIRED to the DSN";
      case CR_SSL_CONNECTION_ERROR: return cannot + "no TLS connection: " + said;
      // The library adds the errno of its poll(), 115, whatever the reason was.
      case CR_CONNECTION_ERROR:
      case CR_CONN_HOST_ERROR: return cannot + said.substr(0, said.rfind(" (115)")) + ": nothing answers there";
      default: return cannot + said;
    }
  }
};

MySqlSession::MySqlSession(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
MySqlSession::~MySqlSession() = default;

const MySqlServer& MySqlSession::server() const { return handle_->server; }
bool MySqlSession::broken() const { return handle_->broken; }

bool MySqlSession::Handle::connect(const MySqlTarget& t, bool tls) {
  if (mysql != nullptr) mysql_close(mysql);
  mysql = mysql_init(nullptr);
  if (mysql == nullptr) return false;
  const auto flag = [&](mysql_option option, bool value) {
    const my_bool on = value ? 1 : 0;
    mysql_options(mysql, option, &on);
  };
  const auto optional = [](const std::string& value) { return value.empty() ? nullptr : value.c_str(); };
  if (!t.option_file.empty() || !t.option_group.empty()) {
    if (!t.option_file.empty()) mysql_options(mysql, MYSQL_READ_DEFAULT_FILE, t.option_file.c_str());
    mysql_options(mysql, MYSQL_READ_DEFAULT_GROUP, t.option_group.empty() ? "client" : t.option_group.c_str());
  }
  const unsigned local_infile = 0, socket_s = kSocketS;
  const size_t max_packet = kMaxPacket;
  mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &t.connect_timeout_s);
  mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &socket_s);
  mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &socket_s);
  mysql_options(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &max_packet);
  mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  flag(MYSQL_OPT_RECONNECT, false);
  mysql_options4(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "dbaudit");
  mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &local_infile);
  if (t.port != 0 && t.socket.empty() && iequals(t.host, "localhost")) {
    // The library takes localhost for the socket and forgets the port: another server, perhaps.
    const mysql_protocol_type tcp = MYSQL_PROTOCOL_TCP;
    mysql_options(mysql, MYSQL_OPT_PROTOCOL, &tcp);
  }
  if (tls) {
    mysql_ssl_set(mysql, optional(t.ssl_key), optional(t.ssl_cert), optional(t.ssl_ca), nullptr, nullptr);
    // In spite of its name: TLS where the server has it. open() looks whether there is any.
    flag(MYSQL_OPT_SSL_ENFORCE, true);
    flag(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, t.tls >= TlsMode::kVerifyCa);
  }
  if (mysql_real_connect(mysql, optional(t.host), optional(t.user), optional(t.password), optional(t.database), t.port, optional(t.socket),
                         0) == nullptr) {
    return false;
  }
  // An option file may have turned these again.
  mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &local_infile);
  flag(MYSQL_OPT_RECONNECT, false);
  return true;
}

Result<std::unique_ptr<MySqlSession>> MySqlSession::open(const MySqlTarget& t) {
  auto handle = std::make_unique<Handle>();
  handle->shown = printable(t.shown);
  bool connected = handle->connect(t, t.tls != TlsMode::kDisabled);
  // Preferred: a server whose TLS this machine cannot speak is read without.
  if (!connected && handle->mysql != nullptr && t.tls == TlsMode::kPreferred && mysql_errno(handle->mysql) == CR_SSL_CONNECTION_ERROR)
    connected = handle->connect(t, false);
  if (handle->mysql == nullptr) return fail("the MySQL client library could not be started");
  if (!connected) return fail(handle->cannot_connect(t));
  if (t.tls >= TlsMode::kRequired && mysql_get_ssl_cipher(handle->mysql) == nullptr) {
    return fail("cannot connect to " + handle->shown + ": the server offers no TLS, and the DSN asks for it");
  }

  std::unique_ptr<MySqlSession> session(new MySqlSession(std::move(handle)));
  std::string version, comment;
  Result<void> read = session->each("SELECT VERSION(), @@version_comment", [&](std::span<const MySqlValue> row) {
    version = row[0].value_or("");
    comment = row[1].value_or("");
    return true;
  });
  bool aurora = false;
  if (read) {
    read = session->each("SHOW VARIABLES LIKE 'aurora\\_version'", [&](std::span<const MySqlValue>) { return aurora = true; });
  }
  if (!read) return tl::unexpected<Error>(read.error());
  session->handle_->server = server_of(version, comment, aurora);

  const std::string waits = std::to_string(kLockWaitS);
  for (const std::string& sql :
       {std::string("SET SESSION sql_mode = '', autocommit = 1, lock_wait_timeout = ") + waits + ", innodb_lock_wait_timeout = " + waits,
        std::string("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")}) {
    if (Result<void> set = session->run(sql); !set) return tl::unexpected<Error>(set.error());
  }
  if (Result<void> set = session->limit_time(kMySqlStatementMs); !set) return tl::unexpected<Error>(set.error());
  return session;
}

Result<void> MySqlSession::limit_time(int timeout_ms) {
  const int ms = std::max(timeout_ms, 1);
  // Seconds with a fraction, for every statement; milliseconds, for a SELECT.
  const std::string sql = handle_->server.engine == Engine::kMariaDb ? "SET SESSION max_statement_time = " + std::to_string(ms / 1000) +
                                                                           "." + std::to_string(1000 + ms % 1000).substr(1)
                                                                     : "SET SESSION max_execution_time = " + std::to_string(ms);
  Result<void> set = run(sql);
  // MySQL before 5.7.8 and MariaDB before 10.1 have neither: the socket's limit holds.
  if (!set && !handle_->broken && mysql_errno(handle_->mysql) == kUnknownVariable) return {};
  return set;
}

Result<void> MySqlSession::run(const std::string& sql) {
  return each(sql, [](std::span<const MySqlValue>) { return true; });
}

class MySqlSession::Fetched final : public MySqlRows {
 public:
  /// `result` may be null: a statement without one.
  Fetched(Handle& handle, MYSQL_RES* result) : handle_(handle), result_(result), at_end_(result == nullptr) {
    if (result == nullptr) return;
    values_.resize(mysql_num_fields(result));
    const MYSQL_FIELD* const fields = mysql_fetch_fields(result);
    for (size_t i = 0; i < values_.size(); ++i) columns_.emplace_back(fields[i].name, fields[i].name_length);
  }
  ~Fetched() override {
    if (at_end_) return;
    // Freeing the result would first read all of it: the connection goes first, and what is left of the result is only memory.
    handle_.broken = true;
    mysql_close(handle_.mysql);
    handle_.mysql = nullptr;
    result_->handle = nullptr;
  }
  Fetched(const Fetched&) = delete;
  Fetched& operator=(const Fetched&) = delete;

  Result<bool> next() override {
    if (at_end_) return false;
    const MYSQL_ROW fetched = mysql_fetch_row(result_.get());
    if (fetched == nullptr) {
      at_end_ = true;
      if (mysql_errno(handle_.mysql) != 0) return tl::unexpected<Error>(handle_.problem());
      return false;
    }
    const unsigned long* const lengths = mysql_fetch_lengths(result_.get());
    for (size_t i = 0; i < values_.size(); ++i) {
      values_[i] = fetched[i] == nullptr ? MySqlValue{} : MySqlValue(std::string_view(fetched[i], lengths[i]));
    }
    return true;
  }
  [[nodiscard]] std::span<const MySqlValue> values() const override { return values_; }
  [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_; }

 private:
  Handle& handle_;
  std::unique_ptr<MYSQL_RES, FreeResult> result_;
  bool at_end_;
  std::vector<MySqlValue> values_;
  std::vector<std::string> columns_;
};

Result<std::unique_ptr<MySqlRows>> MySqlSession::rows(const std::string& sql) {
  Handle& h = *handle_;
  if (h.broken) return fail("the connection to " + h.shown + " is closed");
  if (mysql_real_query(h.mysql, sql.data(), sql.size()) != 0) return tl::unexpected<Error>(h.problem());
  // Row by row from the socket: mysql_store_result() would hold whatever the server sends.
  MYSQL_RES* const result = mysql_use_result(h.mysql);
  if (result == nullptr && (mysql_field_count(h.mysql) != 0 || mysql_errno(h.mysql) != 0)) return tl::unexpected<Error>(h.problem());
  return std::make_unique<Fetched>(h, result);
}

Result<void> MySqlSession::each(const std::string& sql, const std::function<bool(std::span<const MySqlValue>)>& row,
                                std::vector<std::string>* columns) {
  const Result<std::unique_ptr<MySqlRows>> result = rows(sql);
  if (!result) return tl::unexpected<Error>(result.error());
  MySqlRows& all = **result;
  if (columns != nullptr) *columns = all.columns();
  for (;;) {
    const Result<bool> more = all.next();
    if (!more) return tl::unexpected<Error>(more.error());
    if (!*more || !row(all.values())) return {};
  }
}

std::string MySqlSession::quote(std::string_view text) const {
  std::string out(text.size() * 2 + 1, '\0');
  out.resize(mysql_real_escape_string(handle_->mysql, out.data(), text.data(), text.size()));
  return "'" + out + "'";
}

}  // namespace dbaudit
