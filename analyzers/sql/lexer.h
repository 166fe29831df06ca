#pragma once
// SQL bytes to tokens. Never fails, never allocates, never looks at more than the statement: a byte it cannot place becomes a
// kOther token, an unterminated quote or comment becomes its token with `unterminated` set.

#include <cstdint>
#include <string>
#include <string_view>

#include "analyzers/sql/dialect.h"

namespace dbaudit {

enum class TokenKind : uint8_t {
  kEnd,
  kWord,         ///< unquoted identifier or keyword
  kQuotedName,   ///< "…" `…` […]
  kNumber,       ///< without sign
  kString,       ///< every quoted literal: '…' E'…' N'…' _utf8'…' $$…$$ and "…" in MySQL
  kBits,         ///< x'…' b'…' 0x…
  kPlaceholder,  ///< ? ?1 $1 :name @p1 %s %(name)s
  kVariable,     ///< @x @@x (MySQL)
  kOperator,     ///< one whole operator: = <> :: ->> || …
  kPunct,        ///< ( ) , ; . [ ]
  kComment,      ///< only when asked for
  kOther,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  bool unterminated = false;
  std::string_view text;  ///< the token's bytes in the statement, quotes included
};

/// Cost is linear in the length. What a byte means can depend on the token before it (`?` `%s` `:name` `.5` `[`): lexer.cpp says how.
class Lexer {
 public:
  Lexer(std::string_view sql, const Dialect& dialect, bool keep_comments = false);
  /// The next token; kEnd for ever at the end (`unterminated` when an executable comment is still open). Content of executable comments is
  /// delivered as tokens.
  Token next() {
    Token t;
    next(t);
    return t;
  }
  /// The same, written in place.
  void next(Token& t);
  [[nodiscard]] size_t offset() const { return static_cast<size_t>(cursor_ - begin_); }
  /// Is it a quoted name that is known to hold nothing but [a-z0-9_]? Only of the last such name is it.
  [[nodiscard]] bool is_plain_name(const Token& t) const { return t.text.data() == plain_name_; }

 private:
  // Each writes the token that begins at `p` and returns its kind once more, for a caller that branches on it.
  friend class SlotPass;  // for scan(), inline
  TokenKind scan(Token& t);
  TokenKind token(Token& t, TokenKind kind, const char* begin, const char* stop, bool unterminated = false);
  TokenKind quoted(Token& t, TokenKind kind, const char* begin, const char* body, char quote, bool backslash);
  TokenKind quoted_name(Token& t, const char* begin);
  TokenKind word(Token& t, const char* p);
  TokenKind number(Token& t, const char* p);
  TokenKind odd_number(Token& t, const char* p);
  TokenKind prefixed_word(Token& t, const char* p, const char* stop);
  TokenKind dot(Token& t, const char* p);
  [[nodiscard]] const char* behind_tcl_name(const char* q) const;
  TokenKind dollar(Token& t, const char* p);
  TokenKind question(Token& t, const char* p);
  TokenKind colon(Token& t, const char* p);
  TokenKind percent(Token& t, const char* p);
  TokenKind at(Token& t, const char* p);
  TokenKind operators(Token& t, const char* p);
  TokenKind custom_operator(Token& t, const char* p);
  [[nodiscard]] std::string_view previous_text() const { return {previous_begin_, static_cast<size_t>(previous_end_ - previous_begin_)}; }
  [[nodiscard]] bool previous_is(char punct) const { return previous_kind_ == TokenKind::kPunct && *previous_begin_ == punct; }
  [[nodiscard]] bool after_operand() const;
  [[nodiscard]] bool adjoins_name(const char* p) const;
  [[nodiscard]] bool operand_follows(const char* p) const;
  [[nodiscard]] const char* format_placeholder(const char* p) const;
  [[nodiscard]] const char* executable_content(const char* p) const;
  [[nodiscard]] const char* skip_comment(const char* p, bool& unterminated) const;
  [[nodiscard]] const char* introduced_string(const char* name, const char* stop) const;

  const char* begin_;
  const char* cursor_;
  const char* end_;
  const Dialect& dialect_;
  bool keep_comments_;
  int executable_depth_ = 0;
  int bracket_depth_ = 0;
  // The last token that is no comment; taken apart because copying a Token just written stalls (its fields are stored one by one, a copy
  // loads 16 bytes).
  const char* previous_begin_ = nullptr;
  const char* previous_end_ = nullptr;
  TokenKind previous_kind_ = TokenKind::kEnd;
  bool previous_qualified_ = false;   // stands behind a dot, so it is a name whatever it spells
  const char* plain_name_ = nullptr;  // where the last one begins, with its quote
};

/// The value of a kString, kBits, kNumber or kQuotedName token: quotes removed, escapes resolved, into `out`.
void unquote(const Token& token, const Dialect& dialect, std::string& out);

}  // namespace dbaudit
