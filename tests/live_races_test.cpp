// What the rules claim, seen to happen: each race of fixtures/races is run by two real sessions in every order its statements can take, at every
// isolation level. The buggy form must come to what verdict_cells.def says of it there; a fixed form must never reach the bad state.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/registry.h"
#include "tests/catch.h"
#include "tests/live_mariadb.h"
#include "tests/live_postgres.h"
#include "tests/race_explorer.h"
#include "tests/race_program.h"
#include "tests/race_session.h"

namespace dbaudit {
namespace {

constexpr Level kPostgresLevels[] = {Level::kAutocommit, Level::kReadCommitted, Level::kRepeatableRead, Level::kSerializable};
constexpr Level kMariaDbLevels[] = {Level::kAutocommit, Level::kReadCommitted, Level::kRepeatableRead, Level::kSnapshotIsolation,
                                    Level::kSerializable};
constexpr Level kSqliteLevels[] = {Level::kAutocommit, Level::kDeferred, Level::kImmediate};

std::span<const Level> levels_of(Engine engine) {
  if (engine == Engine::kPostgres) return kPostgresLevels;
  if (engine == Engine::kMariaDb) return kMariaDbLevels;
  return kSqliteLevels;
}

std::vector<Race> races() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(DBAUDIT_SOURCE_DIR) / "fixtures/races")) {
    if (entry.path().extension() == ".race") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  std::vector<Race> all;
  for (const std::string& f : files) all.push_back(read_race(f));
  return all;
}

void race_on(Engine engine) {
  const std::unique_ptr<RaceDatabase> database = RaceDatabase::open(engine);
  REQUIRE(database != nullptr);
  size_t buggy = 0, fixed = 0, schedules = 0;
  for (const Race& race : races()) {
    for (const RaceForm& form : race.forms) {
      // Sessions that bring their levels along do the same whatever the level in force.
      std::optional<RaceOutcome> once;
      for (const Level level : levels_of(engine)) {
        if (!form.where.includes(engine, level)) continue;
        const Verdict cell = race.pattern ? judge(*race.pattern, engine, level) : Verdict{};
        const bool is_buggy = !form.fixed;
        if (is_buggy && race.pattern && cell.outcome == Outcome::kUnknown) continue;
        INFO(race.file << " " << (is_buggy ? "buggy " : "fixed ") << form.title << " on " << engine_title(engine) << ", "
                       << race_level_name(level));
        const bool anew = !once;
        if (anew) once = explore(race, form, level, *database);
        const RaceOutcome seen = *once;
        if (!form.levels[0] || !form.levels[1]) once.reset();
        INFO("in " << seen.schedules << " orders at worst " << outcome_name(seen.worst) << ":\n" << seen.witness);
        if (anew) schedules += seen.schedules;
        if (is_buggy) {
          ++buggy;
          const Outcome claimed = race.pattern ? cell.outcome : Outcome::kSilent;
          INFO("claimed: " << outcome_name(claimed));
          // A deadlock where no level asks for one is an error like any other, and to wait is safe unless it is what the cell speaks of.
          CHECK((seen.worst == claimed || (claimed == Outcome::kError && seen.worst == Outcome::kDeadlock) ||
                 (claimed == Outcome::kSafe && seen.worst == Outcome::kWaits)));
        } else {
          ++fixed;
          CHECK(seen.worst != Outcome::kSilent);
          CHECK(seen.worst != Outcome::kError);
          if (form.runs_again) CHECK((seen.worst == Outcome::kSafe || seen.worst == Outcome::kWaits));
          if (cell.outcome == Outcome::kWaits) CHECK(seen.worst == Outcome::kSafe);
          // An error to retry is what a stronger level asks for; a deadlock only where every lookup locks.
          if (form.levels[0].value_or(level) != Level::kSerializable) CHECK(seen.worst != Outcome::kDeadlock);
        }
      }
    }
  }
  CHECK(buggy > 0);
  CHECK(fixed > 0);
  std::fprintf(stderr, "%s: %zu buggy and %zu fixed forms in %zu orders\n", std::string(engine_title(engine)).c_str(), buggy, fixed,
               schedules);
}

}  // namespace

// Rules that no order of two sessions can show right or wrong.
constexpr std::pair<std::string_view, std::string_view> kWithoutRace[] = {
    {"DBA108", "says that the table holds what a race has left"},
    {"DBA901", "speaks of the log, not of the database"},
};

TEST_CASE("races: every rule has one, or a reason to have none") {
  std::set<std::string, std::less<>> raced;
  for (const Race& race : races()) {
    INFO(race.file);
    CHECK(find_rule(race.rule) != nullptr);
    raced.insert(race.rule);
  }
  for (const Rule* rule : all_rules()) {
    INFO(rule->code << " " << rule->name);
    const bool excused =
        std::any_of(std::begin(kWithoutRace), std::end(kWithoutRace), [&](const auto& w) { return w.first == rule->code; });
    CHECK(raced.contains(rule->code) != excused);
  }
}

TEST_CASE("races: what a verdict says of an engine is raced there") {
  const std::vector<Race> all = races();
  constexpr std::pair<std::string_view, Pattern> kPatterns[] = {
#define PATTERN(name, read, last_write) {#name, Pattern::name},
#include "rules/verdict/patterns.def"
#undef PATTERN
  };
  for (const auto& [name, pattern] : kPatterns) {
    for (const Engine engine : {Engine::kPostgres, Engine::kMariaDb, Engine::kSqlite}) {
      INFO(name << " on " << engine_title(engine));
      bool judged = false, raced = false;
      for (const Level level : levels_of(engine)) {
        if (judge(pattern, engine, level).outcome == Outcome::kUnknown) continue;
        judged = true;
        for (const Race& race : all) {
          if (race.pattern != pattern) continue;
          for (const RaceForm& form : race.forms) raced = raced || (!form.fixed && form.where.includes(engine, level));
        }
      }
      CHECK(judged == raced);
    }
  }
}

TEST_CASE("races: PostgreSQL does what the verdicts say", "[races][live]") {
  NEED_POSTGRES();
  race_on(Engine::kPostgres);
}

TEST_CASE("races: MariaDB does what the verdicts say", "[races][live]") {
  if (!LiveMariaDb::find()) SKIP_TEST("no DBAUDIT_TEST_MARIADB (scripts/with-servers)");
  race_on(Engine::kMariaDb);
}

TEST_CASE("races: SQLite does what the verdicts say", "[races]") { race_on(Engine::kSqlite); }

}  // namespace dbaudit
