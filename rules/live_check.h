#pragma once
// `--check-data`: asks the live database, read-only and bounded, whether a finding has already come true.

#include <string>
#include <vector>

#include "analyzers/schema/catalog.h"
#include "analyzers/schema/connection.h"
#include "rules/finding.h"

namespace dbaudit {

struct LiveCheckOptions {
  bool full = false;  ///< scan a table even without an index that serves the question
  bool show_values = false;
  int timeout_ms = 5'000;  ///< for each question
  size_t examples = 3;
};

/// Adds `live-duplicates` evidence, and confidence observed, to findings whose key has duplicates now. What could not be asked is added to
/// `notes`, one line each.
void check_live_data(Connection& connection, const Catalog& catalog, const LiveCheckOptions& options, std::vector<Finding>& findings,
                     std::vector<std::string>& notes);

}  // namespace dbaudit
