#pragma once
// The message of Django's SQL logger: `(0.001) SQL; args=REPR; alias=NAME`.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "analyzers/base/engine.h"
#include "analyzers/log/formats/sql_text_scan.h"

namespace dbaudit {

/// Length of `(0.001) ` at `at`; the blank may be missing at the end of a line (the SQL begins on the next). 0 when it is not there.
[[nodiscard]] size_t django_duration_length(std::string_view text, size_t at);
/// The duration a message begins with.
[[nodiscard]] int64_t django_duration_us(std::string_view message);
/// Offset at or after `from` where a message begins in a line, or npos.
[[nodiscard]] size_t find_django_message(std::string_view line, size_t from);

/// A message behind its duration, cut into its parts. Offsets.
struct DjangoParts {
  size_t sql_size = 0;
  size_t args_begin = 0, args_end = 0;
  size_t alias_begin = 0, alias_end = 0;  ///< equal: none
};

/// Finds where a message ends, reading its text once, line by line as it grows.
class DjangoMessageEnd {
 public:
  void reset(Engine engine);
  /// `text` is the message behind its duration up to the end of a line, with the lines read before at its beginning. True when it ends there.
  bool advance(std::string_view text, DjangoParts& parts) {
    return advance(first_, text, parts) || (both_ && advance(second_, text, parts));
  }
  /// The text read so far ends inside a quote, however backslashes are read.
  [[nodiscard]] bool in_quote() const {
    const auto open = [](const Reading& r) { return r.scan.in_quote() && !r.cut; };
    return open(first_) && (!both_ || open(second_));
  }
  /// Where `; args=` stood outside of quotes without readable arguments behind it, or npos.
  [[nodiscard]] size_t candidate() const { return first_.candidate != std::string_view::npos ? first_.candidate : second_.candidate; }

 private:
  struct Reading {
    SqlScanner scan;
    size_t at = 0;
    size_t candidate = std::string_view::npos;
    bool cut = false;  // arguments began on the last line and did not end there
  };

  bool advance(Reading& r, std::string_view text, DjangoParts& parts);
  bool ends_here(Reading& r, std::string_view text, size_t at, DjangoParts& parts);

  Reading first_, second_;  // second_: with backslashes as escapes, from the first one on
  bool both_ = false;
  int attempts_ = 0;
};

/// The parts of a message whose arguments no reader of reprs understands: cut at `candidate` (DjangoMessageEnd's), without one at the last `; args=`,
/// when what follows ends like arguments. Those are left empty.
[[nodiscard]] bool loose_django_end(std::string_view text, size_t candidate, DjangoParts& parts);

/// True for an executemany(): a list of sequences, for a statement that still has its placeholders.
[[nodiscard]] bool is_django_executemany(std::string_view sql, std::string_view args);

}  // namespace dbaudit
