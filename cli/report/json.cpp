// The JSON report: CLI.md's keys in CLI.md's order, every key always there, null when unknown; report.schema.json beside this file says the same
// to a machine. Nothing here depends on a clock, a locale or a hash's order: the same report gives the same bytes.

#include <cmath>
#include <nlohmann/json.hpp>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "cli/report/json_text.h"
#include "cli/report/report.h"

namespace dbaudit {

namespace {

using Json = nlohmann::ordered_json;

Json text(std::string_view s) { return valid_utf8(s); }
Json text_or_null(std::string_view s) { return s.empty() ? Json(nullptr) : text(s); }
Json engine_or_null(Engine e) { return e == Engine::kUnknown ? Json(nullptr) : Json(engine_name(e)); }
Json line_or_null(uint64_t line) { return line == 0 ? Json(nullptr) : Json(line); }

Json texts(const std::vector<std::string>& strings) {
  Json list = Json::array();
  for (const std::string& s : strings) list.push_back(text(s));
  return list;
}

/// Milliseconds to the microsecond; clocks tell no more.
Json milliseconds_or_null(double ms) {
  if (ms < 0 || !std::isfinite(ms)) return nullptr;
  return std::round(ms * 1000.0) / 1000.0;
}

Json target_json(const Target& target) {
  Json settings = Json::object();
  settings["innodb_snapshot_isolation"] = nullptr;
  for (const auto& [name, value] : target.settings) settings[valid_utf8(name)] = text_or_null(value);
  return {{"engine", engine_or_null(target.engine)},
          {"version", text_or_null(target.version)},
          {"dsn", text_or_null(target.dsn)},
          {"isolation", text_or_null(target.isolation)},
          {"settings", settings}};
}

Json input_json(const InputSummary& input) {
  return {{"path", text(input.path)},
          {"format", text_or_null(input.format)},
          {"bytes", input.bytes},
          {"records", input.records},
          {"statements", input.statements},
          {"templates", input.templates},
          {"sessions", input.sessions},
          {"transactions", input.transactions},
          {"unrecognised_lines", input.unrecognised_lines},
          {"truncated_statements", input.truncated_statements},
          {"unparsed_statements", input.unparsed_statements},
          {"first_time", text_or_null(to_iso8601(input.first_time))},
          {"last_time", text_or_null(to_iso8601(input.last_time))}};
}

Json summary_json(const Report& report) {
  uint64_t counts[3] = {};
  for (const Finding& f : report.findings) ++counts[static_cast<size_t>(f.severity)];
  return {{"errors", counts[static_cast<size_t>(Severity::kError)]},
          {"warnings", counts[static_cast<size_t>(Severity::kWarning)]},
          {"notes", counts[static_cast<size_t>(Severity::kNote)]},
          {"suppressed", report.suppressed},
          {"baselined", report.baselined}};
}

Json fix_json(const Fix& fix) {
  Json json = {{"kind", text(fix.kind)}, {"title", text(fix.title)}, {"applicability", applicability_name(fix.applicability)}};
  if (!fix.sql.empty() || fix.code.empty()) json["sql"] = texts(fix.sql);
  if (!fix.code.empty()) json["code"] = text(fix.code);
  json["trade_off"] = text_or_null(fix.trade_off);
  json["checked"] = texts(fix.checked);
  return json;
}

Json orm_json(const Finding& f) {
  if (f.orm_name.empty()) return nullptr;
  return {{"name", text(f.orm_name)}, {"call", text_or_null(f.orm_call)}};
}

Json source_json(const Finding& f) {
  if (f.source_file.empty() && f.source_route.empty()) return nullptr;
  return {{"file", text_or_null(f.source_file)},
          {"line", f.source_line > 0 ? Json(f.source_line) : Json(nullptr)},
          {"route", text_or_null(f.source_route)}};
}

Json finding_json(const Finding& f) {
  Json statements = Json::array();
  for (const FindingStatement& s : f.statements) {
    statements.push_back({{"role", text(s.role)},
                          {"template", text(s.sql)},
                          {"file", text_or_null(s.place.file)},
                          {"line", line_or_null(s.place.line)},
                          {"session", text_or_null(s.session)},
                          {"time", text_or_null(to_iso8601(s.time))}});
  }
  Json evidence = Json::array();
  for (const Evidence& e : f.evidence) {
    evidence.push_back(
        {{"kind", text(e.kind)}, {"text", text(e.text)}, {"file", text_or_null(e.place.file)}, {"line", line_or_null(e.place.line)}});
  }
  Json fixes = Json::array();
  for (const Fix& fix : f.fixes) fixes.push_back(fix_json(fix));
  return {{"code", text(f.code)},
          {"name", text(f.name)},
          {"severity", severity_name(f.severity)},
          {"confidence", confidence_name(f.confidence)},
          {"scope", text_or_null(scope_name(f.scope))},
          {"message", text(f.message)},
          {"why", text(f.why)},
          {"engine", engine_or_null(f.engine)},
          {"isolation", text_or_null(f.isolation)},
          {"tables", texts(f.tables)},
          {"columns", texts(f.columns)},
          {"key_columns", texts(f.key_columns)},
          {"occurrences", f.occurrences},
          {"sessions", f.sessions},
          {"first_time", text_or_null(to_iso8601(f.first_time))},
          {"last_time", text_or_null(to_iso8601(f.last_time))},
          {"window_ms", {{"p50", milliseconds_or_null(f.window_p50_ms)}, {"max", milliseconds_or_null(f.window_max_ms)}}},
          {"orm", orm_json(f)},
          {"source", source_json(f)},
          {"statements", statements},
          {"evidence", evidence},
          {"fixes", fixes},
          {"related", texts(f.related)},
          {"fingerprint", hex64(f.fingerprint)}};
}

void write_json(const Report& report, const ReportStyle&, const ReportSink& sink) {
  Json inputs = Json::array();
  for (const InputSummary& input : report.inputs) inputs.push_back(input_json(input));
  const Json frame = {{"schema_version", 1},
                      {"tool", {{"name", "dbaudit"}, {"version", DBAUDIT_VERSION}}},
                      {"target", target_json(report.target)},
                      {"inputs", inputs},
                      {"summary", summary_json(report)},
                      {"findings", Json::array()}};
  JsonListWriter findings(frame.dump(2), R"("findings": [])", sink);
  for (const Finding& f : report.findings) findings.add(finding_json(f).dump(2));
  findings.finish();
}

}  // namespace

extern const ReportFormat kReport_json;
const ReportFormat kReport_json = {"json", "for programs: one object, described by report.schema.json", write_json};

}  // namespace dbaudit
