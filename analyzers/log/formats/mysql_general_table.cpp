// Rows of mysql.general_log: event_time (microseconds, in the time zone of the session that read the table: no zone is printed), user_host,
// thread_id, server_id, command_type, argument. The same entries as in the text log, and PREPARE and EXECUTE doubled in the same way; what the
// text cannot do is told apart by itself here, since a row is a row. MySQL keeps `argument` as a BLOB, which clients in a terminal print
// as 0x….

#include "analyzers/log/formats/mysql_general_table.h"

#include <iterator>
#include <utility>

#include "analyzers/log/formats/mysql_commands.h"
#include "analyzers/log/formats/mysql_log_text.h"
#include "analyzers/log/formats/table_dump.h"
#include "analyzers/log/formats/zone.h"

namespace dbaudit {
namespace {

/// Of general_log.CSV, which names none.
constexpr std::string_view kColumns[] = {"event_time", "user_host", "thread_id", "server_id", "command_type", "argument"};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// `0x53454C…` as bytes; false when it is something else.
bool decode_hex(std::string_view text, std::string* out) {
  if (text.size() < 4 || text.size() % 2 != 0 || !text.starts_with("0x")) return false;
  out->clear();
  for (size_t i = 2; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out->push_back(static_cast<char>(high * 16 + low));
  }
  return true;
}

class MysqlGeneralTableReader final : public RecordReader {
 public:
  MysqlGeneralTableReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), rows_(*lines_, kColumns), zone_offset_minutes_(options.zone_offset_minutes) {}

  bool next(LogRecord& record) override {
    for (;;) {
      if (!rows_.next()) {
        counts_.unrecognised_lines = rows_.unrecognised_lines() + foreign_rows_;
        entries_.finish(counts_);
        return false;
      }
      if (rows_.is_new_table()) {
        time_ = rows_.header().find("event_time");
        user_ = rows_.header().find("user_host");
        thread_ = rows_.header().find("thread_id");
        command_ = rows_.header().find("command_type");
        argument_ = rows_.header().find("argument");
      }
      const MysqlCommandName* const command = find_mysql_command(rows_.get(command_));
      if (command == nullptr || argument_ < 0 || !rows_.number(thread_)) {
        ++foreign_rows_;
        continue;
      }
      ++counts_.records;
      record = LogRecord{};
      record.line = rows_.line();
      id_ = rows_.get(thread_);
      record.session = id_;
      if (const auto time = parse_time(rows_.get(time_))) {
        record.time = *time;
        record.time = in_zone(record.time, zone_offset_minutes_);
      }
      record.truncated = rows_.was_cut();
      std::string_view argument = rows_.get(argument_);
      if (decode_hex(argument, &bytes_)) argument = bytes_;
      if (const std::string_view user = mysql_text::user_of(rows_.get(user_)); !user.empty()) entries_.set_user(id_, user);
      entries_.fill(record, id_, command->command, argument, counts_);
      // A reader that converted the BLOB to text got NULL for what is not valid in it.
      record.sql_unknown = record.kind == RecordKind::kStatement && rows_.is_null(argument_);
      return true;
    }
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  std::unique_ptr<Lines> lines_;
  TableRows rows_;
  int32_t zone_offset_minutes_;
  int time_ = -1, user_ = -1, thread_ = -1, command_ = -1, argument_ = -1;
  MysqlEntries entries_;
  std::string id_, bytes_;
  uint64_t foreign_rows_ = 0;
  ReaderCounts counts_;
};

/// `"2026-11-20 14:32:04.811963","app[app] @ h []",10,1,"Query","`
bool is_csv_engine_row(std::string_view line) {
  if (!line.starts_with("\"2") || line.size() < 24 || line[11] != ' ' || line[5] != '-') return false;
  size_t at = line.find("\",");
  if (at == std::string_view::npos || at > 28) return false;
  at = line.find("\",", at + 2);
  if (at == std::string_view::npos) return false;
  line.remove_prefix(at + 2);
  for (int i = 0; i < 2; ++i) {
    const bool is_quoted = line.starts_with("\"");
    if (is_quoted) line.remove_prefix(1);
    size_t n = 0;
    while (n < line.size() && line[n] >= '0' && line[n] <= '9') ++n;
    line.remove_prefix(n);
    if (n == 0 || !line.starts_with(is_quoted ? "\"," : ",")) return false;
    line.remove_prefix(is_quoted ? 2 : 1);
  }
  if (!line.starts_with("\"")) return false;
  line = line.substr(1, line.find('"', 1) - 1);
  return find_mysql_command(line) != nullptr;
}

}  // namespace

int score_mysql_general_table(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  std::string_view line = head.substr(0, head.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (is_csv_engine_row(line)) return 950;
  const auto header = parse_table_header(line);
  return header && header->find("thread_id") >= 0 && header->find("command_type") >= 0 && header->find("argument") >= 0 ? 970 : 0;
}

std::unique_ptr<RecordReader> open_mysql_general_table(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<MysqlGeneralTableReader>(std::move(lines), options);
}

}  // namespace dbaudit
