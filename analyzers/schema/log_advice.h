#pragma once
// Can the log of a server be audited as it is set now? Each setting that decides it, judged, with the statements that change it. Nothing here changes
// anything: advice is text for a person to read and to run.

#include <cstdint>
#include <string>
#include <vector>

#include "analyzers/base/engine.h"

namespace dbaudit {

/// Most urgent first.
enum class Grade : uint8_t {
  kMustChange,     ///< as it is, races stay invisible in the log
  kCouldBeBetter,  ///< an audit works; with the change it can say more
  kUnknown,        ///< the user of the DSN may not see it: not the same as absent
  kGood,
};
[[nodiscard]] std::string_view grade_name(Grade grade);  ///< `must-change`, `could-be-better`, `unknown`, `good`

struct SettingAdvice {
  std::string name;
  bool is_variable = true;  ///< false: `name` is a thing to have, not a setting with a value
  std::string value;        ///< as the server prints it; empty when it is unknown
  Grade grade = Grade::kGood;
  std::string meaning;               ///< what this value does to an audit, one sentence
  std::string cost;                  ///< of the change: disk, time, privacy; empty when nothing is to be changed
  std::vector<std::string> change;   ///< exact statements, in order, each ending in `;` (or the lines of an option file)
  std::string takes_effect;          ///< when the change does: `after pg_reload_conf(), in running sessions too`
  std::vector<std::string> restore;  ///< exact statements that put back what is set now
};

struct LogAdvice {
  Engine engine = Engine::kUnknown;
  std::string version;
  Isolation isolation = Isolation::kUnknown;  ///< what a new session gets
  bool auditable = false;                     ///< no setting must change, and the one that decides is known
  std::vector<SettingAdvice> settings;        ///< in the order of a report: by grade, then by weight
  std::vector<std::string> statements;        ///< all changes to paste, in order, what they need at their end included
  std::vector<std::string> restore;           ///< the same backwards
  std::string who;                            ///< who may run them
  std::vector<std::string> logs;              ///< where the log is, or will be
  std::vector<std::string> notes;             ///< what was not to be seen, and what no setting says; one line each

  /// Sorts the settings by grade and gathers their statements; `at_end` is appended to each non-empty list. Call once.
  void finish(const std::vector<std::string>& at_end = {});
};

}  // namespace dbaudit
