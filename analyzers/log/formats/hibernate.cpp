// Hibernate ORM's loggers through Logback, Log4j or JBoss LogManager, as text or JSON lines, and `Hibernate: …` of hibernate.show_sql.
//
//   2026-11-20T14:37:19.072Z DEBUG 12715 --- [shop] [nio-8080-exec-1] org.hibernate.SQL           : update acct set bal=? where id=? and version=?
//   2026-11-20T14:37:19.077Z TRACE 12715 --- [shop] [nio-8080-exec-1] org.hibernate.orm.jdbc.bind : binding parameter (1:INTEGER) <- [10]
//
// An entry is everything from one header (java_log_header.h) to the next; hibernate_message.cpp says what its message means. The statement is logged
// when it is prepared, just before it runs: the time is its start, no end and no row count are known. Its parameters follow, one entry each, on the
// same thread: a parameter bound twice begins the next row of a JDBC batch, which is an execution of its own.
//
// The session is the thread (with the process id when the pattern has it). A thread is not a connection, but one unit of work holds one connection and
// stays on one thread; a transaction Spring suspends for an inner one (REQUIRES_NEW) gets a session beside it, `thread#2`.
//
// Transactions: TransactionImpl at DEBUG, or Spring's transaction manager (which announces the same transaction first, with its isolation level).
// `committing` is written before the flush, whose statements follow it; the COMMIT itself is logged only at TRACE (`Transaction committed via JDBC`,
// `afterCompletionCallback(true)`). Without those it is delivered when the thread's next entry shows that the commit is over: the closing of the
// EntityManager, the next begin, or kWindow entries later. A flush that fails turns it into a ROLLBACK.
//
// `SQL Error: 1213, SQLState: 40001` and the message behind it belong to the thread's last statement (of a batch: to its last row). The exception the
// application logs afterwards repeats them and is left alone, and so is org.hibernate.SQL_SLOW, which repeats a statement.

#include <algorithm>
#include <charconv>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/hibernate_message.h"
#include "analyzers/log/formats/java_log_header.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/python_logging.h"
#include "analyzers/log/formats/sql_lines.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

using Kind = HibernateMessage::Kind;
constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kShowSql = "Hibernate:";
constexpr uint64_t kWindow = 256;  ///< entries a statement waits for its parameters, a commit for its end
constexpr size_t kMaxHeld = 1024;  ///< records held back
constexpr size_t kMaxHeldBytes = size_t{8} << 20;
constexpr size_t kMaxThreads = 16384;
constexpr size_t kMaxParams = 65535;  ///< what PostgreSQL's protocol can bind
constexpr int kMaxSwallowed = 64;     ///< lines that look like headers inside one literal, before the literal is doubted
constexpr GatherLimits kLimits{.starts = kMaxSwallowed, .bytes = size_t{64} << 10};

std::string_view json_text(const JsonLines& json, std::string_view what) {
  if (what == "logger") return json.text({"logger_name", "logger", "loggerName", "log.logger", "logger.name"});
  if (what == "message") return json.text({"message", "msg"});
  return json.text({"thread_name", "thread", "threadName", "process.thread.name", "thread.name"});
}

bool is_number_type(std::string_view type) {
  for (const std::string_view name : {"INTEGER", "BIGINT", "SMALLINT", "TINYINT", "DECIMAL", "NUMERIC", "DOUBLE", "FLOAT", "REAL"}) {
    if (type == name) return true;
  }
  return false;
}

bool reads_as_number(std::string_view s) {
  double v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  return error == std::errc() && end == s.data() + s.size();
}

struct Param {
  std::string text;
  bool is_null = false, is_number = false, is_set = false;
};

/// A record that waits for what may still be said of it.
struct Held {
  RecordKind kind = RecordKind::kOther;
  uint64_t line = 0, about_line = 0, entry = 0;
  bool open = false, attaches = false, has_error = false, truncated = false, show_sql = false;
  TimePoint time;
  std::string session, sql, error_code, error_message, trace_id;
  std::vector<Param> params;
};

/// What is known of one thread (or of the one pseudo-thread of a log that names none).
struct Thread {
  uint64_t statement = 0;  ///< number of the record of its last statement; 0 none
  uint64_t statement_line = 0;
  TimePoint last_time;
  bool in_transaction = false, by_spring = false, committing = false, failed = false;
  bool expects_error = false, has_failed_statement = false;
  int depth = 1;            ///< of transactions, the suspended ones included
  std::vector<bool> outer;  ///< in_transaction of those
  uint64_t committing_entry = 0;
  std::string error_code;
};

class HibernateReader final : public RecordReader {
 public:
  HibernateReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), zone_(options.zone_offset_minutes) {
    const std::string_view head = lines_->head();
    HeadFacts facts = look_at(head);
    explicit_ = facts.boundaries;
    // With show_sql beside the logger every statement is printed twice.
    sql_logger_ = facts.sql > 0 && facts.sql * 2 >= facts.shown;
    head_decides_ = facts.sql + facts.shown > 0;
  }

  struct HeadFacts {
    size_t lines = 0, sql = 0, binds = 0, shown = 0, headers = 0;
    int value_lines = 0;
    bool boundaries = false;
  };
  static HeadFacts look_at(std::string_view head);

  bool next(LogRecord& record) override {
    while (true) {
      if (!held_.empty() && is_ready(held_.front())) {
        if (deliver(record)) return true;
        continue;
      }
      if (at_end_) {
        tell_incomplete(missing_, counts_);
        return false;
      }
      if (!read_entry()) {
        at_end_ = true;
        end_pending();
        for (Held& h : held_) h.open = false;
      }
    }
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  bool is_ready(const Held& h) const {
    return !h.open || at_end_ || entry_ - h.entry > kWindow || held_.size() > kMaxHeld || held_bytes_ > kMaxHeldBytes;
  }

  static bool begins_entry(std::string_view line) {
    JavaHeader header;
    return parse_java_header(line, header);
  }

  /// Reads one entry, or one line of none. False at the end of the input.
  bool read_entry() {
    const auto peeked = lines_->peek();
    if (!peeked) return false;
    lines_->mark();
    line_ = lines_->line_number();
    std::string_view first = without_colours(*peeked, plain_);
    if (first.starts_with('{') && json_.parse(first)) {
      lines_->take();
      return read_json();
    }
    if (first.starts_with(kShowSql)) {
      lines_->take();
      read_shown();
      return true;
    }
    if (!parse_java_header(first, header_)) {
      lines_->take();
      if (!after_other_ && !trim(first).empty()) ++counts_.unrecognised_lines;
      return true;
    }
    ++entry_;
    const size_t message_at = header_.message;
    // The header's views are of plain_ or the line; both may go when more lines are read.
    thread_key_.assign(header_.pid);
    if (!thread_key_.empty()) thread_key_ += ':';
    if (header_.thread.empty()) thread_key_.clear();
    thread_key_.append(header_.thread);
    logger_.assign(header_.logger);
    trace_.assign(header_.trace_id);
    const TimePoint time = in_zone(header_.time, zone_);
    HibernateMessage message = read_hibernate_message(logger_, first.substr(std::min(message_at, first.size())));
    lines_->take();
    after_other_ = message.kind != Kind::kSql && message.kind != Kind::kBind && message.kind != Kind::kErrorText;
    bool cut = lines_->record_was_cut();
    if (!after_other_) {
      message = gather(message, message_at, cut);
    }
    handle(message, time, cut);
    return true;
  }

  /// An entry of several lines, while it is gathered into entry_text_. `formatted`: the statement begins on the line behind the header (format_sql).
  struct EntryText {
    HibernateReader& reader;
    Kind kind;
    bool open, formatted;  // open: a bind value that has not ended
    size_t kept = 0;

    bool complete() const { return kind == Kind::kBind && !open; }
    [[nodiscard]] bool in_quote() const { return kind == Kind::kBind ? open : kind == Kind::kSql && reader.sql_.in_quote(); }
    std::string_view plain(std::string_view line) { return without_colours(line, reader.plain_); }
    bool starts(std::string_view line) { return reader.begins_entry(line) || line.starts_with(kShowSql); }
    [[nodiscard]] bool goes_on(std::string_view line) const {
      if (kind == Kind::kErrorText) return !line.empty() && !trim(line).starts_with("at ");
      if (formatted && (line.empty() || line[0] == ' ' || line[0] == '\t')) return true;
      return !line.empty() && reader.sql_.continues(line, Indented::kStatement);
    }
    void add(std::string_view line) {
      reader.entry_text_.append(1, '\n').append(line);
      if (kind == Kind::kSql) reader.sql_.advance(reader.entry_text_);
      if (kind == Kind::kBind && line.ends_with(']')) open = false;
    }
    void swallows() { kept = reader.entry_text_.size(); }
    void give_back() { reader.entry_text_.resize(kept); }
  };

  /// Takes the entry's other lines and reads its message again, whole.
  HibernateMessage gather(const HibernateMessage& first, size_t message_at, bool& cut) {
    // plain_ still holds the first line when it had colours.
    entry_text_.assign(without_colours(lines_->since_mark(), plain_));
    entry_text_.erase(0, std::min(message_at, entry_text_.size()));
    EntryText text{*this, first.kind, first.open, first.kind == Kind::kSql && trim(first.value).empty()};
    sql_.reset();
    if (text.kind == Kind::kSql) sql_.advance(entry_text_);
    const GatheredLines gathered = gather_lines(*lines_, text, kLimits);
    cut |= lines_->record_was_cut() || gathered.given_back || (gathered.cut && text.kind == Kind::kSql);
    return read_hibernate_message(logger_, entry_text_);
  }

  /// `Hibernate: select …`, the statement on the same line or indented on the next.
  void read_shown() {
    ++entry_;
    after_other_ = false;
    entry_text_.assign(without_colours(lines_->since_mark(), plain_).substr(kShowSql.size()));
    EntryText shown{*this, Kind::kSql, false, trim(entry_text_).empty()};
    sql_.reset();
    sql_.advance(entry_text_);
    const GatheredLines gathered = gather_lines(*lines_, shown, kLimits);
    if (sql_logger_) return;  // printed twice
    const std::string_view text = entry_text_;
    if (!starts_like_sql(text)) {
      ++counts_.unrecognised_lines;
      return;
    }
    Held& h = hold(RecordKind::kStatement, {});
    h.sql.assign(trim(text));
    h.truncated = lines_->record_was_cut() || gathered.given_back;
    h.open = true;
    h.show_sql = true;
    shown_number_ = last_number();
    ++shown_open_;
    count_bytes(h.sql.size());
  }

  bool read_json() {
    ++entry_;
    after_other_ = false;
    logger_.assign(json_text(json_, "logger"));
    const HibernateMessage message = read_hibernate_message(logger_, json_text(json_, "message"));
    const std::string_view pid = json_.text({"process.pid", "pid", "process_id", "PID"});
    thread_key_.assign(pid);
    if (!thread_key_.empty()) thread_key_ += ':';
    const std::string_view thread = json_text(json_, "thread");
    if (thread.empty()) thread_key_.clear();
    thread_key_.append(thread);
    trace_.assign(json_.text({"traceId", "trace_id", "trace.id", "mdc.traceId", "contextMap.traceId"}));
    TimePoint time;
    if (const JsonField* f = json_.find({"@timestamp", "timestamp", "time", "timeMillis", "ts"}))
      time = json_time(*f).value_or(TimePoint{});
    if (!time.known()) {
      int64_t seconds = 0, nanos = 0;
      const std::string_view s = json_.text({"instant.epochSecond"}), n = json_.text({"instant.nanoOfSecond"});
      if (std::from_chars(s.data(), s.data() + s.size(), seconds).ec == std::errc() && seconds > 0 && seconds < int64_t{1} << 40) {
        std::from_chars(n.data(), n.data() + n.size(), nanos);
        time.micros = seconds * 1'000'000 + nanos / 1000;
        time.zone_known = true;
        time.tick = 1;
      }
    }
    handle(message, in_zone(time, zone_), false);
    return true;
  }

  Thread& thread() {
    if (threads_.size() >= kMaxThreads && threads_.find(thread_key_) == threads_.end()) {
      end_pending();
      for (Held& h : held_) h.open = false;
      threads_.clear();
    }
    return threads_[thread_key_];
  }

  void session_of(const Thread& t, std::string& out) const {
    out = thread_key_;
    if (t.depth > 1 && !out.empty()) out.append("#").append(std::to_string(t.depth));
  }

  Held& hold(RecordKind kind, TimePoint time) {
    held_.emplace_back();
    Held& h = held_.back();
    h.kind = kind;
    h.line = line_;
    h.entry = entry_;
    h.time = time;
    return h;
  }
  [[nodiscard]] uint64_t last_number() const { return delivered_ + held_.size(); }
  Held* record_of(uint64_t number) { return number > delivered_ ? &held_[static_cast<size_t>(number - delivered_ - 1)] : nullptr; }
  void count_bytes(size_t n) { held_bytes_ += n; }

  void close_statement(const Thread& t) {
    if (Held* h = record_of(t.statement)) h->open = false;
  }

  void boundary(Thread& t, std::string_view sql, TimePoint time) {
    explicit_ = true;
    Held& h = hold(RecordKind::kStatement, time);
    h.sql.assign(sql);
    h.trace_id = trace_;
    session_of(t, h.session);
  }

  /// The commit or rollback that was announced and is over now.
  void end_transaction(Thread& t, TimePoint time) {
    boundary(t, t.failed ? "ROLLBACK" : "COMMIT", time);
    t.in_transaction = t.committing = t.failed = t.by_spring = false;
  }

  void begin(Thread& t, std::string_view isolation, TimePoint time) {
    std::string sql = "BEGIN";
    if (!isolation.empty()) {
      sql += " ISOLATION LEVEL ";
      for (const char c : isolation) sql += c == '_' ? ' ' : c;
    }
    boundary(t, sql, time);
    t.in_transaction = true;
  }

  void handle(const HibernateMessage& m, TimePoint time, bool cut) {
    expire();
    if (m.kind == Kind::kOther) {
      if (m.kind == Kind::kOther && threads_.empty()) return;
      if (const auto it = threads_.find(thread_key_); it != threads_.end() && time.known()) it->second.last_time = time;
      return;
    }
    Thread& t = thread();
    const TimePoint before = t.last_time.known() ? t.last_time : time;
    if (time.known()) t.last_time = time;
    if (m.kind != Kind::kBind && m.kind != Kind::kErrorCode && m.kind != Kind::kErrorText) close_statement(t);
    switch (m.kind) {
      case Kind::kSql: statement(t, m.value, time, cut); break;
      case Kind::kBind: bind(t, m, cut, time); break;
      case Kind::kSpringBegin:
        if (t.committing) end_transaction(t, before);
        begin(t, m.value, time);
        t.by_spring = true;
        break;
      case Kind::kSuspend:
        if (t.outer.size() < 16) {
          t.outer.push_back(t.in_transaction);
          ++t.depth;
          begin(t, {}, time);
          t.by_spring = true;
        }
        break;
      case Kind::kResume:
        if (t.outer.empty()) break;
        if (t.committing) end_transaction(t, time);
        t.in_transaction = t.outer.back();
        t.outer.pop_back();
        --t.depth;
        break;
      case Kind::kBegin:
        // Spring's line, then TransactionImpl's, then the JDBC connection's tell of one transaction.
        if (t.committing) {
          end_transaction(t, before);
        } else if (t.by_spring || (t.in_transaction && ends_with_implementor())) {
          if (!ends_with_implementor()) t.by_spring = false;
          break;
        }
        begin(t, {}, time);
        break;
      case Kind::kCommitting:
        if (!t.committing) {
          t.committing = true;
          t.failed = false;
          t.committing_entry = entry_;
          committing_.push_back(thread_key_);
        }
        break;
      case Kind::kCommitted:
        if (t.committing || t.in_transaction) {
          t.failed = false;
          end_transaction(t, time);
        }
        break;
      case Kind::kAfterEnd:
        if (t.committing) end_transaction(t, time);
        t.by_spring = false;
        break;
      case Kind::kRollback:
        if (t.committing || t.in_transaction) {
          t.failed = true;
          end_transaction(t, time);
        }
        break;
      case Kind::kErrorCode:
        t.expects_error = true;
        t.error_code.assign(m.value);
        break;
      case Kind::kErrorText: error(t, m.value, time); break;
      case Kind::kOther: break;
    }
  }

  [[nodiscard]] bool ends_with_implementor() const { return logger_.find("LogicalConnection") != std::string::npos; }

  void statement(Thread& t, std::string_view sql, TimePoint time, bool cut) {
    sql = trim(sql);
    if (sql.empty()) return;
    if (!head_decides_) sql_logger_ = true;
    Held& h = hold(RecordKind::kStatement, time);
    h.sql.assign(sql);
    if (h.sql.find('\r') != std::string::npos) h.sql.erase(std::remove(h.sql.begin(), h.sql.end(), '\r'), h.sql.end());
    h.truncated = cut;
    h.open = true;
    h.trace_id = trace_;
    session_of(t, h.session);
    count_bytes(h.sql.size());
    t.statement = last_number();
    t.statement_line = line_;
    t.has_failed_statement = false;
    t.expects_error = false;
  }

  void bind(Thread& t, const HibernateMessage& m, bool cut, TimePoint time) {
    Held* h = record_of(t.statement);
    if (shown_open_ > 0 && (h == nullptr || !h->open || shown_number_ > t.statement)) {
      // `Hibernate: …` names no thread. When only one statement waits, this parameter is its own, and so is this thread.
      Held* shown = shown_open_ == 1 ? record_of(shown_number_) : nullptr;
      shown_open_ = 0;
      if (shown != nullptr && shown->open) {
        session_of(t, shown->session);
        shown->time = time;
        close_statement(t);
        t.statement = shown_number_;
        t.statement_line = shown->line;
        h = shown;
      }
    }
    if (h == nullptr || !h->open || h->kind != RecordKind::kStatement || m.index == 0 || m.index > kMaxParams) return;
    const size_t at = m.index - 1;
    if (at < h->params.size() && h->params[at].is_set) {
      // The same parameter again: the next row of a batch.
      h->open = false;
      const std::string sql = h->sql, session = h->session;
      Held& row = hold(RecordKind::kStatement, time);
      row.sql = sql;
      row.session = session;
      row.trace_id = trace_;
      row.open = true;
      count_bytes(sql.size());
      t.statement = last_number();
      t.statement_line = line_;
      h = &row;
    }
    if (h->params.size() <= at) h->params.resize(at + 1);
    Param& p = h->params[at];
    p.text.assign(m.value);
    p.is_set = true;
    p.is_null = m.is_null;
    p.is_number = !m.is_null && is_number_type(m.type) && reads_as_number(m.value);
    if (cut || m.open) h->truncated = true;
    count_bytes(p.text.size() + sizeof(Param));
  }

  void error(Thread& t, std::string_view text, TimePoint time) {
    if (!t.expects_error) return;
    t.expects_error = false;
    if (t.has_failed_statement) return;  // the next of a chain of exceptions
    if (t.committing) t.failed = true;
    t.has_failed_statement = true;
    text = trim(text);
    if (Held* h = record_of(t.statement); h != nullptr && t.statement != 0) {
      h->has_error = true;
      h->open = false;
      h->error_code = t.error_code;
      h->error_message.assign(text);
      return;
    }
    Held& h = hold(RecordKind::kError, time);
    h.has_error = true;
    h.attaches = t.statement != 0;
    h.about_line = t.statement_line;
    h.error_code = t.error_code;
    h.error_message.assign(text);
    session_of(t, h.session);
  }

  /// Commits whose thread says no more.
  void expire() {
    while (!committing_.empty()) {
      const auto it = threads_.find(committing_.front());
      if (it != threads_.end() && it->second.committing) {
        if (entry_ - it->second.committing_entry <= kWindow) return;
        finish_commit(it->first, it->second);
      }
      committing_.pop_front();
    }
  }
  void end_pending() {
    for (const std::string& key : committing_) {
      const auto it = threads_.find(key);
      if (it != threads_.end() && it->second.committing) finish_commit(it->first, it->second);
    }
    committing_.clear();
  }
  void finish_commit(const std::string& key, Thread& t) {
    const std::string kept = std::exchange(thread_key_, key);
    trace_.clear();
    close_statement(t);
    end_transaction(t, t.last_time);
    thread_key_ = kept;
  }

  bool deliver(LogRecord& record) {
    current_ = std::move(held_.front());
    held_.pop_front();
    ++delivered_;
    size_t bytes = current_.sql.size();
    record = LogRecord{};
    record.kind = current_.kind;
    record.line = current_.line;
    record.session = current_.session;
    record.time = current_.time;
    record.sql = current_.sql;
    record.truncated = current_.truncated;
    record.attaches = current_.attaches;
    record.about_line = current_.about_line;
    record.has_error = current_.has_error;
    record.error_code = current_.error_code;
    record.error_message = current_.error_message;
    values_.clear();
    for (const Param& p : current_.params) {
      values_.push_back({p.text, p.is_null, p.is_number});
      bytes += p.text.size() + sizeof(Param);
    }
    held_bytes_ -= std::min(held_bytes_, bytes);
    record.params = values_;
    record.has_params = !values_.empty();
    tags_.clear();
    if (!current_.trace_id.empty()) tags_.push_back({"trace_id", current_.trace_id});
    record.tags = tags_;
    ++counts_.records;
    if (current_.show_sql && shown_number_ == delivered_) shown_open_ = 0;
    if (current_.kind != RecordKind::kStatement) return true;
    record.tx_boundary = explicit_ ? TxBoundary::kExplicit : TxBoundary::kUnknown;
    if (!explicit_) missing_.boundaries = true;
    ++counts_.statements;
    if (record.truncated) ++counts_.truncated_statements;
    if (record.session.empty()) missing_.session = true;
    if (!record.time.known()) missing_.time = true;
    if (!record.has_params && current_.sql.find('?') != std::string::npos) missing_.parameters = true;
    return true;
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_;
  uint64_t line_ = 0, entry_ = 0;
  JavaHeader header_;
  JsonLines json_;
  SqlLines sql_;
  std::string plain_, entry_text_, thread_key_, logger_, trace_;
  bool after_other_ = true, at_end_ = false;
  std::unordered_map<std::string, Thread> threads_;
  std::deque<std::string> committing_;
  std::deque<Held> held_;
  size_t held_bytes_ = 0;
  uint64_t delivered_ = 0;  // record number n (from 1) is held_[n - delivered_ - 1]
  uint64_t shown_number_ = 0;
  int shown_open_ = 0;
  Held current_;
  std::vector<BindValue> values_;
  std::vector<Tag> tags_;
  bool explicit_ = false, sql_logger_ = false, head_decides_ = false;
  Missing missing_;
  ReaderCounts counts_;
};

HibernateReader::HeadFacts HibernateReader::look_at(std::string_view head) {
  HeadFacts facts;
  const bool whole = head.size() < (size_t{64} << 10) || head.back() == '\n';
  std::string plain;
  JavaHeader header;
  JsonLines json;
  bool in_value = false;  // of a parameter: lines that look like entries are its text
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    const std::string_view raw = head.substr(at, stop - at);
    at = stop + 1;
    if (stop == head.size() && !whole) break;
    const std::string_view line = without_colours(raw.ends_with('\r') ? raw.substr(0, raw.size() - 1) : raw, plain);
    if (trim(line).empty()) continue;
    if (std::exchange(in_value, in_value && !line.ends_with(']') && ++facts.value_lines < kMaxSwallowed)) continue;
    if (line.starts_with(kShowSql)) {
      const std::string_view sql = trim(line.substr(kShowSql.size()));
      ++facts.lines;
      ++facts.headers;
      if (sql.empty() ? at < head.size() && (head[at] == ' ' || head[at] == '\x1b') : starts_like_sql(sql)) ++facts.shown;
      continue;
    }
    HibernateMessage message;
    bool is_sql = false;
    if (line.starts_with('{') && json.parse(line)) {
      message = read_hibernate_message(json_text(json, "logger"), json_text(json, "message"));
      is_sql = message.kind == Kind::kSql && starts_like_sql(message.value);
    } else if (parse_java_header(line, header)) {
      message = read_hibernate_message(header.logger, line.substr(std::min(header.message, line.size())));
      // With format_sql the statement is on the next line.
      is_sql = message.kind == Kind::kSql && (trim(message.value).empty() || starts_like_sql(message.value));
    } else {
      ++facts.lines;
      continue;
    }
    ++facts.lines;
    ++facts.headers;
    if (message.kind == Kind::kBind && message.open) in_value = true;
    if (is_sql) ++facts.sql;
    if (message.kind == Kind::kBind) ++facts.binds;
    if (message.kind == Kind::kBegin || message.kind == Kind::kSpringBegin || message.kind == Kind::kCommitting ||
        message.kind == Kind::kCommitted || message.kind == Kind::kRollback)
      facts.boundaries = true;
  }
  return facts;
}

/// Hibernate's logger with a statement behind it is nobody else's; the other lines of an application's log say nothing against it.
int score(std::string_view head, const ReaderOptions&) {
  if (head.find("ibernate") == kNone && head.find("SQL") == kNone) return 0;
  const HibernateReader::HeadFacts facts = HibernateReader::look_at(head);
  if (facts.sql + facts.shown == 0) return 0;
  const size_t ours = facts.sql + facts.binds + facts.shown;
  return static_cast<int>(650 + 300 * std::min(ours, facts.headers) / facts.headers);
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<HibernateReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"2026-11-20T14:37:19.072Z DEBUG 12715 --- [shop] [nio-8080-exec-1] org.hibernate.SQL                        : update acct set bal=? "
     "where id=?\n"
     "2026-11-20T14:37:19.077Z TRACE 12715 --- [shop] [nio-8080-exec-1] org.hibernate.orm.jdbc.bind              : binding parameter "
     "(1:INTEGER) <- [10]\n"
     "2026-11-20T14:37:19.078Z TRACE 12715 --- [shop] [nio-8080-exec-1] org.hibernate.orm.jdbc.bind              : binding parameter "
     "(2:BIGINT) <- [3]\n",
     1},
    {"14:37:19.021 [main] DEBUG org.hibernate.SQL - insert into acct (bal, id) values (?, ?)\n"
     "14:37:19.022 [main] TRACE o.h.type.descriptor.sql.BasicBinder - binding parameter [1] as [INTEGER] - [10]\n"
     "14:37:19.022 [main] TRACE o.h.type.descriptor.sql.BasicBinder - binding parameter [2] as [BIGINT] - [1]\n"
     "14:37:19.023 [main] TRACE o.h.type.descriptor.sql.BasicBinder - binding parameter [1] as [INTEGER] - [20]\n"
     "14:37:19.023 [main] TRACE o.h.type.descriptor.sql.BasicBinder - binding parameter [2] as [BIGINT] - [2]\n",
     2},
    {"2026-11-20 14:37:19,123 DEBUG [org.hibernate.SQL] (default task-1) \n    select\n        a1_0.bal \n    from\n        acct a1_0\n",
     1},
    {"Hibernate: select next_val as id_val from acct_seq for update\nHibernate: update acct_seq set next_val= ? where next_val=?\n", 2},
    {"{\"@timestamp\":\"2026-11-20T14:37:19.733Z\",\"message\":\"delete from acct where "
     "id=?\",\"logger_name\":\"org.hibernate.SQL\",\"thread_name\":"
     "\"main\",\"level\":\"DEBUG\"}\n",
     1},
};

}  // namespace

extern const Format kFormat_hibernate;
const Format kFormat_hibernate = {"hibernate",
                                  "Hibernate 4 to 7: org.hibernate.SQL with binders, text or JSON, and show_sql",
                                  "logging.level.org.hibernate.SQL=DEBUG, logging.level.org.hibernate.orm.jdbc.bind=TRACE (5: "
                                  "org.hibernate.type.descriptor.sql.BasicBinder), logging.level.org.hibernate.resource=TRACE, "
                                  "logging.level.org.springframework.orm.jpa.JpaTransactionManager=DEBUG",
                                  Engine::kUnknown,
                                  "hibernate",
                                  kSamples,
                                  score,
                                  open};

}  // namespace dbaudit
