// DBA407: a lock that two sessions hold at once, and then each wants for itself.
//
//   A: SELECT … id = 1 FOR SHARE      B: SELECT … id = 1 FOR SHARE
//   A: UPDATE … WHERE id = 1          waits for B
//   B: UPDATE … WHERE id = 1          waits for A: deadlock
//
// FOR SHARE or LOCK IN SHARE MODE before the UPDATE or DELETE of the row; LOCK TABLE … IN SHARE MODE before a write; on InnoDB the INSERT of a child, which locks
// its parent shared through the foreign key, before the UPDATE of that parent. Silent when something stronger was held before the shared lock.

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

constexpr size_t kNear = 64;  // locks looked at before a write, latest first

std::string_view bare(std::string_view name) { return name.substr(name.rfind('.') == std::string_view::npos ? 0 : name.rfind('.') + 1); }

// The parent row of the child that `lock` inserted: does `w` write that row?
bool is_parent_row(const HeldLock& lock, const Op& child, const Op& write, const WriteAccess& w) {
  if (bare(lock.table_name()) != bare(w.name) || lock.parent->referenced_columns.size() != lock.parent->columns.size()) return false;
  for (size_t i = 0; i < lock.parent->columns.size(); ++i) {
    const ColumnWrite* c = lock.write->find(to_lower(lock.parent->columns[i]));
    const bool same =
        c != nullptr && std::any_of(w.equal.begin(), w.equal.end(), [&](const KeyColumn& k) {
          return iequals(k.column, lock.parent->referenced_columns[i]) && same_value(write.value(k.slot), child.value(c->value->slot));
        });
    if (!same) return false;
  }
  return !lock.parent->columns.empty();
}

bool locks_row(const HeldLock& lock, const WorkUnit& unit, const Op& write, const WriteAccess& w) {
  const Op& op = unit.ops[lock.op];
  if (lock.parent != nullptr) return is_parent_row(lock, op, write, w);
  return lock.read != nullptr && !lock.found_nothing && lock.wait == LockWait::kBlock &&
         link_rows(op, *lock.read, write, w) != RowLink::kNone;
}

// Is the row this transaction's alone when it takes the shared lock: locked for writing, written, or made by it?
bool alone_before(const WorkUnit& unit, const HeldLock& shared, const Op& write, const WriteAccess& w) {
  size_t looked = 0;
  const std::span<const HeldLock> before = unit.locks->rows(unit.transactions[write.transaction].first, shared.op);
  for (auto it = before.rbegin(); it != before.rend() && looked < kNear; ++it, ++looked) {
    if (!it->exclusive() || bare(it->table_name()) != bare(w.name)) continue;
    const Op& op = unit.ops[it->op];
    if (it->read != nullptr ? agree(op, it->read->equal, write, w.equal) != Agreement::kContradicted
                            : it->write->is_insert() || agree(op, it->write->equal, write, w.equal) != Agreement::kContradicted)
      return true;
  }
  return false;
}

void report(const WorkUnit& unit, RuleContext& context, const HeldLock& lock, uint32_t w, const WriteAccess& access, Pattern pattern) {
  const Op& write = unit.ops[w];
  Match m;
  m.unit = &unit;
  m.table = access.table;
  m.table_name = access.name;
  m.read = lock.op;
  m.write = w;
  m.has_read = m.has_write = true;
  m.read_role = lock.parent != nullptr ? "insert" : "lock";
  for (const ColumnWrite& c : access.set) m.columns.push_back(c.column);
  for (const KeyColumn& k : access.equal) m.key_columns.push_back(k.name());
  if (m.columns.empty()) m.columns = m.key_columns;
  m.row = row_identity(access, access.equal, write);
  m.pattern = pattern;
  m.severity = Severity::kWarning;
  if (lock.parent != nullptr) m.message_detail = lock.write->name;
  context.place(m);
  if (!m.level_known) m.confidence = Confidence::kPossible;
  if (is_deadlock(write)) {
    m.confidence = Confidence::kObserved;
    m.evidence.push_back({"deadlock", fmt::format("this statement was the victim of a deadlock ({})", write.error_code()), {}});
    m.evidence_op = w;
  }
  context.report(std::move(m));
}

void check(const WorkUnit& unit, RuleContext& context) {
  const bool innodb = is_mysql_family(unit.engine);
  if (!innodb && unit.engine != Engine::kPostgres) return;
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    const Transaction& tx = unit.transactions[write.transaction];
    if (write.statement->access.writes.empty() || !tx.is_explicit || tx.first == w || (write.failed && !is_deadlock(write))) continue;
    for (const WriteAccess& access : write.statement->access.writes) {
      if (access.hidden) continue;
      for (const HeldLock& lock : unit.locks->broad()) {
        if (lock.op >= w) break;
        if (innodb || lock.kind != LockKind::kTable || lock.strength != LockStrength::kShare || !is_held(unit, lock, w)) continue;
        if (names_table(*lock.statement, access.name)) report(unit, context, lock, w, access, Pattern::kSharedTableThenWrite);
      }
      if (access.is_insert() || access.equal.empty()) continue;
      const std::span<const HeldLock> before = unit.locks->rows(std::max(tx.first, reach_from(w)), w - 1);
      size_t looked = 0;
      for (auto it = before.rbegin(); it != before.rend() && looked < kNear; ++it, ++looked) {
        if (it->strength != LockStrength::kShare || !is_held(unit, *it, w) || !locks_row(*it, unit, write, access)) continue;
        if (it->parent != nullptr && access.kind != StatementKind::kUpdate) continue;
        if (alone_before(unit, *it, write, access)) break;
        report(unit, context, *it, w, access, it->parent != nullptr ? Pattern::kChildThenParent : Pattern::kSharedThenWrite);
        break;
      }
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string& table = f.material.table_name;
  if (f.pattern == Pattern::kChildThenParent) {
    finding.message = fmt::format(
        "The INSERT into {} locks its row of {} shared, and the UPDATE wants it alone: two sessions at it deadlock.", f.detail, table);
    add_fixes(finding, suggest::swapped(f.material));
  } else if (f.pattern == Pattern::kSharedTableThenWrite) {
    finding.message = fmt::format("{} is locked IN SHARE MODE and then written: two sessions hold the lock at once and deadlock.", table);
    add_fixes(finding, suggest::table_lock(f.material));
  } else {
    finding.message = fmt::format("A row of {} is locked shared and then written: two sessions hold the lock at once and deadlock.", table);
    add_fixes(finding, suggest::row_lock(f.material));
    add_fixes(finding, suggest::in_orm_words(f.material, "for-update"));
  }
}

}  // namespace

extern const Rule kRule_shared_lock_then_write;
const Rule kRule_shared_lock_then_write = {"DBA407",
                                           "shared-lock-then-write",
                                           Severity::kWarning,
                                           "A row is locked shared and then written in the same transaction: two sessions deadlock",
                                           {Trait::kWrites},
                                           check,
                                           describe};

}  // namespace dbaudit
