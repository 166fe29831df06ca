// The half of the slot pass that folds lists of values and rows of VALUES.
//
// Folding is done in hindsight. A list or a row is first written like everything else; when its end shows that it was a list of only values, or a row
// like the first one, the text is cut back to where the first item ended, its values move from `pieces` to `elements` or `more_rows`, and its
// tokens are marked. So nothing is read twice, and a statement of a million rows costs what its bytes cost. "Like the first one" means that
// the two rows have the same template text.

#include "analyzers/sql/slot_pass.h"

namespace dbaudit {

// --- Lists -------------------------------------------------------------------------------------------------------------------------------

/// Behind the `(` of IN, behind the `[` of ARRAY.
void SlotPass::list_begin(bool brackets) {
  list_ = List{};
  list_.active = true;
  list_.brackets = brackets;
  list_.first_piece = static_cast<uint32_t>(out_.pieces.size());
  list_.before = before_word_;
  if (tokens_ != nullptr) list_.before_token = tokens_->size() - (brackets ? 2 : 0);
}

void SlotPass::list_value() {
  if (list_.item_done || (list_.of_rows && !list_.in_row)) {
    list_.active = false;
    return;
  }
  list_.item_done = true;
  list_.in_row ? ++list_.in_this_row : ++list_.items;
}

void SlotPass::list_open() {
  if (list_.brackets || list_.in_row || list_.item_done || (list_.items > 0 && !list_.of_rows)) {
    list_.active = false;
    return;
  }
  list_.of_rows = list_.in_row = true;
  list_.in_this_row = 0;
}

void SlotPass::list_comma() {
  if (!list_.item_done) {
    list_.active = false;
    return;
  }
  list_.item_done = false;
  if (!list_.in_row && !list_.cut_known) {
    list_.cut_known = true;
    list_.cut = out_.text.mark();
    if (tokens_ != nullptr) list_.cut_token = tokens_->size();
  }
}

/// True when the closing token itself was folded away.
bool SlotPass::list_close(char closer) {
  if (!list_.item_done) {
    list_.active = false;
    return false;
  }
  if (list_.in_row) {
    if (list_.items == 0) list_.arity = list_.in_this_row;
    if (closer != ')' || list_.in_this_row != list_.arity) {
      list_.active = false;
      return false;
    }
    ++list_.items;
    list_.in_row = false;
    return false;
  }
  if ((closer == ']') != list_.brackets) {
    list_.active = false;
    return false;
  }
  list_fold();
  return list_.brackets;
}

void SlotPass::list_fold() {
  list_.active = false;
  const uint32_t first = list_.first_piece;
  const auto begin = static_cast<uint32_t>(out_.elements.size());
  const Piece last = out_.pieces.back();
  out_.elements.insert(out_.elements.end(), out_.pieces.begin() + first, out_.pieces.end());
  out_.pieces.resize(first + list_.arity);
  for (uint32_t column = 0; column < list_.arity; ++column) {
    Piece& p = out_.pieces[first + column];
    p.length = last.offset + last.length - p.offset;
    p.source = Piece::Source::kList;
    p.index = static_cast<uint32_t>(out_.lists.size());
    out_.lists.push_back({.begin = begin + column, .count = list_.items, .stride = list_.arity});
  }
  if (list_.brackets) {
    // ARRAY[…] is one value, as a parameter in its place would be.
    out_.text.return_to(list_.before);
    out_.text.slot();
  } else if (list_.cut_known) {
    out_.text.return_to(list_.cut);
  }
  behind_slot_ = list_.brackets;
  if (tokens_ == nullptr) return;
  auto& tokens = *tokens_;
  if (list_.brackets) {
    tokens.add(current(), -1, false);
    tokens[list_.before_token].folded = tokens[list_.before_token + 1].folded = tokens.back().folded = true;
  }
  const size_t cut = list_.cut_known ? list_.cut_token : tokens.size();
  for (size_t i = list_.before_token; i < cut; ++i) {
    if (tokens[i].slot >= 0) tokens[i].list_length = static_cast<int>(list_.items);
  }
  for (size_t i = cut; i < tokens.size(); ++i) {
    tokens[i].slot = -1;
    tokens[i].folded = true;
  }
}

// --- Rows of VALUES ----------------------------------------------------------------------------------------------------------------------

/// MySQL's VALUES ROW(…), ROW(…).
bool SlotPass::row_word_follows() { return is_mysql_family(dialect_.engine) && word_is(peek(), "row"); }

/// Behind VALUES: the clause if a row follows.
void SlotPass::rows_begin() {
  if (rows_.active) return;  // inside a row of another VALUES: the outer one folds
  if (row_word_follows()) {
    const Token row = take();
    out_.text.word(row.text, end_);
    keep(row);
  }
  if (!punct_is(peek(), '(')) return;
  rows_ = Rows{};
  rows_.active = true;
  rows_.depth = depth_;
  rows_.first_slot = static_cast<uint32_t>(out_.pieces.size());
}

void SlotPass::row_close() {
  TemplateText& text = out_.text;
  const auto slots = static_cast<uint32_t>(out_.pieces.size()) - rows_.row_first_slot;
  rows_.in_row = false;
  ++rows_.count;
  if (rows_.count == 1) {
    rows_.slots = slots;
    rows_.first_begin = rows_.row_begin;
    rows_.first_end = text.mark();
    if (tokens_ != nullptr) rows_.first_token = tokens_->size();
  } else if (rows_.same) {
    const std::string_view all = text.view();
    const std::string_view first = all.substr(rows_.first_begin, rows_.first_end.size - rows_.first_begin);
    const std::string_view row = all.substr(rows_.row_begin);
    if (first == row && slots == rows_.slots) {
      text.return_to(rows_.first_end);
    } else {
      // Not of one shape after all: write out the rows that were dropped.
      rows_.same = false;
      const TemplateText::Mark end = text.mark();
      std::string& scratch = out_.scratch;
      scratch.assign(all.substr(rows_.first_end.size));
      text.return_to(rows_.first_end);
      for (uint32_t i = 2; i < rows_.count; ++i) {
        text.raw(rows_.row_word ? ", row" : ", ");
        text.repeat(rows_.first_begin, rows_.first_end.size - rows_.first_begin);
      }
      text.raw(scratch);
      text.set_ends(end);
    }
  }
  if (!punct_is(peek(), ',')) return rows_end();
  const Token comma = take();
  const bool row_word = row_word_follows();
  const Token row = row_word ? take() : Token{};
  if (!punct_is(peek(), '(')) rows_end();
  rows_.row_word |= row_word;
  text.punct(',');
  keep(comma);
  if (row_word) {
    text.word(row.text, end_);
    keep(row);
  }
}

/// The clause is over, or the statement was cut inside it: a row that did not come to its end is left out then.
void SlotPass::rows_end() {
  if (!rows_.active) return;
  rows_.active = false;
  if (rows_.count == 0) return;
  const uint32_t behind_first = rows_.first_slot + rows_.slots;
  if (rows_.same) {
    out_.text.return_to(rows_.first_end);
    const uint32_t behind_last = rows_.first_slot + rows_.count * rows_.slots;
    out_.pieces.resize(behind_last);
    if (tokens_ != nullptr) {
      for (size_t i = rows_.first_token; i < tokens_->size(); ++i) {
        (*tokens_)[i].slot = -1;
        (*tokens_)[i].folded = true;
      }
    }
  }
  // The outermost clause is the statement's own; of several the first.
  if (!have_rows_ || rows_.depth < rows_depth_) {
    have_rows_ = true;
    rows_depth_ = rows_.depth;
    out_.rows = rows_.count;
    out_.first_row_slot = rows_.first_slot;
    out_.row_slots = rows_.same ? rows_.slots : 0;
    out_.more_rows.clear();
    if (rows_.same) out_.more_rows.assign(out_.pieces.begin() + behind_first, out_.pieces.end());
  }
  if (rows_.same) out_.pieces.resize(behind_first);
}

}  // namespace dbaudit
