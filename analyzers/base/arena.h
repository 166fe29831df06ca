#pragma once
// A bump allocator for the bytes of one open transaction: grows by blocks, is reset as a whole.

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace dbaudit {

class Arena {
 public:
  Arena() = default;
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  /// Copies `s`; the view lives until reset().
  std::string_view copy(std::string_view s);
  /// `n` value-initialised T, which must be trivially destructible; they live until reset().
  template <typename T>
  std::span<T> array(size_t n) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (n == 0) return {};
    T* p = static_cast<T*>(allocate(n * sizeof(T), alignof(T)));
    for (size_t i = 0; i < n; ++i) new (p + i) T();
    return {p, n};
  }
  void reset();                                              ///< forgets everything; keeps the first block for reuse, unless it is huge
  [[nodiscard]] size_t bytes_used() const { return used_; }  ///< asked for since the last reset, without padding

 private:
  void* allocate(size_t bytes, size_t alignment);
  struct Block {
    std::unique_ptr<char[]> data;
    size_t size = 0;
  };
  std::vector<Block> blocks_;
  size_t current_ = 0;  // index of the block in use
  size_t offset_ = 0;   // within it
  size_t used_ = 0;
};

}  // namespace dbaudit
