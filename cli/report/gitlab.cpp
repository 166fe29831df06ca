// GitLab's Code Quality report: an array of what changed between two branches, told apart by its fingerprints.
// Source: docs.gitlab.com, "Code Quality", section "Code Quality report format": description, check_name, fingerprint, severity (info, minor, major,
// critical or blocker), location.path without `./`, location.lines.begin.

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "cli/report/json_text.h"
#include "cli/report/location.h"
#include "cli/report/report.h"

namespace dbaudit {

namespace {

using Json = nlohmann::ordered_json;

/// A race that was seen to happen outranks one that can.
std::string_view severity_word(const Finding& f) {
  switch (f.severity) {
    case Severity::kError: return f.confidence >= Confidence::kObserved ? "critical" : "major";
    case Severity::kWarning: return "minor";
    case Severity::kNote: return "info";
  }
  return "info";
}

void write_gitlab(const Report& report, const ReportStyle&, const ReportSink& sink) {
  JsonListWriter issues("[]", "[]", sink);
  std::map<uint64_t, uint64_t> uses;
  for (const Finding& f : report.findings) {
    const ShownPlace place = shown_place(report, f);
    // GitLab keeps one of two issues with one fingerprint; findings without a place of their own (two logs with one gap) may share theirs.
    std::string fingerprint = hex64(f.fingerprint);
    if (const uint64_t use = ++uses[f.fingerprint]; use > 1) fingerprint += "-" + std::to_string(use);
    const Json issue = {{"description", printable(fmt::format("{}: {}", f.code, f.message))},
                        {"check_name", printable(f.name)},
                        {"fingerprint", fingerprint},
                        {"severity", severity_word(f)},
                        {"location", {{"path", printable(place.file)}, {"lines", {{"begin", place.line}}}}}};
    issues.add(issue.dump(2));
  }
  issues.finish();
}

}  // namespace

extern const ReportFormat kReport_gitlab;
const ReportFormat kReport_gitlab = {"gitlab", "for GitLab's Code Quality widget", write_gitlab};

}  // namespace dbaudit
