#pragma once
// How two sessions meet, drawn for a person. See text_interleaving.cpp for what it looks like.

#include <string>
#include <vector>

#include "cli/report/report.h"
#include "rules/finding.h"

namespace dbaudit {

/// The steps as a drawing, each line indented by `indent` and ended by a newline; empty without steps. Two columns from 70 columns of width on,
/// one below that.
[[nodiscard]] std::string draw_interleaving(const std::vector<InterleavingStep>& steps, const ReportStyle& style, int indent);

}  // namespace dbaudit
