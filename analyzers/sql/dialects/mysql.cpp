// MySQL 5.7 to 9 and MariaDB 10 to 11 (MySQL manual, chapter 11 Language Structure) with the default sql_mode: neither
// NO_BACKSLASH_ESCAPES nor ANSI_QUOTES nor PIPES_AS_CONCAT. A log that shows another sql_mode copies the dialect and turns the flag.

#include <array>

#include "analyzers/sql/dialect.h"

namespace dbaudit {

namespace {

// Sorted. SHOW CHARACTER SET of MySQL 8.4 and MariaDB 10.11 together.
constexpr std::array<std::string_view, 42> kCharsets = {
    "armscii8", "ascii", "big5",    "binary", "cp1250",  "cp1251", "cp1256", "cp1257",  "cp850",    "cp852",  "cp866",
    "cp932",    "dec8",  "eucjpms", "euckr",  "gb18030", "gb2312", "gbk",    "geostd8", "greek",    "hebrew", "hp8",
    "keybcs2",  "koi8r", "koi8u",   "latin1", "latin2",  "latin5", "latin7", "macce",   "macroman", "sjis",   "swe7",
    "tis620",   "ucs2",  "ujis",    "utf16",  "utf16le", "utf32",  "utf8",   "utf8mb3", "utf8mb4",
};

constexpr Dialect kMySql = {
    .engine = Engine::kMySql,
    .backslash_escapes = true,
    .double_quotes_are_strings = true,
    .backtick_identifiers = true,
    .hash_comments = true,
    .dash_comment_needs_space = true,
    .executable_comments = true,
    .pipes_concat = false,
    .digit_identifiers = true,
    .user_variables = true,
    .string_aliases = true,
    .charsets = kCharsets,
};

constexpr Dialect kMariaDb = [] {
  Dialect d = kMySql;
  d.engine = Engine::kMariaDb;
  d.mariadb_comments = true;
  return d;
}();

}  // namespace

const Dialect& mysql_dialect() { return kMySql; }
const Dialect& mariadb_dialect() { return kMariaDb; }

}  // namespace dbaudit
