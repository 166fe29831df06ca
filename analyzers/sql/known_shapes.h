#pragma once
// Statements that differ from one seen before in the values alone are told from their bytes, without a look at their words: the bytes between the values
// are compared, the values skipped. What an application says millions of times costs a comparison then. Internal to the table of templates.

#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "analyzers/sql/dialect.h"
#include "analyzers/sql/slot_pass.h"

namespace dbaudit {

struct Template;

class KnownShapes {
 public:
  explicit KnownShapes(const Dialect& dialect);

  /// The template of a statement that reads like one of those added but for its values; its pieces are in lifted() then, until the next call. nullptr: unknown, or not
  /// plain enough to tell.
  const Template* find(std::string_view sql);
  [[nodiscard]] const Lifted& lifted() const { return lifted_; }
  /// Of the shape last found, as add() was told. (A comment is compared like all that is no value.)
  [[nodiscard]] bool has_comment() const { return has_comment_; }
  /// Remembers `sql`, a whole statement of template `of`, when all its values are plain (numbers without sign or exponent, strings in single quotes,
  /// NULL, TRUE, FALSE, placeholders) and it has no folded rows. Bounded: a shape may push another out, past 8 MiB of text none is added, nor the 256th
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
  /// One piece of memory with all that it points to, which is needed with it: its text stands right behind it.
  struct Shape {
    [[nodiscard]] const char* start() const { return reinterpret_cast<const char*>(this + 1); }
    [[nodiscard]] size_t first_gap() const { return gaps.empty() ? text.size() : gaps.front().begin; }

    const Template* of = nullptr;
    std::string_view text;
    std::span<const Gap> gaps;      ///< in order; placeholders, and NULL and the like where it is not free, are compared like other bytes
    std::span<const Piece> pieces;  ///< those outside the gaps hold but for their offset
    bool has_comment = false;
  };
  struct FreeShape {
    void operator()(const Shape* shape) const { ::operator delete(const_cast<Shape*>(shape)); }
  };
  using OwnShape = std::unique_ptr<const Shape, FreeShape>;
  static OwnShape make_shape(const Shape& parts);
  /// Shapes whose starts have one hash. One is compared when the bytes before its first value agree, or before its end when it has none. Where there
  /// are too many, those that go on longer are told apart by a longer start. One cache line says which to look at.
  struct alignas(64) Bucket {
    static constexpr size_t kSize = 8;
    uint8_t size = 0;
    uint8_t next = 0;                          ///< the shape to be replaced next
    uint8_t longer = 0;                        ///< index of the length of the starts that tell more; 0: none
    std::array<uint8_t, kSize> like{};         ///< the first of the shapes that are the same up to the first value
    std::array<uint16_t, kSize> gap{};         ///< where that begins, or the end
    std::array<uint32_t, kSize> before_gap{};  ///< hash of the bytes there
    std::array<OwnShape, kSize> shapes;

    void set(size_t i, OwnShape shape);
  };
  static_assert(sizeof(Bucket) == 128);

  const char* skip_value(const char* p, std::string_view sql, Piece& piece) const;
  const char* skip_list(const char* p, std::string_view sql, const Gap& gap);
  bool matches_behind_start(const Shape& shape, std::string_view sql);
  void put(OwnShape shape);
  static uint8_t longer_start(const Bucket& bucket, uint8_t told_by);

  const Dialect& dialect_;
  std::vector<Bucket> buckets_;  // by the hash of a start
  std::vector<uint8_t> added_;   // by template: how often
  size_t bytes_ = 0;
  uint32_t pushed_out_ = 0;  // lately: shapes that others took the place of, less those that found a free one
  uint32_t passed_over_ = 0;
  bool has_comment_ = false;
  Lifted lifted_;
};

}  // namespace dbaudit
