// Where a scan gets its schema and its logs from.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "analyzers/log/envelope.h"
#include "analyzers/log/formats/log_line_prefix.h"
#include "analyzers/log/read_ahead.h"
#include "analyzers/schema/ddl.h"
#include "cli/scan.h"

namespace dbaudit {

Result<ScanTarget> load_target(const ScanOptions& options) {
  ScanTarget target;
  if (!options.dsn.empty()) {
    const Result<Dsn> dsn = parse_dsn(options.dsn);
    if (!dsn) return tl::unexpected(dsn.error());
    target.shown_dsn = dsn->shown;
    Result<std::unique_ptr<Connection>> connection = connect(*dsn);
    if (!connection) return tl::unexpected(connection.error());
    target.connection = std::move(*connection);
    Result<Catalog> catalog = target.connection->introspect();
    if (!catalog) return tl::unexpected(catalog.error());
    target.catalog = std::move(*catalog);
    target.has_catalog = true;
  } else if (!options.schema_files.empty()) {
    Result<Catalog> catalog = load_schema(options.schema_files, options.engine.value_or(Engine::kUnknown));
    if (!catalog) return tl::unexpected(catalog.error());
    target.catalog = std::move(*catalog);
    target.has_catalog = true;
  }
  return target;
}

std::string ScanTarget::log_line_prefix() const {
  const auto it = catalog.server.settings.find("log_line_prefix");
  return it == catalog.server.settings.end() ? "" : it->second;
}

Result<OpenLog> open_log(const std::string& path, const ScanOptions& options, Engine engine, const std::string& server_prefix) {
  const FileState before = file_state(path);
  Result<std::unique_ptr<ByteSource>> source = open_source(path);
  if (!source) return tl::unexpected(source.error());
  if (options.jobs > 2) *source = read_ahead(std::move(*source));  // the second thread takes the records apart
  auto lines = std::make_unique<Lines>(std::move(*source));
  const std::string_view head = lines->head();
  if (lines->error()) return tl::unexpected(*lines->error());
  if (head.empty()) return fail(fmt::format("{} is empty: nothing to audit", path));
  ReaderOptions reader_options;
  reader_options.log_line_prefix = options.log_line_prefix;
  // The log may be older than the setting, or another server's.
  if (options.log_line_prefix.empty() && !server_prefix.empty()) {
    const int fits = count_prefix(head, server_prefix).matched;
    if (fits > 0 && fits >= guess_prefix(head).matched) reader_options.log_line_prefix = server_prefix;
  }
  reader_options.engine = engine;
  reader_options.zone_offset_minutes = options.zone_offset_minutes;
  const Format* wanted = nullptr;
  if (options.log_format != "auto") {
    wanted = find_format(options.log_format);
    if (wanted == nullptr) return fail(fmt::format("unknown log format '{}' (try --log-format help)", options.log_format));
  }
  OpenedLog opened = open_records(std::move(lines), wanted, reader_options);
  if (opened.reader == nullptr) return fail(fmt::format("{}: no log format recognised (try --log-format help)", path));
  return OpenLog{path, opened.format, std::move(opened.reader), opened.lines, before};
}

std::vector<std::string> in_time_order(std::vector<std::string> logs, const ScanOptions& options, Engine engine,
                                       const std::string& server_prefix) {
  constexpr int kRecords = 100;  // looked at for a time: a banner has none
  std::vector<std::pair<TimePoint, std::string>> timed;
  const Format* format = nullptr;
  if (logs.size() < 2) return logs;
  for (const std::string& path : logs) {
    if (path == "-" || !file_state(path).is_regular) return logs;  // can be read once only
    Result<OpenLog> log = open_log(path, options, engine, server_prefix);
    if (!log || (format != nullptr && log->format != format)) return logs;
    format = log->format;
    LogRecord record;
    TimePoint first;
    for (int i = 0; i < kRecords && !first.known() && log->reader->next(record); ++i)
      first = record.time.known() ? record.time : record.end_time;
    if (!first.known() || (!timed.empty() && first.zone_known != timed.front().first.zone_known)) return logs;
    timed.emplace_back(first, path);
  }
  std::stable_sort(timed.begin(), timed.end(), [](const auto& a, const auto& b) { return a.first.micros < b.first.micros; });
  for (size_t i = 0; i < logs.size(); ++i) logs[i] = std::move(timed[i].second);
  return logs;
}

Engine decide_engine(const ScanOptions& options, const ScanTarget& target, const std::vector<std::string>& logs,
                     std::optional<Result<OpenLog>>& standard_input) {
  if (options.engine) return *options.engine;
  if (target.has_catalog && target.catalog.engine != Engine::kUnknown) return target.catalog.engine;
  for (const std::string& path : logs) {
    Result<OpenLog> log = open_log(path, options, Engine::kUnknown, target.log_line_prefix());
    if (path == "-") {
      const Engine engine = log ? log->format->engine : Engine::kUnknown;
      standard_input = std::move(log);
      return engine;
    }
    if (!log) continue;
    LogRecord first;  // a general log's banner, which comes before it, tells MariaDB from MySQL
    if (log->reader->next(first) && log->reader->counts().engine != Engine::kUnknown) return log->reader->counts().engine;
    if (log->format->engine != Engine::kUnknown) return log->format->engine;
  }
  return Engine::kUnknown;
}

}  // namespace dbaudit
