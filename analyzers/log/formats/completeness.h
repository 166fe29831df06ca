#pragma once
// What a log cannot show, for ReaderCounts::incomplete.

#include "analyzers/log/reader.h"
#include "analyzers/log/record.h"

namespace dbaudit {

/// What statements of the log lack.
struct Missing {
  bool session = false, time = false, parameters = false, boundaries = false;
};

/// Adds the words for it to ReaderCounts::incomplete, and those that the counts tell: `sampled`, `truncated`. Again changes nothing.
void tell_incomplete(const Missing& missing, ReaderCounts& counts);

/// The same for readers whose records say it all.
class Completeness {
 public:
  /// Counts a statement about to be delivered.
  void add(const LogRecord& record, ReaderCounts& counts);
  void finish(ReaderCounts& counts) const { tell_incomplete(missing_, counts); }

 private:
  Missing missing_;
};

}  // namespace dbaudit
