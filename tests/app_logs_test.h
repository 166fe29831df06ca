#pragma once
// Checks that logs of an application's database layer must pass when they are damaged.

#include <algorithm>
#include <string>
#include <vector>

#include "tests/log_fixture.h"

namespace dbaudit {

/// Cut at any byte, a log never holds a statement that the whole log does not hold at that line, or the beginning of one.
inline void check_app_cuts(const std::string& bytes, std::string_view format, size_t limit) {
  check_cuts(bytes, format, {.limit = limit, .more = std::nullopt},
             [](const std::vector<KeptRecord>& part, size_t i, const std::vector<KeptRecord>& whole) {
               const std::string& sql = part[i].sql;
               // What a driver's call became: a transaction that the cut left open may end differently, or be closed at the end of the log.
               if (sql == "COMMIT" || sql == "ROLLBACK" || sql.starts_with("BEGIN")) return true;
               const auto same =
                   std::find_if(whole.begin(), whole.end(), [&](const KeptRecord& r) { return r.fields.line == part[i].fields.line; });
               if (same == whole.end()) return false;
               return same->sql == sql || (i + 4 >= part.size() && (same->sql.starts_with(sql) || part[i].fields.truncated));
             });
}

/// For check_damage(): a line that begins a transaction may also show that the one before is over.
inline void two_records_a_line(const KeptLog& log, size_t lines) {
  CHECK(log.counts.records == log.records.size());
  CHECK(log.records.size() <= 2 * lines);
  for (size_t i = 1; i < log.records.size(); ++i) REQUIRE(log.records[i - 1].fields.line <= log.records[i].fields.line);
}

}  // namespace dbaudit
