#pragma once
// What the log has written so far, in the order it was written: the last values put into each (row, column), whoever put them there. From them comes the
// strongest evidence that a literal was computed from what had been read: it moves by small steps from the value before it, it is the opposite of it, or
// it is the value from before another session's write. Likewise the highest number inserted into each column whose highest value some statement asks
// for (MAX(c), ORDER BY c DESC LIMIT 1), among the rows that statement looks at.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "analyzers/base/arena.h"
#include "analyzers/base/hash_table.h"
#include "analyzers/base/tight.h"
#include "analyzers/trace/access.h"
#include "analyzers/trace/transaction.h"

namespace dbaudit {

/// Identity of the row an access picks, from its equalities: by the primary key when they cover it, else by all of them. 0: no single row (no
/// equality, a list of several, a value the log does not show).
[[nodiscard]] uint64_t row_identity(const AccessedTable& table, const std::vector<KeyColumn>& equal, const Op& op);

/// The same of the first row that the access names, where it names several (`id IN (7, 8)`).
[[nodiscard]] uint64_t first_row_identity(const AccessedTable& table, const std::vector<KeyColumn>& equal, const Op& op);

/// The equalities of the row that an upsert inserts or finds: its conflict target's columns, or those of the first unique key that it gives values to.
/// Empty: not an upsert, or no such key is known.
[[nodiscard]] std::vector<KeyColumn> upsert_key(const WriteAccess& w, const Write& write);

/// What an upsert writes into a column of the row it finds: the value it would have inserted (`EXCLUDED.c`, `VALUES(c)`), or another literal. nullptr: it
/// leaves the column alone, or writes an expression.
[[nodiscard]] const Operand* upserted_value(const WriteAccess& w, const Write& write, std::string_view column);

/// The number that the op writes as a literal or parameter into column `i` of `w`, one of its writes; NaN: none.
[[nodiscard]] double number_written(const Op& op, const WriteAccess& w, size_t i);

class WriteHistory {
 public:
  /// At most `cap` cells are remembered; past it new cells are not, and are counted.
  explicit WriteHistory(size_t cap = 200'000) : cap_(cap) {}
  /// Would observe() of an op of this statement do anything?
  [[nodiscard]] static bool heeds(const BoundStatement& statement) {
    const std::vector<WriteAccess>& writes = statement.access.writes;
    return (statement.access.traits & Trait::kNumberReads) != 0 || (!writes.empty() && !writes.front().set.empty());
  }
  /// The row whose columns the op writes, as row_identity() tells it; 0: it is none, or not known.
  [[nodiscard]] static uint64_t row_of(const Op& op);
  /// Sets op.history (in `arena`) and remembers what it wrote. Call in the order in which they ran, with the op's session and
  /// row_of().
  void observe(Op& op, uint64_t row, uint32_t session, Arena& arena);
  /// What observe() will look up: the row, or of an INSERT the first highest number that it may raise; 0: nothing.
  [[nodiscard]] uint64_t looked_up(const Op& op, uint64_t row) const;
  /// Tells the processor that observe() looks this up soon: most rows were last looked at long ago. A little later once more.
  void expect(uint64_t looked_up) const { rows_.prefetch(looked_up); }
  void expect_cells(uint64_t looked_up) const {
    if (const Row* const cells = rows_.find(looked_up)) prefetch_to_write(cells->data(), cells->size() * sizeof(Cell));
  }
  /// Of an op that is observed soon: what it was bound to, and its values. A little later once more.
  static void expect_op(const Op& op) {
    op.statement->expect();
    prefetch(op.values.slots.data(), op.values.slots.size_bytes());
  }
  static void expect_values(const Op& op) {
    const std::vector<WriteAccess>& writes = op.statement->access.writes;
    if (writes.empty()) return;
    for (const ColumnWrite& c : writes.front().set) prefetch(c.value, sizeof(Operand));
  }
  [[nodiscard]] uint64_t forgotten() const { return forgotten_; }

 private:
  /// What is known of one column of one row, or of the highest number of a numbered column in one scope.
  struct Cell {
    uint64_t column = 0;                                       ///< hash of its name; 0 of a scope's
    uint64_t last = 0, before = 0;                             ///< the last value and the one before it, by hash; 0: not known
    double number = std::numeric_limits<double>::quiet_NaN();  ///< the last value; NaN: not known, or none
    TightPlace place;
    TightTime time;
    uint32_t session = 0;
  };
  using Row = std::vector<Cell>;

  /// nullptr: nothing is known of it. `row`: null when nothing is known of that; `hint`: where the cell may be.
  static Cell* find(Row* row, uint64_t column, size_t hint);
  /// The cell, a new one if need be; nullptr past the cap. `cells` is the row, and made when it is null; `columns`: how many may come.
  Cell* cell_of(uint64_t row, Row*& cells, uint64_t column, size_t hint, size_t columns);
  static CellStep step_to(Cell& cell, uint64_t value, const Op& op, uint32_t session);

  /// A column whose highest value is asked for, and the columns that pick the rows it is asked of: hashes of their names.
  struct Numbered {
    uint64_t column = 0;
    std::vector<uint64_t> scope;  // sorted by name
    friend bool operator==(const Numbered&, const Numbered&) = default;
  };
  void watch(const ReadAccess& read);
  /// All of a statement's reads of a highest value, when it comes for the first time.
  void watch(const BoundStatement& statement);
  void observe_insert(Op& op, const WriteAccess& w, Arena& arena);
  /// The scope that the row inserted stands in, as a row of the history's own; 0: not known.
  static uint64_t scope_of(const Numbered& n, const Op& op, const WriteAccess& w);
  /// How far `number` is from what the cell held; it holds `number` then. NaN when nothing was known.
  static double move(Cell& cell, double number);

  HashTable<std::vector<Numbered>> numbered_;  // by table
  std::vector<bool> watched_;                  // by template
  size_t cap_;
  uint64_t forgotten_ = 0;
  HashTable<Row> rows_;
  size_t cells_ = 0;  // of all rows
};

}  // namespace dbaudit
