#pragma once
// What every reader of an ORM's log must hold to, whatever the format: checks that take a log and a format's name.

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

/// Cut anywhere, a log holds the same statements up to there: the last may be less than it was, never another, and none is added.
inline void check_orm_cuts(const std::string& bytes, std::string_view format, size_t step = 1) {
  check_cuts(bytes, format, {.dense = 0, .step = step},
             [](const std::vector<KeptRecord>& part, size_t i, const std::vector<KeptRecord>& whole) {
               const std::string &ours = part[i].sql, &theirs = whole[i].sql;
               const bool last = i + 1 == part.size();
               return part[i].fields.line == whole[i].fields.line &&
                      (ours == theirs || (last && (theirs.starts_with(ours) || ours.starts_with(theirs))));
             });
}

/// For check_damage().
inline void statements_in_order(const KeptLog& log, size_t) {
  const std::vector<KeptRecord> statements = log.statements();
  for (size_t i = 1; i < statements.size(); ++i) REQUIRE(statements[i - 1].fields.line <= statements[i].fields.line);
}

}  // namespace dbaudit
