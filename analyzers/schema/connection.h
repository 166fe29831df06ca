#pragma once
// A live database, opened read-only.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/schema/log_advice.h"

namespace dbaudit {

/// A DSN taken apart. `shown` is safe to print: no password.
struct Dsn {
  std::string scheme;  ///< without driver suffix, lower case
  std::string rest;    ///< after `scheme://`, still encoded
  std::string raw;
  std::string shown;
};

/// `sqlite:///rel.db`, `sqlite:////abs.db`, a bare path to an existing SQLite file, `env:NAME`; a driver suffix is dropped. Errors: unknown
/// scheme (with the ones known), an unset variable.
[[nodiscard]] Result<Dsn> parse_dsn(std::string_view text);

/// Result of a bounded read-only query.
struct Rows {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  ///< NULL as "NULL" with is_null not kept: for evidence only
  bool more = false;                           ///< the limit cut it
};

/// Statements that a server keeps in tables of its own, as text: what its own client prints of them.
class HeldLog {
 public:
  virtual ~HeldLog() = default;
  /// Up to `size` bytes, read from the server as they are asked for; 0 at the end. The connection serves nothing else before that.
  virtual Result<size_t> read(char* buffer, size_t size) = 0;
  [[nodiscard]] virtual std::string name() const = 0;         ///< `mysql.general_log`
  [[nodiscard]] virtual std::string_view format() const = 0;  ///< of --log-format
};

struct HeldLogAnswer {
  std::unique_ptr<HeldLog> log;    ///< null: the server holds none
  std::string why_none;            ///< half a sentence: `general_log is OFF`
  std::vector<std::string> notes;  ///< what of it is not to be had, one line each
};

class Connection {
 public:
  virtual ~Connection() = default;
  /// Everything Catalog holds, from the server's own catalogs, in one read-only transaction with a timeout.
  virtual Result<Catalog> introspect() = 0;
  /// Runs one SELECT with a row limit and a time limit; never anything that writes (the connection is read-only).
  virtual Result<Rows> query(const std::string& sql, size_t limit, int timeout_ms) = 0;
  /// About how many rows a table has, from what the server keeps count of anyway: never a scan. nullopt: it does not know.
  virtual Result<std::optional<uint64_t>> estimated_rows(const Table& table) = 0;
  /// Judges what the server is set to log. Errors: the connection; what the user may not see is Grade::kUnknown.
  virtual Result<LogAdvice> examine_log() = 0;
  /// The log that can be read with nothing but this connection, which must outlive it.
  virtual Result<HeldLogAnswer> held_log() = 0;
  [[nodiscard]] virtual Engine engine() const = 0;
  /// The database that the session is in, as logs name it; empty when there is none, and for SQLite.
  [[nodiscard]] virtual std::string database() const = 0;
};

/// Opens read-only. Errors: cannot connect, not a database, no such file; the message never holds a password.
[[nodiscard]] Result<std::unique_ptr<Connection>> connect(const Dsn& dsn);

}  // namespace dbaudit
