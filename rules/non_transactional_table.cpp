// DBA504: a transaction that writes a table which has no transactions.
//
//   A: BEGIN, INSERT INTO orders …, INSERT INTO myisam_log …, ROLLBACK     the second row stays
//
// Known from the schema (ENGINE=MyISAM, Aria, MEMORY, …). Silent for a statement in autocommit, which needs no transaction.

#include <fmt/format.h>

#include "rules/protection.h"
#include "rules/statement_text.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  if (!is_mysql_family(unit.engine)) return;
  for (const uint32_t w : unit.writers) {
    const Op& op = unit.ops[w];
    const Transaction& tx = unit.transactions[op.transaction];
    if (!tx.is_explicit || op.failed) continue;
    for (const WriteAccess& access : op.statement->access.writes) {
      if (is_transactional(access.table) || access.housekeeping) continue;
      Match m;
      m.unit = &unit;
      m.table = access.table;
      m.table_name = access.name;
      m.read = m.write = w;
      m.has_write = true;
      for (const ColumnWrite& c : access.set) m.columns.push_back(c.column);
      for (const KeyColumn& k : access.equal) m.key_columns.push_back(k.name());
      m.pattern = Pattern::kNoRollback;
      m.message_detail = access.table->storage_engine;
      // Autocommit off without a COMMIT in sight, or the only statement of its transaction: nothing else hangs on it.
      if (tx.first == tx.last && tx.end != TxEnd::kRollback) m.confidence = Confidence::kPossible;
      context.place(m);
      m.scope = Scope::kNone;
      if (tx.end == TxEnd::kRollback) m.confidence = Confidence::kObserved;
      context.report(std::move(m));
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message =
      fmt::format("{} is written in a transaction, but {} has none: ROLLBACK leaves the change in place, and a crash half of it.",
                  f.material.table_name, f.detail);
  finding.interleaving = {{0, "BEGIN", false},
                          {0, short_sql(f.material.write_sql), false},
                          {1, "SELECT …  → sees it before COMMIT", false},
                          {0, "ROLLBACK  → it stays", true}};
  add_fixes(finding, suggest::innodb(f.material));
}

// Whether a transaction ever writes it only a log can tell.
void check_schema(const Catalog& catalog, std::vector<Finding>& findings) {
  if (!is_mysql_family(catalog.engine)) return;
  for (const Table& t : catalog.tables) {
    if (t.is_view || is_transactional(&t)) continue;
    suggest::Material material;
    material.engine = catalog.engine;
    material.version = catalog.server.version;
    material.table = &t;
    material.table_name = t.qualified();
    Finding f;
    f.severity = Severity::kError;
    f.confidence = Confidence::kPossible;
    f.message = fmt::format(
        "{} has the engine {}, which has no transactions: ROLLBACK leaves its changes in place, and FOR UPDATE locks no row of it.",
        t.qualified(), t.storage_engine);
    f.why = explain_verdict(Pattern::kNoRollback, catalog.engine, Level::kAutocommit, Scope::kNone);
    f.tables = {t.qualified()};
    add_fixes(f, suggest::innodb(material));
    findings.push_back(std::move(f));
  }
}

}  // namespace

extern const Rule kRule_non_transactional_table;
const Rule kRule_non_transactional_table = {"DBA504",         "non-transactional-table",
                                            Severity::kError, "A transaction writes a table whose engine has no transactions",
                                            {Trait::kWrites}, check,
                                            describe,         DataQuestion::kNone,
                                            check_schema};

}  // namespace dbaudit
