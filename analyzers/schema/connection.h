#pragma once
// A live database, opened read-only.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/schema/catalog.h"

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

class Connection {
 public:
  virtual ~Connection() = default;
  /// Everything Catalog holds, from the server's own catalogs, in one read-only transaction with a timeout.
  virtual Result<Catalog> introspect() = 0;
  /// Runs one SELECT with a row limit and a time limit; never anything that writes (the connection is read-only).
  virtual Result<Rows> query(const std::string& sql, size_t limit, int timeout_ms) = 0;
  [[nodiscard]] virtual Engine engine() const = 0;
};

/// Opens read-only. Errors: cannot connect, not a database, no such file; the message never holds a password.
[[nodiscard]] Result<std::unique_ptr<Connection>> connect(const Dsn& dsn);

}  // namespace dbaudit
