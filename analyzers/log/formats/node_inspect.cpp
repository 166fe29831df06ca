#include "analyzers/log/formats/node_inspect.h"

#include <algorithm>
#include <charconv>

#include "analyzers/base/text.h"
#include "analyzers/log/plain_text.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;

bool is_quote(char c) { return c == '\'' || c == '"' || c == '`'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Offset behind the string whose quote is at `at`, or npos when it is cut.
size_t skip_string(std::string_view text, size_t at) {
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      return at + 1;
    } else if (text[at] == '\n') {
      return kNone;
    }
  }
  return kNone;
}

/// Where the element at `at` ends: a comma, the closer around it, or the end of the text.
size_t element_end(std::string_view text, size_t at) {
  size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (is_quote(c)) {
      at = skip_string(text, at);
      if (at == kNone) return text.size();
      continue;
    }
    if (c == '[' || c == '{' || c == '(') {
      ++depth;
    } else if (c == ']' || c == '}' || c == ')') {
      if (depth == 0) return at;
      --depth;
    } else if (c == ',' && depth == 0) {
      return at;
    }
    ++at;
  }
  return at;
}

bool reads_as_number(std::string_view s) {
  if (s.starts_with('-')) s.remove_prefix(1);
  if (s.empty() || !is_digit(s[0])) return false;
  double v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  return end == s.data() + s.size() && error != std::errc::invalid_argument;
}

int hex(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// `digits` hex digits at `at`; -1 when they are not there.
int64_t hex_at(std::string_view s, size_t at, size_t digits) {
  if (at + digits > s.size()) return -1;
  int64_t v = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int d = hex(s[at + i]);
    if (d < 0) return -1;
    v = v * 16 + d;
  }
  return v;
}

}  // namespace

std::optional<size_t> NodeBrackets::add(std::string_view line, size_t from) {
  for (size_t at = from; at < line.size();) {
    const char c = line[at];
    if (is_quote(c)) {
      const size_t end = skip_string(line, at);
      at = end == kNone ? at + 1 : end;  // an apostrophe of something that is no string
      continue;
    }
    ++at;
    if (c == '[' || c == '{' || c == '(') {
      ++depth_;
    } else if ((c == ']' || c == '}' || c == ')') && depth_ > 0 && --depth_ == 0) {
      return at;
    }
  }
  return std::nullopt;
}

TakenContainer take_node_container(Lines& lines, std::string_view first, std::string& clean, bool (*is_inside)(std::string_view)) {
  NodeBrackets brackets;
  TakenContainer taken;
  taken.closed = brackets.add(first).has_value();
  lines.take();
  while (!taken.closed) {
    const auto raw = lines.peek();
    if (!raw || lines.record_was_cut()) break;
    const std::string_view next = without_colours(*raw, clean);
    if (!is_inside(next)) break;
    lines.take();
    ++taken.lines;
    taken.closed = brackets.add(next).has_value();
  }
  return taken;
}

std::optional<size_t> skip_node_container(std::string_view text, size_t from) {
  if (from >= text.size() || (text[from] != '[' && text[from] != '{')) return std::nullopt;
  NodeBrackets brackets;
  for (size_t at = from; at < text.size();) {
    const size_t stop = std::min(text.find('\n', at), text.size());
    if (const auto end = brackets.add(text.substr(0, stop), at)) return end;
    at = stop + 1;
  }
  return std::nullopt;
}

NodeElements::NodeElements(std::string_view container) : text_(trim(container)) {
  // `Name {`, `<ref *1> {`, `[Object: null prototype] {`
  const size_t brace = text_.find('{');
  if (!text_.empty() && text_[0] != '[' && brace != kNone && brace < 80) {
    text_.remove_prefix(brace);
  } else if (text_.starts_with("[Object: null prototype] {")) {
    text_.remove_prefix(text_.find('{'));
  }
  object_ = text_.starts_with('{');
  if (object_ || text_.starts_with('[')) {
    at_ = 1;
  } else {
    text_ = {};
  }
}

bool NodeElements::next(std::string_view& value, std::string_view& key) {
  const auto skip_blanks = [this] {
    while (at_ < text_.size() && (text_[at_] == ' ' || (text_[at_] >= '\t' && text_[at_] <= '\r'))) ++at_;
  };
  key = {};
  skip_blanks();
  if (at_ >= text_.size()) return false;
  if (text_[at_] == (object_ ? '}' : ']')) {
    complete_ = true;
    return false;
  }
  if (std::string_view(")]}").find(text_[at_]) != kNone) return false;  // closes nothing of ours
  if (object_) {
    const size_t begin = at_;
    if (is_quote(text_[at_])) {
      const size_t end = skip_string(text_, at_);
      if (end == kNone) return false;
      key = text_.substr(begin + 1, end - begin - 2);
      at_ = end;
      skip_blanks();
      if (at_ >= text_.size() || text_[at_] != ':') return false;
      ++at_;
    } else {
      size_t p = begin;
      while (p < text_.size() && text_[p] != ':' && text_[p] != ',' && text_[p] != '}' && text_[p] != '\n') ++p;
      if (p < text_.size() && text_[p] == ':') {
        key = text_.substr(begin, p - begin);
        at_ = p + 1;
      }
    }
    skip_blanks();
  }
  const size_t end = element_end(text_, at_);
  value = trim(text_.substr(at_, end - at_));
  at_ = end;
  if (end >= text_.size()) return false;
  if (text_[at_] == ',') ++at_;
  return true;
}

void NodeDecoder::reset(size_t bytes) {
  if (bytes + 8 > capacity_) {
    capacity_ = bytes + bytes / 2 + 1024;
    storage_ = std::make_unique<char[]>(capacity_);
  }
  used_ = 0;
}

void NodeDecoder::put_code_point(uint32_t c) {
  if (c < 0x80) {
    put(static_cast<char>(c));
  } else if (c < 0x800) {
    put(static_cast<char>(0xC0 | (c >> 6)));
    put(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    put(static_cast<char>(0xE0 | (c >> 12)));
    put(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    put(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    put(static_cast<char>(0xF0 | ((c >> 18) & 7)));
    put(static_cast<char>(0x80 | ((c >> 12) & 0x3F)));
    put(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    put(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

/// Every escape is at least as long as what it stands for, so the storage never grows.
void NodeDecoder::unescape(std::string_view s) {
  for (size_t at = 0; at < s.size(); ++at) {
    if (s[at] != '\\' || at + 1 == s.size()) {
      put(s[at]);
      continue;
    }
    const char c = s[++at];
    switch (c) {
      case 'n': put('\n'); break;
      case 't': put('\t'); break;
      case 'r': put('\r'); break;
      case 'b': put('\b'); break;
      case 'f': put('\f'); break;
      case 'v': put('\v'); break;
      case '0': put('\0'); break;
      case 'x':
        if (const int64_t v = hex_at(s, at + 1, 2); v >= 0) {
          put_code_point(static_cast<uint32_t>(v));
          at += 2;
        } else {
          put(c);
        }
        break;
      case 'u':
        if (int64_t v = hex_at(s, at + 1, 4); v >= 0) {
          at += 4;
          if (v >= 0xD800 && v < 0xDC00 && s.substr(std::min(at + 1, s.size()), 2) == "\\u") {
            const int64_t low = hex_at(s, at + 3, 4);
            if (low >= 0xDC00 && low < 0xE000) {
              v = 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00);
              at += 6;
            }
          }
          put_code_point(static_cast<uint32_t>(v));
        } else {
          put(c);
        }
        break;
      default: put(c);
    }
  }
}

BindValue NodeDecoder::value(std::string_view text, bool& cut) {
  text = trim(text);
  BindValue v;
  v.text = text;
  if (text.empty()) return v;
  if (is_quote(text[0])) {
    const size_t end = skip_string(text, 0);
    if (end == text.size() && text.find('\\') == kNone) {
      v.text = text.substr(1, end - 2);
      return v;
    }
    const size_t begin = used_;
    size_t at = 0;
    while (at < text.size() && is_quote(text[at])) {
      const size_t stop = skip_string(text, at);
      if (used_ + (text.size() - at) > capacity_) break;  // reset() was told less than this
      unescape(text.substr(at + 1, (stop == kNone ? text.size() : stop - 1) - (at + 1)));
      if (stop == kNone) {
        cut = true;
        break;
      }
      at = stop;
      while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '+')) ++at;
    }
    if (text.find("more character", std::min(at, text.size())) != kNone) cut = true;
    v.text = {storage_.get() + begin, used_ - begin};
    return v;
  }
  if (text == "null" || text == "undefined") {
    v.is_null = true;
    v.text = {};
  } else if (reads_as_number(text)) {
    v.is_number = true;
  } else if (text.ends_with('n') && reads_as_number(text.substr(0, text.size() - 1))) {  // a BigInt
    v.text.remove_suffix(1);
    v.is_number = true;
  } else if (text.starts_with("<Buffer") && used_ + text.size() + 2 <= capacity_) {
    const size_t begin = used_;
    put('\\');
    put('x');
    const size_t end = std::min(text.find("..."), text.find('>'));
    if (text.find("...") != kNone || end == kNone) cut = true;
    for (const char c : text.substr(7, end == kNone ? kNone : end - 7)) {
      if (hex(c) >= 0) put(c);
    }
    v.text = {storage_.get() + begin, used_ - begin};
  } else if (text == "[Object]" || text == "[Array]") {
    cut = true;
  }
  return v;
}

bool NodeDecoder::values(std::string_view container, std::vector<BindValue>& out, bool& cut) {
  NodeElements elements(container);
  std::string_view text, key;
  while (elements.next(text, key)) {
    if (text.starts_with("... ") && text.find(" more item") != kNone) {
      cut = true;
    } else {
      bool is_cut = false;
      out.push_back(value(text, is_cut));
      out.back().is_unknown = is_cut;
      cut |= is_cut;
    }
  }
  if (!elements.complete()) cut = true;
  return elements.complete();
}

}  // namespace dbaudit
