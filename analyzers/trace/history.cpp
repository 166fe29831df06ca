#include "analyzers/trace/history.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analyzers/base/hash.h"

namespace dbaudit {

uint64_t row_identity(const std::string& table_name, const Table* table, const std::vector<KeyColumn>& equal, const Op& op) {
  auto value_of = [&](std::string_view column) -> const KeyColumn* {
    for (const KeyColumn& k : equal) {
      if (k.column == column && !k.is_null && op.value(k.slot).known()) return &k;
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
      h = hash_combine(h, hash_combine(hash_bytes(part.column), op.value(k->slot).hash));
    }
    if (covered) return h;
  }
  if (equal.empty()) return 0;
  std::vector<uint64_t> parts;
  for (const KeyColumn& k : equal) {
    const Value v = k.is_null ? null_value() : op.value(k.slot);
    if (!v.known()) return 0;
    parts.push_back(hash_combine(hash_bytes(k.name()), v.hash));
  }
  std::sort(parts.begin(), parts.end());
  uint64_t h = hash_bytes(table_name);
  for (const uint64_t p : parts) h = hash_combine(h, p);
  return h == 0 ? 1 : h;
}

void WriteHistory::observe(Op& op, Arena& arena) {
  const StatementAccess& access = op.statement->access;
  if (access.writes.empty() || op.failed) return;
  const WriteAccess& w = access.writes.front();
  if (w.kind != StatementKind::kUpdate || w.set.empty()) return;
  const uint64_t row = row_identity(w.name, w.table, w.equal, op);
  if (row == 0) return;
  const std::span<double> steps = arena.array<double>(w.set.size());
  for (size_t i = 0; i < w.set.size(); ++i) {
    steps[i] = std::numeric_limits<double>::quiet_NaN();
    const Operand& value = *w.set[i].value;
    const uint64_t cell = hash_combine(row, hash_bytes(w.set[i].column));
    double number = 0;
    if (value.kind == OperandKind::kSelfRelative) {
      // c = c ± n moves the cell; what it holds now is known only if it was known before.
      const auto it = last_.find(cell);
      if (it == last_.end()) continue;
      double by = 0;
      if (value.slot >= 0 && as_number(op.value(value.slot), by)) {
        it->second += value.sign * by;
      } else {
        last_.erase(it);
      }
      continue;
    }
    if (value.kind != OperandKind::kSlot || !as_number(op.value(value.slot), number)) {
      last_.erase(cell);
      continue;
    }
    const auto it = last_.find(cell);
    if (it != last_.end()) {
      steps[i] = number - it->second;
      it->second = number;
    } else if (last_.size() < cap_) {
      last_.emplace(cell, number);
    } else {
      ++forgotten_;
    }
  }
  op.steps = steps;
}

}  // namespace dbaudit
