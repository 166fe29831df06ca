// Entity Framework Core's relational loggers, 3.0 to 9.0: Microsoft.Extensions.Logging's console, DbContextOptionsBuilder.LogTo, Serilog and NLog as text,
// and JSON lines (JsonConsole, Serilog's compact and full formats).
//
//   info: Microsoft.EntityFrameworkCore.Database.Command[20101]                                                         SimpleConsoleFormatter
//         => ConnectionId:0HN… => RequestPath:/buy RequestId:0HN…:00000002                                              with IncludeScopes
//         Executed DbCommand (1ms) [Parameters=[@p0='5' (DbType = Int32)], CommandType='Text', CommandTimeout='30']
//         UPDATE "Accts" SET "Bal" = @p0
//   info: 11/20/2026 14:37:19.123 RelationalEventId.CommandExecuted[20101] (Microsoft.EntityFrameworkCore.Database.Command)      LogTo
//   [14:37:19 INF] Executed DbCommand (1ms) […]  /  UPDATE "Accts" SET "Bal" = @p0                                                Serilog
//   2026-11-20 14:37:19.1234|20101|INFO|Microsoft.EntityFrameworkCore.Database.Command|Executed DbCommand (1ms) […]               NLog
//
// The console and LogTo indent a message's lines by six blanks, its literals' lines too. Serilog and NLog print them as they are.
//
// `Executed` is written at the end: its time is the end, the start is that less the elapsed milliseconds. `Executing` (Debug) announces the same command
// and is no execution. `Failed executing` is one that failed; why, is told by the exception that Update[10000] or Query[10100] logs behind it. A command may
// hold several statements (SaveChanges sends a batch): it stays one record, as it was sent.
//
// Transactions are events at Debug: 20200 began (with its isolation level, which the driver sends), 20202 committed, 20203 rolled back, 20204 disposed
// (rolls back what was not committed), 20213 to 20217 savepoints (all named __EFSavePoint by SaveChanges; an application's own name is not printed).
// Before 5.0 both commit events say `Committing transaction.`, since 5.0 `Committing` and `Committed`: one COMMIT in any case. At Information none of them is
// printed, though SaveChanges opens a transaction around every batch of more than one statement.
//
// Sessions: nothing in a message names a connection of the database. With scopes, or in JSON, RequestId (or else Kestrel's ConnectionId, or the
// TraceId) names the unit of work, whose DbContext holds one connection. Values are `'?'` unless EnableSensitiveDataLogging().

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/efcore_message.h"
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
using Kind = EfMessage::Kind;
constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kPadding = "      ";
constexpr std::string_view kCategory = "Microsoft.EntityFrameworkCore.";
constexpr size_t kMaxSessions = 16384;
constexpr GatherLimits kLimits{.bytes = size_t{64} << 10};
constexpr size_t kMaxText = size_t{16} << 20;
constexpr int kMaxLooks = 64;          ///< lines that may be the end of a command's header
constexpr uint64_t kErrorWindow = 64;  ///< entries between a failed command and its exception

/// `11/20/2026 14:37:19.123`: DateTime.ToShortDateString() of the process's culture. Slashes are read as month/day unless that cannot be, dots as
/// day.month.
std::optional<TimePoint> short_date_time(std::string_view s, size_t& used) {
  int part[3] = {0, 0, 0};
  size_t at = 0;
  char separator = '\0';
  for (int i = 0; i < 3; ++i) {
    const size_t n = header_text::digits_at(s, at);
    if (n == 0 || n > 4) return std::nullopt;
    std::from_chars(s.data() + at, s.data() + at + n, part[i]);
    at += n;
    if (i == 2) break;
    if (at >= s.size() || (s[at] != '/' && s[at] != '.' && s[at] != '-')) return std::nullopt;
    separator = s[at++];
  }
  if (part[2] < 1000 || at >= s.size() || s[at] != ' ') return std::nullopt;
  const bool day_first = separator == '.' || part[0] > 12;
  const int month = day_first ? part[1] : part[0], day = day_first ? part[0] : part[1];
  if (month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  // Let the reader of ISO times read the clock.
  std::string iso = "0000-00-00 ";
  const auto put = [&iso](size_t place, int v, int digits) {
    for (int i = digits - 1; i >= 0; --i, v /= 10) iso[place + static_cast<size_t>(i)] = static_cast<char>('0' + v % 10);
  };
  put(0, part[2], 4);
  put(5, month, 2);
  put(8, day, 2);
  const std::string_view clock = s.substr(at + 1, 16);
  iso.append(clock.substr(0, clock.find(' ')));
  size_t iso_used = 0;
  const auto t = parse_python_time(iso, iso_used);
  if (!t || iso_used < 19) return std::nullopt;
  used = at + 1 + (iso_used - 11);
  return t;
}

std::optional<TimePoint> any_time(std::string_view s, size_t& used) {
  used = 0;
  if (s.empty() || !is_digit(s[0])) return std::nullopt;
  if (auto t = parse_python_time(s, used); t && used >= 8 && t->known()) return t;
  size_t short_used = 0;
  if (auto t = short_date_time(s, short_used)) {
    used = short_used;
    return t;
  }
  if (used >= 8) return TimePoint{};  // a clock without a date
  return std::nullopt;
}

bool is_console_level(std::string_view word) {
  for (const std::string_view level : {"trce", "dbug", "info", "warn", "fail", "crit"}) {
    if (word == level) return true;
  }
  return false;
}

enum class Style : unsigned char {
  kNoEntry,
  kPadded,  ///< the console's or LogTo's: the message on lines of its own, indented
  kPlain,   ///< the message on this line, its other lines as they are
};

struct Entry {
  Style style = Style::kNoEntry;
  size_t message = 0;  ///< where the message may begin
  TimePoint time;
  bool has_time = false;
};

/// Does an entry of any logger begin on this line?
Entry read_header(std::string_view line) {
  Entry e;
  if (line.empty() || line[0] == ' ' || line[0] == '\t') return e;
  size_t at = 0;
  for (int i = 0; i < 3 && at < line.size(); ++i) {
    if (line[at] == '[') ++at;
    size_t used = 0;
    if (const auto t = any_time(line.substr(at, 64), used); t && used >= 8) {
      e.time = *t;
      e.has_time = true;
      at += used;
      while (at < line.size() && (line[at] == ' ' || line[at] == ']')) ++at;
      continue;
    }
    break;
  }
  if (line.substr(at).starts_with("<") && line.substr(at, 4).ends_with(">")) at += 3;  // systemd: <6>Category[id] message
  const std::string_view rest = line.substr(at);
  const bool systemd = at >= 3 && line[at - 1] == '>';
  if (systemd || (rest.size() > 6 && rest.substr(4, 2) == ": " && is_console_level(rest.substr(0, 4)))) {
    e.style = Style::kPadded;
    size_t behind = at + (systemd ? 0 : 6);
    // LogTo's own time, then the event
    size_t used = 0;
    if (const auto t = any_time(line.substr(behind, 64), used); t && used >= 8) {
      e.time = *t;
      e.has_time = true;
      behind += used;
    }
    e.message = behind;
    return e;
  }
  // Serilog `[14:37:19 INF] `, `2026-11-20 14:37:19.123 +00:00 [INF] `; NLog `time|id|LEVEL|logger|`
  if (e.has_time) {
    e.style = Style::kPlain;
    e.message = at;
  }
  return e;
}

struct Session {
  enum class State : unsigned char { kUnknown, kOpen, kClosed } state = State::kUnknown;
  uint64_t failed_line = 0, failed_entry = 0;
};

class EfCoreReader final : public RecordReader {
 public:
  EfCoreReader(std::unique_ptr<Lines> lines, const ReaderOptions& options) : lines_(std::move(lines)), zone_(options.zone_offset_minutes) {
    const std::string_view head = lines_->head();
    for (const std::string_view text : {"Began transaction with", "Committing transaction.", "Committed transaction."}) {
      explicit_ = explicit_ || head.find(text) != kNone;
    }
  }

  bool next(LogRecord& record) override {
    while (const auto peeked = lines_->peek()) {
      lines_->mark();
      line_ = lines_->line_number();
      const std::string_view line = without_colours(*peeked, plain_);
      if (line.starts_with('{') && json_.parse(line)) {
        lines_->take();
        if (read_json(record)) return true;
        continue;
      }
      const Entry entry = read_header(line);
      if (entry.style == Style::kNoEntry) {
        lines_->take();
        if (!in_other_ && !trim(line).empty()) ++counts_.unrecognised_lines;
        if (!line.empty() && line[0] != ' ' && line[0] != '\t') in_other_ = false;
        continue;
      }
      if (read_text(entry, record)) return true;
    }
    tell_incomplete(missing_, counts_);
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  /// An entry while it is gathered into text_: without colours and padding, lines parted by LF.
  struct EntryText {
    EfCoreReader& reader;
    Style style;
    bool ours;
    bool is_command = false, found = false, is_padded = false, is_cut = false;
    size_t body = 0;  // where the statement begins in text_
    int looks = 0;
    size_t kept = 0;

    bool complete() { return false; }
    [[nodiscard]] bool in_quote() const { return is_command && reader.lines_of_sql_.in_quote(); }
    std::string_view plain(std::string_view line) {
      const std::string_view result = without_colours(line, reader.plain_);
      is_padded = result.starts_with(kPadding);
      return result;
    }
    bool starts(std::string_view line) { return !is_padded && (line.starts_with('{') || read_header(line).style != Style::kNoEntry); }
    bool goes_on(std::string_view line) {
      // An empty line of a message is printed with its padding; on Windows a bare LF in a literal is not.
      if (style == Style::kPadded) return is_padded;
      if (!is_command) return !found || ours;
      if (line.empty()) return false;
      const bool is_first = trim(std::string_view(reader.text_).substr(std::min(body, reader.text_.size()))).empty();
      return is_first || line[0] == '"' || reader.lines_of_sql_.continues(line, Indented::kStatement);
    }
    void add(std::string_view line) {
      std::string& text = reader.text_;
      if (!is_command && trim(line).starts_with("at ") && text.size() > 4096) return;  // a stack
      if (text.size() < kMaxText) {
        text += '\n';
        text.append(is_padded && style == Style::kPadded ? line.substr(kPadding.size()) : line);
      } else {
        is_cut = true;
      }
      look(line);
    }
    void swallows() { kept = reader.text_.size(); }
    void give_back() { reader.text_.resize(kept); }

    /// `line` is the last of text_: does a message begin, does its statement?
    void look(std::string_view line) {
      if (!is_command && (!found || line.find("CommandTimeout='") != kNone) && looks <= kMaxLooks) {
        if (found) ++looks;
        if (!found) {
          reader.message_at_ = find_ef_message(reader.text_);
          found = reader.message_at_ != kNone;
        }
        if (found) look_for_statement();
      }
      if (is_command) reader.lines_of_sql_.advance(std::string_view(reader.text_).substr(body));
    }
    void look_for_statement() {
      const EfMessage m = read_ef_message(std::string_view(reader.text_).substr(reader.message_at_));
      if (!m.whole_header || m.loose) return;
      is_command = true;
      body = static_cast<size_t>(m.text.data() - reader.text_.data());
      reader.lines_of_sql_.reset();
    }
  };

  /// Gathers the entry that begins on the peeked line into text_.
  void gather(const Entry& entry, bool& cut) {
    const std::string_view first = without_colours(*lines_->peek(), plain_);
    text_.assign(first.substr(std::min(entry.message, first.size())));
    message_at_ = kNone;
    EntryText text{*this, entry.style, find_ef_message(text_) != kNone || text_.find(kCategory) != kNone};
    lines_->take();
    text.look(text_);
    const GatheredLines gathered = gather_lines(*lines_, text, kLimits);
    cut = gathered.cut || text.is_cut || lines_->record_was_cut();
  }

  bool read_text(const Entry& entry, LogRecord& record) {
    bool cut = false;
    gather(entry, cut);
    ++entry_;
    const std::string_view text = text_;
    read_scopes(text.substr(0, std::min(message_at_, text.size())));
    TimePoint time = in_zone(entry.time, zone_);
    if (message_at_ == kNone) {
      in_other_ = entry.style == Style::kPadded;
      return exception(text, record);
    }
    in_other_ = false;
    EfMessage m = read_ef_message(text.substr(message_at_));
    if (entry.style == Style::kPlain) {
      // NLog's usual layout goes on behind the message; where the log ends, with a part of that.
      constexpr std::string_view kUrl = "|url: ";
      if (const size_t at = m.text.rfind(kUrl); at != kNone && m.text.find('\n', at) == kNone) {
        m.text = m.text.substr(0, at);
      } else if (!lines_->peek()) {
        size_t n = kUrl.size() - 1;
        while (n > 0 && !m.text.ends_with(kUrl.substr(0, n))) --n;
        m.text.remove_suffix(n);
      }
    }
    return deliver(m, time, cut, record);
  }

  /// `=> ConnectionId:0HN… => RequestPath:/x RequestId:0HN…:00000002`, `SpanId:…, TraceId:…, ParentId:…`
  void read_scopes(std::string_view text) {
    session_.clear();
    request_.clear();
    if (text.find("Id:") == kNone) return;
    const auto field = [text](std::string_view name) -> std::string_view {
      const size_t at = text.find(name);
      if (at == kNone) return {};
      const std::string_view rest = text.substr(at + name.size());
      return rest.substr(0, rest.find_first_of(" ,\n"));
    };
    choose_session(field("RequestId:"), field("ConnectionId:"), field("TraceId:"));
  }

  void choose_session(std::string_view request, std::string_view connection, std::string_view trace) {
    session_.assign(!request.empty() ? request : !connection.empty() ? connection : trace);
    request_.assign(!request.empty() ? request : trace);
  }

  bool read_json(LogRecord& record) {
    ++entry_;
    in_other_ = false;
    const std::string_view category =
        json_.text({"Category", "SourceContext", "Properties.SourceContext", "category", "logger", "LoggerName"});
    choose_session(json_.text({"RequestId", "Properties.RequestId", "requestId"}),
                   json_.text({"ConnectionId", "Properties.ConnectionId", "connectionId"}),
                   json_.text({"@tr", "TraceId", "Properties.TraceId"}));
    if (const JsonField* scopes = json_.find({"Scopes"}); session_.empty() && scopes != nullptr) scope_ids(scopes->text);
    TimePoint time;
    if (const JsonField* f = json_.find({"@t", "Timestamp", "@timestamp", "timestamp", "time"}))
      time = in_zone(json_time(*f).value_or(TimePoint{}), zone_);
    const std::string_view template_text = json_.text({"@mt", "MessageTemplate", "State.{OriginalFormat}", "{OriginalFormat}"});
    const std::string_view message = json_.text({"@m", "Message", "RenderedMessage", "message", "State.Message"});
    if (!category.empty() && !category.starts_with(kCategory)) {
      return exception(json_.text({"@x", "Exception", "exception"}), record);
    }
    EfMessage m;
    if (!template_text.empty()) m = read_ef_message(template_text);
    if (m.kind == Kind::kOther && !message.empty()) m = read_ef_message(message);
    const auto property = [this](std::string_view a, std::string_view b, std::string_view c) { return json_.text({a, b, c}); };
    const std::string_view sql = property("commandText", "State.commandText", "Properties.commandText");
    if (m.kind == Kind::kExecuted || m.kind == Kind::kExecuting || m.kind == Kind::kFailed) {
      if (!sql.empty()) {
        m.text = sql;
        m.parameters = property("parameters", "State.parameters", "Properties.parameters");
        m.whole_header = true;
        m.loose = false;
        m.duration_us = milliseconds(property("elapsed", "State.elapsed", "Properties.elapsed"));
      } else if (!message.empty()) {
        m = read_ef_message(message);
      }
    } else if (m.kind == Kind::kBegin) {
      if (const std::string_view level = property("isolationLevel", "State.isolationLevel", "Properties.isolationLevel"); !level.empty())
        m.text = level;
    } else if (m.kind == Kind::kOther) {
      if (const std::string_view x = json_.text({"@x", "Exception", "exception"}); !x.empty()) return exception(x, record);
      return exception(message, record);
    }
    return deliver(m, time, false, record);
  }

  /// JsonConsole's scopes are an array of objects and texts.
  void scope_ids(std::string_view text) {
    const auto field = [text](std::string_view name) -> std::string_view {
      const size_t at = text.find(name);
      if (at == kNone) return {};
      std::string_view rest = text.substr(at + name.size());
      while (!rest.empty() && (rest[0] == ' ' || rest[0] == '"' || rest[0] == ':')) rest.remove_prefix(1);
      return rest.substr(0, rest.find_first_of("\", }"));
    };
    choose_session(field("\"RequestId\""), field("\"ConnectionId\""), field("\"TraceId\""));
  }

  static int64_t milliseconds(std::string_view text) {
    int64_t ms = 0;
    bool any = false;
    for (const char c : text.substr(0, 20)) {
      if (c == '.') break;
      if (is_digit(c)) {
        ms = ms * 10 + (c - '0');
        any = true;
      }
    }
    return any && ms < int64_t{1} << 40 ? ms * 1000 : -1;
  }

  Session& session() {
    if (sessions_.size() >= kMaxSessions && sessions_.find(session_) == sessions_.end()) sessions_.clear();
    return sessions_[session_];
  }

  /// An entry of another logger: the exception of a command that failed before it?
  bool exception(std::string_view text, LogRecord& record) {
    if (text.find("Exception") == kNone) return false;
    std::string_view code, message;
    if (!read_ef_exception(text, code, message)) return false;
    const auto it = sessions_.find(session_);
    Session* s = it == sessions_.end() ? nullptr : &it->second;
    if (s == nullptr || s->failed_line == 0 || entry_ - s->failed_entry > kErrorWindow) return false;
    record = LogRecord{};
    record.kind = RecordKind::kError;
    record.line = line_;
    record.session = session_;
    record.attaches = true;
    record.about_line = s->failed_line;
    record.has_error = true;
    record.error_code = code;
    record.error_message = message;
    s->failed_line = 0;  // the same exception is logged again further up
    ++counts_.records;
    return true;
  }

  bool deliver(const EfMessage& m, TimePoint time, bool cut, LogRecord& record) {
    record = LogRecord{};
    record.line = line_;
    Session& s = session();
    switch (m.kind) {
      case Kind::kOther:
      case Kind::kExecuting: return false;
      case Kind::kExecuted:
      case Kind::kFailed: return command(m, time, cut, s, record);
      case Kind::kBegin: {
        s.state = Session::State::kOpen;
        sql_ = "BEGIN";
        if (m.text == "ReadCommitted") sql_ += " ISOLATION LEVEL READ COMMITTED";
        if (m.text == "ReadUncommitted") sql_ += " ISOLATION LEVEL READ UNCOMMITTED";
        if (m.text == "RepeatableRead" || m.text == "Snapshot") sql_ += " ISOLATION LEVEL REPEATABLE READ";
        if (m.text == "Serializable") sql_ += " ISOLATION LEVEL SERIALIZABLE";
        break;
      }
      case Kind::kCommit:
      case Kind::kRollback:
        if (s.state == Session::State::kClosed) return false;  // the second of two events
        s.state = Session::State::kClosed;
        sql_ = m.kind == Kind::kCommit ? "COMMIT" : "ROLLBACK";
        break;
      case Kind::kDispose:
        if (s.state != Session::State::kOpen) return false;
        s.state = Session::State::kClosed;
        sql_ = "ROLLBACK";
        break;
      case Kind::kSavepoint: sql_ = "SAVEPOINT __EFSavePoint"; break;
      case Kind::kRollbackTo: sql_ = "ROLLBACK TO SAVEPOINT __EFSavePoint"; break;
      case Kind::kRelease: sql_ = "RELEASE SAVEPOINT __EFSavePoint"; break;
    }
    explicit_ = true;
    record.sql = sql_;
    record.time = time;
    finish_record(record);
    return true;
  }

  bool command(const EfMessage& m, TimePoint time, bool cut, Session& s, LogRecord& record) {
    std::string_view sql = trim(m.text);
    if (!m.whole_header || sql.find_first_not_of("\"\n\r") == kNone || (m.loose && !lines_->peek())) {
      ++counts_.unrecognised_lines;
      return false;
    }
    if (sql.find('\r') != kNone) {
      sql_.assign(sql);
      sql_.erase(std::remove(sql_.begin(), sql_.end(), '\r'), sql_.end());
      sql = sql_;
    }
    if (m.escaped && sql.ends_with('\\')) {  // between the two characters of an escape
      sql.remove_suffix(1);
      cut = true;
    }
    if (m.escaped && sql.find("\\\"") != kNone) {
      escaped_.clear();
      for (size_t i = 0; i < sql.size(); ++i) {
        if (sql[i] == '\\' && i + 1 < sql.size() && sql[i + 1] == '"') ++i;
        escaped_ += sql[i];
      }
      sql = escaped_;
    }
    record.sql = sql;
    record.duration_us = m.duration_us;
    if (time.known()) {
      record.end_time = time;
      record.time = time;
      if (m.duration_us > 0) record.time.micros -= m.duration_us;
    }
    values_.clear();
    if (!trim(m.parameters).empty()) {
      record.has_params = parameters_.read(m.parameters, sql, values_);
      if (!record.has_params) missing_.parameters = true;
    }
    record.params = values_;
    record.truncated = cut;
    if (cut) ++counts_.truncated_statements;
    s.failed_line = 0;
    if (m.kind == Kind::kFailed) {
      record.has_error = true;
      s.failed_line = line_;
      s.failed_entry = entry_;
    }
    finish_record(record);
    return true;
  }

  void finish_record(LogRecord& record) {
    record.kind = RecordKind::kStatement;
    record.session = session_;
    record.tx_boundary = explicit_ ? TxBoundary::kExplicit : TxBoundary::kUnknown;
    tags_.clear();
    if (!request_.empty()) tags_.push_back({"request_id", request_});
    record.tags = tags_;
    if (!explicit_) missing_.boundaries = true;
    if (session_.empty()) missing_.session = true;
    if (!record.time.known()) missing_.time = true;
    ++counts_.records;
    ++counts_.statements;
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_;
  uint64_t line_ = 0, entry_ = 0;
  JsonLines json_;
  SqlLines lines_of_sql_;
  EfParameters parameters_;
  std::string plain_, text_, sql_, escaped_, session_, request_;
  size_t message_at_ = kNone;
  std::unordered_map<std::string, Session> sessions_;
  std::vector<BindValue> values_;
  std::vector<Tag> tags_;
  bool explicit_ = false, in_other_ = true;
  Missing missing_;
  ReaderCounts counts_;
};

/// `DbCommand (1ms) [Parameters=[` is nobody else's, nor is the template of it in JSON.
int score(std::string_view head, const ReaderOptions&) {
  if (head.find("DbCommand") == kNone && head.find(kCategory) == kNone) return 0;
  const bool whole = head.size() < (size_t{64} << 10) || head.back() == '\n';
  size_t entries = 0, commands = 0, headers = 0;
  std::string plain;
  JsonLines json;
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    const std::string_view line = without_colours(head.substr(at, stop - at), plain);
    at = stop + 1;
    if (stop == head.size() && !whole) break;
    const size_t message = find_ef_message(line);
    if (line.starts_with('{')) {
      ++headers;
      if (message == kNone || line.find("EntityFrameworkCore") == kNone) {
        if (line.find("{commandText}") == kNone) continue;
      }
      ++entries;
      if (line.find("DbCommand") != kNone) ++commands;
      continue;
    }
    if (read_header(line).style != Style::kNoEntry) ++headers;
    if (message == kNone) continue;
    const EfMessage m = read_ef_message(line.substr(message));
    ++entries;
    if (m.whole_header) ++commands;
  }
  if (commands == 0) return entries >= 2 && head.find(kCategory) != kNone ? 400 : 0;
  return static_cast<int>(650 + 300 * std::min(entries, std::max(headers, size_t{1})) / std::max(headers, size_t{1}));
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<EfCoreReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"dbug: Microsoft.EntityFrameworkCore.Database.Transaction[20200]\n      Began transaction with isolation level 'ReadCommitted'.\n"
     "info: Microsoft.EntityFrameworkCore.Database.Command[20101]\n"
     "      Executed DbCommand (1ms) [Parameters=[@p1='1' (DbType = Int32), @p0='5' (DbType = Int32)], CommandType='Text', "
     "CommandTimeout='30']\n"
     "      UPDATE \"Accts\" SET \"Bal\" = @p0\n      WHERE \"Id\" = @p1;\n"
     "dbug: Microsoft.EntityFrameworkCore.Database.Transaction[20202]\n      Committed transaction.\n",
     3},
    {"info: 11/20/2026 14:37:19.123 RelationalEventId.CommandExecuted[20101] (Microsoft.EntityFrameworkCore.Database.Command) \n"
     "      Executed DbCommand (1,204ms) [Parameters=[@__id_0='?' (DbType = Int32)], CommandType='Text', CommandTimeout='30']\n"
     "      SELECT a.\"Id\"\n      FROM \"Accts\" AS a\n      WHERE a.\"Id\" = @__id_0\n",
     1},
    {"[14:37:19 INF] Executed DbCommand (2ms) [Parameters=[], CommandType='Text', CommandTimeout='30']\nSELECT COUNT(*)\nFROM `Accts` AS "
     "`a`\n",
     1},
    {"2026-11-20 14:37:19.1234|20101|INFO|Microsoft.EntityFrameworkCore.Database.Command|Executed DbCommand (2ms) [Parameters=[], "
     "CommandType='Text', "
     "CommandTimeout='30']\nSELECT COUNT(*) FROM Accts |url: http://localhost/|action: Index\n",
     1},
    {"{\"@t\":\"2026-11-20T14:37:19.1234567Z\",\"@mt\":\"Executed DbCommand ({elapsed}ms) [Parameters=[{parameters}], "
     "CommandType='{commandType}', "
     "CommandTimeout='{commandTimeout}']{newLine}{commandText}\",\"elapsed\":\"2\",\"parameters\":\"\",\"commandType\":\"Text\","
     "\"commandTimeout\":30,"
     "\"newLine\":\"\\n\",\"commandText\":\"SELECT "
     "1\",\"SourceContext\":\"Microsoft.EntityFrameworkCore.Database.Command\",\"RequestId\":\"0HN1:2\"}\n",
     1},
};

}  // namespace

extern const Format kFormat_efcore;
const Format kFormat_efcore = {
    "efcore",
    "EF Core's Database.Command and Database.Transaction: console, LogTo, Serilog, NLog, JSON",
    "\"Logging\": {\"LogLevel\": {\"Microsoft.EntityFrameworkCore.Database\": \"Debug\"}, \"Console\": {\"FormatterName\": \"json\", "
    "\"FormatterOptions\": {\"IncludeScopes\": true}}} and optionsBuilder.EnableSensitiveDataLogging()",
    Engine::kUnknown,
    "efcore",
    kSamples,
    score,
    open};

}  // namespace dbaudit
