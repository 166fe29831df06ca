#include <algorithm>
#include <string>
#include <vector>

#include "analyzers/base/text.h"
#include "cli/report/html_lanes.h"
#include "cli/report/html_markup.h"
#include "cli/report/html_timeline.h"
#include "cli/report/report.h"
#include "rules/registry.h"
#include "tests/catch.h"
#include "tests/run_program.h"
#include "tests/sample_report.h"

namespace dbaudit {
namespace {

std::string write(const Report& report) { return written("html", report); }

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

size_t count(const std::string& text, std::string_view part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

std::string source(const char* file) { return read_file(std::string(DBAUDIT_SOURCE_DIR) + "/cli/report/html/" + file); }

std::string markdown(std::string_view page) { return html_from_markdown(page); }

/// Makes every string of a report `text`.
void set_strings(Report& report, const std::string& text) {
  report.target.version = report.target.dsn = report.target.isolation = report.target.settings["x"] = text;
  const auto set = [&](std::vector<std::string>& list) { std::fill(list.begin(), list.end(), text); };
  set(report.notes);
  for (InputSummary& input : report.inputs) input.path = input.format = text;
  for (Finding& f : report.findings) {
    f.code = f.name = f.why = f.isolation = text;
    f.message = f.orm_name = f.orm_call = f.source_file = f.source_route = text;
    for (auto* list : {&f.tables, &f.columns, &f.key_columns, &f.related}) set(*list);
    for (FindingStatement& s : f.statements) {
      s.role = s.sql = s.session = text;
      s.place.file = text;
    }
    for (InterleavingStep& s : f.interleaving) s.text = text;
    for (Evidence& e : f.evidence) {
      e.kind = e.text = text;
      e.place.file = text;
    }
    for (Fix& fix : f.fixes) {
      fix.kind = text;
      fix.title = fix.trade_off = fix.code = text;
      set(fix.sql);
      set(fix.checked);
    }
  }
}

TEST_CASE("HTML text: what could be markup is not, what could be a command is seen", "[report][html]") {
  struct {
    std::string_view text, markup;
  } const cases[] = {
      {"plain", "plain"},
      {"a < b && c > \"d\"", "a &lt; b &amp;&amp; c &gt; &quot;d&quot;"},
      {"it's", "it&#39;s"},
      {"</script><!--", "&lt;/script&gt;&lt;!--"},
      {"&amp;", "&amp;amp;"},
      {"two\nlines\there", "two lines here"},
      {"\x1b[2J", "\\x1b[2J"},
      {"\xff", "\xEF\xBF\xBD"},
      {"a\xE2\x80\xAE"
       "b",
       "a\\u202eb"},
      {"größer → …", "größer → …"},
  };
  for (const auto& c : cases) {
    CAPTURE(std::string(c.text));
    CHECK(to_lower(html_text(c.text)) == to_lower(c.markup));
  }
  CHECK(html_code("SELECT 1;\r\n\n\tx < 2 \n\n") == "SELECT 1;\n\n    x &lt; 2");
  CHECK(html_code("").empty());
}

TEST_CASE("A rule's page as HTML", "[report][html]") {
  CHECK(markdown("# The title\n\n## Head `code`\n\nOne\ntwo.\n\nThree.") ==
        "<h4>Head <code>code</code></h4>\n<p>One two.</p>\n<p>Three.</p>\n");
  CHECK(markdown("**a** *b* `c*d*` [e](https://x.y/?a&b) [f](javascript:1) 2 * 3 * 4 `open") ==
        "<p><strong>a</strong> <em>b</em> <code>c*d*</code> <a href=\"https://x.y/?a&amp;b\" rel=\"noreferrer\">e</a> f 2 * 3 * 4 "
        "`open</p>\n");
  CHECK(markdown("- a\n  b\n- c\n\nd") == "<ul>\n<li>a b\n</li>\n<li>c\n</li>\n</ul>\n<p>d</p>\n");
  CHECK(markdown("1. a\n\n   ```sql\n   SELECT 1\n   ```\n2. b") == "<ol>\n<li>a\n<pre>   SELECT 1</pre>\n</li>\n<li>b\n</li>\n</ol>\n");
  CHECK(markdown("- a\n```\nx < y\n\n  z\n```\n") == "<ul>\n<li>a\n</li>\n</ul>\n<pre>x &lt; y\n\n  z</pre>\n");
  CHECK(has(markdown("| a | b |\n|---|---|\n| `1` | |\n\nend"),
            "<tr><th scope=\"col\">a</th><th scope=\"col\">b</th></tr>\n<tr><td><code>1</code></td>"));
  CHECK(markdown("<b onclick=x>**</b>**") == "<p>&lt;b onclick=x&gt;<strong>&lt;/b&gt;</strong></p>\n");
  CHECK(markdown("").empty());
  CHECK(markdown("```\nnever ended") == "<pre>never ended</pre>\n");
}

TEST_CASE("Every rule's page becomes balanced HTML", "[report][html]") {
  for (const Rule* rule : all_rules()) {
    INFO(rule->code);
    const std::string page = html_from_markdown(rule_page(*rule));
    CHECK(page.size() > 200);
    for (std::string_view name : {"p", "ul", "ol", "li", "h4", "pre", "code", "strong", "em", "table", "tr", "td", "div"}) {
      const std::string tag(name);
      INFO(tag);
      CHECK(count(page, "<" + tag + ">") + count(page, "<" + tag + " ") == count(page, "</" + tag + ">"));
    }
  }
}

TEST_CASE("The lanes: who, what, what came of it, where it breaks, while which transaction is open", "[report][html]") {
  const std::string lanes = html_lanes({{0, "BEGIN", false},
                                        {1, "SELECT n FROM t → 3 < 4", false},
                                        {0, "UPDATE t SET n = ?", false},
                                        {0, "COMMIT", false},
                                        {1, "UPDATE t SET n = ?  -> lost", true}});
  CHECK(count(lanes, "<li ") == 5);
  CHECK(has(lanes, "<li class=\"a other open-a\"><span class=\"n\" aria-hidden=\"true\">1</span>"));
  CHECK(has(lanes, "<li class=\"b reads open-a\">"));
  CHECK(has(lanes, "<code>SELECT n FROM t</code></span><span class=\"result\"><span class=\"sr\">Result: </span>3 &lt; 4</span>"));
  CHECK(has(lanes, "<li class=\"a writes open-a\">"));
  CHECK(has(lanes, "<li class=\"b breaks\">"));
  CHECK(has(lanes, "B breaks it"));
  CHECK(has(lanes, "lost</span>"));
  CHECK_FALSE(has(lanes, "open-b"));
  CHECK(count(html_lanes({{1, "BEGIN", false}, {0, "x", false}, {1, "y", true}}), " open-b") == 3);
  CHECK(count(html_lanes({{1, "x", false}, {0, "y", false}, {1, "ROLLBACK", false}, {1, "z", true}}), " open-b") == 3);
  CHECK(html_lanes({}).empty());
}

TEST_CASE("The timeline has what is known of time, and says what is not", "[report][html]") {
  Report report = sample_report();
  const std::vector<std::string> anchors = {"f-1", "f-2"};
  std::string line = html_timeline(report, anchors);
  CHECK(has(line, "2026-01-01 00:00:00.000Z to 2026-01-01 01:00:00.125456Z"));
  CHECK(count(line, "<li class=\"input\">") == 1);  // standard input has no times
  CHECK(has(line, "<li class=\"error\" data-f=\"f-1\">"));
  CHECK(count(line, "<circle ") == 2);
  CHECK(has(line, ">00:15</text>"));
  CHECK(has(line, "1 finding without a time of its own."));

  // Clocks with a zone and clocks without do not compare.
  report.inputs[1].first_time = *parse_time("2026-01-01T00:30:00");
  report.inputs[1].last_time = *parse_time("2026-01-01T00:30:00");
  line = html_timeline(report, anchors);
  CHECK(count(line, "<ol class=\"timeline\">") == 2);
  CHECK(has(line, "it names no zone"));
  CHECK(has(line, "x1=\"50.00%\" x2=\"50.00%\""));  // one moment is in the middle

  report.inputs.clear();
  report.findings.erase(report.findings.begin());
  CHECK(html_timeline(report, {"f-2"}) == "<p class=\"empty\">No time is known: the inputs record none.</p>\n");

  // The ends of what a clock can say.
  report = sample_report();
  report.inputs[0].first_time.micros = parse_time("0001-01-01T00:00:00Z")->micros;
  report.inputs[0].last_time.micros = parse_time("9999-12-31T23:59:59Z")->micros;
  CHECK(has(html_timeline(report, anchors), "9999-12-31 23:59:59.000Z"));
}

TEST_CASE("The page: a strict policy by hash, one script, one style, nothing fetched", "[report][html]") {
  const std::string page = write(sample_report());
  CHECK(has(page, "content=\"default-src 'none'; style-src 'sha256-"));
  CHECK(count(page, "'sha256-") == 2);
  CHECK_FALSE(has(page, "unsafe-"));
  CHECK(count(page, "<script") == 1);
  CHECK(count(page, "</script") == 1);
  CHECK(count(page, "<style") == 1);
  for (std::string_view fetches : {" src=", "<link", "@import", "url(", "http:", "<iframe", "<img"}) CHECK_FALSE(has(page, fetches));
  CHECK(has(page, source("script.js")));
  CHECK(has(page, source("style.css")));
  CHECK_FALSE(has(source("script.js"), "</"));  // it would end the element, or begin to
  CHECK_FALSE(has(source("script.js"), "<!--"));
  CHECK_FALSE(has(source("style.css"), "</"));
  CHECK_FALSE(has(page.substr(0, page.find("<script>")), "{{"));
}

TEST_CASE("The page says all that the report knows", "[report][html]") {
  Report report = sample_report();
  report.baselined = 3;
  const std::string page = write(report);
  for (std::string_view part : {"<title>1 error, 1 warning in 2 inputs",
                                "PostgreSQL 15.18",
                                "READ COMMITTED",
                                "postgresql://app@db/shop",
                                "2 suppressed, 3 in the baseline",
                                "logs/app.csv",
                                "postgres-csv",
                                "standard input",
                                "3 lines not recognised",
                                "1 statement truncated by the log",
                                "names no session",
                                "DBA101",
                                "get-or-create-without-unique-key",
                                "Two sessions can both miss",
                                "no isolation level joins them",
                                "logs/app.csv:120",
                                "session 4242",
                                "2026-01-01 00:00:00.001Z",
                                "live-duplicates",
                                "1,240 times in 8 of 41 sessions",
                                "route /checkout",
                                "shop/views.py:88",
                                "CREATE UNIQUE INDEX",
                                "Trade-off",
                                "CONCURRENTLY cannot run inside",
                                "runs on an empty copy of the schema",
                                "display-only",
                                "UniqueConstraint(fields=[&quot;name&quot;]",
                                "id=\"f-9f86d081884c7d65\"",
                                "href=\"#rule-DBA101\"",
                                "href=\"#rule-DBA109\"",
                                "id=\"rule-DBA109\"",
                                "scope-based",
                                "dbaudit:ignore DBA101"}) {
    CAPTURE(std::string(part));
    CHECK(has(page, part));
  }
  CHECK(page == write(report));
}

TEST_CASE("No string of a report is more than text on the page", "[report][html]") {
  Report report = sample_report();
  set_strings(report, "</pre>\"'><script>x</script><img src=x onerror=y>{{script}}\xff\x1b");
  const std::string page = write(report);
  CHECK(count(page, "<script") == 1);
  CHECK(count(page, "<img") == 0);
  CHECK(count(page, source("script.js")) == 1);
  CHECK(valid_utf8(page) == page);
  for (char c : page) CHECK_FALSE((static_cast<unsigned char>(c) < 0x20 && c != '\n'));
  // Quotes: the same page with harmless text has the same markup.
  std::string marks, harmless;
  for (char c : page) marks += c == '<' || c == '>' ? std::string(1, c) : "";
  set_strings(report, "x");
  for (char c : write(report)) harmless += c == '<' || c == '>' ? std::string(1, c) : "";
  CHECK(marks == harmless);
}

TEST_CASE("Ids are one element's each", "[report][html]") {
  Report report = sample_report();
  report.findings.push_back(report.findings[0]);
  report.findings.push_back(report.findings[0]);
  const std::string page = write(report);
  CHECK(count(page, "id=\"f-9f86d081884c7d65\"") == 1);
  CHECK(count(page, "id=\"f-9f86d081884c7d65-2\"") == 1);
  CHECK(count(page, "id=\"f-9f86d081884c7d65-3\"") == 1);
  CHECK(count(page, "data-f=\"f-9f86d081884c7d65-3\"") == 1);
}

TEST_CASE("Long lists are folded", "[report][html]") {
  Report report = sample_report();
  Finding& f = report.findings[0];
  f.statements.resize(40, f.statements[0]);
  f.evidence.resize(40, f.evidence[0]);
  report.findings.assign(200, Finding(f));
  const std::string page = write(report);
  CHECK(has(page, "<summary>34 more statements</summary>"));
  CHECK(has(page, "<summary>34 more pieces of evidence</summary>"));
  CHECK(has(page, "<summary>180 more findings</summary>"));
  CHECK(count(page, "<details open>") == 1);
}

TEST_CASE("A long statement is folded behind a short one; the drawing has only the short one", "[report][html]") {
  Report report = sample_report();
  std::string sql = "INSERT INTO t VALUES (?)";
  for (int i = 0; i < 1000; ++i) sql += ", (?)";
  report.findings[0].statements = {{"insert", sql, {}, "", {}}};
  report.findings[0].interleaving = {{0, sql + " → rows", true}};
  const std::string page = write(report);
  CHECK(count(page, sql) == 1);
  CHECK(count(page, "<summary><code>INSERT INTO t VALUES") == 1);
  CHECK(html_lanes(report.findings[0].interleaving).size() < 1500);
}

TEST_CASE("No findings, no inputs, nothing known: still a page", "[report][html]") {
  const std::string page = write({});
  CHECK(has(page, "<title>No findings in the schema"));
  CHECK(has(page, "Nothing was found."));
  CHECK(has(page, "No log was read"));
  CHECK_FALSE(has(page, "id=\"rules\""));
}

}  // namespace
}  // namespace dbaudit
