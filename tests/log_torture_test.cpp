// Every log we have, of every format, cut, bent and mixed: no crash, no event that was not in it, and what was lost is told. The whole of it takes
// minutes, so it runs when asked for: dbaudit_tests "[torture]"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "analyzers/log/envelope.h"
#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace fs = std::filesystem;

namespace dbaudit {
namespace {

struct Log {
  std::string name, bytes;
  const Format* format = nullptr;
};

/// Logs of a known format, envelopes and all, in the tree and beside it.
const std::vector<Log>& logs() {
  static const std::vector<Log> all = [] {
    std::vector<Log> found;
    const fs::path root(DBAUDIT_SOURCE_DIR);
    for (const fs::path& directory : {root / "fixtures/logs", root / "../shared/logs"}) {
      if (!fs::is_directory(directory)) {
        std::fprintf(stderr, "SKIPPED: %s is not there\n", directory.filename().c_str());
        continue;
      }
      std::vector<fs::path> files;
      for (const auto& entry : fs::recursive_directory_iterator(directory)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
      std::sort(files.begin(), files.end());
      for (const fs::path& file : files) {
        Log log{file.lexically_relative(directory).string(), read_bytes(file), nullptr};
        log.format = detect_format(std::string_view(log.bytes).substr(0, size_t{64} << 10), {});
        if (log.format != nullptr) found.push_back(std::move(log));
      }
    }
    return found;
  }();
  return all;
}

struct Seen {
  std::vector<KeptRecord> statements;
  std::map<uint64_t, std::vector<size_t>> by_line;
  size_t records = 0;
  ReaderCounts counts;
};

Seen see(const Format& format, std::string bytes) {
  Seen seen;
  auto reader = format.open(std::make_unique<Lines>(memory_source(std::move(bytes))), {});
  for (KeptRecord& r : keep_all(*reader)) {
    ++seen.records;
    if (r.fields.kind != RecordKind::kStatement) continue;
    seen.by_line[r.fields.line].push_back(seen.statements.size());
    seen.statements.push_back(std::move(r));
  }
  seen.counts = reader->counts();
  return seen;
}

/// A session that a beginning does not tell yet (one thread name is nobody's session, two are two) is not another one.
bool is_in(const KeptRecord& statement, const Seen& whole) {
  const auto here = whole.by_line.find(statement.fields.line);
  return here != whole.by_line.end() && std::any_of(here->second.begin(), here->second.end(), [&](size_t i) {
           return whole.statements[i].sql == statement.sql &&
                  (statement.session.empty() || whole.statements[i].session == statement.session);
         });
}

/// Statements in front of the line where the last entry may begin.
size_t settled(const Seen& seen, uint64_t last_line) {
  size_t count = 0;
  for (const auto& [line, statements] : seen.by_line) {
    if (line + 1 < last_line) count += statements.size();
  }
  return count;
}

/// Statements of a log's beginning that the whole log has not. The last entries may have lost their ends.
size_t invented(const Seen& part, const Seen& whole, uint64_t last_lines) {
  size_t count = 0;
  for (const KeptRecord& s : part.statements) {
    if (!is_in(s, whole) && s.fields.line + 1 < last_lines) ++count;
  }
  return count;
}

uint64_t lines_in(std::string_view s) { return static_cast<uint64_t>(std::count(s.begin(), s.end(), '\n')) + 1; }

}  // namespace

TEST_CASE("torture: each log cut at every byte of its first 16 KiB", "[.][torture]") {
  for (const Log& log : logs()) {
    INFO(log.name << " as " << log.format->name);
    const std::string head = log.bytes.substr(0, size_t{16} << 10);
    const Seen whole = see(*log.format, log.bytes);
    for (size_t cut = 0; cut <= head.size(); ++cut) {
      const std::string part = head.substr(0, cut);
      const Seen seen = see(*log.format, part);
      // An entry reaches as far back as the cut's own entry begins: the lines of the last statement seen.
      const uint64_t tail = seen.statements.empty() ? 0 : seen.statements.back().fields.line;
      const size_t wrong = invented(seen, whole, tail);
      const size_t have = settled(seen, tail), had = settled(whole, tail);
      if (wrong != 0 || have != had) {
        INFO("cut at " << cut << ": " << wrong << " invented, " << have << " of " << had << " in front of line " << tail);
        CHECK(false);
        break;
      }
    }
  }
  SUCCEED(logs().size() << " logs");
}

TEST_CASE("torture: each log cut at every line", "[.][torture]") {
  for (const Log& log : logs()) {
    INFO(log.name << " as " << log.format->name);
    const Seen whole = see(*log.format, log.bytes);
    // Every line, or as many as make half a gigabyte of reading.
    const size_t stride = 1 + log.bytes.size() / 1000 * lines_in(log.bytes) / 1'000'000;
    size_t line = 0;
    for (size_t at = 0; at < log.bytes.size(); ++line) {
      at = std::min(log.bytes.find('\n', at), log.bytes.size() - 1) + 1;
      if (line % stride != 0) continue;
      const Seen seen = see(*log.format, log.bytes.substr(0, at));
      const uint64_t tail = seen.statements.empty() ? 0 : seen.statements.back().fields.line;
      const size_t wrong = invented(seen, whole, tail);
      const size_t have = settled(seen, tail), had = settled(whole, tail);
      if (wrong != 0 || have != had) {
        INFO("cut behind line " << line + 1 << ": " << wrong << " invented, " << have << " of " << had << " in front of line " << tail);
        CHECK(false);
        break;
      }
    }
  }
}

TEST_CASE("torture: each log with DOS line ends, and twice over", "[.][torture]") {
  for (const Log& log : logs()) {
    INFO(log.name << " as " << log.format->name);
    const Seen whole = see(*log.format, log.bytes);
    CHECK(see(*log.format, with_dos_lines(log.bytes)).statements.size() == whole.statements.size());
    const std::string once = log.bytes + (log.bytes.ends_with('\n') ? "" : "\n");
    const Seen twice = see(*log.format, once + once);
    CHECK(twice.statements.size() >= whole.statements.size());
    CHECK(twice.statements.size() <= 2 * whole.statements.size() + 1);
  }
}

TEST_CASE("torture: each log with NULs, broken UTF-8, lost and strange lines", "[.][torture]") {
  Random random;
  for (const Log& log : logs()) {
    INFO(log.name << " as " << log.format->name);
    const std::string bytes = log.bytes.substr(0, size_t{200} << 10);
    for (int round = 0; round < 40; ++round) {
      std::string bent = bytes;
      for (int i = 0; i < 60 && !bent.empty(); ++i) {
        const size_t at = random.next() % bent.size();
        switch (random.next() % 5) {
          case 0: bent[at] = '\0'; break;
          case 1: bent[at] = '\xFF'; break;
          case 2: bent.erase(at, random.next() % 200); break;
          case 3: bent.insert(at, "\n\x1B[31m\xED\xA0\x80 2026-11-20 '\"\n", 24); break;
          default: {
            const size_t begin = bent.rfind('\n', at) + 1;
            const size_t end = std::min(bent.find('\n', at), bent.size() - 1) + 1;
            bent.insert(bent.rfind('\n', random.next() % bent.size()) + 1, bent.substr(begin, end - begin));
          }
        }
      }
      const Seen seen = see(*log.format, bent);
      // Readers that split one entry into several statements (executemany, several binds) are held to the bytes, not to the lines.
      CHECK(seen.counts.statements == seen.statements.size());
      CHECK(seen.records + seen.counts.unrecognised_lines <= bent.size() + 1);
    }
  }
}

TEST_CASE("torture: a line of 10 MB in the middle of each log", "[.][torture]") {
  for (const Log& log : logs()) {
    INFO(log.name << " as " << log.format->name);
    const std::string bytes = log.bytes.substr(0, log.bytes.rfind('\n', size_t{60} << 10) + 1);
    if (bytes.empty()) continue;
    const Seen whole = see(*log.format, bytes);
    const Seen seen = see(*log.format, bytes + std::string(size_t{10} << 20, 'x') + "\n" + bytes);
    CHECK(seen.statements.size() + 2 >= whole.statements.size());
    CHECK(seen.statements.size() <= 2 * whole.statements.size() + 2);
  }
}

}  // namespace dbaudit
