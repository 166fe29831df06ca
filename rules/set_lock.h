#pragma once
// What protects a decision made on a set of rows, as protected_by_lock() (match.h) protects one row: the danger is another row of the set, or a new
// one, so that a lock on the row that is written is none.

#include "rules/match.h"

namespace dbaudit {

/// Is something held from `read` (or before it) to the write that every session deciding on this set waits for: the row of a parent that the
/// read's equalities name, a table lock, an advisory lock, the whole set locked by its own conditions? `inserts`: the danger is a new row, which a
/// lock on the rows there are stops on MariaDB and not on PostgreSQL (ISOLATION.md, 8).
[[nodiscard]] bool set_protected(const WorkUnit& unit, uint32_t read, const ReadAccess& set, uint32_t write, const WriteAccess& w,
                                 bool inserts);

/// Between the read and the end of the write's transaction (and in it before the read), is a counter moved under a guard, `UPDATE … SET n = n + 1 WHERE
/// … AND n < ?`, in another table by a key value that the read's equalities or the write name? Then the guard decides and the read only informs.
[[nodiscard]] bool guarded_elsewhere(const WorkUnit& unit, uint32_t read, const ReadAccess& set, uint32_t write, const WriteAccess& w);

/// Do the equalities of the read hold for the row inserted? Columns that the INSERT does not name are not counted against it when the read tests them
/// for NULL. False when a value is unknown or differs, or the read has none and `may_be_whole_table` is false.
[[nodiscard]] bool inserts_into_set(const Op& read, const ReadAccess& set, const Op& write, const WriteAccess& insert,
                                    bool may_be_whole_table);

/// Identity of the set that the read's equalities name; several reads of one set have the same. 0: a value is unknown.
[[nodiscard]] uint64_t set_identity(const Op& read, const ReadAccess& set);

}  // namespace dbaudit
