#include "rules/orm.h"

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

std::string text_of(const Op* op) { return op != nullptr ? op->statement->source->text.str() : std::string(); }

bool has(std::string_view text, std::string_view needle) { return text.find(needle) != std::string_view::npos; }

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
  const std::string asked = text_of(read);
  if (has(asked, " as a from ") && limit_of(read) == 1 && has(asked, "select (?) as a")) return "django";
  if (has(asked, " as t1 ") && has(asked, "t1.")) return "peewee";
  if (has(asked, "as one from")) return "activerecord";
  if (has(asked, "1_0.") || has(text_of(write), "1_0.")) return "hibernate";
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
    if (c.name == "activerecord") c.call = has(text_of(read), "as one from") ? "validates_uniqueness_of" : "find_or_create_by";
  } else if (c.name == "django" && (code == "DBA201" || code == "DBA203" || code == "DBA207")) {
    c.call = "save";
  } else if (c.name == "django" && code == "DBA401") {
    c.call = "select_for_update";
  }
  return c;
}

}  // namespace dbaudit
