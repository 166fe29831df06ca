#pragma once
// Asks the processor for memory before it is needed: what was last touched thousands of statements ago is far away, and what is asked for together comes
// together. Without effect on what is computed.

#include <cstddef>
#include <cstdint>

namespace dbaudit {

/// The `bytes` from `p` on, which need not be anybody's.
inline void prefetch([[maybe_unused]] const void* p, [[maybe_unused]] size_t bytes = 1) {
#if defined(__GNUC__)
  constexpr size_t kCacheLine = 64;
  const auto begin = reinterpret_cast<uintptr_t>(p);
  for (uintptr_t at = begin & ~(kCacheLine - 1); at < begin + bytes; at += kCacheLine)
    __builtin_prefetch(reinterpret_cast<const void*>(at));
  asm volatile("");  // else GCC takes a function that does nothing but prefetch for one that does nothing, and drops its calls
#endif
}

/// The same of memory that will be written.
inline void prefetch_to_write([[maybe_unused]] const void* p, [[maybe_unused]] size_t bytes = 1) {
#if defined(__GNUC__)
  constexpr size_t kCacheLine = 64;
  const auto begin = reinterpret_cast<uintptr_t>(p);
  for (uintptr_t at = begin & ~(kCacheLine - 1); at < begin + bytes; at += kCacheLine)
    __builtin_prefetch(reinterpret_cast<const void*>(at), 1);
  asm volatile("");
#endif
}

}  // namespace dbaudit
