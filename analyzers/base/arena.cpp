#include "analyzers/base/arena.h"

#include <algorithm>

namespace dbaudit {
namespace {

// Small to begin with, since a server may hold thousands of sessions whose transactions are two statements long; doubling, so that a long
// transaction costs few allocations.
constexpr size_t kFirstBlock = 1 << 10;
constexpr size_t kLargestBlock = 256 << 10;

}  // namespace

void Arena::grow(size_t bytes) {
  const size_t usual = blocks_.empty() ? kFirstBlock : std::min(blocks_.back().size * 2, kLargestBlock);
  const size_t size = std::max(usual, bytes);
  blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
  next_ = blocks_.back().data.get();
  end_ = next_ + size;
}

void Arena::reset() {
  // A first block made for one huge value is not worth keeping.
  const bool keep = !blocks_.empty() && blocks_.front().size <= kLargestBlock;
  blocks_.resize(keep ? 1 : 0);
  next_ = keep ? blocks_.front().data.get() : nullptr;
  end_ = keep ? next_ + blocks_.front().size : nullptr;
  used_ = 0;
}

}  // namespace dbaudit
