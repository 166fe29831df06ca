#pragma once
// The workload of fixtures/logs/postgres_csv and its siblings, and what the events of a log amount to.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {

/// A statement as the whole log tells of it.
struct SettledStatement {
  std::string sql;
  std::vector<std::optional<std::string>> params;
  std::string error;
  Protocol protocol = Protocol::kUnknown;
  int64_t duration_us = -1, rows = -1;
  bool operator==(const SettledStatement&) const = default;
};
using SettledSessions = std::map<std::string, std::vector<SettledStatement>>;

/// Errors and completions put into the statements they belong to, by session; `6b015525.6b7d` and `27517` are the same one.
inline SettledSessions settled_sessions(const KeptLog& log) {
  SettledSessions result;
  std::map<uint64_t, std::pair<std::string, size_t>> by_line;
  for (const KeptRecord& r : log.records) {
    std::string session = r.session;
    if (const size_t dot = session.find('.'); dot != std::string::npos) {
      session = std::to_string(std::stoul(session.substr(dot + 1), nullptr, 16));
    }
    if (r.fields.kind == RecordKind::kStatement) {
      std::vector<SettledStatement>& list = result[session];
      by_line[r.fields.line] = {session, list.size()};
      list.push_back({r.sql, r.params, r.error_code, r.fields.protocol, r.fields.duration_us, r.fields.rows});
    } else if (r.fields.attaches) {
      const auto found = by_line.find(r.fields.about_line);
      REQUIRE(found != by_line.end());
      CHECK(found->second.first == session);
      SettledStatement& s = result[found->second.first][found->second.second];
      if (r.fields.has_error) s.error = r.error_code;
      if (r.fields.duration_us >= 0) s.duration_us = r.fields.duration_us;
      if (r.fields.rows >= 0) s.rows = r.fields.rows;
    }
  }
  return result;
}

}  // namespace dbaudit
