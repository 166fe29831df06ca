// dbaudit's own JSON lines: one object per execution (docs/jsonl.md). For every logger that has no format of its own, and what `dbaudit events` and
// `dbaudit demo` write.
//
// The names are those of `dbaudit events`; the usual other spellings are taken as well. Nothing is guessed from a value alone, with one exception: a
// `message` that begins like SQL is a statement when no key says so.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/node_inspect.h"
#include "analyzers/log/formats/python_logging.h"
#include "analyzers/log/formats/sql_lines.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"

namespace dbaudit {

using namespace std::string_view_literals;

namespace {

constexpr size_t kNone = std::string_view::npos;
using Kind = JsonField::Kind;

/// The statement's text. `certain`: by a key that holds nothing else.
const JsonField* statement_of(const JsonLines& json, bool& certain) {
  certain = true;
  if (const JsonField* f = json.find({"sql"}); f != nullptr && f->kind == Kind::kString) return f;
  // Objects that loggers nest: a driver's own query object, winston's and monolog's extra fields.
  if (const JsonField* f = json.find({"query.text", "query.sql", "meta.sql", "context.sql", "data.sql", "extra.sql", "db.sql"});
      f != nullptr && f->kind == Kind::kString && starts_like_sql(f->text)) {
    return f;
  }
  for (const std::string_view key : {"statement"sv, "query"sv, "sql_text"sv, "db.statement"sv, "db.query.text"sv}) {
    const JsonField* f = json.find({key});
    if (f != nullptr && f->kind == Kind::kString && starts_like_sql(f->text)) return f;
  }
  certain = false;
  for (const std::string_view key : {"message"sv, "msg"sv, "event"sv}) {
    const JsonField* f = json.find({key});
    if (f != nullptr && f->kind == Kind::kString && starts_like_sql(f->text)) return f;
  }
  return nullptr;
}

/// Written by something whose lines mean more than their keys say; its own reader takes them.
bool is_foreign(const JsonLines& json) {
  if (json.find_any({"level_name"}) != nullptr && json.find_any({"channel"}) != nullptr) return true;  // Monolog
  if (json.find_any({"error_severity", "__knexUid", "__knexQueryUid", "__knexTxId", "audit_record"}) != nullptr) return true;
  if (const std::string_view target = json.text({"target", "event.target", "e.target", "data.target", "query.target"});
      target.starts_with("quaint") || target == "ClientEngine") {
    return true;
  }
  const std::string_view logger = json.text({"logger", "name", "logger_name", "log.logger"});
  return logger.starts_with("django.db") || logger.starts_with("sqlalchemy") || logger.starts_with("peewee") ||
         logger.starts_with("org.hibernate") || logger.starts_with("Microsoft.EntityFrameworkCore");
}

bool number(const JsonField* f, double& out) {
  if (f == nullptr || (f->kind != Kind::kNumber && f->kind != Kind::kString)) return false;
  const char* const end = f->text.data() + f->text.size();
  const auto [stop, error] = std::from_chars(f->text.data(), end, out);
  return error == std::errc() && stop == end && std::isfinite(out);
}

/// A duration in microseconds, or -1. A plain `duration` is believed only with its unit (`"1.5ms"`).
int64_t duration_of(const JsonLines& json) {
  const auto micros = [](double v, double unit) {
    return v >= 0 && v * unit < 9e15 ? static_cast<int64_t>(std::llround(v * unit)) : int64_t{-1};
  };
  double v = 0;
  if (number(json.find({"duration_ms", "elapsed_ms", "durationMs", "took_ms"}), v)) return micros(v, 1e3);
  if (number(json.find({"duration_us", "elapsed_us"}), v)) return micros(v, 1);
  if (number(json.find({"duration_ns", "elapsed_ns"}), v)) return micros(v, 1e-3);
  if (number(json.find({"duration_s", "duration_seconds", "elapsed_s"}), v)) return micros(v, 1e6);
  const JsonField* f = json.find({"duration", "elapsed"});
  if (f == nullptr || f->kind != Kind::kString) return -1;
  const auto [stop, error] = std::from_chars(f->text.data(), f->text.data() + f->text.size(), v);
  if (error != std::errc()) return -1;
  const std::string_view unit = trim(f->text.substr(static_cast<size_t>(stop - f->text.data())));
  if (unit == "ms") return micros(v, 1e3);
  if (unit == "us" || unit == "µs" || unit == "μs") return micros(v, 1);
  if (unit == "s") return micros(v, 1e6);
  if (unit == "ns") return micros(v, 1e-3);
  return -1;
}

class JsonlReader final : public RecordReader {
 public:
  JsonlReader(std::unique_ptr<Lines> lines, const ReaderOptions& options) : lines_(std::move(lines)), zone_(options.zone_offset_minutes) {
    const std::string_view head = lines_->head();
    for (size_t at = 0; at < head.size() && !explicit_;) {
      const size_t end = std::min(head.find('\n', at), head.size());
      bool certain = false;
      if (json_.parse(head.substr(at, end - at))) {
        const JsonField* sql = statement_of(json_, certain);
        explicit_ = sql != nullptr && is_transaction_boundary(sql->text);
      }
      at = end + 1;
    }
  }

  bool next(LogRecord& record) override {
    while (const auto line = lines_->peek()) {
      lines_->mark();
      const uint64_t number = lines_->line_number();
      lines_->take();
      if (line->find_first_not_of(" \t") == kNone) continue;
      if (!json_.parse(*line)) {
        ++counts_.unrecognised_lines;
        continue;
      }
      if (read_summary()) continue;
      record = LogRecord{};
      record.line = number;
      if (!read(record)) {
        ++counts_.unrecognised_lines;
        continue;
      }
      ++counts_.records;
      if (record.kind == RecordKind::kStatement) completeness_.add(record, counts_);
      return true;
    }
    completeness_.finish(counts_);
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  /// The last line of `dbaudit events` tells what the log it came from could not show.
  bool read_summary() {
    const JsonField* summary = json_.find({"summary"});
    if (summary == nullptr || summary->kind != Kind::kObject) return false;
    if (const JsonField* f = json_.find({"summary.sampled"}); f != nullptr && f->text == "true") counts_.sampled = true;
    if (const JsonField* f = json_.find({"summary.incomplete"}); f != nullptr) {
      values_.clear();
      json_.values(*f, values_);
      for (const BindValue& v : values_) {
        if (!v.text.empty()) counts_.incomplete.emplace_back(v.text);
      }
    }
    return true;
  }

  bool read(LogRecord& record) {
    bool certain = false;
    const JsonField* sql = statement_of(json_, certain);
    const std::string_view kind = json_.text({"kind"});
    if (sql != nullptr && !sql->text.empty()) {
      record.kind = kind == "other" ? RecordKind::kOther : RecordKind::kStatement;
    } else if (kind == "statement") {
      record.kind = RecordKind::kStatement;
      record.sql_unknown = true;
    } else if (kind == "error") {
      record.kind = RecordKind::kError;
      record.attaches = true;
    } else if (kind == "completion") {
      record.kind = RecordKind::kCompletion;
      record.attaches = true;
    } else if (kind == "connect") {
      record.kind = RecordKind::kConnect;
    } else if (kind == "disconnect") {
      record.kind = RecordKind::kDisconnect;
    } else if (kind == "other") {
      record.kind = RecordKind::kOther;
    } else {
      return false;
    }
    if (sql != nullptr) record.sql = sql->text;
    record.session = session();
    record.app = json_.text({"app", "application", "application_name", "service"});
    record.user = json_.text({"user", "username", "db_user", "db.user"});
    record.database = json_.text({"db", "database", "dbname", "db.name", "db.namespace"});
    record.txid = transaction();
    read_times(record);
    read_state(record);
    read_error(record);
    double v = 0;
    if (number_of({"rows", "row_count", "rowcount", "rowCount", "rows_affected", "affected_rows"}, v) && v >= 0 && v < 9e15) {
      record.rows = static_cast<int64_t>(v);
    }
    read_params(record);
    read_tags(record);
    record.source_file = json_.text({"source.file", "file", "source_file", "code.filepath", "code.file.path"});
    if (number_of({"source.line", "source_line", "lineno", "code.lineno", "code.line.number"}, v) && v >= 0 && v < 1e9) {
      record.source_line = static_cast<int64_t>(v);
    }
    if (const JsonField* f = json_.find({"truncated"}); f != nullptr && f->text == "true") record.truncated = true;
    return true;
  }

  bool number_of(std::initializer_list<std::string_view> keys, double& out) const { return number(json_.find(keys), out); }

  [[nodiscard]] std::string_view transaction() const {
    return json_.text({"txid", "tx", "transaction_id", "transactionId", "transaction", "trx", "trx_id", "trxId", "tx_id", "txId", "tx.id"});
  }

  std::string_view session() {
    const std::string_view own =
        json_.text({"session", "session_id", "sessionId", "connection", "connection_id", "connectionId", "conn", "conn_id", "connId",
                    "connection.id", "conn.id", "session.id", "meta.conn", "meta.connection", "context.connection_id", "data.conn"});
    if (!own.empty()) return own;
    const std::string_view thread = json_.text({"thread", "thread_id", "threadId", "tid", "threadName", "thread_name"});
    if (!thread.empty()) return session_.key(json_.text({"pid", "process", "process_id"}), thread, {}, {});
    const std::string_view request = json_.text({"request_id", "requestId", "req_id", "reqId", "req.id", "trace_id", "traceId"});
    // A transaction is at least never two sessions'.
    return !request.empty() ? request : json_.text({"tx", "trx"});
  }

  void read_times(LogRecord& record) {
    record.time = in_zone(json_time(json_, {"time", "start_time", "start", "ts", "timestamp", "@timestamp", "datetime"}), zone_);
    record.end_time = in_zone(json_time(json_, {"end_time", "end"}), zone_);
    record.duration_us = duration_of(json_);
    if (record.duration_us < 0) {
      if (record.time.known() && record.end_time.known() && record.time.zone_known == record.end_time.zone_known &&
          record.end_time.micros >= record.time.micros) {
        record.duration_us = record.end_time.micros - record.time.micros;
      }
    } else if (record.time.known() && !record.end_time.known()) {
      record.end_time = record.time;
      record.end_time.micros += record.duration_us;
    } else if (!record.time.known() && record.end_time.known()) {
      record.time = record.end_time;
      record.time.micros -= record.duration_us;
    }
  }

  void read_state(LogRecord& record) {
    const std::string_view proto = json_.text({"proto", "protocol"});
    if (proto == "simple") record.protocol = Protocol::kSimple;
    if (proto == "extended") record.protocol = Protocol::kExtended;
    const std::string_view state = json_.text({"tx_state"});
    if (state == "idle") record.tx_state = TxState::kIdle;
    if (state == "in transaction") record.tx_state = TxState::kInTransaction;
    if (state == "aborted") record.tx_state = TxState::kAborted;
    if (record.kind == RecordKind::kStatement && !explicit_) explicit_ = is_transaction_boundary(record.sql);
    const std::string_view boundary = json_.text({"tx_boundary"});
    if (boundary == "explicit") {
      record.tx_boundary = TxBoundary::kExplicit;
    } else if (boundary == "inferred") {
      record.tx_boundary = TxBoundary::kInferred;
    } else if (boundary != "unknown" && explicit_) {
      record.tx_boundary = TxBoundary::kExplicit;
    }
  }

  void read_error(LogRecord& record) {
    record.error_code = json_.text(
        {"error.code", "error_code", "sqlstate", "errno", "error.sqlstate", "error.errno", "err.sqlState", "err.errno", "err.code"});
    record.error_message = json_.text({"error.message", "error_message", "error.msg", "err.message"});
    const JsonField* f = json_.find({"error", "exception", "err"});
    if (record.error_message.empty() && f != nullptr && f->kind == Kind::kString) record.error_message = f->text;
    record.has_error = !record.error_code.empty() || !record.error_message.empty() ||
                       (f != nullptr && (f->kind == Kind::kObject || (f->kind == Kind::kBool && f->text == "true")));
  }

  void read_params(LogRecord& record) {
    const JsonField* f = json_.find({"params", "parameters", "bindings", "binds", "args", "values", "query.values", "query.params",
                                     "meta.params", "meta.parameters", "meta.bindings", "meta.values", "context.params", "context.bindings",
                                     "data.params", "data.bindings", "extra.params"});
    if (f == nullptr) return;
    values_.clear();
    if (f->kind == Kind::kString && f->text.starts_with('[')) {  // JSON inside a string
      const auto end = skip_node_container(f->text);
      if (!end || *end != f->text.size()) return;
      bool cut = false;
      decoder_.reset(f->text.size());
      record.has_params = decoder_.values(f->text, values_, cut);
      record.params = values_;
      record.params_cut = cut;
      return;
    }
    if (f->kind != Kind::kArray && f->kind != Kind::kObject) return;
    record.has_params = json_.values(*f, values_);
    record.params = values_;
  }

  void read_tags(LogRecord& record) {
    tags_.clear();
    for (const JsonField& f : json_.fields()) {
      if (f.kind != Kind::kString && f.kind != Kind::kNumber && f.kind != Kind::kBool) continue;
      if (f.key.starts_with("tags.")) {
        tags_.push_back({f.key.substr(5), f.text});
      } else if (f.key.size() >= 3 && f.key.size() <= 11) {
        for (const std::string_view name :
             {"route"sv, "controller"sv, "action"sv, "endpoint"sv, "job"sv, "traceparent"sv, "request_id"sv, "trace_id"sv}) {
          if (f.key == name) tags_.push_back({name, f.text});
        }
      }
    }
    record.tags = tags_;
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_;
  JsonLines json_;
  PythonSession session_;
  NodeDecoder decoder_;
  std::vector<BindValue> values_;
  std::vector<Tag> tags_;
  bool explicit_ = false;
  Completeness completeness_;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  const bool whole = head.size() < (size_t{64} << 10) || head.back() == '\n';
  size_t lines = 0, certain_lines = 0, likely_lines = 0;
  JsonLines json;
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    const std::string_view line = head.substr(at, stop - at);
    at = stop + 1;
    if (stop == head.size() && !whole) break;
    if (trim(line).empty()) continue;
    ++lines;
    if (!json.parse(line)) continue;
    if (is_foreign(json)) return 0;
    bool certain = false;
    const JsonField* sql = statement_of(json, certain);
    if (sql != nullptr && starts_like_sql(sql->text)) {
      ++(certain ? certain_lines : likely_lines);
    } else if (const JsonField* summary = json.find({"summary"}); (summary != nullptr && summary->kind == Kind::kObject) ||
                                                                  (json.find({"kind"}) != nullptr && json.find_any({"sql"}) != nullptr)) {
      ++likely_lines;  // the other lines of `events`
    }
  }
  if (certain_lines + likely_lines == 0) return 0;
  const int share = static_cast<int>((850 * certain_lines + 500 * likely_lines) / lines);
  return certain_lines > 0 ? std::max(share, 250) : share;
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<JsonlReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"{\"session\": \"7\", \"time\": \"2026-01-09T10:00:00.000120Z\", \"end_time\": \"2026-01-09T10:00:00.000450Z\", \"sql\": \"BEGIN "
     "IMMEDIATE\"}\n"
     "{\"session\": \"7\", \"time\": \"2026-01-09T10:00:00.000500Z\", \"sql\": \"UPDATE stock SET n = ? WHERE id = ?\", \"params\": [3, "
     "\"a\"], \"rows\": 0}\n"
     "{\"session\": \"7\", \"time\": \"2026-01-09T10:00:00.000900Z\", \"sql\": \"COMMIT\", \"error\": {\"code\": \"5\", \"message\": "
     "\"database is locked\"}}\n",
     3},
    {"{\"ts\": 1767952800.123456, \"conn\": 3, \"query\": \"select * from stock where id = $1\", \"bindings\": [1], \"duration_ms\": "
     "0.4}\n",
     1},
    {"{\"level\":30,\"time\":1767952800123,\"pid\":4101,\"conn\":\"3\",\"tx\":\"t9\",\"msg\":\"SELECT n FROM stock WHERE id = "
     "?\",\"values\":[7]}\n"
     "{\"level\":\"info\",\"timestamp\":\"2026-01-09T10:00:00.123Z\",\"message\":\"db\",\"meta\":{\"sql\":\"COMMIT\",\"conn\":3}}\n",
     2},
    {"{\"line\": 1, \"session\": null, \"kind\": \"statement\", \"sql\": \"SELECT 1\", \"params\": null, \"tx_boundary\": \"unknown\"}\n"
     "{\"summary\": {\"records\": 1, \"statements\": 1}}\n",
     1},
};

}  // namespace

extern const Format kFormat_jsonl;
const Format kFormat_jsonl = {"jsonl",
                              "one JSON object a line: sql, session, time, params, rows, error (docs/jsonl.md)",
                              "have the application write one object per executed statement",
                              Engine::kUnknown,
                              "",
                              kSamples,
                              score,
                              open};

}  // namespace dbaudit
