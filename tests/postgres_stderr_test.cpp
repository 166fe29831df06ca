#include <map>
#include <random>
#include <string>
#include <tuple>

#include "analyzers/log/formats/log_line_prefix.h"
#include "analyzers/log/formats/postgres_entry.h"
#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

using Params = std::vector<std::optional<std::string>>;

/// One workload on a real PostgreSQL 15, logged six ways (fixtures/logs/postgres_stderr/README.md). `who`: its two sessions.
struct Expected {
  char who;
  const char* sql;
  Params params;
  const char* error;
};
const char* const kNote = "it's \"it\", $1 = 'no'\n\tsecond line";
const std::vector<Expected> kWorkload = {
    {'a', "BEGIN", {}, ""},
    {'a', "SELECT stock FROM item WHERE id = $1", {"7"}, ""},
    {'b', "BEGIN ISOLATION LEVEL REPEATABLE READ", {}, ""},
    {'b', "SELECT stock FROM item WHERE id = $1", {"7"}, ""},
    {'a', "UPDATE item SET stock = $1, note = $2\nWHERE id = $3", {"3", kNote, "7"}, ""},
    {'b', "UPDATE item SET stock = 1 WHERE id = $1", {"7"}, "40001"},
    {'a', "COMMIT", {}, ""},
    {'b', "ROLLBACK", {}, ""},
    {'a', "INSERT INTO item (id, note) VALUES ($1, $2)", {"7", std::nullopt}, "23505"},
    {'a', "SELEKT 1", {}, "42601"},
    {'a', "SELECT 1;\n\n\tSELECT 2 -- tail\n", {}, ""},
    {'a', "BEGIN", {}, ""},
    {'a', "INSERT INTO item (id) VALUES (7)", {}, "23505"},
    {'a', "SELECT 1", {}, "25P02"},
    {'a', "COMMIT", {}, ""},
    {'b', "UPDATE item SET stock = stock - 1 WHERE id = $1 AND stock > 0", {"7"}, ""},
    {'b', "UPDATE item SET stock = stock - 1 WHERE id = $1 AND stock > 0", {"7"}, ""},
    {'b', "PREPARE get(int) AS SELECT note FROM item WHERE id = $1", {}, ""},
    {'b', "EXECUTE get(7)", {}, ""},
    {'b', "DEALLOCATE get", {}, ""},
    {'b', "/*route='/buy',traceparent='00-1f-2a-01'*/ UPDATE item SET stock = 5 WHERE id = 8", {}, ""},
};

/// Errors and completions put into the statements they belong to.
std::vector<KeptRecord> settled(const KeptLog& log) {
  std::vector<KeptRecord> result;
  for (const KeptRecord& r : log.records) {
    if (r.fields.kind == RecordKind::kStatement) {
      result.push_back(r);
    } else if (r.fields.attaches) {
      bool is_found = false;
      for (KeptRecord& s : result) {
        if (s.fields.line != r.fields.about_line) continue;
        is_found = true;
        CHECK(s.session == r.session);
        if (r.fields.has_error) s.error_code = r.error_code;
        if (r.fields.duration_us >= 0) s.fields.duration_us = r.fields.duration_us;
      }
      CHECK(is_found);
    }
  }
  return result;
}

void check_workload(const KeptLog& log, bool has_params, bool has_durations) {
  std::map<char, std::vector<Expected>> theirs;
  for (const Expected& e : kWorkload) theirs[e.who].push_back(e);
  std::map<std::string, std::vector<KeptRecord>> by_session;
  for (const KeptRecord& r : settled(log)) by_session[r.session].push_back(r);
  REQUIRE(by_session.size() == 2);
  for (const auto& [session, ours] : by_session) {
    const auto& expected = theirs[ours.size() > 1 && ours[0].sql == "BEGIN" ? 'a' : 'b'];
    REQUIRE(ours.size() == expected.size());
    for (size_t i = 0; i < ours.size(); ++i) {
      INFO(session << " line " << ours[i].fields.line);
      CHECK(ours[i].sql == expected[i].sql);
      if (has_params) CHECK((ours[i].params == expected[i].params));
      CHECK(ours[i].error_code == expected[i].error);
      if (has_durations) CHECK((ours[i].fields.duration_us >= 0) == (*expected[i].error == '\0'));
      CHECK_FALSE(ours[i].fields.truncated);
      CHECK(ours[i].fields.tx_boundary == TxBoundary::kExplicit);
    }
  }
  CHECK(log.counts.statements == kWorkload.size());
  CHECK(log.counts.unrecognised_lines == 0);
  CHECK_FALSE(log.counts.sampled);
}

std::string line(const char* severity, const std::string& text, const char* pid = "10") {
  return std::string("2026-11-20 10:00:00.000 UTC [") + pid + "] u@d " + severity + ":  " + text + "\n";
}
KeptLog keep(const std::string& bytes) { return keep_log(bytes, "postgres-stderr"); }

}  // namespace

TEST_CASE("postgres-stderr: one workload logged six ways holds the same statements") {
  const std::tuple<const char*, bool, bool, std::vector<std::string>> cases[] = {
      {"all", true, false, {}},         {"rich", true, false, {}},  {"mindur", true, true, {}},
      {"rds_duration", true, true, {}}, {"padded", true, true, {}}, {"terse", false, false, {"no-parameters"}},
  };
  for (const auto& [name, has_params, has_durations, incomplete] : cases) {
    INFO(name);
    const KeptLog log = keep(fixture(std::string("postgres_stderr/") + name + ".log"));
    check_workload(log, has_params, has_durations);
    CHECK(log.counts.incomplete == incomplete);
  }
  ReaderOptions options;
  options.log_line_prefix = "%m %-8p|%-12u|%10d|%c|%q%a| ";
  const KeptLog padded = keep_log(fixture("postgres_stderr/padded.log"), "postgres-stderr", options);
  check_workload(padded, true, true);
  for (const KeptRecord& r : padded.statements()) {
    CHECK(r.user == "postgres");
    CHECK(r.database == "store");
    CHECK((r.app == "till-1" || r.app == "till 2"));
  }
}

TEST_CASE("postgres-stderr: connections name the application when the prefix does not") {
  const KeptLog log = keep(fixture("postgres_stderr/all.log"));
  int connects = 0, disconnects = 0;
  for (const KeptRecord& r : log.records) {
    connects += r.fields.kind == RecordKind::kConnect ? 1 : 0;
    disconnects += r.fields.kind == RecordKind::kDisconnect ? 1 : 0;
    if (r.fields.kind == RecordKind::kStatement) CHECK((r.app == "till-1" || r.app == "till 2"));
  }
  CHECK(connects == 4);
  CHECK(disconnects == 4);
  const KeptLog ssl = keep(
      line("LOG", "connection authorized: user=a b database=c d application_name=e f SSL enabled (protocol=TLSv1.3, cipher=x, bits=256)") +
      line("LOG", "statement: SELECT 1"));
  CHECK(ssl.records[0].user == "a b");
  CHECK(ssl.records[0].database == "c d");
  CHECK(ssl.records[1].app == "e f");
}

TEST_CASE("log_line_prefix: every escape, padding and %q") {
  struct Case {
    const char* prefix;
    const char* line;
    std::string_view PrefixFields::*field;
    const char* value;
  };
  const Case cases[] = {
      {"%m [%p] %q%u@%d ", "2026-11-20 10:00:00.123 UTC [12] bob@shop LOG:  x", &PrefixFields::user, "bob"},
      {"%m [%p] %q%u@%d ", "2026-11-20 10:00:00.123 UTC [12] LOG:  x", &PrefixFields::pid, "12"},
      {"%m [%p] %q%u@%d ", "2026-11-20 10:00:00.123 UTC [12] [unknown]@[unknown] LOG:  x", &PrefixFields::user, ""},
      {"%t:%r:%u@%d:[%p]:", "2026-11-20 10:00:00 UTC:10.0.0.1(123):bob@shop:[12]:LOG:  x", &PrefixFields::remote, "10.0.0.1(123)"},
      {"%t-%c-", "2026-11-20 10:00:00 CET-6b005874.6904-LOG:  x", &PrefixFields::session_id, "6b005874.6904"},
      {"%n|%v|%x|%e|%i ", "1795184838.363|3/7|0|40P01|UPDATE waiting ERROR:  x", &PrefixFields::command_tag, "UPDATE waiting"},
      {"%n|%v|%x|%e|%i ", "1795184838.363||0|00000| LOG:  x", &PrefixFields::vxid, ""},
      {"%a %l ", "my app - LOG:  1 12 LOG:  x", &PrefixFields::app, "my app - LOG:  1"},
      {"%-10u|%6p|%a|", "bob       |    12|web b|LOG:  x", &PrefixFields::user, "bob"},
      {"%10u|%-6p|%-8a|", "       bob|12    |web b   |LOG:  x", &PrefixFields::app, "web b"},
      {"%%%p%% %s %b %P %Q %h %L ", "%12% 2026-11-20 10:00:00 UTC client backend  -42 10.0.0.1 10.0.0.2 LOG:  x", &PrefixFields::pid, "12"},
      {"", "LOG:  x", &PrefixFields::pid, ""},
  };
  for (const Case& c : cases) {
    INFO(c.prefix << " on " << c.line);
    PrefixClock clock;
    PrefixFields fields;
    size_t text_at = 0;
    CHECK(LogLinePrefix(c.prefix).match(c.line, clock, &fields, &text_at));
    CHECK(fields.*c.field == c.value);
    CHECK(std::string_view(c.line).substr(text_at) == "x");
  }
  PrefixClock clock;
  PrefixFields fields;
  size_t text_at = 0;
  for (const char* no : {"", "x", "2026-11-20 10:00:00.123 UTC [12] LOG: x", "2026-13-20 10:00:00.123 UTC [12] LOG:  x", "\t"}) {
    CHECK_FALSE(LogLinePrefix("%m [%p] ").match(no, clock, &fields, &text_at));
  }
  // A line made to be slow: every blank could end %a, and nothing fits.
  const std::string spaces(100'000, ' ');
  CHECK_FALSE(LogLinePrefix("%a %a %a %a %a %a ").match(spaces, clock, &fields, &text_at));
}

TEST_CASE("log_line_prefix: a header like one before it is taken apart as if it were the first") {
  std::mt19937 random(20261122);
  const auto any_of = [&random](const auto& list) { return std::string(list[random() % std::size(list)]); };
  const char* const prefixes[] = {"%m [%p] %u@%d ", "%m [%p] %q%u@%d/%a ", "%t [%p]: user=%u,db=%d ", "%m [%p] ", "%m [%p] %r %u ",
                                  "%m %u [%p] %d ", "%m [%5p] %d ",        "[%p] %m %u@%d ",          "%m %p",    "%m [%p] %c %d "};
  const char* const processes[] = {"7", "4471", "4472", "44721", "", "x"};
  const char* const names[] = {
      "app", "tenant_user_of_a_long_name_0001", "tenant_user_of_a_long_name_0002", "[unknown]", "LOG:  ", "a b", "", "x:y", "[7] app"};
  const char* const severities[] = {"LOG:  ", "ERROR:  ", "DETAIL:  ", "STATEMENT:  ", "LOG:", "DEBUG1:  ", "none"};
  for (const std::string prefix : prefixes) {
    const LogLinePrefix seen_before(prefix);
    size_t matched = 0;
    for (int round = 0; round < 5000; ++round) {
      std::string line;
      for (size_t i = 0; i < prefix.size(); ++i) {
        if (prefix[i] != '%') {
          line += prefix[i];
          continue;
        }
        while (prefix[++i] >= '0' && prefix[i] <= '9') continue;
        switch (prefix[i]) {
          case 'm': line += "2026-11-20 14:25:53.782 UTC"; break;
          case 't': line += "2026-11-20 14:25:53 UTC"; break;
          case 'p': line += any_of(processes); break;
          case 'r': line += "127.0.0.1(" + std::to_string(random() % 50) + ")"; break;
          case 'c': line += "6b00587" + std::to_string(random() % 8) + ".1a"; break;
          case 'q': break;
          default: line += any_of(names);
        }
        if (prefix[i] == 'q' && random() % 4 == 0) break;
      }
      line += any_of(severities) + (random() % 2 == 0 ? "statement: SELECT 1" : "");
      PrefixClock clock, other_clock;
      PrefixFields fields, expected;
      size_t text_at = 0, expected_at = 0;
      const auto severity = seen_before.match(line, clock, &fields, &text_at);
      const auto expected_severity = LogLinePrefix(prefix).match(line, other_clock, &expected, &expected_at);
      CAPTURE(prefix, line);
      REQUIRE(severity == expected_severity);
      if (!severity) continue;
      ++matched;
      CHECK(text_at == expected_at);
      CHECK(std::tie(fields.app, fields.user, fields.database, fields.remote, fields.pid, fields.session_id) ==
            std::tie(expected.app, expected.user, expected.database, expected.remote, expected.pid, expected.session_id));
    }
    CHECK(matched > 500);
  }
}

TEST_CASE("log_line_prefix: times and zones") {
  const std::tuple<const char*, size_t, const char*> cases[] = {
      {"2026-11-20 14:25:56.336 UTC [1]", 27, "2026-11-20T14:25:56.336Z"},
      {"2026-11-20 14:25:56 GMT", 23, "2026-11-20T14:25:56.000Z"},
      {"2026-11-20 14:25:56.336 CET", 27, "2026-11-20T14:25:56.336"},
      {"2026-11-20 14:25:56.336 +03 x", 27, "2026-11-20T11:25:56.336Z"},
      {"2026-11-20 14:25:56.336 -0330", 29, "2026-11-20T17:55:56.336Z"},
  };
  PrefixClock clock;
  for (const auto& [text, size, iso] : cases) {
    TimePoint time;
    CHECK(clock.read(text, &time) == size);
    CHECK(to_iso8601(time) == iso);
  }
  PrefixClock told(60);
  TimePoint time;
  CHECK(told.read("2026-11-20 14:25:56.336 CET", &time) == 27);
  CHECK(to_iso8601(time) == "2026-11-20T13:25:56.336Z");
}

TEST_CASE("log_line_prefix: unknown prefixes are inferred from the lines") {
  CHECK(infer_prefix("2026-11-20 10:00:00.123 UTC [12] bob@shop app=web sid=6b005874.6904 vxid=3/7 LOG:  x") ==
        "%m [%p] %u@%d app=%a sid=%c vxid=%v ");
  CHECK(infer_prefix("a continuation or somebody's words") == "");
  std::string head;
  for (const char* app : {"web", "web b", "psql"}) {
    head += std::string("<<2026-11-20 10:00:00.123 UTC>> pid=12 vxid=3/7 app=") + app + " usr=bob 100% LOG:  statement: SELECT 1\n";
  }
  const PrefixGuess guess = guess_prefix(head);
  REQUIRE(guess.prefix);
  CHECK(guess.matched == 3);
  const KeptLog log = keep(head);
  CHECK(log.statements()[1].app == "web b");
  CHECK(log.statements()[1].user == "bob");
  CHECK(log.statements()[1].txid == "3/7");
  CHECK(log.statements()[1].session == "12");
}

TEST_CASE("postgres: the grammar of messages") {
  using Phase = PostgresMessage::Phase;
  const std::tuple<const char*, Phase, const char*, const char*, int64_t> cases[] = {
      {"statement: SELECT 1", Phase::kStatement, "", "SELECT 1", -1},
      {"statement: ", Phase::kStatement, "", "", -1},
      {"duration: 1.082 ms  parse <unnamed>: SELECT 1", Phase::kParse, "<unnamed>", "SELECT 1", 1082},
      {"duration: 12 ms  bind S_1/C_2: SELECT 1", Phase::kBind, "S_1/C_2", "SELECT 1", 12000},
      {"execute S_1/C_2: SELECT ': '", Phase::kExecute, "S_1/C_2", "SELECT ': '", -1},
      {"duration: 0.5 ms  execute fetch from S_1/C_2: SELECT 1", Phase::kFetch, "S_1/C_2", "SELECT 1", 500},
      {"duration: 0.5 ms", Phase::kDurationOnly, "", "", 500},
      {"duration: 0.041 ms  plan:\nQuery Text: SELECT 1", Phase::kPlan, "", "", 41},
      {"fastpath function call: \"lo_open\" (OID 952)", Phase::kFastpath, "", "", -1},
      {"duration: ms  statement: SELECT 1", Phase::kNone, "", "", -1},
      {"duration: 1 msx", Phase::kNone, "", "", -1},
      {"checkpoint starting: time", Phase::kNone, "", "", -1},
      {"parse S_1: SELECT 1", Phase::kNone, "", "", -1},
      {"executed", Phase::kNone, "", "", -1},
  };
  for (const auto& [text, phase, name, sql, duration] : cases) {
    INFO(text);
    const PostgresMessage m = parse_postgres_message(text);
    CHECK(m.phase == phase);
    CHECK(m.name == name);
    CHECK(m.sql == sql);
    CHECK(m.duration_us == duration);
  }
}

TEST_CASE("postgres: parameters are read by quote state") {
  const std::tuple<const char*, bool, Params> cases[] = {
      {"$1 = '1'", true, {"1"}},
      {"$1 = NULL, $2 = 'NULL'", true, {std::nullopt, "NULL"}},
      {"$1 = 'O''Brien, $1 = ''x''', $2 = ''", true, {"O'Brien, $1 = 'x'", ""}},
      {"$1 = '\\x616200', $2 = '{1,2}'", true, {"\\x616200", "{1,2}"}},
      {"$1 = ''''''", true, {"''"}},
      {"$1 = 'abc...'", false, {"abc..."}},
      {"$1 = 'abc", false, {"abc"}},
      {"$1 = '1', $3 = '2'", false, {"1"}},
      {"$1 = 1", false, {}},
      {"$1 = 'a' and more", false, {"a"}},
      {"", true, {}},
  };
  for (const auto& [text, is_whole, expected] : cases) {
    INFO(text);
    std::string scratch;
    scratch.reserve(200);
    std::vector<BindValue> values;
    CHECK(parse_postgres_parameters(text, scratch, values) == is_whole);
    Params ours;
    for (const BindValue& v : values) ours.push_back(v.is_null ? std::nullopt : std::optional<std::string>(v.text));
    CHECK((ours == expected));
  }
}

TEST_CASE("postgres: an error belongs to the statement it ended, once") {
  const std::string sql = "UPDATE t SET a = 1";
  // Two of the same text: the first went well, so only the second can have failed.
  const KeptLog twice = keep(line("LOG", "statement: " + sql) + line("LOG", "statement: " + sql) + line("ERROR", "deadlock detected") +
                             line("STATEMENT", sql));
  CHECK(twice.counts.statements == 2);
  CHECK(twice.records[2].fields.attaches);
  CHECK(twice.records[2].fields.about_line == 2);
  CHECK(twice.records[2].error_code == "40P01");
  // Another session's.
  const KeptLog other = keep(line("LOG", "statement: " + sql) + line("ERROR", "deadlock detected", "11") + line("STATEMENT", sql, "11"));
  CHECK(other.counts.statements == 2);
  CHECK(other.statements()[1].session == "11");
  // Failed already: the second failure is of a statement the log does not show.
  const KeptLog again = keep(line("LOG", "statement: " + sql) + line("ERROR", "deadlock detected") + line("STATEMENT", sql) +
                             line("ERROR", "current transaction is aborted") + line("STATEMENT", sql));
  CHECK(again.counts.statements == 2);
  CHECK(again.statements()[1].error_code == "25P02");
  // Ended already, by its duration.
  const KeptLog ended =
      keep(line("LOG", "duration: 1.0 ms  statement: " + sql) + line("ERROR", "deadlock detected") + line("STATEMENT", sql));
  CHECK(ended.counts.statements == 2);
  // No STATEMENT (log_min_error_statement): the open one, unless the error is of parsing.
  CHECK(keep(line("LOG", "statement: " + sql) + line("ERROR", "deadlock detected")).records[1].fields.attaches);
  CHECK_FALSE(keep(line("LOG", "statement: " + sql) + line("ERROR", "syntax error at or near \"x\"")).records[1].fields.attaches);
  CHECK_FALSE(keep(line("ERROR", "deadlock detected")).records[0].fields.attaches);
}

TEST_CASE("postgres: the values of a failed execution may stand with its bind") {
  const std::string sql = "INSERT INTO t VALUES ($1)";
  const std::string bind = line("LOG", "duration: 0.1 ms  bind <unnamed>: " + sql) + line("DETAIL", "Parameters: $1 = '7'");
  const KeptLog log = keep(bind + line("ERROR", "duplicate key value violates unique constraint \"k\"") + line("STATEMENT", sql));
  REQUIRE(log.statements().size() == 1);
  CHECK((log.statements()[0].params == Params{"7"}));
  CHECK(log.statements()[0].error_code == "23505");
  // Of another statement: no values.
  CHECK_FALSE(keep(bind + line("ERROR", "syntax error") + line("STATEMENT", "SELEC")).statements()[0].fields.has_params);
}

TEST_CASE("postgres: logs that hold only part of what ran say so") {
  const std::string bind = line("LOG", "duration: 0.1 ms  bind <unnamed>: SELECT 1");
  CHECK(keep(bind + line("LOG", "duration: 0.1 ms  execute <unnamed>: SELECT 1")).counts.sampled == false);
  CHECK(
      keep(bind + line("ERROR", "division by zero") + line("STATEMENT", "SELECT 1") + line("LOG", "statement: SELECT 1")).counts.sampled ==
      false);
  CHECK(keep(bind + line("LOG", "statement: SELECT 2")).counts.sampled);
  std::string slow, writes, stray = line("LOG", "connection authorized: user=u database=d");
  std::string excused = stray;
  for (int i = 0; i < 20; ++i) {
    slow += line("LOG", "duration: 512.1 ms  statement: SELECT 1");
    writes += line("LOG", "statement: UPDATE t SET a = 1");
    stray += line("LOG", "statement: BEGIN") + line("LOG", "statement: COMMIT") + line("LOG", "statement: COMMIT");
    excused += line("LOG", "statement: COMMIT") + line("WARNING", "there is no transaction in progress");
  }
  CHECK(keep(slow).counts.sampled);
  CHECK(keep(slow + line("LOG", "duration: 0.010 ms  statement: COMMIT")).counts.sampled == false);
  CHECK(keep(writes).counts.sampled);
  CHECK(keep(writes + line("LOG", "statement: SELECT 1")).counts.sampled == false);
  CHECK(keep(stray).counts.sampled);
  CHECK(keep(excused).counts.sampled == false);
}

TEST_CASE("postgres: SQLSTATE derived from texts") {
  const std::pair<const char*, const char*> cases[] = {
      {"duplicate key value violates unique constraint \"k\"", "23505"},
      {"could not serialize access due to read/write dependencies among transactions", "40001"},
      {"insert or update on table \"a\" violates foreign key constraint \"b\"", "23503"},
      {"SAVEPOINT can only be used in transaction blocks", "25P01"},
      {"relation \"x\" does not exist at character 15", "42P01"},
      {"relation \"x\" already exists", "42P07"},
      {"something of an extension", ""},
  };
  for (const auto& [text, code] : cases) CHECK(sqlstate_of_message(text) == code);
}

TEST_CASE("postgres-stderr: the end of a rotated entry and foreign lines are counted, not believed") {
  const KeptLog log = keep("\tthe end of a statement\n" + line("DETAIL", "parameters: $1 = '1'") + line("LOG", "statement: SELECT 1") +
                           "could not open file\n\tSELECT 2\n" + line("LOG", "statement: SELECT 3\n\t FROM t"));
  CHECK(log.counts.unrecognised_lines == 3);
  REQUIRE(log.statements().size() == 2);
  CHECK(log.statements()[0].sql == "SELECT 1");
  CHECK(log.statements()[1].sql == "SELECT 3\n FROM t");
}

TEST_CASE("postgres: a parameter that was cut leaves the statement whole") {
  const KeptLog log = keep_log(
      "2026-11-20 10:00:00.000 UTC [10] LOG:  execute <unnamed>: UPDATE t SET body = $1 WHERE id = $2\n"
      "2026-11-20 10:00:00.000 UTC [10] DETAIL:  parameters: $1 = 'Lorem ips...', $2 = '7'\n",
      "postgres-stderr");
  REQUIRE(log.statements().size() == 1);
  const LogRecord r = log.statements()[0].fields;
  CHECK_FALSE(r.truncated);
  CHECK(r.params_cut);
  CHECK(log.counts.truncated_statements == 1);
  CHECK((log.counts.incomplete == std::vector<std::string>{"truncated"}));
}

}  // namespace dbaudit
