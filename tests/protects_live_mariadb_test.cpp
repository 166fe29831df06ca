// protects() asked, and a real MariaDB asked the same. Each case makes its table there, reads it back through information_schema, and runs for real
// what two racing sessions do after both missed: each inserts a row that the lookup finds. If the second is refused, there is a key; if both stay,
// there is none. Where a key is stricter than the lookup, a third row that the lookup does not find must be refused as well.

#include <algorithm>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/live_mariadb.h"

namespace dbaudit {
namespace {

constexpr unsigned kDuplicateKey = 1062;

/// `a`, `a!` (never NULL), `a~` (IS NULL), `a=5`; `(lower(a))` and the same marks behind the parenthesis.
LookupColumn column_of(const std::string& spec) {
  LookupColumn c;
  std::string rest = spec;
  if (rest[0] == '(') {
    const size_t close = rest.rfind(')');
    c.expression = rest.substr(1, close - 1);
    rest = rest.substr(close + 1);
  } else {
    const size_t end = rest.find_first_of("=!~");
    c.column = rest.substr(0, end);
    rest = end == std::string::npos ? "" : rest.substr(end);
  }
  c.known_not_null = rest == "!" || rest.starts_with('=');
  c.is_null = rest == "~";
  if (rest.starts_with('=')) c.has_value = true, c.value = rest.substr(1);
  return c;
}

enum class Answer { kProtects, kStricter, kNot };

struct Case {
  const char* what;
  std::string table;  // what stands behind CREATE TABLE t
  std::vector<std::string> lookup;
  std::string find;           // the lookup as the sessions run it; both rows satisfy it
  std::string first, second;  // VALUES of the two sessions
  Answer expected;
  const char* why;         // part of why_not
  std::string third = {};  // kStricter: a row that `find` does not find and the key refuses beside the first
};

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"no key at all", "(k int NOT NULL)", {"k"}, "k = 1", "(1)", "(1)", Answer::kNot, "no unique key"},
      {"a plain index", "(k int NOT NULL, KEY (k))", {"k"}, "k = 1", "(1)", "(1)", Answer::kNot, "no unique key"},
      {"a primary key", "(k int PRIMARY KEY)", {"k"}, "k = 1", "(1)", "(1)", Answer::kProtects, ""},
      {"a unique key", "(k int NOT NULL UNIQUE)", {"k"}, "k = 1", "(1)", "(1)", Answer::kProtects, ""},
      {"a key on part of the lookup",
       "(k int NOT NULL UNIQUE, v int)",
       {"k", "v"},
       "k = 1 AND v = 2",
       "(1, 2)",
       "(1, 2)",
       Answer::kProtects,
       ""},
      {"a key on more than the lookup",
       "(k int NOT NULL, v int NOT NULL, UNIQUE (k, v))",
       {"k"},
       "k = 1",
       "(1, 2)",
       "(1, 3)",
       Answer::kNot,
       "also has v"},
      {"a composite key, looked up whole",
       "(k int NOT NULL, v int NOT NULL, UNIQUE (k, v))",
       {"v", "k"},
       "k = 1 AND v = 2",
       "(1, 2)",
       "(1, 2)",
       Answer::kProtects,
       ""},
      {"a nullable column, looked up as NULL",
       "(k int UNIQUE)",
       {"k~"},
       "k IS NULL",
       "(NULL)",
       "(NULL)",
       Answer::kNot,
       "nullable column k"},
      {"a nullable column, never NULL", "(k int UNIQUE)", {"k!"}, "k = 1", "(1)", "(1)", Answer::kProtects, ""},
      {"a nullable column of a composite key",
       "(k int NOT NULL, v int, UNIQUE (k, v))",
       {"k!", "v~"},
       "k = 1 AND v IS NULL",
       "(1, NULL)",
       "(1, NULL)",
       Answer::kNot,
       "nullable column v"},
      {"NULL in no part of a composite key",
       "(k int NOT NULL, v int, UNIQUE (k, v))",
       {"k!", "v=2"},
       "k = 1 AND v = 2",
       "(1, 2)",
       "(1, 2)",
       Answer::kProtects,
       ""},
      {"a prefix of the value",
       "(k varchar(50) NOT NULL, UNIQUE (k(3)))",
       {"k!"},
       "k = 'abcdef'",
       "('abcdef')",
       "('abcdef')",
       Answer::kStricter,
       "first 3 characters",
       "('abcxyz')"},
      {"a prefix of a text",
       "(k text NOT NULL, UNIQUE (k(4)))",
       {"k!"},
       "k = 'abcdef'",
       "('abcdef')",
       "('abcdef')",
       Answer::kStricter,
       "first 4 characters",
       "('abcdzz')"},
      {"a whole text (hash)", "(k text NOT NULL, UNIQUE (k))", {"k!"}, "k = 'abc'", "('abc')", "('abc')", Answer::kProtects, ""},
      {"a whole blob (hash)", "(k blob NOT NULL, UNIQUE (k))", {"k!"}, "k = 'abc'", "('abc')", "('abc')", Answer::kProtects, ""},
      {"case is ignored by column and key alike",
       "(k varchar(20) COLLATE utf8mb4_general_ci NOT NULL UNIQUE)",
       {"k!"},
       "k = 'bob'",
       "('bob')",
       "('BOB')",
       Answer::kProtects,
       ""},
      {"accents are ignored by column and key alike",
       "(k varchar(20) COLLATE utf8mb4_unicode_ci NOT NULL UNIQUE)",
       {"k!"},
       "k = 'jose'",
       "('jose')",
       "('josé')",
       Answer::kProtects,
       ""},
      {"trailing blanks are ignored (PAD SPACE)",
       "(k varchar(20) COLLATE utf8mb4_general_ci NOT NULL UNIQUE)",
       {"k!"},
       "k = 'bob'",
       "('bob')",
       "('bob  ')",
       Answer::kProtects,
       ""},
      {"trailing blanks are ignored by _bin too (PAD SPACE)",
       "(k varchar(20) COLLATE utf8mb4_bin NOT NULL UNIQUE)",
       {"k!"},
       "k = 'bob'",
       "('bob')",
       "('bob ')",
       Answer::kProtects,
       ""},
      {"a binary collation",
       "(k varchar(20) COLLATE utf8mb4_bin NOT NULL UNIQUE)",
       {"k!"},
       "k = 'bob'",
       "('bob')",
       "('bob')",
       Answer::kProtects,
       ""},
      {"lower() of a column whose key tells case apart",
       "(k varchar(20) COLLATE utf8mb4_bin NOT NULL UNIQUE)",
       {"(lower(k))!"},
       "lower(k) = 'bob'",
       "('bob')",
       "('BOB')",
       Answer::kNot,
       "ignores case"},
      {"lower() of a column whose key ignores case",
       "(k varchar(20) COLLATE utf8mb4_general_ci NOT NULL UNIQUE)",
       {"(lower(k))!"},
       "lower(k) = 'bob'",
       "('bob')",
       "('BOB')",
       Answer::kProtects,
       ""},
      {"varbinary tells case apart, and so does its lookup",
       "(k varbinary(20) NOT NULL UNIQUE)",
       {"k!"},
       "k = 'bob'",
       "('bob')",
       "('bob')",
       Answer::kProtects,
       ""},
      {"lower() of a varbinary changes nothing",
       "(k varbinary(20) NOT NULL, UNIQUE (k))",
       {"k!"},
       "k = 'b'",
       "('b')",
       "('b')",
       Answer::kProtects,
       ""},
      {"a generated column stands for a functional key: the lookup is its expression",
       "(k varchar(20) COLLATE utf8mb4_bin NOT NULL, l varchar(20) COLLATE utf8mb4_bin GENERATED ALWAYS AS (lower(k)) VIRTUAL, UNIQUE (l))",
       {"(lower(k))!"},
       "lower(k) = 'bob'",
       "('bob', DEFAULT)",
       "('BOB', DEFAULT)",
       Answer::kProtects,
       ""},
      {"a generated column, looked up itself",
       "(k varchar(20) COLLATE utf8mb4_bin NOT NULL, l varchar(20) COLLATE utf8mb4_bin GENERATED ALWAYS AS (lower(k)) STORED, UNIQUE (l))",
       {"l!"},
       "l = 'bob'",
       "('bob', DEFAULT)",
       "('BOB', DEFAULT)",
       Answer::kProtects,
       ""},
      {"a generated column's key is stricter than a lookup of what it is made of",
       "(k varchar(20) COLLATE utf8mb4_bin NOT NULL, l varchar(20) COLLATE utf8mb4_bin GENERATED ALWAYS AS (lower(k)) VIRTUAL, UNIQUE (l))",
       {"k!"},
       "k = 'bob'",
       "('bob', DEFAULT)",
       "('bob', DEFAULT)",
       Answer::kStricter,
       "the generated column l",
       "('Bob', DEFAULT)"},
      {"a generated column that is NULL where the key is not to hold (a partial index's substitute)",
       "(k int NOT NULL, gone int NOT NULL, live int GENERATED ALWAYS AS (if(gone = 0, 1, NULL)) VIRTUAL, UNIQUE (k, live))",
       {"k!", "gone=0"},
       "k = 1 AND gone = 0",
       "(1, 0, DEFAULT)",
       "(1, 0, DEFAULT)",
       Answer::kProtects,
       ""},
      {"the same, for a row where it is NULL",
       "(k int NOT NULL, gone int NOT NULL, live int GENERATED ALWAYS AS (if(gone = 0, 1, NULL)) VIRTUAL, UNIQUE (k, live))",
       {"k!", "gone=1"},
       "k = 1 AND gone = 1",
       "(1, 1, DEFAULT)",
       "(1, 1, DEFAULT)",
       Answer::kNot,
       "NULL"},
      {"ifnull() of a nullable column makes NULL one value",
       "(k int NOT NULL, v int, n int GENERATED ALWAYS AS (ifnull(v, -1)) VIRTUAL, UNIQUE (k, n))",
       {"k!", "v~"},
       "k = 1 AND v IS NULL",
       "(1, NULL, DEFAULT)",
       "(1, NULL, DEFAULT)",
       Answer::kProtects,
       ""},
      {"a hash of the value",
       "(k varchar(500) COLLATE utf8mb4_bin NOT NULL, h binary(32) GENERATED ALWAYS AS (unhex(sha2(k, 256))) STORED, UNIQUE (h))",
       {"k!"},
       "k = 'a'",
       "('a', DEFAULT)",
       "('a', DEFAULT)",
       Answer::kNot,  // measured: it does protect; unhex() is not known never to be NULL, so no promise is made
       "may be NULL"},
      {"an ignored index still enforces",
       "(id int PRIMARY KEY, k int NOT NULL, UNIQUE u (k) IGNORED)",
       {"k"},
       "k = 1",
       "(1, 1)",
       "(2, 1)",
       Answer::kProtects,
       ""},
      {"a partitioned table's key holds across partitions (it has the partition's columns)",
       "(k int NOT NULL, d int NOT NULL, UNIQUE (k, d)) PARTITION BY HASH (d) PARTITIONS 4",
       {"k", "d"},
       "k = 1 AND d = 2",
       "(1, 2)",
       "(1, 2)",
       Answer::kProtects,
       ""},
      {"a partitioned table cannot make k alone unique",
       "(k int NOT NULL, d int NOT NULL, PRIMARY KEY (k, d)) PARTITION BY RANGE (d) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES "
       "LESS "
       "THAN MAXVALUE)",
       {"k"},
       "k = 1",
       "(1, 2)",
       "(1, 20)",
       Answer::kNot,
       "also has d"},
      {"an enum", "(k enum('a','b') NOT NULL UNIQUE)", {"k!"}, "k = 'a'", "('a')", "('A')", Answer::kProtects, ""},
      {"a set", "(k set('a','b') NOT NULL UNIQUE)", {"k!"}, "k = 'a,b'", "('a,b')", "('b,a')", Answer::kProtects, ""},
      {"the empty string is a value", "(k varchar(5) UNIQUE)", {"k="}, "k = ''", "('')", "('')", Answer::kProtects, ""},
      {"a bit", "(k bit(1) NOT NULL UNIQUE)", {"k!"}, "k = b'1'", "(b'1')", "(b'1')", Answer::kProtects, ""},
      {"a datetime cut to its seconds",
       "(k datetime NOT NULL UNIQUE)",
       {"k!"},
       "k = '2020-01-01 10:00:00'",
       "('2020-01-01 10:00:00')",
       "('2020-01-01 10:00:00')",
       Answer::kProtects,
       ""},
      {"an AUTO_INCREMENT key does not make another column unique",
       "(id int AUTO_INCREMENT PRIMARY KEY, k int NOT NULL)",
       {"k!"},
       "k = 1",
       "(DEFAULT, 1)",
       "(DEFAULT, 1)",
       Answer::kNot,
       "no unique key"},
      {"a descending key",
       "(k int NOT NULL, v int NOT NULL, UNIQUE (k DESC, v))",
       {"k", "v"},
       "k = 1 AND v = 1",
       "(1, 1)",
       "(1, 1)",
       Answer::kProtects,
       ""},
      {"MyISAM", "(k int NOT NULL UNIQUE) ENGINE=MyISAM", {"k"}, "k = 1", "(1)", "(1)", Answer::kProtects, ""},
      {"MyISAM and NULL", "(k int UNIQUE) ENGINE=MyISAM", {"k~"}, "k IS NULL", "(NULL)", "(NULL)", Answer::kNot, "nullable column k"},
      {"Aria", "(k int NOT NULL UNIQUE) ENGINE=Aria", {"k"}, "k = 1", "(1)", "(1)", Answer::kProtects, ""},
      {"system versioning: a key of the living rows",
       "(k int NOT NULL UNIQUE) WITH SYSTEM VERSIONING",
       {"k"},
       "k = 1",
       "(1)",
       "(1)",
       Answer::kProtects,
       ""},
  };
  return kCases;
}

TEST_CASE("protects() and a real MariaDB agree", "[schema][protects][live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const ScratchMariaDb db(*server, "protects");
  MariaDbWriter one(*server, db.name()), two(*server, db.name());
  for (const Case& c : cases()) {
    CAPTURE(c.what);
    one.run("DROP TABLE IF EXISTS t");
    one.run("CREATE TABLE t " + c.table);
    const Result<Catalog> catalog = introspect_dsn(server->dsn_of(db.name()));
    REQUIRE(catalog);
    const Table* t = catalog->find("", "t");
    REQUIRE(t != nullptr);

    // The race: both look, both miss, both insert.
    const std::string find = "SELECT count(*) FROM t WHERE " + c.find;
    CHECK(one.value(find) == "0");
    CHECK(two.value(find) == "0");
    one.run("INSERT INTO t VALUES " + c.first);
    const unsigned code = two.attempt("INSERT INTO t VALUES " + c.second);
    CHECK((code == 0 || code == kDuplicateKey));
    const bool duplicates = one.value(find) == "2";
    CHECK(duplicates == (code == 0));  // the lookup does find both rows

    std::vector<LookupColumn> lookup;
    for (const std::string& spec : c.lookup) lookup.push_back(column_of(spec));
    const Protection p = protects(*catalog, *t, lookup);
    CAPTURE(p.why_not);
    // What is promised holds; and no promise is withheld, but where the case says so.
    if (p.key != nullptr) CHECK_FALSE(duplicates);
    if (c.expected == Answer::kNot) {
      CHECK(p.key == nullptr);
    } else {
      CHECK(p.key != nullptr);
      CHECK_FALSE(duplicates);
      CHECK((p.near_miss != nullptr) == (c.expected == Answer::kStricter));
    }
    CHECK(p.why_not.find(c.why) != std::string::npos);
    if (c.expected == Answer::kStricter) {
      REQUIRE_FALSE(c.third.empty());
      CHECK(two.attempt("INSERT INTO t VALUES " + c.third) == kDuplicateKey);
      CHECK(two.value(find) == "1");
    }
  }
  CHECK(cases().size() >= 40);
}

}  // namespace
}  // namespace dbaudit
