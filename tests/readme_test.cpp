// What README.md and docs/ tell people to type. The example of README.md is run on a fixture and must print what the page shows; every `dbaudit` command of a page must
// be one that the program takes; every file that a page links to must be there.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "analyzers/base/text.h"
#include "cli/options.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

const fs::path kRoot = DBAUDIT_SOURCE_DIR;

std::vector<fs::path> pages() {
  std::vector<fs::path> found = {kRoot / "README.md"};
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "docs")) {
    if (entry.path().extension() == ".md") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Strings lines_of(const std::string& text) {
  Strings lines;
  for (std::string_view line : split(text, '\n')) lines.emplace_back(line);
  return lines;
}

/// The lines of fenced blocks, joined where one ends in a backslash.
Strings code_lines(const std::string& page) {
  Strings code;
  bool inside = false, continued = false;
  for (const std::string& line : lines_of(page)) {
    if (trim(line).starts_with("```")) {
      inside = !inside;
      continued = false;
      continue;
    }
    if (!inside) continue;
    std::string text(trim(line));
    bool goes_on = text.ends_with('\\');
    if (goes_on) text.pop_back();
    if (continued) {
      code.back() += " " + text;
    } else {
      code.push_back(text);
    }
    continued = goes_on;
  }
  return code;
}

/// The `dbaudit …` commands in a line of shell, YAML or a console, each without what another program sees of it.
Strings commands_in(const std::string& line) {
  Strings commands;
  std::string_view rest = std::string_view(line).substr(0, line.find("  #"));  // a comment
  for (const std::string_view before : {"$ ", "- run: ", "script: ", "build/release/"}) {
    if (rest.starts_with(before)) rest.remove_prefix(before.size());
  }
  while (!rest.empty()) {
    size_t stop = rest.size(), next = rest.size();
    for (const std::string_view end : {" && ", " || ", " | ", " > "}) {
      if (const size_t at = rest.find(end); at < stop) stop = at, next = at + end.size();
    }
    const std::string_view part = rest.substr(0, stop);
    if (part.starts_with("dbaudit ") && part.find("…") == std::string_view::npos) commands.emplace_back(part.substr(8));
    rest.remove_prefix(next);
  }
  return commands;
}

}  // namespace

TEST_CASE("docs: every command of the pages is one that the program takes") {
  TemporaryDirectory directory;  // where no dbaudit.toml is
  size_t tried = 0;
  for (const fs::path& page : pages()) {
    for (const std::string& line : code_lines(read_file(page.string()))) {
      for (const std::string& command : commands_in(line)) {
        // The parser alone: no log has to be there.
        Strings arguments = split_command(command);
        INFO(page.filename().string() << ": dbaudit " << command);
        Result<CommandLine> parsed = parse_command_line(arguments);
        INFO((parsed ? std::string() : parsed.error().message));
        CHECK(parsed);
        ++tried;
      }
    }
  }
  CHECK(tried >= 15);
}

TEST_CASE("docs: the README's example prints what the README shows") {
  const fs::path fixture = kRoot / "fixtures/rules/get_or_create_without_unique_key/bad_django_server_log";
  const Strings page = lines_of(read_file((kRoot / "README.md").string()));
  const std::string begin = "$ dbaudit scan --schema schema.sql postgresql.log";
  auto at = std::find(page.begin(), page.end(), begin);
  REQUIRE(at != page.end());
  const auto end = std::find(at, page.end(), "```");

  TemporaryDirectory directory;
  fs::copy_file(fixture / "schema.sql", directory.path() + "/schema.sql");
  fs::copy_file(fixture / "app.log", directory.path() + "/postgresql.log");
  ProgramResult result = run_program({DBAUDIT_BINARY, "scan", "--schema", "schema.sql", "postgresql.log"}, directory.path());
  CHECK(result.err == "");
  CHECK(result.status == 1);
  const Strings printed = lines_of(result.out);
  auto next = printed.begin();
  size_t compared = 0;
  for (++at; at != end; ++at) {
    if (trim(*at) == "…") continue;  // what follows is further down
    auto found = std::find(next, printed.end(), *at);
    INFO("README.md shows: " << *at);
    REQUIRE(found != printed.end());
    next = found + 1;
    ++compared;
  }
  CHECK(compared >= 30);
}

TEST_CASE("docs: what a page links to is there") {
  for (const fs::path& page : pages()) {
    const std::string text = read_file(page.string());
    for (size_t at = text.find("]("); at != std::string::npos; at = text.find("](", at + 2)) {
      std::string target = text.substr(at + 2, text.find_first_of(")#", at + 2) - at - 2);
      if (target.empty() || target.find("://") != std::string::npos || target.find_first_of(" ,=") != std::string::npos) continue;
      INFO(page.filename().string() << " links to " << target);
      CHECK(fs::exists(page.parent_path() / target));
    }
  }
}

TEST_CASE("docs: the scripts that the README names are there") {
  for (const std::string& line : code_lines(read_file((kRoot / "README.md").string()))) {
    if (!line.starts_with("scripts/")) continue;
    INFO(line);
    CHECK(fs::exists(kRoot / split_command(line).front()));
  }
}

}  // namespace dbaudit
