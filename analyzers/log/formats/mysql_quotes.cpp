// MySQL's ORMs put every name between backticks, so that quotes stand every few bytes: too near for a search from one to the next to pay. Backticks
// know no escape, so in a stretch that has no other mark it is enough to count them. Where another mark stands, all marks near it are looked at
// one by one.

#include "analyzers/log/formats/mysql_quotes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace dbaudit::mysql_text {
namespace {

/// Bytes that can open, close or escape something.
constexpr std::array<bool, 256> kMarks = [] {
  std::array<bool, 256> marks{};
  for (const char c : {'\'', '"', '`', '\\', '#', '-', '/'}) marks[static_cast<unsigned char>(c)] = true;
  return marks;
}();

#if defined(__SSE2__)
constexpr ptrdiff_t kStretch = 32;

__m128i equal(__m128i x, char c) { return _mm_cmpeq_epi8(x, _mm_set1_epi8(c)); }
__m128i load(const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
uint32_t bits(__m128i low, __m128i high) {
  return static_cast<uint32_t>(_mm_movemask_epi8(low)) | static_cast<uint32_t>(_mm_movemask_epi8(high)) << 16;
}

/// Marks that mean something where no quote but a backtick is open, and `&`: `"#&'` differ in two bits, `-/` in one.
__m128i marks_of_code(__m128i x) {
  return _mm_or_si128(equal(_mm_or_si128(x, _mm_set1_epi8(5)), '\''), equal(_mm_or_si128(x, _mm_set1_epi8(2)), '/'));
}

/// All marks in 32 bytes, a bit for each.
uint32_t marks_of(const char* p) {
  const auto marks = [](__m128i x) {
    const __m128i backtick_or_backslash = _mm_or_si128(equal(x, '`'), equal(x, '\\'));
    return _mm_or_si128(backtick_or_backslash, marks_of_code(x));
  };
  return bits(marks(load(p)), marks(load(p + 16)));
}

/// Marks in the 32 bytes at `p` that mean something wherever they stand, but for the two quotes that statements are full of: `"`, `\`, `#`, `--`, `/*`
/// (and `&`). Reads a byte more.
bool has_rare_mark(const char* p) {
  const auto rare = [](__m128i x, __m128i after, __m128i is_quote) {
    const __m128i comment = _mm_or_si128(_mm_and_si128(equal(x, '-'), equal(after, '-')), _mm_and_si128(equal(x, '/'), equal(after, '*')));
    const __m128i other = _mm_andnot_si128(is_quote, equal(_mm_or_si128(x, _mm_set1_epi8(5)), '\''));
    return _mm_or_si128(_mm_or_si128(other, equal(x, '\\')), comment);
  };
  const __m128i low = load(p), high = load(p + 16);
  return _mm_movemask_epi8(_mm_or_si128(rare(low, load(p + 1), equal(low, '\'')), rare(high, load(p + 17), equal(high, '\'')))) != 0;
}

/// Goes over stretches that hold no mark but backticks; each odd one turns `is_name` round.
const char* over_names(const char* p, const char* end, bool& is_name) {
  bool is_odd = false;
  for (; end - p >= kStretch; p += kStretch) {
    const __m128i low = load(p), high = load(p + 16);
    if (_mm_movemask_epi8(_mm_or_si128(marks_of_code(low), marks_of_code(high))) != 0) break;
    const int pairs = _mm_movemask_epi8(_mm_xor_si128(equal(low, '`'), equal(high, '`')));
    is_odd ^= __builtin_parity(static_cast<unsigned>(pairs)) != 0;
  }
  is_name ^= is_odd;
  return p;
}
#endif

}  // namespace

/// Reads on in stretches, while there is a whole one and no comment is open; what is left at the end, with the stretch that ends there.
const char* OpenQuote::over_stretches([[maybe_unused]] const char* begin, const char* p, [[maybe_unused]] const char* end) {
#if defined(__SSE2__)
  while (!is_in_comment()) {
    if (inside_ == '\0' || inside_ == '`') {
      bool is_name = inside_ == '`';
      p = over_names(p, end, is_name);
      inside_ = is_name ? '`' : '\0';
    }
    if (end - p <= kStretch) break;
    if (!has_rare_mark(p)) {
      const __m128i low = load(p), high = load(p + 16);
      const uint32_t quotes = bits(equal(low, '\''), equal(high, '\''));
      for (uint32_t left = quotes | bits(equal(low, '`'), equal(high, '`')); left != 0; left &= left - 1) {
        const char mark = (quotes & left & -left) != 0 ? '\'' : '`';
        if (inside_ == '\0') {
          inside_ = mark;
        } else if (inside_ == mark) {
          inside_ = '\0';  // a doubled quote opens it again at once
        }
      }
      p += kStretch;
      continue;
    }
    p = std::max(over_marks(p, marks_of(p), p, end), p + kStretch);
  }
  if (p < end && end - begin >= kStretch && !is_in_comment()) {
    const char* const last = end - kStretch;
    over_marks(last, marks_of(last), p, end);
    return end;  // a comment that is open goes on behind it
  }
#endif
  return p;
}

/// What the `marks` behind `from` do, a bit for each byte of `stretch`; returns where the last of them leads.
const char* OpenQuote::over_marks(const char* stretch, uint32_t marks, const char* from, const char* end) {
  for (; marks != 0; marks &= marks - 1) {
    const char* const mark = stretch + std::countr_zero(marks);
    if (mark >= from) from = step(mark, end);
  }
  return from;
}

/// What the byte at `mark` does to what is open; returns where to read on. A mark of several bytes does not go over the end of a line.
const char* OpenQuote::step(const char* mark, const char* end) {
  const char c = *mark;
  const char after = mark + 1 < end ? mark[1] : '\n';
  if (inside_ != '\0') {
    if (c == inside_) {
      inside_ = '\0';  // a doubled quote opens it again at once
    } else if (c == '\\' && inside_ != '`' && after != '\n') {
      return mark + 2;
    }
    return mark + 1;
  }
  if (c == '\'' || c == '"' || c == '`') {
    inside_ = c;
  } else if (c == '/' && after == '*') {
    inside_ = kBlockComment;
    return to_end_of_comment(mark + 2, end);
  } else if (c == '-' && after == '-') {
    if (end - mark < 3 || static_cast<unsigned char>(mark[2]) > ' ') return mark + 2;
    inside_ = kLineComment;
  } else if (c == '#') {
    inside_ = kLineComment;
  }
  return inside_ == kLineComment ? to_end_of_comment(mark + 1, end) : mark + 1;
}

/// Behind the comment that `p` is in; the end when it goes on there.
const char* OpenQuote::to_end_of_comment(const char* p, const char* end) {
  const std::string_view rest(p, static_cast<size_t>(end - p));
  const std::string_view mark = inside_ == kLineComment ? "\n" : "*/";
  const size_t at = rest.find(mark);
  if (at == std::string_view::npos) return end;
  inside_ = '\0';
  return p + at + mark.size();
}

void OpenQuote::advance(std::string_view text) {
  if (text.size() <= read_) return;
  const char* p = text.data() + read_;
  const char* const end = text.data() + text.size();
  read_ = text.size();
  while (p < end) {
    if (is_in_comment()) {
      p = to_end_of_comment(p, end);
      continue;
    }
    p = over_stretches(text.data(), p, end);
    if (is_in_comment()) continue;
    while (p < end && !kMarks[static_cast<unsigned char>(*p)]) ++p;
    if (p < end) p = step(p, end);
  }
}

}  // namespace dbaudit::mysql_text
