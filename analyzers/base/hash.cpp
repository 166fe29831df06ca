#include "analyzers/base/hash.h"

#include <cstring>

// XXH3 is frozen since xxHash 0.8.0: the same value on every machine, whatever vector instructions it has. Inlined, because most of what we
// hash is shorter than a call is worth.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace dbaudit {

uint64_t hash_bytes(std::string_view bytes, uint64_t seed) { return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed); }

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
