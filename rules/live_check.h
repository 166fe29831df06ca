#pragma once
// `--check-data`: asks the live database, read-only and bounded, whether a finding has already come true.

#include <cstdint>
#include <string>
#include <vector>

#include "analyzers/schema/catalog.h"
#include "analyzers/schema/connection.h"
#include "rules/finding.h"

namespace dbaudit {

struct LiveCheckOptions {
  bool full = false;  ///< ask of a large table even without an index that serves the question
  bool show_values = false;
  bool reports_rows = true;        ///< make a finding of its own (DBA108) of a key that has duplicates
  int timeout_ms = 5'000;          ///< for each question
  int total_ms = 60'000;           ///< for all of them
  uint64_t large_table = 100'000;  ///< rows; up to here a scan of the table is cheap
  size_t examples = 3;
};

/// Asks Finding::data of each finding, each question once: one SELECT with a limit, a time limit and the session's lock timeout. Where the answer is yes,
/// the finding gets `live-duplicates` or `live-orphans` evidence and, if that proves it, the confidence observed; DBA108 findings are appended. What
/// was not asked, and why, is added to `notes`, one line each, and to the finding's `why`.
void check_live_data(Connection& connection, const Catalog& catalog, const LiveCheckOptions& options, std::vector<Finding>& findings,
                     std::vector<std::string>& notes);

}  // namespace dbaudit
