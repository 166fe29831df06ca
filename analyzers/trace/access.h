#pragma once
// What a statement does to rows, in the schema's names: which rows it reads by which columns, which it writes and with what. Computed once per
// template from StatementFacts and the catalog; an op adds the values.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/base/name.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/sql/facts.h"
#include "analyzers/trace/column_use.h"

namespace dbaudit {

/// One equality (or IS NULL) of a WHERE.
struct KeyColumn {
  Name column;          ///< lower case; empty for an expression
  int slot = -1;        ///< of the value; -1 for IS NULL
  RareText expression;  ///< `lower(email)`, in the schema's spelling; empty for a column
  bool is_null = false;
  bool is_list = false;       ///< IN (…): any of several rows
  ColumnUses uses = 0;        ///< of the column
  uint16_t primary_part = 0;  ///< which part of the table's primary key it is, from 1; 0: none
  uint64_t hash = 0;          ///< of name()
  [[nodiscard]] const std::string& name() const { return column.empty() ? expression.str() : column.str(); }
  [[nodiscard]] bool is_for(ColumnUses any) const { return (uses & any) != 0; }
};

/// A condition that is not an equality with a value: a range, a state compared to a constant expression, an OR.
struct OtherCondition {
  std::vector<Name> columns;  ///< lower case
  CompareOp op = CompareOp::kOther;
  int slot = -1;
};

struct ColumnWrite {
  Name column;  ///< lower case
  ColumnUses uses = 0;
  const Operand* value = nullptr;
  const Column* known = nullptr;  ///< of the schema; null: there is none, or no such column
  uint64_t hash = 0;              ///< of the column's name

  [[nodiscard]] bool is_for(ColumnUses any) const { return (uses & any) != 0; }
  /// Does the column get a literal or a parameter?
  [[nodiscard]] bool takes_value() const { return value->kind == OperandKind::kSlot; }
};

/// Tables, as a mask of AccessedTable::bit: two statements with no bit in common have no table in common.
using TableSet = uint64_t;

/// The table of an access, and what is asked of it again and again.
struct AccessedTable {
  const Table* table = nullptr;
  uint64_t name_hash = 0;
  TableSet bit = 0;
  Name name;                   ///< qualified when the catalog tells
  bool housekeeping = false;   ///< is_housekeeping_table()
  uint16_t primary_parts = 0;  ///< how many its primary key has; 0: it has none, or is not known

  void set_table(const Table* known, Name called, ColumnUseFinder& uses);
  [[nodiscard]] bool same_table(const AccessedTable& other) const { return name_hash == other.name_hash; }
};

struct FetchedColumn {
  Name name;  ///< lower case
  ColumnUses uses = 0;
};

/// The rows of one table that one query block reads.
struct ReadAccess : AccessedTable {
  int block = 0;
  std::vector<KeyColumn> equal;  ///< in statement order
  RareList<OtherCondition> others;
  int primary_equal = -1;  ///< index in `equal` of the value of a primary key of one column; -1: it names none
  bool one_row = false;    ///< names at most one: `equal` covers a unique key
  bool exact = false;      ///< equal and others are the whole WHERE
  bool top_level = true;   ///< the statement's own FROM, not a subquery
  bool joined = false;     ///< other tables take part
  LockStrength lock = LockStrength::kNone;
  LockWait wait = LockWait::kBlock;
  Aggregate aggregate =
      Aggregate::kNone;  ///< of the first aggregate item, or of a query whose only table these rows are (COUNT of a subquery)
  Name aggregated;       ///< its column, lower case; `*` of COUNT(*); empty for an expression
  int plus_slot = -1;    ///< MAX(c) + slot
  bool probe = false;    ///< asks only whether a row is there: EXISTS, SELECT 1, COUNT
  bool limited = false;  ///< LIMIT or FETCH FIRST
  int limit_slot = -1;
  bool paged = false;  ///< OFFSET beside it
  int offset_slot = -1;
  bool ordered = false;
  bool descending = false;             ///< ORDER BY … DESC somewhere
  bool all_columns = false;            ///< `*`, or `t.*`
  Name latest_by;                      ///< ORDER BY c DESC and a LIMIT: c, lower case
  uint32_t of_star = 0;                ///< how many of `fetched` the `*` brings
  std::vector<FetchedColumn> fetched;  ///< as far as they are known: of `*` those of the schema, then columns()

  /// Projected bare columns.
  [[nodiscard]] std::span<const FetchedColumn> columns() const { return std::span(fetched).subspan(of_star); }
  [[nodiscard]] bool projects(std::string_view column) const;
  [[nodiscard]] bool projects(const ColumnWrite& written) const;
};

/// A row that an INSERT or UPDATE refers to: the foreign key, and the values that it puts into its columns.
struct ReferredRow {
  const ForeignKey* key = nullptr;
  std::vector<int> slots;
};

/// The rows of one table that one write touches.
struct WriteAccess : AccessedTable {
  int write = 0;
  StatementKind kind = StatementKind::kOther;
  UpsertKind upsert = UpsertKind::kNone;
  bool one_row = false;          ///< as ReadAccess::one_row
  std::vector<KeyColumn> equal;  ///< UPDATE, DELETE: equalities of the WHERE
  RareList<OtherCondition> others;
  bool exact = false;  ///< the WHERE is wholly understood
  bool has_where = false;
  std::vector<ColumnWrite> set;  ///< UPDATE … SET, or the columns of an INSERT's (first) row
  RareList<ReferredRow> refers_to;
  RareList<uint32_t> references;  ///< indexes in `set` of the columns that hold another row's key
  Name version_column;            ///< of an UPDATE's table: the column that counts its versions, lower case
  bool guarded_insert = false;    ///< INSERT … WHERE NOT EXISTS
  int rows = 0;                   ///< INSERT … VALUES rows
  bool hidden = false;

  [[nodiscard]] bool is_insert() const { return kind == StatementKind::kInsert || kind == StatementKind::kReplace; }
  [[nodiscard]] const ColumnWrite* find(std::string_view column) const;
  [[nodiscard]] const ColumnWrite* find_name(Name column) const {
    for (const ColumnWrite& c : set) {
      if (c.column == column) return &c;
    }
    return nullptr;
  }
  [[nodiscard]] const ColumnWrite* find_hashed(uint64_t column) const {
    for (const ColumnWrite& c : set) {
      if (c.hash == column) return &c;
    }
    return nullptr;
  }
  /// The column of an equality; nullptr too when that is of an expression.
  [[nodiscard]] const ColumnWrite* find(const KeyColumn& k) const { return k.column.empty() ? nullptr : find_name(k.column); }
};

/// What rules ask of a statement before they look at it; a mask, so that a whole unit can be asked at once. Every statement has kStatement.
using TraitMask = uint32_t;
namespace Trait {
inline constexpr TraitMask kNothing = 0;
inline constexpr TraitMask kStatement = 1;
inline constexpr TraitMask kInserts = 2;  ///< INSERT and REPLACE, upserts among them
inline constexpr TraitMask kUpserts = 4;
inline constexpr TraitMask kUpdates = 8;
inline constexpr TraitMask kDeletes = 16;
inline constexpr TraitMask kOtherWrites = 32;  ///< MERGE, TRUNCATE, …
inline constexpr TraitMask kReads = 64;
inline constexpr TraitMask kLockingReads = 128;
inline constexpr TraitMask kSums = 256;           ///< reads with COUNT or SUM
inline constexpr TraitMask kNumberReads = 512;    ///< reads of a highest value: MAX(c), ORDER BY c DESC LIMIT
inline constexpr TraitMask kInsertsQuery = 1024;  ///< INSERT … SELECT, MERGE
inline constexpr TraitMask kSetsNullable = 2048;  ///< UPDATEs that set a column which can be NULL
inline constexpr TraitMask kSetsRelative = 4096;  ///< UPDATEs that set a column to itself ± something
inline constexpr TraitMask kLocks = 8192;         ///< StatementFacts::locks: LOCK TABLE, advisory locks
inline constexpr TraitMask kWrites = kInserts | kUpdates | kDeletes | kOtherWrites;
// Of a unit, not of a statement. Two tables may be taken for one, so these can be there for nothing.
inline constexpr TraitMask kFailures = 1 << 16;
inline constexpr TraitMask kInsertsRead = 1 << 17;     ///< an INSERT into a table that it or a statement before it reads
inline constexpr TraitMask kUpdatesRead = 1 << 18;     ///< likewise
inline constexpr TraitMask kDeletesRead = 1 << 19;     ///< likewise
inline constexpr TraitMask kInsertsUpdated = 1 << 20;  ///< an INSERT into a table that a statement before it updates
inline constexpr TraitMask kInsertsDeleted = 1 << 21;  ///< … deletes from
inline constexpr TraitMask kUpdatesTwice = 1 << 22;    ///< two UPDATEs of one table
}  // namespace Trait
inline constexpr TraitMask kAllTraits = ~TraitMask{0};

struct StatementAccess {
  TraitMask traits = Trait::kStatement;
  TableSet tables_read = 0, tables_written = 0;
  std::vector<ReadAccess> reads;
  std::vector<WriteAccess> writes;

  /// False: for certain not. Asked before the accesses are looked at one by one.
  [[nodiscard]] bool may_read(const AccessedTable& table) const { return (tables_read & table.bit) != 0; }
  [[nodiscard]] bool may_write(const AccessedTable& table) const { return (tables_written & table.bit) != 0; }
  [[nodiscard]] bool may_touch(const AccessedTable& table) const { return may_read(table) || may_write(table); }
};

/// Do the equalities name at most one row, by any unique key? False without a schema.
[[nodiscard]] bool picks_one_row(const Table* table, const std::vector<KeyColumn>& equal);

/// KeyColumn::primary_part of a column.
[[nodiscard]] uint16_t primary_part(const Table* table, Name column);

class BoundStatement;
struct WorkUnit;
/// `engine` decides how expressions are spelt (schema/expression.h).
[[nodiscard]] StatementAccess derive_access(const BoundStatement& statement, Engine engine, ColumnUseFinder& uses);
/// Those of all its statements, and how they stand to one another.
[[nodiscard]] TraitMask traits_of(const WorkUnit& unit);

}  // namespace dbaudit
