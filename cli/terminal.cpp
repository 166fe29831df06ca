#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "analyzers/base/text.h"

namespace dbaudit {

bool wants_color(ColorMode mode, bool is_terminal, const char* no_color, const char* term) {
  if (mode != ColorMode::kAuto) return mode == ColorMode::kAlways;
  if (no_color != nullptr && *no_color != '\0') return false;
  return is_terminal && term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
}

int wanted_width(const char* columns, int terminal_columns) {
  constexpr int kDefault = 100, kMin = 20, kMax = 1000;
  if (columns != nullptr) {
    std::string_view text(columns);
    int value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size() && value >= kMin && value <= kMax) return value;
  }
  return terminal_columns > 0 ? std::clamp(terminal_columns, kMin, kMax) : kDefault;
}

bool locale_is_utf8(const char* lc_all, const char* lc_ctype, const char* lang) {
  for (const char* value : {lc_all, lc_ctype, lang}) {
    if (value == nullptr || *value == '\0') continue;
    return icontains(value, "utf-8") || icontains(value, "utf8");
  }
  return false;
}

ReportStyle report_style(int fd, ColorMode color, bool verbose) {
  ReportStyle style;
  style.verbose = verbose;
  if (fd < 0) {
    style.color = color == ColorMode::kAlways;
    return style;
  }
  bool is_terminal = isatty(fd) == 1;
  int columns = 0;
  winsize size{};
  if (is_terminal && ioctl(fd, TIOCGWINSZ, &size) == 0) columns = size.ws_col;
  style.color = wants_color(color, is_terminal, std::getenv("NO_COLOR"), std::getenv("TERM"));
  style.width = wanted_width(std::getenv("COLUMNS"), columns);
  style.ascii = !locale_is_utf8(std::getenv("LC_ALL"), std::getenv("LC_CTYPE"), std::getenv("LANG"));
  return style;
}

int terminal_columns(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void job_note(std::string_view message) {
  const std::string line = "dbaudit: note: " + printable(message) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

int job_failed(std::string_view message) {
  std::string line = "dbaudit: " + printable(message) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  return 2;
}

}  // namespace dbaudit
