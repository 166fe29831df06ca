// DBA105: get_or_create with a unique key, inside one REPEATABLE READ transaction. The key does its work, the retry cannot.
//
//   A: BEGIN; SELECT … WHERE k = 'x'  → no row (the snapshot is taken here)
//   B: INSERT … 'x'; COMMIT
//   A: SAVEPOINT s; INSERT … 'x'      → duplicate key
//   A: ROLLBACK TO s; SELECT … 'x'    → still no row: the error reaches the user
//
// Silent at READ COMMITTED, in autocommit, under SERIALIZABLE (an error to retry instead), and when the second lookup is a locking read where that reads
// the latest row (MySQL and MariaDB). A plain INSERT that ends its transaction retries nothing and is not this.

#include <algorithm>

#include <fmt/format.h>

#include "rules/match.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    const Transaction& tx = unit.transactions[write.transaction];
    if (!tx.is_explicit || tx.isolation != Isolation::kRepeatableRead || tx.boundary == Boundary::kUnknown) continue;
    // A log without BEGIN: the SAVEPOINT proves a transaction, and get_or_create's own lookup, right before it, stood in it too (outside one, no savepoint
    // would have been set).
    const uint32_t from = tx.boundary == Boundary::kInferred && write.savepoints != 0 && tx.first > 0 ? tx.first - 1 : tx.first;
    for (const WriteAccess& insert : write.statement->access.writes) {
      if (insert.kind != StatementKind::kInsert || insert.upsert != UpsertKind::kNone || write.truncated) continue;
      if (insert.table == nullptr || context.catalog() == nullptr) continue;
      for (uint32_t r = w; r-- > std::max(from, reach_from(w));) {
        const Op& read = unit.ops[r];
        if (!read.statement->access.may_read(insert)) continue;
        const ReadAccess* lookup = nullptr;
        LookupMatch k;
        for (const ReadAccess& a : read.statement->access.reads) {
          if (!a.top_level || a.joined || a.lock != LockStrength::kNone || a.aggregate == Aggregate::kSum) continue;
          k = match_lookup(read, a, write, insert);
          if (!k.key_columns.empty()) lookup = &a;
        }
        if (lookup == nullptr) continue;
        if (context.protection(*insert.table, k.lookup).key == nullptr) break;
        // The second lookup: the same statement with the same values, after the INSERT and in the same transaction.
        uint32_t again = 0;
        bool again_locks = false;
        for (uint32_t i = w + 1;
             i < std::min<size_t>(unit.ops.size(), w + kReach) && unit.ops[i].transaction == write.transaction && again == 0; ++i) {
          for (const ReadAccess& a : unit.ops[i].statement->access.reads) {
            const LookupMatch same = match_lookup(unit.ops[i], a, write, insert);
            if (same.row != k.row || same.key_columns.empty()) continue;
            again = i;
            again_locks = a.lock != LockStrength::kNone;
          }
        }
        const bool lost = write.failed || write.rolled_back;
        // Reading back what was just inserted is not a retry: without a savepoint the INSERT must have failed.
        if (write.savepoints == 0 && !(again != 0 && lost)) break;
        Match m;
        m.unit = &unit;
        m.table = insert.table;
        m.table_name = insert.name;
        m.read = r;
        m.write = w;
        m.has_read = m.has_write = true;
        m.columns = m.key_columns = k.key_columns;
        m.null_columns = k.null_columns;
        m.row = k.row;
        m.pattern = Pattern::kStaleRetry;
        m.severity = Severity::kWarning;
        context.place(m);
        // The retry reads the latest row: then it does so every time, also where no race was lost and no retry is to be seen.
        m.refutes = again_locks && is_mysql_family(unit.engine) && !context.snapshot_isolation() && !tx.snapshot_isolation;
        m.level = is_mysql_family(unit.engine) && (context.snapshot_isolation() || tx.snapshot_isolation) ? Level::kSnapshotIsolation
                                                                                                          : Level::kRepeatableRead;
        m.scope = Scope::kLevelBased;
        if (again != 0 && lost) {
          m.confidence = Confidence::kObserved;
          m.evidence.push_back({"stale-re-read", "the INSERT was undone and the same lookup ran again inside the same snapshot", {}});
          m.evidence_op = again;
        }
        context.report(std::move(m));
        break;
      }
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = fmt::format(
      "When another session inserts the same {} ({}) first, the retry still sees no row and the duplicate-key error reaches the user.",
      f.material.table_name, list_of(f.material.key_columns));
  if (is_mysql_family(f.material.engine)) add_fixes(finding, suggest::upsert(f.material));
  add_fixes(finding, suggest::isolation_level(f.material, Isolation::kReadCommitted));
  add_fixes(finding, suggest::in_orm_words(f.material, "repeatable-read"));
}

}  // namespace

extern const Rule kRule_get_or_create_under_repeatable_read;
const Rule kRule_get_or_create_under_repeatable_read = {
    "DBA105",
    "get-or-create-under-repeatable-read",
    Severity::kWarning,
    "After a duplicate-key error the retry reads the transaction's old snapshot and cannot see the row that won",
    {Trait::kInsertsRead},
    check,
    describe};

}  // namespace dbaudit
