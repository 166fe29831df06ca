#include "analyzers/base/name.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <mutex>
#include <new>

#include "analyzers/base/hash.h"
#include "analyzers/base/hash_table.h"
#include "analyzers/base/text.h"

namespace dbaudit {

constinit std::array<std::atomic<Name::Known*>, 23> Name::chunks_{};

namespace {

/// The first and the last eight bytes of a text; of one with fewer all of it.
struct Ends {
  uint64_t first = 0, last = 0;
};

inline Ends ends_of(std::string_view text) {
  const auto read = [&]<typename Word>(Word word) -> Ends {
    Word last = 0;
    std::memcpy(&word, text.data(), sizeof word);
    std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
    return {word, last};
  };
  if (text.size() >= sizeof(uint64_t)) return read(uint64_t{});
  if (text.size() >= sizeof(uint32_t)) return read(uint32_t{});
  if (text.size() >= sizeof(uint16_t)) return read(uint16_t{});
  return {static_cast<unsigned char>(text.front()), 0};
}

}  // namespace

struct Name::Index {
  std::mutex mutex;
  HashTable<uint32_t> ids;  // by hash of the text, or of another name's place where two texts have one hash
  uint32_t last = 0;
};

const Name::Known& Name::nothing() {
  static const Known& kNothing = *new Known{{}, hash_bytes({}), 0};
  return kNothing;
}

uint32_t Name::id_of(std::string_view text) {
  // What this thread asked for lately is known without the index, its lock and its hash: by what the text begins and ends with.
  struct Recent {
    const char* text = nullptr;  // of the name, which never moves
    uint32_t size = 0, id = 0;
  };
  constexpr size_t kRecentBits = 10;
  thread_local std::array<Recent, 1U << kRecentBits> asked;
  const Ends ends = ends_of(text);
  Recent& recent = asked[(((ends.first * 0x9e3779b97f4a7c15U) ^ ends.last) * 0xff51afd7ed558ccdU + text.size()) >> (64 - kRecentBits)];
  if (recent.size == text.size()) {
    const Ends known = ends_of({recent.text, recent.size});
    const bool same = known.first == ends.first && known.last == ends.last;
    if (same && (text.size() <= 2 * sizeof(uint64_t) || std::memcmp(recent.text, text.data(), text.size()) == 0)) return recent.id;
  }
  const uint32_t id = id_in_index(text);
  const std::string& known = of(id).str();
  recent = {known.data(), static_cast<uint32_t>(known.size()), id};
  return id;
}

uint32_t Name::id_in_index(std::string_view text) {
  // Never destroyed: names are read until the program ends.
  static Index& index = *new Index;
  const std::lock_guard lock(index.mutex);
  return find_or_make(index, text);
}

uint32_t Name::find_or_make(Index& index, std::string_view text) {
  const uint64_t hash = hash_bytes(text);
  uint64_t key = hash;
  while (const uint32_t* const id = index.ids.find(key)) {
    if (of(*id).str() == text) return *id;
    key = hash_combine(key, *id);
  }
  const uint32_t id = ++index.last;
  const uint32_t place = id + kFirstChunk;
  const auto chunk = static_cast<uint32_t>(std::bit_width(place) - std::bit_width(kFirstChunk));
  std::atomic<Known*>& names = chunks_[chunk];
  // Not made before they are needed: memory that nobody has written to costs nothing.
  if (names.load(std::memory_order_relaxed) == nullptr) {
    names.store(static_cast<Known*>(::operator new((size_t{kFirstChunk} << chunk) * sizeof(Known))), std::memory_order_release);
  }
  Known& made = *new (names.load(std::memory_order_relaxed) + (place - (kFirstChunk << chunk))) Known{std::string(text), hash, id};
  index.ids[key] = id;
  const bool is_lower = std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!is_lower) made.lower = find_or_make(index, to_lower(text));
  return id;
}

}  // namespace dbaudit
