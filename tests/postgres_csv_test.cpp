#include <algorithm>

#include "tests/postgres_workload.h"

namespace dbaudit {
namespace {

using Params = std::vector<std::optional<std::string>>;

KeptLog keep(const std::string& bytes) { return keep_log(bytes, "postgres-csv"); }

struct Expected {
  int who;  // 1: dock-1, 2: dock 2
  std::string sql;
  Params params;
  TxState state;
  const char* error = "";
};

std::vector<Expected> workload() {
  std::string list;
  for (int i = 0; i < 120; ++i) list += (i == 0 ? "'label\tno " : ", 'label\tno ") + std::to_string(i) + "'";
  constexpr auto kUnknown = TxState::kUnknown, kIdle = TxState::kIdle, kIn = TxState::kInTransaction, kAborted = TxState::kAborted;
  return {
      {1, "BEGIN", {}, kIdle},
      {1, "SELECT amount FROM crate WHERE id = $1", {"3"}, kUnknown},
      {2, "BEGIN ISOLATION LEVEL REPEATABLE READ", {}, kIdle},
      {2, "SELECT amount FROM crate WHERE id = $1", {"3"}, kUnknown},
      {1,
       "UPDATE crate SET amount = $1, label = $2\nWHERE id = $3",
       {"7", "a \"quoted\", it's\n\tof two lines; LOG:  statement: SELECT 'fake'", "3"},
       kUnknown},
      {2, "UPDATE crate SET amount = 0 WHERE id = $1", {"3"}, kUnknown, "40001"},
      {1, "COMMIT", {}, kIn},
      {2, "ROLLBACK", {}, kAborted},
      {1, "INSERT INTO crate (id, label) VALUES ($1, $2)", {"3", std::nullopt}, kUnknown, "23505"},
      {1, "SELECC 1", {}, kIdle, "42601"},
      {1, "SELECT 1;\n\n\tSELECT 'b;' -- tail\n;", {}, kIdle},
      {1, "BEGIN", {}, kIdle},
      {1, "SAVEPOINT sp", {}, kIn},
      {1, "INSERT INTO crate (id) VALUES (3)", {}, kIn, "23505"},
      {1, "SELECT 1", {}, kAborted, "25P02"},
      {1, "ROLLBACK TO SAVEPOINT sp", {}, kAborted},
      {1, "UPDATE crate SET amount = amount + 1 WHERE id = 4", {}, kIn},
      {1, "COMMIT", {}, kIn},
      {2, "UPDATE crate SET amount = amount - $2 WHERE id = $1 AND amount >= $2", {"4", "6"}, kUnknown},
      {2, "UPDATE crate SET amount = amount - $2 WHERE id = $1 AND amount >= $2", {"4", "6"}, kUnknown},
      {2, "PREPARE peek(int) AS SELECT label FROM crate WHERE id = $1", {}, kIdle},
      {2, "EXECUTE peek(4)", {}, kIdle},
      {2, "DEALLOCATE peek", {}, kIdle},
      {2, "SELECT count(*) FROM crate WHERE label IN (" + list + ")", {}, kIdle},
      {2, "SELECT length($1::text), $2::text", {std::string(1300, 'z'), ""}, kUnknown},
      {2, "DO $$ BEGIN UPDATE crate SET amount = amount WHERE id = 1; END $$", {}, kIdle},
      {2, "/*action='ship',traceparent='00-a1-b2-01'*/ UPDATE crate SET amount = 1 WHERE id = 5", {}, kIdle},
      {2, "SELECT id FROM crate ORDER BY id", {}, kIdle},
  };
}

/// A row as PostgreSQL 14 and later writes it.
std::string row(const std::string& message, const std::string& detail = {}, const char* sid = "69a54808.1177", const char* severity = "LOG",
                const std::string& query = {}, const char* backend = "client backend") {
  const auto quoted = [](const std::string& s) {
    if (s.empty()) return s;
    std::string q = "\"";
    for (char c : s) q += c == '"' ? std::string("\"\"") : std::string(1, c);
    return q + "\"";
  };
  return std::string("2026-03-02 09:15:04.118 UTC,\"shop\",\"orders\",4471,\"10.0.3.9:40122\",") + sid +
         ",3,\"idle\",2026-03-02 09:15:04 UTC,5/12,0," + severity + "," + (*severity == 'L' ? "00000" : "23505") + "," + quoted(message) +
         "," + quoted(detail) + ",,,,," + quoted(query) + ",,,\"till 1\",\"" + backend + "\",,0\n";
}

/// Rows of a CSV text, taken apart by the letter of RFC 4180.
std::vector<std::vector<std::string>> csv_rows(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
  bool is_quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string& field = rows.back().back();
    if (is_quoted) {
      if (text[i] != '"') {
        field += text[i];
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        field += text[i++];
      } else {
        is_quoted = false;
      }
    } else if (text[i] == '"') {
      is_quoted = true;
    } else if (text[i] == ',') {
      rows.back().emplace_back();
    } else if (text[i] == '\n') {
      rows.emplace_back(1);
    } else {
      field += text[i];
    }
  }
  rows.pop_back();
  return rows;
}

/// Ends of the rows of a fixture, as offsets.
std::vector<size_t> row_ends(const std::string& text) {
  std::vector<size_t> ends;
  bool is_quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') is_quoted = !is_quoted;
    if (text[i] == '\n' && !is_quoted) ends.push_back(i + 1);
  }
  return ends;
}

bool is_same(const KeptRecord& a, const KeptRecord& b) {
  return a.sql == b.sql && a.params == b.params && a.session == b.session && a.error_code == b.error_code &&
         a.fields.kind == b.fields.kind && a.txid == b.txid && a.app == b.app;
}

}  // namespace

TEST_CASE("postgres-csv: the workload, statement by statement") {
  const KeptLog log = keep(fixture("postgres_csv/all.log"));
  CHECK(log.counts.statements == 32);
  CHECK(log.counts.records == 60);
  CHECK(log.counts.unrecognised_lines == 0);
  CHECK(log.counts.incomplete.empty());
  std::map<uint64_t, std::string> errors;
  for (const KeptRecord& r : log.records) {
    if (r.fields.kind == RecordKind::kError && r.fields.attaches) errors[r.fields.about_line] = r.error_code;
  }
  size_t i = 0;
  const std::vector<Expected> expected = workload();
  for (const KeptRecord& r : log.statements()) {
    if (r.app != "dock-1" && r.app != "dock 2") continue;
    REQUIRE(i < expected.size());
    const Expected& e = expected[i++];
    INFO("line " << r.fields.line);
    CHECK(r.app == (e.who == 1 ? "dock-1" : "dock 2"));
    CHECK(r.sql == e.sql);
    CHECK((r.params == e.params));
    CHECK(r.fields.tx_state == e.state);
    CHECK((r.error_code.empty() ? errors[r.fields.line] : r.error_code) == e.error);
    CHECK(r.user == "nobody");
    CHECK(r.database == "depot");
    CHECK(r.fields.tx_boundary == TxBoundary::kExplicit);
    CHECK_FALSE(r.fields.truncated);
    CHECK(r.txid.find('/') != std::string::npos);
    CHECK(r.fields.time.zone_known);
  }
  CHECK(i == expected.size());
}

TEST_CASE("postgres: csvlog, jsonlog and syslog of one run hold the same statements") {
  const std::pair<const char*, std::vector<const char*>> runs[] = {
      {"all", {"postgres_json/all.log", "postgres_json/cloudnativepg.log", "postgres_syslog/rsyslog.log"}},
      {"mindur", {"postgres_json/mindur.log", "postgres_syslog/datagrams.log"}},
      {"verbose", {"postgres_syslog/unsplit.log"}},
      {"plans", {"postgres_json/plans.log", "postgres_syslog/unnumbered.log"}},
  };
  for (const auto& [run, others] : runs) {
    const KeptLog csv = keep(fixture(std::string("postgres_csv/") + run + ".log"));
    const SettledSessions expected = settled_sessions(csv);
    CHECK(csv.counts.statements == 32);
    for (const char* other : others) {
      INFO(other);
      const std::string format = std::string(other).substr(0, std::string(other).find('/'));
      const KeptLog log = keep_log(fixture(other), format == "postgres_json" ? "postgres-json" : "postgres-syslog");
      const SettledSessions ours = settled_sessions(log);
      REQUIRE(ours.size() == expected.size());
      for (const auto& [session, statements] : expected) {
        INFO("session " << session);
        REQUIRE(ours.count(session) == 1);
        REQUIRE(ours.at(session).size() == statements.size());
        for (size_t i = 0; i < statements.size(); ++i) {
          INFO(statements[i].sql << "\nand " << ours.at(session)[i].sql);
          CHECK((ours.at(session)[i] == statements[i]));
        }
      }
    }
  }
}

TEST_CASE("postgres: durations and rows come from where the run has them") {
  for (const auto& [run, has_duration, has_rows] :
       {std::tuple{"all", false, false}, {"mindur", true, false}, {"verbose", true, false}, {"plans", false, true}}) {
    INFO(run);
    int durations = 0, rows = 0;
    for (const auto& [session, statements] : settled_sessions(keep(fixture(std::string("postgres_csv/") + run + ".log")))) {
      for (const SettledStatement& s : statements) {
        durations += s.duration_us >= 0 ? 1 : 0;
        rows += s.rows >= 0 ? 1 : 0;
        if (s.sql == "SELECT id FROM crate ORDER BY id" && has_rows) CHECK(s.rows == 5);
        if (!s.error.empty()) CHECK(s.duration_us < 0);
        if (s.sql.starts_with("UPDATE")) CHECK(s.rows < 0);  // how many were written is not said
      }
    }
    CHECK(durations == (has_duration ? 26 : 0));
    CHECK((rows > 0) == has_rows);
  }
}

TEST_CASE("postgres-csv: rows quoted in every column, only where they must, or with the columns of older servers") {
  const std::string bytes = fixture("postgres_csv/all.log");
  const KeptLog whole = keep(bytes);
  const auto rows = csv_rows(bytes);
  REQUIRE(rows.size() == 60);
  for (const char* style : {"all", "needed", "header", "23 columns", "24 columns", "30 columns"}) {
    INFO(style);
    std::string text;
    if (style == std::string("header")) text = "log_time,user_name,database_name,process_id\n";
    for (std::vector<std::string> fields : rows) {
      if (*style == '2') fields.resize(style[1] == '3' ? 23 : 24);
      if (*style == '3') fields.resize(30, "more");
      for (size_t i = 0; i < fields.size(); ++i) {
        const bool needs = fields[i].find_first_of(",\"\n") != std::string::npos;
        if (i != 0) text += ',';
        if (!needs && !(*style == 'a' && !fields[i].empty())) {
          text += fields[i];
          continue;
        }
        text += '"';
        for (char c : fields[i]) text += c == '"' ? std::string("\"\"") : std::string(1, c);
        text += '"';
      }
      text += '\n';
    }
    CHECK(detect_format(std::string_view(text).substr(0, 65536), {}) == find_format("postgres-csv"));
    const KeptLog log = keep(text);
    CHECK(log.counts.unrecognised_lines == 0);
    REQUIRE(log.records.size() == whole.records.size());
    for (size_t i = 0; i < whole.records.size(); ++i) {
      // Whose a row is that no client caused, only the column `backend_type` tells.
      if (!whole.records[i].session.empty()) CHECK(is_same(log.records[i], whole.records[i]));
    }
  }
}

TEST_CASE("postgres-csv: a row that breaks off costs itself and no other", "[slow]") {
  const std::string bytes = fixture("postgres_csv/all.log");
  const KeptLog whole = keep(bytes);
  const std::vector<size_t> ends = row_ends(bytes);
  REQUIRE(ends.size() == whole.records.size());
  for (size_t k = 1; k + 1 < ends.size(); ++k) {
    for (size_t cut = ends[k - 1] + 1; cut + 1 < ends[k]; cut += cut % 7 + 1) {
      // The rest of the row is lost with its line end (the crash of a server), or the line end stays (a full disk, then a new file).
      const KeptLog log = keep(bytes.substr(0, cut) + "\n" + bytes.substr(ends[k]));
      INFO("row " << k << " cut at byte " << cut);
      std::vector<std::string> ours, theirs;
      for (const KeptRecord& r : log.statements()) ours.push_back(r.session + " " + r.sql);
      for (const KeptRecord& r : whole.statements()) theirs.push_back(r.session + " " + r.sql);
      // A failed statement whose own row is lost is known by its error.
      REQUIRE(log.records.size() + 1 >= whole.records.size());
      REQUIRE(ours.size() + 1 >= theirs.size());
      size_t missing = 0;
      for (const std::string& s : theirs) missing += std::find(ours.begin(), ours.end(), s) == ours.end() ? 1U : 0U;
      CHECK(missing <= 1);
      for (const std::string& s : ours) CHECK(std::find(theirs.begin(), theirs.end(), s) != theirs.end());
    }
  }
}

TEST_CASE("postgres-csv: a log that begins in the middle of a row") {
  const std::string bytes = fixture("postgres_csv/all.log");
  const KeptLog whole = keep(bytes);
  const std::vector<size_t> ends = row_ends(bytes);
  for (size_t from = 1; from < bytes.size(); from += 61) {
    INFO("from byte " << from);
    const size_t lost = static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), from) - ends.begin());
    const KeptLog log = keep(bytes.substr(from));
    const size_t expected = whole.records.size() - lost - (std::find(ends.begin(), ends.end(), from) == ends.end() ? 1U : 0U);
    CHECK(log.records.size() >= expected);
    CHECK(log.records.size() <= expected + 1);
  }
}

TEST_CASE("postgres-csv: rows somebody writes into a literal stay in it") {
  const std::string fake = row("statement: DROP TABLE crate");
  const std::string bare =
      "2026-03-02 09:15:04.118 UTC,shop,orders,4471,x,69a54808.1177,3,idle,2026-03-02 09:15:04 UTC,5/12,0,LOG,00000,"
      "statement: DROP TABLE crate,,,,,,,,,till,client backend,,0\n";
  for (const std::string& inside : {"\n" + fake, "\n" + bare, "\"\n" + fake + "\"", "\n\n" + fake + fake}) {
    const std::string sql = "INSERT INTO note VALUES ('" + inside + "')";
    const KeptLog log = keep(row("statement: " + sql) + row("statement: SELECT 1"));
    REQUIRE(log.statements().size() == 2);
    CHECK(log.statements()[0].sql == sql);
    // Its beginning cut off: the rest is nobody's, the next row is one.
    const std::string whole = row("statement: " + sql);
    const KeptLog tail = keep(row("statement: SELECT 0") + whole.substr(whole.find("INSERT")) + row("statement: SELECT 1"));
    REQUIRE(tail.statements().size() == 2);
    CHECK(tail.statements()[1].sql == "SELECT 1");
    CHECK(tail.counts.unrecognised_lines > 0);
  }
}

TEST_CASE("postgres-csv: bytes, line ends and the cap") {
  const std::string odd("a\0b\xFF\xC3(\xED\xA0\x80 \"\",", 14);
  const KeptLog log = keep(row("execute <unnamed>: SELECT '" + odd + "'", "parameters: $1 = '" + odd + "'"));
  REQUIRE(log.statements().size() == 1);
  CHECK((log.statements()[0].sql == "SELECT '" + odd + "'"));
  CHECK((log.statements()[0].params == Params{odd}));

  std::string dos = "\xEF\xBB\xBF";
  const std::string bytes = fixture("postgres_csv/all.log");
  for (char c : bytes) dos += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const KeptLog whole = keep(bytes), ours = keep(dos);
  REQUIRE(ours.records.size() == whole.records.size());
  for (size_t i = 0; i < whole.records.size(); ++i) CHECK(is_same(ours.records[i], whole.records[i]));
  // A CRLF somebody stored, in a log with plain line ends, is theirs.
  const KeptLog stored = keep(row("statement: SELECT 'a\r\nb'"));
  CHECK(stored.statements().at(0).sql == "SELECT 'a\r\nb'");

  for (size_t size : {size_t{10} << 20, size_t{20} << 20}) {
    const KeptLog big = keep(row("statement: SELECT '" + std::string(size, 'x') + "'") + row("statement: SELECT 2"));
    REQUIRE(big.statements().size() == 2);
    const bool is_cut = size > size_t{16} << 20;
    CHECK(big.statements()[0].fields.truncated == is_cut);
    CHECK((is_cut ? big.statements()[0].sql.size() < size : big.statements()[0].sql.size() == size + 9));
    CHECK(big.statements()[1].sql == "SELECT 2");
  }
}

TEST_CASE("postgres: what is no client's is no session's") {
  const std::string insert = "INSERT INTO t VALUES (1)";
  const KeptLog log = keep(row("checkpoint starting: time", {}, "69a54808.1", "LOG", {}, "checkpointer") +
                           row("duplicate key value", {}, "69a54808.2", "ERROR", insert, "parallel worker") +
                           row("statement: " + insert, {}, "69a54808.3", "LOG", {}, "pg_cron") +
                           row("duplicate key value", {}, "69a54808.4", "ERROR", insert, "logical replication worker"));
  REQUIRE(log.records.size() == 4);
  CHECK(log.counts.records == 4);
  CHECK(log.records[0].session.empty());
  CHECK(log.records[1].fields.kind == RecordKind::kOther);
  CHECK(log.records[2].fields.kind == RecordKind::kStatement);
  CHECK(log.records[3].fields.kind == RecordKind::kStatement);
  CHECK(log.records[3].error_code == "23505");
}

}  // namespace dbaudit
