// Rule::interest leaves nothing out: of every unit of every log at hand, a rule that the runner would not call reports and notes nothing.

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "analyzers/schema/ddl.h"
#include "analyzers/trace/session.h"
#include "cli/scan.h"
#include "rules/lookup_insert.h"
#include "rules/match.h"
#include "rules/protection.h"
#include "rules/registry.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace fs = std::filesystem;

namespace dbaudit {
namespace {

/// Answers everything that may be asked, and so that rules say the most, and counts what they say.
class Listener final : public RuleContext {
 public:
  Listener(const Catalog* catalog, Engine engine) : catalog_(catalog), engine_(engine) {
    if (catalog != nullptr) protections_.emplace(*catalog);
  }
  const Catalog* catalog() const override { return catalog_; }
  Engine engine() const override { return engine_; }
  void report(Match) override { ++said; }
  const std::vector<LookupInsert>& lookup_inserts(const WorkUnit& unit) override {
    inserts_ = find_lookup_inserts(unit, protections_ ? &*protections_ : nullptr);
    return inserts_;
  }
  std::optional<ReadRef> picking_read(const WorkUnit& unit, uint32_t write, const WriteAccess& w) override {
    return deciding_read(unit, write, w, RowLink::kPicked);
  }
  const std::optional<Decision>& decision(const WorkUnit& unit, uint32_t write, const WriteAccess& w) override {
    decision_ = decision_of(unit, write, w);
    return decision_;
  }
  const Protection& protection(const Table& table, const std::vector<LookupColumn>& lookup) override {
    return protections_->of(table, lookup);
  }
  bool snapshot_isolation() const override { return false; }
  bool row_was_read(uint64_t, Name) const override { return true; }
  bool is_well_known(const Op&) const override { return false; }
  void note(uint64_t, const WorkUnit&, uint32_t) override { ++said; }

  uint64_t said = 0;

 private:
  const Catalog* catalog_;
  Engine engine_;
  std::optional<KnownProtections> protections_;
  std::vector<LookupInsert> inserts_;
  std::optional<Decision> decision_;
};

struct Tally {
  uint64_t units = 0, called = 0, left_out = 0;
  std::map<std::string, uint64_t> wrong;  // by rule and log
};

void listen(const std::string& log_path, const std::string& schema, Tally& tally) {
  Catalog catalog;
  bool has_catalog = false;
  if (!schema.empty()) {
    if (Result<Catalog> loaded = load_schema({schema}, Engine::kUnknown)) {
      catalog = *std::move(loaded);
      has_catalog = true;
    }
  }
  ScanOptions options;
  std::optional<Result<OpenLog>> standard_input;
  const ScanTarget nothing;
  const Engine engine = decide_engine(options, nothing, {log_path}, standard_input);
  Result<OpenLog> log = open_log(log_path, options, engine);
  if (!log) return;
  Templates templates(dialect_of(engine));
  const Catalog* const known = has_catalog ? &catalog : nullptr;
  Binder binder(known);
  // The level that most rules wait for.
  for (const Isolation level : {Isolation::kReadCommitted, Isolation::kRepeatableRead}) {
    TraceOptions trace_options;
    trace_options.engine = engine;
    trace_options.default_isolation = level;
    Trace trace(templates, binder, trace_options, [&](const WorkUnit& unit) {
      const TraitMask traits = traits_of(unit);
      ++tally.units;
      for (const Rule* rule : all_rules()) {
        Listener listener(known, engine);
        const bool is_called = rule->interest.is_met_by(traits);
        ++(is_called ? tally.called : tally.left_out);
        if (is_called) continue;
        rule->check(unit, listener);
        if (listener.said != 0) ++tally.wrong[std::string(rule->code) + " of " + log_path];
      }
    });
    Result<OpenLog> again = open_log(log_path, options, engine);
    if (!again) return;
    LogRecord record;
    while (again->reader->next(record)) trace.feed(0, again->format->name, again->format->orm, record);
    trace.finish();
  }
}

void listen_below(const fs::path& root, Tally& tally) {
  std::vector<fs::path> logs;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = entry.path().extension().string();
    if (entry.is_regular_file() && (name == ".log" || name == ".csv" || name == ".json" || name == ".txt")) logs.push_back(entry.path());
  }
  std::sort(logs.begin(), logs.end());
  for (const fs::path& log : logs) {
    const fs::path schema = log.parent_path() / "schema.sql";
    listen(log.string(), fs::exists(schema) ? schema.string() : std::string(), tally);
  }
}

void check(const Tally& tally) {
  for (const auto& [where, units] : tally.wrong) UNSCOPED_INFO(where << ": " << units << " units");
  CHECK(tally.wrong.empty());
  CHECK(tally.units > 100);
  CHECK(tally.called > 0);
  CHECK(tally.left_out > 1000);
}

}  // namespace

TEST_CASE("interest: no rule says anything of a unit that the runner keeps from it, in the logs of the fixtures") {
  Tally tally;
  listen_below(fs::path(DBAUDIT_SOURCE_DIR) / "fixtures", tally);
  check(tally);
}

TEST_CASE("interest: … nor in the logs of the corpus", "[corpus]") {
  const fs::path corpus = fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared" / "corpus";
  if (!fs::exists(corpus)) SKIP_TEST("no corpus beside the repository");
  Tally tally;
  listen_below(corpus, tally);
  check(tally);
}

}  // namespace dbaudit
