#pragma once
// The part of a record that needs no session: the templates of its statements and their values. It can be done ahead of the trace, on a thread of its own.

#include <span>
#include <string_view>

#include "analyzers/base/arena.h"
#include "analyzers/log/record.h"
#include "analyzers/sql/lexer.h"
#include "analyzers/sql/templates.h"

namespace dbaudit {

/// One statement of a record.
struct PreparedStatement {
  const Template* of = nullptr;
  BoundValues values;            ///< of a statement that is an op
  bool has_comment = true;       ///< Templates::has_comment()
  std::string_view sql;          ///< of a packet of several, this one's part of LogRecord::sql; evaluated: as far as the trace asks for it
  std::string_view object_name;  ///< Templates::object_name(), of one that names a savepoint

  /// Sets values and object_name, which live in `arena` then, as sql does where it holds what the template does not tell. `templates` must have interned this very statement last.
  void evaluate(const LogRecord& record, const Templates& templates, Arena& arena);
  /// The values alone, on the same condition.
  [[nodiscard]] BoundValues bind(const LogRecord& record, const Templates& templates, Arena& arena) const;
};

/// The statements of a packet, trimmed.
class PacketParts {
 public:
  PacketParts(std::string_view sql, const Dialect& dialect) : sql_(sql), lexer_(sql, dialect) {}
  /// Empty: there is none left.
  std::string_view next();

 private:
  std::string_view sql_;
  Lexer lexer_;
  size_t begin_ = 0;
  int depth_ = 0;
  bool at_end_ = false;
};

/// Calls `visit` with each statement of `record` right after it was interned, in order: one, or those of a packet; none when it has no text.
/// `start`: Templates::start_of() the record's text.
template <typename Visit>
void each_statement(const LogRecord& record, const StatementStart& start, Templates& templates, const Visit& visit) {
  if (record.sql_unknown || record.sql.empty()) return;
  const Template* t = templates.intern(record.sql, record.truncated, start);
  if (!t->facts.multiple || t->facts.following.empty()) {
    visit(PreparedStatement{t, {}, templates.has_comment(), record.sql, {}});
    return;
  }
  PacketParts parts(record.sql, templates.dialect());
  for (std::string_view part = parts.next(); !part.empty(); part = parts.next()) {
    const Template* const of = templates.intern(part, record.truncated);
    visit(PreparedStatement{of, {}, templates.has_comment(), part, {}});
  }
}

/// The same values in another arena.
[[nodiscard]] BoundValues copy_values(const BoundValues& values, Arena& arena);

}  // namespace dbaudit
