#pragma once
// What a rule is: data plus pure functions over a work unit. No state, no SQL text.

#include <string_view>
#include <vector>

#include "analyzers/schema/catalog.h"
#include "analyzers/trace/transaction.h"
#include "rules/finding.h"

namespace dbaudit {

class RuleContext;  // rules/match.h: the vocabulary rules are written in
struct Folded;      // rules/match.h: equal matches, folded

/// What a unit must hold for a rule to see anything in it: one of the traits of `one_of`, and one of `beside`, of whichever of its statements or of how they
/// stand to one another (traits_of()). The runner calls no other rule; a rule that is called all the same reports and notes nothing.
struct Interest {
  TraitMask one_of = kAllTraits;
  TraitMask beside = kAllTraits;
  [[nodiscard]] constexpr bool is_met_by(TraitMask traits) const { return (traits & one_of) != 0 && (traits & beside) != 0; }
};

struct Rule {
  std::string_view code;     ///< `DBA101`; never reused
  std::string_view name;     ///< `get-or-create-without-unique-key`
  Severity severity;         ///< the usual one; the verdict decides
  std::string_view summary;  ///< one line, no full stop
  Interest interest;
  /// Reports what it sees in the unit through the context.
  void (*check)(const WorkUnit& unit, RuleContext& context);
  /// Writes the sentence of what happens to the data, and the fixes, of a finding made from folded matches.
  void (*describe)(const Folded& folded, Finding& finding);
  /// What `--check-data` asks about its findings: kDuplicates of their key_columns, unless Match::data says otherwise.
  DataQuestion proven_by = DataQuestion::kNone;
  /// What the schema alone shows, for a scan of a live database without a log; null for most rules. Appends findings with message, tables, columns and
  /// fixes; what is the same in all of a rule's findings is filled in by the caller.
  void (*check_schema)(const Catalog& catalog, std::vector<Finding>& findings) = nullptr;
};

}  // namespace dbaudit
