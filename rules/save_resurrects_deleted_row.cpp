// DBA207: a save that finds its row gone makes it anew.
//
//   A: SELECT … id = 5
//   B: DELETE … id = 5
//   A: UPDATE … SET … WHERE id = 5      0 rows
//   A: INSERT (id, …) VALUES (5, …)     what B deleted is back
//
// Silent: a first save of a key the client made up (nothing was read), an INSERT that failed, a lock on the row since the read. That the row was there when it
// was read must be shown: by its row count, or by another session's DELETE of it in this log.

#include <fmt/format.h>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"
#include "rules/match.h"
#include "rules/statement_text.h"

namespace dbaudit {

namespace {

// Is the row that the UPDATE named inserted with that very primary key?
bool inserts_row(const Op& update_op, const WriteAccess& update, const Op& write, const WriteAccess& insert) {
  const Key* key = update.table != nullptr ? update.table->primary_key() : nullptr;
  if (key == nullptr || !update.same_table(insert) || update.equal.size() != key->parts.size()) return false;
  for (const KeyPart& part : key->parts) {
    const std::string column = to_lower(part.column);
    const ColumnWrite* c = insert.find(column);
    if (c == nullptr || c->value->kind != OperandKind::kSlot) return false;
    bool named = false;
    for (const KeyColumn& k : update.equal) {
      named |= k.column == column && !k.is_null && !k.is_list && same_value(update_op.value(k.slot), write.value(c->value->slot));
    }
    if (!named) return false;
  }
  return true;
}

const NoteKind kRowDeleted("row deleted");

uint64_t deleted(const WriteAccess& w, uint64_t row) { return kRowDeleted.of(w, row); }

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    if (write.statement->access.writes.size() != 1 || write.truncated) continue;
    const WriteAccess& access = write.statement->access.writes.front();
    if (access.housekeeping) continue;
    if (access.kind == StatementKind::kDelete && access.exact) {
      const uint64_t row = row_identity(access, access.equal, write);
      if (row != 0 && write.rows != 0 && !write.failed) context.note(deleted(access, row), unit, w);
      continue;
    }
    if (!access.is_insert() || access.rows != 1 || write.failed || write.rolled_back) continue;
    // The UPDATE stands right before it, or with a SELECT in between (an ORM that looks whether the row is there).
    for (uint32_t u = w; u-- > (w > 3 ? w - 3 : 0);) {
      const Op& update_op = unit.ops[u];
      if (update_op.statement->access.writes.size() != 1) continue;
      const WriteAccess& update = update_op.statement->access.writes.front();
      if (update.kind != StatementKind::kUpdate || update_op.failed || update_op.rows > 0 || !update.exact || !update.others.empty()) break;
      if (!inserts_row(update_op, update, write, access)) break;
      const std::optional<ReadRef> read = deciding_read(unit, u, update, RowLink::kValues);
      if (!read || read->access->probe || unit.ops[read->op].rows == 0) break;
      if (protected_by_lock(unit, read->op, u, update)) break;
      Match m;
      m.unit = &unit;
      m.table = update.table;
      m.table_name = update.name;
      for (const KeyColumn& k : update.equal) m.key_columns.push_back(k.column);
      m.columns = m.key_columns;
      m.row = row_identity(update, update.equal, update_op);
      m.read = read->op;
      m.write = w;
      m.has_read = m.has_write = true;
      m.write_role = "insert";
      m.others = {{u, "update"}};
      m.pattern = Pattern::kResurrect;
      if (unit.ops[read->op].rows <= 0) {
        m.needs = Need{.key = deleted(update, m.row),
                       .of_another_session = true,
                       .evidence_kind = "overlap",
                       .evidence_text = "another session deleted the row here",
                       .observed = true};
      }
      context.place(m);
      context.report(std::move(m));
      break;
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message =
      f.outcome == Outcome::kRetry || f.outcome == Outcome::kDeadlock
          ? fmt::format(
                "A row of {} that is gone when it is saved is inserted anew; at this level the loser of a race gets an error it must "
                "retry.",
                f.material.table_name)
          : fmt::format("A row of {} that another session deletes between the read and the save is inserted anew: the deletion is undone.",
                        f.material.table_name);
  std::string update;
  for (const FindingStatement& statement : finding.statements) {
    if (statement.role == "update") update = short_sql(statement.sql);
  }
  finding.interleaving = {{0, short_sql(f.material.read_sql) + "  → the row", false},
                          {1, fmt::format("DELETE FROM {} …  → committed", f.material.table_name), false},
                          {0, update + "  → 0 rows", false},
                          {0, short_sql(f.material.write_sql) + "  → the deleted row is back", true}};
  suggest::Material read_only = f.material;  // the lock is for the UPDATE: an INSERT after it is what should not be
  read_only.write = nullptr;
  read_only.write_sql.clear();
  add_fixes(finding, suggest::row_lock(read_only));
  for (Fix& fix : finding.fixes) {
    fix.use.write = FixUse::kGoes;
    fix.sql.back() = "-- here the UPDATE; when it changes no row the row was deleted: no INSERT then\nCOMMIT";
  }
  add_fixes(finding, suggest::in_orm_words(f.material, "update-only"));
}

}  // namespace

extern const Rule kRule_save_resurrects_deleted_row;
const Rule kRule_save_resurrects_deleted_row = {"DBA207",
                                                "save-resurrects-deleted-row",
                                                Severity::kError,
                                                "A row that was read is updated by its key, found gone, and inserted anew",
                                                {Trait::kInsertsUpdated | Trait::kDeletes},
                                                check,
                                                describe};

}  // namespace dbaudit
