#pragma once
// dbaudit.toml: the options of `scan` under their long names, what is known of tables, and what is suppressed. The TOML library stays behind this header.
//
// Paths in it are relative to the file. An unknown key, a wrong type or a value that means nothing is an error with the file and the line: a
// misspelled option must not quietly be none. docs/configuration.md is its page.

#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/error.h"
#include "cli/options_scan.h"
#include "cli/suppressions.h"
#include "rules/assumption.h"

namespace dbaudit {

inline constexpr std::string_view kConfigName = "dbaudit.toml";

struct Config {
  std::string path;                       ///< empty: none in use
  ScanWords words;                        ///< `given` are the keys of the file
  std::vector<Suppression> suppressions;  ///< in the order of the file
  std::vector<TableAssumption> assumptions;
  std::vector<std::string> notes;  ///< what its author should know, one line each
};

struct FoundConfig {
  std::string path;     ///< empty: none
  std::string refused;  ///< one line about a file that was there and is not used
};

/// dbaudit.toml in `directory` or the nearest one above it, up to a repository's root (.git, .hg, .svn), the home directory or the file system's root. In
/// a directory that everybody may write to (/tmp), only a file of one's own counts.
[[nodiscard]] FoundConfig find_config(const std::string& directory);

/// Reads and checks one. Errors: unreadable, larger than a configuration is, not TOML, and what the file's comment above says.
[[nodiscard]] Result<Config> read_config(const std::string& path);
/// The same of text in memory, as if it were the file at `path`.
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::string& path);

/// A dbaudit.toml with every key, each with what it means and commented out, so that it changes nothing; only `dsn`, unless it is empty, is set.
[[nodiscard]] std::string config_template(const std::string& dsn);

}  // namespace dbaudit
