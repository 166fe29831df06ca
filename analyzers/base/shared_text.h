#pragma once
// Texts that have most of their words in common, by the hundred thousand: each word is kept once.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "analyzers/base/name.h"

namespace dbaudit {

/// A text in four bytes a word (what stands between blanks, dots and commas). It is put together when it is asked for.
class SharedText {
 public:
  SharedText() = default;
  explicit SharedText(std::string_view text);

  [[nodiscard]] std::string str() const;
  friend bool operator==(const SharedText& a, std::string_view b) { return a.str() == b; }

 private:
  /// The id of a word's name, and in the two lowest bits what stands behind it.
  std::unique_ptr<uint32_t[]> words_;
  uint32_t size_ = 0;
};

}  // namespace dbaudit
