#include "analyzers/log/formats/statement_lines.h"

#include <algorithm>
#include <iterator>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'; }

/// The first word, at most `limit` letters long; empty when there is none or it is longer.
std::string_view first_word(std::string_view s, size_t limit = 16) {
  size_t n = 0;
  while (n < s.size() && n <= limit && is_word(s[n])) ++n;
  return n > limit ? std::string_view() : s.substr(0, n);
}

std::string_view last_word(std::string_view s) {
  size_t n = 0;
  while (n < s.size() && n <= 16 && is_word(s[s.size() - 1 - n])) ++n;
  return n > 16 ? std::string_view() : s.substr(s.size() - n);
}

template <size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  return std::any_of(std::begin(words), std::end(words), [word](std::string_view w) { return iequals(w, word); });
}

}  // namespace

void SqlTextScan::step(Scan& s, bool escaping, std::string_view text) {
  size_t at = s.at;
  while (at < text.size()) {
    char c = text[at];
    char next = at + 1 < text.size() ? text[at + 1] : '\0';
    switch (s.state) {
      case State::kCode:
        while (at < text.size() && (is_word(text[at]) || text[at] == ' ')) ++at;
        if (at == text.size()) break;
        c = text[at];
        next = at + 1 < text.size() ? text[at + 1] : '\0';
        if (c == '\'' || c == '"' || c == '`') {
          s.state = State::kQuote;
          s.quote = c;
        } else if (c == '(') {
          ++s.depth;
        } else if (c == ')') {
          if (s.depth > 0) --s.depth;
        } else if (c == '-' && next == '-') {
          s.state = State::kLineComment;
        } else if (c == '/' && next == '*') {
          s.state = State::kBlockComment;
          ++at;
        } else if (c == '$' && (at == 0 || !is_word(text[at - 1]))) {
          size_t p = at + 1;
          while (p < text.size() && is_word(text[p]) && !(p == at + 1 && is_digit(text[p]))) ++p;
          if (p < text.size() && text[p] == '$') {
            s.state = State::kDollar;
            s.tag_begin = at;
            s.tag_size = p + 1 - at;
            at = p;
          }
        }
        ++at;
        break;
      case State::kQuote: {
        if (!escaping || s.quote == '`') {
          const size_t end = text.find(s.quote, at);
          at = end == kNone ? text.size() : end + 1;
          if (end != kNone) s.state = State::kCode;
          break;
        }
        while (at < text.size() && text[at] != s.quote && text[at] != '\\') ++at;
        if (at == text.size()) break;
        if (text[at] == s.quote) {
          s.state = State::kCode;
          ++at;
        } else if (at + 1 == text.size()) {  // what it escapes comes with the next line
          s.at = at;
          return;
        } else {
          at += 2;
        }
        break;
      }
      case State::kLineComment: {
        const size_t end = text.find('\n', at);
        at = std::min(end, text.size());
        if (end != kNone) s.state = State::kCode;
        break;
      }
      case State::kBlockComment: {
        const size_t end = text.find("*/", at);
        if (end == kNone) {
          s.at = text.ends_with('*') ? text.size() - 1 : text.size();
          s.at = std::max(s.at, at);
          return;
        }
        at = end + 2;
        s.state = State::kCode;
        break;
      }
      case State::kDollar: {
        const size_t end = text.find(text.substr(s.tag_begin, s.tag_size), at);
        if (end == kNone) {  // the tag has no newline in it, and lines come whole
          s.at = text.size();
          return;
        }
        at = end + s.tag_size;
        s.state = State::kCode;
        break;
      }
    }
  }
  // A comment of one line ends with the line, though its newline comes with the next.
  if (s.state == State::kLineComment) s.state = State::kCode;
  s.at = at;
}

namespace {

constexpr std::string_view kConnectors[] = {
    "SELECT",   "FROM", "WHERE",  "AND",   "OR",     "NOT",      "ON",     "USING",     "JOIN",    "BY",      "HAVING", "LIMIT",
    "OFFSET",   "SET",  "VALUES", "INTO",  "UNION",  "ALL",      "EXCEPT", "INTERSECT", "AS",      "IN",      "LIKE",   "BETWEEN",
    "IS",       "CASE", "WHEN",   "THEN",  "ELSE",   "DISTINCT", "WITH",   "RECURSIVE", "EXPLAIN", "ANALYZE", "FOR",    "DO",
    "CONFLICT", "KEY",  "TABLE",  "INDEX", "UPDATE", "DELETE",   "INSERT", "RETURNING", "IGNORE"};

constexpr std::string_view kClauses[] = {
    "FROM",    "WHERE",      "GROUP",      "HAVING", "ORDER",   "LIMIT",     "OFFSET",        "FETCH",    "UNION",  "EXCEPT", "INTERSECT",
    "SET",     "VALUES",     "ON",         "USING",  "JOIN",    "LEFT",      "RIGHT",         "INNER",    "OUTER",  "CROSS",  "FULL",
    "NATURAL", "AND",        "OR",         "NOT",    "AS",      "FOR",       "RETURNING",     "DO",       "WINDOW", "WHEN",   "THEN",
    "ELSE",    "END",        "CASE",       "INTO",   "LOCK",    "DUPLICATE", "SELECT",        "DELETE",   "UPDATE", "INSERT", "PARTITION",
    "WITH",    "OVERRIDING", "TABLESPACE", "ENGINE", "COMMENT", "LATERAL",   "STRAIGHT_JOIN", "LANGUAGE", "BEGIN",  "DECLARE"};

constexpr std::string_view kBeginnings[] = {"SELECT", "INSERT",    "UPDATE",  "DELETE", "WITH",     "CREATE",   "DROP",    "ALTER",
                                            "PRAGMA", "SAVEPOINT", "RELEASE", "BEGIN",  "ROLLBACK", "TRUNCATE", "REPLACE", "MERGE",
                                            "SHOW",   "SET",       "LOCK",    "CALL",   "EXPLAIN",  "COMMIT",   "COMMENT", "XA"};

std::string_view trimmed_end(std::string_view s) {
  const size_t end = s.find_last_not_of(" \t\r\n");
  return end == kNone ? std::string_view() : s.substr(0, end + 1);
}

bool expects_more(std::string_view text) {
  text = trimmed_end(text);
  if (text.empty()) return true;
  if (std::string_view(",(=<>+-*/|.").find(text.back()) != kNone) return true;
  const std::string_view word = last_word(text);
  if (iequals(word, "UPDATE")) {  // DO UPDATE, but not FOR UPDATE and FOR NO KEY UPDATE
    const std::string_view before = trimmed_end(text.substr(0, text.size() - word.size()));
    const bool no_key = iequals(last_word(before), "KEY") && iequals(last_word(trimmed_end(before.substr(0, before.size() - 3))), "NO");
    return !iequals(last_word(before), "FOR") && !no_key;
  }
  return is_one_of(word, kConnectors);
}

/// Stands one of `words` in the text outside of parentheses, behind its first word? Quotes do not matter much: a wrong yes ends a statement early.
template <size_t N>
bool has_outside(std::string_view text, const std::string_view (&words)[N]) {
  int depth = 0;
  bool first = true;
  for (size_t at = 0; at < text.size();) {
    if (is_word(text[at])) {
      size_t end = at;
      while (end < text.size() && is_word(text[end])) ++end;
      if (!first && depth == 0 && is_one_of(text.substr(at, end - at), words)) return true;
      first = false;
      at = end;
    } else {
      depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
      ++at;
    }
  }
  return false;
}

}  // namespace

bool goes_on_as_sql(std::string_view text, const SqlTextScan& scan, std::string_view line) {
  if (scan.in_quote() || scan.depth() > 0) return true;
  if (line.empty() || line[0] == ' ' || line[0] == '\t' || line[0] == '\r' || line[0] == ')' || line[0] == '(' || line[0] == ',')
    return true;
  if (line.starts_with("--") || line.starts_with("/*") || line.starts_with("||")) return true;
  return is_one_of(first_word(line), kClauses) || expects_more(text);
}

bool begins_another_statement(std::string_view text, const SqlTextScan& scan, std::string_view line) {
  if (scan.in_quote() || scan.depth() > 0) return false;
  const std::string_view word = first_word(line);
  if (!is_one_of(word, kBeginnings)) return false;
  if (expects_more(text)) return false;
  constexpr std::string_view kSources[] = {"VALUES", "SELECT", "SET"};
  constexpr std::string_view kVerbs[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"};
  const size_t begin = text.find_first_not_of(" \t\r\n");
  const std::string_view first = first_word(text.substr(std::min(begin, text.size())));
  if (iequals(first, "INSERT") || iequals(first, "REPLACE")) return has_outside(text, kSources);
  if (iequals(first, "WITH")) return has_outside(text, kVerbs);
  if (iequals(first, "UPDATE") && iequals(word, "SET")) return false;
  return true;
}

}  // namespace dbaudit
