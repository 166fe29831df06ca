#pragma once
// DBA901's input: what a log as a whole cannot show. Work units never see it.

#include <span>
#include <string>
#include <string_view>

#include "rules/finding.h"

namespace dbaudit {

/// One input whose log has gaps.
struct LogGap {
  std::string path;
  std::string_view format;               ///< `postgres-stderr`
  std::span<const std::string> missing;  ///< words of ReaderCounts::incomplete
  std::string_view enable;               ///< the setting that logs more
};

/// The finding that says so: what is missing, which rules it silences or weakens, and what to change.
[[nodiscard]] Finding log_gap_finding(const LogGap& gap, Engine engine);

}  // namespace dbaudit
