// Why equal bytes around the values make an equal template: the lexer's state behind a value depends on its being one and not on what it is, as long as
// it is of the plainest forms (skip_value) and the byte behind it is the same; everything else is in the bytes compared.

#include "analyzers/sql/known_shapes.h"

#include <bit>
#include <cstring>

#include "analyzers/base/hash.h"
#include "analyzers/base/prefetch.h"
#include "analyzers/base/text.h"
#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/templates.h"

namespace dbaudit {

namespace {

constexpr size_t kSets = 4096;
constexpr size_t kLongest = 8192;  // bytes of a statement
constexpr size_t kMostGaps = 256;
constexpr uint8_t kMostOfTemplate = 255;
constexpr size_t kMostBytes = size_t{8} << 20;

/// As std::memcmp, for what stands between two values: two bytes or three, mostly.
inline bool same_bytes(const char* a, const char* b, size_t n) {
  constexpr size_t kFew = 4;
  if (n > kFew) return std::memcmp(a, b, n) == 0;
  for (size_t i = 0; i < n; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

bool continues_name(char c) { return is_name_byte(c) || c == '.' || c == '"' || c == '`' || c == ':' || c == '@'; }

}  // namespace

KnownShapes::KnownShapes(const Dialect& dialect) : dialect_(dialect), sets_(kSets) {}

/// Of the bytes before the first that may begin a value, which two statements of one shape share.
uint64_t KnownShapes::hash_of_start(std::string_view sql) const {
  const char* const begin = sql.data();
  const char* const end = begin + sql.size();
  const char* p = begin;
  const auto begins_value = [begin](const char* at) { return *at == '\'' || at == begin || !continues_name(at[-1]); };
  const auto up_to = [begin](const char* at) { return hash_of_some({begin, static_cast<size_t>(at - begin)}); };
#if defined(__SSE2__)
  constexpr ptrdiff_t kStretch = 32;
  const auto marks = [](const char* at) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('0' - 1)), _mm_cmpgt_epi8(_mm_set1_epi8('9' + 1), x));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_or_si128(digit, _mm_cmpeq_epi8(x, _mm_set1_epi8('\'')))));
  };
  for (; end - p >= kStretch; p += kStretch) {
    // A digit is mostly one of a name, and names stand everywhere.
    for (uint32_t left = marks(p) | marks(p + kStretch / 2) << (kStretch / 2); left != 0; left &= left - 1) {
      if (const char* const at = p + std::countr_zero(left); begins_value(at)) return up_to(at);
    }
  }
#endif
  while (p != end && !((*p == '\'' || is_digit(*p)) && begins_value(p))) ++p;
  return up_to(p);
}

/// Behind the plain value that begins at `p`, or null.
const char* KnownShapes::skip_value(const char* p, const char* end, Piece& piece) const {
  const char* const begin = p;
  bool is_verbatim = true;
  if (p == end) return nullptr;
  if (*p == '\'') {
    const char second = dialect_.backslash_escapes ? '\\' : '\'';
    for (++p;; p += 2) {
      p = find_either(p, end, '\'', second);
      if (p == end || (*p != '\'' && end - p < 2)) return nullptr;
      if (*p == '\'' && (p + 1 == end || p[1] != '\'')) break;
      is_verbatim = false;
    }
    ++p;
    piece.source = Piece::Source::kString;
  } else if (is_digit(*p)) {
    while (p != end && is_digit(*p)) ++p;
    if (end - p >= 2 && *p == '.' && is_digit(p[1])) {
      ++p;
      while (p != end && is_digit(*p)) ++p;
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
const char* KnownShapes::skip_list(const char* p, const char* begin, const char* end, const Gap& gap) {
  Piece& list = lifted_.pieces[gap.piece];
  PieceList elements{static_cast<uint32_t>(lifted_.elements.size()), 0, 1};
  const char* const first = p;
  for (;;) {
    Piece element;
    element.offset = static_cast<uint32_t>(p - begin);
    p = skip_value(p, end, element);
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

bool KnownShapes::matches(const Shape& shape, std::string_view sql) {
  const char* const begin = sql.data();
  const char* const end = begin + sql.size();
  const char* const known = shape.text.data();
  prefetch(shape.gaps.data(), shape.gaps.size() * sizeof(Gap));
  prefetch(shape.pieces.data(), shape.pieces.size() * sizeof(Piece));
  if (sql.size() < shape.first_gap || std::memcmp(begin, known, shape.first_gap) != 0) return false;
  lifted_.pieces = shape.pieces;
  lifted_.elements.clear();
  lifted_.lists.clear();
  const char* p = begin;
  uint32_t from = 0, piece = 0;
  for (size_t g = 0;; ++g) {
    const bool is_last = g == shape.gaps.size();
    const uint32_t same = (is_last ? static_cast<uint32_t>(shape.text.size()) : shape.gaps[g].begin) - from;
    // What stands before the first gap has been compared.
    if (g != 0 && (static_cast<size_t>(end - p) < same || !same_bytes(p, known + from, same))) return false;
    // What is lifted out of these bytes has moved as they have.
    const uint32_t stop = is_last ? static_cast<uint32_t>(shape.pieces.size()) : shape.gaps[g].piece;
    for (; piece < stop; ++piece) lifted_.pieces[piece].offset += static_cast<uint32_t>(p - begin) - from;
    p += same;
    if (is_last) return p == end;
    const Gap& gap = shape.gaps[g];
    Piece& value = lifted_.pieces[piece++];
    if (value.source == Piece::Source::kList) {
      p = skip_list(p, begin, end, gap);
    } else {
      value.offset = static_cast<uint32_t>(p - begin);
      p = skip_value(p, end, value);
      if (value.source != gap.source && !gap.is_free) return false;
    }
    if (p == nullptr) return false;
    from = gap.end;
  }
}

const Template* KnownShapes::find(std::string_view sql) {
  if (sql.size() > kLongest) return nullptr;
  const uint64_t hash = hash_of_start(sql);
  const Set* const set = sets_[hash % kSets].get();
  if (set == nullptr) return nullptr;
  for (const Shape& shape : set->ways) {
    if (shape.of == nullptr) break;
    if (shape.hash != hash || !matches(shape, sql)) continue;
    has_comment_ = shape.has_comment;
    return shape.of;
  }
  return nullptr;
}

void KnownShapes::add(std::string_view sql, const Lifted& lifted, const Template* of, bool has_comment) {
  if (sql.size() > kLongest || lifted.pieces.empty() || lifted.pieces.size() > kMostGaps || !lifted.more_rows.empty()) return;
  if (bytes_ + sql.size() > kMostBytes || (of->id < added_.size() && added_[of->id] == kMostOfTemplate)) return;
  // Where some literals stay in the template, what kind of literal it is matters.
  if (istarts_with(sql, "set") || icontains(sql, "get_lock")) return;
  std::vector<Gap> gaps;
  const char* const begin = sql.data();
  const char* const end = begin + sql.size();
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
      if (skip_list(begin + piece.offset, begin, end, gap) != begin + stop || lifted_.lists[0].count != list.count || after != ')') return;
    } else {
      const bool is_word =
          piece.source == Piece::Source::kNull || piece.source == Piece::Source::kTrue || piece.source == Piece::Source::kFalse;
      if (skip_value(begin + piece.offset, end, plain) != begin + stop || plain.source != piece.source) return;
      if (is_word && !gap.is_free) continue;
    }
    gaps.push_back(gap);
  }
  if (gaps.empty()) return;
  if (of->id >= added_.size()) added_.resize(of->id + 1);
  ++added_[of->id];
  const uint64_t hash = hash_of_start(sql);
  std::unique_ptr<Set>& set = sets_[hash % kSets];
  if (set == nullptr) set = std::make_unique<Set>();
  Shape& shape = set->ways[set->next];
  set->next = static_cast<uint8_t>((set->next + 1) % set->ways.size());
  bytes_ = bytes_ + sql.size() - shape.text.size();
  const uint32_t first_gap = gaps.front().begin;
  shape = Shape{hash, of, first_gap, has_comment, std::string(sql), std::move(gaps), lifted.pieces};
}

}  // namespace dbaudit
