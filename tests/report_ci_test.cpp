// The reports that other programs read: SARIF, GitHub's annotations, GitLab's code quality, JUnit.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "analyzers/base/text.h"
#include "cli/report/report.h"
#include "tests/catch.h"
#include "tests/json_schema.h"
#include "tests/run_program.h"
#include "tests/sample_report.h"

namespace dbaudit {
namespace {

using nlohmann::json;

std::string write(const char* format, const Report& report) { return written(format, report); }

/// Many findings, told apart by their fingerprints.
Report report_of(Severity severity, size_t count) {
  Report report = sample_report();
  Finding f = report.findings[0];
  f.severity = severity;
  report.findings.clear();
  for (size_t i = 0; i < count; ++i) {
    f.fingerprint = i + 1;
    report.findings.push_back(f);
  }
  return report;
}

size_t count_of_lines(const std::string& text, const std::string& beginning) {
  size_t count = 0;
  for (std::string_view line : split(text, '\n')) count += line.starts_with(beginning) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("What makes the exit status 1 is decided in one place", "[report]") {
  Report report = sample_report();
  CHECK(exit_status(report) == 1);
  CHECK(is_failure(report, report.findings[0]));
  CHECK_FALSE(is_failure(report, report.findings[1]));  // a warning, but only possible
  report.fail_on_confidence = Confidence::kPossible;
  CHECK(is_failure(report, report.findings[1]));
  report.fail_on = Severity::kError;
  CHECK_FALSE(is_failure(report, report.findings[1]));
  report.fail_on = std::nullopt;
  CHECK(exit_status(report) == 0);
  CHECK(exit_status(Report{}) == 0);
}

TEST_CASE("SARIF: the sample fits the OASIS schema", "[report][sarif]") {
  const std::string path = std::string(DBAUDIT_SOURCE_DIR) + "/../shared/schemas/sarif-2.1.0.json";
  if (!std::filesystem::exists(path)) SKIP_TEST("the SARIF schema is not beside the repository");
  const json schema = json::parse(read_file(path));
  CHECK(validate_json(schema, json::parse(write("sarif", sample_report()))) == std::vector<std::string>{});
  CHECK(validate_json(schema, json::parse(write("sarif", Report{}))) == std::vector<std::string>{});
  json bad = json::parse(write("sarif", sample_report()));
  bad["runs"][0]["results"][0]["level"] = "fatal";
  CHECK_FALSE(validate_json(schema, bad).empty());
}

TEST_CASE("SARIF: rules, places, code flow and fingerprints", "[report][sarif]") {
  const json run = json::parse(write("sarif", sample_report()))["runs"][0];
  const json& rules = run["tool"]["driver"]["rules"];
  REQUIRE(rules.size() == 2);
  CHECK(rules[0]["id"] == "DBA101");
  CHECK(rules[0]["name"] == "get-or-create-without-unique-key");
  CHECK(rules[0]["defaultConfiguration"]["level"] == "error");
  CHECK(rules[0]["help"]["markdown"].get<std::string>().rfind("# DBA101", 0) == 0);
  CHECK(rules[0]["fullDescription"]["text"].get<std::string>().find('\n') == std::string::npos);

  const json& result = run["results"][0];
  CHECK(result["ruleId"] == rules[result["ruleIndex"].get<size_t>()]["id"]);
  const json& place = result["locations"][0]["physicalLocation"];
  CHECK(place["artifactLocation"]["uri"] == "shop/views.py");
  CHECK(place["region"]["startLine"] == 88);
  CHECK(run["artifacts"][place["artifactLocation"]["index"].get<size_t>()]["location"]["uri"] == "shop/views.py");
  CHECK(result["relatedLocations"].size() == 3);
  CHECK(result["relatedLocations"][1]["physicalLocation"]["region"]["startLine"] == 124);
  CHECK(result["partialFingerprints"]["dbauditFingerprint/v1"] == "9f86d081884c7d65");
  CHECK(result["message"]["text"].get<std::string>().find("\nCREATE UNIQUE INDEX CONCURRENTLY") != std::string::npos);
  CHECK(result["properties"]["confidence"] == "observed");

  // Two sessions, one order of execution.
  const json& flows = result["codeFlows"][0]["threadFlows"];
  REQUIRE(flows.size() == 2);
  std::set<int> orders;
  for (const json& flow : flows) {
    int last = 0;
    for (const json& at : flow["locations"]) {
      CHECK(at["executionOrder"].get<int>() > last);
      last = at["executionOrder"].get<int>();
      orders.insert(last);
    }
  }
  CHECK(orders == std::set<int>{1, 2, 3, 4, 5});
  CHECK(run["invocations"][0]["exitCode"] == 1);
  CHECK(run["invocations"][0]["toolExecutionNotifications"].size() == 1);
}

TEST_CASE("SARIF: a message holds no placeholder and no link that a log wrote", "[report][sarif]") {
  Report report = sample_report();
  report.findings[0].message = "table [x](http://evil) {0} {a} {12";
  const json message = json::parse(write("sarif", report))["runs"][0]["results"][0]["message"];
  CHECK(message["text"].get<std::string>().rfind("table [x] (http://evil) {{0}} {a} {12", 0) == 0);
}

TEST_CASE("SARIF: a code that no rule has still has a rule to refer to", "[report][sarif]") {
  Report report = sample_report();
  report.findings[1].code = "XYZ1";
  const json rules = json::parse(write("sarif", report))["runs"][0]["tool"]["driver"]["rules"];
  CHECK(rules[1].dump() == R"({"id":"XYZ1","name":"log-cannot-show-it"})");
}

TEST_CASE("GitHub: the documented escapes, one line a finding", "[report][github]") {
  Report report = sample_report();
  Finding& f = report.findings[0];
  f.source_file = "a,b:c%d\r\n::error::x.py";
  f.message = "100%\n::stop-commands::x\r\x1b[2J";
  f.why = "";
  f.fixes.clear();
  report.findings.resize(1);
  CHECK(write("github", report) ==
        "::error file=a%2Cb%3Ac%25d\\x0d %3A%3Aerror%3A%3Ax.py,line=88,title=DBA101 "
        "get-or-create-without-unique-key::100%25%0A::stop-commands::x\\x0d\\x1b[2J\n");
  CHECK(write("github", Report{}).empty());
}

TEST_CASE("GitHub: ten of each severity, then how many are left out", "[report][github]") {
  CHECK(count_of_lines(write("github", report_of(Severity::kError, 10)), "::error ") == 10);
  CHECK(count_of_lines(write("github", report_of(Severity::kError, 10)), "") == 11);  // the last line is ended
  const std::string many = write("github", report_of(Severity::kNote, 13));
  CHECK(count_of_lines(many, "::notice ") == 10);
  CHECK(count_of_lines(many, "3 findings not shown") == 1);
  CHECK(count_of_lines(write("github", report_of(Severity::kWarning, 1)), "::warning file=shop/views.py,line=88,") == 1);
}

TEST_CASE("GitLab: every field its documentation requires, fingerprints told apart", "[report][gitlab]") {
  Report report = report_of(Severity::kError, 3);
  report.findings[1].severity = Severity::kWarning;
  report.findings[2] = report.findings[1];
  report.findings[2].severity = Severity::kNote;
  report.findings[2].source_file = "./shop//models.py";
  const json issues = json::parse(write("gitlab", report));
  REQUIRE(issues.size() == 3);
  std::set<std::string> fingerprints;
  for (const json& issue : issues) {
    CHECK_FALSE(issue.at("description").get<std::string>().empty());
    CHECK(issue.at("check_name") == "get-or-create-without-unique-key");
    fingerprints.insert(issue.at("fingerprint").get<std::string>());
    CHECK(issue.at("location").at("lines").at("begin").is_number_unsigned());
    CHECK(issue.at("location").at("path").get<std::string>().rfind("./", 0) != 0);
  }
  CHECK(fingerprints.size() == 3);
  CHECK(issues[0]["severity"] == "critical");
  CHECK(issues[1]["severity"] == "minor");
  CHECK(issues[2]["severity"] == "info");
  CHECK(issues[2]["location"]["path"] == "shop/models.py");
  report.findings[0].confidence = Confidence::kLikely;
  CHECK(json::parse(write("gitlab", report))[0]["severity"] == "major");
  CHECK(write("gitlab", Report{}) == "[]\n");
}

TEST_CASE("JUnit: inputs pass, what makes the exit status 1 fails, the rest is skipped", "[report][junit]") {
  const std::string xml = write("junit", sample_report());
  CHECK(xml.find("tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"1\"") != std::string::npos);
  CHECK(xml.find("timestamp=\"2026-01-01T01:00:00\"") != std::string::npos);
  CHECK(xml.find("name=\"logs/app.csv was read\"") != std::string::npos);
  CHECK(xml.find("name=\"standard-input was read\"") != std::string::npos);
  CHECK(xml.find("name=\"public.shop_tag(name) [9f86d081]\"") != std::string::npos);
  CHECK(xml.find("<failure message=\"Two sessions can both miss") != std::string::npos);
  CHECK(xml.find("<skipped message=\"does not fail the run (warning, possible): The log") != std::string::npos);
  CHECK(write("junit", Report{}).find("timestamp=\"1970-01-01T00:00:00\" tests=\"0\"") != std::string::npos);
}

TEST_CASE("JUnit: only characters that XML 1.0 has", "[report][junit]") {
  Report report = sample_report();
  report.findings[0].message = "a<b>&\"c\" ]]> \x01\x1b\x7f\xff \xef\xbf\xbe\xef\xbf\xbf \xe2\x80\xae \xf0\x9f\x98\x80";
  const std::string xml = write("junit", report);
  CHECK(xml.find("message=\"a&lt;b&gt;&amp;&quot;c&quot; ]]&gt; \\x01\\x1b\\x7f\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd \\u202e "
                 "\xf0\x9f\x98\x80\"") != std::string::npos);
  CHECK(valid_utf8(xml) == xml);
}

}  // namespace dbaudit
