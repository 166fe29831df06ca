#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/reader.h"
#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
extern const Format kFormat_django;
extern const Format kFormat_jsonl;

namespace {

namespace fs = std::filesystem;

struct Event {
  RecordKind kind;
  uint64_t line;
  std::string session, sql;
  std::vector<std::string> params;  // NULL as "<null>"
  std::map<std::string, std::string> tags;
  TimePoint time, end;
  int64_t duration_us;
  TxBoundary boundary;
  bool truncated, unknown, has_error, has_params;
  friend bool operator==(const Event& a, const Event& b) { return a.session == b.session && a.sql == b.sql && a.params == b.params; }
};

struct Log {
  std::vector<Event> all, statements;
  ReaderCounts counts;
};

Log read(const std::string& text, const Format& format = kFormat_django, const ReaderOptions& options = {}) {
  Log log;
  auto lines = std::make_unique<Lines>(memory_source(text));
  auto reader = format.open(std::move(lines), options);
  LogRecord r;
  while (reader->next(r)) {
    Event e{r.kind,        r.line,      std::string(r.session), std::string(r.sql), {},          {}, r.time, r.end_time, r.duration_us,
            r.tx_boundary, r.truncated, r.sql_unknown,          r.has_error,        r.has_params};
    for (const BindValue& v : r.params) e.params.push_back(v.is_null ? "<null>" : std::string(v.text));
    for (const Tag& t : r.tags) e.tags[std::string(t.name)] = std::string(t.value);
    log.all.push_back(e);
    if (r.kind == RecordKind::kStatement) log.statements.push_back(std::move(e));
  }
  log.counts = reader->counts();
  return log;
}

std::vector<std::string> sql_of(const Log& log) {
  std::vector<std::string> out;
  for (const Event& e : log.statements) out.push_back(e.unknown ? "<unknown>" : e.sql);
  return out;
}

fs::path fixtures() { return fs::path(DBAUDIT_SOURCE_DIR) / "fixtures" / "logs" / "django"; }

/// What Django handed to its logger, one entry per execution.
struct Truth {
  std::string sql, pid, thread, thread_name;
  bool unknown;
  size_t params;
};

std::vector<Truth> read_truth(const fs::path& path) {
  std::vector<Truth> out;
  JsonLines json;
  std::istringstream in(read_bytes(path));
  for (std::string line; std::getline(in, line);) {
    REQUIRE(json.parse(line));
    const Truth t{std::string(json.text({"sql"})),    std::string(json.text({"pid"})),
                  std::string(json.text({"thread"})), std::string(json.text({"thread_name"})),
                  json.find({"sql"}) == nullptr,      static_cast<size_t>(std::atoi(std::string(json.text({"params"})).c_str()))};
    for (int n = std::atoi(std::string(json.text({"executions"})).c_str()); n > 0; --n) out.push_back(t);
  }
  return out;
}

TEST_CASE("django: real runs, every formatter against what Django handed to its logger") {
  size_t logs = 0;
  for (const auto& entry : fs::directory_iterator(fixtures())) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".log")) continue;
    ++logs;
    INFO(name);
    const std::string run = name.substr(0, name.find('.', name.find('_'))),
                      formatter = name.substr(run.size() + 1, name.size() - run.size() - 5);
    const std::vector<Truth> truth = read_truth(fixtures() / (run + ".truth.jsonl"));
    const std::string text = read_bytes(entry.path());
    CHECK(kFormat_django.score(text, {}) >= 800);
    const Log log = read(text);
    REQUIRE(log.statements.size() == truth.size());
    CHECK(log.counts.statements == truth.size());
    CHECK(log.counts.truncated_statements == 0);
    for (size_t i = 0; i < truth.size(); ++i) {
      const Truth& t = truth[i];
      const Event& e = log.statements[i];
      CHECK(e.unknown == t.unknown);
      CHECK(e.has_error == t.unknown);
      CHECK(e.sql == t.sql);
      CHECK(e.params.size() == t.params);
      std::string session;
      if (formatter == "verbose" || formatter == "pid_thread" || formatter == "structlog") session = t.pid + ":" + t.thread;
      if (formatter == "pairs" || formatter == "pythonjsonlogger") session = t.pid + ":" + t.thread_name;
      if (formatter == "thread_name") session = t.thread_name;
      CHECK(e.session.substr(0, e.session.find('@')) == session);
      CHECK(e.end.known() == (formatter != "bare"));
      CHECK((run.starts_with("django3.2") ? TxBoundary::kInferred : TxBoundary::kExplicit) == e.boundary);
    }
    // The application's own lines and its traceback are no statements; only a bare formatter leaves no way to tell what they are.
    if (formatter != "bare") {
      CHECK(log.counts.unrecognised_lines == 0);
      CHECK(log.all.size() > log.statements.size());
    }
    std::vector<std::string> incomplete;
    if (formatter == "bare") incomplete = {"no-session", "no-time"};
    if (run.starts_with("django3.2")) incomplete.emplace_back("no-transaction-boundaries");
    CHECK(log.counts.incomplete == incomplete);
  }
  CHECK(logs >= 20);
}

TEST_CASE("django: its samples are its own") {
  for (const FormatSample& sample : kFormat_django.samples) {
    INFO(std::string(sample.text));
    CHECK(kFormat_django.score(sample.text, {}) >= 900);
    CHECK(kFormat_jsonl.score(sample.text, {}) < 200);
    const Log log = read(std::string(sample.text));
    CHECK(log.statements.size() == static_cast<size_t>(sample.statements));
    CHECK(log.counts.unrecognised_lines == 0);
  }
}

TEST_CASE("django: where a message ends") {
  struct Case {
    std::string text;
    std::vector<std::string> sql;
  };
  const std::vector<Case> cases = {
      {"(0.001) SELECT 'x; args=(1,)'; args=('x; args=(1,)',)\n", {"SELECT 'x; args=(1,)'"}},
      {"(0.001) SELECT 'q; -- args='; args=('q; -- args=',); alias=default\n", {"SELECT 'q; -- args='"}},
      {"(0.001) SELECT 1; args=(); args=None\n", {"SELECT 1; args=()"}},
      {"(0.001) SELECT 1 -- it's; args=None\n(0.001) SELECT 2; args=None\n", {"SELECT 1 -- it's", "SELECT 2"}},
      {"(0.001) SELECT /* it's */ 1; args=None\n", {"SELECT /* it's */ 1"}},
      {"(0.001) SELECT $$it's$$; args=None\n(0.001) SELECT 2; args=None\n", {"SELECT $$it's$$", "SELECT 2"}},
      {"(0.001) DO $do$ BEGIN\nPERFORM 1; -- don't; args=None\nEND $do$; args=None\n",
       {"DO $do$ BEGIN\nPERFORM 1; -- don't; args=None\nEND $do$"}},
      {"(0.001) SELECT 'O''Brien'; args=(\"O'Brien\",)\n", {"SELECT 'O''Brien'"}},
      {"(0.001) SELECT 'it\\'s'; args=(\"it's\",)\n", {"SELECT 'it\\'s'"}},    // MySQL
      {"(0.001) SELECT 'back\\'; args=('back\\\\',)\n", {"SELECT 'back\\'"}},  // SQLite
      {"(0.001) SELECT \"we;ird\", `a'b`; args=None\n", {"SELECT \"we;ird\", `a'b`"}},
      {"(0.001) SELECT a, $1x FROM t; args=None\n", {"SELECT a, $1x FROM t"}},
      {"(0.001) \n  SELECT 1\n\n  FROM t\n; args=None\n", {"\n  SELECT 1\n\n  FROM t\n"}},
      {"(0.001) SELECT 1; args=(<Weird repr; with=anything>,); alias=default\n", {"SELECT 1"}},
      {"(0.001) SELECT 1; args=(array([1, 2], dtype=int64) oops); alias=default\n", {"SELECT 1"}},
      {"(0.001) SELECT 1; args=None\x1b[0m\n", {"SELECT 1"}},
      {"(12.345) SELECT 1; args=None\r\n(0.001) SELECT 'a\r\nb'; args=('a\\nb',)\r\n", {"SELECT 1", "SELECT 'a\nb'"}},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const Log log = read(c.text);
    CHECK(sql_of(log) == c.sql);
    CHECK(log.counts.truncated_statements == 0);
    CHECK(log.counts.unrecognised_lines == 0);
  }
}

TEST_CASE("django: a literal that holds lines of a log stays one statement") {
  const std::string header = "DEBUG 2026-01-09 10:00:00,123 utils 4101 140707705235520 ";
  std::string pasted, head;
  for (int i = 0; i < 5; ++i) head += header + "(0.000) SELECT 1; args=None; alias=default\n";
  for (int i = 0; i < 20; ++i) pasted += header + "(0.001) INSERT INTO t VALUES (''x''); args=(''x'',); alias=default\n";
  for (const bool bare : {false, true}) {
    std::string text = head + header + "(0.001) INSERT INTO note(body) VALUES ('first\n" + pasted + "last'); args=('…',); alias=default\n" +
                       header + "(0.000) COMMIT; args=None; alias=default\n";
    if (bare) {
      for (size_t at; (at = text.find(header)) != std::string::npos;) text.erase(at, header.size());
    }
    const Log log = read(text);
    REQUIRE(log.statements.size() == 7);
    CHECK(log.statements[5].sql.ends_with("last')"));
    CHECK(log.statements[6].sql == "COMMIT");
    CHECK(log.statements[6].line == 28);

    // The same, cut in the middle of the literal: still no event invented.
    const Log cut = read(text.substr(0, text.find("last')")));
    CHECK(cut.statements.size() <= 6);
  }
}

TEST_CASE("django: lines a logger cut do not swallow those behind them") {
  std::string text;
  for (int i = 0; i < 300; ++i) {
    text += fmt::format("2026-01-09 10:00:00,{:03} DEBUG [w{}] x (0.001) UPDATE t SET a = 'value {}' WHERE id = 1; args=('value {}', 1)\n",
                        i, i % 3, i, i);
    if (i == 100) text += "2026-01-09 10:00:00,100 DEBUG [w1] x (0.001) UPDATE t SET a = 'cut off he\n";
    if (i == 200) text += "2026-01-09 10:00:00,200 DEBUG [w1] x (0.001) UPDATE t SET a = 1 WHERE\n";
  }
  const Log log = read(text);
  CHECK(log.statements.size() == 302);
  CHECK(log.counts.truncated_statements == 2);
  CHECK(log.counts.records == 302);
  CHECK(log.statements[101].truncated);
  CHECK(log.statements[101].line == 102);
  CHECK(log.statements[102].line == 103);
  CHECK(log.statements[301].line == 302);
  CHECK(log.counts.incomplete == std::vector<std::string>{"no-transaction-boundaries", "truncated"});
}

TEST_CASE("django: executemany is one entry and a statement for every row") {
  const Log log = read(
      "[2026-01-09 10:00:00,123] 4101 140707705235520 (0.003) INSERT INTO t(a, b) VALUES (%s, %s); args=[('x', 1), (None, 2)]; "
      "alias=default\n");
  REQUIRE(log.statements.size() == 2);
  CHECK(log.counts.records == 1);
  CHECK(log.counts.statements == 2);
  CHECK(log.statements[0].params == std::vector<std::string>{"x", "1"});
  CHECK(log.statements[1].params == std::vector<std::string>{"<null>", "2"});
  CHECK(log.statements[1].sql == "INSERT INTO t(a, b) VALUES (%s, %s)");
  CHECK(log.statements[1].line == 1);
  CHECK(log.statements[0].duration_us == -1);
  CHECK(to_iso8601(log.statements[1].time) == "2026-01-09T10:00:00.120");
  CHECK(to_iso8601(log.statements[1].end) == "2026-01-09T10:00:00.123");

  // A list parameter of a statement whose literals are filled in is one parameter.
  const Log one = read("(0.003) SELECT ARRAY['a','b'], '%'; args=[['a', 'b']]\n");
  REQUIRE(one.statements.size() == 1);
  CHECK(one.statements[0].params == std::vector<std::string>{"['a', 'b']"});

  const Log json =
      read("{\"logger\": \"django.db.backends\", \"sql\": \"UPDATE t SET a = %s\", \"params\": [[\"x\"], [null]], \"duration\": 0.5}\n");
  REQUIRE(json.statements.size() == 2);
  CHECK(json.statements[0].params == std::vector<std::string>{"x"});
  CHECK(json.statements[1].params == std::vector<std::string>{"<null>"});
}

TEST_CASE("django: times, sessions, aliases, errors") {
  const std::string text =
      "DEBUG 2026-01-09 10:00:00,123 utils 4101 140707705235520 (0.003) BEGIN; args=None; alias=default\n"
      "DEBUG 2026-01-09 10:00:00,125 utils 4101 140707713628224 (0.001) None; args=['a', 0]; alias=replica\n"
      "DEBUG 2026-01-09 10:00:00,126 utils 4101 140707705235520 (0.000) COMMIT; args=None; alias=default\n";
  const Log log = read(text);
  REQUIRE(log.statements.size() == 3);
  CHECK(to_iso8601(log.statements[0].time) == "2026-01-09T10:00:00.120");
  CHECK(to_iso8601(log.statements[0].end) == "2026-01-09T10:00:00.123");
  CHECK(log.statements[0].end.tick == 1000);
  CHECK_FALSE(log.statements[0].end.zone_known);
  CHECK(log.statements[0].duration_us == 3000);
  CHECK(log.statements[0].session == "4101:140707705235520");
  CHECK(log.statements[0].boundary == TxBoundary::kExplicit);
  CHECK(log.statements[0].has_params);
  CHECK(log.statements[0].params.empty());
  CHECK(log.statements[1].session == "4101:140707713628224@replica");
  CHECK(log.statements[1].tags.at("alias") == "replica");
  CHECK(log.statements[1].unknown);
  CHECK(log.statements[1].has_error);
  CHECK(log.statements[1].sql.empty());
  CHECK(log.statements[1].params == std::vector<std::string>{"a", "0"});

  ReaderOptions options;
  options.zone_offset_minutes = 120;
  const Log zoned = read(text, kFormat_django, options);
  CHECK(to_iso8601(zoned.statements[0].end) == "2026-01-09T08:00:00.123Z");

  const Log bare = read("(0.000) SAVEPOINT \"s140700406047232_x1\"; args=None\n(0.001) SELECT 1; args=None\n");
  CHECK(bare.statements[0].session.empty());
  CHECK(bare.statements[0].tags.at("thread") == "140700406047232");
  CHECK(bare.statements[1].tags.empty());
  CHECK(bare.counts.incomplete == std::vector<std::string>{"no-session", "no-time", "no-transaction-boundaries"});
}

TEST_CASE("django: can the log show transactions?") {
  const auto boundary = [](const std::string& text) { return read(text).statements.back().boundary; };
  const std::string select = "(0.001) SELECT 1; args=None";
  CHECK(boundary(select + "\n") == TxBoundary::kInferred);  // before 4.0
  CHECK(boundary("(0.0"
                 "00) BEGIN; args=None\n" +
                 select + "\n") == TxBoundary::kInferred);                 // 3.2 on SQLite logs BEGIN, never COMMIT
  CHECK(boundary(select + "; alias=default\n") == TxBoundary::kInferred);  // 4.0 or later, no more is known
  CHECK(boundary("(0.000) COMMIT; args=None; alias=default\n" + select + "; alias=default\n") == TxBoundary::kExplicit);
  CHECK(boundary("(0.000) SELECT 1; args=(Int4(1),); alias=default\n" + select + "; alias=default\n") ==
        TxBoundary::kExplicit);  // psycopg 3: 4.2
  // 4.0 and 4.1 name the alias and log no BEGIN: a savepoint tells that transactions are there but not shown.
  const Log hidden = read("(0.000) SAVEPOINT \"s1_x1\"; args=None; alias=default\n");
  CHECK(hidden.counts.incomplete == std::vector<std::string>{"no-session", "no-time", "no-transaction-boundaries"});
  CHECK(read(select + "; alias=default\n").counts.incomplete == std::vector<std::string>{"no-session", "no-time"});
}

TEST_CASE("django: what is no statement") {
  // The schema editor announces what the backend's logger logs when it ran; another logger's entry keeps its traceback.
  const Log log = read(
      "2026-01-09 10:00:00,123 DEBUG [w1] django.db.backends.schema: CREATE TABLE \"t\" (\"id\" integer); (params None)\n"
      "2026-01-09 10:00:00,124 DEBUG [w1] django.db.backends: (0.008) CREATE TABLE \"t\" (\"id\" integer); args=None\n"
      "2026-01-09 10:00:00,125 ERROR [w2] django.request: Internal Server Error: /cart\n"
      "Traceback (most recent call last):\n"
      "  SELECT in a traceback\n"
      "2026-01-09 10:00:00,126 INFO [w2] shop: (0.500) seconds went by\n"
      "2026-01-09 10:00:00,127 DEBUG [w2] django.db.backends: (0.001) SELECT 1; args=None\n"
      "[09/Jan/2026 10:00:00] \"GET /cart HTTP/1.1\" 200 1234\n");
  CHECK(sql_of(log) == std::vector<std::string>{"CREATE TABLE \"t\" (\"id\" integer)", "SELECT 1"});
  CHECK(log.all.size() == 3);
  CHECK(log.counts.records == 3);
  CHECK(log.counts.unrecognised_lines == 2);

  const Log bare = read(
      "CREATE TABLE \"t\" (\"id\" integer); (params ())\n(0.008) CREATE TABLE \"t\" (\"id\" integer); args=None\nWatching for file changes "
      "with StatReloader\n"
      "(0.001) SELECT 1; args=None\n");
  CHECK(sql_of(bare) == std::vector<std::string>{"CREATE TABLE \"t\" (\"id\" integer)", "SELECT 1"});
  CHECK(bare.counts.records == 2);
  CHECK(bare.counts.unrecognised_lines == 1);

  for (const char* text : {"", "\n\n", "SELECT 1;\n", "(0.1) SELECT 1; args=None\n", "{\"sql\": \"SELECT 1\"}\n",
                           "{\"logger\": \"peewee\", \"message\": \"('SELECT 1', [])\"}\n",
                           "2026-01-09 10:00:00.123 UTC [4242] LOG:  statement: SELECT 1\n"}) {
    INFO(text);
    CHECK(kFormat_django.score(text, {}) == 0);
    CHECK(read(text).statements.empty());
  }
}

TEST_CASE("django: JSON lines of several loggers") {
  struct Case {
    std::string line, session, sql;
    std::vector<std::string> params;
    std::string time;
  };
  const std::vector<Case> cases = {
      {R"j({"asctime": "2026-01-09 10:00:00,123", "name": "django.db.backends", "process": 7, "threadName": "w1", "message": "(0.003) SELECT 1; args=(1, None); alias=default"})j",
       "7:w1",
       "SELECT 1",
       {"1", "<null>"},
       "2026-01-09T10:00:00.120"},
      {R"j({"event": "(0.003) SELECT 'a'; args=('a',)", "logger": "django.db.backends", "timestamp": "2026-01-09T10:00:00.123456Z", "thread": 140, "process": 7, "sql": "SELECT 'a'", "params": ["a"], "duration": 0.001})j",
       "7:140",
       "SELECT 'a'",
       {"a"},
       "2026-01-09T10:00:00.122456Z"},
      {R"j({"@timestamp": "2026-01-09T10:00:00.123Z", "log.level": "debug", "log": {"logger": "django.db.backends"}, "process": {"pid": 7, "thread": {"id": 140, "name": "w1"}}, "message": "(0.000) COMMIT; args=None"})j",
       "7:140",
       "COMMIT",
       {},
       "2026-01-09T10:00:00.123Z"},
      {R"j({"logger": "django.db.backends", "time": 1767952800.123, "request_id": "ab12", "sql": "UPDATE t SET a = 1", "params": null, "duration": 0.25, "alias": "other"})j",
       "ab12@other",
       "UPDATE t SET a = 1",
       {},
       "2026-01-09T09:59:59.873Z"},
      {R"j({"msg": "(0.001) None; args=('a',)", "sql": null, "thread": "w1"})j", "w1", "", {"a"}, ""},
  };
  for (const Case& c : cases) {
    INFO(c.line);
    CHECK(kFormat_django.score(c.line + "\n", {}) >= 900);
    const Log log = read(c.line + "\n");
    REQUIRE(log.statements.size() == 1);
    CHECK(log.statements[0].session == c.session);
    CHECK(log.statements[0].sql == c.sql);
    CHECK(log.statements[0].unknown == c.sql.empty());
    CHECK(log.statements[0].params == c.params);
    CHECK(to_iso8601(log.statements[0].time) == c.time);
  }
  const Log other = read(
      "{\"logger\": \"django.request\", \"message\": \"SELECT a seat\"}\n{\"logger\": \"django.db.backends\", \"sql\": \"SELECT 1\"}\nnot "
      "json\n{\"cut\": \"of");
  CHECK(sql_of(other) == std::vector<std::string>{"SELECT 1"});
  CHECK(other.counts.records == 2);
  CHECK(other.counts.unrecognised_lines == 2);
}

TEST_CASE("django: CR LF inside a literal, and JSON behind other lines") {
  const Log log =
      read("(0.001) INSERT INTO t VALUES ('from a\r\nweb form'); args=('from a\\r\\nweb form',)\n(0.001) SELECT 1; args=None\n");
  CHECK(sql_of(log) == std::vector<std::string>{"INSERT INTO t VALUES ('from a\r\nweb form')", "SELECT 1"});

  std::string text = "Starting the worker\n";
  for (int i = 0; i < 5; ++i) {
    text +=
        "{\"name\": \"django.db.backends\", \"threadName\": \"w1\", \"message\": \"(0.001) SELECT 1; args=None; alias=default\", \"n\": "
        "1}\n";
  }
  CHECK(kFormat_django.score(text, {}) >= 800);
  const Log json = read(text);
  CHECK(json.statements.size() == 5);
  CHECK(json.statements[0].session == "w1");
  CHECK(json.counts.unrecognised_lines == 1);
}

/// Every statement of a damaged log was in the whole one, or is its last and cut.
void check_prefix(const Log& whole, const Log& part, bool last_may_be_cut) {
  const size_t n = part.statements.size();
  REQUIRE(n <= whole.statements.size());
  for (size_t i = 0; i < n; ++i) {
    if (i + 1 == n && last_may_be_cut) {
      CHECK((part.statements[i].truncated || part.statements[i] == whole.statements[i] ||
             whole.statements[i].sql.starts_with(part.statements[i].sql)));
    } else if (!(part.statements[i] == whole.statements[i])) {
      FAIL_CHECK("statement " << i << ": " << part.statements[i].sql);
    }
  }
}

TEST_CASE("django: cut at every byte, more bytes never mean fewer events") {
  for (const char* name : {"django5.2_sqlite.verbose.log", "django4.2_maria.bare.log", "django5.2_pg.structlog.log"}) {
    INFO(name);
    const std::string text = read_bytes(fixtures() / name).substr(0, 16384);
    const Log whole = read(text);
    size_t before = 0;
    const size_t step = 11;
    for (size_t n = 0; n <= text.size(); n += n < 2000 ? 1 : step) {
      const Log part = read(text.substr(0, n));
      // `SELEC` may become SELECT, `SELEC 1` may not.
      if (part.statements.size() + part.counts.unrecognised_lines < before) FAIL("fewer events at byte " << n);
      before = part.statements.size();
      if (n > 3000) check_prefix(whole, part, true);  // before that the formatter may not be known for sure
    }
  }
}

TEST_CASE("django: damaged bytes") {
  const std::string text = read_bytes(fixtures() / "django5.2_pg.verbose.log");
  const Log whole = read(text);
  SECTION("CRLF") {
    const Log log = read(with_dos_lines(text));
    CHECK(sql_of(log) == sql_of(whole));
    CHECK(log.counts.unrecognised_lines == whole.counts.unrecognised_lines);
  }
  SECTION("NUL and bytes that are no UTF-8 inside literals") {
    for (const std::string& bad : {std::string("\0", 1), std::string("\xff\xfe"), std::string("\x80")}) {
      std::string damaged = text;
      size_t n = 0;
      for (size_t at = damaged.find("red'"); at != std::string::npos; at = damaged.find("red'", at + 8)) {
        damaged.insert(at + 3, bad);
        ++n;
      }
      REQUIRE(n > 0);
      const Log log = read(damaged);
      REQUIRE(log.statements.size() == whole.statements.size());
      CHECK(std::any_of(log.statements.begin(), log.statements.end(),
                        [&](const Event& e) { return e.sql.find("red" + bad + "'") != std::string::npos; }));
    }
  }
  SECTION("a byte changed anywhere") {
    for (size_t at = 0; at < text.size(); at += 97) {
      for (const char c : {'\0', '\'', '\n', '('}) {
        std::string damaged = text;
        damaged[at] = c;
        const Log log = read(damaged);
        CHECK(log.statements.size() <= whole.statements.size() + 1);
        CHECK(log.statements.size() + 70 >= whole.statements.size());
      }
    }
  }
  SECTION("lines of another program between") {
    std::string mixed;
    std::istringstream in(text);
    size_t lines = 0;
    for (std::string line; std::getline(in, line);) {
      mixed += line + "\n";
      if (++lines < 20) mixed += "[09/Jan/2026 10:00:00] \"GET /cart HTTP/1.1\" 200 1234\n";
    }
    const Log log = read(mixed);
    CHECK(sql_of(log) == sql_of(whole));
  }
}

TEST_CASE("django: a line of 10 MB and a text of nothing but openings") {
  const std::string big(10 << 20, 'x'), half(5 << 20, 'y');
  const Log log = read("(0.001) SELECT '" + big + "'; args=('" + half + "',)\n(0.001) SELECT 2; args=None\n");
  REQUIRE(log.statements.size() == 2);
  CHECK(log.statements[0].params.at(0) == half);
  CHECK(log.statements[1].sql == "SELECT 2");

  const Log over = read("(0.001) SELECT '" + big + big + "'; args=('a',)\n(0.001) SELECT 2; args=None\n");  // more than a record may hold
  CHECK(over.statements.size() == 2);
  CHECK(over.statements[0].truncated);

  for (const std::string& unit :
       {std::string("; args=("), std::string("; args=<"), std::string("; args='"), std::string("("), std::string("$a$"), std::string("/*"),
        std::string("'\\"), std::string("\n'"), std::string("-- ; args=\n")}) {
    std::string hostile = "(0.001) SELECT ";
    while (hostile.size() < (2 << 20)) hostile += unit;
    INFO(unit);
    CHECK(read(hostile).statements.size() <= 2);
    CHECK(read(hostile + "\n(0.001) SELECT 2; args=None\n").statements.size() <= 3);
  }
}

TEST_CASE("statement text: what begins like SQL") {
  for (const char* yes :
       {"SELECT 1", "  select 1", "(SELECT 1) UNION", "/* c */ UPDATE t", "-- c\nBEGIN", "WITH x AS", "PRAGMA a", "commit;"})
    CHECK(starts_like_sql(yes));
  for (const char* no : {"", "selected 3 rows", "Internal Server Error", "(", "None", "1", "-- only a comment", "SEL"})
    CHECK_FALSE(starts_like_sql(no));
  CHECK(starts_like_sql("SEL", true));
  CHECK_FALSE(starts_like_sql("SEL x", true));
  for (const char* yes : {"BEGIN", "begin immediate", "START TRANSACTION", "COMMIT", "ROLLBACK;", "/* a */ END", "ROLLBACK WORK"})
    CHECK(is_transaction_boundary(yes));
  for (const char* no :
       {"SAVEPOINT a", "ROLLBACK TO SAVEPOINT a", "ROLLBACK WORK TO SAVEPOINT a", "START SLAVE", "RELEASE SAVEPOINT a", "SELECT 1", ""}) {
    CHECK_FALSE(is_transaction_boundary(no));
  }
}

}  // namespace
}  // namespace dbaudit
