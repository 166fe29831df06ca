// DBA409: a row lock that the table's engine does not know.
//
//   A: SELECT … FOR UPDATE      B: SELECT … FOR UPDATE     neither waits: MyISAM and Aria have no row locks
//   A: UPDATE …                 B: UPDATE …                A's change is lost
//
// A locking read of a table of MyISAM, Aria, MEMORY and the like, or on SQLite, where FOR UPDATE is a syntax error.

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "analyzers/trace/history.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

bool has_no_effect(const WorkUnit& unit, const ReadAccess& r) {
  return r.lock != LockStrength::kNone && (unit.engine == Engine::kSqlite || !is_transactional(r.table));
}

void report(RuleContext& context, Match m, const ReadAccess& lock) {
  m.read_role = "lock";
  m.pattern = Pattern::kLockIgnored;
  if (lock.table != nullptr) m.message_detail = lock.table->storage_engine;
  context.place(m);
  context.report(std::move(m));
}

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.engine == Engine::kPostgres) return;
  const bool any = std::any_of(unit.ops.begin(), unit.ops.end(), [&](const Op& op) {
    const std::vector<ReadAccess>& reads = op.statement->access.reads;
    return std::any_of(reads.begin(), reads.end(), [&](const ReadAccess& r) { return has_no_effect(unit, r); });
  });
  if (!any) return;
  std::vector<bool> told(unit.ops.size(), false);  // by the write that needed the lock
  for (const uint32_t w : unit.writers) {
    for (const WriteAccess& write : unit.ops[w].statement->access.writes) {
      const std::optional<Decision>& decision = context.decision(unit, w, write);
      if (!decision || !has_no_effect(unit, *decision->read)) continue;
      told[decision->op] = true;
      report(context, match_of(unit, *decision, w, write), *decision->read);
    }
  }
  for (uint32_t r = 0; r < unit.ops.size(); ++r) {
    const Op& op = unit.ops[r];
    for (const ReadAccess& lock : op.statement->access.reads) {
      if (told[r] || !has_no_effect(unit, lock)) continue;
      Match m;
      m.unit = &unit;
      m.table = lock.table;
      m.table_name = lock.name;
      m.read = m.write = r;
      m.has_read = true;
      for (const KeyColumn& k : lock.equal) m.key_columns.push_back(k.name());
      m.columns = m.key_columns;
      m.row = row_identity(lock, lock.equal, op);
      report(context, std::move(m), lock);
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = f.detail.empty()
                        ? fmt::format("SQLite has no row locks: the FOR UPDATE on {} is refused or ignored.", f.material.table_name)
                        : fmt::format("{} is a table of {}, which has no row locks: the lock is ignored.", f.material.table_name, f.detail);
  if (f.material.engine == Engine::kSqlite) {
    add_fixes(finding, suggest::row_lock(f.material));
  } else {
    add_fixes(finding, suggest::innodb(f.material));
  }
}

}  // namespace

extern const Rule kRule_for_update_without_effect;
const Rule kRule_for_update_without_effect = {"DBA409",
                                              "for-update-without-effect",
                                              Severity::kError,
                                              "A locking read of a table whose engine ignores row locks",
                                              {Trait::kLockingReads},
                                              check,
                                              describe};

}  // namespace dbaudit
