// DBA106: ON CONFLICT names a target that no unique key of the table satisfies. The statement never runs.
//
//   CREATE UNIQUE INDEX … ON users (email) WHERE deleted_at IS NULL
//   INSERT INTO users (email) VALUES ('x') ON CONFLICT (email) DO NOTHING   → 42P10: the predicate must be named too
//
// Silent: a key with exactly these columns, in any order, whole or with its predicate repeated; a log in which the statement ran (then the schema at hand
// is not the log's); keys that are not all known.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "analyzers/schema/expression.h"
#include "rules/insert_keys.h"
#include "rules/match.h"
#include "rules/statement_text.h"

namespace dbaudit {

namespace {

/// The conflict target, as parts to compare with a key's.
struct Target {
  std::vector<std::string> columns;
  std::vector<Expr> expressions;
  bool understood = true;
};

Target target_of(const Write& write, const Table& table, Engine engine) {
  Target t;
  for (size_t i = 0; i < write.conflict_columns.size(); ++i) {
    const std::string& c = write.conflict_columns[i];
    if (i < write.conflict_is_expression->size() && (*write.conflict_is_expression)[i]) {
      // An operator class or COLLATE narrows the choice in ways the schema may not show.
      if (icontains(c, "collate")) t.understood = false;
      t.expressions.push_back(parse_expression(c, engine));
    } else {
      const bool is_rowid = engine == Engine::kSqlite && (iequals(c, "rowid") || iequals(c, "oid") || iequals(c, "_rowid_"));
      if (is_rowid || table.column(c) == nullptr) t.understood = false;
      t.columns.push_back(c);
    }
  }
  return t;
}

bool same_parts(const Key& key, const Target& target) {
  const auto named = [&](const KeyPart& p) {
    if (!p.column.empty())
      return std::any_of(target.columns.begin(), target.columns.end(), [&](const std::string& c) { return iequals(c, p.column); });
    return std::any_of(target.expressions.begin(), target.expressions.end(), [&](const Expr& e) {
      return same_expression(e, parse_expression(p.expression, Engine::kPostgres)) ||
             same_expression(e, parse_expression(p.expression, Engine::kSqlite));
    });
  };
  return key.parts.size() == target.columns.size() + target.expressions.size() && std::all_of(key.parts.begin(), key.parts.end(), named);
}

/// Without a target every unique key is asked, and one that is DEFERRABLE cannot answer (measured: 55000 each time).
const Key* deferrable_key(const Table& table) {
  const auto found = std::find_if(table.keys.begin(), table.keys.end(), [](const Key& k) { return k.unique && k.deferrable && k.valid; });
  return found == table.keys.end() ? nullptr : &*found;
}

/// Why the engine refuses the statement; empty when some key answers.
std::string why_refused(const Write& write, const Table& table, const Target& target) {
  std::string reason;
  for (const Key& key : table.keys) {
    if (!write.conflict_constraint.empty()) {
      if (!iequals(key.name, write.conflict_constraint)) continue;
      if (key.constraint && !key.deferrable) return {};
      reason = key.deferrable ? fmt::format("the constraint {} is DEFERRABLE, and ON CONFLICT cannot use it", key.name)
                              : fmt::format("{} is an index, not a constraint", key.name);
      continue;
    }
    if (!key.unique || !same_parts(key, target)) continue;
    if (!key.valid) {
      reason = fmt::format("the index {} is INVALID", key.name);
    } else if (key.exclusion) {
      reason = fmt::format("{} is an exclusion constraint", key.name);
    } else if (key.deferrable) {
      reason = fmt::format("the constraint {} is DEFERRABLE, and ON CONFLICT cannot use it", key.name);
    } else if (!key.predicate.empty() && !write.has_conflict_predicate) {
      reason = fmt::format("the index {} is partial, and the target does not repeat WHERE {}", key.name, key.predicate);
    } else {
      return {};
    }
  }
  if (!reason.empty()) return reason;
  return write.conflict_constraint.empty() ? "no unique key has exactly these columns"
                                           : fmt::format("there is no constraint {}", write.conflict_constraint);
}

void check(const WorkUnit& unit, RuleContext& context) {
  if (is_mysql_family(unit.engine)) return;
  for (const uint32_t w : unit.writers) {
    const Op& op = unit.ops[w];
    for (const WriteAccess& insert : op.statement->access.writes) {
      if (!insert.is_insert() || insert.table == nullptr || insert.table->is_view || insert.table->keys_incomplete) continue;
      const Write& write = op.facts().writes[static_cast<size_t>(insert.write)];
      if (op.truncated || op.facts().quality != Quality::kFull) continue;
      const bool named = !write.conflict_columns.empty() || !write.conflict_constraint.empty();
      std::string reason;
      std::vector<std::string> columns;
      if (named) {
        if (!write.conflict_constraint.empty() && !insert.table->exclusions.empty()) continue;  // it may be one of them
        const Target target = target_of(write, *insert.table, unit.engine);
        if (!target.understood) continue;
        reason = why_refused(write, *insert.table, target);
        for (const std::string& c : write.conflict_columns) columns.push_back(to_lower(c));
      } else if (write.upsert == UpsertKind::kConflictNothing && unit.engine == Engine::kPostgres) {
        if (const Key* key = deferrable_key(*insert.table); key != nullptr) {
          reason = fmt::format("without a target it asks every unique key, and {} is DEFERRABLE", key->name);
          columns = columns_of(*key);
        }
      }
      if (reason.empty()) continue;
      Match m;
      m.unit = &unit;
      m.table = insert.table;
      m.table_name = insert.name;
      m.read = m.write = w;
      m.has_write = true;
      m.columns = m.key_columns = std::move(columns);
      m.pattern = Pattern::kConflictTarget;
      m.severity = Severity::kError;
      m.near_miss = std::move(reason);
      const bool refused = op.error_code() == "42P10" || op.error_code() == "55000" || op.error_code() == "42704" ||
                           icontains(op.error_message(), "no unique or exclusion constraint") ||
                           icontains(op.error_message(), "ON CONFLICT does not support") ||
                           icontains(op.error_message(), "does not match any PRIMARY KEY or UNIQUE constraint");
      if (op.failed && refused) m.confidence = Confidence::kObserved;
      // It ran here: this schema is not the log's. After an error PostgreSQL commits nothing.
      const Transaction& tx = unit.transactions[op.transaction];
      m.refutes = !op.failed && (op.rows >= 0 || (tx.is_explicit && tx.end == TxEnd::kCommit && unit.engine == Engine::kPostgres));
      context.place_alone(m);
      m.level_known = true;
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const Write* write = f.material.write != nullptr ? f.material.write->write() : nullptr;
  std::string target;
  if (write != nullptr && !write->conflict_constraint.empty()) {
    target = "ON CONSTRAINT " + write->conflict_constraint.str() + " ";
  } else if (write != nullptr && !write->conflict_columns.empty()) {
    target = "(" + list_of(f.material.key_columns) + ") ";
  }
  finding.message = fmt::format("ON CONFLICT {}on {} is refused every time: {}.", target, f.material.table_name, f.near_miss);
  finding.interleaving = {{0, short_sql(f.material.write_sql) + "  → refused", true}};
  if (finding.confidence == Confidence::kObserved) finding.message += " This log shows it refused.";
  add_fixes(finding, suggest::conflict_target(f.material));
  if (!f.material.key_columns.empty()) add_fixes(finding, suggest::unique_key(f.material));
  if (target.empty()) add_fixes(finding, suggest::named_conflict(f.material));
}

}  // namespace

extern const Rule kRule_conflict_target_mismatch;
const Rule kRule_conflict_target_mismatch = {
    "DBA106",          "conflict-target-mismatch",
    Severity::kError,  "ON CONFLICT names a target that no unique key of the table satisfies, so the statement always fails",
    {Trait::kInserts}, check,
    describe};

}  // namespace dbaudit
