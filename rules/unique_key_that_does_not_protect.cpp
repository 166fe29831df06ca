// DBA104: a lookup and its INSERT, and a unique key that looks as if it kept the two sessions apart and does not.
//
//   UNIQUE (user_id, org_id), org_id may be NULL
//   A: SELECT … WHERE user_id = 1 AND org_id IS NULL   → no row
//   B: SELECT … WHERE user_id = 1 AND org_id IS NULL   → no row
//   A: INSERT (1, NULL)
//   B: INSERT (1, NULL)        two rows: NULLs are distinct
//
// The same with a partial index whose predicate the row does not meet, a case-sensitive key under a lookup without case, an INVALID index, a check that
// waits for COMMIT, and a key with one column more. Silent where the values show that the hazard never comes: a nullable column always given.

#include <fmt/format.h>

#include "rules/lookup_insert.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  for (const LookupInsert& pair : context.lookup_inserts(unit)) {
    if (pair.protection == nullptr) continue;
    const Protection& p = *pair.protection;
    if (p.key != nullptr || p.near_miss == nullptr) continue;
    if (protected_by_lock(unit, pair.read, pair.write, *pair.insert)) continue;
    Match m = match_of(unit, pair);
    m.near_miss = p.why_not;
    // A list by part of a wider key is how its rows are read; only a lookup for one says that there should be one.
    if (is_wider(*p.near_miss, pair.key.lookup) && !asks_for_one(*pair.lookup) && !is_natural_key(pair.insert->table, pair.key.key_columns))
      m.confidence = Confidence::kPossible;
    context.place(m);
    context.report(std::move(m));
  }
}

void describe(const Folded& f, Finding& finding) {
  const bool retried = f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock;
  finding.message = fmt::format(
      "{} ({}) is not kept single: {}.{}", f.material.table_name, list_of(f.material.key_columns), f.near_miss,
      retried ? " At this level one of two racing sessions gets an error it must retry." : " Two sessions can both miss and both insert.");
  add_fixes(finding, suggest::unique_key(f.material));
  add_fixes(finding, suggest::upsert(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "get-or-create"));
}

// What a CREATE UNIQUE INDEX CONCURRENTLY that failed left behind.
void check_schema(const Catalog& catalog, std::vector<Finding>& findings) {
  for (const Table& t : catalog.tables) {
    for (const Key& k : t.keys) {
      if (!k.unique || k.valid || k.exclusion) continue;
      suggest::Material material;
      material.engine = catalog.engine;
      material.version = catalog.server.version;
      material.table = &t;
      material.table_name = t.qualified();
      for (const KeyPart& p : k.parts) material.key_columns.push_back(p.column.empty() ? p.expression : p.column);
      Finding f;
      f.severity = Severity::kError;
      f.confidence = Confidence::kLikely;
      f.message = fmt::format(
          "{} of {} ({}) is INVALID: rows that were there before it was built, or while it was, may share one key, and ON CONFLICT "
          "does not accept it.",
          k.name, t.qualified(), list_of(material.key_columns));
      f.why =
          "PostgreSQL marks a unique index INVALID when CREATE INDEX CONCURRENTLY fails; nothing repairs it by itself (measured on "
          "PostgreSQL 15).";
      f.tables = {t.qualified()};
      f.columns = f.key_columns = material.key_columns;
      add_fixes(f, suggest::unique_key(material));
      findings.push_back(std::move(f));
    }
  }
}

}  // namespace

extern const Rule kRule_unique_key_that_does_not_protect;
const Rule kRule_unique_key_that_does_not_protect = {
    "DBA104",
    "unique-key-that-does-not-protect",
    Severity::kError,
    "A unique key looks as if it kept a lookup and its INSERT single, and NULLs, a predicate, a collation or one more column defeat it",
    {Trait::kInsertsRead},
    check,
    describe,
    DataQuestion::kDuplicates,
    check_schema};

}  // namespace dbaudit
