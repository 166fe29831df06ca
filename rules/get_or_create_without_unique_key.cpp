// DBA101: a lookup finds nothing, the application inserts, and no unique key stands behind it.
//
//   A: SELECT … WHERE name = 'x'   → no row
//   B: SELECT … WHERE name = 'x'   → no row
//   A: INSERT … 'x'
//   B: INSERT … 'x'                 two rows; every later get() fails or picks one at random
//
// Silent: a unique key on a subset of the lookup's columns; a lock that every such pair takes first; an upsert; a key the client made at random; SQLite's
// BEGIN IMMEDIATE. A lookup that lists rows or takes the latest decides nothing: the runner drops a pair whose key is inserted again and again by
// sessions that had seen it.

#include <algorithm>

#include <fmt/format.h>

#include "rules/match.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  for (uint32_t w = 0; w < unit.ops.size(); ++w) {
    const Op& write = unit.ops[w];
    for (const WriteAccess& insert : write.statement->access.writes) {
      if (insert.kind != StatementKind::kInsert || insert.upsert != UpsertKind::kNone || insert.guarded_insert || write.truncated) continue;
      if (is_housekeeping_table(insert.name)) continue;
      for (uint32_t r = w; r-- > reach_from(w);) {
        const Op& read = unit.ops[r];
        bool done = false;
        for (const ReadAccess& lookup : read.statement->access.reads) {
          if (lookup.name != insert.name || !lookup.top_level || lookup.joined || read.failed) continue;
          if (takes_latest(read, lookup) || (lookup.aggregate != Aggregate::kNone && !lookup.probe)) continue;
          if (read.rows > 0 && !lookup.probe) continue;  // it found one
          const LookupMatch k = match_lookup(read, lookup, write, insert);
          if (k.key_columns.empty()) continue;
          done = true;
          Match m;
          m.unit = &unit;
          m.table = insert.table;
          m.table_name = insert.name;
          m.read = r;
          m.write = w;
          m.has_read = m.has_write = true;
          m.read_role = "read";
          m.write_role = "write";
          m.columns = k.key_columns;
          m.key_columns = k.key_columns;
          m.null_columns = k.null_columns;
          m.row = k.row;
          m.counted = lookup.aggregate == Aggregate::kCount;
          m.blind_insert = !write.failed && !write.rolled_back;
          m.pattern = is_locking(lookup.lock) ? Pattern::kGetOrCreateLocked : Pattern::kGetOrCreate;
          if (insert.table != nullptr && context.catalog() != nullptr) {
            const Protection p = protects(*context.catalog(), *insert.table, k.lookup);
            if (p.key != nullptr) break;
            if (!p.certain) m.confidence = Confidence::kPossible;
            if (p.near_miss != nullptr) m.near_miss = p.why_not;
            // Without LIMIT it may be a list that one more row is added to: a name, or a key that was meant to hold it, says otherwise.
            if (!asks_for_one(read, lookup) && p.near_miss == nullptr && !is_natural_key(insert.table, k.key_columns))
              m.confidence = Confidence::kPossible;
          } else {
            m.confidence = Confidence::kPossible;
          }
          // Without a schema the engine's own refusal tells that a unique key stands there.
          m.refutes = insert.table == nullptr && write.failed && (write.error_code == "23505" || write.error_code == "1062");
          // FOR UPDATE on the row that is not there is this very pattern, not its cure: look only at locks before the lookup.
          if (protected_by_lock(unit, r, w, insert)) break;
          context.place(m);
          // A key the client invents is looked up in vain by design. Only the runner sees whether anybody else uses the same one.
          m.random_key = std::any_of(k.values.begin(), k.values.end(), looks_random);
          context.report(std::move(m));
          break;
        }
        if (done) break;
      }
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string key = list_of(f.material.key_columns);
  if (f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock) {
    finding.message =
        fmt::format("No unique key keeps {} ({}) single; at this level one of two racing sessions gets an error it must retry.",
                    f.material.table_name, key);
  } else {
    finding.message = fmt::format("Two sessions can both miss and both insert: nothing keeps {} ({}) unique.", f.material.table_name, key);
  }
  if (!f.near_miss.empty()) finding.message += fmt::format(" A key looks as if it did: {}.", f.near_miss);
  add_fixes(finding, suggest::unique_key(f.material));
  add_fixes(finding, suggest::upsert(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "get-or-create"));
}

}  // namespace

extern const Rule kRule_get_or_create_without_unique_key;
const Rule kRule_get_or_create_without_unique_key = {
    "DBA101",
    "get-or-create-without-unique-key",
    Severity::kError,
    "A lookup that finds nothing is followed by an INSERT of the same key, and no unique key stops two sessions from doing it at once",
    check,
    describe};

}  // namespace dbaudit
