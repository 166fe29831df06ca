// DBA110: a statement that is to insert or else do something, on a table where nothing tells it that the row is there.
//
//   A: INSERT INTO kv (k, v) VALUES ('x', 1) ON DUPLICATE KEY UPDATE v = v + 1   → a row
//   A: INSERT INTO kv (k, v) VALUES ('x', 1) ON DUPLICATE KEY UPDATE v = v + 1   → another row: k is in no unique key
//
// No race is needed. And where two unique keys get values, MySQL's ON DUPLICATE KEY UPDATE changes the row of whichever collides. Silent: a unique key all of
// whose columns get a value; ON CONFLICT with a target (DBA106 says whether it fits); keys that are not all known; a trigger that may fill a column in.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "rules/insert_keys.h"
#include "rules/match.h"
#include "rules/statement_text.h"

namespace dbaudit {

namespace {

bool names_its_target(const Write& write) { return !write.conflict_columns.empty() || !write.conflict_constraint.empty(); }

/// Whoever collides on a key that holds all columns of the other collides with the same row.
bool says_the_same(const Key& a, const Key& b) {
  const auto holds = [](const Key& outer, const Key& inner) {
    return std::all_of(inner.parts.begin(), inner.parts.end(), [&](const KeyPart& p) {
      return std::any_of(outer.parts.begin(), outer.parts.end(),
                         [&](const KeyPart& q) { return iequals(p.column, q.column) && p.expression == q.expression; });
    });
  };
  return holds(a, b) || holds(b, a);
}

/// Can a value of the key be another row's by accident? Not one that the client has made up, nor one that is not to be seen.
bool may_collide(const Op& op, const WriteAccess& insert, const Key& key) {
  return std::none_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& p) {
    const ColumnWrite* c = insert.find(to_lower(p.column));
    if (c == nullptr || c->value->kind != OperandKind::kSlot) return c != nullptr;  // a default is everybody's; now(), uuid() are not
    const Value& v = op.value(c->value->slot);
    return !v.known() || v.kind == ValueKind::kOther || looks_random(v);
  });
}

/// Two keys, either of which may be the one that collides.
std::vector<const Key*> rivals(const Op& op, const WriteAccess& insert, std::vector<const Key*> given) {
  std::erase_if(given, [&](const Key* key) { return !may_collide(op, insert, *key); });
  for (size_t i = 0; i < given.size(); ++i) {
    for (size_t j = i + 1; j < given.size(); ++j) {
      if (!says_the_same(*given[i], *given[j])) return {given[i], given[j]};
    }
  }
  return {};
}

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& op = unit.ops[w];
    for (const WriteAccess& insert : op.statement->access.writes) {
      if (!insert.is_insert() || insert.upsert == UpsertKind::kNone || insert.upsert == UpsertKind::kConflictUpdate) continue;
      if (insert.table == nullptr || op.failed || op.truncated || insert.housekeeping) continue;
      const Write& write = op.facts().writes[static_cast<size_t>(insert.write)];
      if (names_its_target(write) || (!insert.table->exclusions.empty() && unit.engine == Engine::kPostgres)) continue;
      const InsertKeys keys = keys_met(op, insert, unit.engine);
      const std::vector<const Key*> two =
          insert.upsert == UpsertKind::kDuplicateUpdate ? rivals(op, insert, keys.given) : std::vector<const Key*>();
      if (!keys.given.empty() && two.empty()) continue;
      if (!keys.certain && two.empty() && (insert.table->is_view || insert.table->keys_incomplete)) continue;
      Match m;
      m.unit = &unit;
      m.table = insert.table;
      m.table_name = insert.name;
      m.read = m.write = w;
      m.has_write = true;
      if (two.empty()) {
        const MeantKey meant = meant_key(insert, write);
        if (meant.columns.empty()) continue;
        m.pattern = Pattern::kUpsertWithoutKey;
        m.columns = m.key_columns = meant.columns;
        m.blind_insert = !op.rolled_back;
        if (meant.said && insert.upsert != UpsertKind::kIgnore) m.row = inserted_row(op, insert, meant.columns);
        if (!keys.certain) m.confidence = Confidence::kPossible;
        // IGNORE may have been meant for other errors than a duplicate; rows that carry their time are seldom meant to be single.
        const bool timed = std::any_of(insert.set.begin(), insert.set.end(), [&](const ColumnWrite& c) {
          return c.value->kind == OperandKind::kNow || is_time_column(insert.table, c.column);
        });
        if (insert.upsert == UpsertKind::kIgnore && timed) m.confidence = Confidence::kPossible;
      } else {
        m.pattern = Pattern::kUpsertOnAnotherKey;
        m.data = DataCheck{};  // a wrong row, not a second one
        m.severity = Severity::kWarning;
        for (const Key* key : two) {
          for (std::string& name : columns_of(*key)) {
            if (std::find(m.columns.begin(), m.columns.end(), name) == m.columns.end()) m.columns.push_back(std::move(name));
          }
        }
        m.key_columns = m.columns;
        m.message_detail = fmt::format("({}) and ({})", list_of(columns_of(*two[0])), list_of(columns_of(*two[1])));
        // A row written back under its own number collides on that number first.
        if (has_identity(*insert.table, *two[0]) || has_identity(*insert.table, *two[1])) m.confidence = Confidence::kPossible;
      }
      context.place_alone(m);
      m.level_known = true;
      context.report(std::move(m));
    }
  }
}

std::string_view clause_of(const Folded& f) {
  const Write* write = f.material.write != nullptr ? f.material.write->write() : nullptr;
  switch (write != nullptr ? write->upsert : UpsertKind::kNone) {
    case UpsertKind::kDuplicateUpdate: return "ON DUPLICATE KEY UPDATE";
    case UpsertKind::kReplace: return "REPLACE";
    case UpsertKind::kConflictNothing: return "ON CONFLICT DO NOTHING";
    default: return "IGNORE";
  }
}

void describe(const Folded& f, Finding& finding) {
  if (f.pattern == Pattern::kUpsertOnAnotherKey) {
    finding.message =
        fmt::format("ON DUPLICATE KEY UPDATE on {} goes by either of two unique keys, {}: it may change the row of the other.",
                    f.material.table_name, f.detail);
    add_fixes(finding, suggest::one_key_at_a_time(f.material));
    return;
  }
  const std::string statement = short_sql(f.material.write_sql);
  finding.interleaving = {{0, statement, false}, {0, statement + "  → a second row", true}};
  finding.message = fmt::format("{} on {} never meets a duplicate: no unique key holds ({}), so each run adds a row.", clause_of(f),
                                f.material.table_name, list_of(f.material.key_columns));
  add_fixes(finding, suggest::unique_key(f.material));
  add_fixes(finding, suggest::named_conflict(f.material));
  add_fixes(finding, suggest::replace_as_upsert(f.material));
  add_fixes(finding, suggest::in_orm_words(f.material, "get-or-create"));
}

}  // namespace

extern const Rule kRule_upsert_without_unique_key;
const Rule kRule_upsert_without_unique_key = {
    "DBA110",
    "upsert-without-unique-key",
    Severity::kError,
    "An upsert, INSERT IGNORE, REPLACE or bare ON CONFLICT DO NOTHING has no unique key among its values and inserts every time",
    {Trait::kUpserts},
    check,
    describe,
    DataQuestion::kDuplicates};

}  // namespace dbaudit
