// DDL of three dialects into a catalogue. A table is compared by its drawing (draw() below): one line a column, a key, a foreign key, a check.

#include "analyzers/schema/ddl.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/schema/snapshot.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

constexpr Engine kPg = Engine::kPostgres, kMy = Engine::kMySql, kMaria = Engine::kMariaDb, kLite = Engine::kSqlite;

std::string draw(const KeyPart& p) {
  std::string out = p.column.empty() ? "{" + p.expression.str() + "}" : p.column.str();
  if (p.prefix_length > 0) out += "[" + std::to_string(p.prefix_length) + "]";
  if (!p.collation.empty()) out += "~" + p.collation.str();
  if (p.descending) out += "-";
  return out;
}

std::string draw(const Table& t) {
  std::string out = t.qualified();
  if (t.is_view) out += " view";
  if (t.partitioned) out += " partitioned";
  if (t.without_rowid) out += " without-rowid";
  if (t.keys_incomplete) out += " incomplete";
  if (!t.storage_engine.empty()) out += " " + t.storage_engine.str();
  out += "\n";
  for (const Column& c : t.columns) {
    out +=
        "  " + c.name.str() + " " + c.type.str() + (c.nullable ? "" : " !") + (c.identity ? " identity" : "") + (c.is_unsigned ? " u" : "");
    if (!c.collation.empty()) out += " ~" + c.collation.str();
    if (c.default_expression) out += (c.generated ? " := " : " = ") + c.default_expression->str();
    out += "\n";
  }
  for (const Key& k : t.keys) {
    std::vector<std::string> parts;
    for (const KeyPart& p : k.parts) parts.push_back(draw(p));
    out += std::string("  ") +
           (k.primary     ? "pk"
            : k.exclusion ? "excl"
            : k.unique    ? (k.constraint ? "unique" : "uindex")
                          : "index") +
           " " + k.name + "(" + join(parts, ", ") + ")";
    if (!k.predicate.empty()) out += " where " + k.predicate.str();
    if (k.nulls_not_distinct) out += " nnd";
    if (!k.valid) out += " invalid";
    if (k.deferrable) out += k.deferred ? " deferred" : " deferrable";
    if (!k.visible) out += " invisible";
    out += "\n";
  }
  for (const ForeignKey& f : t.foreign_keys) {
    out += "  fk " + f.name + "(" + join(f.columns, ", ") + ") -> " + (f.referenced_schema.empty() ? "" : f.referenced_schema + ".") +
           f.referenced_table + "(" + join(f.referenced_columns, ", ") + ")" + (f.on_delete.empty() ? "" : " d:" + f.on_delete) +
           (f.on_update.empty() ? "" : " u:" + f.on_update) + "\n";
  }
  for (const Check& c : t.checks) out += "  check " + c.name + "(" + c.expression + ")\n";
  for (const std::string& e : t.exclusions) out += "  " + e + "\n";
  for (const std::string& g : t.triggers) out += "  trigger " + g + "\n";
  return out;
}

std::string draw(const Catalog& c) {
  std::string out;
  for (const Table& t : c.tables) out += draw(t);
  return out;
}

Catalog read(Engine engine, const std::string& ddl) {
  Catalog c;
  c.engine = engine;
  apply_ddl(ddl, "s.sql", c);
  c.finish();
  return c;
}

struct Case {
  const char* what;
  Engine engine;
  std::string ddl;
  std::string expected;
  uint64_t unknown = 0;
};

void check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const Catalog catalog = read(c.engine, c.ddl);
    CAPTURE(join(catalog.notes, "\n"));
    CHECK(draw(catalog) == c.expected);
    CHECK(catalog.unknown_statements == c.unknown);
  }
}

TEST_CASE("CREATE TABLE of PostgreSQL", "[schema][ddl]") {
  check({
      {"columns", kPg,
       "CREATE TABLE t (id serial PRIMARY KEY, Email VARCHAR(190) NOT NULL, \"Mixed\" int4 DEFAULT -1, at timestamptz(3) DEFAULT now(), ok "
       "bool DEFAULT 't'::boolean, n numeric(10, 2)[] , z time, u double precision DEFAULT NULL::double precision);",
       "public.t\n  id integer ! identity\n  email character varying(190) !\n  Mixed integer = -1\n  at timestamp(3) with time zone = "
       "now()\n  ok boolean = true\n"
       "  n numeric(10,2)[]\n  z time without time zone\n  u double precision\n  pk t_pkey(id)\n"},
      {"names PostgreSQL gives", kPg,
       "CREATE TABLE t (a int UNIQUE, b int CHECK (b > 0), c int REFERENCES t, UNIQUE (a, b), FOREIGN KEY (a, b) REFERENCES t (a, b), "
       "CHECK (a < b), PRIMARY KEY (c));",
       "public.t\n  a integer\n  b integer\n  c integer !\n  unique t_a_key(a)\n  unique t_a_b_key(a, b)\n  pk t_pkey(c)\n  fk t_c_fkey(c) "
       "-> public.t(c)\n  fk t_a_b_fkey(a, b) -> public.t(a, b)\n"
       "  check t_b_check(b > 0)\n  check t_check(a < b)\n"},
      {"column called key, and other words", kPg,
       "CREATE TABLE public.t (key text NOT NULL, index integer, period text, exclude boolean, type text, value text DEFAULT "
       "'a,b);('::text NOT NULL, \"unique\" text);",
       "public.t\n  key text !\n  index integer\n  period text\n  exclude boolean\n  type text\n  value text ! = 'a,b);('\n  unique "
       "text\n"},
      {"identity", kPg,
       "CREATE TABLE t (a bigint GENERATED BY DEFAULT AS IDENTITY (START WITH 5), b int GENERATED ALWAYS AS (a * 2) STORED);",
       "public.t\n  a bigint ! identity\n  b integer := a * 2\n"},
      {"actions and timing", kPg,
       "CREATE TABLE t (a int CONSTRAINT f REFERENCES x.p (id) MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL (a) DEFERRABLE INITIALLY "
       "DEFERRED, b int UNIQUE DEFERRABLE, CONSTRAINT u UNIQUE (a) INCLUDE (b) WITH (fillfactor=70) USING INDEX TABLESPACE ts DEFERRABLE "
       "INITIALLY DEFERRED);",
       "public.t\n  a integer\n  b integer\n  unique t_b_key(b) deferrable\n  unique u(a) deferred\n  fk f(a) -> x.p(id) d:SET NULL "
       "u:CASCADE\n"},
      {"exclusion", kPg,
       "CREATE TABLE t (a int, r tsrange, CONSTRAINT e EXCLUDE USING gist (a WITH =, r WITH &&) WHERE (a > 0), CONSTRAINT q EXCLUDE (a "
       "WITH =));",
       "public.t\n  a integer\n  r tsrange\n  excl q(a)\n  exclude using gist(a with =, r with &&) where(a > 0)\n  exclude (a with =)\n"},
      {"partitions", kPg,
       "CREATE TABLE p (id int NOT NULL, d date NOT NULL, CONSTRAINT pk PRIMARY KEY (id, d)) PARTITION BY RANGE (d); CREATE TABLE p1 "
       "PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
       "public.p partitioned\n  id integer !\n  d date !\n  pk pk(id, d)\npublic.p1\n  id integer !\n  d date !\n  pk p1_pkey(id, d)\n"},
      {"inheritance", kPg, "CREATE TABLE p (id int PRIMARY KEY, n int CHECK (n > 0)); CREATE TABLE c (m int) INHERITS (p);",
       "public.c\n  id integer !\n  n integer\n  m integer\n  check p_n_check(n > 0)\npublic.p\n  id integer !\n  n integer\n  pk "
       "p_pkey(id)\n  check p_n_check(n > 0)\n"},
      {"a check that children do not get", kPg,
       "CREATE TABLE p (n int, CONSTRAINT mine CHECK (n > 0) NO INHERIT, CONSTRAINT ours CHECK (n < 9)); CREATE TABLE c () INHERITS (p);",
       "public.c\n  n integer\n  check ours(n < 9)\npublic.p\n  n integer\n  check mine(n > 0)\n  check ours(n < 9)\n"},
      {"commas in brackets", kPg,
       "CREATE TABLE a (t text[] DEFAULT ARRAY['x'::text, 'y'::text] NOT NULL, u int, v int[]); ALTER TABLE a ALTER v SET DEFAULT ARRAY[1, "
       "2], "
       "ALTER u SET NOT NULL;",
       "public.a\n  t text[] ! = array['x', 'y']\n  u integer !\n  v integer[] = array[1, 2]\n"},
      {"LIKE", kPg, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (LIKE a); CREATE TABLE c (LIKE a INCLUDING ALL, x int);",
       "public.a\n  id integer !\n  pk a_pkey(id)\npublic.b\n  id integer !\npublic.c\n  id integer !\n  x integer\n  pk c_pkey(id)\n"},
      {"AS SELECT, temporary, unlogged", kPg,
       "CREATE TABLE a AS SELECT 1 AS x; CREATE TEMP TABLE b (id int); CREATE UNLOGGED TABLE IF NOT EXISTS c (id int);",
       "public.a\npublic.c\n  id integer\n"},
  });
}

TEST_CASE("CREATE INDEX", "[schema][ddl]") {
  check({
      {"everything PostgreSQL puts in one", kPg,
       "CREATE TABLE t (a int, b text, c text); CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY public.t USING btree (a DESC "
       "NULLS LAST, lower((b)::text) COLLATE \"C\" text_pattern_ops, ((a + 1)), (b)) INCLUDE (c) NULLS NOT DISTINCT WITH (fillfactor='70') "
       "TABLESPACE x WHERE ((c IS NOT NULL) AND (a > 0));",
       "public.t\n  a integer\n  b text\n  c text\n  uindex i(a-, {lower(b)}~C, {a + 1}, b) where c is not null and a > 0 nnd\n"},
      {"names PostgreSQL gives", kPg,
       "CREATE TABLE t (a int, b text); CREATE INDEX ON t (a); CREATE INDEX ON t (a); CREATE INDEX ON t (lower(b), a);",
       "public.t\n  a integer\n  b text\n  index t_a_idx(a)\n  index t_a_idx1(a)\n  index t_lower_a_idx({lower(b)}, a)\n"},
      {"MySQL prefixes and functional parts", kMy,
       "CREATE TABLE t (a varchar(99), b int); CREATE UNIQUE INDEX i USING BTREE ON t (a(10) DESC, (lower(`a`)), b) COMMENT 'x' INVISIBLE "
       "ALGORITHM=INPLACE LOCK=NONE;",
       "t\n  a varchar(99)\n  b int\n  unique i(a[10]-, {lower(a)}, b) invisible\n"},
      {"SQLite expressions", kLite,
       "CREATE TABLE t (a, b, c); CREATE UNIQUE INDEX main.i ON t (a COLLATE nocase DESC, b || c, lower(a), \"c\" ASC) WHERE b > 0;",
       "t\n  a \n  b \n  c \n  uindex i(a~NOCASE-, {b || c}, {lower(a)}, c) where b > 0\n"},
      {"partitioned: invalid until attached", kPg,
       "CREATE TABLE p (id int) PARTITION BY HASH (id); CREATE TABLE c (id int); CREATE UNIQUE INDEX pi ON ONLY p (id); CREATE UNIQUE "
       "INDEX ci ON c (id);",
       "public.c\n  id integer\n  uindex ci(id)\npublic.p partitioned\n  id integer\n  uindex pi(id) invalid\n"},
      {"partitioned: attached", kPg,
       "CREATE TABLE p (id int) PARTITION BY HASH (id); CREATE TABLE c (id int); CREATE UNIQUE INDEX pi ON ONLY p (id); CREATE UNIQUE "
       "INDEX ci ON c (id); ALTER TABLE ONLY p ATTACH PARTITION c FOR VALUES WITH (modulus 1, remainder 0); ALTER INDEX pi ATTACH "
       "PARTITION ci;",
       "public.c\n  id integer\n  uindex ci(id)\npublic.p partitioned\n  id integer\n  uindex pi(id)\n"},
      {"of an unknown table", kPg, "CREATE TABLE a (x int); CREATE INDEX i ON b (x);", "public.a\n  x integer\n", 1},
  });
}

TEST_CASE("CREATE TABLE of MySQL and MariaDB", "[schema][ddl]") {
  check({
      {"SHOW CREATE TABLE", kMaria,
       "CREATE TABLE `t` (\n  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT COMMENT 'a; ''b''',\n  `e` enum('a','b') CHARACTER SET "
       "latin1 NOT NULL DEFAULT 'a',\n  `s` varchar(50) COLLATE utf8mb4_bin DEFAULT NULL,\n  `x` varchar(50) DEFAULT NULL,\n  `at` "
       "timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),\n  `g` int(11) GENERATED ALWAYS AS (`id` + 1) "
       "VIRTUAL,\n  `j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`j`)),\n  PRIMARY KEY (`id`),\n  "
       "UNIQUE KEY `u` (`s`(10),`x`) USING BTREE,\n  KEY `k` (`x` DESC) IGNORED,\n  FULLTEXT KEY `ft` (`x`),\n  CONSTRAINT `f` FOREIGN KEY "
       "(`id`) REFERENCES `p` (`id`) ON DELETE CASCADE ON UPDATE NO ACTION,\n  CONSTRAINT `c` CHECK (`id` > 0)\n) ENGINE=InnoDB "
       "AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci PAGE_CHECKSUM=1;",
       "t InnoDB\n  id bigint(20) unsigned ! identity u\n  e enum('a','b') ! = 'a'\n  s varchar(50) ~utf8mb4_bin\n  x varchar(50) "
       "~utf8mb4_general_ci\n  at timestamp ! = current_timestamp()\n"
       "  g int(11) := id + 1\n  j longtext ~utf8mb4_bin\n  pk PRIMARY(id)\n  unique u(s[10], x)\n  index k(x-) invisible\n  index ft(x)\n "
       " fk f(id) -> p(id) d:CASCADE\n  check (json_valid(j))\n  check c(id > 0)\n"},
      {"MySQL 8", kMy,
       "CREATE TABLE `t` (`id` int NOT NULL AUTO_INCREMENT, `d` datetime(6) DEFAULT NULL, `email` varchar(90) NOT NULL, `h` int DEFAULT "
       "NULL /*!80023 INVISIBLE */, PRIMARY KEY (`id`), UNIQUE KEY `live` (`email`,((case when (`d` is null) then 1 end))) /*!80000 "
       "INVISIBLE */, CONSTRAINT `chk` CHECK ((`id` > 0)) /*!80016 NOT ENFORCED */) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 "
       "COLLATE=utf8mb4_0900_ai_ci",
       "t InnoDB\n  id int ! identity\n  d datetime(6)\n  email varchar(90) ! ~utf8mb4_0900_ai_ci\n  h int\n  pk PRIMARY(id)\n  unique "
       "live(email, {case when d is null then 1 end}) invisible\n"},
      {"names MySQL gives", kMy,
       "CREATE TABLE t (a int UNIQUE, b int KEY, c int, UNIQUE (a, b), INDEX (c), UNIQUE INDEX (c), CONSTRAINT u UNIQUE KEY (b, c)) "
       "TYPE=MyISAM;",
       "t MyISAM\n  a int\n  b int !\n  c int\n  unique a(a)\n  pk PRIMARY(b)\n  unique a_2(a, b)\n  index c(c)\n  unique c_2(c)\n  unique "
       "u(b, c)\n"},
      {"SERIAL and booleans", kMy, "CREATE TABLE t (id SERIAL, b BOOLEAN);",
       "t\n  id bigint unsigned ! identity u\n  b tinyint(1)\n  unique id(id)\n"},
      {"REFERENCES in a column means nothing to MySQL", kMy, "CREATE TABLE t (a int REFERENCES p(id));", "t\n  a int\n"},
      {"but something to MariaDB", kMaria, "CREATE TABLE t (a int REFERENCES p(id) ON DELETE RESTRICT);",
       "t\n  a int\n  fk (a) -> p(id)\n"},
      {"USE, LIKE, OR REPLACE, partitions", kMy,
       "CREATE DATABASE IF NOT EXISTS shop; USE shop; CREATE TABLE a (id int, PRIMARY KEY (id)) ENGINE=InnoDB PARTITION BY HASH (id) "
       "PARTITIONS 4; CREATE TABLE b LIKE a; CREATE TABLE other.c (LIKE a); CREATE OR REPLACE TABLE b (x int);",
       "other.c\n  id int !\n  pk PRIMARY(id)\nshop.a partitioned InnoDB\n  id int !\n  pk PRIMARY(id)\nshop.b\n  x int\n"},
      {"a view's placeholder table", kMaria,
       "/*!50001 CREATE TABLE `v` (\n  `a` tinyint NOT NULL\n) ENGINE=MyISAM */;\n/*!50001 DROP TABLE IF EXISTS `v`*/;\n/*!50001 CREATE "
       "ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */\n/*!50001 VIEW `v` AS select 1 AS `a` */;",
       "v view\n"},
      {"DELIMITER", kMaria,
       "CREATE TABLE t (a int);\nDELIMITER ;;\n/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`%`*/ /*!50003 TRIGGER tr BEFORE INSERT ON t FOR "
       "EACH ROW BEGIN SET NEW.a = 1; CREATE TABLE no (x int); END */;;\nDELIMITER ;\nDELIMITER $$\nCREATE PROCEDURE p() BEGIN SELECT "
       "'$$'; SELECT \"it's\"; END$$\nDELIMITER ;\nCREATE TABLE u (b int);\n",
       "t\n  a int\n  trigger tr\nu\n  b int\n"},
  });
}

TEST_CASE("CREATE TABLE of SQLite", "[schema][ddl]") {
  check({
      {"types and quotes", kLite,
       "CREATE TABLE 'a b' (\"x\" , [y] VARCHAR(10), `z` DECIMAL(10, 2) DEFAULT 'it''s', 'w' UNSIGNED BIG INT, key TEXT, d DEFAULT (1 + "
       "2));",
       "a b\n  x \n  y varchar(10)\n  z decimal(10,2) = 'it''s'\n  w unsigned big int\n  key text\n  d  = 1 + 2\n"},
      {"rowid aliases", kLite,
       "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE b (id INT PRIMARY KEY); CREATE TABLE c (id INTEGER, PRIMARY "
       "KEY (id DESC)); CREATE TABLE d (id INTEGER PRIMARY KEY DESC);",
       "a\n  id integer ! identity\n  pk (id)\nb\n  id int\n  pk sqlite_autoindex_b_1(id)\nc\n  id integer ! identity\n  pk (id)\nd\n  id "
       "integer\n  pk sqlite_autoindex_d_1(id-)\n"},
      {"WITHOUT ROWID and STRICT", kLite,
       "CREATE TABLE a (k TEXT, id INTEGER PRIMARY KEY, UNIQUE (k)) WITHOUT ROWID; CREATE TABLE b (k TEXT PRIMARY KEY, n ANY) STRICT, "
       "WITHOUT ROWID;",
       "a without-rowid\n  k text\n  id integer !\n  unique sqlite_autoindex_a_1(k)\n  pk sqlite_autoindex_a_2(id)\nb without-rowid\n  k "
       "text !\n  n any\n  pk sqlite_autoindex_b_1(k)\n"},
      {"one index for the same columns", kLite,
       "CREATE TABLE t (a UNIQUE, b, UNIQUE (a), PRIMARY KEY (a), UNIQUE (b, a) ON CONFLICT REPLACE, UNIQUE (b COLLATE NOCASE));",
       "t\n  a \n  b \n  pk sqlite_autoindex_t_1(a)\n  unique sqlite_autoindex_t_2(b, a)\n  unique sqlite_autoindex_t_3(b~NOCASE)\n"},
      {"constraints and triggers", kLite,
       "CREATE TABLE t (a TEXT NOT NULL ON CONFLICT FAIL CONSTRAINT n CHECK (a <> '') COLLATE nocase, b REFERENCES p ON DELETE SET NULL "
       "DEFERRABLE INITIALLY DEFERRED, g AS (a || 'x'), CHECK (b > 0 OR b IS NULL)); CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE "
       "TRIGGER tr AFTER UPDATE OF a ON t WHEN new.a = 'x' BEGIN UPDATE t SET b = CASE WHEN 1 THEN 2 END; DELETE FROM p; END; CREATE TABLE "
       "z (q);",
       "p\n  id integer ! identity\n  pk (id)\nt\n  a text ! ~NOCASE\n  b \n  g  := a || 'x'\n  fk (b) -> p(id) d:SET NULL\n  check n(a <> "
       "'')\n  check (b > 0 or b is null)\n  trigger tr\nz\n  q \n"},
      {"what SQLite keeps for itself, virtual tables, views", kLite,
       "CREATE TABLE sqlite_sequence(name,seq); CREATE VIRTUAL TABLE f USING fts5(a, b); CREATE VIEW IF NOT EXISTS v AS SELECT 1;",
       "f incomplete\nv view\n"},
  });
}

TEST_CASE("ALTER and friends, in the order migrations come", "[schema][ddl]") {
  check({
      {"pg_dump", kPg,
       "SET search_path = public, pg_catalog;\nCREATE TABLE t (id integer NOT NULL, k text);\nCREATE SEQUENCE t_id_seq;\nALTER SEQUENCE "
       "t_id_seq OWNED BY t.id;\nALTER TABLE public.t OWNER TO app;\nALTER TABLE ONLY public.t ALTER COLUMN id SET DEFAULT "
       "nextval('public.t_id_seq'::regclass);\nALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id);\nALTER TABLE ONLY "
       "public.t ADD CONSTRAINT k_key UNIQUE NULLS NOT DISTINCT (k) DEFERRABLE;\nALTER TABLE ONLY public.t ALTER COLUMN k SET STORAGE "
       "EXTENDED;\nALTER TABLE public.t CLUSTER ON t_pkey;\nALTER TABLE ONLY public.t REPLICA IDENTITY FULL;\nALTER TABLE public.t ENABLE "
       "ROW LEVEL SECURITY;",
       "public.t\n  id integer ! identity = nextval('public.t_id_seq')\n  k text\n  pk t_pkey(id)\n  unique k_key(k) nnd deferrable\n"},
      {"ADD COLUMN", kPg,
       "CREATE TABLE t (a int); ALTER TABLE IF EXISTS ONLY t ADD COLUMN IF NOT EXISTS b text NOT NULL DEFAULT 'x' UNIQUE, ADD c int "
       "REFERENCES t (b), ADD COLUMN IF NOT EXISTS a text;",
       "public.t\n  a integer\n  b text ! = 'x'\n  c integer\n  unique t_b_key(b)\n  fk t_c_fkey(c) -> public.t(b)\n"},
      {"DROP COLUMN takes PostgreSQL's keys along", kPg,
       "CREATE TABLE t (a int, b int, c int, UNIQUE (a, b), CHECK (b > c)); CREATE INDEX i ON t (a) WHERE b > 0; CREATE INDEX j ON t (a); "
       "ALTER TABLE t DROP COLUMN IF EXISTS b CASCADE, DROP COLUMN IF EXISTS nope;",
       "public.t\n  a integer\n  c integer\n  index j(a)\n"},
      {"DROP COLUMN narrows MySQL's", kMy, "CREATE TABLE t (a int, b int, UNIQUE KEY u (a, b), KEY k (b)); ALTER TABLE t DROP b;",
       "t\n  a int\n  unique u(a)\n"},
      {"renames", kPg,
       "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (a int REFERENCES p (id), b int CHECK (a > b)); CREATE UNIQUE INDEX i ON t "
       "(lower(a)) WHERE a > 0; ALTER TABLE t RENAME COLUMN a TO \"A x\"; ALTER TABLE p RENAME id TO pid; ALTER TABLE p RENAME TO parent; "
       "ALTER INDEX i RENAME TO j; ALTER TABLE t RENAME CONSTRAINT t_a_fkey TO f; ALTER TABLE parent SET SCHEMA core;",
       "core.parent\n  pid integer !\n  pk p_pkey(pid)\npublic.t\n  A x integer\n  b integer\n  uindex j({lower(\"A x\")}) where \"A x\" > "
       "0\n  fk f(A x) -> core.parent(pid)\n  check t_check(\"A x\" > b)\n"},
      {"types, nulls, defaults", kPg,
       "CREATE TABLE t (a int DEFAULT 1, b text NOT NULL); ALTER TABLE t ALTER a TYPE varchar(9) COLLATE \"C\" USING a::text, ALTER COLUMN "
       "a DROP DEFAULT, ALTER COLUMN a SET NOT NULL, ALTER b DROP NOT NULL, ALTER b SET DEFAULT 'x, y';",
       "public.t\n  a character varying(9) ! ~C\n  b text = 'x, y'\n"},
      {"constraints come and go", kPg,
       "CREATE TABLE t (a int, b int, CONSTRAINT u UNIQUE (a), CONSTRAINT c CHECK (a > 0)); ALTER TABLE t DROP CONSTRAINT u, DROP "
       "CONSTRAINT c, DROP CONSTRAINT IF EXISTS nope; CREATE UNIQUE INDEX i ON t (a, b); ALTER TABLE t ADD CONSTRAINT u2 UNIQUE USING "
       "INDEX i; ALTER TABLE t ADD CHECK (b > 0) NOT VALID;",
       "public.t\n  a integer\n  b integer\n  unique u2(a, b)\n  check t_b_check(b > 0)\n"},
      {"a primary key from an index", kPg,
       "CREATE TABLE t (a int); CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY USING INDEX i;",
       "public.t\n  a integer !\n  pk pk(a)\n"},
      {"MODIFY, CHANGE, FIRST, AFTER", kMy,
       "CREATE TABLE t (a int, b int, c varchar(9) COLLATE utf8mb4_bin, UNIQUE KEY u (b), PRIMARY KEY (a)); ALTER TABLE t MODIFY COLUMN c "
       "varchar(20) NOT NULL FIRST, CHANGE b `bb` bigint unsigned NOT NULL AFTER c, MODIFY a int AUTO_INCREMENT, ADD d int AFTER c, ADD (e "
       "int, f int), ENGINE=InnoDB DEFAULT CHARSET=utf8mb4, ALGORITHM=INPLACE, LOCK=NONE;",
       "t InnoDB\n  c varchar(20) ! ~utf8mb4_bin\n  d int\n  bb bigint unsigned ! u\n  a int ! identity\n  e int\n  f int\n  unique "
       "u(bb)\n  pk PRIMARY(a)\n"},
      {"MySQL's many ADDs and DROPs", kMy,
       "CREATE TABLE t (a int, b int); ALTER TABLE t ADD PRIMARY KEY (a), ADD UNIQUE INDEX u (b), ADD INDEX i USING BTREE (a, b), ADD "
       "CONSTRAINT f FOREIGN KEY fi (b) REFERENCES p (id), ADD FULLTEXT ft (b); ALTER TABLE t DROP PRIMARY KEY, DROP INDEX i, DROP KEY ft, "
       "DROP FOREIGN KEY f, RENAME INDEX u TO v, ALTER INDEX v INVISIBLE;",
       "t\n  a int !\n  b int\n  unique v(b) invisible\n"},
      {"RENAME TABLE, DROP INDEX ON", kMy,
       "CREATE TABLE a (x int, UNIQUE KEY u (x), KEY k (x)); CREATE TABLE b (y int); RENAME TABLE a TO c, b TO d; DROP INDEX u ON c; ALTER "
       "TABLE d RENAME e;",
       "c\n  x int\n  index k(x)\ne\n  y int\n"},
      {"SQLite's way of changing a table", kLite,
       "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE); CREATE TABLE new__t (id INTEGER PRIMARY KEY, a TEXT NOT NULL UNIQUE); "
       "INSERT INTO new__t SELECT * FROM t; DROP TABLE t; ALTER TABLE new__t RENAME TO t; ALTER TABLE t RENAME a TO b; ALTER TABLE t ADD c "
       "INT DEFAULT 0;",
       "t\n  id integer ! identity\n  b text !\n  c int = 0\n  pk (id)\n  unique sqlite_autoindex_t_1(b)\n"},
      {"DROP", kPg,
       "CREATE TABLE a (x int); CREATE TABLE b (y int REFERENCES a (x)); CREATE VIEW v AS SELECT 1; CREATE INDEX i ON b (y); CREATE "
       "TRIGGER g BEFORE INSERT ON b EXECUTE FUNCTION f(); DROP TABLE IF EXISTS public.a, nope CASCADE; DROP VIEW v; DROP INDEX "
       "CONCURRENTLY IF EXISTS i; DROP TRIGGER g ON b; CREATE SCHEMA s; CREATE TABLE s.x (q int); DROP SCHEMA s CASCADE;",
       "public.b\n  y integer\n"},
      {"re-created", kMaria, "DROP TABLE IF EXISTS `t`;\nCREATE TABLE `t` (a int);\nDROP TABLE IF EXISTS `t`;\nCREATE TABLE `t` (b int);\n",
       "t\n  b int\n"},
      {"schemas of an old pg_dump", kPg,
       "SET search_path = app, pg_catalog; CREATE TABLE t (a int); SELECT pg_catalog.set_config('search_path', 'other', false); CREATE "
       "TABLE t (b int); SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE t (c int);",
       "app.t\n  a integer\nother.t\n  b integer\npublic.t\n  c integer\n"},
  });
}

TEST_CASE("statements end where they end", "[schema][ddl]") {
  check({
      {"psql commands and COPY data", kPg,
       "\\restrict abc;'\"\n\\connect shop\nCREATE TABLE t (a int);\nCOPY public.t (a) FROM stdin;\nCREATE TABLE no (b "
       "int);\n1\t';\n\\.\n\n\\unrestrict abc\nCREATE TABLE u (b int);\n",
       "public.t\n  a integer\npublic.u\n  b integer\n"},
      {"bodies", kPg,
       "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $fn$ BEGIN CREATE TABLE no (a int); END; $fn$; CREATE FUNCTION g() RETURNS "
       "int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; DO $$ BEGIN; END $$; CREATE TABLE t (a int);",
       "public.t\n  a integer\n"},
      {"a missing semicolon", kPg,
       "CREATE TABLE a (x int)\nCREATE TABLE b (y int)\nALTER TABLE a ADD z int\nCREATE UNIQUE INDEX i ON a (x)\n",
       "public.a\n  x integer\n  z integer\n  uindex i(x)\npublic.b\n  y integer\n"},
      {"nothing to do with tables", kPg,
       "BEGIN; SET x = 1; INSERT INTO a VALUES (1); CREATE EXTENSION citext; CREATE TYPE e AS ENUM ('a;b'); COMMENT ON TABLE a IS 'x'; "
       "GRANT ALL ON a TO b; CREATE ROLE r; ALTER TYPE e ADD VALUE 'c'; DROP FUNCTION f(int); ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT "
       "SELECT ON TABLES TO r; CREATE EVENT TRIGGER x ON y; COMMIT;",
       ""},
      {"a bad statement between good ones", kPg, "CREATE TABLE a (x int);\nCREATE TABLE (;\nFROBNICATE all;\nCREATE TABLE b (y int);\n",
       "public.a\n  x integer\npublic.b\n  y integer\n", 2},
      {"a bad element of a good table", kPg, "CREATE TABLE a (x int, UNIQUE x y z, w int NOT NULL);",
       "public.a incomplete\n  x integer\n  w integer !\n", 1},
      {"an unclosed parenthesis", kPg, "CREATE TABLE a (x int;\nCREATE TABLE b (y int);", "public.b\n  y integer\n", 1},
      {"a quote that never closes", kPg, "CREATE TABLE a (x text DEFAULT 'oops);\nCREATE TABLE b (y int);\nCREATE TABLE c (z int);",
       "public.b\n  y integer\npublic.c\n  z integer\n", 1},
      {"a body that never ends", kLite, "CREATE TABLE a (x);\nCREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1;\nCREATE TABLE b (y);\n",
       "a\n  x \n  trigger t\nb\n  y \n", 1},
      {"comments anywhere", kMy,
       "-- CREATE TABLE no (a int);\n# CREATE TABLE no (a int);\n/* CREATE TABLE no (a int); */ CREATE /* x */ TABLE t ( -- y\n a int # "
       "z;\n);",
       "t\n  a int\n"},
      {"a byte order mark and Windows lines", kPg,
       "\xEF\xBB\xBF"
       "CREATE TABLE t (\r\n  a int\r\n);\r\n",
       "public.t\n  a integer\n"},
      {"nothing", kPg, "", ""},
      {"keys-incomplete holds from here on", kMy, "CREATE TABLE a (x int);\n-- dbaudit: keys-incomplete\nCREATE TABLE b (x int);\n",
       "a\n  x int\nb incomplete\n  x int\n"},
  });
}

TEST_CASE("what was not understood is said with its line", "[schema][ddl]") {
  const Catalog c = read(kPg, "CREATE TABLE a (x int);\n\n\nALTER TABLE a FROB x;\nCREATE TABLE;\n");
  REQUIRE(c.notes.size() == 2);
  CHECK(c.notes[0] == "s.sql:4: ALTER TABLE a: not understood: frob x");
  CHECK(c.notes[1] == "s.sql:5: CREATE statement ends too early");
  CHECK(c.tables[0].keys_incomplete);
  CHECK(c.statements == 3);
}

TEST_CASE("the application's search_path is read from ALTER DATABASE and ROLE", "[schema][ddl]") {
  const Catalog c =
      read(kPg, "CREATE TABLE app.t (a int); CREATE TABLE public.t (b int); ALTER ROLE web SET search_path TO \"$user\", app, public;");
  CHECK(c.search_path == std::vector<std::string>{"app", "public"});
  REQUIRE(c.find("", "t") != nullptr);
  CHECK(c.find("", "t")->schema == "app");
}

TEST_CASE("the engine of DDL is guessed", "[schema][ddl]") {
  CHECK(guess_ddl_engine("CREATE TABLE t (id serial PRIMARY KEY, a jsonb);") == kPg);
  CHECK(guess_ddl_engine("CREATE TABLE `t` (`id` int AUTO_INCREMENT) ENGINE=InnoDB;") == kMy);
  CHECK(guess_ddl_engine("-- MariaDB dump 10.19\nCREATE TABLE `t` (`id` int) ENGINE=InnoDB;") == kMaria);
  CHECK(guess_ddl_engine("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT);") == kLite);
  CHECK(guess_ddl_engine("CREATE TABLE t (a int);") == Engine::kUnknown);
}

// --- Files -----------------------------------------------------------------------------------------------------------------------------

struct Directory {
  fs::path path;
  Directory() {
    std::string pattern = (fs::temp_directory_path() / "dbaudit-ddl-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string write(const std::string& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << text;
    return (path / name).string();
  }
};

TEST_CASE("a directory of migrations is read in order", "[schema][ddl]") {
  const Directory d;
  d.write("V1__init.sql", "CREATE TABLE t (id serial);");
  d.write("V2__a.sql", "ALTER TABLE t ADD a int;\n");
  d.write("V10__b.sql", "ALTER TABLE t RENAME a TO b;");
  d.write("U10__b.sql", "DROP TABLE t;");
  d.write("V11__c.down.sql", "DROP TABLE t;");
  d.write("V12/migration.sql", "-- migrate:up\nALTER TABLE t ADD c int;\n-- migrate:down\nDROP TABLE t;\n");
  d.write("V12/down.sql", "DROP TABLE t;");
  d.write("README.md", "DROP TABLE t;");
  const Result<Catalog> c = load_schema({d.path.string()}, Engine::kUnknown);
  REQUIRE(c);
  CHECK(c->engine == kPg);
  CHECK(draw(*c) == "public.t\n  id integer ! identity\n  b integer\n  c integer\n");
  CHECK(c->unknown_statements == 0);
}

TEST_CASE("several files make one schema, a snapshot among them", "[schema][ddl]") {
  const Directory d;
  const std::string snapshot = d.write("a.json", catalog_to_json(read(kPg, "CREATE TABLE t (a int);")));
  const std::string more = d.write("b.sql", "ALTER TABLE t ADD UNIQUE (a); CREATE TABLE u (b int);");
  const Result<Catalog> c = load_schema({snapshot, more}, Engine::kUnknown);
  REQUIRE(c);
  CHECK(draw(*c) == "public.t\n  a integer\n  unique t_a_key(a)\npublic.u\n  b integer\n");
}

TEST_CASE("files that are no schema are refused in one line", "[schema][ddl]") {
  const Directory d;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {d.write("empty.sql", ""), "no table"},
      {d.write("data.sql", "INSERT INTO t VALUES (1);"), "no table"},
      {d.write("prose.txt", "Dear reader, there is no schema here."), "no table"},
      {d.write("app.db", std::string("SQLite format 3\0rest", 20)), "pass it as --dsn"},
      {d.write("x.dump", std::string("PGDMP\0\0", 7)), "pg_restore"},
      {d.write("x.sql.gz", "\x1f\x8b\x08"), "compressed"},
      {d.write("wide.sql", "\xff\xfe" + std::string("C\0R\0", 4)), "UTF-16"},
      {d.write("blob", std::string("ab\0cd", 5)), "binary"},
      {d.write("report.json", "{\"findings\": []}"), "not a schema"},
      {(d.path / "nowhere.sql").string(), "No such file"},
  };
  for (const auto& [path, expected] : cases) {
    CAPTURE(path);
    const Result<Catalog> c = load_schema({path}, kPg);
    REQUIRE_FALSE(c);
    CHECK(c.error().message.find(expected) != std::string::npos);
    CHECK(c.error().message.find('\n') == std::string::npos);
  }
  fs::create_directory(d.path / "none");
  CHECK_FALSE(load_schema({(d.path / "none").string()}, kPg));
}

TEST_CASE("any cut of a dump is read without harm", "[schema][ddl]") {
  const std::string ddl =
      "CREATE TABLE a (id int PRIMARY KEY, b text DEFAULT 'x' CHECK (b <> '') REFERENCES c (d) ON DELETE CASCADE, UNIQUE (id, b), EXCLUDE "
      "USING gist (id WITH =));\n"
      "CREATE UNIQUE INDEX i ON a USING btree (lower(b) DESC) INCLUDE (id) WHERE (id > 0);\nALTER TABLE ONLY a ADD CONSTRAINT f FOREIGN "
      "KEY (id) REFERENCES z (y), "
      "ALTER COLUMN b TYPE text, DROP COLUMN q, RENAME TO w;\nCREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;\nDELIMITER //\nDROP "
      "TABLE a//\nCOPY a FROM stdin;\n1\n\\.\n";
  for (Engine e : {Engine::kUnknown, kPg, kMy, kMaria, kLite}) {
    for (size_t n = 0; n <= ddl.size(); ++n) {
      (void)read(e, ddl.substr(0, n));
      (void)read(e, ddl.substr(n));
    }
  }
  SUCCEED();
}

TEST_CASE("hostile DDL takes bounded time", "[schema][ddl]") {
  std::string quotes, parens = "CREATE TABLE t (a int DEFAULT ", alter = "CREATE TABLE t (a int);\n";
  for (int i = 0; i < 20000; ++i) quotes += "CREATE TABLE t" + std::to_string(i) + " (a text DEFAULT $q" + std::to_string(i) + "$ x);\n";
  parens += std::string(200000, '(');
  for (int i = 0; i < 5000; ++i) alter += "ALTER TABLE t ADD c" + std::to_string(i) + " int;\n";
  (void)read(kPg, quotes);
  (void)read(kPg, parens);
  CHECK(read(kPg, alter).tables[0].columns.size() == 5001);
}

TEST_CASE("every schema beside the repository is understood whole", "[schema][ddl][shared]") {
  const fs::path shared = fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared";
  if (!fs::is_directory(shared / "corpus")) SKIP_TEST("no ../shared/corpus");
  int files = 0;
  for (const char* set : {"corpus", "acidrain"}) {
    for (const auto& entry : fs::directory_iterator(shared / set)) {
      const fs::path path = entry.path() / "schema.sql";
      if (!fs::exists(path)) continue;
      CAPTURE(path.string());
      const Result<Catalog> c = load_schema({path.string()}, Engine::kUnknown);
      REQUIRE(c);
      CHECK(c->unknown_statements == 0);
      CHECK(c->notes.empty());
      const std::string name = entry.path().filename().string();
      const Engine expected = name.ends_with("-pg") ? kPg : name.ends_with("-maria") ? kMaria : name.ends_with("-sqlite") ? kLite : kMy;
      CHECK(c->engine == expected);
      const Result<Catalog> back = catalog_from_json(catalog_to_json(*c));
      REQUIRE(back);
      CHECK(catalog_to_json(*back) == catalog_to_json(*c));
      ++files;
    }
  }
  CHECK(files >= 100);
}

}  // namespace
}  // namespace dbaudit
