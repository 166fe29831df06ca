#pragma once
// A reader's place in the tokens of one DDL statement.

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "analyzers/base/engine.h"
#include "analyzers/base/name.h"
#include "analyzers/base/text.h"
#include "analyzers/schema/ddl_word.h"
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

  [[nodiscard, gnu::always_inline]] bool is(DdlWord word, size_t ahead = 0) const { return word.is(peek(ahead), head(ahead)); }
  template <size_t N>
  [[nodiscard, gnu::always_inline]] bool is_any(const DdlWord (&words)[N], size_t ahead = 0) const {
    return [&]<size_t... I>(std::index_sequence<I...>) { return (is(words[I], ahead) || ...); }
    (std::make_index_sequence<N>());
  }
  template <size_t N>
  [[nodiscard]] bool is_any(const DdlWords<N>& words, size_t ahead = 0) const {
    return words.contain(peek(ahead), head(ahead));
  }
  /// The punctuation mark or operator of one byte that stands there, or 0.
  [[nodiscard]] char mark(size_t ahead = 0) const {
    const Token& t = peek(ahead);
    return (t.kind == TokenKind::kPunct || t.kind == TokenKind::kOperator) && t.text.size() == 1 ? t.text[0] : '\0';
  }
  [[nodiscard]] bool is_punct(char c, size_t ahead = 0) const { return mark(ahead) == c; }
  /// Consumes the words when all of them come next, in order.
  template <size_t N>
  [[gnu::always_inline]] bool accept(const DdlWord (&words)[N]) {
    return is(words[0]) && accept_rest(words);
  }
  [[gnu::always_inline]] bool accept(DdlWord word) {
    if (!is(word)) return false;
    ++at;
    return true;
  }
  /// Consumes one word out of several.
  template <size_t N>
  [[gnu::always_inline]] bool accept_any(const DdlWord (&words)[N]) {
    if (!is_any(words)) return false;
    ++at;
    return true;
  }
  template <size_t N>
  bool accept_any(const DdlWords<N>& words) {
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
    const Token& t = peek();
    // Between quotes none of which is doubled: as it stands.
    if (t.kind == TokenKind::kQuotedName && t.text.size() > 2 && (t.text.front() == '"' || t.text.front() == '`') &&
        t.text.find(t.text.front(), 1) == t.text.size() - 1) {
      out = t.text.substr(1, t.text.size() - 2);
      ++at;
      return true;
    }
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
      const char c = mark();
      if (c == '(') ++depth;
      if (c == ')' && --depth == 0) {
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
      const char c = mark();
      if (c == '(' || c == '[') ++depth;
      if ((c == ')' || c == ']') && --depth < 0) return;
      if (depth == 0 && c == ',') return;
    }
  }
  /// `= value` or ` value` of an option.
  void skip_option_value() {
    accept_punct('=');
    if (!skip_parenthesised() && !done() && !is_punct(',') && !is_punct(')')) ++at;
  }

 private:
  bool accept_rest(std::span<const DdlWord> words) {
    for (size_t i = 1; i < words.size(); ++i) {
      if (!is(words[i], i)) return false;
    }
    at += words.size();
    return true;
  }
  /// word_head() of a token, which is asked for again and again.
  [[nodiscard, gnu::always_inline]] uint64_t head(size_t ahead) const {
    const size_t place = at + ahead;
    Head& known = heads_[place % heads_.size()];
    if (known.of != place) known = {place, word_head(peek(ahead))};
    return known.head;
  }
  struct Head {
    size_t of = SIZE_MAX;  // a place
    uint64_t head = 0;
  };

  std::span<const Token> tokens_;
  Engine engine_;
  const Dialect& dialect_;
  mutable std::array<Head, 2> heads_;  // of two places that stand next to each other, as a rule
};

}  // namespace dbaudit
