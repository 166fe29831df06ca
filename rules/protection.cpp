#include "rules/protection.h"

#include <algorithm>
#include <cmath>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"

namespace dbaudit {

namespace {

constexpr uint32_t kFirstLocks = 16;  // a lock that all take first stands at the beginning of the transaction
constexpr size_t kFewColumns = 4;     // written back by one UPDATE: more are rare
constexpr size_t kBroadReach = 64;    // table and advisory locks looked at, latest first

std::string_view bare_name(std::string_view table) {
  return table.substr(table.rfind('.') == std::string_view::npos ? 0 : table.rfind('.') + 1);
}

// The parent picked by another of its keys (`code = 'C0'`) and referenced by the row inserted: a foreign key says that the two belong together.
bool is_referenced(const ReadAccess& r, const WriteAccess& w) {
  if (r.table == nullptr || w.table == nullptr || !(r.one_row || (r.limited && !r.equal.empty()))) return false;
  return std::any_of(w.table->foreign_keys.begin(), w.table->foreign_keys.end(), [&](const ForeignKey& fk) {
    return iequals(fk.referenced_table, r.table->name) && std::any_of(fk.columns.begin(), fk.columns.end(), [&](const std::string& c) {
             return !w.is_insert() || w.find(to_lower(c)) != nullptr;
           });
  });
}

// Is the value one of those that the write is about: of its key, or of a column it inserts?
bool is_about(const Op& write, const WriteAccess& w, const Value& v) {
  if (!v.known() || v.is_null() || !mentions(write, v)) return false;
  for (const KeyColumn& y : w.equal) {
    if (!y.is_null && same_value(write.value(y.slot), v)) return true;
  }
  return w.is_insert() && std::any_of(w.set.begin(), w.set.end(), [&](const ColumnWrite& c) {
           return c.value->kind == OperandKind::kSlot && same_value(write.value(c.value->slot), v);
         });
}

// A lock on a parent or a set: another row whose key value is one of the values this write is about.
bool is_parent(const HeldLock& lock, const Op& op, const Op& write, const WriteAccess& w) {
  if (lock.parent != nullptr) return false;
  if (lock.read != nullptr && is_referenced(*lock.read, w)) return true;
  if (lock.write != nullptr && lock.write->is_insert()) {
    // The row of a lock table: its unique key lets one session in.
    const Table* table = lock.write->table;
    return table != nullptr && std::any_of(table->keys.begin(), table->keys.end(), [&](const Key& key) {
             return key.unique && !key.parts.empty() && std::all_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& part) {
                      const ColumnWrite* c = part.column.empty() ? nullptr : lock.write->find(to_lower(part.column));
                      return c != nullptr && c->value->kind == OperandKind::kSlot && is_about(write, w, op.value(c->value->slot));
                    });
           });
  }
  const std::vector<KeyColumn>& equal = lock.read != nullptr ? lock.read->equal : lock.write->equal;
  return std::any_of(equal.begin(), equal.end(),
                     [&](const KeyColumn& k) { return !k.is_null && !k.is_list && is_about(write, w, op.value(k.slot)); });
}

// A row that this transaction inserted is nobody else's yet.
bool inserted_here(const HeldLock& lock, const Op& op, const Op& write, const WriteAccess& w) {
  return !w.equal.empty() && std::all_of(w.equal.begin(), w.equal.end(), [&](const KeyColumn& k) {
    const ColumnWrite* c = lock.write->find(k);
    return c != nullptr && c->value->kind == OperandKind::kSlot && same_value(op.value(c->value->slot), write.value(k.slot));
  });
}

// `SET x = x`, or a literal that the log last wrote there.
bool changes_nothing(const WriteAccess& w, const Op& op) {
  for (size_t i = 0; i < w.set.size(); ++i) {
    const bool same = i < op.steps().size() && op.steps()[i] == 0;
    if (w.set[i].value->kind != OperandKind::kSelf && !(w.set[i].value->kind == OperandKind::kSlot && same)) return false;
  }
  return true;
}

class Question {
 public:
  Question(const WorkUnit& unit, uint32_t read, uint32_t write, const WriteAccess& w, bool snapshot_isolation)
      : unit_(unit),
        read_(read),
        write_(write),
        w_(w),
        op_(unit.ops[write]),
        tx_(unit.transactions[op_.transaction]),
        snapshot_(unit.locks->snapshot(op_.transaction)),
        innodb_(is_mysql_family(unit.engine)),
        updates_conflict_(snapshot_isolation || tx_.snapshot_isolation) {}

  LockAnswer answer() {
    ask_broad();
    if (!found() && tx_.is_explicit) ask_rows();
    return best_;
  }

 private:
  [[nodiscard]] bool found() const { return best_.shield != Shield::kNone && best_.flaw == Flaw::kNone; }
  void shield(Shield s, const HeldLock& lock) {
    if (!found()) best_ = {s, Flaw::kNone, &lock};
  }
  void flaw(Flaw f, const HeldLock& lock, Shield s = Shield::kNone) {
    if (best_.flaw == Flaw::kNone && best_.shield == Shield::kNone) best_ = {s, f, &lock};
  }
  [[nodiscard]] bool repeatable() const { return tx_.isolation == Isolation::kRepeatableRead; }
  [[nodiscard]] bool snapshot_before(uint32_t op) const { return snapshot_ != HeldLock::kNone && snapshot_ < op; }
  [[nodiscard]] bool in_transaction(uint32_t op) const { return tx_.is_explicit && unit_.ops[op].transaction == op_.transaction; }
  [[nodiscard]] bool held_to_write(const HeldLock& lock) const { return is_held(unit_, lock, write_); }
  /// The deciding read sees the newest rows whatever the snapshot.
  [[nodiscard]] bool reads_latest() const {
    const std::vector<ReadAccess>& reads = unit_.ops[read_].statement->access.reads;
    return std::any_of(reads.begin(), reads.end(), [&](const ReadAccess& r) { return r.same_table(w_) && r.lock != LockStrength::kNone; });
  }

  void ask_broad() {
    const std::span<const HeldLock> broad = unit_.locks->broad();
    const auto end = std::upper_bound(broad.begin(), broad.end(), read_, [](uint32_t op, const HeldLock& l) { return op < l.op; });
    size_t looked = 0;
    for (auto it = end; it != broad.begin() && looked < kBroadReach && !found(); ++looked) {
      --it;
      switch (it->kind) {
        case LockKind::kRow: break;
        case LockKind::kTable: ask_table(*it); break;
        case LockKind::kAdvisory: ask_advisory(*it); break;
        case LockKind::kFlag:
          if (it->op < write_ && it->until > write_) shield(Shield::kFlag, *it);
          break;
        case LockKind::kDatabase:
          if (held_to_write(*it) && (it->op < write_ || tx_.mode == BeginMode::kImmediate || tx_.mode == BeginMode::kExclusive))
            shield(Shield::kDatabase, *it);
          break;
      }
    }
  }

  void ask_table(const HeldLock& lock) {
    const std::vector<ReadAccess>& reads = unit_.ops[read_].statement->access.reads;
    const bool named = names_table(*lock.statement, w_.name) ||
                       std::any_of(reads.begin(), reads.end(), [&](const ReadAccess& r) { return names_table(*lock.statement, r.name); });
    if (!named || lock.strength == LockStrength::kNone) return;
    if (lock.end == LockEnd::kDroppedByBegin && lock.until <= write_) {
      if (lock.exclusive() && lock.until <= read_) flaw(Flaw::kDroppedByBegin, lock);
      return;
    }
    if (!held_to_write(lock)) return;
    if (!lock.exclusive()) {
      // MySQL refuses a write under LOCK TABLES … READ; PostgreSQL's SHARE lets two in, and each waits for the other to write.
      if (!innodb_ && names_table(*lock.statement, w_.name)) flaw(Flaw::kShared, lock, Shield::kTable);
      return;
    }
    if (!innodb_ && repeatable() && snapshot_before(lock.op)) return flaw(Flaw::kStaleSnapshot, lock);
    shield(Shield::kTable, lock);
  }

  void ask_advisory(const HeldLock& lock) {
    if (!lock.exclusive()) return;
    if (lock.end == LockEnd::kReleased && (lock.until <= write_ || in_transaction(lock.until))) {
      // Released between the read and the COMMIT; before the read it has nothing to do with the pair.
      if (lock.until > read_) flaw(Flaw::kReleasedEarly, lock);
      return;
    }
    if (!held_to_write(lock)) return;
    if (!in_transaction(lock.op) || tx_.isolation < Isolation::kRepeatableRead) return shield(Shield::kAdvisory, lock);
    if (!innodb_) {
      if (repeatable()) flaw(Flaw::kLockTookSnapshot, lock);
      return;
    }
    if (repeatable() && snapshot_before(lock.op)) return flaw(Flaw::kStaleSnapshot, lock);
    shield(Shield::kAdvisory, lock);
  }

  void ask_rows() {
    const uint32_t near = std::max(tx_.first, reach_from(read_));
    for (const HeldLock& lock : unit_.locks->rows(near, read_)) ask_row(lock);
    if (tx_.first < near) {
      for (const HeldLock& lock : unit_.locks->rows(tx_.first, std::min(tx_.first + kFirstLocks, near - 1))) ask_row(lock);
    }
    if (best_.shield != Shield::kNone || best_.flaw != Flaw::kNone || read_ >= write_) return;
    for (const HeldLock& lock : unit_.locks->rows(std::max(read_ + 1, reach_from(write_)), write_ - 1)) {
      if (lock.exclusive() && lock.transaction == op_.transaction && is_own(lock)) flaw(Flaw::kAfterDecision, lock);
    }
  }

  // Is it the row that is written? By another key of it too (id and slug), unless the values say that it is not.
  [[nodiscard]] bool is_own(const HeldLock& lock) const {
    if (lock.parent != nullptr || lock.table_name() != w_.name || w_.is_insert()) return false;
    const Op& op = unit_.ops[lock.op];
    if (lock.read != nullptr) return agree(op, lock.read->equal, op_, w_.equal) != Agreement::kContradicted;
    if (lock.write->is_insert()) return inserted_here(lock, op, op_, w_);
    return lock.write->kind == StatementKind::kUpdate && agree(op, lock.write->equal, op_, w_.equal) == Agreement::kShared;
  }

  void ask_row(const HeldLock& lock) {
    if (found() || !held_to_write(lock) || (lock.op == write_ && lock.write != nullptr)) return;
    const Op& op = unit_.ops[lock.op];
    if (is_own(lock)) return ask_own(lock, op);
    if (lock.parent == nullptr && lock.read != nullptr && w_.is_insert() && lock.table_name() == w_.name) return ask_set(lock, op);
    if (!lock.exclusive() || lock.wait == LockWait::kSkipLocked || bare_name(lock.table_name()) == bare_name(w_.name)) return;
    if (lock.write != nullptr && lock.write->kind == StatementKind::kDelete) return;
    if (!is_parent(lock, op, op_, w_)) return;
    if (lock.found_nothing) return flaw(Flaw::kFoundNothing, lock);
    if (!innodb_ && tx_.isolation >= Isolation::kRepeatableRead) {
      // An UPDATE of the parent makes the second session fail (40001); a row that is merely locked does not.
      if (lock.write != nullptr) return shield(Shield::kParent, lock);
      if (repeatable()) flaw(Flaw::kLockTookSnapshot, lock);
      return;
    }
    const bool conflict_seen = updates_conflict_ && !w_.is_insert();
    if (innodb_ && repeatable() && snapshot_before(lock.op) && !reads_latest() && !conflict_seen) return flaw(Flaw::kStaleSnapshot, lock);
    shield(Shield::kParent, lock);
  }

  void ask_own(const HeldLock& lock, const Op& op) {
    if (lock.found_nothing && lock.read != nullptr) return flaw(Flaw::kFoundNothing, lock);
    if (lock.strength == LockStrength::kShare) return flaw(Flaw::kShared, lock, Shield::kRow);
    if (!lock.exclusive()) return;
    const bool one = lock.read == nullptr || lock.read->one_row || lock.read->limited;
    // The lock is on the newest row, the plain read after it sees the snapshot. A row changed by this transaction it sees as it is.
    const bool stale = innodb_ && repeatable() && !updates_conflict_ && snapshot_before(lock.op) && lock.op != read_ && !reads_latest();
    if (stale && (lock.read != nullptr || changes_nothing(*lock.write, op))) return flaw(Flaw::kStaleSnapshot, lock);
    shield(one ? Shield::kRow : Shield::kSet, lock);
  }

  // The rows there are, locked before another is added.
  void ask_set(const HeldLock& lock, const Op& op) {
    if (!lock.exclusive()) return;
    if (lock.found_nothing) return flaw(Flaw::kFoundNothing, lock);
    const std::vector<ReadAccess>& reads = unit_.ops[read_].statement->access.reads;
    const bool counts =
        std::any_of(reads.begin(), reads.end(), [&](const ReadAccess& r) { return r.same_table(w_) && r.aggregate != Aggregate::kNone; });
    const bool some = op.rows > 0 || (read_ != write_ && (counts || (lock.op == read_ && !lock.read->limited)));
    if (!some) return;
    if (!innodb_) return flaw(Flaw::kNewRowsEnter, lock);
    if (repeatable() && snapshot_before(lock.op) && lock.op != read_ && !reads_latest()) return flaw(Flaw::kStaleSnapshot, lock);
    shield(Shield::kSet, lock);
  }

  const WorkUnit& unit_;
  uint32_t read_, write_;
  const WriteAccess& w_;
  const Op& op_;
  const Transaction& tx_;
  uint32_t snapshot_;
  bool innodb_, updates_conflict_;
  LockAnswer best_;
};

// Could any column of it be written back? Asked before the reads are searched.
bool computes(const Op& op, const WriteAccess& w) {
  return w.kind == StatementKind::kUpdate && w.exact && !w.equal.empty() && w.others.empty() &&
         std::any_of(w.set.begin(), w.set.end(), [&](const ColumnWrite& c) {
           if (!c.is_for(ColumnUse::kQuantity) || c.is_for(ColumnUse::kVersion)) return false;
           if (c.value->kind == OperandKind::kSelfRelative) return c.value->sign < 0;
           return c.takes_value() && !std::isnan(number_written(op, w, static_cast<size_t>(&c - w.set.data())));
         });
}

}  // namespace

LockAnswer protection_of(const WorkUnit& unit, uint32_t read, uint32_t write, const WriteAccess& w, bool snapshot_isolation) {
  return Question(unit, read, write, w, snapshot_isolation).answer();
}

void WrittenBack::take(const std::string& column) {
  if (stayed) columns.clear();
  stayed = false;
  if (columns.empty()) columns.reserve(kFewColumns);
  columns.push_back(column);
}

void WrittenBack::add(const Op& write, const ColumnWrite& column, size_t i, int slot, double number) {
  written = hash_combine(written, hash_combine(column.hash, write.value(slot).hash()));
  const double step = i < write.steps().size() ? write.steps()[i] : std::nan("");
  if (!std::isnan(step) && step == 0) {
    if (!columns.empty() && !stayed) return;
    stayed = true;
    columns.push_back(column.column);
    return;
  }
  const bool moves = !std::isnan(step) && std::abs(step) <= std::max(100.0, std::abs(number - step));
  if (!moves && !column.is_for(ColumnUse::kQuantityName)) return;
  moved |= moves;
  down |= moves && step < 0;
  take(column.column);
}

WrittenBack written_back(const Op& write, const WriteAccess& w, const ReadAccess& read) {
  WrittenBack back;
  if (w.kind != StatementKind::kUpdate || !w.exact || w.equal.empty() || !w.others.empty()) return back;
  if (std::any_of(w.equal.begin(), w.equal.end(), [&](const KeyColumn& k) { return k.column.empty() || w.find(k) != nullptr; }))
    return back;
  for (size_t i = 0; i < w.set.size(); ++i) {
    const ColumnWrite& c = w.set[i];
    const bool is_relative = c.value->kind == OperandKind::kSelfRelative;
    if ((!is_relative && !c.takes_value()) || !c.is_for(ColumnUse::kQuantity) || c.is_for(ColumnUse::kVersion)) continue;
    const double number = is_relative ? 0 : number_written(write, w, i);
    if (std::isnan(number) || !read.projects(c)) continue;
    if (!is_relative) {
      back.add(write, c, i, c.value->slot, number);
    } else if (c.value->sign < 0) {
      back.take(c.column);
    }
  }
  return back;
}

std::optional<Decision> decision_of(const WorkUnit& unit, uint32_t write, const WriteAccess& w) {
  const Op& op = unit.ops[write];
  if (op.failed || op.truncated) return std::nullopt;
  if (!w.is_insert()) {
    if (!computes(op, w)) return std::nullopt;
    const std::optional<ReadRef> read = deciding_read(unit, write, w, RowLink::kPicked);
    if (!read) return std::nullopt;
    Decision d{read->op, read->access, written_back(op, w, *read->access)};
    if (d.what.columns.empty()) return std::nullopt;
    return d;
  }
  if (w.upsert != UpsertKind::kNone) return std::nullopt;
  for (uint32_t i = write; i-- > reach_from(write);) {
    const Op& earlier = unit.ops[i];
    if (!earlier.statement->access.may_read(w) || earlier.failed) continue;
    for (const ReadAccess& r : earlier.statement->access.reads) {
      if (!r.same_table(w) || !r.top_level || r.equal.empty() ||
          !(r.probe || r.aggregate != Aggregate::kNone || r.lock != LockStrength::kNone))
        continue;
      Decision d{i, &r, {}};
      for (const KeyColumn& k : r.equal) {
        const ColumnWrite* c = k.column.empty() || k.is_null || k.is_list ? nullptr : w.find(k);
        if (c == nullptr || c->value->kind != OperandKind::kSlot) continue;
        if (same_value(earlier.value(k.slot), op.value(c->value->slot))) d.what.columns.push_back(k.column);
      }
      if (!d.what.columns.empty()) return d;
    }
  }
  return std::nullopt;
}

Match match_of(const WorkUnit& unit, const Decision& decision, uint32_t write, const WriteAccess& w) {
  Match m;
  m.unit = &unit;
  m.table = w.table;
  m.table_name = w.name;
  m.read = decision.op;
  m.write = write;
  m.has_read = m.has_write = true;
  m.columns = decision.what.columns;
  m.written = decision.what.written;
  m.value_moved_by_step = decision.what.moved;
  m.value_moved_down = decision.what.down;
  m.value_stayed = decision.what.stayed;
  m.writes_one_column = w.set.size() == 1;
  if (w.is_insert()) {
    m.key_columns = decision.what.columns;
    if (decision.read != nullptr) m.row = row_identity(w, decision.read->equal, unit.ops[decision.op]);
  } else {
    for (const KeyColumn& k : w.equal) m.key_columns.push_back(k.name());
    m.row = row_identity(w, w.equal, unit.ops[write]);
    if (decision.read == nullptr) return m;
    const bool by_value = link_rows(unit.ops[decision.op], *decision.read, unit.ops[write], w) == RowLink::kValues;
    if (!by_value && !decision.what.moved && !same_transaction(unit, decision.op, write)) m.confidence = Confidence::kPossible;
  }
  return m;
}

bool locks_deliberately(const WorkUnit& unit) {
  const std::span<const HeldLock> rows = unit.locks->rows();
  return !unit.locks->broad().empty() || std::any_of(rows.begin(), rows.end(), [](const HeldLock& l) { return l.read != nullptr; });
}

bool is_deadlock(const Op& op) {
  return op.failed && (op.error_code() == "40P01" || op.error_code() == "1213" || op.error_code() == "1467");
}

}  // namespace dbaudit
