#pragma once
// A bump allocator for the bytes of one open transaction: grows by blocks, is reset as a whole.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "analyzers/base/prefetch.h"

namespace dbaudit {

class Arena {
 public:
  Arena() = default;
  Arena(Arena&& other) noexcept { swap(other); }
  Arena& operator=(Arena&& other) noexcept {
    Arena moved(std::move(other));
    swap(moved);
    return *this;
  }
  ~Arena() { free_blocks(last_); }

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
    if (last_ == nullptr) return;
    constexpr size_t kMost = 8 << 10;
    const auto used = static_cast<size_t>(next_ - reinterpret_cast<const char*>(last_));
    prefetch(last_, std::min(used, kMost));
  }
  static constexpr size_t kLargestBlock = 256 << 10;  ///< but for what is larger by itself
  /// Forgets everything. What comes next is much like it: keeps one block of at most `keep` bytes when it has room for as much again; else the next
  /// block is made so large.
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
  /// The head of its own memory, so that a unit of few statements touches no more than what it holds.
  struct Block {
    Block* before;
    size_t size;  // with the head

    char* data() { return reinterpret_cast<char*>(this + 1); }
  };
  /// That one and all before it.
  static void free_blocks(Block* last);
  void swap(Arena& other) noexcept {
    std::swap(last_, other.last_);
    std::swap(next_, other.next_);
    std::swap(end_, other.end_);
    std::swap(used_, other.used_);
    std::swap(first_, other.first_);
  }

  Block* last_ = nullptr;  // owned, as all before it
  char* next_ = nullptr;   // in the last block
  char* end_ = nullptr;    // of it
  size_t used_ = 0;
  size_t first_ = 0;  // the size of the first block; 0: the usual one
};

}  // namespace dbaudit
