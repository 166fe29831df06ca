#pragma once
// The words that the parser knows. Anything else is a name; most of these are names too where a name is asked for.

#include <cstdint>
#include <string_view>

#include "analyzers/base/engine.h"

namespace dbaudit {

// clang-format off
#define DBAUDIT_SQL_KEYWORDS(X) \
  X(Abort) X(Add) X(After) X(All) X(Alter) X(Always) X(Analyse) X(Analyze) X(And) X(Any) X(Array) X(As) X(Asc) X(Asensitive) \
  X(Asymmetric) X(At) X(Atomic) X(Attach) X(Autocommit) X(Before) X(Begin) X(Between) X(Binary) X(Both) X(By) X(Call) X(Cascade) X(Case) \
  X(Cast) X(Chain) X(Change) X(Character) X(Characteristics) X(Check) X(Checkpoint) X(Close) X(Cluster) X(Collate) X(Collation) X(Column) \
  X(Columns) X(Comment) X(Commit) X(Committed) X(Concurrent) X(Concurrently) X(Conflict) X(Connection) X(Consistent) X(Constraint) \
  X(Copy) X(Create) X(Cross) X(Current) X(CurrentDate) X(CurrentTime) X(CurrentTimestamp) X(Cursor) X(Database) X(Deallocate) X(Declare) \
  X(Default) X(Deferrable) X(Deferred) X(Definer) X(Delayed) X(Delete) X(Desc) X(Describe) X(Detach) X(Discard) X(Distinct) X(Distinctrow) \
  X(Div) X(Do) X(Document) X(Drop) X(Dumpfile) X(Duplicate) X(Else) X(End) X(Escape) X(Event) X(Except) X(Exclude) X(Exclusive) X(Execute) \
  X(Exists) X(Explain) X(Fetch) X(Filter) X(First) X(Flush) X(Following) X(For) X(Force) X(Foreign) X(Format) X(From) X(Full) X(Fulltext) \
  X(Function) X(Generated) X(Glob) X(Global) X(Grant) X(Group) X(Groups) X(Handler) X(Having) X(HighPriority) X(If) X(Ignore) X(Ilike) \
  X(Immediate) X(Import) X(In) X(Include) X(Index) X(Indexed) X(Inner) X(Insensitive) X(Insert) X(Install) X(Intersect) X(Interval) X(Into) \
  X(Is) X(Isnull) X(Isolation) X(Join) X(Json) X(Key) X(Keys) X(Kill) X(Language) X(Last) X(Lateral) X(Leading) X(Left) X(Level) X(Like) X(Limit) \
  X(Listen) X(Load) X(Local) X(Localtime) X(Localtimestamp) X(Lock) X(Locked) X(LowPriority) X(Match) X(Matched) X(Materialized) X(Member) \
  X(Merge) X(Minus) X(Mod) X(Mode) X(Move) X(Names) X(Natural) X(Next) X(No) X(Normalized) X(Not) X(Nothing) X(Notify) X(Notnull) \
  X(Nowait) X(Null) X(Nulls) X(Of) X(Offset) X(On) X(Only) X(Operator) X(Optimize) X(Or) X(Order) X(Ordinality) X(Others) X(Outer) X(Outfile) X(Over) \
  X(Overlaps) X(Overriding) X(Partition) X(Password) X(Persist) X(Placing) X(Pragma) X(Preceding) X(Prepare) X(Prepared) X(Previous) X(Primary) \
  X(Procedure) X(Purge) X(Quick) X(Raise) X(Range) X(Read) X(Reassign) X(Recursive) X(References) X(Refresh) X(Regexp) X(Reindex) \
  X(Release) X(Rename) X(Repair) X(Repeatable) X(Replace) X(Reset) X(Restrict) X(Return) X(Returning) X(Revoke) X(Right) X(Rlike) X(Role) \
  X(Rollback) X(Rollup) X(Row) X(Rows) X(Rule) X(Savepoint) X(Schema) X(Scroll) X(Security) X(Select) X(Separator) X(Sequence) \
  X(Serializable) X(Session) X(Set) X(Share) X(Show) X(Similar) X(Skip) X(Snapshot) X(Some) X(Sounds) X(Spatial) X(Start) X(Statement) \
  X(Straight) X(StraightJoin) X(Symmetric) X(System) X(Table) X(Tables) X(Tablesample) X(Temp) X(Temporary) X(Then) X(Ties) X(Time) \
  X(Timestamp) X(To) X(Trailing) X(Transaction) X(Trigger) X(Truncate) X(Type) X(Uescape) X(Unbounded) X(Uncommitted) X(Uninstall) X(Union) \
  X(Unique) X(Unknown) X(Unlisten) X(Unlock) X(Unlogged) X(Update) X(Use) X(User) X(Using) X(Vacuum) X(Value) X(Values) X(Variadic) X(View) \
  X(Virtual) X(Wait) X(When) X(Where) X(Window) X(With) X(Within) X(Without) X(Work) X(Write) X(Xa) X(Xor) X(Zone)
// clang-format on

/// kHighPriority is `HIGH_PRIORITY`, and so on; kNone is every other word.
enum class Kw : uint16_t {
  kNone,
#define DBAUDIT_SQL_KEYWORD(name) k##name,
  DBAUDIT_SQL_KEYWORDS(DBAUDIT_SQL_KEYWORD)
#undef DBAUDIT_SQL_KEYWORD
};

/// The keyword a word spells, any case.
[[nodiscard]] Kw find_keyword(std::string_view word);

/// May an unquoted word be an alias without AS after a table (`FROM orders o`)? Asks only what the grammars reserve.
[[nodiscard]] bool can_be_table_alias(Kw k, Engine engine);
/// The same after an expression of a select list.
[[nodiscard]] bool can_be_column_alias(Kw k, Engine engine);
/// May an expression begin with this word read as a name?
[[nodiscard]] bool can_be_operand_name(Kw k, Engine engine);

}  // namespace dbaudit
