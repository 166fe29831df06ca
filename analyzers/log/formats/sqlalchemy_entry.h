#pragma once
// What the SQLAlchemy reader keeps between a message and its delivery.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/log/record.h"

namespace dbaudit {

struct SqlalchemySession;

/// A record that is to be delivered, in the order of the file.
struct SqlalchemyEntry {
  enum class State : uint8_t { kReady, kWaiting, kDropped };
  State state = State::kReady;
  bool certain = false;       ///< a statement, even without its parameters
  bool begin_before = false;  ///< the driver sends BEGIN before it
  bool twophase = false;      ///< waits for what the next statement is
  bool doubtful = false;      ///< a COMMIT where none was due: parameters behind it say that it was executed as text
  bool headed = false;        ///< behind the header of a formatter, or in an object: a record of somebody's
  bool has_parameters = false, hidden = false;
  LogRecord record;  ///< its views are set when it is delivered
  uint32_t lines = 1;
  std::string session, sql, parameters;
  std::vector<std::pair<std::string, std::string>> tags;
  size_t tag_count = 0;
  SqlalchemySession* owner = nullptr;
};

struct SqlalchemySession {
  SqlalchemyEntry* waiting = nullptr;
  uint32_t open = 0;  ///< transactions begun and not ended
  bool autocommit = false, saw_boundary = false, after_boundary = false;
  bool twophase = false;  ///< how it ended, only some drivers log
  std::string connection;
  // rows fetched of the last statement, when debug messages tell
  uint64_t statement_line = 0, row_line = 0;
  int64_t rows = -1;
};

}  // namespace dbaudit
