// The arithmetic moved into the UPDATE, where the row's lock makes it safe at every level (measured on PostgreSQL, MariaDB and SQLite), and the
// check that came before repeated in its WHERE. A guard that nobody looks at is half a fix: 0 affected rows is the answer "no".

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/base/text.h"
#include "rules/suggest/names.h"
#include "rules/suggest/rewrite.h"

namespace dbaudit::suggest {
namespace {

const Assignment* assignment_of(const Write& write, std::string_view column) {
  for (const Assignment& a : write.set) {
    if (iequals(a.column.name, column)) return &a;
  }
  return nullptr;
}

/// Where the amount of `stock - ?`, `("stock" - ?)` or `COALESCE(stock, ?) - ?` stands: the operand after the only sign.
size_t amount_token(const Pieces& pieces, size_t value, size_t end, std::string_view sign) {
  while (pieces.is_punct(value, '(') && pieces.is_punct(end - 1, ')') && pieces.find_sign(")", value, end) == end - 1) {
    ++value;
    --end;
  }
  const size_t at = pieces.find_sign(sign, value, end);
  // Only one token may follow: `stock - a + b` is not `stock` less `a + b`.
  return at + 2 == end ? at + 1 : pieces.size();
}

/// What the guard compares: the same amount as the SET.
struct Guard {
  std::string column;  ///< as SQL
  size_t amount = 0;   ///< token in the original; 0: the new parameter
  std::string parameter;
  bool down = true;
};

void write_amount(const Pieces& pieces, const Guard& g, Draft& draft) {
  if (g.amount > 0)
    pieces.copy(g.amount, g.amount + 1, draft);
  else
    draft.new_parameter(g.parameter);
}

}  // namespace

std::vector<Fix> atomic_update(const Material& m, bool guard) {
  const Write* write = m.write != nullptr ? m.write->write() : nullptr;
  if (write == nullptr || write->kind != StatementKind::kUpdate || m.write_sql.empty()) return {};
  const Pieces pieces(m.write_sql, m);
  const UpdateShape shape = update_shape(pieces);
  if (!shape.good) return {};

  Draft draft(m.engine);
  std::vector<Guard> guards;
  std::vector<std::string> titles;
  bool changed = false;
  pieces.copy(0, shape.set.front().begin, draft);
  for (size_t i = 0; i < shape.set.size(); ++i) {
    const UpdateShape::Set& s = shape.set[i];
    if (i > 0) draft.text(",");
    const bool wanted = std::any_of(m.columns.begin(), m.columns.end(), [&s](const std::string& c) { return iequals(c, s.column); });
    const Assignment* a = wanted ? assignment_of(*write, s.column) : nullptr;
    const std::string column = column_sql(m, s.column);
    const std::string qualified =
        shape.joins ? quote_part(write->target_alias.empty() ? bare_table(m) : write->target_alias.str(), m.engine) + "." + column : column;
    if (a != nullptr && a->value.kind == OperandKind::kSlot) {
      // A number computed in the program. With a guard it is something taken away; without one it may go either way.
      const Guard g{qualified, 0, guard ? "the amount to take from " + column : "the change of " + column + ", negative to take away",
                    true};
      pieces.copy(s.begin, s.value, draft);
      draft.text(" " + qualified + (guard ? " - " : " + "));
      draft.new_parameter(g.parameter);
      guards.push_back(g);
      titles.push_back(column);
      changed = true;
    } else if (a != nullptr && a->value.kind == OperandKind::kSelfRelative && guard) {
      const bool down = a->value.sign < 0;
      const size_t amount = amount_token(pieces, s.value, s.end, down ? "-" : "+");
      if (amount >= pieces.size() || (!down && m.bound_column.empty())) return {};
      guards.push_back({qualified, amount, {}, down});
      pieces.copy(s.begin, s.end, draft);
      titles.push_back(column);
      changed = true;
    } else if (a != nullptr) {
      return {};  // an expression whose amount nobody can read off
    } else {
      pieces.copy(s.begin, s.end, draft);
    }
  }
  if (!changed) return {};
  pieces.copy(shape.set.back().end, shape.where, draft);
  if (guard) {
    copy_where_and(pieces, shape, draft);
    for (size_t i = 0; i < guards.size(); ++i) {
      const Guard& g = guards[i];
      draft.text((i > 0 ? " AND " : "") + g.column + (g.down ? " >= " : " + "));
      write_amount(pieces, g, draft);
      if (!g.down) draft.text(" <= " + column_sql(m, m.bound_column));
    }
    pieces.copy(shape.tail, pieces.size(), draft);
  } else {
    pieces.copy(shape.where, pieces.size(), draft);
  }

  Fix fix;
  fix.kind = "atomic-update";
  fix.title = guard ? fmt::format("Let the UPDATE check {} itself, and look at the affected rows", join(titles, ", "))
                    : fmt::format("Let the database do the arithmetic on {}", join(titles, ", "));
  fix.sql = {draft.sql()};
  fix.use.write = 0;
  fix.trade_off = guard ? "Check that one row was affected: 0 means that there was not enough, or no such row."
                        : "The value read before is no longer written, so it may be old.";
  if (m.engine == Engine::kPostgres && (m.isolation == Isolation::kRepeatableRead || m.isolation == Isolation::kSerializable))
    fix.trade_off += fmt::format(" At {} a concurrent change gives 40001: retry the transaction.", isolation_name(m.isolation));
  if (const std::string parameters = draft.parameters(); !parameters.empty()) fix.trade_off += " " + parameters;
  return {fix};
}

}  // namespace dbaudit::suggest
