// The moving buffer. Data is read in large chunks to the end of a block; when a block is full, the record in progress and the bytes
// not yet consumed move to another block, and the old one is kept until the next mark() so that views into it stay good. In the
// common case a few hundred bytes move once per MiB, between the same two blocks.
//
//   buffer_:  | … consumed … | record so far | (bytes dropped by the cap) | peeked line | \n | not looked at yet | free |
//                            mark_     record_end_                       next_     line_end_  line_next_       end_

#include "analyzers/log/lines.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace dbaudit {
namespace {

constexpr size_t kBlock = size_t{1} << 18;  // what is read stays in the processor's second cache until it is looked at
constexpr size_t kHead = size_t{64} << 10;
constexpr size_t kLeastRead = size_t{64} << 10;  // a read of less free space than this is not worth its system call

}  // namespace

Lines::Lines(std::unique_ptr<ByteSource> source, size_t max_record)
    : source_(std::move(source)), buffer_(new_block(kBlock)), max_record_(std::max<size_t>(max_record, 1)) {}

Lines::~Lines() = default;

Lines::Block Lines::new_block(size_t size) { return Block{std::unique_ptr<char[]>(new char[size]), size}; }

/// Reads once to buffer_[offset…]; 0 at the end or on an error.
size_t Lines::read_into(size_t offset) {
  assert(offset < buffer_.size);
  if (at_end_) return 0;
  Result<size_t> got = source_->read(buffer_.data.get() + offset, buffer_.size - offset);
  if (!got) {
    error_ = got.error();
    at_end_ = true;
    return 0;
  }
  if (*got == 0) at_end_ = true;
  bytes_ += *got;
  return *got;
}

/// Ensures free space behind end_, keeping the record in progress and everything from next_ on.
void Lines::make_room() {
  if (buffer_.size - end_ >= kLeastRead) return;
  const bool in_record = marked_ && next_ != mark_;
  const size_t record = in_record ? record_end_ - mark_ : 0;
  const size_t rest = end_ - next_;
  // The newline (and CR) between the record and the next line stay when nothing was dropped there.
  const size_t gap = in_record && !cut_ ? next_ - record_end_ : 0;
  const size_t kept = record + gap + rest;
  const size_t wanted = kept + kBlock / 2 > buffer_.size ? kept + kept / 2 + kBlock : buffer_.size;

  const char* old = buffer_.data.get();
  const char* record_from = old + (in_record ? mark_ : next_);
  const char* rest_from = old + next_;
  if (!in_record && wanted == buffer_.size) {  // no view can be alive: slide in place
    std::memmove(buffer_.data.get(), rest_from, rest);
  } else {
    Block fresh = spare_.size >= wanted ? std::exchange(spare_, Block{}) : new_block(wanted);
    std::memcpy(fresh.data.get(), record_from, record + gap);
    std::memcpy(fresh.data.get() + record + gap, rest_from, rest);
    std::swap(buffer_, fresh);
    if (in_record) retired_.push_back(std::move(fresh));
  }
  mark_ = 0;
  record_end_ = record;
  next_ = record + gap;
  end_ = next_ + rest;
}

bool Lines::fill() {
  if (at_end_) return false;
  make_room();
  const size_t got = read_into(end_);
  end_ += got;
  return got != 0;
}

void Lines::start() {
  if (started_) return;
  started_ = true;
  while (end_ < 3 && fill()) {
  }
  if (end_ >= 3 && std::memcmp(buffer_.data.get(), "\xEF\xBB\xBF", 3) == 0) next_ = 3;
}

std::string_view Lines::head() {
  start();
  while (end_ - next_ < kHead && fill()) {
  }
  return {buffer_.data.get() + next_, std::min(kHead, end_ - next_)};
}

/// Sets line_end_ and line_next_ for the line at next_; false at the end of the input.
bool Lines::find_line() {
  start();
  size_t searched = 0;  // bytes of the line known to hold no newline
  for (;;) {
    const char* from = buffer_.data.get() + next_ + searched;
    const size_t left = end_ - next_ - searched;
    if (const void* newline = left == 0 ? nullptr : std::memchr(from, '\n', left)) {
      line_end_ = static_cast<size_t>(static_cast<const char*>(newline) - buffer_.data.get());
      line_next_ = line_end_ + 1;
      break;
    }
    searched += left;
    if (searched >= max_record_) {
      // Too long to hold: read over the bytes behind the cap until the newline comes.
      uint64_t dropped = searched - max_record_;
      end_ = next_ + max_record_;
      make_room();
      line_end_ = next_ + max_record_;
      line_next_ = end_ = line_end_;
      while (const size_t got = read_into(line_end_)) {
        const char* data = buffer_.data.get() + line_end_;
        if (const void* newline = std::memchr(data, '\n', got)) {
          const auto at = static_cast<size_t>(static_cast<const char*>(newline) - data);
          dropped += at;
          line_next_ = line_end_ + at + 1;
          end_ = line_end_ + got;
          break;
        }
        dropped += got;
      }
      cut_bytes_ += dropped;
      line_cut_ = true;
      return true;
    }
    if (!fill()) {
      if (searched == 0) return false;
      line_end_ = line_next_ = end_;
      line_cut_ = error_.has_value();
      return true;
    }
  }
  if (line_end_ - next_ > max_record_) {
    cut_bytes_ += line_end_ - next_ - max_record_;
    line_end_ = next_ + max_record_;
    line_cut_ = true;
  }
  return true;
}

bool Lines::look_ahead() {
  line_cut_ = false;
  peeked_ = find_line();
  return peeked_;
}

void Lines::take() {
  if (!peeked_ && !peek()) return;
  if (marked_ && !cut_) {
    if (line_end_ - mark_ <= max_record_) {
      record_end_ = line_end_;
      cut_ = line_cut_;
    } else {
      const size_t whole = line_end_ - mark_;
      record_end_ = mark_ + max_record_;
      cut_bytes_ += whole - max_record_;
      cut_ = true;
    }
  } else if (marked_) {
    cut_bytes_ += line_end_ - next_;
  }
  next_ = line_next_;
  peeked_ = false;
  ++line_;
}

void Lines::mark() {
  start();
  if (!retired_.empty()) {
    if (retired_.back().size <= 4 * kBlock) spare_ = std::move(retired_.back());
    retired_.clear();
  }
  mark_ = record_end_ = next_;
  marked_ = true;
  cut_ = false;
}

void Lines::rewind(size_t offset, uint64_t line) {
  assert(marked_ && !cut_ && offset <= next_ - mark_);
  next_ = mark_ + offset;
  record_end_ = offset == 0 ? mark_ : next_ - 1;
  peeked_ = false;
  line_ = line;
}

uint64_t Lines::cut_bytes() const { return cut_bytes_; }
uint64_t Lines::bytes_read() const { return bytes_; }
const std::optional<Error>& Lines::error() const { return error_; }

}  // namespace dbaudit
