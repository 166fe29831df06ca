// The shop of `dbaudit demo` really breaks its data, and its log really tells it.

#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/demo_shop.h"
#include "tests/catch.h"

using namespace dbaudit;
namespace fs = std::filesystem;

namespace {

struct Directory {
  Directory() {
    std::string name = (fs::temp_directory_path() / "dbaudit-test-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

ShopSetup setup_in(const Directory& d) {
  ShopSetup setup;
  setup.database = (d.path / "shop.db").string();
  setup.log = (d.path / "shop.jsonl").string();
  return setup;
}

int64_t number(const std::string& database, const char* sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  REQUIRE(sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
  const int64_t result = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return result;
}

std::vector<nlohmann::json> records(const std::string& path) {
  std::vector<nlohmann::json> all;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) all.push_back(nlohmann::json::parse(line));
  return all;
}

}  // namespace

TEST_CASE("the shop races until rows are duplicated and updates lost") {
  const Directory directory;
  const ShopSetup setup = setup_in(directory);
  const Result<ShopOutcome> outcome = run_shop(setup);
  REQUIRE(outcome);
  CHECK(outcome->rows_duplicated());
  CHECK(outcome->update_lost());
  CHECK(outcome->rounds >= setup.min_rounds);

  // The outcome is what the file says.
  CHECK(number(setup.database, "SELECT count(*) FROM tag") == outcome->tag_rows);
  CHECK(number(setup.database, "SELECT count(DISTINCT name) FROM tag") == outcome->tag_names);
  CHECK(number(setup.database, "SELECT sum(quantity) FROM sale") == outcome->units_sold);
  CHECK(number(setup.database, "SELECT sum(1000 - stock) FROM item") == outcome->stock_gone);
  CHECK(number(setup.database, "SELECT count(*) FROM pragma_index_list('tag') WHERE \"unique\"") == 0);
}

TEST_CASE("the shop's log is complete and in order of completion") {
  const Directory directory;
  const ShopSetup setup = setup_in(directory);
  const Result<ShopOutcome> outcome = run_shop(setup);
  REQUIRE(outcome);
  const std::vector<nlohmann::json> log = records(setup.log);
  CHECK(log.size() == outcome->statements);

  std::map<std::string, std::string> last_of_session;
  std::map<std::string, int64_t> inserts;
  std::map<std::pair<int64_t, int64_t>, int> stock_written;  // (item, stock) → times
  for (const nlohmann::json& r : log) {
    const std::string begun = r.at("time"), ended = r.at("end_time"), session = r.at("session"), sql = r.at("sql");
    CHECK(begun.size() >= 24);
    CHECK(begun.back() == 'Z');
    // Sessions are serial: a statement begins after the one before it ended.
    CHECK(begun.substr(0, 23) <= ended.substr(0, 23));
    CHECK(last_of_session[session].substr(0, 23) <= begun.substr(0, 23));
    last_of_session[session] = ended;
    CHECK(r.at("tx_boundary") == "explicit");
    CHECK(r.contains("rows"));
    CHECK_FALSE(r.contains("error"));
    if (sql.starts_with("INSERT")) inserts[sql.substr(12, sql.find(' ', 12) - 12)] += r.at("rows").get<int64_t>();
    if (sql.starts_with("UPDATE item")) stock_written[{r["params"][1].get<int64_t>(), r["params"][0].get<int64_t>()}]++;
  }
  CHECK(last_of_session.size() == static_cast<size_t>(setup.sessions));
  CHECK(inserts["tag"] == outcome->tag_rows);
  CHECK(inserts["sale"] == outcome->units_sold);
  // The proof of a lost update: one stock value of one item written by two sales.
  int twice = 0;
  for (const auto& [key, times] : stock_written) twice += times > 1 ? 1 : 0;
  CHECK(twice > 0);
}

TEST_CASE("a calm shop stays whole, and says so") {
  const Directory directory;
  ShopSetup setup = setup_in(directory);
  setup.min_rounds = setup.max_rounds = 0;
  const Result<ShopOutcome> outcome = run_shop(setup);
  REQUIRE(outcome);
  CHECK_FALSE(outcome->rows_duplicated());
  CHECK_FALSE(outcome->update_lost());
  CHECK(number(setup.database, "SELECT count(*) - count(DISTINCT name) FROM tag") == 0);
  CHECK(number(setup.database, "SELECT (SELECT sum(quantity) FROM sale) - (SELECT sum(1000 - stock) FROM item)") == 0);
  CHECK(outcome->units_sold == outcome->stock_gone);
  CHECK(outcome->units_sold > 0);
}

TEST_CASE("an interrupted shop stops between rounds") {
  const Directory directory;
  ShopSetup setup = setup_in(directory);
  int asked = 0;
  setup.interrupted = [&asked] { return ++asked > 4; };
  const Result<ShopOutcome> outcome = run_shop(setup);
  REQUIRE(outcome);
  CHECK(outcome->interrupted);
  CHECK(outcome->rounds < setup.min_rounds);
}

TEST_CASE("the shop never touches files that are there") {
  const Directory directory;
  const ShopSetup setup = setup_in(directory);
  std::string taken = GENERATE("shop.db", "shop.jsonl");
  { std::ofstream(directory.path / taken) << "precious"; }
  const Result<ShopOutcome> outcome = run_shop(setup);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message.find(taken) != std::string::npos);
  std::ifstream in(directory.path / taken);
  std::string content;
  std::getline(in, content);
  CHECK(content == "precious");
}
