// Operands: what stands between two operators. Literals, columns, brackets, CASE, CAST, subqueries, and the words of three dialects that begin
// none of these but something of their own.

#include <algorithm>
#include <string_view>

#include "analyzers/base/text.h"
#include "analyzers/sql/parser_internal.h"

namespace dbaudit::sql_parser {
namespace {

bool is_session_word(std::string_view name) {
  static constexpr std::string_view kNames[] = {"current_user",    "session_user",   "current_role",
                                                "current_catalog", "current_schema", "system_user"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view n) { return iequals(n, name); });
}

bool is_interval_unit(std::string_view word) {
  static constexpr std::string_view kNames[] = {"year",
                                                "quarter",
                                                "month",
                                                "week",
                                                "day",
                                                "hour",
                                                "minute",
                                                "second",
                                                "microsecond",
                                                "year_month",
                                                "day_hour",
                                                "day_minute",
                                                "day_second",
                                                "day_microsecond",
                                                "hour_minute",
                                                "hour_second",
                                                "hour_microsecond",
                                                "minute_second",
                                                "minute_microsecond",
                                                "second_microsecond"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view n) { return iequals(n, word); });
}

}  // namespace

int Parser::operand(int b) {
  const int start = here();
  const int first_column = static_cast<int>(columns_.size());
  if (is_value()) {
    const int n = make(NodeKind::kValue, start, first_column);
    node(n).slot = tok().slot;
    node(n).list = tok().list_length > 0;
    const bool string = is_string();
    advance();
    if (string && sqlite() && is_punct('.')) {  // SQLite takes 'name' for a name where a value cannot stand
      --pos_;
      nodes_.pop_back();
      return postfix(b, column_or_call(b), start);
    }
    if (string && !sqlite()) {
      while (is_string()) advance();  // 'a' 'b' is one literal
      if (accept(Kw::kUescape) && is_string()) advance();
    }
    return postfix(b, finish(n), start);
  }
  const Tok& t = tok();
  if (t.punct == '(') return postfix(b, paren(b), start);
  if (t.kind == TokenKind::kVariable) {
    const bool open = t.text.ends_with('@') || t.text.ends_with('.');
    advance();
    if (open && is_name()) advance();
    while (is_punct('.') && is_name(1)) {
      advance();
      advance();
    }
    return postfix(b, make(NodeKind::kOther, start, first_column), start);
  }
  if (t.kind == TokenKind::kOperator) {
    if (t.text == "*") {
      advance();
      return make(NodeKind::kStar, start, first_column);
    }
    if (comparison(t.text) != CompareOp::kOther || t.text == "/" || t.text == "%" || t.text == "^" || t.text == "->" || t.text == "->>" ||
        t.text == "::" || t.text == ":=" || t.text == "=>") {
      return bad(start);
    }
    const bool negation = t.text == "!" && !postgres();
    const bool arithmetic = t.text == "-" || t.text == "+" || t.text == "~" || negation;
    advance();
    const int inner = expression(b, arithmetic ? kPrefix : kAdditive);
    const int n = make(negation ? NodeKind::kNot : NodeKind::kOther, start, first_column);
    node(n).left = inner;
    return finish(n);
  }
  if (t.kind == TokenKind::kQuotedName) return postfix(b, column_or_call(b), start);
  if (t.kind == TokenKind::kWord) return postfix(b, operand_word(b), start);
  if (t.punct == '[' && postgres() && tok(-1).text != ".") return array_elements(b);  // ARRAY[[1, 2], [3, 4]]
  if (t.text == "{" && is_name(1)) {                                                  // ODBC escapes: {d '2020-01-01'}, {fn now()}
    advance();
    if (!is_punct('(', 1)) advance();
    const int inner = expression(b);
    if (tok().text == "}") advance();
    return inner;
  }
  return bad(start);
}

int Parser::operand_word(int b) {
  const int start = here();
  const int first_column = static_cast<int>(columns_.size());
  auto leaf = [&](NodeKind kind, int tokens) {
    for (int i = 0; i < tokens; ++i) advance();
    return make(kind, start, first_column);
  };
  switch (kw()) {
    case Kw::kNot: {
      advance();
      const int inner = expression(b, kNotPower);
      const int n = make(NodeKind::kNot, start, first_column);
      node(n).left = inner;
      return finish(n);
    }
    case Kw::kExists:
      if (is_punct('(', 1) && query_in_parens(1)) {
        advance();
        return subquery(b, NodeKind::kExists, start);
      }
      break;
    case Kw::kCase: return case_expression(b, start);
    case Kw::kCast:
      if (is_punct('(', 1)) {
        advance();
        advance();
        const int inner = expression(b);
        if (accept(Kw::kAs)) type_name();
        if (!is_punct(')')) {
          skip_to_close();
        } else {
          advance();
        }
        if (node(inner).kind == NodeKind::kValue && !node(inner).list) {
          node(inner).end = here();
          return inner;
        }
        const int n = make(NodeKind::kCast, start, first_column);
        node(n).left = inner;
        return finish(n);
      }
      break;
    case Kw::kArray:
      if (is_punct('[', 1)) {
        advance();
        return array_elements(b);
      }
      if (is_punct('(', 1) && query_in_parens(1)) {
        advance();
        return subquery(b, NodeKind::kSubquery, start);
      }
      break;
    case Kw::kRow:
      if (is_punct('(', 1)) {
        advance();
        const int n = make(NodeKind::kRow, start, first_column);
        advance();
        return arguments(b, n);
      }
      break;
    case Kw::kInterval:
      if (is_string(1) || is_value(1) || (mysql_ && !is_punct('(', 1))) {
        advance();
        if (is_punct('(')) skip_parens();
        const int inner = expression(b, kAdditive);
        interval_unit();
        const int n = make(NodeKind::kOther, start, first_column);
        node(n).left = inner;
        if (postgres() && node(inner).kind == NodeKind::kValue) {
          node(n).kind = NodeKind::kValue;
          node(n).slot = node(inner).slot;
        }
        return finish(n);
      }
      if (is_punct('(', 1)) {  // INTERVAL (e) DAY, interval(3) '…', INTERVAL(a, b)
        advance();
        const int n = make(NodeKind::kOther, start, first_column);
        advance();
        arguments(b, n);
        if (postgres() && (is_string() || tok().kind == TokenKind::kPlaceholder)) {
          node(n).kind = NodeKind::kValue;
          node(n).slot = tok().slot;
          advance();
        }
        interval_unit();
        return finish(n);
      }
      break;
    case Kw::kDefault:
      if (!is_punct('(', 1)) return leaf(NodeKind::kDefault, 1);
      break;
    case Kw::kCurrentDate:
    case Kw::kCurrentTime:
    case Kw::kCurrentTimestamp:
    case Kw::kLocaltime:
    case Kw::kLocaltimestamp: {
      if (is_punct('.', 1)) break;
      advance();
      if (is_punct('(')) skip_parens();
      const int n = make(NodeKind::kNow, start, first_column);
      node(n).reads_now = true;
      return n;
    }
    case Kw::kCurrent:
      if (is(Kw::kOf, 1)) {
        leaf(NodeKind::kOther, 2);
        if (is_name() || is_value()) advance();
        return make(NodeKind::kOther, start, first_column);
      }
      break;
    case Kw::kNext:
    case Kw::kPrevious:
      if (is(Kw::kValue, 1) && is(Kw::kFor, 2)) {
        for (int i = 0; i < 3; ++i) advance();
        return sequence(b, start);
      }
      break;
    case Kw::kValues:
    case Kw::kValue:
      if (values_is_function() && is_punct('(', 1) && is_name(2)) {
        advance();
        advance();
        const int inner = column_or_call(b);
        expect_punct(')');
        const int n = make(NodeKind::kValuesOf, start, first_column);
        node(n).left = inner;
        node(n).column = node(inner).column;
        if (node(n).column < 0) {
          node(n).kind = NodeKind::kOther;
        } else {
          columns_[static_cast<size_t>(node(n).column)].qualifier = kExcludedRow;
        }
        return finish(n);
      }
      break;
    case Kw::kBinary:
      if (!postgres() && !is_punct('(', 1) && !is_punct('.', 1) && !is_punct(',', 1) && !is_punct(')', 1)) {
        advance();
        const int inner = expression(b, kPrefix);
        const int n = make(NodeKind::kCast, start, first_column);
        node(n).left = inner;
        return finish(n);
      }
      break;
    case Kw::kCollation:
      if (is(Kw::kFor, 1) && is_punct('(', 2)) {
        advance();
        advance();
        const int n = make(NodeKind::kOther, start, first_column);
        advance();
        return arguments(b, n);
      }
      break;
    case Kw::kMatch:
      if (is_punct('(', 1) || mysql_) {  // MATCH (a, b) AGAINST (e IN BOOLEAN MODE)
        advance();
        const int n = make(NodeKind::kOther, start, first_column);
        if (accept_punct('(')) {
          arguments(b, n);
        } else {
          while (is_name() && !is_word("against")) {
            column_or_call(b);
            if (!accept_punct(',')) break;
          }
        }
        if (accept_word("against") && accept_punct('(')) {
          expression(b, kAnyOperator);
          skip_to_close();
        }
        return finish(n);
      }
      break;
    case Kw::kTime:
    case Kw::kTimestamp: {
      // timestamp(3) with time zone '…'
      int at = 1;
      if (is_punct('(', at)) {
        const int close = closes_[static_cast<size_t>(here() + 1)];
        at = close < 0 ? 1 : close - here() + 1;
      }
      if ((is(Kw::kWith, at) || is(Kw::kWithout, at)) && is(Kw::kTime, at + 1) && is(Kw::kZone, at + 2)) at += 3;
      if (at > 1 && is_string(at)) {
        const int slot = tok(at).slot;
        const int n = leaf(NodeKind::kValue, at + 1);
        node(n).slot = slot;
        return n;
      }
      break;
    }
    default: break;
  }
  // A reserved word that is called like a function is a function: LEFT(…), REPLACE(…), IF(…).
  const bool called = is_punct('(', 1) && !is(Kw::kIn) && !is(Kw::kAnd) && !is(Kw::kOr) && !is(Kw::kOn) && !is(Kw::kUsing) &&
                      !is(Kw::kWhere) && !is(Kw::kFrom) && !is(Kw::kThen) && !is(Kw::kElse) && !is(Kw::kWhen) && !is(Kw::kSelect) &&
                      !is(Kw::kAs) && !is(Kw::kUnion) && !is(Kw::kExcept) && !is(Kw::kHaving) && !is(Kw::kBetween);
  if (!called && !is_punct('.', 1) && !can_be_operand_name(kw(), dialect_.engine)) return bad(start);
  return column_or_call(b);
}

int Parser::array_elements(int b) {
  const int start = here();
  const int n = make(NodeKind::kOther, start, static_cast<int>(columns_.size()));
  advance();
  while (!at_end() && !is_punct(']')) {
    const int at = here();
    expression(b);
    accept_punct(',');
    if (here() == at) break;
  }
  if (!accept_punct(']')) bad(start);
  return finish(n);
}

void Parser::interval_unit() {
  if (tok().kind != TokenKind::kWord || !is_interval_unit(tok().text)) return;
  advance();
  if (is_punct('(')) skip_parens();
  if (is(Kw::kTo) && is_interval_unit(tok(1).text)) {
    advance();
    advance();
    if (is_punct('(')) skip_parens();
  }
}

// MariaDB's sequences are tables to their readers.
int Parser::sequence(int b, int start) {
  ObjectName name;
  if (!parse_object_name(name)) return bad(start);
  TableRef t;
  t.name = std::move(name);
  const int inner = new_block(b);
  block(inner).tables.push_back(std::move(t));
  return make(NodeKind::kOther, start, static_cast<int>(columns_.size()));
}

int Parser::case_expression(int b, int start) {
  const int n = make(NodeKind::kOther, start, static_cast<int>(columns_.size()));
  advance();
  bool now = false, aggregate = false;
  auto part = [&] {
    const int child = expression(b);
    now |= node(child).reads_now;
    aggregate |= node(child).aggregate;
  };
  if (!is(Kw::kWhen)) part();
  while (accept(Kw::kWhen)) {
    part();
    if (!accept(Kw::kThen)) {
      bad(start);
      return finish(n);
    }
    part();
  }
  if (accept(Kw::kElse)) part();
  if (!accept(Kw::kEnd)) bad(start);
  node(n).reads_now = now;
  node(n).aggregate = aggregate;
  return finish(n);
}

int Parser::paren(int b) {
  const int start = here();
  if (query_in_parens()) return subquery(b, NodeKind::kSubquery, start);
  const int first_column = static_cast<int>(columns_.size());
  advance();
  if (accept_punct(')')) return make(NodeKind::kRow, start, first_column);
  const int first = expression(b);
  if (is_punct(',')) {
    Scratch<int> kids(spare_kids_);
    kids->push_back(first);
    while (accept_punct(',')) kids->push_back(expression(b));
    if (!accept_punct(')')) {
      bad(start);
      skip_to_close();
    }
    const int n = make(NodeKind::kRow, start, first_column);
    node(n).kids_begin = static_cast<int>(kids_.size());
    kids.move_to(kids_);
    node(n).kids_end = static_cast<int>(kids_.size());
    return finish(n);
  }
  if (!accept_punct(')')) {
    const int wrong = bad(start);
    skip_to_close();
    return wrong;
  }
  return first;
}

int Parser::subquery(int b, NodeKind kind, int start) {
  const int first_column = static_cast<int>(columns_.size());
  const size_t first_outer = outer_.size();
  if (!accept_punct('(')) return bad(start);
  const int inner = new_block(b);
  ++query_level_;
  query(inner);
  --query_level_;
  if (!accept_punct(')')) {
    if (at_text_end()) hit_end_ = true;
    partial("a subquery was not understood to its end");
    ++bad_nodes_;
    skip_to_close();
  }
  // Columns of tables outside the subquery are read by the expression it stands in.
  const std::vector<TableRef>& tables = block(inner).tables;
  if (tables.size() <= 32) {
    for (size_t i = first_outer; i < outer_.size(); ++i) {
      const std::string qualifier = name_at(outer_[i].qualifier);
      const bool inside = std::any_of(tables.begin(), tables.end(), [&](const TableRef& t) { return same_name(t.called(), qualifier); });
      if (!inside) columns_.push_back(outer_[i]);
    }
  }
  outer_.resize(first_outer);
  const int n = make(kind, start, first_column);
  node(n).block = inner;
  return n;
}

int Parser::column_or_call(int b) {
  const int start = here();
  const int first_column = static_cast<int>(columns_.size());
  if (!is_name() && !(sqlite() && is_string())) return bad(start);
  int parts = 1;
  int qualifier = -1, name = here();
  const bool bare_word = tok().kind == TokenKind::kWord;
  advance();
  while (is_punct('.')) {
    if (is_op("*", 1)) {
      const int n = make(NodeKind::kStar, start, first_column);
      columns_.push_back({name, here() + 1});
      node(n).column = first_column;
      advance();
      advance();
      return finish(n);
    }
    if (!is_name(1) && tok(1).kind != TokenKind::kNumber && !(sqlite() && is_string(1))) break;
    advance();
    qualifier = name;
    name = here();
    ++parts;
    advance();
  }
  if (is_punct('(')) {
    const int n = make(NodeKind::kCall, start, first_column);
    node(n).name = name;
    return call(b, n);
  }
  if (parts == 1 && bare_word) {
    const std::string_view word = tokens_[static_cast<size_t>(name)].text;
    const bool numbered =
        postgres() && tok().kind == TokenKind::kPlaceholder && tok().text.front() == '$';  // date $1, as pg_stat_statements has it
    if (is_string() || numbered) {                                                         // int4 '0', date '2020-01-01'
      const bool typed = numbered || postgres() || iequals(word, "date") || iequals(word, "time") || iequals(word, "timestamp");
      if (typed) {
        const int n = make(NodeKind::kValue, start, first_column);
        node(n).slot = tok().slot;
        advance();
        return finish(n);
      }
    }
    if (mysql_ && word.front() == '_' && is_value()) {  // _latin1 X'4D'
      const int n = make(NodeKind::kValue, start, first_column);
      node(n).slot = tok().slot;
      advance();
      return finish(n);
    }
    if (iequals(word, "double") && iequals(tok().text, "precision") && is_string(1)) {
      const int n = make(NodeKind::kValue, start, first_column);
      node(n).slot = tok(1).slot;
      advance();
      advance();
      return finish(n);
    }
    if (is_session_word(word) || (postgres() && iequals(word, "user"))) return make(NodeKind::kOther, start, first_column);
  }
  columns_.push_back({qualifier, name});
  const int n = make(NodeKind::kColumn, start, first_column);
  node(n).column = first_column;
  return finish(n);
}

int Parser::postfix(int b, int n, int start) {
  for (;;) {
    if (is_op("::")) {
      advance();
      type_name();
      if (node(n).kind == NodeKind::kValue) {
        node(n).end = here();
        continue;
      }
      const int cast = make(NodeKind::kCast, start, node(n).columns_begin);
      node(cast).left = n;
      n = finish(cast);
    } else if (is_punct('[')) {
      advance();
      const int element = make(NodeKind::kOther, start, node(n).columns_begin);
      node(element).left = n;
      while (!at_end() && !is_punct(']')) {
        const int at = here();
        if (tok().text == ":") {
          advance();
        } else {
          expression(b);
        }
        if (here() == at) break;
      }
      if (!accept_punct(']')) bad(start);
      n = finish(element);
    } else if (is_punct('.') && tok(-1).punct != '.' && (is_name(1) || is_op("*", 1))) {
      advance();
      const bool star = is_op("*");
      advance();
      if (is_punct('(')) skip_parens();
      const int field = make(star ? NodeKind::kStar : NodeKind::kOther, start, node(n).columns_begin);
      node(field).left = n;
      n = finish(field);
    } else {
      return n;
    }
  }
}

void Parser::type_name() {
  accept_word("setof");
  if (!is_name()) return;
  const bool interval = is(Kw::kInterval);
  advance();
  while (is_punct('.') && is_name(1)) {
    advance();
    advance();
  }
  for (;;) {
    if (is_punct('(')) {
      skip_parens();
    } else if (is_punct('[')) {
      advance();
      while (!at_end() && !is_punct(']')) advance();
      accept_punct(']');
    } else if ((is(Kw::kWith) || is(Kw::kWithout)) && is(Kw::kTime, 1) && is(Kw::kZone, 2)) {
      for (int i = 0; i < 3; ++i) advance();
    } else if (is(Kw::kCharacter) && is(Kw::kSet, 1)) {
      for (int i = 0; i < 3; ++i) advance();
    } else if (interval && tok().kind == TokenKind::kWord && is_interval_unit(tok().text)) {
      interval_unit();
    } else if (is_op("%") && is(Kw::kType, 1)) {
      advance();
      advance();
    } else if (is_word("precision") || is_word("varying") || is_word("unsigned") || is_word("signed") || is_word("zerofill") ||
               is(Kw::kArray) ||
               (mysql_ && (is_word("integer") || is_word("int") || is_word("ascii") || is_word("unicode") || is_word("byte") ||
                           is_word("charset") || is_word("char") || is(Kw::kBinary)))) {
      const bool charset = is_word("charset");
      advance();
      if (charset) advance();
    } else {
      return;
    }
  }
}

}  // namespace dbaudit::sql_parser
