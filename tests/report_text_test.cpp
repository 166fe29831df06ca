#include <string>
#include <vector>

#include "analyzers/base/text.h"
#include "cli/report/layout.h"
#include "cli/report/report.h"
#include "cli/report/text_interleaving.h"
#include "tests/catch.h"
#include "tests/sample_report.h"

namespace dbaudit {
namespace {

std::string write(const Report& report, const ReportStyle& style = {}) { return written("text", report, style); }

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

ReportStyle width_of(int width) {
  ReportStyle style;
  style.width = width;
  return style;
}

std::vector<InterleavingStep> two_steps() {
  return {{0, "SELECT 1 → no row", false}, {1, "UPDATE t SET a = ?", false}, {0, "INSERT INTO t → twice", true}};
}

}  // namespace

TEST_CASE("The first block of the text report, line by line", "[report][text]") {
  Report report = sample_report();
  report.findings.pop_back();
  CHECK(write(report) == R"(error[DBA101] public.shop_tag(name): get-or-create-without-unique-key · observed
  Two sessions can both miss and both insert: nothing keeps shop_tag.name unique.

  read    logs/app.csv:120  SELECT … FROM "shop_tag" WHERE "shop_tag"."name" = ? LIMIT 21
  insert  logs/app.csv:124  INSERT INTO "shop_tag" ("name", … (?, ?) RETURNING "shop_tag"."id"

      session A                                    │  session B
  1   ○ SELECT … FROM shop_tag WHERE name = ?      │
        → no row                                   │
  2                                                │  ○ SELECT … FROM shop_tag WHERE name = ?
                                                   │    → no row
  3   ● INSERT INTO shop_tag (name, created_at)    │
          VALUES (?, ?)                            │
  4     COMMIT                                     │
  5                                                │  ✗ INSERT INTO shop_tag (name, created_at)
                                                   │      VALUES (?, ?)
                                                   │    → a second row for the same name
      ○ reads   ● writes   ✗ where it breaks

  why: PostgreSQL at READ COMMITTED: each session reads before the other has committed, so both see
    no row. The read and the write are in different transactions: no isolation level joins them,
    only a unique key can refuse the second row.
  evidence:
    • overlap: sessions 4242 and 4243 were both between these two statements for the same key
      (logs/app.csv:122)
    • live-duplicates: 3 values of name have more than one row today
  seen: 1,240 times in 8 of 41 sessions; 0.8 ms between the two statements (median), at most 12.1 ms
  from: django get_or_create at shop/views.py:88, route /checkout

  fix 1 of 2: Make shop_tag.name unique [unsafe]
    SELECT name, count(*) FROM public.shop_tag GROUP BY name HAVING count(*) > 1;
    CREATE UNIQUE INDEX CONCURRENTLY shop_tag_name_key
        ON public.shop_tag (name);
  trade-off: CONCURRENTLY cannot run inside a transaction and fails while duplicates are left.
  checked: parses, runs on an empty copy of the schema, silences this finding

  fix 2 of 2: Say it in the model [display-only]
    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="shop_tag_name_key")]

  see also: DBA109
  silence: /* dbaudit:ignore DBA101 reason */ in the SQL, or --ignore DBA101; more: dbaudit explain
    DBA101

coverage: logs/app.csv (postgres-csv): 3 lines not recognised, 1 statement truncated by the log
coverage: - names no session: statements of different clients cannot be told apart

1 error, 0 warnings, 0 notes in 2 inputs (12,345 statements, 41 sessions); 2 suppressed
)");
}

TEST_CASE("No findings: one calm line says what was read", "[report][text]") {
  Report report = sample_report();
  report.findings.clear();
  report.notes.clear();
  report.suppressed = 0;
  report.inputs[0].unrecognised_lines = report.inputs[0].truncated_statements = 0;
  CHECK(write(report) == "No findings in 2 inputs (12,345 statements, 41 sessions), judged for PostgreSQL 15.18 at READ COMMITTED\n");
  report.inputs.pop_back();
  report.target = {};
  CHECK(write(report) == "No findings in logs/app.csv (12,300 statements, 40 sessions)\n");
}

TEST_CASE("Prose, statements and drawing keep to the width; SQL to paste does not wrap", "[report][text]") {
  Report report = sample_report();
  for (Finding& f : report.findings) f.fixes.clear();
  for (int width : {40, 55, 69, 70, 80, 100, 132, 400}) {
    for (bool verbose : {false, true}) {
      ReportStyle style = width_of(width);
      style.verbose = verbose;
      std::string text = write(report, style);
      for (std::string_view line : split(text, '\n')) {
        if (istarts_with(line, "error[") || istarts_with(line, "warning[")) continue;  // one line, so that grep finds it
        if (verbose && line.find("session 4242 at") != std::string_view::npos) continue;
        if (istarts_with(line, "1 error")) continue;
        CAPTURE(width, std::string(line));
        CHECK(display_width(line) <= width);
      }
    }
  }
  CHECK(has(write(sample_report(), width_of(40)), "\n    SELECT name, count(*) FROM public.shop_tag GROUP BY name HAVING count(*) > 1;\n"));
}

TEST_CASE("Below 70 columns the drawing has one column with names", "[report][text]") {
  CHECK(draw_interleaving(two_steps(), width_of(69), 2) == R"(  1   A  ○ SELECT 1 → no row
  2   B  ● UPDATE t SET a = ?
  3   A  ✗ INSERT INTO t → twice
      ○ reads   ● writes   ✗ where it breaks
)");
  std::string wide = draw_interleaving(two_steps(), width_of(70), 2);
  CHECK(has(wide, "session A"));
  CHECK(has(wide, "│  ● UPDATE t SET a = ?\n"));
  CHECK(draw_interleaving({}, width_of(100), 2).empty());
}

TEST_CASE("A statement much longer than its lane stays a few lines high", "[report][text]") {
  std::string sql = "UPDATE t SET a = ?";
  for (int i = 0; i < 500; ++i) sql += ", column_" + std::to_string(i) + " = ?";
  sql += " WHERE id = ? → 1 row";
  std::string drawn = draw_interleaving({{1, sql, true}}, width_of(80), 2);
  CHECK(split(drawn, '\n').size() <= 8);
  CHECK(has(drawn, "UPDATE t SET"));
  CHECK(has(drawn, "id = ?"));
  CHECK(has(drawn, "→ 1 row"));
}

TEST_CASE("ASCII style writes ASCII only", "[report][text]") {
  ReportStyle style;
  style.ascii = true;
  std::string text = write(sample_report(), style);
  for (char c : text) CHECK((c == '\n' || (c >= ' ' && c <= '~')));
  CHECK(has(text, "r SELECT ... FROM shop_tag"));
  CHECK(has(text, "r reads   w writes   X where it breaks"));
}

TEST_CASE("Colours are asked for, and only paint", "[report][text]") {
  ReportStyle style;
  CHECK_FALSE(has(write(sample_report(), style), "\x1b"));
  style.color = true;
  std::string painted = write(sample_report(), style), plain;
  CHECK(has(painted, "\x1b[1;31merror[DBA101]\x1b[0m"));
  for (size_t i = 0; i < painted.size(); ++i) {
    if (painted[i] == '\x1b')
      i = painted.find('m', i);
    else
      plain += painted[i];
  }
  style.color = false;
  CHECK(plain == write(sample_report(), style));
}

TEST_CASE("No byte of a log reaches the terminal as a command", "[report][text]") {
  const std::string evil =
      "\x1b[2J\x07\x9b"
      "31m\xff\n\r";
  Report report = sample_report();
  report.target.version = report.target.isolation = evil;
  report.notes = {evil};
  for (InputSummary& input : report.inputs) input.path = input.format = evil;
  Finding& f = report.findings[0];
  f.message = f.why = f.isolation = f.orm_name = f.orm_call = f.source_file = f.source_route = evil;
  f.tables = f.columns = {evil};
  for (FindingStatement& s : f.statements) s.sql = s.role = s.session = s.place.file = evil;
  for (InterleavingStep& s : f.interleaving) s.text = evil + " → " + evil;
  for (Evidence& e : f.evidence) e.text = e.place.file = evil;
  for (Fix& fix : f.fixes) {
    fix.title = fix.trade_off = evil;
    for (std::string& sql : fix.sql) sql = evil;
    if (!fix.code.empty()) fix.code = evil;
  }
  for (bool verbose : {false, true}) {
    ReportStyle style;
    style.verbose = verbose;
    std::string text = write(report, style);
    CHECK(valid_utf8(text) == text);
    for (char c : text) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
  }
}

TEST_CASE("Each statement to paste ends in a semicolon of its own", "[report][text]") {
  struct {
    const char* sql;
    const char* pasted;
  } const cases[] = {
      {"SELECT 1", "    SELECT 1;\n"},
      {"SELECT 1;", "    SELECT 1;\n"},
      {"SELECT 1; -- done", "    SELECT 1; -- done\n"},
      {"SELECT 1 -- done", "    SELECT 1 -- done\n    ;\n"},
      {"-- only a comment", "    -- only a comment\n\n"},
      {"SELECT ';'", "    SELECT ';';\n"},
      {"BEGIN;\n\n\tUPDATE t SET a = 1;\r\nCOMMIT", "    BEGIN;\n\n        UPDATE t SET a = 1;\n    COMMIT;\n"},
  };
  for (const auto& c : cases) {
    Report report = sample_report();
    report.findings[1].fixes[0].sql = {c.sql};
    CAPTURE(c.sql, write(report));
    CHECK(has(write(report), std::string("Log them [unsafe]\n") + c.pasted));
  }
}

}  // namespace dbaudit
