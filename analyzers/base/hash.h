#pragma once
// 64-bit hashes (xxHash). Stable across runs, machines and versions: fingerprints and baselines are made of them.

#include <cstdint>
#include <string>
#include <string_view>

namespace dbaudit {

[[nodiscard]] uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0);
[[nodiscard]] uint64_t hash_combine(uint64_t a, uint64_t b);
/// Of the length and some words of `bytes`, at a cost that does not grow with them: for tables that compare all of it before they believe a hit.
[[nodiscard]] uint64_t hash_of_some(std::string_view bytes);
/// 16 lower-case hexadecimal digits.
[[nodiscard]] std::string hex64(uint64_t value);

}  // namespace dbaudit
