#include "analyzers/log/formats/python_repr.h"

#include <string>
#include <vector>

#include "tests/catch.h"

namespace dbaudit {
namespace {

TEST_CASE("python repr: one value becomes a bind value") {
  struct Case {
    std::string repr, text;
    char kind;  // s text, n number, 0 null
  };
  const std::vector<Case> cases = {
      {"'a'", "a", 's'},
      {"''", "", 's'},
      {R"("O'Brien")", "O'Brien", 's'},
      {R"('say "hi"')", R"(say "hi")", 's'},
      {R"('both \' and "')", R"(both ' and ")", 's'},
      {R"('a\nb\tc\\d')", "a\nb\tc\\d", 's'},
      {R"('\x00\xe9')", std::string("\0\xC3\xA9", 3), 's'},
      {R"('\u20ac')", "\xE2\x82\xAC", 's'},
      {R"('\U0001f600')", "\xF0\x9F\x98\x80", 's'},
      {R"('\udcff')", "\xFF", 's'},  // surrogateescape: the byte it stands for
      {R"(b'\x00\xff\'x')", std::string("\0\xFF'x", 4), 's'},
      {R"(b'\u20ac')", R"(\u20ac)", 's'},  // no such escape in bytes
      {R"('\q')", R"(\q)", 's'},
      {R"('\x4')", R"(\x4)", 's'},
      {"None", "", '0'},
      {"True", "true", 's'},
      {"False", "false", 's'},
      {"0", "0", 'n'},
      {"-12", "-12", 'n'},
      {"1.5", "1.5", 'n'},
      {"1e-05", "1e-05", 'n'},
      {"nan", "nan", 's'},
      {"Decimal('12.50')", "12.50", 'n'},
      {"Decimal('NaN')", "NaN", 's'},
      {"UUID('12345678-1234-5678-1234-567812345678')", "12345678-1234-5678-1234-567812345678", 's'},
      {"Int4(7)", "7", 'n'},
      {"Binary(b'\\x00x')", std::string("\0x", 2), 's'},
      {"Jsonb({'a': [1, 2]})", "{'a': [1, 2]}", 's'},
      {"datetime.date(2026, 1, 9)", "2026-01-09", 's'},
      {"datetime.time(10, 5)", "10:05:00", 's'},
      {"datetime.datetime(2026, 1, 9, 10, 0)", "2026-01-09 10:00:00", 's'},
      {"datetime.datetime(2026, 1, 9, 10, 0, 1, 120)", "2026-01-09 10:00:01.000120", 's'},
      {"datetime.datetime(2026, 1, 9, 10, 0, tzinfo=datetime.timezone.utc)", "2026-01-09 10:00:00+00:00", 's'},
      {"datetime.datetime(2026, 1, 9, 10, 0, tzinfo=<UTC>)", "2026-01-09 10:00:00+00:00", 's'},
      {"datetime.datetime(2026, 1, 9, 10, 0, tzinfo=zoneinfo.ZoneInfo(key='UTC'))", "2026-01-09 10:00:00+00:00", 's'},
      {"datetime.datetime(2026, 1, 9, 10, 0, tzinfo=zoneinfo.ZoneInfo(key='Asia/Tokyo'))", "2026-01-09 10:00:00", 's'},
      {"datetime.datetime('x')", "x", 's'},
      {"datetime.timedelta(days=1)", "datetime.timedelta(days=1)", 's'},
      {"<memory at 0x7f78653d4880>", "<memory at 0x7f78653d4880>", 's'},
      {"[1, 2]", "[1, 2]", 's'},
      {"Range(1, 5, '[)')", "Range(1, 5, '[)')", 's'},
      {"", "", 's'},
  };
  PythonDecoder decoder;
  for (const Case& c : cases) {
    INFO(c.repr);
    decoder.reset(c.repr.size());
    const BindValue v = decoder.value(c.repr);
    CHECK(std::string(v.text) == c.text);
    CHECK(v.is_null == (c.kind == '0'));
    CHECK(v.is_number == (c.kind == 'n'));
  }
}

TEST_CASE("python repr: where a value ends") {
  struct Case {
    std::string text;
    int length;  // -1: no value
  };
  const std::vector<Case> cases = {
      {"None; alias=default", 4},
      {"(); x", 2},
      {"('a', 0, None); alias=default", 14},
      {"('x; args=(1,)',) tail", 17},
      {"[('a', 1), ('b', 2)]", 20},
      {"{'k': 'v', 'n': [1, (2,)]}", 26},
      {"(<memory at 0x7f>, 1)", 21},
      {"(<Color.RED: 1>,)", 17},
      {"(datetime.datetime(2026, 1, 1, tzinfo=<UTC>),)", 46},
      // psycopg cuts long JSON after 35 characters and leaves a quote open
      {"(Jsonb({'k': \"it's a long enough document  ... (78 chars)), 'next'); alias", 67},
      {"(Jsonb({'k': 1}), 'next')", 25},
      {"('open", -1},
      {"('a' 'b')", -1},
      {"('a',", -1},
      {"", -1},
      {"]", -1},
      {"(1,,2)", -1},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto end = skip_python_repr(c.text);
    CHECK((end ? static_cast<int>(*end) : -1) == c.length);
  }
}

TEST_CASE("python repr: elements of containers") {
  const auto texts = [](std::string_view container, bool* complete) {
    std::vector<std::string> out;
    PythonElements elements(container);
    for (std::string_view e; elements.next(e);) out.emplace_back(e);
    *complete = elements.complete();
    return out;
  };
  bool complete = false;
  CHECK(texts("('a', (1, 2), None)", &complete) == std::vector<std::string>{"'a'", "(1, 2)", "None"});
  CHECK(complete);
  CHECK(texts("{'k': 'v', 2: [3]}", &complete) == std::vector<std::string>{"'v'", "[3]"});
  CHECK(complete);
  CHECK(texts("()", &complete).empty());
  CHECK(complete);
  CHECK(texts("('a',)", &complete) == std::vector<std::string>{"'a'"});
  CHECK(complete);
  CHECK(texts("('a', 'cut", &complete) == std::vector<std::string>{"'a'"});
  CHECK_FALSE(complete);
  CHECK(texts("None", &complete).empty());
  CHECK_FALSE(complete);
}

TEST_CASE("python repr: depth and damage") {
  CHECK_FALSE(skip_python_repr(std::string(100000, '(')));
  CHECK_FALSE(skip_python_repr(std::string(1000, '[') + std::string(1000, ']')));
  CHECK(skip_python_repr(std::string(50, '[') + std::string(50, ']')) == 100U);

  // Every prefix and every single-byte change of a rich value is read without harm, and what is handed out lies inside the memory given.
  const std::string whole =
      R"(('a\'\x41\u20ac', b'\xff', None, -1.5, Decimal('2'), datetime.datetime(2026, 1, 9, 1, 2, 3, 4, tzinfo=<UTC>), {'k': [1, <x y>]}))";
  PythonDecoder decoder;
  std::vector<BindValue> values;
  const auto read = [&](const std::string& text) {
    values.clear();
    decoder.reset(text.size());
    decoder.values(text, values);
    size_t bytes = 0;
    for (const BindValue& v : values) bytes += v.text.size();
    CHECK(bytes <= text.size() * 3 + 64);
  };
  for (size_t n = 0; n <= whole.size(); ++n) read(whole.substr(0, n));
  for (size_t n = 0; n < whole.size(); ++n) {
    for (const char c : {'\'', '\\', '(', ')', '\0', '\xff', ','}) {
      std::string text = whole;
      text[n] = c;
      read(text);
    }
  }
  read(whole);
  REQUIRE(values.size() == 7);
  CHECK(values[0].text == "a'A\xE2\x82\xAC");
  CHECK(values[5].text == "2026-01-09 01:02:03.000004+00:00");
}

}  // namespace
}  // namespace dbaudit
