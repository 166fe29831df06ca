#include "analyzers/base/shared_text.h"

#include <algorithm>
#include <array>
#include <vector>

namespace dbaudit {

namespace {

constexpr uint32_t kSeparatorBits = 2;
constexpr std::array<std::string_view, 1U << kSeparatorBits> kSeparators = {"", " ", ".", ", "};

/// Which separator begins at `at`; 0: none, or the text ends there.
uint32_t separator_at(std::string_view text, size_t at) {
  if (at == text.size()) return 0;
  switch (text[at]) {
    case ' ': return 1;
    case '.': return 2;
    case ',': return at + 1 < text.size() && text[at + 1] == ' ' ? 3 : 0;
    default: return 0;
  }
}

}  // namespace

SharedText::SharedText(std::string_view text) {
  std::vector<uint32_t> words;
  words.reserve(text.size() / 2);
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    uint32_t separator = 0;
    while (end < text.size() && (separator = separator_at(text, end)) == 0) ++end;
    words.push_back(Name(text.substr(begin, end - begin)).id() << kSeparatorBits | separator);
    begin = end + kSeparators[separator].size();
  }
  size_ = static_cast<uint32_t>(words.size());
  words_ = std::make_unique<uint32_t[]>(size_);
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
