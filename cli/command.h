#pragma once
// The commands of the program. Each returns the exit status (CLI.md: 0 nothing to report, 1 findings, 2 the job could not be done) and writes its
// own one-line errors to stderr, prefixed `dbaudit: `.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/base/engine.h"
#include "cli/part_filter.h"
#include "cli/suppressions.h"
#include "rules/assumption.h"
#include "rules/finding.h"

namespace dbaudit {

enum class ColorMode { kAuto, kAlways, kNever };

/// What of a comparison of two reports is asked for.
struct DiffOptions {
  std::string old_path, new_path;
  std::string format = "text";                           ///< or json
  std::optional<Severity> fail_on = Severity::kWarning;  ///< nullopt: never
  Confidence fail_on_confidence = Confidence::kLikely;
};

/// Everything the command line and dbaudit.toml can say about a scan, validated.
struct ScanOptions {
  std::string dsn;  ///< as given; empty: none
  std::vector<std::string> schema_files;
  std::vector<std::string> logs;  ///< LOG… and --log, in order
  std::string database;           ///< --database; empty: that of the DSN
  LogPart part;                   ///< --since, --until, --app, --user
  std::string table;              ///< --table; empty: findings about any
  std::string log_format = "auto";
  std::string log_line_prefix;
  std::optional<Engine> engine;
  Isolation isolation = Isolation::kUnknown;                  ///< --isolation
  bool autocommit_only = false;                               ///< --isolation autocommit
  std::vector<std::pair<std::string, std::string>> settings;  ///< ` + NAME=VALUE` of --isolation
  std::string log_timezone;                                   ///< as given
  int32_t zone_offset_minutes = INT32_MIN;                    ///< log_timezone, parsed; INT32_MIN: not given
  std::vector<std::string> select, ignore;
  std::optional<Severity> fail_on = Severity::kWarning;  ///< nullopt: never
  Confidence fail_on_confidence = Confidence::kLikely;
  Confidence min_confidence = Confidence::kPossible;
  std::vector<std::pair<std::string, std::string>> reports;  ///< format, file (`-`: standard output)
  std::string baseline, write_baseline;                      ///< paths; empty: none
  std::vector<Suppression> suppressions;                     ///< [[suppress]]
  std::vector<TableAssumption> assumptions;                  ///< [[table]]
  std::string config;                                        ///< the dbaudit.toml in use; empty: none
  std::vector<std::string> config_notes;                     ///< what is to be said about it, one line each
  bool check_data = false, check_data_full = false;
  std::string fixes_out;    ///< directory of --fixes-out; empty: none
  std::string scratch_dsn;  ///< as given; empty: none
  bool show_values = false;
  bool quiet = false, verbose = false, progress = false;
  ColorMode color = ColorMode::kAuto;
  int jobs = 1;
};

int run_scan(const ScanOptions& options);
int run_rules(const std::string& format);
int run_explain(const std::string& rule);
int run_schema(const std::string& dsn, const std::string& output);
int run_doctor(const std::string& dsn, const std::string& format);
int run_events(const std::string& log_format, const std::string& log_line_prefix, const std::string& path);
int run_facts(Engine engine, const std::string& input, const std::string& path);
int run_demo(const std::string& keep_dir);
/// Writes dbaudit.toml here. `dsn` may be empty; `overwrite`: replace one that is there.
int run_init(const std::string& dsn, bool overwrite);
int run_diff(const DiffOptions& options);
/// Parses argv and runs the command: what main() does.
int run_command_line(int argc, char** argv);

}  // namespace dbaudit
