// Why equal bytes around the values make an equal template: the lexer's state behind a value depends on its being one and not on what it is, as long as
// it is of the plainest forms (skip_value) and the byte behind it is the same; everything else is in the bytes compared.

#include "analyzers/sql/known_shapes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "analyzers/base/hash.h"
#include "analyzers/base/prefetch.h"
#include "analyzers/base/text.h"
#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/templates.h"

namespace dbaudit {

namespace {

constexpr size_t kBuckets = 2048;
constexpr size_t kLongest = 8192;  // bytes of a statement
constexpr size_t kMostGaps = 256;
constexpr uint8_t kMostOfTemplate = 255;
constexpr size_t kMostBytes = size_t{8} << 20;
constexpr uint32_t kCrowded = 64;  // shapes pushed out, more than found room
constexpr uint32_t kOneOf = 8;     // shapes that are remembered then
/// Bytes of the starts that are hashed; the first ends before a digit or a quote at the latest.
constexpr std::array<size_t, 8> kStarts = {32, 64, 96, 128, 256, 512, 1024, 2048};

uint64_t word_at(const char* p) {
  uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  return word;
}

/// Of the bytes before `at`, of which there are eight or more.
uint32_t hash_before(std::string_view sql, size_t at) {
  constexpr size_t kWord = sizeof(uint64_t);
  return static_cast<uint32_t>(
      hash_combine(word_at(sql.data() + (at >= 2 * kWord ? at - 2 * kWord : 0)), word_at(sql.data() + at - kWord)));
}

/// As std::memcmp, for what stands between two values: two bytes or three, mostly.
inline bool same_bytes(const char* a, const char* b, size_t n) {
  constexpr size_t kFew = 4;
  if (n > kFew) return std::memcmp(a, b, n) == 0;
  for (size_t i = 0; i < n; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

constexpr size_t kStep = 16;
#if defined(__SSE2__)
__m128i digits(__m128i x) { return _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('0' - 1)), _mm_cmpgt_epi8(_mm_set1_epi8('9' + 1), x)); }
__m128i load(const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
/// A bit for each of the kStep bytes at `p` that passes the test; none behind the end of `sql`, which has at least so many bytes.
template <typename Test>
uint32_t bits_at(const char* p, std::string_view sql, const Test& test) {
  const char* const last = sql.data() + sql.size() - kStep;
  if (p <= last) return static_cast<uint32_t>(_mm_movemask_epi8(test(load(p))));
  const size_t beyond = static_cast<size_t>(p - last);
  return beyond < kStep ? static_cast<uint32_t>(_mm_movemask_epi8(test(load(last)))) >> beyond : 0;
}
uint32_t digits_at(const char* p, std::string_view sql) { return bits_at(p, sql, digits); }
uint32_t either_at(const char* p, std::string_view sql, char a, char b) {
  return bits_at(p, sql,
                 [a, b](__m128i x) { return _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8(a)), _mm_cmpeq_epi8(x, _mm_set1_epi8(b))); });
}
#else
template <typename Test>
uint32_t bits_at(const char* p, std::string_view sql, const Test& test) {
  const char* const end = sql.data() + sql.size();
  uint32_t bits = 0;
  for (size_t i = 0; i < kStep && p + i < end; ++i) bits |= static_cast<uint32_t>(test(p[i])) << i;
  return bits;
}
uint32_t digits_at(const char* p, std::string_view sql) { return bits_at(p, sql, is_digit); }
uint32_t either_at(const char* p, std::string_view sql, char a, char b) {
  return bits_at(p, sql, [a, b](char c) { return c == a || c == b; });
}
#endif

/// Behind the digits at `p`, of which `bits` tells for the next `known` bytes. They end within these, mostly.
const char* skip_digits(const char* p, std::string_view sql, uint32_t bits, size_t known) {
  const auto count = static_cast<size_t>(std::countr_one(bits));
  p += count;
  if (count < known) return p;
  const char* const end = sql.data() + sql.size();
  while (p != end && is_digit(*p)) ++p;
  return p;
}

/// Of the first bytes, none of which belongs to a value: two statements of one shape share them.
uint64_t hash_of_start(std::string_view sql) {
  size_t length = 0;
  while (length < kStarts[0]) {
    const uint32_t stop = digits_at(sql.data() + length, sql) | either_at(sql.data() + length, sql, '\'', '\'');
    if (stop != 0) {
      length += static_cast<size_t>(std::countr_zero(stop));
      break;
    }
    length += kStep;
  }
  return hash_bytes(sql.substr(0, length));
}

}  // namespace

KnownShapes::KnownShapes(const Dialect& dialect) : dialect_(dialect), buckets_(kBuckets) {}

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

/// Behind the plain values with `, ` or `,` between them that begin at `p`; null when there is something else among them.
const char* KnownShapes::skip_list(const char* p, std::string_view sql, const Gap& gap) {
  const char* const begin = sql.data();
  const char* const end = begin + sql.size();
  Piece& list = lifted_.pieces[gap.piece];
  PieceList elements{static_cast<uint32_t>(lifted_.elements.size()), 0, 1};
  const char* const first = p;
  for (;;) {
    Piece element;
    element.offset = static_cast<uint32_t>(p - begin);
    p = skip_value(p, sql, element);
    if (p == nullptr || element.source != gap.source) return nullptr;
    lifted_.elements.push_back(element);
    ++elements.count;
    if (p == end || *p != ',') break;
    ++p;
    if (p != end && *p == ' ') ++p;
  }
  list.offset = static_cast<uint32_t>(first - begin);
  list.length = static_cast<uint32_t>(p - first);
  list.index = static_cast<uint32_t>(lifted_.lists.size());
  lifted_.lists.push_back(elements);
  return p;
}

/// Whether `sql` goes on as the shape does behind its start, which it has.
bool KnownShapes::matches_behind_start(const Shape& shape, std::string_view sql) {
  const char* const begin = sql.data();
  const char* const end = begin + sql.size();
  const char* const known = shape.text.data();
  lifted_.pieces.assign(shape.pieces.begin(), shape.pieces.end());
  lifted_.elements.clear();
  lifted_.lists.clear();
  const char* p = begin;
  uint32_t from = 0, piece = 0;
  for (size_t g = 0;; ++g) {
    const bool is_last = g == shape.gaps.size();
    const uint32_t same = (is_last ? static_cast<uint32_t>(shape.text.size()) : shape.gaps[g].begin) - from;
    if (g != 0 && (static_cast<size_t>(end - p) < same || !same_bytes(p, known + from, same))) return false;
    // What is lifted out of these bytes has moved as they have.
    const uint32_t stop = is_last ? static_cast<uint32_t>(shape.pieces.size()) : shape.gaps[g].piece;
    for (; piece < stop; ++piece) lifted_.pieces[piece].offset += static_cast<uint32_t>(p - begin) - from;
    p += same;
    if (is_last) return p == end;
    const Gap& gap = shape.gaps[g];
    Piece& value = lifted_.pieces[piece++];
    if (value.source == Piece::Source::kList) {
      p = skip_list(p, sql, gap);
    } else {
      value.offset = static_cast<uint32_t>(p - begin);
      p = skip_value(p, sql, value);
      if (value.source != gap.source && !gap.is_free) return false;
    }
    if (p == nullptr) return false;
    from = gap.end;
  }
}

const Template* KnownShapes::find(std::string_view sql) {
  if (sql.size() < kStep || sql.size() > kLongest) return nullptr;
  uint64_t hash = hash_of_start(sql);
  for (size_t told_by = 0;;) {
    const Bucket& bucket = buckets_[hash % kBuckets];
    size_t begun = Bucket::kSize;  // the first of the shapes that start as the statement does
    for (size_t i = 0; i < bucket.size; ++i) {
      const size_t gap = bucket.gap[i];
      if (sql.size() < gap || hash_before(sql, gap) != bucket.before_gap[i]) continue;
      const Shape& shape = *bucket.shapes[i];
      prefetch(&shape, sizeof(Shape));
      if (bucket.like[i] != begun) {
        const char* const start = bucket.shapes[bucket.like[i]]->start();
        prefetch(start, gap);
        if (std::memcmp(sql.data(), start, gap) != 0) continue;
        begun = bucket.like[i];
      }
      prefetch(shape.gaps.data(), shape.gaps.size_bytes() + shape.pieces.size_bytes());
      if (!matches_behind_start(shape, sql)) continue;
      has_comment_ = shape.has_comment;
      return shape.of;
    }
    // Starts of different lengths may share a bucket by chance: only longer ones lead on.
    if (bucket.longer <= told_by || sql.size() < kStarts[bucket.longer]) return nullptr;
    told_by = bucket.longer;
    hash = hash_bytes(sql.substr(0, kStarts[told_by]));
  }
}

void KnownShapes::put(OwnShape fresh) {
  std::vector<OwnShape> waiting;
  waiting.push_back(std::move(fresh));
  while (!waiting.empty()) {
    OwnShape shape = std::move(waiting.back());
    waiting.pop_back();
    const std::string_view sql = shape->text;
    const size_t gap = shape->first_gap();
    uint8_t told_by = 0;
    Bucket* bucket = &buckets_[hash_of_start(sql) % kBuckets];
    while (bucket->longer > told_by && gap >= kStarts[bucket->longer]) {
      told_by = bucket->longer;
      bucket = &buckets_[hash_bytes(sql.substr(0, kStarts[told_by])) % kBuckets];
    }
    if (bucket->size < Bucket::kSize) {
      ++bucket->size;
      bucket->set(bucket->size - 1, std::move(shape));
      if (pushed_out_ > 0) --pushed_out_;
    } else if (bucket->longer == 0 && (bucket->longer = longer_start(*bucket, told_by)) != 0) {
      // All find their places anew: some here, others by the longer start.
      Bucket full = std::exchange(*bucket, {});
      bucket->longer = full.longer;
      waiting.push_back(std::move(shape));
      std::move(full.shapes.begin(), full.shapes.end(), std::back_inserter(waiting));
    } else {
      pushed_out_ = std::min(pushed_out_ + 1, 2 * kCrowded);
      bytes_ -= bucket->shapes[bucket->next]->text.size();
      bucket->set(bucket->next, std::move(shape));
      bucket->next = static_cast<uint8_t>((bucket->next + 1) % Bucket::kSize);
    }
  }
}

void KnownShapes::Bucket::set(size_t i, OwnShape shape) {
  const size_t first_gap = shape->first_gap();
  gap[i] = static_cast<uint16_t>(first_gap);
  before_gap[i] = hash_before(shape->text, first_gap);
  shapes[i] = std::move(shape);
  for (size_t j = 0; j < size; ++j) {
    const auto start = [&](size_t k) { return shapes[k]->text.substr(0, gap[k]); };
    like[j] = 0;
    while (start(like[j]) != start(j)) ++like[j];
  }
}

/// The first length behind `told_by` at which the starts of the shapes that go on so long are not all the same; 0: there is none.
uint8_t KnownShapes::longer_start(const Bucket& bucket, uint8_t told_by) {
  for (uint8_t i = told_by + 1; i < kStarts.size(); ++i) {
    std::optional<std::string_view> one;
    for (const OwnShape& shape : bucket.shapes) {
      if (shape->first_gap() < kStarts[i]) continue;
      const std::string_view start = shape->text.substr(0, kStarts[i]);
      if (one.value_or(start) != start) return i;
      one = start;
    }
  }
  return 0;
}

void KnownShapes::add(std::string_view sql, const Lifted& lifted, const Template* of, bool has_comment) {
  if (sql.size() < kStep || sql.size() > kLongest || lifted.pieces.size() > kMostGaps || !lifted.more_rows.empty()) return;
  // Of many more shapes than there is room for, all would be pushed out before they come again: let some stay.
  if (pushed_out_ >= kCrowded && ++passed_over_ % kOneOf != 0) return;
  if (bytes_ + sql.size() > kMostBytes || (of->id < added_.size() && added_[of->id] == kMostOfTemplate)) return;
  // Where some literals stay in the template, what kind of literal it is matters.
  if (istarts_with(sql, "set") || icontains(sql, "get_lock")) return;
  std::vector<Gap> gaps;
  const char* const begin = sql.data();
  uint32_t behind = 0;
  for (uint32_t i = 0; i < lifted.pieces.size(); ++i) {
    const Piece& piece = lifted.pieces[i];
    const uint32_t stop = piece.offset + piece.length;
    if (piece.offset < behind || stop > sql.size()) return;
    behind = stop;
    if (piece.source == Piece::Source::kPlaceholder) continue;
    const char before = piece.offset < 2 ? '\0' : begin[piece.offset - 1] == ' ' ? begin[piece.offset - 2] : begin[piece.offset - 1];
    const char after = stop < sql.size() ? begin[stop] : '\0';
    Gap gap{piece.offset, stop, i, (before == '(' || before == ',' || before == '=') && (after == ',' || after == ')'), piece.source};
    Piece plain;
    if (piece.source == Piece::Source::kList) {
      const PieceList& list = lifted.lists[piece.index];
      if (list.stride != 1 || list.count == 0) return;
      gap.source = lifted.elements[list.begin].source;
      lifted_.pieces.assign(i + 1, piece);
      lifted_.elements.clear();
      lifted_.lists.clear();
      if (skip_list(begin + piece.offset, sql, gap) != begin + stop || lifted_.lists[0].count != list.count || after != ')') return;
    } else {
      const bool is_word =
          piece.source == Piece::Source::kNull || piece.source == Piece::Source::kTrue || piece.source == Piece::Source::kFalse;
      if (skip_value(begin + piece.offset, sql, plain) != begin + stop || plain.source != piece.source) return;
      if (is_word && !gap.is_free) continue;
    }
    gaps.push_back(gap);
  }
  if (!gaps.empty() && gaps.front().begin < sizeof(uint64_t)) return;
  if (of->id >= added_.size()) added_.resize(of->id + 1);
  ++added_[of->id];
  bytes_ += sql.size();
  put(make_shape({of, sql, gaps, lifted.pieces, has_comment}));
}

KnownShapes::OwnShape KnownShapes::make_shape(const Shape& parts) {
  static_assert(alignof(Gap) == alignof(Piece) && std::is_trivially_destructible_v<Shape>);
  const size_t text_size = (parts.text.size() + alignof(Gap) - 1) / alignof(Gap) * alignof(Gap);
  auto* const memory = static_cast<char*>(::operator new(sizeof(Shape) + text_size + parts.gaps.size_bytes() + parts.pieces.size_bytes()));
  char* const text = memory + sizeof(Shape);
  std::memcpy(text, parts.text.data(), parts.text.size());
  auto* const gaps = reinterpret_cast<Gap*>(text + text_size);
  std::uninitialized_copy(parts.gaps.begin(), parts.gaps.end(), gaps);
  auto* const pieces = reinterpret_cast<Piece*>(gaps + parts.gaps.size());
  std::uninitialized_copy(parts.pieces.begin(), parts.pieces.end(), pieces);
  return OwnShape(
      new (memory) Shape{parts.of, {text, parts.text.size()}, {gaps, parts.gaps.size()}, {pieces, parts.pieces.size()}, parts.has_comment});
}

}  // namespace dbaudit
