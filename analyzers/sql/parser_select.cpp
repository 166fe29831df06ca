// Queries: SELECT, VALUES and TABLE, their set operations, CTEs, FROM trees, and the clauses after them. Each query expression fills one
// QueryBlock; a union's branches are blocks of their own. Facts are written clause by clause; a clause that the text's end left open
// is taken back (cut()).

#include <algorithm>
#include <iterator>

#include "analyzers/base/text.h"
#include "analyzers/sql/parser_internal.h"

namespace dbaudit::sql_parser {

int Parser::new_block(int parent) {
  QueryBlock q;
  q.parent = parent;
  facts_.blocks.push_back(std::move(q));
  from_known_.push_back(true);
  return static_cast<int>(facts_.blocks.size()) - 1;
}

void Parser::forget_blocks(size_t count) {
  facts_.blocks.resize(count);
  from_known_.resize(count);
  const auto first =
      std::find_if(facts_.writes.begin(), facts_.writes.end(), [&](const Write& w) { return w.block >= static_cast<int>(count); });
  facts_.writes.erase(first, facts_.writes.end());
  pos_ = tokens_.size() - 1;  // the few tokens left belong to what was cut
}

bool Parser::at_query() const {
  return is(Kw::kSelect) || is(Kw::kWith) || is(Kw::kValues) || is(Kw::kTable) || (is_punct('(') && query_in_parens());
}

// `(SELECT …)`, `((SELECT …))` and `((SELECT …) UNION …)` are queries, `((SELECT …) + 1)` is an expression: what follows the innermost
// closing bracket tells.
bool Parser::query_in_parens(int ahead) const {
  size_t at = pos_ + static_cast<size_t>(ahead);
  const size_t outermost = at;
  while (at < tokens_.size() && tokens_[at].punct == '(') ++at;
  if (at == outermost || at >= tokens_.size()) return false;
  const Kw k = tokens_[at].kw;
  const bool values = k == Kw::kValues && !values_is_function() && (tokens_[at + 1].punct == '(' || tokens_[at + 1].kw == Kw::kRow);
  if (k != Kw::kSelect && k != Kw::kWith && !values && !(k == Kw::kTable && tokens_[at + 1].punct != ')')) return false;
  for (size_t open = at - 1; open > outermost; --open) {
    const int close = closes_[open];
    if (close < 0) return true;
    const Tok& next = tokens_[static_cast<size_t>(close) + 1];
    if (next.punct == ')') continue;
    switch (next.kw) {
      case Kw::kUnion:
      case Kw::kIntersect:
      case Kw::kExcept:
      case Kw::kMinus:
      case Kw::kOrder:
      case Kw::kLimit:
      case Kw::kOffset:
      case Kw::kFetch:
      case Kw::kFor: return true;
      default: return false;
    }
  }
  return true;
}

// A first branch in brackets has its own ORDER BY and LIMIT: the set operation becomes a block around it.
int Parser::wrap(int b, size_t first_inside) {
  const int n = new_block(b);
  QueryBlock& inner = block(n);
  QueryBlock& outer = block(b);
  inner = std::move(outer);
  outer = QueryBlock{};
  outer.parent = inner.parent;
  outer.cte_name = std::move(inner.cte_name);
  outer.is_union_branch = inner.is_union_branch;
  inner.parent = b;
  inner.cte_name = Name();
  inner.is_union_branch = true;
  for (size_t i = first_inside; i < facts_.blocks.size(); ++i) {
    if (static_cast<int>(i) != n && facts_.blocks[i].parent == b) facts_.blocks[i].parent = n;
  }
  from_known_[static_cast<size_t>(n)] = from_known_[static_cast<size_t>(b)];
  return n;
}

void Parser::query(int b) {
  Deeper level(*this);
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
    return;
  }
  const size_t scope = ctes_.size();
  if (is(Kw::kWith)) with_clause(b);
  bool bracketed = is_punct('(');
  const size_t blocks = facts_.blocks.size();
  query_primary(b);
  while (is(Kw::kUnion) || is(Kw::kIntersect) || is(Kw::kExcept) || is(Kw::kMinus)) {
    advance();
    if (bracketed) wrap(b, blocks);
    bracketed = false;
    if (!accept(Kw::kAll) && !accept(Kw::kDistinct)) accept(Kw::kDistinctrow);
    if (accept_word("corresponding") && is_punct('(')) skip_parens();
    const int branch = new_block(b);
    block(branch).is_union_branch = true;
    query_primary(branch);
  }
  if (bracketed && cut()) {
    const int parent = block(b).parent;
    const Name cte_name = block(b).cte_name;
    block(b) = QueryBlock{};  // a UNION may follow, and then this is its first branch
    block(b).parent = parent;
    block(b).cte_name = cte_name;
    forget_blocks(blocks);
  }
  query_tail(b);
  ctes_.resize(scope);
}

void Parser::query_primary(int b) {
  if (is_punct('(')) {
    advance();
    query(b);
    if (!accept_punct(')')) {
      if (at_text_end()) hit_end_ = true;
      partial("a query in brackets was not understood to its end");
      skip_to_close();
    }
    return;
  }
  if (accept(Kw::kSelect)) return select_core(b);
  if (is(Kw::kValues)) return values_rows(b);
  if (accept(Kw::kTable)) {
    TableRef t;
    accept(Kw::kOnly);
    if (!parse_object_name(t.name)) return resynchronise("a table name is missing");
    accept_op("*");
    t.is_cte = cte_in_scope(t.name);
    SelectItem star;
    star.column.name = "*";
    if (cut()) return;
    block(b).tables.push_back(std::move(t));
    block(b).items.push_back(std::move(star));
    return;
  }
  if (at_text_end()) {
    hit_end_ = true;
    return;
  }
  partial("a query was expected at `" + std::string(tok().text.substr(0, 40)) + "`");
}

void Parser::select_core(int b) {
  for (bool more = true; more;) {
    more = false;
    if (accept(Kw::kAll) || accept(Kw::kStraightJoin)) more = true;
    if (mysql_ && (accept(Kw::kHighPriority) || accept(Kw::kLowPriority) || accept(Kw::kDelayed))) more = true;
    if (mysql_ && tok().kind == TokenKind::kWord && istarts_with(tok().text, "sql_") && !is_punct('.', 1) && !is_punct(',', 1) &&
        !is(Kw::kFrom, 1)) {
      advance();
      more = true;
    }
    if (accept(Kw::kDistinct) || (mysql_ && accept(Kw::kDistinctrow))) {
      block(b).distinct = true;
      if (is(Kw::kOn) && is_punct('(', 1)) {
        advance();
        const Mark m = mark();
        paren(b);
        release(m);
      }
      more = true;
    }
  }
  const size_t blocks = facts_.blocks.size();
  select_items(b);
  if (cut()) {
    block(b).items.clear();
    forget_blocks(blocks);
    from_known_[static_cast<size_t>(b)] = false;
    return;
  }
  if (is(Kw::kInto)) into_clause();
  if (is(Kw::kFrom)) from_clause(b);
  for (Kw before = Kw::kFrom; !at_end() && !is_punct(')');) {
    const Kw clause = kw();
    if (!core_clause(b)) break;
    clause_order(before, clause);
    before = clause;
  }
}

// FROM, WHERE, GROUP BY, HAVING, WINDOW: what comes out of its order was not understood.
void Parser::clause_order(Kw before, Kw clause) {
  static constexpr Kw kOrder[] = {Kw::kFrom, Kw::kWhere, Kw::kGroup, Kw::kHaving, Kw::kWindow};
  auto place = [](Kw k) { return std::find(std::begin(kOrder), std::end(kOrder), k) - std::begin(kOrder); };
  if (clause == Kw::kInto || before == Kw::kInto || place(clause) > place(before)) return;
  if (clause == Kw::kFrom && before == Kw::kFrom) return partial("a second FROM");
  partial("clauses out of order");
}

bool Parser::core_clause(int b) {
  switch (kw()) {
    case Kw::kInto: into_clause(); return true;
    case Kw::kFrom: from_clause(b); return true;
    case Kw::kWhere: where_clause(b); return true;
    case Kw::kGroup: {
      advance();
      if (!accept(Kw::kBy)) {
        resynchronise("GROUP without BY");
        return true;
      }
      block(b).has_group_by = true;
      if (!accept(Kw::kAll)) accept(Kw::kDistinct);
      if (is(Kw::kHaving) || is(Kw::kOrder)) return true;
      do {
        const Mark m = mark();
        if (is_word("grouping") && is_word("sets", 1)) {
          advance();
          advance();
          skip_parens();
        } else {
          expression(b);
        }
        release(m);
        if (!accept(Kw::kAsc)) accept(Kw::kDesc);
      } while (accept_punct(','));
      if (is(Kw::kWith) && is(Kw::kRollup, 1)) {
        advance();
        advance();
      }
      return true;
    }
    case Kw::kHaving: {
      advance();
      block(b).has_having = true;
      const size_t blocks = facts_.blocks.size();
      const Mark m = mark();
      const int e = expression(b);
      std::vector<Conjunct> having;
      bool exact = true;
      if (node(e).kind != NodeKind::kBad) add_conjuncts(e, having, exact, false);
      release(m);
      if (cut()) {
        forget_blocks(blocks);
      } else {
        block(b).having = std::move(having);
      }
      return true;
    }
    case Kw::kWindow:
      if (!is(Kw::kAs, 2)) return false;
      advance();
      do {
        if (is_name()) advance();
        accept(Kw::kAs);
        // The definition reads as an OVER clause without its keyword.
        if (is_punct('(')) {
          const Mark m = mark();
          --pos_;
          over_clause(b);
          release(m);
        }
      } while (accept_punct(','));
      return true;
    default: return false;
  }
}

void Parser::select_items(int b) {
  if (at_end() || is_punct(')') || is(Kw::kFrom) || is(Kw::kInto) || is(Kw::kWhere) || is(Kw::kUnion) || is(Kw::kExcept) ||
      is(Kw::kIntersect) || (is(Kw::kGroup) && is(Kw::kBy, 1)) || (is(Kw::kOrder) && is(Kw::kBy, 1)) ||
      (is(Kw::kLimit) && !is_punct('.', 1) && !is_punct(',', 1))) {
    if (at_text_end() && !postgres()) hit_end_ = true;
    return;  // PostgreSQL allows an empty list
  }
  Scratch<SelectItem> items(spare_items_);
  do {
    SelectItem item;
    bool understood = plain_item(b, item.column);
    if (!understood) {
      const Mark m = mark();
      const int e = expression(b);
      understood = node(e).kind != NodeKind::kBad;
      if (understood) item = item_of(e);
      if (b == capture_block_) {
        if (understood && node(e).kind != NodeKind::kStar) {
          captured_.push_back(operand_of(e));
        } else {
          capture_block_ = -1;  // what comes where is not known
          captured_.clear();
        }
      }
      release(m);
    }
    if (is_punct(',')) {
      // no alias
    } else if (accept(Kw::kAs)) {
      if (is_name() || is_string()) {
        item.alias = name_of(here());
        advance();
      }
    } else if ((tok().kind == TokenKind::kWord && tok().slot < 0 && can_be_column_alias(kw(), dialect_.engine) &&
                !(is(Kw::kOperator) && is_punct('(', 1))) ||
               tok().kind == TokenKind::kQuotedName || (is_string() && !postgres())) {
      item.alias = name_of(here());
      advance();
    }
    if (understood) items->push_back(std::move(item));
    if (!understood && !at_end()) {
      skip_to_item_end();
    }
  } while (accept_punct(','));
  items.move_to(block(b).items);
}

// Most items are a column and nothing else: `t.c`, `"c"`, with a comma, AS or FROM behind them. They need no node.
bool Parser::plain_item(int b, ColumnRef& column) {
  if (b == capture_block_ || depth_ >= kMaxDepth) return false;
  const auto names = [](const Tok& t) { return t.kind == TokenKind::kQuotedName || t.kind == TokenKind::kWord; };
  const Tok& first = tok();
  const bool qualified = tok(1).punct == '.';
  if (first.kind != TokenKind::kQuotedName && !(qualified && first.kind == TokenKind::kWord && first.kw == Kw::kNone)) return false;
  if (first.slot >= 0 || (qualified && (!names(tok(2)) || tok(2).slot >= 0))) return false;
  const Tok& next = tok(qualified ? 3 : 1);
  if (next.punct != ',' && next.kw != Kw::kAs && next.kw != Kw::kFrom) return false;
  const ColumnAt at = qualified ? ColumnAt{here(), here() + 2} : ColumnAt{-1, here()};
  if (qualified) column.qualifier = name_of(at.qualifier);
  column.name = name_of(at.name);
  if (qualified && query_level_ > 0) outer_.push_back(at);
  pos_ = static_cast<size_t>(at.name) + 1;
  return true;
}

void Parser::skip_to_item_end() {
  while (!at_end() && !is_punct(',') && !is_punct(')') && !at_clause()) {
    if (is_punct('(')) {
      skip_parens();
    } else {
      advance();
    }
  }
}

void Parser::values_rows(int b) {
  advance();
  bool first = true;
  do {
    accept(Kw::kRow);
    if (!is_punct('(')) {
      if (at_text_end()) hit_end_ = true;
      return partial("VALUES without a row");
    }
    const Mark m = mark();
    const int row = make(NodeKind::kRow, here(), static_cast<int>(columns_.size()));
    advance();
    arguments(b, row);
    if (first && !cut()) {
      const int begin = node(row).kids_begin, end = node(row).kids_end;
      for (int k = begin; k < end; ++k) block(b).items.push_back(item_of(kids_[static_cast<size_t>(k)]));
    }
    first = false;
    release(m);
  } while (accept_punct(','));
}

void Parser::query_tail(int b) {
  for (Kw before = Kw::kNone; !at_end() && !is_punct(')');) {
    const Kw clause = kw();
    if (!tail_clause(b)) break;
    if (clause == before && clause != Kw::kFor) partial("a clause stands twice");
    before = clause;
  }
}

bool Parser::tail_clause(int b) {
  switch (kw()) {
    case Kw::kOrder:
      if (!is(Kw::kBy, 1)) return false;
      order_by(b);
      return true;
    case Kw::kLimit:
    case Kw::kOffset:
    case Kw::kFetch: limit_clause(b); return true;
    case Kw::kFor:
    case Kw::kLock: return lock_clause(b);
    case Kw::kInto: into_clause(); return true;
    case Kw::kProcedure:
      if (!mysql_ || !is_word("analyse", 1)) {
        if (!is(Kw::kAnalyse, 1)) return false;
      }
      advance();
      advance();
      if (is_punct('(')) skip_parens();
      return true;
    default: return false;
  }
}

void Parser::where_clause(int b) {
  advance();
  const size_t blocks = facts_.blocks.size();
  const int bad_before = bad_nodes_;
  const Mark m = mark();
  const int e = expression(b);
  Scratch<Conjunct> where(spare_conjuncts_);
  bool exact = true;
  const bool followed = at_end() || is_punct(')') || at_clause();
  if (!followed) partial("the WHERE was not understood from `" + std::string(tok().text.substr(0, 40)) + "` on");
  if (bad_nodes_ != bad_before || !followed) {
    // What was read of it may stand under an OR that was not.
    Conjunct c;
    Node all = node(e);
    all.columns_begin = static_cast<int>(m.columns);
    all.columns_end = static_cast<int>(columns_.size());
    c.columns = columns_of(all);
    where->push_back(std::move(c));
    exact = false;
    skip_to_clause();
  } else {
    add_conjuncts(e, *where, exact, false);
  }
  release(m);
  block(b).has_where = true;
  if (cut()) {
    forget_blocks(blocks);
    return;
  }
  block(b).where_exact = exact;
  where.move_to(block(b).where);
}

void Parser::order_by(int b) {
  advance();
  advance();
  const size_t blocks = facts_.blocks.size();
  std::vector<OrderItem> order;
  do {
    const Mark m = mark();
    const int e = expression(b);
    OrderItem item;
    const Node& n = node(strip(e));
    if (n.kind == NodeKind::kColumn) item.column = column_ref(n.column);
    release(m);
    if (accept(Kw::kUsing)) {
      item.descending = is_op(">");
      advance();
    }
    if (accept(Kw::kDesc)) {
      item.descending = true;
    } else {
      accept(Kw::kAsc);
    }
    if (accept(Kw::kNulls)) advance();
    order.push_back(std::move(item));
  } while (accept_punct(','));
  if (is(Kw::kWith) && is(Kw::kRollup, 1)) {
    advance();
    advance();
  }
  if (cut()) return forget_blocks(blocks);
  block(b).order_by = std::move(order);
}

void Parser::limit_clause(int b) {
  auto slot_of = [&](int e) {
    const Node& n = node(strip(e));
    return n.kind == NodeKind::kValue ? n.slot : -1;
  };
  const size_t blocks = facts_.blocks.size();
  const Mark m = mark();
  if (accept(Kw::kLimit)) {
    block(b).has_limit = true;
    if (accept(Kw::kAll)) {
      // LIMIT ALL is none
      block(b).has_limit = true;
    } else if (is(Kw::kRows) && is_word("examined", 1)) {  // MariaDB, without a number of rows before it
      advance();
      advance();
      expression(b, 2);
    } else {
      const int first = slot_of(expression(b, 2));
      int limit = first, offset = block(b).offset_slot;
      if (accept_punct(',')) {  // LIMIT offset, count
        offset = first;
        limit = slot_of(expression(b, 2));
      }
      if (!cut()) {
        block(b).limit_slot = limit;
        block(b).offset_slot = offset;
      }
      if (accept(Kw::kRows) && is_word("examined")) {
        advance();
        expression(b, 2);
      }
      if (mysql_ && accept(Kw::kBy)) {
        do {
          expression(b);
        } while (accept_punct(','));
      }
    }
  } else if (accept(Kw::kOffset)) {
    const int offset = slot_of(expression(b, 2));
    if (!accept(Kw::kRows)) accept(Kw::kRow);
    if (!cut()) block(b).offset_slot = offset;
  } else {  // FETCH { FIRST | NEXT } [ n ] { ROW | ROWS } { ONLY | WITH TIES }
    advance();
    block(b).has_limit = true;
    if (!accept(Kw::kFirst)) accept(Kw::kNext);
    if (!is(Kw::kRow) && !is(Kw::kRows)) {
      const int limit = slot_of(expression(b, 8));
      if (!cut()) block(b).limit_slot = limit;
    }
    if (!accept(Kw::kRows)) accept(Kw::kRow);
    if (accept(Kw::kWith)) {
      accept(Kw::kTies);
    } else {
      accept(Kw::kOnly);
    }
  }
  release(m);
  if (cut()) forget_blocks(blocks);
}

bool Parser::lock_clause(int b) {
  LockClause lock;
  if (is(Kw::kLock)) {
    if (!is(Kw::kIn, 1) || !is(Kw::kShare, 2)) return false;
    for (int i = 0; i < 3; ++i) advance();
    accept(Kw::kMode);
    lock.strength = LockStrength::kShare;
  } else {
    advance();
    if (accept(Kw::kUpdate)) {
      lock.strength = LockStrength::kUpdate;
    } else if (accept(Kw::kShare)) {
      lock.strength = LockStrength::kShare;
    } else if (is(Kw::kNo) && is(Kw::kKey, 1) && is(Kw::kUpdate, 2)) {
      for (int i = 0; i < 3; ++i) advance();
      lock.strength = LockStrength::kNoKeyUpdate;
    } else if (is(Kw::kKey) && is(Kw::kShare, 1)) {
      advance();
      advance();
      lock.strength = LockStrength::kKeyShare;
    } else if (is(Kw::kRead) && is(Kw::kOnly, 1)) {
      advance();
      advance();
      return true;
    } else {
      if (at_text_end()) {
        hit_end_ = true;
      } else {
        resynchronise("FOR was not understood");
      }
      return true;
    }
  }
  if (accept(Kw::kOf)) {
    do {
      ObjectName name;
      if (!parse_object_name(name)) break;
      lock.of.push_back(std::move(name.name));
    } while (accept_punct(','));
  }
  if (accept(Kw::kNowait)) {
    lock.wait = LockWait::kNoWait;
  } else if (is(Kw::kSkip) && (is(Kw::kLocked, 1) || tok(1).kind == TokenKind::kEnd)) {
    advance();
    if (!accept(Kw::kLocked)) hit_end_ = true;
    lock.wait = LockWait::kSkipLocked;
  } else if (accept(Kw::kWait)) {
    lock.timed = true;
    if (is_value()) advance();
  }
  if (!cut()) block(b).locks.push_back(std::move(lock));
  return true;
}

// INTO t (PostgreSQL makes a table), INTO @a, @b, INTO OUTFILE 'f' …
void Parser::into_clause() {
  advance();
  if (accept(Kw::kOutfile) || accept(Kw::kDumpfile)) {
    while (!at_end() && !is_punct(')') && !is(Kw::kFrom) && !is(Kw::kFor) && !is(Kw::kLock) && !is(Kw::kUnion)) advance();
    return;
  }
  accept_word("strict");
  if (!accept(Kw::kTemporary)) accept(Kw::kTemp);
  accept(Kw::kUnlogged);
  accept(Kw::kTable);
  ObjectName into;
  int names = 0;
  do {
    if (tok().kind == TokenKind::kVariable || tok().kind == TokenKind::kPlaceholder) {
      advance();
      continue;
    }
    into = ObjectName{};
    if (!parse_object_name(into)) return resynchronise("INTO was not understood");
    ++names;
  } while (accept_punct(','));
  // Several names are variables; a function's body has nothing else.
  if (names == 1 && postgres() && !hidden_ && !cut()) facts_.ddl.edit().table = std::move(into);
}

bool Parser::at_clause() const {
  switch (kw()) {
    case Kw::kFrom:
    case Kw::kWhere:
    case Kw::kHaving:
    case Kw::kUnion:
    case Kw::kIntersect:
    case Kw::kExcept:
    case Kw::kMinus:
    case Kw::kLimit:
    case Kw::kOffset:
    case Kw::kFetch:
    case Kw::kFor:
    case Kw::kInto:
    case Kw::kOn:
    case Kw::kReturning:
    case Kw::kSet:
    case Kw::kValues:
    case Kw::kUsing:
    case Kw::kWhen:
    case Kw::kWindow:
    case Kw::kDo: return true;
    case Kw::kGroup:
    case Kw::kOrder: return is(Kw::kBy, 1);
    case Kw::kLock: return is(Kw::kIn, 1);
    case Kw::kProcedure: return mysql_;
    default: return false;
  }
}

void Parser::skip_to_clause() {
  while (!at_end() && !is_punct(')') && !at_clause()) {
    if (is_punct('(')) {
      skip_parens();
    } else {
      advance();
    }
  }
}

void Parser::resynchronise(std::string_view reason) {
  if (at_text_end()) {
    hit_end_ = true;
    return;
  }
  partial(reason);
  skip_to_clause();
}

}  // namespace dbaudit::sql_parser
