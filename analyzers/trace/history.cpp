#include "analyzers/trace/history.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"

namespace dbaudit {

namespace {
constexpr size_t kMaxNumberedTables = 4096;
constexpr size_t kMaxNumberedPerTable = 8;

// `value_in(slot)` is the value that an equality asks for.
template <typename ValueIn>
uint64_t identity(const std::string& table_name, const Table* table, const std::vector<KeyColumn>& equal, const ValueIn& value_in) {
  auto value_of = [&](std::string_view column) -> const KeyColumn* {
    for (const KeyColumn& k : equal) {
      if (k.column == column && !k.is_null && value_in(k.slot).known()) return &k;
    }
    return nullptr;
  };
  const Key* primary = table != nullptr ? table->primary_key() : nullptr;
  if (primary != nullptr && !primary->parts.empty()) {
    uint64_t h = hash_bytes(table_name);
    bool covered = true;
    for (const KeyPart& part : primary->parts) {
      const KeyColumn* k = value_of(part.column);
      if (k == nullptr) {
        covered = false;
        break;
      }
      h = hash_combine(h, hash_combine(hash_bytes(part.column), value_in(k->slot).hash));
    }
    if (covered) return h;
  }
  if (equal.empty()) return 0;
  std::vector<uint64_t> parts;
  for (const KeyColumn& k : equal) {
    const Value v = k.is_null ? null_value() : value_in(k.slot);
    if (!v.known()) return 0;
    parts.push_back(hash_combine(hash_bytes(k.name()), v.hash));
  }
  std::sort(parts.begin(), parts.end());
  uint64_t h = hash_bytes(table_name);
  for (const uint64_t p : parts) h = hash_combine(h, p);
  return h == 0 ? 1 : h;
}

}  // namespace

uint64_t row_identity(const std::string& table_name, const Table* table, const std::vector<KeyColumn>& equal, const Op& op) {
  return identity(table_name, table, equal, [&](int slot) { return op.value(slot); });
}

uint64_t first_row_identity(const std::string& table_name, const Table* table, const std::vector<KeyColumn>& equal, const Op& op) {
  return identity(table_name, table, equal, [&](int slot) {
    const auto i = static_cast<size_t>(slot);
    const bool is_list = slot >= 0 && i < op.values.lists.size() && !op.values.lists[i].empty();
    return is_list ? op.values.lists[i].front() : op.value(slot);
  });
}

std::vector<KeyColumn> upsert_key(const WriteAccess& w, const Write& write) {
  if (write.upsert != UpsertKind::kConflictUpdate && write.upsert != UpsertKind::kDuplicateUpdate) return {};
  const auto key_of = [&](const std::vector<std::string>& columns) {
    std::vector<KeyColumn> key;
    for (const std::string& name : columns) {
      const ColumnWrite* c = w.find(name);
      if (c == nullptr || c->value->kind != OperandKind::kSlot) return std::vector<KeyColumn>();
      KeyColumn k;
      k.column = name;
      k.slot = c->value->slot;
      key.push_back(std::move(k));
    }
    return key;
  };
  std::vector<std::string> columns;
  if (!write.conflict_columns.empty()) {
    for (size_t i = 0; i < write.conflict_columns.size(); ++i) {
      if (i < write.conflict_is_expression.size() && write.conflict_is_expression[i]) return {};
      columns.push_back(to_lower(write.conflict_columns[i]));
    }
    return key_of(columns);
  }
  if (w.table == nullptr || !write.conflict_constraint.empty()) return {};
  for (const Key& candidate : w.table->keys) {
    if (!candidate.unique || candidate.parts.empty()) continue;
    columns.clear();
    for (const KeyPart& part : candidate.parts) columns.push_back(to_lower(part.column));
    if (std::vector<KeyColumn> key = key_of(columns); !key.empty()) return key;
  }
  return {};
}

const Operand* upserted_value(const WriteAccess& w, const Write& write, std::string_view column) {
  for (const Assignment& a : write.upsert_set) {
    if (!iequals(a.column.name, column)) continue;
    if (a.value.kind == OperandKind::kSlot) return &a.value;
    if (a.value.kind != OperandKind::kExcluded) return nullptr;
    const ColumnWrite* inserted = w.find(to_lower(a.value.column.name));
    return inserted != nullptr && inserted->value->kind == OperandKind::kSlot ? inserted->value : nullptr;
  }
  return nullptr;
}

CellStep WriteHistory::step_to(uint64_t cell, uint64_t value, const Op& op, uint32_t session) {
  auto it = cells_.find(cell);
  if (it == cells_.end()) {
    if (cells_.size() >= cap_) return {};
    it = cells_.emplace(cell, Cell{}).first;
  }
  Cell& c = it->second;
  CellStep step;
  if (c.last != 0) {
    step.change = value == c.last ? CellChange::kKept : value == c.before ? CellChange::kReturned : CellChange::kChanged;
    step.by_session = c.session;
    step.by_file = c.file;
    step.by_line = c.line;
    step.by_time = c.time;
  }
  // A value put back where it was is still that writer's: whoever overwrites it overwrites the change before it.
  if (step.change == CellChange::kKept) return step;
  c.before = c.last;
  c.last = value;
  c.session = session;
  c.file = op.file;
  c.line = op.line;
  c.time = op.start.known() ? op.start : op.end;
  return step;
}

double WriteHistory::move(uint64_t cell, double number) {
  const auto it = last_.find(cell);
  if (it != last_.end()) {
    const double step = number - it->second;
    it->second = number;
    return step;
  }
  if (last_.size() < cap_) {
    last_.emplace(cell, number);
  } else {
    ++forgotten_;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

void WriteHistory::watch(const ReadAccess& read) {
  Numbered n;
  n.column = read.aggregate == Aggregate::kMax ? read.aggregated : read.latest_by;
  if (n.column.empty() || read.name.empty()) return;
  for (const KeyColumn& k : read.equal) {
    if (k.column.empty() || k.is_list) return;
    if (!k.is_null) n.scope.push_back(k.column);
  }
  std::sort(n.scope.begin(), n.scope.end());
  if (numbered_.size() >= kMaxNumberedTables && !numbered_.contains(read.name)) return;
  std::vector<Numbered>& known = numbered_[read.name];
  if (known.size() < kMaxNumberedPerTable && std::find(known.begin(), known.end(), n) == known.end()) known.push_back(std::move(n));
}

void WriteHistory::observe_insert(Op& op, const WriteAccess& w, Arena& arena) {
  const auto it = numbered_.find(w.name);
  if (it == numbered_.end() || w.set.empty()) return;
  const std::span<double> steps = arena.array<double>(w.set.size());
  std::fill(steps.begin(), steps.end(), std::numeric_limits<double>::quiet_NaN());
  for (const Numbered& n : it->second) {
    uint64_t cell = hash_combine(hash_bytes(w.name), hash_bytes(n.column));
    bool known = true;
    for (const std::string& scope : n.scope) {
      const ColumnWrite* c = w.find(scope);
      const Value v = c != nullptr && c->value->kind == OperandKind::kSlot ? op.value(c->value->slot) : Value{};
      known &= v.known();
      cell = hash_combine(cell, hash_combine(hash_bytes(scope), v.hash));
    }
    const ColumnWrite* c = w.find(n.column);
    double number = 0;
    if (!known || c == nullptr) continue;
    // Of several rows only the first is known: what the last put there is not.
    if (w.rows > 1 || !op.values.more_rows.empty() || c->value->kind != OperandKind::kSlot ||
        !as_number(op.value(c->value->slot), number)) {
      last_.erase(cell);
      continue;
    }
    double& step = steps[static_cast<size_t>(c - w.set.data())];
    // The highest counts: a number made from a stale one comes late and is no step back.
    const auto highest = last_.find(cell);
    const double before = highest != last_.end() ? highest->second : number;
    const double moved = move(cell, number);
    if (const auto now = last_.find(cell); now != last_.end()) now->second = std::max(before, number);
    if (std::isnan(step) || std::abs(moved) < std::abs(step)) step = moved;
  }
  op.steps = steps;
}

void WriteHistory::observe(Op& op, uint32_t session, Arena& arena) {
  const StatementAccess& access = op.statement->access;
  if (op.failed) return;
  for (const ReadAccess& r : access.reads) {
    if (r.aggregate == Aggregate::kMax || !r.latest_by.empty()) watch(r);
  }
  if (access.writes.empty()) return;
  const WriteAccess& w = access.writes.front();
  if (w.set.empty()) return;
  const Write& write = op.facts().writes[static_cast<size_t>(w.write)];
  uint64_t row = 0;
  if (w.kind == StatementKind::kUpdate) {
    row = row_identity(w.name, w.table, w.equal, op);
  } else if (w.is_insert() && w.rows == 1) {
    if (const std::vector<KeyColumn> key = upsert_key(w, write); !key.empty()) row = row_identity(w.name, w.table, key, op);
  }
  if (row == 0 && w.is_insert()) return observe_insert(op, w, arena);
  if (row == 0) return;
  const std::span<double> steps = arena.array<double>(w.set.size());
  const std::span<CellStep> changes = arena.array<CellStep>(w.set.size());
  for (size_t i = 0; i < w.set.size(); ++i) {
    steps[i] = std::numeric_limits<double>::quiet_NaN();
    changes[i] = CellStep{};
    const uint64_t cell = hash_combine(row, hash_bytes(w.set[i].column));
    const Operand* value = w.set[i].value;
    if (w.is_insert()) {
      const auto assigned = std::find_if(write.upsert_set.begin(), write.upsert_set.end(),
                                         [&](const Assignment& a) { return iequals(a.column.name, w.set[i].column); });
      if (assigned == write.upsert_set.end()) continue;  // a row that is there keeps what it has
      value = upserted_value(w, write, w.set[i].column);
    }
    if (value != nullptr && value->kind == OperandKind::kSlot && op.value(value->slot).known()) {
      changes[i] = step_to(cell, op.value(value->slot).hash, op, session);
    } else {
      cells_.erase(cell);
    }
    double number = 0;
    if (value != nullptr && value->kind == OperandKind::kSelfRelative) {
      // c = c ± n moves the cell; what it holds now is known only if it was known before.
      const auto it = last_.find(cell);
      if (it == last_.end()) continue;
      double by = 0;
      if (value->slot >= 0 && as_number(op.value(value->slot), by)) {
        it->second += value->sign * by;
      } else {
        last_.erase(it);
      }
      continue;
    }
    if (value == nullptr || value->kind != OperandKind::kSlot || !as_number(op.value(value->slot), number)) {
      last_.erase(cell);
      continue;
    }
    steps[i] = move(cell, number);
  }
  op.steps = steps;
  op.changes = changes;
}

}  // namespace dbaudit
