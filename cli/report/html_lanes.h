#pragma once
// How two sessions meet, drawn for a browser.

#include <string>
#include <vector>

#include "rules/finding.h"

namespace dbaudit {

/// The steps as an ordered list that style.css lays out as two swim lanes, time downward, what comes of each step beside it; read aloud it is
/// `Session A reads: SELECT …, result: no row`. Empty without steps.
[[nodiscard]] std::string html_lanes(const std::vector<InterleavingStep>& steps);

}  // namespace dbaudit
