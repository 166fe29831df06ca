#pragma once
// What the log has written so far, in the order it was written: the last number put into each (row, column), whoever put it there. From it comes the
// strongest evidence that a literal was computed from what had been read: it moves by small steps from the value before it.

#include <cstdint>
#include <unordered_map>

#include "analyzers/base/arena.h"
#include "analyzers/trace/access.h"
#include "analyzers/trace/transaction.h"

namespace dbaudit {

/// Identity of the row an access picks, from its equalities: by the primary key when they cover it, else by all of them. 0: no single row (no
/// equality, a list of several, a value the log does not show).
[[nodiscard]] uint64_t row_identity(const std::string& table_name, const Table* table, const std::vector<KeyColumn>& equal, const Op& op);

class WriteHistory {
 public:
  /// At most `cap` cells are remembered; past it new cells are not, and are counted.
  explicit WriteHistory(size_t cap = 200'000) : cap_(cap) {}
  /// Sets op.steps (in `arena`) and remembers what it wrote. Call in log order.
  void observe(Op& op, Arena& arena);
  [[nodiscard]] uint64_t forgotten() const { return forgotten_; }

 private:
  size_t cap_;
  uint64_t forgotten_ = 0;
  std::unordered_map<uint64_t, double> last_;  // looked up by key only: its order never shows
};

}  // namespace dbaudit
