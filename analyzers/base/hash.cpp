#include "analyzers/base/hash.h"

#include <cstring>

// XXH3 is frozen since xxHash 0.8.0: the same value on every machine, whatever vector instructions it has. Inlined, because most of what we
// hash is shorter than a call is worth.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace dbaudit {

uint64_t hash_bytes(std::string_view bytes, uint64_t seed) { return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed); }

// The 128-to-64 bit step of CityHash: not symmetric, and a zero on either side still changes the result.
uint64_t hash_combine(uint64_t a, uint64_t b) {
  constexpr uint64_t kMultiplier = 0x9ddfea08eb382d69ULL;
  uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15ULL)) * kMultiplier;
  x ^= x >> 47;
  uint64_t y = ((b + 0x9e3779b97f4a7c15ULL) ^ x) * kMultiplier;
  y ^= y >> 47;
  return y * kMultiplier;
}

uint64_t hash_of_some(std::string_view bytes) {
  if (bytes.size() < 32) return hash_bytes(bytes);
  uint64_t hash = bytes.size();
  for (const size_t at : {size_t{0}, bytes.size() / 4, bytes.size() / 2, bytes.size() / 4 * 3, bytes.size() - 8}) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    hash = hash_combine(hash, word);
  }
  return hash;
}

std::string hex64(uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) out[i] = kDigits[value & 15];
  return out;
}

}  // namespace dbaudit
