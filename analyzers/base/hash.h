#pragma once
// 64-bit hashes (xxHash). Stable across runs, machines and versions: fingerprints and baselines are made of them.

#include <cstdint>
#include <string>
#include <string_view>

namespace dbaudit {

[[nodiscard]] uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0);
/// The 128-to-64 bit step of CityHash: not symmetric, and a zero on either side still changes the result.
[[nodiscard]] inline uint64_t hash_combine(uint64_t a, uint64_t b) {
  constexpr uint64_t kMultiplier = 0x9ddfea08eb382d69ULL;
  uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15ULL)) * kMultiplier;
  x ^= x >> 47;
  uint64_t y = ((b + 0x9e3779b97f4a7c15ULL) ^ x) * kMultiplier;
  y ^= y >> 47;
  return y * kMultiplier;
}
/// Of the length and some words of `bytes`, at a cost that does not grow with them: for tables that compare all of it before they believe a hit.
[[nodiscard]] uint64_t hash_of_some(std::string_view bytes);
/// 16 lower-case hexadecimal digits.
[[nodiscard]] std::string hex64(uint64_t value);

}  // namespace dbaudit
