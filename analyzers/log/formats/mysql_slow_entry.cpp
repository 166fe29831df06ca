#include "analyzers/log/formats/mysql_slow_entry.h"

#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/mysql_commands.h"
#include "analyzers/log/formats/mysql_log_text.h"
#include "analyzers/log/formats/statement_text.h"

namespace dbaudit {

using mysql_text::starts_with_word;

void MysqlSlowEntries::look_at(const MysqlSlowEntry& entry) {
  if (entry.duration_us < 0 || entry.duration_us >= 100) return;
  if (entry.is_command || starts_with_word(entry.sql, "set") || is_transaction_boundary(entry.sql)) is_complete_ = true;
}

void MysqlSlowEntries::note_rate_limit(ReaderCounts& counts) {
  is_rate_limited_ = true;
  counts.sampled = true;
}

void MysqlSlowEntries::fill(LogRecord& record, const MysqlSlowEntry& entry, ReaderCounts& counts) {
  record = LogRecord{};
  ++counts.records;
  record.line = entry.line;
  record.session = entry.id;
  record.user = entry.user;
  record.database = entry.database;
  record.txid = entry.txid;
  record.duration_us = entry.duration_us;
  record.end_time = entry.end;
  record.time = entry.start;
  if (!record.time.known() && entry.end.known() && entry.duration_us >= 0) {
    record.time = entry.end;
    record.time.micros -= entry.duration_us;
  }
  record.truncated = entry.truncated;
  record.tx_boundary = is_complete_ && !is_rate_limited_ ? TxBoundary::kExplicit : TxBoundary::kUnknown;
  if (entry.is_command) {
    const MysqlCommandName* const command = find_mysql_command(entry.sql);
    if (command == nullptr) return;
    switch (command->command) {
      case MysqlCommand::kQuit:
      case MysqlCommand::kChangeUser:
      case MysqlCommand::kResetConnection: record.kind = RecordKind::kDisconnect; break;
      case MysqlCommand::kConnect: record.kind = RecordKind::kConnect; break;
      default: break;
    }
    return;
  }
  // What EXECUTE runs has an entry of its own text; PREPARE runs nothing.
  if ((entry.sql.empty() && !entry.sql_unknown) || starts_with_word(entry.sql, "prepare")) return;
  record.kind = RecordKind::kStatement;
  record.sql = entry.sql;
  record.sql_unknown = entry.sql_unknown;
  ++counts.statements;
  if (record.truncated) ++counts.truncated_statements;
  if (record.session.empty()) ++without_session_;
  if (!record.end_time.known()) ++without_time_;
  if (!entry.errno_text.empty() && entry.errno_text != "0") {
    record.has_error = true;
    record.error_code = entry.errno_text;
  }
  if (entry.sql_unknown) return;
  if (mysql_text::answers_with_rows(entry.sql)) {
    record.rows = entry.rows_sent;
  } else {
    record.rows = entry.rows_affected;
  }
}

void MysqlSlowEntries::finish(ReaderCounts& counts) const {
  if (counts.statements == 0) return;
  Missing missing{.session = without_session_ > 0, .time = without_time_ * 2 > counts.statements};
  missing.boundaries = counts.sampled = !is_complete_ || is_rate_limited_;
  tell_incomplete(missing, counts);
}

}  // namespace dbaudit
