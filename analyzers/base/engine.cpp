#include "analyzers/base/engine.h"

#include <string>

#include "analyzers/base/text.h"

namespace dbaudit {

std::string_view engine_name(Engine e) {
  switch (e) {
    case Engine::kUnknown: return "unknown";
    case Engine::kPostgres: return "postgresql";
    case Engine::kMySql: return "mysql";
    case Engine::kMariaDb: return "mariadb";
    case Engine::kSqlite: return "sqlite";
  }
  return "unknown";
}

std::string_view engine_title(Engine e) {
  switch (e) {
    case Engine::kUnknown: return "unknown engine";
    case Engine::kPostgres: return "PostgreSQL";
    case Engine::kMySql: return "MySQL";
    case Engine::kMariaDb: return "MariaDB";
    case Engine::kSqlite: return "SQLite";
  }
  return "unknown engine";
}

std::optional<Engine> parse_engine(std::string_view name) {
  const std::string lower = to_lower(name);
  if (lower == "postgresql" || lower == "postgres" || lower == "pg") return Engine::kPostgres;
  if (lower == "mysql") return Engine::kMySql;
  if (lower == "mariadb") return Engine::kMariaDb;
  if (lower == "sqlite" || lower == "sqlite3") return Engine::kSqlite;
  return std::nullopt;
}

std::string_view isolation_name(Isolation l) {
  switch (l) {
    case Isolation::kUnknown: return "unknown";
    case Isolation::kReadUncommitted: return "READ UNCOMMITTED";
    case Isolation::kReadCommitted: return "READ COMMITTED";
    case Isolation::kRepeatableRead: return "REPEATABLE READ";
    case Isolation::kSerializable: return "SERIALIZABLE";
  }
  return "unknown";
}

std::optional<Isolation> parse_isolation(std::string_view name) {
  std::string words;  // lower case, one space between words
  for (const char c : trim(name)) {
    const bool gap = c == ' ' || c == '\t' || c == '-' || c == '_';
    if (!gap) {
      words += ascii_lower(c);
    } else if (!words.empty() && words.back() != ' ') {
      words += ' ';
    }
  }
  if (words == "read uncommitted") return Isolation::kReadUncommitted;
  if (words == "read committed") return Isolation::kReadCommitted;
  if (words == "repeatable read") return Isolation::kRepeatableRead;
  if (words == "serializable") return Isolation::kSerializable;
  return std::nullopt;
}

Isolation default_isolation(Engine e) {
  switch (e) {
    case Engine::kUnknown: return Isolation::kUnknown;
    case Engine::kPostgres: return Isolation::kReadCommitted;
    case Engine::kMySql:
    case Engine::kMariaDb: return Isolation::kRepeatableRead;
    case Engine::kSqlite: return Isolation::kSerializable;
  }
  return Isolation::kUnknown;
}

}  // namespace dbaudit
