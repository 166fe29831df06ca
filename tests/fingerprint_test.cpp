#include "analyzers/sql/fingerprint.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "analyzers/base/hash.h"
#include "analyzers/sql/lexer.h"
#include "analyzers/sql/tokens.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

constexpr Engine kPg = Engine::kPostgres;
constexpr Engine kMy = Engine::kMySql;
constexpr Engine kLite = Engine::kSqlite;

std::string text_of(std::string_view sql, Engine engine = kPg) { return Fingerprinter(dialect_of(engine)).normalise(sql).text; }

struct Case {
  Engine engine;
  std::string_view sql;
  std::string_view text;
};

void check_all(std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    INFO(engine_name(c.engine) << ": " << c.sql);
    CHECK(text_of(c.sql, c.engine) == c.text);
  }
}

/// The values of an execution, `[1 2]` for a list, `|` before the rows behind the first.
std::string values_of(std::string_view sql, std::vector<BindValue> params = {}, bool has_params = true, Engine engine = kPg) {
  Fingerprinter f(dialect_of(engine));
  const std::string copy(sql);
  f.normalise(copy);
  Arena arena;
  const BoundValues bound = f.bind(params, has_params, arena);
  std::string out;
  const auto append = [&out](const Value& v) {
    if (!out.empty() && out.back() != '[') out += ' ';
    switch (v.kind) {
      case ValueKind::kMissing: out += "missing"; return;
      case ValueKind::kNull: out += "null"; return;
      case ValueKind::kNumber: out += "n:"; break;
      case ValueKind::kString: out += "s:"; break;
      case ValueKind::kBool: out += "b:"; break;
      case ValueKind::kOther: out += "o:"; break;
    }
    out += v.text;
  };
  for (size_t i = 0; i < bound.slots.size(); ++i) {
    const std::span<const Value> list = bound.lists().empty() ? std::span<const Value>() : bound.lists()[i];
    if (list.empty()) {
      append(bound.slots[i]);
      continue;
    }
    CHECK(bound.slots[i].known() == (list.size() == 1 && list[0].known()));
    if (!out.empty()) out += ' ';
    out += '[';
    for (const Value& v : list) append(v);
    out += ']';
  }
  if (!bound.more_rows().empty()) out += " |";
  for (const Value& v : bound.more_rows()) append(v);
  return out;
}

std::vector<BindValue> numbers(std::initializer_list<std::string_view> texts) {
  std::vector<BindValue> out;
  for (const std::string_view t : texts) out.push_back({.text = t, .is_null = false, .is_number = true});
  return out;
}

/// The visible tokens of a statement with their slots: `where id = 0`.
std::string slots_of(std::string_view sql, Engine engine = kPg) {
  std::string out;
  for (const SlotToken& t : tokenise(sql, dialect_of(engine))) {
    if (t.folded) {
      CHECK(t.slot == -1);
      continue;
    }
    if (t.token.kind == TokenKind::kEnd) break;
    if (!out.empty()) out += ' ';
    if (t.slot < 0) {
      out += t.token.text;
    } else {
      out += '<' + std::to_string(t.slot) + ':' + std::string(t.token.text);
      if (t.list_length > 0) out += '*' + std::to_string(t.list_length);
      out += '>';
    }
  }
  return out;
}

class Random {
 public:
  size_t below(size_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<size_t>(state_ % n);
  }

 private:
  uint64_t state_ = 88172645463325252ULL;
};

constexpr std::string_view kStatements[] = {
    R"(SELECT "t"."id", "t"."Name" FROM "t" WHERE ("t"."name" = 'a' AND "t"."n" IN (1, 2, 3)) ORDER BY "t"."id" DESC LIMIT 21 FOR UPDATE)",
    R"(UPDATE "shop" SET "hits" = ("shop"."hits" + 1), "at" = '2026-01-01'::timestamptz, "x" = NULL WHERE "shop"."id" = -5)",
    R"(INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'it''s'), (-3, NULL) ON CONFLICT (a) DO UPDATE SET b = EXCLUDED.b RETURNING id)",
    R"(SELECT * FROM t WHERE (a, b) IN ((1, 2), (3, 4)) AND c = ANY(ARRAY[1, 2]) AND d IS NOT NULL AND e - 1 > 2.5e3)",
    R"(WITH x AS (SELECT 1 AS one) SELECT count(*) FROM x JOIN y ON x.one = y.two AND y.flag = TRUE WHERE lower(y.z) LIKE 'a%' || 'b')",
    R"(SELECT CASE WHEN a > 1 THEN -1 ELSE b - 1 END, a[1], coalesce(c, 0) + 1 FROM t GROUP BY 1 HAVING sum(d) >= 10)",
    R"(DELETE FROM t USING u WHERE t.id = u.id AND u.at < now() - INTERVAL '1 day')",
    R"(SAVEPOINT "s139911267995712_x1")",
};

}  // namespace

TEST_CASE("a literal and every placeholder style give one template") {
  for (const std::string_view value : {"5",
                                       "-5",
                                       "+5",
                                       "'5'",
                                       "E'5'",
                                       "5.0",
                                       "1e3",
                                       "$1",
                                       "?",
                                       "?1",
                                       "%s",
                                       ":id",
                                       "@id",
                                       "%(id)s",
                                       "NULL",
                                       "true",
                                       "x'05'",
                                       "'5'::int",
                                       "$1::bigint",
                                       "'a'::character varying(10)",
                                       "'a'::timestamp(3) with time zone",
                                       "'{1}'::int[]",
                                       "'1'::public.money",
                                       "'1'::double precision",
                                       "$$5$$",
                                       "ARRAY[1, 2]",
                                       "ARRAY['a']::text[]",
                                       "'1'::interval day to second"}) {
    INFO(value);
    CHECK(text_of("SELECT a FROM t WHERE id = " + std::string(value)) == "select a from t where id = ?");
    CHECK(text_of("SELECT a FROM t WHERE id=" + std::string(value) + " AND b") == "select a from t where id = ? and b");
  }
  for (const std::string_view list :
       {"1", "1,2,3", "'a', 'b'", "$1, $2", "?", "?,?", "%s,%s", "-1, +2", "'a'::text, 'b'::text", "NULL, 1", ":a, :b"}) {
    INFO(list);
    CHECK(text_of("SELECT a FROM t WHERE id IN (" + std::string(list) + ")") == "select a from t where id in (?)");
  }
  CHECK(text_of("SELECT a FROM t WHERE id IN %s") == "select a from t where id in (?)");
  CHECK(text_of("SELECT a FROM t WHERE id = ANY($1)") == text_of("SELECT a FROM t WHERE id = ANY(ARRAY[1, 2]::int[])"));
}

TEST_CASE("names, case, blanks and comments are normalised") {
  check_all({
      {kPg, R"(SELECT "t"."id" , t . "id",T.ID FROM "t" ;)", "select t.id, t.id, t.id from t"},
      {kMy, "SELECT `t`.`id` FROM `db` . `t`", "select t.id from db.t"},
      {kLite, "SELECT [t].[id], [a b], `c\"d` FROM [T]", R"(select t.id, "a b", "c""d" from "T")"},
      {kPg, R"(SELECT "userId", "a""b", "é", "1a", "")", R"(select "userId", "a""b", "é", "1a", "")"},
      {kPg, R"(SELECT "order", "user", "default", "null", "end")", R"(select "order", "user", "default", "null", "end")"},
      {kMy, "SELECT `a``b`", R"(select "a`b")"},
      {kPg, "select/**/a--x\n,b/* /* */ */from(t)", "select a, b from (t)"},
      {kPg, "SELECT count ( * ) , max( x )FROM t", "select count(*), max(x) from t"},
      {kPg, "BEGIN;;", "begin"},
      {kPg, ";BEGIN; ; COMMIT ;", "begin; commit"},
      {kMy, "/*!40101 SET NAMES utf8 */;", "set names utf8"},
      {kPg, "SELECT a::text, (b)::varchar(10), c::numeric(10,2)[] FROM t", "select a::text, (b)::varchar(10), c::numeric(10, 2)[] from t"},
      {kPg, "SELECT a->>'b', a@>'{}', -a, a[1]", "select a ->> ?, a @> ?, - a, a[?]"},
      {kPg, "", ""},
      {kPg, "-- only a comment", ""},
  });
}

TEST_CASE("a sign belongs to a number where no operand stands before it") {
  check_all({
      {kPg, "SELECT -1, - 2, +3, (-1), a = -1, a - 1, a -1, a - -1, (a) - 1, 1 - 2, 1-2",
       "select ?, ?, ?, (?), a = ?, a - ?, a - ?, a - ?, (a) - ?, ? - ?, ? - ?"},
      {kPg, "CASE WHEN a THEN -1 ELSE -2 END - 3", "case when a then ? else ? end - ?"},
      {kPg, "WHERE a BETWEEN -1 AND -2 LIMIT -1 OFFSET -2", "where a between ? and ? limit ? offset ?"},
      {kPg, "t.limit - 1, \"limit\" - 1, a[1] - 1, now() - 1, 'a' - 1, $1 - 1",
       "t.limit - ?, \"limit\" - ?, a[?] - ?, now() - ?, ? - ?, ? - ?"},
      {kPg, "a::int -1", "a::int - ?"},
      {kMy, "now() + INTERVAL -1 DAY", "now() + interval ? day"},
      {kPg, "a = - /* x */ 5", "a = ?"},
      {kPg, "- -1", "- ?"},
  });
}

TEST_CASE("TRUE, FALSE and NULL are lifted where a value stands") {
  check_all({
      {kPg, "a = NULL, b = true, (FALSE), f(null, 1)", "a = ?, b = ?, (?), f(?, ?)"},
      {kPg, "a IS NULL AND b IS NOT NULL AND c IS TRUE AND NOT false", "a is null and b is not null and c is true and not false"},
      {kPg, "ON DELETE SET NULL, a int NULL DEFAULT NULL, b int NOT NULL", "on delete set null, a int null default null, b int not null"},
      {kPg, "t.null, \"true\", SELECT 1 AS true", "t.null, \"true\", select ? as true"},
      {kPg, "UPDATE t SET a = NULL, b = DEFAULT", "update t set a = ?, b = default"},
  });
}

TEST_CASE("lists fold, and only lists of values") {
  check_all({
      {kPg, "a IN (1, 2) AND b NOT IN ('x')", "a in (?) and b not in (?)"},
      {kPg, "a IN (1, now(), 2)", "a in (?, now(), ?)"},
      {kPg, "a IN (1, b)", "a in (?, b)"},
      {kPg, "a IN (1, (2))", "a in (?, (?))"},
      {kPg, "a IN (1 + 2)", "a in (? + ?)"},
      {kPg, "a IN (SELECT b FROM c WHERE d IN (1, 2))", "a in (select b from c where d in (?))"},
      {kPg, "a IN (1, (SELECT b FROM c WHERE d IN (1, 2)), 3)", "a in (?, (select b from c where d in (?)), ?)"},
      {kLite, "a IN ()", "a in ()"},
      {kPg, "(a, b) IN ((1, 2), (3, 4), (5, 6))", "(a, b) in ((?, ?))"},
      {kPg, "(a, b) IN ((1, 2), (3, c))", "(a, b) in ((?, ?), (?, c))"},
      {kPg, "(a, b) IN ((1, 2), (3))", "(a, b) in ((?, ?), (?))"},
      {kPg, "ARRAY[1, a], ARRAY[]::int[], ARRAY[[1, 2], [3, 4]]", "array[?, a], array[]::int[], array[[?, ?], [?, ?]]"},
      {kPg, "f(1, 2), (1, 2), LIMIT 1, 5", "f(?, ?), (?, ?), limit ?, ?"},
      {kPg, "position('a' IN 'b'), position(? IN ?)", "position(? in ?), position(? in ?)"},
      {kPg, "a IN (1, 2", "a in (?, ?"},
  });
}

TEST_CASE("rows of VALUES fold when they have one shape") {
  check_all({
      {kPg, "INSERT INTO t (a, b) VALUES (1, 2)", "insert into t(a, b) values (?, ?)"},
      {kPg, "INSERT INTO t (a, b) VALUES (1, 'x'), ($1, NULL), (-1, 2.5) RETURNING id", "insert into t(a, b) values (?, ?) returning id"},
      {kPg, "INSERT INTO t VALUES (1, now()), (2, now())", "insert into t values (?, now())"},
      {kPg, "INSERT INTO t VALUES (1), (2), (now()), (4)", "insert into t values (?), (?), (now()), (?)"},
      {kPg, "INSERT INTO t VALUES (1), (DEFAULT)", "insert into t values (?), (default)"},
      {kPg, "INSERT INTO t VALUES (1, ARRAY[1]), (2, ARRAY[1, 2])", "insert into t values (?, ?)"},
      {kPg, "INSERT INTO t VALUES ((SELECT 1)), ((SELECT 2))", "insert into t values ((select ?))"},
      {kPg, "SELECT * FROM (VALUES (1, 2), (3, 4)) v (a, b), u", "select * from (values (?, ?)) v(a, b), u"},
      {kPg, "VALUES (1), (2)", "values (?)"},
      {kPg, "WITH x AS (VALUES (1), (2)) INSERT INTO t VALUES (1, 2), (3, 4)", "with x as (values (?)) insert into t values (?, ?)"},
      {kMy, "INSERT INTO t VALUES ROW(1, 2), ROW(3, 4)", "insert into t values row(?, ?)"},
      {kMy, "INSERT INTO t VALUES ROW(1), ROW(2), ROW(now())", "insert into t values row(?), row(?), row(now())"},
      {kMy, "INSERT INTO t (value) VALUE (1), (2)", "insert into t(value) value(?)"},
      {kMy, "INSERT INTO t (a) VALUES (1), (2) ON DUPLICATE KEY UPDATE a = VALUES(a), b = IF(VALUES(a), (a), (a))",
       "insert into t(a) values (?) on duplicate key update a = values (a), b = if (values (a), (a), (a))"},
      {kPg, "INSERT INTO t VALUES (1, 2), (3, 4), (5,", "insert into t values (?, ?)"},
      {kPg, "INSERT INTO t VALUES (1, 2), (3, 'cut", "insert into t values (?, ?)"},
      {kPg, "INSERT INTO t VALUES (1, ", "insert into t values (?,"},
  });
  Fingerprinter f(dialect_of(kPg));
  Normalised n = f.normalise("INSERT INTO t (a, b) SELECT $1 FROM x; INSERT INTO t VALUES (1, 2), (3, 4), (5, 6)");
  CHECK(n.rows == 3);
  CHECK(n.row_slots == 2);
  CHECK(n.first_row_slot == 1);
  CHECK(n.slots == 3);
  n = f.normalise("INSERT INTO t VALUES (1, 2), (3, now())");
  CHECK(n.rows == 2);
  CHECK(n.row_slots == 0);
  CHECK(n.slots == 3);
  n = f.normalise("SELECT 1");
  CHECK(n.rows == 0);
}

TEST_CASE("names that every session makes up do not split templates") {
  check_all({
      {kPg, R"(SAVEPOINT "s139911267995712_x1")", "savepoint sp"},
      {kPg, "SAVEPOINT sa_savepoint_1", "savepoint sp"},
      {kMy, "SAVEPOINT `trans2`", "savepoint sp"},
      {kPg, R"(RELEASE SAVEPOINT "s1_x2")", "release savepoint sp"},
      {kPg, "RELEASE trx3;", "release sp"},
      {kPg, "ROLLBACK TO SAVEPOINT active_record_1", "rollback to savepoint sp"},
      {kMy, "ROLLBACK WORK TO x", "rollback work to sp"},
      {kLite, "ROLLBACK TRANSACTION TO SAVEPOINT 'x'", "rollback transaction to savepoint sp"},
      {kPg, "ROLLBACK", "rollback"},
      {kPg, "SAVEPOINT savepoint; RELEASE SAVEPOINT savepoint", "savepoint sp; release savepoint sp"},
      {kPg, "DEALLOCATE pdo_stmt_00000001", "deallocate ps"},
      {kPg, "DEALLOCATE PREPARE x", "deallocate prepare ps"},
      {kPg, "DEALLOCATE ALL", "deallocate all"},
      {kPg, R"(DECLARE "_django_curs_1_sync_2" NO SCROLL CURSOR FOR SELECT 1)", "declare cur no scroll cursor for select ?"},
      {kPg, R"(FETCH FORWARD 100 FROM "_django_curs_1_sync_2")", "fetch forward ? from cur"},
      {kPg, R"(CLOSE "_django_curs_1_sync_2")", "close cur"},
      {kPg, "SELECT a FROM savepoint", "select a from savepoint"},
  });
  Fingerprinter f(dialect_of(kPg));
  CHECK(f.normalise(R"(ROLLBACK TO SAVEPOINT "a b")").object_name == "\"a b\"");
  CHECK(f.normalise("SELECT 1").object_name.empty());
}

TEST_CASE("literals that facts depend on stay") {
  check_all({
      {kMy, "SET autocommit=0", "set autocommit = 0"},
      {kMy, "SET @@session.autocommit = 1, names = 'x'", "set @@session.autocommit = 1, names = ?"},
      {kMy, "SET SESSION tx_isolation = 'READ-COMMITTED', a = 5", "set session tx_isolation = 'read-committed', a = ?"},
      {kPg, "SET default_transaction_isolation TO 'serializable'", "set default_transaction_isolation to 'serializable'"},
      {kPg, "SET search_path = 'a'", "set search_path = ?"},
      {kLite, "PRAGMA busy_timeout = 5000; SELECT 5", "pragma busy_timeout = 5000; select ?"},
      {kMy, "SELECT GET_LOCK('a', 0), GET_LOCK(CONCAT('a', 5), -1), f(1, 2)", "select get_lock(?, 0), get_lock(concat(?, ?), -1), f(?, ?)"},
      {kMy, "SELECT GET_LOCK(?, ?)", "select get_lock(?, ?)"},
      {kMy, "SELECT a FROM t WHERE b = 1 FOR UPDATE WAIT 5", "select a from t where b = ? for update wait 5"},
      {kMy, "SELECT a AS \"x y\", b AS 'c' FROM t", "select a as \"x y\", b as c from t"},
      {kPg, "UPDATE t SET autocommit = 0", "update t set autocommit = ?"},
  });
}

TEST_CASE("a function body is told by the hash of its tokens") {
  const std::string_view head = "CREATE OR REPLACE FUNCTION pg_temp.testfunc(OUT r t) AS ";
  const auto with = [&](std::string_view body) { return text_of(std::string(head) + std::string(body) + " LANGUAGE plpgsql"); };
  const std::string one = with("$f1$ BEGIN INSERT INTO t (a) VALUES ('x'); END $f1$");
  CHECK(one.starts_with("create or replace function pg_temp.testfunc(out r t) as $"));
  CHECK(one == with("$func_2$ BEGIN  insert into t (a) VALUES ('y''z'); END $func_2$"));
  CHECK(one == with("' BEGIN INSERT INTO t (a) VALUES (''x''); END '"));
  CHECK(one != with("$f1$ BEGIN INSERT INTO u (a) VALUES ('x'); END $f1$"));
  CHECK(text_of("DO $$ BEGIN PERFORM 1; END $$") != text_of("DO $$ BEGIN DELETE FROM t; END $$"));
  CHECK(text_of("SELECT $$a$$") == "select ?");
  CHECK(text_of("DO GET_LOCK('a', 1)", kMy) == "do get_lock(?, 1)");
}

TEST_CASE("the fingerprint is the hash of the text and stays what it is") {
  Fingerprinter f(dialect_of(kPg));
  const Normalised& n = f.normalise("SELECT * FROM t WHERE id = 5");
  CHECK(n.fingerprint == hash_bytes("select * from t where id = ?"));
  CHECK(hex64(n.fingerprint) == "31aa09d71571ed9e");
  CHECK(f.normalise("SELECT 'cut").unterminated);
  CHECK(f.normalise("SELECT 1 /* cut").unterminated);
  CHECK_FALSE(f.normalise("SELECT 1").unterminated);
  CHECK(f.normalise("SELECT 1 /* dbaudit:ignore DBA201 */").directives != 0);
  CHECK(f.normalise("SELECT 1 /* x */").directives == 0);
}

TEST_CASE("the token stream has the slots of the template") {
  CHECK(slots_of("SELECT a FROM t WHERE id = -5 AND b=$1 LIMIT 1, 5") ==
        "SELECT a FROM t WHERE id = <0:-5> AND b = <1:$1> LIMIT <2:1> , <3:5>");
  CHECK(slots_of("a IN (1, 2, 3) AND b = 4") == "a IN ( <0:1*3> ) AND b = <1:4>");
  CHECK(slots_of("a IN (1)") == "a IN ( <0:1*1> )");
  CHECK(slots_of("a IN %s") == "a IN <0:%s*1>");
  CHECK(slots_of("(a, b) IN ((1, 2), (3, 4)) AND c = 5") == "( a , b ) IN ( ( <0:1*2> , <1:2*2> ) ) AND c = <2:5>");
  CHECK(slots_of("a = ANY(ARRAY[1, 2]::int[]) AND c = 5") == "a = ANY ( <0:1*2> :: int [ ] ) AND c = <1:5>");
  CHECK(slots_of("INSERT INTO t VALUES (1, NULL), (2, 'x') RETURNING 7") == "INSERT INTO t VALUES ( <0:1> , <1:NULL> ) RETURNING <2:7>");
  CHECK(slots_of("INSERT INTO t VALUES (1), (now()) RETURNING 7") == "INSERT INTO t VALUES ( <0:1> ) , ( now ( ) ) RETURNING <1:7>");
  CHECK(slots_of("INSERT INTO t VALUES (1, 2), (3, 4), (5,") == "INSERT INTO t VALUES ( <0:1> , <1:2> )");
  CHECK(slots_of("x = '1'::numeric(10, 2)") == "x = <0:'1'> :: numeric ( 10 , 2 )");
  CHECK(slots_of("SET autocommit = 0", kMy) == "SET autocommit = 0");
  CHECK(slots_of("SAVEPOINT x") == "SAVEPOINT x");
}

TEST_CASE("bind gives literals their own value") {
  CHECK(values_of("a = 5, b = 'it''s', c = -1.5, d = NULL, e = TRUE, f = x'1F'") == "n:5 s:it's n:-1.5 null b:TRUE o:x'1F'");
  CHECK(values_of(R"(a = E'x\ny', b = $$z$$, c = - 5)") == "s:x\ny s:z n:-5");
  CHECK(values_of(R"(a = 'x\'y', b = "z", c = _utf8'w')", {}, true, kMy) == "s:x'y s:z s:w");
  CHECK(values_of("a = 5 AND b = 'x'", numbers({"7", "8"})) == "n:5 s:x");
  CHECK(values_of("a IN (1, 'b', 3) AND c = 4") == "[n:1 s:b n:3] n:4");
  CHECK(values_of("a IN (1)") == "[n:1]");
  CHECK(values_of("(a, b) IN ((1, 2), (3, 4))") == "[n:1 n:3] [n:2 n:4]");
  CHECK(values_of("a = ANY(ARRAY['x', 'y'])") == "[s:x s:y]");
  CHECK(values_of("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL) RETURNING 9") == "n:1 s:a n:9 | n:2 s:b n:3 null");
  CHECK(values_of("INSERT INTO t VALUES (1, ARRAY[7]), (2, ARRAY[8])") == "n:1 [n:7] | n:2 n:8");
  CHECK(values_of("INSERT INTO t VALUES (1), (now()), (3)") == "n:1 n:3");
  CHECK(values_of("INSERT INTO t VALUES (1, 2), (3, 4), (5,") == "n:1 n:2 | n:3 n:4");
  CHECK(values_of("WITH x AS (VALUES (1), (2)) INSERT INTO t VALUES (3), (4)") == "n:1 n:3 | n:4");
}

TEST_CASE("bind fills placeholders") {
  const std::vector<BindValue> three = numbers({"7", "8", "9"});
  CHECK(values_of("a = ? AND b = ? AND c = ?", three) == "n:7 n:8 n:9");
  CHECK(values_of("a = %s AND b = 5 AND c = %s", three) == "n:7 n:5 n:8");
  CHECK(values_of("a = $2 AND b = $1 AND c = $2", three) == "n:8 n:7 n:8");
  CHECK(values_of("a = ?3 AND b = ?1", three) == "n:9 n:7");
  CHECK(values_of("a = :x AND b = :y AND c = :x", three) == "n:7 n:8 n:7");
  CHECK(values_of("a = %(x)s AND b = %(y)s AND c = %(x)s", three) == "n:7 n:8 n:7");
  CHECK(values_of("a = @p0 AND b = @p1", three) == "n:7 n:8");
  CHECK(values_of("a IN (?, ?) AND b = ?", three) == "[n:7 n:8] n:9");
  CHECK(values_of("INSERT INTO t VALUES (?, 1), (?, 2)", three) == "n:7 n:1 | n:8 n:2");
  CHECK(values_of("a = ? AND b = ?", numbers({"7"})) == "n:7 missing");
  CHECK(values_of("a = $0 AND b = $99999999999", three) == "missing missing");
  CHECK(values_of("a = ?", three, false) == "missing");
  CHECK(values_of("a = ? AND b = ?", {{.text = "x"}, {.text = {}, .is_null = true}}) == "s:x null");
  CHECK(values_of("a = ?", {{.text = "5"}}) == "s:5");
  // More names than are looked up one by one.
  std::string sql = "a IN (";
  std::string expected = "[";
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) texts.push_back(std::to_string(i));
  std::vector<BindValue> params;
  for (int i = 0; i < 300; ++i) {
    sql += (i > 0 ? ", :n" : ":n") + texts[static_cast<size_t>(i)];
    expected += (i > 0 ? " n:" : "n:") + texts[static_cast<size_t>(i)];
    params.push_back({.text = texts[static_cast<size_t>(i)], .is_null = false, .is_number = true});
  }
  CHECK(values_of(sql + ") AND b = :n250 AND c = :n3", params) == expected + "] n:250 n:3");
}

TEST_CASE("bound values outlive the statement") {
  Fingerprinter f(dialect_of(kPg));
  Arena arena;
  BoundValues bound;
  {
    std::string sql = "SELECT 'plain', 'it''s', 12345, $1";
    std::string param = "parameter";
    const BindValue params[] = {{.text = param}};
    f.normalise(sql);
    bound = f.bind(params, true, arena);
    sql.assign(sql.size(), '#');
    param.assign(param.size(), '#');
  }
  f.normalise("SELECT 'something else'");
  CHECK(bound.slots[0].text == "plain");
  CHECK(bound.slots[1].text == "it's");
  CHECK(bound.slots[2].text == "12345");
  CHECK(bound.slots[3].text == "parameter");
  CHECK(same_value(bound.slots[2], make_value("12345.0", true)));
}

TEST_CASE("templates do not change with case, blanks, comments or placeholder style") {
  Random random;
  const Dialect& dialect = dialect_of(kPg);
  for (const std::string_view sql : kStatements) {
    const std::string expected = text_of(sql);
    const std::vector<SlotToken> tokens = tokenise(sql, dialect);
    for (int round = 0; round < 60; ++round) {
      std::string rewritten;
      const size_t style = random.below(5);
      int number = 0;
      size_t last_end = 0;
      bool in_list = false;
      for (const SlotToken& t : tokens) {
        const auto begin = static_cast<size_t>(t.token.text.data() - sql.data());
        const bool apart = begin > last_end;
        last_end = begin + t.token.text.size();
        // Between two tokens that touch only a comment or nothing may come; `t.id` stays one name to a reader but not to a lexer.
        switch (random.below(4)) {
          case 0: rewritten += "/* x */"; break;
          case 1: rewritten += " \n\t"; break;
          case 2: rewritten += " -- it's\n"; break;
          default:
            if (apart) rewritten += ' ';
        }
        in_list = t.folded;
        if (t.slot >= 0 && !in_list && random.below(3) != 0) {
          ++number;
          const std::string n = std::to_string(number);
          const std::string placeholders[] = {"?", "$" + n, "%s", ":p" + n, "%(p" + n + ")s"};
          rewritten += ' ' + placeholders[style] + ' ';
        } else if (t.token.kind == TokenKind::kWord) {
          for (const char c : t.token.text) {
            const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            rewritten += letter && random.below(2) == 0 ? static_cast<char>(c ^ 0x20) : c;
          }
        } else {
          rewritten += t.token.text;
        }
      }
      INFO(rewritten);
      CHECK(text_of(rewritten) == expected);
    }
  }
}

TEST_CASE("templates that differ in meaning differ in text") {
  const std::string_view statements[] = {
      "SELECT a FROM t WHERE b = 1",
      "SELECT a FROM t WHERE b = 1 FOR UPDATE",
      "SELECT a FROM t WHERE b IN (1)",
      "SELECT a FROM t WHERE b IS NULL",
      "SELECT a FROM t WHERE b <> 1",
      "SELECT a FROM t WHERE \"B\" = 1",
      "SELECT a FROM t, b = 1",
      "SELECT a, b FROM t",
      "SELECT ab FROM t",
      "SELECT a b FROM t",
      "SELECT \"a b\" FROM t",
      "SET autocommit = 1",
      "SET autocommit = 0",
      "UPDATE t SET a = DEFAULT",
      "UPDATE t SET a = \"default\"",
      "SELECT a < = b",
      "SELECT a <= b",
      "SELECT \"null\"",
      "SELECT NULL",
      "SELECT f(a)",
      "SELECT f, (a)",
  };
  std::set<std::string> texts;
  for (const std::string_view s : statements) {
    INFO(s);
    CHECK(texts.insert(text_of(s)).second);
  }
}

TEST_CASE("a statement cut at any byte is normalised") {
  for (const Engine engine : {kPg, kMy, kLite, Engine::kUnknown}) {
    const Dialect& dialect = dialect_of(engine);
    Fingerprinter f(dialect);
    Arena arena;
    for (const std::string_view sql : kStatements) {
      for (size_t cut = 0; cut <= sql.size(); ++cut) {
        const std::vector<char> bytes(sql.begin(), sql.begin() + static_cast<std::ptrdiff_t>(cut));
        const std::string_view shorter(bytes.data(), bytes.size());
        const Normalised& n = f.normalise(shorter);
        const BoundValues bound = f.bind({}, true, arena);
        CHECK(bound.slots.size() == n.slots);
        uint32_t slots = 0;
        for (const SlotToken& t : tokenise(shorter, dialect)) slots += t.slot >= 0 ? 1 : 0;
        CHECK(slots == n.slots);
        arena.reset();
      }
    }
  }
}

TEST_CASE("long statements are linear and fold") {
  Fingerprinter f(dialect_of(kMy));
  std::string list = "SELECT * FROM t WHERE id IN (0";
  for (int i = 1; i < 100'000; ++i) list += ", " + std::to_string(i);
  list += ")";
  CHECK(f.normalise(list).text == "select * from t where id in (?)");
  Arena arena;
  const BoundValues bound = f.bind({}, false, arena);
  REQUIRE(bound.lists().size() == 1);
  REQUIRE(bound.lists()[0].size() == 100'000);
  CHECK(bound.lists()[0][99'999].text == "99999");

  std::string insert = "INSERT INTO t VALUES (1, 'x', NULL)";
  while (insert.size() < 10'000'000) insert += ", (2, 'some text', NULL)";
  CHECK(f.normalise(insert).text == "insert into t values (?, ?, ?)");
  CHECK(f.normalise(insert).rows > 400'000);
  // The last row breaks the shape: all rows are written out, once.
  CHECK(f.normalise(insert + ", (3, now(), NULL)").text.size() > 3'000'000);
  CHECK(f.normalise("SELECT '" + std::string(10'000'000, 'x') + "'").text == "select ?");
}

// --- Comments --------------------------------------------------------------------------------------------------------------------------------

namespace {

std::string tags_of(std::string_view sql, Engine engine = kPg) {
  std::string out;
  const CommentTags found = comment_tags(sql, dialect_of(engine));
  for (const auto& [name, value] : found.tags) out += '[' + name + '=' + value + ']';
  for (const std::string& d : found.directives) out += '{' + d + '}';
  return out;
}

}  // namespace

TEST_CASE("sqlcommenter and marginalia comments become tags") {
  CHECK(tags_of("SELECT 1 /*action='%2Fpolls%20x',controller='index',framework='django%3A2.2'*/") ==
        "[action=/polls x][controller=index][framework=django:2.2]");
  CHECK(tags_of(R"(SELECT 1 /*name='it\'s',traceparent='00-5bd6-01'*/;)") == "[name=it's][traceparent=00-5bd6-01]");
  CHECK(tags_of("SELECT 1 /*application:Shop,controller:orders,action:create*/") == "[application=Shop][controller=orders][action=create]");
  CHECK(tags_of("/* application='shop', controller='orders' */ SELECT 1") == "[application=shop][controller=orders]");
  CHECK(tags_of("SELECT 1 /*application:Combo,line:/app/x.rb:5:in `perform',job:Sync*/") ==
        "[application=Combo][line=/app/x.rb:5:in `perform'][job=Sync]");
  CHECK(tags_of("BEGIN /*a='1'*/; COMMIT /*b='2'*/") == "[a=1][b=2]");
  CHECK(tags_of("SELECT 1 /*a='100%',b='%zz'*/") == "[a=100%][b=%zz]");
}

TEST_CASE("other comments are not tags") {
  CHECK(tags_of("SELECT /*+ INDEX(t i) */ 1 /*+ a='b' */", kMy).empty());
  CHECK(tags_of("SELECT 1 /* just a note: it counts */").empty());
  CHECK(tags_of("SELECT 1 /* a='b' and so on */").empty());
  CHECK(tags_of("SELECT /*a='b'*/ 1").empty());
  CHECK(tags_of("SELECT 1 -- [\"a\"]").empty());
  CHECK(tags_of("SELECT '/*a=''b''*/'").empty());
  CHECK(tags_of("SELECT 1 /*a='b").empty());
  CHECK(tags_of("SELECT 1 /**/").empty());
  CHECK(tags_of("").empty());
}

TEST_CASE("dbaudit comments are directives") {
  CHECK(tags_of("SELECT 1 /* dbaudit:ignore DBA201 counted elsewhere */") == "{ignore DBA201 counted elsewhere}");
  CHECK(tags_of("-- dbaudit:locked by the queue\nSELECT 1") == "{locked by the queue}");
  CHECK(tags_of("SELECT 1 # dbaudit:ignore DBA101 x\n", kMy) == "{ignore DBA101 x}");
  CHECK(tags_of("UPDATE t /* dbaudit:locked a */ SET a = 1 /*route='x'*/") == "[route=x]{locked a}");
  CHECK(tags_of("SELECT 'dbaudit:ignore'").empty());
}

}  // namespace dbaudit
