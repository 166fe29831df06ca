#include "analyzers/log/formats/sql_lines.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/statement_text.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;

/// Which bytes the scan of code must look at.
constexpr std::array<bool, 256> kStops = [] {
  std::array<bool, 256> t{};
  for (const char c : {'\'', '"', '`', '-', '/', '$', '(', ')'}) t[static_cast<unsigned char>(c)] = true;
  return t;
}();

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

// Words that begin a line inside a statement. Sorted.
constexpr std::string_view kClauses[] = {
    "AND",   "AS",     "CASE",      "CROSS",     "DEFAULT", "DO",   "ELSE",    "END",   "EXCEPT", "FETCH",   "FOR",    "FROM",  "FULL",
    "GROUP", "HAVING", "INNER",     "INTERSECT", "INTO",    "JOIN", "LATERAL", "LEFT",  "LIMIT",  "NATURAL", "OFFSET", "ON",    "OR",
    "ORDER", "OUTER",  "RETURNING", "RIGHT",     "SELECT",  "SET",  "THEN",    "UNION", "USING",  "VALUES",  "WHEN",   "WHERE", "WINDOW"};
static_assert(std::is_sorted(std::begin(kClauses), std::end(kClauses)));
// Words after which a statement goes on.
constexpr std::string_view kWanting[] = {"ALL",  "AND",   "AS",     "BY",    "CASE",      "CONFLICT", "CROSS",  "DELETE", "DISTINCT",
                                         "DO",   "ELSE",  "EXISTS", "FOR",   "FROM",      "GROUP",    "IN",     "INNER",  "INSERT",
                                         "INTO", "IS",    "JOIN",   "KEY",   "LEFT",      "LIKE",     "LIMIT",  "NOT",    "OFFSET",
                                         "ON",   "OR",    "ORDER",  "OUTER", "RETURNING", "RIGHT",    "SELECT", "SET",    "TABLE",
                                         "THEN", "UNION", "UPDATE", "USING", "VALUES",    "WHEN",     "WHERE",  "WITH"};
static_assert(std::is_sorted(std::begin(kWanting), std::end(kWanting)));

template <size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  char upper[12];
  if (word.empty() || word.size() > sizeof upper) return false;
  std::transform(word.begin(), word.end(), upper, [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return std::binary_search(std::begin(words), std::end(words), std::string_view(upper, word.size()));
}

/// `WHERE` and `where`, not the `For` and `On` that begin sentences.
bool one_case(std::string_view word) {
  const bool lower = std::any_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  const bool upper = std::any_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return lower != upper;
}

}  // namespace

void SqlLines::reset() {
  plain_ = Scan{};
  escaping_ = Scan{};
  both_ = false;
  blank_ = true;
  expects_more_ = ended_ = is_boundary_ = false;
  lines_ = 0;
}

void SqlLines::add(std::string_view line) {
  ++lines_;
  for (Scan* s : {&plain_, &escaping_}) {
    s->comment = kNone;
    if (s->state == State::kLineComment) s->state = State::kCode;
  }
  if (both_) scan(escaping_, true, line, 0);
  scan(plain_, false, line, 0);

  const std::string_view code = trim(line.substr(0, std::min(comment(), line.size())));
  if (code.empty()) return;
  if (blank_) is_boundary_ = is_transaction_boundary(code);
  blank_ = false;
  ended_ = code.back() == ';';
  size_t word = code.size();
  while (word > 0 && is_word(code[word - 1])) --word;
  expects_more_ = std::string_view(",=(+-*/|<>").find(code.back()) != kNone
                      ? !(code.back() == '*' && code.size() > 1 && code[code.size() - 2] == '/')
                      : is_one_of(code.substr(word), kWanting);
}

void SqlLines::scan(Scan& s, bool escaping, std::string_view line, size_t at) {
  while (at < line.size()) {
    switch (s.state) {
      case State::kCode: {
        while (at < line.size() && !kStops[static_cast<unsigned char>(line[at])]) ++at;
        if (at == line.size()) return;
        const char c = line[at];
        const char next = at + 1 < line.size() ? line[at + 1] : '\0';
        if (c == '\'' || c == '"' || c == '`') {
          s.state = State::kQuote;
          s.quote = c;
        } else if (c == '(') {
          ++s.parentheses;
        } else if (c == ')') {
          s.parentheses -= s.parentheses > 0 ? 1 : 0;
        } else if (c == '-' && next == '-') {
          s.state = State::kLineComment;
          s.comment = at;
          return;
        } else if (c == '/' && next == '*') {
          s.state = State::kBlockComment;
          ++at;
        } else if (c == '$' && (at == 0 || !is_word(line[at - 1]))) {
          size_t p = at + 1;
          while (p < line.size() && is_word(line[p]) && !(p == at + 1 && line[p] >= '0' && line[p] <= '9')) ++p;
          if (p < line.size() && line[p] == '$' && p + 1 - at <= sizeof s.tag) {
            s.state = State::kDollar;
            s.tag_size = static_cast<uint8_t>(p + 1 - at);
            std::memcpy(s.tag, line.data() + at, s.tag_size);
            at = p;
          }
        }
        ++at;
        break;
      }
      case State::kQuote: {
        if (s.quote == '`') {
          at = std::min(line.find('`', at), line.size());
        } else {
          while (at < line.size() && line[at] != s.quote && line[at] != '\\') ++at;
        }
        if (at >= line.size()) return;
        if (line[at] == s.quote) {
          s.state = State::kCode;
        } else if (escaping) {
          ++at;
        } else if (!both_) {
          both_ = true;
          escaping_ = s;
          scan(escaping_, true, line, at);  // never comes here again
        }
        ++at;
        break;
      }
      case State::kLineComment: return;
      case State::kBlockComment: {
        const size_t end = line.find("*/", at);
        if (end == kNone) return;
        s.state = State::kCode;
        at = end + 2;
        break;
      }
      case State::kDollar: {
        const size_t end = line.find(std::string_view(s.tag, s.tag_size), at);
        if (end == kNone) return;
        s.state = State::kCode;
        at = end + s.tag_size;
        break;
      }
    }
  }
}

bool SqlLines::continues(std::string_view line) const {
  if (in_quote()) return true;
  const std::string_view text = trim(line);
  if (text.empty()) return true;
  if (blank_ || ended_) return starts_like_sql(text);
  if (is_boundary_) return false;
  if (text.starts_with("at ") && line.front() == ' ') return false;  // of a stack trace
  if (both_ ? plain_.parentheses > 0 && escaping_.parentheses > 0 : plain_.parentheses > 0) return true;
  if (expects_more_) return true;
  if (text.front() == ')' || text.front() == ',' || text.starts_with("/*")) return true;
  if (text.starts_with("--") && !text.starts_with("---")) return true;
  size_t n = 0;
  while (n < text.size() && is_word(text[n])) ++n;
  const bool open_ended = n == text.size() || text[n] != ':';
  if (open_ended && one_case(text.substr(0, n)) && is_one_of(text.substr(0, n), kClauses)) return true;
  // Deeper lines of a statement that already has several.
  return lines_ > 1 && (line.front() == ' ' || line.front() == '\t') && text.front() != '{' && text.front() != '}';
}

bool has_placeholder(std::string_view sql) {
  char quote = '\0';
  for (size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    const char next = i + 1 < sql.size() ? sql[i + 1] : '\0';
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    } else if (c == '?' || (c == '$' && next >= '1' && next <= '9') || (c == '%' && next == 's')) {
      return true;
    } else if (c == ':' && ((next | 0x20) >= 'a' && (next | 0x20) <= 'z') && (i == 0 || sql[i - 1] != ':')) {
      return true;
    }
  }
  return false;
}

std::string_view without_colours(std::string_view text, std::string& storage) {
  size_t escape = text.find('\x1b');
  if (escape == kNone) return text;
  storage.clear();
  size_t from = 0;
  while (escape != kNone) {
    storage.append(text, from, escape - from);
    from = escape;
    size_t p = escape + 1;
    if (p < text.size() && text[p] == '[') {
      ++p;
      while (p < text.size() && ((text[p] >= '0' && text[p] <= '9') || text[p] == ';')) ++p;
      if (p < text.size() && (text[p] == 'm' || text[p] == 'K')) {
        from = p + 1;
      } else if (p == text.size()) {
        from = p;  // cut inside the colour
      }
    } else if (p == text.size()) {
      from = p;
    }
    const size_t next = from == escape ? escape + 1 : from;
    if (from == escape) storage += text[from++];
    escape = text.find('\x1b', next);
  }
  storage.append(text, from, kNone);
  return storage;
}

}  // namespace dbaudit
