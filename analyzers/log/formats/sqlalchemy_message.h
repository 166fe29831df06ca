#pragma once
// The messages of SQLAlchemy's engine and pool loggers.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dbaudit {

enum class SqlalchemyKind : uint8_t {
  kOther,
  kBegin,            ///< the driver begins with the next statement
  kAutocommitBegin,  ///< announced, but the driver is in autocommit mode: no transaction
  kBeginTwophase,    ///< as kBegin; a MySQL driver's XA BEGIN follows as a statement
  kCommit,
  kRollback,
  kNoEffect,    ///< a COMMIT or ROLLBACK that the driver ignores in autocommit mode
  kStatement,   ///< perhaps: begins like SQL
  kParameters,  ///< of the statement logged just before by the same thread
  kColumns,     ///< debug: a result's columns
  kRow,         ///< debug: one row that was fetched
  kPool
};

/// Views into the message.
struct SqlalchemyMessage {
  SqlalchemyKind kind = SqlalchemyKind::kOther;
  bool hidden = false;     ///< kParameters: hide_parameters=True
  bool stats = false;      ///< kParameters: behind `[generated in …]` and the like (SQLAlchemy 1.3 printed the parameters alone)
  std::string_view token;  ///< logging_token
  std::string_view body;   ///< kStatement: the SQL; kParameters: the repr; else the message
};

[[nodiscard]] SqlalchemyMessage parse_sqlalchemy_message(std::string_view message);

/// Length of `[generated in 0.00017s] `, `[raw sql] ` and their like at `at`, when parameters follow; else 0.
[[nodiscard]] size_t sqlalchemy_stats_length(std::string_view text, size_t at);

/// Offset at or after `from` where a message that only SQLAlchemy writes begins in a line (its logging_token apart), or npos.
[[nodiscard]] size_t find_sqlalchemy_message(std::string_view line, size_t from);

/// Where something stands that may be a message of SQLAlchemy, or npos: most files have none, which is soon known.
[[nodiscard]] size_t find_sqlalchemy_mark(std::string_view head);

/// Statements before which Python's sqlite3 module sends BEGIN.
[[nodiscard]] bool begins_sqlite_transaction(std::string_view sql);

/// Does the SQL of this log go to SQLite? Its dialect asks PRAGMAs; of the engines here only it and MariaDB's own connector have `?`.
[[nodiscard]] bool looks_like_sqlite(std::string_view head);

enum class SqlalchemyPoolEvent : uint8_t { kOther, kCreated, kCheckedOut, kReturned, kRollback, kClosed };

/// What a message of `sqlalchemy.pool` says; `connection` becomes the DBAPI connection's address (`0x7f…`), empty when it prints none.
[[nodiscard]] SqlalchemyPoolEvent parse_sqlalchemy_pool(std::string_view message, std::string_view& connection);

}  // namespace dbaudit
