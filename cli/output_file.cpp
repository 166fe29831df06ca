#include "cli/output_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace dbaudit {

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  if (is_standard_output()) {
    file_ = stdout;
    return;
  }
  struct stat there = {};
  // `/dev/stdout` may lead to a regular file, and is no place of one.
  const bool in_place = stat(path_.c_str(), &there) == 0 && (!S_ISREG(there.st_mode) || path_.starts_with("/dev/"));
  if (!in_place) {
    // A link stays one: the file is put where it leads.
    std::error_code dangling;
    const std::filesystem::path target = std::filesystem::canonical(path_, dangling);
    place_ = dangling ? path_ : target.string();
    part_ = fmt::format("{}.part{}", place_, static_cast<long>(getpid()));
  }
  errno = 0;
  file_ = std::fopen(in_place ? path_.c_str() : part_.c_str(), in_place ? "ab" : "wb");
  fail_if(file_ == nullptr);
  if (file_ == nullptr) part_.clear();
}

OutputFile::~OutputFile() {
  if (file_ != nullptr && !is_standard_output()) std::fclose(file_);
  if (!part_.empty()) std::remove(part_.c_str());
}

void OutputFile::fail_if(bool failed) {
  if (failed && error_ == 0) error_ = errno != 0 ? errno : EIO;
}

void OutputFile::write(std::string_view piece) {
  if (error_ != 0) return;
  errno = 0;
  fail_if(std::fwrite(piece.data(), 1, piece.size(), file_) != piece.size());
}

Result<void> OutputFile::finish() {
  if (!is_standard_output() && file_ != nullptr) {
    errno = 0;
    fail_if(std::fclose(std::exchange(file_, nullptr)) != 0);
  } else if (error_ == 0) {
    errno = 0;
    fail_if(std::fflush(file_) != 0);
  }
  if (error_ == 0 && !part_.empty()) {
    fail_if(std::rename(part_.c_str(), place_.c_str()) != 0);
    if (error_ == 0) part_.clear();
  }
  if (error_ == 0) return {};
  return fail(fmt::format("cannot write {}: {}", is_standard_output() ? "to standard output" : path_, std::strerror(error_)));
}

Result<void> write_whole(const std::string& path, const std::string& text) {
  OutputFile file(path);
  file.write(text);
  return file.finish();
}

}  // namespace dbaudit
