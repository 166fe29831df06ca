// Where a scan's reports go.

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/scan.h"
#include "cli/terminal.h"

namespace dbaudit {

namespace {

// Beside the target under another name, then renamed over it: a reader sees the old report or the new one.
Result<void> write_whole(const std::string& path, const std::string& text) {
  const std::string part = fmt::format("{}.part{}", path, static_cast<long>(getpid()));
  std::FILE* file = std::fopen(part.c_str(), "wb");
  if (file == nullptr) return fail(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed || std::rename(part.c_str(), path.c_str()) != 0) {
    const int error = errno;
    std::remove(part.c_str());
    return fail(fmt::format("cannot write {}: {}", path, std::strerror(error)));
  }
  return {};
}

}  // namespace

Result<void> write_reports(const Report& report, const ScanOptions& options) {
  std::vector<std::pair<std::string, std::string>> wanted = options.reports;
  if (wanted.empty()) wanted.emplace_back("text", "-");
  for (const auto& [name, path] : wanted) {
    const ReportFormat* format = find_report_format(name);
    if (format == nullptr) return fail(fmt::format("unknown report format '{}'", name));
    const bool to_stdout = path == "-";
    const std::string text = format->write(report, report_style(to_stdout ? STDOUT_FILENO : -1, options.color, options.verbose));
    if (!to_stdout) {
      if (Result<void> done = write_whole(path, text); !done) return done;
    } else if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
      return fail(fmt::format("cannot write to standard output: {}", std::strerror(errno)));
    }
  }
  return {};
}

}  // namespace dbaudit
