// From `--schema` paths to text: which files a directory of migrations holds and in what order, what is no DDL at all, and whose DDL it is.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "analyzers/base/text.h"
#include "analyzers/schema/ddl.h"
#include "analyzers/schema/snapshot.h"

namespace dbaudit {
namespace {

constexpr size_t kMaxFile = size_t{1} << 30;
constexpr int kMaxDirectoryDepth = 8;

size_t end_of_line(std::string_view text, size_t pos) {
  const size_t end = text.find('\n', pos);
  return end == std::string_view::npos ? text.size() : end + 1;
}

/// The part of a migration that goes up: many tools keep both ways in one file.
std::string_view up_part(std::string_view text) {
  for (size_t pos = 0; pos < text.size(); pos = end_of_line(text, pos)) {
    std::string_view line = text.substr(pos, std::min<size_t>(end_of_line(text, pos) - pos, 80));
    if (!line.starts_with("--")) continue;
    line = trim(line.substr(2));
    for (std::string_view mark : {"+goose down", "+migrate down", "migrate:down", "down migration", "@undo", "//@undo"}) {
      if (istarts_with(line, mark)) return text.substr(0, pos);
    }
  }
  return text;
}

bool undoes(std::string_view name) {
  const std::string lower = to_lower(name);
  if (lower == "down.sql" || lower.ends_with(".down.sql") || lower.ends_with("_down.sql") || lower.ends_with(".rollback.sql")) return true;
  return lower.size() > 3 && lower[0] == 'u' && lower[1] >= '0' && lower[1] <= '9' &&
         lower.find("__") != std::string::npos;  // Flyway's undo
}

/// Numbers compare as numbers, all else byte by byte.
bool natural_less(std::string_view a, std::string_view b) {
  size_t i = 0, j = 0;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      size_t ie = i, je = j;
      while (ie < a.size() && digit(a[ie])) ++ie;
      while (je < b.size() && digit(b[je])) ++je;
      std::string_view x = a.substr(i, ie - i), y = b.substr(j, je - j);
      x.remove_prefix(std::min(x.find_first_not_of('0'), x.size()));
      y.remove_prefix(std::min(y.find_first_not_of('0'), y.size()));
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      i = ie;
      j = je;
    } else {
      if (a[i] != b[j]) return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
      ++i;
      ++j;
    }
  }
  if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
  return a < b;
}

Result<std::string> read_file(const std::string& path) {
  struct Close {
    void operator()(FILE* f) const { std::fclose(f); }
  };
  const std::unique_ptr<FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return fail("cannot open schema " + printable(path) + ": " + std::strerror(errno));
  std::string out;
  std::array<char, 1 << 16> buffer;
  size_t n = 0;
  while ((n = std::fread(buffer.data(), 1, buffer.size(), file.get())) > 0) {
    out.append(buffer.data(), n);
    if (out.size() > kMaxFile)
      return fail("schema " + printable(path) + " is larger than 1 GiB; dump the schema only (pg_dump -s, mysqldump -d)");
  }
  if (std::ferror(file.get()) != 0) return fail("cannot read schema " + printable(path) + ": " + std::strerror(errno));
  return out;
}

/// Why a file cannot be DDL text, or empty.
std::string binary_reason(std::string_view text) {
  if (text.starts_with("SQLite format 3")) return "is a SQLite database, not DDL: pass it as --dsn";
  if (text.starts_with("PGDMP")) return "is a pg_dump archive: write it as SQL with pg_restore -s -f schema.sql";
  if (text.starts_with("\x1f\x8b") || text.starts_with("BZh") || text.starts_with("\x28\xb5\x2f\xfd"))
    return "is compressed: decompress it first";
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return "is UTF-16 text: save it as UTF-8";
  if (text.find('\0') != std::string_view::npos) return "is a binary file, not DDL";
  return "";
}

/// Every migration below a directory, in order.
void list_migrations(const std::filesystem::path& directory, int depth, std::vector<std::string>& out, std::error_code& error) {
  std::vector<std::filesystem::path> entries;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    entries.push_back(it->path());
  if (error) return;
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return natural_less(a.filename().native(), b.filename().native()); });
  for (const auto& entry : entries) {
    const std::string name = entry.filename().string();
    if (name.empty() || name[0] == '.') continue;
    std::error_code ignored;
    if (std::filesystem::is_directory(entry, ignored)) {
      if (depth < kMaxDirectoryDepth && !iequals(name, "down")) list_migrations(entry, depth + 1, out, error);
      if (error) return;
    } else if (const std::string extension = to_lower(entry.extension().string());
               (extension == ".sql" || extension == ".ddl" || extension == ".psql" || extension == ".schema") && !undoes(name)) {
      out.push_back(entry.string());
    }
  }
}

bool is_json(std::string_view text) { return trim(text.substr(0, 256)).starts_with("{") || trim(text.substr(0, 256)).starts_with("["); }

Result<std::string> read_schema_text(const std::string& path) {
  Result<std::string> text = read_file(path);
  if (!text) return text;
  if (const std::string reason = binary_reason(*text); !reason.empty()) return fail("schema " + printable(path) + " " + reason);
  return text;
}

/// A snapshot becomes the catalogue, or adds its tables to it.
Result<void> add_snapshot(const std::string& path, std::string_view text, Catalog& catalog) {
  Result<Catalog> snapshot = catalog_from_json(text);
  if (!snapshot) return fail("schema " + printable(path) + ": " + snapshot.error().message);
  if (catalog.tables.empty()) {
    const Engine engine = catalog.engine;
    catalog = std::move(*snapshot);
    if (catalog.engine == Engine::kUnknown) catalog.engine = engine;
  } else {
    for (Table& t : snapshot->tables) catalog.tables.push_back(std::move(t));
  }
  return {};
}

}  // namespace

Engine guess_ddl_engine(std::string_view text) {
  text = text.substr(0, size_t{1} << 20);
  struct Sign {
    std::string_view text;
    Engine engine;
    int weight;
  };
  // Each says more of one engine than of the others; names that dumps print of themselves decide alone.
  static constexpr std::array<Sign, 40> kSigns = {{{"-- PostgreSQL database dump", Engine::kPostgres, 100},
                                                   {"-- MariaDB dump", Engine::kMariaDb, 100},
                                                   {"-MariaDB", Engine::kMariaDb, 60},
                                                   {"-- MySQL dump", Engine::kMySql, 50},
                                                   {"/*!40101", Engine::kMySql, 20},
                                                   {"engine=", Engine::kMySql, 20},
                                                   {"engine =", Engine::kMySql, 20},
                                                   {"auto_increment", Engine::kMySql, 20},
                                                   {"unsigned", Engine::kMySql, 5},
                                                   {"on duplicate key", Engine::kMySql, 5},
                                                   {"unique key `", Engine::kMySql, 10},
                                                   {"tinyint(", Engine::kMySql, 4},
                                                   {"datetime(", Engine::kMySql, 4},
                                                   {"`", Engine::kMySql, 2},
                                                   {"create database if not exists", Engine::kMySql, 5},
                                                   {"current_timestamp on update", Engine::kMySql, 10},
                                                   {"sqlite_sequence", Engine::kSqlite, 60},
                                                   {"autoincrement", Engine::kSqlite, 20},
                                                   {"without rowid", Engine::kSqlite, 30},
                                                   {"pragma ", Engine::kSqlite, 30},
                                                   {"integer primary key", Engine::kSqlite, 6},
                                                   {"collate nocase", Engine::kSqlite, 20},
                                                   {" datetime", Engine::kSqlite, 1},
                                                   {"create extension", Engine::kPostgres, 30},
                                                   {"character varying", Engine::kPostgres, 20},
                                                   {"timestamptz", Engine::kPostgres, 20},
                                                   {"timestamp with time zone", Engine::kPostgres, 20},
                                                   {"timestamp without time zone", Engine::kPostgres, 20},
                                                   {"jsonb", Engine::kPostgres, 20},
                                                   {"serial", Engine::kPostgres, 10},
                                                   {"::", Engine::kPostgres, 10},
                                                   {"$$", Engine::kPostgres, 6},
                                                   {"as identity", Engine::kPostgres, 15},
                                                   {"using btree", Engine::kPostgres, 3},
                                                   {"using gin", Engine::kPostgres, 15},
                                                   {"using gist", Engine::kPostgres, 15},
                                                   {" bytea", Engine::kPostgres, 15},
                                                   {"alter table only", Engine::kPostgres, 20},
                                                   {"index concurrently", Engine::kPostgres, 20},
                                                   {" uuid", Engine::kPostgres, 3}}};
  int postgres = 0, mysql = 0, mariadb = 0, sqlite = 0;
  const std::string lower = to_lower(text);
  for (const Sign& s : kSigns) {
    if (lower.find(to_lower(s.text)) == std::string::npos) continue;
    switch (s.engine) {
      case Engine::kPostgres: postgres += s.weight; break;
      case Engine::kMySql: mysql += s.weight; break;
      case Engine::kMariaDb: mariadb += s.weight; break;
      case Engine::kSqlite: sqlite += s.weight; break;
      case Engine::kUnknown: break;
    }
  }
  const int family = mysql + mariadb;
  if (postgres > family && postgres > sqlite) return Engine::kPostgres;
  if (family > postgres && family > sqlite) return mariadb > 0 ? Engine::kMariaDb : Engine::kMySql;
  if (sqlite > postgres && sqlite > family) return Engine::kSqlite;
  return Engine::kUnknown;
}

Result<Catalog> load_schema(const std::vector<std::string>& paths, Engine engine) {
  struct Source {
    std::string path;
    bool migration = false;
  };
  std::vector<Source> sources;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      sources.push_back({path, false});
      continue;
    }
    std::vector<std::string> files;
    list_migrations(path, 0, files, error);
    if (error) return fail("cannot read schema directory " + printable(path) + ": " + error.message());
    if (files.empty()) return fail("schema directory " + printable(path) + " holds no .sql file");
    for (std::string& file : files) sources.push_back({std::move(file), true});
  }

  Catalog catalog;
  catalog.engine = engine;
  // The first file that tells the engine tells it for all: a migration's first lines may be anybody's SQL.
  for (const Source& s : sources) {
    if (catalog.engine != Engine::kUnknown || sources.size() == 1) break;
    const Result<std::string> text = read_schema_text(s.path);
    if (text && !is_json(*text)) catalog.engine = guess_ddl_engine(*text);
  }
  for (const Source& s : sources) {
    const Result<std::string> text = read_schema_text(s.path);
    if (!text) return tl::unexpected<Error>(text.error());
    if (is_json(*text)) {
      if (Result<void> r = add_snapshot(s.path, *text, catalog); !r) return tl::unexpected<Error>(r.error());
    } else {
      apply_ddl(s.migration ? up_part(*text) : std::string_view(*text), s.path, catalog);
    }
  }
  if (catalog.tables.empty()) {
    std::string message = "no table in schema " + printable(join(paths, ", "));
    if (!catalog.notes.empty()) message += " (" + catalog.notes.front() + ")";
    return fail(std::move(message));
  }
  catalog.finish();
  return catalog;
}

}  // namespace dbaudit
