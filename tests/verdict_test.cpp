// The measured outcomes: complete, and explained in plain words.

#include "rules/verdict.h"

#include "tests/catch.h"

using namespace dbaudit;

TEST_CASE("every pattern has an outcome at every level of every engine it can occur on") {
  for (const Pattern p : {Pattern::kGetOrCreate,
                          Pattern::kGetOrCreateUnique,
                          Pattern::kStaleRetry,
                          Pattern::kInsertWhereNotExists,
                          Pattern::kInsertWhereNotExistsUnique,
                          Pattern::kUpdateOrInsert,
                          Pattern::kUpdateOrInsertUnique,
                          Pattern::kReadModifyWrite,
                          Pattern::kCheckThenDecrement,
                          Pattern::kVersionUnchecked,
                          Pattern::kVersionTimestamp,
                          Pattern::kFullRowOverwrite,
                          Pattern::kStaleUpsert,
                          Pattern::kToggle,
                          Pattern::kToggleRow,
                          Pattern::kToggleRowUnique,
                          Pattern::kDeleteInsert,
                          Pattern::kDeleteInsertAbsent,
                          Pattern::kDeleteInsertUnique,
                          Pattern::kDeleteInsertUniqueAbsent,
                          Pattern::kResurrect,
                          Pattern::kMixedWrites,
                          Pattern::kSplitWrites,
                          Pattern::kMaxPlusOne,
                          Pattern::kMaxPlusOneUnique,
                          Pattern::kMaxPlusOneStatement,
                          Pattern::kQueuePop,
                          Pattern::kCheckThenAct,
                          Pattern::kCheckThenActStatement,
                          Pattern::kWriteSkew,
                          Pattern::kWriteSkewStatement,
                          Pattern::kOverlap,
                          Pattern::kOrphan}) {
    for (const Level l : {Level::kAutocommit, Level::kReadCommitted, Level::kRepeatableRead, Level::kSerializable}) {
      CHECK(judge(p, Engine::kPostgres, l).outcome != Outcome::kUnknown);
      CHECK(judge(p, Engine::kMariaDb, l).outcome != Outcome::kUnknown);
    }
    CHECK(judge(p, Engine::kMariaDb, Level::kSnapshotIsolation).outcome != Outcome::kUnknown);
    for (const Level l : {Level::kAutocommit, Level::kDeferred, Level::kImmediate})
      CHECK(judge(p, Engine::kSqlite, l).outcome != Outcome::kUnknown);
  }
}

TEST_CASE("what no level changes is said to be so at every level") {
  for (const Pattern p : {Pattern::kUpsertWithoutKey, Pattern::kStricterKey}) {
    for (const Engine e : {Engine::kPostgres, Engine::kMariaDb, Engine::kSqlite}) {
      const Verdict v = judge(p, e, Level::kSerializable);
      CHECK(v.outcome != Outcome::kUnknown);
      CHECK(v.at_every_level);
    }
  }
  CHECK(explain_verdict(Pattern::kUpsertWithoutKey, Engine::kMariaDb, Level::kAutocommit, Scope::kNone).find("MariaDB at every level: ") ==
        0);
  CHECK(!judge(Pattern::kGetOrCreate, Engine::kPostgres, Level::kReadCommitted).at_every_level);
  CHECK(judge(Pattern::kConflictTarget, Engine::kMariaDb, Level::kReadCommitted).outcome == Outcome::kUnknown);
}

TEST_CASE("MySQL takes MariaDB's cells and says that it was not measured itself") {
  const Verdict my = judge(Pattern::kReadModifyWrite, Engine::kMySql, Level::kRepeatableRead);
  CHECK(my.outcome == judge(Pattern::kReadModifyWrite, Engine::kMariaDb, Level::kRepeatableRead).outcome);
  CHECK(my.source.find("not on MySQL") != std::string_view::npos);
}

TEST_CASE("the explanation says whether a stronger level would help") {
  const std::string level_based = explain_verdict(Pattern::kReadModifyWrite, Engine::kPostgres, Level::kReadCommitted, Scope::kLevelBased);
  CHECK(level_based.find("PostgreSQL at REPEATABLE READ would turn it into an error") != std::string::npos);
  const std::string my = explain_verdict(Pattern::kReadModifyWrite, Engine::kMariaDb, Level::kReadCommitted, Scope::kLevelBased);
  CHECK(my.find("SERIALIZABLE would turn it into an error") != std::string::npos);
  const std::string scope_based = explain_verdict(Pattern::kReadModifyWrite, Engine::kPostgres, Level::kAutocommit, Scope::kScopeBased);
  CHECK(scope_based.find("No isolation level reaches across two transactions") != std::string::npos);
  CHECK(explain_verdict(Pattern::kReadModifyWrite, Engine::kUnknown, Level::kAutocommit, Scope::kNone).find("not known") !=
        std::string::npos);
}
