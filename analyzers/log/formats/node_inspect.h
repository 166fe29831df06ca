#pragma once
// Values as Node prints them: util.inspect() (`[ 'a', 1, null, <Buffer 01>, 2026-01-02T03:04:05.678Z ]`, `{ sql: 'select 1' }`) and JSON, of which it
// is nearly a superset. Text without colours.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/bind_value.h"
#include "analyzers/log/lines.h"

namespace dbaudit {

/// Follows brackets line by line: strings never go over the end of a line.
class NodeBrackets {
 public:
  /// Reads a line from `from` on. The offset behind the bracket that closes the first one, when it is in this line.
  std::optional<size_t> add(std::string_view line, size_t from = 0);
  [[nodiscard]] bool is_open() const { return depth_ > 0; }

 private:
  int64_t depth_ = 0;
};

/// Lines of a printed array or object.
struct TakenContainer {
  bool closed = false;
  uint64_t lines = 1;
};
/// Takes the line peeked, in which one begins (`first` is that line without colours), and those behind it up to its end, or to a line that
/// `is_inside` says is none of it. `clean` is storage.
TakenContainer take_node_container(Lines& lines, std::string_view first, std::string& clean, bool (*is_inside)(std::string_view));

/// Offset behind the array or object that begins at `from`; nullopt when it is cut or none begins there.
[[nodiscard]] std::optional<size_t> skip_node_container(std::string_view text, size_t from = 0);

/// The elements of an array or the properties of an object, one after another.
class NodeElements {
 public:
  explicit NodeElements(std::string_view container);
  /// The next value's text; `key` is a property's name without quotes, empty in an array. False at the end, or where the text makes no sense.
  bool next(std::string_view& value, std::string_view& key);
  /// After next() said false: the container's own end was reached.
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  std::string_view text_;
  size_t at_ = 0;
  bool object_ = false, complete_ = false;
};

/// Turns printed values into bind values. Strings without escapes are views into the text; the others live in the decoder until reset().
class NodeDecoder {
 public:
  /// Forgets earlier values and makes room for those of a text of `bytes` bytes.
  void reset(size_t bytes);
  /// Strings are unescaped and their parts joined, null and undefined are null, a Buffer is `\x` and its bytes in hex, anything else is its text.
  /// `cut` is set when Node left out the rest of it.
  BindValue value(std::string_view text, bool& cut);
  /// Appends every element of a container. False when its end was not found.
  bool values(std::string_view container, std::vector<BindValue>& out, bool& cut);

 private:
  void unescape(std::string_view body);
  void put(char c) { storage_[used_++] = c; }
  void put_code_point(uint32_t c);

  std::unique_ptr<char[]> storage_;
  size_t capacity_ = 0, used_ = 0;
};

}  // namespace dbaudit
