// JUnit XML for the test views of GitLab and Jenkins, in the form of the windyroad schema, which has more demands than either.
//
// One suite: a test case for each input, which passes (a report without a test case counts as a broken run), and one for each finding. Test views
// compare runs by class and name, so both name what stays the same from run to run: rule, table, columns and the start of the fingerprint. A finding
// that makes the exit status 1 is a failure, any other is skipped, which both views list without failing. A report has no clock: the suite's time is
// when the logs end, its duration 0.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "cli/report/layout.h"
#include "cli/report/location.h"
#include "cli/report/report.h"
#include "cli/report/text.h"

namespace dbaudit {

namespace {

constexpr size_t kShownFingerprint = 8;
constexpr int kNameWidth = 120;
constexpr std::string_view kNoTime = "1970-01-01T00:00:00";

/// Escaped for an attribute or an element, one line. printable() leaves of the characters that XML 1.0 forbids only U+FFFE and U+FFFF.
std::string xml(std::string_view text) {
  const std::string shown = printable(text);
  std::string out;
  for (size_t at = 0; at < shown.size(); ++at) {
    const std::string_view character = std::string_view(shown).substr(at, 3);
    if (character == "\xEF\xBF\xBE" || character == "\xEF\xBF\xBF") {
      out += "\xEF\xBF\xBD";
      at += 2;
      continue;
    }
    switch (shown[at]) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += shown[at];
    }
  }
  return out;
}

std::string xml_lines(std::string_view text) {
  std::string out;
  for (std::string_view line : split(text, '\n')) out.append(xml(line)).append("\n");
  out.pop_back();
  return out;
}

/// `2026-11-20T14:25:56`: the schema takes neither zone nor fraction.
std::string suite_time(const Report& report) {
  TimePoint last;
  for (const InputSummary& input : report.inputs) {
    if (input.last_time.known() && (!last.known() || input.last_time.micros > last.micros)) last = input.last_time;
  }
  const std::string text = to_iso8601(last);
  return text.size() < kNoTime.size() ? std::string(kNoTime) : text.substr(0, kNoTime.size());
}

std::string name_of(const Finding& f) {
  std::string subject = elide_middle(printable(subject_of(f)), kNameWidth, "…");
  if (!subject.empty()) subject += " ";
  return fmt::format("{}[{}]", subject, hex64(f.fingerprint).substr(0, kShownFingerprint));
}

std::string test_case(const Report& report, const Finding& f) {
  const ShownPlace place = shown_place(report, f);
  ReportStyle style;
  std::string out = fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"0\">\n",
                                xml(fmt::format("dbaudit.{} {}", f.code, f.name)), xml(name_of(f)));
  const std::string body = xml_lines(fmt::format("{}:{}\n{}", place.file, place.line, finding_text(f, style)));
  if (is_failure(report, f)) {
    out += fmt::format("      <failure message=\"{}\" type=\"{}\">{}</failure>\n", xml(f.message), xml(f.name), body);
  } else {
    const std::string why =
        fmt::format("does not fail the run ({}, {}): {}", severity_name(f.severity), confidence_name(f.confidence), f.message);
    out += fmt::format("      <skipped message=\"{}\">{}</skipped>\n", xml(why), body);
  }
  return out + "    </testcase>\n";
}

std::string property(std::string_view name, std::string_view value) {
  return value.empty() ? "" : fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", name, xml(value));
}

void write_junit(const Report& report, const ReportStyle&, const ReportSink& sink) {
  const auto failures =
      std::count_if(report.findings.begin(), report.findings.end(), [&report](const Finding& f) { return is_failure(report, f); });
  const size_t findings = report.findings.size();
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  out += fmt::format(
      "  <testsuite id=\"0\" name=\"dbaudit\" package=\"dbaudit\" hostname=\"localhost\" timestamp=\"{}\" tests=\"{}\" failures=\"{}\" "
      "errors=\"0\" skipped=\"{}\" time=\"0\">\n",
      suite_time(report), findings + report.inputs.size(), failures, findings - static_cast<size_t>(failures));
  out += "    <properties>\n";
  out += property("version", DBAUDIT_VERSION);
  if (report.target.engine != Engine::kUnknown) out += property("engine", engine_name(report.target.engine));
  out += property("engine_version", report.target.version) + property("dsn", report.target.dsn) +
         property("isolation", report.target.isolation);
  out += "    </properties>\n";
  for (const InputSummary& input : report.inputs) {
    out += fmt::format("    <testcase classname=\"dbaudit.inputs\" name=\"{}\" time=\"0\"/>\n",
                       xml(fmt::format("{} was read", shown_path(input.path, report.root))));
  }
  sink(out);
  for (const Finding& f : report.findings) sink(test_case(report, f));
  std::string notes;
  for (const std::string& note : report.notes) notes += xml(note) + "\n";
  sink(fmt::format("    <system-out>{}</system-out>\n    <system-err></system-err>\n  </testsuite>\n</testsuites>\n", notes));
}

}  // namespace

extern const ReportFormat kReport_junit;
const ReportFormat kReport_junit = {"junit", "for test views (GitLab, Jenkins): what makes the exit status 1 is a failure", write_junit};

}  // namespace dbaudit
