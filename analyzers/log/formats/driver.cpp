// What applications that talk to a driver themselves (pg, mysql2, psycopg, JDBC, …) print for each statement:
//
//   2026-01-09T10:00:00.000Z [conn=3] INSERT INTO booking (seat, who) VALUES (?, ?) -- ["a",1]
//
// The grammar: a time in any usual form, in brackets or not; fields `[name=value]` (several in one bracket, or bare `name=value`), words in brackets,
// a level; then SQL, over several lines if it has them; then, when values were bound, ` -- ` and they as a JSON array or object, maybe with a
// duration behind (`(3 ms)`). Fields named conn, connection, session, thread … tell the session, with pid in front of it when there is one; tx, txid
// the transaction; req, request_id, trace_id the request; db, user, app, rows, ms, duration what they say; the others become tags.
//
// A line of a session that says ERROR and names a server's error (SQLSTATE, errno, or its words) is the end of that session's last statement.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/app_prefix.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/node_inspect.h"
#include "analyzers/log/formats/sql_lines.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxPrefix = 600, kMaxSessions = 8192;

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '.' || c == '-'; }

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [name](std::string_view n) { return iequals(name, n); });
}

int64_t duration_us(std::string_view text, double unit) {
  double v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || v < 0 || v > 1e9) return -1;
  const std::string_view word = trim(text.substr(static_cast<size_t>(end - text.data())));
  if (word == "ms") unit = 1e3;
  if (word == "s") unit = 1e6;
  if (word == "us" || word == "µs") unit = 1;
  if (!word.empty() && word != "ms" && word != "s" && word != "us" && word != "µs") return -1;
  return unit > 0 ? static_cast<int64_t>(std::llround(v * unit)) : -1;
}

/// What stands in front of a message.
struct Prefix {
  bool entry = false;   ///< a time or a field was there: the line is no continuation
  bool fields = false;  ///< a field that tells sessions apart
  bool error = false;   ///< the level says so
  size_t message = 0;
  TimePoint time;
  std::string_view connection, thread, process, request, txid, database, user, app, code;
  int64_t rows = -1, duration = -1;
};

class PrefixParser {
 public:
  /// `tags` may be null.
  static Prefix parse(std::string_view line, std::vector<Tag>* tags) {
    Prefix p;
    const std::string_view head = line.substr(0, kMaxPrefix);
    size_t at = 0;
    while (true) {
      while (at < head.size() && (is_blank(head[at]) || head[at] == '|' || (head[at] == '-' && head.substr(at, 2) == "- "))) ++at;
      p.message = at;
      if (at >= head.size()) return p;
      size_t next = at;
      if (head[at] == '[' || head[at] == '(') {
        const size_t close = head.find(head[at] == '[' ? ']' : ')', at);
        if (close == kNone) return p;
        const std::string_view inside = head.substr(at + 1, close - at - 1);
        if (head[at] == '(' && inside.find('=') == kNone) return p;
        read_group(inside, p, tags);
        next = close + 1;
        if (next < head.size() && head[next] == ':') ++next;
      } else if (const size_t length = read_time(head.substr(at), p); length != 0) {
        next = at + length;
      } else if (const size_t field = read_field(head.substr(at), p, tags); field != 0) {
        next = at + field;
      } else if (const size_t word = read_word(head.substr(at), p); word != 0) {
        next = at + word;
      } else {
        return p;
      }
      at = next;
    }
  }

 private:
  static size_t read_time(std::string_view s, Prefix& p) {
    if (s.empty() || (!is_digit(s[0]) && !(s[0] >= 'A' && s[0] <= 'Z'))) return 0;
    size_t length = 0;
    const auto t = parse_python_time(s, length);
    if (!t || length == 0 || (length < s.size() && is_name(s[length]))) return 0;
    p.entry = true;
    if (t->known()) p.time = *t;
    return length;
  }

  static void read_group(std::string_view inside, Prefix& p, std::vector<Tag>* tags) {
    size_t at = 0;
    while (at < inside.size()) {
      if (is_blank(inside[at]) || inside[at] == ',' || inside[at] == ';' || inside[at] == '|') {
        ++at;
        continue;
      }
      size_t length = at == 0 ? read_time(inside, p) : 0;
      if (length == 0) length = read_field(inside.substr(at), p, tags);
      if (length == 0) {
        while (at + length < inside.size() && !is_blank(inside[at + length])) ++length;
        if (iequals(inside.substr(at, length), "error")) p.error = true;
      }
      at += length;
    }
  }

  /// `name=value`; its length, or 0.
  static size_t read_field(std::string_view s, Prefix& p, std::vector<Tag>* tags) {
    size_t n = 0;
    while (n < s.size() && is_name(s[n])) ++n;
    if (n == 0 || n > 40 || n + 1 >= s.size() || s[n] != '=') return 0;
    const std::string_view name = s.substr(0, n);
    size_t begin = n + 1, end = begin, length = 0;
    if (s[begin] == '"' || s[begin] == '\'') {
      end = s.find(s[begin], begin + 1);
      if (end == kNone) return 0;
      length = end + 1;
      ++begin;
    } else {
      while (end < s.size() && !is_blank(s[end]) && s[end] != ',' && s[end] != ';' && s[end] != ']' && s[end] != ')') ++end;
      length = end;
    }
    const std::string_view value = s.substr(begin, end - begin);
    p.entry = true;
    if (value.empty() || value == "-" || value == "null" || value == "undefined" || value == "None") return length;
    if (one_of(name, {"thread", "thread_id", "threadid", "tid"})) {
      p.thread = value;
      p.fields = true;
    } else if (is_connection_name(name)) {
      p.connection = value;
      p.fields = true;
    } else if (one_of(name, {"pid", "process", "process_id", "worker"})) {
      p.process = value;
      p.fields = true;
    } else if (one_of(name, {"tx", "txid", "tx_id", "trx", "trx_id", "transaction", "transaction_id", "xid"})) {
      p.txid = value;
      p.fields = true;
    } else if (one_of(name,
                      {"req", "request", "request_id", "requestid", "req_id", "reqid", "trace_id", "traceid", "trace", "correlation_id"})) {
      p.request = value;
      p.fields = true;
      if (tags != nullptr) tags->push_back({"request_id", value});
    } else if (one_of(name, {"db", "database", "dbname"})) {
      p.database = value;
    } else if (one_of(name, {"user", "username"})) {
      p.user = value;
    } else if (one_of(name, {"app", "application", "service"})) {
      p.app = value;
    } else if (one_of(name, {"level", "lvl"})) {
      p.error = iequals(value, "error");
    } else if (one_of(name, {"code", "sqlstate", "errno"})) {
      p.code = value;
    } else if (one_of(name, {"rows", "row_count", "rowcount", "affected"})) {
      int64_t v = -1;
      if (std::from_chars(value.data(), value.data() + value.size(), v).ec == std::errc() && v >= 0) p.rows = v;
    } else if (one_of(name, {"ms", "duration_ms", "elapsed_ms"})) {
      p.duration = duration_us(value, 1e3);
    } else if (one_of(name, {"duration", "took", "elapsed", "time"}) && duration_us(value, 0) >= 0) {
      p.duration = duration_us(value, 0);
    } else if (tags != nullptr) {
      tags->push_back({name, value});
    }
    return length;
  }

  /// A level, `sql:`.
  static size_t read_word(std::string_view s, Prefix& p) {
    size_t n = 0;
    while (n < s.size() && is_name(s[n])) ++n;
    const std::string_view word = s.substr(0, n);
    const bool colon = n < s.size() && s[n] == ':';
    if (is_python_level(word) || one_of(word, {"log", "verbose", "silly", "http"})) {
      p.error = iequals(word, "ERROR") || iequals(word, "FATAL") || iequals(word, "CRITICAL");
      return n + (colon ? 1 : 0);
    }
    return colon && one_of(word, {"sql", "db", "exec", "execute", "stmt", "statement"}) ? n + 1 : 0;
  }
};

/// SQL, and not a name (`select-a-seat: started`) or a lone word (`listen`) of the application's.
bool is_sql(std::string_view message) {
  if (!starts_like_sql(message)) return false;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  size_t n = message.find_first_not_of("( \t");
  if (n == kNone || !is_letter(message[n])) return true;  // a comment first
  while (n < message.size() && is_letter(message[n])) ++n;
  if (trim(message.substr(n)).empty()) return is_transaction_boundary(message) || message[n - 1] < 'a';
  return std::string_view(":.=").find(message[n]) == kNone && !(message[n] == '-' && message.substr(n, 2) != "--");
}

/// A server's error in a text: its code, or its words. Nothing else an application may call an error.
bool is_database_error(std::string_view text, std::string_view& code) {
  const size_t colon = text.find_first_of(": ");
  std::string_view word = text.substr(0, std::min(colon, text.size()));
  if (word.starts_with('[') || word.starts_with('(')) word = word.substr(1, word.size() > 2 ? word.size() - 2 : 0);
  const bool sqlstate = word.size() == 5 && std::any_of(word.begin(), word.end(), is_digit) &&
                        std::all_of(word.begin(), word.end(), [](char c) { return is_digit(c) || (c >= 'A' && c <= 'Z'); });
  if (sqlstate || word.starts_with("ER_") || (word.size() == 4 && all_digits(word)) || word.starts_with("SQLITE_")) {
    code = word;
    return true;
  }
  for (const std::string_view words :
       {"duplicate key", "Duplicate entry", "deadlock detected", "Deadlock found", "could not serialize access", "Lock wait timeout",
        "violates ", "constraint failed", "database is locked", "current transaction is aborted"}) {
    if (text.find(words) != kNone) return true;
  }
  return false;
}

/// The values behind a statement: where the SQL ends, the container, what follows it.
struct Bound {
  size_t sql_size = kNone;
  std::string_view values;
  int64_t duration = -1, rows = -1;
  bool cut = false;
};

Bound find_values(std::string_view text, size_t comment) {
  Bound b;
  while (comment < text.size()) {
    size_t at = comment + 2;
    while (at < text.size() && is_blank(text[at])) ++at;
    size_t word = at;  // `-- params: [`
    while (word < text.size() && is_name(text[word]) && word - at < 16) ++word;
    const bool named = one_of(text.substr(at, word - at), {"params", "parameters", "bindings", "binds", "values", "args", "arguments"});
    if (word > at && word < text.size() && (text[word] == ':' || text[word] == '=' || (named && is_blank(text[word])))) {
      ++word;
      while (word < text.size() && is_blank(text[word])) ++word;
      at = word;
    }
    if (at < text.size() && (text[at] == '[' || text[at] == '{')) {
      const auto end = skip_node_container(text, at);
      if (!end) {
        b.cut = true;
        b.sql_size = comment;
        b.values = text.substr(at);
        return b;
      }
      std::string_view tail = trim(text.substr(*end));
      if (tail.starts_with('(') && tail.ends_with(')')) tail = tail.substr(1, tail.size() - 2);
      if (tail.starts_with("took ")) tail.remove_prefix(5);
      const int64_t duration = tail.empty() ? -1 : duration_us(tail, 0);
      if (tail.empty() || duration >= 0) {
        b.duration = duration;
        b.sql_size = comment;
        b.values = text.substr(at, *end - at);
        return b;
      }
    }
    comment = text.find(" -- ", comment + 2);  // the SQL has a comment of its own
    if (comment != kNone) ++comment;
  }
  return b;
}

class DriverReader final : public RecordReader {
 public:
  DriverReader(std::unique_ptr<Lines> lines, const ReaderOptions& options) : lines_(std::move(lines)), zone_(options.zone_offset_minutes) {
    std::string first;
    const std::string_view head = without_colours(lines_->head(), text_);
    for (size_t at = 0; at < head.size();) {
      const size_t stop = std::min(head.find('\n', at), head.size());
      const std::string_view line = head.substr(at, stop - at);
      const Prefix p = PrefixParser::parse(line, nullptr);
      if (p.entry) {
        if (!explicit_) explicit_ = is_transaction_boundary(line.substr(p.message));
        if (first.empty()) first = p.process;
        // One process may run many connections: its number alone tells sessions apart only when there are several.
        if (!p.process.empty() && p.process != first) processes_ = true;
      }
      at = stop + 1;
    }
  }

  bool next(LogRecord& record) override {
    while (const auto raw = lines_->peek()) {
      lines_->mark();
      line_ = lines_->line_number();
      const std::string_view line = without_colours(*raw, clean_);
      tags_.clear();
      const Prefix p = PrefixParser::parse(line, &tags_);
      const std::string_view message = line.substr(std::min(p.message, line.size()));
      record = LogRecord{};
      record.line = line_;
      if (p.entry && is_sql(message)) {
        if (read_statement(p, line, record)) return true;
        continue;
      }
      lines_->take();
      if (!p.entry) {
        if (message.find_first_not_of(" \t") != kNone && !(other_ && is_blank(line[0]))) ++counts_.unrecognised_lines;
        continue;
      }
      other_ = true;
      fill(p, record);
      std::string_view code = p.code;
      if (p.error && !record.session.empty() && (!code.empty() || is_database_error(message, code))) {
        if (const auto last = last_.find(session_); last != last_.end()) {
          record.kind = RecordKind::kError;
          record.attaches = true;
          record.about_line = last->second;
          record.end_time = std::exchange(record.time, TimePoint{});
          error_.assign(message);
          code_.assign(code);
          record.error_message = error_;
          record.error_code = code_;
          record.has_error = true;
        }
      }
      ++counts_.records;
      return true;
    }
    completeness_.finish(counts_);
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  void fill(const Prefix& p, LogRecord& record) {
    const std::string_view process = p.process;
    session_.clear();
    const std::string_view own = !p.connection.empty() ? p.connection
                                 : !p.thread.empty()   ? p.thread
                                 : !p.txid.empty()     ? p.txid
                                 : !p.request.empty()  ? p.request
                                                       : std::string_view();
    if (!own.empty()) {
      if (!process.empty()) session_.append(process).push_back(':');
      session_.append(own);
    } else if (processes_) {
      session_ = process;
    }
    strings_.assign(p.txid).append(p.database).append(p.user).append(p.app);
    size_t at = 0;
    const auto kept = [&](std::string_view v) {
      at += v.size();
      return std::string_view(strings_).substr(at - v.size(), v.size());
    };
    record.txid = kept(p.txid);
    record.database = kept(p.database);
    record.user = kept(p.user);
    record.app = kept(p.app);
    kept_tags_.keep(tags_);
    record.tags = kept_tags_.tags();
    record.session = session_;
    record.rows = p.rows;
    record.duration_us = p.duration;
    record.time = in_zone(p.time, zone_);
  }

  bool read_statement(const Prefix& p, std::string_view line, LogRecord& record) {
    other_ = false;
    fill(p, record);
    const size_t first = p.message;
    bool coloured = line.data() == clean_.data();
    sql_.reset();
    sql_.add(line.substr(first));
    lines_->take();
    const GatheredSql gathered =
        gather_sql(*lines_, sql_, first, clean_, [](std::string_view next) { return PrefixParser::parse(next, nullptr).entry; });
    std::string_view text = lines_->since_mark();
    coloured |= text.find('\x1b') != kNone;
    size_t comment = gathered.comment;
    if (coloured) {
      text = without_colours(text, text_);
      comment = text.find("-- ", first);
    }
    text = text.substr(std::min(first, text.size()));
    record.truncated = gathered.cut || lines_->record_was_cut();
    record.sql = trim(text);
    if (!record.truncated && comment != kNone && comment >= first && comment - first < text.size()) {
      const Bound bound = find_values(text, comment - first);
      if (bound.sql_size != kNone) {
        record.sql = trim(text.substr(0, bound.sql_size));
        bool cut = bound.cut;
        values_.clear();
        decoder_.reset(bound.values.size());
        decoder_.values(bound.values, values_, cut);
        record.has_params = true;
        record.params = values_;
        record.params_cut = cut;
        if (bound.duration >= 0) record.duration_us = bound.duration;
      }
    }
    if (record.duration_us >= 0 && record.time.known()) {  // known only when it had ended
      record.end_time = record.time;
      record.time.micros -= record.duration_us;
    }
    record.kind = RecordKind::kStatement;
    if (!explicit_) explicit_ = is_transaction_boundary(record.sql);
    if (explicit_) record.tx_boundary = TxBoundary::kExplicit;
    if (!session_.empty()) {
      if (last_.size() >= kMaxSessions && last_.find(session_) == last_.end()) last_.clear();
      last_[session_] = line_;
    }
    ++counts_.records;
    completeness_.add(record, counts_);
    return true;
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_;
  Completeness completeness_;
  SqlLines sql_;
  NodeDecoder decoder_;
  std::vector<BindValue> values_;
  std::vector<Tag> tags_;
  KeptTags kept_tags_;
  std::unordered_map<std::string, uint64_t> last_;  // line of a session's last statement
  std::string clean_, text_, session_, strings_, error_, code_;
  uint64_t line_ = 0;
  bool explicit_ = false, processes_ = false, other_ = false;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  std::string clean;
  size_t lines = 0, ours = 0;
  SqlLines sql;
  bool open = false;
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    std::string_view line = without_colours(head.substr(at, stop - at), clean);
    at = stop + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == kNone) continue;
    const Prefix p = PrefixParser::parse(line, nullptr);
    if (!p.entry && open && sql.continues(line)) {
      sql.add(line);
      continue;
    }
    ++lines;
    open = p.entry && p.fields && is_sql(line.substr(p.message));
    if (!open) continue;
    ++ours;
    sql.reset();
    sql.add(line.substr(p.message));
  }
  return ours == 0 ? 0 : static_cast<int>(300 + 550 * ours / lines);
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<DriverReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"2026-01-09T10:00:00.123Z [conn=n1] SELECT id FROM seat WHERE name = ? -- [\"a -- [1]\"]\n"
     "2026-01-09T10:00:00.124Z [conn=0] BEGIN\n"
     "2026-01-09T10:00:00.125Z [conn=0] INSERT INTO booking (seat, who) VALUES (?, ?) -- [\"x\",null]\n",
     3},
    {"[2026-01-09 10:00:00.123] [pid=4101 conn=7 tx=12] DEBUG UPDATE seat SET taken = $1\nWHERE id = $2 -- [true, 7] (3 ms)\n", 1},
    {"2026-01-09 10:00:00,123 session=a1 req=9f2c SELECT 1\n", 1},
};

}  // namespace

extern const Format kFormat_driver;
const Format kFormat_driver = {
    "driver",
    "an application's own lines: time, [conn=N] and other [name=value] fields, SQL, -- [JSON array of parameters]",
    "print a line like `2026-01-09T10:00:00.123Z [conn=3] SELECT ... -- [1,\"a\"]` where the application calls its driver",
    Engine::kUnknown,
    "",
    kSamples,
    score,
    open};

}  // namespace dbaudit
