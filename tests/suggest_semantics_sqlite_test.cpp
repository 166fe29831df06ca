// Pairs and their upserts on the embedded SQLite.

#include <sqlite3.h>

#include <algorithm>
#include <memory>

#include "tests/catch.h"
#include "tests/run_program.h"
#include "tests/suggest_semantics.h"

namespace dbaudit {
namespace {

class SqlitePairs : public PairDatabase {
 public:
  ~SqlitePairs() override { sqlite3_close(db_); }
  [[nodiscard]] Engine engine() const override { return Engine::kSqlite; }
  [[nodiscard]] std::string dsn() const override { return "sqlite:///" + path(); }
  void make(const UpsertPair& pair) override {
    sqlite3_close(db_);
    db_ = nullptr;
    write_file(path(), "");
    REQUIRE(sqlite3_open(path().c_str(), &db_) == SQLITE_OK);
    REQUIRE(run("PRAGMA synchronous = OFF", {}).error == "");
    REQUIRE(run("PRAGMA journal_mode = MEMORY", {}).error == "");
    for (const std::string& sql : pair.ddl) {
      INFO(sql);
      REQUIRE(run(sql, {}).error == "");
    }
  }
  void empty(const UpsertPair& pair) override { REQUIRE(run("DELETE FROM " + pair.table, {}).error == ""); }
  PairRows run(const std::string& sql, const std::vector<PairValue>& parameters) override {
    PairRows out;
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &raw, nullptr) != SQLITE_OK) return {sqlite3_errmsg(db_), {}};
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(raw, sqlite3_finalize);
    if (!parameters.empty() && sqlite3_bind_parameter_count(raw) != static_cast<int>(parameters.size()))
      return {"another number of parameters", {}};
    for (size_t i = 0; i < parameters.size(); ++i) {
      const int at = static_cast<int>(i + 1);
      const PairValue& v = parameters[i];
      if (!v.text)
        sqlite3_bind_null(raw, at);
      else if (*v.text == "TRUE" || *v.text == "FALSE" || *v.text == "true" || *v.text == "false")
        sqlite3_bind_int64(raw, at, v.text->size() == 4 ? 1 : 0);
      else if (v.quoted)
        sqlite3_bind_text(raw, at, v.text->c_str(), -1, SQLITE_TRANSIENT);
      else if (v.text->find('.') != std::string::npos)
        sqlite3_bind_double(raw, at, std::stod(*v.text));
      else
        sqlite3_bind_int64(raw, at, std::stoll(*v.text));
    }
    int rc;
    while ((rc = sqlite3_step(raw)) == SQLITE_ROW) {
      std::vector<std::string>& row = out.rows.emplace_back();
      for (int c = 0; c < sqlite3_column_count(raw); ++c) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, c));
        row.push_back(text == nullptr ? "NULL" : text);
      }
    }
    if (rc != SQLITE_DONE) out.error = sqlite3_errmsg(db_);
    return out;
  }

 private:
  [[nodiscard]] std::string path() const { return directory_.path() + "/pairs.db"; }

  TemporaryDirectory directory_;
  sqlite3* db_ = nullptr;
};

}  // namespace

TEST_CASE("upserts keep semantics: SQLite, the table") {
  SqlitePairs database;
  size_t upserts = 0;
  for (const UpsertPair& pair : written_pairs(Engine::kSqlite)) check_pair(database, pair, upserts);
  CHECK(upserts > 90);
}

TEST_CASE("upserts keep semantics: SQLite, generated") {
  SqlitePairs database;
  size_t upserts = 0;
  for (uint64_t n = 0; n < 300; ++n) check_pair(database, generated_pair(Engine::kSqlite, n), upserts);
  CHECK(upserts > 250);
}

}  // namespace dbaudit
