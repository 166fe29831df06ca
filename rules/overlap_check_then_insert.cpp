// DBA304: a range is found free and taken.
//
//   A: SELECT … WHERE room = 1 AND starts < '11:00' AND ends > '10:00'   → none
//   B: SELECT … WHERE room = 1 AND starts < '11:30' AND ends > '10:30'   → none
//   A: INSERT … room 1, 10:00–11:00
//   B: INSERT … room 1, 10:30–11:30                                        booked twice
//
// No unique key can refuse it, for no two values are equal, and a lock on no rows is no lock. That the range read is the range inserted is shown by the
// bounds: `starts < x` and `ends > y` with the INSERT giving y to `starts` and x to `ends`. Silent: an exclusion constraint, a lock on the parent or the
// table (level-aware).

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/match.h"
#include "rules/row_state.h"
#include "rules/set_lock.h"

namespace dbaudit {

namespace {

bool from_above(CompareOp op) { return op == CompareOp::kLt || op == CompareOp::kLe; }
bool from_below(CompareOp op) { return op == CompareOp::kGt || op == CompareOp::kGe; }

const Value& inserted(const Op& write, const WriteAccess& w, std::string_view column) {
  const ColumnWrite* c = w.find(column);
  return write.value(c != nullptr && c->value->kind == OperandKind::kSlot ? c->value->slot : kNoSlot);
}

struct Range {
  std::string begin, end;  // columns
  bool shown = false;      // by the values
};

// The columns of a range that the read tests against the range inserted. Nothing when it does not.
std::optional<Range> range_of(const Op& read, const ReadAccess& r, const Op& write, const WriteAccess& w) {
  for (const OtherCondition& a : r.others) {
    if (a.columns.size() != 1 || a.slot < 0 || !from_above(a.op)) continue;
    for (const OtherCondition& b : r.others) {
      if (b.columns.size() != 1 || b.slot < 0 || !from_below(b.op) || b.columns == a.columns) continue;
      const Value& begin = inserted(write, w, a.columns.front());
      const Value& end = inserted(write, w, b.columns.front());
      if (!begin.known() || !end.known()) continue;
      if (same_value(read.value(a.slot), end) && same_value(read.value(b.slot), begin))
        return Range{a.columns.front(), b.columns.front(), true};
    }
  }
  // NOT (ends <= ? OR starts >= ?), (starts, ends) OVERLAPS (?, ?), tsrange(starts, ends) && …: the bounds stand inside of an expression.
  for (const OtherCondition& o : r.others) {
    if (o.op != CompareOp::kOther || o.columns.size() != 2) continue;
    if (inserted(write, w, o.columns[0]).known() && inserted(write, w, o.columns[1]).known())
      return Range{o.columns[0], o.columns[1], false};
  }
  return std::nullopt;
}

bool is_time_or_number(const Table* table, std::string_view column) {
  const Column* c = table != nullptr ? table->column(column) : nullptr;
  if (c == nullptr) return false;
  const std::string type = to_lower(c->type);
  static constexpr std::string_view kOrdered[] = {"date", "time", "int", "num", "dec"};
  return std::any_of(std::begin(kOrdered), std::end(kOrdered), [&](std::string_view t) { return type.find(t) != std::string::npos; });
}

bool is_excluded(const Table* table, const Range& range) {
  return table != nullptr && std::any_of(table->exclusions.begin(), table->exclusions.end(),
                                         [&](const std::string& e) { return icontains(e, range.begin) || icontains(e, range.end); });
}

void check(const WorkUnit& unit, RuleContext& context) {
  const TableSet tables = tables_read(unit, [](const ReadAccess& r) { return !r.others.empty(); });
  for (const uint32_t i : unit.writers) {
    const Op& write = unit.ops[i];
    for (const WriteAccess& w : write.statement->access.writes) {
      if (w.kind != StatementKind::kInsert || w.set.empty() || write.truncated || w.housekeeping) continue;
      if ((tables & w.bit) == 0) continue;
      bool done = false;
      for (uint32_t k = i; !done && k-- > reach_from(i);) {
        const Op& read = unit.ops[k];
        if (!read.statement->access.may_read(w) || read.failed) continue;
        for (const ReadAccess& r : read.statement->access.reads) {
          if (!r.same_table(w) || !r.top_level || r.others.empty() || !inserts_into_set(read, r, write, w, /*may_be_whole_table=*/true))
            continue;
          // It found one, and nevertheless a row is inserted: a list.
          if (read.rows > 0 && !r.probe) continue;
          const std::optional<Range> range = range_of(read, r, write, w);
          if (!range) continue;
          done = true;
          if (is_excluded(w.table, *range) || set_protected(unit, k, r, i, w, /*inserts=*/true)) break;
          Match m;
          m.unit = &unit;
          m.table = w.table;
          m.table_name = w.name;
          for (const KeyColumn& key : r.equal) {
            if (!key.column.empty() && !key.is_null) m.key_columns.push_back(key.column);
          }
          m.columns = m.key_columns;
          m.columns.push_back(range->begin);
          m.columns.push_back(range->end);
          m.message_detail = range->begin + "\n" + range->end;
          m.read = k;
          m.write = i;
          m.has_read = m.has_write = true;
          m.row = set_identity(read, r);
          m.pattern = Pattern::kOverlap;
          const bool ordered = is_time_or_number(w.table, range->begin) && is_time_or_number(w.table, range->end);
          const bool asks = r.probe || r.limited || read.rows == 0 || r.lock != LockStrength::kNone;
          if (!range->shown && (!ordered || !asks || m.key_columns.empty())) m.confidence = Confidence::kPossible;
          context.place(m);
          context.report(std::move(m));
          break;
        }
      }
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const size_t cut = f.detail.find('\n');
  const std::string begin = f.detail.substr(0, cut);
  const std::string end = cut == std::string::npos ? std::string() : f.detail.substr(cut + 1);
  if (f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock) {
    finding.message = fmt::format(
        "Nothing keeps the ranges {} to {} of {} apart; at this level one of two racing sessions gets an error it must "
        "retry.",
        begin, end, f.material.table_name);
  } else {
    finding.message = fmt::format("Two sessions can find a range of {} free and both insert: nothing keeps {} to {} from overlapping.",
                                  f.material.table_name, begin, end);
  }
  add_fixes(finding, suggest::exclusion(f.material, begin, end));
  add_fixes(finding, suggest::parent_lock(f.material));
}

}  // namespace

extern const Rule kRule_overlap_check_then_insert;
const Rule kRule_overlap_check_then_insert = {
    "DBA304",
    "overlap-check-then-insert",
    Severity::kError,
    "A range is found free and inserted, with nothing that keeps two sessions from taking it at once",
    {Trait::kInsertsRead},
    check,
    describe};

}  // namespace dbaudit
