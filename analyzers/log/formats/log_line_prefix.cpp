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
constexpr size_t kSeen = 512;
constexpr size_t kLongestSeen = 256;
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
  if (s.size() < 5) return std::nullopt;
  for (const SeverityName& candidate : kSeverities) {
    if (candidate.name[0] != s[0] || !s.starts_with(candidate.name)) continue;
    size_t at = candidate.name.size();
    if (candidate.severity == PostgresSeverity::kDebug && at < s.size() && s[at] >= '1' && s[at] <= '5') ++at;
    if (s.substr(at, 3) != ":  ") continue;
    *text_at = at + 3;
    return candidate.severity;
  }
  return std::nullopt;
}

size_t PrefixClock::read(std::string_view s, TimePoint* time) {
  if (s.size() < 20) return 0;
  if (std::memcmp(s.data(), second_text_.data(), second_text_.size()) != 0) {
    static constexpr char kShape[] = "dddd-dd-dd dd:dd:dd";
    for (size_t i = 0; i < second_text_.size(); ++i) {
      if (kShape[i] == 'd' ? !is_digit(s[i]) : s[i] != kShape[i]) return 0;
    }
    const char* p = s.data();
    const int month = two(p + 5), day = two(p + 8), hour = two(p + 11), minute = two(p + 14), second = two(p + 17);
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return 0;
    const int64_t days = days_from_civil(two(p) * 100 + two(p + 2), static_cast<unsigned>(month), static_cast<unsigned>(day));
    second_micros_ = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1'000'000;
    std::memcpy(second_text_.data(), s.data(), second_text_.size());
  }
  size_t at = second_text_.size();
  int64_t micros = second_micros_;
  int32_t tick = 1'000'000;
  if (s[at] == '.' && at + 3 < s.size() && is_digit(s[at + 1]) && is_digit(s[at + 2]) && is_digit(s[at + 3])) {
    micros += ((s[at + 1] - '0') * 100 + two(s.data() + at + 2)) * 1000;
    tick = 1000;
    at += 4;
  }
  if (at < s.size() && s[at] == ' ') {
    if (!zone_text_.empty() && s.substr(at + 1, zone_text_.size()) == zone_text_ &&
        (at + 1 + zone_text_.size() == s.size() || !is_word(s[at + 1 + zone_text_.size()]))) {
      at += 1 + zone_text_.size();
    } else {
      size_t end = at + 1;
      const bool is_sign = end < s.size() && (s[end] == '+' || s[end] == '-');
      if (is_sign) {
        ++end;
        while (end < s.size() && (is_digit(s[end]) || s[end] == ':') && end - at < 8) ++end;
      } else {
        while (end < s.size() && is_alpha(s[end]) && end - at < 8) ++end;
      }
      const std::string_view zone = s.substr(at + 1, end - at - 1);
      if (zone.size() >= (is_sign ? 3U : 1U)) {
        zone_text_ = zone;
        zone_known_ = false;
        zone_micros_ = 0;
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
        at = end;
      } else {
        zone_text_.clear();
        zone_micros_ = 0;
        zone_known_ = false;
      }
    }
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

LogLinePrefix::Seen* LogLinePrefix::seen_of(std::string_view behind_time) const {
  constexpr size_t kKey = 12;  // ` [4471] shop`
  if (behind_time.size() < kKey) return nullptr;
  if (seen_.empty()) seen_.resize(kSeen);
  return &seen_[hash_bytes(behind_time.substr(0, kKey)) % kSeen];
}

bool LogLinePrefix::recall(const Seen& seen, size_t at, Attempt& a) const {
  if (seen.header.empty() || !a.line.substr(at).starts_with(seen.header) || !finish(at + seen.header.size(), a)) return false;
  for (size_t i = 0; i < std::size(kFields); ++i) {
    if (seen.fields[i].size != 0) a.fields.*kFields[i] = a.line.substr(at + seen.fields[i].begin, seen.fields[i].size);
  }
  return true;
}

void LogLinePrefix::keep(Seen& seen, size_t at, size_t severity_at, const Attempt& a) {
  if (a.looked_further || severity_at <= at || severity_at - at > kLongestSeen) return;
  seen.header = a.line.substr(at, severity_at - at);
  for (size_t i = 0; i < std::size(kFields); ++i) {
    const std::string_view field = a.fields.*kFields[i];
    if (field.empty()) {
      seen.fields[i] = {};
    } else {
      seen.fields[i] = {static_cast<uint16_t>(static_cast<size_t>(field.data() - a.line.data()) - at), static_cast<uint16_t>(field.size())};
    }
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
  *fields = PrefixFields{};
  Attempt attempt{line, clock, *fields};
  size_t behind_time = 0;
  Seen* seen = nullptr;
  if (repeats_) {
    behind_time = clock.read(line, &fields->time);
    if (behind_time == 0) return std::nullopt;
    seen = seen_of(line.substr(behind_time));
    if (seen != nullptr && recall(*seen, behind_time, attempt)) {
      *text_at = attempt.text_at;
      return attempt.severity;
    }
  }
  if (!match_ops(repeats_ ? 1 : 0, behind_time, attempt)) return std::nullopt;
  if (seen != nullptr) keep(*seen, behind_time, attempt.severity_at, attempt);
  *text_at = attempt.text_at;
  return attempt.severity;
}

}  // namespace dbaudit
