#pragma once
// Statements that loggers print verbatim, newlines and all: where does one end?

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "analyzers/log/lines.h"

namespace dbaudit {

/// Follows one statement line by line. Backslashes are the one doubt (an escape in MySQL's quotes and in E'…', a plain character elsewhere), so a
/// statement with a backslash inside quotes is read both ways.
class SqlLines {
 public:
  void reset();
  /// The statement's next line, without its newline.
  void add(std::string_view line);
  /// The lines so far end inside a literal, a quoted name or a block comment, however backslashes are read.
  [[nodiscard]] bool in_quote() const { return is_quote(plain_) && (!both_ || is_quote(escaping_)); }
  /// A line that begins no entry goes on with this statement: something is open, or it begins as no prose does.
  [[nodiscard]] bool continues(std::string_view line) const;
  /// Offset, in the line last added, of the `--` comment it ends with; npos when it ends with none.
  [[nodiscard]] size_t comment() const { return plain_.comment != std::string_view::npos || !both_ ? plain_.comment : escaping_.comment; }

 private:
  enum class State : uint8_t { kCode, kQuote, kLineComment, kBlockComment, kDollar };
  struct Scan {
    State state = State::kCode;
    char quote = '\0';
    uint8_t tag_size = 0;
    char tag[30] = {};  // of a dollar quote; a longer one is none
    int32_t parentheses = 0;
    size_t comment = std::string_view::npos;
  };
  static bool is_quote(const Scan& s) { return s.state != State::kCode && s.state != State::kLineComment; }
  void scan(Scan& s, bool escaping, std::string_view line, size_t at);

  Scan plain_, escaping_;
  bool both_ = false;
  bool blank_ = true;          // nothing but blanks so far
  bool expects_more_ = false;  // ends in a comma, an operator, a word that wants another
  bool ended_ = false;         // ends in a semicolon
  bool is_boundary_ = false;   // BEGIN, COMMIT: never of several lines
  uint32_t lines_ = 0;
};

/// What gather_sql() found besides the lines themselves.
struct GatheredSql {
  bool cut = false;                         ///< the input ended inside a quote
  size_t last_line_begin = 0;               ///< offset of the last line that is not blank in Lines::since_mark()
  size_t comment = std::string_view::npos;  ///< offset of the `--` comment that line ends with
};

/// The text without terminal colours (`ESC [ … m`); `storage` holds it when there were any.
[[nodiscard]] std::string_view without_colours(std::string_view text, std::string& storage);

/// Does the text hold a placeholder (`?`, `$1`, `%s`, `:name`) outside of quotes?
[[nodiscard]] bool has_placeholder(std::string_view sql);

/// Takes the further lines of a statement whose first line has been taken and add()ed; `first` is where its text begins in that line.
/// `is_start(line)` tells lines that begin an entry: inside a literal one is text, until there are so many that the literal is doubted. Colours are
/// taken off before a line is looked at (`clean` is storage for that), so in a coloured record the offsets are not those of the plain text.
/// `content(line)` is the part of a line that is SQL, `complete()` says whether the line added last was the statement's last.
template <typename IsStart, typename Content, typename Complete>
GatheredSql gather_sql(Lines& lines, SqlLines& sql, size_t first, std::string& clean, IsStart is_start, Content content,
                       Complete complete) {
  constexpr size_t kMaxStartsInside = 64;
  GatheredSql result;
  result.last_line_begin = first;
  if (sql.comment() != std::string_view::npos) result.comment = first + sql.comment();
  size_t starts = 0, others = 0, start_offset = 0;
  uint64_t start_line = 0;
  GatheredSql before_start;
  while (true) {
    const bool in_quote = sql.in_quote();
    if (!in_quote && complete()) return result;
    auto line = lines.peek();
    if (!line || lines.record_was_cut()) {
      result.cut = in_quote;
      // One cut literal with some copy of a log in it, or a quote that never was one?
      if (!line && in_quote && starts > 2 && starts >= others && !lines.record_was_cut()) {
        lines.rewind(start_offset, start_line);
        return before_start;
      }
      if (!line) return result;
    }
    line = without_colours(*line, clean);
    const bool start = is_start(*line);
    if (!in_quote && (start || !sql.continues(*line))) return result;
    if (in_quote) {
      if (start && starts++ == 0) {
        start_offset = lines.offset();
        start_line = lines.line_number();
        before_start = result;
        before_start.cut = true;
      }
      if (starts > 0 && !start) ++others;
      if (starts > kMaxStartsInside && !lines.record_was_cut()) {
        lines.rewind(start_offset, start_line);
        return before_start;
      }
      // A record over the cap is not read to the end of the file for a quote that never ends.
      if (lines.record_was_cut() && start) return result;
    }
    const size_t offset = lines.offset();
    const bool blank = line->find_first_not_of(" \t") == std::string_view::npos;
    sql.add(content(*line));
    lines.take();
    if (!blank || in_quote) {
      result.last_line_begin = offset;
      result.comment = sql.comment() != std::string_view::npos ? offset + sql.comment() : std::string_view::npos;
    }
  }
}

template <typename IsStart>
GatheredSql gather_sql(Lines& lines, SqlLines& sql, size_t first, std::string& clean, IsStart is_start) {
  return gather_sql(
      lines, sql, first, clean, is_start, [](std::string_view line) { return line; }, [] { return false; });
}

}  // namespace dbaudit
