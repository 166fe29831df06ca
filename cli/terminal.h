#pragma once
// What standard output and standard error can show, and the one way to say that a job could not be done.

#include <string_view>

#include "cli/command.h"
#include "cli/report/report.h"

namespace dbaudit {

/// Colours or not: `--color` decides, then NO_COLOR (any value but the empty one turns them off, no-color.org), then whether a terminal that knows
/// colours is there. `no_color` and `term` are the environment's values, null when unset.
[[nodiscard]] bool wants_color(ColorMode mode, bool is_terminal, const char* no_color, const char* term);

/// Columns to write for: COLUMNS when it is a sensible number, then `terminal_columns` (0: not a terminal), then 100.
[[nodiscard]] int wanted_width(const char* columns, int terminal_columns);

/// Does the locale, as LC_ALL, LC_CTYPE and LANG say (the first one set decides), use UTF-8? All unset or empty: the POSIX locale, which does not.
[[nodiscard]] bool locale_is_utf8(const char* lc_all, const char* lc_ctype, const char* lang);

/// The style for what goes to the file descriptor; -1 for a report file (UTF-8, 100 columns, colours only with --color always).
[[nodiscard]] ReportStyle report_style(int fd, ColorMode color, bool verbose);

/// Columns of the terminal at the descriptor; 80 when it does not tell.
[[nodiscard]] int terminal_columns(int fd);

/// Writes `dbaudit: message` as one line on standard error, control bytes made visible; returns 2, the exit status of a job that could not be done.
int job_failed(std::string_view message);
/// Writes `dbaudit: note: message` likewise, about a job that is done all the same.
void job_note(std::string_view message);

}  // namespace dbaudit
