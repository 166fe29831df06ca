// SQLAlchemy's `sqlalchemy.engine` logger (echo=True, or logging), through any formatter or as JSON lines.
//
// A statement is two records, its SQL and its parameters, written one after the other by one thread; other threads write between them. So a statement
// waits until its parameters come, and everything behind it waits with it: records leave in the order of the file. Where no formatter names the thread,
// parameters go to the waiting statement whose placeholders they fit. A text that only begins like SQL and never gets its parameters is some program's
// own line, unless the logger's name says otherwise.
//
// What the log says of transactions is what SQLAlchemy asks of the driver. `BEGIN (implicit)` is a real transaction from the next statement on, but:
// in autocommit mode (the line says so) there is none; SQLAlchemy 1.x without a Session commits single statements without a BEGIN; and Python's sqlite3
// sends BEGIN before the first INSERT, UPDATE, DELETE or REPLACE only, so a SELECT in front of it stands outside. Failed statements look like others.
// The isolation level is never logged.

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/python_json.h"
#include "analyzers/log/formats/python_logging.h"
#include "analyzers/log/formats/sql_lines.h"
#include "analyzers/log/formats/sqlalchemy_entry.h"
#include "analyzers/log/formats/sqlalchemy_message.h"
#include "analyzers/log/formats/sqlalchemy_parameters.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"
#include "analyzers/log/source.h"

namespace dbaudit {
namespace {

using Kind = SqlalchemyKind;

constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kLogger = "sqlalchemy", kEngineLogger = "sqlalchemy.engine";
constexpr std::string_view kCutSql = " characters truncated ... ";
constexpr std::string_view kCutValue = " characters truncated) ... ";
constexpr size_t kMaxQueue = 512;              ///< entries behind a statement that waits for its parameters
constexpr size_t kMaxQueueBytes = 64U << 20;   ///< of their text
constexpr size_t kMaxSessions = 16'384;        ///< whose state is kept
constexpr size_t kMaxLoose = 64;               ///< statements of unknown threads that wait at once
constexpr size_t kMaxParameterLines = 10'000;  ///< of one repr (arrays print newlines)

constexpr PythonMessages kMessages{kEngineLogger, "base", find_sqlalchemy_message};

std::string_view trimmed_front(std::string_view s) {
  const size_t at = s.find_first_not_of(" \t\r\n");
  return at == kNone ? std::string_view() : s.substr(at);
}

class SqlalchemyReader final : public RecordReader {
 public:
  SqlalchemyReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), zone_(options.zone_offset_minutes) {
    const std::string_view head = lines_->head();
    json_ = is_python_json(head, kMessages);
    if (!json_) {
      layouts_ = learn_python_layouts(head, kMessages);
      find_double(head);
    }
    sqlite_ = options.engine == Engine::kSqlite || (options.engine == Engine::kUnknown && looks_like_sqlite(head));
    if (sqlite_) counts_.engine = Engine::kSqlite;
    if (head.find("pg_catalog.version()") != kNone) counts_.engine = Engine::kPostgres;
  }

  bool next(LogRecord& record) override {
    while (true) {
      if (more_executions(record)) return true;
      if (!queue_.empty() && deliver(record)) return true;
      if (!queue_.empty() && queue_.front().state != SqlalchemyEntry::State::kWaiting) continue;
      if (at_end_) {
        tell_incomplete(missing_, counts_);
        return false;
      }
      if (json_ ? !read_json() : !read_text()) end();
    }
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

  /// As Format::score, of what was read.
  [[nodiscard]] int confidence() const {
    if (sure_ == 0) return 0;
    const uint64_t all = counts_.records + counts_.unrecognised_lines;
    return static_cast<int>(600 + 400 * std::min(own_, all) / all);
  }

 private:
  // --- Lines into messages -----------------------------------------------------------------------------------------------------------------

  struct Start {
    bool found = false;
    bool named = false;  // the logger's name is there to tell whose record it is
    size_t message = 0, layout = 0;
  };

  Start start_of(std::string_view line, bool tags) {
    for (size_t i = 0; i < layouts_.size(); ++i) {
      const PythonLayout& layout = layouts_[i];
      const auto message = layout.match(line, prefix_, tags ? &tags_ : nullptr);
      if (!message) continue;
      if (layout.is_strong() && !layout.is_bare()) return {true, !prefix_.logger.empty(), *message, i};
      const std::string_view text = line.substr(*message);
      if (layout.is_bare() ? starts_bare(text) : text.empty() || parse_sqlalchemy_message(text).kind != Kind::kOther)
        return {true, false, *message, i};
    }
    return {};
  }

  /// In a log of bare messages: a line that only SQLAlchemy writes, or that begins like SQL at its first column.
  static bool starts_bare(std::string_view line) {
    if (line.empty() || line[0] == ' ' || line[0] == '\t' || line[0] == '(' || line[0] == '-' || line[0] == '/') return false;
    return parse_sqlalchemy_message(line).kind != Kind::kOther;
  }

  /// echo=True beside a configured root logger writes every record twice, in two formats. Such a layout is passed over.
  void find_double(std::string_view head) {
    if (layouts_.size() < 2) return;
    std::vector<size_t> total(layouts_.size()), twice(layouts_.size());
    std::string_view last;
    size_t last_layout = 0;
    for (size_t at = 0; at < head.size();) {
      const size_t stop = std::min(head.find('\n', at), head.size());
      const std::string_view line = head.substr(at, stop - at);
      at = stop + 1;
      const Start start = start_of(line, false);
      if (!start.found) continue;
      const std::string_view message = line.substr(start.message);
      ++total[start.layout];
      if (start.layout != last_layout && message == last && !message.empty()) {
        ++twice[start.layout];
        last = {};
      } else {
        last = message;
      }
      last_layout = start.layout;
    }
    for (size_t i = 0; i < layouts_.size(); ++i) {
      if (twice[i] < 2 || twice[i] * 2 < total[i]) continue;
      // The layout that tells sessions apart is the better of the two.
      size_t drop = i;
      for (size_t j = 0; j < layouts_.size(); ++j) {
        if (j != i && total[j] >= twice[i] && layouts_[i].has_session() && !layouts_[j].has_session()) drop = j;
      }
      double_ = drop;
      return;
    }
  }

  bool read_text() {
    const auto line = lines_->peek();
    if (!line) return false;
    lines_->mark();
    line_ = lines_->line_number();
    if (layouts_.empty()) layouts_ = learn_python_layouts(*line, kMessages);  // the head had no message
    const Start start = start_of(*line, true);
    if (!start.found) {
      // Goes on with an entry of another logger (a traceback), or belongs to none.
      if (!in_other_ && line->find_first_not_of(" \t") != kNone) ++counts_.unrecognised_lines;
      const bool blank = line->empty();
      lines_->take();
      if (blank && !in_other_) read_ddl();
      return true;
    }
    in_other_ = false;
    const bool foreign = start.named && prefix_.logger != "root" && !prefix_.logger.starts_with(kLogger);
    Kind kind = foreign ? Kind::kOther : parse_sqlalchemy_message(line->substr(start.message)).kind;
    const bool empty = !foreign && start.message >= line->size();  // DDL begins with a newline
    const bool token_only = !foreign && kind == Kind::kOther && line->ends_with("] ") && line->substr(start.message).starts_with('[');
    if (empty || token_only) kind = Kind::kStatement;
    const bool bare = layouts_[start.layout].is_bare();
    headed_ = layouts_[start.layout].is_strong() && !bare;
    lines_->take();
    lines_of_entry_ = 1;
    bool cut = false;
    if (kind == Kind::kStatement) {
      cut = !gather_statement(start.message, bare);
    } else if (kind == Kind::kParameters) {
      gather_parameters(start.message);
    }
    cut |= lines_->record_was_cut();
    const std::string_view text = lines_->since_mark();
    // What ends behind the last line taken may have been given back.
    const std::string_view message = text.substr(std::min(start.message, text.size()));
    in_other_ = kind == Kind::kOther;
    ++counts_.records;
    if (start.layout == double_) return true;
    if (foreign) {
      push(RecordKind::kOther, session_key({}));
      return true;
    }
    on_message(message, start.named && prefix_.logger.starts_with(kEngineLogger), cut);
    return true;
  }

  /// Bare messages: DDL begins with an empty line.
  void read_ddl() {
    const auto line = lines_->peek();
    if (!line || layouts_.empty() || !std::any_of(layouts_.begin(), layouts_.end(), [](const auto& l) { return l.is_bare(); })) return;
    if (!starts_like_sql(*line) || parse_sqlalchemy_message(*line).kind != Kind::kStatement) return;
    line_ = lines_->line_number();
    lines_->take();
    lines_of_entry_ = 1;
    prefix_ = PythonPrefix{};
    tags_.clear();
    headed_ = false;
    const bool whole = gather_statement(0, true);
    ++counts_.records;
    on_message(lines_->since_mark(), false, !whole || lines_->record_was_cut());
  }

  struct StatementText : VerbatimStatement {
    SqlalchemyReader& reader;
    bool bare;
    bool is_found = false;  // the line looked at begins an entry, were it not for its words
    uint32_t kept = 0;

    std::string_view plain(std::string_view line) {
      is_found = reader.start_of(line, false).found;
      return line;
    }
    bool goes_on(std::string_view line) { return is_found || trim(text()).empty() || sql.continues(line, Indented::kStatement); }
    /// Nothing but its words tells whether a bare line that begins like SQL begins a statement.
    bool starts(std::string_view line) {
      return is_found && !(bare && parse_sqlalchemy_message(line).kind == Kind::kStatement && !sql.is_followed_by(text(), line));
    }
    void add(std::string_view) {
      ++reader.lines_of_entry_;
      sql.advance(text());
    }
    void swallows() { kept = reader.lines_of_entry_; }
    void give_back() { reader.lines_of_entry_ = kept; }
  };

  /// Takes the lines that go on with the statement whose first line is taken. False when it ends inside a literal.
  bool gather_statement(size_t message, bool bare) {
    sql_.reset();
    StatementText text{{*lines_, sql_, message}, *this, bare};
    sql_.advance(text.text());
    const PythonPrefix prefix = prefix_;  // looking at other lines overwrites it
    const GatheredLines gathered = gather_lines(*lines_, text, {.starts_at_end = 1});
    prefix_ = prefix;
    return !gathered.cut;
  }

  /// The repr of some object may have newlines in it.
  void gather_parameters(size_t message) {
    const std::string_view first = lines_->since_mark().substr(message);
    const size_t stats = sqlalchemy_stats_length(first, 0);
    if (stats == 0 || !is_open_python_repr(first, stats)) return;
    const PythonPrefix prefix = prefix_;
    const size_t begin = lines_->offset();
    const uint64_t begin_line = lines_->line_number();
    size_t step = 1, taken = 0;
    bool closed = false;
    while (const auto line = lines_->peek()) {
      if (start_of(*line, false).found || ++taken > kMaxParameterLines) break;
      const bool may_close = line->find_first_of(")]}") != kNone;
      lines_->take();
      // Looking again from the beginning: at lengths that double, so that it stays linear.
      if (may_close && (taken < 16 || taken >= step * 2)) {
        step = taken;
        closed = !is_open_python_repr(lines_->since_mark().substr(message), stats);
        if (closed) break;
      }
    }
    prefix_ = prefix;
    if (!closed && !lines_->record_was_cut() && taken > 0) lines_->rewind(begin, begin_line);
  }

  bool read_json() {
    const auto line = lines_->peek();
    if (!line) return false;
    lines_->mark();
    line_ = lines_->line_number();
    lines_->take();
    lines_of_entry_ = 1;
    headed_ = true;
    if (line->find_first_not_of(" \t") == kNone) return true;
    if (!json_lines_.parse(*line)) {
      ++counts_.unrecognised_lines;
      return true;
    }
    const PythonJsonRecord entry = read_python_json(json_lines_);
    prefix_ = entry.prefix;
    ++counts_.records;
    tags_.clear();
    if (!prefix_.request.empty()) tags_.push_back({"request_id", prefix_.request});
    const bool named = !prefix_.logger.empty() && prefix_.logger != "root";
    if (named && !prefix_.logger.starts_with(kLogger)) {
      push(RecordKind::kOther, session_key({}));
    } else {
      on_message(entry.message, prefix_.logger.starts_with(kEngineLogger), false);
    }
    return true;
  }

  // --- Messages into entries ---------------------------------------------------------------------------------------------------------------

  std::string_view session_key(std::string_view token) { return session_.key(prefix_.process, prefix_.thread, prefix_.request, token); }

  SqlalchemySession& session(std::string_view key) {
    if (last_session_ != nullptr && last_key_ == key) return *last_session_;
    last_key_.assign(key);
    const auto found = sessions_.find(last_key_);
    if (found != sessions_.end()) {
      last_session_ = &found->second;
      return *last_session_;
    }
    if (sessions_.size() >= kMaxSessions) {
      for (auto s = sessions_.begin(); s != sessions_.end();)
        s = s->second.waiting == nullptr && !s->first.empty() ? sessions_.erase(s) : std::next(s);
    }
    last_session_ = &sessions_[last_key_];
    return *last_session_;
  }

  SqlalchemyEntry& push(RecordKind kind, std::string_view key) {
    if (free_.empty()) {
      queue_.emplace_back();
    } else {
      queue_.push_back(std::move(free_.back()));
      free_.pop_back();
    }
    SqlalchemyEntry& e = queue_.back();
    e.state = SqlalchemyEntry::State::kReady;
    e.certain = e.begin_before = e.twophase = e.doubtful = e.has_parameters = e.hidden = false;
    e.headed = headed_;
    e.owner = nullptr;
    e.lines = lines_of_entry_;
    e.session.assign(key);
    e.sql.clear();
    e.parameters.clear();
    e.record = LogRecord{};
    e.record.kind = kind;
    e.record.line = line_;
    e.record.time = prefix_.time;
    e.tag_count = 0;
    if (kind == RecordKind::kStatement) {
      e.record.tx_boundary = TxBoundary::kExplicit;
      for (const Tag& t : tags_) tag(e, t.name, t.value);
    }
    return e;
  }

  static void tag(SqlalchemyEntry& e, std::string_view name, std::string_view value) {
    if (e.tag_count == e.tags.size()) e.tags.emplace_back();
    e.tags[e.tag_count].first.assign(name);
    e.tags[e.tag_count].second.assign(value);
    ++e.tag_count;
  }

  void push_control(SqlalchemySession& s, std::string_view key, std::string_view sql, std::string_view token) {
    SqlalchemyEntry& e = push(RecordKind::kStatement, key);
    e.sql.assign(sql);
    e.certain = true;
    describe(e, s, token);
  }

  static void describe(SqlalchemyEntry& e, const SqlalchemySession& s, std::string_view token) {
    if (!token.empty()) tag(e, "logging_token", token);
    if (!s.connection.empty()) tag(e, "connection", s.connection);
  }

  void on_message(std::string_view message, bool certain, bool cut) {
    const SqlalchemyMessage m = parse_sqlalchemy_message(message);
    const std::string_view key = session_key(m.token);
    const bool known = !key.empty();
    SqlalchemySession& s = session(key);
    if (m.kind != Kind::kParameters && m.kind != Kind::kOther && m.kind != Kind::kPool) {
      if (m.kind != Kind::kColumns && m.kind != Kind::kRow) end_rows(s, key);
      if (known) settle(s, m.kind == Kind::kStatement && istarts_with(trimmed_front(m.body), "XA "));
    }
    if (m.kind != Kind::kParameters && m.kind != Kind::kOther) s.after_boundary = false;
    own_ += m.kind != Kind::kOther ? 1 : 0;
    sure_ += m.kind == Kind::kBegin || m.kind == Kind::kBeginTwophase || m.kind == Kind::kAutocommitBegin ? 1 : 0;
    switch (m.kind) {
      case Kind::kBegin:
      case Kind::kBeginTwophase:
        s.autocommit = false;
        s.saw_boundary = true;
        s.twophase = m.kind == Kind::kBeginTwophase;
        if (sqlite_) {
          s.open = 0;
          push(RecordKind::kOther, key);
        } else {
          s.open = std::min<uint32_t>(s.open + 1, 1U << 20);
          push_control(s, key, "BEGIN", m.token);
          if (m.kind == Kind::kBeginTwophase && known) {
            SqlalchemyEntry& e = queue_.back();
            e.twophase = true;
            e.state = SqlalchemyEntry::State::kWaiting;
            e.owner = &s;
            s.waiting = &e;
          }
        }
        break;
      case Kind::kAutocommitBegin:
        s.autocommit = true;
        s.saw_boundary = true;
        s.open = 0;
        push(RecordKind::kOther, key);
        break;
      case Kind::kNoEffect:
        s.after_boundary = true;
        push(RecordKind::kOther, key);
        break;
      case Kind::kCommit:
      case Kind::kRollback: {
        // Without a transaction there is nothing to end: 1.x commits a single statement so, sqlite3 was never asked to begin.
        const bool real = s.open > 0 || (!sqlite_ && (!known || !s.saw_boundary));
        if (s.open > 0) --s.open;
        s.saw_boundary = s.after_boundary = true;
        s.twophase = false;
        push_control(s, key, m.kind == Kind::kCommit ? "COMMIT" : "ROLLBACK", m.token);
        if (!real && !known) queue_.back().record.kind = RecordKind::kOther;
        if (!real && known) {
          SqlalchemyEntry& e = queue_.back();
          e.doubtful = true;
          e.state = SqlalchemyEntry::State::kWaiting;
          e.owner = &s;
          s.waiting = &e;
        }
        break;
      }
      case Kind::kStatement: on_statement(s, key, m, certain, cut); break;
      case Kind::kParameters: on_parameters(s, key, m); break;
      case Kind::kColumns:
      case Kind::kRow:
        if (s.statement_line != 0 && s.waiting == nullptr && loose_.empty()) {
          s.rows = std::max<int64_t>(s.rows, 0) + (m.kind == Kind::kRow ? 1 : 0);
          s.row_line = line_;
        }
        push(RecordKind::kOther, key);
        break;
      case Kind::kPool: on_pool(s, key, message); break;
      case Kind::kOther: push(RecordKind::kOther, key); break;
    }
  }

  void on_statement(SqlalchemySession& s, std::string_view key, const SqlalchemyMessage& m, bool certain, bool cut) {
    SqlalchemyEntry& e = push(RecordKind::kStatement, key);
    e.sql.assign(m.body);
    queue_bytes_ += e.sql.size();
    e.certain = certain;
    e.record.truncated = cut || m.body.find(kCutSql) != kNone;
    describe(e, s, m.token);
    if (sqlite_ && !s.autocommit && s.open == 0 && begins_sqlite_transaction(e.sql)) {
      e.begin_before = true;
      s.open = 1;
    } else if (sqlite_ && s.open == 0 && (istarts_with(e.sql, "BEGIN") || istarts_with(e.sql, "SAVEPOINT "))) {
      s.open = 1;
    }
    e.state = SqlalchemyEntry::State::kWaiting;
    e.owner = &s;
    s.rows = -1;
    s.statement_line = line_;
    if (!key.empty()) {
      s.waiting = &e;
      return;
    }
    loose_.push_back(&e);
    if (loose_.size() > kMaxLoose) give_up(*loose_.front());
  }

  void on_parameters(SqlalchemySession& s, std::string_view key, const SqlalchemyMessage& m) {
    SqlalchemyEntry* e = nullptr;
    if (!key.empty()) {
      e = s.waiting;
      if (e != nullptr && !e->certain && !m.hidden && !e->twophase && !e->record.truncated) {
        parameters_.open(e->sql, m.body);  // some program's own line, and the parameters of a statement that is not there
        if (!parameters_.fits() && !m.stats) e = nullptr;
      }
    } else {
      e = loose_statement(m);
      const bool empty = !m.hidden && m.body.size() <= 2;
      if (e == nullptr && m.stats && !loose_.empty() && !empty) e = loose_.back();
      if (e == nullptr && empty) s.after_boundary = true;  // of one of the COMMITs seen
    }
    if (e == nullptr || e->twophase) {
      // Of a COMMIT or ROLLBACK that was executed as text.
      if (!s.after_boundary) counts_.unrecognised_lines += lines_of_entry_;
      push(RecordKind::kOther, key);
      return;
    }
    ++sure_;
    e->doubtful = false;
    e->has_parameters = true;
    e->certain = true;
    e->hidden = m.hidden;
    if (m.hidden) {
      missing_.parameters = true;
    } else {
      e->parameters.assign(m.body);
      queue_bytes_ += m.body.size();
    }
    release(*e);
  }

  /// Whose parameters they are, where nothing names the thread: of the last statement waiting that they fit.
  SqlalchemyEntry* loose_statement(const SqlalchemyMessage& m) {
    SqlalchemyEntry* unlikely = nullptr;
    for (size_t i = loose_.size(); i-- > 0;) {
      SqlalchemyEntry& e = *loose_[i];
      parameters_.open(e.sql, m.hidden ? std::string_view() : m.body);
      if (!m.hidden && !e.record.truncated && !parameters_.fits()) continue;
      if (!parameters_.one_of_many()) return &e;
      if (unlikely == nullptr) unlikely = &e;
    }
    return unlikely == nullptr ? nullptr : swapped(*unlikely, m.body);
  }

  /// Many rows fit the waiting INSERT, but it gives rows back. When another thread's INSERT of the same columns, which does not, took one row behind it,
  /// the two have each other's parameters.
  SqlalchemyEntry* swapped(SqlalchemyEntry& waiting, std::string_view many) {
    for (SqlalchemyEntry& e : queue_) {
      if (e.state != SqlalchemyEntry::State::kReady || !e.has_parameters || e.hidden || !e.session.empty() || e.record.truncated) continue;
      parameters_.open(e.sql, many);
      if (!parameters_.fits() || parameters_.one_of_many()) continue;
      parameters_.open(waiting.sql, e.parameters);
      if (!parameters_.fits() || parameters_.one_of_many() || parameters_.executions() != 1) continue;
      waiting.parameters = std::move(e.parameters);
      waiting.has_parameters = waiting.certain = true;
      release(waiting);
      return &e;
    }
    return &waiting;
  }

  /// The statement waits no longer.
  void release(SqlalchemyEntry& e) {
    if (e.owner != nullptr && e.owner->waiting == &e) e.owner->waiting = nullptr;
    const auto loose = std::find(loose_.begin(), loose_.end(), &e);
    if (loose != loose_.end()) loose_.erase(loose);
    e.state = SqlalchemyEntry::State::kReady;
  }

  /// Its parameters will not come.
  void give_up(SqlalchemyEntry& e) {
    release(e);
    if (std::exchange(e.doubtful, false)) e.record.kind = RecordKind::kOther;
    if (e.certain) return;
    if (own_ > 0) --own_;
    e.state = SqlalchemyEntry::State::kDropped;
    if (!e.headed) counts_.unrecognised_lines += e.lines;
    if (e.begin_before && e.owner != nullptr) e.owner->open = 0;
  }

  void settle(SqlalchemySession& s, bool xa) {
    if (s.waiting == nullptr) return;
    if (s.waiting->twophase && xa) {
      s.waiting->record.kind = RecordKind::kOther;
      s.open = 0;
      release(*s.waiting);
    } else {
      give_up(*s.waiting);
    }
  }

  void end_rows(SqlalchemySession& s, std::string_view key) {
    if (s.rows < 0) return;
    SqlalchemyEntry& e = push(RecordKind::kCompletion, key);
    e.record.rows = s.rows;
    e.record.attaches = true;
    e.record.about_line = s.statement_line;
    e.record.line = s.row_line;
    e.record.time = {};
    s.rows = -1;
    s.statement_line = 0;
  }

  void on_pool(SqlalchemySession& s, std::string_view key, std::string_view message) {
    std::string_view connection;
    switch (parse_sqlalchemy_pool(message, connection)) {
      case SqlalchemyPoolEvent::kCreated: push(RecordKind::kConnect, connection); return;
      case SqlalchemyPoolEvent::kClosed: push(RecordKind::kDisconnect, connection); return;
      case SqlalchemyPoolEvent::kCheckedOut:
        if (!key.empty()) s.connection.assign(connection);
        break;
      case SqlalchemyPoolEvent::kReturned:
        if (s.open == 0) s.connection.clear();  // else it is rolled back first, which has a record of its own
        break;
      case SqlalchemyPoolEvent::kRollback:
        if (s.open > 0 && !key.empty() && !s.twophase) {
          settle(s, false);
          end_rows(s, key);
          s.open = 0;
          push_control(s, key, "ROLLBACK", {});
          s.connection.clear();
          return;
        }
        break;
      case SqlalchemyPoolEvent::kOther: break;
    }
    push(RecordKind::kOther, key);
  }

  void end() {
    at_end_ = true;
    line_ = lines_->line_number();
    for (SqlalchemyEntry& e : queue_) {
      if (e.state != SqlalchemyEntry::State::kWaiting) continue;
      // The log ends between a statement and its parameters.
      e.record.truncated |= !e.twophase;
      give_up(e);
    }
    prefix_ = PythonPrefix{};
    std::vector<std::pair<uint64_t, const std::string*>> rows;
    for (const auto& [key, s] : sessions_) {
      if (s.rows >= 0) rows.emplace_back(s.row_line, &key);
    }
    std::sort(rows.begin(), rows.end());
    for (const auto& [line, key] : rows) end_rows(sessions_[*key], *key);
  }

  // --- Entries into records ----------------------------------------------------------------------------------------------------------------

  /// Delivers the first entry of the queue. False when it waits, or is none.
  bool deliver(LogRecord& record) {
    SqlalchemyEntry& front = queue_.front();
    if (front.state == SqlalchemyEntry::State::kWaiting) {
      if (queue_.size() <= kMaxQueue && queue_bytes_ <= kMaxQueueBytes) return false;
      give_up(front);
    }
    if (out_used_) free_.push_back(std::move(out_));
    out_used_ = true;
    queue_bytes_ -= std::min(queue_bytes_, front.sql.size() + front.parameters.size());
    out_ = std::move(front);
    queue_.pop_front();
    if (free_.size() > kMaxQueue) free_.pop_back();
    if (out_.state == SqlalchemyEntry::State::kDropped) return false;
    return fill(record);
  }

  bool fill(LogRecord& record) {
    record = out_.record;
    record.session = out_.session;
    record.time = in_zone(record.time, zone_);
    if (record.kind != RecordKind::kStatement) return true;
    out_tags_.clear();
    for (size_t i = 0; i < out_.tag_count; ++i) out_tags_.push_back({out_.tags[i].first, out_.tags[i].second});
    record.tags = out_tags_;
    if (out_.session.empty()) missing_.session = true;
    if (!record.time.known()) missing_.time = true;
    if (std::exchange(out_.begin_before, false)) {
      before_ = true;
      statement_ = record;
      record.sql = "BEGIN";
      ++counts_.statements;
      return true;
    }
    return fill_statement(record);
  }

  bool fill_statement(LogRecord& record) {
    record.sql = out_.sql;
    values_.clear();
    if (out_.has_parameters && !out_.hidden) {
      parameters_.open(out_.sql, out_.parameters);
      executions_ = parameters_.executions();
      statement_ = record;
      fill_parameters(record);
      return true;
    }
    count(record);
    return true;
  }

  void fill_parameters(LogRecord& record) {
    values_.clear();
    record.has_params = parameters_.next(values_);
    record.params_cut = parameters_.truncated();
    for (BindValue& v : values_) v.is_unknown = v.text.find(kCutValue) != kNone;
    record.params = values_;
    if (executions_ > 0) --executions_;
    count(record);
  }

  void count(const LogRecord& record) {
    ++counts_.statements;
    if (record.truncated || record.params_cut) ++counts_.truncated_statements;
  }

  bool more_executions(LogRecord& record) {
    if (std::exchange(before_, false)) {
      record = statement_;
      return fill_statement(record);
    }
    if (executions_ == 0) return false;
    record = statement_;
    fill_parameters(record);
    return true;
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_;
  bool json_ = false, sqlite_ = false;
  std::vector<PythonLayout> layouts_;
  size_t double_ = kNone;
  PythonPrefix prefix_;
  PythonSession session_;
  std::vector<Tag> tags_;
  JsonLines json_lines_;
  SqlLines sql_;
  uint64_t line_ = 0;
  uint32_t lines_of_entry_ = 1;
  bool in_other_ = false, headed_ = false;

  std::unordered_map<std::string, SqlalchemySession> sessions_;
  SqlalchemySession* last_session_ = nullptr;
  std::string last_key_;
  std::deque<SqlalchemyEntry> queue_;
  std::vector<SqlalchemyEntry> free_;
  std::vector<SqlalchemyEntry*> loose_;  // statements of unknown threads that wait
  size_t queue_bytes_ = 0;
  bool at_end_ = false;

  SqlalchemyEntry out_;  // what the last record points into
  bool out_used_ = false;
  std::vector<Tag> out_tags_;
  SqlalchemyParameters parameters_;
  std::vector<BindValue> values_;
  LogRecord statement_;
  bool before_ = false;
  uint64_t executions_ = 0;

  uint64_t own_ = 0, sure_ = 0;  // messages of SQLAlchemy, and those that nothing else writes
  Missing missing_;
  ReaderCounts counts_;
};

/// The reader itself says how much of the head it understands. SQL with its parameters behind it, or a BEGIN in SQLAlchemy's words, is its own; other
/// logs may hold a message of it inside a literal.
int score(std::string_view head, const ReaderOptions& options) {
  const bool whole = head.size() < (size_t{64} << 10) || head.back() == '\n';
  if (!whole) head = head.substr(0, head.rfind('\n') + 1);
  if (find_sqlalchemy_mark(head) == kNone) return 0;
  SqlalchemyReader reader(std::make_unique<Lines>(memory_source(std::string(head))), options);
  LogRecord record;
  while (reader.next(record)) {
  }
  return reader.confidence();
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<SqlalchemyReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"BEGIN (implicit)\n"
     "SELECT item.id, item.n \n"
     "FROM item \n"
     "WHERE item.id = %(id_1)s::INTEGER FOR UPDATE\n"
     "[generated in 0.00017s] {'id_1': 4}\n"
     "UPDATE item SET n=%(n)s::INTEGER WHERE item.id = %(item_id)s::INTEGER\n"
     "[cached since 0.5s ago] {'n': 2, 'item_id': 4}\n"
     "COMMIT\n",
     4},
    {"2026-01-09 10:00:00,123 INFO sqlalchemy.engine.Engine [4101:Thread-2] BEGIN (implicit)\n"
     "2026-01-09 10:00:00,124 INFO sqlalchemy.engine.Engine [4101:Thread-2] INSERT INTO item (n) VALUES (%s)\n"
     "2026-01-09 10:00:00,124 INFO sqlalchemy.engine.Engine [4101:Thread-2] [no key 0.00010s] [(1,), (2,)]\n"
     "2026-01-09 10:00:00,125 INFO sqlalchemy.engine.Engine [4101:Thread-2] ROLLBACK\n",
     4},
    {"{\"asctime\": \"2026-01-09 10:00:00,123\", \"name\": \"sqlalchemy.engine.Engine\", \"threadName\": \"w-1\", \"message\": "
     "\"SELECT item.n \\nFROM item\"}\n"
     "{\"asctime\": \"2026-01-09 10:00:00,123\", \"name\": \"sqlalchemy.engine.Engine\", \"threadName\": \"w-1\", \"message\": "
     "\"[raw sql] ()\"}\n",
     1},
};

}  // namespace

extern const Format kFormat_sqlalchemy;
const Format kFormat_sqlalchemy = {
    "sqlalchemy",
    "SQLAlchemy's sqlalchemy.engine logger (echo=True), any formatter or JSON lines",
    "create_engine(url, echo=True), or logging.getLogger(\"sqlalchemy.engine\").setLevel(logging.INFO) with %(asctime)s %(process)d "
    "%(thread)d in the formatter",
    Engine::kUnknown,
    "sqlalchemy",
    kSamples,
    score,
    open};

}  // namespace dbaudit
