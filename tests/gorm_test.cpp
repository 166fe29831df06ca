// GORM's logger. The fixtures are one program's run under every carrier: each must tell of the same statements.

#include "tests/app_logs_test.h"

namespace dbaudit {
namespace {

std::vector<std::string> sql_of(const KeptLog& log) {
  std::vector<std::string> out;
  for (const KeptRecord& r : log.statements()) {
    // A savepoint's name is made of its function's address.
    const size_t sp = r.sql.find(" sp");
    out.push_back(r.sql.find("SAVEPOINT") != std::string::npos ? r.sql.substr(0, sp) : r.sql);
  }
  return out;
}

const std::string kHeader = "\r\n2026/11/20 14:37:19 /app/main.go:42\n";

}  // namespace

TEST_CASE("gorm: every carrier of one run tells of the same statements") {
  const std::vector<std::string> truth = sql_of(keep_log(fixture("gorm/plain.log"), "gorm"));
  REQUIRE(truth.size() == 19);
  CHECK(truth[3].find("2026/11/20 14:37:19 /app/fake.go:1\n[0.543ms] [rows:1] DELETE FROM accts; O'Brien") != std::string::npos);
  CHECK(truth[9] == "SAVEPOINT");
  CHECK(truth[10] == "update accts\nset bal = bal + 1\nwhere id = 3");
  for (const char* name : {"colour", "no_prefix", "slog_text", "slog_json", "slog_gorm", "zap_console", "zap_json"}) {
    INFO(name);
    const std::string bytes = fixture("gorm/" + std::string(name) + ".log");
    const Format* format = detect_format(bytes, {});
    REQUIRE(format != nullptr);
    CHECK(format->name == "gorm");
    const KeptLog log = keep_log(bytes, "gorm");
    CHECK(sql_of(log) == truth);
    const std::vector<KeptRecord> s = log.statements();
    CHECK(s[4].fields.rows == 2);
    CHECK(s[5].error_code == "2067");
    CHECK(s[5].error_message.find("UNIQUE constraint failed: accts.name") != std::string::npos);
    CHECK_FALSE(s[6].fields.has_error);  // `record not found` is GORM's, not the server's
    CHECK(s[6].fields.rows == 0);
    CHECK(s[13].fields.has_error);  // no such table
    for (const KeptRecord& r : s) {
      CHECK(r.fields.duration_us >= 0);
      CHECK(r.fields.end_time.known());
      CHECK(r.fields.end_time.micros - r.fields.time.micros == r.fields.duration_us);
      CHECK(r.fields.tx_boundary == TxBoundary::kUnknown);
    }
    CHECK((log.counts.incomplete == std::vector<std::string>{"no-session", "no-transaction-boundaries"}));
    CHECK_FALSE(log.counts.sampled);
  }
}

TEST_CASE("gorm: at Warn the log is a sample, and placeholders without values are said to be so") {
  const KeptLog warn = keep_log(fixture("gorm/warn.log"), "gorm");
  CHECK(warn.counts.sampled);
  CHECK(warn.statements().size() == 10);
  CHECK((warn.counts.incomplete == std::vector<std::string>{"no-session", "no-transaction-boundaries", "sampled"}));
  const KeptLog bare = keep_log(fixture("gorm/parameterized.log"), "gorm");
  CHECK(bare.statements().size() == 19);
  CHECK((bare.counts.incomplete == std::vector<std::string>{"no-parameters", "no-session", "no-transaction-boundaries"}));
}

TEST_CASE("gorm: forms of an entry") {
  struct Case {
    std::string text, sql, code;
    int64_t rows, micros;
    bool failed;
  };
  const Case cases[] = {
      {kHeader + "[0.543ms] [rows:1] SELECT 1\n", "SELECT 1", "", 1, 543, false},
      {kHeader + "[1200.001ms] [rows:-] SELECT 1\n", "SELECT 1", "", -1, 1200001, false},
      {"/app/main.go:42 [0.543ms] [rows:3] SELECT 1\n", "SELECT 1", "", 3, 543, false},
      {"2026/11/20 14:37:19 /app/main.go:42 SLOW SQL >= 200ms\n[250.000ms] [rows:3] SELECT 1\n", "SELECT 1", "", 3, 250000, false},
      {"2026/11/20 14:37:19 /app/main.go:42 ERROR: duplicate key value violates unique constraint \"a_k\" (SQLSTATE 23505)\n[2.000ms] "
       "[rows:0] INSERT INTO a "
       "VALUES (1)\n",
       "INSERT INTO a VALUES (1)", "23505", 0, 2000, true},
      {"2026/11/20 14:37:19 /app/main.go:42 Error 1213 (40001): Deadlock found\nwhen trying to get lock\n[2.000ms] [rows:0] UPDATE a SET b "
       "= 1\n",
       "UPDATE a SET b = 1", "1213", 0, 2000, true},
      {kHeader + "[0.543ms] [rows:1] INSERT INTO a VALUES ('x\n\n[1.000ms] [rows:1] DELETE FROM a')\n" + kHeader + "[info] hello\n",
       "INSERT INTO a VALUES ('x\n\n[1.000ms] [rows:1] DELETE FROM a')", "", 1, 543, false},
      {kHeader + "[0.543ms] [rows:1] SELECT a\nFROM b\n\nWHERE c = 1\n\r\n2026/11/20 14:37:20 listening\n",
       "SELECT a\nFROM b\n\nWHERE c = 1", "", 1, 543, false},
      {kHeader + "[0.543ms] [rows:1] SELECT 1\nOrder 5 was placed\n", "SELECT 1", "", 1, 543, false},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const std::vector<KeptRecord> s = keep_log(c.text, "gorm").statements();
    REQUIRE(s.size() == 1);
    CHECK(s[0].sql == c.sql);
    CHECK(s[0].fields.rows == c.rows);
    CHECK(s[0].fields.duration_us == c.micros);
    CHECK(s[0].fields.has_error == c.failed);
    CHECK(s[0].error_code == c.code);
    CHECK_FALSE(s[0].fields.truncated);
  }
}

TEST_CASE("gorm: a statement cut in a literal does not swallow the log") {
  std::string text = kHeader + "[0.543ms] [rows:1] INSERT INTO a VALUES ('never closed\n";
  for (int i = 0; i < 200; ++i) text += kHeader + "[0.543ms] [rows:1] SELECT " + std::to_string(i) + "\n";
  const KeptLog log = keep_log(text, "gorm");
  CHECK(log.statements().size() == 201);
  CHECK(log.counts.truncated_statements == 1);
}

TEST_CASE("gorm: other lines of JSON and key=value loggers are not GORM's") {
  for (const char* line :
       {"{\"level\":\"info\",\"msg\":\"request\",\"elapsed\":0.5,\"rows\":1}\n", "{\"sql\":\"SELECT 1\",\"session\":\"4\"}\n",
        "time=2026-11-20T14:37:19Z level=INFO msg=\"served\" query=\"a=b\" duration=1ms\n", "[0.543ms] SELECT 1\n"}) {
    INFO(line);
    CHECK(find_format("gorm")->score(line, {}) == 0);
    CHECK(keep_log(line, "gorm").statements().empty());
  }
}

TEST_CASE("gorm: damaged logs", "[slow]") {
  for (const std::string& name : fixture_names("gorm")) {
    INFO(name);
    const std::string bytes = fixture(name);
    check_app_cuts(bytes, "gorm", 4096);
    check_damage(bytes, "gorm", 40, two_records_a_line);
    check_dos_lines(bytes, "gorm", true);
  }
  const std::string big(10 << 20, 'x');
  const KeptLog log = keep_log(kHeader + "[0.543ms] [rows:1] SELECT '" + big + "'\n" + kHeader + "[0.543ms] [rows:1] SELECT 2\n", "gorm");
  REQUIRE(log.statements().size() == 2);
  CHECK(log.statements()[0].sql.size() == big.size() + 9);
}

}  // namespace dbaudit
