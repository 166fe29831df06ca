// What the readers of TypeORM, Knex, Prisma and plain drivers make of real logs (fixtures/logs/*/README.md) and of odd ones.

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "analyzers/log/formats/knex_debug_line.h"
#include "analyzers/log/formats/knex_transactions.h"
#include "analyzers/log/formats/node_inspect.h"
#include "analyzers/log/formats/recent_statements.h"
#include "analyzers/log/formats/sql_lines.h"
#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace fs = std::filesystem;

namespace dbaudit {
namespace {

using Params = std::vector<std::optional<std::string>>;

std::vector<std::string> sql_of(const KeptLog& log) {
  std::vector<std::string> result;
  for (const KeptRecord& r : log.statements()) result.push_back(r.sql);
  return result;
}

std::vector<std::string> sorted(std::vector<std::string> v) {
  std::sort(v.begin(), v.end());
  return v;
}

/// The statement on a line.
const KeptRecord& at_line(const KeptLog& log, uint64_t line) {
  for (const KeptRecord& r : log.records) {
    if (r.fields.line == line) return r;
  }
  FAIL("no record on line " << line);
  return log.records.front();
}

/// The statement that begins so.
KeptRecord beginning(const KeptLog& log, std::string_view text) {
  for (const KeptRecord& r : log.statements()) {
    if (r.sql.starts_with(text)) return r;
  }
  FAIL("no statement " << text);
  return {};
}

struct Fixture {
  std::string name, format, bytes;
};
std::vector<Fixture> fixtures() {
  std::vector<Fixture> result;
  for (const char* format : {"typeorm", "knex", "prisma", "driver"}) {
    for (const std::string& name : fixture_names(format, ".log")) result.push_back({name, format, fixture(name)});
  }
  REQUIRE(result.size() >= 19);
  std::sort(result.begin(), result.end(), [](const Fixture& a, const Fixture& b) { return a.name < b.name; });
  return result;
}

}  // namespace

TEST_CASE("node: fixtures are detected as what they are, from anywhere in them") {
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    const Format* format = detect_format(f.bytes, {});
    REQUIRE(format != nullptr);
    CHECK(format->name == f.format);
  }
}

// --- TypeORM

TEST_CASE("typeorm: every logger of one program gives the same statements") {
  // Of two transactions that run at once, one failed in some of the runs.
  const auto committed = [](std::vector<std::string> v) {
    std::replace(v.begin(), v.end(), std::string("ROLLBACK"), std::string("COMMIT"));
    return sorted(std::move(v));
  };
  const std::vector<std::string> wanted = committed(sql_of(keep_log(fixture("typeorm/simple.log"), "typeorm")));
  CHECK(wanted.size() == 42);
  for (const char* name : {"advanced", "file", "debug"}) {
    INFO(name);
    const KeptLog log = keep_log(fixture(std::string("typeorm/") + name + ".log"), "typeorm");
    std::vector<std::string> ours = sql_of(log);
    CHECK(committed(ours) == wanted);
    CHECK(log.counts.statements == 42);
    CHECK(log.counts.truncated_statements == 0);
    CHECK_FALSE(log.counts.sampled);
  }
  CHECK(keep_log(fixture("typeorm/formatted.log"), "typeorm").statements().size() == 42);
}

TEST_CASE("typeorm: statements over several lines keep what looks like entries, in every logger") {
  for (const char* name : {"simple", "advanced", "file", "debug"}) {
    INFO(name);
    const KeptLog log = keep_log(fixture(std::string("typeorm/") + name + ".log"), "typeorm");
    const KeptRecord r = beginning(log, "CREATE TABLE \"mig_t\"");
    CHECK(r.sql.find("'a\nquery: SELECT fake\nb'") != std::string::npos);
    const KeptRecord last = beginning(log, "select\n  pg_sleep");
    CHECK(last.sql == "select\n  pg_sleep(0.01),\n  'query: literal\nquery: SELECT 2' as t\nfrom to_item\nwhere id = $1");
    CHECK((last.params == Params{"1"}));
    const KeptRecord insert = beginning(log, "INSERT INTO \"mig_t\"");
    CHECK(insert.sql == "INSERT INTO \"mig_t\" (\"note\")\nVALUES ($1)");
    CHECK((insert.params == Params{"x\ny"}));
  }
}

TEST_CASE("typeorm: a slow or failed statement is the one announced") {
  for (const char* name : {"simple", "advanced", "file", "debug"}) {
    INFO(name);
    const KeptLog log = keep_log(fixture(std::string("typeorm/") + name + ".log"), "typeorm");
    size_t errors = 0, completions = 0;
    std::map<uint64_t, std::string> lines;
    for (const KeptRecord& r : log.records) {
      if (r.fields.kind == RecordKind::kStatement) {
        lines[r.fields.line] = r.sql;
        CHECK_FALSE(r.fields.has_error);
      }
      if (r.fields.kind == RecordKind::kCompletion) {
        ++completions;
        CHECK(r.fields.attaches);
        CHECK(r.fields.duration_us >= 0);
        CHECK(lines.count(r.fields.about_line) == 1);
      }
      if (r.fields.kind != RecordKind::kError) continue;
      ++errors;
      CHECK(r.fields.attaches);
      REQUIRE(lines.count(r.fields.about_line) == 1);
      if (r.error_message.starts_with("duplicate key value violates")) {
        CHECK(lines[r.fields.about_line].starts_with("INSERT INTO \"to_item\""));
        if (std::string_view(name) == "simple") CHECK(r.error_code == "23505");
      } else if (r.error_message.starts_with("syntax")) {
        CHECK(lines[r.fields.about_line] == "SELEC 1");
      } else {
        CHECK(r.error_message.starts_with("could not serialize access"));
      }
    }
    CHECK(errors >= 2);
    CHECK(completions >= 3);
    const std::string bytes = fixture(std::string("typeorm/") + name + ".log");
    size_t slow = 0;
    for (const char* marker : {"query is slow:", "[SLOW QUERY:"}) {
      for (size_t at = bytes.find(marker); at != std::string::npos; at = bytes.find(marker, at + 1)) ++slow;
    }
    CHECK(completions == slow);
  }
}

TEST_CASE("typeorm: times and what the log cannot tell") {
  const KeptLog file = keep_log(fixture("typeorm/file.log"), "typeorm");
  CHECK((file.counts.incomplete == std::vector<std::string>{"no-session"}));
  CHECK(file.records[0].fields.time.known());
  CHECK(file.records[0].fields.time.zone_known);
  CHECK(file.counts.unrecognised_lines == 0);
  for (const KeptRecord& r : file.statements()) CHECK(r.fields.tx_boundary == TxBoundary::kExplicit);
  const KeptLog simple = keep_log(fixture("typeorm/simple.log"), "typeorm");
  CHECK((simple.counts.incomplete == std::vector<std::string>{"no-session", "no-time"}));
}

TEST_CASE("typeorm: prefixes, samples, cut and foreign lines") {
  struct Case {
    const char* what;
    std::string text;
    std::vector<std::string> sql;
    std::vector<std::string> sessions;
    bool sampled;
    size_t unrecognised;
  };
  const Case cases[] = {
      {"a connection in the prefix",
       "2026-01-09T10:00:00.000Z [conn=3] query: SELECT 1\n2026-01-09T10:00:00.001Z [conn=4] query: SELECT 2\n",
       {"SELECT 1", "SELECT 2"},
       {"3", "4"},
       false,
       0},
      {"only slow ones",
       "query is slow: SELECT 1\nexecution time: 120\nquery is slow: SELECT 2 -- PARAMETERS: [1]\nexecution time: 7\n",
       {"SELECT 1", "SELECT 2"},
       {"", ""},
       true,
       0},
      {"only failed ones",
       "query failed: INSERT INTO t VALUES ($1) -- PARAMETERS: [1]\nerror: error: duplicate key\n    at x (y.js:1:2) {\n  code: "
       "'23505'\n}\n",
       {"INSERT INTO t VALUES ($1)"},
       {""},
       true,
       0},
      {"words of the application",
       "query: SELECT 1\nServer listening on 3000\n{ a: 1 }\n  indented\nquery: COMMIT\nfor the record\n",
       {"SELECT 1", "COMMIT"},
       {"", ""},
       false,
       3},
      {"a comment of the SQL's own",
       "query: SELECT 1 -- note\nquery: SELECT $1 -- note -- PARAMETERS: [\"-- PARAMETERS: [2]\"]\n",
       {"SELECT 1 -- note", "SELECT $1 -- note"},
       {"", ""},
       false,
       0},
      {"backslashes in MySQL's quotes",
       "query: SELECT 'it\\'s'\nquery: SELECT 'c:\\'\nquery: SELECT 3\n",
       {"SELECT 'it\\'s'", "SELECT 'c:\\'", "SELECT 3"},
       {"", "", ""},
       false,
       0},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    const KeptLog log = keep_log(c.text, "typeorm");
    CHECK(sql_of(log) == c.sql);
    std::vector<std::string> sessions;
    for (const KeptRecord& r : log.statements()) sessions.push_back(r.session);
    CHECK(sessions == c.sessions);
    CHECK(log.counts.sampled == c.sampled);
    CHECK(log.counts.unrecognised_lines == c.unrecognised);
  }
  const KeptLog failed = keep_log(cases[2].text, "typeorm");
  CHECK(failed.statements()[0].fields.has_error);
  CHECK(failed.statements()[0].error_code == "23505");
  const KeptLog cut = keep_log("query: SELECT 1\nquery: INSERT INTO t VALUES ('a\nb", "typeorm");
  REQUIRE(cut.statements().size() == 2);
  CHECK(cut.statements()[1].fields.truncated);
}

// --- Knex

TEST_CASE("knex: every way to make it talk gives the same statements") {
  const KeptLog events = keep_log(fixture("knex/events.log"), "knex");
  const std::vector<std::string> wanted = sorted(sql_of(events));
  CHECK(wanted.size() == 35);
  for (const char* name : {"env", "terminal"}) {
    INFO(name);
    const KeptLog log = keep_log(fixture(std::string("knex/") + name + ".log"), "knex");
    CHECK(sorted(sql_of(log)) == wanted);
    CHECK(log.counts.unrecognised_lines == 0);
    const KeptRecord odd = beginning(log, "insert into \"kn_t\" (\"bal\", \"name\")");
    (void)odd;
    size_t found = 0;
    for (const KeptRecord& r : log.statements()) {
      if (r.params.size() == 2 && r.params[0] == "-7") {
        ++found;
        CHECK((r.params[1] == "it's \"two\"\nlines of a rather long literal that goes well over the seventy-six columns of inspect\n"
                              "2026-11-20T14:39:13.352Z knex:query select fake undefined\nend `tick` \\ back\x1b[31m"));
      }
      if (r.params.size() == 5) CHECK((r.params == Params{"2026-01-02T03:04:05.678Z", "\\x0102ff", "1", "{\"x\":[1,\"q'\"]}", "a"}));
      if (r.params.size() == 12) CHECK(r.params[11] == "12");
    }
    CHECK(found == 1);
  }
  CHECK(keep_log(fixture("knex/app.log"), "knex").statements().size() == 35);
  const KeptLog objects = keep_log(fixture("knex/debug.log"), "knex");
  CHECK(objects.statements().size() == 19);
  CHECK(objects.counts.unrecognised_lines == 0);
  CHECK((objects.counts.incomplete == std::vector<std::string>{"no-session", "no-time", "no-transaction-boundaries"}));
  CHECK(objects.statements()[1].fields.line == 3);
}

TEST_CASE("knex: events find their statements, nested transactions their connection") {
  const KeptLog log = keep_log(fixture("knex/events.log"), "knex");
  size_t errors = 0, rows = 0;
  for (const KeptRecord& r : log.records) {
    if (r.fields.kind == RecordKind::kError) {
      ++errors;
      CHECK(r.error_code == "23505");
      CHECK(at_line(log, r.fields.about_line).sql.starts_with("insert into \"kn_t\""));
    }
    if (r.fields.kind == RecordKind::kCompletion) {
      CHECK(r.fields.attaches);
      rows += r.fields.rows >= 0 ? 1 : 0;
    }
  }
  CHECK(errors == 1);
  CHECK(rows >= 2);
  CHECK(log.counts.incomplete.empty());
  for (const char* name : {"events", "env", "terminal"}) {
    INFO(name);
    const KeptLog each = keep_log(fixture(std::string("knex/") + name + ".log"), "knex");
    std::vector<std::string> of_trx2;
    for (const KeptRecord& r : each.statements()) {
      if (r.txid == "trx2") of_trx2.push_back(r.sql.substr(0, r.sql.find(' ')));
    }
    CHECK((of_trx2 == std::vector<std::string>{"BEGIN;", "select", "update", "SAVEPOINT", "select", "RELEASE", "SAVEPOINT", "insert",
                                               "ROLLBACK", "COMMIT;"}));
  }
}

TEST_CASE("knex: what belongs to no transaction, and what cannot be told") {
  const std::string t = "2026-01-09T10:00:00.000Z ";
  const KeptLog log =
      keep_log(t + "knex:query BEGIN; trx1\n" + t + "knex:query select 1 undefined\n" + t + "knex:query BEGIN; trx2\n" + t +
                   "knex:query SAVEPOINT trx3; trx3\n" + t + "knex:query RELEASE SAVEPOINT trx3; trx3\n" + t +
                   "knex:query COMMIT; undefined\n" + t + "knex:query COMMIT; trx2\n" + t + "knex:tx trx2: releasing connection\n",
               "knex");
  const auto s = log.statements();
  REQUIRE(s.size() == 7);
  CHECK(s[1].session.empty());
  CHECK(s[1].fields.tx_state == TxState::kIdle);
  CHECK(s[3].session == "trx3");  // two are open: whose child it is cannot be told
  CHECK(s[5].session.empty());
  CHECK(s[6].session == "trx2");
  CHECK(log.records.back().fields.kind == RecordKind::kDisconnect);
  CHECK(log.records.back().session == "trx2");
}

TEST_CASE("knex: objects that are none of Knex's, or not whole") {
  for (const char* text :
       {"{ sql: 1 }\n", "{\n  a: 1,\n  sql: 'select 1'\n}\n", "{\n  method: 'first',\n  bindings: [ 1 ],\n  sql: 'select 1'\n",
        "{\n  bindings: [],\n", "[Nest] 12 LOG started\n", "{\n\n\n}\n", "2026-01-09T10:00:00.000Z knex:bindings [ 1,\n  2\n] trx1\n",
        "we use knex:query a lot\n"}) {
    INFO(text);
    const KeptLog log = keep_log(text, "knex");
    CHECK(log.statements().empty());
  }
  const KeptLog two = keep_log("{\n  bindings: [ 1,\n{\n  bindings: [ 'x' ],\n  sql: 'select ?'\n}\n", "knex");
  REQUIRE(two.statements().size() == 1);
  CHECK(two.counts.unrecognised_lines == 2);
  const KeptLog cut = keep_log("{ bindings: [ 'abc'... 7 more characters, ... 5 more items ], sql: 'select ?' }\n", "knex");
  REQUIRE(cut.statements().size() == 1);
  CHECK(cut.statements()[0].fields.params_cut);
  CHECK((cut.statements()[0].params == Params{"abc"}));
}

// --- Prisma

TEST_CASE("prisma: every way to log gives the same statements") {
  const KeptLog events = keep_log(fixture("prisma/json.log"), "prisma");
  CHECK(events.statements().size() == 10);
  for (const char* name : {"stdout", "object", "three"}) {
    INFO(name);
    const KeptLog log = keep_log(fixture(std::string("prisma/") + name + ".log"), "prisma");
    CHECK(sql_of(log) == sql_of(events));
    if (std::string_view(name) == "stdout") continue;
    for (size_t i = 0; i < 10; ++i) CHECK(log.statements()[i].params == events.statements()[i].params);
    CHECK(log.counts.unrecognised_lines == 0);
  }
  const auto s = events.statements();
  CHECK((s[2].params[0] == "it's \"two\"\nlines"));
  CHECK(s[9].sql == "SELECT 'prisma:query fake\nprisma:query SELECT 2' AS t,\n  $1::int AS n");
  // Prisma 7 logs no BEGIN: its transactions are there all the same.
  for (const KeptRecord& r : s) CHECK(r.fields.tx_boundary == TxBoundary::kInferred);
  CHECK((events.counts.incomplete == std::vector<std::string>{"no-session", "no-transaction-boundaries"}));
  CHECK(s[0].fields.duration_us > 0);
  CHECK(s[0].fields.end_time.micros == s[0].fields.time.micros + s[0].fields.duration_us);
}

TEST_CASE("prisma: the engine in Rust") {
  const KeptLog text = keep_log(fixture("prisma/engine_stdout.log"), "prisma");
  REQUIRE(text.statements().size() == 9);
  for (const KeptRecord& r : text.statements()) CHECK(r.fields.tx_boundary == TxBoundary::kExplicit);
  CHECK(text.statements()[7].sql.ends_with("WHERE s.row = 4"));
  CHECK(text.statements()[7].sql.find("prisma:query DELETE") != std::string::npos);
  const KeptLog events = keep_log(fixture("prisma/engine_events.log"), "prisma");
  REQUIRE(events.statements().size() == 4);
  CHECK((events.statements()[0].params == Params{"4", "it's \"A\"", "1", "0"}));
  CHECK((events.statements()[2].params == Params{"2026-01-09 10:00:00 UTC", std::nullopt, "7"}));
  CHECK(to_iso8601(events.statements()[2].fields.end_time) == "2026-01-09T10:00:00.150Z");
  CHECK(to_iso8601(events.statements()[2].fields.time) == "2026-01-09T10:00:00.145Z");
  CHECK(events.counts.unrecognised_lines == 1);
  const KeptLog objects = keep_log(fixture("prisma/engine_objects.log"), "prisma");
  REQUIRE(objects.statements().size() == 4);
  CHECK((objects.statements()[0].params == Params{"it's"}));
  CHECK(objects.statements()[1].sql == "SELECT 1,\n  'two' AS a_column_with_a_rather_long_name_so_that_the_string_is_split");
}

// --- plain drivers

TEST_CASE("driver: sessions, parameters, errors") {
  const KeptLog log = keep_log(fixture("driver/conn.log"), "driver");
  const auto s = log.statements();
  REQUIRE(s.size() == 5);
  CHECK(s[1].sql == "SELECT id FROM seat WHERE name = ? AND note <> 'a -- [1]'");
  CHECK((s[1].params == Params{"A -- [2]"}));
  CHECK((s[2].params == Params{"7", "O'x \"y\"\n\xC3\xA9", std::nullopt}));
  CHECK(s[3].session == "2");
  CHECK(s[3].sql.find("DELETE FROM fake") != std::string::npos);
  CHECK(s[3].fields.duration_us == 12000);
  CHECK(to_iso8601(s[3].fields.time) == "2026-01-09T10:00:00.094Z");
  size_t errors = 0;
  for (const KeptRecord& r : log.records) {
    if (r.fields.kind != RecordKind::kError) continue;
    ++errors;
    CHECK(r.fields.about_line == s[2].fields.line);
    CHECK(r.error_code == "23505");
  }
  CHECK(errors == 1);
  CHECK(log.counts.unrecognised_lines == 1);
  CHECK(log.counts.incomplete.empty());
}

TEST_CASE("driver: fields") {
  struct Case {
    const char* text;
    const char* session;
    const char* txid;
    const char* sql;
  };
  const Case cases[] = {
      {"2026-01-09 10:00:00 [conn=1] SELECT 1", "1", "", "SELECT 1"},
      {"[2026-01-09T10:00:00Z] [pid=41 conn=7, tx=12] DEBUG SELECT 1", "41:7", "12", "SELECT 1"},
      {"conn=5 level=debug SELECT 1", "5", "", "SELECT 1"},
      {"10:00:00.123 [thread=pool-3] info: SELECT 1", "pool-3", "", "SELECT 1"},
      {"2026-01-09 10:00:00 [tx=9] sql: select 1", "9", "9", "select 1"},
      {"2026-01-09 10:00:00 [req=ab-1] - SELECT 1", "ab-1", "", "SELECT 1"},
      {"2026-01-09 10:00:00 [pid=41] SELECT 1", "", "", "SELECT 1"},  // one process, maybe many connections
      {"2026-01-09 10:00:00 [conn=\"a b\" x=y] SELECT 1 -- not [values]", "a b", "", "SELECT 1 -- not [values]"},
      {"\x1b[90m2026-01-09 10:00:00\x1b[0m [conn=1] \x1b[32mSELECT\x1b[0m 1 -- [1]", "1", "", "SELECT 1"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const KeptLog log = keep_log(std::string(c.text) + "\n", "driver");
    REQUIRE(log.statements().size() == 1);
    CHECK(log.statements()[0].session == c.session);
    CHECK(log.statements()[0].txid == c.txid);
    CHECK(log.statements()[0].sql == c.sql);
  }
  for (const char* text : {"SELECT 1\n", "2026-01-09 10:00:00 [conn=1] hello\n", "2026-01-09 10:00:00 select-a-seat: started\n"}) {
    INFO(text);
    CHECK(keep_log(text, "driver").statements().empty());
  }
  const KeptLog pids = keep_log("2026-01-09 10:00:00 [pid=1] SELECT 1\n2026-01-09 10:00:00 [pid=2] SELECT 2\n", "driver");
  CHECK(pids.statements()[1].session == "2");
}

TEST_CASE("driver: sessions shuffled into one another keep their statements") {
  std::vector<std::string> lines;
  for (int i = 0; i < 60; ++i) {
    lines.push_back("2026-01-09T10:00:00." + std::to_string(100 + i) + "Z [conn=" + std::to_string(i % 5) +
                    "] UPDATE t SET n = ?\n WHERE id = ? -- [" + std::to_string(i) + ",\"" + std::to_string(i % 5) + "\"]\n");
  }
  uint64_t state = 42;
  for (size_t i = lines.size(); i > 1; --i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    std::swap(lines[i - 1], lines[(state >> 33) % i]);
  }
  std::string text;
  for (const std::string& line : lines) text += line;
  const KeptLog log = keep_log(text, "driver");
  REQUIRE(log.statements().size() == 60);
  for (const KeptRecord& r : log.statements()) CHECK(r.params.at(1) == r.session);
}

// --- JSON lines of other loggers

TEST_CASE("jsonl: what pino, winston and node-postgres write") {
  struct Case {
    const char* text;
    const char* session;
    const char* sql;
    Params params;
  };
  const Case cases[] = {
      {R"({"level":30,"time":1767952800123,"pid":1,"conn":3,"msg":"SELECT 1 WHERE a = ?","params":[1]})",
       "3",
       "SELECT 1 WHERE a = ?",
       {"1"}},
      {R"({"level":"debug","message":"query","sql":"SELECT $1","bindings":["a",null],"connectionId":"c1"})",
       "c1",
       "SELECT $1",
       {"a", std::nullopt}},
      {R"({"level":"info","message":"db","meta":{"sql":"UPDATE t SET a = ?","values":[2],"conn":9}})", "9", "UPDATE t SET a = ?", {"2"}},
      {R"({"msg":"query","query":{"text":"SELECT $1::int","values":["7"]},"tx":"t1"})", "t1", "SELECT $1::int", {"7"}},
      {R"({"msg":"SELECT ?","parameters":"[\"x\\ny\",null,3]","reqId":"r-1"})", "r-1", "SELECT ?", {"x\ny", std::nullopt, "3"}},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const KeptLog log = keep_log(std::string(c.text) + "\n", "jsonl");
    REQUIRE(log.statements().size() == 1);
    CHECK(log.statements()[0].session == c.session);
    CHECK(log.statements()[0].sql == c.sql);
    CHECK((log.statements()[0].params == c.params));
    const Format* format = detect_format(c.text, {});
    REQUIRE(format != nullptr);
    CHECK(format->name == "jsonl");
  }
}

// --- the blocks

TEST_CASE("node: values as util.inspect() prints them") {
  struct Case {
    std::string text;
    Params values;
    bool cut;
  };
  const Case cases[] = {
      {"[]", {}, false},
      {"[ 'a', \"it's\", `b'\"`, 1, -2.5e3, 12n, null, undefined, true ]",
       {"a", "it's", "b'\"", "1", "-2.5e3", "12", std::nullopt, std::nullopt, "true"},
       false},
      {R"([ 'a\nb\t\'\\', "\u00e9\u{1F600}", '\x1B[1m', "\ud83d\ude00" ])",
       {"a\nb\t'\\", "\xC3\xA9u{1F600}", "\x1b[1m", "\xF0\x9F\x98\x80"},
       false},
      {"[ 2026-01-02T03:04:05.678Z, <Buffer 01 ff>, [ 1, [ 2 ] ], { a: 'x, ]' } ]",
       {"2026-01-02T03:04:05.678Z", "\\x01ff", "[ 1, [ 2 ] ]", "{ a: 'x, ]' }"},
       false},
      {"[\n  'a\\n' +\n    'b' +\n    'c',\n  1\n]", {"a\nbc", "1"}, false},
      {"{ a: 1, 'b-c': 'x' }", {"1", "x"}, false},
      {"[ 1, ... 3 more items ]", {"1"}, true},
      {"[ 'abc'... 9 more characters ]", {"abc"}, true},
      {"[ <Buffer 01 02 ... 7 more bytes> ]", {"\\x0102"}, true},
      {"[ 1, 'ab", {}, true},
      {"[\"a\",{\"b\":[1]},null]", {"a", "{\"b\":[1]}", std::nullopt}, false},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    NodeDecoder decoder;
    decoder.reset(c.text.size());
    std::vector<BindValue> values;
    bool cut = false;
    decoder.values(c.text, values, cut);
    Params got;
    for (const BindValue& v : values) got.push_back(v.is_null ? std::nullopt : std::optional<std::string>(v.text));
    if (c.text != "[ 1, 'ab") CHECK((got == c.values));
    CHECK(cut == c.cut);
    if (!c.cut) CHECK(skip_node_container(c.text) == c.text.size());
  }
  const std::string deep(100000, '[');
  CHECK_FALSE(skip_node_container(deep).has_value());
  NodeDecoder decoder;
  decoder.reset(deep.size());
  std::vector<BindValue> values;
  bool cut = false;
  CHECK_FALSE(decoder.values(deep, values, cut));
}

TEST_CASE("node: where a printed statement goes on") {
  struct Case {
    std::vector<const char*> lines;
    const char* next;
    bool continues;
  };
  const Case cases[] = {
      {{"SELECT 1"}, "FROM t", true},
      {{"SELECT 1"}, "From the server", false},
      {{"SELECT 1"}, "Server started", false},
      {{"SELECT 1,"}, "2", true},
      {{"SELECT"}, "  id", true},
      {{"SELECT 1"}, "  id", false},
      {{"SELECT 1", "FROM t"}, "  x", true},
      {{"SELECT 1", "FROM t"}, "    at Object.<anonymous> (x.js:1:2)", false},
      {{"SELECT 'a"}, "anything: at all", true},
      {{"SELECT 'a''"}, "anything", true},
      {{"SELECT 'a\\'"}, "anything", false},  // ends when a backslash is a character
      {{"SELECT $x$ '"}, "anything", true},
      {{"SELECT $x$ ' $x$"}, "anything", false},
      {{"SELECT $1"}, "anything", false},
      {{"SELECT /* '"}, "anything", true},
      {{"CREATE TABLE t ("}, "id int", true},
      {{"COMMIT;"}, "where are we", false},
      {{"COMMIT;"}, "SELECT 2", true},
      {{""}, "  CREATE TABLE t", true},
      {{""}, "Server started", false},
      {{"LIMIT 1 FOR"}, "UPDATE", true},
      {{"BEGIN"}, "hello", false},
  };
  for (const Case& c : cases) {
    INFO(c.lines.back() << " | " << c.next);
    SqlLines sql;
    sql.reset();
    for (const char* line : c.lines) sql.add(line);
    CHECK(sql.continues(c.next) == c.continues);
  }
  std::string storage;
  CHECK(without_colours("\x1b[1;34mab\x1b[0mc\x1b", storage) == "abc");
  CHECK((without_colours("a\x1bz\x1b[2Jb", storage) == "a\x1bz\x1b[2Jb"));
}

TEST_CASE("node: recent statements are forgotten, not piled up") {
  RecentStatements recent;
  TimePoint t;
  for (uint64_t i = 1; i <= 100000; ++i) recent.put(RecentStatements::key(std::to_string(i)), i, t);
  CHECK_FALSE(recent.take(RecentStatements::key("1")).has_value());
  CHECK(recent.take(RecentStatements::key("100000")) == 100000U);
  CHECK_FALSE(recent.take(RecentStatements::key("100000")).has_value());
  t.micros = 1000;
  recent.put(7, 1, t);
  t.micros = 2000;
  recent.put(7, 2, t);
  CHECK(recent.take(7, 1100) == 1U);
  CHECK(recent.take(7, 1100) == 2U);
}

// --- damage

TEST_CASE("node: a log cut at any byte holds the same statements up to there", "[slow]") {
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    const Cuts cuts{.dense = f.bytes.size() > 6000 ? size_t{0} : SIZE_MAX, .step = 3};
    check_cuts(f.bytes, f.format, cuts, [](const std::vector<KeptRecord>& part, size_t i, const std::vector<KeptRecord>& whole) {
      const KeptRecord &ours = part[i], &theirs = whole[i];
      if (ours.fields.line != theirs.fields.line) return false;
      if (ours.sql == theirs.sql && ours.params == theirs.params) return true;
      // The last may have less of its text or its parameters, or not yet what tells them from its text.
      return i + 1 == part.size() && (ours.fields.truncated || theirs.sql.starts_with(ours.sql) || ours.sql.starts_with(theirs.sql));
    });
  }
}

TEST_CASE("node: DOS line ends and a byte order mark change nothing") {
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    check_dos_lines(f.bytes, f.format, true);
  }
}

TEST_CASE("node: bytes changed at random invent nothing and break nothing", "[slow]") {
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    check_damage(f.bytes, f.format, 40, [](const KeptLog& log, size_t lines) {
      CHECK(log.statements().size() <= lines);
      for (const KeptRecord& r : log.records) REQUIRE((r.fields.line >= 1 && r.fields.line <= lines));
    });
  }
}

TEST_CASE("node: long lines, NULs, quotes that never end") {
  const std::pair<const char*, std::string> starts[] = {{"typeorm", "query: "},
                                                        {"knex", "[2026-01-09T10:00:00.000Z] knex: "},
                                                        {"prisma", "prisma:query "},
                                                        {"driver", "2026-01-09T10:00:00.000Z [conn=1] "}};
  for (const auto& [format, start] : starts) {
    INFO(format);
    const KeptLog big = keep_log(start + "SELECT '" + std::string(size_t{10} << 20, 'x') + "'\n" + start + "SELECT 2\n", format);
    REQUIRE(big.statements().size() == 2);
    CHECK(big.statements()[0].sql.size() == (size_t{10} << 20) + 9);
    CHECK_FALSE(big.statements()[0].fields.truncated);
    const std::string odd("a\0b\xFF\xC3(\xED\xA0\x80", 9);
    const KeptLog bytes = keep_log(start + "SELECT '" + odd + "'\n", format);
    REQUIRE(bytes.statements().size() == 1);
    CHECK((bytes.statements()[0].sql == "SELECT '" + odd + "'"));
    // A statement somebody cut inside a literal does not swallow the log.
    std::string cut = start + "SELECT 'abc\n";
    for (int i = 0; i < 500; ++i) cut += start + "SELECT " + std::to_string(i) + "\n";
    const KeptLog after = keep_log(cut, format);
    REQUIRE(after.statements().size() == 501);
    CHECK(after.statements()[0].fields.truncated);
    CHECK(after.statements()[0].sql == "SELECT 'abc");
  }
}

// --- the logs beside the repository

TEST_CASE("node: shared logs of Node's libraries") {
  const fs::path shared = fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared";
  if (!fs::exists(shared / "logs/knex")) SKIP_TEST("no shared logs");
  // Counted by grep: `query: `, `knex:query `, ` sql: '`, `"sql"` (line by line), lines that begin `[20`.
  struct Case {
    const char* path;
    const char* format;
    size_t statements, with_params, errors;
  };
  const Case cases[] = {
      {"logs/typeorm/typeorm_simple.log", "typeorm", 29, 9, 1},
      {"logs/typeorm/typeorm_advanced.log", "typeorm", 25, 9, 1},
      {"logs/typeorm/typeorm_file_ormlogs.log", "typeorm", 29, 9, 1},
      {"logs/knex/knex_DEBUG_env.log", "knex", 4, 2, 0},
      {"logs/knex/knex_debug.log", "knex", 11, 11, 0},
      {"logs/knex/knex_events.jsonl", "knex", 15, 11, 1},
  };
  for (const Case& c : cases) {
    INFO(c.path);
    const std::string bytes = read_bytes(shared / c.path);
    const Format* format = detect_format(std::string_view(bytes).substr(0, 65536), {});
    REQUIRE(format != nullptr);
    CHECK(format->name == c.format);
    const KeptLog log = keep_log(bytes, c.format);
    size_t with_params = 0, errors = 0;
    for (const KeptRecord& r : log.records) {
      with_params += r.fields.kind == RecordKind::kStatement && r.fields.has_params ? 1 : 0;
      errors += r.fields.kind == RecordKind::kError && r.fields.attaches ? 1 : 0;
    }
    CHECK(log.statements().size() == c.statements);
    CHECK(with_params == c.with_params);
    CHECK(errors == c.errors);
    CHECK(log.counts.truncated_statements == 0);
  }
}

TEST_CASE("node: labelled logs against the server's log of the same run") {
  const fs::path corpus = fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared" / "corpus";
  if (!fs::exists(corpus)) SKIP_TEST("no shared logs");
  // Without values: the verb and what follows up to the first placeholder or literal.
  const auto skeleton = [](const std::string& sql) {
    std::string s = sql.substr(0, std::min(sql.find_first_of("?$'0123456789"), sql.size()));
    std::transform(s.begin(), s.end(), s.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    while (!s.empty() && (s.back() == ' ' || s.back() == ';')) s.pop_back();
    return s;
  };
  size_t cases = 0;
  for (const auto& entry : fs::directory_iterator(corpus)) {
    const std::string name = entry.path().filename().string();
    const bool knex = name.starts_with("kx-");
    if (!knex && !name.starts_with("raw-")) continue;
    INFO(name);
    ++cases;
    const std::string bytes = read_bytes(entry.path() / "orm.log");
    const Format* format = detect_format(std::string_view(bytes).substr(0, 65536), {});
    REQUIRE(format != nullptr);
    CHECK(format->name == (knex ? "knex" : "driver"));
    const KeptLog ours = keep_log(bytes, knex ? "knex" : "driver");
    const bool maria = fs::exists(entry.path() / "mariadb_general.log");
    const KeptLog server = maria ? keep_log(read_bytes(entry.path() / "mariadb_general.log"), "mysql-general")
                                 : keep_log(read_bytes(entry.path() / "pg_stderr.log"), "postgres-stderr");
    std::multiset<std::string> left;
    for (const KeptRecord& r : server.statements()) {
      const std::string s = skeleton(r.sql);
      if (!(knex && s.starts_with("select version()"))) left.insert(s);  // of the driver, when it connects
    }
    for (const KeptRecord& r : ours.statements()) {
      const auto it = left.find(skeleton(r.sql));
      if (it == left.end()) {
        INFO(r.sql);
        CHECK(false);
      } else {
        left.erase(it);
      }
    }
    CHECK(left.empty());
    CHECK(ours.counts.unrecognised_lines == 0);
    if (!knex) {
      for (const KeptRecord& r : ours.statements()) CHECK_FALSE(r.session.empty());
    }
  }
  CHECK(cases == 18);
}

}  // namespace dbaudit
