#include "cli/report/layout.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

struct CodePointRange {
  uint32_t first, last;
};
// Unicode 15 East_Asian_Width W and F, and emoji shown as wide, merged to blocks: a report needs columns that line up, not every exception.
constexpr CodePointRange kWide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},  {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},
                                    {0xA000, 0xA4CF},   {0xA960, 0xA97F},  {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
                                    {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF},
                                    {0x20000, 0x2FFFD}, {0x30000, 0x3FFFD}};
constexpr CodePointRange kZero[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A}, {0x064B, 0x065F},
                                    {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F},
                                    {0x202A, 0x202E}, {0x2060, 0x2064}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};

template <size_t N>
bool contains(const CodePointRange (&ranges)[N], uint32_t c) {
  const auto* it =
      std::upper_bound(std::begin(ranges), std::end(ranges), c, [](uint32_t v, const CodePointRange& r) { return v < r.first; });
  return it != std::begin(ranges) && c <= std::prev(it)->last;
}

struct Character {
  size_t bytes = 1;
  int width = 1;
  uint32_t code_point = 0;
};

/// The character at the start of `s` (not empty). A byte that starts none counts as one character of one column.
Character first_character(std::string_view s) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(s[i]); };
  Character c;
  uint8_t lead = byte(0);
  if (lead < 0x80) {
    c.code_point = lead;
    return c;
  }
  size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  if (bytes == 1 || bytes > s.size()) return c;
  uint32_t code_point = lead & (0xFFU >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return c;
    code_point = code_point << 6 | (byte(i) & 0x3FU);
  }
  c.bytes = bytes;
  c.code_point = code_point;
  c.width = contains(kZero, code_point) ? 0 : contains(kWide, code_point) ? 2 : 1;
  return c;
}

/// The longest prefix of at most `width` columns, in bytes; at least one character, so that a caller always moves on.
size_t prefix_bytes(std::string_view s, int width) {
  size_t at = 0;
  int used = 0;
  while (at < s.size()) {
    Character c = first_character(s.substr(at));
    if (used + c.width > width && at > 0) break;
    used += c.width;
    at += c.bytes;
  }
  return at;
}

/// The start of the longest suffix of at most `width` columns.
size_t suffix_start(std::string_view s, int width) {
  size_t at = 0;
  int left = display_width(s);
  while (left > width && at < s.size()) {
    Character c = first_character(s.substr(at));
    left -= c.width;
    at += c.bytes;
  }
  return at;
}

bool is_word_byte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

/// The offset of the word FROM outside quotes and parentheses, or npos.
size_t top_level_from(std::string_view sql) {
  int depth = 0;
  char quote = 0;
  for (size_t i = 0; i < sql.size(); ++i) {
    char c = sql[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      --depth;
    } else if (depth == 0 && (c == 'F' || c == 'f') && i > 0 && !is_word_byte(sql[i - 1]) && istarts_with(sql.substr(i), "from") &&
               (i + 4 == sql.size() || !is_word_byte(sql[i + 4]))) {
      return i;
    }
  }
  return std::string_view::npos;
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    Character c = first_character(text);
    width += c.width;
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string pad_right(std::string_view text, int width) {
  std::string padded(text);
  int missing = width - display_width(text);
  if (missing > 0) padded.append(static_cast<size_t>(missing), ' ');
  return padded;
}

std::vector<std::string> wrap(std::string_view text, int width, int hang) {
  std::vector<std::string> lines;
  text = trim(text);
  do {
    int indent = lines.empty() ? 0 : hang;
    int room = std::max(width - indent, 8);
    size_t take = prefix_bytes(text, room);
    if (take < text.size() && text[take] != ' ') {
      size_t blank = text.substr(0, take).rfind(' ');
      if (blank != std::string_view::npos && blank > 0) take = blank;
    }
    std::string_view line = text.substr(0, take);
    while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
    lines.push_back(std::string(static_cast<size_t>(indent), ' ').append(line));
    text.remove_prefix(take);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  } while (!text.empty());
  return lines;
}

std::string elide_middle(std::string_view text, int width, std::string_view ellipsis) {
  if (display_width(text) <= width) return std::string(text);
  // Blanks around the ellipsis, so that it is not read as part of a name.
  int room = std::max(width - display_width(ellipsis) - 2, 2);
  size_t head = prefix_bytes(text, (room + 1) / 2);
  size_t tail = suffix_start(text, room - display_width(text.substr(0, head)));
  // A cut inside a word moves to where a word begins when that costs little.
  const size_t near = static_cast<size_t>(std::max(room / 4, 8));
  auto word_begins = [&](size_t at) {
    return at == text.size() || (at > 0 && std::string_view(" .,(").find(text[at - 1]) != std::string_view::npos);
  };
  for (size_t back = 0; back <= near && back < head; ++back) {
    if (!word_begins(head - back)) continue;
    head -= back;
    break;
  }
  for (size_t on = 0; on <= near && tail + on < text.size(); ++on) {
    if (!word_begins(tail + on)) continue;
    tail += on;
    break;
  }
  return std::string(trim(text.substr(0, head))).append(" ").append(ellipsis).append(" ").append(trim(text.substr(tail)));
}

std::string shorten_statement(std::string_view sql, int width, std::string_view ellipsis) {
  if (display_width(sql) <= width) return std::string(sql);
  std::string shorter(sql);
  if (istarts_with(sql, "select ")) {
    size_t from = top_level_from(sql);
    constexpr size_t kListStart = 7;  // after `SELECT `
    if (from != std::string_view::npos && from > kListStart + ellipsis.size() + 1) {
      shorter.replace(kListStart, from - kListStart, std::string(ellipsis) + " ");
    }
  }
  return elide_middle(shorter, width, ellipsis);
}

std::string with_thousands(uint64_t n) {
  std::string digits = std::to_string(n);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string count_of(uint64_t n, std::string_view singular) {
  return with_thousands(n).append(" ").append(singular).append(n == 1 ? "" : "s");
}

std::string to_ascii(std::string_view text) {
  std::string ascii;
  while (!text.empty()) {
    Character c = first_character(text);
    if (c.code_point != 0 && c.code_point < 0x80) {
      ascii += static_cast<char>(c.code_point);
    } else {
      switch (c.code_point) {
        case 0x2026: ascii += "..."; break;  // …
        case 0x2192: ascii += "->"; break;   // →
        case 0x2190: ascii += "<-"; break;   // ←
        case 0x21C4: ascii += "<->"; break;  // ⇄
        case 0x2018:
        case 0x2019: ascii += '\''; break;
        case 0x201C:
        case 0x201D: ascii += '"'; break;
        case 0x2010:
        case 0x2011:
        case 0x2012:
        case 0x2013:
        case 0x2014:
        case 0x2212:
        case 0x00B7: ascii += '-'; break;
        case 0x2022: ascii += '*'; break;         // •
        case 0x00B1: ascii += "+-"; break;        // ±
        case 0x00D7: ascii += 'x'; break;         // ×
        case 0x00A7: ascii += "section "; break;  // §
        case 0x2264: ascii += "<="; break;
        case 0x2265: ascii += ">="; break;
        case 0x2260: ascii += "!="; break;
        case 0x00A0: ascii += ' '; break;
        default: ascii += '?';
      }
    }
    text.remove_prefix(c.bytes);
  }
  return ascii;
}

std::string Painter::operator()(Ink ink, std::string_view text) const {
  static constexpr std::string_view kCodes[] = {"", "1", "2", "1;31", "1;33", "1;36", "36", "33", "32"};
  std::string_view code = kCodes[static_cast<size_t>(ink)];
  if (!color_ || code.empty() || text.empty()) return std::string(text);
  return std::string("\x1b[").append(code).append("m").append(text).append("\x1b[0m");
}

}  // namespace dbaudit
