#include "cli/report/report.h"

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

const ReportFormat* find_report_format(std::string_view name) {
  for (const ReportFormat* format : all_report_formats()) {
    if (format->name == name) return format;
  }
  return nullptr;
}

}  // namespace dbaudit
