// DBA111: REPLACE deletes the row before it inserts.
//
//   orders.customer_id REFERENCES customer ON DELETE CASCADE
//   A: REPLACE INTO customer (email, name) VALUES ('x', 'X')   → the customer is there: deleted, and all orders with it; then inserted anew
//
// And columns that the statement does not name fall back to their defaults. Silent: no unique key is met (DBA110); every column is named and no child row
// would go; columns left out that nothing in this log ever writes.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "rules/insert_keys.h"
#include "rules/match.h"
#include "rules/statement_text.h"

namespace dbaudit {

namespace {

const NoteKind kWritten("written beside a REPLACE");

bool is_replace(const WriteAccess& w) { return w.is_insert() && w.upsert == UpsertKind::kReplace; }

/// Columns that fall back to their defaults: neither named nor made by the server.
std::vector<std::string> left_out(const WriteAccess& replace, const Write& write) {
  std::vector<std::string> columns;
  if (write.insert_columns.empty()) return columns;
  for (const Column& c : replace.table->columns) {
    if (c.generated || c.identity) continue;
    const bool named =
        std::any_of(write.insert_columns.begin(), write.insert_columns.end(), [&](const std::string& n) { return iequals(n, c.name); });
    if (!named) columns.push_back(to_lower(c.name));
  }
  return columns;
}

/// Tables whose rows go, or lose their parent, when a row of `table` is deleted.
std::vector<std::string> bereft(const Catalog& catalog, const Table& table) {
  std::vector<std::string> names;
  for (const Table* child : catalog.children_of(table)) {
    const bool goes = std::any_of(child->foreign_keys.begin(), child->foreign_keys.end(), [&](const ForeignKey& fk) {
      return (fk.on_delete == "CASCADE" || fk.on_delete == "SET NULL" || fk.on_delete == "SET DEFAULT") &&
             iequals(fk.referenced_table, table.name);
    });
    if (goes) names.push_back(child->qualified());
  }
  return names;
}

void note_writes(const WorkUnit& unit, uint32_t w, const WriteAccess& write, RuleContext& context) {
  if (context.is_well_known(unit.ops[w])) return;
  if (write.kind == StatementKind::kUpdate || (write.is_insert() && !is_replace(write))) {
    for (const ColumnWrite& c : write.set) context.note(kWritten.of(write, c.hash), unit, w);
  }
}

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.engine == Engine::kPostgres || context.catalog() == nullptr) return;
  for (const uint32_t w : unit.writers) {
    const Op& op = unit.ops[w];
    for (const WriteAccess& replace : op.statement->access.writes) {
      note_writes(unit, w, replace, context);
      if (!is_replace(replace) || replace.table == nullptr || op.truncated || replace.housekeeping) continue;
      const InsertKeys keys = keys_met(op, replace, unit.engine);
      if (keys.given.empty()) continue;
      const std::vector<std::string> children = bereft(*context.catalog(), *replace.table);
      Match m;
      m.unit = &unit;
      m.table = replace.table;
      m.table_name = replace.name;
      m.read = m.write = w;
      m.has_write = true;
      m.key_columns = columns_of(*key_to_name(keys, *replace.table));
      context.place_alone(m);
      m.level_known = true;
      const std::vector<std::string> reset = left_out(replace, op.facts().writes[static_cast<size_t>(replace.write)]);
      if (!children.empty()) {
        m.pattern = Pattern::kReplaceCascades;
        m.severity = Severity::kError;
        m.more_tables = children;
        m.columns = reset;
        m.message_detail = list_of(children);
        // SQLite runs no ON DELETE unless the connection has asked for foreign keys.
        if (unit.engine == Engine::kSqlite) m.confidence = Confidence::kPossible;
        context.report(std::move(m));
        continue;
      }
      for (const std::string& column : reset) {
        Match one = m;
        one.pattern = Pattern::kReplaceResets;
        one.columns = {column};
        one.message_detail = list_of(reset);
        Need need;
        need.key = kWritten.of(replace, hash_bytes(column));
        one.needs = std::move(need);
        context.report(std::move(one));
      }
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  if (f.pattern == Pattern::kReplaceCascades) {
    finding.message =
        fmt::format("REPLACE deletes the row of {} that is there, and with it what hangs on it in {}.", f.material.table_name, f.detail);
  } else {
    finding.message =
        fmt::format("REPLACE deletes the row of {} that is there: the columns it does not name ({}) fall back to their defaults.",
                    f.material.table_name, f.detail);
  }
  finding.interleaving = {{0, short_sql(f.material.write_sql) + "  → the row that was there is deleted", true}};
  add_fixes(finding, suggest::replace_as_upsert(f.material));
}

}  // namespace

extern const Rule kRule_replace_destroys_row;
const Rule kRule_replace_destroys_row = {
    "DBA111",
    "replace-destroys-row",
    Severity::kWarning,
    "REPLACE deletes the row that is there: child rows go with it, and columns it does not name are reset",
    {Trait::kWrites},
    check,
    describe};

}  // namespace dbaudit
