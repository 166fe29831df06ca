#include "cli/report/json_text.h"
#include "cli/report/location.h"
#include "tests/catch.h"
#include "tests/sample_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace dbaudit {

TEST_CASE("Paths are told as code hosts take them", "[report]") {
  struct Case {
    const char *path, *root, *shown;
  };
  const Case cases[] = {
      {"app.log", "/repo", "app.log"},
      {"./logs//app.log", "/repo", "logs/app.log"},
      {"././a", "", "a"},
      {"../app.log", "/repo", "../app.log"},
      {"/repo/logs/app.log", "/repo", "logs/app.log"},
      {"/repo/./logs/app.log", "/repo", "logs/app.log"},
      {"/repository/app.log", "/repo", "/repository/app.log"},
      {"/repo", "/repo", "/repo"},
      {"/var/log/app.log", "/", "/var/log/app.log"},
      {"//server/share", "/repo", "/server/share"},
      {"-", "/repo", "standard-input"},
      {".", "/repo", "."},
      {"/", "/repo", "/"},
      {"", "/repo", "."},
      {"C:\\app\\shop.py", "/repo", "C:\\app\\shop.py"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.path, c.root);
    CHECK(shown_path(c.path, c.root) == c.shown);
  }
}

TEST_CASE("Every byte that is not plain is percent-encoded in a URI", "[report]") {
  const std::pair<std::string, const char*> cases[] = {
      {"logs/app.log", "logs/app.log"},
      {"/var/log/my app.log", "file:///var/log/my%20app.log"},
      {"../a", "../a"},
      {"javascript:alert(1)", "javascript%3Aalert%281%29"},
      {"a#b?c%20d", "a%23b%3Fc%2520d"},
      {"caf\xc3\xa9.log", "caf%C3%A9.log"},
      {"bad\xff\n\x1b", "bad%FF%0A%1B"},
      {"back\\slash", "back%5Cslash"},
      {"C:\\my app\\shop.py", "file:///C:/my%20app/shop.py"},
      {"<script>", "%3Cscript%3E"},
      {"mysql.general_log", "mysql.general_log"},
  };
  for (const auto& [path, uri] : cases) {
    CAPTURE(path);
    CHECK(uri_of(path) == uri);
  }
}

TEST_CASE("A finding is in the source, else in the log, else in the first input, never nowhere", "[report]") {
  Report report = sample_report();
  Finding f = report.findings[0];
  CHECK(shown_place(report, f).file == "shop/views.py");
  CHECK(shown_place(report, f).line == 88);
  f.source_line = 0;
  CHECK(shown_place(report, f).line == 1);
  f.source_file.clear();
  CHECK(shown_place(report, f).file == "logs/app.csv");
  CHECK(shown_place(report, f).line == 120);
  f.statements.clear();
  CHECK(shown_place(report, f).line == 122);  // of the evidence
  f.evidence.clear();
  CHECK(shown_place(report, f).file == "logs/app.csv");
  CHECK(shown_place(report, f).line == 1);
  report.inputs.clear();
  CHECK(shown_place(report, f).file == "live-database");
  CHECK(subject_of(f) == "public.shop_tag(name)");
  CHECK(subject_of(Finding{}).empty());
}

TEST_CASE("JSON reports hold nothing that a terminal or a page obeys", "[report][json]") {
  const std::string hostile =
      "\x1b[2J \x7f \xc2\x9b \xe2\x80\xae \xe2\x81\xa6 \xd8\x9c </script> <!-- <SCRIPT> a < b <= c \xe2\x80\x94 \xc3\xa9";
  const std::string text = json_text(nlohmann::json{{"k", hostile}}.dump(2));
  CHECK(
      text ==
      "{\n  \"k\": \"\\u001b[2J \\u007f \\u009b \\u202e \\u2066 \\u061c \\u003c/script> \\u003c!-- \\u003cSCRIPT> a < b <= c \xe2\x80\x94 "
      "\xc3\xa9\"\n}\n");
  CHECK(nlohmann::json::parse(text)["k"] == hostile);
}

TEST_CASE("A list that is written one element at a time reads as if it were written whole", "[report][json]") {
  using Json = nlohmann::ordered_json;
  const Json element = {{"k", "a\n\"list\": [] <b>"}, {"nested", {{"deep", {1, 2}}}}, {"none", Json::array()}};
  for (const size_t count : {size_t{0}, size_t{1}, size_t{3}}) {
    Json list = Json::array();
    for (size_t i = 0; i < count; ++i) list.push_back(element);
    const auto document = [&](const Json& of) {
      return Json{{"before", "\"list\": []"}, {"in", {{{"list", of}, {"x", 1}}}}, {"after", true}};
    };
    std::string in_parts, bare;
    const ReportSink to_parts = [&](std::string_view piece) { in_parts += piece; };
    const ReportSink to_bare = [&](std::string_view piece) { bare += piece; };
    JsonListWriter writer(document(Json::array()).dump(2), R"("list": [])", to_parts);
    JsonListWriter alone("[]", "[]", to_bare);
    for (size_t i = 0; i < count; ++i) {
      writer.add(element.dump(2));
      alone.add(element.dump(2));
    }
    writer.finish();
    alone.finish();
    CHECK(in_parts == json_text(document(list).dump(2)));
    CHECK(bare == json_text(list.dump(2)));
  }
}

TEST_CASE("A report goes out finding by finding", "[report]") {
  Report report = sample_report();
  for (int i = 0; i < 200; ++i) report.findings.push_back(report.findings[0]);
  // These two are short by their nature: a host shows no more of them.
  const std::set<std::string_view> bounded = {"github", "markdown"};
  for (const ReportFormat* format : all_report_formats()) {
    CAPTURE(format->name);
    size_t whole = 0, longest = 0;
    format->write(report, {}, [&](std::string_view piece) {
      whole += piece.size();
      longest = std::max(longest, piece.size());
    });
    CHECK((bounded.contains(format->name) || longest < whole / 3));
  }
}

}  // namespace dbaudit
