#pragma once
// What stands before the first value of a statement: all statements of one shape have it in common.

#include <cstddef>
#include <cstdint>

namespace dbaudit {

/// Made by Templates::start_of(), for the same text.
struct StatementStart {
  size_t first = 0;   ///< where the first value begins, or the statement ends
  uint64_t hash = 0;  ///< of the bytes before it, and of those up to `end` but for values; 0: of a statement that is not told by its shape
  size_t end = 0;     ///< as `first`, or where a later value begins: many statements have in common what is before the first
};

}  // namespace dbaudit
