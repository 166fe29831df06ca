// Statements that insert or else do something, written so that one unique key decides and is named where the engine lets it be.
//
// PostgreSQL and SQLite name the key in ON CONFLICT; another key's collision stays an error. MySQL and MariaDB cannot: ON DUPLICATE KEY UPDATE goes by
// whichever unique key collides, so where the INSERT meets two of them no such fix is given. VALUES(c) is deprecated in MySQL 8.0.20 (manual 13.2.6.2);
// where the server is known to be younger its row alias is used, which MariaDB has not.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "rules/suggest/key.h"
#include "rules/suggest/names.h"
#include "rules/suggest/rewrite.h"

namespace dbaudit::suggest {
namespace {

const Write* insert_of(const Material& m) {
  const Write* write = m.write != nullptr ? m.write->write() : nullptr;
  if (write == nullptr || m.write_sql.empty() || m.engine == Engine::kUnknown) return nullptr;
  return write->kind == StatementKind::kInsert || write->kind == StatementKind::kReplace ? write : nullptr;
}

/// ON CONFLICT came with PostgreSQL 9.5 and SQLite 3.24.
bool has_no_upsert(const Material& m) {
  return (m.engine == Engine::kPostgres && older_than(m, 9, 5)) || (m.engine == Engine::kSqlite && older_than(m, 3, 24));
}

/// ` ON CONFLICT (k) WHERE …`.
std::string target_sql(const NeededKey& key) {
  return " ON CONFLICT (" + join(key.parts, ", ") + ")" + (key.predicate.empty() ? "" : " WHERE " + key.predicate);
}

/// The value that the row would have had, of an upsert's assignment.
class NewRow {
 public:
  explicit NewRow(const Material& m) : m_(m), aliased_(m.engine == Engine::kMySql && at_least(m, 8, 0, 19)) {}
  /// Stands between the rows and the clause.
  [[nodiscard]] std::string_view alias() const { return aliased_ ? " AS new" : ""; }
  [[nodiscard]] std::string value(std::string_view column) const {
    const std::string name = column_sql(m_, column);
    if (!is_mysql_family(m_.engine)) return "EXCLUDED." + name;
    return aliased_ ? "new." + name : "VALUES(" + name + ")";
  }
  /// The value of the row that is there.
  [[nodiscard]] std::string old(std::string_view column) const {
    const std::string name = column_sql(m_, column);
    return is_mysql_family(m_.engine) && !aliased_ ? name : quote_part(bare_table(m_), m_.engine) + "." + name;
  }

 private:
  const Material& m_;
  bool aliased_;
};

/// The clause that leaves the row alone. False where the engine needs a column to name and there is none.
bool leave_alone(const Material& m, const NeededKey& key, Draft& draft) {
  if (!is_mysql_family(m.engine)) {
    draft.text(target_sql(key) + " DO NOTHING");
    return true;
  }
  if (key.columns.empty()) return false;
  const std::string name = quote_part(key.columns.front(), m.engine);
  draft.text(fmt::format(" ON DUPLICATE KEY UPDATE {0} = {0}", name));
  return true;
}

void say_what_it_needs(const NeededKey& key, const Draft& draft, Fix& fix) {
  if (key.existing == nullptr) fix.trade_off += " Needs the unique key above.";
  if (const std::string parameters = draft.parameters(); !parameters.empty()) fix.trade_off += " " + parameters;
}

/// Is any row source of the statement another table than its target?
bool copies_rows(const Material& m, const Write& write) {
  if (write.block < 0 || static_cast<size_t>(write.block) >= m.write->blocks.size()) return false;
  const std::vector<TableRef>& tables = m.write->blocks[static_cast<size_t>(write.block)].tables;
  return std::any_of(tables.begin(), tables.end(), [&](const TableRef& t) {
    if (t.derived_block >= 0 || t.role == TableRole::kTarget || iequals(t.name.name, "dual")) return false;
    return t.name.name.empty() || !iequals(t.name.name, bare_table(m));
  });
}

/// One value of the row, of the original's own parameters where it had one.
void write_value(const Operand& value, const std::string& column, Draft& draft) {
  if (value.kind == OperandKind::kSlot && value.slot >= 0) {
    draft.parameter(value.slot);
  } else if (value.kind == OperandKind::kNow) {
    draft.text("CURRENT_TIMESTAMP");
  } else if (value.kind == OperandKind::kDefault) {
    draft.text("DEFAULT");
  } else {
    draft.new_parameter("the " + to_lower(column));
  }
}

/// What MERGE sets a matched row to: the columns of its source that it would have inserted.
bool merge_assignments(const Material& m, const Write& merge, std::string& text) {
  for (const Assignment& a : merge.set) {
    if (a.value.kind != OperandKind::kColumn) return false;
    std::string inserted;
    for (size_t i = 0; i < merge.insert_values.size() && i < merge.insert_columns.size(); ++i) {
      const Operand& v = merge.insert_values[i];
      if (v.kind == OperandKind::kColumn && v.column->name == a.value.column->name) inserted = merge.insert_columns[i];
    }
    if (inserted.empty()) return false;
    text += fmt::format("{}{} = EXCLUDED.{}", text.empty() ? "" : ", ", column_sql(m, a.column.name), column_sql(m, inserted));
  }
  return true;
}

/// Another unique key that gets values: ON DUPLICATE KEY UPDATE would go by that one, too.
bool meets_another_key(const Material& m, const NeededKey& key) {
  if (m.table == nullptr || !is_mysql_family(m.engine)) return false;
  const std::vector<Name>& given = m.write->write()->insert_columns;
  return std::any_of(m.table->keys.begin(), m.table->keys.end(), [&](const Key& k) {
    return k.unique && &k != key.existing && std::all_of(k.parts.begin(), k.parts.end(), [&](const KeyPart& p) {
             return !p.column.empty() && (given.empty() || contains_name(given, p.column)) &&
                    !(m.table->column(p.column) != nullptr && m.table->column(p.column)->identity && given.empty());
           });
  });
}

/// `lower(email)` of the value looked up: `lower($1)`. Empty when the expression does not read the column.
std::string of_the_value(const std::string& expression, const std::string& column, Engine engine) {
  const auto is_word = [](char c) { return c == '_' || (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'); };
  for (size_t at = expression.find(column); at != std::string::npos; at = expression.find(column, at + 1)) {
    const size_t end = at + column.size();
    if ((at > 0 && is_word(expression[at - 1])) || (end < expression.size() && is_word(expression[end]))) continue;
    return expression.substr(0, at) + (engine == Engine::kPostgres ? "$1" : "?") + expression.substr(end);
  }
  return {};
}

}  // namespace

std::vector<Fix> guarded_insert_as_upsert(const Material& m) {
  const Write* write = m.write != nullptr ? m.write->write() : nullptr;
  if (write == nullptr || m.engine == Engine::kUnknown || write->insert_columns.empty()) return {};
  const bool merges = write->kind == StatementKind::kMerge;
  if (!merges && write->kind != StatementKind::kInsert) return {};
  if (has_no_upsert(m)) return {};
  if (write->merge_deletes || m.write->writes.size() != 1 || copies_rows(m, *write)) return {};
  const NeededKey key = needed_key(m);
  const Pieces pieces(m.write_sql, m);
  if (!key.good || !pieces.can_be_rewritten() || meets_another_key(m, key)) return {};
  std::string assignments;
  if (merges && !merge_assignments(m, *write, assignments)) return {};

  Draft draft(m.engine);
  std::vector<std::string> names;
  for (const std::string& c : write->insert_columns) names.push_back(column_sql(m, c));
  draft.text(fmt::format("INSERT INTO {} ({}) VALUES (", table_sql(m), join(names, ", ")));
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) draft.text(", ");
    write_value(i < write->insert_values.size() ? write->insert_values[i] : Operand{}, write->insert_columns[i], draft);
  }
  draft.text(")");
  if (!assignments.empty()) {
    draft.text(target_sql(key) + " DO UPDATE SET " + assignments);
  } else if (!leave_alone(m, key, draft)) {
    return {};
  }
  if (!merges) pieces.copy(pieces.find({"returning"}), pieces.size(), draft);
  Fix fix;
  fix.kind = "upsert";
  fix.title = "Insert, and let the unique key decide";
  fix.sql = {draft.sql()};
  fix.use = {.write = 0, .after = "unique-index"};
  fix.trade_off =
      assignments.empty() ? "The row that is there stays as it is, and nobody gets an error." : "The row that is there is updated.";
  if (m.engine == Engine::kPostgres && (m.isolation == Isolation::kRepeatableRead || m.isolation == Isolation::kSerializable))
    fix.trade_off += fmt::format(" At {} the loser gets 40001: retry the transaction.", isolation_name(m.isolation));
  say_what_it_needs(key, draft, fix);
  return {fix};
}

std::vector<Fix> update_or_insert_as_upsert(const Material& m) {
  const Write* insert = insert_of(m);
  const Write* update = m.read != nullptr ? m.read->write() : nullptr;
  if (insert == nullptr || update == nullptr || update->kind != StatementKind::kUpdate) return {};
  const NeededKey key = needed_key(m);
  const Pieces pieces(m.write_sql, m);
  const InsertShape shape = insert_shape(pieces);
  if (!key.good || !shape.good || meets_another_key(m, key)) return {};
  if (has_no_upsert(m)) return {};

  const NewRow row(m);
  Draft draft(m.engine);
  copy_insert(pieces, shape, draft);
  draft.text(row.alias());
  draft.text(is_mysql_family(m.engine) ? std::string(" ON DUPLICATE KEY UPDATE ") : target_sql(key) + " DO UPDATE SET ");
  bool first = true;
  for (const Assignment& a : update->set) {
    if (contains_name(key.columns, a.column.name)) continue;
    draft.text(fmt::format("{}{} = ", first ? "" : ", ", column_sql(m, a.column.name)));
    first = false;
    const bool inserted = contains_name(insert->insert_columns, a.column.name);
    if (a.value.kind == OperandKind::kSlot && inserted) {
      draft.text(row.value(a.column.name));
    } else if (a.value.kind == OperandKind::kSelfRelative && a.value.slot >= 0) {
      draft.text(row.old(a.column.name) + (a.value.sign < 0 ? " - " : " + "));
      draft.new_parameter("what the UPDATE adds to " + to_lower(a.column.name));
    } else if (a.value.kind == OperandKind::kNow) {
      draft.text("CURRENT_TIMESTAMP");
    } else if (a.value.kind == OperandKind::kSlot) {
      draft.new_parameter("the new " + to_lower(a.column.name));
    } else {
      return {};
    }
  }
  if (first) return {};
  pieces.copy(shape.returning, pieces.size(), draft);
  Fix fix;
  fix.kind = "upsert";
  fix.title = "One upsert in place of both statements";
  fix.sql = {draft.sql()};
  fix.use = {.read = FixUse::kGoes, .write = 0, .after = "unique-index"};
  fix.trade_off = "Inserts the row or updates the one that is there, in one statement.";
  if (m.engine == Engine::kPostgres && (m.isolation == Isolation::kRepeatableRead || m.isolation == Isolation::kSerializable))
    fix.trade_off += fmt::format(" At {} the loser gets 40001: retry the transaction.", isolation_name(m.isolation));
  if (is_mysql_family(m.engine)) fix.trade_off += " Uses up an AUTO_INCREMENT value each time.";
  say_what_it_needs(key, draft, fix);
  return {fix};
}

std::vector<Fix> named_conflict(const Material& m) {
  const Write* write = insert_of(m);
  if (write == nullptr || (write->upsert != UpsertKind::kIgnore && write->upsert != UpsertKind::kConflictNothing)) return {};
  if (has_no_upsert(m)) return {};
  const NeededKey key = needed_key(m);
  const Pieces pieces(m.write_sql, m);
  const InsertShape shape = insert_shape(pieces);
  if (!key.good || !shape.good || meets_another_key(m, key)) return {};
  Draft draft(m.engine);
  copy_insert(pieces, shape, draft);
  // `INSERT … SELECT … ON CONFLICT` is read as a join's ON by SQLite unless the SELECT has a WHERE (lang_upsert.html, 2.2).
  if (write->source == InsertSource::kSelect && m.engine == Engine::kSqlite) return {};
  if (!leave_alone(m, key, draft)) return {};
  pieces.copy(shape.returning, pieces.size(), draft);
  Fix fix;
  fix.kind = "upsert";
  fix.title = "Name the key whose duplicates are meant";
  fix.sql = {draft.sql()};
  fix.use = {.write = 0, .after = "unique-index"};
  fix.trade_off = "Every other error (NULL, a missing parent, another key) reaches the application again.";
  say_what_it_needs(key, draft, fix);
  return {fix};
}

std::vector<Fix> conflict_target(const Material& m) {
  const Write* write = insert_of(m);
  if (write == nullptr || m.table == nullptr || is_mysql_family(m.engine)) return {};
  const Pieces pieces(m.write_sql, m);
  const InsertShape shape = insert_shape(pieces);
  const size_t action = pieces.find({"do"}, shape.conflict);
  if (!shape.good || action >= pieces.size()) return {};
  std::vector<Fix> fixes;
  for (const Key& key : m.table->keys) {
    if (!key.unique || !key.valid || key.deferrable || key.exclusion || key.parts.empty()) continue;
    const bool met = std::all_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& p) {
      const Column* c = m.table->column(p.column);
      return p.column.empty() ? contains_name(write->conflict_columns, p.expression)
                              : contains_name(write->insert_columns, p.column) && !(c != nullptr && c->identity);
    });
    if (!met) continue;
    std::vector<std::string> parts;
    for (const KeyPart& p : key.parts) parts.push_back(p.column.empty() ? "(" + p.expression.str() + ")" : quote_part(p.column, m.engine));
    Draft draft(m.engine);
    copy_insert(pieces, shape, draft);
    draft.text(" ON CONFLICT (" + join(parts, ", ") + ")" + (key.predicate.empty() ? "" : " WHERE " + key.predicate.str()));
    draft.text(" DO");
    pieces.copy(action + 1, pieces.size(), draft);
    Fix fix;
    fix.kind = "upsert";
    fix.title = fmt::format("Name {} as the schema has it", key.name.empty() ? "the key" : key.name);
    fix.sql = {draft.sql()};
    fix.use = {.write = 0, .after = "unique-index"};
    fix.trade_off =
        key.predicate.empty() ? "Goes by this key alone." : "Goes by this index alone: rows outside its predicate never conflict.";
    fixes.push_back(std::move(fix));
  }
  return fixes;
}

std::vector<Fix> replace_as_upsert(const Material& m) {
  const Write* write = insert_of(m);
  if (write == nullptr || write->upsert != UpsertKind::kReplace || write->insert_columns.empty()) return {};
  if (m.engine == Engine::kPostgres || has_no_upsert(m)) return {};
  if (write->source != InsertSource::kValues && write->source != InsertSource::kSet) return {};
  const NeededKey key = needed_key(m);
  const Pieces pieces(m.write_sql, m);
  const InsertShape shape = insert_shape(pieces);
  if (!key.good || !shape.good || meets_another_key(m, key)) return {};
  const NewRow row(m);
  Draft draft(m.engine);
  copy_insert(pieces, shape, draft);
  std::string set;
  for (const std::string& c : write->insert_columns) {
    const Column* known = m.table != nullptr ? m.table->column(c) : nullptr;
    if (contains_name(key.columns, c) || (known != nullptr && known->identity)) continue;
    set += fmt::format("{}{} = {}", set.empty() ? "" : ", ", column_sql(m, c), row.value(c));
  }
  if (set.empty()) {
    if (!leave_alone(m, key, draft)) return {};
  } else {
    draft.text(std::string(row.alias()) +
               (is_mysql_family(m.engine) ? std::string(" ON DUPLICATE KEY UPDATE ") : target_sql(key) + " DO UPDATE SET ") + set);
  }
  Fix fix;
  fix.kind = "upsert";
  fix.title = "Update the row that is there instead of deleting it";
  fix.sql = {draft.sql()};
  fix.use = {.write = 0, .after = "unique-index"};
  fix.trade_off = "Keeps the row, its number, its child rows and the columns not named; UPDATE triggers run in place of DELETE triggers.";
  say_what_it_needs(key, draft, fix);
  return {fix};
}

std::vector<Fix> one_key_at_a_time(const Material& m) {
  const Write* write = insert_of(m);
  if (write == nullptr || write->upsert != UpsertKind::kDuplicateUpdate) return {};
  const Pieces pieces(m.write_sql, m);
  const InsertShape shape = insert_shape(pieces);
  if (!shape.good) return {};
  Draft draft(m.engine);
  copy_insert(pieces, shape, draft);
  Fix fix;
  fix.kind = "upsert";
  fix.title = "Insert without ON DUPLICATE KEY UPDATE; on error 1062, UPDATE by the key that is meant";
  fix.sql = {draft.sql()};
  fix.use = {.write = 0, .after = "unique-index"};
  fix.trade_off =
      "The error's text names the key that collided; a collision on the other key is then a conflict to report, not a row to change.";
  return {fix};
}

std::vector<Fix> key_like_lookup(const Material& m) {
  if (m.table == nullptr || m.engine == Engine::kUnknown) return {};
  const Key* strict = needed_key(m).existing;
  for (const Key& k : m.table->keys) {
    if (!k.unique) continue;
    for (const KeyPart& p : k.parts) {
      if (p.prefix_length > 0 && contains_name(m.key_columns, p.column) && strict == nullptr) strict = &k;
      if (!p.column.empty()) continue;
      for (const std::string& column : m.key_columns) {
        if (const std::string value = of_the_value(p.expression, column, m.engine); !value.empty()) {
          Fix fix;
          fix.kind = "orm";
          fix.title = "In the application: look up what the key compares";
          fix.applicability = Applicability::kDisplayOnly;
          fix.code = fmt::format("WHERE {} = {}", p.expression, value);
          fix.trade_off = "Uses the key's index, and finds the row that makes the INSERT fail.";
          return {fix};
        }
      }
    }
  }
  if (strict == nullptr || strict->primary) return {};
  Table without = *m.table;
  without.keys.erase(without.keys.begin() + (strict - m.table->keys.data()));
  Material other = m;
  other.table = &without;
  std::vector<Fix> fixes = unique_key(other);
  std::erase_if(fixes, [](const Fix& f) { return f.kind != "unique-index"; });
  if (fixes.empty()) return {};
  const std::string name = quote_part(strict->name, m.engine);
  const std::string schema = m.table->schema.empty() ? "" : quote_part(m.table->schema, m.engine) + ".";
  if (is_mysql_family(m.engine)) {
    fixes.front().sql.push_back(fmt::format("ALTER TABLE {} DROP INDEX {}", table_sql(m), name));
  } else if (m.engine == Engine::kPostgres && strict->constraint) {
    fixes.front().sql.push_back(fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table_sql(m), name));
  } else if (m.engine == Engine::kPostgres) {
    fixes.front().sql.push_back(fmt::format("DROP INDEX CONCURRENTLY {}{}", schema, name));
  } else if (strict->constraint || strict->name.empty() || strict->name.starts_with("sqlite_autoindex_")) {
    fixes.front().trade_off += " SQLite drops a UNIQUE of CREATE TABLE only with the table: make it anew without.";
  } else {
    fixes.front().sql.push_back(fmt::format("DROP INDEX {}{}", schema, name));
  }
  fixes.front().use.once = static_cast<int>(fixes.front().sql.size());
  fixes.front().trade_off = "Forbids what the lookup would find twice, and no more. " + fixes.front().trade_off;
  return fixes;
}

}  // namespace dbaudit::suggest
