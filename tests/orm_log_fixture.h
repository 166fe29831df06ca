#pragma once
// What every reader of an ORM's log must hold to, whatever the format: checks that take a log and a format's name.

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "analyzers/log/reader.h"
#include "analyzers/log/source.h"
#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {

struct OrmEvent {
  RecordKind kind = RecordKind::kOther;
  uint64_t line = 0, about_line = 0;
  std::string session, sql, txid, error_code, error_message, source_file;
  int64_t source_line = 0, duration_us = -1;
  std::vector<std::string> params;  // NULL as "<null>", numbers behind a '#'
  std::map<std::string, std::string> tags;
  TimePoint time, end;
  TxBoundary boundary = TxBoundary::kUnknown;
  bool has_params = false, truncated = false, has_error = false, attaches = false;
};

struct OrmLog {
  std::vector<OrmEvent> all, statements;
  ReaderCounts counts;

  [[nodiscard]] std::vector<std::string> sql() const {
    std::vector<std::string> result;
    for (const OrmEvent& e : statements) result.push_back(e.sql);
    return result;
  }
};

inline OrmLog read_orm_log(const std::string& bytes, std::string_view format, const ReaderOptions& options = {}) {
  OrmLog log;
  const Format* found = find_format(format);
  REQUIRE(found != nullptr);
  auto reader = found->open(std::make_unique<Lines>(memory_source(bytes)), options);
  LogRecord r;
  while (reader->next(r)) {
    OrmEvent e;
    e.kind = r.kind;
    e.line = r.line;
    e.about_line = r.about_line;
    e.session = r.session;
    e.sql = r.sql;
    e.txid = r.txid;
    e.error_code = r.error_code;
    e.error_message = r.error_message;
    e.source_file = r.source_file;
    e.source_line = r.source_line;
    e.duration_us = r.duration_us;
    e.time = r.time;
    e.end = r.end_time;
    e.boundary = r.tx_boundary;
    e.has_params = r.has_params;
    e.truncated = r.truncated || r.params_cut;
    e.has_error = r.has_error;
    e.attaches = r.attaches;
    for (const BindValue& v : r.params) e.params.push_back(v.is_null ? "<null>" : (v.is_number ? "#" : "") + std::string(v.text));
    for (const Tag& t : r.tags) e.tags[std::string(t.name)] = t.value;
    log.all.push_back(e);
    if (r.kind == RecordKind::kStatement) log.statements.push_back(std::move(e));
  }
  log.counts = reader->counts();
  return log;
}

inline std::vector<std::string> orm_fixtures(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path(DBAUDIT_SOURCE_DIR) / "fixtures/logs" / directory)) {
    if (file.path().extension() == ".log") names.push_back(directory + "/" + file.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Cut anywhere, a log holds the same statements up to there: the last may be less than it was, never another, and none is added.
inline void check_cuts(const std::string& bytes, std::string_view format, size_t step = 1) {
  const std::vector<OrmEvent> whole = read_orm_log(bytes, format).statements;
  for (size_t cut = 0; cut < bytes.size(); cut += step) {
    const std::vector<OrmEvent> part = read_orm_log(bytes.substr(0, cut), format).statements;
    bool good = part.size() <= whole.size();
    for (size_t i = 0; good && i < part.size(); ++i) {
      const bool last = i + 1 == part.size();
      good = part[i].line == whole[i].line && (part[i].sql == whole[i].sql || (last && whole[i].sql.starts_with(part[i].sql)) ||
                                               (last && part[i].sql.starts_with(whole[i].sql)));
    }
    if (good) continue;
    INFO(std::string(format) << " cut at " << cut << ": " << (part.empty() ? "" : part.back().sql));
    REQUIRE(false);
  }
}

/// DOS line ends and a byte order mark change nothing.
inline void check_dos_lines(const std::string& bytes, std::string_view format) {
  std::string dos = "\xEF\xBB\xBF";
  for (const char c : bytes) {
    if (c == '\n') dos += '\r';
    dos += c;
  }
  const OrmLog ours = read_orm_log(dos, format), theirs = read_orm_log(bytes, format);
  CHECK(ours.sql() == theirs.sql());
  CHECK(ours.counts.unrecognised_lines == theirs.counts.unrecognised_lines);
  REQUIRE(ours.statements.size() == theirs.statements.size());
  for (size_t i = 0; i < ours.statements.size(); ++i) {
    CHECK(ours.statements[i].params == theirs.statements[i].params);
    CHECK(ours.statements[i].session == theirs.statements[i].session);
  }
}

/// Bytes changed at random: no crash, and no more records than lines.
inline void check_noise(const std::string& bytes, std::string_view format, int rounds) {
  uint64_t state = 88172645463325252ULL;
  const auto random = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  for (int round = 0; round < rounds; ++round) {
    std::string noisy = bytes;
    for (int i = 0; i < 40; ++i) {
      const size_t at = random() % noisy.size();
      switch (random() % 4) {
        case 0: noisy[at] = static_cast<char>(random()); break;
        case 1: noisy.erase(at, random() % 20); break;
        case 2: noisy.insert(at, 1, "\n\t'\"\\ \0[]{}`"[random() % 12]); break;
        default: noisy.insert(at, noisy.substr(random() % noisy.size(), random() % 200));
      }
    }
    const OrmLog log = read_orm_log(noisy, format);
    CHECK(log.counts.statements == log.statements.size());
    for (size_t i = 1; i < log.statements.size(); ++i) REQUIRE(log.statements[i - 1].line <= log.statements[i].line);
  }
}

}  // namespace dbaudit
