#include "analyzers/schema/scratch.h"

#include "analyzers/base/text.h"

namespace dbaudit {

// Each server's file defines its own.
[[nodiscard]] Result<std::unique_ptr<Scratch>> postgres_scratch(const Dsn& dsn);
[[nodiscard]] Result<std::unique_ptr<Scratch>> mysql_scratch(const Dsn& dsn);

Result<std::unique_ptr<Scratch>> open_scratch(const Dsn& dsn) {
  if (dsn.scheme == "postgresql" || dsn.scheme == "postgres") return postgres_scratch(dsn);
  if (dsn.scheme == "mysql" || dsn.scheme == "mariadb") return mysql_scratch(dsn);
  return fail("a scratch database is one of PostgreSQL, MySQL or MariaDB: fixes for SQLite are tried in memory");
}

bool same_database(const Dsn& a, const Dsn& b) {
  // `host:port/database`, whoever connects and how.
  const auto place = [](const Dsn& dsn) {
    std::string_view rest = dsn.rest;
    rest = rest.substr(0, rest.find('?'));
    const size_t at = rest.rfind('@');
    if (at != std::string_view::npos) rest.remove_prefix(at + 1);
    std::string text = to_lower(rest);
    const size_t slash = text.find('/');
    std::string server = text.substr(0, slash);
    const std::string database = slash == std::string::npos ? std::string() : text.substr(slash);
    const bool postgres = dsn.scheme.starts_with("postgres");
    const std::string port = postgres ? ":5432" : ":3306";
    if (server.ends_with(port)) server.resize(server.size() - port.size());
    if (server == "127.0.0.1" || server == "[::1]" || server.empty()) server = "localhost";
    return server + database;
  };
  const bool same_kind = a.scheme.starts_with("postgres") == b.scheme.starts_with("postgres");
  return same_kind && place(a) == place(b);
}

}  // namespace dbaudit
