#include "analyzers/log/plain_text.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;

/// Offset behind the digits and semicolons of the sequence that begins at `at`; 0 when none begins there. The end of the text may cut it.
size_t sequence_end(std::string_view text, size_t at) {
  if (text[at] != '\x1b') return 0;
  if (++at == text.size()) return at;
  if (text[at] != '[') return 0;
  ++at;
  while (at < text.size() && ((text[at] >= '0' && text[at] <= '9') || text[at] == ';')) ++at;
  return at;
}

}  // namespace

size_t skip_colours(std::string_view text, size_t at) {
  while (at < text.size()) {
    const size_t end = sequence_end(text, at);
    if (end == 0 || end == text.size() || text[end] != 'm') break;
    at = end + 1;
  }
  return at;
}

std::string_view without_colours(std::string_view text, std::string& storage) {
  size_t escape = text.find('\x1b');
  if (escape == kNone) return text;
  storage.clear();
  size_t from = 0;
  for (; escape != kNone; escape = text.find('\x1b', escape + 1)) {
    const size_t end = sequence_end(text, escape);
    if (end == 0 || (end < text.size() && text[end] != 'm' && text[end] != 'K')) continue;
    storage.append(text, from, escape - from);
    from = end == text.size() ? end : end + 1;
  }
  storage.append(text, from, kNone);
  return storage;
}

bool has_dos_lines(std::string_view head) {
  size_t lines = 0;
  for (size_t at = head.find('\n'); at != kNone; at = head.find('\n', at + 1)) {
    if (at == 0 || head[at - 1] != '\r') return false;
    ++lines;
  }
  return lines > 0;
}

std::string_view with_plain_newlines(std::string_view text, std::string& storage) {
  size_t end = text.find("\r\n");
  if (end == kNone) return text;
  storage.clear();
  size_t from = 0;
  for (; end != kNone; end = text.find("\r\n", from)) {
    storage.append(text, from, end - from);
    from = end + 1;
  }
  storage.append(text, from, kNone);
  return storage;
}

}  // namespace dbaudit
