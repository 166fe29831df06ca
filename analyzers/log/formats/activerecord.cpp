// Rails' ActiveRecord, as its log subscriber writes it at level debug, through any logger or as JSON lines.
//
//   D, [2026-01-09T10:00:00.208482 #21106] DEBUG -- : [1f0c…-…]   User Load (0.8ms)  SELECT … WHERE "id" = $1 LIMIT $2  [["id", 2], ["LIMIT", 1]]
//   D, [2026-01-09T10:00:00.208790 #21106] DEBUG -- : [1f0c…-…]   ↳ app/models/user.rb:12:in `lock_me'
//
// The message is two blanks, a name, the duration, two blanks, the SQL as it was sent, two blanks, the binds as Ruby inspects them; colours stand
// around name and SQL. It is written when the statement has ended, failed or not, by the thread that ran it. What stands in front is the application's
// choice: nothing (development.log), Ruby's Logger::Formatter, tags in brackets.
//
// - Session: the thread where one is printed, else the request's tag. A process alone tells sessions apart only where its transactions never nest, and
//   where there are several of them: threads of one process share its number.
// - Transactions: every BEGIN and COMMIT the database got is a line of its own (ActiveRecord begins when the first statement comes).
// - A CACHE line never reached the database. A failed statement looks like any other: its exception is logged by Rails, if at all, after the ROLLBACK.
// - The SQL may have newlines. Such an entry goes on while a quote is open, while the text cannot be a whole statement, and with lines that begin like
//   a clause; in colours to the end of the colour. A quote that never closes gives the lines it swallowed back.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/activerecord_message.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/python_logging.h"
#include "analyzers/log/formats/ruby_inspect.h"
#include "analyzers/log/formats/sql_lines.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxSessions = 4096;  ///< whose last statement is remembered for an exception that follows
constexpr int kMaxAhead = 8;           ///< lines of other threads between a statement and its source
constexpr std::string_view kReset = "\x1b[0m", kArrow = "\xE2\x86\xB3";

using Kind = JsonField::Kind;

bool is_begin(std::string_view sql) { return istarts_with(sql, "BEGIN") || istarts_with(sql, "START TRANSACTION"); }
bool is_rollback(std::string_view sql) { return istarts_with(sql, "ROLLBACK") && is_transaction_boundary(sql); }

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};

/// The statement of a JSON line: in a payload (semantic_logger, Rails 8.1's structured events), or a message of the log subscriber's.
struct JsonEvent {
  const JsonField* sql = nullptr;      ///< the SQL alone
  const JsonField* message = nullptr;  ///< or the whole message
};

JsonEvent json_event(const JsonLines& json) {
  JsonEvent event;
  const JsonField* sql = json.find({"payload.sql"});
  if (sql != nullptr && sql->kind == Kind::kString) {
    event.sql = sql;
    return event;
  }
  for (const std::string_view key : {"message", "msg", "log"}) {
    const JsonField* f = json.find({key});
    if (f == nullptr || f->kind != Kind::kString) continue;
    if (find_sql_event(f->text.substr(0, f->text.find('\n')))) {
      event.message = f;
      return event;
    }
  }
  return event;
}

/// Does every quote of this log follow MySQL's rules? ActiveRecord quotes identifiers with backticks for no other engine.
bool has_backslash_escapes(std::string_view head, Engine engine) {
  if (engine != Engine::kUnknown) return is_mysql_family(engine);
  return std::count(head.begin(), head.end(), '`') > std::count(head.begin(), head.end(), '"');
}

/// `[["id", …`, `[[nil, …`: an array of PostgreSQL's looks otherwise.
bool begins_binds(std::string_view text) { return text.starts_with("[[\"") || text.starts_with("[[nil,") || text.starts_with("[[:"); }

class ActiveRecordReader final : public RecordReader {
 public:
  ActiveRecordReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), zone_(options.zone_offset_minutes) {
    learn(lines_->head(), options);
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
      if (const auto event = find_sql_event(*line)) {
        if (next_event(*event, record)) return true;
        continue;
      }
      const std::string_view text = *line;
      lines_->take();
      if (next_other(text, record)) return true;
    }
    tell_incomplete(missing_, counts_);
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  struct Last {
    uint64_t line = 0;  ///< of the last statement that was no transaction control, 0 once something followed but ROLLBACK
    bool told = false;  ///< an exception was attached already
    std::string action;
  };

  void learn(std::string_view head, const ReaderOptions& options) {
    backslashes_ = has_backslash_escapes(head, options.engine);
    dos_ = has_dos_lines(head);
    sources_ = head.find(kArrow) != kNone;
    std::unordered_map<std::string, bool> open_by_process, open_by_request;  // has a transaction open
    bool processes_nest = false, requests_nest = false;
    for (size_t at = 0; at < head.size();) {
      const size_t stop = std::min(head.find('\n', at), head.size());
      const std::string_view line = head.substr(at, stop - at);
      at = stop + 1;
      const auto event = find_sql_event(line);
      if (!event || event->cached) continue;
      RailsPrefix prefix;
      read_rails_prefix(line.substr(0, event->lead), true, prefix);
      const std::string_view sql = trim(line.substr(event->sql));
      // What stands inside a literal is no entry.
      const size_t start = static_cast<size_t>(line.data() - head.data()) + event->sql;
      sql_.reset(sql_text_rules(backslashes_));
      (void)sql_.find(line.substr(event->sql), kStopColour);
      for (size_t more = 0; sql_.in_quote() && more < GatherLimits{}.starts && at < head.size(); ++more) {
        at = std::min(head.find('\n', at), head.size()) + 1;
        (void)sql_.find(head.substr(start, at - 1 - start), kStopColour);
      }
      const bool begin = is_begin(sql), end = !begin && is_transaction_boundary(sql);
      const auto see = [&](std::string_view key, std::unordered_map<std::string, bool>& open, bool& nest) {
        if (key.empty()) return;
        bool& in = open[std::string(key)];
        nest |= begin && in;
        if (begin || end) in = begin;
      };
      see(prefix.process, open_by_process, processes_nest);
      see(prefix.request, open_by_request, requests_nest);
    }
    process_is_session_ = open_by_process.size() > 1 && !processes_nest;
    request_is_session_ = !requests_nest;
  }

  /// The key of the session the prefix names; views into it or into key_.
  std::string_view session_of(const RailsPrefix& prefix) {
    if (!prefix.thread.empty()) return session_.key(prefix.process, prefix.thread, {}, {});
    if (!prefix.request.empty() && request_is_session_) return prefix.request;
    return process_is_session_ ? prefix.process : std::string_view();
  }

  /// Takes the lines of the event that starts on the peeked line and delivers it. False when it was no execution.
  bool next_event(const SqlEvent& event, LogRecord& record) {
    std::string_view first = *lines_->peek();
    RailsPrefix prefix;
    read_rails_prefix(first.substr(0, event.lead), true, prefix);
    gather(event);
    const std::string_view text = lines_->since_mark().substr(std::min(event.sql, lines_->since_mark().size()));
    std::string_view sql = text.substr(0, sql_size_);
    while (!sql.empty() && (sql.front() == ' ' || sql.front() == '\n' || sql.front() == '\r' || sql.front() == '\t')) sql.remove_prefix(1);
    sql = trim(sql);
    if (sql.empty() || !starts_like_sql(sql, true)) {
      counts_.unrecognised_lines += static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n')) + 1;
      return false;
    }
    ++counts_.records;
    record = LogRecord{};
    record.line = line_;
    record.session = session_of(prefix);
    if (event.cached) {
      record.kind = RecordKind::kOther;
      record.time = in_zone(prefix.time, zone_);
      after_statement_ = false;
      return true;
    }
    tags_.clear();
    if (!prefix.request.empty()) tags_.push_back({"request_id", prefix.request});
    fill(dos_ ? with_plain_newlines(sql, plain_) : sql, in_zone(prefix.time, zone_), event.duration_us, record);
    record.truncated = open_ || lines_->record_was_cut();
    values_.clear();
    if (binds_begin_ != kNone) {
      const std::string_view binds = text.substr(binds_begin_, binds_end_ - binds_begin_);
      decoder_.reset(binds.size());
      bool hidden = false;
      record.has_params = decoder_.pairs(binds, values_, hidden);
      if (!record.has_params) values_.clear();
      record.params_cut = hidden || !record.has_params;
    }
    record.params = values_;
    attach_source(record);
    count(record);
    return true;
  }

  /// An event's SQL with its binds, while it is gathered.
  struct EventText : VerbatimStatement {
    ActiveRecordReader& reader;
    const SqlEvent& event;
    bool has_end = false;

    bool complete() { return has_end = reader.ends(event, text()); }
    bool goes_on(std::string_view line) {
      if (event.coloured) return true;
      if (line.find_first_not_of(" \t") == kNone) return false;
      return line.starts_with("  [[\"") || line.starts_with("  [[nil,") || sql.continues(line, Indented::kForeign);
    }
    bool starts(std::string_view line) { return is_start(line); }
    void add(std::string_view) {}  // complete() reads on
  };

  /// Finds the end of the event's SQL (sql_size_) and its binds, taking the lines that belong to it. open_: it has no end.
  void gather(const SqlEvent& event) {
    sql_.reset(sql_text_rules(backslashes_));
    binds_begin_ = binds_end_ = kNone;
    open_ = false;
    lines_->take();
    EventText text{{*lines_, sql_, event.sql}, *this, event};
    const GatheredLines gathered = gather_lines(*lines_, text, {.starts_at_end = 8});
    open_ |= gathered.cut || lines_->record_was_cut();
    if (!text.has_end) sql_size_ = text.text().size();
  }

  /// Does the line begin an entry, of whatever logger?
  static bool is_start(std::string_view line) {
    if (find_sql_event(line) || is_rails_line(line)) return true;
    RailsPrefix prefix;
    const size_t at = read_rails_prefix(line, false, prefix);
    return prefix.logger || (!prefix.request.empty() && at < line.size() && (is_rails_line(line.substr(at)) || find_sql_event(line)));
  }

  /// Does the event end with the lines read so far? Sets sql_size_ and the binds.
  bool ends(const SqlEvent& event, std::string_view text) {
    if (event.coloured) {
      for (size_t at = sql_.find(text, kStopColour); at != kNone; at = sql_.find(text, kStopColour)) {
        if (text.substr(at, kReset.size()) != kReset) continue;
        sql_size_ = at;
        take_binds(text, at + kReset.size());
        return true;
      }
      return false;
    }
    for (size_t at = sql_.find(text, kStopBracket); at != kNone; at = sql_.find(text, kStopBracket)) {
      if (at < 2 || text[at - 1] != ' ' || (text[at - 2] != ' ' && text[at - 2] != '\n') || !begins_binds(text.substr(at))) continue;
      if (!take_binds(text, at)) continue;
      sql_size_ = at;
      return true;
    }
    return false;
  }

  /// The binds that end the line, from the first bracket at or behind `at`. False when something else stands there.
  bool take_binds(std::string_view text, size_t at) {
    while (at < text.size() && text[at] == ' ') ++at;
    if (at >= text.size() || text[at] != '[') return false;
    const auto end = skip_ruby_container(text, at);
    if (end) {
      if (!trim(text.substr(skip_colours(text, *end))).empty()) return false;
    } else if (text.find('\n', at) != kNone || lines_->peek().has_value()) {
      return false;
    } else {
      open_ = true;  // the file ends in them
      binds_begin_ = kNone;
      return true;
    }
    binds_begin_ = at;
    binds_end_ = *end;
    return true;
  }

  void fill(std::string_view sql, TimePoint end, int64_t duration, LogRecord& record) {
    record.kind = RecordKind::kStatement;
    record.sql = sql;
    record.duration_us = duration;
    record.tx_boundary = TxBoundary::kExplicit;
    if (end.known()) {
      record.end_time = end;
      record.time = end;
      if (duration >= 0) {
        record.time.micros -= duration;
        record.time.tick = std::max(end.tick, 100);  // the duration is rounded to a tenth of a millisecond
      }
    }
  }

  /// The `↳` line of the statement: the next line, or a little later when other threads wrote between. Without sessions only the next one, and only when
  /// no other statement waits for its own.
  void attach_source(LogRecord& record) {
    const bool alone = !after_statement_ || !record.session.empty();
    after_statement_ = true;
    if (!sources_ || !alone) return;
    own_session_.assign(record.session);
    if (!record.session.empty()) record.session = own_session_;
    const size_t offset = lines_->offset();
    const uint64_t line_then = lines_->line_number();
    int ahead = 0, blanks = 0;
    for (auto line = lines_->peek(); line && !lines_->record_was_cut(); line = lines_->peek()) {
      RailsPrefix prefix;
      const size_t at = std::min(read_rails_prefix(*line, false, prefix), line->size());
      const bool ours = session_of(prefix) == own_session_;
      const auto source = ours ? parse_source_line(line->substr(at)) : std::nullopt;
      if (line->find_first_not_of(" \t") == kNone && blanks < kMaxAhead) {  // the SQL ended with a newline
        ++blanks;
        lines_->take();
        continue;
      }
      if (source) {
        record.source_file = source->file;
        record.source_line = source->line;
        after_statement_ = false;
        if (ahead == 0) {
          ++counts_.records;
          lines_->take();
          return;
        }
        break;
      }
      if (own_session_.empty() || ++ahead > kMaxAhead) break;
      if (ours && (find_sql_event(*line) || is_rails_line(line->substr(at)))) break;
      lines_->take();
    }
    if (ahead + blanks > 0 && !lines_->record_was_cut()) lines_->rewind(offset, line_then);
  }

  /// Counts the statement, remembers it for an exception, and names the action that ran it.
  void count(LogRecord& record) {
    ++counts_.statements;
    if (record.truncated || record.params_cut) ++counts_.truncated_statements;
    if (record.session.empty()) missing_.session = true;
    if (!record.time.known()) missing_.time = true;
    if (!record.has_params && !missing_.parameters) missing_.parameters = has_placeholder(record.sql);
    if (!record.session.empty()) {
      Last& last = last_of(record.session);
      if (is_transaction_boundary(record.sql)) {
        if (!is_rollback(record.sql)) last.line = 0;
      } else {
        last.line = record.line;
        last.told = false;
      }
      if (!last.action.empty()) tags_.push_back({"controller", last.action});
    }
    record.tags = tags_;
  }

  Last& last_of(std::string_view session) {
    const auto it = last_.find(session);
    if (it != last_.end()) return it->second;
    if (last_.size() >= kMaxSessions) last_.clear();
    return last_.try_emplace(std::string(session)).first->second;
  }

  /// `$1`, or `?` outside of quotes, in a statement whose binds are not printed.
  bool has_placeholder(std::string_view sql) const {
    if (backslashes_) return false;  // without prepared statements, values are in the text; `?` is an operator elsewhere
    for (size_t at = sql.find_first_of("?$"); at != kNone; at = sql.find_first_of("?$", at + 1)) {
      const bool place = sql[at] == '?' || sql.substr(at, 2) == "$1";
      if (place && at >= 2 && (sql[at - 1] == '(' || sql.substr(at - 2, 2) == "= " || sql.substr(at - 2, 2) == ", ")) return true;
    }
    return false;
  }

  /// A line that is no SQL event.
  bool next_other(std::string_view line, LogRecord& record) {
    RailsPrefix prefix;
    const size_t at = std::min(read_rails_prefix(line, false, prefix), line.size());
    const std::string_view message = trim(line.substr(skip_colours(line, at)));
    record = LogRecord{};
    record.line = line_;
    record.time = in_zone(prefix.time, zone_);
    record.session = session_of(prefix);
    if (const auto error = parse_database_exception(message)) {
      ++counts_.records;
      record.kind = RecordKind::kError;
      record.has_error = true;
      record.error_code = error->code;
      record.error_message = error->message;
      after_statement_ = false;
      if (!record.session.empty()) {
        Last& last = last_of(record.session);
        if (last.line != 0 && !last.told) {
          record.attaches = true;
          record.about_line = last.line;
          last.told = true;
        }
      }
      return true;
    }
    if (!prefix.logger && !is_rails_line(message)) {
      ++counts_.unrecognised_lines;
      return false;
    }
    if (!record.session.empty()) {
      if (const std::string_view action = processed_action(message); !action.empty()) last_of(record.session).action = action;
    }
    after_statement_ = false;
    ++counts_.records;
    return true;
  }

  bool next_json(LogRecord& record) {
    record = LogRecord{};
    record.line = line_;
    ++counts_.records;
    const TimePoint time = in_zone(json_time(json_, {"timestamp", "@timestamp", "time", "ts", "datetime", "date"}), zone_);
    const JsonEvent event = json_event(json_);
    if (event.sql == nullptr && event.message == nullptr) {
      record.time = time;
      return true;
    }
    RailsPrefix prefix;
    tags_.clear();
    std::string_view sql;
    int64_t duration = -1;
    bool cached = json_.text({"payload.name", "message"}).starts_with("CACHE");
    values_.clear();
    if (event.sql != nullptr) {
      sql = trim(event.sql->text);
      const JsonField* f = json_.find({"payload.cached"});
      cached |= f != nullptr && f->text == "true";
      duration = json_duration();
      if (const JsonField* binds = json_.find({"payload.binds"}); binds != nullptr) json_binds(*binds, record);
    } else {
      const std::string_view text = event.message->text;
      const auto found = find_sql_event(text.substr(0, text.find('\n')));
      read_rails_prefix(text.substr(0, found->lead), true, prefix);
      sql_.reset(sql_text_rules(backslashes_));
      binds_begin_ = kNone;
      open_ = false;
      const std::string_view rest = text.substr(found->sql);
      sql_size_ = rest.size();
      (void)ends(*found, rest);
      sql = trim(rest.substr(0, sql_size_));
      duration = found->duration_us;
      cached |= found->cached;
      if (binds_begin_ != kNone) {
        const std::string_view binds = rest.substr(binds_begin_, binds_end_ - binds_begin_);
        decoder_.reset(binds.size());
        bool hidden = false;
        record.has_params = decoder_.pairs(binds, values_, hidden);
        if (!record.has_params) values_.clear();
        record.params_cut = hidden;
      }
    }
    if (cached || !starts_like_sql(sql)) {
      record.time = time;
      return true;
    }
    record.params = values_;
    if (prefix.thread.empty()) prefix.thread = json_.text({"thread", "thread_name", "tid", "thread_id"});
    if (prefix.process.empty()) prefix.process = json_.text({"pid", "process", "process_id"});
    const std::string_view request =
        json_.text({"named_tags.request_id", "request_id", "context.request_id", "tags.request_id", "requestId", "uuid"});
    if (!request.empty()) {
      prefix.request = request;
    } else if (const JsonField* tags = json_.find({"tags"}); tags != nullptr && tags->kind == Kind::kArray) {
      names_.clear();
      json_.values(*tags, names_);
      if (!names_.empty()) prefix.request = names_.front().text;
    }
    record.session = session_of(prefix);
    if (!prefix.request.empty()) tags_.push_back({"request_id", prefix.request});
    fill(sql, time, duration, record);
    record.app = json_.text({"application", "app", "service"});
    record.source_file = json_.text({"source_location.filepath", "file"});
    if (const std::string_view n = json_.text({"source_location.lineno", "line"}); !n.empty())
      std::from_chars(n.data(), n.data() + n.size(), record.source_line);
    count(record);
    return true;
  }

  /// Microseconds; `duration_ms`, or `duration` with its unit.
  int64_t json_duration() const {
    const auto number = [](std::string_view s, double unit) {
      double v = 0;
      const auto [stop, error] = std::from_chars(s.data(), s.data() + s.size(), v);
      const bool whole = error == std::errc() && trim(s.substr(static_cast<size_t>(stop - s.data()))).size() <= 2;
      return whole && v >= 0 && v < 1e12 ? static_cast<int64_t>(std::llround(v * unit)) : int64_t{-1};
    };
    if (const std::string_view s = json_.text({"duration_ms", "payload.duration_ms"}); !s.empty()) return number(s, 1000);
    const std::string_view s = json_.text({"duration", "payload.duration"});
    if (s.ends_with("ms")) return number(s, 1000);
    if (s.ends_with('s')) return number(s, 1e6);
    return -1;
  }

  /// semantic_logger prints binds by name, several of one name as an array: then their order is lost.
  void json_binds(const JsonField& binds, LogRecord& record) {
    if (binds.kind == Kind::kString) {
      decoder_.reset(binds.text.size());
      bool hidden = false;
      record.has_params = decoder_.pairs(binds.text, values_, hidden);
      if (!record.has_params) values_.clear();
      return;
    }
    pairs_.clear();
    if (!json_.elements(binds, pairs_)) return;
    const bool ordered = std::all_of(pairs_.begin(), pairs_.end(), [&](const JsonField& f) {
      return binds.kind == Kind::kObject ? f.kind != Kind::kArray && f.kind != Kind::kObject : true;
    });
    if (!ordered) return;
    for (const JsonField& f : pairs_) {
      BindValue v{f.text, f.kind == Kind::kNull, f.kind == Kind::kNumber};
      if (f.kind == Kind::kArray) {  // [name, value]
        names_.clear();
        if (!json_.values(f, names_) || names_.size() != 2) return values_.clear();
        v = names_[1];
      }
      values_.push_back(v);
    }
    record.has_params = true;
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_;
  bool backslashes_ = false, dos_ = false;
  bool process_is_session_ = false, request_is_session_ = true;
  SqlLines sql_;
  size_t sql_size_ = 0, binds_begin_ = kNone, binds_end_ = kNone;
  bool open_ = false;
  bool sources_ = false;          ///< the log has `↳` lines
  bool after_statement_ = false;  ///< the line before was a statement without its source
  uint64_t line_ = 0;
  JsonLines json_;
  RubyValues decoder_;
  PythonSession session_;
  std::string own_session_, plain_;
  std::vector<BindValue> values_, names_;
  std::vector<JsonField> pairs_;
  std::vector<Tag> tags_;
  std::unordered_map<std::string, Last, TextHash, std::equal_to<>> last_;
  Missing missing_;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  size_t lines = 0, events = 0, others = 0;
  JsonLines json;
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    const std::string_view line = head.substr(at, stop - at);
    at = stop + 1;
    if (trim(line).empty()) continue;
    ++lines;
    if (line.front() == '{' && json.parse(line)) {
      const JsonEvent event = json_event(json);
      if (event.message != nullptr) {
        ++events;
      } else if (event.sql != nullptr) {
        const std::string_view name = json.text({"name", "logger"});
        if (name == "ActiveRecord" || name == "active_record.sql" || name == "active_record") ++events;
      }
      continue;
    }
    if (find_sql_event(line)) {
      ++events;
      continue;
    }
    RailsPrefix prefix;
    const size_t message = read_rails_prefix(line, false, prefix);
    if (is_rails_line(line.substr(std::min(message, line.size()))) || is_rails_line(line)) ++others;
  }
  if (events == 0) return 0;
  const int share = static_cast<int>(980 * (events + others) / lines);
  return std::max(share, 300);
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<ActiveRecordReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"  TRANSACTION (0.1ms)  BEGIN\n"
     "  \xE2\x86\xB3 app/models/order.rb:7:in `block in pay'\n"
     "  Order Load (0.8ms)  SELECT \"orders\".* FROM \"orders\" WHERE \"orders\".\"id\" = $1 LIMIT $2 FOR UPDATE  [[\"id\", 2], "
     "[\"LIMIT\", 1]]\n"
     "  CACHE Order Load (0.0ms)  SELECT \"orders\".* FROM \"orders\" WHERE \"orders\".\"id\" = $1 LIMIT $2  [[\"id\", 2], [\"LIMIT\", "
     "1]]\n"
     "  TRANSACTION (0.3ms)  COMMIT\n"
     "Completed 200 OK in 12ms (ActiveRecord: 1.2ms | Allocations: 3120)\n",
     3},
    {"D, [2026-01-09T10:00:00.208482 #411] DEBUG -- : [0bf1a9b6-7a0e-4e34-9f1c-53e5c22f1d61]    (0.3ms)  SELECT 1\n", 1},
    {"  \x1b[1m\x1b[36mUser Create (6.4ms)\x1b[0m  \x1b[1m\x1b[32mINSERT INTO `users` (`name`) VALUES ('O\\'Neil\n')\x1b[0m\n", 1},
    {"{\"timestamp\":\"2026-01-09T10:00:00.208482Z\",\"level\":\"debug\",\"pid\":411,\"thread\":\"puma "
     "001\",\"name\":\"ActiveRecord\",\"message\":"
     "\"User Load\",\"duration_ms\":0.5,\"payload\":{\"sql\":\"SELECT * FROM users WHERE id = $1\",\"binds\":{\"id\":1}}}\n",
     1},
};

}  // namespace

extern const Format kFormat_activerecord;
const Format kFormat_activerecord = {
    "activerecord",
    "Rails' ActiveRecord at level debug: development.log, tagged, coloured, JSON lines",
    "config.log_level = :debug; config.log_tags = [:request_id]; config.active_record.verbose_query_logs = true",
    Engine::kUnknown,
    "activerecord",
    kSamples,
    score,
    open};

}  // namespace dbaudit
