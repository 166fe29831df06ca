#include "analyzers/log/formats/table_dump.h"

#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

std::vector<std::vector<std::string>> rows_of(const std::string& bytes, uint64_t* unrecognised = nullptr) {
  static constexpr std::string_view kUnnamed[] = {"a", "b", "c"};
  Lines lines(memory_source(bytes));
  TableRows rows(lines, kUnnamed);
  std::vector<std::vector<std::string>> result;
  while (rows.next()) {
    std::vector<std::string> row;
    for (int i = 0; i < static_cast<int>(rows.header().columns.size()); ++i) {
      row.push_back(rows.is_null(i) ? "(null)" : std::string(rows.get(i)));
    }
    result.push_back(std::move(row));
  }
  if (unrecognised != nullptr) *unrecognised = rows.unrecognised_lines();
  return result;
}

using Rows = std::vector<std::vector<std::string>>;

}  // namespace

TEST_CASE("table dump: three syntaxes") {
  const std::pair<const char*, Rows> cases[] = {
      {"a\tb\tc\n1\ttwo\\nlines\\t\\\\\tNULL\n", {{"1", "two\nlines\t\\", "(null)"}}},
      {"a\tb\tc\r\n1\t\tx\r\n", {{"1", "", "x"}}},
      {"a,b,c\n1,\"x, \"\"y\"\"\nz\\n\",\n", {{"1", "x, \"y\"\nz\\n", "(null)"}}},
      {"\"a\",\"b\",\"c\"\n\"1\",2,\"3\"\n", {{"1", "2", "3"}}},
      {"\"1\",2,\"x\\\"y\\\\\\nz\"\n\"4\",\\N,\"\"\n", {{"1", "2", "x\"y\\\nz"}, {"4", "(null)", ""}}},
      {"\"1\",\"a\\\nb\",\"c\"\n", {{"1", "a\nb", "c"}}},
      {"a\tb\tc\n1\t2\t3\nd\te\tf\tg\n1\t2\t3\t4\n", {{"1", "2", "3"}, {"1", "2", "3", "4"}}},
  };
  for (const auto& [bytes, expected] : cases) {
    INFO(bytes);
    CHECK((rows_of(bytes) == expected));
  }
}

TEST_CASE("table dump: rows with other numbers of fields are counted, and a quote that never closes costs one line") {
  uint64_t unrecognised = 0;
  CHECK((rows_of("a\tb\tc\n1\t2\n1\t2\t3\n1\t2\t3\t4\n", &unrecognised) == Rows{{"1", "2", "3"}}));
  CHECK(unrecognised == 2);
  std::string open = "a,b,c\n1,2,\"never closed\n";
  for (int i = 0; i < 200'000; ++i) open += "4,5,6666\n";
  CHECK(rows_of(open, &unrecognised).size() == 200'000);
  CHECK(unrecognised == 1);
}

TEST_CASE("mysql-general: dumps of mysql.general_log say what the text log of the same run says") {
  const KeptLog text = keep_log(fixture("mysql_general_table/mariadb_text.log"), "mysql-general");
  const KeptLog csv = keep_log(fixture("mysql_general_table/mariadb_csv_engine.log"), "mysql-general");
  CHECK(csv.counts.unrecognised_lines == 0);
  REQUIRE(csv.records.size() + 2 == text.records.size());  // the text went on for one connection
  for (size_t i = 0; i < csv.records.size(); ++i) {
    INFO(i);
    CHECK(csv.records[i].session == text.records[i].session);
    CHECK(csv.records[i].fields.kind == text.records[i].fields.kind);
    CHECK(csv.records[i].database == text.records[i].database);
    CHECK(csv.records[i].user == text.records[i].user);
    if (text.records[i].sql.find('\xFF') == std::string::npos) CHECK(csv.records[i].sql == text.records[i].sql);
    CHECK(csv.records[i].fields.time.micros / 1'000'000 == text.records[i].fields.time.micros / 1'000'000);
  }
  const KeptLog table = keep_log(fixture("mysql_general_table/mariadb_table.log"), "mysql-general");
  CHECK(table.counts.unrecognised_lines == 0);
  CHECK(table.counts.incomplete.empty());
  const KeptLog outfile = keep_log(fixture("mysql_general_table/mariadb_outfile.log"), "mysql-general");
  CHECK(outfile.statements().size() == 6);
  CHECK(outfile.statements()[2].sql == "SELECT stock FROM item WHERE id = 7 FOR UPDATE");
}

TEST_CASE("mysql-general: an argument in hexadecimal, and one that was not valid text") {
  const KeptLog log = keep_log(
      "event_time\tuser_host\tthread_id\tserver_id\tcommand_type\targument\n"
      "2026-03-02 09:15:04.119002\tshop[shop] @ app3 [10.0.3.9]\t8\t1\tQuery\t0x53454C4543542031\n"
      "2026-03-02 09:15:04.119003\tshop[shop] @ app3 [10.0.3.9]\t8\t1\tExecute\tNULL\n"
      "2026-03-02 09:15:04.119004\tshop[shop] @ app3 [10.0.3.9]\t8\t1\tFrobnicate\tx\n",
      "mysql-general");
  REQUIRE(log.statements().size() == 2);
  CHECK(log.statements()[0].sql == "SELECT 1");
  CHECK(log.statements()[0].user == "shop");
  CHECK(log.statements()[1].fields.sql_unknown);
  CHECK(log.counts.unrecognised_lines == 1);
  ReaderOptions options;
  options.zone_offset_minutes = 60;
  CHECK(to_iso8601(log.statements()[0].fields.time) == "2026-03-02T09:15:04.119002");
}

}  // namespace dbaudit
