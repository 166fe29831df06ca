#pragma once
// Byte classes and the scans in which the lexer spends its time: to the end of a word or of a plain name, to one of two bytes, copying a
// word as it is and in lower case. Each works on 16 bytes at once where SSE2 exists (every x86-64) and byte by byte elsewhere and near the
// end of the text, so that nothing is ever read past `end`.

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace dbaudit {

enum class ByteClass : uint8_t {
  kOther,
  kSpace,
  kLetter,
  kDigit,
  kQuote,
  kDoubleQuote,
  kBacktick,
  kOpenBracket,
  kDot,
  kPunct,
  kDash,
  kSlash,
  kHash,
  kQuestion,
  kColon,
  kDollar,
  kPercent,
  kAt,
  kStar,
  kOperator,
};

namespace byte_class_detail {

constexpr std::array<ByteClass, 256> make_classes() {
  std::array<ByteClass, 256> t{};
  for (const char c : {' ', '\t', '\n', '\r', '\f', '\v'}) t[static_cast<unsigned char>(c)] = ByteClass::kSpace;
  for (unsigned c = 'a'; c <= 'z'; ++c) t[c] = t[c - 'a' + 'A'] = ByteClass::kLetter;
  for (unsigned c = 128; c < 256; ++c) t[c] = ByteClass::kLetter;
  t['_'] = ByteClass::kLetter;
  for (unsigned c = '0'; c <= '9'; ++c) t[c] = ByteClass::kDigit;
  for (const char c : {'(', ')', ',', ';', ']'}) t[static_cast<unsigned char>(c)] = ByteClass::kPunct;
  for (const char c : {'+', '<', '>', '=', '~', '!', '^', '&', '|'}) t[static_cast<unsigned char>(c)] = ByteClass::kOperator;
  t['\''] = ByteClass::kQuote;
  t['"'] = ByteClass::kDoubleQuote;
  t['`'] = ByteClass::kBacktick;
  t['['] = ByteClass::kOpenBracket;
  t['.'] = ByteClass::kDot;
  t['-'] = ByteClass::kDash;
  t['/'] = ByteClass::kSlash;
  t['#'] = ByteClass::kHash;
  t['?'] = ByteClass::kQuestion;
  t[':'] = ByteClass::kColon;
  t['$'] = ByteClass::kDollar;
  t['%'] = ByteClass::kPercent;
  t['@'] = ByteClass::kAt;
  t['*'] = ByteClass::kStar;
  return t;
}
inline constexpr std::array<ByteClass, 256> kClasses = make_classes();

}  // namespace byte_class_detail

[[nodiscard]] constexpr ByteClass byte_class(char c) { return byte_class_detail::kClasses[static_cast<unsigned char>(c)]; }
[[nodiscard]] constexpr bool is_space(char c) { return byte_class(c) == ByteClass::kSpace; }
[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
/// Can begin an unquoted name: a letter, `_`, any byte that is not ASCII.
[[nodiscard]] constexpr bool is_name_start(char c) { return byte_class(c) == ByteClass::kLetter; }
[[nodiscard]] constexpr bool is_name_byte(char c) { return is_name_start(c) || is_digit(c) || c == '$'; }

/// The first byte at or after `p` that is no name byte.
[[nodiscard]] inline const char* skip_name(const char* p, const char* end) {
#if defined(__SSE2__)
  while (end - p >= 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i lower = _mm_or_si128(x, _mm_set1_epi8(0x20));
    const __m128i alpha = _mm_and_si128(_mm_cmpgt_epi8(lower, _mm_set1_epi8('a' - 1)), _mm_cmpgt_epi8(_mm_set1_epi8('z' + 1), lower));
    const __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('0' - 1)), _mm_cmpgt_epi8(_mm_set1_epi8('9' + 1), x));
    const __m128i mark = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('_')), _mm_cmpeq_epi8(x, _mm_set1_epi8('$')));
    // The sign bit of x itself says "not ASCII".
    const __m128i in_name = _mm_or_si128(_mm_or_si128(alpha, digit), _mm_or_si128(mark, x));
    const unsigned outside = ~static_cast<unsigned>(_mm_movemask_epi8(in_name)) & 0xFFFFU;
    if (outside != 0) return p + std::countr_zero(outside);
    p += 16;
  }
#endif
  while (p < end && is_name_byte(*p)) ++p;
  return p;
}

/// The first byte at or after `p` that is none of [a-z0-9_], or `end`.
[[nodiscard]] inline const char* skip_plain_name(const char* p, const char* end) {
#if defined(__SSE2__)
  while (end - p >= 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    // Within a range: what is left of its begin is no more than its length.
    const __m128i letter = _mm_sub_epi8(x, _mm_set1_epi8('a'));
    const __m128i digit = _mm_sub_epi8(x, _mm_set1_epi8('0'));
    const __m128i plain = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8('z' - 'a')), letter),
                                                    _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8('9' - '0')), digit)),
                                       _mm_cmpeq_epi8(x, _mm_set1_epi8('_')));
    const unsigned outside = ~static_cast<unsigned>(_mm_movemask_epi8(plain)) & 0xFFFFU;
    if (outside != 0) return p + std::countr_zero(outside);
    p += 16;
  }
#endif
  while (p < end && ((*p >= 'a' && *p <= 'z') || is_digit(*p) || *p == '_')) ++p;
  return p;
}

/// The first `a` or `b` at or after `p`, or `end`.
[[nodiscard]] inline const char* find_either(const char* p, const char* end, char a, char b) {
#if defined(__SSE2__)
  const __m128i va = _mm_set1_epi8(a);
  const __m128i vb = _mm_set1_epi8(b);
  while (end - p >= 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(x, va), _mm_cmpeq_epi8(x, vb))));
    if (hits != 0) return p + std::countr_zero(hits);
    p += 16;
  }
#endif
  while (p < end && *p != a && *p != b) ++p;
  return p;
}

/// Copies [p, p + n) to `out`. `end` bounds what may be read, and `out` must have room for n + 16 bytes.
inline void copy_bytes(const char* p, size_t n, const char* end, char* out) {
  size_t i = 0;
#if defined(__SSE2__)
  for (; i < n && end - (p + i) >= 16; i += 16) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i)));
  }
#endif
  for (; i < n; ++i) out[i] = p[i];
}

/// Copies [p, p + n) to `out` in lower case (ASCII). `end` bounds what may be read, and `out` must have room for n + 16 bytes.
inline void copy_lower(const char* p, size_t n, const char* end, char* out) {
  size_t i = 0;
#if defined(__SSE2__)
  for (; i < n && end - (p + i) >= 16; i += 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i));
    const __m128i upper = _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('A' - 1)), _mm_cmpgt_epi8(_mm_set1_epi8('Z' + 1), x));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm_or_si128(x, _mm_and_si128(upper, _mm_set1_epi8(0x20))));
  }
#endif
  for (; i < n; ++i) out[i] = static_cast<char>(p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 0x20 : p[i]);
}

}  // namespace dbaudit
