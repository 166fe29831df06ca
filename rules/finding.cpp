#include "rules/finding.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {
constexpr std::string_view kSeverities[] = {"error", "warning", "note"};
constexpr std::string_view kConfidences[] = {"possible", "likely", "observed", "proven"};
constexpr std::string_view kScopes[] = {"", "level-based", "scope-based"};
constexpr std::string_view kApplicabilities[] = {"safe", "unsafe", "display-only"};

template <typename Enum, size_t N>
std::optional<Enum> parse_name(std::string_view s, const std::string_view (&names)[N]) {
  for (size_t i = 0; i < N; ++i) {
    if (iequals(s, names[i])) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

const Place& first_place(const Finding& f) {
  static const Place nowhere;
  return f.statements.empty() ? nowhere : f.statements.front().place;
}
}  // namespace

std::string_view severity_name(Severity s) { return kSeverities[static_cast<size_t>(s)]; }
std::string_view confidence_name(Confidence c) { return kConfidences[static_cast<size_t>(c)]; }
std::string_view scope_name(Scope s) { return kScopes[static_cast<size_t>(s)]; }
std::string_view applicability_name(Applicability a) { return kApplicabilities[static_cast<size_t>(a)]; }
std::optional<Severity> parse_severity(std::string_view s) { return parse_name<Severity>(s, kSeverities); }
std::optional<Confidence> parse_confidence(std::string_view s) { return parse_name<Confidence>(s, kConfidences); }

bool report_order(const Finding& a, const Finding& b) {
  // The enums run from most to least severe and from least to most sure: confidence is compared the other way round. Tables, columns and
  // fingerprint only break ties, so that two findings without a place still have an order.
  const Place& pa = first_place(a);
  const Place& pb = first_place(b);
  return std::tie(a.severity, b.confidence, a.code, pa.file, pa.line, a.tables, a.columns, a.fingerprint) <
         std::tie(b.severity, a.confidence, b.code, pb.file, pb.line, b.tables, b.columns, b.fingerprint);
}

// A finding is large: places are sorted, and then each finding is moved once, into the place that the one before it has left.
void sort_for_report(std::vector<Finding>& findings) {
  if (std::is_sorted(findings.begin(), findings.end(), report_order)) return;
  std::vector<size_t> from(findings.size());
  std::iota(from.begin(), from.end(), size_t{0});
  std::stable_sort(from.begin(), from.end(), [&](size_t a, size_t b) { return report_order(findings[a], findings[b]); });
  for (size_t first = 0; first < from.size(); ++first) {
    if (from[first] == first) continue;
    Finding out = std::move(findings[first]);
    size_t free = first;
    for (size_t next = from[free]; next != first; next = from[free]) {
      findings[free] = std::move(findings[next]);
      from[free] = free;
      free = next;
    }
    findings[free] = std::move(out);
    from[free] = free;
  }
}

}  // namespace dbaudit
