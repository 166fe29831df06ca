// The JSON report: CLI.md's keys in CLI.md's order, every key always there, null when unknown; report.schema.json beside this file says the same
// to a machine. Nothing here depends on a clock, a locale or a hash's order: the same report gives the same bytes.

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

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

// Of what every finding has many of. Members are put where they stay: from a braced list each would be copied, twice.
class Object {
 public:
  explicit Object(size_t members) { members_.reserve(members); }
  void add(const char* key, Json value) { members_.emplace_back(key, std::move(value)); }
  Json take() { return std::move(members_); }

 private:
  Json::object_t members_;
};

Json fix_json(const Fix& fix) {
  Object json(7);
  json.add("kind", text(fix.kind));
  json.add("title", text(fix.title));
  json.add("applicability", applicability_name(fix.applicability));
  if (!fix.sql.empty() || fix.code.empty()) json.add("sql", texts(fix.sql));
  if (!fix.code.empty()) json.add("code", text(fix.code));
  json.add("trade_off", text_or_null(fix.trade_off));
  json.add("checked", texts(fix.checked));
  return json.take();
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

Json statement_json(const FindingStatement& s) {
  Object json(6);
  json.add("role", text(s.role));
  json.add("template", text(s.sql));
  json.add("file", text_or_null(s.place.file));
  json.add("line", line_or_null(s.place.line));
  json.add("session", text_or_null(s.session));
  json.add("time", text_or_null(to_iso8601(s.time)));
  return json.take();
}

Json evidence_json(const Evidence& e) {
  return {{"kind", text(e.kind)}, {"text", text(e.text)}, {"file", text_or_null(e.place.file)}, {"line", line_or_null(e.place.line)}};
}

Json finding_json(const Finding& f) {
  Json statements = Json::array(), evidence = Json::array(), fixes = Json::array();
  for (const FindingStatement& s : f.statements) statements.push_back(statement_json(s));
  for (const Evidence& e : f.evidence) evidence.push_back(evidence_json(e));
  for (const Fix& fix : f.fixes) fixes.push_back(fix_json(fix));
  Object json(24);
  json.add("code", text(f.code));
  json.add("name", text(f.name));
  json.add("severity", severity_name(f.severity));
  json.add("confidence", confidence_name(f.confidence));
  json.add("scope", text_or_null(scope_name(f.scope)));
  json.add("message", text(f.message));
  json.add("why", text(f.why));
  json.add("engine", engine_or_null(f.engine));
  json.add("isolation", text_or_null(f.isolation));
  json.add("tables", texts(f.tables));
  json.add("columns", texts(f.columns));
  json.add("key_columns", texts(f.key_columns));
  json.add("occurrences", f.occurrences);
  json.add("sessions", f.sessions);
  json.add("first_time", text_or_null(to_iso8601(f.first_time)));
  json.add("last_time", text_or_null(to_iso8601(f.last_time)));
  json.add("window_ms", {{"p50", milliseconds_or_null(f.window_p50_ms)}, {"max", milliseconds_or_null(f.window_max_ms)}});
  json.add("orm", orm_json(f));
  json.add("source", source_json(f));
  json.add("statements", std::move(statements));
  json.add("evidence", std::move(evidence));
  json.add("fixes", std::move(fixes));
  json.add("related", texts(f.related));
  json.add("fingerprint", hex64(f.fingerprint));
  return json.take();
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
