#include "rules/orm.h"

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

bool has(const Op* op, std::string_view needle) {
  return op != nullptr && op->statement->source->text.str().find(needle) != std::string::npos;
}

double limit_of(const Op* op) {
  double n = -1;
  if (op == nullptr || op->facts().top() == nullptr) return n;
  const int slot = op->facts().top()->limit_slot;
  if (slot < 0 || !as_number(op->value(slot), n)) return -1;
  return n;
}

// Marks of each ORM's SQL as captured from the ORMs themselves: Django's get() asks for 21 rows (MAX_GET_RESULTS); Peewee's aliases are t1, t2, …;
// ActiveRecord names its probe `one`; SQLAlchemy labels t_id; TypeORM's alias is the table and its labels t_id in quotes; Hibernate's aliases end in _0.
std::string name_of(std::string_view of_log, const Op* read, const Op* write) {
  const Op* any = read != nullptr ? read : write;
  if (any == nullptr) return {};
  if (!of_log.empty()) return std::string(of_log);
  if (limit_of(read) == 21) return "django";
  if (has(read, " as a from ") && limit_of(read) == 1 && has(read, "select (?) as a")) return "django";
  if (has(read, " as t1 ") && has(read, "t1.")) return "peewee";
  if (has(read, "as one from")) return "activerecord";
  if (has(read, "1_0.") || has(write, "1_0.")) return "hibernate";
  return {};
}

}  // namespace

OrmCall recognise_orm(std::string_view of_log, const Op* read, const Op* write, std::string_view code) {
  OrmCall c;
  c.name = name_of(of_log, read, write);
  if (c.name.empty()) return c;
  bool locked = false;
  if (read != nullptr) {
    for (const QueryBlock& b : read->facts().blocks) locked |= !b.locks.empty();
  }
  if (code == "DBA101" || code == "DBA104" || code == "DBA105" || code == "DBA109" || code == "DBA112") {
    if (c.name == "django" && limit_of(read) == 21) c.call = locked ? "update_or_create" : "get_or_create";
    if (c.name == "peewee") c.call = "get_or_create";
    if (c.name == "activerecord") c.call = has(read, "as one from") ? "validates_uniqueness_of" : "find_or_create_by";
  } else if (c.name == "django" && (code == "DBA201" || code == "DBA203" || code == "DBA207")) {
    c.call = "save";
  } else if (c.name == "django" && code == "DBA401") {
    c.call = "select_for_update";
  }
  return c;
}

}  // namespace dbaudit
