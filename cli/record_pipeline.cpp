#include "cli/record_pipeline.h"

#include "analyzers/trace/session_pool.h"
#include "cli/interrupt.h"

namespace dbaudit {

namespace {

constexpr size_t kItems = 512;
constexpr size_t kBytes = size_t{512} << 10;
constexpr size_t kFewValues = 4, kManyValues = 64;

// Leaves of a record what the trace asks of it, with its bytes where they stay while the reader goes on.
void keep(LogRecord& record, Arena& arena) {
  for (std::string_view LogRecord::*const text :
       {&LogRecord::session, &LogRecord::error_code, &LogRecord::error_message, &LogRecord::source_file})
    record.*text = arena.copy(record.*text);
  for (std::string_view LogRecord::*const text :
       {&LogRecord::app, &LogRecord::user, &LogRecord::database, &LogRecord::sql, &LogRecord::txid})
    record.*text = {};
  const std::span<Tag> tags = arena.array<Tag>(record.tags.size());
  for (size_t i = 0; i < tags.size(); ++i) tags[i] = {arena.copy(record.tags[i].name), arena.copy(record.tags[i].value)};
  record.tags = tags;
  record.params = {};
}

}  // namespace

RecordPipeline::RecordPipeline(std::string_view stream, RecordReader& reader, const Lines& lines, Templates& templates,
                               DatabaseFilter& others, PartFilter& part)
    : stream_(stream), reader_(reader), lines_(lines), templates_(templates), others_(others), part_(part) {
  thread_ = std::thread([this] { fill(); });
}

void RecordPipeline::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

const RecordPipeline::Batch* RecordPipeline::next() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (holds_one_) {
    ++taken_;
    holds_one_ = false;
    changed_.notify_all();
  }
  changed_.wait(lock, [&] { return filled_ > taken_ || at_end_; });
  if (filled_ == taken_) return nullptr;
  holds_one_ = true;
  return &batches_[taken_ % kBatches];
}

void RecordPipeline::fill() {
  for (bool at_end = false; !at_end;) {
    Batch* batch = nullptr;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || filled_ - taken_ < kBatches; });
      if (stopping_) break;
      batch = &batches_[filled_ % kBatches];
      is_ahead_ = filled_ - taken_ >= kBatches / 2;
    }
    fill(*batch, at_end);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!batch->items.empty()) ++filled_;
      at_end_ = at_end;
    }
    changed_.notify_all();
  }
}

void RecordPipeline::fill(Batch& batch, bool& at_end) {
  batch.items.clear();
  batch.statements.clear();
  batch.arena.reset(Arena::kLargestBlock);
  while (batch.items.size() < kItems && batch.arena.bytes_used() < kBytes) {
    LogRecord record;
    at_end = InterruptWatch::caught() != 0 || !reader_.next(record);
    if (at_end) break;
    add(record, batch);
  }
  batch.bytes_read = lines_.bytes_read();
}

void RecordPipeline::add(const LogRecord& record, Batch& batch) {
  Item& item = batch.items.emplace_back();
  item.is_left_out = others_.leaves_out(record) || part_.leaves_out(record);
  item.first_statement = static_cast<uint32_t>(batch.statements.size());
  item.record = record;
  item.session = SessionPool::key_of(stream_, record.session);
  if (item.is_left_out) return;
  keep(item.record, batch.arena);
  if (record.kind != RecordKind::kStatement) return;
  each_statement(record, templates_, [&](PreparedStatement s) {
    s.evaluate(record, templates_, batch.arena);
    // Values that rows are picked by are compared; those that are written may be, and are not worth it unless the trace is behind.
    if (s.values.slots.size() <= (is_ahead_ ? kManyValues : kFewValues)) {
      for (const Value& v : s.values.slots) static_cast<void>(v.hash());
    }
    batch.statements.push_back(s);
  });
  item.statements = static_cast<uint32_t>(batch.statements.size()) - item.first_statement;
}

}  // namespace dbaudit
