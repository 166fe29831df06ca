#include "cli/try_fixes.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/sql/lexer.h"
#include "analyzers/sql/templates.h"

namespace dbaudit {
namespace {

/// The tables that the statements name, in the order of the catalog. False: one of them is not known.
class NamedTables {
 public:
  NamedTables(const Catalog& catalog, Templates& templates) : catalog_(catalog), templates_(templates) {}

  void add(const std::string& qualified) {
    const size_t dot = qualified.rfind('.');
    add(ObjectName{dot == std::string::npos ? "" : qualified.substr(0, dot), qualified.substr(dot == std::string::npos ? 0 : dot + 1)});
  }

  void read(const std::string& sql) {
    const StatementFacts& facts = templates_.intern(sql, false)->facts;
    for (const QueryBlock& b : facts.blocks) {
      for (const TableRef& t : b.tables) {
        if (!t.is_cte && t.derived_block < 0 && t.function.empty()) add(t.name);
      }
    }
    for (const Write& w : facts.writes) {
      for (const ObjectName& t : w.targets) add(t);
      const bool inserts = w.kind == StatementKind::kInsert || w.kind == StatementKind::kReplace;
      if (inserts && !w.targets.empty() && !w.insert_columns.empty())
        inserted_[catalog_.find(w.targets.front().schema, w.targets.front().name)].assign(w.insert_columns.begin(), w.insert_columns.end());
    }
    for (const LockStatement& l : facts.locks) {
      for (const ObjectName& t : l.tables) add(t);
    }
    add(facts.ddl->table);
  }

  [[nodiscard]] std::vector<Table> tables() const {
    std::vector<Table> result;
    for (const Table& t : catalog_.tables) {
      if (!found_.contains(&t)) continue;
      result.push_back(t);
      if (const auto it = inserted_.find(&t); it != inserted_.end()) let_be_left_out(result.back(), it->second);
    }
    return result;
  }

 private:
  /// The program's INSERT works without these columns: a trigger or a counter fills them in that the schema does not show.
  static void let_be_left_out(Table& t, const std::vector<std::string>& given) {
    for (Column& c : t.columns) {
      const bool named = std::any_of(given.begin(), given.end(), [&](const std::string& g) { return iequals(g, c.name); });
      if (named || c.nullable || c.default_expression || c.identity || c.generated) continue;
      const Key* primary = t.primary_key();
      const bool alone = primary != nullptr && primary->parts.size() == 1 && iequals(primary->parts[0].column, c.name);
      if (alone && icontains(c.type, "int")) {
        c.identity = true;
      } else {
        c.nullable = true;
      }
    }
  }

  void add(const ObjectName& name) {
    // What is not in the catalog may be what the fix makes; otherwise the engine will say so.
    if (const Table* t = catalog_.find(name.schema, name.name); t != nullptr) found_.insert(t);
  }

  const Catalog& catalog_;
  Templates& templates_;
  std::set<const Table*> found_;
  std::map<const Table*, std::vector<std::string>> inserted_;  // columns that INSERTs give
};

/// The program's own statements come from a log, and the scratch server's user may do much: whatever reaches out of the tables is not run.
std::string objection(const std::string& sql, Engine engine) {
  static constexpr std::array<std::string_view, 6> kBeginnings = {"pg_", "lo_", "dblink", "load_", "master_", "source_"};
  static constexpr std::array<std::string_view, 5> kCalls = {"sleep", "benchmark", "release_all_locks", "wait_for_executed_gtid_set",
                                                             "set_config"};
  static constexpr std::array<std::string_view, 2> kWords = {"outfile", "dumpfile"};
  const Dialect& dialect = dialect_of(engine);
  Lexer lexer(sql, dialect);
  std::string name;
  for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next()) {
    const bool called = t.text == "(" && !name.empty();
    const bool reaches_out = std::any_of(kBeginnings.begin(), kBeginnings.end(), [&](std::string_view b) { return name.starts_with(b); }) ||
                             std::find(kCalls.begin(), kCalls.end(), name) != kCalls.end() || name.find("_to_xml") != std::string::npos;
    if (called && reaches_out && !name.starts_with("pg_advisory_")) return "it calls " + printable(name);
    if (t.kind == TokenKind::kWord && std::any_of(kWords.begin(), kWords.end(), [&](std::string_view w) { return iequals(t.text, w); }))
      return "it may read or write files";
    name.clear();
    if (t.kind == TokenKind::kWord) name = to_lower(t.text);
    if (t.kind == TokenKind::kQuotedName) unquote(t, dialect, name);
  }
  return {};
}

/// What has to be run, in order: what the fix needs, then the fix.
std::vector<std::string> statements_of(const Finding& finding, size_t index) {
  const Fix& fix = finding.fixes[index];
  std::vector<std::string> all;
  for (size_t i = 0; i < index && !fix.use.after.empty(); ++i) {
    const Fix& before = finding.fixes[i];
    if (before.kind != fix.use.after) continue;
    all.insert(all.end(), before.sql.begin(), before.sql.begin() + before.use.once);
  }
  all.insert(all.end(), fix.trial.begin(), fix.trial.end());
  return all;
}

}  // namespace

std::vector<RefusedFix> try_fixes(std::vector<Finding>& findings, const Catalog& catalog, Scratch& scratch) {
  std::vector<RefusedFix> refused;
  Templates templates(dialect_of(scratch.engine()));
  for (size_t f = 0; f < findings.size(); ++f) {
    for (size_t i = 0; i < findings[f].fixes.size(); ++i) {
      Fix& fix = findings[f].fixes[i];
      const auto parses = std::find(fix.checked.begin(), fix.checked.end(), "parses");
      if (parses == fix.checked.end() || fix.trial.size() != fix.sql.size()) continue;
      const std::vector<std::string> statements = statements_of(findings[f], i);
      NamedTables named(catalog, templates);
      for (const std::string& t : findings[f].tables) named.add(t);
      for (const std::string& s : statements) named.read(s);
      RefusedFix problem{f, i, {}, {}};
      Result<void> done = scratch.set_up(named.tables());
      for (size_t s = 0; s < statements.size() && done; ++s) {
        problem.statement = statements[s];
        const std::string why = objection(statements[s], scratch.engine());
        done = why.empty() ? scratch.run(statements[s]) : Result<void>(fail(why));
      }
      if (done) {
        fix.checked.insert(parses + 1, "runs");
      } else {
        problem.why = done.error().message;
        refused.push_back(std::move(problem));
      }
    }
  }
  return refused;
}

Result<std::optional<Dsn>> parse_scratch_dsn(const std::string& text, const std::string& audited) {
  if (text.empty()) return std::nullopt;
  Result<Dsn> scratch = parse_dsn(text);
  if (!scratch) return tl::unexpected(scratch.error());
  // What is wrong with --dsn is said where it is opened.
  if (const Result<Dsn> other = parse_dsn(audited); other && same_database(*scratch, *other))
    return fail("--scratch-dsn " + scratch->shown + " is the audited database: name another one, where a database may be made and dropped");
  return *std::move(scratch);
}

Result<std::unique_ptr<Scratch>> open_scratch_of(const std::optional<Dsn>& dsn, Engine engine) {
  if (engine == Engine::kSqlite) return sqlite_scratch();
  if (!dsn) return std::unique_ptr<Scratch>();
  Result<std::unique_ptr<Scratch>> scratch = open_scratch(*dsn);
  if (scratch && (*scratch)->engine() != engine) {
    return fail(fmt::format("--scratch-dsn {} is {}, and the audit is of {}: fixes are tried on the engine they are for", dsn->shown,
                            engine_title((*scratch)->engine()), engine_title(engine)));
  }
  return scratch;
}

}  // namespace dbaudit
