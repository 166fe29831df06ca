#pragma once
// What a Java logging framework prints before a message: Logback, Log4j and JBoss LogManager patterns as applications use them.

#include <cstddef>
#include <string_view>

#include "analyzers/base/time.h"

namespace dbaudit {

/// Views into the line.
struct JavaHeader {
  TimePoint time;
  std::string_view level, thread, logger;
  std::string_view pid;       ///< Spring Boot's, before `---`
  std::string_view trace_id;  ///< Micrometer's correlation id, `[32 hex digits-16 hex digits]`
  size_t message = 0;         ///< offset of the message
};

/// Reads `time level pid --- [app] [thread] logger : message` (Spring Boot), `time [thread] level logger - message` (Logback, Log4j 2),
/// `time level [logger] (thread) message` (WildFly, Quarkus) and their like: a level and a logger, and before them a time or a thread. The line
/// must have no colours. False for any other line.
[[nodiscard]] bool parse_java_header(std::string_view line, JavaHeader& out);

/// TRACE, DEBUG, INFO, WARN, ERROR, FATAL, and java.util.logging's FINE, FINER, FINEST.
[[nodiscard]] bool is_java_level(std::string_view word);

}  // namespace dbaudit
