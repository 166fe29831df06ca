// Pairs and their upserts on a real PostgreSQL.

#include <libpq-fe.h>

#include <memory>

#include "tests/catch.h"
#include "tests/live_postgres.h"
#include "tests/suggest_semantics.h"

namespace dbaudit {
namespace {

class PostgresPairs : public PairDatabase {
 public:
  PostgresPairs() : connection_(PQconnectdb(database_.url().c_str()), PQfinish) {
    REQUIRE(PQstatus(connection_.get()) == CONNECTION_OK);
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
  }
  [[nodiscard]] Engine engine() const override { return Engine::kPostgres; }
  [[nodiscard]] std::string dsn() const override { return database_.url(); }
  void make(const UpsertPair& pair) override {
    std::vector<std::string> all = {"DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "DROP SCHEMA IF EXISTS \"Odd Shop\" CASCADE"};
    all.insert(all.end(), pair.ddl.begin(), pair.ddl.end());
    for (const std::string& sql : all) {
      INFO(sql);
      REQUIRE(run(sql, {}).error == "");
    }
  }
  void empty(const UpsertPair& pair) override { REQUIRE(run("TRUNCATE " + pair.table + " RESTART IDENTITY", {}).error == ""); }
  PairRows run(const std::string& sql, const std::vector<PairValue>& parameters) override {
    std::vector<const char*> values;
    for (const PairValue& v : parameters) values.push_back(v.text ? v.text->c_str() : nullptr);
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0),
        PQclear);
    PairRows out;
    out.error = PQresultErrorMessage(result.get());
    for (int r = 0; r < PQntuples(result.get()); ++r) {
      std::vector<std::string>& row = out.rows.emplace_back();
      for (int c = 0; c < PQnfields(result.get()); ++c)
        row.push_back(PQgetisnull(result.get(), r, c) != 0 ? "NULL" : PQgetvalue(result.get(), r, c));
    }
    return out;
  }

 private:
  LiveDatabase database_;
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

}  // namespace

TEST_CASE("upserts keep semantics: PostgreSQL, the table", "[live]") {
  NEED_POSTGRES();
  PostgresPairs database;
  size_t upserts = 0;
  for (const UpsertPair& pair : written_pairs(Engine::kPostgres)) check_pair(database, pair, upserts);
  CHECK(upserts > 90);
}

TEST_CASE("upserts keep semantics: PostgreSQL, generated", "[live]") {
  NEED_POSTGRES();
  PostgresPairs database;
  size_t upserts = 0;
  for (uint64_t n = 0; n < 200; ++n) check_pair(database, generated_pair(Engine::kPostgres, n), upserts);
  CHECK(upserts > 120);
}

}  // namespace dbaudit
