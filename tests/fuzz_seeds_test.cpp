// What the fuzzers once tripped over stays fixed: each input goes through every log format, as tests/fuzz/log_formats_fuzz.cpp does it.

#include <filesystem>
#include <fstream>

#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace fs = std::filesystem;

namespace dbaudit {

TEST_CASE("fuzz: inputs that once broke a log reader are read to their end by all") {
  size_t seen = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(DBAUDIT_SOURCE_DIR) / "tests/fuzz/log_formats")) {
    INFO(entry.path().filename().string());
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    for (const Format* format : all_formats()) {
      const KeptLog log = keep_log(bytes, format->name);
      CHECK(log.counts.statements == log.statements().size());
    }
    ++seen;
  }
  CHECK(seen >= 4);
}

}  // namespace dbaudit
