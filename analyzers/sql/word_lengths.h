#pragma once
// What tells nearly every name from the keywords of words.cpp without a look at its letters. Internal to sql/*.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dbaudit {

constexpr size_t kLongestKeyword = 17;

/// A word's first and last letter; other bytes share them.
[[nodiscard]] constexpr size_t ends_of_word(std::string_view w) {
  return static_cast<size_t>(w.front() & 31) << 5U | static_cast<size_t>(w.back() & 31);
}

/// By ends_of_word() the lengths of the keywords that begin and end so.
extern const std::array<uint32_t, 1024> kKeywordLengths;

/// False: classify_word() does not know it.
[[nodiscard]] inline bool may_be_keyword(std::string_view word) {
  return !word.empty() && word.size() <= kLongestKeyword && (kKeywordLengths[ends_of_word(word)] >> word.size() & 1) != 0;
}

}  // namespace dbaudit
