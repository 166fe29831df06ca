#pragma once
// Where statements end in a text of SQL: for scripts and for SQLite's traces, line by line.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "analyzers/base/engine.h"

namespace dbaudit {

/// Knows quotes ('…' "…" `…` $tag$…$tag$ E'…'), comments (--, #, /* */, nested in PostgreSQL) and the bodies of triggers and routines (BEGIN …
/// END), of the engine it is told or of all of them at once when it is told none: then a `\'` closes a literal only where a literal can end.
class SqlSplitter {
 public:
  explicit SqlSplitter(Engine engine = Engine::kUnknown) : engine_(engine) {}

  struct End {
    size_t text_end;  ///< in the line: the statement ends before it
    size_t next;      ///< and the next one begins here
  };
  /// Scans one line, without its newline, from the column the statement (or what is left of the line) begins at.
  std::optional<End> scan(std::string_view line, size_t from);
  /// The statement is over: the next one begins.
  void begin();
  /// A word or sign was seen, or a comment that is code (`/*!`), and not only comments.
  [[nodiscard]] bool has_text() const { return has_text_; }
  /// Inside a quote or comment at the end of what was scanned.
  [[nodiscard]] bool is_open() const { return mode_ != Mode::kCode; }
  /// A block comment stands before the statement and belongs to it.
  [[nodiscard]] bool has_comment() const { return has_comment_; }
  /// A block comment before the statement was opened in the line scanned last, or the text was: at this column.
  [[nodiscard]] std::optional<size_t> began_at() const { return began_at_; }
  /// Outside quotes there was a `?`, `:name`, `@name` or `$name`.
  [[nodiscard]] bool has_placeholder() const { return has_placeholder_; }
  void set_delimiter(std::string_view delimiter) { delimiter_ = delimiter; }
  [[nodiscard]] const std::string& delimiter() const { return delimiter_; }

 private:
  enum class Mode : uint8_t { kCode, kQuote, kBlockComment, kDollar };
  void code_seen(size_t at);
  void word(std::string_view text);
  [[nodiscard]] size_t quote_end(std::string_view line, size_t at);

  Engine engine_;
  std::string delimiter_ = ";";
  std::string dollar_tag_;
  std::optional<size_t> began_at_;
  Mode mode_ = Mode::kCode;
  char quote_ = 0;
  bool has_escapes_ = false;  // of the quote we are in
  int comment_depth_ = 0, body_depth_ = 0;
  int words_ = 0;
  bool is_create_ = false, is_routine_ = false, after_end_ = false;
  bool has_text_ = false, has_comment_ = false, has_placeholder_ = false;
};

/// Engine a script gives away (backticks and ENGINE=, COPY and $$, PRAGMA); kUnknown when none or several.
[[nodiscard]] Engine guess_script_engine(std::string_view head);

}  // namespace dbaudit
