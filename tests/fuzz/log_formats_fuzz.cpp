// libFuzzer target: any bytes through the reader and the scorer of every log format, with what must hold of each record.
//
//   clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -I. tests/fuzz/log_formats_fuzz.cpp analyzers/base/*.cpp analyzers/log/*.cpp
//     analyzers/log/formats/*.cpp -lfmt -lxxhash -lsimdjson -lz -lbz2 -lzstd -o log_formats_fuzz
//   ./log_formats_fuzz -max_total_time=600 corpus fixtures/logs/django
//
// DBAUDIT_FUZZ_FORMAT=mysql-slow,django keeps it to those formats.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/reader.h"

namespace {

using namespace dbaudit;

void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

uint64_t bytes_seen = 0;
void touch(std::string_view text) {  // the sanitizer looks at every byte handed out
  for (const char c : text) bytes_seen += static_cast<unsigned char>(c);
}

void read_all(const Format& format, const std::string& text) {
  ReaderOptions options;
  options.engine = text.size() % 3 == 0 ? Engine::kMySql : Engine::kUnknown;
  const int score = format.score(text, options);
  check(score >= 0 && score <= 1000, "a score lies in 0..1000");
  auto reader = format.open(std::make_unique<Lines>(memory_source(text)), options);
  LogRecord record;
  uint64_t statements = 0;
  while (reader->next(record)) {
    check(record.line >= 1 && record.line <= text.size() + 1, "a record begins on a line of the log");
    if (record.kind == RecordKind::kStatement) {
      ++statements;
      check(!record.sql_unknown || record.sql.empty(), "a text that is not known is not there (an empty query has one: nothing)");
    }
    for (const std::string_view view : {record.session, record.app, record.user, record.database, record.sql, record.txid,
                                        record.error_code, record.error_message, record.source_file}) {
      touch(view);
    }
    for (const BindValue& v : record.params) touch(v.text);
    for (const Tag& t : record.tags) touch(t.name), touch(t.value);
    check(statements <= text.size(), "a log ends");
  }
  check(reader->counts().statements == statements, "statements are counted as delivered");
  check(!reader->next(record), "the end is the end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<const Format*> formats = [] {
    const char* only = std::getenv("DBAUDIT_FUZZ_FORMAT");
    std::vector<const Format*> chosen;
    for (const std::string_view name : split(only == nullptr ? "" : only, ',')) {
      if (const Format* format = find_format(name)) chosen.push_back(format);
    }
    if (chosen.empty()) chosen.assign(all_formats().begin(), all_formats().end());
    return chosen;
  }();
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const Format* format : formats) read_all(*format, text);
  return 0;
}
