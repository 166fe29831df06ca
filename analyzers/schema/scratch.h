#pragma once
// A database of our own, made to try statements on and thrown away. Never the audited one: on a server it is a database with a name of its own, made through
// the DSN's and dropped at the end, also after errors; for SQLite it is memory.

#include <memory>
#include <string>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/schema/connection.h"

namespace dbaudit {

class Scratch {
 public:
  virtual ~Scratch() = default;
  /// Empties the database, then makes copies of the tables (create_statements). Errors: a table that cannot be copied; the connection.
  virtual Result<void> set_up(const std::vector<Table>& tables) = 0;
  /// One statement. Errors: what the engine says, in one line; it may hold values of the statement.
  virtual Result<void> run(const std::string& sql) = 0;
  [[nodiscard]] virtual Engine engine() const = 0;
};

/// In memory.
[[nodiscard]] Result<std::unique_ptr<Scratch>> sqlite_scratch();
/// A new database on the server of the DSN (PostgreSQL, MySQL, MariaDB). Statements and lock waits end after a few seconds.
/// Errors: cannot connect; no right to create a database. The message never holds a password.
[[nodiscard]] Result<std::unique_ptr<Scratch>> open_scratch(const Dsn& dsn);
/// Do both name the same database of the same server, as far as their texts tell?
[[nodiscard]] bool same_database(const Dsn& a, const Dsn& b);

}  // namespace dbaudit
