#pragma once
// Asks the processor for memory before it is needed: what was last touched thousands of statements ago is far away, and what is asked for together comes
// together. Without effect on what is computed, which is why GCC takes a function that does nothing else for one whose calls can go: such a function must
// be DBAUDIT_ALWAYS_INLINE.

#include <cstddef>

namespace dbaudit {

#if defined(__GNUC__)
#define DBAUDIT_ALWAYS_INLINE [[gnu::always_inline]]
#else
#define DBAUDIT_ALWAYS_INLINE
#endif

inline constexpr size_t kCacheLine = 64;  ///< bytes

/// Of the line that `p` points into; any pointer will do.
DBAUDIT_ALWAYS_INLINE inline void prefetch([[maybe_unused]] const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p);
#endif
}

/// The same of memory that will be written.
DBAUDIT_ALWAYS_INLINE inline void prefetch_to_write([[maybe_unused]] const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 1);
#endif
}

}  // namespace dbaudit
