// A statement told from its bytes is told as from its words: the same template, the same values.

#include <random>
#include <string>
#include <vector>

#include "analyzers/sql/fingerprint.h"
#include "analyzers/sql/known_shapes.h"
#include "analyzers/sql/templates.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

/// `@` stands for a value, `#` for a list of placeholders.
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
    "SELECT * FROM t WHERE id IN (#)",
    "SELECT * FROM t WHERE id IN (#) AND k = @",
    "SELECT * FROM t WHERE k = @ AND id IN (#) LIMIT @",
    "SELECT * FROM t WHERE id IN (#) AND b IN (#) AND c = $7",
    "SELECT f(#), g($1) FROM t WHERE x IN (@, #) OR x IN (#::int)",
    "INSERT INTO t (a, b) VALUES (#), (@, $2)",
    "@",
};

constexpr std::string_view kValues[] = {
    "1",
    "42",
    "007",
    "3.14",
    "1.",
    ".5",
    "1e5",
    "-1",
    "+2",
    "0x1F",
    "1..2",
    "12abc",
    "'x'",
    "''",
    "'it''s'",
    "'a\\'b'",
    "'a\\\\'",
    "'\\'",
    "'abc",
    "E'x\\n'",
    "N'x'",
    "X'00'",
    "\"q\"",
    "'é ü'",
    "NULL",
    "null",
    "TRUE",
    "false",
    "nullx",
    "DEFAULT",
    "now()",
    "$3",
    "?",
    "%s",
    ":name",
    "(1)",
    "'a' 'b'",
    "1, 2",
    "'2026-01-01 10:00:00'",
    "'0'",
    "'5",
    "5'",
    "--",
    "/* c */ 1",
    "1 -- c",
    "'--'",
    "'/*'",
    "1_000",
    // Longer than what is looked at in one step, and as long.
    "1234567890123456",
    "12345678901234567890",
    "123456789012345.25",
    "3.14159265358979323846",
    "0.5.5",
    "'fourteen bytes'",
    "'some sixteen bytes and more'",
    "'it''s one of those with a quote in it'",
    "'15 and a quote''''",
};

/// Of kValues: those that statements are full of.
constexpr size_t kPlain[] = {0, 1, 3, 12, 14, 24, 26, 38, 48, 49, 50, 51, 53, 54, 55};

std::string placeholders(std::mt19937& random, bool plain) {
  static constexpr std::string_view kOdd[] = {"$0", "$1a", "$1.5", "$99999999999", "$", "?", "%s", "$1 ", "$$x$$"};
  std::string list;
  const size_t first = random() % 3 + 1, count = random() % 6 + 1;
  const bool has_blanks = random() % 3 != 0;
  for (size_t i = 0; i < count; ++i) {
    if (i != 0) list += has_blanks ? ", " : ",";
    if (!plain && random() % 6 == 0) {
      list += kOdd[random() % std::size(kOdd)];
    } else {
      list += "$" + std::to_string(first + i);
    }
  }
  return list;
}

std::string fill(std::string_view pattern, std::mt19937& random, bool plain) {
  std::string sql;
  for (const char c : pattern) {
    if (c == '@') {
      sql += plain ? kValues[kPlain[random() % std::size(kPlain)]] : kValues[random() % std::size(kValues)];
    } else if (c == '#') {
      sql += placeholders(random, plain);
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

/// Holds what is told of `sql` against what its words say.
void compare(Templates& seen_before, Fingerprinter& by_words, const std::string& sql, const std::vector<BindValue>& params) {
  CAPTURE(sql);
  Arena arena;
  const Template* const t = seen_before.intern(sql, false);
  const BoundValues values = seen_before.bind(params, true, arena);
  const Normalised& n = by_words.normalise(sql);
  const BoundValues expected = by_words.bind(params, true, arena);
  if (t->text == n.text && same(values, expected)) return;
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
      CAPTURE(engine_name(engine));
      compare(seen_before, by_words, sql, params);
    }
    CHECK(seen_before.size() > 500);
  }
}

TEST_CASE("known shapes: a list of numbered placeholders is one shape, however long") {
  Templates templates(dialect_of(Engine::kPostgres));
  KnownShapes shapes(dialect_of(Engine::kPostgres));
  Fingerprinter by_words(dialect_of(Engine::kPostgres));
  const auto seen = [&](const std::string& sql) { return shapes.find(sql) != nullptr; };
  const std::string some = "SELECT a FROM t WHERE id IN ($1, $2, $3) LIMIT 5";
  by_words.normalise(some);
  shapes.add(some, by_words.last_lifted(), templates.intern(some, false), false);
  CHECK(seen(some));
  CHECK(seen("SELECT a FROM t WHERE id IN ($1) LIMIT 7"));
  CHECK(seen("SELECT a FROM t WHERE id IN ($1, $2, $3, $4, $5, $6, $7) LIMIT 5"));
  CHECK(shapes.lifted().elements.size() == 7);
  CHECK_FALSE(seen("SELECT a FROM t WHERE id IN ($1, 2, $3) LIMIT 5"));
  CHECK_FALSE(seen("SELECT a FROM t WHERE id IN ($1, $2, $3) LIMIT $4"));
}

TEST_CASE("known shapes: thousands that begin alike, here for long and there for short, and more than there is room for") {
  std::mt19937 random(20261122);
  Templates seen_before(dialect_of(Engine::kPostgres));
  Fingerprinter by_words(dialect_of(Engine::kPostgres));
  // What thirty tables' names begin with, and later three thousand: as long as the starts that are hashed, and a little more or less.
  std::vector<std::string> starts;
  constexpr size_t kLengths[] = {8, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 300, 600, 1100, 2100};
  for (const size_t length : kLengths) {
    for (const char letter : {'a', 'b'}) starts.push_back("UPDATE " + std::string(length - 7, letter));
  }
  for (int round = 0; round < 150'000; ++round) {
    std::string sql = starts[random() % starts.size()];
    for (size_t table = random() % (round < 75'000 ? 30 : 3000); table != 0; table /= 20) sql += static_cast<char>('c' + table % 20);
    sql += fill(random() % 2 == 0 ? " SET x = @ WHERE y = @" : " SET x = $1 WHERE y = $2", random, true);
    if (random() % 3 == 0) sql += " AND z IS NULL";
    compare(seen_before, by_words, sql, {});
  }
  CHECK(seen_before.size() > 10'000);
}

TEST_CASE("known shapes: thousands that are alike but for what is between their values, and more than are remembered") {
  std::mt19937 random(20261123);
  Templates seen_before(dialect_of(Engine::kPostgres));
  Fingerprinter by_words(dialect_of(Engine::kPostgres));
  // An ORM that writes the changed columns alone: one start, and a template for each set of columns.
  int longer = 0;
  std::vector<uint32_t> column_sets(20'000);
  for (uint32_t& columns : column_sets) columns = static_cast<uint32_t>(random()) >> 8U | 1U;
  for (int round = 0; round < 120'000; ++round) {
    std::string pattern = "UPDATE t SET ";
    uint32_t columns = column_sets[random() % (round % 3 == 0 ? 40 : column_sets.size())];
    for (int i = 0; columns != 0; ++i, columns >>= 1U) {
      if ((columns & 1U) != 0) pattern += (i == 0 ? "c" : ", c") + std::to_string(i) + " = @";
    }
    const std::string sql = fill(pattern + " WHERE id = @", random, true);
    compare(seen_before, by_words, sql, {});
    // Who looks ahead asks with a start made longer.
    StatementStart start = Templates::start_of(sql);
    for (int i = 0; i < 2; ++i) seen_before.expect_shape(start, sql);
    if (start.end != start.first) ++longer;
    const Template* const known = seen_before.intern(sql, false, start);
    if (known != seen_before.intern(sql, false)) FAIL(sql);
  }
  CHECK(seen_before.size() > 15'000);
  CHECK(longer > 100'000);
}

}  // namespace dbaudit
