// DBA202: the decrement is atomic, the check before it is not.
//
//   A: SELECT stock … id = 1   → 1: enough
//   B: SELECT stock … id = 1   → 1: enough
//   A: UPDATE … SET stock = stock - 1 WHERE id = 1   → 0
//   B: UPDATE … SET stock = stock - 1 WHERE id = 1   → -1: sold twice
//
// The same for an increment towards a bound that the row itself or its parent holds (`used` beside `usage_limit`, `sold` of a ticket type below `capacity` of
// its event). Silent: a bound in the WHERE, a CHECK or unsigned type that
// refuses it, a lock held since the check, and blind counters that nobody decides on.

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

bool has_any_word(std::string_view name, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view w) { return icontains(name, w); });
}

bool counts_uses(std::string_view column) {
  return has_any_word(
      column, {"used", "uses", "usage", "allocated", "reserved", "sold", "taken", "booked", "claimed", "redeemed", "count", "enrolled"});
}

bool is_limit_name(std::string_view name) {
  return has_any_word(name, {"limit", "max_", "_max", "capacity", "quota", "in_stock", "allowed"});
}

// The column of the same row that bounds `column` from above, by name.
std::string bound_beside(const Table* table, std::string_view column) {
  if (table == nullptr || !counts_uses(column)) return {};
  for (const Column& c : table->columns) {
    if (iequals(c.name, column)) continue;
    if (is_limit_name(c.name) || istarts_with(column, to_lower(c.name) + "_")) return to_lower(c.name);
  }
  return {};
}

// The bound that the row's parent holds, when the unit has read it: the read before `write` of a table that the row references, with a limit among what it
// fetched. Gives the column, qualified by its table.
std::string bound_of_parent(const WorkUnit& unit, uint32_t write, const WriteAccess& w, std::string_view column) {
  if (w.table == nullptr || !counts_uses(column)) return {};
  for (uint32_t i = write; i-- > reach_from(write);) {
    for (const ReadAccess& r : unit.ops[i].statement->access.reads) {
      if (r.table == nullptr || !r.top_level || r.aggregate != Aggregate::kNone) continue;
      const bool parent = std::any_of(w.table->foreign_keys.begin(), w.table->foreign_keys.end(), [&](const ForeignKey& fk) {
        return iequals(fk.referenced_table, r.table->name) && r.table != w.table;
      });
      if (!parent) continue;
      for (const Column& c : r.table->columns) {
        const std::string name = to_lower(c.name);
        if (is_limit_name(name) && can_be_quantity(r.table, name) && r.projects(name)) return to_lower(r.table->name) + "." + name;
      }
    }
  }
  return {};
}

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    for (const WriteAccess& update : write.statement->access.writes) {
      if (update.kind != StatementKind::kUpdate || !update.exact || update.equal.empty() || write.truncated) continue;
      for (const ColumnWrite& c : update.set) {
        if (c.value->kind != OperandKind::kSelfRelative || c.value->slot < 0) continue;
        double by = 0;
        if (!as_number(write.value(c.value->slot), by) || by == 0) continue;
        const bool down = c.value->sign * by < 0;
        std::string bound = down ? std::string() : bound_beside(update.table, c.column);
        const bool in_parent = !down && bound.empty();
        if (in_parent) bound = bound_of_parent(unit, w, update, c.column);
        if (!down && bound.empty()) continue;
        const bool guarded = std::any_of(update.others.begin(), update.others.end(),
                                         [&](const OtherCondition& o) {
                                           return std::find(o.columns.begin(), o.columns.end(), c.column) != o.columns.end();
                                         }) ||
                             std::any_of(update.equal.begin(), update.equal.end(),
                                         [&](const KeyColumn& k) { return k.column == c.column || k.is_for(ColumnUse::kVersion); });
        if (guarded || (down && refuses_negative(update.table, c.column, unit.engine))) continue;
        Match m;
        m.unit = &unit;
        m.table = update.table;
        m.table_name = update.name;
        m.columns = {c.column};
        for (const KeyColumn& k : update.equal) m.key_columns.push_back(k.name());
        m.row = row_identity(update, update.equal, write);
        m.write = m.read = w;
        m.has_write = true;
        m.pattern = Pattern::kCheckThenDecrement;
        m.message_detail = bound;
        const std::optional<ReadRef> read = deciding_read(unit, w, update, RowLink::kPicked);
        // Whether the limit of another row is the limit of this count is a matter of names; `comment_count` below a user's `upload_limit` is not.
        if (in_parent && icontains(c.column, "count")) m.confidence = Confidence::kPossible;
        if (read && (read->access->projects(c) || (!bound.empty() && !in_parent && read->access->projects(bound)))) {
          if (is_locking(read->access->lock) && !same_transaction(unit, read->op, w) && boundaries_known(unit, read->op, w)) continue;
          if (protected_by_lock(unit, read->op, w, update)) continue;
          m.read = read->op;
          m.has_read = true;
        } else if (!down || !context.row_was_read(m.row, c.column)) {
          continue;  // nobody decides on it
        } else if (protected_by_lock(unit, w, w, update)) {
          continue;
        } else {
          // The check stood in an earlier request: whether this subtraction rests on it is not shown.
          m.confidence = Confidence::kPossible;
        }
        context.place(m);
        if (!m.has_read) {
          m.level = Level::kAutocommit;
          m.scope = m.level_known ? Scope::kScopeBased : Scope::kNone;
        }
        context.report(std::move(m));
      }
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string column = list_of(f.material.columns);
  finding.message =
      f.detail.empty() ? fmt::format("Two sessions can both see enough {} in {} and both subtract: the UPDATE does not repeat the check.",
                                     column, f.material.table_name)
                       : fmt::format("Two sessions can both see {} of {} below {} and both raise it: the UPDATE does not repeat the check.",
                                     column, f.material.table_name, f.detail);
  // A bound in another table cannot be compared in this UPDATE by its name alone: lock the row that both requests read.
  const bool in_parent = f.detail.find('.') != std::string::npos;
  if (!in_parent) {
    suggest::Material bounded = f.material;
    bounded.bound_column = f.detail;
    add_fixes(finding, suggest::atomic_update(bounded, true));
  }
  if (f.detail.empty()) add_fixes(finding, suggest::check_constraint(f.material, f.material.columns.front()));
  if (f.has_read) add_fixes(finding, suggest::row_lock(f.material));
  if (!in_parent) add_fixes(finding, suggest::in_orm_words(f.material, "guarded-decrement"));
}

}  // namespace

extern const Rule kRule_unguarded_decrement;
const Rule kRule_unguarded_decrement = {
    "DBA202",
    "unguarded-decrement",
    Severity::kError,
    "A column is checked, then decremented (or raised towards its bound) without repeating the check in the UPDATE",
    {Trait::kSetsRelative},
    check,
    describe};

}  // namespace dbaudit
