// A statement told from its bytes is told as from its words: the same template, the same values.

#include <random>
#include <string>
#include <vector>

#include "analyzers/sql/fingerprint.h"
#include "analyzers/sql/templates.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

/// `@` stands for a value.
constexpr std::string_view kPatterns[] = {
    "SELECT \"t\".\"id\", \"t\".\"c1\" FROM \"t\" WHERE \"t\".\"id\" = @ LIMIT 21",
    "SELECT `t`.`id` FROM `t` WHERE `t`.`a` = @ AND b <> @ ORDER BY 1",
    "INSERT INTO t (a, b, c, d) VALUES (@, @, @, @)",
    "INSERT INTO t VALUES (@,@), (@,@)",
    "UPDATE t SET a = @, b=@, c = c - @ WHERE id = @ AND (d = @)",
    "UPDATE t SET a = @ WHERE id = @;",
    "SELECT * FROM t WHERE id IN (@, @,@) AND k = @",
    "SELECT * FROM t WHERE id IN (@) OR x IS NOT @",
    "SELECT * FROM t WHERE k = $1 AND v = @ AND w = $2 AND z = @",
    "SELECT * FROM t WHERE k = ? AND v = @ AND w = ?",
    "SELECT @ AS n, date @, @::text, ARRAY[@, @]",
    "SELECT interval @ day, f(@), x@y, 'a' @ 'b'",
    "SELECT * FROM t1 WHERE a1b = @ -- @\n AND c = @ /* @ */",
    "SET @",
    "SET autocommit = @",
    "SET x = @, y = @",
    "CALL p(@, @)",
    "DO @",
    "SELECT GET_LOCK(@, @)",
    "SELECT a FROM t WHERE b BETWEEN @ AND @ LIMIT @ OFFSET @",
    "SELECT CASE WHEN a = @ THEN @ ELSE @ END FROM t WHERE s LIKE @",
    "DELETE FROM t WHERE (a, b) IN ((@, @), (@, @))",
    "SAVEPOINT @",
    "@",
};

constexpr std::string_view kValues[] = {
    "1",       "42",        "007",
    "3.14",    "1.",        ".5",
    "1e5",     "-1",        "+2",
    "0x1F",    "1..2",      "12abc",
    "'x'",     "''",        "'it''s'",
    "'a\\'b'", "'a\\\\'",   "'\\'",
    "'abc",    "E'x\\n'",   "N'x'",
    "X'00'",   "\"q\"",     "'é ü'",
    "NULL",    "null",      "TRUE",
    "false",   "nullx",     "DEFAULT",
    "now()",   "$3",        "?",
    "%s",      ":name",     "(1)",
    "'a' 'b'", "1, 2",      "'2026-01-01 10:00:00'",
    "'0'",     "'5",        "5'",
    "--",      "/* c */ 1", "1 -- c",
    "'--'",    "'/*'",      "1_000",
};

std::string fill(std::string_view pattern, std::mt19937& random, bool plain) {
  std::string sql;
  for (const char c : pattern) {
    if (c == '@') {
      sql += plain ? kValues[std::vector<size_t>{0, 1, 3, 12, 14, 24, 26, 38}[random() % 8]] : kValues[random() % std::size(kValues)];
    } else {
      sql += c;
    }
  }
  return sql;
}

bool same(const Value& a, const Value& b) { return a.kind == b.kind && a.hash() == b.hash() && a.text == b.text; }

bool same(std::span<const Value> a, std::span<const Value> b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!same(a[i], b[i])) return false;
  }
  return true;
}

bool same(const BoundValues& a, const BoundValues& b) {
  if (!same(a.slots, b.slots) || !same(a.more_rows(), b.more_rows()) || a.lists().size() != b.lists().size()) return false;
  for (size_t i = 0; i < a.lists().size(); ++i) {
    if (!same(a.lists()[i], b.lists()[i])) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("known shapes: a statement has the template and the values that its words give it") {
  std::mt19937 random(20261121);
  const std::vector<BindValue> params = {{.text = "p1"}, {.text = "2", .is_number = true}, {.text = "", .is_null = true}};
  for (const Engine engine : {Engine::kPostgres, Engine::kMariaDb, Engine::kMySql, Engine::kSqlite, Engine::kUnknown}) {
    const Dialect& dialect = dialect_of(engine);
    Templates seen_before(dialect);  // has all shapes of the round so far
    Fingerprinter by_words(dialect);
    for (int round = 0; round < 60'000; ++round) {
      const std::string sql = fill(kPatterns[random() % std::size(kPatterns)], random, random() % 3 != 0);
      CAPTURE(engine_name(engine), sql);
      Arena arena;
      const Template* const t = seen_before.intern(sql, false);
      const BoundValues values = seen_before.bind(params, true, arena);
      const Normalised& n = by_words.normalise(sql);
      const BoundValues expected = by_words.bind(params, true, arena);
      const bool is_right = t->text.str() == n.text && same(values, expected);
      if (!is_right) {
        CHECK(t->text.str() == n.text);
        REQUIRE(values.slots.size() == expected.slots.size());
        for (size_t i = 0; i < values.slots.size(); ++i) {
          CAPTURE(i);
          CHECK(values.slots[i].text == expected.slots[i].text);
          CHECK(values.slots[i].hash() == expected.slots[i].hash());
          CHECK(static_cast<int>(values.slots[i].kind) == static_cast<int>(expected.slots[i].kind));
        }
        CHECK(values.lists().size() == expected.lists().size());
        CHECK(values.more_rows().size() == expected.more_rows().size());
        FAIL("values differ");
      }
    }
    CHECK(seen_before.size() > 500);
  }
}

}  // namespace dbaudit
