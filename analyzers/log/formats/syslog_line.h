#pragma once
// The header syslog puts before a server's message, in the shapes syslog daemons write.

#include <cstdint>
#include <optional>
#include <string_view>

#include "analyzers/base/time.h"

namespace dbaudit {

struct SyslogLine {
  TimePoint time;  ///< unknown for `Nov 20 14:27:18`, which names no year
  std::string_view host, program, pid;
  /// `[sequence-part]`. A number alone is here as the part: it is that where syslog_sequence_numbers is off, and the sequence where
  /// syslog_split_messages is off. 0: not there.
  uint64_t sequence = 0, part = 0;
  size_t text_at = 0;  ///< where the text behind all of this begins
};

/// `[<PRI>]TIME [host ]program[pid]: [[sequence-part] ]text`, TIME as in RFC 3164 or ISO 8601; or RFC 5424. nullopt for anything else.
std::optional<SyslogLine> parse_syslog_line(std::string_view line);

}  // namespace dbaudit
