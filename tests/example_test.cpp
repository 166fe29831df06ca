// Examples: what is copied of a work unit says the same when the unit is gone, and is spelled out as it was.

#include "analyzers/trace/example.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/schema/ddl.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

/// Runs statements in one session and keeps the parts that are about `about` of its only unit, in an arena of its own.
class Kept {
 public:
  explicit Kept(std::vector<uint32_t> about, bool whole = false)
      : about_(std::move(about)), whole_(whole), templates_(dialect_of(Engine::kPostgres)) {
    apply_ddl("CREATE TABLE t (id integer PRIMARY KEY, a integer, b text);", "x.sql", catalog_);
    catalog_.finish();
    TraceOptions options;
    options.engine = Engine::kPostgres;
    options.default_isolation = Isolation::kReadCommitted;
    trace_.emplace(templates_, binder_, options, [this](const WorkUnit& unit) { part = part_of(unit, about_, whole_, arena); });
  }
  Kept& say(const std::string& sql, std::string_view error_code = {}) {
    LogRecord r;
    r.kind = RecordKind::kStatement;
    r.session = "1";
    r.sql = sql;
    r.tx_boundary = TxBoundary::kExplicit;
    r.line = ++line_;
    r.time.micros = static_cast<int64_t>(line_) * 1000;
    r.has_error = !error_code.empty();
    r.error_code = error_code;
    trace_->feed(0, "test", "", r);
    return *this;
  }
  /// What the statements say; a blank for one that is left out.
  std::vector<std::string> statements() {
    trace_->finish();
    example = example_of(part);
    std::vector<std::string> all;
    for (const ExampleStatement& s : example.statements) all.push_back(s.sql);
    return all;
  }

  Arena arena;
  UnitPart part;
  ExampleUnit example;

 private:
  std::vector<uint32_t> about_;
  bool whole_;
  uint64_t line_ = 0;
  Catalog catalog_;
  Templates templates_;
  Binder binder_{&catalog_};
  std::optional<Trace> trace_;
};

using Texts = std::vector<std::string>;

TEST_CASE("an example has the values, the errors and the cells of its statements") {
  Kept kept({0, 1});
  kept.say("BEGIN ISOLATION LEVEL SERIALIZABLE")
      .say("SELECT a FROM t WHERE id IN (7, 8)")
      .say("UPDATE t SET a = 5, b = 'it''s' WHERE id = 7", "40001")
      .say("ROLLBACK");
  CHECK(kept.statements() == Texts{"select a from t where id in (7, 8)", "update t set a = 5, b = 'it''s' where id = 7"});
  REQUIRE(kept.example.transactions.size() == 1);
  CHECK(kept.example.transactions[0].isolation == Isolation::kSerializable);
  CHECK(kept.example.transactions[0].end == TxEnd::kRollback);
  const ExampleStatement& update = kept.example.statements[1];
  CHECK(update.failed);
  CHECK(update.error_code.str() == "40001");
  Texts cells;
  for (const ExampleCell& c : update.cells) cells.push_back(std::string(c.table) + "." + std::string(c.column) + " " + c.literal);
  CHECK(cells == Texts{"t.id 7", "t.a 5", "t.b 'it''s'"});
}

TEST_CASE("other turns of a loop are left out, in their places, unless the unit is shown whole") {
  for (const bool whole : {false, true}) {
    Kept kept({2, 3}, whole);
    kept.say("SELECT a FROM t WHERE id = 1").say("UPDATE t SET a = 1 WHERE id = 1");
    kept.say("SELECT a FROM t WHERE id = 2").say("UPDATE t SET a = 2 WHERE id = 2");
    kept.say("SELECT b FROM t WHERE id = 3");
    const Texts all = kept.statements();
    REQUIRE(all.size() == 5);
    CHECK(all[0] == (whole ? "select a from t where id = 1" : ""));
    CHECK(all[1] == (whole ? "update t set a = 1 where id = 1" : ""));
    CHECK(all[2] == "select a from t where id = 2");
    CHECK(all[4] == "select b from t where id = 3");
    CHECK(kept.part.about.front() == 2);
    CHECK(kept.part.about.back() == 3);
  }
}

TEST_CASE("a part begins a little before what it is about, and counts from there") {
  Kept kept({60});
  for (int i = 0; i < 100; ++i) {
    const std::string n = std::to_string(i);
    kept.say(i == 60 ? "UPDATE t SET a = 1 WHERE id = " + n : "SELECT b FROM t WHERE id = " + n);
  }
  const Texts all = kept.statements();
  REQUIRE(all.size() == 49);
  REQUIRE(kept.part.about.size() == 1);
  CHECK(all[kept.part.about.front()] == "update t set a = 1 where id = 60");
  CHECK(all.front() == "select b from t where id = 36");
  CHECK(kept.example.statements.front().transaction == 0);
  CHECK(kept.example.transactions.size() == 49);
}

TEST_CASE("what stood there before is shown with the statement that the example is about") {
  Kept kept({1});
  kept.say("UPDATE t SET a = 10, b = 'x' WHERE id = 1").say("UPDATE t SET a = 12, b = 'x' WHERE id = 1");
  static_cast<void>(kept.statements());
  CHECK(kept.example.statements[1].history == Texts{"update t set a = 10, b = 'x' where id = 1"});
}

TEST_CASE("an example that is too long, or about what is too far apart, is none; of a long list the first values do") {
  Kept far({0, 201});
  for (int i = 0; i < 202; ++i) far.say("SELECT a FROM t WHERE id = " + std::to_string(i));
  CHECK(far.statements().empty());
  CHECK(far.part.empty());

  Kept long_values({0});
  long_values.say("UPDATE t SET b = '" + std::string(200'000, 'x') + "' WHERE id = 1");
  CHECK(long_values.statements().empty());
  CHECK(long_values.part.empty());
  CHECK(long_values.arena.bytes_used() == 0);  // nothing is copied in vain

  Kept list({0});
  std::string in = "1000";
  for (int i = 1001; i < 3000; ++i) in += ", " + std::to_string(i);
  list.say("SELECT a FROM t WHERE id IN (" + in + ")");
  const Texts all = list.statements();
  REQUIRE(all.size() == 1);
  CHECK(all[0].ends_with(", 1030, 1031)"));
  CHECK(list.arena.bytes_used() < 3000);
}

}  // namespace
}  // namespace dbaudit
