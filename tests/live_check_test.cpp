// --check-data on real databases: what it says is what SQL of the test's own says, and it says no more than it asked.

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "analyzers/base/text.h"
#include "analyzers/schema/connection.h"
#include "rules/live_check.h"
#include "rules/registry.h"
#include "tests/catch.h"
#include "tests/live_mariadb.h"
#include "tests/live_postgres.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// --- The questions, on each engine ------------------------------------------------------------------------------------------------------------

struct Case {
  const char* what;
  std::string schema;  // SQL that every engine understands
  DataCheck check;
  std::string evidence;  // expected text; empty: none
  bool observed = false;
  std::string why = {};  // in the finding's why and in the note; empty: there is neither
  bool full = false;
};

DataCheck duplicates(const std::string& table, std::vector<std::string> columns, std::vector<std::string> null_columns = {}) {
  DataCheck check;
  check.question = DataQuestion::kDuplicates;
  check.table = table;
  check.columns = std::move(columns);
  check.null_columns = std::move(null_columns);
  return check;
}

DataCheck orphans(const std::string& child, std::vector<std::string> columns, const std::string& parent,
                  std::vector<std::string> parent_columns) {
  DataCheck check;
  check.question = DataQuestion::kOrphans;
  check.table = child;
  check.columns = std::move(columns);
  check.parent = parent;
  check.parent_columns = std::move(parent_columns);
  return check;
}

DataCheck doubtful(DataCheck check) {
  check.proves = false;
  return check;
}

constexpr uint64_t kLarge = 50;  // rows, so that "large" is small in a test

/// A table of 102 rows, two of them equal.
std::string large(const std::string& index) {
  std::string sql = "CREATE TABLE t (k int NOT NULL, other int); " + index + "INSERT INTO t (k) VALUES (7000), (7000)";
  for (int i = 0; i < 100; ++i) sql += ", (" + std::to_string(i) + ")";
  return sql + ";";
}

std::vector<Case> cases() {
  const std::string parents =
      "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1), (2); CREATE TABLE t (p int, q int); ";
  const std::string with_orphans = parents + "INSERT INTO t VALUES (1, 1), (2, 1), (NULL, 1), (5, 1), (5, 2), (6, 1);";
  const std::string without = parents + "INSERT INTO t VALUES (1, 1), (2, 1), (NULL, 1);";
  return {
      {"duplicates, those with the most rows first",
       "CREATE TABLE t (k int NOT NULL); INSERT INTO t VALUES (1), (2), (2), (3), (4), (4), (4);", duplicates("t", {"k"}),
       "the live table holds 2 values of (k) more than once, 3 rows too many: (4) × 3, (2) × 2", true},
      {"one", "CREATE TABLE t (k int NOT NULL); INSERT INTO t VALUES (1), (1);", duplicates("t", {"k"}),
       "the live table holds 1 value of (k) more than once, 1 row too many: (1) × 2", true},
      {"none", "CREATE TABLE t (k int NOT NULL); INSERT INTO t VALUES (1), (2);", duplicates("t", {"k"}), ""},
      {"an empty table", "CREATE TABLE t (k int NOT NULL);", duplicates("t", {"k"}), ""},
      {"NULLs of the only column are no duplicates", "CREATE TABLE t (k int); INSERT INTO t VALUES (NULL), (NULL), (1);",
       duplicates("t", {"k"}), ""},
      {"a NULL in a key of two is seen and proves nothing",
       "CREATE TABLE t (a int NOT NULL, b int); INSERT INTO t VALUES (1, NULL), (1, NULL);", duplicates("t", {"a", "b"}),
       "the live table holds 1 value of (a, b) more than once, 1 row too many: (1, NULL) × 2; each with a NULL in it"},
      {"but one without it does", "CREATE TABLE t (a int NOT NULL, b int); INSERT INTO t VALUES (1, NULL), (1, NULL), (2, 3), (2, 3);",
       duplicates("t", {"a", "b"}), "the live table holds 2 values of (a, b) more than once, 2 rows too many: ", true},
      {"the lookup wants the NULL", "CREATE TABLE t (a int NOT NULL, b int); INSERT INTO t VALUES (1, NULL), (1, NULL), (2, 3), (2, 3);",
       duplicates("t", {"a"}, {"b"}), "the live table holds 1 value of (a) where b is NULL more than once, 1 row too many: (1) × 2", true},
      {"deleted rows do not count",
       "CREATE TABLE t (k int NOT NULL, gone date); INSERT INTO t VALUES (1, NULL), (1, '2026-01-01'), (1, '2026-01-02');",
       duplicates("t", {"k"}, {"gone"}), ""},
      {"an expression", "CREATE TABLE t (word varchar(20) NOT NULL); INSERT INTO t VALUES ('Tree'), ('tREE'), ('leaf');",
       duplicates("t", {"lower(word)"}), "the live table holds 1 value of (lower(word)) more than once, 1 row too many: (tree) × 2", true},
      {"columns named as SQL and as functions are",
       "CREATE TABLE t (share int NOT NULL, sleep int NOT NULL); INSERT INTO t VALUES (1, 2), (1, 2);", duplicates("t", {"share", "sleep"}),
       "the live table holds 1 value of (share, sleep) more than once, 1 row too many: (1, 2) × 2", true},
      {"the rule doubts that it is a key", "CREATE TABLE t (k int NOT NULL); INSERT INTO t VALUES (1), (1);",
       doubtful(duplicates("t", {"k"})),
       "the live table holds 1 value of (k) more than once, 1 row too many: (1) × 2; that may be what is meant"},
      {"a large table without an index is left alone", large(""), duplicates("t", {"k"}), "", false, "no index begins with (k) and "},
      {"unless all is to be asked", large(""), duplicates("t", {"k"}),
       "the live table holds 1 value of (k) more than once, 1 row too many: (7000) × 2", true, "", true},
      {"an index that begins with it serves", large("CREATE INDEX i ON t (k, other); "), duplicates("t", {"k"}),
       "the live table holds 1 value of (k) more than once, 1 row too many: (7000) × 2", true},
      {"one that only holds it does not", large("CREATE INDEX i ON t (other, k); "), duplicates("t", {"k"}), "", false,
       "no index begins with (k) and "},
      {"unless what comes first is fixed to NULL", large("CREATE INDEX i ON t (other, k); "), duplicates("t", {"k"}, {"other"}),
       "the live table holds 1 value of (k) where other is NULL more than once, 1 row too many: (7000) × 2", true},
      {"a table that is not there", "CREATE TABLE t (k int);", duplicates("gone", {"k"}), "", false, "there is no table gone"},
      {"a view", "CREATE TABLE t (k int); CREATE VIEW v AS SELECT k FROM t;", duplicates("v", {"k"}), "", false, " is a view"},
      {"a column that is not there", "CREATE TABLE t (k int);", duplicates("t", {"lower(nothing)"}), "", false, "nothing"},
      {"orphans", with_orphans, orphans("t", {"p"}, "parent", {"id"}),
       "the live table holds 2 values of (p) that no row of parent has, in 3 rows: (5) × 2, (6) × 1", true},
      {"no orphans", without, orphans("t", {"p"}, "parent", {"id"}), ""},
  };
}

Finding finding_of(const DataCheck& check) {
  Finding f;
  f.code = "DBA101";
  f.confidence = Confidence::kLikely;
  f.tables = {check.table};
  f.key_columns = check.columns;
  f.data = check;
  return f;
}

/// Runs every case on one engine. `run` executes SQL in an empty database; `connected` opens it; both see the same one until the next `reset`.
void check_cases(const std::function<void()>& reset, const std::function<void(const std::string&)>& run,
                 const std::function<std::string()>& dsn) {
  for (const Case& c : cases()) {
    CAPTURE(c.what);
    reset();
    run(c.schema);
    const Result<Dsn> parsed = parse_dsn(dsn());
    REQUIRE(parsed);
    const auto connection = connect(*parsed);
    INFO((connection ? "" : connection.error().message));
    REQUIRE(connection);
    const Result<Catalog> catalog = (*connection)->introspect();
    REQUIRE(catalog);
    // Findings name tables as the catalog does.
    const auto qualified = [&](const std::string& name) {
      const Table* t = catalog->find("", name);
      return t == nullptr ? name : t->qualified();
    };
    DataCheck check = c.check;
    check.table = qualified(check.table);
    if (!check.parent.empty()) check.parent = qualified(check.parent);
    std::string evidence = c.evidence;
    if (const size_t at = evidence.find("row of parent"); at != std::string::npos) evidence.replace(at + 7, 6, check.parent);

    LiveCheckOptions options;
    options.show_values = true;
    options.large_table = kLarge;
    options.full = c.full;
    std::vector<Finding> findings = {finding_of(check), finding_of(check)};
    std::vector<std::string> notes;
    check_live_data(**connection, *catalog, options, findings, notes);
    for (const std::string& note : notes) UNSCOPED_INFO(note);
    const Finding& f = findings[0];
    if (c.evidence.empty()) {
      CHECK(f.evidence.empty());
    } else {
      REQUIRE(f.evidence.size() == 1);
      CHECK(f.evidence[0].kind == (check.question == DataQuestion::kDuplicates ? "live-duplicates" : "live-orphans"));
      CHECK(f.evidence[0].text.substr(0, evidence.size()) == evidence);
    }
    CHECK((f.confidence == Confidence::kObserved) == c.observed);
    CHECK(findings[1].evidence.size() == f.evidence.size());  // asked once, said of both
    if (c.why.empty()) {
      CHECK(f.why.empty());
      CHECK(notes.empty());
    } else {
      CHECK(f.why.str().find(c.why) != std::string::npos);
      CHECK(notes.size() <= 1);
      for (const std::string& note : notes) CHECK(note.find('\n') == std::string::npos);
    }
    const bool reported = c.observed && check.question == DataQuestion::kDuplicates;
    REQUIRE(findings.size() == (reported ? 3 : 2));
    if (!reported) continue;
    CHECK(findings[2].code == "DBA108");
    CHECK(findings[2].related == std::vector<std::string>{"DBA101"});
    CHECK(f.related == std::vector<std::string>{"DBA108"});
    REQUIRE_FALSE(findings[2].fixes.empty());
    CHECK(findings[2].fixes[0].kind == "dedupe");
  }
}

/// Runs a script on a SQLite file.
void run_sqlite(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  char* message = nullptr;
  const int rc = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message);
  INFO((message != nullptr ? message : ""));
  CHECK(rc == SQLITE_OK);
  sqlite3_free(message);
  sqlite3_close(db);
}

TEST_CASE("check-data: every question on SQLite", "[check_data]") {
  const TemporaryDirectory directory;
  int n = 0;
  std::string path;
  check_cases([&] { path = directory.path() + "/" + std::to_string(++n) + ".db"; }, [&](const std::string& sql) { run_sqlite(path, sql); },
              [&] { return path; });
}

TEST_CASE("check-data: every question on a live PostgreSQL", "[check_data][live][postgres]") {
  NEED_POSTGRES();
  LiveDatabase db;
  for (const bool analyzed : {false, true}) {
    CAPTURE(analyzed);
    check_cases([&] { db.admin().run("DROP SCHEMA public CASCADE; CREATE SCHEMA public"); },
                [&](const std::string& sql) {
                  db.admin().run(sql);
                  if (analyzed) db.admin().run("ANALYZE");
                },
                [&] { return db.url(); });
  }
}

TEST_CASE("check-data: every question on a live MariaDB", "[check_data][live]") {
  const std::optional<LiveMariaDb> server = LiveMariaDb::find();
  if (!server) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  std::optional<ScratchMariaDb> db;
  check_cases([&] { db.reset(), db.emplace(*server, "data"); },
              [&](const std::string& sql) {
                const ProgramResult r = server->script(db->name(), sql + " ANALYZE TABLE t;");
                INFO(r.err);
                REQUIRE(r.status == 0);
              },
              [&] { return server->dsn_of(db->name()); });
}

// --- The corpus: real ORMs left these databases ------------------------------------------------------------------------------------------------

struct Count {
  int values = 0, rows_too_many = 0;
};

/// The test's own word on it.
Count duplicates_in(const fs::path& path, const std::string& table, const std::vector<std::string>& columns) {
  sqlite3* db = nullptr;
  const std::string uri = "file:" + path.string() + "?mode=ro&immutable=1";
  REQUIRE(sqlite3_open_v2(uri.c_str(), &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nullptr) == SQLITE_OK);
  const std::string sql = "SELECT count(*), coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM " + table + " GROUP BY " +
                          join(columns, ", ") + ") WHERE n > 1";
  sqlite3_stmt* statement = nullptr;
  INFO(sql);
  REQUIRE(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
  const Count count{sqlite3_column_int(statement, 0), sqlite3_column_int(statement, 1)};
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return count;
}

/// What stands between `before` and the next `after`.
std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const size_t from = text.find(before);
  if (from == std::string::npos) return {};
  const size_t to = text.find(after, from + before.size());
  return to == std::string::npos ? std::string() : text.substr(from + before.size(), to - from - before.size());
}

TEST_CASE("check-data: the final data of each SQLite case of the corpus", "[check_data][shared]") {
  const fs::path corpus = fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared" / "corpus";
  if (!fs::is_directory(corpus)) SKIP_TEST("no ../shared/corpus");
  int scanned = 0, with_duplicates = 0;
  for (const auto& entry : fs::directory_iterator(corpus)) {
    const fs::path db = entry.path() / "app.sqlite3";
    if (!fs::exists(db)) continue;
    CAPTURE(entry.path().filename().string());
    ++scanned;
    const json expected = json::parse(read_file((entry.path() / "expect.json").string()));
    const ProgramResult r =
        run_program({DBAUDIT_BINARY, "scan", "--dsn", db.string(), "--isolation", expected["isolation"].get<std::string>(), "--check-data",
                     "--format", "json", "--fail-on", "never", (entry.path() / "orm.log").string()},
                    corpus.string());
    INFO(r.err);
    REQUIRE(r.status == 0);
    const json report = json::parse(r.out);

    std::set<std::pair<std::string, std::set<std::string>>> told;  // table and columns of which duplicates were reported
    for (const json& f : report["findings"]) {
      CAPTURE(f["code"].get<std::string>(), f["message"].get<std::string>());
      const Rule* rule = find_rule(f["code"].get<std::string>());
      REQUIRE(rule != nullptr);
      bool has_evidence = false;
      for (const json& e : f["evidence"]) {
        if (e["kind"] != "live-duplicates") continue;
        has_evidence = true;
        const std::string text = e["text"];
        const std::string names = between(text, " of (", ")");
        std::vector<std::string> columns;
        for (const std::string_view name : split(names, ',')) columns.emplace_back(trim(name));
        const Count truth = duplicates_in(db, f["tables"][0], columns);
        CHECK(truth.values == std::stoi(between(text, "holds ", " value")));
        CHECK(truth.rows_too_many == std::stoi(between(text, "more than once, ", " row")));
        CHECK(truth.values > 0);
        CHECK(text.find("(?") != std::string::npos);  // no value of the data is printed
        told.emplace(f["tables"][0], std::set<std::string>(columns.begin(), columns.end()));
      }
      if (has_evidence) CHECK((f["confidence"] == "observed" || f["code"] != "DBA108"));
      if (!has_evidence && rule->proven_by == DataQuestion::kDuplicates && !f["key_columns"].empty())
        CHECK(duplicates_in(db, f["tables"][0], f["key_columns"]).values == 0);
      if (f["code"] == "DBA108") {
        ++with_duplicates;
        CHECK(has_evidence);
        CHECK_FALSE(f["related"].empty());
        CHECK(f["fixes"][0]["kind"] == "dedupe");
        CHECK(f["fixes"][1]["kind"] == "unique-index");
      }
    }
    // Wherever a bug left duplicates of its key, they are reported.
    for (const json& bug : expected["must_find"]) {
      const bool by_key = bug["pattern"] == "get_or_create_no_unique";
      const bool by_number = bug["pattern"] == "max_plus_one" && find_rule("DBA107") != nullptr;
      if (!by_key && !by_number) continue;
      const std::string table = bug["table"];
      if (by_key) {
        const std::vector<std::string> columns = bug["columns"];
        const Count truth = duplicates_in(db, table, columns);
        CHECK(truth.values > 0);  // the case was chosen because its data broke
        CHECK(told.count({table, std::set<std::string>(columns.begin(), columns.end())}) == 1);
      } else {
        CHECK(std::any_of(told.begin(), told.end(), [&](const auto& t) { return t.first == table; }));
      }
    }
  }
  CHECK(scanned == 20);
  CHECK(with_duplicates >= 2);
}

}  // namespace
}  // namespace dbaudit
