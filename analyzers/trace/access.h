#pragma once
// What a statement does to rows, in the schema's names: which rows it reads by which columns, which it writes and with what. Computed once per
// template from StatementFacts and the catalog; an op adds the values.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/sql/facts.h"

namespace dbaudit {

/// One equality (or IS NULL) of a WHERE.
struct KeyColumn {
  std::string column;      ///< lower case; empty for an expression
  std::string expression;  ///< `lower(email)`, in the schema's spelling; empty for a column
  int slot = -1;           ///< of the value; -1 for IS NULL
  bool is_null = false;
  bool is_list = false;  ///< IN (…): any of several rows
  [[nodiscard]] const std::string& name() const { return column.empty() ? expression : column; }
};

/// A condition that is not an equality with a value: a range, a state compared to a constant expression, an OR.
struct OtherCondition {
  std::vector<std::string> columns;  ///< lower case
  CompareOp op = CompareOp::kOther;
  int slot = -1;
};

/// The rows of one table that one query block reads.
struct ReadAccess {
  int block = 0;
  const Table* table = nullptr;
  std::string name;              ///< qualified when the catalog tells
  std::vector<KeyColumn> equal;  ///< in statement order
  std::vector<OtherCondition> others;
  bool exact = false;     ///< equal and others are the whole WHERE
  bool top_level = true;  ///< the statement's own FROM, not a subquery
  bool joined = false;    ///< other tables take part
  LockStrength lock = LockStrength::kNone;
  LockWait wait = LockWait::kBlock;
  Aggregate aggregate =
      Aggregate::kNone;    ///< of the first aggregate item, or of a query whose only table these rows are (COUNT of a subquery)
  std::string aggregated;  ///< its column, lower case; `*` of COUNT(*); empty for an expression
  int plus_slot = -1;      ///< MAX(c) + slot
  bool probe = false;      ///< asks only whether a row is there: EXISTS, SELECT 1, COUNT
  bool limited = false;    ///< LIMIT or FETCH FIRST
  int limit_slot = -1;
  bool paged = false;  ///< OFFSET beside it
  int offset_slot = -1;
  bool ordered = false;
  std::string latest_by;             ///< ORDER BY c DESC and a LIMIT: c, lower case
  bool all_columns = false;          ///< `*`, or `t.*`
  std::vector<std::string> columns;  ///< projected bare columns, lower case

  [[nodiscard]] bool projects(std::string_view column) const;
};

struct ColumnWrite {
  std::string column;  ///< lower case
  const Operand* value = nullptr;
};

/// The rows of one table that one write touches.
struct WriteAccess {
  int write = 0;
  StatementKind kind = StatementKind::kOther;
  UpsertKind upsert = UpsertKind::kNone;
  const Table* table = nullptr;
  std::string name;
  std::vector<KeyColumn> equal;  ///< UPDATE, DELETE: equalities of the WHERE
  std::vector<OtherCondition> others;
  bool exact = false;  ///< the WHERE is wholly understood
  bool has_where = false;
  std::vector<ColumnWrite> set;  ///< UPDATE … SET, or the columns of an INSERT's (first) row
  bool guarded_insert = false;   ///< INSERT … WHERE NOT EXISTS
  int rows = 0;                  ///< INSERT … VALUES rows
  bool hidden = false;

  [[nodiscard]] bool is_insert() const { return kind == StatementKind::kInsert || kind == StatementKind::kReplace; }
  [[nodiscard]] const ColumnWrite* find(std::string_view column) const;
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
inline constexpr TraitMask kSums = 256;         ///< reads with COUNT or SUM
inline constexpr TraitMask kNumberReads = 512;  ///< reads of a highest value: MAX(c), ORDER BY c DESC LIMIT
inline constexpr TraitMask kFailures = 1024;    ///< of an execution, not of the statement
inline constexpr TraitMask kWrites = kInserts | kUpdates | kDeletes | kOtherWrites;
}  // namespace Trait
inline constexpr TraitMask kAllTraits = ~TraitMask{0};

struct StatementAccess {
  TraitMask traits = Trait::kStatement;
  std::vector<ReadAccess> reads;
  std::vector<WriteAccess> writes;
};

class BoundStatement;
/// `engine` decides how expressions are spelt (schema/expression.h).
[[nodiscard]] StatementAccess derive_access(const BoundStatement& statement, Engine engine);

}  // namespace dbaudit
