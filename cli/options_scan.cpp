#include "cli/options_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "cli/option_values.h"
#include "cli/report/report.h"

namespace dbaudit {

namespace {

constexpr std::string_view kWhat = "What to audit";
constexpr std::string_view kHow = "How the sessions ran";
constexpr std::string_view kReport = "The report";
constexpr std::string_view kWhich = "What counts";
constexpr std::string_view kProgram = "Options";

using W = ScanWords;
using Paths = ScanOption::Paths;

const ScanOption kOptions[] = {
    {"dsn", 0, "DSN", kWhat, &W::dsn, "Live database, read only: sqlite:///shop.db, a SQLite file, or env:NAME", R"("env:DATABASE_URL")",
     Paths::kDsn},
    {"schema", 0, "FILE", kWhat, &W::schema, "DDL file, directory of migrations, or JSON of dbaudit schema; repeatable",
     R"(["schema.sql"])", Paths::kValue},
    {"log", 0, "FILE", kWhat, &W::log, "Same as LOG; repeatable", R"(["log/test.log"])", Paths::kValue},
    {"log-format", 0, "NAME", kWhat, &W::log_format, "auto (default) or a name; help lists them", R"("auto")"},
    {"log-line-prefix", 0, "P", kWhat, &W::log_line_prefix, "PostgreSQL's log_line_prefix, when it cannot be guessed",
     R"("%m [%p] %q%u@%d ")"},
    {"log-timezone", 0, "Z", kWhat, &W::log_timezone, "Zone of times that name none: UTC, +02:00", R"("UTC")"},
    {"database", 0, "D", kWhat, &W::database, "Only statements of this database; with --dsn, of its own", R"("shop")"},
    {"since", 0, "T", kWhat, &W::since, "Only statements from this time on: 2026-11-20, 2026-11-20T14:00[:00][Z]", R"("2026-11-20T14:00")"},
    {"until", 0, "T", kWhat, &W::until, "Only statements before this time", R"("2026-11-21")"},
    {"app", 0, "A", kWhat, &W::app, "Only statements of this application, where the log names it", R"("shop-web")"},
    {"user", 0, "U", kWhat, &W::user, "Only statements of this database user, where the log names it", R"("shop")"},
    {"table", 0, "T", kWhat, &W::table, "Only findings about this table", R"("public.stock")"},
    {"check-data", 0, "", kWhat, &W::check_data, "Ask the live database for the damage, too (=full: without limits)", "false", Paths::kNone,
     true},
    {"engine", 0, "E", kHow, &W::engine, "postgresql, mysql, mariadb or sqlite, when no DSN tells", R"("postgresql")"},
    {"isolation", 0, "L", kHow, &W::isolation, "Default level where the log shows none: read committed, ..., autocommit, [+ NAME=VALUE]",
     R"("read committed")"},
    {"format", 0, "F", kReport, &W::format, "text (default)", R"("text")"},
    {"output", 'o', "FILE", kReport, &W::output, "Write there instead of standard output", R"("report.txt")", Paths::kValue},
    {"report", 0, "F=FILE", kReport, &W::report, "A format and its file; repeatable", R"(["json=report.json"])", Paths::kBehindEquals},
    {"fixes-out", 0, "DIR", kReport, &W::fixes_out, "Write the fixes there, one .sql file a finding", R"("fixes")", Paths::kValue},
    {"scratch-dsn", 0, "DSN", kReport, &W::scratch_dsn, "Server on which fixes are tried, in a database made and dropped; or env:NAME",
     R"("env:SCRATCH_DATABASE_URL")", Paths::kDsn},
    {"show-values", 0, "", kReport, &W::show_values, "Print literals instead of masking them", "false"},
    {"color", 0, "WHEN", kReport, &W::color, "auto (default), always or never", R"("auto")"},
    {"quiet", 'q', "", kReport, &W::quiet, "Print nothing but the report", "false"},
    {"verbose", 'v', "", kReport, &W::verbose, "Print more: whole statements, sessions, coverage", "false"},
    {"progress", 0, "", kReport, &W::progress, "Say how far the reading is where standard error is no terminal, too", "false"},
    {"select", 0, "RULE", kWhich, &W::select, "Only these rules: codes, prefixes (DBA1) or names", R"(["DBA1", "DBA2"])"},
    {"ignore", 0, "RULE", kWhich, &W::ignore, "Not these rules", R"(["DBA901"])"},
    {"min-confidence", 0, "C", kWhich, &W::min_confidence, "Report from here: possible (default), likely, observed, proven",
     R"("possible")"},
    {"fail-on", 0, "S", kWhich, &W::fail_on, "Exit 1 from here: error, warning (default), note, never", R"("warning")"},
    {"fail-on-confidence", 0, "C", kWhich, &W::fail_on_confidence, "... and from this confidence: likely (default)", R"("likely")"},
    {"baseline", 0, "FILE", kWhich, &W::baseline, "Report only what this file does not list", R"("dbaudit-baseline.json")", Paths::kValue},
    {"write-baseline", 0, "FILE", kWhich, &W::write_baseline, "List the findings of this run there, for --baseline; exit 0", "",
     Paths::kValue},
    {"config", 0, "FILE", kProgram, &W::config, "Options from there; default: dbaudit.toml, here or upwards", ""},
    {"no-config", 0, "", kProgram, &W::no_config, "Read no dbaudit.toml", ""},
    {"jobs", 'j', "N", kProgram, &W::jobs, "Threads: 2 or more read and decompress ahead (1)", "1"},
};

/// Giving one of them says that those of the file are not meant.
constexpr std::string_view kAlternatives[][3] = {
    {"dsn", "schema", ""}, {"format", "output", "report"}, {"quiet", "verbose", ""}, {"quiet", "progress", ""}};

bool is_overridden(const ScanWords& words, std::string_view name) {
  if (words.given.contains(name)) return true;
  for (const auto& group : kAlternatives) {
    if (std::find(std::begin(group), std::end(group), name) == std::end(group)) continue;
    if (std::any_of(std::begin(group), std::end(group), [&](std::string_view other) { return words.given.contains(other); })) return true;
  }
  // What only a live database answers goes with the `dsn` it was written beside.
  return name == "check-data" && words.given.contains("schema");
}

/// `out` and `./out` are; the file system is not asked. `-` is no file.
bool is_one_file(const std::string& a, const std::string& b) {
  if (a == "-" || b == "-") return a == b;
  return std::filesystem::path(a).lexically_normal() == std::filesystem::path(b).lexically_normal();
}

Result<std::vector<std::pair<std::string, std::string>>> reports_of(const ScanWords& w) {
  std::vector<std::pair<std::string, std::string>> reports;
  if (!w.format.empty() || !w.output.empty() || w.report.empty()) {
    reports.emplace_back(w.format.empty() ? "text" : w.format, w.output.empty() ? "-" : w.output);
  }
  for (const std::string& pair : w.report) {
    size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == pair.size()) {
      return fail(fmt::format("--report takes FORMAT=FILE, such as json=report.json, not '{}'", pair));
    }
    reports.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  for (size_t i = 0; i < reports.size(); ++i) {
    Result<std::string> format = report_format_of(reports[i].first);
    if (!format) return tl::unexpected(format.error());
    for (size_t j = 0; j < i; ++j) {
      if (!is_one_file(reports[i].second, reports[j].second)) continue;
      return fail(reports[i].second == "-" ? std::string("two reports would go to standard output: give one of them a file")
                                           : fmt::format("two reports would be written to {}", reports[i].second));
    }
  }
  return reports;
}

Result<void> check_how_sessions_ran(const ScanWords& w, ScanOptions& scan) {
  if (!w.engine.empty()) {
    Result<Engine> engine = engine_of(w.engine);
    if (!engine) return tl::unexpected(engine.error());
    scan.engine = *engine;
  }
  if (!w.isolation.empty()) {
    Result<IsolationSetting> isolation = parse_isolation_setting(w.isolation);
    if (!isolation) return tl::unexpected(isolation.error());
    scan.isolation = isolation->level;
    scan.autocommit_only = isolation->autocommit_only;
    scan.settings = isolation->settings;
  }
  if (!w.log_timezone.empty()) {
    Result<int32_t> minutes = parse_zone_offset(w.log_timezone);
    if (!minutes) return tl::unexpected(minutes.error());
    scan.log_timezone = w.log_timezone;
    scan.zone_offset_minutes = *minutes;
  }
  for (const auto& [option, text, into] :
       {std::tuple("--since", &w.since, &scan.part.since), std::tuple("--until", &w.until, &scan.part.until)}) {
    if (text->empty()) continue;
    Result<TimePoint> time = parse_time_option(option, *text, scan.zone_offset_minutes);
    if (!time) return tl::unexpected(time.error());
    *into = *time;
  }
  if (scan.part.since.known() && scan.part.until.known() && scan.part.until.micros <= scan.part.since.micros)
    return fail("--until is not after --since");
  scan.part.app = w.app;
  scan.part.user = w.user;
  scan.table = w.table;
  return {};
}

Result<void> check_what_counts(const ScanWords& w, ScanOptions& scan) {
  Result<std::vector<std::string>> select = rules_of(w.select);
  if (!select) return tl::unexpected(select.error());
  Result<std::vector<std::string>> ignore = rules_of(w.ignore);
  if (!ignore) return tl::unexpected(ignore.error());
  scan.select = *select;
  scan.ignore = *ignore;
  Result<std::optional<Severity>> fail_on = fail_on_of(w.fail_on);
  if (!fail_on) return tl::unexpected(fail_on.error());
  scan.fail_on = *fail_on;
  Result<Confidence> confidence = confidence_of("--fail-on-confidence", w.fail_on_confidence);
  if (!confidence) return tl::unexpected(confidence.error());
  scan.fail_on_confidence = *confidence;
  confidence = confidence_of("--min-confidence", w.min_confidence);
  if (!confidence) return tl::unexpected(confidence.error());
  scan.min_confidence = *confidence;
  scan.baseline = w.baseline;
  scan.write_baseline = w.write_baseline;
  if (scan.baseline == "-" || scan.write_baseline == "-") return fail("a baseline is a file: give its path, not -");
  return {};
}

}  // namespace

std::string help_of(const ScanOption& option) {
  std::string help(option.help);
  if (option.name != "format") return help;
  for (const ReportFormat* format : all_report_formats()) {
    if (format->name != "text") help.append(", ").append(format->name);
  }
  return help;
}

std::span<const ScanOption> scan_options() { return kOptions; }

const ScanOption* find_scan_option(std::string_view name) {
  const auto it = std::find_if(std::begin(kOptions), std::end(kOptions), [&](const ScanOption& o) { return o.name == name; });
  return it == std::end(kOptions) ? nullptr : it;
}

void add_missing(ScanWords& words, const ScanWords& file) {
  std::set<std::string, std::less<>> taken;
  for (const ScanOption& option : kOptions) {
    if (!file.given.contains(option.name) || is_overridden(words, option.name)) continue;
    std::visit([&](auto member) { words.*member = file.*member; }, option.into);
    taken.emplace(option.name);
  }
  words.given.merge(taken);  // at the end: two of the file's own options do not override each other
}

Result<ScanOptions> check_scan_values(const ScanWords& w) {
  ScanOptions scan;
  scan.dsn = w.dsn;
  scan.database = w.database;
  scan.schema_files = w.schema;
  scan.logs = w.log;
  Result<std::string> format = log_format_of(w.log_format);
  if (!format) return tl::unexpected(format.error());
  scan.log_format = *format;
  scan.log_line_prefix = w.log_line_prefix;
  if (Result<void> checked = check_how_sessions_ran(w, scan); !checked) return tl::unexpected(checked.error());
  if (Result<void> checked = check_what_counts(w, scan); !checked) return tl::unexpected(checked.error());
  auto reports = reports_of(w);
  if (!reports) return tl::unexpected(reports.error());
  scan.reports = *reports;
  if (!w.check_data.empty() && w.check_data != "false") {
    if (w.check_data != "true" && w.check_data != "full")
      return fail(fmt::format("--check-data takes no value or =full, not '{}'", w.check_data));
    scan.check_data = true;
    scan.check_data_full = w.check_data == "full";
  }
  Result<std::string> color = one_of("--color", w.color, {"auto", "always", "never"});
  if (!color) return tl::unexpected(color.error());
  scan.color = *color == "always" ? ColorMode::kAlways : *color == "never" ? ColorMode::kNever : ColorMode::kAuto;
  Result<int> jobs = jobs_of(w.jobs);
  if (!jobs) return tl::unexpected(jobs.error());
  scan.jobs = *jobs;
  if (w.quiet && w.verbose) return fail("--quiet and --verbose exclude each other");
  if (w.quiet && w.progress) return fail("--quiet and --progress exclude each other");
  scan.fixes_out = w.fixes_out;
  scan.scratch_dsn = w.scratch_dsn;
  scan.show_values = w.show_values;
  scan.quiet = w.quiet;
  scan.verbose = w.verbose;
  scan.progress = w.progress;
  return scan;
}

Result<ScanOptions> check_scan(const ScanWords& w) {
  if (!w.dsn.empty() && !w.schema.empty()) return fail("--dsn and --schema exclude each other: a live database tells its own schema");
  if (w.log.empty() && w.dsn.empty()) return fail("nothing to scan: give a LOG, or --dsn for a live database (see dbaudit scan --help)");
  Result<ScanOptions> scan = check_scan_values(w);
  if (scan && scan->check_data && w.dsn.empty()) return fail("--check-data asks a live database: give --dsn");
  return scan;
}

}  // namespace dbaudit
