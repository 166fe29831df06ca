// Tables of statements and the facts that must (or, with `!`, must not) be among theirs: every construct of the three dialects that a rule
// hangs on. Whole listings stand in fixtures/sql.

#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

#include "analyzers/sql/parser.h"
#include "tests/catch.h"
#include "tests/describe_facts.h"

using namespace dbaudit;

namespace {

constexpr Engine kPg = Engine::kPostgres;
constexpr Engine kMy = Engine::kMySql;
constexpr Engine kLite = Engine::kSqlite;

struct Case {
  Engine engine;
  const char* sql;
  std::vector<const char*> facts;
};

std::string joined(const std::vector<std::string>& lines) {
  std::string s;
  for (const std::string& line : lines) s += line + "\n";
  return s;
}

void check(const std::vector<Case>& cases, Quality quality = Quality::kFull) {
  for (const Case& c : cases) {
    const StatementFacts facts = parse_statement(c.sql, dialect_of(c.engine));
    const std::vector<std::string> lines = test::facts_of(facts);
    INFO(engine_name(c.engine) << ": " << c.sql << "\n" << joined(lines) << facts.reason.str());
    CHECK(facts.quality == quality);
    CHECK_FALSE(facts.truncated);
    for (const std::string expected : c.facts) {
      const bool wanted = expected.front() != '!';
      const std::string line = wanted ? expected : expected.substr(1);
      const bool present =
          std::any_of(lines.begin(), lines.end(), [&](const std::string& l) { return wanted ? l == line : l.starts_with(line); });
      INFO(expected);
      CHECK(present == wanted);
    }
  }
}

}  // namespace

TEST_CASE("parser: predicates", "[parser]") {
  check({
      {kPg,
       "SELECT a FROM t WHERE a = 1 AND (b = $1 AND (c = 'x'))",
       {"block 0: where a#0 = slot 0", "block 0: where b#0 = slot 1", "block 0: where c#0 = slot 2", "block 0: where exact"}},
      {kPg,
       "SELECT a FROM t WHERE 5 = a AND 3 < b",
       {"block 0: where a#0 = slot 0", "block 0: where b#0 > slot 1", "block 0: where exact"}},
      {kPg, "SELECT a FROM t WHERE 1=1 AND TRUE AND a = 2", {"block 0: where a#0 = slot 3", "block 0: where exact", "!block 0: where {"}},
      {kPg,
       "SELECT a FROM t WHERE a = 1 OR b = 2",
       {"block 0: where {a = ? or b = ?} [a#0,b#0] other", "!block 0: where a#0", "!block 0: where exact"}},
      {kPg,
       "SELECT a FROM t WHERE c = 3 AND (a = 1 OR b = 2)",
       {"block 0: where c#0 = slot 0", "block 0: where {a = ? or b = ?} [a#0,b#0] other", "!block 0: where exact"}},
      {kPg, "SELECT a FROM t WHERE NOT (a = 1)", {"block 0: where a#0 <> slot 0", "block 0: where exact"}},
      {kPg,
       "SELECT a FROM t WHERE NOT (a < 1) AND NOT a IN (1, 2) AND NOT (b IS NULL)",
       {"block 0: where a#0 >= slot 0", "block 0: where a#0 not in slot 1", "block 0: where b#0 is not null", "block 0: where exact"}},
      {kPg,
       "SELECT a FROM t WHERE NOT (a = 1 AND b = 2)",
       {"block 0: where {not (a = ? and b = ?)} [a#0,b#0] other", "!block 0: where exact"}},
      {kPg,
       "SELECT a FROM t WHERE (a, b) = (1, 2)",
       {"block 0: where a#0 = slot 0", "block 0: where b#0 = slot 1", "block 0: where exact"}},
      {kPg, "SELECT a FROM t WHERE (a, b) IN ((1, 2), (3, 4))", {"block 0: where {(a, b)} [a#0,b#0] in expression {((?, ?))}"}},
      {kPg,
       "SELECT a FROM t WHERE a = ANY($1) AND b <> ALL($2) AND c = ANY(ARRAY[1, 2])",
       {"block 0: where a#0 in slot 0", "block 0: where b#0 not in slot 1", "block 0: where c#0 in slot 2", "block 0: where exact"}},
      {kPg, "SELECT a FROM t WHERE $1 = ANY(tags)", {"block 0: where {? = any(tags)} [tags#0] other", "!block 0: where exact"}},
      {kPg,
       "SELECT a FROM t WHERE a IN (SELECT b FROM u)",
       {"block 0: where a#0 in subquery 1", "block 1: from u", "block 0: where exact"}},
      {kPg,
       "SELECT a FROM t WHERE a BETWEEN 1 AND 2 AND 5 BETWEEN b AND c",
       {"block 0: where a#0 between slot 0 1", "block 0: where b#0 <= slot 2", "block 0: where c#0 >= slot 2", "block 0: where exact"}},
      {kPg,
       "SELECT a FROM t WHERE a IS NOT DISTINCT FROM 5 AND b IS DISTINCT FROM 6",
       {"block 0: where a#0 <=> slot 0", "block 0: where {b is distinct from ?} [b#0] other"}},
      {kPg,
       "SELECT a FROM t WHERE active AND NOT hidden AND done IS TRUE",
       {"block 0: where active#0 other", "block 0: where {not hidden} [hidden#0] other", "block 0: where {done is true} [done#0] other",
        "!block 0: where exact"}},
      {kPg,
       "SELECT a FROM t WHERE lower(email) = lower('A') AND b::text = 'x'",
       {"block 0: where {lower(email)} [email#0] = expression {lower(?)} slot 0", "block 0: where {b::text} [b#0] = slot 1"}},
      {kPg,
       "SELECT a FROM t WHERE a = '1'::int AND b = CAST('2' AS numeric(10, 2)) AND c = date '2026-01-01' AND d = $1::varchar(20)[]",
       {"block 0: where a#0 = slot 0", "block 0: where b#0 = slot 1", "block 0: where c#0 = slot 4", "block 0: where d#0 = slot 5",
        "block 0: where exact"}},
      {kPg,
       "SELECT a FROM t WHERE a LIKE 'x%' AND b NOT LIKE 'y' AND c ILIKE 'z'",
       {"block 0: where a#0 like slot 0", "block 0: where {b not like ?} [b#0] other", "block 0: where {c ilike ?} [c#0] other"}},
      {kPg,
       "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id) AND NOT EXISTS (SELECT 1 FROM v)",
       {"block 0: where exists 1", "block 0: where not exists 2", "block 1: where u.id#0 = column t.id", "block 0: where exact"}},
      {kPg,
       "SELECT a FROM t WHERE data->>'k' = 'v' AND tags @> '{a}' AND data ? 'x'",
       {"block 0: where {data ->> ?} [data#0] = slot 1", "block 0: where {tags @> ?} [tags#0] other"}},
      {kPg,
       "SELECT a FROM t WHERE expires > now() AND x = default_value()",
       {"block 0: where expires#0 > now", "block 0: where x#0 = expression {default_value()}"}},
      {kPg, "SELECT a FROM t WHERE a OPERATOR(pg_catalog.=) 5", {"block 0: where a#0 = slot 0"}},
      {kMy,
       "SELECT a FROM t WHERE a <=> NULL AND b = 1 && c = 2",
       {"block 0: where a#0 <=> slot 0", "block 0: where b#0 = slot 1", "block 0: where c#0 = slot 2"}},
      {kMy, "SELECT a FROM t WHERE a = 1 || b = 2", {"block 0: where {a = ? || b = ?} [a#0,b#0] other", "!block 0: where a#0"}},
      {kMy, "SELECT a FROM t WHERE a = 1 XOR b = 2", {"block 0: where {a = ? xor b = ?} [a#0,b#0] other"}},
      {kMy,
       "SELECT a FROM t WHERE `a` = \"x\" AND BINARY b = 'y'",
       {"block 0: where a#0 = slot 0", "block 0: where {binary b} [b#0] = slot 1"}},
      {kMy,
       "SELECT a FROM t WHERE d > NOW() - INTERVAL 1 DAY AND e = DATE_ADD(NOW(), INTERVAL ? MINUTE)",
       {"block 0: where d#0 > now", "block 0: where e#0 = now", "block 0: where exact"}},
      {kLite,
       "SELECT a FROM t WHERE a IS 5 AND b IS NOT 6 AND c ISNULL AND d NOT NULL AND e == 7",
       {"block 0: where a#0 <=> slot 0", "block 0: where {b is not ?} [b#0] other", "block 0: where c#0 is null",
        "block 0: where d#0 is not null", "block 0: where e#0 = slot 2"}},
      {kLite,
       "SELECT a FROM t WHERE a IN u AND b IN ()",
       {"block 0: where a#0 in subquery 1", "block 1: from u", "block 0: where {b in ()} [b#0] other"}},
      {kLite,
       "SELECT a FROM t WHERE a = 'x' COLLATE NOCASE AND b COLLATE NOCASE = 'y'",
       {"block 0: where a#0 = slot 0", "block 0: where {b collate nocase} [b#0] = slot 1"}},
      {kPg, "SELECT a FROM t WHERE x IN %s AND y = %(name)s", {"block 0: where x#0 in slot 0", "block 0: where y#0 = slot 1"}},
      {kPg,
       "SELECT a FROM t HAVING count(*) > 5",
       {"block 0: has having", "block 0: having {count(*)} [] > slot 0", "!block 0: has where"}},
  });
}

TEST_CASE("parser: tables, joins and scopes", "[parser]") {
  check({
      {kPg,
       "SELECT * FROM a, b AS x JOIN c ON c.id = x.id LEFT JOIN d ON d.id = c.id WHERE a.z = 1",
       {"block 0: from a", "block 0: from b as x", "block 0: join c", "block 0: join d", "block 0: where on c.id#2 = column x.id#1",
        "!block 0: where on d.id", "block 0: where a.z#0 = slot 0"}},
      {kPg,
       "SELECT * FROM a JOIN b USING (id, k)",
       {"block 0: where on a.id#0 = column b.id#1", "block 0: where on a.k#0 = column b.k#1", "!block 0: has where"}},
      {kPg,
       "SELECT * FROM a JOIN b JOIN c ON b.i = c.i ON a.i = b.i",
       {"block 0: where on b.i#1 = column c.i#2", "block 0: where on a.i#0 = column b.i#1"}},
      {kPg,
       "SELECT * FROM (a CROSS JOIN b) NATURAL JOIN ONLY (c) WHERE x = 1",
       {"block 0: from a", "block 0: join b", "block 0: join c", "block 0: where x = slot 0"}},
      {kPg, "SELECT * FROM s.t AS x(a, b) TABLESAMPLE bernoulli (5) REPEATABLE (1)", {"block 0: from s.t as x"}},
      {kPg,
       "SELECT * FROM (SELECT id FROM u WHERE a = 1) s WHERE s.id = 2",
       {"block 0: from (block 1) as s", "block 1: from u", "block 0: where s.id#0 = slot 1"}},
      {kPg,
       "SELECT * FROM t, LATERAL (SELECT * FROM u WHERE u.tid = t.id) x",
       {"block 0: from t", "block 0: from (block 1) as x", "block 1: from u"}},
      {kPg,
       "SELECT * FROM generate_series(1, 5) WITH ORDINALITY AS g(n, o), unnest($1::int[]) u",
       {"block 0: from (function) as g", "block 0: from (function) as u"}},
      {kPg,
       "SELECT * FROM json_to_recordset($1) AS x(a int, b text) JOIN t ON t.a = x.a",
       {"block 0: from (function) as x", "block 0: join t"}},
      {kPg,
       "WITH a AS (SELECT 1 FROM t), b AS (SELECT * FROM a) SELECT * FROM b, s.a",
       {"block 1: cte a", "block 1: from t", "block 2: cte b", "block 2: from a (cte)", "block 0: from b (cte)", "block 0: from s.a"}},
      {kPg, "WITH t AS (SELECT * FROM t) SELECT * FROM t", {"block 1: from t", "block 0: from t (cte)"}},
      {kPg,
       "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t",
       {"block 2: union branch", "block 2: from t (cte)", "block 0: from t (cte)"}},
      {kPg, "SELECT * FROM (WITH c AS (SELECT 1) SELECT * FROM c) x, c", {"block 1: from c (cte)", "block 0: from c"}},
      {kPg,
       "SELECT a FROM t UNION SELECT b FROM u EXCEPT SELECT c FROM v ORDER BY 1 LIMIT 2",
       {"block 0: from t", "block 1: union branch", "block 1: from u", "block 2: union branch", "block 2: from v", "block 0: has limit"}},
      {kPg,
       "(SELECT a FROM t LIMIT 1) UNION (SELECT b FROM u)",
       {"!block 0: from", "!block 0: has limit", "block 1: from t", "block 1: has limit", "block 2: from u"}},
      {kPg, "((SELECT a FROM t))", {"kind SELECT", "block 0: from t"}},
      {kPg, "SELECT ((SELECT a FROM t) + 1)", {"block 1: from t", "block 0: item {(select a from t) + ?} block 1"}},
      {kPg, "TABLE t", {"kind SELECT", "block 0: from t", "block 0: item *"}},
      {kPg, "VALUES (1, 2), (3, 4)", {"kind SELECT", "block 0: item constant"}},
      {kPg,
       "SELECT count(*) FILTER (WHERE a > 1), sum(x) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t "
       "WINDOW w AS (ORDER BY d)",
       {"block 0: item count of *", "block 0: from t"}},
      {kPg,
       "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x DESC) FROM t GROUP BY GROUPING SETS ((a), (b)), ROLLUP (c)",
       {"block 0: group by", "block 0: from t"}},
      {kPg,
       "SELECT extract(year FROM d), substring(a FROM 2 FOR 3), trim(both 'x' FROM b), position('a' IN c), overlay(a placing 'b' from 1) "
       "FROM t",
       {"block 0: item {extract(year from d)}", "block 0: from t"}},
      {kPg,
       "SELECT x AT TIME ZONE 'UTC', a[1:2], (r).f, (r).*, ARRAY[1, a], ARRAY(SELECT 1 FROM u), ROW(1, 2), interval '1 day', CASE a WHEN 1 "
       "THEN 2 ELSE 3 END FROM t",
       {"block 0: from t", "block 1: from u"}},
      {kPg, "SELECT INTO copy FROM t", {"kind SELECT", "block 0: from t"}},
      {kPg,
       "SELECT DISTINCT ON (a, b) a AS x, b \"Y\", c value FROM t ORDER BY a USING >, b DESC NULLS LAST OFFSET 5 ROWS FETCH FIRST 10 ROWS "
       "ONLY",
       {"block 0: distinct", "block 0: item a#0 as x", "block 0: item b#0 as Y", "block 0: item c#0 as value", "block 0: has limit",
        "block 0: limit slot 1", "block 0: offset slot 0", "block 0: order b#0 desc"}},
      {kMy,
       "SELECT STRAIGHT_JOIN SQL_NO_CACHE * FROM a PARTITION (p0, p1) x USE INDEX FOR ORDER BY (k) STRAIGHT_JOIN b FORCE KEY (l) ON x.i = "
       "b.i",
       {"block 0: from a as x", "block 0: join b", "block 0: where on x.i#0 = column b.i#1"}},
      {kMy,
       "SELECT * FROM (t1, t2) LEFT JOIN {OJ t3 LEFT JOIN t4 ON t3.a = t4.a} ON t1.a = t3.a",
       {"block 0: from t1", "block 0: from t2", "block 0: join t3", "block 0: join t4"}},
      {kMy, "SELECT 1 FROM DUAL", {"kind SELECT", "!block 0: from"}},
      {kMy,
       "SELECT a, b FROM t FOR SYSTEM_TIME AS OF '2026-01-01' AS x WHERE a = 1 PROCEDURE ANALYSE(10)",
       {"block 0: from t as x", "block 0: where a#0 = slot 1"}},
      {kMy,
       "SELECT * FROM JSON_TABLE(?, '$[*]' COLUMNS(x INT PATH '$.a', NESTED PATH '$.b' COLUMNS (y INT PATH '$'))) AS j JOIN t",
       {"block 0: from (function) as j", "block 0: join t"}},
      {kMy,
       "SELECT MATCH (a, b) AGAINST ('x' IN BOOLEAN MODE), GROUP_CONCAT(DISTINCT c ORDER BY d DESC SEPARATOR ','), CONVERT(e USING utf8), "
       "CHAR(77 USING utf8), _latin1 'x' FROM t INTO OUTFILE '/tmp/x' FIELDS TERMINATED BY ','",
       {"block 0: from t", "block 0: item aggregate of c#0"}},
      {kMy, "SELECT a INTO @x FROM t WHERE id = 1 LIMIT 1", {"block 0: from t", "block 0: where id#0 = slot 0"}},
      {kMy, "SELECT a FROM t LIMIT ROWS EXAMINED 3", {"block 0: from t", "block 0: has limit"}},
      {kPg, "SELECT * FROM ROWS FROM (f(1), g(2)) WITH ORDINALITY AS z (a, b)", {"block 0: from (function) as z"}},
      {kPg, "SELECT ii FROM (a CROSS JOIN b) AS tx (ii, jj)", {"block 0: from a", "block 0: join b"}},
      {kMy, "SELECT NEXT VALUE FOR s, NEXTVAL(q)", {"block 1: from s", "block 2: from q"}},
      {kLite, "SELECT [a b], `c`, \"d\" FROM main.'t u' NOT INDEXED WHERE a MATCH 'x'", {"block 0: from main.t u", "block 0: item a b#0"}},
      {kLite, "SELECT * FROM pragma_table_info('t') p, json_each(t.data)", {"block 0: from (function) as p", "block 0: from (function)"}},
  });
}

TEST_CASE("parser: locks", "[parser]") {
  check({
      {kPg, "SELECT * FROM t WHERE id = 1 FOR UPDATE", {"block 0: for update"}},
      {kPg, "SELECT * FROM t, u FOR NO KEY UPDATE OF t, u NOWAIT", {"block 0: for no key update nowait of t of u"}},
      {kPg,
       "SELECT * FROM t FOR SHARE OF t FOR KEY SHARE SKIP LOCKED LIMIT 1",
       {"block 0: for share of t", "block 0: for key share skip locked", "block 0: has limit"}},
      {kPg,
       "UPDATE t SET a = 1 WHERE id = (SELECT id FROM t WHERE s = 'new' LIMIT 1 FOR UPDATE SKIP LOCKED)",
       {"block 1: for update skip locked", "block 0: where id#0 = subquery 1", "block 1: from t"}},
      {kMy, "SELECT * FROM t LOCK IN SHARE MODE", {"block 0: for share"}},
      {kMy, "SELECT * FROM t FOR UPDATE WAIT 5", {"block 0: for update wait"}},
      {kPg, "LOCK t", {"lock table t ACCESS EXCLUSIVE xact"}},
      {kPg, "LOCK TABLE ONLY s.t, u * IN SHARE MODE NOWAIT", {"lock table s.t u SHARE xact try shared"}},
      {kPg, "lock table t in row exclusive mode", {"lock table t ROW EXCLUSIVE xact"}},
      {kMy,
       "LOCK TABLES t READ, u AS x LOW_PRIORITY WRITE, v WRITE",
       {"kind LOCK", "lock table t READ shared", "lock table u v WRITE", "implicit commit"}},
      {kMy, "UNLOCK TABLES", {"kind UNLOCK", "lock unlock tables", "implicit commit"}},
      {kPg, "SELECT pg_advisory_lock(1, 2)", {"lock advisory slot 0 slot 1"}},
      {kPg,
       "SELECT pg_catalog.pg_try_advisory_xact_lock_shared(hashtext($1)) FROM t WHERE pg_advisory_unlock(5)",
       {"lock advisory xact try shared slot 0", "lock advisory release slot 1"}},
      {kPg, "SELECT pg_advisory_unlock_all()", {"lock advisory release"}},
      {kMy, "SELECT GET_LOCK('a', 10)", {"lock advisory slot 0"}},
      {kMy, "DO RELEASE_LOCK('a')", {"kind DO", "lock advisory release slot 0"}},
      {kMy, "SELECT GET_LOCK('a', 0), IS_FREE_LOCK('b')", {"lock advisory try slot 0"}},
      {kMy, "INSERT INTO t (a) SELECT GET_LOCK(?, 1)", {"lock advisory slot 0"}},
  });
}

TEST_CASE("parser: select lists", "[parser]") {
  check({
      {kPg, "SELECT (1) AS \"a\" FROM t LIMIT 1", {"block 0: item constant as a", "block 0: limit slot 1"}},
      {kPg,
       "SELECT 1 AS one, t.*, u.\"B\", * FROM t, u",
       {"block 0: item constant as one", "block 0: item t.*#0", "block 0: item u.B#1", "block 0: item *"}},
      {kPg, "SELECT EXISTS (SELECT 1 FROM t) AS e, NOT EXISTS (SELECT 1 FROM u)", {"block 0: item exists 1 as e"}},
      {kPg,
       "SELECT COUNT(*), count(1), sum(a), max(t.b), min(c), avg(d), count(DISTINCT e) FROM t",
       {"block 0: item count of *", "block 0: item sum of a#0", "block 0: item max of t.b#0", "block 0: item min of c#0",
        "block 0: item avg of d#0", "block 0: item count of e#0"}},
      {kPg, "SELECT MAX(n) + 1 FROM t", {"block 0: item max of n#0 plus slot 0"}},
      {kPg, "SELECT COALESCE(MAX(n), 0) + 1 AS n FROM t", {"block 0: item max of n#0 plus slot 1 as n"}},
      {kPg, "SELECT 1 + COALESCE(MAX(n)::int, $1) FROM t", {"block 0: item max of n#0 plus slot 0"}},
      {kPg, "SELECT COUNT(*) > 0 FROM t", {"block 0: item count of *"}},
      {kPg, "SELECT row_number() OVER (), max(a) OVER w FROM t WINDOW w AS ()", {"!block 0: item max"}},
      {kLite, "SELECT max(a, b), max(c) FROM t", {"block 0: item {max(a, b)}", "block 0: item max of c#0"}},
      {kMy,
       "SELECT a 'x', b AS 'y', c `z` FROM t LIMIT 5, 10",
       {"block 0: item a#0 as x", "block 0: item b#0 as y", "block 0: limit slot 2", "block 0: offset slot 1"}},
  });
}

TEST_CASE("parser: INSERT in every form", "[parser]") {
  check({
      {kPg,
       "INSERT INTO s.t AS x (a, \"B\") VALUES ($1, DEFAULT), ($2, 5) RETURNING x.a",
       {"write 0: target s.t", "write 0: alias x", "write 0: column 1 B", "write 0: value 0 slot 0", "write 0: value 1 default",
        "write 0: rows 2", "write 0: source values", "write 0: returning"}},
      {kPg, "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')", {"write 0: rows 3", "write 0: value 1 slot 1", "!write 0: column"}},
      {kPg, "INSERT INTO t DEFAULT VALUES", {"write 0: source default"}},
      {kPg,
       "INSERT INTO t (a) OVERRIDING USER VALUE SELECT b FROM u WHERE c = 1",
       {"write 0: source select", "write 0: block 0", "block 0: from u", "write 0: value 0 column b#0", "!write 0: rows"}},
      {kPg, "INSERT INTO t (a) (SELECT b FROM u)", {"write 0: source select", "block 0: from u"}},
      {kPg, "INSERT INTO t TABLE u", {"write 0: source table", "block 0: from u"}},
      {kPg,
       "INSERT INTO t (a, b) SELECT $1, 'x' WHERE NOT EXISTS (SELECT 1 FROM t WHERE a = $1)",
       {"write 0: guard block 1", "write 0: value 0 slot 0", "write 0: value 1 slot 1", "block 1: from t"}},
      {kMy,
       "INSERT INTO t (a) SELECT ? FROM t WHERE a = ? HAVING COUNT(*) = 0",
       {"block 0: has having", "block 0: having {count(*)} [] = slot 2", "write 0: value 0 slot 0"}},
      {kPg, "WITH c AS (SELECT 1 AS n) INSERT INTO t (a) SELECT n FROM c", {"kind INSERT", "block 0: from c (cte)", "block 1: cte c"}},
      {kMy,
       "INSERT INTO t SET a = 1, `b` = NOW(), t.c = DEFAULT",
       {"write 0: source set", "write 0: column 1 b", "write 0: value 1 now", "write 0: column 2 c", "write 0: value 2 default",
        "write 0: rows 1"}},
      {kMy,
       "INSERT LOW_PRIORITY IGNORE t (a) VALUE (1)",
       {"write 0: target t", "write 0: upsert ignore", "write 0: ignore", "write 0: source values"}},
      {kMy, "INSERT INTO t () VALUES ()", {"write 0: rows 1", "!write 0: value"}},
      {kMy, "INSERT INTO t VALUES ROW(1, 2), ROW(3, 4)", {"write 0: rows 2", "write 0: value 1 slot 1"}},
      {kMy, "REPLACE t (a) VALUES (1)", {"kind REPLACE", "write 0: upsert replace"}},
      {kMy, "REPLACE INTO t SELECT * FROM u", {"kind REPLACE", "write 0: source select", "block 0: from u"}},
      {kLite, "INSERT OR REPLACE INTO t VALUES (1)", {"kind INSERT", "write 0: upsert replace"}},
      {kLite, "INSERT OR IGNORE INTO t VALUES (1)", {"write 0: upsert ignore", "write 0: ignore"}},
      {kLite,
       "INSERT INTO t (a, b) SELECT 'x', 1 UNION ALL SELECT 'y', 2 UNION ALL SELECT 'z', 3",
       {"write 0: source values", "write 0: rows 3", "write 0: value 0 slot 0", "write 0: value 1 slot 1", "!write 0: block"}},
      {kLite, "INSERT INTO t (a) SELECT 'x' UNION ALL SELECT b FROM u", {"write 0: source select", "write 0: block 0"}},
      {kPg,
       "INSERT INTO t (a) VALUES ((SELECT max(b) FROM u)), (lower($1))",
       {"write 0: value 0 subquery 1", "block 1: from u", "write 0: rows 2"}},
  });
}

TEST_CASE("parser: upserts", "[parser]") {
  check({
      {kPg, "INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING", {"write 0: upsert conflict nothing", "!write 0: conflict"}},
      {kPg,
       "INSERT INTO t (a) VALUES (1) ON CONFLICT (a, lower(b) COLLATE \"C\" text_ops, (c + 1)) WHERE d IS NULL DO UPDATE SET n = t.n + "
       "EXCLUDED.n, m = EXCLUDED.m, k = 5, (x, y) = (EXCLUDED.x, DEFAULT), z = COALESCE(t.z, 0) + 1 WHERE t.n < 9 RETURNING a",
       {"write 0: upsert conflict update", "write 0: conflict a", "write 0: conflict lower(b)", "write 0: conflict c + ?",
        "write 0: conflict predicate", "write 0: conflict where d is null", "write 0: upsert set n = self + excluded.n",
        "write 0: upsert set m = excluded m", "write 0: upsert set k = slot 2", "write 0: upsert set x = excluded x",
        "write 0: upsert set y = default", "write 0: upsert set z = self + slot 4", "write 0: upsert where", "write 0: returning"}},
      {kPg,
       "INSERT INTO t (a) VALUES (1) ON CONFLICT ON CONSTRAINT t_key DO UPDATE SET a = (SELECT max(b) FROM u)",
       {"write 0: constraint t_key", "write 0: upsert set a = subquery 1", "block 1: from u"}},
      {kPg,
       "INSERT INTO t AS x (n) VALUES (1) ON CONFLICT (n) DO UPDATE SET n = x.n + 1, m = GREATEST(x.m, EXCLUDED.m)",
       {"write 0: upsert set n = self + slot 1", "write 0: upsert set m = self-expression {greatest(x.m, excluded.m)}"}},
      {kLite,
       "INSERT INTO t (a) SELECT b FROM u WHERE true ON CONFLICT (a) DO UPDATE SET n = n + 1",
       {"block 0: from u", "write 0: upsert set n = self + slot 1"}},
      {kMy,
       "INSERT INTO t (a, n) VALUES (1, 2) ON DUPLICATE KEY UPDATE n = n + VALUES(n), m = VALUES(m), a = a, id = LAST_INSERT_ID(id), k = "
       "IF(VALUES(k) > k, VALUES(k), k)",
       {"write 0: upsert duplicate update", "write 0: upsert set n = self + excluded.n", "write 0: upsert set m = excluded m",
        "write 0: upsert set a = self", "write 0: upsert set id = self-expression {last_insert_id(id)}", "!block"}},
      {kMy,
       "INSERT INTO t (a, n) VALUES (1, 2) AS new(x, y) ON DUPLICATE KEY UPDATE n = new.y, a = x, k = t.k + new.y",
       {"write 0: upsert set n = excluded y", "write 0: upsert set a = excluded x", "write 0: upsert set k = self + new.y"}},
      {kMy, "INSERT INTO t (a) SELECT b FROM u ON DUPLICATE KEY UPDATE n = u.n", {"block 0: from u", "write 0: upsert set n = column u.n"}},
      {kMy,
       "INSERT INTO t (a) SELECT b FROM u JOIN v ON DUPLICATE KEY UPDATE a = 1",
       {"block 0: join v", "write 0: upsert duplicate update"}},
  });
}

TEST_CASE("parser: UPDATE and what SET writes", "[parser]") {
  check({
      {kPg,
       "UPDATE \"t\" SET \"c\" = \"t\".\"c\" + 1, d = (d - $1), e = $2 + e, f = COALESCE(f, 0) + 3, g = (g)::int - 1, h = h + a.x, i = i + "
       "1 - 2",
       {"write 0: set c#0 = self + slot 0", "write 0: set d#0 = self - slot 1", "write 0: set e#0 = self + slot 2",
        "write 0: set f#0 = self + slot 4", "write 0: set g#0 = self - slot 5", "write 0: set h#0 = self + a.x",
        "write 0: set i#0 = self +"}},
      {kPg,
       "UPDATE t SET a = 1 - a, b = b * 2, c = c || 'x', d = NOT d, e = GREATEST(e, 1), f = CASE WHEN f > 0 THEN f - 1 ELSE f END, g = "
       "g[2], h = h + h, i = -i",
       {"write 0: set a#0 = self-expression {? - a}", "write 0: set b#0 = self-expression {b * ?}",
        "write 0: set c#0 = self-expression {c || ?}", "write 0: set d#0 = self-expression {not d}",
        "write 0: set e#0 = self-expression {greatest(e, ?)}", "write 0: set h#0 = self-expression {h + h}",
        "write 0: set i#0 = self-expression {- i}"}},
      {kPg,
       "UPDATE t SET a = 1, b = NULL, c = TRUE, d = DEFAULT, e = now(), f = CURRENT_TIMESTAMP(3), g = now() + interval '1 day', h = x, i = "
       "lower(x), j = '5'::int",
       {"write 0: set a#0 = slot 0", "write 0: set b#0 = slot 1", "write 0: set c#0 = slot 2", "write 0: set d#0 = default",
        "write 0: set e#0 = now", "write 0: set f#0 = now", "write 0: set g#0 = now", "write 0: set h#0 = column x#0",
        "write 0: set i#0 = expression {lower(x)} [x#0]"}},
      {kPg,
       "UPDATE t SET a = (SELECT max(b) FROM u), c = (SELECT c FROM t WHERE id = 1) - 1, d = d - (SELECT sum(n) FROM v)",
       {"write 0: set a#0 = subquery 1", "write 0: set c#0 = expression {(select c from t where id = ?) - ?} block 2",
        "write 0: set d#0 = self - block 3", "block 2: from t", "block 3: from v"}},
      {kPg,
       "UPDATE t SET (a, b) = (a + 1, $1), (c, d) = (SELECT x, y FROM u), e[1] = 5, f.g = 6",
       {"write 0: set a#0 = self + slot 0", "write 0: set b#0 = slot 1", "write 0: set c#0 = subquery 1",
        "write 0: set e#0 = self-expression {}", "write 0: set f#0 = self-expression {}"}},
      {kPg,
       "UPDATE ONLY t AS x SET n = x.n + u.n FROM u JOIN v ON v.id = u.id WHERE x.id = u.id AND u.k = 1 RETURNING x.*",
       {"block 0: target t as x", "block 0: from u", "block 0: join v", "write 0: set n#0 = self + u.n#1",
        "block 0: where x.id#0 = column u.id#1", "block 0: where u.k#1 = slot 0", "write 0: returning"}},
      {kPg, "UPDATE t SET n = u.n FROM u", {"write 0: set n#0 = column u.n#1", "!block 0: has where"}},
      {kPg, "UPDATE t SET a = 1 WHERE CURRENT OF c", {"block 0: has where", "!block 0: where exact"}},
      {kMy,
       "UPDATE LOW_PRIORITY IGNORE t SET a = a + 1 WHERE id = 1 ORDER BY id DESC LIMIT 5",
       {"write 0: ignore", "block 0: order id#0 desc", "block 0: has limit", "block 0: limit slot 2"}},
      {kMy,
       "UPDATE a x, b SET x.n = x.n + b.n, k = 1 WHERE x.id = b.id",
       {"write 0: target a", "write 0: target b", "write 0: set x.n#0 = self + b.n#1"}},
      {kMy,
       "UPDATE a JOIN b ON a.id = b.id SET a.n = b.n, a.m = a.m - ?",
       {"block 0: target a", "block 0: join b", "write 0: target a", "!write 0: target b", "write 0: set a.n#0 = column b.n#1",
        "write 0: set a.m#0 = self - slot 0"}},
      {kMy,
       "UPDATE t SET n = IFNULL(n, 0) + 1, j = JSON_SET(j, '$.a', 1), k := 5",
       {"write 0: set n#0 = self + slot 1", "write 0: set k#0 = slot 4"}},
      {kLite,
       "UPDATE OR IGNORE t SET a = datetime('now'), b = b + 1 FROM u WHERE u.id = t.id",
       {"write 0: ignore", "write 0: set a#0 = now", "block 0: from u"}},
  });
}

TEST_CASE("parser: DELETE and MERGE", "[parser]") {
  check({
      {kPg, "DELETE FROM t", {"write 0: target t", "!block 0: has where"}},
      {kPg,
       "DELETE FROM ONLY t AS x USING u, v WHERE x.id = u.id AND v.a = 1 RETURNING x.id",
       {"write 0: target t", "write 0: alias x", "block 0: using u", "block 0: using v", "block 0: where v.a#2 = slot 0",
        "write 0: returning"}},
      {kMy,
       "DELETE LOW_PRIORITY QUICK IGNORE FROM t WHERE id = 1 ORDER BY id LIMIT 1",
       {"write 0: target t", "write 0: ignore", "block 0: has limit"}},
      {kMy,
       "DELETE x, b.* FROM a x JOIN b ON x.id = b.id WHERE x.k = 1",
       {"write 0: target a", "write 0: target b", "block 0: target a as x", "block 0: target b"}},
      {kMy,
       "DELETE FROM x USING a AS x JOIN b ON x.id = b.id",
       {"write 0: target a", "!write 0: target b", "block 0: join b", "!block 0: using"}},
      {kPg,
       "MERGE INTO t USING s ON t.id = s.id AND s.k = 1 WHEN MATCHED AND t.n > 0 THEN UPDATE SET n = t.n + s.n WHEN MATCHED THEN DELETE "
       "WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, $1)",
       {"kind MERGE", "write 0: target t", "write 0: deletes", "block 0: using s", "block 0: where on t.id#0 = column s.id#1",
        "write 0: set n#0 = self + s.n#1", "write 0: column 1 n", "write 0: source values"}},
      {kPg,
       "MERGE INTO ONLY t AS x USING (SELECT 1 AS id) s ON x.id = s.id WHEN NOT MATCHED THEN INSERT DEFAULT VALUES WHEN MATCHED THEN DO "
       "NOTHING",
       {"write 0: alias x", "!write 0: deletes", "write 0: source default", "block 0: using (block 1) as s"}},
  });
}

TEST_CASE("parser: CTEs that write", "[parser]") {
  check({
      {kPg,
       "WITH d AS (DELETE FROM a WHERE id = 1 RETURNING *) INSERT INTO b SELECT * FROM d",
       {"kind INSERT", "write 0: INSERT", "write 0: target b", "write 1: DELETE", "write 1: target a", "block 1: write 1", "block 1: cte d",
        "block 0: from d (cte)"}},
      {kPg,
       "WITH i AS (INSERT INTO a (x) VALUES (1) RETURNING x), u AS (UPDATE b SET n = n + 1 WHERE id = 2 RETURNING n) SELECT * FROM i, u",
       {"kind SELECT", "write 0: INSERT", "write 1: UPDATE", "write 1: set n#0 = self + slot 1", "block 1: write 0", "block 2: write 1"}},
      {kPg,
       "WITH x AS (WITH y AS (SELECT 1) DELETE FROM t RETURNING *) UPDATE u SET a = 1",
       {"write 0: UPDATE", "write 1: DELETE", "block 1: cte x", "block 2: cte y"}},
  });
}

TEST_CASE("parser: transaction control in every spelling", "[parser]") {
  check({
      {kPg, "BEGIN", {"kind TXN", "tx begin"}},
      {kPg, "BEGIN WORK ISOLATION LEVEL SERIALIZABLE, READ ONLY, NOT DEFERRABLE", {"tx begin SERIALIZABLE read-only"}},
      {kPg, "begin transaction isolation level read committed read write", {"tx begin READ COMMITTED read-write"}},
      {kPg, "START TRANSACTION ISOLATION LEVEL REPEATABLE READ", {"tx begin REPEATABLE READ"}},
      {kMy, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", {"tx begin read-only snapshot"}},
      {kMy, "START TRANSACTION /*!40100 WITH CONSISTENT SNAPSHOT */", {"tx begin snapshot"}},
      {kLite, "BEGIN IMMEDIATE", {"tx begin immediate"}},
      {kLite, "BEGIN EXCLUSIVE TRANSACTION", {"tx begin exclusive"}},
      {kLite, "BEGIN DEFERRED", {"tx begin deferred"}},
      {kPg, "COMMIT", {"tx commit"}},
      {kPg, "END", {"tx commit"}},
      {kLite, "END TRANSACTION", {"tx commit"}},
      {kPg, "COMMIT WORK AND CHAIN", {"tx commit chain"}},
      {kMy, "COMMIT AND NO CHAIN NO RELEASE", {"tx commit"}},
      {kPg, "ABORT", {"tx rollback"}},
      {kPg, "ROLLBACK AND CHAIN", {"tx rollback chain"}},
      {kPg, "SAVEPOINT \"a b\"", {"tx savepoint a b"}},
      {kPg, "RELEASE SAVEPOINT X", {"tx release x"}},
      {kMy, "RELEASE SAVEPOINT X", {"tx release X"}},
      {kPg, "RELEASE x", {"tx release x"}},
      {kPg, "ROLLBACK TO x", {"tx rollback to x"}},
      {kLite, "ROLLBACK TRANSACTION TO SAVEPOINT x", {"tx rollback to x"}},
      {kPg, "PREPARE TRANSACTION 'x'", {"tx prepare transaction"}},
      {kPg, "COMMIT PREPARED 'x'", {"tx commit prepared"}},
      {kPg, "ROLLBACK PREPARED 'x'", {"kind TXN", "!tx"}},
      {kMy, "XA START 'x'", {"tx begin"}},
      {kMy, "XA COMMIT 'x' ONE PHASE", {"tx commit"}},
      {kMy, "XA COMMIT 'x'", {"tx commit prepared"}},
      {kPg,
       "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE",
       {"kind SET", "tx set transaction SERIALIZABLE read-only"}},
      {kPg, "SET LOCAL TRANSACTION ISOLATION LEVEL REPEATABLE READ", {"tx set transaction REPEATABLE READ"}},
      {kPg, "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ", {"tx set session REPEATABLE READ"}},
      {kPg, "SET transaction_isolation = 'serializable'", {"tx set transaction SERIALIZABLE"}},
      {kPg, "SET SESSION default_transaction_isolation TO 'repeatable read'", {"tx set session REPEATABLE READ"}},
      {kPg, "SET LOCAL default_transaction_isolation = 'serializable'", {"kind SET", "!tx"}},
      {kPg, "SET default_transaction_read_only = on", {"tx set session read-only"}},
      {kPg, "SET search_path TO a, b", {"kind SET", "!tx"}},
      {kPg, "SET TIME ZONE 'UTC'", {"kind SET", "!tx"}},
      {kMy, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", {"tx set session READ COMMITTED"}},
      {kMy, "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", {"tx set transaction READ UNCOMMITTED"}},
      {kMy, "SET GLOBAL TRANSACTION READ ONLY", {"tx set global read-only"}},
      {kMy, "SET tx_isolation = 'READ-COMMITTED'", {"tx set session READ COMMITTED"}},
      {kMy, "SET @@session.transaction_isolation = 'REPEATABLE-READ'", {"tx set session REPEATABLE READ"}},
      {kMy, "SET @@transaction_isolation = 'SERIALIZABLE'", {"tx set transaction SERIALIZABLE"}},
      {kMy, "SET @@GLOBAL.tx_isolation = 'SERIALIZABLE'", {"tx set global SERIALIZABLE"}},
      {kMy, "SET autocommit = 0", {"tx autocommit off"}},
      {kMy, "SET @@session.autocommit := ON", {"tx autocommit on"}},
      {kMy, "SET SESSION autocommit = TRUE", {"tx autocommit on"}},
      {kMy, "SET GLOBAL autocommit = 0", {"tx set global"}},
      {kMy, "SET autocommit=0, tx_isolation='READ-COMMITTED'", {"tx autocommit off READ COMMITTED"}},
      {kMy, "SET tx_isolation='READ-COMMITTED', sql_mode='', autocommit=1", {"tx autocommit on READ COMMITTED"}},
      {kMy, "SET NAMES utf8mb4 COLLATE utf8mb4_bin", {"kind SET", "!tx"}},
      {kMy, "SET @a = 1, @b := (SELECT max(x) FROM t)", {"kind SET", "!tx"}},
      {kPg, "DISCARD ALL", {"kind DISCARD"}},
      {kPg, "RESET ALL", {"kind DISCARD"}},
      {kMy, "USE `shop`", {"kind USE", "use shop"}},
      {kPg, "PREPARE p AS SELECT 1", {"kind PREPARE", "!block"}},
      {kPg, "DEALLOCATE p", {"kind DEALLOCATE"}},
  });
  check({{kPg, "EXECUTE p(1)", {"kind EXECUTE"}}, {kPg, "CALL f(1)", {"kind CALL"}}}, Quality::kOpaque);
  check({{kMy, "BEGIN NOT ATOMIC UPDATE t SET a = 1; COMMIT; END", {"!kind", "!tx", "!write"}}}, Quality::kOpaque);
  check({{kMy, "SET autocommit = @old", {"kind SET", "!tx"}}, {kMy, "SET tx_isolation = ?", {"kind SET", "!tx"}}}, Quality::kPartial);
}

TEST_CASE("parser: DDL, and what it commits", "[parser]") {
  check({
      {kPg,
       "CREATE TABLE s.t (id serial PRIMARY KEY, email text UNIQUE NOT NULL DEFAULT 'x,y', a int CHECK (a > 0), CONSTRAINT u UNIQUE (a, "
       "email), FOREIGN KEY (a) REFERENCES o (id))",
       {"kind CREATE_TABLE", "ddl table s.t", "ddl column id", "ddl column email", "ddl column a", "ddl unique id", "ddl unique email",
        "ddl unique a email", "!implicit"}},
      {kMy,
       "CREATE TABLE t (id int, `key` int, KEY k (id), UNIQUE KEY u (id, `key`), UNIQUE (name(10)), PRIMARY KEY (id)) ENGINE=InnoDB",
       {"ddl column key", "ddl unique id key", "ddl unique id", "!ddl unique name", "implicit commit"}},
      {kMy, "CREATE TEMPORARY TABLE t (a int)", {"ddl temporary", "!implicit"}},
      {kPg, "CREATE TABLE t AS SELECT * FROM u", {"kind CREATE_TABLE", "ddl table t", "block 0: from u"}},
      {kPg,
       "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t USING btree (a DESC, b COLLATE \"C\") INCLUDE (c)",
       {"kind CREATE_INDEX", "ddl table s.t", "ddl unique a b"}},
      {kPg, "CREATE UNIQUE INDEX i ON t (a) WHERE b IS NULL", {"ddl table t", "!ddl unique"}},
      {kPg, "CREATE UNIQUE INDEX i ON t (lower(a))", {"ddl table t", "!ddl unique"}},
      {kPg, "CREATE INDEX i ON t (a)", {"kind CREATE_INDEX", "!ddl unique"}},
      {kPg, "ALTER TABLE ONLY t ADD CONSTRAINT u UNIQUE (a, b), ADD COLUMN c int", {"kind ALTER_TABLE", "ddl unique a b", "ddl column c"}},
      {kMy, "ALTER TABLE t ADD UNIQUE KEY k (a), DROP COLUMN b", {"ddl unique a", "implicit commit"}},
      {kMy, "DROP TABLE t", {"kind DDL", "implicit commit"}},
      {kMy, "TRUNCATE t", {"kind DDL", "implicit commit"}},
      {kPg, "TRUNCATE t", {"kind DDL", "!implicit"}},
      {kMy, "DROP TEMPORARY TABLE t", {"kind DDL", "!implicit"}},
      {kLite, "CREATE TRIGGER x AFTER INSERT ON t BEGIN UPDATE u SET n = n + 1; DELETE FROM v; END", {"kind DDL", "!write"}},
      {kPg, "EXPLAIN SELECT * FROM t", {"kind EXPLAIN", "!block"}},
      {kPg, "EXPLAIN (ANALYZE, BUFFERS) DELETE FROM t WHERE a = 1", {"kind EXPLAIN", "write 0: DELETE", "block 0: where a#0 = slot 0"}},
      {kPg, "VACUUM FULL t", {"!kind"}},
      {kLite, "PRAGMA journal_mode = WAL", {"!kind"}},
  });
}

TEST_CASE("parser: writes hidden in function bodies", "[parser]") {
  check({{kPg,
          "CREATE FUNCTION f() RETURNS void AS $body$ BEGIN INSERT INTO t (a, b) VALUES (1, x) ON CONFLICT (a) DO NOTHING; PERFORM g(); "
          "END $body$ LANGUAGE plpgsql",
          {"kind DDL", "write 0: INSERT", "write 0: target t", "write 0: value 0 slot -1", "write 0: upsert conflict nothing",
           "write 0: hidden"}},
         {kPg, "CREATE FUNCTION f() RETURNS int AS 'SELECT 1' LANGUAGE sql", {"kind DDL", "!write"}}});
  check({{kPg,
          "DO $$ BEGIN IF a THEN UPDATE t SET n = n + 1 WHERE id = 5; ELSE DELETE FROM u; END IF; END $$",
          {"kind DO", "write 0: UPDATE", "write 0: hidden", "write 1: DELETE", "write 1: target u", "block 0: target t",
           "block 1: target u"}}},
        Quality::kPartial);
}

TEST_CASE("parser: several statements in one packet", "[parser]") {
  const StatementFacts facts = parse_statement("SELECT 1;; UPDATE t SET a = 2 WHERE id = 3; COMMIT;", dialect_of(kPg));
  CHECK(facts.multiple);
  CHECK(facts.kind == StatementKind::kSelect);
  REQUIRE(facts.following.size() == 2);
  CHECK(facts.following[0].kind == StatementKind::kUpdate);
  CHECK(facts.following[0].writes[0].set[0].value.slot == 1);
  CHECK(facts.following[1].tx.action == TxAction::kCommit);

  CHECK_FALSE(parse_statement("SELECT 1;", dialect_of(kPg)).multiple);

  std::string many;
  for (int i = 0; i < 500; ++i) many += "SELECT 1;";
  const StatementFacts capped = parse_statement(many, dialect_of(kPg));
  CHECK(capped.following.size() == 64);
  CHECK(capped.quality == Quality::kPartial);
}

TEST_CASE("parser: what is not understood is said, never guessed", "[parser]") {
  check(
      {
          {kPg,
           "SELECT a FROM t WHERE a = 1 FROBNICATE b = 2 ORDER BY a",
           {"block 0: from t", "block 0: has where", "!block 0: where a#0", "!block 0: where exact", "block 0: order a#0"}},
          {kPg,
           "SELECT a FROM t WHERE a = = 1 AND b = 2 LIMIT 1",
           {"block 0: from t", "!block 0: where b#0", "!block 0: where exact", "block 0: has limit"}},
          {kPg, "SELECT a, +, b FROM t WHERE c = 1", {"block 0: from t", "block 0: where c#0 = slot 0"}},
      },
      Quality::kPartial);
  check({{kPg, "FROBNICATE t", {"!kind", "!block"}}, {kPg, "", {"!kind"}}, {kPg, "/* only a comment */", {"!kind"}}}, Quality::kOpaque);
  for (const char* sql : {"SELECT a FROM t WHERE a = 1 FROBNICATE b", "FROBNICATE"}) {
    CHECK_FALSE(parse_statement(sql, dialect_of(kPg)).reason.empty());
  }
}

TEST_CASE("parser: a text that ends too early says so by itself", "[parser]") {
  for (const char* sql : {"UPDATE t SET a = ", "UPDATE t SET", "SELECT a FROM t WHERE", "SELECT a FROM t WHERE a = 1 AND ",
                          "INSERT INTO t (a, b", "INSERT INTO t (a) VALUES (1, ", "DELETE FROM t WHERE a = 'unterm",
                          "SELECT a FROM t WHERE a IN (1, 2", "SELECT (", "WITH a AS (SELECT 1", "SELECT a FROM"}) {
    INFO(sql);
    CHECK(parse_statement(sql, dialect_of(kPg)).truncated);
  }
  const StatementFacts cut = parse_statement("UPDATE t SET stock = stock - 1 WHERE id =", dialect_of(kPg));
  REQUIRE(cut.write() != nullptr);
  CHECK(cut.write()->targets.front().name == "t");
  CHECK(cut.write()->block == -1);
  CHECK(cut.write()->set.empty());

  const StatementFacts values = parse_statement("INSERT INTO t (a, b, c) VALUES (1, 'x', 'long", dialect_of(kPg));
  REQUIRE(values.write() != nullptr);
  CHECK(values.write()->insert_columns.size() == 3);
  REQUIRE(values.write()->insert_values.size() == 3);
  CHECK(values.write()->insert_values[1].slot == 1);
  CHECK(values.write()->insert_values[2].kind == OperandKind::kNone);
  CHECK(values.write()->rows == 0);

  CHECK(parse_statement("ROLLBACK", dialect_of(kPg), true).tx.action == TxAction::kNone);
  CHECK(parse_statement("ROLLBACK;", dialect_of(kPg), true).tx.action == TxAction::kRollback);
  CHECK(parse_statement("SELECT * FROM t WHERE id = 1 FOR UPDATE", dialect_of(kPg), true).top()->locks.empty());
}

TEST_CASE("parser: hostile nesting ends in a partial reading, not in a crash", "[parser]") {
  for (const char* piece : {"(", "((SELECT ", "NOT ", "- ", "CASE WHEN ", "f(", "a IN (SELECT ", "EXISTS (", "[", "(a, ", "ARRAY["}) {
    std::string sql = "SELECT * FROM t WHERE ";
    for (int i = 0; i < 20000; ++i) sql += piece;
    for (Engine engine : {kPg, kMy, kLite}) {
      INFO(piece);
      CHECK(parse_statement(sql, dialect_of(engine)).quality != Quality::kFull);
      CHECK(parse_statement(sql, dialect_of(engine), true).quality != Quality::kFull);
    }
  }
  std::string from = "SELECT * FROM ", with;
  for (int i = 0; i < 20000; ++i) {
    from += "(";
    with += "WITH a AS (";
  }
  CHECK(parse_statement(from, dialect_of(kPg)).quality != Quality::kFull);
  CHECK(parse_statement(with, dialect_of(kPg)).quality != Quality::kFull);

  std::string endless = "SELECT 1";
  for (int i = 0; i < 600000; ++i) endless += ",a";
  const StatementFacts capped = parse_statement(endless, dialect_of(kPg));
  CHECK(capped.kind == StatementKind::kSelect);
  CHECK(capped.truncated);

  std::string deep = "SELECT ";
  for (int i = 0; i < 60; ++i) deep += "coalesce(";
  deep += "a";
  for (int i = 0; i < 60; ++i) deep += ", 1)";
  CHECK(parse_statement(deep + " FROM t", dialect_of(kPg)).quality == Quality::kFull);
}

TEST_CASE("parser: cost is linear", "[parser]") {
  // Ten times the text may take at most forty times as long: a quadratic step takes a hundred.
  struct Shape {
    const char* name;
    std::string (*make)(int n);
  };
  static const Shape kShapes[] = {
      {"or chain",
       [](int n) {
         std::string s = "SELECT * FROM t WHERE a = 1";
         for (int i = 0; i < n; ++i) s += " OR b = 2";
         return s;
       }},
      {"and chain",
       [](int n) {
         std::string s = "SELECT * FROM t WHERE a = 1";
         for (int i = 0; i < n; ++i) s += " AND t.b = c";
         return s;
       }},
      {"sum",
       [](int n) {
         std::string s = "UPDATE t SET a = a";
         for (int i = 0; i < n; ++i) s += " + b";
         return s;
       }},
      {"mixed list",
       [](int n) {
         std::string s = "SELECT * FROM t WHERE a IN (b";
         for (int i = 0; i < n; ++i) s += ", 1, c";
         return s + ")";
       }},
      {"rows",
       [](int n) {
         std::string s = "INSERT INTO t VALUES (1, 'a')";
         for (int i = 0; i < n; ++i) s += i % 2 == 0 ? ", (1, now())" : ", (f(2), 3)";
         return s;
       }},
      {"columns",
       [](int n) {
         std::string s = "SELECT a";
         for (int i = 0; i < n; ++i) s += ", t.b AS c";
         return s + " FROM t";
       }},
      {"tables",
       [](int n) {
         std::string s = "SELECT * FROM t";
         for (int i = 0; i < n; ++i) s += ", t" + std::to_string(i) + " u";
         return s;
       }},
      {"subqueries",
       [](int n) {
         std::string s = "SELECT 1";
         for (int i = 0; i < n; ++i) s += ", (SELECT a FROM t WHERE t.b = o.c)";
         return s + " FROM o";
       }},
      {"unions",
       [](int n) {
         std::string s = "SELECT 1";
         for (int i = 0; i < n; ++i) s += " UNION ALL (SELECT 2)";
         return s;
       }},
      {"ctes",
       [](int n) {
         std::string s = "WITH a AS (SELECT 1)";
         for (int i = 0; i < n; ++i) s += ", b" + std::to_string(i) + " AS (SELECT * FROM a)";
         return s + " SELECT 1";
       }},
      {"brackets",
       [](int n) {
         std::string s = "SELECT 1 WHERE ";
         for (int i = 0; i < n; ++i) s += "(";
         return s;
       }},
  };
  for (const Shape& shape : kShapes) {
    auto seconds = [&](int n) {
      const std::string sql = shape.make(n);
      double best = 1e9;
      for (int i = 0; i < 3; ++i) {
        const std::clock_t start = std::clock();  // processor time: other tests may be running
        (void)parse_statement(sql, dialect_of(kPg));
        best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
      }
      return best;
    };
    const double small = seconds(2000), large = seconds(20000);
    INFO(shape.name << ": " << small << " s, ten times the text " << large << " s");
    CHECK(large < 40 * small + 0.01);
  }
}
