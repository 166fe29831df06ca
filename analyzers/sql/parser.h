#pragma once
// Tokens → StatementFacts. Recursive descent with an explicit depth limit; a clause that is not understood is skipped to the next
// clause keyword of its level and lowers `quality`; nothing is guessed.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "analyzers/sql/dialect.h"
#include "analyzers/sql/facts.h"
#include "analyzers/sql/tokens.h"

namespace dbaudit {

namespace sql_parser {
struct Parser;
}

/// Facts of one statement. Slot numbers agree with Fingerprinter::normalise of the same text. `truncated` says that the log cut it.
/// Never throws; cost is linear in the length.
[[nodiscard]] StatementFacts parse_statement(std::string_view sql, const Dialect& dialect, bool truncated = false);
/// The same of a statement whose tokens are known: those that tokenise() gives.
[[nodiscard]] StatementFacts parse_statement(std::string_view sql, std::span<const SlotToken> tokens, const Dialect& dialect,
                                             bool truncated);

/// The same of many statements, one after another, in the same memory.
class StatementParser {
 public:
  explicit StatementParser(const Dialect& dialect);  ///< `dialect` must outlive it
  ~StatementParser();
  StatementParser(const StatementParser&) = delete;
  StatementParser& operator=(const StatementParser&) = delete;

  [[nodiscard]] StatementFacts parse(std::string_view sql, std::span<const SlotToken> tokens, bool truncated);

 private:
  std::unique_ptr<sql_parser::Parser> parser_;
};

/// One JSON object (no newline) with the keys of `dbaudit facts`.
[[nodiscard]] std::string facts_to_json(std::string_view sql, const StatementFacts& facts, const Dialect& dialect);

}  // namespace dbaudit
