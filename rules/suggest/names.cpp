#include "rules/suggest/names.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"

namespace dbaudit::suggest {
namespace {

// pg_get_keywords() of PostgreSQL 15.18, every category but `unreserved`: what quote_ident() quotes.
constexpr std::string_view kPostgresWords =
    " all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast char"
    " character check coalesce collate collation column concurrently constraint create cross current_catalog current_date current_role"
    " current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do else end except"
    " exists extract false fetch float for foreign freeze from full grant greatest group grouping having ilike in initially inner"
    " inout int integer intersect interval into is isnull join lateral leading least left like limit localtime localtimestamp national"
    " natural nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay placing position"
    " precision primary real references returning right row select session_user setof similar smallint some substring symmetric table"
    " tablesample then time timestamp to trailing treat trim true union unique user using values varchar variadic verbose when where"
    " window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable ";

// Manual of MySQL 8.0, 9.3 (reserved), and what MariaDB 10.11.19 refuses as a column or table (each word of
// information_schema.KEYWORDS tried).
constexpr std::string_view kMySqlWords =
    " accessible add all alter analyze and as asc asensitive before between bigint binary blob both by call cascade case change char"
    " character check collate column condition constraint continue convert create cross cube cume_dist current_date current_role"
    " current_time current_timestamp current_user cursor database databases day_hour day_microsecond day_minute day_second dec decimal"
    " declare default delayed delete delete_domain_id dense_rank desc describe deterministic distinct distinctrow div do_domain_ids"
    " double drop dual each else elseif empty enclosed escaped except exists exit explain false fetch first_value float float4 float8"
    " for force foreign from fulltext function generated get grant group grouping groups having high_priority hour_microsecond"
    " hour_minute hour_second if ignore ignore_domain_ids in index infile inner inout insensitive insert int int1 int2 int3 int4 int8"
    " integer intersect interval into io_after_gtids io_before_gtids is iterate join json_table key keys kill lag last_value lateral"
    " lead leading leave left like limit linear lines load localtime localtimestamp lock long longblob longtext loop low_priority"
    " manual master_bind master_demote_to_replica master_demote_to_slave master_ssl_verify_server_cert match maxvalue mediumblob"
    " mediumint mediumtext middleint minute_microsecond minute_second mod modifies natural no_write_to_binlog not nth_value ntile null"
    " numeric of offset on optimize optimizer_costs option optionally or order out outer outfile over page_checksum parallel"
    " parse_vcol_expr partition percent_rank portion precision primary procedure purge qualify range rank read read_write reads real"
    " recursive ref_system_id references regexp release rename repeat replace require resignal restrict return returning revoke right"
    " rlike row row_number rows schema schemas second_microsecond select sensitive separator set show signal smallint spatial specific"
    " sql sql_big_result sql_buffer_result sql_cache sql_calc_found_rows sql_no_cache sql_small_result sqlexception sqlstate"
    " sqlwarning ssl starting stats_auto_recalc stats_persistent stats_sample_pages stored straight_join system table tablesample"
    " terminated then tinyblob tinyint tinytext to trailing trigger true undo union unique unlock unsigned update usage use using"
    " utc_date utc_time utc_timestamp value values varbinary varchar varcharacter varying virtual when where while window with write"
    " xor year_month zerofill ";

// Each word of sqlite3_keyword_name() tried as a table and column on SQLite 3.40.1.
constexpr std::string_view kSqliteWords =
    " add all alter and as autoincrement between case cast check collate commit constraint create current_date current_time"
    " current_timestamp default deferrable delete distinct drop else escape except exists foreign from group having if in index insert"
    " intersect into is isnull join limit not nothing notnull null on or order primary raise references returning select set table"
    " then to transaction union unique update using values when where ";

std::unordered_set<std::string_view> words_of(std::string_view list) {
  const std::vector<std::string_view> words = split(trim(list), ' ');
  return {words.begin(), words.end()};
}

bool is_reserved(std::string_view word, Engine engine) {
  static const std::unordered_set<std::string_view> kOfPostgres = words_of(kPostgresWords);
  static const std::unordered_set<std::string_view> kOfMySql = words_of(kMySqlWords);
  static const std::unordered_set<std::string_view> kOfSqlite = words_of(kSqliteWords);
  const std::string lower = to_lower(word);
  switch (engine) {
    case Engine::kPostgres: return kOfPostgres.contains(lower);
    case Engine::kMySql:
    case Engine::kMariaDb: return kOfMySql.contains(lower);
    case Engine::kSqlite: return kOfSqlite.contains(lower);
    case Engine::kUnknown: break;
  }
  return kOfPostgres.contains(lower) || kOfMySql.contains(lower) || kOfSqlite.contains(lower);
}

bool is_plain(std::string_view part, Engine engine) {
  if (part.empty() || (part[0] >= '0' && part[0] <= '9')) return false;
  const bool folds = engine == Engine::kPostgres || engine == Engine::kUnknown;
  return std::all_of(part.begin(), part.end(), [folds](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (!folds && c >= 'A' && c <= 'Z');
  });
}

/// `10.11.19-MariaDB` → {10, 11, 19}; zeros where a part is missing, the first -1 when it is unknown.
std::vector<int> version_parts(const std::string& version) {
  std::vector<int> parts;
  const char* at = version.data();
  const char* const end = at + version.size();
  while (parts.size() < 3) {
    int number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) break;
    parts.push_back(number);
    if (next == end || *next != '.') break;
    at = next + 1;
  }
  if (parts.empty()) parts.push_back(-1);
  parts.resize(3);
  return parts;
}

/// The spelling of a column in the statements: rules fold, and PostgreSQL's "userId" must not become userid.
const std::string* written_spelling(const StatementFacts* facts, std::string_view column) {
  if (facts == nullptr) return nullptr;
  for (const Write& w : facts->writes) {
    for (const Name c : w.insert_columns) {
      if (iequals(c, column)) return &c.str();
    }
    for (const Assignment& a : w.set) {
      if (iequals(a.column.name, column)) return &a.column.name.str();
    }
  }
  for (const QueryBlock& b : facts->blocks) {
    for (const Conjunct& c : b.where) {
      if (iequals(c.column.name, column)) return &c.column.name.str();
    }
    for (const SelectItem& i : b.items) {
      if (iequals(i.column.name, column)) return &i.column.name.str();
    }
  }
  return nullptr;
}

}  // namespace

std::string quote_part(std::string_view part, Engine engine) {
  if (is_plain(part, engine) && !is_reserved(part, engine)) return std::string(part);
  const char quote = is_mysql_family(engine) ? '`' : '"';
  std::string quoted(1, quote);
  for (const char c : part) {
    if (c == quote) quoted += quote;
    quoted += c;
  }
  return quoted + quote;
}

std::string quote_name(std::string_view name, Engine engine) {
  std::string result;
  for (const std::string_view part : split(name, '.')) {
    if (!result.empty()) result += '.';
    result += quote_part(part, engine);
  }
  return result;
}

std::string table_sql(const Material& m) {
  if (m.table == nullptr) return quote_name(m.table_name, m.engine);
  // The parts apart: a dot may stand in a name.
  const std::string name = quote_part(m.table->name, m.engine);
  return m.table->schema.empty() ? name : quote_part(m.table->schema, m.engine) + "." + name;
}

std::string bare_table(const Material& m) {
  if (m.table != nullptr) return m.table->name;
  return m.table_name.substr(m.table_name.rfind('.') + 1);
}

std::string spelling(const Material& m, std::string_view column) {
  if (m.table != nullptr) {
    if (const Column* c = m.table->column(column)) return c->name;
  }
  for (const StatementFacts* facts : {m.write, m.read}) {
    if (const std::string* found = written_spelling(facts, column)) return *found;
  }
  return std::string(column);
}

std::string column_sql(const Material& m, std::string_view column) { return quote_part(spelling(m, column), m.engine); }

bool is_column(const Material& m, std::string_view part) {
  if (m.table != nullptr && m.table->column(part) != nullptr) return true;
  return part.find_first_of("() ?'") == std::string_view::npos;
}

std::string new_name(const Material& m, const std::vector<std::string>& parts) {
  constexpr size_t kLongest = 63;
  std::string name;
  for (const std::string& part : parts) {
    if (!name.empty() && name.back() != '_') name += '_';
    for (const char c : part) {
      const char l = ascii_lower(c);
      const bool plain = (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9');
      if (plain || (!name.empty() && name.back() != '_')) name += plain ? l : '_';
    }
  }
  if (name.size() > kLongest) name = name.substr(0, kLongest - 9) + "_" + hex64(hash_bytes(name)).substr(0, 8);
  if (m.table == nullptr) return name;
  const auto taken = [&m](const std::string& candidate) {
    const auto same = [&candidate](const auto& thing) { return iequals(thing.name, candidate); };
    const Table& t = *m.table;
    return std::any_of(t.keys.begin(), t.keys.end(), same) || std::any_of(t.checks.begin(), t.checks.end(), same) ||
           std::any_of(t.foreign_keys.begin(), t.foreign_keys.end(), same) || t.column(candidate) != nullptr;
  };
  std::string free = name;
  for (int n = 2; taken(free); ++n) {
    const std::string suffix = "_" + std::to_string(n);
    free = name.substr(0, kLongest - suffix.size()) + suffix;
  }
  return free;
}

bool at_least(const Material& m, int major, int minor, int patch) {
  const std::vector<int> v = version_parts(m.version);
  return v[0] >= 0 && v >= std::vector<int>{major, minor, patch};
}

bool older_than(const Material& m, int major, int minor, int patch) {
  const std::vector<int> v = version_parts(m.version);
  return v[0] >= 0 && v < std::vector<int>{major, minor, patch};
}

}  // namespace dbaudit::suggest
