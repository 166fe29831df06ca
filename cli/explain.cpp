// `dbaudit explain RULE`: the rule's page, from inside the program.

#include <cstdio>

#include "cli/command.h"
#include "cli/markdown.h"
#include "cli/option_values.h"
#include "cli/terminal.h"
#include "rules/registry.h"

namespace dbaudit {

int run_explain(const std::string& name) {
  const Rule* rule = find_rule(name);
  if (rule == nullptr) {
    return job_failed(unknown_word("rule", name, names_of_rules(), "dbaudit rules lists them"));
  }
  std::string page = render_markdown(rule_page(*rule), report_style(fileno(stdout), ColorMode::kAuto, false));
  std::fwrite(page.data(), 1, page.size(), stdout);
  return 0;
}

}  // namespace dbaudit
