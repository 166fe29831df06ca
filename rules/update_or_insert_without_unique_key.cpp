// DBA103: update the row; if there was none, insert it. And no unique key.
//
//   A: UPDATE kv SET v = 5 WHERE k = 'x'   → 0 rows
//   B: UPDATE kv SET v = 6 WHERE k = 'x'   → 0 rows
//   A: INSERT INTO kv (k, v) VALUES ('x', 5)
//   B: INSERT INTO kv (k, v) VALUES ('x', 6)   two rows; every later UPDATE changes both
//
// The INSERT must put in what the UPDATE was to set: `SET is_default = false WHERE user_id = 1` before the INSERT of a new default is no such pair, nor is
// closing the current price before the next one. Silent: rows were updated; a lock taken first; SQLite inside one transaction. With a unique key it is a
// note, a warning when the log shows the error.

#include <fmt/format.h>

#include <algorithm>

#include "rules/insert_keys.h"
#include "rules/lookup_insert.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

/// Would the UPDATE have left the row as the INSERT makes it?
bool writes_the_same(const Op& update_op, const WriteAccess& update, const Op& insert_op, const WriteAccess& insert) {
  bool shared = false;
  for (const ColumnWrite& u : update.set) {
    const ColumnWrite* i = insert.find_hashed(u.hash);
    if (i == nullptr) continue;
    switch (u.value->kind) {
      case OperandKind::kSlot: {
        if (i->value->kind != OperandKind::kSlot) return false;
        const Value &a = update_op.value(u.value->slot), &b = insert_op.value(i->value->slot);
        // A time taken twice is a little later the second time.
        if (a.known() && b.known() && !same_value(a, b) && !is_time_column(insert.table, u.column)) return false;
        shared |= a.known() && b.known() && same_value(a, b);
        break;
      }
      case OperandKind::kSelfRelative:
      case OperandKind::kSelfExpression: shared = true; break;
      case OperandKind::kNow: break;
      default:
        if (i->value->kind == OperandKind::kSlot) return false;
        break;
    }
  }
  return shared;
}

/// Does the INSERT say more than the key and what the UPDATE was to set? Then it may be one more row of many (`SET position = position + 1 WHERE list = 1`
/// before an item goes on top).
bool says_more(const Op& op, const WriteAccess& update, const WriteAccess& insert, const LookupMatch& key) {
  return std::any_of(insert.set.begin(), insert.set.end(), [&](const ColumnWrite& c) {
    const bool in_key = std::find(key.key_columns.begin(), key.key_columns.end(), c.column) != key.key_columns.end();
    const bool empty = c.value->kind == OperandKind::kDefault || (c.value->kind == OperandKind::kSlot && op.value(c.value->slot).is_null());
    return !in_key && !empty && update.find_hashed(c.hash) == nullptr && !is_time_column(insert.table, c.column);
  });
}

struct Pair {
  uint32_t update = 0;
  LookupMatch key;
};

/// The last UPDATE before the INSERT by values that it inserts.
bool find_update(const WorkUnit& unit, uint32_t w, const WriteAccess& insert, Pair& pair) {
  for (uint32_t u = w; u-- > reach_from(w);) {
    const Op& op = unit.ops[u];
    if (!op.statement->access.may_write(insert)) continue;
    if (op.failed || op.truncated || op.rolled_back) continue;
    for (const WriteAccess& update : op.statement->access.writes) {
      if (update.kind != StatementKind::kUpdate || !update.same_table(insert) || update.hidden) continue;
      LookupMatch key = match_update(op, update, unit.ops[w], insert);
      if (key.key_columns.empty()) continue;
      if (op.rows > 0 || !writes_the_same(op, update, unit.ops[w], insert)) return false;
      pair.update = u;
      if (op.rows != 0 && !is_natural_key(insert.table, key.key_columns) && says_more(unit.ops[w], update, insert, key)) return false;
      pair.key = std::move(key);
      return true;
    }
  }
  return false;
}

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    if (write.truncated) continue;
    for (const WriteAccess& insert : write.statement->access.writes) {
      if (insert.kind != StatementKind::kInsert || insert.upsert != UpsertKind::kNone || insert.guarded_insert || insert.rows > 1) continue;
      if (insert.housekeeping) continue;
      Pair pair;
      if (!find_update(unit, w, insert, pair) || protected_by_lock(unit, pair.update, w, insert)) continue;
      Match m;
      m.unit = &unit;
      m.table = insert.table;
      m.table_name = insert.name;
      m.read = pair.update;
      m.write = w;
      m.has_read = m.has_write = true;
      m.read_role = "update";
      m.write_role = "insert";
      m.columns = m.key_columns = pair.key.key_columns;
      m.null_columns = pair.key.null_columns;
      m.row = pair.key.row;
      m.blind_insert = !write.failed && !write.rolled_back;
      m.random_key = std::any_of(pair.key.values.begin(), pair.key.values.end(), looks_random);
      m.pattern = Pattern::kUpdateOrInsert;
      if (insert.table != nullptr && context.catalog() != nullptr) {
        const Protection& p = context.protection(*insert.table, pair.key.lookup);
        if (!p.certain) m.confidence = Confidence::kPossible;
        if (p.key != nullptr) {
          // A primary key that the client has just chosen (an import, a test's fixture) is nobody else's.
          if (m.random_key) continue;
          m.pattern = Pattern::kUpdateOrInsertUnique;
          m.row = 0;
          const bool seen = is_duplicate_error(write) || write.error_code() == "1213" || write.error_code() == "40P01";
          m.severity = seen ? Severity::kWarning : Severity::kNote;
          if (seen) {
            m.confidence = Confidence::kObserved;
            m.evidence.push_back(
                {"duplicate-key-error", "the UPDATE found no row, and the INSERT after it failed on another session's", {}});
            m.evidence_op = w;
          }
        } else if (p.near_miss != nullptr) {
          m.near_miss = p.why_not;
        }
      } else {
        m.confidence = Confidence::kPossible;
      }
      m.refutes = insert.table == nullptr && is_duplicate_error(write);
      context.place(m);
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string key = list_of(f.material.key_columns);
  if (f.pattern == Pattern::kUpdateOrInsertUnique) {
    finding.message = fmt::format(
        "UPDATE, then INSERT of {} ({}): two sessions that both update no row race, and the unique key gives one of them an error.",
        f.material.table_name, key);
  } else if (f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock) {
    finding.message =
        fmt::format("No unique key keeps {} ({}) single; at this level one of two racing sessions gets an error it must retry.",
                    f.material.table_name, key);
  } else {
    finding.message =
        fmt::format("Two sessions can both update no row and both insert: nothing keeps {} ({}) unique.", f.material.table_name, key);
  }
  if (!f.near_miss.empty()) finding.message += fmt::format(" A key looks as if it did: {}.", f.near_miss);
  add_fixes(finding, suggest::unique_key(f.material));
  add_fixes(finding, suggest::update_or_insert_as_upsert(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "get-or-create"));
}

}  // namespace

extern const Rule kRule_update_or_insert_without_unique_key;
const Rule kRule_update_or_insert_without_unique_key = {
    "DBA103",
    "update-or-insert-without-unique-key",
    Severity::kError,
    "An UPDATE that matches no row is followed by an INSERT of the same key, and no unique key stops two sessions from doing it at once",
    {Trait::kInsertsUpdated},
    check,
    describe,
    DataQuestion::kDuplicates};

}  // namespace dbaudit
