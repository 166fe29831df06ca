#include "analyzers/base/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

// Calendar arithmetic after Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": the year begins in March, so that the leap day
// is its last day, and 400 years (one era) are always 146097 days. Exact for every int64 microsecond, no tables, no time zone data base:
// a log's zone is either written as an offset or is not known.

namespace dbaudit {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

struct Civil {
  int64_t year;
  unsigned month, day;
};

Civil civil_from_days(int64_t days) {
  days += 719'468;  // from 1970-01-01 to 0000-03-01
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;  // 0 is March
  const unsigned day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

unsigned days_in_month(int year, unsigned month) {
  constexpr std::array<unsigned, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The alphabetic abbreviations of the IANA time zone data base that are in use today. A list, not "some capitals": the word after a
/// time is just as often a log level or a statement. The same letters mean different zones (IST, CST), so none tells the offset.
constexpr std::string_view kZoneAbbreviations[] = {
    "ACDT", "ACST", "ADT",  "AEDT", "AEST", "AKDT", "AKST", "AST",  "BST", "CAT", "CDT",  "CEST", "CET",  "CST", "ChST", "EAT",
    "EDT",  "EEST", "EET",  "EST",  "HDT",  "HKT",  "HST",  "IDT",  "IST", "JST", "KST",  "MDT",  "MEST", "MET", "MSK",  "MST",
    "NDT",  "NST",  "NZDT", "NZST", "PDT",  "PKT",  "PST",  "SAST", "SST", "WAT", "WEST", "WET",  "WIB",  "WIT", "WITA"};

/// Reads a text from its start; every step either succeeds and advances or leaves the position alone.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  [[nodiscard]] size_t position() const { return at_; }
  void rewind(size_t position) { at_ = position; }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool accept(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  /// Exactly `digits` digits.
  bool number(unsigned digits, int* out) {
    if (text_.size() - at_ < digits) return false;
    int value = 0;
    for (unsigned i = 0; i < digits; ++i) {
      const char c = text_[at_ + i];
      if (!is_digit(c)) return false;
      value = value * 10 + (c - '0');
    }
    at_ += digits;
    *out = value;
    return true;
  }
  [[nodiscard]] size_t digits_ahead() const {
    size_t n = 0;
    while (at_ + n < text_.size() && is_digit(text_[at_ + n])) ++n;
    return n;
  }
  /// A run of ASCII letters; empty and not consumed when a digit or underscore goes on with the word.
  std::string_view word() {
    size_t end = at_;
    while (end < text_.size() && ((text_[end] | 0x20) >= 'a' && (text_[end] | 0x20) <= 'z')) ++end;
    if (end < text_.size() && (is_digit(text_[end]) || text_[end] == '_')) return {};
    const std::string_view result = text_.substr(at_, end - at_);
    at_ = end;
    return result;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

/// `.ffffff` with any number of digits, or the `,fff` of Python and log4j: after a comma only 3, 6 or 9 digits are a fraction, since a
/// comma also ends a field of a CSV.
void parse_fraction(Cursor& in, int64_t* micros, int32_t* tick) {
  *micros = 0;
  *tick = static_cast<int32_t>(kMicrosPerSecond);
  const size_t before = in.position();
  const bool comma = in.peek() == ',';
  if (!comma && in.peek() != '.') return;
  in.accept(in.peek());
  const size_t digits = in.digits_ahead();
  if (digits == 0 || (comma && digits != 3 && digits != 6 && digits != 9)) {
    in.rewind(before);
    return;
  }
  int64_t unit = kMicrosPerSecond;
  for (size_t i = 0; i < digits; ++i) {
    int digit = 0;
    in.number(1, &digit);
    unit /= 10;
    *micros += digit * unit;
    if (unit > 0) *tick = static_cast<int32_t>(unit);
  }
}

/// Sets `offset` to the seconds east of UTC and returns true when a zone with a known offset follows. A bare abbreviation is consumed.
bool parse_zone(Cursor& in, int64_t* offset) {
  *offset = 0;
  const size_t before = in.position();
  const bool spaced = in.accept(' ');
  const char sign = in.peek();
  if (sign == '+' || sign == '-') {
    in.accept(sign);
    int hours = 0;
    int minutes = 0;
    bool ok = in.number(2, &hours);
    if (ok) {
      const size_t after_hours = in.position();
      const bool colon = in.accept(':');
      if (!in.number(2, &minutes)) {
        in.rewind(after_hours);
        ok = !colon || spaced;  // PostgreSQL prints ` +03` for a zone without letters, and a prefix may go on with a colon
      }
    }
    if (!ok || hours > 15 || minutes > 59 || is_digit(in.peek())) {
      in.rewind(before);
      return false;
    }
    *offset = (hours * 60 + minutes) * 60;
    if (sign == '-') *offset = -*offset;
    return true;
  }
  const std::string_view word = in.word();
  if (word == "Z" || word == "UTC" || word == "GMT") return true;
  if (!spaced || std::find(std::begin(kZoneAbbreviations), std::end(kZoneAbbreviations), word) == std::end(kZoneAbbreviations)) {
    in.rewind(before);
  }
  return false;
}

}  // namespace

bool certainly_before(const TimePoint& a, const TimePoint& b) {
  if (!a.known() || !b.known() || a.zone_known != b.zone_known || a.micros >= b.micros) return false;
  const uint64_t apart = static_cast<uint64_t>(b.micros) - static_cast<uint64_t>(a.micros);
  return apart >= static_cast<uint64_t>(std::max({a.tick, b.tick, int32_t{0}}));
}

int64_t days_from_civil(int year, unsigned month, unsigned day) {
  const int64_t shifted_year = static_cast<int64_t>(year) - (month <= 2 ? 1 : 0);
  const int64_t era = (shifted_year >= 0 ? shifted_year : shifted_year - 399) / 400;
  const int64_t year_of_era = shifted_year - era * 400;
  const int64_t day_of_year = (153 * (static_cast<int64_t>(month) + (month > 2 ? -3 : 9)) + 2) / 5 + static_cast<int64_t>(day) - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

std::string to_iso8601(const TimePoint& t) {
  if (!t.known()) return {};
  int64_t days = t.micros / kMicrosPerDay;
  int64_t rest = t.micros % kMicrosPerDay;
  if (rest < 0) {
    rest += kMicrosPerDay;
    --days;
  }
  const Civil date = civil_from_days(days);
  const int64_t seconds = rest / kMicrosPerSecond;
  const int64_t micros = rest % kMicrosPerSecond;
  std::string out =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.year, date.month, date.day, seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (micros % 1000 == 0) {
    fmt::format_to(std::back_inserter(out), ".{:03}", micros / 1000);
  } else {
    fmt::format_to(std::back_inserter(out), ".{:06}", micros);
  }
  if (t.zone_known) out += 'Z';
  return out;
}

std::optional<TimePoint> parse_time(std::string_view text, size_t* consumed) {
  if (consumed != nullptr) *consumed = 0;
  Cursor in(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!in.number(4, &year) || !in.accept('-') || !in.number(2, &month) || !in.accept('-') || !in.number(2, &day)) return std::nullopt;
  if (!in.accept(' ') && !in.accept('T')) return std::nullopt;
  if (!in.number(2, &hour) || !in.accept(':') || !in.number(2, &minute) || !in.accept(':') || !in.number(2, &second)) return std::nullopt;
  if (month < 1 || month > 12 || day < 1 || static_cast<unsigned>(day) > days_in_month(year, static_cast<unsigned>(month)))
    return std::nullopt;
  if (hour > 23 || minute > 59 || second > 60 || is_digit(in.peek())) return std::nullopt;  // 60: a leap second

  TimePoint result;
  int64_t fraction = 0;
  parse_fraction(in, &fraction, &result.tick);
  int64_t offset = 0;
  result.zone_known = parse_zone(in, &offset);
  const int64_t days = days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  const int64_t seconds = days * 86'400 + hour * 3600 + minute * 60 + second - offset;
  result.micros = seconds * kMicrosPerSecond + fraction;
  if (consumed != nullptr) *consumed = in.position();
  return result;
}

}  // namespace dbaudit
