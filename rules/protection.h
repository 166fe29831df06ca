#pragma once
// Does a lock protect what a work unit decided? The question of RULES, "protection", asked of the locks that the trace found (trace/locks.h), with the
// answers measured for each engine and level (ISOLATION): what shields a pair of statements, or why the lock that is there does not.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/trace/locks.h"
#include "analyzers/trace/transaction.h"
#include "rules/match.h"

namespace dbaudit {

enum class Shield : uint8_t {
  kNone,
  kRow,       ///< the row written was locked at or before the read
  kSet,       ///< several rows, the row written among them or beside it
  kParent,    ///< another row that such pairs lock first
  kTable,     ///< LOCK TABLE(S)
  kAdvisory,  ///< GET_LOCK, pg_advisory_…
  kFlag,      ///< a row that says "locked"
  kDatabase,  ///< SQLite's write lock
};

/// Why a lock that has to do with the pair does not protect it.
enum class Flaw : uint8_t {
  kNone,
  kShared,  ///< two sessions hold it at once, and each waits for the other to write: no loss, a deadlock. The shield is set all the same
  kAfterDecision,     ///< taken after the read that decided
  kFoundNothing,      ///< matched no row
  kNewRowsEnter,      ///< PostgreSQL: locked rows keep no new row out
  kStaleSnapshot,     ///< plain reads see the snapshot, and that is older than the lock
  kLockTookSnapshot,  ///< PostgreSQL REPEATABLE READ: the statement that waited for the lock had taken the snapshot before it waited
  kReleasedEarly,     ///< released before the COMMIT that shows the write to others
  kDroppedByBegin,    ///< MySQL: BEGIN released LOCK TABLES
};

struct LockAnswer {
  Shield shield = Shield::kNone;
  Flaw flaw = Flaw::kNone;
  const HeldLock* lock = nullptr;  ///< the one that shields, else the one with the flaw
};

/// What protects `w` of op `write` from a change made by others since op `read`. `read` == `write` asks what is held when the write runs. Bounded: looks
/// at the locks of the last kReach ops and at the first ones of the transaction. `snapshot_isolation`: innodb_snapshot_isolation=ON.
[[nodiscard]] LockAnswer protection_of(const WorkUnit& unit, uint32_t read, uint32_t write, const WriteAccess& w,
                                       bool snapshot_isolation = false);

/// What an UPDATE puts back of what `read` fetched: a literal that moved by a step or stands in a column that names a quantity, or an unguarded decrement.
struct WrittenBack {
  std::vector<std::string> columns;  ///< empty when the WHERE compares more than the key (a guard), or nothing was computed
  uint64_t written = 0;              ///< Match::written
  bool moved = false, down = false;  ///< the log shows a value move, and downwards
  bool stayed = false;               ///< every one of the columns got the value it had: says nothing alone

  /// Column `i` of the write's SET list, which gets the literal `number` of `slot`: computed when the log shows it move by a step, or its name counts
  /// something. A value that stays counts only as long as no other is computed.
  void add(const Op& write, const ColumnWrite& column, size_t i, int slot, double number);
  void take(const std::string& column);  ///< one that is computed for certain
};
[[nodiscard]] WrittenBack written_back(const Op& write, const WriteAccess& w, const ReadAccess& read);

/// The read that a write follows from: of the row it changes, or of the set that its INSERT joins (COUNT, EXISTS, a locking read, by the same values; their
/// columns are then `what.columns`).
struct Decision {
  uint32_t op = 0;
  const ReadAccess* read = nullptr;  ///< never null from decision_of(); a rule that saw no read may leave it so
  WrittenBack what;
};
[[nodiscard]] std::optional<Decision> decision_of(const WorkUnit& unit, uint32_t write, const WriteAccess& w);

/// The pair as a match, its table, columns, key and row filled in; a pair that only nearness links, across transactions, is `possible`.
[[nodiscard]] Match match_of(const WorkUnit& unit, const Decision& decision, uint32_t write, const WriteAccess& w);

/// Does the unit hold any lock besides those that its own writes take? Without one no rule about a lock that fails has anything to say.
[[nodiscard]] bool locks_deliberately(const WorkUnit& unit);

/// A deadlock's victim: 40P01, 1213, 1467.
[[nodiscard]] bool is_deadlock(const Op& op);

}  // namespace dbaudit
