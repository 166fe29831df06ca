// An envelope is told by its shape on nine of ten lines of the head. Some shapes are nobody else's (Docker's and journald's JSON, the CRI's stream
// and flag, Compose's column of bars): they are taken off whenever something known is inside. Others look like what a log format might write itself (a
// syslog header, a bare time, a JSON object with a `message`): they are taken off only when the log as it came is of no known format.
//
// Below an envelope the readers see lines of another file than the one on disk. Each line handed down leaves a note of where it came from in a
// ring, and the outermost reader turns the numbers back: a reader looks back at most as far as its longest record, the trace as far as an error lies
// behind its statement, and the ring remembers 65,536 lines.

#include "analyzers/log/envelope.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/syslog_line.h"
#include "analyzers/log/plain_text.h"

namespace dbaudit {
namespace {

using namespace header_text;

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxOrigins = 4096;
constexpr int kMostLayers = 2;

/// What one line holds.
struct Inside {
  std::string_view text;  ///< without the newline; may hold newlines
  bool goes_on = false;   ///< the writer cut a line: the next one of the same stream continues it
  TimePoint time;
  std::string_view origin;  ///< container, process, dyno; empty when the envelope names none
};

/// Takes one line (or one JSON object) apart. False when it is not of this envelope.
class Unwrapper {
 public:
  virtual ~Unwrapper() = default;
  virtual bool unwrap(std::string_view line, Inside& inside) = 0;
  /// One JSON object may span lines.
  [[nodiscard]] virtual bool is_json() const { return false; }
};

// --- JSON -----------------------------------------------------------------------------------------------------------------------------

std::string_view without_newline(std::string_view s) {
  if (s.ends_with('\n')) s.remove_suffix(1);
  if (s.ends_with('\r')) s.remove_suffix(1);
  return s;
}

class JsonUnwrapper : public Unwrapper {
 public:
  [[nodiscard]] bool is_json() const final { return true; }

 protected:
  void take_time(std::initializer_list<std::string_view> keys, Inside& inside) {
    const JsonField* time = json_.find(keys);
    if (time == nullptr) return;
    if (const auto parsed = json_time(*time)) inside.time = *parsed;
  }
  JsonLines json_;
};

/// Docker's json-file driver: `{"log":"…\n","stream":"stdout","time":"2026-…Z"}`. A line above 16 KiB is cut, its parts have no newline.
class DockerJson final : public JsonUnwrapper {
 public:
  bool unwrap(std::string_view line, Inside& inside) override {
    if (!json_.parse(line)) return false;
    const JsonField* log = json_.find_any({"log"});
    if (log == nullptr || log->kind != JsonField::Kind::kString || json_.find({"stream"}) == nullptr) return false;
    inside.goes_on = !log->text.ends_with('\n');
    inside.text = without_newline(log->text);
    take_time({"time"}, inside);
    return true;
  }
};

/// `journalctl -o json`: MESSAGE is a string, or an array of bytes when it is not UTF-8.
class JournalJson final : public JsonUnwrapper {
 public:
  bool unwrap(std::string_view line, Inside& inside) override {
    if (!json_.parse(line)) return false;
    const JsonField* message = json_.find_any({"MESSAGE"});
    const JsonField* time = json_.find({"__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP"});
    if (message == nullptr || time == nullptr) return false;
    if (message->kind == JsonField::Kind::kArray) {
      bytes_.clear();
      values_.clear();
      if (!json_.values(*message, values_)) return false;
      for (const BindValue& v : values_) {
        unsigned byte = 0;
        for (const char c : v.text) byte = byte * 10 + static_cast<unsigned>(c - '0');
        bytes_ += static_cast<char>(byte);
      }
      inside.text = bytes_;
    } else if (message->kind == JsonField::Kind::kString) {
      inside.text = message->text;
    } else {
      return false;
    }
    int64_t micros = 0;
    for (const char c : time->text.substr(0, 18)) {
      if (!is_digit(c)) return false;
      micros = micros * 10 + (c - '0');
    }
    inside.time = {micros, true, 1};
    inside.origin = json_.text({"_PID", "SYSLOG_PID"});
    return true;
  }

 private:
  std::string bytes_;
  std::vector<BindValue> values_;
};

/// Whatever else puts a line into JSON: CloudWatch (`message`, `@message`), Cloud Logging (`textPayload`), Fluent Bit (`log`), Vector, Loki.
class AnyJson final : public JsonUnwrapper {
 public:
  bool unwrap(std::string_view line, Inside& inside) override {
    if (!json_.parse(line)) return false;
    const JsonField* text = json_.find({"textPayload", "@message", "message", "log", "msg", "line", "MESSAGE", "_raw"});
    if (text == nullptr || text->kind != JsonField::Kind::kString) return false;
    inside.text = without_newline(text->text);
    take_time({"timestamp", "@timestamp", "time", "ts", "ingestionTime", "date"}, inside);
    inside.origin = json_.text({"@logStream", "logStreamName", "kubernetes.pod_name", "container_name", "resource.labels.pod_name"});
    return true;
  }
};

// --- text -----------------------------------------------------------------------------------------------------------------------------

/// `2026-11-20T14:38:58.369123456Z `; the offset of what follows, 0 when there is no such time.
size_t iso_time_before(std::string_view line, TimePoint& time) {
  if (line.size() < 21 || !is_digit(line[0]) || line[4] != '-' || line[10] != 'T') return 0;
  size_t n = 0;
  const auto parsed = parse_time(line, &n);
  if (!parsed || !parsed->zone_known || n >= line.size() || line[n] != ' ') return 0;
  time = *parsed;
  return n + 1;
}

/// The files of a Kubernetes node (CRI): `TIME stdout F text`; P marks a part of a line.
class Cri final : public Unwrapper {
 public:
  bool unwrap(std::string_view line, Inside& inside) override {
    const size_t at = iso_time_before(line, inside.time);
    if (at == 0) return false;
    const std::string_view rest = line.substr(at);
    if (!rest.starts_with("stdout ") && !rest.starts_with("stderr ")) return false;
    if (rest.size() < 8 || (rest[7] != 'F' && rest[7] != 'P') || (rest.size() > 8 && rest[8] != ' ')) return false;
    inside.goes_on = rest[7] == 'P';
    inside.text = rest.size() > 9 ? rest.substr(9) : std::string_view();
    return true;
  }
};

bool is_container_byte(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
}

bool is_stream_byte(char c) { return is_container_byte(c) || c == '/' || c == ':' || c == '$' || c == '#'; }

/// `docker compose logs`: `web-1  | text`, the name perhaps in colours, perhaps with `-t`'s time behind the bar.
class Compose final : public Unwrapper {
 public:
  bool unwrap(std::string_view line, Inside& inside) override {
    const size_t begin = skip_colours(line, 0);
    size_t at = begin;
    while (at < line.size() && is_container_byte(line[at])) ++at;
    if (at == begin) return false;
    inside.origin = line.substr(begin, at - begin);
    const size_t blanks = at;
    while (at < line.size() && line[at] == ' ') ++at;
    if (at == blanks || at >= line.size() || line[at] != '|') return false;
    at = skip_colours(line, at + 1);
    if (at < line.size()) {
      if (line[at] != ' ') return false;
      ++at;
    }
    inside.text = line.substr(at);
    if (const size_t n = iso_time_before(inside.text, inside.time); n != 0 && inside.time.tick == 1) inside.text.remove_prefix(n);
    return true;
  }
};

/// `kubectl logs --prefix`: `[pod/web-7d9f/app] text`, perhaps with `--timestamps`.
class KubectlPrefix final : public Unwrapper {
 public:
  bool unwrap(std::string_view line, Inside& inside) override {
    if (!line.starts_with("[pod/")) return false;
    const size_t close = line.find("] ");
    if (close == kNone) return false;
    inside.origin = line.substr(5, close - 5);
    inside.text = line.substr(close + 2);
    if (const size_t n = iso_time_before(inside.text, inside.time); n != 0 && inside.time.tick == 1) inside.text.remove_prefix(n);
    return true;
  }
};

/// syslog of every age, `journalctl`, Heroku's logplex. A daemon writes a tab as `#011` and a newline as `#012` (rsyslog's escapes).
class Syslog final : public Unwrapper {
 public:
  bool unwrap(std::string_view line, Inside& inside) override {
    const auto parsed = parse_syslog_line(line);
    if (!parsed) return false;
    inside.time = parsed->time;
    inside.origin = parsed->pid.empty() ? parsed->program : parsed->pid;
    inside.text = line.substr(std::min(parsed->text_at, line.size()));
    if (inside.text.find("#01") != kNone) {
      text_.clear();
      for (size_t i = 0; i < inside.text.size(); ++i) {
        const std::string_view here = inside.text.substr(i, 4);
        if (here == "#011" || here == "#012") {
          text_ += here[3] == '1' ? '\t' : '\n';
          i += 3;
        } else {
          text_ += inside.text[i];
        }
      }
      inside.text = text_;
    }
    return true;
  }

 private:
  std::string text_;
};

/// A collector's own time, and perhaps the stream's name, before each line: `aws logs tail`, CloudWatch's exports to S3, `kubectl logs --timestamps`.
class TimeBefore final : public Unwrapper {
 public:
  explicit TimeBefore(bool has_stream) : has_stream_(has_stream) {}
  bool unwrap(std::string_view line, Inside& inside) override {
    const size_t at = iso_time_before(line, inside.time);
    if (at == 0) return false;
    inside.text = line.substr(at);
    if (!has_stream_) return true;
    const size_t blank = std::min(inside.text.find(' '), inside.text.size());
    inside.origin = inside.text.substr(0, blank);
    // A name such as `web/app/3fa1` or `i-0a1b`, not a level, a date or a `[pid]`.
    if (inside.origin.find_first_of("/-_.") == kNone || !std::all_of(inside.origin.begin(), inside.origin.end(), is_stream_byte))
      return false;
    if (std::none_of(inside.origin.begin(), inside.origin.end(), [](char c) { return is_alpha(c); })) return false;
    inside.text.remove_prefix(std::min(blank + 1, inside.text.size()));
    return true;
  }

 private:
  bool has_stream_;
};

/// Colours of a terminal, on a log of a format that knows none.
class Colours final : public Unwrapper {
 public:
  bool unwrap(std::string_view line, Inside& inside) override {
    if (line.find('\x1B') == kNone) {
      inside.text = line;
      return true;
    }
    text_.clear();
    for (size_t at = 0; at < line.size();) {
      const size_t behind = skip_colours(line, at);
      if (behind == at) {
        text_ += line[at++];
      } else {
        at = behind;
      }
    }
    inside.text = text_;
    return true;
  }

 private:
  std::string text_;
};

// --- the source below which the readers work -------------------------------------------------------------------------------------------

/// Where the lines handed down came from.
class Origins {
 public:
  struct Note {
    uint64_t line = 0;
    TimePoint time;
    uint32_t origin = 0;
  };

  void add(const Note& note) {
    ++written_;
    if (ring_.size() <= kMask) {
      ring_.push_back(note);
    } else {
      ring_[written_ & kMask] = note;
    }
  }
  [[nodiscard]] uint64_t written() const { return written_; }
  /// Of a line by its number below the envelope; the oldest remembered for one that is older.
  [[nodiscard]] const Note& of(uint64_t line) const {
    const uint64_t oldest = written_ > kMask ? written_ - kMask : 1;
    return ring_[written_ == 0 ? 0 : std::clamp(line, oldest, written_) & kMask];
  }
  uint32_t name(std::string_view origin) {
    if (origin.empty()) return 0;
    if (last_ < names_.size() && names_[last_] == origin) return static_cast<uint32_t>(last_);
    const auto found = std::find(names_.begin(), names_.end(), origin);
    last_ = static_cast<size_t>(found - names_.begin());
    if (found == names_.end()) {
      if (names_.size() == kMaxOrigins) {
        last_ = kMaxOrigins - 1;  // ever new process numbers: those past the cap share one name
      } else {
        names_.emplace_back(origin);
      }
    }
    return static_cast<uint32_t>(last_);
  }
  [[nodiscard]] const std::string& name(uint32_t origin) const { return names_[origin]; }

 private:
  static constexpr uint64_t kMask = 0xFFFF;
  std::vector<Note> ring_ = std::vector<Note>(1);  // lines are counted from 1
  uint64_t written_ = 0;
  std::vector<std::string> names_ = {std::string()};  // the first is "none named"
  size_t last_ = 0;
};

class EnvelopeSource final : public ByteSource {
 public:
  EnvelopeSource(std::unique_ptr<Lines> lines, std::unique_ptr<Unwrapper> unwrapper)
      : lines_(std::move(lines)), unwrapper_(std::move(unwrapper)) {}

  Result<size_t> read(char* buffer, size_t size) override {
    size_t done = 0;
    while (done < size) {
      if (at_ == out_.size()) {
        out_.clear();
        at_ = 0;
        if (!next()) break;
      }
      const size_t n = std::min(size - done, out_.size() - at_);
      std::memcpy(buffer + done, out_.data() + at_, n);
      at_ += n;
      done += n;
    }
    if (done == 0 && lines_->error()) return tl::unexpected<Error>(*lines_->error());
    return done;
  }

  [[nodiscard]] const Lines& lines() const { return *lines_; }
  [[nodiscard]] const Origins& origins() const { return origins_; }
  [[nodiscard]] uint64_t foreign() const { return foreign_; }
  [[nodiscard]] uint64_t seen() const { return seen_; }

 private:
  static constexpr size_t kMaxJoined = size_t{16} << 20;

  /// One more line (object) into out_. False at the end.
  bool next() {
    lines_->mark();
    const std::optional<std::string_view> first = lines_->peek();
    if (!first) return false;
    const uint64_t line = lines_->line_number();
    ++seen_;
    std::string_view text = *first;
    const bool is_object = unwrapper_->is_json();
    lines_->take();
    if (is_object) text = object_from(text);
    Inside inside;
    if (text.empty() || !unwrapper_->unwrap(text, inside)) {
      // Brackets and commas around objects are a JSON array's; anything else stands for itself, and its format will count it.
      if (is_object && text.find_first_not_of("[], \t") == kNone) return true;
      ++foreign_;
      inside = Inside{};
      inside.text = text;
    }
    emit(inside, line);
    return true;
  }

  /// An object may be printed over several lines (`gcloud logging read --format=json`).
  std::string_view object_from(std::string_view first) {
    const size_t brace = first.find_first_not_of("[, \t");
    if (brace == kNone || first[brace] != '{') return first;
    if (depth_behind(first) <= 0) return trimmed_object(first.substr(brace));
    int depth = depth_behind(first);
    while (depth > 0 && !lines_->record_was_cut()) {
      const std::optional<std::string_view> more = lines_->peek();
      if (!more) break;
      depth += depth_behind(*more);
      lines_->take();
    }
    const std::string_view whole = lines_->since_mark();
    return trimmed_object(whole.substr(std::min(brace, whole.size())));
  }

  static std::string_view trimmed_object(std::string_view s) {
    const size_t last = s.find_last_not_of("], \t\r");
    return last == kNone ? s : s.substr(0, last + 1);
  }

  /// Braces opened less those closed, outside strings. A string cannot hold a newline in JSON.
  static int depth_behind(std::string_view line) {
    int depth = 0;
    bool is_string = false;
    for (size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (is_string) {
        if (c == '\\') {
          ++i;
        } else if (c == '"') {
          is_string = false;
        }
      } else if (c == '"') {
        is_string = true;
      } else if (c == '{') {
        ++depth;
      } else if (c == '}') {
        --depth;
      }
    }
    return depth;
  }

  void emit(const Inside& inside, uint64_t line) {
    const Origins::Note note{line, inside.time, origins_.name(inside.origin)};
    if (!goes_on_) origins_.add(note);
    for (const char* c = inside.text.data();
         (c = static_cast<const char*>(std::memchr(c, '\n', static_cast<size_t>(inside.text.data() + inside.text.size() - c)))) != nullptr;
         ++c) {
      origins_.add(note);
    }
    out_.append(inside.text);
    joined_ = inside.goes_on ? joined_ + inside.text.size() : 0;
    goes_on_ = inside.goes_on && joined_ < kMaxJoined;
    if (!goes_on_) out_ += '\n';
  }

  std::unique_ptr<Lines> lines_;
  std::unique_ptr<Unwrapper> unwrapper_;
  Origins origins_;
  std::string out_;
  size_t at_ = 0, joined_ = 0;
  bool goes_on_ = false;
  uint64_t foreign_ = 0, seen_ = 0;
};

/// Turns what a reader says of the lines below the envelope into what is so of the file.
class EnvelopedReader final : public RecordReader {
 public:
  EnvelopedReader(std::unique_ptr<RecordReader> inner, const Origins& origins) : inner_(std::move(inner)), origins_(origins) {}

  bool next(LogRecord& record) override {
    if (!inner_->next(record)) return false;
    const Origins::Note& note = origins_.of(record.line);
    record.line = note.line;
    if (record.about_line != 0) record.about_line = origins_.of(record.about_line).line;
    if (!record.time.known() && !record.end_time.known() && note.time.known()) {
      record.time = note.time;
      gave_time_ = true;
    }
    if (note.origin != 0 && !record.session.empty() && is_other(note.origin)) {
      session_.assign(origins_.name(note.origin)).append("/").append(record.session);
      record.session = session_;
    }
    return true;
  }

  [[nodiscard]] const ReaderCounts& counts() const override {
    counts_ = inner_->counts();
    if (gave_time_) std::erase(counts_.incomplete, "no-time");
    return counts_;
  }

 private:
  /// The log's first container keeps its sessions' plain names, so that a log of one container reads like the bare log.
  bool is_other(uint32_t origin) {
    if (first_ == 0) first_ = origin;
    return origin != first_;
  }

  std::unique_ptr<RecordReader> inner_;
  const Origins& origins_;
  std::string session_;
  uint32_t first_ = 0;
  bool gave_time_ = false;
  mutable ReaderCounts counts_;
};

// --- which envelope -------------------------------------------------------------------------------------------------------------------

struct Envelope {
  EnvelopeName name;
  bool is_nobody_elses;
  std::unique_ptr<Unwrapper> (*make)();
};

template <class T>
std::unique_ptr<Unwrapper> make() {
  return std::make_unique<T>();
}

const std::array kEnvelopes = {
    Envelope{{"docker-json", R"({"log":"…\n","stream":"stdout","time":"2026-11-20T14:38:58.369123456Z"})"}, true, make<DockerJson>},
    Envelope{{"journald-json", R"({"MESSAGE":"…","__REALTIME_TIMESTAMP":"1795185538369123","_PID":"7808"})"}, true, make<JournalJson>},
    Envelope{{"kubernetes-cri", "2026-11-20T14:38:58.369123456Z stdout F …"}, true, make<Cri>},
    Envelope{{"compose", "web-1  | …"}, true, make<Compose>},
    Envelope{{"kubectl-prefix", "[pod/web-7d9f/app] …"}, true, make<KubectlPrefix>},
    Envelope{{"syslog", "Nov 20 14:38:58 host app[7808]: … (RFC 3164, RFC 5424, journalctl, Heroku's logplex)"}, false, make<Syslog>},
    Envelope{{"stream-time", "2026-11-20T14:38:58.369000+00:00 stream … (aws logs tail)"},
             false,
             []() -> std::unique_ptr<Unwrapper> { return std::make_unique<TimeBefore>(true); }},
    Envelope{{"time", "2026-11-20T14:38:58.369Z … (CloudWatch export, kubectl logs --timestamps)"},
             false,
             []() -> std::unique_ptr<Unwrapper> { return std::make_unique<TimeBefore>(false); }},
    Envelope{{"json", R"({"timestamp":"…","textPayload":"…"} (Cloud Logging, CloudWatch, Fluent Bit: message, @message, log, msg, line))"},
             false,
             make<AnyJson>},
    Envelope{{"colours", "\\e[36m…\\e[0m"}, false, make<Colours>},
};

/// The head without its envelope; empty when fewer than nine of ten lines have it.
std::string unwrapped_head(std::string_view head, const Envelope& envelope) {
  const size_t last = head.rfind('\n');
  if (last != kNone && head.size() >= (size_t{64} << 10)) head = head.substr(0, last + 1);
  if (envelope.name.name == "colours" && head.find("\x1B[") == kNone) return {};
  EnvelopeSource source(std::make_unique<Lines>(memory_source(std::string(head))), envelope.make());
  std::string text;
  char buffer[16 << 10];
  for (;;) {
    const Result<size_t> n = source.read(buffer, sizeof buffer);
    if (!n || *n == 0) break;
    text.append(buffer, *n);
  }
  return source.foreign() * 10 > source.seen() ? std::string() : text;
}

struct Choice {
  const Format* format = nullptr;
  const Envelope* envelope = nullptr;
};

const Format* decide(std::string_view head, const Format* wanted, const ReaderOptions& options) {
  const Format* found = detect_format(head, options);
  return wanted == nullptr || found == wanted ? found : nullptr;
}

/// Do the first lines have syslog headers, and no numbers of PostgreSQL's behind them?
bool is_syslog(std::string_view head) {
  int lines = 0;
  while (!head.empty() && lines < 20) {
    const size_t newline = std::min(head.find('\n'), head.size());
    const auto line = parse_syslog_line(head.substr(0, newline));
    if (!line || line->sequence != 0) return false;
    ++lines;
    head.remove_prefix(std::min(newline + 1, head.size()));
  }
  return lines > 0;
}

/// `depth`: a log may be wrapped twice (Fluent Bit around the CRI's lines), and no more.
Choice choose(std::string_view head, const Format* wanted, const ReaderOptions& options, int depth) {
  if (depth >= kMostLayers) return {decide(head, wanted, options), nullptr};
  const auto format_inside = [&](const Envelope& envelope) -> const Format* {
    const std::string inner = unwrapped_head(head, envelope);
    if (inner.empty()) return nullptr;
    return choose(inner, wanted, options, depth + 1).format;
  };
  for (const Envelope& envelope : kEnvelopes) {
    if (!envelope.is_nobody_elses) continue;
    if (const Format* inside = format_inside(envelope)) return {inside, &envelope};
  }
  const Format* bare = decide(head, wanted, options);
  if (bare != nullptr && is_syslog(head)) {
    // A logger's reader may take a syslog header for a part of its own lines, and then misses those that have nothing else of it. PostgreSQL numbers
    // what it sends to syslog itself; without numbers somebody else sent the lines of its plain log.
    for (const Envelope& envelope : kEnvelopes) {
      if (envelope.name.name != "syslog") continue;
      const Format* inside = format_inside(envelope);
      if (inside != nullptr && (inside == bare || bare->name == "postgres-syslog")) return {inside, &envelope};
    }
  }
  // PostgreSQL lets anything be a log_line_prefix, so a guessed one may hold the envelope; then lines without a prefix are lost.
  const bool is_certain = bare != nullptr && (!bare->orm.empty() || bare->engine == Engine::kUnknown);
  if (!is_certain) {
    for (const Envelope& envelope : kEnvelopes) {
      if (envelope.is_nobody_elses) continue;
      const Format* inside = format_inside(envelope);
      if (inside != nullptr && (bare == nullptr || bare == inside)) return {inside, &envelope};
    }
  }
  return {bare, nullptr};
}

OpenedLog open_at(std::unique_ptr<Lines> lines, const Format* wanted, const ReaderOptions& options, int depth) {
  OpenedLog log;
  const Lines* outermost = lines.get();
  const Choice choice = choose(lines->head(), wanted, options, depth);
  if (choice.envelope == nullptr) {
    log.format = wanted != nullptr ? wanted : choice.format;
    if (log.format == nullptr) return log;
    log.lines = outermost;
    log.reader = log.format->open(std::move(lines), options);
    return log;
  }
  auto source = std::make_unique<EnvelopeSource>(std::move(lines), choice.envelope->make());
  const Origins& origins = source->origins();
  OpenedLog inner = open_at(std::make_unique<Lines>(std::move(source)), wanted, options, depth + 1);
  log.envelope = choice.envelope->name.name;
  log.format = inner.format;
  if (inner.reader == nullptr) return log;
  log.lines = outermost;
  log.reader = std::make_unique<EnvelopedReader>(std::move(inner.reader), origins);
  return log;
}

}  // namespace

OpenedLog open_records(std::unique_ptr<Lines> lines, const Format* wanted, const ReaderOptions& options) {
  return open_at(std::move(lines), wanted, options, 0);
}

std::span<const EnvelopeName> envelope_names() {
  static const std::vector<EnvelopeName> names = [] {
    std::vector<EnvelopeName> all;
    for (const Envelope& envelope : kEnvelopes) all.push_back(envelope.name);
    return all;
  }();
  return names;
}

}  // namespace dbaudit
