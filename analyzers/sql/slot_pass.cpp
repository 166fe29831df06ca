// From tokens to slots in one forward pass; slot_fold.cpp folds the lists and rows it meets.
//
// Literals that facts depend on stay in the template as text (they have few values): those of `SET autocommit = 0` and its like, of PRAGMA, the
// timeout of GET_LOCK, the seconds of WAIT. Function bodies are in it as a hash of their own normalised tokens: two bodies that differ
// only in their literals (Sequelize writes one per call) share a template, two that do other things do not.

#include "analyzers/sql/slot_pass.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/lexer_scan.h"

namespace dbaudit {

namespace {

constexpr uint32_t kNoParameter = UINT32_MAX;

/// Settings whose value is a fact of the statement (transaction control, or how the statements behind it lex).
constexpr std::string_view kSettings[] = {
    "autocommit",
    "tx_isolation",
    "transaction_isolation",
    "default_transaction_isolation",
    "tx_read_only",
    "transaction_read_only",
    "default_transaction_read_only",
    "transaction_deferrable",
    "completion_type",
    "sql_mode",
    "foreign_key_checks",
    "unique_checks",
};

/// First bytes and lengths of the words that word() looks at; a word that is not among them is only copied.
constexpr std::array<uint16_t, 32> kInteresting = [] {
  std::array<uint16_t, 32> t{};
  for (const std::string_view w : {"in", "values", "value", "array", "true", "false", "null", "get_lock", "wait", "duplicate", "function",
                                   "procedure", "to", "from"}) {
    t[static_cast<size_t>(w[0] & 31)] = static_cast<uint16_t>(t[static_cast<size_t>(w[0] & 31)] | 1U << w.size());
  }
  return t;
}();

bool is_interesting(std::string_view word) {
  return word.size() < 16 && (kInteresting[static_cast<size_t>(word[0] & 31)] >> word.size() & 1) != 0;
}

/// The second word of a type of two or more words.
bool continues_type(std::string_view first, std::string_view next) {
  if (iequals(next, "varying"))
    return iequals(first, "character") || iequals(first, "char") || iequals(first, "bit") || iequals(first, "nchar");
  if (iequals(next, "precision")) return iequals(first, "double");
  if (iequals(next, "char") || iequals(next, "character")) return iequals(first, "national");
  return false;
}

bool is_interval_unit(std::string_view w) {
  for (const std::string_view unit : {"year", "month", "day", "hour", "minute", "second"}) {
    if (iequals(w, unit)) return true;
  }
  return false;
}

/// A function body's hash: of its tokens with words in lower case and literals as `?`.
uint64_t hash_body(std::string_view body, const Dialect& dialect, std::string& scratch) {
  scratch.clear();
  Lexer lexer(body, dialect);
  for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next()) {
    switch (t.kind) {
      case TokenKind::kString:
      case TokenKind::kNumber:
      case TokenKind::kBits:
      case TokenKind::kPlaceholder: scratch += '?'; break;
      case TokenKind::kComment: continue;
      case TokenKind::kWord:
        for (const char c : t.text) scratch += ascii_lower(c);
        break;
      default: scratch += t.text;
    }
    scratch += ' ';
  }
  return hash_bytes(scratch);
}

}  // namespace

void SlotTokens::grow() { room_.resize(std::max<size_t>(256, room_.size() * 2)); }

void PassResult::clear() {
  text.clear();
  tokens.clear();
  pieces.clear();
  elements.clear();
  lists.clear();
  more_rows.clear();
  rows = row_slots = first_row_slot = 0;
  unterminated = has_comment = literals_matter = false;
  directives = 0;
  object_name = {};
  if (!parameter_names.empty()) {
    parameter_names.clear();
    parameter_table.clear();
  }
}

SlotPass::SlotPass(std::string_view sql, const Dialect& dialect, PassResult& result, bool tokens)
    : begin_(sql.data()),
      end_(sql.data() + sql.size()),
      dialect_(dialect),
      lexer_(sql, dialect, /*keep_comments=*/true),
      out_(result),
      tokens_(tokens ? &result.tokens : nullptr) {}

[[gnu::always_inline]] inline void SlotPass::record(const Token& t, int slot, bool plain) {
  if (tokens_ != nullptr) tokens_->add(t, slot, plain);
}

// --- Tokens in ---------------------------------------------------------------------------------------------------------------------------

void SlotPass::read(Token& t) {
  for (;;) {
    lexer_.scan(t);
    if (t.unterminated) [[unlikely]]
      out_.unterminated = true;
    if (t.kind != TokenKind::kComment) [[likely]]
      return;
    comment(t);
  }
}

void SlotPass::comment(const Token& t) {
  out_.has_comment = true;
  const size_t at = t.text.find("dbaudit:");
  if (at != std::string_view::npos) out_.directives = hash_combine(out_.directives, hash_bytes(t.text.substr(at)));
}

/// The next token. The reference holds until two more have been taken.
const Token& SlotPass::take() {
  if (!has_ahead_) read(ring_[(at_ + 1) % kRing]);
  has_ahead_ = false;
  ++at_;
  return current();
}

const Token& SlotPass::peek() {
  if (!has_ahead_) {
    read(ring_[(at_ + 1) % kRing]);
    has_ahead_ = true;
  }
  return ring_[(at_ + 1) % kRing];
}

bool SlotPass::previous_qualified() const { return previous().kind == TokenKind::kWord && punct_is(ring_[(at_ - 2) % kRing], '.'); }

bool SlotPass::behind_operand() const { return previous_qualified() || ends_operand(previous()); }

bool SlotPass::previous_word_is(std::string_view lower_case) const { return !previous_qualified() && word_is(previous(), lower_case); }

void SlotPass::run() {
  for (;;) {
    Token& t = ring_[++at_ % kRing];
    TokenKind kind = t.kind;
    if (has_ahead_) {
      has_ahead_ = false;
    } else {
      // take(), with the kind where the branch below can be merged with those of the lexer.
      kind = lexer_.scan(t);
      if (t.unterminated) [[unlikely]]
        out_.unterminated = true;
    }
    if (semicolon_pending_) [[unlikely]]
      end_statement(t);
    switch (kind) {
      case TokenKind::kWord: word(t); break;
      case TokenKind::kQuotedName:
        list_.active = false;
        if (name_next_ == NameKind::kNone || !object_name(t)) {
          if (statement_ == Statement::kSet && t.text.size() > 2) setting(t.text.substr(1, t.text.size() - 2));
          name(t);
        }
        break;
      case TokenKind::kNumber: number(t); break;
      case TokenKind::kString: string(t); break;
      case TokenKind::kBits: lift(t, Piece::Source::kBits); break;
      case TokenKind::kPlaceholder: lift(t, Piece::Source::kPlaceholder); break;
      case TokenKind::kVariable:
        list_.active = false;
        if (statement_ == Statement::kSet) setting(t.text);
        out_.text.word(t.text, end_);
        keep(t);
        break;
      case TokenKind::kOperator: operators(t); break;
      case TokenKind::kPunct:
        if (t.text.front() == '.') {
          list_.active = false;
          out_.text.punct('.');
          keep(t);
        } else {
          punct(t);
        }
        break;
      case TokenKind::kOther:
        list_.active = false;
        out_.text.other(t.text);
        keep(t);
        break;
      case TokenKind::kComment:
        comment(t);
        --at_;
        break;
      case TokenKind::kEnd:
        rows_end();
        record(t);
        return;
    }
  }
}

/// A `;` is written when something follows it.
void SlotPass::end_statement(const Token& next) {
  if (next.kind == TokenKind::kComment || next.kind == TokenKind::kEnd || punct_is(next, ';')) return;
  semicolon_pending_ = false;
  if (out_.text.size() != 0) out_.text.punct(';');
}

/// A token that is no value.
void SlotPass::keep(const Token& t, bool plain) {
  behind_slot_ = false;
  at_start_ = false;
  keep_number_ = false;
  special_ = Special::kNone;
  record(t, -1, plain);
}

/// A quoted name.
inline void SlotPass::name(const Token& t) {
  const bool plain = lexer_.is_plain_name(t);
  if (plain) {
    out_.text.plain_name(t.text, end_);
  } else {
    out_.text.quoted_name(t.text, t.unterminated);
  }
  keep(t, plain);
}

/// A token that is a value.
void SlotPass::lift(const Token& t, Piece::Source source) {
  record(t, static_cast<int>(out_.pieces.size()));
  out_.pieces.push_back({.offset = offset_of(t),
                         .length = static_cast<uint32_t>(t.text.size()),
                         .index = source == Piece::Source::kPlaceholder ? parameter(t.text) : 0,
                         .source = source,
                         .unterminated = t.unterminated});
  out_.text.slot();
  behind_slot_ = true;
  at_start_ = false;
  keep_number_ = false;
  special_ = Special::kNone;
  if (list_.active) list_value();
}

// --- Words -------------------------------------------------------------------------------------------------------------------------------

void SlotPass::word(const Token& t) {
  if (name_next_ != NameKind::kNone && object_name(t)) return;
  const bool first = at_start_;
  const TemplateText::Mark before = out_.text.mark();
  const std::string_view w = out_.text.word(t.text, end_);
  if (first) {
    keep(t);
    list_.active = false;
    first_word(w);
    return;
  }
  if (statement_ == Statement::kSet) setting(t.text);
  if (!is_interesting(t.text) || punct_is(previous(), '.')) {
    list_.active = false;
    keep(t);
    return;
  }
  if ((w == "null" || w == "true" || w == "false") && constant()) {
    if (keep_literals_) {
      keep(t);
    } else {
      out_.text.return_to(before);
      lift(t, w == "null" ? Piece::Source::kNull : w == "true" ? Piece::Source::kTrue : Piece::Source::kFalse);
    }
    return;
  }
  list_.active = false;
  keep(t);
  if (w == "in") {
    // A client that pastes the whole list in place of one `%s` shows the same statement without parentheses.
    const Token& next = peek();
    const bool pasted = next.kind == TokenKind::kPlaceholder && (next.text[0] == '%' || next.text[0] == ':') &&
                        statement_ != Statement::kFetch && previous().kind != TokenKind::kPlaceholder &&
                        previous().kind != TokenKind::kString;
    if (pasted) {
      out_.text.punct('(');
      list_begin(false);
      lift(take(), Piece::Source::kPlaceholder);
      list_fold();
      out_.text.punct(')');
    } else {
      special_ = Special::kIn;
    }
    if (statement_ == Statement::kFetch) name_next_ = NameKind::kCursor;
  } else if (w == "array") {
    special_ = Special::kArray;
    before_word_ = before;
  } else if (w == "values") {
    if (!values_is_function_ && previous().kind != TokenKind::kOperator) rows_begin();
  } else if (w == "value") {
    // MySQL's synonym; also a common column name.
    if (statement_ == Statement::kInsert && is_mysql_family(dialect_.engine) && !values_is_function_ && punct_is(peek(), '(') &&
        behind_operand() && !word_is(previous(), "insert") && !word_is(previous(), "ignore") && !punct_is(previous(), ',')) {
      rows_begin();
    }
  } else if (w == "duplicate") {
    if (previous_word_is("on")) values_is_function_ = true;
  } else if (w == "get_lock") {
    if (punct_is(peek(), '(')) {
      get_lock_depth_ = depth_ + 1;
      out_.literals_matter = true;
    }
  } else if (w == "wait") {
    keep_number_ = peek().kind == TokenKind::kNumber;
    out_.literals_matter |= keep_number_;
  } else if (w == "function" || w == "procedure") {
    if (statement_ == Statement::kCreate) statement_ = Statement::kRoutine;
  } else if (w == "to") {
    if (statement_ == Statement::kRollback) {
      name_next_ = NameKind::kSavepoint;
      filler_taken_ = false;
    }
  } else if (w == "from") {
    if (statement_ == Statement::kFetch) name_next_ = NameKind::kCursor;
  }
}

void SlotPass::first_word(std::string_view w) {
  const bool cursors = !is_mysql_family(dialect_.engine);
  switch (w[0]) {
    case 'c':
      if (w == "create") statement_ = Statement::kCreate;
      if (w == "close" && cursors) name_next_ = NameKind::kCursor;
      break;
    case 'd':
      if (w == "do") statement_ = Statement::kDo;
      if (w == "deallocate") {
        statement_ = Statement::kDeallocate;
        name_next_ = NameKind::kPrepared;
      }
      if (w == "declare" && cursors) name_next_ = NameKind::kCursor;
      break;
    case 'f':
      if (w == "fetch" && cursors) statement_ = Statement::kFetch;
      break;
    case 'i':
      if (w == "insert") statement_ = Statement::kInsert;
      break;
    case 'm':
      if (w == "move" && cursors) statement_ = Statement::kFetch;
      break;
    case 'p':
      if (w == "pragma") {
        statement_ = Statement::kPragma;
        keep_literals_ = out_.literals_matter = true;
      }
      break;
    case 'r':
      if (w == "replace") statement_ = Statement::kInsert;
      if (w == "rollback") statement_ = Statement::kRollback;
      if (w == "release") {
        statement_ = Statement::kRelease;
        name_next_ = NameKind::kSavepoint;
      }
      break;
    case 's':
      if (w == "set") statement_ = Statement::kSet;
      if (w == "savepoint") name_next_ = NameKind::kSavepoint;
      break;
    case 'v':
      if (w == "values") rows_begin();
      break;
    default: break;
  }
}

/// The name that SAVEPOINT, DEALLOCATE, DECLARE … give or use: every session has its own, so the template must not.
bool SlotPass::object_name(const Token& t) {
  if (name_next_ == NameKind::kNone) return false;
  if (t.kind == TokenKind::kWord) {
    const bool filler = (name_next_ == NameKind::kSavepoint && (statement_ == Statement::kRelease || statement_ == Statement::kRollback) &&
                         word_is(t, "savepoint")) ||
                        (name_next_ == NameKind::kPrepared && word_is(t, "prepare"));
    if (filler && !filler_taken_) {
      filler_taken_ = true;
      out_.text.word(t.text, end_);
      keep(t);
      return true;
    }
    if (name_next_ != NameKind::kSavepoint && word_is(t, "all")) {
      name_next_ = NameKind::kNone;
      return false;
    }
  }
  const std::string_view stands_for = name_next_ == NameKind::kSavepoint ? "sp" : name_next_ == NameKind::kPrepared ? "ps" : "cur";
  name_next_ = NameKind::kNone;
  out_.object_name = t.text;
  out_.text.other(stands_for);
  keep(t);
  return true;
}

/// Does TRUE, FALSE or NULL stand for a value here?
bool SlotPass::constant() {
  if (behind_operand()) return false;  // `x IS NULL`, `a int NULL`
  for (const std::string_view w : {"not", "set", "default", "as"}) {
    if (previous_word_is(w)) return false;
  }
  const Token& next = peek();
  return !punct_is(next, '(') && !punct_is(next, '.');
}

/// A name inside SET: do the literals behind it stay?
void SlotPass::setting(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) {
    name.remove_prefix(dot + 1);
  } else {
    while (!name.empty() && name[0] == '@') name.remove_prefix(1);
  }
  if (std::any_of(std::begin(kSettings), std::end(kSettings), [&](std::string_view s) { return iequals(s, name); })) {
    keep_literals_ = out_.literals_matter = true;
  }
}

// --- Literals ----------------------------------------------------------------------------------------------------------------------------

void SlotPass::number(const Token& t) {
  if (keep_literals_ || keep_number_) {
    keep_literal(t);
  } else {
    lift(t, Piece::Source::kNumber);
  }
}

void SlotPass::string(const Token& t) {
  if (name_next_ != NameKind::kNone && object_name(t)) return;
  if (keep_literals_) return keep_literal(t);
  if (statement_ == Statement::kRoutine && previous_word_is("as")) return body(t);
  if (statement_ == Statement::kDo && depth_ == 0 && !is_mysql_family(dialect_.engine)) return body(t);
  if (dialect_.string_aliases && previous_word_is("as") && (t.text[0] == '\'' || t.text[0] == '"')) {
    list_.active = false;
    out_.text.quoted_name(t.text, t.unterminated);
    return keep(t);
  }
  lift(t, Piece::Source::kString);
}

void SlotPass::keep_literal(const Token& t) {
  list_.active = false;
  keep_number_ = false;
  const size_t open = t.kind == TokenKind::kString ? t.text.find_first_of("'\"") : std::string_view::npos;
  if (open == std::string_view::npos) {
    unquote(t, dialect_, out_.scratch);
    out_.text.other(out_.scratch);
  } else {
    std::string_view content = t.text.substr(open + 1);
    if (!t.unterminated && !content.empty()) content.remove_suffix(1);
    out_.text.kept_string(content, end_);
  }
  keep(t);
}

void SlotPass::body(const Token& t) {
  list_.active = false;
  unquote(t, dialect_, out_.body);
  out_.text.body(hash_body(out_.body, dialect_, out_.scratch));
  keep(t);
}

/// The number, from 0, of the bind parameter that a placeholder asks for.
uint32_t SlotPass::parameter(std::string_view text) {
  if (text == "?" || text == "%s") return positional_++;
  if (is_digit(text[1])) {
    uint32_t n = 0;
    const auto [stop, error] = std::from_chars(text.data() + 1, text.data() + text.size(), n);
    return error != std::errc() || stop != text.data() + text.size() || n == 0 ? kNoParameter : n - 1;
  }
  return named_parameter(text);
}

uint32_t SlotPass::named_parameter(std::string_view name) {
  auto& names = out_.parameter_names;
  auto& table = out_.parameter_table;
  constexpr size_t kFew = 8;
  if (names.size() < kFew) {
    const auto at = static_cast<uint32_t>(std::find(names.begin(), names.end(), name) - names.begin());
    if (at == names.size()) names.push_back(name);
    return at;
  }
  const auto insert = [&](uint32_t i) {
    size_t at = hash_bytes(names[i]) & (table.size() - 1);
    while (table[at] != 0 && names[table[at] - 1] != names[i]) at = (at + 1) & (table.size() - 1);
    if (table[at] == 0) table[at] = i + 1;
    return table[at] - 1;
  };
  names.push_back(name);
  if (names.size() * 2 > table.size()) {
    table.assign(std::max<size_t>(64, table.size() * 4), 0);
    for (uint32_t i = 0; i + 1 < names.size(); ++i) insert(i);
  }
  const auto last = static_cast<uint32_t>(names.size() - 1);
  const uint32_t found = insert(last);
  if (found != last) names.pop_back();
  return found;
}

// --- Operators, casts, punctuation -------------------------------------------------------------------------------------------------------

void SlotPass::operators(const Token& t) {
  if (t.text == "::") return cast(t);
  if (t.text.size() == 1 && (t.text[0] == '-' || t.text[0] == '+') && !behind_operand() && peek().kind == TokenKind::kNumber) {
    const char* sign = t.text.data();
    take();
    Token& whole = ring_[at_ % kRing];
    whole.text = {sign, static_cast<size_t>(whole.text.data() + whole.text.size() - sign)};
    return number(whole);
  }
  list_.active = false;
  out_.text.other(t.text);
  keep(t);
}

/// `::type`. Behind a slot it stays out of the text: drivers that send literals write casts that the prepared statement does not have.
void SlotPass::cast(const Token& colons) {
  const bool hidden = behind_slot_;
  if (!hidden) {
    list_.active = false;
    out_.text.cast();
  }
  keep(colons);
  const auto is_name = [](const Token& t) { return t.kind == TokenKind::kWord || t.kind == TokenKind::kQuotedName; };
  if (is_name(peek())) {
    Token name = take();
    type_part(name, hidden);
    while (punct_is(peek(), '.')) {
      type_part(take(), hidden);
      if (!is_name(peek())) break;
      name = take();
      type_part(name, hidden);
    }
    if (peek().kind == TokenKind::kWord && continues_type(name.text, peek().text)) type_part(take(), hidden);
    if (word_is(name, "interval")) {
      while (is_interval_unit(peek().text) || word_is(peek(), "to")) type_part(take(), hidden);
    }
    if (punct_is(peek(), '(')) {
      // Type modifiers are part of the type, not values.
      do type_part(take(), hidden);
      while (is_name(peek()) || peek().kind == TokenKind::kNumber || punct_is(peek(), ','));
      if (punct_is(peek(), ')')) type_part(take(), hidden);
    }
    if ((word_is(name, "timestamp") || word_is(name, "time")) && (word_is(peek(), "with") || word_is(peek(), "without"))) {
      type_part(take(), hidden);
      for (const std::string_view w : {"time", "zone"}) {
        if (word_is(peek(), w)) type_part(take(), hidden);
      }
    }
    if (word_is(peek(), "array")) type_part(take(), hidden);
    while (punct_is(peek(), '[')) {
      type_part(take(), hidden);
      if (peek().kind == TokenKind::kNumber) type_part(take(), hidden);
      if (!punct_is(peek(), ']')) break;
      type_part(take(), hidden);
    }
  }
  behind_slot_ = hidden;
}

void SlotPass::type_part(const Token& t, bool hidden) {
  if (!hidden) {
    if (t.kind == TokenKind::kPunct) {
      out_.text.punct(t.text.front());
    } else if (t.kind == TokenKind::kQuotedName) {
      out_.text.quoted_name(t.text, t.unterminated);
    } else {
      out_.text.word(t.text, end_);
    }
  }
  keep(t);
}

void SlotPass::punct(const Token& t) {
  switch (t.text.front()) {
    case '(': {
      if (list_.active) list_open();
      ++depth_;
      out_.text.punct('(');
      const bool list = special_ == Special::kIn;
      if (rows_.active && !rows_.in_row && depth_ == rows_.depth + 1) {
        rows_.in_row = true;
        rows_.row_begin = out_.text.size() - 1;
        rows_.row_first_slot = static_cast<uint32_t>(out_.pieces.size());
      }
      keep(t);
      if (list) list_begin(false);
      return;
    }
    case ')':
      if (list_.active) list_close(')');
      if (depth_ > 0) --depth_;
      if (depth_ < get_lock_depth_) get_lock_depth_ = -1;
      out_.text.punct(')');
      keep(t);
      if (rows_.active) {
        if (rows_.in_row && depth_ == rows_.depth)
          row_close();
        else if (depth_ < rows_.depth)
          rows_end();
      }
      return;
    case ',':
      if (list_.active) list_comma();
      out_.text.punct(',');
      keep(t);
      if (statement_ == Statement::kSet && depth_ == 0) keep_literals_ = false;
      if (get_lock_depth_ == depth_) keep_number_ = peek().kind == TokenKind::kNumber || peek().kind == TokenKind::kOperator;
      return;
    case ';':
      list_.active = false;
      rows_end();
      keep(t);
      semicolon_pending_ = true;
      begin_statement();
      return;
    case '[': {
      const bool list = special_ == Special::kArray;
      list_.active = false;
      out_.text.punct('[');
      keep(t);
      if (list) list_begin(true);
      return;
    }
    case ']':
      if (list_.active && list_close(']')) return;
      out_.text.punct(']');
      keep(t);
      return;
    default: break;  // the dot is dealt with; the lexer knows no other
  }
}

void SlotPass::begin_statement() {
  at_start_ = true;
  statement_ = Statement::kOther;
  name_next_ = NameKind::kNone;
  keep_literals_ = values_is_function_ = filler_taken_ = false;
  get_lock_depth_ = -1;
  depth_ = 0;
}

}  // namespace dbaudit
