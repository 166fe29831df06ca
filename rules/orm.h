#pragma once
// Which ORM wrote a statement, and which of its calls, from the marks its SQL bears (a format that names the ORM comes first).

#include <string>
#include <string_view>

#include "analyzers/trace/transaction.h"

namespace dbaudit {

struct OrmCall {
  std::string name;  ///< `django`, `peewee`, …; empty unknown
  std::string call;  ///< `get_or_create`; empty unknown
};

/// `of_log` is WorkUnit::orm; `read` or `write` may be null. `code` is the rule's, whose pattern narrows the call.
[[nodiscard]] OrmCall recognise_orm(std::string_view of_log, const Op* read, const Op* write, std::string_view code);

}  // namespace dbaudit
