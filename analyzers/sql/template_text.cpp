#include "analyzers/sql/template_text.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "analyzers/base/hash.h"
#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/tokens.h"

namespace dbaudit {

namespace {

constexpr bool is_plain_byte(char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_'; }

/// A name that means the same without its quotes: [a-z_][a-z0-9_]*, not reserved.
bool is_plain_name(std::string_view name) {
  if (name.empty() || is_digit(name[0])) return false;
  return std::all_of(name.begin(), name.end(), is_plain_byte) && !classify_word(name).reserved;
}

}  // namespace

/// A keyword that is no function: `in (?)`, `values (?)`, but `count(*)`, `any(?)`, `left(a, ?)`.
bool TemplateText::stands_apart(std::string_view word) {
  const WordClass w = classify_word(word);
  return w.keyword && (w.expects_operand || !w.begins_operand);
}

void TemplateText::grow(size_t more) {
  const size_t capacity = std::max({capacity_ * 2, size_ + more, size_t{4096}});
  std::unique_ptr<char[]> bigger(new char[capacity]);
  if (size_ != 0) std::memcpy(bigger.get(), buffer_.get(), size_);
  buffer_ = std::move(bigger);
  capacity_ = capacity;
}

/// As nearly all are: short, and plain between their quotes. False: another, of which nothing is written.
bool TemplateText::plain_name(std::string_view text, const char* readable_end) {
#if defined(__SSE2__)
  constexpr size_t kRegister = 16;
  const char* const p = text.data() + 1;
  const size_t size = text.size() - 2;
  if (text.size() < 3 || size > kRegister || readable_end - p < static_cast<ptrdiff_t>(kRegister) || is_digit(*p)) return false;
  const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i alpha = _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('a' - 1)), _mm_cmpgt_epi8(_mm_set1_epi8('z' + 1), x));
  const __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('0' - 1)), _mm_cmpgt_epi8(_mm_set1_epi8('9' + 1), x));
  const __m128i plain = _mm_or_si128(_mm_or_si128(alpha, digit), _mm_cmpeq_epi8(x, _mm_set1_epi8('_')));
  const unsigned wanted = (1U << size) - 1U;
  if ((static_cast<unsigned>(_mm_movemask_epi8(plain)) & wanted) != wanted || classify_word({p, size}).reserved) return false;
  reserve(kSlack);
  separate();
  _mm_storeu_si128(reinterpret_cast<__m128i*>(buffer_.get() + size_), x);
  size_ += size;
  ends_ = Ends::kName;
  return true;
#else
  static_cast<void>(text);
  static_cast<void>(readable_end);
  return false;
#endif
}

void TemplateText::quoted_name(std::string_view text, bool unterminated, const char* readable_end) {
  if (!unterminated && (text[0] == '"' || text[0] == '`') && plain_name(text, readable_end)) return;
  reserve(text.size() * 2 + kSlack);
  const bool unicode = text[0] == 'U' || text[0] == 'u';  // U&"…": as it is
  if (!unicode) {
    const char quote = text[0];
    std::string_view name = text.substr(1);
    if (!unterminated && !name.empty()) name.remove_suffix(1);
    separate();
    char* out = buffer_.get() + size_;
    if (is_plain_name(name)) {
      std::memcpy(out, name.data(), name.size());
      size_ += name.size();
    } else if (quote == '"') {
      out[0] = '"';
      std::memcpy(out + 1, name.data(), name.size());
      out[name.size() + 1] = '"';
      size_ += name.size() + 2;
    } else {
      char* const begin = out;
      *out++ = '"';
      for (size_t i = 0; i < name.size(); ++i) {
        if (name[i] == quote && quote != '[' && i + 1 < name.size()) ++i;  // a doubled one
        if (name[i] == '"') *out++ = '"';
        *out++ = name[i];
      }
      *out++ = '"';
      size_ += static_cast<size_t>(out - begin);
    }
  } else {
    other(text);
  }
  ends_ = Ends::kName;
}

void TemplateText::other(std::string_view text) {
  reserve(text.size() + kSlack);
  separate();
  std::memcpy(buffer_.get() + size_, text.data(), text.size());
  size_ += text.size();
  ends_ = Ends::kOther;
}

void TemplateText::cast() {
  raw("::");
  ends_ = Ends::kTight;
}

void TemplateText::kept_string(std::string_view content, const char* readable_end) {
  reserve(content.size() + kSlack);
  separate();
  buffer_[size_++] = '\'';
  copy_lower(content.data(), content.size(), readable_end, buffer_.get() + size_);
  size_ += content.size();
  buffer_[size_++] = '\'';
  ends_ = Ends::kOther;
}

void TemplateText::body(uint64_t hash) {
  constexpr char kDigits[] = "0123456789abcdef";
  reserve(kSlack);
  separate();
  buffer_[size_++] = '$';
  for (int shift = 60; shift >= 0; shift -= 4) buffer_[size_++] = kDigits[hash >> shift & 15];
  buffer_[size_++] = '$';
  ends_ = Ends::kOther;
}

void TemplateText::raw(std::string_view text) {
  reserve(text.size() + kSlack);
  std::memcpy(buffer_.get() + size_, text.data(), text.size());
  size_ += text.size();
}

void TemplateText::repeat(size_t from, size_t length) {
  reserve(length + kSlack);
  std::memcpy(buffer_.get() + size_, buffer_.get() + from, length);
  size_ += length;
}

}  // namespace dbaudit
