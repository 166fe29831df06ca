#pragma once
// Which settings of a MySQL or MariaDB server make its log one that can be audited. Internal to schema/engines/mysql*.cpp. Reading is apart from judging,
// which is a function of what was read.

#include <map>
#include <optional>
#include <string>

#include "analyzers/base/error.h"
#include "analyzers/schema/engines/mysql_session.h"
#include "analyzers/schema/log_advice.h"

namespace dbaudit {

struct MySqlLogState {
  MySqlServer server;
  std::map<std::string, std::string> variables;  ///< global ones, by lower-case name; every user sees them
  std::optional<bool> reads_general_log;         ///< may this user SELECT from mysql.general_log? nullopt: it is not there
  /// performance_schema.setup_consumers and setup_instruments; nullopt: off, or not this user's to see (`why_no_consumers`).
  std::optional<bool> keeps_statements, keeps_transactions, times_transactions;
  std::string why_no_consumers;
};

[[nodiscard]] Result<MySqlLogState> read_mysql_log_state(MySqlSession& session);
[[nodiscard]] LogAdvice judge_mysql_log(const MySqlLogState& state);

}  // namespace dbaudit
