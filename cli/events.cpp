// dbaudit events: what the reader read. The summary at the end counts what a scan would count, by running the same trace over it.

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "analyzers/sql/fingerprint.h"
#include "analyzers/trace/session.h"
#include "cli/event_lines.h"
#include "cli/scan.h"
#include "cli/terminal.h"

namespace dbaudit {

int run_events(const std::string& log_format, const std::string& log_line_prefix, const std::string& path) {
  ScanOptions options;
  options.log_format = log_format.empty() ? "auto" : log_format;
  options.log_line_prefix = log_line_prefix;
  Result<OpenLog> log = open_log(path, options, Engine::kUnknown);
  if (!log) return job_failed(log.error().message);

  const Engine engine = log->format->engine;
  const Dialect& dialect = dialect_of(engine);
  Templates templates(dialect);
  Binder binder(nullptr);
  TraceOptions trace_options;
  trace_options.engine = engine;
  trace_options.default_isolation = default_isolation(engine);
  Trace trace(templates, binder, trace_options, [](const WorkUnit&) {});

  bool is_written = true;
  EventLines lines(
      [&](std::string_view line) { is_written = is_written && std::fwrite(line.data(), 1, line.size(), stdout) == line.size(); });
  LogRecord record;
  TimePoint first, last;
  EventLines::Tags tags;
  while (is_written && log->reader->next(record)) {
    const TimePoint& when = record.time.known() ? record.time : record.end_time;
    if (when.known() && (!first.known() || when.micros < first.micros)) first = when;
    if (when.known() && (!last.known() || when.micros > last.micros)) last = when;
    tags.clear();
    if (record.kind == RecordKind::kStatement && !record.sql.empty()) tags = comment_tags(record.sql, dialect).tags;
    lines.add(record, tags);
    trace.feed(0, log->format->name, log->format->orm, record);
  }
  lines.finish();
  trace.finish();

  const ReaderCounts& counts = log->reader->counts();
  const TraceCounts& traced = trace.counts();
  nlohmann::ordered_json summary;
  summary["path"] = path;
  summary["format"] = std::string(log->format->name);
  summary["bytes"] = log->lines->bytes_read();
  summary["records"] = counts.records;
  summary["statements"] = counts.statements;
  summary["templates"] = templates.size();
  summary["sessions"] = traced.sessions;
  summary["transactions"] = traced.transactions;
  summary["unrecognised_lines"] = counts.unrecognised_lines;
  summary["truncated_statements"] = counts.truncated_statements;
  summary["unparsed_statements"] = traced.unparsed;
  summary["first_time"] = first.known() ? nlohmann::ordered_json(to_iso8601(first)) : nullptr;
  summary["last_time"] = last.known() ? nlohmann::ordered_json(to_iso8601(last)) : nullptr;
  summary["sampled"] = counts.sampled;
  summary["incomplete"] = counts.incomplete;
  nlohmann::ordered_json object;
  object["summary"] = std::move(summary);
  const std::string line = object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  is_written = is_written && std::fwrite(line.data(), 1, line.size(), stdout) == line.size();
  if (std::fflush(stdout) != 0 || !is_written) return job_failed("cannot write to standard output");
  if (const std::string change = what_changed(log->before); !change.empty()) fmt::print(stderr, "dbaudit: note: {}\n", change);
  if (log->lines->error()) return job_failed(log->lines->error()->message);
  return 0;
}

}  // namespace dbaudit
