#pragma once
// The output of `dbaudit events`: one JSON object per event, in file order, with what later entries of the log tell about it put in.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/time.h"
#include "analyzers/log/record.h"

namespace dbaudit {

class EventLines {
 public:
  /// `write` gets one line at a time, with its newline.
  explicit EventLines(std::function<void(std::string_view)> write) : write_(std::move(write)) {}

  using Tags = std::vector<std::pair<std::string, std::string>>;
  /// `comment_tags`: what the statement's own comments say; the record's tags come first.
  void add(const LogRecord& record, const Tags& comment_tags);
  void finish();

 private:
  struct Event {
    uint64_t line = 0;
    RecordKind kind = RecordKind::kOther;
    Protocol protocol = Protocol::kUnknown;
    TxState tx_state = TxState::kUnknown;
    TxBoundary tx_boundary = TxBoundary::kUnknown;
    bool truncated = false, has_sql = false, has_params = false, has_error = false;
    TimePoint time, end_time;
    int64_t duration_us = -1, rows = -1, source_line = 0;
    std::string session, app, user, database, sql, txid, error_code, error_message, source_file;
    std::vector<std::optional<std::string>> params;
    Tags tags;
    size_t bytes = 0;
  };

  static void set_error(Event& event, const LogRecord& record);
  Event* statement_of(const LogRecord& record);
  void flush_first();

  std::function<void(std::string_view)> write_;
  std::deque<Event> waiting_;  // by line
  size_t waiting_bytes_ = 0;
  std::unordered_map<std::string, uint64_t> last_statement_;  // line of the session's last statement, of those waiting
};

}  // namespace dbaudit
