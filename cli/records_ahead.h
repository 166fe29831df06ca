#pragma once
// Records of one log, read a few ahead of the trace that they go to, on its thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "analyzers/base/arena.h"
#include "analyzers/log/reader.h"
#include "analyzers/trace/session.h"
#include "cli/pending_record.h"

namespace dbaudit {

/// A log of a hundred thousand sessions and as many templates finds little of what it asks for near: what a record looks up says where the next look-up
/// is. So the look-ups of some records take turns: each step of one is asked from memory while a step of another is done.
class RecordsAhead {
 public:
  struct Item : PendingRecord {
    std::vector<PreparedStatement> statements;
    Arena arena;
  };

  /// All outlive it.
  RecordsAhead(std::string_view stream, RecordReader& reader, Templates& templates, const Trace& trace, DatabaseFilter& others,
               PartFilter& part)
      : stream_(stream), reader_(reader), templates_(templates), trace_(trace), others_(others), part_(part) {}

  /// nullptr at the end of the log, or when a signal stopped the reading. Good until the next call.
  const Item* next();

 private:
  /// Records between one step and the next are one.
  enum Step : uint8_t { kRead, kLookUp, kLookUpOn, kPrepare, kBind, kFeed, kSteps };

  /// The item that has come so far; nullptr: none.
  Item* at(Step step) { return count_ >= step && count_ - step < read_ ? &items_[(count_ - step) % kSteps] : nullptr; }
  bool read(Item& item);
  void prepare(Item& item);

  const std::string_view stream_;
  RecordReader& reader_;
  Templates& templates_;
  const Trace& trace_;
  DatabaseFilter& others_;
  PartFilter& part_;
  std::array<Item, kSteps> items_;
  uint64_t count_ = 0;  // turns so far: record i is read in turn i
  uint64_t read_ = 0;   // records
  bool at_end_ = false;
};

}  // namespace dbaudit
