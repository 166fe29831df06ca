#pragma once
// Does the next line of a log still belong to the statement? For loggers that print a statement's own lines without a mark.

#include <cstddef>
#include <string_view>

namespace dbaudit {

/// Reads a statement once, as it grows line by line. Quotes are closed by their own character only (doubled inside): a literal that ends in a
/// backslash of MySQL's may be taken for open, so a caller believes in_quote() for a limited number of lines.
class ClauseLines {
 public:
  void reset() { *this = ClauseLines{}; }
  /// `text` is the statement so far, with everything read before at its beginning.
  void advance(std::string_view text);
  /// The text ends inside a quoted string, a quoted name or a block comment.
  [[nodiscard]] bool in_quote() const { return state_ != State::kCode; }
  /// Would `line` go on with the statement? Always inside a quote; else when a bracket is open, the statement ends with a word or sign that cannot
  /// end one, or the line is indented or begins like a clause.
  [[nodiscard]] bool continues_with(std::string_view line) const;

 private:
  enum class State : unsigned char { kCode, kQuote, kBlockComment };
  State state_ = State::kCode;
  char quote_ = '\0';
  char last_ = '\0';  // the last significant character
  int depth_ = 0;
  size_t at_ = 0;
  bool empty_ = true;
};

/// `text` without ANSI colour sequences, in `buffer` when there are any.
template <class String>
[[nodiscard]] std::string_view without_colours(std::string_view text, String& buffer) {
  size_t at = text.find('\x1b');
  if (at == std::string_view::npos) return text;
  buffer.clear();
  size_t from = 0;
  while (at != std::string_view::npos) {
    size_t end = at + 1;
    if (end == text.size() || text[end] == '[') {
      if (end < text.size()) ++end;
      while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == ';')) ++end;
      if (end == text.size() || text[end] == 'm') {  // also one that is cut
        buffer.append(text.substr(from, at - from));
        from = end == text.size() ? end : end + 1;
      }
    }
    at = text.find('\x1b', end);
  }
  buffer.append(text.substr(from));
  return buffer;
}

}  // namespace dbaudit
