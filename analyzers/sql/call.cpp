// Function calls: arguments with the words that standard functions put between them, FILTER, OVER, WITHIN GROUP; and which functions are
// clocks, aggregates or locks.

#include <algorithm>
#include <string_view>

#include "analyzers/base/text.h"
#include "analyzers/sql/parser_internal.h"

namespace dbaudit::sql_parser {
namespace {

bool is_now_function(std::string_view name) {
  static constexpr std::string_view kNames[] = {"now",
                                                "clock_timestamp",
                                                "statement_timestamp",
                                                "transaction_timestamp",
                                                "timeofday",
                                                "sysdate",
                                                "utc_timestamp",
                                                "utc_date",
                                                "utc_time",
                                                "unix_timestamp",
                                                "curdate",
                                                "curtime",
                                                "current_timestamp",
                                                "current_date",
                                                "current_time",
                                                "localtime",
                                                "localtimestamp",
                                                "unixepoch"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view n) { return iequals(n, name); });
}

// SQLite's clocks take 'now' as an argument; the argument is a value, so the template cannot tell it from a fixed date.
bool is_sqlite_date_function(std::string_view name) {
  static constexpr std::string_view kNames[] = {"datetime", "date", "time", "strftime", "julianday"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view n) { return iequals(n, name); });
}

bool is_aggregate(std::string_view name) {
  static constexpr std::string_view kNames[] = {"count",
                                                "sum",
                                                "max",
                                                "min",
                                                "avg",
                                                "total",
                                                "group_concat",
                                                "string_agg",
                                                "array_agg",
                                                "bool_and",
                                                "bool_or",
                                                "every",
                                                "json_agg",
                                                "jsonb_agg",
                                                "bit_and",
                                                "bit_or",
                                                "bit_xor",
                                                "stddev",
                                                "variance",
                                                "json_arrayagg",
                                                "json_objectagg",
                                                "json_object_agg",
                                                "jsonb_object_agg",
                                                "json_group_array",
                                                "json_group_object",
                                                "count_big"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view n) { return iequals(n, name); });
}

// ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE NO OTHERS
bool is_frame_word(Kw k) {
  switch (k) {
    case Kw::kRows:
    case Kw::kRange:
    case Kw::kGroups:
    case Kw::kBetween:
    case Kw::kAnd:
    case Kw::kUnbounded:
    case Kw::kPreceding:
    case Kw::kFollowing:
    case Kw::kCurrent:
    case Kw::kRow:
    case Kw::kExclude:
    case Kw::kNo:
    case Kw::kOthers:
    case Kw::kTies:
    case Kw::kGroup: return true;
    default: return false;
  }
}

}  // namespace

int Parser::column_or_call_at(int b, int name) {
  pos_ = static_cast<size_t>(name);
  const int n = make(NodeKind::kCall, name, static_cast<int>(columns_.size()));
  node(n).name = name;
  advance();
  return call(b, n);
}

int Parser::call(int b, int n) {
  const std::string_view name = tokens_[static_cast<size_t>(node(n).name)].text;
  const int start = node(n).begin;
  advance();  // (
  if (iequals(name, "extract") && is_name() && is(Kw::kFrom, 1)) {
    advance();
  } else if ((iequals(name, "timestampdiff") || iequals(name, "timestampadd") || iequals(name, "get_format")) && is_name() &&
             is_punct(',', 1)) {
    advance();
  } else if (!postgres() && iequals(name, "convert")) {  // CONVERT(e, type), CONVERT(e USING charset)
    const int inner = expression(b);
    if (accept_punct(',')) {
      type_name();
    } else if (accept(Kw::kUsing)) {
      type_name();
    }
    if (!accept_punct(')')) skip_to_close();
    node(n).kind = NodeKind::kCast;
    node(n).left = inner;
    return finish(n);
  }
  if (mysql_ && is_name() && (iequals(name, "nextval") || iequals(name, "lastval") || iequals(name, "setval"))) {
    sequence(b, start);
    accept_punct(',');
  }
  arguments(b, n);
  if (postgres() && is_string() && tok(-1).punct == ')') {  // numeric(10, 2) '1.5'
    node(n).kind = NodeKind::kValue;
    node(n).slot = tok().slot;
    advance();
    return finish(n);
  }
  const bool windowed = [&] {
    bool over = false;
    for (;;) {
      if (is(Kw::kFilter) && is_punct('(', 1)) {
        advance();
        advance();
        accept(Kw::kWhere);
        expression(b);
        expect_punct(')');
      } else if (is(Kw::kWithin) && is(Kw::kGroup, 1) && is_punct('(', 2)) {
        advance();
        advance();
        advance();
        arguments(b, n);
      } else if ((is(Kw::kIgnore) || is_word("respect")) && is(Kw::kNulls, 1)) {
        advance();
        advance();
      } else if (is(Kw::kFrom) && (is(Kw::kFirst, 1) || is(Kw::kLast, 1)) &&
                 (is(Kw::kOver, 2) || is(Kw::kIgnore, 2) || is_word("respect", 2))) {
        advance();
        advance();
      } else if (is(Kw::kOver) && (is_punct('(', 1) || (is_name(1) && can_be_table_alias(kw(1), dialect_.engine)))) {
        over_clause(b);
        over = true;
      } else {
        return over;
      }
    }
  }();
  const bool qualified = node(n).name != start && tokens_[static_cast<size_t>(node(n).name - 1)].punct == '.';
  if (is_now_function(name) && node(n).columns_begin == static_cast<int>(columns_.size())) {
    node(n).kind = NodeKind::kNow;
    node(n).reads_now = true;
  } else if (sqlite() && is_sqlite_date_function(name) && node(n).columns_begin == static_cast<int>(columns_.size())) {
    node(n).kind = NodeKind::kNow;
    node(n).reads_now = true;
  } else if (windowed) {
    finish(n);
    node(n).kind = NodeKind::kOther;
    node(n).aggregate = false;
    return n;
  } else if (is_aggregate(name) && !qualified) {
    const Node& it = node(n);
    // MAX(a, b) and MIN(a, b) of SQLite are scalar.
    node(n).aggregate = !(sqlite() && it.kids_end - it.kids_begin > 1 && (iequals(name, "max") || iequals(name, "min")));
  }
  finish(n);
  advisory_call(node(n));
  return n;
}

// After `(`. A list of expressions with the words that functions of the standard put between them (DISTINCT, FROM, FOR, AS type, ORDER BY,
// SEPARATOR, …): the words are skipped, the expressions are read.
int Parser::arguments(int b, int n) {
  Scratch<int> kids(spare_kids_);
  bool after_expression = false;
  bool closed = false;
  while (!at_end()) {
    if (accept_punct(')')) {
      closed = true;
      break;
    }
    if (accept_punct(',')) {
      after_expression = false;
      continue;
    }
    if (!after_expression) {
      if (is(Kw::kSelect) || is(Kw::kWith) || (is(Kw::kValues) && is_punct('(', 1) && !values_is_function())) {
        const int start = here();
        const size_t first_outer = outer_.size();
        const int inner = new_block(b);
        ++query_level_;
        query(inner);
        --query_level_;
        outer_.resize(first_outer);
        const int sub = make(NodeKind::kSubquery, start, static_cast<int>(columns_.size()));
        node(sub).block = inner;
        kids->push_back(sub);
        after_expression = true;
        continue;
      }
      if (is(Kw::kOrder) && is(Kw::kBy, 1)) {
        advance();
        advance();
        continue;
      }
      const bool word_before_expression = (is(Kw::kDistinct) || is(Kw::kAll) || is(Kw::kVariadic) || is(Kw::kBoth) || is(Kw::kLeading) ||
                                           is(Kw::kTrailing) || is(Kw::kFrom)) &&
                                          !is_punct(')', 1) && !is_punct(',', 1);
      if (word_before_expression) {
        advance();
        continue;
      }
      if (is_name() && (is_op("=>", 1) || (postgres() && is_op(":=", 1)))) {
        advance();
        advance();
        continue;
      }
      const int at = here();
      kids->push_back(expression(b));
      if (here() == at) break;
      after_expression = true;
      continue;
    }
    if (tok().kind == TokenKind::kWord || tok().text == ":") {
      const Kw word = kw();
      advance();
      if (word == Kw::kColumns) {  // JSON_TABLE, XMLTABLE: names and types
        if (is_punct('(')) {
          skip_parens();
        } else {
          skip_to_close();
          closed = true;
          break;
        }
        continue;
      }
      if (word == Kw::kUsing && tok().kind == TokenKind::kOperator) {  // ORDER BY c USING <
        advance();
        continue;
      }
      if (word == Kw::kAs) {
        if (is_punct('(')) skip_parens();  // ROWS FROM (f() AS (a int))
        type_name();
      } else if (word == Kw::kUsing) {
        if (is_name()) advance();
      } else if (word == Kw::kAsc || word == Kw::kDesc || word == Kw::kMode || word == Kw::kNulls || word == Kw::kFirst ||
                 word == Kw::kLast) {
        // after an ordering: nothing follows but more such words
      } else {
        if (word == Kw::kOrder || word == Kw::kGroup) accept(Kw::kBy);
        if (is_value() || (is_name() && can_be_operand_name(kw(), dialect_.engine)) || is(Kw::kSelect) || is_punct('(') ||
            tok().kind == TokenKind::kVariable || tok().kind == TokenKind::kOperator) {
          after_expression = false;
        }
      }
      continue;
    }
    break;
  }
  if (!closed) {
    bad(here());
    skip_to_close();
  }
  Node& it = node(n);
  if (it.kids_end > it.kids_begin) {  // WITHIN GROUP: a second list; the first stays
    for (int k : *kids) it.reads_now |= node(k).reads_now;
    return finish(n);
  }
  it.kids_begin = static_cast<int>(kids_.size());
  kids.move_to(kids_);
  it.kids_end = static_cast<int>(kids_.size());
  return finish(n);
}

void Parser::over_clause(int b) {
  advance();
  if (!accept_punct('(')) {
    advance();
    return;
  }
  if (is_name() && !is(Kw::kPartition) && !is(Kw::kOrder) && !is(Kw::kRows) && !is(Kw::kRange) && !is(Kw::kGroups)) advance();
  while (!at_end() && !is_punct(')')) {
    const int at = here();
    if (accept(Kw::kPartition) || accept(Kw::kOrder)) {
      accept(Kw::kBy);
      do {
        expression(b);
        while (is(Kw::kAsc) || is(Kw::kDesc) || is(Kw::kNulls) || is(Kw::kFirst) || is(Kw::kLast) ||
               (is(Kw::kUsing) && tok(1).kind == TokenKind::kOperator)) {
          if (accept(Kw::kUsing)) {
            advance();
          } else {
            advance();
          }
        }
      } while (accept_punct(','));
    } else if (is_frame_word(kw()) && !is_punct('.', 1)) {
      advance();
    } else {
      expression(b, kAnyOperator);
    }
    if (here() == at) break;
  }
  if (!accept_punct(')')) {
    bad(here());
    skip_to_close();
  }
}

}  // namespace dbaudit::sql_parser
