#pragma once
// Where quotes, comments and parentheses stand in SQL that is read as it grows. Every byte is read once, whatever the pieces it comes in.
//
// Backslashes are the one doubt: an escape in MySQL's quotes and PostgreSQL's E'…', a plain character elsewhere. Who does not know the engine reads
// a text both ways from its first backslash inside quotes on, and believes what both readings say.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dbaudit {

/// What an engine takes for quotes and comments; the default suits a log of any.
struct SqlTextRules {
  enum class Backslash : uint8_t { kDoubtful, kCharacter, kEscape };
  Backslash backslash = Backslash::kDoubtful;
  bool hash_comments = false;      ///< `#` begins a comment
  bool dashes_want_blank = false;  ///< `--` begins one only with white space behind it
  bool dollar_quotes = true;
  bool nested_comments = false;
};
/// A log of an engine that is known only by whether backslashes escape.
constexpr SqlTextRules sql_text_rules(bool backslashes_escape) {
  SqlTextRules rules;
  rules.backslash = backslashes_escape ? SqlTextRules::Backslash::kEscape : SqlTextRules::Backslash::kCharacter;
  return rules;
}
inline constexpr SqlTextRules kMySqlTextRules{SqlTextRules::Backslash::kEscape, true, true, false, false};

/// Bytes at which find() stops outside of quotes and block comments; bits.
enum SqlStop : uint8_t { kStopSemicolon = 2, kStopBracket = 4, kStopBrace = 8, kStopColour = 16 };

/// One reading of a text.
class SqlScanner {
 public:
  SqlScanner() = default;
  /// `escapes`: a backslash escapes in '…' and "…", not only in E'…'. `watches`: run() stops at the first that would differ.
  SqlScanner(const SqlTextRules& rules, bool escapes, bool watches) : rules_(rules), escapes_(escapes), watches_(watches) {}

  /// Reads on from `p`. Returns `end`; or behind the byte of `stops` it came to (stopped()); or the backslash it watches for, which is not read yet.
  const char* run(const char* p, const char* end, uint8_t stops);
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] bool stopped_at_backslash() const { return at_backslash_; }
  /// The same text read with the other meaning of the backslash run() stopped at.
  [[nodiscard]] SqlScanner other_reading() const;
  void ignore_backslashes() { watches_ = at_backslash_ = false; }

  /// Inside a quote, a dollar quote or a block comment.
  [[nodiscard]] bool in_quote() const { return state_ == State::kQuote || state_ == State::kBlockComment || state_ == State::kDollarQuote; }
  [[nodiscard]] int depth() const { return depth_; }
  /// The last bytes of code, without comments and the blanks at its end.
  [[nodiscard]] std::string_view tail() const { return {tail_, tail_size_}; }
  /// How many bytes stood before the last comment of one line; npos when there was none.
  [[nodiscard]] size_t comment() const { return comment_; }

 private:
  enum class State : uint8_t { kCode, kDashes, kQuote, kLineComment, kBlockComment, kTag, kDollarQuote };
  static constexpr size_t kTailSize = 32;

  const char* in_code(const char* p, const char* end, uint8_t stops);
  void in_dashes(const char* p);
  const char* in_quotes(const char* p, const char* end);
  const char* in_line_comment(const char* p, const char* end, uint8_t stops);
  const char* in_tag(const char* p);
  const char* in_block_comment(const char* p, const char* end);
  const char* in_dollar_quote(const char* p, const char* end);
  const char* resume(const char* p);
  void end_code(const char* p);
  void begin_line_comment(const char* mark);

  SqlTextRules rules_;
  State state_ = State::kCode;
  bool escapes_ = false, watches_ = false, at_backslash_ = false, stopped_ = false;
  bool quote_escapes_ = false;
  char quote_ = '\0';
  char pending_ = '\0';  // the last byte of the piece before, when its meaning hangs on the next
  char before_[2] = {};  // the last two bytes of earlier pieces
  uint8_t tag_size_ = 0, matched_ = 0;
  uint8_t tail_size_ = 0;
  bool blank_behind_tail_ = false;
  int depth_ = 0, comment_depth_ = 0;
  const char* piece_ = nullptr;  // during run(): where the piece begins
  const char* code_ = nullptr;   // and the code not yet in tail_
  size_t read_ = 0, comment_ = std::string_view::npos;
  char tag_[65] = {};  // of a dollar quote; a longer one is none
  char tail_[kTailSize] = {};
};

/// A text and its doubt.
class SqlTextScan {
 public:
  explicit SqlTextScan(const SqlTextRules& rules = {}) { reset(rules); }
  void reset(const SqlTextRules& rules = {});
  /// The text's next bytes.
  void feed(std::string_view piece);
  /// Offset of the next byte of `stops` outside of quotes and block comments, behind what was read; npos when the end of the text was reached. `text`
  /// begins with all that was read before. In doubt, a backslash is a character.
  size_t find(std::string_view text, uint8_t stops);
  void advance(std::string_view text) { (void)find(text, 0); }

  /// The text read so far ends inside a quote, however backslashes are read.
  [[nodiscard]] bool in_quote() const { return first_.in_quote() && (!both_ || second_.in_quote()); }
  [[nodiscard]] int depth() const { return likely().depth(); }
  [[nodiscard]] std::string_view tail() const { return likely().tail(); }
  [[nodiscard]] size_t comment() const {
    return first_.comment() != std::string_view::npos || !both_ ? first_.comment() : second_.comment();
  }
  [[nodiscard]] size_t size() const { return read_; }

 private:
  /// The reading whose quotes are closed.
  [[nodiscard]] const SqlScanner& likely() const { return both_ && first_.in_quote() && !second_.in_quote() ? second_ : first_; }

  const char* run(const char* p, const char* end, uint8_t stops);

  SqlScanner first_, second_;
  bool both_ = false;
  size_t read_ = 0, second_read_ = 0;
};

/// Does the text hold a placeholder (`?`, `$1`, `%s`, `:name`, `@p1`) outside of quotes?
[[nodiscard]] bool has_placeholder(std::string_view sql);

}  // namespace dbaudit
