#include "analyzers/log/formats/sql_extent.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;

/// Which bytes the scan of code must look at.
constexpr std::array<bool, 256> kStops = [] {
  std::array<bool, 256> t{};
  for (const char c : {'\'', '"', '`', '-', '/', '$', '(', ')', '[', '{', ';', '\x1b'}) t[static_cast<unsigned char>(c)] = true;
  return t;
}();

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

// Sorted. Words that cannot end a statement, and words that begin its clauses.
constexpr std::string_view kOpenWords[] = {"ALL",   "AND",       "AS",     "BETWEEN", "BY",  "CASE",   "DISTINCT", "ELSE",  "EXISTS",
                                           "FROM",  "GROUP",     "HAVING", "ILIKE",   "IN",  "INNER",  "INSERT",   "INTO",  "IS",
                                           "JOIN",  "LEFT",      "LIKE",   "LIMIT",   "NOT", "OFFSET", "ON",       "OR",    "ORDER",
                                           "OUTER", "RETURNING", "RIGHT",  "SELECT",  "SET", "TABLE",  "THEN",     "UNION", "UPDATE",
                                           "USING", "VALUES",    "WHEN",   "WHERE",   "WITH"};
static_assert(std::is_sorted(std::begin(kOpenWords), std::end(kOpenWords)));
constexpr std::string_view kClauseWords[] = {
    "AND",       "CROSS", "DO",     "ELSE",    "END",  "EXCEPT", "FETCH", "FOR",     "FROM",   "FULL",  "GROUP",  "HAVING", "INNER",
    "INTERSECT", "INTO",  "JOIN",   "LATERAL", "LEFT", "LIMIT",  "LOCK",  "NATURAL", "OFFSET", "ON",    "OR",     "ORDER",  "OUTER",
    "RETURNING", "RIGHT", "SELECT", "SET",     "THEN", "UNION",  "USING", "VALUES",  "WHEN",   "WHERE", "WINDOW", "WITH"};
static_assert(std::is_sorted(std::begin(kClauseWords), std::end(kClauseWords)));

template <size_t N>
bool is_one_of(const std::string_view (&words)[N], std::string_view word) {
  char buffer[12];
  if (word.empty() || word.size() > sizeof buffer) return false;
  std::transform(word.begin(), word.end(), buffer, [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; });
  return std::binary_search(std::begin(words), std::end(words), std::string_view(buffer, word.size()));
}

}  // namespace

void SqlExtent::reset(bool backslashes) {
  *this = SqlExtent{};
  backslashes_ = backslashes;
}

size_t SqlExtent::find(std::string_view text, char wanted, char other) {
  size_t at = at_;
  while (at < text.size()) {
    switch (state_) {
      case State::kCode: {
        while (at < text.size() && !kStops[static_cast<unsigned char>(text[at])]) ++at;
        if (at == text.size()) break;
        const char c = text[at];
        if (c == wanted || (c == other && other != '\0')) {
          at_ = at + 1;
          return at;
        }
        const char next = at + 1 < text.size() ? text[at + 1] : '\0';
        if (c == '\'' || c == '"' || c == '`') {
          state_ = State::kQuote;
          quote_ = c;
          const bool is_e = c == '\'' && at > 0 && (text[at - 1] | 0x20) == 'e' && (at == 1 || !is_identifier(text[at - 2]));
          escaping_ = (backslashes_ && c != '`') || is_e;
        } else if (c == '-' && next == '-') {
          state_ = State::kLineComment;
        } else if (c == '/' && next == '*') {
          state_ = State::kBlockComment;
          ++at;
        } else if (c == '(') {
          ++depth_;
        } else if (c == ')') {
          --depth_;
        } else if (c == '$' && (at == 0 || !is_identifier(text[at - 1]))) {
          size_t p = at + 1;
          while (p < text.size() && is_identifier(text[p]) && !(p == at + 1 && is_digit(text[p]))) ++p;
          if (p < text.size() && text[p] == '$') {
            state_ = State::kDollar;
            tag_begin_ = at;
            tag_size_ = p + 1 - at;
            at = p;
          }
        }
        ++at;
        break;
      }
      case State::kQuote:
        while (at < text.size() && text[at] != quote_ && !(escaping_ && text[at] == '\\')) ++at;
        if (at == text.size()) break;
        if (text[at] == quote_) {
          state_ = State::kCode;
          ++at;
        } else if (at + 1 == text.size()) {  // what it escapes comes with the next line
          at_ = at;
          return kNone;
        } else {
          at += 2;
        }
        break;
      case State::kLineComment: {
        // The comment may be the last of the SQL: what the logger put behind it then stands on its line.
        while (at < text.size() && text[at] != '\n' && text[at] != wanted && (text[at] != other || other == '\0')) ++at;
        if (at == text.size()) break;
        if (text[at] != '\n') {
          at_ = at + 1;
          return at;
        }
        state_ = State::kCode;
        break;
      }
      case State::kBlockComment: {
        const size_t end = text.find("*/", at);
        if (end == kNone) {
          at_ = text.back() == '*' ? std::max(at, text.size() - 1) : text.size();
          return kNone;
        }
        state_ = State::kCode;
        at = end + 2;
        break;
      }
      case State::kDollar: {
        const size_t end = text.find(text.substr(tag_begin_, tag_size_), at);
        if (end == kNone) {
          at_ = std::max(at, text.size() - std::min(text.size(), tag_size_ - 1));
          return kNone;
        }
        state_ = State::kCode;
        at = end + tag_size_;
        break;
      }
    }
  }
  at_ = at;
  return kNone;
}

bool ends_unfinished(std::string_view sql, int depth) {
  if (depth > 0) return true;
  sql = trim(sql);
  if (sql.empty()) return true;
  if (std::string_view(",=<>+-|(").find(sql.back()) != kNone) return true;
  size_t begin = sql.size();
  while (begin > 0 && is_identifier(sql[begin - 1])) --begin;
  if (begin > 0 && (sql[begin - 1] == '.' || sql[begin - 1] == '@' || sql[begin - 1] == ':')) return false;
  return is_one_of(kOpenWords, sql.substr(begin));
}

bool continues_statement(std::string_view line) {
  line = trim(line);
  if (line.empty()) return false;
  if (std::string_view(",)=<>+|;").find(line[0]) != kNone || line.starts_with("/*") || line.starts_with("-- ")) return true;
  if (line[0] == '(') return true;
  size_t end = 0;
  while (end < line.size() && is_identifier(line[end])) ++end;
  // `For now`, `With love`: prose has the words too, but neither all small nor all capital.
  const std::string_view word = line.substr(0, end);
  if (word.size() > 1 && word[0] >= 'A' && word[0] <= 'Z' && word[1] >= 'a' && word[1] <= 'z') return false;
  return is_one_of(kClauseWords, word);
}

bool has_dos_lines(std::string_view head) {
  size_t lines = 0;
  for (size_t at = head.find('\n'); at != kNone; at = head.find('\n', at + 1)) {
    if (at == 0 || head[at - 1] != '\r') return false;
    ++lines;
  }
  return lines > 0;
}

std::string_view with_plain_newlines(std::string_view text, std::string& storage) {
  if (text.find("\r\n") == kNone) return text;
  storage.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') storage += text[i];
  }
  return storage;
}

size_t skip_colours(std::string_view text, size_t at) {
  while (at + 1 < text.size() && text[at] == '\x1b' && text[at + 1] == '[') {
    size_t p = at + 2;
    while (p < text.size() && (is_digit(text[p]) || text[p] == ';')) ++p;
    if (p == text.size() || text[p] != 'm') break;
    at = p + 1;
  }
  return at;
}

}  // namespace dbaudit
