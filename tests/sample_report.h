#pragma once
// A report with every kind of thing in it, for the tests of the report formats.

#include "cli/report/report.h"

namespace dbaudit {

/// Two findings (an error with everything known, a warning with nearly nothing), two inputs, one note.
[[nodiscard]] Report sample_report();

}  // namespace dbaudit
