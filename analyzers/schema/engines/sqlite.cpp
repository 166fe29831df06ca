// SQLite, read without leaving a trace.
//
// A reader of a SQLite file is not harmless by default: opening a database in WAL mode makes -wal and -shm files where there were none, even with
// mode=ro (sqlite.org/wal.html#readonly). So what is there decides how the file is opened:
//   rollback mode            mode=ro; a reader only takes a shared lock
//   WAL, -wal and -shm there mode=ro&readonly_shm=1: the log is read, the shared index is not written
//   WAL, no -wal or empty    all is in the main file: immutable=1 opens nothing else. No lock is taken then, so the file is looked at again
//                            afterwards, and if a writer came the answer is an error, not a guess
//   WAL, -wal without -shm   reading would have to make the -shm: refused, with what to do
// Columns, keys and foreign keys come from the pragmas; what no pragma tells (check constraints, expressions, predicates) comes from the SQL
// that SQLite keeps, through the DDL reader.

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "analyzers/base/text.h"
#include "analyzers/schema/connection.h"
#include "analyzers/schema/ddl.h"
#include "analyzers/schema/expression.h"

namespace dbaudit {
namespace {

constexpr int kBusyMs = 2000;
constexpr int kIntrospectMs = 30000;
constexpr size_t kMaxValue = 64 * 1024;

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct Finalize {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using StatementHandle = std::unique_ptr<sqlite3_stmt, Finalize>;

/// What of a file tells that somebody wrote it.
struct FileState {
  int64_t size = -1, seconds = 0, nanoseconds = 0;
  uint64_t inode = 0;
  friend bool operator==(const FileState&, const FileState&) = default;
};

FileState state_of(const std::string& path) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) return {};
  return {static_cast<int64_t>(st.st_size), static_cast<int64_t>(st.st_mtim.tv_sec), static_cast<int64_t>(st.st_mtim.tv_nsec),
          static_cast<uint64_t>(st.st_ino)};
}

/// A place in a URI file name.
std::string uri_path(const std::string& path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = path.starts_with('/') ? "file://" : "file:";
  for (char c : path) {
    if (c == '%' || c == '?' || c == '#' || c == '&' || c == '=' || c == ' ' || static_cast<unsigned char>(c) < 0x20 ||
        static_cast<unsigned char>(c) >= 0x7f) {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out;
}

Result<std::string> path_of(const Dsn& dsn) {
  std::string_view rest = dsn.rest;
  rest = rest.substr(0, rest.find('?'));
  if (!rest.starts_with('/')) {
    return fail("sqlite:// takes three slashes before a relative path and four before an absolute one: sqlite:///" + printable(rest));
  }
  rest.remove_prefix(1);
  std::string path;
  const auto hex = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '%' && i + 2 < rest.size() && hex(rest[i + 1]) >= 0 && hex(rest[i + 2]) >= 0) {
      path += static_cast<char>(hex(rest[i + 1]) * 16 + hex(rest[i + 2]));
      i += 2;
    } else {
      path += rest[i];
    }
  }
  if (path.empty() || path == ":memory:") return fail("an in-memory SQLite database holds nothing to read; name a file");
  if (path.find('\0') != std::string::npos) return fail("the path of the SQLite database has a NUL byte in it");
  return path;
}

class SqliteConnection final : public Connection {
 public:
  SqliteConnection(Database db, std::string path, bool wal, bool immutable, FileState main_state, FileState wal_state)
      : db_(std::move(db)), path_(std::move(path)), wal_(wal), immutable_(immutable), main_state_(main_state), wal_state_(wal_state) {}

  Result<Catalog> introspect() override;
  Result<Rows> query(const std::string& sql, size_t limit, int timeout_ms) override;
  Result<std::optional<uint64_t>> estimated_rows(const Table& table) override;
  Result<LogAdvice> examine_log() override;
  Result<HeldLogAnswer> held_log() override { return HeldLogAnswer{nullptr, "SQLite keeps no statements", {}}; }
  [[nodiscard]] Engine engine() const override { return Engine::kSqlite; }
  [[nodiscard]] std::string database() const override { return {}; }

  Result<void> prepare_session();

 private:
  using Clock = std::chrono::steady_clock;

  Result<StatementHandle> prepare(std::string_view sql);
  Result<void> run(const char* sql);
  /// Steps through `sql` with `argument` bound to ?1; `row` is called for each row.
  template <typename Row>
  Result<void> each(std::string_view sql, const std::string* argument, Row row);
  Result<Catalog> read_catalog();
  Result<void> read_columns(Table& t, const Table* declared, std::vector<std::string>& primary, std::vector<std::string>& notes);
  Result<void> read_keys(Table& t, const Table* declared, const std::vector<std::string>& primary,
                         const std::map<std::string, int64_t>& index_order);
  Result<void> read_foreign_keys(Table& t, const Table* declared);
  std::string problem(int code) const;
  void start_clock(int timeout_ms);
  void stop_clock() { sqlite3_progress_handler(db_.get(), 0, nullptr, nullptr); }
  static int out_of_time(void* self) { return Clock::now() > static_cast<SqliteConnection*>(self)->deadline_ ? 1 : 0; }

  Database db_;
  std::string path_;
  bool wal_;
  bool immutable_;
  FileState main_state_, wal_state_;  // before it was opened, to notice a writer that immutable=1 cannot see
  Clock::time_point deadline_;

  Result<void> still_unchanged() const {
    if (!immutable_ || (state_of(path_) == main_state_ && state_of(path_ + "-wal") == wal_state_)) return {};
    return fail(printable(path_) + " was written while it was read; run again");
  }
};

void SqliteConnection::start_clock(int timeout_ms) {
  deadline_ = Clock::now() + std::chrono::milliseconds(timeout_ms);
  sqlite3_progress_handler(db_.get(), 1000, &SqliteConnection::out_of_time, this);
}

std::string SqliteConnection::problem(int code) const {
  const std::string message = printable(sqlite3_errmsg(db_.get()));
  const std::string name = printable(path_);
  switch (code & 0xff) {
    case SQLITE_NOTADB: return name + " is not a SQLite database, or it is encrypted";
    case SQLITE_CORRUPT: return name + " is damaged: " + message;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return name + " is locked by a writer; try again";
    case SQLITE_INTERRUPT: return "reading " + name + " took too long and was stopped";
    case SQLITE_READONLY: return name + " has a journal left by a writer that died; open it once with its application, then run again";
    default: return "cannot read " + name + ": " + message;
  }
}

Result<StatementHandle> SqliteConnection::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int rc = sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
  StatementHandle statement(raw);
  if (rc != SQLITE_OK) return fail(problem(rc));
  return statement;
}

Result<void> SqliteConnection::run(const char* sql) {
  const int rc = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return fail(problem(rc));
  return {};
}

std::string text_at(sqlite3_stmt* s, int column) {
  const unsigned char* p = sqlite3_column_text(s, column);
  return p == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(p), static_cast<size_t>(sqlite3_column_bytes(s, column)));
}

template <typename Row>
Result<void> SqliteConnection::each(std::string_view sql, const std::string* argument, Row row) {
  Result<StatementHandle> s = prepare(sql);
  if (!s) return tl::unexpected<Error>(s.error());
  if (argument != nullptr) sqlite3_bind_text(s->get(), 1, argument->data(), static_cast<int>(argument->size()), SQLITE_STATIC);
  int rc = SQLITE_ROW;
  while ((rc = sqlite3_step(s->get())) == SQLITE_ROW) row(s->get());
  if (rc != SQLITE_DONE) return fail(problem(rc));
  return {};
}

/// Nothing can be written from here on, by us or by a schema that tries.
Result<void> SqliteConnection::prepare_session() {
  sqlite3_busy_timeout(db_.get(), kBusyMs);
  sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_limit(db_.get(), SQLITE_LIMIT_ATTACHED, 0);
  if (Result<void> r = run("PRAGMA query_only=1"); !r) return r;
  if (Result<void> r = run("PRAGMA temp_store=2"); !r) return r;
  return each("SELECT count(*) FROM sqlite_master", nullptr, [](sqlite3_stmt*) {});
}

Result<void> SqliteConnection::read_columns(Table& t, const Table* declared, std::vector<std::string>& primary,
                                            std::vector<std::string>& notes) {
  std::map<int, std::string> by_place;
  const Result<void> read = each("SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid",
                                 &t.name.str(), [&](sqlite3_stmt* s) {
                                   Column c;
                                   c.name = text_at(s, 0);
                                   c.type = text_at(s, 1);
                                   c.nullable = sqlite3_column_int(s, 2) == 0;
                                   const int hidden = sqlite3_column_int(s, 5);
                                   if (hidden == 1) return;  // of a virtual table
                                   c.generated = hidden == 2 || hidden == 3;
                                   const Column* said = declared == nullptr ? nullptr : declared->column(c.name);
                                   if (c.generated && said != nullptr) {
                                     c.default_expression = said->default_expression;
                                   } else if (sqlite3_column_type(s, 3) != SQLITE_NULL) {
                                     c.default_expression = normalise_expression(text_at(s, 3), Engine::kSqlite);
                                     if (*c.default_expression == "null") c.default_expression.reset();
                                   }
                                   if (const int place = sqlite3_column_int(s, 4); place > 0) by_place[place] = c.name;
                                   t.columns.push_back(std::move(c));
                                 });
  if (!read) {
    // A virtual table whose module is not here.
    notes.push_back("table " + printable(t.name) + " could not be read: " + read.error().message);
    t.keys_incomplete = true;
    return {};
  }
  for (auto& [place, name] : by_place) primary.push_back(name);
  for (Column& c : t.columns) {
    std::vector<Token> tokens;
    Lexer lexer(c.type, dialect_of(Engine::kSqlite));
    for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) tokens.push_back(token);
    c.type = spell_tokens(tokens, Engine::kSqlite);
    const char* collation = nullptr;
    if (sqlite3_table_column_metadata(db_.get(), "main", t.name.str().c_str(), c.name.str().c_str(), nullptr, &collation, nullptr, nullptr,
                                      nullptr) == SQLITE_OK &&
        collation != nullptr && !iequals(collation, "BINARY")) {
      std::string upper = collation;
      for (char& letter : upper) {
        if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 32);
      }
      c.collation = upper;
    }
  }
  return {};
}

Result<void> SqliteConnection::read_keys(Table& t, const Table* declared, const std::vector<std::string>& primary,
                                         const std::map<std::string, int64_t>& index_order) {
  struct Found {
    Key key;
    int64_t order = 0;
    bool partial = false;
  };
  std::vector<Found> found;
  bool primary_has_index = false;
  Result<void> read = each("SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1)", &t.name.str(), [&](sqlite3_stmt* s) {
    Found f;
    f.key.name = text_at(s, 0);
    f.key.unique = sqlite3_column_int(s, 1) != 0;
    const std::string origin = text_at(s, 2);
    f.key.primary = origin == "pk";
    f.key.constraint = origin != "c";
    f.partial = sqlite3_column_int(s, 3) != 0;
    primary_has_index |= f.key.primary;
    // Automatic indexes in the order of their numbers, then those of CREATE INDEX in the order they were made.
    if (f.key.constraint) {
      const size_t underscore = f.key.name.rfind('_');
      f.order = underscore == std::string::npos ? 0 : std::strtol(f.key.name.c_str() + underscore + 1, nullptr, 10);
    } else if (const auto it = index_order.find(f.key.name); it != index_order.end()) {
      f.order = 1'000'000 + it->second;
    }
    found.push_back(std::move(f));
  });
  if (!read) return read;
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.order < b.order; });

  if (!primary.empty() && !primary_has_index && !t.without_rowid && primary.size() == 1) {
    // The rowid under a name: no index, never NULL.
    Key key;
    key.unique = key.primary = key.constraint = true;
    KeyPart part;
    part.column = primary[0];
    key.parts.push_back(std::move(part));
    t.keys.push_back(std::move(key));
    for (Column& c : t.columns) {
      if (c.name == primary[0]) c.identity = true, c.nullable = false;
    }
  }
  for (Found& f : found) {
    const Key* said = nullptr;
    if (declared != nullptr) {
      for (const Key& k : declared->keys) {
        if (iequals(k.name, f.key.name)) said = &k;
      }
    }
    read = each("SELECT cid, name, \"desc\", coll FROM pragma_index_xinfo(?1) WHERE key = 1 ORDER BY seqno", &f.key.name,
                [&](sqlite3_stmt* s) {
                  KeyPart part;
                  const int cid = sqlite3_column_int(s, 0);
                  part.descending = sqlite3_column_int(s, 2) != 0;
                  const std::string collation = text_at(s, 3);
                  std::string of_column = "BINARY";
                  if (cid >= 0) {
                    part.column = text_at(s, 1);
                    if (const Column* c = t.column(part.column); c != nullptr && !c->collation.empty()) of_column = c->collation;
                  } else if (cid == -1) {
                    part.column = "rowid";
                  } else {
                    const size_t place = f.key.parts.size();
                    part.expression = said != nullptr && place < said->parts.size() ? said->parts[place].expression : Name();
                    if (part.expression.empty()) part.expression = "(expression)", t.keys_incomplete = true;
                  }
                  if (!iequals(collation, of_column)) {
                    std::string upper;
                    for (char c : collation) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
                    part.collation = upper;
                  }
                  f.key.parts.push_back(std::move(part));
                });
    if (!read) return read;
    if (f.partial) f.key.predicate = said != nullptr && !said->predicate.empty() ? said->predicate.str() : "(unknown)";
    t.keys.push_back(std::move(f.key));
  }
  return {};
}

Result<void> SqliteConnection::read_foreign_keys(Table& t, const Table* declared) {
  std::map<int, ForeignKey, std::greater<>> by_id;  // SQLite lists the last first
  const auto action = [](std::string a) { return a == "NO ACTION" ? std::string() : a; };
  const Result<void> read =
      each("SELECT id, \"table\", \"from\", \"to\", on_update, on_delete FROM pragma_foreign_key_list(?1) ORDER BY id DESC, seq",
           &t.name.str(), [&](sqlite3_stmt* s) {
             ForeignKey& fk = by_id[sqlite3_column_int(s, 0)];
             fk.referenced_table = text_at(s, 1);
             fk.columns.push_back(text_at(s, 2));
             if (sqlite3_column_type(s, 3) != SQLITE_NULL) fk.referenced_columns.push_back(text_at(s, 3));
             fk.on_update = action(text_at(s, 4));
             fk.on_delete = action(text_at(s, 5));
           });
  if (!read) return read;
  for (auto& [id, fk] : by_id) {
    if (declared != nullptr) {
      for (const ForeignKey& said : declared->foreign_keys) {
        if (said.columns == fk.columns && iequals(said.referenced_table, fk.referenced_table)) fk.name = said.name;
      }
    }
    t.foreign_keys.push_back(std::move(fk));
  }
  return {};
}

Result<Catalog> SqliteConnection::read_catalog() {
  Catalog catalog;
  catalog.engine = Engine::kSqlite;
  catalog.server.version = sqlite3_libversion();
  catalog.server.default_isolation = Isolation::kSerializable;
  catalog.server.settings["journal_mode"] = wal_ ? "wal" : "delete";

  std::string ddl;
  std::vector<std::string> names;
  std::set<std::string> views;
  std::map<std::string, int64_t> index_order;
  std::vector<std::pair<std::string, std::string>> triggers;
  Result<void> read = each("SELECT type, name, tbl_name, sql, rowid FROM sqlite_master ORDER BY rowid", nullptr, [&](sqlite3_stmt* s) {
    const std::string type = text_at(s, 0);
    std::string name = text_at(s, 1);
    if (type == "index") index_order[name] = sqlite3_column_int64(s, 4);
    if (type == "trigger") triggers.emplace_back(text_at(s, 2), name);
    if (const std::string sql = text_at(s, 3); !sql.empty() && type != "trigger") ddl += sql + "\n;\n";
    if ((type != "table" && type != "view") || istarts_with(name, "sqlite_")) return;
    if (type == "view") views.insert(name);
    names.push_back(std::move(name));
  });
  if (!read) return tl::unexpected<Error>(read.error());
  std::set<std::string> without_rowid, virtual_tables;
  read = each("SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'", nullptr, [&](sqlite3_stmt* s) {
    if (text_at(s, 1) == "virtual") virtual_tables.insert(text_at(s, 0));
    if (sqlite3_column_int(s, 2) != 0) without_rowid.insert(text_at(s, 0));
  });
  if (!read) return tl::unexpected<Error>(read.error());

  Catalog declared;
  declared.engine = Engine::kSqlite;
  apply_ddl(ddl, "sqlite_master", declared);
  declared.finish();

  for (const std::string& name : names) {
    Table t;
    t.name = name;
    t.is_view = views.contains(name);
    if (t.is_view) {
      catalog.tables.push_back(std::move(t));
      continue;
    }
    t.without_rowid = without_rowid.contains(name);
    t.keys_incomplete = virtual_tables.contains(name);
    const Table* said = declared.find("", name);
    std::vector<std::string> primary;
    if (Result<void> r = read_columns(t, said, primary, catalog.notes); !r) return tl::unexpected<Error>(r.error());
    if (!virtual_tables.contains(name)) {
      if (Result<void> r = read_keys(t, said, primary, index_order); !r) return tl::unexpected<Error>(r.error());
      if (Result<void> r = read_foreign_keys(t, said); !r) return tl::unexpected<Error>(r.error());
    }
    if (said != nullptr) t.checks = said->checks;
    catalog.tables.push_back(std::move(t));
  }
  for (const auto& [table, trigger] : triggers) {
    for (Table& t : catalog.tables) {
      if (iequals(t.name, table)) t.triggers.push_back(trigger);
    }
  }
  for (Table& t : catalog.tables) {
    for (ForeignKey& fk : t.foreign_keys) {
      if (!fk.referenced_columns.empty()) continue;
      for (const Table& other : catalog.tables) {
        const Key* key = iequals(other.name, fk.referenced_table) ? other.primary_key() : nullptr;
        if (key == nullptr) continue;
        for (const KeyPart& p : key->parts) fk.referenced_columns.push_back(p.column);
      }
    }
  }
  catalog.finish();
  return catalog;
}

Result<Catalog> SqliteConnection::introspect() {
  start_clock(kIntrospectMs);
  Result<void> begun = run("BEGIN");
  if (!begun) return tl::unexpected<Error>(begun.error());
  Result<Catalog> catalog = read_catalog();
  stop_clock();
  (void)run("ROLLBACK");
  if (Result<void> unchanged = still_unchanged(); catalog && !unchanged) return tl::unexpected<Error>(unchanged.error());
  return catalog;
}

/// There is no server that could log: only the application, or the shell, can say what it runs.
Result<LogAdvice> SqliteConnection::examine_log() {
  const Result<Catalog> catalog = introspect();  // is this a database that can be read at all?
  if (!catalog) return tl::unexpected<Error>(catalog.error());
  LogAdvice advice;
  advice.engine = Engine::kSqlite;
  advice.version = catalog->server.version;
  advice.isolation = catalog->server.default_isolation;
  SettingAdvice& log = advice.settings.emplace_back();
  log.name = "statement log";
  log.is_variable = false;
  log.grade = Grade::kMustChange;
  log.meaning = "SQLite has no server and writes no log: the application, or the library it talks through, has to write what it runs";
  log.cost = "a line for each statement, values included (they may be personal data)";
  log.takes_effect = "when the application is started again";
  SettingAdvice& mode = advice.settings.emplace_back();
  mode.name = "journal_mode";
  mode.value = catalog->server.settings.at("journal_mode");
  mode.meaning = wal_ ? "readers go on while one writes: a transaction that read first and writes later may fail with SQLITE_BUSY_SNAPSHOT"
                      : "a writer waits for readers: BEGIN IMMEDIATE takes the write lock before the first read";
  advice.notes.emplace_back("what each session runs has to be told apart in the log: by process and thread, or a connection's number");
  advice.finish();
  return advice;
}

/// What a SELECT may do, and nothing else.
int only_reading(void*, int action, const char*, const char* function, const char*, const char*) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE: return SQLITE_OK;
    case SQLITE_FUNCTION: return function != nullptr && iequals(function, "load_extension") ? SQLITE_DENY : SQLITE_OK;
    default: return SQLITE_DENY;
  }
}

Result<Rows> SqliteConnection::query(const std::string& sql, size_t limit, int timeout_ms) {
  sqlite3_set_authorizer(db_.get(), only_reading, nullptr);
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int prepared = sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &raw, &tail);
  const StatementHandle statement(raw);
  sqlite3_set_authorizer(db_.get(), nullptr, nullptr);
  if (prepared == SQLITE_AUTH) return fail("this query does more than read; it was not run");
  if (prepared != SQLITE_OK) return fail(problem(prepared));
  if (raw == nullptr) return fail("this query is empty");
  if (sqlite3_stmt_readonly(raw) == 0 || !trim(std::string_view(tail, static_cast<size_t>(sql.data() + sql.size() - tail))).empty()) {
    return fail("this is not one SELECT; it was not run");
  }
  start_clock(timeout_ms);
  Rows rows;
  const int columns = sqlite3_column_count(raw);
  for (int i = 0; i < columns; ++i) rows.columns.emplace_back(sqlite3_column_name(raw, i));
  int rc = SQLITE_ROW;
  while ((rc = sqlite3_step(raw)) == SQLITE_ROW) {
    if (rows.rows.size() >= limit) {
      rows.more = true;
      break;
    }
    std::vector<std::string>& row = rows.rows.emplace_back();
    for (int i = 0; i < columns; ++i) {
      std::string value = sqlite3_column_type(raw, i) == SQLITE_NULL ? "NULL" : text_at(raw, i);
      if (value.size() > kMaxValue) value.resize(kMaxValue);
      row.push_back(std::move(value));
    }
  }
  stop_clock();
  if (rc != SQLITE_DONE && rc != SQLITE_ROW) return fail(problem(rc));
  if (Result<void> unchanged = still_unchanged(); !unchanged) return tl::unexpected<Error>(unchanged.error());
  return rows;
}

/// The first number of each line of sqlite_stat1 (fileformat2.html, 2.6.3): the rows of the index when ANALYZE last ran. Partial indexes have fewer than
/// the table.
Result<std::optional<uint64_t>> SqliteConnection::estimated_rows(const Table& table) {
  std::optional<uint64_t> most;
  bool analyzed = false;
  Result<void> read = each("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'", nullptr, [&](sqlite3_stmt*) { analyzed = true; });
  if (!read) return tl::unexpected<Error>(read.error());
  if (!analyzed) return most;
  read = each("SELECT stat FROM sqlite_stat1 WHERE tbl = ?1 COLLATE NOCASE", &table.name.str(), [&](sqlite3_stmt* s) {
    most = std::max(most.value_or(0), static_cast<uint64_t>(std::strtoull(text_at(s, 0).c_str(), nullptr, 10)));
  });
  if (!read) return tl::unexpected<Error>(read.error());
  return most;
}

}  // namespace

Result<std::unique_ptr<Connection>> connect_sqlite(const Dsn& dsn) {
  const Result<std::string> path = path_of(dsn);
  if (!path) return tl::unexpected<Error>(path.error());
  const std::string shown =
      printable(dsn.raw.find('@') != std::string::npos && dsn.raw.find("://") == std::string::npos ? dsn.shown : *path);
  const std::string cannot = "cannot open " + shown + ": ";

  struct stat st {};
  if (stat(path->c_str(), &st) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return fail(cannot + "no such file (a server's DSN begins with its scheme, as in postgresql://)");
    return fail(cannot + std::strerror(errno));
  }
  if (S_ISDIR(st.st_mode)) return fail(cannot + "it is a directory");
  if (!S_ISREG(st.st_mode)) return fail(cannot + "it is not a regular file");
  const FileState main_state = state_of(*path), wal_state = state_of(*path + "-wal");
  std::array<char, 100> header{};
  const int fd = open(path->c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(cannot + std::strerror(errno));
  const ssize_t got = read(fd, header.data(), header.size());
  close(fd);
  if (got == 0) return fail(shown + " is empty: there is no database in it");
  if (got < static_cast<ssize_t>(header.size()) || std::memcmp(header.data(), "SQLite format 3", 16) != 0) {
    return fail(shown + " is not a SQLite database, or it is encrypted");
  }
  const bool wal = header[18] == 2 || header[19] == 2;
  bool immutable = false;
  std::string uri = uri_path(*path) + "?mode=ro";
  if (wal) {
    const bool log_there = wal_state.size > 0;
    const bool index_there = state_of(*path + "-shm").size >= 0;
    immutable = !log_there;
    if (log_there && !index_there) {
      return fail(shown +
                  " has a -wal file without its -shm, so reading it would have to write; open it once with its application, or copy it "
                  "with sqlite3's .backup");
    }
    uri += immutable ? "&immutable=1" : "&readonly_shm=1";
  }

  sqlite3* raw = nullptr;
  const int rc = sqlite3_open_v2(uri.c_str(), &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_PRIVATECACHE, nullptr);
  Database db(raw);
  if (rc != SQLITE_OK) return fail(cannot + printable(raw != nullptr ? sqlite3_errmsg(raw) : sqlite3_errstr(rc)));
  sqlite3_extended_result_codes(raw, 1);
  auto connection = std::make_unique<SqliteConnection>(std::move(db), *path, wal, immutable, main_state, wal_state);
  if (Result<void> r = connection->prepare_session(); !r) return tl::unexpected<Error>(r.error());
  return connection;
}

}  // namespace dbaudit
