// pg_catalog → Catalog, one round trip for each kind of object, so that five thousand tables cost what fifty do (system catalogs: manual chapter 53).
//
// What the server prints of an expression, a type or a constraint is what pg_dump copies into its file, so the same normalisers read both. Two things
// no catalog column tells and only the definition does: the collation an expression had before its COLLATE, and the operators of an exclusion
// constraint. Those definitions go through the DDL reader.

#include "analyzers/schema/engines/postgres_catalog.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>

#include "analyzers/base/text.h"
#include "analyzers/schema/ddl.h"
#include "analyzers/schema/expression.h"

namespace dbaudit {
namespace {

constexpr Engine kEngine = Engine::kPostgres;
constexpr size_t kNamesInNote = 5;
constexpr std::string_view kUnread = "(expression)";  // equals no lookup

/// Settings that decide what a log can tell or what a transaction does. Those in the second list are shown to superusers only (GUC_SUPERUSER_ONLY).
constexpr std::string_view kSettings =
    "'default_transaction_isolation', 'default_transaction_read_only', 'default_transaction_deferrable', 'log_statement', "
    "'log_min_duration_statement', 'log_min_duration_sample', 'log_statement_sample_rate', 'log_transaction_sample_rate', 'log_duration', "
    "'log_line_prefix', 'log_destination', 'log_parameter_max_length', 'log_parameter_max_length_on_error', 'log_error_verbosity', "
    "'log_min_error_statement', 'log_min_messages', 'logging_collector', 'log_timezone', 'log_connections', 'log_disconnections', "
    "'log_lock_waits', 'deadlock_timeout', 'lock_timeout', 'standard_conforming_strings', 'in_hot_standby', 'session_preload_libraries', "
    "'shared_preload_libraries', 'log_directory', 'log_filename'";
constexpr std::string_view kSuperuserSettings[] = {"log_directory", "log_filename"};

/// Relations of the application: of any schema but the server's own (the prefix pg_ is reserved).
std::string from_relations(std::string_view kinds) {
  return " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
         " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't' AND c.relkind IN (" +
         std::string(kinds) + ")";
}

bool is_true(std::string_view s) { return s == "t"; }
uint32_t oid_of(std::string_view s) { return static_cast<uint32_t>(std::strtoul(std::string(s).c_str(), nullptr, 10)); }

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  Lexer lexer(text, dialect_of(kEngine));
  for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next()) tokens.push_back(t);
  return tokens;
}

/// format_type()'s spelling as the DDL reader keeps it.
std::string type_name(std::string_view formatted) {
  if (formatted == "\"char\"") return std::string(formatted);  // one byte, another type than char
  if (formatted == "bpchar" || formatted.starts_with("bpchar[")) return "character" + std::string(formatted.substr(6));
  return spell_tokens(tokens_of(formatted), kEngine);
}

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string action_name(std::string_view code) {
  return code == "c" ? "CASCADE" : code == "r" ? "RESTRICT" : code == "n" ? "SET NULL" : code == "d" ? "SET DEFAULT" : "";
}

class CatalogReader {
 public:
  CatalogReader(int version_num, const PostgresSelect& select) : version_(version_num), select_(select) { catalog_.engine = kEngine; }

  Result<Catalog> read(std::vector<std::string> search_path) {
    catalog_.search_path = std::move(search_path);
    using Step = Result<void> (CatalogReader::*)();
    for (Step step :
         {&CatalogReader::read_server, &CatalogReader::read_role_settings, &CatalogReader::read_tables, &CatalogReader::read_columns,
          &CatalogReader::read_keys, &CatalogReader::read_foreign_keys, &CatalogReader::read_checks, &CatalogReader::read_triggers}) {
      if (Result<void> r = (this->*step)(); !r) return tl::unexpected<Error>(r.error());
    }
    catalog_.finish();
    return std::move(catalog_);
  }

 private:
  [[nodiscard]] bool since(int major) const { return version_ >= major * 10000; }
  Table* table(std::string_view oid) {
    const auto it = tables_.find(oid_of(oid));
    return it == tables_.end() ? nullptr : &catalog_.tables[it->second];
  }

  Result<void> read_server();
  Result<void> read_role_settings();
  Result<void> read_tables();
  Result<void> read_columns();
  Result<void> read_keys();
  Result<void> read_key_parts();
  void read_definition(const Table& t, Key& key, const std::string& definition);
  void read_exclusion(Table& t, Key key, const std::string& definition);
  Result<void> read_foreign_keys();
  Result<void> read_checks();
  Result<void> read_triggers();
  void note_unreadable(const std::vector<std::string>& names, size_t of);

  int version_;
  const PostgresSelect& select_;
  Catalog catalog_;
  std::map<uint32_t, size_t> tables_;                      // oid → place in catalog_.tables
  std::map<uint32_t, std::pair<size_t, size_t>> indexes_;  // oid → table, key
};

Result<void> CatalogReader::read_server() {
  // reset_val: what the session began with, before this transaction's SET LOCAL.
  Result<void> r = select_("SELECT name, reset_val, source FROM pg_catalog.pg_settings WHERE name IN ('server_version', " +
                               std::string(kSettings) + ") ORDER BY name",
                           [&](const PostgresRow& row) {
                             std::string name(row[0]), value(row[1]);
                             if (name == "default_transaction_isolation" && row[2].find("user") != std::string_view::npos) {
                               catalog_.notes.push_back("default_transaction_isolation = '" + printable(value) +
                                                        "' is this role's own setting; if the application connects as another, say its "
                                                        "level with --isolation");
                             }
                             if (name == "server_version") {
                               catalog_.server.version = value.substr(0, value.find(' '));
                             } else {
                               catalog_.server.settings[std::move(name)] = std::move(value);
                             }
                           });
  if (!r) return r;
  const auto& settings = catalog_.server.settings;
  if (const auto it = settings.find("default_transaction_isolation"); it != settings.end()) {
    catalog_.server.default_isolation = parse_isolation(it->second).value_or(Isolation::kUnknown);
  }
  std::vector<std::string> hidden;
  for (std::string_view name : kSuperuserSettings) {
    if (!settings.contains(std::string(name))) hidden.emplace_back(name);
  }
  if (!hidden.empty()) catalog_.notes.push_back("the server shows " + join(hidden, ", ") + " to superusers and pg_read_all_settings only");
  return {};
}

/// The level the application gets may be its role's, and the application's role need not be ours.
Result<void> CatalogReader::read_role_settings() {
  return select_(
      "SELECT r.rolname, s.setdatabase <> 0, pg_catalog.split_part(c.c, '=', 2)"
      " FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_roles r ON r.oid = s.setrole, pg_catalog.unnest(s.setconfig) AS c(c)"
      " WHERE c.c LIKE 'default\\_transaction\\_isolation=%' AND s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database"
      " WHERE datname = pg_catalog.current_database())) ORDER BY r.rolname COLLATE \"C\", s.setdatabase",
      [&](const PostgresRow& row) {
        const auto level = parse_isolation(row[2]);
        if (!level || *level == catalog_.server.default_isolation) return;
        catalog_.notes.push_back("role " + printable(row[0]) + " has default_transaction_isolation = '" + printable(row[2]) + "'" +
                                 (is_true(row[1]) ? " in this database" : "") +
                                 "; if the application connects as it, say so with --isolation");
      });
}

Result<void> CatalogReader::read_tables() {
  std::vector<std::string> unreadable;
  Result<void> r = select_(
      "SELECT c.oid, n.nspname, c.relname, c.relkind, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND"
      " (pg_catalog.has_table_privilege(c.oid, 'SELECT') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT'))" +
          from_relations("'r', 'p', 'v', 'm', 'f'") + " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
      [&](const PostgresRow& row) {
        Table t;
        t.schema = row[1];
        t.name = row[2];
        t.is_view = row[3] == "v" || row[3] == "m";
        t.partitioned = row[3] == "p";
        t.keys_incomplete = row[3] == "f";  // the keys are the other server's business
        if (!is_true(row[4])) unreadable.push_back(t.qualified());
        tables_[oid_of(row[0])] = catalog_.tables.size();
        catalog_.tables.push_back(std::move(t));
      });
  if (r && !unreadable.empty()) note_unreadable(unreadable, catalog_.tables.size());
  return r;
}

void CatalogReader::note_unreadable(const std::vector<std::string>& names, size_t of) {
  std::vector<std::string> shown(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kNamesInNote)));
  for (std::string& n : shown) n = printable(n);
  catalog_.notes.push_back("this role may not SELECT from " + std::to_string(names.size()) + " of " + std::to_string(of) +
                           " tables, so --check-data cannot look into them: " + join(shown, ", ") +
                           (names.size() > shown.size() ? ", …" : ""));
}

Result<void> CatalogReader::read_columns() {
  // A column's collation is said when it is not its type's, as pg_dump does. A view's columns are those of the tables under it.
  return select_(
      "SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,"
      " pg_catalog.pg_get_expr(d.adbin, d.adrelid), " +
          std::string(since(12) ? "a.attgenerated" : "''") +
          ", a.attidentity, CASE WHEN a.attcollation <> t.typcollation THEN"
          " CASE WHEN cn.nspname = 'pg_catalog' THEN co.collname ELSE cn.nspname || '.' || co.collname END END" +
          from_relations("'r', 'p', 'f'") +
          " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
          " JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
          " LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
          " LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = "
          "co.collnamespace"
          " ORDER BY a.attrelid, a.attnum",
      [&](const PostgresRow& row) {
        Table* t = table(row[0]);
        if (t == nullptr) return;
        Column c;
        c.name = row[1];
        c.type = type_name(row[2]);
        c.nullable = !is_true(row[3]);
        c.generated = !row[5].empty();
        c.identity = !row[6].empty();
        if (row[4].data() != nullptr) {
          const Expr e = parse_expression(row[4], kEngine);
          if (c.generated || e.kind != ExprKind::kNull) c.default_expression = print_expression(e);
          if (!c.generated && e.kind == ExprKind::kCall && e.text == "nextval") c.identity = true;
        }
        if (row[7] != "default") c.collation = row[7];
        t->columns.push_back(std::move(c));
      });
}

Result<void> CatalogReader::read_keys() {
  struct Definition {
    uint32_t index;
    std::string text;
  };
  std::vector<Definition> definitions;
  Result<void> r = select_("SELECT i.indrelid, i.indexrelid, ic.relname, i.indisunique, i.indisprimary, i.indisvalid AND i.indisready, " +
                               std::string(since(15) ? "i.indnullsnotdistinct" : "false") +
                               ", co.contype, co.condeferrable, co.condeferred, pg_catalog.pg_get_expr(i.indpred, i.indrelid),"
                               " CASE WHEN co.contype = 'x' THEN pg_catalog.pg_get_constraintdef(co.oid)"
                               " WHEN i.indexprs IS NOT NULL THEN pg_catalog.pg_get_indexdef(i.indexrelid) END" +
                               from_relations("'r', 'p', 'm'") +
                               " JOIN pg_catalog.pg_index i ON i.indrelid = c.oid JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid"
                               " LEFT JOIN pg_catalog.pg_constraint co ON co.conindid = i.indexrelid AND co.conrelid = i.indrelid AND "
                               "co.contype IN ('p', 'u', 'x')"
                               " WHERE i.indislive ORDER BY i.indrelid, co.oid IS NULL, ic.relname COLLATE \"C\"",
                           [&](const PostgresRow& row) {
                             Table* t = table(row[0]);
                             if (t == nullptr) return;
                             Key k;
                             k.name = row[2];
                             k.unique = is_true(row[3]);
                             k.primary = is_true(row[4]);
                             k.valid = is_true(row[5]);
                             k.nulls_not_distinct = is_true(row[6]);
                             k.constraint = row[7].data() != nullptr;
                             k.deferrable = is_true(row[8]);
                             k.deferred = is_true(row[9]);
                             if (row[10].data() != nullptr) k.predicate = normalise_expression(row[10], kEngine);
                             if (row[7] == "x") {
                               read_exclusion(*t, std::move(k), std::string(row[11]));
                               return;
                             }
                             const uint32_t index = oid_of(row[1]);
                             indexes_[index] = {static_cast<size_t>(t - catalog_.tables.data()), t->keys.size()};
                             t->keys.push_back(std::move(k));
                             if (row[11].data() != nullptr) definitions.push_back({index, std::string(row[11])});
                           });
  if (!r) return r;
  if (r = read_key_parts(); !r) return r;
  for (const Definition& d : definitions) {
    const auto [place, key] = indexes_[d.index];
    read_definition(catalog_.tables[place], catalog_.tables[place].keys[key], d.text);
  }
  return {};
}

/// Columns; expressions are read_definition()'s.
Result<void> CatalogReader::read_key_parts() {
  return select_(
      "SELECT i.indexrelid, a.attname, (i.indoption[k.n - 1] & 1) <> 0, CASE WHEN i.indcollation[k.n - 1] NOT IN (0, a.attcollation) THEN"
      " CASE WHEN cn.nspname = 'pg_catalog' THEN co.collname ELSE cn.nspname || '.' || co.collname END END" +
          from_relations("'r', 'p', 'm'") +
          " JOIN pg_catalog.pg_index i ON i.indrelid = c.oid CROSS JOIN LATERAL pg_catalog.generate_series(1, " +
          std::string(since(11) ? "i.indnkeyatts" : "i.indnatts") +
          ") AS k(n) LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n - 1] AND a.attnum <> 0"
          " LEFT JOIN pg_catalog.pg_collation co ON co.oid = i.indcollation[k.n - 1]"
          " LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace ORDER BY i.indexrelid, k.n",
      [&](const PostgresRow& row) {
        const auto it = indexes_.find(oid_of(row[0]));
        if (it == indexes_.end()) return;
        KeyPart part;
        part.column = row[1];
        if (row[1].data() == nullptr) part.expression = kUnread;
        part.descending = is_true(row[2]);
        part.collation = row[3];
        catalog_.tables[it->second.first].keys[it->second.second].parts.push_back(std::move(part));
      });
}

/// The parts of an index with expressions, from its CREATE INDEX.
void CatalogReader::read_definition(const Table& t, Key& key, const std::string& definition) {
  Catalog scratch;
  scratch.engine = kEngine;
  scratch.tables.push_back({});
  scratch.tables[0].schema = t.schema;
  scratch.tables[0].name = t.name;
  apply_ddl(definition, key.name, scratch);
  if (scratch.tables[0].keys.size() == 1 && scratch.tables[0].keys[0].parts.size() == key.parts.size()) {
    key.parts = std::move(scratch.tables[0].keys[0].parts);
    return;
  }
  catalog_.tables[static_cast<size_t>(&t - catalog_.tables.data())].keys_incomplete |= key.unique;
  catalog_.notes.push_back("index " + printable(key.name) + " of " + printable(t.qualified()) +
                           " has an expression that was not understood");
}

/// EXCLUDE: kept as written; a key only when every operator is equality, which the definition says.
void CatalogReader::read_exclusion(Table& t, Key key, const std::string& definition) {
  Catalog scratch;
  scratch.engine = kEngine;
  scratch.tables.push_back({});
  scratch.tables[0].schema = t.schema;
  scratch.tables[0].name = t.name;
  apply_ddl("ALTER TABLE " + quoted(t.schema) + "." + quoted(t.name) + " ADD CONSTRAINT " + quoted(key.name) + " " + definition, key.name,
            scratch);
  Table& read = scratch.tables[0];
  if (read.exclusions.empty()) read.exclusions.push_back(spell_tokens(tokens_of(definition), kEngine));
  t.exclusions.push_back(read.exclusions[0]);
  if (read.keys.empty()) return;
  read.keys[0].valid = key.valid;
  t.keys.push_back(std::move(read.keys[0]));
}

Result<void> CatalogReader::read_foreign_keys() {
  // Clones that a partition or a partitioned referenced table makes (conparentid, 11) are the parent's constraint, not more of them.
  uint32_t last = 0;
  return select_(
      "SELECT co.oid, co.conrelid, co.conname, fn.nspname, fc.relname, co.confdeltype, co.confupdtype, a.attname, fa.attname" +
          from_relations("'r', 'p', 'f'") + " JOIN pg_catalog.pg_constraint co ON co.conrelid = c.oid AND co.contype = 'f'" +
          (since(11) ? " AND co.conparentid = 0" : "") +
          " JOIN pg_catalog.pg_class fc ON fc.oid = co.confrelid JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace"
          " CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(co.conkey), pg_catalog.unnest(co.confkey)) WITH ORDINALITY AS k(own, other, n)"
          " JOIN pg_catalog.pg_attribute a ON a.attrelid = co.conrelid AND a.attnum = k.own"
          " JOIN pg_catalog.pg_attribute fa ON fa.attrelid = co.confrelid AND fa.attnum = k.other"
          " ORDER BY co.conrelid, co.conname COLLATE \"C\", co.oid, k.n",
      [&, last](const PostgresRow& row) mutable {
        Table* t = table(row[1]);
        if (t == nullptr) return;
        if (const uint32_t oid = oid_of(row[0]); oid != last) {
          last = oid;
          ForeignKey fk;
          fk.name = row[2];
          fk.referenced_schema = row[3];
          fk.referenced_table = row[4];
          fk.on_delete = action_name(row[5]);
          fk.on_update = action_name(row[6]);
          t->foreign_keys.push_back(std::move(fk));
        }
        t->foreign_keys.back().columns.emplace_back(row[7]);
        t->foreign_keys.back().referenced_columns.emplace_back(row[8]);
      });
}

Result<void> CatalogReader::read_checks() {
  // A parent's first, and those not yet validated last: where a dump has them.
  return select_("SELECT co.conrelid, co.conname, pg_catalog.pg_get_expr(co.conbin, co.conrelid)" + from_relations("'r', 'p', 'f'") +
                     " JOIN pg_catalog.pg_constraint co ON co.conrelid = c.oid AND co.contype = 'c'" +
                     (since(18) ? " AND co.conenforced" : "") +
                     " ORDER BY co.conrelid, NOT c.relispartition AND co.conislocal, NOT co.convalidated, co.conname COLLATE \"C\"",
                 [&](const PostgresRow& row) {
                   if (Table* t = table(row[0]); t != nullptr) {
                     t->checks.push_back({std::string(row[1]), normalise_expression(row[2], kEngine)});
                   }
                 });
}

Result<void> CatalogReader::read_triggers() {
  // Of a row trigger on a partitioned table each partition has a clone: internal before 13, with a parent since.
  return select_("SELECT t.tgrelid, t.tgname" + from_relations("'r', 'p', 'v', 'f'") +
                     " JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal" +
                     (since(13) ? " AND t.tgparentid = 0" : "") + " ORDER BY t.tgrelid, t.tgname COLLATE \"C\"",
                 [&](const PostgresRow& row) {
                   if (Table* t = table(row[0]); t != nullptr) t->triggers.emplace_back(row[1]);
                 });
}

}  // namespace

Result<Catalog> read_postgres_catalog(int version_num, std::vector<std::string> search_path, const PostgresSelect& select) {
  return CatalogReader(version_num, select).read(std::move(search_path));
}

}  // namespace dbaudit
