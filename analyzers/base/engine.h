#pragma once
// The database engines dbaudit knows, and isolation levels. Facts about them live with the code that uses them.

#include <cstdint>
#include <optional>
#include <string_view>

namespace dbaudit {

enum class Engine : uint8_t { kUnknown, kPostgres, kMySql, kMariaDb, kSqlite };

[[nodiscard]] constexpr bool is_mysql_family(Engine e) { return e == Engine::kMySql || e == Engine::kMariaDb; }
/// `postgresql`, `mysql`, `mariadb`, `sqlite`, `unknown`.
[[nodiscard]] std::string_view engine_name(Engine e);
/// `PostgreSQL`, `MySQL`, `MariaDB`, `SQLite`, `unknown engine`.
[[nodiscard]] std::string_view engine_title(Engine e);
[[nodiscard]] std::optional<Engine> parse_engine(std::string_view name);  ///< also `postgres`, `pg`, `sqlite3`; any case

enum class Isolation : uint8_t { kUnknown, kReadUncommitted, kReadCommitted, kRepeatableRead, kSerializable };

/// `READ COMMITTED` and so on; `unknown`.
[[nodiscard]] std::string_view isolation_name(Isolation l);
/// `read committed`, `READ-COMMITTED`, `repeatable_read`; nullopt when it is none of the four.
[[nodiscard]] std::optional<Isolation> parse_isolation(std::string_view name);
/// What a server of this kind does when nobody chose (PostgreSQL 13.2; MySQL 15.7.2.1; SQLite isolation.html).
[[nodiscard]] Isolation default_isolation(Engine e);

}  // namespace dbaudit
