#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

KeptLog keep(const std::string& bytes, const ReaderOptions& options = {}) { return keep_log(bytes, "mysql-slow", options); }

std::string entry(const std::string& sql, const std::string& extra = {}, int id = 4) {
  return "# Time: 2026-03-02T09:15:04.120733Z\n# User@Host: shop[shop] @ app3 [10.0.3.9]  Id:     " + std::to_string(id) +
         "\n# Query_time: 0.000050  Lock_time: 0.000000 Rows_sent: 0  Rows_examined: 0\n" + extra + "SET timestamp=1772442904;\n" + sql +
         ";\n";
}

std::vector<std::string> sqls(const KeptLog& log) {
  std::vector<std::string> result;
  for (const KeptRecord& r : log.statements()) result.push_back(r.sql);
  return result;
}

struct Expected {
  const char* session;
  const char* database;
  std::string sql;
  int64_t rows;
};

// What two clients did on a real MariaDB, as its slow log and its table mysql.slow_log have it.
const std::vector<Expected>& workload() {
  static const std::vector<Expected> kWorkload = {
      {"5", "store", "CREATE TABLE item (id INT PRIMARY KEY, stock INT, note VARCHAR(4000), ver INT DEFAULT 0) ENGINE=InnoDB", 0},
      {"5", "store", "INSERT INTO item (id, stock, note) VALUES (7, 10, NULL), (8, 4, 'x')", 2},
      {"5", "store", "START TRANSACTION", 0},
      {"5", "store", "SELECT stock FROM item WHERE id = 7 FOR UPDATE", 1},
      {"6", "store", "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", 0},
      {"6", "store", "UPDATE item SET stock = 3, note = 'it\\'s \\\"it\\\"\\n\tsecond \\\\ line\\\xFF' WHERE id = 8", 0},
      {"5", "store", "UPDATE item\n   SET stock = stock - 1\n\n WHERE id = 7", 1},
      {"5", "store", "COMMIT", 0},
      {"6", "store",
       "INSERT INTO item (id, note) VALUES (9, 'a log in a log:\n# Time: 260101 10:00:00\n# User@Host: fake[fake] @ localhost []\n"
       "# Query_time: 1.0  Lock_time: 0.0\nSET timestamp=1;\nDROP TABLE item;\n\t\t     4 Query\tDROP TABLE item\nend')",
       1},
      {"6", "store", "INSERT INTO item (id) VALUES (9)", 0},
      {"6", "store", "SELEKT 1", 0},
      {"6", "store", "UPDATE item SET stock = 1 WHERE id = 7", 1},
      {"6", "store", "UPDATE item SET stock = 2 WHERE id = 8", 1},
      {"6", "store", "SELECT 3 -- that's it", 1},
      {"6", "store", "# a comment first\nSELECT /* don't\n */ 2", 1},
      {"5", "store", "SET @id = 7", 0},
      {"5", "store", "SELECT note FROM item WHERE id = 7", 1},  // PREPARE is none, EXECUTE one
      {"5", "store", "DEALLOCATE PREPARE get", 0},
      {"5", "store", "UPDATE item SET stock = 5, ver = ver + 1 WHERE id = 7 AND ver = 99", 0},
  };
  return kWorkload;
}

void check_workload(const KeptLog& log) {
  const std::vector<KeptRecord> all = log.statements();
  size_t at = 0;
  while (at < all.size() && all[at].sql != workload()[0].sql) ++at;
  for (const Expected& e : workload()) {
    REQUIRE(at < all.size());
    INFO(all[at].fields.line);
    CHECK(all[at].session == e.session);
    CHECK(all[at].database == e.database);
    CHECK((all[at].sql == e.sql));
    CHECK(all[at].fields.rows == e.rows);
    CHECK(all[at].user == "shop");
    CHECK(all[at].fields.tx_boundary == TxBoundary::kExplicit);
    CHECK(all[at].fields.duration_us >= 0);
    CHECK_FALSE(all[at].fields.has_error);  // MariaDB does not say
    ++at;
  }
}

}  // namespace

TEST_CASE("mysql-slow: a workload on a real MariaDB") {
  const KeptLog log = keep(fixture("mysql_slow/mariadb.log"));
  CHECK(log.counts.unrecognised_lines == 0);
  CHECK(log.counts.engine == Engine::kMariaDb);
  CHECK(log.counts.incomplete.empty());
  CHECK_FALSE(log.counts.sampled);
  check_workload(log);
  // The time is printed when its second changes, and is the end.
  const std::vector<KeptRecord> s = log.statements();
  CHECK(to_iso8601(s[1].fields.end_time) == "2026-11-21T08:12:07.000");
  CHECK(s[1].fields.end_time.tick == 1'000'000);
  for (const KeptRecord& r : s) CHECK(r.fields.time.micros == r.fields.end_time.micros - r.fields.duration_us);
}

TEST_CASE("mysql-slow: dumps of mysql.slow_log") {
  for (const char* name : {"mysql_slow/mariadb_table.log", "mysql_slow/mariadb_csv_engine.log"}) {
    INFO(name);
    const KeptLog log = keep(fixture(name));
    CHECK(log.counts.unrecognised_lines == 0);
    CHECK(log.counts.incomplete.empty());
    CHECK(log.statements().size() >= 45);
    CHECK(log.statements()[2].fields.end_time.tick == 1);
    CHECK_FALSE(log.statements()[2].fields.end_time.zone_known);
  }
  // Of what is not valid text the client made a question mark.
  KeptLog log = keep(fixture("mysql_slow/mariadb_table.log"));
  for (KeptRecord& r : log.records) {
    const size_t at = r.sql.find("line\\?'");
    if (at != std::string::npos) r.sql[at + 5] = '\xFF';
  }
  check_workload(log);
}

TEST_CASE("mysql-slow: MySQL with log_slow_extra") {
  const KeptLog log = keep(fixture("mysql_slow/mysql9_extra.log"));
  REQUIRE(log.records.size() == 3);
  CHECK(log.counts.incomplete.empty());
  CHECK(sqls(log) ==
        std::vector<std::string>{
            "BEGIN",
            "UPDATE item SET note = 'it\\'s\n# Time: 2026-01-01T00:00:00.000000Z\n# User@Host: fake[fake] @ fake [1.2.3.4]  Id: "
            "99\n' WHERE id = 17",
            "# a comment of the application\nSELECT 1"});
  CHECK(log.records[1].session == "8");
  CHECK(log.records[1].database == "orders");
  CHECK(log.records[1].fields.has_error);
  CHECK(log.records[1].error_code == "1213");
  CHECK(log.records[1].fields.rows == -1);  // rows sent say nothing of an UPDATE
  CHECK(log.records[2].fields.rows == 1);
  CHECK_FALSE(log.records[2].fields.has_error);
  CHECK(to_iso8601(log.records[1].fields.time) == "2026-03-02T09:15:04.170733Z");
  CHECK(to_iso8601(log.records[1].fields.end_time) == "2026-03-02T09:15:04.320733Z");
  CHECK(log.records[1].fields.line == 7);
}

TEST_CASE("mysql-slow: only what is slow: a sample") {
  const KeptLog log = keep(fixture("mysql_slow/mysql57.log"));
  REQUIRE(log.records.size() == 4);
  CHECK(log.counts.sampled);
  CHECK(log.counts.incomplete == std::vector<std::string>{"no-transaction-boundaries", "sampled"});
  CHECK(log.counts.engine == Engine::kMySql);
  const std::tuple<RecordKind, const char*, const char*, const char*, const char*> expected[] = {
      {RecordKind::kStatement, "8", "orders", "SELECT stock FROM item WHERE note LIKE '%x%'", "2026-03-02T09:15:02.120411Z"},
      {RecordKind::kStatement, "9", "orders", "INSERT INTO item (note) VALUES ('a;\n# administrator command: Quit;\nb')",
       "2026-03-02T09:15:07.500001Z"},
      {RecordKind::kStatement, "8", "orders", "SET timestamp=5", "2026-03-02T09:15:09.250Z"},
      {RecordKind::kDisconnect, "8", "stock", "", "2026-03-02T09:15:10.250Z"},
  };
  for (size_t i = 0; i < 4; ++i) {
    INFO(i);
    CHECK(log.records[i].fields.kind == std::get<0>(expected[i]));
    CHECK(log.records[i].session == std::get<1>(expected[i]));
    CHECK(log.records[i].database == std::get<2>(expected[i]));
    CHECK(log.records[i].sql == std::get<3>(expected[i]));
    CHECK(to_iso8601(log.records[i].fields.time) == std::get<4>(expected[i]));
    CHECK(log.records[i].fields.tx_boundary == TxBoundary::kUnknown);
  }
}

TEST_CASE("mysql-slow: Percona Server, rate limit and all") {
  const KeptLog log = keep(fixture("mysql_slow/percona.log"));
  REQUIRE(log.records.size() == 3);
  CHECK(log.counts.sampled);
  CHECK(log.counts.unrecognised_lines == 0);
  CHECK(log.records[0].txid == "1A88583F");
  CHECK(log.records[0].error_code == "1062");
  CHECK(log.records[0].database == "orders");
  CHECK(log.records[0].fields.tx_boundary == TxBoundary::kUnknown);  // half of the statements are missing
  CHECK(log.records[1].session == "69195");
  CHECK(log.records[1].database.empty());
  CHECK(log.records[1].txid.empty());
  CHECK_FALSE(log.records[1].fields.has_error);
  CHECK(to_iso8601(log.records[1].fields.end_time) == "2026-03-02T09:15:04.000");
  CHECK(log.records[2].session == "39796");
  CHECK(log.records[2].fields.rows == 2);
}

TEST_CASE("mysql-slow: commands of the protocol") {
  const std::pair<const char*, RecordKind> cases[] = {
      {"Quit", RecordKind::kDisconnect},    {"Change user", RecordKind::kDisconnect}, {"Reset Connection", RecordKind::kDisconnect},
      {"Ping", RecordKind::kOther},         {"Prepare", RecordKind::kOther},          {"Close stmt", RecordKind::kOther},
      {"Something New", RecordKind::kOther}};
  for (const auto& [name, kind] : cases) {
    INFO(name);
    const KeptLog log = keep(entry("# administrator command: " + std::string(name)) + entry("SELECT 1"));
    REQUIRE(log.records.size() == 2);
    CHECK(log.records[0].fields.kind == kind);
    CHECK(log.records[0].session == "4");
    CHECK(log.records[1].sql == "SELECT 1");
    CHECK(log.counts.statements == 1);
  }
}

TEST_CASE("mysql-slow: a log that begins or ends in the middle") {
  const std::string whole = entry("SELECT 1") + entry("UPDATE t\nSET a = 1") + entry("SELECT 2");
  const KeptLog tail = keep(whole.substr(whole.find("SET timestamp")));
  CHECK(sqls(tail) == std::vector<std::string>{"UPDATE t\nSET a = 1", "SELECT 2"});
  CHECK(tail.counts.unrecognised_lines == 2);
  const KeptLog cut = keep(whole.substr(0, whole.find("\nSET a")));
  REQUIRE(cut.statements().size() == 2);
  CHECK(cut.statements()[1].sql == "UPDATE t");
  CHECK(cut.statements()[1].fields.truncated);
  CHECK(cut.counts.truncated_statements == 1);
  // Without any `# Time` the server's own SET timestamp is better than nothing.
  const KeptLog timeless = keep(
      "# User@Host: a[a] @ h []\n# Query_time: 1.500000  Lock_time: 0.0 Rows_sent: 0  Rows_examined: 0\nSET timestamp=1772442904;\nSELECT "
      "1;\n");
  REQUIRE(timeless.records.size() == 1);
  CHECK(to_iso8601(timeless.records[0].fields.time) == "2026-03-02T09:15:04.000Z");
  CHECK(to_iso8601(timeless.records[0].fields.end_time) == "2026-03-02T09:15:05.500Z");
  CHECK(timeless.records[0].session.empty());
  CHECK(timeless.counts.incomplete == std::vector<std::string>{"no-session", "no-transaction-boundaries", "sampled"});
}

TEST_CASE("mysql-slow: a statement cut in a literal does not swallow the log") {
  std::string log = entry("INSERT INTO t VALUES ('cut he");
  for (int i = 0; i < 1000; ++i) log += entry("UPDATE t SET a = 'x' WHERE id = " + std::to_string(i));
  const KeptLog kept = keep(log);
  REQUIRE(kept.statements().size() == 1001);
  CHECK(kept.statements()[0].fields.truncated);
  CHECK(kept.statements()[1000].sql == "UPDATE t SET a = 'x' WHERE id = 999");
}

TEST_CASE("mysql-slow: local times take the zone they are told") {
  ReaderOptions options;
  options.zone_offset_minutes = 60;
  CHECK(to_iso8601(keep(fixture("mysql_slow/percona.log"), options).records[0].fields.end_time) == "2026-03-02T08:15:04.000Z");
  CHECK(to_iso8601(keep(fixture("mysql_slow/mysql57.log"), options).records[0].fields.end_time) == "2026-03-02T09:15:04.120733Z");
}

}  // namespace dbaudit
