#pragma once
// The part of the lexer that every token passes, inline because the fingerprint is not much more than this loop. What a token needs beyond it is in
// lexer.cpp. Internal to the lexer and the slot pass.

#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/lexer.h"

namespace dbaudit {

inline TokenKind Lexer::token(Token& t, TokenKind kind, const char* begin, const char* stop, bool unterminated) {
  cursor_ = stop;
  t.kind = kind;
  t.unterminated = unterminated;
  t.text = std::string_view(begin, static_cast<size_t>(stop - begin));
  if (kind == TokenKind::kComment || kind == TokenKind::kEnd) return kind;
  previous_qualified_ = previous_is('.');
  previous_kind_ = kind;
  previous_begin_ = begin;
  previous_end_ = stop;
  return kind;
}

/// A quoted thing that begins at `begin`; its content begins at `body`, behind the opening quote. A doubled quote stays inside.
inline TokenKind Lexer::quoted(Token& t, TokenKind kind, const char* begin, const char* body, char quote, bool backslash) {
  const char* p = body;
  const char second = backslash ? '\\' : quote;
  for (;;) {
    p = find_either(p, end_, quote, second);
    if (p == end_) return token(t, kind, begin, end_, true);
    if (*p != quote) {  // a backslash takes the next byte with it
      if (end_ - p < 2) return token(t, kind, begin, end_, true);
      p += 2;
    } else if (p + 1 < end_ && p[1] == quote) {
      p += 2;
    } else {
      return token(t, kind, begin, p + 1);
    }
  }
}

/// Between quotes that stand for themselves when doubled.
[[gnu::always_inline]] inline TokenKind Lexer::quoted_name(Token& t, const char* begin) {
  const char quote = *begin;
  const char* const p = skip_plain_name(begin + 1, end_);
  if (p == end_ || *p != quote || (p + 1 < end_ && p[1] == quote)) return quoted(t, TokenKind::kQuotedName, begin, p, quote, false);
  plain_name_ = begin;
  return token(t, TokenKind::kQuotedName, begin, p + 1);
}

inline TokenKind Lexer::word(Token& t, const char* p) {
  const char* stop = skip_name(p + 1, end_);
  if (*p == '_' || (stop < end_ && (*stop == '\'' || *stop == '&'))) [[unlikely]]
    return prefixed_word(t, p, stop);
  return token(t, TokenKind::kWord, p, stop);
}

inline TokenKind Lexer::number(Token& t, const char* p) {
  const char* q = p + 1;
  while (q < end_ && is_digit(*q)) ++q;
  if (q < end_ && (is_name_byte(*q) || *q == '.')) return odd_number(t, p);
  if (dialect_.digit_identifiers && previous_is('.')) return odd_number(t, p);
  return token(t, TokenKind::kNumber, p, q);
}

[[gnu::always_inline]] inline TokenKind Lexer::scan(Token& t) {
  const char* p = cursor_;
  for (;;) {
    if (p == end_) {
      return token(t, TokenKind::kEnd, p, p, executable_depth_ > 0);
    }
    switch (byte_class(*p)) {
      case ByteClass::kSpace:  // what follows a blank is most often the quoted name of an ORM: straight to it
        ++p;
        if (p != end_ && *p == '"' && !dialect_.double_quotes_are_strings) return quoted_name(t, p);
        continue;
      case ByteClass::kLetter: return word(t, p);
      case ByteClass::kDigit: return number(t, p);
      case ByteClass::kQuote: return quoted(t, TokenKind::kString, p, p + 1, '\'', dialect_.backslash_escapes);
      case ByteClass::kDoubleQuote:
        if (dialect_.double_quotes_are_strings) return quoted(t, TokenKind::kString, p, p + 1, '"', dialect_.backslash_escapes);
        return quoted_name(t, p);
      case ByteClass::kBacktick:
        if (dialect_.backtick_identifiers) return quoted_name(t, p);
        return token(t, TokenKind::kOther, p, p + 1);
      case ByteClass::kOpenBracket:
        // A dialect with its own operators has arrays: there a bracket after an operand is a subscript.
        if (dialect_.bracket_identifiers && !(dialect_.custom_operators && after_operand())) {
          const char* close = find_either(p + 1, end_, ']', ']');
          return token(t, TokenKind::kQuotedName, p, close == end_ ? end_ : close + 1, close == end_);
        }
        ++bracket_depth_;
        return token(t, TokenKind::kPunct, p, p + 1);
      case ByteClass::kPunct:
        if (*p == ']' && bracket_depth_ > 0) --bracket_depth_;
        return token(t, TokenKind::kPunct, p, p + 1);
      case ByteClass::kDot:
        if (p + 1 < end_ && p[1] != '.' && !is_digit(p[1])) return token(t, TokenKind::kPunct, p, p + 1);
        return dot(t, p);
      case ByteClass::kDash:
        if (p + 1 < end_ && p[1] == '-' &&
            (!dialect_.dash_comment_needs_space || p + 2 == end_ || static_cast<unsigned char>(p[2]) <= ' ')) {
          const char* stop = find_either(p + 2, end_, '\n', '\n');
          if (keep_comments_) return token(t, TokenKind::kComment, p, stop);
          p = stop;
          continue;
        }
        return operators(t, p);
      case ByteClass::kHash:
        if (dialect_.hash_comments) {
          const char* stop = find_either(p + 1, end_, '\n', '\n');
          if (keep_comments_) return token(t, TokenKind::kComment, p, stop);
          p = stop;
          continue;
        }
        return operators(t, p);
      case ByteClass::kSlash:
        if (p + 1 < end_ && p[1] == '*') {
          if (const char* content = executable_content(p)) {
            ++executable_depth_;
            p = content;
            continue;
          }
          bool unterminated = false;
          const char* stop = skip_comment(p, unterminated);
          if (keep_comments_ || unterminated) return token(t, TokenKind::kComment, p, stop, unterminated);
          p = stop;
          continue;
        }
        return operators(t, p);
      case ByteClass::kStar:
        if (executable_depth_ > 0 && p + 1 < end_ && p[1] == '/') {
          --executable_depth_;
          p += 2;
          continue;
        }
        return operators(t, p);
      case ByteClass::kOperator: return operators(t, p);
      case ByteClass::kQuestion: return question(t, p);
      case ByteClass::kColon: return colon(t, p);
      case ByteClass::kDollar: return dollar(t, p);
      case ByteClass::kPercent: return percent(t, p);
      case ByteClass::kAt: return at(t, p);
      case ByteClass::kOther: return token(t, TokenKind::kOther, p, p + 1);
    }
  }
}

}  // namespace dbaudit
