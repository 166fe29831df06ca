#include "analyzers/base/arena.h"

#include <algorithm>
#include <new>
#include <utility>

namespace dbaudit {
namespace {

// A server may hold a hundred thousand sessions whose units are two statements long: small blocks as long as there is little in them. Then doubling, so
// that a long transaction costs few allocations.
constexpr size_t kSmallBlock = 256, kLittle = 1 << 10;

}  // namespace

void Arena::grow(size_t bytes) {
  const size_t usual = last_ == nullptr  ? std::max(first_, kSmallBlock)
                       : used_ < kLittle ? kSmallBlock
                                         : std::clamp(last_->size * 2, kLittle, kLargestBlock);
  const size_t size = std::max(usual, sizeof(Block) + bytes);
  last_ = new (::operator new(size)) Block{last_, size};
  next_ = last_->data();
  end_ = next_ + (size - sizeof(Block));
}

void Arena::free_blocks(Block* last) {
  while (last != nullptr) ::operator delete(std::exchange(last, last->before));
}

void Arena::reset(size_t keep) {
  if (used_ != 0) first_ = (sizeof(Block) + used_ + kSmallBlock - 1) / kSmallBlock * kSmallBlock;
  first_ = std::min(first_, keep);
  while (last_ != nullptr && last_->size > keep) ::operator delete(std::exchange(last_, last_->before));
  if (last_ != nullptr && last_->size < first_) free_blocks(std::exchange(last_, nullptr));
  if (last_ != nullptr) free_blocks(std::exchange(last_->before, nullptr));
  next_ = last_ == nullptr ? nullptr : last_->data();
  end_ = last_ == nullptr ? nullptr : next_ + (last_->size - sizeof(Block));
  used_ = 0;
}

}  // namespace dbaudit
