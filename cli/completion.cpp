// Completions for bash, zsh and fish, from the model of the command line. What a value can be is known to the checks of options.cpp and option_values.cpp;
// tests/completion_test.cpp hands every word offered here to them.

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "analyzers/base/text.h"
#include "analyzers/log/reader.h"
#include "cli/option_values.h"
#include "cli/program_model.h"
#include "cli/report/report.h"

namespace dbaudit {

namespace {

std::vector<std::string> report_formats(std::string_view behind) {
  std::vector<std::string> words;
  for (const ReportFormat* format : all_report_formats()) words.push_back(std::string(format->name).append(behind));
  return words;
}

std::vector<std::string> log_formats() {
  std::vector<std::string> words = {"auto", "help"};
  for (const Format* format : all_formats()) words.emplace_back(format->name);
  return words;
}

/// Inside 'single quotes', for sh, zsh and fish.
std::string quoted(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + out + "'";
}

/// The names of the rules are long: a completion says them once and calls them $rules.
std::string bash_words(const std::vector<std::string>& words) {
  return words == names_of_rules() ? std::string("\"$rules\"") : quoted(join(words, " "));
}

enum class Files { kNone, kFiles, kDirectories };

Files files_of(const OptionModel& option) {
  if (option.metavar == "DIR") return Files::kDirectories;
  bool is_file = option.is_positional ? option.long_name == "LOG" || option.long_name == "FILE" || option.long_name == "OLD NEW"
                                      : option.metavar == "FILE" || option.metavar == "DSN";
  return is_file ? Files::kFiles : Files::kNone;
}

/// `scan' '-o|scan' '--output) …`: one case of the command and the option whose value the cursor is on.
std::string bash_value_case(const CommandModel& command, const OptionModel& option) {
  std::vector<std::string> words = words_of(command, option);
  std::string what;
  if (!words.empty() && words.front().ends_with('=')) {
    what = fmt::format("_dbaudit_words {}; compopt -o nospace", quoted(join(words, " ")));
  } else if (!words.empty()) {
    what = "_dbaudit_words " + bash_words(words);
  } else {
    Files files = files_of(option);
    what = files == Files::kDirectories ? "_dbaudit_files -d" : files == Files::kFiles ? "_dbaudit_files -f" : ":";
  }
  std::string patterns;
  if (!option.short_name.empty()) patterns = fmt::format("{}' '-{}|", command.name, option.short_name);
  patterns += fmt::format("{}' '--{}", command.name, option.long_name);
  return fmt::format("    {}) {}; return ;;\n", patterns, what);
}

/// Words of an option list, each with its dashes.
std::string option_words(const CommandModel& command) {
  std::vector<std::string> words;
  for (const OptionModel& option : command.options) {
    if (option.is_positional) continue;
    if (!option.short_name.empty()) words.push_back("-" + option.short_name);
    words.push_back("--" + option.long_name);
  }
  return join(words, " ");
}

constexpr std::string_view kBashHead = R"(# bash completion for dbaudit, written by `dbaudit --generate bash`.

# Bash splits words at `=` and `:`; what stands before the last of them in the word is not ours to repeat.
_dbaudit_words() {
  local IFS=$' \t\n'
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
}

_dbaudit_files() {
  compopt -o filenames
  mapfile -t COMPREPLY < <(compgen "$1" -- "$current")
}

_dbaudit() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word != -* ]]; then command=$word; break; fi
  done
  # `--format=json` is three words: the option, the sign, the value.
  if [[ $current == = ]]; then current=; elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi
  COMPREPLY=()
)";

constexpr std::string_view kZshHead = R"(#compdef dbaudit
# zsh completion for dbaudit, written by `dbaudit --generate zsh`.

_dbaudit() {
  local context state state_descr line
  typeset -A opt_args
)";

/// Text inside an _arguments specification: brackets and colons have a meaning there.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_action(const CommandModel& command, const OptionModel& option) {
  std::vector<std::string> words = words_of(command, option);
  if (!words.empty() && words.front().ends_with('=')) return fmt::format("compadd -S \"\" -- {}", join(words, " "));
  if (!words.empty()) return "(" + join(words, " ") + ")";
  Files files = files_of(option);
  return files == Files::kDirectories ? "_files -/" : files == Files::kFiles ? "_files" : " ";
}

std::string zsh_argument(const CommandModel& command, const OptionModel& option) {
  if (option.is_positional) return quoted(fmt::format("*:{}:{}", zsh_text(option.long_name), zsh_action(command, option)));
  std::string help = zsh_text(option.help);
  // An option may be given again: the program says so when it may not.
  std::string value = option.is_flag ? "" : fmt::format(":{}:{}", zsh_text(option.metavar), zsh_action(command, option));
  std::string spec = quoted(fmt::format("*--{}{}[{}]{}", option.long_name, option.is_flag ? "" : "=", help, value));
  if (!option.short_name.empty()) {
    spec += " \\\n        " + quoted(fmt::format("*-{}{}[{}]{}", option.short_name, option.is_flag ? "" : "+", help, value));
  }
  return spec;
}

std::string fish_option(const CommandModel& command, const OptionModel& option) {
  std::string condition = command.name.empty() ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + command.name;
  std::string line = fmt::format("complete -c dbaudit -n {}", quoted(condition));
  std::vector<std::string> words = words_of(command, option);
  Files files = files_of(option);
  if (option.is_positional) {
    if (words.empty() && files == Files::kNone) return "";
    return line + (words.empty() ? " -F" : " -a " + quoted(join(words, " "))) + "\n";
  }
  if (!option.short_name.empty()) line += " -s " + option.short_name;
  line += " -l " + option.long_name;
  if (!words.empty()) {
    line += " -x -a " + quoted(join(words, " "));
  } else if (files == Files::kDirectories) {
    line += " -x -a '(__fish_complete_directories)'";
  } else if (files == Files::kFiles) {
    line += " -r -F";
  } else if (!option.is_flag) {
    line += " -x";
  }
  return line + " -d " + quoted(option.help) + "\n";
}

}  // namespace

std::vector<std::string> words_of(const CommandModel& command, const OptionModel& option) {
  const std::string& name = option.long_name;
  if (option.is_flag) return {};
  if (name == "format") return command.name == "scan" ? report_formats("") : std::vector<std::string>{"text", "json"};
  if (name == "report") return report_formats("=");
  if (name == "log-format") return log_formats();
  if (name == "engine") return names_of_engines();
  if (name == "select" || name == "ignore" || option.metavar == "RULE" || (option.is_positional && name == "RULE")) return names_of_rules();
  if (name == "fail-on") return {"error", "warning", "note", "never"};
  if (name == "fail-on-confidence" || name == "min-confidence") return {"possible", "likely", "observed", "proven"};
  if (name == "color") return {"auto", "always", "never"};
  if (command.name == "facts" && name == "input") return {"sql", "jsonl"};
  return {};
}

std::string bash_completion(const ProgramModel& model) {
  std::string text(kBashHead);
  std::string commands;
  for (const CommandModel& command : model.commands) commands += (commands.empty() ? "" : " ") + command.name;
  text += fmt::format("  local rules={}\n", quoted(join(names_of_rules(), " ")));
  text += "  case \"$command $before\" in\n";
  for (const CommandModel& command : model.commands) {
    for (const OptionModel& option : command.options) {
      if (!option.is_positional && !option.is_flag) text += bash_value_case(command, option);
    }
  }
  text += "  esac\n  if [[ $current == -* ]]; then\n    case \"$command\" in\n";
  text += fmt::format("    '') _dbaudit_words {} ;;\n", quoted(option_words(model.program)));
  for (const CommandModel& command : model.commands) {
    text += fmt::format("    {}) _dbaudit_words {} ;;\n", command.name, quoted(option_words(command)));
  }
  text += fmt::format("    esac\n    return\n  fi\n  case \"$command\" in\n    '') _dbaudit_words {} ;;\n", quoted(commands));
  for (const CommandModel& command : model.commands) {
    auto positional = std::find_if(command.options.begin(), command.options.end(), [](const OptionModel& o) { return o.is_positional; });
    if (positional == command.options.end()) continue;
    std::vector<std::string> words = words_of(command, *positional);
    if (!words.empty()) text += fmt::format("    {}) _dbaudit_words {} ;;\n", command.name, bash_words(words));
    if (words.empty() && files_of(*positional) != Files::kNone) text += fmt::format("    {}) _dbaudit_files -f ;;\n", command.name);
  }
  return text + "  esac\n}\n\ncomplete -F _dbaudit dbaudit\n";
}

std::string zsh_completion(const ProgramModel& model) {
  std::string text(kZshHead);
  text += "  _arguments -C \\\n";
  for (const OptionModel& option : model.program.options) text += fmt::format("    {} \\\n", zsh_argument(model.program, option));
  text += "    '1:command:->command' \\\n    '*::argument:->argument'\n  case $state in\n    command)\n      local -a commands=(\n";
  for (const CommandModel& command : model.commands)
    text += fmt::format("        {}\n", quoted(command.name + ":" + zsh_text(command.summary)));
  text += "      )\n      _describe command commands\n      ;;\n    argument)\n      case $line[1] in\n";
  for (const CommandModel& command : model.commands) {
    text += fmt::format("      {})\n        _arguments -s", command.name);
    for (const OptionModel& option : command.options) text += " \\\n        " + zsh_argument(command, option);
    text += "\n        ;;\n";
  }
  return text + "      esac\n      ;;\n  esac\n}\n\n_dbaudit \"$@\"\n";
}

std::string fish_completion(const ProgramModel& model) {
  std::string text = "# fish completion for dbaudit, written by `dbaudit --generate fish`.\n\ncomplete -c dbaudit -f\n";
  for (const OptionModel& option : model.program.options) text += fish_option(model.program, option);
  for (const CommandModel& command : model.commands) {
    text += fmt::format("complete -c dbaudit -n __fish_use_subcommand -a {} -d {}\n", command.name, quoted(command.summary));
  }
  for (const CommandModel& command : model.commands) {
    for (const OptionModel& option : command.options) text += fish_option(command, option);
  }
  return text;
}

Result<std::string> generated_text(std::string_view kind, const ProgramModel& model) {
  if (kind == "man") return manual_page(model);
  if (kind == "bash") return bash_completion(model);
  if (kind == "zsh") return zsh_completion(model);
  if (kind == "fish") return fish_completion(model);
  return fail(fmt::format("--generate takes man, bash, zsh or fish, not '{}'", printable(kind)));
}

}  // namespace dbaudit
