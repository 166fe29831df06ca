#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "analyzers/log/formats/sqlalchemy_message.h"
#include "analyzers/log/formats/sqlalchemy_parameters.h"
#include "tests/catch.h"
#include "tests/log_fixture.h"
#include "tests/orm_truth.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

KeptLog read(const std::string& text, const ReaderOptions& options = {}) { return keep_log(text, "sqlalchemy", options); }

std::vector<std::string> sql_of(const KeptLog& log) {
  std::vector<std::string> out;
  for (const KeptRecord& r : log.statements()) out.push_back(r.sql);
  return out;
}

std::string params_of(const KeptRecord& r) {
  if (!r.fields.has_params) return "none";
  std::string out;
  for (const auto& p : r.params) out += (out.empty() ? "" : "|") + p.value_or("<null>");
  return out;
}

bool is_boundary(const std::string& sql) { return sql == "BEGIN" || sql == "COMMIT" || sql == "ROLLBACK"; }

/// `message` behind the header of one thread.
std::string line(const std::string& thread, const std::string& message, const std::string& logger = "sqlalchemy.engine.Engine") {
  return "2026-01-09 10:00:00,123 INFO " + logger + " [4101:" + thread + "] " + message + "\n";
}

std::vector<std::string> fixture_logs() {
  std::vector<std::string> names = fixture_names("sqlalchemy", ".log");
  REQUIRE(names.size() >= 7);
  return names;
}

fs::path shared() { return fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared"; }

}  // namespace

TEST_CASE("sqlalchemy: real runs give back what was executed, thread by thread") {
  size_t runs = 0;
  for (const std::string& name : fixture_logs()) {
    if (name.find("pool_debug") != std::string::npos) continue;
    INFO(name);
    ++runs;
    const std::string stem = name.substr(0, name.size() - 4);
    const std::string formatter = stem.substr(stem.rfind('.') + 1);
    const bool sqlite = name.find("_lite") != std::string::npos;
    const std::vector<Execution> truth = read_truth(stem + ".truth.jsonl");
    const std::string text = fixture(name);
    const Format* format = detect_format(std::string_view(text).substr(0, 65536), {});
    REQUIRE(format != nullptr);
    CHECK(format->name == "sqlalchemy");
    const KeptLog log = read(text);
    CHECK(log.counts.truncated_statements == 0);
    CHECK(log.counts.unrecognised_lines == 0);
    CHECK(
        (log.counts.incomplete == (formatter == "bare" ? std::vector<std::string>{"no-session", "no-time"} : std::vector<std::string>{})));

    std::map<std::string, std::vector<KeptRecord>> found;
    for (const KeptRecord& r : log.statements()) {
      CHECK(r.fields.tx_boundary == TxBoundary::kExplicit);
      CHECK(r.fields.time.known() == (formatter != "bare"));
      // What SQLite is really told of transactions has a test of its own.
      if (!sqlite || !is_boundary(r.sql)) found[formatter == "bare" ? "" : r.session.substr(r.session.find(':') + 1)].push_back(r);
    }
    auto threads = by_thread(truth, formatter == "verbose");
    if (formatter == "bare") threads = {{"", truth}};
    CHECK(found.size() == threads.size());
    for (auto& [thread, executed] : threads) {
      INFO("thread " << thread);
      if (sqlite)
        executed.erase(std::remove_if(executed.begin(), executed.end(), [](const auto& e) { return is_boundary(e.sql); }), executed.end());
      const std::vector<KeptRecord>& read_back = found[thread];
      REQUIRE(read_back.size() == executed.size());
      for (size_t i = 0; i < executed.size(); ++i) {
        CHECK(read_back[i].sql == executed[i].sql);
        CHECK((read_back[i].params == executed[i].params));
      }
    }
  }
  CHECK(runs >= 5);
}

TEST_CASE("sqlalchemy: messages") {
  struct Case {
    const char* message;
    SqlalchemyKind kind;
    const char* token;
    const char* body;
  };
  const Case cases[] = {
      {"BEGIN (implicit)", SqlalchemyKind::kBegin, "", "BEGIN (implicit)"},
      {"[track1] BEGIN (implicit)", SqlalchemyKind::kBegin, "track1", "BEGIN (implicit)"},
      {"BEGIN (implicit; DBAPI should not BEGIN due to autocommit mode)", SqlalchemyKind::kAutocommitBegin, "", nullptr},
      {"BEGIN TWOPHASE (implicit)", SqlalchemyKind::kBeginTwophase, "", nullptr},
      {"COMMIT", SqlalchemyKind::kCommit, "", nullptr},
      {"COMMIT using DBAPI connection.commit(), DBAPI should ignore due to autocommit mode", SqlalchemyKind::kNoEffect, "", nullptr},
      {"COMMIT using DBAPI connection.commit(), has no effect due to autocommit mode", SqlalchemyKind::kNoEffect, "", nullptr},
      {"ROLLBACK", SqlalchemyKind::kRollback, "", nullptr},
      {"ROLLBACK using DBAPI connection.rollback(); set skip_autocommit_rollback to prevent fully", SqlalchemyKind::kNoEffect, "", nullptr},
      {"ROLLBACK will be skipped by skip_autocommit_rollback", SqlalchemyKind::kNoEffect, "", nullptr},
      {"ROLLBACK TO SAVEPOINT sa_savepoint_1", SqlalchemyKind::kStatement, "", nullptr},
      {"\nCREATE TABLE t (\n\tid INTEGER\n)\n\n", SqlalchemyKind::kStatement, "", nullptr},
      {"[track1] \nDROP TABLE t", SqlalchemyKind::kStatement, "track1", "\nDROP TABLE t"},
      {"[generated in 0.00017s] {'a': 1}", SqlalchemyKind::kParameters, "", "{'a': 1}"},
      {"[t] [cached since 0.5s ago] (1,)", SqlalchemyKind::kParameters, "t", "(1,)"},
      {"[cached since 1.2e+04s ago] ()", SqlalchemyKind::kParameters, "", "()"},
      {"[raw sql] ()", SqlalchemyKind::kParameters, "", "()"},
      {"[no key 0.00010s] {}", SqlalchemyKind::kParameters, "", "{}"},
      {"[caching disabled 0.00010s] {}", SqlalchemyKind::kParameters, "", "{}"},
      {"[caching disabled (it has no key) 0.00010s ] {}", SqlalchemyKind::kParameters, "", "{}"},
      {"[dialect sqlite+pysqlite does not support caching 0.00010s] ()", SqlalchemyKind::kParameters, "", "()"},
      {"[generated in 0.1s (insertmanyvalues) 1/3 (ordered; batch not supported)] ('a',)", SqlalchemyKind::kParameters, "", "('a',)"},
      {"[insertmanyvalues 2/3 (unordered)] ('a',)", SqlalchemyKind::kParameters, "", "('a',)"},
      {"Col ('id',)", SqlalchemyKind::kColumns, "", nullptr},
      {"Row (1, 'a')", SqlalchemyKind::kRow, "", nullptr},
      {"Created new connection <x.Connection object at 0x7f01>", SqlalchemyKind::kPool, "", nullptr},
      {"[generated in 3 minutes] a report", SqlalchemyKind::kOther, "", nullptr},
      {"[a] [b] [c] SELECT 1", SqlalchemyKind::kOther, "", nullptr},
      {"order 7 was placed", SqlalchemyKind::kOther, "", nullptr},
      {"", SqlalchemyKind::kOther, "", nullptr},
  };
  for (const Case& c : cases) {
    INFO(c.message);
    const SqlalchemyMessage m = parse_sqlalchemy_message(c.message);
    CHECK(m.kind == c.kind);
    CHECK(m.token == c.token);
    if (c.body != nullptr) CHECK(m.body == c.body);
  }
  CHECK(parse_sqlalchemy_message("[raw sql] [SQL parameters hidden due to hide_parameters=True]").hidden);
}

TEST_CASE("sqlalchemy: parameters go to their placeholders") {
  struct Case {
    const char *sql, *repr;
    std::vector<std::string> executions;  // "<lost>" without parameters
    bool truncated = false, fits = true;
  };
  const std::string half(150, 'x');
  const std::string cut = "'" + half.substr(1) + " ... (402 characters truncated) ... " + half.substr(1) + "'";
  const std::string cut_at_quote = "'" + half.substr(1) + " ... (9 characters truncated) ... '" + half.substr(2) + "'";
  const std::string cut_row = "(" + cut + ", 'y')", cut_quote_row = "(" + cut_at_quote + ", 'y')";
  const std::string lost = half.substr(1) + " ... (402 characters truncated) ... " + half.substr(1) + "|y";
  const std::string lost_at_quote = half.substr(1) + " ... (9 characters truncated) ... '" + half.substr(2) + "|y";
  const Case cases[] = {
      {"SELECT ?", "('a',)", {"a"}},
      {"SELECT %s, %s", "(1, None)", {"1|<null>"}},
      {"SELECT $1::INTEGER, $2, $1", "(5, 'x')", {"5|x"}},
      {"SELECT %(b)s::VARCHAR, %(a)s, %(b)s", "{'a': 1, 'b': 'x'}", {"x|1"}},
      {"SELECT :b, a::text, x[1:2], :a", "{'a': 1, 'b': 2}", {"2|1"}},
      {"SELECT '%(no)s :no ?', %(a)s -- :no", "{'a': 1}", {"1"}},
      {"SELECT 1", "{}", {""}},
      {"SELECT 1", "()", {""}},
      {"SELECT ?", "(\"O'Brien \\n\\t?, [x]\",)", {"O'Brien \n\t?, [x]"}},
      {"INSERT INTO t VALUES (?, ?)", "[(1, 'a'), (2, 'b')]", {"1|a", "2|b"}},
      {"INSERT INTO t VALUES (%(a)s, %(b)s)", "[{'b': 1, 'a': 'x'}, {'b': 2, 'a': 'y'}]", {"x|1", "y|2"}},
      {"INSERT INTO t VALUES (%(a)s)", "({'a': 'x'}, {'a': 'y'})", {"x", "y"}},
      {"INSERT INTO t VALUES (%(a)s) RETURNING id", "({'a': 'x'}, {'a': 'y'})", {"x"}, true},
      {"SELECT ? = ANY(?)", "(1, [2, 3])", {"1|[2, 3]"}},
      {"SELECT %s", "([1, 2],)", {"[1, 2]"}},
      {"INSERT INTO t VALUES (?)",
       "[(0,), (1,)  ... displaying 10 of 13 total bound parameter sets ...  (11,), (12,)]",
       {"0", "1", "<lost>", "<lost>", "<lost>", "11", "12"},
       true},
      {"SELECT %s, %s, %s, %s", "(1, 2 ... 2 parameters truncated ... 9, 10)", {"1|2"}, true},
      {"SELECT %(a)s, %(m)s, %(z)s", "{'a': 1 ... 7 parameters truncated ... 'z': 9}", {"1"}, true},
      {"SELECT ?, ?", cut_row.c_str(), {lost}, true},
      {"SELECT ?, ?", cut_quote_row.c_str(), {lost_at_quote}, true},
      {"SELECT %(n)s, %(b)s",
       "{'b': Binary(b'\\x00\\xff\\ ... (3203 byteschars)), 'n': 4}",
       {"4|Binary(b'\\x00\\xff\\ ... (3203 byteschars))"},
       true},
      {"SELECT %(n)s", "{'m': 4}", {""}, true, false},
      {"SELECT ?, ?", "(1,)", {"1"}, false, false},
      {"SELECT %s, %s", "(1, 'open", {"1"}, true, true},
  };
  for (const Case& c : cases) {
    INFO(c.sql << "  " << c.repr);
    SqlalchemyParameters p;
    p.open(c.sql, c.repr);
    CHECK(p.fits() == c.fits);
    std::vector<std::string> got;
    bool truncated = false;
    for (uint64_t n = p.executions(); n > 0; --n) {
      std::vector<BindValue> values;
      const bool known = p.next(values);
      truncated |= p.truncated();
      std::string text;
      for (size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "" : "|") + (values[i].is_null ? "<null>" : std::string(values[i].text));
      got.push_back(known ? text : "<lost>");
    }
    CHECK((got == c.executions));
    CHECK(truncated == c.truncated);
  }
  // A number that no log can mean costs nothing.
  SqlalchemyParameters p;
  p.open("INSERT INTO t VALUES (?)", "[(0,)  ... displaying 10 of 18446744073709551615 total bound parameter sets ...  (1,)]");
  CHECK(p.executions() <= 100'002);
}

TEST_CASE("sqlalchemy: what is a transaction") {
  const auto three = [](const std::string& begin, const std::string& end) {
    return line("Thread-1", begin) + line("Thread-1", "UPDATE t SET n=%(n)s") + line("Thread-1", "[no key 0.1s] {'n': 1}") +
           line("Thread-1", end);
  };
  using Sql = std::vector<std::string>;
  const std::string update = "UPDATE t SET n=%(n)s";
  CHECK((sql_of(read(three("BEGIN (implicit)", "COMMIT"))) == Sql{"BEGIN", update, "COMMIT"}));
  CHECK((sql_of(read(three("BEGIN (implicit; DBAPI should not BEGIN due to autocommit mode)",
                           "ROLLBACK using DBAPI connection.rollback(); set skip_autocommit_rollback to prevent fully"))) == Sql{update}));
  CHECK((sql_of(read(three("BEGIN (implicit; DBAPI should not BEGIN due to autocommit mode)",
                           "COMMIT using DBAPI connection.commit(), DBAPI should ignore due to autocommit mode"))) == Sql{update}));
  // 1.x outside of a Session: each statement is committed, none begins.
  const std::string once = line("Thread-1", update) + line("Thread-1", "[no key 0.1s] {'n': 1}") + line("Thread-1", "COMMIT");
  CHECK((sql_of(read(three("BEGIN (implicit)", "COMMIT") + once + once)) == Sql{"BEGIN", update, "COMMIT", update, update}));
  // Where the application writes COMMIT itself, it is a statement like others: its parameters follow.
  CHECK((sql_of(read(three("BEGIN (implicit)", "COMMIT") + line("Thread-1", "COMMIT") + line("Thread-1", "[generated in 0.1s] {}") +
                     once)) == Sql{"BEGIN", update, "COMMIT", "COMMIT", update}));
  // A log that begins inside a transaction.
  CHECK((sql_of(read(once)) == Sql{update, "COMMIT"}));
  CHECK((sql_of(read(three("BEGIN TWOPHASE (implicit)", "COMMIT"))) == Sql{"BEGIN", update, "COMMIT"}));
  CHECK((sql_of(read(line("Thread-1", "BEGIN TWOPHASE (implicit)") + line("Thread-1", "XA BEGIN %(xid)s") +
                     line("Thread-1", "[no key 0.1s] {'xid': 'x'}"))) == Sql{"XA BEGIN %(xid)s"}));

  // Python's sqlite3 begins with the first write; what only reads is in no transaction.
  const std::string reads =
      line("Thread-1", "BEGIN (implicit)") + line("Thread-1", "SELECT n FROM t WHERE id = ?") + line("Thread-1", "[no key 0.1s] (1,)");
  const std::string writes = line("Thread-1", "INSERT INTO t VALUES (?)") + line("Thread-1", "[no key 0.1s] (1,)");
  const std::string insert = "INSERT INTO t VALUES (?)", select = "SELECT n FROM t WHERE id = ?";
  CHECK((sql_of(read(reads + line("Thread-1", "ROLLBACK"))) == Sql{select}));
  CHECK((sql_of(read(reads + writes + writes + line("Thread-1", "COMMIT"))) == Sql{select, "BEGIN", insert, insert, "COMMIT"}));
  CHECK((sql_of(read(reads + line("Thread-1", "SAVEPOINT sa_savepoint_1") + line("Thread-1", "[no key 0.1s] ()") + writes +
                     line("Thread-1", "COMMIT"))) == Sql{select, "SAVEPOINT sa_savepoint_1", insert, "COMMIT"}));
  CHECK((sql_of(read(line("Thread-1", "BEGIN (implicit)") + line("Thread-1", "BEGIN IMMEDIATE") + line("Thread-1", "[raw sql] ()") +
                     reads.substr(reads.find('\n') + 1) + writes + line("Thread-1", "COMMIT"))) ==
         Sql{"BEGIN IMMEDIATE", select, insert, "COMMIT"}));
  ReaderOptions mariadb;  // whose own connector has question marks, too
  mariadb.engine = Engine::kMariaDb;
  CHECK((sql_of(read(reads + line("Thread-1", "COMMIT"), mariadb)) == Sql{"BEGIN", select, "COMMIT"}));
}

TEST_CASE("sqlalchemy: threads write between a statement and its parameters") {
  const std::string text = line("Thread-1", "SELECT a FROM t WHERE id = %(id)s") + line("Thread-2", "SELECT a FROM t WHERE id = %(id)s") +
                           line("Thread-2", "[cached since 1s ago] {'id': 2}") + line("Thread-2", "COMMIT") +
                           line("Thread-1", "[cached since 1s ago] {'id': 1}");
  const std::vector<KeptRecord> s = read(text).statements();
  REQUIRE(s.size() == 3);
  CHECK(s[0].session == "4101:Thread-1");
  CHECK(params_of(s[0]) == "1");
  CHECK(s[1].session == "4101:Thread-2");
  CHECK(params_of(s[1]) == "2");
  CHECK(s[2].sql == "COMMIT");
  CHECK(s[0].fields.line == 1);
  CHECK(s[1].fields.line == 2);

  SECTION("where no thread is named, the placeholders tell") {
    const KeptLog bare = read(
        "BEGIN (implicit)\nSELECT a \nFROM t \nWHERE id = %(id_1)s\nBEGIN (implicit)\nSELECT b FROM u WHERE k = %(k_1)s FOR UPDATE\n"
        "SELECT 1\n[raw sql] {}\n[generated in 0.1s] {'id_1': 7}\n[generated in 0.1s] {'k_1': 'x'}\nCOMMIT\nCOMMIT\n");
    const std::vector<KeptRecord> b = bare.statements();
    REQUIRE(b.size() == 7);
    CHECK(b[1].sql == "SELECT a \nFROM t \nWHERE id = %(id_1)s");
    CHECK(params_of(b[1]) == "7");
    CHECK(params_of(b[3]) == "x");
    CHECK(b[4].sql == "SELECT 1");
    CHECK(bare.counts.unrecognised_lines == 0);
  }
  SECTION("where no thread is named, many rows are of the INSERT that gives none back") {
    const std::string plain = "INSERT INTO t (k) VALUES (%(k)s)", gives = plain + " RETURNING t.id";
    const std::string one = "[cached since 0.1s ago] {'k': 'one'}\n", many = "[cached since 0.2s ago] [{'k': 'a'}, {'k': 'b'}]\n";
    for (const bool plain_first : {true, false}) {
      for (const bool one_first : {true, false}) {
        INFO("plain first " << plain_first << ", one row first " << one_first);
        const KeptLog log = read("BEGIN (implicit)\nBEGIN (implicit)\n" + (plain_first ? plain + "\n" + gives : gives + "\n" + plain) +
                                 "\n" + (one_first ? one + many : many + one) + "COMMIT\nCOMMIT\n");
        std::string inserts;
        for (const KeptRecord& r : log.statements()) {
          if (r.sql.starts_with("INSERT"))
            inserts += (r.sql == gives ? "gives " : "plain ") + params_of(r) + (r.fields.params_cut ? " cut; " : "; ");
        }
        CHECK(inserts == (plain_first ? "plain a; plain b; gives one; " : "gives one; plain a; plain b; "));
      }
    }
  }
  SECTION("a statement that never gets its parameters does not hold up the rest for ever") {
    std::string many = line("Thread-1", "SELECT 1");
    for (int i = 0; i < 3000; ++i) many += line("Thread-2", "BEGIN (implicit)") + line("Thread-2", "COMMIT");
    many += line("Thread-1", "[raw sql] ()");
    const KeptLog log = read(many);
    REQUIRE(log.statements().size() == 6001);
    CHECK(log.statements()[0].sql == "SELECT 1");
    CHECK(log.counts.unrecognised_lines == 1);
  }
}

TEST_CASE("sqlalchemy: lines of the application are no statements") {
  const std::string pair = line("Thread-1", "SELECT 1") + line("Thread-1", "[raw sql] ()");
  const std::string traceback = "Traceback (most recent call last):\n  File \"a.py\", line 1\nSELECT 1\n";
  KeptLog log = read(pair + line("Thread-1", "select a seat", "shop.seats") + traceback + pair);
  CHECK(log.statements().size() == 2);
  CHECK(log.counts.unrecognised_lines == 0);
  // Without the logger's name only the missing parameters tell.
  const auto plain = [](const std::string& message) { return "INFO 2026-01-09 10:00:00,123 base 4101 140707705235520 " + message + "\n"; };
  log = read(plain("SELECT 1") + plain("[raw sql] ()") + plain("update of the cart failed") + plain("BEGIN (implicit)") + plain("COMMIT"));
  CHECK((sql_of(log) == std::vector<std::string>{"SELECT 1", "BEGIN", "COMMIT"}));
  // print() and other programs write between records.
  log = read(line("Thread-1", "SELECT a \nFROM t") + "hello, world\n" + line("Thread-1", "[raw sql] ()") + "GET / HTTP/1.1\n" + pair);
  CHECK((sql_of(log) == std::vector<std::string>{"SELECT a \nFROM t", "SELECT 1"}));
  CHECK(log.counts.unrecognised_lines == 2);
  // echo=True and a root logger: every record twice.
  std::string twice;
  for (const char* m :
       {"BEGIN (implicit)", "SELECT 1", "[raw sql] ()", "COMMIT", "BEGIN (implicit)", "SELECT 2", "[raw sql] ()", "COMMIT"}) {
    twice += std::string("2026-01-09 10:00:00,123 INFO sqlalchemy.engine.Engine ") + m + "\nINFO:sqlalchemy.engine.Engine:" + m + "\n";
  }
  CHECK((sql_of(read(twice)) == std::vector<std::string>{"BEGIN", "SELECT 1", "COMMIT", "BEGIN", "SELECT 2", "COMMIT"}));
}

TEST_CASE("sqlalchemy: text that looks like a log stays in its literal") {
  const std::string sql =
      "SELECT 'x\n" + line("Thread-9", "DROP TABLE t") + line("Thread-9", "[raw sql] ()") + "' AS y, 'it''s \\\\' FROM t";
  const KeptLog log =
      read(line("Thread-1", "BEGIN (implicit)") + line("Thread-1", sql) + line("Thread-1", "[raw sql] ()") + line("Thread-1", "COMMIT"));
  CHECK((sql_of(log) == std::vector<std::string>{"BEGIN", sql, "COMMIT"}));
  // A quote that is never closed hides nothing but itself.
  const KeptLog open = read(line("Thread-1", "SELECT 'x") + line("Thread-1", "COMMIT") + line("Thread-1", "BEGIN (implicit)"));
  CHECK((sql_of(open) == std::vector<std::string>{"SELECT 'x", "COMMIT", "BEGIN"}));
  CHECK(open.statements()[0].fields.truncated);
}

TEST_CASE("sqlalchemy: DDL, tokens, hidden parameters, what batches leave out") {
  const std::string ddl = "\nCREATE TABLE t (\n\tid INTEGER NOT NULL, \n\tCHECK (id > 0)\n)\n\n";
  CHECK((sql_of(read(line("Thread-1", ddl) + line("Thread-1", "[no key 0.1s] {}"))) == std::vector<std::string>{ddl}));
  const KeptLog bare = read("BEGIN (implicit)" + ddl + "\n[no key 0.1s] {}\nCOMMIT\n");
  REQUIRE(bare.statements().size() == 3);
  CHECK(bare.statements()[1].sql == ddl.substr(1));

  const KeptLog token = read(line("Thread-1", "[track1] BEGIN (implicit)") + line("Thread-1", "[track1] SELECT 2") +
                             line("Thread-1", "[track1] [raw sql] ()") + line("Thread-1", "SELECT 3") + line("Thread-1", "[raw sql] ()") +
                             line("Thread-1", "SELECT 4") + line("Thread-1", "[raw sql] ()") + line("Thread-1", "BEGIN (implicit)"));
  REQUIRE(token.statements().size() == 5);
  CHECK(token.statements()[1].session == "4101:Thread-1@track1");
  CHECK(token.statements()[2].session == "4101:Thread-1");

  const KeptLog hidden =
      read(line("Thread-1", "SELECT %(a)s") + line("Thread-1", "[raw sql] [SQL parameters hidden due to hide_parameters=True]"));
  CHECK(params_of(hidden.statements().at(0)) == "none");
  CHECK((hidden.counts.incomplete == std::vector<std::string>{"no-parameters"}));

  const KeptLog cut = read(line("Thread-1", "INSERT INTO t (a) VALUES (%(a__0)s), (%(a_ ... 1234 characters truncated ... )s)") +
                           line("Thread-1", "[insertmanyvalues 1/1 (unordered)] {'a__0': 1, 'a__1': 2}"));
  CHECK(cut.statements().at(0).fields.truncated);
  CHECK(params_of(cut.statements().at(0)) == "1");
}

TEST_CASE("sqlalchemy: debug rows and the pool's records") {
  for (const char* name : {"sqlalchemy/sqlalchemy2.1_my.pool_debug.log", "sqlalchemy/sqlalchemy1.4_my.pool_debug.log"}) {
    INFO(name);
    const KeptLog log = read(fixture(name));
    CHECK(log.counts.unrecognised_lines == 0);
    size_t connects = 0, disconnects = 0, completions = 0;
    for (const KeptRecord& r : log.records) {
      connects += r.fields.kind == RecordKind::kConnect ? 1U : 0U;
      disconnects += r.fields.kind == RecordKind::kDisconnect ? 1U : 0U;
      if (r.fields.kind != RecordKind::kCompletion) continue;
      ++completions;
      CHECK(r.fields.rows >= 0);
      const auto about = std::find_if(log.records.begin(), log.records.end(),
                                      [&](const KeptRecord& s) { return s.fields.line == r.fields.about_line && s.session == r.session; });
      REQUIRE(about != log.records.end());
      if (about->sql == "select 2") CHECK(r.fields.rows == 1);
      if (about->sql.ends_with("WHERE sa_feature.n = %(n_1)s")) CHECK(r.fields.rows == 0);
    }
    CHECK(connects == 1);
    CHECK(disconnects == 1);
    CHECK(completions >= 5);
    const std::vector<std::string> sql = sql_of(log);
    CHECK(std::count(sql.begin(), sql.end(), "INSERT INTO sa_feature (name, n) VALUES (%(name)s, %(n)s)") == 1 + 13);
    CHECK(std::count(sql.begin(), sql.end(), "XA COMMIT %(xid)s") == 1);
    CHECK(std::find(sql.begin(), sql.end(), "BEGIN") < std::find(sql.begin(), sql.end(), "XA BEGIN %(xid)s"));
  }
}

TEST_CASE("sqlalchemy: a log cut at any byte holds the same events up to there", "[slow]") {
  for (const std::string& name : fixture_logs()) {
    INFO(name);
    const std::string bytes = fixture(name);
    Cuts cuts{.limit = 6000, .dense = 1500, .step = 3, .more = 1};
    // How little of a log tells that it is SQLite's is not the question here.
    if (name.find("_lite") != std::string::npos) cuts.options.engine = Engine::kSqlite;
    check_cuts(bytes, "sqlalchemy", cuts, [](const std::vector<KeptRecord>& part, size_t i, const std::vector<KeptRecord>& whole) {
      // What waited for its parameters is less than it was, and so is the last line.
      const bool same = i < whole.size() && part[i].sql == whole[i].sql && part[i].fields.line == whole[i].fields.line;
      return same || part[i].fields.truncated || i + 1 >= part.size();
    });
  }
}

TEST_CASE("sqlalchemy: DOS line ends, broken bytes, shuffled threads") {
  for (const std::string& name : fixture_logs()) {
    INFO(name);
    check_dos_lines(fixture(name), "sqlalchemy", true);
  }
  // The records of two threads in another order: each thread's statements stay what they were.
  const std::string json = fixture("sqlalchemy/sqlalchemy2.0_pg.json.log");
  std::vector<std::string> first, second;
  std::istringstream in(json);
  for (std::string l; std::getline(in, l);) (l.find("\"w-0\"") != std::string::npos ? first : second).push_back(l + "\n");
  Random random;
  for (int round = 0; round < 20; ++round) {
    std::string mixed;
    for (size_t a = 0, b = 0; a < first.size() || b < second.size();) {
      const bool take_first = b == second.size() || (a < first.size() && random.next() % 2 == 0);
      mixed += take_first ? first[a++] : second[b++];
    }
    std::map<std::string, std::vector<std::string>> ours, theirs;
    for (const KeptRecord& r : read(mixed).statements()) ours[r.session].push_back(r.sql + params_of(r));
    for (const KeptRecord& r : read(json).statements()) theirs[r.session].push_back(r.sql + params_of(r));
    CHECK((ours == theirs));
  }
  const std::string odd("a\0b\xFF\xC3(\xED\xA0\x80", 9);
  const KeptLog log = read(line("Thread-1", "SELECT '" + odd + "'") + line("Thread-1", "[raw sql] ('" + odd + "',)"));
  REQUIRE(log.statements().size() == 1);
  CHECK((log.statements()[0].sql == "SELECT '" + odd + "'"));
}

TEST_CASE("sqlalchemy: long lines and changed bytes", "[slow]") {
  for (const size_t size : {size_t{10} << 20, size_t{20} << 20}) {
    const KeptLog log =
        read(line("Thread-1", "SELECT 1") + line("Thread-1", "[raw sql] ()") + line("Thread-1", "SELECT '" + std::string(size, 'x') + "'") +
             line("Thread-1", "[raw sql] ()") + line("Thread-1", "SELECT 2") + line("Thread-1", "[raw sql] ()"));
    REQUIRE(log.statements().size() == 3);
    CHECK(log.statements()[1].fields.truncated == (size > size_t{16} << 20));
    CHECK(log.statements()[2].sql == "SELECT 2");
  }
  for (const std::string& name : fixture_logs()) {
    INFO(name);
    check_damage(fixture(name), "sqlalchemy", 40);
  }
}

TEST_CASE("sqlalchemy: the shared logs") {
  if (!fs::exists(shared() / "logs")) SKIP_TEST("../shared is absent");
  // BEGIN lines, COMMIT lines and statements with parameters, counted with grep; an executemany of 15 rows counts as 15.
  size_t logs = 0;
  for (const char* directory : {"logs/sqlalchemy", "corpus"}) {
    for (const auto& entry : fs::directory_iterator(shared() / directory)) {
      const std::string name = entry.path().filename().string();
      if (entry.is_directory() && !name.starts_with("sa-")) continue;
      const fs::path path = entry.is_directory() ? entry.path() / "orm.log" : entry.path();
      if (!fs::is_regular_file(path) || (!entry.is_directory() && !name.starts_with("sqlalchemy"))) continue;
      INFO(path.string());
      ++logs;
      const std::string bytes = read_bytes(path);
      const Format* format = detect_format(std::string_view(bytes).substr(0, 65536), {});
      REQUIRE(format != nullptr);
      CHECK(format->name == "sqlalchemy");
      const KeptLog log = read(bytes);
      CHECK(log.counts.unrecognised_lines == 0);
      const auto count = [&bytes](std::string_view text) {
        size_t n = 0;
        for (size_t at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1)) ++n;
        return n;
      };
      size_t parameters = 0;
      // (those of a COMMIT executed as text are not of a statement counted here)
      for (const char* stats : {"[generated in ", "[cached since ", "[raw sql] ", "[no key ", "[insertmanyvalues "})
        parameters += count(stats);
      size_t executions = 0, begins = 0;
      uint64_t last = 0;
      for (const KeptRecord& r : log.statements()) {
        begins += r.sql == "BEGIN" ? 1U : 0U;
        if (!is_boundary(r.sql) && r.fields.line != last) {
          ++executions;
          last = r.fields.line;
        }
      }
      if (name != "sa-getlock-maria") CHECK(executions == parameters);
      if (log.counts.engine != Engine::kSqlite) CHECK(begins == count("BEGIN (implicit)"));
    }
  }
  CHECK(logs == 13 + 42);
}

}  // namespace dbaudit
