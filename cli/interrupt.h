#pragma once
// Ctrl-C while a log is read.

namespace dbaudit {

/// While it lives, the first SIGINT, SIGTERM or SIGHUP only stops the reading of logs (analyzers/log/stop_reading.h); a second one kills as
/// usual. One that was ignored, as under nohup, stays so. The destructor puts everything back. One at a time.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  /// The signal's number; 0: none came. What a shell calls the status of a program that one stopped is 128 more.
  [[nodiscard]] static int caught();
};

}  // namespace dbaudit
