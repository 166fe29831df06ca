#pragma once
// How tightly operators bind: what the parser and the printer of expressions agree on. Internal to schema/expression*.cpp.

namespace dbaudit {

enum Precedence { kLowest = 0, kOr = 1, kXor, kAnd, kNot, kCompare, kOperator, kSum, kProduct, kPower, kPrefix, kCollate, kPrimary };

}  // namespace dbaudit
