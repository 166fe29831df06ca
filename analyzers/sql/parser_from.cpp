// Where a query gets its rows: CTEs and their scopes, FROM with its joins, derived tables, functions, and what the dialects hang on a table.

#include "analyzers/base/text.h"
#include "analyzers/sql/parser_internal.h"

namespace dbaudit::sql_parser {
namespace {

/// More CTE names than this in scope are not looked up.
constexpr size_t kMaxCtes = 1000;

}  // namespace

void Parser::with_clause(int b) {
  advance();
  const bool recursive = accept(Kw::kRecursive);
  const bool all_visible = recursive || sqlite();
  auto declare = [&](std::string name) {
    if (ctes_.size() < kMaxCtes) {
      ctes_.push_back({std::move(name)});
    } else {
      partial("too many CTEs");
    }
  };
  if (all_visible) {  // a body may name any of them
    size_t at = pos_;
    while (at + 1 < tokens_.size() && (tokens_[at].kind == TokenKind::kWord || tokens_[at].kind == TokenKind::kQuotedName)) {
      declare(name_at(static_cast<int>(at)));
      ++at;
      bool body = false;
      while (at < tokens_.size() && tokens_[at].kind != TokenKind::kEnd && tokens_[at].punct != ',') {
        if (tokens_[at].punct == '(') {
          if (closes_[at] < 0) {
            at = tokens_.size();
            break;
          }
          at = static_cast<size_t>(closes_[at]);
          body = true;
        } else if (body && (tokens_[at].kw == Kw::kSelect || tokens_[at].kw == Kw::kInsert || tokens_[at].kw == Kw::kUpdate ||
                            tokens_[at].kw == Kw::kDelete)) {
          at = tokens_.size();
          break;
        }
        ++at;
      }
      if (at < tokens_.size() && tokens_[at].punct == ',') ++at;
    }
  }
  do {
    if (!is_name()) {
      if (at_text_end()) hit_end_ = true;
      return partial("a CTE without a name");
    }
    std::string name = name_at(here());
    advance();
    if (is_punct('(')) skip_parens();
    if (!accept(Kw::kAs)) {
      if (at_text_end()) hit_end_ = true;
      return partial("a CTE without AS");
    }
    if (accept(Kw::kNot)) accept(Kw::kMaterialized);
    accept(Kw::kMaterialized);
    if (!expect_punct('(')) return;
    const int body = new_block(b);
    block(body).cte_name = name;
    ++query_level_;
    query_or_write(body, false);
    --query_level_;
    if (!accept_punct(')')) {
      if (at_text_end()) hit_end_ = true;
      partial("a CTE was not understood to its end");
      skip_to_close();
    }
    outer_.clear();
    if (!all_visible) declare(std::move(name));
    if (is_word("search")) {  // SEARCH DEPTH FIRST BY a, b SET c
      while (!at_end() && !is(Kw::kSet)) advance();
      advance();
      if (is_name()) advance();
    }
    if (is_word("cycle")) {  // CYCLE a SET b [TO v DEFAULT w] [USING c]
      while (!at_end() && !is(Kw::kSet) && !is(Kw::kRestrict)) advance();
      if (accept(Kw::kSet)) {
        advance();
        if (accept(Kw::kTo)) {
          expression(b);
          if (accept(Kw::kDefault)) expression(b);
        }
        if (accept(Kw::kUsing) && is_name()) advance();
      } else {
        advance();
      }
    }
  } while (accept_punct(','));
}

bool Parser::cte_in_scope(const ObjectName& name) const {
  if (!name.schema.empty()) return false;
  for (const CteName& c : ctes_) {
    if (same_name(c.name, name.name)) return true;
  }
  return false;
}

void Parser::from_clause(int b) {
  advance();
  table_list(b, TableRole::kFrom);
  if (cut()) from_known_[static_cast<size_t>(b)] = false;
}

void Parser::table_list(int b, TableRole role) {
  do {
    join_tree(b, role);
  } while (accept_punct(','));
}

void Parser::join_tree(int b, TableRole role) {
  Deeper level(*this);
  if (level.too_deep()) {
    partial("nested too deeply");
    return skip_to_item_end();
  }
  table_factor(b, role);
  bool filters = true;  // the last join keeps only matching rows, so its ON is a condition like those of WHERE
  for (;;) {
    const size_t before = pos_;
    bool outer = false;
    accept(Kw::kNatural);
    if (is(Kw::kLeft) || is(Kw::kRight) || is(Kw::kFull)) {
      advance();
      accept(Kw::kOuter);
      outer = true;
    } else if (!accept(Kw::kInner)) {
      accept(Kw::kCross);
      if (sqlite()) accept(Kw::kOuter);
    }
    if (accept(Kw::kJoin) || accept(Kw::kStraightJoin)) {
      filters = !outer;
      table_factor(b, role == TableRole::kUsing ? role : TableRole::kJoin);
      continue;
    }
    if (at_text_end() && pos_ != before) {
      hit_end_ = true;
      return;
    }
    pos_ = before;
    if (is(Kw::kOn) && !is(Kw::kConflict, 1) && !is(Kw::kDuplicate, 1)) {
      advance();
      join_condition(b, filters);
      continue;
    }
    if (is(Kw::kUsing) && is_punct('(', 1)) {
      advance();
      std::vector<std::string> names;
      parse_name_list(names);
      if (accept(Kw::kAs) && is_name()) advance();
      std::vector<TableRef>& tables = block(b).tables;
      if (filters && tables.size() >= 2 && !cut()) {
        for (std::string& name : names) {
          Conjunct c;
          c.from_join = true;
          c.op = CompareOp::kEq;
          c.column.qualifier = tables[tables.size() - 2].called();
          c.column.name = name;
          c.right.kind = OperandKind::kColumn;
          ColumnRef& right = c.right.column.edit();
          right.qualifier = tables.back().called();
          right.name = std::move(name);
          c.right.columns.push_back(right);
          block(b).where.push_back(std::move(c));
        }
      }
      continue;
    }
    return;
  }
}

void Parser::join_condition(int b, bool filters) {
  const size_t blocks = facts_.blocks.size();
  const Mark m = mark();
  const int e = expression(b);
  Scratch<Conjunct> conditions(spare_conjuncts_);
  bool exact = true;
  if (filters && node(e).kind != NodeKind::kBad) add_conjuncts(e, *conditions, exact, true);
  release(m);
  if (cut()) return forget_blocks(blocks);
  conditions.move_to(block(b).where);
}

void Parser::table_factor(int b, TableRole role) {
  const size_t blocks = facts_.blocks.size();
  TableRef t;
  t.role = role;
  const bool lateral = accept(Kw::kLateral);
  if (is_punct('(')) {
    if (query_in_parens()) {
      advance();
      const int inner = new_block(b);
      const size_t first_outer = outer_.size();
      ++query_level_;
      query(inner);
      --query_level_;
      outer_.resize(first_outer);
      if (!accept_punct(')')) {
        if (at_text_end()) hit_end_ = true;
        partial("a derived table was not understood to its end");
        skip_to_close();
      }
      t.derived_block = inner;
      table_alias(t);
      if (cut()) return forget_blocks(blocks);
      block(b).tables.push_back(std::move(t));
      return;
    }
    advance();
    table_list(b, role);
    expect_punct(')');
    if (accept(Kw::kAs) || (is_name() && can_be_table_alias(kw(), dialect_.engine))) {
      advance();  // an alias of the join: its columns keep their tables
      if (is_punct('(')) skip_parens();
    }
    return;
  }
  if (tok().text == "{") {  // {OJ a LEFT JOIN b ON …}
    advance();
    if (is_name()) advance();
    join_tree(b, role);
    if (tok().text == "}") advance();
    return;
  }
  if (is(Kw::kRows) && is(Kw::kFrom, 1) && is_punct('(', 2)) {
    advance();
    advance();
    advance();
    const Mark m = mark();
    const int row = make(NodeKind::kRow, here(), static_cast<int>(columns_.size()));
    arguments(b, row);
    release(m);
    if (accept(Kw::kWith)) accept(Kw::kOrdinality);
    table_alias(t);
    block(b).tables.push_back(std::move(t));
    return;
  }
  bool only_brackets = false;
  if (is(Kw::kOnly) && !is_punct('.', 1) && (is_name(1) || is_punct('(', 1)) && !is(Kw::kAs, 1)) {
    advance();
    only_brackets = accept_punct('(');
  }
  if (!parse_object_name(t.name)) {
    if (at_text_end()) {
      hit_end_ = true;
      return;
    }
    partial("a table was expected at `" + std::string(tok().text.substr(0, 40)) + "`");
    return skip_to_item_end();
  }
  if (only_brackets) expect_punct(')');
  if (is_punct('(') && !only_brackets) {  // a function's rows
    const Mark m = mark();
    --pos_;
    const int call_at = here();
    column_or_call_at(b, call_at);
    release(m);
    t.function = t.name.name.str();
    t.name = ObjectName{};
    if (is(Kw::kWith) && is(Kw::kOrdinality, 1)) {
      advance();
      advance();
    }
    table_alias(t);
    if (cut()) return forget_blocks(blocks);
    block(b).tables.push_back(std::move(t));
    return;
  }
  accept_op("*");
  if (mysql_ && t.name.schema.empty() && !t.name.quoted && iequals(t.name.name, "dual")) return;
  if (is(Kw::kPartition) && is_punct('(', 1)) {
    advance();
    skip_parens();
  }
  time_travel();
  table_alias(t);
  time_travel();
  index_hints();
  if (is(Kw::kTablesample)) {
    advance();
    ObjectName method;
    if (!is_punct('(')) parse_object_name(method);
    if (is_punct('(')) skip_parens();
    if (accept(Kw::kRepeatable) && is_punct('(')) skip_parens();
  }
  t.is_cte = cte_in_scope(t.name);
  (void)lateral;
  if (cut()) return;
  block(b).tables.push_back(std::move(t));
}

// MariaDB: FOR SYSTEM_TIME AS OF …, BETWEEN … AND …, FROM … TO …, ALL.
void Parser::time_travel() {
  if (is(Kw::kFor) && is_word("system_time", 1)) {
    advance();
    advance();
    if (accept(Kw::kAll)) return;
    const bool pair = is(Kw::kBetween) || is(Kw::kFrom);
    advance();
    accept(Kw::kOf);
    if (!is_string(1)) accept(Kw::kTimestamp);
    const Mark m = mark();
    expression(0, 7);
    if (pair && (accept(Kw::kAnd) || accept(Kw::kTo))) expression(0, 7);
    release(m);
  } else if (mysql_ && is(Kw::kAs) && is(Kw::kOf, 1) && is(Kw::kTimestamp, 2)) {
    advance();
    advance();
    advance();
    const Mark m = mark();
    expression(0);
    release(m);
  }
}

void Parser::table_alias(TableRef& t) {
  const bool as = accept(Kw::kAs);
  if (!as && is(Kw::kTablesample) && (is_punct('(', 1) || is_punct('(', 2))) return;
  // Words that some grammar reserves nowhere but before their own clause.
  const bool free_word =
      (!postgres() && is(Kw::kFull) && !is(Kw::kJoin, 1) && !is(Kw::kOuter, 1)) || (sqlite() && is(Kw::kWindow) && !is(Kw::kAs, 2));
  if (as ? is_name() || is_string()
         : tok().kind == TokenKind::kQuotedName ||
               (tok().kind == TokenKind::kWord && tok().slot < 0 && (free_word || can_be_table_alias(kw(), dialect_.engine))) ||
               (is_string() && !postgres())) {
    if (!as && sqlite() && is(Kw::kNot)) return;
    t.alias = name_of(here());
    advance();
  }
  if (is_punct('(') && (as || !t.alias.empty())) skip_parens();  // column names, or the row type of a function
}

void Parser::index_hints() {
  for (;;) {
    if ((is(Kw::kUse) || is(Kw::kForce) || is(Kw::kIgnore)) && (is(Kw::kIndex, 1) || is(Kw::kKey, 1))) {
      advance();
      advance();
      if (accept(Kw::kFor)) {
        if (accept(Kw::kOrder) || accept(Kw::kGroup)) {
          accept(Kw::kBy);
        } else {
          accept(Kw::kJoin);
        }
      }
      if (is_punct('(')) skip_parens();
      if (is_punct(',') && (is(Kw::kUse, 1) || is(Kw::kForce, 1) || is(Kw::kIgnore, 1)) && (is(Kw::kIndex, 2) || is(Kw::kKey, 2)))
        advance();
    } else if (is(Kw::kIndexed) && is(Kw::kBy, 1)) {
      advance();
      advance();
      if (is_name()) advance();
    } else if (is(Kw::kNot) && is(Kw::kIndexed, 1)) {
      advance();
      advance();
    } else {
      return;
    }
  }
}

}  // namespace dbaudit::sql_parser
