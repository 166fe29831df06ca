// DBA208: a lost update in an upsert's clothing.
//
//   A: SELECT hits … page = 'x'   → 7
//   B: SELECT hits … page = 'x'   → 7
//   A: INSERT ('x', 8) ON CONFLICT (page) DO UPDATE SET hits = EXCLUDED.hits
//   B: INSERT ('x', 8) ON CONFLICT (page) DO UPDATE SET hits = EXCLUDED.hits     one hit is lost
//
// The upsert is atomic, the value it brings is not. That it was computed from the read has to be shown as for DBA201: it moves by a step from the last value
// written to that row and column, or the read fetched a column whose name is that of a quantity. Silent: a relative upsert, settings and other values that are
// no numbers, a lock held since the read.

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"
#include "rules/match.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    if (write.statement->access.writes.size() != 1 || write.truncated || write.failed) continue;
    const WriteAccess& upsert = write.statement->access.writes.front();
    if (!upsert.is_insert() || upsert.rows != 1 || upsert.upsert == UpsertKind::kNone || upsert.housekeeping) continue;
    const Write& facts = write.facts().writes[static_cast<size_t>(upsert.write)];
    const std::vector<KeyColumn> key = upsert_key(upsert, facts);
    if (key.empty()) continue;
    for (uint32_t r = w; r-- > reach_from(w);) {
      const Op& read = unit.ops[r];
      if (read.failed) continue;
      const ReadAccess* source = nullptr;
      for (const ReadAccess& candidate : read.statement->access.reads) {
        if (candidate.same_table(upsert) && candidate.top_level && candidate.aggregate == Aggregate::kNone &&
            !match_lookup(read, candidate, write, upsert).key_columns.empty())
          source = &candidate;
      }
      const bool written_since = std::any_of(read.statement->access.writes.begin(), read.statement->access.writes.end(),
                                             [&](const WriteAccess& other) { return other.same_table(upsert); });
      if (source == nullptr) {
        if (written_since) break;
        continue;
      }
      WrittenBack back;
      for (size_t i = 0; i < upsert.set.size(); ++i) {
        const ColumnWrite& c = upsert.set[i];
        const Operand* value = upserted_value(upsert, facts, c.column);
        double number = 0;
        if (value == nullptr || !as_number(write.value(value->slot), number)) continue;
        if (!source->projects(c) || !c.is_for(ColumnUse::kQuantity) || c.is_for(ColumnUse::kVersion)) continue;
        if (!is_clock_reading(number, write)) back.add(write, c, i, value->slot, number);
      }
      if (back.columns.empty()) break;
      if (is_locking(source->lock) && same_transaction(unit, r, w) && read.rows > 0) break;
      if (protected_by_lock(unit, r, w, upsert)) break;
      Match m;
      m.columns = std::move(back.columns);
      m.written = back.written;
      m.value_moved_by_step = back.moved;
      m.value_moved_down = back.down;
      m.value_stayed = back.stayed;
      m.writes_one_column = true;
      m.unit = &unit;
      m.table = upsert.table;
      m.table_name = upsert.name;
      for (const KeyColumn& k : key) m.key_columns.push_back(k.column);
      m.row = row_identity(upsert, key, write);
      m.read = r;
      m.write = w;
      m.has_read = m.has_write = true;
      m.pattern = Pattern::kStaleUpsert;
      // A condition of the DO UPDATE may be a guard, or name the row once more; the facts tell only that there is one.
      if (facts.upsert_has_where) m.confidence = Confidence::kPossible;
      context.place(m);
      context.report(std::move(m));
      break;
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string columns = list_of(f.material.columns);
  finding.message =
      f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock
          ? fmt::format("The upsert brings {} of {} computed from a read; at this level the loser of a race gets an error it must retry.",
                        columns, f.material.table_name)
          : fmt::format("Two sessions can read the same {} of {} and each upsert its own result: the first change is lost.", columns,
                        f.material.table_name);
  add_fixes(finding, suggest::relative_upsert(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "read-modify-write"));
}

}  // namespace

extern const Rule kRule_upsert_of_a_stale_value;
const Rule kRule_upsert_of_a_stale_value = {"DBA208",
                                            "upsert-of-a-stale-value",
                                            Severity::kError,
                                            "An upsert overwrites the row with a value computed from an earlier read of it",
                                            {Trait::kUpserts, Trait::kInsertsRead},
                                            check,
                                            describe};

}  // namespace dbaudit
