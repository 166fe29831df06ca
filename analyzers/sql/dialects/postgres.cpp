// PostgreSQL 9.6 to 18 (manual, chapter 4.1 Lexical Structure), with standard_conforming_strings on as it is since 9.1.

#include "analyzers/sql/dialect.h"

namespace dbaudit {

const Dialect& postgres_dialect() {
  static constexpr Dialect kDialect = {
      .engine = Engine::kPostgres,
      .dollar_quotes = true,
      .escape_strings = true,
      .nested_comments = true,
      .fold_unquoted_lower = true,
      .question_operators = true,
      .custom_operators = true,
  };
  return kDialect;
}

}  // namespace dbaudit
