// The server's plain log. An entry is a line `PREFIX SEVERITY:  text`, lines that begin with one TAB (the text goes on, less that TAB), and
// attachments: more such lines with DETAIL, HINT, STATEMENT and so on, each with the whole prefix again, always in one piece (elog.c,
// send_message_to_server_log). That TAB makes this the one multi-line format whose headers cannot be imitated by what users send.
//
// The whole entry is one view of the line buffer; its parts are kept as offsets and only those that have continuation lines are copied.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/log_line_prefix.h"
#include "analyzers/log/formats/postgres_entry.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

class PostgresStderrReader final : public RecordReader {
 public:
  PostgresStderrReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), clock_(options.zone_offset_minutes) {
    if (!options.log_line_prefix.empty()) {
      prefix_.emplace(options.log_line_prefix);
    } else {
      prefix_ = guess_prefix(lines_->head()).prefix;
      is_guessed_ = true;
    }
  }

  bool next(LogRecord& record) override {
    // To the first line of an entry: attachments and continuations without one are the end of an entry that was rotated away.
    for (;;) {
      if (!look()) {
        sessions_.finish(counts_);
        return false;
      }
      if (header_.is_header && !is_attachment(header_.severity)) break;
      if (!header_.line.empty()) ++counts_.unrecognised_lines;
      take();
    }
    lines_->mark();
    note_header();
    entry_.severity = header_.severity;
    entry_.prefix = header_.fields;
    entry_.line = lines_->line_number();
    for (Part& part : parts_) part.is_there = false;
    Part* part = &parts_[kMessage];
    *part = {.begin = header_.text_at, .end = header_.line.size(), .has_more_lines = false, .is_there = true};
    take();

    size_t copied = 0;
    while (look()) {
      if (header_.line.starts_with('\t')) {
        if (part != nullptr) {
          part->end = lines_->offset() + header_.line.size();
          part->has_more_lines = true;
          copied = part->end;  // at most: parts do not overlap
        }
      } else if (!header_.is_header) {
        if (!header_.line.empty()) ++counts_.unrecognised_lines;
        part = nullptr;
      } else if (!is_attachment(header_.severity) || header_.fields.pid != entry_.prefix.pid) {
        break;
      } else {
        part = nullptr;
        switch (header_.severity) {
          case PostgresSeverity::kDetail: part = &parts_[kDetail]; break;
          case PostgresSeverity::kContext: part = &parts_[kContext]; break;
          case PostgresSeverity::kStatement: part = &parts_[kStatement]; break;
          default: part = &parts_[kRest]; break;
        }
        const size_t at = lines_->offset();
        *part = {.begin = at + header_.text_at, .end = at + header_.line.size(), .has_more_lines = false, .is_there = true};
      }
      take();
    }

    entry_.was_cut = lines_->record_was_cut();
    const std::string_view whole = lines_->since_mark();
    text_.clear();
    if (text_.capacity() < copied) text_.reserve(copied);
    const auto text = [&](PartName name) { return parts_[name].is_there ? text_of(parts_[name], whole) : std::string_view(); };
    entry_.message = text(kMessage);
    entry_.detail = text(kDetail);
    entry_.context = text(kContext);
    entry_.statement = text(kStatement);
    entry_.has_detail = parts_[kDetail].is_there;
    entry_.has_context = parts_[kContext].is_there;
    entry_.has_statement = parts_[kStatement].is_there;
    record = LogRecord{};
    sessions_.convert(entry_, record, counts_);
    return true;
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  enum PartName : uint8_t { kMessage, kDetail, kContext, kStatement, kRest, kParts };
  /// Bytes of the entry, by offset from its start.
  struct Part {
    size_t begin = 0, end = 0;
    bool has_more_lines = false, is_there = false;
  };
  /// The line peek() shows, taken apart once.
  struct Header {
    std::string_view line;
    PrefixFields fields;
    size_t text_at = 0;
    PostgresSeverity severity = PostgresSeverity::kLog;
    bool is_header = false;
  };

  /// Fills header_ from the next line; false at the end.
  bool look() {
    if (has_header_) return true;
    const auto line = lines_->peek();
    if (!line) return false;
    header_.line = *line;
    header_.is_header = false;
    has_header_ = true;
    if (line->empty() || (*line)[0] == '\t') return true;
    if (const auto attachment = match_attachment(*line)) {
      header_.is_header = true;
      header_.severity = *attachment;
      return true;
    }
    std::optional<PostgresSeverity> severity;
    if (prefix_) severity = prefix_->match(*line, clock_, &header_.fields, &header_.text_at);
    // The prefix may have been changed while the log was written.
    if (!severity && is_guessed_) severity = match_any_prefix(*line, clock_, &header_.fields, &header_.text_at);
    if (severity) {
      header_.is_header = true;
      header_.severity = *severity;
      sessions_.expect(header_.fields);
    }
    return true;
  }
  void take() {
    lines_->take();
    has_header_ = false;
  }

  /// The entry's first line is the one looked at: its attachments mostly have the same bytes before their severity.
  void note_header() {
    size_t end = header_.text_at - std::string_view(":  ").size();
    while (end > 0 && header_text::is_upper_alnum(header_.line[end - 1])) --end;
    entry_header_ = header_.line.substr(0, end);
  }

  /// The severity of an attachment whose header is that of the entry's first line, and so are its fields.
  std::optional<PostgresSeverity> match_attachment(std::string_view line) {
    if (entry_header_.empty() || !line.starts_with(entry_header_)) return std::nullopt;
    size_t text = 0;
    const auto severity = parse_severity(line.substr(entry_header_.size()), &text);
    if (!severity || !is_attachment(*severity)) return std::nullopt;
    header_.fields.pid = entry_.prefix.pid;
    header_.text_at = entry_header_.size() + text;
    return severity;
  }

  /// The bytes of a part; with continuation lines, a copy with one TAB less on each (and no CR of a log in DOS clothes).
  std::string_view text_of(const Part& part, std::string_view whole) {
    const size_t end = std::min(part.end, whole.size());
    const size_t begin = std::min(part.begin, end);
    const std::string_view raw = whole.substr(begin, end - begin);
    if (!part.has_more_lines) return raw;
    const size_t start = text_.size();
    size_t from = 0;
    for (;;) {
      const size_t newline = raw.find('\n', from);
      size_t stop = newline == std::string_view::npos ? raw.size() : newline;
      const size_t next = stop + 1;
      if (newline != std::string_view::npos && stop > from && raw[stop - 1] == '\r') --stop;
      text_.append(raw.substr(from, stop - from));
      if (newline == std::string_view::npos) break;
      text_ += '\n';
      from = next < raw.size() && raw[next] == '\t' ? next + 1 : next;
    }
    return std::string_view(text_).substr(start);
  }

  std::unique_ptr<Lines> lines_;
  PrefixClock clock_;
  std::optional<LogLinePrefix> prefix_;
  bool is_guessed_ = false, has_header_ = false;
  Header header_;
  PostgresEntry entry_;
  std::string_view entry_header_;  // of its first line, up to the severity; a view like those of entry_
  std::array<Part, kParts> parts_;
  std::string text_;
  PostgresSessions sessions_;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions& options) {
  PrefixGuess guess;
  bool is_certain = true;
  if (!options.log_line_prefix.empty()) guess = count_prefix(head, options.log_line_prefix);
  if (guess.matched == 0) {
    guess = guess_prefix(head);
    is_certain = guess.prefix.has_value() && !guess.prefix->text().empty();
  }
  // `ERROR:  x` behind a time may be anybody's; `LOG:  x` and `STATEMENT:  x` are PostgreSQL's own.
  if (guess.lines == 0 || guess.matched == 0 || guess.telling * 20 < guess.matched) return 0;
  return (is_certain ? 950 : 700) * guess.matched / guess.lines;
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<PostgresStderrReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"2026-03-02 09:15:04.118 CET [4471] shop@orders LOG:  statement: BEGIN\n"
     "2026-03-02 09:15:04.120 CET [4471] shop@orders LOG:  execute <unnamed>: SELECT stock FROM item\n"
     "\tWHERE id = $1 FOR UPDATE\n"
     "2026-03-02 09:15:04.120 CET [4471] shop@orders DETAIL:  parameters: $1 = '17'\n",
     2},
    {"2026-03-02 09:15:04 UTC:10.0.3.9(40122):shop@orders:[4471]:ERROR:  duplicate key value violates unique constraint \"item_pkey\"\n"
     "2026-03-02 09:15:04 UTC:10.0.3.9(40122):shop@orders:[4471]:DETAIL:  Key (id)=(17) already exists.\n"
     "2026-03-02 09:15:04 UTC:10.0.3.9(40122):shop@orders:[4471]:STATEMENT:  INSERT INTO item VALUES (17)\n",
     1},
    {"2026-03-02 09:15:04 UTC [4471]: [3-1] user=shop,db=orders,app=web 1,client=10.0.3.9 LOG:  duration: 0.213 ms  statement: COMMIT\n",
     1},
};

}  // namespace

extern const Format kFormat_postgres_stderr;
const Format kFormat_postgres_stderr{
    .name = "postgres-stderr",
    .summary = "PostgreSQL's plain log, any log_line_prefix",
    .enable = "log_statement = 'all'; log_line_prefix = '%m [%p] %v %q%u@%d %a '",
    .engine = Engine::kPostgres,
    .orm = "",
    .samples = kSamples,
    .score = score,
    .open = open,
};

}  // namespace dbaudit
