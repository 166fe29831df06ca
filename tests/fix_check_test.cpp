// `parses` and `silences`, with fixes that keep their promise and fixes that do not: a rule of the test's own proposes what the case says for DBA101's pair.

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "analyzers/schema/ddl.h"
#include "analyzers/schema/ddl_text.h"
#include "analyzers/schema/scratch.h"
#include "analyzers/trace/session.h"
#include "rules/match.h"
#include "rules/registry.h"
#include "rules/runner.h"
#include "tests/catch.h"
#include "tests/live_postgres.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

Fix proposed;  // what the rule of the case at hand says

void describe_proposed(const Folded&, Finding& finding) { finding.fixes = {proposed}; }

/// The fix of DBA101's finding on two sessions' lookup and INSERT, at `isolation`.
Fix checked(const Fix& fix, Isolation isolation = Isolation::kReadCommitted) {
  proposed = fix;
  Rule rule = *find_rule("DBA101");
  rule.describe = describe_proposed;
  Catalog catalog;
  catalog.engine = Engine::kPostgres;
  apply_ddl("CREATE TABLE tag (id serial PRIMARY KEY, name text NOT NULL, owner_id integer NOT NULL);", "schema.sql", catalog);
  catalog.finish();
  AuditOptions options;
  options.catalog = &catalog;
  options.engine = Engine::kPostgres;
  options.rules = {&rule};
  Audit audit(options);
  Templates templates(dialect_of(Engine::kPostgres));
  Binder binder(&catalog);
  TraceOptions trace_options;
  trace_options.engine = Engine::kPostgres;
  trace_options.default_isolation = isolation;
  Trace trace(templates, binder, trace_options, [&](const WorkUnit& unit) { audit.visit(unit); });
  for (const char* sql : {"BEGIN", "SELECT id FROM tag WHERE name = 'red' AND owner_id = 7",
                          "INSERT INTO tag (name, owner_id) VALUES ('red', 7) RETURNING id", "COMMIT"}) {
    for (const char* session : {"a", "b"}) {
      LogRecord record;
      record.kind = RecordKind::kStatement;
      record.tx_boundary = TxBoundary::kExplicit;
      record.session = session;
      record.sql = sql;
      trace.feed(0, "test", {}, record);
    }
  }
  trace.finish();
  std::vector<Finding> findings = audit.finish(2);
  REQUIRE(findings.size() == 1);
  REQUIRE(findings[0].fixes.size() == 1);
  CHECK(findings[0].fixes[0].checked.empty());  // what is dropped before it is reported costs no check
  audit.check_fixes(std::span(findings).first(1), 1);
  return findings[0].fixes[0];
}

const std::string kIndex = "CREATE UNIQUE INDEX tag_uniq ON tag (name, owner_id)";

Fix fix_of(std::vector<std::string> sql, FixUse use) {
  Fix fix;
  fix.kind = "lock";
  fix.sql = std::move(sql);
  fix.use = use;
  return fix;
}

using Checked = std::vector<std::string>;

TEST_CASE("a fix is said to do only what it does", "[rules][fixes]") {
  CHECK(checked(fix_of({kIndex}, {.once = 1})).checked == Checked{"parses", "silences"});
  // A key that is wider than the lookup protects nothing.
  CHECK(checked(fix_of({"CREATE UNIQUE INDEX u ON tag (name, owner_id, id)"}, {.once = 1})).checked == Checked{"parses"});
  // A lock on a row that is not there: measured as useless.
  CHECK(checked(fix_of({"BEGIN", "SELECT id FROM tag WHERE name = $1 AND owner_id = $2 FOR UPDATE",
                        "INSERT INTO tag (name, owner_id) VALUES ($1, $2) RETURNING id", "COMMIT"},
                       {.read = 1, .write = 2}))
            .checked == Checked{"parses"});
  // The table locked first does, at READ COMMITTED.
  CHECK(checked(fix_of({"BEGIN", "LOCK TABLE tag IN SHARE ROW EXCLUSIVE MODE", "-- here the statements\nCOMMIT"}, {.own = 2})).checked ==
        Checked{"parses", "silences"});
  // A mode that two sessions hold at once does not.
  CHECK(checked(fix_of({"BEGIN", "LOCK TABLE tag IN ROW EXCLUSIVE MODE", "-- here the statements\nCOMMIT"}, {.own = 2})).checked ==
        Checked{"parses"});
  // An upsert without the key it names is another finding.
  CHECK(checked(fix_of({"INSERT INTO tag (name, owner_id) VALUES ($1, $2) ON CONFLICT (name, owner_id) DO NOTHING"},
                       {.read = FixUse::kGoes, .write = 0}))
            .checked == Checked{"parses"});
  CHECK(checked(fix_of({kIndex, "INSERT INTO tag (name, owner_id) VALUES ($1, $2) ON CONFLICT (name, owner_id) DO NOTHING"},
                       {.once = 1, .read = FixUse::kGoes, .write = 1}))
            .checked == Checked{"parses", "silences"});
  CHECK(checked(fix_of({"CREATE UNIQUE INDEX ON"}, {.once = 1})).checked.empty());
  CHECK(checked(fix_of({"BEGIN; COMMIT"}, {.once = 1})).checked.empty());
  // Nothing is said of where the statement belongs, and of what is only for reading.
  CHECK(checked(fix_of({"INSERT INTO tag (name, owner_id) VALUES ($1, $2)"}, {})).checked == Checked{"parses"});
  Fix shown = fix_of({kIndex}, {.once = 1});
  shown.applicability = Applicability::kDisplayOnly;
  CHECK(checked(shown).checked.empty());
}

TEST_CASE("placeholders of a fix take the example's values", "[rules][fixes]") {
  const Fix fix = checked(fix_of({kIndex, "INSERT INTO tag (owner_id, name) VALUES ($2, $1) ON CONFLICT (name, owner_id) DO NOTHING",
                                  "SELECT id FROM tag WHERE owner_id = $1 AND name IN ($2, $3) LIMIT $4"},
                                 {.once = 1, .read = FixUse::kGoes, .write = 1}));
  REQUIRE(fix.trial.size() == 3);
  CHECK(fix.trial[0] == kIndex);
  CHECK(fix.trial[1] == "INSERT INTO tag (owner_id, name) VALUES (7, 'red') ON CONFLICT (name, owner_id) DO NOTHING");
  CHECK(fix.trial[2] == "SELECT id FROM tag WHERE owner_id = 7 AND name IN ('red', 'red') LIMIT 1");
}

TEST_CASE("a scratch copy of a table is the table", "[schema][fixes]") {
  Catalog catalog;
  catalog.engine = Engine::kSqlite;
  apply_ddl(
      "CREATE TABLE \"Order\" (id INTEGER PRIMARY KEY, \"group\" TEXT NOT NULL DEFAULT 'it''s', n INTEGER CHECK (n >= 0),\n"
      "  low TEXT GENERATED ALWAYS AS (lower(\"group\")) VIRTUAL, UNIQUE (\"group\", n));\n"
      "CREATE UNIQUE INDEX part ON \"Order\" (n) WHERE n > 3; CREATE INDEX by_low ON \"Order\" (lower(\"group\"), n DESC);\n"
      "CREATE TABLE pair (a TEXT COLLATE NOCASE, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID;",
      "schema.sql", catalog);
  catalog.finish();
  REQUIRE(catalog.tables.size() == 2);
  Result<std::unique_ptr<Scratch>> scratch = sqlite_scratch();
  REQUIRE(scratch);
  const Result<void> made = (*scratch)->set_up(catalog.tables);
  INFO((made ? std::string() : made.error().message));
  REQUIRE(made.has_value());
  Catalog again;
  again.engine = Engine::kSqlite;
  for (const Table& t : catalog.tables) {
    const Result<std::vector<std::string>> statements = create_statements(t, Engine::kSqlite);
    REQUIRE(statements);
    for (const std::string& s : *statements) apply_ddl(s + ";", "again.sql", again);
  }
  again.finish();
  REQUIRE(again.tables.size() == catalog.tables.size());
  for (size_t i = 0; i < again.tables.size(); ++i) {
    const Table& a = catalog.tables[i];
    const Table& b = again.tables[i];
    CHECK(a.name == b.name);
    CHECK(a.without_rowid == b.without_rowid);
    REQUIRE(a.columns.size() == b.columns.size());
    for (size_t c = 0; c < a.columns.size(); ++c) {
      INFO(a.qualified() << "." << a.columns[c].name.str());
      CHECK(a.columns[c].name == b.columns[c].name);
      CHECK(a.columns[c].type == b.columns[c].type);
      CHECK(a.columns[c].nullable == b.columns[c].nullable);
      CHECK(a.columns[c].generated == b.columns[c].generated);
      CHECK(a.columns[c].identity == b.columns[c].identity);
      CHECK(a.columns[c].collation == b.columns[c].collation);
    }
    REQUIRE(a.keys.size() == b.keys.size());
    for (size_t k = 0; k < a.keys.size(); ++k) {
      CHECK(a.keys[k].parts == b.keys[k].parts);
      CHECK(a.keys[k].unique == b.keys[k].unique);
      CHECK(a.keys[k].predicate == b.keys[k].predicate);
    }
  }

  CHECK((*scratch)->run("INSERT INTO \"Order\" (\"group\", n) VALUES ('a', 1)"));
  CHECK_FALSE((*scratch)->run("INSERT INTO \"Order\" (\"group\", n) VALUES ('a', 1)"));
  CHECK_FALSE((*scratch)->run("INSERT INTO \"Order\" (\"group\", n) VALUES ('a', -1)"));
  CHECK_FALSE((*scratch)->run("SELECT 1; SELECT 2"));
  CHECK_FALSE((*scratch)->run("ATTACH DATABASE 'somewhere.db' AS other"));
  CHECK_FALSE((*scratch)->run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"));
}

/// One scratch database of each engine at hand.
std::vector<std::unique_ptr<Scratch>> scratches() {
  std::vector<std::unique_ptr<Scratch>> all;
  all.push_back(*sqlite_scratch());
  for (const char* name : {"DBAUDIT_TEST_POSTGRES", "DBAUDIT_TEST_MARIADB"}) {
    const char* text = std::getenv(name);
    if (text == nullptr) continue;
    Result<std::unique_ptr<Scratch>> scratch = open_scratch(*parse_dsn(text));
    INFO((scratch ? std::string() : scratch.error().message));
    REQUIRE(scratch.has_value());
    all.push_back(*std::move(scratch));
  }
  return all;
}

TEST_CASE("a trial sees nothing of the one before", "[schema][fixes]") {
  for (const std::unique_ptr<Scratch>& scratch : scratches()) {
    const Engine engine = scratch->engine();
    INFO(engine_name(engine));
    Catalog catalog;
    catalog.engine = engine;
    const std::string table = engine == Engine::kPostgres ? "side.t" : "t";
    const std::string id = engine == Engine::kPostgres ? "serial" : engine == Engine::kSqlite ? "INTEGER" : "int AUTO_INCREMENT";
    apply_ddl("CREATE TABLE " + table + " (id " + id + " PRIMARY KEY, n int NOT NULL);", "schema.sql", catalog);
    catalog.finish();
    REQUIRE(catalog.tables.size() == 1);
    // What a trial can leave: rows and counters, keys, tables, settings of the session, a transaction that nothing ends, one that failed.
    std::vector<std::string> leaves = {"INSERT INTO " + table + " (n) VALUES (7)", "CREATE TABLE more (id int)",
                                       "CREATE UNIQUE INDEX u ON " + table + " (n)"};
    std::vector<std::string> misses = {"INSERT INTO " + table + " (id, n) VALUES (1, 7)", "INSERT INTO " + table + " (id, n) VALUES (2, 7)",
                                       "CREATE TABLE more (id int)"};
    if (engine == Engine::kPostgres) {
      leaves.insert(leaves.end(), {"SET default_transaction_read_only = on", "PREPARE p AS SELECT 1", "SELECT pg_advisory_lock(1)",
                                   "BEGIN READ WRITE", "INSERT INTO side.t (n) VALUES (8)", "SELECT no_such_column FROM side.t"});
      misses.insert(
          misses.end(),
          {"PREPARE p AS SELECT 1",
           "DO $$ BEGIN ASSERT (SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()); END $$"});
    } else if (engine == Engine::kSqlite) {
      leaves.insert(leaves.end(), {"PRAGMA query_only = on", "BEGIN"});
    } else {
      leaves.insert(leaves.end(), {"LOCK TABLES t WRITE", "SET SESSION TRANSACTION READ ONLY", "SET autocommit = 0"});
    }
    for (int round = 0; round < 3; ++round) {
      INFO("round " << round);
      const Result<void> made = scratch->set_up(catalog.tables);
      INFO((made ? std::string() : made.error().message));
      REQUIRE(made.has_value());
      for (const std::string& sql : round == 1 ? misses : leaves) {
        const Result<void> done = scratch->run(sql);
        INFO(sql << ": " << (done ? std::string() : done.error().message));
        CHECK((done.has_value() || sql.starts_with("SELECT no_such")));
      }
    }
    // Tables that cannot be made leave the next trial a database to begin with.
    std::vector<Table> impossible = catalog.tables;
    impossible[0].columns[1].type = "no_such_type(";
    if (engine != Engine::kSqlite) CHECK_FALSE(scratch->set_up(impossible).has_value());
    CHECK(scratch->set_up(catalog.tables).has_value());
    CHECK(scratch->run(misses[0]).has_value());
  }
}

TEST_CASE("--scratch-dsn has fixes run, and leaves nothing behind", "[cli][fixes][live]") {
  NEED_POSTGRES();
  LiveSession admin(live_postgres_url());
  admin.run("DROP ROLE IF EXISTS dbaudit_fix_trial");
  admin.run("CREATE ROLE dbaudit_fix_trial LOGIN CREATEDB");
  const ProgramResult result =
      run_program({DBAUDIT_BINARY, "scan", "--schema", "schema.sql", "--engine", "postgresql", "--isolation", "serializable", "--fail-on",
                   "never", "--format", "json", "--scratch-dsn", live_postgres_url("shop", "user=dbaudit_fix_trial"), "app.log"},
                  DBAUDIT_SOURCE_DIR "/fixtures/rules/get_or_create_without_unique_key/bad_serializable_is_a_note");
  CHECK(result.err.empty());
  CHECK(result.status == 0);
  CHECK(result.out.find("\"runs\"") != std::string::npos);
  admin.run("DROP ROLE dbaudit_fix_trial");  // an owner of a database cannot be dropped
}

TEST_CASE("a scratch DSN and the audited one are told apart by server and database", "[cli][fixes]") {
  struct Pair {
    const char *a, *b;
    bool same;
  };
  for (const Pair& p :
       {Pair{"postgresql://u:p@h/shop", "postgres://other@h:5432/shop?sslmode=require", true},
        Pair{"postgresql://u@h/shop", "postgresql://u@h/scratch", false}, Pair{"postgresql://u@h/shop", "postgresql://u@g/shop", false},
        Pair{"mysql://u@127.0.0.1/shop", "mariadb://v@localhost:3306/shop", true},
        Pair{"mysql://u@h/shop", "postgresql://u@h/shop", false}}) {
    const Result<Dsn> a = parse_dsn(p.a);
    const Result<Dsn> b = parse_dsn(p.b);
    REQUIRE(a);
    REQUIRE(b);
    INFO(p.a << " " << p.b);
    CHECK(same_database(*a, *b) == p.same);
  }
}

}  // namespace
}  // namespace dbaudit
