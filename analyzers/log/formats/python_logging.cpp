// Working out a formatter from its lines.
//
// The message grammar of a format says where the message begins; what stands before it on that line is the prefix. A prefix is cut into separators
// and words (a time is one word, so is `Thread-3 (target)`), which gives a candidate layout; the candidate that fits most prefixes wins. Then every
// column is judged by all its values at once: a word that is always a level is the level; a number too big for a process id is a thread's address; of
// two small numbers the first is the process; a bracketed word that changes from line to line is a thread's name. One line could not tell these.

#include "analyzers/log/formats/python_logging.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxPrefix = 512, kMaxFields = 24, kMaxSamples = 400, kMaxLayouts = 4;
constexpr int64_t kMaxPid = 4'194'304;  // the largest pid Linux gives (PID_MAX_LIMIT); a pthread's address is far above

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_separator(char c) { return is_blank(c) || std::string_view("[](){}<>|,;:=\"'`#*!^&$\x1b").find(c) != kNone; }

/// Length of an ANSI colour sequence at `at`, or 0.
size_t ansi_length(std::string_view s, size_t at) {
  if (s.size() - at < 3 || s[at] != '\x1b' || s[at + 1] != '[') return 0;
  size_t n = 2;
  while (at + n < s.size() && (is_digit(s[at + n]) || s[at + n] == ';')) ++n;
  return at + n < s.size() && s[at + n] == 'm' ? n + 1 : 0;
}

/// Is the character at `at` part of a separator? A dash is one only between blanks: dates and names have dashes inside.
bool separates(std::string_view s, size_t at) {
  if (is_separator(s[at])) return true;
  return s[at] == '-' && (at == 0 || is_blank(s[at - 1])) && (at + 1 == s.size() || is_blank(s[at + 1]));
}

bool read_number(std::string_view s, size_t& at, size_t digits, int& out) {
  if (at + digits > s.size()) return false;
  int v = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (!is_digit(s[at + i])) return false;
    v = v * 10 + (s[at + i] - '0');
  }
  at += digits;
  out = v;
  return true;
}

bool read_char(std::string_view s, size_t& at, std::string_view any) {
  if (at >= s.size() || any.find(s[at]) == kNone) return false;
  ++at;
  return true;
}

unsigned read_month(std::string_view s, size_t& at) {
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  for (unsigned m = 0; m < 12; ++m) {
    if (iequals(s.substr(std::min(at, s.size()), 3), kMonths[m])) {
      at += 3;
      return m + 1;
    }
  }
  return 0;
}

/// `HH:MM:SS` and a fraction of 3 or 6 digits; micros of the day.
bool read_clock(std::string_view s, size_t& at, int64_t& micros, int32_t& tick) {
  int hour = 0, minute = 0, second = 0;
  size_t p = at;
  if (!read_number(s, p, 2, hour) || !read_char(s, p, ":") || !read_number(s, p, 2, minute) || !read_char(s, p, ":") ||
      !read_number(s, p, 2, second) || hour > 23 || minute > 59 || second > 60)
    return false;
  micros = ((hour * 60 + minute) * 60 + second) * int64_t{1'000'000};
  tick = 1'000'000;
  if (p < s.size() && (s[p] == ',' || s[p] == '.')) {
    size_t n = 0;
    while (p + 1 + n < s.size() && is_digit(s[p + 1 + n])) ++n;
    if (n == 3 || n == 6) {
      ++p;
      int fraction = 0;
      read_number(s, p, n, fraction);
      tick = n == 3 ? 1000 : 1;
      micros += int64_t{fraction} * tick;
    }
  }
  if (p < s.size() && is_digit(s[p])) return false;
  at = p;
  return true;
}

}  // namespace

bool is_python_level(std::string_view word) {
  constexpr std::string_view kLevels[] = {"DEBUG", "INFO",   "WARNING", "WARN",    "ERROR", "CRITICAL",
                                          "FATAL", "NOTSET", "TRACE",   "SUCCESS", "NOTICE"};
  return std::any_of(std::begin(kLevels), std::end(kLevels), [word](std::string_view l) { return iequals(word, l); });
}

std::optional<TimePoint> parse_python_time(std::string_view text, size_t& consumed) {
  consumed = 0;
  if (text.empty()) return std::nullopt;
  if (is_digit(text[0])) {
    if (auto t = parse_time(text, &consumed)) return t;
    TimePoint t;
    size_t at = 0;
    int a = 0, b = 0;
    int64_t micros = 0;
    // 20/Nov/2026 14:25:09, also with a colon before the hour and a zone behind
    if (read_number(text, at, 2, a) && read_char(text, at, "/- ")) {
      if (const unsigned month = read_month(text, at); month != 0 && read_char(text, at, "/- ") && read_number(text, at, 4, b) &&
                                                       read_char(text, at, " :T") && read_clock(text, at, micros, t.tick)) {
        t.micros = days_from_civil(b, month, static_cast<unsigned>(a)) * 86'400'000'000 + micros;
        int hours = 0, minutes = 0;
        size_t zone = at;
        if (read_char(text, zone, " ") && read_char(text, zone, "+-") && read_number(text, zone, 2, hours) &&
            read_number(text, zone, 2, minutes)) {
          const int64_t offset = (hours * 60 + minutes) * int64_t{60'000'000};
          t.micros += text[at + 1] == '-' ? offset : -offset;
          t.zone_known = true;
          at = zone;
        }
        consumed = at;
        return t;
      }
    }
    at = 0;
    int year = 0, month = 0, day = 0;
    if (read_number(text, at, 4, year) && read_char(text, at, "/") && read_number(text, at, 2, month) && read_char(text, at, "/") &&
        read_number(text, at, 2, day) && read_char(text, at, " ") && read_clock(text, at, micros, t.tick) && month >= 1 && month <= 12) {
      t.micros = days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day)) * 86'400'000'000 + micros;
      consumed = at;
      return t;
    }
    // 11/20/2026 14:25:09 or 20.11.2026 14:25:09: which is the month cannot be told for sure
    at = 0;
    if (read_number(text, at, 2, a) && read_char(text, at, "/.-") && read_number(text, at, 2, b) && read_char(text, at, "/.-") &&
        read_number(text, at, 4, year) && read_char(text, at, " ") && read_clock(text, at, micros, t.tick)) {
      t.micros = TimePoint::kUnknown;
      consumed = at;
      return t;
    }
    at = 0;
    if (read_clock(text, at, micros, t.tick)) {
      t.micros = TimePoint::kUnknown;
      consumed = at;
      return t;
    }
    // %(created)f
    size_t n = 0;
    while (n < text.size() && is_digit(text[n])) ++n;
    if (n == 10 && n < text.size() && text[n] == '.') {
      int64_t seconds = 0, fraction = 0, unit = 1'000'000;
      std::from_chars(text.data(), text.data() + n, seconds);
      size_t digits = 0;
      for (at = n + 1; at < text.size() && is_digit(text[at]); ++at, ++digits) {
        unit /= 10;
        fraction += (text[at] - '0') * unit;
      }
      if (digits == 0) return std::nullopt;
      t.micros = seconds * 1'000'000 + fraction;
      t.tick = digits >= 6 ? 1 : digits >= 3 ? 1000 : 1'000'000;
      t.zone_known = true;
      consumed = at;
      return t;
    }
    return std::nullopt;
  }
  TimePoint t;  // Nov 20 14:25:09: no year
  size_t at = 0;
  int64_t micros = 0;
  if (read_month(text, at) == 0 || !read_char(text, at, " ")) return std::nullopt;
  read_char(text, at, " ");
  size_t n = 0;
  while (n < 2 && at < text.size() && is_digit(text[at])) ++at, ++n;
  if (n == 0 || !read_char(text, at, " ") || !read_clock(text, at, micros, t.tick)) return std::nullopt;
  consumed = at;
  return t;
}

std::string_view PythonSession::key(std::string_view process, std::string_view thread, std::string_view request, std::string_view alias) {
  text_.assign(process);
  if (thread.empty()) thread = request;
  if (!thread.empty()) {
    if (!text_.empty()) text_ += ':';
    text_ += thread;
  }
  if (!text_.empty() && !alias.empty() && alias != "default") {
    text_ += '@';
    text_ += alias;
  }
  return text_;
}

namespace {

/// CPython names a thread `Thread-3 (target)`: blanks and all, one word. Length of that tail after `Thread-3`, or 0.
size_t thread_target(std::string_view s, size_t word, size_t at) {
  constexpr std::string_view kThread = "Thread-";
  const std::string_view name = s.substr(word, at - word);
  if (!name.starts_with(kThread) || !all_digits(name.substr(kThread.size())) || s.substr(at, 2) != " (") return 0;
  const size_t close = s.find(')', at);
  return close == kNone || close - at > 80 || is_digit(s[at + 2]) ? 0 : close + 1 - at;
}

size_t skip_ansi(std::string_view line, size_t at) {
  while (at < line.size() && line[at] == '\x1b') {
    const size_t n = ansi_length(line, at);
    if (n == 0) break;
    at += n;
  }
  return at;
}

/// Compares the separators `literal` with the line at `at`. Fields are padded, so a run of blanks matches any other, and beside punctuation or at
/// the start of the line (`padding`) no blank at all; colours match nothing. The offset behind them, or kNone.
size_t match_separators(std::string_view literal, std::string_view line, size_t at, bool padding) {
  const bool optional = padding || literal.find_first_not_of(" \t") != kNone;
  at = skip_ansi(line, at);
  for (size_t i = 0; i < literal.size();) {
    if (is_blank(literal[i])) {
      while (i < literal.size() && is_blank(literal[i])) ++i;
      const size_t begin = at;
      while (at < line.size() && is_blank(line[at])) ++at;
      if (at == begin && !optional) return kNone;
    } else {
      if (at >= line.size() || line[at] != literal[i]) return kNone;
      ++at;
      ++i;
    }
    at = skip_ansi(line, at);
  }
  return at;
}

/// The separators without their colours.
std::string without_ansi(std::string_view s) {
  std::string out;
  for (size_t at = 0; at < s.size();) {
    if (const size_t n = ansi_length(s, at); n != 0) {
      at += n;
    } else {
      out += s[at++];
    }
  }
  return out;
}

bool is_thread_name(std::string_view s) {
  constexpr std::string_view kBeginnings[] = {"MainThread", "Thread-",   "ThreadPoolExecutor-", "Dummy-",
                                              "asyncio_",   "waitress-", "CP Server Thread-",   "Greenlet"};
  return std::any_of(std::begin(kBeginnings), std::end(kBeginnings), [s](std::string_view b) { return s.starts_with(b); });
}

/// Names of the functions a logging call goes through, and other words that stand in prefixes and say nothing.
bool is_code_word(std::string_view s) {
  constexpr std::string_view kWords[] = {
      "debug_sql", "debug_transaction", "execute",   "executemany", "_execute", "_executemany", "emit",
      "handle",    "callHandlers",      "log",       "_log",        "debug",    "execute_sql",  "_execute_context",
      "_log_info", "_log_debug",        "_log_query"};
  return s.empty() || s == "-" || std::find(std::begin(kWords), std::end(kWords), s) != std::end(kWords) || s.ends_with(".py");
}

bool looks_like_request_id(std::string_view s) {
  if (s.size() < 8 || s.size() > 64) return false;
  size_t digits = 0;
  for (const char c : s) {
    const bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!hex && c != '-') return false;
    digits += is_digit(c) ? 1 : 0;
  }
  return digits > 0;
}

PythonLayout::Role role_of_name(std::string_view name) {
  using Role = PythonLayout::Role;
  std::string n;
  for (const char c : name) {
    if (c != '_' && c != '-' && c != '.') n += ascii_lower(c);
  }
  constexpr std::pair<std::string_view, Role> kNames[] = {
      {"pid", Role::kProcess},       {"process", Role::kProcess},   {"processid", Role::kProcess}, {"proc", Role::kProcess},
      {"tid", Role::kThread},        {"thread", Role::kThread},     {"threadid", Role::kThread},   {"threadident", Role::kThread},
      {"threadname", Role::kThread}, {"requestid", Role::kRequest}, {"reqid", Role::kRequest},     {"request", Role::kRequest},
      {"req", Role::kRequest},       {"traceid", Role::kRequest},   {"trace", Role::kRequest},     {"correlationid", Role::kRequest},
      {"level", Role::kLevel},       {"levelname", Role::kLevel},   {"lvl", Role::kLevel},         {"logger", Role::kLogger},
      {"loggername", Role::kLogger}, {"name", Role::kLogger}};
  for (const auto& [known, role] : kNames) {
    if (known == n) return role;
  }
  return Role::kTag;
}

}  // namespace

std::optional<size_t> PythonLayout::match(std::string_view line, PythonPrefix& prefix, std::vector<Tag>* tags) const {
  prefix = PythonPrefix{};
  if (tags != nullptr) tags->clear();
  size_t at = 0;
  for (size_t f = 0; f < fields_.size(); ++f) {
    const Field& field = fields_[f];
    at = match_separators(field.before, line, at, f == 0);
    if (at == kNone) return std::nullopt;
    const size_t begin = at;
    if (field.clock) {
      size_t length = 0;
      const auto t = parse_python_time(line.substr(at), length);
      if (!t || (field.dated && !t->known())) return std::nullopt;
      if (t->known()) prefix.time = *t;
      at += length;
      continue;
    }
    // A word ends where the separators behind it begin.
    const std::string_view behind = f + 1 < fields_.size() ? std::string_view(fields_[f + 1].before) : std::string_view(after_);
    const char stop = behind.empty() ? '\0' : behind[0];
    const size_t mark = behind.find_first_not_of(" \t-");
    const char punctuation = mark == kNone ? stop : behind[mark];  // a full field has no padding in front of it
    while (at < line.size() && at - begin <= kMaxPrefix) {
      const char c = line[at];
      if (c == stop || c == punctuation || c == '\x1b' || (is_blank(c) && (is_blank(stop) || field.digits || field.role == Role::kLevel))) {
        const size_t target = thread_target(line, begin, at);
        if (target == 0) break;
        at += target;
      } else {
        ++at;
      }
    }
    const std::string_view word = line.substr(begin, at - begin);
    if (word.size() > kMaxPrefix || (word.empty() && is_blank(stop))) return std::nullopt;
    switch (field.role) {
      case Role::kIgnored:
      case Role::kTime: break;
      case Role::kLevel:
        if (!is_python_level(word)) return std::nullopt;
        prefix.level = word;
        break;
      case Role::kLogger: prefix.logger = word; break;
      case Role::kProcess:
        if (field.digits && !all_digits(word)) return std::nullopt;
        prefix.process = word;
        break;
      case Role::kThread:
        if (field.digits && !all_digits(word)) return std::nullopt;
        prefix.thread = word;
        break;
      case Role::kRequest:
        if (word != "-" && word != "none" && word != "None") prefix.request = word;
        if (tags != nullptr && !prefix.request.empty())
          tags->push_back({field.name.empty() ? std::string_view("request_id") : std::string_view(field.name), word});
        break;
      case Role::kTag:
        if (tags != nullptr) tags->push_back({field.name, word});
        break;
    }
  }
  at = match_separators(after_, line, at, false);
  if (at == kNone) return std::nullopt;
  return at;
}

/// Makes layouts out of prefixes.
class PythonLayoutLearner {
 public:
  explicit PythonLayoutLearner(const PythonMessages& messages) : messages_(messages) {}

  void add(std::string_view line) {
    if (samples_.size() >= kMaxSamples) return;
    const size_t message = messages_.find(line, 0);
    if (message != kNone && message <= kMaxPrefix) samples_.push_back({line, message});
  }

  std::vector<PythonLayout> layouts() {
    // Prefixes of one shape go together, the most frequent shape first: it may fit odd prefixes of other shapes too (a thread's name with blanks).
    std::map<std::string, std::vector<size_t>> shapes;
    for (size_t i = 0; i < samples_.size(); ++i) shapes[shape(cut(prefix_of(i)))].push_back(i);
    std::vector<const std::vector<size_t>*> order;
    for (const auto& [text, members] : shapes) order.push_back(&members);
    std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->size() > b->size(); });

    std::vector<PythonLayout> found;
    std::vector<bool> explained(samples_.size(), false);
    for (const auto* members : order) {
      // A lone line that fits nothing else is more likely text that looks like a message than a formatter of its own.
      if (found.size() == kMaxLayouts || (!found.empty() && (members->size() < 2 || members->size() * 50 < samples_.size()))) break;
      if (explained[members->front()]) continue;
      PythonLayout layout = cut(prefix_of(members->front()));
      if (layout.fields_.size() > kMaxFields) continue;
      std::vector<size_t> fitting;
      for (size_t i = 0; i < samples_.size(); ++i) {
        if (!explained[i] && fits(layout, samples_[i])) fitting.push_back(i);
      }
      if (fitting.empty()) continue;
      for (const size_t i : fitting) explained[i] = true;
      judge(layout, fitting);
      found.push_back(std::move(layout));
    }
    return found;
  }

 private:
  struct Sample {
    std::string_view line;
    size_t message;
  };
  using Role = PythonLayout::Role;

  [[nodiscard]] std::string_view prefix_of(size_t i) const { return samples_[i].line.substr(0, samples_[i].message); }

  /// Separators with every run of blanks as one, `w` for a word, `t` for a time.
  static std::string shape(const PythonLayout& layout) {
    std::string out;
    const auto add = [&out](std::string_view separators) {
      for (const char c : separators) {
        if (!is_blank(c) || out.empty() || out.back() != ' ') out += is_blank(c) ? ' ' : c;
      }
    };
    for (const auto& field : layout.fields_) {
      add(field.before);
      out += field.clock ? 't' : 'w';
    }
    add(layout.after_);
    return out;
  }

  static bool fits(const PythonLayout& layout, const Sample& sample) {
    PythonPrefix prefix;
    return layout.match(sample.line, prefix, nullptr) == sample.message;
  }

  /// Separators and words of one prefix.
  static PythonLayout cut(std::string_view prefix) {
    PythonLayout layout;
    size_t at = 0, from = 0;
    while (at < prefix.size()) {
      if (const size_t n = ansi_length(prefix, at); n != 0) {
        at += n;
        continue;
      }
      if (separates(prefix, at) || (prefix[at] == '/' && at == from && at > 0)) {  // a slash behind a number: `4101/MainThread`
        ++at;
        continue;
      }
      PythonLayout::Field field;
      field.before = without_ansi(prefix.substr(from, at - from));
      size_t length = 0;
      if (const auto t = parse_python_time(prefix.substr(at), length)) {
        field.clock = true;
        field.dated = t->known();
        field.role = Role::kTime;
        at += length;
      } else {
        const size_t begin = at;
        while (at < prefix.size() && !separates(prefix, at) && !(prefix[at] == '/' && all_digits(prefix.substr(begin, at - begin)))) ++at;
        at += thread_target(prefix, begin, at);
      }
      from = at;
      layout.fields_.push_back(std::move(field));
      if (layout.fields_.size() > kMaxFields) break;
    }
    layout.after_ = without_ansi(prefix.substr(from));
    return layout;
  }

  /// The words of column `f` of the fitting samples.
  std::vector<std::string_view> column(const PythonLayout& layout, const std::vector<size_t>& fitting, size_t f) const {
    PythonLayout probe;
    probe.fields_.assign(layout.fields_.begin(), layout.fields_.begin() + static_cast<std::ptrdiff_t>(f) + 1);
    for (auto& field : probe.fields_) {
      if (!field.clock) field.role = Role::kIgnored;
    }
    probe.fields_[f].role = Role::kLogger;  // any role that hands the word out
    probe.after_ = f + 1 < layout.fields_.size() ? layout.fields_[f + 1].before : layout.after_;
    std::vector<std::string_view> words;
    for (const size_t i : fitting) {
      PythonPrefix prefix;
      if (probe.match(samples_[i].line, prefix, nullptr)) words.push_back(prefix.logger);
    }
    return words;
  }

  void judge(PythonLayout& layout, const std::vector<size_t>& fitting) const {
    const size_t n = layout.fields_.size();
    struct Column {
      std::vector<std::string_view> words;
      size_t distinct = 0;
      int64_t largest = 0;
      bool digits = false;
    };
    std::vector<Column> columns(n);
    const auto all_of = [](const Column& c, auto claim) { return !c.words.empty() && std::all_of(c.words.begin(), c.words.end(), claim); };
    const auto any_of = [](const Column& c, auto claim) { return std::any_of(c.words.begin(), c.words.end(), claim); };
    for (size_t f = 0; f < n; ++f) {
      if (layout.fields_[f].clock) continue;
      Column& c = columns[f];
      c.words = column(layout, fitting, f);
      std::vector<std::string_view> sorted = c.words;
      std::sort(sorted.begin(), sorted.end());
      c.distinct = static_cast<size_t>(std::unique(sorted.begin(), sorted.end()) - sorted.begin());
      c.digits = all_of(c, all_digits);
      for (const std::string_view w : c.words) {
        int64_t v = 0;
        if (c.digits && std::from_chars(w.data(), w.data() + w.size(), v).ec != std::errc()) v = INT64_MAX;
        c.largest = std::max(c.largest, v);
      }
    }
    const auto give = [&](size_t f, Role role) {
      layout.fields_[f].role = role;
      layout.fields_[f].digits = columns[f].digits && (role == Role::kProcess || role == Role::kThread);
    };
    const auto has = [&](Role role) {
      return std::any_of(layout.fields_.begin(), layout.fields_.end(), [role](const auto& x) { return x.role == role; });
    };
    std::vector<size_t> numbers, words;
    for (size_t f = 0; f < n; ++f) {
      PythonLayout::Field& field = layout.fields_[f];
      const Column& c = columns[f];
      if (field.clock) continue;
      const bool named = f > 0 && columns[f - 1].distinct == 1 && !layout.fields_[f - 1].clock && !field.before.empty() &&
                         (field.before[0] == '=' || field.before[0] == ':') && field.before.find_first_of("[(<,;|") == std::string::npos;
      const Role by_name = named ? role_of_name(columns[f - 1].words[0]) : Role::kIgnored;
      if (named && (by_name != Role::kTag || field.before[0] == '=')) {
        field.name = std::string(columns[f - 1].words[0]);
        if (by_name == Role::kProcess && !c.digits) continue;
        give(f, by_name);
      } else if (all_of(c, is_python_level)) {
        give(f, Role::kLevel);
      } else if (any_of(c, [&](std::string_view w) { return w.starts_with(messages_.logger); })) {
        give(f, Role::kLogger);
      } else if (c.digits) {
        // The number behind `utils:` or `utils.py:` is a line of code.
        const bool line_of_code = f > 0 && !columns[f - 1].digits && !layout.fields_[f - 1].clock && field.before.starts_with(':') &&
                                  all_of(columns[f - 1], [&](std::string_view w) {
                                    return is_code_word(w) || w == messages_.module || w.starts_with(messages_.logger);
                                  });
        if (!line_of_code) numbers.push_back(f);
      } else if (any_of(c, is_thread_name)) {
        if (!has(Role::kThread)) give(f, Role::kThread);
      } else if (!all_of(c, [&](std::string_view w) { return is_code_word(w) || w == messages_.module; })) {
        words.push_back(f);
      }
    }
    judge_numbers(layout, numbers, columns, give, has);
    for (const size_t f : words) {
      const Column& c = columns[f];
      if (c.distinct < 2) continue;
      const std::string& before = layout.fields_[f].before;
      // `4101:worker-1`; as long as no thread was known, one process alone was nothing to go by.
      const bool behind_process = before == ":" && std::find(numbers.begin(), numbers.end(), f - 1) != numbers.end();
      const bool in_brackets = before.find_first_of("[(<") != std::string::npos || behind_process;
      if (any_of(c, looks_like_request_id)) {
        if (!has(Role::kRequest)) give(f, Role::kRequest);
      } else if (in_brackets && !has(Role::kThread) &&
                 !any_of(c, [](std::string_view w) { return w.find('/') != kNone || w.find('.') != kNone; })) {
        give(f, Role::kThread);
        if (behind_process && !has(Role::kProcess)) give(f - 1, Role::kProcess);
      }
    }
    layout.strong_ = std::any_of(layout.fields_.begin(), layout.fields_.end(),
                                 [](const auto& x) { return x.clock || x.role == Role::kLevel || x.role == Role::kLogger; });
    layout.has_session_ = has(Role::kThread) || has(Role::kRequest) || has(Role::kProcess);
  }

  /// Numbers without a name: addresses are threads, then process before thread. A process alone tells sessions apart only when there are several
  /// (workers with one thread each); one process may be a server of many threads, and then it tells nothing.
  template <typename Columns, typename Give, typename Has>
  static void judge_numbers(PythonLayout& layout, const std::vector<size_t>& numbers, const Columns& columns, Give give, Has has) {
    std::vector<size_t> small;
    for (const size_t f : numbers) {
      const auto& c = columns[f];
      if (c.largest > kMaxPid) {
        if (!has(Role::kThread)) give(f, Role::kThread);
      } else if (!(c.words.size() > 8 && c.distinct * 2 > c.words.size() &&
                   std::is_sorted(c.words.begin(), c.words.end(), [](auto a, auto b) {
                     return a.size() != b.size() ? a.size() < b.size() : a < b;
                   }))) {  // a number that only ever grows is a counter (%(relativeCreated)d)
        small.push_back(f);
      }
    }
    if (!small.empty() && !has(Role::kProcess)) {
      give(small[0], Role::kProcess);
      small.erase(small.begin());
    }
    if (!small.empty() && !has(Role::kThread)) give(small[0], Role::kThread);
    if (has(Role::kThread) || has(Role::kRequest)) return;
    for (size_t f = 0; f < layout.fields_.size(); ++f) {
      if (layout.fields_[f].role != Role::kProcess) continue;
      const auto& c = columns[f];
      const bool line_numbers = c.largest < 1000 && c.distinct <= 3 && layout.fields_[f].name.empty();  // a few places in one source file
      if (c.distinct < 2 || line_numbers) layout.fields_[f].role = Role::kIgnored;
    }
  }

  PythonMessages messages_;
  std::vector<Sample> samples_;
};

std::vector<PythonLayout> learn_python_layouts(std::string_view head, const PythonMessages& messages) {
  PythonLayoutLearner learner(messages);
  for (size_t at = 0; at < head.size();) {
    const size_t end = std::min(head.find('\n', at), head.size());
    std::string_view line = head.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    learner.add(line);
    at = end + 1;
  }
  return learner.layouts();
}

}  // namespace dbaudit
