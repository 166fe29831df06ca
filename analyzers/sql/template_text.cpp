#include "analyzers/sql/template_text.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "analyzers/base/hash.h"
#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/tokens.h"

namespace dbaudit {

namespace {

/// A name that means the same without its quotes: [a-z_][a-z0-9_]*, not reserved.
bool is_plain_name(std::string_view name) {
  const char* const end = name.data() + name.size();
  return !name.empty() && !is_digit(name[0]) && skip_plain_name(name.data(), end) == end && !is_reserved_word(name);
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

void TemplateText::quoted_name(std::string_view text, bool unterminated) {
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
