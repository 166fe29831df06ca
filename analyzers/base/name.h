#pragma once
// Names of tables and columns, each kept once for the life of the program: a log of a hundred thousand statement shapes says the same few again and again.

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dbaudit {

/// A text in four bytes. What it stands for is never given back, so it is for what schemas are made of, not for values. Any thread may make and read them;
/// which of two was made first is no order.
class Name {
 public:
  Name() = default;  ///< the empty one
  // Implicit: it is a string to whoever sets and reads it.
  Name(std::string_view text) : id_(text.empty() ? 0 : id_of(text)) {}  // NOLINT(google-explicit-constructor)
  Name(const std::string& text) : Name(std::string_view(text)) {}       // NOLINT(google-explicit-constructor)
  Name(const char* text) : Name(std::string_view(text)) {}              // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool empty() const { return id_ == 0; }
  [[nodiscard]] const std::string& str() const { return known().text; }
  operator const std::string&() const { return str(); }  // NOLINT(google-explicit-constructor)
  operator std::string_view() const { return str(); }    // NOLINT(google-explicit-constructor)
  /// Tells it from all others, in this run.
  [[nodiscard]] uint32_t id() const { return id_; }
  /// The name with this id().
  [[nodiscard]] static Name of(uint32_t id) {
    Name name;
    name.id_ = id;
    return name;
  }
  [[nodiscard]] uint64_t hash() const { return known().hash; }          ///< hash_bytes() of the text: the same in every run
  [[nodiscard]] Name lower() const { return Name::of(known().lower); }  ///< in ASCII lower case

  friend bool operator==(Name a, Name b) { return a.id_ == b.id_; }
  friend bool operator==(Name a, std::string_view b) { return a.str() == b; }
  friend bool operator==(Name a, const std::string& b) { return a.str() == b; }
  friend bool operator==(Name a, const char* b) { return a.str() == b; }
  friend bool operator<(Name a, Name b) { return a.str() < b.str(); }  ///< as texts

 private:
  static constexpr uint32_t kFirstChunk = 1024;

  /// What is asked of a name again and again stands beside its text.
  struct Known {
    std::string text;
    uint64_t hash = 0;
    uint32_t lower = 0;  ///< id
  };

  struct Index;

  static uint32_t id_of(std::string_view text);
  static uint32_t id_in_index(std::string_view text);
  /// The same, by whoever holds the index.
  static uint32_t find_or_make(Index& index, std::string_view text);
  static const Known& nothing();
  [[nodiscard]] const Known& known() const {
    if (id_ == 0) return nothing();
    const uint32_t place = id_ + kFirstChunk;
    const auto chunk = static_cast<uint32_t>(std::bit_width(place) - std::bit_width(kFirstChunk));
    return chunks_[chunk].load(std::memory_order_acquire)[place - (kFirstChunk << chunk)];
  }

  /// Each twice as long as the one before it, so that none of them ever moves.
  static std::array<std::atomic<Known*>, 23> chunks_;

  uint32_t id_ = 0;
};

}  // namespace dbaudit
