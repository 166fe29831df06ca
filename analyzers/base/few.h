#pragma once
// A list of few elements that stand in place: by the hundred thousand, most lists have one.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "analyzers/base/rare.h"

namespace dbaudit {

/// The first N elements stand in place, the others elsewhere.
template <typename T, size_t N>
class Few {
 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] const T& operator[](size_t i) const { return i < N ? first_[i] : (*others_)[i - N]; }
  [[nodiscard]] T& operator[](size_t i) { return i < N ? first_[i] : others_.edit()[i - N]; }
  void push_back(T value) {
    if (size_ < N) {
      first_[size_] = std::move(value);
    } else {
      others_.edit().push_back(std::move(value));
    }
    ++size_;
  }
  /// A copy of all.
  [[nodiscard]] std::vector<T> all() const {
    std::vector<T> all;
    all.reserve(size_);
    for (size_t i = 0; i < size_; ++i) all.push_back((*this)[i]);
    return all;
  }

 private:
  std::array<T, N> first_{};
  uint32_t size_ = 0;
  Rare<std::vector<T>> others_;
};

}  // namespace dbaudit
