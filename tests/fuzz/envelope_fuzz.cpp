// libFuzzer target: any bytes as a log whose envelope and format are to be found.
//
//   ./envelope_fuzz -max_total_time=600 corpus tests/fuzz/envelope

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "analyzers/log/envelope.h"

namespace {

void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dbaudit;
  const std::string text(reinterpret_cast<const char*>(data), size);
  OpenedLog log = open_records(std::make_unique<Lines>(memory_source(text)), nullptr, {});
  check((log.format == nullptr) == (log.reader == nullptr), "a log is read when its format is known");
  if (log.reader == nullptr) return 0;
  uint64_t lines = 1;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  LogRecord record;
  while (log.reader->next(record)) check(record.line >= 1 && record.line <= lines, "a record begins on a line of the file");
  check(log.lines->bytes_read() == text.size(), "every byte is read");
  return 0;
}
