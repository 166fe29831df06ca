// The read and the write in one transaction, the row locked by the read.
//
// What does not work is not offered (all measured): a lock on a row that is not there (the lookup before an INSERT), on a set with aggregates or
// DISTINCT (PostgreSQL refuses it), under SKIP LOCKED on a chosen row, in an engine that ignores it (SQLite, MyISAM). On SQLite the same is
// achieved by BEGIN IMMEDIATE before the read; a deferred transaction only turns the lost update into SQLITE_BUSY.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "rules/suggest/names.h"
#include "rules/suggest/rewrite.h"

namespace dbaudit::suggest {
namespace {

/// May a locking clause follow this SELECT?
bool can_lock(const Material& m) {
  const QueryBlock* top = m.read->top();
  if (top == nullptr || top->tables.empty() || top->has_group_by || top->has_having || top->distinct) return false;
  if (std::any_of(m.read->blocks.begin(), m.read->blocks.end(), [](const QueryBlock& b) { return b.is_union_branch; })) return false;
  return std::none_of(top->items.begin(), top->items.end(),
                      [](const SelectItem& i) { return i.computed->aggregate != Aggregate::kNone || i.computed->exists; });
}

/// Does the UPDATE write a column of a unique key? PostgreSQL then needs the stronger lock (manual 13.3.2).
bool writes_key(const Material& m) {
  const Write* write = m.write != nullptr ? m.write->write() : nullptr;
  if (m.table == nullptr || write == nullptr || write->kind != StatementKind::kUpdate) return true;
  for (const Key& key : m.table->keys) {
    if (!key.unique) continue;
    for (const KeyPart& part : key.parts) {
      if (part.column.empty()) return true;
      if (std::any_of(write->set.begin(), write->set.end(), [&part](const Assignment& a) { return iequals(a.column.name, part.column); }))
        return true;
    }
  }
  return false;
}

/// `OF alias` where other tables are joined: locks only what is written, and an outer join's nullable side cannot be locked at all.
std::string of_table(const Material& m) {
  const QueryBlock* top = m.read->top();
  const bool knows_of = m.engine == Engine::kPostgres || (m.engine == Engine::kMySql && at_least(m, 8));
  if (top->tables.size() < 2 || !knows_of) return {};
  for (const TableRef& t : top->tables) {
    if (iequals(t.name.name, bare_table(m))) return " OF " + quote_part(t.called(), m.engine);
  }
  return {};
}

std::string locked_read(const Material& m, const Pieces& pieces, const SelectShape& shape) {
  LockStrength strength = LockStrength::kNone;
  LockWait wait = LockWait::kBlock;
  for (const LockClause& l : m.read->top()->locks) {
    strength = std::max(strength, l.strength);
    wait = l.wait;
  }
  Draft draft(m.engine);
  const bool strong = strength == LockStrength::kUpdate || strength == LockStrength::kNoKeyUpdate;
  const bool queue = m.read->top()->has_limit && !m.read->top()->order_by.empty();
  if (strong && (wait != LockWait::kSkipLocked || queue)) {
    pieces.copy(0, pieces.size(), draft);
    return draft.sql();
  }
  pieces.copy(0, shape.lock, draft);
  pieces.copy(shape.after_lock, pieces.size(), draft);
  const bool weak_enough = m.engine == Engine::kPostgres && !writes_key(m);
  draft.text(weak_enough ? " FOR NO KEY UPDATE" : " FOR UPDATE").text(of_table(m));
  return draft.sql();
}

}  // namespace

std::vector<Fix> row_lock(const Material& m) {
  if (m.read == nullptr || m.read->kind != StatementKind::kSelect || m.read_sql.empty() || m.engine == Engine::kUnknown) return {};
  const Write* write = m.write != nullptr ? m.write->write() : nullptr;
  const Pieces pieces(m.read_sql, m);
  const SelectShape shape = select_shape(pieces);
  const std::string write_sql = m.write_sql.empty() ? std::string() : whole(m.write_sql, m);
  if (!shape.good || (write != nullptr && write_sql.empty())) return {};

  Fix fix;
  if (m.engine == Engine::kSqlite) {
    Draft read(m.engine);
    pieces.copy(0, shape.lock, read);
    pieces.copy(shape.after_lock, pieces.size(), read);
    fix.kind = "transaction";
    fix.title = "Take the write lock before the read: BEGIN IMMEDIATE";
    fix.sql = {"BEGIN IMMEDIATE", read.sql()};
    fix.trade_off = "One writer at a time in the whole database; the others wait as long as busy_timeout says.";
  } else {
    // Nor with window functions.
    if (m.read->quality == Quality::kOpaque || !can_lock(m) || pieces.find({"over"}) < pieces.size() ||
        (write != nullptr && write->kind == StatementKind::kInsert))
      return {};
    if (m.table != nullptr && !m.table->storage_engine.empty() && !iequals(m.table->storage_engine, "InnoDB")) return {};
    fix.kind = "lock";
    fix.title = "Lock the row when it is read, in the transaction that writes it";
    fix.sql = {"BEGIN", locked_read(m, pieces, shape)};
    fix.trade_off = "Other writers of the row wait until COMMIT; what is written must come from this locked read.";
    if (m.engine == Engine::kPostgres && (m.isolation == Isolation::kRepeatableRead || m.isolation == Isolation::kSerializable))
      fix.trade_off += fmt::format(" At {} the one that waited gets 40001: retry the transaction.", isolation_name(m.isolation));
  }
  if (!write_sql.empty()) {
    fix.sql.push_back(write_sql);
    fix.sql.emplace_back("COMMIT");
    fix.use = {.read = 1, .write = 2};
  } else {
    fix.sql.emplace_back("-- here the writes that follow from what was read\nCOMMIT");
    fix.use = {.read = 1, .own = 2};
  }
  return {fix};
}

}  // namespace dbaudit::suggest
