#include "cli/log_audit.h"

#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

#include "analyzers/base/text.h"
#include "cli/interrupt.h"
#include "cli/record_pipeline.h"
#include "cli/records_ahead.h"
#include "cli/report/layout.h"
#include "cli/terminal.h"
#include "rules/log_gap.h"

namespace dbaudit {

namespace {

constexpr std::string_view kCompressed[] = {".gz", ".bz2", ".zst"};

// Of what is read from front to back once, and not compressed.
uint64_t known_size(const OpenLog& log) {
  const bool is_compressed =
      std::any_of(std::begin(kCompressed), std::end(kCompressed), [&](std::string_view ending) { return log.path.ends_with(ending); });
  return log.before.is_regular && !is_compressed ? log.before.size : 0;
}

TraceOptions trace_options(const ScanOptions& options, Engine engine, Isolation isolation) {
  TraceOptions how;
  how.engine = engine;
  how.default_isolation = isolation;
  how.autocommit_only = options.autocommit_only;
  return how;
}

}  // namespace

LogAudit::LogAudit(const ScanOptions& options, const AuditOptions& rules, Isolation isolation, const std::string& database)
    : options_(options),
      engine_(rules.engine),
      tells_gaps_(has_rule(rules.rules, "DBA901")),
      audit_(rules),
      templates_(dialect_of(engine_)),
      binder_(rules.catalog),
      trace_(
          templates_, binder_, trace_options(options, engine_, isolation), [this](const WorkUnit& unit) { audit_.visit(unit); },
          [this](const WorkUnit& unit) { audit_.expect(unit); }),
      others_(database),
      part_(options.part),
      progress_(progress_mode(isatty(STDERR_FILENO) == 1, options.quiet, options.progress), terminal_columns(STDERR_FILENO)) {}

void LogAudit::Times::see(const LogRecord& record) {
  const TimePoint& when = record.time.known() ? record.time : record.end_time;
  if (when.known() && (!first.known() || when.micros < first.micros)) first = when;
  if (when.known() && (!last.known() || when.micros > last.micros)) last = when;
}

LogAudit::Times LogAudit::feed(uint32_t index, OpenLog& log) {
  Times times;
  if (options_.jobs > 1) {
    constexpr size_t kAhead = 3;  // records: about as long as memory takes
    RecordPipeline pipeline(log.format->name, *log.reader, *log.lines, templates_, others_, part_);
    while (const RecordPipeline::Batch* batch = InterruptWatch::caught() == 0 ? pipeline.next() : nullptr) {
      for (size_t i = 0; i < batch->items.size(); ++i) {
        const RecordPipeline::Item& item = batch->items[i];
        if (i + 3 * kAhead < batch->items.size()) trace_.expect_far(batch->items[i + 3 * kAhead].session);
        if (i + 2 * kAhead < batch->items.size()) trace_.expect(batch->items[i + 2 * kAhead].session);
        if (i + kAhead < batch->items.size()) {
          const RecordPipeline::Item& soon = batch->items[i + kAhead];
          trace_.expect(soon.session, soon.record, batch->of(soon));
        }
        if (trace_.is_wide() && i + 1 < batch->items.size()) trace_.expect(batch->of(batch->items[i + 1]));
        progress_.at(batch->bytes_read);
        times.see(item.record);
        if (!item.is_left_out) trace_.feed(index, item.session, log.format->orm, item.record, batch->of(item));
      }
    }
    return times;
  }
  LogRecord record;
  while (!trace_.is_wide() && InterruptWatch::caught() == 0 && log.reader->next(record)) {
    progress_.at(log.lines->bytes_read());
    times.see(record);
    if (!others_.leaves_out(record) && !part_.leaves_out(record)) trace_.feed(index, log.format->name, log.format->orm, record);
  }
  if (!trace_.is_wide()) return times;
  RecordsAhead ahead(log.format->name, *log.reader, templates_, trace_, others_, part_);
  while (const RecordsAhead::Item* const item = ahead.next()) {
    progress_.at(log.lines->bytes_read());
    times.see(item->record);
    if (!item->is_left_out) trace_.feed(index, item->session, log.format->orm, item->record, item->statements);
  }
  return times;
}

Result<void> LogAudit::read(uint32_t index, OpenLog log, Report& report) {
  const TraceCounts before = trace_.counts();
  const size_t templates_before = templates_.size();
  progress_.begin(shown_path(log.path), known_size(log));
  const Times times = feed(index, log);
  const ReaderCounts& counts = log.reader->counts();
  const uint64_t bytes = log.lines->bytes_read();
  if (InterruptWatch::caught() != 0) {
    progress_.clear();
    const std::string others_read =
        index == 0 ? std::string() : fmt::format("; {} of {} other logs before it", size_text(bytes_of_all_), index);
    return interrupted(fmt::format("{} was read: {} and {} of it{}", shown_path(log.path), size_text(bytes),
                                   count_of(counts.statements, "statement"), others_read));
  }
  progress_.end(bytes);
  if (log.lines->error()) return tl::unexpected(*log.lines->error());
  bytes_of_all_ += bytes;
  if (counts.statements == 0) {
    return fail(counts.records == 0 ? fmt::format("{} is not a {} log: no line of it is an entry", log.path, log.format->name)
                                    : fmt::format("{} holds no SQL statement: nothing to audit", log.path));
  }
  const TraceCounts after = trace_.counts();
  InputSummary input;
  input.path = log.path;
  input.format = log.format->name;
  input.bytes = bytes;
  input.records = counts.records;
  input.statements = counts.statements;
  input.templates = templates_.size() - templates_before;
  input.sessions = after.sessions - before.sessions;
  input.transactions = after.transactions - before.transactions;
  input.unrecognised_lines = counts.unrecognised_lines;
  input.truncated_statements = counts.truncated_statements;
  input.unparsed_statements = after.unparsed - before.unparsed;
  input.first_time = times.first;
  input.last_time = times.last;
  report.inputs.push_back(std::move(input));
  if (!counts.incomplete.empty() && tells_gaps_)
    gaps_.push_back(log_gap_finding({log.path, log.format->name, counts.incomplete, log.format->enable}, engine_));
  if (const std::string change = what_changed(log.before); !change.empty()) report.notes.push_back(change);
  return {};
}

Result<void> LogAudit::finish(Report& report) {
  if (others_.left_nothing()) return fail(others_.explain());
  if (part_.left_nothing()) return fail(part_.explain());
  trace_.finish();
  report.findings = audit_.finish(trace_.counts().sessions);
  report.suppressed = audit_.suppressed();
  report.findings.insert(report.findings.end(), gaps_.begin(), gaps_.end());
  return {};
}

void LogAudit::tell_left_out(std::vector<std::string>& notes) const {
  if (templates_.dropped() != 0) {
    notes.push_back(
        fmt::format("{} statements had a shape beyond the first {} and were not audited", templates_.dropped(), templates_.size()));
  }
  if (others_.statements() != 0) notes.push_back(others_.explain());
  if (part_.has_news()) notes.push_back(part_.explain());
}

}  // namespace dbaudit
