#include "cli/report/json_text.h"

#include <fmt/format.h>

#include <algorithm>
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

/// Appends the dump, escaped; every line of it but the first begins with `margin`.
void append_json(std::string_view dump, std::string_view margin, std::string& text) {
  for (std::string_view rest = dump; !rest.empty();) {
    uint32_t code_point = 0;
    size_t bytes = 1;
    // Outside its strings JSON has none of these characters; inside them it has no line breaks.
    if (begins_tag(rest)) {
      text += "\\u003c";
    } else if ((bytes = terminal_control(rest, &code_point)) != 0) {
      text += fmt::format("\\u{:04x}", code_point);
    } else {
      text += rest.front();
      if (rest.front() == '\n') text += margin;
      bytes = 1;
    }
    rest.remove_prefix(bytes);
  }
}

}  // namespace

std::string json_text(std::string_view dump) {
  std::string text;
  text.reserve(dump.size() + 1);
  append_json(dump, {}, text);
  text += '\n';
  return text;
}

JsonListWriter::JsonListWriter(std::string_view frame, std::string_view empty_list, const ReportSink& sink) : sink_(sink) {
  const size_t list = frame.find(empty_list) + empty_list.size() - 1;  // its closing bracket
  const size_t line = frame.substr(0, list).rfind('\n') + 1;
  margin_.assign(std::min(frame.find_first_not_of(' ', line), list) - line, ' ');
  append_json(frame.substr(0, list), {}, text_);
  sink_(text_);
  behind_ = json_text(frame.substr(list));
}

void JsonListWriter::add(std::string_view dump) {
  const std::string margin = margin_ + "  ";
  text_.assign(is_empty_ ? "\n" : ",\n").append(margin);
  append_json(dump, margin, text_);
  sink_(text_);
  is_empty_ = false;
}

void JsonListWriter::finish() {
  if (!is_empty_) sink_("\n" + margin_);
  sink_(behind_);
}

}  // namespace dbaudit
