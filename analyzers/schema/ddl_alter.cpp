// ALTER, RENAME: what migrations do to tables that are already there.

#include <algorithm>

#include "analyzers/schema/ddl_reader.h"
#include "analyzers/schema/expression.h"

namespace dbaudit {
namespace {

void rename_in(Expr& e, const std::string& from, const std::string& to) {
  if (e.kind == ExprKind::kColumn && iequals(e.text, from)) e.text = to;
  for (Expr& a : e.args) rename_in(a, from, to);
}

std::string renamed_in_text(const std::string& expression, const std::string& from, const std::string& to, Engine engine) {
  if (!icontains(expression, from)) return expression;
  Expr e = parse_expression(expression, engine);
  rename_in(e, from, engine == Engine::kPostgres ? to : to_lower(to));
  return print_expression(e);
}

bool reads_column(const std::string& expression, const std::string& column, Engine engine) {
  if (!icontains(expression, column)) return false;
  std::vector<std::string> columns;
  bool complete = true;
  collect_columns(parse_expression(expression, engine), columns, complete);
  return std::any_of(columns.begin(), columns.end(), [&](const std::string& c) { return iequals(c, column); });
}

}  // namespace

Key* DdlReader::find_key(Table& t, std::string_view name) {
  for (Key& k : t.keys) {
    if (same_name(k.name, name)) return &k;
  }
  return nullptr;
}

/// An index by its own name, which on PostgreSQL and SQLite is unique in the schema.
Key* DdlReader::find_index(const QualifiedName& n, Table** owner) {
  const std::string schema = schema_for(n);
  for (int pass = 0; pass < 2; ++pass) {
    for (Table& t : catalog_.tables) {
      if (t.name.empty() || (pass == 0 && !same_name(t.schema, schema)) || (pass == 1 && !n.schema.empty())) continue;
      if (Key* k = find_key(t, n.name); k != nullptr) {
        *owner = &t;
        return k;
      }
    }
  }
  return nullptr;
}

void DdlReader::drop_column(Table& t, const std::string& name) {
  std::erase_if(t.columns, [&](const Column& c) { return same_name(c.name, name); });
  const auto uses = [&](const Key& k) {
    return std::any_of(k.parts.begin(), k.parts.end(),
                       [&](const KeyPart& p) { return same_name(p.column, name) || reads_column(p.expression, name, engine_); }) ||
           reads_column(k.predicate, name, engine_);
  };
  if (is_mysql_family(engine_)) {
    // MySQL takes the column out of its keys, and the key away when none is left: a unique (a, b) becomes unique (a).
    for (Key& k : t.keys) std::erase_if(k.parts, [&](const KeyPart& p) { return same_name(p.column, name); });
    std::erase_if(t.keys, [](const Key& k) { return k.parts.empty(); });
  } else {
    std::erase_if(t.keys, uses);
  }
  std::erase_if(t.foreign_keys, [&](const ForeignKey& fk) {
    return std::any_of(fk.columns.begin(), fk.columns.end(), [&](const std::string& c) { return same_name(c, name); });
  });
  std::erase_if(t.checks, [&](const Check& k) { return reads_column(k.expression, name, engine_); });
}

void DdlReader::rename_column(Table& t, const std::string& from, const std::string& to) {
  for (Column& c : t.columns) {
    if (same_name(c.name, from)) c.name = to;
    if (c.generated && c.default_expression) c.default_expression = renamed_in_text(*c.default_expression, from, to, engine_);
  }
  for (Key& k : t.keys) {
    for (KeyPart& p : k.parts) {
      if (same_name(p.column, from)) p.column = to;
      p.expression = renamed_in_text(p.expression, from, to, engine_);
    }
    k.predicate = renamed_in_text(k.predicate, from, to, engine_);
  }
  for (Check& k : t.checks) k.expression = renamed_in_text(k.expression, from, to, engine_);
  for (ForeignKey& fk : t.foreign_keys) {
    for (std::string& c : fk.columns) {
      if (same_name(c, from)) c = to;
    }
  }
  for (Table& other : catalog_.tables) {
    for (ForeignKey& fk : other.foreign_keys) {
      if (!same_name(fk.referenced_table, t.name) || !same_name(fk.referenced_schema, t.schema)) continue;
      for (std::string& c : fk.referenced_columns) {
        if (same_name(c, from)) c = to;
      }
    }
  }
}

void DdlReader::rename_table(Table& t, const QualifiedName& to) {
  const std::string old_name = t.name, old_schema = t.schema;
  if (!to.schema.empty()) t.schema = schema_for(to);
  t.name = to.name;
  for (Table& other : catalog_.tables) {
    for (ForeignKey& fk : other.foreign_keys) {
      if (!same_name(fk.referenced_table, old_name) || !same_name(fk.referenced_schema, old_schema)) continue;
      fk.referenced_table = t.name;
      fk.referenced_schema = t.schema;
    }
  }
  const std::string own = "sqlite_autoindex_" + old_name + "_";
  for (Key& k : t.keys) {
    if (k.name.starts_with(own)) k.name = "sqlite_autoindex_" + t.name.str() + "_" + k.name.substr(own.size());
  }
  index_table(static_cast<size_t>(&t - catalog_.tables.data()));
}

bool DdlReader::rename_tables(DdlCursor& c) {  // after RENAME TABLE
  c.accept({"if", "exists"});
  do {
    QualifiedName from, to;
    if (!c.qualified(from)) return false;
    if (c.accept("wait")) ++c.at;
    c.accept("nowait");
    if (!c.accept("to") || !c.qualified(to)) return false;
    Table* t = find(from);
    if (t == nullptr) return false;
    rename_table(*t, to);
  } while (c.accept_punct(','));
  return c.done();
}

bool DdlReader::drop_constraint(Table& t, const std::string& name) {
  const auto named = [&](const auto& k) { return same_name(k.name, name); };
  // A key first: on MySQL a foreign key and its index may share a name, and each has its own DROP.
  size_t gone = std::erase_if(t.keys, [&](const Key& k) { return named(k) && (k.constraint || k.unique); });
  if (gone == 0) gone = std::erase_if(t.foreign_keys, named);
  if (gone == 0) gone = std::erase_if(t.checks, named);
  return gone > 0;
}

bool DdlReader::alter_add(DdlCursor& c, Table& t) {  // after ADD
  if (c.is("partition") || c.is("system")) {
    c.at = c.at + 1;
    c.skip_to_comma();
    return true;
  }
  const bool said_column = c.accept("column");
  const bool if_not_exists = c.accept({"if", "not", "exists"});
  std::span<const Token> inside;
  if (c.is_punct('(')) {  // MySQL: ADD (a int, b int)
    if (!c.parenthesised(inside)) return false;
    DdlCursor in(inside, engine_);
    return table_elements(in, t);
  }
  if (!said_column) {
    bool handled = false;
    if (!table_constraint(c, t, handled)) return false;
    if (handled) return true;
  }
  Column column;
  ColumnExtras extras;
  std::string name;
  if (!c.name(name)) return false;
  column.name = name;
  if (!column_definition(c, t, column, extras)) return false;
  if (t.column(name) != nullptr && if_not_exists) return true;
  add_column(t, std::move(column), std::move(extras), t.columns.size());
  place_column(c, t, name);
  return true;
}

/// MySQL's FIRST and AFTER x.
void DdlReader::place_column(DdlCursor& c, Table& t, const std::string& name) {
  std::string after;
  const bool first = c.accept("first");
  if (!first && !(c.accept("after") && c.name(after))) return;
  const auto by_name = [&](const std::string& n) {
    return std::find_if(t.columns.begin(), t.columns.end(), [&](const Column& k) { return same_name(k.name, n); });
  };
  auto it = by_name(name);
  if (it == t.columns.end()) return;
  Column moved = std::move(*it);
  t.columns.erase(it);
  auto place = t.columns.begin();
  if (!first) {
    place = by_name(after);
    if (place != t.columns.end()) ++place;
  }
  t.columns.insert(place, std::move(moved));
}

bool DdlReader::alter_drop(DdlCursor& c, Table& t) {  // after DROP
  std::string name;
  if (c.accept({"primary", "key"})) {
    std::erase_if(t.keys, [](const Key& k) { return k.primary; });
    return true;
  }
  if (c.accept_any({"partition", "system"})) {
    c.skip_to_comma();
    return true;
  }
  const bool constraint = c.is("constraint") || c.is("check");
  const bool foreign = c.is("foreign") && c.is("key", 1);
  const bool index = c.is_any({"index", "key"}) && c.is_name(1) && !foreign;
  if (foreign) ++c.at;
  if (constraint || foreign || index)
    ++c.at;
  else
    c.accept("column");
  const bool if_exists = c.accept({"if", "exists"});
  if (!c.name(name)) return false;
  c.accept_any({"cascade", "restrict"});
  if (foreign) return std::erase_if(t.foreign_keys, [&](const ForeignKey& fk) { return same_name(fk.name, name); }) > 0 || if_exists;
  if (index) return std::erase_if(t.keys, [&](const Key& k) { return same_name(k.name, name); }) > 0 || if_exists;
  if (constraint) {
    // A constraint without a name of ours (a check of SQLite or MySQL) cannot be told from the others; leaving it there would claim a
    // protection that is gone, so an unknown name is said.
    return drop_constraint(t, name) || if_exists;
  }
  if (t.column(name) == nullptr && !if_exists) return t.columns.empty();
  drop_column(t, name);
  return true;
}

bool DdlReader::change_column(DdlCursor& c, Table& t, const std::string& old_name) {  // the new name and definition follow
  Column column;
  ColumnExtras extras;
  std::string name;
  if (!c.name(name)) return false;
  column.name = name;
  if (t.column(old_name) == nullptr) return false;
  if (!same_name(old_name, column.name)) rename_column(t, old_name, column.name);
  if (!column_definition(c, t, column, extras)) return false;
  const Column* before = t.column(name);
  if (column.collation.empty()) column.collation = before->collation;
  for (const Key& k : t.keys) {
    if (k.primary && std::any_of(k.parts.begin(), k.parts.end(), [&](const KeyPart& p) { return same_name(p.column, name); }))
      column.nullable = false;
  }
  add_column(t, std::move(column), std::move(extras), t.columns.size());
  place_column(c, t, name);
  return true;
}

bool DdlReader::alter_column(DdlCursor& c, Table& t) {  // after ALTER
  if (c.is_any({"index", "key"}) && c.is_name(1) && is_mysql_family(engine_)) {
    ++c.at;
    c.accept({"if", "exists"});
    std::string name;
    if (!c.name(name)) return false;
    Key* k = find_key(t, name);
    if (k == nullptr) return false;
    return unique_tail(c, *k);
  }
  if (c.accept("constraint") || c.accept("check")) {
    std::string name;
    if (!c.name(name)) return false;
    const ConstraintTail tail = constraint_tail(c);
    if (Key* k = find_key(t, name); k != nullptr) k->deferrable = tail.deferrable, k->deferred = tail.deferred;
    if (!tail.enforced) std::erase_if(t.checks, [&](const Check& k) { return same_name(k.name, name); });
    return true;
  }
  c.accept("column");
  c.accept({"if", "exists"});
  std::string name;
  if (!c.name(name)) return false;
  const auto it = std::find_if(t.columns.begin(), t.columns.end(), [&](const Column& k) { return same_name(k.name, name); });
  if (it == t.columns.end()) return t.is_view;
  Column& column = *it;
  if (c.accept({"set", "not", "null"})) {
    column.nullable = false;
  } else if (c.accept({"drop", "not", "null"})) {
    column.nullable = true;
  } else if (c.accept({"set", "default"})) {
    const size_t from = c.at;
    c.skip_to_comma();
    const Expr e = parse_expression(c.slice(from, c.at), engine_);
    column.default_expression.reset();
    if (e.kind != ExprKind::kNull) column.default_expression = print_expression(e);
    if (engine_ == Engine::kPostgres && e.kind == ExprKind::kCall && e.text == "nextval") column.identity = true;
  } else if (c.accept({"drop", "default"})) {
    column.default_expression.reset();
    column.identity = false;
  } else if (c.accept({"drop", "identity"})) {
    c.accept({"if", "exists"});
    column.identity = false;
  } else if (c.accept({"drop", "expression"})) {
    c.accept({"if", "exists"});
    column.generated = false;
    column.default_expression.reset();
  } else if (c.accept({"add", "generated"})) {
    column.identity = true;
    c.skip_to_comma();
  } else if (c.accept({"set", "data", "type"}) || c.accept("type")) {
    column_type(c, column);
    column.collation = Name();
    if (c.accept("collate")) {
      QualifiedName n;
      if (!c.qualified(n)) return false;
      column.collation = n.schema.empty() || n.schema == "pg_catalog" ? n.name : n.schema + "." + n.name;
    }
    c.skip_to_comma();                                 // USING expression
  } else if (c.is_any({"set", "reset", "restart"})) {  // statistics, storage, (n_distinct = …), visible
    c.skip_to_comma();
  } else {
    return false;
  }
  return true;
}

bool DdlReader::alter_rename(DdlCursor& c, Table& t) {  // after RENAME
  std::string from, to;
  QualifiedName table;
  if (c.accept("constraint") || (c.is_any({"index", "key"}) && c.is_name(1) && c.is("to", 2) && (++c.at, true))) {
    if (!c.name(from) || !c.accept("to") || !c.name(to)) return false;
    bool found = false;
    for (Key& k : t.keys) {
      if (same_name(k.name, from)) k.name = to, found = true;
    }
    for (ForeignKey& k : t.foreign_keys) {
      if (!found && same_name(k.name, from)) k.name = to, found = true;
    }
    for (Check& k : t.checks) {
      if (!found && same_name(k.name, from)) k.name = to, found = true;
    }
    return found;
  }
  if ((c.is_any({"to", "as"}) && c.is_name(1) && !c.is("to", 1)) || c.is_punct('=')) {
    ++c.at;
    if (!c.qualified(table)) return false;
    rename_table(t, table);
    return true;
  }
  if (is_mysql_family(engine_) && c.is_name() && !c.is("column")) {  // RENAME new_name
    if (!c.qualified(table)) return false;
    rename_table(t, table);
    return true;
  }
  if (c.is("column") && !c.is("to", 1)) ++c.at;
  c.accept({"if", "exists"});
  if (!c.name(from) || !c.accept("to") || !c.name(to)) return false;
  if (t.column(from) == nullptr && !t.is_view) return false;
  rename_column(t, from, to);
  return true;
}

bool DdlReader::attach_partition(DdlCursor& c, Table& t) {  // after ATTACH PARTITION or DETACH PARTITION
  QualifiedName n;
  if (!c.qualified(n)) return false;
  c.skip_to_comma();
  return find(n) != nullptr || !t.partitioned;
}

bool DdlReader::alter_action(DdlCursor& c, Table& t) {
  std::string name;
  if (c.accept("add")) return alter_add(c, t);
  if (c.accept("drop")) return alter_drop(c, t);
  if (c.accept("alter")) return alter_column(c, t);
  if (c.accept("rename")) return alter_rename(c, t);
  if (c.accept("modify")) {
    c.accept("column");
    c.accept({"if", "exists"});
    const Token& token = c.peek();
    DdlCursor look(std::span<const Token>(&token, 1), engine_);
    return look.name(name) && change_column(c, t, name);
  }
  if (c.accept("change")) {
    c.accept("column");
    c.accept({"if", "exists"});
    return c.name(name) && change_column(c, t, name);
  }
  if (c.accept({"set", "schema"})) {
    if (!c.name(name)) return false;
    rename_table(t, {name, t.name});
    return true;
  }
  if (c.accept({"attach", "partition"}) || c.accept({"detach", "partition"})) return attach_partition(c, t);
  if (c.accept("engine")) {
    c.accept_punct('=');
    if (!c.name(t.storage_engine)) return false;
    c.skip_to_comma();  // more options may follow without a comma
    return true;
  }
  if (c.accept({"partition", "by"})) {
    t.partitioned = true;
    c.at = c.at + 1;
    c.skip_to_comma();
    return true;
  }
  if (c.accept("inherit")) {
    QualifiedName parent;
    return c.qualified(parent);
  }
  // What changes no key and no column.
  if (c.is_any({"owner",
                "enable",
                "disable",
                "cluster",
                "replica",
                "validate",
                "set",
                "reset",
                "force",
                "no",
                "of",
                "not",
                "convert",
                "default",
                "charset",
                "character",
                "collate",
                "comment",
                "algorithm",
                "lock",
                "order",
                "auto_increment",
                "row_format",
                "key_block_size",
                "discard",
                "import",
                "without",
                "partition",
                "remove",
                "truncate",
                "coalesce",
                "reorganize",
                "rebuild",
                "optimize",
                "analyze",
                "check",
                "repair",
                "exchange",
                "pack_keys",
                "checksum",
                "stats_persistent",
                "max_rows",
                "min_rows",
                "avg_row_length",
                "delay_key_write",
                "tablespace",
                "wait",
                "nowait",
                "page_compressed",
                "encryption"})) {
    c.skip_to_comma();
    return true;
  }
  return false;
}

bool DdlReader::alter_table(DdlCursor& c) {  // after ALTER TABLE
  const bool if_exists = c.accept({"if", "exists"});
  c.accept("only");
  QualifiedName n;
  if (!c.qualified(n)) return false;
  c.accept_punct('*');
  if (c.accept("wait")) ++c.at;
  c.accept("nowait");
  Table* t = find(n);
  if (t == nullptr) {
    // pg_dump also says ALTER TABLE of sequences, and of what belongs to somebody.
    if (if_exists || c.is_any({"owner", "enable", "disable", "cluster", "replica"}) || c.done()) return true;
    note(statement_offset_, "ALTER TABLE of a table that is not in the schema: " + n.name);
    partly_understood_ = true;
    return true;
  }
  const size_t place = static_cast<size_t>(t - catalog_.tables.data());
  do {
    const size_t start = c.at;
    Table& now = catalog_.tables[place];
    if (!alter_action(c, now) || !(c.done() || c.is_punct(','))) {
      c.at = start;
      c.skip_to_comma();
      partly_understood_ = true;
      now.keys_incomplete = true;
      note(statement_offset_,
           "ALTER TABLE " + now.name.str() + ": not understood: " + spell_tokens(c.slice(start, std::min(c.at, start + 8)), engine_));
    }
  } while (c.accept_punct(','));
  return true;
}

bool DdlReader::alter_index(DdlCursor& c) {  // after ALTER INDEX
  c.accept({"if", "exists"});
  QualifiedName n;
  if (!c.qualified(n)) return false;
  Table* owner = nullptr;
  Key* k = find_index(n, &owner);
  std::string to;
  if (c.accept({"rename", "to"})) {
    if (!c.name(to)) return false;
    if (k != nullptr) k->name = to;
    return true;
  }
  // pg_dump attaches every partition's index; PostgreSQL makes the parent's valid with the last of them.
  if (c.accept({"attach", "partition"}) && k != nullptr) k->valid = true;
  return true;
}

}  // namespace dbaudit
