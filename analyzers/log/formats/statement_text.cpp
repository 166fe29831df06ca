#include "analyzers/log/formats/statement_text.h"

#include <algorithm>
#include <iterator>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

// Sorted: found by binary search, and a cut word by its neighbours.
constexpr std::string_view kFirstWords[] = {
    "ABORT",  "ALTER",    "ANALYZE",    "ATTACH",  "BEGIN",  "CALL",     "CHECK",     "CLOSE",   "CLUSTER", "COMMENT", "COMMIT",
    "COPY",   "CREATE",   "DEALLOCATE", "DECLARE", "DELETE", "DESC",     "DESCRIBE",  "DETACH",  "DISCARD", "DO",      "DROP",
    "END",    "EXEC",     "EXECUTE",    "EXPLAIN", "FETCH",  "FLUSH",    "GRANT",     "HANDLER", "INSERT",  "KILL",    "LISTEN",
    "LOAD",   "LOCK",     "MERGE",      "MOVE",    "NOTIFY", "OPTIMIZE", "PRAGMA",    "PREPARE", "REFRESH", "REINDEX", "RELEASE",
    "RENAME", "REPAIR",   "REPLACE",    "RESET",   "REVOKE", "ROLLBACK", "SAVEPOINT", "SELECT",  "SET",     "SHOW",    "START",
    "TABLE",  "TRUNCATE", "UNLISTEN",   "UNLOCK",  "UPDATE", "UPSERT",   "USE",       "VACUUM",  "VALUES",  "WITH",    "XA"};
static_assert(std::is_sorted(std::begin(kFirstWords), std::end(kFirstWords)));

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$'; }

std::string_view skip_leader(std::string_view s) {
  while (!s.empty()) {
    if (s[0] == ' ' || (s[0] >= '\t' && s[0] <= '\r') || s[0] == '(' || s[0] == ';') {
      s.remove_prefix(1);
    } else if (s.substr(0, 2) == "/*") {
      const size_t end = s.find("*/", 2);
      s = end == std::string_view::npos ? std::string_view() : s.substr(end + 2);
    } else if (s.substr(0, 2) == "--") {
      const size_t end = s.find('\n');
      s = end == std::string_view::npos ? std::string_view() : s.substr(end + 1);
    } else {
      break;
    }
  }
  return s;
}

/// The first word in upper case, in `buffer`; empty when there is none or it is longer than any of ours.
std::string_view first_word(std::string_view& s, char (&buffer)[12]) {
  size_t n = 0;
  while (n < s.size() && is_word(s[n])) ++n;
  const std::string_view word = s.substr(0, n);
  s.remove_prefix(n);
  if (n == 0 || n > sizeof buffer) return {};
  std::transform(word.begin(), word.end(), buffer, [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; });
  return {buffer, n};
}

}  // namespace

bool starts_like_sql(std::string_view text, bool may_be_cut) {
  text = skip_leader(text);
  if (text.empty()) return false;
  char buffer[12];
  const std::string_view word = first_word(text, buffer);
  if (word.empty()) return false;
  const auto* at = std::lower_bound(std::begin(kFirstWords), std::end(kFirstWords), word);
  if (at == std::end(kFirstWords)) return false;
  if (*at == word) return true;
  return may_be_cut && text.empty() && at->substr(0, word.size()) == word;
}

bool is_transaction_boundary(std::string_view sql) {
  sql = skip_leader(sql);
  char buffer[12];
  const std::string_view word = first_word(sql, buffer);
  if (word == "BEGIN" || word == "COMMIT" || word == "END" || word == "ABORT") return true;
  if (word != "START" && word != "ROLLBACK") return false;
  const bool start = word == "START";
  sql = skip_leader(sql);
  std::string_view second = first_word(sql, buffer);
  if (start) return second == "TRANSACTION";
  if (second == "WORK" || second == "TRANSACTION") {
    sql = skip_leader(sql);
    second = first_word(sql, buffer);
  }
  return second != "TO";
}

}  // namespace dbaudit
