#pragma once
// The commands and options as data: what the manual page and the shells' completions are written from. options.cpp fills it from the parser, so neither can
// name an option that the program does not take, or miss one that it takes.

#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/error.h"

namespace dbaudit {

struct OptionModel {
  std::string short_name;  ///< without the dash; empty: none
  std::string long_name;   ///< without the dashes; of a positional argument, its name
  std::string metavar;     ///< FILE, DSN, N…; empty for a flag or a positional
  std::string help;
  std::string group;  ///< its heading in --help
  bool is_positional = false;
  bool is_flag = false;  ///< takes no value, or only behind `=`
};

struct CommandModel {
  std::string name;      ///< empty for the program itself
  std::string synopsis;  ///< `dbaudit scan [options] [LOG...]`
  std::string summary;   ///< no full stop
  std::string footer;    ///< may be empty
  std::vector<OptionModel> options;
};

struct ProgramModel {
  std::string version;
  CommandModel program;
  std::vector<CommandModel> commands;  ///< those --help lists, in its order
};

/// The words an option or positional of a command can take, those its check accepts; empty when any text goes. Words that end in `=` expect a file's name behind it.
[[nodiscard]] std::vector<std::string> words_of(const CommandModel& command, const OptionModel& option);

/// A roff page for section 1, ASCII.
[[nodiscard]] std::string manual_page(const ProgramModel& model);
/// What the shell loads: files of bash-completion, zsh's $fpath (`_dbaudit`) and fish.
[[nodiscard]] std::string bash_completion(const ProgramModel& model);
[[nodiscard]] std::string zsh_completion(const ProgramModel& model);
[[nodiscard]] std::string fish_completion(const ProgramModel& model);

/// `man`, `bash`, `zsh` or `fish`: what `dbaudit --generate KIND` prints. The build calls it; it is not for people and not in --help.
[[nodiscard]] Result<std::string> generated_text(std::string_view kind, const ProgramModel& model);

}  // namespace dbaudit
