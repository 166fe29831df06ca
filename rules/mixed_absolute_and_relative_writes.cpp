// DBA205: one column, two ways of writing it.
//
//   A: UPDATE … SET stock = 40 WHERE id = 1          (counted by hand: 40 on the shelf)
//   B: UPDATE … SET stock = stock - 1 WHERE id = 1   before it, and gone; or after it, and counted twice
//
// The relative UPDATEs are right by themselves; the absolute one throws away whatever came between the thought and the statement. Nothing shows that it
// did: a note. Silent: backfills (no single row), a reset to 0 or NULL, a literal that was read first (DBA201), a guard.

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "analyzers/trace/history.h"
#include "rules/match.h"
#include "rules/statement_text.h"

namespace dbaudit {

namespace {

const NoteKind kRelative("written relatively");

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    for (const WriteAccess& update : write.statement->access.writes) {
      if (update.kind != StatementKind::kUpdate || !update.exact || update.equal.empty() || write.truncated || write.failed) continue;
      if (update.housekeeping) continue;
      // One row, known and not locked; and the read it may come from: the same for all columns, and asked when the first one needs them.
      std::optional<bool> is_open;
      std::optional<ReadRef> read;
      for (size_t i = 0; i < update.set.size(); ++i) {
        const ColumnWrite& c = update.set[i];
        if (!c.is_for(ColumnUse::kQuantity) || c.is_for(ColumnUse::kVersion)) continue;
        if (c.value->kind == OperandKind::kSelfRelative && c.value->slot >= 0) {
          context.note(kRelative.of(update, c.hash), unit, w);
          continue;
        }
        if (const double number = number_written(write, update, i); std::isnan(number) || number == 0) continue;
        if (!update.others.empty() || std::any_of(update.equal.begin(), update.equal.end(), [&](const KeyColumn& k) {
              return k.is_list || k.column == c.column || k.is_for(ColumnUse::kVersion);
            }))
          continue;
        if (!is_open) {
          is_open = row_identity(update, update.equal, write) != 0 && !protected_by_lock(unit, w, w, update);
          if (*is_open) read = context.picking_read(unit, w, update);
        }
        if (!*is_open || (read && read->access->projects(c))) continue;
        Match m;
        m.unit = &unit;
        m.table = update.table;
        m.table_name = update.name;
        m.columns = {c.column};
        for (const KeyColumn& k : update.equal) m.key_columns.push_back(k.name());
        m.read = m.write = w;
        m.has_write = true;
        m.pattern = Pattern::kMixedWrites;
        m.severity = Severity::kNote;
        m.needs = Need{.key = kRelative.of(update, c.hash)};
        context.place(m);
        context.report(std::move(m));
      }
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string column = list_of(f.material.columns);
  finding.message =
      fmt::format("{} of {} is set to a number here and raised or lowered elsewhere: a change that comes just before is overwritten.",
                  column, f.material.table_name);
  finding.interleaving = {{0, "comes by the number", false},
                          {1, fmt::format("UPDATE {} SET {} = {} ± …  → committed", f.material.table_name, column, column), false},
                          {0, short_sql(f.material.write_sql) + "  → B's change is gone", true}};
  add_fixes(finding, suggest::atomic_update(f.material, false));
}

}  // namespace

extern const Rule kRule_mixed_absolute_and_relative_writes;
const Rule kRule_mixed_absolute_and_relative_writes = {
    "DBA205",          "mixed-absolute-and-relative-writes",
    Severity::kNote,   "One column is set to a number by some work units and raised or lowered by others",
    {Trait::kUpdates}, check,
    describe};

}  // namespace dbaudit
