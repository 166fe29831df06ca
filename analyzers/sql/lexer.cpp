// SQL bytes to tokens, for the three dialects at once; what differs is asked of Dialect.
//
// Most bytes say by themselves what they begin. Six do not, and are decided by the token before them:
//   ?      a placeholder, but in PostgreSQL also jsonb's `?` `?|` `?&`. It is the operator only when an operand stands before it and one
//          follows (`data ? 'k'`). After DATE, INTERVAL, FIRST, … it is a placeholder (`DATE ?`), though those could be columns.
//   %s     a placeholder unless it must be a modulo: directly after an operand (`a%s`) or after one that is not a word (`) %s`).
//          A word with a blank after it may be any keyword (`LIMIT %s`, `AT TIME ZONE %s`). `%(name)s` is always a placeholder.
//   :name  a placeholder, except as the upper bound of an array slice, `a[1:n]`.
//   @name  a user variable in MySQL, elsewhere a placeholder; `@p0` and `@__x_0` are placeholders everywhere (Entity Framework).
//   .5     a number, unless the dot touches a name.
//   [      quotes a name in SQLite; where both quotes and subscripts can stand (unknown engine), a subscript after an operand.
//
// Everything is one forward scan. Where the lexer looks ahead (over blanks and comments after `?`, to the `)` of `%(name)s`, to the second
// `$` of a tag) the bytes it looks at are looked at once more at most, or the distance is bounded: cost stays linear.

#include "analyzers/sql/lexer.h"

#include <algorithm>

#include "analyzers/base/text.h"
#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/lexer_scan.h"
#include "analyzers/sql/tokens.h"

namespace dbaudit {

namespace {

constexpr size_t kMaxFormatName = 128;  // of %(name)s

bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_custom_operator_byte(char c) {
  switch (c) {
    case '+':
    case '-':
    case '*':
    case '/':
    case '<':
    case '>':
    case '=':
    case '~':
    case '!':
    case '@':
    case '#':
    case '%':
    case '^':
    case '&':
    case '|':
    case '?': return true;
    default: return false;
  }
}

/// Words that name a type or a unit before a value, and could be columns as well.
bool takes_value(std::string_view word) {
  for (const std::string_view w :
       {"date", "time", "timestamp", "timestamptz", "first", "next", "zone", "rows", "range", "binary", "json", "jsonb"}) {
    if (iequals(word, w)) return true;
  }
  return false;
}

/// `p0`, `__name_0`: parameters of Entity Framework, which user variables of MySQL do not look like.
bool is_generated_parameter(std::string_view name) {
  if (name.size() < 2) return false;
  if (name[0] == 'p') return all_digits(name.substr(1));
  return name[0] == '_' && name[1] == '_' && is_digit(name.back());
}

}  // namespace

Lexer::Lexer(std::string_view sql, const Dialect& dialect, bool keep_comments)
    : begin_(sql.data()), cursor_(sql.data()), end_(sql.data() + sql.size()), dialect_(dialect), keep_comments_(keep_comments) {}

void Lexer::next(Token& t) { scan(t); }

/// A word [p, stop) with a quote or `&` right behind it, or that may be a MySQL introducer.
TokenKind Lexer::prefixed_word(Token& t, const char* p, const char* stop) {
  if (stop < end_ && stop - p == 1) {
    const char prefix = ascii_lower(*p);
    if (*stop == '\'') {
      if (prefix == 'x' || prefix == 'b') return quoted(t, TokenKind::kBits, p, stop + 1, '\'', false);
      if (prefix == 'n') return quoted(t, TokenKind::kString, p, stop + 1, '\'', dialect_.backslash_escapes);
      if (prefix == 'e' && dialect_.escape_strings) return quoted(t, TokenKind::kString, p, stop + 1, '\'', true);
    } else if (*stop == '&' && prefix == 'u' && dialect_.escape_strings && end_ - stop >= 2) {
      if (stop[1] == '\'') return quoted(t, TokenKind::kString, p, stop + 2, '\'', false);
      if (stop[1] == '"') return quoted(t, TokenKind::kQuotedName, p, stop + 2, '"', false);
    }
  }
  if (*p == '_' && !dialect_.charsets.empty()) {
    if (const char* quote = introduced_string(p, stop)) {
      return quoted(t, TokenKind::kString, p, quote + 1, *quote, dialect_.backslash_escapes);
    }
  }
  return token(t, TokenKind::kWord, p, stop);
}

/// The quote that a MySQL introducer [name, stop) stands before, or null. White space may stand between when the character set is known.
const char* Lexer::introduced_string(const char* name, const char* stop) const {
  const auto is_quote = [this](const char* q) { return q < end_ && (*q == '\'' || (*q == '"' && dialect_.double_quotes_are_strings)); };
  if (is_quote(stop)) return stop;
  const char* q = stop;
  while (q < end_ && is_space(*q)) ++q;
  if (q == stop || !is_quote(q)) return nullptr;
  const std::string_view charset(name + 1, static_cast<size_t>(stop - name - 1));
  const bool known =
      std::any_of(dialect_.charsets.begin(), dialect_.charsets.end(), [&](std::string_view c) { return iequals(c, charset); });
  return known ? q : nullptr;
}

TokenKind Lexer::odd_number(Token& t, const char* p) {
  const char* q = p;
  if (dialect_.digit_identifiers && previous_is('.') && previous_end_ == p) {
    return token(t, TokenKind::kWord, p, skip_name(p, end_));  // `db.1st`
  }
  if (*p == '0' && end_ - p > 2 && !is_digit(p[1])) {
    const char base = ascii_lower(p[1]);
    const char* stop = p + 2;
    if (base == 'x') {
      while (stop < end_ && is_hex(*stop)) ++stop;
    } else if (base == 'b' || base == 'o') {
      while (stop < end_ && *stop >= '0' && *stop <= (base == 'b' ? '1' : '7')) ++stop;
    }
    if (stop > p + 2 && (stop == end_ || !is_name_byte(*stop))) return token(t, TokenKind::kBits, p, stop);
  }
  const auto digits = [&] {
    // PostgreSQL 16 and SQLite 3.46 allow `1_000`; where digits may begin a name, `1_000` is one.
    while (q < end_ &&
           (is_digit(*q) || (*q == '_' && !dialect_.digit_identifiers && q > p && is_digit(q[-1]) && q + 1 < end_ && is_digit(q[1]))))
      ++q;
  };
  digits();
  if (*p != '.') {
    if (q < end_ && *q == '.' && !(q + 1 < end_ && q[1] == '.')) {  // not plpgsql's `1..10`
      ++q;
      digits();
    }
  } else {
    ++q;
    digits();
  }
  if (q < end_ && (*q == 'e' || *q == 'E')) {
    const char* x = q + 1;
    if (x < end_ && (*x == '+' || *x == '-')) ++x;
    if (x < end_ && is_digit(*x)) {
      q = x;
      digits();
    }
  }
  if (dialect_.digit_identifiers && q < end_ && is_name_byte(*q) && std::all_of(p, q, [](char c) { return is_name_byte(c); })) {
    return token(t, TokenKind::kWord, p, skip_name(q, end_));
  }
  return token(t, TokenKind::kNumber, p, q);
}

TokenKind Lexer::dot(Token& t, const char* p) {
  if (p + 1 < end_) {
    if (p[1] == '.') return token(t, TokenKind::kOperator, p, p + 2);
    if (is_digit(p[1]) && !adjoins_name(p)) return odd_number(t, p);
  }
  return token(t, TokenKind::kPunct, p, p + 1);
}

/// Tcl's name of a variable: `::` anywhere in it, and an array's index in brackets without blanks at its end (tokenize.c).
const char* Lexer::behind_tcl_name(const char* q) const {
  const char* begin = q;
  for (; q < end_; ++q) {
    if (is_name_byte(*q)) continue;
    if (*q == ':' && q + 1 < end_ && q[1] == ':') {
      ++q;
      continue;
    }
    if (*q != '(' || q == begin) break;
    const char* index = q + 1;
    while (index < end_ && *index != ')' && *index != ' ' && !(*index >= '\t' && *index <= '\r')) ++index;
    return index < end_ && *index == ')' ? index + 1 : q;
  }
  return q;
}

TokenKind Lexer::dollar(Token& t, const char* p) {
  const char* q = p + 1;
  if (q < end_ && is_digit(*q)) {
    while (q < end_ && is_digit(*q)) ++q;
    return token(t, TokenKind::kPlaceholder, p, q);
  }
  if (dialect_.tcl_placeholders) {
    q = behind_tcl_name(q);
    return token(t, q == p + 1 ? TokenKind::kOther : TokenKind::kPlaceholder, p, q);
  }
  while (q < end_ && *q != '$' && is_name_byte(*q)) ++q;
  if (dialect_.dollar_quotes && q < end_ && *q == '$') {
    const size_t tag = static_cast<size_t>(q + 1 - p);
    // A tag holds no `$` inside, so a comparison that fails ends before the next candidate.
    for (const char* close = q + 1;; ++close) {
      close = find_either(close, end_, '$', '$');
      if (static_cast<size_t>(end_ - close) < tag) return token(t, TokenKind::kString, p, end_, true);
      if (std::memcmp(close, p, tag) == 0) return token(t, TokenKind::kString, p, close + tag);
    }
  }
  if (q == p + 1) return token(t, TokenKind::kOther, p, q);
  if (dialect_.digit_identifiers) return token(t, TokenKind::kWord, p, skip_name(q, end_));  // MySQL: `$` may begin a name
  return token(t, TokenKind::kPlaceholder, p, q);
}

TokenKind Lexer::question(Token& t, const char* p) {
  if (dialect_.question_operators && after_operand()) {
    const char* q = p + 1;
    if (q < end_ && *q == '?') {  // JDBC's spelling of the operator
      ++q;
      if (q < end_ && (*q == '|' || *q == '&')) ++q;
      return token(t, TokenKind::kOperator, p, q);
    }
    if (q < end_ && (*q == '|' || *q == '&') && !(q + 1 < end_ && q[1] == *q)) return token(t, TokenKind::kOperator, p, q + 1);
    if (q < end_ && *q == '#') return token(t, TokenKind::kOperator, p, q + 1);
    const bool names_type = previous_kind_ == TokenKind::kWord && takes_value(previous_text());
    if (!names_type && operand_follows(q)) return token(t, TokenKind::kOperator, p, q);
  }
  const char* q = p + 1;
  while (q < end_ && is_digit(*q)) ++q;
  return token(t, TokenKind::kPlaceholder, p, q);
}

TokenKind Lexer::colon(Token& t, const char* p) {
  const char* q = p + 1;
  if (q < end_) {
    if (*q == ':' || *q == '=') return token(t, TokenKind::kOperator, p, q + 1);
    const bool slice = bracket_depth_ > 0 && (after_operand() || is_digit(*q));
    if (!slice && is_name_byte(*q) && *q != '$') return token(t, TokenKind::kPlaceholder, p, skip_name(q, end_));
  }
  return token(t, TokenKind::kOperator, p, q);
}

/// Behind the `%s` or `%(name)s` that begins at `p`, or null.
const char* Lexer::format_placeholder(const char* p) const {
  const char* q = p + 1;
  if (q < end_ && *q == '(') {
    const char* limit = std::min(end_, q + kMaxFormatName);
    ++q;
    while (q < limit && (is_name_byte(*q) || *q == '.' || *q == '-' || *q == ' ')) ++q;
    if (q >= limit || *q != ')' || q[-1] == '(') return nullptr;
    ++q;
  }
  if (q >= end_ || *q != 's' || (q + 1 < end_ && is_name_byte(q[1]))) return nullptr;
  return q + 1;
}

TokenKind Lexer::percent(Token& t, const char* p) {
  if (const char* stop = format_placeholder(p)) {
    const bool touches = previous_end_ == p;
    const bool modulo = p[1] == 's' && after_operand() && (touches || previous_kind_ != TokenKind::kWord);
    if (!modulo) return token(t, TokenKind::kPlaceholder, p, stop);
  }
  return operators(t, p);
}

TokenKind Lexer::at(Token& t, const char* p) {
  const char* q = p + 1;
  if (dialect_.user_variables) {
    if (q < end_ && *q == '@') {
      ++q;
      while (q < end_ && (is_name_byte(*q) || *q == '.')) ++q;
      return token(t, TokenKind::kVariable, p, q);
    }
    if (q < end_ && (*q == '\'' || *q == '"' || *q == '`')) {
      return quoted(t, TokenKind::kVariable, p, q + 1, *q, *q != '`' && dialect_.backslash_escapes);
    }
    while (q < end_ && (is_name_byte(*q) || *q == '.')) ++q;
    if (q == p + 1) return token(t, TokenKind::kOther, p, q);
    const std::string_view name(p + 1, static_cast<size_t>(q - p - 1));
    return token(t, is_generated_parameter(name) ? TokenKind::kPlaceholder : TokenKind::kVariable, p, q);
  }
  if (q < end_ && is_name_start(*q)) return token(t, TokenKind::kPlaceholder, p, skip_name(q, end_));
  return operators(t, p);
}

TokenKind Lexer::operators(Token& t, const char* p) {
  if (dialect_.custom_operators) return custom_operator(t, p);
  const char second = end_ - p >= 2 ? p[1] : '\0';
  const char third = end_ - p >= 3 ? p[2] : '\0';
  int length = 1;
  switch (*p) {
    case '<': length = second == '=' && third == '>' ? 3 : second == '=' || second == '>' || second == '<' ? 2 : 1; break;
    case '>': length = second == '=' || second == '>' ? 2 : 1; break;
    case '!':
    case '=': length = second == '=' ? 2 : 1; break;
    case '|': length = second == '|' ? 2 : 1; break;
    case '&': length = second == '&' ? 2 : 1; break;
    case '%': length = second == '%' ? 2 : 1; break;
    case '-': length = second == '>' ? (third == '>' ? 3 : 2) : 1; break;
    case '#':
    case '@': return token(t, TokenKind::kOther, p, p + 1);
    default: break;
  }
  return token(t, TokenKind::kOperator, p, p + length);
}

/// The longest run of operator bytes, cut before a comment and before a placeholder that touches it (`id=?`, `a>=@p1`, `b=%s`); without a
/// `+` or `-` at its end unless it holds one of ~ ! @ # % ^ & | ? (PostgreSQL 4.1.3), so that `a=-1` is `=` and a sign.
TokenKind Lexer::custom_operator(Token& t, const char* p) {
  const char* q = p + 1;
  for (; q < end_ && is_custom_operator_byte(*q); ++q) {
    const char following = q + 1 < end_ ? q[1] : '\0';
    const std::string_view so_far(p, static_cast<size_t>(q - p));
    if (*q == '-' && following == '-') break;
    if (*q == '/' && following == '*') break;
    if (*q == '*' && following == '/' && executable_depth_ > 0) break;
    if (*q == '?' && so_far != "@") break;  // jsonpath's `@?`
    if (*q == '@' && is_name_start(following) && so_far != "<" && so_far != "@") break;
    if (*q == '%' && format_placeholder(q) != nullptr) break;
  }
  const auto special = [](char c) {
    return c == '~' || c == '!' || c == '@' || c == '#' || c == '%' || c == '^' || c == '&' || c == '|' || c == '?';
  };
  if (q - p > 1 && (q[-1] == '+' || q[-1] == '-') && std::none_of(p, q, special)) {
    while (q - p > 1 && (q[-1] == '+' || q[-1] == '-')) --q;
  }
  return token(t, TokenKind::kOperator, p, q);
}

bool Lexer::after_operand() const {
  return previous_qualified_ ? previous_kind_ != TokenKind::kOperator : ends_operand({previous_kind_, false, previous_text()});
}

bool Lexer::adjoins_name(const char* p) const {
  const bool name = previous_kind_ == TokenKind::kWord || previous_kind_ == TokenKind::kQuotedName ||
                    previous_kind_ == TokenKind::kVariable || previous_is(']') || previous_is(')');
  return name && previous_end_ == p;
}

/// Does an operand begin after the blanks and comments at `p`?
bool Lexer::operand_follows(const char* p) const {
  for (;;) {
    while (p < end_ && is_space(*p)) ++p;
    if (end_ - p >= 2 && p[0] == '/' && p[1] == '*') {
      bool unterminated = false;
      p = skip_comment(p, unterminated);
    } else if (end_ - p >= 2 && p[0] == '-' && p[1] == '-') {
      p = find_either(p, end_, '\n', '\n');
    } else {
      break;
    }
  }
  if (p == end_) return false;
  switch (byte_class(*p)) {
    case ByteClass::kDigit:
    case ByteClass::kQuote:
    case ByteClass::kDoubleQuote:
    case ByteClass::kQuestion:
    case ByteClass::kDollar: return true;
    case ByteClass::kPunct: return *p == '(';
    case ByteClass::kColon: return p + 1 < end_ && is_name_start(p[1]);
    case ByteClass::kAt: return p + 1 < end_ && is_name_start(p[1]);
    case ByteClass::kPercent: return format_placeholder(p) != nullptr;
    case ByteClass::kLetter: {
      const char* stop = skip_name(p, end_);
      const WordClass word = classify_word(std::string_view(p, static_cast<size_t>(stop - p)));
      return !word.keyword || word.begins_operand;
    }
    default: return false;
  }
}

/// The content of the executable comment that begins at `p`, behind its version number; null when it is a plain comment.
const char* Lexer::executable_content(const char* p) const {
  if (!dialect_.executable_comments) return nullptr;
  const char* q = p + 2;
  if (dialect_.mariadb_comments && end_ - q >= 2 && (*q == 'M' || *q == 'm') && q[1] == '!') ++q;
  if (q == end_ || *q != '!') return nullptr;
  ++q;
  const char* version = q;
  while (q < end_ && is_digit(*q) && q - version < 6) ++q;
  return q - version < 5 ? version : q;
}

const char* Lexer::skip_comment(const char* p, bool& unterminated) const {
  int depth = 1;
  p += 2;
  for (;;) {
    p = find_either(p, end_, '*', dialect_.nested_comments ? '/' : '*');
    if (end_ - p < 2) {
      unterminated = true;
      return end_;
    }
    if (p[0] == '*' && p[1] == '/') {
      p += 2;
      if (--depth == 0) return p;
    } else if (p[0] == '/' && p[1] == '*') {
      p += 2;
      ++depth;
    } else {
      ++p;
    }
  }
}

}  // namespace dbaudit
