// The same fix in the words of the ORM that wrote the statements. To be read, not run: the log shows tables and columns, so the model's name is a
// guess from the table's, and its first line says so. APIs as of Django 5, Peewee 3.17, SQLAlchemy 2, Rails 7.1, Sequelize 6, TypeORM 0.3, Prisma 5, Knex 3,
// GORM 2, Hibernate 6.5, Laravel 11, EF Core 8.
//
// A snippet is a text with @words@ to fill in. A line that begins with a @condition@ stands only where the condition holds.

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "analyzers/base/text.h"
#include "rules/suggest/key.h"
#include "rules/suggest/names.h"

namespace dbaudit::suggest {
namespace {

struct Snippet {
  std::string_view orm, pattern, code;
};

constexpr Snippet kSnippets[] = {
#include "rules/suggest/orm_decisions.def"
#include "rules/suggest/orm_rows.def"
};

struct PatternWords {
  std::string_view pattern, title, trade_off;
};
constexpr PatternWords kPatterns[] = {
    {"get-or-create", "declare the unique key in the model", "The migration fails while there are duplicates."},
    {"read-modify-write", "let the database do the arithmetic, or lock the row",
     "The object in memory keeps the old value until it is read again."},
    {"guarded-decrement", "check and subtract in one UPDATE", "Zero rows means no: it must be looked at."},
    {"version", "compare the version when saving", "The loser gets an error and must read again."},
    {"changed-columns", "save only what changed", "Two requests that change the same field still overwrite each other."},
    {"update-only", "update, and never insert, a row that was read", "The caller must say that the row is gone."},
    {"for-update", "open the transaction before the lock", "Others wait for the row until the transaction ends."},
    {"queue-pop", "let the UPDATE ask for the state, or skip what is locked", "Zero rows means that somebody else has it."},
    {"parent-lock", "lock the parent before counting", "Others with the same parent wait until the transaction ends."},
    {"set-lock", "lock the set before deciding on it", "Others that decide on it wait until the transaction ends."},
    {"repeatable-read", "READ COMMITTED for this connection", "Code that counts on one snapshot for several reads loses it."},
};

std::string_view title_of(std::string_view orm) {
  static constexpr std::pair<std::string_view, std::string_view> kTitles[] = {
      {"django", "Django"},       {"peewee", "Peewee"},       {"sqlalchemy", "SQLAlchemy"}, {"activerecord", "ActiveRecord"},
      {"sequelize", "Sequelize"}, {"typeorm", "TypeORM"},     {"prisma", "Prisma"},         {"knex", "Knex"},
      {"gorm", "GORM"},           {"hibernate", "Hibernate"}, {"laravel", "Laravel"},       {"efcore", "EF Core"}};
  for (const auto& [name, title] : kTitles) {
    if (name == orm) return title;
  }
  return orm;
}

/// `order_items` → `OrderItem`, `user_id` → `UserId`.
std::string pascal(std::string_view name) {
  std::string result;
  bool start = true;
  for (const char c : name) {
    if (c == '_' || c == ' ' || c == '-' || c == '.') {
      start = true;
      continue;
    }
    result += start && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    start = false;
  }
  return result;
}

std::string singular(std::string name) {
  const auto ends = [&name](std::string_view s) { return name.size() > s.size() + 1 && std::string_view(name).ends_with(s); };
  if (ends("ies")) return name.substr(0, name.size() - 3) + "y";
  for (const std::string_view s : {"sses", "shes", "ches", "xes"}) {
    if (ends(s)) return name.substr(0, name.size() - 2);
  }
  if (ends("s") && !ends("ss") && !ends("us") && !ends("is")) name.pop_back();
  return name;
}

/// Django names a table `app_model`; the others name it after the model, in the plural.
std::string model_name(const Material& m) {
  const std::string table = to_lower(bare_table(m));
  const size_t app = table.find('_');
  if (m.orm == "django") return pascal(app != std::string::npos && app + 1 < table.size() ? table.substr(app + 1) : table);
  return pascal(singular(table));
}

/// A foreign key's column `session_id` is the field `session` in Django and Peewee.
std::string field_name(const Material& m, const std::string& column) {
  if (m.table == nullptr || column.size() < 4 || !column.ends_with("_id")) return column;
  for (const ForeignKey& f : m.table->foreign_keys) {
    if (f.columns.size() == 1 && iequals(f.columns[0], column)) return column.substr(0, column.size() - 3);
  }
  return column;
}

/// Joins `one` of each name, its `%` replaced by the name.
std::string each(const std::vector<std::string>& names, std::string_view one, std::string_view separator) {
  std::string result;
  for (const std::string& n : names) {
    if (!result.empty()) result += separator;
    for (const char c : one) {
      if (c == '%')
        result += n;
      else
        result += c;
    }
  }
  return result;
}

std::map<std::string, std::string, std::less<>> words_for(const Material& m, const std::vector<std::string>& columns,
                                                          const std::string& column) {
  std::vector<std::string> fields, properties;
  for (const std::string& c : columns) {
    fields.push_back(field_name(m, c));
    properties.push_back(pascal(c));
  }
  const std::string model = model_name(m);
  std::string lower_model = model;
  if (!lower_model.empty()) lower_model[0] = ascii_lower(lower_model[0]);
  std::vector<std::string> name = {bare_table(m)};
  name.insert(name.end(), columns.begin(), columns.end());
  name.emplace_back("uniq");
  const std::string null = m.null_columns.empty() ? "" : spelling(m, m.null_columns[0]);
  std::string lambda;
  for (size_t i = 0; i < columns.size(); ++i) lambda += (i > 0 ? " && x." : "x.") + properties[i] + " == " + columns[i];
  return {{"Model", model},
          {"model", lower_model},
          {"table", bare_table(m)},
          {"name", new_name(m, name)},
          {"key", columns.empty() ? "" : columns[0]},
          {"column", column},
          {"Column", pascal(column)},
          {"field", field_name(m, column)},
          {"null", null},
          {"null_field", field_name(m, null)},
          {"dialect", m.engine == Engine::kSqlite ? "sqlite" : "postgresql"},
          {"fields_quoted", each(fields, "\"%\"", ", ")},
          {"fields_kwargs", each(fields, "%=%", ", ")},
          {"model_fields", each(fields, model + ".%", ", ")},
          {"fields_conditions", each(fields, model + ".% == %", ", ")},
          {"columns_quoted", each(columns, "\"%\"", ", ")},
          {"kwargs", each(columns, "%=%", ", ")},
          {"conditions", each(columns, model + ".% == %", ", ")},
          {"symbols", each(columns, ":%", ", ")},
          {"hash", each(columns, "%: %", ", ")},
          {"object", each(columns, "%", ", ")},
          {"plain", each(columns, "%", ", ")},
          {"joined", each(columns, "%", "_")},
          {"named", each(columns, "% = :%", " AND ")},
          {"questions", each(columns, "% = ?", " AND ")},
          {"colons", each(columns, ":%", ", ")},
          {"hql", each(columns, "e.% = :%", " and ")},
          {"setters", each(columns, ".setParameter(\"%\", %)", "")},
          {"singles", each(columns, "'%'", ", ")},
          {"array", each(columns, "'%' => $%", ", ")},
          {"variables", each(columns, "$%", ", ")},
          {"properties", each(properties, "x.%", ", ")},
          {"lambda", lambda}};
}

/// The conditions that a line may begin with.
bool holds(std::string_view condition, const Material& m, size_t columns) {
  const bool partial = !m.null_columns.empty();
  if (condition == "lock") return m.engine != Engine::kSqlite;
  if (condition == "my") return is_mysql_family(m.engine);
  if (condition == "notmy") return !is_mysql_family(m.engine);
  if (condition == "pg") return m.engine == Engine::kPostgres;
  if (condition == "notpg") return m.engine != Engine::kPostgres;
  if (condition == "whole") return !partial;
  if (condition == "partial") return partial;
  if (condition == "one") return columns == 1;
  return columns > 1;  // many
}

bool is_condition(std::string_view word) {
  static constexpr std::string_view kConditions[] = {"lock", "my", "notmy", "pg", "notpg", "whole", "partial", "one", "many"};
  return std::find(std::begin(kConditions), std::end(kConditions), word) != std::end(kConditions);
}

/// An annotation such as @Table is no word of ours and stays.
std::string fill(std::string_view code, const Material& m, const std::vector<std::string>& columns, const std::string& column) {
  const auto words = words_for(m, columns, column);
  std::string result;
  for (std::string_view line : split(code, '\n')) {
    bool wanted = true;
    while (line.starts_with('@')) {
      const size_t end = line.find('@', 1);
      if (end == std::string_view::npos || !is_condition(line.substr(1, end - 1))) break;
      wanted &= holds(line.substr(1, end - 1), m, columns.size());
      line.remove_prefix(end + 1);
    }
    if (!wanted) continue;
    if (!result.empty()) result += '\n';
    for (size_t at = 0; at < line.size();) {
      const size_t end = line[at] == '@' ? line.find('@', at + 1) : std::string_view::npos;
      const auto word = end == std::string_view::npos ? words.end() : words.find(line.substr(at + 1, end - at - 1));
      if (word == words.end()) {
        result += line[at++];
      } else {
        result += word->second;
        at = end + 1;
      }
    }
  }
  return result;
}

}  // namespace

std::vector<Fix> in_orm_words(const Material& m, std::string_view pattern) {
  const auto snippet =
      std::find_if(std::begin(kSnippets), std::end(kSnippets), [&](const Snippet& s) { return s.orm == m.orm && s.pattern == pattern; });
  const auto words = std::find_if(std::begin(kPatterns), std::end(kPatterns), [&](const PatternWords& p) { return p.pattern == pattern; });
  if (snippet == std::end(kSnippets) || words == std::end(kPatterns)) return {};

  std::vector<std::string> columns;
  for (const std::string& c : m.key_columns) {
    if (is_column(m, c)) columns.push_back(spelling(m, c));
  }
  if (pattern == "get-or-create") {
    // An expression, or MySQL's way around partial indexes, is said in SQL.
    if (columns.empty() || columns.size() != m.key_columns.size() || (is_mysql_family(m.engine) && !m.null_columns.empty())) return {};
  }
  if (columns.empty()) columns.emplace_back("id");
  const std::string column = m.columns.empty() ? columns[0] : spelling(m, m.columns[0]);
  const std::string code = fill(snippet->code, m, columns, column);
  if (code.empty()) return {};

  Fix fix;
  fix.kind = "orm";
  fix.title = std::string(title_of(m.orm)) + ": " + std::string(words->title);
  fix.applicability = Applicability::kDisplayOnly;
  const bool hash_comment = m.orm == "django" || m.orm == "peewee" || m.orm == "sqlalchemy" || m.orm == "activerecord";
  fix.code = std::string(hash_comment ? "# model of " : "// model of ") + bare_table(m) + "\n" + code;
  fix.trade_off = words->trade_off;
  if (pattern == "get-or-create" && m.isolation == Isolation::kRepeatableRead && m.engine != Engine::kSqlite)
    fix.trade_off += " At REPEATABLE READ call it outside of a transaction: inside, the loser cannot see the winner's row.";
  return {fix};
}

}  // namespace dbaudit::suggest
