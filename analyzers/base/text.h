#pragma once
// Small operations on bytes. Input is never assumed to be UTF-8.

#include <string>
#include <string_view>
#include <vector>

namespace dbaudit {

[[nodiscard]] constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
[[nodiscard]] std::string to_lower(std::string_view s);                        ///< ASCII only
[[nodiscard]] bool istarts_with(std::string_view s, std::string_view prefix);  ///< ASCII letters of either case are equal
[[nodiscard]] inline bool iequals(std::string_view a, std::string_view b) { return a.size() == b.size() && istarts_with(a, b); }
[[nodiscard]] bool icontains(std::string_view s, std::string_view needle);
[[nodiscard]] std::string_view trim(std::string_view s);
[[nodiscard]] std::vector<std::string_view> split(std::string_view s, char separator);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);
[[nodiscard]] bool all_digits(std::string_view s);  ///< false when empty

/// The text with everything a terminal could obey made visible: C0 and C1 controls and DEL become `\xNN`, characters that turn the
/// writing direction `\uNNNN`, invalid UTF-8 becomes U+FFFD; newline, tab and the Unicode line separators become a space. For every byte of a log or a database that goes to a person.
[[nodiscard]] std::string printable(std::string_view s);

/// Valid UTF-8 for a JSON string: each invalid byte becomes U+FFFD, valid sequences are kept.
[[nodiscard]] std::string valid_utf8(std::string_view s);

/// Edit distance (Damerau-Levenshtein, ASCII case-insensitive), for did-you-mean. Bounded: strings longer than 64 bytes give 64.
[[nodiscard]] int edit_distance(std::string_view a, std::string_view b);
/// The candidate nearest to `word` when it is near enough to be meant (a third of its letters wrong, or a beginning of at least three
/// letters), else empty. The first of several equally near.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace dbaudit
