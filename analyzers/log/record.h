#pragma once
// One entry of a log, as any reader delivers it.

#include <cstdint>
#include <span>
#include <string_view>

#include "analyzers/base/bind_value.h"
#include "analyzers/base/time.h"

namespace dbaudit {

enum class RecordKind : uint8_t {
  kStatement,   ///< one execution of `sql` (a parse or a bind is not one)
  kError,       ///< the session's previous statement failed: attach `error_*` to it (the reader has checked it is that one)
  kCompletion,  ///< the session's previous statement ended: attach `duration_us`, `end_time`, `rows` to it
  kConnect,
  kDisconnect,  ///< quit, or a reset that makes the connection somebody else's (COM_CHANGE_USER)
  kOther,       ///< counted, otherwise ignored (prepare, ping, checkpoint, …)
};

enum class Protocol : uint8_t { kUnknown, kSimple, kExtended };
enum class TxState : uint8_t { kUnknown, kIdle, kInTransaction, kAborted };  ///< of the session, before the statement

/// Can this source show BEGIN and COMMIT at all? A rule may say "outside a transaction" only when kExplicit.
enum class TxBoundary : uint8_t { kUnknown, kInferred, kExplicit };

/// A name and a value from sqlcommenter, marginalia or the log line itself (route, controller, traceparent, request_id, …).
struct Tag {
  std::string_view name, value;
};

/// All views point into the reader's buffers and die at its next call. What the trace asks of every record stands first, in two lines of a processor's cache:
/// with `--jobs 2` it goes from one core to the other.
struct LogRecord {
  RecordKind kind = RecordKind::kOther;
  Protocol protocol = Protocol::kUnknown;
  TxState tx_state = TxState::kUnknown;
  TxBoundary tx_boundary = TxBoundary::kUnknown;
  bool truncated = false;   ///< the statement was cut
  bool params_cut = false;  ///< a parameter was cut or hidden (BindValue::is_unknown), or the list of them ends early; the text is whole
  bool has_params = false;  ///< the log printed bind parameters for this statement (maybe none)
  bool has_error = false;
  bool attaches = false;  ///< false for a kError or kCompletion that belongs to no statement we saw
  /// The entries stand in the file in the order in which the server received them, whichever session they are of.
  bool in_order_received = false;
  /// The statement text is not known (Django with PyMySQL prints `None` for a failed INSERT): `sql` is empty, kind kStatement.
  bool sql_unknown = false;
  uint64_t line = 0;   ///< 1-based line of the entry's first byte
  TimePoint time;      ///< start, when the log tells; else unknown
  TimePoint end_time;  ///< end, when the log tells
  int64_t rows = -1;   ///< rows returned or affected; -1 unknown
  std::span<const Tag> tags;
  std::string_view source_file;  ///< code location printed by the log (Rails `↳`, GORM)
  int64_t source_line = 0;

  /// kError, kCompletion with `attaches`: the line of the statement they belong to (the session's previous one; in a log without
  /// sessions, an earlier one).
  uint64_t about_line = 0;
  std::string_view session;     ///< key of the session; empty when the log cannot tell sessions apart
  std::string_view error_code;  ///< SQLSTATE or errno; may be empty when only the text is known
  std::string_view error_message;
  int64_t duration_us = -1;  ///< -1 unknown
  std::string_view sql;
  std::span<const BindValue> params;
  std::string_view app, user, database;
  std::string_view txid;  ///< identity of the transaction (PostgreSQL vxid, a Sequelize uuid); empty when unknown
};

}  // namespace dbaudit
