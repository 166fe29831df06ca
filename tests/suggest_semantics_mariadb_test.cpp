// Pairs and their upserts on a real MariaDB.

#include <mysql.h>

#include <memory>

#include "tests/catch.h"
#include "tests/live_mariadb.h"
#include "tests/suggest_semantics.h"

namespace dbaudit {
namespace {

class MariaDbPairs : public PairDatabase {
 public:
  explicit MariaDbPairs(const LiveMariaDb& server)
      : server_(server), database_(server, "pairs"), connection_(mysql_init(nullptr), mysql_close) {
    const bool connected = mysql_real_connect(connection_.get(), server.host.c_str(), server.user.c_str(), server.password.c_str(),
                                              database_.name().c_str(), server.port, nullptr, 0) != nullptr;
    REQUIRE(connected);
  }
  [[nodiscard]] Engine engine() const override { return Engine::kMariaDb; }
  [[nodiscard]] std::string dsn() const override { return server_.dsn_of(database_.name()); }
  void make(const UpsertPair& pair) override {
    if (!table_.empty()) REQUIRE(run("DROP TABLE " + table_, {}).error == "");
    table_ = pair.table;
    for (const std::string& sql : pair.ddl) {
      INFO(sql);
      REQUIRE(run(sql, {}).error == "");
    }
  }
  void empty(const UpsertPair& pair) override { REQUIRE(run("TRUNCATE TABLE " + pair.table, {}).error == ""); }
  /// Parameters as a prepared statement takes them.
  PairRows run(const std::string& sql, const std::vector<PairValue>& parameters) override {
    if (parameters.empty()) return send(sql);
    std::string text = "EXECUTE IMMEDIATE " + string_of(sql) + " USING ";
    for (size_t i = 0; i < parameters.size(); ++i) {
      const PairValue& v = parameters[i];
      text += (i > 0 ? ", " : "") + (!v.text ? "NULL" : v.quoted ? string_of(*v.text) : *v.text);
    }
    return send(text);
  }

 private:
  static std::string string_of(const std::string& s) {
    std::string out = "'";
    for (const char c : s) {
      if (c == '\'' || c == '\\') out += '\\';
      out += c;
    }
    return out + "'";
  }
  PairRows send(const std::string& sql) {
    PairRows out;
    MYSQL* const c = connection_.get();
    if (mysql_real_query(c, sql.data(), sql.size()) != 0) return {mysql_error(c), {}};
    const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(mysql_store_result(c), mysql_free_result);
    if (result == nullptr) return out;
    while (MYSQL_ROW row = mysql_fetch_row(result.get())) {
      std::vector<std::string>& values = out.rows.emplace_back();
      for (unsigned i = 0; i < mysql_num_fields(result.get()); ++i) values.push_back(row[i] == nullptr ? "NULL" : row[i]);
    }
    return out;
  }

  const LiveMariaDb& server_;
  ScratchMariaDb database_;
  std::unique_ptr<MYSQL, decltype(&mysql_close)> connection_;
  std::string table_;
};

}  // namespace

TEST_CASE("upserts keep semantics: MariaDB, the table", "[live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB (scripts/with-servers)");
  MariaDbPairs database(*server);
  size_t upserts = 0;
  for (const UpsertPair& pair : written_pairs(Engine::kMariaDb)) check_pair(database, pair, upserts);
  CHECK(upserts > 90);
}

TEST_CASE("upserts keep semantics: MariaDB, generated", "[live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB (scripts/with-servers)");
  MariaDbPairs database(*server);
  size_t upserts = 0;
  for (uint64_t n = 0; n < 200; ++n) check_pair(database, generated_pair(Engine::kMariaDb, n), upserts);
  CHECK(upserts > 120);
}

}  // namespace dbaudit
