#include "analyzers/log/formats/syslog_line.h"
#include "tests/postgres_workload.h"

namespace dbaudit {
namespace {

using Params = std::vector<std::optional<std::string>>;

KeptLog keep(const std::string& bytes) { return keep_log(bytes, "postgres-syslog"); }

std::string line(int pid, const std::string& number, const std::string& text) {
  return "Mar  2 09:15:04 db1 postgres[" + std::to_string(pid) + "]: " + number + text + "\n";
}
const std::string kPrefix = "shop@orders 5/12 ";

}  // namespace

TEST_CASE("syslog: the headers of daemons") {
  struct Case {
    const char *line, *host, *program, *pid;
    uint64_t sequence, part;
    const char *text, *time;
  };
  const Case cases[] = {
      {"Nov 20 14:27:16 db1 postgres[77]: [8-2] x", "db1", "postgres", "77", 8, 2, "x", ""},
      {"Nov  2 14:27:16 postgres[77]: [8-2]  x", "", "postgres", "77", 8, 2, " x", ""},
      {"<134>Nov 20 14:27:16 postgres[77]: [8] x", "", "postgres", "77", 0, 8, "x", ""},
      {"<134>Nov 20 14:27:16 db1 postgres[77]: [8-1] ", "db1", "postgres", "77", 8, 1, "", ""},
      {"Nov 20 14:27:16 db1 postgres[77]: [8-1]", "db1", "postgres", "77", 8, 1, "", ""},
      {"Nov 20 14:27:16 db1 postgres: LOG:  x", "db1", "postgres", "", 0, 0, "LOG:  x", ""},
      {"2026-11-20T14:27:16.123456+01:00 db1 postgres[77]: [8-1] x", "db1", "postgres", "77", 8, 1, "x", "2026-11-20T13:27:16.123456Z"},
      {"2026-11-20T14:27:16+0000 db1 postgres[77]: x", "db1", "postgres", "77", 0, 0, "x", "2026-11-20T14:27:16.000Z"},
      {"<134>1 2026-11-20T14:27:16Z db1 postgres 77 - - [8-1] x", "db1", "postgres", "77", 8, 1, "x", "2026-11-20T14:27:16.000Z"},
      {"<134>1 2026-11-20T14:27:16Z db1 postgres 77 id [a b=\"c]\\\" d\"][e] [8-1] x", "db1", "postgres", "77", 8, 1, "x",
       "2026-11-20T14:27:16.000Z"},
      {"2019-03-14T00:22:56+00:00 app[postgres.4882]: [GREEN] [15-1]  x", "", "app", "postgres.4882", 15, 1, " x",
       "2019-03-14T00:22:56.000Z"},
      {"Nov 20 14:27:16 db1 postgres[77]: [unknown]@[unknown] LOG:  x", "db1", "postgres", "77", 0, 0, "[unknown]@[unknown] LOG:  x", ""},
  };
  for (const Case& c : cases) {
    INFO(c.line);
    const auto ours = parse_syslog_line(c.line);
    REQUIRE(ours);
    CHECK(ours->host == c.host);
    CHECK(ours->program == c.program);
    CHECK(ours->pid == c.pid);
    CHECK(ours->sequence == c.sequence);
    CHECK(ours->part == c.part);
    CHECK(std::string_view(c.line).substr(ours->text_at) == c.text);
    CHECK(to_iso8601(ours->time) == c.time);
  }
  for (const char* no :
       {"", "<134>", "<134>1 ", "Nov 20 14:27:16", "Nov 20 14:27:16 ", "Nov 20 14:27:16 db1 no tag", "2026-11-20 14:27:16 UTC [77] LOG:  x",
        "Foo 20 14:27:16 db1 postgres[77]: x", "2026-11-20T14:27:16Z stdout F x"}) {
    INFO(no);
    CHECK_FALSE(parse_syslog_line(no));
  }
}

TEST_CASE("postgres-syslog: parts are lines of the text, rests of long lines, or attachments") {
  const std::string a(858, 'a'), word(40, 'w');  // the prefix and `a` fill 900 bytes
  struct Case {
    const char* name;
    std::vector<std::string> parts;
    std::string sql;
    Params params;
  };
  const Case cases[] = {
      {"lines", {kPrefix + "LOG:  statement: SELECT 1,", "\t\t2", "\t", "\t3"}, "SELECT 1,\n\t2\n\n3", {}},
      {"escaped lines", {kPrefix + "LOG:  statement: SELECT '#1',", "#011#0112", "#011", "#0113"}, "SELECT '#1',\n\t2\n\n3", {}},
      {"a long line", {kPrefix + "LOG:  statement: SELECT '" + a, " " + word + "'"}, "SELECT '" + a + " " + word + "'", {}},
      {"a long word", {kPrefix + "LOG:  statement: SELECT '" + a, word + "'"}, "SELECT '" + a + word + "'", {}},
      {"a long line with a hash", {kPrefix + "LOG:  statement: SELECT '" + a, " #" + word + "'"}, "SELECT '" + a + " #" + word + "'", {}},
      {"cut at a TAB",
       {kPrefix + "LOG:  statement: SELECT '" + a.substr(20), "\t" + word + "'"},
       "SELECT '" + a.substr(20) + "\t" + word + "'",
       {}},
      {"a short line before a TAB", {kPrefix + "LOG:  statement: SELECT '", "\t" + word + "'"}, "SELECT '\n" + word + "'", {}},
      {"an attachment", {kPrefix + "LOG:  execute a: SELECT $1", kPrefix + "DETAIL:  parameters: $1 = 'b", "\tc'"}, "SELECT $1", {"b\nc"}},
      {"the look of an attachment",
       {kPrefix + "LOG:  statement: SELECT '" + a, " x DETAIL:  parameters: $1 = '1'"},
       "SELECT '" + a + " x DETAIL:  parameters: $1 = '1'",
       {}},
      {"the look of an entry",
       {kPrefix + "LOG:  statement: SELECT '", "\t" + kPrefix + "LOG:  statement: SELECT 2'"},
       "SELECT '\n" + kPrefix + "LOG:  statement: SELECT 2'",
       {}},
  };
  for (const Case& c : cases) {
    for (const bool is_numbered : {true, false}) {
      INFO(c.name << (is_numbered ? "" : ", without sequence numbers"));
      // Another entry or two first, so that the prefix and the kind of numbers are known.
      std::string text = line(9, is_numbered ? "[2-1] " : "[1] ", kPrefix + "LOG:  statement: BEGIN") +
                         line(8, is_numbered ? "[2-1] " : "[1] ", kPrefix + "LOG:  statement: BEGIN");
      for (size_t i = 0; i < c.parts.size(); ++i) {
        text += line(7, (is_numbered ? "[5-" : "[") + std::to_string(i + 1) + "] ", c.parts[i]);
      }
      const KeptLog log = keep(text);
      CHECK(log.counts.unrecognised_lines == 0);
      REQUIRE(log.statements().size() == 3);
      CHECK(log.statements()[2].sql == c.sql);
      CHECK((log.statements()[2].params == c.params));
      CHECK(log.statements()[2].session == "7");
      CHECK(log.statements()[2].user == "shop");
      CHECK(log.statements()[2].txid == "5/12");
    }
  }
}

TEST_CASE("postgres-syslog: parts of processes come interleaved", "[slow]") {
  for (const char* name : {"rsyslog", "datagrams", "unsplit", "unnumbered"}) {
    const std::string bytes = fixture(std::string("postgres_syslog/") + name + ".log");
    const SettledSessions whole = settled_sessions(keep(bytes));
    std::map<std::string, std::vector<std::string>> by_process;
    for (size_t at = 0; at < bytes.size();) {
      const size_t end = bytes.find('\n', at) + 1;
      const auto header = parse_syslog_line(std::string_view(bytes).substr(at, end - at - 1));
      REQUIRE(header);
      by_process[std::string(header->pid)].push_back(bytes.substr(at, end - at));
      at = end;
    }
    Random random;
    for (int round = 0; round < 20; ++round) {
      auto rest = by_process;
      std::string text;
      while (!rest.empty()) {
        auto one = std::next(rest.begin(), static_cast<std::ptrdiff_t>(random.next() % rest.size()));
        text += one->second.front();
        one->second.erase(one->second.begin());
        if (one->second.empty()) rest.erase(one);
      }
      INFO(name << ", round " << round);
      const KeptLog log = keep(text);
      CHECK((settled_sessions(log) == whole));
      for (size_t i = 1; i < log.records.size(); ++i) REQUIRE(log.records[i - 1].fields.line < log.records[i].fields.line);
    }
  }
}

TEST_CASE("postgres-syslog: what syslog dropped, repeated or mixed in") {
  const std::string begin = line(7, "[5-1] ", kPrefix + "LOG:  statement: BEGIN");
  const std::string longer =
      line(7, "[6-1] ", kPrefix + "LOG:  statement: SELECT 1,") + line(7, "[6-2] ", "#0112,") + line(7, "[6-3] ", "#0113");
  const std::string commit = line(7, "[7-1] ", kPrefix + "LOG:  statement: COMMIT");
  const KeptLog whole = keep(begin + longer + commit);
  CHECK(whole.counts.statements == 3);
  CHECK(whole.counts.incomplete == std::vector<std::string>{"no-time"});

  const KeptLog gap = keep(begin + commit);
  CHECK(gap.counts.sampled);
  CHECK(gap.counts.incomplete == std::vector<std::string>{"no-time", "sampled"});

  const KeptLog hole = keep(begin + line(7, "[6-1] ", kPrefix + "LOG:  statement: SELECT 1,") + line(7, "[6-3] ", "#0113") + commit);
  REQUIRE(hole.statements().size() == 3);
  CHECK(hole.statements()[1].fields.truncated);
  CHECK(hole.counts.unrecognised_lines == 1);

  const KeptLog rotated = keep(line(7, "[4-2] ", "#011WHERE id = 1") + begin);
  CHECK(rotated.counts.statements == 1);
  CHECK(rotated.counts.unrecognised_lines == 1);

  const KeptLog twice = keep(begin + begin + commit);
  CHECK(twice.counts.statements == 2);

  const KeptLog mixed = keep("Mar  2 09:15:04 db1 sshd[7]: Accepted publickey for ops\n" + begin +
                             "Mar  2 09:15:04 db1 CRON[9]: (root) CMD (true)\nnonsense\n\tmore\n" + longer);
  CHECK(mixed.counts.statements == 2);
  CHECK(mixed.counts.unrecognised_lines == 4);

  // Two servers behind one relay, with a process of the same number.
  std::string other = begin;
  other.replace(other.find("db1"), 3, "db2");
  const KeptLog hosts = keep(begin + other);
  REQUIRE(hosts.statements().size() == 2);
  CHECK(hosts.statements()[0].session != hosts.statements()[1].session);
}

TEST_CASE("postgres-syslog: a silent session does not hold back the others for ever") {
  std::string text = line(7, "[5-1] ", kPrefix + "LOG:  statement: BEGIN");
  for (int i = 1; i < 3000; ++i)
    text += line(8, "[" + std::to_string(i) + "-1] ", kPrefix + "LOG:  statement: SELECT " + std::to_string(i));
  auto reader = find_format("postgres-syslog")->open(std::make_unique<Lines>(memory_source(text)), {});
  LogRecord record;
  REQUIRE(reader->next(record));
  CHECK(record.sql == "BEGIN");
  CHECK(reader->counts().statements == 1);
  size_t statements = 1;
  while (reader->next(record)) statements += record.kind == RecordKind::kStatement ? 1U : 0U;
  CHECK(statements == 3000);
}

TEST_CASE("postgres-syslog: the prefix's own time is better than syslog's, and one without a year is none") {
  const KeptLog own = keep(line(7, "[5-1] ", "2026-03-02 08:15:04.118 UTC [7] LOG:  statement: SELECT 1"));
  CHECK(to_iso8601(own.statements().at(0).fields.time) == "2026-03-02T08:15:04.118Z");
  const KeptLog none = keep(line(7, "[5-1] ", "LOG:  statement: SELECT 1"));
  CHECK_FALSE(none.statements().at(0).fields.time.known());
  const KeptLog iso = keep("2026-03-02T09:15:04.118204+01:00 db1 postgres[7]: [5-1] LOG:  statement: SELECT 1\n");
  CHECK(to_iso8601(iso.statements().at(0).fields.time) == "2026-03-02T08:15:04.118204Z");
  ReaderOptions options;
  options.log_line_prefix = "%a|%u ";
  const KeptLog told = keep_log(line(7, "[5-1] ", "web b|bob LOG:  statement: SELECT 1"), "postgres-syslog", options);
  CHECK(told.statements().at(0).app == "web b");
  CHECK(told.statements().at(0).user == "bob");
}

TEST_CASE("postgres-csv, -json, -syslog: whatever happens to the bytes, no event is invented", "[slow]") {
  const std::pair<const char*, const char*> logs[] = {
      {"postgres_csv/all.log", "postgres-csv"},           {"postgres_csv/mindur.log", "postgres-csv"},
      {"postgres_json/all.log", "postgres-json"},         {"postgres_json/cloudnativepg.log", "postgres-json"},
      {"postgres_syslog/rsyslog.log", "postgres-syslog"}, {"postgres_syslog/datagrams.log", "postgres-syslog"},
      {"postgres_syslog/unsplit.log", "postgres-syslog"}, {"postgres_syslog/unnumbered.log", "postgres-syslog"},
  };
  for (const auto& [name, format] : logs) {
    INFO(name);
    const std::string bytes = fixture(name);
    const std::vector<KeptRecord> whole = keep_log(bytes, format).records;
    // Behind the cut there may be an attachment: an error's STATEMENT, a DETAIL. What is there must be a beginning of what was.
    for (size_t cut = 0; cut < bytes.size(); cut += kCutStride * (bytes.size() > 8000 ? 1 + cut / 2000 : 1)) {
      if (bytes.substr(cut < 3 ? 0 : cut - 3, 3).find('#') != std::string::npos) continue;  // half of rsyslog's escape
      const KeptLog part = keep_log(bytes.substr(0, cut), format);
      REQUIRE(part.records.size() <= whole.size());
      for (size_t i = 0; i < part.records.size(); ++i) {
        const KeptRecord &ours = part.records[i], &theirs = whole[i];
        const bool is_same = ours.sql == theirs.sql && ours.fields.kind == theirs.fields.kind && ours.params == theirs.params;
        // Half of an attachment's header behind `#012` may as well be the statement's next line.
        const bool is_more =
            name == std::string("postgres_syslog/unsplit.log") && i + 1 == part.records.size() && ours.sql.starts_with(theirs.sql + "\n");
        const bool is_less = ours.fields.line == theirs.fields.line &&
                             (theirs.sql.starts_with(ours.sql) || theirs.fields.kind != RecordKind::kStatement || is_more);
        if (!is_same && !is_less) {
          INFO("cut at " << cut << ", record " << i << ": " << ours.sql << " for " << theirs.sql);
          REQUIRE(false);
        }
      }
    }
    check_dos_lines(bytes, format);
    check_damage(bytes, format, 40, one_record_a_line);
    // Found whatever part of it a head shows.
    for (size_t from : {size_t{0}, bytes.size() / 3, bytes.size() / 2}) {
      INFO("from byte " << from);
      CHECK(detect_format(std::string_view(bytes).substr(from, 6000), {}) == find_format(format));
    }
  }
}

}  // namespace dbaudit
