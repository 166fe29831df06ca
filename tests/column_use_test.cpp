// What is kept of columns and tables beside a statement's accesses (trace/column_use, trace/access) says what the questions themselves answer.

#include "analyzers/trace/column_use.h"

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/schema/ddl.h"
#include "analyzers/trace/history.h"
#include "analyzers/trace/session.h"
#include "rules/match.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

constexpr std::string_view kSchema =
    "CREATE TABLE customer (id serial PRIMARY KEY, email varchar(80) UNIQUE);"
    "CREATE TABLE item (id serial PRIMARY KEY, customer_id integer NOT NULL REFERENCES customer (id), owner integer REFERENCES customer "
    "(id),"
    "  stock integer NOT NULL, price numeric(10,2), due timestamp, active boolean, lock_version integer, title text,"
    "  twice integer GENERATED ALWAYS AS (stock * 2) STORED);";

Catalog catalog() {
  Catalog c;
  c.engine = Engine::kPostgres;
  apply_ddl(kSchema, "schema.sql", c);
  c.finish();
  return c;
}

/// Runs the statements, separated by semicolons, in one session.
template <typename Visit>
void trace(const Catalog* known, std::string_view script, const Visit& visit) {
  Templates templates(dialect_of(Engine::kPostgres));
  Binder binder(known);
  TraceOptions options;
  options.engine = Engine::kPostgres;
  Trace t(templates, binder, options, visit);
  uint64_t line = 0;
  for (const std::string_view statement : split(script, ';')) {
    LogRecord r;
    r.kind = RecordKind::kStatement;
    r.session = "1";
    r.tx_boundary = TxBoundary::kExplicit;
    r.line = ++line;
    r.time.micros = static_cast<int64_t>(line) * 1000;
    r.sql = trim(statement);
    t.feed(0, "test", "", r);
  }
  t.finish();
}

}  // namespace

TEST_CASE("column use: by name, type and keys") {
  using namespace ColumnUse;
  const Catalog c = catalog();
  const Table* item = c.find("", "item");
  REQUIRE(item != nullptr);
  const struct {
    std::string_view column;
    ColumnUses with_schema, by_name;
  } cases[] = {
      {"id", kPrimary | kKey | kFilledIn, kPrimary | kKey},
      {"customer_id", kKey | kReference, kKey | kReference},
      {"owner", kKey | kReference, kQuantity},
      {"stock", kQuantity | kQuantityName, kQuantity | kQuantityName},
      {"price", kQuantity, kQuantity},
      {"due", kTime, kQuantity},
      {"active", kBoolean, kQuantity},
      {"lock_version", kQuantity | kVersion, kQuantity | kVersion},
      {"title", 0, kQuantity},
      {"twice", kQuantity | kFilledIn, kQuantity},
      {"missing_at", 0 | kTime, kQuantity | kTime},
      {"on", 0, kQuantity},
      {"count_on_hand", kQuantityName, kQuantity | kQuantityName},
  };
  for (const auto& k : cases) {
    INFO(k.column);
    CHECK(uses_of(item, k.column) == k.with_schema);
    CHECK(uses_of(nullptr, k.column) == k.by_name);
  }
  // Asked for the second time, and of columns that are called as types are: the same.
  Table odd = *item;
  for (const char* name : {"integer", "timestamp", "boolean", "on"}) {
    Column column = odd.columns.front();
    column.name = name;
    column.type = odd.columns[odd.columns.size() / 2].type;
    odd.columns.push_back(column);
  }
  ColumnUseFinder finder;
  for (int time = 0; time < 2; ++time) {
    for (const Column& column : odd.columns) {
      INFO(column.name.str());
      CHECK(finder.of(&odd, &column, column.name) == uses_of(&odd, column.name));
      CHECK(finder.of(nullptr, nullptr, column.name) == uses_of(nullptr, column.name));
      CHECK(finder.of(&odd, odd.column(column.type), column.type) == uses_of(&odd, column.type));
    }
    CHECK(finder.version_column(odd) == "lock_version");
    CHECK(finder.version_column(*c.find("", "customer")).empty());
  }
}

TEST_CASE("column use: what is kept beside the accesses") {
  const Catalog c = catalog();
  const std::string_view script =
      "SELECT * FROM item WHERE id = 7;"
      "SELECT stock, title FROM item WHERE customer_id = 3 AND owner IS NULL ORDER BY due DESC;"
      "UPDATE item SET stock = 4.5, title = 'x', active = true, price = price + 1 WHERE id = 7 AND lock_version = 2;"
      "INSERT INTO item (customer_id, owner, stock) VALUES (3, 7, 40);"
      "DELETE FROM customer WHERE email = 'a@b.c'";
  for (const Catalog* known : {&c, static_cast<const Catalog*>(nullptr)}) {
    size_t units = 0;
    trace(known, script, [&](const WorkUnit& unit) {
      ++units;
      REQUIRE(unit.ops.size() == 5);
      for (const Op& op : unit.ops) {
        const StatementAccess& access = op.statement->access;
        for (const ReadAccess& r : access.reads) {
          CHECK(access.may_read(r));
          CHECK(r.name_hash == hash_bytes(r.name));
          CHECK(r.primary_parts == (known != nullptr ? 1 : 0));
          CHECK(r.one_row == picks_one_row(r.table, r.equal));
          for (const FetchedColumn& f : r.fetched) CHECK(f.uses == uses_of(r.table, f.name));
          for (const KeyColumn& k : r.equal) {
            CHECK(k.hash == hash_bytes(k.name()));
            CHECK(k.uses == uses_of(r.table, k.column));
            CHECK(k.primary_part == (r.table != nullptr && k.column == "id" ? 1 : 0));
          }
        }
        for (const WriteAccess& w : access.writes) {
          CHECK(access.may_write(w));
          for (size_t i = 0; i < w.set.size(); ++i) {
            const ColumnWrite& written = w.set[i];
            CHECK(w.find_hashed(written.hash) == w.find_name(written.column));
            CHECK(written.uses == uses_of(w.table, written.column));
            double number = 0;
            const bool is_number = written.takes_value() && as_number(op.value(written.value->slot), number);
            const double kept = number_written(op, w, i);
            CHECK(is_number == !std::isnan(kept));
            if (is_number) CHECK(kept == number);
          }
        }
      }
      const ReadAccess& all = unit.ops[0].statement->access.reads.front();
      CHECK(all.one_row == (known != nullptr));
      CHECK(all.primary_equal == (known != nullptr ? 0 : -1));
      CHECK(all.fetched.size() == (known != nullptr ? 10 : 0));
      CHECK(unit.ops[1].statement->access.reads.front().descending);
      const WriteAccess& update = unit.ops[2].statement->access.writes.front();
      CHECK(unit.ops[2].numbers().size() == update.set.size());
      CHECK(update.version_column.str() == (known != nullptr ? "lock_version" : ""));
      const WriteAccess& insert = unit.ops[3].statement->access.writes.front();
      CHECK(insert.refers_to.size() == (known != nullptr ? 2 : 0));
      CHECK_FALSE(unit.ops[0].statement->access.may_read(unit.ops[4].statement->access.writes.front()));
      CHECK(NoteKind("what").of(update) == note_key("what", update.name));
      CHECK(NoteKind("what").of(update, update.set[0].hash) == note_key("what", update.name, update.set[0].column));
    });
    CHECK(units == 1);
  }
}

TEST_CASE("column use: how the statements of a unit stand to one another") {
  const Catalog c = catalog();
  const struct {
    std::string_view script;
    TraitMask there, absent;
  } cases[] = {
      {"SELECT stock FROM item WHERE id = 1; UPDATE item SET stock = 2 WHERE id = 1", Trait::kUpdatesRead, Trait::kInsertsRead},
      {"UPDATE item SET stock = 2 WHERE id = 1; SELECT stock FROM item WHERE id = 1", Trait::kUpdates, Trait::kUpdatesRead},
      {"SELECT id FROM customer WHERE id = 1; INSERT INTO item (stock) VALUES (1)", Trait::kInserts, Trait::kInsertsRead},
      {"SELECT id FROM item WHERE id = 1; INSERT INTO item (stock) VALUES (1)", Trait::kInsertsRead, Trait::kUpdatesRead},
      {"UPDATE item SET stock = 2 WHERE id = 1; INSERT INTO item (stock) VALUES (1)", Trait::kInsertsUpdated, Trait::kInsertsDeleted},
      {"DELETE FROM item WHERE id = 1; INSERT INTO item (stock) VALUES (1)", Trait::kInsertsDeleted, Trait::kInsertsUpdated},
      {"SELECT id FROM item WHERE id = 1; DELETE FROM item WHERE id = 1", Trait::kDeletesRead, Trait::kUpdatesRead},
      {"UPDATE item SET stock = 2 WHERE id = 1; UPDATE item SET stock = stock - 1 WHERE id = 2",
       Trait::kUpdatesTwice | Trait::kSetsRelative, Trait::kSetsNullable},
      {"UPDATE item SET due = NULL WHERE id = 1", Trait::kSetsNullable, Trait::kSetsRelative | Trait::kUpdatesTwice},
      {"INSERT INTO item (stock) SELECT MAX(stock) + 1 FROM item", Trait::kInsertsRead | Trait::kInsertsQuery | Trait::kNumberReads,
       Trait::kUpdates},
  };
  for (const auto& k : cases) {
    INFO(k.script);
    trace(&c, k.script, [&](const WorkUnit& unit) {
      const TraitMask traits = traits_of(unit);
      CHECK((traits & k.there) == k.there);
      CHECK((traits & k.absent) == 0);
    });
  }
}

}  // namespace dbaudit
