// DBA201: a value is read, changed in the application and written back as a literal; what another session wrote in between is lost.
//
//   A: SELECT balance … id = 1   → 100
//   B: SELECT balance … id = 1   → 100
//   A: UPDATE … SET balance = 90 WHERE id = 1
//   B: UPDATE … SET balance = 80 WHERE id = 1     A's ten are gone
//
// That the literal was computed from what was read has to be shown: it moves by a step from the last value written to that row and column in this log, or the
// read fetched a column whose name is that of a quantity. Times, flags, keys and texts are left alone (a form a human filled in, `last_login`). Silent:
// relative writes, a guard or version in the WHERE, a lock held from the read to the write.
//
// The same in one statement: `SET c = (SELECT c …) - n`, and `WITH q AS (SELECT c …) UPDATE … SET c = q.c - n FROM q`. PostgreSQL looks at the row again
// when it has waited for it, but not at the subquery.

#include <cmath>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"
#include "rules/match.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

// The query block that an assignment takes its column from, in the same statement: a subquery, or the query in WITH whose column it reads. -1: none.
int source_block(const StatementFacts& facts, const Write& write, const Operand& value) {
  if (value.block >= 0) return value.block;
  if (write.block < 0) return -1;
  const QueryBlock& block = facts.blocks[static_cast<size_t>(write.block)];
  const auto in_cte = [&](const ColumnRef& column) {
    for (const TableRef& t : block.tables) {
      if (!t.is_cte || !(iequals(column.qualifier, t.alias) || iequals(column.qualifier, t.name.name))) continue;
      for (size_t b = 0; b < facts.blocks.size(); ++b) {
        if (iequals(facts.blocks[b].cte_name, t.name.name)) return static_cast<int>(b);
      }
    }
    return -1;
  };
  if (value.kind == OperandKind::kColumn) return in_cte(value.column);
  for (const ColumnRef& column : value.columns) {
    if (const int b = in_cte(column); b >= 0) return b;
  }
  return -1;
}

Level level_of(Isolation isolation) {
  switch (isolation) {
    case Isolation::kRepeatableRead: return Level::kRepeatableRead;
    case Isolation::kSerializable: return Level::kSerializable;
    default: return Level::kReadCommitted;
  }
}

// A column written with what a subquery of the statement itself read from the same row.
void check_one_statement(const WorkUnit& unit, uint32_t w, const WriteAccess& update, RuleContext& context) {
  const Op& op = unit.ops[w];
  const Write& write = op.facts().writes[static_cast<size_t>(update.write)];
  for (const ColumnWrite& c : update.set) {
    // A copy (`= q.c`) changes nothing; a sum does.
    if (c.value->kind != OperandKind::kExpression && c.value->kind != OperandKind::kSelfExpression) continue;
    const int source = source_block(op.facts(), write, *c.value);
    if (source < 0 || !c.is_for(ColumnUse::kQuantity)) continue;
    for (const ReadAccess& r : op.statement->access.reads) {
      if (r.block != source || !r.same_table(update) || r.joined || !r.exact || r.aggregate != Aggregate::kNone || is_locking(r.lock))
        continue;
      if (!r.projects(c)) continue;
      const bool one_row = !r.equal.empty() && row_identity(r, r.equal, op) != 0;
      if (!one_row || (!update.equal.empty() && link_rows(op, r, op, update) == RowLink::kNone)) continue;
      if (protected_by_lock(unit, w, w, update)) continue;
      const bool cte = !op.facts().blocks[static_cast<size_t>(source)].cte_name.empty();
      Match m;
      m.unit = &unit;
      m.table = update.table;
      m.table_name = update.name;
      m.columns = {c.column};
      for (const KeyColumn& k : r.equal) m.key_columns.push_back(k.name());
      m.row = row_identity(r, r.equal, op);
      m.read = m.write = w;
      m.has_write = true;
      m.pattern = cte ? Pattern::kCteUpdate : Pattern::kSelfSubquery;
      context.place(m);
      // One statement is one transaction at the session's level, explicit or not.
      if (unit.engine == Engine::kPostgres && m.level == Level::kAutocommit)
        m.level = level_of(unit.transactions[op.transaction].isolation);
      m.scope = Scope::kNone;
      context.report(std::move(m));
      return;
    }
  }
}

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    for (const WriteAccess& update : write.statement->access.writes) {
      if (update.kind != StatementKind::kUpdate || !update.exact || write.truncated || update.housekeeping) continue;
      check_one_statement(unit, w, update, context);
      if (update.equal.empty()) continue;
      const std::optional<ReadRef> read = context.picking_read(unit, w, update);
      if (!read) continue;
      const ReadAccess& r = *read->access;
      if (has_guard(write, update, r)) continue;
      // A lock taken outside a transaction is DBA401's to tell.
      if (is_locking(r.lock) && !same_transaction(unit, read->op, w) && boundaries_known(unit, read->op, w)) continue;
      if (protected_by_lock(unit, read->op, w, update)) continue;
      WrittenBack back;
      for (size_t i = 0; i < update.set.size(); ++i) {
        const ColumnWrite& c = update.set[i];
        if (!c.takes_value() || !c.is_for(ColumnUse::kQuantity) || c.is_for(ColumnUse::kVersion)) continue;
        const double number = number_written(write, update, i);
        if (std::isnan(number) || !r.projects(c)) continue;
        if (!is_clock_reading(number, write)) back.add(write, c, i, c.value->slot, number);
      }
      if (back.columns.empty()) continue;
      // Two requests on one pooled session can read and write one row without a thought of each other: only a value that moves ties them.
      Match m = match_of(unit, {read->op, &r, std::move(back)}, w, update);
      m.pattern = Pattern::kReadModifyWrite;
      context.place(m);
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string columns = list_of(f.material.columns);
  if (f.pattern == Pattern::kSelfSubquery || f.pattern == Pattern::kCteUpdate) {
    finding.message =
        f.outcome == Outcome::kSilent
            ? fmt::format("One statement, yet two sessions can read the same {} of {} in it: the first change is lost.", columns,
                          f.material.table_name)
            : fmt::format("{} of {} is computed in a subquery; at this level the loser of a race gets an error it must retry.", columns,
                          f.material.table_name);
    add_fixes(finding, suggest::own_column(f.material));
    return;
  }
  if (f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock) {
    finding.message = fmt::format(
        "{} of {} is written back as a literal computed from a read; at this level the loser of a race gets an error it must retry.",
        columns, f.material.table_name);
  } else {
    finding.message = fmt::format("Two sessions can read the same {} of {} and each write its own result: the first change is lost.",
                                  columns, f.material.table_name);
  }
  if (f.value_moved_by_step) add_fixes(finding, suggest::atomic_update(f.material, f.value_moved_down));
  add_fixes(finding, suggest::row_lock(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "read-modify-write"));
}

}  // namespace

extern const Rule kRule_read_modify_write_without_lock;
const Rule kRule_read_modify_write_without_lock = {
    "DBA201",
    "read-modify-write-without-lock",
    Severity::kError,
    "A value is read, changed in the application and written back as a literal, without a lock, guard or version",
    {Trait::kUpdatesRead},
    check,
    describe};

}  // namespace dbaudit
