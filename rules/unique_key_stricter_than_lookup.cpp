// DBA112: the unique key forbids what the lookup cannot find. No second session is needed.
//
//   UNIQUE (email), and rows are deleted by setting deleted_at
//   A: SELECT … WHERE email = 'x' AND deleted_at IS NULL   → no row: the one that is there is deleted
//   A: INSERT … 'x'                                          → duplicate key
//   A: SELECT … WHERE email = 'x' AND deleted_at IS NULL   → still no row
//
// The same with a key that ignores case, a key on lower(email) or on a prefix, under a lookup that does not. Silent: a partial key with the lookup's
// predicate; values that are all in lower case are only a hint, and so is a soft delete that this log never does.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "rules/lookup_insert.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

const NoteKind kSoftDelete("sets what lookups want NULL");

/// MySQL's partial key is one with a generated column that is NULL for the rows it leaves out.
bool reads(const Table* table, const std::string& column, const std::string& other) {
  const Column* known = table != nullptr ? table->column(column) : nullptr;
  return known != nullptr && known->generated && known->default_expression && icontains(*known->default_expression, other);
}

/// Rows that the lookup leaves out hold the key all the same: a whole key without the columns that the lookup wants to be NULL.
bool holds_hidden_rows(const Table* table, const Key& key, const LookupMatch& lookup) {
  if (lookup.null_columns.empty() || !key.predicate.empty()) return false;
  return std::none_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& p) {
    return p.column.empty() || std::any_of(lookup.null_columns.begin(), lookup.null_columns.end(),
                                           [&](const std::string& c) { return iequals(c, p.column) || reads(table, p.column, c); });
  });
}

/// Is some value written in capitals? An application that folds case before it asks never meets the difference.
bool any_capitals(const LookupMatch& key) {
  return std::any_of(key.values.begin(), key.values.end(),
                     [](const Value& v) { return std::any_of(v.text.begin(), v.text.end(), [](char c) { return c >= 'A' && c <= 'Z'; }); });
}

void note_soft_deletes(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t i : unit.writers) {
    const Op& op = unit.ops[i];
    if ((op.statement->access.traits & Trait::kSetsNullable) == 0) continue;
    for (const WriteAccess& update : op.statement->access.writes) {
      if (update.kind != StatementKind::kUpdate || op.failed) continue;
      for (const ColumnWrite& c : update.set) {
        if (c.known == nullptr || !c.known->nullable || (c.takes_value() && op.value(c.value->slot).is_null())) continue;
        context.note(kSoftDelete.of(update, c.hash), unit, i);
      }
    }
  }
}

void check(const WorkUnit& unit, RuleContext& context) {
  note_soft_deletes(unit, context);
  for (const LookupInsert& pair : context.lookup_inserts(unit)) {
    if (pair.protection == nullptr) continue;
    const Protection& p = *pair.protection;
    if (p.key == nullptr) continue;
    const bool hidden = holds_hidden_rows(pair.insert->table, *p.key, pair.key);
    if (p.near_miss == nullptr && !hidden) continue;
    Match m = match_of(unit, pair);
    m.pattern = Pattern::kStricterKey;
    m.row = 0;  // nobody need be met
    m.near_miss = p.why_not;
    if (p.near_miss == nullptr) {
      m.near_miss = fmt::format("the unique key holds deleted rows too, and the lookup leaves out those where {} is set",
                                list_of(pair.key.null_columns));
      Need need;
      need.key = kSoftDelete.of(*pair.insert, hash_bytes(pair.key.null_columns.front()));
      m.needs = std::move(need);
    } else if (!any_capitals(pair.key)) {
      m.confidence = Confidence::kPossible;
    }
    const Op& write = unit.ops[pair.write];
    if (is_duplicate_error(write) && m.confidence != Confidence::kPossible) {
      m.confidence = Confidence::kObserved;
      m.evidence.push_back({"duplicate-key-error", "the lookup found no row, and the INSERT was refused by the key", {}});
      m.evidence_op = pair.write;
    }
    context.place(m);
    m.scope = Scope::kNone;  // no level and no transaction changes it
    m.level_known = true;
    context.report(std::move(m));
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message =
      fmt::format("The lookup on {} ({}) misses rows that the unique key forbids a second time, so the INSERT fails even alone: {}.",
                  f.material.table_name, list_of(f.material.key_columns), f.near_miss);
  finding.interleaving = {
      {0, "the lookup  → no row", false}, {0, "the INSERT  → duplicate key", false}, {0, "the lookup  → still no row", true}};
  add_fixes(finding, suggest::key_like_lookup(f.material));
}

}  // namespace

extern const Rule kRule_unique_key_stricter_than_lookup;
const Rule kRule_unique_key_stricter_than_lookup = {
    "DBA112",
    "unique-key-stricter-than-lookup",
    Severity::kWarning,
    "The unique key forbids what the lookup cannot find (other case, a prefix, deleted rows), so the INSERT fails even alone",
    {Trait::kInsertsRead | Trait::kSetsNullable},
    check,
    describe};

}  // namespace dbaudit
