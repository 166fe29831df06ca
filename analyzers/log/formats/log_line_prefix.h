#pragma once
// PostgreSQL's log_line_prefix (manual 20.8.3) compiled to a matcher, and guessed when nobody tells it.

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/time.h"

namespace dbaudit {

/// The word after the prefix. The attachments come last: they continue the record before them.
enum class PostgresSeverity : uint8_t {
  kLog,
  kError,
  kFatal,
  kPanic,
  kWarning,
  kNotice,
  kInfo,
  kDebug,
  kDetail,  // the first attachment
  kHint,
  kQuery,
  kContext,
  kStatement,
  kLocation,
  kBacktrace,
};
[[nodiscard]] constexpr bool is_attachment(PostgresSeverity s) { return s >= PostgresSeverity::kDetail; }

/// What a prefix told about a line. Views into the line; empty when the prefix has no such field or the server left it empty.
/// `[unknown]` (before authentication) counts as empty.
struct PrefixFields {
  TimePoint time;
  std::string_view app, user, database;  // %a %u %d
  std::string_view remote;               // %r, host and port
  std::string_view pid;                  // %p
  std::string_view session_id;           // %c
  std::string_view vxid;                 // %v
  std::string_view command_tag;          // %i
  std::string_view sqlstate;             // %e
  int captured = 0;                      // fields that were not empty
};

/// `LOG`, `DEBUG1`, … and nothing else.
[[nodiscard]] std::optional<PostgresSeverity> severity_of_name(std::string_view name);
/// `LOG:  text` at the start of `s`: the severity, and in `text_at` where the text begins.
[[nodiscard]] std::optional<PostgresSeverity> parse_severity(std::string_view s, size_t* text_at);

/// Reads the times of one log. Neighbouring lines mostly share the second and the zone, so both are remembered.
class PrefixClock {
 public:
  explicit PrefixClock(int32_t zone_offset_minutes = INT32_MIN) : zone_offset_minutes_(zone_offset_minutes) {}
  /// `2026-11-20 14:25:53[.782] UTC` at the start of `s`; the number of bytes, 0 when it is not one. Abbreviations other than UTC and
  /// GMT are ambiguous (CST, IST): the time stays local unless the offset was given. Numeric ones (`+03`) are offsets east.
  size_t read(std::string_view s, TimePoint* time);
  /// Does `s` begin with the second (`2026-11-20 14:25:53`) that was read last?
  [[nodiscard]] bool is_same_second(std::string_view s) const {
    return s.size() > second_text_.size() && std::memcmp(s.data(), second_text_.data(), second_text_.size()) == 0;
  }
  /// `1795184838.363` (%n).
  static size_t read_epoch(std::string_view s, TimePoint* time);

 private:
  bool read_second(const char* p);
  size_t read_zone(std::string_view s);

  int32_t zone_offset_minutes_;
  std::array<char, 19> second_text_{};
  int64_t second_micros_ = 0;
  // The zone read last, with the blank before it, and as many bytes 0xFF; 0: none yet.
  static constexpr size_t kLongestZone = 8;
  uint64_t zone_text_ = 0, zone_mask_ = 0;
  size_t zone_size_ = 0;
  int64_t zone_micros_ = 0;  // to add
  bool zone_known_ = false;
};

class LogLinePrefix {
 public:
  /// `%` and a letter PostgreSQL does not know match nothing, as they print nothing. `guessing`: user, database and host hold no
  /// spaces, which is true of nearly every log and tells a wrong guess from a right one.
  explicit LogLinePrefix(std::string prefix, bool guessing = false);

  /// Matches the prefix and the severity behind it. `text_at`: where the message begins.
  std::optional<PostgresSeverity> match(std::string_view line, PrefixClock& clock, PrefixFields* fields, size_t* text_at) const;
  [[nodiscard]] const std::string& text() const { return prefix_; }

 private:
  struct Op {
    char escape = 0;  // 0: a literal
    std::string literal;
    int width = 0;  // of %-10u and %10u, without the sign
  };
  struct Attempt;
  /// What stood between the time and the severity of an earlier line, or behind its process: that is another one in each session, and stands between
  /// literals. A line with the same bytes there has the same fields.
  struct Seen {
    std::string header;
    struct Field {
      uint16_t slot, begin, size;  // an index of kFields; bytes of `header`
    };
    std::array<Field, 9> fields;
    size_t field_count = 0;
  };

  bool match_ops(size_t op, size_t at, Attempt& attempt) const;
  bool finish(size_t at, Attempt& attempt) const;
  [[nodiscard]] size_t place_of(std::string_view header) const;
  /// Where the part of the header begins that lines of many sessions have in common. `at`: behind the time.
  size_t behind_process(size_t at, Attempt& attempt) const;
  bool recall(size_t at, Attempt& attempt) const;
  void keep(size_t at, const Attempt& attempt) const;

  std::string prefix_;
  std::vector<Op> ops_;
  bool guessing_;
  bool repeats_ = false;              // begins with the time, and the rest is the same in all lines of a session
  bool begins_with_process_ = false;  // the rest: a literal and the process
  mutable std::vector<Seen> seen_;    // by the bytes behind the time
};

/// Any header that names a severity and, before it, a time or a `[pid]` or nothing at all: fields are found by their shape and by `key=` names.
/// `is_postgres`: something else has told already whose line it is; then any header will do.
std::optional<PostgresSeverity> match_any_prefix(std::string_view line, PrefixClock& clock, PrefixFields* fields, size_t* text_at,
                                                 bool is_postgres = false);

/// A log_line_prefix that would have printed the header of this line, as far as shapes tell; empty when it has none.
[[nodiscard]] std::string infer_prefix(std::string_view line);

struct PrefixGuess {
  std::optional<LogLinePrefix> prefix;  ///< nullopt: only match_any_prefix() reads these lines
  int lines = 0;                        ///< complete lines of the head that begin a record or an attachment, or should
  int matched = 0;                      ///< of them, matched by `prefix` (or by match_any_prefix)
  int telling = 0;                      ///< of them, with a severity only PostgreSQL writes
};
/// The prefix, of the well-known ones and those the lines themselves suggest, that matches most lines of `head`.
[[nodiscard]] PrefixGuess guess_prefix(std::string_view head);
/// The same count for a prefix the user gave.
[[nodiscard]] PrefixGuess count_prefix(std::string_view head, const std::string& prefix);

}  // namespace dbaudit
