#include "analyzers/log/lines.h"

#include <algorithm>
#include <cstring>

#include "tests/catch.h"

namespace dbaudit {
namespace {

/// Gives its bytes in pieces of one size, then (if told) an error.
class Pieces final : public ByteSource {
 public:
  Pieces(std::string bytes, size_t piece, bool fails = false) : bytes_(std::move(bytes)), piece_(piece), fails_(fails) {}
  Result<size_t> read(char* buffer, size_t size) override {
    const size_t n = std::min({size, piece_, bytes_.size() - at_});
    if (n == 0 && fails_) return fail("the disk is gone");
    std::memcpy(buffer, bytes_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  std::string bytes_;
  size_t piece_, at_ = 0;
  bool fails_;
};

std::vector<std::string> all_lines(Lines& lines) {
  std::vector<std::string> result;
  while (auto line = lines.peek()) {
    result.emplace_back(*line);
    lines.take();
  }
  return result;
}

/// `count` lines of growing and shrinking length.
std::string text_of(int count, size_t longest) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += std::to_string(i) + ":" + std::string(static_cast<size_t>(i) * 7919 % longest, static_cast<char>('a' + i % 26)) + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("lines: ends, marks and strange bytes") {
  const std::tuple<std::string, std::vector<std::string>> cases[] = {
      {"", {}},
      {"a", {"a"}},
      {"a\n", {"a"}},
      {"a\n\nb", {"a", "", "b"}},
      {"a\r\nb\r\r\nc\r", {"a", "b\r", "c"}},
      {"\xEF\xBB\xBF"
       "a\n\xEF\xBB\xBF"
       "b",
       {"a",
        "\xEF\xBB\xBF"
        "b"}},
      {"\xEF\xBB", {"\xEF\xBB"}},
      {std::string("a\0b\n\0\n", 6), {std::string("a\0b", 3), std::string("\0", 1)}},
      {"\xFF\xFE\n", {"\xFF\xFE"}},
  };
  for (const auto& [text, expected] : cases) {
    for (size_t piece : {size_t{1}, size_t{3}, size_t{100}}) {
      Lines lines(std::make_unique<Pieces>(text, piece));
      CHECK(all_lines(lines) == expected);
      CHECK(lines.bytes_read() == text.size());
    }
  }
}

TEST_CASE("lines: the same in pieces of any size, across many blocks") {
  const std::string text = text_of(3000, 4000);
  Lines whole(memory_source(text));
  const std::vector<std::string> expected = all_lines(whole);
  REQUIRE(expected.size() == 3000);
  for (size_t piece : {size_t{4093}, size_t{65536}, size_t{1} << 20}) {
    Lines lines(std::make_unique<Pieces>(text, piece));
    (void)lines.head();
    CHECK((all_lines(lines) == expected));
  }
}

TEST_CASE("lines: a record of several lines is one view, and views of it stay good until the next mark") {
  const std::string text = text_of(4000, 5000);
  for (size_t piece : {size_t{1000}, size_t{1} << 20}) {
    Lines lines(std::make_unique<Pieces>(text, piece));
    size_t at = 0;
    uint64_t number = 1;
    while (lines.peek()) {
      lines.mark();
      std::vector<std::pair<std::string_view, std::string>> views;
      const size_t begin = at;
      for (int i = 0; i < 1 + static_cast<int>(number % 40) && lines.peek(); ++i) {
        CHECK(lines.line_number() == number);
        CHECK(lines.offset() == at - begin);
        const std::string_view line = *lines.peek();
        views.emplace_back(line, line);
        at += line.size() + 1;
        ++number;
        lines.take();
      }
      (void)lines.peek();  // may move the buffer
      REQUIRE((lines.since_mark() == std::string_view(text).substr(begin, at - 1 - begin)));
      for (const auto& [view, copy] : views) REQUIRE((view == copy));
    }
    CHECK(at == text.size());
    CHECK(number == 4001);
  }
}

TEST_CASE("lines: a record over the cap is cut, the next one is whole") {
  const std::string longest(100'000, 'x');
  const std::string text = "head\n" + longest + "\n" + longest + "\nnext\nafter\n";
  Lines lines(std::make_unique<Pieces>(text, 777), 150'000);
  lines.mark();
  for (int i = 0; i < 3; ++i) lines.take();
  REQUIRE(lines.peek());
  CHECK(*lines.peek() == "next");
  CHECK(lines.record_was_cut());
  CHECK((lines.since_mark() == std::string_view(text).substr(0, 150'000)));
  CHECK(lines.cut_bytes() == text.find("\nnext") - 150'000);
  CHECK(lines.offset() > lines.since_mark().size());
  lines.mark();
  lines.take();
  lines.take();
  CHECK(lines.since_mark() == "next\nafter");
  CHECK_FALSE(lines.record_was_cut());
  CHECK_FALSE(lines.peek());
}

TEST_CASE("lines: one line far over the cap neither grows the buffer nor hides what follows") {
  std::string text = "a\n" + std::string(5'000'000, 'x') + "\nb\n";
  for (size_t piece : {size_t{1000}, size_t{1} << 22}) {
    Lines lines(std::make_unique<Pieces>(text, piece), 10'000);
    CHECK(*lines.peek() == "a");
    lines.take();
    lines.mark();
    CHECK(lines.peek()->size() == 10'000);
    lines.take();
    CHECK(lines.record_was_cut());
    CHECK(*lines.peek() == "b");
    CHECK(lines.line_number() == 3);
    CHECK(lines.cut_bytes() == 4'990'000);
    lines.mark();
    lines.take();
    CHECK_FALSE(lines.peek());
    CHECK(lines.since_mark() == "b");
    CHECK_FALSE(lines.record_was_cut());
  }
}

TEST_CASE("lines: lines taken can be given back") {
  Lines lines(memory_source("one\ntwo\r\nthree\nfour\n"));
  lines.mark();
  lines.take();
  const size_t at = lines.offset();
  const uint64_t number = lines.line_number();
  lines.take();
  lines.take();
  lines.rewind(at, number);
  CHECK(lines.since_mark() == "one");
  CHECK(*lines.peek() == "two");
  CHECK(lines.line_number() == 2);
  lines.mark();
  CHECK(all_lines(lines) == std::vector<std::string>{"two", "three", "four"});
}

TEST_CASE("lines: head shows the start without taking it; an error ends the input and cuts the last record") {
  const std::string text = text_of(2000, 100);
  Lines lines(std::make_unique<Pieces>(text, 1000));
  CHECK((lines.head() == std::string_view(text).substr(0, 65536)));
  CHECK(*lines.peek() == "0:");
  Lines broken(std::make_unique<Pieces>("a\nbc", 1, true));
  CHECK(*broken.peek() == "a");
  broken.take();
  broken.mark();
  CHECK(*broken.peek() == "bc");
  broken.take();
  CHECK(broken.record_was_cut());
  CHECK_FALSE(broken.peek());
  REQUIRE(broken.error());
  CHECK(broken.error()->message == "the disk is gone");
}

}  // namespace dbaudit
