#include "cli/report/layout.h"

#include "tests/catch.h"

namespace dbaudit {

TEST_CASE("Display width counts terminal columns", "[layout]") {
  struct {
    const char* text;
    int width;
  } const cases[] = {{"", 0}, {"abc", 3}, {"é", 1}, {"e\xCC\x81", 1}, {"…→│", 3}, {"日本", 4}, {"😀", 2}, {"\xEF\xBF\xBD", 1}, {"ｶ", 1}};
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(display_width(c.text) == c.width);
  }
  CHECK(pad_right("日", 4) == "日  ");
  CHECK(pad_right("abcdef", 4) == "abcdef");
}

TEST_CASE("Wrapping breaks at blanks, hangs, and cuts only what is longer than a line", "[layout]") {
  using Lines = std::vector<std::string>;
  CHECK(wrap("", 20) == Lines{""});
  CHECK(wrap("one two three", 20) == Lines{"one two three"});
  CHECK(wrap("one two three", 9) == Lines{"one two", "three"});
  CHECK(wrap("one two three four", 10, 2) == Lines{"one two", "  three", "  four"});
  CHECK(wrap("aaaaaaaaaaaaaaaaaaaa bb", 9) == Lines{"aaaaaaaaa", "aaaaaaaaa", "aa bb"});
  CHECK(wrap("日本語 日本語", 8) == Lines{"日本語", "日本語"});
  for (int width = 10; width < 60; ++width) {
    for (const std::string& line : wrap("SELECT … FROM shop_tag WHERE name = ? and so on → no row", width, 2))
      CHECK(display_width(line) <= width);
  }
}

TEST_CASE("Elision keeps both ends and never exceeds its width", "[layout]") {
  const std::string sql = "INSERT INTO shop_tag (name, created_at, updated_at) VALUES (?, ?, ?) RETURNING shop_tag.id";
  CHECK(elide_middle(sql, 200, "…") == sql);
  for (int width = 12; width < 95; ++width) {
    std::string shorter = elide_middle(sql, width, "…");
    CAPTURE(width, shorter);
    CHECK(display_width(shorter) <= width);
    CHECK(shorter.substr(0, 3) == "INS");
    CHECK((shorter == sql || shorter.find(" … ") != std::string::npos));
  }
  CHECK(elide_middle("日本語日本語日本語日本語", 12, "…") == "日本 … 本語");
}

TEST_CASE("A long SELECT loses its column list first", "[layout]") {
  CHECK(shorten_statement("SELECT id, name FROM t WHERE a = ?", 30, "…") == "SELECT … FROM t WHERE a = ?");
  CHECK(shorten_statement("SELECT id FROM t", 30, "…") == "SELECT id FROM t");
  // A FROM inside parentheses or quotes belongs to the list.
  CHECK(shorten_statement("SELECT extract(year FROM d), \"x from y\", 'from' FROM t WHERE a = ?", 30, "…") ==
        "SELECT … FROM t WHERE a = ?");
  CHECK(shorten_statement("select a, b, from_date, xfrom from t where aaaa = ?", 40, "...") == "select ... from t where aaaa = ?");
}

TEST_CASE("Numbers and counts read well", "[layout]") {
  CHECK(with_thousands(0) == "0");
  CHECK(with_thousands(999) == "999");
  CHECK(with_thousands(1000) == "1,000");
  CHECK(with_thousands(1234567) == "1,234,567");
  CHECK(count_of(1, "error") == "1 error");
  CHECK(count_of(0, "note") == "0 notes");
}

TEST_CASE("ASCII for a locale that is not UTF-8", "[layout]") {
  CHECK(to_ascii("a → b … ‘c’ — d") == "a -> b ... 'c' - d");
  CHECK(to_ascii("naïve 日") == "na?ve ?");
}

TEST_CASE("Paint adds nothing when colours are off", "[layout]") {
  CHECK(Painter(false)(Ink::kError, "x") == "x");
  CHECK(Painter(true)(Ink::kError, "x") == "\x1b[1;31mx\x1b[0m");
  CHECK(Painter(true)(Ink::kPlain, "x") == "x");
  CHECK(Painter(true)(Ink::kError, "").empty());
}

}  // namespace dbaudit
