// An error or a duration comes after the statement it belongs to, often with other sessions' entries between them. Events wait in a window of
// bounded size for what is still to come; what comes later than that is an event of its own.

#include "cli/event_lines.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dbaudit {
namespace {

constexpr size_t kMaxWaiting = size_t{64} << 10;
constexpr size_t kMaxWaitingBytes = size_t{24} << 20;

using Json = nlohmann::ordered_json;

Json text_or_null(std::string_view text) { return text.empty() ? Json(nullptr) : Json(std::string(text)); }
Json time_or_null(const TimePoint& time) { return time.known() ? Json(to_iso8601(time)) : Json(nullptr); }
Json count_or_null(int64_t count) { return count >= 0 ? Json(count) : Json(nullptr); }

const char* kind_name(RecordKind kind) {
  switch (kind) {
    case RecordKind::kStatement: return "statement";
    case RecordKind::kError: return "error";
    case RecordKind::kConnect: return "connect";
    case RecordKind::kDisconnect: return "disconnect";
    case RecordKind::kCompletion:
    case RecordKind::kOther: break;
  }
  return "other";
}

Json protocol_name(Protocol protocol) {
  switch (protocol) {
    case Protocol::kSimple: return "simple";
    case Protocol::kExtended: return "extended";
    case Protocol::kUnknown: break;
  }
  return nullptr;
}

Json state_name(TxState state) {
  switch (state) {
    case TxState::kIdle: return "idle";
    case TxState::kInTransaction: return "in transaction";
    case TxState::kAborted: return "aborted";
    case TxState::kUnknown: break;
  }
  return nullptr;
}

const char* boundary_name(TxBoundary boundary) {
  switch (boundary) {
    case TxBoundary::kExplicit: return "explicit";
    case TxBoundary::kInferred: return "inferred";
    case TxBoundary::kUnknown: break;
  }
  return "unknown";
}

}  // namespace

void EventLines::set_error(Event& event, const LogRecord& record) {
  event.has_error = true;
  event.error_code = record.error_code;
  event.error_message = record.error_message;
}

EventLines::Event* EventLines::statement_of(const LogRecord& record) {
  uint64_t line = record.about_line;
  if (line == 0) {
    const auto last = last_statement_.find(std::string(record.session));
    if (last == last_statement_.end()) return nullptr;
    line = last->second;
  }
  const auto event = std::lower_bound(waiting_.begin(), waiting_.end(), line, [](const Event& e, uint64_t l) { return e.line < l; });
  if (event != waiting_.end() && event->line == line && event->kind == RecordKind::kStatement) return &*event;
  // A log that was written newest first is read in the order of its sessions: its lines do not ascend.
  constexpr size_t kReachBack = 256;
  for (size_t i = waiting_.size(), stop = waiting_.size() - std::min(waiting_.size(), kReachBack); i > stop; --i) {
    Event& earlier = waiting_[i - 1];
    if (earlier.line == line && earlier.kind == RecordKind::kStatement) return &earlier;
  }
  return nullptr;
}

void EventLines::add(const LogRecord& record, const Tags& comment_tags) {
  if (record.kind == RecordKind::kError || record.kind == RecordKind::kCompletion) {
    if (Event* event = record.attaches ? statement_of(record) : nullptr) {
      if (record.kind == RecordKind::kError) set_error(*event, record);
      if (record.duration_us >= 0) event->duration_us = record.duration_us;
      if (record.rows >= 0) event->rows = record.rows;
      const TimePoint& end = record.end_time.known() ? record.end_time : record.time;
      if (end.known()) event->end_time = end;
      event->truncated = event->truncated || record.truncated || record.params_cut;
      return;
    }
  }
  Event event;
  event.line = record.line;
  event.kind = record.kind;
  event.protocol = record.protocol;
  event.tx_state = record.tx_state;
  event.tx_boundary = record.tx_boundary;
  event.truncated = record.truncated || record.params_cut;
  event.has_sql = record.kind == RecordKind::kStatement && !record.sql_unknown;
  event.has_params = record.has_params;
  if (record.has_error) set_error(event, record);
  event.time = record.time;
  event.end_time = record.end_time;
  event.duration_us = record.duration_us;
  event.rows = record.rows;
  event.source_line = record.source_line;
  event.session = record.session;
  event.app = record.app;
  event.user = record.user;
  event.database = record.database;
  if (event.has_sql) event.sql = record.sql;
  event.txid = record.txid;
  event.source_file = record.source_file;
  for (const BindValue& value : record.params) {
    event.params.push_back(value.is_null ? std::nullopt : std::optional<std::string>(value.text));
    event.bytes += value.text.size() + sizeof(std::optional<std::string>);
  }
  for (const Tag& tag : record.tags) event.tags.emplace_back(tag.name, tag.value);
  event.tags.insert(event.tags.end(), comment_tags.begin(), comment_tags.end());
  for (const auto& [name, value] : event.tags) event.bytes += name.size() + value.size() + 2 * sizeof(std::string);
  event.bytes += sizeof(Event) + event.sql.size() + event.error_message.size();

  waiting_bytes_ += event.bytes;
  if (event.kind == RecordKind::kStatement) last_statement_[event.session] = event.line;
  waiting_.push_back(std::move(event));
  while (waiting_.size() > kMaxWaiting || waiting_bytes_ > kMaxWaitingBytes) flush_first();
}

void EventLines::flush_first() {
  Event& event = waiting_.front();
  Json json;
  json["line"] = event.line;
  json["session"] = text_or_null(event.session);
  json["app"] = text_or_null(event.app);
  json["user"] = text_or_null(event.user);
  json["db"] = text_or_null(event.database);
  json["time"] = time_or_null(event.time);
  json["end_time"] = time_or_null(event.end_time);
  json["kind"] = kind_name(event.kind);
  json["proto"] = protocol_name(event.protocol);
  json["sql"] = event.has_sql ? Json(std::move(event.sql)) : Json(nullptr);
  json["params"] = nullptr;
  if (event.has_params) {
    Json params = Json::array();
    for (std::optional<std::string>& value : event.params) params.push_back(value ? Json(std::move(*value)) : Json(nullptr));
    json["params"] = std::move(params);
  }
  json["txid"] = text_or_null(event.txid);
  json["tx_state"] = state_name(event.tx_state);
  json["tx_boundary"] = boundary_name(event.tx_boundary);
  json["error"] = nullptr;
  if (event.has_error) json["error"] = Json{{"code", text_or_null(event.error_code)}, {"message", std::move(event.error_message)}};
  json["rows"] = count_or_null(event.rows);
  json["duration_ms"] = event.duration_us >= 0 ? Json(static_cast<double>(event.duration_us) / 1000.0) : Json(nullptr);
  Json tags = Json::object();
  for (auto& [name, value] : event.tags) {
    // Names come from comments anybody can write: those that are not text are still told apart.
    if (!tags.contains(name)) tags[name] = std::move(value);
  }
  json["tags"] = std::move(tags);
  json["source"] = nullptr;
  if (!event.source_file.empty()) json["source"] = Json{{"file", event.source_file}, {"line", event.source_line}};
  json["truncated"] = event.truncated;
  std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  line += '\n';
  write_(line);

  if (const auto last = last_statement_.find(event.session); last != last_statement_.end() && last->second == event.line) {
    last_statement_.erase(last);
  }
  waiting_bytes_ -= event.bytes;
  waiting_.pop_front();
}

void EventLines::finish() {
  while (!waiting_.empty()) flush_first();
}

}  // namespace dbaudit
