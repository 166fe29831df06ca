// Sequelize: what its `logging` function was given, through console.log, any logger, or the `debug` module.
//
//   Executing (default): INSERT INTO "accounts" ("name","bal") VALUES ($1,$2); "a", 1
//   Executing (10725e20-ed31-47a5-b9d8-b0b33aca98d9): START TRANSACTION;
//   2026-01-09T10:00:00.603Z [db] debug: Executed (default): SELECT 1 Elapsed time: 2ms
//   {"level":"debug","time":"2026-01-09T10:00:00.999Z","msg":"Executed (default): SELECT 1","elapsed":0}
//
// The parentheses hold the transaction's uuid or `default`: a connection of the pool, taken for this statement and given back. So the uuid is both the
// session and the transaction, and a `default` statement commits by itself on nobody's connection: its session is empty. BEGIN, COMMIT and savepoints
// (under the uuid of the outermost transaction) are logged.
//
// `Executing` is written when the statement starts; with `benchmark: true` it is `Executed` instead, written at the end with the milliseconds as a
// second argument that the logger may print, or not. A failed statement then has no line at all. The `debug` module writes both for every statement,
// which is one execution.
//
// `logQueryParameters` puts `; ` and the parameters behind the SQL (whose own last semicolon serves as the separator): JSON values joined by `, `, or
// for SQLite one object `{"$1":"a","$2":1}`. Values and raw queries may hold newlines: an entry goes on while a quote is open, while its text cannot be
// a whole statement, and with lines that begin like a clause.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/python_logging.h"
#include "analyzers/log/formats/sql_lines.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

using header_text::is_digit;
using Kind = JsonField::Kind;

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxLead = 512;   ///< bytes a logger puts in front
constexpr int kMaxTails = 64;      ///< semicolons of one entry behind which parameters are looked for
constexpr size_t kMaxOpen = 4096;  ///< statements that began and whose end is waited for

/// `Executing (uuid): ` in a line.
struct Entry {
  size_t lead = 0;  ///< where `Execut…` begins
  bool done = false;
  std::string_view id;
  size_t sql = 0;
};

std::optional<Entry> find_entry(std::string_view line) {
  const std::string_view head = line.substr(0, kMaxLead + 128);
  for (size_t at = head.find("Execut"); at != kNone && at <= kMaxLead; at = head.find("Execut", at + 1)) {
    Entry e;
    e.lead = at;
    std::string_view rest = line.substr(at + 6);
    if (rest.starts_with("ed (")) {
      e.done = true;
      rest.remove_prefix(4);
    } else if (rest.starts_with("ing (")) {
      rest.remove_prefix(5);
    } else {
      continue;
    }
    const size_t close = rest.find("): ");
    if (close == kNone || close == 0 || close > 64) continue;
    e.id = rest.substr(0, close);
    if (e.id != "default" && e.id.find_first_not_of("0123456789abcdefABCDEF-") != kNone) continue;
    e.sql = static_cast<size_t>(rest.data() - line.data()) + close + 3;
    if (!starts_like_sql(line.substr(e.sql), true)) continue;
    return e;
  }
  return std::nullopt;
}

/// The time among the words a logger put in front.
TimePoint time_in(std::string_view lead) {
  for (size_t at = 0; at < lead.size();) {
    if (is_digit(lead[at])) {
      size_t size = 0;
      if (const auto t = parse_python_time(lead.substr(at), size); t && t->known()) return *t;
    }
    at = lead.find_first_of(" [({\t", at);
    if (at == kNone) break;
    at = std::min(lead.find_first_not_of(" [({\t", at), lead.size());
  }
  return {};
}

/// Digits that end the text behind a blank, as console.log(message, milliseconds) prints them: where the blank is, or npos.
size_t trailing_number(std::string_view text) {
  size_t at = text.size();
  while (at > 0 && is_digit(text[at - 1]) && text.size() - at < 10) --at;
  return at < text.size() && at > 1 && text[at - 1] == ' ' ? at - 1 : kNone;
}

/// `Elapsed time: 12ms` at the end: where it begins, or npos.
size_t elapsed_words(std::string_view text) {
  constexpr std::string_view kWords = " Elapsed time: ";
  if (!text.ends_with("ms")) return kNone;
  const size_t end = text.size() - std::min<size_t>(text.size(), 40);
  size_t at = text.substr(end).rfind(kWords);
  if (at == kNone) return kNone;
  at += end;
  const std::string_view number = text.substr(at + kWords.size(), text.size() - at - kWords.size() - 2);
  return !number.empty() && number.find_first_not_of("0123456789.") == kNone ? at : kNone;
}

/// ` +3ms`, which the debug module puts behind its messages on a terminal.
std::string_view without_interval(std::string_view text) {
  const size_t end = text.size() - std::min<size_t>(text.size(), 16);
  size_t plus = text.substr(end).rfind(" +");
  if (plus == kNone) return text;
  plus += end;
  std::string_view word = text.substr(plus + 2);
  word = word.substr(0, word.find('\x1b'));
  size_t digits = 0;
  while (digits < word.size() && is_digit(word[digits])) ++digits;
  const std::string_view unit = word.substr(digits);
  return digits > 0 && (unit == "ms" || unit == "s" || unit == "m" || unit == "h") ? text.substr(0, plus) : text;
}

const JsonField* message_of(const JsonLines& json) {
  for (const std::string_view key : {"msg", "message", "sql", "query", "log", "text", "data"}) {
    const JsonField* f = json.find({key});
    if (f != nullptr && f->kind == Kind::kString && find_entry(f->text)) return f;
  }
  return nullptr;
}

int64_t milliseconds(std::string_view text) {
  double v = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || !(v >= 0) || v > 1e12) return -1;
  const std::string_view unit = trim(text.substr(static_cast<size_t>(stop - text.data())));
  return unit.empty() || unit == "ms" ? static_cast<int64_t>(std::llround(v * 1000)) : -1;
}

class SequelizeReader final : public RecordReader {
 public:
  SequelizeReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), zone_(options.zone_offset_minutes) {
    learn(lines_->head(), options.engine);
  }

  bool next(LogRecord& record) override {
    while (const auto line = lines_->peek()) {
      lines_->mark();
      line_ = lines_->line_number();
      if (line->find_first_not_of(" \t") == kNone) {
        lines_->take();
        continue;
      }
      if (line->front() == '{') {
        const bool whole = json_.parse(*line);
        lines_->take();
        if (whole && next_json(record)) return true;
        if (!whole) ++counts_.unrecognised_lines;
        continue;
      }
      if (const auto entry = find_entry(*line)) {
        next_text(*entry, record);
        return true;
      }
      ++counts_.unrecognised_lines;
      lines_->take();
    }
    tell_incomplete(missing_, counts_);
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  struct Parts {
    std::string_view sql;
    int64_t duration_us = -1;
    TimePoint time;
    bool open = false;
  };

  void learn(std::string_view head, Engine engine) {
    const auto seen = [head](std::string_view text) { return head.find(text) != kNone; };
    // Both MySQL and SQLite get backticks; only MySQL has escapes in its quotes.
    backslashes_ = is_mysql_family(engine) || (engine == Engine::kUnknown && seen("`") && !seen("$1") && !seen("BEGIN DEFERRED") &&
                                               !seen("PRAGMA ") && !seen("sqlite_master") && !seen("AUTOINCREMENT"));
    dos_ = has_dos_lines(head);
    // console.log(message, milliseconds): then the number ends every message, also those that end with a semicolon. A line that does not end
    // in the head, or was being written, says neither.
    size_t plain = 0, numbered = 0;
    for (size_t at = 0, stop = 0; (stop = head.find('\n', at)) != kNone; at = stop + 1) {
      std::string_view line = head.substr(at, stop - at);
      if (line.ends_with('\r')) line.remove_suffix(1);
      const auto entry = find_entry(line);
      if (!entry || !entry->done || line.front() == '{') continue;
      if (line.ends_with(';')) ++plain;
      if (trailing_number(line) != kNone) ++numbered;
    }
    numbered_ = numbered > plain * 4;
  }

  static bool is_start(std::string_view line) {
    if (find_entry(line)) return true;
    size_t size = 0;
    if (line.starts_with('[')) line.remove_prefix(1);
    return !line.empty() && is_digit(line[0]) && parse_python_time(line, size).has_value();
  }

  /// An entry's SQL with what stands behind its semicolon, while it is gathered.
  struct EntryText : VerbatimStatement {
    SequelizeReader& reader;
    const Entry& entry;
    Parts& parts;

    bool complete() { return reader.split(text(), entry.done, parts); }
    bool goes_on(std::string_view line) { return line.find_first_not_of(" \t") != kNone && sql.continues(line, Indented::kForeign); }
    bool starts(std::string_view line) { return is_start(line); }
    void add(std::string_view) {}  // complete() reads on
  };

  void next_text(const Entry& entry, LogRecord& record) {
    const std::string_view first = *lines_->peek();
    const std::string_view lead = first.substr(0, entry.lead);
    Parts parts;
    sql_.reset(sql_text_rules(backslashes_));
    tails_ = 0;
    lines_->take();
    EntryText text{{*lines_, sql_, entry.sql}, *this, entry, parts};
    const GatheredLines gathered = gather_lines(*lines_, text, {.starts_at_end = 8});
    parts.open = gathered.cut || lines_->record_was_cut();
    if (parts.sql.empty()) last_split(text.text(), entry.done, parts);
    if (!parts.time.known()) parts.time = time_in(lead);
    deliver(entry, parts, lead.find("sequelize:") != kNone, record);
  }

  /// Does the entry end with the lines read so far, certainly? Looks for the semicolon that ends the SQL.
  bool split(std::string_view text, bool done, Parts& parts) {
    const size_t newline = text.rfind('\n');
    for (size_t at = sql_.find(text, kStopSemicolon); at != kNone; at = sql_.find(text, kStopSemicolon)) {
      if (sql_.depth() > 0 || (newline != kNone && at < newline)) continue;
      if (take_tail(text.substr(0, at + 1), text.substr(at + 1), done, parts)) return true;
    }
    return false;
  }

  /// `tail` stands behind a semicolon: nothing, the parameters, milliseconds, what a logger appended?
  bool take_tail(std::string_view sql, std::string_view tail, bool done, Parts& parts) {
    tail = trim_end(tail, done, parts.duration_us);
    if (trim(tail).empty()) {
      parts.sql = sql;
      return true;
    }
    tail = trim(tail);
    if (std::string_view("\"-0123456789tfn[{").find(tail[0]) == kNone) return false;
    if (++tails_ > kMaxTails) return false;
    values_.clear();
    wrapped_.assign("{\"p\":[");
    wrapped_.append(tail);
    wrapped_.append("]}");
    if (!params_json_.parse(wrapped_)) return false;
    const JsonField* list = params_json_.find({"p"});
    elements_.clear();
    if (list == nullptr || list->kind != Kind::kArray || !params_json_.elements(*list, elements_) || elements_.empty()) return false;
    if (elements_.front().kind == Kind::kObject && elements_.size() == 1) {
      const JsonField object = elements_.front();
      elements_.clear();
      if (!params_json_.elements(object, elements_)) return false;
      if (!std::all_of(elements_.begin(), elements_.end(), [](const JsonField& f) { return f.key.starts_with('$'); })) {
        // What the logger knew besides (`{"service":"shop","timestamp":"…"}`).
        for (const JsonField& f : elements_) {
          if (f.key == "timestamp" || f.key == "time") parts.time = json_time(f).value_or(TimePoint{});
          if ((f.key == "elapsed" || f.key == "durationMs") && f.kind == Kind::kNumber) parts.duration_us = milliseconds(f.text);
        }
        parts.sql = sql;
        return true;
      }
    }
    for (const JsonField& f : elements_) values_.push_back({f.text, f.kind == Kind::kNull, f.kind == Kind::kNumber});
    has_params_ = true;
    sql.remove_suffix(1);  // the separator
    parts.sql = sql;
    return true;
  }

  /// Without the milliseconds a benchmark put at the end.
  std::string_view trim_end(std::string_view tail, bool done, int64_t& duration) const {
    tail = without_interval(tail.ends_with('\r') ? tail.substr(0, tail.size() - 1) : tail);
    if (!done) return tail;
    if (const size_t at = elapsed_words(tail); at != kNone) {
      const std::string_view words = tail.substr(at);
      duration = milliseconds(words.substr(words.rfind(' ') + 1));
      return tail.substr(0, at);
    }
    if (!numbered_) return tail;
    const size_t at = tail.size() > 1 && tail[0] == ' ' && trim(tail).find_first_not_of("0123456789") == kNone ? 0 : trailing_number(tail);
    if (at == kNone) return tail;
    duration = milliseconds(tail.substr(at + 1));
    return tail.substr(0, at);
  }

  /// The entry has no semicolon behind which something readable stands: all of it is SQL but the milliseconds.
  void last_split(std::string_view text, bool done, Parts& parts) { parts.sql = trim_end(text, done, parts.duration_us); }

  void deliver(const Entry& entry, const Parts& parts, bool debug_module, LogRecord& record) {
    record = LogRecord{};
    ++counts_.records;
    record.line = line_;
    record.sql = trim(dos_ ? with_plain_newlines(parts.sql, plain_) : parts.sql);
    if (entry.id != "default") record.session = record.txid = entry.id;
    record.tx_boundary = TxBoundary::kExplicit;
    record.truncated = parts.open || lines_->record_was_cut();
    record.has_params = std::exchange(has_params_, false);
    if (record.has_params) {
      record.params = values_;
    } else {
      values_.clear();
    }
    const TimePoint time = in_zone(parts.time, zone_);
    record.duration_us = parts.duration_us;
    if (entry.done) {
      record.end_time = time;
      if (time.known() && parts.duration_us >= 0) {
        record.time = time;
        record.time.micros -= parts.duration_us;
        record.time.tick = std::max(time.tick, 1000);
      }
    } else {
      record.time = time;
    }
    if (is_second_sight(entry, debug_module, record)) return;
    record.kind = RecordKind::kStatement;
    ++counts_.statements;
    if (record.truncated) ++counts_.truncated_statements;
    if (record.session.empty()) missing_.session = true;
    if (!time.known()) missing_.time = true;
    if (!record.has_params && !missing_.parameters) missing_.parameters = has_placeholder(record.sql);
  }

  /// The end of a statement whose beginning was logged, or its beginning once more (the debug module's, beside `logging`'s).
  bool is_second_sight(const Entry& entry, bool debug_module, LogRecord& record) {
    const size_t key = std::hash<std::string_view>{}(record.sql) * 31 + std::hash<std::string_view>{}(entry.id);
    if (!entry.done) {
      if (key == last_key_ && last_debug_ != debug_module && last_line_ != 0) {
        last_line_ = 0;
        record.kind = RecordKind::kOther;
        return true;
      }
      last_key_ = key;
      last_debug_ = debug_module;
      last_line_ = record.line;
      if (open_.size() >= kMaxOpen) open_.clear();
      open_.insert_or_assign(key, record.line);
      if (record.session.empty()) last_default_ = record.line;
      return false;
    }
    const auto it = open_.find(key);
    if (it == open_.end()) return false;
    record.kind = RecordKind::kCompletion;
    record.about_line = it->second;
    // Inside a transaction one statement follows another; on the pool's connections they overlap.
    record.attaches = !record.session.empty() || it->second == last_default_;
    open_.erase(it);
    return true;
  }

  static bool has_placeholder(std::string_view sql) {
    return sql.find("$1") != kNone || sql.find("=?") != kNone || sql.find("= ?") != kNone || sql.find("(?") != kNone ||
           sql.find(",?") != kNone;
  }

  bool next_json(LogRecord& record) {
    const JsonField* message = message_of(json_);
    if (message == nullptr) {
      record = LogRecord{};
      record.line = line_;
      ++counts_.records;
      return true;
    }
    const std::string_view text = message->text;
    const auto entry = find_entry(text);
    Parts parts;
    sql_.reset(sql_text_rules(backslashes_));
    tails_ = 0;
    const std::string_view body = text.substr(entry->sql);
    if (!split(body, entry->done, parts)) last_split(body, entry->done, parts);
    for (const std::string_view key : {"time", "timestamp", "@timestamp", "ts", "datetime", "date"}) {
      const JsonField* f = json_.find({key});
      const auto t = f != nullptr ? json_time(*f) : std::nullopt;
      if (t && t->micros > 1'000'000'000'000) {  // `time` may as well be the milliseconds it took
        parts.time = *t;
        break;
      }
    }
    if (parts.duration_us < 0 && entry->done) {
      const std::string_view ms = json_.text({"elapsed", "elapsedMs", "elapsed_ms", "durationMs", "duration_ms", "duration", "ms", "timing",
                                              "executionTime", "benchmark", "responseTime"});
      if (!ms.empty()) parts.duration_us = milliseconds(ms);
    }
    deliver(*entry, parts, false, record);
    return true;
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_;
  bool backslashes_ = false, dos_ = false;
  bool numbered_ = false;  ///< every `Executed` line ends with its milliseconds
  SqlLines sql_;
  uint64_t line_ = 0;
  JsonLines json_, params_json_;
  std::string wrapped_, plain_;
  std::vector<BindValue> values_;
  std::vector<JsonField> elements_;
  bool has_params_ = false;
  int tails_ = 0;                              ///< semicolons of this entry behind which parameters were looked for
  std::unordered_map<size_t, uint64_t> open_;  ///< statements that began, by what they are, with their line
  size_t last_key_ = 0;
  bool last_debug_ = false;
  uint64_t last_line_ = 0, last_default_ = 0;
  Missing missing_;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  size_t lines = 0, entries = 0, continued = 0;
  JsonLines json;
  bool after = false;
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    const std::string_view line = head.substr(at, stop - at);
    at = stop + 1;
    if (trim(line).empty()) continue;
    ++lines;
    const bool entry = line.front() == '{' && json.parse(line) ? message_of(json) != nullptr : find_entry(line).has_value();
    if (entry) {
      ++entries;
    } else if (after) {
      ++continued;  // at most one for every entry is taken for its second line
    }
    after = entry;
  }
  if (entries == 0) return 0;
  return std::max(static_cast<int>(980 * (entries + continued / 2) / lines), 300);
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<SequelizeReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"Executing (10725e20-ed31-47a5-b9d8-b0b33aca98d9): START TRANSACTION;\n"
     "Executing (10725e20-ed31-47a5-b9d8-b0b33aca98d9): INSERT INTO \"accounts\" (\"name\",\"bal\") VALUES ($1,$2); \"a;\\n\", 1\n"
     "Executing (10725e20-ed31-47a5-b9d8-b0b33aca98d9): COMMIT;\n",
     3},
    {"2026-01-09T10:00:00.603Z [db] debug: Executing (default): SELECT `id` FROM `accounts` WHERE `name` = 'two\nlines';\n", 1},
    {"{\"level\":\"debug\",\"time\":\"2026-01-09T10:00:00.999Z\",\"msg\":\"Executed (default): SELECT 1\",\"elapsed\":0}\n", 1},
    {"Executed (default): SELECT 1 Elapsed time: 2ms\n", 1},
};

}  // namespace

extern const Format kFormat_sequelize;
const Format kFormat_sequelize = {"sequelize",
                                  "Sequelize's logging function: Executing (default|uuid): SQL, in any logger's lines or as JSON",
                                  "new Sequelize(url, { logging: (sql, ms) => logger.debug(sql, ms), logQueryParameters: true })",
                                  Engine::kUnknown,
                                  "sequelize",
                                  kSamples,
                                  score,
                                  open};

}  // namespace dbaudit
