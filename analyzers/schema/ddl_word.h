#pragma once
// Words of the DDL grammar, compared as numbers: at each place of a statement a reader asks for dozens of them. Internal to schema/ddl*.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/sql/lexer.h"

namespace dbaudit {

/// The first eight bytes of a word in one case, the first lowest: equal for words of fewer than eight bytes only when they are the same in any case.
/// 0 for what is no unquoted word. `_` becomes a byte that stands in no word.
[[nodiscard]] inline uint64_t word_head(const Token& t) {
  if (t.kind != TokenKind::kWord || t.text.empty()) return 0;
  constexpr uint64_t kLower = 0x2020202020202020U;
  const std::string_view s = t.text;
  const size_t n = s.size();
  const auto byte = [&](size_t i) { return uint64_t{static_cast<unsigned char>(s[i])} << 8 * i; };
  if (n >= 8) return (byte(0) | byte(1) | byte(2) | byte(3) | byte(4) | byte(5) | byte(6) | byte(7)) | kLower;
  const uint64_t lower = kLower >> (64 - 8 * n);
  if (n >= 4) return byte(0) | byte(1) | byte(2) | byte(3) | byte(n - 3) | byte(n - 2) | byte(n - 1) | lower;
  return byte(0) | byte(n / 2) | byte(n - 1) | lower;
}

/// A word that the grammar knows, in lower case.
class DdlWord {
 public:
  // Implicit: it is a literal to whoever asks for it.
  template <size_t N>
  consteval DdlWord(const char (&text)[N]) : text_(text, N - 1) {  // NOLINT(google-explicit-constructor)
    for (size_t i = 0; i < text_.size() && i < 8; ++i) head_ |= uint64_t{static_cast<unsigned char>(text[i] | 0x20)} << 8 * i;
  }

  [[nodiscard]] constexpr uint64_t head() const { return head_; }
  [[nodiscard]] constexpr std::string_view text() const { return text_; }
  /// Is it this token, whose word_head() is `head`?
  [[nodiscard]] bool is(const Token& t, uint64_t head) const { return head == head_ && (text_.size() < 8 || iequals(t.text, text_)); }

 private:
  uint64_t head_ = 0;
  std::string_view text_;
};

/// Many of them; most words that are not among them are told at one look.
template <size_t N>
class DdlWords {
 public:
  constexpr explicit DdlWords(const DdlWord (&words)[N]) : DdlWords(words, std::make_index_sequence<N>()) {}

  [[nodiscard]] bool contain(const Token& t, uint64_t head) const {
    if (head == 0) return false;
    for (size_t at = place_of(head); places_[at] != 0; at = (at + 1) % kPlaces) {
      if (words_[places_[at] - 1U].is(t, head)) return true;
    }
    return false;
  }

 private:
  static constexpr size_t kPlaces = std::bit_ceil(N * 4);
  static_assert(N < 256);

  template <size_t... I>
  constexpr DdlWords(const DdlWord (&words)[N], std::index_sequence<I...> /*of the words*/) : words_{words[I]...} {
    for (size_t i = 0; i < N; ++i) {
      size_t at = place_of(words_[i].head());
      while (places_[at] != 0) at = (at + 1) % kPlaces;
      places_[at] = static_cast<uint8_t>(i + 1);
    }
  }
  static constexpr size_t place_of(uint64_t head) { return (head * 0x9e3779b97f4a7c15U) >> (64 - std::bit_width(kPlaces - 1)); }

  std::array<DdlWord, N> words_;
  std::array<uint8_t, kPlaces> places_{};  // an index into words_ + 1
};

}  // namespace dbaudit
