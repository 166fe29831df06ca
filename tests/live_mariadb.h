#pragma once
// A real MariaDB or MySQL server for tests: the administrator's DSN is in DBAUDIT_TEST_MARIADB (scripts/with-servers). Every scratch database and
// user is the test's own and goes with it.

#include <optional>
#include <string>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/schema/catalog.h"
#include "tests/run_program.h"

struct st_mysql;

namespace dbaudit {

/// Where the server is; nullopt without the variable.
struct LiveMariaDb {
  std::string dsn;  ///< as given, database included
  std::string user, password, host;
  unsigned port = 0;

  static std::optional<LiveMariaDb> find();
  /// The administrator's DSN of another database; `query` begins with ?.
  [[nodiscard]] std::string dsn_of(const std::string& database, const std::string& query = {}) const;
  [[nodiscard]] std::string dsn_as(const std::string& as, const std::string& word, const std::string& database) const;
  /// What `mariadb-dump --no-data` prints of a database, and the `mariadb` client with a script; statuses are theirs.
  [[nodiscard]] ProgramResult dump(const std::string& database) const;
  [[nodiscard]] ProgramResult script(const std::string& database, const std::string& sql) const;
};

/// A writer's connection. Fails the test when it cannot connect.
class MariaDbWriter {
 public:
  explicit MariaDbWriter(const LiveMariaDb& server, const std::string& database = {});
  ~MariaDbWriter();
  MariaDbWriter(const MariaDbWriter&) = delete;
  MariaDbWriter& operator=(const MariaDbWriter&) = delete;
  /// The server's error number; 0 when it went well. Rows are read and dropped.
  unsigned attempt(const std::string& sql);
  void run(const std::string& sql);                                    ///< must go well
  std::vector<std::vector<std::string>> rows(const std::string& sql);  ///< must go well; NULL is "NULL"
  [[nodiscard]] std::string value(const std::string& sql);             ///< the first of the first row
  [[nodiscard]] std::string error() const;                             ///< of the last statement

 private:
  st_mysql* mysql_ = nullptr;
};

/// An empty database under a name of its own, dropped at the end.
class ScratchMariaDb {
 public:
  explicit ScratchMariaDb(const LiveMariaDb& server, const std::string& label,
                          const std::string& options = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci");
  ~ScratchMariaDb();
  ScratchMariaDb(const ScratchMariaDb&) = delete;
  ScratchMariaDb& operator=(const ScratchMariaDb&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  const LiveMariaDb& server_;
  std::string name_;
};

/// connect() and introspect().
[[nodiscard]] Result<Catalog> introspect_dsn(const std::string& dsn);

}  // namespace dbaudit
