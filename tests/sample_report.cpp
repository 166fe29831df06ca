#include "tests/sample_report.h"

namespace dbaudit {

namespace {

TimePoint at(std::string_view text) { return *parse_time(text); }

Finding full_finding() {
  Finding f;
  f.code = "DBA101";
  f.name = "get-or-create-without-unique-key";
  f.severity = Severity::kError;
  f.confidence = Confidence::kObserved;
  f.scope = Scope::kScopeBased;
  f.message = "Two sessions can both miss and both insert: nothing keeps shop_tag.name unique.";
  f.why =
      "PostgreSQL at READ COMMITTED: each session reads before the other has committed, so both see no row. The read and the write are in "
      "different transactions: no isolation level joins them, only a unique key can refuse the second row.";
  f.engine = Engine::kPostgres;
  f.isolation = "READ COMMITTED";
  f.tables = {"public.shop_tag"};
  f.columns = {"name"};
  f.key_columns = {"name"};
  f.occurrences = 1240;
  f.sessions = 8;
  f.sessions_total = 41;
  f.first_time = at("2026-01-01T00:00:00.000Z");
  f.last_time = at("2026-01-01T01:00:00.125Z");
  f.window_p50_ms = 0.8;
  f.window_max_ms = 12.1;
  f.orm_name = "django";
  f.orm_call = "get_or_create";
  f.source_file = "shop/views.py";
  f.source_line = 88;
  f.source_route = "/checkout";
  f.statements = {{"read",
                   "SELECT \"shop_tag\".\"id\", \"shop_tag\".\"name\", \"shop_tag\".\"created_at\" FROM \"shop_tag\" WHERE "
                   "\"shop_tag\".\"name\" = ? LIMIT 21",
                   {"logs/app.csv", 120},
                   "4242",
                   at("2026-01-01T00:00:00.000Z")},
                  {"insert",
                   "INSERT INTO \"shop_tag\" (\"name\", \"created_at\") VALUES (?, ?) RETURNING \"shop_tag\".\"id\"",
                   {"logs/app.csv", 124},
                   "4242",
                   at("2026-01-01T00:00:00.001Z")}};
  f.interleaving = {{0, "SELECT … FROM shop_tag WHERE name = ? → no row", false},
                    {1, "SELECT … FROM shop_tag WHERE name = ? → no row", false},
                    {0, "INSERT INTO shop_tag (name, created_at) VALUES (?, ?)", false},
                    {0, "COMMIT", false},
                    {1, "INSERT INTO shop_tag (name, created_at) VALUES (?, ?) → a second row for the same name", true}};
  f.evidence = {{"overlap", "sessions 4242 and 4243 were both between these two statements for the same key", {"logs/app.csv", 122}},
                {"live-duplicates", "3 values of name have more than one row today", {}}};
  Fix unique;
  unique.kind = "unique-index";
  unique.title = "Make shop_tag.name unique";
  unique.applicability = Applicability::kUnsafe;
  unique.sql = {"SELECT name, count(*) FROM public.shop_tag GROUP BY name HAVING count(*) > 1",
                "CREATE UNIQUE INDEX CONCURRENTLY shop_tag_name_key\n    ON public.shop_tag (name);"};
  unique.trade_off = "CONCURRENTLY cannot run inside a transaction and fails while duplicates are left.";
  unique.checked = {"parses", "runs", "silences"};
  Fix orm;
  orm.kind = "orm";
  orm.title = "Say it in the model";
  orm.applicability = Applicability::kDisplayOnly;
  orm.code = "class Meta:\n    constraints = [models.UniqueConstraint(fields=[\"name\"], name=\"shop_tag_name_key\")]";
  f.fixes = {unique, orm};
  f.related = {"DBA109"};
  f.fingerprint = 0x9f86d081884c7d65;
  return f;
}

Finding bare_finding() {
  Finding f;
  f.code = "DBA901";
  f.name = "log-cannot-show-it";
  f.severity = Severity::kWarning;
  f.message = "The log has no session ids.";
  f.fixes.emplace_back();
  f.fixes.back().kind = "transaction";
  f.fixes.back().title = "Log them";
  f.fixes.back().sql = {"SET x = 1 -- for good"};
  return f;
}

}  // namespace

Report sample_report() {
  Report r;
  r.target.engine = Engine::kPostgres;
  r.target.version = "15.18";
  r.target.dsn = "postgresql://app@db/shop";
  r.target.isolation = "READ COMMITTED";
  InputSummary a;
  a.path = "logs/app.csv";
  a.format = "postgres-csv";
  a.bytes = 1048576;
  a.records = 13000;
  a.statements = 12300;
  a.templates = 120;
  a.sessions = 40;
  a.transactions = 2500;
  a.unrecognised_lines = 3;
  a.truncated_statements = 1;
  a.first_time = at("2026-01-01T00:00:00.000Z");
  a.last_time = at("2026-01-01T01:00:00.125456Z");
  InputSummary b;
  b.path = "-";
  b.statements = 45;
  b.sessions = 1;
  r.inputs = {a, b};
  r.findings = {full_finding(), bare_finding()};
  r.suppressed = 2;
  r.notes = {"- names no session: statements of different clients cannot be told apart"};
  return r;
}

std::string written(std::string_view format, const Report& report, const ReportStyle& style) {
  std::string text;
  find_report_format(format)->write(report, style, [&](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace dbaudit
