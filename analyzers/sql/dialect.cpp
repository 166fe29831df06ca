#include "analyzers/sql/dialect.h"

namespace dbaudit {

namespace {

// A log of unknown origin: every quote style that does not contradict another. Brackets quote only where no subscript can stand.
constexpr Dialect kLenient = {
    .engine = Engine::kUnknown,
    .backtick_identifiers = true,
    .bracket_identifiers = true,
    .dollar_quotes = true,
    .escape_strings = true,
    .executable_comments = true,
    .mariadb_comments = true,
    .custom_operators = true,
    .string_aliases = true,
};

}  // namespace

const Dialect& dialect_of(Engine engine) {
  switch (engine) {
    case Engine::kPostgres: return postgres_dialect();
    case Engine::kMySql: return mysql_dialect();
    case Engine::kMariaDb: return mariadb_dialect();
    case Engine::kSqlite: return sqlite_dialect();
    case Engine::kUnknown: break;
  }
  return kLenient;
}

}  // namespace dbaudit
