#pragma once
// Statements that loggers print verbatim, newlines and all: where does one end?

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "analyzers/log/formats/sql_text_scan.h"
#include "analyzers/log/lines.h"
#include "analyzers/log/plain_text.h"

namespace dbaudit {

/// What indented lines are in a log, when nothing open claims them.
enum class Indented : uint8_t {
  kForeign,    ///< mostly something else
  kLater,      ///< part of a statement that has several lines already
  kStatement,  ///< part of the statement before them, but for stack traces
};

/// Follows one statement, line by line. In doubt of backslashes it is read both ways (sql_text_scan.h).
class SqlLines {
 public:
  void reset(const SqlTextRules& rules = {});
  /// The statement's next line, without its newline.
  void add(std::string_view line);
  /// The same for a statement that lies in one piece: `text` is all of it so far, up to the end of a line.
  void advance(std::string_view text) { (void)find(text, 0); }
  /// advance(), up to a byte of `stops` (SqlTextScan::find()).
  size_t find(std::string_view text, uint8_t stops);

  /// The lines so far end inside a literal, a quoted name or a block comment, however backslashes are read.
  [[nodiscard]] bool in_quote() const { return scan_.in_quote(); }
  [[nodiscard]] int depth() const { return scan_.depth(); }
  /// The lines so far cannot be all of a statement: a parenthesis is open, or they end in an operator, a comma or a word that something must follow.
  [[nodiscard]] bool is_unfinished() const;
  /// A line that begins no entry goes on with this statement: something is open, or it begins as no prose does. Blank lines do.
  [[nodiscard]] bool continues(std::string_view line, Indented indented = Indented::kLater) const;
  /// Does `line` begin another statement, where nothing but its words can tell (a log of bare messages)? `text` is the statement so far.
  [[nodiscard]] bool is_followed_by(std::string_view text, std::string_view line) const;
  /// Offset, in the line last added, of the `--` comment it ends with; npos when it ends with none.
  [[nodiscard]] size_t comment() const;

 private:
  void see_first(std::string_view line);

  SqlTextScan scan_;
  size_t line_begin_ = 0;     // of the line last added
  bool blank_ = true;         // nothing but blanks so far
  bool is_boundary_ = false;  // BEGIN, COMMIT: never of several lines
  bool is_lower_ = false;     // its first word is written in small letters
  uint32_t lines_ = 0;
};

/// How long lines that look like entries are believed to be text of a literal.
struct GatherLimits {
  size_t starts = 64;               ///< so many of them are a log that a quote swallowed
  size_t bytes = SIZE_MAX;          ///< likewise so many bytes from the first of them on
  size_t starts_at_end = SIZE_MAX;  ///< so many of them, and not fewer than other lines, when the input ends inside the literal
};

struct GatheredLines {
  bool cut = false;         ///< the statement ends inside a quote: in the log, or because the quote was doubted
  bool given_back = false;  ///< lines were: those from the first that looked like an entry on
  size_t starts = 0;        ///< lines taken (or given back) that look like entries, inside the quote that is open at the end
};

/// Takes the further lines of a statement whose first line has been taken. `statement` knows it:
///   bool complete()          the lines read so far are all of it
///   bool in_quote()          they end inside a quote
///   string_view plain(line)  what the others are shown of a line; the view lives until the next call
///   bool goes_on(line)       outside of quotes: the line is part of the statement, if it starts no entry
///   bool starts(line)        the line looks like the first of an entry
///   void add(line)           the line has been taken
///   void swallows()          the next line starts an entry, but inside a quote: give_back() may return to here
///   void give_back()         drop all lines since swallows()
template <class Statement>
GatheredLines gather_lines(Lines& lines, Statement& statement, const GatherLimits& limits) {
  GatheredLines result;
  size_t others = 0, first_at = 0;
  size_t& starts = result.starts;
  uint64_t first_line = 0;
  const auto give_back = [&] {
    result.cut = true;
    if (lines.record_was_cut()) return;
    result.given_back = true;
    lines.rewind(first_at, first_line);
    statement.give_back();
  };
  while (!statement.complete()) {
    const auto raw = lines.peek();
    const bool in_quote = statement.in_quote();
    if (!raw) {
      result.cut = in_quote;
      // One cut literal with some copy of a log in it, or a quote that never was one?
      if (in_quote && starts > 0 && starts >= limits.starts_at_end && starts >= others) give_back();
      break;
    }
    const std::string_view line = statement.plain(*raw);
    if (!in_quote) {
      starts = others = 0;
      if (!statement.goes_on(line) || statement.starts(line)) break;
    } else if (statement.starts(line)) {
      // A record over the cap is not read to the end of the file for a quote that never ends.
      if (lines.record_was_cut()) {
        result.cut = true;
        break;
      }
      if (starts++ == 0) {
        first_at = lines.offset();
        first_line = lines.line_number();
        statement.swallows();
      }
    } else if (starts > 0) {
      ++others;
    }
    if (starts > limits.starts || (starts > 0 && lines.offset() - first_at > limits.bytes && !lines.record_was_cut())) {
      give_back();
      break;
    }
    lines.take();
    statement.add(line);
  }
  return result;
}

/// Most of what gather_lines() asks for, of a statement that lies in Lines::since_mark() from `at` on.
struct VerbatimStatement {
  Lines& lines;
  SqlLines& sql;
  size_t at;

  [[nodiscard]] std::string_view text() const {
    const std::string_view all = lines.since_mark();
    return all.substr(std::min(at, all.size()));
  }
  bool complete() { return false; }
  bool in_quote() { return sql.in_quote(); }
  std::string_view plain(std::string_view line) { return line; }
  void add(std::string_view) { sql.advance(text()); }
  void swallows() {}
  void give_back() {}
};

/// What gather_sql() found besides the lines themselves.
struct GatheredSql {
  bool cut = false;                         ///< the input ended inside a quote
  size_t last_line_begin = 0;               ///< offset of the last line that is not blank in Lines::since_mark()
  size_t comment = std::string_view::npos;  ///< offset of the `--` comment that line ends with
};

/// gather_lines() for logs of Node's libraries, which print every kind of line between their statements. The first line has been add()ed; `first` is
/// where its text begins in that line. `is_start(line)` tells lines that begin an entry, `content(line)` is the part of a line that is SQL,
/// `complete()` says whether the line added last was the statement's last. Colours are taken off before a line is looked at (`clean` is storage for
/// that), so in a coloured record the offsets are not those of the plain text.
template <class IsStart, class Content, class Complete>
GatheredSql gather_sql(Lines& lines, SqlLines& sql, size_t first, std::string& clean, IsStart is_start, Content content,
                       Complete complete) {
  constexpr GatherLimits kLimits{.starts = 64, .starts_at_end = 3};
  struct Statement {
    Lines& lines;
    SqlLines& sql;
    std::string& clean;
    IsStart& is_start;
    Content& content;
    Complete& is_complete;
    GatheredSql result, before_start;
    size_t begin = 0;  // of the line peeked
    bool was_in_quote = false;

    bool complete() { return !sql.in_quote() && is_complete(); }
    bool in_quote() { return was_in_quote = sql.in_quote(); }
    std::string_view plain(std::string_view line) { return without_colours(line, clean); }
    bool starts(std::string_view line) { return is_start(line); }
    bool goes_on(std::string_view line) { return sql.continues(line); }
    void add(std::string_view line) {
      sql.add(content(line));
      // Blank lines behind a statement are taken, but are not its last.
      if (was_in_quote || line.find_first_not_of(" \t") != std::string_view::npos) {
        result.last_line_begin = begin;
        result.comment = sql.comment() != std::string_view::npos ? begin + sql.comment() : std::string_view::npos;
      }
      begin = lines.offset();
    }
    void swallows() { before_start = result; }
    void give_back() { result = before_start; }
  };
  Statement statement{lines, sql, clean, is_start, content, complete, {}, {}};
  statement.begin = lines.offset();
  statement.result.last_line_begin = first;
  if (sql.comment() != std::string_view::npos) statement.result.comment = first + sql.comment();
  const GatheredLines gathered = gather_lines(lines, statement, kLimits);
  statement.result.cut = gathered.cut;
  return statement.result;
}

template <class IsStart>
GatheredSql gather_sql(Lines& lines, SqlLines& sql, size_t first, std::string& clean, IsStart is_start) {
  return gather_sql(
      lines, sql, first, clean, is_start, [](std::string_view line) { return line; }, [] { return false; });
}

}  // namespace dbaudit
