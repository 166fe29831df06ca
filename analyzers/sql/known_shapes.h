#pragma once
// Statements that differ from one seen before in the values alone are told from their bytes, without a look at their words: the bytes between the values
// are hashed, the values skipped. What an application says millions of times costs a hash then. Internal to the table of templates.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "analyzers/base/arena.h"
#include "analyzers/base/hash_table.h"
#include "analyzers/sql/dialect.h"
#include "analyzers/sql/slot_pass.h"
#include "analyzers/sql/statement_start.h"

namespace dbaudit {

struct Template;

class KnownShapes {
 public:
  explicit KnownShapes(const Dialect& dialect);

  /// The template of a statement that reads like one of those added but for its values; its pieces are in lifted() then, until the next call. nullptr: unknown, or not
  /// plain enough to tell. Equal means that 64 bits of hash are, of the bytes before the first value and of those behind it.
  const Template* find(std::string_view sql) { return find(sql, start_of(sql)); }
  /// The same with start_of() the statement.
  const Template* find(std::string_view sql, const StatementStart& first);
  [[nodiscard]] static StatementStart start_of(std::string_view sql);
  /// A statement with this start is looked up soon. expect_shape() a little later, and once more: what one call has fetched says where the next is to
  /// look. It makes the start longer where more than this statement have it.
  void expect(const StatementStart& start) const { by_start_.prefetch(start.hash); }
  void expect_shape(StatementStart& start, std::string_view sql) const;
  [[nodiscard]] const Lifted& lifted() const { return lifted_; }
  /// Of the shape last found, as add() was told. (A comment is hashed like all that is no value.)
  [[nodiscard]] bool has_comment() const { return has_comment_; }
  /// Remembers `sql`, a whole statement of template `of` in which it does not matter what kind of literal a value is, when all its values are plain
  /// (numbers without sign or exponent, strings in single quotes, NULL, TRUE, FALSE, placeholders) and it has no folded rows. Bounded: of the 256th of
  /// one template (a comment that names the request makes every text another) nothing is kept, of those that cannot be told apart by their starts the
  /// last eight found are, and past kMostBytes all is forgotten.
  void add(std::string_view sql, const Lifted& lifted, const Template* of, bool has_comment);

 private:
  /// A value, and the bytes before it.
  struct Part {
    uint16_t at = 0;                                ///< bytes behind the gap before it, or behind the begin of the statement
    uint16_t length = 0;                            ///< of one that is no gap
    uint16_t index = 0;                             ///< of one that is no gap, as in Piece
    Piece::Source source = Piece::Source::kNumber;  ///< of a list: of its elements
    /// Its bytes are skipped. Others (placeholders, and NULL and the like where it is not free) are hashed with what is around them.
    bool is_gap : 1 = false;
    bool is_list : 1 = false;
    /// What may stand in the gap: after `(`, `,` or `=` and before `,` or `)` any plain value, since none of these says anything about what is
    /// behind; else one of this source.
    bool is_free : 1 = false;
    bool is_verbatim : 1 = false;
  };
  static_assert(sizeof(Part) == 8);
  /// Its parts stand right behind it, one for each piece, in order.
  struct Shape {
    [[nodiscard]] std::span<const Part> parts() const { return {reinterpret_cast<const Part*>(this + 1), size}; }

    const Template* of = nullptr;
    Shape* next = nullptr;  ///< of those with the same start, the next to compare
    uint64_t hash = 0;      ///< of all but the gaps, behind the start
    uint16_t size = 0;      ///< of the parts
    uint16_t last = 0;      ///< bytes behind the last gap
    bool has_comment = false;
  };
  static_assert(sizeof(Shape) == 32 && alignof(Shape) >= alignof(Part));
  struct Shapes {
    Shape* first = nullptr;
    const Template* of_first = nullptr;  ///< here too: it is fetched together with the shape
    uint32_t size = 0;
    bool goes_on = false;  ///< there are longer starts
  };

  const char* skip_value(const char* p, std::string_view sql, Piece& piece) const;
  const char* skip_list(const char* p, std::string_view sql, const Part& part, Piece& list);
  bool matches(const Shape& shape, std::string_view sql, size_t start);
  /// Where many statements begin alike, what stands between their first values tells them apart too.
  bool lengthen(StatementStart& start, std::string_view sql) const;
  void put(std::string_view sql, StatementStart start, const Shape& fresh, std::span<const Part> parts);

  const Dialect& dialect_;
  HashTable<Shapes> by_start_;  // by StatementStart::hash
  Arena memory_;                // of the shapes and their parts
  std::vector<uint8_t> added_;  // by template: how often
  bool has_comment_ = false;
  Lifted lifted_;  // of the shape last found
};

}  // namespace dbaudit
