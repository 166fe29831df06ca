// The lookup and its INSERT as one statement that the unique key decides.
//
// The row that is there already must stay as it is, so the conflict action changes nothing: DO NOTHING, or an assignment of the key to itself where
// the application wants the id back (DO NOTHING returns no row for the loser). Not MySQL's INSERT IGNORE, which swallows other errors as well, and
// not VALUES(k) on MySQL, which under a case-insensitive collation rewrites 'Blue' to 'blue'.
//
// What follows the INSERT must see a row that another session has just committed. Under REPEATABLE READ of MySQL and MariaDB a plain SELECT does not,
// when anything was read before (measured: stale); LAST_INSERT_ID needs no read, and LOCK IN SHARE MODE reads the latest (measured: safe).

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "rules/suggest/key.h"
#include "rules/suggest/names.h"
#include "rules/suggest/rewrite.h"

namespace dbaudit::suggest {
namespace {

/// Does the lookup fetch the row, or ask only whether there is one?
bool fetches_row(const Material& m) {
  const QueryBlock* top = m.read != nullptr ? m.read->top() : nullptr;
  if (top == nullptr || top->items.empty()) return false;
  return std::none_of(top->items.begin(), top->items.end(), [](const SelectItem& i) {
    return i.computed->constant || i.computed->exists || i.computed->aggregate != Aggregate::kNone;
  });
}

/// Another unique key that the INSERT gives values for: ON DUPLICATE KEY UPDATE would take a collision there for one on ours, and hand back the
/// wrong row (measured on MariaDB 10.11).
bool may_collide_elsewhere(const Material& m, const NeededKey& needed) {
  if (m.table == nullptr) return false;
  const std::vector<Name>& given = m.write->write()->insert_columns;
  return std::any_of(m.table->keys.begin(), m.table->keys.end(), [&](const Key& k) {
    const auto has = [&k](const std::string& column) {
      return std::any_of(k.parts.begin(), k.parts.end(), [&column](const KeyPart& p) { return iequals(p.column, column); });
    };
    // Whoever collides on a key that holds all columns of ours collides with the same row.
    const bool same_row = !needed.columns.empty() && std::all_of(needed.columns.begin(), needed.columns.end(), has);
    return k.unique && !same_row && &k != needed.existing && std::all_of(k.parts.begin(), k.parts.end(), [&](const KeyPart& p) {
             const Column* c = m.table->column(p.column);
             return contains_name(given, p.column) || (given.empty() && (c == nullptr || !c->generated));
           });
  });
}

/// The AUTO_INCREMENT primary key; null when there is none.
const Column* auto_increment(const Material& m) {
  const Key* primary = m.table != nullptr ? m.table->primary_key() : nullptr;
  if (primary == nullptr || primary->parts.size() != 1) return nullptr;
  const Column* column = m.table->column(primary->parts[0].column);
  return column != nullptr && column->identity ? column : nullptr;
}

/// Equal keys may differ in bytes: the EXCLUDED value could change the row that is there.
bool equal_but_different(const Material& m, const std::string& column) {
  const Column* known = m.table != nullptr ? m.table->column(column) : nullptr;
  return known != nullptr && (!known->collation.empty() || icontains(known->type, "citext"));
}

struct Insert {
  Pieces pieces;
  InsertShape shape;
  Insert(const Material& m) : pieces(m.write_sql, m), shape(insert_shape(pieces)) {}
  [[nodiscard]] bool good() const { return shape.good && pieces.is(0, "insert"); }
  [[nodiscard]] bool returns() const { return shape.returning < pieces.size(); }
};

/// The INSERT with `clause` where the engine wants it.
std::string with_clause(const Insert& insert, const Material& m, const std::string& clause) {
  Draft draft(m.engine);
  copy_insert(insert.pieces, insert.shape, draft);
  draft.text(" " + clause);
  insert.pieces.copy(insert.shape.returning, insert.pieces.size(), draft);
  return draft.sql();
}

/// The lookup once more; on MySQL and MariaDB as a read that no snapshot can make stale.
std::string re_read(const Material& m) {
  const Pieces pieces(m.read_sql, m);
  const SelectShape shape = select_shape(pieces);
  if (!shape.good) return {};
  Draft draft(m.engine);
  pieces.copy(0, pieces.size(), draft);
  if (is_mysql_family(m.engine) && shape.lock == pieces.size() && m.isolation != Isolation::kReadCommitted)
    draft.text(" LOCK IN SHARE MODE");
  return draft.sql();
}

std::vector<Fix> on_duplicate_key(const Material& m, const NeededKey& key, const Insert& insert) {
  if (may_collide_elsewhere(m, key)) return {};
  Fix fix;
  fix.kind = "upsert";
  fix.title = "Insert first, and let the unique key find the row that is there";
  const Column* id = auto_increment(m);
  if (id != nullptr && !contains_name(m.write->write()->insert_columns, id->name) && !insert.returns()) {
    const std::string name = quote_part(id->name, m.engine);
    fix.sql = {with_clause(insert, m, fmt::format("ON DUPLICATE KEY UPDATE {0} = LAST_INSERT_ID({0})", name)), "SELECT LAST_INSERT_ID()"};
    fix.trade_off = "LAST_INSERT_ID() gives the id either way.";
  } else {
    if (key.columns.empty() && id == nullptr) return {};
    const std::string name = quote_part(key.columns.empty() ? id->name.str() : key.columns[0], m.engine);
    fix.sql = {with_clause(insert, m, fmt::format("ON DUPLICATE KEY UPDATE {0} = {0}", name))};
    fix.trade_off = "The row that is there stays as it is.";
    if (!insert.returns() && fetches_row(m)) {
      if (std::string again = re_read(m); !again.empty()) fix.sql.push_back(std::move(again));
    }
  }
  if (m.isolation == Isolation::kRepeatableRead || m.isolation == Isolation::kSerializable || m.isolation == Isolation::kUnknown)
    fix.trade_off += " It locks the row and the gap beside it: retry on a deadlock (1213).";
  fix.trade_off += " Uses up an AUTO_INCREMENT value each time.";
  return {fix};
}

std::vector<Fix> on_conflict(const Material& m, const NeededKey& key, const Insert& insert) {
  const bool sqlite = m.engine == Engine::kSqlite;
  if (sqlite ? older_than(m, 3, 24) : older_than(m, 9, 5)) return {};
  const std::string target = "ON CONFLICT (" + join(key.parts, ", ") + ")" + (key.predicate.empty() ? "" : " WHERE " + key.predicate);
  Fix fix;
  fix.kind = "upsert";
  fix.title = "Insert first, and let the unique key decide";
  if (insert.returns() && !key.columns.empty()) {
    const std::string& column = key.columns[0];
    const std::string name = quote_part(column, m.engine);
    const bool itself = key.has_expression || equal_but_different(m, column);
    const std::string value = itself ? quote_part(bare_table(m), m.engine) + "." + name : "EXCLUDED." + name;
    fix.sql = {with_clause(insert, m, fmt::format("{} DO UPDATE SET {} = {}", target, name, value))};
    fix.trade_off =
        "Returns the row either way (DO NOTHING returns none for the loser), at the price of a new row version and the UPDATE triggers.";
  } else {
    fix.sql = {with_clause(insert, m, target + " DO NOTHING")};
    fix.trade_off = "DO NOTHING returns no row when another session was first: 0 rows affected means that it is there.";
    if (fetches_row(m)) {
      if (std::string again = re_read(m); !again.empty()) fix.sql.push_back(std::move(again));
    }
  }
  if (m.engine == Engine::kPostgres) {
    fix.trade_off += " Uses up a sequence value each time.";
    if (m.isolation == Isolation::kRepeatableRead || m.isolation == Isolation::kSerializable)
      fix.trade_off += fmt::format(" At {} the loser gets 40001: retry the transaction.", isolation_name(m.isolation));
  }
  return {fix};
}

}  // namespace

std::vector<Fix> upsert(const Material& m) {
  const Write* write = m.write != nullptr ? m.write->write() : nullptr;
  if (write == nullptr || write->kind != StatementKind::kInsert || write->upsert != UpsertKind::kNone || m.write_sql.empty()) return {};
  if (write->source != InsertSource::kValues && write->source != InsertSource::kSet) return {};
  const NeededKey key = needed_key(m);
  if (!key.good || m.engine == Engine::kUnknown) return {};
  // A key column that the INSERT does not give takes its default: it is not this key that decides.
  for (const std::string& c : key.columns) {
    if (!write->insert_columns.empty() && !contains_name(write->insert_columns, c)) return {};
  }
  const Insert insert(m);
  if (!insert.good()) return {};
  std::vector<Fix> fixes = is_mysql_family(m.engine) ? on_duplicate_key(m, key, insert) : on_conflict(m, key, insert);
  for (Fix& fix : fixes) fix.use = {.read = FixUse::kGoes, .write = 0, .after = "unique-index"};
  if (!fixes.empty() && key.existing == nullptr) fixes[0].trade_off += " Needs the unique key above.";
  return fixes;
}

}  // namespace dbaudit::suggest
