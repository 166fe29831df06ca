#include "analyzers/base/arena.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

namespace dbaudit {
namespace {

// Small to begin with, since a server may hold thousands of sessions whose transactions are two statements long; doubling, so that a long
// transaction costs few allocations.
constexpr size_t kFirstBlock = 4 << 10;
constexpr size_t kLargestBlock = 256 << 10;

}  // namespace

std::string_view Arena::copy(std::string_view s) {
  if (s.empty()) return {};
  char* p = static_cast<char*>(allocate(s.size(), 1));
  std::memcpy(p, s.data(), s.size());
  return {p, s.size()};
}

void* Arena::allocate(size_t bytes, size_t alignment) {
  assert(alignment != 0 && (alignment & (alignment - 1)) == 0);
  if (blocks_.empty()) current_ = offset_ = used_ = 0;  // also after having been moved from
  if (!blocks_.empty()) {
    Block& block = blocks_[current_];
    const auto base = reinterpret_cast<uintptr_t>(block.data.get());
    const size_t start = ((base + offset_ + alignment - 1) & ~(uintptr_t{alignment} - 1)) - base;
    if (start <= block.size && bytes <= block.size - start) {
      offset_ = start + bytes;
      used_ += bytes;
      return block.data.get() + start;
    }
  }
  const size_t usual = blocks_.empty() ? kFirstBlock : std::min(blocks_.back().size * 2, kLargestBlock);
  const size_t size = std::max(usual, bytes + alignment);
  blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
  current_ = blocks_.size() - 1;
  offset_ = 0;
  return allocate(bytes, alignment);
}

void Arena::reset() {
  // A first block made for one huge value is not worth keeping for the life of the session.
  const bool keep = !blocks_.empty() && blocks_.front().size <= kLargestBlock;
  blocks_.resize(keep ? 1 : 0);
  current_ = offset_ = used_ = 0;
}

}  // namespace dbaudit
