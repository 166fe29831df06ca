#pragma once
// Checks every log of an application's database layer must pass, whatever its format.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/log_fixture.h"

namespace dbaudit {

inline std::vector<std::string> fixture_names(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path(DBAUDIT_SOURCE_DIR) / "fixtures/logs" / directory)) {
    names.push_back(directory + "/" + file.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Cut at any byte, a log never holds a statement that the whole log does not hold at that line, or the beginning of one.
inline void check_cuts(const std::string& bytes, std::string_view format, size_t limit) {
  const std::vector<KeptRecord> whole = keep_log(bytes, format).statements();
  for (size_t cut = 0; cut < std::min(bytes.size(), limit); ++cut) {
    const std::vector<KeptRecord> part = keep_log(bytes.substr(0, cut), format).statements();
    for (size_t i = 0; i < part.size(); ++i) {
      const std::string& sql = part[i].sql;
      // What a driver's call became: a transaction that the cut left open may end differently, or be closed at the end of the log.
      if (sql == "COMMIT" || sql == "ROLLBACK" || sql.starts_with("BEGIN")) continue;
      const auto same = std::find_if(whole.begin(), whole.end(), [&](const KeptRecord& r) { return r.fields.line == part[i].fields.line; });
      INFO("cut at " << cut << ": " << sql);
      REQUIRE(same != whole.end());
      const bool is_known = same->sql == sql;
      const bool is_less = i + 4 >= part.size() && (same->sql.starts_with(sql) || part[i].fields.truncated);
      REQUIRE((is_known || is_less));
    }
  }
}

inline void check_crlf(const std::string& bytes, std::string_view format) {
  std::string dos;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r')) dos += '\r';
    dos += bytes[i];
  }
  const KeptLog whole = keep_log(bytes, format), ours = keep_log(dos, format);
  REQUIRE(ours.records.size() == whole.records.size());
  CHECK(ours.counts.unrecognised_lines == whole.counts.unrecognised_lines);
  const auto without_cr = [](std::string s) {
    s.erase(std::remove(s.begin(), s.end(), '\r'), s.end());
    return s;
  };
  for (size_t i = 0; i < whole.records.size(); ++i) {
    CHECK(without_cr(ours.records[i].sql) == whole.records[i].sql);
    CHECK(ours.records[i].session == whole.records[i].session);
    CHECK(ours.records[i].params.size() == whole.records[i].params.size());
    CHECK(ours.records[i].fields.line == whole.records[i].fields.line);
  }
}

/// Bytes changed at random: no more records than lines, lines in order, counts that agree.
inline void check_damage(const std::string& original, std::string_view format, int rounds) {
  uint64_t state = 88172645463325252ULL;
  const auto random = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = original;
    for (int i = 0; i < 40; ++i) {
      const size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes.erase(at, random() % 20); break;
        case 2: bytes.insert(at, 1, "\n\t'\"\\ \0:`["[random() % 10]); break;
        default: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 200));
      }
    }
    const KeptLog log = keep_log(bytes, format);
    CHECK(log.counts.records == log.records.size());
    CHECK(log.counts.statements == log.statements().size());
    // A line that begins a transaction may also show that the one before is over.
    const auto lines = static_cast<size_t>(std::count(bytes.begin(), bytes.end(), '\n')) + 1;
    CHECK(log.records.size() <= 2 * lines);
    CHECK(log.counts.unrecognised_lines <= lines);
    for (size_t i = 1; i < log.records.size(); ++i) REQUIRE(log.records[i - 1].fields.line <= log.records[i].fields.line);
    (void)detect_format(std::string_view(bytes).substr(0, 65536), {});
  }
}

}  // namespace dbaudit
