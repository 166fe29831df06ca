#pragma once
// The real PostgreSQL of DBAUDIT_TEST_POSTGRES (scripts/with-servers), for tests. Every test makes a database of its own and drops it.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/schema/catalog.h"

/// Ends a test case that needs the server.
#define NEED_POSTGRES() \
  if (live_postgres_url().empty()) SKIP_TEST("no DBAUDIT_TEST_POSTGRES (scripts/with-servers)")

struct pg_conn;

namespace dbaudit {

/// The administrator's URL; empty: there is no server, skip.
std::string live_postgres_url();
/// The same server under another database, and with `query` (`user=…&password=…`) appended.
std::string live_postgres_url(const std::string& database, const std::string& query = {});

/// An administrator's or an application's session.
class LiveSession {
 public:
  explicit LiveSession(const std::string& url);  ///< REQUIREs that it connects
  ~LiveSession();
  LiveSession(const LiveSession&) = delete;
  LiveSession& operator=(const LiveSession&) = delete;

  void run(const std::string& sql);  ///< REQUIREs that it works
  /// One statement of the extended protocol with its parameters; REQUIREs that it works.
  void run_with(const std::string& sql, const std::vector<std::string>& parameters);
  std::string sqlstate_of(const std::string& sql);  ///< of its error; empty when it works
  std::string value(const std::string& sql);        ///< first column of the first row
  /// All rows as text, NULL as nullopt.
  std::vector<std::vector<std::optional<std::string>>> rows(const std::string& sql);

 private:
  pg_conn* connection_;
};

/// A new database, dropped with whoever is still in it at the end of the scope.
class LiveDatabase {
 public:
  LiveDatabase();
  ~LiveDatabase();
  LiveDatabase(const LiveDatabase&) = delete;
  LiveDatabase& operator=(const LiveDatabase&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string url(const std::string& query = {}) const { return live_postgres_url(name_, query); }
  LiveSession& admin() { return *admin_; }

 private:
  std::string name_;
  std::unique_ptr<LiveSession> admin_;
};

/// connect() and introspect().
Result<Catalog> introspect_live(const std::string& url);
/// `pg_dump -s` of a database. Empty: pg_dump is not installed.
std::string dump_schema(const std::string& url);

}  // namespace dbaudit
