#pragma once
// The shapes of envelopes: what takes one line of each apart.

#include <memory>
#include <span>
#include <string_view>

#include "analyzers/base/time.h"
#include "analyzers/log/envelope.h"

namespace dbaudit {

/// What one line holds.
struct Inside {
  std::string_view text;  ///< without the newline; may hold newlines
  bool goes_on = false;   ///< the writer cut a line: the next one of the same stream continues it
  TimePoint time;
  std::string_view origin;  ///< container, process, dyno; empty when the envelope names none
};

/// Takes one line (or one JSON object) apart. False when it is not of this envelope.
class Unwrapper {
 public:
  virtual ~Unwrapper() = default;
  virtual bool unwrap(std::string_view line, Inside& inside) = 0;
  /// One JSON object may span lines.
  [[nodiscard]] virtual bool is_json() const { return false; }
};

struct EnvelopeShape {
  EnvelopeName name;
  /// Nothing else is shaped like it: it is taken off whenever something known is inside. The others are shaped like what a log may write itself.
  bool is_nobody_elses;
  std::unique_ptr<Unwrapper> (*make)();
};

/// All of them, in the order in which they are tried.
[[nodiscard]] std::span<const EnvelopeShape> envelope_shapes();

}  // namespace dbaudit
