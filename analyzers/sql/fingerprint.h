#pragma once
// Statement → template: the text with its values lifted out, a 64-bit fingerprint of it, and the values.
//
// Lifted into numbered slots, left to right: string, number and bit literals; placeholders; TRUE, FALSE and NULL where a value stands (not
// after IS, IS NOT, NOT, SET, DEFAULT or AS). A sign belongs to the number when no operand stands before it. A slot is spelt `?`; a
// `::type` behind a slot is left out, so that a literal with a cast and a placeholder meet.
// Folded: `IN (…)` of only values is one slot whatever its length, of only rows `IN ((?, ?))` one slot a column; `ARRAY[…]` of only values is one
// slot; the second and later rows of VALUES fold into the first when all have one shape. `IN %s` reads as `IN (%s)`.
// Not lifted: names; a string that is a name (after AS in MySQL and SQLite); function bodies (`$<hash>$`); literals that facts depend on:
// those of SET autocommit, transaction_isolation and the like, of PRAGMA, the timeout of GET_LOCK, the number after WAIT.
// Normalised: white space to one blank, unquoted words to lower case, quotes dropped around names of [a-z_][a-z0-9_]* that are not
// reserved and double otherwise, comments dropped, trailing `;` dropped, savepoint names to `sp`, cursors to `cur`, prepared statements
// in DEALLOCATE to `ps`. Generated aliases (Hibernate, Knex) are kept: they are stable per statement shape.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/base/arena.h"
#include "analyzers/base/bind_value.h"
#include "analyzers/sql/dialect.h"
#include "analyzers/sql/value.h"

namespace dbaudit {

struct Lifted;
struct PassResult;
struct SlotToken;

struct Normalised {
  std::string text;          ///< the template
  uint64_t fingerprint = 0;  ///< hash_bytes(text): stable across runs and versions
  uint32_t slots = 0;        ///< number of slots (of the first VALUES row when there are several)
  uint32_t rows = 0;         ///< VALUES rows that came to their end; 0 when there is no VALUES; of several clauses the outermost
  uint32_t row_slots = 0;    ///< slots in each VALUES row; 0 when the rows are of different shape (then they did not fold)
  uint32_t first_row_slot = 0;
  bool has_comment = false;
  bool literals_matter = false;  ///< what kind of literal a value is decides whether the template keeps it as text
  bool unterminated = false;     ///< ended inside a quote or comment: the statement was cut
  uint64_t directives = 0;       ///< hash of its `dbaudit:` comments, 0 without any: they are not in the text
  /// The name that the template spells sp, cur or ps, as written; of several the last. A view of the statement.
  std::string_view object_name;
};

/// Values of one execution. Everything lives in the arena given to bind().
struct BoundValues {
  /// Values behind the first of a slot.
  struct More {
    std::span<const std::span<const Value>> lists;
    std::span<const Value> rows;
  };
  std::span<const Value> slots;  ///< one per slot; for a list slot the value is that of a list of one, else kMissing
  const More* more = nullptr;    ///< null: no lists, one row

  /// One per slot: the elements of a list slot, else empty; none at all without a list slot.
  [[nodiscard]] std::span<const std::span<const Value>> lists() const {
    return more != nullptr ? more->lists : std::span<const std::span<const Value>>();
  }
  /// Rows after the first, row_slots values each.
  [[nodiscard]] std::span<const Value> more_rows() const { return more != nullptr ? more->rows : std::span<const Value>(); }
  /// Makes `more` of them, in `arena`, where they live already.
  void set_more(std::span<const std::span<const Value>> lists, std::span<const Value> rows, Arena& arena) {
    if (lists.empty() && rows.empty()) return;
    More& made = arena.array<More>(1).front();
    made = {lists, rows};
    more = &made;
  }
};

/// Reusable buffers for normalising many statements without allocating. Cost is linear in the length of the statement.
class Fingerprinter {
 public:
  explicit Fingerprinter(const Dialect& dialect);
  ~Fingerprinter();
  Fingerprinter(Fingerprinter&&) noexcept;
  Fingerprinter& operator=(Fingerprinter&&) = delete;
  /// The template of `sql`. The reference is valid until the next call. `tokens` becomes what tokenise() says of `sql`.
  const Normalised& normalise(std::string_view sql, std::vector<SlotToken>* tokens = nullptr);
  /// The values of the statement last normalised (its bytes must still be there), its placeholders filled from `params` (positional ?
  /// %s: in order; $n ?n :n by number; named: in order of first appearance). Missing parameters are kMissing. Literals have their own
  /// value whatever `params` says: drivers that inline values log them a second time as arguments.
  BoundValues bind(std::span<const BindValue> params, bool has_params, Arena& arena) const;

  /// Where the values of the statement last normalised or recalled stand; until the next call.
  [[nodiscard]] const Lifted& last_lifted() const { return *lifted_; }
  /// As if `sql`, whose values stand where `lifted` says, had been normalised: bind() is of it. `lifted` must live until the next call.
  void recall(std::string_view sql, const Lifted& lifted);

 private:
  const Dialect& dialect_;
  Normalised result_;
  std::string_view sql_;
  std::unique_ptr<PassResult> pass_;
  const Lifted* lifted_;  // pass_, or what was recalled
};

/// sqlcommenter, marginalia and `dbaudit:` comments of a statement, URL-decoded, in order of appearance. Optimizer hints
/// and comments of other forms give nothing.
struct CommentTags {
  std::vector<std::pair<std::string, std::string>> tags;
  /// `dbaudit:ignore CODE reason` / `dbaudit:locked reason`, verbatim after `dbaudit:`.
  std::vector<std::string> directives;
};
[[nodiscard]] CommentTags comment_tags(std::string_view sql, const Dialect& dialect);

}  // namespace dbaudit
