#include "analyzers/log/formats/clause_lines.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/statement_text.h"

namespace dbaudit {
namespace {

constexpr std::string_view kClauses[] = {
    "AND",       "AS",        "ASC",   "CASE",  "CROSS", "DEFAULT", "DESC",  "DO",     "DUPLICATE", "ELSE",  "END",   "EXCEPT",
    "EXISTS",    "FETCH",     "FOR",   "FORCE", "FROM",  "FULL",    "GROUP", "HAVING", "IN",        "INNER", "INTO",  "IS",
    "INTERSECT", "JOIN",      "LEFT",  "LIKE",  "LIMIT", "NATURAL", "NOT",   "NULL",   "OFFSET",    "ON",    "OR",    "ORDER",
    "OUTER",     "RETURNING", "RIGHT", "SET",   "THEN",  "UNION",   "USING", "VALUES", "WHEN",      "WHERE", "WINDOW"};

/// Characters that mean something outside of quotes; runs of others are passed over.
constexpr auto kSpecial = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("'\"`/-() \t\n\r\v\f")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

void ClauseLines::advance(std::string_view text) {
  while (at_ < text.size()) {
    const char c = text[at_];
    if (state_ == State::kQuote) {
      const size_t end = text.find(quote_, at_);
      if (end == std::string_view::npos) {
        at_ = text.size();
        return;
      }
      at_ = end + 1;
      last_ = quote_;
      state_ = State::kCode;  // a doubled quote opens it again at once
      continue;
    }
    if (state_ == State::kBlockComment) {
      const size_t end = text.find("*/", at_);
      if (end == std::string_view::npos) {
        at_ = text.size();
        return;
      }
      at_ = end + 2;
      state_ = State::kCode;
      continue;
    }
    if (!kSpecial[static_cast<unsigned char>(c)]) {
      do {
        ++at_;
      } while (at_ < text.size() && !kSpecial[static_cast<unsigned char>(text[at_])]);
      last_ = text[at_ - 1];
      empty_ = false;
      continue;
    }
    const char next = at_ + 1 < text.size() ? text[at_ + 1] : '\0';
    if (c == '\'' || c == '"' || c == '`') {
      state_ = State::kQuote;
      quote_ = c;
      empty_ = false;
    } else if (c == '/' && next == '*') {
      state_ = State::kBlockComment;
      ++at_;
    } else if (c == '-' && next == '-') {
      at_ = std::min(text.find('\n', at_), text.size());
      continue;
    } else if (c == '(') {
      ++depth_;
      last_ = c;
    } else if (c == ')') {
      --depth_;
      last_ = c;
    } else if (c != ' ' && (c < '\t' || c > '\r')) {
      last_ = c;
      empty_ = false;
    }
    ++at_;
  }
}

bool ClauseLines::continues_with(std::string_view line) const {
  if (state_ != State::kCode || empty_) return true;
  if (line.empty()) return false;
  if (depth_ > 0) return true;
  if (last_ == ',' || last_ == '=' || last_ == '+' || last_ == '*' || last_ == '<' || last_ == '>' || last_ == '|') return true;
  const char c = line[0];
  if (c == ' ' || c == '\t') return !trim(line).starts_with("at ") && !trim(line).starts_with("... ");
  if (c == ')' || c == '(' || c == ',' || line.starts_with("--") || line.starts_with("/*")) return true;
  size_t n = 0, upper = 0;
  for (; n < line.size() && n < 12 && is_word(line[n]); ++n) upper += line[n] >= 'A' && line[n] <= 'Z';
  const std::string_view word = line.substr(0, n);
  if (upper != 0 && upper != n) return false;           // `Order 5 was placed`
  if (n < line.size() && line[n] == ':') return false;  // `set: …`
  if ((iequals(word, "ORDER") || iequals(word, "GROUP")) && !istarts_with(line.substr(n), " BY")) return false;
  return std::any_of(std::begin(kClauses), std::end(kClauses), [word](std::string_view clause) { return iequals(clause, word); }) ||
         starts_like_sql(line);
}

}  // namespace dbaudit
