#pragma once
// What a reader makes of some bytes, as values a test can keep.

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/log/reader.h"
#include "analyzers/log/source.h"
#include "tests/catch.h"

namespace dbaudit {

struct KeptRecord {
  LogRecord fields;  ///< its views are dead; numbers and flags are good
  std::string session, app, user, database, sql, txid, error_code, error_message;
  std::vector<std::optional<std::string>> params;
};

struct KeptLog {
  std::vector<KeptRecord> records;
  ReaderCounts counts;

  [[nodiscard]] std::vector<KeptRecord> statements() const {
    std::vector<KeptRecord> result;
    for (const KeptRecord& r : records) {
      if (r.fields.kind == RecordKind::kStatement) result.push_back(r);
    }
    return result;
  }
};

inline std::vector<KeptRecord> keep_all(RecordReader& reader) {
  std::vector<KeptRecord> records;
  LogRecord r;
  while (reader.next(r)) {
    KeptRecord kept{r,
                    std::string(r.session),
                    std::string(r.app),
                    std::string(r.user),
                    std::string(r.database),
                    std::string(r.sql),
                    std::string(r.txid),
                    std::string(r.error_code),
                    std::string(r.error_message),
                    {}};
    for (const BindValue& v : r.params) kept.params.push_back(v.is_null ? std::nullopt : std::optional<std::string>(v.text));
    records.push_back(std::move(kept));
  }
  return records;
}

inline KeptLog keep_log(const std::string& bytes, std::string_view format, const ReaderOptions& options = {}) {
  const Format* found = find_format(format);
  REQUIRE(found != nullptr);
  auto reader = found->open(std::make_unique<Lines>(memory_source(bytes)), options);
  KeptLog log;
  log.records = keep_all(*reader);
  log.counts = reader->counts();
  return log;
}

inline std::string fixture(const std::string& name) {
  std::ifstream file(std::string(DBAUDIT_SOURCE_DIR) + "/fixtures/logs/" + name, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace dbaudit
