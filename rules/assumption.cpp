#include "rules/assumption.h"

#include <algorithm>

#include "analyzers/base/text.h"

namespace dbaudit {

bool names_same_table(std::string_view name, std::string_view written) {
  if (iequals(name, written)) return true;
  if (written.empty() || name.size() <= written.size()) return false;
  const size_t at = name.size() - written.size();
  return name[at - 1] == '.' && iequals(name.substr(at), written);
}

bool lock_answers(std::string_view code) {
  static constexpr std::string_view kNotAnswered[] = {
      "DBA106", "DBA108", "DBA110", "DBA111", "DBA112", "DBA113", "DBA210",            // one session is enough, or it has happened
      "DBA404", "DBA406", "DBA413", "DBA502", "DBA503", "DBA504", "DBA505", "DBA901",  // locks, errors and settings themselves
  };
  return std::find(std::begin(kNotAnswered), std::end(kNotAnswered), code) == std::end(kNotAnswered);
}

}  // namespace dbaudit
