// What of an audit's findings is known already: suppressed, ignored, or in the baseline.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "cli/baseline.h"
#include "cli/output_file.h"
#include "cli/scan.h"
#include "cli/suppressions.h"

namespace dbaudit {

namespace {

// A [[table]] that the schema does not have is a misspelled one.
void note_unknown_tables(const std::vector<TableAssumption>& assumptions, const Catalog* catalog, std::vector<std::string>& notes) {
  if (catalog == nullptr) return;
  for (const TableAssumption& a : assumptions) {
    std::vector<std::string> names;
    bool is_known = false;
    for (const Table& table : catalog->tables) {
      names.push_back(table.name);
      is_known |= names_same_table(table.qualified(), a.table);
    }
    if (is_known) continue;
    const std::string near = nearest(a.table, names);
    notes.push_back(
        fmt::format("{}: the schema has no table {}{}", a.place, a.table, near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
  }
}

}  // namespace

Result<void> settle_findings(const ScanOptions& options, const Baseline& baseline, const std::vector<const Rule*>& rules,
                             const Catalog* catalog, Report& report, std::vector<std::string>& notes) {
  std::set<uint64_t> occurring;
  for (const Finding& f : report.findings) occurring.insert(f.fingerprint);

  note_unknown_tables(options.assumptions, catalog, notes);
  SuppressionOptions how;
  how.today = today();
  how.asked = rules;
  how.table = options.table;
  how.is_part = options.part.since.known() || options.part.until.known() || !options.part.app.empty() || !options.part.user.empty();
  report.suppressed += suppress(options.suppressions, options.assumptions, how, report.findings, notes);
  std::erase_if(report.findings, [&](const Finding& f) { return f.confidence < options.min_confidence; });
  sort_for_report(report.findings);

  const std::string text = options.write_baseline.empty() ? std::string() : baseline_text(report.findings);
  if (!options.baseline.empty()) {
    report.baselined = remove_known(baseline, report.findings);
    std::set<std::string> codes;
    for (const Rule* rule : rules) codes.emplace(rule->code);
    const std::string fixed = fixed_since(baseline, occurring, codes, options.baseline);
    if (!fixed.empty() && options.table.empty() && !how.is_part) notes.push_back(fixed);
  }
  if (options.write_baseline.empty()) return {};
  return write_whole(options.write_baseline, text);
}

}  // namespace dbaudit
