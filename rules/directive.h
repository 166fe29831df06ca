#pragma once
// Comments in the SQL that speak to the audit: `/* dbaudit:ignore DBA201 reason */`, `/* dbaudit:locked reason */`.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rules/finding.h"
#include "rules/rule.h"

namespace dbaudit {

struct Directive {
  enum class Kind : uint8_t {
    kIgnore,  ///< no finding of `rules` about this statement
    kLocked,  ///< the statement runs under a lock that the log does not show: no finding that lock_answers()
    kSchema,  ///< for the reader of DDL files
    kUnknown,
  };
  Kind kind = Kind::kUnknown;
  std::string_view word;   ///< `ignore`
  std::string_view rules;  ///< kIgnore: codes, prefixes or names, comma-separated
  std::string_view reason;
};

/// `text`: what stands behind `dbaudit:`. The views are into it.
[[nodiscard]] Directive parse_directive(std::string_view text);

/// Does it silence findings of the rule? Never without a reason.
[[nodiscard]] bool silences(const Directive& directive, const Rule& rule);

/// The directives of a log, and what came of each. Bounded: past a cap new ones still silence, and nothing is said of them.
class Directives {
 public:
  void see(std::string_view text, const Place& place);
  void mark_used(std::string_view text);

  /// Those that cannot silence anything: no reason, no rule. One line each, by place.
  [[nodiscard]] std::vector<std::string> errors() const;
  /// Those that had nothing to silence although one of `selected`, the rules that were asked, could have reported; and unknown words.
  [[nodiscard]] std::vector<std::string> unused(const std::vector<const Rule*>& selected) const;

 private:
  struct Seen {
    Place place;
    bool used = false;
  };
  std::map<std::string, Seen, std::less<>> seen_;  // by text
};

}  // namespace dbaudit
