// The object that `dbaudit facts` prints: its keys and values, and that it is JSON whatever bytes the statement holds.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "analyzers/sql/parser.h"
#include "tests/catch.h"

using namespace dbaudit;
using Json = nlohmann::json;

namespace {

Json facts(std::string_view sql, Engine engine = Engine::kPostgres) {
  const Dialect& dialect = dialect_of(engine);
  return Json::parse(facts_to_json(sql, parse_statement(sql, dialect), dialect));
}

/// Every key of `expected` with its value; the object may have more.
void check(std::string_view sql, Engine engine, const char* expected) {
  const Json actual = facts(sql, engine);
  INFO(sql << "\n" << actual.dump());
  const Json wanted = Json::parse(expected);
  for (const auto& [key, value] : wanted.items()) {
    INFO(key);
    REQUIRE(actual.contains(key));
    CHECK(actual[key] == value);
  }
}

}  // namespace

TEST_CASE("facts as JSON: one key, one meaning", "[facts]") {
  check("SELECT a FROM S.T t JOIN u ON t.id = u.id WHERE u.b = 1 AND t.a IN (1, 2) LIMIT 1 FOR UPDATE OF t SKIP LOCKED", Engine::kPostgres,
        R"json({"kind": "SELECT", "read_tables": ["s.t", "u"], "where": true, "eq_cols": ["b"], "in_cols": ["a"], "limit": true,
            "lock": [{"strength": "UPDATE", "wait": "SKIP LOCKED", "of": ["t"]}], "quality": "full"})json");
  check("SELECT a FROM t WHERE a = 1 UNION SELECT b FROM u", Engine::kPostgres,
        R"json({"read_tables": ["t", "u"], "where": false, "eq_cols": [], "limit": false})json");
  check(
      "INSERT INTO t (a, b) VALUES (1, 2), (3, 4) ON CONFLICT (a, lower(b)) DO UPDATE SET n = t.n + 1, b = EXCLUDED.b WHERE t.n < 5 "
      "RETURNING a",
      Engine::kPostgres,
      R"json({"kind": "INSERT", "target": "t", "insert_cols": ["a", "b"], "insert_source": "values", "rows": 2, "returning": true,
            "on_conflict": {"action": "UPDATE", "cols": ["a", "<expr>"], "expressions": ["lower(b)"], "constraint": null, "partial": false,
                            "set_cols": ["n", "b"], "self_ref_cols": ["n"], "where": true}})json");
  check("INSERT IGNORE INTO d.t SELECT * FROM u ON DUPLICATE KEY UPDATE a = a + 1", Engine::kMySql,
        R"json({"kind": "INSERT", "target": "d.t", "insert_source": "select", "read_tables": ["u"], "ignore": true,
            "on_duplicate": {"set_cols": ["a"], "self_ref_cols": ["a"]}})json");
  check(
      "UPDATE t SET a = a + 1, b = 2 WHERE id = 3 LIMIT 1", Engine::kMySql,
      R"json({"kind": "UPDATE", "target": "t", "set_cols": ["a", "b"], "self_ref_cols": ["a"], "where": true, "eq_cols": ["id"], "limit": true, "read_tables": []})json");
  check("UPDATE main.t SET a = 1", Engine::kSqlite, R"json({"target": "t"})json");
  check("DELETE a, b FROM a JOIN b ON a.i = b.i JOIN c", Engine::kMySql,
        R"json({"kind": "DELETE", "targets": ["a", "b"], "all_tables": ["a", "b", "c"], "read_tables": ["c"]})json");
  check("WITH x AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM x", Engine::kPostgres,
        R"json({"kind": "INSERT", "target": "u", "read_tables": []})json");
  CHECK(facts("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x")["cte_writes"][0]["target"] == "t");
  check("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY", Engine::kPostgres,
        R"json({"kind": "TXN", "txn": "begin", "options": {"isolation": "serializable", "read_only": true}})json");
  check("ROLLBACK TO SAVEPOINT x", Engine::kPostgres, R"json({"kind": "TXN", "txn": "rollback_to", "savepoint": "x"})json");
  check(
      "LOCK TABLE t IN SHARE MODE", Engine::kPostgres,
      R"json({"kind": "LOCK", "locks": [{"kind": "table", "tables": ["t"], "mode": "SHARE", "transaction_scoped": true, "shared": true}]})json");
  check("CREATE TABLE t (id int PRIMARY KEY, a int)", Engine::kPostgres,
        R"json({"kind": "CREATE_TABLE", "target": "t", "columns": ["id", "a"], "unique": [{"cols": ["id"]}]})json");
  check("SELECT 1; COMMIT", Engine::kPostgres, R"json({"kind": "SELECT"})json");
  CHECK(facts("SELECT 1; COMMIT")["following"][0]["txn"] == "commit");
}

TEST_CASE("facts as JSON: template, fingerprint and quality", "[facts]") {
  const Json five = facts("SELECT a FROM t WHERE b = 5"), other = facts("select a from t  where b = $1");
  CHECK(five["template"] == "select a from t where b = ?");
  CHECK(five["template"] == other["template"]);
  CHECK(five["fingerprint"] == other["fingerprint"]);
  CHECK(five["fingerprint"].get<std::string>().size() == 16);
  CHECK(facts("FROBNICATE")["quality"] == "opaque");
  CHECK(facts("UPDATE t SET a =")["truncated"] == true);
  CHECK_FALSE(five.contains("truncated"));
}

TEST_CASE("facts as JSON: any bytes make valid JSON", "[facts]") {
  const std::string odd[] = {std::string("SELECT \"a\xff\xfe\" FROM \"t\x01\"\"\\\" WHERE \"\xc3\xa4\" = 'x'"),
                             std::string("\x00\x01\x80", 3),
                             "SELECT \"\xed\xa0\x80\" FROM t",
                             "INSERT INTO \"\n\t\" VALUES (1)",
                             "SAVEPOINT \"\\\"\"\"",
                             std::string("SELECT 'a\0b'", 12)};
  for (const std::string& sql : odd) {
    for (const Engine engine : {Engine::kPostgres, Engine::kMySql, Engine::kSqlite, Engine::kUnknown}) CHECK_NOTHROW(facts(sql, engine));
  }
  CHECK(facts("SELECT * FROM \"\xff\"")["read_tables"][0] == "\xEF\xBF\xBD");
}
