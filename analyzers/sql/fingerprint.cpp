// The two readers of SlotPass: templates (Fingerprinter) and token streams (tokenise), and the values of one execution.

#include "analyzers/sql/fingerprint.h"

#include <cstring>
#include <new>

#include "analyzers/base/hash.h"
#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/slot_pass.h"
#include "analyzers/sql/tokens.h"

namespace dbaudit {

namespace {

/// Offsets are of 32 bits. No log keeps a statement this long; what is behind counts as cut off.
constexpr size_t kLongestStatement = size_t{1} << 30;

/// As std::memcpy, which costs more than it copies where a text is as short as most values are.
inline void copy_short(char* to, const char* from, size_t n) {
  const auto words = [&]<typename Word>(Word) {
    Word first, last;
    std::memcpy(&first, from, sizeof first);
    std::memcpy(&last, from + n - sizeof last, sizeof last);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + n - sizeof last, &last, sizeof last);
  };
  if (n > 2 * sizeof(uint64_t)) {
    std::memcpy(to, from, n);
  } else if (n >= sizeof(uint64_t)) {
    words(uint64_t{});
  } else if (n >= sizeof(uint32_t)) {
    words(uint32_t{});
  } else {
    for (size_t i = 0; i < n; ++i) to[i] = from[i];
  }
}

void run_pass(std::string_view sql, const Dialect& dialect, PassResult& pass, bool tokens) {
  SlotPass(sql, dialect, pass, tokens).run();
  if (tokens) pass.tokens.back().token.unterminated |= pass.unterminated;
}

/// Values of the pieces of one statement, their texts in one run of bytes.
class Binder {
 public:
  Binder(std::string_view sql, const Dialect& dialect, std::span<const BindValue> params, Arena& arena, std::string& scratch)
      : sql_(sql), dialect_(dialect), params_(params), arena_(arena), scratch_(scratch) {}

  /// Call with every piece before the first value() is asked for.
  void expect(const Piece& p) {
    if (p.source == Piece::Source::kPlaceholder) {
      if (p.index < params_.size()) size_ += params_[p.index].text.size();
    } else if (p.source != Piece::Source::kList) {
      size_ += p.length;
    }
  }

  Value value(const Piece& p) {
    if (p.is_verbatim) return verbatim(p);
    switch (p.source) {
      case Piece::Source::kNumber: return make_value(literal(p, TokenKind::kNumber), false);
      case Piece::Source::kString: return make_value(literal(p, TokenKind::kString), true);
      case Piece::Source::kTrue:
      case Piece::Source::kFalse: return make_value(copy(sql_.substr(p.offset, p.length)), false);
      case Piece::Source::kNull: return null_value();
      case Piece::Source::kPlaceholder: return p.index < params_.size() ? parameter(params_[p.index]) : Value{};
      case Piece::Source::kBits: {
        Value v;
        v.kind = ValueKind::kOther;
        v.text = copy(sql_.substr(p.offset, p.length));
        return v;
      }
      case Piece::Source::kList: break;
    }
    return Value{};
  }

 private:
  Value verbatim(const Piece& p) {
    const std::string_view text = sql_.substr(p.offset, p.length);
    if (p.source == Piece::Source::kNull) return null_value();
    Value v;
    v.kind = p.source == Piece::Source::kNumber   ? ValueKind::kNumber
             : p.source == Piece::Source::kString ? ValueKind::kString
                                                  : ValueKind::kBool;
    v.text = copy(p.source == Piece::Source::kString ? text.substr(1, text.size() - 2) : text);
    return v;
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    if (next_ == nullptr) {
      next_ = arena_.bytes(size_);
      end_ = next_ + size_;
    }
    // A parameter that the statement uses twice, a literal whose meaning is longer than its spelling.
    if (text.size() > static_cast<size_t>(end_ - next_)) return arena_.copy(text);
    copy_short(next_, text.data(), text.size());
    const std::string_view copied(next_, text.size());
    next_ += text.size();
    return copied;
  }
  std::string_view literal(const Piece& p, TokenKind kind) {
    const std::string_view text = sql_.substr(p.offset, p.length);
    // As it stands, nearly always: digits, or quotes around bytes that mean themselves.
    if (kind == TokenKind::kNumber && is_digit(text.front()) && text.find('_') == std::string_view::npos) return copy(text);
    if (kind == TokenKind::kString && text.size() >= 2 && text.front() == '\'' && !p.unterminated) {
      const char* const end = text.data() + text.size() - 1;
      if (find_either(text.data() + 1, end, '\'', '\\') == end) return copy(text.substr(1, text.size() - 2));
    }
    unquote(Token{kind, p.unterminated, sql_.substr(p.offset, p.length)}, dialect_, scratch_);
    return copy(scratch_);
  }
  Value parameter(const BindValue& b) {
    if (b.is_unknown) return Value{};
    return b.is_null ? null_value() : make_value(copy(b.text), !b.is_number);
  }

  std::string_view sql_;
  const Dialect& dialect_;
  std::span<const BindValue> params_;
  Arena& arena_;
  std::string& scratch_;
  size_t size_ = 0;       // of the texts expected
  char* next_ = nullptr;  // where the next text goes
  char* end_ = nullptr;
};

}  // namespace

Fingerprinter::Fingerprinter(const Dialect& dialect) : dialect_(dialect), pass_(std::make_unique<PassResult>()), lifted_(pass_.get()) {}
Fingerprinter::~Fingerprinter() = default;
Fingerprinter::Fingerprinter(Fingerprinter&&) noexcept = default;

const Normalised& Fingerprinter::normalise(std::string_view sql, std::vector<SlotToken>* tokens) {
  sql_ = sql.substr(0, kLongestStatement);
  PassResult& pass = *pass_;
  lifted_ = &pass;
  pass.clear();
  run_pass(sql_, dialect_, pass, tokens != nullptr);
  if (tokens != nullptr) {
    const std::span<const SlotToken> all = pass.tokens.all();
    tokens->assign(all.begin(), all.end());
  }
  result_.text.assign(pass.text.view());
  result_.fingerprint = hash_bytes(result_.text);
  result_.slots = static_cast<uint32_t>(pass.pieces.size());
  result_.rows = pass.rows;
  result_.row_slots = pass.row_slots;
  result_.first_row_slot = pass.first_row_slot;
  result_.has_comment = pass.has_comment;
  result_.literals_matter = pass.literals_matter;
  result_.unterminated = pass.unterminated || sql.size() > kLongestStatement;
  result_.directives = pass.directives;
  result_.object_name = pass.object_name;
  return result_;
}

void Fingerprinter::recall(std::string_view sql, const Lifted& lifted) {
  sql_ = sql;
  lifted_ = &lifted;
}

BoundValues Fingerprinter::bind(std::span<const BindValue> params, bool has_params, Arena& arena) const {
  const Lifted& found = *lifted_;
  Binder binder(sql_, dialect_, has_params ? params : std::span<const BindValue>{}, arena, pass_->scratch);
  for (const auto* pieces : {&found.pieces, &found.elements, &found.more_rows}) {
    for (const Piece& p : *pieces) binder.expect(p);
  }
  const std::span<Value> slots = arena.array_to_fill<Value>(found.pieces.size());
  const std::span<std::span<const Value>> lists = arena.array<std::span<const Value>>(found.lists.empty() ? 0 : found.pieces.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    const Piece& p = found.pieces[i];
    if (p.source != Piece::Source::kList) {
      new (&slots[i]) Value(binder.value(p));
      continue;
    }
    new (&slots[i]) Value();
    const PieceList& list = found.lists[p.index];
    const std::span<Value> elements = arena.array<Value>(list.count);
    for (size_t j = 0; j < list.count; ++j) elements[j] = binder.value(found.elements[list.begin + j * list.stride]);
    lists[i] = elements;
    if (list.count == 1) slots[i] = elements[0];
  }
  const std::span<Value> more_rows = arena.array<Value>(found.more_rows.size());
  for (size_t i = 0; i < more_rows.size(); ++i) {
    const Piece& p = found.more_rows[i];
    const bool of_one = p.source == Piece::Source::kList && found.lists[p.index].count == 1;
    more_rows[i] = binder.value(of_one ? found.elements[found.lists[p.index].begin] : p);
  }
  BoundValues values{.slots = slots};
  values.set_more(lists, more_rows, arena);
  return values;
}

std::vector<SlotToken> tokenise(std::string_view sql, const Dialect& dialect) {
  PassResult pass;
  run_pass(sql.substr(0, kLongestStatement), dialect, pass, true);
  return pass.tokens.take();
}

}  // namespace dbaudit
