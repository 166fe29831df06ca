// DBA210: a debit and a credit, each committed by itself.
//
//   UPDATE account SET balance = balance - 10 WHERE id = 1;   -- committed
//   (the process dies, the credit fails, another session adds up all balances)
//   UPDATE account SET balance = balance + 10 WHERE id = 2;
//
// The two belong together when one work unit takes from one row what it gives to another: the same amount, the same column, opposite signs, relative or as
// literals that move by that much. Silent: one transaction, one row, counters that both go up, compare-and-set, logs without transaction boundaries.

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "analyzers/trace/history.h"
#include "rules/match.h"
#include "rules/statement_text.h"

namespace dbaudit {

namespace {

constexpr uint32_t kNearby = 8;  // statements between the two

// By how much the UPDATE moves the column; 0 when it cannot be told.
double moves_by(const Op& op, const WriteAccess& w, size_t i) {
  const ColumnWrite& c = w.set[i];
  double by = 0;
  if (c.value->kind == OperandKind::kSelfRelative && c.value->slot >= 0 && as_number(op.value(c.value->slot), by))
    return c.value->sign * by;
  if (c.value->kind == OperandKind::kSlot && i < op.steps().size() && !std::isnan(op.steps()[i])) return op.steps()[i];
  return 0;
}

bool moves_any(const Op& op, const WriteAccess& w) {
  for (size_t i = 0; i < w.set.size(); ++i) {
    if (moves_by(op, w, i) != 0) return true;
  }
  return false;
}

const WriteAccess* single_row_update(const Op& op) {
  if (op.statement->access.writes.size() != 1 || op.truncated || op.failed) return nullptr;
  const WriteAccess& w = op.statement->access.writes.front();
  if (w.kind != StatementKind::kUpdate || !w.exact || w.equal.empty()) return nullptr;
  // Compare-and-set: it may have found another value and changed nothing.
  for (const KeyColumn& k : w.equal) {
    if (w.find(k) != nullptr) return nullptr;
  }
  return &w;
}

// The only write of its table in its transaction: one with the other half beside it is whole.
bool is_alone(const WorkUnit& unit, uint32_t op, const AccessedTable& table) {
  const Transaction& tx = unit.transactions[unit.ops[op].transaction];
  uint32_t writes = 0;
  for (uint32_t i = tx.first; i <= tx.last && i < unit.ops.size() && i - tx.first < kReach; ++i) {
    for (const WriteAccess& w : unit.ops[i].statement->access.writes) writes += w.same_table(table) ? 1 : 0;
  }
  return writes == 1;
}

/// An UPDATE of one row that moves a number of it.
struct Mover {
  uint32_t op = 0;
  const WriteAccess* update = nullptr;
};

bool report_pair(const WorkUnit& unit, const Mover& one, const Mover& other, RuleContext& context) {
  const uint32_t first = one.op, second = other.op;
  const Op& a = unit.ops[first];
  const Op& b = unit.ops[second];
  const WriteAccess* u = one.update;
  const WriteAccess* v = other.update;
  if (!u->same_table(*v)) return false;
  if (same_transaction(unit, first, second) || !boundaries_known(unit, first, second) || a.transaction == b.transaction) return false;
  for (const uint32_t op : {first, second}) {
    if (unit.transactions[unit.ops[op].transaction].end == TxEnd::kRollback || !is_alone(unit, op, *u)) return false;
  }
  const uint64_t row = row_identity(*u, u->equal, a);
  if (row == 0 || row == row_identity(*v, v->equal, b)) return false;
  for (size_t i = 0; i < u->set.size(); ++i) {
    const double moved = moves_by(a, *u, i);
    if (moved == 0) continue;
    for (size_t j = 0; j < v->set.size(); ++j) {
      // Sums of money are exact in a double up to the last digit or two.
      if (v->set[j].column != u->set[i].column || std::abs(moved + moves_by(b, *v, j)) > 1e-9 * std::abs(moved)) continue;
      if (!can_be_quantity(u->table, u->set[i].column) || is_version_name(u->set[i].column)) continue;
      Match m;
      m.unit = &unit;
      m.table = v->table;
      m.table_name = v->name;
      m.columns = {v->set[j].column};
      for (const KeyColumn& k : v->equal) m.key_columns.push_back(k.name());
      m.read = first;
      m.write = second;
      m.has_read = m.has_write = true;
      m.read_role = "first";
      m.write_role = "second";
      m.pattern = Pattern::kSplitWrites;
      m.severity = Severity::kWarning;
      context.place(m);
      m.scope = Scope::kNone;
      context.report(std::move(m));
      return true;
    }
  }
  return false;
}

void check(const WorkUnit& unit, RuleContext& context) {
  std::vector<Mover> movers;  // that have no other half yet
  for (const uint32_t i : unit.writers) {
    const WriteAccess* update = single_row_update(unit.ops[i]);
    if (update == nullptr || update->housekeeping || !moves_any(unit.ops[i], *update)) continue;
    const Mover mover{i, update};
    bool is_paired = false;
    for (auto half = movers.rbegin(); half != movers.rend() && i - half->op <= kNearby && !is_paired; ++half)
      is_paired = report_pair(unit, *half, mover, context);
    if (is_paired) {
      movers.clear();  // nor does what stands before the pair look any further
    } else {
      movers.push_back(mover);
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string column = list_of(f.material.columns);
  finding.message =
      fmt::format("What one row of {} loses in {} another gains, in two transactions: a failure between them leaves half of it.",
                  f.material.table_name, column);
  finding.interleaving = {{0, short_sql(f.material.read_sql) + "  → committed", false},
                          {1, fmt::format("reads {} of both rows: the sum is wrong", column), false},
                          {0, short_sql(f.material.write_sql) + "  → fails, or never comes", true}};
  add_fixes(finding, suggest::one_transaction(f.material));
}

}  // namespace

extern const Rule kRule_related_writes_not_atomic;
const Rule kRule_related_writes_not_atomic = {"DBA210",
                                              "related-writes-not-atomic",
                                              Severity::kWarning,
                                              "What is taken from one row and given to another is written in two transactions",
                                              {Trait::kUpdatesTwice},
                                              check,
                                              describe};

}  // namespace dbaudit
