// The SQLite engine on real files: what it reads, that reading leaves no trace, and what it says when it cannot.

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "analyzers/schema/connection.h"
#include "analyzers/schema/ddl.h"
#include "analyzers/schema/snapshot.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

struct Scratch {
  fs::path path;
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "dbaudit-sqlite-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::permissions(path, fs::perms::owner_all, ignored);
    fs::remove_all(path, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return (path / name).string(); }
  /// Every file's bytes and modification time.
  [[nodiscard]] std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> out;
    for (const auto& e : fs::directory_iterator(path)) {
      std::ifstream in(e.path(), std::ios::binary);
      std::stringstream bytes;
      bytes << in.rdbuf() << "@" << e.last_write_time().time_since_epoch().count();
      out[e.path().filename().string()] = bytes.str();
    }
    return out;
  }
};

/// A writer's connection.
struct Writer {
  sqlite3* db = nullptr;
  explicit Writer(const std::string& path) { REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK); }
  ~Writer() { close(); }
  void close() {
    if (db != nullptr) REQUIRE(sqlite3_close(db) == SQLITE_OK);
    db = nullptr;
  }
  void run(const std::string& sql) const {
    char* error = nullptr;
    const int rc = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error);
    INFO(sql << ": " << (error == nullptr ? "" : error));
    REQUIRE(rc == SQLITE_OK);
  }
};

/// A writer in a process of its own, as an application is: inside one process SQLite shares the -shm between connections and says nothing about
/// what a reader does to it. Runs `sql`, then keeps the database open until the object dies.
class OtherProcess {
 public:
  OtherProcess(const std::string& path, const std::string& sql) {
    int ready[2], stop[2];
    REQUIRE(pipe(ready) == 0);
    REQUIRE(pipe(stop) == 0);
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      close(ready[0]);
      close(stop[1]);
      sqlite3* db = nullptr;
      const bool good =
          sqlite3_open(path.c_str(), &db) == SQLITE_OK && sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
      char byte = good ? 'y' : 'n';
      if (write(ready[1], &byte, 1) != 1) _exit(1);
      (void)!read(stop[0], &byte, 1);
      _exit(0);  // dies without closing: the files stay as they are
    }
    close(ready[1]);
    close(stop[0]);
    stop_ = stop[1];
    char byte = 'n';
    REQUIRE(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    REQUIRE(byte == 'y');
  }
  ~OtherProcess() {
    close(stop_);
    waitpid(child_, nullptr, 0);
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

 private:
  pid_t child_ = -1;
  int stop_ = -1;
};

Result<Catalog> introspect(const std::string& path) {
  const Result<Dsn> dsn = parse_dsn(path);
  REQUIRE(dsn);
  auto connection = connect(*dsn);
  if (!connection) return tl::unexpected<Error>(connection.error());
  return (*connection)->introspect();
}

std::string error_of(const std::string& path) {
  const Result<Catalog> c = introspect(path);
  REQUIRE_FALSE(c);
  CHECK(c.error().message.find('\n') == std::string::npos);
  return c.error().message;
}

/// A catalogue without what only one of a file and a server can know.
std::string comparable(Catalog c) {
  c.server = {};
  c.statements = c.unknown_statements = 0;
  c.notes.clear();
  return catalog_to_json(c);
}

constexpr const char* kSchema = R"(
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL COLLATE NOCASE UNIQUE);
CREATE TABLE "odd ""name""" ([a b] VARCHAR( 40 ), `c` DECIMAL(10, 2) DEFAULT -1.5 CHECK ([c] > 0), 'd', e DEFAULT NULL, f DEFAULT (1 + 2), g TEXT DEFAULT 'it''s',
  gen AS (lower([a b])) VIRTUAL, stored INT GENERATED ALWAYS AS (c * 2) STORED, PRIMARY KEY ([a b], c), UNIQUE (d COLLATE NOCASE), UNIQUE (d), CONSTRAINT pos CHECK (c < 100));
CREATE TABLE child (k TEXT PRIMARY KEY, p INT REFERENCES parent ON DELETE CASCADE, q INT, r TEXT, CONSTRAINT two FOREIGN KEY (q, r) REFERENCES child2 (x, y) ON UPDATE SET NULL) WITHOUT ROWID;
CREATE TABLE child2 (x INTEGER, y TEXT, z, UNIQUE (x, y), PRIMARY KEY (x, y)) STRICT;
)";

constexpr const char* kMore = R"(
CREATE TABLE w (k UNIQUE, id INTEGER PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE d (id INTEGER PRIMARY KEY DESC, b UNIQUE UNIQUE);
CREATE UNIQUE INDEX late ON parent (lower(name) DESC, name COLLATE BINARY) WHERE name IS NOT NULL AND id > 0;
CREATE INDEX plain ON child (q, k COLLATE RTRIM);
CREATE UNIQUE INDEX early ON child (p) WHERE q = 'new';
CREATE VIEW v AS SELECT id FROM parent;
CREATE TRIGGER tr AFTER INSERT ON parent WHEN new.id > 5 BEGIN UPDATE parent SET name = CASE WHEN 1 THEN 'x' ELSE 'y;' END; DELETE FROM child; END;
ALTER TABLE child2 RENAME TO renamed;
ALTER TABLE parent ADD COLUMN added INT DEFAULT 5;
ALTER TABLE child RENAME COLUMN q TO qq;
)";

std::string fix_strict(std::string s) {  // a STRICT column needs a type
  const size_t at = s.find("z, UNIQUE");
  return s.replace(at, 1, "z INT");
}

TEST_CASE("a live database and its own DDL are one catalogue", "[schema][sqlite]") {
  const Scratch d;
  const std::string ddl = fix_strict(kSchema) + kMore;
  Writer w(d.file("a.db"));
  w.run(ddl);
  w.close();
  const Result<Catalog> live = introspect(d.file("a.db"));
  if (!live) FAIL(live.error().message);
  CHECK(live->notes.empty());

  Catalog said;
  said.engine = Engine::kSqlite;
  apply_ddl(ddl, "a.sql", said);
  said.finish();
  CHECK(said.unknown_statements == 0);
  CHECK(comparable(said) == comparable(*live));

  // And that catalogue is the right one.
  const Table* parent = live->find("", "parent");
  REQUIRE(parent != nullptr);
  REQUIRE(parent->keys.size() == 3);
  CHECK(parent->keys[0].primary);
  CHECK(parent->column("id")->identity);
  CHECK_FALSE(parent->column("id")->nullable);
  CHECK(parent->column("name")->collation == "NOCASE");
  CHECK(parent->keys[2].parts[0].expression == "lower(name)");
  CHECK(parent->keys[2].parts[0].descending);
  CHECK(parent->keys[2].parts[1].collation == "BINARY");
  CHECK(parent->keys[2].predicate == "name is not null and id > 0");
  CHECK(parent->triggers == std::vector<std::string>{"tr"});
  const Table* child = live->find("", "child");
  REQUIRE(child != nullptr);
  CHECK(child->without_rowid);
  CHECK_FALSE(child->column("k")->nullable);
  REQUIRE(child->foreign_keys.size() == 2);
  CHECK(child->foreign_keys[0].referenced_columns == std::vector<std::string>{"id"});
  CHECK(child->foreign_keys[0].on_delete == "CASCADE");
  CHECK(child->foreign_keys[1].name == "two");
  CHECK(child->foreign_keys[1].referenced_table == "renamed");
  CHECK(child->foreign_keys[1].columns == std::vector<std::string>{"qq", "r"});
  const Table* odd = live->find("", "odd \"name\"");
  REQUIRE(odd != nullptr);
  CHECK(odd->column("gen")->generated);
  CHECK(odd->checks.size() == 2);
  CHECK(odd->column("a b")->nullable);
  CHECK_FALSE(live->find("", "renamed")->column("y")->nullable);
  CHECK(live->find("", "v")->is_view);
  CHECK(live->server.default_isolation == Isolation::kSerializable);
  CHECK(live->server.settings.at("journal_mode") == "delete");
  CHECK(live->server.version == sqlite3_libversion());
}

TEST_CASE("a virtual table's keys are unknown, not absent", "[schema][sqlite]") {
  const Scratch d;
  Writer w(d.file("a.db"));
  if (sqlite3_exec(w.db, "CREATE VIRTUAL TABLE f USING fts5(a, b)", nullptr, nullptr, nullptr) != SQLITE_OK)
    SKIP_TEST("no fts5 in this SQLite");
  w.close();
  const Result<Catalog> live = introspect(d.file("a.db"));
  REQUIRE(live);
  REQUIRE(live->find("", "f") != nullptr);
  CHECK(live->find("", "f")->keys_incomplete);
}

TEST_CASE("reading leaves no trace", "[schema][sqlite]") {
  const Scratch d;
  const std::string path = d.file("odd ?#%41&=ä.db");
  SECTION("rollback journal") {
    Writer w(path);
    w.run("CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1)");
    w.close();
    const auto before = d.contents();
    REQUIRE(introspect(path));
    CHECK(d.contents() == before);
    CHECK(before.size() == 1);
  }
  SECTION("rollback journal, a writer in the middle of it") {
    Writer w(path);
    w.run("CREATE TABLE t(a UNIQUE); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)");
    const auto before = d.contents();
    REQUIRE(introspect(path));
    CHECK(d.contents() == before);
    w.run("COMMIT");
  }
  SECTION("WAL, closed: neither -wal nor -shm is made") {
    Writer w(path);
    w.run("PRAGMA journal_mode=WAL; CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1)");
    w.close();
    const auto before = d.contents();
    REQUIRE(before.size() == 1);
    const Result<Catalog> c = introspect(path);
    REQUIRE(c);
    CHECK(c->server.settings.at("journal_mode") == "wal");
    CHECK(c->find("", "t") != nullptr);
    CHECK(d.contents() == before);
  }
  SECTION("WAL, open in an application: what is only in the -wal is read, the -shm is not written") {
    const OtherProcess w(path, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1)");
    const auto before = d.contents();
    REQUIRE(before.size() == 3);
    const Result<Catalog> c = introspect(path);
    if (!c) FAIL(c.error().message);
    CHECK(c->find("", "t") != nullptr);
    CHECK(d.contents() == before);
  }
  SECTION("WAL, left behind by a process that died") {
    const Scratch live;
    Writer w(live.file("x.db"));
    w.run("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(a UNIQUE)");
    for (const char* end : {"", "-wal", "-shm"}) fs::copy_file(live.file("x.db") + end, path + end);
    const auto before = d.contents();
    const Result<Catalog> c = introspect(path);
    if (!c) FAIL(c.error().message);
    CHECK(c->find("", "t") != nullptr);
    CHECK(d.contents() == before);
  }
  SECTION("WAL copied without its -shm: refused, untouched") {
    const Scratch live;
    Writer w(live.file("x.db"));
    w.run("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(a UNIQUE)");
    for (const char* end : {"", "-wal"}) fs::copy_file(live.file("x.db") + end, path + end);
    const auto before = d.contents();
    CHECK(error_of(path).find("-wal file without its -shm") != std::string::npos);
    CHECK(d.contents() == before);
  }
  SECTION("a directory that cannot be written") {
    Writer w(path);
    w.run("PRAGMA journal_mode=WAL; CREATE TABLE t(a UNIQUE)");
    w.close();
    chmod(path.c_str(), 0444);
    chmod(d.path.c_str(), 0555);
    const auto before = d.contents();
    CHECK(introspect(path));
    CHECK(d.contents() == before);
  }
}

TEST_CASE("what is no readable SQLite database says so in one line", "[schema][sqlite]") {
  const Scratch d;
  const auto write = [&](const std::string& name, const std::string& bytes) {
    std::ofstream(d.file(name), std::ios::binary) << bytes;
    return d.file(name);
  };
  CHECK(error_of(d.file("nowhere.db")).find("no such file") != std::string::npos);
  CHECK(error_of(d.path.string()).find("is a directory") != std::string::npos);
  CHECK(error_of(write("empty.db", "")).find("is empty") != std::string::npos);
  CHECK(error_of(write("text.db", "hello")).find("not a SQLite database") != std::string::npos);
  CHECK(error_of(write("encrypted.db", std::string(4096, '\x9c'))).find("encrypted") != std::string::npos);
  CHECK(error_of(write("header.db", std::string("SQLite format 3\0", 16) + std::string(4080, '\0'))).find("not a SQLite database") !=
        std::string::npos);
  REQUIRE(mkfifo(d.file("pipe").c_str(), 0600) == 0);
  CHECK(error_of(d.file("pipe")).find("not a regular file") != std::string::npos);

  const std::string path = d.file("a.db");
  Writer w(path);
  w.run("CREATE TABLE t(a); CREATE TABLE u(b); INSERT INTO t VALUES (randomblob(20000))");
  w.close();
  {
    std::fstream f(path, std::ios::in | std::ios::out | std::ios::binary);
    f.seekp(100);
    f << std::string(3000, '\xff');
  }
  const std::string damaged = error_of(path);
  CHECK((damaged.find("damaged") != std::string::npos || damaged.find("cannot read") != std::string::npos));
  if (geteuid() != 0) {
    chmod(path.c_str(), 0);
    CHECK(error_of(path).find("Permission denied") != std::string::npos);
  }
}

TEST_CASE("a database locked for good is reported in bounded time", "[schema][sqlite]") {
  const Scratch d;
  Writer w(d.file("a.db"));
  w.run("CREATE TABLE t(a); BEGIN EXCLUSIVE");
  CHECK(error_of(d.file("a.db")).find("locked by a writer") != std::string::npos);
  w.run("COMMIT");
}

TEST_CASE("query() reads, and only reads", "[schema][sqlite]") {
  const Scratch d;
  const std::string path = d.file("a.db");
  Writer w(path);
  w.run("CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 'x'), (1, NULL), (2, 'y')");
  w.close();
  const auto before = d.contents();
  const Result<Dsn> dsn = parse_dsn(path);
  auto connection = connect(*dsn);
  REQUIRE(connection);
  CHECK((*connection)->engine() == Engine::kSqlite);

  const Result<Rows> rows = (*connection)->query("SELECT a, count(*) AS n FROM t GROUP BY a HAVING n > 1", 10, 1000);
  REQUIRE(rows);
  CHECK(rows->columns == std::vector<std::string>{"a", "n"});
  CHECK(rows->rows == std::vector<std::vector<std::string>>{{"1", "2"}});
  CHECK_FALSE(rows->more);
  const Result<Rows> limited = (*connection)->query("SELECT b FROM t ORDER BY b", 2, 1000);
  REQUIRE(limited);
  CHECK(limited->rows == std::vector<std::vector<std::string>>{{"NULL"}, {"x"}});
  CHECK(limited->more);

  for (const char* sql :
       {"INSERT INTO t VALUES (5, 5)", "DELETE FROM t", "CREATE TABLE x(a)", "PRAGMA query_only=0", "ATTACH ':memory:' AS m", "BEGIN",
        "SELECT 1; SELECT 2", "SELECT 1; DELETE FROM t", "", "VACUUM", "SELECT load_extension('x')", "SELEC", "SELECT * FROM nowhere"}) {
    CAPTURE(sql);
    CHECK_FALSE((*connection)->query(sql, 10, 1000));
  }
  const auto start = std::chrono::steady_clock::now();
  const Result<Rows> slow =
      (*connection)->query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n", 10, 100);
  REQUIRE_FALSE(slow);
  CHECK(slow.error().message.find("too long") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  CHECK((*connection)->query("SELECT 1", 1, 1000));
  CHECK(d.contents() == before);
}

TEST_CASE("five thousand tables are read in seconds", "[schema][sqlite]") {
  const Scratch d;
  Writer w(d.file("a.db"));
  std::string ddl = "BEGIN;";
  for (int i = 0; i < 5000; ++i) {
    const std::string n = "t" + std::to_string(i);
    ddl += "CREATE TABLE " + n + "(id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT REFERENCES t0(id), UNIQUE(a, b));";
  }
  w.run(ddl + "COMMIT");
  w.close();
  const auto start = std::chrono::steady_clock::now();
  const Result<Catalog> c = introspect(d.file("a.db"));
  REQUIRE(c);
  CHECK(c->tables.size() == 5000);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

TEST_CASE("the SQLite databases beside the repository agree with their schema files", "[schema][sqlite][shared]") {
  const fs::path corpus = fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared" / "corpus";
  if (!fs::is_directory(corpus)) SKIP_TEST("no ../shared/corpus");
  int compared = 0;
  for (const auto& entry : fs::directory_iterator(corpus)) {
    const fs::path db = entry.path() / "app.sqlite3";
    if (!fs::exists(db)) continue;
    CAPTURE(db.string());
    const Result<Catalog> live = introspect(db.string());
    if (!live) FAIL(live.error().message);
    const Result<Catalog> said = load_schema({(entry.path() / "schema.sql").string()}, Engine::kSqlite);
    REQUIRE(said);
    CHECK(comparable(*said) == comparable(*live));
    CHECK_FALSE(fs::exists(db.string() + "-wal"));
    CHECK_FALSE(fs::exists(db.string() + "-shm"));
    ++compared;
  }
  CHECK(compared >= 10);
}

}  // namespace
}  // namespace dbaudit
