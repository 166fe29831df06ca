#include "analyzers/log/formats/mysql_commands.h"

#include <algorithm>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/mysql_log_text.h"

namespace dbaudit {
namespace {

using mysql_text::starts_with_word;

/// command_name[] of sql_parse.cc, both servers, all versions since 5.0. Longer names before their own beginnings.
constexpr MysqlCommandName kCommands[] = {
    {"Query", MysqlCommand::kQuery},
    {"Execute", MysqlCommand::kExecute},
    {"Prepare", MysqlCommand::kPrepare},
    {"Connect Out", MysqlCommand::kOther},
    {"Connect", MysqlCommand::kConnect},
    {"Quit", MysqlCommand::kQuit},
    {"Close stmt", MysqlCommand::kOther},
    {"Reset stmt", MysqlCommand::kOther},
    {"Init DB", MysqlCommand::kInitDb},
    {"Ping", MysqlCommand::kOther},
    {"Statistics", MysqlCommand::kOther},
    {"Field List", MysqlCommand::kOther},
    {"Change user", MysqlCommand::kChangeUser},
    {"Reset Connection", MysqlCommand::kResetConnection},
    {"Reset connection", MysqlCommand::kResetConnection},
    {"Bulk_execute", MysqlCommand::kExecute},
    {"Long Data", MysqlCommand::kOther},
    {"Fetch", MysqlCommand::kOther},
    {"Set option", MysqlCommand::kOther},
    {"Kill", MysqlCommand::kOther},
    {"Processlist", MysqlCommand::kOther},
    {"Process info", MysqlCommand::kOther},
    {"Refresh", MysqlCommand::kOther},
    {"Shutdown", MysqlCommand::kOther},
    {"Create DB", MysqlCommand::kOther},
    {"Drop DB", MysqlCommand::kOther},
    {"Debug", MysqlCommand::kOther},
    {"Sleep", MysqlCommand::kOther},
    {"Time", MysqlCommand::kOther},
    {"Delayed insert", MysqlCommand::kOther},
    {"Binlog Dump GTID", MysqlCommand::kOther},
    {"Binlog Dump", MysqlCommand::kOther},
    {"Table Dump", MysqlCommand::kOther},
    {"Register Slave", MysqlCommand::kOther},
    {"Register Replica", MysqlCommand::kOther},
    {"Daemon", MysqlCommand::kOther},
    {"Slave_worker", MysqlCommand::kOther},
    {"Slave_IO", MysqlCommand::kOther},
    {"Slave_SQL", MysqlCommand::kOther},
    {"Com_multi", MysqlCommand::kOther},
    {"Unimpl get tid", MysqlCommand::kOther},
    {"Clone", MysqlCommand::kOther},
    {"clone", MysqlCommand::kOther},
    {"Group Replication Data Stream subscription", MysqlCommand::kOther},
    {"Subscribe Group Replication Stream", MysqlCommand::kOther},
    {"Error", MysqlCommand::kOther},
};

/// False for nearly every statement: its first letter is none of these.
bool may_start_with_one_of(std::string_view letters, std::string_view sql) {
  return sql.empty() || sql[0] <= ' ' || letters.find(ascii_lower(sql[0])) != std::string_view::npos;
}

}  // namespace

const MysqlCommandName* find_mysql_command(std::string_view text) {
  for (const MysqlCommandName& candidate : kCommands) {
    if (text.empty() || text[0] != candidate.name[0] || !text.starts_with(candidate.name)) continue;
    if (text.size() > candidate.name.size() && text[candidate.name.size()] != '\t') continue;
    return &candidate;
  }
  return nullptr;
}

void MysqlEntries::fill(LogRecord& record, std::string_view id, MysqlCommand command, std::string_view argument, ReaderCounts& counts) {
  Session& session = sessions_.of(id);
  record.tx_boundary = TxBoundary::kExplicit;
  record.user = session.user;
  record.database = session.database;
  const auto statement = [&](Protocol protocol) {
    record.kind = RecordKind::kStatement;
    record.sql = argument;
    record.protocol = protocol;
    ++counts.statements;
    if (record.truncated) ++counts.truncated_statements;
    if (!record.time.known()) ++without_time_;
  };
  switch (command) {
    case MysqlCommand::kQuery: {
      const bool is_plain = !may_start_with_one_of("peu", argument);
      // SQL-level PREPARE and EXECUTE are followed by entries of their own, `Prepare` and `Execute`, with the text that counts.
      if (!is_plain && (starts_with_word(argument, "prepare") || starts_with_word(argument, "execute"))) break;
      statement(Protocol::kSimple);
      if (!is_plain && starts_with_word(argument, "use")) {
        previous_database_ = session.database;  // the record's view of it must outlive the change
        record.database = previous_database_;
        if (const std::string_view name = mysql_text::used_database(argument); !name.empty()) session.database = name;
      }
      break;
    }
    case MysqlCommand::kExecute: statement(Protocol::kExtended); break;
    case MysqlCommand::kConnect:
    case MysqlCommand::kChangeUser: connect(record, session, argument, command == MysqlCommand::kConnect); break;
    case MysqlCommand::kQuit:
    case MysqlCommand::kResetConnection: record.kind = RecordKind::kDisconnect; break;
    case MysqlCommand::kInitDb:
      session.database = argument;
      record.database = session.database;
      break;
    case MysqlCommand::kPrepare:
    case MysqlCommand::kOther: break;
  }
}

void MysqlEntries::set_user(std::string_view id, std::string_view user) {
  Session& session = sessions_.of(id);
  if (session.user != user) session.user = user.substr(0, 256);
}

/// `app@localhost on shop using TCP/IP`, `root@localhost as anonymous on shop`, `app@localhost on  using Socket`,
/// `Access denied for user 'app'@'localhost' (using password: YES)`.
void MysqlEntries::connect(LogRecord& record, Session& session, std::string_view argument, bool is_new) {
  if (argument.starts_with("Access denied")) {
    record.kind = RecordKind::kDisconnect;
    record.has_error = true;
    record.error_code = "1045";
    record.error_message = argument;
    return;
  }
  const std::string_view rest = argument.substr(0, argument.find('\n'));
  const size_t on = rest.find(" on ");
  const std::string_view who = rest.substr(0, std::min(on, rest.find(" as ")));
  session.user = who.substr(0, std::min<size_t>(who.rfind('@'), 256));
  session.database.clear();
  if (on != std::string_view::npos) {
    std::string_view name = rest.substr(on + 4);
    const size_t transport = name.rfind(" using ");
    if (transport != std::string_view::npos) name = name.substr(0, transport);
    session.database = trim(name).substr(0, 256);
  }
  // COM_CHANGE_USER rolls back and forgets the session: what came before was somebody else's.
  record.kind = is_new ? RecordKind::kConnect : RecordKind::kDisconnect;
  record.user = session.user;
  record.database = session.database;
}

void MysqlEntries::finish(ReaderCounts& counts) const {
  tell_incomplete({.time = counts.statements > 0 && without_time_ * 2 > counts.statements}, counts);
}

}  // namespace dbaudit
