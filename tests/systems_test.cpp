// docs/systems.md, line by line: each names a system, a fixture recorded from it, and what its report must say. That the program still writes that report is
// the golden test's to show.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "analyzers/base/text.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kRoot = DBAUDIT_SOURCE_DIR;

struct Row {
  std::string system, fixture, found, confidence, fix;
};

std::vector<Row> table_of(const std::string& page) {
  std::vector<Row> rows;
  size_t lines = 0;
  for (size_t at = 0; at < page.size();) {
    const size_t end = std::min(page.find('\n', at), page.size());
    const std::string_view line = std::string_view(page).substr(at, end - at);
    at = end + 1;
    if (!line.starts_with("|") || ++lines <= 2) continue;  // the heading and the rule below it
    std::vector<std::string> cells;
    for (size_t from = 1; from < line.size();) {
      const size_t bar = std::min(line.find('|', from), line.size());
      cells.emplace_back(trim(line.substr(from, bar - from)));
      from = bar + 1;
    }
    REQUIRE(cells.size() == 5);
    rows.push_back({cells[0], cells[1], cells[2], cells[3], cells[4]});
  }
  return rows;
}

bool is_loud(const json& finding) { return finding["severity"] != "note" && finding["confidence"] != "possible"; }

bool says(const json& fixes, const std::string& word) {
  return std::any_of(fixes.begin(), fixes.end(), [&](const json& fix) { return fix.dump().find(word) != std::string::npos; });
}

}  // namespace

TEST_CASE("Systems: every line of docs/systems.md is what its fixture's report says") {
  const std::vector<Row> rows = table_of(read_file((kRoot / "docs/systems.md").string()));
  REQUIRE(rows.size() >= 16);
  for (const Row& row : rows) {
    INFO(row.system);
    const fs::path fixture = kRoot / "fixtures/rules" / row.fixture;
    REQUIRE(fs::exists(fixture / "stdout"));
    const json report = json::parse(read_file((fixture / "stdout").string()));
    const json& findings = report["findings"];
    if (row.found == "silent") {
      CHECK(std::none_of(findings.begin(), findings.end(), is_loud));
      continue;
    }
    const auto found = std::find_if(findings.begin(), findings.end(), [&](const json& f) { return f["code"] == row.found; });
    REQUIRE(found != findings.end());
    CHECK((*found)["confidence"] == row.confidence);
    REQUIRE_FALSE(row.fix.empty());
    CHECK(says((*found)["fixes"], row.fix));
  }
}

TEST_CASE("Systems: every recorded fixture is in docs/systems.md") {
  const std::vector<Row> rows = table_of(read_file((kRoot / "docs/systems.md").string()));
  for (const auto& rule : fs::directory_iterator(kRoot / "fixtures/rules")) {
    for (const auto& one : fs::directory_iterator(rule.path())) {
      const std::string name = one.path().filename().string();
      if (name.find("_real_") == std::string::npos) continue;
      INFO(name);
      CHECK(std::any_of(rows.begin(), rows.end(), [&](const Row& r) { return r.fixture == rule.path().filename().string() + "/" + name; }));
    }
  }
}

}  // namespace dbaudit
