#pragma once
// What an entry of a slow log is, whether it was a few lines of text or a row of mysql.slow_log.

#include <cstdint>
#include <string_view>

#include "analyzers/log/reader.h"

namespace dbaudit {

struct MysqlSlowEntry {
  std::string_view id;  ///< of the connection; empty when the server is too old to print it
  std::string_view user, database, sql;
  std::string_view txid;
  std::string_view errno_text;  ///< `0` or empty: none
  TimePoint start, end;         ///< `start` only when the log prints it
  int64_t duration_us = -1;
  int64_t rows_sent = -1, rows_affected = -1;
  uint64_t line = 0;
  bool truncated = false;
  /// The entry is a command of the protocol, not a statement (`# administrator command: Ping`); `sql` is its name.
  bool is_command = false;
  bool sql_unknown = false;  ///< a statement whose text is NULL in the dump
};

/// Makes records of entries, and knows whether such a log can show transactions.
///
/// A slow log is complete only when long_query_time is 0, which it does not say. But nothing besides a threshold of nearly nothing
/// makes a server log a BEGIN, COMMIT, SET or Quit that took less than 100 microseconds: no index was missed by it and no row examined.
class MysqlSlowEntries {
 public:
  /// Call with the entries of the head of the log before the first fill().
  void look_at(const MysqlSlowEntry& entry);
  /// Log_slow_rate_limit above 1: only some of the statements are here.
  void note_rate_limit(ReaderCounts& counts);
  void fill(LogRecord& record, const MysqlSlowEntry& entry, ReaderCounts& counts);
  void finish(ReaderCounts& counts) const;

 private:
  bool is_complete_ = false, is_rate_limited_ = false;
  uint64_t without_session_ = 0, without_time_ = 0;
};

}  // namespace dbaudit
