#include "cli/record_pipeline.h"

#include "cli/interrupt.h"

namespace dbaudit {

namespace {

constexpr size_t kItems = 128;
constexpr size_t kBytes = size_t{128} << 10;
constexpr size_t kFewValues = 4, kManyValues = 64;

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
    if (filled_ - taken_ == kBatches - kEnoughToFill) changed_.notify_all();
  }
  if (filled_ == taken_) changed_.wait(lock, [&] { return filled_ - taken_ >= kEnoughToTake || at_end_; });
  if (filled_ == taken_) return nullptr;
  holds_one_ = true;
  return &batches_[taken_ % kBatches];
}

void RecordPipeline::fill() {
  for (bool at_end = false; !at_end;) {
    Batch* batch = nullptr;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      if (filled_ - taken_ == kBatches) changed_.wait(lock, [&] { return stopping_ || filled_ - taken_ <= kBatches - kEnoughToFill; });
      if (stopping_) break;
      batch = &batches_[filled_ % kBatches];
      waiting_ = filled_ - taken_;
    }
    fill(*batch, at_end);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!batch->items.empty()) ++filled_;
      at_end_ = at_end;
      if (filled_ - taken_ < kEnoughToTake && !at_end) continue;
    }
    changed_.notify_all();
  }
}

void RecordPipeline::fill(Batch& batch, bool& at_end) {
  batch.items.clear();
  batch.statements.clear();
  batch.arena.reset(Arena::kLargestBlock);
  // Of many templates few are near: what a statement looks up is asked from memory while those before it are prepared.
  constexpr size_t kAhead = 4;  // records: longer than memory takes
  const bool is_wide = templates_.size() > Templates::kMany;
  std::vector<Item>& items = batch.items;
  size_t prepared = 0;
  while (items.size() < kItems && batch.arena.bytes_used() < kBytes) {
    LogRecord record;
    at_end = InterruptWatch::caught() != 0 || !reader_.next(record);
    if (at_end) break;
    Item& item = items.emplace_back();
    item.keep(stream_, record, others_, part_, batch.arena);
    if (!is_wide) {
      if (!item.is_left_out) item.start = Templates::start_of(record.sql);
      prepare(item, record, batch);
      ++prepared;
      continue;
    }
    item.keep_text(record, batch.arena);
    templates_.expect(item.start);
    if (items.size() > kAhead / 2) items[items.size() - 1 - kAhead / 2].expect_shape(templates_);
    if (items.size() >= kAhead) items[items.size() - kAhead].expect_longer_shape(templates_);
    if (items.size() > prepared + kAhead) {
      prepare(items[prepared], items[prepared].record, batch);
      ++prepared;
    }
  }
  for (; prepared < items.size(); ++prepared) prepare(items[prepared], items[prepared].record, batch);
  batch.bytes_read = lines_.bytes_read();
}

void RecordPipeline::prepare(Item& item, const LogRecord& record, Batch& batch) {
  // Values that rows are picked by are compared; those that are written may be. Who is behind leaves it to the other thread.
  const size_t hashed = waiting_ >= kEnoughToFill ? kManyValues : waiting_ >= kEnoughToTake ? kFewValues : 0;
  item.first_statement = static_cast<uint32_t>(batch.statements.size());
  item.prepare(record, templates_, batch.arena, hashed, [&](const PreparedStatement& s) { batch.statements.push_back(s); });
  item.statements = static_cast<uint32_t>(batch.statements.size()) - item.first_statement;
}

}  // namespace dbaudit
