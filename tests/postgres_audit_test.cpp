#include "analyzers/log/formats/postgres_audit.h"

#include "tests/postgres_workload.h"

namespace dbaudit {
namespace {

using Params = std::vector<std::optional<std::string>>;

std::string line(const std::string& text, const char* severity = "LOG") {
  return std::string("2026-11-20 10:00:00.000 UTC [10] u@d ") + severity + ":  " + text + "\n";
}
std::string audit(const std::string& rest) { return line("AUDIT: SESSION," + rest); }
KeptLog keep(const std::string& bytes) { return keep_log(bytes, "postgres-stderr"); }

}  // namespace

TEST_CASE("pgaudit: the fields of a line") {
  std::string scratch;
  PostgresAudit a;
  REQUIRE(parse_postgres_audit(
      "AUDIT: SESSION,3,1,WRITE,UPDATE,TABLE,public.t,\"UPDATE t SET a = \"\"x\"\", b = $1\",\"90,\"\"it's, \"\"\"\"x\"\"\"\"\"\",\",1",
      scratch, a));
  CHECK(a.statement_id == 3);
  CHECK(a.substatement_id == 1);
  CHECK(a.audit_class == "WRITE");
  CHECK(a.command == "UPDATE");
  CHECK(a.statement == "UPDATE t SET a = \"x\", b = $1");
  CHECK(a.parameters == "90,\"it's, \"\"x\"\"\",");
  CHECK(a.rows == 1);
  std::string values_scratch;
  values_scratch.reserve(200);
  std::vector<BindValue> values;
  CHECK(parse_audit_parameters(a.parameters, values_scratch, values));
  REQUIRE(values.size() == 3);
  CHECK(values[0].text == "90");
  CHECK(values[1].text == "it's, \"x\"");
  CHECK(values[2].is_null);
  REQUIRE(parse_postgres_audit("AUDIT: SESSION,1,1,READ,SELECT,,,<previously logged>,<previously logged>", scratch, a));
  CHECK(a.statement.empty());
  CHECK_FALSE(a.has_parameters);
  CHECK(a.rows == -1);
  for (const char* no :
       {"AUDIT: ", "AUDIT: SESSION,1,1,READ,SELECT,,", "AUDIT: OTHER,1,1,READ,SELECT,,,SELECT 1,<none>",
        "AUDIT: SESSION,x,1,READ,SELECT,,,SELECT 1,<none>", "AUDIT: SESSION,1,1,READ,SELECT,,,\"SELECT 1,<none>", "audit"}) {
    INFO(no);
    CHECK_FALSE(parse_postgres_audit(no, scratch, a));
  }
}

TEST_CASE("pgaudit: packets, prepared queries and plans") {
  const std::pair<const char*, size_t> packets[] = {
      {"SELECT 1", 1},
      {"SELECT 1;", 1},
      {"SELECT 1; SELECT 2", 2},
      {"SELECT ';'; -- ;\n SELECT 2 /* ; */;", 2},
      {"DO $a$ x; $$ y; $a$; SELECT $1", 2},
      {"", 0},
      {" ; ;", 0},
      {"SELECT \";\"\";\"", 1},
      {"SELECT 'it''s; '", 1},
  };
  for (const auto& [sql, count] : packets) {
    INFO(sql);
    CHECK(count_packet_statements(sql) == count);
  }
  CHECK(prepared_query("PREPARE a AS SELECT 1") == "SELECT 1");
  CHECK(prepared_query("prepare \"as x\" (int, numeric(3, 1))\nas\tSELECT a AS b") == "SELECT a AS b");
  CHECK(prepared_query("PREPARE a") == "");
  CHECK(rows_of_plan("\nSeq Scan on t  (cost=0.00..1.05 rows=5 width=4) (actual time=0.01..0.02 rows=3 loops=1)") == 3);
  CHECK(rows_of_plan("\nQuery Parameters: $1 = '1'\nLimit  (actual rows=2.00 loops=1)") == 2);
  CHECK(rows_of_plan("\nUpdate on t  (actual time=0.0..0.1 rows=0 loops=1)\n  ->  Seq Scan on t (actual rows=3 loops=1)") == -1);
  CHECK(rows_of_plan("\nSeq Scan on t  (cost=0.00..1.05 rows=5 width=4)") == -1);
  CHECK(rows_of_plan("") == -1);
}

TEST_CASE("pgaudit: a statement nothing else logs is one, and what another line logged is not another") {
  const std::string sql = "UPDATE t SET a = 1";
  struct Case {
    const char* name;
    std::string log;
    std::vector<SettledStatement> expected;
    bool is_sampled;
  };
  const auto one = [&](int64_t duration, int64_t rows, const char* error = "", Protocol protocol = Protocol::kSimple) {
    return SettledStatement{sql, {}, error, protocol, duration, rows};
  };
  const std::string row = audit("1,1,WRITE,UPDATE,,," + sql + ",<none>,4");
  const std::string failure = line("deadlock detected", "ERROR") + line(sql, "STATEMENT");
  const std::string packet = "\"UPDATE t SET a = 1;\n\tSELECT 2\",<none>";
  const Case cases[] = {
      {"alone", row, {one(-1, 4, "", Protocol::kUnknown)}, true},
      {"with log_statement", line("statement: " + sql) + row, {one(-1, 4)}, false},
      {"and log_duration", line("statement: " + sql) + row + line("duration: 2.5 ms"), {one(2500, 4)}, false},
      {"with log_min_duration_statement", row + line("duration: 2.5 ms  statement: " + sql), {one(2500, 4, "", Protocol::kUnknown)}, true},
      {"of two relations", row + audit("1,1,WRITE,UPDATE,TABLE,public.t," + sql + ",<none>,4"), {one(-1, 4, "", Protocol::kUnknown)}, true},
      {"twice",
       row + audit("2,1,WRITE,UPDATE,,," + sql + ",<none>,3"),
       {one(-1, 4, "", Protocol::kUnknown), one(-1, 3, "", Protocol::kUnknown)},
       true},
      // Written at the end, so the failure is another execution; written before it runs, it is this one.
      {"ended, then failed", row + failure, {one(-1, 4, "", Protocol::kUnknown), one(-1, -1, "40P01", Protocol::kUnknown)}, true},
      {"begun, then failed", audit("1,1,WRITE,UPDATE,,," + sql + ",<none>") + failure, {one(-1, -1, "40P01", Protocol::kUnknown)}, true},
      {"a packet",
       audit("1,1,WRITE,UPDATE,,," + packet) + audit("2,1,READ,SELECT,,," + packet),
       {{"UPDATE t SET a = 1;\nSELECT 2", {}, "", Protocol::kUnknown, -1, -1}},
       true},
      {"a packet, twice",
       audit("1,1,WRITE,UPDATE,,," + packet) + audit("2,1,READ,SELECT,,," + packet) + audit("3,1,WRITE,UPDATE,,," + packet) +
           audit("4,1,READ,SELECT,,," + packet),
       {{"UPDATE t SET a = 1;\nSELECT 2", {}, "", Protocol::kUnknown, -1, -1},
        {"UPDATE t SET a = 1;\nSELECT 2", {}, "", Protocol::kUnknown, -1, -1}},
       true},
      {"inside a function",
       audit("1,1,FUNCTION,DO,,,DO 'x',<none>,0") + audit("1,2,WRITE,UPDATE,,," + sql + ",<none>,1"),
       {{"DO 'x'", {}, "", Protocol::kUnknown, -1, -1}},
       true},
      {"EXECUTE",
       audit("1,1,READ,SELECT,,,PREPARE p(int) AS SELECT $1,7,1") + audit("1,2,MISC,EXECUTE,,,EXECUTE p(7),<none>,0"),
       {{"SELECT $1", {"7"}, "", Protocol::kSimple, -1, 1}},
       true},
      {"EXECUTE with log_statement",
       line("statement: EXECUTE p(7)") + audit("1,1,READ,SELECT,,,PREPARE p(int) AS SELECT $1,7,1") +
           audit("1,2,MISC,EXECUTE,,,EXECUTE p(7),<none>,0"),
       {{"EXECUTE p(7)", {}, "", Protocol::kSimple, -1, 1}},
       false},
      {"not printed", audit("1,1,WRITE,UPDATE,,,<not logged>,<not logged>,1"), {}, false},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const KeptLog log = keep(c.log);
    const SettledSessions ours = settled_sessions(log);
    const std::vector<SettledStatement> statements = ours.empty() ? std::vector<SettledStatement>{} : ours.at("10");
    REQUIRE(statements.size() == c.expected.size());
    for (size_t i = 0; i < statements.size(); ++i) {
      INFO(statements[i].sql << ": " << statements[i].error << ' ' << statements[i].duration_us << ' ' << statements[i].rows);
      CHECK((statements[i] == c.expected[i]));
    }
    CHECK(log.counts.statements == c.expected.size());
    CHECK(log.counts.sampled == c.is_sampled);
  }
}

TEST_CASE("pgaudit: a log can show transactions only where class MISC is audited") {
  const std::string update = audit("2,1,WRITE,UPDATE,,,UPDATE t SET a = 1,<none>,4");
  const KeptLog without = keep(update);
  CHECK(without.statements().at(0).fields.tx_boundary == TxBoundary::kUnknown);
  CHECK(without.counts.incomplete == std::vector<std::string>{"no-transaction-boundaries", "sampled"});
  const KeptLog with = keep(audit("1,1,MISC,BEGIN,,,BEGIN,<none>,0") + update + audit("3,1,MISC,COMMIT,,,COMMIT,<none>,0"));
  for (const KeptRecord& r : with.statements()) CHECK(r.fields.tx_boundary == TxBoundary::kExplicit);
  CHECK(with.counts.incomplete == std::vector<std::string>{"sampled"});
}

TEST_CASE("auto_explain: a plan tells the rows of a logged statement and is none itself") {
  const std::string plan =
      line("duration: 0.041 ms  plan:\n\tQuery Text: SELECT a\n\tFROM t\n\tSeq Scan on t  (actual time=0.0..0.1 rows=3 loops=1)");
  const KeptLog alone = keep(plan);
  CHECK(alone.counts.statements == 0);
  CHECK(alone.counts.sampled);
  const SettledSessions with = settled_sessions(keep(line("statement: SELECT a\n\tFROM t") + plan));
  CHECK(with.at("10").at(0).rows == 3);
  // Of a function's inner statement: not of the one that called it.
  const SettledSessions inner = settled_sessions(keep(line("statement: SELECT f()") + plan));
  CHECK(inner.at("10").at(0).rows == -1);
}

}  // namespace dbaudit
