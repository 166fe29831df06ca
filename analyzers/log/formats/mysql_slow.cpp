// The slow query log of MySQL, Percona Server and MariaDB. With long_query_time = 0 it holds every statement, and then more of each than the
// general log: how long it took, how many rows, and in MySQL its error.
//
//   # Time: 2026-11-20T14:32:12.109062Z                     the END of the statement; MariaDB and MySQL up to 5.6 print it only when its
//   # User@Host: app[app] @ localhost [127.0.0.1]  Id: 10   second changed, as 261120 14:32:12. Id since MySQL 5.6
//   # Thread_id: 4  Schema: shop  QC_hit: No                MariaDB; Percona has Schema and Last_errno
//   # Query_time: 0.000259  Lock_time: 0.000004 Rows_sent: 0 …  log_slow_extra adds Thread_id, Errno, Start and End to this line
//   # Rows_affected: 2  Bytes_sent: 50                      MariaDB, Percona; then plans, pages, `# InnoDB_trx_id: 1A88583F`
//   use `shop`;                                             only when the entry before had another; MariaDB: Schema says it always
//   SET timestamp=1795185132;                               of the server, like `SET last_insert_id=…,insert_id=…,timestamp=…;`
//   INSERT …;                                               as it came, and one `;` of the server
//   # administrator command: Quit;                          in the place of a statement: a command of the protocol
//
// The lines of `#` end with `SET timestamp`: what follows is the statement, even where it begins with a comment of `#`. The start of
// a statement is its end less its duration, so the file is in order of ends; inside a session that is the order of the statements. A
// line shaped like `# Time` or `# User@Host` inside a literal is told apart as mysql_log_text.h says. MariaDB marks no error.

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/mysql_log_text.h"
#include "analyzers/log/formats/mysql_slow_entry.h"
#include "analyzers/log/formats/mysql_slow_table.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

using mysql_text::is_banner;
using mysql_text::is_banner_rest;
using mysql_text::LineKind;

constexpr std::string_view kTime = "# Time: ";
constexpr std::string_view kUser = "# User@Host: ";
constexpr std::string_view kCommand = "# administrator command: ";

bool is_time_line(std::string_view line) { return line.starts_with(kTime) && mysql_text::time_size(line.substr(kTime.size())) != 0; }
bool is_user_line(std::string_view line) {
  return line.starts_with(kUser) && line.find("] @ ") != std::string_view::npos && line.find(" [", kUser.size()) != std::string_view::npos;
}
bool is_header(std::string_view line) { return !line.empty() && line[0] == '#' && (is_time_line(line) || is_user_line(line)); }

/// `SET timestamp=1795185132;`, `SET last_insert_id=1,insert_id=2,timestamp=1795185132;`: what the server itself adds.
std::optional<uint64_t> read_timestamp(std::string_view line) {
  if (!line.starts_with("SET ")) return std::nullopt;
  size_t at = 4;
  for (;;) {
    const size_t equals = line.find('=', at);
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = line.substr(at, equals - at);
    uint64_t value = 0;
    const char* const end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data() + equals + 1, end, value);
    if (error != std::errc()) return std::nullopt;
    const auto next = static_cast<size_t>(stop - line.data());
    if (name == "timestamp") return value;
    if (name != "last_insert_id" && name != "insert_id") return std::nullopt;
    if (next >= line.size() || line[next] != ',') return std::nullopt;
    at = next + 1;
  }
}

/// `0.000259` as microseconds; -1 when it is none.
int64_t read_seconds(std::string_view text) {
  int64_t seconds = 0;
  size_t at = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && at < 12; ++at) seconds = seconds * 10 + (text[at] - '0');
  if (at == 0) return -1;
  int64_t micros = 0;
  int digits = 0;
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9' && digits < 6; ++at, ++digits)
      micros = micros * 10 + (text[at] - '0');
  }
  for (; digits < 6; ++digits) micros *= 10;
  return seconds * 1'000'000 + micros;
}

int64_t read_count(std::string_view text) {
  int64_t value = -1;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size() ? value : -1;  // 2^64-1 says "none"
}

/// Takes entries off the lines of a log. Views of an entry are good until the next one.
class SlowText {
 public:
  SlowText(Lines& lines, int32_t zone_offset_minutes) : lines_(lines), zone_offset_minutes_(zone_offset_minutes) {}

  bool next(MysqlSlowEntry& entry) {
    while (find_header()) {
      if (read(entry)) return true;
    }
    return false;
  }
  [[nodiscard]] uint64_t unrecognised_lines() const { return unrecognised_; }
  [[nodiscard]] bool is_rate_limited() const { return is_rate_limited_; }
  [[nodiscard]] Engine engine() const { return engine_; }

 private:
  bool find_header() {
    while (const auto line = lines_.peek()) {
      if (is_header(*line)) return true;
      if (is_banner(*line)) {
        engine_ = mysql_text::engine_of_banner(*line);
      } else if (!line->empty() && !is_banner_rest(*line)) {
        ++unrecognised_;
      }
      lines_.take();
    }
    return false;
  }

  /// From the header to the end of the statement; false when there is no statement.
  bool read(MysqlSlowEntry& entry) {
    lines_.mark();
    entry = MysqlSlowEntry{};
    entry.line = lines_.line_number();
    has_schema_ = false;
    bool has_user = false;
    std::optional<uint64_t> timestamp;
    while (const auto peeked = lines_.peek()) {
      const std::string_view line = *peeked;
      if (line.starts_with(kCommand)) {
        entry.is_command = true;
        entry.sql = line.substr(kCommand.size());
        if (entry.sql.ends_with(';')) entry.sql.remove_suffix(1);
        lines_.take();
        finish(entry, timestamp);
        return true;
      }
      if (is_banner(line) && lines_.line_number() != entry.line) return false;
      if (timestamp) break;
      if (is_time_line(line)) {
        if (has_user) return false;
        if (const auto time =
                mysql_text::read_time(line.substr(kTime.size(), mysql_text::time_size(line.substr(kTime.size()))), zone_offset_minutes_)) {
          time_ = *time;
        }
      } else if (is_user_line(line)) {
        if (has_user) return false;
        has_user = true;
        entry.user = mysql_text::user_of(line.substr(kUser.size()));
        const size_t id = line.rfind("Id:");
        if (id != std::string_view::npos) read_fields(line.substr(id), entry);
      } else if (!line.empty() && line[0] == '#') {
        if (!line.starts_with("# explain:")) read_fields(line.substr(1), entry);
      } else if (const auto value = read_timestamp(line)) {
        timestamp = value;
      } else if (mysql_text::starts_with_word(line, "use") && line.ends_with(';')) {
        database_ = mysql_text::used_database(line);
      } else {
        break;
      }
      lines_.take();
    }
    const size_t text_at = lines_.offset();
    const auto taken = statement_lines_.take(lines_, text_at, [](std::string_view line) {
      return is_header(line) ? LineKind::kHeader : is_banner(line) ? LineKind::kBanner : LineKind::kText;
    });
    const std::string_view whole = lines_.since_mark();
    entry.sql = whole.substr(std::min(text_at, whole.size()));
    while (!entry.sql.empty() && (entry.sql.back() == '\n' || entry.sql.back() == '\r')) entry.sql.remove_suffix(1);
    if (entry.sql.empty()) return false;
    // The server ends every statement with a semicolon of its own.
    entry.truncated = taken.is_cut || lines_.record_was_cut() || !entry.sql.ends_with(';');
    if (!entry.truncated) entry.sql.remove_suffix(1);
    // The log may end before the statement begins: in `use d`, in `SET timest`, in `# administ`.
    if (entry.truncated && (!timestamp || kCommand.starts_with(entry.sql))) {
      ++unrecognised_;
      return false;
    }
    finish(entry, timestamp);
    return true;
  }

  /// `Key: value  Key: value`, where a value may be missing.
  void read_fields(std::string_view line, MysqlSlowEntry& entry) {
    size_t at = 0;
    while (at < line.size()) {
      while (at < line.size() && line[at] == ' ') ++at;
      const size_t colon = line.find(':', at);
      if (colon == std::string_view::npos) return;
      const std::string_view key = line.substr(at, colon - at);
      size_t value_at = colon + 1;
      while (value_at < line.size() && line[value_at] == ' ') ++value_at;
      const size_t end = std::min(line.find(' ', value_at), line.size());
      std::string_view value = line.substr(value_at, end - value_at);
      at = end;
      if (value.ends_with(':')) {
        value = {};
        at = value_at;
      }
      field(key, value, entry);
    }
  }

  void field(std::string_view key, std::string_view value, MysqlSlowEntry& entry) {
    if (key.empty()) return;
    switch (key[0]) {
      case 'E':
        if (key == "Errno") entry.errno_text = value;
        if (key == "End") read_clock(value, entry.end);
        break;
      case 'I':
        if (key == "Id") entry.id = value;
        if (key == "InnoDB_trx_id" && value != "0") entry.txid = value;
        break;
      case 'L':
        if (key == "Last_errno") entry.errno_text = value;
        if (key == "Log_slow_rate_limit" && read_count(value) > 1) is_rate_limited_ = true;
        break;
      case 'Q':
        if (key == "Query_time") entry.duration_us = read_seconds(value);
        break;
      case 'R':
        if (key == "Rows_sent") entry.rows_sent = read_count(value);
        if (key == "Rows_affected") entry.rows_affected = read_count(value);
        break;
      case 'S':
        if (key == "Schema") {
          has_schema_ = true;
          entry.database = value;
        }
        if (key == "Start") read_clock(value, entry.start);
        break;
      case 'T':
        if (key == "Thread_id") entry.id = value;
        break;
      default: break;
    }
  }

  void read_clock(std::string_view text, TimePoint& time) const {
    if (mysql_text::time_size(text) != text.size()) return;
    if (const auto read = mysql_text::read_time(text, zone_offset_minutes_)) time = *read;
  }

  void finish(MysqlSlowEntry& entry, const std::optional<uint64_t>& timestamp) {
    if (!has_schema_) entry.database = database_;
    if (entry.end.known()) return;
    if (time_.known()) {
      entry.end = time_;
    } else if (timestamp && *timestamp < uint64_t{1} << 40) {
      // The log begins behind its `# Time`; when the statement began, in whole seconds, is better than nothing.
      entry.start.micros = static_cast<int64_t>(*timestamp) * 1'000'000;
      entry.start.zone_known = true;
      entry.start.tick = 1'000'000;
      entry.end = entry.start;
      entry.end.micros += std::max<int64_t>(entry.duration_us, 0);
    }
  }

  Lines& lines_;
  int32_t zone_offset_minutes_;
  mysql_text::StatementLines statement_lines_;
  TimePoint time_;
  std::string database_;
  Engine engine_ = Engine::kUnknown;
  uint64_t unrecognised_ = 0;
  bool is_rate_limited_ = false, has_schema_ = false;
};

class MysqlSlowReader final : public RecordReader {
 public:
  MysqlSlowReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), text_(*lines_, options.zone_offset_minutes) {
    // The head says whether the log is whole; it is read twice.
    Lines head(memory_source(std::string(lines_->head())));
    SlowText text(head, options.zone_offset_minutes);
    MysqlSlowEntry entry;
    while (text.next(entry)) entries_.look_at(entry);
    if (text.is_rate_limited()) entries_.note_rate_limit(counts_);
  }

  bool next(LogRecord& record) override {
    MysqlSlowEntry entry;
    const bool has_entry = text_.next(entry);
    counts_.unrecognised_lines = text_.unrecognised_lines();
    counts_.engine = text_.engine();
    if (text_.is_rate_limited()) entries_.note_rate_limit(counts_);
    if (has_entry) {
      entries_.fill(record, entry, counts_);
    } else {
      entries_.finish(counts_);
    }
    return has_entry;
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  std::unique_ptr<Lines> lines_;
  SlowText text_;
  MysqlSlowEntries entries_;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  if (const int table = score_mysql_slow_table(head); table > 0) return table;
  int lines = 0, ours = 0, entries = 0;
  bool in_statement = false, in_header = false;
  while (!head.empty() && lines < 2000) {
    const size_t newline = head.find('\n');
    std::string_view line = head.substr(0, newline);
    head = newline == std::string_view::npos ? std::string_view() : head.substr(newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || is_banner(line) || is_banner_rest(line)) continue;
    ++lines;
    if (is_header(line)) {
      in_header = true;
      in_statement = false;
      ++ours;
    } else if (in_header && line[0] == '#') {
      ++ours;
      if (line.starts_with("# Query_time: ")) ++entries;
    } else if (in_header || in_statement) {
      // Up to a semicolon: what follows one without a new header is somebody else's more often than a packet of statements.
      ++ours;
      in_statement = in_header || !line.ends_with(';');
      in_header = in_header && (read_timestamp(line) || mysql_text::starts_with_word(line, "use"));
    }
  }
  return entries == 0 ? 0 : 980 * ours / lines;
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  if (score_mysql_slow_table(lines->head()) > 0) return open_mysql_slow_table(std::move(lines), options);
  return std::make_unique<MysqlSlowReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"# Time: 2026-03-02T09:15:04.120733Z\n# User@Host: shop[shop] @ app3 [10.0.3.9]  Id:     8\n"
     "# Query_time: 0.000322  Lock_time: 0.000004 Rows_sent: 1  Rows_examined: 1\nSET timestamp=1772442904;\n"
     "SELECT stock FROM item\n WHERE id = 17;\n"
     "# Time: 2026-03-02T09:15:04.131975Z\n# User@Host: shop[shop] @ app3 [10.0.3.9]  Id:     8\n"
     "# Query_time: 0.000011  Lock_time: 0.000000 Rows_sent: 0  Rows_examined: 1\nSET timestamp=1772442904;\n"
     "# administrator command: Quit;\n",
     1},
    {"# Time: 260302  9:15:04\n# User@Host: shop[shop] @ app3 [10.0.3.9]\n# Thread_id: 12  Schema: orders  QC_hit: No\n"
     "# Query_time: 0.003135  Lock_time: 0.002684  Rows_sent: 0  Rows_examined: 1\n# Rows_affected: 1  Bytes_sent: 52\n"
     "use `orders`;\nSET timestamp=1772442904;\nUPDATE item SET stock = stock - 1 WHERE id = 17;\n"
     "# User@Host: shop[shop] @ app3 [10.0.3.9]\n# Thread_id: 12  Schema: orders  QC_hit: No\n"
     "# Query_time: 0.000071  Lock_time: 0.000000  Rows_sent: 0  Rows_examined: 0\nSET timestamp=1772442904;\nCOMMIT;\n",
     2},
    {"start_time\tuser_host\tquery_time\tlock_time\trows_sent\trows_examined\tdb\tlast_insert_id\tinsert_id\tserver_id\tsql_text\tthread_"
     "id\n"
     "2026-03-02 09:15:04.120733\tshop[shop] @ app3 [10.0.3.9]\t00:00:00.000322\t00:00:00.000004\t1\t1\torders\t0\t0\t1\t"
     "SELECT stock FROM item\\n WHERE id = 17\t8\n",
     1},
};

}  // namespace

extern const Format kFormat_mysql_slow;
const Format kFormat_mysql_slow{
    .name = "mysql-slow",
    .summary = "slow query log of MySQL, Percona Server and MariaDB, or a dump of mysql.slow_log",
    .enable =
        "SET GLOBAL slow_query_log = ON, long_query_time = 0 (MySQL: log_slow_extra = ON; MariaDB: log_slow_verbosity = 'query_plan')",
    .engine = Engine::kMySql,
    .orm = "",
    .samples = kSamples,
    .score = score,
    .open = open,
};

}  // namespace dbaudit
