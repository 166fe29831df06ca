#pragma once
// A reader's place in the tokens of one DDL statement.

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "analyzers/base/engine.h"
#include "analyzers/base/name.h"
#include "analyzers/base/text.h"
#include "analyzers/sql/dialect.h"
#include "analyzers/sql/lexer.h"

namespace dbaudit {

struct QualifiedName {
  std::string schema;  ///< empty when not written
  std::string name;
};

/// Every accept_… either consumes all that it names or nothing. A cursor never moves back but through at = saved.
class DdlCursor {
 public:
  DdlCursor(std::span<const Token> tokens, Engine engine) : tokens_(tokens), engine_(engine), dialect_(dialect_of(engine)) {}

  size_t at = 0;

  [[nodiscard]] const Token& peek(size_t ahead = 0) const {
    static const Token end;
    return at + ahead < tokens_.size() ? tokens_[at + ahead] : end;
  }
  [[nodiscard]] bool done() const { return at >= tokens_.size(); }
  [[nodiscard]] std::span<const Token> slice(size_t from, size_t to) const { return tokens_.subspan(from, to - from); }
  [[nodiscard]] Engine engine() const { return engine_; }

  [[nodiscard]] bool is(std::string_view word, size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::kWord && iequals(peek(ahead).text, word);
  }
  [[nodiscard]] bool is_any(std::initializer_list<std::string_view> words, size_t ahead = 0) const {
    const Token& t = peek(ahead);
    if (t.kind != TokenKind::kWord) return false;
    for (std::string_view w : words) {
      if (iequals(t.text, w)) return true;
    }
    return false;
  }
  [[nodiscard]] bool is_punct(char c, size_t ahead = 0) const {
    const Token& t = peek(ahead);
    return (t.kind == TokenKind::kPunct || t.kind == TokenKind::kOperator) && t.text.size() == 1 && t.text[0] == c;
  }
  /// Consumes the words when all of them come next, in order.
  bool accept(std::initializer_list<std::string_view> words) {
    size_t ahead = 0;
    for (std::string_view w : words) {
      if (!is(w, ahead++)) return false;
    }
    at += ahead;
    return true;
  }
  bool accept(std::string_view word) { return accept({word}); }
  /// Consumes one word out of several.
  bool accept_any(std::initializer_list<std::string_view> words) {
    if (!is_any(words)) return false;
    ++at;
    return true;
  }
  bool accept_punct(char c) {
    if (!is_punct(c)) return false;
    ++at;
    return true;
  }

  /// A name, unquoted and folded as the engine stores it. Strings count where an engine takes them for names (SQLite 'x', MySQL "x").
  [[nodiscard]] bool is_name(size_t ahead = 0) const {
    const Token& t = peek(ahead);
    if (t.kind == TokenKind::kWord || t.kind == TokenKind::kQuotedName) return true;
    if (t.kind != TokenKind::kString || t.text.empty()) return false;
    return t.text[0] == '"' || (t.text[0] == '\'' && (engine_ == Engine::kSqlite || engine_ == Engine::kUnknown));
  }
  bool name(std::string& out) {
    if (!is_name()) return false;
    const Token& t = peek();
    ++at;
    if (t.kind == TokenKind::kWord) {
      out = dialect_.fold_unquoted_lower ? to_lower(t.text) : std::string(t.text);
      return true;
    }
    out.clear();
    unquote(t, dialect_, out);
    return true;
  }
  bool name(Name& out) {
    std::string text;
    if (!name(text)) return false;
    out = text;
    return true;
  }
  bool qualified(QualifiedName& out) {
    out.schema.clear();
    if (!name(out.name)) return false;
    while (is_punct('.') && is_name(1)) {
      ++at;
      out.schema = std::move(out.name);
      if (!name(out.name)) return false;
    }
    return true;
  }

  /// The tokens inside the parentheses that open here; moves behind the closing one. False when they do not open or never close.
  bool parenthesised(std::span<const Token>& inside) {
    if (!is_punct('(')) return false;
    const size_t from = at + 1;
    if (!skip_parenthesised()) return false;
    inside = slice(from, at - 1);
    return true;
  }
  bool skip_parenthesised() {
    if (!is_punct('(')) return false;
    const size_t start = at;
    int depth = 0;
    for (; !done(); ++at) {
      if (is_punct('(')) ++depth;
      if (is_punct(')') && --depth == 0) {
        ++at;
        return true;
      }
    }
    at = start;
    return false;
  }
  /// Moves to the next comma outside parentheses and brackets, or to the end, or to a `)` that was not opened here.
  void skip_to_comma() {
    int depth = 0;
    for (; !done(); ++at) {
      if (is_punct('(') || is_punct('[')) ++depth;
      if ((is_punct(')') || is_punct(']')) && --depth < 0) return;
      if (depth == 0 && is_punct(',')) return;
    }
  }
  /// `= value` or ` value` of an option.
  void skip_option_value() {
    accept_punct('=');
    if (!skip_parenthesised() && !done() && !is_punct(',') && !is_punct(')')) ++at;
  }

 private:
  std::span<const Token> tokens_;
  Engine engine_;
  const Dialect& dialect_;
};

}  // namespace dbaudit
