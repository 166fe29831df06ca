#pragma once
// What its owner knows of a table and no log can show: `[[table]]` in dbaudit.toml.

#include <string>
#include <string_view>
#include <vector>

namespace dbaudit {

struct TableAssumption {
  std::string table;      ///< as names_same_table() takes it
  std::string locked_by;  ///< what every session holds from its first read to its COMMIT, and the log does not show; empty: nothing
  bool single_writer = false;
  std::vector<std::string> random_key;  ///< columns whose values no two sessions make up alike
  bool ignored = false;                 ///< findings that name the table are not reported
  std::string place;                    ///< `dbaudit.toml:12`, for what is said about it
};

/// Is `written` (`stock`, `public.stock`) the table that a finding calls `name`? A bare name is any schema's. ASCII case does not count.
[[nodiscard]] bool names_same_table(std::string_view name, std::string_view written);

/// Would a lock around all that a finding of this rule is about answer it? Not where one session alone does the damage, where the lock itself is what is
/// wrong, or where the finding is about what is there already.
[[nodiscard]] bool lock_answers(std::string_view code);

}  // namespace dbaudit
