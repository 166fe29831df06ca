// Where a scan's reports go.

#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/output_file.h"
#include "cli/scan.h"
#include "cli/terminal.h"

namespace dbaudit {

Result<void> write_reports(const Report& report, const ScanOptions& options) {
  std::vector<std::pair<std::string, std::string>> wanted = options.reports;
  if (wanted.empty()) wanted.emplace_back("text", "-");
  for (const auto& [name, path] : wanted) {
    const ReportFormat* format = find_report_format(name);
    if (format == nullptr) return fail(fmt::format("unknown report format '{}'", name));
    const bool to_stdout = path == "-";
    OutputFile file(path);
    format->write(report, report_style(to_stdout ? STDOUT_FILENO : -1, options.color, options.verbose),
                  [&](std::string_view piece) { file.write(piece); });
    if (Result<void> done = file.finish(); !done) return done;
  }
  return {};
}

}  // namespace dbaudit
