#pragma once
// How two sessions meet, drawn for a person. See text_interleaving.cpp for what it looks like.

#include <cstdint>
#include <string>
#include <vector>

#include "cli/report/report.h"
#include "rules/finding.h"

namespace dbaudit {

enum class StepRole : uint8_t { kNone, kReads, kWrites, kBreaks };
[[nodiscard]] StepRole role_of(const InterleavingStep& step);

/// A step's text is `STATEMENT → RESULT`, the result often missing. Both are printable() and trimmed.
struct StepText {
  std::string statement, result;
};
[[nodiscard]] StepText text_of(const InterleavingStep& step);

/// The steps as a drawing, each line indented by `indent` and ended by a newline; empty without steps. Two columns from 70 columns of width on,
/// one below that.
[[nodiscard]] std::string draw_interleaving(const std::vector<InterleavingStep>& steps, const ReportStyle& style, int indent);

}  // namespace dbaudit
