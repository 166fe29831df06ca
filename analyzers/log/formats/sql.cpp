// A script of SQL: what psql, mysql and sqlite3 read. One file is one session, its statements are run in the order they stand in. Where they
// end is sql_script.h's business. Three tools have lines of their own between statements: psql's `\connect` and the rows of COPY … FROM
// stdin up to `\.`, mysql's `DELIMITER //`. They are no statements; rows and `\` lines are counted as not recognised.
//
// A script tells no time, no values bound and no errors. It does tell BEGIN and COMMIT.

#include <string>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/sql_script.h"
#include "analyzers/log/formats/sqlite_trace_marks.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr size_t kHead = size_t{64} << 10;
constexpr size_t kNearCap = size_t{15} << 20;   // a record of Lines may be cut from here on: lines are scanned from a copy
constexpr size_t kGiantLine = size_t{8} << 20;  // one line like that in a record that was cut has lost its end, and the quote in it

bool is_all_blank(std::string_view s) { return s.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos; }

/// `DELIMITER $$` of the mysql client: the word after it; empty when the line is none.
std::string_view delimiter_of(std::string_view line) {
  line = trim(line);
  if (!istarts_with(line, "delimiter") || line.size() < 11 || (line[9] != ' ' && line[9] != '\t')) return {};
  const std::string_view word = trim(line.substr(9));
  return word.size() <= 16 ? word : std::string_view();
}

bool begins_copy(std::string_view sql) { return istarts_with(sql, "copy ") && icontains(sql.substr(0, 4096), "from stdin"); }

class SqlReader final : public RecordReader {
 public:
  SqlReader(std::unique_ptr<Lines> lines, Engine engine) : lines_(std::move(lines)), splitter_(engine) {}

  bool next(LogRecord& record) override {
    for (;;) {
      if (!has_line_ && !fetch()) {
        const bool has_last = has_begun_ && splitter_.has_text();
        if (has_last) {
          deliver(record, trim(from_start(lines_->since_mark().size())), splitter_.is_open());
        } else {
          tell_incomplete({.time = counts_.statements > 0}, counts_);
        }
        return has_last;
      }
      const std::string_view line = line_;
      const auto end = splitter_.scan(line, column_);
      if (const auto began = splitter_.began_at()) {
        has_begun_ = true;
        start_ = line_at_ + *began;
        start_line_ = line_number_;
      }
      if (!end) {
        has_line_ = false;
        if (lines_->record_was_cut() && line.size() >= kGiantLine && has_begun_) {
          deliver(record, trim(from_start(lines_->since_mark().size())), true);
          return true;
        }
        continue;
      }
      const bool has_text = splitter_.has_text();
      const std::string_view sql = trim(from_start(line_at_ + end->text_end));
      column_ = end->next;
      has_line_ = !is_all_blank(line.substr(column_));
      if (has_text) {
        deliver(record, sql, false);
        if (begins_copy(sql)) {
          in_copy_ = true;
          has_line_ = false;
        }
        return true;
      }
      splitter_.begin();
    }
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  /// The next line of a statement; false at the end.
  bool fetch() {
    while (const auto line = lines_->peek()) {
      if (!splitter_.has_text() && !splitter_.is_open()) {
        if (in_copy_) {
          in_copy_ = *line != "\\.";
          ++counts_.unrecognised_lines;
          lines_->take();
          continue;
        }
        if (const std::string_view word = delimiter_of(*line); !word.empty()) {
          splitter_.set_delimiter(word);
          lines_->take();
          continue;
        }
        if (trim(*line).starts_with('\\')) {
          ++counts_.unrecognised_lines;
          lines_->take();
          continue;
        }
        if (!splitter_.has_comment()) {
          splitter_.begin();
          has_begun_ = false;
          lines_->mark();
        }
      }
      line_at_ = lines_->offset();
      line_number_ = lines_->line_number();
      const bool may_be_cut = line_at_ + line->size() >= kNearCap;
      if (may_be_cut) copy_ = *line;
      lines_->take();
      const std::string_view whole = lines_->since_mark();
      line_ = may_be_cut ? std::string_view(copy_) : whole.substr(std::min(line_at_, whole.size()));
      column_ = 0;
      has_line_ = true;
      return true;
    }
    return false;
  }

  [[nodiscard]] std::string_view from_start(size_t end) const {
    const std::string_view whole = lines_->since_mark();
    return whole.substr(std::min(start_, whole.size()), end > start_ ? end - start_ : 0);
  }

  void deliver(LogRecord& record, std::string_view sql, bool is_open) {
    record = LogRecord{};
    record.kind = RecordKind::kStatement;
    record.session = "1";
    record.line = start_line_;
    record.sql = sql;
    record.tx_boundary = TxBoundary::kExplicit;
    record.truncated = is_open || lines_->record_was_cut();
    ++counts_.records;
    ++counts_.statements;
    if (record.truncated) ++counts_.truncated_statements;
    splitter_.begin();
    has_begun_ = false;
  }

  std::unique_ptr<Lines> lines_;
  SqlSplitter splitter_;
  std::string_view line_;
  std::string copy_;
  size_t line_at_ = 0, column_ = 0;  // the line scanned: its place in the record, and how far
  size_t start_ = 0;                 // of the statement, in the record
  uint64_t line_number_ = 0, start_line_ = 0;
  bool has_line_ = false, has_begun_ = false, in_copy_ = false;
  ReaderCounts counts_;
};

/// Statements that end where a line does, and begin with a word that begins statements. Nothing else may stand in a script, so prose
/// with semicolons and the log of a program that prints SQL are none; and logs that look like scripts are told by their own marks.
int score(std::string_view head, const ReaderOptions& options) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  if (has_sqlite_trace_mark(head)) return 0;
  const bool is_whole = head.size() < kHead - 4096;
  SqlSplitter splitter(options.engine != Engine::kUnknown ? options.engine : guess_script_engine(head));
  int statements = 0, good = 0, loose = 0, lines = 0;
  bool in_copy = false;
  std::string first;
  while (!head.empty() && lines < 5000) {
    const size_t newline = head.find('\n');
    std::string_view line = head.substr(0, newline);
    head = newline == std::string_view::npos ? std::string_view() : head.substr(newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++lines;
    // A slow log is made of statements with semicolons, too.
    if (line.starts_with("# User@Host: ") || line.starts_with("# Query_time: ")) return 0;
    if (line.starts_with('#') && line.find(" | took ") != std::string_view::npos) return 0;  // as is p6spy's MultiLineFormat
    if (!splitter.has_text() && !splitter.is_open()) {
      if (in_copy) {
        in_copy = line != "\\.";
        continue;
      }
      if (const std::string_view word = delimiter_of(line); !word.empty()) {
        splitter.set_delimiter(word);
        continue;
      }
      if (trim(line).starts_with('\\')) continue;
    }
    size_t column = 0;
    for (;;) {
      const auto end = splitter.scan(line, column);
      if (const auto began = splitter.began_at()) first = line.substr(*began, 64);
      if (!end) break;
      if (splitter.has_text()) {
        ++statements;
        if (starts_like_sql(first) || first.starts_with("/*")) ++good;
        const std::string_view rest = trim(line.substr(end->next));
        if (!rest.empty() && !rest.starts_with("--") && !rest.starts_with("/*") && !rest.starts_with('#') && !starts_like_sql(rest))
          ++loose;
        if (begins_copy(first)) in_copy = true;
      }
      column = end->next;
      splitter.begin();
    }
  }
  if (statements == 0) return 0;
  const bool has_rest = splitter.has_text() && is_whole && !starts_like_sql(first);
  if (has_rest || loose * 10 > statements || good * 10 < statements * 9) return 0;
  return 400 * good / statements;
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  const Engine engine = options.engine != Engine::kUnknown ? options.engine : guess_script_engine(lines->head());
  return std::make_unique<SqlReader>(std::move(lines), engine);
}

constexpr FormatSample kSamples[] = {
    {"-- take one from the shelf; the caller retries\nBEGIN;\nSELECT stock FROM item WHERE id = 17 FOR UPDATE;\nUPDATE item\n"
     "   SET stock = stock - 1, note = 'one; two'\n WHERE id = 17;\nCOMMIT;\n",
     4},
    {"\\connect shop\nCREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;\nCOPY item (id) FROM stdin;\n17\n\\.\nSELECT "
     "one();\n",
     3},
};

}  // namespace

extern const Format kFormat_sql;
const Format kFormat_sql{
    .name = "sql",
    .summary = "a script of SQL statements, one session",
    .enable = "a file for psql, mysql or sqlite3, or what a migration tool prints",
    .engine = Engine::kUnknown,
    .orm = "",
    .samples = kSamples,
    .score = score,
    .open = open,
};

}  // namespace dbaudit
