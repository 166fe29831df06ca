#pragma once
// The text of a template as it is written, token by token. Spacing depends on the tokens alone, never on the statement's own blanks.
// Internal to the fingerprint.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/tokens.h"
#include "analyzers/sql/word_lengths.h"

namespace dbaudit {

class TemplateText {
 public:
  /// What the text ends with, as far as spacing goes.
  enum class Ends : uint8_t {
    kTight,  ///< nothing, `(`, `.`, `::`: the next token touches
    kWord,   ///< an unquoted word: `(` touches it unless it is a keyword
    kName,   ///< a quoted name: `(` touches it
    kOther,
  };
  /// A place to come back to.
  struct Mark {
    size_t size = 0;
    Ends ends = Ends::kTight;
    uint32_t last_word = 0;
  };

  void clear() {
    size_ = 0;
    ends_ = Ends::kTight;
  }
  [[nodiscard]] std::string_view view() const { return {buffer_.get(), size_}; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] Mark mark() const { return {size_, ends_, last_word_}; }
  void return_to(const Mark& m) {
    size_ = m.size;
    ends_ = m.ends;
    last_word_ = m.last_word;
  }

  /// An unquoted word, in lower case; `readable_end` bounds what may be read behind it. Returns what was written.
  std::string_view word(std::string_view text, const char* readable_end) {
    reserve(text.size() + kSlack);
    separate();
    char* out = buffer_.get() + size_;
    copy_lower(text.data(), text.size(), readable_end, out);
    last_word_ = static_cast<uint32_t>(size_);
    size_ += text.size();
    ends_ = Ends::kWord;
    return {out, text.size()};
  }
  /// A quoted name whose quotes are the first and last byte of `text` (the last is absent when unterminated).
  void quoted_name(std::string_view text, bool unterminated);
  /// The same of one that is known to hold nothing but [a-z0-9_]; `readable_end` bounds what may be read behind it.
  void plain_name(std::string_view text, const char* readable_end) {
    const std::string_view name(text.data() + 1, text.size() - 2);
    if (name.empty() || is_digit(name[0]) || (may_be_keyword(name) && is_reserved_word(name))) return quoted_name(text, false);
    reserve(name.size() + kSlack);
    separate();
    copy_bytes(name.data(), name.size(), readable_end, buffer_.get() + size_);
    size_ += name.size();
    ends_ = Ends::kName;
  }
  /// `?`
  void slot() {
    reserve(kSlack);
    separate();
    buffer_[size_++] = '?';
    ends_ = Ends::kOther;
  }
  /// ( ) , ; . [ ]
  void punct(char c) {
    reserve(kSlack);
    if (c == '(' && (ends_ == Ends::kOther || (ends_ == Ends::kWord && stands_apart(view().substr(last_word_))))) separate();
    if (c == '[' && size_ != 0 && buffer_[size_ - 1] == ',') separate();
    ends_ = c == '(' || c == '.' || c == '[' ? Ends::kTight : Ends::kOther;
    buffer_[size_++] = c;
  }
  void other(std::string_view text);  ///< an operator, a number kept as it is: blanks around it
  void cast();                        ///< `::`, no blanks around it
  /// A literal kept as text, in lower case between single quotes.
  void kept_string(std::string_view content, const char* readable_end);
  /// A function body told by its hash: `$0123456789abcdef$`.
  void body(uint64_t hash);
  /// Bytes taken as they are, no blank before.
  void raw(std::string_view text);
  /// A copy of `length` bytes of the text itself.
  void repeat(size_t from, size_t length);
  /// The spacing state of `m`, for a text restored by raw().
  void set_ends(const Mark& m) {
    ends_ = m.ends;
    last_word_ = m.last_word;
  }

 private:
  static constexpr size_t kSlack = 32;  // for the blank, quotes, and the 16-byte stores of copy_lower
  void reserve(size_t more) {
    if (capacity_ - size_ < more) grow(more);
  }
  void grow(size_t more);
  static bool stands_apart(std::string_view word);
  void separate() {
    buffer_[size_] = ' ';
    size_ += ends_ == Ends::kTight ? 0 : 1;
  }

  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t size_ = 0;
  uint32_t last_word_ = 0;  // where the word begins that the text ends with
  Ends ends_ = Ends::kTight;
};

}  // namespace dbaudit
