#pragma once
// Bytes of a PostgreSQL log line's header, for the matcher of log_line_prefix and its guesser.

#include <cstddef>
#include <cstring>
#include <string_view>

namespace dbaudit::header_text {

inline constexpr size_t kMaxHeader = 1024;  // a prefix longer than this is not believed

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
inline bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool is_upper_alnum(char c) { return is_digit(c) || (c >= 'A' && c <= 'Z'); }
inline bool is_word(char c) { return is_alpha(c) || is_digit(c) || c == '_'; }

inline size_t digits_at(std::string_view s, size_t at) {
  size_t n = 0;
  while (at + n < s.size() && is_digit(s[at + n])) ++n;
  return n;
}

inline size_t hex_at(std::string_view s, size_t at) {
  size_t n = 0;
  while (at + n < s.size() && is_hex(s[at + n])) ++n;
  return n;
}

/// `s` has these bytes at `at`.
template <size_t N>
bool has_at(std::string_view s, size_t at, const char (&bytes)[N]) {
  return s.size() >= at && s.size() - at >= N - 1 && std::memcmp(s.data() + at, bytes, N - 1) == 0;
}

/// A field the server did not know yet counts as empty.
inline std::string_view known(std::string_view value) { return value == "[unknown]" ? std::string_view() : value; }

}  // namespace dbaudit::header_text
