// A rule is a file, a page, a line in rules.def and fixtures; this holds that none is missing.

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/text.h"
#include "rules/registry.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = DBAUDIT_SOURCE_DIR;

/// The file names of rules.def, in its order.
std::vector<std::string> listed_rules() {
  const std::string text = read_file((kRoot / "rules/rules.def").string());
  std::vector<std::string> rules;
  for (const std::string_view line : split(text, '\n')) {
    constexpr std::string_view kMacro = "RULE(";
    if (line.substr(0, kMacro.size()) == kMacro) rules.emplace_back(line.substr(kMacro.size(), line.find(')') - kMacro.size()));
  }
  return rules;
}

std::string with_dashes(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

size_t fixtures_beginning_with(const std::string& rule, std::string_view prefix) {
  size_t count = 0;
  const fs::path directory = kRoot / "fixtures/rules" / rule;
  if (!fs::is_directory(directory)) return 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.is_directory() && entry.path().filename().string().rfind(prefix, 0) == 0 && fs::exists(entry.path() / "cmd")) ++count;
  }
  return count;
}

TEST_CASE("Every rule of rules.def is complete", "[rules]") {
  const std::vector<std::string> listed = listed_rules();
  REQUIRE(!listed.empty());
  REQUIRE(all_rules().size() == listed.size());
  std::set<std::string_view> codes;
  for (size_t i = 0; i < listed.size(); ++i) {
    INFO(listed[i]);
    const Rule& rule = *all_rules()[i];
    CHECK(rule.name == with_dashes(listed[i]));
    CHECK(rule.check != nullptr);
    CHECK(!rule.summary.empty());
    CHECK(rule.summary.find('\n') == std::string_view::npos);
    if (!rule.summary.empty()) CHECK(rule.summary.back() != '.');
    CHECK(codes.insert(rule.code).second);
    CHECK((rule.code.size() == 6 && rule.code.substr(0, 3) == "DBA" && all_digits(rule.code.substr(3))));
    CHECK(find_rule(rule.code) == &rule);
    CHECK(find_rule(to_lower(rule.code)) == &rule);
    CHECK(find_rule(rule.name) == &rule);

    CHECK(fs::exists(kRoot / "rules" / (listed[i] + ".cpp")));
    CHECK(fixtures_beginning_with(listed[i], "bad_") > 0);
    CHECK(fixtures_beginning_with(listed[i], "ok_") > 0);
  }
}

TEST_CASE("Every rule's page explains it", "[rules]") {
  const std::vector<std::string> listed = listed_rules();
  REQUIRE(all_rules().size() == listed.size());
  for (size_t i = 0; i < listed.size(); ++i) {
    const Rule& rule = *all_rules()[i];
    INFO(listed[i] << ".md");
    const std::string_view page = rule_page(rule);
    CHECK(page == read_file((kRoot / "rules" / (listed[i] + ".md")).string()));  // what the program carries is what the tree holds
    const std::string title = "# " + std::string(rule.code);
    CHECK(page.substr(0, title.size()) == title);
    std::string headings;
    for (const std::string_view line : split(page, '\n')) {
      if (line.substr(0, 3) == "## ") headings += to_lower(line.substr(3)) + '\n';
    }
    // What happens, why, on which engines and levels, an example, and how to fix it.
    for (const char* subject : {"what", "why", "engine", "example", "fix"}) {
      INFO("no section about: " << subject << "\nthe page has:\n" << headings);
      CHECK(headings.find(subject) != std::string::npos);
    }
    CHECK(page.find("```sql") != std::string_view::npos);
  }
}

TEST_CASE("No page, rule or fixture is without its line in rules.def", "[rules]") {
  const std::vector<std::string> listed = listed_rules();
  const auto is_listed = [&listed](const std::string& name) { return std::find(listed.begin(), listed.end(), name) != listed.end(); };
  for (const auto& entry : fs::directory_iterator(kRoot / "rules")) {
    INFO(entry.path().string());
    if (entry.path().extension() == ".md") CHECK(is_listed(entry.path().stem().string()));
  }
  for (const auto& entry : fs::directory_iterator(kRoot / "fixtures/rules")) {
    INFO(entry.path().string());
    CHECK(is_listed(entry.path().filename().string()));
  }
}

TEST_CASE("Rules are selected by code, prefix and name", "[rules]") {
  const Rule* rule = find_rule("DBA101");
  REQUIRE(rule != nullptr);
  for (const char* selector : {"DBA101", "dba101", "DBA1", "DBA", "get-or-create-without-unique-key"}) {
    INFO(selector);
    CHECK(rule_matches(*rule, selector));
  }
  for (const char* selector : {"DBA102", "DBA2", "", "get-or-create", "101"}) {
    INFO(selector);
    CHECK_FALSE(rule_matches(*rule, selector));
  }
  CHECK(find_rule("DBA999") == nullptr);
  CHECK(find_rule("") == nullptr);
}

}  // namespace
}  // namespace dbaudit
