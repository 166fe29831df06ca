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

#include <fmt/format.h>

#include "rules/lookup_insert.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  for (const LookupInsert& pair : context.lookup_inserts(unit)) {
    const Protection* p = pair.protection;
    if (p != nullptr && p->key != nullptr) continue;
    const Op& write = unit.ops[pair.write];
    Match m = match_of(unit, pair);
    const Key* near_miss = p != nullptr ? p->near_miss : nullptr;
    if (near_miss != nullptr) m.near_miss = p->why_not;
    // Without LIMIT it may be a list that one more row is added to: a name, or a key that was meant to hold it, says otherwise.
    const bool meant = near_miss != nullptr && !is_wider(*near_miss, pair.key.lookup);
    if (p != nullptr && !asks_for_one(*pair.lookup) && !meant && !is_natural_key(pair.insert->table, pair.key.key_columns))
      m.confidence = Confidence::kPossible;
    // Without a schema the engine's own refusal tells that a unique key stands there.
    m.refutes = pair.insert->table == nullptr && is_duplicate_error(write);
    // FOR UPDATE on the row that is not there is this very pattern, not its cure: look only at locks before the lookup.
    if (protected_by_lock(unit, pair.read, pair.write, *pair.insert)) continue;
    context.place(m);
    context.report(std::move(m));
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
    {Trait::kInsertsRead},
    check,
    describe,
    DataQuestion::kDuplicates};

}  // namespace dbaudit
