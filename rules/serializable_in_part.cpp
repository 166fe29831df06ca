// DBA505: SERIALIZABLE on PostgreSQL protects only from others that are SERIALIZABLE too.
//
//   A (SERIALIZABLE):   SELECT COUNT(*) … → 4, INSERT …
//   B (READ COMMITTED): SELECT COUNT(*) … → 4, INSERT …     both commit: one too many
//
// A pair of statements that some transaction runs at SERIALIZABLE is a finding where it is run below. Silent where all run it at one level.

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/hash.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

void check(const WorkUnit& unit, RuleContext& context) {
  if (unit.engine != Engine::kPostgres) return;
  const bool asks = std::any_of(unit.ops.begin(), unit.ops.end(), [](const Op& op) { return !op.statement->access.reads.empty(); });
  if (!asks) return;  // a bulk load decides nothing
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    const Transaction& tx = unit.transactions[write.transaction];
    if (tx.isolation == Isolation::kUnknown || write.statement->access.writes.empty()) continue;
    const WriteAccess& access = write.statement->access.writes.front();
    if (access.housekeeping) continue;
    const std::optional<Decision>& decision = context.decision(unit, w, access);
    if (!decision) continue;
    const uint64_t key = hash_combine(note_key("at serializable", access.name), write.statement->source->fingerprint);
    const bool together = same_transaction(unit, decision->op, w);
    if (tx.isolation == Isolation::kSerializable && together) {
      context.note(key, unit, w);
      continue;
    }
    if (protection_of(unit, decision->op, w, access).shield != Shield::kNone) continue;
    Match m = match_of(unit, *decision, w, access);
    m.pattern = Pattern::kSerializableInPart;
    m.needs = Need{.key = key, .evidence_kind = "serializable-elsewhere", .evidence_text = "here the same statements run at SERIALIZABLE"};
    context.place(m);
    // The level is the question: the pair in one transaction of a weaker one, or in none.
    if (!m.level_known) m.confidence = Confidence::kPossible;
    context.report(std::move(m));
  }
}

void describe(const Folded& f, Finding& finding) {
  finding.message = fmt::format("{} is written at SERIALIZABLE by some transactions and below it by this one: nobody is protected.",
                                f.material.table_name);
  add_fixes(finding, suggest::isolation_level(f.material, Isolation::kSerializable));
}

}  // namespace

extern const Rule kRule_serializable_in_part;
const Rule kRule_serializable_in_part = {"DBA505",
                                         "serializable-in-part",
                                         Severity::kError,
                                         "Some writers of a table run at SERIALIZABLE and others do not: nobody is protected",
                                         {Trait::kInsertsRead | Trait::kUpdatesRead},
                                         check,
                                         describe};

}  // namespace dbaudit
