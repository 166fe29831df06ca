// The fixed program, put together and audited again.
//
// The unit that showed the finding is kept with its values. A fix says where its statements belong (FixUse); its placeholders take the values that the
// unit had for the same column, or for the column at the other end of a foreign key, else made-up ones. The schema is a copy of the few tables in
// question with the fix's DDL applied to it.

#include "rules/suggest/check.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "analyzers/schema/ddl.h"
#include "rules/registry.h"
#include "rules/suggest/mended_program.h"
#include "rules/suggest/trial_values.h"

namespace dbaudit {
namespace {

using Program = std::vector<ReplayStatement>;
using Names = std::set<std::pair<std::string, std::string>>;  // code, table

// --- The tables in question --------------------------------------------------------------------------------------------------------------

void add_tables(const Catalog& all, const StatementFacts& facts, std::set<const Table*>& tables) {
  const auto add = [&](const ObjectName& name) {
    if (const Table* t = all.find(name.schema, name.name); t != nullptr) tables.insert(t);
  };
  for (const QueryBlock& b : facts.blocks) {
    for (const TableRef& t : b.tables) add(t.name);
  }
  for (const Write& w : facts.writes) {
    for (const ObjectName& t : w.targets) add(t);
  }
  for (const LockStatement& l : facts.locks) {
    for (const ObjectName& t : l.tables) add(t);
  }
  add(facts.ddl->table);
}

/// The tables with their parents and children, whose foreign keys rules ask about.
Catalog part_of(const Catalog& all, std::set<const Table*> tables) {
  const std::set<const Table*> named = tables;
  for (const Table* t : named) {
    for (const ForeignKey& fk : t->foreign_keys) {
      const Table* parent = all.find(fk.referenced_schema.empty() ? t->schema : Name(fk.referenced_schema), fk.referenced_table);
      if (parent != nullptr) tables.insert(parent);
    }
    for (const Table* child : all.children_of(*t)) tables.insert(child);
  }
  Catalog part;
  part.engine = all.engine;
  part.server = all.server;
  part.search_path = all.search_path;
  for (const Table& t : all.tables) {
    if (tables.contains(&t)) part.tables.push_back(t);
  }
  part.finish();
  return part;
}
// --- The audit -----------------------------------------------------------------------------------------------------------------------

/// Which sessions run. Some rules see their race in one unit run twice, some need different values, some what was written before.
struct Plan {
  bool second = false;         ///< the other session runs the second example, else the same one
  int rounds = 1;              ///< each by sessions of its own
  bool whole_partner = false;  ///< else without the statements that the fix replaces
};

class Checker {
 public:
  Checker(Finding& finding, const FindingExamples& examples, const AuditOptions& options, Templates& templates)
      : finding_(finding), examples_(examples), options_(options), templates_(templates) {
    if (!has_example()) return;
    const FindingExample& first = *examples.first;
    const int about = first.write >= 0 ? first.write : first.read;
    usual_ = first.unit.transactions[first.unit.statements[static_cast<size_t>(about)].transaction].isolation;
    for (const int at : {first.read, first.write}) {
      if (at >= 0) replaced_.insert(first.unit.statements[static_cast<size_t>(at)].fingerprint);
    }
    find_twin();
  }

  void run() {
    if (options_.catalog != nullptr) {
      std::set<const Table*> tables;
      for (const FindingExample* e : {examples_.first, examples_.second, examples_.partner}) {
        for (size_t i = 0; e != nullptr && i < e->unit.statements.size(); ++i) {
          const std::string& sql = e->unit.statements[i].sql;
          if (!sql.empty()) add_tables(*options_.catalog, templates_.intern(sql, false)->facts, tables);
        }
      }
      for (const Fix& fix : finding_.fixes) {
        for (const std::string& s : fix.sql) add_tables(*options_.catalog, templates_.intern(s, false)->facts, tables);
      }
      part_ = part_of(*options_.catalog, std::move(tables));
    }
    for (size_t i = 0; i < finding_.fixes.size(); ++i) {
      Fix& fix = finding_.fixes[i];
      if (fix.sql.empty() || fix.applicability == Applicability::kDisplayOnly || !parses(fix)) continue;
      fix.checked.emplace_back("parses");
      if (silences(fix, i)) fix.checked.emplace_back("silences");
    }
  }

 private:
  /// A partner that runs the finding's own write is mended like the example. Its read is the one before.
  void find_twin() {
    const FindingExample* partner = examples_.partner;
    const FindingExample& first = *examples_.first;
    if (partner == nullptr || partner->write < 0 || first.write < 0) return;
    const auto shape = [](const FindingExample& e, int at) { return e.unit.statements[static_cast<size_t>(at)].fingerprint; };
    if (shape(*partner, partner->write) != shape(first, first.write)) return;
    twin_ = *partner;
    for (int at = twin_->write; at-- > 0 && first.read >= 0 && twin_->read < 0;) {
      if (!twin_->unit.statements[static_cast<size_t>(at)].sql.empty() && shape(*twin_, at) == shape(first, first.read)) twin_->read = at;
    }
  }

  [[nodiscard]] bool has_example() const { return examples_.first != nullptr && !examples_.first->unit.empty(); }

  [[nodiscard]] bool parses(const Fix& fix) {
    return std::all_of(fix.sql.begin(), fix.sql.end(), [&](const std::string& sql) {
      const Template* t = templates_.intern(sql, false);
      return t->facts.quality == Quality::kFull && !t->facts.truncated && t->facts.following.empty();
    });
  }

  /// Applies what the fix says to run once. False: not all of it is understood.
  static bool apply_once(const Fix& fix, Catalog& catalog) {
    std::string ddl;
    for (int i = 0; i < fix.use.once; ++i) ddl += fix.sql[static_cast<size_t>(i)] + ";\n";
    const uint64_t before = catalog.unknown_statements;
    apply_ddl(ddl, "fix", catalog);
    return catalog.unknown_statements == before;
  }

  /// False: the fix does not say where its statements belong.
  bool mend_for(const Fix& fix, const FindingExample& example, const Catalog& catalog, Binder& binder, Mend& mend) {
    const TrialValues values(example, options_.engine, catalog);
    for (const std::string& sql : fix.sql) mend.sql.push_back(with_values(sql, templates_, binder, values));
    for (size_t i = static_cast<size_t>(fix.use.once); i < fix.sql.size(); ++i) {
      const StatementFacts& facts = templates_.intern(fix.sql[i], false)->facts;
      mend.brings_transaction |= facts.tx.action == TxAction::kBegin || facts.tx.action == TxAction::kAutocommitOff;
      mend.replaces_locks |= !facts.locks.empty();
    }
    // What DBA413 is about is the lock itself.
    mend.replaces_locks |= finding_.code == "DBA413";
    return lay_out(fix.use, mend);
  }

  bool silences(Fix& fix, size_t index) {
    Catalog catalog = part_;
    bool understood = true;
    for (size_t i = 0; i < index && !fix.use.after.empty(); ++i) {
      if (finding_.fixes[i].kind == fix.use.after) understood = apply_once(finding_.fixes[i], catalog) && understood;
    }
    understood = apply_once(fix, catalog) && understood;
    catalog.finish();
    const Catalog* const known = known_part(catalog);
    Binder binder(known);  // of all that is tried of this fix: a statement is bound once
    Mend first, second, twin;
    const FindingExample nothing;
    const bool placed = mend_for(fix, has_example() ? *examples_.first : nothing, catalog, binder, first);
    if (options_.tries_fixes) fix.trial = first.sql;
    if (!understood || !placed || !is_shown()) return false;
    if (is_refused(fix, first, known, binder)) return false;
    if (plan_->second) (void)mend_for(fix, *examples_.second, catalog, binder, second);
    if (twin_) (void)mend_for(fix, *twin_, catalog, binder, twin);
    const Names after = audit(*plan_, known, binder, &first, &second, &twin);
    return std::all_of(after.begin(), after.end(), [&](const auto& f) { return f != own_name() && before_.contains(f); });
  }

  /// Null without a schema, as the audited log was without.
  [[nodiscard]] const Catalog* known_part(const Catalog& part) const { return options_.catalog != nullptr ? &part : nullptr; }

  [[nodiscard]] std::pair<std::string, std::string> own_name() const {
    return {finding_.code, finding_.tables.empty() ? std::string() : finding_.tables.front()};
  }

  /// Do the sessions as they were give the finding? Settles on the first plan by which they do.
  bool is_shown() {
    if (!has_example()) return false;
    if (!looked_) {
      looked_ = true;
      const Catalog* const known = known_part(part_);
      Binder binder(known);
      for (const bool whole_partner : {false, true}) {
        if (whole_partner && examples_.partner == nullptr) break;
        for (const Plan plan :
             {Plan{false, 1, whole_partner}, Plan{true, 1, whole_partner}, Plan{true, 2, whole_partner}, Plan{false, 2, whole_partner}}) {
          if (plan.second && examples_.second == nullptr) continue;
          before_ = audit(plan, known, binder, nullptr, nullptr, nullptr);
          if (!before_.contains(own_name())) continue;
          plan_ = plan;
          return true;
        }
      }
    }
    return plan_.has_value();
  }

  /// The findings of the sessions, mended or (null) as they were: warnings and errors, and a note of this rule where it is itself a note.
  [[nodiscard]] Names audit(const Plan& plan, const Catalog* catalog, Binder& binder, const Mend* first, const Mend* second,
                            const Mend* twin) const {
    static const std::set<uint64_t> kNothing;
    std::vector<Program> sessions;
    for (int i = 0; i < plan.rounds; ++i) {
      sessions.push_back(program_of(*examples_.first, usual_, first, kNothing));
      sessions.push_back(plan.second ? program_of(*examples_.second, usual_, second, kNothing) : sessions.front());
    }
    if (twin_) {
      sessions.push_back(program_of(*twin_, usual_, twin, plan.whole_partner ? kNothing : replaced_));
    } else if (examples_.partner != nullptr) {
      const bool follows = first != nullptr && first->use->own >= 0 && first->use->read == FixUse::kStays;
      const std::set<uint64_t>& left_out = plan.whole_partner ? kNothing : replaced_;
      sessions.push_back(program_of(*examples_.partner, usual_, follows ? first : nullptr, left_out));
    }
    Program before;
    for (const ExampleStatement& s : examples_.first->unit.statements) {
      for (const std::string& sql : s.history) before.emplace_back().sql = sql;
    }
    Names names;
    for (const Finding& f : findings_of(before, sessions, catalog, binder, {all_rules().begin(), all_rules().end()})) {
      const bool loud = f.severity != Severity::kNote || (finding_.severity == Severity::kNote && f.code == finding_.code);
      // Its own rule doubts a unit that lacks what the example does not show (the write that a lock was taken for).
      const bool sure = first == nullptr || f.code != finding_.code || f.confidence != Confidence::kPossible ||
                        examples_.confidence == Confidence::kPossible;
      if (loud && sure) names.emplace(f.code, f.tables.empty() ? "" : f.tables.front());
    }
    return names;
  }

  /// Runs the history, then the sessions, two by two. `binder` is of `catalog`.
  [[nodiscard]] std::vector<Finding> findings_of(const Program& before, const std::vector<Program>& sessions, const Catalog* catalog,
                                                 Binder& binder, std::vector<const Rule*> rules) const {
    AuditOptions options;
    options.catalog = catalog;
    options.engine = options_.engine;
    options.server_version = options_.server_version;
    options.snapshot_isolation = options_.snapshot_isolation || examples_.first->unit.snapshot_isolation;
    options.rules = std::move(rules);
    options.inputs = {"replay"};
    options.checks_fixes = false;
    Audit again(options);
    TraceOptions trace_options;
    trace_options.engine = options_.engine;
    trace_options.default_isolation = usual_;
    Trace trace(templates_, binder, trace_options, [&](const WorkUnit& unit) { again.visit(unit); });
    replay(std::span(&before, 1), 0, trace);
    const size_t a_round = 2;
    for (size_t i = 0; i < sessions.size(); i += a_round) {
      // The partner runs beside the last round.
      const size_t end = sessions.size() - i <= a_round + 1 ? sessions.size() : i + a_round;
      replay(std::span(sessions).subspan(i, end - i), i + 1, trace);
      if (end == sessions.size()) break;
    }
    trace.finish();
    return again.finish(trace.counts().sessions);
  }

  /// Would the engine refuse a statement of the fix because no key is as its ON CONFLICT says? The replay commits, and what was committed was not refused.
  [[nodiscard]] bool is_refused(const Fix& fix, const Mend& mend, const Catalog* catalog, Binder& binder) const {
    Program alone;
    for (size_t i = static_cast<size_t>(fix.use.once); i < mend.sql.size(); ++i) alone.emplace_back().sql = mend.sql[i];
    return !findings_of({}, {alone}, catalog, binder, {find_rule("DBA106")}).empty();
  }

  Finding& finding_;
  const FindingExamples& examples_;
  const AuditOptions& options_;
  Templates& templates_;
  Catalog part_;
  Isolation usual_ = Isolation::kUnknown;
  std::set<uint64_t> replaced_;  // templates of the finding's own statements
  std::optional<FindingExample> twin_;
  bool looked_ = false;
  std::optional<Plan> plan_;
  Names before_;
};

}  // namespace

void check_fixes(Finding& finding, const FindingExamples& examples, const AuditOptions& options, Templates& templates) {
  if (finding.fixes.empty()) return;
  Checker(finding, examples, options, templates).run();
  const Rule* rule = examples.first == nullptr ? find_rule(finding.code) : nullptr;
  if (rule == nullptr || rule->check_schema == nullptr || options.catalog == nullptr) return;
  for (Fix& fix : finding.fixes) {
    if (fix.checked.empty() || static_cast<size_t>(fix.use.once) != fix.sql.size()) continue;
    std::set<const Table*> tables;
    for (const Table& t : options.catalog->tables) {
      if (std::find(finding.tables.begin(), finding.tables.end(), t.qualified()) != finding.tables.end()) tables.insert(&t);
    }
    Catalog catalog = part_of(*options.catalog, std::move(tables));
    std::string ddl;
    for (const std::string& s : fix.sql) ddl += s + ";\n";
    apply_ddl(ddl, "fix", catalog);
    catalog.finish();
    std::vector<Finding> left;
    rule->check_schema(catalog, left);
    const bool still = std::any_of(left.begin(), left.end(), [&](const Finding& f) { return f.tables == finding.tables; });
    if (!still && catalog.unknown_statements == 0) fix.checked.emplace_back("silences");
  }
}

}  // namespace dbaudit
