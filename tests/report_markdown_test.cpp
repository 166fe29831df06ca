#include "cli/report/markdown.h"

#include "analyzers/base/text.h"
#include "tests/catch.h"
#include "tests/sample_report.h"

namespace dbaudit {
namespace {

std::string write(const Report& report) { return written("markdown", report); }

}  // namespace

TEST_CASE("Prose makes no markup, mention, reference or link", "[report][markdown]") {
  const std::pair<const char*, const char*> cases[] = {
      {"plain words, 10:30, 5% of a = b!", "plain words, 10:30, 5% of a = b!"},
      {"<img src=x> & <b>", "&lt;img src=x&gt; &amp; &lt;b&gt;"},
      {"a_b *c* `d` ~e~ [f](g) | $h$ \\", "a\\_b \\*c\\* \\`d\\` \\~&#8203;e\\~ \\[f\\](g) \\| \\$h\\$ \\\\"},
      {"@everyone x@y.example", "@&#8203;everyone x@&#8203;y.example"},
      {"#12 !3 %4 GH-5 # !", "&#8203;#&#8203;12 !&#8203;3 %&#8203;4 GH-&#8203;5 # !"},
      {"http://evil www.evil :smile:", "http:&#8203;//evil www.&#8203;evil :&#8203;smile:"},
      {"- item", "&#8203;- item"},
      {"1. item", "&#8203;1. item"},
      {"6 times", "6 times"},
      {"\x1b[2J\n# heading", "\\\\x1b\\[2J # heading"},
      {"", ""},
  };
  for (const auto& [text, markdown] : cases) {
    CAPTURE(text);
    CHECK(markdown_prose(text) == markdown);
  }
}

TEST_CASE("Code spans and fences are longer than what they hold", "[report][markdown]") {
  CHECK(markdown_code("") == "");
  CHECK(markdown_code("a.log:1") == "`a.log:1`");
  CHECK(markdown_code("a`b") == "`` a`b ``");
  CHECK(markdown_code("``x`") == "``` ``x` ```");
  CHECK(markdown_code("a|b") == "`a|b`");
  CHECK(markdown_code("a|b", true) == "`a\\|b`");
  CHECK(markdown_code("a\n\x1b") == "`a \\x1b`");
  CHECK(markdown_fence("SELECT 1;\n", "sql") == "```sql\nSELECT 1;\n```\n");
  CHECK(markdown_fence("a\r\n\tb\n````\n", "") == "`````\na\n    b\n````\n`````\n");
  CHECK(markdown_html("<b>'\"&@all $x$") == "&lt;b&gt;&#39;&quot;&amp;@&#8203;all &#36;x&#36;");
}

TEST_CASE("The comment: counts, a row and a section a finding", "[report][markdown]") {
  const std::string comment = write(sample_report());
  CHECK(comment.rfind("<!-- dbaudit -->\n### dbaudit: 1 error, 1 warning, 0 notes\n", 0) == 0);
  CHECK(comment.find("| error | `DBA101` get-or-create-without-unique-key | `public.shop_tag(name)` | observed | `shop/views.py:88` |\n") !=
        std::string::npos);
  CHECK(comment.find("<summary><b>error</b> <code>DBA101</code>") != std::string::npos);
  CHECK(comment.find("\n```sql\nSELECT name, count(*) FROM public.shop_tag GROUP BY name HAVING count(*) > 1;\nCREATE UNIQUE INDEX") !=
        std::string::npos);
  CHECK(comment.find("SET x = 1 -- for good\n;\n```") != std::string::npos);
  CHECK(write(Report{}) == "<!-- dbaudit -->\n### dbaudit: no findings\n\n0 inputs, 0 statements\n");
}

TEST_CASE("The comment fits what GitHub takes, whole sections only, and says what is left out", "[report][markdown]") {
  Report report = sample_report();
  for (size_t count : {1U, 40U, 5000U}) {
    report.findings.assign(count, sample_report().findings[0]);
    const std::string comment = write(report);
    CAPTURE(count);
    CHECK(comment.size() <= 65'536);
    size_t sections = 0, ends = 0;
    for (std::string_view line : split(comment, '\n')) {
      sections += line == "<details>" ? 1 : 0;
      ends += line == "</details>" ? 1 : 0;
    }
    CHECK(sections == ends);
    CHECK(sections > 0);
    const bool said = comment.find(" not shown: a comment holds 65,536 characters") != std::string::npos;
    CHECK(said == (sections < count));
  }
  // One section that is too long alone: still a comment.
  report.findings.assign(1, sample_report().findings[0]);
  report.findings[0].fixes[0].sql = {std::string(100'000, 'x')};
  CHECK(write(report).size() < 2000);
  CHECK(write(report).find("\n1 finding not shown") != std::string::npos);
}

}  // namespace dbaudit
