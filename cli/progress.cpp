#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "analyzers/base/text.h"
#include "cli/report/layout.h"

namespace dbaudit {

namespace {

constexpr auto kFirst = std::chrono::milliseconds(700);  // what is read in less needs no line
constexpr auto kEvery = std::chrono::milliseconds(200);
constexpr auto kEveryLine = std::chrono::seconds(5);

std::string time_text(double seconds) {
  const auto whole = static_cast<uint64_t>(std::ceil(std::min(seconds, 1e6)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace

std::string size_text(uint64_t bytes) {
  const auto n = static_cast<double>(bytes);
  if (bytes < 1000) return count_of(bytes, "byte");
  if (n < 999'950) return fmt::format("{:.1f} kB", n / 1e3);
  if (n < 999'950'000) return fmt::format("{:.1f} MB", n / 1e6);
  return fmt::format("{:.1f} GB", n / 1e9);
}

std::string progress_text(std::string_view path, uint64_t bytes, uint64_t total, double seconds) {
  std::string text = fmt::format("{}: {}", printable(path), size_text(bytes));
  const bool knows_end = total != 0 && bytes <= total;
  if (knows_end) text += fmt::format(" of {} ({}%)", size_text(total), bytes * 100 / total);
  if (seconds < 0.001 || bytes == 0) return text;
  const double rate = static_cast<double>(bytes) / seconds;
  text += fmt::format(", {}/s", size_text(static_cast<uint64_t>(rate)));
  if (knows_end && bytes < total) text += fmt::format(", {} left", time_text(static_cast<double>(total - bytes) / rate));
  return text;
}

ProgressMode progress_mode(bool is_terminal, bool quiet, bool forced) {
  if (quiet) return ProgressMode::kNone;
  return is_terminal ? ProgressMode::kLine : forced ? ProgressMode::kLines : ProgressMode::kNone;
}

void Progress::begin(std::string_view path, uint64_t total) {
  if (mode_ == ProgressMode::kNone) return;
  path_ = path;
  total_ = total;
  begun_ = shown_ = Clock::now();
}

void Progress::show(uint64_t bytes) {
  const Clock::time_point now = Clock::now();
  if (mode_ == ProgressMode::kLines) {
    if (now - shown_ < kEveryLine) return;
  } else if (now - begun_ < kFirst || (is_shown_ && now - shown_ < kEvery)) {
    return;
  }
  shown_ = now;
  std::string text = progress_text(path_, bytes, total_, seconds());
  if (mode_ == ProgressMode::kLines) {
    text += '\n';
  } else {
    // One line of the terminal: a longer one could not be taken off again.
    text = "\r\x1b[K" + elide_middle(text, std::max(columns_ - 1, 10), "...");
    is_shown_ = true;
  }
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void Progress::end(uint64_t bytes) {
  clear();
  if (mode_ != ProgressMode::kLines) return;
  const std::string text = progress_text(path_, bytes, bytes, seconds()) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void Progress::clear() {
  if (is_shown_) std::fputs("\r\x1b[K", stderr);
  is_shown_ = false;
}

}  // namespace dbaudit
