#pragma once
// StatementFacts: all that a rule ever learns of a statement. Computed once per template by the parser; names as written, not yet
// bound to a schema (trace/bind does that). Slots are the numbers that fingerprint.h gives to literals and placeholders.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/base/name.h"
#include "analyzers/base/rare.h"

namespace dbaudit {

enum class StatementKind : uint8_t {
  kOther,
  kSelect,
  kInsert,
  kReplace,
  kUpdate,
  kDelete,
  kMerge,
  kTransaction,
  kSet,
  kLock,
  kUnlock,
  kUse,
  kPrepare,
  kExecute,
  kDeallocate,
  kCreateTable,
  kCreateIndex,
  kAlterTable,
  kOtherDdl,
  kDo,
  kCall,
  kExplain,
  kDiscard,
};
[[nodiscard]] std::string_view statement_kind_name(StatementKind k);

/// How far the parser got. kPartial: the facts present are true, others may be missing. kOpaque: only `kind` may be believed.
enum class Quality : uint8_t { kOpaque, kPartial, kFull };

/// A possibly qualified name, unquoted; folded to lower case where the dialect folds and it was not quoted.
struct ObjectName {
  Name schema;  ///< empty when not written
  Name name;
  bool quoted = false;
  friend bool operator==(const ObjectName&, const ObjectName&) = default;
};

enum class TableRole : uint8_t { kTarget, kFrom, kJoin, kUsing };

struct TableRef {
  ObjectName name;
  Name alias;  ///< empty when none
  TableRole role = TableRole::kFrom;
  bool is_cte = false;     ///< names a CTE of this statement, not a table
  int derived_block = -1;  ///< block index when it is a derived table
  RareText function;       ///< `generate_series(…)`: the function whose rows these are; `name` is empty

  /// What columns of it are qualified with.
  [[nodiscard]] Name called() const { return alias.empty() ? name.name : alias; }
};

struct ColumnRef {
  Name qualifier;  ///< alias or table as written; empty when none
  Name name;       ///< unquoted, folded like ObjectName; `*` for a star
  int table = -1;  ///< index into the block's tables when the qualifier (or being the only table) tells, else -1
  friend bool operator==(const ColumnRef&, const ColumnRef&) = default;
};

enum class CompareOp : uint8_t { kEq, kNullSafeEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn, kLike, kIsNull, kIsNotNull, kBetween, kOther };

enum class OperandKind : uint8_t {
  kNone,
  kSlot,      ///< literal or parameter `slot`; of kIn and kBetween too (BETWEEN: slot and slot2)
  kColumn,    ///< another column
  kSubquery,  ///< block `block`
  kNow,       ///< now(), CURRENT_TIMESTAMP, …
  kDefault,
  kExcluded,        ///< EXCLUDED.c, VALUES(c), new.c: `column` names c
  kSelf,            ///< the assigned column, alone
  kSelfRelative,    ///< the assigned column ± slot (or ± column, ± expression): `sign`, `slot` or `column`
  kSelfExpression,  ///< any other expression that reads the assigned column (CASE, GREATEST, jsonb_set, NOT c, 1 - c)
  kExpression,      ///< any expression that does not read the assigned column
};

struct Operand {
  OperandKind kind = OperandKind::kNone;
  int8_t sign = 0;  ///< kSelfRelative: +1 or -1
  int slot = -1;  ///< -1 for a value of a function's body; of kExpression: the value of `lower(?)`, a call with one value and nothing else
  int slot2 = -1;
  int block = -1;  ///< of any expression: the first subquery in it, when it is not too deep inside
  Rare<ColumnRef> column;
  RareList<ColumnRef> columns;  ///< every column the expression reads
  RareText text;                ///< normalised text of an expression, slots as `?`
};

/// One AND-ed condition of a WHERE (or of an inner join's ON, `from_join`).
struct Conjunct {
  ColumnRef column;             ///< left side when it is a column; its name is empty otherwise
  RareText expression;          ///< normalised left side when it is not a bare column (`lower(email)`); columns it reads in `columns`
  RareList<ColumnRef> columns;  ///< all columns read on the left side; none when it is `column`
  Operand right;
  CompareOp op = CompareOp::kOther;
  bool from_join = false;
  bool negated_exists = false;  ///< NOT EXISTS (block)
  bool exists = false;          ///< EXISTS (block)
};

enum class Aggregate : uint8_t { kNone, kCount, kSum, kMax, kMin, kAvg, kOther };

/// Of a SELECT item that is no bare column.
struct ComputedItem {
  Aggregate aggregate = Aggregate::kNone;
  bool constant = false;  ///< SELECT 1, SELECT (1) AS a
  bool exists = false;    ///< SELECT EXISTS (block)
  int block = -1;
  ColumnRef aggregate_of;  ///< COUNT(*) has name `*`
  int plus_slot = -1;      ///< MAX(c) + slot
  std::string text;        ///< normalised expression, slots as `?`
  friend bool operator==(const ComputedItem&, const ComputedItem&) = default;
};

/// Lists of tens of columns are what most of a log's statements consist of.
struct SelectItem {
  ColumnRef column;  ///< set for a bare column or star
  Name alias;
  Rare<ComputedItem> computed;
};

enum class LockStrength : uint8_t { kNone, kKeyShare, kShare, kNoKeyUpdate, kUpdate };
enum class LockWait : uint8_t { kBlock, kNoWait, kSkipLocked };

struct LockClause {
  LockStrength strength = LockStrength::kNone;
  LockWait wait = LockWait::kBlock;
  std::vector<std::string> of;
  bool timed = false;  ///< WAIT n: blocks for so long at most (MariaDB)
};

struct OrderItem {
  ColumnRef column;
  bool descending = false;
};

/// One SELECT (or the row source of a write). A set operation whose first branch stands in brackets has a block of its own, without tables,
/// and all branches in it; else its first branch is the block that has the ORDER BY, LIMIT and locks. A function's rows are a table without
/// name. Block 0 is the statement's own; subqueries, CTE bodies and UNION branches follow.
struct QueryBlock {
  int parent = -1;
  Name cte_name;  ///< when it is the body of a CTE
  std::vector<TableRef> tables;
  std::vector<SelectItem> items;
  std::vector<Conjunct> where;  ///< AND-ed; an OR at the top is one conjunct of op kOther
  RareList<Conjunct> having;
  RareList<OrderItem> order_by;
  RareList<LockClause> locks;
  int limit_slot = -1, offset_slot = -1;
  /// For a data-modifying CTE: index into StatementFacts::writes.
  int write = -1;
  bool is_union_branch = false;  ///< second and later branches of a set operation
  bool has_where = false;
  bool where_exact = false;  ///< `where` says everything the WHERE says
  bool has_group_by = false, has_having = false, distinct = false;
  bool has_limit = false;
};

struct Assignment {
  ColumnRef column;
  Operand value;
};

enum class InsertSource : uint8_t { kNone, kValues, kSelect, kSet, kDefault, kTable };
enum class UpsertKind : uint8_t { kNone, kConflictNothing, kConflictUpdate, kDuplicateUpdate, kIgnore, kReplace };

/// One writing statement: the statement itself, or a data-modifying CTE, or an INSERT hidden in a function body.
struct Write {
  StatementKind kind = StatementKind::kOther;  ///< kInsert, kReplace, kUpdate, kDelete, kMerge
  UpsertKind upsert = UpsertKind::kNone;
  InsertSource source = InsertSource::kNone;
  bool row_constructor = false;  ///< VALUES ROW(…), ROW(…): MySQL's table value constructor
  Name target_alias;
  std::vector<ObjectName> targets;  ///< one, except in MySQL's multi-table forms; none only when quality is not kFull
  int block = -1;                   ///< WHERE/FROM of an UPDATE or DELETE; source of INSERT … SELECT
  int rows = 0;
  RareList<Name> insert_columns;  ///< named columns in order; empty when not named
  RareList<Operand>
      insert_values;            ///< the first VALUES row, or the SELECT items of INSERT … SELECT of constants; parallel to insert_columns
  std::vector<Assignment> set;  ///< UPDATE … SET
  RareList<std::string> conflict_columns;          ///< ON CONFLICT (…): columns and normalised expressions
  Rare<std::vector<bool>> conflict_is_expression;  ///< parallel to conflict_columns
  RareText conflict_constraint;                    ///< ON CONFLICT ON CONSTRAINT x
  RareList<Conjunct> conflict_predicate;           ///< ON CONFLICT (…) WHERE …
  RareList<Assignment> upsert_set;                 ///< DO UPDATE SET / ON DUPLICATE KEY UPDATE
  int not_exists_block = -1;                       ///< the guard of INSERT … SELECT … WHERE NOT EXISTS (block)
  bool has_conflict_predicate = false;
  bool upsert_has_where = false;
  bool returning = false;
  bool ignore = false;         ///< INSERT, UPDATE or DELETE IGNORE; OR IGNORE
  bool hidden = false;         ///< inside a function body or a DO block
  bool merge_deletes = false;  ///< MERGE … WHEN … THEN DELETE
};

enum class TxAction : uint8_t {
  kNone,
  kBegin,
  kCommit,
  kRollback,
  kSavepoint,
  kRelease,
  kRollbackTo,
  kSetTransaction,  ///< SET TRANSACTION …: the next (MySQL) or the current (PostgreSQL) one
  kSetSession,      ///< SET SESSION [CHARACTERISTICS AS] TRANSACTION …, SET tx_isolation
  kSetGlobal,
  kAutocommitOn,
  kAutocommitOff,
  kPrepareTransaction,
  kCommitPrepared,
};
enum class BeginMode : uint8_t { kDefault, kDeferred, kImmediate, kExclusive };

struct TransactionControl {
  TxAction action = TxAction::kNone;
  BeginMode mode = BeginMode::kDefault;
  Isolation isolation = Isolation::kUnknown;
  bool read_only = false, read_write = false;
  bool consistent_snapshot = false;
  bool and_chain = false;
  RareText savepoint;
};

enum class ExplicitLock : uint8_t { kNone, kTable, kUnlockTables, kAdvisory, kAdvisoryRelease };

struct LockStatement {
  ExplicitLock kind = ExplicitLock::kNone;
  std::vector<ObjectName> tables;
  std::string mode;                 ///< `SHARE ROW EXCLUSIVE`, `WRITE`, `READ`; upper case
  bool transaction_scoped = false;  ///< pg_advisory_xact_lock
  bool try_only = false;            ///< pg_try_…, GET_LOCK with timeout 0
  bool shared = false;
  std::vector<int> key_slots;  ///< slots of the advisory key
};

/// Keys that DDL in a log changes; schema/ddl reads whole DDL files.
struct DdlFacts {
  ObjectName table;
  std::vector<std::string> columns;              ///< CREATE TABLE
  std::vector<std::vector<std::string>> unique;  ///< unique keys and the primary key
  bool temporary = false;
};

struct StatementFacts {
  StatementKind kind = StatementKind::kOther;
  Quality quality = Quality::kOpaque;
  /// The text ended in the middle; no fact here could be different in the whole statement, and what is not here may be there. What remains:
  /// of SELECT the clauses that something followed (never the locks of a text that ends behind them); of INSERT the table, the columns named,
  /// the values that a comma followed; of UPDATE, DELETE and MERGE the table alone, and all of it once something followed the WHERE; of
  /// transaction control, SET and LOCK the kind alone (COMMIT may go on as COMMIT PREPARED).
  bool truncated = false;
  bool multiple = false;  ///< several statements in one packet: facts of the first; the others in `following`
  std::vector<QueryBlock> blocks;
  std::vector<Write> writes;  ///< the statement's own write first when it is one
  TransactionControl tx;
  RareList<LockStatement> locks;  ///< LOCK TABLE(S), and advisory functions called anywhere in it
  Rare<DdlFacts> ddl;
  bool implicit_commit = false;  ///< MySQL: DDL and some others commit the open transaction (manual 13.3.3)
  RareText use_database;         ///< USE db
  RareText reason;               ///< why quality is not kFull, for a person
  RareList<StatementFacts> following;

  [[nodiscard]] const Write* write() const { return writes.empty() ? nullptr : &writes.front(); }
  [[nodiscard]] const QueryBlock* top() const { return blocks.empty() ? nullptr : &blocks.front(); }
};

/// Does the statement read, write or lock? Transaction control, settings and the like are no ops.
[[nodiscard]] inline bool is_op(const StatementFacts& facts) {
  return !facts.writes.empty() || !facts.locks.empty() || (facts.kind == StatementKind::kSelect && !facts.blocks.empty()) ||
         facts.kind == StatementKind::kMerge;
}

}  // namespace dbaudit
