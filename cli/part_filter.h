#pragma once
// `--since`, `--until`, `--app`, `--user`: an audit of a part of a log.

#include <cstdint>
#include <string>

#include "analyzers/base/time.h"
#include "analyzers/log/record.h"

namespace dbaudit {

struct LogPart {
  TimePoint since,
      until;  ///< unknown: no bound; `since` belongs to the part, `until` does not. Without a zone: of the log's own clock, or UTC
  std::string app, user;  ///< empty: any
};

class PartFilter {
 public:
  explicit PartFilter(const LogPart& part)
      : part_(part), is_all_(!part.since.known() && !part.until.known() && part.app.empty() && part.user.empty()) {}

  /// Does the record stand outside? One whose time, application or user the log does not tell does not. Ends of sessions are never left out: a
  /// session that ends, ends.
  [[nodiscard]] bool leaves_out(const LogRecord& record) { return !is_all_ && stands_outside(record); }

  [[nodiscard]] bool has_news() const { return left_out_ != 0 || untold_ != 0; }
  [[nodiscard]] bool left_nothing() const { return left_out_ != 0 && kept_ == 0; }
  /// One line.
  [[nodiscard]] std::string explain() const;

 private:
  bool stands_outside(const LogRecord& record);

  LogPart part_;
  bool is_all_;  // no bounds: every record is of the part
  uint64_t kept_ = 0, left_out_ = 0, untold_ = 0;
};

}  // namespace dbaudit
