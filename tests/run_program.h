#pragma once
// Runs a program the way a test wants it: from a directory, with an input, in a known environment, never for ever.

#include <string>
#include <vector>

namespace dbaudit {

struct ProgramResult {
  int status = -1;  ///< exit status; 128 + signal when it was killed
  std::string out, err;
  bool timed_out = false;
};

/// `arguments[0]` is the program's path. The environment is this process's, but for what would change an output: UTF-8 locale, UTC, no
/// colours chosen, no DATABASE_URL.
ProgramResult run_program(const std::vector<std::string>& arguments, const std::string& directory, const std::string& input = {},
                          int timeout_seconds = 120);

/// Words of one command line as a shell splits them: blanks, 'single' and "double" quotes, backslash. No expansion of any kind.
std::vector<std::string> split_command(const std::string& line);

/// A new directory under the system's temporary one, removed with everything in it at the end of the scope.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The whole file as bytes; empty when it is not there.
std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);

}  // namespace dbaudit
