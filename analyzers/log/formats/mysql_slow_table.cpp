// Rows of mysql.slow_log: start_time, user_host, query_time, lock_time, rows_sent, rows_examined, db, last_insert_id, insert_id, server_id,
// sql_text, thread_id and, in MariaDB, rows_affected. Despite its name start_time is when the row was written, the end of the statement (both
// servers: it equals `# Time` of the text log of the same run), in the time zone of the session that read the table. A command
// of the protocol is its bare name in sql_text (`Quit`, `Ping`), where the text log has `# administrator command:`. No error is shown.

#include "analyzers/log/formats/mysql_slow_table.h"

#include <utility>

#include "analyzers/log/formats/mysql_commands.h"
#include "analyzers/log/formats/mysql_log_text.h"
#include "analyzers/log/formats/mysql_slow_entry.h"
#include "analyzers/log/formats/table_dump.h"
#include "analyzers/log/formats/zone.h"

namespace dbaudit {
namespace {

/// Of slow_log.CSV, which names none. MySQL's ends before the last.
constexpr std::string_view kColumns[] = {"start_time",     "user_host", "query_time", "lock_time", "rows_sent", "rows_examined", "db",
                                         "last_insert_id", "insert_id", "server_id",  "sql_text",  "thread_id", "rows_affected"};

/// `00:00:00.000164`, `838:59:59` as microseconds; -1 when it is none.
int64_t read_duration(std::string_view text) {
  int64_t parts[3] = {0, 0, 0};
  int part = 0;
  size_t at = 0;
  for (; at < text.size() && text[at] != '.'; ++at) {
    if (text[at] == ':') {
      if (++part > 2) return -1;
    } else if (text[at] >= '0' && text[at] <= '9' && parts[part] < 100'000) {
      parts[part] = parts[part] * 10 + (text[at] - '0');
    } else {
      return -1;
    }
  }
  if (part != 2) return -1;
  int64_t micros = 0;
  int digits = 0;
  for (++at; at < text.size() && digits < 6; ++at, ++digits) {
    if (text[at] < '0' || text[at] > '9') return -1;
    micros = micros * 10 + (text[at] - '0');
  }
  for (; digits < 6; ++digits) micros *= 10;
  return ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1'000'000 + micros;
}

class MysqlSlowTableReader final : public RecordReader {
 public:
  MysqlSlowTableReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), zone_offset_minutes_(options.zone_offset_minutes) {
    // The head says whether the log is whole; it is read twice.
    Lines head(memory_source(std::string(lines_->head())));
    TableRows rows(head, columns_for(head.head()));
    MysqlSlowEntry entry;
    while (rows.next()) {
      if (read(rows, entry)) entries_.look_at(entry);
    }
    rows_.emplace(*lines_, columns_for(lines_->head()));
  }

  bool next(LogRecord& record) override {
    MysqlSlowEntry entry;
    while (rows_->next()) {
      if (!read(*rows_, entry)) {
        ++foreign_rows_;
        continue;
      }
      entries_.fill(record, entry, counts_);
      return true;
    }
    counts_.unrecognised_lines = rows_->unrecognised_lines() + foreign_rows_;
    entries_.finish(counts_);
    return false;
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  static std::span<const std::string_view> columns_for(std::string_view head) {
    const std::span<const std::string_view> all = kColumns;
    const std::string_view line = trim_line(head);
    return line.ends_with('"') || count_numbers_at_end(line) < 2 ? all.first(12) : all;
  }
  static std::string_view trim_line(std::string_view head) {
    std::string_view line = head.substr(0, head.find("\n"));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  /// `…","thread_id","rows_affected"`: numbers, quoted or not, behind the statement.
  static int count_numbers_at_end(std::string_view line) {
    int count = 0;
    while (!line.empty()) {
      const size_t comma = line.rfind(',');
      std::string_view field = comma == std::string_view::npos ? line : line.substr(comma + 1);
      if (field.size() >= 2 && field.front() == '"' && field.back() == '"') field = field.substr(1, field.size() - 2);
      if (field.empty() || field.find_first_not_of("0123456789") != std::string_view::npos || comma == std::string_view::npos) break;
      ++count;
      line = line.substr(0, comma);
    }
    return count;
  }

  bool read(TableRows& rows, MysqlSlowEntry& entry) {
    if (rows.is_new_table()) {
      const TableHeader& h = rows.header();
      time_ = h.find("start_time");
      user_ = h.find("user_host");
      duration_ = h.find("query_time");
      sent_ = h.find("rows_sent");
      database_ = h.find("db");
      sql_ = h.find("sql_text");
      thread_ = h.find("thread_id");
      affected_ = h.find("rows_affected");
    }
    if (sql_ < 0 || duration_ < 0) return false;
    entry = MysqlSlowEntry{};
    entry.duration_us = read_duration(rows.get(duration_));
    if (entry.duration_us < 0) return false;
    entry.line = rows.line();
    entry.truncated = rows.was_cut();
    if (const auto time = parse_time(rows.get(time_))) {
      entry.end = *time;
      entry.end = in_zone(entry.end, zone_offset_minutes_);
    }
    entry.user = mysql_text::user_of(rows.get(user_));
    entry.database = rows.get(database_);
    entry.id = rows.get(thread_);
    if (const auto sent = rows.number(sent_)) entry.rows_sent = static_cast<int64_t>(*sent);
    if (const auto affected = rows.number(affected_)) entry.rows_affected = static_cast<int64_t>(*affected);
    entry.sql = rows.get(sql_);
    entry.sql_unknown = rows.is_null(sql_);
    const MysqlCommandName* const command = find_mysql_command(entry.sql);
    entry.is_command = command != nullptr && command->name == entry.sql;
    return true;
  }

  std::unique_ptr<Lines> lines_;
  std::optional<TableRows> rows_;
  int32_t zone_offset_minutes_;
  int time_ = -1, user_ = -1, duration_ = -1, sent_ = -1, database_ = -1, sql_ = -1, thread_ = -1, affected_ = -1;
  MysqlSlowEntries entries_;
  uint64_t foreign_rows_ = 0;
  ReaderCounts counts_;
};

/// `"2026-11-20 14:32:11.016253","root[root] @ localhost []","00:00:00.000164","00:00:00.000000",`
bool is_csv_engine_row(std::string_view line) {
  if (!line.starts_with("\"2") || line.size() < 48 || line[11] != ' ' || line[5] != '-') return false;
  for (int i = 0; i < 2; ++i) {
    const size_t at = line.find("\",\"");
    if (at == std::string_view::npos) return false;
    line.remove_prefix(at + 3);
  }
  return read_duration(line.substr(0, line.find('"'))) >= 0;
}

}  // namespace

int score_mysql_slow_table(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  std::string_view line = head.substr(0, head.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (is_csv_engine_row(line)) return 950;
  const auto header = parse_table_header(line);
  return header && header->find("query_time") >= 0 && header->find("sql_text") >= 0 ? 970 : 0;
}

std::unique_ptr<RecordReader> open_mysql_slow_table(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<MysqlSlowTableReader>(std::move(lines), options);
}

}  // namespace dbaudit
