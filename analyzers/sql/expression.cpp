// Expressions → nodes, by operator precedence. Nodes are a scratch pad: a clause parses its expression, predicate.cpp turns the nodes into
// facts, and release() forgets them. Columns are kept in one list in text order, so that "every column this expression reads" is a
// range of it and no tree is ever walked. Chains of one precedence level are loops; only brackets, subqueries and prefix operators recurse,
// and Deeper counts them.
//
// One precedence table serves three dialects (PostgreSQL 4.1.6, MySQL 12.4.1, SQLite lang_expr): where they disagree the operators mean the
// same to us, but for `||` and `&&`, which the dialect decides.

#include <string_view>

#include "analyzers/base/text.h"
#include "analyzers/sql/parser_internal.h"

namespace dbaudit::sql_parser {

CompareOp comparison(std::string_view op) {
  if (op == "=" || op == "==") return CompareOp::kEq;
  if (op == "<>" || op == "!=") return CompareOp::kNe;
  if (op == "<") return CompareOp::kLt;
  if (op == "<=") return CompareOp::kLe;
  if (op == ">") return CompareOp::kGt;
  if (op == ">=") return CompareOp::kGe;
  if (op == "<=>") return CompareOp::kNullSafeEq;
  return CompareOp::kOther;
}

int Parser::make(NodeKind kind, int start, int columns_begin) {
  Node n;
  n.kind = kind;
  n.begin = start;
  n.end = here();
  n.columns_begin = columns_begin;
  n.columns_end = static_cast<int>(columns_.size());
  nodes_.push_back(n);
  return static_cast<int>(nodes_.size()) - 1;
}

int Parser::finish(int n) {
  Node& it = node(n);
  it.end = here();
  it.columns_end = static_cast<int>(columns_.size());
  auto inherit = [&](int child) {
    if (child < 0) return;
    it.reads_now |= node(child).reads_now;
    it.aggregate |= node(child).aggregate;
  };
  inherit(it.left);
  inherit(it.right);
  inherit(it.third);
  for (int k = it.kids_begin; k < it.kids_end; ++k) inherit(kids_[static_cast<size_t>(k)]);
  return n;
}

int Parser::bad(int start) {
  if (at_text_end()) {
    hit_end_ = true;
    partial("the text ends inside an expression");
  } else {
    partial("unexpected `" + std::string(tok().text.substr(0, 40)) + "` in an expression");
  }
  ++bad_nodes_;
  return make(NodeKind::kBad, start, static_cast<int>(columns_.size()));
}

void Parser::release(const Mark& m) {
  if (query_level_ > 0) {
    for (size_t i = m.columns; i < columns_.size(); ++i) {
      if (columns_[i].qualifier >= 0) outer_.push_back(columns_[i]);
    }
  }
  nodes_.resize(m.nodes);
  kids_.resize(m.kids);
  columns_.resize(m.columns);
}

int Parser::expression(int b, int min_power) {
  Deeper level(*this);
  const int start = here();
  if (level.too_deep()) {
    partial("nested too deeply");
    ++bad_nodes_;
    while (!at_end() && !is_punct(')')) {
      if (is_punct('(')) {
        skip_parens();
      } else {
        advance();
      }
    }
    if (at_text_end()) hit_end_ = true;
    return make(NodeKind::kBad, start, static_cast<int>(columns_.size()));
  }
  int left = operand(b);
  if (node(left).kind == NodeKind::kBad) return left;
  for (bool done = false; !done && node(left).kind != NodeKind::kBad;) left = infix(b, left, start, min_power, done);
  return left;
}

int Parser::in_list(int b, int left, int start, bool negated) {
  const int n = make(NodeKind::kIn, start, node(left).columns_begin);
  node(n).left = left;
  node(n).negated = negated;
  if (is_punct('(')) {
    const int at = here();
    int right;
    if (query_in_parens()) {
      right = subquery(b, NodeKind::kSubquery, at);
    } else {
      const int list = make(NodeKind::kRow, at, static_cast<int>(columns_.size()));
      advance();
      right = arguments(b, list);
      const Node& it = node(right);
      if (it.kids_end - it.kids_begin == 1) {
        const int only = kids_[static_cast<size_t>(it.kids_begin)];
        if (node(only).kind == NodeKind::kValue || node(only).kind == NodeKind::kSubquery) right = only;
      }
    }
    node(n).right = right;
    return finish(n);
  }
  if ((sqlite() || lenient()) && is_name()) {  // x IN table
    ObjectName table;
    parse_object_name(table);
    const int inner = new_block(b);
    const int sub = make(NodeKind::kSubquery, here(), static_cast<int>(columns_.size()));
    if (is_punct('(')) {
      advance();
      arguments(b, sub);
    } else {
      TableRef ref;
      ref.is_cte = cte_in_scope(table);
      ref.name = std::move(table);
      block(inner).tables.push_back(std::move(ref));
    }
    node(sub).block = inner;
    node(n).right = sub;
    return finish(n);
  }
  const int right = expression(b, kAnyOperator);  // IN ?, IN %s; position('a' IN b)
  node(n).right = right;
  if (node(right).kind != NodeKind::kValue) node(n).kind = NodeKind::kOther;
  return finish(n);
}

int Parser::infix(int b, int left, int start, int min_power, bool& done) {
  const Tok& t = tok();
  auto binary = [&](NodeKind kind, int power) {
    advance();
    const int right = expression(b, power + 1);
    const int n = make(kind, start, node(left).columns_begin);
    node(n).left = left;
    node(n).right = right;
    return finish(n);
  };
  auto chain = [&](NodeKind kind, int power, auto&& continues) {
    Scratch<int> kids(spare_kids_);
    kids->push_back(left);
    while (continues()) {
      advance();
      kids->push_back(expression(b, power + 1));
    }
    const int n = make(kind, start, node(left).columns_begin);
    node(n).kids_begin = static_cast<int>(kids_.size());
    kids.move_to(kids_);
    node(n).kids_end = static_cast<int>(kids_.size());
    return finish(n);
  };
  auto is_and = [&] { return is(Kw::kAnd) || (mysql_ && is_op("&&")); };
  auto is_or = [&] { return is(Kw::kOr) || (mysql_ && !dialect_.pipes_concat && is_op("||")); };
  auto stop = [&] {
    done = true;
    return left;
  };

  if (is_and()) return min_power > kAndPower ? stop() : chain(NodeKind::kAnd, kAndPower, is_and);
  if (is_or()) return min_power > kOrPower ? stop() : chain(NodeKind::kOr, kOrPower, is_or);

  // `::jsonb ? 'key'`: behind a complete operand a `?` is PostgreSQL's operator.
  const bool question = postgres() && t.kind == TokenKind::kPlaceholder && t.text == "?";
  if (t.kind == TokenKind::kOperator || question) {
    const std::string_view op = t.text;
    const CompareOp compare = comparison(op);
    if (compare != CompareOp::kOther) {
      if (min_power > kComparePower) return stop();
      if ((is(Kw::kAny, 1) || is(Kw::kAll, 1) || is(Kw::kSome, 1)) && is_punct('(', 2)) {
        advance();
        const bool all = is(Kw::kAll);
        advance();
        const int at = here();
        const int right = query_in_parens() ? subquery(b, NodeKind::kSubquery, at) : paren(b);
        const int n = make(NodeKind::kAny, start, node(left).columns_begin);
        node(n).left = left;
        node(n).right = right;
        node(n).op = compare;
        node(n).negated = all;
        return finish(n);
      }
      const int n = binary(NodeKind::kCompare, kComparePower);
      node(n).op = compare;
      return n;
    }
    int power = kAnyOperator;
    if (op == ":=" || op == "=>" || op == ":") {
      if (op == ":") return stop();
      power = kAssign;
    } else if (op == "+" || op == "-") {
      if (min_power > kAdditive) return stop();
      const bool minus = op == "-";
      const int n = binary(NodeKind::kSum, kAdditive);
      node(n).negated = minus;
      return n;
    } else if (op == "*" || op == "/" || op == "%") {
      power = kMultiplicative;
    } else if (op == "^") {
      power = kCaret;
    } else if (op == "||" && sqlite()) {
      power = kConcat;
    } else if ((op == "->" || op == "->>") && !postgres()) {
      power = kTight;
    } else if (op == "::") {
      return stop();
    }
    if (min_power > power) return stop();
    if ((is(Kw::kAny, 1) || is(Kw::kAll, 1) || is(Kw::kSome, 1)) && is_punct('(', 2)) advance();
    return binary(NodeKind::kOther, power);
  }
  if (t.kind != TokenKind::kWord) return stop();

  bool negated = false;
  int ahead = 0;
  if (t.kw == Kw::kNot) {
    negated = true;
    ahead = 1;
  }
  switch (kw(ahead)) {
    case Kw::kIs: {
      if (negated || min_power > kComparePower) return stop();
      advance();
      const bool is_not = accept(Kw::kNot);
      if (accept(Kw::kNull)) {
        const int n = make(NodeKind::kIsNull, start, node(left).columns_begin);
        node(n).left = left;
        node(n).negated = is_not;
        return finish(n);
      }
      int right = -1;
      bool null_safe = false;
      if (accept(Kw::kDistinct)) {
        accept(Kw::kFrom);
        right = expression(b, kComparePower + 1);
        null_safe = is_not;
      } else if (is_word("true") || is_word("false") || is(Kw::kUnknown) || is(Kw::kDocument) || is(Kw::kNormalized)) {
        advance();
      } else if ((is_word("nfc") || is_word("nfd") || is_word("nfkc") || is_word("nfkd")) && is(Kw::kNormalized, 1)) {
        advance();
        advance();
      } else if (is(Kw::kOf) && is_punct('(', 1)) {
        advance();
        skip_parens();
      } else if (is(Kw::kJson) && !sqlite()) {
        advance();
        while (tok().kind == TokenKind::kWord && (is(Kw::kValue) || is(Kw::kArray) || is_word("object") || is_word("scalar") ||
                                                  is(Kw::kWith) || is(Kw::kWithout) || is(Kw::kUnique) || is(Kw::kKeys)))
          advance();
      } else {
        right = expression(b, kComparePower + 1);  // SQLite: a IS b
        null_safe = !is_not;
      }
      const int n = make(null_safe ? NodeKind::kCompare : NodeKind::kOther, start, node(left).columns_begin);
      node(n).left = left;
      node(n).right = right;
      if (null_safe) node(n).op = CompareOp::kNullSafeEq;
      return finish(n);
    }
    case Kw::kNull:
      if (!negated || mysql_ || postgres() || min_power > kComparePower) return stop();
      advance();
      advance();
      {
        const int n = make(NodeKind::kIsNull, start, node(left).columns_begin);
        node(n).left = left;
        node(n).negated = true;
        return finish(n);
      }
    case Kw::kIsnull:
    case Kw::kNotnull: {
      if (negated || mysql_ || min_power > kComparePower) return stop();
      const bool not_null = is(Kw::kNotnull);
      advance();
      const int n = make(NodeKind::kIsNull, start, node(left).columns_begin);
      node(n).left = left;
      node(n).negated = not_null;
      return finish(n);
    }
    case Kw::kIn:
      if (min_power > kComparePower) return stop();
      if (negated) advance();
      advance();
      return in_list(b, left, start, negated);
    case Kw::kBetween: {
      if (min_power > kComparePower) return stop();
      if (negated) advance();
      advance();
      if (!accept(Kw::kSymmetric)) accept(Kw::kAsymmetric);
      const int low = expression(b, kAnyOperator);
      if (!accept(Kw::kAnd)) return bad(start);
      const int high = expression(b, kAnyOperator);
      const int n = make(NodeKind::kBetween, start, node(left).columns_begin);
      node(n).left = left;
      node(n).right = low;
      node(n).third = high;
      node(n).negated = negated;
      return finish(n);
    }
    case Kw::kSimilar:
      if (!is(Kw::kTo, ahead + 1)) return stop();
      [[fallthrough]];
    case Kw::kLike:
    case Kw::kIlike:
    case Kw::kRlike:
    case Kw::kRegexp:
    case Kw::kGlob:
    case Kw::kMatch: {
      if (min_power > kComparePower) return stop();
      if (kw(ahead) == Kw::kMatch && !sqlite() && !lenient()) return stop();
      const bool like = kw(ahead) == Kw::kLike;
      if (negated) advance();
      if (is(Kw::kSimilar)) advance();
      advance();
      bool any = false;
      if ((is(Kw::kAny) || is(Kw::kAll) || is(Kw::kSome)) && is_punct('(', 1)) {
        any = true;
        advance();
      }
      const int right = expression(b, kAnyOperator);
      if (accept(Kw::kEscape)) expression(b, kAnyOperator);
      const int n = make(like && !any ? NodeKind::kLike : NodeKind::kOther, start, node(left).columns_begin);
      node(n).left = left;
      node(n).right = right;
      node(n).negated = negated;
      return finish(n);
    }
    default: break;
  }
  if (negated) return stop();
  switch (t.kw) {
    case Kw::kXor: return mysql_ && min_power <= kXorPower ? binary(NodeKind::kOther, kXorPower) : stop();
    case Kw::kDiv:
    case Kw::kMod: return !postgres() && !sqlite() && min_power <= kMultiplicative ? binary(NodeKind::kOther, kMultiplicative) : stop();
    case Kw::kCollate: {
      if (min_power > kCollatePower) return stop();
      advance();
      if (is_name() || is_string()) advance();
      while (is_punct('.') && is_name(1)) {
        advance();
        advance();
      }
      if (node(left).kind == NodeKind::kValue) {
        node(left).end = here();
        return left;
      }
      const int n = make(NodeKind::kCast, start, node(left).columns_begin);
      node(n).left = left;
      return finish(n);
    }
    case Kw::kAt: {
      const bool zone = is(Kw::kTime, 1) && is(Kw::kZone, 2);
      if ((!zone && !is(Kw::kLocal, 1)) || min_power > kCollatePower) return stop();
      advance();
      advance();
      const int n = make(NodeKind::kOther, start, node(left).columns_begin);
      node(n).left = left;
      if (zone) {
        advance();
        const int right = expression(b, kCollatePower + 1);
        node(n).right = right;
      }
      return finish(n);
    }
    case Kw::kOverlaps: return min_power <= kComparePower ? binary(NodeKind::kOther, kComparePower) : stop();
    case Kw::kSounds:
      if (!is(Kw::kLike, 1) || min_power > kComparePower) return stop();
      advance();
      return binary(NodeKind::kOther, kComparePower);
    case Kw::kMember:
      if (!(is(Kw::kOf, 1) || is_punct('(', 1)) || !mysql_ || min_power > kComparePower) return stop();
      if (is(Kw::kOf, 1)) advance();
      return binary(NodeKind::kOther, kComparePower);
    case Kw::kOperator: {
      if (!is_punct('(', 1) || !postgres()) return stop();
      const int close = closes_[static_cast<size_t>(here() + 1)];
      if (close < 0) return bad(start);
      const CompareOp compare = comparison(tokens_[static_cast<size_t>(close - 1)].text);
      const int power = kAnyOperator;
      if (min_power > power) return stop();
      while (here() < close) advance();
      const bool any = (is(Kw::kAny, 1) || is(Kw::kAll, 1) || is(Kw::kSome, 1)) && is_punct('(', 2);
      if (any) advance();
      const int n = binary(compare == CompareOp::kOther || any ? NodeKind::kOther : NodeKind::kCompare, power);
      node(n).op = compare;
      return n;
    }
    default: return stop();
  }
}

}  // namespace dbaudit::sql_parser
