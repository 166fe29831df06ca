// What `.trace FILE` of the sqlite3 shell writes: the text of each statement as it starts, and one `;`. One connection, so one session.
//
//   --expanded (default)   values in their places; --plain keeps ?1 and @k; --normalized makes every literal a ?
//   --stmt (default)       a statement as it starts; the steps of its triggers as `-- TRIGGER tr;` and `-- UPDATE t SET …;`
//   --profile              the statement again as it ends, with its time: `SELECT 1; -- 2000 ns`
//   --row                  and again for every row it gives
//   --close                `-- closing database connection`
//
// With --profile every execution ends in a line of its own, so the repetitions are told from a statement that is run twice. Without
// it, and with --row, they are not, and each counts. The shell's own statements on temp.sqlite_parameters (the values of `.parameter set`) are
// no statements of the application. A text may hold newlines, and end in a comment: `SELECT 1 -- why\n;`. No time of day and no
// errors: a failed INSERT looks like any other.

#include <charconv>
#include <deque>
#include <string>
#include <utility>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/sql_script.h"
#include "analyzers/log/formats/sqlite_trace_marks.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr size_t kMaxOpen = 16;                 // statements begun and not ended at one time
constexpr size_t kMaxText = size_t{1} << 20;    // a quote open for that long was never opened (an unclosed comment may end a statement)
constexpr size_t kGiantLine = size_t{8} << 20;  // cut by Lines, it has lost its end and the quote in it
constexpr int kMaxDisappointments = 8;
constexpr std::string_view kClosing = "-- closing database connection";

/// `… -- 2000 ns` at the end of a line: where the comment begins, and the time.
bool profile_mark(std::string_view line, size_t* at, int64_t* ns) {
  if (!line.ends_with(" ns")) return false;
  size_t end = line.size() - 3;
  size_t begin = end;
  while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9') --begin;
  if (begin == end || begin < 5 || line.substr(begin - 5, 5) != "; -- ") return false;
  const auto [stop, error] = std::from_chars(line.data() + begin, line.data() + end, *ns);
  *at = begin - 5;
  return error == std::errc();
}

/// A step of a trigger, in one line.
bool is_step(std::string_view line) { return line.starts_with("-- ") && line.ends_with(';'); }

bool is_housekeeping(std::string_view sql) { return sql.substr(0, 256).find("temp.sqlite_parameters") != std::string_view::npos; }

class SqliteTraceReader final : public RecordReader {
 public:
  explicit SqliteTraceReader(std::unique_ptr<Lines> lines) : lines_(std::move(lines)), splitter_(Engine::kSqlite) {
    std::string_view head = lines_->head();
    while (!head.empty() && !is_profiled_) {
      const size_t newline = head.find('\n');
      std::string_view line = head.substr(0, newline);
      if (line.ends_with('\r')) line.remove_suffix(1);
      size_t at = 0;
      int64_t ns = 0;
      is_profiled_ = profile_mark(line, &at, &ns);
      head = newline == std::string_view::npos ? std::string_view() : head.substr(newline + 1);
    }
  }

  bool next(LogRecord& record) override {
    while (const auto peeked = lines_->peek()) {
      const std::string_view line = *peeked;
      if (line.empty() || is_step(line)) {
        lines_->take();
        continue;
      }
      record = LogRecord{};
      record.session = "1";
      record.line = lines_->line_number();
      record.tx_boundary = TxBoundary::kExplicit;
      if (line == kClosing) {
        lines_->take();
        record.kind = RecordKind::kDisconnect;
        ++counts_.records;
        return true;
      }
      if (read(record)) return true;
    }
    if (counts_.statements > 0) tell_incomplete({.time = true, .parameters = has_placeholder_}, counts_);
    return false;
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  struct Open {
    uint64_t text, line;
  };

  /// From the first line of a statement to its semicolon. False when there is nothing to deliver.
  bool read(LogRecord& record) {
    lines_->mark();
    splitter_.begin();
    size_t second_at = 0, line_at = 0, text_end = 0;
    uint64_t second_line = 0;
    int64_t ns = -1;
    bool is_closed = false, was_given_up = false, has_placeholder = false;
    while (const auto line = lines_->peek()) {
      line_at = lines_->offset();
      if (line_at != 0 && second_at == 0) {
        second_at = line_at;
        second_line = lines_->line_number();
      }
      size_t mark_at = 0;
      const bool has_mark = profile_mark(*line, &mark_at, &ns);
      if (!has_mark) ns = -1;
      size_t column = 0;
      while (const auto end = splitter_.scan(*line, column)) {
        // A trace ends a statement only where it ends a line; a semicolon before that is inside something we do not know.
        column = end->next;
        if (!splitter_.has_text()) continue;
        const std::string_view rest = trim(line->substr(column));
        if (rest.empty() || (has_mark && end->text_end == mark_at)) {
          is_closed = true;
          text_end = line_at + end->text_end;
          break;
        }
      }
      has_placeholder = splitter_.has_placeholder();
      if (!is_closed && disappointments_ >= kMaxDisappointments && (has_mark || line->ends_with(';'))) {
        is_closed = was_given_up = true;
        text_end = line_at + (has_mark ? mark_at : line->size() - 1);
      }
      const bool is_giant = line->size() >= kGiantLine;
      lines_->take();
      if (is_closed || (is_giant && lines_->record_was_cut())) break;
      if (splitter_.is_open() && line_at > kMaxText && !lines_->record_was_cut() && second_at != 0) {
        lines_->rewind(second_at, second_line);
        ++disappointments_;
        was_given_up = true;
        text_end = second_at - 1;
        break;
      }
    }
    const std::string_view whole = lines_->since_mark();
    if (!is_closed && !was_given_up) text_end = whole.size();
    const std::string_view sql = trim(whole.substr(0, std::min(text_end, whole.size())));
    if (sql.empty() || !(splitter_.has_text() || is_closed)) {
      if (!sql.empty() && !sql.starts_with("--")) ++counts_.unrecognised_lines;
      return false;
    }
    ++counts_.records;
    return fill(record, sql, ns, (!is_closed || was_given_up || lines_->record_was_cut()), has_placeholder);
  }

  bool fill(LogRecord& record, std::string_view sql, int64_t ns, bool truncated, bool has_placeholder) {
    const uint64_t text = hash_bytes(sql);
    if (is_housekeeping(sql)) return true;
    if (!starts_like_sql(sql)) {
      // A program's own line that happened to end in a semicolon.
      --counts_.records;
      ++counts_.unrecognised_lines;
      return false;
    }
    if (is_profiled_) {
      for (size_t i = open_.size(); i-- > 0;) {
        if (open_[i].text != text) continue;
        if (ns < 0) return true;  // a row
        record.kind = open_[i].line == last_line_ ? RecordKind::kCompletion : RecordKind::kOther;
        record.attaches = record.kind == RecordKind::kCompletion;
        record.about_line = record.attaches ? last_line_ : 0;
        record.duration_us = ns / 1000;
        open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
        return true;
      }
      if (ns < 0) {
        if (open_.size() == kMaxOpen) open_.pop_front();
        open_.push_back({text, record.line});
      }
    }
    record.kind = RecordKind::kStatement;
    record.sql = sql;
    record.duration_us = ns < 0 ? -1 : ns / 1000;
    record.truncated = truncated;
    last_line_ = record.line;
    has_placeholder_ = has_placeholder_ || has_placeholder;
    ++counts_.statements;
    if (truncated) ++counts_.truncated_statements;
    return true;
  }

  std::unique_ptr<Lines> lines_;
  SqlSplitter splitter_;
  bool is_profiled_ = false, has_placeholder_ = false;
  int disappointments_ = 0;
  std::deque<Open> open_;
  uint64_t last_line_ = 0;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  if (!has_sqlite_trace_mark(head)) return 0;
  // Every statement begins with a word of its own, and everything between is one.
  SqlSplitter splitter(Engine::kSqlite);
  int lines = 0, ours = 0;
  bool is_sql = false;
  while (!head.empty() && lines < 2000) {
    const size_t newline = head.find('\n');
    std::string_view line = head.substr(0, newline);
    head = newline == std::string_view::npos ? std::string_view() : head.substr(newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    ++lines;
    if (!splitter.has_text() && !splitter.is_open()) is_sql = starts_like_sql(line, true) || line.starts_with("--");
    if (is_sql) ++ours;
    size_t column = 0;
    while (const auto end = splitter.scan(line, column)) {
      column = end->next;
      splitter.begin();
    }
  }
  return lines == 0 ? 0 : 900 * ours / lines;
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions&) {
  return std::make_unique<SqliteTraceReader>(std::move(lines));
}

constexpr FormatSample kSamples[] = {
    {"BEGIN IMMEDIATE;\nBEGIN IMMEDIATE; -- 12000 ns\nSELECT stock FROM item\n WHERE id = 17 -- why\n;\nSELECT stock FROM item\n"
     " WHERE id = 17 -- why\n;\nSELECT stock FROM item\n WHERE id = 17 -- why\n; -- 9000 ns\nCOMMIT;\nCOMMIT; -- 1000000 ns\n",
     3},
    {"SELECT value FROM temp.sqlite_parameters WHERE key=?1;\nUPDATE item SET stock = stock - 1 WHERE id = ?1;\n-- TRIGGER log_it;\n"
     "-- INSERT INTO log VALUES(1);\n",
     1},
};

}  // namespace

bool has_sqlite_trace_mark(std::string_view head) {
  std::string_view before;
  bool was_trigger = false;
  while (!head.empty()) {
    const size_t newline = head.find('\n');
    std::string_view line = head.substr(0, newline);
    head = newline == std::string_view::npos ? std::string_view() : head.substr(newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    size_t at = 0;
    int64_t ns = 0;
    if (line == kClosing || (was_trigger && is_step(line)) || profile_mark(line, &at, &ns)) return true;
    if (starts_like_sql(line) && is_housekeeping(line)) return true;
    was_trigger = is_step(line) && line.starts_with("-- TRIGGER ") && before.ends_with(';');
    before = line;
  }
  return false;
}

extern const Format kFormat_sqlite_trace;
const Format kFormat_sqlite_trace{
    .name = "sqlite-trace",
    .summary = "trace of the sqlite3 shell (.trace)",
    .enable = ".trace FILE --expanded --stmt --profile",
    .engine = Engine::kSqlite,
    .orm = "",
    .samples = kSamples,
    .score = score,
    .open = open,
};

}  // namespace dbaudit
