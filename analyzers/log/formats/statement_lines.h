#pragma once
// Which lines of a log belong to one statement, where only the statement itself can tell.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dbaudit {

/// Where quotes and parentheses stand in SQL that is read line by line.
class SqlTextScan {
 public:
  void reset() { *this = SqlTextScan(); }
  /// `text` is all of the statement so far, up to the end of a line.
  void advance(std::string_view text) {
    const size_t from = plain_.at;
    if (!differ_) differ_ = from < text.size() && text.find('\\', from) != std::string_view::npos;
    step(plain_, false, text);
    if (differ_) {
      step(escaping_, true, text);
    } else {
      escaping_ = plain_;
    }
  }
  /// The text ends inside a quote, however backslashes are read.
  [[nodiscard]] bool in_quote() const { return plain_.is_open() && escaping_.is_open(); }
  [[nodiscard]] int depth() const { return plain_.is_open() ? escaping_.depth : plain_.depth; }

 private:
  enum class State : uint8_t { kCode, kQuote, kLineComment, kBlockComment, kDollar };
  struct Scan {
    State state = State::kCode;
    char quote = '\0';
    int depth = 0;
    size_t at = 0, tag_begin = 0, tag_size = 0;
    [[nodiscard]] bool is_open() const { return state == State::kQuote || state == State::kDollar || state == State::kBlockComment; }
  };
  static void step(Scan& s, bool escaping, std::string_view text);

  Scan plain_, escaping_;
  bool differ_ = false;  // a backslash was seen
};

/// Could `line` be one more line of the statement `text`, read so far by `scan`? Other programs' lines may stand between those of a log.
[[nodiscard]] bool goes_on_as_sql(std::string_view text, const SqlTextScan& scan, std::string_view line);

/// Does another statement begin on `line`, when nothing but its words can tell (a log of bare messages)?
[[nodiscard]] bool begins_another_statement(std::string_view text, const SqlTextScan& scan, std::string_view line);

}  // namespace dbaudit
