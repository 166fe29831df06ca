// DBA113: INSERT IGNORE was meant for duplicates and silences the rest as well.
//
//   order_line.order_id REFERENCES orders, quantity NOT NULL
//   A: INSERT IGNORE INTO order_line (order_id, product_id, quantity) VALUES (7, 1, NULL)   → a row with quantity 0, or none at all; no error
//
// Silent: no unique key is met (DBA110 then); a table where IGNORE could swallow nothing but a duplicate.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "rules/insert_keys.h"
#include "rules/match.h"
#include "rules/statement_text.h"

namespace dbaudit {

namespace {

/// Columns of the INSERT, given by a value, whose NULL or missing parent would go unnoticed.
std::vector<std::string> swallowed(const WriteAccess& insert, Engine engine) {
  std::vector<std::string> columns;
  for (const ColumnWrite& c : insert.set) {
    const Column* column = insert.table->column(c.column);
    if (column == nullptr || column->identity || c.value->kind != OperandKind::kSlot) continue;
    const bool in_key = std::any_of(insert.table->keys.begin(), insert.table->keys.end(), [&](const Key& k) {
      return k.unique && std::any_of(k.parts.begin(), k.parts.end(), [&](const KeyPart& p) { return iequals(p.column, c.column); });
    });
    // SQLite checks a foreign key at the end of the statement, whatever OR IGNORE says (lang_conflict.html).
    const bool references =
        is_mysql_family(engine) &&
        std::any_of(insert.table->foreign_keys.begin(), insert.table->foreign_keys.end(), [&](const ForeignKey& fk) {
          return std::any_of(fk.columns.begin(), fk.columns.end(), [&](const std::string& n) { return iequals(n, c.column); });
        });
    if (references || (!column->nullable && !in_key)) columns.push_back(c.column);
  }
  return columns;
}

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& op = unit.ops[w];
    for (const WriteAccess& insert : op.statement->access.writes) {
      if (!insert.is_insert() || insert.upsert != UpsertKind::kIgnore || insert.table == nullptr || op.truncated) continue;
      if (insert.housekeeping) continue;
      const InsertKeys keys = keys_met(op, insert, unit.engine);
      if (keys.given.empty()) continue;
      std::vector<std::string> columns = swallowed(insert, unit.engine);
      if (columns.empty()) continue;
      Match m;
      m.unit = &unit;
      m.table = insert.table;
      m.table_name = insert.name;
      m.read = m.write = w;
      m.has_write = true;
      m.columns = std::move(columns);
      m.key_columns = columns_of(*key_to_name(keys, *insert.table));
      m.pattern = Pattern::kIgnoreSwallows;
      m.severity = Severity::kNote;
      context.place_alone(m);
      m.level_known = true;
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = fmt::format("IGNORE on {} hides more than duplicates: a NULL or a missing parent in {} passes without an error.",
                                f.material.table_name, list_of(f.material.columns));
  finding.interleaving = {{0, short_sql(f.material.write_sql) + "  → a warning instead of an error", true}};
  add_fixes(finding, suggest::named_conflict(f.material));
}

}  // namespace

extern const Rule kRule_insert_ignore_hides_errors;
const Rule kRule_insert_ignore_hides_errors = {
    "DBA113",          "insert-ignore-hides-errors",
    Severity::kNote,   "INSERT IGNORE is used for duplicates, and swallows NULLs and missing parents as well",
    {Trait::kUpserts}, check,
    describe};

}  // namespace dbaudit
