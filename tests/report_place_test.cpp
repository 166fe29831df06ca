#include "cli/report/json_text.h"
#include "cli/report/location.h"
#include "tests/catch.h"
#include "tests/sample_report.h"

#include <nlohmann/json.hpp>

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

}  // namespace dbaudit
