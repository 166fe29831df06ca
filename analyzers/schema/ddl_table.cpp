// CREATE TABLE of three dialects and whatever stands in for it. One grammar reads all of them: where they differ in a way that changes the meaning
// (KEY as a table element, PRIMARY KEY and NULL, INTEGER PRIMARY KEY) the engine is asked; everything else is accepted from anyone. An element
// that is not understood is left out, the table is marked keys_incomplete and the statement counted: the good parts are still facts.

#include <algorithm>
#include <array>

#include "analyzers/base/hash.h"
#include "analyzers/schema/ddl_reader.h"
#include "analyzers/schema/expression.h"

namespace dbaudit {
namespace {

/// A comma, a closing bracket, or one more mark that ends what is read.
bool is_end(const DdlCursor& c, char more = ',') {
  const char mark = c.mark();
  return c.done() || mark == ',' || mark == ')' || mark == more;
}

/// Where a type ends.
bool ends_type(const DdlCursor& c) {
  if (c.peek().kind != TokenKind::kWord) return is_end(c, '=');
  static constexpr DdlWords kWords({"constraint",
                                    "not",
                                    "null",
                                    "default",
                                    "primary",
                                    "unique",
                                    "key",
                                    "check",
                                    "references",
                                    "collate",
                                    "charset",
                                    "generated",
                                    "as",
                                    "auto_increment",
                                    "autoincrement",
                                    "comment",
                                    "on",
                                    "virtual",
                                    "stored",
                                    "persistent",
                                    "invisible",
                                    "visible",
                                    "column_format",
                                    "storage",
                                    "compression",
                                    "deferrable",
                                    "initially",
                                    "first",
                                    "after",
                                    "using",
                                    "options",
                                    "srid",
                                    "ref_system_id",
                                    "compressed",
                                    "engine_attribute",
                                    "secondary_engine_attribute",
                                    "period",
                                    "character",
                                    "char",
                                    "with",
                                    "without"});
  if (!c.is_any(kWords)) return false;
  if (c.is("character") || c.is("char")) return c.is("set", 1);
  if (c.is("with") || c.is("without")) return !c.is("time", 1);
  return true;
}

/// Where a DEFAULT's expression ends; its first token always belongs to it.
bool ends_default(const DdlCursor& c) {
  if (c.peek().kind != TokenKind::kWord) return is_end(c);
  static constexpr DdlWords kWords({"not",        "null",       "constraint", "primary",        "unique",  "check",
                                    "references", "collate",    "generated",  "auto_increment", "comment", "on",
                                    "invisible",  "visible",    "first",      "after",          "key",     "column_format",
                                    "storage",    "deferrable", "initially",  "virtual",        "stored",  "compressed"});
  return c.is_any(kWords);
}

/// PostgreSQL's own spelling of a type (format_type).
std::string postgres_type(std::string_view type) {
  struct Alias {
    std::string_view from, to;
  };
  static constexpr std::array<Alias, 15> kAliases = {{{"int", "integer"},
                                                      {"int4", "integer"},
                                                      {"int8", "bigint"},
                                                      {"int2", "smallint"},
                                                      {"bool", "boolean"},
                                                      {"varchar", "character varying"},
                                                      {"char", "character"},
                                                      {"decimal", "numeric"},
                                                      {"dec", "numeric"},
                                                      {"float8", "double precision"},
                                                      {"float", "double precision"},
                                                      {"float4", "real"},
                                                      {"varbit", "bit varying"},
                                                      {"char varying", "character varying"},
                                                      {"bpchar", "character"}}};
  const size_t end = std::min(type.find('('), type.find('['));
  const std::string_view head = type.substr(0, end);
  const std::string_view tail = end == std::string_view::npos ? std::string_view() : type.substr(end);
  for (const Alias& a : kAliases) {
    if (head == a.from) return std::string(a.to).append(tail);
  }
  for (std::string_view clock : {"timestamp", "time"}) {
    // timestamptz(3), timestamp(3), timestamp → timestamp(3) with time zone, …
    const bool with_zone = head.size() == clock.size() + 2 && head.starts_with(clock) && head.ends_with("tz");
    if (head != clock && !with_zone) continue;
    const size_t close = tail.find(')');
    const size_t digits = close == std::string_view::npos ? 0 : close + 1;
    const std::string_view rest = tail.substr(digits);
    if (rest.find("time zone") != std::string_view::npos) break;
    return std::string(clock).append(tail.substr(0, digits)).append(with_zone ? " with time zone" : " without time zone").append(rest);
  }
  return std::string(type);
}

bool is_text_type(std::string_view type) {
  for (std::string_view t : {"char", "varchar", "text", "tinytext", "mediumtext", "longtext", "enum", "set"}) {
    if (type == t || (type.starts_with(t) && (type[t.size()] == '(' || type[t.size()] == ' '))) return true;
  }
  return false;
}

std::string upper(std::string s) {
  for (char& ch : s) {
    if (ch >= 'a' && ch <= 'z') ch = static_cast<char>(ch - 'a' + 'A');
  }
  return s;
}

}  // namespace

void DdlReader::column_type(DdlCursor& c, Column& column) {
  const size_t from = c.at;
  while (!ends_type(c)) {
    if (!c.skip_parenthesised()) ++c.at;
  }
  const std::span<const Token> tokens = c.slice(from, c.at);
  const TypeRead read = tokens.empty() ? read_type(tokens) : known_type(tokens);
  column.type = read.type;
  column.is_unsigned = read.is_unsigned;
  column.identity |= read.counts;
  column.nullable &= !read.counts;
}

/// read_type() of tokens that are there; the same few types are written again and again.
const DdlReader::TypeRead& DdlReader::known_type(std::span<const Token> tokens) {
  const char* const begin = tokens.front().text.data();
  const std::string_view text(begin, static_cast<size_t>(tokens.back().text.data() + tokens.back().text.size() - begin));
  TypeRead& known = types_[hash_combine(hash_bytes(text), tokens.size())];
  if (known.text != text || known.tokens != tokens.size()) {
    known = read_type(tokens);
    known.text = text;
    known.tokens = tokens.size();
  }
  return known;
}

DdlReader::TypeRead DdlReader::read_type(std::span<const Token> tokens) const {
  TypeRead read;
  const std::string type = spell_tokens(tokens, engine_);
  const std::string_view first = std::string_view(type).substr(0, type.find_first_of("( "));
  if (engine_ == Engine::kPostgres && !tokens.empty() && tokens[0].text == "\"char\"") {
    read.type = "\"char\"";  // one byte, another type than char
  } else if (engine_ == Engine::kPostgres) {
    const bool small = first == "smallserial" || first == "serial2", big = first == "bigserial" || first == "serial8";
    if (small || big || first == "serial" || first == "serial4") {
      read.type = small ? "smallint" : big ? "bigint" : "integer";
      read.counts = true;
    } else {
      read.type = postgres_type(type);
    }
  } else if (is_mysql_family(engine_)) {
    read.is_unsigned = type.find(" unsigned") != std::string::npos || type.find(" zerofill") != std::string::npos;
    read.type = first == "bool" || first == "boolean" ? Name("tinyint(1)") : Name(type);
  } else {
    read.type = type;
  }
  return read;
}

/// One constraint or attribute of a column. False when the next token is none.
bool DdlReader::column_constraint(DdlCursor& c, Table& t, Column& column, ColumnExtras& extras) {
  std::string name;
  if (c.accept("constraint") && !c.name(name)) return false;
  const auto key = [&](bool primary) -> Key& {
    Key k;
    k.name = name;
    k.unique = k.constraint = true;
    k.primary = primary;
    KeyPart part;
    part.column = column.name;
    k.parts.push_back(std::move(part));
    extras.keys.push_back(std::move(k));
    return extras.keys.back();
  };
  std::span<const Token> inside;
  if (c.accept({"not", "null"})) {
    column.nullable = false;
    constraint_tail(c);
  } else if (c.accept("null")) {
    constraint_tail(c);
  } else if (c.accept("default")) {
    const size_t from = c.at;
    int brackets = 0;  // ARRAY['a', 'b']
    do {
      brackets += c.is_punct('[') ? 1 : c.is_punct(']') ? -1 : 0;
      if (!c.skip_parenthesised()) ++c.at;
    } while (brackets > 0 ? !c.done() : !ends_default(c));
    const Expr e = parse_expression(c.slice(from, c.at), engine_);
    if (e.kind != ExprKind::kNull) column.default_expression = print_expression(e);
    if (engine_ == Engine::kPostgres && e.kind == ExprKind::kCall && e.text == "nextval") column.identity = true;
  } else if (c.accept({"primary", "key"}) || (c.is("key") && !c.is_punct('(', 1) && (++c.at, true))) {
    Key& k = key(true);
    if (c.accept("desc")) descending_primary_key_ = k.parts[0].descending = true;
    c.accept("asc");
    if (!unique_tail(c, k)) return false;
    column.identity |= c.accept("autoincrement");
    if (engine_ != Engine::kSqlite) column.nullable = false;
  } else if (c.accept("unique")) {
    c.accept("key");
    if (!unique_tail(c, key(false))) return false;
  } else if (c.accept("check")) {
    if (!c.parenthesised(inside)) return false;
    if (constraint_tail(c).enforced) extras.checks.emplace_back(name, inside);
  } else if (c.accept("references")) {
    ForeignKey fk;
    fk.name = name;
    fk.columns.push_back(column.name);
    if (!foreign_key(c, t, fk)) return false;
    // MySQL reads REFERENCES in a column and forgets it (manual 13.1.20.5); MariaDB keeps it since 10.5.
    if (engine_ != Engine::kMySql) extras.foreign_keys.push_back(std::move(fk));
  } else if (c.accept("collate")) {
    QualifiedName n;
    if (c.is_punct('=')) ++c.at;
    if (!c.qualified(n)) return false;
    column.collation = n.schema.empty() || n.schema == "pg_catalog" ? n.name : n.schema + "." + n.name;
    if (engine_ == Engine::kSqlite) {
      column.collation = upper(column.collation);
      if (column.collation == "BINARY") column.collation = Name();
    } else if (column.collation == "default") {
      column.collation = Name();
    }
  } else if (c.accept({"generated", "by", "default", "as", "identity"}) || c.accept({"generated", "always", "as", "identity"})) {
    column.identity = true;
    column.nullable = false;
    c.skip_parenthesised();
  } else if (c.accept({"generated", "always", "as", "row"})) {  // MariaDB system versioning
    column.generated = true;
    column.nullable = false;
    ++c.at;
  } else if (c.accept({"generated", "always", "as"}) || c.accept("as")) {
    if (!c.parenthesised(inside)) return false;
    column.generated = true;
    column.default_expression = normalise_expression(inside, engine_);
    c.accept_any({"stored", "virtual", "persistent"});
  } else if (c.accept_any({"auto_increment", "autoincrement"})) {
    column.identity = true;
  } else if (c.accept({"on", "update"})) {
    ++c.at;
    c.skip_parenthesised();
  } else if (c.accept({"character", "set"}) || c.accept("charset")) {
    own_charset_.push_back(column.name);
    c.skip_option_value();
  } else if (c.accept_any({"comment", "column_format", "storage", "compression", "srid", "ref_system_id", "engine_attribute",
                           "secondary_engine_attribute"})) {
    c.skip_option_value();
  } else if (c.accept("compressed")) {
    if (c.is_punct('=')) c.skip_option_value();
  } else if (c.accept_any({"invisible", "visible", "virtual", "stored", "persistent"}) || c.accept({"with", "system", "versioning"}) ||
             c.accept({"without", "system", "versioning"}) || c.accept({"with", "options"})) {
  } else if (c.is_any({"options", "using"})) {
    ++c.at;
    c.skip_option_value();
  } else {
    const size_t before = c.at;
    constraint_tail(c);
    return c.at != before;
  }
  return true;
}

/// The definition of `column` (whose name is read) up to a comma, the end of the list, FIRST or AFTER.
bool DdlReader::column_definition(DdlCursor& c, Table& t, Column& column, ColumnExtras& extras) {
  column_type(c, column);
  while (!is_end(c) && !c.is("first") && !c.is("after")) {
    if (!column_constraint(c, t, column, extras)) return false;
  }
  if (is_mysql_family(engine_) && column.type == "serial") {
    column.type = "bigint unsigned";
    column.is_unsigned = column.identity = true;
    column.nullable = false;
    Key k;
    k.unique = k.constraint = true;
    KeyPart part;
    part.column = column.name;
    k.parts.push_back(std::move(part));
    extras.keys.push_back(std::move(k));
  }
  return true;
}

void DdlReader::add_column(Table& t, Column column, ColumnExtras&& extras, size_t place) {
  const Name name = column.name;
  const auto same = std::find_if(t.columns.begin(), t.columns.end(), [&](const Column& k) {
    return k.name == name || (engine_ != Engine::kPostgres && k.name.lower() == name.lower());
  });
  if (same != t.columns.end()) {
    *same = std::move(column);  // a parent's column said again
  } else {
    constexpr size_t kUsual = 16;
    if (t.columns.empty()) t.columns.reserve(kUsual);
    t.columns.insert(t.columns.begin() + static_cast<std::ptrdiff_t>(std::min(place, t.columns.size())), std::move(column));
  }
  for (Key& k : extras.keys) add_key(t, std::move(k));
  for (auto& [check_name, expression] : extras.checks) add_check(t, check_name, expression);
  for (ForeignKey& fk : extras.foreign_keys) {
    if (fk.name.empty() && engine_ == Engine::kPostgres) fk.name = generated_name(t, fk.columns, "fkey");
    t.foreign_keys.push_back(std::move(fk));
  }
}

/// A table constraint or an index among the elements. `handled` false: it is a column.
bool DdlReader::table_constraint(DdlCursor& c, Table& t, bool& handled) {
  // Each element begins with one of these, or is a column; so may a column be.
  static constexpr DdlWords kFirst(
      {"constraint", "primary", "unique", "foreign", "check", "exclude", "fulltext", "spatial", "key", "index", "period"});
  handled = c.is_any(kFirst);
  if (!handled) return true;
  const size_t start = c.at;
  std::string name;
  bool named = false;
  if (c.is("constraint") && (c.is_name(1) || engine_ != Engine::kPostgres)) {
    ++c.at;
    named = true;
    if (!c.is_any({"primary", "unique", "foreign", "check", "exclude"}) || (c.is_name(1) && !c.is("key", 1) && !c.is_punct('(', 1))) {
      if (!c.name(name)) return false;
    }
  }
  const auto index_name = [&](Key& k) {  // MySQL: [name] [USING BTREE] before the parts
    if (!c.is_punct('(') && !c.is("using") && c.is_name()) {
      std::string n;
      c.name(n);
      if (k.name.empty() || !named) k.name = n;
    }
    if (c.accept("using")) ++c.at;
  };
  Key key;
  key.name = name;
  if (c.accept({"primary", "key"})) {
    key.unique = key.primary = key.constraint = true;
    if (c.accept({"using", "index"})) {  // ALTER TABLE … ADD PRIMARY KEY USING INDEX i
      std::string index;
      if (!c.name(index)) return false;
      Key* k = find_key(t, index);
      if (k == nullptr) return false;
      k->primary = k->constraint = true;
      if (!name.empty()) k->name = name;
      for (Column& column : t.columns) {
        if (std::any_of(k->parts.begin(), k->parts.end(), [&](const KeyPart& p) { return same_name(p.column, column.name); }))
          column.nullable = false;
      }
      return unique_tail(c, *k);
    }
    index_name(key);
    if (engine_ != Engine::kPostgres && engine_ != Engine::kSqlite) key.name.clear();
    if (!key_parts(c, key.parts) || !unique_tail(c, key)) return false;
    // AUTOINCREMENT may stand inside the list in SQLite; key_part takes it for an expression, which a primary key cannot have.
    for (KeyPart& p : key.parts) {
      const std::string& expression = p.expression;
      if (p.column.empty() && expression.ends_with(" autoincrement"))
        p.column = expression.substr(0, expression.size() - 14), p.expression = Name();
    }
    add_key(t, std::move(key));
    return true;
  }
  if (c.is("unique") && !(engine_ == Engine::kSqlite && !c.is_punct('(', 1))) {
    ++c.at;
    key.unique = key.constraint = true;
    if (c.accept({"using", "index"})) {
      std::string index;
      if (!c.name(index)) return false;
      Key* k = find_key(t, index);
      if (k == nullptr) return false;
      k->constraint = true;
      if (!name.empty()) k->name = name;
      return unique_tail(c, *k);
    }
    if (c.accept({"nulls", "not", "distinct"})) key.nulls_not_distinct = true;
    c.accept({"nulls", "distinct"});
    c.accept_any({"key", "index"});
    index_name(key);
    if (!key_parts(c, key.parts) || !unique_tail(c, key)) return false;
    add_key(t, std::move(key));
    return true;
  }
  if (c.accept({"foreign", "key"})) {
    ForeignKey fk;
    fk.name = name;
    c.accept({"if", "not", "exists"});
    if (!c.is_punct('(')) {
      std::string n;
      if (!c.name(n)) return false;
      if (fk.name.empty()) fk.name = n;
    }
    std::vector<KeyPart> parts;
    if (!key_parts(c, parts)) return false;
    for (const KeyPart& p : parts) fk.columns.push_back(p.column);
    if (!c.accept("references") || !foreign_key(c, t, fk)) return false;
    if (fk.name.empty() && engine_ == Engine::kPostgres) fk.name = generated_name(t, fk.columns, "fkey");
    t.foreign_keys.push_back(std::move(fk));
    return true;
  }
  if (c.is("check") && c.is_punct('(', 1)) {
    ++c.at;
    std::span<const Token> inside;
    if (!c.parenthesised(inside)) return false;
    const ConstraintTail tail = constraint_tail(c);
    if (tail.enforced) add_check(t, name, inside);
    if (tail.enforced && !tail.inherited) not_inherited_.insert({t.qualified(), t.checks.back().name});
    return true;
  }
  if (c.is("exclude") && (c.is("using", 1) || c.is_punct('(', 1))) {
    ++c.at;
    return exclusion(c, t, name);
  }
  if (engine_ != Engine::kPostgres && engine_ != Engine::kSqlite) {
    const bool special = c.is_any({"fulltext", "spatial"}) && (c.is_any({"key", "index"}, 1) || c.is_punct('(', 1) || c.is_punct('(', 2));
    // `KEY name (` or `KEY (`; when the engine is not known, `key varchar(10)` is a column.
    const bool plain = c.is_any({"key", "index"}) && ((c.is_punct('(', 1) && c.peek(2).kind != TokenKind::kNumber) ||
                                                      (c.is_name(1) && c.is_punct('(', 2) && c.peek(3).kind != TokenKind::kNumber) ||
                                                      c.is("using", 2) || (c.is("if", 1) && c.is("not", 2)) || c.is("using", 1));
    if (special || plain) {
      if (special) ++c.at;
      c.accept_any({"key", "index"});
      c.accept({"if", "not", "exists"});
      index_name(key);
      if (!key_parts(c, key.parts) || !unique_tail(c, key)) return false;
      add_key(t, std::move(key));
      return true;
    }
  }
  if (c.accept({"period", "for"})) {
    ++c.at;
    return c.skip_parenthesised();
  }
  if (named) return false;
  c.at = start;
  handled = false;
  return true;
}

bool DdlReader::table_element(DdlCursor& c, Table& t) {
  if (c.is("like") && c.is_name(1)) {
    ++c.at;
    QualifiedName n;
    if (!c.qualified(n)) return false;
    bool keys = is_mysql_family(engine_);
    while (c.is_any({"including", "excluding"})) {
      keys |= c.is("including") && c.is_any({"all", "indexes"}, 1);
      c.at += 2;
    }
    const Table* source = find(n);
    if (source == nullptr) return false;
    copy_table(t, *source, keys);
    return true;
  }
  bool handled = false;
  if (!table_constraint(c, t, handled)) return false;
  if (handled) return true;
  Column column;
  ColumnExtras extras;
  if (!c.name(column.name)) return false;
  if (!column_definition(c, t, column, extras)) return false;
  add_column(t, std::move(column), std::move(extras), t.columns.size());
  return true;
}

bool DdlReader::table_elements(DdlCursor& c, Table& t) {  // between the parentheses
  while (!c.done()) {
    const size_t start = c.at;
    const bool good = table_element(c, t) && (c.done() || c.is_punct(','));
    if (!good) {
      c.at = start;
      c.skip_to_comma();
      partly_understood_ = true;
      t.keys_incomplete = true;
      note(statement_offset_,
           "table " + t.name.str() + ": not understood: " + spell_tokens(c.slice(start, std::min(c.at, start + 8)), engine_));
    }
    if (!c.accept_punct(',')) break;
  }
  return c.done();
}

/// PRIMARY KEY, UNIQUE and so on of another table, under names of its own (CREATE TABLE … LIKE, PARTITION OF).
void DdlReader::copy_table(Table& t, const Table& source, bool keys) {
  for (const Column& column : source.columns) {
    t.columns.push_back(column);
  }
  if (!keys) return;
  for (Key k : source.keys) {
    if (k.exclusion) continue;
    if (!is_mysql_family(engine_)) k.name.clear();
    k.valid = true;
    add_key(t, std::move(k));
  }
}

void DdlReader::partition_of(Table& t, const Table& parent) {
  copy_table(t, parent, true);
  t.checks = parent.checks;
  t.foreign_keys = parent.foreign_keys;
}

void DdlReader::table_options(DdlCursor& c, Table& t) {
  std::string collation;
  while (!c.done()) {
    if (c.accept_punct(',')) continue;
    if (c.accept({"without", "rowid"})) {
      t.without_rowid = true;
    } else if (c.accept("strict")) {
      for (const Key& k : t.keys) {
        for (Column& column : t.columns) {
          if (k.primary && std::any_of(k.parts.begin(), k.parts.end(), [&](const KeyPart& p) { return same_name(p.column, column.name); }))
            column.nullable = false;
        }
      }
    } else if (c.accept("engine") || c.accept("type")) {
      c.accept_punct('=');
      if (!c.name(t.storage_engine)) return;
    } else if (c.accept("collate")) {
      c.accept_punct('=');
      if (!c.name(collation)) return;
    } else if (c.accept({"partition", "by"})) {
      t.partitioned = true;
      if (is_mysql_family(engine_)) break;  // partition definitions to the end
      ++c.at;
      c.skip_parenthesised();
    } else if (c.accept("inherits")) {
      std::span<const Token> inside;
      if (!c.parenthesised(inside)) return;
      DdlCursor in(inside, engine_);
      std::vector<Column> own = std::move(t.columns);
      t.columns.clear();
      do {
        QualifiedName n;
        if (!in.qualified(n)) break;
        if (const Table* parent = find(n); parent != nullptr) {
          for (const Column& column : parent->columns) {
            if (t.column(column.name) == nullptr) t.columns.push_back(column);
          }
          std::vector<Check> checks = parent->checks;
          std::erase_if(checks, [&](const Check& k) { return not_inherited_.contains({parent->qualified(), k.name}); });
          t.checks.insert(t.checks.begin(), checks.begin(), checks.end());
        }
      } while (in.accept_punct(','));
      for (Column& column : own) add_column(t, std::move(column), {}, t.columns.size());
    } else if (c.accept("as") || c.is_any({"select", "with"})) {
      if (c.is_punct('(') && c.is("with")) continue;
      if (c.is("with") && c.is_punct('(', 1)) {  // WITH (fillfactor=70)
        ++c.at;
        c.skip_parenthesised();
        continue;
      }
      if (c.is("with") && c.is("system", 1)) {
        c.at += 3;
        continue;
      }
      break;  // AS SELECT: no keys from there
    } else {
      ++c.at;
    }
  }
  if (collation.empty()) return;
  for (Column& column : t.columns) {
    const bool own = std::find(own_charset_.begin(), own_charset_.end(), column.name) != own_charset_.end();
    if (column.collation.empty() && !own && is_text_type(column.type)) column.collation = collation;
  }
}

/// Which key is the rowid, which keys SQLite makes only once, and what it calls them (sqlite3CreateIndex, convertToWithoutRowidTable).
void DdlReader::finish_sqlite_table(Table& t) {
  const auto column_of = [&](const KeyPart& p) -> Column* {
    for (Column& column : t.columns) {
      if (same_name(column.name, p.column)) return &column;
    }
    return nullptr;
  };
  std::vector<Key> rowid, indexed, others;
  for (Key& k : t.keys) {
    for (KeyPart& p : k.parts) own_collation_only(t, p);  // a UNIQUE may stand before its column's COLLATE
    Column* only = k.primary && k.parts.size() == 1 ? column_of(k.parts[0]) : nullptr;
    if (k.primary && t.without_rowid) {
      for (const KeyPart& p : k.parts) {
        if (Column* column = column_of(p); column != nullptr) column->nullable = false;
      }
    }
    const bool alias = only != nullptr && only->type == "integer" && !descending_primary_key_;
    if (alias && !t.without_rowid) {
      only->identity = true;
      only->nullable = false;
      k.name.clear();
      k.parts[0].descending = false;
      rowid.push_back(std::move(k));
    } else if (alias) {
      others.push_back(std::move(k));  // the last to get its index
    } else {
      indexed.push_back(std::move(k));
    }
  }
  for (Key& k : others) indexed.push_back(std::move(k));
  t.keys = std::move(rowid);
  const size_t first = t.keys.size();
  for (Key& k : indexed) {
    const auto same = std::find_if(t.keys.begin() + static_cast<std::ptrdiff_t>(first), t.keys.end(), [&](const Key& other) {
      return std::equal(other.parts.begin(), other.parts.end(), k.parts.begin(), k.parts.end(),
                        [&](const KeyPart& a, const KeyPart& b) { return same_name(a.column, b.column) && a.collation == b.collation; });
    });
    if (same != t.keys.end()) {
      same->primary |= k.primary;
      continue;
    }
    k.name = "sqlite_autoindex_" + t.name.str() + "_" + std::to_string(t.keys.size() - first + 1);
    t.keys.push_back(std::move(k));
  }
}

bool DdlReader::create_table(DdlCursor& c) {  // after CREATE … TABLE
  const bool if_not_exists = c.accept({"if", "not", "exists"});
  QualifiedName n;
  if (!c.qualified(n)) return false;
  if (engine_ == Engine::kSqlite && (istarts_with(n.name, "sqlite_") || iequals(n.schema, "temp"))) return true;
  Table* old = find(n);
  if (old != nullptr && if_not_exists && iequals(old->schema, schema_for(n))) return true;

  Table t;
  t.schema = schema_for(n);
  t.name = n.name;
  t.keys_incomplete = keys_incomplete_;
  own_charset_.clear();
  descending_primary_key_ = false;
  if (c.accept({"partition", "of"})) {
    QualifiedName parent;
    if (!c.qualified(parent)) return false;
    const Table* p = find(parent);
    if (p == nullptr) return false;
    partition_of(t, *p);
  } else if (c.accept("of")) {  // a composite type's columns, which are not here
    QualifiedName type;
    if (!c.qualified(type)) return false;
    t.keys_incomplete = true;
  } else if (c.accept("like")) {
    QualifiedName source;
    if (!c.qualified(source)) return false;
    const Table* s = find(source);
    if (s == nullptr) return false;
    copy_table(t, *s, true);
    t.storage_engine = s->storage_engine;
  } else if (c.accept("using")) {  // CREATE VIRTUAL TABLE: the module decides what its rows are
    t.keys_incomplete = true;
    c.at += c.done() ? 0 : 1;
    c.skip_parenthesised();
  }
  std::span<const Token> inside;
  if (c.is_punct('(') && !c.is("select", 1)) {
    if (!c.parenthesised(inside)) return false;
    DdlCursor in(inside, engine_);
    if (!table_elements(in, t)) return false;
  } else if (c.done() && t.columns.empty() && !t.keys_incomplete) {
    return false;
  }
  table_options(c, t);
  if (engine_ == Engine::kSqlite) finish_sqlite_table(t);
  if (old != nullptr && same_name(old->schema, t.schema)) {
    *old = std::move(t);
    return true;
  }
  add_table({t.schema, t.name}) = std::move(t);
  return true;
}

bool DdlReader::create_view(DdlCursor& c) {  // after CREATE … VIEW
  const bool if_not_exists = c.accept({"if", "not", "exists"});
  QualifiedName n;
  if (!c.qualified(n)) return false;
  Table view;
  view.schema = schema_for(n);
  view.name = n.name;
  view.is_view = true;
  // mysqldump first makes a table of the view's name.
  if (Table* old = find(n); old != nullptr && same_name(old->schema, view.schema)) {
    if (!if_not_exists) *old = std::move(view);
    return true;
  }
  add_table({view.schema, view.name}) = std::move(view);
  return true;
}

bool DdlReader::create_trigger(DdlCursor& c) {  // after CREATE … TRIGGER
  const bool if_not_exists = c.accept({"if", "not", "exists"});
  QualifiedName trigger, table;
  if (!c.qualified(trigger)) return false;
  // BEFORE UPDATE OF a, b ON t: the first ON that a name follows, before any body.
  while (!c.done() && !c.is_any({"begin", "execute"})) {
    if (c.accept("on")) break;
    ++c.at;
  }
  if (!c.qualified(table)) return false;
  if (table.schema.empty() && engine_ == Engine::kSqlite) table.schema = trigger.schema;
  Table* t = find(table);
  if (t == nullptr) return true;  // of a table that is not here
  const bool known = std::find(t->triggers.begin(), t->triggers.end(), trigger.name) != t->triggers.end();
  if (!known || !if_not_exists) {
    if (!known) t->triggers.push_back(trigger.name);
  }
  return true;
}

}  // namespace dbaudit
