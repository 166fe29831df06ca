#pragma once
// The statements of a unit with those of a fix in their places (FixUse).

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "rules/suggest/check.h"

namespace dbaudit {

/// A fix's own statements, and how they are laid out around a unit's.
struct Mend {
  const FixUse* use = nullptr;
  std::vector<std::string> sql;  ///< with the unit's values
  bool brings_transaction = false;
  bool replaces_locks = false;  ///< what the unit locked by name or table is not locked any more
  int lead = 0;                 ///< entries [once, lead) come first, [tail, end) last, when the fix encloses the unit's transactions
  int tail = 0;
  [[nodiscard]] bool encloses() const { return brings_transaction || use->own >= 0; }
};

/// Sets `use`, `lead` and `tail`. False: the fix does not say where its statements belong.
[[nodiscard]] bool lay_out(const FixUse& use, Mend& mend);

/// The unit's program, mended or (null) as it was, of a session that begins at level `usual`. `left_out`: fingerprints of statements that are not run, but for the
/// example's read and write.
[[nodiscard]] std::vector<ReplayStatement> program_of(const FindingExample& example, Isolation usual, const Mend* mend,
                                                      const std::set<uint64_t>& left_out);

}  // namespace dbaudit
