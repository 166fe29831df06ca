#pragma once
// What a JSON formatter (python-json-logger, structlog, loguru, a hand-made one) wrote of one logging record.

#include <string_view>

#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/python_logging.h"

namespace dbaudit {

/// Views into the JsonLines it was read from.
struct PythonJsonRecord {
  PythonPrefix prefix;       ///< the process is left out when nothing tells its threads apart
  std::string_view message;  ///< from `message`, `msg`, `event` or `sql`
};

[[nodiscard]] PythonJsonRecord read_python_json(const JsonLines& json);

/// True when most messages of `head` (as `messages` knows them) stand in JSON objects, one a line.
[[nodiscard]] bool is_python_json(std::string_view head, const PythonMessages& messages);

}  // namespace dbaudit
