#include "analyzers/base/arena.h"

#include <algorithm>

namespace dbaudit {
namespace {

// Small to begin with, since a server may hold thousands of sessions whose transactions are two statements long; doubling, so that a long
// transaction costs few allocations.
constexpr size_t kFirstBlock = 1 << 10;

}  // namespace

void Arena::grow(size_t bytes) {
  const size_t usual = blocks_.empty() ? kFirstBlock : std::min(blocks_.back().size * 2, kLargestBlock);
  const size_t size = std::max(usual, bytes);
  blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
  next_ = blocks_.back().data.get();
  end_ = next_ + size;
}

void Arena::reset(size_t keep) {
  while (!blocks_.empty() && blocks_.back().size > keep) blocks_.pop_back();
  if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), blocks_.end() - 1);
  next_ = blocks_.empty() ? nullptr : blocks_.back().data.get();
  end_ = blocks_.empty() ? nullptr : next_ + blocks_.back().size;
  used_ = 0;
}

}  // namespace dbaudit
