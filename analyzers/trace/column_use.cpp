#include "analyzers/trace/column_use.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

constexpr std::string_view kHousekeeping[] = {"django_migrations",  "schema_migrations",   "ar_internal_metadata",  "flyway_schema_history",
                                              "alembic_version",    "knex_migrations",     "knex_migrations_lock",  "sequelizemeta",
                                              "migrations",         "django_content_type", "auth_permission",       "django_session",
                                              "_prisma_migrations", "databasechangelog",   "databasechangeloglock", "typeorm_metadata"};

}  // namespace

bool is_version_name(std::string_view c) {
  static constexpr std::string_view kNames[] = {
      "version",        "lock_version",   "rev",      "revision", "row_version", "rowversion",     "version_id",     "version_no",
      "version_number", "object_version", "opt_lock", "optlock",  "lockversion", "entity_version", "record_version", "_version"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view n) { return iequals(n, c); });
}

bool is_quantity_name(std::string_view c) {
  static constexpr std::string_view kWords[] = {
      "allocated", "amount",   "attempts", "available", "bal",       "balance", "bookings", "capacity",  "cnt",   "coins",    "count",
      "counter",   "credit",   "credits",  "downloads", "followers", "funds",   "hits",     "inventory", "karma", "left",     "level",
      "likes",     "money",    "n",        "next",      "num",       "number",  "on",       "points",    "qty",   "quantity", "quota",
      "remaining", "reserved", "retries",  "score",     "seats",     "seq",     "sequence", "sold",      "stars", "stock",    "sum",
      "times",     "tokens",   "total",    "units",     "usage",     "used",    "uses",     "views",     "votes", "wallet"};
  static_assert(std::is_sorted(std::begin(kWords), std::end(kWords)));
  const std::string name = to_lower(c);
  // `on` is a word of count_on_hand; alone it is a flag.
  if (name == "on") return false;
  // The words of a column name: `qty_left` → qty, left.
  for (std::string_view rest = name;;) {
    const size_t end = rest.find('_');
    if (std::binary_search(std::begin(kWords), std::end(kWords), rest.substr(0, end))) return true;
    if (end == std::string_view::npos) return false;
    rest.remove_prefix(end + 1);
  }
}

namespace {

/// A column of the schema, found once for all that is asked of it.
struct KnownColumn {
  const Column* column = nullptr;  // null: no schema, or no such column
  std::string type;                // in lower case
};

KnownColumn known_column(const Table* table, std::string_view name) {
  const Column* c = table != nullptr ? table->column(name) : nullptr;
  return {c, c != nullptr ? to_lower(c->type) : std::string()};
}

bool can_be_quantity(const Table* table, std::string_view name, const KnownColumn& known) {
  const bool is_id = name.size() > 3 && iequals(name.substr(name.size() - 3), "_id");
  if (table == nullptr) return !is_id && !iequals(name, "id");
  if (known.column == nullptr || is_id) return false;
  for (const Key& key : table->keys) {
    if (!key.unique) continue;
    for (const KeyPart& p : key.parts) {
      if (iequals(p.column, name)) return false;
    }
  }
  for (const ForeignKey& fk : table->foreign_keys) {
    for (const std::string& f : fk.columns) {
      if (iequals(f, name)) return false;
    }
  }
  const std::string& declared = known.column->type;
  for (const std::string_view number : {"integer", "bigint", "int", "smallint", "numeric", "decimal"}) {
    if (declared == number || (declared.starts_with(number) && declared[number.size()] == '(')) return true;
  }
  static constexpr std::string_view kNotNumbers[] = {"date", "time", "char",  "text", "clob", "bool",    "uuid",
                                                     "json", "blob", "bytea", "enum", "year", "interval"};
  if (known.type.starts_with("tinyint(1)")) return false;
  return std::none_of(std::begin(kNotNumbers), std::end(kNotNumbers),
                      [&](std::string_view n) { return known.type.find(n) != std::string::npos; });
}

bool holds_time(std::string_view name, const KnownColumn& known) {
  if (known.column == nullptr) return name.ends_with("_at") || name.ends_with("_on") || name.starts_with("last_");
  return known.type.find("date") != std::string::npos || known.type.find("time") != std::string::npos;
}

bool is_boolean(const KnownColumn& known) {
  const std::string& type = known.type;
  return type.starts_with("bool") || type.starts_with("tinyint(1)") || type == "bit" || type.starts_with("bit(1)");
}

}  // namespace

bool can_be_quantity(const Table* table, std::string_view column) { return can_be_quantity(table, column, known_column(table, column)); }
bool holds_time(const Table* table, std::string_view column) { return holds_time(column, known_column(table, column)); }
bool is_boolean(const Table* table, std::string_view column) { return is_boolean(known_column(table, column)); }

bool in_primary_key(const Table* table, std::string_view column) {
  if (table == nullptr) return column == "id";
  const Key* primary = table->primary_key();
  return primary != nullptr &&
         std::any_of(primary->parts.begin(), primary->parts.end(), [&](const KeyPart& p) { return iequals(p.column, column); });
}

bool in_any_key(const Table* table, std::string_view column) {
  if (table == nullptr) return column == "id" || column.ends_with("_id");
  return std::any_of(table->keys.begin(), table->keys.end(),
                     [&](const Key& key) {
                       return key.unique &&
                              std::any_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& p) { return p.column == column; });
                     }) ||
         std::any_of(table->foreign_keys.begin(), table->foreign_keys.end(),
                     [&](const ForeignKey& fk) { return std::find(fk.columns.begin(), fk.columns.end(), column) != fk.columns.end(); });
}

bool is_reference(const Table* table, std::string_view column) {
  if (column.ends_with("_id")) return true;
  return table != nullptr && std::any_of(table->foreign_keys.begin(), table->foreign_keys.end(), [&](const ForeignKey& fk) {
           return std::any_of(fk.columns.begin(), fk.columns.end(), [&](const std::string& c) { return iequals(c, column); });
         });
}

ColumnUses uses_of(const Table* table, std::string_view column) {
  const KnownColumn known = known_column(table, column);
  ColumnUses uses = 0;
  const auto add = [&](ColumnUses use, bool is_so) { uses = static_cast<ColumnUses>(uses | (is_so ? use : 0)); };
  add(ColumnUse::kVersion, is_version_name(column));
  add(ColumnUse::kQuantityName, is_quantity_name(column));
  add(ColumnUse::kQuantity, can_be_quantity(table, column, known));
  add(ColumnUse::kTime, holds_time(column, known));
  add(ColumnUse::kBoolean, is_boolean(known));
  add(ColumnUse::kPrimary, in_primary_key(table, column));
  add(ColumnUse::kKey, in_any_key(table, column));
  add(ColumnUse::kReference, is_reference(table, column));
  add(ColumnUse::kFilledIn, known.column != nullptr && (known.column->generated || known.column->identity));
  return uses;
}

bool is_housekeeping_table(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) name.remove_prefix(dot + 1);
  return std::any_of(std::begin(kHousekeeping), std::end(kHousekeeping), [&](std::string_view n) { return iequals(n, name); });
}

}  // namespace dbaudit
