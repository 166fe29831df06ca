// The manual page, from the model of the command line: man(7) macros, which man-db and mandoc both read.

#include <fmt/format.h>

#include <string>

#include "cli/program_model.h"

namespace dbaudit {

namespace {

/// Text as roff prints it: no escape, no hyphen that becomes another character, no line that is a request.
std::string roff(std::string_view text) {
  std::string out;
  bool line_starts = true;
  for (char c : text) {
    if (line_starts && (c == '.' || c == '\'')) out += "\\&";
    line_starts = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string option_entry(const OptionModel& option) {
  std::string names;
  if (option.is_positional) {
    names = "\\fI" + roff(option.long_name) + "\\fR";
  } else {
    if (!option.short_name.empty()) names += "\\fB\\-" + roff(option.short_name) + "\\fR, ";
    names += "\\fB\\-\\-" + roff(option.long_name) + "\\fR";
    if (!option.metavar.empty()) names += " \\fI" + roff(option.metavar) + "\\fR";
  }
  return fmt::format(".TP\n{}\n{}.\n", names, roff(option.help));
}

/// The options under the headings of --help; `-h` is told once, for all commands.
std::string options_of(const CommandModel& command) {
  std::string text, group;
  for (const OptionModel& option : command.options) {
    if (option.long_name == "help" && !command.name.empty()) continue;
    if (option.group != group && !command.name.empty() && option.group != "Options") {
      text += fmt::format(".PP\n{}:\n", roff(option.group));
    }
    group = option.group;
    text += option_entry(option);
  }
  return text;
}

std::string command_section(const CommandModel& command) {
  std::string text = fmt::format(".SS {}\n.B {}\n.PP\n{}.\n", roff(command.name), roff(command.synopsis), roff(command.summary));
  text += options_of(command);
  if (!command.footer.empty()) text += ".PP\n" + roff(command.footer) + "\n";
  return text;
}

constexpr std::string_view kStatusAndFiles = R"(.SH EXIT STATUS
.TP
.B 0
Nothing at or above \fB\-\-fail\-on\fR with at least \fB\-\-fail\-on\-confidence\fR.
.TP
.B 1
Findings.
.TP
.B 2
The job could not be done: a bad option, an unreadable log or schema, a database that does not answer. One line on standard error says why.
.TP
.B 130
Interrupted: no report was written.
.SH FILES
.TP
.I dbaudit.toml
Options of
.BR scan ,
looked for from the working directory upwards; those of the command line win.
.B dbaudit init
writes a commented one.
)";

constexpr std::string_view kExamples = R"(.SH EXAMPLES
.TP
Make a database wrong, then find out why:
.B dbaudit demo
.TP
Audit a log against a schema:
.B dbaudit scan \-\-schema schema.sql \-\-engine postgresql postgresql.log
.TP
Ask whether a server writes what is needed, and what to set:
.B dbaudit doctor \-\-dsn postgresql://audit@db/shop
.TP
Read about a rule:
.B dbaudit explain DBA101
.SH SEE ALSO
.BR sqlite3 (1),
.BR psql (1),
.BR mariadb (1)
)";

}  // namespace

std::string manual_page(const ProgramModel& model) {
  std::string text = fmt::format(".TH DBAUDIT 1 \"\" \"dbaudit {}\" \"User Commands\"\n", roff(model.version));
  text += ".SH NAME\ndbaudit \\- finds the races in how an application uses its database\n.SH SYNOPSIS\n";
  for (const CommandModel& command : model.commands) {
    if (&command != &model.commands.front()) text += ".br\n";
    text += fmt::format(".B {}\n", roff(command.synopsis));
  }
  text += fmt::format(".SH DESCRIPTION\n{}.\n", roff(model.program.summary));
  text +=
      "It reads the SQL log of an application or a server and the schema of its database. It tells which two statements of which requests "
      "can\n"
      "overwrite each other's work, why the engine allows it at the isolation level in force, and the SQL that closes the hole.\n"
      "Nothing is written to the audited database.\n";
  text += ".SH OPTIONS\n" + options_of(model.program) + ".SH COMMANDS\n";
  for (const CommandModel& command : model.commands) text += command_section(command);
  text += kStatusAndFiles;
  text += kExamples;
  return text;
}

}  // namespace dbaudit
