#pragma once
// The audit of logs: records through the filters and the trace to the rules.

#include <cstdint>
#include <string>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/sql/templates.h"
#include "analyzers/trace/bind.h"
#include "analyzers/trace/session.h"
#include "cli/database_filter.h"
#include "cli/part_filter.h"
#include "cli/progress.h"
#include "cli/scan.h"
#include "rules/runner.h"

namespace dbaudit {

class LogAudit {
 public:
  /// `options` and what `rules` points to outlive it. `database`: the one whose statements are audited; empty: all.
  LogAudit(const ScanOptions& options, const AuditOptions& rules, Isolation isolation, const std::string& database);
  LogAudit(const LogAudit&) = delete;
  LogAudit& operator=(const LogAudit&) = delete;

  /// Reads a log to its end and adds what was read to the report's inputs. `index` is its place in AuditOptions::inputs. Errors: it was interrupted; it
  /// cannot be read on; it holds no statement.
  [[nodiscard]] Result<void> read(uint32_t index, OpenLog log, Report& report);
  /// Adds what was found to the report, the gaps of the logs behind it. Once, after the last log. Errors: the filters left nothing.
  [[nodiscard]] Result<void> finish(Report& report);
  /// What was not audited, one line each. After finish().
  void tell_left_out(std::vector<std::string>& notes) const;
  /// After finish().
  [[nodiscard]] Audit& audit() { return audit_; }

 private:
  struct Times {
    TimePoint first, last;
    void see(const LogRecord& record);
  };
  /// Until its end, an error of its source, or a signal.
  Times feed(uint32_t index, OpenLog& log);

  const ScanOptions& options_;
  Engine engine_;
  bool tells_gaps_;  // DBA901 is selected
  Audit audit_;
  Templates templates_;
  Binder binder_;
  Trace trace_;
  DatabaseFilter others_;
  PartFilter part_;
  Progress progress_;
  uint64_t bytes_of_all_ = 0;  // of the logs read
  std::vector<Finding> gaps_;
};

}  // namespace dbaudit
