#include "analyzers/log/reader.h"

#include <array>

#include "analyzers/base/text.h"

namespace dbaudit {

#define FORMAT(name) extern const Format kFormat_##name;
#include "analyzers/log/formats.def"
#undef FORMAT

namespace {

constexpr int kSureEnough = 200;
constexpr size_t kHead = size_t{64} << 10;

constexpr std::array kFormats{
#define FORMAT(name) &kFormat_##name,
#include "analyzers/log/formats.def"
#undef FORMAT
};

}  // namespace

std::span<const Format* const> all_formats() { return kFormats; }

const Format* find_format(std::string_view name) {
  for (const Format* format : kFormats) {
    if (format->name == name) return format;
  }
  return nullptr;
}

const Format* detect_format(std::string_view head, const ReaderOptions& options) {
  // A full head ends in the middle of a line, which would count as one that does not parse.
  if (head.size() >= kHead) {
    const size_t newline = head.rfind('\n');
    if (newline != std::string_view::npos) head = head.substr(0, newline + 1);
  }
  const Format* best = nullptr;
  int best_score = kSureEnough - 1;
  for (const Format* format : kFormats) {
    const int score = format->score(head, options);
    if (score > best_score) {
      best = format;
      best_score = score;
    }
  }
  return best;
}

}  // namespace dbaudit
