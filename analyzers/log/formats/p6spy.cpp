// p6spy: the JDBC proxy that logs what an application sends. Grammar from com.p6spy.engine.spy.appender and com.p6spy.engine.logging.
//
//   SingleLineFormat   now|elapsed|category|connection N|url U|prepared|effective        (the default; `|url U` since 3.7)
//                      now|elapsed|N|category|prepared|effective                         (1.x and 2.x)
//   CustomLineFormat   %(currentTime)|%(executionTime)|%(category)|connection%(connectionId)|%(sqlSingleLine)      (customLogMessageFormat's default)
//   MultiLineFormat    #now | took Nms | category | connection N| url U / prepared / effective;                    (three lines or more)
//
// `now` is milliseconds since 1970, or what dateformat says: the END of the call (`elapsed` milliseconds before it began). Through Slf4JLogger or
// StdoutLogger a logging framework's prefix stands before it. `effective` is `prepared` with its values written in, so nothing is bound: it is the
// statement. Where one ends and the other begins, when there is a `|` in them, is told by fitting them to each other.
//
// The connection's number is the session. Categories: `statement` is an execution, `commit` and `rollback` calls of java.sql.Connection. `batch` is
// written by addBatch() for every row, and once more by executeBatch() with the last row's values: that repeat is dropped. (By default
// excludecategories holds `batch`, and then no batched write is in the log at all.) `result`, `resultset`, `info`, `debug`, `error`, `warn` and `outage`
// execute nothing. A failed statement is logged like any other: the exception is not.
//
// There is no line for a BEGIN (setAutoCommit(false) is not logged), so where transactions begin is inferred. With executionThreshold or a filter
// (`include`, `exclude`) the log is a part of the truth, and it does not say so.

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/python_logging.h"
#include "analyzers/log/formats/sql_lines.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

using header_text::digits_at;
using header_text::is_digit;
constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxHeader = 1024;  ///< bytes of a line in which its fields must begin
constexpr int kMaxFields = 24;       ///< bars looked at for the beginning of the fields
constexpr int kMaxSplits = 64;       ///< places tried to part prepared from effective
constexpr size_t kMaxConnections = 16384;
constexpr int kMaxSwallowed = 64;
constexpr size_t kMaxExamined = size_t{2} << 20;  ///< bytes of one entry gone over again to find its end

enum class Category : unsigned char { kStatement, kBatch, kCommit, kRollback, kOther, kUnknown };

Category category_of(std::string_view word) {
  if (word == "statement") return Category::kStatement;
  if (word == "batch") return Category::kBatch;
  if (word == "commit") return Category::kCommit;
  if (word == "rollback") return Category::kRollback;
  for (const std::string_view other : {"result", "resultset", "info", "debug", "error", "warn", "outage"}) {
    if (word == other) return Category::kOther;
  }
  return Category::kUnknown;
}

enum class Layout : unsigned char { kTwins, kOne, kMulti };

/// One entry's fields. Offsets are into the line.
struct Entry {
  std::string_view now, connection, url;
  int64_t elapsed_ms = -1;
  Category category = Category::kUnknown;
  Layout layout = Layout::kTwins;
  size_t text = 0;  ///< where the statement's text begins
};

bool number(std::string_view s, int64_t& out) {
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), out);
  return error == std::errc() && end == s.data() + s.size() && !s.empty();
}

/// Digits, or `-1` of an entry without a connection.
bool is_connection(std::string_view s) { return s == "-1" || all_digits(s); }

/// The `now` field at the end of what stands before the first bar.
std::string_view now_of(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && is_digit(text[text.size() - 1 - n])) ++n;
  if (n >= 10 && (n == text.size() || !header_text::is_word(text[text.size() - 1 - n]))) return text.substr(text.size() - n);
  if (text.size() <= 40) return text;  // dateformat, nothing before it
  // A date behind a prefix: the last one that reaches the end.
  for (size_t at = text.size() - 8; at > 0 && text.size() - at <= 40; --at) {
    if (!is_digit(text[at]) || is_digit(text[at - 1])) continue;
    size_t used = 0;
    if (parse_python_time(text.substr(at), used) && used == text.size() - at && used >= 19) return text.substr(at);
  }
  return text;
}

/// The fields of SingleLineFormat or CustomLineFormat's default, wherever in the line they begin.
bool read_single(std::string_view line, Entry& out) {
  const std::string_view head = line.substr(0, std::min(line.size(), kMaxHeader));
  size_t before = head.find('|');
  for (int i = 0; before != kNone && i < kMaxFields; ++i, before = head.find('|', before + 1)) {
    const size_t digits = digits_at(head, before + 1);
    const size_t second = before + 1 + digits;
    if (digits == 0 || digits > 12 || second >= line.size() || line[second] != '|') continue;
    const size_t third = line.find('|', second + 1);
    if (third == kNone || third - second > 16) continue;
    const std::string_view field = line.substr(second + 1, third - second - 1);
    size_t at = third + 1;
    out = Entry{};
    out.category = category_of(field);
    if (out.category != Category::kUnknown) {
      if (line.substr(at, 10) != "connection") continue;
      at += 10;
      const bool is_default = at < line.size() && line[at] == ' ';
      at += is_default;
      const size_t bar = line.find('|', at);
      if (bar == kNone || bar - at > 12 || !is_connection(line.substr(at, bar - at))) continue;
      out.connection = line.substr(at, bar - at);
      at = bar + 1;
      out.layout = is_default ? Layout::kTwins : Layout::kOne;
      if (is_default && line.substr(at, 4) == "url ") {
        const size_t end = line.find('|', at);
        if (end == kNone) continue;
        out.url = line.substr(at + 4, end - at - 4);
        at = end + 1;
      }
    } else {
      if (!is_connection(field)) continue;
      const size_t bar = line.find('|', at);
      if (bar == kNone || bar - at > 16) continue;
      out.category = category_of(line.substr(at, bar - at));
      if (out.category == Category::kUnknown) continue;
      out.connection = field;
      at = bar + 1;
    }
    number(line.substr(before + 1, digits), out.elapsed_ms);
    out.now = now_of(trim(line.substr(0, before)));
    out.text = at;
    return true;
  }
  return false;
}

/// `#now | took Nms | category | connection N| url U`. Older versions end behind `connection N|`.
bool read_multi(std::string_view line, Entry& out) {
  const size_t took = line.substr(0, kMaxHeader).find(" | took ");
  if (took == kNone) return false;
  const size_t hash = line.rfind('#', took);
  if (hash == kNone) return false;
  size_t at = took + 8;
  const size_t digits = digits_at(line, at);
  if (digits == 0 || line.substr(at + digits, 5) != "ms | ") return false;
  out = Entry{};
  number(line.substr(at, digits), out.elapsed_ms);
  at += digits + 5;
  const size_t bar = line.find(" | connection ", at);
  if (bar == kNone || bar - at > 12) return false;
  out.category = category_of(line.substr(at, bar - at));
  if (out.category == Category::kUnknown) return false;
  at = bar + 14;
  const size_t end = line.find('|', at);
  if (end == kNone || end - at > 12) return false;
  out.connection = trim(line.substr(at, end - at));
  if (!is_connection(out.connection)) return false;
  at = end + 1;
  if (line.substr(at, 5) == " url ") {
    out.url = line.substr(at + 5);
    at = line.size();
  }
  out.now = line.substr(hash + 1, took - hash - 1);
  out.layout = Layout::kMulti;
  out.text = at;
  return true;
}

/// Is `effective` what `prepared` becomes when values stand for its `?`?
bool fits(std::string_view prepared, std::string_view effective) {
  size_t mark = prepared.find('?');
  if (mark == kNone) return prepared == effective;
  if (!effective.starts_with(prepared.substr(0, mark))) return false;
  size_t at = mark;
  int marks = 0;
  while (true) {
    const size_t next = prepared.find('?', mark + 1);
    const std::string_view piece = prepared.substr(mark + 1, next == kNone ? kNone : next - mark - 1);
    if (next == kNone) return effective.size() >= at + piece.size() && effective.ends_with(piece);
    if (++marks > 4096) return true;
    const size_t found = effective.find(piece, at);
    if (found == kNone) return false;
    at = found + piece.size();
    mark = next;
  }
}

/// The second of the two halves of `text` around a separator; nullopt when no place parts it into two that fit.
std::optional<std::string_view> effective_half(std::string_view text, char separator) {
  // Equal halves, the case without values, need no search.
  const size_t middle = text.size() / 2;
  if (text.size() % 2 == 1 && text[middle] == separator && text.substr(0, middle) == text.substr(middle + 1))
    return text.substr(middle + 1);
  size_t at = text.find(separator);
  for (int i = 0; at != kNone && i < kMaxSplits; ++i, at = text.find(separator, at + 1)) {
    if (fits(text.substr(0, at), text.substr(at + 1))) return text.substr(at + 1);
  }
  return std::nullopt;
}

class P6spyReader final : public RecordReader {
 public:
  P6spyReader(std::unique_ptr<Lines> lines, const ReaderOptions& options) : lines_(std::move(lines)), zone_(options.zone_offset_minutes) {}

  bool next(LogRecord& record) override {
    while (const auto line = lines_->peek()) {
      lines_->mark();
      line_ = lines_->line_number();
      if (read_single(*line, entry_)) {
        if (single(record)) return true;
      } else if (read_multi(*line, entry_)) {
        if (multi(record)) return true;
      } else {
        if (!trim(*line).empty()) ++counts_.unrecognised_lines;
        lines_->take();
      }
    }
    finish();
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  static bool begins_entry(std::string_view line) {
    Entry entry;
    return read_single(line, entry) || read_multi(line, entry);
  }

  /// The formats call P6Util.singleLine, which makes a blank of every newline; only CustomLineFormat with %(sql) or %(effectiveSql) keeps them.
  bool single(LogRecord& record) {
    const Entry entry = entry_;
    const size_t text_at = entry.text;
    lines_->take();
    if (entry.layout == Layout::kOne) gather(text_at);
    const std::string_view text = lines_->since_mark().substr(std::min(text_at, lines_->since_mark().size()));
    std::string_view sql = text;
    bool cut = lines_->record_was_cut();
    if (entry.layout == Layout::kTwins) {
      const auto half = text.starts_with('|') ? std::optional(text.substr(1)) : effective_half(text, '|');
      if (half) {
        sql = half->empty() ? text.substr(0, text.size() - 1) : *half;
      } else if (const size_t bar = text.find('|'); bar != kNone && entry.category != Category::kBatch) {
        // Cut in the second half: the first, whole, says what ran; its values are lost.
        sql = text.substr(0, bar);
        cut = true;
      } else {
        ++counts_.unrecognised_lines;
        return false;
      }
    } else if (open_) {
      cut = true;
    }
    return deliver(entry, sql, cut, record);
  }

  bool multi(LogRecord& record) {
    const Entry entry = entry_;
    const size_t header = entry.text;
    lines_->take();
    std::string_view text = lines_->since_mark();
    // Without a url the statement follows on the header's line or on the next.
    size_t begin = std::min(text.size(), header);
    while (begin < text.size() && text[begin] == ' ') ++begin;
    std::optional<std::string_view> half;
    int swallowed = 0;
    size_t examined = 0;
    statement_.reset();
    while (!half) {
      const auto line = lines_->peek();
      if (!line || lines_->record_was_cut()) break;
      if (begins_entry(*line) && (!statement_.in_quote() || ++swallowed > kMaxSwallowed)) break;
      const bool is_second = text.size() == begin;
      const bool ends = line->ends_with(';');
      lines_->take();
      text = lines_->since_mark();
      if (is_second) {  // the newline behind the header
        if (begin < text.size() && text[begin] == '\r') ++begin;
        ++begin;
      }
      statement_.advance(text.substr(std::min(begin, text.size())));
      if (!ends || examined > kMaxExamined) continue;
      examined += text.size();
      plain_.assign(text.substr(std::min(begin, text.size())));
      plain_.erase(std::remove(plain_.begin(), plain_.end(), '\r'), plain_.end());
      plain_.pop_back();
      half = effective_half(plain_, '\n');
    }
    if (half) return deliver(entry, half->empty() ? std::string_view(plain_) : *half, false, record);
    text = text.substr(std::min(begin, text.size()));
    if (const size_t newline = text.find('\n'); newline != kNone) text = text.substr(0, newline);
    return deliver(entry, trim(text), true, record);
  }

  struct EntryText : VerbatimStatement {
    P6spyReader& reader;

    bool goes_on(std::string_view line) { return !line.empty() && !text().empty() && sql.continues(line, Indented::kStatement); }
    bool starts(std::string_view line) { return reader.begins_entry(line); }
  };

  void gather(size_t text_at) {
    statement_.reset();
    EntryText text{{*lines_, statement_, text_at}, *this};
    statement_.advance(text.text());
    open_ = gather_lines(*lines_, text, {}).cut;
  }

  bool deliver(const Entry& entry, std::string_view sql, bool cut, LogRecord& record) {
    record = LogRecord{};
    record.line = line_;
    record.session = connection_key(entry.connection);
    read_times(entry, record);
    record.tx_boundary = TxBoundary::kInferred;
    ++counts_.records;
    sql = trim(sql);
    if (entry.category == Category::kStatement || entry.category == Category::kBatch) {
      const bool batch = entry.category == Category::kBatch;
      const bool repeat = is_repeat(batch, sql);
      if (sql.empty() || repeat) return true;  // kOther
      record.kind = RecordKind::kStatement;
      record.sql = sql;
      record.truncated = cut;
      if (batch) record.duration_us = -1;  // the time addBatch() took
    } else if (entry.category == Category::kCommit || entry.category == Category::kRollback) {
      is_repeat(false, {});
      record.kind = RecordKind::kStatement;
      // rollback(Savepoint) is logged like rollback(): the log does not tell them apart.
      record.sql = entry.category == Category::kCommit ? "COMMIT" : "ROLLBACK";
    } else {
      return true;
    }
    ++counts_.statements;
    if (record.truncated) ++counts_.truncated_statements;
    if (record.session.empty()) missing_.session = true;
    if (!record.end_time.known()) missing_.time = true;
    return true;
  }

  /// executeBatch() logs the last row again. Two equal rows in a row are two when the one before was the repeat.
  bool is_repeat(bool batch, std::string_view sql) {
    if (last_.size() > kMaxConnections) last_.clear();
    std::string& last = last_[key_];
    if (!batch) {
      last.clear();
      return false;
    }
    if (!last.empty() && last == sql) {
      last.clear();
      return true;
    }
    last.assign(sql);
    return false;
  }

  std::string_view connection_key(std::string_view connection) {
    key_.assign(connection == "-1" ? std::string_view() : connection);
    return key_;
  }

  void read_times(const Entry& entry, LogRecord& record) {
    TimePoint t;
    int64_t millis = 0;
    if (entry.now.size() >= 12 && entry.now.size() <= 14 && number(entry.now, millis)) {
      t.micros = millis * 1000;
      t.zone_known = true;
      t.tick = 1000;
    } else {
      size_t used = 0;
      if (auto parsed = parse_python_time(entry.now, used)) t = *parsed;
    }
    if (entry.elapsed_ms >= 0 && entry.elapsed_ms < int64_t{1} << 40) record.duration_us = entry.elapsed_ms * 1000;
    if (!t.known()) return;
    t = in_zone(t, zone_);
    record.end_time = t;
    record.time = t;
    if (record.duration_us >= 0) record.time.micros -= record.duration_us;
  }

  void finish() {
    missing_.boundaries = counts_.statements > 0;
    tell_incomplete(missing_, counts_);
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_;
  uint64_t line_ = 0;
  Entry entry_;
  SqlLines statement_;
  bool open_ = false;
  std::string key_, plain_;
  std::unordered_map<std::string, std::string> last_;  // a connection's last row of a batch
  Missing missing_;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  const bool whole = head.size() < (size_t{64} << 10) || head.back() == '\n';
  size_t entries = 0, lines = 0;
  bool in_multi = false;
  Entry entry;
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    const std::string_view line = head.substr(at, stop - at);
    at = stop + 1;
    if (stop == head.size() && !whole) break;
    if (trim(line).empty()) continue;
    const bool multi = read_multi(line, entry);
    if (multi || read_single(line, entry)) {
      ++entries;
      ++lines;
      in_multi = multi;
    } else if (!in_multi) {
      ++lines;
    }
  }
  return entries == 0 ? 0 : static_cast<int>(600 + 380 * entries / lines);
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<P6spyReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"1795248704908|6|statement|connection 3|url jdbc:p6spy:postgresql://db/shop|select note from acct where id=? and note<>'a|b'|select "
     "note from acct "
     "where id=2 and note<>'a|b'\n"
     "1795248704926|0|resultset|connection 3|url jdbc:p6spy:postgresql://db/shop|select note from acct where id=?|note = x\n"
     "1795248704938|0|commit|connection 3|url jdbc:p6spy:postgresql://db/shop||\n",
     2},
    {"2026-11-20 14:37:19.123  INFO 4101 --- [nio-8080-exec-1] p6spy                                    : "
     "1795248704908|0|rollback|connection 7|url jdbc:p6spy:mysql://db/shop||\n",
     1},
    {"1284986237|15|0|statement|update acct set bal = ? where id = ?|update acct set bal = 5 where id = 1\n", 1},
    {"1795248704908|6|statement|connection12|delete from acct where id = 4\n", 1},
    {"#1795248709678 | took 4ms | statement | connection 0| url jdbc:p6spy:h2:mem:shop\nselect bal\nfrom acct where id=?\nselect bal\nfrom "
     "acct where "
     "id=7;\n#1795248709690 | took 0ms | commit | connection 0| url jdbc:p6spy:h2:mem:shop\n\n;\n",
     2},
};

}  // namespace

extern const Format kFormat_p6spy;
const Format kFormat_p6spy = {
    "p6spy",
    "p6spy's spy.log: single line, multi line, the default custom line; also behind slf4j",
    "spy.properties: appender=com.p6spy.engine.spy.appender.FileLogger, excludecategories=info,debug,result,resultset",
    Engine::kUnknown,
    "",
    kSamples,
    score,
    open};

}  // namespace dbaudit
