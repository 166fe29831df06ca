#pragma once
// Does a fix keep its promise? Asked of every fix of a finding that is reported, without a server and in the time of a few dozen statements.
//
// `parses`: our own front end understands every statement of it wholly, in the audited dialect.
// `silences`: the work unit that showed the finding, mended as the fix says and run by sessions side by side, on the schema as the fix leaves it, gives no
// finding of that rule on that table but a note, and no warning or error that it did not give before. (A note says that it works, at a price.) Claimed only
// where the same sessions as they were do give the finding: else its absence would say nothing.

#include "analyzers/schema/catalog.h"
#include "analyzers/sql/templates.h"
#include "analyzers/trace/example.h"
#include "rules/finding.h"
#include "rules/runner.h"

namespace dbaudit {

/// A unit that showed a finding, and which of its ops.
struct FindingExample {
  ExampleUnit unit;
  int read = -1, write = -1;  ///< indexes into unit.statements; -1: the finding has none, or it is the other one
  std::vector<int> locks;     ///< LOCK TABLE, advisory locks and their release that the finding names
};

/// What a finding is shown by. Null: there is none, or it was not kept. Without the first no unit shows it.
struct FindingExamples {
  const FindingExample* first = nullptr;
  const FindingExample* second = nullptr;  ///< another match, of another session
  const FindingExample* partner =
      nullptr;  ///< the unit that the finding needs beside its own (Match::needs); its `write` is the op that matters
  Confidence confidence = Confidence::kPossible;  ///< of the finding as the log alone shows it: live data may have made it surer
};

/// Fills Fix::checked with `parses` and `silences`, and Fix::trial where it is wanted. The partner runs as it was, but for what the fix says every
/// transaction must do. Of a finding that no unit shows, the rule is asked about the schema again (Rule::check_schema). `templates`: of the audited
/// dialect; fixes and examples of many findings have statements in common, and each is parsed once.
void check_fixes(Finding& finding, const FindingExamples& examples, const AuditOptions& options, Templates& templates);

}  // namespace dbaudit
