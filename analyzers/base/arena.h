#pragma once
// A bump allocator for the bytes of one open transaction: grows by blocks, is reset as a whole.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "analyzers/base/prefetch.h"

namespace dbaudit {

class Arena {
 public:
  Arena() = default;
  Arena(Arena&& other) noexcept { *this = std::move(other); }
  Arena& operator=(Arena&& other) noexcept {
    blocks_ = std::exchange(other.blocks_, {});
    next_ = std::exchange(other.next_, nullptr);
    end_ = std::exchange(other.end_, nullptr);
    used_ = std::exchange(other.used_, 0);
    return *this;
  }

  /// Copies `s`; the view lives until reset().
  std::string_view copy(std::string_view s) {
    if (s.empty()) return {};
    char* const p = bytes(s.size());
    std::memcpy(p, s.data(), s.size());
    return {p, s.size()};
  }
  /// `n` bytes that the caller writes; they live until reset(). nullptr when `n` is 0.
  char* bytes(size_t n) { return n == 0 ? nullptr : static_cast<char*>(allocate(n, 1)); }
  /// Room for `n` T, each of which the caller makes with placement new before it is read; else as array().
  template <typename T>
  std::span<T> array_to_fill(size_t n) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (n == 0) return {};
    return {static_cast<T*>(allocate(n * sizeof(T), alignof(T))), n};
  }
  /// `n` value-initialised T, which must be trivially destructible; they live until reset().
  template <typename T>
  std::span<T> array(size_t n) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (n == 0) return {};
    T* p = static_cast<T*>(allocate(n * sizeof(T), alignof(T)));
    for (size_t i = 0; i < n; ++i) new (p + i) T();
    return {p, n};
  }
  /// Something is to be put here soon: the values of a usual statement, say.
  void expect() const {
    constexpr size_t kSoon = 384;
    prefetch_to_write(next_, kSoon);
  }
  /// What was put here last is read soon.
  void expect_reading() const {
    if (blocks_.empty()) return;
    constexpr size_t kMost = 8 << 10;
    const auto used = static_cast<size_t>(next_ - blocks_.back().data.get());
    prefetch(blocks_.back().data.get(), std::min(used, kMost));
  }
  static constexpr size_t kLargestBlock = 256 << 10;  ///< but for what is larger by itself
  /// Forgets everything. What comes next is much like it: keeps one block of at most `keep` bytes, the largest.
  void reset(size_t keep = 4 << 10);
  [[nodiscard]] size_t bytes_used() const { return used_; }  ///< asked for since the last reset, without padding

 private:
  void* allocate(size_t bytes, size_t alignment) {
    const auto padding = [&] { return -reinterpret_cast<uintptr_t>(next_) & (alignment - 1); };
    if (bytes + padding() > static_cast<size_t>(end_ - next_)) grow(bytes + alignment);
    char* const p = next_ + padding();
    next_ = p + bytes;
    used_ += bytes;
    return p;
  }
  /// Begins a block of at least `bytes`.
  void grow(size_t bytes);
  struct Block {
    std::unique_ptr<char[]> data;
    size_t size = 0;
  };
  std::vector<Block> blocks_;
  char* next_ = nullptr;  // in the last block
  char* end_ = nullptr;   // of it
  size_t used_ = 0;
};

}  // namespace dbaudit
