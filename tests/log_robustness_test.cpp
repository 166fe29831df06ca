// Whatever happens to a server's log on its way here: no crash, and no event that was not in it.

#include <algorithm>
#include <filesystem>

#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace fs = std::filesystem;

namespace dbaudit {
namespace {

struct Fixture {
  std::string name, format, bytes;
};

std::vector<Fixture> fixtures() {
  std::vector<Fixture> result;
  for (const auto& [directory, format] : {std::pair{"postgres_stderr", "postgres-stderr"}, {"mysql_general", "mysql-general"}}) {
    for (const auto& file : fs::directory_iterator(fs::path(DBAUDIT_SOURCE_DIR) / "fixtures/logs" / directory)) {
      if (file.path().extension() != ".log") continue;
      const std::string name = std::string(directory) + "/" + file.path().filename().string();
      result.push_back({name, format, fixture(name)});
    }
  }
  REQUIRE(result.size() >= 7);
  return result;
}

std::string without_cr(std::string s) {
  s.erase(std::remove(s.begin(), s.end(), '\r'), s.end());
  return s;
}

}  // namespace

TEST_CASE("robust: a log cut at any byte holds the same events up to there", "[slow]") {
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    const std::vector<KeptRecord> whole = keep_log(f.bytes, f.format).records;
    for (size_t cut = 0; cut < std::min<size_t>(f.bytes.size(), 4096); ++cut) {
      const std::vector<KeptRecord> part = keep_log(f.bytes.substr(0, cut), f.format).records;
      REQUIRE(part.size() <= whole.size());
      for (size_t i = 0; i < part.size(); ++i) {
        const bool is_last = i + 1 == part.size();
        const bool is_same =
            part[i].sql == whole[i].sql && part[i].fields.kind == whole[i].fields.kind && part[i].fields.line == whole[i].fields.line;
        // Only the last may be less than it was; never more, never another.
        // A statement of the general log may have got the beginning of a banner, which no one can tell from its next line.
        const bool is_less = is_last && part[i].fields.line == whole[i].fields.line &&
                             (whole[i].sql.starts_with(part[i].sql) || whole[i].fields.kind != RecordKind::kStatement ||
                              part[i].sql.starts_with(whole[i].sql + "\n"));
        if (!is_same && !is_less) {
          INFO("cut at " << cut << ", record " << i << ": " << part[i].sql << " for " << whole[i].sql);
          REQUIRE(false);
        }
      }
    }
  }
}

TEST_CASE("robust: DOS line ends and a byte order mark change nothing") {
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    std::string dos = "\xEF\xBB\xBF";
    for (char c : f.bytes) {
      if (c == '\n') dos += '\r';
      dos += c;
    }
    const std::vector<KeptRecord> whole = keep_log(f.bytes, f.format).records;
    const KeptLog ours = keep_log(dos, f.format);
    REQUIRE(ours.records.size() == whole.size());
    CHECK(ours.counts.unrecognised_lines == 0);
    for (size_t i = 0; i < whole.size(); ++i) {
      CHECK(without_cr(ours.records[i].sql) == whole[i].sql);
      CHECK((ours.records[i].params == whole[i].params));
      CHECK(ours.records[i].fields.kind == whole[i].fields.kind);
      CHECK(ours.records[i].session == whole[i].session);
    }
  }
}

TEST_CASE("robust: NULs and broken UTF-8 inside a statement survive") {
  const std::string odd("a\0b\xFF\xC3(\xED\xA0\x80", 9);
  const KeptLog pg = keep_log("2026-11-20 10:00:00.000 UTC [10] LOG:  execute <unnamed>: SELECT $1, '" + odd +
                                  "'\n2026-11-20 10:00:00.000 UTC [10] DETAIL:  parameters: $1 = '" + odd + "'\n",
                              "postgres-stderr");
  REQUIRE(pg.statements().size() == 1);
  CHECK((pg.statements()[0].sql == "SELECT $1, '" + odd + "'"));
  CHECK((pg.statements()[0].params.at(0) == odd));
  const KeptLog my = keep_log("\t\t    4 Query\tSELECT '" + odd + "'\n", "mysql-general");
  REQUIRE(my.statements().size() == 1);
  CHECK((my.statements()[0].sql == "SELECT '" + odd + "'"));
}

TEST_CASE("robust: bytes changed at random make no more records than there are lines", "[slow]") {
  uint64_t state = 88172645463325252ULL;
  const auto random = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    for (int round = 0; round < 60; ++round) {
      std::string bytes = f.bytes;
      for (int i = 0; i < 40; ++i) {
        const size_t at = random() % bytes.size();
        switch (random() % 4) {
          case 0: bytes[at] = static_cast<char>(random()); break;
          case 1: bytes.erase(at, random() % 20); break;
          case 2: bytes.insert(at, 1, "\n\t'\"\\ \0:`"[random() % 10]); break;
          default: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 200));
        }
      }
      const KeptLog log = keep_log(bytes, f.format);
      const auto lines = static_cast<size_t>(std::count(bytes.begin(), bytes.end(), '\n')) + 1;
      CHECK(log.records.size() + log.counts.unrecognised_lines <= lines);
      CHECK(log.counts.records == log.records.size());
      CHECK(log.counts.statements == log.statements().size());
      for (size_t i = 1; i < log.records.size(); ++i) REQUIRE(log.records[i - 1].fields.line < log.records[i].fields.line);
      (void)detect_format(std::string_view(bytes).substr(0, 65536), {});
    }
  }
}

TEST_CASE("robust: a line of 10 MB is one statement, and one over the cap is marked as cut") {
  for (const auto& [format, before, after] : {std::tuple{"postgres-stderr", "2026-11-20 10:00:00.000 UTC [10] LOG:  statement: SELECT '",
                                                         "2026-11-20 10:00:00.001 UTC [10] LOG:  statement: SELECT 2\n"},
                                              {"mysql-general", "\t\t    4 Query\tSELECT '", "\t\t    4 Query\tSELECT 2\n"}}) {
    INFO(format);
    for (size_t size : {size_t{10} << 20, size_t{20} << 20}) {
      const KeptLog log = keep_log(before + std::string(size, 'x') + "'\n" + after, format);
      REQUIRE(log.statements().size() == 2);
      const bool is_cut = size > size_t{16} << 20;
      CHECK(log.statements()[0].fields.truncated == is_cut);
      CHECK((is_cut ? log.statements()[0].sql.size() < size : log.statements()[0].sql.size() == size + 9));
      CHECK(log.statements()[1].sql == "SELECT 2");
      CHECK(log.counts.truncated_statements == (is_cut ? 1U : 0U));
    }
  }
}

}  // namespace dbaudit
