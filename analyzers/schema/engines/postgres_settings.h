#pragma once
// Which of PostgreSQL's settings make its log one that can be audited. Internal to schema/engines/postgres*.cpp: no libpq here. Reading is apart from
// judging, which is a function of what was read.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/schema/engines/postgres_catalog.h"
#include "analyzers/schema/log_advice.h"

namespace dbaudit {

/// One row of pg_settings, for a new session.
struct PostgresSetting {
  std::string value;             ///< reset_val
  std::string source;            ///< `default`, `configuration file`, `user`, `command line`, …
  bool by_alter_system = false;  ///< the value comes from postgresql.auto.conf, as far as this role sees it
  bool waits_for_restart = false;
};

/// `ALTER ROLE … SET`, `ALTER DATABASE … SET`: what wins over the server's own value.
struct PostgresOverride {
  std::string role, database;  ///< empty: all of them
  std::string name, value;
};

struct PostgresLogState {
  int version_num = 0;  ///< server_version_num
  std::map<std::string, PostgresSetting> settings;
  std::vector<PostgresOverride> overrides;
  std::string data_directory;
  std::string current_log;  ///< pg_current_logfile(); empty: none, or not this role's to know
  bool sees_all = false;    ///< superuser or pg_read_all_settings
  bool is_superuser = false;
  std::string service;  ///< `Amazon RDS`: where ALTER SYSTEM is somebody else's
};

/// `select` as in read_postgres_catalog().
[[nodiscard]] Result<PostgresLogState> read_postgres_log_state(int version_num, const PostgresSelect& select);
[[nodiscard]] LogAdvice judge_postgres_log(const PostgresLogState& state);

}  // namespace dbaudit
