#pragma once
// The commands of the client protocol as the general log names them (in its file and in the table mysql.general_log), and what each of
// them makes of the session it comes from.

#include <cstdint>
#include <string>
#include <string_view>

#include "analyzers/log/formats/session_table.h"
#include "analyzers/log/reader.h"

namespace dbaudit {

enum class MysqlCommand : uint8_t { kQuery, kExecute, kPrepare, kConnect, kQuit, kInitDb, kChangeUser, kResetConnection, kOther };

/// The command a text begins with, followed by a TAB or the end; nullptr when it is none.
struct MysqlCommandName {
  std::string_view name;
  MysqlCommand command;
};
[[nodiscard]] const MysqlCommandName* find_mysql_command(std::string_view text);

/// Carries a user and a database per connection from entry to entry, and makes records of entries. Bounded: of more than about
/// 32,000 connections the oldest are forgotten, which costs their user and database only.
class MysqlEntries {
 public:
  /// Fills everything but line, times and `truncated`, which are the caller's and set before. Views are of `argument` and of this object,
  /// good until the next call.
  void fill(LogRecord& record, std::string_view id, MysqlCommand command, std::string_view argument, ReaderCounts& counts);
  /// The account, where the log prints it with every entry.
  void set_user(std::string_view id, std::string_view user);
  void finish(ReaderCounts& counts) const;

 private:
  struct Session {
    std::string user, database;
  };
  void connect(LogRecord& record, Session& session, std::string_view argument, bool is_new);

  SessionTable<Session> sessions_;
  std::string previous_database_;
  uint64_t without_time_ = 0;
};

}  // namespace dbaudit
