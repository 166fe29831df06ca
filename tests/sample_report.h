#pragma once
// A report with every kind of thing in it, for the tests of the report formats.

#include <string>
#include <string_view>

#include "cli/report/report.h"

namespace dbaudit {

/// Two findings (an error with everything known, a warning with nearly nothing), two inputs, one note.
[[nodiscard]] Report sample_report();

/// The whole report in one of the formats of reports.def.
[[nodiscard]] std::string written(std::string_view format, const Report& report, const ReportStyle& style = {});

}  // namespace dbaudit
