#pragma once
// The statements of fixtures/sql: files `<who>_<engine>.sql`, a `--` line of prose first, a blank line between two statements.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "analyzers/base/engine.h"

namespace dbaudit::test {

struct SqlFixture {
  std::string file;  ///< without directory and extension
  Engine engine = Engine::kUnknown;
  std::vector<std::string> statements;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::vector<SqlFixture> sql_fixtures() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(DBAUDIT_SOURCE_DIR) / "fixtures" / "sql")) {
    if (entry.path().extension() == ".sql") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<SqlFixture> out;
  for (const auto& path : paths) {
    SqlFixture fixture;
    fixture.file = path.stem().string();
    fixture.engine = parse_engine(fixture.file.substr(fixture.file.rfind('_') + 1)).value_or(Engine::kUnknown);
    std::istringstream lines(read_file(path));
    std::string line, statement;
    std::getline(lines, line);
    auto flush = [&] {
      if (!statement.empty()) fixture.statements.push_back(std::move(statement));
      statement.clear();
    };
    while (std::getline(lines, line)) {
      if (line.empty()) {
        flush();
      } else {
        statement += (statement.empty() ? "" : "\n") + line;
      }
    }
    flush();
    out.push_back(std::move(fixture));
  }
  return out;
}

}  // namespace dbaudit::test
