// The fixes that are about locks, as text. Each statement was run on the engine it is for.

#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/schema/ddl.h"
#include "analyzers/sql/templates.h"
#include "rules/statement_text.h"
#include "rules/suggest/suggest.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

constexpr std::string_view kSchema =
    "CREATE TABLE coupon (id int PRIMARY KEY, used int);"
    "CREATE TABLE coupon_use (id int PRIMARY KEY, coupon_id int NOT NULL, \"order\" int, FOREIGN KEY (coupon_id) REFERENCES coupon (id));";

std::string sql_of(const std::vector<Fix>& fixes) {
  std::string s;
  for (const Fix& f : fixes) {
    CHECK(!f.title.empty());
    CHECK(!f.trade_off.empty());
    for (const std::string& statement : f.sql) s += (s.empty() ? "" : "; ") + statement;
  }
  return s;
}

struct Setting {
  Catalog catalog;
  Templates templates;
  suggest::Material m;

  Setting(Engine engine, Isolation isolation) : templates(dialect_of(engine)) {
    catalog.engine = engine;
    apply_ddl(engine == Engine::kPostgres ? std::string(kSchema)
                                          : "CREATE TABLE coupon (id int PRIMARY KEY, used int); CREATE TABLE coupon_use (id "
                                            "int PRIMARY KEY, coupon_id int NOT NULL, FOREIGN KEY (coupon_id) REFERENCES "
                                            "coupon (id));",
              "schema.sql", catalog);
    catalog.finish();
    m.engine = engine;
    m.isolation = isolation;
    for (const Table& t : catalog.tables) {
      if (t.name == "coupon_use") m.table = &t;
    }
    m.table_name = "coupon_use";
    m.key_columns = {"coupon_id"};
    m.read_sql = display_sql(templates.intern("INSERT INTO coupon_use (coupon_id) VALUES (5)", false)->text.str());
    m.write_sql = display_sql(templates.intern("UPDATE coupon SET used = used + 1 WHERE id = 5", false)->text.str());
  }
};

TEST_CASE("Fixes about locks", "[suggest]") {
  Setting pg(Engine::kPostgres, Isolation::kReadCommitted), my(Engine::kMariaDb, Isolation::kRepeatableRead),
      lite(Engine::kSqlite, Isolation::kSerializable);
  Setting rr(Engine::kPostgres, Isolation::kRepeatableRead);
  REQUIRE(pg.m.table != nullptr);
  constexpr std::string_view kHere = "-- here the statements that need it\nCOMMIT";
  const std::string here(kHere);

  CHECK(sql_of(suggest::rows_in_order(pg.m)) ==
        "BEGIN; SELECT coupon_id FROM public.coupon_use WHERE coupon_id IN ($1, $2) ORDER BY coupon_id FOR UPDATE; " + here);
  CHECK(sql_of(suggest::rows_in_order(my.m)) ==
        "BEGIN; SELECT coupon_id FROM coupon_use WHERE coupon_id IN (?, ?) ORDER BY coupon_id FOR UPDATE; " + here);
  CHECK(suggest::rows_in_order(lite.m).empty());

  my.m.key_columns = {"coupon_id", "order"};
  CHECK(sql_of(suggest::rows_in_order(my.m)) == sql_of(suggest::same_order(my.m)));
  my.m.key_columns = {"coupon_id"};

  CHECK(sql_of(suggest::swapped(my.m)) ==
        "BEGIN; UPDATE coupon SET used = used + ? WHERE id = ?; INSERT INTO coupon_use (coupon_id) VALUES (?); COMMIT");
  CHECK(sql_of(suggest::same_order(my.m)) ==
        "BEGIN; INSERT INTO coupon_use (coupon_id) VALUES (?); UPDATE coupon SET used = used + ? WHERE id = ?; COMMIT");

  CHECK(sql_of(suggest::table_lock(pg.m)) == "BEGIN; LOCK TABLE public.coupon_use IN SHARE ROW EXCLUSIVE MODE; " + here);
  CHECK(sql_of(suggest::table_lock(my.m)) ==
        "SET autocommit = 0; LOCK TABLES coupon_use WRITE; " + here + "; UNLOCK TABLES; SET autocommit = 1");
  CHECK(suggest::table_lock(lite.m).empty());

  CHECK(sql_of(suggest::advisory_lock(pg.m)) == "SELECT pg_advisory_lock($1); BEGIN; " + here + "; SELECT pg_advisory_unlock($1)");
  CHECK(sql_of(suggest::advisory_lock(my.m)) == "SELECT GET_LOCK(?, 10); BEGIN; " + here + "; SELECT RELEASE_LOCK(?)");

  // A row that is only locked raises no 40001 at REPEATABLE READ: there it is written.
  CHECK(sql_of(suggest::parent_instead_of_table(pg.m)) == "BEGIN; SELECT id FROM public.coupon WHERE id = $1 FOR UPDATE; " + here);
  CHECK(sql_of(suggest::parent_instead_of_table(rr.m)) == "BEGIN; UPDATE public.coupon SET id = id WHERE id = $1; " + here);
  CHECK(sql_of(suggest::parent_instead_of_table(my.m)) == "BEGIN; SELECT id FROM coupon WHERE id = ? FOR UPDATE; " + here);

  CHECK(sql_of(suggest::innodb(my.m)) == "ALTER TABLE coupon_use ENGINE=InnoDB");
  CHECK(suggest::innodb(pg.m).empty());
}

}  // namespace
}  // namespace dbaudit
