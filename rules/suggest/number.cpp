// The next number of a series, given out by the database one at a time.
//
// Measured (ISOLATION.md, 5.misc): a counter row moved by one statement that returns the new number is safe on every engine and level (40001 on
// PostgreSQL from REPEATABLE READ up). A locked MAX() is not; nor is INSERT … SELECT MAX() + 1 on PostgreSQL. A sequence has gaps where a counter row
// has none, and does not make writers wait for each other's COMMIT.

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/suggest/names.h"
#include "rules/suggest/rewrite.h"

namespace dbaudit::suggest {
namespace {

/// The type as DDL takes it again: a serial column's counter is an integer.
std::string plain_type(const Column& c) {
  const std::string type = to_lower(c.type);
  if (type == "serial") return "integer";
  if (type == "bigserial") return "bigint";
  return c.type;
}

std::vector<Fix> sequence(const Material& m, const std::string& column) {
  if (m.engine != Engine::kPostgres) return {};
  const std::string bare = quote_part(new_name(m, {bare_table(m), spelling(m, column), "seq"}), m.engine);
  const std::string schema = m.table->schema.empty() ? "" : quote_part(m.table->schema, m.engine) + ".";
  const std::string name = schema + bare;
  std::string literal = name;
  for (size_t at = literal.find('\''); at != std::string::npos; at = literal.find('\'', at + 2)) literal.insert(at, "'");
  const std::string c = column_sql(m, column);
  Fix fix;
  fix.kind = "counter-row";
  fix.title = fmt::format("Let a sequence give out {}", c);
  fix.sql = {"BEGIN",
             fmt::format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", table_sql(m)),
             fmt::format("CREATE SEQUENCE {} OWNED BY {}.{}", name, table_sql(m), c),
             fmt::format("SELECT setval('{}', COALESCE(MAX({}), 0) + 1, false) FROM {}", literal, c, table_sql(m)),
             fmt::format("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT nextval('{}')", table_sql(m), c, literal),
             "COMMIT"};
  fix.use.once = static_cast<int>(fix.sql.size());
  fix.trade_off = fmt::format("The INSERT must leave {} out. Numbers of transactions that roll back are lost: the series has gaps.", c);
  return {fix};
}

/// INSERT … SELECT MAX(n) + 1, or one with that as a subquery, as an INSERT of values, the number among them. Empty when the columns cannot be told.
std::string insert_of_number(const Material& m, const std::string& number) {
  const Write* write = m.write != nullptr ? m.write->write() : nullptr;
  if (write == nullptr || write->rows > 1 || write->upsert != UpsertKind::kNone || write->insert_columns.empty()) return {};
  if (write->insert_values.size() != write->insert_columns.size()) return {};
  Draft draft(m.engine);
  std::vector<std::string> columns;
  for (const std::string& c : write->insert_columns) columns.push_back(column_sql(m, c));
  draft.text(fmt::format("INSERT INTO {} ({}) VALUES (", table_sql(m), join(columns, ", ")));
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) draft.text(", ");
    const Operand& value = write->insert_values[i];
    if (value.kind == OperandKind::kSlot && value.slot >= 0 && !iequals(write->insert_columns[i], number)) {
      draft.parameter(value.slot);
    } else if (value.kind == OperandKind::kNow) {
      draft.text("CURRENT_TIMESTAMP");
    } else {
      draft.new_parameter("the " + write->insert_columns[i].str());
    }
  }
  draft.text(")");
  return draft.sql();
}

}  // namespace

std::vector<Fix> number_source(const Material& m) {
  if (m.table == nullptr || m.table->is_view || m.key_columns.empty() || m.engine == Engine::kUnknown) return {};
  const std::string& number = m.key_columns.back();
  const Column* known = m.table->column(number);
  if (known == nullptr) return {};
  if (m.key_columns.size() == 1) {
    if (std::vector<Fix> made = sequence(m, number); !made.empty()) return made;
  }
  std::vector<std::string> columns, definitions, parameters;
  for (size_t i = 0; i + 1 < m.key_columns.size(); ++i) {
    const Column* c = m.table->column(m.key_columns[i]);
    if (c == nullptr) return {};
    const std::string type = to_lower(c->type);
    // A text of any length is no key on MySQL.
    if (is_mysql_family(m.engine) && (type.find("text") != std::string::npos || type.find("blob") != std::string::npos)) return {};
    columns.push_back(column_sql(m, m.key_columns[i]));
    definitions.push_back(fmt::format("{} {} NOT NULL", columns.back(), plain_type(*c)));
    parameters.push_back(m.engine == Engine::kPostgres ? fmt::format("${}", i + 1) : "?");
  }
  if (columns.empty()) {  // one series in the whole table: one row
    columns.emplace_back("id");
    definitions.emplace_back("id integer NOT NULL");
    parameters.emplace_back("1");
  }
  const std::string schema = m.table->schema.empty() ? "" : quote_part(m.table->schema, m.engine) + ".";
  const std::string bare = new_name(m, {bare_table(m), spelling(m, number), "counter"});
  const std::string counter = schema + quote_part(bare, m.engine);
  const std::string list = join(columns, ", ");
  const std::string last = "last_number";
  const std::string n = column_sql(m, number);
  const bool one_row = m.key_columns.size() == 1;

  Fix fix;
  fix.kind = "counter-row";
  fix.title = one_row ? fmt::format("Count {} in a row of its own", n) : fmt::format("Count {} in one row per {}", n, list);
  fix.sql.push_back(
      fmt::format("CREATE TABLE {} ({}, {} bigint NOT NULL, PRIMARY KEY ({}))", counter, join(definitions, ", "), last, list));
  fix.sql.push_back(
      one_row ? fmt::format("INSERT INTO {} ({}, {}) SELECT 1, COALESCE(MAX({}), 0) FROM {}", counter, list, last, n, table_sql(m))
              : fmt::format("INSERT INTO {0} ({1}, {2}) SELECT {1}, COALESCE(MAX({3}), 0) FROM {4} WHERE {5} IS NOT NULL GROUP BY {1}",
                            counter, list, last, n, table_sql(m), join(columns, " IS NOT NULL AND ")));
  fix.use.once = static_cast<int>(fix.sql.size());
  const std::string values = join(parameters, ", ");
  if (is_mysql_family(m.engine)) {
    fix.sql.push_back(
        fmt::format("-- for each new row, in its transaction\n"
                    "INSERT INTO {0} ({1}, {2}) VALUES ({3}, LAST_INSERT_ID(1)) "
                    "ON DUPLICATE KEY UPDATE {2} = LAST_INSERT_ID({2} + 1)",
                    counter, list, last, values));
    fix.sql.emplace_back("SELECT LAST_INSERT_ID()");
  } else {
    fix.sql.push_back(
        fmt::format("-- for each new row, in its transaction\n"
                    "INSERT INTO {0} ({1}, {2}) VALUES ({3}, 1) "
                    "ON CONFLICT ({1}) DO UPDATE SET {2} = {4}.{2} + 1 RETURNING {2}",
                    counter, list, last, values, quote_part(bare, m.engine)));
  }
  fix.use.read = static_cast<int>(fix.sql.size()) - 1;  // the number comes from there
  if (std::string insert = m.read == nullptr ? insert_of_number(m, number) : std::string(); !insert.empty()) {
    fix.use.read = FixUse::kStays;
    fix.use.write = static_cast<int>(fix.sql.size());
    fix.sql.push_back(std::move(insert));
  }
  fix.trade_off = fmt::format(
      "Sessions that number the same series wait for each other until COMMIT; there are no gaps. Every place that makes {} must "
      "use it, from the moment the counters are filled.",
      n);
  if (m.engine == Engine::kPostgres && (m.isolation == Isolation::kRepeatableRead || m.isolation == Isolation::kSerializable))
    fix.trade_off += fmt::format(" At {} the one that waited gets 40001: retry the transaction.", isolation_name(m.isolation));
  return {fix};
}

}  // namespace dbaudit::suggest
