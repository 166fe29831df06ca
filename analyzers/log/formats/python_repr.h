#pragma once
// What Python's repr() prints for the parameters of a statement: `('a', 0, None, Decimal('1.5'), datetime.date(2026, 1, 2), [1, 2])`.

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "analyzers/log/record.h"

namespace dbaudit {

/// Offset just after the one value that starts at `from` (leading blanks skipped); nullopt when the bytes there are no well-formed repr or
/// nest deeper than 64. Linear in the bytes read; never allocates.
[[nodiscard]] std::optional<size_t> skip_python_repr(std::string_view text, size_t from = 0);

/// The bytes at `from` begin a repr that the text's end cuts off.
[[nodiscard]] bool is_open_python_repr(std::string_view text, size_t from = 0);

/// The elements of a container's repr, one after another.
class PythonElements {
 public:
  /// `container` is the text of a tuple, list, set or dict. Anything else has no elements.
  explicit PythonElements(std::string_view container);
  /// The next element's text (of a dict: its value). False at the end, or where the text stops making sense.
  bool next(std::string_view& element);
  /// After next() said false: the container's own end was reached.
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  std::string_view text_;
  size_t at_ = 0;
  char closer_ = '\0';  // '\0' once nothing more can come
  bool complete_ = false;
};

/// Turns reprs into bind values. Strings without escapes are views into the text; the others are unescaped into storage of the decoder's own,
/// which lives until reset().
class PythonDecoder {
 public:
  /// Forgets earlier values and makes room for those of a text of `bytes` bytes: decoding never needs more than a fixed part beyond that.
  void reset(size_t bytes);
  /// One value. Strings are unescaped (`\xNN` of a str is a code point, of bytes a byte), None is null, numbers are numbers, dates become ISO text
  /// (`2026-01-02 03:04:05.000006+00:00`), a call with one scalar argument (`Decimal('1')`, `UUID('…')`, `Int4(0)`) is its argument, anything else
  /// is its own text.
  BindValue value(std::string_view repr);
  /// Appends every element of a container. False when its end was not found.
  bool values(std::string_view container, std::vector<BindValue>& out);

 private:
  BindValue value(std::string_view repr, int depth);
  std::string_view unescape(std::string_view body, bool bytes, bool raw);
  bool date_text(std::string_view name, std::string_view arguments, std::string_view& out);

  std::unique_ptr<char[]> storage_;
  size_t capacity_ = 0, used_ = 0;
};

}  // namespace dbaudit
