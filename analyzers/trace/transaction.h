#pragma once
// The glossary of the trace: op, transaction, work unit.
//
// An *op* is one execution of a template. A *transaction* is what the engine commits at once: in autocommit, one op. A *work unit* is what the
// application meant to be atomic (a request, a job): the ops of one session between boundaries (tags, connect/quit, pool reset, a gap in time).
// A work unit is not a transaction: Peewee, Rails, Laravel and autocommit Django read in one transaction and write in another.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/arena.h"
#include "analyzers/base/engine.h"
#include "analyzers/base/time.h"
#include "analyzers/log/record.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/sql/templates.h"
#include "analyzers/trace/bind.h"
#include "analyzers/trace/locks.h"

namespace dbaudit {

/// How a value that an op writes stands to what this log had written to that row and column before.
enum class CellChange : uint8_t {
  kUnknown,   ///< the log had written nothing to the cell, or no plain value
  kKept,      ///< the value that stood there
  kChanged,   ///< another one
  kReturned,  ///< the one that stood there before the last
};

struct CellStep {
  CellChange change = CellChange::kUnknown;
  /// Who had written the cell last, and where. Meaningless when `change` is kUnknown.
  uint32_t by_session = 0, by_file = 0;
  uint64_t by_line = 0;
  TimePoint by_time;
};

inline constexpr int kNoSlot = -1;

/// What the history tells of the columns that an op wrote (see history.h), by WriteAccess::set of its first write. Where nothing is known a span is empty.
struct OpMoves {
  /// UPDATE by key or upsert of a key, numeric literal: how far the value is from the last value any session of this log wrote to that row and column; of an
  /// INSERT, from the highest value inserted into a column whose highest value is asked for, among the rows it is asked of. NaN where it is not known.
  std::span<const double> steps;
  /// The numbers that an UPDATE by key puts there as literals or parameters; NaN where there is none.
  std::span<const double> numbers;
  /// For the same columns, of any value written as a literal or parameter. Empty: all unknown.
  std::span<const CellStep> changes;
};

/// What few ops have.
struct OpRemarks {
  std::string_view error_code, error_message;
  std::string_view source_file, source_route;
  int64_t source_line = 0;
  std::span<const std::string_view> directives;  ///< `dbaudit:` comments of this execution, after the colon
};

struct Op {
  const BoundStatement* statement = nullptr;  ///< facts, table bindings; shared by all ops of the template
  BoundValues values;
  uint32_t file = 0;         ///< index into the inputs
  uint32_t transaction = 0;  ///< index into WorkUnit::transactions
  uint64_t line = 0;
  TimePoint start, end;  ///< end unknown: not logged
  int64_t rows = -1;
  uint32_t savepoints = 0;  ///< savepoints open around it
  bool truncated = false;
  bool in_order_received = false;  ///< as LogRecord's: its line tells when it came, beside others of its file
  bool failed = false;
  bool rolled_back = false;          ///< undone by ROLLBACK TO SAVEPOINT
  const OpMoves* history = nullptr;  ///< null: nothing is known. In the unit's arena, as the next.
  const OpRemarks* rare = nullptr;   ///< null: it has none of them

  [[nodiscard]] const StatementFacts& facts() const { return statement->facts(); }
  [[nodiscard]] std::span<const double> steps() const { return history != nullptr ? history->steps : std::span<const double>(); }
  [[nodiscard]] std::span<const double> numbers() const { return history != nullptr ? history->numbers : std::span<const double>(); }
  [[nodiscard]] const CellStep& change(size_t i) const {
    static const CellStep kUnknown;
    return history != nullptr && i < history->changes.size() ? history->changes[i] : kUnknown;
  }
  [[nodiscard]] const OpRemarks& remarks() const {
    static const OpRemarks kNone;
    return rare != nullptr ? *rare : kNone;
  }
  [[nodiscard]] std::string_view error_code() const { return remarks().error_code; }
  [[nodiscard]] std::string_view error_message() const { return remarks().error_message; }
  /// The value of a slot; a missing value when the slot is none (kNoSlot) or folded.
  [[nodiscard]] const Value& value(int slot) const {
    static const Value kMissing;
    return slot >= 0 && static_cast<size_t>(slot) < values.slots.size() ? values.slots[static_cast<size_t>(slot)] : kMissing;
  }
};

// Thousands of open units keep their ops from statement to statement: what few of them have stands elsewhere.
static_assert(sizeof(Op) <= 128);

enum class TxEnd : uint8_t { kOpen, kCommit, kRollback, kAutocommit, kLost };

/// How sure we are that the ops of a transaction stood (or did not stand) in one transaction.
enum class Boundary : uint8_t { kUnknown, kInferred, kExplicit };

struct Transaction {
  uint32_t first = 0, last = 0;  ///< indexes of its first and last op in WorkUnit::ops; last < first while it has none
  bool is_explicit = false;      ///< BEGIN/START, autocommit off, or inferred from SAVEPOINT or the driver; false: autocommit, one op
  Boundary boundary = Boundary::kExplicit;
  Isolation isolation = Isolation::kUnknown;
  BeginMode mode = BeginMode::kDefault;
  TxEnd end = TxEnd::kOpen;
  bool begun = false;                ///< by BEGIN or START TRANSACTION
  bool consistent_snapshot = false;  ///< START TRANSACTION WITH CONSISTENT SNAPSHOT
  bool head_lost = false;            ///< its BEGIN was before the log
  bool snapshot_isolation = false;   ///< MariaDB: the session has set innodb_snapshot_isolation=ON
  bool aborted = false;              ///< an error after which it could only roll back
  TimePoint end_time;
};

/// Why a work unit ended.
enum class UnitEnd : uint8_t { kDisconnect, kTag, kGap, kFull, kLogEnd, kReset };

struct WorkUnit {
  std::vector<Op> ops;  ///< statements that read or write or lock; transaction control is not an op
  std::vector<Transaction> transactions;
  uint32_t session = 0;             ///< dense number, in order of first appearance
  bool sessions_told_apart = true;  ///< false: the log has no session identity, and these ops may be many sessions'
  UnitEnd end = UnitEnd::kLogEnd;
  Engine engine = Engine::kUnknown;
  std::string_view orm;  ///< `django`, … when the kind of log tells
  std::string session_key;
  const UnitLocks* locks = nullptr;   ///< for the visit, as the next
  std::span<const uint32_t> writers;  ///< indexes of the ops that write, in order
  std::span<const TableSet> touched;  ///< by op: the tables that it reads or writes
  Arena* arena = nullptr;             ///< owner of the values; outlives the visit

  /// The last op in [from, before) that reads or writes the table, perhaps; `before` when there is none.
  [[nodiscard]] uint32_t last_touching(const AccessedTable& table, uint32_t from, uint32_t before) const;
};

using UnitVisitor = std::function<void(const WorkUnit&)>;

inline uint32_t WorkUnit::last_touching(const AccessedTable& table, uint32_t from, uint32_t before) const {
  constexpr uint32_t kAtOnce = 8;
  uint32_t at = before;
  for (TableSet any = 0; at - from >= kAtOnce; at -= kAtOnce) {
    for (uint32_t i = at - kAtOnce; i < at; ++i) any |= touched[i];
    if ((any & table.bit) != 0) break;
  }
  while (at > from) {
    if ((touched[--at] & table.bit) != 0) return at;
  }
  return before;
}

}  // namespace dbaudit
