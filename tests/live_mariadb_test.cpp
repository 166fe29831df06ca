// Live MariaDB: what is read is what its dump says, nothing is written, and every failure is one line in bounded time.

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

#include <nlohmann/json.hpp>

#include "analyzers/base/text.h"
#include "analyzers/schema/connection.h"
#include "analyzers/schema/ddl.h"
#include "analyzers/schema/engines/mysql_session.h"
#include "analyzers/schema/snapshot.h"
#include "tests/catch.h"
#include "tests/live_mariadb.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Every construct that a catalogue holds.
constexpr const char* kEvery = R"sql(
CREATE TABLE customers (
  id bigint unsigned NOT NULL AUTO_INCREMENT,
  email varchar(190) NOT NULL,
  email_bin varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  nick varchar(50) CHARACTER SET latin1 COLLATE latin1_swedish_ci DEFAULT NULL,
  `name of ``it``` varchar(30) NOT NULL DEFAULT 'it''s "x" \\ y',
  balance decimal(12,2) unsigned zerofill NOT NULL DEFAULT 0.00,
  flags bit(8) NOT NULL DEFAULT b'101',
  kind enum('a','it''s','c,d','(e)') NOT NULL DEFAULT 'a',
  tags set('x','y') DEFAULT NULL,
  doc json DEFAULT NULL,
  born date DEFAULT '2000-01-01',
  made datetime(6) NOT NULL DEFAULT current_timestamp(6),
  changed timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  seen timestamp NULL DEFAULT NULL,
  token char(36) NOT NULL DEFAULT (uuid()),
  expires datetime DEFAULT (current_timestamp() + interval 1 day),
  small tinyint(1) NOT NULL DEFAULT 1,
  neg int NOT NULL DEFAULT -5,
  ratio double DEFAULT 1.5e-3,
  bin varbinary(20) DEFAULT x'41',
  raw blob DEFAULT NULL,
  body text DEFAULT 'long',
  email_lower varchar(190) GENERATED ALWAYS AS (lower(`email`)) VIRTUAL,
  email_stored varchar(190) GENERATED ALWAYS AS (concat(`email`,' ',ifnull(`nick`,'-'))) STORED,
  packed text /*M!100301 COMPRESSED*/ DEFAULT NULL,
  hidden int INVISIBLE DEFAULT 3,
  ip inet6 DEFAULT NULL, u uuid DEFAULT NULL,
  y year DEFAULT 2001, t time(3) DEFAULT '10:00:00', f float(7,3) DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY email (email),
  UNIQUE KEY nick (nick),
  UNIQUE KEY two (kind, nick),
  UNIQUE KEY prefix_key (email_bin(10)),
  UNIQUE KEY gen (email_lower),
  UNIQUE KEY long_text (body),
  KEY d (made DESC, id),
  KEY ign (small) IGNORED,
  FULLTEXT KEY ft (body),
  CONSTRAINT positive CHECK (balance >= 0),
  CHECK (neg < 10 or small = 1),
  CONSTRAINT `odd name` CHECK (kind in ('a','it''s') and email <> '')
) ENGINE=InnoDB COMMENT='the ''customers'', all';
CREATE TABLE `sélect` (`order` int NOT NULL, `größe` varchar(20) CHECK (char_length(`größe`) > 1), `日本` int DEFAULT 7, PRIMARY KEY (`order`), UNIQUE KEY `ключ` (`größe`,`日本`)) DEFAULT CHARSET=latin1;
CREATE TABLE `group` (a int, `A b` int, `x``y` int, UNIQUE KEY `k``1` (`x``y`), KEY `A b` (`A b`,a));
CREATE TABLE orders (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY, customer_id bigint unsigned NOT NULL, parent int, other int, third int, g geometry NOT NULL,
  CONSTRAINT z_fk FOREIGN KEY (customer_id) REFERENCES customers(id) ON DELETE CASCADE ON UPDATE RESTRICT,
  CONSTRAINT a_fk FOREIGN KEY (parent) REFERENCES orders(id) ON DELETE SET NULL ON UPDATE CASCADE,
  FOREIGN KEY (other) REFERENCES orders(id) ON DELETE NO ACTION,
  FOREIGN KEY (third) REFERENCES orders(id), SPATIAL KEY g (g));
CREATE TABLE lines_of (order_id int NOT NULL, n int NOT NULL, sku varchar(20) NOT NULL, PRIMARY KEY (order_id, n), UNIQUE (sku, order_id));
CREATE TABLE two_cols (a int, b int, c int, KEY (a,b), CONSTRAINT multi FOREIGN KEY (a,b) REFERENCES lines_of(order_id, n) ON DELETE CASCADE);
CREATE TABLE my (id int NOT NULL, v varchar(10), UNIQUE KEY v (v), PRIMARY KEY (id)) ENGINE=MyISAM;
CREATE TABLE ar (id int, KEY (id), UNIQUE (id)) ENGINE=Aria;
CREATE TABLE me (id int NOT NULL, UNIQUE KEY h (id) USING HASH, KEY b (id) USING BTREE) ENGINE=MEMORY;
CREATE TABLE part (id int NOT NULL, d date NOT NULL, PRIMARY KEY (id,d)) PARTITION BY RANGE (year(d)) (PARTITION p0 VALUES LESS THAN (2000), PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE TABLE hashed (id int NOT NULL PRIMARY KEY, v int) PARTITION BY HASH (id) PARTITIONS 3;
CREATE TABLE sv (id int PRIMARY KEY, v int, s timestamp(6) GENERATED ALWAYS AS ROW START, e timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s,e)) WITH SYSTEM VERSIONING;
CREATE TABLE sv2 (id int PRIMARY KEY, v int) WITH SYSTEM VERSIONING;
CREATE TABLE rooms (id int NOT NULL, f date NOT NULL, t date NOT NULL, PERIOD FOR p (f,t), UNIQUE KEY np (id, p WITHOUT OVERLAPS));
CREATE SEQUENCE sq;
CREATE TABLE uses_sq (id bigint NOT NULL DEFAULT nextval(sq), v int DEFAULT (1+2*3));
CREATE TABLE nokey (a int, b int);
CREATE TABLE binary_default (a varchar(5), b char(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, c varchar(3) BINARY) COLLATE=utf8mb4_unicode_ci;
CREATE VIEW v_orders AS SELECT id, customer_id FROM orders;
CREATE TABLE audit (t varchar(30), n int);
CREATE TRIGGER z_first BEFORE INSERT ON orders FOR EACH ROW SET NEW.other = NULL;
CREATE TRIGGER a_second BEFORE INSERT ON orders FOR EACH ROW INSERT INTO audit VALUES ('x',1);
CREATE TRIGGER aft AFTER DELETE ON orders FOR EACH ROW INSERT INTO audit VALUES ('d',2);
CREATE TRIGGER upd BEFORE UPDATE ON orders FOR EACH ROW SET NEW.third = 1;
)sql";

/// What stands for a table in a comparison: its lines in the snapshot, so that a difference is readable.
std::string table_text(const Table& t) {
  Catalog one;
  one.engine = Engine::kMariaDb;
  one.tables.push_back(t);
  one.finish();
  return catalog_to_json(one);
}

/// The DDL of a dump as if `database` were in use: a dump of one database does not name it.
Catalog catalog_of_dump(const std::string& database, const std::string& ddl) {
  Catalog c;
  c.engine = Engine::kMariaDb;
  apply_ddl("USE `" + database + "`;\n" + ddl, "dump.sql", c);
  c.finish();
  return c;
}

/// Every table of one is in the other and the same there. `except` names tables that a dump cannot tell whole.
void same_tables(const Catalog& live, const Catalog& dumped, const std::set<std::string>& except = {}) {
  REQUIRE(live.tables.size() == dumped.tables.size());
  for (size_t i = 0; i < live.tables.size(); ++i) {
    CAPTURE(live.tables[i].qualified());
    CHECK(live.tables[i].qualified() == dumped.tables[i].qualified());
    if (!except.contains(live.tables[i].name)) CHECK(table_text(live.tables[i]) == table_text(dumped.tables[i]));
  }
  CHECK(live.search_path == dumped.search_path);
}

TEST_CASE("live MariaDB: a schema of every construct is what its dump says, and what its snapshot says", "[schema][live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const ScratchMariaDb db(*server, "every");
  const ProgramResult made = server->script(db.name(), kEvery);
  INFO(made.err);
  REQUIRE(made.status == 0);
  const ProgramResult dump = server->dump(db.name());
  REQUIRE(dump.status == 0);

  const Result<Catalog> live = introspect_dsn(server->dsn_of(db.name()));
  INFO((live ? "" : live.error().message));
  REQUIRE(live);
  const Catalog dumped = catalog_of_dump(db.name(), dump.out);
  CHECK(dumped.notes.empty());
  CHECK(dumped.unknown_statements == 0);
  CHECK(live->notes.empty());
  // A dump cannot tell: the columns under an application-time period's key and the CHECK that the period adds (`rooms`).
  same_tables(*live, dumped, {"rooms"});
  const Table* rooms = live->find("", "rooms");
  REQUIRE(rooms != nullptr);
  REQUIRE(rooms->keys.size() == 1);
  CHECK(rooms->keys[0].parts.size() == 3);

  // Nor what belongs to the server.
  CHECK(live->engine == Engine::kMariaDb);
  CHECK(live->server.version.ends_with("-MariaDB"));
  CHECK(live->server.default_isolation == Isolation::kRepeatableRead);
  for (const char* name : {"innodb_snapshot_isolation", "autocommit", "sql_mode", "innodb_autoinc_lock_mode", "innodb_lock_wait_timeout",
                           "innodb_rollback_on_timeout", "lower_case_table_names", "general_log", "log_output", "general_log_file",
                           "slow_query_log", "long_query_time", "performance_schema"}) {
    CAPTURE(name);
    // innodb_snapshot_isolation came with 10.6.18 and 10.11.8.
    CHECK(live->server.settings.contains(name));
  }
  CHECK(live->server.settings.at("sql_mode").find("STRICT_TRANS_TABLES") != std::string::npos);  // the server's, not the session's own

  const Result<Catalog> again = catalog_from_json(catalog_to_json(*live));
  REQUIRE(again);
  CHECK(catalog_to_json(*again) == catalog_to_json(*live));

  // Without a database in the DSN: this one among all others, and no system table.
  const Result<Catalog> all = introspect_dsn(server->dsn_of(""));
  REQUIRE(all);
  CHECK(all->search_path.empty());
  size_t here = 0;
  for (const Table& t : all->tables) {
    CHECK((t.schema != "mysql" && t.schema != "information_schema" && t.schema != "performance_schema" && t.schema != "sys"));
    if (t.schema != db.name()) continue;
    CAPTURE(t.qualified());
    REQUIRE(live->find(t.schema, t.name) != nullptr);
    CHECK(table_text(t) == table_text(*live->find(t.schema, t.name)));
    ++here;
  }
  CHECK(here == live->tables.size());
}

TEST_CASE("live MariaDB: what a column, a key and a foreign key of it mean", "[schema][live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const ScratchMariaDb db(*server, "facts");
  REQUIRE(server->script(db.name(), kEvery).status == 0);
  const Result<Catalog> live = introspect_dsn(server->dsn_of(db.name()));
  REQUIRE(live);
  const Table* t = live->find("", "customers");
  REQUIRE(t != nullptr);

  struct ColumnCase {
    const char *name, *type, *expression;  // expression: nullptr is none
    bool nullable;
    const char* collation;
  };
  const std::vector<ColumnCase> columns = {
      {"id", "bigint(20) unsigned", nullptr, false, ""},
      {"email_bin", "varchar(190)", nullptr, false, "utf8mb4_bin"},
      {"nick", "varchar(50)", nullptr, true, "latin1_swedish_ci"},
      {"balance", "decimal(12,2) unsigned zerofill", "0000000000.00", false, ""},
      {"flags", "bit(8)", "b'101'", false, ""},
      {"kind", "enum('a','it''s','c,d','(e)')", "'a'", false, "utf8mb4_general_ci"},
      {"doc", "longtext", nullptr, true, "utf8mb4_bin"},
      {"born", "date", "'2000-01-01'", true, ""},
      {"made", "datetime(6)", "current_timestamp(6)", false, ""},
      {"token", "char(36)", "uuid()", false, "utf8mb4_general_ci"},
      {"neg", "int(11)", "-5", false, ""},
      {"packed", "text", nullptr, true, "utf8mb4_general_ci"},
      {"seen", "timestamp", nullptr, true, ""},
  };
  for (const ColumnCase& c : columns) {
    CAPTURE(c.name);
    const Column* column = t->column(c.name);
    REQUIRE(column != nullptr);
    CHECK(column->type == c.type);
    CHECK(column->nullable == c.nullable);
    CHECK(column->collation == c.collation);
    CHECK(column->default_expression.value_or("none") == (c.expression == nullptr ? "none" : c.expression));
  }
  CHECK(t->column("id")->identity);
  CHECK(t->column("id")->is_unsigned);
  CHECK(t->column("email_lower")->generated);
  CHECK_FALSE(t->column("token")->generated);

  const auto key = [&](const Table* of, std::string_view name) {
    const auto it = std::find_if(of->keys.begin(), of->keys.end(), [&](const Key& k) { return k.name == name; });
    REQUIRE(it != of->keys.end());
    return *it;
  };
  CHECK(key(t, "prefix_key").parts[0].prefix_length == 10);
  CHECK(key(t, "two").parts.size() == 2);
  CHECK(key(t, "d").parts[0].descending);
  CHECK_FALSE(key(t, "d").unique);
  CHECK_FALSE(key(t, "ign").visible);
  CHECK(key(t, "long_text").unique);
  CHECK(key(live->find("", "orders"), "g").parts[0].prefix_length == 0);
  CHECK(live->find("", "my")->storage_engine == "MyISAM");
  CHECK(live->find("", "ar")->storage_engine == "Aria");
  CHECK(live->find("", "part")->partitioned);
  CHECK(live->find("", "hashed")->partitioned);
  CHECK_FALSE(t->partitioned);
  CHECK(live->find("", "v_orders")->is_view);
  CHECK(live->find("", "sq") == nullptr);  // a sequence
  const Table* orders = live->find("", "orders");
  REQUIRE(orders->foreign_keys.size() == 4);
  CHECK(orders->foreign_keys[0].name == "a_fk");
  CHECK(orders->foreign_keys[0].on_delete == "SET NULL");
  CHECK(orders->foreign_keys[0].on_update == "CASCADE");
  CHECK(orders->foreign_keys[2].on_delete.empty());
  CHECK(orders->triggers == std::vector<std::string>{"z_first", "a_second", "upd", "aft"});
  CHECK(t->checks.size() == 4);
  CHECK(live->find("", "two_cols")->foreign_keys[0].referenced_columns == std::vector<std::string>{"order_id", "n"});
}

TEST_CASE("live MariaDB: every case of the corpus is read as its dump", "[schema][live][corpus]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const fs::path corpus = fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared" / "corpus";
  std::vector<fs::path> schemas;
  std::error_code error;
  for (const fs::directory_entry& e : fs::directory_iterator(corpus, error)) {
    if (e.path().filename().string().ends_with("-maria") && fs::exists(e.path() / "schema.sql")) schemas.push_back(e.path() / "schema.sql");
  }
  if (schemas.empty()) SKIP_TEST("no corpus beside the repository");
  std::sort(schemas.begin(), schemas.end());
  for (const fs::path& path : schemas) {
    CAPTURE(path.parent_path().filename().string());
    const ScratchMariaDb db(*server, "corpus");
    const std::string ddl = read_file(path.string());
    const ProgramResult made = server->script(db.name(), ddl);
    INFO(made.err);
    REQUIRE(made.status == 0);
    const Result<Catalog> live = introspect_dsn(server->dsn_of(db.name()));
    REQUIRE(live);
    same_tables(*live, catalog_of_dump(db.name(), ddl));
    const Result<Catalog> file = load_schema({path.string()}, Engine::kUnknown);
    REQUIRE(file);
    CHECK(file->engine == live->engine);
    CHECK(file->tables.size() == live->tables.size());
  }
}

/// What a session said to the server, from the general log: its commands' first words.
std::set<std::string> said_to_the_server(const std::string& log, const std::string& marker) {
  std::set<std::string> commands;
  bool since = false;
  for (std::string_view line : split(log, '\n')) {
    since = since || line.find(marker) != std::string_view::npos;
    const size_t query = line.find(" Query\t");
    if (!since || query == std::string_view::npos || line.find(marker) != std::string_view::npos) continue;
    const std::string_view sql = line.substr(query + 7);
    commands.emplace(sql.substr(0, sql.find(' ')));
  }
  return commands;
}

TEST_CASE("live MariaDB: nothing is written", "[schema][live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const ScratchMariaDb db(*server, "unwritten");
  MariaDbWriter writer(*server, db.name());
  writer.run("CREATE TABLE t (id int PRIMARY KEY, v varchar(10))");
  writer.run("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  const auto counters = [&] {
    return writer.rows(
        "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN ('COM_INSERT', 'COM_UPDATE', "
        "'COM_DELETE', 'COM_REPLACE', 'COM_CREATE_TABLE', 'COM_CREATE_DB', 'COM_ALTER_TABLE', 'COM_DROP_TABLE', 'COM_TRUNCATE', "
        "'COM_ANALYZE', "
        "'COM_SET_OPTION', 'INNODB_ROWS_INSERTED', 'INNODB_ROWS_UPDATED', 'INNODB_ROWS_DELETED') ORDER BY 1");
  };
  const std::string checksum = writer.value("CHECKSUM TABLE t");
  const auto sum = writer.rows("CHECKSUM TABLE t");
  auto before = counters();
  const std::string marker = "dbaudit_marker_" + std::to_string(Clock::now().time_since_epoch().count());
  writer.run("SELECT '" + marker + "'");
  {
    const Result<Dsn> dsn = parse_dsn(server->dsn_of(db.name()));
    REQUIRE(dsn);
    auto connection = connect(*dsn);
    REQUIRE(connection);
    REQUIRE((*connection)->introspect());
    const Result<Rows> rows = (*connection)->query("SELECT id, v FROM t ORDER BY id", 10, 1000);
    REQUIRE(rows);
    CHECK(rows->rows == std::vector<std::vector<std::string>>{{"1", "a"}, {"2", "b"}});
    CHECK(rows->columns == std::vector<std::string>{"id", "v"});
    CHECK_FALSE(rows->more);
    REQUIRE((*connection)->introspect());
  }
  auto after = counters();
  const auto without_set = [](auto& all) { std::erase_if(all, [](const auto& row) { return iequals(row[0], "COM_SET_OPTION"); }); };
  CHECK(before != after);  // the SETs are counted: the counters do count
  without_set(before);
  without_set(after);
  CHECK(before.size() >= 10);
  CHECK(before == after);
  CHECK(writer.rows("CHECKSUM TABLE t") == sum);
  CHECK(checksum == sum[0][0]);

  // Other tests do not run beside this one; another user of the server could.
  const std::string path = writer.value("SELECT @@general_log_file");
  if (writer.value("SELECT @@general_log") != "1" || read_file(path).empty()) SKIP_TEST("the general log is off or cannot be read");
  const std::set<std::string> said = said_to_the_server(read_file(path), marker);
  CHECK(said.size() >= 4);
  for (const std::string& command : said) {
    CAPTURE(command);
    CHECK(std::set<std::string>{"SELECT", "SET", "START", "ROLLBACK", "COMMIT", "SHOW", "CHECKSUM"}.contains(command));
  }
}

TEST_CASE("live MariaDB: a query reads, and only that, and not for ever", "[schema][live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const ScratchMariaDb db(*server, "query");
  MariaDbWriter writer(*server, db.name());
  writer.run("CREATE TABLE t (id int PRIMARY KEY, v varchar(200))");
  writer.run("INSERT INTO t SELECT seq, repeat('x', 200) FROM seq_1_to_20000");
  writer.run("CREATE FUNCTION grow() RETURNS int BEGIN INSERT INTO t VALUES (-1, 'f'); RETURN 1; END");
  const Result<Dsn> dsn = parse_dsn(server->dsn_of(db.name()));
  REQUIRE(dsn);
  auto opened = connect(*dsn);
  REQUIRE(opened);
  Connection& connection = **opened;

  struct Refused {
    const char *sql, *why;
  };
  const std::vector<Refused> refused = {
      {"", "is empty"},
      {"  -- nothing\n", "is empty"},
      {"INSERT INTO t VALUES (0, '')", "not one SELECT"},
      {"DELETE FROM t", "not one SELECT"},
      {"SET GLOBAL general_log = OFF", "not one SELECT"},
      {"SELECT 1; DELETE FROM t", "more than one statement"},
      {"SELECT 1 INTO OUTFILE '/tmp/dbaudit-outfile'", "more than read"},
      {"SELECT 1 INTO @x", "more than read"},
      {"SELECT * FROM t FOR UPDATE", "more than read"},
      {"SELECT * FROM t LOCK IN SHARE MODE", "more than read"},
      {"SELECT GET_LOCK('a', 1)", "more than read"},
      {"SELECT SLEEP(100)", "more than read"},
      {"SELECT `sleep` (100)", "more than read"},
      {"SELECT * FROM t FOR SHARE", "more than read"},
      {"SELECT LOAD_FILE('/etc/passwd')", "more than read"},
      {"SELECT /*! SLEEP(100), */ 1", "executable comment"},
      {"SELECT @x := 1", "more than read"},
      {"WITH a AS (SELECT 1) DELETE FROM t", "more than read"},
      {"SELECT 'never ends", "more than read"},
  };
  for (const Refused& r : refused) {
    CAPTURE(r.sql);
    const Result<Rows> rows = connection.query(r.sql, 10, 1000);
    REQUIRE_FALSE(rows);
    CHECK(rows.error().message.find(r.why) != std::string::npos);
    CHECK(rows.error().message.find("was not run") != std::string::npos);
  }
  // What the words do not tell, the server refuses.
  const Result<Rows> function = connection.query("SELECT grow()", 10, 1000);
  REQUIRE_FALSE(function);
  CHECK(icontains(function.error().message, "read only"));
  CHECK(writer.value("SELECT count(*) FROM t") == "20000");

  struct Allowed {
    const char* sql;
    size_t limit, rows;
    bool more;
  };
  const std::vector<Allowed> allowed = {
      {"SELECT * FROM t", 7, 7, true},
      {"SELECT * FROM t LIMIT 15000", 7, 7, true},  // its own LIMIT: the rest is left unread
      {"SELECT * FROM t LIMIT 7", 7, 7, false},
      {"(SELECT id FROM t LIMIT 3) UNION ALL (SELECT id FROM t LIMIT 3)", 7, 6, false},
      {"WITH a AS (SELECT 1 AS b UNION SELECT 2) SELECT b FROM a;", 7, 2, false},
      {"SELECT sleep, share FROM (SELECT 1 AS sleep, 2 AS share) AS columns_named_so", 7, 1, false},
      {"SELECT v AS `update`, 'INTO OUTFILE; DELETE' FROM t WHERE id = 1", 7, 1, false},
      {"SELECT NULL", 1, 1, false},
      {"SELECT * FROM t", 0, 0, true},
  };
  for (const Allowed& a : allowed) {
    CAPTURE(a.sql);
    const auto start = Clock::now();
    const Result<Rows> rows = connection.query(a.sql, a.limit, 5000);
    INFO((rows ? "" : rows.error().message));
    REQUIRE(rows);
    CHECK(rows->rows.size() == a.rows);
    CHECK(rows->more == a.more);
    CHECK(seconds_since(start) < 3);
  }
  const auto start = Clock::now();
  const Result<Rows> slow = connection.query("SELECT count(*) FROM t a, t b, t c WHERE a.v < b.v OR b.v < c.v", 10, 300);
  REQUIRE_FALSE(slow);
  CHECK(slow.error().message.find("too long") != std::string::npos);
  CHECK(seconds_since(start) < 5);
  // An introspection after all that still has its own limits and all rows.
  const Result<Catalog> catalog = connection.introspect();
  REQUIRE(catalog);
  CHECK(catalog->find("", "t") != nullptr);
}

TEST_CASE("live MariaDB: each failure is one line, soon, without the password", "[schema][live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const ScratchMariaDb db(*server, "failures");
  const std::string place = server->host + ":" + std::to_string(server->port);
  struct Case {
    std::string dsn, expected;
  };
  const std::vector<Case> cases = {
      {"mysql://" + server->user + ":hunter2@" + place + "/" + db.name(), "Access denied"},
      {"mysql://nobody_here@" + place + "/" + db.name(), "Access denied"},
      {server->dsn_of("dbaudit_no_such_database"), "Unknown database"},
      {"mysql://root:hunter2@" + server->host + ":1/x", "nothing answers there"},
      {"mysql://root:hunter2@no-such-host.invalid/x", "Unknown"},
      {"mysql://root:hunter2@localhost/x?socket=/nowhere/my.sock", "cannot connect"},
      {server->dsn_of(db.name(), "?ssl-mode=REQUIRED"), "TLS"},
      {server->dsn_of(db.name(), "?ssl=true"), "TLS"},
      {server->dsn_of(db.name(), "?ssl-mode=VERIFY_IDENTITY"), "TLS"},
      {server->dsn_of(db.name(), "?read_default_file=/nowhere/my.cnf"), "cannot read /nowhere/my.cnf"},
  };
  const bool has_tls = MariaDbWriter(*server).value("SELECT @@have_ssl") == "YES";
  for (const Case& c : cases) {
    if (has_tls && c.expected == "TLS") continue;
    CAPTURE(c.dsn);
    const auto start = Clock::now();
    const Result<Catalog> catalog = introspect_dsn(c.dsn);
    REQUIRE_FALSE(catalog);
    CHECK(catalog.error().message.find(c.expected) != std::string::npos);
    CHECK(catalog.error().message.find("hunter2") == std::string::npos);
    CHECK(catalog.error().message.find(":" + server->password + "@") == std::string::npos);
    CHECK(catalog.error().message.find('\n') == std::string::npos);
    CHECK(seconds_since(start) < 12);
  }
}

TEST_CASE("live MariaDB: what a user may not see is said", "[schema][live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const ScratchMariaDb db(*server, "rights");
  REQUIRE(server->script(db.name(), kEvery).status == 0);
  MariaDbWriter writer(*server);
  const std::string user = "dbaudit_r" + std::to_string(Clock::now().time_since_epoch().count() % 1000000);
  writer.run("CREATE USER " + user + "@'%' IDENTIFIED BY 'hunter2'");
  const auto notes = [&](const std::string& database) {
    const Result<Catalog> c = introspect_dsn(server->dsn_as(user, "hunter2", database));
    if (!c) return c.error().message;
    return join(c->notes, "\n");
  };
  CHECK(notes("").find("sees no table of any database") != std::string::npos);
  CHECK(notes(db.name()).find("Access denied") != std::string::npos);

  writer.run("GRANT SELECT ON " + db.name() + ".* TO " + user + "@'%'");
  const Result<Catalog> reader = introspect_dsn(server->dsn_as(user, "hunter2", db.name()));
  const Result<Catalog> admin = introspect_dsn(server->dsn_of(db.name()));
  REQUIRE(reader);
  REQUIRE(admin);
  CHECK(reader->tables.size() == admin->tables.size());
  CHECK(join(reader->notes, "\n").find("TRIGGER") != std::string::npos);
  CHECK(reader->find("", "orders")->triggers.empty());
  // SELECT is enough for what verdicts stand on.
  CHECK(reader->find("", "customers")->keys.size() == admin->find("", "customers")->keys.size());
  CHECK(reader->find("", "customers")->columns.size() == admin->find("", "customers")->columns.size());
  CHECK(reader->find("", "orders")->foreign_keys.size() == 4);
  CHECK(reader->find("", "customers")->checks.size() == 4);

  writer.run("GRANT TRIGGER ON " + db.name() + ".* TO " + user + "@'%'");
  const Result<Catalog> more = introspect_dsn(server->dsn_as(user, "hunter2", db.name()));
  REQUIRE(more);
  CHECK(more->find("", "orders")->triggers.size() == 4);
  CHECK(join(more->notes, "\n").find("TRIGGER") == std::string::npos);

  // One column of one table: the others, and the keys on them, are not told.
  writer.run("REVOKE ALL PRIVILEGES, GRANT OPTION FROM " + user + "@'%'");
  writer.run("GRANT SELECT (email) ON " + db.name() + ".customers TO " + user + "@'%'");
  const Result<Catalog> one = introspect_dsn(server->dsn_as(user, "hunter2", db.name()));
  REQUIRE(one);
  CHECK(one->tables.size() == 1);
  CHECK_FALSE(one->notes.empty());
  CHECK(one->tables[0].keys_incomplete);
  writer.run("DROP USER " + user + "@'%'");
}

TEST_CASE("live MariaDB: a password comes from MYSQL_PWD or an option file", "[schema][live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const ScratchMariaDb db(*server, "password");
  MariaDbWriter(*server, db.name()).run("CREATE TABLE t (id int)");
  const std::string place = server->host + ":" + std::to_string(server->port) + "/" + db.name();
  const TemporaryDirectory directory;
  write_file(directory.path() + "/my.cnf", "[client]\nuser=" + server->user + "\npassword=" + server->password + "\n");
  write_file(directory.path() + "/group.cnf", "[audit]\nuser=" + server->user + "\npassword=\"" + server->password + "\"\n");
  CHECK(introspect_dsn("mysql://" + place + "?read_default_file=" + directory.path() + "/my.cnf"));
  CHECK(introspect_dsn("mysql://" + place + "?read_default_file=" + directory.path() + "/group.cnf&read_default_group=audit"));
  CHECK_FALSE(introspect_dsn("mysql://" + server->user + "@" + place));
  const char* before = std::getenv("MYSQL_PWD");
  const std::string kept = before == nullptr ? "" : before;
  setenv("MYSQL_PWD", server->password.c_str(), 1);
  CHECK(introspect_dsn("mysql://" + server->user + "@" + place));
  CHECK_FALSE(introspect_dsn("mysql://" + server->user + ":wrong@" + place));
  if (before == nullptr)
    unsetenv("MYSQL_PWD");
  else
    setenv("MYSQL_PWD", kept.c_str(), 1);
}

TEST_CASE("live MariaDB: a connection killed in the middle is one clear line", "[schema][live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const ScratchMariaDb db(*server, "killed");
  MariaDbWriter writer(*server, db.name());
  writer.run("CREATE TABLE t (id int)");
  const auto kill_own = [&](const char* how) {
    for (const auto& row : writer.rows("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()"))
      writer.attempt(std::string(how) + " " + row[0]);
  };
  const Result<Dsn> dsn = parse_dsn(server->dsn_of(db.name()));
  REQUIRE(dsn);
  auto connection = connect(*dsn);
  REQUIRE(connection);
  kill_own("KILL CONNECTION");
  auto start = Clock::now();
  const Result<Catalog> catalog = (*connection)->introspect();
  REQUIRE_FALSE(catalog);
  CHECK(catalog.error().message.find("closed the connection") != std::string::npos);
  CHECK(catalog.error().message.find('\n') == std::string::npos);
  // The next call opens a new one.
  CHECK((*connection)->introspect());

  for (const char* how : {"KILL CONNECTION", "KILL QUERY"}) {
    CAPTURE(how);
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(400));
      kill_own(how);
    });
    start = Clock::now();
    const Result<Rows> rows =
        (*connection)
            ->query("SELECT count(*) FROM seq_1_to_100000 a, seq_1_to_100000 b, seq_1_to_100000 c WHERE a.seq + b.seq > c.seq", 1, 20000);
    killer.join();
    REQUIRE_FALSE(rows);
    CHECK((rows.error().message.find("closed the connection") != std::string::npos ||
           rows.error().message.find("interrupted") != std::string::npos));
    CHECK(seconds_since(start) < 5);
    CHECK((*connection)->introspect());
  }
}

TEST_CASE("live MariaDB: a real race is judged alike by the live schema and by its dump", "[schema][live][scan]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const ScratchMariaDb db(*server, "race");
  const std::string log = MariaDbWriter(*server).value("SELECT @@general_log_file");
  const bool logs = MariaDbWriter(*server).value("SELECT @@general_log") == "1";
  const size_t from = read_file(log).size();
  if (!logs || from == 0) SKIP_TEST("the general log is off or cannot be read");
  MariaDbWriter one(*server, db.name()), two(*server, db.name());
  one.run("CREATE TABLE member (id int AUTO_INCREMENT PRIMARY KEY, email varchar(100) NOT NULL, KEY (email))");
  one.run("CREATE TABLE stock (id int PRIMARY KEY, n int NOT NULL)");
  one.run("INSERT INTO stock VALUES (1, 100)");
  for (int i = 0; i < 5; ++i) {
    const std::string email = "'user" + std::to_string(i) + "@example.org'";
    for (MariaDbWriter* w : {&one, &two}) w->run("START TRANSACTION");
    for (MariaDbWriter* w : {&one, &two}) w->run("SELECT id FROM member WHERE email = " + email + " LIMIT 1");
    for (MariaDbWriter* w : {&one, &two}) w->run("INSERT INTO member (email) VALUES (" + email + ")");
    for (MariaDbWriter* w : {&one, &two}) w->run("COMMIT");
    for (MariaDbWriter* w : {&one, &two}) w->run("START TRANSACTION");
    const int n = std::stoi(one.value("SELECT n FROM stock WHERE id = 1"));
    CHECK(two.value("SELECT n FROM stock WHERE id = 1") == std::to_string(n));
    for (MariaDbWriter* w : {&one, &two}) {
      w->run("UPDATE stock SET n = " + std::to_string(n - 1) + " WHERE id = 1");
      w->run("COMMIT");
    }
  }
  CHECK(one.value("SELECT count(*) FROM member") == "10");  // ten rows for five people
  CHECK(one.value("SELECT n FROM stock") == "95");          // ten sold

  const TemporaryDirectory directory;
  const std::string banner =
      "/usr/sbin/mariadbd, Version: 10.11.19-MariaDB. started with:\nTcp port: 0  Unix socket: x\n"
      "Time\t\t    Id Command\tArgument\n";
  write_file(directory.path() + "/general.log", banner + read_file(log).substr(from));
  const ProgramResult dump = server->dump(db.name());
  REQUIRE(dump.status == 0);
  write_file(directory.path() + "/dump.sql", "USE " + db.name() + ";\n" + dump.out);
  const auto scan = [&](const std::string& how, const std::string& value) {
    const ProgramResult r = run_program(
        {DBAUDIT_BINARY, "scan", how, value, "--format", "json", "--log-format", "mysql-general", "general.log"}, directory.path());
    INFO(r.err);
    REQUIRE(r.status == 1);
    return nlohmann::json::parse(r.out);
  };
  const nlohmann::json live = scan("--dsn", server->dsn_of(db.name())), file = scan("--schema", directory.path() + "/dump.sql");
  CHECK(live["findings"] == file["findings"]);
  REQUIRE(live["findings"].size() >= 2);
  std::set<std::string> codes;
  for (const auto& f : live["findings"]) codes.insert(f["code"].get<std::string>());
  CHECK(codes.contains("DBA101"));
  CHECK(codes.contains("DBA201"));
  CHECK(live["target"]["engine"] == "mariadb");
  CHECK(live["target"]["isolation"] == "REPEATABLE READ");
  CHECK(live["target"]["version"].get<std::string>().ends_with("-MariaDB"));
  CHECK(live["target"]["settings"]["innodb_lock_wait_timeout"].is_string());
  CHECK(live.dump().find(":" + server->password + "@") == std::string::npos);
}

TEST_CASE("live MariaDB: many tables take seconds", "[schema][live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  const ScratchMariaDb db(*server, "many");
  MariaDbWriter writer(*server, db.name());
  // Making them is what takes long: DBAUDIT_TEST_TABLES=5000 asks for more.
  const char* given = std::getenv("DBAUDIT_TEST_TABLES");
  const int count = given == nullptr ? 300 : std::atoi(given);
  for (int i = 0; i < count; ++i) {
    writer.run(
        "CREATE TABLE t" + std::to_string(i) +
        " (id int NOT NULL AUTO_INCREMENT, a varchar(20) NOT NULL, b int, c datetime(6), PRIMARY KEY (id), UNIQUE KEY a (a, b), KEY c (c), "
        "CHECK (b > 0)) ENGINE=MyISAM");
  }
  const auto start = Clock::now();
  const Result<Catalog> catalog = introspect_dsn(server->dsn_of(db.name()));
  const double took = seconds_since(start);
  INFO((catalog ? "" : catalog.error().message));
  REQUIRE(catalog);
  CHECK(catalog->tables.size() == static_cast<size_t>(count));
  for (const Table& t : catalog->tables) {
    if (t.columns.size() != 4 || t.keys.size() != 3 || t.checks.size() != 1) FAIL(t.qualified());
  }
  if (given != nullptr) WARN("introspecting " << count << " tables took " << took << " s");
  CHECK(took < 10 + count / 100);
}

TEST_CASE("a MySQL DSN is taken apart", "[schema][dsn]") {
  struct Case {
    const char* dsn;
    const char *user, *password, *host;
    unsigned port;
    const char *socket, *database;
    TlsMode tls;
  };
  const std::vector<Case> cases = {
      {"mysql://u:p@h:3307/d", "u", "p", "h", 3307, "", "d", TlsMode::kPreferred},
      {"mariadb://h", "", "", "h", 0, "", "", TlsMode::kPreferred},
      {"mysql://u@h/", "u", "", "h", 0, "", "", TlsMode::kPreferred},
      {"mysql+pymysql://u:p%40%3A%2F%25@h/d%20b?charset=utf8mb4", "u", "p@:/%", "h", 0, "", "d b", TlsMode::kPreferred},
      {"mysql://u:p@ss:w/rd@h/d", "u", "p@ss:w/rd", "h", 0, "", "d", TlsMode::kPreferred},
      {"mysql://u:p@[::1]:3307/d", "u", "p", "::1", 3307, "", "d", TlsMode::kPreferred},
      {"mysql://u:p@[fe80::1%25eth0]/d", "u", "p", "fe80::1%eth0", 0, "", "d", TlsMode::kPreferred},
      {"mysql://u@localhost/d?unix_socket=/run/my.sock", "u", "", "localhost", 0, "/run/my.sock", "d", TlsMode::kPreferred},
      {"mysql://u@%2Frun%2Fmy.sock/d", "u", "", "", 0, "/run/my.sock", "d", TlsMode::kPreferred},
      {"mysql:///d?user=u&password=p%26q&host=h&port=1", "u", "p&q", "h", 1, "", "d", TlsMode::kPreferred},
      {"mysql://h/d?ssl-mode=REQUIRED", "", "", "h", 0, "", "d", TlsMode::kRequired},
      {"mysql://h/d?ssl_mode=verify_identity", "", "", "h", 0, "", "d", TlsMode::kVerifyIdentity},
      {"mysql://h/d?sslmode=verify-ca", "", "", "h", 0, "", "d", TlsMode::kVerifyCa},
      {"mysql://h/d?sslmode=disable", "", "", "h", 0, "", "d", TlsMode::kDisabled},
      {"mysql://h/d?ssl=true", "", "", "h", 0, "", "d", TlsMode::kRequired},
      {"mysql://h/d?ssl", "", "", "h", 0, "", "d", TlsMode::kRequired},
      {"mysql://h/d?useSSL=false", "", "", "h", 0, "", "d", TlsMode::kDisabled},
      {"mysql://h/d?ssl_disabled=true", "", "", "h", 0, "", "d", TlsMode::kDisabled},
      {"mysql://h/d?tls=skip-verify", "", "", "h", 0, "", "d", TlsMode::kRequired},
      {"mysql://h/d?ssl_ca=/dev/null", "", "", "h", 0, "", "d", TlsMode::kVerifyCa},
      {"mysql://h/d?ssl=true&ssl_verify_identity=true&ssl_ca=/dev/null", "", "", "h", 0, "", "d", TlsMode::kVerifyIdentity},
  };
  for (const Case& c : cases) {
    CAPTURE(c.dsn);
    const Result<Dsn> dsn = parse_dsn(c.dsn);
    REQUIRE(dsn);
    const Result<MySqlTarget> t = mysql_target(*dsn);
    INFO((t ? "" : t.error().message));
    REQUIRE(t);
    CHECK(t->user == c.user);
    if (std::getenv("MYSQL_PWD") == nullptr) CHECK(t->password == c.password);
    CHECK(t->host == c.host);
    CHECK(t->port == c.port);
    CHECK(t->socket == c.socket);
    CHECK(t->database == c.database);
    CHECK(t->tls == c.tls);
    CHECK(t->connect_timeout_s == 10);
  }
}

TEST_CASE("a MySQL DSN that cannot be meant is one clear error", "[schema][dsn]") {
  struct Case {
    const char *dsn, *expected;
  };
  const std::vector<Case> cases = {
      {"mysql://u:hunter2@h/d?sslmod=on", "did you mean 'sslmode'"},
      {"mysql://u:hunter2@h/d?pool_size=5", "'pool_size'"},
      {"mysql://u:hunter2@h:port/d", "port"},
      {"mysql://u:hunter2@h:70000/d", "port"},
      {"mysql://u:hunter2@h:0/d", "port"},
      {"mysql://u:hunter2@[::1/d", "closing ]"},
      {"mysql://u:hunter2@[::1]3306/d", "between its host and its port"},
      {"mysql://u:hunter2@a:1,b:2/d", "port"},
      {"mysql://u:hunter2@a,b/d", "more than one host"},
      {"mysql://u:hunter2@h/d?connect_timeout=soon", "connect_timeout"},
      {"mysql://u:hunter2@h/d?ssl-mode=MAYBE", "ssl-mode"},
      {"mysql://u:hunter2@h/d?ssl=perhaps", "true or false"},
      {"mysql://u:hunter2@h/d?ssl_ca=/nowhere/ca.pem", "cannot read /nowhere/ca.pem"},
      {"mysql://u:hunter2@h/d?sslmode=disable&ssl_ca=/dev/null", "turns TLS off"},
      {"mysql://u:hun%00ter2@h/d", "NUL"},
      {"mysql://u:hunter2?x@h/d", "%40"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.dsn);
    const Result<Dsn> dsn = parse_dsn(c.dsn);
    REQUIRE(dsn);
    const Result<MySqlTarget> t = mysql_target(*dsn);
    REQUIRE_FALSE(t);
    CHECK(t.error().message.find(c.expected) != std::string::npos);
    CHECK(t.error().message.find("hunter2") == std::string::npos);
    CHECK(t.error().message.find('\n') == std::string::npos);
  }
}

}  // namespace
}  // namespace dbaudit
