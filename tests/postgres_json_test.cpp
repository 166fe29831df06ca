#include <algorithm>

#include "tests/postgres_workload.h"

namespace dbaudit {
namespace {

KeptLog keep(const std::string& bytes) { return keep_log(bytes, "postgres-json"); }

std::string entry(const std::string& message, const std::string& more = {}) {
  return "{\"timestamp\":\"2026-03-02 09:15:04.118 "
         "UTC\",\"user\":\"shop\",\"dbname\":\"orders\",\"pid\":4471,\"session_id\":\"69a54808.1177\","
         "\"line_num\":4,\"ps\":\"idle in transaction\",\"vxid\":\"5/12\",\"txid\":0,\"error_severity\":\"LOG\",\"message\":\"" +
         message + "\"" + more + ",\"application_name\":\"till 1\",\"backend_type\":\"client backend\",\"query_id\":0}\n";
}

}  // namespace

TEST_CASE("postgres-json: the fields of an entry") {
  const KeptLog log = keep(entry("execute a: SELECT \\\"x\\\" \\u00e9\\n$1", ",\"detail\":\"Parameters: $1 = 'it''s \\\\\\\\'\""));
  REQUIRE(log.statements().size() == 1);
  const KeptRecord r = log.statements()[0];
  CHECK(r.sql == "SELECT \"x\" é\n$1");
  CHECK((r.params == std::vector<std::optional<std::string>>{"it's \\\\"}));
  CHECK(r.session == "69a54808.1177");
  CHECK(r.user == "shop");
  CHECK(r.database == "orders");
  CHECK(r.app == "till 1");
  CHECK(r.txid == "5/12");
  CHECK(r.fields.tx_state == TxState::kInTransaction);
  CHECK(r.fields.protocol == Protocol::kExtended);
  CHECK(to_iso8601(r.fields.time) == "2026-03-02T09:15:04.118Z");

  const KeptLog failed = keep(
      "{\"timestamp\":\"2026-03-02 09:15:04.118 CET\",\"session_id\":\"69a54808.1177\",\"error_severity\":\"ERROR\","
      "\"state_code\":\"23505\",\"message\":\"duplicate key\",\"context\":\"unnamed portal with parameters: $1 = "
      "NULL\",\"statement\":\"INSERT INTO t VALUES ($1)\"}\n");
  REQUIRE(failed.statements().size() == 1);
  CHECK(failed.statements()[0].error_code == "23505");
  CHECK((failed.statements()[0].params == std::vector<std::optional<std::string>>{std::nullopt}));
  CHECK_FALSE(failed.statements()[0].fields.end_time.zone_known);
}

TEST_CASE("postgres-json: a statement pgaudit told CloudNativePG") {
  const KeptLog log = keep(
      "{\"level\":\"info\",\"ts\":\"2026-03-02T09:15:04Z\",\"logger\":\"pgaudit\",\"msg\":\"record\",\"record\":{\"log_time\":\"2026-03-02 "
      "09:15:04.118 UTC\",\"session_id\":\"69a54808.1177\",\"process_id\":\"4471\",\"error_severity\":\"LOG\",\"sql_state_code\":\"00000\","
      "\"backend_type\":\"client "
      "backend\",\"audit\":{\"audit_type\":\"SESSION\",\"statement_id\":\"1\",\"substatement_id\":\"1\",\"class\":"
      "\"WRITE\",\"command\":\"INSERT\",\"statement\":\"INSERT INTO \\\"t\\\", x\\nVALUES ($1)\",\"parameter\":\"\\\"a, b\\\"\"}}}\n");
  REQUIRE(log.statements().size() == 1);
  CHECK(log.statements()[0].sql == "INSERT INTO \"t\", x\nVALUES ($1)");
  CHECK((log.statements()[0].params == std::vector<std::optional<std::string>>{"a, b"}));
  CHECK(log.counts.sampled);
}

TEST_CASE("postgres-json: a log that comes newest first is put in order") {
  for (const char* name : {"postgres_json/all.log", "postgres_json/cloudnativepg.log", "postgres_json/mindur.log"}) {
    INFO(name);
    const std::string bytes = fixture(name);
    std::vector<std::string> lines;
    for (size_t at = 0; at < bytes.size();) {
      const size_t end = bytes.find('\n', at) + 1;
      lines.push_back(bytes.substr(at, end - at));
      at = end;
    }
    std::reverse(lines.begin(), lines.end());
    for (size_t i = 0; i + 4 < lines.size(); i += 9) std::swap(lines[i], lines[i + 3]);  // and not strictly so
    std::string reversed;
    for (const std::string& l : lines) reversed += l;
    const KeptLog whole = keep(bytes), ours = keep(reversed);
    CHECK((settled_sessions(ours) == settled_sessions(whole)));
    CHECK(ours.counts.records == whole.counts.records);
    CHECK_FALSE(ours.counts.sampled);
    CHECK(ours.records.front().fields.line > ours.records.back().fields.line);
  }
}

TEST_CASE("postgres-json: lines that are no entries are counted") {
  const std::string good = entry("statement: SELECT 1");
  const std::tuple<const char*, std::string, size_t> cases[] = {
      {"cut", good.substr(0, good.size() / 2) + "\n" + good, 1},
      {"another program's", "{\"level\":\"info\",\"msg\":\"statement: SELECT 1\"}\nready\n" + good, 2},
      {"two in a line", good.substr(0, good.size() - 1) + good + good, 1},
      {"blank lines", "\n\n" + good, 0},
      {"no severity we know", "{\"timestamp\":\"x\",\"session_id\":\"1.2\",\"error_severity\":\"FEHLER\",\"message\":\"m\"}\n" + good, 1},
  };
  for (const auto& [name, bytes, unrecognised] : cases) {
    INFO(name);
    const KeptLog log = keep(bytes);
    CHECK(log.statements().size() == 1);
    CHECK(log.counts.unrecognised_lines == unrecognised);
  }
  const KeptLog bad = keep(entry("statement: SELECT '\xFF\xC3('"));
  REQUIRE(bad.statements().size() == 1);
  CHECK(bad.statements()[0].sql.starts_with("SELECT '"));
  const KeptLog big = keep(entry("statement: SELECT '" + std::string(size_t{10} << 20, 'x') + "'") + good);
  REQUIRE(big.statements().size() == 2);
  CHECK(big.statements()[0].sql.size() == (size_t{10} << 20) + 9);
  CHECK(keep(entry("statement: SELECT '" + std::string(size_t{20} << 20, 'x') + "'") + good).statements().size() == 1);
}

}  // namespace dbaudit
