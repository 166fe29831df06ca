#include "analyzers/base/name.h"

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>
#include <new>

#include "analyzers/base/hash.h"
#include "analyzers/base/hash_table.h"
#include "analyzers/base/text.h"

namespace dbaudit {

constinit std::array<std::atomic<Name::Known*>, 23> Name::chunks_{};

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
  // What this thread asked for lately is known without the index and its lock.
  struct Recent {
    uint64_t hash = 0;
    uint32_t id = 0;
  };
  constexpr size_t kRecent = 1024;
  thread_local std::array<Recent, kRecent> asked;
  const uint64_t hash = hash_bytes(text);
  Recent& recent = asked[hash % kRecent];
  if (recent.hash != hash || recent.id == 0 || of(recent.id).str() != text) recent = {hash, id_in_index(text)};
  return recent.id;
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
