// What keys are made of: parts, CREATE INDEX, foreign keys, exclusion constraints, and the names engines give to what was not named.

#include <algorithm>
#include <cstdlib>
#include <set>

#include "analyzers/schema/ddl_reader.h"
#include "analyzers/schema/expression.h"

namespace dbaudit {
namespace {

/// PostgreSQL cuts generated names to 63 bytes, taking from the longer of table and columns first (makeObjectName).
std::string make_object_name(std::string table, std::string columns, std::string_view label) {
  constexpr size_t kLimit = 63;
  const size_t overhead = (columns.empty() ? 0 : 1) + (label.empty() ? 0 : label.size() + 1);
  while (table.size() + columns.size() + overhead > kLimit && (!table.empty() || !columns.empty())) {
    if (table.size() > columns.size())
      table.pop_back();
    else
      columns.pop_back();
  }
  std::string out = std::move(table);
  if (!columns.empty()) out += "_" + columns;
  if (!label.empty()) out += "_" + std::string(label);
  return out;
}

bool referential_action(DdlCursor& c, std::string& action) {
  if (c.accept("cascade"))
    action = "CASCADE";
  else if (c.accept("restrict"))
    action = "RESTRICT";
  else if (c.accept({"set", "null"}))
    action = "SET NULL";
  else if (c.accept({"set", "default"}))
    action = "SET DEFAULT";
  else if (c.accept({"no", "action"}))
    action.clear();
  else
    return false;
  if (action == "RESTRICT" && is_mysql_family(c.engine())) action.clear();  // InnoDB: the same as NO ACTION
  c.skip_parenthesised();                                                   // SET NULL (columns), PostgreSQL 15
  return true;
}

bool name_list(std::span<const Token> inside, Engine engine, std::vector<std::string>& out) {
  DdlCursor c(inside, engine);
  while (!c.done()) {
    std::string name;
    if (!c.name(name)) return false;
    c.skip_parenthesised();  // a prefix length
    c.accept_any({"asc", "desc"});
    out.push_back(std::move(name));
    if (!c.accept_punct(',')) break;
  }
  return c.done() && !out.empty();
}

}  // namespace

bool DdlReader::key_part(DdlCursor& c, KeyPart& part) {
  if (engine_ == Engine::kSqlite) {
    // Any expression, unparenthesised, then COLLATE and a direction.
    size_t from = c.at;
    c.skip_to_comma();
    size_t to = c.at;
    const auto ends_with = [&](std::string_view w) {
      return to > from && c.slice(to - 1, to)[0].kind == TokenKind::kWord && iequals(c.slice(to - 1, to)[0].text, w);
    };
    if (ends_with("first") || ends_with("last")) to -= to - from > 2 ? 2 : 0;
    if (ends_with("asc"))
      --to;
    else if (ends_with("desc"))
      --to, part.descending = true;
    DdlCursor whole(c.slice(from, to), engine_);
    if (to - from > 2 && iequals(c.slice(to - 2, to)[0].text, "collate") && c.slice(to - 2, to)[0].kind == TokenKind::kWord) {
      whole.at = to - from - 1;
      if (whole.name(part.collation)) to -= 2;
      whole.at = 0;
    }
    if (to == from) return false;
    if (to - from == 1 && whole.name(part.column)) return true;
    const Expr e = parse_expression(c.slice(from, to), engine_);
    part.expression = print_expression(e);
    return true;
  }

  const size_t start = c.at;
  std::span<const Token> inside;
  if (c.parenthesised(inside)) {
    const Expr e = parse_expression(inside, engine_);
    if (e.kind == ExprKind::kColumn && inside.size() == 1) {
      DdlCursor(inside, engine_).name(part.column);
    } else {
      part.expression = print_expression(e);
    }
  } else {
    QualifiedName n;
    if (!c.qualified(n)) return false;
    if (c.is_punct('(')) {
      const bool number = c.peek(1).kind == TokenKind::kNumber && c.is_punct(')', 2);
      if (number && engine_ != Engine::kPostgres) {
        part.column = n.name;
        part.prefix_length =
            static_cast<int>(std::min<unsigned long>(std::strtoul(std::string(c.peek(1).text).c_str(), nullptr, 10), 65535));
        c.at += 3;
      } else {
        if (!c.skip_parenthesised()) return false;
        part.expression = normalise_expression(c.slice(start, c.at), engine_);
      }
    } else {
      part.column = n.name;
    }
  }
  while (!c.done() && !c.is_punct(',') && !c.is_punct(')')) {
    if (c.accept("collate")) {
      QualifiedName n;
      if (!c.qualified(n)) return false;
      part.collation = n.schema.empty() || n.schema == "pg_catalog" ? n.name : n.schema + "." + n.name;
    } else if (c.accept("desc")) {
      part.descending = true;
    } else if (c.accept("asc") || c.accept({"nulls", "first"}) || c.accept({"nulls", "last"})) {
    } else {
      QualifiedName operator_class;
      if (c.is("with") || !c.qualified(operator_class)) return c.is("with");
      c.skip_parenthesised();
    }
  }
  return true;
}

bool DdlReader::key_parts(DdlCursor& c, std::vector<KeyPart>& parts) {
  std::span<const Token> inside;
  if (!c.parenthesised(inside)) return false;
  DdlCursor in(inside, engine_);
  do {
    KeyPart part;
    if (!key_part(in, part)) return false;
    parts.push_back(std::move(part));
  } while (in.accept_punct(','));
  return in.done();
}

DdlReader::ConstraintTail DdlReader::constraint_tail(DdlCursor& c) {
  static constexpr DdlWords kFirst({"not", "initially", "enforced", "no", "deferrable", "on"});
  ConstraintTail tail;
  while (c.is_any(kFirst)) {
    if (c.accept({"not", "deferrable"}) || c.accept({"initially", "immediate"}) || c.accept({"not", "valid"}) || c.accept("enforced")) {
    } else if (c.accept({"no", "inherit"})) {
      tail.inherited = false;
    } else if (c.accept("deferrable")) {
      tail.deferrable = true;
    } else if (c.accept({"initially", "deferred"})) {
      tail.deferrable = tail.deferred = true;
    } else if (c.accept({"not", "enforced"})) {
      tail.enforced = false;
    } else if (c.accept({"on", "conflict"})) {
      ++c.at;
    } else {
      break;
    }
  }
  return tail;
}

/// What follows the columns of a unique key, a primary key or an index, in any order of any dialect.
bool DdlReader::unique_tail(DdlCursor& c, Key& key) {
  for (;;) {
    const ConstraintTail tail = constraint_tail(c);
    key.deferrable |= tail.deferrable;
    key.deferred |= tail.deferred;
    std::span<const Token> inside;
    if (c.accept("include")) {
      if (!c.skip_parenthesised()) return false;
    } else if (c.accept({"nulls", "not", "distinct"})) {
      key.nulls_not_distinct = true;
    } else if (c.accept({"nulls", "distinct"})) {
    } else if (c.accept({"using", "index", "tablespace"}) || c.accept("tablespace") || c.accept("using") || c.accept({"with", "parser"})) {
      ++c.at;
    } else if (c.is("with") && c.is_punct('(', 1)) {
      ++c.at;
      if (!c.parenthesised(inside)) return false;
    } else if (c.accept("where")) {
      // The rest is the predicate; a CREATE INDEX has nothing after it.
      const size_t from = c.at;
      c.skip_to_comma();
      key.predicate = normalise_expression(c.slice(from, c.at), engine_);
    } else if (c.accept_any({"invisible", "ignored"})) {
      key.visible = false;
    } else if (c.accept({"not", "ignored"}) || c.accept("visible")) {
      key.visible = true;
    } else if (c.accept_any({"comment", "key_block_size", "algorithm", "lock", "clustering", "engine_attribute",
                             "secondary_engine_attribute", "fill_factor", "storing"})) {
      c.skip_option_value();
    } else {
      return true;
    }
  }
}

bool DdlReader::foreign_key(DdlCursor& c, Table& t, ForeignKey& fk) {  // after REFERENCES
  QualifiedName n;
  if (!c.qualified(n)) return false;
  fk.referenced_table = n.name;
  fk.referenced_schema = n.schema.empty() ? t.schema.str() : schema_for(n);
  std::span<const Token> inside;
  if (c.parenthesised(inside) && !name_list(inside, engine_, fk.referenced_columns)) return false;
  for (;;) {
    if (c.accept("match")) {
      ++c.at;
    } else if (c.accept({"on", "delete"})) {
      if (!referential_action(c, fk.on_delete)) return false;
    } else if (c.accept({"on", "update"})) {
      if (!referential_action(c, fk.on_update)) return false;
    } else {
      break;
    }
  }
  constraint_tail(c);
  return true;
}

bool DdlReader::exclusion(DdlCursor& c, Table& t, const std::string& name) {  // after EXCLUDE
  const size_t from = c.at;
  std::string method;
  if (c.accept("using") && !c.name(method)) return false;
  std::span<const Token> inside;
  if (!c.parenthesised(inside)) return false;
  Key key;
  key.name = name;
  key.unique = key.constraint = key.exclusion = true;
  bool only_equality = true;
  DdlCursor in(inside, engine_);
  do {
    KeyPart part;
    if (!key_part(in, part) || !in.accept("with")) return false;
    if (in.accept("operator")) {
      if (!in.skip_parenthesised()) return false;
      only_equality = false;
    } else {
      only_equality = only_equality && in.peek().text == "=";
      ++in.at;
    }
    key.parts.push_back(std::move(part));
  } while (in.accept_punct(','));
  if (!unique_tail(c, key)) return false;
  if (key.name.empty()) {
    std::vector<std::string> parts;
    for (const KeyPart& p : key.parts) parts.push_back(p.column.empty() ? "expr" : p.column);
    key.name = generated_name(t, parts, "excl");
  }
  t.exclusions.push_back("exclude " + spell_tokens(c.slice(from, c.at), engine_));
  if (only_equality) t.keys.push_back(std::move(key));
  return true;
}

std::string DdlReader::generated_name(const Table& t, const std::vector<std::string>& parts, std::string_view label) const {
  std::set<std::string_view> taken;
  for (const Key& k : t.keys) taken.insert(k.name);
  for (const Check& k : t.checks) taken.insert(k.name);
  for (const ForeignKey& k : t.foreign_keys) taken.insert(k.name);
  for (int n = 0;; ++n) {
    const std::string suffix = n == 0 ? "" : std::to_string(n);
    std::string name = make_object_name(t.name, join(parts, "_"), std::string(label) + suffix);
    if (!taken.contains(name)) return name;
  }
}

void DdlReader::add_check(Table& t, const std::string& name, std::span<const Token> expression) {
  Check check;
  check.name = name;
  const Expr e = parse_expression(expression, engine_);
  check.expression = print_expression(e);
  if (check.name.empty() && engine_ == Engine::kPostgres) {
    std::vector<std::string> columns;
    bool complete = true;
    collect_columns(e, columns, complete);
    if (columns.size() != 1) columns.clear();
    check.name = generated_name(t, columns, "check");
  }
  t.checks.push_back(std::move(check));
}

/// SQLite: a part's collation is worth saying when it is not its column's. BINARY is everybody's default.
void DdlReader::own_collation_only(const Table& t, KeyPart& p) {
  std::string upper = p.collation;
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  p.collation = upper;
  const Column* column = t.column(p.column);
  if (column != nullptr && upper == (column->collation.empty() ? "BINARY" : column->collation.str())) p.collation = Name();
}

/// Adds a key, named as the engine would name it. SQLite names its own at the end of the table (finish_table), when it is known which there are.
void DdlReader::add_key(Table& t, Key key) {
  if (key.name.empty() && engine_ != Engine::kSqlite) {
    std::vector<std::string> parts;
    for (const KeyPart& p : key.parts) {
      // PostgreSQL names an expression after its outermost function.
      const std::string& expression = p.expression;
      const size_t paren = expression.find('(');
      const bool call = paren != std::string::npos && paren > 0 && expression.find(' ') > paren;
      parts.push_back(!p.column.empty() ? p.column.str() : call ? expression.substr(0, paren) : "expr");
    }
    if (engine_ == Engine::kPostgres) {
      key.name = key.primary ? generated_name(t, {}, "pkey") : generated_name(t, parts, key.constraint ? "key" : "idx");
    } else if (key.primary) {
      key.name = "PRIMARY";
    } else if (!parts.empty()) {
      // MySQL: the first column, then _2, _3.
      const std::string base = key.parts[0].column.empty() ? "functional_index" : key.parts[0].column;
      key.name = base;
      for (int n = 2; find_key(t, key.name) != nullptr; ++n) key.name = base + "_" + std::to_string(n);
    }
  }
  if (engine_ == Engine::kSqlite) {
    for (KeyPart& p : key.parts) own_collation_only(t, p);
  }
  if (key.primary && engine_ != Engine::kSqlite) {
    for (const KeyPart& p : key.parts) {
      for (Column& column : t.columns) {
        if (same_name(column.name, p.column)) column.nullable = false;
      }
    }
  }
  t.keys.push_back(std::move(key));
}

bool DdlReader::create_index(DdlCursor& c, bool unique) {  // after CREATE … INDEX
  Key key;
  key.unique = unique;
  key.constraint = unique && is_mysql_family(engine_);
  c.accept("concurrently");
  const bool if_not_exists = c.accept({"if", "not", "exists"});
  QualifiedName index;
  if (!c.is("on") || (c.is_name(1) && c.is("on", 1))) {
    if (!c.qualified(index)) return false;
    key.name = index.name;
  }
  if (c.accept("using")) ++c.at;
  if (!c.accept("on")) return false;
  const bool only = c.accept("only");
  QualifiedName n;
  if (!c.qualified(n)) return false;
  // SQLite writes the schema on the index, not on the table.
  if (engine_ == Engine::kSqlite && n.schema.empty()) n.schema = index.schema;
  if (c.accept("using")) ++c.at;
  if (!key_parts(c, key.parts) || !unique_tail(c, key)) return false;
  while (!c.done()) {
    if (!c.accept_any({"algorithm", "lock", "wait", "nowait"})) return false;
    c.skip_option_value();
  }
  Table* t = find(n);
  if (t == nullptr) {
    // An index on a table this file does not know: nothing to attach it to, and worth a line.
    note(statement_offset_, "index " + key.name + " is on a table that is not in the schema: " + n.name);
    partly_understood_ = true;
    return true;
  }
  if (Key* old = find_key(*t, key.name); old != nullptr && !key.name.empty()) {
    if (if_not_exists) return true;
    *old = std::move(key);
    return true;
  }
  // CREATE INDEX ON ONLY of a partitioned table enforces nothing until every partition's index is attached to it.
  if (only && t->partitioned) key.valid = false;
  add_key(*t, std::move(key));
  return true;
}

}  // namespace dbaudit
