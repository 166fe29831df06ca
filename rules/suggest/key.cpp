#include "rules/suggest/key.h"

#include <algorithm>

#include "analyzers/base/text.h"
#include "rules/suggest/names.h"

namespace dbaudit::suggest {
namespace {

std::string null_predicate(const Material& m) {
  std::vector<std::string> tests;
  for (const std::string& c : m.null_columns) tests.push_back(column_sql(m, c) + " IS NULL");
  return join(tests, " AND ");
}

/// `deleted_at is null`, `("deleted_at" IS NULL)` → the bare words, to compare predicates that nobody normalised for us.
std::string bare(std::string_view predicate) {
  std::string result;
  for (const char c : predicate) {
    if (c == ' ' || c == '(' || c == ')' || c == '"' || c == '`') continue;
    result += ascii_lower(c);
  }
  return result;
}

/// The unique key that at most one row of this lookup can have, if the table has it.
const Key* existing_key(const Material& m) {
  if (m.table == nullptr) return nullptr;
  for (const Key& key : m.table->keys) {
    if (!key.unique || !key.valid || key.deferrable || key.parts.empty()) continue;
    if (!key.predicate.empty() && bare(key.predicate) != bare(null_predicate(m))) continue;
    const bool covered = std::all_of(key.parts.begin(), key.parts.end(), [&m](const KeyPart& p) {
      if (p.prefix_length > 0) return false;
      return contains_name(m.key_columns, p.column.empty() ? p.expression : p.column);
    });
    if (covered) return &key;
  }
  return nullptr;
}

}  // namespace

NeededKey needed_key(const Material& m) {
  NeededKey key;
  if (m.key_columns.empty() || (m.table != nullptr && m.table->is_view)) return key;
  key.existing = existing_key(m);
  std::vector<std::string> wanted = m.key_columns;
  key.predicate = null_predicate(m);
  if (key.existing != nullptr) {
    wanted.clear();
    for (const KeyPart& p : key.existing->parts) wanted.push_back(p.column.empty() ? p.expression : p.column);
    if (key.existing->predicate.empty()) key.predicate.clear();
  }
  for (const std::string& part : wanted) {
    if (is_column(m, part)) {
      const std::string column = spelling(m, part);
      key.columns.push_back(column);
      key.parts.push_back(quote_part(column, m.engine));
      key.part_columns.push_back(column);
      const Column* known = m.table != nullptr ? m.table->column(column) : nullptr;
      if (known != nullptr && known->nullable && !known->identity && !contains_name(m.null_columns, column)) key.nullable.push_back(column);
    } else {
      if (part.find('?') != std::string::npos) return key;  // a value stands in it: no index can be made of that
      key.parts.push_back("(" + part + ")");
      key.part_columns.emplace_back();
      key.has_expression = true;
    }
  }
  key.good = true;
  return key;
}

}  // namespace dbaudit::suggest
