#pragma once
// Statements that differ from one seen before in the values alone are told from their bytes, without a look at their words: the bytes between the values
// are compared, the values skipped. What an application says millions of times costs a comparison then. Internal to the table of templates.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/sql/dialect.h"
#include "analyzers/sql/slot_pass.h"

namespace dbaudit {

struct Template;

class KnownShapes {
 public:
  explicit KnownShapes(const Dialect& dialect);

  /// The template of a statement that reads like one of those added but for its values; its pieces are in lifted() then. nullptr: unknown, or not
  /// plain enough to tell.
  const Template* find(std::string_view sql);
  [[nodiscard]] const Lifted& lifted() const { return lifted_; }
  /// Of the shape last found, as add() was told. (A comment is compared like all that is no value.)
  [[nodiscard]] bool has_comment() const { return has_comment_; }
  /// Remembers `sql`, a whole statement of template `of`, when it has values, all of them plain (numbers without sign or exponent, strings in single
  /// quotes, NULL, TRUE, FALSE, placeholders), and no folded rows. Bounded: a shape may push another out, past 8 MiB of text none is added, nor the 256th
  /// of one template (a comment that names the request makes every text another).
  void add(std::string_view sql, const Lifted& lifted, const Template* of, bool has_comment);

 private:
  /// A value, or a list of values, between two runs of bytes.
  struct Gap {
    uint32_t begin = 0, end = 0;  ///< in the text
    uint32_t piece = 0;           ///< index into Lifted::pieces
    /// What may stand there: after `(`, `,` or `=` and before `,` or `)` any plain value, since none of these says anything about what is behind; else
    /// one of this source (of a list: its elements).
    bool is_free = false;
    Piece::Source source = Piece::Source::kNumber;
  };
  struct Shape {
    uint64_t hash = 0;
    const Template* of = nullptr;
    uint32_t first_gap = 0;  ///< where it begins
    bool has_comment = false;
    std::string text;
    std::vector<Gap> gaps;      ///< in order; placeholders, and NULL and the like where it is not free, are compared like other bytes
    std::vector<Piece> pieces;  ///< those outside the gaps hold but for their offset
  };

  [[nodiscard]] uint64_t hash_of_start(std::string_view sql) const;
  const char* skip_value(const char* p, const char* end, Piece& piece) const;
  const char* skip_list(const char* p, const char* begin, const char* end, const Gap& gap);
  bool matches(const Shape& shape, std::string_view sql);

  const Dialect& dialect_;
  struct Set {
    std::array<Shape, 4> ways;  ///< those that have a template are in use
    uint8_t next = 0;           ///< the way to be replaced next
  };
  std::vector<std::unique_ptr<Set>> sets_;  // by hash; null: empty
  std::vector<uint8_t> added_;              // by template: how often
  size_t bytes_ = 0;
  bool has_comment_ = false;
  Lifted lifted_;
};

}  // namespace dbaudit
