#pragma once
// Expressions of a schema (index parts, predicates, checks, defaults) in one spelling, whoever wrote them: `lower((email)::text)` of pg_dump,
// ``lower(`email`)`` of mysqldump and `LOWER("email")` of a migration are all `lower(email)`.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/sql/lexer.h"

namespace dbaudit {

enum class ExprKind : uint8_t {
  kColumn,   ///< text: the name, folded as the engine compares it
  kLiteral,  ///< text: the value; `quoted` when it is a string. TRUE and FALSE are the words `true` and `false`
  kNull,
  kSlot,    ///< a placeholder, or a `?` of a template: some value
  kCall,    ///< text: function name, lower case; args
  kUnary,   ///< text: `not`, `-`, `~`; one arg
  kBinary,  ///< text: operator, lower case; two args, or more for an associative chain (and, or, ||)
  kIsNull,
  kIsNotNull,
  kIn,  ///< args[0] in (args[1..]); also `= ANY (ARRAY[…])`
  kNotIn,
  kBetween,  ///< args[0] between args[1] and args[2]
  kCase,     ///< args: [operand] (when, then)… [else]; text holds `o` when there is an operand and `e` when there is an ELSE
  kOpaque,   ///< text: tokens as they came; nothing is known of it
};

/// Casts are gone, names unqualified. Depth and size are bounded by the parser.
struct Expr {
  ExprKind kind = ExprKind::kOpaque;
  bool quoted = false;
  std::string text;
  std::vector<Expr> args;
};

/// Never fails: what is not understood is kOpaque.
[[nodiscard]] Expr parse_expression(std::string_view text, Engine engine);
[[nodiscard]] Expr parse_expression(std::span<const Token> tokens, Engine engine);

/// The one spelling: lower case, no quotes on plain names, single blanks, only the parentheses that are needed. Parsing it again gives the same.
[[nodiscard]] std::string print_expression(const Expr& expression);
[[nodiscard]] std::string normalise_expression(std::string_view text, Engine engine);
[[nodiscard]] std::string normalise_expression(std::span<const Token> tokens, Engine engine);

/// The columns it reads, each once, in order. `complete` is cleared when an opaque part may read more.
void collect_columns(const Expr& expression, std::vector<std::string>& out, bool& complete);
/// The same expression, ASCII case aside in names; a slot on either side stands for any literal.
[[nodiscard]] bool same_expression(const Expr& a, const Expr& b);

/// Tokens as text: unquoted words in lower case, strings in '…', one blank where two words would run together. For types and for what the expression
/// parser does not know.
[[nodiscard]] std::string spell_tokens(std::span<const Token> tokens, Engine engine);

/// A name as SQL would have to spell it in this catalogue's one spelling: plain when it is a lower-case word, else "quoted".
[[nodiscard]] std::string spell_name(std::string_view name);

}  // namespace dbaudit
