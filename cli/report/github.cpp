// GitHub Actions' workflow commands, one line a finding: `::error file=F,line=N,title=T::message`. A step that prints them gets annotations on the
// changed files. GitHub shows ten errors, ten warnings and ten notices of a step and drops the rest without a word, so only those are written, and a
// last line says how many are not.
// Source: docs.github.com, "Workflow commands for GitHub Actions"; the escapes are those of actions/toolkit, packages/core/src/command.ts.

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "cli/report/layout.h"
#include "cli/report/location.h"
#include "cli/report/report.h"

namespace dbaudit {

namespace {

constexpr uint64_t kShownOfEach = 10;
constexpr std::string_view kCommands[] = {"error", "warning", "notice"};  // by Severity

/// Line breaks of `text` are its lines; any other control byte is made visible.
std::string message_value(std::string_view text) {
  std::string value;
  bool first = true;
  for (std::string_view line : split(text, '\n')) {
    if (!first) value += "%0A";
    first = false;
    for (char c : printable(line)) c == '%' ? value.append("%25") : value.append(1, c);
  }
  return value;
}

std::string property_value(std::string_view text) {
  std::string value;
  for (char c : text) {
    switch (c) {
      case '%': value += "%25"; break;
      case '\r': value += "%0D"; break;
      case '\n': value += "%0A"; break;
      case ':': value += "%3A"; break;
      case ',': value += "%2C"; break;
      default: value += c;
    }
  }
  return value;
}

std::string annotation(const Report& report, const Finding& f) {
  const ShownPlace place = shown_place(report, f);
  std::string message = f.message;
  if (!f.why.empty()) message += "\n" + f.why.str();
  // Their SQL is too long for what stands between the lines of a diff.
  for (const Fix& fix : f.fixes) message += "\nFix: " + fix.title;
  return fmt::format("::{} file={},line={},title={}::{}\n", kCommands[static_cast<size_t>(f.severity)],
                     property_value(printable(place.file)), place.line, property_value(printable(fmt::format("{} {}", f.code, f.name))),
                     message_value(message));
}

void write_github(const Report& report, const ReportStyle&, const ReportSink& sink) {
  std::string out;
  uint64_t counts[3] = {};
  for (const Finding& f : report.findings) {
    if (++counts[static_cast<size_t>(f.severity)] <= kShownOfEach) out += annotation(report, f);
  }
  uint64_t left = 0;
  for (uint64_t count : counts) left += count > kShownOfEach ? count - kShownOfEach : 0;
  if (left > 0) {
    out +=
        fmt::format("{} not shown: GitHub shows ten errors, ten warnings and ten notices of a step. The other report formats have all.\n",
                    count_of(left, "finding"));
  }
  sink(out);
}

}  // namespace

extern const ReportFormat kReport_github;
const ReportFormat kReport_github = {"github", "for GitHub Actions: annotations on the changed files", write_github};

}  // namespace dbaudit
