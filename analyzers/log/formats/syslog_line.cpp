#include "analyzers/log/formats/syslog_line.h"

#include <algorithm>
#include <charconv>

#include "analyzers/log/formats/header_text.h"

namespace dbaudit {

using namespace header_text;

namespace {

constexpr size_t kNone = std::string_view::npos;

/// `Nov  2 14:27:18`
size_t month_time_at(std::string_view s) {
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (s.size() < 16 || s[3] != ' ' || s[6] != ' ' || s[9] != ':' || s[12] != ':') return 0;
  const size_t month = kMonths.find(s.substr(0, 3));
  if (month == kNone || month % 3 != 0) return 0;
  for (size_t i : {5U, 7U, 8U, 10U, 11U, 13U, 14U}) {
    if (!is_digit(s[i])) return 0;
  }
  return s[4] == ' ' || is_digit(s[4]) ? 15 : 0;
}

/// `2026-11-20T14:27:18[.123456](Z|+01:00|+0100)`
size_t iso_time_at(std::string_view s, TimePoint* time) {
  if (s.size() < 20 || !is_digit(s[0]) || s[4] != '-' || s[10] != 'T') return 0;
  size_t n = 0;
  const auto parsed = parse_time(s, &n);
  if (!parsed) return 0;
  *time = *parsed;
  if (!parsed->zone_known && n + 5 <= s.size() && (s[n] == '+' || s[n] == '-') && digits_at(s, n + 1) == 4) {
    const int minutes = ((s[n + 1] - '0') * 10 + (s[n + 2] - '0')) * 60 + (s[n + 3] - '0') * 10 + (s[n + 4] - '0');
    time->micros -= int64_t{s[n] == '-' ? -minutes : minutes} * 60'000'000;
    time->zone_known = true;
    n += 5;
  }
  return n;
}

std::string_view take_word(std::string_view s, size_t& at) {
  const size_t end = std::min(s.find(' ', at), s.size());
  const std::string_view word = s.substr(at, end - at);
  at = std::min(end + 1, s.size());
  return word;
}

/// `[5-1] ` or `[5] `, perhaps behind a word in brackets (Heroku's `[GREEN] `).
void read_sequence(std::string_view s, SyslogLine& line) {
  size_t at = line.text_at;
  if (at + 2 < s.size() && s[at] == '[' && s[at + 1] >= 'A' && s[at + 1] <= 'Z') {
    size_t end = at + 1;
    while (end < s.size() && s[end] >= 'A' && s[end] <= 'Z') ++end;
    if (s.substr(end, 3) == "] [") at = end + 2;
  }
  if (at >= s.size() || s[at] != '[') return;
  const size_t sequence = digits_at(s, at + 1);
  if (sequence == 0 || sequence > 19) return;
  size_t end = at + 1 + sequence;
  const std::string_view first = s.substr(at + 1, sequence);
  std::string_view part = first;
  if (end < s.size() && s[end] == '-') {
    const size_t n = digits_at(s, end + 1);
    if (n == 0 || n > 9) return;
    part = s.substr(end + 1, n);
    end += 1 + n;
  }
  if (end >= s.size() || s[end] != ']') return;
  ++end;
  if (end < s.size() && s[end] != ' ') return;
  if (part.data() != first.data()) std::from_chars(first.data(), first.data() + first.size(), line.sequence);
  std::from_chars(part.data(), part.data() + part.size(), line.part);
  line.text_at = std::min(end + 1, s.size());
}

}  // namespace

std::optional<SyslogLine> parse_syslog_line(std::string_view s) {
  SyslogLine line;
  size_t at = 0;
  if (!s.empty() && s[0] == '<') {
    const size_t n = digits_at(s, 1);
    if (n == 0 || n > 3 || n + 1 >= s.size() || s[n + 1] != '>') return std::nullopt;
    at = n + 2;
  }
  if (at != 0 && s.substr(at, 2) == "1 ") {  // RFC 5424
    at += 2;
    const size_t n = iso_time_at(s.substr(at), &line.time);
    if (n == 0 && s.substr(at, 2) != "- ") return std::nullopt;
    take_word(s, at);
    line.host = take_word(s, at);
    line.program = take_word(s, at);
    line.pid = take_word(s, at);
    take_word(s, at);  // MSGID
    if (at >= s.size()) return std::nullopt;
    if (s[at] == '-') {
      ++at;
    } else {
      while (at < s.size() && s[at] == '[') {  // `[id name="value with \] in it"]…`
        bool is_quoted = false;
        for (++at; at < s.size() && (is_quoted || s[at] != ']'); ++at) {
          if (s[at] == '\\') {
            ++at;
          } else if (s[at] == '"') {
            is_quoted = !is_quoted;
          }
        }
        if (at < s.size()) ++at;
      }
    }
    if (at < s.size() && s[at] == ' ') ++at;
    if (s.substr(at, 3) == "\xEF\xBB\xBF") at += 3;
    if (s.substr(at, 2) == " [") ++at;
    line.text_at = std::min(at, s.size());
    if (line.pid == "-") line.pid = {};
    read_sequence(s, line);
    return line;
  }
  size_t n = month_time_at(s.substr(at));
  if (n == 0) n = iso_time_at(s.substr(at), &line.time);
  if (n == 0) return std::nullopt;
  at += n;
  if (at >= s.size() || s[at] != ' ') return std::nullopt;
  ++at;
  std::string_view word = take_word(s, at);
  if (!word.ends_with(':')) {
    line.host = word;
    word = take_word(s, at);
  }
  if (word.size() < 2 || !word.ends_with(':')) return std::nullopt;
  word.remove_suffix(1);
  if (word.ends_with(']')) {
    const size_t bracket = word.find('[');
    if (bracket == 0 || bracket == kNone) return std::nullopt;
    line.pid = word.substr(bracket + 1, word.size() - bracket - 2);
    word = word.substr(0, bracket);
  }
  line.program = word;
  line.text_at = at;
  read_sequence(s, line);
  return line;
}

}  // namespace dbaudit
