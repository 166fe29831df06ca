#include "rules/insert_keys.h"

#include <algorithm>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/schema/expression.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return iequals(n, name); });
}

class GivenColumns {
 public:
  GivenColumns(const Op& op, const WriteAccess& insert, Engine engine) : op_(op), insert_(insert), engine_(engine) {
    const Write& write = op.facts().writes[static_cast<size_t>(insert.write)];
    names_.assign(write.insert_columns.begin(), write.insert_columns.end());
    all_ = names_.empty() && write.source != InsertSource::kSet;
  }

  [[nodiscard]] bool has(std::string_view name, bool nulls_collide) const {
    const Column* column = insert_.table->column(name);
    if (all_ || contains(names_, name)) {
      const ColumnWrite* written = insert_.find(to_lower(name));
      if (written == nullptr) return true;  // given, by a value that is not to be seen
      if (written->value->kind == OperandKind::kDefault) return has_constant_default(column);
      if (written->value->kind != OperandKind::kSlot) return true;
      const Value& v = op_.value(written->value->slot);
      if (v.is_null()) return nulls_collide;
      // 0 asks for the next number of an AUTO_INCREMENT column (manual 3.6.9).
      double number = 1;
      return !(column != nullptr && column->identity && is_mysql_family(engine_) && as_number(v, number) && number == 0);
    }
    if (column != nullptr && column->generated && column->default_expression)
      return reads_given(*column->default_expression, nulls_collide);
    return has_constant_default(column);
  }

  [[nodiscard]] bool reads_given(const std::string& expression, bool nulls_collide) const {
    std::vector<std::string> names;
    bool complete = true;
    collect_columns(parse_expression(expression, engine_), names, complete);
    return std::all_of(names.begin(), names.end(), [&](const std::string& n) { return has(n, nulls_collide); });
  }

 private:
  [[nodiscard]] bool has_constant_default(const Column* column) const {
    if (column == nullptr || column->identity || column->generated || !column->default_expression) return false;
    return parse_expression(*column->default_expression, engine_).kind == ExprKind::kLiteral;
  }

  const Op& op_;
  const WriteAccess& insert_;
  Engine engine_;
  std::vector<std::string> names_;
  bool all_ = false;
};

/// `c = c`, `id = LAST_INSERT_ID(id)`: the row that is there stays as it is.
bool leaves_alone(const Assignment& a) {
  if (a.value.kind == OperandKind::kSelf) return true;
  return a.value.kind == OperandKind::kSelfExpression && istarts_with(a.value.text, "last_insert_id");
}

bool looks_like_key(const Table* table, std::string_view column) {
  if (is_time_column(table, column)) return false;
  if (table == nullptr) return true;
  const Column* c = table->column(column);
  if (c == nullptr) return true;
  const bool references = std::any_of(table->foreign_keys.begin(), table->foreign_keys.end(),
                                      [&](const ForeignKey& fk) { return contains(fk.columns, column); });
  const std::string type = to_lower(c->type);
  const bool is_id = column.size() > 3 && iequals(column.substr(column.size() - 3), "_id");
  return references || is_id || ((type.find("char") != std::string::npos || type == "text") && !c->nullable);
}

}  // namespace

bool is_time_column(const Table* table, std::string_view column) {
  const Column* c = table != nullptr ? table->column(column) : nullptr;
  if (c != nullptr) return icontains(c->type, "date") || icontains(c->type, "time");
  return column.size() > 3 && iequals(column.substr(column.size() - 3), "_at");
}

InsertKeys keys_met(const Op& op, const WriteAccess& insert, Engine engine) {
  InsertKeys keys;
  const GivenColumns columns(op, insert, engine);
  // A trigger may fill in what the statement leaves out.
  keys.certain = !insert.table->keys_incomplete && !insert.table->is_view && insert.table->triggers.empty() &&
                 op.facts().quality == Quality::kFull && !op.truncated;
  for (const Key& key : insert.table->keys) {
    if (!key.unique || !key.valid || key.parts.empty()) continue;
    const bool met = std::all_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& p) {
      return p.column.empty() ? columns.reads_given(p.expression, key.nulls_not_distinct) : columns.has(p.column, key.nulls_not_distinct);
    });
    if (met) keys.given.push_back(&key);
  }
  return keys;
}

const Key* key_to_name(const InsertKeys& keys, const Table& table) {
  for (const Key* key : keys.given) {
    if (!has_identity(table, *key)) return key;
  }
  return keys.given.empty() ? nullptr : keys.given.front();
}

std::vector<std::string> columns_of(const Key& key) {
  std::vector<std::string> columns;
  for (const KeyPart& p : key.parts) columns.push_back(p.column.empty() ? p.expression : p.column.lower());
  return columns;
}

bool has_identity(const Table& table, const Key& key) {
  return std::any_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& p) {
    const Column* c = table.column(p.column);
    return c != nullptr && c->identity;
  });
}

MeantKey meant_key(const WriteAccess& insert, const Write& write) {
  std::vector<std::string> named;
  for (const ColumnWrite& c : insert.set) {
    const Column* column = insert.table != nullptr ? insert.table->column(c.column) : nullptr;
    if (c.value->kind == OperandKind::kNow || c.value->kind == OperandKind::kDefault || (column != nullptr && column->identity)) continue;
    named.push_back(c.column);
  }
  if (insert.set.empty()) {
    for (const std::string& c : write.insert_columns) named.push_back(to_lower(c));
  }
  std::vector<std::string> changed;
  for (const Assignment& a : write.upsert_set) {
    if (!leaves_alone(a)) changed.push_back(to_lower(a.column.name));
  }
  std::vector<std::string> kept, like_keys;
  for (const std::string& c : named) {
    if (!contains(changed, c) && !is_time_column(insert.table, c)) kept.push_back(c);
    if (looks_like_key(insert.table, c)) like_keys.push_back(c);
  }
  if (!kept.empty() && !changed.empty()) return {std::move(kept), true};
  // Nothing is changed: a row that must not be there twice, and its amounts are not what tells it apart. Or all is: ORMs name every column.
  const bool said = !kept.empty();
  if (!like_keys.empty()) return {std::move(like_keys), said};
  return {said ? std::move(kept) : std::move(named), said};
}

uint64_t inserted_row(const Op& op, const WriteAccess& insert, const std::vector<std::string>& columns) {
  uint64_t row = hash_bytes(insert.name);
  for (const std::string& name : columns) {
    const ColumnWrite* c = insert.find(name);
    if (c == nullptr || c->value->kind != OperandKind::kSlot) return 0;
    const Value& v = op.value(c->value->slot);
    if (!v.known() || v.is_null()) return 0;
    row = hash_combine(row, hash_combine(hash_bytes(name), v.hash()));
  }
  return columns.empty() ? 0 : row;
}

}  // namespace dbaudit
