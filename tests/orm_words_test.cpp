// Writes what in_orm_words() says of one known table, for tests/orm_fixes/run to execute. Hidden: it needs a file to write to.

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "rules/suggest/suggest.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {

TEST_CASE("ORM words: written for tests/orm_fixes/run", "[.orm-words]") {
  const char* path = std::getenv("DBAUDIT_ORM_WORDS");
  if (path == nullptr) SKIP_TEST("DBAUDIT_ORM_WORDS names no file");
  Table table;
  const std::pair<const char*, const char*> columns[] = {
      {"id", "integer"}, {"user_id", "integer"}, {"sku", "varchar(40)"}, {"quantity", "integer"}};
  for (const auto& [name, type] : columns) {
    Column c;
    c.name = name;
    c.type = type;
    c.nullable = false;
    c.identity = c.name == "id";
    table.columns.push_back(c);
  }
  std::string lines;
  for (const char* orm : {"django", "peewee", "sqlalchemy", "sequelize", "typeorm", "knex", "prisma"}) {
    for (const Engine engine : {Engine::kSqlite, Engine::kPostgres, Engine::kMariaDb}) {
      for (const char* pattern : {"get-or-create", "read-modify-write", "guarded-decrement", "version", "for-update", "changed-columns",
                                  "update-only", "queue-pop", "parent-lock", "set-lock"}) {
        suggest::Material m;
        m.engine = engine;
        m.orm = orm;
        m.table = &table;
        table.name = m.orm == "django" ? "shop_item" : "items";
        m.table_name = table.name;
        m.key_columns = {"user_id", "sku"};
        m.columns = {"quantity"};
        for (const Fix& fix : suggest::in_orm_words(m, pattern))
          lines += nlohmann::json{{"orm", orm}, {"engine", engine_name(engine)}, {"pattern", pattern}, {"code", fix.code}}.dump() + "\n";
      }
    }
  }
  write_file(path, lines);
  CHECK_FALSE(lines.empty());
}

}  // namespace dbaudit
