#pragma once
// What an engine does with a pattern at a level: a table of measured outcomes (verdict_cells.def), never an opinion in an `if`.

#include <cstdint>
#include <string>
#include <string_view>

#include "analyzers/base/engine.h"
#include "rules/finding.h"

namespace dbaudit {

enum class Pattern : uint8_t {
#define PATTERN(name, read, last_write) name,
#include "rules/verdict/patterns.def"
#undef PATTERN
};

/// Where the read and the write stand.
enum class Level : uint8_t {
  kAutocommit,  ///< in different transactions: no isolation level reaches over both
  kReadCommitted,
  kRepeatableRead,
  kSnapshotIsolation,  ///< MariaDB REPEATABLE READ with innodb_snapshot_isolation=ON
  kSerializable,
  kDeferred,   ///< SQLite BEGIN
  kImmediate,  ///< SQLite BEGIN IMMEDIATE or EXCLUSIVE
};

enum class Outcome : uint8_t {
  kUnknown,   ///< not measured
  kSilent,    ///< data goes wrong and nobody is told
  kError,     ///< an error reaches the application where none need be (the level makes it)
  kRetry,     ///< one session gets an error it must retry: 40001, 1020, SQLITE_BUSY
  kDeadlock,  ///< one session is the victim of a deadlock: 1213, 40P01
  kWaits,     ///< safe: the others wait, and that is the price
  kSafe,
};

struct Verdict {
  Outcome outcome = Outcome::kUnknown;
  std::string_view what;    ///< what happens, as a clause
  std::string_view source;  ///< where it was measured, or who says it
  bool at_every_level = false;
};

/// What a drawing says beside the statements: what the reads bring, and what the last write does.
struct Effects {
  std::string_view read, last_write;
};
[[nodiscard]] Effects effects_of(Pattern pattern, bool inserts);

[[nodiscard]] Verdict judge(Pattern pattern, Engine engine, Level level);

/// `PostgreSQL at READ COMMITTED`, `SQLite in autocommit`.
[[nodiscard]] std::string level_title(Engine engine, Level level);

/// The explanation of a finding, in plain words: what the engine does here, whether a stronger level would help, where it was measured.
[[nodiscard]] std::string explain_verdict(Pattern pattern, Engine engine, Level level, Scope scope);

}  // namespace dbaudit
