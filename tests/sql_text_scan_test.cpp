#include "analyzers/log/formats/sql_text_scan.h"

#include <string>
#include <vector>

#include "tests/catch.h"

namespace dbaudit {
namespace {

constexpr SqlTextRules kPlain = sql_text_rules(false);
constexpr SqlTextRules kEscapes = sql_text_rules(true);
constexpr SqlTextRules kNested{SqlTextRules::Backslash::kCharacter, false, false, true, true};
constexpr SqlTextRules kEither{};

struct Case {
  SqlTextRules rules;
  std::string text;
  bool in_quote;
  int depth;
  std::string tail;  // what ends the code
};

const std::vector<Case>& cases() {
  static const std::vector<Case> list = {
      {kPlain, "SELECT 1", false, 0, "1"},
      {kPlain, "SELECT 'a", true, 0, ""},
      {kPlain, "SELECT 'a'", false, 0, "'"},
      {kPlain, "SELECT 'a''", true, 0, ""},
      {kPlain, "SELECT 'a''b'", false, 0, "'"},
      {kPlain, "SELECT \"a`'", true, 0, ""},
      {kPlain, "SELECT \"a\"\"\" FROM t ", false, 0, "FROM t"},
      {kPlain, "SELECT `a'\"", true, 0, ""},
      {kPlain, "SELECT `a` , ", false, 0, ","},
      {kPlain, "SELECT '\\'", false, 0, "'"},
      {kEscapes, "SELECT '\\'", true, 0, ""},
      {kEscapes, "SELECT '\\\\'", false, 0, "'"},
      {kEscapes, "SELECT \"\\\" (", true, 0, ""},
      {kEscapes, "SELECT `\\` (", false, 1, "("},
      {kEither, "SELECT '\\'", false, 0, "'"},  // closed as a character
      {kEither, "SELECT '\\' x", false, 0, "x"},
      {kEither, "SELECT '\\' ' (", false, 1, "("},  // closed as an escape
      {kEither, "SELECT '\\n", true, 0, ""},
      {kEither, "SELECT '\\\\' AND 'b", true, 0, ""},
      {kPlain, "SELECT E'\\'", true, 0, ""},
      {kPlain, "SELECT e'it\\'s'", false, 0, "'"},
      {kPlain, "SELECT note'\\'", false, 0, "'"},  // an `e` of a word
      {kPlain, "SELECT 1 -- it's (", false, 0, "1"},
      {kPlain, "SELECT 1 -- it's\n+ (2", false, 1, "(2"},
      {kPlain, "SELECT 5 - -1 /2", false, 0, "/2"},
      {kPlain, "SELECT 1 /* ' ( ", true, 0, "1"},
      {kPlain, "SELECT 1 /* /* */ FROM", false, 0, "FROM"},
      {kPlain, "SELECT 1 /*/", true, 0, "1"},
      {kPlain, "SELECT 1 /***/ ,", false, 0, ","},
      {kNested, "SELECT 1 /* /* */ '", true, 0, "1"},
      {kNested, "SELECT 1 /* /* ' */ */ ,", false, 0, ","},
      {kPlain, "SELECT $$ ' ( ", true, 0, ""},
      {kPlain, "SELECT $$ ' $ $$ x", false, 0, "x"},
      {kPlain, "DO $fn$ $f $fn $$ $fn$ x", false, 0, "x"},
      {kPlain, "DO $fn$ a $$ b", true, 0, ""},
      {kPlain, "SELECT $1, $2", false, 0, "$2"},
      {kPlain, "SELECT a$b$ '", true, 0, ""},
      {kPlain, "SELECT a$b$ FROM", false, 0, "FROM"},  // a name, no quote
      {kPlain, "SELECT $\xC3\xA9$ '", true, 0, ""},
      {kPlain, "f((1), (2)", false, 1, ")"},
      {kPlain, ")) (", false, 1, "("},  // never below zero
      {kMySqlTextRules, "SELECT 1 # it's", false, 0, "1"},
      {kMySqlTextRules, "SELECT 5--1, '", true, 0, ""},
      {kMySqlTextRules, "SELECT 5 -- 1, '", false, 0, "5"},
      {kMySqlTextRules, "SELECT 5 --\n, (", false, 1, "("},
      {kMySqlTextRules, "SELECT $$ '", true, 0, ""},
      {kMySqlTextRules, "SELECT $$ ' '", false, 0, "'"},
      {kPlain, std::string("SELECT '\0', (", 13), false, 1, "("},
  };
  return list;
}

void check(const SqlTextScan& scan, const Case& c) {
  CHECK(scan.in_quote() == c.in_quote);
  CHECK(scan.depth() == c.depth);
  const std::string tail(scan.tail());
  if (!c.in_quote || !c.tail.empty()) CHECK(tail.substr(tail.size() - std::min(tail.size(), c.tail.size())) == c.tail);
}

}  // namespace

TEST_CASE("sql text: quotes, comments and parentheses") {
  for (const Case& c : cases()) {
    INFO(c.text);
    SqlTextScan scan(c.rules);
    scan.advance(c.text);
    check(scan, c);
  }
}

TEST_CASE("sql text: whatever the pieces, the state is the same") {
  for (const Case& c : cases()) {
    for (size_t first = 0; first <= c.text.size(); ++first) {
      for (size_t second = first; second <= c.text.size(); ++second) {
        INFO(c.text << " | " << first << " | " << second);
        SqlTextScan fed(c.rules);
        fed.feed(std::string_view(c.text).substr(0, first));
        fed.feed(std::string_view(c.text).substr(first, second - first));
        fed.feed(std::string_view(c.text).substr(second));
        check(fed, c);
        SqlTextScan grown(c.rules);
        grown.advance(std::string_view(c.text).substr(0, first));
        grown.advance(std::string_view(c.text).substr(0, second));
        grown.advance(c.text);
        check(grown, c);
      }
    }
    SqlTextScan bytes(c.rules);
    for (const char byte : c.text) bytes.feed({&byte, 1});
    INFO(c.text << " | byte by byte");
    check(bytes, c);
  }
}

TEST_CASE("sql text: stops outside of quotes and in comments of one line") {
  const std::string text = "a; ';' \"[\" `{` /* ; */ $x$;$x$ [ {  -- ;\n;";
  const auto all = [&](uint8_t stops) {
    std::vector<size_t> found;
    SqlTextScan scan(kPlain);
    for (size_t at = scan.find(text, stops); at != std::string::npos; at = scan.find(text, stops)) found.push_back(at);
    return found;
  };
  CHECK(all(kStopSemicolon) == std::vector<size_t>{1, 39, 41});
  CHECK(all(kStopBracket) == std::vector<size_t>{31});
  CHECK(all(kStopBracket | kStopBrace) == std::vector<size_t>{31, 33});
  CHECK(all(kStopColour).empty());
  // The text may grow, also in the middle of a mark.
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    INFO(cut);
    std::vector<size_t> found;
    SqlTextScan scan(kPlain);
    for (const std::string_view part : {std::string_view(text).substr(0, cut), std::string_view(text)}) {
      for (size_t at = scan.find(part, kStopSemicolon); at != std::string::npos; at = scan.find(part, kStopSemicolon)) found.push_back(at);
    }
    CHECK(found == std::vector<size_t>{1, 39, 41});
  }
}

TEST_CASE("sql text: long literals full of backslashes and quotes take time by their length") {
  std::string text = "SELECT '";
  for (int i = 0; i < 1 << 20; ++i) text += "\\'";
  SqlTextScan scan(kEscapes);
  scan.advance(text);
  CHECK(scan.in_quote());
  text += "'";
  scan.advance(text);
  CHECK_FALSE(scan.in_quote());
}

TEST_CASE("sql text: placeholders") {
  for (const char* text : {"a = ?", "a = $1", "a = %s", "a = :name", "a = @p0", "'x' || ?"}) {
    INFO(text);
    CHECK(has_placeholder(text));
  }
  for (const char* text : {"a = '?'", "a::text", "a = \"$1\"", "f(`:x`)", "a $ b", "5 % 2"}) {
    INFO(text);
    CHECK_FALSE(has_placeholder(text));
  }
}

}  // namespace dbaudit
