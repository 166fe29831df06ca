// DBA901: what this log cannot show, so that a short list of findings is not taken for a clean application.
//
// The gaps are of a log as a whole, known when its last line was read; there is nothing to see in a work unit.

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "rules/log_gap.h"
#include "rules/rule.h"

namespace dbaudit {

namespace {

struct Gap {
  std::string_view word, missing, consequence;
};

/// In the order in which they hurt.
constexpr std::array kGaps = {
    Gap{"no-session", "which session ran a statement",
        "Sessions cannot be told apart: reads and writes are linked by their values only, so findings are possible at most."},
    Gap{"no-parameters", "bind values",
        "Without values a write cannot be linked to the read it follows: reads and writes are linked by their shapes only, and what "
        "happened cannot be told from what may happen."},
    Gap{"no-transaction-boundaries", "BEGIN and COMMIT",
        "Whether two statements share a transaction is not known: rules about locks and reads outside a transaction stay silent, others "
        "assume nothing."},
    Gap{"sampled", "every statement",
        "The log is a sample: what is missing from it proves nothing, so rules that rest on absence stay silent."},
    Gap{"no-failed-statements", "statements that failed",
        "A race that a unique key or a deadlock stopped looks like no race: duplicate-key errors and retries are not seen."},
    Gap{"truncated", "some statements to their end",
        "Statements that were cut are judged by what is left of them, which is never their WHERE."},
    Gap{"no-time", "when a statement ran", "Sessions cannot be seen to overlap, so nothing is more than likely."},
};

void check(const WorkUnit&, RuleContext&) {}
void describe(const Folded&, Finding&) {}

}  // namespace

extern const Rule kRule_log_cannot_show_it;
const Rule kRule_log_cannot_show_it = {
    .code = "DBA901",
    .name = "log-cannot-show-it",
    .severity = Severity::kNote,
    .summary = "The log lacks something that rules rest on: sessions, transactions, values, whole statements",
    .interest = {Trait::kNothing},
    .check = check,
    .describe = describe};

Finding log_gap_finding(const LogGap& gap, Engine engine) {
  Finding f;
  f.code = kRule_log_cannot_show_it.code;
  f.name = kRule_log_cannot_show_it.name;
  f.severity = kRule_log_cannot_show_it.severity;
  f.confidence = Confidence::kObserved;
  f.engine = engine;
  f.occurrences = 1;
  std::vector<std::string> missing;
  std::string why;
  uint64_t print = hash_bytes(f.code.str());
  for (const Gap& known : kGaps) {
    if (std::find(gap.missing.begin(), gap.missing.end(), known.word) == gap.missing.end()) continue;
    missing.emplace_back(known.missing);
    print = hash_combine(print, hash_bytes(known.word));
    if (!why.empty()) why += ' ';
    why += known.consequence;
  }
  f.why = why;
  print = hash_combine(print, hash_bytes(gap.format));
  f.fingerprint = print;
  std::string list = missing.empty() ? std::string() : missing.front();
  for (size_t i = 1; i < missing.size(); ++i) list += (i + 1 == missing.size() ? " and " : ", ") + missing[i];
  f.message = fmt::format("{} ({}) does not show {}. To log more: {}", gap.path, gap.format, list, gap.enable);
  if (!f.message.ends_with('.')) f.message += '.';
  return f;
}

}  // namespace dbaudit
