#pragma once
// Who holds what: the locks that the statements of a work unit took and how long each was held, and where each transaction's snapshot began.
//
// Facts only; whether a lock protects a pair of statements at a level is the rules' question (rules/protection.h). Found once when a unit ends, in one
// pass over its ops. Sources: PostgreSQL manual 13.2, 13.3; MySQL manual 13.3.4 to 13.3.7, 15.7; SQLite lang_transaction; and ISOLATION measurements.

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/trace/access.h"

namespace dbaudit {

struct Op;
struct WorkUnit;

enum class LockKind : uint8_t {
  kRow,       ///< by a locking read, UPDATE, DELETE, INSERT, or (shared) the parent of an inserted child
  kTable,     ///< LOCK TABLE(S)
  kAdvisory,  ///< pg_advisory_…, GET_LOCK
  kFlag,      ///< a row that says "locked": UPDATE … SET locked = 'Y' WHERE … AND locked = 'N', until it is set back
  kDatabase,  ///< SQLite: the one write lock, from BEGIN IMMEDIATE or the first write of a transaction
};

/// Why a lock ended before its transaction or its session did.
enum class LockEnd : uint8_t {
  kHeld,            ///< it did not: to the end of its transaction; a session's lock: to the end of the unit, as far as the log tells
  kReleased,        ///< pg_advisory_unlock, RELEASE_LOCK, UNLOCK TABLES, the flag set back
  kSavepoint,       ///< ROLLBACK TO SAVEPOINT (PostgreSQL; InnoDB keeps its row locks)
  kDroppedByBegin,  ///< MySQL: BEGIN and START TRANSACTION release LOCK TABLES
};

struct HeldLock {
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  LockKind kind = LockKind::kRow;
  LockStrength strength =
      LockStrength::kNone;  ///< of a row; of the others kUpdate, or kShare when the mode lets another session in as well
  LockWait wait = LockWait::kBlock;
  LockEnd end = LockEnd::kHeld;
  bool found_nothing = false;    ///< the statement is known to have matched no row (Op::rows)
  uint32_t op = 0;               ///< that took it
  uint32_t until = kNone;        ///< op that released it, or the first one that runs without it; kNone: not before the owner's end
  uint32_t transaction = kNone;  ///< that owns it; kNone: the session does, over transactions

  const ReadAccess* read = nullptr;          ///< of the statement, for a locking read
  const WriteAccess* write = nullptr;        ///< for a row written, the flag, or the child whose INSERT locked a parent
  const ForeignKey* parent = nullptr;        ///< the row locked is not `write`'s, but the one this key of it references
  const LockStatement* statement = nullptr;  ///< LOCK TABLE(S), advisory

  /// The table of the row locked, as in ReadAccess::name (of a parent: as the schema has it); empty for the other kinds.
  [[nodiscard]] std::string_view table_name() const;
  /// NO KEY UPDATE, UPDATE: nobody else writes, nobody else gets the same lock.
  [[nodiscard]] bool exclusive() const { return strength == LockStrength::kNoKeyUpdate || strength == LockStrength::kUpdate; }
};

/// The locks of one unit. The pointers in them live as long as its statements do.
class UnitLocks {
 public:
  /// Finds them, and forgets those of another unit; its memory is used again. Linear in the ops, and per op in the locks that the session holds beside its
  /// rows (a handful: past 64 the oldest are forgotten).
  void find(const WorkUnit& unit);

  /// Locks of rows, ordered by the op that took them. Empty in autocommit: there the lock ends with the statement.
  [[nodiscard]] std::span<const HeldLock> rows() const { return rows_; }
  /// Of them those taken by ops first … last.
  [[nodiscard]] std::span<const HeldLock> rows(uint32_t first, uint32_t last) const;
  /// All others: tables, advisory locks, flags, the database; ordered by op.
  [[nodiscard]] std::span<const HeldLock> broad() const { return broad_; }

  /// The op that took the snapshot which the later plain reads of its transaction see; HeldLock::kNone when each statement has its own (READ COMMITTED,
  /// autocommit), none was taken, or reads lock (InnoDB SERIALIZABLE). PostgreSQL takes it in the first statement of any kind except LOCK TABLE, InnoDB
  /// in the first plain read of a table.
  [[nodiscard]] uint32_t snapshot(uint32_t transaction) const {
    return transaction < snapshots_.size() ? snapshots_[transaction] : HeldLock::kNone;
  }

 private:
  void add_rows(const WorkUnit& unit, uint32_t op);
  void add_broad(const WorkUnit& unit, uint32_t op);
  void release(const WorkUnit& unit, uint32_t op);

  std::vector<HeldLock> rows_, broad_;
  std::vector<uint32_t> open_;       // of broad_: not released so far, while the unit is read
  std::vector<uint32_t> snapshots_;  // by transaction
};

/// Is the lock in force when op `op` runs (and, for the op that took it, from then on)?
[[nodiscard]] bool is_held(const WorkUnit& unit, const HeldLock& lock, uint32_t op);

/// Does LOCK TABLE(S) name this table? A name without a schema means any.
[[nodiscard]] bool names_table(const LockStatement& lock, std::string_view table);

/// InnoDB, or nothing known: MyISAM, Aria, MEMORY and their like take no row locks and have no transactions.
[[nodiscard]] bool is_transactional(const Table* table);

}  // namespace dbaudit
