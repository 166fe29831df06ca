// `dbaudit rules`: what this version can find, a few lines a rule.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/report/layout.h"
#include "cli/terminal.h"
#include "rules/registry.h"

namespace dbaudit {

namespace {

std::string rules_json() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Rule* rule : all_rules()) {
    list.push_back({{"code", rule->code}, {"name", rule->name}, {"severity", severity_name(rule->severity)}, {"summary", rule->summary}});
  }
  return list.dump(2).append("\n");
}

std::string rules_text(const ReportStyle& style) {
  constexpr int kSeverityWidth = 7;  // `warning`
  constexpr int kProseWidth = 100;
  const std::string indent(8, ' ');  // under the severity
  Painter paint(style.color);
  std::string text;
  for (const Rule* rule : all_rules()) {
    Ink ink = rule->severity == Severity::kError ? Ink::kError : rule->severity == Severity::kWarning ? Ink::kWarning : Ink::kNote;
    std::string severity = pad_right(severity_name(rule->severity), kSeverityWidth);
    text += fmt::format("{}  {}  {}\n", paint(Ink::kBold, rule->code), paint(ink, severity), paint(Ink::kBold, rule->name));
    std::string summary = style.ascii ? to_ascii(rule->summary) : std::string(rule->summary);
    for (const std::string& line : wrap(summary, std::min(style.width, kProseWidth) - static_cast<int>(indent.size())))
      text += indent + line + "\n";
  }
  return text;
}

}  // namespace

int run_rules(const std::string& format) {
  std::string text = format == "json" ? rules_json() : rules_text(report_style(fileno(stdout), ColorMode::kAuto, false));
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace dbaudit
