// Whatever happens to a server's log on its way here: no crash, and no event that was not in it.

#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

struct Fixture {
  std::string name, format, bytes;
};

std::vector<Fixture> fixtures() {
  std::vector<Fixture> result;
  for (const auto& [directory, format] : {std::pair{"postgres_stderr", "postgres-stderr"}, {"mysql_general", "mysql-general"}}) {
    for (const std::string& name : fixture_names(directory, ".log")) result.push_back({name, format, fixture(name)});
  }
  REQUIRE(result.size() >= 7);
  return result;
}

}  // namespace

TEST_CASE("robust: a log cut at any byte holds the same events up to there", "[slow]") {
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    check_cuts(f.bytes, f.format, {.limit = 4096, .statements = false},
               [](const std::vector<KeptRecord>& part, size_t i, const std::vector<KeptRecord>& whole) {
                 const KeptRecord &ours = part[i], &theirs = whole[i];
                 if (ours.fields.line != theirs.fields.line) return false;
                 if (ours.sql == theirs.sql && ours.fields.kind == theirs.fields.kind) return true;
                 // Only the last may be less than it was; never more, never another.
                 // A statement of the general log may have got the beginning of a banner, which no one can tell from its next line.
                 return i + 1 == part.size() && (theirs.sql.starts_with(ours.sql) || theirs.fields.kind != RecordKind::kStatement ||
                                                 ours.sql.starts_with(theirs.sql + "\n"));
               });
  }
}

TEST_CASE("robust: DOS line ends and a byte order mark change nothing") {
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    CHECK(keep_log(f.bytes, f.format).counts.unrecognised_lines == 0);
    check_dos_lines(f.bytes, f.format, true);
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
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    check_damage(f.bytes, f.format, 60, one_record_a_line);
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
