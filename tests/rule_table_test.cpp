// docs/rules.md is written from the code: every rule, with its usual severity. DBAUDIT_UPDATE=1 rewrites it.

#include <cstdlib>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "rules/registry.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {

TEST_CASE("docs: the table of rules is what the program has") {
  std::string page =
      "# Rules\n\n<!-- Written from the rules by the tests: DBAUDIT_UPDATE=1 build/release/tests/dbaudit_tests \"docs:*\" -->\n\n"
      "The severity is the usual one: the engine and the isolation level in force decide. Where the level turns silent loss into an error "
      "that must be\n"
      "retried, a finding is a note. `dbaudit explain RULE` prints a rule's page.\n\n"
      "| code | rule | severity | |\n|---|---|---|---|\n";
  for (const Rule* rule : all_rules()) {
    page += fmt::format(
        "| {} | [{}](../rules/{}.md) | {} | {} |\n", rule->code, rule->name,
        [&] {
          std::string file(rule->name);
          for (char& c : file) c = c == '-' ? '_' : c;
          return file;
        }(),
        severity_name(rule->severity), rule->summary);
  }
  const std::string path = std::string(DBAUDIT_SOURCE_DIR) + "/docs/rules.md";
  if (std::getenv("DBAUDIT_UPDATE") != nullptr) std::ofstream(path, std::ios::binary) << page;
  INFO("DBAUDIT_UPDATE=1 rewrites it");
  CHECK(read_file(path) == page);
}

}  // namespace dbaudit
