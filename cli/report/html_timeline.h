#pragma once
// When the audit's inputs were written and when its findings were seen, drawn for a browser.

#include <string>
#include <vector>

#include "cli/report/report.h"

namespace dbaudit {

/// Rows of bars over a common axis: the inputs first, then a row per finding with a bar from its first to its last occurrence and a mark at each of
/// its statements. Times with a zone and times without do not compare and get an axis each. `anchors` are the ids of the findings on the page,
/// parallel to report.findings. A sentence instead when no time is known.
[[nodiscard]] std::string html_timeline(const Report& report, const std::vector<std::string>& anchors);

}  // namespace dbaudit
