// dbaudit scan: the whole tool, in order.
//
//   load the schema → open the logs → records → sessions, transactions, work units → rules → findings → the live data → what is known → reports

#include "cli/scan.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "analyzers/base/text.h"
#include "analyzers/trace/session.h"
#include "cli/database_filter.h"
#include "cli/fix_files.h"
#include "cli/interrupt.h"
#include "cli/part_filter.h"
#include "cli/progress.h"
#include "cli/record_pipeline.h"
#include "cli/report/layout.h"
#include "cli/terminal.h"
#include "cli/try_fixes.h"
#include "rules/live_check.h"
#include "rules/log_gap.h"
#include "rules/registry.h"
#include "rules/runner.h"
#include "rules/suggest/check.h"

namespace dbaudit {

namespace {

constexpr std::string_view kCompressed[] = {".gz", ".bz2", ".zst"};

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

// Of what is read from front to back once, and not compressed.
uint64_t known_size(const OpenLog& log) {
  const bool is_compressed =
      std::any_of(std::begin(kCompressed), std::end(kCompressed), [&](std::string_view ending) { return log.path.ends_with(ending); });
  return log.before.is_regular && !is_compressed ? log.before.size : 0;
}

std::string shown_path(const std::string& path) { return path == "-" ? "standard input" : path; }

int interrupted(const std::string& doing) {
  job_failed(fmt::format("interrupted while {}; no report was written", doing));
  return 128 + InterruptWatch::caught();
}

/// The database on which fixes are tried: in memory for SQLite, else the one of --scratch-dsn. Null: there is none.
Result<std::unique_ptr<Scratch>> scratch_of(const ScanOptions& options, Engine engine) {
  if (engine == Engine::kSqlite) return sqlite_scratch();
  if (options.scratch_dsn.empty()) return std::unique_ptr<Scratch>();
  Result<Dsn> dsn = parse_dsn(options.scratch_dsn);
  if (!dsn) return tl::unexpected(dsn.error());
  Result<std::unique_ptr<Scratch>> scratch = open_scratch(*dsn);
  if (scratch && (*scratch)->engine() != engine) {
    return fail(fmt::format("--scratch-dsn {} is {}, and the audit is of {}: fixes are tried on the engine they are for", dsn->shown,
                            engine_title((*scratch)->engine()), engine_title(engine)));
  }
  return scratch;
}

/// Before anything is read: --scratch-dsn must be usable.
Result<void> check_scratch(const ScanOptions& options) {
  if (options.scratch_dsn.empty()) return {};
  const Result<Dsn> scratch = parse_dsn(options.scratch_dsn);
  if (!scratch) return tl::unexpected(scratch.error());
  std::optional<Dsn> audited;
  if (!options.dsn.empty()) {
    if (Result<Dsn> dsn = parse_dsn(options.dsn); dsn) audited = *dsn;
  }
  return may_be_scratch(*scratch, audited);
}

}  // namespace

int run_scan(const ScanOptions& options) {
  say(options.config_notes, options);
  if (options.verbose && !options.config.empty()) say({fmt::format("options from {}", options.config)}, options);
  Result<Baseline> baseline = options.baseline.empty() ? Baseline() : read_baseline(options.baseline);
  if (!baseline) return job_failed(baseline.error().message);
  const InterruptWatch interrupts;
  if (const Result<void> checked = check_scratch(options); !checked) return job_failed(checked.error().message);
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
  if (!is_held) *logs = in_time_order(*std::move(logs), options, engine, target->log_line_prefix());
  if (InterruptWatch::caught() != 0) return interrupted("the logs were opened");
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
  audit_options.assumptions = options.assumptions;
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
  Progress progress(progress_mode(isatty(STDERR_FILENO) == 1, options.quiet, options.progress), terminal_columns(STDERR_FILENO));
  uint64_t bytes_of_all = 0;
  for (uint32_t i = 0; i < logs->size(); ++i) {
    const bool is_open = (*logs)[i] == "-" && standard_input;
    Result<OpenLog> log = is_held   ? open_held_log(std::move(held.log), options, engine)
                          : is_open ? std::move(*standard_input)
                                    : open_log((*logs)[i], options, engine, target->log_line_prefix());
    if (is_open) standard_input.reset();
    if (!log && InterruptWatch::caught() != 0) return interrupted(fmt::format("{} was opened", shown_path((*logs)[i])));
    if (!log) return job_failed(log.error().message);
    const TraceCounts before = trace.counts();
    const size_t templates_before = templates.size();
    TimePoint first, last;
    progress.begin(shown_path(log->path), known_size(*log));
    const auto note_time = [&](const LogRecord& record) {
      const TimePoint& when = record.time.known() ? record.time : record.end_time;
      if (when.known() && (!first.known() || when.micros < first.micros)) first = when;
      if (when.known() && (!last.known() || when.micros > last.micros)) last = when;
    };
    if (options.jobs > 1) {
      RecordPipeline pipeline(*log->reader, *log->lines, templates, others, part);
      while (const RecordPipeline::Batch* batch = InterruptWatch::caught() == 0 ? pipeline.next() : nullptr) {
        for (const RecordPipeline::Item& item : batch->items) {
          progress.at(batch->bytes_read);
          note_time(item.record);
          if (!item.is_left_out) trace.feed(i, log->format->name, log->format->orm, item.record, batch->of(item));
        }
      }
    } else {
      LogRecord record;
      while (InterruptWatch::caught() == 0 && log->reader->next(record)) {
        progress.at(log->lines->bytes_read());
        note_time(record);
        if (!others.leaves_out(record) && !part.leaves_out(record)) trace.feed(i, log->format->name, log->format->orm, record);
      }
    }
    const ReaderCounts& counts = log->reader->counts();
    if (InterruptWatch::caught() != 0) {
      progress.clear();
      const std::string others_read = i == 0 ? std::string() : fmt::format("; {} of {} other logs before it", size_text(bytes_of_all), i);
      return interrupted(fmt::format("{} was read: {} and {} of it{}", shown_path(log->path), size_text(log->lines->bytes_read()),
                                     count_of(counts.statements, "statement"), others_read));
    }
    progress.end(log->lines->bytes_read());
    if (log->lines->error()) return job_failed(log->lines->error()->message);
    bytes_of_all += log->lines->bytes_read();
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
  const Remarks remarks = audit.remarks();
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
    for (Finding& f : report.findings) {
      if (f.code == "DBA108") check_fixes(f, {}, audit_options);  // the others were when they were found
    }
  }
  if (InterruptWatch::caught() != 0) return interrupted("the live data was asked");
  std::vector<std::string> notes = remarks.notes;
  const Result<void> settled = settle_findings(options, *baseline, audit_options.rules, audit_options.catalog, report, notes);
  if (!settled) return job_failed(settled.error().message);

  if (target->has_catalog) {
    const Result<std::unique_ptr<Scratch>> scratch = scratch_of(options, engine);
    if (!scratch) return job_failed(scratch.error().message);
    if (*scratch) (void)try_fixes(report.findings, target->catalog, **scratch);
  }

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
  if (!options.fixes_out.empty()) {
    if (const Result<void> written = write_fix_files(report.findings, options.fixes_out); !written)
      return job_failed(written.error().message);
  }
  if (const Result<void> written = write_reports(report, options); !written) return job_failed(written.error().message);
  say(notes, options);
  for (const std::string& error : remarks.errors) job_failed(error);
  if (!remarks.errors.empty()) return 2;
  return options.write_baseline.empty() ? exit_status(report) : 0;
}

}  // namespace dbaudit
