#pragma once
// How the reading of logs is stopped from a signal handler.

#include <atomic>

namespace dbaudit {

/// Not 0: a source that waits for a pipe or a terminal ends with an error soon (a fifth of a second). Who sets it puts it back.
extern std::atomic<int> stop_reading;

}  // namespace dbaudit
