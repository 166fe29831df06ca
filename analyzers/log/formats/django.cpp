// Django's `django.db.backends` logger, through any formatter or as JSON lines.
//
// An entry of several lines is gathered until its message ends (django_message.cpp). A line that looks like the beginning of an entry while a quote is
// still open is taken for text of the literal. When the entry then never ends (some programs cut long lines), the bytes are gone over again and every
// such line begins an entry after all.
//
// What the log cannot show: Django before 4.2 logs no BEGIN and no COMMIT (on SQLite BEGIN only). A failed statement looks like any other, but under
// PyMySQL, where its text is lost: `(0.001) None; args=('a', 0)`.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/django_message.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/python_json.h"
#include "analyzers/log/formats/python_logging.h"
#include "analyzers/log/formats/python_repr.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/plain_text.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kLogger = "django.db.backends";
constexpr std::string_view kSchemaLogger = "django.db.backends.schema";
constexpr std::string_view kArgs = "; args=", kSchemaParams = "; (params ";
constexpr size_t kMaxStartsInside = 64;  ///< lines that look like entries inside one literal, before the literal is doubted

constexpr PythonMessages kMessages{kLogger, "utils", find_django_message};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view message_of(const JsonLines& json) { return json.text({"message", "msg", "event"}); }
std::string_view logger_of(const JsonLines& json) {
  return json.text({"logger", "name", "logger_name", "loggerName", "log.logger", "log.name", "channel"});
}

/// Is the parsed line an entry of Django's backends?
enum class JsonEntry { kStatement, kSchema, kOther };

JsonEntry classify(const JsonLines& json) {
  const std::string_view logger = logger_of(json), message = message_of(json);
  const bool grammar = django_duration_length(message, 0) != 0;
  if (logger == kSchemaLogger) return JsonEntry::kSchema;
  if (logger == kLogger)
    return grammar || json.find_any({"sql"}) != nullptr || starts_like_sql(message) ? JsonEntry::kStatement : JsonEntry::kOther;
  if (grammar && message.find(kArgs) != kNone) return JsonEntry::kStatement;
  return JsonEntry::kOther;
}

/// Is this a log of JSON lines, perhaps with a few other lines between?
bool is_json_log(std::string_view head) {
  size_t objects = 0, messages = 0;
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    const std::string_view line = head.substr(at, stop - at);
    if (line.starts_with('{')) {
      ++objects;
    } else if (find_django_message(line, 0) != kNone) {
      ++messages;
    }
    at = stop + 1;
  }
  return objects > messages;
}

class DjangoReader final : public RecordReader {
 public:
  DjangoReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), engine_(options.engine), zone_(options.zone_offset_minutes) {
    const std::string_view head = lines_->head();
    json_ = is_json_log(head);
    if (!json_) layouts_ = learn_python_layouts(head, kMessages);
    // 4.2 and later log every BEGIN and COMMIT. The alias says 4.0 or later, psycopg 3's wrappers 4.2 or later; without those a COMMIT must be seen.
    const auto seen = [head](std::string_view text) { return head.find(text) != kNone; };
    alias_ = seen("; alias=") || seen("\"alias\"");
    explicit_ = alias_ && (seen(") COMMIT; args=") || seen(") ROLLBACK; args=") || seen("Int4(") || seen("Int2(") || seen("Int8("));
    crlf_ = has_dos_lines(head);
  }

  bool next(LogRecord& record) override {
    if (many_left_) return deliver_many(record);
    if (json_ ? next_json(record) : next_text(record)) return true;
    finish();
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  struct Start {
    bool found = false;
    bool django = false;  // the message has Django's grammar
    size_t message = 0;
  };

  /// Does an entry begin on this line? Fills prefix_ and, when `tags` is set, tags_.
  Start start_of(std::string_view line, bool tags) {
    for (const PythonLayout& layout : layouts_) {
      const auto message = layout.match(line, prefix_, tags ? &tags_ : nullptr);
      if (!message) continue;
      const bool django = django_duration_length(line, *message) != 0;
      if (django || (layout.is_strong() && !layout.is_bare())) return {true, django, *message};
    }
    return {};
  }

  bool next_text(LogRecord& record) {
    while (true) {
      if (!block_.empty()) {
        if (next_in_block(record)) return true;
        continue;
      }
      const auto line = lines_->peek();
      if (!line) {
        end_run();
        return false;
      }
      lines_->mark();
      line_ = lines_->line_number();
      if (layouts_.empty()) layouts_ = learn_python_layouts(*line, kMessages);  // the head had no message
      const Start start = start_of(*line, true);
      if (!start.found) {
        other_line(*line);
        lines_->take();
        continue;
      }
      end_run();
      in_other_ = !start.django;
      if (!start.django) {
        const bool schema = prefix_.logger == kSchemaLogger || line->find(kSchemaParams) != kNone;
        lines_->take();
        if (schema) continue;  // announces a statement that the backend's logger logs when it ran
        ++counts_.records;
        deliver_other(record);
        return true;
      }
      if (gather(start)) {
        if (deliver(lines_->since_mark().substr(start.message), record)) return true;
      }
    }
  }

  /// Takes the lines of the entry that starts with the line peeked. False when its bytes went to block_ instead.
  bool gather(const Start& start) {
    lines_->take();
    std::string_view text = lines_->since_mark();
    const size_t behind = start.message + django_duration_length(text, start.message);
    end_.reset(engine_);
    complete_ = end_.advance(text.substr(behind), parts_);
    if (complete_) return true;
    // The prefix is of the first line; looking at others would overwrite it.
    const PythonPrefix prefix = prefix_;
    size_t starts_inside = 0, first_inside = 0;
    bool ended = false;
    while (!complete_) {
      const auto line = lines_->peek();
      if (!line) {
        ended = true;
        break;
      }
      if (start_of(*line, false).found) {
        if (!end_.in_quote() || lines_->record_was_cut() || ++starts_inside > kMaxStartsInside) break;
        if (starts_inside == 1) first_inside = text.size() + 1;
      }
      lines_->take();
      text = lines_->since_mark();
      complete_ = end_.advance(text.substr(std::min(behind, text.size())), parts_);
    }
    prefix_ = prefix;
    if (complete_ || starts_inside == 0) return true;
    // At the end of the file a literal with a copy of a log in it may just be cut. Only when every line behind it is a whole entry is it not.
    if (ended && !whole_entries(text.substr(std::min(first_inside, text.size())))) return true;
    block_ = text;
    block_at_ = 0;
    block_line_ = line_;
    return false;
  }

  bool whole_entries(std::string_view text) {
    size_t entries = 0;
    DjangoParts parts;
    DjangoMessageEnd end;
    for (size_t at = 0; at < text.size();) {
      const size_t stop = std::min(text.find('\n', at), text.size());
      const std::string_view line = text.substr(at, stop - at);
      const Start start = start_of(line, false);
      if (!start.django) return false;
      end.reset(engine_);
      if (!end.advance(line.substr(start.message + django_duration_length(line, start.message)), parts)) return false;
      ++entries;
      at = stop + 1;
    }
    return entries > 1;
  }

  /// Entries of bytes that were first taken for one: every line that looks like a beginning is one.
  bool next_in_block(LogRecord& record) {
    const auto line_at = [this](size_t at) {
      std::string_view line = block_.substr(at, std::min(block_.find('\n', at), block_.size()) - at);
      if (line.ends_with('\r')) line.remove_suffix(1);
      return line;
    };
    const size_t begin = block_at_;
    line_ = block_line_;
    size_t at = begin + line_at(begin).size();
    size_t next = std::min(block_.find('\n', begin), block_.size() - 1) + 1;
    ++block_line_;
    while (next < block_.size() && !start_of(line_at(next), false).found) {
      at = next + line_at(next).size();
      next = std::min(block_.find('\n', next), block_.size() - 1) + 1;
      ++block_line_;
    }
    const std::string_view text = block_.substr(begin, at - begin);
    if (next >= block_.size()) {
      block_ = {};
    } else {
      block_at_ = next;
    }
    const Start start = start_of(text.substr(0, std::min(text.find('\n'), text.size())), true);
    if (!start.django) {
      ++counts_.records;
      deliver_other(record);
      return true;
    }
    end_.reset(engine_);
    complete_ = end_.advance(text.substr(start.message + django_duration_length(text, start.message)), parts_);
    return deliver(text.substr(start.message), record);
  }

  /// A line that begins no entry. A schema editor's announcement printed bare (`CREATE TABLE …; (params None)`) is known by its end.
  void other_line(std::string_view line) {
    if (in_other_) return;  // goes on with an entry of another logger (a traceback)
    if (line.find_first_not_of(" \t") == kNone) return;
    if (run_ == 0) run_is_sql_ = starts_like_sql(line);
    ++run_;
    if (run_is_sql_ && line.ends_with(')') && line.rfind(kSchemaParams) != kNone) run_ = 0;
  }
  void end_run() {
    counts_.unrecognised_lines += run_;
    run_ = 0;
  }

  /// Delivers the message `text` (from its duration on) of prefix_, tags_, complete_ and parts_. False when it is no statement.
  bool deliver(std::string_view text, LogRecord& record) {
    const size_t behind = django_duration_length(text, 0);
    const int64_t duration = django_duration_us(text);
    text = text.substr(behind);
    const bool cut = lines_->record_was_cut();
    if (!complete_ && !cut && !end_.in_quote()) complete_ = loose_django_end(text, end_.candidate(), parts_);
    bool truncated = !complete_ || cut;
    std::string_view sql, args, alias;
    if (complete_) {
      sql = text.substr(0, parts_.sql_size);
      args = text.substr(parts_.args_begin, parts_.args_end - parts_.args_begin);
      alias = text.substr(parts_.alias_begin, parts_.alias_end - parts_.alias_begin);
    } else {
      sql = text.substr(0, end_.candidate());
    }
    if (!alias.empty()) alias = whole_alias(alias);
    const bool unknown = complete_ ? sql == "None" : sql == "None" || (!sql.empty() && std::string_view("None; args=").starts_with(sql));
    if (!unknown && !complete_ && !starts_like_sql(sql, true)) {
      const size_t lines = 1 + static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
      counts_.unrecognised_lines += lines;
      return false;
    }
    if (crlf_) sql = with_plain_newlines(sql, without_cr_);
    record = LogRecord{};
    ++counts_.records;
    const std::string_view session = session_.key(prefix_.process, prefix_.thread, prefix_.request, alias);
    fill(record, unknown ? std::string_view() : sql, unknown, duration, prefix_.time, session, alias);
    record.truncated = truncated;
    if (truncated) ++counts_.truncated_statements;
    record.tags = tags_;
    return give_args(sql, unknown, args, record);
  }

  /// The arguments as Python printed them.
  bool give_args(std::string_view sql, bool unknown, std::string_view args, LogRecord& record) {
    values_.clear();
    record.has_params = !args.empty();
    if (args.empty() || args == "None") return true;
    if (!unknown && is_django_executemany(sql, args)) {
      many_fields_.clear();
      many_next_ = 0;
      many_ = PythonElements(args);
      many_.next(many_element_);
      begin_many(record);
      return deliver_many(record);
    }
    decoder_.reset(args.size());
    decoder_.values(args, values_);
    record.params = values_;
    return true;
  }

  /// One entry, N statements: its time is that of all of them together.
  void begin_many(const LogRecord& record) {
    many_record_ = record;
    many_record_.has_params = true;
    many_record_.duration_us = -1;
    --counts_.statements;  // counted one by one
    many_left_ = true;
  }

  bool deliver_many(LogRecord& record) {
    record = many_record_;
    values_.clear();
    decoder_.reset(many_element_.size());
    if (many_next_ < many_fields_.size()) {
      json_lines_.values(many_fields_[many_next_], values_);
      many_left_ = ++many_next_ < many_fields_.size();
    } else {
      decoder_.values(many_element_, values_);
      many_left_ = many_.next(many_element_);
    }
    record.params = values_;
    ++counts_.statements;
    return true;
  }

  void fill(LogRecord& record, std::string_view sql, bool unknown, int64_t duration, TimePoint end, std::string_view session,
            std::string_view alias) {
    record.kind = RecordKind::kStatement;
    record.line = line_;
    record.session = session;
    record.sql = sql;
    record.sql_unknown = unknown;
    record.has_error = unknown;
    record.duration_us = duration;
    if (end.known()) {
      end = in_zone(end, zone_);
      record.end_time = end;
      record.time = end;
      if (duration >= 0) {
        record.time.micros -= duration;
        record.time.tick = std::max(end.tick, duration_tick_);
      }
    } else {
      missing_.time = true;
    }
    if (session.empty()) missing_.session = true;
    if (!alias.empty()) {
      alias_ = true;
      if (alias != "default") tags_.push_back({"alias", alias});
      if (sql == "COMMIT" || sql == "ROLLBACK") explicit_ = true;
    }
    if (!explicit_ && !in_transaction_seen_) in_transaction_seen_ = sql.starts_with("SAVEPOINT ") || sql.find(" FOR UPDATE") != kNone;
    record.tx_boundary = explicit_ ? TxBoundary::kExplicit : TxBoundary::kInferred;
    // Django names savepoints `s<thread>_x<n>`: the thread of these lines at least is known when the formatter names none.
    if (session.empty() && sql.size() > 10) {
      if (const std::string_view thread = savepoint_thread(sql); !thread.empty()) tags_.push_back({"thread", thread});
    }
    ++counts_.statements;
  }

  /// The alias of the last entry may be cut where the file ends: then it is the known one that begins so, not a connection of its own.
  std::string_view whole_alias(std::string_view alias) {
    if (std::find(aliases_.begin(), aliases_.end(), alias) != aliases_.end()) return alias;
    if (!lines_->peek()) {
      for (const std::string& known : aliases_) {
        if (known.starts_with(alias)) return known;
      }
    }
    if (aliases_.size() < 64) aliases_.emplace_back(alias);
    return alias;
  }

  static std::string_view savepoint_thread(std::string_view sql) {
    if (!sql.starts_with("SAVEPOINT ") && !sql.starts_with("RELEASE SAVEPOINT ") && !sql.starts_with("ROLLBACK TO SAVEPOINT ")) return {};
    size_t at = sql.rfind(' ') + 1;
    if (at < sql.size() && (sql[at] == '"' || sql[at] == '`')) ++at;
    if (at >= sql.size() || sql[at] != 's') return {};
    size_t end = ++at;
    while (end < sql.size() && is_digit(sql[end])) ++end;
    return end > at && sql.substr(end, 2) == "_x" ? sql.substr(at, end - at) : std::string_view();
  }

  void deliver_other(LogRecord& record) {
    record = LogRecord{};
    record.kind = RecordKind::kOther;
    record.line = line_;
    record.time = prefix_.time;
  }

  bool next_json(LogRecord& record);
  void finish();

  std::unique_ptr<Lines> lines_;
  Engine engine_;
  int32_t zone_;
  bool json_ = false, crlf_ = false;
  std::vector<PythonLayout> layouts_;
  PythonPrefix prefix_;
  PythonSession session_;
  std::vector<Tag> tags_;
  std::vector<std::string> aliases_ = {"default"};
  DjangoMessageEnd end_;
  DjangoParts parts_;
  bool complete_ = false;
  uint64_t line_ = 0;
  std::string_view block_;  // taken for one entry, but is several
  size_t block_at_ = 0;
  uint64_t block_line_ = 0;
  PythonDecoder decoder_;
  std::vector<BindValue> values_;
  JsonLines json_lines_;
  // executemany
  bool many_left_ = false;
  PythonElements many_{std::string_view()};
  std::string_view many_element_;
  std::vector<JsonField> many_fields_;
  size_t many_next_ = 0;
  LogRecord many_record_;
  std::string without_cr_;
  // lines of no entry
  bool in_other_ = false, run_is_sql_ = false;
  uint64_t run_ = 0;
  // what the log can show
  bool alias_ = false, explicit_ = false, in_transaction_seen_ = false;
  Missing missing_;
  int32_t duration_tick_ = 1000;  // the message prints milliseconds
  ReaderCounts counts_;
};

bool DjangoReader::next_json(LogRecord& record) {
  while (const auto line = lines_->peek()) {
    lines_->mark();
    line_ = lines_->line_number();
    lines_->take();
    if (line->find_first_not_of(" \t") == kNone) continue;
    if (!json_lines_.parse(*line)) {
      ++counts_.unrecognised_lines;
      continue;
    }
    const JsonEntry entry = classify(json_lines_);
    if (entry == JsonEntry::kSchema) continue;
    ++counts_.records;
    prefix_ = read_python_json(json_lines_).prefix;
    if (entry == JsonEntry::kOther) {
      deliver_other(record);
      return true;
    }
    // The message says all; the extra fields that Django hands its formatter (sql, params, duration, alias) say it without doubt.
    const std::string_view message = message_of(json_lines_);
    const size_t behind = django_duration_length(message, 0);
    int64_t duration = behind != 0 ? django_duration_us(message) : -1;
    std::string_view sql, args, alias = json_lines_.text({"alias"});
    bool unknown = false;
    if (behind != 0) {
      const std::string_view text = message.substr(behind);
      end_.reset(engine_);
      complete_ = end_.advance(text, parts_);
      if (!complete_) complete_ = loose_django_end(text, end_.candidate(), parts_);
      if (complete_) {
        args = text.substr(parts_.args_begin, parts_.args_end - parts_.args_begin);
        if (alias.empty()) alias = text.substr(parts_.alias_begin, parts_.alias_end - parts_.alias_begin);
      }
      sql = complete_ ? text.substr(0, parts_.sql_size) : text;
      unknown = sql == "None";
    } else {
      complete_ = true;
      sql = message;
    }
    const JsonField* extra = json_lines_.find_any({"sql"});
    if (extra != nullptr && extra->kind == JsonField::Kind::kString) {
      sql = extra->text;
      complete_ = true;
      unknown = sql == "None";
    } else if (extra != nullptr && behind == 0) {
      unknown = true;  // "sql": null
    }
    duration_tick_ = 1000;
    if (const JsonField* f = json_lines_.find({"duration"}); f != nullptr && f->kind == JsonField::Kind::kNumber) {
      double seconds = 0;
      if (std::from_chars(f->text.data(), f->text.data() + f->text.size(), seconds).ec == std::errc() && seconds >= 0 && seconds < 1e7) {
        duration = std::llround(seconds * 1e6);
        duration_tick_ = 1;
      }
    }
    tags_.clear();
    if (!prefix_.request.empty()) tags_.push_back({"request_id", prefix_.request});
    if (sql.empty() && !unknown) {
      --counts_.records;
      ++counts_.unrecognised_lines;
      continue;
    }
    record = LogRecord{};
    fill(record, unknown ? std::string_view() : sql, unknown, duration, prefix_.time,
         session_.key(prefix_.process, prefix_.thread, prefix_.request, alias), alias);
    record.truncated = !complete_;
    if (record.truncated) ++counts_.truncated_statements;
    record.tags = tags_;
    values_.clear();
    const JsonField* params = json_lines_.find({"params"});
    if (params != nullptr && (params->kind == JsonField::Kind::kArray || params->kind == JsonField::Kind::kObject)) {
      record.has_params = true;
      many_fields_.clear();
      if (!unknown && is_django_executemany(sql, args.empty() ? params->text : args) && json_lines_.elements(*params, many_fields_) &&
          !many_fields_.empty()) {
        many_next_ = 0;
        begin_many(record);
        return deliver_many(record);
      }
      json_lines_.values(*params, values_);
    } else if (!args.empty()) {
      return give_args(sql, unknown, args, record);
    }
    record.params = values_;
    return true;
  }
  return false;
}

void DjangoReader::finish() {
  missing_.boundaries = counts_.statements > 0 && !explicit_ && (!alias_ || in_transaction_seen_);
  tell_incomplete(missing_, counts_);
}

/// Share of the head's text that belongs to entries of Django. The grammar of a message is so much its own that a few of them decide.
int score(std::string_view head, const ReaderOptions&) {
  const bool objects = is_json_log(head);
  const bool whole = head.size() < (size_t{64} << 10) || head.back() == '\n';
  size_t lines = 0, ours = 0;
  JsonLines json;
  DjangoMessageEnd end;
  DjangoParts parts;
  bool open = false;  // inside an entry of several lines
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    std::string_view line = head.substr(at, stop - at);
    at = stop + 1;
    if (stop == head.size() && !whole) break;  // cut
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == kNone) continue;
    ++lines;
    if (objects) {
      if (json.parse(line) && classify(json) != JsonEntry::kOther) ++ours;
      continue;
    }
    const size_t message = find_django_message(line, 0);
    if (message != kNone) {
      end.reset(Engine::kUnknown);
      if (end.advance(line.substr(message + django_duration_length(line, message)), parts)) {
        ++ours;
        open = false;
      } else {
        open = true;
        --lines;  // counted with its end
      }
    } else if (open && (line.find(kArgs) != kNone)) {
      open = false;
      ++ours;
    } else if (open || line.find(kSchemaParams) != kNone) {
      --lines;  // goes on with an entry, or announces one
    }
  }
  if (ours == 0 || lines == 0) return 0;
  return static_cast<int>(600 + 400 * std::min(ours, lines) / lines);
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<DjangoReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"(0.000) BEGIN; args=None; alias=default\n"
     "(0.001) SELECT \"shop_tag\".\"id\" FROM \"shop_tag\" WHERE \"shop_tag\".\"name\" = 'x; args=y' LIMIT 21; args=('x; args=y',); "
     "alias=default\n"
     "(0.000) COMMIT; args=None; alias=default\n",
     3},
    {"DEBUG 2026-01-09 10:00:00,123 utils 4101 140707705235520 (0.002) UPDATE `shop_item` SET `left` = 3 WHERE `shop_item`.`id` = 1; "
     "args=(3, 1)\n",
     1},
    {"2026-01-09 10:00:00,123 DEBUG [Thread-3 (process_request_thread)] django.db.backends: (0.001) INSERT INTO \"shop_tag\" (\"name\") "
     "VALUES ('two\n"
     "lines'); args=('two\\nlines',)\n",
     1},
    {"[2026-01-09 10:00:00,123] 4101 140707705235520 DEBUG django.db.backends (0.001) None; args=['a', 0]; alias=default\n", 1},
    {"{\"asctime\": \"2026-01-09 10:00:00,123\", \"name\": \"django.db.backends\", \"threadName\": \"worker-1\", \"message\": \"(0.001) "
     "SELECT 1; "
     "args=None; alias=default\"}\n",
     1},
    {"(0.003) INSERT INTO shop_tag(name) VALUES (%s); args=[('a',), ('b',)]; alias=default\n", 2},
};

}  // namespace

extern const Format kFormat_django;
const Format kFormat_django = {
    "django",
    "Django's django.db.backends logger, any formatter or JSON lines",
    "LOGGING = {..., \"loggers\": {\"django.db.backends\": {\"level\": \"DEBUG\", \"handlers\": [\"file\"]}}} with %(asctime)s %(process)d "
    "%(thread)d in the formatter, and DEBUG = True or connection.force_debug_cursor = True",
    Engine::kUnknown,
    "django",
    kSamples,
    score,
    open};

}  // namespace dbaudit
