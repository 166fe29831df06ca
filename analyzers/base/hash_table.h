#pragma once
// Tables whose keys are 64-bit hashes already (base/hash.h): slots in one array, one cache line a look-up where a table of nodes takes three. Their
// order is no order: look up by key, and sort what is walked where order would show.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "analyzers/base/large_pages.h"
#include "analyzers/base/prefetch.h"

namespace dbaudit {

/// T must be movable and have a default; a value stays where it is until the next insertion or removal. Key 0 is the same as key 1: of hashes,
/// neither is likelier than any other collision.
template <typename T>
class HashTable {
 public:
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool contains(uint64_t key) const { return find(key) != nullptr; }
  /// nullptr: not there.
  [[nodiscard]] T* find(uint64_t key) { return const_cast<T*>(std::as_const(*this).find(key)); }
  [[nodiscard]] const T* find(uint64_t key) const {
    if (slots_.empty()) return nullptr;
    const Slot& slot = slots_[place_of(key)];
    return slot.key != 0 ? &slot.value : nullptr;
  }
  /// The value of the key, a default one when it is new.
  T& operator[](uint64_t key) {
    // Four fifths full at most: then a look-up ends within a few slots.
    if ((size_ + 1) * 5 > slots_.size() * 4) grow();
    Slot& slot = slots_[place_of(key)];
    if (slot.key == 0) {
      slot.key = stored(key);
      ++size_;
    }
    return slot.value;
  }
  /// Does nothing where the key is not. The table keeps its size.
  void erase(uint64_t key) {
    if (slots_.empty()) return;
    const size_t mask = slots_.size() - 1;
    size_t hole = place_of(key);
    if (slots_[hole].key == 0) return;
    // A look-up ends at a free slot: whoever stands behind the hole and was to stand at it, or before it, moves there.
    for (size_t at = (hole + 1) & mask; slots_[at].key != 0; at = (at + 1) & mask) {
      const size_t wanted = slots_[at].key & mask;
      if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
      slots_[hole] = std::move(slots_[at]);
      hole = at;
    }
    slots_[hole] = Slot();
    --size_;
  }
  /// Forgets all, and keeps its size.
  void clear() {
    for (Slot& slot : slots_) {
      if (slot.key != 0) slot = Slot();
    }
    size_ = 0;
  }
  /// For a key that is looked up soon.
  void prefetch(uint64_t key) const {
    if (!slots_.empty()) dbaudit::prefetch(&slots_[stored(key) & (slots_.size() - 1)], sizeof(Slot));
  }
  /// Calls visit(key, value) with each.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.key != 0) visit(slot.key, slot.value);
    }
  }

 private:
  struct Slot {
    uint64_t key = 0;  // 0: free
    [[no_unique_address]] T value{};
  };
  using Slots = std::vector<Slot, LargePages<Slot>>;

  static uint64_t stored(uint64_t key) { return key == 0 ? 1 : key; }
  /// Where the key stands, or would.
  [[nodiscard]] size_t place_of(uint64_t key) const {
    const uint64_t wanted = stored(key);
    size_t place = wanted & (slots_.size() - 1);
    while (slots_[place].key != 0 && slots_[place].key != wanted) place = (place + 1) & (slots_.size() - 1);
    return place;
  }
  void grow() {
    constexpr size_t kFirst = 16;
    Slots old(slots_.empty() ? kFirst : slots_.size() * 2);
    old.swap(slots_);
    for (Slot& slot : old) {
      if (slot.key != 0) slots_[place_of(slot.key)] = std::move(slot);
    }
  }

  Slots slots_;  // a power of two of them, or none
  size_t size_ = 0;
};

class HashSet {
 public:
  [[nodiscard]] size_t size() const { return keys_.size(); }
  [[nodiscard]] bool contains(uint64_t key) const { return keys_.contains(key); }
  void insert(uint64_t key) { keys_[key]; }

 private:
  struct Nothing {};
  HashTable<Nothing> keys_;
};

}  // namespace dbaudit
