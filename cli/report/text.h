#pragma once
// Pieces of the text report that other reports show too.

#include <string>
#include <string_view>

#include "cli/report/report.h"

namespace dbaudit {

/// One finding as the text report shows it, ended by a newline.
[[nodiscard]] std::string finding_text(const Finding& finding, const ReportStyle& style);

/// How a statement to paste must end: `;` where the text has none, on a new line when a comment would swallow it.
[[nodiscard]] std::string statement_end(std::string_view sql, Engine engine);

/// What was done with a fix: `parses, runs on an empty copy of the schema, silences this finding`; empty when nothing was. Not made printable.
[[nodiscard]] std::string checked_text(const Fix& fix);

/// `seen`: how often, in how many sessions, how far apart. Empty when nothing of it is known.
[[nodiscard]] std::string seen_text(const Finding& finding);

}  // namespace dbaudit
