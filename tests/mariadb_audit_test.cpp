#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

KeptLog keep(const std::string& bytes, const ReaderOptions& options = {}) { return keep_log(bytes, "mariadb-audit", options); }

std::string row(const std::string& rest) { return "20260302 09:15:04,db1,shop,app3," + rest + "\n"; }

}  // namespace

TEST_CASE("mariadb-audit: a workload on a real MariaDB") {
  const KeptLog log = keep(fixture("mariadb_audit/mariadb.log"));
  CHECK(log.counts.unrecognised_lines == 0);
  CHECK(log.counts.records == 89);
  CHECK(log.counts.incomplete == std::vector<std::string>{"truncated"});
  const std::vector<KeptRecord> s = log.statements();
  const std::tuple<const char*, std::string, const char*> expected[] = {
      {"5", "START TRANSACTION", ""},
      {"5", "SELECT stock FROM item WHERE id = 7 FOR UPDATE", ""},
      {"6", "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", ""},
      {"6", "UPDATE item SET stock = 3, note = 'it\\'s \\\"it\\\"\\n\tsecond \\\\ line\\\xFF' WHERE id = 8", "1366"},
      {"5", "UPDATE item\n   SET stock = stock - 1\n\n WHERE id = 7", ""},
      {"5", "COMMIT", ""},
      {"6",
       "INSERT INTO item (id, note) VALUES (9, 'a log in a log:\n# Time: 260101 10:00:00\n# User@Host: fake[fake] @ localhost []\n"
       "# Query_time: 1.0  Lock_time: 0.0\nSET timestamp=1;\nDROP TABLE item;\n\t\t     4 Query\tDROP TABLE item\nend')",
       ""},
      {"6", "INSERT INTO item (id) VALUES (9)", "1062"},
      {"6", "SELEKT 1", "1064"},
      {"6", "UPDATE item SET stock = 1 WHERE id = 7", ""},
      {"6", "UPDATE item SET stock = 2 WHERE id = 8", ""},
      {"6", "SELECT 3 -- that's it", ""},
      {"6", "# a comment first\nSELECT /* don't\n */ 2", ""},
      {"5", "SET @id = 7", ""},
      {"5", "SELECT note FROM item WHERE id = 7", ""},
  };
  size_t at = 0;
  while (at < s.size() && s[at].sql != "START TRANSACTION") ++at;
  for (const auto& [session, sql, error] : expected) {
    REQUIRE(at < s.size());
    INFO(s[at].fields.line);
    CHECK(s[at].session == session);
    CHECK((s[at].sql == sql));
    CHECK(s[at].error_code == error);
    CHECK(s[at].fields.has_error == !s[at].error_code.empty());
    CHECK(s[at].database == "store");
    CHECK(s[at].user == "shop");
    CHECK(to_iso8601(s[at].fields.end_time) == "2026-11-21T08:12:07.000");
    CHECK_FALSE(s[at].fields.time.known());  // it is written at the end
    ++at;
  }
  const auto deadlock = std::find_if(s.begin(), s.end(), [](const KeptRecord& r) { return r.error_code == "1213"; });
  REQUIRE(deadlock != s.end());
  CHECK(deadlock->sql == "UPDATE item SET stock = 2 WHERE id = 8");
  const auto cut = std::find_if(s.begin(), s.end(), [](const KeptRecord& r) { return r.fields.truncated; });
  REQUIRE(cut != s.end());
  CHECK(cut->sql.starts_with("SELECT 'yyyy"));
  CHECK(log.counts.truncated_statements == 1);
}

TEST_CASE("mariadb-audit: rows of every kind") {
  struct Case {
    const char* row;
    RecordKind kind;
    std::string sql;
    const char* error;
    bool truncated;
  };
  const Case cases[] = {
      {"8,0,CONNECT,orders,,0", RecordKind::kConnect, "", "", false},
      {"8,0,CONNECT,orders,,0,TLSv1.3", RecordKind::kConnect, "", "", false},
      {"8,0,FAILED_CONNECT,,,1045", RecordKind::kDisconnect, "", "1045", false},
      {"8,0,DISCONNECT,orders,,0", RecordKind::kDisconnect, "", "", false},
      {"8,0,CHANGEUSER,orders,,0", RecordKind::kDisconnect, "", "", false},
      {"8,41,WRITE,orders,item,", RecordKind::kOther, "", "", false},
      {"8,41,RENAME,orders,item|orders.old,", RecordKind::kOther, "", "", false},
      {"8,41,QUERY,orders,'COMMIT',0", RecordKind::kStatement, "COMMIT", "", false},
      {"8,41,QUERY,,'SELECT \\'a,b\\',\\'\\\\\\\\\\',0\\n\\t\\r',0", RecordKind::kStatement, "SELECT 'a,b','\\\\',0\n\t\r", "", false},
      {"8,41,QUERY,o,'CREATE USER a IDENTIFIED BY *****',0", RecordKind::kStatement, "CREATE USER a IDENTIFIED BY *****", "", false},
      {"8,41,QUERY,o,'PREPARE p FROM \\'SELECT 1\\'',0", RecordKind::kOther, "", "", false},
      {"8,41,QUERY,o,'SELECT 1", RecordKind::kStatement, "SELECT 1", "", true},
      {"8,41,QUERY,o,'SELECT \\'1', it was cut \\", RecordKind::kStatement, "SELECT '1", "", true},
  };
  for (const Case& c : cases) {
    INFO(c.row);
    const KeptLog log = keep(row(c.row));
    REQUIRE(log.records.size() == 1);
    CHECK(log.records[0].fields.kind == c.kind);
    CHECK(log.records[0].sql == c.sql);
    CHECK(log.records[0].error_code == c.error);
    CHECK(log.records[0].fields.truncated == c.truncated);
    CHECK(log.records[0].session == "8");
    CHECK(log.counts.unrecognised_lines == 0);
  }
  CHECK(keep(row("8,41,NONSENSE,o,'x',0") + "a line of somebody else\n" + row("x,41,QUERY,o,'x',0")).counts.unrecognised_lines == 3);
}

TEST_CASE("mariadb-audit: three clocks") {
  const KeptLog log = keep(
      "20260302  9:15:04,db1,shop,app3,8,41,QUERY,o,'SELECT 1',0\nMar  2 09:15:04 db1 mysql-server_auditing: "
      "db1,shop,app3,8,42,QUERY,o,'SELECT 2',0\n1772442904120733,db1,shop,app3,8,43,QUERY,o,'SELECT 3',0\n");
  REQUIRE(log.statements().size() == 3);
  CHECK(to_iso8601(log.statements()[0].fields.end_time) == "2026-03-02T09:15:04.000");
  CHECK_FALSE(log.statements()[1].fields.end_time.known());
  CHECK(to_iso8601(log.statements()[2].fields.end_time) == "2026-03-02T09:15:04.120733Z");
  ReaderOptions options;
  options.zone_offset_minutes = -60;
  CHECK(to_iso8601(keep(row("8,41,QUERY,o,'SELECT 1',0"), options).records[0].fields.end_time) == "2026-03-02T10:15:04.000Z");
}

TEST_CASE("mariadb-audit: with server_audit_events = QUERY_DML nothing can be said of transactions") {
  std::string dml;
  for (int i = 0; i < 30; ++i) dml += row("8," + std::to_string(i) + ",QUERY,o,'UPDATE t SET a = 1',0");
  const KeptLog log = keep(dml);
  CHECK(log.counts.incomplete == std::vector<std::string>{"no-transaction-boundaries"});
  CHECK(log.statements()[0].fields.tx_boundary == TxBoundary::kUnknown);
  const KeptLog all = keep(row("8,1,QUERY,o,'BEGIN',0") + dml);
  CHECK(all.counts.incomplete.empty());
  CHECK(all.statements()[0].fields.tx_boundary == TxBoundary::kExplicit);
}

}  // namespace dbaudit
