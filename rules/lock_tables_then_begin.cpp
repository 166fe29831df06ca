// DBA411: LOCK TABLES, then BEGIN, which releases it.
//
//   A: LOCK TABLES t WRITE
//   A: BEGIN                      t is unlocked
//   A: SELECT COUNT(*) … t, INSERT … t    as if nothing had been locked
//
// MySQL and MariaDB. Silent with autocommit off instead of BEGIN, and when UNLOCK TABLES came before.

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  if (!is_mysql_family(unit.engine)) return;
  for (const HeldLock& lock : unit.locks->broad()) {
    if (lock.kind != LockKind::kTable || lock.end != LockEnd::kDroppedByBegin || !lock.exclusive()) continue;
    const Transaction& tx = unit.transactions[unit.ops[lock.until].transaction];
    for (uint32_t w = lock.until; w <= tx.last && w < unit.ops.size() && w < lock.until + kReach; ++w) {
      const Op& op = unit.ops[w];
      const WriteAccess* write = nullptr;
      for (const WriteAccess& a : op.statement->access.writes) {
        if (names_table(*lock.statement, a.name)) write = &a;
      }
      if (write == nullptr || op.failed) continue;
      Match m;
      m.unit = &unit;
      m.table = write->table;
      m.table_name = write->name;
      m.read = m.write = w;
      m.has_read = m.has_write = true;
      m.read_role = "lock";
      for (const ColumnWrite& c : write->set) m.columns.push_back(c.column);
      for (const KeyColumn& k : write->equal) m.key_columns.push_back(k.name());
      m.pattern = Pattern::kTableUnlockedByBegin;
      context.place(m);  // the transaction's level, where the table lock is no more
      m.read = lock.op;
      m.scope = Scope::kNone;
      context.report(std::move(m));
      break;
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = fmt::format("BEGIN releases the LOCK TABLES of {}: the transaction runs without the lock.", f.material.table_name);
  const std::string& t = f.material.table_name;
  finding.interleaving = {{0, fmt::format("LOCK TABLES {} WRITE", t), false},
                          {0, "BEGIN  → unlocked", false},
                          {1, fmt::format("LOCK TABLES {} WRITE  → does not wait", t), false},
                          {1, "BEGIN", true}};
  add_fixes(finding, suggest::table_lock(f.material));
}

}  // namespace

extern const Rule kRule_lock_tables_then_begin;
const Rule kRule_lock_tables_then_begin = {
    "DBA411", "lock-tables-then-begin", Severity::kError, "BEGIN after LOCK TABLES releases the table lock", {}, check, describe};

}  // namespace dbaudit
