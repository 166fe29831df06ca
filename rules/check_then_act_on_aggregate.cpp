// DBA301: rows are counted or summed up, and on what came out one more is inserted.
//
//   A: SELECT COUNT(*) … coupon_id = 1   → 9 of 10
//   B: SELECT COUNT(*) … coupon_id = 1   → 9 of 10
//   A: INSERT … coupon_id = 1
//   B: INSERT … coupon_id = 1             11 of 10
//
// The same with SUM of a ledger that the INSERT then spends from, and in one statement (INSERT … SELECT … WHERE (SELECT COUNT(*) …) < n) wherever the
// subquery takes no locks. A count may also be for show. That something is decided on it is shown by a bound that the same unit reads (`capacity`,
// `max_uses`) from a row of which the counted ones are, or by a negative amount that follows a SUM. Silent: a lock on the parent, the table or the set
// (level-aware), a guarded counter moved in the same transaction, a unique key on what is counted.

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/match.h"
#include "rules/row_state.h"
#include "rules/set_lock.h"

namespace dbaudit {

namespace {

constexpr size_t kMostColumnsOfSet = 3;

bool has_any_word(std::string_view name, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view w) { return icontains(name, w); });
}

// `max_uses`, `capacity`, `usage_limit`: as many rows there may be. A sum may also be held against an amount.
bool is_bound_name(std::string_view c, Aggregate aggregate) {
  if (has_any_word(c, {"limit", "max", "capacity", "quota", "allowed", "seats", "slots", "places", "uses", "usage"})) return true;
  return aggregate == Aggregate::kSum && has_any_word(c, {"stock", "balance", "credit", "budget"});
}

bool reads_bound(const ReadAccess& r, Aggregate aggregate) {
  const std::span<const FetchedColumn> named = r.columns();
  if (std::any_of(named.begin(), named.end(), [&](const FetchedColumn& c) { return is_bound_name(c.name, aggregate); })) return true;
  return r.all_columns && r.table != nullptr &&
         std::any_of(r.table->columns.begin(), r.table->columns.end(), [&](const Column& c) { return is_bound_name(c.name, aggregate); });
}

bool references(const Table* child, const Table* parent) {
  return child != nullptr && parent != nullptr &&
         std::any_of(child->foreign_keys.begin(), child->foreign_keys.end(),
                     [&](const ForeignKey& fk) { return iequals(fk.referenced_table, parent->name); });
}

// A bound read in this unit from a row that the counted ones belong to: by a foreign key, or because it is named by the value they are counted by.
bool bound_was_read(const WorkUnit& unit, uint32_t count, const ReadAccess& set, uint32_t write) {
  for (uint32_t i = reach_from(count); i < write; ++i) {
    const Op& op = unit.ops[i];
    for (const ReadAccess& r : op.statement->access.reads) {
      if (r.same_table(set) || r.aggregate != Aggregate::kNone || !reads_bound(r, set.aggregate)) continue;
      if (references(set.table, r.table)) return true;
      for (const KeyColumn& p : r.equal) {
        for (const KeyColumn& k : set.equal) {
          if (p.is_null || p.is_list || k.is_null || k.is_list) continue;
          if (same_value(op.value(p.slot), unit.ops[count].value(k.slot))) return true;
        }
      }
    }
  }
  return false;
}

bool is_refused_by_key(RuleContext& context, const WriteAccess& w, const ReadAccess& set) {
  if (w.table == nullptr || context.catalog() == nullptr) return false;
  std::vector<LookupColumn> lookup;
  for (const KeyColumn& k : set.equal) {
    LookupColumn column;
    column.column = k.column;
    column.expression = k.expression;
    column.is_null = k.is_null;
    column.known_not_null = !k.is_null;
    lookup.push_back(std::move(column));
  }
  return context.protection(*w.table, lookup).key != nullptr;
}

Match match_of(const WorkUnit& unit, uint32_t read, const ReadAccess& set, uint32_t write, const WriteAccess& w) {
  Match m;
  m.unit = &unit;
  m.table = w.table;
  m.table_name = w.name;
  for (const KeyColumn& k : set.equal) {
    if (!k.column.empty()) m.key_columns.push_back(k.column);
  }
  m.columns = m.key_columns;
  if (set.aggregate == Aggregate::kSum && !set.aggregated.empty()) m.columns.push_back(set.aggregated);
  m.read = read;
  m.write = write;
  m.has_read = read != write;
  m.has_write = true;
  m.row = set_identity(unit.ops[read], set);
  m.message_detail = set.aggregate == Aggregate::kSum ? "SUM" : "COUNT";
  return m;
}

// INSERT … SELECT … WHERE (SELECT COUNT(*) …) < n.
void check_one_statement(const WorkUnit& unit, uint32_t write, const WriteAccess& w, RuleContext& context) {
  const Op& op = unit.ops[write];
  const Write& source = op.facts().writes[static_cast<size_t>(w.write)];
  if (source.source != InsertSource::kSelect || source.block < 0) return;
  for (const ReadAccess& r : op.statement->access.reads) {
    if (!r.same_table(w) || r.block == source.block || (r.aggregate != Aggregate::kCount && r.aggregate != Aggregate::kSum)) continue;
    // `= 0` asks whether there is one: DBA102.
    const std::vector<Conjunct>& where = op.facts().blocks[static_cast<size_t>(source.block)].where;
    const bool compares = std::any_of(where.begin(), where.end(), [](const Conjunct& c) {
      return c.op == CompareOp::kLt || c.op == CompareOp::kLe || c.op == CompareOp::kGt || c.op == CompareOp::kGe;
    });
    if (!compares || set_protected(unit, write, r, write, w, /*inserts=*/true)) continue;
    Match m = match_of(unit, write, r, write, w);
    m.pattern = Pattern::kCheckThenActStatement;
    context.place(m);
    context.report(std::move(m));
    return;
  }
}

void check_pair(const WorkUnit& unit, uint32_t write, const WriteAccess& w, RuleContext& context) {
  const Op& op = unit.ops[write];
  for (uint32_t i = write; i-- > reach_from(write);) {
    const Op& read = unit.ops[i];
    if (!read.statement->access.may_read(w) || read.failed) continue;
    for (const ReadAccess& r : read.statement->access.reads) {
      if (!r.same_table(w) || !r.top_level || r.joined || (r.aggregate != Aggregate::kCount && r.aggregate != Aggregate::kSum)) continue;
      if (!inserts_into_set(read, r, op, w, /*may_be_whole_table=*/false) || is_refused_by_key(context, w, r)) continue;
      double amount = 0;
      const ColumnWrite* summed = r.aggregate == Aggregate::kSum ? w.find(r.aggregated) : nullptr;
      if (r.aggregate == Aggregate::kSum && summed == nullptr) continue;
      const bool spends =
          summed != nullptr && summed->value->kind == OperandKind::kSlot && as_number(op.value(summed->value->slot), amount) && amount < 0;
      // Counted by most of what it inserts: it asks whether the row is there (DBA101).
      if (r.aggregate == Aggregate::kCount && r.equal.size() >= kMostColumnsOfSet && r.equal.size() * 2 > w.set.size()) return;
      if (set_protected(unit, i, r, write, w, /*inserts=*/true) || guarded_elsewhere(unit, i, r, write, w)) return;
      const bool bounded = spends || bound_was_read(unit, i, r, write);
      // For show, as far as anybody can see.
      if (!bounded && !same_transaction(unit, i, write)) return;
      Match m = match_of(unit, i, r, write, w);
      m.pattern = Pattern::kCheckThenAct;
      m.confidence = bounded ? Confidence::kLikely : Confidence::kPossible;
      m.halves_tell = bounded;
      context.place(m);
      context.report(std::move(m));
      return;
    }
  }
}

void check(const WorkUnit& unit, RuleContext& context) {
  const TableSet tables =
      tables_read(unit, [](const ReadAccess& r) { return r.aggregate == Aggregate::kCount || r.aggregate == Aggregate::kSum; });
  for (const uint32_t i : unit.writers) {
    const Op& op = unit.ops[i];
    if (op.truncated) continue;
    for (const WriteAccess& w : op.statement->access.writes) {
      if (w.kind != StatementKind::kInsert || w.upsert != UpsertKind::kNone || w.guarded_insert || w.housekeeping) continue;
      if ((tables & w.bit) == 0) continue;
      check_one_statement(unit, i, w, context);
      if (!w.set.empty()) check_pair(unit, i, w, context);
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string set = list_of(f.material.key_columns);
  const bool sum = f.detail == "SUM";
  if (f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock) {
    finding.message = fmt::format(
        "An INSERT into {} depends on a {} of the rows of one {}; at this level one of two racing sessions gets an error "
        "it must retry.",
        f.material.table_name, f.detail, set);
  } else {
    finding.message =
        fmt::format("Two sessions can {} the rows of one {} in {} and both insert: together they pass the bound that each kept.",
                    sum ? "sum up" : "count", set, f.material.table_name);
  }
  add_fixes(finding, suggest::parent_lock(f.material));
  // On PostgreSQL a lock is no mutex from REPEATABLE READ up.
  if (f.material.engine != Engine::kPostgres || f.material.isolation <= Isolation::kReadCommitted)
    add_fixes(finding, suggest::in_orm_words(f.material, "parent-lock"));
}

}  // namespace

extern const Rule kRule_check_then_act_on_aggregate;
const Rule kRule_check_then_act_on_aggregate = {
    "DBA301",
    "check-then-act-on-aggregate",
    Severity::kError,
    "Rows are counted or summed up and one more is inserted, with nothing that keeps two sessions from doing so at once",
    {Trait::kInsertsRead, Trait::kSums},
    check,
    describe};

}  // namespace dbaudit
