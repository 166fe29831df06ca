#pragma once
// Lines of the `debug` package, as Knex uses it: `2026-01-09T10:00:00.000Z knex:query select 1 trx2`, on a terminal `  knex:query select 1 trx2 +3ms`.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "analyzers/base/time.h"

namespace dbaudit {

struct KnexDebugLine {
  enum class Kind : uint8_t { kNone, kQuery, kBindings, kTx, kOther };
  Kind kind = Kind::kNone;
  bool terminal = false;  ///< every line of a message repeats the namespace, and a time since the last message ends it
  size_t text = 0;        ///< offset behind the namespace and its blank
  TimePoint time;
};

/// `line` without colours.
[[nodiscard]] KnexDebugLine parse_knex_debug_line(std::string_view line);

/// What a message ends with: ` trx2`, ` undefined`, both maybe followed by ` +3ms`.
struct KnexDebugEnd {
  bool found = false;
  size_t size = 0;        ///< of the text in front of it
  std::string_view txid;  ///< empty for `undefined`
};
[[nodiscard]] KnexDebugEnd parse_knex_debug_end(std::string_view text);

}  // namespace dbaudit
