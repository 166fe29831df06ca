// The fixes of the 2xx rules that put a read and a write into one statement: what they say on each engine, and that SQLite does what they promise.

#include <sqlite3.h>

#include <memory>
#include <string>
#include <vector>

#include "analyzers/sql/templates.h"
#include "rules/statement_text.h"
#include "rules/suggest/suggest.h"
#include "tests/catch.h"

using namespace dbaudit;
using suggest::Material;

namespace {

Column column(std::string name, std::string type) {
  Column c;
  c.name = std::move(name);
  c.type = std::move(type);
  return c;
}

Table table(std::string name, std::vector<Column> columns) {
  Table t;
  t.name = std::move(name);
  t.columns = std::move(columns);
  Key k;
  k.name = t.name.str() + "_pkey";
  k.unique = k.primary = true;
  KeyPart p;
  p.column = t.columns.front().name;
  k.parts.push_back(p);
  t.keys.push_back(k);
  return t;
}

struct Case {
  Table table;
  Templates templates;
  Material m;

  Case(Engine e, Table t, const std::string& read, const std::string& write) : table(std::move(t)), templates(dialect_of(e)) {
    m.engine = e;
    m.table = &table;
    m.table_name = table.qualified();
    if (!read.empty()) {
      const Template* r = templates.intern(read, false);
      m.read = &r->facts;
      m.read_sql = display_sql(r->text.str());
    }
    const Template* w = templates.intern(write, false);
    m.write = &w->facts;
    m.write_sql = display_sql(w->text.str());
  }
  Case(const Case&) = delete;
};

std::vector<std::string> sql_of(const std::vector<Fix>& fixes) {
  std::vector<std::string> all;
  for (const Fix& f : fixes) all.insert(all.end(), f.sql.begin(), f.sql.end());
  return all;
}

/// Runs statements on an empty database and gives the first column of the last one's only row.
std::string lite(const std::vector<std::string>& statements) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(":memory:", &db) == SQLITE_OK);
  std::string last;
  for (const std::string& sql : statements) {
    char* error = nullptr;
    INFO(sql);
    const auto keep = [](void* to, int n, char** values, char**) {
      if (n > 0) *static_cast<std::string*>(to) = values[0] != nullptr ? values[0] : "NULL";
      return 0;
    };
    const int rc = sqlite3_exec(db, sql.c_str(), keep, &last, &error);
    INFO((error != nullptr ? error : ""));
    CHECK(rc == SQLITE_OK);
    sqlite3_free(error);
  }
  sqlite3_close(db);
  return last;
}

/// The statement with its parameters replaced, in their order.
std::string with(std::string sql, const std::vector<std::string>& values) {
  for (const std::string& v : values) {
    const size_t at = sql.find('?');
    REQUIRE(at != std::string::npos);
    const size_t end = sql.find_first_not_of("?0123456789", at);
    sql.replace(at, (end == std::string::npos ? sql.size() : end) - at, v);
  }
  return sql;
}

using Strings = std::vector<std::string>;

Table bookmark() {
  return table("bookmark", {column("id", "integer"), column("item", "text"), column("starred", "boolean"), column("at", "datetime")});
}
Table page_view() { return table("page_view", {column("page", "text"), column("hits", "integer"), column("title", "text")}); }

}  // namespace

TEST_CASE("a flag turns over by itself, and what a save wrote beside it is left out") {
  const std::string write = "UPDATE bookmark SET item = 'x', starred = true, at = '2026-03-02 10:00:00' WHERE id = 3";
  for (const Engine e : {Engine::kPostgres, Engine::kMySql, Engine::kMariaDb, Engine::kSqlite}) {
    Case c(e, bookmark(), "", write);
    c.m.columns = {"starred"};
    const Strings sql = sql_of(suggest::toggle(c.m));
    REQUIRE(sql.size() == 1);
    const bool numbered = e == Engine::kPostgres;
    CHECK(sql[0] == (numbered ? "UPDATE bookmark SET starred = NOT starred, at = $1 WHERE id = $2"
                              : "UPDATE bookmark SET starred = NOT starred, at = ? WHERE id = ?"));
  }
  Case c(Engine::kSqlite, bookmark(), "", write);
  c.m.columns = {"starred"};
  const std::string turn = with(sql_of(suggest::toggle(c.m)).at(0), {"'now'", "3"});
  CHECK(lite({"CREATE TABLE bookmark (id integer, item text, starred boolean, at datetime)", "INSERT INTO bookmark VALUES (3, 'a', 1, '')",
              turn, "SELECT starred || item FROM bookmark"}) == "0a");
  Case joined(Engine::kPostgres, bookmark(), "", "UPDATE bookmark SET starred = true FROM other WHERE other.id = bookmark.id");
  joined.m.columns = {"starred"};
  CHECK(suggest::toggle(joined.m).empty());
}

TEST_CASE("an upsert that adds") {
  Case pg(Engine::kPostgres, page_view(), "",
          "INSERT INTO page_view (page, hits, title) VALUES ('a', 8, 't') ON CONFLICT (page) DO UPDATE SET hits = EXCLUDED.hits, title = "
          "EXCLUDED.title RETURNING hits");
  pg.m.columns = {"hits"};
  CHECK(sql_of(suggest::relative_upsert(pg.m)) ==
        Strings{"INSERT INTO page_view (page, hits, title) VALUES ($1, $2, $3) ON CONFLICT (page) DO UPDATE SET hits = page_view.hits + "
                "EXCLUDED.hits, title = excluded.title RETURNING hits"});
  Case my(Engine::kMariaDb, page_view(), "",
          "INSERT INTO page_view (page, hits) VALUES ('a', 8) ON DUPLICATE KEY UPDATE hits = VALUES(hits)");
  my.m.columns = {"hits"};
  CHECK(sql_of(suggest::relative_upsert(my.m)) ==
        Strings{"INSERT INTO page_view (page, hits) VALUES (?, ?) ON DUPLICATE KEY UPDATE hits = hits + VALUES(hits)"});
  Case lite_case(Engine::kSqlite, page_view(), "",
                 "INSERT INTO page_view (page, hits) VALUES ('a', 8) ON CONFLICT (page) DO UPDATE SET hits = excluded.hits");
  lite_case.m.columns = {"hits"};
  const std::string add = with(sql_of(suggest::relative_upsert(lite_case.m)).at(0), {"'a'", "2"});
  CHECK(lite({"CREATE TABLE page_view (page text PRIMARY KEY, hits integer, title text)", add, add, "SELECT hits FROM page_view"}) == "4");
  Case none(Engine::kPostgres, page_view(), "", "INSERT INTO page_view (page, hits) VALUES ('a', 8) ON CONFLICT (page) DO NOTHING");
  none.m.columns = {"hits"};
  CHECK(suggest::relative_upsert(none.m).empty());
}

TEST_CASE("a set is replaced behind a lock on what it belongs to") {
  Table t = table("user_role", {column("id", "integer"), column("user_id", "integer"), column("role", "text")});
  const std::string erase = "DELETE FROM user_role WHERE user_id = 4";
  const std::string insert = "INSERT INTO user_role (user_id, role) VALUES (4, 'admin')";
  Table owned = t;
  ForeignKey fk;
  fk.columns = {"user_id"};
  fk.referenced_table = "user";
  fk.referenced_columns = {"id"};
  owned.foreign_keys.push_back(fk);

  Case parent(Engine::kPostgres, owned, erase, insert);
  parent.m.key_columns = {"user_id"};
  CHECK(sql_of(suggest::lock_then_replace(parent.m)) == Strings{"BEGIN", "SELECT id FROM \"user\" WHERE id = $1 FOR NO KEY UPDATE",
                                                                "DELETE FROM user_role WHERE user_id = $1",
                                                                "INSERT INTO user_role (user_id, role) VALUES ($1, $2)", "COMMIT"});
  parent.m.isolation = Isolation::kRepeatableRead;
  CHECK(suggest::lock_then_replace(parent.m).empty());  // measured: a lock protects nothing there

  Case alone(Engine::kMariaDb, t, erase, insert);
  alone.m.key_columns = {"user_id"};
  const Strings sql = sql_of(suggest::lock_then_replace(alone.m));
  REQUIRE(sql.size() == 6);
  CHECK(sql.front() == "SELECT GET_LOCK(CONCAT('user_role:', ?), 10)");
  CHECK(sql[4] == "COMMIT");
  CHECK(sql.back() == "SELECT RELEASE_LOCK(CONCAT('user_role:', ?))");

  Case small(Engine::kSqlite, t, erase, insert);
  small.m.key_columns = {"user_id"};
  CHECK(sql_of(suggest::lock_then_replace(small.m)).front() == "BEGIN IMMEDIATE");
}

TEST_CASE("a row is replaced by an upsert, every other column overwritten") {
  Table t = table("opt", {column("id", "integer"), column("user_id", "integer"), column("name", "text"), column("value", "text")});
  const std::string insert = "INSERT INTO opt (user_id, name, value) VALUES (1, 'theme', 'dark')";
  Case pg(Engine::kPostgres, t, "", insert + " RETURNING id");
  pg.m.key_columns = {"user_id", "name"};
  CHECK(
      sql_of(suggest::replacing_upsert(pg.m)) ==
      Strings{"INSERT INTO opt (user_id, name, value) VALUES ($1, $2, $3) ON CONFLICT (user_id, name) DO UPDATE SET value = EXCLUDED.value "
              "RETURNING id"});
  Case small(Engine::kSqlite, t, "", insert);
  small.m.key_columns = {"user_id", "name"};
  const std::string upsert = sql_of(suggest::replacing_upsert(small.m)).at(0);
  CHECK(lite({"CREATE TABLE opt (id integer PRIMARY KEY, user_id integer, name text, value text, UNIQUE (user_id, name))",
              with(upsert, {"1", "'theme'", "'dark'"}), with(upsert, {"1", "'theme'", "'light'"}),
              "SELECT count(*) || max(value) FROM opt"}) == "1light");
}

TEST_CASE("a save writes what changed, and related writes stand in one transaction") {
  Table t = table("profile", {column("id", "integer"), column("email", "text"), column("phone", "text"), column("city", "text")});
  Case c(Engine::kPostgres, t, "", "UPDATE profile SET email = 'a', phone = '1', city = 'b' WHERE id = 7");
  c.m.columns = {"email"};
  CHECK(sql_of(suggest::changed_columns(c.m)) == Strings{"UPDATE profile SET phone = $1, city = $2 WHERE id = $3"});
  c.m.columns = {"email", "phone", "city"};
  CHECK(sql_of(suggest::changed_columns(c.m)) == Strings{"UPDATE profile SET email = $1 WHERE id = $2"});

  Table account = table("account", {column("id", "integer"), column("balance", "integer")});
  Case pair(Engine::kSqlite, account, "UPDATE account SET balance = balance - 5 WHERE id = 1",
            "UPDATE account SET balance = balance + 5 WHERE id = 2");
  pair.m.columns = {"balance"};
  const Strings sql = sql_of(suggest::one_transaction(pair.m));
  REQUIRE(sql.size() == 4);
  CHECK(lite({"CREATE TABLE account (id integer, balance integer)", "INSERT INTO account VALUES (1, 9), (2, 0)", sql[0],
              with(sql[1], {"5", "1"}), with(sql[2], {"5", "2"}), sql[3], "SELECT max(balance) FROM account"}) == "5");

  Case own(Engine::kPostgres, account, "", "UPDATE account SET balance = (SELECT balance FROM account WHERE id = 1) - 5 WHERE id = 1");
  own.m.columns = {"balance"};
  own.m.key_columns = {"id"};
  CHECK(sql_of(suggest::own_column(own.m)) == Strings{"UPDATE account SET balance = balance + $1 WHERE id = $2"});
}
