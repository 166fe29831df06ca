#pragma once
// Dumps of mysql.slow_log, for mysql_slow.cpp.

#include <memory>
#include <string_view>

#include "analyzers/log/reader.h"

namespace dbaudit {

/// As Format::score and Format::open. The score is 0 for a slow log in text.
[[nodiscard]] int score_mysql_slow_table(std::string_view head);
[[nodiscard]] std::unique_ptr<RecordReader> open_mysql_slow_table(std::unique_ptr<Lines> lines, const ReaderOptions& options);

}  // namespace dbaudit
