#include "analyzers/base/shared_text.h"

#include <algorithm>

namespace dbaudit {

SharedText::SharedText(std::string_view text) : size_(static_cast<uint32_t>(std::count(text.begin(), text.end(), ' ')) + 1) {
  words_ = std::make_unique<Name[]>(size_);
  for (uint32_t i = 0; i < size_; ++i) {
    const std::string_view word = text.substr(0, text.find(' '));
    words_[i] = word;
    text.remove_prefix(i + 1 < size_ ? word.size() + 1 : word.size());
  }
}

std::string SharedText::str() const {
  std::string text;
  for (uint32_t i = 0; i < size_; ++i) {
    if (i > 0) text += ' ';
    text += words_[i].str();
  }
  return text;
}

}  // namespace dbaudit
