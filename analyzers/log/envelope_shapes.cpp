// What container runtimes, log shippers and clouds put around a line, as their documentation and their bytes show it. A shape that is too generous would take
// a part of the log itself for an envelope, so each demands all of what its writer always writes.

#include "analyzers/log/envelope_shapes.h"

#include <algorithm>
#include <string>
#include <vector>

#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/syslog_line.h"
#include "analyzers/log/plain_text.h"

namespace dbaudit {
namespace {

using namespace header_text;

constexpr size_t kNone = std::string_view::npos;

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

// --- which envelope -------------------------------------------------------------------------------------------------------------------

template <class T>
std::unique_ptr<Unwrapper> make() {
  return std::make_unique<T>();
}

constexpr EnvelopeShape kShapes[] = {
    {{"docker-json", R"({"log":"…\n","stream":"stdout","time":"2026-11-20T14:38:58.369123456Z"})"}, true, make<DockerJson>},
    {{"journald-json", R"({"MESSAGE":"…","__REALTIME_TIMESTAMP":"1795185538369123","_PID":"7808"})"}, true, make<JournalJson>},
    {{"kubernetes-cri", "2026-11-20T14:38:58.369123456Z stdout F …"}, true, make<Cri>},
    {{"compose", "web-1  | …"}, true, make<Compose>},
    {{"kubectl-prefix", "[pod/web-7d9f/app] …"}, true, make<KubectlPrefix>},
    {{"syslog", "Nov 20 14:38:58 host app[7808]: … (RFC 3164, RFC 5424, journalctl, Heroku's logplex)"}, false, make<Syslog>},
    {{"stream-time", "2026-11-20T14:38:58.369000+00:00 stream … (aws logs tail)"},
     false,
     []() -> std::unique_ptr<Unwrapper> { return std::make_unique<TimeBefore>(true); }},
    {{"time", "2026-11-20T14:38:58.369Z … (CloudWatch export, kubectl logs --timestamps)"},
     false,
     []() -> std::unique_ptr<Unwrapper> { return std::make_unique<TimeBefore>(false); }},
    {{"json", R"({"timestamp":"…","textPayload":"…"} (Cloud Logging, CloudWatch, Fluent Bit: message, @message, log, msg, line))"},
     false,
     make<AnyJson>},
    {{"colours", "\\e[36m…\\e[0m"}, false, make<Colours>},
};

}  // namespace

std::span<const EnvelopeShape> envelope_shapes() { return kShapes; }

}  // namespace dbaudit
