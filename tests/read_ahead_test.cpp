// Reading on a second thread changes nothing but the time.

#include "analyzers/log/read_ahead.h"

#include <algorithm>
#include <random>
#include <string>

#include "tests/catch.h"

using namespace dbaudit;

namespace {

/// Gives its bytes in uneven pieces and may end in an error.
class Uneven final : public ByteSource {
 public:
  Uneven(std::string bytes, bool fails) : bytes_(std::move(bytes)), fails_(fails) {}
  Result<size_t> read(char* buffer, size_t size) override {
    if (at_ == bytes_.size()) return fails_ ? Result<size_t>(fail("the disk is gone")) : Result<size_t>(0);
    const size_t n = std::min({size, bytes_.size() - at_, size_t{1} + random_() % 70'000});
    std::copy_n(bytes_.data() + at_, n, buffer);
    at_ += n;
    return n;
  }

 private:
  std::string bytes_;
  bool fails_;
  size_t at_ = 0;
  std::mt19937 random_{7};
};

std::string bytes_of(size_t n) {
  std::mt19937 random(3);
  std::string s(n, '\0');
  for (char& c : s) c = static_cast<char>(random());
  return s;
}

}  // namespace

TEST_CASE("read-ahead delivers the same bytes, then the end again and again") {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1} << 20, (size_t{5} << 20) + 17}) {
    const std::string bytes = bytes_of(size);
    const auto source = read_ahead(std::make_unique<Uneven>(bytes, false));
    std::string got;
    char buffer[33'333];
    for (;;) {
      const Result<size_t> n = source->read(buffer, sizeof buffer);
      REQUIRE(n);
      if (*n == 0) break;
      got.append(buffer, *n);
    }
    CHECK(got == bytes);
    CHECK(*source->read(buffer, sizeof buffer) == 0);
  }
}

TEST_CASE("read-ahead hands on the source's error after the bytes before it") {
  const auto source = read_ahead(std::make_unique<Uneven>(bytes_of(100'000), true));
  size_t got = 0;
  char buffer[4096];
  Result<size_t> n = source->read(buffer, sizeof buffer);
  for (; n; n = source->read(buffer, sizeof buffer)) got += *n;
  CHECK(got == 100'000);
  CHECK(n.error().message == "the disk is gone");
}

TEST_CASE("read-ahead can be dropped while it reads") {
  for (int i = 0; i < 50; ++i) {
    const auto source = read_ahead(std::make_unique<Uneven>(bytes_of(3'000'000), false));
    char buffer[10];
    REQUIRE(source->read(buffer, sizeof buffer));
  }
}
