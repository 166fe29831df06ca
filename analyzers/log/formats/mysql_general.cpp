// The general query log of MySQL and MariaDB. An entry is `TIME <TAB> ID COMMAND <TAB> ARGUMENT`; MariaDB and MySQL up to 5.6 print the time
// only when its second changed. The argument is written as it came, so a statement's own lines stand at column 0 with no mark, and a literal
// may hold a line that looks exactly like an entry: mysql_log_text.h tells how that is told apart. The same entries as rows of the table
// mysql.general_log (log_output = 'TABLE') are read by mysql_general_table.cpp.

#include <algorithm>
#include <string>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/mysql_commands.h"
#include "analyzers/log/formats/mysql_general_table.h"
#include "analyzers/log/formats/mysql_log_text.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

using mysql_text::is_banner;
using mysql_text::is_banner_rest;
using mysql_text::LineKind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A line taken apart as the first of an entry.
struct Header {
  std::string_view time;  ///< empty: as before
  std::string_view id;
  MysqlCommand command = MysqlCommand::kOther;
  size_t argument_at = 0;
};

bool parse_header(std::string_view line, Header* header) {
  if (line.size() < 8) return false;
  size_t at = 0;
  if (line[0] == '\t') {
    if (line[1] != '\t') return false;
    at = 2;
    header->time = {};
  } else if (is_digit(line[0])) {
    at = mysql_text::time_size(line);
    if (at == 0 || at >= line.size() || line[at] != '\t') return false;
    header->time = line.substr(0, at);
    ++at;
  } else {
    return false;
  }
  while (at < line.size() && line[at] == ' ') ++at;
  const size_t id_at = at;
  while (at < line.size() && is_digit(line[at])) ++at;
  if (at == id_at || at - id_at > 20 || at >= line.size() || line[at] != ' ') return false;
  header->id = line.substr(id_at, at - id_at);
  const std::string_view rest = line.substr(at + 1);
  const MysqlCommandName* const found = find_mysql_command(rest);
  if (found == nullptr) return false;
  header->command = found->command;
  header->argument_at = std::min(line.size(), at + 1 + found->name.size() + 1);
  return true;
}

class MysqlGeneralReader final : public RecordReader {
 public:
  MysqlGeneralReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), zone_offset_minutes_(options.zone_offset_minutes) {}

  bool next(LogRecord& record) override {
    for (;;) {
      if (!look()) {
        finish();
        return false;
      }
      if (is_header_) break;
      if (is_banner(line_)) {
        note_banner(line_);
      } else if (!line_.empty() && !is_banner_rest(line_)) {
        ++counts_.unrecognised_lines;
      }
      take();
    }
    lines_->mark();
    const Header header = header_;
    const uint64_t line_number = lines_->line_number();
    take();
    const bool is_cut = take_continuations(header);

    ++counts_.records;
    const std::string_view whole = lines_->since_mark();
    record = LogRecord{};
    record.line = line_number;
    record.session = header.id;
    if (!header.time.empty()) time_ = mysql_text::read_time(header.time, zone_offset_minutes_).value_or(time_);
    record.time = time_;
    record.in_order_received = true;  // MySQL manual, "The General Query Log"
    record.truncated = lines_->record_was_cut() || is_cut;
    entries_.fill(record, header.id, header.command, whole.substr(std::min(header.argument_at, whole.size())), counts_);
    return true;
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  bool look() {
    if (has_line_) return true;
    const auto line = lines_->peek();
    if (!line) return false;
    line_ = *line;
    is_header_ = parse_header(line_, &header_);
    has_line_ = true;
    return true;
  }
  void take() {
    lines_->take();
    has_line_ = false;
  }

  /// Takes the lines that belong to the entry; true when the statement ends in an open quote: it is cut.
  bool take_continuations(const Header& header) {
    const bool has_sql =
        header.command == MysqlCommand::kQuery || header.command == MysqlCommand::kExecute || header.command == MysqlCommand::kPrepare;
    if (!has_sql) {
      while (look() && !is_header_ && !is_banner(line_)) {
        if (!line_.empty()) ++counts_.unrecognised_lines;
        take();
      }
      return false;
    }
    const auto taken = statement_lines_.take(*lines_, header.argument_at, [&](std::string_view line) {
      line_ = line;
      is_header_ = parse_header(line, &header_);
      return is_header_ ? LineKind::kHeader : is_banner(line) ? LineKind::kBanner : LineKind::kText;
    });
    has_line_ = !taken.was_rewound && lines_->peek().has_value();
    return taken.is_cut;
  }

  void note_banner(std::string_view line) { counts_.engine = mysql_text::engine_of_banner(line); }

  void finish() { entries_.finish(counts_); }

  std::unique_ptr<Lines> lines_;
  int32_t zone_offset_minutes_;
  std::string_view line_;  // what peek() shows, taken apart once
  Header header_;
  bool is_header_ = false, has_line_ = false;
  mysql_text::StatementLines statement_lines_;
  MysqlEntries entries_;
  TimePoint time_;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  if (const int table = score_mysql_general_table(head); table > 0) return table;
  int lines = 0, before = 0, headers = 0;
  bool has_banner = false;
  Header header;
  while (!head.empty() && lines < 2000) {
    const size_t newline = head.find('\n');
    std::string_view line = head.substr(0, newline);
    head = newline == std::string_view::npos ? std::string_view() : head.substr(newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (is_banner(line) || is_banner_rest(line)) {
      has_banner = has_banner || is_banner(line);
      continue;
    }
    ++lines;
    if (parse_header(line, &header)) {
      ++headers;
    } else if (headers == 0) {
      ++before;
    }
  }
  // The slow log opens with the same banner. A banner alone is a server that was started and never asked.
  if (headers == 0) return has_banner && lines == 0 ? 600 : 0;
  return 960 * (lines - before) / lines;
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  if (score_mysql_general_table(lines->head()) > 0) return open_mysql_general_table(std::move(lines), options);
  return std::make_unique<MysqlGeneralReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"2026-03-02T09:15:04.118227Z\t    8 Connect\tshop@10.0.3.9 on orders using SSL/TLS\n"
     "2026-03-02T09:15:04.119002Z\t    8 Query\tSTART TRANSACTION\n"
     "2026-03-02T09:15:04.120411Z\t    8 Prepare\tSELECT stock FROM item WHERE id = ?\n"
     "2026-03-02T09:15:04.120733Z\t    8 Execute\tSELECT stock FROM item WHERE id = 17\n"
     "2026-03-02T09:15:04.131975Z\t    8 Quit\t\n",
     2},
    {"260302  9:15:04\t   12 Query\tUPDATE item\n   SET stock = stock - 1\n WHERE id = 17\n\t\t   12 Query\tCOMMIT\n", 2},
    {"event_time\tuser_host\tthread_id\tserver_id\tcommand_type\targument\n"
     "2026-03-02 09:15:04.119002\tshop[shop] @ app3 [10.0.3.9]\t8\t1\tQuery\tUPDATE item\\n   SET stock = stock - 1\n",
     1},
};

}  // namespace

extern const Format kFormat_mysql_general;
const Format kFormat_mysql_general{
    .name = "mysql-general",
    .summary = "general query log of MySQL and MariaDB, or a dump of mysql.general_log",
    .enable = "SET GLOBAL general_log = ON, log_output = 'FILE'",
    .engine = Engine::kMySql,
    .orm = "",
    .samples = kSamples,
    .score = score,
    .open = open,
};

}  // namespace dbaudit
