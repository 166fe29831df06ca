#pragma once
// The stages of a scan, in the order scan.cpp calls them.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/log/reader.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/schema/connection.h"
#include "cli/baseline.h"
#include "cli/command.h"
#include "cli/report/report.h"

namespace dbaudit {

class LogAudit;

/// What is audited: the schema, and the server it came from when it is live.
struct ScanTarget {
  Catalog catalog;
  bool has_catalog = false;
  std::unique_ptr<Connection> connection;  ///< null without --dsn
  std::string shown_dsn;

  /// log_line_prefix of the server or the snapshot, for logs of its own; empty when it does not say.
  [[nodiscard]] std::string log_line_prefix() const;
};

/// Loads --dsn or --schema; neither gives an empty target.
[[nodiscard]] Result<ScanTarget> load_target(const ScanOptions& options);

/// A log, opened, its format decided.
struct OpenLog {
  std::string path;
  const Format* format = nullptr;
  std::unique_ptr<RecordReader> reader;
  const Lines* lines = nullptr;  ///< of the reader: bytes read, and the error that ended it
  FileState before;              ///< when it was opened
};

/// Opens one log and decides its format. Without --log-line-prefix the server's is used where it fits the log at least as well as a guess.
/// Errors: unreadable, empty, binary, of no format we know, of another format than --log-format says.
[[nodiscard]] Result<OpenLog> open_log(const std::string& path, const ScanOptions& options, Engine engine,
                                       const std::string& server_prefix = {});

/// The logs in the order of their first times, where that can be told: files of one format, each with a time, of comparable zones. A session goes on from
/// one file of a server to the next, whatever they are called and in whatever order they are given. Otherwise as given.
[[nodiscard]] std::vector<std::string> in_time_order(std::vector<std::string> logs, const ScanOptions& options, Engine engine,
                                                     const std::string& server_prefix);

/// What a live server keeps of its own log (Connection::held_log), opened. It must go before the connection does.
[[nodiscard]] OpenLog open_held_log(std::unique_ptr<HeldLog> held, const ScanOptions& options, Engine engine);

/// The engine of the audit: --engine, the live server, the schema, or what the first log implies. Standard input can be opened once only: when it had
/// to be, what came of it is kept in `standard_input`.
[[nodiscard]] Engine decide_engine(const ScanOptions& options, const ScanTarget& target, const std::vector<std::string>& logs,
                                   std::optional<Result<OpenLog>>& standard_input);

/// What is audited, opened, and how its sessions ran.
struct ScanSources {
  ScanTarget target;
  std::vector<std::string> logs;                  ///< paths, in the order in which they are read
  HeldLogAnswer held;                             ///< where no log was given: what the server itself keeps
  std::optional<Result<OpenLog>> standard_input;  ///< opened already, to tell the engine
  Engine engine = Engine::kUnknown;
  Isolation isolation = Isolation::kUnknown;
  std::map<std::string, std::string> settings;  ///< of the server, and of --isolation
};

/// Errors: no log; a schema, a server or a log that cannot be read; interrupted.
[[nodiscard]] Result<ScanSources> open_sources(const ScanOptions& options);

/// What came of a scan.
struct ScanOutcome {
  ScanOutcome();
  ScanOutcome(ScanOutcome&&) noexcept;
  ScanOutcome& operator=(ScanOutcome&&) noexcept;
  ~ScanOutcome();

  Report report;
  std::unique_ptr<LogAudit> audited;  ///< what the report was made from
  std::vector<std::string> notes;     ///< for the person who runs it, one line each; in no report
  std::vector<std::string> errors;    ///< the same, and they make the scan fail
};

/// Reads the logs, asks the live data, settles what is known, and checks the fixes of what remains. Once. Errors: a log that cannot be read, or has nothing to
/// audit; --write-baseline; interrupted.
[[nodiscard]] Result<ScanOutcome> audit_sources(const ScanOptions& options, const Baseline& baseline, ScanSources& sources);

/// Takes out of the report what is suppressed, what is less sure than --min-confidence, and what the baseline lists; writes --write-baseline. What is to be
/// said about them is added to `notes`, one line each. `rules` are those that were selected, `catalog` may be null. Errors: --write-baseline.
[[nodiscard]] Result<void> settle_findings(const ScanOptions& options, const Baseline& baseline, const std::vector<const Rule*>& rules,
                                           const Catalog* catalog, Report& report, std::vector<std::string>& notes);

/// Writes each report to its place, whole or not at all.
[[nodiscard]] Result<void> write_reports(const Report& report, const ScanOptions& options);

[[nodiscard]] bool has_rule(const std::vector<const Rule*>& rules, std::string_view code);
/// `-` is standard input.
[[nodiscard]] std::string shown_path(const std::string& path);
/// What to fail with when a signal came while `doing` (`the logs were opened`).
[[nodiscard]] tl::unexpected<Error> interrupted(const std::string& doing);

}  // namespace dbaudit
