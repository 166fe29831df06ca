#include "rules/masked_name.h"

#include <algorithm>
#include <cctype>

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

constexpr size_t kLongestSession = 64;
constexpr size_t kShortestToken = 20;

bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

/// `somebody@example.com`; not `@scope/package`, `pg@8.11.3` or `4101:1@lite`.
bool holds_address(std::string_view text) {
  for (size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    if (at == 0 || !is_alnum(text[at - 1])) continue;
    const std::string_view domain = text.substr(at + 1, text.substr(at + 1).find_first_of(" \t/<>\"',;:?&=)#"));
    const size_t dot = domain.rfind('.');
    if (dot != std::string_view::npos && dot > 0 && dot + 1 < domain.size() && is_letter(domain[dot + 1])) return true;
  }
  return false;
}

/// A run of letters and digits as no name has it: long, with capitals, small letters and digits mixed. Identifiers in hexadecimal have one case only.
bool holds_token(std::string_view text) {
  size_t run = 0;
  bool upper = false, lower = false, digit = false;
  for (char c : text) {
    if (!is_alnum(c) && c != '_') {
      run = 0;
      upper = lower = digit = false;
      continue;
    }
    ++run;
    upper |= c >= 'A' && c <= 'Z';
    lower |= c >= 'a' && c <= 'z';
    digit |= c >= '0' && c <= '9';
    if (run >= kShortestToken && upper && lower && digit) return true;
  }
  return false;
}

}  // namespace

std::string masked_session(std::string_view name, uint32_t number) {
  const auto names_one = [](char c) { return is_alnum(c) || std::string_view(" ._:-/#@()[]").find(c) != std::string_view::npos; };
  const bool shown =
      name.size() <= kLongestSession && std::all_of(name.begin(), name.end(), names_one) && !holds_address(name) && !holds_token(name);
  return shown ? std::string(name) : "#" + std::to_string(number + 1);
}

std::string masked_path(std::string_view path) {
  // Django's routes hold regular expressions: `(?P<id>` asks nothing.
  for (size_t at = path.find('?'); at != std::string_view::npos; at = path.find('?', at + 1)) {
    if (at > 0 && path[at - 1] == '(') continue;
    path = path.substr(0, at);
    break;
  }
  std::string masked;
  bool first = true;
  for (std::string_view segment : split(path, '/')) {
    if (!first) masked += '/';
    first = false;
    masked += holds_address(segment) || holds_token(segment) ? "?" : segment;
  }
  return masked;
}

}  // namespace dbaudit
