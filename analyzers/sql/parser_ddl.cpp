// CREATE, ALTER, DROP as a log shows them: which table, which columns, which unique keys. schema/ddl reads whole files of DDL; here only what
// changes the meaning of the statements around it. And the bodies of functions and DO blocks, where an ORM may hide an INSERT.

#include "analyzers/base/text.h"
#include "analyzers/sql/parser_internal.h"

namespace dbaudit::sql_parser {

void Parser::create_statement() {
  facts_.kind = StatementKind::kOtherDdl;
  advance();
  if (accept(Kw::kOr)) advance();  // OR REPLACE
  bool unique = false;
  for (;;) {
    if (is(Kw::kTemporary) || is(Kw::kTemp)) {
      facts_.ddl.edit().temporary = true;
    } else if (is(Kw::kUnique)) {
      unique = true;
    } else if (!is(Kw::kGlobal) && !is(Kw::kLocal) && !is(Kw::kUnlogged) && !is(Kw::kVirtual) && !is(Kw::kFulltext) && !is(Kw::kSpatial) &&
               !is(Kw::kForeign) && !is_word("clustered") && !is_word("online") && !is_word("offline") && !is_word("columnar") &&
               !is_word("vector")) {
      break;
    }
    if (is_punct('.', 1) || is(Kw::kAs, 1)) break;
    advance();
  }
  if (!facts_.ddl->temporary) mysql_implicit_commit();
  if (accept(Kw::kTable)) {
    facts_.kind = StatementKind::kCreateTable;
    create_table();
  } else if (accept(Kw::kIndex)) {
    facts_.kind = StatementKind::kCreateIndex;
    create_index(unique);
  } else if (is(Kw::kFunction) || is(Kw::kProcedure) || is(Kw::kTrigger) || is(Kw::kEvent) || is(Kw::kRule) || is(Kw::kDefiner)) {
    routine_body();
  } else {
    if (at_text_end()) {
      hit_end_ = true;
      facts_.kind = StatementKind::kOther;
      facts_.implicit_commit = false;
    }
    skip_statement();
  }
  if (cut()) {
    facts_.ddl = DdlFacts{};
    facts_.blocks.clear();
    facts_.writes.clear();
    from_known_.clear();
  }
}

void Parser::create_table() {
  if (accept(Kw::kIf)) {
    accept(Kw::kNot);
    accept(Kw::kExists);
  }
  if (!parse_object_name(facts_.ddl.edit().table)) {
    if (at_text_end()) hit_end_ = true;
    partial("the name of the table was not understood");
    return skip_statement();
  }
  if (is(Kw::kLike)) return skip_statement();
  if (is_punct('(') && !query_in_parens()) {
    if (is(Kw::kLike, 1)) return skip_statement();
    table_elements();
  }
  // Options, partitions; AS SELECT reads tables.
  while (!at_end()) {
    if ((is(Kw::kAs) && (is(Kw::kSelect, 1) || is(Kw::kWith, 1) || is(Kw::kValues, 1) || is(Kw::kTable, 1) || is_punct('(', 1))) ||
        is(Kw::kSelect) || (is_punct('(') && query_in_parens())) {
      accept(Kw::kAs);
      if (!at_query()) continue;
      const int b = new_block(-1);
      const size_t before = pos_;
      query_or_write(b, false);
      if (pos_ == before) break;
      if (is(Kw::kWith)) skip_statement();  // WITH NO DATA
      continue;
    }
    if (is_punct('(')) {
      skip_parens();
    } else {
      advance();
    }
  }
}

// ( column type [constraints], …, [CONSTRAINT name] PRIMARY KEY (…), UNIQUE [KEY|INDEX] [name] (…), … )
void Parser::table_elements() {
  DdlFacts& ddl = facts_.ddl.edit();
  const int close = closes_[pos_];
  advance();
  while (!at_end() && !is_punct(')')) {
    bool has_constraint_name = false;
    if (is(Kw::kConstraint)) {
      has_constraint_name = true;
      advance();
      if (is_name() && !is(Kw::kPrimary) && !is(Kw::kUnique) && !is(Kw::kForeign) && !is(Kw::kCheck)) advance();
    }
    const bool primary = is(Kw::kPrimary) && is(Kw::kKey, 1);
    // `unique` and `key` may be columns; a key's list or its KEY/INDEX word tells.
    const bool unique = is(Kw::kUnique) && (is_punct('(', 1) || is(Kw::kKey, 1) || is(Kw::kIndex, 1) || is_punct('(', 2) ||
                                            is(Kw::kNulls, 1) || is(Kw::kUsing, 1));
    if (primary || unique) {
      unique_key();
    } else if (has_constraint_name || is(Kw::kForeign) || (is(Kw::kCheck) && is_punct('(', 1)) || is(Kw::kExclude) || is(Kw::kLike) ||
               is(Kw::kFulltext) || is(Kw::kSpatial) || is_word("period") ||
               ((is(Kw::kKey) || is(Kw::kIndex)) &&
                (is_punct('(', 1) || is_punct('(', 2) || is(Kw::kUsing, 1) || is(Kw::kUsing, 2) || is(Kw::kIf, 1)) && mysql_)) {
      // a constraint or index without uniqueness
    } else if (is_name() || is_string() || tok().kind == TokenKind::kNumber) {
      std::string column = name_at(here());
      advance();
      bool keyed = false;
      while (!at_end() && !is_punct(',') && !is_punct(')')) {
        if (is_punct('(')) {
          skip_parens();
          continue;
        }
        if (is(Kw::kReferences) || is(Kw::kCollate)) {
          advance();
          if (is_name()) advance();
          continue;
        }
        if ((is(Kw::kPrimary) && is(Kw::kKey, 1)) || is(Kw::kUnique)) keyed = true;
        advance();
      }
      if (keyed) ddl.unique.push_back({column});
      ddl.columns.push_back(std::move(column));
    }
    while (!at_end() && !is_punct(',') && !is_punct(')')) {
      if (is_punct('(')) {
        skip_parens();
      } else {
        advance();
      }
    }
    if (!accept_punct(',')) break;
  }
  if (close >= 0) {
    pos_ = static_cast<size_t>(close);
    advance();
  } else if (at_text_end()) {
    hit_end_ = true;
  }
}

// From PRIMARY or UNIQUE to the end of its column list. A key over expressions or prefixes is not one over columns: left out.
void Parser::unique_key() {
  while (!at_end() && !is_punct('(') && !is_punct(',') && !is_punct(')')) advance();
  if (!is_punct('(')) return;
  std::vector<std::string> columns;
  if (key_columns(columns)) facts_.ddl.edit().unique.push_back(std::move(columns));
}

bool Parser::key_columns(std::vector<std::string>& out) {
  bool plain = true;
  const int close = closes_[pos_];
  advance();
  while (!at_end() && !is_punct(')')) {
    if (!is_name() && !is_string()) {
      plain = false;
    } else {
      out.push_back(name_at(here()));
    }
    if (!is_punct('(')) advance();
    while (!at_end() && !is_punct(',') && !is_punct(')')) {
      if (is_punct('(')) {
        plain = false;  // a prefix length or an expression
        skip_parens();
      } else {
        advance();
      }
    }
    if (!accept_punct(',')) break;
  }
  if (close >= 0) {
    pos_ = static_cast<size_t>(close);
    advance();
  } else if (at_text_end()) {
    hit_end_ = true;
  }
  return plain && close >= 0;
}

void Parser::create_index(bool unique) {
  accept(Kw::kConcurrently);
  if (accept(Kw::kIf)) {
    accept(Kw::kNot);
    accept(Kw::kExists);
  }
  while (!at_end() && !is(Kw::kOn)) advance();
  if (!accept(Kw::kOn)) {
    if (at_text_end()) hit_end_ = true;
    return;
  }
  accept(Kw::kOnly);
  if (!parse_object_name(facts_.ddl.edit().table)) {
    if (at_text_end()) hit_end_ = true;
    return skip_statement();
  }
  if (accept(Kw::kUsing) && is_name()) advance();
  std::vector<std::string> columns;
  bool plain = is_punct('(') && key_columns(columns);
  while (!at_end()) {
    if (is(Kw::kWhere)) plain = false;  // a partial key protects only what its predicate covers
    if (is_punct('(')) {
      skip_parens();
    } else {
      advance();
    }
  }
  if (unique && plain) facts_.ddl.edit().unique.push_back(std::move(columns));
}

void Parser::alter_table() {
  facts_.kind = StatementKind::kOtherDdl;
  advance();
  accept_word("online");
  accept(Kw::kIgnore);
  mysql_implicit_commit();
  if (!is(Kw::kTable)) {
    if (at_text_end()) {
      hit_end_ = true;
      facts_.kind = StatementKind::kOther;
      facts_.implicit_commit = false;
    }
    return skip_statement();
  }
  advance();
  facts_.kind = StatementKind::kAlterTable;
  if (accept(Kw::kIf)) accept(Kw::kExists);
  accept(Kw::kOnly);
  if (!parse_object_name(facts_.ddl.edit().table)) {
    if (at_text_end()) hit_end_ = true;
    return skip_statement();
  }
  while (!at_end()) {
    if (is(Kw::kAdd)) {
      advance();
      if (accept(Kw::kConstraint) && is_name() && !is(Kw::kUnique) && !is(Kw::kPrimary)) advance();
      const bool index = is(Kw::kUsing, 1) || is(Kw::kUsing, 2);
      if ((is(Kw::kUnique) || (is(Kw::kPrimary) && is(Kw::kKey, 1))) && !(postgres() && index)) {
        unique_key();
      } else if (is(Kw::kColumn) || (is_name() && !is(Kw::kForeign) && !is(Kw::kCheck) && !is(Kw::kIndex) && !is(Kw::kKey) &&
                                     !is(Kw::kFulltext) && !is(Kw::kSpatial) && !is(Kw::kPartition) && !is(Kw::kExclude))) {
        accept(Kw::kColumn);
        if (accept(Kw::kIf)) {
          accept(Kw::kNot);
          accept(Kw::kExists);
        }
        if (is_name()) facts_.ddl.edit().columns.push_back(name_at(here()));
      }
    }
    while (!at_end() && !is_punct(',')) {
      if (is_punct('(')) {
        skip_parens();
      } else {
        advance();
      }
    }
    if (!accept_punct(',')) break;
  }
  if (cut()) facts_.ddl = DdlFacts{};
}

void Parser::drop_statement() {
  facts_.kind = StatementKind::kOtherDdl;
  const bool drop = is(Kw::kDrop);
  advance();
  if (drop && (is(Kw::kTemporary) || (is(Kw::kPrepare) && mysql_))) {
    if (is(Kw::kPrepare)) facts_.kind = StatementKind::kDeallocate;
  } else {
    mysql_implicit_commit();
  }
  skip_statement();
}

// CREATE FUNCTION … AS $$ body $$, DO $$ body $$: a body in quotes is read for the writes it hides; a bare one is skipped to its END.
void Parser::routine_body() {
  const bool anonymous = is(Kw::kDo);
  bool body_read = false;
  int begins = 0;
  std::string body;
  while (tok().kind != TokenKind::kEnd) {
    if (is_string() && (anonymous || tok(-1).kw == Kw::kAs)) {
      Token quoted;
      quoted.kind = tok().kind;
      quoted.text = tok().text;
      unquote(quoted, dialect_, body);
      if (!hidden_) hidden_body(body);
      body_read = true;
      advance();
      continue;
    }
    if (is_punct('(')) {
      skip_parens();
      continue;
    }
    if (is(Kw::kBegin) && !is(Kw::kTransaction, 1)) ++begins;
    if (is(Kw::kCase)) ++begins;
    if (is(Kw::kEnd) && !is(Kw::kIf, 1) && !is_word("loop", 1) && !is_word("while", 1) && begins > 0) --begins;
    if (is_punct(';') && begins == 0) break;
    advance();
  }
  if (at_text_end() && begins > 0) hit_end_ = true;
  if (!body_read) return;
  // A body does more than its visible writes: queries into variables, loops, other functions.
  if (anonymous) partial("the body of DO is read only for writes");
}

// The statements of a function's body, found by the words that begin a write. Values have no slots: the body is one literal to the log.
void Parser::hidden_body(std::string_view body) {
  constexpr size_t kMaxBody = 256 * 1024;
  if (body.size() > kMaxBody) return partial("a function body too long to read");
  Parser inner(dialect_);
  inner.begin(body, tokenise(body, dialect_), false);
  for (Tok& t : inner.tokens_) t.slot = -1;
  inner.hidden_ = true;
  inner.facts_.quality = Quality::kFull;
  while (inner.tok().kind != TokenKind::kEnd) {
    const Tok& before = inner.pos_ == 0 ? inner.tokens_.back() : inner.tok(-1);
    const bool starts = inner.pos_ == 0 || before.punct == ';' || before.kw == Kw::kBegin || before.kw == Kw::kThen ||
                        before.kw == Kw::kElse || iequals(before.text, "loop") || iequals(before.text, ">>") ||
                        before.kind == TokenKind::kEnd;
    const Kw k = inner.kw();
    const bool writes = k == Kw::kInsert || k == Kw::kUpdate || k == Kw::kDelete || k == Kw::kMerge || k == Kw::kWith;
    if (!starts || !writes) {
      inner.advance();
      continue;
    }
    const int b = inner.new_block(-1);
    inner.query_or_write(b, false);
    while (!inner.at_end()) inner.advance();
    if (inner.facts_.writes.size() > 64) break;
  }
  if (inner.facts_.writes.empty()) return;
  inner.resolve_columns();
  // The body's blocks come after those that are there.
  const int shift = static_cast<int>(facts_.blocks.size());
  auto shifted = [&](int& b) {
    if (b >= 0) b += shift;
  };
  auto shift_operand = [&](Operand& o) { shifted(o.block); };
  for (QueryBlock& q : inner.facts_.blocks) {
    shifted(q.parent);
    q.write = -1;
    for (TableRef& t : q.tables) shifted(t.derived_block);
    for (SelectItem& i : q.items) {
      if (i.computed.has_value()) shifted(i.computed.edit().block);
    }
    for (Conjunct& c : q.where) shift_operand(c.right);
    for (Conjunct& c : q.having) shift_operand(c.right);
    facts_.blocks.push_back(std::move(q));
    from_known_.push_back(true);
  }
  for (Write& w : inner.facts_.writes) {
    shifted(w.block);
    shifted(w.not_exists_block);
    for (Operand& o : w.insert_values) shift_operand(o);
    for (Assignment& a : w.set) shift_operand(a.value);
    for (Assignment& a : w.upsert_set) shift_operand(a.value);
    w.hidden = true;
    facts_.writes.push_back(std::move(w));
  }
  if (inner.facts_.quality != Quality::kFull || inner.truncated_ || inner.hit_end_) partial("a function body was not understood whole");
}

}  // namespace dbaudit::sql_parser
