// SQLite in memory: the same library that audits a file runs the fixes.

#include <sqlite3.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "analyzers/schema/ddl_text.h"
#include "analyzers/schema/scratch.h"

namespace dbaudit {
namespace {

constexpr int kMaxSteps = 200;  // rows of a result, and thousands of virtual-machine steps between two of them

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct Finalize {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

class SqliteScratch final : public Scratch {
 public:
  Result<void> set_up(const std::vector<Table>& tables) override {
    sqlite3* opened = nullptr;
    const int status = sqlite3_open_v2(":memory:", &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY, nullptr);
    db_.reset(opened);
    if (status != SQLITE_OK) return fail("SQLite cannot open a database in memory");
    // No file may come of it, whatever a fix says.
    sqlite3_limit(db_.get(), SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_progress_handler(db_.get(), 1000, &SqliteScratch::over_budget, this);
    for (const Table& t : tables) {
      const Result<std::vector<std::string>> statements = create_statements(t, Engine::kSqlite);
      if (!statements) return tl::unexpected<Error>(statements.error());
      for (const std::string& s : *statements) {
        if (Result<void> made = run(s); !made) return made;
      }
    }
    return {};
  }

  Result<void> run(const std::string& sql) override {
    if (db_ == nullptr) return fail("the scratch database was not set up");
    steps_ = 0;
    const char* rest = sql.c_str();
    sqlite3_stmt* prepared = nullptr;
    if (sqlite3_prepare_v2(db_.get(), rest, -1, &prepared, &rest) != SQLITE_OK) return problem();
    const std::unique_ptr<sqlite3_stmt, Finalize> statement(prepared);
    if (statement == nullptr) return fail("nothing to run");
    if (!trim(rest).empty()) return fail("more than one statement");
    int status = SQLITE_ROW;
    for (int i = 0; i < kMaxSteps && status == SQLITE_ROW; ++i) status = sqlite3_step(statement.get());
    if (status != SQLITE_DONE && status != SQLITE_ROW) return problem();
    return {};
  }

  [[nodiscard]] Engine engine() const override { return Engine::kSqlite; }

 private:
  static int over_budget(void* self) { return ++static_cast<SqliteScratch*>(self)->steps_ > kMaxSteps ? 1 : 0; }
  [[nodiscard]] tl::unexpected<Error> problem() const { return fail(printable(sqlite3_errmsg(db_.get()))); }

  std::unique_ptr<sqlite3, Close> db_;
  int steps_ = 0;
};

}  // namespace

Result<std::unique_ptr<Scratch>> sqlite_scratch() { return std::make_unique<SqliteScratch>(); }

}  // namespace dbaudit
