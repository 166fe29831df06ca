#include "analyzers/log/formats/ruby_inspect.h"

#include <algorithm>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr int kMaxDepth = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Offset behind the string whose opening quote is at `at`; npos when it does not end.
size_t skip_string(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return kNone;
}

/// `-12`, `1.5`, `0.15e1`: what Ruby prints of numbers.
bool is_number(std::string_view s) {
  size_t at = !s.empty() && s[0] == '-' ? 1 : 0;
  const size_t digits = at;
  while (at < s.size() && is_digit(s[at])) ++at;
  if (at == digits) return false;
  if (at < s.size() && s[at] == '.') {
    const size_t fraction = ++at;
    while (at < s.size() && is_digit(s[at])) ++at;
    if (at == fraction) return false;
  }
  if (at < s.size() && (s[at] | 0x20) == 'e') {
    ++at;
    if (at < s.size() && (s[at] == '-' || s[at] == '+')) ++at;
    const size_t exponent = at;
    while (at < s.size() && is_digit(s[at])) ++at;
    if (at == exponent) return false;
  }
  return at == s.size();
}

bool is_hidden(std::string_view s) {
  if (s == "[FILTERED]") return true;
  size_t at = 1;
  while (at < s.size() && is_digit(s[at])) ++at;
  return at > 1 && s[0] == '<' && s.substr(at) == " bytes of binary data>";
}

/// Offset of the next comma or closing bracket of this level, from inside a container; npos when it does not come.
size_t element_end(std::string_view text, size_t at) {
  int depth = 0;
  while (at < text.size()) {
    switch (text[at]) {
      case '"':
        at = skip_string(text, at);
        if (at == kNone) return kNone;
        continue;
      case '[':
      case '{':
        if (++depth > kMaxDepth) return kNone;
        break;
      case ']':
      case '}':
        if (depth-- == 0) return at;
        break;
      case ',':
        if (depth == 0) return at;
        break;
      default: break;
    }
    ++at;
  }
  return kNone;
}

}  // namespace

std::optional<size_t> skip_ruby_container(std::string_view text, size_t from) {
  if (from >= text.size() || (text[from] != '[' && text[from] != '{')) return std::nullopt;
  size_t at = from + 1;
  while (true) {
    at = element_end(text, at);
    if (at == kNone) return std::nullopt;
    if (text[at] != ',') return at + 1;
    ++at;
  }
}

void RubyValues::reset(size_t bytes) {
  used_ = 0;
  if (capacity_ < bytes) {
    capacity_ = bytes + bytes / 2 + 64;
    storage_ = std::make_unique<char[]>(capacity_);
  }
}

bool RubyValues::pairs(std::string_view text, std::vector<BindValue>& out, bool& hidden) {
  if (!text.starts_with('[')) return false;
  size_t at = 1;
  while (true) {
    while (at < text.size() && text[at] == ' ') ++at;
    if (at >= text.size()) return false;
    if (text[at] == ']') return at + 1 == text.size();
    if (text[at] != '[') return false;
    const size_t name_end = element_end(text, at + 1);
    if (name_end == kNone || text[name_end] != ',') return false;
    const size_t value_end = element_end(text, name_end + 1);
    if (value_end == kNone || text[value_end] != ']') return false;
    out.push_back(value(trim(text.substr(name_end + 1, value_end - name_end - 1)), hidden));
    at = value_end + 1;
    if (at < text.size() && text[at] == ',') ++at;
  }
}

BindValue RubyValues::value(std::string_view text, bool& hidden) {
  BindValue v;
  v.text = text;
  if (text == "nil") {
    v.is_null = true;
    v.text = {};
  } else if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    v.text = unescape(text.substr(1, text.size() - 2));
    v.is_unknown = is_hidden(v.text);
  } else {
    v.is_number = is_number(text);
    v.is_unknown = is_hidden(text);
  }
  hidden |= v.is_unknown;
  return v;
}

std::string_view RubyValues::unescape(std::string_view body) {
  if (body.find('\\') == kNone || capacity_ - used_ < body.size()) return body;
  char* const begin = storage_.get() + used_;
  char* out = begin;
  const auto put_code_point = [&out](uint32_t c) {
    if (c < 0x80) {
      *out++ = static_cast<char>(c);
    } else if (c < 0x800) {
      *out++ = static_cast<char>(0xC0 | (c >> 6));
      *out++ = static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      *out++ = static_cast<char>(0xE0 | (c >> 12));
      *out++ = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
      *out++ = static_cast<char>(0x80 | (c & 0x3F));
    } else {
      *out++ = static_cast<char>(0xF0 | (c >> 18));
      *out++ = static_cast<char>(0x80 | ((c >> 12) & 0x3F));
      *out++ = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
      *out++ = static_cast<char>(0x80 | (c & 0x3F));
    }
  };
  for (size_t at = 0; at < body.size();) {
    const char c = body[at++];
    if (c != '\\' || at == body.size()) {
      *out++ = c;
      continue;
    }
    const char e = body[at++];
    switch (e) {
      case 'n': *out++ = '\n'; break;
      case 't': *out++ = '\t'; break;
      case 'r': *out++ = '\r'; break;
      case 'e': *out++ = '\x1b'; break;
      case 'a': *out++ = '\a'; break;
      case 'b': *out++ = '\b'; break;
      case 'v': *out++ = '\v'; break;
      case 'f': *out++ = '\f'; break;
      case 'x': {
        int code = 0, digits = 0;
        for (; digits < 2 && at < body.size() && hex_digit(body[at]) >= 0; ++digits) code = code * 16 + hex_digit(body[at++]);
        *out++ = digits == 0 ? 'x' : static_cast<char>(code);
        break;
      }
      case 'u': {
        const bool braces = at < body.size() && body[at] == '{';
        if (braces) ++at;
        uint32_t code = 0;
        int digits = 0;
        for (; digits < (braces ? 6 : 4) && at < body.size() && hex_digit(body[at]) >= 0; ++digits)
          code = code * 16 + static_cast<uint32_t>(hex_digit(body[at++]));
        if (braces && at < body.size() && body[at] == '}') ++at;
        if (digits == 0 || code > 0x10FFFF) {
          *out++ = '?';
        } else {
          put_code_point(code);
        }
        break;
      }
      default: *out++ = e;
    }
  }
  used_ += static_cast<size_t>(out - begin);
  return {begin, static_cast<size_t>(out - begin)};
}

}  // namespace dbaudit
