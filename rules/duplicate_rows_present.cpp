// DBA108: the key of a get-or-create is not only unprotected, the live table already holds some values of it twice.
//
//   SELECT name, COUNT(*) FROM tag GROUP BY name HAVING COUNT(*) > 1    → ('blue', 2)
//
// It stands beside the finding of the pair of statements that let them in (DBA101-104, 107, 110) and is about something else: that pair is mended in the
// application, these rows are not, and while they are there the unique key that would mend it cannot be made. One finding a table and key, however
// many pairs of statements insert into it.
//
// Silent: without --check-data; when no value is there twice; when the pair's own finding doubts that the key is one (a list that grows by one row a time
// looks like a get-or-create, and its rows are no duplicates).

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "rules/duplicate_rows.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

void check(const WorkUnit&, RuleContext&) {}
void describe(const Folded&, Finding&) {}

/// Merge first, then the key: as made from the key, or as the pair's own finding has them.
std::vector<Fix> fixes_for(const DuplicateRows& found) {
  suggest::Material m;
  m.engine = found.pair->engine;
  m.version = found.catalog->server.version;
  m.table = found.table;
  m.table_name = found.table->qualified();
  m.key_columns = found.pair->data->columns;
  m.null_columns = found.pair->data->null_columns;
  std::vector<Fix> fixes = suggest::unique_key(m);
  if (!fixes.empty()) return fixes;
  for (const Fix& fix : found.pair->fixes) {
    if (fix.kind == "dedupe" || fix.kind == "unique-index" || fix.kind == "constraint") fixes.push_back(fix);
  }
  if (std::any_of(fixes.begin(), fixes.end(), [](const Fix& f) { return f.kind == "dedupe"; })) return fixes;
  Fix list;
  list.kind = "dedupe";
  list.title = fmt::format("First: list the duplicates of {}", found.table->name);
  list.sql.push_back(found.query);
  list.trade_off = "Which copy stays is for you to say; the key cannot be made while there are two.";
  fixes.insert(fixes.begin(), std::move(list));
  return fixes;
}

}  // namespace

extern const Rule kRule_duplicate_rows_present;
const Rule kRule_duplicate_rows_present = {
    .code = "DBA108",
    .name = "duplicate-rows-present",
    .severity = Severity::kError,
    .summary = "With --check-data: the live table already holds duplicates of a key that a finding says nothing keeps unique",
    .interest = {Trait::kNothing},
    .check = check,
    .describe = describe};

Finding duplicate_rows_finding(const DuplicateRows& found) {
  const DataCheck& key = found.pair->data;
  Finding f;
  f.code = kRule_duplicate_rows_present.code;
  f.name = kRule_duplicate_rows_present.name;
  f.severity = kRule_duplicate_rows_present.severity;
  f.confidence = Confidence::kObserved;
  f.engine = found.pair->engine;
  f.tables = {key.table};
  f.columns = f.key_columns = key.columns;
  f.message =
      fmt::format("{} holds {}{} value{} of ({}) more than once: a lookup by this key finds several rows where the program expects one.",
                  key.table, found.more ? "at least " : "", found.values, found.values == 1 ? "" : "s", list_of(key.columns));
  f.why = fmt::format(
      "Mending the statements of {} keeps new duplicates out and leaves these in: a get() by this key goes on failing or picking any of "
      "them, and the unique key cannot be made while they are there. Merge them first, then make the key, then change the statements.",
      join(found.related, ", "));
  f.evidence.push_back(found.evidence);
  f.fixes = fixes_for(found);
  f.related = found.related;
  uint64_t print = hash_combine(hash_bytes(f.code), hash_bytes(engine_name(f.engine)));
  print = hash_combine(print, hash_bytes(key.table));
  for (const std::string& c : key.columns) print = hash_combine(print, hash_bytes(c));
  for (const std::string& c : key.null_columns) print = hash_combine(print, hash_bytes(c + " null"));
  f.fingerprint = print;
  return f;
}

}  // namespace dbaudit
