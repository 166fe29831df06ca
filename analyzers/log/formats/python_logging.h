#pragma once
// What a logging.Formatter printed before a message. Every application chooses its own format string, so it is worked out from the lines.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/time.h"
#include "analyzers/log/record.h"

namespace dbaudit {

/// How a log format knows its own messages among all lines.
struct PythonMessages {
  std::string_view logger;  ///< its logger's name, `django.db.backends`
  std::string_view module;  ///< the module it logs from, `utils`: a constant, never a session
  /// Offset at or after `from` where a message of this format begins, or npos.
  size_t (*find)(std::string_view line, size_t from);
};

/// What the formatter said of one line. Views into the line, but `tags`.
struct PythonPrefix {
  TimePoint time;  ///< when the record was made
  std::string_view level, logger, process, thread, request;
};

/// Builds the session's key of a line: `pid:thread`, or the part of it that is known. Empty when nothing tells sessions apart.
class PythonSession {
 public:
  /// The key lives until the next call. `alias` is Django's name of the connection; `default` and empty leave the key as it is.
  std::string_view key(std::string_view process, std::string_view thread, std::string_view request, std::string_view alias);

 private:
  std::string text_;
};

/// One formatter: separators and fields, in order. Made by learn_python_layouts().
class PythonLayout {
 public:
  enum class Role : unsigned char { kIgnored, kTime, kLevel, kLogger, kProcess, kThread, kRequest, kTag };

  /// When `line` begins with this formatter's fields: the offset of the message. `tags` (may be null) receives the fields that have a name.
  [[nodiscard]] std::optional<size_t> match(std::string_view line, PythonPrefix& prefix, std::vector<Tag>* tags) const;
  /// True when a line that matches is surely a line of this formatter, whatever its message (there is a time, a level or a logger in it).
  [[nodiscard]] bool is_strong() const { return strong_; }
  [[nodiscard]] bool is_bare() const { return fields_.empty(); }
  /// True when the fields tell one session from another.
  [[nodiscard]] bool has_session() const { return has_session_; }

 private:
  friend class PythonLayoutLearner;
  struct Field {
    std::string before;   ///< the separators in front of it
    std::string name;     ///< of `name=value`
    bool clock = false;   ///< a point in time, wherever it ends
    bool dated = false;   ///< with its date
    bool digits = false;  ///< always a number
    Role role = Role::kIgnored;
  };
  std::vector<Field> fields_;
  std::string after_;  ///< between the last field and the message
  bool strong_ = false, has_session_ = false;
};

/// The formatters that wrote the lines of `head` in which `messages` finds one, the most frequent first (at most four: several programs
/// may share a file). Empty when no line has a message.
[[nodiscard]] std::vector<PythonLayout> learn_python_layouts(std::string_view head, const PythonMessages& messages);

/// The level a text names (`DEBUG`, `warning`, …).
[[nodiscard]] bool is_python_level(std::string_view word);

/// Reads a time as Python programs print one: ISO forms, `20/Nov/2026 14:25:09`, `2026/11/20 14:25:09`, seconds since 1970 with a fraction; also
/// `Nov 20 14:25:09` and `14:25:09,123`, whose moment stays unknown. `consumed` is the length; nullopt when it is no time.
[[nodiscard]] std::optional<TimePoint> parse_python_time(std::string_view text, size_t& consumed);

}  // namespace dbaudit
