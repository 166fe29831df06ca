#include "analyzers/trace/locks.h"

#include <algorithm>

#include "analyzers/base/text.h"
#include "analyzers/trace/transaction.h"

namespace dbaudit {

namespace {

constexpr size_t kMaxOpen = 64;     // session locks, flags and table locks looked at when something is released
constexpr size_t kMaxParents = 16;  // foreign keys of one row
constexpr size_t kFewRows = 8;      // locked by one unit, as a rule

bool fills(const ReferredRow& row, const Op& op) {
  return std::none_of(row.slots.begin(), row.slots.end(), [&](int slot) { return op.value(slot).is_null(); });
}

// The column that an UPDATE flips from a value it asks for to another: `SET locked = 'Y' … WHERE locked = 'N'`. Null: none.
const KeyColumn* flag_of(const WriteAccess& w, const Op& op) {
  if (w.kind != StatementKind::kUpdate) return nullptr;
  for (const KeyColumn& k : w.equal) {
    const ColumnWrite* c = w.find(k);
    if (c == nullptr || k.is_list) continue;
    const bool to_slot = c->value->kind == OperandKind::kSlot;
    if (!to_slot && c->value->kind != OperandKind::kNow) continue;
    const Value& to = op.value(to_slot ? c->value->slot : kNoSlot);
    if (to_slot && !to.known()) continue;
    if (k.is_null ? !to.is_null() : !same_value(to, op.value(k.slot))) return &k;
  }
  return nullptr;
}

// Does `w` set the flag back that `claim` flipped, in the same row?
bool sets_back(const WriteAccess& w, const Op& op, const WriteAccess& claim, const Op& claim_op) {
  if (w.kind != StatementKind::kUpdate || !w.same_table(claim)) return false;
  const KeyColumn* flag = flag_of(claim, claim_op);
  const ColumnWrite* c = flag != nullptr ? w.find(*flag) : nullptr;
  if (c == nullptr || c->value->kind != OperandKind::kSlot) return false;
  const Value& to = op.value(c->value->slot);
  if (flag->is_null ? !to.is_null() : !same_value(to, claim_op.value(flag->slot))) return false;
  return std::all_of(claim.equal.begin(), claim.equal.end(), [&](const KeyColumn& k) {
    if (k.column == flag->column || k.is_null) return true;
    return std::any_of(w.equal.begin(), w.equal.end(),
                       [&](const KeyColumn& x) { return x.column == k.column && same_value(op.value(x.slot), claim_op.value(k.slot)); });
  });
}

bool same_key(const LockStatement& a, const Op& x, const LockStatement& b, const Op& y) {
  if (a.key_slots.size() != b.key_slots.size()) return b.key_slots.empty();
  for (size_t i = 0; i < a.key_slots.size(); ++i) {
    const Value& v = x.value(a.key_slots[i]);
    const Value& w = y.value(b.key_slots[i]);
    if (v.known() && w.known() && !same_value(v, w)) return false;
  }
  return true;
}

bool reads_plainly(const Op& op) {
  const std::vector<ReadAccess>& reads = op.statement->access.reads;
  return op.facts().kind == StatementKind::kSelect &&
         std::any_of(reads.begin(), reads.end(), [](const ReadAccess& r) { return r.lock == LockStrength::kNone; });
}

}  // namespace

bool is_transactional(const Table* table) {
  static constexpr std::string_view kNot[] = {"myisam", "aria", "memory", "heap", "csv", "archive", "blackhole", "merge", "mrg_myisam"};
  return table == nullptr || table->storage_engine.empty() ||
         std::none_of(std::begin(kNot), std::end(kNot), [&](std::string_view n) { return iequals(n, table->storage_engine); });
}

bool names_table(const LockStatement& lock, std::string_view table) {
  const size_t dot = table.rfind('.');
  const std::string_view schema = dot == std::string_view::npos ? std::string_view() : table.substr(0, dot);
  const std::string_view bare = dot == std::string_view::npos ? table : table.substr(dot + 1);
  return std::any_of(lock.tables.begin(), lock.tables.end(), [&](const ObjectName& n) {
    return iequals(n.name, bare) && (schema.empty() || n.schema.empty() || iequals(n.schema, schema));
  });
}

std::string_view HeldLock::table_name() const {
  if (parent != nullptr) return parent->referenced_table;
  if (read != nullptr) return read->name;
  return write != nullptr ? std::string_view(write->name) : std::string_view();
}

bool is_held(const WorkUnit& unit, const HeldLock& lock, uint32_t op) {
  return op >= lock.op && op < lock.until && (lock.transaction == HeldLock::kNone || unit.ops[op].transaction == lock.transaction);
}

void UnitLocks::add_rows(const WorkUnit& unit, uint32_t i) {
  const Op& op = unit.ops[i];
  if ((op.statement->access.traits & (Trait::kWrites | Trait::kLockingReads)) == 0) return;
  if (unit.engine == Engine::kSqlite || !unit.transactions[op.transaction].is_explicit) return;
  if (rows_.empty()) rows_.reserve(std::min<size_t>(unit.ops.size() - i, kFewRows));
  HeldLock lock;
  lock.op = i;
  lock.transaction = op.transaction;
  lock.found_nothing = op.rows == 0;
  for (const ReadAccess& r : op.statement->access.reads) {
    if (r.lock == LockStrength::kNone || !is_transactional(r.table)) continue;
    lock.read = &r;
    lock.strength = r.lock;
    lock.wait = r.wait;
    rows_.push_back(lock);
  }
  lock.read = nullptr;
  lock.wait = LockWait::kBlock;
  for (const WriteAccess& w : op.statement->access.writes) {
    if (w.hidden || !is_transactional(w.table)) continue;
    lock.write = &w;
    lock.strength = LockStrength::kUpdate;
    rows_.push_back(lock);
    if (w.refers_to.empty() || w.table->foreign_keys.size() > kMaxParents) continue;
    lock.strength = is_mysql_family(unit.engine) ? LockStrength::kShare : LockStrength::kKeyShare;
    for (const ReferredRow& row : w.refers_to) {
      if (!fills(row, op)) continue;
      lock.parent = row.key;
      rows_.push_back(lock);
    }
    lock.parent = nullptr;
  }
}

void UnitLocks::add_broad(const WorkUnit& unit, uint32_t i) {
  const Op& op = unit.ops[i];
  // An UPDATE may claim a flag.
  if ((op.statement->access.traits & (Trait::kLocks | Trait::kUpdates)) == 0 && unit.engine != Engine::kSqlite) return;
  const Transaction& tx = unit.transactions[op.transaction];
  const auto hold = [this](HeldLock lock) {
    if (open_.size() >= kMaxOpen) open_.erase(open_.begin());
    open_.push_back(static_cast<uint32_t>(broad_.size()));
    broad_.push_back(lock);
  };
  HeldLock lock;
  lock.op = i;
  for (const LockStatement& l : op.facts().locks) {
    const bool advisory = l.kind == ExplicitLock::kAdvisory;
    if (!advisory && l.kind != ExplicitLock::kTable) continue;
    // A PostgreSQL LOCK TABLE belongs to the transaction, as pg_advisory_xact_lock does: without one it is gone at once.
    const bool of_transaction = l.transaction_scoped || (!advisory && unit.engine == Engine::kPostgres);
    if (of_transaction && !tx.is_explicit) continue;
    lock.kind = advisory ? LockKind::kAdvisory : LockKind::kTable;
    lock.statement = &l;
    lock.strength = l.shared ? LockStrength::kShare : LockStrength::kUpdate;
    if (!advisory && unit.engine == Engine::kPostgres && l.mode.starts_with("ROW ")) lock.strength = LockStrength::kNone;
    if (!advisory && l.mode == "ACCESS SHARE") lock.strength = LockStrength::kNone;
    // Two sessions can hold SHARE UPDATE EXCLUSIVE on one table never, but writers do not ask for it.
    if (!advisory && l.mode == "SHARE UPDATE EXCLUSIVE") lock.strength = LockStrength::kNone;
    lock.transaction = of_transaction ? op.transaction : HeldLock::kNone;
    hold(lock);
  }
  lock.statement = nullptr;
  if (unit.engine == Engine::kSqlite && tx.is_explicit) {
    const bool from_begin = tx.mode == BeginMode::kImmediate || tx.mode == BeginMode::kExclusive;
    const bool held = !broad_.empty() && broad_.back().kind == LockKind::kDatabase && broad_.back().transaction == op.transaction;
    if (!held && (from_begin || !op.statement->access.writes.empty())) {
      lock.kind = LockKind::kDatabase;
      lock.strength = LockStrength::kUpdate;
      lock.transaction = op.transaction;
      broad_.push_back(lock);
    }
    return;
  }
  for (const WriteAccess& w : op.statement->access.writes) {
    if (op.rows == 0 || flag_of(w, op) == nullptr) continue;
    lock.kind = LockKind::kFlag;
    lock.strength = LockStrength::kUpdate;
    lock.write = &w;
    lock.transaction = HeldLock::kNone;
    hold(lock);
  }
}

void UnitLocks::release(const WorkUnit& unit, uint32_t i) {
  const Op& op = unit.ops[i];
  const Transaction& tx = unit.transactions[op.transaction];
  const auto end_where = [&](LockEnd end, bool last_only, auto&& ends) {
    for (size_t at = open_.size(); at-- > 0;) {
      HeldLock& lock = broad_[open_[at]];
      if (!ends(lock)) continue;
      lock.until = i;
      lock.end = end;
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(at));
      if (last_only) return;
    }
  };
  const auto is_lock_tables = [](const HeldLock& lock) { return lock.kind == LockKind::kTable && lock.transaction == HeldLock::kNone; };
  if (tx.begun && tx.first == i && is_mysql_family(unit.engine)) end_where(LockEnd::kDroppedByBegin, false, is_lock_tables);
  for (const LockStatement& l : op.facts().locks) {
    if (l.kind == ExplicitLock::kUnlockTables || (l.kind == ExplicitLock::kTable && unit.engine != Engine::kPostgres)) {
      end_where(LockEnd::kReleased, false, [&](const HeldLock& lock) { return is_lock_tables(lock) && lock.op != i; });
    } else if (l.kind == ExplicitLock::kAdvisoryRelease) {
      end_where(LockEnd::kReleased, !l.key_slots.empty(), [&](const HeldLock& lock) {
        return lock.kind == LockKind::kAdvisory && lock.transaction == HeldLock::kNone &&
               same_key(*lock.statement, unit.ops[lock.op], l, op);
      });
    }
  }
  for (const WriteAccess& w : op.statement->access.writes) {
    if (w.kind != StatementKind::kUpdate) continue;
    end_where(LockEnd::kReleased, true,
              [&](const HeldLock& lock) { return lock.kind == LockKind::kFlag && sets_back(w, op, *lock.write, unit.ops[lock.op]); });
  }
}

void UnitLocks::find(const WorkUnit& unit) {
  rows_.clear();
  broad_.clear();
  open_.clear();
  snapshots_.clear();
  const bool innodb = is_mysql_family(unit.engine);
  for (uint32_t i = 0; i < unit.ops.size(); ++i) {
    const Op& op = unit.ops[i];
    const Transaction& tx = unit.transactions[op.transaction];
    if (tx.is_explicit && tx.isolation >= Isolation::kRepeatableRead && snapshot(op.transaction) == HeldLock::kNone) {
      const bool takes = innodb ? tx.isolation == Isolation::kRepeatableRead && (tx.consistent_snapshot || reads_plainly(op))
                                : unit.engine == Engine::kPostgres && op.facts().kind != StatementKind::kLock;
      if (takes && snapshots_.empty()) snapshots_.assign(unit.transactions.size(), HeldLock::kNone);
      if (takes) snapshots_[op.transaction] = i;
    }
    if (op.failed) continue;
    if (!open_.empty()) release(unit, i);
    add_rows(unit, i);
    add_broad(unit, i);
  }
  // A row that was claimed and never given back is a row of the application's, not a lock of it.
  std::erase_if(broad_, [](const HeldLock& lock) { return lock.kind == LockKind::kFlag && lock.end != LockEnd::kReleased; });
  // InnoDB keeps its row locks, unless the transaction had none before the savepoint (measured on MariaDB 10.11).
  if (unit.engine != Engine::kPostgres) return;
  uint32_t live = HeldLock::kNone;  // the first op from here on that no ROLLBACK TO undid
  const auto undo = [&](std::vector<HeldLock>& locks, uint32_t i, size_t& at) {
    for (; at > 0 && locks[at - 1].op == i; --at) {
      HeldLock& lock = locks[at - 1];
      if (lock.transaction == HeldLock::kNone || live == HeldLock::kNone || unit.ops[live].transaction != lock.transaction) continue;
      if (live < lock.until) {
        lock.until = live;
        lock.end = LockEnd::kSavepoint;
      }
    }
  };
  size_t row = rows_.size(), broad = broad_.size();
  for (auto i = static_cast<uint32_t>(unit.ops.size()); i-- > 0;) {
    const bool undone = unit.ops[i].rolled_back;
    if (!undone) live = i;
    if (undone) {
      undo(rows_, i, row);
      undo(broad_, i, broad);
    } else {
      while (row > 0 && rows_[row - 1].op == i) --row;
      while (broad > 0 && broad_[broad - 1].op == i) --broad;
    }
  }
}

std::span<const HeldLock> UnitLocks::rows(uint32_t first, uint32_t last) const {
  const auto from = std::lower_bound(rows_.begin(), rows_.end(), first, [](const HeldLock& l, uint32_t op) { return l.op < op; });
  const auto to = std::upper_bound(from, rows_.end(), last, [](uint32_t op, const HeldLock& l) { return op < l.op; });
  return {from, to};
}

}  // namespace dbaudit
