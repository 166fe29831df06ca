// Which locks a unit's statements hold and for how long (trace/locks), and whether they protect a pair at a level (rules/protection): the cells of the
// isolation matrix, as tables.

#include "analyzers/trace/locks.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/schema/ddl.h"
#include "analyzers/trace/session.h"
#include "rules/protection.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

constexpr std::string_view kSchema =
    "CREATE TABLE p (id int PRIMARY KEY, n int, slug varchar(20) UNIQUE);"
    "CREATE TABLE c (id int PRIMARY KEY, p_id int NOT NULL, v int, FOREIGN KEY (p_id) REFERENCES p (id));"
    "CREATE TABLE t (id int PRIMARY KEY, x int, k varchar(20));"
    "CREATE TABLE l (name varchar(20) PRIMARY KEY, locked char(1));";

/// Runs the statements, one a line, in one session; `= 0` behind one says how many rows it touched, `! 1213` which error it ended with.
void trace(Engine engine, Isolation level, std::string_view script, const std::function<void(const WorkUnit&)>& visit) {
  Catalog catalog;
  catalog.engine = engine;
  apply_ddl(kSchema, "schema.sql", catalog);
  catalog.finish();
  Templates templates(dialect_of(engine));
  Binder binder(&catalog);
  TraceOptions options;
  options.engine = engine;
  options.default_isolation = level;
  int units = 0;
  Trace t(templates, binder, options, [&](const WorkUnit& u) {
    ++units;
    visit(u);
  });
  uint64_t line = 0;
  for (std::string_view statement : split(script, ';')) {
    statement = trim(statement);
    if (statement.empty()) continue;
    LogRecord r;
    r.kind = RecordKind::kStatement;
    r.session = "1";
    r.tx_boundary = TxBoundary::kExplicit;
    r.line = ++line;
    r.time.micros = static_cast<int64_t>(line) * 1000;
    if (const size_t at = statement.rfind(" ->"); at != std::string_view::npos) {
      r.rows = std::stoll(std::string(statement.substr(at + 3)));
      statement = statement.substr(0, at);
    }
    if (const size_t at = statement.rfind(" !!"); at != std::string_view::npos) {
      r.has_error = true;
      r.error_code = statement.substr(at + 3);
      statement = statement.substr(0, at);
    }
    r.sql = statement;
    t.feed(0, "test", "", r);
  }
  t.finish();
  REQUIRE(units == 1);
}

std::string_view end_name(LockEnd e) {
  static constexpr std::string_view kNames[] = {"", " released", " savepoint", " begin"};
  return kNames[static_cast<size_t>(e)];
}

/// `row p update 0-3`: kind, table, strength, op that took it and the last op of the unit that it covers.
std::string told(const WorkUnit& unit, const HeldLock& l) {
  static constexpr std::string_view kKinds[] = {"row", "table", "advisory", "flag", "database"};
  static constexpr std::string_view kStrengths[] = {"none", "key share", "share", "no key update", "update"};
  uint32_t last = l.op;
  for (uint32_t i = l.op; i < unit.ops.size(); ++i) {
    if (is_held(unit, l, i)) last = i;
  }
  std::string s(kKinds[static_cast<size_t>(l.kind)]);
  std::string_view table = l.table_name();
  if (table.starts_with("public.")) table.remove_prefix(7);
  if (!table.empty()) s += " " + std::string(table);
  s += " " + std::string(kStrengths[static_cast<size_t>(l.strength)]) + " " + std::to_string(l.op) + "-" + std::to_string(last);
  if (l.found_nothing) s += " nothing";
  if (l.wait == LockWait::kSkipLocked) s += " skip";
  if (l.wait == LockWait::kNoWait) s += " nowait";
  return s + std::string(end_name(l.end));
}

std::string all_told(Engine engine, Isolation level, std::string_view script) {
  std::string s;
  trace(engine, level, script, [&](const WorkUnit& u) {
    for (const HeldLock& l : u.locks->rows()) s += (s.empty() ? "" : "; ") + told(u, l);
    for (const HeldLock& l : u.locks->broad()) s += (s.empty() ? "" : "; ") + told(u, l);
  });
  return s;
}

constexpr Engine kPg = Engine::kPostgres, kMy = Engine::kMariaDb, kLite = Engine::kSqlite;
constexpr Isolation kRc = Isolation::kReadCommitted, kRr = Isolation::kRepeatableRead, kSer = Isolation::kSerializable;

TEST_CASE("Locks: what each statement takes, and how long it is held", "[locks]") {
  struct Row {
    Engine engine;
    std::string_view script, locks;
  };
  static constexpr Row kRows[] = {
      // Rows: in autocommit the lock is gone with the statement.
      {kPg, "SELECT x FROM t WHERE id = 1 FOR UPDATE; UPDATE t SET x = 1 WHERE id = 1", ""},
      {kPg, "BEGIN; SELECT x FROM t WHERE id = 1 FOR UPDATE; UPDATE t SET x = 1 WHERE id = 1; COMMIT; SELECT x FROM t WHERE id = 1",
       "row t update 0-1; row t update 1-1"},
      {kPg, "BEGIN; SELECT x FROM t WHERE id = 1 FOR NO KEY UPDATE; SELECT 1; COMMIT", "row t no key update 0-1"},
      {kPg, "BEGIN; SELECT x FROM t WHERE id = 1 FOR SHARE; SELECT x FROM t WHERE id = 2 FOR KEY SHARE; COMMIT",
       "row t share 0-1; row t key share 1-1"},
      {kMy, "BEGIN; SELECT x FROM t WHERE id = 1 LOCK IN SHARE MODE; DELETE FROM t WHERE id = 1; COMMIT",
       "row t share 0-1; row t update 1-1"},
      {kPg, "BEGIN; SELECT x FROM t WHERE id = 1 FOR UPDATE SKIP LOCKED; COMMIT", "row t update 0-0 skip"},
      {kPg, "BEGIN; SELECT x FROM t WHERE id = 1 FOR UPDATE NOWAIT; COMMIT", "row t update 0-0 nowait"},
      {kPg, "BEGIN; SELECT x FROM t WHERE id = 1 FOR UPDATE ->0; SELECT 1; COMMIT", "row t update 0-1 nothing"},
      {kPg, "BEGIN; SELECT x FROM t WHERE id = 1 FOR UPDATE !!55P03; COMMIT", ""},
      {kPg, "BEGIN; SELECT t.x FROM t JOIN p ON p.id = t.x WHERE t.id = 1 FOR UPDATE OF t; COMMIT", "row t update 0-0"},
      {kMy, "SET autocommit = 0; SELECT x FROM t WHERE id = 1 FOR UPDATE; UPDATE t SET x = 1 WHERE id = 1; COMMIT",
       "row t update 0-1; row t update 1-1"},
      // The parent of a child: shared on InnoDB, against its key only on PostgreSQL, nothing without a value.
      {kMy, "BEGIN; INSERT INTO c (id, p_id, v) VALUES (7, 1, 0); UPDATE p SET n = n + 1 WHERE id = 1; COMMIT",
       "row c update 0-1; row p share 0-1; row p update 1-1"},
      {kPg, "BEGIN; INSERT INTO c (id, p_id, v) VALUES (7, 1, 0); COMMIT", "row c update 0-0; row p key share 0-0"},
      {kPg, "BEGIN; INSERT INTO c (id, p_id, v) VALUES (7, NULL, 0); COMMIT", "row c update 0-0"},
      {kPg, "BEGIN; UPDATE c SET p_id = 2 WHERE id = 7; COMMIT", "row c update 0-0; row p key share 0-0"},
      // Savepoints: PostgreSQL gives up what was locked since, InnoDB keeps it.
      {kPg, "BEGIN; SAVEPOINT s; SELECT x FROM t WHERE id = 1 FOR UPDATE; ROLLBACK TO SAVEPOINT s; SELECT 1; COMMIT",
       "row t update 0-0 savepoint"},
      {kMy, "BEGIN; SAVEPOINT s; SELECT x FROM t WHERE id = 1 FOR UPDATE; ROLLBACK TO SAVEPOINT s; SELECT 1; COMMIT", "row t update 0-1"},
      {kPg, "BEGIN; SAVEPOINT s; SELECT pg_advisory_xact_lock(1); ROLLBACK TO SAVEPOINT s; SELECT 1; COMMIT",
       "advisory update 0-0 savepoint"},
      {kPg, "BEGIN; SAVEPOINT s; SELECT x FROM t WHERE id = 1 FOR UPDATE; RELEASE SAVEPOINT s; SELECT 1; COMMIT", "row t update 0-1"},
      // Tables.
      {kPg, "BEGIN; LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE; SELECT 1; COMMIT; SELECT 1", "table update 0-1"},
      {kPg, "BEGIN; LOCK TABLE t; COMMIT", "table update 0-0"},
      {kPg, "BEGIN; LOCK TABLE t IN SHARE MODE; COMMIT", "table share 0-0"},
      {kPg, "BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE; COMMIT", "table none 0-0"},
      {kMy, "LOCK TABLES t WRITE; SELECT x FROM t; UPDATE t SET x = 1 WHERE id = 1; UNLOCK TABLES; SELECT 1", "table update 0-2 released"},
      {kMy, "LOCK TABLES t READ; SELECT x FROM t; UNLOCK TABLES", "table share 0-1 released"},
      {kMy, "LOCK TABLES t WRITE; BEGIN; SELECT x FROM t; COMMIT; UNLOCK TABLES", "table update 0-0 begin"},
      {kMy, "SET autocommit = 0; LOCK TABLES t WRITE; SELECT x FROM t; COMMIT; UNLOCK TABLES; SELECT 1", "table update 0-1 released"},
      {kMy, "LOCK TABLES t WRITE; LOCK TABLES p WRITE; SELECT 1", "table update 0-0 released; table update 1-2"},
      // Advisory locks: the session's over transactions, released by key, innermost first; the transaction's to its end.
      {kPg, "SELECT pg_advisory_lock(1); BEGIN; SELECT 1; COMMIT; SELECT pg_advisory_unlock(1); SELECT 1", "advisory update 0-1 released"},
      {kPg, "SELECT pg_advisory_lock(1); SELECT pg_advisory_lock(2); SELECT pg_advisory_unlock(1); SELECT 1",
       "advisory update 0-1 released; advisory update 1-3"},
      {kPg, "SELECT pg_advisory_lock(1); SELECT pg_advisory_lock(2); SELECT pg_advisory_unlock_all(); SELECT 1",
       "advisory update 0-1 released; advisory update 1-1 released"},
      {kPg, "SELECT pg_advisory_lock(1); SELECT pg_advisory_lock(1); SELECT pg_advisory_unlock(1); SELECT 1",
       "advisory update 0-3; advisory update 1-1 released"},
      {kPg, "BEGIN; SELECT pg_advisory_xact_lock(1); SELECT 1; COMMIT; SELECT 1", "advisory update 0-1"},
      {kPg, "SELECT pg_advisory_xact_lock(1); SELECT 1", ""},
      {kPg, "SELECT pg_advisory_lock_shared(1); SELECT 1", "advisory share 0-1"},
      {kMy, "SELECT GET_LOCK('a', 10); BEGIN; SELECT x FROM t; COMMIT; SELECT RELEASE_LOCK('a'); SELECT x FROM t",
       "advisory update 0-1 released"},
      // A row that says "locked", and says so no more.
      {kMy,
       "UPDATE l SET locked = 'Y' WHERE name = 'a' AND locked = 'N'; SELECT x FROM t; UPDATE l SET locked = 'N' WHERE name = 'a'; SELECT 1",
       "flag l update 0-1 released"},
      {kMy, "UPDATE l SET locked = 'Y' WHERE name = 'a' AND locked = 'N' ->0; SELECT x FROM t; UPDATE l SET locked = 'N' WHERE name = 'a'",
       ""},
      {kMy, "UPDATE l SET locked = 'Y' WHERE name = 'a' AND locked = 'N'; SELECT x FROM t; UPDATE l SET locked = 'N' WHERE name = 'b'", ""},
      {kPg, "UPDATE l SET locked = 'Y' WHERE name = 'a' AND locked IS NULL; SELECT x FROM t; UPDATE l SET locked = NULL WHERE name = 'a'",
       "flag l update 0-1 released"},
      // SQLite: one write lock, from BEGIN IMMEDIATE or the first write.
      {kLite, "BEGIN IMMEDIATE; SELECT x FROM t; UPDATE t SET x = 1 WHERE id = 1; COMMIT", "database update 0-1"},
      {kLite, "BEGIN; SELECT x FROM t; UPDATE t SET x = 1 WHERE id = 1; SELECT x FROM t; COMMIT", "database update 1-2"},
      {kLite, "SELECT x FROM t; UPDATE t SET x = 1 WHERE id = 1", ""},
  };
  for (const Row& row : kRows) {
    INFO(row.script);
    CHECK(all_told(row.engine, kRc, row.script) == row.locks);
  }
}

TEST_CASE("Locks: a table of MyISAM takes none", "[locks]") {
  Table t;
  t.storage_engine = "MyISAM";
  CHECK_FALSE(is_transactional(&t));
  t.storage_engine = "InnoDB";
  CHECK(is_transactional(&t));
  CHECK(is_transactional(nullptr));
}

TEST_CASE("Locks: the statement that takes the snapshot", "[locks]") {
  struct Row {
    Engine engine;
    Isolation level;
    std::string_view script;
    uint32_t op;
  };
  constexpr uint32_t kNone = HeldLock::kNone;
  static constexpr Row kRows[] = {
      {kPg, kRc, "BEGIN; SELECT 1; SELECT x FROM t; COMMIT", kNone},
      {kPg, kRr, "BEGIN; SELECT 1; SELECT x FROM t; COMMIT", 0},
      {kPg, kRr, "BEGIN; LOCK TABLE t; SELECT x FROM t; COMMIT", 1},
      {kPg, kRr, "BEGIN; SELECT x FROM t FOR UPDATE; SELECT x FROM t; COMMIT", 0},
      {kPg, kSer, "BEGIN; INSERT INTO t (id) VALUES (1); SELECT x FROM t; COMMIT", 0},
      {kMy, kRr, "BEGIN; SELECT 1; SELECT x FROM t FOR UPDATE; UPDATE t SET x = 1 WHERE id = 1; SELECT n FROM p; COMMIT", 3},
      {kMy, kRr, "BEGIN; INSERT INTO t (id, x) SELECT id, n FROM p; SELECT n FROM p; COMMIT", 1},
      {kMy, kRr, "START TRANSACTION WITH CONSISTENT SNAPSHOT; UPDATE t SET x = 1 WHERE id = 1; SELECT n FROM p; COMMIT", 0},
      {kMy, kRc, "BEGIN; SELECT x FROM t; COMMIT", kNone},
      {kMy, kSer, "BEGIN; SELECT x FROM t; COMMIT", kNone},
      {kMy, kRr, "SELECT x FROM t", kNone},
  };
  for (const Row& row : kRows) {
    INFO(row.script);
    trace(row.engine, row.level, row.script, [&](const WorkUnit& u) { CHECK(u.locks->snapshot(0) == row.op); });
  }
}

// The last write of the script, and the last plain read of its table before it (or itself, when nothing reads it).
std::string shielded(Engine engine, Isolation level, std::string_view script, bool snapshot_isolation) {
  static constexpr std::string_view kShields[] = {"-", "row", "set", "parent", "table", "advisory", "flag", "database"};
  static constexpr std::string_view kFlaws[] = {"",
                                                " shared",
                                                " after decision",
                                                " found nothing",
                                                " new rows enter",
                                                " stale snapshot",
                                                " lock took snapshot",
                                                " released early",
                                                " dropped by begin"};
  std::string s;
  trace(engine, level, script, [&](const WorkUnit& u) {
    uint32_t w = static_cast<uint32_t>(u.ops.size());
    while (w-- > 0) {
      const StatementAccess& a = u.ops[w].statement->access;
      if (!a.writes.empty() && !a.writes.front().name.str().ends_with("l")) break;
    }
    const WriteAccess& write = u.ops[w].statement->access.writes.front();
    uint32_t r = w;
    for (uint32_t i = w; i-- > 0 && r == w;) {
      for (const ReadAccess& read : u.ops[i].statement->access.reads) {
        if (read.name == write.name && u.ops[i].facts().kind == StatementKind::kSelect) r = i;
      }
    }
    const LockAnswer p = protection_of(u, r, w, write, snapshot_isolation);
    s = std::string(kShields[static_cast<size_t>(p.shield)]) + std::string(kFlaws[static_cast<size_t>(p.flaw)]);
  });
  return s;
}

TEST_CASE("Protection: the cells of the isolation matrix", "[locks]") {
  // Columns: PostgreSQL RC, RR; MariaDB RC, RR, RR with innodb_snapshot_isolation. `=` as the cell before it; empty: does not apply.
  struct Row {
    std::string_view variant, script;
    std::string_view pg_rc, pg_rr, my_rc, my_rr, my_si;
  };
  static constexpr Row kRows[] = {
      {"SELECT; UPDATE SET x=literal", "BEGIN; SELECT x FROM t WHERE id = 1; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "-", "=", "-", "=",
       "="},
      {"SELECT FOR UPDATE; UPDATE literal", "BEGIN; SELECT x FROM t WHERE id = 1 FOR UPDATE; UPDATE t SET x = 5 WHERE id = 1; COMMIT",
       "row", "=", "row", "=", "="},
      {"FOR UPDATE in autocommit", "SELECT x FROM t WHERE id = 1 FOR UPDATE; UPDATE t SET x = 5 WHERE id = 1", "-", "=", "-", "=", "="},
      {"FOR UPDATE; COMMIT; BEGIN; UPDATE",
       "BEGIN; SELECT x FROM t WHERE id = 1 FOR UPDATE; COMMIT; BEGIN; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "-", "=", "-", "=", "="},
      {"SELECT FOR SHARE; UPDATE literal", "BEGIN; SELECT x FROM t WHERE id = 1 FOR SHARE; UPDATE t SET x = 5 WHERE id = 1; COMMIT",
       "row shared", "=", "", "", ""},
      {"LOCK IN SHARE MODE; UPDATE literal",
       "BEGIN; SELECT x FROM t WHERE id = 1 LOCK IN SHARE MODE; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "", "", "row shared", "=", "="},
      {"SELECT FOR KEY SHARE; UPDATE literal", "BEGIN; SELECT x FROM t WHERE id = 1 FOR KEY SHARE; UPDATE t SET x = 5 WHERE id = 1; COMMIT",
       "-", "=", "", "", ""},
      {"FOR UPDATE on a different row",
       "BEGIN; SELECT x FROM t WHERE id = 2 FOR UPDATE; SELECT x FROM t WHERE id = 1; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "-", "=",
       "-", "=", "="},
      {"FOR UPDATE on a row that is not there",
       "BEGIN; SELECT x FROM t WHERE id = 1 FOR UPDATE ->0; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "- found nothing", "=",
       "- found nothing", "=", "="},
      {"by another key of the row", "BEGIN; SELECT x FROM t WHERE k = 'a' FOR UPDATE; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "set", "=",
       "set", "=", "="},
      {"plain SELECT x, then FOR UPDATE, value from the plain SELECT",
       "BEGIN; SELECT x FROM t WHERE id = 1; UPDATE t SET k = k WHERE id = 1; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "- after decision",
       "=", "- after decision", "=", "="},
      {"plain SELECT, FOR UPDATE, plain re-SELECT",
       "BEGIN; SELECT x FROM t WHERE id = 1; SELECT x FROM t WHERE id = 1 FOR UPDATE; SELECT x FROM t WHERE id = 1; UPDATE t SET x = 5 "
       "WHERE "
       "id = 1; COMMIT",
       "row", "=", "row", "- stale snapshot", "row"},
      {"plain SELECT, then SELECT x FOR UPDATE, write from the locked read",
       "BEGIN; SELECT x FROM t WHERE id = 1; SELECT x FROM t WHERE id = 1 FOR UPDATE; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "row", "=",
       "row", "=", "="},
      {"SELECT FOR UPDATE after an earlier unrelated SELECT",
       "BEGIN; SELECT n FROM p; SELECT x FROM t WHERE id = 1 FOR UPDATE; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "row", "=", "row", "=",
       "="},
      {"no-op UPDATE first, then SELECT, UPDATE",
       "BEGIN; UPDATE t SET x = x WHERE id = 1; SELECT x FROM t WHERE id = 1; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "row", "=", "row",
       "=", "="},
      {"earlier plain SELECT, no-op UPDATE, plain re-SELECT, UPDATE",
       "BEGIN; SELECT n FROM p; UPDATE t SET x = x WHERE id = 1; SELECT x FROM t WHERE id = 1; UPDATE t SET x = 5 WHERE id = 1; COMMIT",
       "row", "=", "row", "- stale snapshot", "row"},
      {"earlier plain SELECT, real UPDATE, plain re-SELECT, UPDATE",
       "BEGIN; SELECT n FROM p; UPDATE t SET x = x + 1 WHERE id = 1; SELECT x FROM t WHERE id = 1; UPDATE t SET x = 5 WHERE id = 1; COMMIT",
       "row", "=", "row", "=", "="},
      {"parent FOR UPDATE first, plain SELECT child, UPDATE child",
       "BEGIN; SELECT n FROM p WHERE id = 1 FOR UPDATE; SELECT v FROM c WHERE p_id = 1; UPDATE c SET v = 5 WHERE p_id = 1; COMMIT",
       "parent", "- lock took snapshot", "parent", "=", "="},
      {"earlier plain SELECT, parent FOR UPDATE, plain SELECT child, UPDATE child",
       "BEGIN; SELECT x FROM t; SELECT n FROM p WHERE id = 1 FOR UPDATE; SELECT v FROM c WHERE p_id = 1; UPDATE c SET v = 5 WHERE p_id = "
       "1; "
       "COMMIT",
       "parent", "- lock took snapshot", "parent", "- stale snapshot", "parent"},
      {"parent row FOR UPDATE first, COUNT, INSERT",
       "BEGIN; SELECT n FROM p WHERE id = 1 FOR UPDATE; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); "
       "COMMIT",
       "parent", "- lock took snapshot", "parent", "=", "="},
      {"plain SELECT, parent row FOR UPDATE, COUNT, INSERT",
       "BEGIN; SELECT x FROM t; SELECT n FROM p WHERE id = 1 FOR UPDATE; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) "
       "VALUES (9, 1); COMMIT",
       "parent", "- lock took snapshot", "parent", "- stale snapshot", "="},
      {"write parent first, COUNT, INSERT",
       "BEGIN; UPDATE p SET n = n WHERE id = 1; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); COMMIT",
       "parent", "=", "parent", "=", "="},
      {"SELECT id FOR UPDATE (non-empty set), count in app, INSERT",
       "BEGIN; SELECT id FROM c WHERE p_id = 1 FOR UPDATE ->3; INSERT INTO c (id, p_id) VALUES (9, 1); COMMIT", "- new rows enter", "=",
       "set", "=", "="},
      {"SELECT id FOR UPDATE (EMPTY set), INSERT",
       "BEGIN; SELECT id FROM c WHERE p_id = 1 FOR UPDATE ->0; INSERT INTO c (id, p_id) VALUES (9, 1); COMMIT", "- found nothing", "=",
       "- found nothing", "=", "="},
      {"pg_advisory_xact_lock first, COUNT, INSERT",
       "BEGIN; SELECT pg_advisory_xact_lock(1); SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); COMMIT",
       "advisory", "- lock took snapshot", "", "", ""},
      {"pg_advisory_lock before BEGIN, unlock after COMMIT",
       "SELECT pg_advisory_lock(1); BEGIN; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); COMMIT; SELECT "
       "pg_advisory_unlock(1)",
       "advisory", "=", "", "", ""},
      {"pg_advisory_lock, unlock BEFORE COMMIT",
       "SELECT pg_advisory_lock(1); BEGIN; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); SELECT "
       "pg_advisory_unlock(1); COMMIT",
       "- released early", "=", "", "", ""},
      {"GET_LOCK before BEGIN, COUNT, INSERT, COMMIT, RELEASE_LOCK",
       "SELECT GET_LOCK('a', 5); BEGIN; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); COMMIT; SELECT "
       "RELEASE_LOCK('a')",
       "", "", "advisory", "=", "="},
      {"GET_LOCK ... RELEASE_LOCK before COMMIT",
       "SELECT GET_LOCK('a', 5); BEGIN; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); SELECT "
       "RELEASE_LOCK('a'); COMMIT",
       "", "", "- released early", "=", "="},
      {"snapshot first, then GET_LOCK, COUNT, INSERT, COMMIT, RELEASE_LOCK",
       "BEGIN; SELECT x FROM t; SELECT GET_LOCK('a', 5); SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); "
       "COMMIT; "
       "SELECT RELEASE_LOCK('a')",
       "", "", "advisory", "- stale snapshot", "="},
      {"LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE first, COUNT, INSERT",
       "BEGIN; LOCK TABLE c IN SHARE ROW EXCLUSIVE MODE; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); "
       "COMMIT",
       "table", "=", "", "", ""},
      {"plain SELECT, LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE, COUNT, INSERT",
       "BEGIN; SELECT x FROM t; LOCK TABLE c IN SHARE ROW EXCLUSIVE MODE; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) "
       "VALUES (9, 1); COMMIT",
       "table", "- stale snapshot", "", "", ""},
      {"LOCK TABLE t IN SHARE MODE first, COUNT, INSERT",
       "BEGIN; LOCK TABLE c IN SHARE MODE; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); COMMIT",
       "table shared", "=", "", "", ""},
      {"LOCK TABLE t IN ROW EXCLUSIVE MODE first, COUNT, INSERT",
       "BEGIN; LOCK TABLE c IN ROW EXCLUSIVE MODE; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); COMMIT",
       "-", "=", "", "", ""},
      {"LOCK TABLES t WRITE (autocommit), COUNT, INSERT, UNLOCK TABLES",
       "LOCK TABLES c WRITE; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); UNLOCK TABLES", "", "", "table",
       "=", "="},
      {"LOCK TABLES t WRITE then BEGIN",
       "LOCK TABLES c WRITE; BEGIN; SELECT COUNT(*) FROM c WHERE p_id = 1; INSERT INTO c (id, p_id) VALUES (9, 1); COMMIT; UNLOCK TABLES",
       "", "", "- dropped by begin", "=", "="},
      {"a lock row",
       "UPDATE l SET locked = 'Y' WHERE name = 'a' AND locked = 'N' ->1; SELECT x FROM t WHERE id = 1; UPDATE t SET x = 5 WHERE id = 1; "
       "UPDATE "
       "l SET locked = 'N' WHERE name = 'a'",
       "flag", "=", "flag", "=", "="},
  };
  for (const Row& row : kRows) {
    INFO(row.variant);
    struct Config {
      Engine engine;
      Isolation level;
      bool snapshot_isolation;
    };
    static constexpr Config kConfigs[] = {{kPg, kRc, false}, {kPg, kRr, false}, {kMy, kRc, false}, {kMy, kRr, false}, {kMy, kRr, true}};
    const std::string_view cells[] = {row.pg_rc, row.pg_rr, row.my_rc, row.my_rr, row.my_si};
    std::string_view expected;
    for (size_t i = 0; i < std::size(cells); ++i) {
      if (cells[i].empty()) continue;
      if (cells[i] != "=") expected = cells[i];
      INFO("configuration " << i);
      CHECK(shielded(kConfigs[i].engine, kConfigs[i].level, row.script, kConfigs[i].snapshot_isolation) == expected);
    }
  }
}

TEST_CASE("Protection: SQLite's write lock", "[locks]") {
  struct Row {
    std::string_view script, answer;
  };
  static constexpr Row kRows[] = {
      {"SELECT x FROM t WHERE id = 1; UPDATE t SET x = 5 WHERE id = 1", "-"},
      {"BEGIN; SELECT x FROM t WHERE id = 1; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "-"},
      {"BEGIN IMMEDIATE; SELECT x FROM t WHERE id = 1; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "database"},
      {"BEGIN EXCLUSIVE; SELECT x FROM t WHERE id = 1; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "database"},
      {"BEGIN; UPDATE p SET n = n WHERE id = 1; SELECT x FROM t WHERE id = 1; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "database"},
      {"SELECT x FROM t WHERE id = 1; BEGIN IMMEDIATE; UPDATE t SET x = 5 WHERE id = 1; COMMIT", "-"},
  };
  for (const Row& row : kRows) {
    INFO(row.script);
    CHECK(shielded(kLite, Isolation::kSerializable, row.script, false) == row.answer);
  }
}

}  // namespace
}  // namespace dbaudit
