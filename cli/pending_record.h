#pragma once
// A record that is kept while the reader goes on.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "analyzers/base/arena.h"
#include "analyzers/log/record.h"
#include "analyzers/sql/templates.h"
#include "analyzers/trace/prepare.h"
#include "cli/database_filter.h"
#include "cli/part_filter.h"

namespace dbaudit {

struct PendingRecord {
  uint64_t session = 0;      ///< SessionPool::key_of()
  bool is_left_out = false;  ///< by a filter; not kept then
  LogRecord record;          ///< its bytes stand in the arena that it was kept in
  StatementStart start;      ///< of a statement whose text is kept

  /// Keeps what the trace asks of a record whose statements are prepared: no text, and no bind parameters. `stream`: the kind of log.
  void keep(std::string_view stream, const LogRecord& read, DatabaseFilter& others, PartFilter& part, Arena& arena);
  /// Of a record that was kept: its text and parameters too, for prepare().
  void keep_text(const LogRecord& read, Arena& arena);
  /// Of a record whose text is kept: its statement is prepared soon.
  void expect_shape(const Templates& templates) {
    if (start.hash != 0) templates.expect_shape(start, record.sql);
  }
  /// A little later: where the statement is told by a longer start.
  void expect_longer_shape(const Templates& templates) {
    if (start.end != start.first) expect_shape(templates);
  }
  /// Calls `visit` with each statement of `whole`, which has its text, evaluated, in order. The values of a statement that has `hashed` of them at most
  /// are hashed: those that rows are picked by will be compared.
  template <typename Visit>
  void prepare(const LogRecord& whole, Templates& templates, Arena& arena, size_t hashed, const Visit& visit) const {
    if (is_left_out || whole.kind != RecordKind::kStatement) return;
    each_statement(whole, start, templates, [&](PreparedStatement s) {
      s.evaluate(whole, templates, arena);
      if (s.values.slots.size() <= hashed) {
        for (const Value& v : s.values.slots) static_cast<void>(v.hash());
      }
      visit(s);
    });
  }
};

}  // namespace dbaudit
