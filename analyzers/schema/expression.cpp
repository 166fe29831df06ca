// A server prints an expression back in its own words: `(email)::text`, `= ANY (ARRAY['a'::text])`, `(("deleted_at" IS NULL))`. To compare what a
// dump, a live catalogue, a migration and a log's statement say, all of them go through one small precedence parser and come out of one printer.
// The tree is also what protects() reasons about. Precedence is the union of the dialects' and only decides where parentheses are printed; input
// that the grammar does not know becomes kOpaque text, which equals only itself.

#include "analyzers/schema/expression.h"

#include <algorithm>
#include <array>
#include <optional>

#include "analyzers/base/text.h"
#include "analyzers/schema/expression_precedence.h"
#include "analyzers/sql/dialect.h"

namespace dbaudit {
namespace {

constexpr int kMaxDepth = 60;
constexpr int kMaxChain = 60;  // of operators that do not flatten: the tree leans left one level for each

bool is_word(const Token& t, std::string_view w) { return t.kind == TokenKind::kWord && iequals(t.text, w); }
bool is_text(const Token& t, std::string_view s) { return (t.kind == TokenKind::kPunct || t.kind == TokenKind::kOperator) && t.text == s; }

bool looks_numeric(std::string_view s) {
  size_t i = 0;
  if (i < s.size() && (s[i] == '-' || s[i] == '+')) ++i;
  bool digit = false;
  for (; i < s.size(); ++i) {
    if (s[i] >= '0' && s[i] <= '9')
      digit = true;
    else if (s[i] != '.')
      return false;
  }
  return digit;
}

Expr make(ExprKind kind, std::string text) {
  Expr e;
  e.kind = kind;
  e.text = std::move(text);
  return e;
}

class ExpressionParser {
 public:
  ExpressionParser(std::span<const Token> tokens, Engine engine) : tokens_(tokens), engine_(engine), dialect_(dialect_of(engine)) {}

  Expr parse_whole() {
    std::optional<Expr> e = parse(kLowest, 0);
    if (e && at_ == tokens_.size()) return std::move(*e);
    return make(ExprKind::kOpaque, spell_tokens(tokens_, engine_));
  }

 private:
  using Parsed = std::optional<Expr>;

  const Token& peek(size_t ahead = 0) const {
    static const Token end;
    return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : end;
  }
  bool accept(std::string_view punct) {
    if (!is_text(peek(), punct)) return false;
    ++at_;
    return true;
  }
  bool accept_word(std::string_view word) {
    if (!is_word(peek(), word)) return false;
    ++at_;
    return true;
  }

  /// Skips to after the bracket that closes the one just consumed; false when there is none.
  bool skip_to_close() {
    int depth = 1;
    for (; at_ < tokens_.size(); ++at_) {
      if (is_text(peek(), "(") || is_text(peek(), "[")) ++depth;
      if ((is_text(peek(), ")") || is_text(peek(), "]")) && --depth == 0) {
        ++at_;
        return true;
      }
    }
    return false;
  }

  std::string name_of(const Token& t) const {
    std::string out;
    if (t.kind == TokenKind::kWord) return to_lower(t.text);
    unquote(t, dialect_, out);
    return engine_ == Engine::kPostgres ? out : to_lower(out);
  }

  /// A type after `::` or AS: words, an optional (n), more words (`with time zone`), any [].
  bool type_name(std::string& type) {
    if (peek().kind != TokenKind::kWord && peek().kind != TokenKind::kQuotedName) return false;
    type = name_of(peek());
    ++at_;
    while (accept(".")) {
      type = name_of(peek());
      ++at_;
    }
    static constexpr std::array<std::string_view, 12> kMore = {"varying", "precision", "unsigned", "signed",    "integer", "int",
                                                               "set",     "year",      "month",    "character", "zone",    "time"};
    for (;;) {
      if (accept("(")) {
        if (!skip_to_close()) return false;
      } else if (is_word(peek(), "with") || is_word(peek(), "without")) {
        if (!is_word(peek(1), "time")) break;
        at_ += 2;
      } else if (peek().kind == TokenKind::kWord &&
                 std::any_of(kMore.begin(), kMore.end(), [&](std::string_view w) { return is_word(peek(), w); })) {
        type += ' ';
        type += to_lower(peek().text);
        ++at_;
      } else {
        break;
      }
    }
    while (accept("[")) {
      if (!skip_to_close()) return false;
    }
    return true;
  }

  /// `'-1'::integer` is how PostgreSQL prints -1.
  static void apply_cast(Expr& e, std::string_view type) {
    static constexpr std::array<std::string_view, 7> kNumeric = {"integer", "bigint",           "smallint", "numeric",
                                                                 "real",    "double precision", "int"};
    if (e.kind != ExprKind::kLiteral || !e.quoted) return;
    if (looks_numeric(e.text) && std::find(kNumeric.begin(), kNumeric.end(), type) != kNumeric.end()) e.quoted = false;
    if (type == "boolean") {
      if (e.text == "t" || e.text == "true")
        e = make(ExprKind::kLiteral, "true");
      else if (e.text == "f" || e.text == "false")
        e = make(ExprKind::kLiteral, "false");
    }
  }

  Parsed call(std::string name, int depth) {  // after `name (`
    const size_t start = at_;
    Expr e = make(ExprKind::kCall, std::move(name));
    if (accept(")")) return e;
    if (is_text(peek(), "*") && is_text(peek(1), ")")) {
      at_ += 2;
      e.args.push_back(make(ExprKind::kOpaque, "*"));
      return e;
    }
    for (;;) {
      Parsed arg = parse(kLowest, depth + 1);
      if (!arg) break;
      e.args.push_back(std::move(*arg));
      if (accept(",")) continue;
      if (accept(")")) return e;
      break;
    }
    // extract(year FROM x), count(DISTINCT x), string_agg(x ORDER BY y), a call nested too deep: kept as text.
    at_ = start;
    if (!skip_to_close()) return std::nullopt;
    return make(ExprKind::kOpaque, e.text + "(" + spell_tokens(tokens_.subspan(start, at_ - start - 1), engine_) + ")");
  }

  Parsed cast_call(int depth) {  // after `cast (`
    Parsed inner = parse(kLowest, depth + 1);
    std::string type;
    if (!inner || !accept_word("as") || !type_name(type)) return std::nullopt;
    if (accept_word("charset") || (accept_word("character") && accept_word("set"))) ++at_;
    if (!accept(")")) return std::nullopt;
    apply_cast(*inner, type);
    return inner;
  }

  Parsed case_expression(int depth) {  // after CASE
    Expr e = make(ExprKind::kCase, "");
    if (!is_word(peek(), "when")) {
      Parsed operand = parse(kLowest, depth + 1);
      if (!operand) return std::nullopt;
      e.text += 'o';
      e.args.push_back(std::move(*operand));
    }
    while (accept_word("when")) {
      Parsed when = parse(kLowest, depth + 1);
      if (!when || !accept_word("then")) return std::nullopt;
      Parsed then = parse(kLowest, depth + 1);
      if (!then) return std::nullopt;
      e.args.push_back(std::move(*when));
      e.args.push_back(std::move(*then));
    }
    if (accept_word("else")) {
      Parsed otherwise = parse(kLowest, depth + 1);
      if (!otherwise) return std::nullopt;
      // ELSE NULL (PostgreSQL prints it) says nothing.
      if (otherwise->kind != ExprKind::kNull) {
        e.text += 'e';
        e.args.push_back(std::move(*otherwise));
      }
    }
    if (!accept_word("end")) return std::nullopt;
    return e;
  }

  Parsed word(int depth) {
    const Token t = peek();
    ++at_;
    if (is_word(t, "true") || is_word(t, "false")) return make(ExprKind::kLiteral, to_lower(t.text));
    if (is_word(t, "null")) return make(ExprKind::kNull, "null");
    if (is_word(t, "case") && !is_text(peek(), ".")) return case_expression(depth);
    if (is_word(t, "cast") && accept("(")) return cast_call(depth);
    if (is_word(t, "binary") && peek().kind != TokenKind::kEnd && !is_text(peek(), ")") && !is_text(peek(), ",") && !is_text(peek(), ".")) {
      Parsed inner = parse(kPrefix, depth + 1);  // MySQL's BINARY x
      if (!inner) return std::nullopt;
      Expr e = make(ExprKind::kCall, "binary");
      e.args.push_back(std::move(*inner));
      return e;
    }
    if (is_word(t, "array") && accept("[")) {
      Expr e = make(ExprKind::kCall, "array");
      if (accept("]")) return e;
      for (;;) {
        Parsed item = parse(kLowest, depth + 1);
        if (!item) return std::nullopt;
        e.args.push_back(std::move(*item));
        if (accept(",")) continue;
        if (!accept("]")) return std::nullopt;
        return e;
      }
    }
    if (is_word(t, "interval") && (peek().kind == TokenKind::kString || peek().kind == TokenKind::kNumber)) {
      const size_t from = at_ - 1;
      ++at_;
      if (peek().kind == TokenKind::kWord && !is_word(peek(), "and") && !is_word(peek(), "or")) ++at_;
      return make(ExprKind::kOpaque, spell_tokens(tokens_.subspan(from, at_ - from), engine_));
    }
    if (peek().kind == TokenKind::kString &&
        (is_word(t, "date") || is_word(t, "time") || is_word(t, "timestamp") || is_word(t, "timestamptz"))) {
      return primary(depth);  // a typed literal
    }
    if (is_word(t, "exists") && is_text(peek(), "(")) {
      const size_t from = at_++;
      if (!skip_to_close()) return std::nullopt;
      return make(ExprKind::kOpaque, "exists " + spell_tokens(tokens_.subspan(from, at_ - from), engine_));
    }
    return name(t, depth);
  }

  /// A possibly qualified column or function; the qualifiers are dropped.
  Parsed name(Token last, int depth) {
    while (is_text(peek(), ".") && at_ + 1 < tokens_.size()) {
      last = peek(1);
      at_ += 2;
      if (is_text(last, "*")) return make(ExprKind::kOpaque, "*");
      if (last.kind != TokenKind::kWord && last.kind != TokenKind::kQuotedName && last.kind != TokenKind::kString) return std::nullopt;
    }
    if (accept("(")) return call(to_lower(name_of(last)), depth);
    if (last.kind == TokenKind::kWord) {
      // Functions without parentheses; MariaDB prints them with.
      static constexpr std::array<std::string_view, 7> kNiladic = {"current_timestamp", "current_date", "current_time", "localtimestamp",
                                                                   "localtime",         "current_user", "session_user"};
      for (std::string_view f : kNiladic) {
        if (is_word(last, f)) return make(ExprKind::kCall, std::string(f));
      }
      // A keyword cannot be a column: whatever this is, it is not for us.
      static constexpr std::array<std::string_view, 12> kNotNames = {"select", "from", "where", "and", "or",  "when",
                                                                     "then",   "else", "end",   "in",  "not", "between"};
      for (std::string_view k : kNotNames) {
        if (is_word(last, k)) return std::nullopt;
      }
    }
    return make(ExprKind::kColumn, name_of(last));
  }

  Parsed primary(int depth) {
    const Token t = peek();
    switch (t.kind) {
      case TokenKind::kEnd: return std::nullopt;
      case TokenKind::kNumber: ++at_; return make(ExprKind::kLiteral, to_lower(t.text));
      case TokenKind::kBits: ++at_; return make(ExprKind::kLiteral, to_lower(t.text));
      case TokenKind::kPlaceholder: ++at_; return make(ExprKind::kSlot, "?");
      case TokenKind::kString: {
        ++at_;
        Expr e = make(ExprKind::kLiteral, "");
        unquote(t, dialect_, e.text);
        e.quoted = true;
        return e;
      }
      case TokenKind::kQuotedName: ++at_; return name(t, depth);
      case TokenKind::kWord: return word(depth);
      default: break;
    }
    if (is_text(t, "?")) {
      ++at_;
      return make(ExprKind::kSlot, "?");
    }
    if (!accept("(")) return std::nullopt;
    if (is_word(peek(), "select") || is_word(peek(), "with") || is_word(peek(), "values")) {
      const size_t from = at_ - 1;
      if (!skip_to_close()) return std::nullopt;
      return make(ExprKind::kOpaque, spell_tokens(tokens_.subspan(from, at_ - from), engine_));
    }
    Parsed inner = parse(kLowest, depth + 1);
    if (!inner) return std::nullopt;
    if (accept(")")) return inner;
    Expr row = make(ExprKind::kCall, "row");
    row.args.push_back(std::move(*inner));
    while (accept(",")) {
      Parsed item = parse(kLowest, depth + 1);
      if (!item) return std::nullopt;
      row.args.push_back(std::move(*item));
    }
    if (!accept(")")) return std::nullopt;
    return row;
  }

  Parsed prefix(int depth) {
    if (is_word(peek(), "not") || is_text(peek(), "!")) {
      const bool bang = is_text(peek(), "!");
      ++at_;
      Parsed inner = parse(bang ? kPrefix : kNot, depth + 1);
      if (!inner) return std::nullopt;
      return negate(std::move(*inner));
    }
    for (std::string_view sign : {"-", "+", "~"}) {
      if (!is_text(peek(), sign)) continue;
      ++at_;
      Parsed inner = parse(kPrefix, depth + 1);
      if (!inner || sign == "+") return inner;
      if (sign == "-" && inner->kind == ExprKind::kLiteral && !inner->quoted && looks_numeric(inner->text)) {
        inner->text = inner->text[0] == '-' ? inner->text.substr(1) : "-" + inner->text;
        return inner;
      }
      Expr e = make(ExprKind::kUnary, std::string(sign));
      e.args.push_back(std::move(*inner));
      return e;
    }
    return primary(depth);
  }

  static Expr negate(Expr inner) {
    switch (inner.kind) {
      case ExprKind::kIsNull: inner.kind = ExprKind::kIsNotNull; return inner;
      case ExprKind::kIsNotNull: inner.kind = ExprKind::kIsNull; return inner;
      case ExprKind::kIn: inner.kind = ExprKind::kNotIn; return inner;
      case ExprKind::kNotIn: inner.kind = ExprKind::kIn; return inner;
      default: break;
    }
    Expr e = make(ExprKind::kUnary, "not");
    e.args.push_back(std::move(inner));
    return e;
  }

  static Expr binary(std::string op, Expr left, Expr right) {
    Expr e = make(ExprKind::kBinary, std::move(op));
    if ((e.text == "and" || e.text == "or" || e.text == "||") && left.kind == ExprKind::kBinary && left.text == e.text) {
      e.args = std::move(left.args);
    } else {
      e.args.push_back(std::move(left));
    }
    if ((e.text == "and" || e.text == "or") && right.kind == ExprKind::kBinary && right.text == e.text) {
      for (Expr& a : right.args) e.args.push_back(std::move(a));
    } else {
      e.args.push_back(std::move(right));
    }
    return e;
  }

  /// PostgreSQL prints IN as `= ANY (ARRAY[…])`.
  static Expr comparison(std::string op, Expr left, Expr right) {
    const bool any = op == "=" && right.kind == ExprKind::kCall && right.text == "any";
    const bool all = op == "<>" && right.kind == ExprKind::kCall && right.text == "all";
    if ((any || all) && right.args.size() == 1 && right.args[0].kind == ExprKind::kCall && right.args[0].text == "array") {
      Expr e = make(any ? ExprKind::kIn : ExprKind::kNotIn, "");
      std::vector<Expr> items = std::move(right.args[0].args);
      e.args.push_back(std::move(left));
      for (Expr& i : items) e.args.push_back(std::move(i));
      return e;
    }
    return binary(std::move(op), std::move(left), std::move(right));
  }

  Parsed is_test(Expr left, int depth) {  // after IS
    const bool negated = accept_word("not");
    if (accept_word("null")) {
      Expr e = make(negated ? ExprKind::kIsNotNull : ExprKind::kIsNull, "");
      e.args.push_back(std::move(left));
      return e;
    }
    if (accept_word("distinct")) {
      if (!accept_word("from")) return std::nullopt;
      Parsed right = parse(kOperator, depth + 1);
      if (!right) return std::nullopt;
      return binary(negated ? "is not distinct from" : "is distinct from", std::move(left), std::move(*right));
    }
    Parsed right = parse(kOperator, depth + 1);
    if (!right) return std::nullopt;
    return binary(negated ? "is not" : "is", std::move(left), std::move(*right));
  }

  Parsed in_list(Expr left, bool negated, int depth) {  // after IN
    if (!accept("(")) return std::nullopt;
    Expr e = make(negated ? ExprKind::kNotIn : ExprKind::kIn, "");
    e.args.push_back(std::move(left));
    if (is_word(peek(), "select") || is_word(peek(), "with")) {
      const size_t from = at_;
      if (!skip_to_close()) return std::nullopt;
      e.args.push_back(make(ExprKind::kOpaque, spell_tokens(tokens_.subspan(from, at_ - from - 1), engine_)));
      return e;
    }
    if (accept(")")) return e;
    for (;;) {
      Parsed item = parse(kLowest, depth + 1);
      if (!item) return std::nullopt;
      e.args.push_back(std::move(*item));
      if (accept(",")) continue;
      if (!accept(")")) return std::nullopt;
      return e;
    }
  }

  /// The tests that take NOT before them: IN, BETWEEN, LIKE and its kin. `handled` says whether there was one.
  Parsed worded_test(Expr left, int depth, bool& handled) {
    handled = true;
    const size_t start = at_;
    const bool negated = accept_word("not");
    if (accept_word("in")) return in_list(std::move(left), negated, depth);
    if (accept_word("between")) {
      accept_word("symmetric");
      Parsed low = parse(kOperator, depth + 1);
      if (!low || !accept_word("and")) return std::nullopt;
      Parsed high = parse(kOperator, depth + 1);
      if (!high) return std::nullopt;
      Expr e = make(ExprKind::kBetween, "");
      e.args.push_back(std::move(left));
      e.args.push_back(std::move(*low));
      e.args.push_back(std::move(*high));
      return negated ? negate(std::move(e)) : e;
    }
    for (std::string_view op : {"like", "ilike", "glob", "match", "regexp", "rlike", "similar"}) {
      if (!accept_word(op)) continue;
      std::string text(op);
      if (op == "similar") {
        if (!accept_word("to")) return std::nullopt;
        text = "similar to";
      }
      if (negated) text = "not " + text;
      Parsed right = parse(kOperator, depth + 1);
      if (!right) return std::nullopt;
      Expr e = binary(std::move(text), std::move(left), std::move(*right));
      if (accept_word("escape")) {
        Parsed escape = parse(kOperator, depth + 1);
        if (!escape) return std::nullopt;
        e = binary("escape", std::move(e), std::move(*escape));
      }
      return e;
    }
    at_ = start;
    handled = false;
    return left;
  }

  static int precedence_of(std::string_view op) {
    if (op == "=" || op == "<" || op == ">" || op == "<=" || op == ">=" || op == "<>" || op == "!=" || op == "==" || op == "<=>" ||
        op == ":=")
      return kCompare;
    if (op == "+" || op == "-") return kSum;
    if (op == "*" || op == "/" || op == "%") return kProduct;
    if (op == "^") return kPower;
    return kOperator;
  }

  Parsed parse(int minimum, int depth) {
    if (depth > kMaxDepth) return std::nullopt;
    Parsed left = prefix(depth);
    int chain = 0;
    while (left) {
      const Token t = peek();
      if (t.kind == TokenKind::kEnd) return left;
      if (is_text(t, "::")) {
        ++at_;
        std::string type;
        if (!type_name(type)) return std::nullopt;
        apply_cast(*left, type);
        continue;
      }
      int precedence = kLowest;
      std::string op;
      if (t.kind == TokenKind::kWord) {
        if (is_word(t, "or"))
          precedence = kOr, op = "or";
        else if (is_word(t, "xor"))
          precedence = kXor, op = "xor";
        else if (is_word(t, "and"))
          precedence = kAnd, op = "and";
        else if (is_word(t, "div") || is_word(t, "mod"))
          precedence = kProduct, op = to_lower(t.text);
        else if (is_word(t, "collate"))
          precedence = kCollate, op = "collate";
        else if (is_word(t, "is"))
          precedence = kCompare, op = "is";
        else if (is_word(t, "isnull") || is_word(t, "notnull"))
          precedence = kCompare, op = to_lower(t.text);
        else if (is_word(t, "at") && is_word(peek(1), "time") && is_word(peek(2), "zone"))
          precedence = kCollate, op = "at time zone";
        else {
          if (minimum > kCompare) return left;
          bool handled = false;
          left = worded_test(std::move(*left), depth, handled);
          if (handled && ++chain <= kMaxChain) continue;
          return handled ? std::nullopt : left;
        }
      } else if (t.kind == TokenKind::kOperator || is_text(t, "*")) {
        op = std::string(t.text);
        if (op == "||" && !dialect_.pipes_concat) op = "or";
        if (op == "&&" && is_mysql_family(engine_)) op = "and";
        precedence = op == "or" ? kOr : op == "and" ? kAnd : precedence_of(op);
      } else {
        return left;
      }
      if (precedence < minimum) return left;
      if (op != "and" && op != "or" && op != "||" && ++chain > kMaxChain) return std::nullopt;
      ++at_;
      if (op == "is") {
        left = is_test(std::move(*left), depth);
        continue;
      }
      if (op == "isnull" || op == "notnull") {
        Expr e = make(op == "isnull" ? ExprKind::kIsNull : ExprKind::kIsNotNull, "");
        e.args.push_back(std::move(*left));
        left = std::move(e);
        continue;
      }
      if (op == "at time zone") at_ += 2;
      if (op == "collate") {
        std::string name;
        const Token c = peek();
        ++at_;
        name = name_of(c);
        while (accept(".")) {
          name = name_of(peek());
          ++at_;
        }
        left = binary("collate", std::move(*left), make(ExprKind::kOpaque, name));
        continue;
      }
      Parsed right = parse(precedence + 1, depth + 1);
      if (!right) return std::nullopt;
      if (op == "!=") op = "<>";
      if (op == "==") op = "=";
      if (op == "~~") op = "like";
      if (op == "!~~") op = "not like";
      if (op == "~~*") op = "ilike";
      if (op == "!~~*") op = "not ilike";
      left = comparison(std::move(op), std::move(*left), std::move(*right));
    }
    return left;
  }

  std::span<const Token> tokens_;
  Engine engine_;
  const Dialect& dialect_;
  size_t at_ = 0;
};

std::vector<Token> lex(std::string_view text, Engine engine) {
  std::vector<Token> tokens;
  Lexer lexer(text, dialect_of(engine));
  for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next()) tokens.push_back(t);
  return tokens;
}

}  // namespace

Expr parse_expression(std::span<const Token> tokens, Engine engine) { return ExpressionParser(tokens, engine).parse_whole(); }

Expr parse_expression(std::string_view text, Engine engine) { return parse_expression(lex(text, engine), engine); }

std::string normalise_expression(std::span<const Token> tokens, Engine engine) {
  return print_expression(parse_expression(tokens, engine));
}

std::string normalise_expression(std::string_view text, Engine engine) { return normalise_expression(lex(text, engine), engine); }

}  // namespace dbaudit
