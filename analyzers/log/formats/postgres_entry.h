#pragma once
// What a PostgreSQL log entry means, whichever way it was written (stderr, csvlog, jsonlog): the grammar of its message, its bind
// parameters, and which statement of the session an error or a duration belongs to.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/rare.h"
#include "analyzers/log/formats/log_line_prefix.h"
#include "analyzers/log/formats/session_table.h"
#include "analyzers/log/reader.h"
#include "analyzers/log/record.h"

namespace dbaudit {

/// One entry with its attachments put together; continuation marks are already taken out.
struct PostgresEntry {
  PostgresSeverity severity = PostgresSeverity::kLog;
  PrefixFields prefix;
  uint64_t line = 0;
  std::string_view message, detail, context, statement;
  std::string_view backend_type;  ///< `client backend`, `parallel worker`, …; empty where the log does not tell
  bool has_detail = false, has_context = false, has_statement = false;
  bool was_cut = false;
};

/// `[duration: N ms  ](statement|parse|bind|execute NAME|execute fetch from NAME|fastpath function call): SQL`
/// (postgres.c: exec_simple_query, exec_parse_message, exec_bind_message, exec_execute_message; fastpath.c).
struct PostgresMessage {
  enum class Phase : uint8_t { kNone, kStatement, kExecute, kParse, kBind, kFetch, kFastpath, kDurationOnly, kPlan };
  Phase phase = Phase::kNone;
  int64_t duration_us = -1;
  std::string_view name;  ///< of the prepared statement, with its portal
  std::string_view sql;
};
[[nodiscard]] PostgresMessage parse_postgres_message(std::string_view message);

/// Reads `$1 = 'it''s', $2 = NULL` by quote state. Values that need unescaping are built in `scratch`, which must have room for the
/// whole text (it is not allowed to move). Returns false when the list ends in the middle or a value was cut by
/// log_parameter_max_length (`'abc...'`); what was read is kept.
bool parse_postgres_parameters(std::string_view text, std::string& scratch, std::vector<BindValue>& values);

/// SQLSTATE of a server message in English, for logs that do not print it; empty when the text is not a well-known one.
[[nodiscard]] std::string_view sqlstate_of_message(std::string_view message);

/// Turns entries into records. Remembers per session what the next entry may refer to: bounded, oldest sessions are forgotten.
class PostgresSessions {
 public:
  /// Fills `record` (a fresh one) from `entry`; its views are into `entry`'s bytes and this object's, until the next call.
  void convert(const PostgresEntry& entry, LogRecord& record, ReaderCounts& counts);
  /// What tells the entry's session from others; empty: nothing.
  static std::string_view session_of(const PrefixFields& prefix);
  /// An entry with this prefix is converted soon: makes that cheaper where sessions are many.
  void expect(const PrefixFields& prefix) const { sessions_.expect(session_of(prefix)); }
  /// Writes what only the whole log tells (`sampled`, `incomplete`) into the counts.
  void finish(ReaderCounts& counts) const;

 private:
  enum class InTx : uint8_t { kUnknown, kNo, kYes };
  struct Audited {
    uint64_t id = 0;       // pgaudit's number of the last statement, and
    uint32_t repeats = 0;  // how often its text may come again: once for each statement of a packet
  };
  struct Bound {
    uint64_t hash = 0;       // of the text last bound
    std::string parameters;  // and its values as printed; empty: none
  };
  struct Connection {
    RareText app, user, database;  // from `connection authorized`, for prefixes that do not show them
  };
  /// There may be a hundred thousand of them: what few need stands elsewhere.
  struct Session {
    uint64_t line = 0;  // of the last statement; 0: none
    uint64_t text_hash = 0;
    uint32_t text_size = 0;
    bool is_open = false;  // logged at its start, its end not seen
    bool has_failed = false;
    bool has_pending_bind = false;  // bind logged, its execute not yet
    bool has_stray_end = false;     // COMMIT or ROLLBACK without BEGIN; a WARNING may still excuse it
    bool is_audited = false;        // the last statement is known by its AUDIT line alone, so far
    InTx in_tx = InTx::kUnknown;
    Rare<Audited> audited;
    Rare<Bound> bound;
    Rare<Connection> connection;
  };
  /// In a log without sessions the statements still open, newest last: errors are matched by text and parameters.
  struct OpenStatement {
    uint64_t line, text_hash;
    size_t text_size;
    uint64_t parameters_hash;  // of the list as printed; 0: none
  };

  void statement(const PostgresEntry& entry, const PostgresMessage& message, Session& session, LogRecord& record, ReaderCounts& counts);
  void error(const PostgresEntry& entry, std::string_view text, Session& session, LogRecord& record, ReaderCounts& counts);
  /// An AUDIT line: the statement itself when nothing else logs it, else what it adds to the one logged.
  void audit(const PostgresEntry& entry, std::string_view text, Session& session, LogRecord& record, ReaderCounts& counts);
  void plan(std::string_view text, Session& session, LogRecord& record);
  void remember(const PostgresEntry& entry, std::string_view sql, Session& session);
  void connection(std::string_view message, Session& session, LogRecord& record);
  void track_transaction(std::string_view sql, Session& session);
  void bind_parameters(const PostgresEntry& entry, std::string_view list, LogRecord& record);

  SessionTable<Session> sessions_;
  std::vector<OpenStatement> open_without_session_;
  std::vector<BindValue> params_;
  std::string scratch_, audit_scratch_;
  Tag tag_;

  uint64_t synthesised_ = 0, timed_texts_ = 0, slow_texts_ = 0, executions_ = 0, stray_durations_ = 0;
  uint64_t lost_executes_ = 0, stray_ends_ = 0, ends_ = 0;
  uint64_t start_texts_ = 0, start_reads_ = 0;
  uint64_t unbound_ = 0, bound_ = 0;
  uint64_t audited_ = 0, plans_ = 0;
  bool has_audited_boundaries_ = false;
  uint64_t without_session_ = 0, without_time_ = 0;
};

}  // namespace dbaudit
