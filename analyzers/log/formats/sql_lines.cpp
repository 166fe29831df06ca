#include "analyzers/log/formats/sql_lines.h"

#include <algorithm>
#include <iterator>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/statement_text.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

// Words that begin a line inside a statement. Sorted.
constexpr std::string_view kClauses[] = {
    "AND",   "AS",     "CASE",      "CROSS",     "DEFAULT", "DO",   "ELSE",    "END",   "EXCEPT", "FETCH",   "FOR",    "FROM",  "FULL",
    "GROUP", "HAVING", "INNER",     "INTERSECT", "INTO",    "JOIN", "LATERAL", "LEFT",  "LIMIT",  "NATURAL", "OFFSET", "ON",    "OR",
    "ORDER", "OUTER",  "RETURNING", "RIGHT",     "SELECT",  "SET",  "THEN",    "UNION", "USING",  "VALUES",  "WHEN",   "WHERE", "WINDOW"};
static_assert(std::is_sorted(std::begin(kClauses), std::end(kClauses)));
// The same, but prose has them too: only in capitals, or in a statement written in small letters.
constexpr std::string_view kDoubtfulClauses[] = {"ASC",   "BETWEEN", "COMMENT",    "DESC",      "DUPLICATE",  "ENGINE", "EXISTS",
                                                 "FORCE", "ILIKE",   "IN",         "IS",        "LANGUAGE",   "LIKE",   "LOCK",
                                                 "NOT",   "NULL",    "OVERRIDING", "PARTITION", "TABLESPACE", "WITH"};
static_assert(std::is_sorted(std::begin(kDoubtfulClauses), std::end(kDoubtfulClauses)));
// Words after which a statement goes on.
constexpr std::string_view kWanting[] = {
    "ALL",   "AND",    "AS",     "BETWEEN",   "BY",    "CASE",   "CONFLICT",  "CROSS",     "DELETE", "DISTINCT", "DO",
    "ELSE",  "EXCEPT", "EXISTS", "EXPLAIN",   "FOR",   "FROM",   "GROUP",     "HAVING",    "IGNORE", "ILIKE",    "IN",
    "INDEX", "INNER",  "INSERT", "INTERSECT", "INTO",  "IS",     "JOIN",      "KEY",       "LEFT",   "LIKE",     "LIMIT",
    "NOT",   "OFFSET", "ON",     "OR",        "ORDER", "OUTER",  "RECURSIVE", "RETURNING", "RIGHT",  "SELECT",   "SET",
    "TABLE", "THEN",   "UNION",  "UPDATE",    "USING", "VALUES", "WHEN",      "WHERE",     "WITH"};
static_assert(std::is_sorted(std::begin(kWanting), std::end(kWanting)));
// Words that begin a statement and no clause of one.
constexpr std::string_view kBeginnings[] = {"ALTER",     "BEGIN",  "CALL", "COMMENT", "COMMIT",   "CREATE",  "DELETE",  "DROP",
                                            "EXPLAIN",   "INSERT", "LOCK", "MERGE",   "PRAGMA",   "RELEASE", "REPLACE", "ROLLBACK",
                                            "SAVEPOINT", "SELECT", "SET",  "SHOW",    "TRUNCATE", "UPDATE",  "WITH",    "XA"};
static_assert(std::is_sorted(std::begin(kBeginnings), std::end(kBeginnings)));

template <size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  char upper[12];
  if (word.empty() || word.size() > sizeof upper) return false;
  std::transform(word.begin(), word.end(), upper, [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return std::binary_search(std::begin(words), std::end(words), std::string_view(upper, word.size()));
}

bool has_lower(std::string_view word) {
  return std::any_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}
bool has_upper(std::string_view word) {
  return std::any_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::string_view first_word(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && is_word(text[n])) ++n;
  return text.substr(0, n);
}

/// Cuts the last word off, and the blanks before it.
std::string_view take_last_word(std::string_view& text) {
  size_t begin = text.size();
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  const std::string_view word = text.substr(begin);
  text = trim(text.substr(0, begin));
  return word;
}

/// Does one of `words` stand in the text outside of parentheses, behind its first word? Quotes do not matter much: a wrong yes ends a statement early.
template <size_t N>
bool has_outside(std::string_view text, const std::string_view (&words)[N]) {
  int depth = 0;
  bool first = true;
  for (size_t at = 0; at < text.size();) {
    const std::string_view word = first_word(text.substr(at));
    if (word.empty()) {
      depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
      ++at;
      continue;
    }
    if (!first && depth == 0 && is_one_of(word, words)) return true;
    first = false;
    at += word.size();
  }
  return false;
}

/// Does the line begin with a word of a clause? Prose has the words too: `For now`, `Order 5 was placed`, `set: …`.
bool begins_clause(std::string_view text, bool is_lower) {
  const std::string_view word = first_word(text);
  const bool lower = has_lower(word);
  if (word.empty() || lower == has_upper(word)) return false;
  const std::string_view rest = text.substr(word.size());
  if (rest.starts_with(':') || rest.starts_with(" /")) return false;
  if (iequals(word, "ORDER") || iequals(word, "GROUP")) return rest.empty() || istarts_with(trim(rest), "by");
  return is_one_of(word, kClauses) || ((!lower || is_lower) && is_one_of(word, kDoubtfulClauses));
}

/// `= 1`, `|| x`, `>= 2`; not `==> file`, `> command`, `++`.
bool begins_with_operator(std::string_view text, bool is_indented) {
  switch (text.front()) {
    case ')':
    case ',':
    case ';': return true;
    case '(': {
      // `(node:123) Warning`, `(Use it like this)`
      const std::string_view word = first_word(text.substr(1));
      return !text.substr(1 + word.size()).starts_with(':') && (word.empty() || has_lower(word) != has_upper(word) || is_indented);
    }
    case '=': return !text.starts_with("==");
    case '|': return text.starts_with("||");
    case '<': return is_indented || text.starts_with("<>") || text.starts_with("<= ");
    case '>': return is_indented || text.starts_with(">= ");
    case '+': return is_indented;
    case '/': return text.starts_with("/*");
    case '-': return text.starts_with("--") && !text.starts_with("---");
    default: return false;
  }
}

}  // namespace

void SqlLines::reset(const SqlTextRules& rules) {
  scan_.reset(rules);
  line_begin_ = 0;
  blank_ = true;
  is_boundary_ = is_lower_ = false;
  lines_ = 0;
}

void SqlLines::see_first(std::string_view line) {
  const std::string_view text = trim(line);
  if (text.empty() || scan_.tail().empty()) return;
  blank_ = false;
  is_boundary_ = is_transaction_boundary(text);
  const std::string_view word = first_word(text);
  is_lower_ = has_lower(word) && !has_upper(word);
}

void SqlLines::add(std::string_view line) {
  ++lines_;
  line_begin_ = scan_.size();
  scan_.feed(line);
  if (blank_) see_first(line);
  scan_.feed("\n");
}

size_t SqlLines::find(std::string_view text, uint8_t stops) {
  const size_t before = scan_.size();
  const size_t found = scan_.find(text, stops);
  if (before < text.size()) {
    lines_ += before == 0 || text[before] == '\n' || text[before] == '\r' ? 1 : 0;
    if (blank_) see_first(text.substr(before));
  }
  return found;
}

size_t SqlLines::comment() const {
  const size_t at = scan_.comment();
  return at == kNone || at < line_begin_ ? kNone : at - line_begin_;
}

bool SqlLines::is_unfinished() const {
  if (depth() > 0) return true;
  std::string_view tail = scan_.tail();
  if (tail.empty()) return true;
  if (std::string_view(",(=<>+-*/|.").find(tail.back()) != kNone) return true;
  const std::string_view word = take_last_word(tail);
  if (!is_one_of(word, kWanting)) return false;
  if (!tail.empty() && std::string_view(".@:").find(tail.back()) != kNone) return false;
  if (iequals(word, "ON")) return !tail.ends_with('=');  // SET x = ON
  std::string_view before = take_last_word(tail);
  if (iequals(word, "ALL")) {
    constexpr std::string_view kWhole[] = {"CLOSE", "DEALLOCATE", "DISCARD", "LIMIT", "RESET"};
    return !is_one_of(before, kWhole);
  }
  if (iequals(word, "UPDATE")) {  // DO UPDATE, but not FOR UPDATE and FOR NO KEY UPDATE
    if (iequals(before, "KEY")) return !iequals(take_last_word(tail), "NO");
    return !iequals(before, "FOR");
  }
  return true;
}

bool SqlLines::continues(std::string_view line, Indented indented) const {
  if (in_quote()) return true;
  const std::string_view text = trim(line);
  if (text.empty()) return true;
  if (blank_ || scan_.tail().ends_with(';')) return starts_like_sql(text);
  if (is_boundary_) return false;
  const bool is_indented = line.front() == ' ' || line.front() == '\t';
  if (is_indented && (text.starts_with("at ") || text.starts_with("... "))) return false;  // of a stack trace
  if (is_unfinished() || begins_with_operator(text, is_indented) || begins_clause(text, is_lower_)) return true;
  if (indented == Indented::kStatement) {
    const std::string_view word = first_word(text);
    const bool is_lower = has_lower(word);
    if (is_indented) return true;
    return is_lower == is_lower_ && is_lower != has_upper(word) && !text.substr(word.size()).starts_with(" /") && starts_like_sql(text);
  }
  // Deeper lines of a statement that already has several.
  return indented == Indented::kLater && is_indented && lines_ > 1 && text.front() != '{' && text.front() != '}';
}

bool SqlLines::is_followed_by(std::string_view text, std::string_view line) const {
  if (in_quote() || is_unfinished()) return false;
  const std::string_view word = first_word(line);
  if (!is_one_of(word, kBeginnings)) return false;
  constexpr std::string_view kSources[] = {"SELECT", "SET", "VALUES"};
  constexpr std::string_view kVerbs[] = {"DELETE", "INSERT", "MERGE", "SELECT", "UPDATE"};
  text = trim(text);
  const std::string_view first = first_word(text);
  if (iequals(first, "INSERT") || iequals(first, "REPLACE")) return has_outside(text, kSources);
  if (iequals(first, "WITH")) return has_outside(text, kVerbs);
  return !(iequals(first, "UPDATE") && iequals(word, "SET"));
}

}  // namespace dbaudit
