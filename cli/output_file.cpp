#include "cli/output_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace dbaudit {

namespace {

tl::unexpected<Error> cannot_write(const std::string& what, int error) {
  return fail(fmt::format("cannot write {}: {}", what, std::strerror(error)));
}

// True when all of it was written; errno says why not.
bool write_and_close(std::FILE* file, const std::string& text) {
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const int error = errno;
  const bool closed = std::fclose(file) == 0;
  if (!written) errno = error;
  return written && closed;
}

}  // namespace

Result<void> write_whole(const std::string& path, const std::string& text) {
  if (path.empty() || path == "-") {
    errno = 0;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
      return cannot_write("to standard output", errno);
    return {};
  }
  struct stat there = {};
  const bool in_place = stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode);
  const std::string part = in_place ? path : fmt::format("{}.part{}", path, static_cast<long>(getpid()));
  std::FILE* file = std::fopen(part.c_str(), in_place ? "ab" : "wb");
  if (file == nullptr) return cannot_write(path, errno);
  if (!write_and_close(file, text) || (!in_place && std::rename(part.c_str(), path.c_str()) != 0)) {
    const int error = errno;
    if (!in_place) std::remove(part.c_str());
    return cannot_write(path, error);
  }
  return {};
}

}  // namespace dbaudit
