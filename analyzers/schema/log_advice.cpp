#include "analyzers/schema/log_advice.h"

#include <algorithm>

namespace dbaudit {

std::string_view grade_name(Grade grade) {
  static constexpr std::string_view kNames[] = {"must-change", "could-be-better", "unknown", "good"};
  return kNames[static_cast<size_t>(grade)];
}

void LogAdvice::finish(const std::vector<std::string>& at_end) {
  std::stable_sort(settings.begin(), settings.end(), [](const SettingAdvice& a, const SettingAdvice& b) { return a.grade < b.grade; });
  auditable = std::none_of(settings.begin(), settings.end(), [](const SettingAdvice& s) { return s.grade == Grade::kMustChange; });
  const auto append = [](std::vector<std::string>& to, const std::vector<std::string>& from) {
    for (const std::string& s : from) {
      if (std::find(to.begin(), to.end(), s) == to.end()) to.push_back(s);
    }
  };
  for (const SettingAdvice& s : settings) append(statements, s.change);
  for (auto s = settings.rbegin(); s != settings.rend(); ++s) append(restore, s->restore);
  if (!statements.empty()) append(statements, at_end);
  if (!restore.empty()) append(restore, at_end);
}

}  // namespace dbaudit
