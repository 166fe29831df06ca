// DBA401: a lock that is gone before it is needed.
//
//   A: SELECT … id = 1 FOR UPDATE    (autocommit: locked and unlocked at once)
//   B: SELECT … id = 1 FOR UPDATE    does not wait
//   A: UPDATE … WHERE id = 1
//   B: UPDATE … WHERE id = 1          A's change is lost
//
// A locking read in autocommit; alone in its transaction (an ORM that wraps each statement); or in a transaction that ends before the write it was taken for. Only
// from a log that shows where transactions begin and end. Silent on SQLite, which has no row locks (DBA409).

#include <fmt/format.h>

#include "analyzers/trace/history.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.engine == Engine::kSqlite) return;
  for (uint32_t r = 0; r < unit.ops.size(); ++r) {
    const Op& read = unit.ops[r];
    const Transaction& tx = unit.transactions[read.transaction];
    // A transaction that was rolled back did nothing with its lock: a deadlock's victim, a check that failed.
    if (tx.boundary != Boundary::kExplicit || tx.head_lost || (tx.end != TxEnd::kCommit && tx.end != TxEnd::kAutocommit) || read.failed)
      continue;
    for (const ReadAccess& lock : read.statement->access.reads) {
      if (lock.lock == LockStrength::kNone || !lock.top_level) continue;
      if (tx.is_explicit && tx.first != tx.last) {
        // It did something under the lock: only a lock that ends before the write of the same row is this finding.
        bool wrote = false;
        for (uint32_t i = tx.first; i <= tx.last; ++i) wrote |= !unit.ops[i].statement->access.writes.empty();
        if (wrote) continue;
      }
      Match m;
      m.unit = &unit;
      m.table = lock.table;
      m.table_name = lock.name;
      m.read = m.write = r;
      m.has_read = true;
      m.read_role = "lock";
      m.pattern = Pattern::kLockReleased;
      for (const KeyColumn& k : lock.equal) m.key_columns.push_back(k.name());
      m.row = row_identity(lock, lock.equal, read);
      m.message_detail = tx.is_explicit ? "own-transaction" : "autocommit";
      bool writes_what_was_read = false;
      // The write it was taken for: the next one of the same row, by value or as the row it picked.
      for (uint32_t w = r + 1; w < unit.ops.size() && w <= r + kReach && !m.has_write; ++w) {
        const Op& write = unit.ops[w];
        for (const WriteAccess& a : write.statement->access.writes) {
          if (a.is_insert() || link_rows(read, lock, write, a) == RowLink::kNone) continue;
          if (write.transaction == read.transaction || protected_by_lock(unit, w, w, a)) continue;
          m.write = w;
          m.has_write = true;
          for (const ColumnWrite& c : a.set) {
            if (!lock.projects(c)) continue;
            m.columns.push_back(c.column);
            writes_what_was_read |= c.value->kind != OperandKind::kNow;
          }
          break;
        }
      }
      // It decided something under the lock, and nothing was to be written: what is written later is another matter, unless it was read here.
      if (tx.first != tx.last && (!m.has_write || !writes_what_was_read)) continue;
      if (m.columns.empty()) m.columns = m.key_columns;
      // Alone in its transaction and nothing written after: a test of a lock, or the end of the log.
      if (tx.is_explicit && !m.has_write) m.confidence = Confidence::kPossible;
      context.place(m);
      m.scope = m.has_write ? Scope::kScopeBased : Scope::kNone;
      m.level = Level::kAutocommit;
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string_view how = f.detail == "autocommit" ? "in autocommit" : "alone in its transaction";
  finding.message = f.has_write
                        ? fmt::format("{} is locked {}, so the lock is gone before the UPDATE that needs it.", f.material.table_name, how)
                        : fmt::format("{} is locked {}: the lock is released at once and protects nothing.", f.material.table_name, how);
  add_fixes(finding, suggest::row_lock(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "for-update"));
}

}  // namespace

extern const Rule kRule_for_update_outside_transaction;
const Rule kRule_for_update_outside_transaction = {"DBA401",
                                                   "for-update-outside-transaction",
                                                   Severity::kError,
                                                   "A locking read whose transaction ends before the write: the lock protects nothing",
                                                   {Trait::kLockingReads},
                                                   check,
                                                   describe};

}  // namespace dbaudit
