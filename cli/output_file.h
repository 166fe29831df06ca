#pragma once
// Output that a reader never sees half of.

#include <cstdio>
#include <string>
#include <string_view>

#include "analyzers/base/error.h"

namespace dbaudit {

/// A file that is written piece by piece and is there, whole, when it is finished: until then it is beside its place under another name. What is
/// there already and is no regular file (`/dev/null`, a pipe), or anything in `/dev`, is written to, never replaced; so is standard output (`-` or an empty path).
/// A symbolic link is followed.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  /// What was not finished is taken away.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view piece);
  /// Once. Errors: of making, writing, closing or moving the file, whichever came first.
  [[nodiscard]] Result<void> finish();

 private:
  void fail_if(bool failed);
  [[nodiscard]] bool is_standard_output() const { return path_.empty() || path_ == "-"; }

  std::string path_;
  std::string place_, part_;  // where the file goes, and its name until then; empty when it is written in place
  std::FILE* file_ = nullptr;
  int error_ = 0;  // errno of what failed first
};

/// Writes `text` as an OutputFile is written.
[[nodiscard]] Result<void> write_whole(const std::string& path, const std::string& text);

}  // namespace dbaudit
