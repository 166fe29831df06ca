#include "rules/set_lock.h"

#include <algorithm>

#include "analyzers/base/hash.h"

namespace dbaudit {

namespace {

// The same conditions with the same values: the lock covers the rows the decision is about.
bool covers_set(const Op& lock, const ReadAccess& l, const Op& read, const ReadAccess& set) {
  if (!l.same_table(set) || !is_locking(l.lock) || l.wait == LockWait::kSkipLocked || l.limited) return false;
  return std::all_of(l.equal.begin(), l.equal.end(), [&](const KeyColumn& k) {
    return std::any_of(set.equal.begin(), set.equal.end(), [&](const KeyColumn& s) {
      if (k.name() != s.name() || k.is_null != s.is_null || k.is_list || s.is_list) return false;
      return k.is_null || same_value(lock.value(k.slot), read.value(s.slot));
    });
  });
}

bool names_value(const Op& op, const std::vector<KeyColumn>& equal, const Value& v) {
  return v.known() && !v.is_null() && std::any_of(equal.begin(), equal.end(), [&](const KeyColumn& k) {
           return !k.is_null && !k.is_list && same_value(op.value(k.slot), v);
         });
}

}  // namespace

bool set_protected(const WorkUnit& unit, uint32_t read, const ReadAccess& set, uint32_t write, const WriteAccess& w, bool inserts) {
  // Asked of an INSERT, protected_by_lock() leaves out locks on rows of the table itself.
  WriteAccess as_insert = w;
  as_insert.kind = StatementKind::kInsert;
  if (protected_by_lock(unit, read, write, as_insert)) return true;
  if (!same_transaction(unit, read, write)) return false;
  // The same question with the values the set was read by: the parent's key may stand there only.
  WriteAccess as_read;
  as_read.kind = StatementKind::kInsert;
  static_cast<AccessedTable&>(as_read) = set;
  as_read.equal = set.equal;
  if (protected_by_lock(unit, read, read, as_read)) return true;
  if (inserts && unit.engine == Engine::kPostgres) return false;
  const Transaction& tx = unit.transactions[unit.ops[write].transaction];
  for (uint32_t i = std::max(tx.first, reach_from(read)); i <= read; ++i) {
    const Op& op = unit.ops[i];
    if (op.failed || op.transaction != unit.ops[write].transaction) continue;
    for (const ReadAccess& l : op.statement->access.reads) {
      if (!covers_set(op, l, unit.ops[read], set)) continue;
      // No row, no lock; MariaDB's gap locks do not exclude each other.
      if (op.rows == 0 && l.aggregate == Aggregate::kNone) continue;
      return true;
    }
  }
  return false;
}

bool guarded_elsewhere(const WorkUnit& unit, uint32_t read, const ReadAccess& set, uint32_t write, const WriteAccess& w) {
  const Op& target = unit.ops[write];
  const Op& decided = unit.ops[read];
  const uint32_t last = std::min<uint32_t>(static_cast<uint32_t>(unit.ops.size()) - 1, write + kReach);
  for (uint32_t i = reach_from(read); i <= last; ++i) {
    const Op& op = unit.ops[i];
    const bool here = op.transaction == target.transaction;
    if (i == write || op.failed || !(here || (i > read && i < write))) continue;
    for (const WriteAccess& u : op.statement->access.writes) {
      if (u.kind != StatementKind::kUpdate || u.same_table(w)) continue;
      const bool guarded = std::any_of(u.others.begin(), u.others.end(), [&](const OtherCondition& o) {
        return std::any_of(o.columns.begin(), o.columns.end(), [&](const std::string& c) { return u.find(c) != nullptr; });
      });
      if (!guarded) continue;
      for (const KeyColumn& k : u.equal) {
        const Value& v = op.value(k.is_null || k.is_list ? kNoSlot : k.slot);
        if (names_value(decided, set.equal, v) || names_value(target, w.equal, v)) return true;
        for (const ColumnWrite& c : w.set) {
          if (v.known() && c.value->kind == OperandKind::kSlot && same_value(target.value(c.value->slot), v)) return true;
        }
      }
    }
  }
  return false;
}

bool inserts_into_set(const Op& read, const ReadAccess& set, const Op& write, const WriteAccess& insert, bool may_be_whole_table) {
  if (!set.same_table(insert) || (set.equal.empty() && !may_be_whole_table)) return false;
  bool shared = set.equal.empty();
  for (const KeyColumn& k : set.equal) {
    if (k.column.empty() || k.is_list) return false;
    const ColumnWrite* c = insert.find(k);
    const Value& inserted = write.value(c != nullptr && c->value->kind == OperandKind::kSlot ? c->value->slot : kNoSlot);
    if (k.is_null) {
      if (c != nullptr && inserted.known() && !inserted.is_null()) return false;
      continue;
    }
    const Value& looked_up = read.value(k.slot);
    // A state that new rows get by default (`active = true`) is not named by the INSERT.
    if (c == nullptr) continue;
    if (!looked_up.known() || !inserted.known() || !same_value(looked_up, inserted)) return false;
    shared = true;
  }
  return shared;
}

uint64_t set_identity(const Op& read, const ReadAccess& set) {
  static const uint64_t kSet = hash_bytes("set");
  std::vector<uint64_t> parts;
  for (const KeyColumn& k : set.equal) {
    const Value& v = k.is_null ? null_value() : read.value(k.slot);
    if (!v.known()) return 0;
    parts.push_back(hash_combine(k.hash, v.hash()));
  }
  std::sort(parts.begin(), parts.end());
  uint64_t h = hash_combine(kSet, set.name_hash);
  for (const uint64_t p : parts) h = hash_combine(h, p);
  return h == 0 ? 1 : h;
}

}  // namespace dbaudit
