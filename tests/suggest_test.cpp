// The fixes: their SQL is run on SQLite, parsed by PostgreSQL's own parser where libpg_query is at hand, and compared as text for MySQL and MariaDB.

#include <sqlite3.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "analyzers/sql/templates.h"
#include "rules/suggest/names.h"
#include "rules/suggest/suggest.h"
#include "tests/catch.h"

#if __has_include(<pg_query.h>)
#include <pg_query.h>
#define HAVE_PG_QUERY 1
#endif

using namespace dbaudit;
using suggest::Material;

namespace {

Column column(std::string name, std::string type, bool nullable = false) {
  Column c;
  c.name = std::move(name);
  c.type = std::move(type);
  c.nullable = nullable;
  return c;
}

Key key(std::string name, const std::vector<std::string>& columns, bool unique = true) {
  Key k;
  k.name = std::move(name);
  k.unique = unique;
  for (const std::string& c : columns) {
    KeyPart p;
    p.column = c;
    k.parts.push_back(p);
  }
  return k;
}

/// A table with an identity primary key `id` and the columns given.
Table table(std::string name, std::vector<Column> columns) {
  Table t;
  t.name = std::move(name);
  t.columns = std::move(columns);
  Column id = column("id", "integer");
  id.identity = true;
  t.columns.insert(t.columns.begin(), id);
  Key k = key(t.name.str() + "_pkey", {"id"});
  k.primary = true;
  t.keys.push_back(k);
  return t;
}

/// A material made from statements as an application writes them.
struct Case {
  Engine engine;
  Table table;
  std::unique_ptr<Templates> templates;
  Material m;

  Case(Engine e, Table t, const std::string& read, const std::string& write)
      : engine(e), table(std::move(t)), templates(std::make_unique<Templates>(dialect_of(e))) {
    m.engine = e;
    m.table = &table;
    m.table_name = table.qualified();
    if (!read.empty()) {
      const Template* r = templates->intern(read, false);
      m.read = &r->facts;
      m.read_sql = r->text.str();
    }
    if (!write.empty()) {
      const Template* w = templates->intern(write, false);
      m.write = &w->facts;
      m.write_sql = w->text.str();
    }
  }
  Case(const Case&) = delete;
};

const Engine kEngines[] = {Engine::kPostgres, Engine::kMySql, Engine::kMariaDb, Engine::kSqlite};

std::vector<std::string> all_sql(const std::vector<Fix>& fixes) {
  std::vector<std::string> all;
  for (const Fix& f : fixes) all.insert(all.end(), f.sql.begin(), f.sql.end());
  return all;
}

const Fix* find_kind(const std::vector<Fix>& fixes, const std::string& kind) {
  for (const Fix& f : fixes) {
    if (f.kind == kind) return &f;
  }
  return nullptr;
}

void check_form(const std::vector<Fix>& fixes) {
  for (const Fix& f : fixes) {
    INFO(f.title);
    CHECK_FALSE(f.kind.empty());
    CHECK_FALSE(f.title.empty());
    CHECK_FALSE(f.trade_off.empty());
    CHECK(f.trade_off.find('\n') == std::string::npos);
    CHECK(f.title.find('\n') == std::string::npos);
    CHECK(f.checked.empty());
    CHECK(f.sql.empty() == (f.kind == "orm"));
    CHECK(f.code.empty() == (f.kind != "orm"));
    CHECK((f.applicability == Applicability::kDisplayOnly) == (f.kind == "orm"));
  }
}

/// A SQLite database in memory.
class Lite {
 public:
  Lite() { REQUIRE(sqlite3_open(":memory:", &db_) == SQLITE_OK); }
  ~Lite() { sqlite3_close(db_); }
  Lite(const Lite&) = delete;

  /// Empty when it went well. Parameters are bound as text or, where they read as one, as a number.
  std::string run(const std::string& sql, const std::vector<std::string>& parameters = {}) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) return sqlite3_errmsg(db_);
    for (size_t i = 0; i < parameters.size(); ++i) {
      const std::string& p = parameters[i];
      const int at = static_cast<int>(i + 1);
      if (!p.empty() && p.find_first_not_of("0123456789-") == std::string::npos)
        sqlite3_bind_int64(statement, at, std::stoll(p));
      else
        sqlite3_bind_text(statement, at, p.c_str(), -1, SQLITE_TRANSIENT);
    }
    if (!parameters.empty() && sqlite3_bind_parameter_count(statement) != static_cast<int>(parameters.size())) {
      sqlite3_finalize(statement);
      return "another number of parameters";
    }
    rows_.clear();
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
      std::string row;
      for (int c = 0; c < sqlite3_column_count(statement); ++c) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, c));
        row += (c > 0 ? "|" : "") + std::string(text ? text : "NULL");
      }
      rows_.push_back(row);
    }
    sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? "" : sqlite3_errmsg(db_);
  }
  void create(const Table& t) {
    std::string sql = "CREATE TABLE " + suggest::quote_part(t.name, Engine::kSqlite) + " (";
    for (const Column& c : t.columns) {
      sql += suggest::quote_part(c.name, Engine::kSqlite) + " " + c.type.str() + (c.identity ? " PRIMARY KEY" : "") +
             (c.nullable ? "" : " NOT NULL") + ", ";
    }
    sql.resize(sql.size() - 2);
    REQUIRE(run(sql + ")") == "");
  }
  [[nodiscard]] int64_t changes() { return sqlite3_changes(db_); }
  [[nodiscard]] const std::vector<std::string>& rows() const { return rows_; }

 private:
  sqlite3* db_ = nullptr;
  std::vector<std::string> rows_;
};

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("names are quoted when they must be") {
  struct Row {
    const char* name;
    const char *postgres, *mysql, *sqlite;
  };
  const Row rows[] = {
      {"tag", "tag", "tag", "tag"},
      {"order", "\"order\"", "`order`", "\"order\""},
      {"user", "\"user\"", "user", "user"},
      {"rank", "rank", "`rank`", "rank"},
      {"key", "key", "`key`", "key"},
      {"userId", "\"userId\"", "userId", "userId"},
      {"2fa", "\"2fa\"", "`2fa`", "\"2fa\""},
      {"a b", "\"a b\"", "`a b`", "\"a b\""},
      {"say\"so", "\"say\"\"so\"", "`say\"so`", "\"say\"\"so\""},
      {"back`tick", "\"back`tick\"", "`back``tick`", "\"back`tick\""},
      {"public.order", "public.\"order\"", "public.`order`", "public.\"order\""},
      {"", "\"\"", "``", "\"\""},
      {"stra\xc3\x9f"
       "e",
       "\"stra\xc3\x9f"
       "e\"",
       "`stra\xc3\x9f"
       "e`",
       "\"stra\xc3\x9f"
       "e\""},
  };
  for (const Row& r : rows) {
    CHECK(suggest::quote_name(r.name, Engine::kPostgres) == r.postgres);
    CHECK(suggest::quote_name(r.name, Engine::kMySql) == r.mysql);
    CHECK(suggest::quote_name(r.name, Engine::kMariaDb) == r.mysql);
    CHECK(suggest::quote_name(r.name, Engine::kSqlite) == r.sqlite);
  }
}

TEST_CASE("every SQLite keyword survives as a name") {
  Lite db;
  for (int i = 0; i < sqlite3_keyword_count(); ++i) {
    const char* word = nullptr;
    int length = 0;
    sqlite3_keyword_name(i, &word, &length);
    const std::string name = suggest::quote_name(std::string(word, static_cast<size_t>(length)), Engine::kSqlite);
    INFO(name);
    CHECK(db.run("CREATE TABLE " + name + " (" + name + " INTEGER)") == "");
    CHECK(db.run("SELECT " + name + " FROM " + name + " WHERE " + name + " >= 1") == "");
  }
}

TEST_CASE("new names are short, plain and free") {
  Table t = table("Order Items", {column("name", "text")});
  t.keys.push_back(key("order_items_name_uniq", {"name"}, false));
  Material m;
  m.engine = Engine::kPostgres;
  m.table = &t;
  CHECK(suggest::new_name(m, {"Order Items", "lower(name)"}) == "order_items_lower_name_");
  CHECK(suggest::new_name(m, {"Order Items", "name", "uniq"}) == "order_items_name_uniq_2");
  const std::string a = suggest::new_name(m, {std::string(80, 'a'), "x"});
  const std::string b = suggest::new_name(m, {std::string(80, 'a'), "y"});
  CHECK(a.size() <= 63);
  CHECK(a != b);
}

TEST_CASE("versions") {
  Material m;
  for (const char* v : {"15.18", "15", "15.18 (Debian 15.18-1)"}) {
    m.version = v;
    CHECK(suggest::at_least(m, 15));
    CHECK_FALSE(suggest::at_least(m, 16));
    CHECK(suggest::older_than(m, 16));
  }
  m.version = "10.11.19-MariaDB";
  CHECK(suggest::at_least(m, 10, 4));
  CHECK_FALSE(suggest::at_least(m, 10, 12));
  m.version = "";
  CHECK_FALSE(suggest::at_least(m, 1));
  CHECK_FALSE(suggest::older_than(m, 99));
}

// --- unique_key and upsert ---------------------------------------------------------------------------------------------------------------

namespace {

struct KeyRow {
  const char* what;
  Engine engine;
  const char* version;
  Table table;
  Strings key, nulls;
  const char *read, *write;
  Strings expected;  ///< every statement of unique_key() then upsert()
};

Table tags() { return table("tag", {column("name", "varchar(100)")}); }
Table votes() { return table("vote", {column("user_id", "bigint"), column("post_id", "bigint", true)}); }
Table accounts() { return table("account", {column("email", "varchar(200)"), column("deleted_at", "timestamp", true)}); }

const char* const kTagRead = "SELECT id, name FROM tag WHERE name = 'x' LIMIT 1";
const char* const kTagWrite = "INSERT INTO tag (name) VALUES ('x')";

std::vector<KeyRow> key_rows() {
  Table notes = table("note", {column("body", "text")});
  Table keyed = tags();
  keyed.keys.push_back(key("tag_name_key", {"name"}));
  Table quoted = table("Order", {column("userId", "integer"), column("group", "text")});
  quoted.schema = "shop";
  Table broken = tags();
  broken.keys.push_back(key("tag_name_idx", {"name"}));
  broken.keys.back().valid = false;
  Table no_pk = tags();
  no_pk.keys.clear();
  Table myisam = tags();
  myisam.storage_engine = "MyISAM";
  return {
      {"PostgreSQL",
       Engine::kPostgres,
       "15.18",
       tags(),
       {"name"},
       {},
       kTagRead,
       kTagWrite,
       {"SELECT name, COUNT(*) AS copies FROM tag GROUP BY name HAVING COUNT(*) > 1",
        "DELETE FROM tag AS d USING tag AS keep WHERE keep.name = d.name AND keep.id < d.id",
        "-- If this fails it leaves an INVALID index that enforces nothing: DROP INDEX CONCURRENTLY tag_name_uniq\n"
        "CREATE UNIQUE INDEX CONCURRENTLY tag_name_uniq ON tag (name)",
        "INSERT INTO tag (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", "SELECT id, name FROM tag WHERE name = $1 LIMIT $2"}},
      {"PostgreSQL, the id wanted back",
       Engine::kPostgres,
       "15.18",
       tags(),
       {"name"},
       {},
       kTagRead,
       "INSERT INTO tag (name) VALUES ('x') RETURNING id",
       {"SELECT name, COUNT(*) AS copies FROM tag GROUP BY name HAVING COUNT(*) > 1",
        "DELETE FROM tag AS d USING tag AS keep WHERE keep.name = d.name AND keep.id < d.id",
        "-- If this fails it leaves an INVALID index that enforces nothing: DROP INDEX CONCURRENTLY tag_name_uniq\n"
        "CREATE UNIQUE INDEX CONCURRENTLY tag_name_uniq ON tag (name)",
        "INSERT INTO tag (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = EXCLUDED.name RETURNING id"}},
      {"PostgreSQL, nullable part of a key",
       Engine::kPostgres,
       "15.18",
       votes(),
       {"user_id", "post_id"},
       {},
       "SELECT id FROM vote WHERE user_id = 1 AND post_id = 2",
       "INSERT INTO vote (user_id, post_id) VALUES (1, 2)",
       {"SELECT user_id, post_id, COUNT(*) AS copies FROM vote GROUP BY user_id, post_id HAVING COUNT(*) > 1",
        "DELETE FROM vote AS d USING vote AS keep WHERE keep.user_id = d.user_id AND keep.post_id IS NOT DISTINCT FROM d.post_id AND "
        "keep.id < d.id",
        "-- If this fails it leaves an INVALID index that enforces nothing: DROP INDEX CONCURRENTLY vote_user_id_post_id_uniq\n"
        "CREATE UNIQUE INDEX CONCURRENTLY vote_user_id_post_id_uniq ON vote (user_id, post_id) NULLS NOT DISTINCT",
        "INSERT INTO vote (user_id, post_id) VALUES ($1, $2) ON CONFLICT (user_id, post_id) DO NOTHING",
        "SELECT id FROM vote WHERE user_id = $1 AND post_id = $2"}},
      {"PostgreSQL 14 has no NULLS NOT DISTINCT",
       Engine::kPostgres,
       "14.3",
       votes(),
       {"user_id", "post_id"},
       {},
       "",
       "",
       {"SELECT user_id, post_id, COUNT(*) AS copies FROM vote GROUP BY user_id, post_id HAVING COUNT(*) > 1",
        "DELETE FROM vote AS d USING vote AS keep WHERE keep.user_id = d.user_id AND keep.post_id IS NOT DISTINCT FROM d.post_id AND "
        "keep.id < d.id",
        "-- If this fails it leaves an INVALID index that enforces nothing: DROP INDEX CONCURRENTLY vote_user_id_post_id_uniq\n"
        "CREATE UNIQUE INDEX CONCURRENTLY vote_user_id_post_id_uniq ON vote (user_id, post_id)",
        "-- If this fails it leaves an INVALID index that enforces nothing: DROP INDEX CONCURRENTLY vote_user_id_post_id_uniq_null\n"
        "CREATE UNIQUE INDEX CONCURRENTLY vote_user_id_post_id_uniq_null ON vote (user_id) WHERE post_id IS NULL"}},
      {"PostgreSQL, soft delete",
       Engine::kPostgres,
       "15.18",
       accounts(),
       {"email"},
       {"deleted_at"},
       "SELECT 1 AS one FROM account WHERE email = 'a' AND deleted_at IS NULL LIMIT 1",
       "INSERT INTO account (email) VALUES ('a')",
       {"SELECT email, COUNT(*) AS copies FROM account WHERE deleted_at IS NULL GROUP BY email HAVING COUNT(*) > 1",
        "DELETE FROM account AS d USING account AS keep WHERE keep.email = d.email AND d.deleted_at IS NULL AND keep.deleted_at IS NULL "
        "AND keep.id < d.id",
        "-- If this fails it leaves an INVALID index that enforces nothing: DROP INDEX CONCURRENTLY account_email_uniq\n"
        "CREATE UNIQUE INDEX CONCURRENTLY account_email_uniq ON account (email) WHERE deleted_at IS NULL",
        "INSERT INTO account (email) VALUES ($1) ON CONFLICT (email) WHERE deleted_at IS NULL DO NOTHING"}},
      {"PostgreSQL, an expression",
       Engine::kPostgres,
       "15.18",
       accounts(),
       {"lower(email)"},
       {},
       "SELECT id FROM account WHERE lower(email) = 'a'",
       "INSERT INTO account (email) VALUES ('A') RETURNING id",
       {"SELECT (lower(email)), COUNT(*) AS copies FROM account GROUP BY (lower(email)) HAVING COUNT(*) > 1",
        "DELETE FROM account WHERE id NOT IN (SELECT MIN(id) FROM account GROUP BY (lower(email)))",
        "-- If this fails it leaves an INVALID index that enforces nothing: DROP INDEX CONCURRENTLY account_lower_email_uniq\n"
        "CREATE UNIQUE INDEX CONCURRENTLY account_lower_email_uniq ON account ((lower(email)))",
        "INSERT INTO account (email) VALUES ($1) ON CONFLICT ((lower(email))) DO NOTHING RETURNING id",
        "SELECT id FROM account WHERE lower(email) = $1"}},
      {"PostgreSQL, names that need quotes",
       Engine::kPostgres,
       "15.18",
       quoted,
       {"userid", "group"},
       {},
       "SELECT id FROM shop.\"Order\" WHERE \"userId\" = 1 AND \"group\" = 'a'",
       "INSERT INTO shop.\"Order\" (\"userId\", \"group\") VALUES (1, 'a')",
       {"SELECT \"userId\", \"group\", COUNT(*) AS copies FROM shop.\"Order\" GROUP BY \"userId\", \"group\" HAVING COUNT(*) > 1",
        "DELETE FROM shop.\"Order\" AS d USING shop.\"Order\" AS keep WHERE keep.\"userId\" = d.\"userId\" AND keep.\"group\" = "
        "d.\"group\" AND keep.id < d.id",
        "-- If this fails it leaves an INVALID index that enforces nothing: DROP INDEX CONCURRENTLY shop.order_userid_group_uniq\n"
        "CREATE UNIQUE INDEX CONCURRENTLY order_userid_group_uniq ON shop.\"Order\" (\"userId\", \"group\")",
        "INSERT INTO shop.\"Order\" (\"userId\", \"group\") VALUES ($1, $2) ON CONFLICT (\"userId\", \"group\") DO NOTHING",
        "SELECT id FROM shop.\"Order\" WHERE \"userId\" = $1 AND \"group\" = $2"}},
      {"PostgreSQL, an invalid index in the way",
       Engine::kPostgres,
       "15.18",
       broken,
       {"name"},
       {},
       "",
       "",
       {"SELECT name, COUNT(*) AS copies FROM tag GROUP BY name HAVING COUNT(*) > 1",
        "DELETE FROM tag AS d USING tag AS keep WHERE keep.name = d.name AND keep.id < d.id", "DROP INDEX CONCURRENTLY tag_name_idx",
        "-- If this fails it leaves an INVALID index that enforces nothing: DROP INDEX CONCURRENTLY tag_name_uniq\n"
        "CREATE UNIQUE INDEX CONCURRENTLY tag_name_uniq ON tag (name)"}},
      {"PostgreSQL, no primary key",
       Engine::kPostgres,
       "15.18",
       no_pk,
       {"name"},
       {},
       "",
       "",
       {"SELECT name, COUNT(*) AS copies FROM tag GROUP BY name HAVING COUNT(*) > 1",
        "DELETE FROM tag AS d USING tag AS keep WHERE keep.name = d.name AND keep.ctid < d.ctid",
        "-- If this fails it leaves an INVALID index that enforces nothing: DROP INDEX CONCURRENTLY tag_name_uniq\n"
        "CREATE UNIQUE INDEX CONCURRENTLY tag_name_uniq ON tag (name)"}},
      {"MariaDB",
       Engine::kMariaDb,
       "10.11.19-MariaDB",
       tags(),
       {"name"},
       {},
       kTagRead,
       kTagWrite,
       {"SELECT name, COUNT(*) AS copies FROM tag GROUP BY name HAVING COUNT(*) > 1",
        "DELETE d FROM tag AS d JOIN tag AS keep ON keep.name = d.name AND keep.id < d.id",
        "ALTER TABLE tag ADD UNIQUE KEY tag_name_uniq (name), ALGORITHM=INPLACE, LOCK=NONE",
        "INSERT INTO tag (name) VALUES (?) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)", "SELECT LAST_INSERT_ID()"}},
      {"MariaDB, the key is there (DBA105)",
       Engine::kMariaDb,
       "10.11.19-MariaDB",
       keyed,
       {"name"},
       {},
       kTagRead,
       kTagWrite,
       {"INSERT INTO tag (name) VALUES (?) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)", "SELECT LAST_INSERT_ID()"}},
      {"MariaDB, RETURNING",
       Engine::kMariaDb,
       "10.11.19-MariaDB",
       keyed,
       {"name"},
       {},
       kTagRead,
       "INSERT INTO tag (name) VALUES ('x') RETURNING id",
       {"INSERT INTO tag (name) VALUES (?) ON DUPLICATE KEY UPDATE name = name RETURNING id"}},
      {"MariaDB, soft delete",
       Engine::kMariaDb,
       "10.11.19-MariaDB",
       accounts(),
       {"email"},
       {"deleted_at"},
       "",
       "",
       {"SELECT email, COUNT(*) AS copies FROM account WHERE deleted_at IS NULL GROUP BY email HAVING COUNT(*) > 1",
        "DELETE d FROM account AS d JOIN account AS keep ON keep.email = d.email AND d.deleted_at IS NULL AND keep.deleted_at IS NULL AND "
        "keep.id < d.id",
        "ALTER TABLE account ADD COLUMN deleted_at_is_null TINYINT GENERATED ALWAYS AS (IF(deleted_at IS NULL, 1, NULL)) VIRTUAL INVISIBLE",
        "ALTER TABLE account ADD UNIQUE KEY account_email_uniq (email, deleted_at_is_null), ALGORITHM=INPLACE, LOCK=NONE"}},
      {"MySQL 8, soft delete",
       Engine::kMySql,
       "8.0.36",
       accounts(),
       {"email"},
       {"deleted_at"},
       "",
       "",
       {"SELECT email, COUNT(*) AS copies FROM account WHERE deleted_at IS NULL GROUP BY email HAVING COUNT(*) > 1",
        "DELETE d FROM account AS d JOIN account AS keep ON keep.email = d.email AND d.deleted_at IS NULL AND keep.deleted_at IS NULL AND "
        "keep.id < d.id",
        "ALTER TABLE account ADD UNIQUE KEY account_email_uniq (email, (IF(deleted_at IS NULL, 1, NULL))), ALGORITHM=INPLACE, LOCK=NONE"}},
      {"MariaDB, nullable part of a key",
       Engine::kMariaDb,
       "10.11.19-MariaDB",
       votes(),
       {"user_id", "post_id"},
       {},
       "",
       "",
       {"SELECT user_id, post_id, COUNT(*) AS copies FROM vote GROUP BY user_id, post_id HAVING COUNT(*) > 1",
        "DELETE d FROM vote AS d JOIN vote AS keep ON keep.user_id = d.user_id AND keep.post_id <=> d.post_id AND keep.id < d.id",
        "ALTER TABLE vote ADD COLUMN post_id_is_null TINYINT GENERATED ALWAYS AS (IF(post_id IS NULL, 1, NULL)) VIRTUAL INVISIBLE",
        "ALTER TABLE vote ADD UNIQUE KEY vote_user_id_post_id_uniq (user_id, post_id), ALGORITHM=INPLACE, LOCK=NONE",
        "ALTER TABLE vote ADD UNIQUE KEY vote_user_id_post_id_uniq_null (user_id, post_id_is_null), ALGORITHM=INPLACE, LOCK=NONE"}},
      {"MariaDB, TEXT",
       Engine::kMariaDb,
       "10.11.19-MariaDB",
       notes,
       {"body"},
       {},
       "",
       "",
       {"SELECT body, COUNT(*) AS copies FROM note GROUP BY body HAVING COUNT(*) > 1",
        "DELETE d FROM note AS d JOIN note AS keep ON keep.body = d.body AND keep.id < d.id",
        "ALTER TABLE note ADD UNIQUE KEY note_body_uniq (body)"}},
      {"MySQL, TEXT",
       Engine::kMySql,
       "8.0.36",
       notes,
       {"body"},
       {},
       "",
       "",
       {"SELECT body, COUNT(*) AS copies FROM note GROUP BY body HAVING COUNT(*) > 1",
        "DELETE d FROM note AS d JOIN note AS keep ON keep.body = d.body AND keep.id < d.id",
        "ALTER TABLE note ADD COLUMN body_sha2 BINARY(32) GENERATED ALWAYS AS (UNHEX(SHA2(body, 256))) VIRTUAL INVISIBLE",
        "ALTER TABLE note ADD UNIQUE KEY note_body_uniq (body_sha2), ALGORITHM=INPLACE, LOCK=NONE"}},
      {"MariaDB, an expression",
       Engine::kMariaDb,
       "10.11.19-MariaDB",
       accounts(),
       {"lower(email)"},
       {},
       "",
       "",
       {"SELECT (lower(email)), COUNT(*) AS copies FROM account GROUP BY (lower(email)) HAVING COUNT(*) > 1",
        "DELETE FROM account WHERE id NOT IN (SELECT lowest FROM (SELECT MIN(id) AS lowest FROM account GROUP BY (lower(email))) AS keep)",
        "ALTER TABLE account ADD COLUMN lower_email_ varchar(200) GENERATED ALWAYS AS (lower(email)) VIRTUAL INVISIBLE",
        "ALTER TABLE account ADD UNIQUE KEY account_lower_email_uniq (lower_email_), ALGORITHM=INPLACE, LOCK=NONE"}},
      {"MySQL, MyISAM has no online ALTER",
       Engine::kMySql,
       "8.0.36",
       myisam,
       {"name"},
       {},
       "",
       "",
       {"SELECT name, COUNT(*) AS copies FROM tag GROUP BY name HAVING COUNT(*) > 1",
        "DELETE d FROM tag AS d JOIN tag AS keep ON keep.name = d.name AND keep.id < d.id",
        "ALTER TABLE tag ADD UNIQUE KEY tag_name_uniq (name)"}},
      {"SQLite",
       Engine::kSqlite,
       "3.40.1",
       tags(),
       {"name"},
       {},
       kTagRead,
       kTagWrite,
       {"SELECT name, COUNT(*) AS copies FROM tag GROUP BY name HAVING COUNT(*) > 1",
        "DELETE FROM tag WHERE rowid NOT IN (SELECT MIN(rowid) FROM tag GROUP BY name)", "CREATE UNIQUE INDEX tag_name_uniq ON tag (name)",
        "INSERT INTO tag (name) VALUES (?) ON CONFLICT (name) DO NOTHING", "SELECT id, name FROM tag WHERE name = ? LIMIT ?"}},
      {"SQLite, soft delete",
       Engine::kSqlite,
       "3.40.1",
       accounts(),
       {"email"},
       {"deleted_at"},
       "SELECT id FROM account WHERE email = 'a' AND deleted_at IS NULL",
       "INSERT INTO account (email) VALUES ('a') RETURNING id",
       {"SELECT email, COUNT(*) AS copies FROM account WHERE deleted_at IS NULL GROUP BY email HAVING COUNT(*) > 1",
        "DELETE FROM account WHERE deleted_at IS NULL AND rowid NOT IN (SELECT MIN(rowid) FROM account WHERE deleted_at IS NULL GROUP BY "
        "email)",
        "CREATE UNIQUE INDEX account_email_uniq ON account (email) WHERE deleted_at IS NULL",
        "INSERT INTO account (email) VALUES (?) ON CONFLICT (email) WHERE deleted_at IS NULL DO UPDATE SET email = EXCLUDED.email "
        "RETURNING id"}},
      {"SQLite, nullable part of a key",
       Engine::kSqlite,
       "3.40.1",
       votes(),
       {"user_id", "post_id"},
       {},
       "SELECT id FROM vote WHERE user_id = 1 AND post_id = 2",
       "INSERT INTO vote (user_id, post_id) VALUES (1, 2)",
       {"SELECT user_id, post_id, COUNT(*) AS copies FROM vote GROUP BY user_id, post_id HAVING COUNT(*) > 1",
        "DELETE FROM vote WHERE rowid NOT IN (SELECT MIN(rowid) FROM vote GROUP BY user_id, post_id)",
        "CREATE UNIQUE INDEX vote_user_id_post_id_uniq ON vote (user_id, post_id)",
        "CREATE UNIQUE INDEX vote_user_id_post_id_uniq_null ON vote (user_id) WHERE post_id IS NULL",
        "INSERT INTO vote (user_id, post_id) VALUES (?, ?) ON CONFLICT (user_id, post_id) DO NOTHING",
        "SELECT id FROM vote WHERE user_id = ? AND post_id = ?"}},
  };
}

}  // namespace

TEST_CASE("unique keys and upserts, word for word") {
  for (const KeyRow& r : key_rows()) {
    Case c(r.engine, r.table, r.read, r.write);
    c.m.version = r.version;
    c.m.key_columns = r.key;
    c.m.null_columns = r.nulls;
    std::vector<Fix> fixes = suggest::unique_key(c.m);
    for (Fix& f : suggest::upsert(c.m)) fixes.push_back(std::move(f));
    INFO(r.what);
    check_form(fixes);
    CHECK(all_sql(fixes) == r.expected);
  }
}

TEST_CASE("PostgreSQL's own parser accepts what is proposed for it") {
#ifdef HAVE_PG_QUERY
  for (const KeyRow& r : key_rows()) {
    if (r.engine != Engine::kPostgres) continue;
    for (const std::string& sql : r.expected) {
      PgQueryParseResult parsed = pg_query_parse(sql.c_str());
      INFO(sql);
      INFO((parsed.error ? parsed.error->message : ""));
      CHECK(parsed.error == nullptr);
      pg_query_free_parse_result(parsed);
    }
  }
#else
  SKIP_TEST("libpg-query-dev is not installed");
#endif
}

TEST_CASE("SQLite: duplicates are found, removed and kept out") {
  struct Row {
    Table table;
    Strings key, nulls;
    Strings inserts;      ///< values of all columns but id
    int duplicated;       ///< keys that have copies
    int left;             ///< rows after the dedupe
    const char* refused;  ///< values the new key refuses
    const char* allowed;
  };
  const Row rows[] = {
      {tags(), {"name"}, {}, {"'a'", "'a'", "'b'", "'a'"}, 1, 2, "'a'", "'c'"},
      {accounts(), {"email"}, {"deleted_at"}, {"'a', NULL", "'a', NULL", "'a', 'gone'", "'a', 'gone'"}, 1, 3, "'a', NULL", "'a', 'gone'"},
      {votes(), {"user_id", "post_id"}, {}, {"1, 1", "1, 1", "1, NULL", "1, NULL", "2, NULL"}, 2, 3, "2, NULL", "3, NULL"},
      {table("contact", {column("phone", "text", true)}), {"phone"}, {}, {"'1'", "'1'", "NULL", "NULL"}, 1, 3, "'1'", "NULL"},
      {table("word", {column("w", "text")}), {"lower(w)"}, {}, {"'A'", "'a'", "'b'"}, 1, 2, "'B'", "'c'"},
  };
  for (const Row& r : rows) {
    INFO(r.table.name.str());
    Lite db;
    db.create(r.table);
    std::string columns;
    for (size_t i = 1; i < r.table.columns.size(); ++i) columns += (i > 1 ? ", " : "") + r.table.columns[i].name.str();
    const std::string insert = "INSERT INTO " + r.table.name.str() + " (" + columns + ") VALUES (";
    for (const std::string& values : r.inserts) REQUIRE(db.run(insert + values + ")") == "");

    Case c(Engine::kSqlite, r.table, "", "");
    c.m.key_columns = r.key;
    c.m.null_columns = r.nulls;
    const std::vector<Fix> fixes = suggest::unique_key(c.m);
    const Fix* dedupe = find_kind(fixes, "dedupe");
    const Fix* unique = find_kind(fixes, "unique-index");
    REQUIRE(dedupe != nullptr);
    REQUIRE(unique != nullptr);
    REQUIRE(dedupe->sql.size() == 2);

    CHECK(db.run(unique->sql[0]) != "");  // not while there are copies
    CHECK(db.run(dedupe->sql[0]) == "");
    CHECK(static_cast<int>(db.rows().size()) == r.duplicated);
    CHECK(db.run(dedupe->sql[1]) == "");
    CHECK(db.run("SELECT count(*), min(id) FROM " + r.table.name.str()) == "");
    CHECK(db.rows() == Strings{std::to_string(r.left) + "|1"});
    CHECK(db.run(dedupe->sql[0]) == "");
    CHECK(db.rows().empty());
    for (const std::string& sql : unique->sql) CHECK(db.run(sql) == "");
    CHECK(db.run(insert + r.refused + ")") != "");
    CHECK(db.run(insert + r.allowed + ")") == "");
  }
}

TEST_CASE("SQLite: the upsert leaves the rows that the pair would") {
  struct Row {
    Table table;
    Strings key, nulls;
    const char *read, *write;
    Strings read_values, write_values;
  };
  Table order = table("order", {column("group", "text"), column("to", "text", true)});
  Table nocase = table("label", {column("name", "text collate nocase")});
  nocase.columns[1].collation = "nocase";
  const Row rows[] = {
      {tags(), {"name"}, {}, "SELECT id FROM tag WHERE name = 'x' LIMIT 1", "INSERT INTO tag (name) VALUES ('x')", {"x", "1"}, {"x"}},
      {tags(), {"name"}, {}, "SELECT id FROM tag WHERE name = 'x' LIMIT 1", "INSERT INTO tag (name) VALUES ('x') RETURNING id", {}, {"x"}},
      {accounts(),
       {"email"},
       {"deleted_at"},
       "SELECT id FROM account WHERE email = 'x' AND deleted_at IS NULL",
       "INSERT INTO account (email) VALUES ('x')",
       {"x"},
       {"x"}},
      {votes(),
       {"user_id", "post_id"},
       {},
       "SELECT id FROM vote WHERE user_id = 1 AND post_id = 2",
       "INSERT INTO vote (user_id, post_id) VALUES (1, 2)",
       {"1", "2"},
       {"1", "2"}},
      {order,
       {"group"},
       {},
       "SELECT \"to\" FROM \"order\" WHERE \"group\" = 'x'",
       "INSERT INTO \"order\" (\"group\", \"to\") VALUES ('x', 'y')",
       {"x"},
       {"x", "y"}},
      {nocase, {"name"}, {}, "SELECT id FROM label WHERE name = 'X'", "INSERT INTO label (name) VALUES ('X') RETURNING id", {}, {"X"}},
      {table("word", {column("w", "text")}),
       {"lower(w)"},
       {},
       "SELECT id FROM word WHERE lower(w) = 'x'",
       "INSERT INTO word (w) VALUES ('X')",
       {"x"},
       {"X"}},
  };
  for (const Row& r : rows) {
    Case c(Engine::kSqlite, r.table, r.read, r.write);
    c.m.version = "3.40.1";
    c.m.key_columns = r.key;
    c.m.null_columns = r.nulls;
    Lite db;
    db.create(r.table);
    const std::vector<Fix> unique = suggest::unique_key(c.m);
    for (const std::string& sql : find_kind(unique, "unique-index")->sql) REQUIRE(db.run(sql) == "");
    const std::vector<Fix> fixes = suggest::upsert(c.m);
    REQUIRE(fixes.size() == 1);
    check_form(fixes);
    const std::string& insert = fixes[0].sql[0];
    INFO(insert);
    const std::string all = "SELECT * FROM " + suggest::quote_part(r.table.name.str(), Engine::kSqlite);
    CHECK(db.run(insert, r.write_values) == "");
    const Strings returned = db.rows();
    CHECK(db.run(all) == "");
    const Strings once = db.rows();
    CHECK(once.size() == 1);
    CHECK(db.run(insert, r.write_values) == "");
    if (insert.find("RETURNING") != std::string::npos) {
      CHECK(returned.size() == 1);
      CHECK(db.rows() == returned);
    }
    CHECK(db.run(all) == "");
    CHECK(db.rows() == once);
    if (fixes[0].sql.size() > 1) {
      CHECK(db.run(fixes[0].sql[1], r.read_values) == "");
      CHECK(db.rows().size() == 1);
    }
  }
  // Another spelling of an equal key must not rewrite the row that is there.
  Case c(Engine::kSqlite, nocase, "SELECT id FROM label WHERE name = 'X'", "INSERT INTO label (name) VALUES ('X') RETURNING id");
  c.m.key_columns = {"name"};
  Lite db;
  db.create(nocase);
  const std::vector<Fix> unique = suggest::unique_key(c.m);
  for (const std::string& sql : find_kind(unique, "unique-index")->sql) REQUIRE(db.run(sql) == "");
  const std::string insert = suggest::upsert(c.m).at(0).sql.at(0);
  CHECK(db.run(insert, {"Blue"}) == "");
  CHECK(db.run(insert, {"BLUE"}) == "");
  CHECK(db.run("SELECT name FROM label") == "");
  CHECK(db.rows() == Strings{"Blue"});
}

TEST_CASE("no upsert where it would be wrong") {
  struct Row {
    const char* what;
    Engine engine;
    const char* write;
    Strings key;
    bool second_key;
  };
  const Row rows[] = {
      {"an upsert already", Engine::kSqlite, "INSERT INTO account (email) VALUES ('a') ON CONFLICT DO NOTHING", {"email"}, false},
      {"not an INSERT", Engine::kSqlite, "UPDATE account SET email = 'a' WHERE id = 1", {"email"}, false},
      {"INSERT … SELECT", Engine::kPostgres, "INSERT INTO account (email) SELECT email FROM other", {"email"}, false},
      {"the key is not in the INSERT", Engine::kPostgres, "INSERT INTO account (email) VALUES ('a')", {"email", "deleted_at"}, false},
      {"a value in the key", Engine::kPostgres, "INSERT INTO account (email) VALUES ('a')", {"coalesce(email, ?)"}, false},
      {"another key could collide", Engine::kMariaDb, "INSERT INTO account (email, deleted_at) VALUES ('a', 'b')", {"email"}, true},
  };
  for (const Row& r : rows) {
    Table t = accounts();
    if (r.second_key) t.keys.push_back(key("account_deleted_at_key", {"deleted_at"}));
    Case c(r.engine, t, "", r.write);
    c.m.key_columns = r.key;
    INFO(r.what);
    CHECK(suggest::upsert(c.m).empty());
  }
  // A wider key cannot lead to another row.
  Table wide = votes();
  wide.keys.push_back(key("vote_user_id_post_id_key", {"user_id", "post_id"}));
  Case wider(Engine::kMariaDb, wide, "", "INSERT INTO vote (user_id, post_id) VALUES (1, NULL)");
  wider.m.key_columns = {"user_id"};
  wider.m.null_columns = {"post_id"};
  CHECK(suggest::upsert(wider.m).size() == 1);

  Case c(Engine::kSqlite, tags(), kTagRead, kTagWrite);
  c.m.key_columns = {"name"};
  c.m.version = "3.22.0";  // ON CONFLICT came with 3.24
  CHECK(suggest::upsert(c.m).empty());
}

TEST_CASE("reserved words that a template shows without quotes get them back") {
  Case c(Engine::kMySql, table("groups", {column("key", "varchar(50)"), column("rank", "integer")}),
         "SELECT `rank` FROM `groups` WHERE `key` = 'a'", "INSERT INTO `groups` (`key`, `rank`) VALUES ('a', 1)");
  c.m.key_columns = {"key"};
  CHECK(suggest::upsert(c.m).at(0).sql.at(0) ==
        "INSERT INTO `groups` (`key`, `rank`) VALUES (?, ?) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)");
  c.m.write_sql = "INSERT INTO groups(KEY, rank) VALUES (?, ?)";  // as a report shows it
  CHECK(suggest::upsert(c.m).at(0).sql.at(0) ==
        "INSERT INTO `groups` (`key`, `rank`) VALUES (?, ?) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)");
  Case u(Engine::kMySql, c.table, "SELECT `rank` FROM `groups` WHERE `key` = 'a'",
         "UPDATE `groups` g SET g.`rank` = 5 WHERE g.`key` = 'a'");
  u.m.columns = {"rank"};
  CHECK(suggest::row_lock(u.m).at(0).sql.at(1) == "SELECT `rank` FROM `groups` WHERE `key` = ? FOR UPDATE");
  CHECK(suggest::atomic_update(u.m, true).at(0).sql.at(0) ==
        "UPDATE `groups` g SET g.`rank` = `rank` - ? WHERE g.`key` = ? AND `rank` >= ?");
}

TEST_CASE("what follows an insert on MariaDB cannot be stale") {
  Table t = tags();
  t.columns[0].identity = false;
  Case c(Engine::kMariaDb, t, kTagRead, "INSERT INTO tag (id, name) VALUES (1, 'x')");
  c.table.keys.erase(c.table.keys.begin());
  c.m.key_columns = {"name"};
  c.m.isolation = Isolation::kRepeatableRead;
  CHECK(suggest::upsert(c.m).at(0).sql == Strings{"INSERT INTO tag (id, name) VALUES (?, ?) ON DUPLICATE KEY UPDATE name = name",
                                                  "SELECT id, name FROM tag WHERE name = ? LIMIT ? LOCK IN SHARE MODE"});
  c.m.isolation = Isolation::kReadCommitted;
  CHECK(suggest::upsert(c.m).at(0).sql.at(1) == "SELECT id, name FROM tag WHERE name = ? LIMIT ?");
}

// --- updates -------------------------------------------------------------------------------------------------------------------------------

namespace {
Table items() {
  return table("item", {column("stock", "integer"), column("title", "text"), column("version", "integer"), column("cap", "integer")});
}
}  // namespace

TEST_CASE("atomic updates, word for word") {
  struct Row {
    const char* write;
    Strings columns;
    bool guard;
    const char* bound;
    const char *mysql, *postgres;  ///< null: none
    const char* parameters;        ///< of MySQL's
  };
  const Row rows[] = {
      {"UPDATE item SET stock = 3 WHERE id = 1",
       {"stock"},
       true,
       "",
       "UPDATE item SET stock = stock - ? WHERE id = ? AND stock >= ?",
       "UPDATE item SET stock = stock - $1 WHERE id = $2 AND stock >= $1",
       "Parameters: 1 the amount to take from stock, 2 the old 2, 3 the amount to take from stock."},
      {"UPDATE item SET stock = 3 WHERE id = 1",
       {"stock"},
       false,
       "",
       "UPDATE item SET stock = stock + ? WHERE id = ?",
       "UPDATE item SET stock = stock + $1 WHERE id = $2",
       "Parameters: 1 the change of stock, negative to take away, 2 the old 2."},
      {"UPDATE item SET stock = 3, title = 'a' WHERE id = 1",
       {"stock"},
       true,
       "",
       "UPDATE item SET stock = stock - ?, title = ? WHERE id = ? AND stock >= ?",
       "UPDATE item SET stock = stock - $1, title = $2 WHERE id = $3 AND stock >= $1",
       "Parameters: 1 the amount to take from stock, 2 the old 2, 3 the old 3, 4 the amount to take from stock."},
      {"UPDATE item SET stock = stock - 1 WHERE id = 1",
       {"stock"},
       true,
       "",
       "UPDATE item SET stock = stock - ? WHERE id = ? AND stock >= ?",
       "UPDATE item SET stock = stock - $1 WHERE id = $2 AND stock >= $1",
       "Parameters: 1 the old 1, 2 the old 2, 3 the old 1."},
      {"UPDATE item SET stock = (item.stock - 1) WHERE item.id = 1",
       {"stock"},
       true,
       "",
       "UPDATE item SET stock = (item.stock - ?) WHERE item.id = ? AND stock >= ?",
       "UPDATE item SET stock = (item.stock - $1) WHERE item.id = $2 AND stock >= $1",
       "Parameters: 1 the old 1, 2 the old 2, 3 the old 1."},
      {"UPDATE item SET stock = 3 WHERE id = 1 OR title = 'a'",
       {"stock"},
       true,
       "",
       "UPDATE item SET stock = stock - ? WHERE (id = ? OR title = ?) AND stock >= ?",
       "UPDATE item SET stock = stock - $1 WHERE (id = $2 OR title = $3) AND stock >= $1",
       "Parameters: 1 the amount to take from stock, 2 the old 2, 3 the old 3, 4 the amount to take from stock."},
      {"UPDATE item SET stock = stock + 1 WHERE id = 1",
       {"stock"},
       true,
       "cap",
       "UPDATE item SET stock = stock + ? WHERE id = ? AND stock + ? <= cap",
       "UPDATE item SET stock = stock + $1 WHERE id = $2 AND stock + $1 <= cap",
       "Parameters: 1 the old 1, 2 the old 2, 3 the old 1."},
      {"UPDATE item SET stock = stock + 1 WHERE id = 1", {"stock"}, true, "", nullptr, nullptr, ""},
      {"UPDATE item SET stock = stock - 1 + cap WHERE id = 1", {"stock"}, true, "", nullptr, nullptr, ""},
      {"UPDATE item SET stock = greatest(stock - 1, 0) WHERE id = 1", {"stock"}, true, "", nullptr, nullptr, ""},
      {"UPDATE item SET title = 'a' WHERE id = 1", {"stock"}, true, "", nullptr, nullptr, ""},
      {"UPDATE item SET stock = 3", {"stock"}, true, "", nullptr, nullptr, ""},
      {"INSERT INTO item (stock) VALUES (3)", {"stock"}, true, "", nullptr, nullptr, ""},
      {"UPDATE item SET stock = 3 WHERE CURRENT OF c", {"stock"}, true, "", nullptr, nullptr, ""},
      {"UPDATE item SET stock = 3 WHERE title > date '2026-01-01'", {"stock"}, true, "", nullptr, nullptr, ""},
  };
  for (const Row& r : rows) {
    for (const Engine engine : kEngines) {
      Case c(engine, items(), "", r.write);
      c.m.columns = r.columns;
      c.m.bound_column = r.bound;
      const std::vector<Fix> fixes = suggest::atomic_update(c.m, r.guard);
      INFO(r.write << " on " << engine_name(engine));
      const char* expected = engine == Engine::kPostgres ? r.postgres : r.mysql;
      if (expected == nullptr) {
        CHECK(fixes.empty());
        continue;
      }
      REQUIRE(fixes.size() == 1);
      check_form(fixes);
      CHECK(fixes[0].kind == "atomic-update");
      CHECK(fixes[0].sql == Strings{expected});
      if (engine != Engine::kPostgres) CHECK(fixes[0].trade_off.find(r.parameters) != std::string::npos);
      if (r.guard) CHECK(fixes[0].trade_off.find("one row was affected") != std::string::npos);
    }
  }
  Case returning(Engine::kPostgres, items(), "", "UPDATE item SET stock = 3 WHERE id = 1 RETURNING stock");
  returning.m.columns = {"stock"};
  CHECK(suggest::atomic_update(returning.m, true).at(0).sql.at(0) ==
        "UPDATE item SET stock = stock - $1 WHERE id = $2 AND stock >= $1 RETURNING stock");
  Case joined(Engine::kPostgres, items(), "", "UPDATE item AS i SET stock = 3 FROM shop s WHERE s.id = i.id AND i.id = 1");
  joined.m.columns = {"stock"};
  CHECK(suggest::atomic_update(joined.m, true).at(0).sql.at(0) ==
        "UPDATE item AS i SET stock = i.stock - $1 FROM shop s WHERE s.id = i.id AND i.id = $2 AND i.stock >= $1");
}

TEST_CASE("SQLite: the guarded update refuses what is not there") {
  Case c(Engine::kSqlite, items(), "", "UPDATE item SET stock = 3 WHERE id = 1");
  c.m.columns = {"stock"};
  const std::string sql = suggest::atomic_update(c.m, true).at(0).sql.at(0);
  Lite db;
  db.create(c.table);
  REQUIRE(db.run("INSERT INTO item VALUES (1, 5, 't', 0, 9)") == "");
  CHECK(db.run(sql, {"3", "1", "3"}) == "");
  CHECK(db.changes() == 1);
  CHECK(db.run(sql, {"3", "1", "3"}) == "");
  CHECK(db.changes() == 0);
  CHECK(db.run("SELECT stock FROM item") == "");
  CHECK(db.rows() == Strings{"2"});
}

TEST_CASE("row locks") {
  struct Row {
    const char* what;
    Engine engine;
    const char *read, *write;
    Strings expected;  ///< empty: none
  };
  const char* const read = "SELECT id, stock FROM item WHERE id = 1";
  const char* const write = "UPDATE item SET stock = 3 WHERE id = 1";
  const Row rows[] = {
      {"PostgreSQL, no key written",
       Engine::kPostgres,
       read,
       write,
       {"BEGIN", "SELECT id, stock FROM item WHERE id = $1 FOR NO KEY UPDATE", "UPDATE item SET stock = $1 WHERE id = $2", "COMMIT"}},
      {"PostgreSQL, a key written",
       Engine::kPostgres,
       read,
       "UPDATE item SET id = 3 WHERE id = 1",
       {"BEGIN", "SELECT id, stock FROM item WHERE id = $1 FOR UPDATE", "UPDATE item SET id = $1 WHERE id = $2", "COMMIT"}},
      {"PostgreSQL, an outer join",
       Engine::kPostgres,
       "SELECT i.stock FROM item i LEFT JOIN shop s ON s.id = i.id WHERE i.id = 1",
       write,
       {"BEGIN", "SELECT i.stock FROM item i LEFT JOIN shop s ON s.id = i.id WHERE i.id = $1 FOR NO KEY UPDATE OF i",
        "UPDATE item SET stock = $1 WHERE id = $2", "COMMIT"}},
      {"already locked, outside the transaction",
       Engine::kPostgres,
       "SELECT stock FROM item WHERE id = 1 FOR UPDATE",
       write,
       {"BEGIN", "SELECT stock FROM item WHERE id = $1 FOR UPDATE", "UPDATE item SET stock = $1 WHERE id = $2", "COMMIT"}},
      {"a shared lock deadlocks",
       Engine::kPostgres,
       "SELECT stock FROM item WHERE id = 1 FOR SHARE",
       write,
       {"BEGIN", "SELECT stock FROM item WHERE id = $1 FOR NO KEY UPDATE", "UPDATE item SET stock = $1 WHERE id = $2", "COMMIT"}},
      {"SKIP LOCKED on one row loses the update",
       Engine::kPostgres,
       "SELECT stock FROM item WHERE id = 1 FOR UPDATE SKIP LOCKED",
       write,
       {"BEGIN", "SELECT stock FROM item WHERE id = $1 FOR NO KEY UPDATE", "UPDATE item SET stock = $1 WHERE id = $2", "COMMIT"}},
      {"MariaDB",
       Engine::kMariaDb,
       "SELECT stock FROM item WHERE id = 1 LOCK IN SHARE MODE",
       write,
       {"BEGIN", "SELECT stock FROM item WHERE id = ? FOR UPDATE", "UPDATE item SET stock = ? WHERE id = ?", "COMMIT"}},
      {"SQLite",
       Engine::kSqlite,
       read,
       write,
       {"BEGIN IMMEDIATE", "SELECT id, stock FROM item WHERE id = ?", "UPDATE item SET stock = ? WHERE id = ?", "COMMIT"}},
      {"SQLite, a sum",
       Engine::kSqlite,
       "SELECT sum(stock) FROM item",
       write,
       {"BEGIN IMMEDIATE", "SELECT sum(stock) FROM item", "UPDATE item SET stock = ? WHERE id = ?", "COMMIT"}},
      {"PostgreSQL refuses aggregates", Engine::kPostgres, "SELECT sum(stock) FROM item WHERE title = 'a'", write, {}},
      {"and DISTINCT", Engine::kPostgres, "SELECT DISTINCT stock FROM item", write, {}},
      {"and window functions", Engine::kPostgres, "SELECT stock, rank() OVER (ORDER BY stock) FROM item", write, {}},
      {"and UNION", Engine::kPostgres, "SELECT stock FROM item UNION SELECT cap FROM item", write, {}},
      {"a row that is not there", Engine::kMariaDb, read, "INSERT INTO item (stock) VALUES (1)", {}},
  };
  for (const Row& r : rows) {
    Case c(r.engine, items(), r.read, r.write);
    c.m.columns = {"stock"};
    const std::vector<Fix> fixes = suggest::row_lock(c.m);
    INFO(r.what);
    check_form(fixes);
    CHECK(all_sql(fixes) == r.expected);
    if (fixes.empty()) continue;
    CHECK(fixes[0].kind == (r.engine == Engine::kSqlite ? "transaction" : "lock"));
  }
  Case myisam(Engine::kMySql, items(), read, write);
  myisam.table.storage_engine = "MyISAM";
  CHECK(suggest::row_lock(myisam.m).empty());
  Lite db;
  Case c(Engine::kSqlite, items(), read, write);
  db.create(c.table);
  const std::vector<Fix> fixes = suggest::row_lock(c.m);
  for (const std::string& sql : fixes.at(0).sql) CHECK(db.run(sql) == "");
}

TEST_CASE("version checks") {
  struct Row {
    Engine engine;
    const char* write;
    const char* column;
    Strings expected;
  };
  const Row rows[] = {
      {Engine::kPostgres,
       "UPDATE item SET title = 'a', version = 3 WHERE id = 1",
       "version",
       {"UPDATE item SET title = $1, version = $2 WHERE id = $3 AND version = $4"}},
      {Engine::kMySql,
       "UPDATE item SET title = 'a' WHERE id = 1",
       "version",
       {"UPDATE item SET title = ?, version = version + 1 WHERE id = ? AND version = ?"}},
      {Engine::kMySql,
       "UPDATE item SET title = 'a' WHERE id = 1",
       "rev",
       {"ALTER TABLE item ADD COLUMN rev INTEGER NOT NULL DEFAULT 0", "UPDATE item SET title = ?, rev = rev + 1 WHERE id = ? AND rev = ?"}},
      {Engine::kSqlite, "UPDATE item SET title = 'a', version = version + 1 WHERE id = 1 AND version = 4", "version", {}},
  };
  for (const Row& r : rows) {
    Case c(r.engine, items(), "", r.write);
    const std::vector<Fix> fixes = suggest::version_check(c.m, r.column);
    INFO(r.write);
    check_form(fixes);
    CHECK(all_sql(fixes) == r.expected);
    if (!fixes.empty()) CHECK(fixes[0].trade_off.find("that was read.") != std::string::npos);
  }
}

TEST_CASE("constraints") {
  const char* const relative = "UPDATE item SET stock = stock - 1 WHERE id = 1";
  const auto sql = [&](Engine engine, const char* version, const char* write) {
    Case c(engine, items(), "", write);
    c.m.version = version;
    const std::vector<Fix> fixes = suggest::check_constraint(c.m, "stock");
    check_form(fixes);
    return all_sql(fixes);
  };
  CHECK(sql(Engine::kPostgres, "15.18", relative) ==
        Strings{"ALTER TABLE item ADD CONSTRAINT item_stock_not_negative CHECK (stock >= 0) NOT VALID",
                "ALTER TABLE item VALIDATE CONSTRAINT item_stock_not_negative"});
  CHECK(sql(Engine::kMariaDb, "10.11.19", relative) ==
        Strings{"ALTER TABLE item ADD CONSTRAINT item_stock_not_negative CHECK (stock >= 0)"});
  CHECK(sql(Engine::kMySql, "5.7.44", relative).empty());  // parsed and ignored
  // A number computed in the program is never negative.
  for (const Engine engine : kEngines) CHECK(sql(engine, "", "UPDATE item SET stock = 3 WHERE id = 1").empty());

  const Strings trigger = sql(Engine::kSqlite, "3.40.1", relative);
  REQUIRE(trigger.size() == 1);
  Lite db;
  db.create(items());
  REQUIRE(db.run("INSERT INTO item VALUES (1, 1, 't', 0, 9)") == "");
  CHECK(db.run(trigger[0]) == "");
  CHECK(db.run("UPDATE item SET stock = stock - 1 WHERE id = 1") == "");
  CHECK(db.run("UPDATE item SET stock = stock - 1 WHERE id = 1") == "stock must not be negative");
}

TEST_CASE("isolation levels") {
  Case c(Engine::kMariaDb, items(), "", "");
  c.m.isolation = Isolation::kRepeatableRead;
  CHECK(all_sql(suggest::isolation_level(c.m, Isolation::kReadCommitted)) ==
        Strings{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"});
  CHECK(suggest::isolation_level(c.m, Isolation::kRepeatableRead).empty());
  c.m.engine = Engine::kPostgres;
  CHECK(all_sql(suggest::isolation_level(c.m, Isolation::kReadCommitted)) ==
        Strings{"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED"});
  c.m.engine = Engine::kSqlite;
  CHECK(suggest::isolation_level(c.m, Isolation::kSerializable).empty());
}

// --- ORM words -------------------------------------------------------------------------------------------------------------------------------

TEST_CASE("every ORM has words for every pattern") {
  const char* const orms[] = {"django", "peewee", "sqlalchemy", "activerecord", "sequelize", "typeorm",
                              "prisma", "knex",   "gorm",       "hibernate",    "laravel",   "efcore"};
  const char* const patterns[] = {"get-or-create",   "read-modify-write", "guarded-decrement", "version", "for-update",
                                  "repeatable-read", "queue-pop",         "parent-lock",       "set-lock"};
  for (const char* orm : orms) {
    for (const char* pattern : patterns) {
      for (const Engine engine : {Engine::kPostgres, Engine::kMariaDb}) {
        Case c(engine, votes(), "", "");
        c.m.key_columns = {"user_id", "post_id"};
        c.m.columns = {"post_id"};
        c.m.orm = orm;
        const std::vector<Fix> fixes = suggest::in_orm_words(c.m, pattern);
        INFO(orm << " " << pattern << " on " << engine_name(engine));
        REQUIRE(fixes.size() == 1);
        check_form(fixes);
        const std::string& code = fixes[0].code;
        INFO(code);
        CHECK(code.find("model of vote\n") != std::string::npos);
        // No marker is left: a word between two @ on one line, lower case.
        for (const char* word : {"@whole", "@partial", "@lock", "@my@", "@pg", "@not", "@Model", "@column@", "@key", "@table", "@name",
                                 "@null", "@field", "@object", "@one@", "@many@"})
          CHECK(code.find(word) == std::string::npos);
        const std::string_view p = pattern;
        if (p == "guarded-decrement" || p == "read-modify-write") {
          CHECK((code.find("post_id") != std::string::npos || code.find("PostId") != std::string::npos));
        }
      }
    }
  }
  Case unknown(Engine::kPostgres, votes(), "", "");
  CHECK(suggest::in_orm_words(unknown.m, "get-or-create").empty());
}

TEST_CASE("ORM words know the schema and the engine") {
  Table race = table("race_race", {column("session_id", "bigint"), column("name", "text")});
  ForeignKey fk;
  fk.columns = {"session_id"};
  race.foreign_keys.push_back(fk);
  Case c(Engine::kPostgres, race, "", "");
  c.m.orm = "django";
  c.m.key_columns = {"session_id", "name"};
  const std::string code = suggest::in_orm_words(c.m, "get-or-create").at(0).code;
  CHECK(code.starts_with("# model of race_race\n"));
  CHECK(code.find("fields=[\"session\", \"name\"], name=\"race_race_session_id_name_uniq\"") != std::string::npos);
  CHECK(code.find("Race.objects.get_or_create(session=session, name=name)") != std::string::npos);

  // Soft delete: a condition where the engine has partial indexes, SQL alone where it has not.
  Case soft(Engine::kPostgres, accounts(), "", "");
  soft.m.orm = "django";
  soft.m.key_columns = {"email"};
  soft.m.null_columns = {"deleted_at"};
  CHECK(suggest::in_orm_words(soft.m, "get-or-create").at(0).code.find("condition=models.Q(deleted_at__isnull=True)") != std::string::npos);
  soft.m.engine = Engine::kMySql;
  CHECK(suggest::in_orm_words(soft.m, "get-or-create").empty());

  // FOR UPDATE does nothing on SQLite: never proposed there.
  for (const char* orm : {"django", "peewee", "sqlalchemy", "activerecord", "sequelize", "typeorm", "prisma", "knex", "gorm", "hibernate",
                          "laravel", "efcore"}) {
    Case lite(Engine::kSqlite, items(), "", "");
    lite.m.orm = orm;
    lite.m.key_columns = {"id"};
    lite.m.columns = {"stock"};
    CHECK(suggest::in_orm_words(lite.m, "for-update").empty());
    const std::string words = suggest::in_orm_words(lite.m, "read-modify-write").at(0).code;
    INFO(words);
    for (const char* lock :
         {"for_update", "forUpdate", "with_lock", "LOCK", "pessimistic", "lockForUpdate", "PESSIMISTIC", "FOR UPDATE", "Locking"}) {
      CHECK(words.find(lock) == std::string::npos);
    }
  }
}

// --- statements that insert or else do something --------------------------------------------------------------------------------------

TEST_CASE("a guarded INSERT, an UPDATE with its INSERT, IGNORE and REPLACE become the upsert they stand for") {
  using Function = std::vector<Fix> (*)(const Material&);
  struct Row {
    Function function;
    Engine engine;
    const char *version, *read, *write, *expected;
  };
  constexpr auto kPg = Engine::kPostgres;
  constexpr auto kMy = Engine::kMySql;
  constexpr auto kMaria = Engine::kMariaDb;
  constexpr auto kLite = Engine::kSqlite;
  const char* const set = "UPDATE kv SET v = 5 WHERE k = 'x'";
  const char* const raise = "UPDATE kv SET v = v + 5 WHERE k = 'x'";
  const char* const plain = "INSERT INTO kv (k, v) VALUES ('x', 5)";
  const Row rows[] = {
      {suggest::guarded_insert_as_upsert, kPg, "", "",
       "INSERT INTO kv (k, v) SELECT 'x', 1 WHERE NOT EXISTS (SELECT 1 FROM kv WHERE k = 'x')",
       "INSERT INTO kv (k, v) VALUES ($1, $2) ON CONFLICT (k) DO NOTHING"},
      {suggest::guarded_insert_as_upsert, kMaria, "", "",
       "INSERT INTO kv (k, v) SELECT 'x', 1 FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM kv WHERE k = 'x')",
       "INSERT INTO kv (k, v) VALUES (?, ?) ON DUPLICATE KEY UPDATE k = k"},
      {suggest::guarded_insert_as_upsert, kPg, "", "",
       "MERGE INTO kv USING (VALUES ('x', 1)) AS s(k, v) ON kv.k = s.k WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT "
       "(k, "
       "v) VALUES (s.k, s.v)",
       "INSERT INTO kv (k, v) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v"},
      // Rows of another table are as many as they are; a MERGE that deletes is no upsert.
      {suggest::guarded_insert_as_upsert, kPg, "", "",
       "INSERT INTO kv (k, v) SELECT s.k, s.v FROM staging s WHERE NOT EXISTS (SELECT 1 FROM kv WHERE kv.k = s.k)", ""},
      {suggest::guarded_insert_as_upsert, kPg, "", "",
       "MERGE INTO kv USING (VALUES ('x', 1)) AS s(k, v) ON kv.k = s.k WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (k, v) VALUES "
       "(s.k, s.v)",
       ""},
      {suggest::update_or_insert_as_upsert, kPg, "", set, plain,
       "INSERT INTO kv (k, v) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v"},
      {suggest::update_or_insert_as_upsert, kLite, "", set, plain,
       "INSERT INTO kv (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v"},
      {suggest::update_or_insert_as_upsert, kMaria, "", set, plain,
       "INSERT INTO kv (k, v) VALUES (?, ?) ON DUPLICATE KEY UPDATE v = VALUES(v)"},
      {suggest::update_or_insert_as_upsert, kMy, "8.0.36", set, plain,
       "INSERT INTO kv (k, v) VALUES (?, ?) AS new ON DUPLICATE KEY UPDATE v = new.v"},
      {suggest::update_or_insert_as_upsert, kMy, "5.7.44", set, plain,
       "INSERT INTO kv (k, v) VALUES (?, ?) ON DUPLICATE KEY UPDATE v = VALUES(v)"},
      {suggest::update_or_insert_as_upsert, kLite, "3.22.0", set, plain, ""},
      {suggest::update_or_insert_as_upsert, kPg, "", raise, plain,
       "INSERT INTO kv (k, v) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = kv.v + $3"},
      {suggest::named_conflict, kMaria, "", "", "INSERT IGNORE INTO kv (k, v) VALUES ('x', 5)",
       "INSERT INTO kv (k, v) VALUES (?, ?) ON DUPLICATE KEY UPDATE k = k"},
      {suggest::named_conflict, kLite, "", "", "INSERT OR IGNORE INTO kv (k, v) VALUES ('x', 5)",
       "INSERT INTO kv (k, v) VALUES (?, ?) ON CONFLICT (k) DO NOTHING"},
      {suggest::named_conflict, kPg, "", "", "INSERT INTO kv (k, v) VALUES ('x', 5) ON CONFLICT DO NOTHING RETURNING id",
       "INSERT INTO kv (k, v) VALUES ($1, $2) ON CONFLICT (k) DO NOTHING RETURNING id"},
      {suggest::replace_as_upsert, kMaria, "", "", "REPLACE INTO kv (k, v) VALUES ('x', 5)",
       "INSERT INTO kv (k, v) VALUES (?, ?) ON DUPLICATE KEY UPDATE v = VALUES(v)"},
      {suggest::replace_as_upsert, kMaria, "", "", "REPLACE kv (k) VALUES ('x')",
       "INSERT INTO kv (k) VALUES (?) ON DUPLICATE KEY UPDATE k = k"},
      {suggest::replace_as_upsert, kLite, "", "", "INSERT OR REPLACE INTO kv (k, v) VALUES ('x', 5)",
       "INSERT INTO kv (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v"},
      {suggest::one_key_at_a_time, kMaria, "", "", "INSERT INTO kv (k, v) VALUES ('x', 5) ON DUPLICATE KEY UPDATE v = 5",
       "INSERT INTO kv (k, v) VALUES (?, ?)"},
  };
  for (const Row& r : rows) {
    INFO(r.write << " on " << engine_name(r.engine));
    Case c(r.engine, table("kv", {column("k", "varchar(40)"), column("v", "integer")}), r.read, r.write);
    c.table.keys.push_back(key("kv_k", {"k"}));
    c.m.version = r.version;
    c.m.key_columns = {"k"};
    const std::vector<Fix> fixes = r.function(c.m);
    check_form(fixes);
    const std::vector<std::string> sql = all_sql(fixes);
    CHECK(sql == (*r.expected == '\0' ? Strings() : Strings{r.expected}));
    if (sql.empty() || r.engine != Engine::kSqlite) continue;
    Lite db;
    db.create(c.table);
    REQUIRE(db.run("CREATE UNIQUE INDEX kv_k ON kv (k)") == "");
    for (const char* v : {"5", "6"}) CHECK(db.run(sql[0], {"x", v}) == "");
    REQUIRE(db.run("SELECT count(*) FROM kv") == "");
    CHECK(db.rows() == Strings{"1"});
  }
}

TEST_CASE("ON DUPLICATE KEY UPDATE is not proposed where a second unique key gets a value") {
  for (const Engine e : {Engine::kMariaDb, Engine::kPostgres}) {
    Case c(e, table("kv", {column("k", "varchar(40)"), column("v", "integer")}), "",
           "INSERT INTO kv (k, v) SELECT 'x', 1 WHERE NOT EXISTS (SELECT 1 FROM kv WHERE k = 'x')");
    c.table.keys.push_back(key("kv_k", {"k"}));
    c.table.keys.push_back(key("kv_v", {"v"}));
    c.m.key_columns = {"k"};
    CHECK(suggest::guarded_insert_as_upsert(c.m).empty() == (e == Engine::kMariaDb));
  }
}

TEST_CASE("a conflict target is taken from the keys that the INSERT meets") {
  Case c(Engine::kPostgres, table("users", {column("email", "text"), column("team", "text"), column("deleted_at", "timestamp", true)}), "",
         "INSERT INTO users (email, team) VALUES ('x', 't') ON CONFLICT (email) DO UPDATE SET team = EXCLUDED.team");
  c.table.keys.push_back(key("users_live", {"email"}));
  c.table.keys.back().predicate = "deleted_at is null";
  c.table.keys.push_back(key("users_team", {"team", "deleted_at"}));
  const std::vector<Fix> fixes = suggest::conflict_target(c.m);
  check_form(fixes);
  CHECK(all_sql(fixes) == Strings{"INSERT INTO users (email, team) VALUES ($1, $2) ON CONFLICT (email) WHERE deleted_at is null DO UPDATE "
                                  "SET team = excluded.team"});
}

TEST_CASE("a key stricter than the lookup is made like it") {
  const auto fixes_for = [](Engine e, Key strict, const Strings& nulls) {
    Case c(e, table("users", {column("email", "varchar(100)"), column("deleted_at", "timestamp", true)}),
           "SELECT id FROM users WHERE email = 'x'", "INSERT INTO users (email) VALUES ('x')");
    c.table.keys.push_back(std::move(strict));
    c.m.key_columns = {"email"};
    c.m.null_columns = nulls;
    return suggest::key_like_lookup(c.m);
  };
  const std::vector<Fix> partial = fixes_for(Engine::kSqlite, key("users_email", {"email"}), {"deleted_at"});
  check_form(partial);
  CHECK(all_sql(partial) ==
        Strings{"CREATE UNIQUE INDEX users_email_uniq ON users (email) WHERE deleted_at IS NULL", "DROP INDEX users_email"});
  Key lower = key("users_lower", {"email"});
  lower.parts[0].column = Name();
  lower.parts[0].expression = "lower(email)";
  const std::vector<Fix> folded = fixes_for(Engine::kPostgres, lower, {});
  check_form(folded);
  REQUIRE(folded.size() == 1);
  CHECK(folded[0].code == "WHERE lower(email) = lower($1)");
}
