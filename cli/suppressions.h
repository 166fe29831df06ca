#pragma once
// Findings that their owner has looked at and accepted: `[[suppress]]` in dbaudit.toml, and tables that are not to be looked at.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/assumption.h"
#include "rules/finding.h"
#include "rules/rule.h"

namespace dbaudit {

/// A finding is meant when it is of one of the rules, names the table, and has all of the columns among its own.
struct Suppression {
  std::vector<std::string> rules;    ///< codes, prefixes or names; never empty
  std::string table;                 ///< as names_same_table() takes it; empty: any
  std::vector<std::string> columns;  ///< empty: any
  std::string reason;                ///< never empty
  std::optional<int64_t> expires;    ///< the last day it holds, in days since 1970; nullopt: for good
  std::string expires_text;          ///< as written
  std::string place;                 ///< `dbaudit.toml:12`
};

struct SuppressionOptions {
  int64_t today = 0;               ///< days since 1970, UTC
  std::vector<const Rule*> asked;  ///< rules that were selected: of the others nothing is missed
  std::string table;               ///< --table; empty: all were asked about
  bool is_part = false;            ///< --since and the like: what is missing may be in the rest of the log
};

/// Removes what is suppressed and what names an ignored table; returns how many. Lines about suppressions that have expired or match nothing are added to
/// `notes`, in the order they were written.
uint64_t suppress(const std::vector<Suppression>& suppressions, const std::vector<TableAssumption>& tables,
                  const SuppressionOptions& options, std::vector<Finding>& findings, std::vector<std::string>& notes);

/// Today, UTC, in days since 1970.
[[nodiscard]] int64_t today();

}  // namespace dbaudit
