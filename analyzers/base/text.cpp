#include "analyzers/base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace dbaudit {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct Decoded {
  uint32_t code_point = 0;
  size_t length = 0;  // 0: the byte at this place is not the start of a valid sequence
};

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// One UTF-8 sequence at `at` (Unicode table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
Decoded decode(std::string_view s, size_t at) {
  const auto first = static_cast<unsigned char>(s[at]);
  if (first < 0x80) return {first, 1};
  size_t length = 0;
  uint32_t code_point = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
    code_point = first & 0x1FU;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    code_point = first & 0x0FU;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    code_point = first & 0x07U;
  } else {
    return {};
  }
  if (s.size() - at < length) return {};
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(s[at + i])) return {};
    code_point = code_point << 6 | (static_cast<unsigned char>(s[at + i]) & 0x3FU);
  }
  if (length == 3 && (code_point < 0x800 || (code_point >= 0xD800 && code_point <= 0xDFFF))) return {};
  if (length == 4 && (code_point < 0x10000 || code_point > 0x10FFFF)) return {};
  return {code_point, length};
}

void append_hex(std::string& out, std::string_view prefix, uint32_t value, int digits) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += prefix;
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += kDigits[value >> shift & 15];
}

/// Characters that turn the direction of the text around them: they can make a line read as another one.
bool is_bidi_control(uint32_t c) { return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F; }

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

std::string to_lower(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = ascii_lower(c);
  return out;
}

bool istarts_with(std::string_view s, std::string_view prefix) {
  if (s.size() < prefix.size()) return false;
  for (size_t i = 0; i < prefix.size(); ++i) {
    if (ascii_lower(s[i]) != ascii_lower(prefix[i])) return false;
  }
  return true;
}

bool icontains(std::string_view s, std::string_view needle) {
  if (needle.empty()) return true;
  const char first = ascii_lower(needle.front());
  for (size_t i = 0; i + needle.size() <= s.size(); ++i) {
    if (ascii_lower(s[i]) == first && istarts_with(s.substr(i + 1), needle.substr(1))) return true;
  }
  return false;
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
  return s;
}

std::vector<std::string_view> split(std::string_view s, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = s.find(separator);
    parts.push_back(s.substr(0, end));
    if (end == std::string_view::npos) return parts;
    s.remove_prefix(end + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

bool all_digits(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string printable(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (size_t at = 0; at < s.size();) {
    const Decoded d = decode(s, at);
    if (d.length == 0) {
      out += kReplacement;
      ++at;
      continue;
    }
    if (d.code_point == '\n' || d.code_point == '\t') {
      out += ' ';
    } else if (d.code_point < 0x20 || (d.code_point >= 0x7F && d.code_point <= 0x9F)) {
      append_hex(out, "\\x", d.code_point, 2);
    } else if (is_bidi_control(d.code_point)) {
      append_hex(out, "\\u", d.code_point, 4);
    } else if (d.code_point == 0x2028 || d.code_point == 0x2029) {
      out += ' ';  // line and paragraph separator
    } else {
      out += s.substr(at, d.length);
    }
    at += d.length;
  }
  return out;
}

std::string valid_utf8(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (size_t at = 0; at < s.size();) {
    const size_t length = decode(s, at).length;
    out += length == 0 ? kReplacement : s.substr(at, length);
    at += length == 0 ? 1 : length;
  }
  return out;
}

int edit_distance(std::string_view a, std::string_view b) {
  constexpr size_t kLongest = 64;
  if (a.size() > kLongest || b.size() > kLongest) return kLongest;
  // Optimal string alignment: three rows of the table are enough to see a transposition.
  std::array<std::array<int, kLongest + 1>, 3> rows{};
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const char x = ascii_lower(a[i - 1]);
      const char y = ascii_lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (x == y ? 0 : 1)});
      if (i > 1 && j > 1 && x == ascii_lower(b[j - 2]) && y == ascii_lower(a[i - 2])) row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > 64) return {};
  // A third of the letters may be wrong. Somebody who typed the beginning of a long name meant that name, however long the rest.
  const int allowed = std::max(1, static_cast<int>(word.size()) / 3);
  const std::string* best = nullptr;
  int best_distance = allowed + 1;
  for (const std::string& candidate : candidates) {
    const int distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best == nullptr && word.size() >= 3) {
    for (const std::string& candidate : candidates) {
      if (istarts_with(candidate, word)) {
        best = &candidate;
        break;
      }
    }
  }
  return best == nullptr ? std::string() : *best;
}

}  // namespace dbaudit
