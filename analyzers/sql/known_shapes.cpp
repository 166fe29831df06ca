// Why equal bytes around the values make an equal template: the lexer's state behind a value depends on its being one and not on what it is, as long as
// it is of the plainest forms (skip_value) and the byte behind it is the same; everything else is in the bytes hashed.

#include "analyzers/sql/known_shapes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>

#include "analyzers/base/hash.h"
#include "analyzers/base/prefetch.h"
#include "analyzers/base/text.h"
#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/templates.h"

namespace dbaudit {

namespace {

constexpr size_t kLongest = 8192;  // bytes of a statement
constexpr size_t kMostPieces = 256;
constexpr uint8_t kMostOfTemplate = 255;
constexpr uint32_t kMostOfStart = 8;
constexpr size_t kMostBytes = size_t{16} << 20;  // of all shapes: 200,000 with five values

constexpr size_t kStep = 16;
#if defined(__SSE2__)
__m128i is_one(__m128i x, char c) { return _mm_cmpeq_epi8(x, _mm_set1_epi8(c)); }
__m128i is_decimal(__m128i x) {
  return _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('0' - 1)), _mm_cmpgt_epi8(_mm_set1_epi8('9' + 1), x));
}
__m128i any(__m128i x, __m128i y) { return _mm_or_si128(x, y); }
/// A bit for each of the kStep bytes at `p` that passes the test; none behind the end of `sql`, which has at least so many bytes.
template <typename Test>
uint32_t bits_at(const char* p, std::string_view sql, const Test& test) {
  const auto bits = [&test](const char* at) {
    return static_cast<uint32_t>(_mm_movemask_epi8(test(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)))));
  };
  const char* const last = sql.data() + sql.size() - kStep;
  if (p <= last) return bits(p);
  const size_t beyond = static_cast<size_t>(p - last);
  return beyond < kStep ? bits(last) >> beyond : 0;
}
#else
bool is_one(char x, char c) { return x == c; }
bool is_decimal(char x) { return is_digit(x); }
bool any(bool x, bool y) { return x || y; }
template <typename Test>
uint32_t bits_at(const char* p, std::string_view sql, const Test& test) {
  const char* const end = sql.data() + sql.size();
  uint32_t bits = 0;
  for (size_t i = 0; i < kStep && p + i < end; ++i) bits |= static_cast<uint32_t>(test(p[i])) << i;
  return bits;
}
#endif
uint32_t digits_at(const char* p, std::string_view sql) {
  return bits_at(p, sql, [](auto x) { return is_decimal(x); });
}
uint32_t digits_and_quotes_at(const char* p, std::string_view sql) {
  return bits_at(p, sql, [](auto x) { return any(is_decimal(x), is_one(x, '\'')); });
}
uint32_t values_and_brackets_at(const char* p, std::string_view sql) {
  return bits_at(p, sql, [](auto x) { return any(any(is_decimal(x), is_one(x, '\'')), is_one(x, '(')); });
}
uint32_t either_at(const char* p, std::string_view sql, char a, char b) {
  return bits_at(p, sql, [a, b](auto x) { return any(is_one(x, a), is_one(x, b)); });
}

/// Behind the digits at `p`, of which `bits` tells for the next `known` bytes. They end within these, mostly.
const char* skip_digits(const char* p, std::string_view sql, uint32_t bits, size_t known) {
  const auto count = static_cast<size_t>(std::countr_one(bits));
  p += count;
  if (count < known) return p;
  const char* const end = sql.data() + sql.size();
  while (p != end && is_digit(*p)) ++p;
  return p;
}

/// Bytes before a digit that make it part of a name, of a placeholder or of an odd number.
constexpr std::array<bool, 256> kJoins = [] {
  std::array<bool, 256> joins{};
  for (size_t c = 0; c < joins.size(); ++c) joins[c] = is_name_byte(static_cast<char>(c));
  for (const char c : {'"', '`', '.', ':', '@', '?'}) joins[static_cast<size_t>(c)] = true;
  return joins;
}();

/// Behind the numbered placeholder (`$12`) that begins at `p`, or null. `number`: from 0.
const char* skip_placeholder(const char* p, const char* end, uint32_t& number) {
  constexpr ptrdiff_t kMostDigits = 6;
  if (p == end || *p != '$') return nullptr;
  const char* const digits = ++p;
  uint32_t n = 0;
  for (; p != end && p - digits < kMostDigits && is_digit(*p); ++p) n = n * 10 + static_cast<uint32_t>(*p - '0');
  if (n == 0 || (p != end && (is_name_byte(*p) || *p == '.'))) return nullptr;
  number = n - 1;
  return p;
}

/// Behind the comma between two elements of a list, and the blank behind it.
const char* skip_comma(const char* p, const char* end) {
  ++p;
  return p != end && *p == ' ' ? p + 1 : p;
}

/// Where, at or behind `from`, the first value may begin: a quote, a digit that may begin a number, a numbered placeholder behind a bracket (a list of
/// them is as long as there are values). Statements of one shape agree in the bytes before it.
size_t find_value(std::string_view sql, size_t from) {
  const char* const end = sql.data() + sql.size();
  for (size_t at = from; at < sql.size(); at += kStep) {
    if (values_and_brackets_at(sql.data() + at, sql) == 0) continue;
    uint32_t marks = digits_and_quotes_at(sql.data() + at, sql);
    uint32_t brackets = bits_at(sql.data() + at, sql, [](auto x) { return is_one(x, '('); });
    while ((marks | brackets) != 0) {
      const auto first = static_cast<size_t>(std::countr_zero(marks | brackets));
      const size_t i = at + first;
      if ((brackets >> first & 1U) != 0) {
        uint32_t number = 0;
        if (skip_placeholder(sql.data() + i + 1, end, number) != nullptr) return i + 1;
        brackets &= brackets - 1;
        continue;
      }
      if (sql[i] == '\'' || i == 0 || !kJoins[static_cast<unsigned char>(sql[i - 1])]) return i;
      marks &= marks + (marks & -marks);  // all of the run
    }
  }
  return sql.size();
}

/// `hash` and the `n` bytes at `p`. Of a few bytes, which is what most values have between them, no two differ in what becomes of the same hash.
uint64_t hash_on(uint64_t hash, const char* p, size_t n) {
  constexpr uint64_t kOdd = 0x9ddfea08eb382d69U;
  constexpr int kTurn = 23;
  constexpr size_t kWord = sizeof(uint64_t);
  uint64_t word = 0;
  if (n > kWord) {
    word = hash_bytes({p, n});
  } else if (n >= kWord / 2) {
    uint32_t first = 0, last = 0;
    std::memcpy(&first, p, sizeof first);
    std::memcpy(&last, p + n - sizeof last, sizeof last);
    word = uint64_t{first} << 32U | last;
  } else {
    for (size_t i = 0; i < n; ++i) word = word << 8U | static_cast<unsigned char>(p[i]);
  }
  return (std::rotl(hash, kTurn) ^ word) * kOdd;
}

}  // namespace

KnownShapes::KnownShapes(const Dialect& dialect) : dialect_(dialect) {}

/// Behind the plain value that begins at `p`, or null.
const char* KnownShapes::skip_value(const char* p, std::string_view sql, Piece& piece) const {
  const char* const begin = p;
  const char* const end = sql.data() + sql.size();
  bool is_verbatim = true;
  if (p == end) return nullptr;
  if (*p == '\'') {
    const char second = dialect_.backslash_escapes ? '\\' : '\'';
    for (++p;; p += 2) {
      uint32_t marks = either_at(p, sql, '\'', second);
      while (marks == 0) {
        if (static_cast<size_t>(end - p) <= kStep) return nullptr;
        p += kStep;
        marks = either_at(p, sql, '\'', second);
      }
      p += std::countr_zero(marks);
      if (*p == '\'' && (p + 1 == end || p[1] != '\'')) break;
      if (end - p < 2) return nullptr;
      is_verbatim = false;
    }
    ++p;
    piece.source = Piece::Source::kString;
  } else if (is_digit(*p)) {
    const uint32_t bits = digits_at(p, sql);
    p = skip_digits(p, sql, bits, kStep);
    if (end - p >= 2 && *p == '.' && is_digit(p[1])) {
      ++p;
      const size_t behind_point = std::min(static_cast<size_t>(p - begin), kStep);
      p = skip_digits(p, sql, bits >> behind_point, kStep - behind_point);
    }
    if (p != end && (is_name_byte(*p) || *p == '.')) return nullptr;
    piece.source = Piece::Source::kNumber;
  } else {
    p = skip_name(p, end);
    const std::string_view word(begin, static_cast<size_t>(p - begin));
    if (iequals(word, "null")) {
      piece.source = Piece::Source::kNull;
    } else if (iequals(word, "true")) {
      piece.source = Piece::Source::kTrue;
    } else if (iequals(word, "false")) {
      piece.source = Piece::Source::kFalse;
    } else {
      return nullptr;
    }
  }
  piece.length = static_cast<uint32_t>(p - begin);
  piece.index = 0;
  piece.unterminated = false;
  piece.is_verbatim = is_verbatim;
  return p;
}

/// Behind the plain values, or the numbered placeholders, with `, ` or `,` between them that begin at `p`; null when there is something else among
/// them.
const char* KnownShapes::skip_list(const char* p, std::string_view sql, const Part& part, Piece& list) {
  const char* const begin = sql.data();
  const char* const end = begin + sql.size();
  PieceList elements{static_cast<uint32_t>(lifted_.elements.size()), 0, 1};
  const char* const first = p;
  for (;;) {
    Piece element;
    element.offset = static_cast<uint32_t>(p - begin);
    if (part.source == Piece::Source::kPlaceholder) {
      p = skip_placeholder(p, end, element.index);
      if (p != nullptr) element.length = static_cast<uint32_t>(p - begin) - element.offset;
      element.source = part.source;
    } else {
      p = skip_value(p, sql, element);
    }
    if (p == nullptr || element.source != part.source) return nullptr;
    lifted_.elements.push_back(element);
    ++elements.count;
    if (p == end || *p != ',') break;
    p = skip_comma(p, end);
  }
  list.offset = static_cast<uint32_t>(first - begin);
  list.length = static_cast<uint32_t>(p - first);
  list.index = static_cast<uint32_t>(lifted_.lists.size());
  list.source = Piece::Source::kList;
  list.is_verbatim = false;
  lifted_.lists.push_back(elements);
  return p;
}

/// Whether `sql` goes on as the shape does behind the first `start` bytes, which they have in common.
bool KnownShapes::matches(const Shape& shape, std::string_view sql, size_t start) {
  const char* const begin = sql.data();
  const char* const end = begin + sql.size();
  lifted_.pieces.resize(shape.parts().size());
  lifted_.elements.clear();
  lifted_.lists.clear();
  const char* p = begin;  // behind the last gap
  const char* hashed = begin + start;
  uint64_t hash = 0;
  Piece* piece = lifted_.pieces.data();
  for (const Part& part : shape.parts()) {
    if (end - p < part.at + part.length) return false;
    const char* const at = p + part.at;
    if (!part.is_gap) {
      *piece++ = {.offset = static_cast<uint32_t>(at - begin),
                  .length = part.length,
                  .index = part.index,
                  .source = part.source,
                  .is_verbatim = part.is_verbatim};
      continue;
    }
    hash = hash_on(hash, hashed, static_cast<size_t>(at - hashed));
    if (part.is_list) {
      p = skip_list(at, sql, part, *piece);
    } else {
      piece->offset = static_cast<uint32_t>(at - begin);
      p = skip_value(at, sql, *piece);
      if (piece->source != part.source && !part.is_free) return false;
    }
    if (p == nullptr) return false;
    hashed = p;
    ++piece;
  }
  return end - p == shape.last && hash_on(hash, hashed, static_cast<size_t>(end - hashed)) == shape.hash;
}

/// The start goes on behind the value that it ends before. False: there is none, or not a plain one.
bool KnownShapes::lengthen(StatementStart& start, std::string_view sql) const {
  if (start.end == sql.size()) return false;
  const char* const end = sql.data() + sql.size();
  const char* behind = sql.data() + start.end;
  if (*behind == '$') {
    uint32_t number = 0;
    behind = skip_placeholder(behind, end, number);
    while (behind != nullptr && behind != end && *behind == ',') {
      const char* const next = skip_placeholder(skip_comma(behind, end), end, number);
      if (next == nullptr) break;
      behind = next;
    }
  } else {
    Piece value;
    behind = skip_value(behind, sql, value);
  }
  if (behind == nullptr) return false;
  const auto from = static_cast<size_t>(behind - sql.data());
  start.end = find_value(sql, from);
  start.hash = hash_combine(start.hash, hash_bytes(sql.substr(from, start.end - from)));
  return true;
}

StatementStart KnownShapes::start_of(std::string_view sql) {
  if (sql.size() < kStep || sql.size() > kLongest) return {};
  const size_t end = find_value(sql, 0);
  return {end, hash_bytes(sql.substr(0, end)), end};
}

void KnownShapes::expect_shape(StatementStart& start, std::string_view sql) const {
  const Shapes* const shapes = by_start_.find(start.hash);
  if (shapes == nullptr) return;
  // Nothing to compare stands here, and nothing that this statement could be will.
  if (shapes->first == nullptr && shapes->goes_on && lengthen(start, sql)) return expect(start);
  constexpr size_t kUsual = sizeof(Shape) + 2 * sizeof(Part);
  prefetch(shapes->first, kUsual);
  prefetch(shapes->of_first, Template::kNear);
}

const Template* KnownShapes::find(std::string_view sql, const StatementStart& first) {
  if (sql.size() < kStep || sql.size() > kLongest) return nullptr;
  StatementStart start = first;
  do {
    Shapes* const shapes = by_start_.find(start.hash);
    if (shapes == nullptr) return nullptr;
    prefetch(shapes->of_first, Template::kNear);
    for (Shape** link = &shapes->first; *link != nullptr; link = &(*link)->next) {
      Shape* const shape = *link;
      if (!matches(*shape, sql, first.first)) continue;
      // To the front: what is asked for again and again is found at once, what is not falls off the end.
      *link = shape->next;
      shape->next = shapes->first;
      shapes->first = shape;
      shapes->of_first = shape->of;
      has_comment_ = shape->has_comment;
      return shape->of;
    }
    if (!shapes->goes_on) return nullptr;
  } while (lengthen(start, sql));
  return nullptr;
}

void KnownShapes::add(std::string_view sql, const Lifted& lifted, const Template* of, bool has_comment) {
  if (sql.size() < kStep || sql.size() > kLongest || lifted.pieces.size() > kMostPieces || !lifted.more_rows.empty()) return;
  if (of->id < added_.size() && added_[of->id] == kMostOfTemplate) return;
  const char* const begin = sql.data();
  const StatementStart start = start_of(sql);
  std::array<Part, kMostPieces> parts;
  uint32_t behind = 0;  // the last piece
  uint32_t gap_end = 0;
  auto hashed = static_cast<uint32_t>(start.end);
  Shape shape;
  shape.of = of;
  shape.has_comment = has_comment;
  for (uint32_t i = 0; i < lifted.pieces.size(); ++i) {
    const Piece& piece = lifted.pieces[i];
    const uint32_t stop = piece.offset + piece.length;
    if (piece.offset < behind || stop > sql.size()) return;
    behind = stop;
    const char before = piece.offset < 2 ? '\0' : begin[piece.offset - 1] == ' ' ? begin[piece.offset - 2] : begin[piece.offset - 1];
    const char after = stop < sql.size() ? begin[stop] : '\0';
    Part& part = parts[i];
    part.at = static_cast<uint16_t>(piece.offset - gap_end);
    part.source = piece.source;
    part.is_free = (before == '(' || before == ',' || before == '=') && (after == ',' || after == ')');
    part.is_list = piece.source == Piece::Source::kList;
    part.is_verbatim = piece.is_verbatim;
    const bool is_word =
        piece.source == Piece::Source::kNull || piece.source == Piece::Source::kTrue || piece.source == Piece::Source::kFalse;
    if (piece.source == Piece::Source::kPlaceholder || (is_word && (!part.is_free || piece.offset < start.end))) {
      part.length = static_cast<uint16_t>(piece.length);
      part.index = static_cast<uint16_t>(piece.index);
      if (part.index != piece.index) return;
      continue;
    }
    if (piece.offset < start.end) return;
    part.is_gap = true;
    if (part.is_list) {
      const PieceList& list = lifted.lists[piece.index];
      if (list.stride != 1 || list.count == 0) return;
      part.source = lifted.elements[list.begin].source;
      Piece plain;
      lifted_.elements.clear();
      lifted_.lists.clear();
      if (skip_list(begin + piece.offset, sql, part, plain) != begin + stop || lifted_.lists[0].count != list.count || after != ')') return;
    } else {
      Piece plain;
      if (skip_value(begin + piece.offset, sql, plain) != begin + stop || plain.source != piece.source) return;
    }
    shape.hash = hash_on(shape.hash, begin + hashed, piece.offset - hashed);
    gap_end = hashed = stop;
  }
  shape.hash = hash_on(shape.hash, begin + hashed, sql.size() - hashed);
  shape.last = static_cast<uint16_t>(sql.size() - gap_end);
  shape.size = static_cast<uint16_t>(lifted.pieces.size());
  if (of->id >= added_.size()) added_.resize(of->id + 1);
  ++added_[of->id];
  put(sql, start, shape, std::span(parts).first(shape.size));
}

void KnownShapes::put(std::string_view sql, StatementStart start, const Shape& fresh, std::span<const Part> parts) {
  const size_t bytes = sizeof(Shape) + parts.size_bytes();
  if (memory_.bytes_used() + bytes > kMostBytes) {
    by_start_ = {};
    memory_.reset();
    std::fill(added_.begin(), added_.end(), uint8_t{0});
  }
  Shapes* shapes = &by_start_[start.hash];
  while ((shapes->goes_on || shapes->size == kMostOfStart) && lengthen(start, sql)) {
    // What stands here will be added again where it belongs, but for what has no more values.
    if (!shapes->goes_on) *shapes = {.goes_on = true};
    shapes = &by_start_[start.hash];
  }
  static_assert(sizeof(Shape) % alignof(Shape) == 0 && sizeof(Part) == alignof(Shape));
  auto* const shape = new (memory_.array_to_fill<uint64_t>(bytes / sizeof(uint64_t)).data()) Shape(fresh);
  std::uninitialized_copy(parts.begin(), parts.end(), reinterpret_cast<Part*>(shape + 1));
  shape->next = shapes->first;
  shapes->first = shape;
  shapes->of_first = shape->of;
  if (shapes->size < kMostOfStart) {
    ++shapes->size;
    return;
  }
  Shape* last = shape;
  for (size_t i = 1; i < kMostOfStart; ++i) last = last->next;
  last->next = nullptr;
}

}  // namespace dbaudit
