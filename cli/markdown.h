#pragma once
// A rule's page for a terminal.

#include <string>
#include <string_view>

#include "cli/report/report.h"

namespace dbaudit {

/// Renders the Markdown that rules/*.md are written in: headings, paragraphs, bullet and numbered lists, fenced code, tables, `code`, **strong**,
/// *stress* and [links](url). Prose is wrapped to the style's width (100 at most); code is kept as it is, the columns of a table are aligned.
[[nodiscard]] std::string render_markdown(std::string_view page, const ReportStyle& style);

}  // namespace dbaudit
