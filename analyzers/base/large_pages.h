#pragma once
// Memory for tables that are looked up at random and far larger than the processor's caches: with pages of 4 KiB most of a look-up's time goes into
// finding the page.

#include <cstddef>
#include <vector>

namespace dbaudit {

namespace large_pages {

inline constexpr size_t kCacheLine = 64;

/// Never nullptr; begins a cache line, so that no slot of a power of two bytes lies across two. From 2 MiB on the memory is on large pages where the system
/// has some to give (Linux, transparent huge pages: `madvise` or `always`).
[[nodiscard]] void* allocate(size_t bytes);
void free(void* memory, size_t bytes);

}  // namespace large_pages

/// For containers, which construct all that they ask for: what is never touched would take a large page as well.
template <typename T>
struct LargePages {
  using value_type = T;
  static_assert(alignof(T) <= large_pages::kCacheLine);

  LargePages() = default;
  template <typename Other>
  explicit LargePages(const LargePages<Other>&) {}
  [[nodiscard]] T* allocate(size_t n) { return static_cast<T*>(large_pages::allocate(n * sizeof(T))); }
  void deallocate(T* p, size_t n) { large_pages::free(p, n * sizeof(T)); }
  friend bool operator==(const LargePages&, const LargePages&) { return true; }
};

}  // namespace dbaudit
