// DBA206: a set replaced by deleting it and inserting the new one.
//
//   A: DELETE … WHERE user_id = 7
//   B: DELETE … WHERE user_id = 7              (waits for A, or finds nothing)
//   A: INSERT (7, 'theme', 'dark'); COMMIT
//   B: INSERT (7, 'theme', 'light'); COMMIT    both sets stay: B's DELETE did not see A's new rows
//
// Where the DELETE finds no row, nothing makes the second session wait; on MariaDB from REPEATABLE READ up it takes a gap lock instead, and two of them
// deadlock. A unique key makes the second INSERT fail. Silent: a lock on the parent taken first, rows that were there on MariaDB (the DELETE's locks hold), a
// DELETE by a range or a list (something else is cleaned up), rows looked up in between, a lock row given back and taken again.

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "rules/match.h"
#include "rules/statement_text.h"

namespace dbaudit {

namespace {

constexpr uint32_t kNearby = 4;  // statements between a DELETE and its INSERT when no transaction holds the two together

bool touches(const Op& op, const AccessedTable& table) {
  const StatementAccess& a = op.statement->access;
  if (!a.may_touch(table)) return false;
  return std::any_of(a.reads.begin(), a.reads.end(), [&](const ReadAccess& r) { return r.same_table(table) && r.top_level; }) ||
         std::any_of(a.writes.begin(), a.writes.end(), [&](const WriteAccess& w) { return w.same_table(table); });
}

// Is what the DELETE names inserted again: every column of its WHERE, with the same value? The row's identity, or 0.
uint64_t replaced(const Op& gone, const WriteAccess& erase, const Op& write, const WriteAccess& insert) {
  if (!erase.same_table(insert) || !erase.exact || !erase.others.empty() || erase.equal.empty()) return 0;
  std::vector<uint64_t> parts;
  for (const KeyColumn& k : erase.equal) {
    if (k.is_list || k.is_null || k.column.empty()) return 0;
    const ColumnWrite* c = insert.find(k);
    if (c == nullptr || c->value->kind != OperandKind::kSlot || !same_value(gone.value(k.slot), write.value(c->value->slot))) return 0;
    parts.push_back(hash_combine(hash_bytes(k.column), gone.value(k.slot).hash()));
  }
  std::sort(parts.begin(), parts.end());
  uint64_t row = hash_bytes(insert.name);
  for (const uint64_t p : parts) row = hash_combine(row, p);
  return row;
}

// A unique key that two sessions who replace the same set with the same rows run into: it holds a column of the set's key (a token of its own for each row
// collides with nothing), and all of its columns are given values.
bool has_key_in(const WriteAccess& erase, const WriteAccess& insert) {
  if (insert.table == nullptr) return false;
  const auto given = [&](const KeyPart& p) {
    const ColumnWrite* c = p.column.empty() ? nullptr : insert.find(to_lower(p.column));
    return c != nullptr && c->value->kind == OperandKind::kSlot;
  };
  const auto of_the_set = [&](const KeyPart& p) {
    return std::any_of(erase.equal.begin(), erase.equal.end(), [&](const KeyColumn& k) { return iequals(k.column, p.column); });
  };
  return std::any_of(insert.table->keys.begin(), insert.table->keys.end(), [&](const Key& key) {
    return key.unique && key.valid && std::any_of(key.parts.begin(), key.parts.end(), of_the_set) &&
           std::all_of(key.parts.begin(), key.parts.end(), given);
  });
}

struct Erased {
  uint32_t op = 0;
  const WriteAccess* access = nullptr;
  uint64_t row = 0;
};

// The DELETE whose rows this INSERT is the first to put back.
std::optional<Erased> erased_before(const WorkUnit& unit, uint32_t w, const WriteAccess& insert) {
  const Op& write = unit.ops[w];
  std::optional<Erased> found;
  for (uint32_t i = w; i-- > reach_from(w);) {
    const Op& op = unit.ops[i];
    if (!touches(op, insert) || op.failed) continue;
    for (const WriteAccess& other : op.statement->access.writes) {
      if (!other.same_table(insert)) continue;
      if (other.kind == StatementKind::kDelete && !found) {
        const uint64_t row = replaced(op, other, write, insert);
        if (row == 0) return std::nullopt;
        found = Erased{i, &other, row};
      } else if (other.is_insert() && found && replaced(unit.ops[found->op], *found->access, op, other) != 0) {
        return std::nullopt;  // inserted, deleted, inserted again: a lock row, or a later request's work
      } else if (!found) {
        return std::nullopt;  // not the first INSERT after the DELETE, or the rows were changed in between
      }
    }
    if (!found) return std::nullopt;  // looked at again before it was written
  }
  return found;
}

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    if (write.statement->access.writes.size() != 1 || write.truncated) continue;
    const WriteAccess& insert = write.statement->access.writes.front();
    if (insert.kind != StatementKind::kInsert || insert.upsert != UpsertKind::kNone || insert.guarded_insert) continue;
    if (insert.housekeeping) continue;
    const std::optional<Erased> erased = erased_before(unit, w, insert);
    if (!erased) continue;
    const Op& gone = unit.ops[erased->op];
    if (protected_by_lock(unit, erased->op, w, insert)) continue;
    const bool together = same_transaction(unit, erased->op, w);
    if (!together && w - erased->op > kNearby) continue;

    Match m;
    m.unit = &unit;
    m.table = insert.table;
    m.table_name = insert.name;
    for (const KeyColumn& k : erased->access->equal) m.key_columns.push_back(k.column);
    m.columns = m.key_columns;
    m.row = erased->row;
    m.read = erased->op;
    m.write = w;
    m.has_read = m.has_write = true;
    m.read_role = "delete";
    context.place(m);
    const bool unique = has_key_in(*erased->access, insert);
    // Not knowing whether rows were there: MariaDB waits where they were, and the case without is the one that bites.
    const bool absent = gone.rows == 0 || (gone.rows < 0 && is_mysql_family(unit.engine) && m.level != Level::kAutocommit);
    m.pattern = unique ? (absent ? Pattern::kDeleteInsertUniqueAbsent : Pattern::kDeleteInsertUnique)
                       : (absent ? Pattern::kDeleteInsertAbsent : Pattern::kDeleteInsert);
    if (gone.rows > 0 && is_mysql_family(unit.engine) && together) continue;
    if (insert.table == nullptr || insert.table->keys_incomplete) m.confidence = Confidence::kPossible;
    // Two statements that nothing holds together, and a key that refuses the worst: the refusal may well be looked after.
    if (unique && !together) m.confidence = Confidence::kPossible;
    // The log shows no transactions: the two may stand in one, which on MariaDB and SQLite is another matter.
    if (!together && !boundaries_known(unit, erased->op, w)) m.confidence = Confidence::kPossible;
    context.report(std::move(m));
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string key = list_of(f.material.key_columns);
  const bool unique = f.pattern == Pattern::kDeleteInsertUnique || f.pattern == Pattern::kDeleteInsertUniqueAbsent;
  if (f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock) {
    finding.message = fmt::format(
        "The rows of {} with one {} are deleted and inserted anew; at this level the loser of a race gets an error it must retry.",
        f.material.table_name, key);
  } else if (f.outcome == Outcome::kError) {
    finding.message = fmt::format("Two sessions that delete and insert the rows of {} with one {} at once: one of them fails{}.",
                                  f.material.table_name, key, unique && !is_mysql_family(f.material.engine) ? " on the unique key" : "");
  } else {
    finding.message = fmt::format("Two sessions can both delete the rows of {} with one {} and both insert theirs: both sets stay.",
                                  f.material.table_name, key);
  }
  // What no level but the highest changes where no row was there must not be promised of a lower one.
  if (f.pattern == Pattern::kDeleteInsert && f.material.engine == Engine::kPostgres && f.scope == Scope::kLevelBased &&
      f.outcome == Outcome::kSilent)
    finding.why = finding.why.str() + " Where no row was there before, both sets stay at REPEATABLE READ too.";
  const bool gaps = f.outcome == Outcome::kError && is_mysql_family(f.material.engine) && f.level != Level::kAutocommit &&
                    f.level != Level::kReadCommitted;
  const std::string erase = short_sql(f.material.read_sql);
  const std::string insert = short_sql(f.material.write_sql);
  const std::string_view end = gaps ? "deadlock" : unique ? "duplicate key" : "both sets stay";
  finding.interleaving = {
      {0, fmt::format("{}  → {}", erase, gaps ? "no row: locks the gap" : "the old rows go"), false},
      {1,
       fmt::format("{}  → {}", erase,
                   gaps ? "no row: locks the same gap" : "waits for A where rows were there, and sees none of its new ones"),
       false},
      {0, fmt::format("{}  → {}", insert, gaps ? "waits for B" : "committed"), false},
      {1, fmt::format("{}  → {}", insert, end), true}};
  if (f.outcome == Outcome::kRetry) finding.interleaving = {};
  add_fixes(finding, suggest::lock_then_replace(f.material));
  if (gaps && unique) add_fixes(finding, suggest::isolation_level(f.material, Isolation::kReadCommitted));
  // More than one column names the row: then one row is what is meant.
  if (f.material.key_columns.size() > 1) {
    if (!unique) add_fixes(finding, suggest::unique_key(f.material));
    add_fixes(finding, suggest::replacing_upsert(f.material));
  }
}

}  // namespace

extern const Rule kRule_delete_then_insert;
const Rule kRule_delete_then_insert = {
    "DBA206",
    "delete-then-insert",
    Severity::kError,
    "A set of rows is replaced by a DELETE and INSERTs, and nothing keeps two sessions from doing it at once",
    {Trait::kInsertsDeleted},
    check,
    describe};

}  // namespace dbaudit
