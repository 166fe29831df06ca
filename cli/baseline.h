#pragma once
// The findings that a project has when it starts to look, so that only new ones are reported.
//
// A baseline is a JSON file to be committed: sorted, one key a line, nothing in it that another run of the same program would change (no lines, times,
// counts or confidence). An entry is known by its fingerprint; the rest is for people.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/error.h"
#include "rules/finding.h"

namespace dbaudit {

struct Baseline {
  struct Entry {
    std::string rule, title;  ///< `DBA101`; `DBA101 public.tag(name)` for people
    std::vector<std::string> tables;
  };
  std::map<uint64_t, Entry> entries;  ///< by fingerprint
};

/// Errors: unreadable, not a baseline, of a later version.
[[nodiscard]] Result<Baseline> read_baseline(const std::string& path);
[[nodiscard]] Result<Baseline> parse_baseline(std::string_view text, const std::string& path);

/// The file's text for these findings.
[[nodiscard]] std::string baseline_text(const std::vector<Finding>& findings);

/// Removes the findings that the baseline lists; returns how many.
uint64_t remove_known(const Baseline& baseline, std::vector<Finding>& findings);

/// One line about the entries of `rules` that are not in `occurring`; empty when all occur. `path` is the baseline's.
[[nodiscard]] std::string fixed_since(const Baseline& baseline, const std::set<uint64_t>& occurring, const std::set<std::string>& rules,
                                      const std::string& path);

}  // namespace dbaudit
