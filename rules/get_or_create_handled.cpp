// DBA109: a lookup and its INSERT with a unique key behind them. Nothing goes wrong for good; there is a cheaper way.
//
//   A: SELECT … WHERE name = 'x'   → no row
//   B: SELECT … WHERE name = 'x'   → no row
//   A: INSERT … 'x'
//   B: INSERT … 'x'                 → duplicate key; B looks again
//
// Silent: a lookup that only asks whether a row is there (a validation before the form is accepted), a key the client made at random, a lock that both
// sessions take first, SQLite's BEGIN IMMEDIATE, and REPEATABLE READ, where looking again does not help (DBA105).

#include <fmt/format.h>

#include <algorithm>

#include "rules/lookup_insert.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  for (const LookupInsert& pair : context.lookup_inserts(unit)) {
    if (pair.protection == nullptr) continue;
    const Protection& p = *pair.protection;
    if (p.key == nullptr || p.near_miss != nullptr || pair.lookup->probe) continue;  // a stricter key is DBA112's
    Match m = match_of(unit, pair);
    if (m.random_key || protected_by_lock(unit, pair.read, pair.write, *pair.insert)) continue;
    m.pattern = Pattern::kGetOrCreateUnique;
    m.row = 0;  // that two sessions met shows nothing: the key decided
    m.severity = Severity::kNote;
    context.place(m);
    if (is_duplicate_error(unit.ops[pair.write])) {
      m.confidence = Confidence::kObserved;
      m.evidence.push_back({"duplicate-key-error", "the INSERT met the row of another session and was refused by the key", {}});
      m.evidence_op = pair.write;
    }
    context.report(std::move(m));
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = fmt::format(
      "A unique key keeps {} ({}) single, and the loser of a race gets its error: one upsert does the same in one round trip, without it.",
      f.material.table_name, list_of(f.material.key_columns));
  add_fixes(finding, suggest::upsert(f.material));
}

}  // namespace

extern const Rule kRule_get_or_create_handled;
const Rule kRule_get_or_create_handled = {
    "DBA109",
    "get-or-create-handled",
    Severity::kNote,
    "A lookup and its INSERT are kept single by a unique key; an upsert would save a round trip and the duplicate-key errors",
    {Trait::kInsertsRead},
    check,
    describe};

}  // namespace dbaudit
