#include "analyzers/base/name.h"

#include <algorithm>
#include <mutex>
#include <new>

#include "analyzers/base/hash.h"
#include "analyzers/base/hash_table.h"
#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

/// Never destroyed: names are read until the program ends.
struct Index {
  std::mutex mutex;
  HashTable<uint32_t> ids;  // by hash of the text, or of another name's place where two texts have one hash
  uint32_t last = 0;
};

Index& names_known() {
  static Index& known = *new Index;
  return known;
}

}  // namespace

constinit std::array<std::atomic<std::string*>, 23> Name::chunks_{};

const std::string& Name::nothing() {
  static const std::string& kNothing = *new std::string;
  return kNothing;
}

uint32_t Name::id_of(std::string_view text) {
  Index& known = names_known();
  uint64_t hash = hash_bytes(text);
  const std::lock_guard lock(known.mutex);
  while (const uint32_t* const id = known.ids.find(hash)) {
    Name name;
    name.id_ = *id;
    if (name.str() == text) return *id;
    hash = hash_combine(hash, *id);
  }
  const uint32_t id = known.last + 1;
  const uint32_t place = id + kFirstChunk;
  const auto chunk = static_cast<uint32_t>(std::bit_width(place) - std::bit_width(kFirstChunk));
  std::atomic<std::string*>& names = chunks_[chunk];
  // Not made before they are needed: memory that nobody has written to costs nothing.
  if (names.load(std::memory_order_relaxed) == nullptr) {
    names.store(static_cast<std::string*>(::operator new((size_t{kFirstChunk} << chunk) * sizeof(std::string))), std::memory_order_release);
  }
  new (names.load(std::memory_order_relaxed) + (place - (kFirstChunk << chunk))) std::string(text);
  known.ids[hash] = id;
  known.last = id;
  return id;
}

Name Name::lower() const {
  const std::string& text = str();
  const bool is_lower = std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return is_lower ? *this : Name(to_lower(text));
}

}  // namespace dbaudit
