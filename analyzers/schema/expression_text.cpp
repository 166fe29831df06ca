// The printer of expressions, and what is asked of a parsed one.

#include <algorithm>

#include "analyzers/base/text.h"
#include "analyzers/schema/expression.h"
#include "analyzers/schema/expression_precedence.h"
#include "analyzers/sql/dialect.h"

namespace dbaudit {
namespace {

/// A punctuation mark or operator of one byte, `:` for `::`; else 0.
char mark_of(const Token& t) {
  if (t.kind != TokenKind::kPunct && t.kind != TokenKind::kOperator) return '\0';
  return t.text.size() == 1 ? (t.text[0] == ':' ? '\0' : t.text[0]) : t.text == "::" ? ':' : '\0';
}

bool is_one_of(char mark, std::string_view marks) { return std::find(marks.begin(), marks.end(), mark) != marks.end(); }

bool plain_name(std::string_view s) {
  if (s.empty() || !((s[0] >= 'a' && s[0] <= 'z') || s[0] == '_')) return false;
  return std::all_of(s.begin(), s.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$'; });
}

std::string quote_string(std::string_view s) {
  std::string out = "'";
  for (char c : s) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out += '\'';
}

int precedence_of_expr(const Expr& e) {
  switch (e.kind) {
    case ExprKind::kUnary: return e.text == "not" ? kNot : kPrefix;
    case ExprKind::kIsNull:
    case ExprKind::kIsNotNull:
    case ExprKind::kIn:
    case ExprKind::kNotIn:
    case ExprKind::kBetween: return kCompare;
    case ExprKind::kBinary:
      if (e.text == "or") return kOr;
      if (e.text == "xor") return kXor;
      if (e.text == "and") return kAnd;
      if (e.text == "collate" || e.text == "at time zone") return kCollate;
      if (e.text == "+" || e.text == "-") return kSum;
      if (e.text == "*" || e.text == "/" || e.text == "%" || e.text == "div" || e.text == "mod") return kProduct;
      if (e.text == "^") return kPower;
      if (e.text == "=" || e.text == "<>" || e.text == "<" || e.text == ">" || e.text == "<=" || e.text == ">=" || e.text == "<=>")
        return kCompare;
      if (e.text[0] == 'i' || e.text[0] == 'n' || e.text[0] == 'l' || e.text[0] == 'g' || e.text[0] == 'm' || e.text[0] == 'r' ||
          e.text[0] == 's' || e.text[0] == 'e')
        return kCompare;  // is, not like, like, glob, match, regexp, similar to, escape
      return kOperator;
    default: return kPrimary;
  }
}

void print(const Expr& e, int minimum, std::string& out);

void print_list(const std::vector<Expr>& args, size_t from, std::string& out) {
  for (size_t i = from; i < args.size(); ++i) {
    if (i > from) out += ", ";
    print(args[i], kLowest, out);
  }
}

void print(const Expr& e, int minimum, std::string& out) {
  const int own = precedence_of_expr(e);
  const bool parenthesise = own < minimum;
  if (parenthesise) out += '(';
  switch (e.kind) {
    case ExprKind::kColumn: out += spell_name(e.text); break;
    case ExprKind::kLiteral: out += e.quoted ? quote_string(e.text) : e.text; break;
    case ExprKind::kNull:
    case ExprKind::kSlot:
    case ExprKind::kOpaque: out += e.text; break;
    case ExprKind::kCall:
      out += e.text == "row" ? "" : e.text == "array" ? "array" : spell_name(e.text);
      out += e.text == "array" ? '[' : '(';
      print_list(e.args, 0, out);
      out += e.text == "array" ? ']' : ')';
      break;
    case ExprKind::kUnary:
      out += e.text;
      if (e.text == "not") out += ' ';
      print(e.args[0], own, out);
      break;
    case ExprKind::kBinary: {
      const bool chain = e.text == "and" || e.text == "or";
      for (size_t i = 0; i < e.args.size(); ++i) {
        if (i > 0) {
          out += ' ';
          out += e.text;
          out += ' ';
        }
        print(e.args[i], i == 0 && !chain ? own : own + 1, out);
      }
      break;
    }
    case ExprKind::kIsNull:
    case ExprKind::kIsNotNull:
      print(e.args[0], kOperator, out);
      out += e.kind == ExprKind::kIsNull ? " is null" : " is not null";
      break;
    case ExprKind::kIn:
    case ExprKind::kNotIn:
      print(e.args[0], kOperator, out);
      out += e.kind == ExprKind::kIn ? " in (" : " not in (";
      print_list(e.args, 1, out);
      out += ')';
      break;
    case ExprKind::kBetween:
      print(e.args[0], kOperator, out);
      out += " between ";
      print(e.args[1], kOperator, out);
      out += " and ";
      print(e.args[2], kOperator, out);
      break;
    case ExprKind::kCase: {
      out += "case";
      size_t i = 0;
      if (e.text.find('o') != std::string::npos) {
        out += ' ';
        print(e.args[i++], kLowest, out);
      }
      const size_t end = e.args.size() - (e.text.find('e') != std::string::npos ? 1 : 0);
      for (; i + 1 < end; i += 2) {
        out += " when ";
        print(e.args[i], kLowest, out);
        out += " then ";
        print(e.args[i + 1], kLowest, out);
      }
      if (end < e.args.size()) {
        out += " else ";
        print(e.args[end], kLowest, out);
      }
      out += " end";
      break;
    }
  }
  if (parenthesise) out += ')';
}

}  // namespace

std::string print_expression(const Expr& expression) {
  std::string out;
  print(expression, kLowest, out);
  return out;
}

void collect_columns(const Expr& expression, std::vector<std::string>& out, bool& complete) {
  if (expression.kind == ExprKind::kOpaque && expression.text != "*") complete = false;
  if (expression.kind == ExprKind::kColumn &&
      std::none_of(out.begin(), out.end(), [&](const std::string& c) { return iequals(c, expression.text); })) {
    out.push_back(expression.text);
  }
  for (size_t i = 0; i < expression.args.size(); ++i) {
    if (expression.kind == ExprKind::kBinary && expression.text == "collate" && i == 1) break;  // the collation's name
    collect_columns(expression.args[i], out, complete);
  }
}

bool same_expression(const Expr& a, const Expr& b) {
  const auto value = [](const Expr& e) { return e.kind == ExprKind::kLiteral || e.kind == ExprKind::kSlot || e.kind == ExprKind::kNull; };
  if ((a.kind == ExprKind::kSlot && value(b)) || (b.kind == ExprKind::kSlot && value(a))) return true;
  if (a.kind != b.kind || a.quoted != b.quoted || a.args.size() != b.args.size()) return false;
  if (a.kind == ExprKind::kLiteral ? a.text != b.text : !iequals(a.text, b.text)) return false;
  for (size_t i = 0; i < a.args.size(); ++i) {
    if (!same_expression(a.args[i], b.args[i])) return false;
  }
  return true;
}

std::string spell_tokens(std::span<const Token> tokens, Engine engine) {
  const Dialect& dialect = dialect_of(engine);
  std::string out;
  char previous = '\0';
  for (const Token& t : tokens) {
    const char mark = mark_of(t);
    if (&t != tokens.data()) {
      const bool tight = (mark != '\0' && is_one_of(mark, "),.[]:(")) || (previous != '\0' && is_one_of(previous, "(.[:")) ||
                         (previous == ',' && t.kind != TokenKind::kWord && t.kind != TokenKind::kQuotedName);
      if (!tight) out += ' ';
    }
    switch (t.kind) {
      case TokenKind::kWord:
        out += t.text;
        for (size_t i = out.size() - t.text.size(); i < out.size(); ++i) out[i] = ascii_lower(out[i]);
        break;
      case TokenKind::kString:
      case TokenKind::kQuotedName: {
        std::string value;
        unquote(t, dialect, value);
        out += t.kind == TokenKind::kString ? quote_string(value) : spell_name(engine == Engine::kPostgres ? value : to_lower(value));
        break;
      }
      default: out += t.text;
    }
    previous = mark;
  }
  return out;
}

std::string spell_name(std::string_view name) {
  if (plain_name(name)) return std::string(name);
  std::string out = "\"";
  for (char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out += '"';
}

}  // namespace dbaudit
