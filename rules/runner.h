#pragma once
// Runs the rules over work units and folds what they see into findings.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "analyzers/schema/catalog.h"
#include "analyzers/trace/transaction.h"
#include "rules/assumption.h"
#include "rules/finding.h"
#include "rules/registry.h"

namespace dbaudit {

struct AuditOptions {
  const Catalog* catalog = nullptr;  ///< null: no schema given
  Engine engine = Engine::kUnknown;
  std::string server_version;
  bool snapshot_isolation = false;  ///< innodb_snapshot_isolation=ON
  std::vector<const Rule*> rules;   ///< those selected, in the order of rules.def
  std::vector<std::string> inputs;  ///< paths, by Op::file
  bool show_values = false;
  std::vector<TableAssumption> assumptions;  ///< of [[table]]; `ignored` is the caller's
  /// Keeps what check_fixes() needs. False in the audit that does the checking: its findings say what is where and how sure, and no more.
  bool checks_fixes = true;
  bool tries_fixes = true;  ///< check_fixes() fills Fix::trial
};

/// What came of the comments in the SQL and of the assumptions about tables, for whoever wrote them. One line each, ordered.
struct Remarks {
  std::vector<std::string> errors;  ///< comments that cannot silence anything
  std::vector<std::string> notes;   ///< comments that had nothing to silence, assumptions that the log contradicts
};

/// What the rules selected see in the schema alone (Rule::check_schema), in report_order; the fixes are not checked.
[[nodiscard]] std::vector<Finding> check_schema(const AuditOptions& options);

class Audit {
 public:
  explicit Audit(const AuditOptions& options);
  ~Audit();
  Audit(const Audit&) = delete;
  Audit& operator=(const Audit&) = delete;

  /// The unit is visited soon, what its statements are bound to is at hand: makes that cheaper.
  void expect(const WorkUnit& unit) const;
  /// What the unit's statements were bound to must live as long as the audit is asked for anything.
  void visit(const WorkUnit& unit);
  /// The findings, in report_order, their fixes not checked. `sessions` is the number of sessions that ran a statement. Call once.
  [[nodiscard]] std::vector<Finding> finish(uint64_t sessions);
  /// Fills Fix::checked and Fix::trial of findings of finish(), or of those with the same catalog that no unit shows (check_schema, check_live_data). After
  /// finish(), and for what is reported only: the rules run over its example several times for each fix. On as many threads as `jobs`.
  void check_fixes(std::span<Finding> findings, int jobs);
  /// Findings not made because of a `dbaudit:ignore` or `dbaudit:locked` comment or an assumption about their table. After finish().
  [[nodiscard]] uint64_t suppressed() const;
  [[nodiscard]] Remarks remarks() const;  ///< after finish()

 private:
  class Folder;
  std::unique_ptr<Folder> folder_;
};

}  // namespace dbaudit
