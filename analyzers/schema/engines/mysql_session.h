#pragma once
// A read-only session with a MySQL or MariaDB server. Internal to schema/engines/mysql*.cpp.
//
// mysql_dsn.cpp      what a DSN asks for
// mysql_session.cpp  the connection: the only file that knows libmariadb
// mysql_catalog.cpp  information_schema → Catalog
// mysql_settings.cpp which settings make its log one that can be audited
// mysql_log.cpp      the log it keeps in tables, row by row
// mysql.cpp          what the rest of the program sees

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/schema/connection.h"

namespace dbaudit {

/// What one statement may take on the server, unless limit_time() says otherwise. Five thousand tables are read in a few seconds.
inline constexpr int kMySqlStatementMs = 60'000;

/// How much TLS a DSN asks for, in MySQL's words (manual 6.3.1, --ssl-mode).
enum class TlsMode : uint8_t { kDisabled, kPreferred, kRequired, kVerifyCa, kVerifyIdentity };

/// A DSN taken apart. Empty means not said: the client library's defaults hold.
struct MySqlTarget {
  std::string user, password;
  std::string host;
  unsigned port = 0;
  std::string socket;
  std::string database;
  TlsMode tls = TlsMode::kPreferred;
  std::string ssl_ca, ssl_cert, ssl_key;
  unsigned connect_timeout_s = 10;
  std::string option_file;   ///< read_default_file
  std::string option_group;  ///< read_default_group; `client` is always read when there is a file
  std::string shown;         ///< Dsn::shown, for messages
};

/// `user:password@host:port/database?key=value`, each part percent-encoded; `[::1]:3306`; a host that is a path is a socket. Without a password in
/// it the variable MYSQL_PWD is read. Errors: a key it does not know (with the nearest), a bad number, a second host, a file that cannot be read.
[[nodiscard]] Result<MySqlTarget> mysql_target(const Dsn& dsn);

/// Which server answers.
struct MySqlServer {
  Engine engine = Engine::kUnknown;  ///< kMariaDb or kMySql
  std::string version;               ///< `10.11.19-MariaDB`, `8.0.36`
  int number = 0;                    ///< 101119, 80036
  std::string fork;                  ///< `Percona Server`, `Amazon Aurora`; empty for the engine itself
};

/// One value of a row; nullopt is NULL. Dies with its row.
using MySqlValue = std::optional<std::string_view>;

/// The rows of one statement, taken from the socket one by one.
class MySqlRows {
 public:
  virtual ~MySqlRows() = default;
  /// False at the end. The values die at the next call.
  virtual Result<bool> next() = 0;
  [[nodiscard]] virtual std::span<const MySqlValue> values() const = 0;
  [[nodiscard]] virtual const std::vector<std::string>& columns() const = 0;
};

class MySqlSession {
 public:
  /// Connects, makes the session read-only and gives it time limits. Nothing is written by this or any later call but what a server counts of its own accord.
  static Result<std::unique_ptr<MySqlSession>> open(const MySqlTarget& target);
  ~MySqlSession();
  MySqlSession(const MySqlSession&) = delete;
  MySqlSession& operator=(const MySqlSession&) = delete;

  [[nodiscard]] const MySqlServer& server() const;
  /// A statement without a result.
  Result<void> run(const std::string& sql);
  /// The rows of one statement as they come, never all in memory. `row` returns false to leave the rest unread, after which the session is broken:
  /// draining what is left could take for ever.
  Result<void> each(const std::string& sql, const std::function<bool(std::span<const MySqlValue>)>& row,
                    std::vector<std::string>* columns = nullptr);
  /// The same, for whoever asks for rows. They must go before the session does; what is left unread then costs the session its connection.
  Result<std::unique_ptr<MySqlRows>> rows(const std::string& sql);
  /// Limits what each SELECT from here on may take, on the server.
  Result<void> limit_time(int timeout_ms);
  /// A string literal.
  [[nodiscard]] std::string quote(std::string_view text) const;
  /// No statement can be run any more.
  [[nodiscard]] bool broken() const;

 private:
  struct Handle;
  class Fetched;
  explicit MySqlSession(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

/// Everything a Catalog holds, from information_schema, one statement a kind. To be called inside a transaction.
[[nodiscard]] Result<Catalog> read_mysql_catalog(MySqlSession& session);

/// mysql.general_log when the log goes there, else performance_schema.events_statements_history_long. The log must go before the session does.
[[nodiscard]] Result<HeldLogAnswer> open_mysql_held_log(MySqlSession& session);

}  // namespace dbaudit
