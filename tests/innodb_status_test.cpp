#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

KeptLog keep(const std::string& bytes) { return keep_log(bytes, "innodb-status"); }

}  // namespace

TEST_CASE("innodb-status: one deadlock of a real MariaDB, in three forms") {
  for (const char* name : {"mariadb_vertical.log", "mariadb_batch.log", "mariadb_error.log"}) {
    INFO(name);
    const KeptLog log = keep(fixture(std::string("innodb_status/") + name));
    REQUIRE(log.records.size() == 3);
    CHECK(log.counts.statements == 2);
    CHECK(log.counts.sampled);
    CHECK(log.counts.incomplete == std::vector<std::string>{"no-transaction-boundaries", "sampled"});
    CHECK(log.records[0].sql == "UPDATE item SET stock = 2\n WHERE id = 7 -- it's a trap");
    CHECK(log.records[0].session == "6");
    CHECK(log.records[0].txid == "35");
    CHECK(log.records[0].user == "shop");
    CHECK(log.records[1].sql == "UPDATE item SET stock = 2 WHERE id = 8");
    CHECK(log.records[1].session == "5");
    // The second was rolled back: its error is that statement's.
    CHECK(log.records[2].fields.kind == RecordKind::kError);
    CHECK(log.records[2].session == "5");
    CHECK(log.records[2].txid == "34");
    CHECK(log.records[2].error_code == "1213");
    CHECK(log.records[2].fields.attaches);
    CHECK(log.records[2].fields.about_line == log.records[1].fields.line);
    CHECK(to_iso8601(log.records[2].fields.end_time).substr(0, 16) == "2026-11-21T08:12");
    for (const KeptRecord& r : log.records) CHECK(r.fields.tx_boundary == TxBoundary::kUnknown);
    // `mysql --batch` has the whole report on its second line.
    if (std::string_view(name) == "mariadb_batch.log") CHECK(log.records[0].fields.line == 2);
  }
}

TEST_CASE("innodb-status: the error log of MySQL 8, a report inside a literal") {
  const KeptLog log = keep(fixture("innodb_status/mysql8_error.log"));
  REQUIRE(log.records.size() == 3);
  CHECK(log.records[0].sql == "UPDATE item SET note = 'a\n*** (2) TRANSACTION:\nTRANSACTION 1, ACTIVE 0 sec\nb' WHERE id = 17");
  CHECK(log.records[1].sql == "UPDATE item SET note = 'c' WHERE id = 18");
  CHECK(log.records[1].user == "shop");
  CHECK(log.records[2].session == "9");
  CHECK(log.records[2].fields.attaches);
  CHECK(to_iso8601(log.records[2].fields.end_time) == "2026-03-02T10:00:01.250050Z");
}

TEST_CASE("innodb-status: without the lines of stars nobody is named the victim") {
  const KeptLog log = keep(fixture("innodb_status/mysql9_terse_error.log"));
  REQUIRE(log.records.size() == 8);  // two deadlocks of the same two threads
  const char* sessions[] = {"8", "9", "8", "9"};
  const char* sqls[] = {"UPDATE item SET stock = 2\n WHERE id = 18", "DELETE FROM item WHERE id = 17",
                        "UPDATE item SET stock = 2 WHERE id = 18", "UPDATE item SET stock = 2 WHERE id = 17"};
  for (size_t i = 0; i < 4; ++i) {
    const KeptRecord& error = log.records[2 * i];
    const KeptRecord& statement = log.records[2 * i + 1];
    CHECK(error.fields.kind == RecordKind::kError);
    CHECK_FALSE(error.fields.attaches);
    CHECK(error.error_code == "1213");
    CHECK(error.session == sessions[i]);
    CHECK(statement.sql == sqls[i]);
    CHECK(statement.session == sessions[i]);
    CHECK_FALSE(statement.fields.has_error);
    // The only clock in sight is that of the line before, which is not of the deadlock.
    CHECK_FALSE(statement.fields.end_time.known());
  }
  for (size_t i = 1; i < log.records.size(); ++i) CHECK(log.records[i - 1].fields.line < log.records[i].fields.line);
}

TEST_CASE("innodb-status: the list of transactions is no deadlock") {
  const char* status =
      "=====================================\n2026-03-02 09:15:04 0x7f01 INNODB MONITOR OUTPUT\n"
      "------------\nTRANSACTIONS\n------------\nLIST OF TRANSACTIONS FOR EACH SESSION:\n"
      "---TRANSACTION 4711, ACTIVE 2 sec\n1 lock struct(s), heap size 1128, 0 row lock(s)\n"
      "MySQL thread id 8, OS thread handle 139651, query id 41 app3 10.0.3.9 shop updating\nUPDATE item SET stock = 2\n"
      "---TRANSACTION 4712, ACTIVE 2 sec\nMySQL thread id 9, OS thread handle 139652, query id 42 app3 10.0.3.9 shop\n";
  CHECK(keep(status).records.empty());
  CHECK(detect_format(status, {}) == find_format("innodb-status"));
}

TEST_CASE("innodb-status: a statement cut at full length may end in an open quote") {
  std::string report =
      "*** (1) TRANSACTION:\nTRANSACTION 0 91, ACTIVE 0 sec starting index read\n"
      "MySQL thread id 8, OS thread handle 13911, query id 41 10.0.3.9 shop updating\nUPDATE item SET note = '";
  report += std::string(3000, 'x') +
            "\n*** (2) TRANSACTION:\nTRANSACTION 0 90, ACTIVE 1 sec\nMySQL thread id 9, OS thread handle 13912, query id 40 localhost shop "
            "updating\nDELETE FROM item\n*** WE ROLL BACK TRANSACTION (1)\n";
  const KeptLog log = keep(report);
  REQUIRE(log.records.size() == 3);
  CHECK(log.records[0].fields.truncated);
  CHECK(log.records[0].txid == "0 91");
  CHECK(log.records[0].user == "shop");
  CHECK(log.records[1].sql == "DELETE FROM item");
  CHECK(log.records[1].user == "shop");
  CHECK(log.records[2].session == "8");
  CHECK(log.counts.incomplete.back() == "truncated");
}

}  // namespace dbaudit
