#pragma once
// Where a statement ends in a log that prints it verbatim, newlines and all, and puts something of its own behind it.

#include <cstddef>
#include <string>
#include <string_view>

namespace dbaudit {

/// Follows the quotes, comments and parentheses of a statement that arrives line by line. Reads each byte once.
class SqlExtent {
 public:
  /// `backslashes`: a backslash escapes in every quote (MySQL), not only in PostgreSQL's E'…'.
  void reset(bool backslashes);
  /// Offset of the next `wanted` outside of quotes and block comments, behind what earlier calls read. `text` begins with the statement and may
  /// only grow between calls. npos when its end was reached. `wanted` and `other` must be of `[`, `{`, `;` and ESC.
  size_t find(std::string_view text, char wanted, char other = '\0');
  /// What was read ends inside a quote, a dollar quote or a block comment.
  [[nodiscard]] bool in_quote() const { return state_ != State::kCode && state_ != State::kLineComment; }
  /// Parentheses open where reading stopped.
  [[nodiscard]] int depth() const { return depth_; }

 private:
  enum class State : unsigned char { kCode, kQuote, kLineComment, kBlockComment, kDollar };
  State state_ = State::kCode;
  char quote_ = '\0';
  bool backslashes_ = false, escaping_ = false;
  int depth_ = 0;
  size_t at_ = 0;
  size_t tag_begin_ = 0, tag_size_ = 0;  // of a dollar quote
};

/// Can `sql` not be all of a statement: a parenthesis is open, or it ends in an operator, a comma or a word that something must follow?
[[nodiscard]] bool ends_unfinished(std::string_view sql, int depth);
/// Does the line go on with a statement: a clause's first word, an operator, a comma or a closing parenthesis?
[[nodiscard]] bool continues_statement(std::string_view line);

/// Does every line end in CR LF? A literal may hold one in a log that has plain newlines.
[[nodiscard]] bool has_dos_lines(std::string_view head);
/// `text` with every CR LF made LF, in `storage` when there is one.
[[nodiscard]] std::string_view with_plain_newlines(std::string_view text, std::string& storage);

/// Offset behind the SGR sequences (`ESC [ … m`) at `at`.
[[nodiscard]] size_t skip_colours(std::string_view text, size_t at);

}  // namespace dbaudit
