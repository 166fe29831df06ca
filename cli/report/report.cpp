#include "cli/report/report.h"

#include <algorithm>

namespace dbaudit {

#define REPORT(format) extern const ReportFormat kReport_##format;
#include "cli/report/reports.def"
#undef REPORT

std::span<const ReportFormat* const> all_report_formats() {
  static constexpr const ReportFormat* kFormats[] = {
#define REPORT(format) &kReport_##format,
#include "cli/report/reports.def"
#undef REPORT
  };
  return kFormats;
}

bool is_failure(const Report& report, const Finding& finding) {
  return report.fail_on && finding.severity <= *report.fail_on && finding.confidence >= report.fail_on_confidence;
}

int exit_status(const Report& report) {
  const auto fails = [&report](const Finding& f) { return is_failure(report, f); };
  return std::any_of(report.findings.begin(), report.findings.end(), fails) ? 1 : 0;
}

const ReportFormat* find_report_format(std::string_view name) {
  for (const ReportFormat* format : all_report_formats()) {
    if (format->name == name) return format;
  }
  return nullptr;
}

}  // namespace dbaudit
