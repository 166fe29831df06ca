// INSERT and REPLACE with their upserts, UPDATE, DELETE, MERGE, in every dialect's forms.
//
// What a cut leaves: INSERT keeps its table, its named columns and the values that were followed by a comma; UPDATE, DELETE and MERGE keep
// their table only, unless the WHERE is complete.

#include <algorithm>
#include <iterator>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/sql/parser_internal.h"

namespace dbaudit::sql_parser {

int Parser::new_write(StatementKind kind) {
  Write w;
  w.kind = kind;
  w.hidden = hidden_;
  facts_.writes.push_back(std::move(w));
  return static_cast<int>(facts_.writes.size()) - 1;
}

// --- INSERT ---------------------------------------------------------------------------------------------------------------------------

void Parser::insert(int w, int b) {
  const bool replace = is(Kw::kReplace);
  advance();
  if (replace) write(w).upsert = UpsertKind::kReplace;
  if (accept(Kw::kOr)) {  // SQLite
    if (is(Kw::kReplace)) write(w).upsert = UpsertKind::kReplace;
    if (is(Kw::kIgnore)) {
      write(w).upsert = UpsertKind::kIgnore;
      write(w).ignore = true;
    }
    advance();
  }
  while (mysql_ && (is(Kw::kLowPriority) || is(Kw::kHighPriority) || is(Kw::kDelayed) || is(Kw::kIgnore))) {
    if (is(Kw::kIgnore)) {
      write(w).upsert = UpsertKind::kIgnore;
      write(w).ignore = true;
    }
    advance();
  }
  accept(Kw::kInto);
  accept(Kw::kTable);
  ObjectName target;
  if (!parse_object_name(target)) {
    if (at_text_end()) hit_end_ = true;
    return resynchronise("the table of an INSERT is missing");
  }
  if (cut()) return;
  write(w).targets.push_back(std::move(target));
  if (is(Kw::kPartition) && is_punct('(', 1)) {
    advance();
    skip_parens();
  }
  if (accept(Kw::kAs) && is_name()) {
    write(w).target_alias = name_of(here());
    advance();
  } else if (is_name() && is_punct('(', 1) && !is(Kw::kValues) && !is(Kw::kValue) && !is(Kw::kSelect) && !is(Kw::kSet) &&
             !is(Kw::kOverriding) && !is(Kw::kWith)) {
    write(w).target_alias = name_of(here());
    advance();
  }
  if (is_punct('(') && !query_in_parens()) insert_columns(w, b);
  if (accept(Kw::kOverriding)) {
    if (!accept(Kw::kSystem)) accept(Kw::kUser);
    accept(Kw::kValue);
  }
  if (cut()) return;

  if ((is(Kw::kValues) || is(Kw::kValue)) && tok(1).kind == TokenKind::kEnd) {
    advance();
    hit_end_ = true;
  } else if ((is(Kw::kValues) || is(Kw::kValue)) && (is_punct('(', 1) || is(Kw::kRow, 1))) {
    values_of_insert(w, b);
  } else if (is(Kw::kDefault) && is(Kw::kValues, 1)) {
    advance();
    advance();
    write(w).source = InsertSource::kDefault;
    write(w).rows = 1;
  } else if (accept(Kw::kSet)) {
    std::vector<Assignment> set;
    set_list(w, b, set, false);
    if (!cut()) {
      write(w).source = InsertSource::kSet;
      write(w).rows = 1;
      for (Assignment& a : set) {
        write(w).insert_columns.push_back(std::move(a.column.name));
        write(w).insert_values.push_back(std::move(a.value));
      }
    }
  } else if (at_query()) {
    const bool table = is(Kw::kTable);
    write(w).source = table ? InsertSource::kTable : InsertSource::kSelect;
    capture_block_ = b;
    captured_.clear();
    query(b);
    capture_block_ = -1;
    if (!cut()) {
      write(w).block = b;
      select_as_values(w, b);
    } else {
      block(b) = QueryBlock{};
      write(w).source = InsertSource::kNone;
    }
  } else {
    if (at_text_end()) hit_end_ = true;
    resynchronise("the source of an INSERT was not understood");
  }
  if (is(Kw::kAs) && mysql_) {  // the row alias of ON DUPLICATE KEY UPDATE
    advance();
    if (is_name()) {
      row_alias_ = name_at(here());
      advance();
    }
    if (is_punct('(')) parse_name_list(row_alias_columns_);
  }
  while (is(Kw::kOn) && !at_end()) {
    if (is(Kw::kConflict, 1)) {
      on_conflict(w, b);
    } else if (is(Kw::kDuplicate, 1)) {
      on_duplicate(w, b);
    } else {
      break;
    }
  }
  returning(w);
}

void Parser::insert_columns(int w, int b) {
  advance();
  Scratch<Name> names(spare_names_);
  while (!at_end() && !is_punct(')')) {
    if (!is_name() && !(sqlite() && is_string())) {
      partial("a column name was expected at `" + std::string(tok().text.substr(0, 40)) + "`");
      break;
    }
    Name name = name_of(here());
    advance();
    while (is_punct('.') && is_name(1)) {  // MySQL: t.c; PostgreSQL: a field of c
      advance();
      if (!postgres()) name = name_of(here());
      advance();
    }
    while (is_punct('[')) {
      const Mark m = mark();
      postfix(b, make(NodeKind::kOther, here(), static_cast<int>(columns_.size())), here());
      release(m);
    }
    names->push_back(name);
    if (!accept_punct(',')) break;
  }
  if (!accept_punct(')')) {
    if (at_text_end()) {
      hit_end_ = true;
    } else {
      partial("the column list of an INSERT was not understood");
      skip_to_close();
    }
    if (at_text_end()) return;
  }
  write(w).insert_columns = std::vector<Name>(names->begin(), names->end());
}

void Parser::values_of_insert(int w, int b) {
  advance();
  write(w).source = InsertSource::kValues;
  if (!write(w).insert_columns.empty()) write(w).insert_values.edit().reserve(write(w).insert_columns.size());
  int rows = 0;
  do {
    if (accept(Kw::kRow)) write(w).row_constructor = true;
    if (!is_punct('(')) {
      if (at_text_end()) {
        hit_end_ = true;
      } else if (rows > 0) {
        partial("a row of VALUES was expected");
      }
      break;
    }
    const Mark m = mark();
    if (rows > 0) {
      const int row = make(NodeKind::kRow, here(), static_cast<int>(columns_.size()));
      advance();
      arguments(b, row);
    } else {
      advance();
      while (!at_end() && !is_punct(')')) {
        const int before = bad_nodes_;
        const size_t blocks = facts_.blocks.size();
        const int e = expression(b);
        Operand value;
        if (bad_nodes_ == before) value = operand_of(e);
        if (cut()) {
          forget_blocks(blocks);
          value = Operand{};
        }
        write(w).insert_values.push_back(std::move(value));
        if (!is_punct(',') && !is_punct(')')) {
          if (!at_text_end()) partial("a value was not understood at `" + std::string(tok().text.substr(0, 40)) + "`");
          skip_to_item_end();
          if (!is_punct(',') && !is_punct(')')) break;
        }
        if (!accept_punct(',')) break;
      }
      if (!accept_punct(')')) {
        if (at_text_end()) {
          hit_end_ = true;
        } else {
          partial("a row of VALUES was not understood to its end");
          skip_to_close();
        }
      }
      if (at_text_end() && truncated_ && write(w).insert_values.size() < write(w).insert_columns.size()) {
        write(w).insert_values.edit().resize(write(w).insert_columns.size());
      }
    }
    release(m);
    ++rows;
    rows += tok(-1).punct == ')' ? tok(-1).folded_rows : 0;
  } while (accept_punct(','));
  write(w).rows = cut() ? 0 : rows;
}

// The items of INSERT … SELECT stand for the values when there are as many as columns; a guard is remembered; and a chain of constant SELECTs
// (Django on old SQLite) is VALUES in other words.
void Parser::select_as_values(int w, int b) {
  const QueryBlock& q = block(b);
  for (const Conjunct& c : q.where) {
    if (c.negated_exists && write(w).not_exists_block < 0) write(w).not_exists_block = c.right.block;
  }
  const std::vector<Name>& columns = write(w).insert_columns;
  if (columns.empty() || captured_.size() == columns.size()) write(w).insert_values = std::move(captured_);
  captured_.clear();
  if (!sqlite() || !q.tables.empty() || q.has_where || q.items.empty()) return;
  int rows = 1;
  for (size_t i = static_cast<size_t>(b) + 1; i < facts_.blocks.size(); ++i) {
    const QueryBlock& branch = facts_.blocks[i];
    if (!branch.is_union_branch || branch.parent != b || !branch.tables.empty() || branch.has_where) return;
    ++rows;
  }
  const bool constant = std::all_of(write(w).insert_values.begin(), write(w).insert_values.end(),
                                    [](const Operand& o) { return o.kind == OperandKind::kSlot; });
  if (rows == 1 || !constant || write(w).insert_values.empty()) return;
  write(w).source = InsertSource::kValues;
  write(w).rows = rows;
  write(w).block = -1;
}

void Parser::on_conflict(int w, int b) {
  advance();
  advance();
  if (write(w).upsert == UpsertKind::kConflictUpdate || write(w).upsert == UpsertKind::kConflictNothing) {
    partial("several ON CONFLICT clauses");
    while (!at_end() && !is(Kw::kReturning) && !(is(Kw::kOn) && is(Kw::kConflict, 1))) advance();
    return;
  }
  const size_t blocks = facts_.blocks.size();
  std::vector<std::string> columns;
  std::vector<bool> is_expression;
  std::vector<Conjunct> predicate;
  bool has_predicate = false;
  std::string constraint;
  if (is(Kw::kOn) && is(Kw::kConstraint, 1)) {
    advance();
    advance();
    if (is_name()) {
      constraint = name_at(here());
      advance();
    }
  } else if (accept_punct('(')) {
    do {
      const Mark m = mark();
      const int e = expression(b);
      const Node& n = node(strip(e));
      is_expression.push_back(n.kind != NodeKind::kColumn);
      columns.push_back(n.kind == NodeKind::kColumn ? column_ref(n.column).name.str() : text_of(n.begin, n.end));
      release(m);
      while (!at_end() && is_name()) advance();  // operator class, ASC, DESC
    } while (accept_punct(','));
    if (!accept_punct(')')) {
      if (at_text_end()) hit_end_ = true;
      partial("the target of ON CONFLICT was not understood");
      skip_to_close();
    }
    if (accept(Kw::kWhere)) {
      has_predicate = true;
      const Mark m = mark();
      const int e = expression(b);
      bool exact = true;
      if (node(e).kind != NodeKind::kBad) add_conjuncts(e, predicate, exact, false);
      release(m);
    }
  }
  if (!accept(Kw::kDo)) {
    if (at_text_end()) hit_end_ = true;
    return resynchronise("ON CONFLICT without DO");
  }
  std::vector<Assignment> set;
  bool has_where = false;
  UpsertKind kind = UpsertKind::kConflictNothing;
  if (!accept(Kw::kNothing)) {
    kind = UpsertKind::kConflictUpdate;
    if (!accept(Kw::kUpdate) || !accept(Kw::kSet)) {
      if (at_text_end()) hit_end_ = true;
      return resynchronise("ON CONFLICT DO was not understood");
    }
    set_list(w, b, set, true);
    if (accept(Kw::kWhere)) {
      has_where = true;
      const Mark m = mark();
      expression(b);
      release(m);
    }
    if (cut()) return forget_blocks(blocks);
  }
  Write& it = write(w);
  it.upsert = kind;
  it.conflict_columns = std::move(columns);
  it.conflict_is_expression = std::move(is_expression);
  it.conflict_constraint = std::move(constraint);
  it.conflict_predicate = std::move(predicate);
  it.has_conflict_predicate = has_predicate;
  it.upsert_set = std::move(set);
  it.upsert_has_where = has_where;
}

void Parser::on_duplicate(int w, int b) {
  advance();
  advance();
  accept(Kw::kKey);
  if (!accept(Kw::kUpdate)) {
    if (at_text_end()) hit_end_ = true;
    return resynchronise("ON DUPLICATE was not understood");
  }
  const size_t blocks = facts_.blocks.size();
  std::vector<Assignment> set;
  in_upsert_ = true;
  set_list(w, b, set, true);
  in_upsert_ = false;
  if (cut()) return forget_blocks(blocks);
  write(w).upsert = UpsertKind::kDuplicateUpdate;
  write(w).upsert_set = std::move(set);
}

void Parser::set_list(int w, int b, std::vector<Assignment>& out, bool upsert) {
  do {
    if (is_punct('(')) {  // (a, b) = (…)
      std::vector<std::string> names;
      if (!parse_name_list(names)) return resynchronise("a SET list was not understood");
      if (!accept_op("=")) {
        if (at_text_end()) hit_end_ = true;
        return resynchronise("SET without =");
      }
      const Mark m = mark();
      const int e = expression(b);
      const Node n = node(e);
      for (size_t i = 0; i < names.size(); ++i) {
        Assignment a;
        a.column.name = names[i];
        const size_t kids = static_cast<size_t>(n.kids_end - n.kids_begin);
        if (n.kind == NodeKind::kRow && kids == names.size()) {
          a.value = assigned(kids_[static_cast<size_t>(n.kids_begin) + i], a.column, write(w), upsert);
        } else if (n.kind != NodeKind::kBad) {
          a.value = names.size() == 1 ? assigned(e, a.column, write(w), upsert) : operand_of(e);
        }
        out.push_back(std::move(a));
      }
      release(m);
      continue;
    }
    if (!is_name()) {
      if (at_text_end()) hit_end_ = true;
      return resynchronise("a column was expected in SET");
    }
    Assignment a;
    a.column.name = name_of(here());
    advance();
    while (is_punct('.') && is_name(1)) {
      advance();
      if (!postgres()) {
        a.column.qualifier = std::move(a.column.name);
        a.column.name = name_of(here());
      } else {
        element_written_ = true;
      }
      advance();
    }
    bool element = std::exchange(element_written_, false);
    while (is_punct('[')) {
      const Mark m = mark();
      const int n = postfix(b, make(NodeKind::kOther, here(), static_cast<int>(columns_.size())), here());
      (void)n;
      release(m);
      element = true;
    }
    if (!accept_op("=") && !accept_op(":=")) {
      if (at_text_end()) hit_end_ = true;
      return resynchronise("SET without =");
    }
    const Mark m = mark();
    const int e = expression(b);
    if (node(e).kind != NodeKind::kBad) {
      a.value = assigned(e, a.column, write(w), upsert);
      // a[1] = …, a.field = …: the rest of the column stays what it was.
      if (element) a.value.kind = OperandKind::kSelfExpression;
    } else {
      a.value.kind = OperandKind::kExpression;
    }
    release(m);
    out.push_back(std::move(a));
  } while (accept_punct(','));
}

void Parser::returning(int w) {
  if (!accept(Kw::kReturning)) return;
  write(w).returning = true;
  do {
    const Mark m = mark();
    const int e = expression(0);
    const bool understood = node(e).kind != NodeKind::kBad;
    release(m);
    if (!understood) break;
    if (accept(Kw::kAs)) {
      if (is_name() || is_string()) advance();
    } else if (is_name() && can_be_column_alias(kw(), dialect_.engine)) {
      advance();
    }
  } while (accept_punct(','));
  if (hidden_ && is(Kw::kInto)) into_clause();
}

// --- UPDATE ---------------------------------------------------------------------------------------------------------------------------

// The text was cut before the predicate was whole: the table stays, all else could mislead.
void Parser::forget_write(int w, int b, size_t blocks) {
  const int parent = block(b).parent;
  const Name cte_name = block(b).cte_name;
  forget_blocks(blocks);
  block(b) = QueryBlock{};
  block(b).parent = parent;
  block(b).cte_name = cte_name;
  Write& it = write(w);
  it.block = -1;
  it.set.clear();
  it.insert_columns.clear();
  it.insert_values.clear();
  it.source = InsertSource::kNone;
  it.rows = 0;
  it.returning = false;
}

void Parser::update(int w, int b) {
  advance();
  const size_t blocks = facts_.blocks.size();
  if (accept(Kw::kOr)) {
    write(w).ignore = is(Kw::kIgnore);
    advance();
  }
  while (mysql_ && (is(Kw::kLowPriority) || is(Kw::kIgnore) || is(Kw::kHighPriority) || is(Kw::kDelayed)) && !is(Kw::kSet, 1)) {
    if (is(Kw::kIgnore)) write(w).ignore = true;
    advance();
  }
  write(w).block = b;
  join_tree(b, TableRole::kTarget);
  while (accept_punct(',')) join_tree(b, TableRole::kFrom);
  if (cut()) return forget_write(w, b, blocks);  // a table may be missing
  // A single table is the target whatever follows; of several, SET tells.
  const bool several = block(b).tables.size() > 1;
  if (!several && !block(b).tables.empty()) {
    write(w).targets.push_back(block(b).tables.front().name);
    write(w).target_alias = block(b).tables.front().alias;
  }
  if (!accept(Kw::kSet)) {
    if (at_text_end()) hit_end_ = true;
    resynchronise("UPDATE without SET");
    if (!accept(Kw::kSet)) {
      if (cut()) {
        // `UPDATE t` may go on as `UPDATE t, u`.
        forget_write(w, b, blocks);
        write(w).targets.clear();
        write(w).target_alias = Name();
      }
      return;
    }
  }
  Scratch<Assignment> set(spare_assignments_);
  set_list(w, b, *set, false);
  if (cut()) return forget_write(w, b, blocks);
  set.move_to(write(w).set);
  if (several) updated_tables(w, b);
  if (is(Kw::kFrom)) from_clause(b);
  if (is(Kw::kWhere)) where_clause(b);
  if (cut()) return forget_write(w, b, blocks);
  query_tail(b);
  returning(w);
}

// Which tables of a multi-table UPDATE are written: those that SET names; all when it does not say.
void Parser::updated_tables(int w, int b) {
  std::vector<TableRef>& tables = block(b).tables;
  Write& it = write(w);
  bool unqualified = it.set.empty();
  for (const Assignment& a : it.set) unqualified |= a.column.qualifier.empty();
  if (tables.size() > 64) return partial("too many tables in an UPDATE");
  int count = 0;
  for (TableRef& t : tables) {
    const Name called = t.called();
    const bool named =
        std::any_of(it.set.begin(), it.set.end(), [&](const Assignment& a) { return same_name(a.column.qualifier, called); });
    const bool written = t.derived_block < 0 && !t.is_cte && !t.name.name.empty() && (named || unqualified);
    if (!written) {
      if (t.role == TableRole::kTarget) t.role = TableRole::kFrom;
      continue;
    }
    t.role = TableRole::kTarget;
    it.targets.push_back(t.name);
    it.target_alias = ++count == 1 ? t.alias : Name();
  }
  if (count == 0) partial("SET names no table of its UPDATE");
}

// --- DELETE ---------------------------------------------------------------------------------------------------------------------------

void Parser::remove(int w, int b) {
  advance();
  const size_t blocks = facts_.blocks.size();
  while (mysql_ && (is(Kw::kLowPriority) || is(Kw::kHighPriority) || is(Kw::kDelayed) || is(Kw::kQuick) || is(Kw::kIgnore)) &&
         !is_punct('.', 1) && !is_punct(',', 1)) {
    if (is(Kw::kIgnore)) write(w).ignore = true;
    advance();
  }
  write(w).block = b;
  std::vector<ObjectName> names;  // the written tables of MySQL's multi-table forms, by name or alias
  auto table_names = [&] {
    do {
      ObjectName name;
      if (!parse_object_name(name)) return false;
      if (is_punct('.') && is_op("*", 1)) {
        advance();
        advance();
      }
      names.push_back(std::move(name));
    } while (accept_punct(','));
    return true;
  };
  bool multi = false;
  if (!is(Kw::kFrom)) {
    if (mysql_ && table_names() && is(Kw::kFrom)) {
      multi = true;
      advance();
      table_list(b, TableRole::kFrom);
    } else {
      if (at_text_end()) hit_end_ = true;
      resynchronise("DELETE without FROM");
      if (cut()) return forget_write(w, b, blocks);
    }
  } else {
    advance();
    const size_t start = pos_;
    if (mysql_ && table_names() && is(Kw::kUsing)) {
      multi = true;
      advance();
      table_list(b, TableRole::kFrom);
    } else {
      pos_ = start;
      names.clear();
      table_factor(b, TableRole::kTarget);
      const bool more_tables = truncated_ && mysql_ && is_punct(',');
      if (cut() || more_tables) return forget_write(w, b, blocks);
      if (!block(b).tables.empty()) {
        write(w).targets.push_back(block(b).tables.front().name);
        write(w).target_alias = block(b).tables.front().alias;
      }
      if (accept(Kw::kUsing)) table_list(b, TableRole::kUsing);
    }
  }
  if (multi) {
    if (cut()) return forget_write(w, b, blocks);
    deleted_tables(w, b, names);
  }
  if (is(Kw::kWhere)) where_clause(b);
  if (cut()) return forget_write(w, b, blocks);
  query_tail(b);
  returning(w);
}

void Parser::deleted_tables(int w, int b, const std::vector<ObjectName>& names) {
  std::vector<TableRef>& tables = block(b).tables;
  if (tables.size() > 64 || names.size() > 64) return partial("too many tables in a DELETE");
  for (const ObjectName& name : names) {
    ObjectName written = name;
    for (TableRef& t : tables) {
      if (t.derived_block >= 0 || !same_name(t.called(), name.name)) continue;
      t.role = TableRole::kTarget;
      written = t.name;
      if (written.schema.empty()) written.schema = name.schema;
      if (names.size() == 1) write(w).target_alias = t.alias;
      break;
    }
    write(w).targets.push_back(std::move(written));
  }
}

// --- MERGE ----------------------------------------------------------------------------------------------------------------------------

void Parser::merge(int w, int b) {
  advance();
  const size_t blocks = facts_.blocks.size();
  accept(Kw::kInto);
  write(w).block = b;
  table_factor(b, TableRole::kTarget);
  if (cut()) return forget_write(w, b, blocks);
  if (!block(b).tables.empty()) {
    write(w).targets.push_back(block(b).tables.front().name);
    write(w).target_alias = block(b).tables.front().alias;
  }
  if (!accept(Kw::kUsing)) {
    if (at_text_end()) hit_end_ = true;
    resynchronise("MERGE without USING");
    if (cut()) forget_write(w, b, blocks);
    return;
  }
  join_tree(b, TableRole::kUsing);  // the last ON is MERGE's own; both kinds are conditions of the join with the target
  while (is(Kw::kWhen)) {
    advance();
    accept(Kw::kNot);
    accept(Kw::kMatched);
    if (accept(Kw::kBy)) advance();  // SOURCE, TARGET
    if (accept(Kw::kAnd)) {
      const Mark m = mark();
      expression(b);
      release(m);
    }
    if (!accept(Kw::kThen)) {
      if (at_text_end()) hit_end_ = true;
      partial("WHEN without THEN");
      skip_to_clause();
      continue;
    }
    if (accept(Kw::kUpdate)) {
      accept(Kw::kSet);
      std::vector<Assignment> set;
      set_list(w, b, set, false);
      Write& it = write(w);
      it.set.insert(it.set.end(), std::make_move_iterator(set.begin()), std::make_move_iterator(set.end()));
    } else if (accept(Kw::kDelete)) {
      write(w).merge_deletes = true;
    } else if (accept(Kw::kDo)) {
      accept(Kw::kNothing);
    } else if (accept(Kw::kInsert)) {
      const bool first = write(w).source == InsertSource::kNone;
      Write saved = write(w);
      if (is_punct('(')) insert_columns(w, b);
      if (accept(Kw::kOverriding)) {
        if (!accept(Kw::kSystem)) accept(Kw::kUser);
        accept(Kw::kValue);
      }
      if (is(Kw::kValues)) {
        values_of_insert(w, b);
      } else if (accept(Kw::kDefault)) {
        accept(Kw::kValues);
        write(w).source = InsertSource::kDefault;
      }
      if (!first) write(w) = std::move(saved);
    } else {
      if (at_text_end()) hit_end_ = true;
      partial("an action of MERGE was not understood");
      skip_to_clause();
    }
  }
  if (cut()) return forget_write(w, b, blocks);
  returning(w);
}

}  // namespace dbaudit::sql_parser
