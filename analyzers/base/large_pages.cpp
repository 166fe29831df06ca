#include "analyzers/base/large_pages.h"

#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace dbaudit::large_pages {

namespace {
constexpr size_t kLargePage = size_t{2} << 20;

std::align_val_t alignment_of(size_t bytes) { return std::align_val_t{bytes < kLargePage ? kCacheLine : kLargePage}; }
}  // namespace

void* allocate(size_t bytes) {
  void* const memory = ::operator new(bytes, alignment_of(bytes));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (bytes >= kLargePage) static_cast<void>(madvise(memory, bytes, MADV_HUGEPAGE));  // a wish: without it all is as it was
#endif
  return memory;
}

void free(void* memory, size_t bytes) { ::operator delete(memory, alignment_of(bytes)); }

}  // namespace dbaudit::large_pages
