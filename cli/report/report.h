#pragma once
// A finished audit and the ways to write it.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/base/time.h"
#include "rules/finding.h"

namespace dbaudit {

struct InputSummary {
  std::string path, format;
  uint64_t bytes = 0, records = 0, statements = 0, templates = 0, sessions = 0, transactions = 0;
  uint64_t unrecognised_lines = 0, truncated_statements = 0, unparsed_statements = 0;
  TimePoint first_time, last_time;
};

struct Target {
  Engine engine = Engine::kUnknown;
  std::string version;    ///< empty when unknown
  std::string dsn;        ///< without password; empty when none
  std::string isolation;  ///< empty when unknown
  std::map<std::string, std::string> settings;
};

struct Report {
  Target target;
  std::vector<InputSummary> inputs;
  std::vector<Finding> findings;  ///< in report_order
  uint64_t suppressed = 0, baselined = 0;
  std::vector<std::string> notes;  ///< what the audit could not see, one line each; the JSON report has no place for them
  std::string root;                ///< absolute directory that paths are told relative to where a code host reads them; empty: none
  std::optional<Severity> fail_on = Severity::kWarning;  ///< --fail-on; nullopt: never
  Confidence fail_on_confidence = Confidence::kLikely;
};

/// Is it one of the findings that make the exit status 1?
[[nodiscard]] bool is_failure(const Report& report, const Finding& finding);
/// 0 or 1.
[[nodiscard]] int exit_status(const Report& report);

struct ReportStyle {
  bool color = false;
  int width = 100;  ///< columns to wrap prose at; SQL to paste is never wrapped
  bool verbose = false;
  bool ascii = false;  ///< the reader's locale is not UTF-8: no box-drawing, `...` for an ellipsis
};

/// Takes a report as it is made, piece by piece.
using ReportSink = std::function<void(std::string_view piece)>;

/// One report format; one file each, listed in reports.def.
struct ReportFormat {
  std::string_view name, summary;
  /// A finding goes to the sink before the next one is looked at: a report of many takes no more memory than one of few.
  void (*write)(const Report& report, const ReportStyle& style, const ReportSink& sink);
};
[[nodiscard]] std::span<const ReportFormat* const> all_report_formats();
[[nodiscard]] const ReportFormat* find_report_format(std::string_view name);

}  // namespace dbaudit
