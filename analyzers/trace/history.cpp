#include "analyzers/trace/history.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <tuple>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"

namespace dbaudit {

namespace {
constexpr size_t kMaxNumberedTables = 4096;
constexpr size_t kMaxNumberedPerTable = 8;

constexpr size_t kFewColumns = 8;  // of a key: more are rare, and need memory

// `value_in(slot)` is the value that an equality asks for.
template <typename ValueIn>
uint64_t identity(const AccessedTable& accessed, const std::vector<KeyColumn>& equal, const ValueIn& value_in) {
  // The first equality with the part of the primary key, of those whose value the log shows.
  const auto value_of = [&](uint32_t part) -> const KeyColumn* {
    for (const KeyColumn& k : equal) {
      if (k.primary_part == part && !k.is_null && value_in(k.slot).known()) return &k;
    }
    return nullptr;
  };
  if (accessed.primary_parts != 0) {
    uint64_t h = accessed.name_hash;
    bool covered = true;
    for (uint32_t part = 1; part <= accessed.primary_parts && covered; ++part) {
      const KeyColumn* k = value_of(part);
      covered = k != nullptr;
      if (covered) h = hash_combine(h, hash_combine(k->hash, value_in(k->slot).hash()));
    }
    if (covered) return h;
  }
  if (equal.empty()) return 0;
  std::array<uint64_t, kFewColumns> few;
  std::vector<uint64_t> many(equal.size() > kFewColumns ? equal.size() : 0);
  const std::span<uint64_t> parts = many.empty() ? std::span(few).first(equal.size()) : std::span(many);
  for (size_t i = 0; i < equal.size(); ++i) {
    const Value& v = equal[i].is_null ? null_value() : value_in(equal[i].slot);
    if (!v.known()) return 0;
    parts[i] = hash_combine(equal[i].hash, v.hash());
  }
  std::sort(parts.begin(), parts.end());
  uint64_t h = accessed.name_hash;
  for (const uint64_t p : parts) h = hash_combine(h, p);
  return h == 0 ? 1 : h;
}

}  // namespace

uint64_t row_identity(const AccessedTable& table, const std::vector<KeyColumn>& equal, const Op& op) {
  return identity(table, equal, [&](int slot) -> const Value& { return op.value(slot); });
}

uint64_t first_row_identity(const AccessedTable& table, const std::vector<KeyColumn>& equal, const Op& op) {
  return identity(table, equal, [&](int slot) -> const Value& {
    const auto i = static_cast<size_t>(slot);
    const bool is_list = slot >= 0 && i < op.values.lists().size() && !op.values.lists()[i].empty();
    return is_list ? op.values.lists()[i].front() : op.value(slot);
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
      k.uses = c->uses;
      k.primary_part = primary_part(w.table, k.column);
      k.hash = c->hash;
      key.push_back(std::move(k));
    }
    return key;
  };
  std::vector<std::string> columns;
  if (!write.conflict_columns.empty()) {
    for (size_t i = 0; i < write.conflict_columns.size(); ++i) {
      if (i < write.conflict_is_expression->size() && (*write.conflict_is_expression)[i]) return {};
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
    const ColumnWrite* inserted = w.find(to_lower(a.value.column->name));
    return inserted != nullptr && inserted->value->kind == OperandKind::kSlot ? inserted->value : nullptr;
  }
  return nullptr;
}

double number_written(const Op& op, const WriteAccess& w, size_t i) {
  if (i < op.numbers().size() && &w == op.statement->access.writes.data()) return op.numbers()[i];
  double number = 0;
  return w.set[i].takes_value() && as_number(op.value(w.set[i].value->slot), number) ? number : std::numeric_limits<double>::quiet_NaN();
}

WriteHistory::Cell* WriteHistory::find(Row* row, uint64_t column, size_t hint) {
  if (row == nullptr) return nullptr;
  if (hint < row->size() && (*row)[hint].column == column) return &(*row)[hint];
  const auto it = std::find_if(row->begin(), row->end(), [&](const Cell& c) { return c.column == column; });
  return it != row->end() ? &*it : nullptr;
}

WriteHistory::Cell* WriteHistory::cell_of(uint64_t row, Row*& cells, uint64_t column, size_t hint, size_t columns) {
  if (Cell* known = find(cells, column, hint)) return known;
  if (cells_ >= cap_) {
    ++forgotten_;
    return nullptr;
  }
  ++cells_;
  if (cells == nullptr) {
    cells = &rows_[row];
    cells->reserve(columns);
  }
  Cell& cell = cells->emplace_back();
  cell.column = column;
  return &cell;
}

CellStep WriteHistory::step_to(Cell& c, uint64_t value, const Op& op, uint32_t session) {
  CellStep step;
  if (c.last != 0) {
    step.change = value == c.last ? CellChange::kKept : value == c.before ? CellChange::kReturned : CellChange::kChanged;
    step.by_session = c.session;
    step.by_file = c.place.file();
    step.by_line = c.place.line();
    step.by_time = c.time.get();
  }
  // A value put back where it was is still that writer's: whoever overwrites it overwrites the change before it.
  if (step.change == CellChange::kKept) return step;
  c.before = c.last;
  c.last = value;
  c.session = session;
  c.place = {op.file, op.line};
  c.time = op.start.known() ? op.start : op.end;
  return step;
}

double WriteHistory::move(Cell& cell, double number) {
  const double step = number - cell.number;
  cell.number = number;
  return step;
}

void WriteHistory::watch(const ReadAccess& read) {
  const Name column = read.aggregate == Aggregate::kMax ? read.aggregated : read.latest_by;
  if (column.empty() || read.name.empty()) return;
  std::vector<const KeyColumn*> scope;
  for (const KeyColumn& k : read.equal) {
    if (k.column.empty() || k.is_list) return;
    if (!k.is_null) scope.push_back(&k);
  }
  std::sort(scope.begin(), scope.end(), [](const KeyColumn* a, const KeyColumn* b) { return a->column < b->column; });
  Numbered n;
  n.column = column.hash();
  for (const KeyColumn* k : scope) n.scope.push_back(k->hash);
  if (numbered_.size() >= kMaxNumberedTables && !numbered_.contains(read.name_hash)) return;
  std::vector<Numbered>& known = numbered_[read.name_hash];
  if (known.size() < kMaxNumberedPerTable && std::find(known.begin(), known.end(), n) == known.end()) known.push_back(std::move(n));
}

void WriteHistory::watch(const BoundStatement& statement) {
  const uint32_t id = statement.id;
  if (id >= watched_.size()) watched_.resize(id + 1);
  if (watched_[id]) return;
  watched_[id] = true;
  for (const ReadAccess& r : statement.access.reads) {
    if (r.aggregate == Aggregate::kMax || !r.latest_by.empty()) watch(r);
  }
}

uint64_t WriteHistory::scope_of(const Numbered& n, const Op& op, const WriteAccess& w) {
  uint64_t row = hash_combine(w.name_hash, n.column);
  for (const uint64_t scope : n.scope) {
    const ColumnWrite* c = w.find_hashed(scope);
    const Value& v = op.value(c != nullptr && c->takes_value() ? c->value->slot : kNoSlot);
    if (!v.known()) return 0;
    row = hash_combine(row, hash_combine(scope, v.hash()));
  }
  return row;
}

uint64_t WriteHistory::looked_up(const Op& op, uint64_t row) const {
  const std::vector<WriteAccess>& writes = op.statement->access.writes;
  if (row != 0 || writes.empty() || !writes.front().is_insert()) return row;
  const std::vector<Numbered>* const numbered = numbered_.find(writes.front().name_hash);
  return numbered != nullptr ? scope_of(numbered->front(), op, writes.front()) : 0;
}

void WriteHistory::observe_insert(Op& op, const WriteAccess& w, Arena& arena) {
  const std::vector<Numbered>* const numbered = numbered_.find(w.name_hash);
  if (numbered == nullptr || w.set.empty()) return;
  const std::span<double> steps = arena.array<double>(w.set.size());
  std::fill(steps.begin(), steps.end(), std::numeric_limits<double>::quiet_NaN());
  for (const Numbered& n : *numbered) {
    const ColumnWrite* c = w.find_hashed(n.column);
    if (c == nullptr) continue;
    const uint64_t row = scope_of(n, op, w);
    if (row == 0) continue;
    double number = 0;
    // Of several rows only the first is known: what the last put there is not.
    if (w.rows > 1 || !op.values.more_rows().empty() || !c->takes_value() || !as_number(op.value(c->value->slot), number)) {
      if (Cell* const highest = find(rows_.find(row), 0, 0)) highest->number = std::numeric_limits<double>::quiet_NaN();
      continue;
    }
    Row* cells = rows_.find(row);
    Cell* const highest = cell_of(row, cells, 0, 0, 1);
    if (highest == nullptr) continue;
    double& step = steps[static_cast<size_t>(c - w.set.data())];
    // The highest counts: a number made from a stale one comes late and is no step back.
    const double before = std::isnan(highest->number) ? number : highest->number;
    const double moved = move(*highest, number);
    highest->number = std::max(before, number);
    if (std::isnan(step) || std::abs(moved) < std::abs(step)) step = moved;
  }
  OpMoves& moves = arena.array<OpMoves>(1).front();
  moves.steps = steps;
  op.history = &moves;
}

uint64_t WriteHistory::row_of(const Op& op) {
  const StatementAccess& access = op.statement->access;
  if (access.writes.empty()) return 0;
  const WriteAccess& w = access.writes.front();
  if (w.set.empty()) return 0;
  if (w.kind == StatementKind::kUpdate) return row_identity(w, w.equal, op);
  if (!w.is_insert() || w.rows != 1 || w.upsert == UpsertKind::kNone) return 0;
  const std::vector<KeyColumn> key = upsert_key(w, op.facts().writes[static_cast<size_t>(w.write)]);
  return key.empty() ? 0 : row_identity(w, key, op);
}

void WriteHistory::observe(Op& op, uint64_t row, uint32_t session, Arena& arena) {
  const StatementAccess& access = op.statement->access;
  if (op.failed) return;
  if ((access.traits & Trait::kNumberReads) != 0) watch(*op.statement);
  if (access.writes.empty()) return;
  const WriteAccess& w = access.writes.front();
  if (w.set.empty()) return;
  if (row == 0 && w.is_insert()) return observe_insert(op, w, arena);
  if (row == 0) return;
  const std::span<double> steps = arena.array<double>(w.set.size());
  std::span<CellStep> changes;  // while nothing is known: most rows are written once
  const std::span<double> numbers = w.is_insert() ? std::span<double>() : arena.array<double>(w.set.size());
  std::fill(numbers.begin(), numbers.end(), std::numeric_limits<double>::quiet_NaN());
  Row* cells = rows_.find(row);
  for (size_t i = 0; i < w.set.size(); ++i) {
    steps[i] = std::numeric_limits<double>::quiet_NaN();
    const uint64_t column = w.set[i].hash;
    const Operand* value = w.set[i].value;
    if (w.is_insert()) {
      const Write& write = op.facts().writes[static_cast<size_t>(w.write)];
      const auto assigned = std::find_if(write.upsert_set.begin(), write.upsert_set.end(),
                                         [&](const Assignment& a) { return iequals(a.column.name, w.set[i].column); });
      if (assigned == write.upsert_set.end()) continue;  // a row that is there keeps what it has
      value = upserted_value(w, write, w.set[i].column);
    }
    const bool is_plain = value != nullptr && value->kind == OperandKind::kSlot && op.value(value->slot).known();
    if (!is_plain) {
      Cell* const cell = find(cells, column, i);
      if (cell == nullptr) continue;
      cell->last = cell->before = 0;
      // c = c ± n moves the cell; what it holds now is known only if it was known before.
      double by = std::numeric_limits<double>::quiet_NaN();
      const bool moves =
          value != nullptr && value->kind == OperandKind::kSelfRelative && value->slot >= 0 && as_number(op.value(value->slot), by);
      cell->number += moves ? value->sign * by : std::numeric_limits<double>::quiet_NaN();
      continue;
    }
    const Value& written = op.value(value->slot);
    double number = std::numeric_limits<double>::quiet_NaN();
    const bool is_number = as_number(written, number);
    if (is_number && !numbers.empty()) numbers[i] = number;
    Cell* const cell = cell_of(row, cells, column, i, w.set.size());
    if (cell == nullptr) continue;
    const CellStep change = step_to(*cell, written.hash(), op, session);
    if (change.change != CellChange::kUnknown) {
      if (changes.empty()) changes = arena.array<CellStep>(w.set.size());
      changes[i] = change;
    }
    steps[i] = move(*cell, is_number ? number : std::numeric_limits<double>::quiet_NaN());
  }
  OpMoves& moves = arena.array<OpMoves>(1).front();
  moves = {steps, numbers, changes};
  op.history = &moves;
}

}  // namespace dbaudit
