// Prisma's query log.
//
// new PrismaClient({ log: ['query'] }) prints, in colours on a terminal, one line a statement (several when raw SQL has newlines), no parameters:
//   prisma:query SELECT "public"."Seat"."id" FROM "public"."Seat" WHERE "public"."Seat"."row" = $1 LIMIT $2 OFFSET $3
// and prisma:info, prisma:warn, prisma:error with messages of their own. COMMIT, ROLLBACK and savepoints are statements like any other. So is BEGIN for
// the engine in Rust; Prisma 7's, in TypeScript, has the driver begin and logs no BEGIN (seen), nor a statement that fails. A log that shows ends and no
// beginning has transactions all the same.
//
// log: [{ emit: 'event', level: 'query' }] hands prisma.$on('query') an object that applications log as JSON, through console.log(), or in three lines:
//   {"timestamp":"2026-01-09T10:00:00.000Z","query":"SELECT …","params":"[4,1,0]","duration":2,"target":"quaint::connector::metrics"}
//   { timestamp: 2026-01-09T10:00:00.000Z, query: 'SELECT …', params: '[4,1,0]', duration: 2, target: 'quaint::connector::metrics' }
//   Query: SELECT …          Params: [4,1,0]          Duration: 2ms
// `params` is a string that is JSON but for dates and the like, `duration` milliseconds. The engine written in Rust (target quaint::…) stamps an event
// when the statement has ended, the one in TypeScript (target ClientEngine) when it began; both print it when it has ended. No connection is ever named.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/app_prefix.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/node_inspect.h"
#include "analyzers/log/formats/sql_lines.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr size_t kNowhere = std::string_view::npos;
constexpr std::string_view kQueryMarker = "prisma:query";

enum class Entry : uint8_t { kNone, kQuery, kPlainQuery, kParams, kDuration, kOther };

struct Message {
  Entry entry = Entry::kNone;
  size_t text = 0;
};

Message message_at(std::string_view line, size_t at) {
  constexpr std::pair<std::string_view, Entry> kMarkers[] = {{kQueryMarker, Entry::kQuery},
                                                             {"Query: ", Entry::kPlainQuery},
                                                             {"Params: ", Entry::kParams},
                                                             {"Duration: ", Entry::kDuration},
                                                             {"prisma:", Entry::kOther}};
  const std::string_view s = line.substr(std::min(at, line.size()));
  for (const auto& [marker, entry] : kMarkers) {
    if (!s.starts_with(marker)) continue;
    if (entry == Entry::kQuery && s.size() > marker.size() && s[marker.size()] != ' ') continue;
    if (entry == Entry::kPlainQuery && !starts_like_sql(s.substr(marker.size()))) continue;
    if (entry == Entry::kParams && s.substr(marker.size(), 1) != "[") continue;
    return {entry, std::min(at + marker.size() + (entry == Entry::kQuery ? 1 : 0), line.size())};
  }
  return {};
}

size_t find_message(std::string_view line, size_t from) {
  for (const std::string_view marker : {kQueryMarker, std::string_view("Query: ")}) {
    const size_t at = line.find(marker, from);
    if (at == kNowhere || at > from + 600) continue;
    if (at > from && std::string_view(" \t])|>:").find(line[at - 1]) == kNowhere) continue;
    const Message m = message_at(line, at);
    if (m.entry == Entry::kQuery || m.entry == Entry::kPlainQuery) return at;
  }
  return kNowhere;
}

constexpr PythonMessages kMessages{"prisma", "prisma", find_message};

bool is_event(const JsonLines& json, std::string_view& prefix) {
  for (const std::string_view p : {"", "event.", "e.", "data.", "query.", "payload.", "context."}) {
    std::string key(p);
    const auto has = [&](std::string_view name) {
      key.resize(p.size());
      key += name;
      return json.find({key});
    };
    const JsonField* query = has("query");
    if (query == nullptr || query->kind != JsonField::Kind::kString) continue;
    const JsonField* target = has("target");
    const bool named = target != nullptr && (target->text.starts_with("quaint") || target->text == "ClientEngine" ||
                                             target->text.starts_with("query_engine") || target->text.starts_with("sql_query_connector"));
    const JsonField* params = has("params");
    const bool shaped = target != nullptr && params != nullptr && params->kind == JsonField::Kind::kString && params->text.starts_with('[');
    if (named || (shaped && has("duration") != nullptr)) {
      prefix = p;
      return true;
    }
  }
  return false;
}

bool inside_object(std::string_view line) { return !line.empty() && (line[0] == ' ' || line[0] == '}'); }

int64_t milliseconds(std::string_view text) {
  double v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  return error == std::errc() && v >= 0 && v < 1e12 ? static_cast<int64_t>(std::llround(v * 1000)) : -1;
}

class PrismaReader final : public RecordReader {
 public:
  PrismaReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), prefixes_(kMessages, options.zone_offset_minutes), zone_(options.zone_offset_minutes) {
    const std::string_view head = without_colours(lines_->head(), text_);
    prefixes_.learn(head);
    // Every way of printing has the statement behind one of these.
    for (const std::string_view behind : {"prisma:query ", "\"query\":\"", "\"query\": \"", "query: '", "Query: "}) {
      for (size_t at = head.find(behind); at != kNowhere; at = head.find(behind, at + 1))
        note_boundary(head.substr(at + behind.size(), 40));
    }
  }

  bool next(LogRecord& record) override {
    while (const auto raw = lines_->peek()) {
      lines_->mark();
      line_ = lines_->line_number();
      const std::string_view line = without_colours(*raw, clean_);
      record = LogRecord{};
      record.line = line_;
      bool delivered = false;
      if (line.starts_with('{') && line.ends_with('}') && json_.parse(line)) {
        lines_->take();
        delivered = read_json(record);
      } else if (line == "{" || line.starts_with("{ ")) {
        delivered = read_printed(line, record);
      } else {
        delivered = read_message(line, record);
      }
      if (delivered) return true;
    }
    completeness_.finish(counts_);
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  bool deliver(LogRecord& record) {
    if (record.sql.empty()) {
      ++counts_.unrecognised_lines;
      return false;
    }
    record.kind = RecordKind::kStatement;
    note_boundary(record.sql);
    record.tx_boundary = begins_ ? TxBoundary::kExplicit : ends_ ? TxBoundary::kInferred : TxBoundary::kUnknown;
    ++counts_.records;
    completeness_.add(record, counts_);
    return true;
  }

  void note_boundary(std::string_view sql) {
    if (begins_ || !is_transaction_boundary(sql)) return;
    (istarts_with(sql, "BEGIN") || istarts_with(sql, "START") ? begins_ : ends_) = true;
  }

  void set_times(LogRecord& record, TimePoint stamp, bool at_end) const {
    if (!stamp.known()) return;
    stamp = in_zone(stamp, zone_);
    (at_end ? record.end_time : record.time) = stamp;
    if (record.duration_us < 0) return;
    TimePoint& other = at_end ? record.time : record.end_time;
    other = stamp;
    other.micros += at_end ? -record.duration_us : record.duration_us;
  }

  void set_params(std::string_view text, LogRecord& record) {
    if (!text.starts_with('[')) return;
    bool cut = false;
    values_.clear();
    decoder_.reset(text.size());
    decoder_.values(text, values_, cut);
    record.has_params = true;
    record.params = values_;
    record.params_cut = cut;
  }

  bool read_json(LogRecord& record) {
    std::string_view prefix;
    if (!is_event(json_, prefix)) {
      ++counts_.unrecognised_lines;
      return false;
    }
    std::string key;
    const auto field = [&](std::string_view name) {
      key.assign(prefix);
      key += name;
      return json_.find({key});
    };
    record.sql = trim(field("query")->text);
    if (const JsonField* f = field("duration"); f != nullptr) record.duration_us = milliseconds(f->text);
    const JsonField* target = field("target");
    const bool at_end = target == nullptr || target->text.find("::") != kNowhere;
    TimePoint stamp;
    if (const JsonField* f = field("timestamp"); f != nullptr) stamp = json_time(*f).value_or(TimePoint{});
    if (stamp.known()) {
      set_times(record, stamp, at_end);
    } else {
      set_times(record, json_time(json_, {"time", "timestamp", "ts", "@timestamp"}), true);
    }
    if (const JsonField* f = field("params"); f != nullptr) {
      params_ = f->text;
      set_params(params_, record);
    }
    record.session = json_.text({"conn", "connection", "connectionId", "connection_id", "session", "requestId", "request_id", "reqId",
                                 "req_id", "req.id", "traceId", "trace_id"});
    return deliver(record);
  }

  bool read_printed(std::string_view line, LogRecord& record) {
    const TakenContainer taken = take_node_container(*lines_, line, clean_, inside_object);
    const std::string_view text = without_colours(lines_->since_mark(), text_);
    std::string_view sql, params, duration, stamp, target, value, key;
    NodeElements properties(text);
    while (properties.next(value, key)) {
      if (key == "query") sql = value;
      if (key == "params") params = value;
      if (key == "duration") duration = value;
      if (key == "timestamp") stamp = value;
      if (key == "target") target = value;
    }
    if (!taken.closed || !properties.complete() || sql.size() < 2 || target.empty() || (sql[0] != '\'' && sql[0] != '"' && sql[0] != '`')) {
      counts_.unrecognised_lines += taken.lines;
      return false;
    }
    bool cut = false;
    strings_.reset(sql.size() + params.size());
    record.sql = trim(strings_.value(sql, cut).text);
    const std::string_view printed = strings_.value(params, cut).text;
    record.truncated = cut;
    record.duration_us = milliseconds(duration);
    size_t length = 0;
    if (stamp.starts_with('\'') || stamp.starts_with('"')) stamp.remove_prefix(1);
    if (const auto t = parse_python_time(stamp, length); t) set_times(record, *t, target.find("::") != kNowhere);
    set_params(printed, record);
    return deliver(record);
  }

  Message start_of(std::string_view line, bool tags) {
    Message m;
    prefixes_.match(line, tags, [&](size_t at, bool strong) {
      m = message_at(line, at);
      if (m.entry == Entry::kNone && strong) m.entry = Entry::kOther;
      return m.entry != Entry::kNone;
    });
    if (m.entry == Entry::kNone) m = message_at(line, 0);
    return m;
  }

  /// The text behind the marker when the line peeked is such an entry; the line is taken.
  bool take(Entry entry, std::string& text) {
    const auto raw = lines_->peek();
    if (!raw) return false;
    const std::string_view line = without_colours(*raw, clean_);
    const Message m = start_of(line, false);
    if (m.entry != entry) return false;
    text = line.substr(m.text);
    lines_->take();
    return true;
  }

  bool read_message(std::string_view line, LogRecord& record) {
    if (!prefixes_.learned() && find_message(line, 0) != kNowhere) prefixes_.learn(line);
    const Message m = start_of(line, true);
    if (m.entry != Entry::kQuery && m.entry != Entry::kPlainQuery) {
      lines_->take();
      if (m.entry == Entry::kOther) {
        foreign_ = true;
        record.time = prefixes_.time();
        ++counts_.records;
        return true;
      }
      // What goes on with a message of prisma:error is indented or empty lines and sentences; they are no entries either.
      if (line.find_first_not_of(" \t") != kNowhere && !(foreign_ && line[0] == ' ')) ++counts_.unrecognised_lines;
      return false;
    }
    foreign_ = false;
    set_times(record, prefixes_.time(), true);
    session_ = prefixes_.session();
    tags_.keep(prefixes_.tags());
    bool coloured = line.data() == clean_.data();
    sql_.reset();
    sql_.add(line.substr(m.text));
    lines_->take();
    const GatheredSql gathered = gather_sql(*lines_, sql_, m.text, clean_, [this](std::string_view next) {
      return start_of(next, false).entry != Entry::kNone || next.starts_with('{');
    });
    std::string_view text = lines_->since_mark();
    coloured |= text.find('\x1b') != kNowhere;
    if (coloured) text = without_colours(text, text_);
    record.sql = trim(text.substr(std::min(m.text, text.size())));
    record.truncated = gathered.cut || lines_->record_was_cut();
    record.session = session_;
    record.tags = tags_.tags();
    if (m.entry == Entry::kPlainQuery) {
      if (take(Entry::kParams, params_)) set_params(trim(params_), record);
      std::string duration;
      if (take(Entry::kDuration, duration)) record.duration_us = milliseconds(duration);
    }
    return deliver(record);
  }

  std::unique_ptr<Lines> lines_;
  AppPrefixes prefixes_;
  int32_t zone_;
  Completeness completeness_;
  JsonLines json_;
  SqlLines sql_;
  NodeDecoder decoder_, strings_;
  std::vector<BindValue> values_;
  KeptTags tags_;
  std::string clean_, text_, session_, params_;
  uint64_t line_ = 0;
  bool foreign_ = false, begins_ = false, ends_ = false;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  std::string clean;
  JsonLines json;
  size_t lines = 0, ours = 0, triples = 0;
  bool open = false;
  const bool whole = head.size() < (size_t{64} << 10) || head.ends_with('\n');
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    std::string_view line = without_colours(head.substr(at, stop - at), clean);
    at = stop + 1;
    if (stop == head.size() && !whole) break;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == kNowhere) continue;
    if (open && inside_object(line)) {
      const std::string_view property = trim(line);
      if (property.starts_with("target: 'quaint") || property.starts_with("target: 'ClientEngine") ||
          property.starts_with("target: 'query_engine"))
        ++ours;
      continue;
    }
    open = false;
    ++lines;
    std::string_view prefix;
    if (line.starts_with('{') && line.ends_with('}') && json.parse(line)) {
      ours += is_event(json, prefix) ? 1U : 0U;
    } else if (line.starts_with('{')) {
      open = true;
      ours += line.find("target: 'quaint") != kNowhere || line.find("target: 'ClientEngine") != kNowhere ? 1U : 0U;
    } else if (const size_t message = find_message(line, 0); message != kNowhere && message_at(line, message).entry == Entry::kQuery) {
      ++ours;
      open = true;
    } else if (line.starts_with("prisma:")) {
      ++ours;
      open = true;
    } else if (message != kNowhere || (triples > 0 && (line.find("Params: [") != kNowhere || line.find("Duration: ") != kNowhere))) {
      ++triples;
      open = true;
    }
  }
  if (triples >= 3 && head.find("Params: [") != kNowhere && head.find("Duration: ") != kNowhere) ours += triples;
  if (ours == 0 || lines == 0) return 0;
  return static_cast<int>(600 + 350 * std::min(ours, lines) / lines);
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<PrismaReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"prisma:info Starting a postgresql pool with 5 connections.\n"
     "prisma:query BEGIN\n"
     "prisma:query SELECT \"public\".\"Seat\".\"id\" FROM \"public\".\"Seat\" WHERE (\"public\".\"Seat\".\"row\" = $1 AND 1=1) LIMIT $2 "
     "OFFSET $3\n"
     "prisma:query COMMIT\n",
     3},
    {"\x1b[34mprisma:query\x1b[39m UPDATE `shop`.`Seat` SET `taken` = ? WHERE (`shop`.`Seat`.`id` IN (?) AND 1=1)\n", 1},
    {"{\"level\":30,\"time\":1767952800123,\"timestamp\":\"2026-01-09T10:00:00.123Z\",\"query\":\"SELECT 1\",\"params\":\"[1,\\\"x\\\"]\","
     "\"duration\":2,\"target\":\"quaint::connector::metrics\"}\n",
     1},
    {"{\n  timestamp: 2026-01-09T10:00:00.123Z,\n  query: 'DELETE FROM \"public\".\"Seat\" WHERE 1=1',\n  params: '[]',\n  duration: 3,\n"
     "  target: 'quaint::connector::metrics'\n}\n",
     1},
    {"Query: SELECT \"public\".\"Seat\".\"id\" FROM \"public\".\"Seat\" WHERE \"public\".\"Seat\".\"id\" = $1\nParams: [7]\nDuration: "
     "2ms\n",
     1},
};

}  // namespace

extern const Format kFormat_prisma;
const Format kFormat_prisma = {
    "prisma",
    "Prisma: prisma:query lines, query events as JSON lines or printed objects",
    "new PrismaClient({ log: [{ emit: \"event\", level: \"query\" }] }) and prisma.$on(\"query\", e => log.info(e)) for "
    "parameters and durations; log: [\"query\"] prints the statements alone",
    Engine::kUnknown,
    "prisma",
    kSamples,
    score,
    open};

}  // namespace dbaudit
