#include "cli/markdown.h"

#include "tests/catch.h"

namespace dbaudit {

TEST_CASE("A page for a plain reader: wrapped prose, hanging lists, code as it is", "[markdown]") {
  ReportStyle style;
  style.width = 40;
  CHECK(render_markdown(R"(# DBA101 get-or-create

## What happens
Two sessions both miss and both insert, and `tag.name` is there
twice. **Nothing** says so, see [the manual](https://example.org/x).

- first: a long item that must be continued below itself
- second
  goes on
1. one

```sql
SELECT *  FROM tag WHERE name = 'a long literal that is not wrapped';

COMMIT;
```

| level | outcome |
|---|:--|
| RC | *a* `duplicate` |
| REPEATABLE READ | |
)",
                        style) == R"(DBA101 get-or-create

What happens
Two sessions both miss and both insert,
and `tag.name` is there twice. Nothing
says so, see the manual
(https://example.org/x).

- first: a long item that must be
  continued below itself
- second goes on
1. one

    SELECT *  FROM tag WHERE name = 'a long literal that is not wrapped';

    COMMIT;

    level            outcome
    RC               a `duplicate`
    REPEATABLE READ  
)");
}

TEST_CASE("On a terminal headings are bold and code is coloured, without backticks", "[markdown]") {
  ReportStyle style;
  style.color = true;
  CHECK(render_markdown("# A\n\nuse `x y` or **b**\n", style) == "\x1b[1mA\x1b[0m\n\nuse \x1b[32mx y\x1b[0m or \x1b[1mb\x1b[0m\n");
}

TEST_CASE("Marks that are not closed stay as they are", "[markdown]") {
  for (const char* text : {"a `b\n", "**b\n", "[x](y\n", "[x]\n", "a * b ** c\n", "a *b\n", "2 * 3 * 4\n", "``\n"}) {
    CAPTURE(text);
    CHECK(render_markdown(text, {}) == text);
  }
  CHECK(render_markdown("", {}).empty());
}

}  // namespace dbaudit
