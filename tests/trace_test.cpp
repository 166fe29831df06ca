// Sessions, transactions and work units from records: the engine's habits, and what a source cannot show.

#include "analyzers/trace/session.h"

#include <cmath>
#include <string>
#include <vector>

#include "analyzers/schema/ddl.h"
#include "tests/catch.h"

using namespace dbaudit;

namespace {

struct Seen {
  std::vector<std::string> ops;  // template texts
  std::vector<Transaction> transactions;
  std::vector<uint32_t> transaction_of;
  std::vector<bool> rolled_back, failed;
  std::vector<uint32_t> savepoints;
  std::vector<std::vector<double>> steps;
  std::vector<std::vector<CellChange>> changes;
  UnitEnd end = UnitEnd::kLogEnd;
  std::string session;
};

class Run {
 public:
  explicit Run(Engine engine, Isolation level = Isolation::kReadCommitted, const Catalog* catalog = nullptr)
      : templates_(dialect_of(engine)),
        binder_(catalog),
        trace_(templates_, binder_, options(engine, level), [this](const WorkUnit& u) { keep(u); }) {}

  Run& say(std::string_view session, std::string_view sql, int64_t ms = -1) {
    LogRecord r;
    r.kind = RecordKind::kStatement;
    r.session = session;
    r.sql = sql;
    r.tx_boundary = boundary;
    r.line = ++line_;
    clock_ = ms >= 0 ? ms : clock_ + 1;
    r.time.micros = clock_ * 1000;
    trace_.feed(0, "test", "", r);
    return *this;
  }
  Run& kind(std::string_view session, RecordKind kind) {
    LogRecord r;
    r.kind = kind;
    r.session = session;
    r.time.micros = ++clock_ * 1000;
    trace_.feed(0, "test", "", r);
    return *this;
  }
  /// `about`: the number of the statement, counted from 1; 0: the session's last.
  Run& error(std::string_view session, std::string_view code, uint64_t about = 0) {
    LogRecord r;
    r.kind = RecordKind::kError;
    r.about_line = about;
    r.session = session;
    r.attaches = true;
    r.has_error = true;
    r.error_code = code;
    r.time.micros = ++clock_ * 1000;
    trace_.feed(0, "test", "", r);
    return *this;
  }
  std::vector<Seen>& units() {
    trace_.finish();
    return units_;
  }
  TxBoundary boundary = TxBoundary::kExplicit;
  const TraceCounts& counts() const { return trace_.counts(); }

 private:
  static TraceOptions options(Engine engine, Isolation level) {
    TraceOptions o;
    o.engine = engine;
    o.default_isolation = level;
    return o;
  }
  void keep(const WorkUnit& u) {
    Seen s;
    for (const Op& op : u.ops) {
      s.ops.push_back(op.statement->source->text.str());
      s.transaction_of.push_back(op.transaction);
      s.rolled_back.push_back(op.rolled_back);
      s.failed.push_back(op.failed);
      s.savepoints.push_back(op.savepoints);
      s.steps.emplace_back(op.steps().begin(), op.steps().end());
      std::vector<CellChange>& changes = s.changes.emplace_back();
      for (size_t i = 0; i < op.steps().size(); ++i) changes.push_back(op.change(i).change);
    }
    s.transactions = u.transactions;
    s.end = u.end;
    s.session = u.session_key;
    units_.push_back(std::move(s));
  }
  Templates templates_;
  Binder binder_;
  std::vector<Seen> units_;
  Trace trace_;
  uint64_t line_ = 0;
  int64_t clock_ = 0;
};

}  // namespace

TEST_CASE("autocommit: every statement is a transaction of its own") {
  Run run(Engine::kPostgres);
  auto& units = run.say("1", "SELECT a FROM t WHERE id = 1").say("1", "UPDATE t SET a = 2 WHERE id = 1").units();
  REQUIRE(units.size() == 1);
  REQUIRE(units[0].transactions.size() == 2);
  CHECK_FALSE(units[0].transactions[0].is_explicit);
  CHECK(units[0].transactions[1].end == TxEnd::kAutocommit);
}

TEST_CASE("BEGIN … COMMIT is one transaction, with the level it asked for") {
  Run run(Engine::kPostgres);
  auto& units = run.say("1", "BEGIN ISOLATION LEVEL REPEATABLE READ")
                    .say("1", "SELECT a FROM t WHERE id = 1")
                    .say("1", "UPDATE t SET a = 2 WHERE id = 1")
                    .say("1", "COMMIT")
                    .say("1", "SELECT a FROM t WHERE id = 1")
                    .units();
  REQUIRE(units.size() == 1);
  REQUIRE(units[0].transactions.size() == 2);
  CHECK(units[0].transactions[0].is_explicit);
  CHECK(units[0].transactions[0].isolation == Isolation::kRepeatableRead);
  CHECK(units[0].transactions[0].end == TxEnd::kCommit);
  CHECK(units[0].transactions[0].last == 1);
  CHECK(units[0].transactions[1].isolation == Isolation::kReadCommitted);
}

TEST_CASE("isolation: SET TRANSACTION is for the next on MySQL and for the current on PostgreSQL; SET SESSION stays") {
  SECTION("MySQL") {
    Run run(Engine::kMySql, Isolation::kRepeatableRead);
    auto& units = run.say("1", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
                      .say("1", "BEGIN")
                      .say("1", "SELECT a FROM t")
                      .say("1", "COMMIT")
                      .say("1", "BEGIN")
                      .say("1", "SELECT a FROM t")
                      .say("1", "COMMIT")
                      .say("1", "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                      .say("1", "SELECT a FROM t")
                      .units();
    REQUIRE(units[0].transactions.size() == 3);
    CHECK(units[0].transactions[0].isolation == Isolation::kSerializable);
    CHECK(units[0].transactions[1].isolation == Isolation::kRepeatableRead);
    CHECK(units[0].transactions[2].isolation == Isolation::kReadCommitted);
  }
  SECTION("PostgreSQL") {
    Run run(Engine::kPostgres);
    auto& units = run.say("1", "BEGIN")
                      .say("1", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
                      .say("1", "SELECT a FROM t")
                      .say("1", "COMMIT")
                      .units();
    REQUIRE(units[0].transactions.size() == 1);
    CHECK(units[0].transactions[0].isolation == Isolation::kSerializable);
  }
}

TEST_CASE("autocommit off opens a transaction at the first statement; autocommit on commits it") {
  Run run(Engine::kMariaDb);
  auto& units = run.say("1", "SET autocommit=0")
                    .say("1", "SELECT a FROM t")
                    .say("1", "UPDATE t SET a = 1 WHERE id = 1")
                    .say("1", "SET autocommit=1")
                    .say("1", "SELECT a FROM t")
                    .units();
  REQUIRE(units[0].transactions.size() == 2);
  CHECK(units[0].transactions[0].is_explicit);
  CHECK(units[0].transactions[0].end == TxEnd::kCommit);
  CHECK_FALSE(units[0].transactions[1].is_explicit);
}

TEST_CASE("one SET of autocommit and the level does both") {
  Run run(Engine::kMySql, Isolation::kRepeatableRead);
  auto& units =
      run.say("1", "SET autocommit=0, tx_isolation='READ-COMMITTED'").say("1", "SELECT a FROM t").say("1", "SELECT b FROM t").units();
  REQUIRE(units[0].transactions.size() == 1);
  CHECK(units[0].transactions[0].is_explicit);
  CHECK(units[0].transactions[0].isolation == Isolation::kReadCommitted);
}

TEST_CASE("BEGIN inside a transaction commits on MySQL and is ignored on PostgreSQL; DDL commits on MySQL") {
  Run my(Engine::kMySql);
  CHECK(my.say("1", "BEGIN")
            .say("1", "SELECT a FROM t")
            .say("1", "BEGIN")
            .say("1", "SELECT b FROM t")
            .say("1", "COMMIT")
            .units()[0]
            .transactions.size() == 2);
  Run pg(Engine::kPostgres);
  CHECK(pg.say("1", "BEGIN")
            .say("1", "SELECT a FROM t")
            .say("1", "BEGIN")
            .say("1", "SELECT b FROM t")
            .say("1", "COMMIT")
            .units()[0]
            .transactions.size() == 1);
  Run ddl(Engine::kMySql);
  auto& units = ddl.say("1", "BEGIN").say("1", "SELECT a FROM t").say("1", "CREATE TABLE x (id int)").say("1", "SELECT b FROM t").units();
  REQUIRE(units[0].transactions.size() == 2);
  CHECK(units[0].transactions[0].end == TxEnd::kCommit);
  CHECK_FALSE(units[0].transactions[1].is_explicit);
}

TEST_CASE("an error dooms a PostgreSQL transaction: its COMMIT is a rollback; a savepoint saves it") {
  Run doomed(Engine::kPostgres);
  auto& a = doomed.say("1", "BEGIN").say("1", "INSERT INTO t (a) VALUES (1)").error("1", "23505").say("1", "COMMIT").units();
  CHECK(a[0].failed[0]);
  CHECK(a[0].transactions[0].end == TxEnd::kRollback);
  Run saved(Engine::kPostgres);
  auto& b = saved.say("1", "BEGIN")
                .say("1", "SAVEPOINT s1")
                .say("1", "INSERT INTO t (a) VALUES (1)")
                .error("1", "23505")
                .say("1", "ROLLBACK TO SAVEPOINT s1")
                .say("1", "SELECT a FROM t")
                .say("1", "COMMIT")
                .units();
  CHECK(b[0].savepoints[0] == 1);
  CHECK(b[0].rolled_back[0]);
  CHECK_FALSE(b[0].rolled_back[1]);
  CHECK(b[0].transactions[0].end == TxEnd::kCommit);
}

TEST_CASE("nested savepoints: a rollback to the outer one undoes what the inner ones held, and releases them") {
  Run run(Engine::kPostgres);
  auto& units = run.say("1", "BEGIN")
                    .say("1", "SAVEPOINT a1")
                    .say("1", "UPDATE t SET a = 1 WHERE id = 1")
                    .say("1", "SAVEPOINT b2")
                    .say("1", "UPDATE t SET a = 2 WHERE id = 2")
                    .say("1", "RELEASE SAVEPOINT b2")
                    .say("1", "UPDATE t SET a = 3 WHERE id = 3")
                    .say("1", "ROLLBACK TO SAVEPOINT a1")
                    .say("1", "UPDATE t SET a = 4 WHERE id = 4")
                    .say("1", "COMMIT")
                    .units();
  const Seen& u = units[0];
  REQUIRE(u.ops.size() == 4);
  CHECK(u.savepoints == std::vector<uint32_t>{1, 2, 1, 1});
  CHECK(u.rolled_back == std::vector<bool>{true, true, true, false});
}

TEST_CASE("a log that starts in the middle of a transaction: its first COMMIT gathers what came before") {
  Run run(Engine::kMySql);
  auto& units = run.say("1", "SELECT a FROM t").say("1", "UPDATE t SET a = 1 WHERE id = 1").say("1", "COMMIT").units();
  REQUIRE(units[0].transactions.size() == 1);
  CHECK(units[0].transactions[0].head_lost);
  CHECK(units[0].transactions[0].is_explicit);
  Run fresh(Engine::kMySql);
  auto& other = fresh.kind("1", RecordKind::kConnect).say("1", "SELECT a FROM t").say("1", "COMMIT").units();
  CHECK_FALSE(other[0].transactions[0].head_lost);
}

TEST_CASE("a source that shows ends but no beginnings: every end gathers what came since the one before") {
  Run run(Engine::kPostgres);
  run.boundary = TxBoundary::kInferred;
  run.say("1", "SELECT a FROM t WHERE id = 1").say("1", "UPDATE t SET a = 2 WHERE id = 1").say("1", "COMMIT");
  run.say("1", "SELECT a FROM t WHERE id = 2").say("1", "UPDATE t SET a = 3 WHERE id = 2").say("1", "ROLLBACK");
  run.say("1", "SELECT a FROM t WHERE id = 3");
  const Seen& unit = run.units().at(0);
  REQUIRE(unit.transactions.size() == 3);
  CHECK(unit.transaction_of == std::vector<uint32_t>{0, 0, 1, 1, 2});
  CHECK(unit.transactions[0].end == TxEnd::kCommit);
  CHECK(unit.transactions[1].end == TxEnd::kRollback);
  CHECK(unit.transactions[1].boundary == Boundary::kInferred);
  CHECK_FALSE(unit.transactions[2].is_explicit);
  CHECK(run.counts().transactions == 3);
}

TEST_CASE("an end without a session ends nobody's transaction") {
  Run run(Engine::kPostgres);
  run.boundary = TxBoundary::kInferred;
  run.say("", "SELECT a FROM t WHERE id = 1").say("", "UPDATE t SET a = 2 WHERE id = 1").say("", "COMMIT");
  CHECK(run.units().at(0).transactions.size() == 2);
}

TEST_CASE("an error marks the statement it is about, however far back") {
  Run run(Engine::kMariaDb);
  run.say("", "INSERT INTO t (a) VALUES (1)").say("", "SELECT a FROM t WHERE a = 2").say("", "ROLLBACK");
  run.error("", "1062", 1).error("", "1062", 1).error("", "1213", 3).error("", "1213", 99);
  const Seen& unit = run.units().at(0);
  CHECK(unit.failed == std::vector<bool>{true, false});
  CHECK(run.counts().failed == 1);
}

TEST_CASE("a session that was silent for long goes on as what it was") {
  Run run(Engine::kPostgres);
  run.say("1", "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE").say("1", "SELECT a FROM t WHERE id = 1");
  run.say("2", "BEGIN").say("2", "UPDATE t SET a = 1 WHERE id = 1");
  for (int i = 0; i < 40'000; ++i) run.say("3", "SELECT b FROM t WHERE id = 1");  // more than one sweep, and most of them after the gap
  run.say("1", "SELECT a FROM t WHERE id = 2").say("2", "COMMIT");
  run.kind("1", RecordKind::kDisconnect).say("1", "SELECT a FROM t WHERE id = 3");
  std::vector<Isolation> levels;
  size_t open = 0;
  for (const Seen& unit : run.units()) {
    if (unit.session == "1") levels.push_back(unit.transactions.at(0).isolation);
    if (unit.session == "2") {
      ++open;
      CHECK(unit.transactions.at(0).end == TxEnd::kCommit);
    }
  }
  CHECK(levels == std::vector<Isolation>{Isolation::kSerializable, Isolation::kSerializable, Isolation::kReadCommitted});
  CHECK(open == 1);
  CHECK(run.counts().sessions == 4);
}

TEST_CASE("work units end at a gap outside a transaction, at a reset, at another request, and at disconnect") {
  Run gap(Engine::kPostgres);
  CHECK(gap.say("1", "SELECT a FROM t", 1).say("1", "SELECT a FROM t", 20'000).units().size() == 2);
  Run inside(Engine::kPostgres);
  CHECK(inside.say("1", "BEGIN", 1).say("1", "SELECT a FROM t", 2).say("1", "SELECT a FROM t", 20'000).say("1", "COMMIT").units().size() ==
        1);
  Run reset(Engine::kPostgres);
  auto& r = reset.say("1", "SELECT a FROM t").say("1", "SELECT a FROM t").say("1", "DISCARD ALL").say("1", "SELECT a FROM t").units();
  REQUIRE(r.size() == 2);
  CHECK(r[0].end == UnitEnd::kReset);
  Run tags(Engine::kPostgres);
  auto& t = tags.say("1", "SELECT a FROM t /*traceparent='00-aa-1-01'*/").say("1", "SELECT a FROM t /*traceparent='00-bb-1-01'*/").units();
  REQUIRE(t.size() == 2);
  CHECK(t[0].end == UnitEnd::kTag);
  Run quit(Engine::kPostgres);
  CHECK(quit.say("1", "SELECT a FROM t").kind("1", RecordKind::kDisconnect).say("1", "SELECT a FROM t").units().size() == 2);
}

TEST_CASE("a pool that resets after each transaction does not show where a request ends, until a session keeps its connection for two") {
  constexpr const char* kReset = "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;";
  Run each(Engine::kPostgres);
  each.say("1", "SELECT a FROM t").say("1", kReset).say("1", "BEGIN").say("1", "SELECT a FROM t").say("1", "SELECT a FROM t");
  CHECK(each.say("1", "COMMIT").say("1", kReset).say("1", "SELECT a FROM t").units().size() == 1);
  Run kept(Engine::kPostgres);
  kept.say("1", "SELECT a FROM t").say("1", kReset).say("2", "SELECT a FROM t").say("2", "SELECT a FROM t").say("2", kReset);
  CHECK(kept.say("1", "SELECT a FROM t").say("1", kReset).say("1", "SELECT a FROM t").units().size() == 3);
}

TEST_CASE("a source without BEGIN: nothing is proved to stand outside a transaction; a savepoint or a row lock proves one") {
  Run run(Engine::kPostgres);
  run.boundary = TxBoundary::kInferred;
  auto& units = run.say("1", "SELECT a FROM t WHERE id = 1 FOR UPDATE").say("1", "UPDATE t SET a = 1 WHERE id = 1").units();
  REQUIRE(units[0].transactions.size() == 1);
  CHECK(units[0].transactions[0].is_explicit);
  CHECK(units[0].transactions[0].boundary == Boundary::kInferred);
  Run plain(Engine::kPostgres);
  plain.boundary = TxBoundary::kInferred;
  CHECK(plain.say("1", "SELECT a FROM t WHERE id = 1").units()[0].transactions[0].boundary == Boundary::kInferred);
}

TEST_CASE("a packet of several statements is several ops") {
  Run run(Engine::kMariaDb);
  auto& units = run.say("1", "BEGIN; UPDATE t SET a = 1 WHERE id = 1; SELECT ';' FROM t; COMMIT").units();
  REQUIRE(units.size() == 1);
  CHECK(units[0].ops.size() == 2);
  CHECK(units[0].transactions.size() == 1);
  CHECK(units[0].transactions[0].end == TxEnd::kCommit);
}

TEST_CASE("the history of written values: steps from the last value of the same row and column, whoever wrote it") {
  Catalog catalog;
  catalog.engine = Engine::kPostgres;
  apply_ddl("CREATE TABLE t (id integer PRIMARY KEY, a integer, b integer);", "x.sql", catalog);
  catalog.finish();
  Run run(Engine::kPostgres, Isolation::kReadCommitted, &catalog);
  auto& units = run.say("1", "UPDATE t SET a = 10 WHERE id = 1")
                    .say("1", "UPDATE t SET a = '12' WHERE id = 1")
                    .say("1", "UPDATE t SET a = 99 WHERE id = 2")
                    .say("1", "UPDATE t SET a = a - 5 WHERE id = 1")
                    .say("1", "UPDATE t SET a = 8 WHERE id = 1")
                    .units();
  const auto& steps = units[0].steps;
  CHECK(std::isnan(steps[0][0]));
  CHECK(steps[1][0] == 2);
  CHECK(std::isnan(steps[2][0]));
  CHECK(steps[4][0] == 1);  // 12 - 5 = 7, then 8
}

TEST_CASE("the history of written values: kept, changed and put back, of any kind of value") {
  Catalog catalog;
  catalog.engine = Engine::kPostgres;
  apply_ddl("CREATE TABLE t (id integer PRIMARY KEY, a text, b boolean);", "x.sql", catalog);
  catalog.finish();
  Run run(Engine::kPostgres, Isolation::kReadCommitted, &catalog);
  auto& units = run.say("1", "UPDATE t SET a = 'x', b = true WHERE id = 1")
                    .say("1", "UPDATE t SET a = 'x', b = false WHERE id = 1")
                    .say("1", "UPDATE t SET a = 'y', b = true WHERE id = 1")
                    .say("1", "UPDATE t SET a = 'x', b = NOT b WHERE id = 1")
                    .say("1", "UPDATE t SET a = 'z', b = true WHERE id = 1")
                    .say("1", "UPDATE t SET a = 'z', b = true WHERE id = 2")
                    .units();
  const auto& changes = units[0].changes;
  const auto change = [&](size_t op, size_t column) { return changes[op][column]; };
  CHECK(change(0, 0) == CellChange::kUnknown);
  CHECK(change(1, 0) == CellChange::kKept);
  CHECK(change(1, 1) == CellChange::kChanged);
  CHECK(change(2, 0) == CellChange::kChanged);
  CHECK(change(2, 1) == CellChange::kReturned);
  CHECK(change(3, 0) == CellChange::kReturned);
  CHECK(change(3, 1) == CellChange::kUnknown);  // NOT b: an expression
  CHECK(change(4, 0) == CellChange::kChanged);
  CHECK(change(4, 1) == CellChange::kUnknown);  // what NOT b left is not known
  CHECK(change(5, 0) == CellChange::kUnknown);  // another row
}

TEST_CASE("the history of written values: an upsert writes the row that its key names") {
  Catalog catalog;
  catalog.engine = Engine::kPostgres;
  apply_ddl("CREATE TABLE c (page text PRIMARY KEY, hits integer, title text);", "x.sql", catalog);
  catalog.finish();
  Run run(Engine::kPostgres, Isolation::kReadCommitted, &catalog);
  const std::string upsert = "ON CONFLICT (page) DO UPDATE SET hits = ";
  auto& units = run.say("1", "INSERT INTO c (page, hits, title) VALUES ('a', 7, 't') " + upsert + "EXCLUDED.hits")
                    .say("1", "INSERT INTO c (page, hits, title) VALUES ('a', 9, 'u') " + upsert + "EXCLUDED.hits")
                    .say("1", "UPDATE c SET hits = 12 WHERE page = 'a'")
                    .say("1", "INSERT INTO c (page, hits) VALUES ('a', 1) " + upsert + "c.hits + EXCLUDED.hits")
                    .say("1", "INSERT INTO c (page, hits) VALUES ('a', 20) " + upsert + "EXCLUDED.hits")
                    .say("1", "INSERT INTO c (page, hits) VALUES ('a', 21)")
                    .units();
  const auto& steps = units[0].steps;
  CHECK(std::isnan(steps[0][1]));
  CHECK(steps[1][1] == 2);
  CHECK(std::isnan(steps[1][2]));  // the title of a row that is there stays
  CHECK(steps[2][0] == 3);
  CHECK(std::isnan(steps[3][1]));
  CHECK(std::isnan(steps[4][1]));  // after a relative upsert nobody knows
  CHECK(steps[5].empty());         // no upsert, no row that was there
}

TEST_CASE("the history of numbers given out: steps from the highest inserted among the rows a statement asks for the highest of") {
  Catalog catalog;
  catalog.engine = Engine::kPostgres;
  apply_ddl("CREATE TABLE t (id integer PRIMARY KEY, scope integer, n integer);", "x.sql", catalog);
  catalog.finish();
  const char* const questions[] = {"SELECT MAX(n) FROM t WHERE scope = 1", "SELECT COALESCE(MAX(t.n), 0) + 1 FROM t WHERE t.scope = 1",
                                   "SELECT * FROM t WHERE scope = 1 ORDER BY n DESC LIMIT 1",
                                   "SELECT MAX(n) FROM (SELECT t.n FROM t WHERE t.scope = 1 OFFSET 0) AS sub"};
  for (const char* question : questions) {
    INFO(question);
    Run run(Engine::kPostgres, Isolation::kReadCommitted, &catalog);
    auto& units = run.say("1", "INSERT INTO t (scope, n) VALUES (1, 3)")  // nobody has asked yet
                      .say("1", question)
                      .say("1", "INSERT INTO t (scope, n) VALUES (1, 4)")
                      .say("1", "INSERT INTO t (scope, n) VALUES (1, 5)")
                      .say("1", "INSERT INTO t (scope, n) VALUES (2, 9)")  // another series
                      .say("1", "INSERT INTO t (scope, n) VALUES (1, 4)")  // made from a stale highest
                      .say("1", "INSERT INTO t (scope, n) VALUES (1, 6)")
                      .say("1", "INSERT INTO t (scope, n) VALUES (1, 7), (1, 8)")  // the last of several is not known
                      .say("1", "INSERT INTO t (scope, n) VALUES (1, 9)")
                      .units();
    const auto& steps = units[0].steps;
    CHECK(steps[0].empty());
    CHECK(std::isnan(steps[2][1]));
    CHECK(steps[3][1] == 1);
    CHECK(std::isnan(steps[4][1]));
    CHECK(steps[5][1] == -1);
    CHECK(steps[6][1] == 1);
    CHECK(std::isnan(steps[8][1]));
    CHECK(std::isnan(steps[3][0]));  // the scope is no number anybody counts
  }
}
