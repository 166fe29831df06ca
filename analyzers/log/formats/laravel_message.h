#pragma once
// Messages in a Laravel log: which are SQL, which tell of a transaction or of a query that failed.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "analyzers/base/time.h"

namespace dbaudit::laravel {

/// `[2026-01-09 10:00:00] local.DEBUG: `: where the message begins, 0 when the line has no such start. `time` may be null.
[[nodiscard]] size_t header_length(std::string_view line, TimePoint* time);

/// The first words of a statement as only SQL has them (`update failed` is none): for messages that may be anything.
[[nodiscard]] bool is_certainly_sql(std::string_view text);

/// Words in front of a statement: `RAW `, `SQL: `, `Query executed: `. Where the statement begins, or npos. `colon`: one stood among them.
[[nodiscard]] size_t label_length(std::string_view message, bool& colon);
/// Does the label say that what follows is a query?
[[nodiscard]] bool names_a_query(std::string_view label);

/// The framework's events, however the application spells their names.
enum class TransactionEvent : uint8_t { kNoEvent, kBegin, kCommit, kRollback, kOther };
[[nodiscard]] TransactionEvent transaction_event(std::string_view message);

/// `SQLSTATE[23000]: … (Connection: mysql, SQL: insert …)`. Views into the message.
struct QueryException {
  std::string_view code, message, connection, database, sql;
};
[[nodiscard]] std::optional<QueryException> query_exception(std::string_view text);

/// Is `raw` the statement `sql` with something in the place of every `?`?
[[nodiscard]] bool is_filled_in(std::string_view raw, std::string_view sql);

}  // namespace dbaudit::laravel
