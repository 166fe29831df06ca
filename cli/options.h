#pragma once
// The command line, taken apart and checked. CLI11 stays behind this header.

#include <cstdint>
#include <string>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/base/error.h"
#include "cli/command.h"

namespace dbaudit {

enum class Command : uint8_t { kHelp, kScan, kRules, kExplain, kSchema, kDoctor, kEvents, kFacts, kDemo, kInit, kDiff };

struct CommandLine {
  Command command = Command::kHelp;
  int help_status = 0;                      ///< kHelp: the exit status after `text` is printed (2 when no command was given)
  std::string text;                         ///< kHelp: help, the version, or the list of log formats
  ScanOptions scan;                         ///< kScan
  std::string rule;                         ///< kExplain
  std::string format;                       ///< kRules, kDoctor: text or json; kFacts: sql or jsonl
  std::string dsn, output;                  ///< kSchema; kDoctor, kInit: dsn only
  std::string path;                         ///< kEvents, kFacts: a file, `-` is standard input
  std::string log_format, log_line_prefix;  ///< kEvents
  Engine engine = Engine::kUnknown;         ///< kFacts
  std::string keep_dir;                     ///< kDemo
  bool overwrite = false;                   ///< kInit
  DiffOptions diff;                         ///< kDiff
};

/// Arguments without the program's name. Without --config a dbaudit.toml is looked for in `directory` and upwards; empty: nowhere. Errors are one line,
/// with a did-you-mean where something near exists.
[[nodiscard]] Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments, const std::string& directory = {});

}  // namespace dbaudit
