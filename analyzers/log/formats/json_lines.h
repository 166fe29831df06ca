#pragma once
// Lines that are JSON objects, flattened: `{"a": 1, "error": {"code": "23505"}}` has the fields `a`, `error` and `error.code`.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "analyzers/base/time.h"
#include "analyzers/log/record.h"

namespace dbaudit {

struct JsonField {
  enum class Kind : uint8_t { kString, kNumber, kBool, kNull, kArray, kObject };
  std::string_view key;  ///< with the keys around it, joined by dots
  Kind kind = Kind::kNull;
  std::string_view text;  ///< a string unescaped, a number or bool as written, an array or object as JSON
};

/// Parses one line at a time, reusing its memory. Everything it hands out lives until its next parse().
class JsonLines {
 public:
  JsonLines();
  ~JsonLines();
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;

  /// False when the line is no JSON object. Bytes that are not UTF-8 are replaced. Objects are flattened four deep; at most 256 fields are kept.
  bool parse(std::string_view line);
  [[nodiscard]] std::span<const JsonField> fields() const;
  /// The first of `keys` (in their order) that the line has with a value that is not null; nullptr when it has none.
  [[nodiscard]] const JsonField* find(std::initializer_list<std::string_view> keys) const;
  /// The same, null or not.
  [[nodiscard]] const JsonField* find_any(std::initializer_list<std::string_view> keys) const;
  /// The text of a string or number under one of `keys`; empty when there is none.
  [[nodiscard]] std::string_view text(std::initializer_list<std::string_view> keys) const;
  /// Appends the elements of a JSON array, or the values of an object, as bind values (nested ones as JSON). False for anything else, or when the
  /// JSON inside is broken. The values live until the next parse().
  bool values(const JsonField& container, std::vector<BindValue>& out);
  /// The elements of an array as JSON; for arrays of arrays.
  bool elements(const JsonField& container, std::vector<JsonField>& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A time in a field: a string that parse_python_time() reads, or a number of seconds, milli-, micro- or nanoseconds since 1970 (told by size).
[[nodiscard]] std::optional<TimePoint> json_time(const JsonField& field);
/// The first there is under one of `keys` (in their order), else an unknown one.
[[nodiscard]] TimePoint json_time(const JsonLines& json, std::initializer_list<std::string_view> keys);

}  // namespace dbaudit
