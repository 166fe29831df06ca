#pragma once
// What the makers of logs have in common.

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace dbaudit::bench {

/// SplitMix64: a few lines, the same everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  uint64_t below(uint64_t n) { return next() % n; }

 private:
  uint64_t state_;
};

/// False: not a number, or not one alone.
inline bool take_number(std::string_view text, uint64_t& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size();
}

/// `--name N` of each of `numbers`, and `--schema FILE`, from `argv[first]` on. False: something else.
inline bool take_options(int argc, char** argv, int first, std::initializer_list<std::pair<std::string_view, uint64_t*>> numbers,
                         std::string& schema) {
  if ((argc - first) % 2 != 0) return false;
  for (int i = first; i < argc; i += 2) {
    const std::string_view name = argv[i];
    uint64_t* number = nullptr;
    for (const auto& [option, to] : numbers) {
      if (option == name) number = to;
    }
    if (name == "--schema") {
      schema = argv[i + 1];
    } else if (number == nullptr || !take_number(argv[i + 1], *number)) {
      return false;
    }
  }
  return true;
}

/// To standard output; nothing is left in `out`.
inline void write_out(std::string& out) {
  if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size()) std::exit(1);
  out.clear();
}

}  // namespace dbaudit::bench
