// A prefix is compiled to a list of literals and fields. Fields with a shape (times, numbers, session ids) are read by it; free text (user,
// database, application) runs to the literal that follows, and because an application may call itself `web b - x`, a match that fails
// further on comes back and tries the next place where that literal stands. What makes a match certain is its end: the severity and two
// spaces must follow at once. The number of steps is bounded, so no line can make this slow.

#include "analyzers/log/formats/log_line_prefix.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/log/formats/header_text.h"

namespace dbaudit {

using namespace header_text;

namespace {

constexpr int kMaxSteps = 2000;
constexpr int kSeenBits = 13;
constexpr size_t kShortestSeen = 12, kLongestSeen = 256, kLongestHashed = 64;
constexpr std::string_view PrefixFields::*kFields[] = {&PrefixFields::app,    &PrefixFields::user,        &PrefixFields::database,
                                                       &PrefixFields::remote, &PrefixFields::pid,         &PrefixFields::session_id,
                                                       &PrefixFields::vxid,   &PrefixFields::command_tag, &PrefixFields::sqlstate};
constexpr size_t kMaxOps = 100;

int two(const char* p) { return (p[0] - '0') * 10 + (p[1] - '0'); }

struct SeverityName {
  std::string_view name;
  PostgresSeverity severity;
};
constexpr SeverityName kSeverities[] = {
    {"LOG", PostgresSeverity::kLog},           {"STATEMENT", PostgresSeverity::kStatement}, {"DETAIL", PostgresSeverity::kDetail},
    {"ERROR", PostgresSeverity::kError},       {"CONTEXT", PostgresSeverity::kContext},     {"HINT", PostgresSeverity::kHint},
    {"LOCATION", PostgresSeverity::kLocation}, {"FATAL", PostgresSeverity::kFatal},         {"WARNING", PostgresSeverity::kWarning},
    {"NOTICE", PostgresSeverity::kNotice},     {"INFO", PostgresSeverity::kInfo},           {"QUERY", PostgresSeverity::kQuery},
    {"PANIC", PostgresSeverity::kPanic},       {"DEBUG", PostgresSeverity::kDebug},         {"BACKTRACE", PostgresSeverity::kBacktrace},
};

}  // namespace

std::optional<PostgresSeverity> severity_of_name(std::string_view name) {
  if (name.size() == 6 && name[5] >= '1' && name[5] <= '5') name.remove_suffix(1);
  for (const SeverityName& candidate : kSeverities) {
    if (candidate.name == name) return candidate.severity;
  }
  return std::nullopt;
}

std::optional<PostgresSeverity> parse_severity(std::string_view s, size_t* text_at) {
  using Severity = PostgresSeverity;
  const auto begins = [&](const auto& name_and_colon, Severity severity) -> std::optional<Severity> {
    if (!has_at(s, 0, name_and_colon)) return std::nullopt;
    *text_at = sizeof name_and_colon - 1;
    return severity;
  };
  switch (s.empty() ? '\0' : s[0]) {
    case 'L': {
      const auto log = begins("LOG:  ", Severity::kLog);
      return log ? log : begins("LOCATION:  ", Severity::kLocation);
    }
    case 'S': return begins("STATEMENT:  ", Severity::kStatement);
    case 'D': {
      if (const auto detail = begins("DETAIL:  ", Severity::kDetail)) return detail;
      if (!has_at(s, 0, "DEBUG")) return std::nullopt;
      const size_t at = s.size() > 5 && s[5] >= '1' && s[5] <= '5' ? 6 : 5;
      if (!has_at(s, at, ":  ")) return std::nullopt;
      *text_at = at + 3;
      return Severity::kDebug;
    }
    case 'E': return begins("ERROR:  ", Severity::kError);
    case 'C': return begins("CONTEXT:  ", Severity::kContext);
    case 'H': return begins("HINT:  ", Severity::kHint);
    case 'F': return begins("FATAL:  ", Severity::kFatal);
    case 'W': return begins("WARNING:  ", Severity::kWarning);
    case 'N': return begins("NOTICE:  ", Severity::kNotice);
    case 'I': return begins("INFO:  ", Severity::kInfo);
    case 'Q': return begins("QUERY:  ", Severity::kQuery);
    case 'P': return begins("PANIC:  ", Severity::kPanic);
    case 'B': return begins("BACKTRACE:  ", Severity::kBacktrace);
    default: return std::nullopt;
  }
}

/// Sets second_text_ and what it says; false when there is no such text at `p`, which has 19 bytes.
bool PrefixClock::read_second(const char* p) {
  static constexpr char kShape[] = "dddd-dd-dd dd:dd:dd";
  for (size_t i = 0; i < second_text_.size(); ++i) {
    if (kShape[i] == 'd' ? !is_digit(p[i]) : p[i] != kShape[i]) return false;
  }
  const int month = two(p + 5), day = two(p + 8), hour = two(p + 11), minute = two(p + 14), second = two(p + 17);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return false;
  const int64_t days = days_from_civil(two(p) * 100 + two(p + 2), static_cast<unsigned>(month), static_cast<unsigned>(day));
  second_micros_ = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1'000'000;
  std::memcpy(second_text_.data(), p, second_text_.size());
  return true;
}

/// Sets what is remembered of the zone to the one behind the blank that `s` begins with. The number of bytes, 0 when there is none.
size_t PrefixClock::read_zone(std::string_view s) {
  size_t end = 1;
  const bool is_sign = end < s.size() && (s[end] == '+' || s[end] == '-');
  if (is_sign) {
    ++end;
    while (end < s.size() && (is_digit(s[end]) || s[end] == ':') && end < kLongestZone) ++end;
  } else {
    while (end < s.size() && is_alpha(s[end]) && end < kLongestZone) ++end;
  }
  const std::string_view zone = s.substr(1, end - 1);
  zone_size_ = zone_text_ = zone_mask_ = 0;
  zone_known_ = false;
  zone_micros_ = 0;
  if (zone.size() < (is_sign ? 3U : 1U)) return 0;
  zone_size_ = end;
  std::memcpy(&zone_text_, s.data(), end);
  std::memset(&zone_mask_, 0xFF, end);
  if (zone == "UTC" || zone == "GMT") {
    zone_known_ = true;
  } else if (is_sign && digits_at(zone, 1) >= 2) {
    int minutes = two(zone.data() + 1) * 60;
    const size_t rest = zone.size() > 3 && zone[3] == ':' ? 4 : 3;
    if (digits_at(zone, rest) >= 2) minutes += two(zone.data() + rest);
    zone_micros_ = int64_t{zone[0] == '-' ? minutes : -minutes} * 60'000'000;
    zone_known_ = true;
  } else if (zone_offset_minutes_ != INT32_MIN) {
    zone_micros_ = -int64_t{zone_offset_minutes_} * 60'000'000;
    zone_known_ = true;
  }
  return end;
}

size_t PrefixClock::read(std::string_view s, TimePoint* time) {
  if (s.size() <= second_text_.size() || (!is_same_second(s) && !read_second(s.data()))) return 0;
  size_t at = second_text_.size();
  int64_t micros = second_micros_;
  int32_t tick = 1'000'000;
  if (s[at] == '.' && at + 3 < s.size() && is_digit(s[at + 1]) && is_digit(s[at + 2]) && is_digit(s[at + 3])) {
    micros += ((s[at + 1] - '0') * 100 + two(s.data() + at + 2)) * 1000;
    tick = 1000;
    at += 4;
  }
  if (at < s.size() && s[at] == ' ') {
    uint64_t next = 0;
    const size_t left = s.size() - at;
    std::memcpy(&next, s.data() + at, std::min(left, sizeof next));
    const bool is_same_zone = zone_size_ != 0 && (next & zone_mask_) == zone_text_ && (left <= zone_size_ || !is_word(s[at + zone_size_]));
    at += is_same_zone ? zone_size_ : read_zone(s.substr(at));
  }
  time->micros = micros + zone_micros_;
  time->zone_known = zone_known_;
  time->tick = tick;
  return at;
}

size_t PrefixClock::read_epoch(std::string_view s, TimePoint* time) {
  const size_t n = digits_at(s, 0);
  if (n < 9 || n > 11 || n + 3 >= s.size() || s[n] != '.' || digits_at(s, n + 1) != 3) return 0;
  int64_t seconds = 0;
  for (size_t i = 0; i < n; ++i) seconds = seconds * 10 + (s[i] - '0');
  time->micros = seconds * 1'000'000 + ((s[n + 1] - '0') * 100 + two(s.data() + n + 2)) * 1000;
  time->zone_known = true;
  time->tick = 1000;
  return n + 4;
}

LogLinePrefix::LogLinePrefix(std::string prefix, bool guessing) : prefix_(std::move(prefix)), guessing_(guessing) {
  std::string literal;
  const auto flush = [&] {
    if (literal.empty()) return;
    ops_.push_back(Op{0, std::exchange(literal, {}), 0});
  };
  for (size_t i = 0; i < prefix_.size() && ops_.size() < kMaxOps; ++i) {
    if (prefix_[i] != '%') {
      literal += prefix_[i];
      continue;
    }
    int width = 0;
    if (++i < prefix_.size() && prefix_[i] == '-') ++i;
    while (i < prefix_.size() && is_digit(prefix_[i])) width = std::min(width * 10 + (prefix_[i++] - '0'), 1000);
    if (i >= prefix_.size()) break;
    if (prefix_[i] == '%') {
      literal += '%';
    } else if (std::string_view("abcdehilmnpqrstuvxLPQ").find(prefix_[i]) != std::string_view::npos) {
      flush();
      ops_.push_back(Op{prefix_[i], {}, width});
    }
  }
  flush();
  repeats_ = !ops_.empty() && (ops_[0].escape == 'm' || ops_[0].escape == 't') && ops_[0].width == 0;
  for (size_t i = 1; i < ops_.size(); ++i)
    repeats_ = repeats_ && (ops_[i].escape == 0 || std::string_view("pqudahrcLb").find(ops_[i].escape) != std::string_view::npos);
  begins_with_process_ =
      repeats_ && ops_.size() > 3 && ops_[1].escape == 0 && ops_[2].escape == 'p' && ops_[2].width == 0 && ops_[3].escape == 0;
}

struct LogLinePrefix::Attempt {
  std::string_view line;
  PrefixClock& clock;
  PrefixFields& fields;
  size_t text_at = 0;
  PostgresSeverity severity = PostgresSeverity::kLog;
  int steps = 0;
  size_t severity_at = 0;
  bool looked_further = false;  // what it found may hang on more than the bytes before the severity
};

bool LogLinePrefix::finish(size_t at, Attempt& a) const {
  size_t text = 0;
  const auto severity = at <= a.line.size() ? parse_severity(a.line.substr(at), &text) : std::nullopt;
  if (!severity) return false;
  a.severity = *severity;
  a.severity_at = at;
  a.text_at = at + text;
  return true;
}

/// Where in seen_ a header stands that `rest` begins with.
size_t LogLinePrefix::place_of(std::string_view rest) const {
  if (begins_with_process_) {
    // Users and databases may well begin alike. The colon is the severity's, or one before it.
    rest = rest.substr(0, kLongestHashed);
    return hash_bytes(rest.substr(0, rest.find(':'))) >> (64 - kSeenBits);
  }
  // The first bytes are mostly those of the session (` 127.0.0.1(40112)`).
  uint64_t first = 0;
  uint32_t more = 0;
  std::memcpy(&first, rest.data(), sizeof first);
  std::memcpy(&more, rest.data() + sizeof first, sizeof more);
  constexpr uint64_t kMultiplier = 0x9ddfea08eb382d69ULL;
  uint64_t x = (first ^ uint64_t{more} << 40) * kMultiplier;
  x ^= x >> 29;
  return (x * kMultiplier) >> (64 - kSeenBits);
}

size_t LogLinePrefix::behind_process(size_t at, Attempt& a) const {
  if (!begins_with_process_ || !a.line.substr(at).starts_with(ops_[1].literal)) return at;
  const size_t from = at + ops_[1].literal.size();
  const size_t digits = digits_at(a.line, from);
  if (digits == 0) return at;
  a.fields.pid = a.line.substr(from, digits);
  return from + digits;
}

/// The fields of a header that was seen before. `at`: where it begins.
bool LogLinePrefix::recall(size_t at, Attempt& a) const {
  if (seen_.empty() || a.line.size() - at < kShortestSeen) return false;
  const std::string_view rest = a.line.substr(at);
  const size_t place = place_of(rest);
  const auto fits = [rest](const Seen& seen) { return !seen.header.empty() && rest.starts_with(seen.header); };
  const Seen* seen = &seen_[place];
  if (!fits(*seen)) seen = &seen_[place ^ 1];
  if ((seen == &seen_[place ^ 1] && !fits(*seen)) || !finish(at + seen->header.size(), a)) return false;
  for (size_t i = 0; i < seen->field_count; ++i) {
    const Seen::Field& field = seen->fields[i];
    a.fields.*kFields[field.slot] = {rest.data() + field.begin, field.size};
  }
  return true;
}

void LogLinePrefix::keep(size_t at, const Attempt& a) const {
  if (a.looked_further || a.severity_at <= at || a.severity_at - at > kLongestSeen || a.line.size() - at < kShortestSeen) return;
  if (seen_.empty()) seen_.resize(size_t{1} << kSeenBits);
  // Of the two places it may have, the newer one's.
  const size_t place = place_of(a.line.substr(at));
  std::swap(seen_[place], seen_[place ^ 1]);
  Seen& seen = seen_[place];
  seen.header = a.line.substr(at, a.severity_at - at);
  seen.field_count = 0;
  for (size_t i = 0; i < std::size(kFields); ++i) {
    const std::string_view field = a.fields.*kFields[i];
    if (field.empty() || field.data() < a.line.data() + at) continue;
    const auto begin = static_cast<size_t>(field.data() - a.line.data()) - at;
    seen.fields[seen.field_count++] = {static_cast<uint16_t>(i), static_cast<uint16_t>(begin), static_cast<uint16_t>(field.size())};
  }
}

bool LogLinePrefix::match_ops(size_t op_index, size_t at, Attempt& a) const {
  for (; op_index < ops_.size(); ++op_index) {
    if (++a.steps > kMaxSteps) return false;
    const Op& op = ops_[op_index];
    if (op.escape == 0) {
      if (a.line.compare(at, op.literal.size(), op.literal) != 0) return false;
      at += op.literal.size();
      continue;
    }
    if (op.escape == 'q') {
      // A process without a session prints nothing from here on.
      if (finish(at, a)) return true;
      a.looked_further |= at < a.line.size() && a.line[at] >= 'A' && a.line[at] <= 'Z';
      continue;
    }
    const size_t field_from = at;
    if (op.width != 0) {
      while (at < a.line.size() && a.line[at] == ' ' && at - field_from < static_cast<size_t>(op.width)) ++at;
    }
    const size_t from = at;
    const std::string_view rest = a.line.substr(std::min(at, a.line.size()));
    bool is_free = false;
    switch (op.escape) {
      case 'm':
      case 't': {
        const size_t n = a.clock.read(rest, &a.fields.time);
        if (n == 0) return false;
        at += n;
        break;
      }
      case 'n': {
        const size_t n = PrefixClock::read_epoch(rest, &a.fields.time);
        if (n == 0) return false;
        at += n;
        break;
      }
      case 's': {  // empty before the session starts
        TimePoint ignored;
        at += a.clock.read(rest, &ignored);
        break;
      }
      case 'p': {
        const size_t n = digits_at(rest, 0);
        if (n == 0) return false;
        at += n;
        a.fields.pid = rest.substr(0, n);
        break;
      }
      case 'l':
      case 'x':
      case 'P': at += digits_at(rest, 0); break;
      case 'Q':
        if (!rest.empty() && rest[0] == '-') ++at;
        at += digits_at(a.line, at);
        break;
      case 'c': {
        const size_t high = hex_at(rest, 0);
        const size_t low = high != 0 && high < rest.size() && rest[high] == '.' ? hex_at(rest, high + 1) : 0;
        if (low == 0) return false;
        at += high + 1 + low;
        a.fields.session_id = rest.substr(0, high + 1 + low);
        break;
      }
      case 'v': {
        const size_t backend = digits_at(rest, 0);
        const size_t local = backend != 0 && backend < rest.size() && rest[backend] == '/' ? digits_at(rest, backend + 1) : 0;
        const size_t n = local == 0 ? 0 : backend + 1 + local;
        at += n;
        a.fields.vxid = rest.substr(0, n);
        break;
      }
      case 'e': {
        if (rest.size() < 5 || !std::all_of(rest.begin(), rest.begin() + 5, is_upper_alnum)) return false;
        at += 5;
        a.fields.sqlstate = rest.substr(0, 5);
        break;
      }
      default: is_free = true;
    }
    if (!is_free) {
      if (op.width != 0) {
        while (at < a.line.size() && a.line[at] == ' ' && at - field_from < static_cast<size_t>(op.width)) ++at;
      }
      continue;
    }

    // Free text: up to the literal that follows, or (none follows) to wherever the rest fits.
    std::string_view PrefixFields::*slot = nullptr;
    switch (op.escape) {
      case 'a': slot = &PrefixFields::app; break;
      case 'u': slot = &PrefixFields::user; break;
      case 'd': slot = &PrefixFields::database; break;
      case 'r': slot = &PrefixFields::remote; break;
      case 'i': slot = &PrefixFields::command_tag; break;
      default: break;  // %h, %b, %L: read, not kept
    }
    const bool has_spaces = !guessing_ || op.escape == 'a' || op.escape == 'i' || op.escape == 'b';
    const std::string_view next = op_index + 1 < ops_.size() ? std::string_view(ops_[op_index + 1].literal) : std::string_view();
    size_t end = std::max(from, op.width != 0 ? field_from + static_cast<size_t>(op.width) : from);
    const size_t limit = std::min(a.line.size(), from + kMaxHeader);
    for (; end <= limit; ++end) {
      if (!next.empty()) {
        end = a.line.find(next, end);
        if (end == std::string_view::npos || end > limit) return false;
      }
      std::string_view value = a.line.substr(from, end - from);
      if (!has_spaces && value.find(' ') != std::string_view::npos && op.width == 0) return false;
      // `web b` may be an application; `web sid=6b005874.6904` is one and what the guess does not know.
      if (guessing_ && value.find('=') != std::string_view::npos && op.width == 0) return false;
      const PrefixFields before = a.fields;
      if (slot != nullptr) {
        if (op.width != 0) value = trim(value);
        a.fields.*slot = known(value);
      }
      if (match_ops(op_index + 1, end, a)) return true;
      a.fields = before;
      a.looked_further = true;
      if (++a.steps > kMaxSteps) return false;
    }
    return false;
  }
  return finish(at, a);
}

std::optional<PostgresSeverity> LogLinePrefix::match(std::string_view line, PrefixClock& clock, PrefixFields* fields,
                                                     size_t* text_at) const {
  static constexpr PrefixFields kNone{};
  *fields = kNone;
  Attempt attempt{line, clock, *fields};
  size_t behind_time = 0, header = 0;
  if (repeats_) {
    behind_time = clock.read(line, &fields->time);
    if (behind_time == 0) return std::nullopt;
    header = behind_process(behind_time, attempt);
    if (recall(header, attempt)) {
      *text_at = attempt.text_at;
      return attempt.severity;
    }
  }
  if (!match_ops(repeats_ ? 1 : 0, behind_time, attempt)) return std::nullopt;
  if (repeats_) keep(header, attempt);
  *text_at = attempt.text_at;
  return attempt.severity;
}

}  // namespace dbaudit
