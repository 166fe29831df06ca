// The server's jsonlog, PostgreSQL 15 and later (jsonlog.c, write_jsonlog): one object a line, keys left out when they have nothing to say.
//
//   {"timestamp":"2026-03-02 09:15:04.118 UTC","user":"shop","dbname":"orders","pid":4471,"remote_host":"10.0.3.9","remote_port":40122,
//    "session_id":"69a54808.1177","line_num":4,"ps":"SELECT","session_start":"…","vxid":"5/12","txid":0,"error_severity":"LOG",
//    "message":"execute <unnamed>: …","detail":"parameters: $1 = '17'","application_name":"till 1","backend_type":"client backend",…}
//
// `ps` is the command tag, `state_code` the SQLSTATE, `statement` the text an error is about. CloudNativePG reads the csvlog and writes its
// columns as strings under `record`, in an envelope of its own (`{"level":"info","ts":…,"logger":"postgres","msg":"record","record":{…}}`),
// an audited statement (`"logger":"pgaudit"`) taken apart under `record.audit`. Both are read here.
//
// What comes out of a log store often comes newest first. The numbers of a session's entries (`line_num`) tell: where they mostly fall, the entries
// are read into memory and sorted by time, session and number; of a log larger than kMaxHeld, one piece at a time.

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/postgres_entry.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

enum Slot : uint8_t {
  kTime,
  kUser,
  kDatabase,
  kPid,
  kSessionId,
  kSessionLine,
  kCommandTag,
  kVxid,
  kSeverity,
  kSqlState,
  kMessage,
  kDetail,
  kContext,
  kStatement,
  kApplication,
  kBackendType,
  kAuditType,
  kAuditStatementId,
  kAuditSubstatementId,
  kAuditClass,
  kAuditCommand,
  kAuditStatement,
  kAuditParameter,
  kAuditRows,
  kSlots,
};

struct KeyName {
  std::string_view key;
  Slot slot;
};
constexpr KeyName kServerKeys[] = {
    {"timestamp", kTime},
    {"user", kUser},
    {"dbname", kDatabase},
    {"pid", kPid},
    {"session_id", kSessionId},
    {"line_num", kSessionLine},
    {"ps", kCommandTag},
    {"vxid", kVxid},
    {"error_severity", kSeverity},
    {"state_code", kSqlState},
    {"message", kMessage},
    {"detail", kDetail},
    {"context", kContext},
    {"statement", kStatement},
    {"backend_type", kBackendType},
    {"application_name", kApplication},
};
constexpr KeyName kRecordKeys[] = {
    {"log_time", kTime},
    {"user_name", kUser},
    {"database_name", kDatabase},
    {"process_id", kPid},
    {"session_id", kSessionId},
    {"session_line_num", kSessionLine},
    {"command_tag", kCommandTag},
    {"virtual_transaction_id", kVxid},
    {"error_severity", kSeverity},
    {"sql_state_code", kSqlState},
    {"message", kMessage},
    {"detail", kDetail},
    {"context", kContext},
    {"query", kStatement},
    {"application_name", kApplication},
    {"backend_type", kBackendType},
    {"audit.audit_type", kAuditType},
    {"audit.statement_id", kAuditStatementId},
    {"audit.substatement_id", kAuditSubstatementId},
    {"audit.class", kAuditClass},
    {"audit.command", kAuditCommand},
    {"audit.statement", kAuditStatement},
    {"audit.parameter", kAuditParameter},
    {"audit.rows", kAuditRows},
};
constexpr std::string_view kRecord = "record.";

/// Keys by their length and their ends, which nearly tell them.
class Keys {
 public:
  explicit constexpr Keys(std::span<const KeyName> names) : names_(names) {
    for (size_t i = 0; i < names.size(); ++i) {
      uint8_t& first = first_[place_of(names[i].key)];
      next_[i] = first;
      first = static_cast<uint8_t>(i + 1);
    }
  }
  [[nodiscard]] Slot find(std::string_view key) const {
    if (key.empty()) return kSlots;
    for (uint8_t i = first_[place_of(key)]; i != 0; i = next_[i - 1U]) {
      if (is_same(names_[i - 1U].key, key)) return names_[i - 1U].slot;
    }
    return kSlots;
  }

 private:
  /// Two words of each, which overlap, are all that most have.
  static bool is_same(std::string_view a, std::string_view b) {
    const auto has_same_ends = [a, b](auto word) {
      constexpr size_t kWord = sizeof word;
      const size_t last = a.size() - kWord;
      return std::memcmp(a.data(), b.data(), kWord) == 0 && std::memcmp(a.data() + last, b.data() + last, kWord) == 0;
    };
    if (a.size() != b.size()) return false;
    if (a.size() < sizeof(uint32_t) || a.size() > 2 * sizeof(uint64_t)) return a == b;
    return a.size() < sizeof(uint64_t) ? has_same_ends(uint32_t{}) : has_same_ends(uint64_t{});
  }

  static constexpr size_t kPlaces = 64;
  static constexpr size_t place_of(std::string_view key) {
    return (key.size() * 7 + static_cast<unsigned char>(key.front()) * 5U + static_cast<unsigned char>(key.back()) * 3U) % kPlaces;
  }

  std::span<const KeyName> names_;
  std::array<uint8_t, kPlaces> first_{};
  std::array<uint8_t, 32> next_{};
};
constexpr Keys kServer(kServerKeys);
constexpr Keys kUnderRecord(kRecordKeys);

using Slots = std::array<std::string_view, kSlots>;

constexpr size_t kMaxHeld = size_t{256} << 20;

/// Sorts the fields of one line into `slots`; false when they are no entry of a server. Under `record` stand all of them or none.
bool sort_fields(std::span<const JsonField> fields, Slots& slots) {
  slots.fill({});
  bool has_record = false;
  for (const JsonField& f : fields) {
    if (f.kind != JsonField::Kind::kString && f.kind != JsonField::Kind::kNumber) continue;
    const bool is_under_record = f.key.size() > kRecord.size() && f.key[kRecord.size() - 1] == '.' && f.key.starts_with(kRecord);
    if (is_under_record && !has_record) {
      slots.fill({});
      has_record = true;
    }
    if (is_under_record != has_record) continue;
    const Slot slot = has_record ? kUnderRecord.find(f.key.substr(kRecord.size())) : kServer.find(f.key);
    if (slot != kSlots) slots[slot] = f.text;
  }
  return !slots[kTime].empty() && !slots[kSeverity].empty() && !slots[kSessionId].empty() && severity_of_name(slots[kSeverity]).has_value();
}

uint64_t session_line(const Slots& slots) {
  uint64_t n = 0;
  std::from_chars(slots[kSessionLine].data(), slots[kSessionLine].data() + slots[kSessionLine].size(), n);
  return n;
}

/// Do the entries of a session come in falling order?
bool is_newest_first(std::string_view head) {
  JsonLines json;
  Slots slots;
  std::unordered_map<std::string, uint64_t> last;
  int rises = 0, falls = 0;
  while (!head.empty()) {
    const size_t newline = head.find('\n');
    if (json.parse(head.substr(0, newline)) && sort_fields(json.fields(), slots)) {
      const uint64_t line = session_line(slots);
      uint64_t& before = last[std::string(slots[kSessionId])];
      if (before != 0 && line != 0) ++(line > before ? rises : falls);
      before = line;
    }
    if (newline == std::string_view::npos) break;
    head.remove_prefix(newline + 1);
  }
  return falls >= 3 && falls > 2 * rises;
}

/// A field of the audit line as pgaudit itself would have written it.
void append_audit_field(std::string& line, std::string_view value) {
  const bool is_quoted = value.find_first_of(",\"\n\r") != std::string_view::npos;
  line += ',';
  if (!is_quoted) {
    line += value;
    return;
  }
  line += '"';
  for (char c : value) {
    if (c == '"') line += c;
    line += c;
  }
  line += '"';
}

class PostgresJsonReader final : public RecordReader {
 public:
  PostgresJsonReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), clock_(options.zone_offset_minutes), is_newest_first_(is_newest_first(lines_->head())) {}

  bool next(LogRecord& record) override {
    if (is_newest_first_ ? find_held() : find_entry()) {
      record = LogRecord{};
      sessions_.convert(entry_, record, counts_);
      return true;
    }
    sessions_.finish(counts_);
    return false;
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  /// An entry kept for its turn.
  struct Held {
    int64_t micros;
    uint64_t session_hash, session_line;
    uint64_t line;
    size_t begin, size;  // in held_bytes_
    [[nodiscard]] auto order() const { return std::tuple(micros, session_hash, session_line, line); }
  };

  /// The next line that is an entry, into slots_; 0 at the end, else its number.
  uint64_t take_entry(std::string_view& text) {
    while (const auto line = lines_->peek()) {
      const uint64_t number = lines_->line_number();
      lines_->mark();
      lines_->take();
      if (json_.parse(*line) && sort_fields(json_.fields(), slots_)) {
        text = *line;
        return number;
      }
      if (!trim(*line).empty()) ++counts_.unrecognised_lines;
    }
    return 0;
  }

  bool find_entry() {
    std::string_view text;
    const uint64_t number = take_entry(text);
    if (number != 0) fill(number);
    return number != 0;
  }

  bool find_held() {
    if (next_held_ == held_.size()) {
      held_.clear();
      held_bytes_.clear();
      next_held_ = 0;
      std::string_view text;
      while (held_bytes_.size() < kMaxHeld) {
        const uint64_t number = take_entry(text);
        if (number == 0) break;
        TimePoint time;
        clock_.read(slots_[kTime], &time);
        held_.push_back({time.micros, hash_bytes(slots_[kSessionId]), session_line(slots_), number, held_bytes_.size(), text.size()});
        held_bytes_ += text;
      }
      std::sort(held_.begin(), held_.end(), [](const Held& a, const Held& b) { return a.order() < b.order(); });
      if (held_.empty()) return false;
    }
    const Held& held = held_[next_held_++];
    json_.parse(std::string_view(held_bytes_).substr(held.begin, held.size));
    sort_fields(json_.fields(), slots_);
    fill(held.line);
    return true;
  }

  void fill(uint64_t number) {
    entry_.line = number;
    entry_.severity = *severity_of_name(slots_[kSeverity]);
    PrefixFields& p = entry_.prefix;
    p.time = TimePoint{};
    clock_.read(slots_[kTime], &p.time);
    p.user = header_text::known(slots_[kUser]);
    p.database = header_text::known(slots_[kDatabase]);
    p.pid = slots_[kPid];
    p.session_id = slots_[kSessionId];
    p.command_tag = slots_[kCommandTag];
    p.vxid = slots_[kVxid];
    p.sqlstate = slots_[kSqlState];
    p.app = header_text::known(slots_[kApplication]);
    entry_.message = slots_[kMessage];
    entry_.detail = slots_[kDetail];
    entry_.context = slots_[kContext];
    entry_.statement = slots_[kStatement];
    entry_.has_detail = !entry_.detail.empty();
    entry_.has_context = !entry_.context.empty();
    entry_.has_statement = !entry_.statement.empty();
    entry_.backend_type = slots_[kBackendType];
    if (entry_.message.empty() && !slots_[kAuditType].empty()) {
      message_ = "AUDIT: ";
      message_ += slots_[kAuditType];
      for (Slot slot : {kAuditStatementId, kAuditSubstatementId, kAuditClass, kAuditCommand}) append_audit_field(message_, slots_[slot]);
      message_ += ",,";  // the object, which is not needed
      append_audit_field(message_, slots_[kAuditStatement]);
      append_audit_field(message_, slots_[kAuditParameter]);
      if (!slots_[kAuditRows].empty()) append_audit_field(message_, slots_[kAuditRows]);
      entry_.message = message_;
    }
  }

  std::unique_ptr<Lines> lines_;
  PrefixClock clock_;
  JsonLines json_;
  Slots slots_;
  std::string message_;
  bool is_newest_first_ = false;
  std::vector<Held> held_;
  std::string held_bytes_;
  size_t next_held_ = 0;
  PostgresEntry entry_;
  PostgresSessions sessions_;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  const bool is_whole = head.size() < (size_t{64} << 10) || head.back() == '\n';
  int lines = 0, entries = 0;
  JsonLines json;
  Slots slots;
  while (!head.empty()) {
    const size_t newline = head.find('\n');
    const std::string_view line = head.substr(0, newline);
    head = newline == std::string_view::npos ? std::string_view() : head.substr(newline + 1);
    if (newline == std::string_view::npos && !is_whole) break;
    if (trim(line).empty()) continue;
    ++lines;
    if (json.parse(line) && sort_fields(json.fields(), slots)) ++entries;
  }
  return entries == 0 ? 0 : 990 * entries / lines;
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<PostgresJsonReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"{\"timestamp\":\"2026-03-02 09:15:04.118 CET\",\"user\":\"shop\",\"dbname\":\"orders\",\"pid\":4471,\"remote_host\":\"10.0.3.9\","
     "\"remote_port\":40122,\"session_id\":\"69a54808.1177\",\"line_num\":3,\"ps\":\"idle\",\"session_start\":\"2026-03-02 09:15:04 CET\","
     "\"vxid\":\"5/12\",\"txid\":0,\"error_severity\":\"LOG\",\"message\":\"statement: BEGIN\",\"application_name\":\"till 1\","
     "\"backend_type\":\"client backend\",\"query_id\":0}\n",
     1},
    {"{\"level\":\"info\",\"ts\":\"2026-03-02T08:15:04Z\",\"logger\":\"postgres\",\"msg\":\"record\",\"logging_pod\":\"orders-1\","
     "\"record\":{"
     "\"log_time\":\"2026-03-02 08:15:04.118 UTC\",\"user_name\":\"shop\",\"database_name\":\"orders\",\"process_id\":\"4471\","
     "\"connection_from\":\"[local]\",\"session_id\":\"69a54808.1177\",\"session_line_num\":\"4\",\"command_tag\":\"SELECT\","
     "\"session_start_time\":\"2026-03-02 08:15:04 UTC\",\"virtual_transaction_id\":\"5/12\",\"transaction_id\":\"0\","
     "\"error_severity\":\"LOG\",\"sql_state_code\":\"00000\",\"message\":\"execute <unnamed>: SELECT stock FROM item WHERE id = $1\","
     "\"detail\":\"parameters: $1 = '17'\",\"application_name\":\"till 1\",\"backend_type\":\"client backend\",\"query_id\":\"0\"}}\n",
     1},
};

}  // namespace

extern const Format kFormat_postgres_json;
const Format kFormat_postgres_json{
    .name = "postgres-json",
    .summary = "PostgreSQL's jsonlog (15 and later), also as CloudNativePG writes it",
    .enable = "logging_collector = on; log_destination = 'jsonlog'; log_statement = 'all'",
    .engine = Engine::kPostgres,
    .orm = "",
    .samples = kSamples,
    .score = score,
    .open = open,
};

}  // namespace dbaudit
