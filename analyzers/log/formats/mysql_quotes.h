#pragma once
// Does a statement of MySQL end inside quotes? Asked of every statement of a log that writes them as they came.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dbaudit::mysql_text {

/// Reads a statement that lies in one piece and grows line by line; every byte once. Of what SqlLines (with kMySqlTextRules) knows this is the part
/// that tells headers from literals.
class OpenQuote {
 public:
  /// `text` is all of the statement so far, up to the end of a line.
  void advance(std::string_view text);
  /// The text read so far ends inside quotes or a block comment.
  [[nodiscard]] bool is_open() const { return inside_ != '\0' && inside_ != kLineComment; }

 private:
  static constexpr char kLineComment = '#', kBlockComment = '*';

  [[nodiscard]] bool is_in_comment() const { return inside_ == kLineComment || inside_ == kBlockComment; }
  const char* over_stretches(const char* begin, const char* p, const char* end);
  const char* over_marks(const char* stretch, uint32_t marks, const char* from, const char* end);
  const char* step(const char* mark, const char* end);
  const char* to_end_of_comment(const char* p, const char* end);

  char inside_ = '\0';  // the quote that is open, or one of the above
  size_t read_ = 0;
};

}  // namespace dbaudit::mysql_text
