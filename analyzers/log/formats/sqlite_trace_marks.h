#pragma once
// What only the sqlite3 shell writes into its trace.

#include <string_view>

namespace dbaudit {

/// `… -- 2000 ns`, `-- TRIGGER name;`, `-- closing database connection`, or a statement on temp.sqlite_parameters. A trace without any of
/// them cannot be told from a script, nor need it be.
[[nodiscard]] bool has_sqlite_trace_mark(std::string_view head);

}  // namespace dbaudit
