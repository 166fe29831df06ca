#include "analyzers/log/formats/mysql_quotes.h"

#include <iterator>
#include <string>

#include "analyzers/log/formats/sql_text_scan.h"
#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

using mysql_text::OpenQuote;

bool ends_open(const std::string& text) {
  OpenQuote quote;
  quote.advance(text);
  return quote.is_open();
}

}  // namespace

TEST_CASE("mysql quotes: what is open at the end") {
  const std::pair<const char*, bool> cases[] = {
      {"", false},
      {"SELECT `a`.`b` FROM `t` WHERE `c` = 1", false},
      {"SELECT `a`.`b", true},
      {"SELECT 'it''s", true},
      {"SELECT 'it''s'", false},
      {R"(SELECT 'it\'s)", true},
      {R"(SELECT 'a\\')", false},
      {R"(SELECT `a\`)", false},
      {R"(SELECT "a'b")", false},
      {"SELECT '`'", false},
      {"SELECT `it's`", false},
      {"SELECT 1 # it's", false},
      {"SELECT 1 -- it's", false},
      {"SELECT 1 --it's", true},
      {"SELECT 1 ---it's", true},
      {"SELECT 1 - '", true},
      {"SELECT 1 --", false},
      {"SELECT 1 /* it's", true},
      {"SELECT 1 /* it's */", false},
      {"SELECT 1 /*/", true},
      {"SELECT 1 /2", false},
      {"SELECT 1 /* a\nb */ + '", true},
      {"SELECT 1 # it's\n + 'x'", false},
      {"SELECT 1 -- it's\n + 'x", true},
      {"SELECT `a`, `b`, `c`, `d`, `e`, `f`, `g`, `h`, `i`, `j` & 'x\n\t\t   12 Query\tCOMMIT", true},
  };
  for (const auto& [text, is_open] : cases) {
    INFO(text);
    CHECK(ends_open(text) == is_open);
  }
}

TEST_CASE("mysql quotes: the same as the scanner of all SQL, line by line") {
  // Mostly names, so that whole stretches have nothing else.
  const char* const pieces[] = {"`name`",
                                "`",
                                "'",
                                "''",
                                "\"",
                                "\\",
                                "--",
                                "-- ",
                                "-",
                                "#",
                                "/*",
                                "*/",
                                "/",
                                "*",
                                "\n",
                                "\r\n",
                                " = 12, ",
                                "SELECT ",
                                "`shop_product`.`updated_at`, ",
                                "`a`.`b`, ",
                                "&",
                                "(",
                                ")",
                                "\xC3\xA9",
                                ";"};
  Random random;
  size_t open = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (size_t i = random.next() % 40; i > 0; --i) {
      const bool is_name = random.next() % 3 != 0;
      text += is_name ? pieces[18] : pieces[random.next() % std::size(pieces)];
    }
    text += '\n';
    SqlTextScan scan(kMySqlTextRules);
    OpenQuote quote;
    for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) {
      const size_t end = at > 0 && text[at - 1] == '\r' ? at - 1 : at;  // as Lines::since_mark() shows it
      scan.advance(std::string_view(text).substr(0, end));
      quote.advance(std::string_view(text).substr(0, end));
      INFO(round << ": " << text.substr(0, end));
      REQUIRE(quote.is_open() == scan.in_quote());
      open += quote.is_open() ? 1 : 0;
    }
  }
  CHECK(open > 1000);
}

}  // namespace dbaudit
