#include "analyzers/log/formats/java_log_header.h"

#include <algorithm>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/python_logging.h"

namespace dbaudit {
namespace {

using header_text::is_digit;
constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxHeaderBytes = 512;
constexpr int kMaxTokens = 24;
constexpr size_t kBootThreadWidth = 15;  // Spring Boot's [%15.15t]

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_logger_char(char c) { return header_text::is_word(c) || c == '.' || c == '$' || c == '-'; }

bool is_trace_id(std::string_view s) {
  const size_t first = header_text::hex_at(s, 0);
  return first == 32 && s.size() == 49 && s[32] == '-' && header_text::hex_at(s, 33) == 16;
}

bool is_logger(std::string_view word) {
  if (word.empty() || is_digit(word[0]) || word.back() == '.') return false;
  return std::all_of(word.begin(), word.end(), is_logger_char) && std::any_of(word.begin(), word.end(), header_text::is_alpha);
}

/// Where the message begins behind the logger: `: `, ` - `, `: ` after padding. npos when there is no separator.
size_t message_behind(std::string_view line, size_t at) {
  while (at < line.size() && is_blank(line[at])) ++at;
  if (at < line.size() && (line[at] == ':' || line[at] == '-' || line[at] == '|')) {
    while (at < line.size() && line[at] == '-') ++at;
    if (at < line.size() && (line[at] == ':' || line[at] == '|')) ++at;
    if (at == line.size()) return at;
    return is_blank(line[at]) ? at + 1 : kNone;
  }
  return kNone;
}

}  // namespace

bool is_java_level(std::string_view word) {
  for (const std::string_view level :
       {"DEBUG", "TRACE", "INFO", "WARN", "ERROR", "FATAL", "FINE", "FINER", "FINEST", "WARNING", "SEVERE"}) {
    if (word == level) return true;
  }
  return false;
}

bool parse_java_header(std::string_view line, JavaHeader& out) {
  out = JavaHeader{};
  const std::string_view head = line.substr(0, std::min(line.size(), kMaxHeaderBytes));
  size_t at = 0;
  bool has_time = false, dashes = false, boot_thread = false;
  std::string_view number;
  for (int token = 0; token < kMaxTokens; ++token) {
    while (at < head.size() && is_blank(head[at])) ++at;
    if (at >= head.size()) return false;
    const char c = head[at];
    if (is_digit(c) && !has_time) {
      size_t used = 0;
      if (const auto t = parse_python_time(head.substr(at), used); t && used >= 8) {
        out.time = *t;
        has_time = true;
        at += used;
        continue;
      }
    }
    if (c == '[' || c == '(') {
      const size_t end = head.find(c == '[' ? ']' : ')', at);
      if (end == kNone) return false;
      const std::string_view raw = head.substr(at + 1, end - at - 1), content = trim(raw);
      at = end + 1;
      size_t used = 0;
      if (is_java_level(content)) {
        out.level = content;
      } else if (!has_time && !content.empty() && is_digit(content[0]) && parse_python_time(content, used) && used >= 8) {
        out.time = *parse_python_time(content, used);
        has_time = true;
      } else if (is_trace_id(content)) {
        out.trace_id = content.substr(0, 32);
      } else if (c == '[' && !out.level.empty() && !dashes && out.thread.empty() && content.find('.') != kNone && is_logger(content)) {
        // JBoss: [logger] (thread) message
        out.logger = content;
        while (at < head.size() && is_blank(head[at])) ++at;
        if (at < head.size() && head[at] == '(') {
          const size_t close = head.find(')', at);
          if (close == kNone) return false;
          out.thread = head.substr(at + 1, close - at - 1);
          at = close + 1;
        }
        if (at < line.size() && is_blank(line[at])) ++at;
        out.message = at;
        return has_time;
      } else if (!content.empty() && !(dashes && boot_thread)) {
        out.thread = content;
        boot_thread = dashes && raw.size() == kBootThreadWidth;
      }
      continue;
    }
    size_t end = at;
    while (end < head.size() && !is_blank(head[end]) && head[end] != '[' && head[end] != '(') ++end;
    std::string_view word = head.substr(at, end - at);
    if (word.ends_with(',') || word.ends_with(']')) word.remove_suffix(1);
    if (const std::string_view bare = word.ends_with(':') ? word.substr(0, word.size() - 1) : word;
        out.level.empty() && is_java_level(bare)) {
      out.level = bare;
    } else if (word == "---") {
      dashes = true;
      out.pid = number;
    } else if (all_digits(word)) {
      number = word;
    } else if (word == "-" || word == ":" || word == "|" || word == "--") {
      // between fields
    } else if (!out.level.empty() && (has_time || !out.thread.empty())) {
      // The logger, perhaps `logger:` or `SQL:92`
      const size_t colon = word.find(':');
      const std::string_view name = word.substr(0, colon);
      if (is_logger(name)) {
        size_t behind = message_behind(line, at + name.size());
        if (behind == kNone && colon != kNone && header_text::digits_at(word, colon + 1) == word.size() - colon - 1) {
          behind = message_behind(line, end);
        }
        if (behind != kNone) {
          out.logger = name;
          out.message = behind;
          return true;
        }
      }
      // A thread's name with blanks in it, an MDC value: go on.
    }
    at = std::max(end, at + 1);
  }
  return false;
}

}  // namespace dbaudit
