// Another isolation level for the session. What the level costs is the trade-off; whether it helps is the rule's to know (ISOLATION: a level never
// helps what is spread over two transactions).

#include <fmt/format.h>

#include "rules/suggest/suggest.h"

namespace dbaudit::suggest {

std::vector<Fix> isolation_level(const Material& m, Isolation level) {
  if (level == Isolation::kUnknown || level == m.isolation) return {};
  Fix fix;
  fix.kind = "isolation";
  fix.title = fmt::format("Run this transaction at {}", isolation_name(level));
  if (m.engine == Engine::kPostgres) {
    fix.sql = {fmt::format("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {}", isolation_name(level))};
  } else if (is_mysql_family(m.engine)) {
    fix.sql = {fmt::format("SET SESSION TRANSACTION ISOLATION LEVEL {}", isolation_name(level))};
  } else {
    return {};  // SQLite has no level to choose
  }
  fix.use.own = 1;
  switch (level) {
    case Isolation::kSerializable:
      fix.trade_off = m.engine == Engine::kPostgres
                          ? "Protects only when every writer of these tables runs at it; retry the whole transaction on 40001 and 40P01."
                          : "Every plain SELECT takes shared locks: deadlocks (1213) are certain, retry the whole transaction on them.";
      break;
    case Isolation::kReadCommitted:
      fix.trade_off = "Each statement sees what is committed when it starts: code that counts on one snapshot for several reads loses it.";
      if (is_mysql_family(m.engine)) fix.trade_off += " The binary log must be ROW (or MIXED).";
      break;
    case Isolation::kRepeatableRead:
      fix.trade_off = m.engine == Engine::kPostgres
                          ? "A write over a concurrent change gives 40001: retry the whole transaction."
                          : "Plain reads come from one snapshot and can be stale; lost updates are not prevented.";
      break;
    case Isolation::kReadUncommitted:
    case Isolation::kUnknown: return {};
  }
  return {fix};
}

}  // namespace dbaudit::suggest
