#pragma once
// Is this text a statement at all? For logs whose messages may be anything.

#include <string_view>

namespace dbaudit {

/// True when the text begins with a word that begins statements (`SELECT`, `with`, `BEGIN`, `PRAGMA`, …), after blanks, comments and opening
/// parentheses. `may_be_cut`: the text may end inside that word.
[[nodiscard]] bool starts_like_sql(std::string_view text, bool may_be_cut = false);

/// `BEGIN`, `START TRANSACTION`, `COMMIT`, `ROLLBACK` or `END` and not a savepoint's: a line that marks where a transaction begins or ends.
[[nodiscard]] bool is_transaction_boundary(std::string_view sql);

}  // namespace dbaudit
