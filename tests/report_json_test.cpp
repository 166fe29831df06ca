#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analyzers/base/text.h"
#include "cli/report/report.h"
#include "tests/catch.h"
#include "tests/json_schema.h"
#include "tests/run_program.h"
#include "tests/sample_report.h"

namespace dbaudit {

extern const std::string_view kReportSchema;  // embedded by the build

namespace {

using Json = nlohmann::ordered_json;

std::string write(const Report& report) { return written("json", report); }

nlohmann::json schema() { return nlohmann::json::parse(kReportSchema); }

std::vector<std::string> errors_of(const std::string& report) { return validate_json(schema(), nlohmann::json::parse(report)); }

std::string keys(const Json& object) {
  std::string list;
  for (const auto& [key, value] : object.items()) list += (list.empty() ? "" : " ") + key;
  return list;
}

}  // namespace

TEST_CASE("The JSON report has the contract's keys in the contract's order", "[report][json]") {
  Json report = Json::parse(write(sample_report()));
  CHECK(keys(report) == "schema_version tool target inputs summary findings");
  CHECK(report["tool"].dump() == "{\"name\":\"dbaudit\",\"version\":\"" DBAUDIT_VERSION "\"}");
  CHECK(
      report["target"].dump() ==
      R"({"engine":"postgresql","version":"15.18","dsn":"postgresql://app@db/shop","isolation":"READ COMMITTED","settings":{"innodb_snapshot_isolation":null}})");
  for (const Json& input : report["inputs"]) {
    CHECK(
        keys(input) ==
        "path format bytes records statements templates sessions transactions unrecognised_lines truncated_statements unparsed_statements "
        "first_time last_time");
  }
  CHECK(report["inputs"][0]["last_time"] == "2026-01-01T01:00:00.125456Z");
  CHECK(report["inputs"][1]["format"].is_null());
  CHECK(report["summary"].dump() == R"({"errors":1,"warnings":1,"notes":0,"suppressed":2,"baselined":0})");
  for (const Json& finding : report["findings"]) {
    CHECK(keys(finding) ==
          "code name severity confidence scope message why engine isolation tables columns key_columns occurrences sessions first_time "
          "last_time "
          "window_ms orm source statements evidence fixes related fingerprint");
    for (const Json& s : finding["statements"]) CHECK(keys(s) == "role template file line session time");
    for (const Json& e : finding["evidence"]) CHECK(keys(e) == "kind text file line");
  }
}

TEST_CASE("What is known is written, what is not is null", "[report][json]") {
  Json findings = Json::parse(write(sample_report()))["findings"];
  const Json& full = findings[0];
  CHECK(full["scope"] == "scope-based");
  CHECK(full["window_ms"].dump() == R"({"p50":0.8,"max":12.1})");
  CHECK(full["orm"].dump() == R"({"name":"django","call":"get_or_create"})");
  CHECK(full["source"].dump() == R"({"file":"shop/views.py","line":88,"route":"/checkout"})");
  CHECK(full["fingerprint"] == "9f86d081884c7d65");
  CHECK(full["evidence"][1]["file"].is_null());
  CHECK(full["evidence"][1]["line"].is_null());
  CHECK(keys(full["fixes"][0]) == "kind title applicability sql trade_off checked");
  CHECK(full["fixes"][0]["checked"].dump() == R"(["parses","runs","silences"])");
  CHECK(keys(full["fixes"][1]) == "kind title applicability code trade_off checked");
  CHECK(full["fixes"][1]["trade_off"].is_null());

  const Json& bare = findings[1];
  for (const char* key : {"scope", "engine", "isolation", "first_time", "last_time", "orm", "source"}) {
    CAPTURE(key);
    CHECK(bare[key].is_null());
  }
  CHECK(bare["window_ms"].dump() == R"({"p50":null,"max":null})");
  CHECK(bare["tables"].dump() == "[]");
}

TEST_CASE("The sample report and an empty one fit the JSON Schema", "[report][json]") {
  CHECK(errors_of(write(sample_report())) == std::vector<std::string>{});
  CHECK(errors_of(write(Report{})) == std::vector<std::string>{});
  CHECK(read_file(std::string(DBAUDIT_SOURCE_DIR) + "/cli/report/report.schema.json") == std::string(kReportSchema));
}

TEST_CASE("The JSON Schema is strict", "[report][json]") {
  const nlohmann::json good = nlohmann::json::parse(write(sample_report()));
  auto refuses = [&](const std::string& pointer, const nlohmann::json& value) {
    nlohmann::json bad = good;
    bad[nlohmann::json::json_pointer(pointer)] = value;
    CAPTURE(pointer, value.dump());
    CHECK_FALSE(validate_json(schema(), bad).empty());
  };
  refuses("/schema_version", 2);
  refuses("/extra", 1);
  refuses("/target/engine", "oracle");
  refuses("/inputs/0/records", -1);
  refuses("/inputs/0/extra", 1);
  refuses("/findings/0/code", "DBA1");
  refuses("/findings/0/severity", "fatal");
  refuses("/findings/0/scope", "");
  refuses("/findings/0/fingerprint", "9F86");
  refuses("/findings/0/first_time", "2026-01-01 00:00:00");
  refuses("/findings/0/evidence/0/kind", "hunch");
  refuses("/findings/0/fixes/0/kind", "magic");
  refuses("/findings/0/fixes/0/checked", {"parses", "hopes"});
  refuses("/findings/0/statements/0/line", 0);
  refuses("/findings/0/source/extra", 1);
  // Every key of a finding is demanded.
  for (const auto& [key, value] : good["findings"][0].items()) {
    nlohmann::json bad = good;
    bad["findings"][0].erase(key);
    CAPTURE(key);
    CHECK_FALSE(validate_json(schema(), bad).empty());
  }
}

TEST_CASE("Bytes that are not UTF-8 and numbers that are none still give JSON", "[report][json]") {
  Report report = sample_report();
  Finding& f = report.findings[0];
  f.message = "caf\xe9 \"quoted\" \x1b[2J";
  f.tables = {"\xff"};
  f.statements[0].sql = "SELECT '\xc3\x28' \xf0\x9f";
  f.statements[0].place.file = "log\x80";
  f.window_p50_ms = std::numeric_limits<double>::quiet_NaN();
  f.window_max_ms = std::numeric_limits<double>::infinity();
  report.target.settings = {{"innodb_snapshot_isolation", "ON"}, {"x\xff", "\xfe"}};
  std::string text = write(report);
  CHECK(valid_utf8(text) == text);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(errors_of(text) == std::vector<std::string>{});
  Json json = Json::parse(text);
  CHECK(json["target"]["settings"]["innodb_snapshot_isolation"] == "ON");
  CHECK(json["findings"][0]["window_ms"]["p50"].is_null());
  CHECK(json["findings"][0]["message"] == "caf\uFFFD \"quoted\" \x1b[2J");
}

TEST_CASE("Two spaces of indent, a newline at the end, the same bytes twice", "[report][json]") {
  std::string text = write(sample_report());
  CHECK(text.substr(0, 24) == "{\n  \"schema_version\": 1,");
  CHECK(text.substr(text.size() - 3) == "\n}\n");
  CHECK(text == write(sample_report()));
}

TEST_CASE("Every report format is found by its name", "[report]") {
  for (const ReportFormat* format : all_report_formats()) {
    CHECK(find_report_format(format->name) == format);
    CHECK_FALSE(format->summary.empty());
  }
  CHECK(find_report_format("yaml") == nullptr);
}

TEST_CASE("Report order: severity, confidence (surest first), code, place", "[report]") {
  auto finding = [](Severity s, Confidence c, const char* code, const char* file, uint64_t line) {
    Finding f;
    f.severity = s;
    f.confidence = c;
    f.code = code;
    f.statements = {{"read", "", {file, line}, "", {}}};
    return f;
  };
  const std::vector<Finding> sorted = {finding(Severity::kError, Confidence::kObserved, "DBA201", "b", 9),
                                       finding(Severity::kError, Confidence::kLikely, "DBA101", "b", 1),
                                       finding(Severity::kError, Confidence::kLikely, "DBA101", "b", 10),
                                       finding(Severity::kError, Confidence::kLikely, "DBA101", "c", 2),
                                       finding(Severity::kError, Confidence::kLikely, "DBA102", "a", 1),
                                       finding(Severity::kWarning, Confidence::kProven, "DBA101", "a", 1),
                                       finding(Severity::kNote, Confidence::kProven, "DBA101", "a", 1)};
  for (size_t i = 0; i < sorted.size(); ++i) {
    for (size_t j = 0; j < sorted.size(); ++j) {
      CAPTURE(i, j);
      CHECK(report_order(sorted[i], sorted[j]) == (i < j));
    }
  }
  CHECK_FALSE(report_order(Finding{}, Finding{}));

  // Each of them five times, in disorder; the message tells equal ones apart.
  std::vector<Finding> mixed;
  for (size_t i = 0; i < 5 * sorted.size(); ++i) {
    Finding f = sorted[i * 5 % sorted.size()];
    f.message = std::to_string(i);
    mixed.push_back(f);
  }
  std::vector<Finding> expected = mixed;
  std::stable_sort(expected.begin(), expected.end(), report_order);
  for (const char* how : {"in disorder", "in order"}) {
    CAPTURE(how);
    sort_for_report(mixed);
    REQUIRE(mixed.size() == expected.size());
    for (size_t i = 0; i < mixed.size(); ++i) {
      CHECK(mixed[i].message == expected[i].message);
      CHECK(mixed[i].statements.front().place.file == expected[i].statements.front().place.file);
    }
  }
}

TEST_CASE("Names of severities and confidences are read back in any case", "[report]") {
  for (Severity s : {Severity::kError, Severity::kWarning, Severity::kNote}) CHECK(parse_severity(severity_name(s)) == s);
  for (Confidence c : {Confidence::kPossible, Confidence::kLikely, Confidence::kObserved, Confidence::kProven}) {
    CHECK(parse_confidence(confidence_name(c)) == c);
  }
  CHECK(parse_severity("ERROR") == Severity::kError);
  CHECK(parse_severity("never") == std::nullopt);
  CHECK(scope_name(Scope::kNone).empty());
  CHECK(applicability_name(Applicability::kDisplayOnly) == "display-only");
}

}  // namespace dbaudit
