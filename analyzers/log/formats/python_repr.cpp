// A tolerant reader of Python reprs.
//
// The grammar is the one repr() really produces in a log, not Python's: strings in either quote with any prefix, containers, atoms (numbers, None,
// dotted names), calls with positional and keyword arguments, and `<…>` for objects that have nothing better to say. One oddity has a rule of its own:
// psycopg prints long JSON parameters cut in the middle, `Jsonb({'k': 'xxxx ... (57 chars))`, which leaves a quote open.

#include "analyzers/log/formats/python_repr.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace dbaudit {
namespace {

constexpr int kMaxDepth = 64;
constexpr size_t kNone = std::string_view::npos;  ///< no repr
constexpr size_t kOpen = kNone - 1;               ///< the text ends inside it
bool failed(size_t end) { return end >= kOpen; }

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool is_atom(char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '+' || c == '-'; }

size_t skip_blanks(std::string_view s, size_t at) {
  while (at < s.size() && is_blank(s[at])) ++at;
  return at;
}

char closer_of(char opener) { return opener == '(' ? ')' : opener == '[' ? ']' : opener == '{' ? '}' : '\0'; }

/// `at` stands on the quote; the offset after the closing one, or kOpen.
size_t skip_string(std::string_view s, size_t at) {
  const char quote = s[at++];
  while (at < s.size()) {
    if (s[at] == '\\') {
      at += 2;
    } else if (s[at] == quote) {
      return at + 1;
    } else {
      ++at;
    }
  }
  return kOpen;
}

/// Length of a string prefix (`b`, `u`, `rb`, …) when a quote follows it, else kNone.
size_t string_prefix(std::string_view s, size_t at) {
  for (size_t n = 0; n <= 2 && at + n < s.size(); ++n) {
    const char c = s[at + n];
    if (c == '\'' || c == '"') return n;
    if (std::strchr("bBrRuUfF", c) == nullptr) return kNone;
  }
  return kNone;
}

/// `<object at 0x…>`: up to the first `>` after which a value may end.
size_t skip_angle(std::string_view s, size_t at) {
  while ((at = s.find('>', at + 1)) != kNone) {
    if (at + 1 == s.size() || std::strchr(",)]}:;", s[at + 1]) != nullptr) return at + 1;
  }
  return kOpen;
}

/// psycopg's `Jsonb(<35 characters> ... (N chars))`, `at` standing after the parenthesis; the offset after the call, or kNone.
size_t skip_cut_json(std::string_view s, size_t at) {
  for (int characters = 0; characters < 35 && at < s.size(); ++characters) {
    ++at;
    while (at < s.size() && (static_cast<unsigned char>(s[at]) & 0xC0) == 0x80) ++at;
  }
  constexpr std::string_view kDots = " ... (", kClose = " chars))";
  if (s.substr(std::min(at, s.size()), kDots.size()) != kDots) return kNone;
  at += kDots.size();
  while (at < s.size() && is_digit(s[at])) ++at;
  return s.substr(std::min(at, s.size()), kClose.size()) == kClose ? at + kClose.size() : kNone;
}

size_t skip_value(std::string_view s, size_t at, int depth);

/// `at` stands after the opener. Elements may be `key: value` or `name=value`.
size_t skip_elements(std::string_view s, size_t at, char closer, int depth) {
  while (true) {
    at = skip_blanks(s, at);
    if (at >= s.size()) return kOpen;
    if (s[at] == closer) return at + 1;
    at = skip_value(s, at, depth + 1);
    if (failed(at)) return at;
    at = skip_blanks(s, at);
    if (at < s.size() && (s[at] == ':' || s[at] == '=')) {
      at = skip_value(s, at + 1, depth + 1);
      if (failed(at)) return at;
      at = skip_blanks(s, at);
    }
    if (at >= s.size()) return kOpen;
    if (s[at] == ',') {
      ++at;
    } else if (s[at] != closer) {
      return kNone;
    }
  }
}

size_t skip_value(std::string_view s, size_t at, int depth) {
  if (depth > kMaxDepth) return kNone;
  at = skip_blanks(s, at);
  if (at >= s.size()) return kOpen;
  const char c = s[at];
  if (const size_t prefix = string_prefix(s, at); prefix != kNone) return skip_string(s, at + prefix);
  if (const char closer = closer_of(c); closer != '\0') return skip_elements(s, at + 1, closer, depth);
  if (c == '<') return skip_angle(s, at);
  if (!is_atom(c)) return kNone;
  const size_t name = at;
  while (at < s.size() && is_atom(s[at])) ++at;
  if (at < s.size() && s[at] == '(') {
    const std::string_view called = s.substr(name, at - name);
    if (called == "Jsonb" || called == "Json") {
      if (const size_t cut = skip_cut_json(s, at + 1); cut != kNone) return cut;
    }
    return skip_elements(s, at + 1, ')', depth);
  }
  return at;
}

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && is_blank(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_blank(s.back())) s.remove_suffix(1);
  return s;
}

bool is_number(std::string_view s) {
  size_t at = !s.empty() && (s[0] == '-' || s[0] == '+') ? 1 : 0;
  size_t digits = 0;
  for (bool point = false; at < s.size() && (is_digit(s[at]) || (s[at] == '.' && !point)); ++at) {
    if (s[at] == '.') {
      point = true;
    } else {
      ++digits;
    }
  }
  if (digits == 0) return false;
  if (at < s.size() && (s[at] == 'e' || s[at] == 'E')) {
    ++at;
    if (at < s.size() && (s[at] == '-' || s[at] == '+')) ++at;
    const size_t first = at;
    while (at < s.size() && is_digit(s[at])) ++at;
    if (at == first) return false;
  }
  return at == s.size();
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// `digits` hexadecimal digits at `at`, or -1.
int64_t hex_number(std::string_view s, size_t at, size_t digits) {
  if (at + digits > s.size()) return -1;
  int64_t v = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int h = hex_value(s[at + i]);
    if (h < 0) return -1;
    v = v * 16 + h;
  }
  return v;
}

/// UTF-8 of a code point. U+DC80…U+DCFF are how Python holds a byte that was no UTF-8 (surrogateescape): they become that byte again.
size_t encode(uint32_t c, char* out) {
  const auto low = [c](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80 || (c >= 0xDC80 && c <= 0xDCFF)) {
    out[0] = static_cast<char>(c & 0xFF);
    return 1;
  }
  if (c < 0x800) {
    out[0] = static_cast<char>(0xC0 | (c >> 6));
    out[1] = low(0);
    return 2;
  }
  if (c < 0x10000) {
    out[0] = static_cast<char>(0xE0 | (c >> 12));
    out[1] = low(6);
    out[2] = low(0);
    return 3;
  }
  out[0] = static_cast<char>(0xF0 | (c >> 18));
  out[1] = low(12);
  out[2] = low(6);
  out[3] = low(0);
  return 4;
}

}  // namespace

std::optional<size_t> skip_python_repr(std::string_view text, size_t from) {
  const size_t end = skip_value(text, from, 0);
  if (failed(end)) return std::nullopt;
  return end;
}

bool is_open_python_repr(std::string_view text, size_t from) { return skip_value(text, from, 0) == kOpen; }

PythonElements::PythonElements(std::string_view container) : text_(trimmed(container)) {
  if (text_.empty()) return;
  closer_ = closer_of(text_[0]);
  at_ = 1;
}

bool PythonElements::next(std::string_view& element) {
  if (closer_ == '\0') return false;
  at_ = skip_blanks(text_, at_);
  if (at_ >= text_.size()) return closer_ = '\0', false;
  if (text_[at_] == closer_) return complete_ = at_ + 1 == text_.size(), closer_ = '\0', false;
  size_t begin = at_;
  size_t end = skip_value(text_, begin, 1);
  if (failed(end)) return closer_ = '\0', false;
  size_t after = skip_blanks(text_, end);
  if (closer_ == '}' && after < text_.size() && text_[after] == ':') {
    begin = skip_blanks(text_, after + 1);
    end = skip_value(text_, begin, 1);
    if (failed(end)) return closer_ = '\0', false;
    after = skip_blanks(text_, end);
  }
  element = text_.substr(begin, end - begin);
  if (after < text_.size() && text_[after] == ',') {
    at_ = after + 1;
  } else {
    at_ = after;
    if (after >= text_.size() || text_[after] != closer_) closer_ = '\0';
  }
  return true;
}

void PythonDecoder::reset(size_t bytes) {
  used_ = 0;
  // No escape is shorter than what it stands for; a date (`datetime.date(1,1,1)` is 20 bytes) may grow to 32.
  const size_t needed = bytes * 2 + 64;
  if (needed <= capacity_ && capacity_ <= needed + (size_t{1} << 20)) return;
  capacity_ = needed < 4096 ? 4096 : needed;
  storage_ = std::make_unique<char[]>(capacity_);
}

std::string_view PythonDecoder::unescape(std::string_view body, bool bytes, bool raw) {
  const size_t first = raw ? kNone : body.find('\\');
  if (first == kNone) return body;
  if (used_ + body.size() + 8 > capacity_) return body;
  char* const begin = storage_.get() + used_;
  std::memcpy(begin, body.data(), first);
  char* out = begin + first;
  for (size_t at = first; at < body.size();) {
    if (body[at] != '\\' || at + 1 == body.size()) {
      *out++ = body[at++];
      continue;
    }
    const char c = body[at + 1];
    at += 2;
    switch (c) {
      case '\n': continue;
      case 'a': *out++ = '\a'; continue;
      case 'b': *out++ = '\b'; continue;
      case 'f': *out++ = '\f'; continue;
      case 'n': *out++ = '\n'; continue;
      case 'r': *out++ = '\r'; continue;
      case 't': *out++ = '\t'; continue;
      case 'v': *out++ = '\v'; continue;
      case '\\':
      case '\'':
      case '"': *out++ = c; continue;
      case 'x':
      case 'u':
      case 'U': {
        const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        const int64_t v = (c != 'x' && bytes) ? -1 : hex_number(body, at, digits);
        if (v < 0 || v > 0x10FFFF) break;
        at += digits;
        if (bytes) {
          *out++ = static_cast<char>(v);
        } else {
          out += encode(static_cast<uint32_t>(v), out);
        }
        continue;
      }
      default: break;  // repr() writes no octal
    }
    *out++ = '\\';  // unknown: as it stands
    *out++ = c;
  }
  const size_t size = static_cast<size_t>(out - begin);
  used_ += size;
  return {begin, size};
}

bool PythonDecoder::date_text(std::string_view name, std::string_view arguments, std::string_view& out) {
  const bool date = name == "datetime.date", time = name == "datetime.time";
  if (!date && !time && name != "datetime.datetime") return false;
  int numbers[7] = {};
  size_t count = 0;
  std::string_view zone, element;
  size_t at = 0;
  // Keyword arguments are read here and not by PythonElements, which knows none.
  while ((at = skip_blanks(arguments, at)) < arguments.size()) {
    const size_t end = skip_value(arguments, at, 1);
    if (failed(end)) return false;
    element = arguments.substr(at, end - at);
    at = skip_blanks(arguments, end);
    if (at < arguments.size() && arguments[at] == '=') {
      const size_t begin = skip_blanks(arguments, at + 1);
      const size_t stop = skip_value(arguments, begin, 1);
      if (failed(stop)) return false;
      if (element == "tzinfo") zone = arguments.substr(begin, stop - begin);
      at = skip_blanks(arguments, stop);
    } else {
      int v = 0;
      const auto [end_of_number, error] = std::from_chars(element.data(), element.data() + element.size(), v);
      if (error != std::errc() || end_of_number != element.data() + element.size() || v < 0 || v > 999999 || count == 7) return false;
      numbers[count++] = v;
    }
    if (at < arguments.size() && arguments[at] != ',') return false;
    ++at;
  }
  char text[80];
  int size = 0;
  const size_t n = sizeof text;
  if (!time) {
    if (count < 3) return false;
    size = std::snprintf(text, n, "%04d-%02d-%02d", numbers[0], numbers[1], numbers[2]);
  }
  if (!date) {
    const int* clock = time ? numbers : numbers + 3;
    size += std::snprintf(text + size, n - static_cast<size_t>(size), "%s%02d:%02d:%02d", time ? "" : " ", clock[0], clock[1], clock[2]);
    if (clock[3] != 0) size += std::snprintf(text + size, n - static_cast<size_t>(size), ".%06d", clock[3]);
    // Only UTC is sure; another zone would need its rules. The offset is then left out.
    if (zone == "datetime.timezone.utc" || zone == "<UTC>" || zone == "datetime.UTC" || zone.find("'UTC'") != kNone)
      size += std::snprintf(text + size, n - static_cast<size_t>(size), "+00:00");
  }
  const size_t bytes = static_cast<size_t>(size);
  if (used_ + bytes > capacity_) return false;
  std::memcpy(storage_.get() + used_, text, bytes);
  out = {storage_.get() + used_, bytes};
  used_ += bytes;
  return true;
}

BindValue PythonDecoder::value(std::string_view repr) { return value(repr, 0); }

BindValue PythonDecoder::value(std::string_view repr, int depth) {
  BindValue v;
  repr = trimmed(repr);
  v.text = repr;
  if (repr.empty() || depth > 4) return v;
  if (const size_t prefix = string_prefix(repr, 0); prefix != kNone && skip_string(repr, prefix) == repr.size()) {
    bool bytes = false, raw = false;
    for (size_t i = 0; i < prefix; ++i) {
      bytes |= repr[i] == 'b' || repr[i] == 'B';
      raw |= repr[i] == 'r' || repr[i] == 'R';
    }
    v.text = unescape(repr.substr(prefix + 1, repr.size() - prefix - 2), bytes, raw);
    return v;
  }
  if (repr == "None") {
    v.text = {};
    v.is_null = true;
    return v;
  }
  if (repr == "True" || repr == "False") {
    v.text = repr == "True" ? std::string_view("true") : std::string_view("false");
    return v;
  }
  if (is_number(repr)) {
    v.is_number = true;
    return v;
  }
  const size_t open = repr.find('(');
  if (open == kNone || open == 0 || !is_letter(repr[0]) || repr.back() != ')') return v;
  const std::string_view name = repr.substr(0, open), arguments = repr.substr(open + 1, repr.size() - open - 2);
  if (std::string_view text; date_text(name, arguments, text)) {
    v.text = text;
    return v;
  }
  // One positional argument: a wrapper of it.
  const size_t end = skip_value(arguments, 0, 1);
  if (failed(end) || skip_blanks(arguments, end) != arguments.size()) return v;
  const std::string_view argument = trimmed(arguments);
  v = value(argument, depth + 1);
  if (name == "Decimal" && !v.is_null) v.is_number = is_number(v.text);
  return v;
}

bool PythonDecoder::values(std::string_view container, std::vector<BindValue>& out) {
  PythonElements elements(container);
  for (std::string_view element; elements.next(element);) out.push_back(value(element));
  return elements.complete();
}

}  // namespace dbaudit
