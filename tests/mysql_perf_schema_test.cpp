#include <map>

#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

KeptLog keep(const std::string& bytes) { return keep_log(bytes, "mysql-perf-schema"); }

}  // namespace

TEST_CASE("mysql-perf-schema: a dump in the order of its ring is put in the order of time") {
  const KeptLog log = keep(fixture("mysql_perf_schema/mysql8.log"));
  CHECK(log.counts.records == 10);
  CHECK(log.counts.unrecognised_lines == 0);
  CHECK(log.counts.incomplete == std::vector<std::string>{"no-parameters"});
  struct Expected {
    uint64_t line;
    const char *session, *sql, *txid, *error;
    Protocol protocol;
    TxState state;
    int64_t rows;
  };
  const Expected expected[] = {
      {10, "48", "BEGIN", "", "", Protocol::kSimple, TxState::kIdle, 0},
      {6, "47", "SELECT stock FROM item WHERE id = ?", "", "", Protocol::kExtended, TxState::kIdle, 1},
      {7, "47", "CALL take(17)", "", "", Protocol::kSimple, TxState::kIdle, 1},
      {8, "47", "UPDATE item SET stock = stock - 1 WHERE id = 17", "", "", Protocol::kUnknown, TxState::kUnknown, 1},
      {2, "48", "UPDATE item SET note = 'two\nlines\\n' WHERE id = 17", "48:8", "", Protocol::kSimple, TxState::kInTransaction, 1},
      {3, "48", "COMMIT", "48:8", "", Protocol::kSimple, TxState::kInTransaction, 0},
      {11, "47", "INSERT INTO item (id) VALUES (17)", "", "1062", Protocol::kSimple, TxState::kIdle, 0},
  };
  const std::vector<KeptRecord> s = log.statements();
  REQUIRE(s.size() == std::size(expected));
  for (size_t i = 0; i < s.size(); ++i) {
    const Expected& e = expected[i];
    INFO(i);
    CHECK(s[i].fields.line == e.line);
    CHECK(s[i].session == e.session);
    CHECK(s[i].sql == e.sql);
    CHECK(s[i].txid == e.txid);
    CHECK(s[i].error_code == e.error);
    CHECK(s[i].fields.has_error == !s[i].error_code.empty());
    CHECK(s[i].fields.protocol == e.protocol);
    CHECK(s[i].fields.tx_state == e.state);
    CHECK(s[i].fields.rows == e.rows);
    CHECK(s[i].fields.tx_boundary == TxBoundary::kExplicit);
    CHECK_FALSE(s[i].fields.has_params);
  }
  CHECK(s[6].error_message == "Duplicate entry '17' for key 'item.PRIMARY'");
  CHECK(s[4].fields.time.micros == 30);
  CHECK(s[4].fields.end_time.micros == 39);
  CHECK(s[4].fields.duration_us == 9);
  CHECK(log.records[8].fields.kind == RecordKind::kDisconnect);
}

TEST_CASE("mysql-perf-schema: statements and transactions of a real MariaDB in one file") {
  const std::string bytes = fixture("mysql_perf_schema/mariadb.log");
  const Format* format = find_format("mysql-perf-schema");
  auto reader = format->open(std::make_unique<Lines>(memory_source(bytes)), {});
  LogRecord r;
  std::map<std::string, std::string> state_of;  // of the transaction a statement is in
  std::vector<std::string> sqls;
  while (reader->next(r)) {
    if (r.kind != RecordKind::kStatement) continue;
    sqls.emplace_back(r.sql);
    std::string state, level;
    for (const Tag& tag : r.tags) {
      if (tag.name == "transaction") state = tag.value;
      if (tag.name == "isolation_level") level = tag.value;
    }
    CHECK(state.empty() == r.txid.empty());
    state_of[std::string(r.sql)] = state + (state.empty() ? "" : "/") + level;
  }
  CHECK(reader->counts().statements == 42);
  // Both updated twice, in different order. The first to wait was rolled back, and its COMMIT is in no transaction.
  CHECK(state_of["UPDATE item SET stock = 2 WHERE id = 8"] == "ROLLED BACK/REPEATABLE READ");
  CHECK(state_of["UPDATE item SET stock = 2\n WHERE id = 7 -- it's a trap"] == "COMMITTED/READ COMMITTED");
  CHECK(state_of["SELECT stock FROM item WHERE id = 7 FOR UPDATE"] == "COMMITTED/REPEATABLE READ");
  // A packet of three, each with the text of the rest: three statements.
  const auto at = std::find(sqls.begin(), sqls.end(), "SELEKT 1");
  REQUIRE(sqls.end() - at > 4);
  CHECK(at[1] == "UPDATE item SET stock = 1 WHERE id = 7");
  CHECK(at[2] == "UPDATE item SET stock = 2 WHERE id = 8");
  CHECK(at[3] == "SELECT 3 -- that's it");
  CHECK(std::find(sqls.begin(), sqls.end(), "PREPARE get FROM 'SELECT note FROM item WHERE id = ?'") == sqls.end());
}

TEST_CASE("mysql-perf-schema: what MariaDB runs without telling its text is a statement unknown") {
  const KeptLog log = keep(
      "THREAD_ID\tEVENT_ID\tEVENT_NAME\tTIMER_START\tSQL_TEXT\tROWS_AFFECTED\tROWS_SENT\n"
      "24\t41\tstatement/com/Prepare\t1000000\tNULL\t0\t0\n"
      "24\t47\tstatement/com/Execute\t2000000\tNULL\t0\t3\n"
      "24\t53\tstatement/sql/select\t3000000\tSELECT 'long...\t0\t1\n"
      "no row\n");
  REQUIRE(log.statements().size() == 2);
  CHECK(log.statements()[0].fields.sql_unknown);
  CHECK(log.statements()[0].fields.rows == 3);
  CHECK(log.statements()[1].fields.truncated);
  CHECK_FALSE(log.statements()[1].fields.end_time.known());
  CHECK(log.counts.unrecognised_lines == 1);
  CHECK(log.counts.incomplete == std::vector<std::string>{"no-parameters", "truncated"});
}

TEST_CASE("mysql-perf-schema: transactions alone, CSV, and no clock") {
  const KeptLog transactions =
      keep("THREAD_ID,EVENT_ID,STATE,TIMER_START,TIMER_WAIT,ISOLATION_LEVEL\n47,13,\"ROLLED BACK\",9400000,2000000,REPEATABLE READ\n");
  REQUIRE(transactions.records.size() == 1);
  CHECK(transactions.records[0].fields.kind == RecordKind::kOther);
  CHECK(transactions.records[0].txid == "47:13");
  CHECK(transactions.records[0].fields.duration_us == 2);
  CHECK(transactions.counts.incomplete.empty());
  const KeptLog bare = keep("THREAD_ID,EVENT_ID,SQL_TEXT\n2,1,\"SELECT \"\"a\"\",\n 1\"\n1,2,SELECT 2\n1,1,SELECT 1\n");
  REQUIRE(bare.statements().size() == 3);
  CHECK(bare.statements()[0].sql == "SELECT \"a\",\n 1");
  CHECK(bare.statements()[1].sql == "SELECT 1");
  CHECK(bare.counts.incomplete == std::vector<std::string>{"no-parameters", "no-time"});
}

}  // namespace dbaudit
