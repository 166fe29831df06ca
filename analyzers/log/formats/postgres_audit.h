#pragma once
// What two widely used extensions say about statements in a PostgreSQL log: pgaudit's AUDIT lines and auto_explain's plans.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/bind_value.h"

namespace dbaudit {

/// `AUDIT: SESSION,stmt_id,substmt_id,class,command,object type,object,statement,parameters[,rows]`, fields quoted as in CSV where they must
/// be (pgaudit.c, log_audit_event).
struct PostgresAudit {
  uint64_t statement_id = 0;     ///< counts the session's statements
  uint64_t substatement_id = 0;  ///< 1; more for what runs inside (functions, triggers, the EXECUTE around a prepared statement)
  std::string_view type, audit_class, command;
  std::string_view statement;   ///< empty when pgaudit was told not to print it
  std::string_view parameters;  ///< a list in CSV itself, unquoted once
  bool has_parameters = false;  ///< false for `<none>` and `<not logged>`
  int64_t rows = -1;            ///< pgaudit.log_rows; -1: not printed
};

/// False when `message` is no AUDIT line. Views are into `message` or, where quotes had to go, into `scratch`.
bool parse_postgres_audit(std::string_view message, std::string& scratch, PostgresAudit& audit);

/// The values of PostgresAudit::parameters. NULL and the empty string are both printed as nothing: taken for NULL. False when one was
/// suppressed for its length (pgaudit.log_parameter_max_size).
bool parse_audit_parameters(std::string_view list, std::string& scratch, std::vector<BindValue>& values);

/// How many statements a simple-protocol packet holds: its `;` outside of quotes and comments, and what follows the last one.
[[nodiscard]] size_t count_packet_statements(std::string_view sql);

/// The query of a SQL-level PREPARE, behind `AS`; empty when it is not found.
[[nodiscard]] std::string_view prepared_query(std::string_view prepare);

/// auto_explain: the rows the top node of a text plan returned, or -1 (a write without RETURNING returns none, and how many it wrote is not
/// said; other plan formats; auto_explain.log_analyze off). `plan` begins behind the query text.
[[nodiscard]] int64_t rows_of_plan(std::string_view plan);

}  // namespace dbaudit
