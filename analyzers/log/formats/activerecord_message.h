#pragma once
// The lines of a Rails log: what stands in front of a message, and the messages that matter here.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "analyzers/base/time.h"

namespace dbaudit {

/// What the logger said of one line. Views into the line.
struct RailsPrefix {
  TimePoint time;  ///< when the line was written, which for SQL is when the statement had ended
  std::string_view process, thread;
  std::string_view request;  ///< the tag that tells one request (or job) from another
  bool logger = false;       ///< a time or a level stood there: certainly a line of the logger
};

/// Reads the fields of `text`, which holds nothing behind them when `whole` is set (unknown words are skipped then). Otherwise it is a line: stops
/// where the message begins and gives that offset.
size_t read_rails_prefix(std::string_view text, bool whole, RailsPrefix& prefix);

/// `  User Load (0.5ms)  SELECT …`, in colours or not. Offsets into the line.
struct SqlEvent {
  size_t lead = 0;  ///< where the prefix ends
  std::string_view name;
  int64_t duration_us = -1;
  size_t sql = 0;
  bool coloured = false;  ///< the SQL ends with ESC[0m
  bool cached = false;    ///< answered by the query cache
};
/// The event whose first line this is.
[[nodiscard]] std::optional<SqlEvent> find_sql_event(std::string_view line);

/// `↳ app/models/user.rb:12:in 'User#save'`
struct SourceLine {
  std::string_view file;
  int64_t line = 0;
};
[[nodiscard]] std::optional<SourceLine> parse_source_line(std::string_view message);

/// `ActiveRecord::RecordNotUnique (PG::UniqueViolation: ERROR:  duplicate key …`, also the adapter's exception alone.
struct DatabaseException {
  std::string_view code;  ///< SQLSTATE for PostgreSQL, errno for MySQL, a result code for SQLite; empty when the class tells none
  std::string_view message;
};
[[nodiscard]] std::optional<DatabaseException> parse_database_exception(std::string_view message);

/// A line Rails itself writes beside the SQL (`Started GET`, `Completed 200 OK in 5ms`, `Parameters: {…}`, …).
[[nodiscard]] bool is_rails_line(std::string_view message);
/// `Processing by OrdersController#create as HTML`: `OrdersController#create`. Empty for any other line.
[[nodiscard]] std::string_view processed_action(std::string_view message);

}  // namespace dbaudit
