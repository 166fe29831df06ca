#include "cli/report/json_text.h"

#include <fmt/format.h>

#include <cctype>
#include <cstdint>

namespace dbaudit {

namespace {

/// Bytes of a character at the start of `s` that is escaped though JSON does not ask for it, its number in `code_point`; 0 for any other.
size_t terminal_control(std::string_view s, uint32_t* code_point) {
  const auto byte = [s](size_t i) { return i < s.size() ? static_cast<uint8_t>(s[i]) : uint8_t{0}; };
  if (byte(0) == 0x7F) {
    *code_point = 0x7F;
    return 1;
  }
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) <= 0x9F) {
    *code_point = byte(1);
    return 2;
  }
  if (byte(0) == 0xD8 && byte(1) == 0x9C) {  // Arabic letter mark
    *code_point = 0x061C;
    return 2;
  }
  // U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069: E2 80 8E ... and E2 81 A6 ...
  if (byte(0) != 0xE2) return 0;
  const bool turns = (byte(1) == 0x80 && (byte(2) == 0x8E || byte(2) == 0x8F || (byte(2) >= 0xA8 && byte(2) <= 0xAE))) ||
                     (byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9);
  if (!turns) return 0;
  *code_point = 0x2000U | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
  return 3;
}

bool begins_tag(std::string_view s) {
  return s.size() > 1 && s[0] == '<' && (std::isalpha(static_cast<unsigned char>(s[1])) != 0 || s[1] == '/' || s[1] == '!' || s[1] == '?');
}

}  // namespace

std::string json_text(std::string_view dump) {
  std::string text;
  text.reserve(dump.size() + 1);
  for (std::string_view rest = dump; !rest.empty();) {
    uint32_t code_point = 0;
    size_t bytes = 1;
    // Outside its strings JSON has none of these characters.
    if (begins_tag(rest)) {
      text += "\\u003c";
    } else if ((bytes = terminal_control(rest, &code_point)) != 0) {
      text += fmt::format("\\u{:04x}", code_point);
    } else {
      text += rest.front();
      bytes = 1;
    }
    rest.remove_prefix(bytes);
  }
  text += '\n';
  return text;
}

}  // namespace dbaudit
