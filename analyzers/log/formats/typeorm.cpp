// TypeORM's loggers: simple-console, advanced-console and formatted-console (with colours or without), file, debug; behind any prefix of the application.
//
//   query: SELECT … WHERE "id" = $1 -- PARAMETERS: [1]          when the statement starts
//   query is slow: SELECT … -- PARAMETERS: [1]                  when it ended, the same text again
//   execution time: 5                                           its milliseconds
//   query failed: INSERT … -- PARAMETERS: ["x"]                 when it failed, the same text again
//   error: error: duplicate key value violates …                what the driver said; console.error() adds a stack and the error's properties
//
// The file logger writes `[2026-01-09T10:00:00.000Z][QUERY]: …`, `[SLOW QUERY: 5 ms]: …`, `[FAILED QUERY]: …`, `[QUERY ERROR]: …` with CR LF behind
// each; the debug logger `typeorm:query:log query: …` and the parameters on a line of their own, as util.inspect() prints them. Statements are printed
// verbatim, so a migration's go over many lines. BEGIN, COMMIT and savepoints go through the same logger. No connection is ever named.
//
// A slow or failed statement that was announced is one execution with it; one that was not (logging: ["error"], maxQueryExecutionTime alone) exists
// only there, and a log that has only such ones is a sample.

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/app_prefix.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/node_inspect.h"
#include "analyzers/log/formats/recent_statements.h"
#include "analyzers/log/formats/sql_lines.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr size_t kNowhere = std::string_view::npos;
constexpr size_t kMaxPrefix = 600;
constexpr size_t kLongestCutLine = 128;
constexpr std::string_view kParametersMarker = "-- PARAMETERS:";

enum class Entry : uint8_t { kNone, kQuery, kSlow, kFailed, kError, kTime, kParameters, kOther };

struct Marker {
  std::string_view text;
  Entry entry;
};
constexpr Marker kMarkers[] = {{"query:", Entry::kQuery},         {"query failed:", Entry::kFailed},   {"query is slow:", Entry::kSlow},
                               {"[QUERY]:", Entry::kQuery},       {"[FAILED QUERY]:", Entry::kFailed}, {"[SLOW QUERY]:", Entry::kSlow},
                               {"[QUERY ERROR]:", Entry::kError}, {"execution time:", Entry::kTime},   {"parameters:", Entry::kParameters},
                               {"error:", Entry::kError},         {"[INFO]:", Entry::kOther},          {"[LOG]:", Entry::kOther},
                               {"[WARN]:", Entry::kOther},        {"[ERROR]:", Entry::kOther}};

struct Message {
  Entry entry = Entry::kNone;
  size_t text = 0;            ///< offset behind the marker and its blank
  int64_t milliseconds = -1;  ///< of the file logger's `[SLOW QUERY: 5 ms]`
};

/// The message that begins at `at`.
Message message_at(std::string_view line, size_t at) {
  const std::string_view s = line.substr(std::min(at, line.size()));
  Message m;
  const auto behind = [&](size_t size, Entry entry) {
    if (size < s.size() && s[size] != ' ') return;  // `query:x` is no marker
    m.entry = entry;
    m.text = std::min(at + size + 1, line.size());
  };
  if (s.empty()) return m;
  switch (s[0]) {
    case 'q':
    case 'e':
    case 'p':
    case '[':
      for (const Marker& marker : kMarkers) {
        if (s.starts_with(marker.text)) {
          behind(marker.text.size(), marker.entry);
          if (m.entry != Entry::kNone) return m;
        }
      }
      if (constexpr std::string_view kSlow = "[SLOW QUERY: "; s.starts_with(kSlow)) {
        const auto [end, error] = std::from_chars(s.data() + kSlow.size(), s.data() + s.size(), m.milliseconds);
        const auto stop = static_cast<size_t>(end - s.data());
        if (error == std::errc() && s.substr(stop, 5) == " ms]:") behind(stop + 5, Entry::kSlow);
      }
      return m;
    default: return m;
  }
}

bool is_statement(Entry entry) { return entry == Entry::kQuery || entry == Entry::kSlow || entry == Entry::kFailed; }

/// Where a message with a statement begins in a line that is surely of TypeORM.
size_t find_message(std::string_view line, size_t from) {
  const size_t stop = std::min(line.size(), from + kMaxPrefix);
  for (size_t at = from; at < stop; ++at) {
    const char c = line[at];
    if (c != 'q' && c != '[') continue;
    if (at > from && c == 'q' && std::string_view(" \t])|>").find(line[at - 1]) == kNowhere) continue;
    const Message m = message_at(line, at);
    if (is_statement(m.entry) && (starts_like_sql(line.substr(m.text)) || (m.text >= line.size() && c == '['))) return at;
  }
  return kNowhere;
}

constexpr PythonMessages kMessages{"typeorm", "typeorm", find_message};

/// The statement and its parameters in a gathered text.
struct Statement {
  std::string_view sql, parameters;  ///< parameters: `[…]` as printed, empty without
  bool truncated = false;
};

size_t find_marker(std::string_view text, size_t from) {
  const size_t at = text.find(kParametersMarker, from);
  return at != kNowhere ? at : text.find("-- parameters:", from);
}

Statement split(std::string_view text, size_t last_line, size_t comment, bool cut) {
  Statement s;
  s.truncated = cut;
  s.sql = text;
  if (!cut && comment != kNowhere && comment < text.size()) {
    // The SQL may end in a comment of its own, and a value may hold the marker: the parameters are the first that reach to the end.
    size_t at = find_marker(text, std::max(comment, last_line));
    bool whole = false;
    for (size_t next = at; next != kNowhere && !whole; next = find_marker(text, next + 1)) {
      const std::string_view values = trim(text.substr(next + kParametersMarker.size()));
      const auto end = skip_node_container(values);
      whole = end && *end == values.size();
      if (whole) at = next;
    }
    if (at != kNowhere) {
      s.parameters = trim(text.substr(at + kParametersMarker.size()));
      s.sql = text.substr(0, at);
      s.truncated |= !whole;
    }
  }
  s.sql = trim(s.sql);
  return s;
}

class TypeormReader final : public RecordReader {
 public:
  TypeormReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), prefixes_(kMessages, options.zone_offset_minutes) {
    const std::string_view head = without_colours(lines_->head(), text_);
    prefixes_.learn(head);
    announced_ = has_announcement(head);
  }

  bool next(LogRecord& record) override {
    while (const auto raw = lines_->peek()) {
      lines_->mark();
      line_ = lines_->line_number();
      const std::string_view line = without_colours(*raw, clean_);
      if (!prefixes_.learned() && find_message(line, 0) != kNowhere) prefixes_.learn(line);
      const Message m = start_of(line, true);
      record = LogRecord{};
      record.line = line_;
      if (is_statement(m.entry)) {
        foreign_ = false;
        if (read_statement(line, m, record)) return true;
        continue;
      }
      lines_->take();
      if (m.entry == Entry::kNone) {
        other_line(line);
        continue;
      }
      foreign_ = true;
      record.time = prefixes_.time();
      if (m.entry == Entry::kError) read_properties();
      ++counts_.records;
      return true;  // of the schema builder, of the application, or a part whose beginning the log lost
    }
    counts_.sampled = counts_.statements > 0 && !announced_;
    completeness_.finish(counts_);
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  static bool has_announcement(std::string_view head) {
    for (size_t at = 0; at < head.size();) {
      const size_t stop = std::min(head.find('\n', at), head.size());
      const std::string_view line = head.substr(at, stop - at);
      const size_t message = find_message(line, 0);
      if (message != kNowhere && message_at(line, message).entry == Entry::kQuery) return true;
      at = stop + 1;
    }
    return false;
  }

  /// Does an entry begin on this line (without colours)?
  Message start_of(std::string_view line, bool tags) {
    Message m;
    prefixes_.match(line, tags, [&](size_t at, bool strong) {
      m = message_at(line, at);
      if (m.entry == Entry::kNone && strong) m.entry = Entry::kOther;
      return m.entry != Entry::kNone;
    });
    return m;
  }

  void other_line(std::string_view line) {
    if (line.find_first_not_of(" \t") == kNowhere) return;
    const bool goes_on = foreign_ && (line.front() == ' ' || line.front() == '\t' || line.front() == '}');
    if (!goes_on) ++counts_.unrecognised_lines;
    foreign_ = true;
  }

  bool read_statement(std::string_view line, const Message& m, LogRecord& record) {
    record.time = prefixes_.time();
    session_ = prefixes_.session();
    tags_.keep(prefixes_.tags());
    sql_.reset();
    sql_.add(line.substr(m.text));
    const bool coloured = line.data() == clean_.data();
    lines_->take();
    GatheredSql gathered =
        gather_sql(*lines_, sql_, m.text, clean_, [this](std::string_view next) { return start_of(next, false).entry != Entry::kNone; });
    std::string_view text = lines_->since_mark();
    size_t first = m.text;
    if (coloured || text.find('\x1b') != kNowhere) {
      text = without_colours(text, text_);
      gathered = again(text, first, gathered.cut);
    }
    const Statement s =
        split(text.substr(std::min(first, text.size())), gathered.last_line_begin - std::min(first, gathered.last_line_begin),
              gathered.comment == kNowhere ? kNowhere : gathered.comment - first, gathered.cut || lines_->record_was_cut());
    if (s.sql.empty()) {
      ++counts_.unrecognised_lines;
      return false;
    }
    record.kind = RecordKind::kStatement;
    record.sql = s.sql;
    record.truncated = s.truncated;
    values_.clear();
    decoder_.reset(s.parameters.size());
    bool cut = false;
    if (!s.parameters.empty()) {
      record.has_params = true;
      decoder_.values(s.parameters, values_, cut);
    }
    uint64_t key = RecentStatements::key(s.sql, s.parameters);
    // What belongs to this entry on lines of its own. Its own views stay good: the mark is not moved.
    if (const auto more = peek_entry(); more.entry == Entry::kParameters) {
      parameters_ = read_parameters();
      record.has_params = true;
      values_.clear();
      decoder_.reset(parameters_.size());
      decoder_.values(parameters_, values_, cut);
      key = RecentStatements::key(s.sql, parameters_);
    }
    record.truncated |= cut;
    record.params = values_;
    record.session = session_;
    record.tags = tags_.tags();
    ++counts_.records;
    if (m.entry == Entry::kQuery) {
      announced_ = true;
      record.tx_boundary = TxBoundary::kExplicit;
      recent_.put(key, line_, record.time);
      completeness_.add(record, counts_);
      return true;
    }
    if (announced_) record.tx_boundary = TxBoundary::kExplicit;
    if (m.entry == Entry::kSlow) {
      int64_t milliseconds = m.milliseconds;
      if (milliseconds < 0 && peek_entry().entry == Entry::kTime) milliseconds = read_time();
      record.end_time = record.time;
      record.time = {};
      if (milliseconds >= 0) {
        record.duration_us = milliseconds * 1000;
        if (record.end_time.known()) {
          record.time = record.end_time;
          record.time.micros -= record.duration_us;
        }
      }
      return ended(record, key, RecordKind::kCompletion);
    }
    record.has_error = true;
    error_.clear();
    code_.clear();
    if (peek_entry().entry == Entry::kError) read_error();
    record.error_message = error_;
    record.error_code = code_;
    record.end_time = record.time;
    record.time = {};
    return ended(record, key, RecordKind::kError);
  }

  /// A statement that ended: the one announced, or one of its own.
  bool ended(LogRecord& record, uint64_t key, RecordKind kind) {
    if (const auto line = recent_.take(key, record.time.micros)) {
      record.kind = kind;
      record.attaches = true;
      record.about_line = *line;
      record.sql = {};
      record.params = {};
      record.has_params = false;
      record.truncated = false;
      return true;
    }
    if (announced_ && is_at_end()) {  // a repetition that the end of the log cut
      const uint64_t line = record.line;
      record = LogRecord{};
      record.line = line;
      return true;
    }
    completeness_.add(record, counts_);
    return true;
  }

  /// Does the log end here, or with one line cut before it could tell what it is: a clause of the statement (`fr`), its parameters? Takes that line.
  bool is_at_end() {
    const auto raw = lines_->peek();
    if (!raw) return true;
    const std::string_view line = without_colours(*raw, clean_);
    if (lines_->record_was_cut() || line.size() > kLongestCutLine || is_statement(start_of(line, false).entry)) return false;
    const size_t offset = lines_->offset();
    const uint64_t number = lines_->line_number();
    lines_->take();
    const bool result = !lines_->peek();
    if (!result) lines_->rewind(offset, number);
    return result;
  }

  /// Offsets in a text whose colours went.
  static GatheredSql again(std::string_view text, size_t first, bool cut) {
    GatheredSql result;
    result.cut = cut;
    SqlLines sql;
    sql.reset();
    for (size_t at = first; at <= text.size();) {
      const size_t stop = std::min(text.find('\n', at), text.size());
      const std::string_view line = text.substr(at, stop - at);
      sql.add(line);
      if (line.find_first_not_of(" \t\r") != kNowhere || at == first) {
        result.last_line_begin = at;
        result.comment = sql.comment() == kNowhere ? kNowhere : at + sql.comment();
      }
      at = stop + 1;
    }
    return result;
  }

  Message peek_entry() {
    const auto line = lines_->peek();
    return line ? start_of(without_colours(*line, clean_), false) : Message{};
  }

  /// The text of the line peeked, behind its marker; the line is taken.
  std::string_view take_text() {
    const auto raw = lines_->peek();
    const std::string_view line = without_colours(*raw, clean_);
    const Message m = start_of(line, false);
    lines_->take();
    return line.substr(std::min(m.text, line.size()));
  }

  int64_t read_time() {
    const std::string_view text = trim(take_text());
    int64_t v = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    return error == std::errc() && v >= 0 && v < 1'000'000'000'000 ? v : -1;
  }

  std::string read_parameters() {
    std::string text(take_text());
    NodeBrackets brackets;
    if (brackets.add(text) || !brackets.is_open()) return text;
    while (const auto raw = lines_->peek()) {
      const std::string_view line = without_colours(*raw, clean_);
      if (start_of(line, false).entry != Entry::kNone || text.size() > (size_t{16} << 20)) break;
      text += '\n';
      const size_t from = text.size();
      text += line;
      lines_->take();
      if (brackets.add(text, from)) break;
    }
    return text;
  }

  void read_error() {
    std::string_view text = take_text();
    for (const std::string_view name : {"error: ", "Error: ", "QueryFailedError: "}) {
      if (text.starts_with(name)) {
        text.remove_prefix(name.size());
        break;
      }
    }
    error_ = text.substr(0, 4096);
    read_properties();
  }

  /// The stack and the properties console.error() prints behind an error.
  void read_properties() {
    while (const auto raw = lines_->peek()) {
      const std::string_view line = without_colours(*raw, clean_);
      if (line.empty() || (line[0] != ' ' && line[0] != '}')) break;
      if (start_of(line, false).entry != Entry::kNone) break;
      const std::string_view property = trim(line);
      const auto value = [&property](std::string_view name) {
        if (!property.starts_with(name)) return std::string_view();
        std::string_view v = property.substr(name.size());
        if (v.ends_with(',')) v.remove_suffix(1);
        if (v.size() >= 2 && v.front() == '\'' && v.back() == '\'') v = v.substr(1, v.size() - 2);
        return v == "undefined" || v == "null" ? std::string_view() : v;
      };
      if (const auto code = value("code: "); !code.empty() && code_.empty()) code_ = code;
      if (const auto number = value("errno: "); !number.empty()) code_ = number;  // MySQL's `code` is a name
      lines_->take();
    }
  }

  std::unique_ptr<Lines> lines_;
  AppPrefixes prefixes_;
  Completeness completeness_;
  RecentStatements recent_;
  SqlLines sql_;
  NodeDecoder decoder_;
  std::vector<BindValue> values_;
  KeptTags tags_;
  std::string session_, clean_, text_, parameters_, error_, code_;
  uint64_t line_ = 0;
  bool foreign_ = false;    // inside lines of something else
  bool announced_ = false;  // `query:` lines exist
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  std::string storage, clean;
  size_t lines = 0, ours = 0, certain = 0;
  SqlLines sql;
  bool open = false;
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    std::string_view line = without_colours(head.substr(at, stop - at), clean);
    at = stop + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == kNowhere) continue;
    const size_t message = line.front() == '{' ? kNowhere : find_message(line, 0);
    if (message != kNowhere) {
      const Message m = message_at(line, message);
      ++lines;
      ++ours;
      if (m.entry != Entry::kQuery || line[message] == '[' || line.find(kParametersMarker) != kNowhere || line.find("typeorm") != kNowhere)
        ++certain;
      sql.reset();
      sql.add(line.substr(m.text));
      open = true;
    } else if (line.starts_with("query:") || line.starts_with("query failed:") || line.starts_with("execution time: ") ||
               (line.starts_with("error: ") && certain > 0)) {
      ++lines;
      ++ours;
      sql.reset();
      sql.add(line.starts_with("query:") ? line.substr(6) : std::string_view("?"));
      open = true;
    } else if (open && (line.front() == ' ' || line.front() == '}' || sql.continues(line))) {
      sql.add(line);
    } else {
      ++lines;
      open = false;
    }
  }
  if (ours == 0) return 0;
  const size_t share = ours * 300 / lines;
  return static_cast<int>((certain > 0 ? 600 : 350) + share);
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<TypeormReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"query: START TRANSACTION\n"
     "query: SELECT \"Seat\".\"id\" AS \"Seat_id\" FROM \"seat\" \"Seat\" WHERE ((\"Seat\".\"row\" = $1)) LIMIT 1 FOR UPDATE -- "
     "PARAMETERS: [4]\n"
     "query: INSERT INTO \"booking\"(\"seat\", \"who\") VALUES ($1, $2) RETURNING \"id\" -- PARAMETERS: [4,\"O'x \\n\"]\n"
     "query failed: INSERT INTO \"booking\"(\"seat\", \"who\") VALUES ($1, $2) RETURNING \"id\" -- PARAMETERS: [4,\"O'x \\n\"]\n"
     "error: error: duplicate key value violates unique constraint \"UQ_seat\"\n"
     "query: ROLLBACK\n",
     4},
    {"[2026-01-09T10:00:00.123Z][QUERY]: UPDATE \"seat\" SET \"taken\" = $1 WHERE \"id\" = $2 -- PARAMETERS: [true,7]\r\n"
     "[2026-01-09T10:00:00.140Z][SLOW QUERY: 17 ms]: UPDATE \"seat\" SET \"taken\" = $1 WHERE \"id\" = $2 -- PARAMETERS: [true,7]\r\n\r\n",
     1},
    {"\x1b[90m\x1b[4mquery:\x1b[24m\x1b[39m \x1b[94mSELECT\x1b[0m \x1b[37m*\x1b[0m \x1b[94mFROM\x1b[0m seat \x1b[90m-- PARAMETERS: "
     "[1]\x1b[0m\n",
     1},
    {"2026-01-09T10:00:00.123Z typeorm:query:log query: SELECT * FROM seat WHERE id = $1\n"
     "2026-01-09T10:00:00.123Z typeorm:query:log parameters: [ 'a' ]\n",
     1},
};

}  // namespace

extern const Format kFormat_typeorm;
const Format kFormat_typeorm = {"typeorm",
                                "TypeORM's console, file and debug loggers",
                                "new DataSource({..., logging: [\"query\", \"error\"], logger: \"file\"}); ormlogs.log then has the times",
                                Engine::kUnknown,
                                "typeorm",
                                kSamples,
                                score,
                                open};

}  // namespace dbaudit
