// Laravel: what an application's DB::listen() wrote through Monolog, or DB::getQueryLog() as JSON.
//
//   [2026-01-09 10:00:00] local.DEBUG: select * from "users" where "id" = ? limit 1 {"bindings":[2],"time":0.34,"connection":"pgsql"}
//   [2026-01-09 10:00:00] local.INFO: select * from "users" where "id" = ? [2]
//   [2026-01-09 10:00:00] local.DEBUG: Query executed {"sql":"select …","bindings":[2],"time":0.34}
//   [2026-01-09 10:00:00] local.ERROR: SQLSTATE[23000]: Integrity constraint violation: … (Connection: mysql, SQL: insert …) {"exception":"…
//   [{"query":"select …","bindings":[2],"time":0.34}, …]
//
// The framework itself logs no query, so the message is the application's choice: the SQL, alone or behind a word or two, or in the context. Monolog's
// LineFormatter gives `[time] channel.LEVEL: message context extra`, its JsonFormatter the same under `message`, `context`, `datetime` and `extra`.
//
// - QueryExecuted is fired when the query has ended (the line's time is its end, `time` its milliseconds) and never for one that failed: that one is
//   only in the exception's message, with its bindings put in without quotes.
// - The SQL once more with its bindings filled in (toRawSql() beside `sql`) is the same execution.
// - Transactions show only where the application logs the events TransactionBeginning, TransactionCommitted and TransactionRolledBack. A beginning
//   inside of a transaction is Laravel's savepoint `trans2`, whose commit sends nothing.
// - `connection` names a configuration, not a session. A process or request number is there when a processor of Monolog's or the context adds one.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/laravel_message.h"
#include "analyzers/log/formats/ruby_inspect.h"
#include "analyzers/log/formats/sql_lines.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

using namespace laravel;
using Kind = JsonField::Kind;

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxLevels = 4096;  ///< connections whose transactions are counted

int64_t milliseconds(const JsonField* f) {
  if (f == nullptr || (f->kind != Kind::kNumber && f->kind != Kind::kString)) return -1;
  double v = 0;
  const auto [stop, error] = std::from_chars(f->text.data(), f->text.data() + f->text.size(), v);
  if (error != std::errc() || !(v >= 0) || v > 1e12) return -1;
  const std::string_view unit = trim(f->text.substr(static_cast<size_t>(stop - f->text.data())));
  if (unit == "s") return static_cast<int64_t>(std::llround(v * 1e6));
  return unit.empty() || unit == "ms" ? static_cast<int64_t>(std::llround(v * 1e3)) : -1;
}

const JsonField* sql_in(const JsonLines& json) {
  for (const std::string_view key :
       {"sql", "query", "raw_sql", "raw_query", "statement", "context.sql", "context.query", "context.raw_sql", "context.statement"}) {
    const JsonField* f = json.find({key});
    if (f != nullptr && f->kind == Kind::kString && is_certainly_sql(f->text)) return f;
  }
  return nullptr;
}

/// A file that is one JSON array of queries.
bool is_query_log(std::string_view head) {
  head = trim(head);
  if (!head.starts_with('[')) return false;
  head = trim(head.substr(1));
  if (!head.starts_with('{')) return false;
  const std::string_view first = head.substr(0, 4096);
  return first.find("\"query\"") != kNone || first.find("\"raw_query\"") != kNone;
}

/// A JSON line of Monolog's.
bool is_monolog(const JsonLines& json) {
  return json.find_any({"level_name"}) != nullptr && json.find_any({"channel"}) != nullptr && json.find_any({"message"}) != nullptr;
}

class LaravelReader final : public RecordReader {
 public:
  LaravelReader(std::unique_ptr<Lines> lines, const ReaderOptions& options) : lines_(std::move(lines)), zone_(options.zone_offset_minutes) {
    const std::string_view head = lines_->head();
    array_ = is_query_log(head);
    dos_ = has_dos_lines(head);
    backslashes_ = is_mysql_family(options.engine) || (options.engine == Engine::kUnknown && head.find('`') != kNone);
    explicit_ = head.find("TransactionBeginning") != kNone || icontains(head, ": transaction beginning") ||
                icontains(head, "begintransaction") || icontains(head, ": start transaction");
  }

  bool next(LogRecord& record) override {
    if (next_queued(record)) return true;
    if (array_ ? next_in_array(record) : next_entry(record)) return true;
    finish();
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  bool next_entry(LogRecord& record) {
    while (const auto line = lines_->peek()) {
      lines_->mark();
      line_ = lines_->line_number();
      if (line->find_first_not_of(" \t") == kNone) {
        lines_->take();
        continue;
      }
      time_ = TimePoint{};
      if (line->front() == '{') {
        const bool whole = json_.parse(*line);
        lines_->take();
        if (!whole) {
          if (!in_trace_) ++counts_.unrecognised_lines;
          continue;
        }
        start_entry(record);
        read_json(record);
        return true;
      }
      const size_t message = header_length(*line, &time_);
      if (message == 0) {
        if (!in_trace_) ++counts_.unrecognised_lines;
        lines_->take();
        continue;
      }
      start_entry(record);
      read_text(message, record);
      return true;
    }
    return false;
  }

  void start_entry(LogRecord& record) {
    record = LogRecord{};
    record.line = line_;
    in_trace_ = false;
    tags_.clear();
    values_.clear();
    ++counts_.records;
    record.time = time_ = in_zone(time_, zone_);
  }

  void read_text(size_t message, LogRecord& record) {
    gather(message);
    const std::string_view whole = lines_->since_mark();
    std::string_view text = whole.substr(std::min(message, whole.size()));
    if (text.find("SQLSTATE[") != kNone) {
      if (const auto e = query_exception(text)) return failed(*e, record);
    }
    std::string_view context, extra;
    std::string_view body = text;
    if (context_at_ != kNone) {
      body = text.substr(0, context_at_);
      context = text.substr(context_at_, context_end_ - context_at_);
      extra = trim(text.substr(context_end_));
    }
    const bool object = context.starts_with('{') && json_.parse(context);
    if (!object) json_.parse("{}");
    if (!extra.empty() && extra.starts_with('{') && extra_json_.parse(extra)) {
      identify(extra_json_, record);
    }
    if (object) identify(json_, record);
    body = trim(body);
    // A context that is a list is the bindings, or a whole query log.
    bool list = false;
    if (context.starts_with('[')) {
      wrapped_.assign("{\"bindings\":");
      wrapped_.append(context);
      wrapped_.append("}");
      list = json_.parse(wrapped_);
    }
    message_to_record(body, list, record);
  }

  void read_json(LogRecord& record) {
    record.time = time_ = in_zone(json_time(json_, {"datetime", "datetime.date", "@timestamp", "timestamp", "time"}), zone_);
    identify(json_, record);
    const std::string_view message = json_.text({"message"});
    context_at_ = kNone;
    if (message.find("SQLSTATE[") != kNone) {
      if (const auto e = query_exception(message)) return failed(*e, record);
    }
    message_to_record(message, false, record);
  }

  /// What the message and the context (in json_) tell.
  void message_to_record(std::string_view body, bool list, LogRecord& record) {
    const auto event = transaction_event(body);
    if (event != TransactionEvent::kNoEvent) return transaction(event, record);
    const JsonField* bindings =
        json_.find({"bindings", "binds", "params", "parameters", "context.bindings", "context.binds", "context.params"});
    if (list && bindings != nullptr && queue_queries(*bindings)) return;  // delivered one by one, beginning with the next call
    const JsonField* time = json_.find({"time", "duration", "time_ms", "execution_time", "elapsed", "context.time", "context.duration",
                                        "context.time_ms", "context.execution_time"});
    const bool told = (bindings != nullptr && (bindings->kind == Kind::kArray || bindings->kind == Kind::kObject)) || time != nullptr;
    std::string_view sql;
    if (told ? starts_like_sql(body) : is_certainly_sql(body)) {
      sql = body;
    } else if (const JsonField* f = sql_in(json_)) {
      sql = f->text;
    } else {
      bool colon = false;
      const size_t begin = label_length(body, colon);
      if (begin != kNone) {
        const std::string_view rest = body.substr(begin);
        const bool named = names_a_query(body.substr(0, begin));
        if (is_certainly_sql(rest) && (told || named || (!last_sql_.empty() && is_filled_in(rest, last_sql_)))) sql = rest;
      }
    }
    if (sql.empty()) return;
    sql = trim(dos_ ? with_plain_newlines(sql, plain_) : sql);
    if (!told && !last_sql_.empty() && is_filled_in(sql, last_sql_)) {
      last_sql_.clear();
      return;  // the same execution, its bindings filled in
    }
    statement(sql, milliseconds(time), bindings, record);
    record.truncated = open_ || lines_->record_was_cut();
    last_sql_.assign(told && sql.size() < 65536 ? sql : std::string_view());
    count(record);
  }

  void statement(std::string_view sql, int64_t duration, const JsonField* bindings, LogRecord& record) {
    record.kind = RecordKind::kStatement;
    record.sql = sql;
    record.duration_us = duration;
    record.end_time = time_;
    record.time = time_;
    if (time_.known() && duration >= 0) record.time.micros -= duration;
    if (bindings != nullptr && (bindings->kind == Kind::kArray || bindings->kind == Kind::kObject)) {
      record.has_params = json_.values(*bindings, values_);
      if (!record.has_params) values_.clear();
      record.params = values_;
    }
  }

  /// The query never reached DB::listen: this line is all there is of it.
  void failed(const QueryException& e, LogRecord& record) {
    record.kind = RecordKind::kStatement;
    record.sql = dos_ ? with_plain_newlines(e.sql, plain_) : e.sql;
    record.end_time = time_;
    record.time = TimePoint{};
    record.has_error = true;
    record.error_code = e.code;
    record.error_message = e.message;
    record.truncated = lines_->record_was_cut();
    if (!e.connection.empty()) tags_.push_back({"connection", e.connection});
    if (!e.database.empty() && e.database.front() != ':') record.database = e.database;
    last_sql_.clear();
    count(record);
  }

  void transaction(TransactionEvent event, LogRecord& record) {
    if (event == TransactionEvent::kOther) return;
    if (record.session.empty() && sessions_seen_) return;  // whose?
    explicit_ = true;
    level_key_.assign(record.session);
    level_key_ += '\n';
    level_key_.append(json_.text({"connection", "connectionName", "connection_name", "context.connection", "context.connectionName"}));
    if (levels_.size() >= kMaxLevels && !levels_.contains(level_key_)) levels_.clear();
    int& level = levels_[level_key_];
    std::string_view sql;
    if (event == TransactionEvent::kBegin) {
      ++level;
      sql = level == 1 ? "BEGIN" : name_savepoint("SAVEPOINT trans", level);
    } else if (event == TransactionEvent::kCommit) {
      if (level > 0) --level;
      if (level == 0) sql = "COMMIT";
    } else {
      sql = level > 1 ? name_savepoint("ROLLBACK TO SAVEPOINT trans", level) : "ROLLBACK";
      if (level > 0) --level;
    }
    last_sql_.clear();
    if (sql.empty()) return;
    record.kind = RecordKind::kStatement;
    record.sql = sql;
    record.end_time = time_;
    count(record);
  }

  std::string_view name_savepoint(std::string_view words, int level) {
    savepoint_.assign(words);
    savepoint_ += std::to_string(level);
    return savepoint_;
  }

  /// Session, request and connection, from the context or what a processor added.
  void identify(const JsonLines& json, LogRecord& record) {
    const std::string_view process = json.text({"process_id", "pid", "extra.process_id", "context.pid"});
    const std::string_view request =
        json.text({"request_id", "request-id", "requestId", "uid", "trace_id", "traceId", "correlation_id", "extra.request_id", "extra.uid",
                   "extra.trace_id", "context.request_id", "context.request-id", "context.trace_id"});
    if (!request.empty()) tags_.push_back({"request_id", request});
    sessions_seen_ |= !process.empty() || !request.empty();
    if (!process.empty()) {
      record.session = process;
    } else if (record.session.empty()) {
      record.session = request;
    }
    const std::string_view connection =
        json.text({"connection", "connectionName", "connection_name", "context.connection", "context.connectionName"});
    if (!connection.empty()) tags_.push_back({"connection", connection});
    const std::string_view route = json.text({"route", "url", "extra.url", "context.route", "context.url"});
    if (!route.empty()) tags_.push_back({"route", route});
    if (record.source_file.empty()) {
      record.source_file = json.text({"file", "extra.file", "context.file"});
      const std::string_view n = json.text({"line", "extra.line", "context.line"});
      if (!n.empty()) std::from_chars(n.data(), n.data() + n.size(), record.source_line);
    }
  }

  void count(LogRecord& record) {
    ++counts_.statements;
    record.tx_boundary = explicit_ ? TxBoundary::kExplicit : TxBoundary::kUnknown;
    record.tags = tags_;
    if (record.truncated) ++counts_.truncated_statements;
    if (record.session.empty()) missing_.session = true;
    if (!record.end_time.known()) missing_.time = true;
    if (!record.has_params && !record.has_error && !missing_.parameters) {
      missing_.parameters = record.sql.find("= ?") != kNone || record.sql.find("(?") != kNone;
    }
  }

  /// A message with its context, while it is gathered. One of words goes on to the next entry: a stack trace.
  struct MessageText : VerbatimStatement {
    LaravelReader& reader;
    bool is_sql;
    size_t skip;

    bool complete() {
      const std::string_view all = text();
      return is_sql ? reader.find_context(all, skip) : (all.find('\n') == kNone && reader.find_context_of_words(all));
    }
    bool in_quote() { return is_sql && sql.in_quote(); }
    bool goes_on(std::string_view line) {
      if (line.find_first_not_of(" \t") == kNone) return false;
      return is_sql ? sql.continues(line, Indented::kForeign) : line.front() != '{';
    }
    bool starts(std::string_view line) { return header_length(line, nullptr) != 0; }
    void add(std::string_view) { reader.in_trace_ |= !is_sql; }  // complete() reads on
  };

  /// Takes the lines of the entry whose message begins at `message` of the peeked line. Sets context_at_ and context_end_ when the context ends the
  /// entry, open_ when the entry has no end.
  void gather(size_t message) {
    context_at_ = context_end_ = kNone;
    const std::string_view first = lines_->peek()->substr(std::min(message, lines_->peek()->size()));
    bool colon = false;
    const size_t label = starts_like_sql(first) ? 0 : label_length(first, colon);
    const bool is_sql = label != kNone;
    sql_.reset(sql_text_rules(backslashes_));
    lines_->take();
    MessageText text{{*lines_, sql_, message}, *this, is_sql, is_sql ? label : 0};
    const GatheredLines gathered = gather_lines(*lines_, text, {.starts_at_end = 8});
    open_ = is_sql && (gathered.cut || lines_->record_was_cut());
  }

  /// One or two JSON containers end the text from `at` on.
  bool is_context(std::string_view text, size_t at) {
    const auto end = skip_ruby_container(text, at);
    if (!end) return false;
    size_t rest = *end;
    while (rest < text.size() && text[rest] == ' ') ++rest;
    if (rest < text.size() && (text[rest] == '{' || text[rest] == '[')) {
      const auto second = skip_ruby_container(text, rest);
      if (!second) return false;
      rest = *second;
    }
    if (!trim(text.substr(rest)).empty()) return false;
    context_at_ = at;
    context_end_ = *end;
    return true;
  }

  bool find_context(std::string_view text, size_t skip) {
    for (size_t at = sql_.find(text.substr(skip), kStopBrace | kStopBracket); at != kNone;
         at = sql_.find(text.substr(skip), kStopBrace | kStopBracket)) {
      at += skip;
      if (at > 0 && text[at - 1] == ' ' && is_context(text, at)) return true;
    }
    return false;
  }

  /// Of a message that is no SQL: the first container that reaches to the end.
  bool find_context_of_words(std::string_view text) {
    int tries = 0;
    for (size_t at = text.find_first_of("{["); at != kNone && tries < 8; at = text.find_first_of("{[", at + 1), ++tries) {
      if ((at == 0 || text[at - 1] == ' ') && is_context(text, at)) return true;
    }
    return false;
  }

  // --- Query logs ------------------------------------------------------------------------------------------------------------------------

  /// A list of `{"query": …}`: its elements are delivered one by one.
  bool queue_queries(const JsonField& list) {
    queue_.clear();
    if (list.kind != Kind::kArray || !json_.elements(list, queue_) || queue_.empty()) return false;
    const bool queries = std::all_of(queue_.begin(), queue_.end(), [](const JsonField& f) {
      return f.kind == Kind::kObject && (f.text.find("\"query\"") != kNone || f.text.find("\"raw_query\"") != kNone);
    });
    if (!queries) queue_.clear();
    queue_at_ = 0;
    return queries;
  }

  bool next_queued(LogRecord& record) {
    while (queue_at_ < queue_.size()) {
      const JsonField& f = queue_[queue_at_++];
      if (!query_json_.parse(f.text)) continue;
      record = LogRecord{};
      record.line = line_;
      if (query(record)) {
        ++counts_.records;
        return true;
      }
    }
    return false;
  }

  /// The query in query_json_.
  bool query(LogRecord& record) {
    const JsonField* sql = query_json_.find({"query", "raw_query", "sql"});
    if (sql == nullptr || sql->kind != Kind::kString || !starts_like_sql(sql->text)) return false;
    tags_.clear();
    values_.clear();
    record.kind = RecordKind::kStatement;
    record.sql = trim(sql->text);
    record.duration_us = milliseconds(query_json_.find({"time"}));
    const JsonField* bindings = query_json_.find({"bindings"});
    if (bindings != nullptr) record.has_params = query_json_.values(*bindings, values_);
    record.params = values_;
    count(record);
    return true;
  }

  /// The next object of a file that is one array. Objects may stand on one line together or on many lines each.
  bool next_in_array(LogRecord& record) {
    while (true) {
      std::string_view text = lines_->since_mark();
      if (!array_taken_ || array_at_ >= text.size()) {
        if (object_at_ == kNone) {
          if (!take_array_line(true)) return false;
        } else if (lines_->record_was_cut() || !take_array_line(false)) {
          ++counts_.unrecognised_lines;
          object_at_ = kNone;
          if (!lines_->peek()) return false;
          array_at_ = kNone;
          array_taken_ = false;
        }
        continue;
      }
      for (; array_at_ < text.size(); ++array_at_) {
        const char c = text[array_at_];
        if (in_string_) {
          if (c == '\\') {
            ++array_at_;
          } else if (c == '"') {
            in_string_ = false;
          }
        } else if (c == '"') {
          in_string_ = object_at_ != kNone;
        } else if (c == '{' || (c == '[' && object_at_ != kNone)) {
          if (object_at_ == kNone) {
            object_at_ = array_at_;
            depth_ = 0;
            line_ = array_line_;
          }
          ++depth_;
        } else if (object_at_ != kNone && (c == '}' || c == ']') && --depth_ == 0) {
          const std::string_view object = text.substr(object_at_, array_at_ + 1 - object_at_);
          object_at_ = kNone;
          ++array_at_;
          record = LogRecord{};
          record.line = line_;
          if (query_json_.parse(object) && query(record)) {
            ++counts_.records;
            return true;
          }
          ++counts_.unrecognised_lines;
          break;
        }
      }
    }
  }

  bool take_array_line(bool fresh) {
    if (!lines_->peek()) return false;
    if (fresh) {
      lines_->mark();
      array_at_ = 0;
      in_string_ = false;
    }
    array_line_ = lines_->line_number();
    lines_->take();
    array_taken_ = true;
    return true;
  }

  void finish() {
    missing_.boundaries = counts_.statements > 0 && !explicit_;
    tell_incomplete(missing_, counts_);
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_;
  bool array_ = false, dos_ = false, backslashes_ = false, explicit_ = false;
  bool sessions_seen_ = false;
  bool in_trace_ = false;  ///< lines without a header go on with an entry that was no SQL
  SqlLines sql_;
  bool open_ = false;
  size_t context_at_ = kNone, context_end_ = kNone;
  TimePoint time_;
  uint64_t line_ = 0;
  JsonLines json_, extra_json_, query_json_;
  std::string wrapped_, plain_, savepoint_, level_key_;
  std::string last_sql_;  ///< of the entry before, while its filled-in twin may follow
  std::vector<BindValue> values_;
  std::vector<Tag> tags_;
  std::unordered_map<std::string, int> levels_;
  std::vector<JsonField> queue_;
  size_t queue_at_ = 0;
  size_t array_at_ = 0, object_at_ = kNone;
  uint64_t array_line_ = 0;
  int depth_ = 0;
  bool in_string_ = false, array_taken_ = false;
  Missing missing_;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  if (is_query_log(head)) return 900;
  size_t lines = 0, headers = 0, queries = 0;
  JsonLines json;
  bool entry = false;
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    const std::string_view line = head.substr(at, stop - at);
    at = stop + 1;
    if (trim(line).empty()) continue;
    ++lines;
    if (line.front() == '{' && json.parse(line)) {
      entry = is_monolog(json);
      if (!entry) continue;
      ++headers;
      const std::string_view message = json.text({"message"});
      if (sql_in(json) != nullptr || is_certainly_sql(message) || query_exception(message) ||
          transaction_event(message) != TransactionEvent::kNoEvent)
        ++queries;
      continue;
    }
    const size_t begin = header_length(line, nullptr);
    if (begin == 0) {
      headers += entry ? 1U : 0U;  // goes on with the entry
      continue;
    }
    entry = true;
    ++headers;
    const std::string_view message = line.substr(begin);
    bool colon = false;
    const size_t label = label_length(message, colon);
    if (is_certainly_sql(message) || (label != kNone && is_certainly_sql(message.substr(label))) || query_exception(message) ||
        message.find("\"sql\":\"") != kNone || message.find("\"query\":\"") != kNone ||
        transaction_event(message.substr(0, message.find('{'))) != TransactionEvent::kNoEvent)
      ++queries;
  }
  if (queries == 0) return 0;
  return std::max(static_cast<int>(960 * headers / lines), 250);
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<LaravelReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"[2026-01-09 10:00:00] local.DEBUG: select * from \"users\" where \"id\" = ? limit 1 "
     "{\"bindings\":[2],\"time\":0.34,\"connection\":\"pgsql\"} \n"
     "[2026-01-09 10:00:00] local.ERROR: SQLSTATE[23505]: Unique violation: 7 ERROR:  duplicate key value violates unique constraint "
     "\"users_email\" (Connection: pgsql, SQL: insert into \"users\" (\"email\") values (a)) {\"exception\":\"[object] (…)\"} \n",
     2},
    {"[2026-01-09T10:00:00.123456+00:00] production.INFO: Query executed: update `users` set `n` = ? where `id` = ? [3,7] []\n", 1},
    {"{\"message\":\"select 1\",\"context\":{\"bindings\":[],\"time\":0.3},\"level\":100,\"level_name\":\"DEBUG\",\"channel\":\"local\","
     "\"datetime\":\"2026-01-09T10:00:00.123456+00:00\",\"extra\":{}}\n",
     1},
    {"[\n    {\n        \"query\": \"select * from users where id = ?\",\n        \"bindings\": [\n            1\n        ],\n        "
     "\"time\": "
     "0.8\n    }\n]\n",
     1},
};

}  // namespace

extern const Format kFormat_laravel;
const Format kFormat_laravel = {"laravel",
                                "Laravel: queries an application logs with DB::listen(), failed ones, DB::getQueryLog() as JSON",
                                "DB::listen(fn ($q) => Log::debug($q->sql, ['bindings' => $q->bindings, 'time' => $q->time]))",
                                Engine::kUnknown,
                                "laravel",
                                kSamples,
                                score,
                                open};

}  // namespace dbaudit
