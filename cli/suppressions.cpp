#include "cli/suppressions.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "analyzers/base/text.h"
#include "rules/registry.h"

namespace dbaudit {

namespace {

bool has_column(const Finding& f, const std::string& column) {
  const auto is_it = [&](const std::string& c) { return iequals(c, column); };
  return std::any_of(f.columns.begin(), f.columns.end(), is_it) || std::any_of(f.key_columns.begin(), f.key_columns.end(), is_it);
}

bool names_table(const Finding& f, const std::string& table) {
  return std::any_of(f.tables.begin(), f.tables.end(), [&](const std::string& name) { return names_same_table(name, table); });
}

bool names_rule(const Suppression& s, const Rule& rule) {
  return std::any_of(s.rules.begin(), s.rules.end(), [&](const std::string& selector) { return rule_matches(rule, selector); });
}

bool means(const Suppression& s, const Finding& f) {
  const Rule* rule = find_rule(f.code);
  return rule != nullptr && names_rule(s, *rule) && (s.table.empty() || names_table(f, s.table)) &&
         std::all_of(s.columns.begin(), s.columns.end(), [&](const std::string& c) { return has_column(f, c); });
}

std::string text_of(const Suppression& s) {
  std::string text = fmt::format("{}: suppression of {}", s.place, join(s.rules, ", "));
  if (!s.table.empty()) text += " on " + s.table;
  if (!s.columns.empty()) text += " (" + join(s.columns, ", ") + ")";
  return text;
}

}  // namespace

uint64_t suppress(const std::vector<Suppression>& suppressions, const std::vector<TableAssumption>& tables,
                  const SuppressionOptions& options, std::vector<Finding>& findings, std::vector<std::string>& notes) {
  std::vector<uint64_t> matched(suppressions.size());
  const auto is_suppressed = [&](const Finding& f) {
    bool suppressed =
        std::any_of(tables.begin(), tables.end(), [&](const TableAssumption& t) { return t.ignored && names_table(f, t.table); });
    for (size_t i = 0; i < suppressions.size(); ++i) {
      const Suppression& s = suppressions[i];
      if (!means(s, f)) continue;
      ++matched[i];
      suppressed |= !s.expires || *s.expires >= options.today;
    }
    return suppressed;
  };
  const uint64_t removed = std::erase_if(findings, is_suppressed);
  for (size_t i = 0; i < suppressions.size(); ++i) {
    const Suppression& s = suppressions[i];
    const bool has_expired = s.expires && *s.expires < options.today;
    if (matched[i] != 0) {
      if (has_expired)
        notes.push_back(fmt::format("{} expired on {}: {} reported again", text_of(s), s.expires_text,
                                    matched[i] == 1 ? "a finding is" : fmt::format("{} findings are", matched[i])));
      continue;
    }
    const bool was_asked =
        std::any_of(options.asked.begin(), options.asked.end(), [&](const Rule* r) { return names_rule(s, *r); }) &&
        (options.table.empty() || s.table.empty() || names_same_table(s.table, options.table) || names_same_table(options.table, s.table));
    if (was_asked && !options.is_part)
      notes.push_back(fmt::format("{} matches nothing{}", text_of(s), has_expired ? ", and it has expired" : ""));
  }
  return removed;
}

int64_t today() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::floor<std::chrono::days>(now).count();
}

}  // namespace dbaudit
