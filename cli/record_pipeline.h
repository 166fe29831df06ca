#pragma once
// Records of one log, read, taken apart and prepared for the trace on a thread of its own.

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "analyzers/base/arena.h"
#include "analyzers/log/reader.h"
#include "cli/pending_record.h"

namespace dbaudit {

/// While it lives the reader, the templates and the filters belong to its thread; stop() gives them back. Records come in file order, so that
/// templates are numbered as without it. At most 32 batches of some 128 records are in flight: many, so that neither thread often waits for the other, and
/// small, so that one is at hand when it is taken.
class RecordPipeline {
 public:
  struct Item : PendingRecord {
    uint32_t first_statement = 0, statements = 0;  ///< of Batch::statements
  };
  /// What one turn of the thread has made. Good until the next call of next().
  struct Batch {
    std::vector<Item> items;
    std::vector<PreparedStatement> statements;
    Arena arena;
    uint64_t bytes_read = 0;

    [[nodiscard]] std::span<const PreparedStatement> of(const Item& item) const {
      return std::span(statements).subspan(item.first_statement, item.statements);
    }
  };

  RecordPipeline(std::string_view stream, RecordReader& reader, const Lines& lines, Templates& templates, DatabaseFilter& others,
                 PartFilter& part);
  ~RecordPipeline() { stop(); }
  RecordPipeline(const RecordPipeline&) = delete;
  RecordPipeline& operator=(const RecordPipeline&) = delete;

  /// nullptr at the end of the log, or when a signal stopped the reading.
  const Batch* next();
  /// Ends the thread, at the latest when its source lets go of it.
  void stop();

 private:
  void fill();
  void fill(Batch& batch, bool& at_end);
  /// The item's statements; `record` is it with its text.
  void prepare(Item& item, const LogRecord& record, Batch& batch);

  const std::string_view stream_;
  RecordReader& reader_;
  const Lines& lines_;
  Templates& templates_;
  DatabaseFilter& others_;
  PartFilter& part_;

  static constexpr size_t kBatches = 32;
  // A thread that has to wait sleeps, and to be woken takes as long as many records do: until it is worth it.
  static constexpr size_t kEnoughToFill = kBatches / 2, kEnoughToTake = kBatches / 4;
  std::array<Batch, kBatches> batches_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t filled_ = 0, taken_ = 0;  // batches, counted from the start of the log
  bool holds_one_ = false;           // the caller, of batch `taken_`
  bool at_end_ = false, stopping_ = false;
  uint64_t waiting_ = 0;  // of the thread alone: batches that waited for the trace when it began the one it fills
  std::thread thread_;
};

}  // namespace dbaudit
