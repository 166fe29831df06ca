#pragma once
// How far the reading of a long log is, on standard error.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace dbaudit {

/// `1.2 GB`, `34.1 MB`, `812 bytes`: powers of ten.
[[nodiscard]] std::string size_text(uint64_t bytes);

/// `app.log: 1.2 GB of 3.4 GB (35%), 210 MB/s, 11 s left`. `total` 0: not known. `seconds`: since the reading of this log began.
[[nodiscard]] std::string progress_text(std::string_view path, uint64_t bytes, uint64_t total, double seconds);

enum class ProgressMode : uint8_t {
  kNone,
  kLine,   ///< a terminal: one line, rewritten, and gone at the end; not for what is read at once
  kLines,  ///< a file or a pipe: a line now and then, and one at the end of each log
};
[[nodiscard]] ProgressMode progress_mode(bool is_terminal, bool quiet, bool forced);

class Progress {
 public:
  Progress(ProgressMode mode, int columns) : mode_(mode), columns_(columns) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// A log begins. `total`: its size in bytes as it will be read; 0: not known (a pipe, a compressed file).
  void begin(std::string_view path, uint64_t total);
  /// To be called often, with the bytes read so far: looks at the clock once in a while.
  void at(uint64_t bytes) {
    if (mode_ != ProgressMode::kNone && (++calls_ & 1023) == 0) show(bytes);
  }
  void end(uint64_t bytes);
  /// Takes the line off the terminal, before anything else is written there.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  void show(uint64_t bytes);
  [[nodiscard]] double seconds() const { return std::chrono::duration<double>(Clock::now() - begun_).count(); }

  ProgressMode mode_;
  int columns_;
  std::string path_;
  uint64_t total_ = 0, calls_ = 0;
  Clock::time_point begun_, shown_;
  bool is_shown_ = false;
};

}  // namespace dbaudit
