// Every command and option of the program, in one place. CLI11 splits the arguments; what they mean is checked here, in options_scan.cpp and in option_values.cpp, so that every refusal is one
// line that says what to write instead. An option that this version does not have is unknown: nothing is accepted and then ignored.

#include "cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "analyzers/base/text.h"
#include "cli/config.h"
#include "cli/option_values.h"
#include "cli/options_scan.h"
#include "cli/program_model.h"
#include "cli/terminal.h"

namespace dbaudit {

namespace {

// --- What the user typed, before it is checked ----------------------------------------------------------------------------------------------

struct Typed {
  std::vector<std::string> after_dashes;  // what follows `--`: never options
  ScanWords scan;
  std::vector<std::string> scan_logs;  // LOG…; --log is in `scan`
  // other commands
  std::string list_format = "text", doctor_dsn, doctor_format = "text", rule, schema_dsn, schema_output, events_format = "auto",
              events_prefix, events_log, facts_engine, facts_input = "sql", facts_file = "-", keep, init_dsn, diff_fail_on = "warning",
              diff_confidence = "likely", diff_format = "text";
  std::vector<std::string> diff_reports;
  bool init_force = false;
};

constexpr const char* kCommon = "Options";  // CLI11's group of options that name none

/// Help in this program's words and the same with every version of CLI11: usage, what it does, the options by group, the commands.
class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    std::string help = usage(app) + "\n" + app->get_description() + ".\n";
    std::vector<std::string> groups;  // in the order of their first option, the common ones last
    for (const CLI::Option* option : app->get_options()) {
      bool known = option->get_group() == kCommon || std::find(groups.begin(), groups.end(), option->get_group()) != groups.end();
      if (!known) groups.push_back(option->get_group());
    }
    groups.emplace_back(kCommon);
    for (const std::string& group : groups) {
      help += "\n" + group + ":\n";
      for (const CLI::Option* option : app->get_options()) {
        if (option->get_group() == group) help += entry(names(*option), option->get_description());
      }
    }
    if (app->get_parent() == nullptr) {
      help += "\nCommands:\n";
      for (const CLI::App* command : app->get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); })) {
        help += entry(command->get_name(), command->get_description());
      }
    }
    return app->get_footer().empty() ? help : help + "\n" + app->get_footer() + "\n";
  }

 private:
  static std::string usage(const CLI::App* app) {
    static constexpr std::pair<const char*, const char*> kUsage[] = {
        {"scan", "scan [options] [LOG...]"},         {"explain", "explain RULE"},        {"schema", "schema --dsn DSN [options]"},
        {"doctor", "doctor --dsn DSN [options]"},    {"events", "events [options] LOG"}, {"facts", "facts --engine E [options] [FILE]"},
        {"diff", "diff [options] OLD.json NEW.json"}};
    if (app->get_parent() == nullptr) return "Usage: dbaudit COMMAND [options]\n";
    for (const auto& [command, words] : kUsage) {
      if (app->get_name() == command) return fmt::format("Usage: dbaudit {}\n", words);
    }
    return fmt::format("Usage: dbaudit {} [options]\n", app->get_name());
  }

  static std::string names(const CLI::Option& option) {
    if (option.get_positional()) return option.get_name(true);
    std::string text;
    for (const std::string& name : option.get_snames()) text += "-" + name + ", ";
    for (const std::string& name : option.get_lnames()) text += "--" + name;
    // A flag's type says nothing a reader needs.
    return option.get_expected_max() == 0 || option.get_type_name().empty() ? text : text + " " + option.get_type_name();
  }

  static std::string entry(const std::string& name, const std::string& description) {
    constexpr int kColumn = 24;
    return fmt::format("  {:{}}  {}\n", name, kColumn, description);
  }
};

CLI::Option* once(CLI::App* app, const std::string& names, std::string& into, const char* metavar, const char* help) {
  return app->add_option(names, into, help)->type_name(metavar)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

CLI::Option* repeatable(CLI::App* app, const std::string& names, std::vector<std::string>& into, const char* metavar, const char* help) {
  // One value a time: a greedy `--log A B` would swallow what comes after it.
  return app->add_option(names, into, help)->type_name(metavar)->allow_extra_args(false)->expected(1)->take_all();
}

CLI::App* add_scan(CLI::App& app, Typed& t) {
  CLI::App* scan = app.add_subcommand("scan", "Audit logs against a schema: report the races in them");
  bool first = true;
  for (const ScanOption& option : scan_options()) {
    const std::string names = (option.letter != 0 ? fmt::format("-{},", option.letter) : std::string()) + fmt::format("--{}", option.name);
    const std::string value(option.value), help = help_of(option), group(option.group);
    if (first)
      scan->add_option("LOG", t.scan_logs, "Logs to read; - is standard input, a directory means the files in it")
          ->type_name("")
          ->group(group);
    first = false;
    CLI::Option* added = nullptr;
    if (const auto* flag = std::get_if<bool ScanWords::*>(&option.into)) {
      added = scan->add_flag(names, t.scan.**flag, help);
    } else if (const auto* list = std::get_if<std::vector<std::string> ScanWords::*>(&option.into)) {
      added = repeatable(scan, names, t.scan.**list, value.c_str(), help.c_str());
    } else {
      std::string& text = t.scan.*std::get<std::string ScanWords::*>(option.into);
      added = option.value_is_optional ? scan->add_flag(names, text, help) : once(scan, names, text, value.c_str(), help.c_str());
    }
    added->group(group);
  }
  scan->footer("Exit status: 0 nothing to report, 1 findings, 2 the job could not be done.");
  return scan;
}

void add_other_commands(CLI::App& app, Typed& t) {
  CLI::App* demo = app.add_subcommand("demo", "Race real threads on a fresh SQLite database, then audit it");
  once(demo, "--keep", t.keep, "DIR", "Leave the database and the log there");
  CLI::App* rules = app.add_subcommand("rules", "List every rule");
  once(rules, "--format", t.list_format, "F", "text (default) or json");
  CLI::App* explain = app.add_subcommand("explain", "A rule's page: what, why, engines and levels, example, fix");
  explain->add_option("RULE", t.rule, "Code (DBA101) or name")->type_name("");
  CLI::App* schema = app.add_subcommand("schema", "Print a live database's schema as JSON, to use as --schema elsewhere");
  once(schema, "--dsn", t.schema_dsn, "DSN", "The database, opened read only");
  once(schema, "-o,--output", t.schema_output, "FILE", "Write there instead of standard output");
  CLI::App* doctor = app.add_subcommand("doctor", "Can a server's log be audited? What to set for it; changes nothing");
  once(doctor, "--dsn", t.doctor_dsn, "DSN", "The server, opened read only");
  once(doctor, "--format", t.doctor_format, "F", "text (default) or json");
  doctor->footer("Exit status: 0 its log can be audited, 1 something must change first, 2 the job could not be done.");
  CLI::App* init = app.add_subcommand("init", "Write a commented dbaudit.toml: every option of scan, at its default");
  once(init, "--dsn", t.init_dsn, "DSN", "Put it in: best as env:NAME, which keeps the password out of the file");
  init->add_flag("--force", t.init_force, "Replace a dbaudit.toml that is there");
  CLI::App* diff = app.add_subcommand("diff", "Compare two JSON reports: what is new, fixed or judged otherwise");
  diff->add_option("OLD NEW", t.diff_reports, "Two files of dbaudit scan --format json")->type_name("");
  once(diff, "--format", t.diff_format, "F", "text (default) or json");
  once(diff, "--fail-on", t.diff_fail_on, "S", "Exit 1 when something new is error, warning (default), note, never");
  once(diff, "--fail-on-confidence", t.diff_confidence, "C", "... and at least this sure: likely (default)");
  diff->footer("Exit status: 0 nothing new that counts, 1 something new, 2 the job could not be done.");
  CLI::App* events = app.add_subcommand("events", "Show what was read from a log, one JSON object a line");
  once(events, "--log-format", t.events_format, "NAME", "auto (default) or a name; help lists them");
  once(events, "--log-line-prefix", t.events_prefix, "P", "PostgreSQL's log_line_prefix, when it cannot be guessed");
  events->add_option("LOG", t.events_log, "A log; - is standard input")->type_name("");
  CLI::App* facts = app.add_subcommand("facts", "Show what was understood of each statement, one JSON object a line");
  once(facts, "--engine", t.facts_engine, "E", "postgresql, mysql, mariadb or sqlite");
  once(facts, "--input", t.facts_input, "KIND", "sql (default): a script; jsonl: objects with a key sql");
  facts->add_option("FILE", t.facts_file, "Statements; standard input without it")->type_name("");
}

/// Named in the contract, not built yet: the name is known, the job cannot be done.
constexpr std::pair<const char*, const char*> kReserved[] = {
    {"prove", "prove is reserved: replaying findings on a scratch database is not in this version"},
};

// --- Errors of CLI11, in one line -----------------------------------------------------------------------------------------------------------

std::vector<std::string> long_options(const CLI::App& app) {
  std::vector<std::string> options;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  }
  return options;
}

/// An argument that no option or positional took.
Error unexpected_argument(const CLI::App& app, const std::string& argument) {
  bool is_option = argument.size() > 1 && argument[0] == '-';
  std::string see = app.get_parent() == nullptr ? "dbaudit --help" : fmt::format("dbaudit {} --help", app.get_name());
  if (!is_option) {
    if (app.get_parent() != nullptr) return {fmt::format("{}: unexpected argument '{}' (see {})", app.get_name(), argument, see)};
    std::vector<std::string> commands;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) commands.push_back(command->get_name());
    bool like_a_file = argument.find_first_of("./") != std::string::npos;
    return {
        unknown_word("command", argument, commands, like_a_file ? fmt::format("to audit a log: dbaudit scan {}", argument) : "see " + see)};
  }
  std::string name = argument.substr(0, argument.find('='));
  if (app.get_parent() == nullptr) {
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
      if (command->get_option_no_throw(name) != nullptr)
        return {fmt::format("{0} goes after the command: dbaudit {1} {0}", name, command->get_name())};
    }
  }
  return {unknown_word("option", name, long_options(app), "see " + see)};
}

std::optional<Error> leftover(const CLI::App& app) {
  if (std::vector<std::string> extras = app.remaining(); !extras.empty()) return unexpected_argument(app, extras.front());
  return std::nullopt;
}

/// Hands what follows `--` to the command's positional: CLI11 2.1 gives it to the program when the positional already has a value.
std::optional<Error> take_after_dashes(const CLI::App& command, Typed& t) {
  const std::string& name = command.get_name();
  std::string* single = name == "explain" ? &t.rule : name == "events" ? &t.events_log : name == "facts" ? &t.facts_file : nullptr;
  for (const std::string& argument : t.after_dashes) {
    bool taken =
        single != nullptr && command.get_options([](const CLI::Option* o) { return o->get_positional() && o->count() > 0; }).size() > 0;
    if (name == "scan") continue;  // scan_words() appends them
    if (name == "diff") {
      t.diff_reports.push_back(argument);
      continue;
    }
    if (single == nullptr || taken || &argument != &t.after_dashes.front()) return unexpected_argument(command, argument);
    *single = argument;
  }
  return std::nullopt;
}

/// `--dsn "$UNSET"` must not quietly mean that there is no --dsn.
std::optional<Error> empty_value(const CLI::App& app) {
  for (const CLI::Option* option : app.parse_order()) {
    for (const std::string& value : option->results()) {
      if (value.empty()) return Error{option->get_name() + " needs a value, not an empty one"};
    }
  }
  return std::nullopt;
}

Error parse_error(const CLI::ParseError& error) {
  std::string what = error.what();
  std::string name = what.substr(0, what.find(':'));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr && istarts_with(name, "-")) {
    // `--dsn: 1 required DSN missing`, or that a single value was received twice.
    return {name + (icontains(what, "missing") ? " needs a value" : " is given more than once")};
  }
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) {
    // All values are text, so this can only be a flag: `Could not convert: --quiet = x`.
    size_t start = what.find("--"), end = what.find(" =");
    if (start < end && end != std::string::npos) return {what.substr(start, end - start) + " takes no value"};
  }
  std::string line;
  for (char c : what) line += c == '\n' ? ' ' : c;
  return {std::string(trim(line))};
}

// --- Checking -------------------------------------------------------------------------------------------------------------------------------

/// What `scan` was given: LOG… and --log in their order, then what follows `--`.
ScanWords scan_words(const CLI::App& scan, const Typed& t) {
  ScanWords words = t.scan;
  words.log.clear();
  size_t next_positional = 0, next_option = 0;
  for (const CLI::Option* option : scan.parse_order()) {
    if (option->check_name("LOG") && next_positional < t.scan_logs.size()) words.log.push_back(t.scan_logs[next_positional++]);
    if (option->check_lname("log") && next_option < t.scan.log.size()) words.log.push_back(t.scan.log[next_option++]);
    for (const std::string& name : option->get_lnames()) words.given.insert(name);
  }
  words.log.insert(words.log.end(), t.after_dashes.begin(), t.after_dashes.end());
  if (!words.log.empty()) words.given.insert("log");
  return words;
}

/// The options of the command line, then those of dbaudit.toml.
Result<ScanOptions> scan_options_of(ScanWords words, const std::string& directory) {
  if (words.no_config && words.given.contains("config")) return fail("--config and --no-config exclude each other");
  Config config;
  if (!words.no_config) {
    FoundConfig found;
    found.path = words.config;
    if (found.path.empty() && !directory.empty()) found = find_config(directory);
    if (!found.path.empty()) {
      Result<Config> read = read_config(found.path);
      if (!read) return tl::unexpected(read.error());
      config = *std::move(read);
    }
    if (!found.refused.empty()) config.notes.push_back(found.refused);
    add_missing(words, config.words);
  }
  Result<ScanOptions> scan = check_scan(words);
  if (!scan) return scan;
  scan->config = config.path;
  scan->config_notes = std::move(config.notes);
  scan->suppressions = std::move(config.suppressions);
  scan->assumptions = std::move(config.assumptions);
  return scan;
}

Result<CommandLine> check_command(const CLI::App& app, Typed& t, const std::string& directory) {
  CommandLine line;
  const std::string& name = app.get_name();
  for (const auto& [reserved, why] : kReserved) {
    if (name == reserved) return fail(why);
  }
  if (std::optional<Error> error = leftover(app)) return tl::unexpected(*error);
  if (std::optional<Error> error = take_after_dashes(app, t)) return tl::unexpected(*error);
  if (std::optional<Error> error = empty_value(app)) return tl::unexpected(*error);
  if ((name == "scan" && t.scan.log_format == "help") || (name == "events" && t.events_format == "help")) {
    line.text = log_format_list();
    return line;
  }
  if (name == "scan") {
    Result<ScanOptions> scan = scan_options_of(scan_words(app, t), directory);
    if (!scan) return tl::unexpected(scan.error());
    line.command = Command::kScan;
    line.scan = *std::move(scan);
  } else if (name == "rules") {
    Result<std::string> format = one_of("--format", t.list_format, {"text", "json"});
    if (!format) return tl::unexpected(format.error());
    line.command = Command::kRules;
    line.format = *format;
  } else if (name == "explain") {
    if (t.rule.empty()) return fail("explain needs a RULE, by code or name (dbaudit rules lists them)");
    line.command = Command::kExplain;
    line.rule = t.rule;
  } else if (name == "schema") {
    if (t.schema_dsn.empty()) return fail("schema needs --dsn DSN");
    line.command = Command::kSchema;
    line.dsn = t.schema_dsn;
    line.output = t.schema_output;
  } else if (name == "doctor") {
    if (t.doctor_dsn.empty()) return fail("doctor needs --dsn DSN");
    Result<std::string> format = one_of("--format", t.doctor_format, {"text", "json"});
    if (!format) return tl::unexpected(format.error());
    line.command = Command::kDoctor;
    line.dsn = t.doctor_dsn;
    line.format = *format;
  } else if (name == "init") {
    line.command = Command::kInit;
    line.dsn = t.init_dsn;
    line.overwrite = t.init_force;
  } else if (name == "diff") {
    if (t.diff_reports.size() != 2) return fail("diff needs two files: dbaudit diff OLD.json NEW.json");
    Result<std::string> format = one_of("--format", t.diff_format, {"text", "json"});
    if (!format) return tl::unexpected(format.error());
    Result<std::optional<Severity>> fail_on = fail_on_of(t.diff_fail_on);
    if (!fail_on) return tl::unexpected(fail_on.error());
    Result<Confidence> confidence = confidence_of("--fail-on-confidence", t.diff_confidence);
    if (!confidence) return tl::unexpected(confidence.error());
    line.command = Command::kDiff;
    line.diff = {t.diff_reports[0], t.diff_reports[1], *format, *fail_on, *confidence};
  } else if (name == "events") {
    if (t.events_log.empty()) return fail("events needs a LOG (- is standard input)");
    Result<std::string> format = log_format_of(t.events_format);
    if (!format) return tl::unexpected(format.error());
    line.command = Command::kEvents;
    line.log_format = *format;
    line.log_line_prefix = t.events_prefix;
    line.path = t.events_log;
  } else if (name == "facts") {
    if (t.facts_engine.empty()) return fail("facts needs --engine (one of " + join(names_of_engines(), ", ") + ")");
    Result<Engine> engine = engine_of(t.facts_engine);
    if (!engine) return tl::unexpected(engine.error());
    Result<std::string> input = one_of("--input", t.facts_input, {"sql", "jsonl"});
    if (!input) return tl::unexpected(input.error());
    line.command = Command::kFacts;
    line.engine = *engine;
    line.format = *input;
    line.path = t.facts_file;
  } else {
    line.command = Command::kDemo;
    line.keep_dir = t.keep;
  }
  return line;
}

// --- The same as data, for the manual page and the completions -------------------------------------------------------------------------------

CommandModel model_of(const CLI::App& app) {
  CommandModel command;
  if (app.get_parent() != nullptr) command.name = app.get_name();
  command.summary = app.get_description();
  command.footer = app.get_footer();
  constexpr size_t kUsage = std::string_view("Usage: ").size();
  std::string help = app.help();
  command.synopsis = help.substr(kUsage, help.find('\n') - kUsage);
  for (const CLI::Option* option : app.get_options()) {
    OptionModel model;
    model.is_positional = option->get_positional();
    model.is_flag = !model.is_positional && option->get_expected_max() == 0;
    model.long_name = model.is_positional ? option->get_name(true) : option->get_lnames().front();
    if (!option->get_snames().empty()) model.short_name = option->get_snames().front();
    if (!model.is_flag) model.metavar = option->get_type_name();
    model.help = option->get_description();
    model.group = option->get_group();
    command.options.push_back(std::move(model));
  }
  return command;
}

ProgramModel model_of_program(const CLI::App& app) {
  ProgramModel program{DBAUDIT_VERSION, model_of(app), {}};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); })) {
    program.commands.push_back(model_of(*command));
  }
  return program;
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments, const std::string& directory) {
  CLI::App app("Finds data races in how applications use their database: lost updates, duplicate rows, stale decisions", "dbaudit");
  app.set_version_flag("--version", "dbaudit " DBAUDIT_VERSION, "Print the version and exit");
  app.require_subcommand(0, 1);
  app.set_help_flag("-h,--help", "Print this and exit");
  app.formatter(std::make_shared<HelpFormatter>());
  Typed typed;
  add_scan(app, typed);
  add_other_commands(app, typed);
  for (const auto& [name, why] : kReserved) app.add_subcommand(name, why)->group("")->prefix_command()->set_help_flag();
  app.footer(
      "Examples:\n"
      "  dbaudit demo\n"
      "  dbaudit scan --schema schema.sql --engine postgresql postgresql.log\n"
      "  dbaudit explain DBA101\n\n"
      "dbaudit COMMAND --help tells more.");
  app.allow_extras();
  for (CLI::App* command : app.get_subcommands(nullptr)) command->allow_extras();

  if (arguments.size() == 2 && arguments[0] == "--generate") {  // for the build: CMakeLists.txt
    Result<std::string> text = generated_text(arguments[1], model_of_program(app));
    if (!text) return tl::unexpected(text.error());
    CommandLine line;
    line.text = *std::move(text);
    return line;
  }

  auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> parsed(arguments.begin(), dashes);
  if (dashes != arguments.end()) typed.after_dashes.assign(dashes + 1, arguments.end());
  std::reverse(parsed.begin(), parsed.end());  // CLI11 takes them last first

  CommandLine line;
  try {
    app.parse(std::move(parsed));
  } catch (const CLI::CallForHelp&) {
    line.text = app.help();
    return line;
  } catch (const CLI::CallForVersion& version) {
    line.text = std::string(version.what()) + "\n";
    return line;
  } catch (const CLI::ParseError& error) {
    return tl::unexpected(parse_error(error));
  }
  // The program's own leftovers first: what is no command, or an option before the command.
  if (std::optional<Error> error = leftover(app)) return tl::unexpected(*error);
  std::vector<CLI::App*> chosen = app.get_subcommands();
  if (chosen.empty()) {
    line.text = app.help();
    line.help_status = 2;
    return line;
  }
  return check_command(*chosen.front(), typed, directory);
}

int run_command_line(int argc, char** argv) {
  Result<CommandLine> line = parse_command_line(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc), ".");
  if (!line) return job_failed(line.error().message);
  switch (line->command) {
    case Command::kHelp: std::fwrite(line->text.data(), 1, line->text.size(), stdout); return line->help_status;
    case Command::kScan: return run_scan(line->scan);
    case Command::kRules: return run_rules(line->format);
    case Command::kExplain: return run_explain(line->rule);
    case Command::kSchema: return run_schema(line->dsn, line->output);
    case Command::kDoctor: return run_doctor(line->dsn, line->format);
    case Command::kEvents: return run_events(line->log_format, line->log_line_prefix, line->path);
    case Command::kFacts: return run_facts(line->engine, line->format, line->path);
    case Command::kDemo: return run_demo(line->keep_dir);
    case Command::kInit: return run_init(line->dsn, line->overwrite);
    case Command::kDiff: return run_diff(line->diff);
  }
  return 2;
}

}  // namespace dbaudit
