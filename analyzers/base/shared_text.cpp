#include "analyzers/base/shared_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace dbaudit {

namespace {

constexpr uint32_t kSeparatorBits = 2;
constexpr std::array<std::string_view, 1U << kSeparatorBits> kSeparators = {"", " ", ".", ", "};

/// The separator that begins at `p`, which is before `end`; 0: none. A comma is one with the blank behind it.
uint32_t separator_at(const char* p, const char* end) {
  switch (*p) {
    case ' ': return 1;
    case '.': return 2;
    case ',': return end - p >= 2 && p[1] == ' ' ? 3 : 0;
    default: return 0;
  }
}

/// The first byte at or after `p` that may begin a separator, or `end`.
const char* find_separator(const char* p, const char* end) {
#if defined(__SSE2__)
  for (; end - p >= 16; p += 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i found = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(x, _mm_set1_epi8('.'))),
                                       _mm_cmpeq_epi8(x, _mm_set1_epi8(',')));
    const auto places = static_cast<unsigned>(_mm_movemask_epi8(found));
    if (places != 0) return p + std::countr_zero(places);
  }
#endif
  while (p < end && *p != ' ' && *p != '.' && *p != ',') ++p;
  return p;
}

}  // namespace

SharedText::SharedText(std::string_view text) {
  // Texts are made one after another; what they are made in is kept.
  thread_local std::vector<uint32_t> words;
  words.clear();
  const char* const end = text.data() + text.size();
  for (const char* begin = text.data(); begin < end;) {
    const char* stop = begin;
    uint32_t separator = 0;
    for (;; ++stop) {
      stop = find_separator(stop, end);
      if (stop == end) break;
      separator = separator_at(stop, end);
      if (separator != 0) break;
    }
    words.push_back(Name(std::string_view(begin, static_cast<size_t>(stop - begin))).id() << kSeparatorBits | separator);
    begin = stop + kSeparators[separator].size();
  }
  size_ = static_cast<uint32_t>(words.size());
  words_.reset(new uint32_t[size_]);
  std::copy(words.begin(), words.end(), words_.get());
}

std::string SharedText::str() const {
  std::string text;
  for (uint32_t i = 0; i < size_; ++i) {
    text += Name::of(words_[i] >> kSeparatorBits).str();
    text += kSeparators[words_[i] % kSeparators.size()];
  }
  return text;
}

}  // namespace dbaudit
