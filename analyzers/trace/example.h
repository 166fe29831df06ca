#pragma once
// One work unit, kept: its statements with their values, so that they can be run through a Trace once more, as they were or mended. A WorkUnit dies
// with its visit. What an example may be made of is copied to an arena (UnitPart), for most of it nobody ever asks; the example itself (ExampleUnit) owns
// all it says but the names of tables and columns.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/base/rare.h"
#include "analyzers/trace/session.h"
#include "analyzers/trace/transaction.h"

namespace dbaudit {

/// A value that a statement compared with a column or wrote to it, as a literal of the engine. The names are those of the statement's access: they live as
/// long as the Binder.
struct ExampleCell {
  std::string_view table;   ///< as WriteAccess::name
  std::string_view column;  ///< lower case
  std::string literal;
};

struct ExampleStatement {
  std::string sql;           ///< with literals; a value the log did not show stays a placeholder
  uint64_t fingerprint = 0;  ///< of its template
  uint32_t transaction = 0;  ///< index into ExampleUnit::transactions
  uint32_t savepoints = 0;   ///< open around it
  bool rolled_back = false;  ///< undone by ROLLBACK TO SAVEPOINT
  RareText error_code;       ///< with `failed`
  RareText error_message;    ///< of the engine, unmasked: for the replay only
  std::string_view orm;      ///< as Op::orm
  std::vector<ExampleCell> cells;
  /// The same statement with the values that stood there before, oldest first, as far as the log told (Op::steps, Op::changes): some rules look at how a
  /// value moves. Empty for a statement that the example is not about.
  std::vector<std::string> history;
  int64_t rows = -1;
  bool failed = false;
};

struct ExampleTransaction {
  bool is_explicit = false;
  Boundary boundary = Boundary::kExplicit;
  Isolation isolation = Isolation::kUnknown;
  BeginMode mode = BeginMode::kDefault;
  TxEnd end = TxEnd::kCommit;
  bool consistent_snapshot = false;
  bool shown = true;  ///< its BEGIN is one that the log shows or the session's mode implies; false: a SAVEPOINT or a lock told of it
};

struct ExampleUnit {
  Engine engine = Engine::kUnknown;
  bool snapshot_isolation = false;  ///< of the session, by SET
  std::vector<ExampleTransaction> transactions;
  std::vector<ExampleStatement> statements;  ///< parallel to UnitPart::ops

  [[nodiscard]] bool empty() const { return statements.empty(); }
};

/// The ops of a unit from a little before the first of some to a little behind the last, in few bytes. Lives as long as its arena and the Binder.
struct UnitPart {
  Engine engine = Engine::kUnknown;
  bool whole =
      false;  ///< else other runs of the templates of `about` are left out, with their transactions: a loop shows itself in one turn
  std::string_view orm;     ///< as WorkUnit::orm
  std::span<const Op> ops;  ///< without times and places, those left out without values too; Op::transaction counts from the first of these
  std::span<const Transaction> transactions;
  std::span<const uint32_t> about;  ///< indexes of the ops in question, as they were given

  [[nodiscard]] bool empty() const { return ops.empty(); }
};
/// Empty when `about` is too far apart, or the values too long, to be kept.
[[nodiscard]] UnitPart part_of(const WorkUnit& unit, std::span<const uint32_t> about, bool whole, Arena& arena);
/// Empty when the statements prove too long.
[[nodiscard]] ExampleUnit example_of(const UnitPart& part);

/// A value as a literal of the engine; empty for one that is not known.
[[nodiscard]] std::string literal_of(const Value& value, Engine engine);
/// The template's text with `literal(slot)` in the places of its slots; names that need it quoted as the engine does.
[[nodiscard]] std::string template_with_literals(std::string_view template_text, Engine engine, const BoundValues& values);

/// One statement of a program that is run through a Trace.
struct ReplayStatement {
  std::string sql;
  Boundary boundary = Boundary::kExplicit;  ///< how well its source shows transactions
  std::string error_code, error_message;
  std::string_view orm;  ///< as Op::orm
  int64_t rows = -1;
  bool failed = false;
};

/// What opens a transaction like this one, where sessions begin at `usual`.
[[nodiscard]] std::vector<ReplayStatement> opening(const ExampleTransaction& tx, Engine engine, Isolation usual);
/// What ends it; nothing for a statement in autocommit.
[[nodiscard]] std::vector<ReplayStatement> closing(const ExampleTransaction& tx);
/// One statement as a step of a program.
[[nodiscard]] ReplayStatement step_of(const ExampleStatement& s, const ExampleTransaction& tx);

/// Runs the programs as sessions side by side, statement by statement in turn. `begun` is the number of sessions that ran before: theirs are others, and later.
void replay(std::span<const std::vector<ReplayStatement>> sessions, size_t begun, Trace& trace);

}  // namespace dbaudit
