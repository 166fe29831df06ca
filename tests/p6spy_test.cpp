// p6spy. The fixtures are runs of one program on H2 under each of p6spy's formats.

#include "tests/app_logs_test.h"

namespace dbaudit {
namespace {

const std::string kUrl = "url jdbc:p6spy:h2:mem:shop";

}  // namespace

TEST_CASE("p6spy: the fixtures, every format and what each of their entries is") {
  struct Case {
    const char* name;
    size_t records, statements, commits;
  };
  // Counted with grep: `|statement|`, `|commit|`, `|rollback|`; all_categories has 6 lines `|batch|`, of which 2 repeat a row at executeBatch().
  for (const Case& c : {Case{"single", 28, 28, 7}, {"multi", 28, 28, 7}, {"custom", 27, 27, 6}, {"slf4j", 27, 27, 6}}) {
    INFO(c.name);
    const std::string bytes = fixture("p6spy/" + std::string(c.name) + ".log");
    const Format* format = detect_format(bytes, {});
    REQUIRE(format != nullptr);
    CHECK(format->name == "p6spy");
    const KeptLog log = keep_log(bytes, "p6spy");
    CHECK(log.records.size() == c.records);
    const std::vector<KeptRecord> s = log.statements();
    CHECK(s.size() == c.statements);
    size_t commits = 0;
    for (const KeptRecord& r : s) {
      commits += r.sql == "COMMIT";
      CHECK_FALSE(r.session.empty());
      CHECK(r.fields.end_time.zone_known);
      CHECK(r.fields.end_time.micros - r.fields.time.micros == r.fields.duration_us);
      CHECK(r.fields.tx_boundary == TxBoundary::kInferred);
      CHECK_FALSE(r.fields.truncated);
      CHECK(r.sql.find('|') == std::string::npos);
    }
    CHECK(commits == c.commits);
    CHECK(std::any_of(s.begin(), s.end(), [](const KeptRecord& r) {
      return r.sql == "update acct set at='2026-01-02T03:04:05.000+0000',bal=9,name=NULL,version=1 where id=2 and version=0" ||
             r.sql == "update acct set at='2026-01-02T03:04:05.000+0000',bal=7,name='a1',version=1 where id=1 and version=0";
    }));
    CHECK((log.counts.incomplete == std::vector<std::string>{"no-transaction-boundaries"}));
  }
}

TEST_CASE("p6spy: every category, executeBatch()'s repeats dropped") {
  const KeptLog log = keep_log(fixture("p6spy/all_categories.log"), "p6spy");
  CHECK(log.records.size() == 43);
  std::vector<std::string> inserts;
  for (const KeptRecord& r : log.statements()) {
    if (r.sql.starts_with("insert into acct (at")) inserts.push_back(r.sql.substr(r.sql.rfind(',')));
  }
  CHECK((inserts == std::vector<std::string>{",1)", ",2)", ",3)", ",9)"}));
  CHECK_FALSE(log.statements()[0].fields.end_time.zone_known);  // dateformat
}

TEST_CASE("p6spy: forms of an entry") {
  struct Case {
    std::string line, sql, session;
    bool truncated;
  };
  const Case cases[] = {
      {"1795248704908|6|statement|connection 3|" + kUrl + "|select ?|select 'a|b'", "select 'a|b'", "3", false},
      {"1795248704908|6|statement|connection 3|" + kUrl + "|select 'a|b' where x=?|select 'a|b' where x='|'", "select 'a|b' where x='|'",
       "3", false},
      {"1795248704908|6|statement|connection 3|" + kUrl + "|select 'a|b'|select 'a|b'", "select 'a|b'", "3", false},
      {"1795248704908|6|statement|connection 3|select 1|select 1", "select 1", "3", false},
      {"1795248704908|6|3|statement|select ?|select 1", "select 1", "3", false},
      {"1795248704908|6|statement|connection3|select 'a|b'", "select 'a|b'", "3", false},
      {"20-Nov-26 14:37:19|6|statement|connection 3|" + kUrl + "|select ?|select 1", "select 1", "3", false},
      {"x | y 2026-11-20 INFO p6spy - 1795248704908|6|statement|connection 3|" + kUrl + "||select 1", "select 1", "3", false},
      {"1795248704908|6|statement|connection 3|" + kUrl + "|insert into a values (?, ?)|insert into a values ('x",
       "insert into a values (?, ?)", "3", true},
      {"1795248704908|0|rollback|connection 12|" + kUrl + "||", "ROLLBACK", "12", false},
      {"#1795248704908 | took 4ms | statement | connection 3| " + kUrl +
           "\nselect ?\nfrom a\nselect '\n#1 | took 4ms | commit | connection 3| url\n;'\nfrom a;",
       "select '\n#1 | took 4ms | commit | connection 3| url\n;'\nfrom a", "3", false},
  };
  for (const Case& c : cases) {
    INFO(c.line);
    const KeptLog log = keep_log(c.line + "\n", "p6spy");
    const std::vector<KeptRecord> s = log.statements();
    REQUIRE(s.size() == 1);
    CHECK(s[0].sql == c.sql);
    CHECK(s[0].session == c.session);
    CHECK(s[0].fields.truncated == c.truncated);
    CHECK(find_format("p6spy")->score(c.line + "\n", {}) >= 600);
  }
}

TEST_CASE("p6spy: lines that only look like its own") {
  for (const char* line : {"a|1|b|c", "1|2|statement|x|y", "2026-11-20|20101|INFO|Some.Logger|Executed", "|||||",
                           "1795248704908|6|statement|connection x|url|a|b"}) {
    INFO(line);
    const KeptLog log = keep_log(std::string(line) + "\n", "p6spy");
    CHECK(log.records.empty());
    CHECK(log.counts.unrecognised_lines == 1);
    CHECK(find_format("p6spy")->score(line, {}) == 0);
  }
}

TEST_CASE("p6spy: sessions shuffled among each other keep their statements") {
  const std::string text = fixture("p6spy/single.log");
  std::vector<std::string> lines, shuffled;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  shuffled = lines;
  std::stable_sort(shuffled.begin(), shuffled.end(), [](const std::string& a, const std::string& b) {
    return a.substr(a.find("connection"), 12) < b.substr(b.find("connection"), 12);
  });
  std::string joined;
  for (const std::string& line : shuffled) joined += line + "\n";
  const auto of = [](const KeptLog& log, const std::string& session) {
    std::vector<std::string> out;
    for (const KeptRecord& r : log.statements()) {
      if (r.session == session) out.push_back(r.sql);
    }
    return out;
  };
  const KeptLog a = keep_log(text, "p6spy"), b = keep_log(joined, "p6spy");
  for (const char* session : {"0", "1", "2"}) CHECK(of(a, session) == of(b, session));
}

TEST_CASE("p6spy: damaged logs", "[slow]") {
  for (const std::string& name : fixture_names("p6spy")) {
    INFO(name);
    const std::string bytes = fixture(name);
    check_app_cuts(bytes, "p6spy", 4096);
    check_damage(bytes, "p6spy", 40, two_records_a_line);
    check_dos_lines(bytes, "p6spy", true);
  }
  const std::string big(5 << 20, '|');
  const KeptLog log = keep_log("1795248704908|6|statement|connection 3|" + kUrl + "|select '" + big + "'|select '" + big + "'\n", "p6spy");
  REQUIRE(log.statements().size() == 1);
  CHECK(log.statements()[0].sql.size() == big.size() + 9);
}

}  // namespace dbaudit
