// SQLite 3 (lang.html, and tokenize.c for what the pages leave out). Backticks and brackets are accepted for compatibility.

#include "analyzers/sql/dialect.h"

namespace dbaudit {

const Dialect& sqlite_dialect() {
  static constexpr Dialect kDialect = {
      .engine = Engine::kSqlite,
      .backtick_identifiers = true,
      .bracket_identifiers = true,
      .tcl_placeholders = true,
      .string_aliases = true,
  };
  return kDialect;
}

}  // namespace dbaudit
