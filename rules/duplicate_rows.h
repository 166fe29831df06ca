#pragma once
// DBA108's input: a key that has duplicates in the live table. Work units never see it.

#include <cstdint>
#include <string>
#include <vector>

#include "analyzers/schema/catalog.h"
#include "rules/finding.h"

namespace dbaudit {

struct DuplicateRows {
  const Catalog* catalog = nullptr;
  const Table* table = nullptr;
  const Finding* pair = nullptr;  ///< the finding whose key it is; of several, the first in report_order
  std::string query;              ///< the SELECT that found them
  Evidence evidence;
  uint64_t values = 0, rows_too_many = 0;
  bool more = false;                 ///< there are more than were counted
  std::vector<std::string> related;  ///< codes of all findings about this key
};

[[nodiscard]] Finding duplicate_rows_finding(const DuplicateRows& found);

}  // namespace dbaudit
