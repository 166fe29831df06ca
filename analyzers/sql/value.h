#pragma once
// Values of literals and bind parameters.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dbaudit {

enum class ValueKind : uint8_t {
  kMissing,  ///< the log did not show it (a placeholder without its bind value)
  kNull,
  kNumber,
  kString,
  kBool,
  kOther,  ///< a literal we do not compare (a dollar-quoted body, a bit string)
};

/// One value of one execution. `text` is unquoted and unescaped where that changes anything, else a view of the statement.
struct Value {
  ValueKind kind = ValueKind::kMissing;
  std::string_view text;

  [[nodiscard]] bool known() const { return kind != ValueKind::kMissing; }
  [[nodiscard]] bool is_null() const { return kind == ValueKind::kNull; }
  /// Equal values have equal hashes however the log spelt them: 5, '5', '5.0' and +5 are one value; 'a' and N'a' are one; TRUE,
  /// 't' are not. 0 for kMissing alone. Case and trailing blanks matter (collations are the schema's business). Computed when first asked for, and kept:
  /// most values of a log are never compared, so ask the one that stays, not a copy. Not to be asked by two threads at once.
  [[nodiscard]] uint64_t hash() const {
    if (hash_ == 0 && known()) hash_ = compute_hash();
    return hash_;
  }

 private:
  [[nodiscard]] uint64_t compute_hash() const;
  mutable uint64_t hash_ = 0;  // 0: not computed
};

/// Sets kind and text. `quoted` says the log or the statement put it in quotes.
[[nodiscard]] Value make_value(std::string_view text, bool quoted);
[[nodiscard]] const Value& null_value();
/// The same known value. Missing equals nothing; NULL equals NULL (the same thing was sent).
[[nodiscard]] inline bool same_value(const Value& a, const Value& b) {
  return a.known() && b.known() && a.is_null() == b.is_null() && a.hash() == b.hash();
}
/// The numeric value when the text reads as a decimal number that a double holds exactly enough to compare steps.
[[nodiscard]] bool as_number(const Value& v, double& out);

}  // namespace dbaudit
