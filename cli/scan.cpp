// dbaudit scan: the whole tool, in order.
//
//   load the schema → open the logs → records → sessions, transactions, work units → rules → findings → the live data → what is known → fixes → reports

#include "cli/scan.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "cli/fix_files.h"
#include "cli/interrupt.h"
#include "cli/log_audit.h"
#include "cli/terminal.h"
#include "cli/try_fixes.h"
#include "rules/live_check.h"
#include "rules/registry.h"
#include "rules/runner.h"

namespace dbaudit {

namespace {

std::vector<const Rule*> selected_rules(const ScanOptions& options) {
  auto any = [](const std::vector<std::string>& selectors, const Rule& rule) {
    return std::any_of(selectors.begin(), selectors.end(), [&](const std::string& s) { return rule_matches(rule, s); });
  };
  std::vector<const Rule*> rules;
  for (const Rule* rule : all_rules()) {
    if ((options.select.empty() || any(options.select, *rule)) && !any(options.ignore, *rule)) rules.push_back(rule);
  }
  return rules;
}

// Empty when it cannot be told (it was removed): then no path is shortened.
std::string working_directory() {
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

// Server settings: of the live server or the snapshot, then what --isolation says.
std::map<std::string, std::string> settings_of(const ScanOptions& options, const ScanTarget& target) {
  std::map<std::string, std::string> settings = target.catalog.server.settings;
  for (const auto& [name, value] : options.settings) settings[name] = value;
  return settings;
}

Isolation isolation_of(const ScanOptions& options, const ScanTarget& target, Engine engine) {
  if (options.isolation != Isolation::kUnknown) return options.isolation;
  if (target.catalog.server.default_isolation != Isolation::kUnknown) return target.catalog.server.default_isolation;
  return default_isolation(engine);
}

/// DBA108 is about the keys of other rules' findings.
bool has_nothing_to_follow(const std::vector<const Rule*>& rules) {
  return std::none_of(rules.begin(), rules.end(), [](const Rule* r) { return r->proven_by == DataQuestion::kDuplicates; });
}

bool is_on(const std::map<std::string, std::string>& settings, const std::string& name) {
  const auto it = settings.find(name);
  return it != settings.end() && (iequals(it->second, "on") || it->second == "1" || iequals(it->second, "true"));
}

// What concerns the person who runs it and stands in no report.
void say(const std::vector<std::string>& lines, const ScanOptions& options) {
  if (options.quiet) return;
  for (const std::string& line : lines) job_note(line);
}

// What the audit says of itself is about every table.
bool is_about(const Finding& f, std::string_view table) {
  return f.tables.empty() ||
         std::any_of(f.tables.begin(), f.tables.end(), [&](const std::string& name) { return names_same_table(name, table); });
}

AuditOptions audit_options(const ScanOptions& options, const ScanSources& sources) {
  AuditOptions audit;
  audit.catalog = sources.target.has_catalog ? &sources.target.catalog : nullptr;
  audit.engine = sources.engine;
  audit.server_version = sources.target.catalog.server.version;
  audit.snapshot_isolation = is_on(sources.settings, "innodb_snapshot_isolation");
  audit.rules = selected_rules(options);
  audit.inputs = sources.logs;
  audit.show_values = options.show_values;
  audit.assumptions = options.assumptions;
  audit.tries_fixes = sources.target.has_catalog && (sources.engine == Engine::kSqlite || !options.scratch_dsn.empty());
  return audit;
}

std::string audited_database(const ScanOptions& options, const ScanTarget& target) {
  if (!options.database.empty()) return options.database;
  return target.connection ? target.connection->database() : std::string();
}

Result<OpenLog> open_next(const std::string& path, const ScanOptions& options, ScanSources& sources) {
  if (sources.held.log) return open_held_log(std::move(sources.held.log), options, sources.engine);
  if (path != "-" || !sources.standard_input) return open_log(path, options, sources.engine, sources.target.log_line_prefix());
  Result<OpenLog> log = std::move(*sources.standard_input);
  sources.standard_input.reset();
  return log;
}

Result<void> read_logs(const ScanOptions& options, ScanSources& sources, LogAudit& audit, Report& report) {
  for (uint32_t i = 0; i < sources.logs.size(); ++i) {
    const std::string& path = sources.logs[i];
    Result<OpenLog> log = open_next(path, options, sources);
    if (!log && InterruptWatch::caught() != 0) return interrupted(fmt::format("{} was opened", shown_path(path)));
    if (!log) return tl::unexpected(log.error());
    if (Result<void> read = audit.read(i, *std::move(log), report); !read) return read;
  }
  return {};
}

void ask_live_data(const ScanOptions& options, ScanTarget& target, const std::vector<const Rule*>& rules, Report& report) {
  if (!options.check_data || !target.connection) return;
  LiveCheckOptions live;
  live.full = options.check_data_full;
  live.show_values = options.show_values;
  live.reports_rows = has_rule(rules, "DBA108");
  if (live.reports_rows && has_nothing_to_follow(rules))
    report.notes.emplace_back("DBA108 follows the findings of DBA101 to DBA104, DBA107 and DBA110, none of which is selected");
  check_live_data(*target.connection, target.catalog, live, report.findings, report.notes);
}

void tell_target(const ScanOptions& options, const ScanSources& sources, Report& report) {
  report.target.engine = sources.engine;
  report.target.version = sources.target.catalog.server.version;
  report.target.dsn = sources.target.shown_dsn;
  report.target.isolation = options.autocommit_only                    ? "AUTOCOMMIT"
                            : sources.isolation == Isolation::kUnknown ? ""
                                                                       : std::string(isolation_name(sources.isolation));
  report.target.settings = sources.settings;
  report.root = working_directory();
  report.fail_on = options.fail_on;
  report.fail_on_confidence = options.fail_on_confidence;
}

int failed(const Error& error) {
  const int status = job_failed(error.message);
  return InterruptWatch::caught() != 0 ? 128 + InterruptWatch::caught() : status;
}

int write(const ScanOptions& options, const ScanOutcome& outcome) {
  if (!options.fixes_out.empty()) {
    if (const Result<void> written = write_fix_files(outcome.report.findings, options.fixes_out); !written)
      return job_failed(written.error().message);
  }
  if (const Result<void> written = write_reports(outcome.report, options); !written) return job_failed(written.error().message);
  say(outcome.notes, options);
  for (const std::string& error : outcome.errors) job_failed(error);
  if (!outcome.errors.empty()) return 2;
  return options.write_baseline.empty() ? exit_status(outcome.report) : 0;
}

}  // namespace

ScanOutcome::ScanOutcome() = default;
ScanOutcome::ScanOutcome(ScanOutcome&&) noexcept = default;
ScanOutcome& ScanOutcome::operator=(ScanOutcome&&) noexcept = default;
ScanOutcome::~ScanOutcome() = default;

bool has_rule(const std::vector<const Rule*>& rules, std::string_view code) {
  return std::any_of(rules.begin(), rules.end(), [code](const Rule* r) { return r->code == code; });
}

std::string shown_path(const std::string& path) { return path == "-" ? "standard input" : path; }

tl::unexpected<Error> interrupted(const std::string& doing) {
  return fail(fmt::format("interrupted while {}; no report was written", doing));
}

Result<ScanSources> open_sources(const ScanOptions& options) {
  ScanSources sources;
  Result<ScanTarget> target = load_target(options);
  if (!target) return tl::unexpected(target.error());
  sources.target = *std::move(target);
  if (options.logs.empty()) {
    if (!sources.target.connection) return fail("no log given: name one, or `-` for standard input");
    Result<HeldLogAnswer> held = sources.target.connection->held_log();
    if (!held) return tl::unexpected(held.error());
    sources.held = *std::move(held);
    if (sources.held.log) sources.logs.push_back(sources.held.log->name());
  } else {
    Result<std::vector<std::string>> logs = expand_paths(options.logs);
    if (!logs) return tl::unexpected(logs.error());
    if (logs->empty()) return fail("no log file in the directories given");
    sources.logs = *std::move(logs);
  }
  sources.engine = decide_engine(options, sources.target, sources.logs, sources.standard_input);
  if (!sources.held.log) sources.logs = in_time_order(std::move(sources.logs), options, sources.engine, sources.target.log_line_prefix());
  if (InterruptWatch::caught() != 0) return interrupted("the logs were opened");
  sources.settings = settings_of(options, sources.target);
  sources.isolation = isolation_of(options, sources.target, sources.engine);
  return sources;
}

Result<ScanOutcome> audit_sources(const ScanOptions& options, const Baseline& baseline, ScanSources& sources) {
  ScanOutcome outcome;
  Report& report = outcome.report;
  const AuditOptions how = audit_options(options, sources);
  const bool reads_no_log = sources.logs.empty();
  std::vector<Finding> of_schema;
  if (options.logs.empty()) {
    of_schema = check_schema(how);
    if (reads_no_log && of_schema.empty()) {
      return fail(fmt::format("no log given, and {}: name one; `dbaudit doctor --dsn {}` says how to have one written",
                              sources.held.why_none, sources.target.shown_dsn));
    }
  }
  outcome.audited = std::make_unique<LogAudit>(options, how, sources.isolation, audited_database(options, sources.target));
  LogAudit& logs = *outcome.audited;
  if (const Result<void> read = read_logs(options, sources, logs, report); !read) return tl::unexpected(read.error());
  if (const Result<void> finished = logs.finish(report); !finished) return tl::unexpected(finished.error());
  report.findings.insert(report.findings.end(), of_schema.begin(), of_schema.end());

  if (reads_no_log) report.notes.push_back(fmt::format("no log was read: {}", sources.held.why_none));
  report.notes.insert(report.notes.end(), sources.held.notes.begin(), sources.held.notes.end());
  logs.tell_left_out(report.notes);
  if (!sources.target.has_catalog)
    report.notes.emplace_back("no schema was given (--dsn or --schema), so every finding about keys is possible at most");
  report.notes.insert(report.notes.end(), sources.target.catalog.notes.begin(), sources.target.catalog.notes.end());

  if (!options.table.empty()) std::erase_if(report.findings, [&](const Finding& f) { return !is_about(f, options.table); });
  ask_live_data(options, sources.target, how.rules, report);
  if (InterruptWatch::caught() != 0) return interrupted("the live data was asked");
  Remarks remarks = logs.audit().remarks();
  outcome.notes = std::move(remarks.notes);
  outcome.errors = std::move(remarks.errors);
  const Result<void> settled = settle_findings(options, baseline, how.rules, how.catalog, report, outcome.notes);
  if (!settled) return tl::unexpected(settled.error());
  logs.audit().check_fixes(report.findings, options.jobs);
  tell_target(options, sources, report);
  return outcome;
}

int run_scan(const ScanOptions& options) {
  say(options.config_notes, options);
  if (options.verbose && !options.config.empty()) say({fmt::format("options from {}", options.config)}, options);
  const Result<Baseline> baseline = options.baseline.empty() ? Baseline() : read_baseline(options.baseline);
  if (!baseline) return job_failed(baseline.error().message);
  const InterruptWatch interrupts;
  const Result<std::optional<Dsn>> scratch_dsn = parse_scratch_dsn(options.scratch_dsn, options.dsn);
  if (!scratch_dsn) return failed(scratch_dsn.error());
  Result<ScanSources> sources = open_sources(options);
  if (!sources) return failed(sources.error());
  Result<ScanOutcome> outcome = audit_sources(options, *baseline, *sources);
  if (!outcome) return failed(outcome.error());
  if (sources->target.has_catalog) {
    const Result<std::unique_ptr<Scratch>> scratch = open_scratch_of(*scratch_dsn, sources->engine);
    if (!scratch) return job_failed(scratch.error().message);
    if (*scratch) (void)try_fixes(outcome->report.findings, sources->target.catalog, **scratch);
  }
  // The system takes the memory of an ending program back at once; to give back a hundred thousand templates piece by piece takes a sixth of the run.
  static const ScanOutcome* const kept = std::make_unique<ScanOutcome>(*std::move(outcome)).release();
  return write(options, *kept);
}

}  // namespace dbaudit
