#pragma once
// What the values on a command line mean. Every error is one line that names what was given and what could have been meant.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/base/error.h"
#include "analyzers/base/time.h"
#include "rules/finding.h"

namespace dbaudit {

/// `unknown rule 'DBA110' (did you mean DBA101?)`, or with the hint in the parentheses when nothing is near.
[[nodiscard]] std::string unknown_word(std::string_view what, std::string_view word, const std::vector<std::string>& candidates,
                                       std::string_view hint);

[[nodiscard]] std::vector<std::string> names_of_engines();
/// Codes and names of all rules.
[[nodiscard]] std::vector<std::string> names_of_rules();
/// What `--log-format help` prints.
[[nodiscard]] std::string log_format_list();

/// One of a few words, in any case, as `words` spells it.
[[nodiscard]] Result<std::string> one_of(std::string_view option, const std::string& value, const std::vector<std::string>& words);
[[nodiscard]] Result<Engine> engine_of(const std::string& value);
[[nodiscard]] Result<std::string> log_format_of(const std::string& value);  ///< also `auto`
[[nodiscard]] Result<std::string> report_format_of(const std::string& value);
/// Comma-separated codes, prefixes and names, repeated; each must mean a rule.
[[nodiscard]] Result<std::vector<std::string>> rules_of(const std::vector<std::string>& values);
[[nodiscard]] Result<int> jobs_of(const std::string& value);
[[nodiscard]] Result<std::optional<Severity>> fail_on_of(const std::string& value);  ///< nullopt: never
[[nodiscard]] Result<Confidence> confidence_of(std::string_view option, const std::string& value);

/// The value of --isolation: a level or `autocommit`, and ` + NAME=VALUE` for each server setting (names in lower case).
struct IsolationSetting {
  Isolation level = Isolation::kUnknown;  ///< kUnknown with autocommit_only: the engine's default
  bool autocommit_only = false;
  std::vector<std::pair<std::string, std::string>> settings;
};
[[nodiscard]] Result<IsolationSetting> parse_isolation_setting(std::string_view text);

/// `UTC`, `Z`, `+02:00`, `-0530`, `+2` as minutes east of UTC.
[[nodiscard]] Result<int32_t> parse_zone_offset(std::string_view text);

/// A date, or a date and a time, with or without a zone. Without one it is put into the zone of the log, `zone_minutes`, when that is given
/// (INT32_MIN: not given).
[[nodiscard]] Result<TimePoint> parse_time_option(std::string_view option, std::string_view text, int32_t zone_minutes);

}  // namespace dbaudit
