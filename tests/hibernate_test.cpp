// Hibernate's loggers. The fixtures are runs of one Spring Boot program on H2: Hibernate 5.6 (boot2), 6.6 (boot3) and 7.1 (boot4).

#include <map>
#include "analyzers/log/formats/hibernate_message.h"

#include "tests/app_logs_test.h"

namespace dbaudit {
namespace {

std::string sql_line(const std::string& thread, const std::string& sql) {
  return "2026-11-20T14:37:19.072Z DEBUG 7 --- [" + thread + "] org.hibernate.SQL : " + sql + "\n";
}
std::string bind_line(const std::string& thread, const std::string& bind) {
  return "2026-11-20T14:37:19.073Z TRACE 7 --- [" + thread + "] org.hibernate.orm.jdbc.bind : binding parameter " + bind + "\n";
}
std::string line(const std::string& thread, const std::string& logger, const std::string& message) {
  return "2026-11-20T14:37:19.074Z DEBUG 7 --- [" + thread + "] " + logger + " : " + message + "\n";
}
const std::string kTransaction = "o.h.e.t.internal.TransactionImpl", kManager = "o.s.orm.jpa.JpaTransactionManager",
                  kHelper = "o.h.engine.jdbc.spi.SqlExceptionHelper";

std::vector<std::string> told(const std::string& text) {
  std::vector<std::string> out;
  for (const KeptRecord& r : keep_log(text, "hibernate").statements()) {
    std::string s = r.session + " " + r.sql;
    for (const auto& p : r.params) s += "|" + p.value_or("<null>");
    if (r.fields.has_error) s += " !" + r.error_code;
    out.push_back(s);
  }
  return out;
}

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("hibernate: the fixtures are its own, and every statement has its parameters") {
  size_t logs = 0;
  for (const std::string& name : fixture_names("hibernate")) {
    INFO(name);
    ++logs;
    const std::string bytes = fixture(name);
    const Format* format = detect_format(bytes, {});
    REQUIRE(format != nullptr);
    CHECK(format->name == "hibernate");
    const KeptLog log = keep_log(bytes, "hibernate");
    CHECK(log.counts.unrecognised_lines == 0);
    const std::vector<KeptRecord> s = log.statements();
    bool has_value = false;
    for (size_t i = 0; i < s.size(); ++i) {
      INFO(s[i].sql);
      CHECK(s[i].sql.find('\x1b') == std::string::npos);
      const size_t marks = static_cast<size_t>(std::count(s[i].sql.begin(), s[i].sql.end(), '?'));
      // The fixtures are cut behind 16 KB.
      if (i + 10 < s.size() && name != "hibernate/show_sql.log") CHECK(s[i].params.size() == marks);
      for (const auto& p : s[i].params) {
        has_value = has_value || p == "line one\n2026-11-20T14:37:19.123Z DEBUG 1 --- [main] org.hibernate.SQL : delete from acct] - [x";
      }
      CHECK(s[i].sql.find("delete from acct") == std::string::npos);
    }
    CHECK(has_value);
  }
  CHECK(logs == 9);
}

TEST_CASE("hibernate: one transaction a time on a thread, in every version's words") {
  for (const char* name : {"boot2_transactions", "boot3_formatted", "boot4_trace", "logstash", "logback"}) {
    INFO(name);
    std::map<std::string, bool> open;
    size_t commits = 0;
    const KeptLog log = keep_log(fixture("hibernate/" + std::string(name) + ".log"), "hibernate");
    for (const KeptRecord& r : log.statements()) {
      CHECK(r.fields.tx_boundary == TxBoundary::kExplicit);
      bool& in = open[r.session];
      if (r.sql.starts_with("BEGIN")) {
        CHECK_FALSE(in);
        in = true;
      } else if (r.sql == "COMMIT" || r.sql == "ROLLBACK") {
        CHECK(in);
        in = false;
        ++commits;
      } else if (!r.sql.starts_with("drop") && !r.sql.starts_with("create")) {
        CHECK(in);  // the flush's statements come before the COMMIT, though `committing` was logged before them
      }
    }
    CHECK(commits > 0);
  }
}

TEST_CASE("hibernate: parameters") {
  CHECK((told(sql_line("a", "select ?, ?") + bind_line("a", "(1:BIGINT) <- [1]") + bind_line("a", "(2:VARCHAR) <- [null]")) ==
         Told{"7:a select ?, ?|1|<null>"}));
  CHECK((told(sql_line("a", "select ?") + sql_line("b", "delete ?") + bind_line("b", "(1:BIGINT) <- [2]") +
              bind_line("a", "(1:BIGINT) <- [1]")) == Told{"7:a select ?|1", "7:b delete ?|2"}));
  CHECK((told(sql_line("a", "insert ?, ?") + bind_line("a", "[1] as [VARCHAR] - [x]") + bind_line("a", "[2] as [VARCHAR] - <null>") +
              bind_line("a", "[1] as [VARCHAR] - y") + bind_line("a", "[2] as [VARCHAR] - [a] - [b]")) ==
         Told{"7:a insert ?, ?|x|<null>", "7:a insert ?, ?|y|a] - [b"}));
  CHECK((told(sql_line("a", "select ?") + bind_line("a", "(1:VARCHAR) <- [two\n\nlines\n]x]") + sql_line("a", "select 2")) ==
         Told{"7:a select ?|two\n\nlines\n]x", "7:a select 2"}));
  const KeptLog log =
      keep_log(sql_line("a", "select ?, ?") + bind_line("a", "(1:BIGINT) <- [1]") + bind_line("a", "(2:VARCHAR) <- [1]"), "hibernate");
  CHECK(log.counts.incomplete == std::vector<std::string>{"no-transaction-boundaries"});
  CHECK((keep_log(sql_line("a", "select ?"), "hibernate").counts.incomplete ==
         std::vector<std::string>{"no-parameters", "no-transaction-boundaries"}));
}

TEST_CASE("hibernate: transactions") {
  const std::string begin = line("a", kTransaction, "begin"), commit = line("a", kTransaction, "committing"),
                    select = sql_line("a", "select 1"), update = sql_line("a", "update x"),
                    rollback = line("a", kTransaction, "rolling back"),
                    spring = line("a", kManager,
                                  "Creating new transaction with name [S.m]: PROPAGATION_REQUIRED,ISOLATION_REPEATABLE_READ,readOnly"),
                    spring_commit = line("a", kManager, "Initiating transaction commit"),
                    closing = line("a", kManager, "Closing JPA EntityManager [SessionImpl(1<open>)] after transaction");
  CHECK((told(begin + select + commit + update + begin + select + rollback) ==
         Told{"7:a BEGIN", "7:a select 1", "7:a update x", "7:a COMMIT", "7:a BEGIN", "7:a select 1", "7:a ROLLBACK"}));
  CHECK((told(spring + begin + select + spring_commit + commit + update + closing) ==
         Told{"7:a BEGIN ISOLATION LEVEL REPEATABLE READ", "7:a select 1", "7:a update x", "7:a COMMIT"}));
  CHECK((told(spring + select + line("a", kManager, "Initiating transaction rollback") + rollback + closing + spring + select +
              spring_commit) == Told{"7:a BEGIN ISOLATION LEVEL REPEATABLE READ", "7:a select 1", "7:a ROLLBACK",
                                     "7:a BEGIN ISOLATION LEVEL REPEATABLE READ", "7:a select 1", "7:a COMMIT"}));
  // A flush that fails.
  CHECK((told(begin + commit + update + line("a", kHelper, "SQL Error: 1062, SQLState: 23000") + line("a", kHelper, "Duplicate entry '1'") +
              begin) == Told{"7:a BEGIN", "7:a update x !1062", "7:a ROLLBACK", "7:a BEGIN"}));
  // REQUIRES_NEW: two transactions of one thread.
  CHECK(
      (told(spring + select + line("a", kManager, "Suspending current transaction, creating new transaction with name [S.n]") + begin +
            update + spring_commit + commit + line("a", kManager, "Resuming suspended transaction after completion of inner transaction") +
            select + spring_commit + closing) == Told{"7:a BEGIN ISOLATION LEVEL REPEATABLE READ", "7:a select 1", "7:a#2 BEGIN",
                                                      "7:a#2 update x", "7:a#2 COMMIT", "7:a select 1", "7:a COMMIT"}));
  // A commit whose thread is not heard of again is over some time later, not at the end of the log.
  std::string others;
  for (int i = 0; i < 600; ++i) others += sql_line("b", "select " + std::to_string(i));
  const std::vector<KeptRecord> s = keep_log(begin + update + commit + others, "hibernate").statements();
  const auto at = std::find_if(s.begin(), s.end(), [](const KeptRecord& r) { return r.sql == "COMMIT"; });
  REQUIRE(at != s.end());
  CHECK(at - s.begin() < 400);
}

TEST_CASE("hibernate: errors belong to the thread's last statement") {
  const std::string code = line("a", kHelper, "SQL Error: 0, SQLState: 40001"), text = line("a", kHelper, "could not serialize\nDetail: x");
  CHECK((told(sql_line("a", "update x") + sql_line("b", "update y") + code + text + code + text) ==
         Told{"7:a update x !40001", "7:b update y"}));
  CHECK((told(sql_line("a", "update x") + line("a", "org.hibernate.orm.jdbc.error", "HHH000247: ErrorCode: 1213, SQLState: 40001") +
              line("a", "org.hibernate.orm.jdbc.error", "Deadlock found")) == Told{"7:a update x !40001"}));
  CHECK((told(sql_line("a", "update x") + line("a", kHelper, "SQL Warning Code: 0, SQLState: 00000") + line("a", kHelper, "a notice")) ==
         Told{"7:a update x"}));
  // Long after its statement the error is a record of its own.
  std::string others;
  for (int i = 0; i < 600; ++i) others += sql_line("b", "select 1");
  const KeptLog log = keep_log(sql_line("a", "update x") + others + code + text, "hibernate");
  REQUIRE(log.records.back().fields.kind == RecordKind::kError);
  CHECK(log.records.back().fields.attaches);
  CHECK(log.records.back().fields.about_line == 1);
  CHECK(log.records.back().error_message == "could not serialize\nDetail: x");
}

TEST_CASE("hibernate: statements of several lines and lines of others") {
  CHECK((told(sql_line("a", "select 'x\n2026-11-20T14:37:19.072Z DEBUG 7 --- [a] org.hibernate.SQL : delete from acct\n' from y")) ==
         Told{"7:a select 'x\n2026-11-20T14:37:19.072Z DEBUG 7 --- [a] org.hibernate.SQL : delete from acct\n' from y"}));
  const KeptLog log =
      keep_log(sql_line("a", "select 1") + "Order 5 was placed\n" + sql_line("a", "select a\nfrom b\nwhere c = 1"), "hibernate");
  REQUIRE(log.statements().size() == 2);
  CHECK(log.statements()[0].sql == "select 1");
  CHECK(log.statements()[1].sql == "select a\nfrom b\nwhere c = 1");
  CHECK(log.counts.unrecognised_lines == 1);
  // show_sql beside the logger prints everything twice.
  CHECK((told("Hibernate: select 1\n" + sql_line("a", "select 1")) == Told{"7:a select 1"}));
  std::string open = sql_line("a", "insert into x values ('never closed");
  for (int i = 0; i < 200; ++i) open += sql_line("a", "select " + std::to_string(i));
  CHECK(keep_log(open, "hibernate").statements().size() == 201);
}

TEST_CASE("hibernate: damaged logs", "[slow]") {
  for (const std::string& name : fixture_names("hibernate")) {
    INFO(name);
    const std::string bytes = fixture(name);
    check_app_cuts(bytes.substr(0, bytes.find('\n', 5000) + 1), "hibernate", 5000);
    check_damage(bytes, "hibernate", 25, two_records_a_line);
    if (name != "hibernate/logback.log") check_dos_lines(bytes, "hibernate", true);
  }
  const std::string big(10 << 20, 'x');
  const KeptLog log = keep_log(sql_line("a", "select '" + big + "'") + sql_line("a", "select 2"), "hibernate");
  REQUIRE(log.statements().size() == 2);
  CHECK(log.statements()[0].sql.size() == big.size() + 9);
}

}  // namespace dbaudit
