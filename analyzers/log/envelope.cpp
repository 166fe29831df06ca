// An envelope is told by its shape on nine of ten lines of the head. Some shapes are nobody else's (Docker's and journald's JSON, the CRI's stream
// and flag, Compose's column of bars): they are taken off whenever something known is inside. Others look like what a log format might write itself (a
// syslog header, a bare time, a JSON object with a `message`): they are taken off only when the log as it came is of no known format.
//
// Below an envelope the readers see lines of another file than the one on disk. Each line handed down leaves a note of where it came from in a
// ring, and the outermost reader turns the numbers back: a reader looks back at most as far as its longest record, the trace as far as an error lies
// behind its statement, and the ring remembers 65,536 lines.

#include "analyzers/log/envelope.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/log/envelope_shapes.h"
#include "analyzers/log/formats/syslog_line.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxOrigins = 4096;
constexpr int kMostLayers = 2;

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
    for (size_t at = inside.text.find('\n'); at != kNone; at = inside.text.find('\n', at + 1)) origins_.add(note);
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

/// The head without its envelope; empty when fewer than nine of ten lines have it.
std::string unwrapped_head(std::string_view head, const EnvelopeShape& envelope) {
  const size_t last = head.rfind('\n');
  if (last != kNone && head.size() >= (size_t{64} << 10)) head = head.substr(0, last + 1);
  if (envelope.name.name == "colours" && head.find("\x1B[") == kNone) return {};
  EnvelopeSource source(std::make_unique<Lines>(memory_source(std::string(head))), envelope.make());
  uint64_t most_lines = 1;
  for (size_t at = head.find('\n'); at != kNone; at = head.find('\n', at + 1)) ++most_lines;
  std::string text;
  char buffer[2 << 10];
  for (;;) {
    const Result<size_t> n = source.read(buffer, sizeof buffer);
    if (!n || *n == 0) break;
    if (source.foreign() * 10 > most_lines) return {};
    text.append(buffer, *n);
  }
  return source.foreign() * 10 > source.seen() ? std::string() : text;
}

struct Choice {
  const Format* format = nullptr;
  const EnvelopeShape* envelope = nullptr;
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
  const auto format_inside = [&](const EnvelopeShape& envelope) -> const Format* {
    const std::string inner = unwrapped_head(head, envelope);
    if (inner.empty()) return nullptr;
    return choose(inner, wanted, options, depth + 1).format;
  };
  for (const EnvelopeShape& envelope : envelope_shapes()) {
    if (!envelope.is_nobody_elses) continue;
    if (const Format* inside = format_inside(envelope)) return {inside, &envelope};
  }
  const Format* bare = decide(head, wanted, options);
  if (bare != nullptr && is_syslog(head)) {
    // A logger's reader may take a syslog header for a part of its own lines, and then misses those that have nothing else of it. PostgreSQL numbers
    // what it sends to syslog itself; without numbers somebody else sent the lines of its plain log.
    for (const EnvelopeShape& envelope : envelope_shapes()) {
      if (envelope.name.name != "syslog") continue;
      const Format* inside = format_inside(envelope);
      if (inside != nullptr && (inside == bare || bare->name == "postgres-syslog")) return {inside, &envelope};
    }
  }
  // PostgreSQL lets anything be a log_line_prefix, so a guessed one may hold the envelope; then lines without a prefix are lost.
  const bool is_certain = bare != nullptr && (!bare->orm.empty() || bare->engine == Engine::kUnknown);
  if (!is_certain) {
    for (const EnvelopeShape& envelope : envelope_shapes()) {
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
    for (const EnvelopeShape& envelope : envelope_shapes()) all.push_back(envelope.name);
    return all;
  }();
  return names;
}

}  // namespace dbaudit
