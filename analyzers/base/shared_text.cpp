#include "analyzers/base/shared_text.h"

#include <algorithm>
#include <array>
#include <vector>

namespace dbaudit {

namespace {

constexpr uint32_t kSeparatorBits = 2;
constexpr std::array<std::string_view, 1U << kSeparatorBits> kSeparators = {"", " ", ".", ", "};

/// By the byte that a separator begins with: which. A comma is one with the blank behind it.
constexpr std::array<uint8_t, 256> kBegins = [] {
  std::array<uint8_t, 256> begins{};
  for (uint8_t i = 1; i < kSeparators.size(); ++i) begins[static_cast<unsigned char>(kSeparators[i].front())] = i;
  return begins;
}();

}  // namespace

SharedText::SharedText(std::string_view text) {
  std::vector<uint32_t> words;
  words.reserve(text.size() / 2);
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    uint32_t separator = 0;
    for (; end < text.size(); ++end) {
      separator = kBegins[static_cast<unsigned char>(text[end])];
      if (separator != 0 && text.substr(end, kSeparators[separator].size()) == kSeparators[separator]) break;
      separator = 0;
    }
    const std::string_view word = text.substr(begin, end - begin);
    // Lists of columns say the same table with each.
    const Name repeated = words.size() < 2 ? Name() : Name::of(words[words.size() - 2] >> kSeparatorBits);
    words.push_back((repeated == word ? repeated : Name(word)).id() << kSeparatorBits | separator);
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
