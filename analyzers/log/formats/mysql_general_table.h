#pragma once
// Dumps of mysql.general_log, for mysql_general.cpp.

#include <memory>
#include <string_view>

#include "analyzers/log/reader.h"

namespace dbaudit {

/// As Format::score and Format::open. The score is 0 for a general log in text.
[[nodiscard]] int score_mysql_general_table(std::string_view head);
[[nodiscard]] std::unique_ptr<RecordReader> open_mysql_general_table(std::unique_ptr<Lines> lines, const ReaderOptions& options);

}  // namespace dbaudit
