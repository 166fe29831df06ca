// DBA306: one piece of work reads a set twice, in two ways, and writes what came of both.
//
//   A: SELECT SUM(price) … order_id = 23    → 100
//   B: INSERT … order_id = 23, price 50
//   A: SELECT * … order_id = 23             → rows worth 150
//   A: UPDATE orders SET total = 100 …, INSERT … the rows
//
// Only where the two reads differ in what they ask (a sum and the rows, two sums): an ORM that reads the same again means the last one. That what is written
// comes from both is not in the log, so the finding is possible at best: the write must name the set's key, and another session must change the set's
// table somewhere in the log. Silent: both reads from one snapshot, a lock on the parent or the set before the first.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analyzers/trace/history.h"
#include "rules/match.h"
#include "rules/row_state.h"
#include "rules/set_lock.h"

namespace dbaudit {

namespace {

bool sums(const ReadAccess& r) { return r.aggregate == Aggregate::kSum || r.aggregate == Aggregate::kCount; }

bool is_set(const Op& op, const ReadAccess& r) {
  return r.top_level && !op.failed && !r.equal.empty() && !r.limited && r.lock == LockStrength::kNone && !r.one_row;
}

// The write is about the set's key: it names it in its WHERE or puts it into a row.
bool names_key(const Op& write, const WriteAccess& w, const Op& read, const ReadAccess& set) {
  return std::any_of(set.equal.begin(), set.equal.end(), [&](const KeyColumn& k) {
    const Value& v = read.value(k.is_null || k.is_list || !k.is_for(ColumnUse::kReference) ? kNoSlot : k.slot);
    if (!v.known() || v.is_null() || !mentions(write, v)) return false;
    return std::any_of(w.equal.begin(), w.equal.end(),
                       [&](const KeyColumn& x) { return !x.is_null && same_value(write.value(x.slot), v); }) ||
           (w.is_insert() && std::any_of(w.set.begin(), w.set.end(), [&](const ColumnWrite& c) {
              return c.value->kind == OperandKind::kSlot && same_value(write.value(c.value->slot), v);
            }));
  });
}

bool writes_number(const Op& write, const WriteAccess& w) {
  for (size_t i = 0; i < w.set.size(); ++i) {
    if (w.set[i].is_for(ColumnUse::kQuantity) && !std::isnan(number_written(write, w, i))) return true;
  }
  return false;
}

bool one_snapshot(const WorkUnit& unit, uint32_t a, uint32_t b) {
  if (!same_transaction(unit, a, b)) return !boundaries_known(unit, a, b);
  return unit.engine == Engine::kSqlite || unit.transactions[unit.ops[a].transaction].isolation > Isolation::kReadCommitted;
}

struct Twice {
  uint32_t first = 0, second = 0;
  const ReadAccess* set = nullptr;
};

// The nearest two reads of one set before the write that ask differently; the sum is one of them.
std::optional<Twice> read_twice(const WorkUnit& unit, uint32_t write, const WriteAccess& w) {
  const Op& op = unit.ops[write];
  std::optional<Twice> found;
  uint64_t set_of_second = 0;
  for (uint32_t i = write; i-- > reach_from(write);) {
    const Op& read = unit.ops[i];
    for (const ReadAccess& r : read.statement->access.reads) {
      if (r.same_table(w) || !is_set(read, r) || !names_key(op, w, read, r)) continue;
      const uint64_t set = set_identity(read, r);
      if (set == 0) continue;
      if (!found) {
        found = Twice{i, i, &r};
        set_of_second = set;
      } else if (set == set_of_second && read.statement != unit.ops[found->second].statement && (sums(r) || sums(*found->set))) {
        found->first = i;
        return found;
      }
    }
  }
  return std::nullopt;
}

const NoteKind kRowsChanged("rows-changed");

void check(const WorkUnit& unit, RuleContext& context) {
  // Tables of which sets were read so far: once, again, and summed up. Nearly no unit has one that is in all three.
  TableSet once = 0, again = 0, summed = 0;
  for (uint32_t i = 0; i < unit.ops.size(); ++i) {
    const Op& op = unit.ops[i];
    const bool is_done = !op.truncated && !op.failed;
    for (const WriteAccess& w : op.statement->access.writes) {
      if (is_done) context.note(kRowsChanged.of(w), unit, i);
      if (!is_done || (again & summed) == 0) continue;
      if ((w.kind != StatementKind::kInsert && w.kind != StatementKind::kUpdate) || !writes_number(op, w)) continue;
      const std::optional<Twice> t = read_twice(unit, i, w);
      if (!t || one_snapshot(unit, t->first, t->second)) continue;
      if (set_protected(unit, t->first, *t->set, i, w, /*inserts=*/true)) continue;
      Match m;
      m.unit = &unit;
      m.table = t->set->table;
      m.table_name = t->set->name;
      m.more_tables = {w.name};
      for (const KeyColumn& k : t->set->equal) m.key_columns.push_back(k.name());
      m.columns = m.key_columns;
      m.read = t->first;
      m.write = i;
      m.has_read = m.has_write = true;
      m.others.push_back({t->second, "re-read"});
      m.pattern = Pattern::kSetReadTwice;
      m.confidence = Confidence::kPossible;
      m.needs = Need{.key = kRowsChanged.of(*t->set),
                     .of_another_session = true,
                     .evidence_kind = "counterpart",
                     .evidence_text = "another session changes the table here"};
      context.place(m);
      context.report(std::move(m));
    }
    for (const ReadAccess& r : op.statement->access.reads) {
      if (!is_set(op, r)) continue;
      again |= once & r.bit;
      once |= r.bit;
      if (sums(r)) summed |= r.bit;
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message =
      fmt::format("Rows of one {} in {} are read twice, in two ways; what another session changes in between is in one of the two only.",
                  list_of(f.material.key_columns), f.material.table_name);
  if (f.scope == Scope::kLevelBased) add_fixes(finding, suggest::isolation_level(f.material, Isolation::kRepeatableRead));
  add_fixes(finding, suggest::parent_lock(f.material));
}

}  // namespace

extern const Rule kRule_set_read_twice;
const Rule kRule_set_read_twice = {"DBA306",
                                   "set-read-twice",
                                   Severity::kWarning,
                                   "A set is read twice in one piece of work, and another session may change it in between",
                                   {Trait::kWrites},
                                   check,
                                   describe};

}  // namespace dbaudit
