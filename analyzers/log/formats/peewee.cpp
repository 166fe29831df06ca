// Peewee's `peewee` logger: each message is the repr of a tuple, `('SELECT … WHERE "k" = %s', ['a', 1])`, through any formatter or as JSON lines.
//
// A repr has no newlines of its own, so an entry is a line; only the repr of some object among the parameters may have some. Peewee logs before it
// executes: a failed statement looks like any other, and the time is that of the start.
//
// What the log cannot show: BEGIN and COMMIT. They go to the driver past the logger; only Peewee 3 on SQLite logs BEGIN, and COMMIT not even there.
// SAVEPOINT and RELEASE are logged, each pair with a random name of its own, and so is what the application executes as text.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/python_json.h"
#include "analyzers/log/formats/python_logging.h"
#include "analyzers/log/formats/python_repr.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kLogger = "peewee";
constexpr size_t kMaxPrefix = 1024;   ///< in front of a message
constexpr size_t kMaxLines = 10'000;  ///< of one repr

/// The parts of a message. Offsets.
struct PeeweeMessage {
  size_t sql_begin = 0, sql_end = 0;  ///< the literal with its quotes
  size_t parameters_begin = 0, parameters_end = 0;
  bool whole = false;  ///< the tuple's end was found
};

/// Is there a tuple of a statement at `at`? `(` and a string that begins like SQL.
bool begins_message(std::string_view text, size_t at) {
  if (at + 3 > text.size() || text[at] != '(') return false;
  size_t quote = at + 1;
  if (text[quote] == 'u') ++quote;  // Python 2
  if (text[quote] != '\'' && text[quote] != '"') return false;
  // Blanks and newlines in front of the first word are escapes.
  size_t word = quote + 1;
  while (word + 1 < text.size() && (text[word] == ' ' || (text[word] == '\\' && (text[word + 1] == 'n' || text[word + 1] == 't')))) {
    word += text[word] == ' ' ? 1 : 2;
  }
  return starts_like_sql(text.substr(word, 64), true);
}

bool parse_message(std::string_view text, PeeweeMessage& m) {
  m = PeeweeMessage();
  if (!begins_message(text, 0)) return false;
  m.sql_begin = 1;
  const auto sql = skip_python_repr(text, 1);
  m.sql_end = sql ? *sql : text.size();
  if (!sql) return true;
  if (text.substr(*sql, 2) != ", ") return *sql + 2 > text.size();  // cut there, or something else
  m.parameters_begin = m.parameters_end = *sql + 2;
  const auto parameters = skip_python_repr(text, m.parameters_begin);
  if (!parameters) {
    // An object that has no readable repr: the tuple ends with the text.
    m.parameters_end = text.ends_with(')') ? text.size() - 1 : text.size();
    return true;
  }
  m.parameters_end = *parameters;
  m.whole = text.substr(*parameters, 1) == ")";
  return m.whole ? trim(text.substr(*parameters + 1)).empty() : *parameters >= text.size();
}

size_t find_message(std::string_view line, size_t from) {
  for (size_t at = line.find('(', from); at < std::min(line.size(), from + kMaxPrefix); at = line.find('(', at + 1)) {
    if (!begins_message(line, at)) continue;
    const auto sql = skip_python_repr(line, at + 1);
    if (sql && line.substr(*sql, 2) == ", ") return at;
  }
  return kNone;
}

constexpr PythonMessages kMessages{kLogger, "peewee", find_message};

class PeeweeReader final : public RecordReader {
 public:
  PeeweeReader(std::unique_ptr<Lines> lines, const ReaderOptions& options) : lines_(std::move(lines)), zone_(options.zone_offset_minutes) {
    const std::string_view head = lines_->head();
    json_ = is_python_json(head, kMessages);
    if (!json_) layouts_ = learn_python_layouts(head, kMessages);
    const auto seen = [head](std::string_view text) { return head.find(text) != kNone; };
    if (seen(" = ?)") || seen("(?, ") || seen("('BEGIN', None)") || seen("('BEGIN IMMEDIATE', None)") || seen("('PRAGMA ")) {
      counts_.engine = Engine::kSqlite;
    }
  }

  bool next(LogRecord& record) override {
    while (const auto line = lines_->peek()) {
      lines_->mark();
      line_ = lines_->line_number();
      tags_.clear();
      if (json_ ? read_json(*line, record) : read_text(*line, record)) return true;
    }
    finish();
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  bool read_text(std::string_view line, LogRecord& record) {
    if (layouts_.empty()) layouts_ = learn_python_layouts(line, kMessages);  // the head had no message
    bool message = false;
    const auto start = start_of(line, &tags_, message);
    if (!start) {
      if (!in_other_ && line.find_first_not_of(" \t") != kNone) ++counts_.unrecognised_lines;
      lines_->take();
      return false;
    }
    lines_->take();
    in_other_ = !message;
    if (message && !prefix_.logger.empty() && prefix_.logger != "root" && !prefix_.logger.starts_with(kLogger)) message = false;
    if (!message) return other(record);
    std::string_view text = lines_->since_mark().substr(*start);
    if (!parse_message(text, message_)) return other(record);
    if (!message_.whole) text = gather(text, *start);
    return statement(text, record);
  }

  /// Where the message of an entry begins that begins on this line. `message`: it is a statement's.
  std::optional<size_t> start_of(std::string_view line, std::vector<Tag>* tags, bool& message) {
    for (const PythonLayout& layout : layouts_) {
      const auto at = layout.match(line, prefix_, tags);
      if (!at) continue;
      message = begins_message(line, *at);
      if (message || (layout.is_strong() && !layout.is_bare())) return at;
    }
    return std::nullopt;
  }

  /// The rest of a repr with newlines in it.
  std::string_view gather(std::string_view text, size_t start) {
    if (!is_open_python_repr(text)) return text;
    const PythonPrefix prefix = prefix_;
    const size_t begin = lines_->offset();
    const uint64_t begin_line = lines_->line_number();
    size_t taken = 0, step = 1;
    while (const auto line = lines_->peek()) {
      bool message = false;
      if (start_of(*line, nullptr, message) || ++taken > kMaxLines) break;
      const bool may_close = line->find(')') != kNone;
      lines_->take();
      // Looking again from the beginning: at lengths that double, so that it stays linear.
      if (may_close && (taken < 16 || taken >= step * 2)) {
        step = taken;
        text = lines_->since_mark().substr(start);
        PeeweeMessage m;
        if (parse_message(text, m) && m.whole) {
          message_ = m;
          prefix_ = prefix;
          return text;
        }
      }
    }
    prefix_ = prefix;
    if (taken > 0 && !lines_->record_was_cut()) lines_->rewind(begin, begin_line);
    text = lines_->since_mark().substr(start);
    return text.substr(0, std::min(text.find('\n'), text.size()));
  }

  bool read_json(std::string_view line, LogRecord& record) {
    lines_->take();
    if (line.find_first_not_of(" \t") == kNone) return false;
    if (!json_lines_.parse(line)) {
      ++counts_.unrecognised_lines;
      return false;
    }
    const PythonJsonRecord entry = read_python_json(json_lines_);
    prefix_ = entry.prefix;
    const bool ours = prefix_.logger.empty() || prefix_.logger == "root" || prefix_.logger.starts_with(kLogger);
    if (!prefix_.request.empty()) tags_.push_back({"request_id", prefix_.request});
    if (ours && parse_message(entry.message, message_)) return statement(entry.message, record);
    // A formatter that takes the tuple apart writes it as an array: ["SQL", [params]].
    const JsonField* f = json_lines_.find({"message", "msg", "event"});
    elements_.clear();
    if (ours && f != nullptr && f->kind == JsonField::Kind::kArray && json_lines_.elements(*f, elements_) && elements_.size() == 2 &&
        elements_[0].kind == JsonField::Kind::kString && starts_like_sql(elements_[0].text)) {
      ++counts_.records;
      fill(record, elements_[0].text);
      values_.clear();
      record.has_params = elements_[1].kind == JsonField::Kind::kNull || json_lines_.values(elements_[1], values_);
      record.params = values_;
      return true;
    }
    return other(record);
  }

  bool other(LogRecord& record) {
    ++counts_.records;
    record = LogRecord{};
    record.line = line_;
    record.time = prefix_.time;
    return true;
  }

  /// A message of message_'s parts.
  bool statement(std::string_view text, LogRecord& record) {
    ++counts_.records;
    decoder_.reset(text.size());
    std::string_view literal = text.substr(message_.sql_begin, message_.sql_end - message_.sql_begin);
    const bool open = message_.parameters_begin == 0 && !message_.whole;
    if (open) {
      // Cut inside the SQL: closed here, it can be decoded; an escape cut in two is left out.
      closed_.assign(literal);
      const size_t quote = closed_.find_first_of("'\"");
      while (closed_.size() > quote + 1 && closed_.back() == '\\') closed_.pop_back();
      if (!skip_python_repr(closed_) && quote != kNone) closed_ += closed_[quote];
      decoder_.reset(closed_.size());
      literal = closed_;
    }
    fill(record, decoder_.value(literal).text);
    record.truncated = !message_.whole || lines_->record_was_cut();
    if (record.truncated) ++counts_.truncated_statements;
    values_.clear();
    const std::string_view parameters = text.substr(message_.parameters_begin, message_.parameters_end - message_.parameters_begin);
    record.has_params = !open && (parameters == "None" || decoder_.values(parameters, values_) || !values_.empty());
    record.params = values_;
    return true;
  }

  void fill(LogRecord& record, std::string_view sql) {
    record = LogRecord{};
    record.kind = RecordKind::kStatement;
    record.line = line_;
    record.sql = sql;
    record.time = in_zone(prefix_.time, zone_);
    if (!record.time.known()) missing_.time = true;
    record.session = session_.key(prefix_.process, prefix_.thread, prefix_.request, {});
    if (record.session.empty()) missing_.session = true;
    // BEGIN alone leaves every end unknown.
    record.tx_boundary = TxBoundary::kInferred;  // from savepoints and locking reads
    // The name of a savepoint is of one connection only.
    if (const std::string_view name = savepoint_of(sql); record.session.empty() && !name.empty()) tags_.push_back({"savepoint", name});
    record.tags = tags_;
    ++counts_.statements;
  }

  /// `s` and 32 hexadecimal digits, of SAVEPOINT, RELEASE SAVEPOINT and ROLLBACK TO SAVEPOINT.
  static std::string_view savepoint_of(std::string_view sql) {
    if (!sql.starts_with("SAVEPOINT ") && !sql.starts_with("RELEASE SAVEPOINT ") && !sql.starts_with("ROLLBACK TO SAVEPOINT ")) return {};
    size_t at = sql.rfind(' ') + 1;
    if (at < sql.size() && (sql[at] == '"' || sql[at] == '`')) ++at;
    const std::string_view name = sql.substr(at, 33);
    const bool own = name.size() == 33 && name[0] == 's' && name.substr(1).find_first_not_of("0123456789abcdef") == kNone;
    return own ? name : std::string_view();
  }

  void finish() {
    missing_.boundaries = counts_.statements > 0;
    tell_incomplete(missing_, counts_);
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_;
  bool json_ = false, in_other_ = false;
  std::vector<PythonLayout> layouts_;
  PythonPrefix prefix_;
  PythonSession session_;
  std::vector<Tag> tags_;
  JsonLines json_lines_;
  std::vector<JsonField> elements_;
  PeeweeMessage message_;
  PythonDecoder decoder_;
  std::vector<BindValue> values_;
  std::string closed_;
  uint64_t line_ = 0;
  Missing missing_;
  ReaderCounts counts_;
};

/// Share of the head's lines that are such tuples.
int score(std::string_view head, const ReaderOptions&) {
  const bool whole = head.size() < (size_t{64} << 10) || head.back() == '\n';
  const bool objects = is_python_json(head, kMessages);
  size_t lines = 0, ours = 0;
  JsonLines json;
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    std::string_view line = head.substr(at, stop - at);
    at = stop + 1;
    if (stop == head.size() && !whole) break;  // cut
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == kNone) continue;
    ++lines;
    if (objects) {
      if (!json.parse(line)) continue;
      const PythonJsonRecord record = read_python_json(json);
      const bool named = record.prefix.logger == kLogger;
      const JsonField* f = json.find({"message", "msg", "event"});
      const bool array = named && f != nullptr && f->kind == JsonField::Kind::kArray;
      const bool foreign = !named && !record.prefix.logger.empty() && record.prefix.logger != "root";
      if (array || (!foreign && find_message(record.message, 0) == 0)) ++ours;
      continue;
    }
    const size_t message = find_message(line, 0);
    if (message == kNone) continue;
    PeeweeMessage m;
    if (parse_message(line.substr(message), m) && m.whole) ++ours;
  }
  if (ours == 0 || lines == 0) return 0;
  return static_cast<int>(600 + 400 * ours / lines);
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<PeeweeReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"('SELECT \"t1\".\"id\", \"t1\".\"n\" FROM \"item\" AS \"t1\" WHERE (\"t1\".\"name\" = %s) LIMIT %s OFFSET %s', [\"O'x %s\\n\", 1, "
     "0])\n"
     "('SAVEPOINT \"s0f3c2a9d5b7e4c1a8d6f2b9e7c5a3d10\";', None)\n",
     2},
    {"[2026-01-09 10:00:00,123] 4101 140707705235520 DEBUG peewee (\"INSERT INTO \\\"item\\\" (\\\"at\\\") VALUES (?)\", "
     "[datetime.datetime(2026, 1, 1, 0, 0)])\n",
     1},
    {"{\"asctime\": \"2026-01-09 10:00:00,123\", \"name\": \"peewee\", \"threadName\": \"w-1\", \"message\": \"('UPDATE `item` SET `n` = "
     "%s', "
     "[1])\"}\n",
     1},
};

}  // namespace

extern const Format kFormat_peewee;
const Format kFormat_peewee = {
    "peewee",
    "Peewee's peewee logger, any formatter or JSON lines",
    "logging.getLogger(\"peewee\").setLevel(logging.DEBUG) with %(asctime)s %(process)d %(thread)d in the formatter",
    Engine::kUnknown,
    "peewee",
    kSamples,
    score,
    open};

}  // namespace dbaudit
