#pragma once
// 64-bit hashes (xxHash). Stable across runs, machines and versions: fingerprints and baselines are made of them.

#include <cstdint>
#include <string>
#include <string_view>

namespace dbaudit {

[[nodiscard]] uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0);
[[nodiscard]] uint64_t hash_combine(uint64_t a, uint64_t b);
/// 16 lower-case hexadecimal digits.
[[nodiscard]] std::string hex64(uint64_t value);

}  // namespace dbaudit
