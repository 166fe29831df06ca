// What happens to the logs of MySQL, MariaDB and SQLite on their way here: cut anywhere, DOS line ends, bytes changed. No crash, and no
// statement that was not in the log.

#include <algorithm>
#include <map>

#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

struct Fixture {
  std::string name, format, bytes;
};

const std::pair<const char*, const char*> kDirectories[] = {{"mysql_slow", "mysql-slow"},
                                                            {"mysql_general_table", "mysql-general"},
                                                            {"mysql_perf_schema", "mysql-perf-schema"},
                                                            {"mariadb_audit", "mariadb-audit"},
                                                            {"innodb_status", "innodb-status"},
                                                            {"sqlite_trace", "sqlite-trace"},
                                                            {"sql", "sql"}};

std::vector<Fixture> fixtures() {
  std::vector<Fixture> result;
  for (const auto& [directory, format] : kDirectories) {
    for (const std::string& name : fixture_names(directory)) {
      if (!name.ends_with(".md")) result.push_back({name, format, fixture(name)});
    }
    REQUIRE((!result.empty() && result.back().format == format));
  }
  return result;
}

}  // namespace

TEST_CASE("mysql logs: each fixture is claimed by its own format") {
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    const Format* format = detect_format(std::string_view(f.bytes).substr(0, 65536), {});
    REQUIRE(format != nullptr);
    CHECK(format->name == f.format);
    for (const Format* other : all_formats()) {
      INFO("beside " << other->name);
      // Some hold another log in a literal: less sure of it is enough.
      const std::string_view head = std::string_view(f.bytes).substr(0, 65536);
      if (other != format) CHECK(other->score(head, {}) * 3 < format->score(head, {}) * 2);
    }
  }
}

TEST_CASE("mysql logs: cut at any byte they hold the same statements up to there", "[slow]") {
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    const KeptLog whole = keep_log(f.bytes, f.format);
    std::multimap<uint64_t, const KeptRecord*> by_line;
    for (const KeptRecord& r : whole.records) {
      if (r.fields.kind == RecordKind::kStatement) by_line.emplace(r.fields.line, &r);
    }
    // Every byte of the first lines, then every seventh.
    for (size_t cut = 0; cut < f.bytes.size(); cut += kCutStride * (cut < 3000 ? 1 : 7)) {
      const KeptLog part = keep_log(f.bytes.substr(0, cut), f.format);
      REQUIRE(part.statements().size() <= whole.statements().size() + 1);
      uint64_t last = 0;
      for (const KeptRecord& r : part.records) last = std::max(last, r.fields.line);
      for (const KeptRecord& r : part.statements()) {
        bool is_known = r.fields.sql_unknown;
        const auto [from, to] = by_line.equal_range(r.fields.line);
        for (auto i = from; i != to; ++i) {
          const std::string& sql = i->second->sql;
          // The last may be less than it was, or have kept the beginning of the next header.
          is_known = is_known || r.sql == sql || (r.fields.line == last && (sql.starts_with(r.sql) || r.sql.starts_with(sql)));
          // In a packet whose next part is missing, the part before still has its text.
          is_known = is_known || (f.format == "mysql-perf-schema" && r.sql.starts_with(sql));
        }
        // A PREPARE or a command of which only the beginning is left.
        is_known = is_known || (from == to && r.fields.line == last);
        if (!is_known) {
          INFO("cut at " << cut << ", line " << r.fields.line << ": " << r.sql);
          REQUIRE(false);
        }
      }
    }
  }
}

TEST_CASE("mysql logs: DOS line ends and a byte order mark change nothing") {
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    const Format* format = detect_format("\xEF\xBB\xBF" + with_dos_lines(f.bytes), {});
    REQUIRE(format != nullptr);
    CHECK(format->name == f.format);
    check_dos_lines(f.bytes, f.format, true);
  }
}

TEST_CASE("mysql logs: bytes changed at random", "[slow]") {
  for (const Fixture& f : fixtures()) {
    INFO(f.name);
    check_damage(f.bytes, f.format, 60, [](const KeptLog& log, size_t) { CHECK(log.counts.records == log.records.size()); });
  }
}

TEST_CASE("mysql logs: NULs, a line of 10 MB, one over the cap") {
  const std::string odd("a\0b\xFF\xC3(\xED\xA0\x80", 9);
  struct Case {
    const char *format, *before, *after, *next;
  };
  const Case cases[] = {
      {"mysql-slow",
       "# Time: 2026-03-02T09:15:04.120733Z\n# User@Host: a[a] @ h []  Id: 8\n# Query_time: 0.1  Lock_time: 0.0\nSET timestamp=1;\nSELECT "
       "'",
       "';\n", "# Time: 2026-03-02T09:15:05.120733Z\n# User@Host: a[a] @ h []  Id: 8\n# Query_time: 0.1\nSET timestamp=1;\nSELECT 2;\n"},
      {"mariadb-audit", "20260302 09:15:04,d,u,h,8,1,QUERY,o,'SELECT \\'", "\\'',0\n",
       "20260302 09:15:04,d,u,h,8,2,QUERY,o,'SELECT 2',0\n"},
      {"mysql-perf-schema", "THREAD_ID\tEVENT_ID\tSQL_TEXT\n1\t1\tSELECT '", "'\n", "1\t2\tSELECT 2\n"},
      {"sql", "SELECT '", "';\n", "SELECT 2;\n"},
      {"sqlite-trace", "SELECT '", "';\n", "SELECT 2;\n"},
  };
  for (const Case& c : cases) {
    INFO(c.format);
    const KeptLog small = keep_log(c.before + odd + c.after + c.next, c.format);
    REQUIRE(small.statements().size() == 2);
    CHECK((small.statements()[0].sql == "SELECT '" + odd + "'"));
    CHECK((small.statements()[1].sql == "SELECT 2"));
    for (size_t size : {size_t{10} << 20, size_t{20} << 20}) {
      INFO(size);
      const KeptLog log = keep_log(c.before + std::string(size, 'x') + c.after + c.next, c.format);
      const bool is_cut = size > size_t{16} << 20;
      REQUIRE(log.statements().size() >= 1);
      CHECK((log.statements().back().sql == "SELECT 2"));
      if (!is_cut) {
        REQUIRE(log.statements().size() == 2);
        CHECK(log.statements()[0].sql.size() == size + 9);
        CHECK_FALSE(log.statements()[0].fields.truncated);
      }
    }
  }
}

}  // namespace dbaudit
