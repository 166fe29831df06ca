// GORM's query log: gorm.io/gorm/logger, printed by its own logger or handed to slog, zap or logrus.
//
// The default logger (logger.go: traceStr, traceWarnStr, traceErrStr) prints two lines through a log.Logger, whose prefix is usually "\r\n" and a time:
//
//   2026/11/20 14:37:19 /app/shop/main.go:42                                    the caller; behind it `SLOW SQL >= 200ms` or the error's text
//   [0.543ms] [rows:1] SELECT * FROM `accts` WHERE id = 1                       elapsed, RowsAffected (`-` when unknown), the statement
//
// with ANSI colours between the parts unless Config.Colorful is false. Parameters are inlined (Explain of the dialect: a quote inside a string is doubled,
// nothing else is escaped), so lines of a literal stand at column 0. The statement is logged when it has ended: the time of the line is its end.
// `[info]`, `[warn]`, `[error]` instead of `[ms]` are messages of the application.
//
// Other carriers print the same facts as keys: gorm's own logger.NewSlogLogger (group `trace`: duration, sql, rows, error; since 1.30), moul.io/zapgorm2
// (message `trace`: elapsed, rows, sql, error), github.com/orandin/slog-gorm (query, duration, rows, file, error), and logrus bridges of the same
// names; as JSON lines, as slog's or logrus's key=value text, or as zap's console lines that end in a JSON object. Durations there are
// text with a unit, seconds (a number with a point, zap's production encoder) or nanoseconds (a whole number, time.Duration in JSON).
//
// What it cannot show: sessions (there is no connection, no goroutine in it), BEGIN and COMMIT (callbacks call database/sql directly; only SavePoint and
// RollbackTo go through Exec). `record not found` is GORM's own word for no rows, not a failure. At Warn, the default level, only slow and failed
// statements are printed: such a log is a sample. With ParameterizedQueries the placeholders stay and no value is printed.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
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
constexpr size_t kNone = std::string_view::npos;
constexpr int kMaxErrorLines = 32;  ///< of an error's text, between the caller and `[ms]`
constexpr GatherLimits kLimits{.bytes = size_t{64} << 10};
constexpr std::string_view kSlow = "SLOW SQL >= ";
constexpr std::string_view kNoRows = "record not found";

/// `[0.543ms] [rows:1] `
struct Anchor {
  int64_t micros = 0, rows = -1;
  size_t begin = 0, sql = 0;  ///< offsets in the line
};

bool anchor_at(std::string_view s, size_t at, Anchor& out) {
  out.begin = at;
  at = skip_colours(s, at);
  if (at >= s.size() || s[at] != '[') return false;
  const size_t number = ++at;
  while (at < s.size() && (is_digit(s[at]) || s[at] == '.')) ++at;
  if (at == number || at - number > 16 || s.substr(at, 3) != "ms]") return false;
  double ms = 0;
  if (std::from_chars(s.data() + number, s.data() + at, ms).ec != std::errc()) return false;
  at += 3;
  if (at < s.size() && s[at] == ' ') ++at;
  at = skip_colours(s, at);
  if (s.substr(at, 6) != "[rows:") return false;
  at += 6;
  if (at < s.size() && s[at] == '-') {
    out.rows = -1;
    ++at;
    if (at < s.size() && s[at] == '1') ++at;
  } else {
    const auto [end, error] = std::from_chars(s.data() + at, s.data() + s.size(), out.rows);
    if (error != std::errc()) return false;
    at = static_cast<size_t>(end - s.data());
  }
  if (at >= s.size() || s[at] != ']') return false;
  ++at;
  at = skip_colours(s, at);
  if (at < s.size() && s[at] == ' ') ++at;
  out.micros = std::llround(ms * 1000);
  out.sql = at;
  return true;
}

/// Finds the anchor in a line: at its beginning, or behind the caller when a program printed both on one line.
bool find_anchor(std::string_view line, Anchor& out) {
  if (line.empty()) return false;
  if ((line[0] == '[' || line[0] == '\x1b') && anchor_at(line, 0, out)) return true;
  const std::string_view head = line.substr(0, std::min<size_t>(line.size(), 1024));
  const size_t rows = head.find("[rows:");
  const size_t unit = rows == kNone ? kNone : head.rfind("ms]", rows);
  const size_t begin = unit == kNone ? kNone : head.rfind('[', unit);
  if (begin == kNone || begin == 0 || (line[begin - 1] != ' ' && line[begin - 1] != 'm') || line[0] == '{') return false;
  return anchor_at(line, begin, out) && line.substr(0, begin).find(".go:") != kNone;
}

/// `/app/main.go:42`, wherever it stands in a line without colours.
struct Caller {
  std::string_view file, rest;  ///< `rest`: behind it
  int64_t line = 0;
  size_t begin = 0;
};

bool find_caller(std::string_view line, Caller& out) {
  for (size_t at = line.find(".go:"); at != kNone; at = line.find(".go:", at + 4)) {
    const size_t digits = header_text::digits_at(line, at + 4);
    if (digits == 0 || digits > 7) continue;
    size_t begin = at;
    while (begin > 0 && line[begin - 1] != ' ' && line[begin - 1] != '\t' && line[begin - 1] != '"') --begin;
    out.begin = begin;
    out.file = line.substr(begin, at + 3 - begin);
    std::from_chars(line.data() + at + 4, line.data() + at + 4 + digits, out.line);
    out.rest = line.substr(at + 4 + digits);
    return true;
  }
  return false;
}

/// The time a log.Logger prints, at the beginning or behind a prefix of the application's.
std::optional<TimePoint> time_in(std::string_view text) {
  for (size_t at = 0; at < text.size() && at < 64; ++at) {
    if (!is_digit(text[at]) || (at > 0 && is_digit(text[at - 1]))) continue;
    size_t used = 0;
    if (auto t = parse_python_time(text.substr(at), used); t && used >= 8) return t;
  }
  return std::nullopt;
}

bool starts_with_time(std::string_view line) {
  if (line.size() < 8 || !is_digit(line[0])) return false;
  size_t used = 0;
  return parse_python_time(line, used).has_value() && used >= 8;
}

/// A line that some logger began, surely no part of a statement.
bool is_other_line(std::string_view line) {
  if (line.empty()) return false;
  if (line[0] == '{' || line.starts_with("[GIN") || line.starts_with("time=") || line.starts_with("goroutine ") ||
      line.starts_with("panic:"))
    return true;
  if (starts_with_time(line)) return true;
  // logrus: `INFO[0000] message`
  size_t at = 0;
  at = skip_colours(line, at);
  const std::string_view rest = line.substr(at);
  if (rest.size() < 6 || rest[4] != '[') return false;
  const std::string_view level = rest.substr(0, 4);
  return level == "TRAC" || level == "DEBU" || level == "INFO" || level == "WARN" || level == "ERRO" || level == "FATA" || level == "PANI";
}

/// The server's code in an error's text: `Error 1062 (23000): …` (go-sql-driver), `… (SQLSTATE 23505)` (pgx), `pq: …` has none, `… (2067)` (modernc).
std::string_view code_in(std::string_view error) {
  if (const size_t at = error.rfind("SQLSTATE "); at != kNone) {
    size_t n = 0;
    while (at + 9 + n < error.size() && n < 6 && header_text::is_upper_alnum(error[at + 9 + n])) ++n;
    if (n == 5) return error.substr(at + 9, 5);
  }
  if (error.starts_with("Error ")) {
    if (const size_t n = header_text::digits_at(error, 6); n >= 3 && n <= 5) return error.substr(6, n);
  }
  if (error.ends_with(')')) {
    const size_t open = error.rfind('(');
    if (open != kNone && header_text::digits_at(error, open + 1) == error.size() - open - 2 && error.size() - open <= 6) {
      return error.substr(open + 1, error.size() - open - 2);
    }
  }
  return {};
}

/// `0.543ms`, `1.2s`, `129.782µs`, `1m2.5s`: time.Duration's String().
int64_t go_duration(std::string_view text) {
  double total = 0;
  size_t at = 0;
  if (text.empty()) return -1;
  while (at < text.size()) {
    double v = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), v);
    if (error != std::errc()) return -1;
    at = static_cast<size_t>(end - text.data());
    const std::string_view unit = text.substr(at);
    const auto take = [&](std::string_view name, double micros) {
      if (!unit.starts_with(name)) return false;
      total += v * micros;
      at += name.size();
      return true;
    };
    if (!take("ns", 1e-3) && !take("µs", 1) && !take("μs", 1) && !take("us", 1) && !take("ms", 1e3) && !take("s", 1e6) &&
        !take("m", 60e6) && !take("h", 3600e6))
      return -1;
  }
  return total >= 0 && total < 9e15 ? std::llround(total) : -1;
}

/// What a structured logger said of one statement. Views into the line, its parse or the buffer of unescaped text.
struct Trace {
  std::string_view sql, error, file, message, level, session;
  std::string_view time;
  std::optional<TimePoint> when;
  int64_t micros = -1, rows = -1, line = 0;
};

bool split_place(std::string_view place, Trace& trace) {
  const size_t colon = place.rfind(':');
  if (colon == kNone || !place.substr(0, colon).ends_with(".go") || !all_digits(place.substr(colon + 1))) return false;
  trace.file = place.substr(0, colon);
  std::from_chars(place.data() + colon + 1, place.data() + place.size(), trace.line);
  return true;
}

int64_t duration_of(const JsonField& field) {
  if (field.kind == JsonField::Kind::kString) return go_duration(field.text);
  double v = 0;
  const char* const end = field.text.data() + field.text.size();
  if (field.kind != JsonField::Kind::kNumber || std::from_chars(field.text.data(), end, v).ptr != end || !(v >= 0) || v > 1e15) return -1;
  return std::llround(field.text.find_first_of(".eE") != kNone ? v * 1e6 : v / 1e3);
}

/// The keys of a line that GORM's structured loggers write; false for any other line.
bool read_trace(const JsonLines& json, Trace& trace) {
  trace = Trace{};
  const JsonField* sql = json.find({"trace.sql", "sql"});
  const bool grouped = sql != nullptr && sql->key == "trace.sql";
  if (sql == nullptr) sql = json.find({"query"});
  if (sql == nullptr || sql->kind != JsonField::Kind::kString) return false;
  const JsonField* took = json.find({"trace.duration", "elapsed", "duration", "elapsed_ms", "latency"});
  const JsonField* rows = json.find({"trace.rows", "rows", "rows_affected"});
  trace.message = json.text({"msg", "message", "M"});
  // Three keys of GORM's, or its own words, or a caller in Go: a line with `sql` alone may be anybody's.
  const bool words = trace.message == "trace" || trace.message == "SQL executed" || trace.message.starts_with("SQL query executed [") ||
                     trace.message.starts_with("slow sql query [");
  const bool caller = split_place(json.text({"file", "caller", "source", "C"}), trace) || json.text({"source.file"}).ends_with(".go");
  if (took == nullptr || !(grouped || (rows != nullptr && (words || caller)))) return false;
  trace.sql = sql->text;
  trace.micros = took->key == "elapsed_ms" && took->kind == JsonField::Kind::kNumber ? -1 : duration_of(*took);
  if (rows != nullptr && rows->kind == JsonField::Kind::kNumber) {
    std::from_chars(rows->text.data(), rows->text.data() + rows->text.size(), trace.rows);
    if (trace.rows < 0) trace.rows = -1;
  }
  trace.error = json.text({"trace.error", "error", "err"});
  if (const std::string_view file = json.text({"source.file"}); !file.empty()) {
    trace.file = file;
    const std::string_view line = json.text({"source.line"});
    std::from_chars(line.data(), line.data() + line.size(), trace.line);
  }
  if (const JsonField* f = json.find({"time", "ts", "timestamp", "@timestamp", "T"})) trace.when = json_time(*f);
  trace.session = json.text({"request_id", "requestId", "req_id", "trace_id", "traceId"});
  return true;
}

/// Fields of one line of slog's TextHandler or logrus's TextFormatter, made into a JSON object so that both are read by the same rules: quoted
/// values there follow strconv.Quote, whose escapes JSON shares but for \x, \a, \v and \U.
bool logfmt_to_json(std::string_view line, std::string& out) {
  out.assign(1, '{');
  size_t at = 0;
  int fields = 0;
  while (at < line.size()) {
    const size_t equals = line.find('=', at);
    if (equals == kNone || equals == at || equals - at > 64) return false;
    const std::string_view key = line.substr(at, equals - at);
    if (key.find_first_of(" \"\\\t{") != kNone) return false;
    if (fields++ > 0) out += ',';
    out.append(1, '"').append(key).append("\":\"");
    at = equals + 1;
    if (at < line.size() && line[at] == '"') {
      size_t end = at + 1;
      while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
      if (end >= line.size()) return false;
      for (size_t i = at + 1; i < end; ++i) {
        if (line[i] != '\\') {
          out += line[i];
        } else if (const char c = line[i + 1]; c == 'x' || c == 'a' || c == 'v' || c == 'U' || c == '\'') {
          out += c == 'x' ? "\\u00" : c == 'a' ? "\\u0007" : c == 'v' ? "\\u000b" : c == 'U' ? "\\\\U" : "'";
          ++i;
        } else {
          out.append(line.substr(i, 2));
          ++i;
        }
      }
      at = end + 1;
    } else {
      const size_t end = std::min(line.find(' ', at), line.size());
      for (const char c : line.substr(at, end - at)) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
      }
      at = end;
    }
    out += '"';
    if (at < line.size() && line[at] != ' ') return false;
    while (at < line.size() && line[at] == ' ') ++at;
  }
  out += '}';
  return fields > 2;
}

enum class Carrier : unsigned char { kOther, kJson, kLogfmt, kConsole };

/// Parses a line of a structured logger. `buffer` holds what had to be rewritten.
Carrier read_line(std::string_view line, JsonLines& json, std::string& buffer, Trace& trace) {
  if (line.size() < 16) return Carrier::kOther;
  if (line[0] == '{') return json.parse(line) && read_trace(json, trace) ? Carrier::kJson : Carrier::kOther;
  if (line.back() == '}') {
    const size_t open = line.find("\t{\"");
    if (open == kNone || !json.parse(line.substr(open + 1)) || json.find({"sql"}) == nullptr) return Carrier::kOther;
    // zap's console: time, level, caller, message, object, between tabs
    const std::vector<std::string_view> parts = split(line.substr(0, open), '\t');
    Trace place;
    for (const std::string_view part : parts) split_place(part, place);
    const JsonField* took = json.find({"elapsed", "duration"});
    if (place.file.empty() || took == nullptr || json.find_any({"rows"}) == nullptr) return Carrier::kOther;
    trace = place;
    trace.sql = json.text({"sql"});
    trace.micros = duration_of(*took);
    const std::string_view rows = json.text({"rows"});
    std::from_chars(rows.data(), rows.data() + rows.size(), trace.rows);
    if (trace.rows < 0) trace.rows = -1;
    trace.error = json.text({"error"});
    trace.session = json.text({"request_id", "requestId", "trace_id"});
    size_t used = 0;
    trace.when = parse_python_time(parts[0], used);
    return Carrier::kConsole;
  }
  if (line.starts_with("time=") || line.starts_with("level=") || line.starts_with("ts=")) {
    if (!logfmt_to_json(line, buffer) || !json.parse(buffer)) return Carrier::kOther;
    if (!read_trace(json, trace)) return Carrier::kOther;
    // Every value is text here.
    const std::string_view rows = json.text({"trace.rows", "rows", "rows_affected"});
    if (std::from_chars(rows.data(), rows.data() + rows.size(), trace.rows).ec != std::errc() || trace.rows < 0) trace.rows = -1;
    return Carrier::kLogfmt;
  }
  return Carrier::kOther;
}

class GormReader final : public RecordReader {
 public:
  GormReader(std::unique_ptr<Lines> lines, const ReaderOptions& options) : lines_(std::move(lines)), zone_(options.zone_offset_minutes) {}

  bool next(LogRecord& record) override {
    while (const auto line = lines_->peek()) {
      lines_->mark();
      line_ = lines_->line_number();
      if (line->empty()) {
        lines_->take();
        continue;
      }
      if (const Carrier carrier = read_line(*line, json_, buffer_, trace_); carrier != Carrier::kOther) {
        lines_->take();
        if (trace_.sql.empty()) continue;
        deliver_trace(record);
        return true;
      }
      if (read_entry(*line, record)) return true;
    }
    finish();
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  /// The entry that begins with the peeked line. When it is none, the line is taken and counted; false, too, for a message.
  bool read_entry(std::string_view first, LogRecord& record) {
    Anchor anchor;
    if (first[0] == '{' || first.find("\t{\"") != kNone) {  // a structured line that was cut, or another's
      lines_->take();
      ++counts_.unrecognised_lines;
      return false;
    }
    if (find_anchor(first, anchor)) return read_statement(anchor, anchor.begin, record);
    Caller caller;
    const bool has_caller = find_caller(strip(first), caller);
    const bool caller_ends_line = has_caller && trim(caller.rest).empty();
    if (!has_caller && !starts_with_time(first)) {
      lines_->take();
      ++counts_.unrecognised_lines;
      return false;
    }
    lines_->take();
    const size_t header_size = first.size();
    const size_t behind = lines_->offset();
    const uint64_t second_line = lines_->line_number();
    for (int i = 0; i < kMaxErrorLines; ++i) {
      const auto line = lines_->peek();
      if (!line || lines_->record_was_cut()) break;
      if (!line->empty() && ((*line)[0] == '[' || (*line)[0] == '\x1b') && anchor_at(*line, 0, anchor)) {
        // The header is everything before: an error's text may be of several lines.
        const size_t at = lines_->offset();
        return read_statement(anchor, at, record);
      }
      if (!has_caller) break;
      size_t at = 0;
      at = skip_colours(*line, at);
      const std::string_view rest = line->substr(at);
      if (rest.starts_with("[info] ") || rest.starts_with("[warn] ") || rest.starts_with("[error] ")) {
        lines_->take();
        ++counts_.records;
        record = LogRecord{};
        record.kind = RecordKind::kOther;
        record.line = line_;
        if (const auto t = time_in(lines_->since_mark().substr(0, header_size))) record.time = in_zone(*t, zone_);
        return true;
      }
      // Only an error's text may stand between.
      if (caller_ends_line) break;
      if (is_other_line(*line)) break;
      lines_->take();
    }
    if (lines_->line_number() != second_line && !lines_->record_was_cut()) lines_->rewind(behind, second_line);
    ++counts_.unrecognised_lines;
    return false;
  }

  std::string_view strip(std::string_view text) { return without_colours(text, plain_); }

  struct StatementText : VerbatimStatement {
    GormReader& reader;

    bool goes_on(std::string_view line) {
      if (!line.empty()) return sql.continues(line, Indented::kStatement);
      // log.New(…, "\r\n", …) puts this before the next entry, but a raw statement may have empty lines as well.
      if (lines.record_was_cut()) return false;
      const size_t offset = lines.offset();
      const uint64_t number = lines.line_number();
      lines.take();
      const auto after = lines.peek();
      const bool result = after && !after->empty() && !reader.begins_entry(*after) && sql.continues(*after, Indented::kStatement);
      if (!lines.record_was_cut()) lines.rewind(offset, number);
      (void)lines.peek();
      return result;
    }
    bool starts(std::string_view line) { return !line.empty() && reader.begins_entry(line); }
  };

  /// The statement whose anchor stands in the peeked line, `at` bytes behind the mark; the header is before it.
  bool read_statement(const Anchor& anchor, size_t at, LogRecord& record) {
    const size_t size = anchor.sql - anchor.begin;
    lines_->take();
    const size_t sql_at = at + size;
    sql_lines_.reset();
    StatementText statement{{*lines_, sql_lines_, sql_at}, *this};
    sql_lines_.advance(statement.text());
    const GatheredLines gathered = gather_lines(*lines_, statement, kLimits);
    const std::string_view text = lines_->since_mark();
    const bool cut = lines_->record_was_cut();
    const std::string_view header = text.substr(0, std::min(at, text.size()));
    std::string_view sql = text.substr(std::min(sql_at, text.size()));
    sql = without_colours(sql, sql_);
    if (trim(sql).empty()) {
      ++counts_.unrecognised_lines;
      return false;
    }
    fill(without_colours(header, plain_), sql, anchor, record);
    record.truncated = cut || gathered.cut;
    if (record.truncated) ++counts_.truncated_statements;
    return true;
  }

  static bool begins_entry(std::string_view line) {
    Anchor anchor;
    if (is_other_line(line) || find_anchor(line, anchor)) return true;
    if (line.size() > 512 || line.find(' ') != kNone || line.find(".go:") == kNone) return false;
    Caller caller;  // a log.Logger without flags prints it alone
    std::string plain;
    return find_caller(without_colours(line, plain), caller) && caller.rest.empty();
  }

  void fill(std::string_view header, std::string_view sql, const Anchor& anchor, LogRecord& record) {
    record = LogRecord{};
    record.rows = anchor.rows;
    Caller caller;
    std::string_view error;
    TimePoint when;
    if (find_caller(header, caller)) {
      record.source_file = caller.file;
      record.source_line = caller.line;
      error = trim(caller.rest);
      if (const auto t = time_in(header.substr(0, caller.begin))) when = *t;
    } else if (const auto t = time_in(header)) {
      when = *t;
    }
    bool slow = false;
    if (error.starts_with(kSlow)) {
      slow = true;
      error = {};
    }
    finish_record(sql, error, slow, anchor.micros, when, record);
  }

  void deliver_trace(LogRecord& record) {
    record = LogRecord{};
    record.rows = trace_.rows;
    record.source_file = trace_.file;
    record.source_line = trace_.line;
    tags_.clear();
    if (!trace_.session.empty()) tags_.push_back({"request_id", trace_.session});
    record.tags = tags_;
    record.session = trace_.session;
    finish_record(trace_.sql, trace_.error, trace_.message.starts_with("slow sql query"), trace_.micros, trace_.when.value_or(TimePoint{}),
                  record);
  }

  void finish_record(std::string_view sql, std::string_view error, bool slow, int64_t micros, TimePoint when, LogRecord& record) {
    record.kind = RecordKind::kStatement;
    record.line = line_;
    record.sql = sql;
    record.duration_us = micros;
    if (error == kNoRows) {
      error = {};
    } else if (!error.empty()) {
      record.has_error = true;
      record.error_message = error;
      record.error_code = code_in(error);
    } else if (!slow) {
      ordinary_ = true;
    }
    when = in_zone(when, zone_);
    if (when.known()) {
      record.end_time = when;
      record.time = when;
      if (micros >= 0) record.time.micros -= micros;
    } else {
      missing_.time = true;
    }
    if (record.session.empty()) missing_.session = true;
    if (!missing_.parameters) missing_.parameters = has_placeholder(sql);
    ++counts_.records;
    ++counts_.statements;
  }

  void finish() {
    missing_.boundaries = counts_.statements > 0;
    counts_.sampled = counts_.statements > 0 && !ordinary_;
    tell_incomplete(missing_, counts_);
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_;
  uint64_t line_ = 0;
  JsonLines json_;
  std::string buffer_, plain_, sql_;
  Trace trace_;
  SqlLines sql_lines_;
  std::vector<Tag> tags_;
  bool ordinary_ = false;
  Missing missing_;
  ReaderCounts counts_;
};

/// Nothing else prints `[0.543ms] [rows:1] `; a structured line must have GORM's keys and words.
int score(std::string_view head, const ReaderOptions&) {
  const bool whole = head.size() < (size_t{64} << 10) || head.back() == '\n';
  size_t entries = 0, lines = 0;
  JsonLines json;
  std::string buffer;
  Trace trace;
  Anchor anchor;
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    std::string_view line = head.substr(at, stop - at);
    at = stop + 1;
    if (stop == head.size() && !whole) break;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trim(line).empty()) continue;
    ++lines;
    if (find_anchor(line, anchor) || read_line(line, json, buffer, trace) != Carrier::kOther) ++entries;
  }
  if (entries == 0) return 0;
  return static_cast<int>(700 + 250 * std::min(lines, 2 * entries) / lines);
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<GormReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"\r\n2026/11/20 14:37:19 /app/shop/main.go:42\n[0.543ms] [rows:1] SELECT * FROM `accts` WHERE `accts`.`id` = 2 ORDER BY `accts`.`id` "
     "LIMIT 1\n"
     "\r\n2026/11/20 14:37:20 /app/shop/main.go:57 Error 1062 (23000): Duplicate entry 'a' for key 'accts.name'\n"
     "[1.204ms] [rows:0] INSERT INTO `accts` (`name`,`bal`) VALUES ('a',10)\n",
     2},
    {"\r\n2026/11/20 14:37:19 \x1b[32m/app/main.go:43 \x1b[33mSLOW SQL >= 200ms\n\x1b[0m\x1b[31;1m[250.133ms] \x1b[33m[rows:-]\x1b[35m "
     "SELECT "
     "pg_sleep(0.25)\x1b[0m\n",
     1},
    {"2026-11-20T14:37:19.123Z\tDEBUG\tshop/main.go:86\ttrace\t{\"elapsed\": \"1.054827ms\", \"rows\": 0, \"sql\": \"DELETE FROM `accts` "
     "WHERE "
     "`accts`.`id` = 1\"}\n",
     1},
    {"time=2026-11-20T14:37:19.849Z level=INFO msg=\"SQL executed\" trace.duration=0.144ms trace.sql=\"UPDATE `accts` SET `bal`=5 WHERE id "
     "= 2\" "
     "trace.rows=1\n",
     1},
};

}  // namespace

extern const Format kFormat_gorm;
const Format kFormat_gorm = {
    "gorm",
    "GORM's logger, plain, coloured, or through slog, zap and logrus",
    "gorm.Config{Logger: logger.New(log.New(file, \"\\r\\n\", log.LstdFlags|log.Lmicroseconds), logger.Config{LogLevel: logger.Info, "
    "SlowThreshold: time.Second})}",
    Engine::kUnknown,
    "gorm",
    kSamples,
    score,
    open};

}  // namespace dbaudit
