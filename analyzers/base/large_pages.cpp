#include "analyzers/base/large_pages.h"

#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace dbaudit::large_pages {

namespace {
constexpr size_t kLargePage = size_t{2} << 20;
}  // namespace

void* allocate(size_t bytes) {
  if (bytes < kLargePage) return ::operator new(bytes);
  void* const memory = ::operator new (bytes, std::align_val_t{kLargePage});
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  static_cast<void>(madvise(memory, bytes, MADV_HUGEPAGE));  // a wish: without it all is as it was
#endif
  return memory;
}

void free(void* memory, size_t bytes) {
  if (bytes < kLargePage) {
    ::operator delete(memory);
  } else {
    ::operator delete (memory, std::align_val_t{kLargePage});
  }
}

}  // namespace dbaudit::large_pages
