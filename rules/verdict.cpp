#include "rules/verdict.h"

#include <fmt/format.h>

namespace dbaudit {

namespace {

struct Cell {
  Pattern pattern;
  Engine engine;
  Level level;
  Outcome outcome;
  std::string_view what;
  std::string_view source = {};  ///< empty: it was measured
};

constexpr Cell kCells[] = {
#define CELL(pattern, engine, level, outcome, what) {Pattern::pattern, Engine::engine, Level::level, Outcome::outcome, what},
#define EVERY_LEVEL(pattern, engine, outcome, what)
#define FROM_MANUAL(pattern, engine, outcome, what, source)
#include "rules/verdict_cells.def"
#undef CELL
#undef EVERY_LEVEL
#undef FROM_MANUAL
};

// What happens whatever the level; a cell of the level itself goes before it.
constexpr Cell kEveryLevel[] = {
#define CELL(pattern, engine, level, outcome, what)
#define EVERY_LEVEL(pattern, engine, outcome, what) {Pattern::pattern, Engine::engine, Level::kAutocommit, Outcome::outcome, what},
#define FROM_MANUAL(pattern, engine, outcome, what, source) \
  {Pattern::pattern, Engine::engine, Level::kAutocommit, Outcome::outcome, what, source},
#include "rules/verdict_cells.def"
#undef CELL
#undef EVERY_LEVEL
#undef FROM_MANUAL
    {Pattern::kLockReleased, Engine::kUnknown, Level::kAutocommit, Outcome::kUnknown, ""},
};

std::string_view measured_on(Engine engine) {
  switch (engine) {
    case Engine::kPostgres: return "measured on PostgreSQL 15";
    case Engine::kMySql: return "measured on MariaDB 10.11, not on MySQL itself";
    case Engine::kMariaDb: return "measured on MariaDB 10.11";
    case Engine::kSqlite: return "measured on SQLite 3.40";
    case Engine::kUnknown: break;
  }
  return "";
}

}  // namespace

Effects effects_of(Pattern pattern, bool inserts) {
  static constexpr Effects kEffects[] = {
#define PATTERN(name, read, last_write) {read, last_write},
#include "rules/verdict/patterns.def"
#undef PATTERN
  };
  Effects effects = kEffects[static_cast<size_t>(pattern)];
  // Nothing is written over by a new row; what goes wrong is that it is one too many.
  if (inserts && effects.last_write == "A's change is lost") effects.last_write = "decided without A's row";
  return effects;
}

Verdict judge(Pattern pattern, Engine engine, Level level) {
  const Engine family = engine == Engine::kMySql ? Engine::kMariaDb : engine;
  for (const Cell& c : kCells) {
    if (c.pattern == pattern && c.engine == family && c.level == level) return {c.outcome, c.what, measured_on(engine), false};
  }
  for (const Cell& c : kEveryLevel) {
    if (c.pattern == pattern && c.engine == family) return {c.outcome, c.what, c.source.empty() ? measured_on(engine) : c.source, true};
  }
  return {};
}

std::string level_title(Engine engine, Level level) {
  const std::string_view title = engine_title(engine);
  switch (level) {
    case Level::kAutocommit: return fmt::format("{} with the statements in different transactions", title);
    case Level::kReadCommitted: return fmt::format("{} at READ COMMITTED", title);
    case Level::kRepeatableRead: return fmt::format("{} at REPEATABLE READ", title);
    case Level::kSnapshotIsolation: return fmt::format("{} at REPEATABLE READ with innodb_snapshot_isolation=ON", title);
    case Level::kSerializable: return fmt::format("{} at SERIALIZABLE", title);
    case Level::kDeferred: return fmt::format("{} in a deferred transaction", title);
    case Level::kImmediate: return fmt::format("{} in an immediate transaction", title);
  }
  return std::string(title);
}

std::string explain_verdict(Pattern pattern, Engine engine, Level level, Scope scope) {
  const Verdict v = judge(pattern, engine, level);
  if (v.outcome == Outcome::kUnknown) {
    return engine == Engine::kUnknown ? "The engine is not known (--engine, --dsn), so what it does here is not known either."
                                      : fmt::format("{}: not measured.", level_title(engine, level));
  }
  // Of one statement only there are no two transactions.
  const bool alone = scope == Scope::kNone && level == Level::kAutocommit;
  const std::string where = v.at_every_level ? fmt::format("{} at every level", engine_title(engine))
                            : alone          ? fmt::format("{} in autocommit", engine_title(engine))
                                             : level_title(engine, level);
  std::string text = fmt::format("{}: {} ({}).", where, v.what, v.source);
  if (v.outcome != Outcome::kSilent) return text;
  if (scope == Scope::kScopeBased) {
    text += " No isolation level reaches across two transactions.";
    return text;
  }
  if (scope != Scope::kLevelBased || engine == Engine::kSqlite) return text;
  // Would a stronger level turn the silence into an error? Look it up.
  for (const Level stronger : {Level::kRepeatableRead, Level::kSerializable}) {
    if (stronger <= level) continue;
    const Verdict at = judge(pattern, engine, stronger);
    if (at.outcome == Outcome::kSafe) {
      text += fmt::format(" {} would prevent it.", level_title(engine, stronger));
      return text;
    }
    if (at.outcome == Outcome::kRetry || at.outcome == Outcome::kDeadlock) {
      text += fmt::format(" {} would turn it into an error that must be retried.", level_title(engine, stronger));
      return text;
    }
  }
  text += " No stronger isolation level helps.";
  return text;
}

}  // namespace dbaudit
