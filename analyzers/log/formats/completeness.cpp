#include "analyzers/log/formats/completeness.h"

#include <algorithm>

#include "analyzers/log/formats/sql_lines.h"

namespace dbaudit {

void tell_incomplete(const Missing& missing, ReaderCounts& counts) {
  auto& words = counts.incomplete;
  if (missing.parameters) words.emplace_back("no-parameters");
  if (missing.session) words.emplace_back("no-session");
  if (missing.time) words.emplace_back("no-time");
  if (missing.boundaries) words.emplace_back("no-transaction-boundaries");
  if (counts.sampled) words.emplace_back("sampled");
  if (counts.truncated_statements > 0) words.emplace_back("truncated");
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
}

void Completeness::add(const LogRecord& record, ReaderCounts& counts) {
  ++counts.statements;
  if (record.truncated || record.params_cut) ++counts.truncated_statements;
  if (record.session.empty()) missing_.session = true;
  if (!record.time.known() && !record.end_time.known()) missing_.time = true;
  if (record.tx_boundary != TxBoundary::kExplicit) missing_.boundaries = true;
  if (!missing_.parameters && !record.has_params) missing_.parameters = has_placeholder(record.sql);
}

}  // namespace dbaudit
