#pragma once
// Markdown as GitHub and GitLab read it. What comes from a log, a schema or a database is shown as itself: no tag, link, emphasis, mention or
// reference to an issue comes of it.

#include <string>
#include <string_view>

#include "cli/report/report.h"

namespace dbaudit {

/// The text in a paragraph or a table's cell.
[[nodiscard]] std::string markdown_prose(std::string_view text);
/// The text in a code span, one line; `in_table` also keeps its bars from ending a cell. Nothing for an empty text.
[[nodiscard]] std::string markdown_code(std::string_view text, bool in_table = false);
/// A fenced block with lines of its own, ended by a newline. The fence is longer than any run of backticks in the text.
[[nodiscard]] std::string markdown_fence(std::string_view text, std::string_view language);
/// The text in HTML inside Markdown, such as a <summary>.
[[nodiscard]] std::string markdown_html(std::string_view text);

/// What a finding says below its heading: message, statements, interleaving, why, evidence, fixes.
[[nodiscard]] std::string finding_markdown(const Finding& finding);

}  // namespace dbaudit
