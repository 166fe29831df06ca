#pragma once
// The options of `scan`: one table that the command line, dbaudit.toml, `dbaudit init` and the help are made of, and what their values mean.

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "analyzers/base/error.h"
#include "cli/command.h"

namespace dbaudit {

/// What was written, on the command line or in a file, before it is checked.
struct ScanWords {
  std::vector<std::string> log, schema, report, select, ignore;
  std::string dsn, database, log_format = "auto", log_line_prefix, log_timezone, since, until, app, user, table, check_data, engine,
                             isolation, format, output, color = "auto", min_confidence = "possible", fail_on = "warning",
                             fail_on_confidence = "likely", baseline, write_baseline, fixes_out, scratch_dsn, config, jobs = "1";
  bool show_values = false, quiet = false, verbose = false, progress = false, no_config = false;
  /// Long names of the options that were given: the others are at their presets.
  std::set<std::string, std::less<>> given;
};

struct ScanOption {
  using Into = std::variant<std::string ScanWords::*, std::vector<std::string> ScanWords::*, bool ScanWords::*>;
  enum class Paths : uint8_t { kNone, kValue, kBehindEquals, kDsn };  ///< is the value, or a part of it, a path?

  std::string_view name;   ///< long, without dashes; the key in dbaudit.toml
  char letter;             ///< `o` of `-o`; 0: none
  std::string_view value;  ///< as the help names it; empty: a flag
  std::string_view group;  ///< heading in the help
  Into into;
  std::string_view help;
  std::string_view example;  ///< TOML: the preset where there is one; empty: not a key of dbaudit.toml
  Paths paths = Paths::kNone;
  bool value_is_optional = false;  ///< `--check-data`, `--check-data=full`
};

/// Its line in the help and in dbaudit.toml; that of --format names every format there is.
[[nodiscard]] std::string help_of(const ScanOption& option);
/// In the order of the help.
[[nodiscard]] std::span<const ScanOption> scan_options();
/// By long name; null when there is none.
[[nodiscard]] const ScanOption* find_scan_option(std::string_view name);

/// Takes over from `file` what `words` does not give. Options that exclude each other count as one: who gives --schema on the command line does
/// not mean the file's `dsn` as well.
void add_missing(ScanWords& words, const ScanWords& file);

/// What each value means by itself, and whether those that belong together agree.
[[nodiscard]] Result<ScanOptions> check_scan_values(const ScanWords& words);
/// The same, and whether there is something to scan.
[[nodiscard]] Result<ScanOptions> check_scan(const ScanWords& words);

}  // namespace dbaudit
