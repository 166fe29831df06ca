#include "rules/finding.h"

#include <tuple>

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

}  // namespace dbaudit
