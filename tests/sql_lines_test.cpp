#include "analyzers/log/formats/sql_lines.h"

#include <memory>
#include <string>
#include <vector>

#include "analyzers/log/source.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<size_t> read(char* buffer, size_t size) override {
    const size_t n = text_.copy(buffer, size, at_);
    at_ += n;
    return n;
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

/// Entries begin with `> `.
struct Entry : VerbatimStatement {
  bool starts(std::string_view line) { return line.starts_with("> "); }
  bool goes_on(std::string_view line) { return sql.continues(line); }
};

/// The texts of the entries, those whose quote stays open with a `!` in front.
std::vector<std::string> entries(const std::string& log, const GatherLimits& limits) {
  Lines lines(std::make_unique<TextSource>(log));
  SqlLines sql;
  std::vector<std::string> result;
  while (lines.peek()) {
    lines.mark();
    lines.take();
    sql.reset();
    Entry entry{{lines, sql, 2}};
    sql.advance(entry.text());
    const GatheredLines gathered = gather_lines(lines, entry, limits);
    result.push_back((gathered.cut ? "!" : "") + std::string(entry.text()));
  }
  return result;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("sql lines: what is unfinished") {
  for (const char* text : {"SELECT", "SELECT a,", "f(", "a =", "a AND", "ON CONFLICT DO UPDATE", "a UNION ALL", "ON DUPLICATE KEY", ""}) {
    INFO(text);
    SqlLines sql;
    sql.advance(text);
    CHECK(sql.is_unfinished());
  }
  for (const char* text : {"SELECT 1", "SELECT 1 FOR UPDATE", "SELECT 1 FOR NO KEY UPDATE", "DISCARD ALL", "SET x = ON", "SELECT t.from",
                           "SELECT :limit", "f(1) -- ,", "SELECT 'a,'", "SELECT 1 /* , */"}) {
    INFO(text);
    SqlLines sql;
    sql.advance(text);
    CHECK_FALSE(sql.is_unfinished());
  }
}

TEST_CASE("sql lines: which lines go on") {
  struct Case {
    const char* statement;
    const char* line;
    bool foreign, later, statement_lines;  // for each Indented
  };
  const Case cases[] = {
      {"SELECT 1", "WHERE a", true, true, true},
      {"SELECT 1", "Where are we", false, false, false},
      {"SELECT 1", "where: here", false, false, false},
      {"SELECT 1", "Order 5 was placed", false, false, false},
      {"SELECT 1", "ORDER 5", false, false, false},
      {"SELECT 1", "order by 1", true, true, true},
      {"SELECT 1", "not found", false, false, false},  // small letters in a statement of capitals
      {"select 1", "not found", true, true, true},
      {"SELECT 1", "   indented", false, false, true},
      {"SELECT 1\nFROM t", "   indented", false, true, true},
      {"SELECT 1\nFROM t", "   at f (x.js:1:2)", false, false, false},
      {"SELECT 1\nFROM t", "   ... 5 more", false, false, false},
      {"SELECT 1", "(node:5) Warning", false, false, false},
      {"SELECT 1", "(Use it so)", false, false, false},
      {"INSERT INTO t", "(a, b)", true, true, true},
      {"SELECT 1", "==> file", false, false, false},
      {"SELECT 1", "= 2", true, true, true},
      {"SELECT 1", "|| 'x'", true, true, true},
      {"SELECT 1", "---", false, false, false},
      {"SELECT 1", "-- note", true, true, true},
      {"SELECT 1", "DELETE /users/5 204", false, false, false},
      {"SELECT 1;", "UPDATE t SET a = 1", true, true, true},
      {"SELECT 1;", "Server started", false, false, false},
      {"COMMIT", "WHERE a", false, false, false},
      {"SELECT 'a", "> anything", true, true, true},
  };
  for (const Case& c : cases) {
    INFO(c.statement << " | " << c.line);
    SqlLines sql;
    sql.reset();
    std::string text;
    for (const char* p = c.statement; *p != '\0'; ++p) {
      if (*p == '\n') sql.advance(text);
      text += *p;
    }
    sql.advance(text);
    CHECK(sql.continues(c.line, Indented::kForeign) == c.foreign);
    CHECK(sql.continues(c.line, Indented::kLater) == c.later);
    CHECK(sql.continues(c.line, Indented::kStatement) == c.statement_lines);
  }
}

TEST_CASE("sql lines: entries inside literals, and literals that never end") {
  const GatherLimits limits{.starts = 3, .starts_at_end = 2};
  CHECK(entries("> SELECT 'a\n> b\n> c'\n> SELECT 2\n", limits) == Texts{"SELECT 'a\n> b\n> c'", "SELECT 2"});
  CHECK(entries("> SELECT 'a\n> b", limits) == Texts{"!SELECT 'a\n> b"});
  // As many at the end of the log as the limit: it was a log that the quote swallowed.
  CHECK(entries("> SELECT 'a\nx\n> b\n> c", limits) == Texts{"!SELECT 'a\nx", "b", "c"});
  CHECK(entries("> SELECT 'a\n> b\n> c\n> d\n> e'\n", limits) == Texts{"!SELECT 'a", "b", "c", "d", "!e'"});
  // Each literal has the limit for itself.
  CHECK(entries("> SELECT 'a\n> b\n> c',\n'\n> d\n> e'\n", limits) == Texts{"SELECT 'a\n> b\n> c',\n'\n> d\n> e'"});
  const std::string filler(100, 'x');
  CHECK(entries("> SELECT 'a\n> b\n" + filler + "\n" + filler + "\n'\n", {.bytes = 120}).size() > 1);
  CHECK(entries("> SELECT 'a\n> b\n" + filler + "\n'\n", {.bytes = 120}).size() == 1);
}

TEST_CASE("plain text: colours and line ends") {
  std::string storage;
  CHECK(skip_colours("\x1b[1m\x1b[36mUser", 0) == 9);
  CHECK(skip_colours("\x1b[2Jx", 0) == 0);
  CHECK(skip_colours("\x1b[36", 0) == 0);
  CHECK(without_colours("plain", storage) == "plain");
  CHECK(without_colours("\x1b[1;34mab\x1b[0mc\x1b[K\x1b[3", storage) == "abc");
  CHECK(without_colours("a\x1bz\x1b[2Jb", storage) == "a\x1bz\x1b[2Jb");
  CHECK(has_dos_lines("a\r\nb\r\nc"));
  CHECK_FALSE(has_dos_lines("a\r\nb\n"));
  CHECK_FALSE(has_dos_lines("a"));
  CHECK(with_plain_newlines("a\r\nb\rc\r\n\r", storage) == "a\nb\rc\n\r");
}

}  // namespace dbaudit
