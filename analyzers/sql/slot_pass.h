#pragma once
// The one pass over a statement that decides what is a value, numbers the slots, folds lists and rows, and writes the template. Fingerprinter keeps
// its buffers and asks it for the template; tokenise() asks it for the tokens as well. Internal to the fingerprint.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/sql/dialect.h"
#include "analyzers/sql/lexer.h"
#include "analyzers/sql/template_text.h"
#include "analyzers/sql/tokens.h"

namespace dbaudit {

[[nodiscard]] inline bool word_is(const Token& t, std::string_view lower_case) {
  return t.kind == TokenKind::kWord && iequals(t.text, lower_case);
}
[[nodiscard]] inline bool punct_is(const Token& t, char c) { return t.kind == TokenKind::kPunct && t.text.front() == c; }

/// A value lifted out of the statement.
struct Piece {
  enum class Source : uint8_t { kNumber, kString, kBits, kPlaceholder, kTrue, kFalse, kNull, kList };
  uint32_t offset = 0, length = 0;  ///< in the statement; of a list from the first to the last element
  uint32_t index = 0;               ///< kPlaceholder: number of the parameter, from 0; kList: index into PassResult::lists
  Source source = Source::kNumber;
  bool unterminated = false;
  bool is_verbatim = false;  ///< known to mean just its bytes: a number without sign, quotes around a text without escapes
};

/// Elements of a folded list: elements[begin + i * stride] for i < count. A list of rows makes one such list of each column.
struct PieceList {
  uint32_t begin = 0, count = 0, stride = 1;
};

/// Where the values of a statement stand in it: all that binding them takes.
struct Lifted {
  std::vector<Piece> pieces;    ///< one per slot
  std::vector<Piece> elements;  ///< of lists
  std::vector<PieceList> lists;
  std::vector<Piece> more_rows;  ///< VALUES rows behind the first, when they folded
};

/// The tokens of a statement, written over those of the one before it: nothing is made anew for each.
class SlotTokens {
 public:
  void clear() { size_ = 0; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] SlotToken& operator[](size_t i) { return room_[i]; }
  [[nodiscard]] SlotToken& back() { return room_[size_ - 1]; }
  [[nodiscard]] std::span<const SlotToken> all() const { return {room_.data(), size_}; }
  /// The tokens themselves; none are left.
  [[nodiscard]] std::vector<SlotToken> take() {
    room_.resize(std::exchange(size_, 0));
    return std::move(room_);
  }
  void add(const Token& t, int slot, bool plain) {
    if (size_ == room_.size()) [[unlikely]]
      grow();
    SlotToken& added = room_[size_++];
    added.token = t;
    added.slot = slot;
    added.folded = false;
    added.plain = plain;
    added.list_length = 0;
  }

 private:
  void grow();

  std::vector<SlotToken> room_;
  size_t size_ = 0;
};

/// Buffers of the pass, reused from statement to statement.
struct PassResult : Lifted {
  TemplateText text;
  SlotTokens tokens;
  uint32_t rows = 0, row_slots = 0, first_row_slot = 0;
  bool unterminated = false;
  bool has_comment = false;
  bool literals_matter = false;  ///< the template keeps a literal as text, or would have kept one of another kind
  uint64_t directives = 0;       ///< hash of the `dbaudit:` comments; 0 without
  std::string_view object_name;  ///< savepoint, cursor or prepared statement that the template calls sp, cur, ps
  std::string scratch, body;
  std::vector<std::string_view> parameter_names;
  std::vector<uint32_t> parameter_table;  // open addressing, index into parameter_names + 1

  void clear();
};

class SlotPass {
 public:
  /// The tokens are in the result when they are asked for.
  SlotPass(std::string_view sql, const Dialect& dialect, PassResult& result, bool tokens);
  void run();

 private:
  /// What the first word of the statement makes of the rest.
  enum class Statement : uint8_t { kOther, kInsert, kSet, kPragma, kCreate, kRoutine, kDo, kRelease, kRollback, kDeallocate, kFetch };
  /// Words that change how the next token is read.
  enum class Special : uint8_t { kNone, kIn, kArray };
  enum class NameKind : uint8_t { kNone, kSavepoint, kPrepared, kCursor };

  /// A list that will fold unless something other than values turns up: behind `IN (`, behind `ARRAY [`.
  struct List {
    bool active = false, brackets = false;
    bool item_done = false;  // behind an item, so a comma or the end may follow
    bool of_rows = false, in_row = false, cut_known = false;
    uint32_t items = 0, arity = 1, in_this_row = 0;
    uint32_t first_piece = 0;
    TemplateText::Mark before, cut;  // before ARRAY; behind the first item
    size_t before_token = 0, cut_token = 0;
  };
  /// The VALUES clause being read.
  struct Rows {
    bool active = false, in_row = false, same = true, row_word = false;
    int depth = 0;
    uint32_t count = 0, first_slot = 0, slots = 0, row_first_slot = 0;
    size_t first_begin = 0, first_token = 0, row_begin = 0;
    TemplateText::Mark first_end;
  };

  const Token& take();
  const Token& peek();
  void read(Token& t);
  [[nodiscard]] const Token& current() const { return ring_[at_ % kRing]; }
  [[nodiscard]] const Token& previous() const { return ring_[(at_ - 1) % kRing]; }
  void comment(const Token& t);
  void begin_statement();
  void end_statement(const Token& next);
  /// The previous token stands behind a dot: a name, whatever it spells.
  [[nodiscard]] bool previous_qualified() const;
  [[nodiscard]] bool behind_operand() const;
  [[nodiscard]] bool previous_word_is(std::string_view lower_case) const;

  void record(const Token& t, int slot = -1, bool plain = false);
  void keep(const Token& t, bool plain = false);
  void name(const Token& t);
  void lift(const Token& t, Piece::Source source);
  void keep_literal(const Token& t);
  void body(const Token& t);
  void word(const Token& t);
  void first_word(std::string_view lower_case);
  bool object_name(const Token& t);
  [[nodiscard]] bool constant();
  void string(const Token& t);
  void number(const Token& t);
  void operators(const Token& t);
  void cast(const Token& colons);
  void type_part(const Token& t, bool hidden);
  void punct(const Token& t);
  void setting(std::string_view name);

  void list_begin(bool brackets);
  void list_value();
  void list_open();
  void list_comma();
  bool list_close(char closer);
  void list_fold();

  void rows_begin();
  void row_close();
  void rows_end();
  [[nodiscard]] bool row_word_follows();

  [[nodiscard]] uint32_t parameter(std::string_view text);
  [[nodiscard]] uint32_t named_parameter(std::string_view name);
  [[nodiscard]] uint32_t offset_of(const Token& t) const { return static_cast<uint32_t>(t.text.data() - begin_); }

  const char* begin_;
  const char* end_;
  const Dialect& dialect_;
  Lexer lexer_;
  PassResult& out_;
  SlotTokens* tokens_;  // of the result, or null

  // The last three tokens and perhaps the next. They are read where they lie: copying a token just written stalls the processor.
  static constexpr uint32_t kRing = 4;
  Token ring_[kRing];
  uint32_t at_ = kRing;  // of the current token
  bool has_ahead_ = false;
  // Of the last token only; together, so that one store clears them.
  bool behind_slot_ = false;
  bool at_start_ = true;
  bool keep_number_ = false;
  Special special_ = Special::kNone;

  bool semicolon_pending_ = false;
  bool keep_literals_ = false;
  bool values_is_function_ = false;  // behind ON DUPLICATE KEY
  bool filler_taken_ = false;        // RELEASE [SAVEPOINT], DEALLOCATE [PREPARE]
  Statement statement_ = Statement::kOther;
  NameKind name_next_ = NameKind::kNone;
  int depth_ = 0;
  int get_lock_depth_ = -1;
  uint32_t positional_ = 0;
  bool have_rows_ = false;
  int rows_depth_ = 0;
  List list_;
  Rows rows_;
  TemplateText::Mark before_word_;
};

}  // namespace dbaudit
