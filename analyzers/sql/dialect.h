#pragma once
// What differs between the SQL dialects, as data. The lexer and the parser ask this, never the engine.

#include <span>
#include <string_view>

#include "analyzers/base/engine.h"

namespace dbaudit {

struct Dialect {
  Engine engine = Engine::kUnknown;
  bool backslash_escapes = false;          ///< in plain '…' (MySQL without NO_BACKSLASH_ESCAPES; PostgreSQL only in E'…')
  bool double_quotes_are_strings = false;  ///< MySQL without ANSI_QUOTES
  bool backtick_identifiers = false;       ///< MySQL, SQLite
  bool bracket_identifiers = false;        ///< SQLite
  bool dollar_quotes = false;              ///< PostgreSQL
  bool escape_strings = false;             ///< E'…', U&'…' (PostgreSQL)
  bool hash_comments = false;              ///< `#` to the end of the line (MySQL)
  bool dash_comment_needs_space = false;   ///< MySQL: `--` counts only before white space
  bool nested_comments = false;            ///< PostgreSQL
  bool executable_comments = false;        ///< MySQL `/*! … */`, MariaDB `/*M! … */`
  bool fold_unquoted_lower = false;        ///< PostgreSQL folds; the others compare without case
  bool pipes_concat = true;                ///< MySQL without PIPES_AS_CONCAT reads || as OR
  bool mariadb_comments = false;           ///< `/*M! … */` is executed as well
  bool question_operators = false;         ///< PostgreSQL's jsonb `?` `?|` `?&`: a question mark after an operand may be one
  bool custom_operators = false;           ///< PostgreSQL: an operator is the longest run of operator bytes (manual 4.1.3)
  bool digit_identifiers = false;          ///< MySQL: `1abc` is a name
  bool user_variables = false;             ///< MySQL: `@x`, `@@session.x`
  bool tcl_placeholders = false;           ///< SQLite: `$a::b(c)` is one placeholder
  bool string_aliases = false;             ///< MySQL, SQLite: a string right after AS is a name
  /// Names that are a string's prefix with `_` before them (MySQL's `_utf8mb4'…'`); sorted, lower case.
  std::span<const std::string_view> charsets = {};
};

/// The dialect of an engine with its default settings. kUnknown gives a lenient mixture: every quote style is accepted, backslash
/// does not escape.
[[nodiscard]] const Dialect& dialect_of(Engine engine);

// One per file in dialects/.
[[nodiscard]] const Dialect& postgres_dialect();
[[nodiscard]] const Dialect& mysql_dialect();
[[nodiscard]] const Dialect& mariadb_dialect();
[[nodiscard]] const Dialect& sqlite_dialect();

}  // namespace dbaudit
