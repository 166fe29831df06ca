// SARIF 2.1.0 (OASIS), for GitHub code scanning and every other viewer that reads it. Numbers of sections below are the standard's.
//
// A result is where the code is when the statements' tags name it, else in the log; the statements are its related locations, the interleaving its
// code flow: one thread flow a session, executionOrder across both (3.38.11). Fixes are SQL to run, not edits of an artifact, which is all that
// SARIF's `fixes` can say (3.55): they are in the message and in the properties.
//
// A message's text may hold placeholders and links (3.11.5, 3.11.6); what comes from a log makes neither.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "cli/report/json_text.h"
#include "cli/report/location.h"
#include "cli/report/markdown.h"
#include "cli/report/report.h"
#include "cli/report/text.h"
#include "rules/registry.h"

namespace dbaudit {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
constexpr std::string_view kRoot = "%SRCROOT%";  // the name GitHub's documentation uses

Json text(std::string_view s) { return printable(s); }

/// What would be a placeholder, `{0}`, with its braces doubled. The standard wants every brace doubled; the viewers show what they find, and no message
/// here has arguments.
std::string without_placeholders(std::string_view s) {
  std::string out;
  for (size_t at = 0; at < s.size(); ++at) {
    const size_t end = s[at] == '{' ? s.find_first_not_of("0123456789", at + 1) : std::string_view::npos;
    if (end != std::string_view::npos && end > at + 1 && s[end] == '}') {
      out.append("{").append(s.substr(at, end - at + 1)).append("}");
      at = end;
    } else {
      out += s[at];
    }
  }
  return out;
}

/// Plain text of a message: no placeholder (3.11.5), no link (3.11.6), its lines kept.
std::string message_text(std::string_view s) {
  std::string out;
  for (std::string_view line : split(s, '\n')) {
    const std::string shown = without_placeholders(printable(line));
    for (size_t at = 0; at < shown.size(); ++at) {
      const char c = shown[at];
      out += c;
      if (c == ']' && at + 1 < shown.size() && shown[at + 1] == '(') out += ' ';
    }
    out += '\n';
  }
  out.pop_back();
  return out;
}

Json message(std::string_view s) { return {{"text", message_text(s)}}; }

/// SARIF's levels are called as the severities are.
std::string_view level_of(Severity s) { return severity_name(s); }

/// The first paragraph below the first heading of a rule's page, on one line; the page's own Markdown, which reads as text.
std::string first_paragraph(std::string_view page) {
  std::string paragraph;
  for (std::string_view line : split(page, '\n')) {
    const std::string_view words = trim(line);
    if (words.empty() && !paragraph.empty()) break;
    if (words.empty() || words.front() == '#') continue;
    if (!paragraph.empty()) paragraph += ' ';
    paragraph += words;
  }
  return paragraph;
}

class SarifReport {
 public:
  explicit SarifReport(const Report& report) : report_(report) {}

  void write(const ReportSink& sink) {
    for (const InputSummary& input : report_.inputs) artifact_of_input(input);
    for (const Finding& f : report_.findings) artifacts_of_finding(f);
    list_rules();
    Json driver = {{"name", "dbaudit"}, {"version", DBAUDIT_VERSION}, {"semanticVersion", DBAUDIT_VERSION}, {"rules", rules_}};
    Json run = {{"tool", {{"driver", driver}}},
                {"invocations", Json::array({invocation()})},
                {"originalUriBaseIds", {{kRoot, {{"description", {{"text", "The directory the audit was started in."}}}}}}},
                {"artifacts", artifacts_},
                {"columnKind", "unicodeCodePoints"},
                {"results", Json::array()},
                {"properties", target()}};
    const Json log = {{"$schema", kSchema}, {"version", "2.1.0"}, {"runs", Json::array({run})}};
    JsonListWriter results(log.dump(2), R"("results": [])", sink);
    for (const Finding& f : report_.findings) results.add(result(f).dump(2));
    results.finish();
  }

 private:
  // --- The run ----------------------------------------------------------------------------------------------------------------------------
  [[nodiscard]] Json invocation() const {
    const int status = exit_status(report_);
    Json json = {{"executionSuccessful", true},
                 {"exitCode", status},
                 {"exitCodeDescription", status == 0 ? "nothing at or above --fail-on" : "findings at or above --fail-on"}};
    Json notes = Json::array();
    for (const std::string& note : report_.notes) notes.push_back({{"level", "note"}, {"message", message(note)}});
    if (!notes.empty()) json["toolExecutionNotifications"] = notes;
    return json;
  }

  [[nodiscard]] Json target() const {
    Json json = Json::object();
    const Target& t = report_.target;
    if (t.engine != Engine::kUnknown) json["engine"] = engine_name(t.engine);
    if (!t.version.empty()) json["engineVersion"] = text(t.version);
    if (!t.dsn.empty()) json["dsn"] = text(t.dsn);
    if (!t.isolation.empty()) json["isolation"] = text(t.isolation);
    json["suppressed"] = report_.suppressed;
    json["baselined"] = report_.baselined;
    return json;
  }

  /// The rules that have results, by code.
  void list_rules() {
    std::map<std::string, std::string> names;
    for (const Finding& f : report_.findings) names.emplace(f.code, f.name);
    for (const auto& [code, name] : names) {
      rule_index_[code] = rules_.size();
      rules_.push_back(rule(code, name));
    }
  }

  static Json rule(const std::string& code, const std::string& name) {
    Json json = {{"id", text(code)}, {"name", text(name)}};
    const Rule* known = find_rule(code);
    if (known == nullptr) return json;
    const std::string_view page = rule_page(*known);
    json["shortDescription"] = message(known->summary);
    json["fullDescription"] = message(first_paragraph(page));
    json["help"] = {{"text", message_text(page)}, {"markdown", without_placeholders(page)}};
    json["defaultConfiguration"] = {{"level", level_of(known->severity)}};
    json["properties"] = {{"tags", {"concurrency", "database", fmt::format("severity/{}", severity_name(known->severity))}}};
    return json;
  }

  // --- Places -----------------------------------------------------------------------------------------------------------------------------
  Json artifact_location(const std::string& path) {
    const auto [it, is_new] = artifact_index_.emplace(path, artifacts_.size());
    Json location = {{"uri", uri_of(path)}};
    if (location["uri"].get_ref<const std::string&>().rfind("file:", 0) != 0) location["uriBaseId"] = kRoot;
    if (is_new) artifacts_.push_back({{"location", location}});
    location["index"] = it->second;
    return location;
  }

  void artifact_of_input(const InputSummary& input) {
    const Json location = artifact_location(shown_path(input.path, report_.root));
    Json& artifact = artifacts_[location["index"].get<size_t>()];
    artifact["roles"] = {"analysisTarget"};
    artifact["properties"] = {{"format", text(input.format)},
                              {"records", input.records},
                              {"statements", input.statements},
                              {"sessions", input.sessions},
                              {"transactions", input.transactions}};
  }

  /// In the order in which its result names them.
  void artifacts_of_finding(const Finding& f) {
    (void)artifact_location(shown_place(report_, f).file);
    for (const FindingStatement& s : f.statements) {
      if (!s.place.file.empty()) (void)artifact_location(shown_path(s.place.file, report_.root));
    }
    for (const Evidence& e : f.evidence) {
      if (!e.place.file.empty()) (void)artifact_location(shown_path(e.place.file, report_.root));
    }
  }

  Json physical(const std::string& path, uint64_t line) {
    Json json = {{"artifactLocation", artifact_location(path)}};
    if (line > 0) json["region"] = {{"startLine", line}};
    return json;
  }

  Json related(size_t id, const Place& place, std::string_view what) {
    return {{"id", id}, {"physicalLocation", physical(shown_path(place.file, report_.root), place.line)}, {"message", message(what)}};
  }

  // --- A result ---------------------------------------------------------------------------------------------------------------------------
  Json result(const Finding& f) {
    const ShownPlace place = shown_place(report_, f);
    Json location = {{"physicalLocation", physical(place.file, place.line)}};
    Json tables = Json::array();
    for (const std::string& table : f.tables) tables.push_back({{"fullyQualifiedName", text(table)}, {"kind", "table"}});
    if (!tables.empty()) location["logicalLocations"] = tables;

    Json json = {{"ruleId", text(f.code)},
                 {"ruleIndex", rule_index_.at(f.code)},
                 {"level", level_of(f.severity)},
                 {"message", {{"text", message_text(whole_message(f))}, {"markdown", without_placeholders(finding_markdown(f))}}},
                 {"locations", Json::array({location})}};
    if (Json list = related_locations(f); !list.empty()) json["relatedLocations"] = list;
    if (!f.interleaving.empty()) json["codeFlows"] = Json::array({code_flow(f, place)});
    // GitHub tells alerts apart by primaryLocationLineHash alone.
    const std::string fingerprint = hex64(f.fingerprint);
    json["partialFingerprints"] = {{"dbauditFingerprint/v1", fingerprint}, {"primaryLocationLineHash", fingerprint + ":1"}};
    if (f.occurrences > 0) json["occurrenceCount"] = f.occurrences;
    json["properties"] = properties(f);
    return json;
  }

  static std::string whole_message(const Finding& f) {
    std::string all = f.message;
    if (!f.why.empty()) all += "\n\n" + f.why.str();
    for (const Fix& fix : f.fixes) {
      all += fmt::format("\n\nFix ({}): {}", applicability_name(fix.applicability), fix.title);
      for (const std::string& sql : fix.sql) all += "\n" + sql + statement_end(sql, f.engine);
      if (!fix.code.empty()) all += "\n" + fix.code;
    }
    return all;
  }

  Json related_locations(const Finding& f) {
    Json list = Json::array();
    for (const FindingStatement& s : f.statements) {
      if (s.place.file.empty()) continue;
      const std::string who = s.session.empty() ? "" : fmt::format(" (session {})", s.session);
      list.push_back(related(list.size() + 1, s.place, fmt::format("{}{}: {}", s.role, who, s.sql)));
    }
    for (const Evidence& e : f.evidence) {
      if (!e.place.file.empty()) list.push_back(related(list.size() + 1, e.place, fmt::format("{}: {}", e.kind, e.text)));
    }
    return list;
  }

  /// Is `words` the statement, whole or with what `…` stands for left out?
  static bool is_shortened(std::string_view words, std::string_view sql) {
    static constexpr std::string_view kEllipsis = "…";
    const size_t at = words.find(kEllipsis);
    if (at == std::string_view::npos) return words == sql;
    const std::string_view head = words.substr(0, at), tail = words.substr(at + kEllipsis.size());
    return head.size() + tail.size() <= sql.size() && sql.starts_with(head) && sql.ends_with(tail);
  }

  /// The statement that a step runs. BEGIN, COMMIT and statements made up for the drawing have none.
  static const FindingStatement* statement_of(const Finding& f, const InterleavingStep& step) {
    const std::string_view words = trim(std::string_view(step.text).substr(0, step.text.find("→")));
    for (const FindingStatement& s : f.statements) {
      if (!s.place.file.empty() && !words.empty() && is_shortened(words, s.sql)) return &s;
    }
    return nullptr;
  }

  Json code_flow(const Finding& f, const ShownPlace& place) {
    Json sessions[2] = {Json::array(), Json::array()};
    int order = 0;
    for (const InterleavingStep& step : f.interleaving) {
      const FindingStatement* s = statement_of(f, step);
      Json where = s != nullptr ? physical(shown_path(s->place.file, report_.root), s->place.line) : physical(place.file, place.line);
      Json at = {{"location", {{"physicalLocation", where}, {"message", message(step.text)}}},
                 {"executionOrder", ++order},
                 {"importance", step.breaks ? "essential" : "important"}};
      sessions[step.session == 0 ? 0 : 1].push_back(at);
    }
    Json flows = Json::array();
    for (int i = 0; i < 2; ++i) {
      const std::string id = i == 0 ? "session A" : "session B";
      if (!sessions[i].empty()) flows.push_back({{"id", id}, {"message", {{"text", id}}}, {"locations", sessions[i]}});
    }
    return {{"message", {{"text", "How two sessions meet."}}}, {"threadFlows", flows}};
  }

  static Json texts(const std::vector<std::string>& strings) {
    Json list = Json::array();
    for (const std::string& s : strings) list.push_back(text(s));
    return list;
  }

  static Json fix(const Fix& fix) {
    Json json = {{"kind", text(fix.kind)}, {"title", text(fix.title)}, {"applicability", applicability_name(fix.applicability)}};
    if (!fix.sql.empty()) json["sql"] = lines(fix.sql);
    if (!fix.code.empty()) json["code"] = valid_utf8(fix.code);
    if (!fix.trade_off.empty()) json["tradeOff"] = text(fix.trade_off);
    json["checked"] = texts(fix.checked);
    return json;
  }

  /// Statements to paste keep their line breaks.
  static Json lines(const std::vector<std::string>& strings) {
    Json list = Json::array();
    for (const std::string& s : strings) list.push_back(valid_utf8(s));
    return list;
  }

  static Json properties(const Finding& f) {
    Json json = {{"severity", severity_name(f.severity)}, {"confidence", confidence_name(f.confidence)}};
    if (f.scope != Scope::kNone) json["scope"] = scope_name(f.scope);
    if (!f.isolation.empty()) json["isolation"] = text(f.isolation);
    json["tables"] = texts(f.tables);
    json["columns"] = texts(f.columns);
    json["keyColumns"] = texts(f.key_columns);
    json["sessions"] = f.sessions;
    if (f.first_time.known()) json["firstTime"] = to_iso8601(f.first_time);
    if (f.last_time.known()) json["lastTime"] = to_iso8601(f.last_time);
    if (!f.orm_name.empty()) json["orm"] = text(f.orm_call.empty() ? f.orm_name : f.orm_name + " " + f.orm_call);
    if (!f.source_route.empty()) json["route"] = text(f.source_route);
    Json fixes = Json::array();
    for (const Fix& one : f.fixes) fixes.push_back(fix(one));
    json["fixes"] = fixes;
    json["related"] = texts(f.related);
    json["tags"] = {"concurrency", fmt::format("severity/{}", severity_name(f.severity)),
                    fmt::format("confidence/{}", confidence_name(f.confidence))};
    return json;
  }

  const Report& report_;
  Json rules_ = Json::array(), artifacts_ = Json::array();
  std::map<std::string, size_t> rule_index_, artifact_index_;
};

void write_sarif(const Report& report, const ReportStyle&, const ReportSink& sink) { SarifReport(report).write(sink); }

}  // namespace

extern const ReportFormat kReport_sarif;
const ReportFormat kReport_sarif = {"sarif", "for code scanning (GitHub) and SARIF viewers: version 2.1.0", write_sarif};

}  // namespace dbaudit
