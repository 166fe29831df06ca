// Where the statements of a DDL file begin and end, and which of them matter.
//
// A schema file is what people have: a dump with psql commands and COPY data in it, a mysqldump full of executable comments and DELIMITER, a
// year of migrations. The lexer knows quotes and comments; this file knows the rest: lines for the client, bodies of triggers and functions whose
// semicolons end nothing, a missing semicolon before the next CREATE, a quote that never closes (then reading resumes at the next line that
// begins like a statement). Whatever is not DDL of tables and indexes is stepped over; what should have been and was not understood is counted.

#include "analyzers/schema/ddl.h"

#include <algorithm>

#include "analyzers/base/text.h"
#include "analyzers/schema/ddl_reader.h"
#include "analyzers/schema/expression.h"

namespace dbaudit {
namespace {

constexpr size_t kMaxNotes = 100;
constexpr int kMaxResyncs = 64;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

size_t end_of_line(std::string_view text, size_t pos) {
  const size_t end = text.find('\n', pos);
  return end == std::string_view::npos ? text.size() : end + 1;
}

bool at_line_start(std::string_view text, size_t pos) {
  while (pos > 0 && (text[pos - 1] == ' ' || text[pos - 1] == '\t')) --pos;
  return pos == 0 || text[pos - 1] == '\n';
}

bool word_at(std::string_view text, size_t pos, std::string_view word) {
  if (!istarts_with(text.substr(pos), word)) return false;
  const size_t end = pos + word.size();
  return end >= text.size() || is_blank(text[end]) || text[end] == '(' || text[end] == ';';
}

/// Statements stepped over without a word: data, sessions, privileges, comments.
bool is_other_statement(const Token& t) {
  static constexpr DdlWords kWords(
      {"select",   "insert",  "update",  "delete",     "replace", "merge",    "values",   "with",     "table",      "copy",     "comment",
       "grant",    "revoke",  "begin",   "start",      "commit",  "end",      "rollback", "abort",    "savepoint",  "release",  "lock",
       "unlock",   "pragma",  "analyze", "analyse",    "vacuum",  "reindex",  "refresh",  "do",       "call",       "exec",     "execute",
       "truncate", "explain", "show",    "security",   "reset",   "discard",  "flush",    "optimize", "attach",     "detach",   "import",
       "load",     "declare", "prepare", "deallocate", "notify",  "listen",   "unlisten", "cluster",  "checkpoint", "reassign", "kill",
       "change",   "stop",    "purge",   "check",      "repair",  "describe", "desc",     "source",   "go",         "exit",     "quit",
       "signal",   "handler", "install", "uninstall",  "cache",   "checksum"});
  return kWords.contain(t, word_head(t));
}

/// Objects other than tables, views, indexes and triggers that CREATE, ALTER and DROP can name.
bool is_other_object(const DdlCursor& c) {
  static constexpr DdlWords kWords(
      {"sequence",   "type",       "domain",      "extension",    "function",   "procedure", "aggregate", "operator", "cast",
       "collation",  "conversion", "language",    "role",         "user",       "group",     "policy",    "rule",     "event",
       "server",     "statistics", "publication", "subscription", "tablespace", "text",      "access",    "foreign",  "transform",
       "logfile",    "package",    "default",     "large",        "routine",    "resource",  "spatial",   "undo",     "instance",
       "privileges", "system",     "owned",       "prepare",      "synonym",    "macro",     "secret"});
  return c.is_any(kWords);
}

}  // namespace

DdlReader::DdlReader(std::string_view text, std::string_view file_name, Catalog& catalog)
    : text_(text), file_(printable(file_name)), catalog_(catalog), engine_(catalog.engine), dialect_(dialect_of(engine_)) {
  if (engine_ == Engine::kPostgres) current_schema_ = "public";
  for (size_t i = 0; i < catalog_.tables.size(); ++i) index_table(i);
}

// --- The tables --------------------------------------------------------------------------------------------------------------------------

bool DdlReader::same_name(std::string_view a, std::string_view b) const { return engine_ == Engine::kPostgres ? a == b : iequals(a, b); }

std::string DdlReader::schema_for(const QualifiedName& n) const {
  if (engine_ == Engine::kSqlite) return "";  // only main is read
  return n.schema.empty() ? current_schema_ : n.schema;
}

Table* DdlReader::find(const QualifiedName& n) {
  Table* elsewhere = nullptr;
  int others = 0;
  const std::string schema = schema_for(n);
  Table* here = nullptr;
  by_name_.for_each(n.name, [&](uint32_t i) {
    Table& t = catalog_.tables[i];
    if (here != nullptr || t.name.empty() || !same_name(t.name, n.name)) return;
    if (same_name(t.schema, schema)) {
      here = &t;
      return;
    }
    if (elsewhere != &t) ++others;
    elsewhere = &t;
  });
  if (here != nullptr) return here;
  // Unqualified: the only table of that name. Qualified: one whose own schema was never said.
  if (others == 1 && (n.schema.empty() || elsewhere->schema.empty())) return elsewhere;
  return nullptr;
}

Table& DdlReader::add_table(const QualifiedName& n) {
  Table& t = catalog_.tables.emplace_back();
  t.schema = n.schema;
  t.name = n.name;
  index_table(catalog_.tables.size() - 1);
  return t;
}

void DdlReader::remove_table(Table& t) {
  const std::string name = t.name, schema = t.schema;
  t = Table{};
  for (Table& other : catalog_.tables) {
    std::erase_if(other.foreign_keys, [&](const ForeignKey& fk) {
      // DROP … CASCADE takes the foreign keys along; SQLite keeps them, and so do dumps that drop a table to make it again.
      return engine_ == Engine::kPostgres && same_name(fk.referenced_table, name) && same_name(fk.referenced_schema, schema);
    });
  }
}

// --- Where statements begin and end ----------------------------------------------------------------------------------------------------

void DdlReader::note_directive(std::string_view comment) {
  const size_t at = comment.find("dbaudit:");
  if (at != std::string_view::npos && istarts_with(trim(comment.substr(at + 8)), "keys-incomplete")) keys_incomplete_ = true;
}

/// The next place where a statement begins. Blanks, comments, psql commands and stray terminators are behind it.
size_t DdlReader::skip_blank(size_t pos) {
  while (pos < text_.size()) {
    const char ch = text_[pos];
    const std::string_view rest = text_.substr(pos);
    if (is_blank(ch)) {
      ++pos;
    } else if (rest.starts_with("--") || (ch == '#' && dialect_.hash_comments) || (ch == '\\' && at_line_start(text_, pos))) {
      const size_t end = end_of_line(text_, pos);
      note_directive(text_.substr(pos, end - pos));
      pos = end;
    } else if (rest.starts_with("/*")) {
      // An executable comment is a statement, but for the one no server is new enough for (the sandbox mark of MariaDB's dump).
      const bool executable = dialect_.executable_comments && (rest.starts_with("/*!") || rest.starts_with("/*M!")) &&
                              rest.substr(rest[2] == '!' ? 3 : 4, 6) != "999999";
      if (executable) return pos;
      const size_t end = text_.find("*/", pos + 2);
      if (end == std::string_view::npos) return text_.size();
      note_directive(text_.substr(pos, end - pos));
      pos = end + 2;
    } else if (ch == ';') {
      ++pos;
    } else if (rest.starts_with("*/")) {  // the end of an executable comment that held a whole statement
      pos += 2;
    } else if (delimiter_ != ";" && rest.starts_with(delimiter_)) {
      pos += delimiter_.size();
    } else if (!read_delimiter_command(pos)) {
      return pos;
    }
  }
  return pos;
}

/// The mysql client's DELIMITER.
bool DdlReader::read_delimiter_command(size_t& pos) {
  if (!word_at(text_, pos, "delimiter") || !at_line_start(text_, pos)) return false;
  const size_t end = end_of_line(text_, pos);
  const std::string_view value = trim(text_.substr(pos + 9, end - pos - 9));
  if (value.empty()) return false;
  delimiter_ = std::string(value.substr(0, value.find_first_of(" \t")));
  pos = end;
  return true;
}

/// A statement up to a terminator other than `;`: as the client finds it, outside quotes and comments.
void DdlReader::read_delimited(size_t pos, Statement& s) const {
  size_t at = pos;
  char quote = 0;
  while (at < text_.size()) {
    const char ch = text_[at];
    if (quote != 0) {
      if (ch == '\\' && quote != '`')
        ++at;
      else if (ch == quote)
        quote = 0;
    } else if (ch == '\'' || ch == '"' || ch == '`') {
      quote = ch;
    } else if (text_.substr(at).starts_with("-- ") || ch == '#') {
      at = end_of_line(text_, at) - 1;
    } else if (text_.compare(at, delimiter_.size(), delimiter_) == 0) {
      break;
    }
    ++at;
  }
  at = std::min(at, text_.size());
  s.cut = quote != 0;
  s.end = std::min(text_.size(), at + delimiter_.size());
  Lexer lexer(text_.substr(pos, at - pos), dialect_);
  for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next()) s.tokens.push_back(t);
}

void DdlReader::read_statement(size_t pos, Statement& s) const {
  s.tokens.clear();
  s.offset = pos;
  s.cut = false;
  if (delimiter_ != ";") return read_delimited(pos, s);
  // Bodies of SQLite triggers and of PostgreSQL's BEGIN ATOMIC hold semicolons: `blocks` counts what is open.
  enum class Kind { kUndecided, kOther, kDdl, kTable, kWithBody } kind = Kind::kUndecided;
  int blocks = 0, parens = 0;
  bool after_end = false;
  Lexer lexer(text_.substr(pos), dialect_);
  const auto end_at = [&](size_t end) {
    s.tokens.pop_back();
    s.end = end;
  };
  for (;;) {
    Token& t = s.tokens.emplace_back();
    lexer.next(t);
    if (t.kind == TokenKind::kEnd) {
      s.cut |= blocks > 0 || t.unterminated;
      return end_at(text_.size());
    }
    s.cut |= t.unterminated;
    const size_t offset = static_cast<size_t>(t.text.data() - text_.data());
    const char punct = t.kind == TokenKind::kPunct ? t.text.front() : '\0';
    if (punct == ';' && blocks == 0) return end_at(offset + 1);
    if (punct == '(') ++parens;
    if (punct == ')') --parens;
    // Nothing inside the brackets of a table is asked for: that is nearly all there is.
    if (t.kind == TokenKind::kWord && !(kind == Kind::kTable && parens > 0)) {
      const auto is = [&, head = word_head(t)](const DdlWord& w) { return w.is(t, head); };
      if (s.tokens.size() == 1) {
        kind = is("create") ? Kind::kUndecided : is("alter") ? Kind::kTable : is("drop") || is("rename") ? Kind::kDdl : Kind::kOther;
      } else if (kind == Kind::kUndecided) {
        if (is("table") || is("index"))
          kind = Kind::kTable;
        else if (is("trigger") || is("function") || is("procedure") || is("event") || is("package"))
          kind = Kind::kWithBody;
        else if (is("view") || is("sequence") || is("type") || is("schema") || is("rule"))
          kind = Kind::kDdl;
      } else if (kind == Kind::kWithBody) {
        if (after_end && (is("if") || is("loop") || is("while") || is("repeat") || is("for") || is("case"))) {
          if (is("case") && blocks > 0) --blocks;
        } else if (is("begin") || (is("case") && blocks > 0)) {
          ++blocks;
        } else if (is("end") && blocks > 0) {
          // END IF and END LOOP close what was never counted; END CASE is counted by the word after.
          Lexer ahead = lexer;
          const Token next = ahead.next();
          const bool compound =
              next.kind == TokenKind::kWord && (iequals(next.text, "if") || iequals(next.text, "loop") || iequals(next.text, "while") ||
                                                iequals(next.text, "repeat") || iequals(next.text, "for") || iequals(next.text, "case"));
          if (!compound) --blocks;
        }
        after_end = is("end");
      } else if (kind == Kind::kTable && parens <= 0 && (is("create") || is("alter") || is("drop")) && at_line_start(text_, offset)) {
        // A statement without its semicolon: the next one begins on a line of its own.
        Lexer ahead = lexer;
        const Token next = ahead.next();
        const bool create = is("create") && next.kind == TokenKind::kWord &&
                            (iequals(next.text, "table") || iequals(next.text, "index") || iequals(next.text, "unique"));
        const bool other = !is("create") && next.kind == TokenKind::kWord && iequals(next.text, "table");
        if (create || other) {
          return end_at(offset);
        }
      }
    }
    // Data is not kept: an INSERT may be as long as the file.
    if (kind == Kind::kOther && s.tokens.size() > 64) s.tokens.pop_back();
  }
}

/// Where to go on after a quote or a body that never closed: the next line that begins like a statement.
size_t DdlReader::resync(const Statement& s) const {
  for (size_t pos = end_of_line(text_, s.offset); pos < text_.size(); pos = end_of_line(text_, pos)) {
    for (std::string_view w : {"create", "alter", "drop"}) {
      if (word_at(text_, pos, w)) return pos;
    }
  }
  return text_.size();
}

size_t DdlReader::skip_copy_data(size_t pos) const {
  for (pos = end_of_line(text_, pos); pos < text_.size(); pos = end_of_line(text_, pos)) {
    if (text_.substr(pos).starts_with("\\.")) return end_of_line(text_, pos);
  }
  return pos;
}

// --- What a statement does -----------------------------------------------------------------------------------------------------------

int DdlReader::line_at(size_t offset) {
  if (offset < line_offset_) {
    line_offset_ = 0;
    line_ = 1;
  }
  line_ += static_cast<int>(
      std::count(text_.begin() + static_cast<std::ptrdiff_t>(line_offset_), text_.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
  line_offset_ = offset;
  return line_;
}

void DdlReader::note(size_t offset, const std::string& what) {
  if (++notes_ > kMaxNotes) return;
  catalog_.notes.push_back(file_ + ":" + std::to_string(line_at(offset)) + ": " + printable(what));
}

void DdlReader::not_understood(const Statement& s, std::string_view what, const DdlCursor& c) {
  ++catalog_.unknown_statements;
  const size_t near = std::min(c.at, s.tokens.size());
  const std::string text =
      spell_tokens(std::span<const Token>(s.tokens).subspan(near, std::min<size_t>(6, s.tokens.size() - near)), engine_);
  note(s.offset, std::string(what) + (text.empty() ? " ends too early" : " not understood near: " + text.substr(0, 80)));
}

void DdlReader::set_search_path(DdlCursor& c, bool of_the_application) {  // the list of names follows
  std::vector<std::string> schemas;
  do {
    std::string name;
    if (c.peek().kind == TokenKind::kString) {
      unquote(c.peek(), dialect_, name);
      ++c.at;
      for (std::string_view part : split(name, ',')) {
        const std::string_view one = trim(part);
        if (!one.empty()) schemas.emplace_back(one);
      }
    } else if (c.name(name)) {
      schemas.push_back(name);
    } else {
      break;
    }
  } while (c.accept_punct(','));
  std::erase_if(schemas, [](const std::string& s) { return s == "pg_catalog" || s == "$user" || s == "\"$user\"" || s == "default"; });
  if (of_the_application) {
    if (!schemas.empty()) catalog_.search_path = std::move(schemas);
    return;
  }
  current_schema_ = schemas.empty() ? "public" : schemas.front();
}

bool DdlReader::create(DdlCursor& c) {  // after CREATE
  static constexpr DdlWords kModifiers({"global", "local", "unlogged", "virtual", "external", "materialized", "recursive", "fulltext",
                                        "spatial", "clustered", "constraint", "bitmap", "trusted", "procedural", "columnar"});
  bool unique = false, temporary = false;
  c.accept({"or", "replace"});
  for (bool more = true; more;) {
    if (c.accept("unique")) {
      unique = true;
    } else if (c.accept_any({"temp", "temporary"})) {
      temporary = true;
    } else if (c.accept_any({"algorithm", "definer"})) {
      c.skip_option_value();
      // `root`@`localhost`, which a lexer may see as two or three tokens
      while (!c.done() && (c.peek().kind == TokenKind::kVariable || c.peek().text == "@" || c.peek(0).text.starts_with("@"))) {
        const bool alone = c.peek().text == "@";
        ++c.at;
        if (alone && !c.done()) ++c.at;
      }
      c.skip_parenthesised();
    } else if (c.accept({"sql", "security"})) {
      ++c.at;
    } else if (c.is("foreign") && c.is("table", 1)) {
      ++c.at;
    } else {
      more = c.accept_any(kModifiers);
    }
  }
  if (c.accept("table")) return temporary ? true : create_table(c);
  if (c.accept("index")) return create_index(c, unique);
  if (c.accept("view")) return temporary ? true : create_view(c);
  if (c.is("event") && c.is("trigger", 1)) return true;
  if (c.accept("trigger")) return temporary ? true : create_trigger(c);
  if (c.accept_any({"database", "schema"})) {
    c.accept({"if", "not", "exists"});
    std::string name;
    if (is_mysql_family(engine_) && c.name(name) &&
        std::find(catalog_.search_path.begin(), catalog_.search_path.end(), name) == catalog_.search_path.end()) {
      catalog_.search_path.push_back(name);
    }
    return true;
  }
  return is_other_object(c);
}

bool DdlReader::drop(DdlCursor& c) {  // after DROP
  c.accept_any({"temporary", "materialized", "foreign"});
  if (c.accept_any({"table", "view"})) {
    c.accept({"if", "exists"});
    do {
      QualifiedName n;
      if (!c.qualified(n)) return false;
      if (Table* t = find(n); t != nullptr) remove_table(*t);
    } while (c.accept_punct(','));
    return true;
  }
  if (c.accept("index")) {
    c.accept("concurrently");
    c.accept({"if", "exists"});
    do {
      QualifiedName n, table;
      if (!c.qualified(n)) return false;
      Table* owner = nullptr;
      if (c.accept("on")) {
        if (!c.qualified(table)) return false;
        owner = find(table);
      } else {
        find_index(n, &owner);
      }
      if (owner != nullptr) std::erase_if(owner->keys, [&](const Key& k) { return same_name(k.name, n.name); });
    } while (c.accept_punct(','));
    return true;
  }
  if (c.accept("trigger")) {
    c.accept({"if", "exists"});
    QualifiedName n, table;
    if (!c.qualified(n)) return false;
    Table* of = c.accept("on") && c.qualified(table) ? find(table) : nullptr;
    for (Table& t : catalog_.tables) {
      if (of == nullptr || of == &t) std::erase_if(t.triggers, [&](const std::string& k) { return same_name(k, n.name); });
    }
    return true;
  }
  if (c.accept_any({"schema", "database"})) {
    c.accept({"if", "exists"});
    std::string name;
    while (c.name(name)) {
      for (Table& t : catalog_.tables) {
        if (!t.name.empty() && !t.schema.empty() && same_name(t.schema, name)) remove_table(t);
      }
      if (!c.accept_punct(',')) break;
    }
    return true;
  }
  return is_other_object(c);
}

bool DdlReader::alter(DdlCursor& c) {  // after ALTER
  c.accept_any({"online", "offline", "ignore"});
  c.accept("materialized");
  if (c.is("foreign") && c.is("table", 1)) ++c.at;
  if (c.accept_any({"table", "view"})) return alter_table(c);
  if (c.accept("index")) return alter_index(c);
  if (c.is_any({"database", "role", "user", "schema"})) {
    for (; !c.done(); ++c.at) {
      if (!c.accept({"set", "search_path"})) continue;
      if (!c.accept("to")) c.accept_punct('=');
      set_search_path(c, true);
      break;
    }
    return true;
  }
  return c.is("trigger") || c.is_any({"algorithm", "definer", "sql"}) || is_other_object(c);
}

void DdlReader::apply(const Statement& s) {
  if (s.tokens.empty()) return;
  ++catalog_.statements;
  statement_offset_ = s.offset;
  partly_understood_ = false;
  DdlCursor c(s.tokens, engine_);
  bool good = true;
  std::string_view what = "statement";
  if (c.accept("create")) {
    what = "CREATE statement";
    good = create(c);
  } else if (c.accept("alter")) {
    what = "ALTER statement";
    good = alter(c);
  } else if (c.accept("drop")) {
    what = "DROP statement";
    good = drop(c);
  } else if (c.accept("rename")) {
    what = "RENAME statement";
    good = c.is("user") || (c.accept_any({"table", "tables"}) && rename_tables(c));
  } else if (c.accept("use")) {
    std::string name;
    good = c.name(name);
    if (good && is_mysql_family(engine_)) {
      current_schema_ = name;
      if (std::find(catalog_.search_path.begin(), catalog_.search_path.end(), name) == catalog_.search_path.end())
        catalog_.search_path.push_back(name);
    }
  } else if (c.accept("set")) {
    c.accept_any({"session", "local"});
    if (c.accept("search_path")) {
      if (!c.accept("to")) c.accept_punct('=');
      set_search_path(c, false);
    }
  } else if (c.accept("select")) {  // pg_catalog.set_config('search_path', '…', false)
    QualifiedName function;
    std::string setting;
    if (c.qualified(function) && iequals(function.name, "set_config") && c.accept_punct('(') && c.peek().kind == TokenKind::kString) {
      unquote(c.peek(), dialect_, setting);
      ++c.at;
      if (setting == "search_path" && c.accept_punct(',') && !c.done()) {
        DdlCursor value(c.slice(c.at, c.at + 1), engine_);  // one string with the whole list
        set_search_path(value, false);
      }
    }
  } else {
    good = c.peek().kind == TokenKind::kWord && is_other_statement(c.peek());
  }
  if (!good) {
    not_understood(s, what, c);
  } else if (partly_understood_) {
    ++catalog_.unknown_statements;
  } else if (s.cut && (what != "statement")) {
    ++catalog_.unknown_statements;
    note(s.offset, std::string(what) + " has a quote, comment or body that never ends");
  }
}

void DdlReader::run() {
  size_t pos = text_.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  int resyncs = 0;
  Statement s;
  while ((pos = skip_blank(pos)) < text_.size()) {
    read_statement(pos, s);
    const bool copy = !s.tokens.empty() && iequals(s.tokens[0].text, "copy") &&
                      std::any_of(s.tokens.begin(), s.tokens.end(), [](const Token& t) { return iequals(t.text, "stdin"); });
    apply(s);
    pos = std::max(s.end, pos + 1);
    if (s.cut && ++resyncs <= kMaxResyncs) pos = resync(s);
    if (copy) pos = skip_copy_data(pos);
  }
  finish();
}

void DdlReader::finish() {
  std::erase_if(catalog_.tables, [](const Table& t) { return t.name.empty(); });
  if (notes_ > kMaxNotes) catalog_.notes.push_back(file_ + ": and " + std::to_string(notes_ - kMaxNotes) + " more like these");
  // REFERENCES t without columns means its primary key, which may have come later.
  by_name_.clear();
  for (size_t i = 0; i < catalog_.tables.size(); ++i) index_table(i);
  for (Table& t : catalog_.tables) {
    for (ForeignKey& fk : t.foreign_keys) {
      if (!fk.referenced_columns.empty()) continue;
      const Table* other = find({fk.referenced_schema, fk.referenced_table});
      const Key* key = other == nullptr ? nullptr : other->primary_key();
      if (key == nullptr) continue;
      for (const KeyPart& p : key->parts) fk.referenced_columns.push_back(p.column);
    }
  }
}

void apply_ddl(std::string_view text, std::string_view file_name, Catalog& catalog) {
  if (catalog.engine == Engine::kUnknown) catalog.engine = guess_ddl_engine(text);
  DdlReader(text, file_name, catalog).run();
}

}  // namespace dbaudit
