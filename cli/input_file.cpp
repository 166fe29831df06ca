#include "cli/input_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>

namespace dbaudit {

Result<std::string> read_text_file(const std::string& path, size_t most) {
  const bool is_stdin = path == "-";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(is_stdin ? nullptr : std::fopen(path.c_str(), "rb"),
                                                               [](std::FILE* f) { return f == nullptr ? 0 : std::fclose(f); });
  std::FILE* file = is_stdin ? stdin : opened.get();
  if (file == nullptr) return fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  std::string text;
  char chunk[65536];
  errno = 0;
  for (size_t n = 0; (n = std::fread(chunk, 1, sizeof chunk, file)) != 0;) {
    text.append(chunk, n);
    if (text.size() > most) return fail(fmt::format("{} is larger than {} MiB", path, most >> 20));
  }
  if (std::ferror(file) != 0) return fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  return text;
}

std::optional<uint64_t> parse_hex64(std::string_view text) {
  uint64_t value = 0;
  if (text.size() != 16) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace dbaudit
