#pragma once
// A member that is nearly always empty, in the eight bytes of a pointer.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dbaudit {

/// A T that is only there when it was set; else it reads as a default T.
template <typename T>
class Rare {
 public:
  Rare() = default;
  // Implicit: it is a T to whoever sets and reads it.
  Rare(T value) : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT(google-explicit-constructor)
  Rare(const Rare& other) : value_(other.value_ != nullptr ? std::make_unique<T>(*other.value_) : nullptr) {}
  Rare(Rare&&) noexcept = default;
  Rare& operator=(const Rare& other) {
    if (this != &other) value_ = other.value_ != nullptr ? std::make_unique<T>(*other.value_) : nullptr;
    return *this;
  }
  Rare& operator=(Rare&&) noexcept = default;
  ~Rare() = default;

  [[nodiscard]] const T& operator*() const { return value_ != nullptr ? *value_ : nothing(); }
  [[nodiscard]] const T* operator->() const { return &**this; }
  operator const T&() const { return **this; }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool has_value() const { return value_ != nullptr; }
  /// To write to; there from now on.
  [[nodiscard]] T& edit() {
    if (value_ == nullptr) value_ = std::make_unique<T>();
    return *value_;
  }
  friend bool operator==(const Rare& a, const Rare& b) { return *a == *b; }

 private:
  static const T& nothing() {
    static const T kNothing{};
    return kNothing;
  }

  std::unique_ptr<T> value_;
};

/// The same of a text; an empty one is not there.
class RareText {
 public:
  RareText() = default;
  // Implicit: it is a string to whoever sets and reads it.
  RareText(std::string text) {  // NOLINT(google-explicit-constructor)
    if (!text.empty()) text_ = std::move(text);
  }
  RareText& operator=(std::string text) { return *this = RareText(std::move(text)); }
  RareText& operator=(std::string_view text) { return *this = RareText(std::string(text)); }
  RareText& operator=(const char* text) { return *this = RareText(std::string(text)); }
  void clear() { text_ = Rare<std::string>(); }
  operator const std::string&() const { return *text_; }  // NOLINT(google-explicit-constructor)
  operator std::string_view() const { return *text_; }    // NOLINT(google-explicit-constructor)
  [[nodiscard]] const std::string& str() const { return *text_; }
  [[nodiscard]] bool empty() const { return !text_.has_value(); }
  friend bool operator==(const RareText& a, const RareText& b) { return *a.text_ == *b.text_; }
  friend bool operator==(const RareText& a, const std::string& b) { return *a.text_ == b; }
  friend bool operator==(const RareText& a, const char* b) { return *a.text_ == b; }

 private:
  Rare<std::string> text_;
};

/// A list that is nearly always empty.
template <typename T>
class RareList {
 public:
  RareList() = default;
  // Implicit: it is a vector to whoever sets and reads it.
  RareList(std::vector<T> list) {  // NOLINT(google-explicit-constructor)
    if (!list.empty()) list_ = std::move(list);
  }
  operator const std::vector<T>&() const { return *list_; }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool empty() const { return list_->empty(); }
  [[nodiscard]] size_t size() const { return list_->size(); }
  [[nodiscard]] const T* begin() const { return list_->data(); }
  [[nodiscard]] const T* end() const { return begin() + size(); }
  [[nodiscard]] T* begin() { return list_.has_value() ? list_.edit().data() : nullptr; }
  [[nodiscard]] T* end() { return begin() + size(); }
  [[nodiscard]] const T& operator[](size_t i) const { return (*list_)[i]; }
  [[nodiscard]] T& operator[](size_t i) { return list_.edit()[i]; }
  [[nodiscard]] const T& front() const { return list_->front(); }
  [[nodiscard]] const T& back() const { return list_->back(); }
  [[nodiscard]] T& front() { return list_.edit().front(); }
  [[nodiscard]] T& back() { return list_.edit().back(); }
  void push_back(T value) { list_.edit().push_back(std::move(value)); }
  template <typename... Arguments>
  T& emplace_back(Arguments&&... arguments) {
    return list_.edit().emplace_back(std::forward<Arguments>(arguments)...);
  }
  void clear() { list_ = Rare<std::vector<T>>(); }
  /// To change as a whole; there from now on.
  [[nodiscard]] std::vector<T>& edit() { return list_.edit(); }
  friend bool operator==(const RareList& a, const RareList& b) { return *a.list_ == *b.list_; }

 private:
  Rare<std::vector<T>> list_;
};

}  // namespace dbaudit
