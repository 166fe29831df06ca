// The manual page and the completions that the program writes: read by what reads them, where it is installed, and tried out in bash and fish. What bash offers for
// a value is handed to the parser of the command line, which must take it.

#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "analyzers/base/text.h"
#include "cli/options.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

using Strings = std::vector<std::string>;

/// The path of a program, empty when it is not installed.
std::string installed(const std::string& program) {
  for (const char* directory : {"/usr/bin/", "/bin/", "/usr/local/bin/"}) {
    if (access((directory + program).c_str(), X_OK) == 0) return directory + program;
  }
  return {};
}

std::string generated(const std::string& kind) {
  Result<CommandLine> line = parse_command_line({"--generate", kind});
  REQUIRE(line);
  return line->text;
}

Strings lines_of(const std::string& text) {
  Strings lines;
  for (std::string_view line : split(text, '\n')) {
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

bool has(const Strings& words, const std::string& word) { return std::find(words.begin(), words.end(), word) != words.end(); }

/// What bash offers for the last of these words, in a directory that holds `app.log` and the directory `logs`.
Strings offered(const std::string& bash, const Strings& words) {
  TemporaryDirectory directory;
  write_file(directory.path() + "/completion.bash", generated("bash"));
  write_file(directory.path() + "/app.log", "");
  // compopt tells readline how to show what is offered; there is none here.
  std::string script = "compopt() { :; }\n. ./completion.bash\nCOMP_WORDS=(";
  for (const std::string& word : words) script += "'" + word + "' ";
  script += ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_dbaudit\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  ProgramResult result = run_program({bash, "--norc", "-c", script}, directory.path());
  INFO(result.err);
  CHECK(result.err.empty());
  return lines_of(result.out);
}

}  // namespace

TEST_CASE("manual page: man and mandoc find nothing to complain about", "[pages]") {
  TemporaryDirectory directory;
  const std::string page = directory.path() + "/dbaudit.1";
  write_file(page, generated("man"));
  const std::string man = installed("man"), mandoc = installed("mandoc");
  if (man.empty() && mandoc.empty()) SKIP_TEST("neither man nor mandoc is installed");
  if (!mandoc.empty()) {
    ProgramResult lint = run_program({mandoc, "-T", "lint", "-W", "error", page}, directory.path());
    CHECK(lint.out + lint.err == "");
  }
  if (!man.empty()) {
    ProgramResult shown = run_program({man, "--warnings", "-l", page}, directory.path());
    CHECK(shown.err == "");
    // A hardened system answers `man` with a page about pages being left out.
    if (shown.out.find("minimized") == std::string::npos) CHECK(shown.out.find("--fail-on-confidence") != std::string::npos);
  }
}

TEST_CASE("manual page: every option that --help lists is in it", "[pages]") {
  const std::string page = generated("man");
  for (const char* command : {"scan", "schema", "doctor", "events", "facts", "demo", "rules"}) {
    Result<CommandLine> help = parse_command_line({command, "--help"});
    REQUIRE(help);
    for (std::string_view line : split(help->text, '\n')) {
      size_t at = line.find("--");
      if (at == std::string_view::npos || line.substr(0, 2) != "  " || at > 8) continue;
      std::string name;
      for (char c : line.substr(at, line.find(' ', at) - at)) name += c == '-' ? std::string("\\-") : std::string(1, c);
      INFO(command << " " << name);
      CHECK(page.find("\\fB" + name + "\\fR") != std::string::npos);
    }
  }
}

TEST_CASE("manual page: a line of the text is never a request", "[pages]") {
  const std::string page = generated("man");
  for (std::string_view line : split(page, '\n')) {
    if (line.starts_with('.'))
      CHECK((line.starts_with(".TH") || line.starts_with(".S") || line.starts_with(".B") || line.starts_with(".I ") ||
             line.starts_with(".TP") || line.starts_with(".PP") || line == ".br"));
    CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

TEST_CASE("completion: bash, zsh and fish take the scripts", "[pages]") {
  TemporaryDirectory directory;
  bool tried = false;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string program = installed(shell);
    if (program.empty()) continue;
    tried = true;
    const std::string script = directory.path() + "/" + shell;
    write_file(script, generated(shell));
    ProgramResult result = run_program({program, "-n", script}, directory.path());
    INFO(shell);
    CHECK(result.status == 0);
    CHECK(result.err == "");
  }
  if (!tried) SKIP_TEST("no shell is installed");
}

TEST_CASE("completion: bash offers commands, options, values and files", "[pages]") {
  const std::string bash = installed("bash");
  if (bash.empty()) SKIP_TEST("bash is not installed");
  CHECK(offered(bash, {"dbaudit", "sc"}) == Strings{"scan", "schema"});
  CHECK(offered(bash, {"dbaudit", "--v"}) == Strings{"--version"});
  CHECK(offered(bash, {"dbaudit", "scan", "--fail-on-"}) == Strings{"--fail-on-confidence"});
  CHECK(offered(bash, {"dbaudit", "scan", "--engine", "m"}) == Strings{"mysql", "mariadb"});
  CHECK(offered(bash, {"dbaudit", "scan", "--engine", "=", "m"}) == Strings{"mysql", "mariadb"});
  CHECK(offered(bash, {"dbaudit", "scan", "--engine", "="}) == Strings{"postgresql", "mysql", "mariadb", "sqlite"});
  CHECK(offered(bash, {"dbaudit", "scan", "--report", "sa"}) == Strings{"sarif="});
  CHECK(offered(bash, {"dbaudit", "scan", "--report", "sarif", "=", "app"}) == Strings{"app.log"});
  CHECK(offered(bash, {"dbaudit", "scan", "ap"}) == Strings{"app.log"});
  CHECK(offered(bash, {"dbaudit", "scan", "--schema", "ap"}) == Strings{"app.log"});
  CHECK(offered(bash, {"dbaudit", "demo", "--keep", "ap"}).empty());
  CHECK(offered(bash, {"dbaudit", "explain", "DBA10"}).size() >= 9);
  CHECK(offered(bash, {"dbaudit", "rules", "--format", ""}) == Strings{"text", "json"});
  CHECK(offered(bash, {"dbaudit", "scan", "--table", "ap"}).empty());
}

TEST_CASE("completion: the parser takes every word that bash offers for a value", "[pages]") {
  const std::string bash = installed("bash");
  if (bash.empty()) SKIP_TEST("bash is not installed");
  const std::vector<Strings> options = {{"scan", "--log-format", "app.log"},
                                        {"scan", "--engine", "app.log"},
                                        {"scan", "--format", "app.log"},
                                        {"scan", "--fail-on", "app.log"},
                                        {"scan", "--fail-on-confidence", "app.log"},
                                        {"scan", "--min-confidence", "app.log"},
                                        {"scan", "--color", "app.log"},
                                        {"scan", "--select", "app.log"},
                                        {"scan", "--ignore", "app.log"},
                                        {"rules", "--format"},
                                        {"doctor", "--format", "--dsn=x"},
                                        {"events", "--log-format", "app.log"},
                                        {"facts", "--engine"},
                                        {"facts", "--input", "--engine=sqlite"}};
  for (const Strings& option : options) {
    const Strings words = offered(bash, {"dbaudit", option[0], option[1], ""});
    INFO(option[0] << " " << option[1]);
    CHECK(words.size() >= 2);
    for (const std::string& word : words) {
      Strings arguments = {option[0], option[1], word};
      arguments.insert(arguments.end(), option.begin() + 2, option.end());
      Result<CommandLine> line = parse_command_line(arguments);
      INFO(word << (line ? "" : ": " + line.error().message));
      CHECK(line);
    }
  }
  for (const std::string& format : offered(bash, {"dbaudit", "scan", "--report", ""})) {
    INFO(format);
    CHECK(parse_command_line({"scan", "--report", format + "x", "app.log"}));
  }
}

TEST_CASE("completion: fish offers the same", "[pages]") {
  const std::string fish = installed("fish");
  if (fish.empty()) SKIP_TEST("fish is not installed");
  TemporaryDirectory directory;
  write_file(directory.path() + "/dbaudit.fish", generated("fish"));
  auto words = [&](const std::string& typed) {
    ProgramResult result = run_program({fish, "--no-config", "-c", "source dbaudit.fish; complete -C '" + typed + "'"}, directory.path());
    CHECK(result.err == "");
    Strings found;
    for (const std::string& line : lines_of(result.out)) found.push_back(line.substr(0, line.find('\t')));
    return found;
  };
  CHECK(words("dbaudit sc") == Strings{"scan", "schema"});
  CHECK(words("dbaudit scan --engine m") == Strings{"mariadb", "mysql"});
  CHECK(has(words("dbaudit scan --fail"), "--fail-on-confidence"));
}

TEST_CASE("--generate knows four kinds and nothing else", "[pages]") {
  Result<CommandLine> line = parse_command_line({"--generate", "powershell"});
  REQUIRE_FALSE(line);
  CHECK(line.error().message == "--generate takes man, bash, zsh or fish, not 'powershell'");
}

}  // namespace dbaudit
