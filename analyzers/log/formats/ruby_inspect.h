#pragma once
// What Ruby's inspect prints for the binds of a statement: `[["id", 2], ["name", "a\nb"], [nil, nil], ["LIMIT", 1]]`.

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "analyzers/base/bind_value.h"

namespace dbaudit {

/// Offset just after the array or hash that starts at `from`; nullopt when its end is not in the text. Brackets and strings only are looked at, and no
/// more than 64 levels of them. Linear in the bytes read.
[[nodiscard]] std::optional<size_t> skip_ruby_container(std::string_view text, size_t from);

/// Turns inspected values into bind values. Strings without escapes are views into the text, the others live in storage of its own until reset().
class RubyValues {
 public:
  /// Forgets earlier values and makes room for those of a text of `bytes` bytes.
  void reset(size_t bytes);
  /// Appends the second element of every pair of `[[name, value], …]`. `hidden` is set when a value is not shown: Rails' `<2 bytes of binary data>` and
  /// `[FILTERED]`. False when the text is no such array.
  bool pairs(std::string_view text, std::vector<BindValue>& out, bool& hidden);
  /// One value: nil is null, numbers are numbers, `BigDecimal` prints `0.15e1`, anything else that is no string is its own text.
  BindValue value(std::string_view text, bool& hidden);

 private:
  std::string_view unescape(std::string_view body);

  std::unique_ptr<char[]> storage_;
  size_t capacity_ = 0, used_ = 0;
};

}  // namespace dbaudit
