// information_schema → Catalog.
//
// One statement a kind, for all tables at once: five thousand SHOW CREATE TABLE are five thousand round trips. No joins either: these tables are
// functions of the server that read every table definition again for each row of the other side. So each kind is read as it comes and put in its
// place here; MariaDB delivers the keys of a table in the order of SHOW CREATE TABLE, MySQL 8 (whose information_schema is views over a dictionary)
// in none, so there they are put into the order the server sorts them.
//
// The spelling is that of the DDL reader: expressions and types go through the same parser, so that a live schema and its dump are one Catalog.

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "analyzers/base/text.h"
#include "analyzers/schema/engines/mysql_session.h"
#include "analyzers/schema/expression.h"

namespace dbaudit {
namespace {

using Row = std::span<const MySqlValue>;

std::string text(const MySqlValue& v) { return v ? std::string(*v) : std::string(); }

/// A type as the DDL reader spells it.
std::string spell_type(std::string_view type, Engine engine) {
  std::vector<Token> tokens;
  Lexer lexer(type, dialect_of(engine));
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    if (token.kind == TokenKind::kWord && iequals(token.text, "compressed")) break;  // `text /*M!100301 COMPRESSED*/`: how it is stored
    tokens.push_back(token);
  }
  return spell_tokens(tokens, engine);
}

/// MySQL 8 keeps the text of expressions with its quotes escaped: `concat(_utf8mb4\'a\',`b`)`.
std::string unescape(std::string_view expression) {
  std::string out;
  for (size_t i = 0; i < expression.size(); ++i) {
    if (expression[i] == '\\' && i + 1 < expression.size() && (expression[i + 1] == '\'' || expression[i + 1] == '\\')) ++i;
    out += expression[i];
  }
  return out;
}

std::string action(const MySqlValue& rule) {  // InnoDB: RESTRICT is the same as NO ACTION
  return !rule || *rule == "NO ACTION" || *rule == "RESTRICT" ? std::string() : std::string(*rule);
}

class Reader {
 public:
  explicit Reader(MySqlSession& session) : session_(session), server_(session.server()), maria_(server_.engine == Engine::kMariaDb) {}

  Result<Catalog> read();

 private:
  Result<void> read_settings();
  Result<void> read_place();
  Result<void> read_tables();
  Result<void> read_partitions();
  Result<void> read_columns();
  Result<void> read_keys();
  Result<void> read_foreign_keys();
  Result<void> read_checks();
  Result<void> read_triggers();
  Result<void> read_rights();

  /// `WHERE column` is one of the databases to read. A constant lets MariaDB look into one directory only.
  [[nodiscard]] std::string where(std::string_view column) const {
    if (!database_.empty()) return " WHERE " + std::string(column) + " = " + session_.quote(database_);
    return " WHERE " + std::string(column) + " NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')";
  }
  Table* table(const MySqlValue& schema, const MySqlValue& name) {
    if (last_ != nullptr && last_->schema == schema.value_or("") && last_->name == name.value_or("")) return last_;
    const auto it = by_name_.find({text(schema), text(name)});
    return last_ = it == by_name_.end() ? nullptr : &catalog_.tables[it->second];
  }
  [[nodiscard]] std::string expression(std::string_view source) const {
    return maria_ ? normalise_expression(source, server_.engine) : normalise_expression(unescape(source), server_.engine);
  }
  [[nodiscard]] std::optional<std::string> default_of(const MySqlValue& value, std::string_view type, std::string_view extra) const;

  MySqlSession& session_;
  const MySqlServer& server_;
  bool maria_;
  std::string database_;  // empty: all the user sees
  Catalog catalog_;
  std::map<std::pair<std::string, std::string>, size_t> by_name_;
  Table* last_ = nullptr;
};

Result<void> Reader::read_settings() {
  // Those that change a verdict or what a log can show. Global: what a new session of the application gets.
  return session_.each(
      "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation', 'innodb_snapshot_isolation', 'autocommit', "
      "'sql_mode', 'innodb_autoinc_lock_mode', 'innodb_lock_wait_timeout', 'innodb_rollback_on_timeout', 'lower_case_table_names', "
      "'general_log', 'log_output', 'general_log_file', 'slow_query_log', 'long_query_time', 'performance_schema')",
      [&](Row row) {
        const std::string name = to_lower(text(row[0]));
        if (name == "tx_isolation" || name == "transaction_isolation") {
          catalog_.server.default_isolation = parse_isolation(text(row[1])).value_or(Isolation::kUnknown);
        } else {
          catalog_.server.settings[name] = text(row[1]);
        }
        return true;
      });
}

Result<void> Reader::read_place() {
  return session_.each("SELECT DATABASE()", [&](Row row) {
    database_ = text(row[0]);
    if (!database_.empty()) catalog_.search_path.push_back(database_);
    return true;
  });
}

Result<void> Reader::read_tables() {
  Result<void> read = session_.each(
      "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES" + where("TABLE_SCHEMA"), [&](Row row) {
        const std::string type = text(row[2]);
        if (type == "SEQUENCE" || icontains(type, "temporary")) return true;
        Table t;
        t.schema = text(row[0]);
        t.name = text(row[1]);
        t.is_view = type.ends_with("VIEW");
        if (!t.is_view) t.storage_engine = text(row[3]);
        if (!t.is_view && !row[3]) {
          // Its definition is damaged, or its storage engine is not loaded.
          t.keys_incomplete = true;
          catalog_.notes.push_back("table " + printable(t.qualified()) +
                                   " cannot be opened by the server: its columns and keys are unknown");
        }
        catalog_.tables.push_back(std::move(t));
        return true;
      });
  if (!read) return read;
  catalog_.finish();  // in order before places are remembered
  for (size_t i = 0; i < catalog_.tables.size(); ++i) by_name_[{catalog_.tables[i].schema, catalog_.tables[i].name}] = i;
  return {};
}

Result<void> Reader::read_partitions() {
  // PARTITIONS and not TABLES.CREATE_OPTIONS, which would open every table instead of its definition.
  return session_.each("SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME FROM information_schema.PARTITIONS" + where("TABLE_SCHEMA") +
                           " AND PARTITION_NAME IS NOT NULL",
                       [&](Row row) {
                         if (Table* t = table(row[0], row[1]); t != nullptr) t->partitioned = true;
                         return true;
                       });
}

std::optional<std::string> Reader::default_of(const MySqlValue& value, std::string_view type, std::string_view extra) const {
  if (!value) return std::nullopt;
  std::string source(*value);
  // MariaDB writes COLUMN_DEFAULT as SQL since 10.2.7: 'text', 1, NULL, current_timestamp(). Before that, and in MySQL, it is the bare value.
  const bool is_sql = maria_ ? server_.number >= 100207 : icontains(extra, "default_generated");
  const bool clock = (type.starts_with("timestamp") || type.starts_with("datetime")) && istarts_with(source, "current_timestamp");
  const bool bits = source.starts_with("b'") && type.starts_with("bit");
  if (!is_sql && !clock && !bits) {
    source = session_.quote(source);
  } else if (!maria_) {
    source = unescape(source);
  }
  const Expr e = parse_expression(source, server_.engine);
  if (e.kind == ExprKind::kNull) return std::nullopt;
  return print_expression(e);
}

Result<void> Reader::read_columns() {
  std::map<const Table*, std::vector<std::pair<int, Column>>> unordered;
  const bool generated = maria_ ? server_.number >= 100201 : server_.number >= 50706;
  Result<void> read = session_.each(
      "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_DEFAULT, IS_NULLABLE, COLUMN_TYPE, COLLATION_NAME, EXTRA, " +
          std::string(generated ? "GENERATION_EXPRESSION" : "NULL") + " FROM information_schema.COLUMNS" + where("TABLE_SCHEMA"),
      [&](Row row) {
        Table* t = table(row[0], row[1]);
        if (t == nullptr || t->is_view) return true;
        Column c;
        c.name = text(row[2]);
        const std::string type = spell_type(text(row[6]), server_.engine);
        c.type = type;
        c.is_unsigned = type.find(" unsigned") != std::string::npos || type.find(" zerofill") != std::string::npos;
        c.nullable = row[5] == "YES";
        c.collation = text(row[7]);
        const std::string extra = text(row[8]);
        c.identity = icontains(extra, "auto_increment");
        if (const std::string source = text(row[9]); !source.empty()) {
          c.generated = true;
          if (source == "ROW START" || source == "ROW END")
            c.nullable = false;
          else
            c.default_expression = expression(source);
        } else {
          c.default_expression = default_of(row[4], c.type, extra);
        }
        const int place = static_cast<int>(std::strtol(text(row[3]).c_str(), nullptr, 10));
        if (place == static_cast<int>(t->columns.size()) + 1)
          t->columns.push_back(std::move(c));
        else
          unordered[t].emplace_back(place, std::move(c));  // MySQL 8 promises no order; a user may not see all of them
        return true;
      });
  if (!read) return read;
  for (Table& t : catalog_.tables) {
    const auto it = unordered.find(&t);
    if (it == unordered.end()) continue;
    for (size_t i = 0; i < t.columns.size(); ++i) it->second.emplace_back(static_cast<int>(i) + 1, std::move(t.columns[i]));
    std::stable_sort(it->second.begin(), it->second.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    t.columns.clear();
    for (auto& [place, column] : it->second) t.columns.push_back(std::move(column));
  }
  return {};
}

Result<void> Reader::read_keys() {
  const bool functional = !maria_ && server_.number >= 80013;
  const std::string visible = maria_ ? (server_.number >= 100600 ? "IGNORED" : "'NO'") : (server_.number >= 80000 ? "IS_VISIBLE" : "'YES'");
  struct Found {
    std::map<int, KeyPart> parts;
    Key key;
  };
  std::map<const Table*, std::vector<Found>> found;
  Result<void> read = session_.each(
      "SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, NON_UNIQUE, SEQ_IN_INDEX, COLUMN_NAME, COLLATION, SUB_PART, INDEX_TYPE, " + visible +
          ", " + (functional ? "EXPRESSION" : "NULL") + " FROM information_schema.STATISTICS" + where("TABLE_SCHEMA"),
      [&](Row row) {
        Table* t = table(row[0], row[1]);
        if (t == nullptr || t->is_view) return true;
        std::vector<Found>& keys = found[t];
        const std::string name = text(row[2]);
        auto it = std::find_if(keys.rbegin(), keys.rend(), [&](const Found& f) { return f.key.name == name; });
        if (it == keys.rend()) {
          Found& f = keys.emplace_back();
          f.key.name = name;
          f.key.unique = f.key.constraint = row[3] == "0";
          f.key.primary = name == "PRIMARY";
          f.key.visible = row[9] == (maria_ ? "NO" : "YES");
          it = keys.rbegin();
        }
        KeyPart part;
        part.column = text(row[5]);
        if (row[10]) part.expression = expression(*row[10]), part.column = Name();
        part.descending = row[6] == "D";
        // The bounding box of a spatial index is told as if it were a prefix.
        if (row[7] && row[8] != "SPATIAL" && row[8] != "FULLTEXT")
          part.prefix_length = static_cast<int>(std::min(std::strtoul(text(row[7]).c_str(), nullptr, 10), 65535UL));
        it->parts[static_cast<int>(std::strtol(text(row[4]).c_str(), nullptr, 10))] = std::move(part);
        return true;
      });
  if (!read) return read;
  for (Table& t : catalog_.tables) {
    const auto it = found.find(&t);
    if (it == found.end()) continue;
    for (Found& f : it->second) {
      // A functional part of MySQL 8 has no column; a part that is neither is of a column that this user may not see.
      for (auto& [place, part] : f.parts) {
        if (part.column.empty() && part.expression.empty()) part.expression = "(unknown)", t.keys_incomplete = true;
        f.key.parts.push_back(std::move(part));
      }
      t.keys.push_back(std::move(f.key));
    }
    if (maria_) continue;
    // sort_keys(): primary, unique without NULL, unique, the rest; by name where the order of definition is not told.
    const auto rank = [&](const Key& k) {
      const bool nullable = std::any_of(k.parts.begin(), k.parts.end(), [&](const KeyPart& p) {
        const Column* c = t.column(p.column);
        return c == nullptr || c->nullable;
      });
      return k.primary ? 0 : k.unique ? (nullable ? 2 : 1) : 3;
    };
    std::stable_sort(t.keys.begin(), t.keys.end(),
                     [&](const Key& a, const Key& b) { return std::pair(rank(a), a.name) < std::pair(rank(b), b.name); });
  }
  return {};
}

Result<void> Reader::read_foreign_keys() {
  struct Found {
    ForeignKey key;
    std::map<int, std::pair<std::string, std::string>> columns;
  };
  std::map<const Table*, std::vector<Found>> found;
  const auto find = [&](Table* t, std::string_view name) -> Found* {
    for (Found& f : found[t]) {
      if (f.key.name == name) return &f;
    }
    return nullptr;
  };
  Result<void> read = session_.each(
      "SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, "
      "REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE" +
          where("TABLE_SCHEMA") + " AND REFERENCED_TABLE_NAME IS NOT NULL",
      [&](Row row) {
        Table* t = table(row[0], row[1]);
        if (t == nullptr) return true;
        Found* f = find(t, row[2].value_or(""));
        if (f == nullptr) {
          f = &found[t].emplace_back();
          f->key.name = text(row[2]);
          f->key.referenced_schema = text(row[5]);
          f->key.referenced_table = text(row[6]);
        }
        f->columns[static_cast<int>(std::strtol(text(row[3]).c_str(), nullptr, 10))] = {text(row[4]), text(row[7])};
        return true;
      });
  if (!read || found.empty()) return read;  // opens every table once more: not for nothing
  read = session_.each(
      "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, UPDATE_RULE, DELETE_RULE "
      "FROM information_schema.REFERENTIAL_CONSTRAINTS" +
          where("CONSTRAINT_SCHEMA"),
      [&](Row row) {
        Table* t = table(row[0], row[1]);
        Found* f = t == nullptr ? nullptr : find(t, row[2].value_or(""));
        if (f != nullptr) f->key.on_update = action(row[3]), f->key.on_delete = action(row[4]);
        return true;
      });
  if (!read) return read;
  for (Table& t : catalog_.tables) {
    const auto it = found.find(&t);
    if (it == found.end()) continue;
    for (Found& f : it->second) {
      for (auto& [place, pair] : f.columns) {
        f.key.columns.push_back(std::move(pair.first));
        f.key.referenced_columns.push_back(std::move(pair.second));
      }
      t.foreign_keys.push_back(std::move(f.key));
    }
    if (!maria_) std::sort(t.foreign_keys.begin(), t.foreign_keys.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  }
  return {};
}

Result<void> Reader::read_checks() {
  if (maria_ ? server_.number < 100210 : server_.number < 80016) return {};
  const auto add = [&](const MySqlValue& schema, const MySqlValue& name, std::string check_name, std::string clause) {
    if (Table* t = table(schema, name); t != nullptr) t->checks.push_back({std::move(check_name), std::move(clause)});
  };
  if (maria_) {
    // One written at a column has the column's name, which SHOW CREATE TABLE does not say. LEVEL came with 10.5.10.
    const bool level = server_.number >= 100510;
    return session_.each("SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, " + std::string(level ? "LEVEL" : "'Table'") +
                             ", CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS" + where("CONSTRAINT_SCHEMA"),
                         [&](Row row) {
                           add(row[0], row[1], row[3] == "Column" ? std::string() : text(row[2]), expression(row[4].value_or("")));
                           return true;
                         });
  }
  // MySQL names them uniquely in a database and keeps the table elsewhere.
  std::map<std::pair<std::string, std::string>, std::string> clauses;
  Result<void> read = session_.each(
      "SELECT CONSTRAINT_SCHEMA, CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS" + where("CONSTRAINT_SCHEMA"),
      [&](Row row) {
        clauses[{text(row[0]), text(row[1])}] = expression(row[2].value_or(""));
        return true;
      });
  if (!read) return read;
  read = session_.each("SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS" +
                           where("TABLE_SCHEMA") + " AND CONSTRAINT_TYPE = 'CHECK' AND ENFORCED = 'YES'",
                       [&](Row row) {
                         const auto it = clauses.find({text(row[0]), text(row[2])});
                         if (it != clauses.end()) add(row[0], row[1], text(row[2]), it->second);
                         return true;
                       });
  for (Table& t : catalog_.tables) {
    std::stable_sort(t.checks.begin(), t.checks.end(), [](const Check& a, const Check& b) { return a.name < b.name; });
  }
  return read;
}

Result<void> Reader::read_triggers() {
  struct Found {
    int event = 0, order = 0;
    std::string name;
  };
  std::map<const Table*, std::vector<Found>> found;
  Result<void> read = session_.each(
      "SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME, EVENT_MANIPULATION, ACTION_TIMING, ACTION_ORDER "
      "FROM information_schema.TRIGGERS" +
          where("TRIGGER_SCHEMA"),
      [&](Row row) {
        // SHOW TRIGGERS lists by event, then by when.
        const int event = (row[3] == "INSERT" ? 0 : row[3] == "UPDATE" ? 2 : 4) + (row[4] == "AFTER" ? 1 : 0);
        if (Table* t = table(row[0], row[1]); t != nullptr)
          found[t].push_back({event, static_cast<int>(std::strtol(text(row[5]).c_str(), nullptr, 10)), text(row[2])});
        return true;
      });
  if (!read) return read;
  for (Table& t : catalog_.tables) {
    const auto it = found.find(&t);
    if (it == found.end()) continue;
    std::stable_sort(it->second.begin(), it->second.end(),
                     [](const Found& a, const Found& b) { return std::pair(a.event, a.order) < std::pair(b.event, b.order); });
    for (Found& f : it->second) t.triggers.push_back(std::move(f.name));
  }
  return {};
}

/// What this user is not shown. information_schema leaves out without a word whatever the user has no right to.
Result<void> Reader::read_rights() {
  bool triggers = false, everything = false, all_columns = false;
  std::string user;
  std::vector<std::string> by_column;  // `db`.`table` of a grant that names columns
  Result<void> read = session_.each("SELECT CURRENT_USER()", [&](Row row) {
    user = text(row[0]);
    return true;
  });
  if (!read) return read;
  const auto quoted = [](std::string_view name) {
    std::string out = "`";
    for (char c : name) out += c == '`' ? std::string("``") : std::string(1, c);
    return out + "`";
  };
  const std::string whole_database = quoted(database_) + ".*";
  read = session_.each("SHOW GRANTS", [&](Row row) {
    const std::string grant = text(row[0]);
    const size_t on = grant.find(" ON ");
    if (on == std::string::npos) return true;  // of a role
    const std::string_view rights = std::string_view(grant).substr(0, on);
    const std::string_view object = std::string_view(grant).substr(on + 4, grant.find(" TO ", on) - on - 4);
    const bool all = icontains(rights, "ALL PRIVILEGES"), some = icontains(rights, "SELECT (");
    const bool reads = all || (icontains(rights, "SELECT") && !some);
    triggers |= all || icontains(rights, "TRIGGER");
    everything |= reads && (object == "*.*" || object == whole_database);
    all_columns |= reads && object == "*.*";
    if (some) by_column.emplace_back(object);
    return true;
  });
  if (!read) return read;
  const std::string who = "the user " + printable(user);
  if (catalog_.tables.empty()) {
    catalog_.notes.push_back(database_.empty()
                                 ? who + " sees no table of any database; grant it SELECT"
                                 : who + " sees no table in " + printable(database_) + ": it is empty, or SELECT is not granted");
    return {};
  }
  if (!everything) catalog_.notes.push_back(who + " may not see every table: those without a grant are left out");
  for (Table& t : catalog_.tables) {
    const bool some = std::find(by_column.begin(), by_column.end(), quoted(t.schema) + "." + quoted(t.name)) != by_column.end();
    if (!some || all_columns || (everything && !database_.empty())) continue;
    t.keys_incomplete = true;
    catalog_.notes.push_back(who + " may see only some columns of " + printable(t.qualified()) + ": keys on the others are not known");
  }
  if (!triggers) catalog_.notes.push_back(who + " has no TRIGGER privilege: triggers are not seen");
  return {};
}

Result<Catalog> Reader::read() {
  catalog_.engine = server_.engine;
  catalog_.server.version = server_.version;
  if (!server_.fork.empty()) catalog_.server.settings["fork"] = server_.fork;
  using Step = Result<void> (Reader::*)();
  static constexpr Step kSteps[] = {&Reader::read_settings, &Reader::read_place, &Reader::read_tables,       &Reader::read_partitions,
                                    &Reader::read_columns,  &Reader::read_keys,  &Reader::read_foreign_keys, &Reader::read_checks,
                                    &Reader::read_triggers, &Reader::read_rights};
  for (const Step step : kSteps) {
    last_ = nullptr;
    if (Result<void> done = (this->*step)(); !done) return tl::unexpected<Error>(done.error());
  }
  catalog_.finish();
  return std::move(catalog_);
}

}  // namespace

Result<Catalog> read_mysql_catalog(MySqlSession& session) { return Reader(session).read(); }

}  // namespace dbaudit
