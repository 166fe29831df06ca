#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

KeptLog keep(const std::string& bytes) { return keep_log(bytes, "mysql-general"); }

std::string entry(const std::string& command, const std::string& argument = {}, int id = 4) {
  return "\t\t" + std::string(6, ' ') + std::to_string(id) + " " + command + "\t" + argument + "\n";
}

std::vector<std::string> sqls(const KeptLog& log) {
  std::vector<std::string> result;
  for (const KeptRecord& r : log.statements()) result.push_back(r.sql);
  return result;
}

}  // namespace

TEST_CASE("mysql-general: a workload on a real MariaDB") {
  const KeptLog log = keep(fixture("mysql_general/mariadb.log"));
  CHECK(log.counts.records == 55);
  CHECK(log.counts.unrecognised_lines == 0);
  CHECK(log.counts.engine == Engine::kMariaDb);
  CHECK(log.counts.incomplete.empty());
  const std::tuple<const char*, const char*, std::string> expected[] = {
      {"4", "", "SET GLOBAL general_log=0"},
      {"5", "store", "START TRANSACTION"},
      {"5", "store", "SELECT stock FROM item WHERE id = 7 FOR UPDATE"},
      {"6", "store", "UPDATE item SET stock = 3, note = 'it\\'s \\\"it\\\"\\n\tsecond \\\\ line\\\xFF' WHERE id = 8"},
      {"5", "store", "UPDATE item\n   SET stock = stock - 1\n\n WHERE id = 7"},
      {"5", "store", "COMMIT"},
      {"6", "store",
       "INSERT INTO item (id, note) VALUES (9, 'a log in a log:\n\t\t     4 Query\tDROP TABLE item\n260101 10:00:00\t     5 Query\tDELETE "
       "FROM item\nend')"},
      {"6", "store", "INSERT INTO item (id) VALUES (9)"},
      {"6", "store", "SELEKT 1"},
      {"6", "store", "UPDATE item SET stock = 1 WHERE id = 7; UPDATE item SET stock = 2 WHERE id = 8;\nSELECT 3 -- that's it"},
      {"6", "store", "SELECT 1 # it's"},
      {"6", "store", "SELECT /* don't\n */ 2"},
      {"5", "store", "SET @id = 7"},
      {"5", "store", "SELECT note FROM item WHERE id = 7"},  // PREPARE, Prepare, EXECUTE, Execute: once
      {"5", "store", "DEALLOCATE PREPARE get"},
      {"5", "store", "SELECT 5"},  // EXECUTE IMMEDIATE, Prepare, Execute: once
      {"5", "store", "USE `other`"},
      {"5", "other", "SELECT 1"},
      {"5", "store", "SET autocommit=0"},
      {"5", "store", "DELETE FROM item WHERE id = 9"},
      {"5", "store", "SET autocommit=1"},
      {"5", "other", "SELECT 2"},
      {"5", "other", "SELECT 3"},
      {"8", "", "SHOW VARIABLES LIKE 'pid_file'"},
      {"4", "store", "SELECT 1"},
      {"5", "", "SHOW VARIABLES LIKE 'pid_file'"},
  };
  const std::vector<KeptRecord> statements = log.statements();
  REQUIRE(statements.size() == std::size(expected));
  for (size_t i = 0; i < statements.size(); ++i) {
    INFO(statements[i].fields.line);
    CHECK(statements[i].session == std::get<0>(expected[i]));
    CHECK(statements[i].database == std::get<1>(expected[i]));
    CHECK(statements[i].sql == std::get<2>(expected[i]));
    CHECK(statements[i].fields.tx_boundary == TxBoundary::kExplicit);
    CHECK_FALSE(statements[i].fields.truncated);
    CHECK(to_iso8601(statements[i].fields.time) == (i < 24 ? "2026-11-21T05:43:41.000" : "2026-11-21T05:43:44.000"));
    CHECK(statements[i].fields.time.tick == 1'000'000);
  }
  CHECK(statements[3].fields.protocol == Protocol::kExtended);
  CHECK(statements[4].fields.protocol == Protocol::kSimple);
}

TEST_CASE("mysql-general: sessions begin and end") {
  const KeptLog log =
      keep("161106  1:33:11\t  247 Connect\troot@localhost as anonymous on oscar\n" + entry("Connect", "a@b@h on  using Socket", 5) +
           entry("Connect", "app@h on my db using TCP/IP", 6) + entry("Connect", "Access denied for user 'x'@'h' (using password: NO)", 7) +
           entry("Change user", "eve@h on other using TCP/IP", 6) + entry("Init DB", "third", 6) + entry("Quit", "", 6));
  REQUIRE(log.records.size() == 7);
  const std::tuple<RecordKind, const char*, const char*, const char*> expected[] = {
      {RecordKind::kConnect, "root", "oscar", ""},   {RecordKind::kConnect, "a@b", "", ""},
      {RecordKind::kConnect, "app", "my db", ""},    {RecordKind::kDisconnect, "", "", "1045"},
      {RecordKind::kDisconnect, "eve", "other", ""}, {RecordKind::kOther, "eve", "third", ""},
      {RecordKind::kDisconnect, "eve", "third", ""},
  };
  for (size_t i = 0; i < log.records.size(); ++i) {
    INFO(i);
    CHECK(log.records[i].fields.kind == std::get<0>(expected[i]));
    CHECK(log.records[i].user == std::get<1>(expected[i]));
    CHECK(log.records[i].database == std::get<2>(expected[i]));
    CHECK(log.records[i].error_code == std::get<3>(expected[i]));
    CHECK(to_iso8601(log.records[i].fields.time) == "2016-11-06T01:33:11.000");
  }
}

TEST_CASE("mysql-general: both clocks") {
  const KeptLog log =
      keep("2026-11-20T14:32:11.727446Z\t   10 Query\tSELECT 1\n2018-09-07T18:45:40.098511+08:00\t257426 Query\tSELECT 2\n" +
           entry("Query", "SELECT 3") + "261120 14:29:02\t   10 Query\tSELECT 4\n");
  const std::vector<KeptRecord> s = log.statements();
  REQUIRE(s.size() == 4);
  CHECK(to_iso8601(s[0].fields.time) == "2026-11-20T14:32:11.727446Z");
  CHECK(s[0].fields.time.tick == 1);
  CHECK(to_iso8601(s[1].fields.time) == "2018-09-07T10:45:40.098511Z");
  CHECK(to_iso8601(s[2].fields.time) == "2018-09-07T10:45:40.098511Z");
  CHECK(to_iso8601(s[3].fields.time) == "2026-11-20T14:29:02.000");
  ReaderOptions options;
  options.zone_offset_minutes = -120;
  const KeptLog zoned = keep_log("261120 14:29:02\t   10 Query\tSELECT 4\n", "mysql-general", options);
  CHECK(to_iso8601(zoned.records[0].fields.time) == "2026-11-20T16:29:02.000Z");
  CHECK(keep(entry("Query", "SELECT 1")).counts.incomplete == std::vector<std::string>{"no-time"});
}

TEST_CASE("mysql-general: header-shaped lines inside quotes and comments stay inside") {
  const std::string fake = "\n\t\t     9 Query\tDROP TABLE t\n";
  const char* open_close[][2] = {{"SELECT 'a", "b'"},        {"SELECT \"a''", "b\""}, {"SELECT `a", "b`"},
                                 {"SELECT /* it's", "*/ 1"}, {"SELECT 'a\\'", "'"},   {"SELECT 'it''s", "'''' '"}};
  for (const auto& [before, after] : open_close) {
    INFO(before);
    const KeptLog log = keep(entry("Query", before + fake + after) + entry("Query", "SELECT 2"));
    CHECK((sqls(log) == std::vector<std::string>{before + fake + after, "SELECT 2"}));
  }
  // Nothing is open here: the second line is an entry.
  for (const char* closed :
       {"SELECT 'a'", "SELECT 1 -- it's", "SELECT 1 # \"", "SELECT '\\\\'", "SELECT 5--1", "SELECT a/b", "SELECT '''' /**/"}) {
    INFO(closed);
    CHECK((sqls(keep(entry("Query", closed) + entry("Query", "SELECT 2"))) == std::vector<std::string>{closed, "SELECT 2"}));
  }
}

TEST_CASE("mysql-general: a statement cut in a literal does not swallow the log") {
  std::string log = entry("Query", "INSERT INTO t VALUES ('cut he");
  for (int i = 0; i < 1000; ++i) log += entry("Query", "UPDATE t SET a = 'x' WHERE id = " + std::to_string(i));
  const KeptLog kept = keep(log);
  REQUIRE(kept.statements().size() == 1001);
  CHECK(kept.statements()[0].fields.truncated);
  CHECK(kept.statements()[0].sql == "INSERT INTO t VALUES ('cut he");
  CHECK(kept.statements()[1].fields.line == 2);
  CHECK(kept.statements()[1000].fields.line == 1001);
  CHECK(kept.counts.truncated_statements == 1);
  CHECK(kept.counts.incomplete == std::vector<std::string>{"no-time", "truncated"});

  // The server died in it and was started again.
  const KeptLog died =
      keep(entry("Query", "INSERT INTO t VALUES ('cut he") +
           "/usr/sbin/mysqld, Version: 8.0.36 (MySQL Community Server - GPL). started with:\nTcp port: 3306  Unix socket: /x\n"
           "Time                 Id Command    Argument\n" +
           entry("Query", "SELECT 1"));
  CHECK((sqls(died) == std::vector<std::string>{"INSERT INTO t VALUES ('cut he", "SELECT 1"}));
  CHECK(died.statements()[0].fields.truncated);
  CHECK(died.counts.engine == Engine::kMySql);

  // NO_BACKSLASH_ESCAPES: after some disappointments the reader stops believing in quotes.
  std::string backslashes;
  for (int i = 0; i < 5000; ++i) backslashes += entry("Query", i % 100 == 0 ? "SELECT '\\'" : "SELECT 1");
  CHECK(keep(backslashes).statements().size() >= 4990);
}

TEST_CASE("mysql-general: what belongs to no entry is counted") {
  const KeptLog log = keep("the end of a statement\nmore of it\n" + entry("Query", "SELECT 1\nFROM t") + entry("Ping") + "stray\n" +
                           entry("Query", "SELECT 2") + "\t\t     4 Frobnicate\tx\n");
  CHECK(log.counts.unrecognised_lines == 3);
  CHECK((sqls(log) == std::vector<std::string>{"SELECT 1\nFROM t", "SELECT 2\n\t\t     4 Frobnicate\tx"}));
}

}  // namespace dbaudit
