#pragma once
// The token stream of a statement with the slot numbers of its values, exactly as Fingerprinter assigns them: both are the same
// pass (sql/fingerprint.cpp) with a different sink, so that the parser and the template can never disagree.

#include <cstdint>
#include <string_view>
#include <vector>

#include "analyzers/sql/dialect.h"
#include "analyzers/sql/lexer.h"

namespace dbaudit {

/// A token and the slot that it fills.
struct SlotToken {
  /// As the lexer gave it, but a signed number is one kNumber token whose text runs from the sign to the last digit. A value is told
  /// by `slot`, not by its kind: TRUE, FALSE and NULL are kWord tokens with a slot where they stand for a value.
  Token token;
  int slot = -1;  ///< number of the slot this token fills; -1 for everything that is no value
  /// Folded away, to be skipped by whoever reads facts: second and later elements of a list, second and later rows of VALUES or of
  /// a row-value IN list with the comma before them, and the `ARRAY [` `]` around a list. Always has slot -1.
  bool folded = false;
  /// A quoted name that is known to hold nothing but [a-z0-9_].
  bool plain = false;
  /// Elements of the list whose first element this is (IN, ARRAY; of a list of rows: number of rows); 0 for a plain value.
  int list_length = 0;
};

/// All tokens of `sql`, comments left out; the last is kEnd, `unterminated` when a quote or comment was open. Notes for a reader:
/// - `::type` after a slot stays visible here although the template leaves it out, so facts must not depend on it; numbers inside
///   a `::type(n)` have no slot;
/// - function bodies (a string after AS in CREATE, after DO) are kString tokens with slot -1: unquote() and read them on;
/// - literals of `SET autocommit | tx_isolation | …`, of PRAGMA, the timeout of GET_LOCK and the number after WAIT keep slot -1,
///   since facts depend on them;
/// - rows of VALUES fold only when all have one shape, else every row is visible.
[[nodiscard]] std::vector<SlotToken> tokenise(std::string_view sql, const Dialect& dialect);

/// True when `token` can end an operand: a literal, a placeholder, a name, `)` or `]`. A word ends one unless it is a keyword after
/// which an expression begins (SELECT, AND, LIMIT, …).
[[nodiscard]] bool ends_operand(const Token& token);

/// What a word means to the lexer and the normaliser, case ignored.
struct WordClass {
  bool keyword = false;          ///< in the table at all; everything else is a name
  bool begins_operand = false;   ///< an expression may begin with it: CASE, NOT, NULL, …
  bool expects_operand = false;  ///< one may begin after it: SELECT, WHERE, AND, THEN, LIMIT, …; so `-` is a sign, `?` a value
  bool reserved = false;         ///< cannot name a thing without quotes in some dialect, so quotes around it mean something
};
[[nodiscard]] WordClass classify_word(std::string_view word);
[[nodiscard]] bool is_reserved_word(std::string_view word);  ///< classify_word().reserved

}  // namespace dbaudit
