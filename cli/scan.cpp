// dbaudit scan: the whole tool, in order.
//
//   load the schema → open the logs → records → sessions, transactions, work units → rules → findings → the live data → reports

#include "cli/scan.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/trace/session.h"
#include "cli/database_filter.h"
#include "cli/part_filter.h"
#include "cli/terminal.h"
#include "rules/live_check.h"
#include "rules/log_gap.h"
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

bool has_rule(const std::vector<const Rule*>& rules, std::string_view code) {
  return std::any_of(rules.begin(), rules.end(), [code](const Rule* r) { return r->code == code; });
}

/// DBA108 is about the keys of other rules' findings.
bool has_nothing_to_follow(const std::vector<const Rule*>& rules) {
  return std::none_of(rules.begin(), rules.end(), [](const Rule* r) { return r->proven_by == DataQuestion::kDuplicates; });
}

bool is_on(const std::map<std::string, std::string>& settings, const std::string& name) {
  const auto it = settings.find(name);
  return it != settings.end() && (iequals(it->second, "on") || it->second == "1" || iequals(it->second, "true"));
}

// `orders` is any schema's; what the audit says of itself is about every table.
bool is_about(const Finding& f, std::string_view table) {
  return f.tables.empty() || std::any_of(f.tables.begin(), f.tables.end(), [&](const std::string& name) {
           return iequals(name, table) || (name.size() > table.size() && name[name.size() - table.size() - 1] == '.' &&
                                           iequals(std::string_view(name).substr(name.size() - table.size()), table));
         });
}

}  // namespace

int run_scan(const ScanOptions& options) {
  Result<ScanTarget> target = load_target(options);
  if (!target) return job_failed(target.error().message);
  Result<std::vector<std::string>> logs = options.logs.empty() ? std::vector<std::string>() : expand_paths(options.logs);
  if (!logs) return job_failed(logs.error().message);
  HeldLogAnswer held;  // without a log: what the server itself keeps
  if (options.logs.empty()) {
    if (!target->connection) return job_failed("no log given: name one, or `-` for standard input");
    Result<HeldLogAnswer> answer = target->connection->held_log();
    if (!answer) return job_failed(answer.error().message);
    held = *std::move(answer);
    if (held.log) logs->push_back(held.log->name());
  }
  if (logs->empty() && !options.logs.empty()) return job_failed("no log file in the directories given");
  const bool is_held = held.log != nullptr;

  std::optional<Result<OpenLog>> standard_input;
  const Engine engine = decide_engine(options, *target, *logs, standard_input);
  const std::map<std::string, std::string> settings = settings_of(options, *target);
  Isolation isolation = options.isolation;
  if (isolation == Isolation::kUnknown) isolation = target->catalog.server.default_isolation;
  if (isolation == Isolation::kUnknown) isolation = default_isolation(engine);

  AuditOptions audit_options;
  audit_options.catalog = target->has_catalog ? &target->catalog : nullptr;
  audit_options.engine = engine;
  audit_options.server_version = target->catalog.server.version;
  audit_options.snapshot_isolation = is_on(settings, "innodb_snapshot_isolation");
  audit_options.rules = selected_rules(options);
  audit_options.inputs = *logs;
  audit_options.show_values = options.show_values;
  std::vector<Finding> of_schema;
  if (options.logs.empty()) {
    of_schema = check_schema(audit_options);
    if (!is_held && of_schema.empty()) {
      return job_failed(fmt::format("no log given, and {}: name one; `dbaudit doctor --dsn {}` says how to have one written", held.why_none,
                                    target->shown_dsn));
    }
  }
  Audit audit(audit_options);

  Templates templates(dialect_of(engine));
  Binder binder(audit_options.catalog);
  TraceOptions trace_options;
  trace_options.engine = engine;
  trace_options.default_isolation = isolation;
  trace_options.autocommit_only = options.autocommit_only;
  Trace trace(templates, binder, trace_options, [&](const WorkUnit& unit) { audit.visit(unit); });

  Report report;
  std::vector<Finding> gaps;
  const bool tells_gaps = has_rule(audit_options.rules, "DBA901");
  DatabaseFilter others(!options.database.empty() ? options.database : target->connection ? target->connection->database() : std::string());
  PartFilter part(options.part);
  for (uint32_t i = 0; i < logs->size(); ++i) {
    const bool is_open = (*logs)[i] == "-" && standard_input;
    Result<OpenLog> log = is_held   ? open_held_log(std::move(held.log), options, engine)
                          : is_open ? std::move(*standard_input)
                                    : open_log((*logs)[i], options, engine, target->log_line_prefix());
    if (is_open) standard_input.reset();
    if (!log) return job_failed(log.error().message);
    const TraceCounts before = trace.counts();
    const size_t templates_before = templates.size();
    LogRecord record;
    TimePoint first, last;
    while (log->reader->next(record)) {
      const TimePoint& when = record.time.known() ? record.time : record.end_time;
      if (when.known() && (!first.known() || when.micros < first.micros)) first = when;
      if (when.known() && (!last.known() || when.micros > last.micros)) last = when;
      if (!others.leaves_out(record) && !part.leaves_out(record)) trace.feed(i, log->format->name, log->format->orm, record);
    }
    if (log->lines->error()) return job_failed(log->lines->error()->message);
    const ReaderCounts& counts = log->reader->counts();
    const TraceCounts after = trace.counts();
    InputSummary input;
    input.path = log->path;
    input.format = log->format->name;
    input.bytes = log->lines->bytes_read();
    input.records = counts.records;
    input.statements = counts.statements;
    input.templates = templates.size() - templates_before;
    input.sessions = after.sessions - before.sessions;
    input.transactions = after.transactions - before.transactions;
    input.unrecognised_lines = counts.unrecognised_lines;
    input.truncated_statements = counts.truncated_statements;
    input.unparsed_statements = after.unparsed - before.unparsed;
    input.first_time = first;
    input.last_time = last;
    if (counts.statements == 0) {
      return job_failed(counts.records == 0 ? fmt::format("{} is not a {} log: no line of it is an entry", log->path, log->format->name)
                                            : fmt::format("{} holds no SQL statement: nothing to audit", log->path));
    }
    if (!counts.incomplete.empty() && tells_gaps) {
      gaps.push_back(log_gap_finding({log->path, log->format->name, counts.incomplete, log->format->enable}, engine));
    }
    if (const std::string change = what_changed(log->before); !change.empty()) report.notes.push_back(change);
    report.inputs.push_back(std::move(input));
  }
  if (others.left_nothing()) return job_failed(others.explain());
  if (part.left_nothing()) return job_failed(part.explain());
  trace.finish();
  report.findings = audit.finish(trace.counts().sessions);
  report.suppressed = audit.suppressed();
  report.findings.insert(report.findings.end(), gaps.begin(), gaps.end());
  report.findings.insert(report.findings.end(), of_schema.begin(), of_schema.end());
  if (options.logs.empty() && !is_held) report.notes.push_back(fmt::format("no log was read: {}", held.why_none));
  for (const std::string& note : held.notes) report.notes.push_back(note);
  if (templates.dropped() != 0) {
    report.notes.push_back(
        fmt::format("{} statements had a shape beyond the first {} and were not audited", templates.dropped(), templates.size()));
  }
  if (others.statements() != 0) report.notes.push_back(others.explain());
  if (part.has_news()) report.notes.push_back(part.explain());
  if (!target->has_catalog)
    report.notes.emplace_back("no schema was given (--dsn or --schema), so every finding about keys is possible at most");
  for (const std::string& note : target->catalog.notes) report.notes.push_back(note);

  if (!options.table.empty()) std::erase_if(report.findings, [&](const Finding& f) { return !is_about(f, options.table); });

  if (options.check_data && target->connection) {
    LiveCheckOptions live;
    live.full = options.check_data_full;
    live.show_values = options.show_values;
    live.reports_rows = has_rule(audit_options.rules, "DBA108");
    if (live.reports_rows && has_nothing_to_follow(audit_options.rules))
      report.notes.emplace_back("DBA108 follows the findings of DBA101 to DBA104, DBA107 and DBA110, none of which is selected");
    check_live_data(*target->connection, target->catalog, live, report.findings, report.notes);
  }
  std::erase_if(report.findings, [&](const Finding& f) { return f.confidence < options.min_confidence; });
  std::stable_sort(report.findings.begin(), report.findings.end(), report_order);

  report.target.engine = engine;
  report.target.version = target->catalog.server.version;
  report.target.dsn = target->shown_dsn;
  report.target.isolation = options.autocommit_only            ? "AUTOCOMMIT"
                            : isolation == Isolation::kUnknown ? ""
                                                               : std::string(isolation_name(isolation));
  report.target.settings = settings;
  report.root = working_directory();
  report.fail_on = options.fail_on;
  report.fail_on_confidence = options.fail_on_confidence;
  if (const Result<void> written = write_reports(report, options); !written) return job_failed(written.error().message);
  return exit_status(report);
}

}  // namespace dbaudit
