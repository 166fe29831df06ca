#include "analyzers/trace/column_use.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <string>
#include <utility>

#include "analyzers/base/hash.h"
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

/// What a name says by itself, and what a type does: masks.
using Marks = uint8_t;
constexpr Marks kAsked = 128;
namespace NameMark {
constexpr Marks kVersion = 1, kQuantity = 2, kTime = 4, kId = 8, kReference = 16;
constexpr Marks kIdInAnyCase = 32, kReferenceInAnyCase = 64;
}  // namespace NameMark
namespace TypeMark {
constexpr Marks kNumber = 1, kTime = 2, kBoolean = 4;
}  // namespace TypeMark

Marks mask_of(std::initializer_list<std::pair<Marks, bool>> marks) {
  Marks mask = kAsked;
  for (const auto& [mark, is_so] : marks) mask = static_cast<Marks>(mask | (is_so ? mark : 0));
  return mask;
}

Marks marks_of_name(std::string_view name) {
  return mask_of({{NameMark::kVersion, is_version_name(name)},
                  {NameMark::kQuantity, is_quantity_name(name)},
                  {NameMark::kTime, name.ends_with("_at") || name.ends_with("_on") || name.starts_with("last_")},
                  {NameMark::kId, name == "id"},
                  {NameMark::kReference, name.ends_with("_id")},
                  {NameMark::kIdInAnyCase, iequals(name, "id")},
                  {NameMark::kReferenceInAnyCase, name.size() > 3 && iequals(name.substr(name.size() - 3), "_id")}});
}

bool is_number_type(std::string_view declared, std::string_view lower) {
  for (const std::string_view number : {"integer", "bigint", "int", "smallint", "numeric", "decimal"}) {
    if (declared == number || (declared.starts_with(number) && declared[number.size()] == '(')) return true;
  }
  static constexpr std::string_view kNotNumbers[] = {"date", "time", "char",  "text", "clob", "bool",    "uuid",
                                                     "json", "blob", "bytea", "enum", "year", "interval"};
  if (lower.starts_with("tinyint(1)")) return false;
  return std::none_of(std::begin(kNotNumbers), std::end(kNotNumbers),
                      [&](std::string_view n) { return lower.find(n) != std::string_view::npos; });
}

Marks marks_of_type(Name declared) {
  const std::string& type = declared.lower();
  return mask_of(
      {{TypeMark::kNumber, is_number_type(declared, type)},
       {TypeMark::kTime, type.find("date") != std::string::npos || type.find("time") != std::string::npos},
       {TypeMark::kBoolean, type.starts_with("bool") || type.starts_with("tinyint(1)") || type == "bit" || type.starts_with("bit(1)")}});
}

/// A column with what its name and its type say.
struct MarkedColumn {
  Name name;
  const Column* known = nullptr;  // null: no schema, or no such column
  Marks of_name = 0, of_type = 0;

  [[nodiscard]] bool is_named(Marks mark) const { return (of_name & mark) != 0; }
  [[nodiscard]] bool is_typed(Marks mark) const { return (of_type & mark) != 0; }
};

MarkedColumn marked_column(const Table* table, Name column) {
  const Column* const known = table != nullptr ? table->column(column) : nullptr;
  return {column, known, marks_of_name(column), known != nullptr ? marks_of_type(known->type) : Marks{0}};
}

bool same_in_any_case(Name a, Name b) { return a == b || a.lower() == b.lower(); }

bool can_be_quantity(const Table* table, const MarkedColumn& column) {
  if (column.is_named(NameMark::kReferenceInAnyCase)) return false;
  if (table == nullptr) return !column.is_named(NameMark::kIdInAnyCase);
  if (column.known == nullptr || !column.is_typed(TypeMark::kNumber)) return false;
  for (const Key& key : table->keys) {
    if (!key.unique) continue;
    for (const KeyPart& p : key.parts) {
      if (same_in_any_case(p.column, column.name)) return false;
    }
  }
  for (const ForeignKey& fk : table->foreign_keys) {
    for (const std::string& f : fk.columns) {
      if (iequals(f, column.name)) return false;
    }
  }
  return true;
}

bool holds_time(const MarkedColumn& column) {
  return column.known == nullptr ? column.is_named(NameMark::kTime) : column.is_typed(TypeMark::kTime);
}

bool in_primary_key(const Table* table, const MarkedColumn& column) {
  if (table == nullptr) return column.is_named(NameMark::kId);
  const Key* primary = table->primary_key();
  return primary != nullptr && std::any_of(primary->parts.begin(), primary->parts.end(),
                                           [&](const KeyPart& p) { return same_in_any_case(p.column, column.name); });
}

bool in_any_key(const Table* table, const MarkedColumn& column) {
  if (table == nullptr) return column.is_named(NameMark::kId | NameMark::kReference);
  const auto is_part = [&](const Key& key) {
    return key.unique && std::any_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& p) { return p.column == column.name; });
  };
  return std::any_of(table->keys.begin(), table->keys.end(), is_part) ||
         std::any_of(table->foreign_keys.begin(), table->foreign_keys.end(), [&](const ForeignKey& fk) {
           return std::find(fk.columns.begin(), fk.columns.end(), column.name.str()) != fk.columns.end();
         });
}

bool is_reference(const Table* table, const MarkedColumn& column) {
  if (column.is_named(NameMark::kReference)) return true;
  return table != nullptr && std::any_of(table->foreign_keys.begin(), table->foreign_keys.end(), [&](const ForeignKey& fk) {
           return std::any_of(fk.columns.begin(), fk.columns.end(), [&](const std::string& c) { return iequals(c, column.name); });
         });
}

ColumnUses uses_of(const Table* table, const MarkedColumn& column) {
  ColumnUses uses = 0;
  const auto add = [&](ColumnUses use, bool is_so) { uses = static_cast<ColumnUses>(uses | (is_so ? use : 0)); };
  add(ColumnUse::kVersion, column.is_named(NameMark::kVersion));
  add(ColumnUse::kQuantityName, column.is_named(NameMark::kQuantity));
  add(ColumnUse::kQuantity, can_be_quantity(table, column));
  add(ColumnUse::kTime, holds_time(column));
  add(ColumnUse::kBoolean, column.is_typed(TypeMark::kBoolean));
  add(ColumnUse::kPrimary, in_primary_key(table, column));
  add(ColumnUse::kKey, in_any_key(table, column));
  add(ColumnUse::kReference, is_reference(table, column));
  add(ColumnUse::kFilledIn, column.known != nullptr && (column.known->generated || column.known->identity));
  return uses;
}

/// Its marks in a table by Name::id(); kAsked tells that they are there.
template <typename Find>
Marks marks_in(std::vector<Marks>& known, Name name, const Find& find) {
  if (name.id() >= known.size()) known.resize(name.id() + 1);
  Marks& marks = known[name.id()];
  if (marks == 0) marks = find(name);
  return marks;
}

}  // namespace

bool can_be_quantity(const Table* table, Name column) { return can_be_quantity(table, marked_column(table, column)); }
bool holds_time(const Table* table, Name column) { return holds_time(marked_column(table, column)); }
bool is_boolean(const Table* table, Name column) { return marked_column(table, column).is_typed(TypeMark::kBoolean); }
bool in_primary_key(const Table* table, Name column) { return in_primary_key(table, marked_column(table, column)); }
bool in_any_key(const Table* table, Name column) { return in_any_key(table, marked_column(table, column)); }
bool is_reference(const Table* table, Name column) { return is_reference(table, marked_column(table, column)); }
ColumnUses uses_of(const Table* table, Name column) { return uses_of(table, marked_column(table, column)); }

ColumnUseFinder::Marks ColumnUseFinder::of_name(Name column) { return marks_in(names_, column, marks_of_name); }

ColumnUseFinder::Marks ColumnUseFinder::of_type(const Column* known) {
  return known != nullptr ? marks_in(types_, known->type, marks_of_type) : Marks{0};
}

ColumnUseFinder::TableUses& ColumnUseFinder::of_table(const Table& table) {
  if (last_ != &table) {
    last_ = &table;
    last_uses_ = &uses_[hash_combine(reinterpret_cast<uintptr_t>(&table), 0)];
  }
  return *last_uses_;
}

ColumnUses ColumnUseFinder::of(const Table* table, const Column* known, Name column) {
  const auto find = [&] { return uses_of(table, {column, known, of_name(column), of_type(known)}); };
  // Names are in lower case, nearly always.
  if (known == nullptr || (column != known->name && column != known->name.lower())) return find();
  TableUses& uses = of_table(*table);
  if (uses.columns.empty()) uses.columns.resize(table->columns.size());
  ColumnUses& kept = uses.columns[static_cast<size_t>(known - table->columns.data())];
  constexpr ColumnUses kFound = 1U << 15U;  // no use
  if (kept == 0) kept = find() | kFound;
  return kept & static_cast<ColumnUses>(~kFound);
}

Name ColumnUseFinder::version_column(const Table& table) {
  TableUses& uses = of_table(table);
  if (std::exchange(uses.version_asked, true)) return uses.version;
  for (const Column& c : table.columns) {
    const MarkedColumn column{c.name, &c, of_name(c.name), of_type(&c)};
    if (column.is_named(NameMark::kVersion) && can_be_quantity(&table, column)) {
      uses.version = c.name.lower();
      break;
    }
  }
  return uses.version;
}

bool ColumnUseFinder::is_housekeeping(Name table) {
  const auto marks = [](Name name) { return mask_of({{Marks{1}, is_housekeeping_table(name)}}); };
  return (marks_in(tables_, table, marks) & 1U) != 0;
}

bool is_housekeeping_table(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) name.remove_prefix(dot + 1);
  return std::any_of(std::begin(kHousekeeping), std::end(kHousekeeping), [&](std::string_view n) { return iequals(n, name); });
}

}  // namespace dbaudit
