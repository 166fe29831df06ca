// The server's log through syslog (elog.c, write_syslog). The text is that of the plain log, cut into lines of syslog:
//
//   Nov 20 14:27:16 dbhost postgres[7741]: [8-1] PREFIX LOG:  execute <unnamed>: UPDATE acct SET bal = $1, note = $3 WHERE id = $2
//   Nov 20 14:27:16 dbhost postgres[7741]: [8-2] PREFIX DETAIL:  parameters: $1 = '90', $2 = '1', $3 = 'two
//   Nov 20 14:27:16 dbhost postgres[7741]: [8-3] #011lines'
//
// `[sequence-part]`: one sequence number an entry, counted by each process. A new part begins at each line end of the text, which the server
// marks with a TAB (`#011` where rsyslog escapes control characters), and within lines of more than 900 bytes, at white space where there is
// some: then it begins with that white space, or in the middle of a word, and belongs to the text without anything between. A TAB may be that
// white space; it is when the word behind it would not have fitted into 900 bytes. A part that begins with the whole prefix again is an
// attachment. With syslog_split_messages off an entry is one message (`[8] …`, its line ends escaped as `#012` or not at all), with
// syslog_sequence_numbers off the part alone is numbered (`[1] …`, `[2] …`), with both off nothing is.
//
// Parts of different processes come interleaved. Entries are put together by host and process and delivered in the order of their first lines;
// one is complete when its process begins another, or has been silent for a while. A gap in a process's numbers means that syslog dropped
// messages.
//
// `Nov 20 14:27:16` names no year and no zone: the time is the prefix's own, or unknown. ISO times of syslog daemons are used when the prefix
// has none.

#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/log_line_prefix.h"
#include "analyzers/log/formats/postgres_entry.h"
#include "analyzers/log/formats/syslog_line.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

using namespace header_text;

constexpr size_t kChunk = 900;          // PG_SYSLOG_LIMIT
constexpr size_t kClip = 3;             // bytes a chunk may be short of it, not to cut a character
constexpr uint64_t kSilentLines = 512;  // of others, after which an entry is taken for complete
constexpr size_t kMaxWaiting = 4096;    // entries
constexpr size_t kMaxWaitingBytes = size_t{64} << 20;
constexpr size_t kMaxEntryBytes = size_t{16} << 20;
constexpr size_t kMaxProcesses = 65536;
constexpr size_t kMaxReused = size_t{64} << 10;  // an entry larger than that gives its memory back

/// rsyslog's `#011` for a control character, at `at`; -1 when it is none.
int escaped_control(std::string_view s, size_t at) {
  if (at + 4 > s.size()) return -1;
  if (s[at] != '#' || s[at + 1] != '0' || s[at + 2] < '0' || s[at + 2] > '3' || s[at + 3] < '0' || s[at + 3] > '7') return -1;
  return (s[at + 2] - '0') * 8 + (s[at + 3] - '0');
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Is this the header of an attachment to the entry with that header: the same but for its numbers (%l) and the severity?
bool is_header_like(std::string_view header, std::string_view first) {
  const auto without_severity = [](std::string_view s) {
    s = s.substr(0, s.rfind(':'));
    while (!s.empty() && is_upper_alnum(s.back())) s.remove_suffix(1);
    return s;
  };
  header = without_severity(header);
  first = without_severity(first);
  size_t a = 0, b = 0;
  while (a < header.size() && b < first.size()) {
    if (is_digit(header[a]) && is_digit(first[b])) {
      a += digits_at(header, a);
      b += digits_at(first, b);
    } else if (header[a++] != first[b++]) {
      return false;
    }
  }
  return a == header.size() && b == first.size();
}

/// An entry while its parts come in.
struct Waiting {
  enum Section : uint8_t { kMessage, kDetail, kContext, kStatement, kRest, kSections };
  std::string process;  // host and pid
  size_t pid_at = 0;    // in `process`
  std::string header;   // the first line's text, to where the message begins
  std::array<std::string, kSections> sections;
  std::array<bool, kSections> has{};
  Section section = kMessage;
  PostgresSeverity severity = PostgresSeverity::kLog;
  TimePoint time;  // syslog's
  uint64_t sequence = 0, last_part = 0;
  uint64_t line = 0, last_line = 0;
  size_t last_size = 0;  // of the last part
  size_t bytes = 0;
  bool is_closed = false, was_cut = false, is_foreign_host = false;

  void clear() {
    for (std::string& s : sections) s.clear();
    has.fill(false);
    section = kMessage;
    is_closed = was_cut = is_foreign_host = false;
    sequence = last_part = 0;
    last_size = bytes = 0;
  }
};

class PostgresSyslogReader final : public RecordReader {
 public:
  PostgresSyslogReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), clock_(options.zone_offset_minutes) {
    const std::string_view head = lines_->head();
    if (!options.log_line_prefix.empty()) {
      prefix_.emplace(options.log_line_prefix);
    } else {
      prefix_ = guess_prefix(texts_of(head)).prefix;
    }
    is_escaped_ = head.find("] #011") != std::string_view::npos || head.find("#012#011") != std::string_view::npos;
  }

  bool next(LogRecord& record) override {
    for (;;) {
      if (delivered_) {
        if (delivered_->bytes <= kMaxReused) free_.push_back(std::move(*delivered_));
        delivered_.reset();
      }
      if (is_ready()) {
        delivered_ = std::move(queue_.front());
        queue_.pop_front();
        ++first_number_;
        waiting_bytes_ -= delivered_->bytes;
        deliver(*delivered_, record);
        return true;
      }
      const auto line = lines_->peek();
      if (!line) {
        if (!queue_.empty()) {
          is_at_end_ = true;
          continue;
        }
        counts_.sampled = gaps_ > 0;
        sessions_.finish(counts_);
        return false;
      }
      lines_->mark();
      const uint64_t number = lines_->line_number();
      lines_->take();
      add(*line, number, lines_->record_was_cut());
    }
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

  /// The texts of syslog lines, one a line: what the prefix is guessed from.
  static std::string texts_of(std::string_view head) {
    std::string texts;
    for (size_t at = 0; at < head.size();) {
      const size_t end = std::min(head.find('\n', at), head.size());
      std::string_view line = head.substr(at, end - at);
      at = end + 1;
      const auto header = parse_syslog_line(line);
      if (!header) continue;
      line.remove_prefix(header->text_at);
      // Parts of a text are no headers, whatever they look like.
      if (header->part > 1 && (line.starts_with('\t') || line.starts_with('#') || line.starts_with(' '))) continue;
      texts.append(line.substr(0, kMaxHeader));
      texts += '\n';
    }
    return texts;
  }

 private:
  struct Process {
    uint64_t number = 0;    // of its entry, counted from the first one ever; it may be gone already
    uint64_t sequence = 0;  // the last seen
  };

  bool is_ready() {
    if (queue_.empty()) return false;
    const Waiting& front = queue_.front();
    return front.is_closed || is_at_end_ || lines_->line_number() > front.last_line + kSilentLines || queue_.size() > kMaxWaiting ||
           waiting_bytes_ > kMaxWaitingBytes;
  }

  Waiting* waiting_of(const Process& process) {
    if (process.number < first_number_ || process.number - first_number_ >= queue_.size()) return nullptr;
    Waiting& w = queue_[process.number - first_number_];
    return w.is_closed ? nullptr : &w;
  }

  std::optional<PostgresSeverity> match(std::string_view text, PrefixFields* fields, size_t* text_at) {
    std::optional<PostgresSeverity> severity;
    if (prefix_) severity = prefix_->match(text, clock_, fields, text_at);
    if (!severity) severity = match_any_prefix(text, clock_, fields, text_at, true);
    return severity;
  }

  void add(std::string_view line, uint64_t number, bool was_cut) {
    const auto header = parse_syslog_line(line);
    if (!header) {
      add_bare(line, number);
      return;
    }
    key_.assign(header->host);
    key_ += '/';
    const size_t pid_at = key_.size();
    key_ += header->pid;
    if (processes_.size() > kMaxProcesses) processes_.clear();
    auto found = processes_.find(key_);

    std::string_view text = line.substr(header->text_at);
    const bool has_tab = text.starts_with('\t') || escaped_control(text, 0) == '\t';
    if (has_tab && text[0] == '#') is_escaped_ = true;
    PrefixFields fields;
    size_t text_at = 0;
    Waiting* const open = found == processes_.end() ? nullptr : waiting_of(found->second);
    // Any text may look like a header, but the white space it was cut at would stand before it.
    const bool is_rest = has_tab || (open != nullptr && header->part > 1 && text.starts_with(' ') && !open->header.starts_with(' '));
    const auto matched = is_rest ? std::nullopt : match(text, &fields, &text_at);
    const PostgresSeverity severity = matched.value_or(PostgresSeverity::kBacktrace);
    const bool is_attached = matched && is_attachment(severity);
    const bool is_entry = matched && !is_attached;
    const bool is_first = header->sequence != 0 ? header->part == 1 : is_entry && (header->part <= 1 || !counts_parts_);
    if (!is_first) {
      const bool is_next = open != nullptr && header->sequence == open->sequence && header->part == open->last_part + 1;
      if (!is_next && !(open != nullptr && header->part == 0 && has_tab)) {
        // The beginning was rotated away, parts between were lost, or it is somebody else's line.
        if (open != nullptr && header->sequence != 0 && header->sequence == open->sequence) open->was_cut = true;
        ++counts_.unrecognised_lines;
        return;
      }
      open->last_line = number;
      open->last_part = header->part;
      open->was_cut = open->was_cut || was_cut;
      if (is_attached && is_header_like(text.substr(0, text_at), open->header)) {
        begin_section(*open, severity);
        open->last_size = size_of(text);
        append_text(*open, text.substr(text_at));
      } else if (!append(*open, text, has_tab)) {
        open->was_cut = true;
        ++counts_.unrecognised_lines;
      }
      return;
    }
    if (!is_entry) {
      ++counts_.unrecognised_lines;
      return;
    }
    if (header->sequence == 0 && header->part == 1 && ++firsts_ == 2) counts_parts_ = true;

    // A new entry; one that says its number again is a copy.
    if (header->sequence != 0 && found != processes_.end() && header->sequence == found->second.sequence) {
      ++counts_.unrecognised_lines;
      return;
    }
    if (open != nullptr) open->is_closed = true;
    if (found == processes_.end()) {
      found = processes_.try_emplace(key_).first;
    } else if (header->sequence > found->second.sequence + 1 && found->second.sequence != 0 &&
               !text.substr(text_at).starts_with("connection received: ")) {
      ++gaps_;
    }
    found->second.number = first_number_ + queue_.size();
    found->second.sequence = header->sequence;
    last_process_ = found->second;
    if (host_.empty()) host_ = header->host;
    if (free_.empty()) free_.emplace_back();
    queue_.push_back(std::move(free_.back()));
    free_.pop_back();
    Waiting& w = queue_.back();
    w.clear();
    w.process = key_;
    w.pid_at = pid_at;
    w.is_foreign_host = header->host != host_;
    w.severity = severity;
    w.time = header->time;
    w.sequence = header->sequence;
    w.last_part = header->part;
    w.line = w.last_line = number;
    w.was_cut = was_cut;
    w.header.assign(text.substr(0, text_at));
    w.last_size = size_of(text);
    append_text(w, text.substr(text_at));
  }

  /// A line without syslog's header: it belongs to the entry before it, if that was written whole with its line ends.
  void add_bare(std::string_view line, uint64_t number) {
    if (line.empty()) return;
    Waiting* const last = waiting_of(last_process_);
    if (last != nullptr && last->last_line + 1 == number) {
      PrefixFields fields;
      size_t text_at = 0;
      if (line.starts_with('\t')) {
        put(*last, "\n");
        put(*last, line.substr(1));
        last->last_line = number;
        return;
      }
      const auto severity = match(line, &fields, &text_at);
      if (severity && is_attachment(*severity) && is_header_like(line.substr(0, text_at), last->header)) {
        begin_section(*last, *severity);
        put(*last, line.substr(text_at));
        last->last_line = number;
        return;
      }
    }
    ++counts_.unrecognised_lines;
  }

  static void begin_section(Waiting& w, PostgresSeverity severity) {
    switch (severity) {
      case PostgresSeverity::kDetail: w.section = Waiting::kDetail; break;
      case PostgresSeverity::kContext: w.section = Waiting::kContext; break;
      case PostgresSeverity::kStatement: w.section = Waiting::kStatement; break;
      default: w.section = Waiting::kRest; break;
    }
    w.has[w.section] = true;
    w.sections[w.section].clear();
  }

  /// Bytes of a part as the server counted them.
  [[nodiscard]] size_t size_of(std::string_view text) const {
    size_t size = text.size();
    if (!is_escaped_) return size;
    for (size_t at = text.find("#0"); at != std::string_view::npos; at = text.find("#0", at + 1)) {
      if (escaped_control(text, at) >= 0) size -= 3;
    }
    return size;
  }

  /// A further part of the text: a line of its own, or the rest of one that was too long. False when it can be neither.
  bool append(Waiting& w, std::string_view text, bool has_tab) {
    const std::string_view rest = !has_tab ? text : text.substr(text[0] == '\t' ? 1 : 4);
    // What did not fit: all of the word at the cut. Parts longer than the limit are of a server built with another one.
    const size_t used = w.last_size + (has_tab ? 1 : 0) + kClip;
    size_t word = rest.empty() || !is_space(rest[0]) ? 0 : 1;
    while (used + word <= kChunk && word < rest.size() && !is_space(rest[word]) && escaped_control(rest, word) < 0) ++word;
    const bool is_rest = used + word > kChunk && (!has_tab || w.last_size <= kChunk);
    if (!is_rest && !has_tab) return false;
    w.last_size = size_of(text);
    if (is_rest) {
      append_text(w, text);
    } else {
      put(w, "\n");
      append_text(w, rest);
    }
    return true;
  }

  /// Is there a line end written as `#012`, before a continuation or an attachment?
  bool has_escaped_line(std::string_view text, std::string_view header) {
    int tries = 0;
    for (size_t at = text.find("#012"); at != std::string_view::npos && tries < 64; at = text.find("#012", at + 1), ++tries) {
      const std::string_view rest = text.substr(at + 4);
      PrefixFields fields;
      size_t text_at = 0;
      if (rest.starts_with("#011")) return true;
      const auto severity = match(rest, &fields, &text_at);
      if (severity && is_attachment(*severity) && is_header_like(rest.substr(0, text_at), header)) return true;
    }
    return false;
  }

  void append_text(Waiting& w, std::string_view text) {
    if (!is_escaped_) is_escaped_ = has_escaped_line(text, w.header);
    if (!is_escaped_ || text.find('#') == std::string_view::npos) {
      put(w, text);
      return;
    }
    // Line ends within are those of an entry that was not split: continuations and attachments are told apart as in the plain log.
    size_t from = 0;
    for (size_t at = 0; at < text.size();) {
      at = text.find('#', at);
      if (at == std::string_view::npos) break;
      const int control = escaped_control(text, at);
      if (control < 0) {
        ++at;
        continue;
      }
      put(w, text.substr(from, at - from));
      at += 4;
      if (control != '\n') {
        const char c = static_cast<char>(control);
        put(w, std::string_view(&c, 1));
      } else if (escaped_control(text, at) == '\t') {
        put(w, "\n");
        at += 4;
      } else {
        PrefixFields fields;
        size_t text_at = 0;
        const auto severity = match(text.substr(at), &fields, &text_at);
        if (severity && is_attachment(*severity) && is_header_like(text.substr(at, text_at), w.header)) {
          begin_section(w, *severity);
          at += text_at;
        } else if (at < text.size()) {
          put(w, "\n");
        }
      }
      from = at;
    }
    put(w, text.substr(from));
  }

  void put(Waiting& w, std::string_view text) {
    if (w.section == Waiting::kRest) return;
    if (w.bytes + text.size() > kMaxEntryBytes) {
      text = text.substr(0, kMaxEntryBytes - w.bytes);
      w.was_cut = true;
    }
    w.sections[w.section] += text;
    w.bytes += text.size();
    waiting_bytes_ += text.size();
  }

  void deliver(Waiting& w, LogRecord& record) {
    entry_ = PostgresEntry{};
    entry_.severity = w.severity;
    entry_.line = w.line;
    entry_.was_cut = w.was_cut;
    size_t text_at = 0;
    match(w.header, &entry_.prefix, &text_at);
    if (entry_.prefix.pid.empty() || w.is_foreign_host) {
      entry_.prefix.pid = std::string_view(w.process).substr(w.is_foreign_host ? 0 : w.pid_at);
    }
    if (!entry_.prefix.time.known()) entry_.prefix.time = w.time;
    entry_.message = w.sections[Waiting::kMessage];
    entry_.detail = w.sections[Waiting::kDetail];
    entry_.context = w.sections[Waiting::kContext];
    entry_.statement = w.sections[Waiting::kStatement];
    entry_.has_detail = w.has[Waiting::kDetail];
    entry_.has_context = w.has[Waiting::kContext];
    entry_.has_statement = w.has[Waiting::kStatement];
    record = LogRecord{};
    sessions_.convert(entry_, record, counts_);
  }

  std::unique_ptr<Lines> lines_;
  PrefixClock clock_;
  std::optional<LogLinePrefix> prefix_;
  bool is_escaped_ = false, is_at_end_ = false;
  std::deque<Waiting> queue_;
  uint64_t first_number_ = 1;  // of queue_.front()
  size_t waiting_bytes_ = 0;
  std::vector<Waiting> free_;
  std::optional<Waiting> delivered_;  // the last record's views are into it
  std::unordered_map<std::string, Process> processes_;
  Process last_process_;
  std::string key_, host_;
  uint64_t gaps_ = 0, firsts_ = 0;
  bool counts_parts_ = false;  // `[1]`, `[2]` are parts: syslog_sequence_numbers is off
  PostgresEntry entry_;
  PostgresSessions sessions_;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions& options) {
  int lines = 0, entries = 0, telling = 0;
  std::optional<LogLinePrefix> prefix;
  if (!options.log_line_prefix.empty()) prefix.emplace(options.log_line_prefix);
  PrefixClock clock;
  PrefixFields fields;
  for (size_t at = 0; at < head.size();) {
    const size_t end = std::min(head.find('\n', at), head.size());
    std::string_view line = head.substr(at, end - at);
    at = end + 1;
    if (line.empty() || line == "\r") continue;
    ++lines;
    const auto header = parse_syslog_line(line);
    if (!header) continue;
    line.remove_prefix(header->text_at);
    size_t text_at = 0;
    std::optional<PostgresSeverity> severity;
    if (prefix) severity = prefix->match(line, clock, &fields, &text_at);
    if (!severity) severity = match_any_prefix(line, clock, &fields, &text_at, true);
    if (severity && (is_attachment(*severity) || *severity == PostgresSeverity::kLog || *severity == PostgresSeverity::kFatal)) ++telling;
    if (severity || header->part > 1) ++entries;
  }
  return telling == 0 ? 0 : 970 * entries / lines;
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<PostgresSyslogReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"Mar  2 09:15:04 db1 postgres[4471]: [7-1] shop@orders 5/12 LOG:  statement: BEGIN\n"
     "Mar  2 09:15:04 db1 postgres[4471]: [8-1] shop@orders 5/12 LOG:  execute <unnamed>: SELECT stock FROM item\n"
     "Mar  2 09:15:04 db1 postgres[4471]: [8-2] #011WHERE id = $1 FOR UPDATE\n"
     "Mar  2 09:15:04 db1 postgres[4471]: [8-3] shop@orders 5/12 DETAIL:  parameters: $1 = '17'\n",
     2},
    {"<134>1 2026-03-02T09:15:04.118204+01:00 db1 postgres 4471 - - [9-1] LOG:  statement: COMMIT\n", 1},
    {"2026-03-02T09:15:04.118204+01:00 db1 postgres[4471]: [9-1] 2026-03-02 09:15:04.118 CET [4471] LOG:  statement: COMMIT\n", 1},
};

}  // namespace

extern const Format kFormat_postgres_syslog;
const Format kFormat_postgres_syslog{
    .name = "postgres-syslog",
    .summary = "PostgreSQL's log through syslog, any log_line_prefix",
    .enable = "log_destination = 'syslog'; log_statement = 'all'; log_line_prefix = '%m %v %q%u@%d %a '",
    .engine = Engine::kPostgres,
    .orm = "",
    .samples = kSamples,
    .score = score,
    .open = open,
};

}  // namespace dbaudit
